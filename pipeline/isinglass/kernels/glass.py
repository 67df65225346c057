"""Kernels of Ising spins with random couplings: drawing them, heat bath sweeps, parallel tempering.

Couplings are (table, couplings). Square lattice of L x L: `table` int64 (N, 4), the sites right, left, below and above,
`couplings` float64 (N, 4) in that order. Complete graph: `table` (N, 0), `couplings` (N, N) with zeros on the diagonal.
"""

from __future__ import annotations

import math

import numpy as np

from isinglass.kernels.jit import jit
from isinglass.kernels.streams import normal, random_signs, uniform


@jit
def couple(
    s: np.ndarray,
    bimodal: bool,
    aligned: float,
    mean: float,
    planted: np.ndarray,
    table: np.ndarray,
    couplings: np.ndarray,
) -> None:
    """Draw the planted pattern, int8 (N,), then each bond once: J_ij = ξ_i ξ_j τ_ij, τ = ±1 or mean + normal."""
    n = planted.size
    random_signs(s, planted)
    if table.shape[1] == 0:
        for i in range(n):
            couplings[i, i] = 0.0
            for j in range(i):
                bond = mean / n + normal(s) / math.sqrt(n)
                couplings[i, j] = planted[i] * planted[j] * bond
                couplings[j, i] = couplings[i, j]
        return
    length = int(math.sqrt(n) + 0.5)
    for i in range(n):
        x, y = i % length, i // length
        for k, j in ((0, y * length + (x + 1) % length), (2, ((y + 1) % length) * length + x)):
            if bimodal:
                bond = 1.0 if uniform(s) < aligned else -1.0
            else:
                bond = mean + normal(s)
            table[i, k], table[j, k + 1] = j, i
            couplings[i, k] = planted[i] * planted[j] * bond
            couplings[j, k + 1] = couplings[i, k]


@jit
def field(table: np.ndarray, couplings: np.ndarray, spins: np.ndarray, out: np.ndarray) -> float:
    """Write Σ_j J_ij s_j to `out`, float64 (N,); returns the energy -½ Σ_i s_i h_i."""
    dense, energy = table.shape[1] == 0, 0.0
    for i in range(spins.size):
        h = 0.0
        for k in range(couplings.shape[1]):
            h += couplings[i, k] * spins[k if dense else table[i, k]]
        out[i] = h
        energy -= 0.5 * h * spins[i]
    return energy


@jit
def sweep(
    table: np.ndarray, couplings: np.ndarray, beta: float, s: np.ndarray, spins: np.ndarray, fields: np.ndarray
) -> float:
    """One heat bath update of each spin in the order 0..N-1, fields kept up to date; returns the energy's change."""
    dense, change = table.shape[1] == 0, 0.0
    for i in range(spins.size):
        h = fields[i]
        new = 1 if uniform(s) * (1.0 + math.exp(-2.0 * beta * h)) < 1.0 else -1
        if new == spins[i]:
            continue
        spins[i] = new
        step = 2.0 * new
        change -= step * h
        if dense:
            for j in range(spins.size):
                fields[j] += step * couplings[i, j]
        else:
            for k in range(4):
                fields[table[i, k]] += step * couplings[i, k]
    return change


@jit
def dot(a: np.ndarray, b: np.ndarray) -> int:
    """Σ_i a_i b_i of two int8 vectors."""
    total = 0
    for i in range(a.size):
        total += int(a[i]) * int(b[i])
    return total


@jit
def links(table: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """Mean over bonds of a_i a_j b_i b_j; on the complete graph, over all pairs, from the overlap."""
    n = a.size
    if table.shape[1] == 0:
        q = dot(a, b)
        return (q * q - n) / (n * (n - 1.0))
    total = 0
    for i in range(n):
        total += a[i] * b[i] * (a[table[i, 0]] * b[table[i, 0]] + a[table[i, 2]] * b[table[i, 2]])
    return total / (2.0 * n)


@jit
def temper(
    table: np.ndarray,
    couplings: np.ndarray,
    planted: np.ndarray,
    betas: np.ndarray,
    equilibration: int,
    s: np.ndarray,
    series: np.ndarray,
    ladder: np.ndarray,
    trips: np.ndarray,
) -> None:
    """Two independent walks over the ladder `betas` (R,), coldest first: one from the planted pattern, one random.

    After each sweep of all rungs neighbours propose to swap, even and odd pairs in turn. `series`, float64 (7, steps),
    at the coldest rung after each measured sweep: energies, overlaps Σ ξ_i s_i of both walks, Σ a_i b_i, links of a
    and b, mean links with ξ. `ladder`, (3, R): sums over these sweeps of the mean energy, of (Σ a_i b_i)², of accepted
    swaps with the next rung. `trips`, int64 (1,): ways of a configuration from the coldest rung to the hottest and back
    that ended in the window.
    """
    n, rungs, steps = planted.size, betas.size, series.shape[1]
    spins = np.empty((2, rungs, n), np.int8)
    fields = np.empty((2, rungs, n))
    energy = np.empty((2, rungs))
    order = np.empty((2, rungs), np.int64)
    seen = np.zeros((2, rungs), np.int64)
    for w in range(2):
        for r in range(rungs):
            order[w, r] = r
            if w == 0:
                spins[w, r] = planted
            else:
                random_signs(s, spins[w, r])
            energy[w, r] = field(table, couplings, spins[w, r], fields[w, r])
    for t in range(equilibration + steps):
        measured = t - equilibration
        for w in range(2):
            for r in range(rungs):
                c = order[w, r]
                energy[w, c] += sweep(table, couplings, betas[r], s, spins[w, c], fields[w, c])
            for r in range(t % 2, rungs - 1, 2):
                c, d = order[w, r], order[w, r + 1]
                gain = (betas[r] - betas[r + 1]) * (energy[w, c] - energy[w, d])
                if gain >= 0 or uniform(s) < math.exp(gain):
                    order[w, r], order[w, r + 1] = d, c
                    if measured >= 0:
                        ladder[2, r] += 1
            if rungs > 1:
                if seen[w, order[w, rungs - 1]] == 1:
                    seen[w, order[w, rungs - 1]] = 2
                if seen[w, order[w, 0]] == 2 and measured >= 0:
                    trips[0] += 1
                seen[w, order[w, 0]] = 1
        if measured < 0:
            continue
        for r in range(rungs):
            ladder[0, r] += 0.5 * (energy[0, order[0, r]] + energy[1, order[1, r]])
            q = dot(spins[0, order[0, r]], spins[1, order[1, r]])
            ladder[1, r] += float(q) * q
        a, b = spins[0, order[0, 0]], spins[1, order[1, 0]]
        series[0, measured], series[1, measured] = energy[0, order[0, 0]], energy[1, order[1, 0]]
        series[2, measured], series[3, measured] = dot(planted, a), dot(planted, b)
        series[4, measured], series[5, measured] = dot(a, b), links(table, a, b)
        series[6, measured] = 0.5 * (links(table, planted, a) + links(table, planted, b))


@jit
def retain(
    table: np.ndarray,
    couplings: np.ndarray,
    beta: float,
    s: np.ndarray,
    written: np.ndarray,
    sums: np.ndarray,
    history: np.ndarray,
) -> None:
    """Sweeps from the state `written`: Σ w_i s_i and Σ s_i after each to `sums`, int64 (2, sweeps), of zeros.

    `history`, int8 (steps, N), takes the states after the last sweeps.
    """
    spins, fields = written.copy(), np.empty(written.size)
    field(table, couplings, spins, fields)
    skipped = sums.shape[1] - history.shape[0]
    for t in range(sums.shape[1]):
        sweep(table, couplings, beta, s, spins, fields)
        sums[0, t] = dot(written, spins)
        for i in range(spins.size):
            sums[1, t] += spins[i]
        if t >= skipped:
            history[t - skipped] = spins
