"""Two tasks one after the other: bits retained against λ, one curve per regulariser, for both optimisers.

A coarse look at the primary condition of docs/protocols/continual-learning.md. The protocol itself: `continual-tuning`,
then `continual-evaluation`; their seeds are not used here.
"""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, plane
from isinglass.figures import CurvePanels
from isinglass.models.continual_learning import ContinualLearning

ARMS = ["none", "l2", "ewc", "temporal", "ewc_all", "orthogonal", "mutual"]
WEAK, STRONG = 10.0 ** np.arange(-3, 2), 10.0 ** np.arange(2, 9)


def has(p: dict[str, object]) -> bool:
    """`none` needs one λ; the Fisher information of a fitted network is small, so that of `ewc` is large."""
    arm, strength = str(p["regulariser"]), float(str(p["strength"]))
    return strength <= 1e-3 if arm == "none" else (strength > 30) == arm.startswith("ewc")


workflow = Workflow(
    title="Continual learning",
    model=ContinualLearning,
    axes={"regulariser": ARMS, "strength": [*WEAK, *STRONG], "optimiser": ["adam", "momentum"]},
    fixed={"family": "random", "patterns_b": 100},
    derived={
        "rate": lambda p: 0.005 if p["optimiser"] == "adam" else 0.5,
        "anchor": lambda p: 0.0 if p["regulariser"] == "ewc_all" else 0.01,
    },
    where=has,
    paired=("regulariser", "strength", "anchor"),
    samples=6,
    seed=7200,
    stages=[
        coherence.mean,
        memory.mean,
        errors.mean("bits_retained", "accuracy_a", "accuracy_b", "unit_overlap", "mutual_alignment", "converged"),
        plane.concordance(strength=(1e-3, 1e8)),
    ],
    figures=[
        CurvePanels(x="strength", observable="bits_retained", colour="regulariser", panels="optimiser",
                    lines={"two tasks, 200 bits": 200.0}, labels={"strength": r"strength $\lambda$"},
                    title="Bits retained of two tasks, by what holds the network near the first", name="bits_retained"),
    ],
    presets={"paper": {"axes": {"strength": [*np.geomspace(1e-3, 10, 9), *np.geomspace(100, 1e9, 15)]},
                       "samples": 32}},
)  # fmt: skip
