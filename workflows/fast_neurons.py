"""Plain gradient descent with fast neurons: temperature of a bias, and the equation that its density follows."""

from isinglass import Workflow
from isinglass.analysis import errors, winners
from isinglass.figures import PhaseLines, WinnerMap
from isinglass.models.fast_neurons import FastNeurons
from isinglass.theory import fast_neurons as theory

OF = {"l1_fokker_planck": "Fokker-Planck", "l1_schroedinger": "Schroedinger"}
LABELS = {
    "epsilon": r"$\epsilon = \gamma N/\Gamma$",
    "delta": r"$\delta$",
    "relaxations": r"$t/\tau$",
    "temperature_ratio_mean": r"$\kappa_b \langle q^2\rangle/T$",
}

workflow = Workflow(
    title="Fast neurons and a trainable bias",
    model=FastNeurons,
    axes={"epsilon": [0.03, 0.1, 0.3, 1.0, 3.0, 10.0], "delta": [0.1, 0.3, 1.0, 3.0, 10.0],
          "relaxations": [0.25, 1.0, 3.0, 8.0]},
    fixed={"networks": 512, "neurons": 2},
    samples=6, seed=1210,
    stages=[errors.only("converged", errors.mean("temperature_ratio", "centre", "noise_floor", *OF)),
            errors.mean("converged"),
            errors.only("converged", winners.winner("winner", tuple(OF), even=0.0))],
    figures=[
        PhaseLines(x="epsilon", observable="temperature_ratio", colour="delta", at={"relaxations": 8.0},
                   log=("epsilon", "temperature_ratio"), theory=theory.temperature_ratio,
                   source=r"$\epsilon/(1+\epsilon+\delta)$", labels=LABELS,
                   name="fast_neurons_temperature", title="Temperature of a bias at rest"),
        WinnerMap(x="epsilon", y="delta", facet="relaxations", of=OF, log=("epsilon", "delta"), labels=LABELS,
                  name="fast_neurons_winner", title="The density of a bias in time: which equation it follows"),
    ],
    presets={"paper": {"axes": {"epsilon": [round(10 ** (k / 8), 6) for k in range(-16, 9)],
                                "delta": [round(10 ** (k / 8), 6) for k in range(-8, 9)]},
                       "fixed": {"networks": 8192}, "samples": 8}},
)  # fmt: skip
