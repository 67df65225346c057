"""Recall by trained restricted Boltzmann machines: over load and hidden units, and what a parameter holds.

Random patterns of 32 units, learned by PCD, recalled by mean-field steps from cues of overlap 0.8. The capacity is the
load up to which the mean overlap is at least 0.9. It, and the recalled bits (mutual information of pattern and state,
summed), are of all patterns, not of the message alone.
"""

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, phases, plane
from isinglass.figures import PhaseDiagram, PhaseLines
from isinglass.models.restricted_boltzmann import RestrictedBoltzmannMachine

VISIBLE = 32
LOAD = r"patterns per visible unit $P/n_\mathrm{v}$"
MEAN = r"mean recall overlap $\langle m \rangle$"

workflow = Workflow(
    title="Recall by trained restricted Boltzmann machines",
    model=RestrictedBoltzmannMachine,
    axes={
        "load": [0.125, 0.25, 0.375, 0.5, 0.75, 1.0, 1.25, 1.75, 2.5],
        "hidden": [4, 8, 16, 32, 64],
    },
    fixed={
        "data": "random", "visible": VISIBLE, "initial_scale": 0.5, "learning": "pcd", "k": 2, "chains": 32,
        "updates": 1500, "likelihood": False,
    },
    samples=6,
    seed=1986,
    stages=[
        coherence.mean,
        memory.mean,
        errors.mean("mean_overlap", "hidden_coherence", "converged"),
        phases.capacity("mean_overlap", theta=0.9),
        errors.estimate(
            "bits_per_parameter", lambda bits, adjustable: bits / adjustable, of=("recalled_bits", "adjustable"),
            units="bit", long_name="recalled bits per parameter", denominator="n_v n_h + n_v + n_h weights and biases",
        ),
        plane.concordance(load=(0.125, 2.5)),
    ],
    figures=[
        PhaseDiagram(
            x="hidden", y="load", log=("hidden",), panels=("mean_overlap_mean", "coherence_mean"),
            boundary="mean_overlap_capacity",
            labels={"load": LOAD, "mean_overlap_mean": MEAN,
                    "mean_overlap_capacity": "capacity, mean overlap 0.9 (95 % interval)"},
            title="Recall by trained RBMs of 32 visible units, cue 0.8", name="recall_map",
        ),
        PhaseLines(x="load", observable="mean_overlap", colour="hidden", limits=(0.0, 1.05),
                   labels={"load": LOAD, "mean_overlap_mean": MEAN},
                   title="Recall by trained RBMs against load, by hidden units", name="recall"),
        PhaseLines(x="load", observable="bits_per_parameter", colour="hidden", limits=(0.0, 1.8),
                   labels={"load": LOAD, "bits_per_parameter_mean": "recalled bits per weight or bias"},
                   title="What a parameter of a trained RBM holds", name="bits_per_parameter"),
    ],
    presets={
        "paper": {"axes": {"hidden": [4, 6, 8, 12, 16, 24, 32, 48, 64]}, "fixed": {"updates": 6000}, "samples": 64}
    },
)  # fmt: skip
