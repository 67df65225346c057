"""Retention times with censoring: worked examples, exact exponentials, and what is said where half never fall."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from isinglass.analysis import retention
from isinglass.exceptions import InputError

# Weeks in remission of leukaemia patients on 6-mercaptopurine (+: still in remission) and on placebo: Freireich et al.,
# Blood 21 (1963) 699, the worked example of Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data.
TREATED = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
PLACEBO = "1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23"


def table(text: str) -> tuple[np.ndarray, np.ndarray]:
    words = text.split()
    return np.array([float(w.rstrip("+")) for w in words]), np.array([w.endswith("+") for w in words])


def test_a_published_table():
    """Medians 23 and 8 weeks; intervals of log(-log) as R's survfit(conf.type = "log-log") has them; 9 in 359 weeks."""
    found, low, high, _ = retention.median(*table(TREATED))
    assert (found, low, high) == (23, 13, np.inf)
    found, low, high, error = retention.median(*table(PLACEBO))
    assert (found, low, high) == (8, 4, 11)
    assert 1 <= error <= 2
    rate, low, high = retention.exponential(*table(TREATED))
    assert rate == pytest.approx(9 / 359)
    assert (low, high) == (pytest.approx(8.231 / 718, rel=1e-3), pytest.approx(34.170 / 718, rel=1e-3))


def test_by_hand():
    """Times 1, 2+, 3, 4: S = 3/4 after 1, 3/4 x 1/2 after 3 of two left. The censored one moves the median from 2."""
    assert retention.median([1, 2, 3, 4], [0, 1, 0, 0])[0] == 3
    assert retention.median([1, 2, 3, 4], [0, 0, 0, 0])[0] == 2
    assert retention.median([1, 2, 3, 4], [0, 1, 1, 1])[0] == np.inf
    assert retention.median([5.0], [0])[0] == 5
    assert np.isnan(retention.median([5.0], [0])[1:]).all()
    assert retention.exponential([1, 3], [0, 1]) == (0.25, pytest.approx(0.0253178 / 4), pytest.approx(5.571643 / 4))
    assert retention.exponential([2.0], [1])[:2] == (0, 0)
    assert np.isnan(retention.exponential([], [])).all()


@pytest.mark.parametrize(("samples", "end"), [(12, 3.0), (40, 2.0)])
def test_intervals_of_exact_exponentials_cover(samples, end):
    """2 x 400 + 2 x 400 intervals under random censoring; runs of one length: the rate's are never too short.

    Of 1000 each, at 12, 24 and 64 samples with censoring uniform to 3: median .963 .954 .949, rate .970 .963 .957.
    """
    rng = np.random.default_rng(samples)
    x = rng.exponential(size=(400, samples))
    censor = rng.uniform(0, end, x.shape)
    hits, rates, fixed = [], [], []
    for row, c in zip(x, censor, strict=True):
        _, low, high, _ = retention.median(np.minimum(row, c), row > c)
        hits.append(low <= np.log(2) <= high)
        for cut, out in ((c, rates), (1.0, fixed)):
            _, low, high = retention.exponential(np.minimum(row, cut), row > cut)
            out.append(low <= 1 <= high)
    for covered in (hits, rates, fixed):
        assert 0.92 <= np.mean(covered) <= 0.995


def test_the_mean_of_what_was_seen_is_not_the_answer():
    """Half of the runs end early: the mean of all times is far too small, and the median is right."""
    rng = np.random.default_rng(1)
    x, c = rng.exponential(size=(2, 4000)) * [[10.0], [6.0]]
    found, low, high, _ = retention.median(np.minimum(x, c), x > c)
    assert low < 10 * np.log(2) < high
    assert found == pytest.approx(10 * np.log(2), rel=0.06)
    assert np.minimum(x, c).mean() < 4


def records(raw, values, **coords) -> xr.Dataset:
    """Records (temperature, sample, replica, time) at times 1, 2, 4, 8 s."""
    values = np.asarray(values, float)
    ds = raw({"temperature": np.arange(len(values)) / 10}, {"memory": values}).rename(own0="time")
    time = ("time", np.array([1.0, 2, 4, 8])[: values.shape[-1]], {"units": "s", "long_name": "time since writing"})
    return ds.assign_coords(time=time, **coords)


def test_times_of_records(raw):
    """Interpolated, first and last fall, replicas averaged first, censored on either side."""
    rows = [
        [0.9, 0.7, 0.1, 0.0],  # falls once, at 2 + 2/3
        [0.9, 0.3, 0.7, 0.2],  # twice: 1 + 2/3 and 4 + 8/5
        [0.9, 0.8, 0.8, 0.6],  # never
        [0.9, 0.3, 0.2, 0.6],  # comes back
        [0.4, 0.3, 0.2, 0.1],  # below from the start
        [0.4, 0.6, 0.2, 0.1],  # first below, then above
        [0.9, np.nan, 0.2, 0.1],
    ]
    values = np.repeat(np.array(rows)[None, :, None], 2, axis=2) + np.array([0.1, -0.1])[:, None]
    out = retention.retention("memory", 0.5, name="retention")(records(raw, values))
    np.testing.assert_allclose(out.retention_time[0], [2 + 2 / 3, 5.6, 8, 8, 1, 2.5, np.nan])
    assert out.retention_state.values[0].tolist() == [0, 0, 1, 1, 2, 0, 3]
    first = retention.retention("memory", 0.5, fall="first", name="first")(records(raw, values))
    np.testing.assert_allclose(first.first_time[0], [2 + 2 / 3, 1 + 2 / 3, 8, 1 + 2 / 3, 1, 1, np.nan])
    assert first.first_state.values[0].tolist() == [0, 0, 1, 0, 2, 2, 3]
    assert out.retention.values[0] == 2 + 2 / 3, "the third of six"
    assert int(out.retention_samples[0]) == 6
    assert (float(out.retention_censored[0]), float(out.retention_below[0])) == (1 / 3, 1 / 6)
    assert float(out.retention_low[0]) == 0, "may lie before the first record"
    assert out.retention.attrs["units"] == out.retention_time.attrs["units"] == "s"
    assert out.retention_state.attrs["flag_meanings"].split()[1] == "still_above"
    assert all(v.attrs["units"] and v.attrs["long_name"] for v in out.values())


def test_what_is_said_where_half_never_fall(raw):
    above, below, falls = [0.9] * 4, [0.1] * 4, [0.9, 0.9, 0.1, 0.1]
    values = np.array([[above] * 4, [below] * 4, [above, above, above, falls], [falls] * 4])[:, :, None]
    ds = records(raw, values)
    ds["status"][3] = 0
    out = retention.retention("memory", 0.5, rate=True, name="retention")(ds)
    assert out.retention_flag.values.tolist() == [1, 2, 1, 3]
    assert np.isnan(out.retention).all()
    assert np.isnan(out.retention_error).all()
    np.testing.assert_allclose(out.retention_rate, [0, np.nan, 1 / (3 * 7 + 2), np.nan])
    assert out.retention_rate_low.values[0] == 0
    assert out.retention_rate_high.values[0] == pytest.approx(7.377759 / 56)
    assert out.retention_rate.attrs["units"] == "1/s"
    assert out.retention_samples.values.tolist() == [4, 4, 4, 0]


def test_ragged_records_and_their_own_times(raw):
    """A record ends where its point does, at its own times."""
    values = np.array([[[[0.9, 0.8, 0.1, 0.1]]], [[[0.9, 0.8, 1e9, -1e9]]]])
    own = xr.DataArray([[1.0, 2, 4, 8], [10, 20, np.nan, np.nan]], dims=("temperature", "time"), attrs={"units": "s"})
    ds = records(raw, values, time_length=("temperature", [4.0, 2])).drop_vars("time").assign_coords(time_value=own)
    out = retention.retention("memory", 0.5, name="retention")(ds)
    np.testing.assert_allclose(out.retention_time[:, 0], [2 + 6 / 7, 20])
    assert out.retention_state.values[:, 0].tolist() == [0, 1]
    assert out.retention_flag.values.tolist() == [0, 1]
    assert np.isnan(out.retention_low[0]), "one sample has no interval"


def test_along_an_axis(raw):
    """Duration as an axis: the same samples; points that the workflow skipped are no part, others are missing."""
    durations = np.array([8.0, 1, 2, 4])
    values = np.array([[0.1, 0.2], [0.9, 0.9], [0.9, 0.3], [0.6, 0.2]])[:, :, None]
    ds = raw({"duration": durations}, {"memory": values})
    ds.duration.attrs["units"] = "s"
    out = retention.retention("memory", 0.5, along="duration", name="retention")(ds)
    np.testing.assert_allclose(out.retention_time, [4.8, 1 + 2 / 3])
    assert out.retention.dims == ()
    ds["status"][3] = 3
    skipped = retention.retention("memory", 0.5, along="duration", name="retention")(ds)
    np.testing.assert_allclose(skipped.retention_time, [2 + 6 * 0.5, 1 + 2 / 3])
    ds["status"][3] = 2
    assert (retention.retention("memory", 0.5, along="duration", name="retention")(ds).retention_state == 3).all()


def test_what_is_refused(raw):
    ds = records(raw, np.ones((1, 2, 1, 4)))
    for call, words in (
        (lambda: retention.retention("memory", 0.5, along="tme"), "did you mean 'time'"),
        (lambda: retention.retention("memori", 0.5), "did you mean 'memory'"),
        (lambda: retention.retention("memory", 0.5, fall="lst"), "did you mean 'last'"),
        (lambda: retention.retention("x", 0.5, along="load"), "is quenched"),
    ):
        with pytest.raises(InputError, match=words):
            call()(raw({"load": [0.1, 0.2]}, {"x": np.ones((2, 2, 1))}) if "quenched" in words else ds)


def test_a_value_at_the_level_has_not_fallen():
    time, state, _ = retention.fallen(np.arange(4.0), np.array([1, 0.5, 0.5, 0.2]), np.ones(4, bool), 0.5)
    assert (float(time), int(state)) == (2.0, retention.STATES["fallen"])
