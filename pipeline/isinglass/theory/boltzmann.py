"""Small Boltzmann machines exactly, by enumeration of all states: what sampling and learning are tested against.

Independent of `kernels.boltzmann`: all states at once, as matrices. A state of units x_i of 0 and 1 has the index
Σ_i x_i 2^i; of spins, x_i = (1 + s_i)/2.
"""

from __future__ import annotations

import numpy as np
from numpy import typing as npt

FloatArray = npt.NDArray[np.float64]


def states(units: int) -> npt.NDArray[np.int64]:
    """All states of 0 and 1, in the order of their index; (2^units, units)."""
    return np.arange(2**units)[:, None] >> np.arange(units) & 1


def visible_distribution(weights: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike) -> FloatArray:
    """p(v) of a restricted Boltzmann machine, weights (n_v, n_h), biases a (n_v,) and b (n_h,); (2^n_v,)."""
    v = states(np.size(a))
    log = v @ np.asarray(a) + np.logaddexp(0, np.asarray(b) + v @ np.asarray(weights)).sum(axis=1)
    return _normalised(log)


def log_likelihood(data: npt.ArrayLike, weights: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Mean ln p(v) of the rows of `data` (P, n_v) of 0 and 1; nats."""
    index = np.asarray(data, dtype=np.int64) @ 2 ** np.arange(np.size(a))
    return float(np.log(visible_distribution(weights, a, b)[index]).mean())


def hopfield_distribution(patterns: npt.ArrayLike, temperature: float) -> FloatArray:
    """p(s) ∝ exp(-E/T) of the Hopfield network with `patterns` (P, N) of ±1, Hebb couplings, J_ii = 0; (2^N,)."""
    xi = np.asarray(patterns, dtype=np.float64)
    couplings = xi.T @ xi / xi.shape[1]
    np.fill_diagonal(couplings, 0)
    s = 2.0 * states(xi.shape[1]) - 1
    return _normalised(0.5 * np.einsum("ki,ij,kj->k", s, couplings, s) / temperature)


def total_variation(p: npt.ArrayLike, draws: int) -> float:
    """Mean total variation distance ½ Σ|n_k/n - p_k| of n independent draws from p, exactly.

    The mean absolute deviation of each count is that of a binomial, 2 ν C(n, ν) p^ν (1-p)^(n-ν+1), ν = ⌊np⌋ + 1 (De
    Moivre).
    """
    from scipy.special import gammaln, xlog1py, xlogy

    p = np.asarray(p, dtype=np.float64)
    nu = np.floor(draws * p) + 1
    binomial = gammaln(draws + 1) - gammaln(nu + 1) - gammaln(draws - nu + 1)
    deviation = 2 * nu * np.exp(binomial + xlogy(nu, p) + xlog1py(draws - nu + 1, -p))
    return float(deviation.sum() / (2 * draws))


def _normalised(log: FloatArray) -> FloatArray:
    weight = np.exp(log - log.max())
    return np.asarray(weight / weight.sum())
