"""Is it size alone that makes a string depart from the geodesic? More waves of one size, standing and travelling."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, scaling
from isinglass.figures import Line, PhaseLines
from isinglass.models.curved_string import CurvedString
from isinglass.theory.curved_string import mean_departure

PER_WAVE = 128


def line(motion: str) -> Line:
    """Theory for size 0, at some modes, straight between them."""
    values = np.vectorize(lambda mode: mean_departure(CurvedString(mode=mode, motion=motion, sites=1024), 32))
    modes = np.array([1, 2, 4, 8])
    return Line(
        f"theory, {motion}", lambda n: np.interp(n, modes, values(modes)), "-" if motion == "standing" else "--"
    )


workflow = Workflow(
    title="Strings in a curved plane: waves of one size",
    model=CurvedString,
    axes={"mode": [1, 2, 4, 8], "motion": ["standing", "travelling"]},
    fixed={"size": 0.03, "curvature": 0.2},
    derived={"sites": lambda p: PER_WAVE * p["mode"]},
    samples=32,
    seed=2008,
    paired=("mode", "motion", "sites"),
    stages=[
        errors.mean("departure", "departure_per_square", "discretisation", "energy_drift", "converged"),
        scaling.powers("departure_per_square", "mode", (4, np.inf)),
    ],
    figures=[
        PhaseLines(x="mode", observable="departure_per_square", colour="motion", log=("mode", "departure_per_square"),
                   theory=[line("standing"), line("travelling")],
                   labels={"mode": "mode $n$", "departure_per_square_mean": "departure / $a^2$"},
                   title=r"Departure at one size, $\kappa$ = 0.2, a = 0.03", name="string_modes"),
    ],
    presets={"paper": {"axes": {"mode": [1, 2, 3, 4, 5, 6, 7, 8]}, "samples": 128}},
)  # fmt: skip
