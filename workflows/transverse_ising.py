"""The transverse-field Ising ring at rest: order, gap, coherence and single-spin purity against the field."""

from functools import partial

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import Line, PhaseLines
from isinglass.models.transverse_ising import TransverseIsing
from isinglass.theory import transverse_ising as theory

FIELD = {"field": "transverse field $h/J$"}
lines = partial(PhaseLines, x="field", colour="spins")

workflow = Workflow(
    title="Transverse-field Ising ring: ground state",
    model=TransverseIsing,
    axes={"field": np.linspace(0, 2, 41), "spins": [8, 12, 16]},
    samples=1,
    seed=1970,
    stages=[errors.mean(
        "magnetisation", "order_parameter", "gap", "transverse_magnetisation", "coherence_entropy",
        "broken_coherence_entropy", "total_correlation", "single_spin_purity", "broken_purity", "converged",
    )],
    figures=[
        lines(observable="magnetisation", theory=[Line(r"$(1-h^2)^{1/8}$, $N \to \infty$", theory.magnetisation)],
              labels={**FIELD, "magnetisation_mean": r"order $\langle Z\rangle$ of the broken state"},
              title="Order in the ground state", name="tfim_order"),
        lines(observable="gap", theory=lambda field, spins: theory.gap(field, spins), source="free fermions",
              labels={**FIELD, "gap_mean": r"gap between the parities $\Delta/J$"},
              title="Gap of odd to even parity", name="tfim_gap"),
        lines(observable="broken_coherence_entropy", name="tfim_coherence",
              labels={**FIELD, "broken_coherence_entropy_mean": "coherence $C_r/N$ (bit)"},
              title="Relative entropy of coherence, z basis, broken state"),
        lines(observable="broken_purity", name="tfim_purity",
              labels={**FIELD, "broken_purity_mean": r"single-spin purity $\mathrm{tr}\,\rho_i^2$"},
              title="Purity of one spin, broken state"),
    ],
    presets={"paper": {"axes": {"field": np.linspace(0, 2, 101), "spins": [8, 12, 16, 20]}}},
)  # fmt: skip
