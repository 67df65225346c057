"""Local Onsager forms of a metric's gradient: invariance, sign, exact rates, and the Einstein-Hilbert action.

σ = √g (c1 A1 + ... + c5 A5), Ai the contractions of g_αβ,μ g_γδ,ν; linearised about a flat metric
S = Σ c1 (∂h_ab)² + c2 (∂h)² + c35 (∂_a h_ab)² + c4 ∂_a h_ab ∂_b h, where A3 and A5 are the same. The general form and
the identity with √g R are reconstructed in the model card C3b, not read in a paper; the rest is derived here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

EINSTEIN_HILBERT = (0.25, -0.25, -0.5, 0.5)
"""c1, c2, c35, c4 of √g R with the sign at which gravitons decay: invariant under h → h + ∂ξ."""
CONTRACTIONS = ("mn,ac,bd", "mn,ab,cd", "ma,nc,bd", "ma,bn,cd", "mc,na,bd")
"""A1 to A5: inverse metrics that contract g_ab,m and g_cd,n."""

Array = np.ndarray[Any, Any]


def basis(dimensions: int) -> Array:
    """An orthonormal basis of symmetric tensors, (D(D+1)/2, D, D), in the order xx, xy, ..., yy, ..."""
    out = []
    for a in range(dimensions):
        for b in range(a, dimensions):
            e = np.zeros((dimensions, dimensions))
            e[a, b] = e[b, a] = 1.0 if a == b else math.sqrt(0.5)
            out.append(e)
    return np.array(out)


def form(k: Sequence[float] | Array, weights: Sequence[float]) -> Array:
    """The matrix of S at wave vector k (of a lattice: sin k) in the orthonormal basis."""
    k = np.asarray(k, float)
    e = basis(k.size)
    c1, c2, c35, c4 = weights
    trace, pulled = np.einsum("iaa->i", e), e @ k
    twice = pulled @ k
    out = c1 * (k @ k) * np.eye(len(e)) + c2 * (k @ k) * np.outer(trace, trace) + c35 * pulled @ pulled.T
    return np.asarray(out + c4 / 2 * (np.outer(twice, trace) + np.outer(trace, twice)))


def gauge(k: Sequence[float] | Array) -> Array:
    """The matrix ξ → (k_a ξ_b + k_b ξ_a)/2 in the orthonormal basis, (D(D+1)/2, D)."""
    k = np.asarray(k, float)
    return np.asarray(basis(k.size) @ k)


def defect(dimensions: int, weights: Sequence[float]) -> float:
    """‖B G‖/‖B‖ (Frobenius) at |k| = 1: what is left of an invariance; NaN where the form B vanishes."""
    k = np.eye(dimensions)[0]
    b = form(k, weights)
    size = np.linalg.norm(b)
    return float(np.linalg.norm(b @ gauge(k)) / size) if size > 1e-12 else math.nan


def eigenvalues(dimensions: int, weights: Sequence[float]) -> Array:
    """Of the form at |k| = 1, ascending; a production of entropy has none below 0."""
    return np.asarray(np.linalg.eigvalsh(form(np.eye(dimensions)[0], weights)))


def euler_rate(eigenvalue: float, square: float, step: float) -> float:
    """Rate of growth of an eigenmode under Euler steps of h' = -δS/δh; `square` is Σ sin² k."""
    return math.log(abs(1 - 2 * step * eigenvalue * square)) / step


def trace_free(dimensions: int) -> tuple[float, float, float, float]:
    """The form of gravitons (c1 = 1/4) and of vectors alone: no eigenvalue is negative, the conformal mode has none.

    Its vectors have c1 (D - 2)/2(D - 1), the least that locality allows where both scalars have 0. In D = 3 no form
    without negative eigenvalues has a smaller defect, 1/√34 (found by search, not proved); in D = 4 it is 1/√32, and
    forms in which gravitons weigh nothing beside the trace go down to 0.166.
    """
    d = dimensions - 1
    return 0.25, -0.25 / d, -0.25 * dimensions / d, 0.5 / d


def evolve(h: Array, weights: Sequence[float], step: float, steps: int) -> Array:
    """A field (D(D+1)/2, n, n, ...) after Euler steps of h' = -δS/δh, mode by mode."""
    dims = h.ndim - 1
    n = h.shape[1]
    scale = np.array([1.0 if a == b else math.sqrt(2) for a in range(dims) for b in range(a, dims)])
    modes = np.fft.fftn(h * scale.reshape(-1, *[1] * dims), axes=tuple(range(1, dims + 1)))
    for index in np.ndindex(*[n] * dims):
        k = np.sin(2 * np.pi * np.array(index) / n)
        one = np.eye(len(scale)) - 2 * step * form(k, weights)
        modes[(slice(None), *index)] = np.linalg.matrix_power(one, steps) @ modes[(slice(None), *index)]
    out = np.fft.ifftn(modes, axes=tuple(range(1, dims + 1))).real
    return np.asarray(out / scale.reshape(-1, *[1] * dims))


def random_metric(dimensions: int, sites: int, seed: int, strength: float = 0.1) -> Array:
    """A smooth periodic metric 1 + h on [0, 2π)^D, (D, D, sites, ...): Fourier modes of |k_a| <= 1, `strength` each."""
    rng = np.random.default_rng(seed)
    x = np.meshgrid(*[2 * np.pi * np.arange(sites) / sites] * dimensions, indexing="ij")
    g = np.zeros((dimensions, dimensions, *x[0].shape))
    for a in range(dimensions):
        g[a, a] += 1
        for b in range(a, dimensions):
            h = np.zeros_like(x[0])
            for _ in range(3):
                k = rng.integers(-1, 2, dimensions)
                h += strength * np.cos(sum(n * y for n, y in zip(k, x, strict=True)) + rng.uniform(0, 2 * np.pi))
            g[a, b] += h
            if a != b:
                g[b, a] += h
    return g


def curvature_action(g: Array) -> float:
    """The mean of √g R over a periodic metric (D, D, sites, ...), R from Christoffel symbols; spectral derivatives."""
    dg = _gradient(g)
    inverse, root = _inverse(g)
    gamma = np.einsum("ad...,bcd...->abc...", inverse, _lowered(dg))
    dgamma = _gradient(gamma)  # (m, a, b, c)
    ricci = np.einsum("aabc...->bc...", dgamma) - np.einsum("baac...->bc...", dgamma)
    ricci = ricci + np.einsum("aad...,dbc...->bc...", gamma, gamma) - np.einsum("abd...,dac...->bc...", gamma, gamma)
    return float((root * np.einsum("bc...,bc...->...", inverse, ricci)).mean())


def onsager_action(g: Array, weights: Sequence[float]) -> float:
    """The mean of √g Σ c_i A_i over a periodic metric, `weights` (5,): forces times fluxes."""
    dg = _gradient(g)
    inverse, root = _inverse(g)
    total = np.zeros(root.shape)
    for c, contraction in zip(weights, CONTRACTIONS, strict=True):
        if c:
            pairs = ",".join(f"{pair}..." for pair in contraction.split(","))
            total += c * np.einsum(f"{pairs},mab...,ncd...->...", *[inverse] * 3, dg, dg, optimize=True)
    return float((root * total).mean())


def pair_production(turning: float, stiffness: float, step: float = 0.0) -> float:
    """Entropy production, nat per time, of dq = (-κ + ωε) q dt + √(2D) dW of two variables: 2ω²/κ.

    With Euler steps and the Stratonovich sum exactly 2ω²/(κ - dt (κ² + ω²)/2).
    """
    return 2 * turning**2 / (stiffness - step * (stiffness**2 + turning**2) / 2)


def _gradient(f: Array) -> Array:
    """Spectral derivatives along the last axes, as many as the first index runs over; a new first axis."""
    dims = len(f)
    n = f.shape[-1]
    k = np.fft.fftfreq(n, 1 / n)
    k[n // 2] = 0.0
    out = []
    for a in range(dims):
        axis = f.ndim - dims + a
        shape = [1] * f.ndim
        shape[axis] = n
        out.append(np.fft.ifft(1j * k.reshape(shape) * np.fft.fft(f, axis=axis), axis=axis).real)
    return np.array(out)


def _inverse(g: Array) -> tuple[Array, Array]:
    moved = np.moveaxis(g, (0, 1), (-2, -1))
    return np.moveaxis(np.linalg.inv(moved), (-2, -1), (0, 1)), np.sqrt(np.linalg.det(moved))


def _lowered(dg: Array) -> Array:
    """Christoffel symbols of the first kind (b, c, d): (∂_b g_dc + ∂_c g_db - ∂_d g_bc)/2, from (m, a, b)."""
    one = np.einsum("bdc...->bcd...", dg)
    other = np.einsum("cdb...->bcd...", dg)
    last = np.einsum("dbc...->bcd...", dg)
    return np.asarray((one + other - last) / 2)
