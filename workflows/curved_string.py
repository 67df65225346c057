"""Strings in a curved plane: how far the centre of mass departs from the geodesic, by curvature and size."""

from functools import partial

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, scaling
from isinglass.figures import Line, PhaseDiagram, PhaseLines
from isinglass.models.curved_string import CurvedString
from isinglass.theory import curved_string as theory

LABELS = {"curvature": r"curvature $\kappa$", "size": "size $a$ of the string",
          "departure_mean": r"departure from the geodesic $|\langle X\rangle_\sigma - x|$",
          "log_departure_mean": r"$\log_{10}$ departure from the geodesic",
          "departure_power_mean": "exponent of the departure in $a$",
          "departure_per_square_mean": "departure / $a^2$"}  # fmt: skip
COEFFICIENT = np.vectorize(lambda curvature: theory.mean_departure(CurvedString(curvature=curvature), 32))
COARSE = np.geomspace(0.0125, 0.8, 9)


def strength(curvature: np.ndarray) -> np.ndarray:
    """C(κ), by powers between coarse values."""
    return np.asarray(np.exp(np.interp(np.log(curvature), np.log(COARSE), np.log(COEFFICIENT(COARSE)))))


small = partial(PhaseLines, x="curvature", at={"size": 0.03}, labels=LABELS)

workflow = Workflow(
    title="Strings in a curved plane",
    model=CurvedString,
    axes={"curvature": np.geomspace(0.0125, 0.8, 7), "size": [0.01, 0.03, 0.1, 0.3, 1.0]},
    fixed={"sites": 128},
    samples=16,
    seed=2008,
    paired=("curvature", "size"),
    stages=[
        errors.mean("departure", "departure_per_square", "discretisation", "energy_drift", "converged"),
        errors.estimate("log_departure", lambda d: np.log10(d), of=("departure",),
                        long_name="log10 of the departure from the geodesic"),
        scaling.powers("departure", "size", (0, 0.3)),
    ],
    figures=[
        PhaseDiagram(x="size", y="curvature", panels=("log_departure_mean",), limits=(-6.0, 0.0), labels=LABELS,
                     log=("size", "curvature"), title="Departure of strings from the geodesic", name="string_map"),
        PhaseLines(x="size", observable="departure", colour="curvature", log=("size", "departure"), labels=LABELS,
                   theory=lambda size, curvature: COEFFICIENT(curvature) * size**2, source=r"$C(\kappa)\,a^2$, theory",
                   limits=(1e-11, 1.0), title="Departure from the geodesic", name="string_departure"),
        small(observable="departure_power", at={}, over=("size",), log=("curvature",), limits=(1.9, 2.1),
              theory=[Line("2", lambda k: np.full(np.shape(k), 2.0), ":")], title="Exponent, sizes up to 0.3",
              name="string_exponent"),
        small(observable="departure_per_square", log=("curvature", "departure_per_square"),
              theory=strength, source=r"theory, $a\to 0$",
              title="Strength of the departure, a = 0.03", name="string_strength"),
    ],
    presets={"paper": {"axes": {"curvature": np.geomspace(0.0125, 1.6, 15), "size": np.geomspace(0.01, 1.0, 13)},
                       "fixed": {"sites": 256}, "samples": 64}},
)  # fmt: skip
