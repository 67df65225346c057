"""Correlated patterns in the Hopfield network: own arrays as an axis, one step and recall against load, beside theory.

Each array holds 400 copies of one random template with signs flipped, so that any two of its patterns have the expected
overlap c. Hebb couplings add what they share: beyond some 1 + c^(-3/2) patterns the template swallows them all. Bars
are over draws of rows from one array: what an array as a whole deviates by is not in them.
"""

from __future__ import annotations

from functools import partial
from hashlib import blake2b

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import Line, PhaseLines
from isinglass.kernels import streams
from isinglass.models.hopfield import Hopfield
from isinglass.theory import ags, crosstalk

NEURONS, ROWS = 1000, 400
CORRELATIONS = {f"c = {c:g}": c for c in (0.0, 0.02, 0.05, 0.1)}


def correlated(c: float) -> np.ndarray:
    """Patterns (ROWS, NEURONS) of overlap c, the same bytes everywhere: drawn from the stream of a hash."""
    name = f"correlated {c:g} {ROWS} {NEURONS}"
    stream = np.frombuffer(blake2b(name.encode(), digest_size=32).digest(), "<u8").astype(np.uint64)
    template = np.empty(NEURONS, np.int8)
    streams.random_signs(stream, template)
    words = np.empty(ROWS * NEURONS, np.uint64)
    streams.fill_uint64(stream, words)
    flipped = (words >> np.uint64(11)) * 2.0**-53 < (1 - np.sqrt(c)) / 2
    return np.where(flipped.reshape(ROWS, NEURONS), -template, template)


workflow = Workflow(
    title="Hopfield network with correlated patterns",
    model=Hopfield,
    axes={
        "patterns": {label: partial(correlated, c) for label, c in CORRELATIONS.items()},
        "load": np.linspace(0.01, 0.2, 20),
        "equilibration": [0, 50],
    },
    fixed={"temperature": 0.0, "dynamics": "parallel", "steps": 2, "copies": 1},
    derived={"neurons": lambda p: p["patterns"].values.shape[1]},
    samples=32,
    paired=("equilibration",),
    seed=1987,
    stages=[
        errors.mean("recall_overlap"),
        errors.estimate("one_step_overlap", lambda mean, last: 2 * mean - last, of=("recall_overlap", "final_overlap"),
                        long_name="recall overlap after one step"),
    ],
    figures=[
        PhaseLines(x="load", observable="one_step_overlap", colour="patterns", at={"equilibration": 0}, name="one_step",
                   theory=lambda x, patterns: crosstalk.one_step_overlap(x, CORRELATIONS[patterns], NEURONS),
                   source="normal crosstalk", title="One parallel step from a stored pattern, T = 0"),
        PhaseLines(x="load", observable="recall_overlap", colour="patterns", at={"equilibration": 50}, name="recall",
                   theory=[Line("AGS, c = 0", lambda x: ags.overlap(x, 0.0))],
                   limits=(0.0, 1.5), title="Recall of correlated patterns after 50 parallel steps, T = 0"),
    ],
    presets={"paper": {"axes": {"load": np.linspace(0.005, 0.2, 40)}, "samples": 256}},
)  # fmt: skip
