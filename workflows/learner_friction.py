"""Learners from inertia to friction, from classical to quantum: four equations, each in its corner."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, winners
from isinglass.figures import Line, WinnerMap
from isinglass.models.learners import Learners
from isinglass.theory import learners as theory

OF = {
    "l1_hamilton_jacobi": "Hamilton-Jacobi",
    "l1_fokker_planck": "Fokker-Planck",
    "l1_schroedinger": "Schroedinger",
    "l1_drift_diffusion": "quantum drift-diffusion",
}
WIDTH = 0.5
GROUND = 2 * WIDTH**2  # ħ at which the start has the width of the ground state


def quantum_friction(friction: np.ndarray, temperature: float) -> np.ndarray:
    """Where heat and quantum pressure of the start are equal, on the friction side."""
    return np.where(friction > 2, theory.quantum_friction(temperature, WIDTH) / GROUND, np.nan)


workflow = Workflow(
    title="Learners with friction in a harmonic potential, after t = max(1.2, η/ω)/ω",
    model=Learners,
    axes={"friction": [float(f"{10 ** (k / 4):.4g}") for k in range(-8, 8)],
          "kappa": [float(f"{1 + 10 ** (k / 2) / 4:.10g}") for k in range(-8, 5)],
          "temperature": [0.002, 0.1]},
    fixed={"quartic": 0.0, "width": WIDTH, "learners": 32, "start": "random"},
    derived={"duration": lambda p: max(1.2, p["friction"])},
    samples=8, seed=2008, paired=("kappa", "temperature", "friction", "duration"),
    stages=[errors.only("converged", errors.mean(*OF, "l1_closure", "rank_memory", "phase_coherence")),
            errors.mean("converged"),
            errors.only("converged", winners.winner("winner", tuple(OF), even=0.03))],
    figures=[
        WinnerMap(x="friction", y="kappa", facet="temperature", of=OF, log=("friction", "kappa"), darkest=0.6,
                  scale={"kappa": (r"$\hbar/2m\omega\sigma_0^2$", lambda k: np.sqrt(k - 1) / GROUND)},
                  lines=[Line(r"$\hbar = 2\sigma_0\sqrt{mT}$", quantum_friction, "--")],
                  verticals={r"$\eta = 2\omega$": 2.0},
                  labels={"friction": r"friction $\eta/\omega$", "temperature": "T"}, name="learner_friction"),
    ],
    presets={"paper": {"axes": {"friction": [float(f"{10 ** (k / 15):.4g}") for k in range(-30, 31)],
                                "kappa": [float(f"{1 + 10 ** (k / 10) / 4:.10g}") for k in range(-40, 21)]},
                       "fixed": {"learners": 64}}},
)  # fmt: skip
