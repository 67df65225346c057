"""The live page in a real browser, over a real run in processes of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rig

from isinglass.analysis.errors import mean_and_error, sample_means

MODEL = """
@dataclass(frozen=True)
class Held(Slow):
    \"\"\"Waits at temperatures above the number in the file `gate`.\"\"\"

    def simulate(self, disorder, noise):
        while self.temperature > float(Path("gate").read_text()):
            time.sleep(0.02)
        return super().simulate(disorder, noise)
"""
SWEEP = """model=Held, axes={"temperature": np.linspace(0, 1, TEMPERATURES), "size": [2, 4, 8, 16, 32, 64]}, samples=2,
    seed=5, fixed={"seconds": 0.001}, name="held", title="A <b>held</b> sweep\""""
RUN = """
import isinglass
from isinglass import plans
from isinglass.planning import Pilot
plans.pilot = lambda *given, **more: Pilot(1e-3, 1e-3, 1e-3)  # it would wait at the gate
isinglass.run("held.py", out="run", figures=False, block={"temperature": 1, "size": 3, "sample": 2})
"""


@pytest.fixture
def gate(home: Path) -> Iterator[Any]:
    """Sets the temperature up to which simulations go on; at the end it is open, so that no process waits for ever."""

    def set_to(temperature: float) -> None:
        (home / "gate.new").write_text(str(temperature))
        (home / "gate.new").replace(home / "gate")

    yield set_to
    set_to(2)


def start(home: Path, temperatures: int) -> subprocess.Popen[bytes]:
    text = rig.SYNTHETIC + MODEL
    rig.write_workflow(home / "held.py", SWEEP.replace("TEMPERATURES", str(temperatures)), text)
    return subprocess.Popen([sys.executable, "-c", RUN], cwd=home, start_new_session=True, stdout=subprocess.DEVNULL)


@pytest.fixture
def watching(home: Path) -> Iterator[Any]:
    """Starts `isinglass watch run`; returns its process and the address that it prints."""
    started: list[Any] = []

    def watch() -> tuple[Any, str]:
        started.append(rig.start("watch", "run", cwd=home))
        line = started[-1].stdout.readline()
        found = re.match(r"http://127\.0\.0\.1:\d+/", line)
        assert found, line
        return started[-1], found[0]

    yield watch
    for process in started:
        process.kill()
        process.communicate()


def said(page: Any, words: str) -> None:
    page.wait_for_function("words => document.getElementById('says').textContent.includes(words)", arg=words)


def shown(page: Any) -> int:
    return int(page.get_attribute("#plot", "data-shown") or 0)


def filled(page: Any, cells: int) -> None:
    page.wait_for_function("n => Number(document.getElementById('plot').dataset.shown) === n", arg=cells)


COLOURED = """() => {
  const c = document.getElementById("plot"), p = plot.box, r = devicePixelRatio || 1;
  const d = c.getContext("2d").getImageData(p.left * r, p.top * r, (p.right - p.left) * r, (p.bottom - p.top) * r).data;
  let n = 0;
  for (let i = 0; i < d.length; i += 4) n += PIXELS.has(`${d[i]},${d[i + 1]},${d[i + 2]}`);
  return n * 4 / d.length;
}"""
PIXELS = """() => {
  const parts = (p) => [1, 3, 5].map((k) => parseInt(p.slice(k, k + 2), 16));
  window.PIXELS = new Set(PALETTE.map((p) => parts(p).join()));
}"""


def test_the_diagram_fills_while_a_run_goes_on(home: Path, page: Any, shot: Any, watching: Any, gate: Any) -> None:
    gate(0.3)  # of 0, 1/7, 2/7, ...: three columns
    run = start(home, 8)
    while not list((home / "run/.store/runs").glob("*.json")):
        assert run.poll() is None
        time.sleep(0.05)
    watch, address = watching()
    page.goto(address)
    said(page, "At work")
    filled(page, 18)
    page.evaluate(PIXELS)
    first = page.evaluate(COLOURED)
    assert first == pytest.approx(2.5 / 7.5, abs=0.03)  # the cell at 0 is half as wide as others
    assert "36 of 96 simulations done (37 %), 0 failed, 60 pending" in page.inner_text("#numbers")
    assert "left at this rate" in page.inner_text("#numbers")
    assert page.get_attribute("#progress", "aria-valuenow") == "37"
    assert re.search(r"process \d+ on .*: block 3\.0\.0\.0 for ", page.inner_text("#work"))
    shot(page, "live-at-work", full_page=True)
    gate(0.6)
    filled(page, 30)
    assert page.evaluate(COLOURED) == pytest.approx(4.5 / 7.5, abs=0.03)

    # killed: nobody is at work, and nothing that was shown is gone
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    said(page, "Nobody is at work")
    assert shown(page) == 30
    assert "died with it: block 5." in page.inner_text("#work")
    shot(page, "live-killed", full_page=True)

    # the same command again, and then more temperatures: the page goes on by itself
    gate(2)
    assert start(home, 8).wait() == 0
    said(page, "Complete")
    filled(page, 48)
    assert "96 of 96 simulations done (100 %)" in page.inner_text("#numbers")
    assert page.evaluate(COLOURED) > 0.97
    assert start(home, 9).wait() == 0
    page.wait_for_function("() => document.getElementById('lead').textContent.includes('generation 2')")
    said(page, "Complete")
    filled(page, 90)  # of the union of both axes, which share 0 and 1
    assert page.inner_text("h1") == "A <b>held</b> sweep"

    ds = rig.data(home / "run")
    mean, error, _ = mean_and_error(sample_means(ds.value, ds.status))
    drawn = np.array(page.evaluate("Array.from(plot.v.mean)")).reshape(6, -1)
    np.testing.assert_allclose(drawn, mean.transpose("size", "temperature").values, rtol=1e-6)
    assert shown(page) == drawn.size == int((ds.status == 1).sum()) // 2

    # hover and keyboard tell the same
    column, row = 3, 4
    at = page.evaluate(f"plot.centre({row} * plot.v.columns + {column})")
    page.locator("#plot").scroll_into_view_if_needed()
    box = page.locator("#plot").bounding_box()
    page.mouse.move(box["x"] + at[0], box["y"] + at[1])
    page.wait_for_selector("#tip:not([hidden])")
    told = page.inner_text("#tip")
    place = {"temperature": ds.temperature.values[column], "size": 32}
    value, plus = float(mean.sel(place)), float(error.sel(place))
    digits = max(1 - int(np.floor(np.log10(plus))), 0)
    assert f"temperature = {place['temperature']:.6g} K, size = 32" in told
    assert f"value = {value:.{digits}f} ± {plus:.{digits}f} (standard error over 2 samples)" in told
    assert "simulations: 2 done" in told
    shot(page, "live-hover")
    page.mouse.move(2, 2)
    page.focus("#plot")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    assert f"temperature = {ds.temperature.values[0]:.6g} K, size = 4" in page.inner_text("#tip")
    assert page.text_content("#heard").startswith("temperature = 0 K, size = 4; value = ")

    # other choices
    page.select_option("#y", "-")
    page.wait_for_selector("#sliders input")
    page.wait_for_function("() => plot.v.kind === 'curve'")
    page.locator("#sliders input").press("End")
    page.wait_for_function("() => choice.at.size === 5")
    drawn = np.array(page.evaluate("Array.from(plot.v.mean)"))
    np.testing.assert_allclose(drawn, mean.sel(size=64).values, rtol=1e-6)
    page.reload()
    page.wait_for_function("() => choice && choice.at.size === 5")  # the address holds what was chosen
    shot(page, "live-curve", full_page=True)
    page.goto("about:blank")
    os.killpg(watch.pid, signal.SIGINT)
    rig.finish(watch, 0, 10)
