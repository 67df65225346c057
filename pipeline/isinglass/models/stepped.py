"""Models that run step by step from a state that can be kept: what may be recorded on the way, and gone on from.

This file holds no physics and is not part of a model's code hash.
"""

from __future__ import annotations

import math
import typing
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from isinglass.models.base import Model, parameters

State = dict[str, np.ndarray]
"""The arrays of `layout`, each with replica as leading axis."""
BINARY = "binary"
Layout = dict[str, tuple[tuple[int, ...], str]]


class Stepped(Model):
    """A model whose run is a sequence of steps, from 0 (its start) to `total()`.

    Besides what a `Model` defines, subclasses define `duration`, `layout`, `begin`, `advance` and `observe` in place of
    `simulate`; for custom observables `exposed` and `expose`; for snapshots `configuration`, `configuration_dtype` and
    `sites`. Advancing from 0 to t and then to `total()` must give the bytes of advancing at once, also where the state
    at t was that of a shorter run.
    """

    duration: ClassVar[str] = ""
    """The whole-number parameter that says how long a run is; nothing before its end may depend on it."""
    exposed: ClassVar[Mapping[str, str]] = {}
    """What a custom observable may ask for by the names of its arguments: name -> dtype, shape and meaning."""
    configuration: ClassVar[str] = ""
    """Which exposed array is the snapshot: one number a site."""
    configuration_dtype: ClassVar[str] = BINARY
    """Its dtype in the store; `binary` packs ±1 into bits."""

    def total(self) -> int:
        """Number of steps from the start to the end."""
        raise _lacking(self, "total")

    def sites(self) -> int:
        """Length of the configuration."""
        raise _lacking(self, "sites")

    def layout(self) -> Layout:
        """The state of one replica: name -> (shape, dtype), all that a continuation needs.

        With `duration`, shapes may grow at the end of their axes.
        """
        raise _lacking(self, "layout")

    def prepare(self, disorder: np.ndarray) -> Any:
        """What all replicas of a sample share, and all points with its quenched values: couplings, say."""
        return disorder

    def begin(self, sample: Any, noise: np.ndarray) -> State:
        """The state at step 0: `sample` of `prepare`, `noise` uint64 (replica, 4). What is not reached yet is 0."""
        raise _lacking(self, "begin")

    def advance(self, sample: Any, state: State, first: int, last: int) -> None:
        """Carry the state from step `first` to step `last`, in place."""
        raise _lacking(self, "advance")

    def observe(self, sample: Any, state: State) -> dict[str, np.ndarray]:
        """The observables at the end, replica leading, as `simulate` returns them."""
        raise _lacking(self, "observe")

    def expose(self, name: str, sample: Any, state: State, replica: int) -> np.ndarray:
        """One of the `exposed` arrays, of one replica, now."""
        raise _lacking(self, "expose")

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        return {name: x[0] for name, x in self.simulate_batch([self], disorder[None], noise[None]).items()}

    @classmethod
    def simulate_batch(
        cls, models: typing.Sequence[typing.Self], disorder: np.ndarray, noise: np.ndarray
    ) -> dict[str, np.ndarray]:
        """See `Model.simulate_batch`. Override it where a faster way gives the same bytes."""
        results = []
        for model, sample, streams in zip(models, samples(models, disorder), noise, strict=True):
            state = model.begin(sample, streams)
            model.advance(sample, state, 0, model.total())
            results.append(model.observe(sample, state))
        return {o.name: np.stack([np.asarray(r[o.name]) for r in results]) for o in cls.observables}


def _lacking(model: Stepped, method: str) -> TypeError:
    return TypeError(f"{type(model).__name__} defines no {method}(): a Stepped model needs it here")


def samples(models: typing.Sequence[Stepped], disorder: np.ndarray) -> typing.Iterator[Any]:
    """`prepare` of each pair, made once where pairs that follow each other share their sample."""
    known: tuple[Any, ...] = ()
    sample = None
    quenched = [name for name, spec in parameters(type(models[0])).items() if spec.quenched]
    for model, stream in zip(models, disorder, strict=True):
        asked = (stream.tobytes(), *(getattr(model, name) for name in quenched))
        if asked != known:
            sample, known = model.prepare(stream), asked
        yield sample


def state_bytes(layout: Layout) -> int:
    """Bytes of one replica's packed state."""
    return sum(math.prod(shape) * np.dtype(dtype).itemsize for shape, dtype in layout.values())


def pack_state(layout: Layout, state: State) -> np.ndarray:
    """The state as it is kept, uint8 (replica, bytes): its arrays in order of the layout, C-ordered, little-endian.

    Raises TypeError where the state is not as declared.
    """
    parts = []
    for name, (shape, dtype) in layout.items():
        array = state[name]
        if array.shape[1:] != tuple(shape) or array.dtype != np.dtype(dtype):
            raise TypeError(f"state {name!r} is {array.dtype} {array.shape[1:]}, its layout says {dtype} {shape}")
        little = np.ascontiguousarray(array, np.dtype(dtype).newbyteorder("<"))
        parts.append(little.reshape(len(array), -1).view(np.uint8).reshape(len(array), -1))
    return np.concatenate(parts, axis=1)


def unpack_state(layout: Layout, packed: np.ndarray, state: State) -> None:
    """Write packed states, uint8 (replica, bytes), over the front of a begun state that may be longer."""
    at = 0
    for name, (shape, dtype) in layout.items():
        size = math.prod(shape) * np.dtype(dtype).itemsize
        raw = np.ascontiguousarray(packed[:, at : at + size])
        values = raw.view(np.dtype(dtype).newbyteorder("<")).reshape(len(packed), *shape)
        state[name][(slice(None), *(slice(0, n) for n in shape))] = values
        at += size
