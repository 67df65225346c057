"""The command `atlas`: all diagrams side by side, and the coherence-memory plane."""

from __future__ import annotations

import click

from isinglass.cli.base import cli


@cli.command()
@click.argument("runs", nargs=-1, metavar="[RUN...]")
@click.option("--out", default="atlas", show_default=True, help="Folder for the page, the figures and their numbers.")
def atlas(runs: tuple[str, ...], out: str) -> None:
    """All diagrams of RUN... side by side, and whether coherence and memory move together.

    RUN is a run, or a folder of runs; without any, results/.
    """
    from isinglass.pages import atlas as pages
    from isinglass.pages import gathering

    for line in pages.write(gathering.entries(gathering.listed(runs)), out):
        click.echo(line)
