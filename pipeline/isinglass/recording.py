"""What a workflow records beside a model's own observables: custom observables, snapshots, states to go on from."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isinglass.exceptions import InputError
from isinglass.kernels.jit import is_compiled
from isinglass.models.base import Observable


@dataclass(frozen=True)
class Spaced:
    """Record times that follow the length of a run: see `linear` and `log`."""

    kind: str
    count: int

    def steps(self, total: int) -> np.ndarray:
        if self.kind == "log":
            return np.unique(np.rint(np.geomspace(1, total, self.count)).astype(np.int64))
        steps = np.unique(np.rint(total * np.arange(1, self.count + 1) / self.count).astype(np.int64))
        return np.asarray(steps[steps > 0])


def linear(count: int) -> Spaced:
    """Record at `count` evenly spaced steps, the last step among them."""
    return Spaced("linear", _count("linear", count))


def log(count: int) -> Spaced:
    """Record at up to `count` steps evenly spaced in their logarithm, from 1 to the last step, each once."""
    return Spaced("log", _count("log", count))


def _count(what: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise InputError(f"record: {what} = {value!r}: it is a whole number, at least 1")
    return int(value)


@dataclass(frozen=True)
class Custom:
    """An observable of one's own: a function under the decorator `isinglass.kernels.jit.jit` that returns one number.

    The names of its arguments say what it gets: those that the model exposes (`isinglass show MODEL`). Each run calls
    it at the record times; the variable has the dim `time`.
    """

    name: str
    function: Any
    units: str = "1"
    long_name: str = ""
    dtype: str = "float64"
    may_be_nan: bool = False

    def __post_init__(self) -> None:
        Observable(self.name, self.units, dtype=self.dtype)
        python = getattr(self.function, "py_func", self.function)
        name = getattr(python, "__name__", repr(python))
        what = f"record: custom observable {self.name!r}"
        if name == "<lambda>" or "<locals>" in getattr(python, "__qualname__", ""):
            raise InputError(f"{what} is a lambda or a function within another: write `def` at the top of the file")
        if not is_compiled(self.function):
            raise InputError(f"{what}: {name} is not compiled: write @jit above it (from isinglass.kernels.jit)")
        kinds = {p.kind for p in inspect.signature(python).parameters.values()}
        if not kinds <= {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY}:
            raise InputError(f"{what}: {name} takes plain arguments only, by the names of what the model exposes")

    @property
    def arguments(self) -> tuple[str, ...]:
        return tuple(inspect.signature(self.function.py_func).parameters)


@dataclass(frozen=True)
class Record:
    """What a workflow records. Nothing is recorded unless it is asked for.

    `times`: steps at which to record, counted from the start (0), or `linear(n)`, `log(n)`; explicit ones beyond a
    point's run are left out there. `observables`: of the state at these times. `snapshots`: how many of these times
    also keep the whole configuration, evenly chosen, the last among them. `keep_states`: keep what a longer run needs
    to go on.
    """

    times: Sequence[int] | Spaced = ()
    observables: Sequence[Custom] = ()
    snapshots: int = 0
    keep_states: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.times, Spaced):
            object.__setattr__(self, "times", _explicit(self.times))
        given = (self.observables,) if isinstance(self.observables, Custom) else tuple(self.observables)
        object.__setattr__(self, "observables", given)
        for custom in given:
            if not isinstance(custom, Custom):
                raise InputError(f"record: {custom!r} is no custom observable: write Custom(NAME, FUNCTION, units=...)")
        if self.snapshots:
            _count("snapshots", self.snapshots)
        timed = bool(given or self.snapshots)
        if timed and not self.times:
            raise InputError("record: at which steps? Write times=log(20), times=linear(20) or times=(10, 100, 1000)")
        if not timed and not self.keep_states:
            raise InputError("record: nothing to record: give observables, snapshots or keep_states=True")
        if timed and self.keep_states and isinstance(self.times, Spaced):
            raise InputError(
                f"record: times={self.times.kind}({self.times.count}) moves with the length of a run, so that a longer "
                "one could not go on from it: give explicit times, up to the longest run that you plan"
            )

    def steps(self, total: int) -> np.ndarray:
        """The record times of a run of so many steps, int64, ascending."""
        if isinstance(self.times, Spaced):
            return self.times.steps(total)
        return np.array([t for t in self.times if t <= total], np.int64)

    def snapshot_steps(self, total: int) -> np.ndarray:
        """Those of the record times that keep a snapshot. Explicit ones are chosen before a run's end is looked at."""
        all_ = self.steps(total) if isinstance(self.times, Spaced) else np.array(self.times, np.int64)
        count = min(self.snapshots, len(all_))
        if not count:
            return all_[:0]
        chosen = all_[np.rint(len(all_) * np.arange(1, count + 1) / count).astype(int) - 1]
        return np.asarray(chosen[chosen <= total])

    def __str__(self) -> str:
        """What of it the recorded values depend on."""
        times = f"{self.times.kind}({self.times.count})" if isinstance(self.times, Spaced) else f"{self.times}"
        asked = ", ".join(f"{c.name}: {c.dtype} = {c.function.__name__}" for c in self.observables)
        return f"times={times} observables=({asked}) snapshots={self.snapshots} keep_states={self.keep_states}"


def _explicit(times: Any) -> tuple[int, ...]:
    try:
        steps = [int(t) for t in times]
        whole = all(int(t) == t for t in times)
    except (TypeError, ValueError):
        steps, whole = [], False
    if not whole or any(t < 0 for t in steps) or sorted(set(steps)) != steps:
        raise InputError(f"record: times = {times!r}: ascending whole numbers of steps, linear(n) or log(n)")
    return tuple(steps)
