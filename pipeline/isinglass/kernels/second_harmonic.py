"""Phase oscillators with Hebb couplings of binary patterns, a second harmonic and a periodic drive, in pattern space.

Shapes: N oscillators, P patterns `signs` float64 (P, N), ±1; a state is `x`, `y` float64 (N,), z = e^{iθ}. The rate
beside the natural frequency is a_i = Im[conj(z_i) (h_i + F c_i e^{iΩt})] + ε Im[conj(z_i)² ⟨z²⟩] with the field
h_i = Σ_μ ξ_i^μ M_μ and the overlaps M_μ = ⟨ξ^μ z⟩; the diagonal of the couplings would add nothing. Steps are those of
`kernels.oscillators`.
"""

from __future__ import annotations

import math

import numpy as np

from isinglass.kernels.jit import jit
from isinglass.kernels.oscillators import combine
from isinglass.kernels.streams import choose, normal


@jit
def make_cue(
    stream: np.ndarray, pattern: np.ndarray, flips: int, jitter: float, cue: np.ndarray, x: np.ndarray, y: np.ndarray
) -> None:
    """`cue` is the pattern (N,) with `flips` signs turned; x, y its phases 0 and π, moved by normal angles."""
    order = np.arange(cue.size)
    choose(stream, flips, order)
    cue[:] = pattern
    for k in range(flips):
        cue[order[k]] = -cue[order[k]]
    for i in range(cue.size):
        angle = jitter * normal(stream)
        x[i], y[i] = cue[i] * math.cos(angle), cue[i] * math.sin(angle)


@jit(reassociate=True)
def rates(
    signs: np.ndarray,
    second: float,
    force_x: float,
    force_y: float,
    cue: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    hx: np.ndarray,
    hy: np.ndarray,
    a: np.ndarray,
) -> None:
    """a (N,) of the state x, y; `force_x`, `force_y` are F cos Ωt, F sin Ωt, hx, hy (N,) scratch."""
    n = x.size
    u, v = 0.0, 0.0
    for i in range(n):
        u += x[i] * x[i] - y[i] * y[i]
        v += 2 * x[i] * y[i]
        hx[i], hy[i] = force_x * cue[i], force_y * cue[i]
    u, v = second * u / n, second * v / n
    for mu in range(signs.shape[0]):
        row = signs[mu]
        mx, my = 0.0, 0.0
        for i in range(n):
            mx += row[i] * x[i]
            my += row[i] * y[i]
        mx, my = mx / n, my / n
        for i in range(n):
            hx[i] += row[i] * mx
            hy[i] += row[i] * my
    for i in range(n):
        first = hy[i] * x[i] - hx[i] * y[i]
        a[i] = first + v * (x[i] * x[i] - y[i] * y[i]) - 2 * u * x[i] * y[i]


@jit
def run(
    signs: np.ndarray,
    second: float,
    strength: float,
    frequency: float,
    cue: np.ndarray,
    dt: float,
    first: int,
    last: int,
    ex: np.ndarray,
    ey: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    drift: np.ndarray,
    records: np.ndarray,
    history: np.ndarray,
) -> None:
    """From step `first` to step `last`, of dt each; x, y are carried on.

    `ex`, `ey` are e^{iω dt/2}. `drift` (N,) gets the sum of the rates a_i at the beginning of the steps; where
    records[k] = t+1 after the step from t to t+1, history[k], complex128 (records, N), gets the state.
    """
    n = x.size
    a, px, py, sx, sy = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    hx, hy = np.empty(n), np.empty(n)
    row = np.searchsorted(records, first + 1)
    for step in range(first, last):
        px[:], py[:] = x, y
        for stage in range(4):
            angle = frequency * dt * (step + 0.5 * ((stage + 1) // 2))
            force_x, force_y = strength * math.cos(angle), strength * math.sin(angle)
            rates(signs, second, force_x, force_y, cue, px, py, hx, hy, a)
            if stage == 0:
                for i in range(n):
                    drift[i] += a[i]
            combine(stage, dt, x, y, px, py, a, ex, ey, sx, sy)
        if row < records.size and records[row] == step + 1:
            for i in range(n):
                history[row, i] = complex(x[i], y[i])
            row += 1
