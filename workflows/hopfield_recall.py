"""Recall from partial input in the Hopfield network at T = 0: by load, cue, kind of cue, and order of updates.

The two dynamics share their noise (`paired`), so that they start from the same cue. A cue that is flipped tells
1 - H2((1-m)/2) bits a neuron about its pattern; an erased one m bits, to whoever knows which neurons are erased.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, memory, phases
from isinglass.figures import Line, PhaseDiagram, PhaseLines
from isinglass.measures import binary_information
from isinglass.models.hopfield import Hopfield
from isinglass.theory import ags, basins

if TYPE_CHECKING:
    import xarray as xr


def stable(ds: xr.Dataset) -> xr.Dataset:
    """The share of runs that stay, from the largest cue (1: the pattern itself), beside every cue."""
    start = ds["recalled_mean"].sel(cue=ds["cue"].max(), cue_mode="flipped", drop=True)
    return start.broadcast_like(ds["recalled_mean"]).assign_attrs(units="1").to_dataset(name="stable_mean")


upright = Line(r"$\alpha_\mathrm{c}$ (AGS)", lambda load: np.where(load < ags.capacity(0.0), 2.0, -1.0), ":")
edge = Line("basin edge (Amari-Maginu, approximate)", basins.basin_edge, "--")
once = Line("one step improves cues below", basins.last_improved_overlap, "-.")
half = partial(phases.compare, "recalled", "cue", 0.5, ordered="high")

workflow = Workflow(
    title="Hopfield recall from partial input", model=Hopfield,
    axes={"load": np.linspace(0.01, 0.2, 20), "cue": np.linspace(0.05, 1, 20),
          "cue_mode": ["flipped", "erased_free", "erased_clamped"], "dynamics": ["sequential", "parallel"]},
    fixed={"temperature": 0.0, "copies": 1, "equilibration": 200, "steps": 2},
    where=lambda p: p["cue"] < 1 or p["cue_mode"] != "erased_clamped",  # some neuron must be free
    samples=128, paired=("dynamics",), seed=1988,
    stages=[
        memory.recalled, stable, errors.mean("converged"),
        errors.estimate("two_cycle", lambda period: period - 1, of=("period",), long_name="share of two-cycles"),
        phases.boundary("recalled", along="cue", threshold=0.5, ordered="high"),
        half(between="dynamics", base="sequential", name="half_recall_cue"),
        half(between="cue_mode", base="flipped", units="bit", name="half_recall_bits",
             scale=lambda cue, cue_mode: binary_information(cue) if cue_mode == "flipped" else cue),
    ],
    figures=[
        PhaseDiagram(x="load", y="cue", panels=("recalled_mean",), facet="cue_mode", boundary="recalled_boundary",
                     lines=[upright], at={"dynamics": "sequential"}, name="recall_by_cue_mode",
                     title="Recall from partial input at T = 0, by kind of cue"),
        PhaseDiagram(x="load", y="cue", panels=("stable_mean", "recalled_mean"), boundary="recalled_boundary",
                     lines=[upright, edge, once], at={"cue_mode": "flipped", "dynamics": "parallel"}, name="stable",
                     labels={"stable_mean": "share of runs that stay, from $m_\\mathrm{cue}$ = 1"},
                     title="(a) Stable is not (b) recallable: flipped cues, parallel dynamics, T = 0"),
        PhaseLines(x="load", observable="half_recall_cue", colour="dynamics", at={"cue_mode": "flipped"}, over=("cue",),
                   labels={"half_recall_cue": "cue from which half of the runs recall"}, theory=[edge],
                   title="Half-recall cue, in turn and all at once", name="half_recall_cue"),
        PhaseLines(x="load", observable="half_recall_bits", colour="cue_mode", at={"dynamics": "sequential"},
                   labels={"half_recall_bits": "half-recall cue (bits a neuron)"}, over=("cue",),
                   title="What a cue must tell for half of the runs to recall", name="half_recall_bits"),
        PhaseLines(x="load", observable="two_cycle", colour="cue_mode", at={"dynamics": "parallel", "cue": 0.2},
                   labels={"two_cycle_mean": "share of runs that end in a two-cycle"},
                   title="Two-cycles of parallel dynamics from a cue of 0.2", name="two_cycles"),
    ],
    presets={"paper": {"axes": {"load": np.linspace(0.005, 0.2, 40), "cue": np.linspace(0.02, 1, 50)},
                       "fixed": {"neurons": 2000, "equilibration": 500}, "samples": 128}},
)  # fmt: skip
