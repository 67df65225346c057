"""The coordinates of a declared grid: names, dims, values and attributes. Pure functions; no file is touched."""

from __future__ import annotations

import math
from collections.abc import Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.ledger import Json
from isinglass.models.base import parameters
from isinglass.sweep import POINT, Grid, varying_dims

if TYPE_CHECKING:
    from isinglass.dataset import OwnDim


def coordinates_of(grid: Grid, own: Mapping[str, OwnDim]) -> dict[str, tuple[tuple[str, ...], np.ndarray, Json]]:
    """Every coordinate: name -> (dims, values, attributes)."""
    specs = parameters(grid.model)
    kinds: dict[type, Any] = {float: np.float64, int: np.int64, bool: np.bool_, str: object}
    out: dict[str, tuple[tuple[str, ...], np.ndarray, Json]] = {}

    def add(name: str, dims: tuple[str, ...], values: np.ndarray) -> None:
        spec = specs[name]
        flags = {"quenched": int(spec.quenched), "paired": int(name in grid.paired or not spec.keyed)}
        attributes = {"units": spec.units, "long_name": spec.doc, **flags}
        out[name] = (dims, values.astype(kinds[spec.type]), attributes)

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


def plain(value: Any) -> Any:
    """Attributes as JSON holds them everywhere: Python numbers, and non-finite ones as strings."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def digest(own: Mapping[str, OwnDim]) -> str:
    """A hash of every coordinate of own dims."""
    h = blake2b(digest_size=16)
    for name, dim in sorted(own.items()):
        h.update(f"{name} {sorted(dim.attributes.items())} {dim.values.tolist()}".encode())
        for array in (dim.lengths, dim.point_values):
            h.update(b"" if array is None else array.tobytes())
    return h.hexdigest()
