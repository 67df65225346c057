"""Storage of random labels in one unit: what is separable, what the perceptron rule learns, and what copies share."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, phases, plane
from isinglass.figures import PhaseLines
from isinglass.models.perceptron import Perceptron
from isinglass.theory import perceptron

workflow = Workflow(
    title="Perceptron storage",
    model=Perceptron,
    axes={"load": np.linspace(0.6, 3.0, 13), "inputs": [10, 20, 50]},
    fixed={"rule": "perceptron", "epochs": 1000},
    samples=128,
    seed=1965,
    stages=[
        coherence.mean,
        memory.mean,
        errors.mean("separable", "learned", "error_rate", "epochs_used", "converged"),
        errors.estimate(
            "bits_per_weight", lambda bits: bits / bits["inputs"], of=("stored_bits",), units="bit",
            long_name="stored bits per weight", denominator="N weights",
        ),
        phases.boundary("separable", along="load", threshold=0.5),
        phases.boundary("learned", along="load", threshold=0.5),
        plane.concordance(load=(0.6, 3)),
    ],
    figures=[
        PhaseLines(x="load", observable="separable", colour="inputs", theory=perceptron.separable, source="Cover",
                   labels={"separable_mean": "share of separable labels"}, name="separable",
                   title="Random labels that some weights separate"),
        PhaseLines(x="load", observable="learned", colour="inputs", theory=perceptron.separable,
                   source="separable (Cover)", labels={"learned_mean": "share learnt in 1000 epochs"}, name="learned",
                   title="Random labels that the perceptron rule learns"),
        PhaseLines(x="load", observable="bits_per_weight", colour="inputs", name="bits_per_weight",
                   title="Bits per weight, perceptron rule, 1000 epochs"),
        PhaseLines(x="load", observable="coherence", colour="inputs", name="coherence",
                   labels={"coherence_mean": r"coherence $\langle|\cos(w_a, w_b)|\rangle$"},
                   title="Two perceptrons that learnt the same labels"),
    ],
    presets={"paper": {"axes": {"load": np.linspace(0.5, 3.0, 26), "inputs": [10, 20, 50, 100]},
                       "fixed": {"epochs": 10000}, "samples": 1024}},
)  # fmt: skip
