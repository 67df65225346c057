"""Finite-size scaling of the order at K_c: r ~ N^-x, with frequencies drawn at random and with quantiles.

The slope of ln r against ln N, of the means, with its error by the bootstrap over samples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import PhaseLines
from isinglass.models.kuramoto import Kuramoto

if TYPE_CHECKING:
    import xarray as xr


def slope(ds: xr.Dataset) -> xr.Dataset:
    """`scaling_exponent` x by draw, its error, from all sizes."""
    means = errors.sample_means(ds["order_parameter"], ds["status"])
    spread = errors.resampled_means(means, int(ds.attrs.get("seed", 0)))

    def fitted(curves: xr.DataArray) -> xr.DataArray:
        x = np.log(curves["oscillators"]) - np.log(curves["oscillators"]).mean()
        return -(np.log(curves) * x).sum("oscillators") / (x**2).sum()

    value = fitted(means.mean("sample")).assign_attrs(units="1", long_name="x of r ~ N^-x")
    return value.to_dataset(name="scaling_exponent").assign(scaling_exponent_error=fitted(spread).std("resample"))


workflow = Workflow(
    title="Kuramoto oscillators: finite-size scaling at K_c",
    model=Kuramoto,
    axes={"oscillators": [100, 200, 400, 800, 1600, 3200], "draw": ["random", "quantiles"]},
    fixed={"frequencies": "gaussian", "width": 1.0, "coupling": float(np.sqrt(8 / np.pi)), "time_step": 0.1,
           "steps": 4000, "records": 1, "copies": 1},
    derived={"equilibration": lambda p: 8 * p["oscillators"]},  # r decays as t^-1/2 here
    samples=32,
    seed=2007,
    stages=[errors.mean("order_parameter", "susceptibility", "converged"), slope],
    figures=[
        PhaseLines(x="oscillators", observable="order_parameter", colour="draw", log=("oscillators", "order_parameter"),
                   title=r"Order at $K_c$ against size", name="kuramoto_scaling"),
    ],
    presets={"paper": {"axes": {"oscillators": [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600]},
                       "fixed": {"steps": 20000}, "samples": 256}},
)  # fmt: skip
