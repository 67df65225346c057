"""Annealing a memory: time to recall with a transverse field and with heat, on the same landscapes and cues.

Times are in ħ/J (transverse) and sweeps (thermal), which are different things; slopes against N do not depend on either.
"""

from functools import partial

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, races
from isinglass.figures import CurvePanels, PhaseLines
from isinglass.models.memory_annealing import MemoryAnnealing

AXIS = {"duration": r"duration $\tau$ ($\hbar/J$; sweeps)"}
race = partial(races.race, along="duration", between="kind", base="thermal", across="spins")
times = partial(PhaseLines, x="spins", over=("duration",))
curves = partial(CurvePanels, x="duration", colour="spins", panels="kind", labels={
    **AXIS, "success_mean": "probability of the ground state", "memory_mean": r"memory $I/H$",
    "recall_probability_mean": "probability of the cued pattern",
})  # fmt: skip

workflow = Workflow(
    title="Annealing a memory: transverse field against heat",
    model=MemoryAnnealing,
    axes={"kind": ["transverse", "thermal"], "spins": [6, 8, 10], "stored": [1, 2, 3],
          "duration": [float(2**k) for k in range(11)]},
    fixed={"cue": 0.5, "bias": 0.2, "strength": 1.0},
    derived={"time_step": lambda p: 0.1 if p["kind"] == "transverse" else 0.25},
    samples=32,
    seed=1998,
    stages=[
        memory.mean,
        coherence.mean,
        errors.mean("success", "recall_probability", "erased_overlap", "excess_energy", "pattern_is_ground",
                    "degeneracy", "step_error", "converged"),
        race("time_to_success", "success", level=0.9),
        race("shortest_solution", "time_to_solution"),
        race("fewest_layers", "layers_to_solution"),
    ],
    figures=[
        curves(observable="success", lines={"0.9": 0.9}, name="annealing_success",
               title="Success of one run against its duration"),
        curves(observable="recall_probability", name="annealing_recall",
               title="The cued pattern at the end of a run, all spins right"),
        times(observable="time_to_success", colour="kind", log=("time_to_success",), name="annealing_time",
              title="Time to success 0.9", labels={"time_to_success": r"median $\tau$ at success 0.9 ($\hbar/J$; sweeps)"}),
        times(observable="shortest_solution", colour="kind", log=("shortest_solution",), name="annealing_solution",
              title="Time to solution, best duration",
              labels={"shortest_solution": r"median time to solution ($\hbar/J$; sweeps)"}),
    ],
    presets={"paper": {"axes": {"spins": [6, 8, 10, 12, 14], "duration": [2 ** (k / 2) for k in range(25)]},
                       "samples": 128}},
)  # fmt: skip
