"""The Kuramoto model for N → ∞: order parameter, onset, relaxation; on a ring the linear theory of waves.

In a field h = Kr/2 the moments z_n = ⟨e^{inθ}⟩ of the stationary density of an oscillator of frequency ω obey
h (z_{n-1} - z_{n+1}) = (nD - iω) z_n, z_0 = 1. Their ratios are a continued fraction. For a Lorentzian distribution of
half width γ the contour closes above: the averages are those at ω = iγ. So

    r = R_1,  R_n = h / (γ + nD + h R_{n+1}),  h = Kr/2

covers D = 0 (r² = 1 - 2γ/K, Kuramoto 1984) and γ = 0 (r = I₁/I₀(Kr/D)) alike. Rates in rad/s, D in rad²/s.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from isinglass.exceptions import InputError, known

FloatArray = npt.NDArray[np.float64]
FREQUENCIES = ("lorentzian", "gaussian", "identical")


def _distribution(name: str) -> None:
    if name not in FREQUENCIES:
        raise InputError(f"frequencies = {name!r}; {known(name, FREQUENCIES)}")


@functools.cache
def _legendre(number: int) -> tuple[FloatArray, FloatArray]:
    x, w = np.polynomial.legendre.leggauss(number)
    return np.asarray(x), np.asarray(w)


def _gaussian_nodes(width: float) -> tuple[FloatArray, FloatArray]:
    """Frequencies >= 0 and weights that average an even function over a Gaussian, dense where it may be narrow."""
    x, w = _legendre(16)
    ends = np.concatenate([[0.0], np.geomspace(1e-5, 9, 24)])
    omega = ((ends[1:] - ends[:-1])[:, None] * (x + 1) / 2 + ends[:-1, None]).ravel()
    weight = ((ends[1:] - ends[:-1])[:, None] * w / 2).ravel() * np.exp(-(omega**2) / 2) * math.sqrt(2 / math.pi)
    return width * omega, weight


def response(field: npt.ArrayLike, rate: npt.ArrayLike, noise: float) -> Any:
    """R_1 = h/(rate + D + h R_2), of a field h and a rate γ or -iω; broadcast, real or complex."""
    h, rate = np.broadcast_arrays(np.asarray(field, float), np.asarray(rate))
    if noise == 0:  # R = h/(rate + hR)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(h > 0, 2 * h / (rate + np.sqrt(rate**2 + 4 * h**2 + 0 * rate)), 0.0)
    ratio = np.zeros(h.shape, dtype=np.result_type(rate, float))
    for n in range(int(60 + 4 * np.max(h) / noise), 0, -1):
        ratio = h / (rate + n * noise + h * ratio)
    return ratio


def _polarisation(field: FloatArray, width: float, noise: float, frequencies: str) -> FloatArray:
    """⟨cos θ⟩ of all oscillators in the field h."""
    if frequencies == "lorentzian" or width == 0:
        return np.asarray(response(field, width, noise))
    if frequencies == "identical":
        return np.asarray(response(field, 0.0, noise))
    h = np.asarray(field)[..., None]
    if noise == 0:  # only the locked ones: 2h ∫ cos² θ g(2h sin θ) dθ
        x, w = _legendre(200)
        theta = np.pi / 2 * x
        density = np.exp(-((2 * h * np.sin(theta) / width) ** 2) / 2) / (math.sqrt(2 * math.pi) * width)
        return np.asarray((np.pi / 2 * w * np.cos(theta) ** 2 * density).sum(axis=-1) * 2 * h[..., 0])
    omega, weight = _gaussian_nodes(width)
    return np.asarray((response(h, -1j * omega, noise).real * weight).sum(axis=-1))


def critical_coupling(width: float, noise: npt.ArrayLike = 0.0, frequencies: str = "lorentzian") -> FloatArray:
    """K_c: 2(γ + D); 2D for identical ones; Gaussian 2/⟨D/(D² + ω²)⟩, √(8/π) γ at D = 0."""
    _distribution(frequencies)
    D = np.asarray(noise, float)
    if frequencies == "identical" or width == 0:
        return 2 * D
    if frequencies == "lorentzian":
        return 2 * (width + D)
    omega, weight = _gaussian_nodes(width)
    mean = (weight * D[..., None] / (D[..., None] ** 2 + omega**2)).sum(axis=-1)
    return np.where(D == 0, math.sqrt(8 / math.pi) * width, 2 / np.where(D == 0, 1.0, mean))


def order_parameter(
    coupling: npt.ArrayLike, width: float, noise: float = 0.0, frequencies: str = "lorentzian"
) -> FloatArray:
    """r of the stable state, 0 up to K_c; by bisection (the unimodal distributions here have one r > 0 above K_c)."""
    _distribution(frequencies)
    K = np.asarray(coupling, float)
    if width == 0 and noise == 0:
        return np.where(K > 0, 1.0, 0.0)
    if frequencies == "identical" and noise == 0:
        return np.where(K > 0, 1.0, 0.0)
    low, high = np.zeros(K.shape), np.ones(K.shape)
    for _ in range(50):
        middle = (low + high) / 2
        more = _polarisation(K * middle / 2, width, noise, frequencies) > middle
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    return np.where(critical_coupling(width, noise, frequencies) < K, (low + high) / 2, 0.0)


def locked_fraction(coupling: npt.ArrayLike, width: float) -> FloatArray:
    """Share of oscillators with |ω| < Kr: (2/π) arctan(Kr/γ); Lorentzian, D = 0."""
    K = np.asarray(coupling, float)
    return np.asarray(2 / np.pi * np.arctan2(K * order_parameter(K, width), width))


def ott_antonsen(time: npt.ArrayLike, start: float, coupling: float, width: float) -> FloatArray:
    """r(t) from r(0) = `start` > 0 on the Ott-Antonsen manifold, Lorentzian, D = 0: r' = -γr + (K/2) r (1 - r²)."""
    t, growth = np.asarray(time, float), coupling / 2 - width
    if growth == 0:
        return np.asarray(1 / np.sqrt(1 / start**2 + coupling * t))
    end = coupling / 2 / growth
    return np.asarray(1 / np.sqrt(end + (1 / start**2 - end) * np.exp(-2 * growth * t)))


def wave_variance(oscillators: int, exponent: float, coupling: float, width: float) -> float:
    """⟨θ²⟩ of the locked state on the ring to first order in ω/K: the mean of γ²/(K(ŵ_0 - ŵ_k))² over waves k ≠ 0.

    r = exp(-⟨θ²⟩/2) to that order for Gaussian frequencies of standard deviation `width`. As N → ∞ it stays finite for
    exponents below 3/2 (there ŵ_0 - ŵ_k ~ k^(σ-1)) and diverges above.
    """
    from isinglass.models.kuramoto import weights

    spectrum = np.fft.fft(weights(oscillators, exponent)).real
    return float(((width / (coupling * (spectrum[0] - spectrum[1:]))) ** 2).sum() / oscillators)
