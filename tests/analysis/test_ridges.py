"""Ridges: where a curve peaks, how surely, and how far from an edge that the same samples have."""

from __future__ import annotations

import numpy as np
import pytest

from isinglass.analysis import ridges
from isinglass.analysis.quantities import Quantity
from isinglass.exceptions import InputError

T = np.array([0.0, 0.1, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 1.0])


def data(raw, samples, shift=0.03, noise=0.02, loads=300, seed=7):
    """Parabolas that peak at 0.42, beside steps at 0.62, both shifted by sample along the axis, with noise."""
    rng = np.random.default_rng(seed)
    moved = T[:, None, None] - shift * rng.normal(size=(loads, 1, samples, 1))
    shape = (loads, T.size, samples, 2)
    x = 1 - 4 * (moved - 0.42) ** 2 + noise * rng.normal(size=shape)
    m = 0.5 - (moved - 0.62) + noise * rng.normal(size=shape)
    return raw({"load": np.arange(loads) / loads, "temperature": T}, {"x": x, "m": m})


def test_a_parabola_is_found_exactly_also_on_an_uneven_grid():
    centres = np.array([0.13, 0.36, 0.42, 0.7])
    curves = 3 - (T - centres[:, None]) ** 2
    for points in (3, 5):
        found, height = ridges.summits(T, curves, points)
        np.testing.assert_allclose(found, centres, rtol=1e-12)
        np.testing.assert_allclose(height, 3, rtol=1e-12)
    np.testing.assert_array_equal(ridges.summits(T, np.stack([T, -T])), [[1, 0], [1, 0]])
    np.testing.assert_array_equal(ridges.summits(T, np.zeros(T.size)), 0)
    curves[:, 6] = np.nan
    assert np.isfinite(ridges.summits(T, curves)[0]).all()


def test_intervals_cover_and_what_ridge_and_edge_share_cancels(raw):
    """95 % intervals over 300 boundaries of 16 samples; 0.94 ± 3 binomial standard errors, as for boundaries."""
    out = ridges.ridge("x", "temperature", edge=("m", 0.5), resamples=1000)(data(raw, 16))
    assert (out.x_ridge_flag == 0).all()
    error = 3 * np.sqrt(0.06 * 0.94 / 300)
    for name, truth in (("x_ridge", 0.42), ("x_gap", 0.42 - 0.62)):
        covered = ((out[f"{name}_low"] <= truth) & (truth <= out[f"{name}_high"])).mean()
        assert abs(float(covered) - 0.94) < error, name
        assert float(out[f"{name}_error"].mean()) == pytest.approx(float(out[name].std()), rel=0.17)
    apart = np.hypot(float(out.x_ridge.std()), 0.03 / 4)
    assert float(out.x_gap.std()) < 0.9 * apart
    np.testing.assert_allclose(out.x_ridge_height, 1, atol=0.05)


def test_a_ridge_at_the_end_is_none(raw):
    ds = raw({"load": [0.1, 0.2], "temperature": T}, {"x": np.broadcast_to(T[:, None, None], (2, T.size, 4, 1)).copy()})
    ds.status[1, 3] = 0
    out = ridges.ridge("x", "temperature")(ds)
    assert out.x_ridge_flag.values.tolist() == [1, 2]
    assert np.isnan(out.x_ridge).all()
    assert np.isnan(out.x_ridge_error).all()


def test_a_capacity_keeps_its_denominator_and_only_flags_have_meanings(raw):
    """Peak bits: what they are counted per goes with the height. CF's flag attributes are not those of `status`."""
    bits = Quantity("bits", lambda x: x, of=("x",), units="bit", denominator="N² pairs")
    ds = data(raw, 4, loads=2)
    ds.status.attrs |= {"flag_values": np.arange(4, dtype=np.int8), "flag_meanings": "pending done failed skipped"}
    out = ridges.ridge(bits, "temperature", resamples=50)(ds)
    assert out.bits_ridge_height.attrs["denominator"] == bits.mean(ds).bits_mean.attrs["denominator"] == "N² pairs"
    assert out.bits_ridge_height.attrs["units"] == "bit"
    assert [v for v in out if "flag_meanings" in out[v].attrs] == ["bits_ridge_flag"]


def test_unknown_names_are_refused(raw):
    ds = data(raw, 4, loads=1)
    with pytest.raises(InputError, match="did you mean"):
        ridges.ridge("x", "temperatur")(ds)
    with pytest.raises(InputError, match="no observable"):
        ridges.ridge("y", "temperature")(ds)
