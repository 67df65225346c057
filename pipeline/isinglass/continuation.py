"""Longer runs that go on from kept states: where the longest done shorter run is stored, and what it saves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

import numpy as np

from isinglass import ledger
from isinglass.dataset import Store, read_block
from isinglass.entries import codes
from isinglass.ledger import DamagedError
from isinglass.models.base import Model, Value, construct
from isinglass.models.stepped import Stepped
from isinglass.planning import DONE, Blocks, StatusOf, block_name
from isinglass.recorded import Recorded, Shorter, extra_names, keeps_states
from isinglass.simulation import Work
from isinglass.sweep import Grid

Place = tuple[int, ...]
LEAST = 0.02  # the share of a simulation's cost that going on takes at least


class ShorterRuns:
    """What one block's simulations can go on from, read from other blocks as they are asked for.

    Only what the same code computed is gone on with. A block that is damaged or missing is as good as not there: the
    simulation then runs from its start, to the same bytes.
    """

    def __init__(self, store: Store, model: type[Recorded], box: tuple[slice, ...], work: Work, code: str) -> None:
        self.store, self.model, self.box, self.code = store, model, box, code
        self.names = extra_names(model)
        axes: dict[str, tuple[Value, ...]] = {name: tuple(values) for name, values in store.declaration["axes"]}
        self.durations, self.find = axes[model.duration], finder(axes, store.declaration["points"], model.duration)
        self.own = self._index([s.start for s in box])
        self.work, self.foreign = work, work.status == DONE
        if self.foreign.any() and self._codes(block_name(self.own)) == [code]:
            self.foreign[...] = False
        self.read: dict[Place, tuple[np.ndarray, Mapping[str, np.ndarray]] | None] = {}

    def __call__(self, places: Sequence[Place], replicas: Sequence[int]) -> list[list[Shorter | None]]:
        """What the simulations at these places (point, sample) of the block can go on from, [pair][replica]."""
        return [[self._of(place, replica) for replica in replicas] for place in places]

    def _of(self, place: Place, replica: int) -> Shorter | None:
        at = [s.start + i for s, i in zip(self.box, (*place, replica), strict=True)]
        for point in self.find(tuple(at[:-2])):
            there = (*point, *at[-2:])
            index = self._index(there)
            found = self._block(index)
            if found is None:
                continue
            local = tuple(i - s.start for i, s in zip(there, self.store.blocks.slices(index), strict=True))
            if found[0][local]:
                return int(self._duration(point)), {name: found[1][name][local] for name in self.names}
        return None

    def _duration(self, point: Place) -> Value:
        dims = self.store.declaration["dims"]
        return self.durations[point[dims.index(self.model.duration) if self.model.duration in dims else 0]]

    def _index(self, at: Sequence[int]) -> Place:
        return tuple(i // b for i, b in zip(at, self.store.blocks.block, strict=True))

    def _block(self, index: Place) -> tuple[np.ndarray, Mapping[str, np.ndarray]] | None:
        """(which are done, what is recorded) of a block; of this one, what has been computed by now."""
        if index == self.own:
            return (self.work.status == DONE) & ~self.foreign, self.work.values
        if index not in self.read:
            while len(self.read) > 2:  # a block may weigh tens of MB; neighbours in time ask for the same ones
                del self.read[next(iter(self.read))]
            self.read[index] = self._load(index)
        return self.read[index]

    def _load(self, index: Place) -> tuple[np.ndarray, Mapping[str, np.ndarray]] | None:
        name = block_name(index)
        if ledger.suffix_of(self.store.ledger, name) is None:
            return None
        try:
            with ledger.locked(self.store.ledger, name):
                if self._codes(name) != [self.code]:
                    return None
                values = read_block(self.store, self.store.blocks.slices(index), ["status", *self.names])
        except DamagedError:
            return None
        return values.pop("status") == DONE, values

    def _codes(self, block: str) -> list[str]:
        suffix = ledger.suffix_of(self.store.ledger, block)
        try:
            return codes(ledger.read_entry(self.store.ledger, block, suffix or "done"))
        except (DamagedError, FileNotFoundError):
            return []


def shorter_runs(store: Store, model: type[Model], box: tuple[slice, ...], work: Work, code: str) -> ShorterRuns | None:
    """None where the model keeps no states: then nothing is looked for."""
    return ShorterRuns(store, cast(type[Recorded], model), box, work, code) if keeps_states(model) else None


def finder(axes: Mapping[str, Sequence[Value]], points: bool, duration: str) -> Callable[[Place], Iterator[Place]]:
    """A function of a point that yields those that differ in a shorter duration only, the longest first."""
    if not points:
        d = list(axes).index(duration)  # axes ascend
        return lambda at: ((*at[:d], i, *at[d + 1 :]) for i in range(at[d] - 1, -1, -1))
    others = [values for name, values in axes.items() if name != duration]
    alike: dict[tuple[Value, ...], list[int]] = {}
    rows = list(zip(*others, strict=True)) if others else [()] * len(axes[duration])
    for i in np.argsort(np.array(axes[duration]), kind="stable").tolist():
        alike.setdefault(rows[i], []).append(i)

    def find(at: Place) -> Iterator[Place]:
        line = alike[rows[at[0]]]
        yield from ((i,) for i in reversed(line[: line.index(at[0])]))

    return find


def saved(grid: Grid, blocks: Blocks, status_of: StatusOf) -> np.ndarray | None:
    """Cost that each simulation need not pay because a shorter run of it is done, over the grid's full shape.

    None where the model keeps no states.
    """
    if not keeps_states(grid.model):
        return None
    done = np.zeros(grid.full_shape, bool)
    for index in blocks:
        box = blocks.slices(index)
        status = status_of(index, box)
        done[box] = True if status is None else status == DONE
    find = finder(grid.axes, grid.points, cast(type[Stepped], grid.model).duration)
    out = np.zeros(grid.full_shape, np.float32)
    started = np.asarray(done.any(axis=(-2, -1)))
    cost = {tuple(at): construct(grid.model, grid.point(at)).cost() for at in np.argwhere(started).tolist()}
    for at in np.argwhere(~done.all(axis=(-2, -1))).tolist():
        shorter = [point for point in find(tuple(at)) if started[point]]
        if shorter:
            most = (1 - LEAST) * construct(grid.model, grid.point(at)).cost()
            for point in reversed(shorter):
                out[tuple(at)][done[point]] = min(cost[point], most)
    return out
