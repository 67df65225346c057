"""Local Onsager forms of gravity: invariance and memory of a gauge field, by two ratios to Einstein-Hilbert."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import PhaseDiagram, Points
from isinglass.models.onsager_tensor import OnsagerTensor

LABELS = {"mixed_ratio": r"$c_4$ / Einstein-Hilbert", "divergence_ratio": r"$c_{35}$ / Einstein-Hilbert",
          "log_defect_mean": r"$\log_{10}$ defect $\|BG\|/\|B\|$",
          "log_change_mean": r"$\log_{10}$ rate of change of a gauge field"}  # fmt: skip
ROUNDING = 1e-16
POINT = [Points("Einstein-Hilbert: zero to rounding", name, lambda: (np.ones(1), np.ones(1), np.full(1, -16.0)))
         for name in ("log_defect_mean", "log_change_mean")]  # fmt: skip

workflow = Workflow(
    title="Onsager forms of gravity around Einstein-Hilbert",
    model=OnsagerTensor,
    axes={"mixed_ratio": np.linspace(0.5, 1.5, 11), "divergence_ratio": np.linspace(0.5, 1.5, 11)},
    fixed={"length": 8},
    samples=3,
    seed=2020,
    stages=[
        errors.mean("defect", "lowest_eigenvalue", "gauge_memory", "gauge_change", "graviton_rate", "conformal_rate",
                    "diverged"),
        errors.estimate("log_defect", lambda d: np.log10(np.maximum(d, ROUNDING)), of=("defect",),
                        long_name="log10 of the defect"),
        errors.estimate("log_change", lambda d: np.log10(np.maximum(d, ROUNDING)), of=("gauge_change",),
                        long_name="log10 of the rate of change of a gauge field"),
    ],
    figures=[
        PhaseDiagram(x="mixed_ratio", y="divergence_ratio", panels=("log_defect_mean", "log_change_mean"),
                     limits=(-2.0, 0.2), labels=LABELS, points=POINT, colours="viridis",
                     title="Local Onsager forms in three dimensions", name="onsager_map"),
    ],
    presets={
        "paper": {
            "axes": {"mixed_ratio": np.linspace(0.5, 1.5, 41), "divergence_ratio": np.linspace(0.5, 1.5, 41)},
            "fixed": {"length": 12},
            "samples": 8,
        }
    },
)  # fmt: skip
