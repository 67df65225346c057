"""The command line. Exit codes: 0 complete; 1 failed or damaged; 2 wrong usage or input; 3 incomplete; 130 interrupted.

Every command imports what it needs when it runs, so that `--help` stays fast. A file here is one group of commands.
"""

from __future__ import annotations

import signal
import sys

import click

from isinglass.cli import (  # their commands register themselves
    atlas,
    catalog,
    pages,
    scaffolds,
    sharing,
    stored,
    sweeps,
    watch,
)
from isinglass.cli.base import cli, stopped
from isinglass.exceptions import InputError

__all__ = ["atlas", "catalog", "cli", "main", "pages", "scaffolds", "sharing", "stored", "sweeps", "watch"]


def main() -> None:
    """The console script: one line and exit 2 for what the user can mend. SIGTERM is taken as Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        cli.main(standalone_mode=False)
    except InputError as error:
        click.echo(f"isinglass: {error}", err=True)
        sys.exit(2)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(2)
    except click.ClickException as error:
        command = getattr(error, "ctx", None)
        path = command.command_path if command is not None else "isinglass"
        text = " ".join(error.format_message().split()).rstrip(".")
        click.echo(f"isinglass: {text[:1].lower()}{text[1:]}; `{path} --help` says more", err=True)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        stopped("isinglass: interrupted")
    except OSError as error:  # a full disk, a folder taken away: what is committed stays
        click.echo(f"isinglass: {error}; what was committed is kept: mend it and run the same command again", err=True)
        sys.exit(2)
