"""The half of a field that stands still between Klein-Gordon and Dirac, with an interaction: it turns, and melts."""

from functools import partial

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, scaling
from isinglass.figures import PhaseLines
from isinglass.models.klein_gordon_dirac import KleinGordonDirac

LABELS = {
    "interaction": r"interaction $\lambda$",
    "time": r"record $n$, at time $t=(n+1)/4\lambda$",
    "overlap_trace_mean": r"raw overlap $\phi(t)\cdot\phi(0)/|\phi(0)|^2$",
    "envelope_trace_mean": "envelope of the overlap",
    "retention_time_mean": "time at which the envelope is 1/4",
    "first_crossing_mean": "time at which the overlap is 0",
    "sites": "sites $N$",
}
AT = {"sites": 1024}
lines = partial(PhaseLines, labels=LABELS)

workflow = Workflow(
    title="Memory crystal with an interaction",
    model=KleinGordonDirac,
    axes={"interaction": [0.1, 0.18, 0.32, 0.56, 1, 1.8, 3.2], "sites": [256, 1024, 4096]},
    fixed={"angle": np.pi / 4, "equilibration": 0, "time_step": 0.05, "records": 200, "modes": 2, "copies": 1},
    derived={"steps": lambda p: round(50 / p["interaction"] / p["time_step"])},
    samples=8,
    seed=1930,
    stages=[
        errors.mean("retention_time", "first_crossing", "censored", "converged", "energy_drift", "overlap_trace",
                    "envelope_trace"),
        scaling.powers("retention_time", "interaction", (0.09, 1.1)),
        scaling.powers("first_crossing", "interaction", (0.09, 1.1)),
    ],
    figures=[
        lines(x="time", observable="overlap_trace", colour="interaction", at=AT, name="crystal_overlap",
              title="The frozen half turns"),
        lines(x="time", observable="envelope_trace", colour="interaction", at=AT, name="crystal_envelope",
              title="The frozen half melts"),
        lines(x="interaction", observable="retention_time", colour="sites", title="Melting time",
              log=("interaction", "retention_time"), name="crystal_melting"),
    ],
    presets={"paper": {"samples": 64, "fixed": {"time_step": 0.02}}},
)  # fmt: skip
