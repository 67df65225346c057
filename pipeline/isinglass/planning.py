"""The grid cut into blocks: which next, how large, what they cost.

Pure functions of the grid, the ledger and a measured pilot.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np

from isinglass.exceptions import InputError, known, told
from isinglass.keys import encode
from isinglass.models.base import construct, overrides
from isinglass.sweep import Grid, locate

MAX_BLOCKS = 10**5
MAX_BLOCK_BYTES = 32 * 2**20
MAX_SIMULATION_BYTES = 10**9
LONG_SIMULATION = 300.0  # seconds: `plan` warns, since nothing is saved inside a simulation
PENDING, DONE, FAILED, SKIPPED = 0, 1, 2, 3
STATUS_MEANINGS = "pending done failed skipped"


@dataclass(frozen=True)
class Request:
    """What one run asks of a grid: points to compute (`keep`), points it speaks of at all (`covered`), how deep."""

    keep: np.ndarray
    covered: np.ndarray
    samples: int
    replicas: int

    @classmethod
    def on(cls, grid: Grid, asked: Grid, keep: np.ndarray) -> Request:
        """The request for `asked` (with its kept points) placed on the labels of a declared grid."""
        at = np.ix_(*locate(asked, grid))
        full, covered = np.zeros(grid.shape, bool), np.zeros(grid.shape, bool)
        full[at], covered[at] = keep, True
        return cls(full, covered, asked.samples, asked.replicas)

    @property
    def simulations(self) -> int:
        return int(self.keep.sum()) * self.samples * self.replicas

    def status(self, box: Sequence[slice], stored: np.ndarray) -> np.ndarray:
        """A block's status as this request sees it: points it skips are skipped, points it wants again are pending.

        `stored`: the block's status, int8, over the whole box (point dims, sample, replica). Done and failed stay.
        """
        points = tuple(box[:-2])
        keep, covered = (a[points][..., None, None] for a in (self.keep, self.covered))
        open_ = (stored == PENDING) | (stored == SKIPPED)
        out = np.where(open_ & covered & ~keep, SKIPPED, stored)
        return np.asarray(np.where(open_ & covered & keep, PENDING, out), np.int8)

    def wanted(self, box: Sequence[slice], status: np.ndarray, retry_failed: bool) -> np.ndarray:
        """Which simulations of a block are to be run, bool over the box."""
        points, sample, replica = tuple(box[:-2]), box[-2], box[-1]
        deep = (np.arange(sample.start, sample.stop) < self.samples)[:, None] & (
            np.arange(replica.start, replica.stop) < self.replicas
        )
        missing: np.ndarray = (status == PENDING) | (retry_failed & (status == FAILED))
        out: np.ndarray = missing & self.keep[points][..., None, None] & deep
        return out

    def within(self, box: Sequence[slice]) -> Request:
        """The part of the request that one block needs to know; `samples` and `replicas` stay absolute."""
        points = tuple(box[:-2])
        return replace(self, keep=self.keep[points], covered=self.covered[points])

    def touches(self, box: Sequence[slice]) -> bool:
        """Whether it speaks of any simulation of a block."""
        return bool(
            self.covered[tuple(box[:-2])].any() and box[-2].start < self.samples and box[-1].start < self.replicas
        )


# ---------------------------------------------------------------- blocks


@dataclass(frozen=True)
class Blocks:
    """The grid cut into boxes; a box is one chunk of every variable, and named by its chunk indices (`0.3.1.0`)."""

    shape: tuple[int, ...]
    block: tuple[int, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        return tuple(-(-n // b) for n, b in zip(self.shape, self.block, strict=True))

    def __len__(self) -> int:
        return math.prod(self.counts)

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        return itertools.product(*map(range, self.counts))

    def slices(self, index: Sequence[int]) -> tuple[slice, ...]:
        """The box's extent along every dimension, clipped to the grid."""
        return tuple(
            slice(i * b, min((i + 1) * b, n)) for i, b, n in zip(index, self.block, self.shape, strict=True)
        )  # fmt: skip


def block_name(index: Sequence[int]) -> str:
    return ".".join(map(str, index))


def block_index(name: str) -> tuple[int, ...]:
    return tuple(map(int, name.split(".")))


def shard(blocks: Iterable[tuple[int, ...]], number: int, count: int, seed: int) -> set[tuple[int, ...]]:
    """The blocks of shard `number` (from 0) of `count`: every count-th of a permutation keyed by the seed.

    The permutation is the order of BLAKE2b(seed, block name), so that it depends on no library's generator.
    """
    return {index for index, place in shard_of(blocks, count, seed).items() if place == number}


def shard_of(blocks: Iterable[tuple[int, ...]], count: int, seed: int) -> dict[tuple[int, ...], int]:
    """Each block's shard of `count`."""
    key = encode(seed)
    order = sorted(blocks, key=lambda index: blake2b(key + block_name(index).encode(), digest_size=16).digest())
    return {index: place % count for place, index in enumerate(order)}


# ---------------------------------------------------------------- cost


def costs(grid: Grid, keep: np.ndarray) -> np.ndarray:
    """`cost()` of one replica at each kept point, float over `grid.shape`; 0 where not kept.

    Raises InputError for a cost that is not a positive finite number.
    """
    if not overrides(grid.model, "cost"):
        return np.asarray(keep, float)
    out = np.zeros(grid.shape)
    flat, kept = out.reshape(-1), keep.ravel().tolist()
    for i, point in enumerate(grid.each()):
        if not kept[i]:
            continue
        try:
            flat[i] = construct(grid.model, point).cost()
        except Exception as error:
            raise InputError(f"{grid.model.__name__}.cost() at {point} raises {told(error)}") from error
        if not 0 < flat[i] < math.inf:
            raise InputError(f"{grid.model.__name__}.cost() is {flat[i]} at {point}: it must be positive and finite")
    return out


def pilot_points(cost: np.ndarray) -> list[tuple[int, ...]]:
    """Points to time: of the kept ones in order of cost, the middle of each seventh, from the middle outwards."""
    kept = np.flatnonzero(cost > 0)
    order = kept[np.argsort(cost.ravel()[kept], kind="stable")]
    chosen = dict.fromkeys(int(order[(2 * i + 1) * len(order) // 14]) for i in (3, 1, 5, 0, 6, 2, 4))
    return [tuple(map(int, np.unravel_index(i, cost.shape))) for i in chosen]


@dataclass(frozen=True)
class Pilot:
    """Measured seconds a unit of `cost()`, the least and most of the timed points, and what a second thread brings.

    `speedup`: how many times faster two threads are than one, from 1 to 2, or None where that was not measured;
    `threads_wait`: for each other, for Python's global lock. `timed=False`: no point ran, the seconds are a guess.
    """

    seconds: float
    low: float
    high: float
    speedup: float | None = None
    threads_wait: bool = False
    timed: bool = True


# ---------------------------------------------------------------- block shape


def block_shape(
    grid: Grid,
    seconds: float,
    cores: int,
    bytes_each: int,
    fixed: Mapping[str, int] | None = None,
) -> tuple[int, ...]:
    """The extent of a block along every dimension of the grid (points, sample, replica).

    `seconds`: expected CPU time of one mean simulation; `bytes_each`: of the largest variable, one simulation. 2-30 s
    of work a block, but at least 4 blocks a core, and 16 as long as they take 0.3 s; at most 32 MB a variable and 10^5
    blocks. A block grows first along replica (by lane groups), then the axes that are not quenched, then sample, then
    quenched axes.
    """
    shape, lanes = grid.full_shape, grid.model.lanes
    total = math.prod(shape)
    work = total * seconds
    target = min(work / (4 * cores), max(work / (16 * cores), 0.3), min(max(work / 2000, 2.0), 30.0))
    n = max(target / seconds, total / MAX_BLOCKS, 1.0)
    n = max(min(n, MAX_BLOCK_BYTES / bytes_each), 1.0)
    quenched = grid.quenched_dims()
    points = range(len(grid.dims))
    order = [
        len(shape) - 1, *(d for d in points if not quenched[d]), len(shape) - 2, *(d for d in points if quenched[d]),
    ]  # fmt: skip
    names = grid.full_dims
    fixed = dict(fixed or {})
    for name, extent in fixed.items():
        if name not in names:
            raise InputError(f"block: unknown dimension {name!r}; {known(name, names)}")
        if extent < 1 or (name == "replica" and extent % lanes):
            raise InputError(
                f"block: {name}={extent} must be a positive multiple of {lanes if name == 'replica' else 1}"
            )
    most = max(n, MAX_BLOCK_BYTES / bytes_each)
    while True:
        out = [1] * len(shape)
        for d in order:
            if names[d] in fixed:
                out[d] = min(fixed[names[d]], shape[d])
                continue
            unit = lanes if names[d] == "replica" else 1
            units = shape[d] // unit
            fit = max(1, min(units, int(n / (math.prod(out) * unit))))
            out[d] = -(-units // -(-units // fit)) * unit  # even pieces
        blocks = len(Blocks(shape, tuple(out)))
        if blocks <= MAX_BLOCKS or n >= min(most, total):
            break
        n = min(n * 1.25, most)  # blocks of whole rows are smaller than n, and so more than total / n
    if blocks > MAX_BLOCKS:
        raise InputError(
            f"{blocks} blocks of {tuple(out)} are more than {MAX_BLOCKS}: take larger blocks or fewer points"
        )
    return tuple(out)


# ---------------------------------------------------------------- what is missing, order and packing


StatusOf = Callable[[tuple[int, ...], tuple[slice, ...]], "np.ndarray | None"]
"""(block index, box) -> the block's committed status, int8 over the box; None where all of it is done."""


def missing(
    blocks: Blocks, request: Request, status_of: StatusOf, retry_failed: bool
) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """The blocks that a request has work in, each with the simulations to run (none, where only marks change)."""
    for index in blocks:
        box = blocks.slices(index)
        stored = status_of(index, box)
        if stored is None or not request.touches(box):
            continue
        status = request.status(box, stored)
        wanted = request.wanted(box, status, retry_failed)
        if wanted.any() or not np.array_equal(status, stored):
            yield index, wanted


def tally(blocks: Blocks, request: Request, status_of: StatusOf) -> dict[str, int]:
    """How many of the asked simulations are done, failed and pending."""
    out = {"done": 0, "failed": 0, "pending": 0}
    for index in blocks:
        box = blocks.slices(index)
        if not request.touches(box):
            continue
        stored = status_of(index, box)
        status = np.ones([s.stop - s.start for s in box], np.int8) if stored is None else request.status(box, stored)
        asked = status[request.wanted(box, np.zeros_like(status), False)]
        for word, code in (("done", DONE), ("failed", FAILED), ("pending", PENDING)):
            out[word] += int((asked == code).sum())
    return out


def pack(
    blocks: Iterable[tuple[tuple[int, ...], float]], target: float, most: int = 64
) -> list[tuple[float, list[tuple[int, ...]]]]:
    """Blocks with their expected seconds -> tasks of one or more whole blocks, longest expected first.

    A task is filled up to `target` seconds or `most` blocks, so that thousands of tiny blocks do not each pay the
    scheduler's milliseconds.
    """
    tasks: list[tuple[float, list[tuple[int, ...]]]] = []
    seconds = 0.0
    members: list[tuple[int, ...]] = []
    for index, cost in sorted(blocks, key=lambda b: (-b[1], b[0])):
        if members and (seconds + cost > target or len(members) >= most):
            tasks.append((seconds, members))
            seconds, members = 0.0, []
        seconds, members = seconds + cost, [*members, index]
    if members:
        tasks.append((seconds, members))
    return tasks


def wall_seconds(tasks: Sequence[float], threads: int) -> float:
    """Expected wall time of tasks in the given order on so many threads: greedy list scheduling."""
    free = [0.0] * threads
    for seconds in tasks:
        i = min(range(threads), key=free.__getitem__)
        free[i] += seconds
    return max(free)
