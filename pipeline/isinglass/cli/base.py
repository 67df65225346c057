"""The group of all commands, and how it ends where a user stops it."""

from __future__ import annotations

import signal
import sys
from typing import Any, NoReturn

import click

from isinglass.exceptions import InputError, known


class Group(click.Group):
    """Names the closest command for an unknown one."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[Any, Any, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise InputError(f"unknown command {args[0]!r}; {known(args[0], self.commands)}")
        return super().resolve_command(ctx, args)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="isinglass")
def cli() -> None:
    """Isinglass maps phase diagrams of coherence and memory: labelled sweeps beside exact theory."""


def stopped(words: str) -> NoReturn:
    """Say so and exit 130, whoever presses Ctrl-C again meanwhile."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    click.echo(words)
    sys.exit(130)
