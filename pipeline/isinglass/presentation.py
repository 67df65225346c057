"""What the commands that look at things print: show, status, verify, reproduce. Lines of text and an exit code."""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from isinglass import jobs, ledger
from isinglass.arrays import Array
from isinglass.convergence import advice, words_of
from isinglass.exceptions import InputError, known
from isinglass.generations import require
from isinglass.inspection import committed, newest, own_code, parse_label, recompute, sample_done, scrub, stored_model
from isinglass.ledger import DamagedError
from isinglass.models import MODELS
from isinglass.models.base import Model, parameters
from isinglass.models.stepped import Stepped
from isinglass.planning import missing, shard_of, tally
from isinglass.progress import duration
from isinglass.workflow import Workflow, from_text, load_workflow, stage_name, workflow_files

Printed = tuple[list[str], int]


# ---------------------------------------------------------------- show


def show(name: str) -> Iterator[str]:
    """Lines that describe the workflow, the model, or both, of this name. Raises InputError where there is neither."""
    files = workflow_files()
    if not (name in files or name.endswith(".py") or name in MODELS):
        raise InputError(f"no workflow or model is called {name!r}; {known(name, [*files, *MODELS])}")
    if name in files or name.endswith(".py"):
        yield from _workflow(load_workflow(name))
    if name in MODELS:
        module, _, cls = MODELS[name].partition(":")
        yield from _model(getattr(importlib.import_module(module), cls))


def headline(name: str) -> str:
    """The first sentence of a shipped model's description."""
    module, _, cls = MODELS[name].partition(":")
    text = " ".join((inspect.getdoc(getattr(importlib.import_module(module), cls)) or "").split())
    return text.partition(". ")[0].rstrip(".")


def _model(model: type[Model]) -> Iterator[str]:
    yield model.__name__
    yield from ("  " + line for line in (inspect.getdoc(model) or "").splitlines())
    names = [*parameters(model), *(o.name for o in model.observables)]
    width = max(18, *(len(name) + 2 for name in names))
    yield "parameters"
    for spec in parameters(model).values():
        low, high = (("" if v is None else f"{v:g}") for v in (spec.minimum, spec.maximum))
        offered = ", ".join(map(str, spec.choices)) if spec.choices else f"{low}..{high}" if low or high else ""
        default = (
            "required" if spec.required else f"default {spec.default or 'none' if spec.type is Array else spec.default}"
        )
        flags = ", quenched" if spec.quenched else ""
        offered = f"; {offered}" if offered else ""
        yield f"  {spec.name:{width}}{spec.type.__name__:6} [{spec.units}] {default}{offered}{flags}"
        yield f"  {'':{width}}{spec.doc}"
    if issubclass(model, Stepped):
        yield f"in steps: {model.duration or 'no parameter'} says how long a run is; a custom observable may ask for"
        yield from (f"  {name:{width}}{meaning}" for name, meaning in model.exposed.items())
    yield "observables"
    for o in model.observables:
        dims = f" ({', '.join(o.dims)})" if o.dims else ""
        yield f"  {o.name:{width}}{o.dtype} [{o.units}]{dims}{f' role {o.role}' if o.role else ''}  {o.long_name}"


def _workflow(workflow: Workflow) -> Iterator[str]:
    yield f"{workflow.name}: {workflow.title}"
    yield f"  file       {workflow.path}"
    yield f"  model      {workflow.model.__name__}"
    grid = workflow.sweep().grid()
    for name, values in grid.axes.items():
        words = [value.shown if isinstance(value, Array) else str(value) for value in values]
        few = ", ".join(words) if len(values) <= 6 else f"{words[0]} ... {words[-1]}"
        yield f"  axis       {name}: {len(values)} values, {few} [{parameters(workflow.model)[name].units}]"
    yield f"  samples    {grid.samples}, replicas {grid.replicas}, seed {grid.seed}"
    for name in workflow.fixed:
        value = grid.fixed[name]
        yield f"  fixed      {name} = {value.shown if isinstance(value, Array) else value}"
    for name in workflow.derived:
        yield f"  derived    {name}"
    if workflow.paired:
        yield f"  paired     {', '.join(workflow.paired)}"
    if workflow.record is not None:
        yield f"  record     {workflow.record}"
    for stage in workflow.stages:
        yield f"  stage      {stage_name(stage)}"
    for figure in workflow.figures:
        yield f"  figure     {figure.name}"
    for preset, changes in workflow.presets.items():
        yield f"  preset     {preset}: other {', '.join(changes)}"
    points, each = math.prod(grid.shape), grid.samples * grid.replicas
    less = " less what `where` skips" if workflow.where else ""
    yield f"  in all     {points} points, {points * each} simulations{less}"
    yield f"  run it     isinglass run {workflow.name if workflow.name in workflow_files() else workflow.path}"


# ---------------------------------------------------------------- a run folder


def workflow_of(root: Path, other: str | None) -> Workflow:
    """The workflow whose text a run folder keeps, or another one. Raises InputError where it keeps none."""
    store = require(root)
    if other is not None:
        workflow = load_workflow(other)
        if workflow.model.__name__ != store.declaration["model_name"]:
            name = store.declaration["model_name"]
            raise InputError(
                f"{other} is about {workflow.model.__name__}, {root} holds {name}: name a workflow of that model"
            )
        return workflow
    path = root / "workflow.py"
    if not path.is_file():
        raise InputError(f"{root} keeps no workflow text (it was run from a notebook): say --workflow FILE")
    return from_text(path.read_text(encoding="utf-8"), path, ledger.newest_request(store.requests)["workflow"])


def status(root: Path) -> Printed:
    """How far a run is. Exit code 0 complete, 1 with failures, 3 incomplete."""
    heard = jobs.ask(root)
    store = require(root)
    grid = store.grid(stored_model(store))
    record, asked, request = newest(store, grid)
    counts = tally(store.blocks, request, committed(store))
    total = sum(counts.values())
    lines = [
        f"{record['title'] or record['workflow']}  ({root}, generation {store.number})",
        f"  asked {record['created']}: {request.simulations} simulations at {int(request.keep.sum())} points, "
        f"{int((request.covered & ~request.keep).sum())} points skipped",
        f"  done {counts['done']} of {total}, failed {counts['failed']}, pending {counts['pending']}",
    ]
    for run in ledger.in_flight(store.ledger):
        who = f"block {run['block']} by process {run['pid']} on {run['host']}, attempt {run['attempts']}"
        lines.append(f"  {'in flight' if ledger.alive(run) else 'died with it'}: {who}")
    seconds, failures = 0.0, []
    for block, suffix in ledger.listing(store.ledger).items():
        try:
            entry = ledger.read_entry(store.ledger, block, suffix)
        except (DamagedError, FileNotFoundError):
            lines.append(f"  the entry of block {block} cannot be read: isinglass verify {root}")
            continue
        seconds += entry["cpu_seconds"]
        failures += entry.get("failures", [])
    lines.append(f"  CPU time of the blocks' last runs: {duration(seconds)}")
    open_shares = set()
    if heard.made and counts["pending"]:
        place = shard_of(store.blocks, heard.made[-1].jobs, grid.seed)
        undone = missing(store.blocks, request, committed(store), retry_failed=False)
        open_shares = {place[index] for index, wanted in undone if wanted.any()}
    lines += jobs.lines(root, heard, open_shares, not counts["pending"])
    lines += [f"  {line}" for line in advice(store, asked, request, words_of(record["command"]))]
    failures.sort(
        key=lambda f: ([grid.axes[k].index(f["parameters"][k]) for k in grid.axes], f["sample"], f["replica"])
    )
    for failure in failures[:10]:
        at = " ".join(f"{name}={failure['parameters'][name]}" for name in grid.axes)
        label = f"{at} sample={failure['sample']} replica={failure['replica']}"
        lines += [f"  failed: {label}: {failure['error']}", f"    isinglass reproduce {root} {label}"]
    if len(failures) > 10:
        lines.append(f"  and {len(failures) - 10} more failed")
    if failures and failures[0]["traceback"]:
        lines += ["  the first of these:", *(f"    {line}" for line in failures[0]["traceback"].splitlines())]
    return lines, 3 if counts["pending"] else 1 if counts["failed"] else 0


def verify(root: Path, again: int) -> Printed:
    """Every file checked, every chunk decoded, and `again` simulations recomputed.

    Exit code 1 where something is damaged or differs.
    """
    store = require(root)
    found = list(scrub(store))
    lines = [f"damaged: {what}" for _, what in found]
    entries = len(ledger.listing(store.ledger))
    blocks = sum(1 for block, _ in found if block)
    if blocks < len(found):
        lines.append(f"{len(found) - blocks} damaged files belong to no block: the same `isinglass run` mends them")
    if blocks:
        lines.append(
            f"{blocks} damaged blocks were taken out of the ledger: the same `isinglass run` computes them again"
        )
    lines.append(f"{entries} committed blocks are whole")
    bad = bool(found)
    if again:
        sampled = sample_done(store, again)
        for index in sampled:
            grid, hint = own_code(store, index)
            result = recompute(store, grid, index)
            if not result.agrees:
                bad = True
                lines.append(f"differs: {result.label}: {', '.join(result.differs)}{hint or _elsewhere(root)}")
        lines.append(f"{len(sampled)} simulations computed again")
    return lines, int(bad)


def reproduce(root: Path, words: Sequence[str]) -> Printed:
    """One simulation computed again beside what is stored. Exit code 1 where it differs, or failed again."""
    store = require(root)
    index = parse_label(store.grid(stored_model(store)), words)
    grid, hint = own_code(store, index)
    result = recompute(store, grid, index)
    lines = [result.label, f"  stored: {result.stored_status}"]
    for name, value in result.again.items():
        same = "differs" if name in result.differs else "same bytes"
        lines.append(f"  {name:20}stored {_brief(result.stored[name])}  again {_brief(value)}  {same}")
    if result.failure is not None:
        lines += [f"  it fails: {result.failure['error']}", *result.failure["traceback"].splitlines()]
    if not result.agrees:
        lines.append(f"differs: {', '.join(result.differs)}{hint or _elsewhere(root)}")
    return lines, int(not result.agrees or result.failure is not None)


def _brief(value: np.ndarray) -> str:
    return f"{value.item()!r}" if value.ndim == 0 else f"array{value.shape}"


def _elsewhere(root: Path) -> str:
    """A hint where the store was made on another kind of machine: bits may differ there, and nothing be wrong."""
    from isinglass.provenance import machine

    store, here = require(root), machine()
    for block, suffix in list(ledger.listing(store.ledger).items())[:1]:
        try:
            entry = ledger.read_entry(store.ledger, block, suffix)
        except (DamagedError, FileNotFoundError):
            return ""
        other = [f"{k} {entry[k]}, here {here[k]}" for k in ("cpu", "numba", "llvmlite") if entry.get(k) != here[k]]
        return f" (computed on another machine: {'; '.join(other)}: last bits may differ)" if other else ""
    return ""
