"""Collapse and extrapolation: what is drawn is what the analysis holds, and what is missing is said."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import xarray as xr

from isinglass.analysis import crossings, errors, finite_size
from isinglass.exceptions import InputError
from isinglass.figures import Collapse, Extrapolation, save
from isinglass.figures.extrapolation import rounded

SIZES, T = np.array([8, 16, 32, 64]), np.linspace(2.07, 2.47, 13)
COLLAPSE = Collapse("m_collapse", "temperature", "spins", {"critical": 2.27, "nu": 1.0}, name="collapse")
LIMIT = Extrapolation("m_crossing", "spins", 2.27, ("temperature",))


def synthetic(pending: bool = False, samples: int = 8) -> xr.Dataset:
    """Cubic scaling functions with ν = 1 (clearly no simulation); wide points skipped."""
    x = (T - 2.27) * SIZES[:, None]
    y = (0.6 - 0.12 * x - 0.02 * x**2)[..., None, None]
    y = y + 0.005 * np.random.default_rng(1).normal(size=(*x.shape, samples, 1))
    dims = ("spins", "temperature", "sample", "replica")
    status = np.broadcast_to(np.where(abs(x) < 5, 1, 3)[..., None, None], y.shape).astype(np.int8).copy()
    if pending:
        status[1, 6] = 0
        status[2, 6, 0] = 2
    axes = {"spins": (SIZES, 1), "temperature": (T, 0)}
    coords = {k: (k, v, {"units": "1", "long_name": k, "quenched": q}) for k, (v, q) in axes.items()}
    ds = xr.Dataset({"m": (dims, np.where(status == 1, y, np.nan), {"units": "1", "long_name": "m"})}, coords)
    ds["status"] = (dims, status)
    ds.attrs |= {"title": "Synthetic test data", "seed": 7}
    for stage in (
        errors.mean("m"),
        finite_size.collapse("m", "temperature", "spins", degree=2, within=0.3, resamples=30),
        crossings.of_sizes("m", "temperature", "spins", exponent=1.0, resamples=30),
    ):
        ds = ds.merge(stage(ds))
    return ds


def words(figure) -> str:
    return " ".join(text.get_text() for text in figure.texts).replace("\n", " ")


@pytest.fixture(scope="module")
def whole() -> xr.Dataset:
    return synthetic()


def test_collapse_draws_what_the_analysis_holds(whole, tmp_path):
    figure = COLLAPSE.draw(whole)
    raw, scaled, residual = figure.axes
    used = np.isfinite(whole.m_collapse_x.values)
    for ax, name in ((scaled, "y"), (residual, "residual")):
        drawn = np.concatenate([c.lines[0].get_xydata() for c in ax.containers])
        values = np.stack([whole.m_collapse_x.values[used], whole[f"m_collapse_{name}"].values[used]], axis=1)
        np.testing.assert_allclose(drawn[np.lexsort(drawn.T)], values[np.lexsort(values.T)])
    assert [t.get_text() for t in raw.get_legend().get_texts()] == ["8", "16", "32", "64"]
    text = words(figure)
    value, error = (float(whole[f"m_collapse_critical{k}"][0]) for k in ("", "_error"))
    assert f"= {rounded(value, error)} (exact 2.27)" in text.replace("\xa0", " ")
    assert "χ²/dof" in text
    assert "points without a part in the fit" in text
    assert "skipped" in text
    assert [p.suffix for p in save(figure, tmp_path, "collapse")][:2] == [".png", ".pdf"]


def test_a_collapse_with_missing_points_and_one_that_failed(whole):
    text = words(COLLAPSE.draw(synthetic(pending=True)))
    assert "8 pending, 1 failed" in text
    empty = whole.copy()
    for name in [v for v in empty.data_vars if str(v).startswith("m_collapse") and not str(v).endswith("flag")]:
        empty[name] = empty[name] * np.nan
    empty["m_collapse_x"].attrs = whole["m_collapse_x"].attrs
    empty["m_collapse_flag"] = empty.m_collapse_flag * 0 + 3
    empty["m_collapse_flag"].attrs = whole["m_collapse_flag"].attrs
    assert "No collapse: fit failed." in words(COLLAPSE.draw(empty))


def test_extrapolation(whole):
    figure = LIMIT.draw(whole)
    ax = figure.axes[0]
    points = ax.containers[0].lines[0].get_xydata()
    np.testing.assert_allclose(points[:, 0], 1 / SIZES[:3])
    np.testing.assert_allclose(points[:, 1], whole.m_crossing[:3])
    limit = ax.containers[1].lines[0].get_xydata()
    np.testing.assert_allclose(limit, [[0, float(whole.m_crossing_limit)]])
    text = words(figure)
    assert rounded(float(whole.m_crossing_limit), float(whole.m_crossing_limit_error)) in text
    assert "standard errors from the exact value" in text
    one = whole.assign(m_crossing_limit=whole.m_crossing_limit * np.nan)
    assert "No limit" in words(LIMIT.draw(one))


def test_refusals(whole):
    with pytest.raises(InputError, match="did you mean 'm_collapse'"):
        Collapse("m_colapse", "temperature", "spins").draw(whole)
    with pytest.raises(InputError, match="no stage returned 'x_mean'"):
        Extrapolation("x", "spins").draw(whole)
    with pytest.raises(InputError, match="average them"):
        COLLAPSE.draw(whole.drop_vars("m_mean"))


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [(2.26909, 0.00067, "2.26909(67)"), (0.991, 0.0117, "0.991(12)"), (12.34, 1.5, "12.3(1.5)"), (150.2, 20, "150(20)"),
     (1.0, 0.0, "1"), (2.0, 0.0996, "2.00(10)"), (2.0, np.nan, "2")],
)  # fmt: skip
def test_rounded(value, error, text):
    assert rounded(value, error) == text


def test_a_size_without_error_is_no_exact_point_and_the_source_is_said(whole, tmp_path):
    ds = whole.copy()
    ds["m_crossing_error"] = ds.m_crossing_error.copy()
    ds.m_crossing_error[1] = np.inf
    figure = dataclasses.replace(LIMIT, source="Onsager 1944").draw(ds)
    ax = figure.axes[0]
    assert "no finite error: not fitted" in [t.get_text() for t in ax.get_legend().get_texts()]
    bare = next(line for line in ax.lines if line.get_label().startswith("no finite"))
    assert bare.get_ydata().tolist() == [float(ds.m_crossing[1])]
    assert "Exact: Onsager 1944." in words(figure)
    assert "Onsager 1944" in save(figure, tmp_path, "limit")[2].read_text(encoding="utf-8")
    assert "Exact: Onsager 1944." in words(dataclasses.replace(COLLAPSE, source="Onsager 1944").draw(ds))
    assert "Exact:" not in words(LIMIT.draw(ds))
