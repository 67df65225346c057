"""Means of series as stages: where errors come from, burn-in, ragged and flagged series, lazily, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import signal

from isinglass.analysis import autocorrelation, errors, series
from isinglass.exceptions import InputError

STEP = 0.5  # s


def dataset(raw, x: np.ndarray, status: np.ndarray | None = None, **more: np.ndarray) -> xr.Dataset:
    """Series (load, sample, replica, time) `x` and `more`, STEP apart."""
    loads = np.arange(1, len(x) + 1) / 10
    ds = raw({"load": loads}, {"m": x, **more}, status).rename(own0="time")
    time = ("time", STEP * np.arange(1, x.shape[-1] + 1), {"units": "s", "long_name": "time"})
    return ds.assign_coords(time=time)


def autoregression(shape: tuple[int, ...], a: float = 0.8, seed: int = 1) -> np.ndarray:
    """Mean 1, variance 1/(1-a²)."""
    noise = np.random.default_rng(seed).normal(size=shape)
    noise[..., 0] /= np.sqrt(1 - a * a)
    return 1 + signal.lfilter([1], [1, -a], noise, axis=-1)


def test_a_single_sample_takes_its_series_and_several_take_samples(raw):
    """In units of time; replicas of one sample are independent given it, and count so."""
    x = autoregression((2, 3, 2, 4000))
    x[1] += np.array([-2.0, 0, 2])[:, None, None]  # samples differ by more than their noise
    status = np.ones((2, 3, 2))
    status[0, 1:] = 0
    ds = dataset(raw, x, status)
    out = series.mean("m")(ds)
    assert out.m_tau.dims == ("load", "sample", "replica")
    assert out.m_tau.attrs["units"] == "s"
    assert float(out.m_tau.mean()) == pytest.approx(4.5 * STEP, rel=0.2)
    np.testing.assert_allclose(out.m_effective[0, 0], 4000 * STEP / (2 * out.m_tau[0, 0]))
    assert (out.m_burn_in.isel(load=1) == 0).all()
    assert out.m_flag.values[0].tolist() == [[0, 0], [4, 4], [4, 4]]
    assert out.m_flag.attrs["flag_meanings"].split()[1] == "short"
    assert np.isnan(out.m_tau.values[0, 1:]).all()
    assert out.m_source.values.tolist() == [1, 0]
    assert out.m_samples.values.tolist() == [1, 3]
    each = [autocorrelation.gamma(x[0, 0, r]).error for r in range(2)]
    assert float(out.m_error[0]) == pytest.approx(np.hypot(*each) / 2)
    assert float(out.m_error[1]) == pytest.approx(x[1].mean((1, 2)).std(ddof=1) / np.sqrt(3))
    np.testing.assert_allclose(out.m_mean, [x[0, 0].mean(), x[1].mean()])
    assert out.m_flagged.values.tolist() == [0, 0]
    assert all(v.attrs["units"] and v.attrs["long_name"] for v in out.values())
    assert set(ds.merge(out)) > set(ds)


def test_both_sources_cover(raw):
    """2 x 1000 intervals of one error, around 68.3 %: single samples of 2 replicas, and 6 samples by Student's t."""
    x = autoregression((1000, 1, 2, 1000), seed=2)
    out = series.mean("m", burn_in=0)(dataset(raw, x))
    assert 0.64 < float((abs(out.m_mean - 1) < out.m_error).mean()) < 0.73
    x = autoregression((1000, 6, 2, 60), seed=3)
    out = series.mean("m", burn_in=0)(dataset(raw, x))
    low, high = errors.t_interval(out.m_mean, out.m_error, out.m_samples)
    assert 0.93 < float(((low < 1) & (high > 1)).mean()) < 0.97
    assert out.m_flagged.mean() > 0.9, "far too short to tell τ, and samples do not need it"


def test_ragged_failed_and_frozen_series(raw):
    """Beyond its length a series holds anything; a failed one counts nowhere; of a frozen one only the mean is said."""
    x = autoregression((4, 1, 2, 2000), seed=4)
    x[0, :, :, 900:] = 1e30
    x[1, 0, 1, 5] = np.nan  # diverged
    x[2] = 0.25
    status = np.ones((4, 1, 2))
    status[3, 0, 1] = 2
    ds = dataset(raw, x, status)
    lengths = ("load", [900.0, 2000, 2000, 2000])
    out = series.mean("m", burn_in=10.0)(ds.assign_coords(time_length=lengths))
    assert out.m_flag.values[:, 0].tolist() == [[0, 0], [0, 4], [3, 3], [0, 4]]
    assert out.m_mean.values[0] == pytest.approx(x[0, 0, :, 19:900].mean())
    assert out.m_burn_in.values[0, 0].tolist() == [9.5, 9.5], "19 values, the 20th is at 10 s"
    assert out.m_error.values[1] == pytest.approx(autocorrelation.gamma(x[1, 0, 0, 19:]).error)
    assert out.m_mean.values[2] == 0.25
    assert np.isnan(out.m_error.values[2])
    assert out.m_source.values.tolist() == [1, 1, 2, 1]
    assert out.m_flagged.values.tolist() == [0, 0.5, 1, 0]
    own = np.where(np.arange(2000) < np.array([900, 2000, 2000, 2000])[:, None], 2 * ds.time.values, np.nan)
    own = ds.drop_vars("time").assign_coords(time_length=lengths, time_value=(("load", "time"), own, {"units": "s"}))
    apart = series.mean("m", burn_in=20.0)(own)
    np.testing.assert_allclose(apart.m_tau, 2 * out.m_tau)
    xr.testing.assert_allclose(apart.m_mean, out.m_mean)


def test_nothing_done_and_one_value(raw):
    """As in a rehearsal, and at the smallest grids: NaN, no warning."""
    for length in (1, 3, 100):
        out = series.mean("m")(dataset(raw, np.full((1, 1, 1, length), np.nan), np.zeros((1, 1, 1))))
        assert np.isnan(out.m_mean).all()
        assert (out.m_flag == autocorrelation.FLAGS["undefined"]).all()
        assert out.m_source.values.tolist() == [2]
    ds = dataset(raw, autoregression((2, 2, 1, 100))).rename(load="point")
    assert series.mean("m")(ds).m_tau.dims == ("point", "sample", "replica")


def test_lazy_chunk_by_chunk(raw):
    ds = dataset(raw, autoregression((3, 2, 1, 500)))
    lazy = series.mean("m")(ds.chunk({"load": 1, "sample": 1}))
    assert lazy.m_tau.chunks is not None
    xr.testing.assert_allclose(lazy.compute(), series.mean("m")(ds))


def test_blocking_is_another_way_to_the_same(raw):
    ds = dataset(raw, autoregression((1, 1, 8, 8000)))
    gamma, blocks = (series.mean("m", burn_in=0, method=method)(ds) for method in ("gamma", "blocking"))
    assert float(blocks.m_error[0]) == pytest.approx(float(gamma.m_error[0]), rel=0.2)
    assert float(blocks.m_tau.mean()) == pytest.approx(4.5 * STEP, rel=0.25)


def test_functions_of_means(raw):
    """A variance from the means of x and x²: by Γ-method for one sample, by the jackknife for several."""
    x = autoregression((2, 5, 2, 4000), seed=7)
    status = np.ones((2, 5, 2))
    status[0, 1:] = 3
    ds = dataset(raw, x, status, m2=x**2)
    stage = series.estimate("spread", lambda m, m2: m2 - m**2, of=("m", "m2"), burn_in=0, units="1")
    out = stage(ds)
    assert out.spread_source.values.tolist() == [1, 0]
    for k in range(2):
        z = (float(out.spread_mean[k]) - 1 / 0.36) / float(out.spread_error[k])
        assert abs(z) < 4.5
    centre = x[0, 0].mean()
    each = [autocorrelation.gamma(x[0, 0, r] ** 2 - 2 * centre * x[0, 0, r]).error for r in range(2)]
    assert float(out.spread_error[0]) == pytest.approx(np.hypot(*each) / 2, rel=1e-6)
    scalars = raw({"load": [0.2]}, {"m": x[1:].mean(-1), "m2": (x[1:] ** 2).mean(-1)})
    same = errors.estimate("spread", lambda m, m2: m2 - m**2, of=("m", "m2"))(scalars)
    assert float(out.spread_error[1]) == pytest.approx(float(same.spread_error[0]))


def test_what_is_refused(raw):
    x = autoregression((1, 1, 1, 64))
    ds = dataset(raw, x, z=x + 1j)
    for stage, words in (
        (lambda: series.mean("m", along="tme"), "did you mean 'time'"),
        (lambda: series.mean("q"), "no observable 'q'"),
        (lambda: series.mean("z"), "is complex"),
        (lambda: series.mean("m", method="gama"), "did you mean 'gamma'"),
        (lambda: series.mean("m", burn_in=-1), "a time from 0 on"),
    ):
        with pytest.raises(InputError, match=words):
            stage()(ds)
    uneven = ds.assign_coords(time=("time", np.geomspace(1, 100, 64)))
    with pytest.raises(InputError, match=r"not even.*record at linear"):
        series.mean("m")(uneven)
