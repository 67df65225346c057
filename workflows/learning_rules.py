"""Hebb, Storkey and pseudo-inverse couplings at T = 0: what is stable, beside what is recalled from a cue, by load."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, memory, phases
from isinglass.figures import Line, PhaseDiagram, PhaseLines
from isinglass.measures import binary_information
from isinglass.models.learning_rules import AttractorNetwork
from isinglass.theory import ags

if TYPE_CHECKING:
    import xarray as xr


def bits(memory: xr.DataArray, realised_load: xr.DataArray) -> xr.DataArray:
    """All P patterns' information, N·memory bits each, over N²/2 couplings."""
    return 2 * realised_load * memory


def gained(memory: xr.DataArray, realised_load: xr.DataArray) -> xr.DataArray:
    """The same less what the cues told."""
    return bits(memory - memory["cue"].copy(data=binary_information(memory["cue"])), realised_load)


per_coupling = partial(
    errors.estimate, of=("memory", "realised_load"), units="bit",
    denominator="N^2/2, of N(N-1)/2 independent couplings the leading order",
)  # fmt: skip
hebb_limit = Line(r"$\alpha_\mathrm{c}$ of Hebb (AGS)", lambda load: np.where(load < ags.capacity(0.0), 2.0, -1.0), ":")
overlap = {"final_overlap_mean": r"final overlap $\langle m \rangle$"}

workflow = Workflow(
    title="Learning rules at T = 0", model=AttractorNetwork,
    axes={"rule": ["hebb", "storkey", "pseudo_inverse"], "load": np.linspace(0.05, 0.95, 19),
          "cue": np.linspace(0.1, 1, 10)},
    fixed={"temperature": 0.0, "copies": 1, "equilibration": 500},
    samples=48, seed=1997,
    stages=[
        errors.mean("final_overlap", "converged"), memory.recalled,
        phases.boundary("recalled", along="cue", threshold=0.5, ordered="high"), phases.capacity("final_overlap", 0.9),
        per_coupling("coupling_information", bits, long_name="information per coupling"),
        per_coupling("coupling_gain", gained, long_name="information per coupling less that of the cues"),
    ],
    figures=[
        PhaseDiagram(
            x="load", y="cue", panels=("final_overlap_mean",), facet="rule", boundary="recalled_boundary",
            lines=[hebb_limit], labels=overlap, title="Stable (top row) is not recallable: three learning rules, T = 0",
            name="rules_cues",
        ),
        PhaseLines(
            x="load", observable="final_overlap", colour="rule", at={"cue": 1.0}, labels=overlap, limits=(0, 1.05),
            title="Stability: from the pattern itself, T = 0", name="rules_stability",
        ),
        PhaseLines(
            x="load", observable="final_overlap", colour="rule", at={"cue": 0.8}, labels=overlap, limits=(0, 1.05),
            title="Recall: from a cue of overlap 0.8, T = 0", name="rules_recall",
        ),
        PhaseLines(
            x="load", observable="coupling_gain", colour="rule", at={"cue": 0.8},
            labels={"coupling_gain_mean": "bits per independent coupling"},
            title="Information added to that of a cue of 0.8, T = 0", name="rules_bits",
        ),
    ],
    presets={"paper": {"axes": {"load": np.linspace(0.025, 0.975, 39), "cue": np.linspace(0.05, 1, 20)},
                       "fixed": {"neurons": 1000}, "samples": 128}},
)  # fmt: skip
