"""Commands that write files to begin with: new workflow, new model."""

from __future__ import annotations

from typing import Any

import click

from isinglass.cli.base import Group, cli


@cli.group(cls=Group)
def new() -> None:
    """Write a file to begin with, which runs at once: a workflow, or a model of your own with its test."""


@new.command("workflow")
@click.argument("name")
@click.option("--model", default="hopfield", show_default=True, help="The shipped model to sweep: `isinglass list`.")
def workflow_(name: str, model: str) -> None:
    """workflows/NAME.py: a small sweep of a shipped model."""
    from isinglass import scaffolding

    _say(name, scaffolding.new_workflow(name, model))


@new.command("model")
@click.argument("name")
def model_(name: str) -> None:
    """workflows/NAME.py with a model and its sweep, and tests/test_NAME.py with the model's physics."""
    from isinglass import scaffolding

    _say(name, scaffolding.new_model(name))


def _say(name: str, files: list[Any]) -> None:
    for file in files:
        click.echo(f"written       {file}")
    click.echo(f"run it        isinglass run {name.replace('_', '-')}")
    for file in files[1:]:
        click.echo(f"test it       pytest {file}")
