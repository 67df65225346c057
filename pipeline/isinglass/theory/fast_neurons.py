"""Fast neurons and a bias: moments in closed form, Fokker-Planck's limit; phases of exchanged neurons, and rings.

Units as in `models.fast_neurons`: Γa = 1, T/a = 1. Reconstructed for this project; the comb after an exchange of
neurons with a reservoir (arXiv:2012.05082), as the model card reconstructs it.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def temperature_ratio(epsilon: npt.ArrayLike, delta: npt.ArrayLike) -> FloatArray:
    """κ_b⟨q²⟩/T = ε/(1 + ε + δ) at rest, linear neurons."""
    e, d = np.asarray(epsilon, float), np.asarray(delta, float)
    return np.asarray(e / (1 + e + d))


def fokker_planck_ratio(epsilon: npt.ArrayLike) -> FloatArray:
    """The same for δ << 1 + ε: ε/(1 + ε), whatever the neurons' potential is (derived here from the sum of forces)."""
    e = np.asarray(epsilon, float)
    return np.asarray(e / (1 + e))


def nonlinear_ratio(epsilon: npt.ArrayLike, delta: npt.ArrayLike, gain: npt.ArrayLike) -> FloatArray:
    """`temperature_ratio` with the stiffness a of neurons with the force u + gu³ replaced by a(1 + 3g⟨u²⟩), where
    ⟨u²⟩ (1 + 3g⟨u²⟩) = 1: a Gaussian approximation (derived here), δ becomes smaller."""
    g = np.asarray(gain, float)
    spread = 2 / (1 + np.sqrt(1 + 12 * g))
    return temperature_ratio(epsilon, np.asarray(delta, float) / (1 + 3 * g * spread))


def moments(
    time: float, epsilon: float, delta: float, neurons: int, centre: float, variance: float
) -> tuple[float, float]:
    """Mean and variance of q at `time` from a Gaussian start, neurons at q + a standard normal each; g = 0.

    The pair (mean of the neurons, q) is a linear process: d⟨z⟩/dt = A⟨z⟩, dC/dt = AC + CAᵀ + diag(2/N, 0), by the
    exponential of the whole.
    """
    from scipy import linalg

    a = np.array([[-1.0, 1.0], [epsilon, -epsilon - delta]])
    flow = linalg.expm(a * time)
    start = np.array([[variance + 1 / neurons, variance], [variance, variance]])
    rest = linalg.solve_continuous_lyapunov(a, -np.diag([2.0 / neurons, 0.0]))
    covariance = rest + flow @ (start - rest) @ flow.T
    return float((flow @ [centre, centre])[1]), float(covariance[1, 1])


def comb_visibility(chemical: npt.ArrayLike, spread: float) -> FloatArray:
    """|Σ_n P(n) e^{iμ_c n/ħ}| for P(n) of a rounded normal number of exchanged neurons; `chemical` = μ_c/2πħ.

    1 for whole numbers alone: the chemical potential of neurons sets ħ.
    """
    reach = math.ceil(9 * spread) + 2
    edge = (np.arange(-reach, reach + 2) - 0.5) / (math.sqrt(2) * spread)
    below = np.array([0.5 * math.erfc(-x) for x in edge])
    n = np.arange(-reach, reach + 1)
    phase = np.exp(2j * np.pi * np.multiply.outer(np.asarray(chemical, float), n))
    return np.asarray(abs(phase @ np.diff(below)))


def ring_revival(twist: float, sharpness: float = 3.0, waves: int = 40) -> float:
    """Overlap of the densities at t = 0 and 4π of a packet on a ring, ψ(q + 2π) = e^{2πiα}ψ, ħ = m = R = 1.

    Waves (n + α)²/2 are in phase again at t = 4π up to a shift by 2α turns, so that the density e^{k cos q} returns for
    2α whole alone: normalised overlap ∫ρρ'/∫ρ².
    """
    n = np.arange(-waves, waves)
    q = 2 * np.pi * np.arange(4 * waves) / (4 * waves)
    packet = np.exp(0.5 * sharpness * np.cos(q))  # times e^{iαq}: the twisted state
    amplitude = np.exp(-1j * np.multiply.outer(n, q)) @ packet / q.size
    later = np.exp(1j * np.multiply.outer(q, n)) @ (np.exp(-0.5j * (n + twist) ** 2 * 4 * np.pi) * amplitude)
    return float((packet**2 * abs(later) ** 2).sum() / (packet**4).sum())
