"""Commands that write pages about runs: report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from isinglass.cli.base import cli

if TYPE_CHECKING:
    from isinglass.workflow import Workflow


@cli.command()
@click.argument("run_folders", metavar="RUN...", nargs=-1, required=True)
def report(run_folders: tuple[str, ...]) -> None:
    """Write report.html into run folders: the question, the diagram, the verdict, the cost; one file, no network."""
    from isinglass import presentation, results
    from isinglass.pages import report as page

    for name in run_folders:
        root = results.run_folder(name)
        workflow = presentation.workflow_of(root, None) if (root / "workflow.py").is_file() else None
        click.echo(f"report        {page.write(root, workflow)}")


def after(root: Path, workflow: Workflow) -> None:
    """The report at the end of a run or an analysis; one that cannot be written is said, and costs no result."""
    from isinglass.exceptions import InputError
    from isinglass.pages import report as page

    try:
        click.echo(f"report        {page.write(root, workflow)}")
    except InputError as error:
        click.echo(f"report        left out: {error}")
