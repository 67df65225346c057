"""Learners near to and far from equilibrium: does κ or the distance say which equation they follow?"""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, phases, winners
from isinglass.figures import WinnerMap
from isinglass.models.learners import Learners

OF = {"l1_hamilton_jacobi": "Hamilton-Jacobi", "l1_schroedinger": "Schroedinger"}
LABELS = {"distance": r"distance from equilibrium $q_0/\sigma_0$"}

workflow = Workflow(
    title="Which equation learners with a Fisher interaction follow",
    model=Learners,
    axes={"kappa": [1.0, *(round(1 + 10 ** (k / 4), 8) for k in range(-12, 5))],
          "distance": [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0]},
    fixed={"start": "random"},
    samples=16, seed=2008, paired=("kappa", "distance"),
    stages=[errors.only("converged", errors.mean(*OF, "l1_limits", "quantum_ratio", "energy_drift", "rank_memory")),
            errors.mean("converged"),
            errors.only("converged", winners.winner("winner", tuple(OF), even=0.03)),
            phases.boundary("l1_hamilton_jacobi", "kappa", 0.1, ordered="high"),
            phases.boundary("l1_limits", "kappa", 0.1, ordered="high")],
    figures=[
        WinnerMap(x="kappa", y="distance", of=OF, scale={"kappa": (r"$\kappa - 1 = \mu^2\hbar^2$", lambda k: k - 1)},
                  log=("kappa",), darkest=0.6, labels=LABELS, name="learner_distance",
                  boundary={"l1_limits_boundary": r"Schroedinger to Hamilton-Jacobi: $L_1 = 0.1$"}),
    ],
    presets={"paper": {"axes": {"kappa": [1.0, *(round(1 + 10 ** (k / 8), 8) for k in range(-24, 9))],
                                "distance": np.round(np.linspace(0, 8, 33), 6)},
                       "samples": 32, "fixed": {"learners": 128, "resolution": 0.2}}},
)  # fmt: skip
