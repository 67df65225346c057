"""Phases put into weights and biases: how far density moves away, over the shares that each of them compensates."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import Line, PhaseDiagram
from isinglass.models.gauge_field import GaugeField

LABELS = {
    "weight_share": r"share in weights $\lambda_w$",
    "bias_share": r"share in biases $\lambda_b$",
    "log_violation_mean": r"$\log_{10}\,\Sigma|\rho-\rho'|/\Sigma|\rho|$",
}

workflow = Workflow(
    title="Weights and biases as one vector potential",
    model=GaugeField,
    axes={"weight_share": np.linspace(0, 1, 17), "bias_share": np.linspace(0, 1, 17),
          "field": ["dirac", "klein_gordon"]},
    samples=8,
    seed=2024,
    stages=[
        errors.mean("density_violation", "current_violation", "frame_overlap", "raw_overlap", "link_coherence",
                    "charge_drift", "converged"),
        errors.estimate("log_violation", lambda v: np.log10(np.maximum(v, 1e-17)), of=("density_violation",),
                        long_name="log10 of the violation of the density"),
    ],
    figures=[
        PhaseDiagram(x="weight_share", y="bias_share", panels=("log_violation_mean",), facet="field", limits=(-16, 0.5),
                     lines=[Line(r"$\lambda_b = \lambda_w$", lambda x: x, ":")], labels=LABELS,
                     title="Local phases put into weights and biases, N = 64", name="gauge_covariance"),
    ],
    presets={"paper": {"axes": {"weight_share": np.linspace(0, 1, 41), "bias_share": np.linspace(0, 1, 41)},
                       "samples": 32}},
)  # fmt: skip
