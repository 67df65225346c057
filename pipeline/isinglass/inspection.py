"""A run folder looked at: what is committed, whether it is whole, one simulation again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isinglass import ledger
from isinglass.dataset import Store, read_block, variables
from isinglass.entries import codes, origin_at
from isinglass.exceptions import InputError, known
from isinglass.healing import damaged_blocks, damaged_files
from isinglass.isolation import cell, close_cells
from isinglass.ledger import DamagedError, Json
from isinglass.models.base import Model, Value, canonical, parameters
from isinglass.planning import DONE, FAILED, Request, StatusOf, block_index, block_name
from isinglass.provenance import code_of
from isinglass.simulation import Call, Work, compute, here
from isinglass.source import ModelReference
from isinglass.sweep import Grid, locate
from isinglass.travel import array_names, damaged, fetch, named
from isinglass.workflow import parse_value

WORDS = ("pending", "done", "failed", "skipped")


def committed(store: Store) -> StatusOf:
    """Each block's status by the ledger: one directory listing, and the entries of blocks that are not whole."""
    listed = ledger.listing(store.ledger)

    def status_of(index: tuple[int, ...], box: tuple[slice, ...]) -> np.ndarray | None:
        name = block_name(index)
        suffix = listed.get(name)
        if suffix == "done":
            return None
        shape = [s.stop - s.start for s in box]
        if suffix == "part":
            try:
                status = np.asarray(ledger.read_entry(store.ledger, name, "part")["status"])
                if list(status.shape) == shape:
                    return status
            except (DamagedError, FileNotFoundError):
                pass  # as good as never written: it is computed again
        return np.zeros(shape, np.int8)

    return status_of


def carried_over(store: Store, old: Grid, union: Grid) -> StatusOf:
    """Each block's status as it would be after an extension: the old grid's, placed on the union's labels."""
    full = np.zeros(union.full_shape, np.int8)
    places = [*locate(old, union), np.arange(old.samples), np.arange(old.replicas)]
    status_of = committed(store)
    for index in store.blocks:
        box = store.blocks.slices(index)
        status = status_of(index, box)
        at = np.ix_(*(place[s] for place, s in zip(places, box, strict=True)))
        full[at] = DONE if status is None else status
    return lambda index, box: None if (full[box] == DONE).all() else full[box]


def stored_model(store: Store, code: str | None = None) -> type[Model]:
    """The model class of a code hash, by default the newest request's: installed, or from the text that was kept."""
    code = code or str(ledger.newest_request(store.requests)["code"])
    try:
        m = ledger.read_twice(store.root / ".store" / "code" / f"{code}.json")["model"]
    except (DamagedError, FileNotFoundError):
        m = store.declaration["model"]
    return ModelReference(m["module"], m["name"], m["text"]).load()


def newest(store: Store, grid: Grid) -> tuple[Json, Grid, Request]:
    """The newest request: its record, the grid it asked for, and itself placed on the store's grid."""
    record = ledger.newest_request(store.requests)
    axes = {name: tuple(values) for name, values in record["axes"]}
    keep = ledger.unpack_array(record["keep"]).astype(bool)
    shape_grid = Grid(
        grid.model, axes, grid.points, record["samples"], record["replicas"], grid.fixed, {}, grid.seed, grid.paired
    )
    return record, shape_grid, Request.on(grid, shape_grid, keep)


# ---------------------------------------------------------------- verify


def scrub(store: Store) -> Iterator[tuple[str, str]]:
    """Read every file of a generation and its ledger, decode every chunk; yields (block, what is damaged).

    The entry of a damaged block is taken out of the ledger, so that the next run computes the block again. Damage to
    what belongs to no block (metadata, coordinates, requests, code) has the block name ""; the next run mends it.
    """
    for what in damaged_files(store):
        yield "", what
    for what in damaged(store.root, store.declaration):
        yield "", what
    yield from damaged_blocks(store)


# ---------------------------------------------------------------- one simulation again


@dataclass(frozen=True)
class Comparison:
    """One simulation computed again beside what is stored. `differs`: observables whose bytes are not the same."""

    label: str
    stored_status: str
    stored: dict[str, np.ndarray]
    again: dict[str, np.ndarray]
    failure: Json | None
    differs: list[str]

    @property
    def agrees(self) -> bool:
        return not self.differs


def parse_label(grid: Grid, words: Sequence[str]) -> tuple[int, ...]:
    """`AXIS=VALUE ... sample=I replica=K` as an index into the grid. Raises InputError with what is missing or near."""
    given: dict[str, str] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign:
            raise InputError(f"{word!r} is not AXIS=VALUE")
        if name not in (*grid.axes, "sample", "replica"):
            raise InputError(f"unknown axis {name!r}; {known(name, (*grid.axes, 'sample', 'replica'))}")
        if name in given:
            raise InputError(f"{name} is given twice: one simulation has one {name}")
        given[name] = value
    lacking = [n for n in (*grid.axes, "sample", "replica") if n not in given]
    if lacking:
        raise InputError(f"which simulation? Say also {' '.join(f'{n}=...' for n in lacking)}")
    specs = parameters(grid.model)
    owned = {n: named(n, given[n], grid.axes[n]) for n in array_names(grid.model) if n in grid.axes}  # type: ignore[arg-type]
    exact = {n: canonical(specs[n], parse_value(specs[n], given[n])) for n in grid.axes if n not in owned}
    values = {n: owned[n] if n in owned else _nearest(n, exact[n], grid) for n in grid.axes}
    if grid.points:
        row = tuple(values.values())
        if row not in grid.labels(0):
            raise InputError(f"no point of the list is {values}")
        index = [grid.labels(0).index(row)]
    else:
        index = [grid.axes[name].index(values[name]) for name in grid.axes]
    for name, n in (("sample", grid.samples), ("replica", grid.replicas)):
        digits = given[name].isascii() and given[name].isdigit() and len(given[name]) < 20
        if not digits or int(given[name]) >= n:
            raise InputError(f"{name}={given[name]}: this run has {name} 0 to {n - 1}")
        index.append(int(given[name]))
    return tuple(index)


def _nearest(name: str, value: Any, grid: Grid) -> Value:
    axis = grid.axes[name]
    if value in axis:
        return axis[axis.index(value)]
    if isinstance(value, str):
        raise InputError(f"{name}={value}: {known(value, map(str, axis))}")
    near = min(axis, key=lambda v: abs(float(v) - float(value)))
    # a shortened number will do where it can mean one value only
    if abs(float(near) - float(value)) <= 1e-6 * max(abs(float(near)), 1e-300):
        return near
    raise InputError(f"{name}={value} is not on the axis; the nearest is {near!r}")


def own_code(store: Store, index: tuple[int, ...]) -> tuple[Grid, str]:
    """The grid with the model that computed a simulation, and a hint where that code is not to be had any more."""
    block = tuple(i // b for i, b in zip(index, store.blocks.block, strict=True))
    suffix = ledger.suffix_of(store.ledger, block_name(block))
    try:
        entry = ledger.read_entry(store.ledger, block_name(block), suffix or "done")
        place = [i % b for i, b in zip(index, store.blocks.block, strict=True)]
        origin = origin_at(entry, place, store.work_block)
    except (DamagedError, FileNotFoundError):
        return store.grid(stored_model(store)), ""
    code, all_ = str(origin["code"]), codes(origin)
    model = stored_model(store, code)
    now = code_of(model).hash
    if len(all_) > 1:
        return store.grid(model), f" (its block was computed by several codes, {', '.join(all_)}; this is {now})"
    return store.grid(model), f" (computed by other code: {code}, now {now})" if now != code else ""


def recompute(store: Store, grid: Grid, index: tuple[int, ...]) -> Comparison:
    """Run one simulation (with its lane group) again, and compare it with what is stored, byte for byte."""
    lanes = grid.model.lanes
    point, sample, replica = index[:-2], index[-2], index[-1]
    first = replica - replica % lanes
    block = tuple(i // b for i, b in zip(index, store.blocks.block, strict=True))
    box = store.blocks.slices(block)
    there = tuple(i - s.start for i, s in zip(index, box, strict=True))
    label = " ".join(f"{name}={v}" for name, v in zip(grid.axes, _labels(grid, point), strict=True))
    label += f" sample={sample} replica={replica}"
    if block_name(block) not in ledger.listing(store.ledger):
        raise InputError(f"{label} is not computed yet: there is nothing to compare with; run the workflow first")
    try:
        stored = read_block(store, box, variables(grid.model))
    except DamagedError as error:
        raise InputError(f"{error}: run `isinglass verify {store.root}`, then the workflow again") from error
    status = int(stored["status"][there])
    if status not in (DONE, FAILED):
        raise InputError(f"{label} is {WORDS[status]}: there is nothing to compare with")
    part = grid.part([slice(i, i + 1) for i in point])
    fetch(store.root, grid.model, [part])
    shape = (*(1,) * len(point), 1, lanes)
    work = Work.empty(grid.model, shape, store.declaration["own"])
    with _as_before(store, grid, index) as call:
        compute(part, (sample, first), np.ones(shape, bool), work, 1.0, lambda: False, call)
    at = (*(0,) * len(point), 0, replica - first)
    old = {o.name: stored[o.name][there] for o in grid.model.observables}
    again = {o.name: work.values[o.name][at] for o in grid.model.observables}
    differs = [n for n in old if old[n].tobytes() != again[n].tobytes()]
    if status != int(work.status[at]):
        differs.insert(0, "status")
    mine = [f for f in work.failures if f["replica"] == replica]
    return Comparison(label, WORDS[status], old, again, mine[0] if mine else None, differs)


@contextlib.contextmanager
def _as_before(store: Store, grid: Grid, index: tuple[int, ...]) -> Iterator[Call]:
    """How to run a simulation again: in a process of its own, where it failed in one."""
    block = block_name([i // b for i, b in zip(index, store.blocks.block, strict=True)])
    try:
        entry = ledger.read_entry(store.ledger, block, ledger.suffix_of(store.ledger, block) or "done")
    except (DamagedError, FileNotFoundError):
        entry = {}
    label = dict(zip(grid.axes, _labels(grid, index[:-2]), strict=True))
    place = (label, index[-2], index[-1])
    for failure in entry.get("failures", []):
        if "limit" in failure and (failure["parameters"], failure["sample"], failure["replica"]) == place:
            with cell(ModelReference.to(grid.model), failure["limit"], store.root, lambda: False) as alone:
                yield alone
            close_cells()
            return
    yield here


def _labels(grid: Grid, point: Sequence[int]) -> list[Value]:
    values: Mapping[str, Value] = grid.point(point)
    return [values[name] for name in grid.axes]


def sample_done(store: Store, n: int, seed: int = 0) -> list[tuple[int, ...]]:
    """Up to n done simulations, drawn evenly over committed blocks, the same for the same seed."""
    rng = np.random.Generator(np.random.PCG64(seed))
    names = sorted(ledger.listing(store.ledger))
    out: dict[tuple[int, ...], None] = {}
    for _ in range(4 * n):
        if not names or len(out) >= n:
            break
        box = store.blocks.slices(block_index(names[int(rng.integers(len(names)))]))
        try:
            done = np.argwhere(read_block(store, box, ["status"])["status"] == DONE)
        except DamagedError:
            continue
        if len(done):
            at = done[int(rng.integers(len(done)))]
            out[tuple(int(i) + s.start for i, s in zip(at, box, strict=True))] = None
    return list(out)
