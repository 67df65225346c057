"""Training on records of a field: for how much noise and how few data weights with the right factor are learnt."""

from functools import partial

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import PhaseDiagram
from isinglass.models.factor_learning import FactorLearning

LABELS = {
    "observed_steps": "length of the record $T$ (steps)",
    "noise_level": r"noise $\sigma$",
    "found_mean": "share of runs with an antisymmetric factor",
    "recovery_error_mean": "relative error of the weights",
    "antisymmetric_weight_mean": "antisymmetric factor, share of squared weights",
}
AXES = ("observed_steps", "noise_level")
diagram = partial(PhaseDiagram, x=AXES[0], y=AXES[1], facet="network", log=AXES, labels=LABELS)

workflow = Workflow(
    title="Learning the factor of the weights",
    model=FactorLearning,
    axes={
        "observed_steps": [2, 4, 8, 16, 32, 64, 128, 256],
        "noise_level": [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1],
        "network": ["first", "second", "hidden"],
        "field": ["dirac", "klein_gordon"],
    },
    fixed={"spread": 0.01, "mass": 0.3, "sites": 8},
    samples=16,
    seed=1931,
    stages=[
        errors.mean("found", "recovery_error", "explained", "antisymmetric_share", "antisymmetric_weight", "odd_share",
                    "symmetric_share", "mass_squared", "converged", "diverged"),
    ],
    figures=[
        diagram(panels=("antisymmetric_weight_mean",), at={"field": "dirac"}, name="factor_weight_dirac",
                title="Antisymmetric factor in weights learnt from a Dirac field"),
        diagram(panels=("antisymmetric_weight_mean",), at={"field": "klein_gordon"}, name="factor_weight_klein_gordon",
                title="Antisymmetric factor in weights learnt from a Klein-Gordon field"),
        diagram(panels=("found_mean",), at={"field": "dirac"}, name="factor_found_dirac",
                title="Antisymmetric factor found in records of a Dirac field"),
        diagram(panels=("found_mean",), at={"field": "klein_gordon"}, name="factor_found_klein_gordon",
                title="Antisymmetric factor found in records of a Klein-Gordon field"),
        diagram(panels=("recovery_error_mean",), at={"field": "dirac"}, name="factor_error_dirac",
                title="Recovery of the generating weights, Dirac field"),
        diagram(panels=("recovery_error_mean",), at={"field": "klein_gordon"}, name="factor_error_klein_gordon",
                title="Recovery of the generating weights, Klein-Gordon field"),
    ],
    presets={"paper": {"axes": {"noise_level": np.geomspace(0.003, 1, 16)}, "samples": 64}},
)  # fmt: skip
