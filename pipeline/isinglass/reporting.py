"""Run a workflow and write its report: what the command line and Python both do."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from isinglass import runs
from isinglass.exceptions import InputError, told
from isinglass.plans import Options
from isinglass.progress import Talk
from isinglass.workflow import Workflow, load_workflow

if TYPE_CHECKING:
    import xarray as xr


def run(workflow: Workflow, options: Options, talk: Talk) -> runs.Outcome:
    """Compute what is missing of a workflow, analyse, draw, and write `report.html`. Raises InputError as `runs.run`.

    No report of a share, without figures, of a workflow that declares neither stages nor figures, and of a run of which
    nothing is done.
    """
    outcome = runs.run(workflow, options, talk)
    if options.figures and options.shard is None and (workflow.stages or workflow.figures) and outcome.counts["done"]:
        after(outcome.root, workflow, talk)
    return outcome


def after(root: Path, workflow: Workflow, talk: Talk) -> None:
    """Write the report of what was just run or analysed. One that cannot be written is said, and costs no result."""
    from isinglass.pages import report

    try:
        talk.say(f"report        {report.write(root, workflow)}")
    except InputError as error:
        talk.say(f"report        left out: {error}")
    except Exception as error:  # the data are safe, whatever a page stumbles over
        talk.say(f"report        left out: {told(error)}; the data are kept: isinglass report {root} tries again")


def run_dataset(
    workflow: Workflow | str | Path,
    *,
    preset: str | None = None,
    settings: Mapping[str, Sequence[object]] | None = None,
    samples: int | None = None,
    replicas: int | None = None,
    seed: int | None = None,
    cluster: str | None = None,
    out: str | Path | None = None,
    shard: tuple[int, int] | None = None,
    retry_failed: bool = False,
    accept_code_change: bool = False,
    figures: bool = True,
    block: Mapping[str, int] | None = None,
    quiet: bool = False,
) -> xr.Dataset:
    """Run a workflow (an object, a name or a file) and return its raw dataset, read lazily.

    The keywords are those of `isinglass run`; `settings` maps parameters to values (`--set`), `block` fixes the extent
    of a block along named dimensions. Warns where simulations failed or are missing. Raises InputError.
    """
    loaded = workflow if isinstance(workflow, Workflow) else load_workflow(workflow)
    chosen = loaded.override(preset, settings, samples, replicas, seed)
    options = Options(
        Path(out) if out is not None else None, preset, cluster, shard, retry_failed, accept_code_change, figures,
        block=block or {},
    )  # fmt: skip
    outcome = run(chosen, options, Talk(quiet))
    if outcome.counts["failed"] or outcome.counts["pending"]:
        counts = ", ".join(f"{n} {word}" for word, n in outcome.counts.items())
        warnings.warn(f"{outcome.root}: {counts}; see isinglass status {outcome.root}", RuntimeWarning, stacklevel=2)
    from isinglass.backend import open_run

    return open_run(outcome.root)
