"""The Dicke model for N → ∞ in closed form: mean field, closed and with loss; stability of the open cavity.

Frequencies in units of the mode's, ħ = 1. H = a†a + ω₀ J_z + (λ/√N)(a + a†)(J₊ + J₋), the field decays at κ.
Rotating wave: only (λ/√N)(a J₊ + a† J₋). Derived here unless said.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def critical_coupling(
    splitting: npt.ArrayLike = 1.0, loss: npt.ArrayLike = 0.0, rotating_wave: bool = False
) -> FloatArray:
    """λ_c = √(ω₀(1 + κ²))/2; rotating wave (without loss) √ω₀."""
    if rotating_wave:
        return np.asarray(np.sqrt(np.asarray(splitting, float)))
    return np.asarray(np.sqrt(np.asarray(splitting) * (1 + np.asarray(loss, float) ** 2)) / 2)


def _mu(coupling: npt.ArrayLike, splitting: npt.ArrayLike, loss: npt.ArrayLike, rotating_wave: bool) -> FloatArray:
    """(λ_c/λ)², at most 1."""
    critical = critical_coupling(splitting, loss, rotating_wave)
    return np.asarray((critical / np.maximum(np.asarray(coupling, float), critical)) ** 2)


def photons(
    coupling: npt.ArrayLike, splitting: npt.ArrayLike = 1.0, loss: npt.ArrayLike = 0.0, rotating_wave: bool = False
) -> FloatArray:
    """⟨a†a⟩/N = λ²(1 - μ²)/(1 + κ²), 0 below λ_c; rotating wave a quarter of it."""
    part = 0.25 if rotating_wave else 1.0
    mu, square = _mu(coupling, splitting, loss, rotating_wave), np.asarray(coupling, float) ** 2
    return np.asarray(part * square * (1 - mu**2) / (1 + np.asarray(loss) ** 2))


def inversion(
    coupling: npt.ArrayLike, splitting: npt.ArrayLike = 1.0, loss: npt.ArrayLike = 0.0, rotating_wave: bool = False
) -> FloatArray:
    """⟨J_z⟩/N = -μ/2."""
    return np.asarray(-_mu(coupling, splitting, loss, rotating_wave) / 2)


def spin_order(coupling: npt.ArrayLike, splitting: npt.ArrayLike = 1.0, loss: npt.ArrayLike = 0.0) -> FloatArray:
    """2|⟨J_x⟩|/N = √(1 - μ²) of the broken state."""
    return np.asarray(np.sqrt(1 - _mu(coupling, splitting, loss, False) ** 2))


def energy(coupling: npt.ArrayLike, splitting: npt.ArrayLike = 1.0) -> FloatArray:
    """Energy per spin of the closed model: -ω₀/2 below λ_c, -λ²(1 + μ²) above."""
    mu, square = _mu(coupling, splitting, 0.0, False), np.asarray(coupling, float) ** 2
    return np.asarray(np.where(mu < 1, -square * (1 + mu**2), -np.asarray(splitting) / 2))


def jacobian(coupling: float, splitting: float, loss: float) -> FloatArray:
    """Of the mean-field equations of (Re a, Im a, s_x, s_y, s_z), a = α/√N, s = 2J/N, at their stable rest; (5, 5).

    Eigenvalues: one is 0 (|s| is kept), the others decay at minus their real parts.
    """
    mu = float(_mu(coupling, splitting, loss, False))
    x, z = np.sqrt(1 - mu**2), -mu
    re = -coupling * x / (1 + loss**2)
    return np.array(
        [
            [-loss, 1, 0, 0, 0],
            [-1, -loss, -coupling, 0, 0],
            [0, 0, 0, -splitting, 0],
            [-4 * coupling * z, 0, splitting, 0, -4 * coupling * re],
            [0, 0, 0, 4 * coupling * re, 0],
        ]
    )


def damping(coupling: float, splitting: float, loss: float) -> float:
    """The slowest rate at which the mean-field steady state is approached; 0 where it is marginal."""
    values = np.linalg.eigvals(jacobian(coupling, splitting, loss))
    return float(np.sort(-values.real)[1])
