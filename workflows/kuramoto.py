"""The onset of synchrony over coupling and noise: Lorentzian frequencies, the line K_c = 2(γ + D) on top."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, plane, ridges
from isinglass.figures import Line, PhaseDiagram, PhaseLines
from isinglass.models.kuramoto import Kuramoto
from isinglass.theory import kuramoto

workflow = Workflow(
    title="Kuramoto oscillators: onset of synchrony",
    model=Kuramoto,
    axes={"coupling": np.linspace(0, 4, 21), "noise": np.linspace(0, 1, 11)},
    fixed={"oscillators": 400, "width": 0.5, "time_step": 0.1, "equilibration": 400, "steps": 400, "records": 16},
    samples=8,
    seed=1984,
    stages=[
        errors.mean("order_parameter", "susceptibility", "locked_fraction", "converged"),
        coherence.mean,
        memory.mean,
        ridges.ridge("susceptibility", "coupling"),
        plane.concordance(coupling=(0, 4), noise=(0, 1)),
    ],
    figures=[
        PhaseDiagram(
            x="coupling",
            y="noise",
            panels=("order_parameter_mean", "coherence_mean"),
            boundary="susceptibility_ridge",
            lines=[Line(r"$K_\mathrm{c} = 2(\gamma + D)$", lambda coupling: coupling / 2 - 0.5)],
            labels={"susceptibility_ridge": "largest fluctuations of $r$", "noise": "noise $D$ (rad²/s)"},
            title="Kuramoto oscillators: order, and coherence of copies",
            name="kuramoto_onset",
        ),
        PhaseLines(
            x="coupling", observable="order_parameter", at={"noise": 0.2}, name="kuramoto_order",
            theory=[Line(r"theory, $N \to \infty$", lambda coupling: kuramoto.order_parameter(coupling, 0.5, 0.2))],
            title="Order parameter against coupling, D = 0.2 rad²/s",
        ),
    ],
    presets={
        "paper": {
            "axes": {"coupling": np.linspace(0, 4, 61), "noise": np.linspace(0, 1, 41)},
            "fixed": {"oscillators": 10_000, "time_step": 0.05, "equilibration": 2000, "steps": 2000},
            "samples": 16,
        }
    },
)  # fmt: skip
