"""A stored pattern left to a transverse field: what classical vectors (Hartree) keep of it, over load and field."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, phases, plane
from isinglass.figures import Line, PhaseDiagram, Points
from isinglass.models.transverse_hopfield_quench import TransverseHopfieldQuench
from isinglass.theory import transverse_hopfield as theory

FEW, FIELDS, TIMES = 14, np.linspace(0.1, 0.9, 9), np.arange(401, 1201) * 0.05


def exact() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Load, field and retention of the whole state of 14 spins that store one pattern, or two."""
    quenches = (theory.one_pattern_quench, theory.two_pattern_quench)
    values = [[quench(TIMES, FEW, field).mean() for field in FIELDS] for quench in quenches]
    return np.repeat([1 / FEW, 2 / FEW], FIELDS.size), np.tile(FIELDS, 2), np.ravel(values)


workflow = Workflow(
    title="Hopfield model after a quench of the transverse field, classical vectors (Hartree)",
    model=TransverseHopfieldQuench,
    axes={"load": np.linspace(0.01, 0.15, 8), "field": np.linspace(0.05, 0.95, 19)},
    fixed={"spins": 400, "shots": 4},
    samples=6,
    seed=1977,
    stages=[
        errors.only(
            "converged", memory.mean, coherence.mean,
            plane.concordance(load=(0.01, 0.15), field=(0.05, 0.95)),
            errors.mean("retention", "polarisation", "coherence_entropy", "single_spin_purity"),
            phases.boundary("retention", along="field", threshold=0.5),
        ),
        errors.mean("converged"),
    ],
    figures=[
        PhaseDiagram(
            x="load", y="field", panels=("retention_mean", "coherence_mean"), boundary="retention_boundary",
            lines=[
                Line(r"$\Gamma_d = 1/2$, one pattern", lambda load: np.full_like(load, theory.DYNAMICAL_FIELD), "--"),
                Line(r"$\Gamma_M$, at rest", theory.retrieval_field, "-"),
            ],
            points=[Points("exact quantum state, 14 spins", "retention_mean", exact)],
            labels={"field": r"transverse field $\Gamma$", "retention_boundary": "retention = 0.5 (95 % interval)",
                    "retention_mean": r"retention $\sum\xi_i\langle Z_i\rangle/N$"},
            name="quench_hartree", title="Written pattern after a quench, t = 20 to 60, classical vectors (Hartree)",
        )
    ],
    presets={"paper": {"axes": {"load": np.linspace(0.005, 0.15, 30), "field": np.linspace(0.025, 0.95, 38)},
                       "fixed": {"spins": 2000, "shots": 4}, "samples": 32}},
)  # fmt: skip
