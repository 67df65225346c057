"""Random-bond Ising around a planted pattern: overlap with the pattern beside that of replicas over (p, T)."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, phases
from isinglass.figures import Line, PhaseDiagram
from isinglass.models.spin_glass import SpinGlass
from isinglass.theory import spin_glass

LINE = Line("Nishimori line", spin_glass.nishimori_temperature, "--")
LABELS = {
    "aligned": "bonds that favour the pattern $p$",
    "planted_overlap_mean": r"planted $\langle|m|\rangle$",
    "replica_overlap_mean": r"replica $\langle|q|\rangle$",
    "overlap_difference_mean": r"$\langle|m|\rangle - \langle|q|\rangle$",
    "overlap_difference_boundary": r"measured $\langle|m|\rangle = \langle|q|\rangle$ (95 % interval)",
}

workflow = Workflow(
    title="Planted pattern in random bonds",
    model=SpinGlass,
    axes={"aligned": np.linspace(0.5, 1.0, 11), "temperature": np.linspace(0.2, 2.8, 14)},
    fixed={"spins": 64, "rungs": 6, "hottest": 3.5, "equilibration": 200, "steps": 250},
    samples=50,
    seed=1981,
    stages=[
        errors.mean(
            "planted_overlap", "replica_overlap", "overlap_difference", "energy", "energy_gap",
            "overlap_gap", "converged",
        ),
        phases.boundary("overlap_difference", along="temperature", threshold=0.0, ordered="high"),
    ],
    figures=[
        PhaseDiagram(
            x="aligned", y="temperature", panels=("planted_overlap_mean", "replica_overlap_mean"),
            lines=[LINE], labels=LABELS, title="Planted pattern in random bonds, L = 8", name="nishimori",
        ),
        PhaseDiagram(
            x="aligned", y="temperature", panels=("overlap_difference_mean",), limits=(-0.8, 0.8), colours="RdBu_r",
            boundary="overlap_difference_boundary", lines=[LINE], labels=LABELS,
            title="Where memory of the pattern equals order", name="nishimori_difference",
        ),
    ],
    presets={
        "paper": {
            "axes": {"aligned": np.linspace(0.5, 1.0, 26), "temperature": np.linspace(0.1, 2.8, 28)},
            "fixed": {"spins": 256, "rungs": 16, "equilibration": 5000, "steps": 5000}, "samples": 128,
        }
    },
)  # fmt: skip
