"""Links that learn, where phases are put into the weights alone: do they compensate them?"""

from functools import partial

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import PhaseLines
from isinglass.models.gauge_field import GaugeField

LABELS = {
    "link_coupling": "coupling of the links $g$",
    "rate": r"rate of $\alpha$ $\Omega$",
    "uncompensated_mean": r"$\Sigma|\rho-\rho'|$ over motion without $\alpha$",
    "density_violation_mean": r"$\Sigma|\rho-\rho'|/\Sigma|\rho|$",
}
lines = partial(PhaseLines, x="link_coupling", colour="rate", labels=LABELS)

workflow = Workflow(
    title="Links that learn and phases in the weights",
    model=GaugeField,
    axes={"link_coupling": [0, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0], "rate": [0.1, 0.5, 2.0]},
    fixed={"weight_share": 1.0, "bias_share": 0.0, "time_step": 0.025, "steps": 1600},
    samples=24,
    seed=2025,
    stages=[
        errors.only(
            "converged",
            errors.mean("density_violation", "current_violation", "motion", "gauss_violation", "energy_drift"),
            errors.estimate("uncompensated", lambda violation, motion: violation / motion,
                            of=("density_violation", "motion"), long_name="violation of the density over motion"),
        ),
        errors.mean("converged"),
    ],
    figures=[
        lines(observable="uncompensated", title="Phases in the weights alone, links that learn", name="gauge_learning"),
        lines(observable="density_violation", title="The same, as a share of the density", name="gauge_violation"),
    ],
    presets={"paper": {"axes": {"link_coupling": np.linspace(0, 2, 21), "rate": [0.05, 0.1, 0.2, 0.5, 1.0, 2.0]},
                       "samples": 128}},
)  # fmt: skip
