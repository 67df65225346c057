"""Commands about one run folder: status, verify, reproduce, analyse."""

from __future__ import annotations

import sys

import click

from isinglass.cli.base import cli


@cli.command()
@click.argument("run_folder", metavar="RUN")
def status(run_folder: str) -> None:
    """How far a run is: done, failed, pending, who is at work, what failed and why."""
    from isinglass import presentation, results

    lines, code = presentation.status(results.run_folder(run_folder))
    for line in lines:
        click.echo(line)
    sys.exit(code)


@cli.command()
@click.argument("run_folder", metavar="RUN")
@click.option("--sample", type=click.IntRange(min=1), help="Also compute N done simulations again and compare.")
def verify(run_folder: str, sample: int | None) -> None:
    """Decode every chunk and entry; name what is damaged, so that the next run computes it again."""
    from isinglass import presentation, results

    lines, code = presentation.verify(results.run_folder(run_folder), sample or 0)
    for line in lines:
        click.echo(line)
    sys.exit(code)


@cli.command()
@click.argument("run_folder", metavar="RUN")
@click.argument("label", nargs=-1, metavar="AXIS=VALUE ... sample=I replica=K")
def reproduce(run_folder: str, label: tuple[str, ...]) -> None:
    """Compute one simulation again and compare it with what is stored, byte for byte."""
    from isinglass import presentation, results

    lines, code = presentation.reproduce(results.run_folder(run_folder), label)
    for line in lines:
        click.echo(line)
    sys.exit(code)


@cli.command()
@click.argument("run_folder", metavar="RUN")
@click.option("--workflow", help="Stages and figures of this workflow instead of the stored one.")
@click.option("--no-figures", is_flag=True, help="Draw no figures.")
def analyse(run_folder: str, workflow: str | None, no_figures: bool) -> None:
    """Apply the stages and draw the figures again, on what is there."""
    from isinglass import presentation, reporting, results
    from isinglass.progress import Talk

    root = results.run_folder(run_folder)
    loaded = presentation.workflow_of(root, workflow)
    ds = results.analyse(root, loaded)
    if loaded.stages:
        click.echo(f"analysis      {root / 'analysis.zarr'}")
    if not (loaded.stages or loaded.figures):
        click.echo(f"{loaded.name} declares neither stages nor figures: there is nothing to do")
    for line in [] if no_figures else results.draw(root, loaded, ds):
        click.echo(line)
    if not no_figures and (loaded.stages or loaded.figures):
        reporting.after(root, loaded, Talk())
