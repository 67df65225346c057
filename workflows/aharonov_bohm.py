"""A ring of neurons that encloses a flux: frequencies of its waves, and the lowest of them."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import PhaseLines
from isinglass.models.gauge_field import GaugeField
from isinglass.theory import gauge as theory

workflow = Workflow(
    title="Aharonov-Bohm ring of neurons",
    model=GaugeField,
    axes={"flux": np.linspace(0, 2 * np.pi, 33), "wave": [-1, 0, 1, 2], "field": ["dirac", "klein_gordon"]},
    fixed={"sites": 32, "time_step": 0.05, "steps": 1, "records": 1},
    samples=1,
    seed=1959,
    stages=[errors.mean("frequency")],
    figures=[
        PhaseLines(x="flux", observable="frequency", colour="wave", at={"field": "dirac"},
                   theory=lambda flux, wave: theory.frequency(flux, wave, 32, 0.3), limits=(0.28, 0.72),
                   labels={"flux": r"flux $\Phi$ (rad)", "wave": "wave number $q$",
                           "frequency_mean": r"frequency $\omega$ (rad per unit time)"},
                   title="Waves of a ring with a flux, N = 32, m = 0.3", name="aharonov_bohm"),
    ],
    presets={"paper": {"axes": {"flux": np.linspace(0, 2 * np.pi, 65)}, "fixed": {"sites": 32, "time_step": 0.01,
                                                                                 "steps": 1, "records": 1}}},
)  # fmt: skip
