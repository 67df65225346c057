"""The sheet of a string of neurons against the Nambu-Goto equation: three clocks, over the number of subsystems."""

from functools import partial

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import PhaseLines
from isinglass.models.world_sheet import WorldSheet

LABELS = {
    "dimension": "subsystems $D$",
    "constraint_mean": "Virasoro constraints, relative rms",
    "median_nambu_goto_mean": "Nambu-Goto equation, median over $|X''|$",
}

lines = partial(PhaseLines, x="dimension", colour="clock", at={"neurons": 256}, labels=LABELS)  # fmt: skip

workflow = Workflow(
    title="World sheets of neurons, and their clocks",
    model=WorldSheet,
    axes={"dimension": [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64], "clock": ["arc_length", "time", "mean"],
          "neurons": [64, 256]},
    samples=32,
    seed=2021,
    stages=[
        errors.mean("constraint", "median_nambu_goto", "nambu_goto", "timelike", "wave_residual", "return_error"),
    ],
    figures=[
        lines(observable="median_nambu_goto", log=("dimension", "median_nambu_goto"), name="string_clock",
              title="The same waves with three clocks, N = 256"),
        lines(observable="constraint", log=("dimension", "constraint"), limits=(0.05, 4), name="string_constraint",
              title="Three clocks, N = 256 (arc length: 2e-16, far below)"),
    ],
    presets={"paper": {"axes": {"dimension": [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256],
                                "neurons": [64, 256, 1024]}, "samples": 128}},
)  # fmt: skip
