"""Central differences on rings: a string in a curved plane, and the flow of a tensor field by an Onsager form."""

from __future__ import annotations

import math

import numpy as np

from isinglass.kernels.jit import jit

LARGEST = 1e6
"""A value beyond is a divergence."""


@jit
def string_rates(y: np.ndarray, curvature: float, width: float, spacing: float, out: np.ndarray) -> None:
    """Rates of the state y (4, N), rows X, Y and their velocities, at N points of a closed string, into `out`.

    Metric Ω δ_ij of the plane, Ω = 1 + 2κ exp(-r²/2w²): X'' of time is X'' of σ - Γ(Ẋ, Ẋ) + Γ(X', X'), with Γ(u, u) =
    (u·∇ln Ω) u - |u|² ∇ln Ω / 2. A single point has no derivative along σ: it moves on a geodesic.
    """
    n = y.shape[1]
    for i in range(n):
        left = i - 1 if i > 0 else n - 1
        right = i + 1 if i + 1 < n else 0
        bump = 2 * curvature * math.exp(-(y[0, i] ** 2 + y[1, i] ** 2) / (2 * width * width))
        scale = -bump / ((1 + bump) * width * width)
        lx, ly = scale * y[0, i], scale * y[1, i]
        vx, vy = y[2, i], y[3, i]
        sx, sy = (y[0, right] - y[0, left]) / (2 * spacing), (y[1, right] - y[1, left]) / (2 * spacing)
        moving, along = vx * lx + vy * ly, sx * lx + sy * ly
        half = (vx * vx + vy * vy - sx * sx - sy * sy) / 2
        bent_x = (y[0, right] - 2 * y[0, i] + y[0, left]) / (spacing * spacing)
        bent_y = (y[1, right] - 2 * y[1, i] + y[1, left]) / (spacing * spacing)
        out[0, i], out[1, i] = vx, vy
        out[2, i] = bent_x - moving * vx + along * sx + half * lx
        out[3, i] = bent_y - moving * vy + along * sy + half * ly


@jit
def string_run(y: np.ndarray, curvature: float, width: float, step: float, steps: int) -> int:
    """Runge-Kutta of order 4 in place for y (4, N) as in `string_rates`; returns 1 if a value went beyond LARGEST."""
    n = y.shape[1]
    spacing = 2 * math.pi / n
    k1, k2, k3, k4, at = np.empty((4, n)), np.empty((4, n)), np.empty((4, n)), np.empty((4, n)), np.empty((4, n))
    for _ in range(steps):
        string_rates(y, curvature, width, spacing, k1)
        for j in range(4):
            for i in range(n):
                at[j, i] = y[j, i] + step / 2 * k1[j, i]
        string_rates(at, curvature, width, spacing, k2)
        for j in range(4):
            for i in range(n):
                at[j, i] = y[j, i] + step / 2 * k2[j, i]
        string_rates(at, curvature, width, spacing, k3)
        for j in range(4):
            for i in range(n):
                at[j, i] = y[j, i] + step * k3[j, i]
        string_rates(at, curvature, width, spacing, k4)
        sound = True
        for j in range(4):
            for i in range(n):
                y[j, i] += step / 6 * (k1[j, i] + 2 * k2[j, i] + 2 * k3[j, i] + k4[j, i])
                sound = sound and abs(y[j, i]) < LARGEST
        if not sound:
            return 1
    return 0


@jit
def string_energy(y: np.ndarray, curvature: float, width: float) -> float:
    """½∮Ω(|Ẋ|² + |X'|²)dσ of y (4, N) as in `string_rates`; between neighbours X' is a forward difference."""
    n = y.shape[1]
    spacing = 2 * math.pi / n
    total = 0.0
    for i in range(n):
        k = i + 1 if i + 1 < n else 0
        here = 1 + 2 * curvature * math.exp(-(y[0, i] ** 2 + y[1, i] ** 2) / (2 * width * width))
        there = 1 + 2 * curvature * math.exp(-(y[0, k] ** 2 + y[1, k] ** 2) / (2 * width * width))
        stretch = ((y[0, k] - y[0, i]) ** 2 + (y[1, k] - y[1, i]) ** 2) / (spacing * spacing)
        total += here * (y[2, i] ** 2 + y[3, i] ** 2) + (here + there) / 2 * stretch
    return float(total * spacing / 2)


@jit
def neighbours(length: int, ahead: np.ndarray, behind: np.ndarray) -> None:
    """Sites ahead of and behind each site of a periodic lattice, int64 (D, length^D) each; axis 0 is slowest."""
    dims, sites = ahead.shape
    stride = 1
    for a in range(dims - 1, -1, -1):
        for x in range(sites):
            place = (x // stride) % length
            ahead[a, x] = x + stride * ((place + 1) % length - place)
            behind[a, x] = x + stride * ((place - 1) % length - place)
        stride *= length


@jit
def gauge_field(vector: np.ndarray, ahead: np.ndarray, behind: np.ndarray, out: np.ndarray) -> None:
    """∂_a ξ_b + ∂_b ξ_a of a vector field ξ (D, sites) by central differences, into `out` (D(D+1)/2, sites)."""
    dims, sites = ahead.shape
    m = 0
    for a in range(dims):
        for b in range(a, dims):
            for x in range(sites):
                one = vector[b, ahead[a, x]] - vector[b, behind[a, x]]
                other = vector[a, ahead[b, x]] - vector[a, behind[b, x]]
                out[m, x] = (one + other) / 2
            m += 1


@jit
def onsager_flow(
    h: np.ndarray, weights: np.ndarray, ahead: np.ndarray, behind: np.ndarray, scratch: np.ndarray, out: np.ndarray
) -> None:
    """-δS/δh of S = Σ c1 (∂h_ab)² + c2 (∂h)² + c35 (∂_a h_ab)² + c4 ∂_a h_ab ∂_b h, h = h_aa, into `out`, as h.

    h is (D(D+1)/2, sites), its components in the order xx, xy, ..., yy, ...; `weights` (4,) are c1, c2, c35, c4. Every
    ∂ is the same central difference, so that the lattice has gauge transformations of its own. `scratch` (2D + 3,
    sites) need not be set.
    """
    dims, sites = ahead.shape
    c1, c2, c35, c4 = weights
    divergence, gradient = scratch[:dims], scratch[dims : 2 * dims]
    trace, twice, wave = scratch[2 * dims], scratch[2 * dims + 1], scratch[2 * dims + 2]
    divergence[:] = 0.0
    trace[:] = 0.0
    m = 0
    for a in range(dims):
        for b in range(a, dims):
            for x in range(sites):
                if a == b:
                    trace[x] += h[m, x]
                else:
                    divergence[a, x] += (h[m, ahead[b, x]] - h[m, behind[b, x]]) / 2
                divergence[b, x] += (h[m, ahead[a, x]] - h[m, behind[a, x]]) / 2
            m += 1
    for a in range(dims):
        for x in range(sites):
            gradient[a, x] = (trace[ahead[a, x]] - trace[behind[a, x]]) / 2
    twice[:] = 0.0
    wave[:] = 0.0
    for a in range(dims):
        for x in range(sites):
            twice[x] += (divergence[a, ahead[a, x]] - divergence[a, behind[a, x]]) / 2
            wave[x] += (gradient[a, ahead[a, x]] - gradient[a, behind[a, x]]) / 2
    m = 0
    for a in range(dims):
        for b in range(a, dims):
            for x in range(sites):
                bent = -2 * dims * h[m, x]
                for c in range(dims):
                    bent += h[m, ahead[c, ahead[c, x]]] + h[m, behind[c, behind[c, x]]]
                one = divergence[b, ahead[a, x]] - divergence[b, behind[a, x]]
                other = divergence[a, ahead[b, x]] - divergence[a, behind[b, x]]
                mixed = gradient[b, ahead[a, x]] - gradient[b, behind[a, x]]
                rate = c1 * bent / 2 + c35 * (one + other) / 2 + c4 * mixed / 2
                out[m, x] = rate + (c4 * twice[x] + 2 * c2 * wave[x] if a == b else 0.0)
            m += 1


@jit
def onsager_run(
    h: np.ndarray, weights: np.ndarray, ahead: np.ndarray, behind: np.ndarray, step: float, steps: int
) -> int:
    """Euler steps of `onsager_flow` in place; returns how many were taken before a value went beyond LARGEST."""
    dims = len(ahead)
    scratch, rate = np.empty((2 * dims + 3, h.shape[1])), np.empty(h.shape)
    for t in range(steps):
        onsager_flow(h, weights, ahead, behind, scratch, rate)
        sound = True
        for m in range(h.shape[0]):
            for x in range(h.shape[1]):
                h[m, x] += step * rate[m, x]
                sound = sound and abs(h[m, x]) < LARGEST
        if not sound:
            return t + 1
    return steps
