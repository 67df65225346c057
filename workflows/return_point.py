"""What is left of return-point memory at T > 0: (R, T) map beside the largest step of the loop, at one ramp rate.

The connected overlap is undefined where the turn left no spin down (no part of the loop is between its ends).
"""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, phases
from isinglass.figures import PhaseDiagram
from isinglass.models.random_field import RandomFieldIsing

workflow = Workflow(
    title="Random-field Ising model: return-point memory at finite temperature",
    model=RandomFieldIsing,
    axes={"disorder": np.linspace(1.5, 5.0, 15), "temperature": np.linspace(0.0, 2.0, 11)},
    fixed={"dimension": 3, "size": 12, "field_step": 0.1, "sweeps": 5, "excursion": 2.0, "reach": 6.0},
    samples=8,
    seed=1995,
    stages=[
        errors.mean(
            "return_overlap", "connected_overlap", "history_overlap", "inner_overlap", "changed", "coercive_field",
            "loop_area", "largest_step", "turning_magnetisation",
        ),
        phases.boundary("largest_step", along="disorder", threshold=0.5),
    ],
    figures=[
        PhaseDiagram(
            x="disorder", y="temperature", panels=("connected_overlap_mean", "largest_step_mean"),
            boundary="largest_step_boundary", name="return_point",
            labels={"connected_overlap_mean": "connected return overlap", "largest_step_mean": "largest step / N",
                    "largest_step_boundary": "half of the spins turn in one step (95 % interval)"},
            title="Return-point memory and the largest step of the loop",
        ),
        PhaseDiagram(
            x="disorder", y="temperature", panels=("history_overlap_mean",), limits=(-1.0, 1.0), colours="RdBu_r",
            name="return_history", labels={"history_overlap_mean": "history overlap"},
            title="History overlap of the returned state",
        ),
    ],
    presets={"paper": {"axes": {"disorder": np.linspace(1.0, 6.0, 41), "temperature": np.linspace(0.0, 2.0, 21)},
                       "fixed": {"size": 32, "field_step": 0.05, "reach": 8.0}, "samples": 16}},
)  # fmt: skip
