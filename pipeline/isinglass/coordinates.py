"""The coordinates of a declared grid: names, dims, values and attributes. Pure functions; no file is touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from isinglass.arrays import Array
from isinglass.exceptions import InputError, known, told
from isinglass.ledger import Json
from isinglass.models.base import fill_value, parameters
from isinglass.sweep import POINT, Grid, describe, varying_dims
from isinglass.travel import names_along

# ---------------------------------------------------------------- own dimensions of observables


@dataclass(frozen=True)
class OwnDim:
    """A dimension of a model's own: one chunk spans it whole.

    `values` where all points agree (or differ in length only: the longest); else 0..n-1, with `point_values` over
    (points..., dim). `lengths` over (points...) where points differ in length, 0 where no point was kept.
    """

    name: str
    values: np.ndarray
    attributes: dict[str, str]
    lengths: np.ndarray | None = None
    point_values: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values)


def own_dims(grid: Grid, keep: np.ndarray) -> dict[str, OwnDim]:
    """The own dims of a model over a grid. Points outside `keep` count where they can be constructed.

    Raises InputError where an observable's dim has no coordinate.
    """
    found = grid.coords
    for row, error in found.errors.items():
        if keep.ravel()[row]:
            at = describe(grid, np.unravel_index(row, grid.shape))
            raise InputError(f"{grid.model.__name__}.coords() at {at} raises {told(error)}") from error
    for name in (d for o in grid.model.observables for d in o.dims):
        if name not in found.values:
            raise InputError(f"{grid.model.__name__}.coords() lacks the dim {name!r}; {known(name, found.values)}")
    return {
        name: _own_dim(name, values, found.which[name].reshape(grid.shape), found.attributes[name])
        for name, values in found.values.items()
    }


def _own_dim(name: str, values: list[np.ndarray], which: np.ndarray, attributes: dict[str, str]) -> OwnDim:
    """`values`: the distinct coordinates; `which`: whose is whose, -1 where a point has none."""
    longest = max(values, key=len)
    lengths = np.array([*map(len, values), 0])[which]
    differ = (lengths != len(longest)).any()
    if all(np.array_equal(v, longest[: len(v)]) for v in values):
        return OwnDim(name, longest, attributes, lengths if differ else None)
    if any(v.dtype.kind not in "biuf" for v in values):
        raise InputError(f"the words along {name!r} differ from point to point: only numbers may")
    padded = np.full((len(values) + 1, len(longest)), fill_value("float64"))
    for i, v in enumerate(values):
        padded[i, : len(v)] = v
    return OwnDim(name, np.arange(len(longest)), attributes, lengths if differ else None, padded[which])


# ---------------------------------------------------------------- all coordinates


def coordinates_of(grid: Grid, own: Mapping[str, OwnDim]) -> dict[str, tuple[tuple[str, ...], np.ndarray, Json]]:
    """Every coordinate: name -> (dims, values, attributes)."""
    specs = parameters(grid.model)
    kinds: dict[type, Any] = {float: np.float64, int: np.int64, bool: np.bool_, str: object, Array: object}
    out: dict[str, tuple[tuple[str, ...], np.ndarray, Json]] = {}

    def add(name: str, dims: tuple[str, ...], values: np.ndarray) -> None:
        spec = specs[name]
        flags = {"quenched": int(spec.quenched), "paired": int(name in grid.paired or not spec.keyed)}
        attributes = {"units": spec.units, "long_name": spec.doc, **flags}
        out[name] = (dims, values.astype(kinds[spec.type]), attributes)
        if spec.type is Array:
            out[f"{name}_label"] = (dims, names_along(values), {"units": "1", "long_name": f"name of {name}"})

    for name, axis in grid.axes.items():
        add(name, (POINT,) if grid.points else (name,), np.array(axis, dtype=object))
    for name, array in grid.derived.items():
        keep = varying_dims(array)
        reduced = array[tuple(slice(None) if i in keep else 0 for i in range(array.ndim))]
        add(name, tuple(grid.dims[i] for i in keep), np.asarray(reduced, dtype=object))
    if grid.points:
        out[POINT] = ((POINT,), np.arange(grid.shape[0]), {"units": "1", "long_name": "point of the list"})
    names = {"sample": "draw of the quenched disorder", "replica": "draw of the dynamics' noise on a sample"}
    for name, n in (("sample", grid.samples), ("replica", grid.replicas)):
        out[name] = ((name,), np.arange(n), {"units": "1", "long_name": names[name]})
    for dim in own.values():
        index = {"units": "1", "long_name": f"index along {dim.name}; its values are {dim.name}_value"}
        a = dict(dim.attributes) if dim.point_values is None else index
        out[dim.name] = ((dim.name,), dim.values, a)
        if dim.lengths is not None:
            a = {"units": "1", "long_name": f"true length of {dim.name}"}
            out[f"{dim.name}_length"] = (grid.dims, dim.lengths, a)
        if dim.point_values is not None:
            out[f"{dim.name}_value"] = ((*grid.dims, dim.name), dim.point_values, dict(dim.attributes))
    return out


def digest(own: Mapping[str, OwnDim]) -> str:
    """A hash of every coordinate of own dims."""
    h = blake2b(digest_size=16)
    for name, dim in sorted(own.items()):
        h.update(f"{name} {sorted(dim.attributes.items())} {dim.values.tolist()}".encode())
        for array in (dim.lengths, dim.point_values):
            h.update(b"" if array is None else array.tobytes())
    return h.hexdigest()
