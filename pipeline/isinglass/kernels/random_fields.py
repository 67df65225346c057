"""Ising spins in random fields on a lattice: relaxation at T = 0, avalanche by avalanche, and heat bath.

Everywhere `neighbours` is int32 (N, z), `h` float64 (N,) the random fields, `spins` int8 (N,) of ±1, `sums` int8 (N,)
the sum of each spin's neighbours, J = 1. A spin is unstable where s_i (sums_i + h_i + H) < 0, always evaluated as
sums_i + (h_i + H), so that equal states stay equal to the bit.
"""

from __future__ import annotations

import math

import numpy as np

from isinglass.kernels.jit import jit
from isinglass.kernels.streams import normal, uniform


@jit
def draw(stream: np.ndarray, scale: float, h: np.ndarray) -> None:
    """Fill h (N,) with independent normals of standard deviation `scale`."""
    for i in range(h.size):
        h[i] = scale * normal(stream)


@jit
def flip(neighbours: np.ndarray, i: int, spins: np.ndarray, sums: np.ndarray) -> None:
    """Turn spin i over and tell its neighbours."""
    spins[i] = -spins[i]
    for j in neighbours[i]:
        sums[j] += 2 * spins[i]


@jit
def cascade(
    neighbours: np.ndarray, h: np.ndarray, field: float, i: int, spins: np.ndarray, sums: np.ndarray, stack: np.ndarray
) -> int:
    """Flip spin i and all that follow at this field; how many flipped.

    One direction only: every other spin that is unstable before must point along spin i. Then none becomes stable again
    but by flipping, the order is irrelevant, and each enters `stack`, int32 (N,), once at most.
    """
    flip(neighbours, i, spins, sums)
    up, flips, top = spins[i], 1, 0
    stack[0], top = i, 1
    while top > 0:
        top -= 1
        k = stack[top]
        for j in neighbours[k]:
            if spins[j] != up and up * (sums[j] + (h[j] + field)) > 0:
                flip(neighbours, j, spins, sums)
                flips += 1
                stack[top] = j
                top += 1
    return flips


@jit
def settle(
    neighbours: np.ndarray, h: np.ndarray, field: float, spins: np.ndarray, sums: np.ndarray, stack: np.ndarray
) -> int:
    """Relax a state that was stable at a lower (or a higher) field to this one at T = 0; how many spins flipped."""
    flips = 0
    for i in range(spins.size):
        if spins[i] * (sums[i] + (h[i] + field)) < 0:
            flips += cascade(neighbours, h, field, i, spins, sums, stack)
    return flips


@jit
def avalanches(
    neighbours: np.ndarray, h: np.ndarray, order: np.ndarray, rest: float, remanent: bool, out: np.ndarray
) -> None:
    """The rising branch from all spins down to all up, one avalanche at a time, the field held in each.

    `order` (N,) sorts h downwards. For each number k of neighbours up a pointer into `order` names the spin that a
    field z - 2k - h would flip; the pointer of the lowest field goes on. None need go back: the field has passed there,
    so that a spin which it found with fewer neighbours up flips as soon as it has k. Writes to `out`, int64 (3,): the
    number of avalanches; the size of the largest; and, if `remanent`, how many different states are found at field
    `rest` by turning back to it from the field before the first avalanche above it, or after any later one (else 0).
    """
    n, z = neighbours.shape
    spins, sums = np.full(n, -1, np.int8), np.full(n, -z, np.int8)
    back, back_sums = np.empty(n, np.int8), np.empty(n, np.int8)
    stack, next_ = np.empty(n, np.int32), np.zeros(z + 1, np.int64)
    turned, number, largest, states, last = 0, 0, 0, 0, -1
    above = False
    while turned < n:
        field, k = np.inf, 0
        for n_up in range(z + 1):
            if next_[n_up] < n and z - 2 * n_up - h[order[next_[n_up]]] < field:
                field, k = z - 2 * n_up - h[order[next_[n_up]]], n_up
        which = order[next_[k]]
        next_[k] += 1
        if spins[which] > 0 or sums[which] != 2 * k - z:
            continue
        if remanent and not above and field > rest:
            above, states, last = True, 1, turned
        size = cascade(neighbours, h, field, which, spins, sums, stack)
        turned += size
        number += 1
        largest = max(largest, size)
        if remanent and above:
            back[:], back_sums[:] = spins, sums
            left = turned - settle(neighbours, h, rest, back, back_sums, stack)
            if left != last:  # states are ordered: of equal magnetisation are equal states alone
                states += 1
                last = left
    out[0], out[1], out[2] = number, largest, max(states, 1) if remanent else 0


@jit
def heat_bath(
    neighbours: np.ndarray, h: np.ndarray, field: float, temperature: float, sweeps: int, stream: np.ndarray,
    spins: np.ndarray, sums: np.ndarray,
) -> None:  # fmt: skip
    """Sweeps in the fixed order of sites: P(s_i = +1) = 1/(1 + exp(-2 (sums_i + h_i + H)/T)); a number a spin."""
    for _ in range(sweeps):
        for i in range(spins.size):
            x = 2 * (sums[i] + (h[i] + field)) / temperature
            u = uniform(stream)
            if x > 40:
                up = True
            elif x < -40:
                up = False
            else:
                up = u * (1 + math.exp(-x)) < 1
            if up != (spins[i] > 0):
                flip(neighbours, i, spins, sums)
