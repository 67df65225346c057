"""Exact results on Ising spins with random couplings: the Nishimori line, the Gaussian paramagnet, enumeration."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isinglass.exceptions import InputError

Floats = npt.NDArray[np.float64]
ENUMERATED = 20
"""Most spins of an enumeration: 2^20 states."""


def nishimori_temperature(aligned: npt.ArrayLike) -> Floats:
    """T of the Nishimori line of ±J bonds, tanh(1/T) = 2p - 1, 1/2 < p < 1; 0 at p = 1, ∞ at 1/2, else NaN."""
    p = np.asarray(aligned, dtype=np.float64)
    inside = np.where((p >= 0.5) & (p <= 1), p, np.nan)
    with np.errstate(divide="ignore"):
        return np.asarray(2 / np.log(inside / (1 - inside)))


def nishimori_aligned(temperature: npt.ArrayLike) -> Floats:
    """p of the Nishimori line at a temperature: 1/(1 + exp(-2/T))."""
    return np.asarray(1 / (1 + np.exp(-2 / np.asarray(temperature, dtype=np.float64))))


def nishimori_energy(temperature: npt.ArrayLike, bonds_per_spin: float = 2.0) -> Floats:
    """U/N = -(z/2) tanh(1/T) of ±J bonds on the Nishimori line, at every size."""
    return np.asarray(-bonds_per_spin * np.tanh(1 / np.asarray(temperature, dtype=np.float64)))


def complete_replica_square(temperature: npt.ArrayLike, spins: float) -> Floats:
    """⟨q²⟩ of the SK model above T_c = 1 to leading order, 1/(N(1 - 1/T²)); inf below."""
    beta = 1 / np.asarray(temperature, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(np.where(beta < 1, 1 / (spins * np.maximum(1 - beta**2, 0.0)), np.inf))


def enumerate_states(
    edges: npt.ArrayLike, couplings: npt.ArrayLike, planted: npt.ArrayLike, temperature: float
) -> dict[str, float]:
    """Boltzmann averages of E = -Σ_e J_e s_i s_j by enumeration of all 2^N states, for one sample.

    `edges` int (B, 2), `couplings` (B,), `planted` ±1 (N,). Energy per spin; planted_overlap ⟨|m|⟩, planted_square
    ⟨m²⟩; replica_overlap ⟨|q|⟩, replica_square ⟨q²⟩ of two independent states, by the Walsh-Hadamard transform (the
    distribution of the product of two states is the transform of the square of the transform); link_overlap the mean
    over bonds of ⟨s_i s_j⟩². Raises InputError for more than 20 spins.
    """
    edges, couplings, planted = np.asarray(edges), np.asarray(couplings, dtype=np.float64), np.asarray(planted)
    n = planted.size
    if n > ENUMERATED:
        raise InputError(f"{n} spins have 2^{n} states; enumeration takes at most {ENUMERATED}")
    states = np.arange(2**n)
    signs = (1 - 2 * (states[:, None] >> np.arange(n) & 1)).astype(np.int8)
    links = signs[:, edges[:, 0]] * signs[:, edges[:, 1]]
    energy = -(links @ couplings)
    weight = np.exp(-(energy - energy.min()) / temperature)
    weight /= weight.sum()
    product = _walsh(_walsh(weight) ** 2) / 2**n
    m, q = abs(signs @ planted.astype(np.float64)) / n, abs(signs.sum(axis=1, dtype=np.float64)) / n
    return {
        "energy": float(weight @ energy / n),
        "planted_overlap": float(weight @ m),
        "planted_square": float(weight @ m**2),
        "replica_overlap": float(product @ q),
        "replica_square": float(product @ q**2),
        "link_overlap": float(((weight @ links) ** 2).mean()),
    }


def _walsh(values: Floats) -> Floats:
    """Walsh-Hadamard transform of (2^n,), not normalised."""
    out = values.copy()
    half = 1
    while half < out.size:
        pair = out.reshape(-1, 2, half)
        out = np.stack([pair[:, 0] + pair[:, 1], pair[:, 0] - pair[:, 1]], axis=1).ravel()
        half *= 2
    return out
