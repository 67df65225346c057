"""Opening by folder, name and through xarray: masked by status, read lazily, the generation pinned."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rig
import xarray as xr
from rig import synthetic

import isinglass
from isinglass import InputError, Workflow, backend, ledger

BLOCK = {"temperature": 1, "rule": 1, "sample": 2, "replica": 2}
WALK = {"temperature": [0.1, 0.2, 0.3], "rule": ["hebb", "oja"]}


def walk(**more) -> Workflow:
    keys = {"model": synthetic.Walk, "axes": WALK, "samples": 2, "replicas": 2, "seed": 3, "name": "walk", **more}
    return Workflow(**keys)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs with skipped points, failed simulations, corners nobody asked for, listed points, packed bytes."""
    home = tmp_path_factory.mktemp("runs")
    results = home / "results"
    rig.run(walk(where=lambda p: p["temperature"] != 0.2), results / "skipped", block=BLOCK)
    rig.run(walk(axes={"temperature": [0.1, 0.2], "rule": ["hebb"]}), results / "corners")
    rig.run(walk(axes={"temperature": [0.3], "rule": ["oja"]}), results / "corners")
    faulty = Workflow(
        model=synthetic.Faulty, axes={"size": [2, 3, 4, 5], "fault": ["nan"]}, samples=3, seed=1, name="faulty"
    )
    rig.run(faulty, results / "faulty")
    points = {"temperature": [0.1, 0.1, 0.4], "load": [0.2, 0.5, 0.5]}
    rig.run(walk(axes={}, points=points, samples=1, replicas=1), results / "listed")
    rig.run(rig.case("Kept"), results / "packed")
    return home


@pytest.fixture
def here(runs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(runs)
    return runs


@pytest.mark.parametrize("name", ["skipped", "corners", "faulty", "listed"])
def test_masked_by_status(name: str, here: Path) -> None:
    """What `where` makes of the stored values, in value and dtype; and whole: nothing of what is not done is left."""
    raw, ds = isinglass.open(name, masked=False).load(), isinglass.open(name)
    assert (name == "listed") == bool((raw.status == 1).all())
    for variable in set(raw.data_vars) - {"status", "elapsed"}:
        expected = raw[variable].where(raw.status == 1)
        assert ds[variable].dtype == expected.dtype
        xr.testing.assert_identical(ds[variable].load(), expected.transpose(*raw[variable].dims))
    for variable in ("status", "elapsed"):
        assert ds[variable].dtype == raw[variable].dtype
        xr.testing.assert_identical(ds[variable].load(), raw[variable])
    xr.testing.assert_identical(raw, xr.open_zarr(here / "results" / name / "data.zarr").load())


def test_packed_bytes_stay_bytes(here: Path) -> None:
    raw, ds = isinglass.open("packed", masked=False), isinglass.open("packed")
    packed = [n for n, v in raw.data_vars.items() if any(str(d).endswith("_byte") for d in v.dims)]
    assert packed
    for name in packed:
        assert ds[name].dtype == np.uint8
        xr.testing.assert_identical(ds[name].load(), raw[name].load())


@pytest.mark.parametrize("key", [
    {"temperature": 0}, {"temperature": [2, 0], "replica": slice(None, None, -1)}, {"rule": slice(1, 2), "sample": 1},
    {"temperature": xr.DataArray([0, 2], dims="k"), "rule": xr.DataArray([1, 0], dims="k")}, {"rule": []},
])  # fmt: skip
def test_any_index(key: dict, here: Path) -> None:
    ds = isinglass.open("skipped")
    whole = isinglass.open("skipped").load()
    xr.testing.assert_identical(ds["count"].isel(key).load(), whole["count"].isel(key))


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    """A chunk of garbage hurts nobody who does not ask for it."""
    rig.run(walk(), tmp_path / "run", block=BLOCK)
    (chunk,) = (tmp_path / "run" / "data.zarr" / "count").glob("c/2/0/0/0")
    chunk.write_bytes(b"garbage")
    ds = isinglass.open(tmp_path / "run")
    assert np.isfinite(ds["count"].isel(temperature=slice(0, 2)).values).all()
    with pytest.raises(Exception, match=r"(?i)zstd|frame|decompress"):
        ds["count"].isel(temperature=2).values  # noqa: B018


def test_with_dask_and_pickled(here: Path) -> None:
    lazy = xr.open_dataset("skipped", engine="isinglass", chunks={})
    assert lazy["count"].chunks == ((1, 1, 1), (1, 1), (2,), (2,))
    whole = isinglass.open("skipped").load()
    xr.testing.assert_identical(lazy["count"].compute(scheduler="synchronous"), whole["count"])
    again = pickle.loads(pickle.dumps(isinglass.open("skipped")))
    xr.testing.assert_identical(again["small"].load(), whole["small"])


def test_generation_stays_pinned(tmp_path: Path) -> None:
    rig.run(walk(), tmp_path / "run")
    ds, before = isinglass.open(tmp_path / "run"), isinglass.open(tmp_path / "run").load()
    rig.run(walk(samples=3), tmp_path / "run")
    xr.testing.assert_identical(ds.load(), before)
    assert isinglass.open(tmp_path / "run").sizes["sample"] == 3


def test_in_a_process_that_never_heard_of_isinglass(here: Path) -> None:
    code = (
        "import sys, xarray as xr\n"
        "a = xr.open_dataset('isinglass:skipped'); b = xr.open_dataset('skipped', engine='isinglass')\n"
        "c = xr.open_dataset('results/skipped'); d = xr.open_dataset('isinglass:hopfield-retrieval-demo')\n"
        "raw = xr.open_dataset('isinglass:skipped', masked=False, drop_variables=['value'])\n"
        "assert a.identical(b) and a.identical(c) and d.sizes['load'] == 10\n"
        "assert 'value' not in raw and raw['count'].dtype == 'int64' and a['count'].dtype == 'float64'\n"
        "print(int(a['count'].count()), 'numba' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=here)
    assert done.stdout.split() == ["16", "False"], done.stderr


def test_other_files_are_left_to_other_engines(here: Path) -> None:
    for name in (
        "x.nc",
        "s3://bucket/x.zarr",
        b"CDF",
        "results",
        3,
        "results/skipped/data.zarr",
        "https://x/?" + "y" * 9000,
    ):
        assert not backend.Backend().guess_can_open(name)


def test_names_nearby(here: Path) -> None:
    for word, near in (("skiped", "skipped"), ("hopfield-retrieval-dmo", "hopfield-retrieval-demo")):
        with pytest.raises(InputError, match=f"did you mean '{near}'"):
            isinglass.open(word)
    with pytest.raises(InputError, match="open what"):
        isinglass.open(" ")


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / ".store").mkdir()
    with pytest.raises(InputError, match="holds no data yet"):
        isinglass.open(tmp_path)
    (tmp_path / "g.zarr").mkdir()
    (tmp_path / "g.zarr" / "zarr.json").write_text("{")
    with pytest.raises(InputError, match="isinglass verify"):
        isinglass.open(tmp_path / "g.zarr")


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    assert backend.FORMAT == ledger.FORMAT
    xr.Dataset(attrs={"isinglass_store_format": 2}).to_zarr(tmp_path / "g.zarr", zarr_format=3, consolidated=False)
    with (
        pytest.warns(RuntimeWarning, match="non-consolidated"),
        pytest.raises(InputError, match="store format 2, this Isinglass reads up to 1"),
    ):
        isinglass.open(tmp_path / "g.zarr")


def test_an_old_zarr_format_is_not_read(tmp_path: Path) -> None:
    """Version 2 has a codec that unpickles."""
    xr.Dataset({"x": ("a", np.arange(3))}).to_zarr(tmp_path / "g.zarr", zarr_format=2)
    with pytest.raises(InputError, match="version 3"):
        backend.open_target(backend.Target(str(tmp_path / "g.zarr"), remote=False))
