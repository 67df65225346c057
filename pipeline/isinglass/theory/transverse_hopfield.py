"""The Hopfield model in a transverse field, as a product state, near saturation; and one pattern, exactly.

H = -½ Σ_{i≠j} J_ij Z_i Z_j - Γ Σ_i X_i, J_ij = (1/N) Σ_μ ξ_i^μ ξ_j^μ. A product state with ⟨Z_i⟩ = s_i and
⟨X_i⟩ = √(1-s_i²) (Hartree: a *classical vector* a spin) is stationary where s_i = F(h_i), F(h) = h/√(h² + Γ²).
Self-consistent signal to noise analysis for N → ∞, P = αN random patterns (derived in the model card,
memory_and_coherence.md 6.4, and not in a paper): on a spin, in the direction of the recalled pattern,

    Y = F(m + σz + G Y),  m = ⟨Y⟩,  q = ⟨Y²⟩,  U = ⟨Yz⟩/σ,  σ² = αq/(1-U)²,  z ~ N(0, 1),

G = αU/(1-U) for couplings without diagonal, and α/(1-U) where J_ii = α is kept (`diagonal`). Where Y has three values
Maxwell's rule takes the one with the sign of m + σz. In u = m/σ, τ = Γ/σ, g = G/σ the rest is explicit, as in
`theory.ags`: with M, q, V = ⟨Yz⟩ the averages at y = F(u + z + gy), Γ = τ,

    U = uV/M,  σ = M/u,  α = σ²(1-U)²/q,  Γ = τσ,  gq = (1-U)V  (diagonal kept: gq = (1-U)σ).

At Γ = 0 this is the Hopfield model at T = 0 (α_c = 0.1379). It is not the quantum model, whose reaction term is absent
here, and equality with the static approximation of Nishimori and Nonomura (1996) is not claimed. Loads below 1e-5 are
those at 1e-5. NaN: no such state.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isinglass.exceptions import InputError, known

FloatArray = npt.NDArray[np.float64]
Diagonal = Literal["removed", "kept"]

_TINY, _LEAST = 1e-60, 1e-5
_LAST = 0.985  # of τ/(1+τ): loads down to 7e-6
DYNAMICAL_FIELD = 0.5
"""Γ_d: one pattern, left to the field from ⟨Z⟩ = ξ, keeps its sign below: energy -½ against -Γ at s = 0."""


class OrderParameters(NamedTuple):
    """Overlap m with the pattern, q = ⟨s²⟩, width σ of the other patterns' noise, energy per spin, polarisation ⟨X⟩."""

    m: FloatArray
    q: FloatArray
    sigma: FloatArray
    energy: FloatArray
    polarisation: FloatArray


def _averages(u: FloatArray, tau: FloatArray, g: FloatArray) -> tuple[FloatArray, ...]:
    """M = ⟨y⟩, q = ⟨y²⟩, V = ⟨yz⟩, E/σ = -½⟨y(w+gy)⟩ - τ⟨√(1-y²)⟩ and ⟨√(1-y²)⟩ at w = u + z, arrays of one shape.

    Panels of 16 Gauss-Legendre points, finer where y bends or jumps (w = 0). With y = t/√(1+t²) and a = |w|,
    τt - gt/√(1+t²) = a: convex beyond its root, so that Newton from t = (a+g)/τ falls to it without overshooting.
    """
    u, tau, g = u[..., None], np.maximum(tau, _TINY)[..., None], g[..., None]
    bend = np.array([-64.0, -16, -4, -1, 0, 1, 4, 16, 64]) * tau
    whole = np.concatenate([u + np.array([-8.5, -5, -2.5, 0, 2.5, 5, 8.5]), bend], axis=-1)
    edges = np.sort(np.clip(whole, np.minimum(u - 8.5, 0), u + 8.5), axis=-1)
    node, weight = np.polynomial.legendre.leggauss(16)
    half = np.diff(edges)[..., None] / 2
    w = ((edges[..., 1:] + edges[..., :-1])[..., None] / 2 + half * node).reshape(*u.shape[:-1], -1)
    z, a = w - u, abs(w)
    density = (half * weight).reshape(w.shape) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    t = (a + g) / tau
    for _ in range(80):
        r = 1 / np.sqrt(1 + t * t)
        step = (tau * t - g * t * r - a) / (tau - g * r**3)
        t = t - step
        if not np.any(step > 1e-14 * t):
            break
    r = 1 / np.sqrt(1 + t * t)
    y = np.sign(w) * t * r
    energy = -0.5 * y * (w + g * y) - tau * r
    return tuple((density * x).sum(-1) for x in (y, y * y, y * z, energy, r))


def _root(f: Any, low: Any, high: Any, *args: Any) -> FloatArray:
    """Elementwise root in a bracket; NaN where f has one sign at both ends."""
    from scipy.optimize import elementwise

    with np.errstate(all="ignore"):
        return np.asarray(elementwise.find_root(f, (low, high), args=args).x, float)


def _point(u: FloatArray, tau: FloatArray, kept: bool) -> tuple[FloatArray, FloatArray]:
    """α and Γ at (u, τ)."""

    def reaction(g: FloatArray) -> FloatArray:
        m, q, v, *_ = _averages(u, tau, g)
        return np.asarray((1 - u * v / m) * (m / u if kept else v) / q)

    before, g = np.zeros_like(u), reaction(np.zeros_like(u))
    error = g  # of `before`: what the root of reaction(g) - g is sought of, by secants: it is nearly a line
    for _ in range(20):
        now = reaction(g) - g
        slope = now - error
        move = np.where(slope != 0, -now * (g - before) / np.where(slope != 0, slope, 1.0), 0.0)
        before, error, g = g, now, g + move
        if not np.any(abs(move) > 1e-13 * abs(g)):
            break
    m, q, v, *_ = _averages(u, tau, g)
    return (m / u * (1 - u * v / m)) ** 2 / q, tau * m / u


@lru_cache(maxsize=2)
def _line(kept: bool) -> Any:
    """(α, Γ) where the retrieval state disappears, as a spline in s = τ/(1+τ): the load falls, the field rises.

    There ∂(α, Γ)/∂(u, ln τ) is singular; u is 2.137 at τ = 0, 1.814 for τ → ∞.
    """
    from scipy.interpolate import CubicSpline

    h = 1e-4
    s = _LAST / 2 * (1 - np.cos(np.pi * np.arange(41) / 40))
    tau = np.maximum(s / (1 - s), 1e-9)

    def fold(u: FloatArray, tau: FloatArray) -> FloatArray:
        right, left = _point(u + h, tau, kept), _point(u - h, tau, kept)
        up, down = _point(u, tau * (1 + h), kept), _point(u, tau * (1 - h), kept)
        return np.asarray((right[0] - left[0]) * (up[1] - down[1]) - (up[0] - down[0]) * (right[1] - left[1])) / tau

    u = _root(fold, np.full_like(tau, 1.5), np.full_like(tau, 2.6), tau)
    return CubicSpline(s, np.stack(_point(u, tau, kept), axis=-1))


def _arguments(diagonal: str, **named: npt.ArrayLike) -> tuple[bool, list[FloatArray]]:
    if diagonal not in ("removed", "kept"):
        raise InputError(f"unknown diagonal {diagonal!r}: {known(str(diagonal), ('removed', 'kept'))}")
    arrays = [np.asarray(values, float) for values in named.values()]
    for name, array in zip(named, arrays, strict=True):
        if not np.all(np.isfinite(array) & (array >= 0)):
            raise InputError(f"{name} is negative or not finite somewhere: give {name} >= 0")
    return diagonal == "kept", [np.array(a) for a in np.broadcast_arrays(*arrays)]


# ---- lines of the diagram


def retrieval_field(load: npt.ArrayLike, diagonal: Diagonal = "removed") -> FloatArray:
    """Γ_M(α), the largest field with a retrieval state; 0 at α_c = 0.1379056, NaN beyond. Error below 2e-5."""
    kept, (alpha,) = _arguments(diagonal, load=load)
    alpha = np.maximum(alpha, _LEAST)
    low, high = np.zeros_like(alpha), np.full_like(alpha, _LAST)
    line = _line(kept)
    s = _root(lambda s, a: line(s)[..., 0] - a, low, high, alpha)
    return np.asarray(line(s)[..., 1])[()]


def freezing_field(load: npt.ArrayLike, diagonal: Diagonal = "removed") -> FloatArray:
    """Γ_g(α), above which s = 0 is the only state: the largest eigenvalue of J, 1 + 2√α (diagonal kept: (1 + √α)²)."""
    kept, (alpha,) = _arguments(diagonal, load=load)
    return (1 + 2 * np.sqrt(alpha) + (alpha if kept else 0.0))[()]


# ---- states


def order_parameters(load: npt.ArrayLike, field: npt.ArrayLike, diagonal: Diagonal = "removed") -> OrderParameters:
    """The retrieval state at (α, Γ); NaN where there is none. Iterated from the pattern, slowly next to Γ_M.

    Error about 1e-11 below 0.999 Γ_M; within 2e-5 of Γ_M it may be NaN, or be there where the state is not.
    """
    kept, (alpha, gamma) = _arguments(diagonal, load=load, field=field)
    shape = alpha.shape
    alpha, gamma = np.maximum(alpha, _LEAST).ravel(), gamma.ravel()
    out = np.full((5, alpha.size), np.nan)
    left = np.flatnonzero(gamma < np.nan_to_num(retrieval_field(alpha, diagonal)))
    state = np.stack([np.ones(left.size), np.sqrt(alpha[left]), np.zeros(left.size)])  # m, σ, G
    for _ in range(5000):
        if not left.size:
            break
        a, (m, sigma, reaction) = alpha[left], state
        y, q, v, energy, x = _averages(m / sigma, gamma[left] / sigma, reaction / sigma)
        share = v / sigma  # U
        out[:, left] = y, q, sigma, energy * sigma, x
        new = np.stack([y, np.sqrt(a * q) / (1 - share), a * (1.0 if kept else share) / (1 - share)])
        moving = abs(new - state).max(axis=0) > 1e-13
        left, state = left[moving], new[:, moving]
    return OrderParameters(*(x.reshape(shape)[()] for x in out))


def overlap(load: npt.ArrayLike, field: npt.ArrayLike, diagonal: Diagonal = "removed") -> FloatArray:
    """m of the retrieval state; NaN where there is none."""
    return order_parameters(load, field, diagonal).m


# ---- one pattern, exactly


def _collective(spins: int, field: float, strength: float = 1.0) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Overlaps 2k/N - 1 of the symmetric states of N spins, and energies and vectors of H for P = 1 among them.

    `strength` multiplies the couplings 1/N.
    """
    overlap = 1 - 2 * np.arange(spins + 1) / spins
    k = np.arange(1, spins + 1)
    hop = -field * np.sqrt(k * (spins + 1.0 - k))
    from scipy.linalg import eigh_tridiagonal

    energies, vectors = eigh_tridiagonal(strength * (1 - spins * overlap**2) / 2, hop)
    return overlap, energies, vectors


def one_pattern_quench(time: npt.ArrayLike, spins: int, field: float) -> FloatArray:
    """Σ ξ_i⟨Z_i⟩/N at times ħ/J after |ξ⟩ was left to H, P = 1, any N: H acts among N + 1 symmetric states."""
    return _quench(time, *_collective(spins, field))


def _quench(time: npt.ArrayLike, overlap: FloatArray, energies: FloatArray, vectors: FloatArray) -> FloatArray:
    phases = np.exp(-1j * np.asarray(time, float)[..., None] * energies) * vectors[0]
    return np.asarray(abs(phases @ vectors.T) ** 2 @ overlap)


def two_pattern_quench(time: npt.ArrayLike, spins: int, field: float) -> FloatArray:
    """The same for P = 2, mean over random patterns, any N.

    Overlaps A and B of the k spins where the patterns agree, and of the others, give H = -(A² + B²)/N + 1: two groups
    that know nothing of each other, each with one pattern and couplings 2/N; k is binomial.
    """
    from scipy.stats import binom

    total = np.zeros(np.shape(time))
    for k in range(1, spins + 1):  # both groups are distributed alike
        share = 2 * k / spins * float(binom.pmf(k, spins, 0.5))
        total += share * _quench(time, *_collective(k, field, 2 * k / spins))
    return np.asarray(total)


def one_pattern_order(spins: int, field: float) -> float:
    """Root mean square of Σ ξ_i Z_i/N in the ground state, P = 1, any N; √(1 - Γ²) for N → ∞."""
    overlap, _, vectors = _collective(spins, field)
    return float(np.sqrt(vectors[:, 0] ** 2 @ overlap**2))
