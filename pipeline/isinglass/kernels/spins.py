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

from isinglass.kernels.bits import dot, leading_zeros, popcount, trailing_zeros
from isinglass.kernels.jit import jit
from isinglass.kernels.streams import choose, random_signs

ONE = 1 << 53
"""A threshold that every 53-bit random integer is below: probability 1."""
FAR = 2147483647
"""A field at which no spin flips."""
FLIPPED, ERASED_FREE, ERASED_CLAMPED = 0, 1, 2
"""Kinds of cue, see `make_cue`."""


def aligned(shape: tuple[int, ...], dtype: npt.DTypeLike) -> np.ndarray:
    """An array of zeros that starts on a cache line, whatever its shape and dtype."""
    size = np.dtype(dtype).itemsize * math.prod(shape)
    raw = np.zeros(size + 64, dtype=np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype).reshape(shape)


@jit
def copy(source: np.ndarray, target: np.ndarray) -> None:
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
        copy(message, spins)
    else:
        random_signs(stream, spins[:n])
    for k in range(count):
        i = order[k]
        spins[i] = -message[i] if kind == FLIPPED else message[i]
        clamped[i] = kind == ERASED_CLAMPED
