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
    "found_mean": "share of runs that find the factor",
    "antisymmetric_weight_mean": "antisymmetric factor, share of squared weights",
}
AXES = ("observed_steps", "noise_level")
PANELS = ("found_mean", "antisymmetric_weight_mean")
diagram = partial(PhaseDiagram, x=AXES[0], y=AXES[1], panels=PANELS, log=AXES, labels=LABELS)

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
        diagram(at={"field": "dirac", "network": "first"}, name="factor_dirac_first",
                title="Dirac field, both fields seen"),
        diagram(at={"field": "dirac", "network": "hidden"}, name="factor_dirac_hidden",
                title="Dirac field, partners hidden"),
        diagram(at={"field": "klein_gordon", "network": "hidden"}, name="factor_klein_gordon_hidden",
                title="Klein-Gordon field, partners hidden"),
    ],
    presets={"paper": {"axes": {"noise_level": np.geomspace(0.003, 1, 16)}, "samples": 64}},
)  # fmt: skip
