"""The report in a real browser, from a file: it hovers, is read by keyboard, and changes its colours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import rig
import xarray as xr

from isinglass import Workflow, load_workflow
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
    for _ in range(50):  # the plot follows; the page's policy forbids to wait for an expression
        if page.evaluate("document.documentElement.scrollWidth") <= 400:
            break
        page.wait_for_timeout(100)
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


EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"
EVIL_TEXT = f'''"""</script>{EVIL} `` {{{{ 7*7 }}}}"""
from dataclasses import dataclass
from isinglass import Model, Observable, Workflow, parameter
from isinglass.analysis import errors
from isinglass.figures import Line, PhaseLines

@dataclass(frozen=True)
class Evil(Model):
    """</script>{EVIL}"""
    x: float = parameter(0.0, units="1", doc="</script>{EVIL}")
    observables = (Observable("value", "{EVIL}", long_name="</script>{EVIL}"),)

    def simulate(self, disorder, noise):
        if self.x > 2:
            raise ValueError("</script>{EVIL}")
        return {{"value": noise[:, 0] * 1e-19 + self.x + 1}}

workflow = Workflow(
    title="</script>{EVIL}", model=Evil, axes={{"x": [0.5, 1.5, 2.5]}}, samples=3, stages=[errors.mean("value")],
    figures=[PhaseLines(x="x", observable="value", log=("value",),
                        theory=[Line("</script>{EVIL}", lambda x: x + 1.5)])],
)
'''


def test_nothing_of_a_run_becomes_markup(tmp_path: Path, page: Any, shot: Any) -> None:
    path = tmp_path / "evil.py"
    path.write_text(EVIL_TEXT, encoding="utf-8")
    workflow = load_workflow(path)
    root = rig.run(workflow, tmp_path / "run").root
    dialogs: list[str] = []
    page.on("dialog", lambda d: (dialogs.append(d.message), d.dismiss()))
    page.goto(report.write(root, workflow).as_uri())
    page.wait_for_selector("#plot[data-ready]")
    page.mouse.move(500, 500)
    assert page.locator("h1").inner_text().startswith("</script><script>alert(1)")
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("#failures").inner_text().count("<img src=x onerror=alert(2)>") >= 1
    plot = page.locator("#plot")
    plot.scroll_into_view_if_needed()
    place = page.evaluate("""() => {
        const view = Object.values(Bokeh.index)[0] ?? [...Bokeh.index.roots][0];
        const box = view.canvas_view.el.getBoundingClientRect();
        const frame = view.frame, at = Bokeh.documents[0].get_model_by_name("cells").data;
        return [box.x + frame.x_scale.compute(at.x[1]), box.y + frame.y_scales.get("log").compute(at.y[1])];
    }""")
    page.mouse.move(*place)
    page.locator(".bk-tooltip-row-value").first.wait_for(timeout=5000)
    assert "alert" in " ".join(page.locator(".bk-tooltip-row-value").all_inner_texts())  # shown, as text
    shot(page, "report-evil", full_page=True)
    assert dialogs == []
