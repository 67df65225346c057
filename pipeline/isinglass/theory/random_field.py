"""Random-field Ising model at T = 0, J = 1: the rising branch of the chain in closed form, and bounds on lattices."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def independent(field: npt.ArrayLike, disorder: float) -> FloatArray:
    """M = erf(H/(√2 R)) of spins without coupling: what any lattice tends to for R → ∞; R > 0.

    On a lattice of z neighbours every M(H) at T = 0, on any branch, lies between this at H - z and at H + z.
    """
    from scipy.special import erf

    return np.asarray(erf(np.asarray(field, float) / (np.sqrt(2) * disorder)))


def chain(field: npt.ArrayLike, disorder: float) -> FloatArray:
    """M(H) of the chain, N → ∞, T = 0, on the branch that rises from all spins down; the falling one is -M(-H).

    Derived here (the problem of Shukla 1996; his formula was not compared). The order of flips is irrelevant, so
    let a spin be held down until both sides have relaxed: its neighbours are then up independently, each with
    probability u = (1 - u) p_0 + u p_1, p_n the probability to be up with n neighbours up. Released, it is up with
    probability (1 - u)² p_0 + 2u(1 - u) p_1 + u² p_2.
    """
    from scipy.special import erfc

    h, width = np.asarray(field, float), np.sqrt(2) * disorder
    p0, p1, p2 = (erfc((2 - 2 * n - h) / width) / 2 for n in range(3))
    u = p0 / (p0 + erfc(h / width) / 2)
    return np.asarray(2 * ((1 - u) ** 2 * p0 + 2 * u * (1 - u) * p1 + u**2 * p2) - 1)


def stable_states(neighbours: npt.NDArray[Any], h: npt.ArrayLike, field: float) -> npt.NDArray[np.int8]:
    """All states ±1 (M, N) in which no single spin would flip at T = 0, by enumeration of 2^N; N <= 16 or so."""
    states = np.array(list(itertools.product((-1, 1), repeat=len(neighbours))), np.int8)
    local = states[:, neighbours].sum(axis=2, dtype=np.float64) + (np.asarray(h, float) + field)
    return np.asarray(states[(states * local >= 0).all(axis=1)])
