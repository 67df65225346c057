"""Exact results of classical spins: equilibrium, damped precession, ferromagnetic resonance, magnons, switching.

γ = μ = k_B = 1, spins of unit length; B a field, T a temperature, K an anisotropy -K S_z², J exchange of neighbours.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def langevin(x: npt.ArrayLike) -> FloatArray:
    """⟨S·B⟩/B = coth x - 1/x of a free spin, x = B/T."""
    x = np.asarray(x, float)
    far = np.where(abs(x) < 1e-2, 1.0, x)
    return np.where(abs(x) < 1e-2, x / 3 - x**3 / 45, 1 / np.tanh(far) - 1 / far)


def planar_langevin(x: npt.ArrayLike) -> FloatArray:
    """⟨S·B⟩/B = I₁(x)/I₀(x) of a spin held to the plane of the field, x = B/T: a hard axis, -K/T → ∞."""
    from scipy import special

    return np.asarray(special.ive(1, x) / special.ive(0, x))


def moments(anisotropy: float, along: float, across: float, temperature: float) -> tuple[float, float, float]:
    """⟨S_x⟩, ⟨S_z⟩ and ⟨S_z²⟩ at equilibrium, E = -K S_z² - along S_z - across S_x, by quadrature of the sphere."""
    z, weight = np.polynomial.legendre.leggauss(200)
    phi = 2 * np.pi * (np.arange(200) + 0.5) / 200
    x = np.sqrt(1 - z**2)[:, None] * np.cos(phi)
    exponent = ((anisotropy * z**2 + along * z)[:, None] + across * x) / temperature
    density = weight[:, None] * np.exp(exponent - exponent.max())
    total = density.sum()
    return tuple(float((density * f).sum() / total) for f in (x, z[:, None], z[:, None] ** 2))  # type: ignore[return-value]


def chain_energy(temperature: npt.ArrayLike) -> FloatArray:
    """Energy of a bond, coupling 1, of the open Heisenberg chain without field: -(coth(1/T) - T), for any length."""
    return -langevin(1 / np.asarray(temperature, float))


def damped_precession(time: npt.ArrayLike, start: float, field: float, damping: float) -> tuple[FloatArray, FloatArray]:
    """S_z(t) = tanh(artanh S_z(0) + α B t/(1 + α²)) in a field along z, and the angle B t/(1 + α²) turned about it.

    T = 0; dS/dt = -S x B turns S_x towards S_y, the positive sense about B.
    """
    rate = np.asarray(time, float) * field / (1 + damping**2)
    return np.tanh(np.arctanh(start) + damping * rate), np.asarray(rate)


def kittel(field: float, magnetisation: float, tensor: tuple[float, float, float]) -> float:
    """ω of uniform precession about a field along x: √((B + (N_y - N_x)M)(B + (N_z - N_x)M)), N_x + N_y + N_z = 1."""
    nx, ny, nz = tensor
    return float(np.sqrt((field + (ny - nx) * magnetisation) * (field + (nz - nx) * magnetisation)))


def magnon(wave_number: npt.ArrayLike, field: float, exchange: float = 1.0, anisotropy: float = 0.0) -> FloatArray:
    """ω(k) = B + 2K + 2J(1 - cos k) of a chain magnetised along its field and easy axis, amplitude → 0."""
    return np.asarray(field + 2 * anisotropy + 2 * exchange * (1 - np.cos(np.asarray(wave_number, float))))


def group_velocity(wave_number: npt.ArrayLike, exchange: float = 1.0) -> FloatArray:
    """dω/dk = 2J sin k in sites per time."""
    return np.asarray(2 * exchange * np.sin(np.asarray(wave_number, float)))


def stoner_wohlfarth(angle: npt.ArrayLike) -> FloatArray:
    """Field B/2K, at an angle (rad) to the easy axis, at which a uniform particle switches, T = 0."""
    angle = np.asarray(angle, float)
    return np.asarray((abs(np.cos(angle)) ** (2 / 3) + abs(np.sin(angle)) ** (2 / 3)) ** -1.5)


def chain_matrix(spins: int, field: float) -> FloatArray:
    """H of an open chain magnetised along its field, J = 1: energy ½ ψ* H ψ of small ψ = S_x + iS_y; (N, N)."""
    neighbours = np.full(spins, 2.0)
    neighbours[[0, -1]] = 1.0
    hop = np.ones(spins - 1)
    return np.diag(field + neighbours) - np.diag(hop, 1) - np.diag(hop, -1)


def spin_wave_response(spins: int, distance: int, frequency: float, field: float, damping: float) -> complex:
    """ψ e^{-iωt} at a distance from a chain's end, per amplitude of a steady field h cos ωt along x on its first spin.

    (1 - iα) dψ/dt = i(Hψ - h) to first order, the resonant half of h alone: [H - (1 - iα)ω]^-1 / 2.
    """
    matrix = chain_matrix(spins, field) - (1 - 1j * damping) * frequency * np.eye(spins)
    first = np.zeros(spins, complex)
    first[0] = 0.5
    return complex(np.linalg.solve(matrix, first)[distance])
