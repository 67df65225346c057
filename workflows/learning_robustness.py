"""What noisy and what cut couplings leave of three learning rules: recall from a cue of overlap 0.8, T = 0."""

from functools import partial

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, phases
from isinglass.figures import Line, PhaseDiagram, PhaseLines
from isinglass.models.learning_rules import AttractorNetwork
from isinglass.theory.learning_rules import static_noise_capacity

map_ = partial(
    PhaseDiagram, x="load", panels=("final_overlap_mean",), facet="rule", log=("load",),
    boundary="final_overlap_capacity", labels={"final_overlap_mean": r"final overlap $\langle m \rangle$"},
)  # fmt: skip
lines = partial(
    PhaseLines, observable="final_overlap_capacity", colour="rule", over=("load",),
    labels={"final_overlap_capacity": r"load at which $\langle m \rangle$ = 0.9"},
)  # fmt: skip


def estimate(rule: str, fault: str, style: str) -> Line:
    """The static-noise estimate of the capacity as a curve over one fault."""
    text = f"static noise, {rule.replace('_', '-')}"
    return Line(text, lambda x: static_noise_capacity(rule, **{fault: x}), style)


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
    ],
    figures=[
        map_(y="weight_noise", at={"dilution": 0}, title="Recall from a cue of 0.8, noisy couplings", name="rules_noise"),
        map_(y="dilution", at={"weight_noise": 0}, title="Recall from a cue of 0.8, cut couplings", name="rules_cuts"),
        lines(x="weight_noise", at={"dilution": 0}, name="rules_noise_capacity",
              theory=[estimate("pseudo_inverse", "weight_noise", "--"), estimate("hebb", "weight_noise", ":")],
              title="Capacity with noisy couplings, cue 0.8"),
        lines(x="dilution", at={"weight_noise": 0}, name="rules_cuts_capacity",
              theory=[estimate("pseudo_inverse", "dilution", "--"), estimate("hebb", "dilution", ":")],
              title="Capacity with cut couplings, cue 0.8"),
    ],
    presets={"paper": {"axes": {"load": np.round(np.geomspace(0.005, 0.7, 50), 4)}, "fixed": {"neurons": 1000},
                       "samples": 128}},
)  # fmt: skip
