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
    stages=[errors.mean("recall_overlap", "converged"), phases.capacity("recall_overlap", theta=0.9)],
    figures=[
        PhaseLines(
            x="load",
            observable="recall_overlap",
            colour="neurons",
            theory=[Line("AGS, $N \\to \\infty$", lambda load: ags.overlap(load, 0.0), "-")],
            title="Recall from the pattern itself at T = 0",
            name="capacity",
        )
    ],
    presets={
        "paper": {
            "axes": {"load": np.linspace(0.12, 0.18, 25), "neurons": [500, 1000, 2000, 4000, 8000]},
            "samples": 256,
        }
    },
)
