"""The Γ-method over 10,000 series of 1000 values, against emcee in a loop.

pytest tests/benchmarks/test_series_speed.py --benchmark-columns=min,median
"""

import time

import numpy as np
import pytest
from scipy import signal

from isinglass.analysis import autocorrelation

SERIES, VALUES = 10_000, 1000


@pytest.fixture(scope="module")
def series() -> np.ndarray:
    noise = np.random.default_rng(1).normal(size=(SERIES, VALUES))
    return signal.lfilter([1], [1, -0.8], noise, axis=1)


def test_gamma_method(benchmark, series):
    """τ, its error, the mean's error and its error; emcee gives τ alone. At least three times as fast."""
    emcee = pytest.importorskip("emcee.autocorr")
    found = benchmark.pedantic(autocorrelation.gamma, (series,), rounds=5, warmup_rounds=1)
    part = series[: SERIES // 10]
    start = time.perf_counter()
    theirs = np.array([emcee.integrated_time(row, quiet=True)[0] for row in part])
    seconds = 10 * (time.perf_counter() - start)
    ratio = seconds / benchmark.stats.stats.min
    benchmark.extra_info |= {"emcee, seconds": round(seconds, 2), "ratio": round(ratio, 1)}
    assert np.mean(2 * found.tau[: len(part)] / theirs) == pytest.approx(1, abs=0.1)
    assert ratio > 3, f"{ratio:.1f} times as fast as emcee"


def test_analysis_with_burn_in(benchmark, series):
    """The same with a burn-in sought for each of them."""
    benchmark.pedantic(autocorrelation.analysed, (series[:2000], -1, VALUES), rounds=3, warmup_rounds=1)
