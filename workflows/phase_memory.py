"""The retrieval diagram of the memory of phases: recall and coherence over load and temperature, beside theory."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, memory, phases, plane
from isinglass.figures import Line, PhaseDiagram
from isinglass.models.phase_memory import PhaseMemory
from isinglass.theory import phase_memory

workflow = Workflow(
    title="Phase memory: retrieval diagram",
    model=PhaseMemory,
    axes={"load": np.linspace(0.0025, 0.06, 24), "temperature": np.linspace(0.025, 0.65, 26)},
    fixed={"oscillators": 400, "equilibration": 50, "steps": 20},
    samples=4,
    seed=1989,
    stages=[
        coherence.mean,
        memory.mean,
        phases.boundary("recall_overlap", along="temperature", threshold=0.5),
        plane.concordance(load=(0.0025, 0.06), temperature=(0.025, 0.65)),
    ],
    figures=[
        PhaseDiagram(
            x="load",
            y="temperature",
            panels=("recall_overlap_mean", "coherence_mean"),
            boundary="recall_overlap_boundary",
            lines=[
                Line(r"$T_\mathrm{M}$ (replica symmetric)", phase_memory.retrieval_temperature, "-"),
                Line(r"$T_\mathrm{g} = (1+\sqrt{\alpha})/2$", phase_memory.glass_temperature, ":"),
            ],
            labels={"recall_overlap_mean": r"recall overlap $\langle |m| \rangle$"},
            title="Memory of phases: retrieval diagram",
            name="phase_retrieval",
        )
    ],
    presets={
        "paper": {
            "axes": {"load": np.linspace(0.00125, 0.06, 48), "temperature": np.linspace(0.0125, 0.65, 52)},
            "fixed": {"oscillators": 3200, "equilibration": 200, "steps": 100},
            "samples": 32,
        }
    },
)
