"""Tuning of the protocol docs/protocols/continual-learning.md: bits retained against λ, every arm, all 8 conditions.

The grid is two values a decade, 10^-3 ... 10^1, for `ewc` and `ewc_all` 10^4 ... 10^9. Where the best of an arm lay at
an edge it was extended, a decade at a time, down to 10^-5 or 10^2 and up to 10^3: LOWEST and HIGHEST say how far.
"""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, paired
from isinglass.figures import CurvePanels
from isinglass.models.continual_learning import ContinualLearning

ARMS = ["none", "l2", "ewc", "temporal", "ewc_all", "orthogonal", "mutual"]
OPTIMISERS, FAMILIES, SIZES = ["adam", "momentum"], ["random", "teacher"], [100, 400]
CONDITIONS = [(o, f, p) for o in OPTIMISERS for f in FAMILIES for p in SIZES]
LOWEST = {  # by condition, in that order
    "ewc": (1e3, 1e3, 1e3, 1e2, 1e3, 1e3, 1e4, 1e3),
    "ewc_all": (1e3, 1e3, 1e3, 1e3, 1e4, 1e3, 1e4, 1e4),
    "mutual": (1e-4, 1e-5, 1e-5, 1e-4, 1e-5, 1e-3, 1e-3, 1e-5),
}
HIGHEST = {"ewc": (1e9,) * 8, "ewc_all": (1e9,) * 8, "orthogonal": (1e2, 1e2, 1e2, 1e2, 1e1, 1e2, 1e1, 1e1)}


def has(p: dict[str, object]) -> bool:
    """Whether an arm takes this λ in this condition; `none` takes one."""
    arm, strength = str(p["regulariser"]), float(str(p["strength"]))
    k = CONDITIONS.index((p["optimiser"], p["family"], p["patterns_b"]))  # type: ignore[arg-type]
    if arm == "none":
        return strength == 1e-3
    return LOWEST.get(arm, (1e-3,) * 8)[k] <= strength <= HIGHEST.get(arm, (1e1,) * 8)[k]


workflow = Workflow(
    title="Continual learning: tuning",
    model=ContinualLearning,
    axes={
        "regulariser": ARMS,
        "strength": [float(f"{x:.3g}") for x in np.geomspace(1e-5, 1e9, 29)],
        "optimiser": OPTIMISERS,
        "family": FAMILIES,
        "patterns_b": SIZES,
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
    figures=[
        CurvePanels(x="strength", observable="bits_retained", colour="regulariser", panels="optimiser",
                    at={"family": "random", "patterns_b": 100}, lines={"two tasks, 200 bits": 200.0},
                    labels={"strength": r"strength $\lambda$"}, name="tuning",
                    title="Bits retained of two tasks, random labels, by what holds the network near the first"),
        CurvePanels(x="strength", observable="bits_retained", colour="regulariser", panels="optimiser",
                    at={"family": "teacher", "patterns_b": 100}, lines={"two tasks, 200 bits": 200.0},
                    labels={"strength": r"strength $\lambda$"}, name="tuning_teacher",
                    title="Bits retained of two tasks, teachers, by what holds the network near the first"),
    ],
    presets={"paper": {"samples": 32}},
)  # fmt: skip
