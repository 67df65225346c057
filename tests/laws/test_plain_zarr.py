"""Law 8: plain xarray opens the store, complete, in the middle of a run, and while it is being extended."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rig
import xarray as xr

from isinglass import Observable, Workflow
from isinglass.generations import require
from isinglass.models.base import fill_value

SCRIPT = """
import importlib.util, json, sys
assert importlib.util.find_spec("isinglass") is None and importlib.util.find_spec("numba") is None
import xarray as xr
out = {}
for path in sys.argv[1:]:
    ds = xr.open_zarr(path)
    out[path] = {
        "chunked": {k: v.chunks is not None for k, v in ds.data_vars.items()},
        "dims": {k: list(v.dims) for k, v in ds.variables.items()},
        "dtypes": {k: str(v.dtype) for k, v in ds.variables.items()},
        "attrs": {k: {a: str(b) for a, b in v.attrs.items()} for k, v in ds.variables.items()},
        "coords": {k: v.values.tolist() for k, v in ds.coords.items()},
        "root": {k: str(v) for k, v in ds.attrs.items()},
        "status": ds.status.values.ravel().tolist(),
        "sum": float(ds.value.sum()),
    }
    assert ds.load().nbytes
print(json.dumps(out))
"""


@pytest.fixture(scope="module")
def bare_python(request: pytest.FixtureRequest) -> Path:
    """An interpreter with xarray, zarr and dask, and nothing of ours; kept in pytest's cache from run to run."""
    import zarr

    folder = request.config.cache.mkdir(f"bare-{xr.__version__}-{zarr.__version__}")
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        packages = [f"xarray=={xr.__version__}", f"zarr=={zarr.__version__}", "dask"]
        uv = shutil.which("uv")
        if uv:
            subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, folder], check=True)
            subprocess.run([uv, "pip", "install", "-q", "--python", python, *packages], check=True)
        else:
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
        (folder / "complete").touch()
    return python


def partly(root: Path) -> None:
    """A run of which one shard of three has run."""
    rig.run(replace(rig.case("Walk"), title="half"), root, shard=(0, 3), block={"temperature": 1, "sample": 1})


@pytest.mark.usefixtures("home", "steady_pilot")
def test_xarray_alone_opens_it(bare_python: Path, tmp_path: Path) -> None:
    """Complete, in the middle, a list of points with strings, own dims: in one interpreter without Isinglass."""
    walk, points, traces, half = (tmp_path / n for n in ("walk", "points", "traces", "half"))
    axes = {"temperature": [0.1, 0.3], "rule": ["hebb", "oja"], "closed": [False, True], "size": [4]}
    rig.run(Workflow(model=rig.synthetic.Walk, axes=axes, samples=2, title="A walk", seed=4), walk)
    columns = {"temperature": [0.3, 0.1], "rule": ["oja", "hebb"]}
    rig.run(Workflow(model=rig.synthetic.Walk, points=columns, derived={"size": lambda p: 5}), points)
    rig.run(replace(rig.case("Traces"), axes={"temperature": [0.1, 0.2], "steps": [2, 4]}, fixed={}), traces)
    partly(half)
    roots = (walk, points, half)
    command = [bare_python, "-W", "error", "-c", SCRIPT, *(r / "data.zarr" for r in roots)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    seen = told[str(walk / "data.zarr")]
    labels = [*axes, "sample", "replica"]
    assert seen["dims"]["value"] == seen["dims"]["status"] == labels
    assert {seen["dims"][n][0] for n in labels} == set(labels)
    types = {"value": "float64", "count": "int64", "small": "int8", "amplitude": "complex128", "rough": "float32"}
    types |= {"status": "int8", "elapsed": "float32", "temperature": "float64", "size": "int64", "closed": "bool"}
    assert types.items() <= seen["dtypes"].items()
    assert seen["coords"]["rule"] == ["hebb", "oja"]
    assert seen["coords"]["temperature"] == [0.1, 0.3]
    for name in ("value", "status", "elapsed", *labels):
        assert seen["attrs"][name]["units"], name
        assert seen["attrs"][name]["long_name"], name
    assert seen["attrs"]["value"]["units"] == "m"
    assert seen["attrs"]["temperature"]["units"] == "K"
    for name in axes:
        assert seen["attrs"][name]["quenched"] == str(int(name == "size"))
    assert seen["attrs"]["status"]["flag_meanings"] == "pending done failed skipped"
    assert seen["attrs"]["status"]["flag_values"] == "[0, 1, 2, 3]"
    root = seen["root"]
    assert (root["title"], root["model"], root["seed"]) == ("A walk", "Walk", "4")
    for key in ("Conventions", "parameters", "code_hash", "zarr_version", "numba_version", "created", "history"):
        assert root[key], key
    assert set(seen["status"]) == {1}
    assert all(seen["chunked"].values())

    listed = told[str(points / "data.zarr")]
    assert listed["dims"]["value"] == ["point", "sample", "replica"]
    assert listed["coords"]["rule"] == ["hebb", "oja"]
    assert listed["dims"]["rule"] == ["point"]
    assert listed["coords"]["size"] == 5

    middle = told[str(half / "data.zarr")]
    assert set(middle["status"]) == {0, 1}
    assert middle["root"]["title"] == "half"


@pytest.mark.usefixtures("home")
def test_a_reader_in_the_middle_of_a_run(tmp_path: Path) -> None:
    """A real run; what a reader sees done has its values, what it sees pending is missing."""
    declaration = "model=Slow, axes={'temperature': [k / 20 for k in range(1, 21)]}, samples=4, seed=2"
    path = rig.write_workflow(tmp_path / "slow.py", declaration)
    axes = {"temperature": [k / 20 for k in range(1, 21)]}
    workflow = Workflow(model=rig.synthetic.Slow, axes=axes, samples=4, seed=2)
    expected = rig.expected(workflow)
    process = rig.start("run", path, "--out", "run", cwd=tmp_path)
    link, counts = tmp_path / "run" / "data.zarr", set()
    while process.poll() is None:
        time.sleep(0.05)
        if not link.exists():
            continue
        status_first = xr.open_zarr(link, chunks=None)
        status, value = status_first.status.values, status_first.value.values
        counts.add(int((status == 1).sum()))
        for i, t in enumerate(status_first.temperature.values.tolist()):
            for s in range(4):
                if status[i, s, 0] == 1:
                    assert value[i, s, 0] == expected[(t, s, 0)]["value"]
                else:
                    assert np.isnan(value[i, s, 0]) or value[i, s, 0] == expected[(t, s, 0)]["value"]
    rig.finish(process)
    assert len([n for n in counts if 0 < n < 80]) > 1, "never met in its middle"


@pytest.mark.usefixtures("home", "steady_pilot")
@pytest.mark.parametrize("name", ["Walk", "Traces", "hopfield"])
def test_an_old_reader_sees_missing_never_wrong_values(name: str, tmp_path: Path) -> None:
    """Opened lazily before three extensions, of which the first moves every chunk: each value is the old or missing."""
    whole, out = rig.case(name), tmp_path / "run"
    first = next(iter(whole.axes))
    part = replace(whole, axes={**whole.axes, first: whole.axes[first][2:]})
    rig.run(part, out, block={first: 1, "sample": 1})
    reader, before = xr.open_zarr(out / "data.zarr", chunks=None), rig.data(out)
    assert dict(reader.sizes) == dict(before.sizes)
    for samples in range(whole.samples, whole.samples + 3):
        grown = replace(whole, samples=samples)
        rig.run(grown, out)
    assert require(out).number == 4
    seen = reader.load()
    for v in (*whole.model.observables, Observable("state", "1", dtype="int8")):
        variable = "status" if v.name == "state" else v.name
        was, now = before[variable].values, seen[variable].values
        fill = np.full_like(was, 0 if variable == "status" else fill_value(v.dtype))
        size = was.dtype.itemsize
        bytes_of = [np.ascontiguousarray(x).view(f"V{size}") for x in (was, now, fill)]
        assert ((bytes_of[1] == bytes_of[0]) | (bytes_of[1] == bytes_of[2])).all(), variable
    rig.check(xr.open_zarr(out / "data.zarr").load(), grown)
