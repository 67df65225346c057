"""Annealing a memory: time to recall with a transverse field and with heat, on the same landscapes and cues.

Times are in ħ/J (transverse) and sweeps (thermal), which are different things; slopes against N depend on neither.
"""

from functools import partial

from isinglass import Workflow
from isinglass.analysis import errors, memory, races
from isinglass.figures import CurvePanels, Line, PhaseLines
from isinglass.models.memory_annealing import MemoryAnnealing

labels = {
    "duration": r"duration $\tau$ ($\hbar/J$; sweeps)",
    "spins": "spins $N$",
    "success_mean": "probability of the ground state",
    "recall_probability_mean": "probability of the cued pattern",
    "time_to_success": r"median $\tau$ at success 0.9 ($\hbar/J$; sweeps)",
    "shortest_solution": r"median time to solution ($\hbar/J$; sweeps)",
    "shortest_solution_ratio": "time to solution,\n" r"transverse/thermal ($\hbar/J$ per sweep)",
}
race = partial(races.race, along="duration", between="kind", base="thermal", across="spins")
curves = partial(CurvePanels, x="duration", colour="spins", panels="kind", labels=labels)
times = partial(PhaseLines, x="spins", over=("duration",), labels=labels)

workflow = Workflow(
    title="Annealing a memory: transverse field against heat",
    model=MemoryAnnealing,
    axes={"kind": ["transverse", "thermal"], "spins": [6, 8, 10], "stored": [1, 2, 3],
          "duration": [2 ** (k / 2) for k in range(21)]},
    fixed={"cue": 0.5, "bias": 0.2, "strength": 1.0, "copies": 1},
    derived={"time_step": lambda p: 0.2 if p["kind"] == "transverse" else min(0.4, p["duration"] / 20)},
    where=lambda p: p["duration"] <= (800 if p["kind"] == "transverse" else 2 ** (18 - p["spins"] / 2)),
    samples=16,
    seed=1998,
    stages=[
        memory.mean,
        errors.mean("success", "recall_probability", "erased_overlap", "excess_energy", "pattern_is_ground",
                    "degeneracy", "step_error", "converged"),
        race("time_to_success", "success", level=0.9),
        race("shortest_solution", "time_to_solution", guard="converged"),
    ],
    figures=[
        curves(observable="success", lines={"0.9": 0.9}, name="annealing_success",
               title="Success of one run against its duration"),
        curves(observable="recall_probability", name="annealing_recall",
               title="The cued pattern at the end of a run, all spins right"),
        times(observable="time_to_success", colour="kind", log=("time_to_success",), name="annealing_time",
              title="Time to success 0.9"),
        times(observable="shortest_solution_ratio", colour="stored", at={"kind": "transverse"}, name="annealing_ratio",
              theory=[Line("equal", lambda x: 1 + 0 * x, ":")], title="Time to solution, best duration"),
    ],
    presets={"paper": {"axes": {"spins": [6, 8, 10, 12, 14], "duration": [2 ** (k / 2) for k in range(31)]},
                       "samples": 128}},
)  # fmt: skip
