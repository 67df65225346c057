"""K_c and ν̄ of Kuramoto oscillators from finite populations: Lorentzian frequencies at their quantiles, no noise.

Exact: K_c = 2γ = 1 rad/s, β = 1/2. For frequencies that are spread evenly r = N^(-2/5) f((K - K_c) N^(4/5)), ν̄ = 5/4
(of N; Hong, Chaté, Tang and Park 2015; from memory), with far smaller fluctuations than for draws (`kuramoto-draws`,
ν̄ = 5/2). The first collapse fits K_c and ν̄, the second has ν̄ given. Relaxation near K_c takes a time of order N^(4/5),
and so long are the runs. A sample is a start: random phases, and an order of the frequencies that means nothing here.
"""

from typing import Any

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, finite_size
from isinglass.figures import Collapse
from isinglass.models.kuramoto import Kuramoto

SIZES = [100, 200, 400, 800]
SOURCE = "Kuramoto 1984; ν̄ by Hong, Chaté, Tang and Park 2015"
AXES: dict[str, Any] = {"x": "coupling", "size": "oscillators", "source": SOURCE}
EXACT = {"critical": 1.0, "nu": 1.25, "beta": 0.5}

workflow = Workflow(
    title="Kuramoto oscillators: finite-size scaling of the onset",
    model=Kuramoto,
    axes={"coupling": sorted({round(1 + x * n**-0.8, 6) for n in SIZES for x in np.arange(-1.6, 1.7, 0.4)}),
          "oscillators": SIZES},
    fixed={"frequencies": "lorentzian", "draw": "quantiles", "width": 0.5, "time_step": 0.2, "records": 1, "copies": 1},
    derived={"equilibration": lambda p: round(30 * p["oscillators"]**0.8),
             "steps": lambda p: round(60 * p["oscillators"]**0.8)},
    where=lambda p: abs(p["coupling"] - 1) * p["oscillators"]**0.8 < 1.61,
    samples=24, seed=1975,
    stages=[
        errors.mean("order_parameter", "converged"),
        finite_size.collapse("order_parameter", "coupling", "oscillators", "beta", {"beta": 0.5}, degree=3),
        finite_size.collapse("order_parameter", "coupling", "oscillators", "beta", {"nu": 1.25, "beta": 0.5}, degree=3,
                             name="order_given"),
    ],
    figures=[
        Collapse("order_parameter_collapse", **AXES, exact=EXACT, name="kuramoto_collapse",
                 title=r"Order parameter: collapse with $\beta = 1/2$"),
        Collapse("order_given", **AXES, exact=EXACT, name="kuramoto_collapse_given",
                 title=r"Order parameter: collapse with $\bar\nu = 5/4$ and $\beta = 1/2$"),
    ],
    presets={"paper": {"axes": {"oscillators": [200, 400, 800, 1600, 3200]}, "samples": 128}},
)  # fmt: skip
