"""Phase oscillators z = e^{iθ} without trigonometric functions: mean field, or a ring with power-law couplings.

Shapes: N oscillators; a state is `x`, `y` float64 (N,), on the unit circle. dθ_i = [ω_i + a_i(θ)] dt + √(2D) dW_i. The
natural rotation is exact: with E = e^{iω dt/2} (`ex`, `ey`) a step is the fourth-order Runge-Kutta step of
z' = iaz in the frame that turns with ω_i (Lawson 1967), and is put back on the circle. Noise turns the phases before
and after by half a step's worth each (Strang), by an angle that is 0 or ±√(3·variance) with probabilities 2/3, 1/6 and
1/6: its moments are those of a normal distribution up to the fifth, so the whole is of weak order 2.
"""

from __future__ import annotations

import math

import numpy as np
from numpy import uint64

from isinglass.kernels.jit import jit
from isinglass.kernels.streams import fill_uint64, uniform

_SIXTH = uint64(2**32 // 6)
_LOW = uint64(0xFFFFFFFF)


@jit
def random_phases(stream: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Fill a state with independent uniform phases: one draw a phase."""
    for i in range(x.size):
        angle = 2 * math.pi * uniform(stream)
        x[i], y[i] = math.cos(angle), math.sin(angle)


@jit(reassociate=True)
def mean(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Real and imaginary part of ⟨z⟩."""
    c, s = 0.0, 0.0
    for i in range(x.size):
        c += x[i]
        s += y[i]
    return c / x.size, s / x.size


@jit(reassociate=True)
def neighbour_order(x: np.ndarray, y: np.ndarray) -> float:
    """⟨cos(θ_{i+1} - θ_i)⟩ around the ring."""
    total = x[-1] * x[0] + y[-1] * y[0]
    for i in range(x.size - 1):
        total += x[i] * x[i + 1] + y[i] * y[i + 1]
    return total / x.size  # type: ignore[no-any-return]


@jit
def turn(stream: np.ndarray, variance: float, words: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Turn every phase at random, of this variance; a half of a word of the stream each. `words` uint64 (⌈N/2⌉,)."""
    fill_uint64(stream, words)
    c, s = math.cos(math.sqrt(3 * variance)), math.sin(math.sqrt(3 * variance))
    for i in range(x.size):
        half = (words[i >> 1] >> uint64(32 * (i & 1))) & _LOW
        sign = 1.0 if half < _SIXTH else (-1.0 if half < uint64(2) * _SIXTH else 0.0)
        cosine, sine = (1.0 if sign == 0 else c), sign * s
        x[i], y[i] = x[i] * cosine - y[i] * sine, x[i] * sine + y[i] * cosine


@jit
def combine(
    stage: int,
    dt: float,
    x: np.ndarray,
    y: np.ndarray,
    px: np.ndarray,
    py: np.ndarray,
    a: np.ndarray,
    ex: np.ndarray,
    ey: np.ndarray,
    sx: np.ndarray,
    sy: np.ndarray,
) -> None:
    """What a Runge-Kutta stage, 0 to 3, makes of the rates `a` at its state `px`, `py`: the next one's state.

    `sx`, `sy` collect the sum; after stage 3 it is the new state `x`, `y`, on the circle. All arrays are (N,).
    """
    n = x.size
    if stage == 0:
        for i in range(n):
            u, v = -py[i] * a[i], px[i] * a[i]
            f, g = ex[i] * ex[i] - ey[i] * ey[i], 2 * ex[i] * ey[i]
            qx, qy = x[i] + dt / 6 * u, y[i] + dt / 6 * v
            sx[i], sy[i] = f * qx - g * qy, f * qy + g * qx
            qx, qy = x[i] + dt / 2 * u, y[i] + dt / 2 * v
            px[i], py[i] = ex[i] * qx - ey[i] * qy, ex[i] * qy + ey[i] * qx
    elif stage == 1:
        for i in range(n):
            u, v = -py[i] * a[i], px[i] * a[i]
            sx[i] += dt / 3 * (ex[i] * u - ey[i] * v)
            sy[i] += dt / 3 * (ex[i] * v + ey[i] * u)
            px[i] = ex[i] * x[i] - ey[i] * y[i] + dt / 2 * u
            py[i] = ex[i] * y[i] + ey[i] * x[i] + dt / 2 * v
    elif stage == 2:
        for i in range(n):
            u, v = -py[i] * a[i], px[i] * a[i]
            u, v = dt * (ex[i] * u - ey[i] * v), dt * (ex[i] * v + ey[i] * u)
            sx[i] += u / 3
            sy[i] += v / 3
            f, g = ex[i] * ex[i] - ey[i] * ey[i], 2 * ex[i] * ey[i]
            px[i], py[i] = f * x[i] - g * y[i] + u, f * y[i] + g * x[i] + v
    else:
        for i in range(n):
            u, v = sx[i] - dt / 6 * py[i] * a[i], sy[i] + dt / 6 * px[i] * a[i]
            scale = 1 / math.sqrt(u * u + v * v)
            x[i], y[i] = u * scale, v * scale


@jit
def run(
    coupling: float,
    variance: float,
    dt: float,
    first: int,
    last: int,
    ex: np.ndarray,
    ey: np.ndarray,
    spectrum: np.ndarray,
    twiddles: np.ndarray,
    stream: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    drift: np.ndarray,
    order: np.ndarray,
    near: np.ndarray,
    records: np.ndarray,
    history: np.ndarray,
) -> None:
    """From step `first` to step `last`, of dt each; x, y and the stream are carried on.

    `variance` is 2D dt. `spectrum` is empty for the mean field, else that of the ring's weights (`ring`), with its
    `twiddles`. The step from t to t+1 puts |⟨z⟩| into order[t] and the neighbour order into near[t], and where
    records[k] = t+1 the state into history[k], complex128 (records, N). `drift` (N,) gets the sum of the rates a_i.
    """
    n = x.size
    a, px, py, sx, sy = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    hx, hy = np.empty(n), np.empty(n)
    work = np.zeros((4, spectrum.size))
    words = np.empty((n + 1) // 2, dtype=np.uint64)
    row = np.searchsorted(records, first + 1)
    for step in range(first, last):
        if variance > 0:
            turn(stream, variance / 2, words, x, y)
        px[:], py[:] = x, y
        for stage in range(4):
            if spectrum.size:
                convolve(spectrum, twiddles, work, px, py, hx, hy)
                for i in range(n):
                    a[i] = coupling * (hy[i] * px[i] - hx[i] * py[i])
            else:
                c, s = mean(px, py)
                for i in range(n):
                    a[i] = coupling * (s * px[i] - c * py[i])
            if stage == 0:
                for i in range(n):
                    drift[i] += a[i]
            combine(stage, dt, x, y, px, py, a, ex, ey, sx, sy)
        if variance > 0:
            turn(stream, variance / 2, words, x, y)
        c, s = mean(x, y)
        order[step] = math.sqrt(c * c + s * s)
        near[step] = neighbour_order(x, y)
        if row < records.size and records[row] == step + 1:
            for i in range(n):
                history[row, i] = complex(x[i], y[i])
            row += 1


# Convolution with the weights of a ring, by a Fourier transform of its own: the same bytes whatever else is computed.


@jit
def fourier(twiddles: np.ndarray, work: np.ndarray) -> int:
    """The transform Σ_j z_j e^{-2πi jk/L} of rows 0, 1 of `work` (4, L); 0 or 2: the rows that hold it.

    L is a power of two; `twiddles` (2, L/2) are cos and sin of -2πk/L. Stockham's, radix 2 (Van Loan 1992, 1.7).
    """
    length = work.shape[1]
    blocks, width, at = length // 2, 1, 0
    while blocks >= 1:
        here, there = work[at : at + 2], work[2 - at : 4 - at]
        for j in range(blocks):
            c, s = twiddles[0, j * width], twiddles[1, j * width]
            first, second, out = j * width, (j + blocks) * width, 2 * j * width
            for k in range(width):
                ax, ay = here[0, first + k], here[1, first + k]
                bx, by = here[0, second + k], here[1, second + k]
                there[0, out + k], there[1, out + k] = ax + bx, ay + by
                dx, dy = ax - bx, ay - by
                there[0, out + width + k] = dx * c - dy * s
                there[1, out + width + k] = dx * s + dy * c
        at = 2 - at
        blocks //= 2
        width *= 2
    return at


@jit
def ring(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spectrum (L,), divided by L, and twiddles (2, L/2) of the weights (N,) by distance along the ring.

    weights[d] = weights[N-d] couples i to i±d. L is N for a power of two, else one above 2N-2.
    """
    n = weights.size
    length = 1
    while length < n:
        length *= 2
    if length > n:
        length *= 2
    twiddles = np.empty((2, max(length // 2, 1)))
    for k in range(twiddles.shape[1]):
        twiddles[0, k] = math.cos(-2 * math.pi * k / length)
        twiddles[1, k] = math.sin(-2 * math.pi * k / length)
    work = np.zeros((4, length))
    work[0, :n] = weights
    if length > n:
        for d in range(1, n):
            work[0, length - d] = weights[d]
    at = fourier(twiddles, work)
    return work[at] / length, twiddles


@jit
def convolve(
    spectrum: np.ndarray,
    twiddles: np.ndarray,
    work: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    hx: np.ndarray,
    hy: np.ndarray,
) -> None:
    """h_i = Σ_j weights[|i-j|] z_j: x, y, hx, hy (N,), `work` (4, L) scratch, the others of `ring`."""
    n = x.size
    work[0, :n], work[1, :n] = x, y
    work[:2, n:] = 0.0
    at = fourier(twiddles, work)
    for k in range(spectrum.size):  # the spectrum is real; conjugated, so that the same transform leads back
        work[0, k], work[1, k] = spectrum[k] * work[at, k], -spectrum[k] * work[at + 1, k]
    at = fourier(twiddles, work)
    for i in range(n):
        hx[i], hy[i] = work[at, i], -work[at + 1, i]
