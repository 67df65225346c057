"""Finite-size scaling of the order at K_c: r ~ N^-x, with frequencies drawn at random and with quantiles."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, scaling
from isinglass.figures import Line, PhaseLines
from isinglass.models.kuramoto import Kuramoto

workflow = Workflow(
    title="Kuramoto oscillators: finite-size scaling at K_c",
    model=Kuramoto,
    axes={"oscillators": [100, 200, 400, 800, 1600, 3200], "draw": ["random", "quantiles"]},
    fixed={"frequencies": "gaussian", "width": 1.0, "coupling": float(np.sqrt(8 / np.pi)), "time_step": 0.1,
           "steps": 4000, "records": 1, "copies": 1},
    derived={"equilibration": lambda p: 8 * p["oscillators"]},  # r decays as t^-1/2 here
    samples=32,
    seed=2007,
    stages=[errors.mean("order_parameter", "susceptibility", "converged"),
            scaling.power("order_parameter", "oscillators", limit=0.0)],
    figures=[
        PhaseLines(x="oscillators", observable="order_parameter", colour="draw", log=("oscillators", "order_parameter"),
                   theory=[Line("$N^{-1/5}$ (expected, random)", lambda n: 0.95 * n**-0.2, "--"),
                           Line("$N^{-2/5}$ (expected, quantiles)", lambda n: 0.96 * n**-0.4, ":")],
                   title=r"Order at $K_c$ against size", name="kuramoto_scaling"),
    ],
    presets={"paper": {"axes": {"oscillators": [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600]},
                       "fixed": {"steps": 20000}, "samples": 256}},
)  # fmt: skip
