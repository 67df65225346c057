"""A Boltzmann machine with Gaussian hidden units on the Hopfield network's retrieval diagram, beside AGS theory."""

from functools import partial

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, phases, plane
from isinglass.figures import Line, PhaseDiagram, PhaseLines
from isinglass.models.gaussian_boltzmann import GaussianBoltzmannMachine
from isinglass.theory import ags

workflow = Workflow(
    title="Boltzmann machine with Gaussian hidden units",
    model=GaussianBoltzmannMachine,
    axes={"load": np.linspace(0.01, 0.20, 20), "temperature": np.linspace(0.05, 1.25, 25)},
    fixed={"neurons": 500, "equilibration": 200, "steps": 100},
    samples=8,
    seed=2017,
    stages=[
        coherence.mean,
        memory.mean,
        errors.mean("hidden_overlap", "energy", "converged"),
        phases.boundary("recall_overlap", along="temperature", threshold=0.5),
        plane.concordance(load=(0.01, 0.2), temperature=(0.05, 1.25)),
    ],
    figures=[
        PhaseDiagram(
            x="load",
            y="temperature",
            panels=("recall_overlap_mean", "coherence_mean"),
            boundary="recall_overlap_boundary",
            lines=[
                Line("$T_M$ (AGS)", ags.retrieval_temperature, "-", partial(ags.retrieval_temperature, end="lower")),
                Line("$T_g$ (AGS)", ags.spin_glass_temperature, ":"),
            ],
            title="Gaussian hidden units: the Hopfield diagram",
            name="hopfield_diagram",
        ),
        PhaseLines(
            x="temperature",
            observable="recall_overlap",
            at={"load": 0.05},
            theory=[Line(r"AGS, $N \to \infty$", lambda temperature: ags.overlap(0.05, temperature))],
            limits=(-0.05, 1.05),
            title=r"Recall by Gaussian hidden units at $\alpha$ = 0.05",
            name="recall_overlap",
        ),
    ],
    presets={
        "paper": {
            "axes": {"load": np.linspace(0.005, 0.20, 40), "temperature": np.linspace(0.02, 1.25, 42)},
            "fixed": {"neurons": 2000, "equilibration": 400, "steps": 200},
            "samples": 32,
        }
    },
)
