"""One block's simulations: streams, slices of about a second, failures kept local. Knows no store and no scheduler."""

from __future__ import annotations

import math
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar, cast

import numpy as np

from isinglass.keys import states
from isinglass.models.base import Model, Value, construct, fill_value, overrides
from isinglass.planning import DONE, FAILED
from isinglass.sweep import Grid

T = TypeVar("T")
SLICE_SECONDS, SLICE_PAIRS = 1.0, 4096
Starts = Sequence[Sequence[Any]]
"""What each simulation [pair][replica] can go on from, or None."""


class Call(Protocol):
    """How a lot is simulated: M models, disorder (M, 4), noise (M, R, 4) -> every observable (M, R, *own)."""

    def __call__(
        self,
        model: type[Any],
        models: Sequence[Model],
        disorder: np.ndarray,
        noise: np.ndarray,
        starts: Starts | None = None,
        /,
    ) -> dict[str, np.ndarray]: ...


class Stopped(Exception):
    """A call was given up because the run is to end: nothing failed."""


class CellError(OSError):
    """No process of its own could be had for a simulation: nothing failed, but nothing can be computed either."""


class FailedAlone(Exception):
    """How a simulation failed in a process of its own: in one line, and as that process told it; the time it had.

    `late`: that was too little.
    """

    def __init__(self, what: str, trace: str, limit: float | None, late: bool = False) -> None:
        super().__init__(what)
        self.what, self.trace, self.limit, self.late = what, trace, limit, late


@dataclass
class Work:
    """A block being filled: arrays over (points..., sample, replica, own...), and what went wrong in it."""

    values: dict[str, np.ndarray]
    status: np.ndarray
    elapsed: np.ndarray
    failures: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    computed: int = 0
    shorter: Callable[[Sequence[tuple[int, ...]], Sequence[int]], Starts] | None = None
    """Where states are kept: what places (point, sample) and replicas can go on from (see `continuation`)."""

    @classmethod
    def empty(cls, model: type[Model], shape: tuple[int, ...], own: Mapping[str, int]) -> Work:
        """Nothing computed yet; `own`: length of each own dim."""
        values = {
            o.name: np.full((*shape, *(own[d] for d in o.dims)), fill_value(o.dtype), o.dtype)
            for o in model.observables
        }
        return cls(values, np.zeros(shape, np.int8), np.full(shape, np.nan, np.float32))

    def adopt(self, other: Work) -> None:
        """Take over what was committed of the same block meanwhile; what both have done is the same."""
        here = (self.status == DONE) | (self.status == FAILED)
        theirs = (other.status == DONE) & (self.status != DONE) | (other.status == FAILED) & ~here
        for name, values in self.values.items():
            values[theirs] = other.values[name][theirs]
        self.elapsed[theirs], self.status[theirs] = other.elapsed[theirs], other.status[theirs]
        self.failures += [f for f in other.failures if f not in self.failures]

    @property
    def variables(self) -> dict[str, np.ndarray]:
        return {**self.values, "elapsed": self.elapsed, "status": self.status}


class _Block:
    """What of a block's points is the same for all slices: parameters, models, costs, lengths of own dims.

    Models are constructed where something is wanted: those of points that `where` skips may refuse their parameters.
    """

    def __init__(self, part: Grid, first: tuple[int, int], wanted: np.ndarray) -> None:
        self.part, self.first = part, first
        self.columns = part.columns()
        n = math.prod(part.shape)
        self.own = list(dict.fromkeys(d for o in part.model.observables for d in o.dims))
        self.cost, self.lengths = np.ones(n), np.zeros((n, len(self.own)), np.int64)
        self.made: dict[int, Model] | None = None
        if self.own or overrides(part.model, "cost"):
            asked = set(np.flatnonzero(wanted.reshape(n, -1).any(axis=1)).tolist())
            self.made = {row: construct(part.model, point) for row, point in enumerate(part.each()) if row in asked}
        for row, model in (self.made or {}).items():
            self.cost[row] = model.cost()
            if self.own:
                coords = model.coords()
                self.lengths[row] = [len(coords[d][0]) for d in self.own]

    def models(self, rows: list[int]) -> list[Model]:
        """One model a row; rows that follow each other and are the same share theirs."""
        if self.made is not None:
            return [self.made[row] for row in rows]
        names, fixed, model = list(self.columns), self.part.fixed, self.part.model
        values = zip(*([column[row] for row in rows] for column in self.columns.values()), strict=True)
        out: list[Model] = []
        last = -1
        for row, value in zip(rows, values, strict=True):
            if row != last:
                made, last = construct(model, {**fixed, **dict(zip(names, value, strict=True))}), row
            out.append(made)
        return out

    def streams(self, lot: _Lot) -> tuple[np.ndarray, np.ndarray]:
        """Disorder (M, 4) and noise (M, R, 4) of a lot."""
        columns = {name: [column[row] for row in lot.rows] for name, column in self.columns.items()}
        keys, fixed = self.part.keys, self.part.fixed
        samples = [self.first[0] + s for s in lot.samples]
        noise = keys.noise(fixed, columns, samples, [self.first[1] + r for r in lot.replicas])
        return states(keys.disorder(fixed, columns, samples)), states(noise).reshape(len(samples), -1, 4)

    def places(self, lot: _Lot) -> list[tuple[int, ...]]:
        """Where in the block the pairs stand: index along every point dim, sample."""
        index = np.unravel_index(lot.rows, self.part.shape)
        return [tuple(map(int, at)) for at in zip(*index, lot.samples, strict=True)]

    def disorder_ids(self) -> np.ndarray:
        """A number for each point, the same where points share their samples."""
        quenched = [self.columns[name] for name in self.part.keys.quenched if name in self.columns]
        seen: dict[tuple[Value, ...], int] = {}
        if not quenched:
            return np.zeros(len(self.cost), np.int64)
        return np.array([seen.setdefault(row, len(seen)) for row in zip(*quenched, strict=True)], np.int64)


@dataclass(frozen=True)
class _Lot:
    """Pairs of one point (its row) and one sample, all with the same replicas; indices are the block's own."""

    rows: list[int]
    samples: list[int]
    replicas: list[int]

    def part(self, at: slice) -> _Lot:
        return _Lot(self.rows[at], self.samples[at], self.replicas)


def here(
    model: type[Any], models: Sequence[Model], disorder: np.ndarray, noise: np.ndarray, starts: Starts | None = None
) -> dict[str, np.ndarray]:
    """How a lot is simulated by default: in this process."""
    if starts is not None:
        return cast("dict[str, np.ndarray]", model.continue_batch(models, disorder, noise, starts))
    return cast("dict[str, np.ndarray]", model.simulate_batch(models, disorder, noise))


def compute(
    part: Grid,
    first: tuple[int, int],
    wanted: np.ndarray,
    work: Work,
    seconds_per_cost: float,
    stop: Callable[[], bool],
    call: Call = here,
) -> bool:
    """Run the wanted simulations of a block into `work`; False where `stop` cut it short.

    `part` is the grid of the block's points; `first` its first sample and replica; `wanted` bool over the box. A call
    gets pairs that share one set of replicas, equal disorder adjacent, about a second of work at a time.
    """
    if not wanted.any():
        return True
    pace, block = seconds_per_cost, _Block(part, first, wanted)
    for lot in _lots(block, wanted):
        cost = np.cumsum(block.cost[lot.rows]) * len(lot.replicas)
        lengths = block.lengths[lot.rows]
        changes = np.append(np.flatnonzero((lengths[1:] != lengths[:-1]).any(axis=1)) + 1, len(cost))
        at = 0
        while at < len(cost):
            if stop():
                return False
            before = cost[at - 1] if at else 0.0
            end = int(np.searchsorted(cost, before + SLICE_SECONDS / pace)) + 1
            end = min(end, at + SLICE_PAIRS, int(changes[np.searchsorted(changes, at, side="right")]))
            began = time.perf_counter()
            try:
                _run(block, lot.part(slice(at, end)), work, call)
            except Stopped:
                return False
            pace = max((time.perf_counter() - began) / (cost[end - 1] - before), 1e-12)
            at = end
    return True


def _lots(block: _Block, wanted: np.ndarray) -> Iterator[_Lot]:
    """Pairs by the set of replicas that they lack (whole lane groups), each ordered by disorder."""
    lanes = block.part.model.lanes
    flat = wanted.reshape(-1, *wanted.shape[-2:])
    if lanes > 1:
        grouped = flat.reshape(*flat.shape[:2], -1, lanes).any(axis=-1)
        flat = np.repeat(grouped, lanes, axis=-1)
    rows, samples = np.nonzero(flat.any(axis=-1))
    lacking = flat[rows, samples]
    sets, which = lacking[:1], np.zeros(len(rows), np.intp)
    if (lacking != sets).any():
        sets, which = np.unique(lacking, axis=0, return_inverse=True)
    # equal disorder adjacent, in order of first appearance: a batch builds each sample's couplings once
    ids = block.disorder_ids()[rows] * flat.shape[1] + samples
    _, at, inverse = np.unique(ids, return_index=True, return_inverse=True)
    order = np.lexsort((at[inverse.ravel()], *block.lengths[rows].T[::-1], which.ravel()))
    for k, members in enumerate(sets):
        mine = order[which.ravel()[order] == k] if len(sets) > 1 else order
        yield _Lot(rows[mine].tolist(), samples[mine].tolist(), np.flatnonzero(members).tolist())


def _run(block: _Block, lot: _Lot, work: Work, call: Call) -> None:
    """One call for several pairs; where it raises, each pair again, and then each lane group of replicas, alone."""
    began, cpu = time.perf_counter(), time.thread_time()
    failure: Exception | None = None
    part, replicas, lanes = block.part, lot.replicas, block.part.model.lanes
    try:
        out = _call(block, lot, work, call)
    except (Stopped, CellError):
        raise
    except Exception as error:
        failure = error  # dealt with outside of this clause, so that tracebacks do not chain
    if failure is not None and len(lot.rows) > 1:
        for i in range(len(lot.rows)):
            _run(block, lot.part(slice(i, i + 1)), work, call)
        return
    if failure is not None and len(replicas) > lanes:
        for i in range(0, len(replicas), lanes):
            _run(block, replace(lot, replicas=replicas[i : i + lanes]), work, call)
        return
    seconds = time.perf_counter() - began
    work.seconds += seconds
    work.cpu_seconds += time.thread_time() - cpu
    points = len(block.cost)
    at: tuple[Any, ...] = (np.array(lot.rows)[:, None], np.array(lot.samples)[:, None], np.array(replicas))
    elapsed, status = (a.reshape(points, *a.shape[-2:]) for a in (work.elapsed, work.status))
    cost = block.cost[lot.rows]
    elapsed[at] = (seconds / len(replicas) * cost / cost.sum())[:, None]
    work.computed += len(lot.rows) * len(replicas)
    if failure is not None:
        for replica in replicas:
            _fail(block, lot, 0, replica, work, failure)
        return
    dims = len(part.shape)
    values = {name: a.reshape(points, *a.shape[dims:]) for name, a in work.values.items()}
    for o in part.model.observables:
        front = tuple(slice(0, n) for n in out[o.name].shape[2:])
        values[o.name][(*at, *front)] = out[o.name]
    status[at] = DONE
    for (m, r), names in _not_finite(part.model, out).items():
        for o in part.model.observables:
            values[o.name][lot.rows[m], lot.samples[m], replicas[r]] = fill_value(o.dtype)
        _fail(block, lot, m, replicas[r], work, NotFiniteError(f"non-finite value in {', '.join(names)}"))


def _call(block: _Block, lot: _Lot, work: Work, call: Call) -> dict[str, np.ndarray]:
    """The call itself, with what it returned checked: names, shapes, dtypes."""
    model, models = block.part.model, block.models(lot.rows)
    out = call(model, models, *block.streams(lot), work.shorter and work.shorter(block.places(lot), lot.replicas))
    names = {o.name for o in model.observables}
    if set(out) != names:
        wrong = ", ".join(sorted(set(out) ^ names))
        raise TypeError(f"simulate returned other observables than declared: {wrong}")
    lengths = dict(zip(block.own, block.lengths[lot.rows[0]].tolist(), strict=True))
    checked = {}
    for o in model.observables:
        array = np.asarray(out[o.name])
        shape = (len(lot.rows), len(lot.replicas), *(lengths[d] for d in o.dims))
        if array.shape != shape:
            raise TypeError(
                f"{o.name} has shape {array.shape[1:]}, declared is ({', '.join(('replica', *o.dims))}) {shape[1:]}"
            )
        if not np.can_cast(array.dtype, o.dtype, "same_kind"):
            raise TypeError(f"{o.name} has dtype {array.dtype}, declared is {o.dtype}")
        checked[o.name] = array.astype(o.dtype)
        if checked[o.name].dtype.kind in "iu" and not np.array_equal(checked[o.name], array):
            raise OverflowError(f"{o.name} has values beyond {o.dtype}: {array.min()} to {array.max()}")
    return checked


def _not_finite(model: type[Model], out: dict[str, np.ndarray]) -> dict[tuple[int, int], list[str]]:
    """(pair, replica) -> the observables in which it is not finite though it must be."""
    bad: dict[tuple[int, int], list[str]] = {}
    for o in model.observables:
        values = out[o.name]
        if o.may_be_nan or values.dtype.kind not in "fc":
            continue
        finite = np.isfinite(values).reshape(*values.shape[:2], -1).all(axis=-1)
        for m, r in np.argwhere(~finite):
            bad.setdefault((int(m), int(r)), []).append(o.name)
    return bad


class NotFiniteError(ValueError):
    """A simulation gave NaN or infinity where its model declares a number."""


def _fail(block: _Block, lot: _Lot, pair: int, replica: int, work: Work, failure: Exception) -> None:
    """Mark one simulation failed and file why. `limit` in the record: it failed in a process of its own."""
    row, sample = lot.rows[pair], lot.samples[pair]
    work.status.reshape(len(block.cost), *work.status.shape[-2:])[row, sample, replica] = FAILED
    point = {**block.part.fixed, **{name: column[row] for name, column in block.columns.items()}}
    record: dict[str, Any] = {
        "parameters": {name: point[name] for name in block.part.axes},
        "sample": block.first[0] + sample,
        "replica": block.first[1] + replica,
    }
    if isinstance(failure, FailedAlone):
        record |= {"error": failure.what, "traceback": failure.trace, "limit": failure.limit}
    elif isinstance(failure, NotFiniteError):
        record |= {"error": str(failure), "traceback": ""}
    else:
        trace = "".join(traceback.format_exception(failure))
        record |= {"error": f"{type(failure).__name__}: {failure}", "traceback": trace}
    work.failures.append(record)


def failures_within(
    part: Grid, first: tuple[int, int], status: np.ndarray, failures: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Those records of failures that speak of a simulation of this block which still is failed."""
    if not failures:
        return []
    columns = part.columns()
    rows = zip(*(columns[name] for name in part.axes), strict=True)
    places = dict(zip(rows, np.ndindex(*part.shape), strict=True))
    out = []
    for failure in failures:
        index = places.get(tuple(failure["parameters"][name] for name in part.axes))
        s, r = failure["sample"] - first[0], failure["replica"] - first[1]
        if index is None or not (0 <= s < status.shape[-2] and 0 <= r < status.shape[-1]):
            continue
        if status[(*index, s, r)] == FAILED:
            out.append(failure)
    return out


def beside(function: Callable[..., T], *given: Any) -> Future[T]:
    """Call a function beside the main thread, which so can be interrupted also while a long simulation runs."""
    found: Future[T] = Future()

    def call() -> None:
        try:
            found.set_result(function(*given))
        except BaseException as error:
            found.set_exception(error)

    threading.Thread(target=call, daemon=True).start()
    return found
