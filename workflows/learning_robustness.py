"""What noisy and what cut couplings leave of three learning rules: recall from a cue of overlap 0.8, T = 0."""

from functools import partial

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, phases
from isinglass.figures import Line, PhaseDiagram, PhaseLines
from isinglass.models.learning_rules import AttractorNetwork
from isinglass.theory.learning_rules import static_noise_capacity

labels = {
    "final_overlap_mean": r"final overlap $\langle m \rangle$",
    "weight_noise": r"weight noise $\Delta$",
    "dilution": "dilution: share of couplings cut",
    "final_overlap_capacity": r"measured, $\langle m \rangle$ = 0.9 (95 % interval)",
    "advantage_shift": r"$\ln(\alpha/\alpha_\mathrm{Hebb})$",
}
maps = partial(
    PhaseDiagram, x="load", panels=("final_overlap_mean",), facet="rule", log=("load",),
    boundary="final_overlap_capacity", labels=labels,
)  # fmt: skip
curves = partial(
    PhaseLines, observable="advantage_shift", colour="rule", over=("load",), labels=labels, limits=(-0.1, 1.4)
)


def estimate(fault: str) -> Line:
    """The static-noise estimate of ln(α/α_Hebb) for the pseudo-inverse as a curve over one fault."""

    def ratio(x: np.ndarray) -> np.ndarray:
        capacity = partial(static_noise_capacity, **{fault: x})
        return np.log(capacity("pseudo_inverse") / capacity("hebb"))

    return Line("static-noise estimate, pseudo-inverse", ratio, "--")


workflow = Workflow(
    title="Learning rules with faulty couplings",
    model=AttractorNetwork,
    axes={
        "rule": ["hebb", "storkey", "pseudo_inverse"],
        "load": np.round(np.geomspace(0.01, 0.7, 20), 4),
        "weight_noise": [0, 0.5, 1, 1.5, 2, 3],
        "dilution": [0, 0.2, 0.4, 0.6, 0.8, 0.9],
    },
    where=lambda p: p["weight_noise"] == 0 or p["dilution"] == 0,
    fixed={"cue": 0.8, "temperature": 0.0, "copies": 1, "equilibration": 500},
    samples=32,
    seed=1986,
    stages=[
        errors.mean("final_overlap", "unstable", "converged"),
        phases.capacity("final_overlap", theta=0.9),
        phases.compare("final_overlap", "load", 0.9, between="rule", base="hebb", units="1", name="advantage",
                       scale=lambda load, rule: np.log(load)),
    ],
    figures=[
        maps(y="weight_noise", at={"dilution": 0}, title="Cue of 0.8, noisy couplings, T = 0", name="rules_noise"),
        maps(y="dilution", at={"weight_noise": 0}, title="Cue of 0.8, cut couplings, T = 0", name="rules_cuts"),
        curves(x="weight_noise", at={"dilution": 0}, theory=[estimate("weight_noise")], name="rules_noise_advantage",
               title="Capacity over that of Hebb, noisy couplings"),
        curves(x="dilution", at={"weight_noise": 0}, theory=[estimate("dilution")], name="rules_cuts_advantage",
               title="Capacity over that of Hebb, cut couplings"),
    ],
    presets={"paper": {"axes": {"load": np.round(np.geomspace(0.005, 0.7, 50), 4)}, "fixed": {"neurons": 1000},
                       "samples": 128}},
)  # fmt: skip
