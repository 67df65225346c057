"""What mixing of a permutation and its transpose leaves of a string after one revolution, over (ε, χ)."""

from functools import partial

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import Line, PhaseDiagram
from isinglass.models.string_network import StringNetwork
from isinglass.theory import strings as theory

NEURONS, MODE = 256, 4
K = 2 * np.pi * MODE / NEURONS
LINES = [
    Line(r"diffusive below $(1-\chi)\epsilon = \sqrt{\chi^2\epsilon^2 + k^2}$", partial(theory.diffusive, k=K)),
    Line(r"fades below $(1-\chi)\epsilon N = 1$", partial(theory.lifetime, neurons=NEURONS), "--"),
    Line(r"massive above $\chi\epsilon = k$", partial(theory.massive, k=K), ":"),
]
LABELS = {
    "mixing": r"mixing $\epsilon$",
    "antisymmetry": r"antisymmetry $\chi$",
    "raw_overlap_mean": r"$\langle X(N), X(0)\rangle/\langle X(0), X(0)\rangle$",
    "frequency_mean": r"frequency (rad/step)",
    "decay_mean": r"decay of the slow branch (1/step)",
}
diagram = partial(PhaseDiagram, x="mixing", y="antisymmetry", lines=LINES, log=("mixing",), labels=LABELS)


workflow = Workflow(
    title="A string of neurons under mixing",
    model=StringNetwork,
    axes={"mixing": np.geomspace(1e-3, 1, 61), "antisymmetry": np.linspace(0, 1, 41)},
    fixed={"neurons": NEURONS, "mode": MODE, "dimension": 3},
    samples=2,
    seed=2008,
    stages=[errors.mean("raw_overlap", "frequency", "decay", "fast_decay", "wave_residual", "mode_power")],
    figures=[
        diagram(panels=("raw_overlap_mean",), limits=(-1, 1), colours="RdBu", name="string_memory",
                title="What is left of mode 4 after one revolution, N = 256"),
        diagram(panels=("frequency_mean", "decay_mean"), limits=(0, 0.2), name="string_rates",
                title=r"Mode 4 of N = 256: frequency and decay ($k$ = 0.098)"),
    ],
    presets={"paper": {"axes": {"mixing": np.geomspace(1e-3, 1, 121), "antisymmetry": np.linspace(0, 1, 81)}}},
)  # fmt: skip
