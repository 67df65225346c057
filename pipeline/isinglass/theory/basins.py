"""Recall from a cue at T = 0 under parallel dynamics: the first two steps exactly, all steps approximately.

P random patterns of N signs, Hebb couplings, J_ii = 0. With σ_j = ξ_j^0 s_j the field on neuron i, in the direction of
ξ_i^0 and times N, is

    Σ_{j ≠ i} σ_j + Σ_{μ ≥ 1} Σ_{j ≠ i} ξ_i^0 ξ_i^μ ξ_j^μ s_j,

and the products of the second sum are (P - 1)(N - 1) independent random signs, whatever the cue: neuron i errs where
that is negative, and stays where it is zero. So the expected overlap after one step is a sum of binomial
probabilities for whole N and P, and erf(m/√(2α)) for N → ∞ from a cue of overlap m.

From the second step on the crosstalk knows the state. To first order in what one pattern adds to the fields, with
φ the normal density, σ = √α and χ = 2φ(m/σ)/σ the response of the first step, it is normal of variance
σ'² = α + α χ² + 2α χ m m' plus the neuron's own echo α χ s_i(0), which came back over J_ij J_ji: exact for N → ∞.
`neurodynamics` leaves out the echo and repeats the rest, σ'² = α + χ²σ² + 2α χ m m' with χ = 2φ(m/σ)/σ (Amari and
Maginu, Neural Networks 1 (1988) 63, from memory): an approximation. Its capacity is 0.16, and its basins are wider
than those of the network.
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


def two_step_overlap(load: npt.ArrayLike, cue: npt.ArrayLike) -> FloatArray:
    """Overlap after the second step from a cue of overlap m, N → ∞, all neurons free, broadcast over both; exact.

    Σ_{σ = ±1} (1 + σm)/2 erf((m' + α χ σ)/(√2 σ')), m' = erf(m/√(2α)).
    """
    from scipy.special import erf

    a, m = np.broadcast_arrays(np.asarray(load, float), np.asarray(cue, float))
    after, variance, response = _carried(a, m, a)
    echo, width = a * response, np.sqrt(2 * variance)
    return np.asarray((1 + m) / 2 * erf((after + echo) / width) + (1 - m) / 2 * erf((after - echo) / width))


def _carried(a: FloatArray, m: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Overlap after one step, variance of the next crosstalk, response χ of this step."""
    from scipy.special import erf

    width = np.sqrt(variance)
    response = 2 * np.exp(-((m / width) ** 2) / 2) / math.sqrt(2 * math.pi) / width
    after = erf(m / width / math.sqrt(2))
    return after, a + response**2 * variance + 2 * a * response * m * after, response


def neurodynamics(load: npt.ArrayLike, cue: npt.ArrayLike, steps: int) -> FloatArray:
    """Overlap after `steps` parallel steps from a cue, N → ∞, broadcast over both; approximate from the second on."""
    a, m = np.broadcast_arrays(np.asarray(load, float), np.asarray(cue, float))
    variance = a
    for _ in range(steps):
        m, variance, _ = _carried(a, m, variance)
    return np.asarray(m)


def basin_edge(load: npt.ArrayLike, recalled: float = 0.9) -> FloatArray:
    """The smallest cue from which `neurodynamics` ends above `recalled`, to 1e-4; NaN where none does."""
    loads = np.maximum(np.asarray(load, float), 1e-9)  # without any load there is no crosstalk to divide by
    low, high = np.zeros(loads.shape), np.ones(loads.shape)
    found = neurodynamics(loads, high, SETTLED) > recalled
    for _ in range(14):
        middle = (low + high) / 2
        enough = neurodynamics(loads, middle, SETTLED) > recalled
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.where(found, high, np.nan)
