"""Quenches of the square Ising magnet from random spins: which share is striped, against time, size and temperature.

`striped_boundary` is the time at which that share has fallen to 1/6, half of what it is at T = 0; its power of the
size is fitted.
"""

from isinglass import Workflow
from isinglass.analysis import errors, phases, scaling
from isinglass.figures import Line, PhaseLines
from isinglass.models.ising import Ising

third = [Line("1/3 (frozen at T = 0)", lambda t: 0 * t + 1 / 3, "--")]

workflow = Workflow(
    title="Quenches of the square Ising magnet",
    model=Ising,
    axes={"temperature": [0.0, 1.5, 1.8, 2.0],
          "length": [24, 32, 48, 64],
          "equilibration": [64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384]},
    where=lambda p: p["equilibration"] <= 4 * p["length"]**2,
    fixed={"start": "hot", "steps": 32},
    samples=8, replicas=64, seed=2001,
    stages=[
        errors.mean("striped", "final_magnetisation", "converged"),
        phases.boundary("striped", along="equilibration", threshold=1 / 6, ordered="low"),
        scaling.power("striped_boundary", "length", limit=0.0),
    ],
    figures=[
        *(PhaseLines(x="equilibration", observable="striped", colour="length", theory=third, log=("equilibration",),
                     at={"temperature": t}, name=f"ising_stripes_{10 * t:.0f}", limits=(0, 0.8),
                     labels={"striped_mean": "share of striped quenches",
                             "equilibration": "time after the quench (sweeps)"},
                     title=f"Quenches from random spins to T = {t:g}")
          for t in (0.0, 1.5, 2.0)),
        PhaseLines(x="length", observable="striped_boundary", colour="temperature", over=("equilibration",),
                   log=("length", "striped_boundary"), name="ising_stripe_time",
                   labels={"striped_boundary": "time until 1/6 are striped (sweeps)"},
                   title="How long stripes live after a quench (T = 0: for ever)"),
    ],
    presets={"paper": {"axes": {"length": [24, 32, 48, 64, 96, 128]}, "samples": 64}},
)  # fmt: skip
