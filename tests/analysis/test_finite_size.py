"""Collapse: exact laws with known T_c, ν and exponents are found; intervals cover, χ² tests, drift is seen."""

from __future__ import annotations

import numpy as np
import pytest

from isinglass.analysis import finite_size
from isinglass.analysis.fitting import Law, refined, searched
from isinglass.analysis.quantities import Quantity
from isinglass.exceptions import InputError

SIZES, T_C = np.array([8, 16, 32, 64]), 2.27
T = np.array(sorted({round(T_C + x / n, 6) for x in np.linspace(-2, 2, 9) for n in SIZES}))


def law(sign, nu, e, drift=0.0, t=T):
    """y (size, T) of a cubic scaling function, with a correction drift/L, and the points that are not skipped."""
    x = (t - T_C) * SIZES[:, None] ** (1 / nu)
    y = SIZES[:, None] ** (sign * e / nu) * (0.6 - 0.12 * x - 0.02 * x**2 + 0.008 * x**3 + drift / SIZES[:, None])
    return y, abs(t - T_C) * SIZES[:, None] <= 2.01


def data(raw, y, kept, noise, loads=1, samples=16, shared=0.0, seed=7):
    """Noise of each point, and (`shared`) one deviation of each sample of a size at all its temperatures."""
    rng = np.random.default_rng(seed)
    x = y[None, :, :, None, None] + noise * rng.normal(size=(loads, *y.shape, samples, 1))
    x = x + shared * rng.normal(size=(loads, SIZES.size, 1, samples, 1))
    ds = raw({"load": np.arange(loads) / loads, "spins": SIZES, "temperature": T}, {"m": x})
    ds.status[:] = np.where(kept, 1, 3)[None, :, :, None, None]
    return ds.assign(m=ds.m.where(ds.status == 1))


@pytest.mark.parametrize(
    ("exponent", "sign", "nu", "e"),
    [("beta", -1, 1.0, 0.125), ("gamma", 1, 1.3, 1.75), (None, 0, 0.63, 0.0), ("beta", -1, 2.5, 0.5)],
)
def test_an_exact_law_is_found_from_nothing(raw, exponent, sign, nu, e):
    """No start is given: the whole grid of values is searched."""
    y, kept = law(sign, nu, e)
    ds = data(raw, y, kept, 1e-6 * y.mean())
    out = finite_size.collapse("m", "temperature", "spins", exponent, degree=3, resamples=20)(ds).isel(load=0)
    assert out.m_collapse_flag.values.tolist() == [0, 0, 0]
    np.testing.assert_allclose(out.m_collapse_critical, T_C, atol=1e-4)
    np.testing.assert_allclose(out.m_collapse_nu, nu, rtol=1e-3)
    if exponent:
        np.testing.assert_allclose(out[f"m_collapse_{exponent}"], e, rtol=1e-3)
    held = np.isfinite(out.m_collapse_x.values)
    np.testing.assert_array_equal(held, kept)
    x = (T - T_C) * SIZES[:, None] ** (1 / nu)
    np.testing.assert_allclose(out.m_collapse_x.values[held], x[held], atol=5e-3)
    np.testing.assert_allclose(out.m_collapse_y.values[held], out.m_collapse_function.values[held], rtol=1e-3)
    assert all(v.attrs["units"] and v.attrs["long_name"] for v in out.values())
    assert out.m_collapse_critical.attrs["units"] == out.m_collapse_critical_shift.attrs["units"] == "k_B T/J"


def test_the_search_agrees_with_the_derivatives():
    """The Jacobian against differences; with a correction."""
    rule = Law(-1.0, 3, {"critical": None, "rate": None, "exponent": None}, correction=0.8)
    p = np.array([[2.3, 0.9, 0.2, 0.5, -0.1, 0.03, 0.01, 0.3, -0.2, 0.1]])
    t, log = np.linspace(2.1, 2.5, 7), np.log(np.array([8, 8, 16, 16, 32, 64, 64.0]))
    y, slope = rule.parts(p, t, log)
    for k in range(p.size):
        moved = [rule.parts(p + s * 1e-6 * np.eye(p.size)[k], t, log)[0] for s in (1, -1)]
        np.testing.assert_allclose(slope[0, :, k], (moved[0] - moved[1])[0] / 2e-6, rtol=1e-5, atol=1e-8)
    length = np.exp(log)
    assert np.isfinite(searched(rule, np.tile(t, 3), np.repeat([8.0, 16, 32], 7), np.tile(y[0], 3), np.ones(21))).all()
    assert rule.free.sum() == 10
    given = Law(-1.0, 1, {"critical": 2.3, "rate": 0.9, "exponent": None})
    start = np.array([2.3, 0.9, 0.1, 0.4, 0.0])
    found, ok = refined(
        given, start, t, length, given.model(np.array([[2.3, 0.9, 0.2, 0.5, -0.1]]), t, length), 0.01 * y[0]
    )
    assert ok.all()
    np.testing.assert_allclose(found[0], [2.3, 0.9, 0.2, 0.5, -0.1], rtol=1e-4)


# 95 % intervals of T_c, ν, β over 60 data sets of 16 samples: .983 .917 .967; without the smallest .95 .95 .95; the
# errors .00051 .0086 .0022 beside a scatter of .00050 .0086 .0022; p < 0.05 in 1 of 60.
@pytest.mark.parametrize(("shared", "loads"), [(0.0, 16), pytest.param(0.02, 100, marks=pytest.mark.long)])
def test_intervals_cover(raw, shared, loads):
    y, kept = law(-1, 1.0, 0.125)
    ds = data(raw, y, kept, 0.01, loads, shared=shared)
    out = finite_size.collapse("m", "temperature", "spins", "beta", degree=3, resamples=150)(ds).isel(fit=0)
    assert (out.m_collapse_flag == 0).all()
    inside = []
    for name, truth in (("critical", T_C), ("nu", 1.0), ("beta", 0.125)):
        low, high, value, error = (out[f"m_collapse_{name}{k}"] for k in ("_low", "_high", "", "_error"))
        inside.append((low <= truth) & (truth <= high))
        assert float(error.mean()) == pytest.approx(float(value.std()), rel=4 / np.sqrt(2 * loads))
    assert abs(float(np.mean(inside)) - 0.95) < 4 * np.sqrt(0.05 * 0.95 / loads)
    assert abs(float(out.m_collapse_p.mean()) - 0.5) < 4 / np.sqrt(12 * loads)
    assert (out.m_collapse_freedom == kept.sum() - 7).all()


def test_drift_is_seen_and_a_correction_takes_it_off(raw):
    """A correction of 1/L that is not in the law: a small p, a shift of many errors; none of that with ω = 1."""
    y, kept = law(0, 1.0, 0.0, drift=0.3)
    ds = data(raw, y, kept, 0.003)
    plain = finite_size.collapse("m", "temperature", "spins", degree=3, resamples=200)(ds).isel(load=0)
    assert float(plain.m_collapse_p[0]) < 0.02
    assert abs(float(plain.m_collapse_critical_shift[1])) > 5 * float(plain.m_collapse_critical_shift_error[1])
    stage = finite_size.collapse("m", "temperature", "spins", degree=3, correction=1.0, resamples=200)
    better = stage(ds).isel(load=0)
    assert float(better.m_collapse_p[0]) > 0.02
    assert abs(float(better.m_collapse_critical[0]) - T_C) < 4 * float(better.m_collapse_critical_error[0])
    assert abs(float(better.m_collapse_nu[0]) - 1) < 4 * float(better.m_collapse_nu_error[0]) < 0.2


def test_given_values_and_windows(raw):
    y, kept = law(-1, 1.0, 0.125)
    ds = data(raw, y, kept, 0.003)
    given = {"critical": T_C, "nu": 1.0}
    stage = finite_size.collapse("m", "temperature", "spins", "beta", given, 3, resamples=50, name="c")
    out = stage(ds).isel(load=0, fit=0)
    assert (float(out.c_critical), float(out.c_nu), float(out.c_nu_error)) == (T_C, 1.0, 0.0)
    assert abs(float(out.c_beta) - 0.125) < 4 * float(out.c_beta_error)
    narrow = finite_size.collapse("m", "temperature", "spins", "beta", degree=3, within=1.0 / 8, resamples=50)(ds)
    held = np.isfinite(narrow.m_collapse_x.isel(load=0).transpose("spins", "temperature").values)
    near = abs(T - T_C) * SIZES[:, None]
    assert held[kept & (near < 0.9)].all()
    assert not held[near > 1.1].any()
    assert int(narrow.m_collapse_points[0, 0]) == held.sum()


def test_honest_flags(raw):
    y, kept = law(0, 1.0, 0.0)
    names = {v: k for k, v in finite_size.FLAGS.items()}
    stage = finite_size.collapse("m", "temperature", "spins", degree=3, resamples=30)

    def flag(ds):
        out = stage(ds)
        return names[int(out.m_collapse_flag[0, 0])], out

    ds = data(raw, y, kept, 0.003)
    word, out = flag(ds.isel(spins=[2]))
    assert word == "too_few_sizes"
    assert np.isnan(out.m_collapse_critical).all()
    assert flag(ds.isel(temperature=[T.size // 2]))[0] == "too_few_points"
    assert flag(ds.isel(sample=[0]))[0] == "too_few_sizes", "without errors nothing has a weight"
    ds.status[0, 1, 10] = 0
    word, out = flag(ds.assign(m=ds.m.where(ds.status == 1)))
    assert word == "found"
    assert int(out.m_collapse_missing[0, 0]) == int(kept[1, 10])
    ds.status[:] = 0
    assert flag(ds)[0] == "too_few_sizes"
    few = data(raw, y, kept, 0.003, samples=3)
    word, out = flag(few)
    assert word == "found"
    assert np.isnan(out.m_collapse_p).all(), "three samples do not tell how large their errors are"


def test_of_a_function_of_means(raw):
    y, kept = law(1, 1.0, 1.75)
    ds = data(raw, y, kept, 0.01)
    twice = Quantity("chi", lambda m: 2 * m, of=("m",))
    out = finite_size.collapse(twice, "temperature", "spins", "gamma", degree=3, resamples=50)(ds).isel(load=0, fit=0)
    assert abs(float(out.chi_collapse_gamma) - 1.75) < 4 * float(out.chi_collapse_gamma_error)
    assert out.chi_collapse_x.attrs["quantity"] == "chi_mean"


def test_what_it_refuses(raw):
    ds = data(raw, *law(0, 1.0, 0.0), 0.01)
    with pytest.raises(InputError, match="did you mean 'beta'"):
        finite_size.collapse("m", "temperature", "spins", "betta")
    with pytest.raises(InputError, match="fixed has 'gamma'"):
        finite_size.collapse("m", "temperature", "spins", "beta", {"gamma": 1.0})
    with pytest.raises(InputError, match="did you mean 'temperature'"):
        finite_size.collapse("m", "temperatur", "spins")(ds)
    with pytest.raises(InputError, match="not quenched"):
        finite_size.collapse("m", "spins", "temperature")(ds)


def test_weights_of_few_samples_and_the_inner_half(raw):
    """Of 5 samples errors are widened by √(4/2); `narrow` has the points within half of the widest."""
    y, kept = law(-1, 1.0, 0.125)
    out = finite_size.collapse("m", "temperature", "spins", "beta", degree=3, resamples=20)(
        data(raw, y, kept, 0.003, samples=5)
    ).isel(load=0)
    total = float((out.m_collapse_residual**2).sum())
    assert float(out.m_collapse_chi2[0]) == pytest.approx(total / 2, rel=1e-6)
    x = abs(out.m_collapse_x.values)
    assert float(out.m_collapse_points[2]) == np.sum(x <= np.nanmax(x) / 2) < kept.sum()
