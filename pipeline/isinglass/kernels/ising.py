"""The square Ising ferromagnet, 64 replicas in the bits of a word: heat bath and Metropolis; Wolff clusters beside it.

`lattice` uint64 (2, L, L/2 + 2): colour c = (i + j) mod 2 of a checkerboard, row i, and 1 + j//2 within the row, with a
copy of the opposite end on both sides (halo). Bit r of each word is the spin of replica r, set = up. L is even, the
boundaries are periodic, J = 1. A site of colour c in row i has its four neighbours in the other colour: rows i ± 1 at
the same place, row i at the same place, and before it (offset (i + c) mod 2 = 0) or behind it (1).
"""

from __future__ import annotations

import math

import numpy as np
from numpy import uint64

from isinglass.kernels.bernoulli import BANK, DIGITS, fill_pairs, fill_words, threshold
from isinglass.kernels.jit import jit
from isinglass.kernels.streams import below, next_uint64

HEAT_BATH, METROPOLIS = 0, 1
_ONES = uint64(0xFFFFFFFFFFFFFFFF)


@jit
def close(colour: np.ndarray) -> None:
    """Renew the halo of one colour, (L, W + 2)."""
    last = colour.shape[1] - 1
    for i in range(colour.shape[0]):
        colour[i, 0] = colour[i, last - 1]
        colour[i, last] = colour[i, 1]


@jit
def begin(lattice: np.ndarray, hot: bool, bank: np.ndarray) -> None:
    """All spins up, or each at random."""
    length, width = lattice.shape[1], lattice.shape[2] - 2
    words = np.empty(-(-length * width // BANK) * BANK, uint64)
    for c in range(2):
        if hot:
            fill_words(bank, words)
        for i in range(length):
            for k in range(width):
                lattice[c, i, 1 + k] = words[i * width + k] if hot else _ONES
        close(lattice[c])


@jit
def probabilities(rule: int, temperature: float) -> tuple[float, float]:
    """Of a spin against two and against four units of energy: to point against its field (heat bath), or to flip."""
    if temperature == 0:
        return 0.0, 0.0
    two, four = math.exp(-4 / temperature), math.exp(-8 / temperature)
    return (two / (1 + two), four / (1 + four)) if rule == HEAT_BATH else (two, four)


@jit
def _heat_bath(
    s: np.ndarray, up: np.ndarray, down: np.ndarray, near: np.ndarray, side: np.ndarray,
    two: np.ndarray, four: np.ndarray, coin: np.ndarray,
) -> None:  # fmt: skip
    for k in range(s.size):
        a, b, c, d = up[k], down[k], near[k], side[k]
        ab, cd, a_b, c_d = a ^ b, c ^ d, a & b, c & d
        odd = ab ^ cd  # one or three neighbours are up
        all_, none = a_b & c_d, ~(a | b | c | d)
        most = (a_b & (c | d)) | (c_d & (a | b))  # at least three
        s[k] = (odd & (most ^ two[k])) | (all_ & ~four[k]) | (none & four[k]) | (~(odd | all_ | none) & coin[k])


@jit
def _metropolis(
    s: np.ndarray, up: np.ndarray, down: np.ndarray, near: np.ndarray, side: np.ndarray,
    two: np.ndarray, four: np.ndarray,
) -> None:  # fmt: skip
    for k in range(s.size):
        old = s[k]
        a, b, c, d = old ^ up[k], old ^ down[k], old ^ near[k], old ^ side[k]  # set: antiparallel
        several = (a & b) | (c & d) | ((a | b) & (c | d))
        s[k] = old ^ (several | ((a | b | c | d) & two[k]) | (~(a | b | c | d) & four[k]))


@jit
def sweep(
    lattice: np.ndarray, rule: int, temperature: float, bank: np.ndarray, dither: np.ndarray,
    digits: np.ndarray, masks: np.ndarray,
) -> None:  # fmt: skip
    """Update every spin once, colour 0 and then colour 1; each half is in detailed balance.

    `digits` uint64 (2, DIGITS) and `masks` uint64 (3, n) for n >= L²/2 sites, a multiple of BANK, are scratch.
    """
    length, width = lattice.shape[1], lattice.shape[2] - 2
    two, four = probabilities(rule, temperature)
    for c in range(2):
        first = threshold(two, dither, digits[0])
        second = threshold(four, dither, digits[1])
        fill_pairs(bank, first, second, digits, masks[0], masks[1], masks[2])
        mine, other = lattice[c], lattice[1 - c]
        for i in range(length):
            shift = 2 * ((i + c) & 1)
            s, near, side = mine[i, 1 : width + 1], other[i, 1 : width + 1], other[i, shift : shift + width]
            up = other[i - 1 if i else length - 1, 1 : width + 1]
            down = other[i + 1 if i + 1 < length else 0, 1 : width + 1]
            here = slice(i * width, (i + 1) * width)
            if rule == HEAT_BATH:
                _heat_bath(s, up, down, near, side, masks[0, here], masks[1, here], masks[2, here])
            else:
                _metropolis(s, up, down, near, side, masks[0, here], masks[1, here])
        close(mine)


@jit
def _add(planes: np.ndarray, words: np.ndarray) -> None:
    """Add a bit each to the bit-sliced counters `planes` (P, W), plane k worth 2^k; `words` (W,) is written to."""
    for p in range(planes.shape[0]):
        plane = planes[p]
        for k in range(words.size):
            carry = plane[k] & words[k]
            plane[k] ^= words[k]
            words[k] = carry


@jit
def _total(planes: np.ndarray, out: np.ndarray) -> None:
    """Sum the counters over their places into `out`, int64 (64,), by replica."""
    out[:] = 0
    for p in range(planes.shape[0]):
        for k in range(planes.shape[1]):
            word = planes[p, k]
            for r in range(64):
                out[r] += np.int64((word >> uint64(r)) & uint64(1)) << p


@jit
def measure(
    lattice: np.ndarray, planes: np.ndarray, words: np.ndarray, magnetisation: np.ndarray, energy: np.ndarray
) -> None:
    """M = Σ s_i and E = -Σ s_i s_j over bonds, int64 (64,), by replica.

    `planes` uint64 (P, L/2) with 2^P > 4L, `words` uint64 (L/2,): scratch.
    """
    length, width = lattice.shape[1], lattice.shape[2] - 2
    planes[:] = 0
    for c in range(2):
        for i in range(length):
            words[:] = lattice[c, i, 1 : width + 1]
            _add(planes, words)
    _total(planes, magnetisation)
    planes[:] = 0
    for i in range(length):
        s, other = lattice[0, i, 1 : width + 1], lattice[1]
        shift = 2 * (i & 1)
        for n in range(4):
            row = (i - 1 if i else length - 1) if n == 0 else (i + 1 if i + 1 < length else 0) if n == 1 else i
            start = shift if n == 3 else 1
            neighbour = other[row, start : start + width]
            for k in range(width):
                words[k] = s[k] ^ neighbour[k]
            _add(planes, words)
    _total(planes, energy)
    sites = length * length
    for r in range(64):
        magnetisation[r] = 2 * magnetisation[r] - sites
        energy[r] = 2 * energy[r] - 2 * sites


@jit
def run(
    lattice: np.ndarray, rule: int, temperature: float, bank: np.ndarray, dither: np.ndarray,
    equilibration: int, interval: int, magnetisation: np.ndarray, energy: np.ndarray,
) -> None:  # fmt: skip
    """`equilibration` sweeps, then after every `interval` sweeps M and E into row after row of int64 (steps, 64)."""
    length, width = lattice.shape[1], lattice.shape[2] - 2
    digits = np.empty((2, DIGITS), uint64)
    masks = np.empty((3, -(-length * width // BANK) * BANK), uint64)
    levels = 1
    while 2**levels <= 4 * length:
        levels += 1
    planes, words = np.empty((levels, width), uint64), np.empty(width, uint64)
    for _ in range(equilibration):
        sweep(lattice, rule, temperature, bank, dither, digits, masks)
    for t in range(magnetisation.shape[0]):
        for _ in range(interval):
            sweep(lattice, rule, temperature, bank, dither, digits, masks)
        measure(lattice, planes, words, magnetisation[t], energy[t])


@jit
def unpack(lattice: np.ndarray, spins: np.ndarray) -> None:
    """The spins of all replicas, int8 (64, L, L) of ±1."""
    for c in range(2):
        for i in range(lattice.shape[1]):
            for k in range(lattice.shape[2] - 2):
                word, j = lattice[c, i, 1 + k], 2 * k + ((i + c) & 1)
                for r in range(64):
                    spins[r, i, j] = 2 * np.int8((word >> uint64(r)) & uint64(1)) - 1


@jit
def flip_cluster(spins: np.ndarray, add: float, stream: np.ndarray, stack: np.ndarray) -> int:
    """Flip one Wolff cluster of `spins`, int8 (N,) with N = L², from a random site; its size.

    Parallel neighbours join with probability `add`. U. Wolff, Phys. Rev. Lett. 62 (1989) 361.
    """
    sites = spins.size
    length = int(math.sqrt(sites) + 0.5)
    cut = uint64(add * 2.0**53)
    site = below(stream, sites)
    sign = spins[site]
    spins[site] = -sign
    stack[0], waiting, size = site, 1, 1
    while waiting:
        waiting -= 1
        site = stack[waiting]
        row, column = site // length, site % length
        for n in range(4):
            if n == 0:
                neighbour = site - 1 if column else site + length - 1
            elif n == 1:
                neighbour = site + 1 if column + 1 < length else site - length + 1
            elif n == 2:
                neighbour = site - length if row else site + sites - length
            else:
                neighbour = site + length if row + 1 < length else site - sites + length
            if spins[neighbour] == sign and (next_uint64(stream) >> uint64(11)) < cut:
                spins[neighbour] = -sign
                stack[waiting] = neighbour
                waiting += 1
                size += 1
    return size


@jit
def run_wolff(
    spins: np.ndarray, temperature: float, stream: np.ndarray, equilibration: int, interval: int,
    magnetisation: np.ndarray, energy: np.ndarray,
) -> None:  # fmt: skip
    """The same for one replica, int8 (L, L), by Wolff clusters; M and E int64 (steps,).

    While equilibrating, a sweep flips clusters until N spins have been flipped; afterwards it is as many clusters as
    that took on average, a fixed number: one that depends on what is flipped would bias the means.
    """
    length, sites = spins.shape[0], spins.size
    flat, stack = spins.reshape(-1), np.empty(sites, np.int64)
    add = 1.0 - math.exp(-2 / temperature) if temperature > 0 else 1.0
    clusters = 0
    for _ in range(equilibration):
        flipped = 0
        while flipped < sites:
            flipped += flip_cluster(flat, add, stack=stack, stream=stream)
            clusters += 1
    each = max(1, int(clusters / max(equilibration, 1) + 0.5))
    for t in range(magnetisation.size):
        for _ in range(interval * each):
            flip_cluster(flat, add, stream, stack)
        total, bonds = 0, 0
        for i in range(length):
            above = spins[i - 1 if i else length - 1]
            left = spins[i, length - 1]
            for j in range(length):
                total += spins[i, j]
                bonds += spins[i, j] * (above[j] + left)
                left = spins[i, j]
        magnetisation[t], energy[t] = total, -bonds


@jit
def write(lattice: np.ndarray, message: np.ndarray) -> None:
    """Set all replicas to `message`, int8 (B, B) of ±1, each in a block of L/B x L/B spins."""
    length, width = lattice.shape[1], lattice.shape[2] - 2
    block = length // message.shape[0]
    for c in range(2):
        for i in range(length):
            for k in range(width):
                up = message[i // block, (2 * k + ((i + c) & 1)) // block] > 0
                lattice[c, i, 1 + k] = _ONES if up else uint64(0)
        close(lattice[c])


@jit
def read(lattice: np.ndarray, sums: np.ndarray, bits: np.ndarray) -> None:
    """Majority of each block by replica: `bits` int8 (B, B, 64) of ±1; its first spin decides a tie. `sums` is scratch.

    `sums` int64 (B, B, 64) is left as the number of spins up.
    """
    length, width = lattice.shape[1], lattice.shape[2] - 2
    block = length // sums.shape[0]
    sums[:] = 0
    for c in range(2):
        for i in range(length):
            for k in range(width):
                word, out = lattice[c, i, 1 + k], sums[i // block, (2 * k + ((i + c) & 1)) // block]
                for r in range(64):
                    out[r] += np.int64((word >> uint64(r)) & uint64(1))
    for a in range(sums.shape[0]):
        for b in range(sums.shape[1]):
            i, j = a * block, b * block
            first = lattice[(i + j) & 1, i, 1 + j // 2]
            for r in range(64):
                twice = 2 * sums[a, b, r] - block * block
                if twice == 0:
                    twice = 2 * np.int64((first >> uint64(r)) & uint64(1)) - 1
                bits[a, b, r] = 1 if twice > 0 else -1


@jit
def overlaps(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """Σ_i a_i b_i of two lattices into `out`, int64 (64,), by replica."""
    length, width = a.shape[1], a.shape[2] - 2
    out[:] = 0
    for c in range(2):
        for i in range(length):
            for k in range(width):
                word = a[c, i, 1 + k] ^ b[c, i, 1 + k]
                for r in range(64):
                    out[r] += np.int64((word >> uint64(r)) & uint64(1))
    for r in range(64):
        out[r] = length * length - 2 * out[r]
