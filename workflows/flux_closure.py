"""Films of exchange and dipolar fields: the net moment, the local order, and whether what was written is still read."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, plane
from isinglass.figures import PhaseDiagram, PhaseLines
from isinglass.models.dipolar_magnet import DipolarMagnet

LABELS = {
    "dipolar": "dipolar coupling $D$", "exchange": "exchange $J$",
    "order_mean": "net moment of a film", "local_order_mean": "order of neighbours",
    "vorticity_mean": "vorticity of a film", "memory_mean": "memory of the direction written",
    "message_coherence_mean": "message coherence $q - q_0$",
}  # fmt: skip

workflow = Workflow(
    title="Flux closure in films",
    model=DipolarMagnet,
    axes={"dipolar": np.round(np.arange(0, 0.61, 0.1), 1), "exchange": [0.1, 0.3, 0.6, 1.0]},
    fixed={"length": 8, "films": 16, "temperature": 0.1, "damping": 0.5, "duration": 25.0, "time_step": 0.05},
    samples=3, seed=1935,
    stages=[memory.mean, coherence.mean,
            errors.mean("order", "local_order", "vorticity", "remanence", "bit_overlap", "normal", "converged"),
            plane.concordance(dipolar=(0, 0.6), exchange=(0.1, 1))],
    figures=[
        PhaseDiagram(x="dipolar", y="exchange", panels=("order_mean", "local_order_mean"), labels=LABELS,
                     title="Net moment and local order", name="flux_order"),
        PhaseDiagram(x="dipolar", y="exchange", panels=("memory_mean", "message_coherence_mean"), labels=LABELS,
                     title="What is left of the direction written", name="flux_memory"),
        *(PhaseLines(x="dipolar", observable=name, colour="exchange", labels=LABELS, name=f"flux_{name}",
                     title="Curl of magnetisation" if name == "vorticity" else "Moment along what was written")
          for name in ("vorticity", "remanence")),
    ],
    presets={"paper": {"axes": {"dipolar": np.round(np.arange(0, 0.61, 0.05), 2), "exchange": np.linspace(0, 1, 11)},
                       "fixed": {"length": 16, "duration": 200.0}, "samples": 16}},
)  # fmt: skip
