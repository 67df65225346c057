"""K_c and ν̄ of Kuramoto oscillators whose Lorentzian frequencies are drawn at random, from finite populations.

Exact: K_c = 2γ = 1 rad/s, β = 1/2. For frequencies drawn at random ν̄ = 5/2 (of N; Hong, Chaté, Park and Tang 2007; from
memory): r = N^(-1/5) f((K - K_c) N^(2/5)). The first collapse fits K_c with both given, the second K_c and ν̄. Points of
a size share their frequencies, and errors come from these 96 draws. Points near K_c alone: elsewhere K - K_c is no
longer small, and corrections of N^(-2/5) grow. `kuramoto-critical` has no draws, and finds K_c a hundred times better.
"""

from typing import Any

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, finite_size
from isinglass.figures import Collapse
from isinglass.models.kuramoto import Kuramoto

SOURCE = "Kuramoto 1984; ν̄ by Hong, Chaté, Park and Tang 2007"
AXES: dict[str, Any] = {"x": "coupling", "size": "oscillators", "source": SOURCE}
EXACT = {"critical": 1.0, "nu": 2.5, "beta": 0.5}

workflow = Workflow(
    title="Kuramoto oscillators: random frequencies, finite-size scaling",
    model=Kuramoto,
    axes={"coupling": np.round(np.arange(0.8, 1.21, 0.025), 3), "oscillators": [200, 400, 800, 1600, 3200]},
    fixed={"frequencies": "lorentzian", "width": 0.5, "time_step": 0.1, "equilibration": 1000, "steps": 1500,
           "records": 1, "copies": 1},
    where=lambda p: abs(p["coupling"] - 1) * p["oscillators"]**0.4 < 1.7,
    samples=96, seed=1975,
    stages=[
        errors.mean("order_parameter", "susceptibility", "converged"),
        finite_size.collapse("order_parameter", "coupling", "oscillators", "beta", {"nu": 2.5, "beta": 0.5}, degree=3),
        finite_size.collapse("order_parameter", "coupling", "oscillators", "beta", {"beta": 0.5}, degree=3,
                             name="order_exponent"),
    ],
    figures=[
        Collapse("order_parameter_collapse", **AXES, exact=EXACT, name="kuramoto_draws",
                 title=r"Order parameter: collapse with $\bar\nu = 5/2$ and $\beta = 1/2$"),
        Collapse("order_exponent", **AXES, exact=EXACT, name="kuramoto_draws_exponent",
                 title=r"Order parameter: collapse with $\beta = 1/2$"),
    ],
    presets={"paper": {"axes": {"oscillators": [200, 400, 800, 1600, 3200, 6400, 12800]}, "samples": 512,
                       "fixed": {"equilibration": 8000, "steps": 8000}}},
)  # fmt: skip
