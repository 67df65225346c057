"""Opening a store of 100,000 points and reading a 2-D slice: in tiny blocks, and sealed.

pytest tests/benchmarks/test_store_speed.py --benchmark-columns=min,median; the sealed one is to take 50 ms at most.
Making the store takes a minute or so; `seconds` of the extra info says how long sealing it took.
"""

import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from isinglass import ledger, load_workflow, runs
from isinglass.declaring import declare
from isinglass.inspection import committed
from isinglass.planning import block_name
from isinglass.plans import Options, find_undone
from isinglass.profiles import load_profile
from isinglass.progress import Talk

TEXT = """
import numpy as np
from dataclasses import dataclass
from isinglass import Model, Observable, Workflow, parameter

@dataclass(frozen=True)
class Cheap(Model):
    x: float = parameter(0.0, units="1", doc="x")
    y: float = parameter(0.0, units="1", doc="y")
    observables = (Observable("value", "1"), Observable("count", "1", dtype="int64"))

    def simulate(self, disorder, noise):
        v = (noise[:, 0] >> np.uint64(11)) * 2.0**-53 + self.x
        return {"value": v, "count": (v * 1000).astype(np.int64)}

workflow = Workflow(model=Cheap, axes={"x": np.linspace(0, 1, 400), "y": np.linspace(0, 1, 250)}, samples=1)
"""


class Listening(Talk):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.lines: list[str] = []

    def say(self, text: str = "") -> None:
        self.lines.append(text)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A run folder whose first generation has 20,000 blocks and whose second is sealed; seconds that sealing took."""
    home = tmp_path_factory.mktemp("store")
    (home / "w.py").write_text(TEXT)
    talk = Listening()
    block = {"x": 1, "y": 5, "sample": 1, "replica": 1}
    options = Options(out=home / "run", cluster="serial", figures=False, block=block)
    assert runs.run(load_workflow(home / "w.py"), options, talk).exit_code == 0
    (took,) = [float(m[1]) for line in talk.lines if (m := re.search(r"sealed in ([\d.]+) s", line))]
    return home / "run", took


@pytest.mark.parametrize("generation", [1, 2], ids=["20,000 blocks", "sealed"])
def test_open_and_slice(generation: int, stored: tuple[Path, float], benchmark) -> None:
    root, took = stored
    path = root / ".store" / str(generation) / "data.zarr"

    def open_and_slice() -> np.ndarray:
        ds = xr.open_zarr(path, chunks=None)
        return ds["value"].isel(sample=0, replica=0).values

    benchmark.extra_info["seconds"] = took
    found = benchmark.pedantic(open_and_slice, rounds=20 if generation == 2 else 1, iterations=1)
    assert found.shape == (400, 250)
    assert np.isfinite(found).all()


def test_resume_scan(tmp_path: Path, benchmark) -> None:
    """What an element of an array finds missing in a store of 100,000 blocks, all but ten done: 2 s at most.

    The ledger's entries are written without their chunks, which the scan does not look at.
    """
    (tmp_path / "w.py").write_text(TEXT)
    workflow = load_workflow(tmp_path / "w.py")
    options = Options(out=tmp_path / "run", cluster="serial", block=dict.fromkeys(("x", "y", "sample", "replica"), 1))
    declared = declare(workflow, options, load_profile("serial"), Talk(quiet=True))
    store, status = declared.store, np.ones((1, 1, 1, 1), np.int8)
    for index in list(store.blocks)[10:]:
        ledger.commit(store.ledger, block_name(index), status, {})

    def scan() -> int:
        return find_undone(declared.asked, declared.grid, store.blocks, committed(store), options).simulations

    assert benchmark.pedantic(scan, rounds=3, iterations=1) == 10
