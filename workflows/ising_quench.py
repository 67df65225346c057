"""Quenches of the square Ising magnet from random spins: which share is striped, against time, size and temperature."""

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import Line, PhaseLines
from isinglass.models.ising import Ising

third = [Line("1/3 (T = 0, card)", lambda t: 0 * t + 1 / 3, "--")]

workflow = Workflow(
    title="Quenches of the square Ising magnet",
    model=Ising,
    axes={"temperature": [0.0, 1.0, 1.5, 1.8, 2.0],
          "length": [16, 32, 64],
          "equilibration": [64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768]},
    where=lambda p: 0.25 * p["length"]**2 <= p["equilibration"] <= min(32 * p["length"]**2, 16 * 1024),
    fixed={"start": "hot", "steps": 32},
    samples=8, replicas=64, seed=2001,
    stages=[errors.mean("striped", "final_magnetisation", "stripe_order", "converged")],
    figures=[
        PhaseLines(x="equilibration", observable="striped", colour="length", theory=third, log=("equilibration",),
                   at={"temperature": t}, name=f"ising_stripes_{10 * t:.0f}", limits=(0, 0.6),
                   labels={"striped_mean": "share of striped quenches", "equilibration": "time after the quench (sweeps)"},
                   title=f"Quenches from random spins to T = {t:g}")
        for t in (0.0, 1.5, 2.0)
    ],
    presets={"paper": {"axes": {"length": [16, 32, 64, 128]}, "samples": 64}},
)  # fmt: skip
