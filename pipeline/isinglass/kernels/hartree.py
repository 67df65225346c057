"""Spins as classical vectors (product states), and as state vectors, with Hebb couplings in a transverse field.

H = -½ Σ_{i≠j} J_ij Z_i Z_j - Γ Σ_i X_i. Shapes: N spins, P patterns, int8 ±1 (N, P), a row for each spin. Components of
the spins' vectors are float64 (N,). M_μ = (1/N) Σ_j ξ_j^μ z_j; the field of spin i is h_i = Σ_μ ξ_i^μ M_μ - (P/N) z_i,
the last term taking out the diagonal of the couplings: O(P) a spin, never N².
"""

from __future__ import annotations

import math

import numpy as np
from numpy import uint64

from isinglass.kernels.bits import popcount
from isinglass.kernels.jit import jit
from isinglass.kernels.statevector import butterflies
from isinglass.kernels.streams import random_signs, uniform


def random_patterns(disorder: np.ndarray, spins: int, patterns: int) -> np.ndarray:
    """A sample's patterns, int8 (N, P), drawn as `models.hopfield.store` does; `disorder` uint64 (4,) is kept."""
    signs = np.empty(patterns * spins, np.int8)
    random_signs(np.array(disorder, dtype=np.uint64), signs)
    return np.ascontiguousarray(signs.reshape(patterns, spins).T)


@jit(reassociate=True)
def _field(row: np.ndarray, overlap: np.ndarray) -> float:
    h = 0.0
    for mu in range(overlap.size):
        h += row[mu] * overlap[mu]
    return h


@jit
def overlaps(patterns: np.ndarray, z: np.ndarray, out: np.ndarray) -> None:
    """M_μ of all patterns, float64 (P,)."""
    out[:] = 0.0
    for i in range(z.size):
        weight = z[i] / z.size
        for mu in range(out.size):
            out[mu] += patterns[i, mu] * weight


@jit
def relax(
    patterns: np.ndarray, field: float, diagonal: float, tolerance: float, steps: int, z: np.ndarray
) -> tuple[int, float]:
    """Turn each spin in turn 0..N-1 along (Γ, h_i), again and again; steps taken, largest change of a z in the last.

    `diagonal` is J_ii: 0, or P/N where it is kept. Ends where no z changed by more than `tolerance`, or after `steps`.
    With J_ii = 0 each turn is the exact minimum over that spin, so that the energy never rises. A spin without any
    field stays.
    """
    n, p = patterns.shape
    overlap = np.empty(p)
    change = 0.0
    for step in range(steps):
        if step % 64 == 0:
            overlaps(patterns, z, overlap)  # rounding of the shifts is forgotten
        change = 0.0
        for i in range(n):
            h = _field(patterns[i], overlap) + (diagonal - p / n) * z[i]
            size = math.sqrt(h * h + field * field)
            if size > 0:
                shift = h / size - z[i]
                change = max(change, abs(shift))
                weight = shift / n
                for mu in range(p):
                    overlap[mu] += patterns[i, mu] * weight
                z[i] = h / size
        if change <= tolerance:
            return step + 1, change
    return steps, change


@jit
def precess(
    patterns: np.ndarray, field: float, dt: float, x: np.ndarray, y: np.ndarray, z: np.ndarray, series: np.ndarray
) -> None:
    """Strang steps of dS_i/dt = 2 S_i × (Γ, 0, h_i), as many as `series` (steps,) is long; x, y, z in place.

    Half a turn about z, [a turn about x, a turn about z]...: each the exact flow of its part of the energy. `series`
    takes M_0 after each step, which the turns about z do not change.
    """
    n, p = patterns.shape
    overlap = np.empty(p)
    c, s = math.cos(2 * field * dt), math.sin(2 * field * dt)
    for step in range(series.size + 1):
        if step > 0:
            for i in range(n):
                y[i], z[i] = c * y[i] + s * z[i], c * z[i] - s * y[i]
        overlaps(patterns, z, overlap)
        if step > 0:
            series[step - 1] = overlap[0]
        turn = dt if step == 0 or step == series.size else 2 * dt
        for i in range(n):
            angle = turn * (_field(patterns[i], overlap) - p / n * z[i])
            a, b = math.cos(angle), math.sin(angle)
            x[i], y[i] = a * x[i] + b * y[i], a * y[i] - b * x[i]


@jit
def measure(z: np.ndarray, stream: np.ndarray, out: np.ndarray) -> None:
    """Z_i of a product state measured once a row of `out`, int8 (shots, N): +1 with probability (1 + z_i)/2."""
    for k in range(out.shape[0]):
        for i in range(z.size):
            out[k, i] = 1 if uniform(stream) < 0.5 * (1 + z[i]) else -1


@jit
def squares(masks: np.ndarray, n: int, out: np.ndarray, first: np.ndarray) -> None:
    """(N M_μ)² summed over the patterns `masks`, uint64 (P,), for basis states 0.. of `out`, int32; N M_0 in `first`.

    Bits of a mask and of a basis state are set where the spin is -1.
    """
    for state in range(out.size):
        total = 0
        for mu in range(masks.size):
            m = n - 2 * popcount(uint64(state) ^ masks[mu])
            total += m * m
            if mu == 0:
                first[state] = m
        out[state] = total


@jit
def _turn(re: np.ndarray, im: np.ndarray, levels: np.ndarray, angle: float, scale: float) -> None:
    """Multiply by scale · exp(i angle · levels)."""
    top = levels.max() + 1
    c, s = np.empty(top), np.empty(top)
    for k in range(top):
        c[k], s[k] = scale * math.cos(angle * k), scale * math.sin(angle * k)
    for state in range(re.size):
        a, b = c[levels[state]], s[levels[state]]
        re[state], im[state] = a * re[state] - b * im[state], a * im[state] + b * re[state]


@jit
def evolve(
    re: np.ndarray,
    im: np.ndarray,
    levels: np.ndarray,
    first: np.ndarray,
    n: int,
    field: float,
    dt: float,
    series: np.ndarray,
) -> None:
    """The Strang steps of `precess` for the whole state vector, exp(-iHt), `levels` and `first` as of `squares`."""
    theta = -field * dt
    t, scale = math.tan(theta), math.cos(theta) ** n
    whole = 0.5 * dt / n
    top = levels.max() + 1
    c, s = np.empty(top), np.empty(top)
    for k in range(top):
        c[k], s[k] = scale * math.cos(whole * k), scale * math.sin(whole * k)
    _turn(re, im, levels, 0.5 * whole, scale)
    for step in range(series.size):
        butterflies(re, im, n, t)
        total = 0.0
        for state in range(re.size):
            x, y = re[state], im[state]
            total += (x * x + y * y) * first[state]
            a, b = c[levels[state]], s[levels[state]]
            re[state], im[state] = a * x - b * y, a * y + b * x
        series[step] = total / n
    _turn(re, im, levels, -0.5 * whole, 1 / scale)
