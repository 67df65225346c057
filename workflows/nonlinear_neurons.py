"""Neurons that follow a bias with a nonlinear force: does its temperature keep the closed form of linear ones?"""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import PhaseLines
from isinglass.models.fast_neurons import FastNeurons
from isinglass.theory import fast_neurons as theory

EPSILON = 1.0
LABELS = {
    "gain": "nonlinearity $g$",
    "delta": r"$\delta$",
    "temperature_ratio_mean": r"$\kappa_b \langle q^2\rangle/T$",
}


def gaussian(gain: np.ndarray, delta: float) -> np.ndarray:
    """The stiffness of neurons replaced by that of a Gaussian; at g = 0 exact."""
    return theory.nonlinear_ratio(EPSILON, delta, gain)


workflow = Workflow(
    title="Nonlinear neurons: temperature of a bias",
    model=FastNeurons,
    axes={"gain": [0.0, 0.1, 0.3, 1.0, 3.0, 10.0], "delta": [0.1, 1.0, 3.0]},
    fixed={"epsilon": EPSILON, "networks": 512, "neurons": 2, "relaxations": 6.0, "distance": 0.0, "width": 1.0},
    samples=16, seed=1210,
    stages=[errors.only("converged", errors.mean("temperature_ratio")), errors.mean("converged")],
    figures=[
        PhaseLines(x="gain", observable="temperature_ratio", colour="delta", labels=LABELS, name="nonlinear_neurons",
                   theory=gaussian, source=r"$\delta \to \delta/(1+3g\langle u^2\rangle)$", log=("gain",),
                   title=f"Nonlinear neurons, ε = {EPSILON:g}"),
    ],
    presets={"paper": {"axes": {"gain": [0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0],
                                "delta": [0.1, 0.3, 1.0, 3.0, 10.0]},
                       "samples": 32, "fixed": {"networks": 2048, "time_step": 0.05}}},
)  # fmt: skip
