"""Retrieval over load and transverse field by classical vectors (Hartree), beside what temperature does."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, phases, plane
from isinglass.figures import Line, PhaseDiagram
from isinglass.models.transverse_hopfield import TransverseHopfield
from isinglass.theory import ags
from isinglass.theory import transverse_hopfield as theory

LINES = [
    Line(r"$\Gamma_M$ (signal to noise)", theory.retrieval_field, "-"),
    Line(r"$\Gamma_g = 1 + 2\sqrt{\alpha}$", theory.freezing_field, "--"),
    Line(r"$T_M$ (AGS), as $\Gamma = T$", ags.retrieval_temperature, ":"),
]
FIELD = {"field": r"transverse field $\Gamma$"}

workflow = Workflow(
    title="Hopfield model in a transverse field, classical vectors (Hartree)",
    model=TransverseHopfield,
    axes={"load": np.linspace(0.01, 0.2, 20), "field": np.linspace(0.05, 1.95, 20)},
    fixed={"spins": 500, "shots": 8},
    samples=6,
    seed=1996,
    stages=[
        errors.only(
            "converged", memory.mean, coherence.mean,
            plane.concordance(load=(0.01, 0.2), field=(0.05, 1.95)),
            errors.mean("freezing", "polarisation", "coherence_entropy", "single_spin_purity"),
            phases.boundary("recall_overlap", along="field", threshold=0.5),
            errors.estimate(
                "bits_per_pair", lambda information, load: information * load, of=("memory", "realised_load"),
                units="bit", long_name="information in all patterns per ordered pair of spins",
                denominator="N² ordered pairs of spins; N(N-1)/2 independent couplings hold twice as much each",
            ),
        ),
        errors.mean("converged"),
    ],
    figures=[
        PhaseDiagram(x="load", y="field", panels=("recall_overlap_mean", "coherence_mean"), lines=LINES, labels=FIELD,
                     boundary="recall_overlap_boundary", name="transverse_retrieval",
                     title="Classical vectors (Hartree) in a transverse field"),
        PhaseDiagram(x="load", y="field", panels=("polarisation_mean", "coherence_entropy_mean"), lines=LINES,
                     labels={**FIELD, "polarisation_mean": r"polarisation $\langle X\rangle$",
                             "coherence_entropy_mean": "coherence, z basis, per spin (bit)"},
                     name="transverse_polarisation", title="Polarisation, and relative entropy of coherence"),
    ],
    presets={"paper": {"axes": {"load": np.linspace(0.005, 0.2, 40), "field": np.linspace(0.025, 1.975, 40)},
                       "fixed": {"spins": 4000, "shots": 8}, "samples": 32}},
)  # fmt: skip
