"""A pattern written into quantum spins and left to a transverse field: memory, coherence and correlation against h."""

from functools import partial

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, plane, ridges
from isinglass.figures import PhaseLines
from isinglass.models.transverse_quench import TransverseQuench

FIELD = {"field": "transverse field $h/J$"}
lines = partial(PhaseLines, x="field", colour="spins")

workflow = Workflow(
    title="Transverse-field Ising ring: retention of a written pattern",
    model=TransverseQuench,
    axes={"field": np.linspace(0, 3, 31), "couplings": ["stored", "uniform"], "spins": [8, 10, 12]},
    fixed={"time_step": 0.04, "equilibration": 250, "steps": 250, "records": 25},
    samples=8,
    seed=2012,
    stages=[
        memory.mean,
        coherence.mean,
        errors.mean("retention", "spin_information", "coherence_entropy", "total_correlation", "single_spin_purity",
                    "transverse_magnetisation", "retention_trace", "converged"),
        ridges.ridge("total_correlation", "field"),
        errors.estimate("information_per_spin", lambda memory: memory, of=("memory",), units="bit",
                        long_name="bits read of one written spin", denominator="N written spins, 1 bit each"),
        plane.concordance(field=(0, 3)),
    ],
    figures=[
        lines(observable="memory", labels=FIELD, limits=(-0.05, 1.05), name="quench_memory",
              title="Memory of a written pattern, t = 10 to 20"),
        lines(observable="total_correlation", name="quench_correlation", title="What only a joint reader has",
              labels={**FIELD, "total_correlation_mean": "total correlation of all $Z_i$, per spin (bit)"}),
        lines(observable="coherence_entropy", name="quench_coherence",
              labels={**FIELD, "coherence_entropy_mean": "coherence $C_r/N$ (bit)"},
              title="Relative entropy of coherence, z basis"),
        PhaseLines(x="time", observable="retention_trace", colour="spins", name="quench_retention", at={"field": 0.5},
                   limits=(-0.3, 1.4),
                   labels={"time": r"time $Jt/\hbar$",
                           "retention_trace_mean": r"retention $\sum\xi_i\langle Z_i\rangle/N$"},
                   title="Written pattern in time, h = 0.5 J"),
    ],
    presets={"paper": {"axes": {"field": np.linspace(0, 3, 61), "spins": [8, 10, 12, 14, 16]}, "samples": 64}},
)  # fmt: skip
