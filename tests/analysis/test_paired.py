"""Paired differences, best values and predictions against scipy and numbers made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from isinglass.analysis import paired
from isinglass.exceptions import InputError

ARMS = ["a", "b", "c"]


def test_differences_are_those_of_paired_samples(raw):
    rng = np.random.default_rng(1)
    common = 5 * rng.normal(size=(1, 2, 12, 1))
    x = common + rng.normal(size=(3, 2, 12, 2)) + np.arange(3)[:, None, None, None]
    x[1, 0, 3] = np.nan  # diverged: out of the differences of b alone
    out = paired.differences("x", "arm", "c")(raw({"arm": ARMS, "load": [0.1, 0.2]}, {"x": x}))
    means = x.mean(axis=-1)
    for i, arm in enumerate(ARMS[:2]):
        for j in range(2):
            both = np.isfinite(means[i, j])
            exact = stats.ttest_rel(means[2, j, both], means[i, j, both])
            low, high = exact.confidence_interval(0.95)
            got = {k: float(v.sel(arm=arm).isel(load=j)) for k, v in out.items()}
            assert got["x_gain_of_c"] == pytest.approx((means[2, j] - means[i, j])[both].mean(), rel=1e-12)
            assert (got["x_gain_of_c_low"], got["x_gain_of_c_high"]) == pytest.approx((low, high), rel=1e-9)
            assert got["x_gain_of_c_samples"] == both.sum()
    np.testing.assert_array_equal(out["x_gain_of_c"].sel(arm="c"), 0)


def test_intervals_of_differences_cover(raw):
    """95 % of 4000 intervals of 8 samples that share much; 3 binomial standard errors."""
    rng = np.random.default_rng(2)
    x = 10 * rng.normal(size=(1, 4000, 8, 1)) + rng.normal(size=(2, 4000, 8, 1))
    out = paired.differences("x", "arm", "a")(raw({"arm": ["a", "b"], "load": np.arange(4000.0)}, {"x": x}))
    covered = (out["x_gain_of_a_low"] <= 0) & (out["x_gain_of_a_high"] >= 0)
    assert abs(float(covered.sel(arm="b").mean()) - 0.95) < 3 * np.sqrt(0.05 * 0.95 / 4000)


def tuning(raw):
    """Arms by λ: the best of a is not eligible (guard), that of b diverged once, c has none that is eligible."""
    score = np.array([[1, 5, 9, 2], [1, 2, 3, 8], [4, 5, 6, 7], [3, 0, 0, 0]], float)
    guard = np.array([[1, 1, 0.9, 1], [1, 1, 1, 1], [0.2, 0.4, 0.3, 0.1], [1, 0, 0, 0]])
    converged = np.ones((4, 4, 3, 1), np.int8)
    converged[1, 3, 2] = 0
    status = np.ones((4, 4, 3, 1), np.int8)
    status[3, 1:] = 3  # the base has one value
    spread = np.array([-0.1, 0.0, 0.1])[:, None]
    values = {"score": score[:, :, None, None] + spread, "guard": guard[:, :, None, None] + 0 * spread}
    axes = {"arm": ["a", "b", "c", "none"], "strength": [0.1, 1.0, 10.0, 100.0]}
    return raw(axes, values | {"converged": converged}, status)


def test_the_best_is_chosen_among_the_eligible(raw):
    out = paired.best("score", "strength", "arm", "none", "guard", 0.01)(tuning(raw))
    assert out["strength_best"].values.tolist() == [1.0, 10.0, 1.0, 0.1]
    assert out["strength_best_eligible"].values.tolist() == [1, 1, 0, 1]
    assert out["strength_best_edge"].values.tolist() == [0, 0, 0, 0]
    out = paired.best("score", "strength", "arm", "none", "guard", 0.2)(tuning(raw))
    assert out["strength_best"].values.tolist()[:2] == [10.0, 10.0]


def test_an_edge_is_flagged(raw):
    out = paired.best("score", "strength", "arm", "none", "guard", 1.0)(tuning(raw))
    assert out["strength_best"].values.tolist() == [10.0, 10.0, 100.0, 0.1]
    assert out["strength_best_edge"].values.tolist() == [0, 0, 1, 0]


def test_prediction_between_and_within(raw):
    """Between arms x and y fall together in rank; within arms they rise together, by construction with r = 0.6."""
    rng = np.random.default_rng(3)
    z = rng.normal(size=(2, 3, 500, 1))
    level = np.arange(3.0)[:, None, None]
    x, y = z[0] + 10 * level, 0.6 * z[0] + 0.8 * z[1] - 10 * level**2
    out = paired.prediction("x", "y", "arm", resamples=200)(raw({"arm": ARMS}, {"x": x, "y": y}))
    assert float(out["y_rank_correlation"]) == -1
    assert float(out["y_correlation_low"]) < 0.6 < float(out["y_correlation_high"])  # 1500 pairs: ± 0.03
    centred = [v[..., 0] - v[..., 0].mean(axis=1, keepdims=True) for v in (x, y)]
    assert float(out["y_correlation"]) == pytest.approx(np.corrcoef(*(v.ravel() for v in centred))[0, 1], rel=1e-9)
    width = float(out["y_correlation_high"] - out["y_correlation_low"])
    assert width == pytest.approx(4 * (1 - 0.36) / np.sqrt(1500), rel=0.25)


def test_what_is_undefined_is_left_out(raw):
    x = np.random.default_rng(4).normal(size=(3, 6, 1))
    y = x.copy()
    x[0], y[1, 2] = np.nan, np.nan
    out = paired.prediction("x", "y", "arm", resamples=50)(raw({"arm": ARMS}, {"x": x, "y": y}))
    assert float(out["y_correlation"]) == pytest.approx(1)
    assert abs(float(out["y_rank_correlation"])) == pytest.approx(1)


def test_unknown_values_bring_the_closest(raw):
    ds = tuning(raw)
    with pytest.raises(ValueError, match="did you mean"):
        paired.differences("score", "arm", "nome")(ds)
    with pytest.raises(ValueError, match="no value"):
        paired.best("score", "strength", "arm", "z", "guard", 0)(ds)
    with pytest.raises(InputError, match="no axis"):
        paired.differences("score", "arms", "a")(ds)
