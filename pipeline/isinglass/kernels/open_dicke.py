"""The Dicke model in a cavity that loses light: the master equation, and truncated Wigner trajectories.

Frequencies in units of the mode's, ħ = 1. ρ' = -i[H, ρ] + κ(2aρa† - a†aρ - ρa†a),
H = a†a + ω₀ J_z + (2λ/√N)(a + a†) J_x.
Basis state n (N+1) + k has n photons and J_z = k - N/2. Nothing calls BLAS.
"""

from __future__ import annotations

import math

import numpy as np

from isinglass.kernels.dicke import ladder
from isinglass.kernels.jit import jit
from isinglass.kernels.streams import normal

TILE = 16
"""Rows and columns of a block that is turned over within the first cache."""


@jit
def _left(
    re: np.ndarray, im: np.ndarray, n: int, k: int, matrix: tuple[np.ndarray, float, float, float], out: np.ndarray
) -> None:
    """Row (n, k) of (-iH - κ a†a) ρ, real and imaginary part, into `out` (2, d)."""
    rungs, splitting, g, loss = matrix
    spins, size = rungs.size - 2, re.shape[0]
    levels = spins + 1
    a = n * levels + k
    energy, decay = n + splitting * (k - 0.5 * spins), loss * n
    for b in range(size):
        out[0, b] = energy * im[a, b] - decay * re[a, b]
        out[1, b] = -energy * re[a, b] - decay * im[a, b]
    for dn in (-1, 1):
        for dk in (-1, 1):
            if n + dn < 0 or (n + dn) * levels >= size or k + dk < 0 or k + dk > spins:
                continue
            c = a + dn * levels + dk
            h = g * math.sqrt(float(max(n, n + dn))) * rungs[min(k, k + dk)]
            for b in range(size):
                out[0, b] += h * im[c, b]
                out[1, b] -= h * re[c, b]


@jit
def _apply(
    rho: np.ndarray, matrix: tuple[np.ndarray, float, float, float], factor: float, half: np.ndarray, total: np.ndarray
) -> None:
    """ρ becomes `factor` ρ', and is added to `total`; ρ Hermitian, (2, d, d), `half` space of that shape.

    (-iH - κ a†a)ρ, its adjoint, and the light that jumps: from (a + N + 1, b + N + 1), which is still the old one. Only
    b <= a is computed: rounding that is not Hermitian would grow.
    """
    rungs, _, _, loss = matrix
    levels, size = rungs.size - 1, rho.shape[1]
    for a in range(size):
        _left(rho[0], rho[1], a // levels, a % levels, matrix, half[:, a])
    root = np.zeros(size)
    for b in range(size - levels):
        root[b] = math.sqrt(b // levels + 1.0)
    for first in range(0, size, TILE):
        for second in range(0, first + 1, TILE):
            for a in range(first, min(first + TILE, size)):
                jump, far = 2 * loss * root[a], min(a + levels, size - 1)
                for b in range(second, min(second + TILE, a + 1)):
                    re, im = half[0, a, b] + half[0, b, a], half[1, a, b] - half[1, b, a]
                    if jump > 0:
                        re += jump * root[b] * rho[0, far, b + levels]
                        im += jump * root[b] * rho[1, far, b + levels]
                    re, im = factor * re, factor * im
                    rho[0, a, b], rho[0, b, a] = re, re
                    rho[1, a, b], rho[1, b, a] = im, -im
                    total[0, a, b] += re
                    total[1, a, b] += im
                    if b < a:
                        total[0, b, a] += re
                        total[1, b, a] -= im


@jit
def evolve(rho: np.ndarray, matrix: tuple[np.ndarray, float, float, float], time_step: float, steps: int) -> None:
    """`steps` steps of Runge and Kutta's fourth order, of ρ (2, d, d) in place. `matrix`: ladder(N), ω₀, λ/√N, κ."""
    term, half = rho.copy(), np.empty_like(rho)
    for _ in range(steps):
        term[:] = rho
        for order in range(1, 5):  # of a linear equation: the Taylor series
            _apply(term, matrix, time_step / order, half, rho)


@jit
def written(spins: int, re: float, im: float, rho: np.ndarray) -> None:
    """All spins along +x and light in the coherent state of amplitude re + i im, as ρ (2, d, d)."""
    levels, size = spins + 1, rho.shape[1]
    state = np.zeros(size, np.complex128)
    square, phase = re * re + im * im, math.atan2(im, re)
    for n in range(size // levels):
        size_log = 0.5 * (n * math.log(square) - square - math.lgamma(n + 1.0)) if square > 0 else -1e300 * n
        light = complex(math.cos(n * phase), math.sin(n * phase)) * math.exp(size_log)
        for k in range(levels):
            ways = math.lgamma(levels) - math.lgamma(k + 1.0) - math.lgamma(levels - k)
            state[n * levels + k] = light * math.exp(0.5 * (ways - spins * math.log(2.0)))
    for a in range(size):
        for b in range(size):
            element = state[max(a, b)] * state[min(a, b)].conjugate()
            rho[0, a, b] = element.real
            rho[1, a, b] = 0.0 if a == b else math.copysign(1.0, a - b) * element.imag


@jit
def observe(rho: np.ndarray, spins: int, out: np.ndarray) -> None:
    """Into `out` (8,): tr ρ, ⟨n⟩, ⟨J_z⟩, ⟨J_x⟩, ⟨J_x²⟩, Re ⟨a⟩, Im ⟨a⟩, weight of the two highest numbers n."""
    levels, size = spins + 1, rho.shape[1]
    rungs, spin = ladder(spins), 0.5 * spins
    out[:] = 0.0
    for a in range(size):
        n, k = a // levels, a % levels
        p, z = rho[0, a, a], k - spin
        out[0] += p
        out[1] += n * p
        out[2] += z * p
        out[4] += 0.5 * (spin * (spin + 1) - z * z) * p
        if k + 1 <= spins:
            out[3] += rungs[k] * rho[0, a, a + 1]
        if k + 2 <= spins:
            out[4] += 0.5 * rungs[k] * rungs[k + 1] * rho[0, a, a + 2]
        if a + levels < size:
            out[5] += math.sqrt(n + 1.0) * rho[0, a + levels, a]
            out[6] += math.sqrt(n + 1.0) * rho[1, a + levels, a]
        if a >= size - 2 * levels:
            out[7] += p


@jit
def wigner(
    state: np.ndarray,
    spins: int,
    constants: tuple[float, float, float],
    time_step: float,
    steps: int,
    stream: np.ndarray,
) -> None:
    """Trajectories of truncated Wigner in place, float64 (cavities, 5): Re a, Im a, s_x, s_y, s_z; a = α/√N, s = 2S/N.

    a' = -(i + κ)a - iλ s_x + √(κ/N) ξ and s' = (4λ Re a, 0, ω₀) × s; `constants`: λ, ω₀, κ. Half a step of light with
    its noise, exactly; a rotation; half a step of light: |s| is kept, order 2. `spins` 0: no noise (mean field).
    """
    coupling, splitting, loss = constants
    decay = math.exp(-0.5 * loss * time_step)
    c, s = decay * math.cos(0.5 * time_step), -decay * math.sin(0.5 * time_step)
    rest = 1 + loss * loss  # light at rest: -λ s_x (1 + iκ)/(1 + κ²)
    width = math.sqrt((1 - decay * decay) / (4 * spins)) if spins > 0 else 0.0
    for row in range(state.shape[0]):
        re, im, x, y, z = state[row]
        for _ in range(steps):
            for half in range(2):
                to_re, to_im = -coupling * x / rest, -coupling * x * loss / rest
                d_re, d_im = re - to_re, im - to_im
                re, im = to_re + c * d_re - s * d_im, to_im + s * d_re + c * d_im
                if spins > 0:
                    re += width * normal(stream)
                    im += width * normal(stream)
                if half == 1:
                    break
                bx = 4 * coupling * re
                speed = math.sqrt(bx * bx + splitting * splitting)
                u, w = bx / speed, splitting / speed
                turn, along = speed * time_step, u * x + w * z
                cos, sin = math.cos(turn), math.sin(turn)
                cx, cy, cz = -w * y, w * x - u * z, u * y  # axis × s
                x = cos * x + sin * cx + (1 - cos) * along * u
                y = cos * y + sin * cy
                z = cos * z + sin * cz + (1 - cos) * along * w
        state[row, 0], state[row, 1], state[row, 2], state[row, 3], state[row, 4] = re, im, x, y, z


@jit
def prepare(
    signs: np.ndarray, spins: int, constants: tuple[float, float, float], stream: np.ndarray, state: np.ndarray
) -> None:
    """Written cavities into `state` (cavities, 5): all spins along ±x, light at rest beside them, with the widths of
    Wigner's function of both (`spins` 0: without)."""
    coupling, _, loss = constants
    rest = 1 + loss * loss
    for row in range(signs.size):
        sign = float(signs[row])
        state[row, 0], state[row, 1] = -sign * coupling / rest, -sign * coupling * loss / rest
        state[row, 2], state[row, 3], state[row, 4] = sign, 0.0, 0.0
        if spins > 0:
            for column in range(2):
                state[row, column] += normal(stream) / math.sqrt(4.0 * spins)
            for column in range(3, 5):
                state[row, column] += normal(stream) / math.sqrt(1.0 * spins)
