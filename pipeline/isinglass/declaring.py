"""Declaring: a workflow's request checked against its run folder, and the store made or extended to hold it."""

from __future__ import annotations

import functools
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from isinglass import ledger, results
from isinglass.arrays import Array
from isinglass.cluster import check_reachable
from isinglass.coordinates import OwnDim
from isinglass.dataset import Store
from isinglass.exceptions import InputError
from isinglass.generations import check_folder, current, prepare
from isinglass.healing import text_digest
from isinglass.inspection import committed
from isinglass.ledger import Json
from isinglass.models.base import parameters
from isinglass.planning import Pilot
from isinglass.plans import (
    Asked,
    Options,
    check_code,
    check_size,
    choose_block,
    find_undone,
    last_request,
    measure,
    united,
)
from isinglass.profiles import Profile
from isinglass.progress import Talk
from isinglass.provenance import git, now, versions
from isinglass.sweep import Grid
from isinglass.workflow import Workflow


@dataclass(frozen=True)
class Declared:
    """A request and the store that holds its grid. `pilot()` measures once, at the first call."""

    asked: Asked
    store: Store
    grid: Grid
    pilot: Callable[[], Pilot]

    def attributes(self, union: Grid) -> Json:
        return root_attributes(self.asked, union, ledger.requests(self.store.requests))


def declare(
    workflow: Workflow,
    options: Options,
    profile: Profile,
    talk: Talk,
    declaring: Callable[[], None] = lambda: None,
    measured: Pilot | None = None,
) -> Declared:
    """Check a workflow's request and make, or extend, the store. `declaring()` is called before a store is made.

    `measured`: a pilot that was made already. Raises InputError for what cannot be run.
    """
    root = options.folder(workflow)
    asked = Asked.of(workflow, last_request(root))
    if asked.grid.replicas != workflow.replicas:
        talk.say(
            f"replicas: {workflow.replicas} rounded up to {asked.grid.replicas}, a multiple of {workflow.model.lanes}"
        )
    check_folder(root)
    before = current(root) if root.is_dir() else None
    if before is not None:
        united(root, before.grid(workflow.model), asked)
        check_code(before, asked, options)
    if not asked.again:
        check_size(asked, options)
    if before is None:
        check_portable(profile, asked)
        check_reachable(profile)
    if workflow.stages and options.shard is None:
        results.rehearse(workflow, asked.grid, root_attributes(asked, asked.grid, []))

    @functools.cache
    def pilot_once() -> Pilot:
        if measured is not None:
            return measured
        talk.say(f"{workflow.name}: measuring a pilot (and compiling, where the kernels changed) ...")
        return measure(asked, root / ".store")

    def block_of(grid: Grid, own: Mapping[str, OwnDim]) -> tuple[int, ...]:
        del grid  # the first request's own grid
        block = choose_block(asked, own, pilot_once(), profile, options)
        declaring()
        return block

    def attributes(union: Grid) -> Json:
        return root_attributes(asked, union, ledger.requests(root / ".store" / "runs"))

    def unfinished(store: Store, grid: Grid) -> bool:
        return bool(find_undone(asked, grid, store.blocks, committed(store), options).jobs)

    store, grid = prepare(
        root, asked.sweep, asked.grid, asked.keep, asked.again, asked.reference.to_json(), block_of, attributes,
        unfinished, talk.say,
    )  # fmt: skip
    return Declared(asked, store, grid, pilot_once)


def check_portable(profile: Profile, asked: Asked) -> None:
    """Raises InputError where other processes cannot import the model."""
    if asked.workflow.time_limit is not None and not asked.reference.portable:
        raise InputError(
            f"time_limit needs processes of their own, and model {asked.workflow.model.__name__} is defined in a "
            "notebook or script, which these cannot import: put it into a workflow file, or leave time_limit out"
        )
    if profile.kind not in ("threads", "serial") and not asked.reference.portable:
        raise InputError(
            f"model {asked.workflow.model.__name__} is defined in a notebook or script, which worker processes cannot "
            "import: put it into a workflow file, or run it in-process (no --cluster)"
        )


# ---------------------------------------------------------------- what a run leaves on record


def root_attributes(asked: Asked, grid: Grid, past: Sequence[Json]) -> Json:
    """The store's root attributes: title, model, parameters with units, seed, code, versions, git."""
    workflow = asked.workflow
    described: Json = {}
    for name, spec in parameters(workflow.model).items():
        described[name] = {"units": spec.units, "long_name": spec.doc}
        value = grid.fixed.get(name)
        if isinstance(value, Array):
            described[name] |= {"value": value.shown, "array": str(value)} if value else {}
        elif value is not None:
            described[name]["value"] = value
    folder = workflow.path.parent if workflow.path is not None else Path.cwd()
    return {
        "title": workflow.title or workflow.name,
        "model": workflow.model.__name__,
        "model_source": asked.reference.module or "workflow.py",
        "workflow": workflow.name,
        "parameters": described,
        "seed": grid.seed,
        "paired": list(grid.paired),
        "code_hash": asked.code.hash,
        **{f"{package}_version": version for package, version in versions().items()},
        **git(folder),
        "isinglass_store_format": ledger.FORMAT,
        "created": now(),
        "history": "\n".join([*(f"{r['created']} {r['command']}" for r in past), f"{now()} {' '.join(sys.argv)}"]),
    }


def record_request(store: Store, asked: Asked, share: bool = False) -> str:
    """File what this run asks, and the code and workflow text that ask it. Returns the request's name.

    `share`: a process of many that ask the same. One that comes late does not make an older request the newest again.
    """
    home, workflow = store.root / ".store", asked.workflow
    content: Json = {**asked.record(), "keep": ledger.pack_array(asked.keep)}
    (home / "code").mkdir(exist_ok=True)
    code = home / "code" / f"{asked.code.hash}.json"
    if not code.exists():
        ledger.write_twice(code, {"definitions": asked.code.definitions, "model": asked.reference.to_json()})
    if workflow.text is not None:
        text = store.root / "workflow.py"
        raw = workflow.text.encode()
        content["text"] = text_digest(raw)
        if not text.is_file() or text.read_bytes() != raw:
            ledger.replace(text, raw)
    past = ledger.requests(store.requests)
    for request in reversed(past if share else past[-1:]):
        if {k: request.get(k) for k in content} == content:
            return str(request["name"])
    return ledger.add_request(
        store.requests, {**content, "created": now(), "command": shlex.join(sys.argv), **versions()}
    )


def same_requests(store: Store, name: str) -> set[str]:
    """The names of all requests that ask the same simulations as one of them does, however their text reads."""
    past = {r["name"]: r for r in ledger.requests(store.requests)}
    apart = {"name", "created", "command", "text", *versions()}

    def core(request: Json) -> Json:
        return {k: v for k, v in request.items() if k not in apart}

    return {other for other, request in past.items() if core(request) == core(past[name])} if name in past else {name}
