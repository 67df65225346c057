"""The second law against Einstein-Hilbert: lowest eigenvalue and defect of local forms; the front between them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import PhaseLines
from isinglass.models.onsager_tensor import OnsagerTensor

if TYPE_CHECKING:
    import xarray as xr

RATIOS = np.arange(13) / 12
FLOORS = np.linspace(-0.5, 0.0, 21)
LABELS = {"trace_ratio": r"$c_2$ / Einstein-Hilbert", "dimensions": "$D$",
          "lowest_eigenvalue_mean": r"lowest eigenvalue of the form at $|k|=1$",
          "defect_mean": r"defect $\|BG\|/\|B\|$", "front": r"least defect $\|BG\|/\|B\|$",
          "floor": "lowest eigenvalue allowed (second law: 0)"}  # fmt: skip
along = partial(PhaseLines, x="trace_ratio", colour="dimensions", labels=LABELS)


def front(ds: xr.Dataset) -> xr.Dataset:
    """Least defect of all forms whose lowest eigenvalue is at least a floor; NaN where there are none."""
    import xarray as xr

    floor = xr.DataArray(FLOORS, dims="floor", attrs={"units": "1", "long_name": "lowest eigenvalue allowed"})
    ratios = ("trace_ratio", "mixed_ratio", "divergence_ratio")
    held = ds["defect_mean"].where(ds["lowest_eigenvalue_mean"] > floor.assign_coords(floor=floor) - 1e-12).min(ratios)
    return held.assign_attrs(units="1", long_name="least defect above a floor of the eigenvalues").to_dataset(
        name="front"
    )


workflow = Workflow(
    title="Onsager forms of gravity: second law against Einstein-Hilbert",
    model=OnsagerTensor,
    axes={"trace_ratio": np.arange(16) / 12, "mixed_ratio": RATIOS, "divergence_ratio": RATIOS, "dimensions": [3, 4]},
    fixed={"length": 5, "duration": 0.1, "time_step": 0.1},
    samples=1,
    seed=2020,
    stages=[errors.mean("defect", "lowest_eigenvalue", "conformal_production"), front],
    figures=[
        along(observable="lowest_eigenvalue", at={"mixed_ratio": 1.0, "divergence_ratio": 1.0}, name="onsager_lowest",
              title="Second law (>= 0), other ratios 1"),
        along(observable="defect", at={"mixed_ratio": 1.0, "divergence_ratio": 1.0}, name="onsager_defect",
              title="Invariance (0), other ratios 1"),
        PhaseLines(x="floor", observable="front", colour="dimensions", labels=LABELS, limits=(-0.01, 0.25),
                   over=("trace_ratio", "mixed_ratio", "divergence_ratio"), name="onsager_front",
                   title="Invariance against the second law"),
    ],
    presets={"paper": {"axes": {"trace_ratio": np.arange(31) / 24, "mixed_ratio": np.arange(25) / 24,
                                "divergence_ratio": np.arange(25) / 24}}},
)  # fmt: skip
