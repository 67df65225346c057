"""Commands that write pages about runs: report."""

from __future__ import annotations

import click

from isinglass.cli.base import cli
from isinglass.exceptions import InputError


@cli.command()
@click.argument("run_folders", metavar="RUN...", nargs=-1, required=True)
def report(run_folders: tuple[str, ...]) -> None:
    """Write report.html into run folders: the question, the diagram, the verdict, the cost; one file, no network."""
    from isinglass import presentation, results
    from isinglass.pages import report as page

    failed: InputError | None = None
    for name in run_folders:
        try:
            root = results.run_folder(name)
            workflow = presentation.workflow_of(root, None) if (root / "workflow.py").is_file() else None
            click.echo(f"report        {page.write(root, workflow)}")
        except InputError as error:  # the other folders get theirs
            if failed is not None:
                click.echo(f"report        left out: {failed}")
            failed = error
    if failed is not None:
        raise failed
