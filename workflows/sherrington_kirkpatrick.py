"""The Sherrington-Kirkpatrick glass by parallel tempering: q² and energy over the ladder of temperatures, by size."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import Line, PhaseLines
from isinglass.models.spin_glass import SpinGlass
from isinglass.theory import spin_glass


def paramagnet(temperature: np.ndarray) -> np.ndarray:
    """U/N = -1/2T above T_c = 1, N → ∞; NaN below."""
    return np.where(temperature >= 1, -0.5 / temperature, np.nan)


def fluctuations(temperature: np.ndarray, spins: int) -> np.ndarray:
    """⟨q²⟩ = 1/(N(1 - 1/T²)), to leading order above T_c = 1, where it diverges; NaN below 1.1."""
    square = spin_glass.complete_replica_square(temperature, spins)
    return np.where(temperature >= 1.1, square, np.nan)


T = {"rung": r"temperature $k_\mathrm{B}T/J$"}

workflow = Workflow(
    title="Sherrington-Kirkpatrick glass",
    model=SpinGlass,
    axes={"spins": [64, 128, 256]},
    fixed={
        "geometry": "complete", "bonds": "gaussian", "temperature": 0.4, "rungs": 13, "hottest": 1.6,
        "equilibration": 500, "steps": 500,
    },
    samples=64,
    seed=1975,
    stages=[
        errors.mean(
            "ladder_replica_square", "ladder_energy", "ladder_acceptance", "energy", "replica_square", "identity",
            "energy_gap", "round_trip", "converged",
        )
    ],
    figures=[
        PhaseLines(
            x="rung", observable="ladder_replica_square", colour="spins",
            theory=fluctuations, source=r"$1/N(1 - T^{-2})$, $T > T_c = 1$, leading order", limits=(0.0, 0.5),
            labels={**T, "ladder_replica_square_mean": r"$\langle q^2 \rangle$"},
            title="Order of the SK glass", name="sk_overlap",
        ),
        PhaseLines(
            x="rung", observable="ladder_energy", colour="spins",
            theory=[Line(r"$-1/2T$, $T > T_c = 1$, $N \to \infty$", paramagnet)],
            labels={**T, "ladder_energy_mean": "energy per spin $U/NJ$"},
            title="Energy of the SK glass", name="sk_energy",
        ),
    ],
    presets={"paper": {"axes": {"spins": [64, 128, 256, 512, 1024]}, "fixed": {"temperature": 0.2, "rungs": 24,
                       "equilibration": 10000, "steps": 10000}, "samples": 256}},
)  # fmt: skip
