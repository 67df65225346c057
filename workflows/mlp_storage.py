"""Storage of random labels in a network with one hidden layer, trained by backpropagation: accuracy and bits by load.

`accuracy_trace_boundary` is the load at which the mean accuracy falls to 0.99, after each of six numbers of steps.
"""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, phases, plane
from isinglass.figures import PhaseLines
from isinglass.models.multilayer_perceptron import MultilayerPerceptron

LOAD = {"load": "load $P/n$, patterns per parameter"}

workflow = Workflow(
    title="Storage in a network with one hidden layer",
    model=MultilayerPerceptron,
    axes={"load": [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0], "hidden": [4, 8, 16]},
    fixed={"inputs": 20, "optimiser": "adam", "rate": 0.01, "steps": 2000},
    samples=8,
    seed=1986,
    stages=[
        coherence.mean,
        memory.mean,
        errors.mean("accuracy", "accuracy_trace", "loss", "converged"),
        errors.estimate(
            "bits_per_parameter", lambda bits, count: bits / count, of=("stored_bits", "parameter_count"), units="bit",
            long_name="stored bits per parameter", denominator="n = H(d+2)+1 weights and biases",
        ),
        phases.boundary("accuracy_trace", along="load", threshold=0.99),
        plane.concordance(load=(0.5, 4)),
    ],
    figures=[
        PhaseLines(x="load", observable="accuracy", colour="hidden", labels=LOAD, name="accuracy",
                   title="Random labels stored by backpropagation"),
        PhaseLines(x="load", observable="bits_per_parameter", colour="hidden", labels=LOAD, name="bits_per_parameter",
                   title="Bits per parameter"),
        PhaseLines(x="load", observable="coherence", colour="hidden", labels=LOAD | {
                       "coherence_mean": r"coherence $\langle|\cos(f_a, f_b)|\rangle$"}, name="coherence",
                   title="Two networks that learnt the same labels, on new inputs"),
    ],
    presets={"paper": {"axes": {"load": [*np.arange(0.5, 3, 0.25), 3, 3.5, 4, 5, 6], "hidden": [4, 8, 16, 32]},
                       "fixed": {"steps": 32000}, "samples": 32}},
)  # fmt: skip
