"""Phase boundaries: coverage of their intervals, which crossing, and what is said where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from isinglass.analysis import phases
from isinglass.exceptions import InputError

T = np.linspace(0, 1, 11)


def tanh(t):
    return 0.5 - 0.5 * np.tanh((t - 0.5) / 0.1)


def data(raw, profile, samples, shift, noise, loads=300, temperatures=T, seed=5):
    """Curves whose samples shift along the axis, jointly at all temperatures, with noise of each simulation besides."""
    rng = np.random.default_rng(seed)
    moved = temperatures[:, None, None] + shift * rng.normal(size=(loads, 1, samples, 1))
    x = profile(moved) + noise * rng.normal(size=(loads, temperatures.size, samples, 2))
    return raw({"load": np.arange(loads) / loads, "temperature": temperatures}, {"m": x})


def covered(out, truth, name="m_boundary"):
    found = out[f"{name}_flag"] == 0
    inside = (out[f"{name}_low"] <= truth) & (truth <= out[f"{name}_high"])
    return float(inside.where(found, drop=True).mean())


# Coverage of the 95 % interval over 1000 independent boundaries each (linear, tanh, tanh on 41 points, the same with
# four times the noise, one jump for each sample): .88 .87 .87 .88 .87 at n = 4 samples, .936 .934 .938 .935 .979 at
# n = 8, .939 .947 .953 .959 .978 at n = 16, .956 .954 .955 .952 .981 at n = 64. Plain percentiles and BCa: .883 and
# .880 at n = 8. Boundaries within one standard error: .60 at n = 4, .61-.63 at 8, .64-.66 at 16, .68 at 64.
@pytest.mark.parametrize(
    ("profile", "samples", "shift", "noise", "expected"),
    [(lambda t: 1 - t, 8, 0.03, 0.03, 0.936), (tanh, 16, 0.05, 0.05, 0.947), (tanh, 64, 0.05, 0.05, 0.954)],
)
def test_interval_covers(raw, profile, samples, shift, noise, expected):
    out = phases.boundary("m", "temperature", 0.5, resamples=1000)(data(raw, profile, samples, shift, noise))
    assert (out.m_boundary_flag == 0).all()
    assert abs(covered(out, 0.5) - expected) < 3 * np.sqrt(expected * (1 - expected) / 300)
    # the standard error is the scatter of independent boundaries
    assert float(out.m_boundary_error.mean()) == pytest.approx(float(out.m_boundary.std()), rel=0.17)


def test_samples_shared_along_the_axis_must_be_drawn_jointly(raw):
    """Each sample's curve is shifted as a whole; drawn anew at each temperature its error comes out √2 too small."""
    ds = data(raw, lambda t: 1 - t, 16, 0.05, 0.005)
    joint = phases.boundary("m", "temperature", 0.45)(ds)
    ds.temperature.attrs["quenched"] = 1
    apart = phases.boundary("m", "temperature", 0.45)(ds)
    assert covered(joint, 0.55) > 0.90
    assert covered(apart, 0.55) < 0.88  # measured: .935 and .842 of 600
    assert float(apart.m_boundary_error.mean()) < 0.8 * float(joint.m_boundary_error.mean())
    xr.testing.assert_equal(joint.m_boundary, apart.m_boundary)


def test_capacity_covers(raw):
    """Independent samples at each load; coverage .950 of 1000 at n = 8, .953 at n = 16."""
    loads, repeats = np.linspace(0.05, 0.15, 21), 300
    rng = np.random.default_rng(5)
    mean = 0.5 - 0.5 * np.tanh((loads - 0.1) / 0.02)
    x = mean[:, None, None] + 0.05 * rng.normal(size=(repeats, 21, 8, 1)) + 0.1 * rng.normal(size=(repeats, 21, 8, 2))
    out = phases.capacity("m", 0.5, resamples=1000)(raw({"spins": np.arange(repeats), "load": loads}, {"m": x}))
    assert out.m_capacity.dims == ("spins",)
    assert abs(covered(out, 0.1, "m_capacity") - 0.95) < 3 * np.sqrt(0.95 * 0.05 / repeats)


def one(raw, curve, axis=None, samples=4, status=None, noise=0.0):
    axis = np.arange(len(curve), dtype=float) if axis is None else axis
    x = np.asarray(curve, float)[None, :, None, None] + noise * np.random.default_rng(0).normal(size=(samples, 2))
    return raw({"load": [0.1], "temperature": axis}, {"m": x}, status)


@pytest.mark.parametrize(
    ("curve", "ordered", "expected", "bracket", "crossings"),
    [
        ([1, 1, 0, 0], "low", 1.5, (1, 2), 1),
        ([1, 0.75, 0.25, 0], "low", 1.5, (1, 2), 1),
        ([1, 0, 1, 0, 0], "low", 2.5, (2, 3), 3),  # the last of three
        ([1, 0.5, 0, 0], "low", 1.0, (1, 2), 1),  # a grid value that is the threshold
        ([0, 0, 1, 1], "high", 1.5, (1, 2), 1),
        ([0, 1, 0, 1], "high", 0.5, (0, 1), 3),
    ],
)
def test_which_crossing(raw, curve, ordered, expected, bracket, crossings):
    out = phases.boundary("m", "temperature", 0.5, ordered)(one(raw, curve)).isel(load=0)
    assert float(out.m_boundary) == pytest.approx(expected)
    assert (float(out.m_boundary_bracket_low), float(out.m_boundary_bracket_high)) == bracket
    assert int(out.m_boundary_crossings) == crossings
    assert float(out.m_boundary_low) == float(out.m_boundary_high) == pytest.approx(expected)


@pytest.mark.parametrize("ordered", ["low", "high"])
@pytest.mark.parametrize(("curve", "flag"), [([0.1, 0.2, 0.3], "always_below"), ([1, 1, 1], "above_at_end")])
def test_no_crossing(raw, curve, flag, ordered):
    out = phases.boundary("m", "temperature", 0.5, ordered)(one(raw, curve)).isel(load=0)
    assert int(out.m_boundary_flag) == phases.FLAGS[flag]
    assert out.m_boundary_flag.attrs["flag_meanings"].split()[int(out.m_boundary_flag)] == flag
    assert all(np.isnan(out[f"m_boundary{s}"]) for s in ("", "_low", "_high", "_error", "_bracket_low"))
    assert float(out.m_boundary_censored) == 1


def test_one_grid_value(raw):
    for value, flag in ((0.2, "always_below"), (0.8, "above_at_end")):
        out = phases.boundary("m", "temperature", 0.5)(one(raw, [value]))
        assert int(out.m_boundary_flag[0]) == phases.FLAGS[flag]


def test_one_sample_has_an_estimate_and_no_interval(raw):
    out = phases.boundary("m", "temperature", 0.5)(one(raw, [1, 0], samples=1)).isel(load=0)
    assert float(out.m_boundary) == 0.5
    assert int(out.m_boundary_samples) == 1
    assert all(np.isnan(out[f"m_boundary{s}"]) for s in ("_low", "_high", "_error", "_censored"))


@pytest.mark.parametrize("ordered", ["low", "high"])
def test_censored_resamples_open_the_interval(raw, ordered):
    """The mean barely falls below the threshold at the last point: many resamples never cross."""
    x = np.zeros((1, 3, 8, 1))
    x[0, 0], x[0, 1], x[0, 2] = 1, 0.9, np.linspace(0, 0.9, 8)[:, None]
    x = x if ordered == "low" else x[:, ::-1]
    ds = raw({"load": [0.1], "temperature": [1.0, 2.0, 3.0]}, {"m": x})
    out = phases.boundary("m", "temperature", 0.46, ordered)(ds).isel(load=0)
    assert int(out.m_boundary_flag) == 0
    assert 0.3 < float(out.m_boundary_censored) < 0.7
    ends = (float(out.m_boundary_low), float(out.m_boundary_high))
    assert (ends[1] if ordered == "low" else -ends[0]) == np.inf
    assert np.isfinite(ends[0] if ordered == "low" else ends[1])
    assert float(out.m_boundary_error) == np.inf


@pytest.mark.parametrize(
    ("lost", "status", "flag", "expected"),
    [
        (5, 0, "incomplete", np.nan),  # pending beyond the crossing: it may be there
        (2, 2, "incomplete", np.nan),  # failed at the crossing
        (0, 2, "found", 1.5),  # the last crossing lies farther on, whatever is there
        (3, 3, "found", 1.5),  # skipped by the workflow: no part of the curve
        (2, 3, "found", 2.0),  # a coarser curve
        (4, 2, "found", 1.5),  # failed, alone among points below the threshold
        (5, 2, "incomplete", np.nan),  # the end of the axis
    ],
)
def test_points_that_are_not_done(raw, lost, status, flag, expected):
    state = np.ones((1, 6, 4, 2), np.int8)
    state[:, lost] = status
    ds = one(raw, [1, 1, 0, 0, 0, 0], status=state)
    ds["m"] = ds.m.where(ds.status == 1)
    out = phases.boundary("m", "temperature", 0.5)(ds).isel(load=0)
    assert int(out.m_boundary_flag) == phases.FLAGS[flag]
    np.testing.assert_allclose(out.m_boundary, expected)


def test_a_lost_sample_costs_only_itself(raw):
    state = np.ones((1, 4, 4, 2), np.int8)
    state[0, 1, 2], state[0, :, 3] = 2, 0
    ds = one(raw, [1, 0.8, 0.2, 0], status=state, noise=0.05)
    ds["m"] = ds.m.where(ds.status == 1, 1e9)
    out = phases.boundary("m", "temperature", 0.5)(ds).isel(load=0)
    assert int(out.m_boundary_samples) == 2
    assert abs(float(out.m_boundary) - 1.5) < 0.1
    assert float(out.m_boundary_low) < float(out.m_boundary) < float(out.m_boundary_high)


def test_the_same_data_give_the_same_intervals(raw):
    ds = data(raw, tanh, 8, 0.05, 0.05, loads=6)
    stage = phases.boundary("m", "temperature", 0.5)
    whole = stage(ds)
    xr.testing.assert_identical(whole, stage(ds))
    xr.testing.assert_identical(whole.isel(load=[4]), stage(ds.isel(load=[4])))
    xr.testing.assert_equal(whole, stage(ds.transpose(..., "load", "replica", "sample")).transpose("load"))
    xr.testing.assert_equal(whole, stage(ds.isel(temperature=slice(None, None, -1))))
    ds.attrs["seed"] = 1
    assert not whole.m_boundary_low.equals(stage(ds).m_boundary_low)


def test_integers_and_own_dims(raw):
    x = np.zeros((2, 3, 4, 2, 5), np.int16)
    x[:, 0] = 1
    out = phases.boundary("m", "temperature", 0.5)(raw({"load": [0.1, 0.2], "temperature": [0, 1, 3]}, {"m": x}))
    assert out.m_boundary.dims == ("load", "own0")
    assert (out.m_boundary == 0.5).all()


def test_labels(raw):
    ds = one(raw, [1, 0])
    ds = ds.assign_coords(steps=("temperature", [10, 20]), patterns=("load", [3]))
    out = phases.boundary("m", "temperature", 0.5, name="T_M")(ds)
    assert set(out.coords) == {"load", "patterns"}
    assert out.T_M.attrs["units"] == out.T_M_error.attrs["units"] == "k_B T/J"
    assert out.T_M.attrs["threshold"] == 0.5
    assert set(out.T_M.attrs["ancillary_variables"].split()) == set(out) - {"T_M"}
    assert all(v.attrs["units"] and v.attrs["long_name"] for v in out.values())
    assert out.T_M_flag.dtype == np.int8


def test_what_it_refuses(raw):
    ds = one(raw, [1, 0])
    with pytest.raises(InputError, match="did you mean 'temperature'"):
        phases.boundary("m", "temprature", 0.5)(ds)
    with pytest.raises(InputError, match="no observable 'overlap'"):
        phases.boundary("overlap", "temperature", 0.5)(ds)
    with pytest.raises(InputError, match="ordered='left'"):
        phases.boundary("m", "temperature", 0.5, ordered="left")
    rules = ds.assign_coords(temperature=["hebb", "storkey"])
    with pytest.raises(InputError, match="no axis of numbers"):
        phases.boundary("m", "temperature", 0.5)(rules)
    points = raw({"point": [0, 1]}, {"m": np.ones((2, 2, 1))}).assign_coords(temperature=("point", [0.0, 1.0]))
    with pytest.raises(InputError, match="needs a grid"):
        phases.boundary("m", "temperature", 0.5)(points)


# ---------------------------------------------------------------- boundaries compared


def two_modes(raw, shift, n=12):
    """m against the cue for modes a and b, whose samples deviate alike: b crosses `shift` later."""
    cue = np.linspace(0, 1, 11)
    middle = 0.4 + 0.075 * np.random.default_rng(2).normal(size=n)[:, None]
    m = np.stack([cue[:, None, None] - middle - s + 0.5 for s in (0, shift)], axis=1)
    return raw({"load": [0.1], "cue": cue, "cue_mode": ["a", "b"]}, {"m": m[None]})


def test_what_samples_share_cancels_in_a_shift(raw):
    ds = two_modes(raw, 0.07)
    one = phases.compare("m", "cue", 0.5, "cue_mode", "a", ordered="high", name="x")(ds).isel(load=0)
    plain = phases.boundary("m", "cue", 0.5, ordered="high", name="x")(ds).isel(load=0)
    for end in ("", "_error", "_low", "_high"):
        np.testing.assert_allclose(one[f"x{end}"], plain[f"x{end}"], atol=1e-12)
    assert float(one.x_error.sel(cue_mode="b")) > 0.01
    for end in ("", "_low", "_high"):
        np.testing.assert_allclose(one[f"x_shift{end}"], [0, 0.07], atol=1e-12)
    np.testing.assert_allclose(one.x_shift_error, 0, atol=1e-12)


def test_a_scale_applies_before_the_shift_is_taken(raw):
    ds = two_modes(raw, 0.1)
    scale = {"a": 1.0, "b": 3.0}
    stage = phases.compare("m", "cue", 0.5, "cue_mode", "a", "high", lambda x, mode: scale[mode] * x, "bit", "x")
    out = stage(ds).isel(load=0)
    plain = phases.boundary("m", "cue", 0.5, ordered="high", name="y")(ds).isel(load=0).y
    np.testing.assert_allclose(out.x.sel(cue_mode="b"), 3 * plain.sel(cue_mode="b"))
    np.testing.assert_allclose(out.x_shift.sel(cue_mode="b"), 3 * plain.sel(cue_mode="b") - plain.sel(cue_mode="a"))
    assert out.x.attrs["units"] == out.x_shift_low.attrs["units"] == "bit"


def test_a_boundary_that_is_not_there_has_no_shift(raw):
    out = phases.compare("m", "cue", 0.5, "cue_mode", "a", ordered="high", name="x")(two_modes(raw, 0.9)).isel(load=0)
    assert np.isfinite(out.x.sel(cue_mode="a"))
    for name in ("x", "x_low", "x_shift", "x_shift_error"):
        assert np.isnan(out[name].sel(cue_mode="b")), name


def test_skipped_points_are_no_part_of_a_compared_curve(raw):
    stage = phases.compare("m", "cue", 0.5, "cue_mode", "a", ordered="high", name="x")
    ds = two_modes(raw, 0.1)
    for point, code, wanted in ((10, 3, 0.1), (5, 2, np.nan)):
        ds["status"].loc[{"cue_mode": "b", "cue": ds["cue"][point]}] = code
        ds["m"] = ds.m.where(ds.status == 1)
        np.testing.assert_allclose(stage(ds).x_shift, [[0, wanted]], atol=1e-12)


def test_what_comparing_refuses(raw):
    with pytest.raises(InputError, match="no value 'c'"):
        phases.compare("m", "cue", 0.5, "cue_mode", "c")(two_modes(raw, 0.1))


def test_capacity_over_thresholds_and_cues(raw):
    """α_c(cue, θ): each as alone, the thresholds sorted, with units and words; mean = 1 - 5 (load - 0.1) at cue 1."""
    load, cue = np.linspace(0.1, 0.3, 9), np.array([0.5, 1.0])
    noise = 0.02 * np.random.default_rng(3).normal(size=(9, 2, 6, 1))
    x = 1 - 5 * (load[:, None, None, None] - 0.1) / cue[:, None, None] + noise
    ds = raw({"load": load, "cue": cue}, {"m": x})
    out = phases.capacity("m", [0.9, 0.5, 0.7], resamples=100)(ds)
    assert out.m_capacity.dims == ("cue", "threshold")
    assert out.threshold.values.tolist() == [0.5, 0.7, 0.9]
    assert out.threshold.attrs["long_name"] == "threshold of m"
    np.testing.assert_allclose(out.m_capacity, 0.1 + cue[:, None] * (1 - out.threshold.values) / 5, atol=0.01)
    for theta in (0.5, 0.9):
        alone = phases.capacity("m", theta, resamples=100)(ds)
        for name, da in alone.items():
            np.testing.assert_array_equal(out[name].sel(threshold=theta), da)
    assert out.m_capacity.attrs["units"] == "1"
    assert "threshold" in out.m_capacity.attrs["long_name"]
    assert out.m_capacity_flag.attrs["flag_meanings"].split()[0] == "found"
    for theta in ([], [0.5, np.nan]):
        with pytest.raises(InputError, match="several numbers"):
            phases.capacity("m", theta)
