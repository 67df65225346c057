"""Attractor networks of spins ±1 with real couplings: three learning rules, faults of the couplings, and recall.

Shapes: N spins, P patterns. `patterns` int8 (P, N) of ±1; `couplings` K = N·J float64 (N, N), symmetric with zero
diagonal unless said; fields h_i = Σ_j K_ij s_j float64 (N,), N times the physical field, changed by flips only, in
O(N). Hebb couplings are whole numbers, exactly. Sums run along rows, so that they are vectorised without being
reordered: the bits do not depend on the processor.
"""

from __future__ import annotations

import math

import numpy as np
from numpy import uint64

from isinglass.kernels.jit import jit
from isinglass.kernels.spins import FLIPPED, ONE, make_cue
from isinglass.kernels.streams import fill_uint64, jump, normal, uniform

TIE = 1e-9
"""Fields h_i/N no larger than this leave a spin as it is at T = 0: what rounding makes of a field that is zero."""
DEPENDENT = 1e-9
"""Share of a pattern's square outside of the span of those before it, below which it counts as within."""
OVERLAP, MAGNETISATION, PAIR, BLIND = range(4)
"""Rows of `series`: a's overlap with its message, sum of spins, a·b, a·c."""
CUE, SPURIOUS, MOVED = range(3)
"""Columns of `ends`: overlap of the cue, max |ξ^μ·s| over μ > 0 in the end, flips of the last step."""


@jit
def _add(target: np.ndarray, weight: float, row: np.ndarray) -> None:
    """target += weight·row, (n,)."""
    for i in range(target.size):
        target[i] += weight * row[i]


@jit
def find_fields(couplings: np.ndarray, spins: np.ndarray, fields: np.ndarray) -> None:
    """h_i = Σ_j K_ij s_j from scratch, into `fields`; `spins` int8 (N,)."""
    fields[:] = 0.0
    for i in range(spins.size):
        _add(fields, float(spins[i]), couplings[i])


@jit
def no_diagonal(couplings: np.ndarray) -> None:
    """K_ii = 0."""
    for i in range(couplings.shape[0]):
        couplings[i, i] = 0.0


@jit
def hebb(patterns: np.ndarray, couplings: np.ndarray) -> None:
    """K_ij = Σ_μ ξ_i^μ ξ_j^μ."""
    couplings[:] = 0.0
    for mu in range(patterns.shape[0]):
        for i in range(patterns.shape[1]):
            _add(couplings[i], float(patterns[mu, i]), patterns[mu])
    no_diagonal(couplings)


@jit
def storkey(patterns: np.ndarray, couplings: np.ndarray) -> None:
    """Pattern after pattern, ΔK_ij = ξ_i ξ_j - ξ_i h_ji - h_ij ξ_j with h_ij = (1/N) Σ_{k≠i,j} K_ik ξ_k; O(P N²).

    With H_i = h_ij + K_ij ξ_j/N, which does not depend on j, ΔK_ij = ξ_i ξ_j - ξ_i H_j - H_i ξ_j + 2K_ij/N.
    """
    n = patterns.shape[1]
    couplings[:] = 0.0
    fields, pattern = np.empty(n), np.empty(n)
    for mu in range(patterns.shape[0]):
        fields[:] = 0.0
        for i in range(n):
            pattern[i] = patterns[mu, i]
            _add(fields, pattern[i] / n, couplings[i])
        for i in range(n):
            row, own, field = couplings[i], pattern[i], fields[i]
            for j in range(n):
                row[j] += (own - field) * pattern[j] - own * fields[j] + row[j] * (2.0 / n)
            row[i] = 0.0


@jit
def pseudo_inverse(patterns: np.ndarray, couplings: np.ndarray) -> int:
    """K = N times the projector on the span of the patterns, diagonal kept; returns the span's dimension. O(N²P + NP²).

    Cholesky's factors of the patterns' overlaps C, C = L Lᵀ, give an orthonormal basis L⁻¹ξ. A pattern within the
    span of those before it is left out, which leaves the projector what it is: the Moore-Penrose inverse.
    """
    p, n = patterns.shape
    gram = np.empty((p, p))
    for mu in range(p):
        for nu in range(p):
            total = 0
            for i in range(n):
                total += patterns[mu, i] * patterns[nu, i]
            gram[mu, nu] = total
    basis = np.empty((p, n))
    couplings[:] = 0.0
    rank = 0
    for mu in range(p):
        if gram[mu, mu] < DEPENDENT * n:
            gram[mu] = 0.0
            continue
        rank += 1
        scale = 1 / math.sqrt(gram[mu, mu])
        for i in range(n):
            basis[mu, i] = patterns[mu, i]
        # rows of `gram` hold Lᵀ, those before mu scaled already
        for nu in range(mu):
            if gram[nu, nu] != 0:
                _add(basis[mu], -gram[nu, mu], basis[nu])
        for i in range(n):
            basis[mu, i] *= scale
        for nu in range(mu, p):
            gram[mu, nu] *= scale
        for nu in range(mu + 1, p):
            _add(gram[nu, nu:], -gram[mu, nu], gram[mu, nu:])
        for i in range(n):
            _add(couplings[i], n * basis[mu, i], basis[mu])
    return rank


@jit
def disturb(stream: np.ndarray, weight_noise: float, dilution: float, couplings: np.ndarray) -> None:
    """Add normal numbers of `weight_noise` times the root mean square coupling, then cut a share of them; symmetric.

    Both are drawn whatever their size, noise from the first jump of `stream`, cuts from the second: the same numbers at
    every size, so that the couplings cut at one dilution are among those cut at a larger one.
    """
    n = couplings.shape[0]
    square = 0.0
    for i in range(n):
        for j in range(n):
            square += couplings[i, j] * couplings[i, j]
    width = weight_noise * math.sqrt(square / (n * (n - 1)))
    jump(stream)
    cuts = stream.copy()
    jump(cuts)
    for i in range(n):
        for j in range(i):
            value = couplings[i, j] + width * normal(stream)
            if uniform(cuts) < dilution:
                value = 0.0
            couplings[i, j] = value
            couplings[j, i] = value


@jit
def measure(t: int, spins: np.ndarray, message: np.ndarray, series: np.ndarray) -> None:
    """One column of the series, int64 (4, M), from the spins of all copies, int8 (C, N)."""
    overlap, ups, pair, blind = 0, 0, 0, 0
    last = len(spins) - 1  # of one copy alone a·a is written, and not used
    for i in range(message.size):
        overlap += spins[0, i] * message[i]
        ups += spins[0, i]
        pair += spins[0, i] * spins[min(1, last), i]
        blind += spins[0, i] * spins[last, i]
    series[OVERLAP, t], series[MAGNETISATION, t], series[PAIR, t], series[BLIND, t] = overlap, ups, pair, blind


@jit
def turns(spin: int, field: float, scale: float, temperature: float, word: uint64) -> bool:
    """Whether a spin in the field h = `field`/`scale` turns: at T = 0 against it, beyond TIE; else by heat bath.

    The heat bath takes one random `word` and the thresholds of `kernels.spins.heat_bath_table`.
    """
    if temperature == 0:
        return bool(spin * field < -TIE * scale)
    size = min(2 * abs(field) / (scale * temperature), 700.0)
    rare = np.int64(np.rint(ONE / (1.0 + math.exp(size))))
    up = np.int64(word >> uint64(11)) < (ONE - rare if field > 0 else rare)
    return bool(up != (spin > 0))


@jit
def step(couplings: np.ndarray, temperature: float, words: np.ndarray, spins: np.ndarray, fields: np.ndarray) -> int:
    """Update every spin once, in the order 0..N-1, from `words` (N,) as `turns` says; return the number of flips."""
    n = spins.size
    flips = 0
    for i in range(n):
        if turns(spins[i], fields[i], float(n), temperature, words[i]):
            _add(fields, -2.0 * spins[i], couplings[i])
            spins[i] = -spins[i]
            flips += 1
    return flips


@jit
def recall(
    couplings: np.ndarray,
    patterns: np.ndarray,
    temperature: float,
    wrong: int,
    equilibration: int,
    noise: np.ndarray,
    series: np.ndarray,
    energy: np.ndarray,
    ends: np.ndarray,
    spins: np.ndarray,
) -> None:
    """R replicas of C copies from cues with `wrong` neurons flipped: E steps of equilibration, then M measured.

    `noise` uint64 (R, 4). Written: `series` int64 (R, 4, M), `energy` float64 (R, M), `ends` int64 (R, 3), and the
    final `spins` int8 (R, C, N).
    """
    p, n = patterns.shape
    copies = spins.shape[1]
    streams = np.empty((copies, 4), dtype=np.uint64)
    fields = np.empty((copies, n))
    clamped = np.empty(n, dtype=np.uint8)
    words = np.empty(n, dtype=np.uint64)
    settled = np.empty(copies, dtype=np.bool_)
    for r in range(noise.shape[0]):
        for c in range(copies):
            streams[c] = noise[r]
            for _ in range(c):
                jump(streams[c])
            message = 1 if c == 2 and p > 1 else 0
            make_cue(streams[c], patterns[message], FLIPPED, wrong, spins[r, c], clamped)
            find_fields(couplings, spins[r, c], fields[c])
            settled[c] = False
        ends[r, CUE] = 0
        for i in range(n):
            ends[r, CUE] += spins[r, 0, i] * patterns[0, i]
        for t in range(-equilibration, series.shape[2]):
            for c in range(copies):
                if settled[c]:
                    continue
                if temperature > 0:
                    fill_uint64(streams[c], words)
                flips = step(couplings, temperature, words, spins[r, c], fields[c])
                settled[c] = flips == 0 and temperature == 0
                if c == 0:
                    ends[r, MOVED] = flips
            if t >= 0:
                measure(t, spins[r], patterns[0], series[r])
                alignment = 0.0
                for i in range(n):
                    alignment += spins[r, 0, i] * fields[0, i]
                energy[r, t] = -0.5 * alignment / (float(n) * n)
        ends[r, SPURIOUS] = 0
        for mu in range(1, p):
            total = 0
            for i in range(n):
                total += patterns[mu, i] * spins[r, 0, i]
            ends[r, SPURIOUS] = max(ends[r, SPURIOUS], abs(total))
