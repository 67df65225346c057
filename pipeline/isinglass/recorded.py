"""A model that records: a subclass made when the workflow is declared.

Store, plan and identity follow from its observables and coordinates as from any other model's. Its streams, and so its
own observables, are those of the model.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import asdict
from typing import Any, ClassVar, Self, cast

import numpy as np

from isinglass.exceptions import InputError, known
from isinglass.models.base import Model, Observable, construct, parameters
from isinglass.models.stepped import BINARY, State, Stepped, pack_state, samples, state_bytes, unpack_state
from isinglass.recording import Custom, Record

TIME, SNAPSHOT_TIME, SITE, SITE_BYTE = "time", "snapshot_time", "site", "site_byte"
STATE, STATE_BYTE = "state", "state_byte"
Shorter = tuple[int, Mapping[str, np.ndarray]]
"""A done shorter run of one simulation: the value of its duration, and what is stored of it."""


class Recorded(Stepped):
    """Mixed into a Stepped model by `recorded`, before it."""

    _base: ClassVar[type[Stepped]]
    _record: ClassVar[Record]

    def coords(self) -> dict[str, tuple[Any, dict[str, str]]]:
        """See `Model.coords`; raises InputError where no record time lies within the run."""
        out = dict(super().coords())
        record, total = self._record, self.total()
        times = {TIME: record.steps(total)} if record.observables else {}
        times |= {SNAPSHOT_TIME: record.snapshot_steps(total)} if record.snapshots else {}
        for name, steps in times.items():
            if not len(steps):
                raise InputError(f"record: no {name} lies within its {total} steps: give earlier times")
            out[name] = (steps, {"units": "step", "long_name": "steps since the start"})
        if record.snapshots and self.configuration_dtype == BINARY:
            # the last one is the number of sites, which the number of bytes does not tell
            ends = np.minimum(np.arange(8, self.sites() + 8, 8), self.sites())
            out[SITE_BYTE] = (ends, {"units": "1", "long_name": "sites up to the end of this byte"})
        elif record.snapshots:
            out[SITE] = (np.arange(self.sites()), {"units": "1", "long_name": "site"})
        if record.keep_states:
            n = np.arange(state_bytes(self.layout()))
            out[STATE_BYTE] = (n, {"units": "1", "long_name": "byte of the state"})
        return out

    @classmethod
    def simulate_batch(cls, models: Sequence[Self], disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate_batch`."""
        return cls.continue_batch(models, disorder, noise, [[None] * noise.shape[1]] * len(models))

    @classmethod
    def continue_batch(
        cls,
        models: Sequence[Self],
        disorder: np.ndarray,
        noise: np.ndarray,
        shorter: Sequence[Sequence[Shorter | None]],
    ) -> dict[str, np.ndarray]:
        """As `simulate_batch`, going on from what `shorter` [pair][replica] has of a shorter run. The same bytes."""
        results: dict[str, list[np.ndarray]] = {o.name: [] for o in cls.observables}
        for model, sample, streams, done in zip(models, samples(models, disorder), noise, shorter, strict=True):
            own = {name: len(values) for name, (values, _) in model.coords().items()}
            for o in cls.observables:
                results[o.name].append(np.empty((len(streams), *(own[d] for d in o.dims)), o.dtype))
            for start, replicas in _by_start(done, cls.lanes).items():
                parts = [s[1] for s in (done[r] for r in replicas) if s is not None] if start is not None else []
                values = model._run(sample, streams[replicas], start, parts)
                for name, arrays in results.items():
                    arrays[-1][replicas] = values[name]
        return {name: np.stack(arrays) for name, arrays in results.items()}

    def _run(
        self, sample: Any, noise: np.ndarray, start: int | None, parts: Sequence[Mapping[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """Some replicas from the start, or from the ends of runs of duration `start`, of which `parts` is stored."""
        record, total = self._record, self.total()
        times, kept = record.steps(total), record.snapshot_steps(total)
        out = {c.name: np.empty((len(noise), len(times)), c.dtype) for c in record.observables}
        if record.snapshots:
            binary = self.configuration_dtype == BINARY
            shape = (len(noise), len(kept), -(-self.sites() // 8) if binary else self.sites())
            out[self.configuration] = np.empty(shape, "uint8" if binary else self.configuration_dtype)
        state, step, done = self.begin(sample, noise), 0, 0
        if start is not None:
            earlier = construct(type(self), {**asdict(cast(Any, self)), self.duration: start})
            layout, step = earlier.layout(), earlier.total()
            unpack_state(layout, np.stack([p[STATE][: state_bytes(layout)] for p in parts]), state)
            done = int((times <= step).sum())
            for name, array in out.items():
                n = int((kept <= step).sum()) if name == self.configuration else done
                array[:, :n] = np.stack([p[name][(slice(n), *map(slice, array.shape[2:]))] for p in parts])
        for i, t in enumerate(times[done:].tolist(), start=done):
            if t > step:
                self.advance(sample, state, step, t)
                step = t
            self._record_now(sample, state, i, np.flatnonzero(kept == t), out)
        if total > step:
            self.advance(sample, state, step, total)
        out |= self.observe(sample, state)
        if record.keep_states:
            out[STATE] = pack_state(self.layout(), state)
        return out

    def _record_now(self, sample: Any, state: State, i: int, snapshot: np.ndarray, out: dict[str, np.ndarray]) -> None:
        """Custom observables at the i-th record time, and the snapshot where this is one."""
        custom = self._record.observables
        names = {name for c in custom for name in c.arguments} | ({self.configuration} if len(snapshot) else set())
        for r in range(len(next(iter(state.values())))):
            now = {name: _guarded(self.expose(name, sample, state, r)) for name in names}
            for c in custom:
                out[c.name][r, i] = _number(c, c.function(*(now[name] for name in c.arguments)))
            for k in snapshot:
                sites = now[self.configuration]
                packed = self.configuration_dtype == BINARY
                out[self.configuration][r, k] = np.packbits(sites > 0, bitorder="little") if packed else sites


def _guarded(value: Any) -> Any:
    """A view that a custom observable cannot write to: it must not change what it looks at."""
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
    return value


def _number(custom: Custom, value: Any) -> Any:
    got = np.asarray(value)
    if got.ndim or not np.can_cast(got.dtype, custom.dtype, "same_kind"):
        what = f"an array {got.shape}" if got.ndim else str(got.dtype)
        raise TypeError(f"custom observable {custom.name!r} returned {what}; one number of dtype {custom.dtype} is due")
    out = got.astype(custom.dtype)
    if out.dtype.kind in "iu" and out != got:
        raise OverflowError(f"custom observable {custom.name!r} = {got} is beyond {custom.dtype}")
    return out


def _by_start(shorter: Sequence[Shorter | None], lanes: int) -> dict[int | None, list[int]]:
    """Replicas by the duration that is done of them; lanes of a group together, from the start if they differ."""
    out: dict[int | None, list[int]] = {}
    for first in range(0, len(shorter), lanes):
        group = shorter[first : first + lanes]
        starts = {s[0] if s is not None else None for s in group}
        out.setdefault(starts.pop() if len(starts) == 1 else None, []).extend(range(first, first + len(group)))
    return out


def recorded(model: type[Model], record: Record | None) -> type[Model]:
    """The model class that records; `model` itself where it does so already, its base where nothing is recorded.

    Raises InputError where the model cannot be recorded, or not that.
    """
    if isinstance(model, type) and issubclass(model, Recorded):
        if model._record == record:
            return model
        model = model._base
    if record is None:
        return model
    if not isinstance(record, Record):
        raise InputError(f"record = {record!r}: write Record(times=..., observables=(Custom(...),), snapshots=K)")
    specs = parameters(model)
    if not issubclass(model, Stepped):
        raise InputError(
            f"record: {model.__name__} is no Stepped model: its runs cannot be looked into, nor gone on with"
        )
    taken = {d for o in model.observables for d in o.dims} & {TIME, SNAPSHOT_TIME, SITE, SITE_BYTE, STATE_BYTE}
    if taken:
        raise InputError(f"record: {model.__name__} has a dim {taken.pop()!r} of its own already")
    for custom in record.observables:
        for name in custom.arguments:
            if name not in model.exposed:
                raise InputError(
                    f"record: custom observable {custom.name!r} asks for {name!r}, which {model.__name__} does not "
                    f"expose; {known(name, model.exposed)}"
                )
    if record.snapshots and model.configuration not in model.exposed:
        raise InputError(f"record: {model.__name__} declares no configuration to take snapshots of")
    if record.keep_states:
        spec = specs.get(model.duration)
        if spec is None or spec.type is not int or spec.quenched:
            raise InputError(
                f"record: {model.__name__} declares no duration, so that no longer run could go on from it"
            )
    functions = " ".join(f"{c.function.__module__}.{c.function.__name__}" for c in record.observables)
    namespace = {
        "__doc__": model.__doc__,
        "__module__": model.__module__,
        # no name by which another process could import it: `workflow.from_text` gives it one where there is a file
        "__qualname__": f"<locals>.{model.__qualname__} {record} {functions}",
        "observables": (*model.observables, *_extra(model, record)),
        "_base": model,
        "_record": record,
    }
    out = type(model.__name__, (Recorded, model), namespace)
    parameters(out)
    return out


def _extra(model: type[Stepped], record: Record) -> Iterator[Observable]:
    for c in record.observables:
        words = c.long_name or c.name.replace("_", " ")
        yield Observable(c.name, c.units, None, (TIME,), c.dtype, c.may_be_nan, words)
    if record.snapshots and model.configuration_dtype == BINARY:
        words = "+1 (bit set) or -1 of each site, eight to a byte, the first in the lowest bit"
        yield Observable(model.configuration, "1", None, (SNAPSHOT_TIME, SITE_BYTE), "uint8", long_name=words)
    elif record.snapshots:
        dtype, words = model.configuration_dtype, "configuration"
        yield Observable(model.configuration, "1", None, (SNAPSHOT_TIME, SITE), dtype, long_name=words)
    if record.keep_states:
        yield Observable(STATE, "1", None, (STATE_BYTE,), "uint8", long_name="what a longer run goes on from")


# ---------------------------------------------------------------- what else depends on it


def keeps_states(model: type[Model]) -> bool:
    """Whether longer runs of this model class can go on from what is stored."""
    return issubclass(model, Recorded) and model._record.keep_states


def sources(model: type[Model]) -> tuple[type[Model], list[Any], str]:
    """What a model class is made of: the model, the functions and the description of what it records."""
    if not issubclass(model, Recorded):
        return model, [], ""
    return model._base, [c.function.py_func for c in model._record.observables], str(model._record)


def extra_names(model: type[Recorded]) -> list[str]:
    """The variables that are recorded beside the model's own."""
    return [o.name for o in model.observables[len(model._base.observables) :]]


def sizes(model: type[Model], own: Mapping[str, Sized]) -> list[tuple[str, int]]:
    """Bytes a simulation of each recorded variable, before compression; `own`: the own dims."""
    if not issubclass(model, Recorded):
        return []
    extra = [o for o in model.observables if o.name in extra_names(model)]
    return [(o.name, np.dtype(o.dtype).itemsize * math.prod(len(own[d]) for d in o.dims)) for o in extra]


def lengthened(
    model: type[Model],
    axes: Mapping[str, Sequence[Any]],
    points: bool,
    fixed: Mapping[str, Any],
    derived: Mapping[str, Any],
    paired: Sequence[str],
) -> tuple[Mapping[str, Sequence[Any]], Mapping[str, Any], tuple[str, ...]]:
    """(axes, fixed, paired) of a sweep that can go on: the duration is an axis, along which the noise is the same.

    Raises InputError where the duration is derived: it could not be set to a longer one.
    """
    if not keeps_states(model):
        return axes, fixed, tuple(paired)
    name = cast(type[Stepped], model).duration
    if name in derived:
        raise InputError(f"record: keep_states needs {name!r} as an axis or fixed: a derived one cannot be made longer")
    if name not in axes:
        value = fixed.get(name, parameters(model)[name].default)
        count = len(next(iter(axes.values()), ())) if points else 1
        axes = {**axes, name: [value] * count}
        fixed = {k: v for k, v in fixed.items() if k != name}
    return axes, fixed, tuple(dict.fromkeys((*paired, name)))
