"""Does a drive near resonance help recall? Gain with a periodic drive to the cue's phases, less that without.

Samples, cues and jitter are those of the undriven run (`paired`). Ω is measured from the mean natural frequency.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, memory
from isinglass.figures import PhaseDiagram, PhaseLines
from isinglass.models.oscillator_memory import OscillatorMemory

if TYPE_CHECKING:
    import xarray as xr


def response(ds: xr.Dataset) -> xr.Dataset:
    """`response`: recall gain less that of the undriven run of the same sample and cue, by simulation, and its mean."""
    gain = ds["recall_gain"].where(ds["status"] == errors.DONE)
    more = gain - gain.sel(drive=0.0, drive_frequency=0.0, drop=True)
    more.attrs = {"units": "1", "long_name": "recall gain, driven less undriven"}
    means = errors.mean_and_error(errors.sample_means(more, ds["status"]))
    return more.to_dataset(name="response").assign(errors.described("response", more.attrs, *means))


words = {"drive_frequency": r"frequency of the drive $\Omega$ (rad/s)",
         "response_mean": "recall gain, driven less undriven"}  # fmt: skip
workflow = Workflow(
    title="Oscillator memory: a drive on the cue", model=OscillatorMemory,
    axes={"drive_frequency": [0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0], "second": np.linspace(0.1, 0.8, 8),
          "drive": [0.0, 0.2]},
    fixed={"load": 0.05, "cue": 0.5, "spread": 0.2, "time_step": 0.2, "equilibration": 250, "steps": 100, "copies": 1},
    where=lambda p: p["drive"] > 0 or p["drive_frequency"] == 0,
    paired=("drive_frequency", "second", "drive"), samples=48, seed=2012,
    stages=[memory.mean, errors.mean("locked_fraction", "cue_overlap", "second_order", "converged"), response],
    figures=[
        PhaseDiagram(x="drive_frequency", y="second", panels=("response_mean",), at={"drive": 0.2}, colours="RdBu",
                     limits=(-0.5, 0.5), labels=words, title="Response of recall to a drive", name="resonance_drive"),
        PhaseLines(x="drive_frequency", observable="response", colour="second", at={"drive": 0.2}, labels=words,
                   limits=(-0.3, 1.0),
                   title="Response of recall to a drive, F = 0.2 rad/s", name="resonance_response"),
    ],
    presets={"paper": {"axes": {"drive_frequency": np.linspace(0, 3, 31), "second": np.linspace(0.05, 0.8, 16),
                                "drive": [0.0, 0.05, 0.1, 0.2, 0.4]},
                       "fixed": {"oscillators": 1000, "equilibration": 1000, "steps": 500}, "samples": 128}},
)  # fmt: skip
