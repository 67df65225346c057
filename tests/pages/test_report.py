"""The report of runs with everything that can go wrong, and the numbers that it states."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rig
import xarray as xr

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import Line, PhaseLines
from isinglass.pages import diagram, facts, report, verdict


def content(text: str) -> dict[str, Any]:
    """What the page's script reads."""
    found = re.search(r'<script type="application/json" id="content">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    out: dict[str, Any] = json.loads(found[1])
    return out


def numbers(packed: dict[str, str]) -> np.ndarray:
    kinds = {"f4": "<f4", "u4": "<u4"}
    return np.frombuffer(base64.b64decode(packed["data"]), kinds[packed["type"]])


def test_a_map_holds_the_numbers_of_the_analysis(tmp_path: Path) -> None:
    workflow = Workflow(
        model=rig.synthetic.Walk, axes={"load": [0.2, 0.5, 0.9, 1.2], "temperature": [0.1, 0.2, 0.4, 0.5, 0.7]},
        samples=4, stages=[errors.mean("value")], where=lambda p: p["load"] > 0.3, title="<b>A & B</b>",
    )  # fmt: skip
    root = rig.run(workflow, tmp_path / "run").root
    text = report.write(root, workflow).read_text(encoding="utf-8")
    assert "<b>A" not in text
    assert len(text) < 5e6
    found, made = content(text), xr.open_zarr(root / "analysis.zarr")
    assert found["kind"] == "map"
    order = [*reversed(found["shown"])]
    one = found["variables"][0]
    assert one["name"] == "value_mean"
    for part, name in (("value", "value_mean"), ("error", "value_error")):
        np.testing.assert_allclose(numbers(one[part]), made[name].transpose(*order).values.ravel(), rtol=1e-6)
    status = xr.open_zarr(root / "data.zarr")["status"].transpose(*order, "sample", "replica").values
    np.testing.assert_array_equal(numbers(found["counts"]["done"]), (status == 1).sum((-1, -2)).ravel())
    np.testing.assert_array_equal(numbers(found["counts"]["skipped"]), (status == 3).sum((-1, -2)).ravel())
    assert "20</b><span>skipped" in text


def test_failures_are_named_with_their_commands(tmp_path: Path) -> None:
    workflow = Workflow(model=rig.synthetic.Faulty, axes={"fault": ["none", "raise"], "size": [2, 3, 4]}, samples=4)
    root = rig.run(workflow, tmp_path / "run").root
    text = report.write(root, workflow).read_text(encoding="utf-8")
    failed = int((xr.open_zarr(root / "data.zarr")["status"] == 2).sum())
    assert failed
    assert f"{failed} simulations failed" in text
    assert f"isinglass reproduce {root} fault=raise size=" in text
    assert "synthetic fault" in text
    assert "nothing is judged" in text  # no theory, and it says so


@pytest.mark.parametrize(
    "points", [{"load": [0.1, 0.2, 0.7]}, {"load": [0.1, 0.9], "temperature": [0.3, 0.2]}, {"rule": ["hebb"]}]
)
def test_listed_points_have_a_page(tmp_path: Path, points: dict[str, list[Any]]) -> None:
    workflow = Workflow(model=rig.synthetic.Walk, points=points)
    root = rig.run(workflow, tmp_path / "run").root
    found = content(report.write(root, None).read_text(encoding="utf-8"))
    assert found["kind"] == "points"
    assert found["columns"] == list(points)
    raw = xr.open_zarr(root / "data.zarr")["value"].values.ravel()
    one = next(v for v in found["variables"] if v["name"] == "value_mean")
    np.testing.assert_allclose(numbers(one["value"]), raw, rtol=1e-6)
    assert np.isnan(numbers(one["error"])).all()  # one sample has no error


def test_blocks_of_a_large_map_are_means_over_what_is_done() -> None:
    values = np.arange(35.0).reshape(5, 7)
    values[0, 0] = np.nan
    means = diagram.blocks(values, (2, 3), np.nanmean)
    assert means.shape == (3, 3)
    assert means[0, 0] == pytest.approx(np.nanmean(values[:2, :3]), rel=0.15)
    assert means[2, 2] == values[4, 6]
    assert diagram.blocks(np.ones((5, 7)), (2, 3), np.nansum).sum() == 35


def test_a_verdict_counts_standard_errors() -> None:
    x = np.linspace(0, 1, 5)
    ds = xr.Dataset(
        {
            "m_mean": ("coupling", 2 * x + np.array([0, 0.1, -0.1, 0.3, 0])),
            "m_error": ("coupling", np.full(5, 0.1)),
            "status": (("coupling", "sample", "replica"), np.ones((5, 1, 1), np.int8)),
        },
        coords={"coupling": x},
    )
    figure = PhaseLines(x="coupling", observable="m", theory=[Line("$K_c$", lambda coupling: 2 * coupling)])
    (found,) = verdict.comparisons(ds, [figure], ["coupling"])
    assert [row[4] for row in found.rows] == pytest.approx([0, 1, -1, 3, 0])
    assert found.sentence.startswith("agrees in part: 5 points")
    assert "4 of 5 within two standard errors" in found.sentence


def test_labels_lose_their_tex() -> None:
    assert facts.plain(r"$K_\mathrm{c} = 2(\gamma + D)$ (theory)") == "K_c = 2(γ + D) (theory)"


def test_values_have_the_digits_of_their_errors() -> None:
    assert report.with_error(1.23456, 0.0123) == "1.235 ± 0.012"
    assert report.with_error(np.nan, 0.1) == "–"
    assert report.with_error(0.5, np.nan) == "0.5"
