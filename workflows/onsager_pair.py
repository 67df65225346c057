"""Entropy that two trainables produce, against the antisymmetric part of their Onsager tensor."""

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import PhaseLines
from isinglass.models.onsager_pair import OnsagerPair
from isinglass.theory.onsager import pair_production

workflow = Workflow(
    title="Entropy production of two trainables",
    model=OnsagerPair,
    axes={"turning": [0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0], "stiffness": [0.5, 1.0, 2.0]},
    fixed={"time_step": 0.005},
    samples=16,
    seed=2020,
    stages=[errors.mean("entropy_production", "variance", "converged")],
    figures=[
        PhaseLines(x="turning", observable="entropy_production", colour="stiffness", name="onsager_pair",
                   theory=lambda turning, stiffness: pair_production(turning, stiffness), source=r"$2\omega^2/\kappa$",
                   labels={"turning": r"antisymmetric part $\omega$", "stiffness": r"stiffness $\kappa$",
                           "entropy_production_mean": "entropy production (nat per unit time)"},
                   title="Antisymmetric Onsager part"),
    ],
    presets={"paper": {"samples": 64, "fixed": {"duration": 10000.0}}},
)  # fmt: skip
