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

from isinglass import Workflow, reporting
from isinglass.analysis import errors
from isinglass.figures import Extrapolation, Line, PhaseDiagram, PhaseLines
from isinglass.pages import diagram, facts, report, verdict
from isinglass.plans import Options
from isinglass.progress import Talk
from isinglass.theory.ising import T_C


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


def test_of_several_lines_the_nearest_is_judged_and_of_a_line_its_nearer_branch() -> None:
    x = np.array([0.0, 1.0, 2.0])
    ds = xr.Dataset(
        {
            "m_boundary": ("load", np.array([1.0, 0.4, 0.1]), {"axis_name": "temperature"}),
            "m_error": ("load", np.full(3, 0.1)),
            "m_boundary_error": ("load", np.full(3, 0.1)),
        },
        coords={"load": x, "temperature": np.linspace(0, 2, 5)},
    )
    lines = [
        Line("far", lambda load: 2 - 0 * load),
        Line("near", lambda load: 1 - 0 * load, lower=lambda load: np.where(load > 0, 0.5 - 0.2 * load, 0)),
    ]
    figure = PhaseDiagram(x="load", y="temperature", panels=("m",), boundary="m_boundary", lines=lines)
    first, second = verdict.comparisons(ds, [figure], ["load", "temperature"])
    assert (first.theory, first.beside, first.of) == ("near", False, 2)
    assert [row[3] for row in first.rows] == pytest.approx([1, 0.3, 0.1])
    assert (second.theory, second.beside) == ("far", True)


def test_a_limit_is_compared_with_the_reference_that_it_is_exact_for() -> None:
    ds = xr.Dataset({"u_limit": 2.28, "u_limit_error": 0.01})
    figure = Extrapolation("u", "length", T_C)
    (found,) = verdict.comparisons(ds, [figure], ["length"], "ising")
    assert found.source.startswith("ising.critical_temperature of catalogs/references.yaml")
    assert found.rows[0][4] == pytest.approx((2.28 - T_C) / 0.01)
    assert found.word == "agrees"
    (other,) = verdict.comparisons(ds, [figure], ["length"], "kuramoto")
    assert other.source == "given by the workflow"


def test_what_stages_say_about_a_result_is_no_result() -> None:
    names = ["t_boundary", "t_boundary_error", "t_boundary_bracket_high", "t_boundary_shift_error", "t_boundary_flag",
             "c_critical", "c_critical_error", "c_residual", "c_flag", "c_p", "t_height", "t_height_low"]  # fmt: skip
    ds = xr.Dataset(dict.fromkeys(names, 1.0) | {"status": (("x", "sample", "replica"), np.ones((1, 1, 1)))})
    assert [(r.value, r.error) for r in facts.results_of(ds)] == [
        ("t_boundary", "t_boundary_error"), ("c_critical", "c_critical_error"), ("c_p", ""), ("t_height", ""),
    ]  # fmt: skip


def test_the_command_of_a_cell_is_of_a_simulation_that_is_done() -> None:
    status = np.array([[3, 0], [2, 3], [1, 3]], np.int8).reshape(3, 1, 2)
    ds = xr.Dataset({"status": (("x", "sample", "replica"), status)}, coords={"x": [1, 2, 3]})
    one = diagram._again(ds, ["x"], [1])
    assert one is not None
    assert numbers(one).tolist() == [1, 2, 4]
    several = diagram._again(ds, ["x"], [3])
    assert several is not None
    assert numbers(several).tolist() == [4]
    assert diagram._again(ds.assign(status=ds["status"] * 0 + 1), ["x"], [2]) is None


def test_a_run_ends_well_though_its_page_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    workflow = Workflow(model=rig.synthetic.Walk, axes={"load": [0.2, 0.5]}, stages=[errors.mean("value")])
    options = Options(out=tmp_path / "run", cluster="serial")

    def broken(*_: object) -> str:
        raise KeyError("fancy")

    with monkeypatch.context() as patch:
        patch.setattr(report, "page", broken)
        assert reporting.run(workflow, options, Talk()).exit_code == 0
    told = capsys.readouterr().out
    assert "report        left out: KeyError: 'fancy'" in told
    assert "the data are kept" in told
    assert not list((tmp_path / "run").glob("*.html"))

    assert reporting.run(workflow, options, Talk(quiet=True)).exit_code == 0
    text = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "CPU time planned" in text  # by the first run: the second had nothing to compute
    reporting.run(workflow, Options(out=tmp_path / "none", cluster="serial", figures=False), Talk(quiet=True))
    assert not (tmp_path / "none" / "report.html").exists()


def test_axes_are_logarithmic_where_the_figure_says_so(tmp_path: Path) -> None:
    figure = PhaseLines(x="temperature", observable="value", log=("temperature", "value"))
    workflow = Workflow(
        model=rig.synthetic.Walk, axes={"temperature": [0.1, 1.0, 10.0]}, samples=2, stages=[errors.mean("value")],
        figures=[figure],
    )  # fmt: skip
    root = rig.run(workflow, tmp_path / "run").root
    text = report.write(root, workflow).read_text(encoding="utf-8")
    assert content(text)["log"] == ["temperature", "value_mean"]
    assert '"LogAxis"' in text
