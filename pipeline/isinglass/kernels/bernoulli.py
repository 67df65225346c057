"""Random words of 64 independent bits of given probability, from a bank of xoshiro256++ streams.

A bank is uint64 (4, BANK): the streams of `kernels.streams` side by side, column k a stream of its own, so that the
compiler puts several into one vector register. A bit that is 1 with probability p comes from DIGITS random words: they
are the binary digits of 64 uniform numbers, compared with a threshold, lowest digit first, by one majority each. The
threshold is ⌊2^DIGITS p + u⌋ with a new uniform u each time it is asked for: so the probability of each bit is exactly
p, and what is left is a covariance of at most 2^-DIGITS min(p, 2^-DIGITS/4) between bits of one threshold. One random
number shared by the 64 bits would not do: replicas driven by it coalesce.
"""

from __future__ import annotations

import numpy as np
from numpy import uint64

from isinglass.kernels.jit import jit
from isinglass.kernels.streams import jump, uniform

BANK = 32
"""Streams side by side."""
DIGITS = 16
"""Binary digits of a probability; the rest is dithered."""

_ONES = uint64(0xFFFFFFFFFFFFFFFF)


@jit
def open_bank(stream: np.ndarray, copy: int, bank: np.ndarray, dither: np.ndarray) -> None:
    """Fill `bank`, uint64 (4, BANK), and `dither`, uint64 (4,), of copy 0, 1 or 2 from `stream`, uint64 (4,).

    `dither` is jump `copy` of the stream, column k of the bank jump 3(k + 1) + copy: none overlap, whichever copies
    are made. `stream` is not written to.
    """
    s = stream.copy()
    for _ in range(copy):
        jump(s)
    dither[:] = s
    for k in range(bank.shape[1]):
        for _ in range(3):
            jump(s)
        bank[:, k] = s


@jit
def threshold(probability: float, dither: np.ndarray, digits: np.ndarray) -> uint64:
    """Write the binary digits of a dithered threshold as words of 0s or 1s into `digits`, uint64 (DIGITS,).

    Returns the word to begin the comparison with: all ones where the probability is rounded to 1.
    """
    cut = int(probability * 2.0**DIGITS + uniform(dither))
    full = cut >> DIGITS
    cut -= full
    for k in range(DIGITS):
        digits[k] = _ONES if (cut >> k) & 1 else uint64(0)
    return _ONES if full else uint64(0)


@jit
def _majority(a: uint64, b: uint64, c: uint64) -> uint64:
    return (a & b) | (c & (a | b))


@jit
def _digit(
    s0: uint64, s1: uint64, s2: uint64, s3: uint64, x: uint64, y: uint64, dx: uint64, dy: uint64
) -> tuple[uint64, uint64, uint64, uint64, uint64, uint64, uint64]:
    """One draw of `kernels.streams.next_uint64`, compared with a digit of two thresholds."""
    z = s0 + s3
    r = ((z << uint64(23)) | (z >> uint64(41))) + s0
    t = s1 << uint64(17)
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= t
    s3 = (s3 << uint64(45)) | (s3 >> uint64(19))
    return s0, s1, s2, s3, _majority(r, dx, x), _majority(r, dy, y), r


@jit
def fill_words(bank: np.ndarray, out: np.ndarray) -> None:
    """Fill `out`, uint64 (n,), n a multiple of BANK, with words of fair bits."""
    for start in range(0, out.size, BANK):
        for k in range(BANK):
            s0, s1, s2, s3, _, _, r = _digit(
                bank[0, k], bank[1, k], bank[2, k], bank[3, k], uint64(0), uint64(0), uint64(0), uint64(0)
            )
            out[start + k] = r
            bank[0, k], bank[1, k], bank[2, k], bank[3, k] = s0, s1, s2, s3


@jit
def fill_pairs(
    bank: np.ndarray,
    first: uint64,
    second: uint64,
    digits: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    coin: np.ndarray,
) -> None:
    """Fill `x` and `y`, uint64 (n,), n a multiple of BANK, with bits of two probabilities, `coin` with fair ones.

    `first`, `second` and `digits`, uint64 (2, DIGITS), as `threshold` gives them. The three come from the same
    uniform numbers: of the three bits at one place only one may be used.
    """
    d, e = digits[0], digits[1]
    d0, d1, d2, d3, d4, d5, d6, d7 = d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]
    d8, d9, d10, d11, d12, d13, d14, d15 = d[8], d[9], d[10], d[11], d[12], d[13], d[14], d[15]
    e0, e1, e2, e3, e4, e5, e6, e7 = e[0], e[1], e[2], e[3], e[4], e[5], e[6], e[7]
    e8, e9, e10, e11, e12, e13, e14, e15 = e[8], e[9], e[10], e[11], e[12], e[13], e[14], e[15]
    t0, t1, t2, t3 = bank[0], bank[1], bank[2], bank[3]
    for start in range(0, x.size, BANK):
        u, v, w = x[start : start + BANK], y[start : start + BANK], coin[start : start + BANK]
        for k in range(BANK):
            s0, s1, s2, s3, a, b = t0[k], t1[k], t2[k], t3[k], first, second
            s0, s1, s2, s3, a, b, _ = _digit(s0, s1, s2, s3, a, b, d0, e0)
            s0, s1, s2, s3, a, b, _ = _digit(s0, s1, s2, s3, a, b, d1, e1)
            s0, s1, s2, s3, a, b, _ = _digit(s0, s1, s2, s3, a, b, d2, e2)
            s0, s1, s2, s3, a, b, _ = _digit(s0, s1, s2, s3, a, b, d3, e3)
            s0, s1, s2, s3, a, b, _ = _digit(s0, s1, s2, s3, a, b, d4, e4)
            s0, s1, s2, s3, a, b, _ = _digit(s0, s1, s2, s3, a, b, d5, e5)
            s0, s1, s2, s3, a, b, _ = _digit(s0, s1, s2, s3, a, b, d6, e6)
            s0, s1, s2, s3, a, b, _ = _digit(s0, s1, s2, s3, a, b, d7, e7)
            s0, s1, s2, s3, a, b, _ = _digit(s0, s1, s2, s3, a, b, d8, e8)
            s0, s1, s2, s3, a, b, _ = _digit(s0, s1, s2, s3, a, b, d9, e9)
            s0, s1, s2, s3, a, b, _ = _digit(s0, s1, s2, s3, a, b, d10, e10)
            s0, s1, s2, s3, a, b, _ = _digit(s0, s1, s2, s3, a, b, d11, e11)
            s0, s1, s2, s3, a, b, _ = _digit(s0, s1, s2, s3, a, b, d12, e12)
            s0, s1, s2, s3, a, b, _ = _digit(s0, s1, s2, s3, a, b, d13, e13)
            s0, s1, s2, s3, a, b, _ = _digit(s0, s1, s2, s3, a, b, d14, e14)
            s0, s1, s2, s3, a, b, r = _digit(s0, s1, s2, s3, a, b, d15, e15)
            u[k], v[k], w[k] = a, b, r
            t0[k], t1[k], t2[k], t3[k] = s0, s1, s2, s3
