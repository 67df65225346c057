"""The report in a real browser, from a file: it hovers, is read by keyboard, and changes its colours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import rig
import xarray as xr

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.pages import report


def test_report_of_a_map(tmp_path: Path, page: Any, shot: Any) -> None:
    workflow = Workflow(
        model=rig.synthetic.Walk, axes={"load": [0.2, 0.5, 0.9, 1.2], "temperature": [0.1, 0.2, 0.4, 0.5, 0.7]},
        samples=4, stages=[errors.mean("value")], where=lambda p: p["load"] > 0.3, title="Walks",
    )  # fmt: skip
    root = rig.run(workflow, tmp_path / "run").root
    page.goto(report.write(root, workflow).as_uri())
    page.wait_for_selector("#plot[data-ready]")
    made = xr.open_zarr(root / "analysis.zarr")

    # by keyboard: a choice of the point tells what the analysis holds
    page.select_option("#pick-load", label="0.9")
    page.select_option("#pick-temperature", label="0.4")
    value, error = (float(made[f"value_{end}"].sel(load=0.9, temperature=0.4)) for end in ("mean", "error"))
    told = page.inner_text("#at-told")
    shown = [float(n) for n in re.findall(r"-?\d[\d.e-]*", told)]
    assert shown == pytest.approx([value, error], rel=1e-5)
    assert "load=0.9 temperature=0.4 sample=0 replica=0" in page.inner_text("#at-command")

    # by mouse: the tooltip over the middle of the plot names a cell and its value
    plot = page.locator("#plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 180)
    tips = page.locator(".bk-tooltip-row-value")
    tips.first.wait_for(timeout=5000)
    words = " | ".join(tips.all_inner_texts())
    at = {k: float(v) for k, v in re.findall(r"(load|temperature) = ([\d.]+)", words)}
    read = re.search(r"value_mean = (-?[\d.e-]+)", words)
    assert read is not None, words
    assert float(read[1]) == pytest.approx(float(made["value_mean"].sel(at)), rel=1e-5)
    shot(page, "report-map")

    # colours follow the button, by keyboard; the skip link is the first stop
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.focus("#theme")
    page.keyboard.press("Enter")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    shot(page, "report-dark")
    page.reload()
    page.wait_for_selector("#plot[data-ready]")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_report_of_lines(tmp_path: Path, page: Any, shot: Any) -> None:
    workflow = Workflow(
        model=rig.synthetic.Walk, axes={"temperature": [0.1, 0.2, 0.4]}, samples=4, stages=[errors.mean("value")]
    )
    root = rig.run(workflow, tmp_path / "run").root
    page.goto(report.write(root, workflow).as_uri())
    page.wait_for_selector("#plot[data-ready]")
    page.select_option("#pick-temperature", label="0.2")
    value = float(xr.open_zarr(root / "analysis.zarr")["value_mean"].sel(temperature=0.2))
    read = re.search(r"= (-?[\d.e-]+)", page.inner_text("#at-told"))
    assert read is not None
    assert float(read[1]) == pytest.approx(value, rel=1e-5)
    shot(page, "report-lines", full_page=True)
