"""What correlated series say of their means: autocorrelation times by the Γ-method, blocking, burn-in.

Arrays in, arrays out: series are rows (..., N) of real numbers at equal steps in time, and all times are in these
steps. The integrated autocorrelation time is τ = 1/2 + Σ_{t>=1} ρ(t): 1/2 for independent values, and
(1 + a)/(2(1 - a)) for an autoregression x' = a x + noise. N values tell as much as N/(2τ) independent ones.
(emcee's and Sokal's τ with 1 + 2 Σ ρ is twice as large.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEAST = 8
"""Values below which nothing is said of a series."""
ENOUGH = 50
"""Autocorrelation times that a series must have for its own estimate of them to be trusted (emcee's rule, in its τ)."""
FLAGS = {"ok": 0, "short": 1, "drifting": 2, "constant": 3, "undefined": 4}
"""short: fewer than ENOUGH x 2τ values; drifting: the burn-in found is the longest that is tried, half of the series;
constant: all values are equal; undefined: fewer than LEAST values, one that is not finite, or nothing computed."""
STARTS = (0, 1 / 64, 1 / 32, 1 / 16, 3 / 32, 1 / 8, 3 / 16, 1 / 4, 3 / 8, 1 / 2)
"""The shares of a series that are tried as burn-in."""
BATCH = 2**21
"""Values of series that are transformed at once: 50 MB of memory, whatever their number."""


class Gamma(NamedTuple):
    """What the Γ-method says of rows of values, each (...): τ and the window in steps."""

    mean: Floats
    error: Floats
    error_of_error: Floats
    tau: Floats
    tau_error: Floats
    window: npt.NDArray[np.int64]


def gamma(x: npt.ArrayLike, scale: float = 2.0) -> Gamma:
    """The Γ-method for each row of `x` (..., N): mean, its standard error, the error of that, τ, its error, window.

    The sum over ρ(t) ends at Wolff's automatic window: the first W at which exp(-W/τ_e) < τ_e/√(W N), where the
    exponential time is guessed as τ_e = `scale`/ln((2τ+1)/(2τ-1)); at most N/2. Γ(t) is divided by its N - t products,
    and τ is corrected for the mean being that of the series itself: x (1 + (2W+1)/N). The error of τ is
    2τ √((W + 1/2 - τ)/N), that of the error the error x √((W + 1/2)/N). Wolff, Comput. Phys. Commun. 156 (2004) 143
    (hep-lat/0306017), eqs. 31, 35, 42, 49 to 52. A series that turns against itself (τ < 1/2) is given 1/2: its error
    is too large, never too small. NaN for constant rows; also below LEAST values, all rows.
    """
    x = np.asarray(x, dtype=np.float64)
    n = x.shape[-1]
    if n < LEAST:
        nothing = np.full(x.shape[:-1], np.nan)
        return Gamma._make([*(nothing.copy() for _ in range(5)), np.zeros(x.shape[:-1], np.int64)])
    rows = x.reshape(int(np.prod(x.shape[:-1])), n)
    parts = [_gamma(rows[part], scale) for part in _batches(len(rows), 4 * n)]
    columns = [np.concatenate(c).reshape(x.shape[:-1]) for c in zip(*parts, strict=True)]
    return Gamma._make(columns)


def _gamma(x: Floats, scale: float) -> Gamma:
    """`gamma` of rows (M, N) that fit into memory."""
    n, most = x.shape[1], x.shape[1] // 2
    mean = x.mean(axis=1)
    covariance = autocovariance(x, most)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        correlation = covariance / np.where(is_constant(x), np.nan, covariance[:, 0])[:, None]
        correlation[:, 0] = 0.5
        taus = np.maximum(np.cumsum(correlation, axis=1), 0.5 + np.finfo(float).eps)[:, 1:]
        decay = scale / np.log1p(2 / (2 * taus - 1))
        lag = np.arange(1, most)
        beyond = np.exp(-lag / decay) < decay / np.sqrt(lag * n)
    beyond[:, -1] = True
    window = np.argmax(beyond, axis=1) + 1
    tau = taus[np.arange(len(x)), window - 1]
    tau_error = 2 * tau * np.sqrt(abs(window + 0.5 - tau) / n)
    tau = tau * (1 + (2 * window + 1) / n) / (1 + 1 / n)
    error = np.sqrt(2 * tau * covariance[:, 0] * (1 + 1 / n) / n)
    return Gamma(mean, error, error * np.sqrt((window + 0.5) / n), tau, tau_error, window)


def autocovariance(x: Floats, lags: int) -> Floats:
    """Γ(t) = Σ (x_i - x̄)(x_{i+t} - x̄)/(N - t) for t = 0 .. lags-1 of rows (M, N): (M, lags), by Fourier transform."""
    from scipy import fft

    n = x.shape[1]
    size = fft.next_fast_len(n + lags, real=True)
    power = fft.rfft(x - x.mean(axis=1, keepdims=True), size)
    power = power.real**2 + power.imag**2
    return np.asarray(fft.irfft(power, size)[:, :lags] / (n - np.arange(lags)))


def is_constant(x: Floats) -> npt.NDArray[np.bool_]:
    """Whether all values of a row are equal, to rounding."""
    return np.asarray(np.ptp(x, axis=-1) <= 8 * np.finfo(float).eps * abs(x).max(axis=-1))


class Blocking(NamedTuple):
    """What blocking says of rows of values, each (...); `blocks` of `length` values each."""

    mean: Floats
    error: Floats
    error_of_error: Floats
    length: npt.NDArray[np.int64]
    blocks: npt.NDArray[np.int64]


def blocking(x: npt.ArrayLike) -> Blocking:
    """Blocking for each row of `x` (..., N): mean, its standard error s/√n over n blocks, the error of that, blocks.

    Neighbours are averaged in pairs, again and again (Flyvbjerg and Petersen, J. Chem. Phys. 91 (1989) 461); a last
    value without a neighbour is left out. The plateau is the first length B = 1, 2, 4, ... with B³ > 2N (σ_B/σ_1)⁴:
    there what is left of the correlations is about as large as the scatter of σ_B (Lee et al., Phys. Rev. E 83 (2011)
    066706). The error of the error is σ/√(2(n-1)). An interval takes Student's t with n-1 degrees of freedom. NaN where
    there is no such length with two blocks, for constant rows, and below LEAST values.
    """
    x = np.asarray(x, dtype=np.float64)
    n = x.shape[-1]
    rows = x.reshape(int(np.prod(x.shape[:-1])), n)
    error, count, lengths = np.full(len(rows), np.nan), *np.zeros((2, len(rows)), np.int64)
    length, y = 1, rows
    todo = ~is_constant(rows) if n >= LEAST else np.zeros(len(rows), bool)
    first = np.ones(len(rows))
    while y.shape[1] >= 2 and todo.any():
        here = y.std(axis=1, ddof=1) / np.sqrt(y.shape[1])
        if length == 1:
            first = np.where(todo, here, 1.0)
        reached = todo & (length**3 > 2 * n * (here / first) ** 4)
        error[reached], count[reached], lengths[reached] = here[reached], y.shape[1], length
        todo &= ~reached
        y = 0.5 * (y[:, 0 : y.shape[1] - 1 : 2] + y[:, 1::2])
        length *= 2
    with np.errstate(invalid="ignore"):
        uncertainty = error / np.sqrt(2 * (count - 1.0))
    shape = x.shape[:-1]
    mean = rows.mean(axis=1) if n >= LEAST else np.full(len(rows), np.nan)
    columns = (mean, error, uncertainty, lengths, count)
    return Blocking._make(c.reshape(shape) for c in columns)


def burn_in(x: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """How many values to leave out at the start of each row of `x` (..., N): those after it tell most of the mean.

    The start that makes the effective number of values (N - start)/(2τ) largest (Chodera, J. Chem. Theory Comput. 12
    (2016) 1799), of STARTS; of those within one standard error of τ of the largest the earliest, since the largest of
    several estimates is that with the most luck. 0 for constant rows and short ones.
    """
    x = np.asarray(x, dtype=np.float64)
    n = x.shape[-1]
    starts = [s for s in dict.fromkeys(int(n * share) for share in STARTS) if n - s >= LEAST] or [0]
    found = [gamma(x[..., s:]) for s in starts]
    kept = n - np.array(starts, float).reshape(-1, *[1] * (x.ndim - 1))
    tau = np.array([f.tau for f in found])
    effective = np.nan_to_num(kept / (2 * tau), nan=0.0)
    best = np.argmax(effective, axis=0)[None]
    spread = np.take_along_axis(np.array([f.tau_error for f in found]) / tau, best, 0)
    close = effective >= np.take_along_axis(effective, best, 0) / (1 + np.nan_to_num(spread))
    return np.asarray(np.array(starts)[np.argmax(close, axis=0)])


class Analysed(NamedTuple):
    """What is known of each series, (...): times in steps, `start` the values left out, `flag` of FLAGS."""

    mean: Floats
    error: Floats
    tau: Floats
    tau_error: Floats
    effective: Floats
    start: Floats
    flag: npt.NDArray[np.int8]


def analysed(x: Floats, start: npt.ArrayLike, length: npt.ArrayLike, method: str = "gamma") -> Analysed:
    """`gamma` (or the error of `blocking`, with τ = (σ_B/σ_1)²/2) of `length` values of each row of `x` (..., T).

    `start` values are left out at its beginning; -1: as many as `burn_in` says. `start` and `length` broadcast over the
    rows. What lies beyond `length` may be anything.
    """
    rows = np.asarray(x, dtype=np.float64).reshape(int(np.prod(x.shape[:-1])), x.shape[-1])
    starts, lengths = (np.broadcast_to(v, x.shape[:-1]).reshape(-1) for v in (start, length))
    out = np.full((6, len(rows)), np.nan)
    flag = np.full(len(rows), FLAGS["undefined"], np.int8)
    for n in np.unique(lengths).astype(int).tolist():
        for part in _batches(int((lengths == n).sum()), 4 * n):
            where = np.flatnonzero(lengths == n)[part]
            where = where[np.isfinite(rows[where, :n]).all(axis=1)] if n >= LEAST else where[:0]
            y, begin = rows[where, :n], starts[where].astype(int)
            if (begin < 0).any():
                begin[begin < 0] = burn_in(y[begin < 0])
            for s in np.unique(begin[n - begin >= LEAST]).tolist():
                at = where[begin == s]
                out[:, at], flag[at] = _kept(y[begin == s, s:], method)
                out[5, at] = s
                limit = [int(n * share) for share in STARTS][-1]
                flag[at[(starts[at] < 0) & (s >= limit) & (flag[at] < FLAGS["drifting"])]] = FLAGS["drifting"]
    shape = x.shape[:-1]
    return Analysed._make([*(row.reshape(shape) for row in out), flag.reshape(shape)])


def _kept(x: Floats, method: str) -> tuple[Floats, npt.NDArray[np.int8]]:
    """The first five columns of `Analysed` and one to be filled (6, M), and the flags, of what is kept (M, N)."""
    n = x.shape[1]
    mean, error, _, tau, tau_error, _ = gamma(x)
    if method == "blocking":
        mean, error, uncertainty, _, _ = blocking(x)
        tau = 0.5 * error**2 * n / np.where(is_constant(x), np.nan, x.var(axis=1, ddof=1))
        tau_error = 2 * tau * uncertainty / error
    effective = n / (2 * tau)
    flag = np.where(effective < ENOUGH, FLAGS["short"], FLAGS["ok"])
    flag = np.where(np.isnan(tau), FLAGS["short"], flag)  # no plateau
    flag = np.where(is_constant(x), FLAGS["constant"], flag)
    return np.array([mean, error, tau, tau_error, effective, np.zeros(len(x))]), flag.astype(np.int8)


def derived(function: Callable[..., npt.ArrayLike], *series: npt.ArrayLike, scale: float = 2.0) -> Gamma:
    """The Γ-method for a function of the means of several series (..., N) that were recorded together.

    `function` takes the means, each (...), and works element by element. To first order its error is that of the mean
    of the series Σ_k f_k (x_k - x̄_k), f_k the derivatives at the means, so that what the series have in common counts
    (Wolff 2004, section 3); by central differences over ±σ_k/10⁴, σ_k the scatter of the series. `mean` is the
    function of the means; its bias, of order error², is not corrected.
    """
    x = [np.asarray(s, dtype=np.float64) for s in series]
    means = [s.mean(axis=-1) for s in x]
    gradient = slopes(function, means, [s.std(axis=-1) for s in x])
    projected = sum(g[..., None] * (s - m[..., None]) for g, s, m in zip(gradient, x, means, strict=True))
    found = gamma(np.asarray(projected), scale)
    return found._replace(mean=np.asarray(function(*means), dtype=np.float64))


def slopes(function: Callable[..., npt.ArrayLike], at: list[Floats], scatter: list[Floats]) -> list[Floats]:
    """The derivatives of `function` at `at`, by central differences over ±scatter/10⁴; 0 where there is no scatter."""
    out = []
    for k, (value, step) in enumerate(zip(at, scatter, strict=True)):
        step = 1e-4 * step
        up, down = ([*at[:k], value + sign * step, *at[k + 1 :]] for sign in (1, -1))
        width = np.where(step > 0, (value + step) - (value - step), 1.0)  # as it is, after rounding
        out.append(np.asarray(function(*up) - np.asarray(function(*down))) / width)
    return out


def _batches(count: int, values: int) -> Iterator[slice]:
    size = max(BATCH // max(values, 1), 1)
    return (slice(first, first + size) for first in range(0, count, size))
