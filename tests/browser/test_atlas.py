"""The atlas in a browser: no errors, the plane answers to the pointer, tasks stand apart, it fits a telephone."""

from __future__ import annotations

from typing import Any

import atlas_runs
import pytest

from isinglass.analysis import answers
from isinglass.pages import atlas, gathering


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    entries = atlas_runs.entries()
    rows, folder = answers.verdicts(gathering.rows(entries)), tmp_path_factory.mktemp("browser")
    path = folder / "atlas.html"
    path.write_text(atlas.page(entries, gathering.points(entries), rows, {}, folder), encoding="utf-8")
    return path.as_uri()


def test_atlas(page: Any, shot: Any, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("#plane-recall")
    page.wait_for_function("document.querySelectorAll('.interactive .bk-Figure').length === 2")
    assert page.locator("section h2").all_text_contents()[1:3] == [
        "The plane: recall of a stored pattern",
        "The plane: retention of a written state",
    ]
    shot(page, "light", full_page=True)
    # the point (coherence, memory) = (1, 1) of the first run: its place on the screen as Bokeh computes it
    page.evaluate("document.querySelector('.interactive').scrollIntoView({block: 'center', behavior: 'instant'})")
    place = page.evaluate(
        """() => {
            const view = Object.values(Bokeh.index).find(v => v.model.type === 'Figure');
            const box = view.canvas.events_el.getBoundingClientRect();
            const source = view.model.renderers[0].data_source.data;
            const x = view.frame.x_scale.compute(source.coherence[0]), y = view.frame.y_scale.compute(source.memory[0]);
            return [box.x + x, box.y + y];
        }"""
    )
    page.mouse.move(place[0] - 30, place[1] + 30)
    page.mouse.move(*place)
    page.wait_for_function(
        """() => {
            const text = node => [...node.querySelectorAll('*')].map(
                e => (e.shadowRoot ? text(e.shadowRoot) : '')
            ).join('') + (node.textContent || '');
            return text(document.body).includes('one (Alpha)');
        }"""
    )
    shot(page, "hover")


def test_dark_and_narrow(page: Any, shot: Any, address: str) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(address)
    page.wait_for_function("document.querySelectorAll('.interactive .bk-Figure').length === 2")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    page.click("summary")
    assert page.locator("tbody tr").count() == 4
    assert page.locator("tbody tr").first.is_visible()
    shot(page, "dark-narrow", full_page=True)
