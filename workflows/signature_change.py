"""Weights X⊗D + mσ_z with X from symmetric to antisymmetric: where modes grow, and where waves have a speed."""

from functools import partial

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import Line, PhaseDiagram
from isinglass.models.tensor_factor import TensorFactor
from isinglass.theory import lattice_fields as theory

LABELS = {
    "angle": r"$\theta$ (rad): 0 symmetric, $\pi/2$ antisymmetric",
    "mass": r"mass over largest hopping, $m/\sin k$",
}
diagram = partial(PhaseDiagram, x="angle", y="mass", facet="weights")


def edge(angle, weights):
    """Where growth ends: a gradient sees no growth at all."""
    return theory.signature_line(angle) if weights == "raw" else np.full_like(angle, np.nan)


workflow = Workflow(
    title="Symmetric and antisymmetric factor of the weights",
    model=TensorFactor,
    axes={
        "angle": np.linspace(0, np.pi / 2, 49),
        "mass": np.linspace(0.02, 1.22, 31),
        "weights": ["raw", "gradient"],
    },
    fixed={"hopping": "odd", "time_step": 0.02, "steps": 2000},
    samples=2,
    seed=1929,
    stages=[
        errors.mean("growth_rate", "light_speed_squared", "observed_growth", "converged", "diverged"),
    ],
    figures=[
        diagram(panels=("growth_rate_mean",), title="Growth of the fastest mode", name="signature_growth",
                lines=[Line(r"$\cos 2\theta = (m/\sin k)^2$", edge)],
                labels={**LABELS, "growth_rate_mean": "growth rate"}),
        diagram(panels=("light_speed_squared_mean",), limits=(-1.0, 1.0), colours="RdBu", name="signature_speed",
                title="Squared speed of light", labels={**LABELS, "light_speed_squared_mean": "$c^2$"}),
    ],
    presets={"paper": {"axes": {"angle": np.linspace(0, np.pi / 2, 193), "mass": np.linspace(0.01, 1.25, 125)}}},
)  # fmt: skip
