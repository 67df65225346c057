"""Learners on a ring carry any winding; Schroedinger's equation has whole ones alone."""

from functools import partial

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import PhaseLines
from isinglass.models.ring_learners import RingLearners

lines = partial(PhaseLines, x="winding", colour="modulation", at={"learners": 64})
LABELS = {"winding": r"winding $\alpha$ of the learners", "modulation": "modulation $b$",
          "l1_single_mean": "L1 to Schroedinger, nearest whole winding",
          "l1_twisted_mean": r"L1 to Schroedinger, twisted by $e^{2\pi i\alpha}$"}  # fmt: skip

workflow = Workflow(
    title="Learners on a ring: single-valuedness",
    model=RingLearners,
    axes={"winding": np.linspace(0, 2, 17), "modulation": [0.1, 0.3, 1.0], "learners": [32, 64]},
    samples=4,
    seed=1994,
    stages=[errors.only("converged", errors.mean("l1_twisted", "l1_single", "l1_start", "circulation")),
            errors.mean("energy_drift", "converged")],
    figures=[
        lines(observable="l1_single", log=("l1_single",), limits=(1e-4, 300.0), labels=LABELS, name="ring_winding",
              title="Learners on a ring against single-valued waves"),
        lines(observable="l1_twisted", log=("l1_twisted",), limits=(1e-4, 300.0), labels=LABELS, name="ring_twisted",
              title="Learners on a ring against twisted waves"),
    ],
    presets={"paper": {"axes": {"winding": np.linspace(0, 3, 49), "learners": [32, 64, 128]}, "samples": 16}},
)  # fmt: skip
