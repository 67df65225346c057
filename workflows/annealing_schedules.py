"""Annealing a memory, transverse against thermal: layers instead of times, with the best step and strength of either.

A layer turns (transverse) or attempts (thermal) each spin once. With long steps a run is an algorithm of its own, no
longer the differential equation (`converged`): a thermal step of 8 is two sequential sweeps. Where phases would alias
there is no transverse run.
"""

from functools import partial

from isinglass import Workflow
from isinglass.analysis import errors, races
from isinglass.figures import Line, PhaseLines
from isinglass.models.memory_annealing import MemoryAnnealing

race = partial(races.race, along="duration", between="kind", base="thermal", across="spins")
lines = partial(PhaseLines, x="spins", colour="bias", labels={
                    "shortest_solution_ratio": "time to solution,\n" r"transverse/thermal ($\hbar/J$ per sweep)",
                    "fewest_layers_ratio": "layers to solution, transverse/thermal"},
                theory=[Line("equal", lambda x: 1 + 0 * x, ":")])  # fmt: skip

workflow = Workflow(
    title="Annealing a memory: the best schedule of either kind",
    model=MemoryAnnealing,
    axes={"kind": ["transverse", "thermal"], "spins": [6, 8, 10], "bias": [0.05, 0.2, 0.8],
          "strength": [0.5, 1.0, 2.0, 4.0], "time_step": [0.2, 0.4, 0.6, 2.0, 4.0, 8.0],
          "duration": [2 ** (k / 2) for k in range(15)]},
    fixed={"cue": 0.5, "stored": 2, "copies": 1},
    where=lambda p: p["kind"] == "thermal" or max(p["strength"], (2 + p["bias"]) / 1.5) * p["time_step"] <= 1,
    samples=8,
    seed=1998,
    stages=[
        errors.mean("step_error", "converged"),
        race("shortest_solution", "time_to_solution", over=("strength",), guard="converged"),
        race("fewest_layers", "layers_to_solution", over=("strength", "time_step")),
    ],
    figures=[
        lines(observable="shortest_solution_ratio", name="schedules_time", title="Time to solution, best strength",
              at={"kind": "transverse", "time_step": 0.2}, over=("duration", "strength")),
        lines(observable="fewest_layers_ratio", name="schedules_layers", title="Layers to solution, best schedule",
              at={"kind": "transverse"}, over=("duration", "strength", "time_step")),
    ],
    presets={"paper": {"axes": {"spins": [6, 8, 10, 12, 14]}, "samples": 64}},
)  # fmt: skip
