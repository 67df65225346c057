"""How many states at rest one turning field can write at T = 0 in 3D, by disorder and size: where is the maximum?"""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, phases, ridges
from isinglass.figures import PhaseLines
from isinglass.models.random_field import RandomFieldIsing

LABELS = {
    "size": "edge $L$",
    "states_per_spin_mean": "states at rest per spin $K/N$",
    "largest_avalanche_mean": "largest avalanche $/N$",
}

workflow = Workflow(
    title="Random-field Ising model: states at rest after one turning field",
    model=RandomFieldIsing,
    axes={"disorder": np.linspace(1.0, 5.0, 21), "size": [8, 12, 16, 24]},
    fixed={"dimension": 3, "temperature": 0.0, "remanent": True, "field_step": 0.25, "reach": 6.0},
    samples=16,
    seed=2160,
    stages=[
        errors.mean("remanent_states", "largest_avalanche", "avalanches", "remanence", "loop_area"),
        errors.estimate(
            "states_per_spin", lambda states: states / states["size"] ** 3, of=("remanent_states",),
            long_name="states at rest per spin", denominator="N = L³ spins",
        ),
        errors.estimate("written_bits", np.log2, of=("remanent_states",), units="bit",
                        long_name="bits of one turning field that the state at rest tells"),
        ridges.ridge("remanent_states", along="disorder"),
        phases.boundary("largest_avalanche", along="disorder", threshold=0.5),
    ],
    figures=[
        PhaseLines(x="disorder", observable="states_per_spin", colour="size",
                   name="states_per_spin", labels=LABELS,
                   title="States at rest that one turning field can give, T = 0"),
        PhaseLines(x="disorder", observable="largest_avalanche", colour="size", name="largest_avalanche", labels=LABELS,
                   title="Largest avalanche of the same samples"),
    ],
    presets={"paper": {"axes": {"disorder": np.linspace(1.0, 5.0, 41), "size": [8, 16, 32, 48]}, "samples": 64}},
)  # fmt: skip
