"""The capacity of the Hopfield network at T = 0: the load up to which a stored pattern stays put, by size."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, phases
from isinglass.figures import Line, PhaseLines
from isinglass.models.hopfield import Hopfield
from isinglass.theory import ags

workflow = Workflow(
    title="Hopfield capacity at T = 0",
    model=Hopfield,
    axes={"load": np.linspace(0.12, 0.18, 13), "neurons": [500, 1000, 2000]},
    fixed={"temperature": 0.0, "copies": 1, "equilibration": 200, "steps": 10},
    samples=64,
    seed=1985,
    stages=[
        errors.mean("recall_overlap", "converged"),
        phases.capacity("recall_overlap", theta=0.9),
        errors.estimate(
            "bits_per_pair",
            lambda information, load: information * load,  # P patterns of N symbols, H = 1 bit each, over N² pairs
            of=("memory", "realised_load"),
            units="bit",
            long_name="information in all patterns per ordered pair of neurons",
            denominator="N² ordered pairs of neurons; N(N-1)/2 independent couplings hold twice as much each",
        ),
    ],
    figures=[
        PhaseLines(
            x="load",
            observable="recall_overlap",
            colour="neurons",
            theory=[Line("AGS, $N \\to \\infty$", lambda load: ags.overlap(load, 0.0), "-")],
            title="Recall from the pattern itself at T = 0",
            name="capacity",
        ),
        PhaseLines(
            x="load",
            observable="bits_per_pair",
            colour="neurons",
            theory=[
                Line("AGS, $N \\to \\infty$", lambda load: ags.information(load, 0.0), "-"),
            ],
            labels={"bits_per_pair_mean": "bits per ordered pair of neurons"},
            title="What couplings hold, T = 0, from the pattern itself",
            name="bits_per_pair",
        ),
    ],
    presets={
        "paper": {
            "axes": {"load": np.linspace(0.12, 0.18, 25), "neurons": [500, 1000, 2000, 4000, 8000]},
            "samples": 256,
        }
    },
)
