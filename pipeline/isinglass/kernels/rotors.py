"""Planar rotors z = e^{iθ} with Hebb couplings of phase patterns, updated in pattern space: O(P) a rotor.

Shapes: N rotors, P patterns. Patterns ξ are `real`, `imag` float64 (N, P), a row for each rotor; a state is `x`, `y`
float64 (N,); its overlaps M_μ = (1/N) Σ_j conj(ξ_j^μ) z_j are `mx`, `my` float64 (P,). The field of rotor i is
h_i = Σ_μ ξ_i^μ M_μ - (P/N) z_i, the last term taking out the diagonal of the couplings.
"""

from __future__ import annotations

import math

import numpy as np
from numpy import uint64

from isinglass.kernels.jit import jit
from isinglass.kernels.streams import next_uint64, shuffle, uniform

SETTLED = 1e-16
"""Mean square displacement per rotor and step below which a state at T = 0 counts as a fixed point, and stays."""


@jit
def random_patterns(stream: np.ndarray, real: np.ndarray, imag: np.ndarray) -> None:
    """Fill the patterns with independent uniform phases, pattern after pattern: one draw a phase."""
    for mu in range(real.shape[1]):
        for i in range(real.shape[0]):
            angle = 2 * math.pi * uniform(stream)
            real[i, mu] = math.cos(angle)
            imag[i, mu] = math.sin(angle)


@jit
def make_cue(
    stream: np.ndarray, real: np.ndarray, imag: np.ndarray, width: float, x: np.ndarray, y: np.ndarray
) -> None:
    """A pattern (N,) with its phases turned by N evenly spaced angles in (-width, width), dealt out at random."""
    n = x.size
    order = np.arange(n)
    shuffle(stream, order)
    for i in range(n):
        angle = width * ((2 * order[i] + 1) / n - 1)
        c, s = math.cos(angle), math.sin(angle)
        x[i] = real[i] * c - imag[i] * s
        y[i] = real[i] * s + imag[i] * c


@jit
def overlaps(real: np.ndarray, imag: np.ndarray, x: np.ndarray, y: np.ndarray, mx: np.ndarray, my: np.ndarray) -> None:
    """The overlaps of a state with all patterns."""
    mx[:] = 0.0
    my[:] = 0.0
    for i in range(x.size):
        _shift(real[i], imag[i], x[i] / x.size, y[i] / x.size, mx, my)


@jit(reassociate=True)
def _field(a: np.ndarray, b: np.ndarray, mx: np.ndarray, my: np.ndarray) -> tuple[float, float]:
    """Σ_μ (a + ib)_μ (mx + i my)_μ."""
    hx = 0.0
    hy = 0.0
    for mu in range(mx.size):
        hx += a[mu] * mx[mu] - b[mu] * my[mu]
        hy += a[mu] * my[mu] + b[mu] * mx[mu]
    return hx, hy


@jit
def _shift(a: np.ndarray, b: np.ndarray, dx: float, dy: float, mx: np.ndarray, my: np.ndarray) -> None:
    """Add conj(a + ib)_μ (dx + i dy) to the overlaps."""
    for mu in range(mx.size):
        mx[mu] += a[mu] * dx + b[mu] * dy
        my[mu] += a[mu] * dy - b[mu] * dx


@jit
def von_mises(stream: np.ndarray, kappa: float) -> tuple[float, float]:
    """cos θ and sin θ of an angle with density ∝ exp(κ cos θ), κ >= 0, exactly.

    Best and Fisher, Appl. Statist. 28 (1979) 152: rejection from a wrapped Cauchy distribution, at least 0.65 accepted.
    1 - cos θ is kept apart, so that sin θ has its digits at large κ. Below κ = 1e-8 the angle is uniform; above 1e30,
    where it differs from 0 by less than rounding, it is drawn as at 1e30.
    """
    kappa = min(kappa, 1e30)
    if kappa < 1e-8:
        angle = 2 * math.pi * uniform(stream)
        return math.cos(angle), math.sin(angle)
    tau = 1 + math.sqrt(1 + 4 * kappa * kappa)
    rho = (tau - math.sqrt(2 * tau)) / (2 * kappa)
    if rho < 1e-4:  # its two terms cancel at small κ
        rho = kappa / 2
    excess = (1 - rho) ** 2 / (2 * rho)  # r - 1
    while True:
        word = next_uint64(stream)
        z = math.cos(math.pi * ((word >> uint64(11)) * 2.0**-53))
        less = min(excess * (1 - z) / (1 + excess + z), 2.0)  # 1 - cos θ, beyond 2 by rounding alone
        c = kappa * (excess + less)
        u = uniform(stream)
        if c * (2 - c) > u or math.log(c / u) + 1 - c >= 0:
            sine = math.sqrt(less * (2 - less))
            return 1 - less, sine if word & uint64(1) else -sine


@jit
def run(
    real: np.ndarray,
    imag: np.ndarray,
    temperature: float,
    steps: int,
    stream: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    moved: np.ndarray,
    history: np.ndarray,
    energy: np.ndarray,
) -> None:
    """`steps` steps, each updating all rotors in turn 0..N-1; x, y and the stream are carried on.

    T > 0: heat bath, the exact conditional distribution, von Mises of concentration |h|/T about the field. T = 0:
    z = h/|h|, unchanged where h = 0. `moved` (1,) is the mean square displacement of the last step; at T = 0 nothing
    moves once it is below SETTLED. `history` complex128 (steps or 0, N) takes the states after each step, `energy`
    (steps or 0,) the energies per rotor -½(Σ|M_μ|² - P/N).
    """
    n, p = real.shape
    mx, my = np.empty(p), np.empty(p)
    overlaps(real, imag, x, y, mx, my)
    for step in range(steps):
        if temperature > 0 or moved[0] >= SETTLED:
            square = 0.0
            for i in range(n):
                hx, hy = _field(real[i], imag[i], mx, my)
                hx -= p / n * x[i]
                hy -= p / n * y[i]
                size = math.sqrt(hx * hx + hy * hy)
                if size == 0:
                    ux, uy = (1.0, 0.0) if temperature > 0 else (x[i], y[i])
                else:
                    ux, uy = hx / size, hy / size
                if temperature > 0:
                    c, s = von_mises(stream, size / temperature)
                    ux, uy = ux * c - uy * s, ux * s + uy * c
                dx, dy = ux - x[i], uy - y[i]
                square += dx * dx + dy * dy
                _shift(real[i], imag[i], dx / n, dy / n, mx, my)
                x[i], y[i] = ux, uy
            moved[0] = square / n
        if history.shape[0]:
            for i in range(n):
                history[step, i] = complex(x[i], y[i])
            total = 0.0
            for mu in range(p):
                total += mx[mu] * mx[mu] + my[mu] * my[mu]
            energy[step] = -0.5 * (total - p / n)
