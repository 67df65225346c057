"""Commands that hand on what a run found: compare, export, cite."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from isinglass.cli.base import cli


@cli.command()
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@click.option("--observable", metavar="NAME", help="Compare this observable alone.")
@click.option("--out", metavar="FILE", help="Write the differences (.nc), or draw them (.png, .pdf).")
def compare(one: str, other: str, observable: str | None, out: str | None) -> None:
    """Two runs: what they share, and where their means differ. Exit code 1 where they do, beyond chance."""
    from isinglass import comparing, results

    file = None if out is None else Path(out)
    lines, code = comparing.compare(results.run_folder(one), results.run_folder(other), observable, file)
    for line in lines:
        click.echo(line)
    sys.exit(code)


@cli.command()
@click.argument("run_folder", metavar="RUN")
@click.argument("file", metavar="FILE.nc|FILE.csv|FILE.parquet")
@click.option("--observable", metavar="NAME", help="A table of this observable alone, a row for each of its elements.")
@click.option("--yes", is_flag=True, help="Replace a file that is there.")
def export(run_folder: str, file: str, observable: str | None, yes: bool) -> None:
    """Write a run as NetCDF (all variables, and the analysis), or as a table with a row for each simulation."""
    from isinglass import exporting, results

    for line in exporting.export(results.run_folder(run_folder), Path(file), observable, yes):
        click.echo(line)


@cli.command()
@click.argument("run_folder", metavar="RUN")
def cite(run_folder: str) -> None:
    """BibTeX of the software, the papers of the model, and the dataset with a hash of its content."""
    from isinglass import citing, results

    for line in citing.cite(results.run_folder(run_folder)):
        click.echo(line)
