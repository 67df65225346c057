"""The capacity of the dense associative memory at T = 0, from the stored pattern itself: by size, cubic interaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, phases, scaling
from isinglass.figures import Line, PhaseLines
from isinglass.models.dense_memory import DenseAssociativeMemory
from isinglass.theory import dense

if TYPE_CHECKING:
    import xarray as xr


def recalled(ds: xr.Dataset) -> xr.Dataset:
    """1 where the overlap ends above 0.7, else 0: below the overlap at any fold, above what failures leave over."""
    out = (ds["final_overlap"] > 0.7).astype(float).where(ds["status"] == errors.DONE)
    return out.rename("recalled").assign_attrs(units="1", long_name="share of recalls").to_dataset()


labels = {
    "final_overlap_mean": r"final overlap $\langle m \rangle$",
    "recalled_capacity": r"load at which half recall",
    "load": r"load $P/N^2$",
}


def fold(neurons: np.ndarray) -> np.ndarray:
    """The fold of the no-reaction approximation, the same at every size."""
    return np.full(neurons.shape, dense.no_reaction_fold(3)[0])


workflow = Workflow(
    title="Dense associative memory: capacity at T = 0",
    model=DenseAssociativeMemory,
    axes={"load": np.linspace(0.04, 0.18, 15), "neurons": [50, 100, 200, 400]},
    fixed={"interaction": "cubic", "temperature": 0.0, "copies": 1, "equilibration": 200},
    samples=64,
    seed=2016,
    stages=[
        errors.mean("final_overlap", "unstable", "stable", "converged"),
        phases.capacity("final_overlap", theta=0.9),
        recalled,
        phases.capacity("recalled", theta=0.5),
        scaling.power("recalled_capacity", "neurons", exponent=1.0),
    ],
    figures=[
        PhaseLines(
            x="load", observable="final_overlap", colour="neurons", labels=labels, limits=(0, 1.05),
            theory=[Line("no-reaction approximation, cubic", lambda load: dense.no_reaction_overlap(load, 3))],
            title="From the stored pattern itself, T = 0", name="dense_capacity",
        ),
        PhaseLines(
            x="neurons", observable="recalled_capacity", over=("load",), labels=labels,
            theory=[Line("fold, no-reaction approximation, cubic", fold, "--")],
            title="Half-recall load by size, T = 0", name="dense_capacity_by_size",
        ),
    ],
    presets={"paper": {"axes": {"load": np.linspace(0.04, 0.18, 29), "neurons": [50, 100, 200, 400, 800]},
                       "samples": 256}},
)  # fmt: skip
