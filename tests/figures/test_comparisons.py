"""Curves in panels, intervals in rows, paths: what they draw, from made numbers, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from isinglass.analysis import errors, paired
from isinglass.exceptions import InputError
from isinglass.figures import CurvePanels, Intervals, Paths, save

ARMS, STRENGTHS, RULES = ["none", "left", "right"], [0.1, 1.0, 10.0], ["adam", "momentum"]


@pytest.fixture
def ds() -> xr.Dataset:
    """Bits by arm, λ and rule; `none` has one λ."""
    dims = ("arm", "strength", "rule", "sample", "replica")
    x = 100 + np.arange(3)[:, None, None, None, None] + np.random.default_rng(1).normal(size=(3, 3, 2, 6, 1))
    status = np.ones(x.shape, np.int8)
    status[0, 1:] = 3
    names = {"arm": ARMS, "strength": STRENGTHS, "rule": RULES}
    coords = {k: (k, v, {"units": "1", "long_name": k, "quenched": 0}) for k, v in names.items()}
    out = xr.Dataset({"bits": (dims, np.where(status == 1, x, np.nan), {"units": "bit"})}, coords=coords)
    out["status"] = (dims, status)
    out = out.merge(errors.mean("bits")(out))
    return out.merge(paired.differences("bits", "arm", "right")(out))


PANELS = CurvePanels(x="strength", observable="bits", colour="arm", panels="rule", lines={"all": 200.0})
ROWS = Intervals(quantity="bits_gain_of_right", rows=("rule", "strength"), colour="arm", values=("left", "none"))


def test_curves_bands_and_levels(ds: xr.Dataset, tmp_path) -> None:
    figure = PANELS.draw(ds)
    left, right = figure.axes
    assert [ax.get_title(loc="left") for ax in (left, right)] == ["(a) adam", "(b) momentum"]
    lines = {line.get_label(): line for line in left.lines}
    assert set(lines) == {*ARMS, "all"}
    np.testing.assert_array_equal(lines["left"].get_xdata(), STRENGTHS)
    np.testing.assert_allclose(lines["left"].get_ydata(), ds["bits_mean"].sel(arm="left", rule="adam"))
    np.testing.assert_allclose(lines["none"].get_ydata(), float(ds["bits_mean"].sel(arm="none", rule="adam")[0]))
    assert len(left.collections) == 2  # bands of the two curves
    assert save(figure, tmp_path, "panels")


def test_intervals_are_those_of_the_stage(ds: xr.Dataset, tmp_path) -> None:
    figure = ROWS.draw(ds)
    ax = figure.axes[0]
    assert len(ax.get_yticklabels()) == 6
    assert ax.get_yticklabels()[1].get_text() == "adam, strength = 1"
    first = ax.containers[0]
    np.testing.assert_allclose(
        first[0].get_xdata(), ds["bits_gain_of_right"].sel(arm="left").transpose("rule", ...).values.ravel()
    )
    ends = np.array([segment[:, 0] for segment in first[2][0].get_segments()])
    low = ds["bits_gain_of_right_low"].sel(arm="left").transpose("rule", ...).values.ravel()
    np.testing.assert_allclose(ends[:, 0], low)
    assert save(figure, tmp_path, "rows")


def test_a_path_is_that_of_the_first_simulation(ds: xr.Dataset, tmp_path) -> None:
    ds = ds.isel(strength=[0], arm=[0])
    turn = xr.DataArray(np.linspace(0, 6, 20), dims="step", coords={"step": np.arange(20)})
    ds = ds.assign(up=ds["bits"] + np.sin(turn), across=ds["bits"] * 0 + np.cos(turn))
    figure = Paths(x="across", y="up", panels="rule", facts={"first": "bits"}).draw(ds)
    left, right = figure.axes
    assert [ax.get_title(loc="left") for ax in (left, right)] == ["(a) rule = adam", "(b) rule = momentum"]
    first = ds.isel(rule=1, sample=0, replica=0, strength=0, arm=0)
    assert right.get_title(loc="right") == f"first {float(first['bits']):.6f}"
    np.testing.assert_allclose(right.lines[0].get_xdata(), first["across"])
    np.testing.assert_allclose(right.lines[0].get_ydata(), first["up"])
    assert save(figure, tmp_path, "paths")
    with pytest.raises(InputError, match="no variable 'down'"):
        Paths(x="across", y="down", panels="rule").draw(ds)


def test_what_they_refuse(ds: xr.Dataset) -> None:
    with pytest.raises(InputError, match="not above 0"):
        PANELS.draw(ds.assign_coords(strength=[0.0, 1.0, 10.0]))
    with pytest.raises(InputError, match="no value"):
        Intervals(
            quantity="bits_gain_of_right", rows=("rule",), colour="arm", values=("up",), at={"strength": 1.0}
        ).draw(ds)
