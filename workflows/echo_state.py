"""Fading memory of echo-state networks over input scale and spectral radius: where it peaks, and where copies part.

All radii and scales share W, w and inputs (common random numbers). The edge of synchronisation is the radius at which
half of the samples no longer bring two copies within 10^-3 of their first distance.
"""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, errors, phases, plane, ridges
from isinglass.figures import Line, PhaseDiagram, PhaseLines
from isinglass.models.echo_state import EchoState

radii = [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2.0]
averaged = ("memory", "memory_capacity", "capacity_per_node", "memory_curve", "lyapunov_exponent", "activity")

workflow = Workflow(
    title="Fading memory of echo-state networks",
    model=EchoState,
    axes={"input_scale": [0.01, 0.03, 0.1, 0.3, 1.0, 2.0], "spectral_radius": radii},
    fixed={"nodes": 60, "washout": 500, "training": 1000, "testing": 1000},
    samples=16,
    paired=("spectral_radius", "input_scale"),
    seed=2001,
    stages=[
        coherence.mean,
        errors.mean(*averaged, "synchronised", "converged"),
        phases.boundary("synchronised", along="spectral_radius", threshold=0.5),
        ridges.ridge("capacity_per_node", "spectral_radius", edge=("synchronised", 0.5)),
        ridges.ridge("memory", "spectral_radius", edge=("synchronised", 0.5)),
        plane.concordance(input_scale=(0.01, 2), spectral_radius=(0.5, 2)),
    ],
    figures=[
        PhaseDiagram(
            x="input_scale", y="spectral_radius", log=("input_scale",), limits=(0.0, 0.75),
            panels=("capacity_per_node_mean", "message_coherence_mean"),
            boundary=("synchronised_boundary", "capacity_per_node_ridge"),
            labels={
                "synchronised_boundary": "edge of synchronisation, $d = 10^{-3}$ (95 % interval)",
                "capacity_per_node_ridge": r"largest MC (95 % interval)",
            },
            lines=[Line(r"$\rho = 1$", np.ones_like, "--")],
            title="Fading memory of echo-state networks", name="memory_map",
        ),
        PhaseLines(x="spectral_radius", observable="capacity_per_node", colour="input_scale",
                   title="Memory capacity against spectral radius, by input scale", name="capacity"),
        PhaseLines(x="spectral_radius", observable="message_coherence", colour="input_scale",
                   title="Coherence that carries the input, by input scale", name="message_coherence"),
    ],
    presets={
        "paper": {
            "axes": {
                "input_scale": np.geomspace(0.01, 3, 11),
                "spectral_radius": sorted({*np.arange(0.5, 2.0, 0.1).round(2), *np.arange(0.85, 1.2, 0.025).round(3)}),
            },
            "fixed": {"nodes": 200, "washout": 2000, "training": 4000, "testing": 4000},
            "samples": 32,
        }
    },
)  # fmt: skip
