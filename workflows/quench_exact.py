"""The same quench for 14 spins, exactly and by classical vectors (Hartree): what fluctuations do to a pattern."""

from functools import partial

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, memory
from isinglass.figures import PhaseLines
from isinglass.models.transverse_hopfield_quench import TransverseHopfieldQuench

lines = partial(PhaseLines, x="field", colour="dynamics")
FIELD = {"field": r"transverse field $\Gamma$"}

workflow = Workflow(
    title="Quench of few spins: exact state and classical vectors",
    model=TransverseHopfieldQuench,
    axes={"field": np.linspace(0.05, 0.95, 19), "dynamics": ["exact", "product"], "load": [1 / 14, 2 / 14, 3 / 14]},
    fixed={"spins": 14, "shots": 64, "copies": 1},
    samples=8,
    seed=1996,
    stages=[
        errors.only(
            "converged", memory.mean,
            errors.mean("retention", "polarisation", "coherence_entropy", "single_spin_purity"),
        ),
        errors.mean("converged"),
    ],
    figures=[
        lines(observable="retention", name="quench_few", title="Written pattern, t = 20 to 60, 14 spins",
              labels={**FIELD, "retention_mean": r"retention $\sum\xi_i\langle Z_i\rangle/N$"}),
        lines(observable="single_spin_purity", name="quench_purity", title="Purity of one spin, 14 spins",
              labels={**FIELD, "single_spin_purity_mean": r"single-spin purity $\mathrm{tr}\,\rho_i^2$"}),
    ],
    presets={"paper": {"axes": {"field": np.linspace(0.025, 0.975, 39)}, "fixed": {"spins": 18}, "samples": 64}},
)  # fmt: skip
