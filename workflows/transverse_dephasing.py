"""A stored pattern under a transverse field and dephasing, by trajectories: memory against the rate γ."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, memory
from isinglass.figures import PhaseLines
from isinglass.models.transverse_quench import TransverseQuench

LABELS = {
    "rate": r"dephasing rate $\hbar\gamma/J$",
    "field": "transverse field $h/J$",
    "retention_mean": r"retention $\sum\xi_i\langle Z_i\rangle/N$",
}


def steps(rate: float) -> int:
    """Time steps in 10 ħ/J."""
    return max(200, round(25 * rate))


workflow = Workflow(
    title="Transverse-field Ising ring: retention under dephasing",
    model=TransverseQuench,
    axes={"rate": np.geomspace(0.03, 100, 15), "field": [0.3, 0.6, 1.0, 2.0]},
    fixed={"spins": 8, "couplings": "stored", "shots": 8, "copies": 1},
    derived={  # γ dt <= 0.4, and a window from t = 10 to 20
        "time_step": lambda p: 10 / steps(p["rate"]),
        "equilibration": lambda p: steps(p["rate"]),
        "steps": lambda p: steps(p["rate"]),
    },
    samples=16,
    seed=1977,
    stages=[memory.mean, errors.mean("retention", "single_spin_purity", "transverse_magnetisation", "converged")],
    figures=[
        PhaseLines(x="rate", observable="memory", colour="field", log=("rate",), labels=LABELS, limits=(-0.05, 1.05),
                   title="Memory of a stored pattern, t = 10 to 20, N = 8", name="dephased_memory"),
        PhaseLines(x="rate", observable="retention", colour="field", log=("rate",), labels=LABELS,
                   title="Retention of the same runs", name="dephased_retention"),
    ],
    presets={"paper": {"axes": {"rate": np.geomspace(0.01, 300, 28)}, "fixed": {"spins": 12, "shots": 32},
                       "samples": 64}},
)  # fmt: skip
