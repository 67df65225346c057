"""Powers of the size: exact on exact data, errors that cover, χ² that is one, refusals that say what to do."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from isinglass import InputError
from isinglass.analysis import errors, scaling

SIZES = np.array([100.0, 200, 400, 800, 1600, 3200])


def measured(y: np.ndarray, error: np.ndarray, quenched: int = 1) -> xr.Dataset:
    coords = {"spins": ("spins", SIZES.astype(int), {"quenched": quenched}), "load": ("load", [0.1, 0.2])}
    dims = ("load", "spins")
    ds = xr.Dataset({"edge": (dims, y, {"units": "K"}), "edge_error": (dims, error)}, coords)
    return ds.assign(status=(("spins", "sample"), np.ones((SIZES.size, 2), np.int8)))


@pytest.mark.parametrize(("limit", "exponent"), [(None, None), (0.5, None), (None, 0.7), (0.5, 0.7)])
def test_exact_data_give_the_exact_law(limit: float | None, exponent: float | None) -> None:
    y = 0.5 + np.array([[3.0], [-2.0]]) * SIZES**-0.7
    spread = np.full(y.shape, 1e-4)
    out = scaling.power("edge", "spins", limit, exponent)(measured(y, spread))
    xr.testing.assert_identical(
        out, scaling.power("edge", "spins", limit and (lambda: np.float64(limit)), exponent)(measured(y, spread))
    )
    np.testing.assert_allclose(out.edge_limit, 0.5, rtol=1e-7)
    np.testing.assert_allclose(out.edge_exponent, 0.7, rtol=1e-7)
    np.testing.assert_allclose(out.edge_amplitude, [3.0, -2.0], rtol=1e-6)
    np.testing.assert_allclose(out.edge_chi2, 0, atol=1e-9)
    assert (out.edge_freedom == 5 - (limit is None) - (exponent is None)).all()
    assert (out.edge_limit_error > 0).all() == (limit is None)
    assert out.edge_limit.attrs["units"] == "K"
    assert out.edge_exponent.dims == ("load",)


def test_errors_cover_and_chi_squared_is_one() -> None:
    """1500 fits of noisy data. Pulls: |z| <= 1 in .683; limits of 4 binomial standard errors, 6e-5 each; p uniform by
    Kolmogorov-Smirnov at 1e-4. The law is nonlinear, so errors small against what they tell of."""
    rng, runs = np.random.default_rng(11), 1500
    error = 4e-4 * np.ones(SIZES.size)
    rows = [
        scaling.fitted(SIZES, 0.5 + 3 * SIZES**-0.7 + error * rng.normal(size=SIZES.size), error, None, None)
        for _ in range(runs)
    ]
    for name, truth in (("limit", 0.5), ("exponent", 0.7), ("amplitude", 3.0)):
        pull = np.array([(row[name] - truth) / row[f"{name}_error"] for row in rows])
        share = np.mean(abs(pull) <= 1)
        assert abs(share - 0.6827) < 4 * np.sqrt(0.6827 * 0.3173 / runs), (name, share)
    assert stats.kstest([row["p"] for row in rows], "uniform").pvalue > 1e-4


def test_a_wrong_law_has_a_small_p() -> None:
    y = 0.5 + 3 * SIZES**-0.7
    assert scaling.fitted(SIZES, y, 1e-3 * np.ones(SIZES.size), 0.5, 1.5)["p"] < 1e-6


def test_missing_sizes_are_left_out_and_too_few_give_nan() -> None:
    y = 0.5 + 3 * SIZES**-0.7
    error = np.full(SIZES.size, 1e-4)
    error[1], y[2] = 0.0, np.nan
    row = scaling.fitted(SIZES, y, error, None, None)
    assert (row["freedom"], row["exponent"]) == (1, pytest.approx(0.7, rel=1e-6))
    y[3:] = np.nan
    assert np.isnan(scaling.fitted(SIZES, y, error, None, None)["exponent"])
    two = scaling.fitted(SIZES[:2], 3 / SIZES[:2], np.ones(2), 0.0, None)
    assert (two["exponent"], two["chi2"]) == (pytest.approx(1.0), 0.0)
    assert np.isnan(two["p"])


def test_of_an_observable_the_mean_is_taken(raw) -> None:
    """Also where the raw values stand beside it, as in a run."""
    rng = np.random.default_rng(3)
    x = 0.5 + 3 * SIZES[:, None, None] ** -0.7 + 1e-4 * rng.normal(size=(SIZES.size, 16, 1))
    ds = raw({"spins": SIZES.astype(int)}, {"x": x})
    out = scaling.power("x", "spins")(ds.merge(errors.mean("x")(ds)))
    assert abs(float(out.x_exponent) - 0.7) < 4 * float(out.x_exponent_error) < 0.1


def test_refusals() -> None:
    ds = measured(np.ones((2, 6)), np.ones((2, 6)))
    with pytest.raises(InputError, match="did you mean 'edge'"):
        scaling.power("egde", "spins")(ds)
    with pytest.raises(InputError, match="does not run along 'size'"):
        scaling.power("edge", "size")(ds)
    with pytest.raises(InputError, match="not quenched"):
        scaling.power("edge", "spins")(measured(np.ones((2, 6)), np.ones((2, 6)), quenched=0))


def test_local_slopes_freed_of_a_correction():
    """Made so that each slope is 0.7 + 0.3 M^-1/3 at the geometric mean M of its sizes."""
    n = np.array([10.0, 20.0, 50.0, 160.0])
    slope = 0.7 + 0.3 * np.sqrt(n[1:] * n[:-1]) ** (-1 / 3)
    y = np.exp(-np.concatenate([[0], np.cumsum(slope * np.diff(np.log(n)))]))
    found, corrected = scaling.local_slopes(n, y, 1 / 3)
    assert found[1:] == pytest.approx(slope, rel=1e-12)
    assert corrected[2:] == pytest.approx([0.7, 0.7], rel=1e-12)
