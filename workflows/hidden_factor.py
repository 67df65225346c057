"""A network with a hidden partner, trained on a field: does it find Dirac's antisymmetric root of the equation?"""

from functools import partial

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import Line, PhaseLines
from isinglass.models.factor_learning import FactorLearning

LABELS = {
    "spread": "standard deviation of the first weights $s$",
    "mass": "mass $m$",
    "found_mean": "share of starts that find the factor",
    "antisymmetric_share_mean": "antisymmetric share of the odd factor",
}
lines = partial(PhaseLines, x="spread", colour="mass", log=("spread",), labels=LABELS, limits=(-0.03, 1.03))

SMALL = [Line(r"small $s$, $1/\sqrt{2}$", lambda spread: 0.5**0.5 + 0 * spread)]

workflow = Workflow(
    title="A hidden partner",
    model=FactorLearning,
    axes={
        "spread": [0.01, 0.03, 0.1, 0.3, 1],
        "mass": [0.1, 0.3, 1],
        "field": ["klein_gordon", "dirac"],
        "shuffled": [False, True],
    },
    fixed={"network": "hidden", "observed_steps": 256},
    samples=16,
    replicas=8,
    seed=1932,
    stages=[
        errors.mean("found", "recovery_error", "explained", "odd_share", "symmetric_share", "converged", "diverged"),
        errors.only("converged", errors.mean("antisymmetric_share")),
    ],
    figures=[
        lines(observable="found", at={"field": "klein_gordon", "shuffled": False}, theory=SMALL,
              name="hidden_klein_gordon", title="Trained on a Klein-Gordon field"),
        lines(observable="found", at={"field": "dirac", "shuffled": False}, name="hidden_dirac",
              title="Trained on a Dirac field"),
        lines(observable="antisymmetric_share", at={"field": "klein_gordon", "shuffled": False}, name="hidden_share",
              title="Antisymmetric share, converged runs"),
    ],
    presets={"paper": {"samples": 128}},
)  # fmt: skip
