"""Recall in oscillators with a second harmonic: gain from a cue beside stability from the pattern, over load and ε.

The copies of a sample differ in cue and jitter, so that coherence says how far the end depends on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, plane
from isinglass.figures import Line, PhaseDiagram, PhaseLines
from isinglass.models.oscillator_memory import OscillatorMemory
from isinglass.theory import oscillator_memory as theory

if TYPE_CHECKING:
    import xarray as xr


def stable(ds: xr.Dataset) -> xr.Dataset:
    """The overlap that is left from the pattern itself (cue 1), beside every cue."""
    start = ds["recall_overlap_mean"].sel(cue=1.0, drop=True)
    return start.broadcast_like(ds["recall_overlap_mean"]).assign_attrs(units="1").to_dataset(name="stable_mean")


def stability(load: np.ndarray) -> np.ndarray:
    """ε_s of the pattern at N = 300, mean of 16 samples."""
    return np.interp(load, *theory.limit_line(300))


def frozen(load: np.ndarray, cue: float) -> np.ndarray:
    """Where a cue of this overlap freezes by its Jacobian, N = 300, mean of 16 samples; the pattern is no cue."""
    return np.interp(load, *theory.limit_line(300, cue)) if cue < 1 else np.nan * load


def one_frozen(load: np.ndarray, cue: float) -> np.ndarray:
    """ε_f = m_cue/2: a single flipped oscillator is held, as load goes to 0."""
    return np.where(cue < 1, cue / 2, np.nan) + 0 * load


workflow = Workflow(
    title="Oscillator memory: stability and recall", model=OscillatorMemory,
    axes={"load": [1 / 300, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2],
          "second": np.linspace(0, 0.96, 17), "cue": [0.5, 0.8, 1.0]},
    fixed={"time_step": 0.2, "equilibration": 200, "steps": 40, "records": 4}, samples=4, seed=2004,
    stages=[
        memory.mean, coherence.mean, errors.mean("second_order", "phase_overlap", "cue_overlap", "converged"), stable,
        errors.estimate("information_per_coupling", lambda memory, load: 2 * memory * load, units="bit",
                        of=("memory", "realised_load"), long_name="bits recalled, of all patterns",
                        denominator="N(N-1)/2 independent couplings"),
        plane.concordance(load=(0.003, 0.2), second=(0, 0.96), cue=(0.5, 1)),
    ],
    figures=[
        PhaseDiagram(
            x="load", y="second", panels=("recall_gain_mean",), facet="cue", limits=(-0.8, 0.8), colours="RdBu",
            lines=[Line(r"$\epsilon_\mathrm{s}$: pattern stable (Jacobian)", stability, "-"),
                   Line("the panel's cue frozen (Jacobian)", frozen, "--"),
                   Line(r"$m_\mathrm{cue}/2$: one oscillator of it frozen", one_frozen, ":")],
            title="Recall gain by overlap of the cue: the wedge lies between the solid and the dashed line",
            name="resonance_wedge"),
        PhaseDiagram(
            x="load", y="second", panels=("stable_mean", "second_order_mean", "memory_mean"), at={"cue": 0.8},
            lines=[Line(r"$\epsilon_\mathrm{s}$: pattern stable (Jacobian)", stability, "-"),
                   Line("cue frozen (Jacobian)", lambda load: frozen(load, 0.8), "--")],
            labels={"second_order_mean": r"$|\langle e^{2i\theta}\rangle|$",
                    "stable_mean": "overlap left from the pattern itself", "memory_mean": r"memory from the cue $I/H$"},
            title="(a) Stable and (b) coherent is not (c) recalled", name="resonance_stable"),
        PhaseLines(x="second", observable="information_per_coupling", colour="cue", at={"load": 0.1},
                   labels={"information_per_coupling_mean": "bits per coupling"},
                   title=r"Information recalled at $\alpha$ = 0.1", name="resonance_bits"),
    ],
    presets={"paper": {"axes": {"load": [1 / 300, *np.linspace(0.005, 0.2, 40)], "second": np.linspace(0, 1, 41)},
                       "fixed": {"equilibration": 1000, "steps": 100}, "samples": 32}},
)  # fmt: skip
