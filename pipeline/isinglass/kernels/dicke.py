"""The Dicke model: N spins 1/2 as one spin N/2, coupled to one mode of light, in each parity sector; no matrix is held.

A state is float64 (rows, N//2 + 1): row n holds n photons, column j the spin k - N/2 along z with k = 2j + (n + p) % 2,
so that n + k has the parity p; where that k is above N the entry is 0. Amplitudes bear the sign (-1)^n, by which all
couplings become negative and the lowest state of each sector positive. Frequencies in units of the mode's. All sums run
in one fixed order; nothing calls BLAS.
"""

from __future__ import annotations

import math

import numpy as np

from isinglass.kernels.jit import jit
from isinglass.kernels.lanczos import lowest_pair


@jit
def ladder(spins: int) -> np.ndarray:
    """⟨k+1|J₊|k⟩ = √((k+1)(N-k)) for k = 0..N+1, 0 from k = N on; float64 (N+2,)."""
    out = np.zeros(spins + 2)
    for k in range(spins):
        out[k] = math.sqrt((k + 1.0) * (spins - k))
    return out


@jit
def apply(v: np.ndarray, spins: int, splitting: float, coupling: float, parity: int, out: np.ndarray) -> None:
    """out = H v, H = n + ω₀ J_z + (λ/√N)(a + a†)(J₊ + J₋) in a sector, parity 0 or 1."""
    rows, columns = v.shape
    rungs, g = ladder(spins), coupling / math.sqrt(spins)
    light = np.zeros(columns + 2)  # (a + a†) v of one row; a 0 on either side
    for n in range(rows):
        offset = (n + parity) % 2
        up, down = math.sqrt(n + 1.0), math.sqrt(float(n))
        above, below = v[min(n + 1, rows - 1)], v[max(n - 1, 0)]
        if n == rows - 1:
            up = 0.0
        for j in range(columns):
            light[j + 1] = up * above[j] + down * below[j]
        for j in range(columns):
            k = 2 * j + offset
            if k > spins:
                out[n, j] = 0.0
                continue
            low = rungs[k - 1] * light[j + offset] if k > 0 else 0.0
            flip = rungs[k] * light[j + offset + 1] + low
            out[n, j] = (n + splitting * (k - 0.5 * spins)) * v[n, j] - g * flip


@jit
def start(spins: int, photons: float, inversion: float, parity: int, out: np.ndarray) -> None:
    """A product of a coherent state with `photons` > 0 photons and spins of ⟨σ_z⟩ = `inversion` in (-1, 1), all in +,
    projected on a sector; not normalised."""
    log_up, log_down = math.log((1 + inversion) / 2), math.log((1 - inversion) / 2)
    for n in range(out.shape[0]):
        field = 0.5 * (n * math.log(photons) - photons - math.lgamma(n + 1.0))
        for j in range(out.shape[1]):
            k = 2 * j + (n + parity) % 2
            if k > spins:
                out[n, j] = 0.0
                continue
            ways = math.lgamma(spins + 1.0) - math.lgamma(k + 1.0) - math.lgamma(spins - k + 1.0)
            out[n, j] = math.exp(field + 0.5 * (ways + k * log_up + (spins - k) * log_down))


@jit
def conserved(spins: int, splitting: float, coupling: float, parity: int, out: np.ndarray) -> tuple[float, int]:
    """Lowest state of a sector in the rotating-wave approximation, coupling (λ/√N)(a J₊ + a† J₋), into `out`.

    The number of excitations M = n + k is conserved: one tridiagonal matrix for each M < rows. Energy and M.
    """
    rows = out.shape[0]
    rungs, g = ladder(spins), coupling / math.sqrt(spins)
    alpha, beta, vector, best = np.empty(spins + 1), np.zeros(spins + 2), np.empty(spins + 1), np.zeros(spins + 1)
    lowest, chosen = np.inf, -1
    for number in range(parity, rows, 2):
        size = min(number, spins) + 1
        for k in range(size):
            alpha[k] = number - k + splitting * (k - 0.5 * spins)
            beta[k] = -g * math.sqrt(number - k + 1.0) * rungs[k - 1] if k > 0 else 0.0
        beta[size] = 0.0
        energy = lowest_pair(alpha, beta, size, vector)
        if energy < lowest:
            lowest, chosen = energy, number
            best[:size] = vector[:size]
    out[:] = 0.0
    for k in range(min(chosen, spins) + 1):
        out[chosen - k, k // 2] = best[k]
    return lowest, chosen


@jit
def moments(v: np.ndarray, spins: int, parity: int, out: np.ndarray) -> None:
    """Of a state of a sector, into `out` (7,): ⟨n⟩, ⟨J_z⟩, ⟨J_z²⟩, ⟨J_x²⟩, ⟨a²⟩, the entropy in bits of n and J_z when
    measured, and the weight of the last two rows."""
    rows, columns = v.shape
    rungs, spin = ladder(spins), 0.5 * spins
    out[:] = 0.0
    for n in range(rows):
        offset = (n + parity) % 2
        for j in range(columns):
            k = 2 * j + offset
            p, z = v[n, j] * v[n, j], k - spin
            out[0] += n * p
            out[1] += z * p
            out[2] += z * z * p
            out[3] += 0.5 * (spin * (spin + 1) - z * z) * p
            if k + 2 <= spins:
                out[3] += 0.5 * rungs[k] * rungs[k + 1] * v[n, j] * v[n, j + 1]
            if n + 2 < rows:
                out[4] += math.sqrt((n + 1.0) * (n + 2.0)) * v[n, j] * v[n + 2, j]
            if p > 0:
                out[5] -= p * math.log2(p)
            if n >= rows - 2:
                out[6] += p


@jit
def elements(even: np.ndarray, odd: np.ndarray, spins: int) -> tuple[float, float]:
    """|⟨even|(a + a†)/2|odd⟩| and |⟨even|J_x|odd⟩| of a state of either sector."""
    rows, columns = even.shape
    rungs, field, spin = ladder(spins), 0.0, 0.0
    for n in range(rows):
        offset = n % 2
        for j in range(columns):
            k = 2 * j + offset
            if n + 1 < rows:
                field += 0.5 * math.sqrt(n + 1.0) * (even[n, j] * odd[n + 1, j] + odd[n, j] * even[n + 1, j])
            if k > spins:
                continue
            if k + 1 <= spins:
                spin += 0.5 * even[n, j] * rungs[k] * odd[n, j + offset]
            if k > 0:
                spin += 0.5 * even[n, j] * rungs[k - 1] * odd[n, j + offset - 1]
    return abs(field), abs(spin)


@jit
def _square(v: np.ndarray) -> float:
    """Sum of squares of the elements of vᵀv."""
    rows, columns = v.shape
    total, rho = 0.0, np.zeros((columns, columns))
    for n in range(rows):
        for i in range(columns):
            weight = v[n, i]
            for j in range(i + 1):
                rho[i, j] += weight * v[n, j]
    for i in range(columns):
        for j in range(i):
            total += 2 * rho[i, j] * rho[i, j]
        total += rho[i, i] * rho[i, i]
    return total


@jit
def purity(v: np.ndarray) -> float:
    """tr ρ² of all spins of a state of a sector, which is that of the light: the smaller matrix is made.

    With an even number of photons k has the sector's parity, so that rows of the other kind have no overlap.
    """
    total = 0.0
    for offset in range(2):
        part = v[offset::2].copy()
        total += _square(part) if part.shape[1] <= part.shape[0] else _square(part.T.copy())
    return total
