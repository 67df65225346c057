"""Order on a ring of oscillators whose couplings fall as distance^-σ, for growing rings, from aligned phases.

Lines: linear theory of the waves at this size, r = exp(-⟨θ²⟩/2); for N → ∞ it has order below σ = 3/2 alone.
"""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import PhaseLines
from isinglass.models.kuramoto import Kuramoto
from isinglass.theory import kuramoto


def waves(exponent: np.ndarray, oscillators: int) -> np.ndarray:
    """r of the linear theory at K = 4, γ = 1."""
    return np.exp([-0.5 * kuramoto.wave_variance(int(oscillators), s, 4.0, 1.0) for s in exponent])


workflow = Workflow(
    title="Kuramoto oscillators: range of the couplings",
    model=Kuramoto,
    axes={"exponent": [0.0, 0.5, 0.8, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2.0, 2.5],
          "oscillators": [64, 256, 1024]},
    fixed={"frequencies": "gaussian", "width": 1.0, "coupling": 4.0, "start": "aligned", "time_step": 0.1,
           "equilibration": 1500, "steps": 500, "records": 1, "copies": 1},
    samples=12,
    seed=2002,
    stages=[errors.mean("order_parameter", "neighbour_order", "locked_fraction", "converged")],
    figures=[
        PhaseLines(x="exponent", observable="order_parameter", colour="oscillators", theory=waves, limits=(0.0, 1.05),
                   source="linear waves", labels={"exponent": r"range exponent $\sigma$"},
                   title="Order on a ring, K = 4γ", name="kuramoto_range"),
        PhaseLines(x="exponent", observable="neighbour_order", colour="oscillators", limits=(0.0, 1.05),
                   labels={"exponent": r"range exponent $\sigma$"},
                   title="Order of neighbours on a ring, K = 4γ", name="kuramoto_neighbours"),
    ],
    presets={"paper": {"axes": {"exponent": np.linspace(0, 3, 31), "oscillators": [64, 256, 1024, 4096, 16384]},
                       "fixed": {"equilibration": 15000, "steps": 5000}, "samples": 32}},
)  # fmt: skip
