"""Storage in a single unit: how likely random labels are separable, and by what margin; errors of the Hebb rule.

Load α = P/N: P patterns in general position, N weights, no threshold. Arguments are numbers or arrays and broadcast.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

CAPACITY = 2.0
"""Largest load α_c that is separable for N → ∞ (Gardner); P(separable) = 1/2 at P = 2N for every N (Cover)."""


def separable_probability(patterns: npt.ArrayLike, inputs: npt.ArrayLike) -> FloatArray:
    """2^(1-P) Σ_{k<N} C(P-1, k), the share of all labellings of P patterns that N weights separate (Cover)."""
    from scipy.stats import binom

    return np.asarray(binom.cdf(np.asarray(inputs) - 1, np.asarray(patterns) - 1, 0.5), dtype=np.float64)


def separable(load: npt.ArrayLike, inputs: npt.ArrayLike) -> FloatArray:
    """P(separable) at P = αN, between whole P by the incomplete beta function that the binomial sum is."""
    from scipy.special import betainc

    n = np.asarray(inputs, float)
    p = np.maximum(np.asarray(load, float) * n, 1.0)
    few = p <= n
    return np.where(few, 1.0, betainc(np.where(few, 1.0, p - n), n, 0.5))


def load_at_stability(kappa: npt.ArrayLike) -> FloatArray:
    """α(κ) = 1/∫_{-κ}^∞ Dz (z+κ)², the largest load with stability κ, N → ∞, normal or binary patterns (Gardner)."""
    from scipy.stats import norm

    k = np.asarray(kappa, float)
    return np.asarray(1 / ((1 + k * k) * norm.cdf(k) + k * norm.pdf(k)))


def largest_stability(load: npt.ArrayLike) -> FloatArray:
    """κ(α), the inverse of `load_at_stability`; negative above α = 2, where a share of the labels must be wrong."""
    from scipy.optimize import brentq

    def root(a: float) -> float:
        return float(brentq(lambda k: 1 / load_at_stability(k) - 1 / a, -8.0, 1 + 1 / np.sqrt(a) + 8.0))

    return np.asarray(np.vectorize(root, otypes=[float])(np.asarray(load, float)))


def hebb_error(load: npt.ArrayLike) -> FloatArray:
    """½ erfc(1/√(2α)), the share of labels that w = Σ y x reads wrong, N → ∞."""
    from scipy.special import erfc

    return np.asarray(erfc(1 / np.sqrt(2 * np.asarray(load, float))) / 2)
