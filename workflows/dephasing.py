"""Dephasing over dose and size: what is left of the l1 coherence of product, cat and critical ground state."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, phases
from isinglass.figures import PhaseDiagram, PhaseLines
from isinglass.models.dephasing import Dephasing
from isinglass.theory import transverse_ising as theory

DOSE = {
    "dose": r"dephasing dose $\gamma t$",
    "remaining_l1_mean": r"$l_1$ coherence left",
    "remaining_l1_boundary": "half is left",
}

workflow = Workflow(
    title="Dephasing of N spins",
    model=Dephasing,
    axes={"dose": np.linspace(0, 0.5, 26), "spins": [4, 6, 8, 10, 12, 14], "state": ["product", "cat", "ground"]},
    fixed={"trajectories": 4000, "field": 1.0},
    samples=8,
    seed=1976,
    stages=[
        errors.mean("remaining_l1", "l1_coherence", "sampled_l1", "purity", "sampled_purity", "converged"),
        phases.boundary("remaining_l1", along="dose", threshold=0.5),
    ],
    figures=[
        PhaseDiagram(x="dose", y="spins", panels=("remaining_l1_mean",), facet="state", labels=DOSE,
                     boundary="remaining_l1_boundary", title="Coherence left after dephasing", name="dephasing_map"),
        PhaseLines(x="dose", observable="sampled_l1", colour="spins", at={"state": "product"}, log=("sampled_l1",),
                   limits=(3, 3e7),
                   theory=lambda dose, spins: theory.product_l1(dose, spins), source=r"$(1 + e^{-\gamma t})^N - 1$",
                   labels={**DOSE, "sampled_l1_mean": r"$l_1$ coherence of 4000 trajectories"},
                   title="Product state: trajectories beside the closed form", name="dephasing_sampled"),
    ],
    presets={"paper": {"axes": {"dose": np.linspace(0, 0.5, 51), "spins": [4, 6, 8, 10, 12, 14, 16, 18]},
                       "samples": 32}},
)  # fmt: skip
