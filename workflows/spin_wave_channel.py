"""Bits in a time down a chain of spins against damping: with an echo from the far end, and without."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, plane
from isinglass.figures import PhaseLines
from isinglass.models.spin_wave_chain import SpinWaveChain

LABELS = {
    "damping": r"Gilbert damping $\alpha$",
    "bit_rate_mean": r"information rate (bit $\gamma J$)",
    "symbol": r"symbol time",
    "memory_mean": "memory of the bits sent, $I/H$",
}

workflow = Workflow(
    title="A message by spin waves",
    model=SpinWaveChain,
    axes={"damping": [0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1],
          "symbol": [5.0, 10.0, 20.0], "length": [64, 512]},
    derived={"equilibration": lambda p: round(0.5 / max(p["damping"], 0.002), 1),
             "symbols": lambda p: 256 if p["length"] == 64 else 48},  # read before any echo is back from site 511
    fixed={"distance": 32, "drive": 0.2, "temperature": 0.01},
    where=lambda p: p["length"] == 64 or p["symbol"] < 20,
    samples=6, seed=1930,
    stages=[memory.mean, coherence.mean,
            errors.mean("bit_rate", "bit_overlap", "signal", "scatter", "transverse", "converged"),
            plane.concordance(damping=(0.001, 0.1), symbol=(5, 20))],
    figures=[
        PhaseLines(x="damping", observable="bit_rate", colour="symbol", at={"length": 64}, log=("damping",),
                   labels=LABELS, title="Bits received in a time, chain of 64 spins", name="channel_rate"),
        PhaseLines(x="damping", observable="bit_rate", colour="length", at={"symbol": 10.0}, log=("damping",),
                   labels=LABELS, title="With and without an echo, symbols of 10", name="channel_echo"),
        PhaseLines(x="damping", observable="bit_rate", colour="length", at={"symbol": 5.0}, log=("damping",),
                   labels=LABELS, title="With and without an echo, symbols of 5", name="channel_echo_short"),
    ],
    presets={"paper": {"axes": {"damping": np.geomspace(1e-4, 0.3, 25)}, "samples": 64}},
)  # fmt: skip
