"""Commands about workflows: list, show, plan, run, submit."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from isinglass.cli.base import cli, stopped
from isinglass.exceptions import InputError, known

if TYPE_CHECKING:
    from isinglass.plans import Options
    from isinglass.workflow import Workflow

F = TypeVar("F", bound=Callable[..., Any])


def workflow_options(function: F) -> F:
    """The options that `plan` and `run` share: what to sweep, where, and where to."""
    values = "Other values of a parameter: 0.1 | 0.1,0.2 | start:stop:count | log:start:stop:count."
    options = (
        click.argument("workflow"),
        click.option("--preset", help="A preset of the workflow, such as paper."),
        click.option("--set", "settings", multiple=True, metavar="NAME=VALUES", help=values),
        click.option("--samples", type=int, help="Draws of the quenched disorder a point."),
        click.option("--replicas", type=int, help="Draws of the dynamics' noise a sample."),
        click.option("--seed", type=int, help="Seed of all random streams."),
        click.option("--cluster", help="Profile (threads, local, serial, ...), scheduler address or file."),
        click.option("--out", help="Run folder [results/WORKFLOW]."),
        click.option("--shard", metavar="I/N", help="Only the I-th of N shares of the blocks (I from 0)."),
        click.option("--retry-failed", is_flag=True, help="Run failed simulations again."),
        click.option("--accept-code-change", is_flag=True, help="Add to a store that other code filled."),
        click.option("--yes", is_flag=True, help="Go on where a warning would stop."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def _workflow(name: str, given: dict[str, Any]) -> tuple[Workflow, Options]:
    from isinglass.models.base import parameters
    from isinglass.plans import Options
    from isinglass.workflow import load_workflow, parse_values

    workflow = load_workflow(name)
    specs, values = parameters(workflow.model), {}
    for setting in given["settings"]:
        parameter, sign, text = setting.partition("=")
        parameter = parameter.strip()
        if not (sign and parameter):
            raise InputError(f"--set {setting}: write NAME=VALUES, for example {next(iter(specs), 'NAME')}=0.1,0.2")
        if parameter not in specs:
            model = workflow.model.__name__
            raise InputError(f"--set {parameter}: {model} has no such parameter; {known(parameter, specs)}")
        if parameter in values:
            raise InputError(f"--set {parameter} is given twice: write all its values in one, {parameter}=0.1,0.2")
        values[parameter] = parse_values(specs[parameter], text)
    changed = workflow.override(given["preset"], values, given["samples"], given["replicas"], given["seed"])
    options = Options(
        out=_folder(given["out"]),
        preset=given["preset"],
        cluster=given["cluster"],
        shard=_shard(given["shard"]),
        retry_failed=given["retry_failed"],
        accept_code_change=given["accept_code_change"],
        figures=not given.get("no_figures", False),
        yes=given["yes"],
    )
    return changed, options


def _folder(text: str | None) -> Path | None:
    if text is not None and not text.strip():
        raise InputError("--out is empty: name the run folder, or leave it out for results/WORKFLOW")
    return None if text is None else Path(text)


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    number, _, count = text.partition("/")
    digits = text.isascii() and number.isdigit() and count.isdigit() and len(text) < 20
    if not (digits and int(number) < int(count)):
        raise InputError(f"--shard {text}: write I/N with 0 <= I < N, for example 0/4")
    return int(number), int(count)


@cli.command("list")
def list_() -> None:
    """Workflows and models that can be run by name."""
    from isinglass import presentation
    from isinglass.models import MODELS
    from isinglass.workflow import load_workflow, workflow_files

    click.echo("Workflows (isinglass run NAME):")
    for name, path in sorted(workflow_files().items()):
        try:
            title = load_workflow(path).title
        except InputError as error:
            title = f"cannot be loaded: {error}"
        click.echo(f"  {name:28}{title}")
    click.echo("Models (isinglass show NAME):")
    for name in sorted(MODELS):
        click.echo(f"  {name:28}{presentation.headline(name)}")


@cli.command()
@click.argument("name")
def show(name: str) -> None:
    """A workflow (its grid, stages, figures, presets) or a model (equation, parameters, observables)."""
    from isinglass import presentation

    for line in presentation.show(name):
        click.echo(line)


@cli.command()
@workflow_options
def plan(workflow: str, **given: Any) -> None:
    """What a run would do: simulations, blocks, files, bytes, CPU time. Computes a pilot, stores nothing."""
    from isinglass import plans

    loaded, options = _workflow(workflow, given)
    made, grid = plans.make(loaded, options)
    click.echo(f"{loaded.title or loaded.name} -> {options.folder(loaded)}")
    for line in made.lines(grid):
        click.echo(f"  {line}")
    if not made.simulations:
        click.echo("nothing is missing: `isinglass run` would only analyse and draw")


@cli.command()
@workflow_options
@click.option("--no-figures", is_flag=True, help="Draw no figures.")
def run(workflow: str, **given: Any) -> None:
    """Compute what is missing of WORKFLOW, then analyse and draw. The same command again goes on where it stopped."""
    try:
        from isinglass import reporting
        from isinglass.progress import Talk

        loaded, options = _workflow(workflow, given)
        outcome = reporting.run(loaded, options, Talk())
    except KeyboardInterrupt:
        stopped(f"stopped; what was done is kept. Go on with: {shlex.join(['isinglass', *sys.argv[1:]])}")
    if outcome.exit_code == 1:
        click.echo(
            f"some simulations failed: isinglass status {outcome.root} names them, --retry-failed runs them again"
        )
    elif outcome.exit_code == 3:
        click.echo(f"incomplete: run it again: {shlex.join(['isinglass', *sys.argv[1:]])}")
    sys.exit(outcome.exit_code)


@cli.command()
@workflow_options
@click.option("--jobs", type=int, required=True, help="Elements of the job array: shares of the sweep.")
@click.option("--dry-run", is_flag=True, help="Print the plan and the job scripts; submit and store nothing.")
def submit(workflow: str, jobs: int, dry_run: bool, **given: Any) -> None:
    """Submit WORKFLOW to a batch system as a job array and a job behind it that analyses. Again: what is missing."""
    from isinglass import submission
    from isinglass.progress import Talk

    loaded, options = _workflow(workflow, given)

    def confirm(question: str) -> bool:
        if not sys.stdin.isatty():
            raise InputError(f"{question} Say --yes")
        return click.confirm(question)

    submission.submit(loaded, options, jobs, _words(workflow, given), dry_run, confirm, Talk())


def _words(workflow: str, given: dict[str, Any]) -> list[str]:
    """The command line of an element: the workflow and its overrides."""
    words = [str(Path(workflow).absolute()) if workflow.endswith(".py") else workflow]
    for name in ("preset", "samples", "replicas", "seed"):
        if given[name] is not None:
            words += [f"--{name}", str(given[name])]
    for setting in given["settings"]:
        words += ["--set", setting]
    return words + [f"--{name.replace('_', '-')}" for name in ("retry_failed", "accept_code_change") if given[name]]
