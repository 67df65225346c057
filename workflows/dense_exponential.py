"""Exponential dense memory at T = 0: stability and recall from cues with P = e^{cN} patterns, by size.

c = ln(2)/2 is proven sufficient for patterns to be fixed points as N grows; it is no transition.
"""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, memory, phases
from isinglass.figures import Line, PhaseDiagram, PhaseLines
from isinglass.models.dense_memory import DenseAssociativeMemory

LOAD = r"$c$ of $P = e^{cN}$ patterns"


def sufficient(load: np.ndarray) -> np.ndarray:
    """A step down at c = ln(2)/2: below it all patterns are proven stable for large N."""
    return np.where(load < np.log(2) / 2, 2.0, -1.0)


workflow = Workflow(
    title="Exponential dense memory at T = 0",
    model=DenseAssociativeMemory,
    axes={"load": np.linspace(0.15, 0.5, 8), "cue": np.linspace(0.1, 1, 10), "neurons": [12, 16, 20]},
    fixed={"interaction": "exponential", "temperature": 0.0, "copies": 1, "equilibration": 50},
    samples=96,
    seed=2017,
    stages=[
        errors.mean("final_overlap", "stable", "converged"),
        memory.recalled,
        phases.boundary("recalled", along="cue", threshold=0.5, ordered="high"),
    ],
    figures=[
        PhaseDiagram(
            x="load", y="cue", panels=("recalled_mean",), facet="neurons", boundary="recalled_boundary",
            labels={"load": LOAD}, lines=[Line(r"proven stable below $c = \ln(2)/2$", sufficient, ":")],
            title="Recall with exponential interaction, T = 0", name="dense_exponential",
        ),
        PhaseLines(
            x="load", observable="stable", colour="neurons", at={"cue": 1.0}, limits=(0.4, 1.02),
            theory=[Line(r"proven below $c = \ln(2)/2$", sufficient, ":")],
            labels={"load": LOAD, "stable_mean": "share of patterns that are fixed points"},
            title="Stored patterns with exponential interaction", name="dense_exponential_stable",
        ),
    ],
    presets={"paper": {"axes": {"load": np.linspace(0.1, 0.5, 17), "cue": np.linspace(0.05, 1, 20),
                                "neurons": [12, 16, 20, 24]}, "samples": 512}},
)  # fmt: skip
