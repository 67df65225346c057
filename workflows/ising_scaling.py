"""T_c and exponents of the square Ising magnet from finite sizes: Binder crossings, collapse, susceptibility peaks.

The grid is centred at 2.27 and as wide as 1/L, Wolff clusters from a cold start. Exact: T_c = 2.269185, ν = 1, β = 1/8,
γ = 7/4. Corrections: L^-7/4 to the Binder cumulant, the regular part of the susceptibility (so crossings drift as
L^-(1/ν + 7/4)); L^-1 to the order parameter over a window of temperatures, as T - T_c is no scaling field.
"""

from typing import Any

import numpy as np

from isinglass import Workflow
from isinglass.analysis import crossings, errors, finite_size, ridges, scaling
from isinglass.analysis.quantities import Quantity
from isinglass.figures import Collapse, Extrapolation
from isinglass.models.ising import Ising
from isinglass.theory.ising import T_C

CENTRE = 2.27
BINDER = Quantity(
    "binder",
    lambda m2, m4: 1 - m4 / (3 * m2**2),
    of=("magnetisation_2", "magnetisation_4"),
    long_name="Binder cumulant U",
)
SUSCEPTIBILITY = Quantity(
    "susceptibility",
    lambda m, m2: m.length**2 * (m2 - m**2) / m.temperature,
    of=("magnetisation", "magnetisation_2"),
    long_name="susceptibility of |m|",
)
SOURCE = "Onsager 1944, Yang 1952 (isinglass.theory.ising); β, γ, ν of the exact solution"
AXES: dict[str, Any] = {"x": "temperature", "size": "length", "source": SOURCE}
EXACT = {"critical": T_C, "nu": 1.0, "beta": 0.125, "gamma": 1.75}

workflow = Workflow(
    title="Square Ising magnet: finite-size scaling",
    model=Ising,
    axes={"temperature": sorted({round(CENTRE + x / n, 6) for n in (8, 16, 32, 64) for x in np.arange(-2, 3.6, 0.5)}),
          "length": [8, 12, 16, 24, 32, 48, 64]},
    fixed={"dynamics": "wolff", "equilibration": 10, "steps": 24},
    where=lambda p: -2.01 < (p["temperature"] - CENTRE) * p["length"] < 3.51,
    samples=12, replicas=64, seed=1952,
    stages=[
        errors.mean("magnetisation", "converged"), BINDER.mean, SUSCEPTIBILITY.mean,
        crossings.of_sizes(BINDER, "temperature", "length", exponent=2.75, ratio=2, points=5),
        finite_size.collapse(BINDER, "temperature", "length", within=0.2, correction=1.75),
        finite_size.collapse("magnetisation", "temperature", "length", "beta", within=0.2, correction=1.0),
        ridges.ridge(SUSCEPTIBILITY, "temperature", points=5),
        scaling.power("susceptibility_ridge", "length"),
        scaling.power("susceptibility_ridge_height", "length", limit=0.0),
    ],
    figures=[
        Collapse("binder_collapse", **AXES, exact=EXACT, name="ising_collapse", title="Binder cumulant: collapse",
                 labels={"binder_mean": "Binder cumulant $U$"}),
        Collapse("magnetisation_collapse", **AXES, exact=EXACT, name="ising_collapse_order",
                 title="Order parameter: collapse",
                 labels={"magnetisation_mean": r"order parameter $\langle|m|\rangle$"}),
        Extrapolation("binder_crossing", "length", T_C, ("temperature",), name="ising_crossings", source=SOURCE,
                      title="Crossings of the Binder cumulants of $L$ and $2L$"),
        Extrapolation("susceptibility_ridge", "length", T_C, ("temperature",), name="ising_peaks", source=SOURCE,
                      title="Peaks of the susceptibility"),
    ],
    presets={"paper": {"axes": {"length": [8, 12, 16, 24, 32, 48, 64, 96, 128]}, "samples": 128,
                       "fixed": {"equilibration": 60, "steps": 256}}},
)  # fmt: skip
