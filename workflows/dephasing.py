"""Dephasing over dose and size: what is left of the l1 coherence of product, cat and critical ground state."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, phases
from isinglass.figures import Line, PhaseDiagram, PhaseLines
from isinglass.models.dephasing import Dephasing
from isinglass.theory import transverse_ising as theory

DOSE = {
    "dose": r"dephasing dose $\gamma t$",
    "remaining_l1_mean": r"$l_1$ coherence left",
    "remaining_l1_boundary": "half is left",
}

SIZES = np.linspace(3, 20, 341)


def half(dose: np.ndarray, state: str) -> np.ndarray:
    """N at which half is left of a product or a cat at this dose; NaN for the ground state."""
    doses = theory.half_dose(state, SIZES)[::-1]
    return np.interp(dose, doses, SIZES[::-1], left=np.nan, right=np.nan)


def entropy(dose: np.ndarray, state: str) -> np.ndarray:
    """Relative entropy of coherence per spin, N = 8; NaN for the ground state."""
    return np.nan * dose if state == "ground" else theory.dephased_entropy(dose, 8 if state == "cat" else 1)


workflow = Workflow(
    title="Dephasing of N spins",
    model=Dephasing,
    axes={"dose": np.linspace(0, 0.5, 26), "spins": [4, 6, 8, 10, 12, 14], "state": ["product", "cat", "ground"]},
    fixed={"trajectories": 4000, "field": 1.0},
    samples=8,
    seed=1976,
    stages=[
        errors.mean("remaining_l1", "l1_coherence", "sampled_l1", "purity", "sampled_purity",
                    "coherence_entropy", "single_spin_purity", "converged"),
        phases.boundary("remaining_l1", along="dose", threshold=0.5),
    ],
    figures=[
        PhaseDiagram(x="dose", y="spins", panels=("remaining_l1_mean",), facet="state", labels=DOSE,
                     boundary="remaining_l1_boundary", lines=[Line("half is left, closed form", half)],
                     title="Coherence left after dephasing", name="dephasing_map"),
        PhaseLines(x="dose", observable="sampled_l1", colour="spins", at={"state": "product"}, log=("sampled_l1",),
                   limits=(3, 3e7),
                   theory=lambda dose, spins: theory.product_l1(dose, spins), source=r"$(1 + e^{-\gamma t})^N - 1$",
                   labels={**DOSE, "sampled_l1_mean": r"$l_1$ coherence of 4000 trajectories"},
                   title="Product state: trajectories beside the closed form", name="dephasing_sampled"),
        PhaseLines(x="dose", observable="coherence_entropy", colour="state", at={"spins": 8}, theory=entropy,
                   source="closed form", name="dephasing_entropy",
                   labels={**DOSE, "coherence_entropy_mean": "coherence $C_r/N$ (bit)"},
                   title="Relative entropy of coherence, z basis, N = 8"),
    ],
    presets={"paper": {"axes": {"dose": np.linspace(0, 0.5, 51), "spins": [4, 6, 8, 10, 12, 14, 16, 18]},
                       "samples": 32}},
)  # fmt: skip
