"""Dense associative memory of spins ±1, updated in pattern space: O(P) a spin, exact in integers for powers.

Shapes: N spins, P patterns. `signs` int8 (N, P) of ±1, a row for each spin; a state is `spins` int8 (N,) with its
overlaps M_μ = Σ_i ξ_i^μ s_i, int64 (P,), changed by flips only. `order` n = 2, 3, 4 for powers, 0 for the exponential.
With R_μ = M_μ - ξ_i^μ s_i the field of spin i is h_i = ½[E(s_i = -1) - E(s_i = +1)], which does not depend on s_i:

    n = 2, 3, 4   E = -Σ_μ M_μ^n/(n N^(n-1))   h_i = Σ_μ ξ_i R, Σ_μ ξ_i(3R² + 1), Σ_μ ξ_i(R³ + R) over `scale`
    exponential   E = -ln Σ_μ exp(M_μ)         h_i = ½ ln[(e S₊ + S₋/e)/(S₊/e + e S₋)], S± = Σ exp R where ξ_i = ±1
"""

from __future__ import annotations

import math

import numpy as np

from isinglass.kernels.attractors import CUE, MOVED, SPURIOUS, TIE, measure, turns
from isinglass.kernels.jit import jit
from isinglass.kernels.spins import FLIPPED, make_cue
from isinglass.kernels.streams import fill_uint64, jump, random_signs

EXPONENTIAL = 0
LEVEL = 1e-12
"""S₊ and S₋ that differ by no larger share are equal, but for rounding: the field is zero."""


@jit
def store(stream: np.ndarray, signs: np.ndarray) -> None:
    """Draw P patterns, N signs after N signs, into `signs` (N, P)."""
    n, p = signs.shape
    drawn = np.empty(p * n, dtype=np.int8)
    random_signs(stream, drawn)
    for first in range(0, p, 64):
        for i in range(n):
            for mu in range(first, min(first + 64, p)):
                signs[i, mu] = drawn[mu * n + i]


@jit
def find_overlaps(signs: np.ndarray, spins: np.ndarray, overlaps: np.ndarray) -> None:
    """M from scratch."""
    overlaps[:] = 0
    for i in range(spins.size):
        _shift(signs[i], int(spins[i]), overlaps)


@jit
def _shift(row: np.ndarray, weight: int, overlaps: np.ndarray) -> None:
    for mu in range(row.size):
        overlaps[mu] += weight * row[mu]


@jit
def scale(order: int, n: int) -> float:
    """What `field` is to be divided by: 1 is the field of a retrieved pattern, to leading order in 1/N."""
    if order == 2:
        return float(n)
    if order == 3:
        return 3.0 * n * n
    return float(n) ** 3 if order == 4 else 1.0


@jit
def field(order: int, row: np.ndarray, spin: int, overlaps: np.ndarray) -> float:
    """`scale` times the field on the spin with this row of signs; whole numbers below 2^53 for powers."""
    own, total = np.int64(spin), np.int64(0)
    if order == 2:
        for mu in range(row.size):
            total += row[mu] * (overlaps[mu] - own * row[mu])
    elif order == 3:
        for mu in range(row.size):
            rest = overlaps[mu] - own * row[mu]
            total += row[mu] * (3 * rest * rest + 1)
    elif order == 4:
        for mu in range(row.size):
            rest = overlaps[mu] - own * row[mu]
            total += row[mu] * rest * (rest * rest + 1)
    else:
        return _exponential_field(row, int(own), overlaps)
    return float(total)


@jit
def _exponential_field(row: np.ndarray, own: int, overlaps: np.ndarray) -> float:
    largest = overlaps[0]
    for mu in range(row.size):
        largest = max(largest, overlaps[mu])
    plus, minus = 0.0, 0.0
    for mu in range(row.size):
        weight = math.exp(float(overlaps[mu] - own * row[mu] - largest))
        if row[mu] > 0:
            plus += weight
        else:
            minus += weight
    if abs(plus - minus) <= LEVEL * (plus + minus):
        return 0.0
    e = math.e
    return float(0.5 * math.log((e * plus + minus / e) / (plus / e + e * minus)))


@jit
def energy(order: int, n: int, overlaps: np.ndarray) -> float:
    """E/N."""
    if order == EXPONENTIAL:
        largest, total = overlaps[0], 0.0
        for mu in range(overlaps.size):
            largest = max(largest, overlaps[mu])
        for mu in range(overlaps.size):
            total += math.exp(float(overlaps[mu] - largest))
        return float(-(largest + math.log(total)) / n)
    power = np.int64(0)
    for mu in range(overlaps.size):
        square = overlaps[mu] * overlaps[mu]
        power += square if order == 2 else square * overlaps[mu] if order == 3 else square * square
    return -float(power) / (order * float(n) ** order)


@jit
def step(
    order: int, signs: np.ndarray, temperature: float, words: np.ndarray, spins: np.ndarray, overlaps: np.ndarray
) -> int:
    """Update every spin once, in the order 0..N-1, from `words` (N,) as `attractors.turns` says; return the flips."""
    n, flips = spins.size, 0
    unit = scale(order, n)
    for i in range(n):
        if turns(spins[i], field(order, signs[i], spins[i], overlaps), unit, temperature, words[i]):
            _shift(signs[i], int(-2 * spins[i]), overlaps)
            spins[i] = -spins[i]
            flips += 1
    return flips


@jit
def recall(
    order: int,
    signs: np.ndarray,
    messages: np.ndarray,
    temperature: float,
    wrong: int,
    equilibration: int,
    noise: np.ndarray,
    series: np.ndarray,
    energies: np.ndarray,
    ends: np.ndarray,
    spins: np.ndarray,
) -> None:
    """As `attractors.recall`: R replicas of C copies from cues with `wrong` neurons flipped.

    `messages` int8 (1 or 2, N), the patterns 0 and 1.
    """
    n, p = signs.shape
    copies = spins.shape[1]
    streams = np.empty((copies, 4), dtype=np.uint64)
    overlaps = np.empty((copies, p), dtype=np.int64)
    clamped = np.empty(n, dtype=np.uint8)
    words = np.empty(n, dtype=np.uint64)
    settled = np.empty(copies, dtype=np.bool_)
    for r in range(noise.shape[0]):
        for c in range(copies):
            streams[c] = noise[r]
            for _ in range(c):
                jump(streams[c])
            make_cue(streams[c], messages[1 if c == 2 and p > 1 else 0], FLIPPED, wrong, spins[r, c], clamped)
            find_overlaps(signs, spins[r, c], overlaps[c])
            settled[c] = False
        ends[r, CUE] = overlaps[0, 0]
        for t in range(-equilibration, series.shape[2]):
            for c in range(copies):
                if settled[c]:
                    continue
                if temperature > 0:
                    fill_uint64(streams[c], words)
                flips = step(order, signs, temperature, words, spins[r, c], overlaps[c])
                settled[c] = flips == 0 and temperature == 0
                if c == 0:
                    ends[r, MOVED] = flips
            if t >= 0:
                measure(t, spins[r], messages[0], series[r])
                energies[r, t] = energy(order, n, overlaps[0])
        ends[r, SPURIOUS] = 0
        for mu in range(1, p):
            ends[r, SPURIOUS] = max(ends[r, SPURIOUS], abs(overlaps[0, mu]))


@jit
def unstable(order: int, signs: np.ndarray, spins: np.ndarray) -> int:
    """How many spins of a state point against their field."""
    n, out = spins.size, 0
    overlaps = np.empty(signs.shape[1], dtype=np.int64)
    find_overlaps(signs, spins, overlaps)
    for i in range(n):
        out += spins[i] * field(order, signs[i], spins[i], overlaps) < -TIE * scale(order, n)
    return out
