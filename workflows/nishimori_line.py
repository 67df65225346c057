"""On the Nishimori line, T = 2/ln(p/(1-p)): planted overlap less replica overlap, and the energy, by size."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import Line, PhaseLines
from isinglass.models.spin_glass import SpinGlass
from isinglass.theory import spin_glass


def energy(aligned: np.ndarray) -> np.ndarray:
    """U/N on the line, -(z/2) tanh(1/T) = -2(2p - 1)."""
    return spin_glass.nishimori_energy(spin_glass.nishimori_temperature(aligned))


P = {"aligned": "bonds that favour the pattern $p$"}

workflow = Workflow(
    title="On the Nishimori line",
    model=SpinGlass,
    axes={"aligned": np.linspace(0.6, 0.96, 10), "spins": [16, 64, 144]},
    derived={
        "temperature": lambda p: float(spin_glass.nishimori_temperature(p["aligned"])),
        "hottest": lambda p: float(spin_glass.nishimori_temperature(p["aligned"])) + 2.0,
    },
    fixed={"rungs": 8, "equilibration": 400, "steps": 300},
    samples=100,
    seed=1981,
    stages=[
        errors.mean("overlap_difference", "planted_overlap", "replica_overlap", "energy", "energy_gap", "overlap_gap",
                    "converged")
    ],
    figures=[
        PhaseLines(
            x="aligned", observable="overlap_difference", colour="spins", theory=[Line("exact", lambda p: 0 * p)],
            labels={**P, "overlap_difference_mean": r"$\langle|m|\rangle - \langle|q|\rangle$"},
            limits=(-0.05, 0.05), title="Memory equals coherence on the line", name="nishimori_line_difference",
        ),
        PhaseLines(
            x="aligned", observable="energy", colour="spins", theory=[Line(r"$-2\tanh(1/T)$, exact", energy)],
            labels={**P, "energy_mean": "energy per spin $U/NJ$"},
            title="Energy on the Nishimori line", name="nishimori_line_energy",
        ),
    ],
    presets={"paper": {"axes": {"aligned": np.linspace(0.55, 0.98, 20), "spins": [64, 256, 1024]},
                       "fixed": {"rungs": 8, "equilibration": 5000, "steps": 5000}, "samples": 512}},
)  # fmt: skip
