"""A raw dataset as a run leaves it, made of given numbers: dims (axes..., sample, replica, own...)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

QUENCHED = ("load", "spins")


def build(
    axes: dict[str, Any], observables: dict[str, np.ndarray], status: np.ndarray | None = None, seed: int = 1984
) -> xr.Dataset:
    """`observables` have shape (axes..., sample, replica); `load` and `spins` are quenched."""
    dims = (*axes, "sample", "replica")
    shape = next(iter(observables.values())).shape[: len(dims)]
    units = {"temperature": "k_B T/J", "load": "1"}
    coords = {
        k: (k, np.asarray(v), {"units": units.get(k, "1"), "long_name": k, "quenched": int(k in QUENCHED), "paired": 0})
        for k, v in axes.items()
    }
    coords |= {d: (d, np.arange(n), {}) for d, n in zip(dims[-2:], shape[-2:], strict=True)}
    if status is None:
        status = np.ones(shape, np.int8)
    out = xr.Dataset(coords=coords, attrs={"title": "synthetic test data", "model": "Synthetic", "seed": seed})
    for name, values in observables.items():
        own = tuple(f"own{i}" for i in range(values.ndim - len(dims)))
        out[name] = ((*dims, *own), values, {"units": "1", "long_name": name.replace("_", " ")})
    out["status"] = (dims, np.broadcast_to(status, shape).astype(np.int8), {"units": "1"})
    out["elapsed"] = (dims, np.ones(shape, np.float32), {"units": "s"})
    return out


@pytest.fixture
def raw() -> Callable[..., xr.Dataset]:
    return build
