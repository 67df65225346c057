"""Hysteresis of the random-field Ising model at T = 0: the loop with nested loops, below, near and above R_c.

At the coercive point the field turns; an excursion with a loop inside it ends where it began, spin by spin.
"""

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import Paths
from isinglass.models.random_field import RandomFieldIsing

workflow = Workflow(
    title="Random-field Ising model: hysteresis and return-point memory",
    model=RandomFieldIsing,
    axes={"disorder": [2.0, 2.5, 4.0]},
    fixed={"dimension": 3, "size": 32, "temperature": 0.0, "field_step": 0.03, "excursion": 2.4, "reach": 6.0},
    samples=16,
    seed=1993,
    stages=[
        errors.mean(
            "return_overlap", "inner_overlap", "changed", "turning_magnetisation", "coercive_field", "loop_area",
            "largest_step", "largest_avalanche", "avalanches", "magnetisation",
        ),
    ],
    figures=[
        Paths(
            x="applied_field", y="magnetisation", panels="disorder", name="hysteresis",
            facts={"return overlap": "return_overlap", "inner loop": "inner_overlap", "changed": "changed"},
            labels={"applied_field": r"applied field $H/J$", "magnetisation": "magnetisation $M$"},
            title="Hysteresis at T = 0, with an excursion at the coercive point and a loop nested in it",
        ),
    ],
    presets={"paper": {"fixed": {"size": 96}, "samples": 32}},
)  # fmt: skip
