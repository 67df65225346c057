"""Dense associative memory at T = 0: the error of one step from a pattern, and folds of a no-reaction approximation.

Load α_n = P/N^(n-1), F(x) = x^n. In one step the crosstalk on a neuron is a sum of P - 1 independent terms, of variance
α_n (2n-3)!! in units of the signal's square for N → ∞, and normal there: the error is ½ erfc(1/√(2α_n(2n-3)!!)) (Krotov
and Hopfield 2016).

The no-reaction approximation lets the crosstalk of a state of overlap m be that of a random one, while the signal is
m^(n-1): m = erf(m^(n-1)/√(2α_n(2n-3)!!)). With y = m^(n-1)/√(2α_n(2n-3)!!) every solution is explicit, m = erf y and
√(2α_n(2n-3)!!) = erf(y)^(n-1)/y, and the largest load with one, the fold, is the maximum of that over y (n = 2: at
y = 0, a continuous end at 2/π). The crosstalk does react: for n = 2 the transition is at 0.1379 (`theory.ags`). The
folds are overlays, not transitions.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def double_factorial(order: int) -> int:
    """(2n-3)!!, the variance of x^(n-1) for normal x: 1, 3, 15 for n = 2, 3, 4."""
    return math.prod(range(1, 2 * order - 2, 2))


def one_step_error(load: npt.ArrayLike, order: int) -> FloatArray:
    """Share of a pattern's neurons that one parallel step turns, N → ∞."""
    from scipy.special import erfc

    return np.asarray(0.5 * erfc(1 / np.sqrt(2 * np.asarray(load, float) * double_factorial(order))))


def finite_one_step_error(neurons: int, patterns: int, order: int) -> float:
    """The same at finite N and P: the signal less the crosstalk, of P - 1 terms ±f(R), R the sum of N - 1 signs.

    By inversion of the characteristic function, ⟨cos t f(R)⟩^(P-1), around t = 0. Fields of zero count half, where in
    the model they turn nothing; the spacing of the fields is smoothed over. That leaves less than 1e-4 of the error for
    n > 2; for n = 2, where the spacing is 2/N, `theory.crosstalk` is exact.
    """
    from scipy.stats import binom

    rest = 2.0 * np.arange(neurons) - (neurons - 1)
    weight = binom.pmf(np.arange(neurons), neurons - 1, 0.5)
    size = {2: rest, 3: 3 * rest**2 + 1, 4: rest**3 + rest}[order]
    signal = size[-1]
    width = math.sqrt((patterns - 1) * float(weight @ size**2))
    t = (np.arange(4000) + 0.5) * (12 / 4000)  # in units of 1/width: the characteristic function is e^(-t²/2), roughly
    mean = np.array([weight @ np.cos(size * (x / width)) for x in t])
    with np.errstate(divide="ignore"):
        power = np.where(mean > 0, np.exp((patterns - 1) * np.log(np.maximum(mean, 1e-300))), 0.0)
    return float(0.5 - (power * np.sin(t * signal / width) / t).sum() * (12 / 4000) / math.pi)


def _width(y: npt.ArrayLike, order: int) -> FloatArray:
    """erf(y)^(n-1)/y."""
    from scipy.special import erf

    return np.asarray(erf(y) ** (order - 1) / np.asarray(y, float))


def exponential_stability(neurons: int, patterns: int) -> float:
    """Probability that a pattern is stable with exponential interaction, from rivals one flip away alone.

    Such a rival pulls as hard on the neuron where it differs as the pattern itself, and the rest decides, so that half
    of them turn it: exp(-N(P-1)/2^(N+1)). Rivals further away pull less, by e² a flip, and are left out.
    """
    return math.exp(-neurons * (patterns - 1) * 0.5 ** (neurons + 1))


@functools.cache
def no_reaction_fold(order: int) -> tuple[float, float]:
    """Largest load with a solution m > 0 of the no-reaction approximation, and m there; orders 3 and 4."""
    from scipy.optimize import minimize_scalar
    from scipy.special import erf

    best = minimize_scalar(
        lambda y: -float(_width(y, order)), bounds=(0.3, 4), method="bounded", options={"xatol": 1e-12}
    )
    return float(_width(best.x, order)) ** 2 / (2 * double_factorial(order)), float(erf(best.x))


def no_reaction_overlap(load: npt.ArrayLike, order: int, stable: bool = True) -> FloatArray:
    """m of the no-reaction approximation: the stable solution, or the unstable one; NaN beyond the fold."""
    from scipy.optimize import brentq
    from scipy.special import erf, erfinv

    largest, at = no_reaction_fold(order)
    turn = float(erfinv(at))

    def one(load: float) -> float:
        if not 0 < load < largest:
            return math.nan
        width = math.sqrt(2 * load * double_factorial(order))
        ends = (turn, 1 / width + 1) if stable else (1e-12, turn)
        return float(erf(brentq(lambda y: float(_width(y, order)) - width, *ends, xtol=1e-14)))

    values = np.asarray(load, float)
    return np.array([one(float(x)) for x in values.ravel()]).reshape(values.shape)
