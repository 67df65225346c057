"""Annealing a memory, transverse against thermal: layers instead of times, with the best step and strength of either.

A layer turns (transverse) or attempts (thermal) each spin once; steps too long for the phases are skipped.
"""

from functools import partial

from isinglass import Workflow
from isinglass.analysis import errors, races
from isinglass.figures import Line, PhaseLines
from isinglass.models.memory_annealing import MemoryAnnealing

race = partial(races.race, along="duration", between="kind", base="thermal", across="spins")
lines = partial(PhaseLines, x="spins", colour="bias", at={"kind": "transverse"},
                over=("duration", "strength", "time_step"),
                theory=[Line("equal", lambda x: 1 + 0 * x, ":")])  # fmt: skip

workflow = Workflow(
    title="Annealing a memory: the best schedule of either kind",
    model=MemoryAnnealing,
    axes={"kind": ["transverse", "thermal"], "spins": [6, 8, 10], "bias": [0.05, 0.2, 0.8],
          "strength": [0.5, 1.0, 2.0, 4.0], "time_step": [0.2, 0.4, 0.6],
          "duration": [2 ** (k / 2) for k in range(15)]},
    fixed={"cue": 0.5, "stored": 2, "copies": 1},
    where=lambda p: p["kind"] == "thermal" or max(p["strength"], (2 + p["bias"]) / 1.5) * p["time_step"] <= 1,
    samples=16,
    seed=1998,
    stages=[
        errors.mean("step_error", "converged"),
        race("shortest_solution", "time_to_solution", over=("strength", "time_step")),
        race("fewest_layers", "layers_to_solution", over=("strength", "time_step")),
    ],
    figures=[
        lines(observable="shortest_solution_ratio", name="schedules_time", title="Time to solution, best schedule",
              labels={"shortest_solution_ratio": "time to solution,\n" r"transverse/thermal ($\hbar/J$ per sweep)"}),
        lines(observable="fewest_layers_ratio", name="schedules_layers", title="Layers to solution, best schedule",
              labels={"fewest_layers_ratio": "layers to solution, transverse/thermal"}),
    ],
    presets={"paper": {"axes": {"spins": [6, 8, 10, 12, 14]}, "samples": 64}},
)  # fmt: skip
