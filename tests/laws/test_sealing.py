"""Sealing: few large chunks instead of many small ones; the same bytes, the same ledger, whatever happens meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rig
import xarray as xr

from isinglass import Workflow, ledger, load_workflow, presentation, sealing
from isinglass.dataset import Store, chunk_file
from isinglass.generations import current, require

pytestmark = pytest.mark.usefixtures("home", "steady_pilot")
TINY = {"temperature": 1, "size": 1, "sample": 1, "replica": 1}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than eight blocks are sealed, into chunks of at most 30 values."""
    monkeypatch.setattr(sealing, "SEAL_BLOCKS", 8)
    monkeypatch.setattr(sealing, "CHUNK_VALUES", 30)


def generation(root: Path, number: int) -> Store:
    folder = root / ".store" / str(number)
    return Store(root, number, folder, ledger.read_json(folder / "declaration.json"))


def entries(store: Store) -> list[ledger.Json]:
    return [ledger.read_entry(store.ledger, b, s) for b, s in sorted(ledger.listing(store.ledger).items())]


@pytest.mark.parametrize("name", ["Walk", "Traces", "Lanes"])
def test_a_complete_store_of_many_blocks_is_sealed(name: str, tmp_path: Path) -> None:
    workflow, root = rig.case(name), tmp_path / "run"
    axes = dict.fromkeys(workflow.axes, 1)
    outcome = rig.run(workflow, root, block={**axes, "sample": 2, "replica": workflow.model.lanes})
    assert outcome.exit_code == 0
    old, store = generation(root, 1), require(root)
    assert store.number == 2
    assert store.sealed
    assert len(store.blocks) <= len(old.blocks) / 2
    assert np.prod(store.blocks.block) <= 30
    assert all(n % b == 0 for n, b in zip(store.blocks.block, old.blocks.block, strict=True))
    assert (root / "data.zarr").resolve() == store.path.resolve()
    with xr.open_zarr(old.path, chunks=None) as before, xr.open_zarr(root / "data.zarr", chunks=None) as after:
        rig.same(after.load(), before.load())
        assert after.elapsed.values.tobytes() == before.elapsed.values.tobytes()
    rig.check(rig.data(root), workflow)
    # the ledger: every cost and every origin once
    for what in ("seconds", "cpu_seconds", "done"):
        assert sum(e[what] for e in entries(store)) == pytest.approx(sum(e[what] for e in entries(old)))
    assert sum(o["blocks"] for e in entries(store) for o in e["origins"]) == len(old.blocks)
    assert presentation.verify(root, 4)[1] == 0
    assert presentation.status(root)[1] == 0
    # nothing is left to do, and it is not sealed again
    assert rig.run(workflow, root).exit_code == 0
    assert require(root).number == 2


def counted(**changes) -> Workflow:
    axes = {"temperature": [0.1, 0.2, 0.3, 0.4], "size": [4, 5, 6]}
    return replace(Workflow(model=rig.synthetic.Counted, axes=axes, samples=2, replicas=2, seed=3), **changes)


@pytest.fixture
def count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many simulations ran since it was last asked."""
    file = tmp_path / "count.txt"
    monkeypatch.setenv("SYNTHETIC_COUNT", str(file))
    monkeypatch.delenv("SYNTHETIC_MENDED", raising=False)

    def since() -> int:
        lines = len(file.read_text().splitlines()) if file.exists() else 0
        file.unlink(missing_ok=True)
        return lines

    return since


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({"axes": {"temperature": [0.1, 0.15, 0.3], "size": [4, 6]}}, 8),
        ({"samples": 3}, 24),
        ({"replicas": 3}, 24),
        ({"axes": {"temperature": [0.05, 0.1], "size": [3, 4]}, "samples": 3, "replicas": 1}, 10),
    ],
    ids=["value between", "sample", "replica", "around"],
)
def test_a_sealed_store_can_be_extended(changes, more: int, count, tmp_path: Path) -> None:
    """In working blocks again; what was done is taken over, and the whole is sealed again when it is complete."""
    root = tmp_path / "run"
    rig.run(counted(), root, block=TINY)
    assert require(root).sealed
    assert count() == 48
    cost = sum(e["cpu_seconds"] for e in entries(require(root)))
    assert rig.run(counted(**changes), root).exit_code == 0
    assert count() == more
    store = require(root)
    whole = 0 not in rig.data(root).status.values
    assert store.sealed == whole
    assert store.work_block == (1, 1, 1, 1)
    assert sum(e["cpu_seconds"] for e in entries(store)) >= cost * 0.999
    rig.run(counted(), tmp_path / "fresh")
    rig.run(counted(**changes), tmp_path / "fresh")
    rig.same(rig.data(root), rig.data(tmp_path / "fresh"))
    count()
    assert rig.run(counted(), root).exit_code == 0
    assert rig.run(counted(**changes), root).exit_code == 0
    assert count() == 0
    assert require(root).number == store.number
    assert presentation.verify(root, 3)[1] == 0


def test_failures_are_sealed_and_can_be_retried(count, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, faulty = tmp_path / "run", counted(fixed={"fault": 0.5})
    outcome = rig.run(faulty, root, block=TINY)
    assert outcome.exit_code == 1
    failed = outcome.counts["failed"]
    assert require(root).sealed
    lines, code = presentation.status(root)
    assert code == 1
    assert f"failed {failed}" in "\n".join(lines)
    assert sum(len(e["failures"]) for e in entries(require(root))) == failed
    label = next(line for line in lines if "isinglass reproduce" in line).split(str(root))[1].split()
    assert any("it fails" in line for line in presentation.reproduce(root, label)[0])
    count()
    monkeypatch.setenv("SYNTHETIC_MENDED", "1")
    assert rig.run(faulty, root, retry_failed=True).exit_code == 0
    assert count() == failed
    store = require(root)
    assert store.sealed
    assert store.number == 4, "opened into working blocks, then sealed again"
    assert all("status" not in e and not e["failures"] for e in entries(store))


def test_points_skipped_before_are_computed_in_working_blocks(count, tmp_path: Path) -> None:
    root = tmp_path / "run"
    assert rig.run(counted(where=lambda p: p["size"] != 5), root, block=TINY).exit_code == 0
    assert require(root).sealed
    assert count() == 32
    assert rig.run(counted(), root).exit_code == 0
    assert count() == 16
    rig.run(counted(), tmp_path / "fresh")
    rig.same(rig.data(root), rig.data(tmp_path / "fresh"))


def test_each_simulation_keeps_the_code_that_made_it(tmp_path: Path) -> None:
    """A model whose value is plain to see: 5, and later 6."""
    text = """
import numpy as np
from dataclasses import dataclass
from isinglass import Model, Observable, Workflow, parameter

@dataclass(frozen=True)
class Plain(Model):
    temperature: float = parameter(1.0, units="1", minimum=0, doc="temperature")
    observables = (Observable("value", "1"),)

    def simulate(self, disorder, noise):
        return {"value": np.full(len(noise), 5.0)}

workflow = Workflow(model=Plain, axes={"temperature": [1, 2, 3, 4, 5, 6]}, samples=2)
"""
    (tmp_path / "w.py").write_text(text)
    root = tmp_path / "run"
    rig.run(load_workflow(tmp_path / "w.py"), root, block={"temperature": 1, "sample": 1})
    (tmp_path / "w.py").write_text(text.replace("5.0)", "6.0)").replace("samples=2", "samples=3"))
    rig.run(load_workflow(tmp_path / "w.py"), root, accept_code_change=True)
    store = require(root)
    assert store.sealed
    assert {len(e["origins"]) for e in entries(store)} == {2}
    for sample, value in ((1, 5), (2, 6)):
        lines, code = presentation.reproduce(root, ["temperature=4", f"sample={sample}", "replica=0"])
        assert code == 0, lines
        assert float(rig.data(root).value.sel(temperature=4)[sample, 0]) == value


def test_damage_in_a_sealed_store_is_named_and_healed(count, tmp_path: Path) -> None:
    root = tmp_path / "run"
    rig.run(counted(), root, block=TINY)
    before, store = rig.data(root), require(root)
    path = chunk_file(store, "value", next(iter(store.blocks)))
    raw = bytearray(path.read_bytes())
    raw[-9] ^= 4
    path.write_bytes(raw)
    count()
    lines, code = presentation.verify(root, 0)
    assert code == 1
    assert any(str(path) in line for line in lines)
    assert rig.run(counted(), root).exit_code == 0
    lost = np.prod([min(b, n) for b, n in zip(store.blocks.block, store.blocks.shape, strict=True)])
    assert count() == lost
    rig.same(rig.data(root), before)
    assert require(root).sealed
    assert presentation.verify(root, 2)[1] == 0


def test_damage_is_not_sealed_in(count, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk that was damaged before sealing is met while it is copied, computed again, and then sealed."""
    root = tmp_path / "run"
    with monkeypatch.context() as later:
        later.setattr(sealing, "SEAL_BLOCKS", 1000)
        rig.run(counted(), root, block=TINY)
    store, before = require(root), rig.data(root)
    assert not store.sealed
    path = chunk_file(store, "value", (1, 1, 0, 1))
    path.write_bytes(path.read_bytes()[:-1])
    (store.ledger / "2.2.1.1.done").write_text("{}")
    count()
    assert rig.run(counted(), root).exit_code == 0
    assert count() == 2
    assert require(root).sealed
    rig.same(rig.data(root), before)


def test_an_incomplete_store_is_not_sealed(count, tmp_path: Path) -> None:
    root = tmp_path / "run"
    assert rig.run(counted(), root, shard=(0, 2), block=TINY).exit_code == 0
    assert require(root).number == 1
    assert rig.run(counted(), root, shard=(1, 2)).exit_code == 0
    assert require(root).sealed, "the shard that finishes the store seals it"
    assert count() == 48
    # corners that nobody asked for stay pending
    rig.run(counted(axes={"temperature": [0.5], "size": [7]}), root)
    assert not require(root).sealed


# ---------------------------------------------------------------- real processes

CHILD = """
import os, sys, time
from isinglass import sealing
sealing.SEAL_BLOCKS, sealing.CHUNK_VALUES = 8, 30
read = sealing.read_checked
def slowly(*words):
    time.sleep(float(os.environ["SEAL_SLOWLY"]))
    return read(*words)
sealing.read_checked = slowly
from isinglass.cli import main
main()
"""
DECLARATION = "model=Slow, axes={'temperature': [k / 100 for k in range(1, 13)], 'size': [4, 5]}, samples=2, seed=5"


def start(home: Path, *more: str, seconds: float = 0.02) -> subprocess.Popen[str]:
    words = ["run", "w.py", "--out", "run", "--cluster", "serial", "--set", "seconds=0.0001", *more]
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *words], cwd=home, text=True, start_new_session=True,
        env={**os.environ, "SEAL_SLOWLY": str(seconds)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


@pytest.fixture
def unsealed(home: Path, monkeypatch: pytest.MonkeyPatch) -> Workflow:
    """A complete run of 48 blocks in `run`, that is not sealed yet."""
    rig.write_workflow(home / "w.py", DECLARATION)
    workflow = load_workflow(home / "w.py").override(values={"seconds": [0.0001]})
    with monkeypatch.context() as later:
        later.setattr(sealing, "SEAL_BLOCKS", 1000)
        assert rig.run(workflow, home / "run", block=TINY).exit_code == 0
    assert not require(home / "run").sealed
    return workflow


def begun(root: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a generation is being built."""
    until = time.monotonic() + 60
    while not list(root.glob(".store/.new-*/declaration.json")):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.mark.parametrize("share", [0.3, *(pytest.param(s, marks=pytest.mark.long) for s in (0, 0.1, 0.5, 0.8, 0.97))])
def test_sigkill_while_sealing(share: float, unsealed: Workflow, home: Path) -> None:
    root = home / "run"
    before = rig.data(root)
    process = start(home)
    begun(root, process)
    time.sleep(share * 48 * 0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert require(root).number == 1
    rig.same(rig.data(root), before)
    assert presentation.verify(root, 0)[1] == 0
    assert rig.run(unsealed, root).exit_code == 0
    assert require(root).sealed
    rig.same(rig.data(root), before)
    rig.check(rig.data(root), unsealed)
    assert presentation.verify(root, 0)[1] == 0
    assert not list(root.glob(".store/.new-*")), "what the killed process left is gone"


def test_another_run_starts_while_one_seals(unsealed: Workflow, home: Path) -> None:
    """It finds the store complete, seals as well, and one of the two is the next generation; or it extends it."""
    root = home / "run"
    before = rig.data(root)
    first = start(home)
    begun(root, first)
    second, third = start(home, seconds=0), start(home, "--samples", "3", seconds=0)
    for process in (first, second, third):
        rig.finish(process)
    ds = rig.data(root)
    rig.same(ds.isel(sample=slice(2)), before)
    rig.check(ds, unsealed.override(samples=3))
    assert current(root).sealed
    assert presentation.verify(root, 0)[1] == 0
    assert not list(root.glob(".store/.new-*"))
