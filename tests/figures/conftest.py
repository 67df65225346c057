"""A small synthetic run (clearly no simulation) with its analysis, as a figure gets it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from isinglass.analysis import coherence, memory, phases


def build(
    loads=6, temperatures=9, samples=4, replicas=2, status: Callable[[np.ndarray], None] | None = None
) -> xr.Dataset:
    rng = np.random.default_rng(0)
    load, temperature = np.linspace(0.01, 0.2, loads), np.linspace(0, 1.2, temperatures)
    dims = ("load", "temperature", "sample", "replica")
    shape = (loads, temperatures, samples, replicas)
    middle = 0.9 - 4 * load[:, None, None, None] + 0.05 * rng.normal(size=(1, 1, samples, 1))
    m = 0.5 - 0.5 * np.tanh((temperature[:, None, None] - middle) / 0.1) + 0.01 * rng.normal(size=shape)
    q = np.maximum(m**2, 0.8 - 0.6 * temperature[:, None, None])
    state = np.ones(shape, np.int8)
    if status is not None:
        status(state)
    values = {"recall_overlap": m, "memory": m**3, "coherence": q, "blind_coherence": q / 2}
    ds = xr.Dataset(
        {k: (dims, np.where(state == 1, v, np.nan), {"units": "1", "long_name": k}) for k, v in values.items()},
        coords={
            "load": ("load", load, {"units": "1", "long_name": "load", "quenched": 1, "paired": 0}),
            "temperature": ("temperature", temperature, {"units": "1", "long_name": "T", "quenched": 0, "paired": 0}),
        },
        attrs={
            "title": "Synthetic test data",
            "seed": 7,
            "fixed": {"neurons": 100, "cue": {"value": 0.8, "units": "1"}},
        },
    )
    ds["status"] = (dims, state)
    stages = (memory.mean, coherence.mean, phases.boundary("recall_overlap", "temperature", 0.5, resamples=200))
    for stage in stages:
        ds = ds.merge(stage(ds))
    return ds


@pytest.fixture
def run() -> Callable[..., xr.Dataset]:
    return build
