"""A run folder followed while it fills: what is committed, and the values of the observable that is looked at.

Made from the store alone, so that it does not matter who computes. The ledger is listed, and an entry or a chunk is
read when it is new, so that a look costs a directory listing and what came in since the last one. No code of the
workflow is loaded.
"""

from __future__ import annotations

import functools
import heapq
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass import ledger
from isinglass.dataset import Store, open_zarr, read_block
from isinglass.figures.base import words
from isinglass.generations import current
from isinglass.inspection import newest
from isinglass.ledger import DamagedError, Json, Mark
from isinglass.models.base import Model
from isinglass.planning import DONE, FAILED, PENDING, SKIPPED, block_index
from isinglass.sweep import Grid

if TYPE_CHECKING:
    import xarray as xr

STATES = (PENDING, DONE, FAILED, SKIPPED)
FEW = 3
"""Failures that are kept of each block."""
RECENT, LONG = 120.0, 3600.0
"""Seconds over which the rate is measured; the longer one where few blocks came in."""
LARGE = 10**7
"""Samples in all from which on the values of one observable only are kept."""

Key = tuple[str, tuple[int, ...]]
"""An observable and the index along each of its own dims."""
Box = tuple[tuple[int, ...], tuple[slice, ...]]
"""Index and extent of a block."""


@dataclass
class Shown:
    """Values of one observable, as sums over the replicas of a block: (points..., sample, blocks along replica)."""

    sums: np.ndarray
    counts: np.ndarray
    seen: dict[str, Mark] = field(default_factory=dict)
    torn: dict[str, str] = field(default_factory=dict)


class Scene:
    """One generation of a run folder as its newest request sees it, read bit by bit.

    `states`: int32 (points..., 4), the simulations of each point that are pending, done, failed, skipped. `changed`
    counts up with everything that comes in.
    """

    def __init__(self, store: Store) -> None:
        d = store.declaration
        axes = {name: tuple(values) for name, values in d["axes"]}
        bare = Grid(
            Model, axes, d["points"], d["samples"], d["replicas"], d["fixed"], {}, d["seed"], tuple(d["paired"])
        )
        self.store, self.grid = store, bare
        self.stamp = _stamp(store)
        self.record, _, self.request = newest(store, bare)
        self.name = f"{store.number}-{self.record['name']}"
        self.dataset: xr.Dataset = open_zarr(store.path)
        self.changed = 0
        self.states = self._untouched(tuple(slice(0, n) for n in bare.full_shape))
        self.seen: dict[str, Mark] = {}
        self.listed: dict[str, Mark] = {}
        self.tallies: dict[str, np.ndarray] = {}
        self.asked: dict[str, tuple[int, int]] = {}
        self.done = self.failed = 0
        self.failures: dict[str, list[tuple[list[int], Json]]] = {}
        self.unreadable: dict[str, str] = {}
        self.arrivals: list[tuple[float, int]] = []
        self.newest, self.read = 0.0, 1.0
        self.longer: dict[tuple[str, int], np.ndarray] = {}
        self.shown: dict[Key, Shown] = {}

    @property
    def here(self) -> bool:
        """Whether it is still what the folder holds: no newer generation, no newer request, not another run."""
        stems = ledger.stems(self.store.requests)
        return (
            bool(stems) and stems[-1].stem == self.record["name"]
            and _stamp(self.store) == self.stamp and not self.store.superseded
        )  # fmt: skip

    @functools.cached_property
    def sizes(self) -> dict[str, int]:
        """How many values each axis has, or each column of a list of points."""
        return {name: len(set(values)) for name, values in self.grid.axes.items()}

    @functools.cached_property
    def values(self) -> dict[str, np.ndarray]:
        """The values of each axis or column, as figures name them."""
        return {name: words(self.dataset, name) for name in self.grid.axes}

    # ------------------------------------------------------------ reading

    def advance(self, key: Key | None, seconds: float) -> float:
        """Read what is new, for at most so long. Returns the share of the committed blocks that has been read.

        Raises FileNotFoundError where the store is taken away.
        """
        until = time.monotonic() + seconds
        if self.read >= 1:  # else there is enough to read of the last listing
            self.listed = ledger.marks(self.store.ledger, self.seen)
            for name in self.seen.keys() - self.listed.keys():
                self._take_out(name)
        shown = self._values(key) if key else None
        for name, mark in list(self.listed.items()):
            if self.seen.get(name) == mark and (shown is None or shown.seen.get(name) == mark):
                continue
            found = self.box(name)
            if self.seen.get(name) != mark and not self._enter(name, mark, found):
                continue
            if shown is not None and key is not None:
                self._decode(key, shown, name, mark, found)
            if time.monotonic() > until:
                break
        read = len(self.seen) if shown is None else len(shown.seen)
        self.read = min(read / len(self.listed), 1.0) if self.listed else 1.0
        return self.read

    def box(self, name: str) -> Box | None:
        """Index and extent of a block; None for a file that is named like no block of this grid."""
        try:
            index = block_index(name)
        except ValueError:
            return None
        counts = self.store.blocks.counts
        if len(index) != len(counts) or any(not 0 <= i < n for i, n in zip(index, counts, strict=True)):
            return None
        return index, self.store.blocks.slices(index)

    def _enter(self, name: str, mark: Mark, found: Box | None) -> bool:
        """Read a block's entry; False where it was replaced just now."""
        status, failures = None, []
        if found is not None and mark[0] == "part":
            shape = tuple(s.stop - s.start for s in found[1])
            try:
                entry = ledger.read_entry(self.store.ledger, name, "part")
                status, failures = entry["status"].reshape(shape), entry.get("failures", [])[:FEW]
                self.unreadable.pop(name, None)
            except FileNotFoundError:
                self.listed.pop(name, None)  # the next listing has it
                return False
            except (DamagedError, ValueError, OSError) as error:
                self.unreadable[name] = str(error)
                status = np.zeros(shape, np.int8)  # as good as never written: it is computed again
        self.seen[name] = mark
        self.newest = max(self.newest, mark[2] / 1e9)
        self.changed += 1
        if found is not None:
            self.failures.pop(name, None)
            if failures:
                self.failures[name] = [(self._place(failure), failure) for failure in failures]
            self._count(name, found[1], status, mark[2] / 1e9)
        return True

    def _count(self, name: str, box: tuple[slice, ...], status: np.ndarray | None, written: float) -> None:
        """Put a block's states in the place of what was counted of it before. `status`: None where all is done."""
        if status is None:  # the same at all points
            tally = np.zeros((*[1] * (len(box) - 2), len(STATES)), np.int32)
            tally[..., DONE] = math.prod(s.stop - s.start for s in box[-2:])
            now = (int(self.request.keep[box[:-2]].sum()) * self._deep(box), 0)
        else:
            whole = self.request.status(box, status)
            wanted = self.request.wanted(box, np.zeros_like(whole), False)
            each = [((whole == code) & (wanted | (code != PENDING))).sum((-2, -1)) for code in STATES]
            tally = np.stack(each, -1).astype(np.int32)
            now = (int((whole[wanted] == DONE).sum()), int((whole[wanted] == FAILED).sum()))
        before = self.tallies.get(name)
        self.states[box[:-2]] += tally - (self._untouched(box) if before is None else before)
        old = self.asked.get(name, (0, 0))
        self.tallies[name], self.asked[name] = tally, now
        self.done, self.failed = self.done + now[0] - old[0], self.failed + now[1] - old[1]
        if (more := sum(now) - sum(old)) > 0 and written > time.time() - LONG:
            self.arrivals.append((written, more))

    def _untouched(self, box: tuple[slice, ...]) -> np.ndarray:
        """The states of a box's points before anything is committed. What nobody asks for is not pending."""
        keep, covered = self.request.keep[box[:-2]], self.request.covered[box[:-2]]
        extent = math.prod(s.stop - s.start for s in box[-2:])
        out = np.zeros((*keep.shape, len(STATES)), np.int32)
        out[..., PENDING], out[..., SKIPPED] = keep * self._deep(box), (covered & ~keep) * extent
        return out

    def _deep(self, box: tuple[slice, ...]) -> int:
        """Simulations of each point in a box that the request is deep enough to ask for."""
        depths = (self.request.samples, self.request.replicas)
        return math.prod(max(min(s.stop, n) - s.start, 0) for s, n in zip(box[-2:], depths, strict=True))

    def _take_out(self, name: str) -> None:
        """A block whose entry is gone: damaged, and to be computed again."""
        del self.seen[name]
        self.changed += 1
        found = self.box(name)
        self.failures.pop(name, None)
        self.unreadable.pop(name, None)
        for shown in self.shown.values():
            if shown.seen.pop(name, None) and found is not None:
                self._put(shown, found, np.zeros(()), np.zeros((), bool))
            shown.torn.pop(name, None)
        if found is not None and name in self.tallies:
            self.states[found[1][:-2]] += (self._untouched(found[1]) - self.tallies.pop(name)).astype(np.int32)
            done, failed = self.asked.pop(name)
            self.done, self.failed = self.done - done, self.failed - failed

    # ------------------------------------------------------------ values

    def _values(self, key: Key) -> Shown:
        """What is known of an observable; the longest unused are forgotten."""
        shown = self.shown.pop(key, None)
        if shown is None:
            shape = (*self.grid.shape, self.grid.samples, self.store.blocks.counts[-1])
            shown = Shown(np.zeros(shape), np.zeros(shape, np.int32))
        self.shown[key] = shown
        while len(self.shown) > (1 if shown.sums.size > LARGE else 3):
            del self.shown[next(iter(self.shown))]
        return shown

    def _decode(self, key: Key, shown: Shown, name: str, mark: Mark, found: Box | None) -> None:
        shown.seen[name] = mark
        self.changed += 1
        if found is None:
            return
        observable, at = key
        done, values = np.zeros((), bool), np.zeros(())
        try:
            chunks = read_block(self.store, found[1], [observable, *(["status"] if mark[0] == "part" else [])])
            place: Any = (..., *at)
            values = chunks[observable][place]
            done = chunks["status"] == DONE if "status" in chunks else np.ones(values.shape, bool)
            shown.torn.pop(name, None)
        except (DamagedError, OSError) as error:
            if self.store.folder.exists():
                shown.torn[name] = str(error)
        for dim, i in zip(self._own(observable), at, strict=True):
            if f"{dim}_length" in self.dataset.coords and done.ndim:
                done &= self._longer(dim, i)[found[1][:-2]][..., None, None]
        self._put(shown, found, values, done)

    def _put(self, shown: Shown, found: Box, values: np.ndarray, done: np.ndarray) -> None:
        index, box = found
        x = np.abs(values) if values.dtype.kind == "c" else values.astype(float)
        good = done & ~np.isnan(x)
        if not good.ndim:
            good, x = good[None], x[None]
        where: Any = (*box[:-1], index[-1])
        shown.sums[where], shown.counts[where] = np.where(good, x, 0.0).sum(-1), good.sum(-1)

    def _own(self, observable: str) -> list[str]:
        return next(o["dims"] for o in self.store.declaration["observables"] if o["name"] == observable)

    def _longer(self, dim: str, index: int) -> np.ndarray:
        """The points at which an own dim is longer than an index, bool (points...)."""
        if (dim, index) not in self.longer:
            length = self.dataset[f"{dim}_length"]
            over = [n if d in length.dims else 1 for d, n in zip(self.grid.dims, self.grid.shape, strict=True)]
            full = length.transpose(*(d for d in self.grid.dims if d in length.dims)).values.reshape(over)
            self.longer[dim, index] = np.broadcast_to(full > index, self.grid.shape)
        return self.longer[dim, index]

    # ------------------------------------------------------------ in time

    def rate(self, began: float | None) -> float | None:
        """Asked simulations a second, of late; None before the first. `began`: when those at work began."""
        now = time.time()
        self.arrivals = [arrival for arrival in self.arrivals if arrival[0] > now - LONG]
        since = began or min((t for t, _ in self.arrivals), default=now)
        for window in (RECENT, LONG):
            start = max(since, now - window)
            came = [n for t, n in self.arrivals if t >= start]
            if len(came) >= 5 or (came and window == LONG):
                return sum(came) / max(now - start, 0.1)
        return None

    @functools.cached_property
    def _ranks(self) -> dict[str, dict[Any, int]]:
        """Where each value stands on its axis."""
        return {name: {value: i for i, value in enumerate(values)} for name, values in self.grid.axes.items()}

    def _place(self, failure: Json) -> list[int]:
        """What failures are sorted by: their labels, in the order of the axes."""
        at = [ranks.get(failure["parameters"].get(name), 0) for name, ranks in self._ranks.items()]
        return [*at, failure["sample"], failure["replica"]]

    def failures_first(self, number: int) -> list[Json]:
        """The first failures in label order."""
        every = (placed for name in sorted(self.failures) for placed in self.failures[name])
        return [failure for _, failure in heapq.nsmallest(number, every, key=lambda placed: placed[0])]


def _stamp(store: Store) -> tuple[int, int] | None:
    """What tells this generation from one that came to the same place later; None where it is gone."""
    try:
        found = (store.folder / "declaration.json").stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def scene_of(root: Path, before: Scene | None) -> Scene | None:
    """The scene of now: the same one, or a new one where the run was extended or asked for something else.

    None where the folder holds no run (any more). Raises InputError for one that cannot be read.
    """
    if before is not None and before.here:
        return before
    store = current(root) if root.is_dir() else None
    return None if store is None else Scene(store)


def in_flight(scene: Scene) -> Sequence[Json]:
    """Who says to be working on which block, the dead among them with `dead`."""
    runs = sorted(ledger.in_flight(scene.store.ledger), key=lambda r: str(r["block"]))
    return [run | {"dead": not ledger.alive(run)} for run in runs]
