"""Natural frequencies in an oscillator memory: recall over their spread and the load, and against it at three ε.

Samples, cues and jitter are the same at every spread and ε (`paired`).
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


def against_none(ds: xr.Dataset) -> xr.Dataset:
    """`gained`: recall gain less that of the same sample and cue without natural frequencies, and its mean."""
    gain = ds["recall_gain"].where(ds["status"] == errors.DONE)
    more = gain - gain.sel(spread=0.0, drop=True)
    more.attrs = {"units": "1", "long_name": "recall gain with natural frequencies less without"}
    means = errors.mean_and_error(errors.sample_means(more, ds["status"]))
    return more.to_dataset(name="gained").assign(errors.described("gained", more.attrs, *means))


words = {"gained_mean": "recall gain, less that at $g$ = 0", "spread": "spread of natural frequencies $g$ (rad/s)",
         "phase_overlap_mean": r"phase overlap $|\langle \xi e^{i\theta} \rangle|$"}  # fmt: skip
workflow = Workflow(
    title="Oscillator memory: natural frequencies", model=OscillatorMemory,
    axes={"load": [0.01, 0.03, 0.05, 0.08, 0.1, 0.13, 0.16, 0.2], "second": [0.3, 0.5, 0.7],
          "spread": [0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0]},
    fixed={"cue": 0.8, "time_step": 0.2, "equilibration": 250, "steps": 100, "copies": 1},
    paired=("second", "spread"), samples=12, seed=2006,
    stages=[memory.mean, errors.mean("locked_fraction", "phase_overlap", "second_order", "converged"), against_none],
    figures=[
        PhaseDiagram(x="load", y="spread", panels=("memory_mean", "phase_overlap_mean"), at={"second": 0.5},
                     labels=words, title=r"Memory and coherence of the pattern, $\epsilon$ = 0.5 rad/s, cue 0.8",
                     name="resonance_spread"),
        PhaseLines(x="spread", observable="gained", colour="second", at={"load": 0.05}, labels=words,
                   title=r"What natural frequencies add to recall, $\alpha$ = 0.05", name="resonance_gained"),
    ],
    presets={"paper": {"axes": {"load": np.linspace(0.01, 0.2, 20), "second": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
                                "spread": np.linspace(0, 1, 21)},
                       "fixed": {"oscillators": 1000, "equilibration": 1000, "steps": 500}, "samples": 64}},
)  # fmt: skip
