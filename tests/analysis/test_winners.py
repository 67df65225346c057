"""The winner of several observables: the first that is least, or as good."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from isinglass.analysis import winners
from isinglass.exceptions import InputError
from isinglass.figures import Line, WinnerMap


def made() -> xr.Dataset:
    """x: a wins; b by a margin below 0.1; b by more; b by more than 0.1 that is noise; both NaN; a alone."""
    noise = np.tile([1.0, -1.0, 0.5, -0.5], (6, 1))
    a = np.array([0.1, 0.55, 0.9, 0.9, np.nan, 0.3])[:, None] + 0.001 * noise
    b = np.array([0.5, 0.5, 0.5, 0.5, np.nan, np.nan])[:, None] - 0.001 * noise
    a[3] += 0.8 * noise[3]
    values = {"a": a, "b": b}
    dims = ("y", "x", "sample", "replica")
    ds = xr.Dataset(
        {k: (dims, np.stack([v, v])[..., None], {"units": "1"}) for k, v in values.items()},
        coords={"x": ("x", [0.0, 1, 2, 3, 4, 5], {"units": "1"}), "y": ("y", [1.0, 10.0], {"units": "1"})},
    )
    ds["status"] = (dims, np.ones((2, 6, 4, 1), np.int8))
    return ds


def test_winner() -> None:
    out = winners.winner("winner", ("a", "b"), even=0.1)(made()).isel(y=0)
    np.testing.assert_array_equal(out["winner"], [0, 0, 1, 0, -1, 0])
    np.testing.assert_array_equal(out["winner_even"], [0, 1, 0, 1, 0, 0])
    np.testing.assert_allclose(out["winner_value"], [0.1, 0.5, 0.5, 0.5, np.nan, 0.3])
    swapped = winners.winner("winner", ("b", "a"), even=0.1)(made()).isel(y=0)
    np.testing.assert_array_equal(swapped["winner"], [1, 0, 0, 0, -1, 1])
    with pytest.raises(InputError, match="no observable 'c'"):
        winners.winner("winner", ("a", "c"), even=0.1)(made())


def test_map() -> None:
    ds = made()
    ds = ds.merge(winners.winner("winner", ("a", "b"), even=0.1)(ds))
    ds["edge"] = ("y", [2.5, 3.5], {"units": "1"})
    ds["edge_low"], ds["edge_high"] = ds["edge"] - 0.5, ds["edge"] + 0.5
    figure = WinnerMap(
        x="x", y="y", of={"a": "first", "b": "second"}, log=("y",), scale={"x": ("twice x", lambda x: 2 * x)},
        lines=[Line("line", lambda x: 1 + x)], verticals={"here": 3.0}, boundary={"edge": "measured"},
    ).draw(ds)  # fmt: skip
    ax = figure.axes[0]
    colours = np.asarray(ax.collections[0].get_array())
    assert colours[0, 0, 2] > colours[0, 0, 0], "the first hue is blue"
    assert colours[0, 2, 0] > colours[0, 2, 2], "the second is orange"
    assert colours[0, 4, 3] == 0, "nothing is drawn where none won"
    assert ax.get_xlabel() == "twice x"
    dots = next(line for line in ax.lines if line.get_marker() == ".")
    np.testing.assert_array_equal(sorted(set(dots.get_xdata())), [2.0, 6.0])
    assert {t.get_text() for t in figure.legends[0].get_texts()} == {
        "first", "second", "line", "here", "measured", "undefined"
    }  # fmt: skip
    crossing = next(c for c in ax.containers if c.get_label() != "")
    np.testing.assert_array_equal(crossing[0].get_xdata(), [5.0, 7.0])
