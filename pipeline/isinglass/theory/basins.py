"""Recall from a cue at T = 0 under parallel dynamics: the first step exactly, all steps approximately.

P random patterns of N signs, Hebb couplings, J_ii = 0. With σ_j = ξ_j^0 s_j the field on neuron i, in the direction of
ξ_i^0 and times N, is

    Σ_{j ≠ i} σ_j + Σ_{μ ≥ 1} Σ_{j ≠ i} ξ_i^0 ξ_i^μ ξ_j^μ s_j,

and the products of the second sum are (P - 1)(N - 1) independent random signs, whatever the cue: neuron i errs where
that is negative, and stays where it is zero. So the expected overlap after one step is a sum of binomial
probabilities for whole N and P, and erf(m/√(2α)) for N → ∞ from a cue of overlap m.

From the second step on the crosstalk knows the state. `neurodynamics` takes it as normal and carries its variance along
(Amari and Maginu, Neural Networks 1 (1988) 63, from memory; correlations of a state with those further back are
neglected): m' = erf(m/(√2 σ)), σ'² = α + 4φ(m/σ)² + 4α m m' φ(m/σ)/σ, φ the normal density, σ² = α at the cue. It
is an approximation: its capacity is 0.16, and basins come out wider than they are.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
SETTLED = 1000
"""Steps after which `neurodynamics` has settled, but within about 1e-4 of its capacity."""


def one_step_overlap(load: npt.ArrayLike, cue: npt.ArrayLike, clamped: bool = False) -> FloatArray:
    """Overlap after the first step from a cue of overlap m, N → ∞, broadcast over both: erf(m/√(2α)).

    `clamped`: the erased cue whose share m of the neurons is held, m + (1 - m) erf(m/√(2α)).
    """
    from scipy.special import erf

    m = np.asarray(cue, float)
    after = erf(m / np.sqrt(2 * np.asarray(load, float)))
    return np.asarray(m + (1 - m) * after if clamped else after)


def exact_one_step_overlap(neurons: int, patterns: int, cue_mode: str, chosen: int) -> float:
    """The same for whole N and P, in expectation over patterns and cue; no approximation.

    `cue_mode` flipped: `chosen` neurons are turned over; erased_free, erased_clamped: `chosen` keep the pattern and the
    rest is random, and those that keep it are free or held.
    """
    crosstalk = (patterns - 1) * (neurons - 1)
    if cue_mode == "flipped":
        total = neurons - 2 * chosen
        right, wrong = (_next(total - s, crosstalk, s) for s in (1, -1))
        return ((neurons - chosen) * right + chosen * wrong) / neurons
    random = neurons - chosen
    kept = 1.0 if cue_mode == "erased_clamped" else _next(chosen - 1, crosstalk + random, 1)
    erased = _next(chosen, crosstalk + random - 1, 0) if random else 0.0  # stays as it is, at random, where h = 0
    return (chosen * kept + random * erased) / neurons


def _next(signal: int, signs: int, stays: int) -> float:
    """⟨σ'⟩ of a neuron whose field is `signal` + a sum of `signs` random signs: σ' = `stays` where that is zero."""
    from scipy.stats import binom

    half = (signs - signal) / 2  # the field is 2(k - half), k of the signs positive
    below = binom.cdf(math.ceil(half) - 1, signs, 0.5)
    above = binom.sf(math.floor(half), signs, 0.5)
    return float(above - below + stays * (1 - above - below))


def last_improved_overlap(load: npt.ArrayLike) -> FloatArray:
    """The m > 0 with erf(m/√(2α)) = m, N → ∞: one step improves every cue below it; 0 for α ≥ 2/π."""
    from scipy.optimize import brentq

    loads = np.asarray(load, float)
    out = np.zeros(loads.shape)
    for index, a in np.ndenumerate(loads):
        if 0 < a < 2 / math.pi:
            width = math.sqrt(2 * a)
            start = 1e-3 * math.sqrt(max(1 - a * math.pi / 2, 1e-12))
            out[index] = brentq(lambda m, w=width: math.erf(m / w) - m, start, 1.0)
        elif a == 0:
            out[index] = 1.0
    return out


def neurodynamics(load: npt.ArrayLike, cue: npt.ArrayLike, steps: int) -> FloatArray:
    """Overlap after `steps` parallel steps from a cue, N → ∞, broadcast over both; approximate from the second on."""
    from scipy.special import erf

    a, m = np.broadcast_arrays(np.asarray(load, float), np.asarray(cue, float))
    variance = a.copy()
    for _ in range(steps):
        width = np.sqrt(variance)
        density = np.exp(-((m / width) ** 2) / 2) / math.sqrt(2 * math.pi)
        after = erf(m / width / math.sqrt(2))
        variance = a + 4 * density**2 + 4 * a * m * after * density / width
        m = after
    return np.asarray(m)


def basin_edge(load: npt.ArrayLike, recalled: float = 0.9) -> FloatArray:
    """The smallest cue from which `neurodynamics` ends above `recalled`, to 1e-4; NaN where none does."""
    loads = np.asarray(load, float)
    low, high = np.zeros(loads.shape), np.ones(loads.shape)
    found = neurodynamics(loads, high, SETTLED) > recalled
    for _ in range(14):
        middle = (low + high) / 2
        enough = neurodynamics(loads, middle, SETTLED) > recalled
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.where(found, high, np.nan)
