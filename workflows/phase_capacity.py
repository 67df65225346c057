"""The capacity of the memory of phases at T = 0, from the stored pattern itself: by size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, phases, scaling
from isinglass.figures import Line, PhaseLines
from isinglass.models.phase_memory import PhaseMemory
from isinglass.theory import phase_memory

if TYPE_CHECKING:
    import xarray as xr


def recalled(ds: xr.Dataset) -> xr.Dataset:
    """1 where the overlap is above 0.7, else 0: its mean is the share of recalls, without what failures leave over."""
    out = (ds["recall_overlap"] > 0.7).astype(float).where(ds["status"] == errors.DONE)
    return out.rename("recalled").assign_attrs(units="1", long_name="share of recalls").to_dataset()


workflow = Workflow(
    title="Phase memory: capacity at T = 0", model=PhaseMemory,
    axes={"load": np.linspace(0.025, 0.06, 8), "oscillators": [200, 400, 800, 1600]},
    fixed={"temperature": 0.0, "copies": 1, "equilibration": 1000, "steps": 2},
    samples=96, seed=1989,
    stages=[
        errors.mean("recall_overlap", "converged"),
        phases.capacity("recall_overlap", theta=0.7),
        recalled,
        phases.capacity("recalled", theta=0.5),
        scaling.power("recalled_capacity", "oscillators", limit=phase_memory.capacity),
        errors.estimate(
            "bits_per_pair", lambda information, load: information * load,  # P patterns of N phases over N² pairs
            of=("phase_information", "realised_load"), units="bit",
            long_name="information in all patterns per ordered pair of rotors",
            denominator="N² ordered pairs of rotors; N(N-1)/2 independent complex couplings hold twice as much each",
        ),
    ],
    figures=[
        PhaseLines(
            x="load", observable="recall_overlap", colour="oscillators", limits=(0.0, 1.05),
            theory=[Line(r"theory, $N \to \infty$", lambda load: phase_memory.overlap(load, 0.0))],
            labels={"recall_overlap_mean": r"recall overlap $\langle |m| \rangle$"},
            title="Recall of phases from the pattern itself, T = 0", name="phase_capacity",
        ),
        PhaseLines(
            x="load", observable="bits_per_pair", colour="oscillators",
            theory=[Line(r"theory, $N \to \infty$", lambda load: phase_memory.information(load, 0.0))],
            labels={"bits_per_pair_mean": "bits per ordered pair of rotors"},
            title="What couplings hold, T = 0, from the pattern itself", name="phase_bits_per_pair",
        ),
    ],
    presets={"paper": {"axes": {"load": np.linspace(0.02, 0.07, 11), "oscillators": [200, 400, 800, 1600, 3200, 6400]},
                       "samples": 512}},
)  # fmt: skip
