"""What random bonds keep of a written random state: memory and coherences over (p, T), L = 32, heat bath."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, plane
from isinglass.figures import Line, PhaseDiagram, PhaseLines
from isinglass.models.spin_glass import SpinGlassMemory
from isinglass.theory import spin_glass

P = {"aligned": "bonds that favour the pattern $p$"}

workflow = Workflow(
    title="Retention in random bonds",
    model=SpinGlassMemory,
    axes={"aligned": np.linspace(0.5, 1.0, 11), "temperature": [0.2, 0.5, 0.8, 1.1, 1.4]},
    fixed={"spins": 1024, "equilibration": 250, "steps": 50},
    samples=40,
    seed=1977,
    stages=[
        coherence.mean,
        memory.mean,
        errors.mean("written_overlap", "planted_overlap", "trace", "converged"),
        errors.estimate(
            "bits_per_spin", lambda memory: memory, of=("memory",), units="bit",
            long_name="information on the written state per spin", denominator="N spins, each written with one bit",
        ),
        plane.concordance(aligned=(0.5, 1), temperature=(0.2, 1.4)),
    ],
    figures=[
        PhaseDiagram(
            x="aligned", y="temperature", panels=("written_overlap_mean", "message_coherence_mean"),
            limits=(0.0, 0.16), lines=[Line("Nishimori line", spin_glass.nishimori_temperature, "--")],
            labels={**P, "written_overlap_mean": r"overlap with written state $\langle m_w \rangle$",
                    "message_coherence_mean": "coherence $-$ blind coherence"},
            title="Retention of a random state", name="glass_retention",
        ),
        PhaseLines(
            x="aligned", observable="written_overlap", colour="temperature", limits=(-0.01, 0.17),
            labels={**P, "written_overlap_mean": r"overlap with written state $\langle m_w \rangle$"},
            title="Retention of a random state", name="glass_retention_lines",
        ),
    ],
    presets={"paper": {"fixed": {"spins": 4096, "equilibration": 9000, "steps": 1000}, "samples": 128}},
)  # fmt: skip
