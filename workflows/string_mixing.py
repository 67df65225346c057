"""Bits in an ensemble of networks that flip between P and its transpose: quenched against annealed orientation."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, phases, plane
from isinglass.figures import PhaseLines
from isinglass.models.string_ensemble import StringEnsemble
from isinglass.theory import strings as theory

LABELS = {"flips": "flips of a network per revolution $pN$", "networks": "networks $M$", "neurons": "neurons $N$"}


def recalled(flips: np.ndarray, networks: int) -> np.ndarray:
    """Memory as signal in Gaussian noise, N = 256."""
    return theory.memory(flips, 256, networks)


workflow = Workflow(
    title="Quenched against annealed orientation of networks",
    model=StringEnsemble,
    axes={"flips": np.linspace(0, 5, 26), "networks": [10, 100, 1000, 10000], "neurons": [64, 256, 1024]},
    samples=48,
    seed=2020,
    stages=[
        memory.mean,
        coherence.mean,
        errors.mean("bit_overlap", "raw_overlap", "amplitude"),
        phases.boundary("memory", along="flips", threshold=0.5),
        errors.estimate("bits_per_neuron", lambda information: information, of=("memory",), units="bit",
                        long_name="bits read per neuron of the mean", denominator="N neurons of the ensemble's mean"),
        plane.concordance(flips=(0, 5), networks=(10, 10000)),
    ],
    figures=[
        PhaseLines(x="flips", observable="memory", colour="networks", at={"neurons": 256}, limits=(-0.05, 1.05),
                   theory=recalled, source="signal in noise (approximate)", labels=LABELS, aside=True,
                   name="string_bits", title="Bits kept after one revolution, N = 256"),
        PhaseLines(x="networks", observable="memory_boundary", colour="neurons", over=("flips",), log=("networks",),
                   labels={**LABELS, "memory_boundary": "flips $pN$ at which memory is 1/2"},
                   theory=lambda networks, neurons: np.array([theory.half_flips(neurons, m) for m in networks]),
                   source="signal in noise (approximate)", title="What more networks buy", name="string_redundancy"),
        PhaseLines(x="flips", observable="coherence", colour="networks", at={"neurons": 256}, limits=(-0.05, 1.05),
                   labels=LABELS, title="Coherence of two ensembles written alike, N = 256", name="string_coherence"),
    ],
    presets={"paper": {"axes": {"networks": [10, 100, 1000, 10000, 100000], "neurons": [64, 256, 1024, 4096]},
                       "samples": 256}},
)  # fmt: skip
