"""Annealing of N spins in an energy landscape: a state vector under a transverse field, probabilities under heat bath.

Bit i of a basis index is spin i, a set bit is s_i = -1. Both kinds of state have 2^N entries and are changed in place.
All sums run in one fixed order; nothing calls BLAS.
"""

from __future__ import annotations

import math

import numpy as np
from numpy import uint64

from isinglass.kernels.bits import popcount
from isinglass.kernels.jit import jit
from isinglass.kernels.statevector import butterflies


@jit
def masks(signs: np.ndarray) -> np.ndarray:
    """The bits of the entries below 0 of each row of `signs`, int8 (rows, N); uint64 (rows,)."""
    out = np.zeros(signs.shape[0], np.uint64)
    for m in range(signs.shape[0]):
        for i in range(signs.shape[1]):
            if signs[m, i] < 0:
                out[m] |= uint64(1) << uint64(i)
    return out


@jit
def landscape(patterns: np.ndarray, cue: np.ndarray, squares: np.ndarray, shown: np.ndarray) -> None:
    """Write Σ_μ (ξ^μ·s)² and Σ_i c_i s_i of every s into `squares`, `shown`, int64 (2^N,); cue int8 (N,) of 0, ±1."""
    n, bits, known = patterns.shape[1], masks(patterns), uint64(0)
    against = masks(cue.reshape(1, n))[0]
    for i in range(n):
        if cue[i] != 0:
            known |= uint64(1) << uint64(i)
    for x in range(squares.size):
        total = 0
        for m in range(bits.size):
            overlap = n - 2 * popcount(uint64(x) ^ bits[m])
            total += overlap * overlap
        squares[x] = total
        shown[x] = popcount(known) - 2 * popcount((uint64(x) ^ against) & known)


@jit
def fields(patterns: np.ndarray, out: np.ndarray) -> None:
    """Write (P(N-1) + N Σ_j J_ij s_j)/2, 0 to P(N-1), into `out`, uint16 (N, 2^(N-1)), of spin i: a column for each
    state of the others, in order (bit i left out)."""
    n, bits = patterns.shape[1], masks(patterns)
    for i in range(n):
        low = uint64((1 << i) - 1)
        for k in range(out.shape[1]):
            x = ((uint64(k) & ~low) << uint64(1)) | (uint64(k) & low)  # s_i = +1
            total = patterns.shape[0] * (n - 2)
            for m in range(bits.size):
                total += patterns[m, i] * (n - 2 * popcount(x ^ bits[m]))
            out[i, k] = total // 2


@jit
def _phases(re: np.ndarray, im: np.ndarray, level: np.ndarray, energy: np.ndarray, angle: float, scale: float) -> None:
    """Multiply by scale · exp(-i angle E), E = energy[level]."""
    c, s = np.empty(energy.size), np.empty(energy.size)
    for k in range(energy.size):
        c[k], s[k] = scale * math.cos(angle * energy[k]), -scale * math.sin(angle * energy[k])
    for x in range(re.size):
        a, b = c[level[x]], s[level[x]]
        re[x], im[x] = a * re[x] - b * im[x], a * im[x] + b * re[x]


@jit
def transverse(
    re: np.ndarray, im: np.ndarray, level: np.ndarray, energy: np.ndarray, n: int, field: np.ndarray,
    weight: np.ndarray, dt: float,
) -> None:  # fmt: skip
    """Strang steps of H = weight_k E - field_k Σ X, one for each k, `field` and `weight` (steps,) at their middles.

    `level` int32 (2^n,) names each state's entry of `energy` (levels,). Neighbouring half phases are one.
    """
    angle = 0.0
    for k in range(field.size):
        theta = -field[k] * dt
        angle += 0.5 * weight[k] * dt
        _phases(re, im, level, energy, angle, math.cos(theta) ** n)
        butterflies(re, im, n, math.tan(theta))
        angle = 0.5 * weight[k] * dt
    _phases(re, im, level, energy, angle, 1.0)


@jit
def _relax(p: np.ndarray, field: np.ndarray, up: np.ndarray, keep: float, stride: int) -> None:
    """exp(W_i t) of one spin in place, keep = e^{-t}; `up` is the probability of s_i = +1 by the entry of `field`."""
    for first in range(0, p.size, 2 * stride):
        low, high = p[first : first + stride], p[first + stride : first + 2 * stride]
        f = field[first >> 1 : (first >> 1) + stride]
        for k in range(stride):
            moved = (1 - keep) * (low[k] + high[k])
            q = up[f[k]]
            low[k], high[k] = keep * low[k] + moved * q, keep * high[k] + moved * (1 - q)


@jit
def thermal(
    p: np.ndarray, field: np.ndarray, cue: np.ndarray, bias: float, stored: int, temperature: np.ndarray, dt: float
) -> None:
    """Heat bath at `temperature` (steps,), for a time dt each, one attempt per spin and unit of time on average.

    dp/dt = Σ_i W_i p, by exp(W_0 dt/2) .. exp(W_{N-1} dt/2) exp(W_{N-1} dt/2) .. exp(W_0 dt/2): second order in dt;
    each factor is exact, keeps the Gibbs distribution and the sum, and leaves no entry below 0. For dt → ∞ a step is
    one sequential sweep there and one back. `field` is that of `fields`.
    """
    n, keep, centre = field.shape[0], math.exp(-0.5 * dt), stored * (field.shape[0] - 1)
    up = np.empty((3, centre + 1))  # of spins that the cue shows as -1, does not show, shows as +1
    for k in range(temperature.size):
        for c in range(3):
            for f in range(up.shape[1]):
                up[c, f] = 1 / (1 + math.exp(-2 * ((2 * f - centre) / n + bias * (c - 1)) / temperature[k]))
        for i in range(n):
            _relax(p, field[i], up[cue[i] + 1], keep, 1 << i)
        for i in range(n - 1, -1, -1):
            _relax(p, field[i], up[cue[i] + 1], keep, 1 << i)


@jit
def summed(p: np.ndarray, out: np.ndarray) -> None:
    """Write the running sums of `p` (size,) into `out`."""
    total = 0.0
    for x in range(p.size):
        total += p[x]
        out[x] = total


@jit
def magnetisations(p: np.ndarray, n: int, out: np.ndarray) -> None:
    """Write Σ_x p_x s_i(x) into `out`, float64 (n,)."""
    for i in range(n):
        stride, total = 1 << i, 0.0
        for first in range(0, p.size, 2 * stride):
            for k in range(first, first + stride):
                total += p[k] - p[k + stride]
        out[i] = total
