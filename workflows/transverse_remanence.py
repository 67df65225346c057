"""What is left of a pattern beyond the retrieval field, where spins are classical vectors that only relax: by size."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, plane
from isinglass.figures import Line, PhaseLines
from isinglass.models.transverse_hopfield import TransverseHopfield
from isinglass.theory import transverse_hopfield as theory

FIELD = {"field": r"transverse field $\Gamma$"}

workflow = Workflow(
    title="Remanence of a pattern in a transverse field",
    model=TransverseHopfield,
    axes={"field": np.linspace(0.1, 1.7, 17), "spins": [250, 500, 1000, 2000]},
    fixed={"load": 0.1, "shots": 8},
    samples=8,
    seed=2411,
    stages=[
        errors.only("converged", memory.mean, coherence.mean, errors.mean("freezing"),
                    plane.concordance(field=(0.1, 1.7))),
        errors.mean("converged", "taken"),
    ],
    figures=[
        PhaseLines(x="field", observable="recall_overlap", colour="spins", labels=FIELD, limits=(-0.05, 1.05),
                   theory=[Line(r"signal to noise, $N\to\infty$", lambda field: theory.overlap(0.1, field))],
                   title=r"Classical vectors from the pattern, $\alpha$ = 0.1", name="transverse_remanence"),
        PhaseLines(x="field", observable="message_coherence", colour="spins", labels=FIELD,
                   title=r"Coherence that carries the message, $\alpha$ = 0.1", name="transverse_message"),
    ],
    presets={"paper": {"axes": {"field": np.linspace(0.05, 1.7, 34), "spins": [500, 1000, 2000, 4000, 8000]},
                       "samples": 64}},
)  # fmt: skip
