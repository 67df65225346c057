"""Replica-symmetric theory of the Hebbian memory of phases: N → ∞ planar rotors z = e^{iθ}, αN random phase patterns.

E = -½ Σ_{i≠j} Re conj(z_i) J_ij z_j with J_ij = (1/N) Σ_μ ξ_i^μ conj(ξ_j^μ). The field on a rotor, in the direction of
the recalled pattern, is m + σζ: the other patterns add complex Gaussian noise, ⟨|ζ|²⟩ = 1. In a field h a rotor has the
mean A(β|h|) h/|h|, A = I₁/I₀. With averages over ζ, w = m + σζ,

    m = ⟨A(β|w|) cos arg w⟩,  q = ⟨A²(β|w|)⟩,  σ² = αq/(1-C)²,  C = β(1-q)/2,

C being the response of that mean to its field, half the trace of the derivative. One pattern melts at T = 1/2, the
glass at T_g = (1+√α)/2. In u = m/σ and τ = T/σ nothing is iterated (as in `theory.ags`): with M, q the averages at
w = u + ζ and β = 1/τ, and Ĉ = (1-q)/(2τ),

    σ = M/u,  α = (σ - Ĉ)²/q,  T = τσ.

|w| = r has the density 2r exp(-r²-u²) I₀(2ru), and cos arg w the mean I₁/I₀(2ru) given r: single integrals. At T = 0,
M = √(πa/2) e^-a (I₀+I₁) and α = (π/4)(e^-a I₁)², a = u²/2: largest at a = 1.545127.

Load α = P/N and temperature T are numbers or arrays and broadcast; NaN means: no such state. Loads below 1e-10 are
those at 1e-10. Averages are accurate to about 1e-13. Replica symmetry is broken in the glass and at low T.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isinglass import measures
from isinglass.exceptions import InputError

FloatArray = npt.NDArray[np.float64]

_TINY = 1e-60  # stands for τ = 0: the averages then are their limits to rounding
_LEAST = 1e-10  # load


class OrderParameters(NamedTuple):
    """Overlap m with the pattern, q = ⟨|⟨z⟩|²⟩ (the coherence of two copies), noise σ² of the other patterns."""

    m: FloatArray
    q: FloatArray
    noise: FloatArray


def _averages(u: FloatArray, tau: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """M, q, Ĉ at (u, τ), arrays of one shape: panels of 16 Gauss-Legendre points, finer towards r = 0 where A bends."""
    from scipy.special import i0e, i1e

    u, tau = u[..., None], np.maximum(tau, _TINY)[..., None]
    low, high = np.maximum(u - 6.5, 0.0), u + 6.5
    bend = tau * np.array([0.0, 0.5, 1, 2, 4, 8, 16, 32, 64, 200, 1e3, 1e4, 1e5])
    even = low + (high - low) * np.linspace(0, 1, 9)
    edges = np.sort(np.concatenate([even, np.clip(bend, low, high)], axis=-1), axis=-1)
    node, weight = np.polynomial.legendre.leggauss(16)
    half = np.diff(edges)[..., None] / 2
    r = ((edges[..., 1:] + edges[..., :-1])[..., None] / 2 + half * node).reshape(*u.shape[:-1], -1)
    density = (half * weight).reshape(r.shape) * 2 * r * np.exp(-((r - u) ** 2))
    x = r / tau
    near, far = np.minimum(x, 200.0), 1 / np.maximum(x, 200.0)
    series = far * (1 / 2 + far * (1 / 8 + far * (1 / 8 + far * (25 / 128 + far * (13 / 32 + far * 1073 / 1024)))))
    deficit = np.where(x > 200, series, 1 - i1e(near) / i0e(near))  # 1 - A, whose digits Ĉ needs as τ → 0
    along, every = density * i1e(2 * r * u), density * i0e(2 * r * u)
    rest = (every * deficit * (2 - deficit)).sum(-1)  # 1 - q
    return (along * (1 - deficit)).sum(-1), (every * (1 - deficit) ** 2).sum(-1), rest / (2 * tau[..., 0])


def _point(u: FloatArray, tau: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The load and the temperature at (u, τ)."""
    m, q, c = _averages(u, tau)
    return (m / u - c) ** 2 / q, tau * m / u


def _root(f: Any, low: Any, high: Any, *args: Any) -> FloatArray:
    """Elementwise root in a bracket; NaN where f has one sign at both ends."""
    from scipy.optimize import elementwise

    with np.errstate(all="ignore"):
        return np.asarray(elementwise.find_root(f, (low, high), args=args).x, float)


@lru_cache(maxsize=1)
def _end_at_zero() -> float:
    """u where the retrieval state disappears at T = 0: a = u²/2 with (e^-a I₁)' = 0."""
    from scipy.special import i0e, i1e

    return float(np.sqrt(2 * _root(lambda a: i0e(a) - i1e(a) * (1 + 1 / a), 1.0, 2.0)))


@lru_cache(maxsize=1)
def _end() -> Any:
    """u where the retrieval state disappears, as a spline in s = τ/(1+τ): 1.758 at τ = 0, 1.80 for τ → ∞.

    There ∂(α, T)/∂(u, ln τ) is singular, so that to first order an error of u moves a point along the line T_M(α): the
    1e-5 of the differences taken here are 1e-10 on it.
    """
    from scipy.interpolate import CubicSpline

    h = 1e-4
    s = 0.4983 * (1 - np.cos(np.pi * np.arange(49) / 48))  # to τ = 293, where α = 5e-12
    tau = s[1:] / (1 - s[1:])

    def fold(u: FloatArray, tau: FloatArray) -> FloatArray:
        right, left = _point(u + h, tau), _point(u - h, tau)
        up, down = _point(u, tau * (1 + h)), _point(u, tau * (1 - h))
        return np.asarray((right[0] - left[0]) * (up[1] - down[1]) - (up[0] - down[0]) * (right[1] - left[1])) / tau

    return CubicSpline(s, np.append(_end_at_zero(), _root(fold, np.full_like(tau, 1.6), np.full_like(tau, 2.0), tau)))


def _line(s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The line T_M: load, falling in s, and temperature, rising."""
    return _point(_end()(s), s / (1 - s))


def _given_temperature(u: FloatArray, temperature: FloatArray) -> FloatArray:
    """τ where τM/u = T < 1/2: the left side is at most τ/u, and at least ½ - (u²+2)/(16τ²)."""
    high = temperature * u + np.sqrt((u * u + 2) / (2 * np.maximum(1 - 2 * temperature, 1e-12)))
    tau = _root(lambda t, u, T: _point(u, t)[1] - T, temperature * u, high, u, temperature)
    return np.where(temperature == 0, 0.0, tau)


def _arrays(load: npt.ArrayLike, temperature: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    loads, temperatures = np.broadcast_arrays(np.asarray(load, float), np.asarray(temperature, float))
    for name, array in (("load", loads), ("temperature", temperatures)):
        if not np.all(np.isfinite(array) & (array >= 0)):
            raise InputError(f"{name} is negative or not finite somewhere: give {name} >= 0")
    return np.maximum(loads, _LEAST), temperatures


def capacity(temperature: npt.ArrayLike = 0.0) -> FloatArray:
    """α_c(T), the largest load with a retrieval state: 0.0377001277 at T = 0, 0 from T = 1/2 on."""
    from scipy.special import i1e

    _, T = _arrays(0.0, temperature)
    s = _root(lambda s, T: _line(s)[1] - T, np.zeros_like(T), np.full_like(T, 0.9966), T)
    a = _end_at_zero() ** 2 / 2
    return np.where(T >= 0.5, 0.0, np.where(T == 0, np.pi / 4 * i1e(a) ** 2, np.nan_to_num(_line(s)[0])))


def retrieval_temperature(load: npt.ArrayLike) -> FloatArray:
    """T_M(α), the highest temperature of a retrieval state; NaN above α_c(0)."""
    alpha, _ = _arrays(load, 0.0)
    return _line(_root(lambda s, a: _line(s)[0] - a, np.zeros_like(alpha), np.full_like(alpha, 0.9966), alpha))[1]


def glass_temperature(load: npt.ArrayLike) -> FloatArray:
    """T_g = (1+√α)/2, where the paramagnet becomes a glass."""
    return np.asarray((1 + np.sqrt(np.asarray(load, float))) / 2)


def order_parameters(load: npt.ArrayLike, temperature: npt.ArrayLike) -> OrderParameters:
    """The retrieval state at (α, T): the one with the larger m of the two that meet at T_M; NaN where there is none."""
    alpha, T = _arrays(load, temperature)
    cold = T < 0.5
    T = np.where(cold, T, 0.25)
    s = _root(lambda s, T: _line(s)[1] - T, np.zeros_like(T), np.full_like(T, 0.9966), T)
    low = _end()(np.where(T == 0, 0.0, s))
    # α = (σ-Ĉ)²/q < σ²/q <= 1/u², since q >= M²: a bracket
    u = _root(lambda u, a, T: _point(u, _given_temperature(u, T))[0] - a, low, 1.001 / np.sqrt(alpha), alpha, T)
    m, q, _ = _averages(u, _given_temperature(u, T))
    return OrderParameters(*(np.where(cold, x, np.nan) for x in (m, q, (m / u) ** 2)))


def overlap(load: npt.ArrayLike, temperature: npt.ArrayLike) -> FloatArray:
    """m of the retrieval state; NaN where there is none."""
    return order_parameters(load, temperature).m


def information(load: npt.ArrayLike, temperature: npt.ArrayLike) -> FloatArray:
    """α times the bits per phase (`measures.phase_information`): information per ordered pair of rotors, 0 where none.

    A lower bound: residual phases in the noise of the other patterns are not exactly von Mises.
    """
    bits = np.asarray(load, float) * measures.phase_information(np.nan_to_num(overlap(load, temperature)))
    return np.asarray(bits)
