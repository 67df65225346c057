"""Opening a data set of 10⁶ points, each time in a fresh process: by Isinglass and xarray, by folder and by name.

pytest tests/benchmarks/test_open_speed.py --benchmark-columns=min,median -s; the opening alone is to take 1 s at most.
The extra info says how long importing takes; `isinglass.open` without xarray imported before imports it itself. Python
keeps bytecode, as it does for users. The store is declared in full, 1000 x 1000 points, without computing it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from isinglass import load_workflow, registering
from isinglass.declaring import declare, record_request
from isinglass.plans import Options
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
    z: float = parameter(0.0, units="1", doc="x + y")
    observables = (Observable("value", "1"), Observable("count", "1", dtype="int64"))

    def simulate(self, disorder, noise):
        return {"value": np.full(len(noise), self.x), "count": np.zeros(len(noise), np.int64)}

workflow = Workflow(
    model=Cheap, axes={"x": np.linspace(0, 1, 1000), "y": np.linspace(0, 1, 1000)}, samples=1,
    derived={"z": lambda p: p["x"] + p["y"]},
)
"""
CODE = """
import json, sys, time
start, cpu = time.perf_counter(), time.process_time()
import {module}
imported, cpu_imported = time.perf_counter(), time.process_time()
ds = {call}
opened, cpu_opened = time.perf_counter(), time.process_time()
assert ds.sizes["x"] * ds.sizes["y"] == 10**6
assert "numba" not in sys.modules
print(json.dumps([imported - start, opened - imported, cpu_imported - cpu, cpu_opened - cpu_imported]))
"""
CALLS = {
    "isinglass.open(folder)": ("isinglass", "isinglass.open('million')"),
    "isinglass.open(name)": ("isinglass", "isinglass.open('a-million')"),
    "xr.open_dataset": ("xarray", "xarray.open_dataset('isinglass:a-million')"),
    "isinglass.open after import xarray": ("isinglass, xarray", "isinglass.open('million')"),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    (home / "w.py").write_text(TEXT)
    block = {"x": 100, "y": 100, "sample": 1, "replica": 1}
    options = Options(out=home / "results" / "million", cluster="serial", block=block)
    declared = declare(load_workflow(home / "w.py"), options, load_profile("serial"), Talk(quiet=True))
    record_request(declared.store, declared.asked)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        registering.add("million", "a-million", Path("catalogs") / "datasets.yaml")
    return home


@pytest.mark.parametrize("name", CALLS)
def test_open(name: str, home: Path, benchmark) -> None:
    module, call = CALLS[name]
    code = CODE.format(module=module, call=call)
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = str(home / "bytecode")
    found: list[list[float]] = []

    def once() -> None:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=home, env=env)
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout))

    benchmark.pedantic(once, rounds=5, iterations=1, warmup_rounds=1)
    wall, opened, cpu, cpu_opened = (min(column) for column in zip(*found[1:], strict=True))
    benchmark.extra_info |= {"import_s": round(wall, 3), "open_s": round(opened, 3)}
    print(f"\n{name}: import {wall:.2f} s (CPU {cpu:.2f} s), open {opened:.3f} s (CPU {cpu_opened:.3f} s)")
