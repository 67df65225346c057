"""The retrieval diagram of the Hopfield model: recall and coherence over load and temperature, beside AGS theory."""

from functools import partial

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, memory, phases, plane
from isinglass.figures import BivariateMap, Line, PhaseDiagram
from isinglass.models.hopfield import Hopfield
from isinglass.theory import ags

LINES = [
    Line("$T_M$ (AGS)", ags.retrieval_temperature, "-", partial(ags.retrieval_temperature, end="lower")),
    Line("$T_c$ (AGS)", ags.thermodynamic_temperature, "--", partial(ags.thermodynamic_temperature, end="lower")),
    Line("$T_g$ (AGS)", ags.spin_glass_temperature, ":"),
]

workflow = Workflow(
    title="Hopfield retrieval diagram",
    model=Hopfield,
    axes={"load": np.linspace(0.01, 0.20, 20), "temperature": np.linspace(0.05, 1.25, 25)},
    fixed={"neurons": 1000, "equilibration": 100, "steps": 100},
    samples=8,
    replicas=1,
    seed=1985,
    stages=[
        coherence.mean,
        memory.mean,
        phases.boundary("recall_overlap", along="temperature", threshold=0.5),
        plane.concordance(load=(0.01, 0.2), temperature=(0.05, 1.25)),
    ],
    figures=[
        PhaseDiagram(
            x="load",
            y="temperature",
            panels=("recall_overlap_mean", "coherence_mean"),
            boundary="recall_overlap_boundary",
            lines=LINES,
            title="Hopfield retrieval diagram",
            name="retrieval_diagram",
        ),
        BivariateMap(
            x="load",
            y="temperature",
            boundary="recall_overlap_boundary",
            lines=LINES,
            title="Coherence and memory of the Hopfield model",
            name="coherence_and_memory",
        ),
    ],
    presets={
        "paper": {
            "axes": {"load": np.linspace(0.005, 0.20, 40), "temperature": np.linspace(0.02, 1.25, 42)},
            "fixed": {"neurons": 4000, "equilibration": 200, "steps": 200},
            "samples": 32,
        }
    },
)
