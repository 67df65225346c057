"""One block's simulations: streams, slices of about a second, failures kept local. Knows no store and no scheduler."""

from __future__ import annotations

import functools
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from isinglass.models.base import Model, construct, fill_value
from isinglass.planning import DONE, FAILED
from isinglass.sweep import Grid, Point, states

SLICE_SECONDS = 1.0


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
    shorter: Callable[..., dict[str, np.ndarray]] | None = None
    """Where states are kept: goes on from shorter runs, in place of `simulate_batch` (see `continuation`)."""

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


@dataclass(frozen=True)
class _Pair:
    """One sample of one point: its place in the block, its model, its streams."""

    place: tuple[int, ...]
    point: Point
    model: Model
    lengths: tuple[int, ...]
    disorder: bytes
    noise: list[bytes]


def compute(
    part: Grid,
    first: tuple[int, int],
    wanted: np.ndarray,
    work: Work,
    seconds_per_cost: float,
    stop: Callable[[], bool],
) -> bool:
    """Run the wanted simulations of a block into `work`; False where `stop` cut it short.

    `part` is the grid of the block's points; `first` its first sample and replica; `wanted` bool over the box. A call
    gets pairs that share one set of replicas, equal disorder adjacent, about a second of work at a time.
    """
    pace = seconds_per_cost
    for replicas, pairs in _groups(part, first, wanted):
        at = 0
        while at < len(pairs):
            if stop():
                return False
            cost, end = 0.0, at
            lengths, enough = pairs[at].lengths, SLICE_SECONDS / pace
            while end < len(pairs) and pairs[end].lengths == lengths and cost < enough:
                cost += pairs[end].model.cost() * len(replicas)
                end += 1
            began = time.perf_counter()
            _run(part, pairs[at:end], replicas, first, work)
            pace = max((time.perf_counter() - began) / cost, 1e-12)
            at = end
    return True


def _groups(part: Grid, first: tuple[int, int], wanted: np.ndarray) -> Iterator[tuple[list[int], list[_Pair]]]:
    """Pairs by the set of replicas that they lack (whole lane groups), each list ordered by disorder."""
    lanes = part.model.lanes
    flat = wanted.reshape(-1, *wanted.shape[-2:])
    if lanes > 1:
        grouped = flat.reshape(*flat.shape[:2], -1, lanes).any(axis=-1)
        flat = np.repeat(grouped, lanes, axis=-1)
    keys, own = part.keys, [d for o in part.model.observables for d in o.dims]
    by_set: dict[tuple[int, ...], list[_Pair]] = {}
    for place, index in enumerate(np.ndindex(*part.shape)):
        if not flat[place].any():
            continue
        point = part.point(index)
        model = construct(part.model, point)
        coords = model.coords() if own else {}
        lengths = tuple(len(coords[d][0]) for d in own)
        lacking = np.flatnonzero(flat[place].any(axis=1))
        samples = [first[0] + int(s) for s in lacking]
        disorder = keys.disorder(point, samples)
        every = [first[1] + r for r in range(flat.shape[2])]
        noise = keys.noise(point, samples, every)
        for s, d, n in zip(lacking, disorder, noise, strict=True):
            replicas = tuple(np.flatnonzero(flat[place, s]).tolist())
            pair = _Pair((*index, int(s)), point, model, lengths, d, [n[r] for r in replicas])
            by_set.setdefault(replicas, []).append(pair)
    for replicas, pairs in by_set.items():
        # equal disorder adjacent, in order of first appearance: a batch builds each sample's couplings once
        order = {d: i for i, d in enumerate(dict.fromkeys(p.disorder for p in pairs))}
        yield list(replicas), sorted(pairs, key=lambda p: (p.lengths, order[p.disorder]))


def _run(part: Grid, pairs: Sequence[_Pair], replicas: list[int], first: tuple[int, int], work: Work) -> None:
    """One call for several pairs; where it raises, each pair again, and then each lane group of replicas, alone."""
    began, cpu = time.perf_counter(), time.thread_time()
    failure: Exception | None = None
    try:
        out = _call(part.model, pairs, replicas, work)
    except Exception as error:
        failure = error  # dealt with outside of this clause, so that tracebacks do not chain
    lanes = part.model.lanes
    if failure is not None and len(pairs) > 1:
        for pair in pairs:
            _run(part, [pair], replicas, first, work)
        return
    if failure is not None and len(replicas) > lanes:
        for i in range(0, len(replicas), lanes):
            alone = replace(pairs[0], noise=pairs[0].noise[i : i + lanes])
            _run(part, [alone], replicas[i : i + lanes], first, work)
        return
    if failure is not None:
        trace = "".join(traceback.format_exception(failure))
        seconds = time.perf_counter() - began
        work.seconds += seconds
        work.cpu_seconds += time.thread_time() - cpu
        for replica in replicas:
            _fail(part, pairs[0], replica, first, work, f"{type(failure).__name__}: {failure}", trace)
            work.elapsed[(*pairs[0].place, replica)] = seconds / len(replicas)
        work.computed += len(replicas)
        return
    seconds = time.perf_counter() - began
    work.seconds += seconds
    work.cpu_seconds += time.thread_time() - cpu
    cost = np.array([pair.model.cost() for pair in pairs])
    places = np.array([pair.place for pair in pairs]).T[:, :, None]
    at: tuple[Any, ...] = (*places, np.array(replicas))
    for o in part.model.observables:
        front = tuple(slice(0, n) for n in out[o.name].shape[2:])
        work.values[o.name][(*at, *front)] = out[o.name]
    work.status[at] = DONE
    work.elapsed[at] = (seconds / len(replicas) * cost / cost.sum())[:, None]
    work.computed += len(pairs) * len(replicas)
    for (m, r), names in _not_finite(part.model, out).items():
        for o in part.model.observables:
            work.values[o.name][(*pairs[m].place, replicas[r])] = fill_value(o.dtype)
        _fail(part, pairs[m], replicas[r], first, work, f"non-finite value in {', '.join(names)}", "")


def _call(model: type[Model], pairs: Sequence[_Pair], replicas: Sequence[int], work: Work) -> dict[str, np.ndarray]:
    """`simulate_batch`, with what it returned checked: names, shapes, dtypes."""
    m, r = len(pairs), len(pairs[0].noise)
    disorder = states(p.disorder for p in pairs)
    noise = states(n for p in pairs for n in p.noise).reshape(m, r, 4)
    run = functools.partial(work.shorter, [p.place for p in pairs], replicas) if work.shorter else model.simulate_batch
    out = run([p.model for p in pairs], disorder, noise)
    names = {o.name for o in model.observables}
    if set(out) != names:
        wrong = ", ".join(sorted(set(out) ^ names))
        raise TypeError(f"simulate returned other observables than declared: {wrong}")
    coords = pairs[0].model.coords()
    checked = {}
    for o in model.observables:
        array = np.asarray(out[o.name])
        shape = (m, r, *(len(coords[d][0]) for d in o.dims))
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


def _fail(part: Grid, pair: _Pair, replica: int, first: tuple[int, int], work: Work, error: str, trace: str) -> None:
    work.status[(*pair.place, replica)] = FAILED
    work.failures.append(
        {
            "parameters": {name: pair.point[name] for name in part.axes},
            "sample": first[0] + pair.place[-1],
            "replica": first[1] + replica,
            "error": error,
            "traceback": trace,
        }
    )


def failures_within(
    part: Grid, first: tuple[int, int], status: np.ndarray, failures: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Those records of failures that speak of a simulation of this block which still is failed."""
    if not failures:
        return []
    places = {tuple(part.point(index)[name] for name in part.axes): index for index in np.ndindex(*part.shape)}
    out = []
    for failure in failures:
        index = places.get(tuple(failure["parameters"][name] for name in part.axes))
        s, r = failure["sample"] - first[0], failure["replica"] - first[1]
        if index is None or not (0 <= s < status.shape[-2] and 0 <= r < status.shape[-1]):
            continue
        if status[(*index, s, r)] == FAILED:
            out.append(failure)
    return out
