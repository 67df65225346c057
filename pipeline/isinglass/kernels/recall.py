"""Recall from a cue: trajectories of spins ±1 in lock-step, in steps that can be resumed.

Shapes: R replicas of C copies (a, b, c) of N spins; W = ceil(N/64) words; a window of M measured steps behind E steps
of equilibration. `patterns` int8 (P, N) and packed `pattern_bits` uint64 (P, W); pattern 0 is the message of a and b, 1
of c. The state of a run, all that its continuation needs: `streams` uint64 (R, C, 4); `bits` uint64 (R, C, W), the
spins; `held` uint64 (R, C, W), set where a spin is clamped; `recent` uint64 (R, 2, W), a's spins one and two steps ago;
`settled` uint8 (R, C), 1 where nothing moves any more (T = 0); `counters` int64 (R, 3); `history` uint64 (R, M, W), a's
spins, and `series` int64 (R, 5, M) in the window. The fields follow from the spins.
"""

from __future__ import annotations

import numpy as np
from numpy import uint64

from isinglass.kernels.bits import dot, pack, popcount, unpack
from isinglass.kernels.jit import jit
from isinglass.kernels.spins import (
    copy,
    heat_bath_table,
    hebb_fields,
    make_cue,
    parallel_step,
    sequential_step,
    set_cuts,
)
from isinglass.kernels.streams import fill_uint64, jump

OVERLAP, MAGNETISATION, PAIR, BLIND, ALIGNMENT = range(5)
"""Rows of `series`: a's overlap with its message, sum of spins, a·b, a·c, Σ s_i h_i (N² times -2 E/N)."""
CUE, FLIPS, MOVED = range(3)
"""Columns of `counters`: overlap of the cue, flips in the window, flips of a's last step."""
SPURIOUS, PERIOD = range(2)
"""Columns of `conclude`'s totals: max |ξ^μ·s| over μ > 0 in the end, period at T = 0 (1, 2, or 0 if not reached)."""


@jit
def begin(
    patterns: np.ndarray,
    pattern_bits: np.ndarray,
    noise: np.ndarray,
    kind: int,
    count: int,
    streams: np.ndarray,
    bits: np.ndarray,
    held: np.ndarray,
    settled: np.ndarray,
    counters: np.ndarray,
) -> None:
    """The cues, before the first step: `noise` uint64 (R, 4), `kind` and `count` as in `make_cue`.

    What else the state holds is written before it is read.
    """
    p, n = patterns.shape
    spins = np.zeros(64 * bits.shape[2], dtype=np.int8)
    clamped = np.empty(n, dtype=np.uint8)
    for r in range(noise.shape[0]):
        for c in range(bits.shape[1]):
            copy(noise[r], streams[r, c])
            for _ in range(c):
                jump(streams[r, c])
            message = 1 if c == 2 and p > 1 else 0
            make_cue(streams[r, c], patterns[message], kind, count, spins, clamped)
            pack(spins, bits[r, c])
            pack(clamped, held[r, c])
            settled[r, c] = 0
        counters[r, FLIPS] = counters[r, MOVED] = 0
        counters[r, CUE] = dot(bits[r, 0], pattern_bits[0], n)


@jit
def advance(
    couplings: np.ndarray,
    patterns: np.ndarray,
    pattern_bits: np.ndarray,
    temperature: float,
    parallel: bool,
    equilibration: int,
    first: int,
    last: int,
    streams: np.ndarray,
    bits: np.ndarray,
    held: np.ndarray,
    recent: np.ndarray,
    settled: np.ndarray,
    counters: np.ndarray,
    history: np.ndarray,
    series: np.ndarray,
) -> None:
    """Steps `first` to `last` (exclusive) of a run that counts them from its cue; all state arrays are carried on."""
    n = patterns.shape[1]
    copies, words = bits.shape[1], bits.shape[2]
    stride = 64 * words
    table = heat_bath_table(n, len(patterns), temperature) if temperature > 0 else np.empty(0, dtype=np.int64)
    spins = np.zeros((copies, stride), dtype=np.int8)
    raw = np.zeros(copies * stride + 16, dtype=np.int32)
    start = (-raw.ctypes.data % 64) // 4  # on a cache line, see `spins.aligned`
    fields = raw[start : start + copies * stride].reshape((copies, stride))
    clamped = np.empty((copies, n), dtype=np.uint8)
    draws = np.empty(n, dtype=np.uint64)
    cuts = np.zeros(stride, dtype=np.int32)
    movers = np.empty(n, dtype=np.int64)
    for r in range(bits.shape[0]):
        for c in range(copies):
            unpack(bits[r, c], n, spins[c])
            for i in range(n):
                clamped[c, i] = (held[r, c, i >> 6] >> uint64(i & 63)) & uint64(1)
            hebb_fields(patterns, pattern_bits, bits[r, c], spins[c], fields[c])
        for step in range(first, last):
            t = step - equilibration
            copy(recent[r, 0], recent[r, 1])
            copy(bits[r, 0], recent[r, 0])
            for c in range(copies):
                if settled[r, c]:  # at T = 0 all later steps are the same
                    continue
                if table.size:
                    fill_uint64(streams[r, c], draws)
                    set_cuts(draws, n * temperature, cuts)
                s, b, h, fixed = spins[c], bits[r, c], fields[c], clamped[c]
                if parallel:
                    flips = parallel_step(couplings, s, b, h, fixed, table, draws, cuts, movers)
                else:
                    flips = sequential_step(couplings, s, b, h, fixed, table, draws, cuts)
                settled[r, c] = flips == 0 and table.size == 0
                if c == 0:
                    counters[r, MOVED] = flips
                    if t >= 0:
                        counters[r, FLIPS] += flips
            if t >= 0:
                copy(bits[r, 0], history[r, t])
                _measure(t, n, spins[0], bits[r], fields[0], pattern_bits[0], series[r])


@jit
def _measure(
    t: int,
    n: int,
    spins: np.ndarray,
    bits: np.ndarray,
    fields: np.ndarray,
    message: np.ndarray,
    series: np.ndarray,
) -> None:
    """One column of the series. Packed, so that all but the energy cost N/64 operations."""
    own = bits[0]
    series[OVERLAP, t] = dot(own, message, n)
    ups = 0
    for w in range(own.size):
        ups += popcount(own[w])
    series[MAGNETISATION, t] = 2 * ups - n
    if bits.shape[0] == 3:
        series[PAIR, t] = dot(own, bits[1], n)
        series[BLIND, t] = dot(own, bits[2], n)
    alignment = 0
    for i in range(n):
        alignment += spins[i] * fields[i]
    series[ALIGNMENT, t] = alignment


@jit
def conclude(
    pattern_bits: np.ndarray,
    n: int,
    parallel: bool,
    cold: bool,
    bits: np.ndarray,
    recent: np.ndarray,
    counters: np.ndarray,
    history: np.ndarray,
    lagged: np.ndarray,
    totals: np.ndarray,
) -> None:
    """What is known at the end of a run only: `lagged` int64 (R, M - L), a(t)·a(t + L) at lag L; `totals` int64 (R, 2).

    `cold`: T = 0, where a period is looked for.
    """
    lag = history.shape[1] - lagged.shape[1]
    for r in range(bits.shape[0]):
        for t in range(lagged.shape[1]):
            lagged[r, t] = dot(history[r, t], history[r, t + lag], n)
        totals[r, SPURIOUS] = 0
        for mu in range(1, len(pattern_bits)):
            totals[r, SPURIOUS] = max(totals[r, SPURIOUS], abs(dot(bits[r, 0], pattern_bits[mu], n)))
        totals[r, PERIOD] = 0
        if cold:
            if counters[r, MOVED] == 0:
                totals[r, PERIOD] = 1
            elif parallel and dot(bits[r, 0], recent[r, 1], n) == n:
                totals[r, PERIOD] = 2
