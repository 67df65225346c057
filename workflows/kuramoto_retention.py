"""Phases that were written into coupled oscillators, 40 to 60 s later: memory and order against coupling."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, plane, retention
from isinglass.figures import Line, PhaseLines
from isinglass.models.kuramoto import Kuramoto
from isinglass.theory import kuramoto

workflow = Workflow(
    title="Kuramoto oscillators: retention of written phases",
    model=Kuramoto,
    axes={"coupling": np.linspace(0, 2, 17), "oscillators": [200, 400, 1600, 6400]},
    fixed={"width": 0.5, "time_step": 0.1, "equilibration": 400, "steps": 200, "records": 30},
    samples=12,
    seed=1975,
    stages=[
        memory.mean,
        coherence.mean,
        errors.mean("order_parameter", "retention", "phase_information", "retention_time", "censored", "converged"),
        retention.retention("memory_trace", level=0.5, name="half_life"),
        errors.estimate(
            "information_per_oscillator", lambda memory: 3 * memory, of=("memory",), units="bit",
            long_name="bits of the written phase", denominator="N oscillators, one phase each, 3 bits in 8 sectors",
        ),
        plane.concordance(coupling=(0, 2)),
    ],
    figures=[
        PhaseLines(
            x="coupling", observable="memory", colour="oscillators", limits=(-0.05, 1.05),
            theory=[Line(r"$K_\mathrm{c} = 2\gamma$", lambda coupling: np.where(coupling < 1.0, 2.0, -1.0), ":")],
            title="What is left of written phases after 40 to 60 s", name="kuramoto_memory",
        ),
        PhaseLines(
            x="coupling", observable="order_parameter", colour="oscillators", limits=(-0.05, 1.05),
            theory=[Line(r"theory, $N \to \infty$", lambda coupling: kuramoto.order_parameter(coupling, 0.5))],
            title="Order of the same runs", name="kuramoto_retention_order",
        ),
        PhaseLines(
            x="coupling", observable="half_life", colour="oscillators", log=("half_life",),
            labels={"half_life": "median time at which memory is 1/2 (s)"},
            title="Half-life of written phases, where half of the samples fall", name="kuramoto_half_life",
        ),
    ],
    presets={
        "paper": {
            "axes": {"coupling": np.linspace(0, 2, 41), "oscillators": [200, 400, 1600, 6400, 25600]},
            "fixed": {"time_step": 0.05, "equilibration": 800, "steps": 400},
            "samples": 64,
        }
    },
)  # fmt: skip
