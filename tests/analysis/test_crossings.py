"""Crossings: exact on exact curves, intervals that cover, limits with their drift, and honest flags."""

from __future__ import annotations

import numpy as np
import pytest

from isinglass.analysis import crossings, quantities, ridges
from isinglass.analysis.quantities import Quantity
from isinglass.exceptions import InputError

SIZES = np.array([8, 16, 32, 64, 128])
T = np.linspace(2.17, 2.37, 9)
T_C, DRIFT, LOADS = 2.27, -4.0, 40


def drifting(raw, noise, loads=LOADS, samples=16, sizes=SIZES, t=T, seed=3):
    """Straight lines of slope ∝ L which cross those of 2L at T_c + DRIFT L^-2 exactly."""
    offset = np.zeros(sizes.size)
    for i in range(sizes.size - 1):  # at T*: offset_i + L_i (T* - T_c) = offset_j + L_j (T* - T_c)
        offset[i + 1] = offset[i] + (sizes[i] - sizes[i + 1]) * DRIFT / sizes[i] ** 2.0
    y = offset[:, None] + sizes[:, None] * (t - T_C)
    rng = np.random.default_rng(seed)
    x = y[None, :, :, None, None] + noise * rng.normal(size=(loads, *y.shape, samples, 1))
    return raw({"load": np.arange(loads) / loads, "spins": sizes, "temperature": t}, {"u": x})


@pytest.mark.parametrize("points", [2, 5])
def test_exact_crossings_give_the_exact_limit(raw, points):
    ds = drifting(raw, 1e-9, loads=1)
    out = crossings.of_sizes("u", "temperature", "spins", points=points, resamples=50)(ds).isel(load=0)
    np.testing.assert_allclose(out.u_crossing[:-1], T_C + DRIFT / SIZES[:-1] ** 2.0, rtol=1e-8)
    assert out.u_crossing_flag.values.tolist() == [0, 0, 0, 0, crossings.FLAGS["no_partner"]]
    assert float(out.u_crossing_limit) == pytest.approx(T_C, abs=1e-7)
    assert float(out.u_crossing_exponent) == pytest.approx(2.0, rel=1e-5)
    assert float(out.u_crossing_amplitude) == pytest.approx(DRIFT, rel=1e-4)
    assert out.u_crossing_ratio[:-1].values.tolist() == [2] * 4
    assert float(out.u_crossing_height[0]) == pytest.approx(8 * DRIFT / 64, rel=1e-6)
    assert out.u_crossing_limit.attrs["units"] == out.u_crossing_low.attrs["units"] == "k_B T/J"
    assert all(v.attrs["units"] and v.attrs["long_name"] for v in out.values())


def test_crossings_and_limit_cover(raw):
    """95 % intervals over 4 x 40 crossings and 40 limits of 16 samples; 4 binomial standard errors."""
    out = crossings.of_sizes("u", "temperature", "spins", exponent=2.0, resamples=500)(drifting(raw, 0.3))
    truth = T_C + DRIFT / SIZES[:-1] ** 2.0
    low, high = (out[f"u_crossing_{k}"].transpose("load", "spins").values[:, :-1] for k in ("low", "high"))
    assert abs(((low <= truth) & (truth <= high)).mean() - 0.95) < 4 * np.sqrt(0.05 * 0.95 / (4 * LOADS))
    covered = (out.u_crossing_limit_low <= T_C) & (out.u_crossing_limit_high >= T_C)
    assert abs(float(covered.mean()) - 0.95) < 4 * np.sqrt(0.05 * 0.95 / LOADS)
    assert float(out.u_crossing_limit_error.mean()) == pytest.approx(float(out.u_crossing_limit.std()), rel=0.45)
    assert (out.u_crossing_freedom == 2).all()
    assert 0.3 < float(out.u_crossing_p.mean()) < 0.7


def test_noise_where_curves_touch_makes_no_crossing(raw):
    """Curves that are one below T = 2.2 and cross at 2.27: many changes of sign, one crossing."""
    t = np.linspace(2.0, 2.4, 41)
    rng = np.random.default_rng(0)
    slope = np.where(t < 2.2, 0.0, 1.0) * (t - 2.27) * 10
    x = np.stack([0 * t, slope])[None, :, :, None, None] + 0.05 * rng.normal(size=(1, 2, 41, 8, 1))
    out = crossings.of_sizes("u", "temperature", "spins", resamples=100)(
        raw({"load": [0.1], "spins": [8, 16], "temperature": t}, {"u": x})
    )
    assert int(out.u_crossing_crossings[0, 0]) > 3
    assert abs(float(out.u_crossing[0, 0]) - 2.27) < 4 * float(out.u_crossing_error[0, 0]) < 0.05


def test_honest_flags(raw):
    ds = drifting(raw, 0.1, loads=3, sizes=SIZES[:3])
    ds["u"] = ds.u + np.array([0, 0, 100.0])[:, None, None, None]  # the largest never crosses
    ds.status[1, 0, 4] = 0
    ds.status[2, 0, 0] = 3  # skipped: a shorter curve
    ds["u"] = ds.u.where(ds.status == 1)
    out = crossings.of_sizes("u", "temperature", "spins", resamples=50)(ds)
    named = {v: k for k, v in crossings.FLAGS.items()}
    assert [[named[int(f)] for f in row] for row in out.u_crossing_flag] == [
        ["found", "no_crossing", "no_partner"],
        ["incomplete", "no_crossing", "no_partner"],
        ["found", "no_crossing", "no_partner"],
    ]
    assert (out.u_crossing_limit_flag == crossings.LIMIT_FLAGS["too_few_sizes"]).all()
    assert np.isnan(out.u_crossing_limit).all()
    uneven = crossings.of_sizes("u", "temperature", "spins", exponent=1.0, resamples=50)
    ds = drifting(raw, 0.1, loads=1, sizes=np.array([8, 16, 24, 48]))
    assert int(uneven(ds).u_crossing_limit_flag[0]) == crossings.LIMIT_FLAGS["uneven_ratios"]
    paired = crossings.of_sizes("u", "temperature", "spins", ratio=2, resamples=50)(ds)
    assert np.isfinite(paired.u_crossing).values.tolist() == [[True, False, True, False]]


def test_one_sample_has_a_crossing_without_error(raw):
    out = crossings.of_sizes("u", "temperature", "spins", resamples=50)(drifting(raw, 0.1, loads=1, samples=1))
    assert np.isfinite(out.u_crossing[0, :-1]).all()
    assert np.isnan(out.u_crossing_error).all()
    assert int(out.u_crossing_limit_flag[0]) == crossings.LIMIT_FLAGS["too_few_sizes"]


def two(raw, samples=16):
    """a falls, b rises; both have the same deviation of each sample, which cancels in the crossing."""
    shift = np.random.default_rng(4).normal(size=(samples, 1))
    a = (2.3 - T)[None, :, None, None] + shift
    return raw({"load": [0.1], "temperature": T}, {"a": a, "b": a * 0 + (T - 2.2)[:, None, None] + shift})


def test_two_observables(raw):
    out = crossings.between("a", "b", "temperature", resamples=100)(two(raw)).isel(load=0)
    assert float(out.a_b_crossing) == pytest.approx(2.25)
    assert float(out.a_b_crossing_error) == pytest.approx(0, abs=1e-9)
    assert float(out.a_b_crossing_bracket_low) < 2.25 < float(out.a_b_crossing_bracket_high)
    assert float(out.a_b_crossing_censored) == 0
    squared = Quantity("square", lambda m: m**2, of=("b",))
    assert "b_square_crossing" in crossings.between("b", squared, "temperature", resamples=20)(two(raw))


def test_two_values_of_an_axis_of_words(raw):
    ds = two(raw)
    both = np.stack([ds.a.values, ds.b.values], axis=2)
    ds = raw({"load": [0.1], "temperature": T, "rule": ["hebb", "storkey"]}, {"m": both})
    out = crossings.of_values("m", "temperature", "rule", "hebb", "storkey", resamples=50)(ds)
    assert out.m_crossing.dims == ("load",)
    assert float(out.m_crossing[0]) == pytest.approx(2.25)
    with pytest.raises(InputError, match="did you mean 'hebb'"):
        crossings.of_values("m", "temperature", "rule", "heb", "storkey")(ds)


def test_steepest(raw):
    """tanh about 0.42, shifted by sample; sign of the slope."""
    t = np.linspace(0, 1, 21)
    shift = 0.02 * np.random.default_rng(2).normal(size=(30, 1, 16, 1))
    y = -np.tanh((t[:, None, None] - 0.42 - shift) / 0.2)
    ds = raw({"load": np.arange(30) / 30, "temperature": t}, {"m": y})
    out = ridges.steepest("m", "temperature", points=5, resamples=300)(ds)
    low, high = out.m_steepest_low, out.m_steepest_high
    assert ((low <= 0.42) & (high >= 0.42)).sum() >= 25
    assert float(out.m_steepest_error.mean()) == pytest.approx(0.005, rel=0.25)
    assert float(out.m_steepest_height.mean()) == pytest.approx(5, rel=0.03)
    assert out.m_steepest_height.attrs["units"] == "1/(k_B T/J)"
    rising = ridges.steepest("m", "temperature", rising=True, resamples=20)(ds)
    assert (rising.m_steepest_flag == ridges.FLAGS["at_end"]).all()


def test_peak_of_a_fluctuation(raw):
    """Of N(⟨m²⟩ - ⟨|m|⟩²) with a known parabola; skipped points are no part of the curve."""
    t, n = np.linspace(0, 1, 11), 100.0
    rng = np.random.default_rng(6)
    chi = 5 - 20 * (t - 0.43) ** 2
    m = 0.3 + 1e-4 * rng.normal(size=(100, 11, 12, 1))
    ds = raw({"load": np.arange(100) / 100, "temperature": t}, {"m": m, "m2": chi[:, None, None] / n + m**2})
    ds["m2"] = ds.m2 * (1 + 2e-3 * rng.normal(size=m.shape))
    peak = Quantity("chi", lambda a, b: n * (b - a**2), of=("m", "m2"))
    ds.status[0, 0] = 3
    ds = ds.assign({k: ds[k].where(ds.status == 1) for k in ("m", "m2")})
    out = ridges.ridge(peak, "temperature", points=5, resamples=200)(ds)
    assert (out.chi_ridge_flag == 0).all()
    assert abs(float(out.chi_ridge.mean()) - 0.43) < 4 * float(out.chi_ridge.std()) / np.sqrt(100)
    assert float(out.chi_ridge_error.mean()) == pytest.approx(float(out.chi_ridge.std()), rel=0.3)
    assert float(out.chi_ridge_height.mean()) == pytest.approx(5, rel=1e-3)
    assert float(out.chi_ridge_height_error.mean()) == pytest.approx(float(out.chi_ridge_height.std()), rel=0.3)


def test_wrong_names_are_refused(raw):
    ds = drifting(raw, 0.1, loads=1)
    with pytest.raises(InputError, match="no observable 'v'"):
        crossings.of_sizes("v", "temperature", "spins")(ds)
    with pytest.raises(InputError, match="did you mean 'temperature'"):
        crossings.between("u", "u", "temperatur")(ds)
    with pytest.raises(InputError, match="not quenched"):
        crossings.of_sizes("u", "spins", "temperature")(ds)
    with pytest.raises(InputError, match="a parabola needs 3"):
        ridges.ridge("u", "temperature", points=2)
    ds.status[:] = 0
    empty = crossings.of_sizes("u", "temperature", "spins", resamples=20)(ds)
    assert (empty.u_crossing_flag[:, :-1] == crossings.FLAGS["incomplete"]).all()


def test_a_resample_without_a_crossing_lies_beyond_the_end_that_its_sign_points_to():
    """The difference falls: where it stays above 0, it would vanish later; where it rises, earlier."""
    axis, ones = np.arange(3.0), np.ones(3)
    resamples = np.stack([ones, -ones, [1.0, -1, -1], [1.0, -1, -1]])
    np.testing.assert_array_equal(crossings._root(axis, resamples, ones, 0, 2), [np.inf, -np.inf, 0.5, 0.5])
    np.testing.assert_array_equal(crossings._root(axis, -resamples, ones, 0, 2), [np.inf, -np.inf, 0.5, 0.5])


def test_resamples_are_centred_at_the_corrected_value(raw):
    """m² of 4 samples: the bias s²/4 is in the mean once and in resamples 7/4 times."""
    ds = raw({"load": [0.1]}, {"m": np.array([0.0, 1, 2, 5]).reshape(1, 4, 1)})
    found = quantities.curves(ds, quantities.Quantity("square", lambda m: m**2, of=("m",)), 4000)
    assert float(found.value[0]) == pytest.approx(4 - 14 / 3 / 4)
    assert float(found.spread.mean()) == pytest.approx(4 - 14 / 3 / 4 * 1.25, abs=0.25)
