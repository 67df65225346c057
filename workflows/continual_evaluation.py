"""Evaluation of the protocol docs/protocols/continual-learning.md: every arm at its tuned λ, all 8 conditions, paired.

TUNED is what `continual-tuning` chose, on other seeds. For `mutual` at λ = 0.1 in the primary condition:
`--set regulariser=none,temporal,mutual --set strength=0.1,0.2 --set family=random --set patterns_b=100`.
"""

from isinglass import Workflow
from isinglass.analysis import errors, paired
from isinglass.figures import Intervals
from isinglass.models.continual_learning import ContinualLearning

ARMS = ["none", "l2", "ewc", "temporal", "ewc_all", "orthogonal", "mutual"]
OPTIMISERS, FAMILIES, SIZES = ["adam", "momentum"], ["random", "teacher"], [100, 400]
CONDITIONS = [(o, f, p) for o in OPTIMISERS for f in FAMILIES for p in SIZES]
TUNED = {  # by condition, in that order
    "none": (1e-3,) * 8,
    "l2": (0.01, 0.00316, 0.00316, 0.00316, 0.01, 0.00316, 0.01, 0.00316),
    "ewc": (3.16e3, 3.16e3, 3.16e3, 1e3, 3.16e3, 3.16e3, 3.16e4, 1e4),
    "ewc_all": (1e4, 3.16e3, 1e4, 3.16e3, 3.16e4, 1e4, 3.16e5, 1e5),
    "orthogonal": (10.0, 10.0, 10.0, 10.0, 0.1, 10.0, 0.0316, 0.316),
    "temporal": (0.0316, 0.0316, 0.0316, 0.01, 0.0316, 0.0316, 0.1, 0.0316),
    "mutual": (0.000316, 0.0001, 1e-5, 0.000316, 1e-5, 0.0316, 0.1, 1e-5),
}


def tuned(p: dict[str, object]) -> float:
    """λ of an arm in a condition."""
    k = CONDITIONS.index((p["optimiser"], p["family"], p["patterns_b"]))  # type: ignore[arg-type]
    return TUNED[str(p["regulariser"])][k]


averaged = ("bits_retained", "bits_a", "bits_b", "retained_fraction", "accuracy_a_before", "accuracy_a", "accuracy_b",
            "fresh_accuracy_a", "unit_overlap", "mutual_alignment", "kernel_alignment", "gradient_cosine", "memory",
            "converged")  # fmt: skip

workflow = Workflow(
    title="Continual learning: evaluation",
    model=ContinualLearning,
    axes={"regulariser": ARMS, "optimiser": OPTIMISERS, "family": FAMILIES, "patterns_b": SIZES},
    fixed={"copies": 1},
    derived={
        "strength": tuned,
        "rate": lambda p: 0.005 if p["optimiser"] == "adam" else 0.5,
        "anchor": lambda p: 0.0 if p["regulariser"] == "ewc_all" else 0.01,
    },
    paired=("regulariser", "strength", "anchor"),
    samples=32,
    seed=7202,
    stages=[
        errors.mean(*averaged),
        paired.differences("bits_retained", "regulariser", "temporal"),
        paired.differences("bits_retained", "regulariser", "mutual"),
        paired.differences("bits_retained", "regulariser", "none"),
        paired.prediction("gradient_cosine", "bits_a", "regulariser"),
    ],
    figures=[
        Intervals(quantity="bits_retained_gain_of_temporal", rows=("optimiser", "family", "patterns_b"),
                  colour="regulariser", values=("none", "l2", "ewc", "ewc_all"), name="gain",
                  labels={"patterns_b": r"$P_\mathrm{B}$", "regulariser": "control",
                          "bits_retained_gain_of_temporal": "bits retained: temporal alignment less control (bit)"},
                  title="Temporal alignment against each control, paired by seed"),
    ],
    presets={"paper": {"samples": 128}},
)  # fmt: skip
