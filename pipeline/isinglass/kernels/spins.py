"""Spins ±1 with Hebb couplings: heat-bath and zero-temperature steps, exact in integers.

Shapes: N spins, P patterns, W = ceil(N/64) words. `patterns` int8 (P, N) of ±1; `couplings` K = N·J, int8 or int16
(N, 64 W), symmetric with zero diagonal; `spins` int8 (64 W,) of ±1; `bits` uint64 (W,), the same spins packed (set =
+1); `fields` h_i = Σ_j K_ij s_j, int32 (64 W,), N times the physical field. Beyond N all are 0, but the fields FAR:
padding to whole vectors, and to whole cache lines, which `aligned` arrays start on. Only a flip touches the fields, in
O(N), so that they never drift. `clamped` uint8 (N,): where it is 1, the spin never moves. No step allocates anything.
"""

from __future__ import annotations

import math

import numpy as np
from numpy import typing as npt
from numpy import uint64

from isinglass.kernels.bits import dot, leading_zeros, pack, popcount, trailing_zeros
from isinglass.kernels.jit import jit
from isinglass.kernels.streams import choose, fill_uint64, jump, random_signs

ONE = 1 << 53
"""A threshold that every 53-bit random integer is below: probability 1."""
FAR = 2147483647
"""A field at which no spin flips."""
FLIPPED, ERASED_FREE, ERASED_CLAMPED = 0, 1, 2
"""Kinds of cue, see `make_cue`."""
OVERLAP, MAGNETISATION, PAIR, BLIND, ALIGNMENT, LAGGED = range(6)
"""Rows of `recall`'s series."""
CUE, FLIPS, SPURIOUS, PERIOD = range(4)
"""Columns of `recall`'s totals."""


def aligned(shape: tuple[int, ...], dtype: npt.DTypeLike) -> np.ndarray:
    """An array of zeros that starts on a cache line, whatever its shape and dtype."""
    size = np.dtype(dtype).itemsize * math.prod(shape)
    raw = np.zeros(size + 64, dtype=np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype).reshape(shape)


@jit
def _copy(source: np.ndarray, target: np.ndarray) -> None:
    """target[:n] = source (n,): numba takes 0.3 s to compile each such assignment, and all of them share this loop."""
    for i in range(source.size):
        target[i] = source[i]


@jit
def hebb(patterns: np.ndarray, couplings: np.ndarray) -> int:
    """Write K_ij = Σ_μ ξ_i^μ ξ_j^μ, K_ii = 0, into `couplings`[:, :N] and return the largest |K_ij|.

    Where that exceeds what the dtype of `couplings` holds, the contents are of no use. XOR and popcount of 64 patterns
    at a time, K = P - 2 unequal: whole rows, because the mirrored half by transposing costs more than computing it.
    """
    p, n = patterns.shape
    packed = np.zeros(((p + 63) // 64, n), dtype=np.uint64)
    for mu in range(p):
        for i in range(n):
            packed[mu // 64, i] |= uint64(patterns[mu, i] > 0) << uint64(mu % 64)
    unequal = np.empty(n, dtype=np.int64)
    largest = 0
    for i in range(n):
        for j in range(n):
            unequal[j] = 0
        for w in range(packed.shape[0]):
            words = packed[w]
            own = words[i]
            for j in range(n):
                unequal[j] += popcount(words[j] ^ own)
        row = couplings[i]
        for j in range(n):
            unequal[j] = p - 2 * unequal[j]
        unequal[i] = 0
        for j in range(n):
            largest = max(largest, abs(unequal[j]))
            row[j] = unequal[j]
    return largest


@jit
def hebb_fields(
    patterns: np.ndarray, pattern_bits: np.ndarray, bits: np.ndarray, spins: np.ndarray, fields: np.ndarray
) -> None:
    """Write h_i = Σ_j K_ij s_j = Σ_μ ξ_i^μ (ξ^μ·s) - P s_i into `fields`: O(PN), where the couplings take O(N²)."""
    p, n = patterns.shape
    for i in range(fields.size):
        fields[i] = -p * spins[i] if i < n else FAR
    for mu in range(p):
        row = patterns[mu]
        weight = np.int32(dot(pattern_bits[mu], bits, n))
        for i in range(n):
            fields[i] += weight * row[i]


@jit
def heat_bath_table(neurons: int, patterns: int, temperature: float) -> np.ndarray:
    """Thresholds of 53-bit random integers for P(s = +1) = 1/(1 + exp(-2h/(N T))), T > 0; int64 (top + 1,).

    Entry k belongs to the field h = 2k - top: h has the parity of P(N - 1) always. Beyond ±top the probability is 0 or
    1 to 53 bits, or no field gets there. Thresholds of h and -h add up to 1 exactly.
    """
    reach = patterns * (neurons - 1)
    top = np.int64(min(float(reach), math.ceil(18.8 * neurons * temperature) + 2.0))
    top += (reach - top) & 1
    table = np.empty(top + 1, dtype=np.int64)
    for k in range((top + 2) // 2):
        h = 2 * k - top  # <= 0
        table[k] = np.int64(np.rint(ONE / (1.0 + math.exp(-2.0 * h / (neurons * temperature)))))
        table[top - k] = ONE - table[k]
    return table


@jit
def flip(i: int, couplings: np.ndarray, spins: np.ndarray, bits: np.ndarray, fields: np.ndarray) -> None:
    """Flip spin i and carry the change into all fields."""
    change = np.int32(-2 * spins[i])
    for j in range(fields.size):  # no view of the row, no branch on the sign: 29 ns at N = 1000, else 70
        fields[j] += change * couplings[i, j]
    spins[i] = -spins[i]
    bits[i >> 6] ^= uint64(1) << uint64(i & 63)


@jit
def set_cuts(words: np.ndarray, scale: float, cuts: np.ndarray) -> None:
    """For random words (N,), bounds on the field at which a spin can still flip, into `cuts`[:N], int32; `scale` = N T.

    In the heat bath s = -1 flips if w < 2^64/(1 + exp(-2h/(N T))), which is below 2^64 exp(2h/(N T)). If w has l >= 1
    leading zeros, w >= 2^(63-l) and so h > -(l + 1) N T ln2/2: the cut, negative; if w has none, h > 0. For s = +1 the
    same holds with ~w and -h, and the cut is positive. The slack covers the rounding of the thresholds, and l > 40 (one
    in 10^12) counts as possible at any field. 0.2 ns a word; spares all but the flips and a few more the table.
    """
    unit = 0.5 * math.log(2.0) * scale
    slack = 1.0 + unit / 1024
    for i in range(words.size):
        sign = np.int64(words[i]) >> 63
        zeros = leading_zeros(uint64(np.int64(words[i]) ^ sign))
        bound = min(unit * (zeros + 1) + slack if zeros <= 40 else FAR, FAR)
        cuts[i] = np.int32(bound if sign else -bound)


@jit
def _near(word: int, spins: np.ndarray, fields: np.ndarray, cuts: np.ndarray) -> uint64:
    """Which of the 64 spins of a word might flip, as bits. h and the cut count from the spin's own side.

    For s = -1 that is -1 - h in place of h. 0.1 ns a spin: it vectorises, as long as the index is unsigned (a signed
    one could wrap around) and there are 64 (16 are unrolled into scalar code of 1.3 ns a spin).
    """
    near = uint64(0)
    for k in range(64):
        i = uint64(64 * word) + uint64(k)
        side = spins[i] >> 7
        near |= uint64((fields[i] ^ side) <= max(cuts[i] ^ side, 0)) << uint64(k)
    return near


@jit
def _moves(i: int, spins: np.ndarray, fields: np.ndarray, table: np.ndarray, words: np.ndarray) -> bool:
    """Whether spin i flips: by heat bath, or where `table` is empty (T = 0) if it points against its field."""
    top = table.size - 1
    if top < 0:
        return bool(spins[i] * fields[i] < 0)
    h = min(max(int(fields[i]), -top), top)
    up = np.int64(words[i] >> uint64(11)) < table[(h + top) >> 1]
    return bool(up != (spins[i] > 0))


@jit
def sequential_step(
    couplings: np.ndarray,
    spins: np.ndarray,
    bits: np.ndarray,
    fields: np.ndarray,
    clamped: np.ndarray,
    table: np.ndarray,
    words: np.ndarray,
    cuts: np.ndarray,
) -> int:
    """Update every spin once, in the order 0..N-1, each from the newest fields; return the number of flips.

    `table` of `heat_bath_table`, `words` N fresh random uint64 and their `cuts`. An empty `table` means T = 0:
    s = sign(h), unchanged where h = 0; all cuts are 0 then. Each single update obeys detailed balance with exp(-E/T),
    and so the Boltzmann distribution is stationary.
    """
    flips = 0
    for word in range(bits.size):
        near = _near(word, spins, fields, cuts)
        while near:
            k = trailing_zeros(near)
            i = 64 * word + k
            near &= near - uint64(1)
            if _moves(i, spins, fields, table, words) and not clamped[i]:
                flip(i, couplings, spins, bits, fields)
                flips += 1
                near = _near(word, spins, fields, cuts) & (uint64(0xFFFFFFFFFFFFFFFE) << uint64(k))  # those after i
    return flips


@jit
def parallel_step(
    couplings: np.ndarray,
    spins: np.ndarray,
    bits: np.ndarray,
    fields: np.ndarray,
    clamped: np.ndarray,
    table: np.ndarray,
    words: np.ndarray,
    cuts: np.ndarray,
    movers: np.ndarray,
) -> int:
    """Update every spin at once from the same fields (Little dynamics); return the number of flips.

    Arguments as in `sequential_step`; `movers` int64 (N,) is scratch. Stationary is ∏_i 2cosh(h_i/(N T)) (Peretto,
    Biol. Cybern. 50 (1984) 51), not Boltzmann.
    """
    flips = 0
    for word in range(bits.size):
        near = _near(word, spins, fields, cuts)
        while near:
            i = 64 * word + trailing_zeros(near)
            near &= near - uint64(1)
            if _moves(i, spins, fields, table, words) and not clamped[i]:
                movers[flips] = i
                flips += 1
    for k in range(flips):
        flip(movers[k], couplings, spins, bits, fields)
    return flips


@jit
def make_cue(
    stream: np.ndarray, message: np.ndarray, kind: int, count: int, spins: np.ndarray, clamped: np.ndarray
) -> None:
    """Write the start of a trajectory into `spins`[:N], and into `clamped` what stays put.

    First `count` of the N positions are drawn. FLIPPED: these are turned against the message, the rest equals it.
    ERASED_FREE: these keep the message, the rest is random ±1. ERASED_CLAMPED: the same, and what is kept never moves.
    """
    n = message.size
    order = np.empty(n, dtype=np.int64)
    for i in range(n):
        order[i] = i
        clamped[i] = 0
    choose(stream, count, order)
    if kind == FLIPPED:
        _copy(message, spins)
    else:
        random_signs(stream, spins[:n])
    for k in range(count):
        i = order[k]
        spins[i] = -message[i] if kind == FLIPPED else message[i]
        clamped[i] = kind == ERASED_CLAMPED


@jit
def recall(
    couplings: np.ndarray,
    patterns: np.ndarray,
    pattern_bits: np.ndarray,
    noise: np.ndarray,
    copies: int,
    kind: int,
    count: int,
    temperature: float,
    parallel: bool,
    equilibration: int,
    series: np.ndarray,
    totals: np.ndarray,
) -> None:
    """Recall from a cue: R replicas of `copies` trajectories in lock-step; pattern 0 is the message of a and b, 1 of c.

    `noise` uint64 (R, 4); `kind` and `count` as in `make_cue`; `pattern_bits` uint64 (P, W). Written are, for each of
    the measured steps, `series` int64 (R, 6, steps): a's overlap with its message, sum of spins, a·b, a·c, Σ s_i h_i
    (N² times minus twice the energy per neuron), and a(t)·a(t + steps//2) at t; and of a `totals` int64 (R, 4): overlap
    of the cue, flips in the window, max |ξ^μ·s| over μ > 0 in the end, period at T = 0 (1, 2, or 0 if not reached).
    """
    p, n = patterns.shape
    words = pattern_bits.shape[1]
    stride = 64 * words
    steps = series.shape[2]
    lag = steps // 2
    table = heat_bath_table(n, p, temperature) if temperature > 0 else np.empty(0, dtype=np.int64)
    streams = np.empty((copies, 4), dtype=np.uint64)
    spins = np.zeros((copies, stride), dtype=np.int8)
    bits = np.empty((copies, words), dtype=np.uint64)
    raw = np.zeros(copies * stride + 16, dtype=np.int32)
    start = (-raw.ctypes.data % 64) // 4  # on a cache line, see `aligned`
    fields = raw[start : start + copies * stride].reshape((copies, stride))
    clamped = np.empty((copies, n), dtype=np.uint8)
    draws = np.empty(n, dtype=np.uint64)
    cuts = np.zeros(stride, dtype=np.int32)
    movers = np.empty(n, dtype=np.int64)
    history = np.zeros((lag, words), dtype=np.uint64)
    recent = np.zeros((2, words), dtype=np.uint64)
    settled = np.empty(copies, dtype=np.bool_)
    for r in range(noise.shape[0]):
        for c in range(copies):
            _copy(noise[r], streams[c])
            settled[c] = False
            for _ in range(c):
                jump(streams[c])
            message = 1 if c == 2 and p > 1 else 0
            make_cue(streams[c], patterns[message], kind, count, spins[c], clamped[c])
            pack(spins[c], bits[c])
            hebb_fields(patterns, pattern_bits, bits[c], spins[c], fields[c])
        totals[r, CUE] = dot(bits[0], pattern_bits[0], n)
        totals[r, FLIPS] = 0
        moved = 0
        for t in range(-equilibration, steps):
            _copy(recent[0], recent[1])
            _copy(bits[0], recent[0])
            for c in range(copies):
                if settled[c]:  # at T = 0 all later steps are the same
                    continue
                if table.size:
                    fill_uint64(streams[c], draws)
                    set_cuts(draws, n * temperature, cuts)
                s, b, h, fixed = spins[c], bits[c], fields[c], clamped[c]
                if parallel:
                    flips = parallel_step(couplings, s, b, h, fixed, table, draws, cuts, movers)
                else:
                    flips = sequential_step(couplings, s, b, h, fixed, table, draws, cuts)
                settled[c] = flips == 0 and table.size == 0
                if c == 0:
                    moved = flips
                    if t >= 0:
                        totals[r, FLIPS] += flips
            if t >= 0:
                _measure(r, t, n, spins, bits, fields, pattern_bits, history, series)
        totals[r, SPURIOUS] = 0
        for mu in range(1, p):
            totals[r, SPURIOUS] = max(totals[r, SPURIOUS], abs(dot(bits[0], pattern_bits[mu], n)))
        totals[r, PERIOD] = 0
        if table.size == 0:
            if moved == 0:
                totals[r, PERIOD] = 1
            elif parallel and dot(bits[0], recent[1], n) == n:
                totals[r, PERIOD] = 2


@jit
def _measure(
    r: int,
    t: int,
    n: int,
    spins: np.ndarray,
    bits: np.ndarray,
    fields: np.ndarray,
    pattern_bits: np.ndarray,
    history: np.ndarray,
    series: np.ndarray,
) -> None:
    """One column of `recall`'s series. Packed, so that all but the energy cost N/64 operations."""
    own = bits[0]
    series[r, OVERLAP, t] = dot(own, pattern_bits[0], n)
    ups = 0
    for w in range(own.size):
        ups += popcount(own[w])
    series[r, MAGNETISATION, t] = 2 * ups - n
    if bits.shape[0] == 3:
        series[r, PAIR, t] = dot(own, bits[1], n)
        series[r, BLIND, t] = dot(own, bits[2], n)
    alignment = 0
    s, h = spins[0], fields[0]
    for i in range(n):
        alignment += s[i] * h[i]
    series[r, ALIGNMENT, t] = alignment
    lag = history.shape[0]
    if t >= lag:
        series[r, LAGGED, t - lag] = dot(history[t % lag], own, n)
    _copy(own, history[t % lag])
