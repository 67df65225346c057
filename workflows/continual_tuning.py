"""Tuning of the protocol docs/protocols/continual-learning.md: bits retained against λ, every arm, all 8 conditions.

One λ axis serves all arms: those of elastic weight consolidation (`ewc`, `ewc_all`) take the part from 10^2 on, the
others that up to 10^3, `none` the first value alone. Where a best λ lies at an edge: `--set strength=...` with more.
"""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, paired
from isinglass.models.continual_learning import ContinualLearning

ARMS = ["none", "l2", "ewc", "temporal", "ewc_all", "orthogonal", "mutual"]
GRID = [*(f"{x:.3g}" for x in np.geomspace(1e-3, 10, 9)), *(f"{x:.3g}" for x in np.geomspace(1e4, 1e9, 11))]
FIRST = 1e-3


def has(p: dict[str, object]) -> bool:
    """Whether an arm takes this λ."""
    arm, strength = p["regulariser"], float(str(p["strength"]))
    if arm == "none":
        return strength == FIRST
    return strength >= 100 if str(arm).startswith("ewc") else strength <= 1000


workflow = Workflow(
    title="Continual learning: tuning",
    model=ContinualLearning,
    axes={
        "regulariser": ARMS,
        "strength": [float(x) for x in GRID],
        "optimiser": ["adam", "momentum"],
        "family": ["random", "teacher"],
        "patterns_b": [100, 400],
    },
    fixed={"copies": 1},
    derived={
        "rate": lambda p: 0.005 if p["optimiser"] == "adam" else 0.5,
        "anchor": lambda p: 0.0 if p["regulariser"] == "ewc_all" else 0.01,
    },
    where=has,
    paired=("regulariser", "strength", "anchor"),
    samples=8,
    seed=7201,
    stages=[
        errors.mean("bits_retained", "bits_a", "accuracy_a", "accuracy_b", "converged", "gradient_cosine"),
        paired.best("bits_retained", "strength", "regulariser", "none", guard="accuracy_b", slack=0.01),
    ],
)
