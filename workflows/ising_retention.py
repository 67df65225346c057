"""What a magnet still holds 100 steps after writing: memory and coherence over temperature and size of a bit."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, phases, plane
from isinglass.figures import Line, PhaseDiagram
from isinglass.models.ising_storage import IsingStorage
from isinglass.theory import ising

STEPS = 100
cold = Line(
    rf"$l^2 = t/{ising.CURVATURE}$ (heat bath, card)",
    lambda t: np.where(t < ising.T_C, np.sqrt(STEPS / ising.CURVATURE), np.nan),
    "--",
)
critical = Line(r"$T_\mathrm{c}$", lambda t: np.where(t < ising.T_C, 40.0, 1.0), ":")

workflow = Workflow(
    title="Retention of bits in an Ising magnet",
    model=IsingStorage,
    axes={"temperature": np.round(np.arange(1.0, 3.41, 0.2), 1), "block": [2, 3, 4, 6, 8, 12, 16, 24, 32]},
    derived={"age": lambda p: STEPS / p["block"] ** 2},
    fixed={"length": 192, "records": 12},
    samples=4, replicas=64, seed=1957,
    stages=[memory.mean, coherence.mean, errors.mean("magnetisation", "bit_overlap", "censored"),
            phases.boundary("memory", along="block", threshold=0.5, ordered="high"),
            plane.concordance(temperature=(1, 3.4), block=(2, 32))],
    figures=[
        PhaseDiagram(x="temperature", y="block", panels=("memory_mean", "message_coherence_mean"),
                     boundary="memory_boundary", lines=[cold, critical], log=("block",),
                     labels={"memory_boundary": "memory = 1/2", "block": "edge of a bit $l$ (sites)"},
                     title="Memory and coherence 100 steps after writing", name="ising_retention"),
    ],
    presets={"paper": {"axes": {"temperature": np.round(np.arange(1.0, 3.41, 0.1), 1)}, "samples": 32}},
)  # fmt: skip
