"""Classical spins of unit length: the stochastic Landau-Lifshitz-Gilbert equation by a semi-implicit midpoint rule.

    dS/dt = Ω x S,  Ω = (B + α S x B)/(1 + α²),  B = -∂H/∂S + b,  <b_i(t) b_j(t')> = 2αT δ_ij δ(t - t')

in the sense of Stratonovich; γ = μ = k_B = 1. A step is semi-implicit, scheme B of Mentink et al. (2010): each spin is
turned by a Cayley rotation of the field at the start (predictor), then of that at the middle (corrector), both with the
same noise, so that |S| is kept to rounding at any time step. Second order in dt without noise.

Spins are float64 (3, N), N = plates x rows x columns: plates know nothing of each other, and are bounded by free edges
or wrapped round. Noise has three values, 0 and two opposite ones, with the moments of the normal up to the fifth; three
components come from one word. Averages are those of normal noise up to second order in dt; uniform noise, of wrong
fourth moment, has 1.6 times the bias (escape over a barrier of 5 T: rates too small by 7.6 % instead of 4.7(4) % at
dt = 0.1, of 3.6 % instead of 2.2(4) % at 0.05).
"""

from __future__ import annotations

import math

import numpy as np
from numpy import uint64

from isinglass.exceptions import InputError
from isinglass.kernels.jit import jit
from isinglass.kernels.streams import fill_uint64

TURN = 0.5
"""Largest angle (rad) by which field or noise (root mean square) may turn a spin in one step."""
_MASK = uint64(2**21 - 1)
_SIXTH = 2**21 // 6


def longest_step(field: float, damping: float, temperature: float) -> float:
    """The largest time step that the integrator resolves, for fields up to `field`: neither turns a spin by over TURN.

    A field B turns it by B dt/√(1 + α²), noise by √(4αT dt/(1 + α²)). inf where nothing moves.
    """
    steps = [math.inf]
    if field > 0:
        steps.append(TURN * math.hypot(1.0, damping) / field)
    if temperature > 0 and damping > 0:
        steps.append(TURN**2 * (1 / damping + damping) / 4 / temperature)
    return min(steps)


def check_step(time_step: float, field: float, damping: float, temperature: float) -> None:
    """Raises InputError for a time step that the integrator does not resolve, with the reason."""
    longest = longest_step(field, damping, temperature)
    if not time_step <= longest:
        noise = longest < longest_step(field, damping, 0.0)
        why = f"noise at T = {temperature:g}, damping {damping:g}" if noise else f"a field of {field:g}"
        raise InputError(
            f"time_step = {time_step:g}: {why} would turn a spin by more than {TURN:g} rad in one step; "
            f"at most {longest:.3g} is resolved"
        )


@jit
def effective_field(
    s: np.ndarray,
    extra: np.ndarray,
    diagonal: np.ndarray,
    exchange: float,
    shape: tuple[int, int, int],
    periodic: bool,
    out: np.ndarray,
) -> None:
    """B = extra + diagonal·S + J Σ of the neighbours' S, into `out` (3, N).

    `extra` (3, N) is what does not depend on the spins of the step; `diagonal` (3,) is 2K along the axis of an
    anisotropy -K S_z², or -N_i M of a demagnetising tensor. `shape` = (plates, rows, columns); a single row is a chain.
    """
    plates, rows, columns = shape
    size = rows * columns
    for c in range(3):
        x, b, d = s[c], out[c], diagonal[c]
        for i in range(x.size):
            b[i] = extra[c, i] + d * x[i]
        if exchange == 0.0:
            continue
        for plate in range(plates):
            for row in range(rows):
                start = plate * size + row * columns
                last = start + columns - 1
                for i in range(start + 1, last):
                    b[i] += exchange * (x[i - 1] + x[i + 1])
                if columns > 1:
                    b[start] += exchange * x[start + 1]
                    b[last] += exchange * x[last - 1]
                if periodic:
                    b[start] += exchange * x[last]
                    b[last] += exchange * x[start]
                if row + 1 < rows or (periodic and rows > 1):
                    below = plate * size + (row + 1) % rows * columns
                    for i in range(columns):
                        b[start + i] += exchange * x[below + i]
                        b[below + i] += exchange * x[start + i]


@jit
def rotate(start: np.ndarray, at: np.ndarray, b: np.ndarray, damping: float, dt: float, out: np.ndarray) -> None:
    """Turn the spins `start` (3, N) for a time dt about Ω of the spins `at` in the field `b`, into `out`.

    Cayley: S' - w x S' = S + w x S with w = Ω dt/2. |S| is kept; `unit` takes off the rounding that would add up.
    `out` may be `start`.
    """
    half = 0.5 * dt / (1.0 + damping * damping)
    ax, ay, az = at[0], at[1], at[2]
    bx, by, bz = b[0], b[1], b[2]
    sx, sy, sz = start[0], start[1], start[2]
    ox, oy, oz = out[0], out[1], out[2]
    for i in range(sx.size):
        wx = half * (bx[i] + damping * (ay[i] * bz[i] - az[i] * by[i]))
        wy = half * (by[i] + damping * (az[i] * bx[i] - ax[i] * bz[i]))
        wz = half * (bz[i] + damping * (ax[i] * by[i] - ay[i] * bx[i]))
        square = wx * wx + wy * wy + wz * wz
        x, y, z = sx[i], sy[i], sz[i]
        along = 2.0 * (wx * x + wy * y + wz * z)
        whole = 1.0 / (1.0 + square)
        less = 1.0 - square
        p = whole * (less * x + 2.0 * (wy * z - wz * y) + along * wx)
        q = whole * (less * y + 2.0 * (wz * x - wx * z) + along * wy)
        r = whole * (less * z + 2.0 * (wx * y - wy * x) + along * wz)
        unit = 1.5 - 0.5 * (p * p + q * q + r * r)
        ox[i] = unit * p
        oy[i] = unit * q
        oz[i] = unit * r


@jit
def thermal_field(stream: np.ndarray, size: float, words: np.ndarray, out: np.ndarray) -> None:
    """Fill `out` (3, N) with independent numbers of mean 0 and standard deviation `size`: ±√3 size, each 1/6, and 0.

    One word a spin, 21 bits a component; `words` uint64 (N,) is work space. Without noise nothing is drawn.
    """
    if size == 0.0:
        out[:] = 0.0
        return
    fill_uint64(stream, words)
    high = size * math.sqrt(2.0**20 / _SIXTH)
    for c in range(3):
        row, shift = out[c], uint64(21 * c)
        for i in range(words.size):
            part = np.int64((words[i] >> shift) & _MASK)
            row[i] = high if part < _SIXTH else (-high if part >= 2**21 - _SIXTH else 0.0)


@jit
def thermal_size(damping: float, temperature: float, dt: float) -> float:
    """Standard deviation of a component of the thermal field, constant during a step."""
    return math.sqrt(2.0 * damping * temperature / dt)


@jit
def predict(
    s: np.ndarray,
    extra: np.ndarray,
    diagonal: np.ndarray,
    exchange: float,
    shape: tuple[int, int, int],
    periodic: bool,
    damping: float,
    dt: float,
    noise: np.ndarray,
    b: np.ndarray,
    middle: np.ndarray,
) -> None:
    """First half of a step of spins (3, N): the middle between them and where the field at the start would turn them.

    `noise` (3, N) is this step's thermal field, `extra` what else acts from outside; `b` (3, N) is work space.
    """
    effective_field(s, extra, diagonal, exchange, shape, periodic, b)
    add(noise, b)
    rotate(s, s, b, damping, dt, middle)
    average(s, middle)


@jit
def correct(
    s: np.ndarray,
    extra: np.ndarray,
    diagonal: np.ndarray,
    exchange: float,
    shape: tuple[int, int, int],
    periodic: bool,
    damping: float,
    dt: float,
    noise: np.ndarray,
    b: np.ndarray,
    middle: np.ndarray,
) -> None:
    """Second half: spins (3, N) are turned, in place, in the field of the `middle`, `extra` included."""
    effective_field(middle, extra, diagonal, exchange, shape, periodic, b)
    add(noise, b)
    rotate(s, middle, b, damping, dt, s)


@jit
def add(a: np.ndarray, b: np.ndarray) -> None:
    """b += a, both (3, N)."""
    for c in range(3):
        for i in range(a.shape[1]):
            b[c, i] += a[c, i]


@jit
def average(s: np.ndarray, middle: np.ndarray) -> None:
    """The point half way from the spins to those in `middle`, into `middle`."""
    for c in range(3):
        for i in range(s.shape[1]):
            middle[c, i] = 0.5 * (s[c, i] + middle[c, i])


@jit
def run(
    s: np.ndarray,
    extra: np.ndarray,
    diagonal: np.ndarray,
    exchange: float,
    shape: tuple[int, int, int],
    periodic: bool,
    damping: float,
    temperature: float,
    dt: float,
    steps: int,
    stream: np.ndarray,
) -> None:
    """`steps` steps of spins (3, N) in place; the stream is carried on."""
    b, middle, noise = np.empty_like(s), np.empty_like(s), np.empty_like(s)
    words = np.empty(s.shape[1], uint64)
    size = thermal_size(damping, temperature, dt)
    for _ in range(steps):
        thermal_field(stream, size, words, noise)
        predict(s, extra, diagonal, exchange, shape, periodic, damping, dt, noise, b, middle)
        correct(s, extra, diagonal, exchange, shape, periodic, damping, dt, noise, b, middle)
