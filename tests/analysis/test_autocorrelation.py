"""The Γ-method, blocking and burn-in: exact laws, three other programs as oracles, and how often intervals cover."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal, stats

from isinglass.analysis import autocorrelation
from isinglass.kernels import ising
from isinglass.kernels.bernoulli import BANK, open_bank


def autoregression(a: float, rows: int, values: int, seed: int = 1) -> np.ndarray:
    """x' = a x + noise of unit variance, stationary from the start: τ = (1+a)/(2(1-a)), mean 0, variance 1/(1-a²)."""
    noise = np.random.default_rng(seed).normal(size=(rows, values))
    noise[:, 0] /= np.sqrt(1 - a * a)
    return signal.lfilter([1], [1, -a], noise, axis=1)


def share(hits: np.ndarray, expected: float) -> bool:
    """Whether a share of intervals that cover is as expected: exact binomial, false alarm 1e-4."""
    return bool(stats.binomtest(int(hits.sum()), hits.size, expected).pvalue > 1e-4)


@pytest.mark.parametrize(("a", "values", "bias"), [(0.0, 1000, 0.04), (0.5, 1000, 0.02), (0.9, 5000, 0.03)])
def test_autocorrelation_time_of_an_autoregression(a, values, bias):
    """Unbiased to `bias` (τ = 1/2 can only be overstated), and its scatter over series is the error that is given."""
    found = autocorrelation.gamma(autoregression(a, 1000, values))
    exact = (1 + a) / (2 * (1 - a))
    assert found.tau.mean() == pytest.approx(exact, rel=bias + 4 * found.tau.std() / exact / np.sqrt(1000))
    assert found.tau.std() == pytest.approx(found.tau_error.mean(), rel=0.3)
    assert found.error.mean() == pytest.approx(found.mean.std(), rel=0.1)
    if a:
        assert found.error.std() == pytest.approx(found.error_of_error.mean(), rel=0.3)


# Share of intervals ± 1.96 errors that cover, of 20 000 series of an autoregression with a = 0.5, 0.8, 0.95 each, by
# their length in 2τ: Γ-method .915 .920 .919 at 25, .929 .932 .936 at 50, .944 .945 .946 at 200, .950 .950 at 1000; a
# burn-in that is sought takes off .01 to .04 at 25, up to .02 at 50. Blocking, with Student's t: .93 .93 .93 at 25 (of
# the 3 to 12 % without a plateau nothing is said), .940 .937 .942 at 50, .949 .945 .944 at 200. Independent values
# (a = 0): .953 to .956.
@pytest.mark.parametrize(("a", "values"), [(0.0, 500), (0.5, 600), (0.9, 4000)])
def test_intervals_of_long_series_cover(a, values):
    """3 x 1000 intervals of the Γ-method and of blocking: from 1.5 % below nominal on, for 200 x 2τ values."""
    x = autoregression(a, 1000, values, seed=2)
    found, blocks = autocorrelation.gamma(x), autocorrelation.blocking(x)
    hit = abs(found.mean) < 1.96 * found.error
    half = stats.t.ppf(0.975, blocks.blocks - 1) * blocks.error
    for hits in (hit, abs(blocks.mean) < half):
        low, high = stats.binomtest(int(hits.sum()), hits.size).proportion_ci(1 - 1e-4)
        assert low < 0.95
        assert high > 0.935


@pytest.mark.long
@pytest.mark.parametrize("a", [0.0, 0.5, 0.8, 0.95])
@pytest.mark.parametrize(("times", "least"), [(25, 0.90), (50, 0.915), (200, 0.93), (1000, 0.925)])
def test_intervals_cover(a, times, least):
    """104 000 intervals: series of `times` x 2τ values cover at least as often as the how-to page says."""
    tau = (1 + a) / (2 * (1 - a))
    x = autoregression(a, 4000 if times < 1000 else 1000, round(times * 2 * tau), seed=3)
    found, blocks = autocorrelation.gamma(x), autocorrelation.blocking(x)
    settled = autocorrelation.analysed(x[:1000], -1, x.shape[1])
    good = blocks.blocks > 1
    half = stats.t.ppf(0.975, np.maximum(blocks.blocks - 1, 1)) * blocks.error
    shares = {
        "gamma": np.mean(abs(found.mean) < 1.96 * found.error),
        "one sigma": np.mean(abs(found.mean) < found.error),
        "burn-in": np.mean(abs(settled.mean) < 1.96 * settled.error),
        "blocking": np.mean(abs(blocks.mean[good]) < half[good]),
        "no plateau": 1 - good.mean(),
        "flagged": np.mean(settled.flag > 0),
    }
    print(a, times, {k: round(float(v), 4) for k, v in shares.items()})
    assert least < shares["gamma"] < 0.965
    assert least < shares["blocking"] < 0.965
    assert shares["burn-in"] > least - 0.035  # 1000 intervals alone


def test_pyerrors_agrees():
    """Value, error, its error, τ, its error and window: the same formulas, so equal to rounding; and a function."""
    pyerrors = pytest.importorskip("pyerrors")
    x = 3 + autoregression(0.8, 4, 1500)
    found = autocorrelation.gamma(x)
    for i, row in enumerate(x):
        other = pyerrors.Obs([row], ["chain"])
        other.gamma_method(S=2.0)
        ours = [column[i] for column in found]
        theirs = [other.value, other.dvalue, other.ddvalue]
        theirs += [d["chain"] for d in (other.e_tauint, other.e_dtauint, other.e_windowsize)]
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    y = x[0] ** 2 + 0.3 * x[1]
    ratio = autocorrelation.derived(lambda m, s: s / m**2, x[0], y)
    other = pyerrors.Obs([y], ["chain"]) / pyerrors.Obs([x[0]], ["chain"]) ** 2
    other.gamma_method(S=2.0)
    assert ratio.mean == pytest.approx(other.value, rel=1e-12)
    assert ratio.error == pytest.approx(other.dvalue, rel=1e-6)
    assert ratio.tau == pytest.approx(other.e_tauint["chain"], rel=1e-6)
    separate = autocorrelation.gamma(y).error / x[0].mean() ** 2
    assert ratio.error < 0.8 * separate, "what the series share would be lost"


def test_emcee_and_arviz_agree():
    """Other windows (5 τ; initial monotone sequence): the same τ to 15 % for each long series, 3 % on average."""
    emcee = pytest.importorskip("emcee.autocorr")
    arviz = pytest.importorskip("arviz_stats.base").array_stats
    x = autoregression(0.8, 40, 20_000)
    found = autocorrelation.gamma(x)
    sokal = np.array([emcee.integrated_time(row)[0] for row in x])
    np.testing.assert_allclose(2 * found.tau, sokal, rtol=0.15)
    assert np.mean(2 * found.tau / sokal) == pytest.approx(1, abs=0.03)
    effective = np.array([arviz.ess(row[None], method="mean") for row in x])
    errors = np.array([arviz.mcse(row[None], method="mean") for row in x])
    np.testing.assert_allclose(x.shape[1] / (2 * found.tau), effective, rtol=0.15)
    assert np.mean(found.error / errors) == pytest.approx(1, abs=0.03)


def magnet(temperature: float, steps: int, length: int = 16) -> np.ndarray:
    """|m| of 64 replicas of a real magnet, (64, steps), from all spins up."""
    bank, dither = np.empty((4, BANK), np.uint64), np.empty(4, np.uint64)
    open_bank(np.arange(1, 5, dtype=np.uint64), 0, bank, dither)
    lattice = np.empty((2, length, length // 2 + 2), np.uint64)
    ising.write(lattice, np.ones((length, length), np.int8))
    magnetisation, energy = (np.empty((steps, 64), np.int64) for _ in range(2))
    ising.run(lattice, ising.HEAT_BATH, temperature, bank, dither, steps, 1, magnetisation, energy)
    return abs(magnetisation.T / length**2)


def test_a_real_magnet():
    """16 x 16 spins near T_c: errors from single series are the scatter of 64 of them; emcee agrees on τ."""
    emcee = pytest.importorskip("emcee.autocorr")
    x = magnet(2.4, 6000)
    found = autocorrelation.analysed(x, -1, x.shape[1])
    assert (found.flag == 0).all()
    assert np.median(found.tau) > 10, "it is slow there"
    spread = found.mean.std(ddof=1)
    assert np.sqrt(np.mean(found.error**2)) == pytest.approx(spread, rel=4 / np.sqrt(2 * 63))
    settled = x[:, 1000:]
    sokal = emcee.integrated_time(settled.T[:, :, None])[0]
    assert 2 * autocorrelation.gamma(settled).tau.mean() == pytest.approx(sokal, rel=0.1)
    blocks = autocorrelation.blocking(settled)
    assert np.sqrt(np.nanmean(blocks.error**2)) == pytest.approx(spread, rel=0.4)


def test_burn_in_finds_where_a_transient_ends():
    """A start 10 scatters off that decays over 50 steps; none is found in most settled series."""
    settled = autoregression(0.5, 60, 3200, seed=5)
    drift = settled + 10 * np.exp(-np.arange(3200) / 50)
    found = autocorrelation.burn_in(drift)
    assert ((found >= 100) & (found <= 400)).mean() > 0.95
    assert (autocorrelation.burn_in(settled) == 0).mean() > 0.9
    plain, cut = (autocorrelation.analysed(drift, start, 3200) for start in (0, -1))
    assert abs(cut.mean.mean()) < 0.2 * plain.mean.mean()
    late = settled - 10 * (np.arange(3200) < 1500)
    assert (autocorrelation.analysed(late, -1, 3200).flag == autocorrelation.FLAGS["drifting"]).all()
    slope = settled + np.linspace(0, 40, 3200)
    assert (autocorrelation.analysed(slope, -1, 3200).flag != autocorrelation.FLAGS["ok"]).all()


def test_what_can_not_be_said_is_flagged():
    x = autoregression(0.9, 6, 4000)
    x[1] = 0.1
    x[2, 7] = np.nan
    x[3, 4] = np.inf
    out = autocorrelation.analysed(x, 0, np.array([4000, 4000, 4000, 4000, 200, 5]))
    assert [list(autocorrelation.FLAGS)[f] for f in out.flag] == [
        "ok", "constant", "undefined", "undefined", "short", "undefined",
    ]  # fmt: skip
    np.testing.assert_array_equal(np.isfinite(out.mean), [True, True, False, False, True, False])
    np.testing.assert_array_equal(np.isfinite(out.tau), [True, False, False, False, True, False])
    assert out.mean[1] == pytest.approx(0.1)
    np.testing.assert_allclose(out.mean[4], x[4, :200].mean())
    for few in (0, 1, 7):
        assert np.isnan(autocorrelation.gamma(x[:, :few]).tau).all()
        assert np.isnan(autocorrelation.blocking(x[:, :few]).error).all()
    slow = autocorrelation.analysed(autoregression(0.999, 5, 256), 0, 256, "blocking")
    assert (slow.flag == 1).all(), "no plateau"


def test_a_series_that_turns_against_itself_is_not_credited():
    x = np.tile([1.0, -1.0], 500) + 0.1 * autoregression(0, 1, 1000)[0]
    found = autocorrelation.gamma(x)
    assert found.tau == pytest.approx(0.5, rel=0.01)
    assert found.error == pytest.approx(x.std() / np.sqrt(1000), rel=0.01)


def test_blocks_are_exact():
    """Without correlations the plateau is at the first B³ > 2N; halves of odd numbers leave the last value out."""
    x = autoregression(0, 3, 1001)
    found = autocorrelation.blocking(x)
    assert found.length.tolist() == [16] * 3
    assert found.blocks.tolist() == [62] * 3
    by_hand = x[:, : 62 * 16].reshape(3, 62, 16).mean(axis=2)
    np.testing.assert_allclose(found.error, by_hand.std(axis=1, ddof=1) / np.sqrt(62))
    np.testing.assert_allclose(found.error_of_error, found.error / np.sqrt(122))
    np.testing.assert_allclose(found.mean, x.mean(axis=1))


def test_errors_of_functions_cover():
    """1000 intervals of the relative variance of an autoregression about 4; exact to first order."""
    a, mean = 0.7, 4.0
    x = mean + autoregression(a, 1000, 2000, seed=6)
    found = autocorrelation.derived(lambda m, s: s / m**2 - 1, x, x**2)
    exact = 1 / (1 - a * a) / mean**2
    hits = abs(found.mean - exact) < 1.96 * found.error
    assert share(hits, 0.945), hits.mean()
    assert found.error.mean() == pytest.approx(found.mean.std(), rel=0.1)
    linear = autocorrelation.derived(lambda m, s: 2 * m - 3 * s, x, x**2)
    np.testing.assert_allclose(linear.error, autocorrelation.gamma(2 * x - 3 * x**2).error, rtol=1e-8)
