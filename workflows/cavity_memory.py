"""Memory held by the light of a multimode cavity, beside its photons, over load and coupling: classical vectors."""

from functools import partial

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, phases, plane
from isinglass.figures import Line, PhaseDiagram
from isinglass.models.dicke_hopfield import DickeHopfield
from isinglass.theory import transverse_hopfield as theory

LABELS = {"field": r"$(g_c/g)^2$", "photon_number_mean": r"photons per spin $\sum|a_\mu|^2/N$"}

workflow = Workflow(
    title="Spins in a multimode cavity, classical vectors (Hartree)",
    model=DickeHopfield,
    axes={"load": np.linspace(0.02, 0.18, 9), "field": np.linspace(0.15, 1.9, 15)},
    fixed={"spins": 300, "cavity_frequency": 0.5, "loss": 0.5, "damping": 4.0, "shots": 8},
    derived={"time_step": lambda p: 2 / max(2, p["cavity_frequency"], 1 + (1 + p["load"] ** 0.5) ** 2 / p["field"])},
    samples=4,
    seed=2015,
    stages=[
        errors.only(
            "converged", memory.mean, coherence.mean,
            plane.concordance(load=(0.02, 0.18), field=(0.15, 1.9)),
            errors.mean("photon_number", "target_photons", "freezing", "polarisation", "coherence_entropy"),
            phases.boundary("recall_overlap", along="field", threshold=0.5),
        ),
        errors.mean("converged"),
    ],
    figures=[
        PhaseDiagram(
            x="load", y="field", panels=("recall_overlap_mean", "photon_number_mean"), labels=LABELS,
            boundary="recall_overlap_boundary", name="cavity_memory",
            lines=[
                Line("memory: signal to noise, diagonal kept", partial(theory.retrieval_field, diagonal="kept"), "-"),
                Line(r"light: $(1 + \sqrt{\alpha})^2$", partial(theory.freezing_field, diagonal="kept"), "--"),
            ],
            title="Recall and light in a multimode cavity, classical vectors (Hartree)",
        )
    ],
    presets={"paper": {"axes": {"load": np.linspace(0.005, 0.2, 40), "field": np.linspace(0.1, 2.05, 40)},
                       "fixed": {"spins": 2000}, "samples": 32}},
)  # fmt: skip
