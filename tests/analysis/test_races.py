"""Times per sample, their medians, ratios and slopes: against curves and samples made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from isinglass.analysis import races
from isinglass.exceptions import InputError

GRID = [1.0, 2.0, 4.0, 8.0, 16.0]
ARMS = ["slow", "fast"]


def rising(times: np.ndarray) -> np.ndarray:
    """Curves over GRID that rise linearly in ln τ and are 0.9 at `times`; (..., L)."""
    return 0.9 + 0.1 * np.log(np.asarray(GRID) / times[..., None])


def made(raw, times, status=None):
    """A dataset (arm, spins, duration, sample, replica) of `times` (arm, spins, sample)."""
    curves = np.moveaxis(rising(times), -1, 2)[..., None]
    axes = {"arm": ARMS, "spins": [4, 8, 16][: times.shape[1]], "duration": GRID}
    return raw(axes, {"success": curves, "cost": 2 - curves}, status)


def race(**changes):
    return races.race(
        **{
            "name": "t",
            "observable": "success",
            "along": "duration",
            "between": "arm",
            "base": "slow",
            "across": "spins",
            "level": 0.9,
            **changes,
        }
    )


def test_times_medians_ratios_and_slopes(raw):
    """Powers of N, exactly: times 4 (N/4)^1/2 of the slow and 4 (N/4)^-1/2 of the fast, times what is shared."""
    shared = np.array([0.7, 1.0, 1.2, 0.9, 1.9])
    size = np.array([1.0, 2.0, 4.0])[:, None]
    out = race()(made(raw, np.stack([4 * size**0.5 * shared, 4 * size**-0.5 * shared])))
    assert out["t"].sel(arm="slow").values == pytest.approx([4, 4 * 2**0.5, 8], rel=1e-12)
    assert out["t_ratio"].sel(arm="fast").values == pytest.approx([1, 0.5, 0.25], rel=1e-12)
    assert out["t_ratio_error"].values == pytest.approx(np.zeros((3, 2)), abs=1e-12), "what is shared cancels"
    assert (out["t_low"] < out["t"]).all()
    assert (out["t_high"] > out["t"]).all()
    assert out["t_power"].values == pytest.approx([0.5, -0.5], rel=1e-12)
    assert out["t_power_shift"].values == pytest.approx([0, -1], abs=1e-12)
    slopes = np.polyfit([4, 8, 16], np.log([1, 0.5, 0.25]), 1)[0]
    assert float(out["t_rate_shift"].sel(arm="fast")) == pytest.approx(slopes, rel=1e-12)
    assert (out["t_beyond"] == 0).all()


def test_samples_that_do_not_get_there_count_as_late(raw):
    times = np.array([[[3.0, 5.0, 40.0, 50.0, 60.0]], [[2.0, 2.0, 2.0, 3.0, 70.0]]])
    out = race()(made(raw, times))
    assert out["t"].values.ravel() == pytest.approx([np.inf, 2.0])
    assert out["t_beyond"].values.ravel() == pytest.approx([0.6, 0.2])
    assert float(out["t_ratio"].sel(arm="fast").item()) == 0, "of 2/3, 2/5, 0, 0"
    assert out["t_ratio_samples"].sel(arm="fast").item() == 4, "one gets there at neither"
    early = race()(made(raw, times / 20))
    assert early["t"].sel(arm="fast").item() == 1.0, "above the level from the first point on"


def test_skipped_points_are_no_part_of_a_curve_and_missing_ones_hide_it(raw):
    times = np.array([[[3.0, 5.0, 6.0]], [[2.0, 3.0, 7.0]]])
    status = np.ones((2, 1, 5, 3, 1), np.int8)
    status[0, :, 3:] = 3
    out = race()(made(raw, times, status))
    assert out["t"].sel(arm="slow").item() == np.inf
    assert out["t_beyond"].sel(arm="slow").item() == pytest.approx(2 / 3)
    least = race(level=None, observable="cost")(made(raw, times, status))
    assert least["t"].sel(arm="slow").item() == pytest.approx(2 - rising(np.array([5.0]))[0, 2])
    assert least["t_beyond"].sel(arm="slow").item() == 1, "at the end of what is there"
    status[1, :, 1, 1] = 2
    out = race()(made(raw, times, status))
    assert out["t"].sel(arm="fast").item() == pytest.approx(np.sqrt(2 * 7)), "the median of two, by their logarithms"


def test_the_least_over_several_axes(raw):
    cost = np.array([[5, 3, 4, 9.0], [6, 2, 7, 8.0]])
    cost = np.stack([cost, 2 * cost])[:, None, :, :, None, None] + np.zeros((2, 1, 2, 4, 3, 1))
    ds = raw({"arm": ARMS, "spins": [4], "step": [1, 2], "duration": GRID[:4]}, {"cost": cost})
    out = race(level=None, observable="cost", over=("step",))(ds)
    assert out["t"].values.ravel() == pytest.approx([2, 4])
    assert "step" not in out.dims
    ds["converged"] = (ds["cost"] > 2).astype(float)
    guarded = race(level=None, observable="cost", over=("step",), guard="converged")(ds)
    assert guarded["t"].values.ravel() == pytest.approx([3, 4]), "2 of the slow did not converge"
    with pytest.raises(InputError, match="leave one out"):
        race(observable="cost", guard="converged")(ds)


def test_a_least_at_an_end_of_what_is_left_is_beyond():
    """Points that did not converge are left out wherever they are, also before all others."""
    no = np.inf
    curves = np.array([[no, 5, 3, 4], [no, 3, 4, 5], [5, no, 4, 3], [5, 3, no, 4], [5, 3, 4, no], [no] * 4])
    least, end = races._least(curves)
    assert least.tolist() == [3, 3, 3, 3, 3, no]
    assert end.tolist() == [False, True, True, False, False, True]


def test_intervals_cover(raw):
    """Of 250 medians of 16 samples at least 91 % (95 % less 3 binomial errors); they may cover more."""
    rng = np.random.default_rng(5)
    times = 4 * np.exp(0.2 * rng.normal(size=(2, 250, 16)))
    axes = {"arm": ARMS, "spins": np.arange(4, 254), "duration": GRID}
    ds = raw(axes, {"success": np.moveaxis(rising(times), -1, 2)[..., None]})
    out = race()(ds)
    covered = (out["t_low"] <= 4) & (out["t_high"] >= 4)
    assert float(covered.mean()) > 0.91
    ratio = out["t_ratio_low"].sel(arm="fast"), out["t_ratio_high"].sel(arm="fast")
    assert float(((ratio[0] <= 1) & (ratio[1] >= 1)).mean()) > 0.91
    assert float(out["t_error"].mean()) == pytest.approx(4 * 0.2 * np.sqrt(np.pi / 2 / 16), rel=0.15)


def test_bad_axes_are_named(raw):
    ds = made(raw, np.full((2, 2, 3), 4.0))
    with pytest.raises(InputError, match="no value 'quick'"):
        race(base="quick")(ds)
    with pytest.raises(InputError, match="not quenched"):
        race(across="duration", along="spins")(ds)
    with pytest.raises(InputError, match="no axis"):
        race(along="durations")(ds)
