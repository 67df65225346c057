"""Law 9: workers need the installed package and the workflow file's text, which travels with the run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rig

from isinglass import InputError, Model, Observable, Workflow, parameter
from isinglass.source import ModelReference, import_text

pytestmark = pytest.mark.usefixtures("home")


def dask(*words: str | Path, cwd: Path, path: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(path), "ISINGLASS_CACHE_DIR": str(cwd / "cache")}
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *map(str, words)], cwd=cwd, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def test_a_worker_started_by_hand_elsewhere(home: Path) -> None:
    """Another folder, another PYTHONPATH, an empty cache: a model with a kernel of its own, and a shipped one."""
    far, near, file = home / "far", home / "near", home / "scheduler.json"
    far.mkdir()
    near.mkdir()
    quiet = ("--no-dashboard", "--dashboard-address", "127.0.0.1:0")
    processes = [
        dask("scheduler", "--host", "127.0.0.1", "--port", "0", *quiet, "--scheduler-file", file, cwd=far, path=far)
    ]
    try:
        worker = ("worker", "--scheduler-file", file, "--nworkers", "1", "--nthreads", "2", "--host", "127.0.0.1")
        processes.append(dask(*worker, *quiet, cwd=far, path=far))
        until = time.monotonic() + 60
        while not file.exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        path = rig.write_workflow(
            near / "own.py", "model=Compiled, axes={'temperature': [0.1, 0.2, 0.3], 'size': [4, 5]}, samples=2, seed=9"
        )
        words = ("run", path, "--out", "run", "--cluster", file)
        rig.finish(rig.start(*words, cwd=near))
        axes = {"temperature": [0.1, 0.2, 0.3], "size": [4, 5]}
        rig.check(rig.data(near / "run"), Workflow(model=rig.synthetic.Compiled, axes=axes, samples=2, seed=9))
        assert list((far / "cache" / "workflows").glob("*.py")), "the text was not cached over there"
        # arrays too, by path from the workflow file; what is shared is the run folder alone
        wires = [np.arange(6.0).reshape(2, 3), np.eye(3)]
        for name, values in zip(("a.npy", "b.npy"), wires, strict=True):
            np.save(near / name, values)
        wired = "model=Wired, axes={'wires': ['a.npy', 'b.npy'], 'temperature': [0.1, 0.2]}, samples=2, seed=9"
        path = rig.write_workflow(near / "wired.py", wired)
        rig.finish(rig.start("run", path, "--out", home / "shared", "--cluster", file, cwd=home))
        axes = {"wires": wires, "temperature": [0.1, 0.2]}
        rig.check(rig.data(home / "shared"), Workflow(model=rig.synthetic.Wired, axes=axes, samples=2, seed=9))
        assert not list(far.glob("*.zarr"))
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(timeout=20)


def test_two_threads_may_load_a_text_at_once(home: Path) -> None:
    """The second one gets the whole module, not one that is half imported."""
    import threading

    text = "import time\ntime.sleep(0.3)\nfrom isinglass import Model\nclass Late(Model):\n    pass\n"
    reference, got = ModelReference("", "Late", text), []

    def load() -> None:
        try:
            got.append(reference.load())
        except Exception as error:
            got.append(error)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(g) for g in got}) == 1
    assert issubclass(got[0], Model)


@pytest.mark.usefixtures("steady_pilot")
def test_a_model_that_cannot_travel_runs_here_and_is_refused_elsewhere(home: Path) -> None:
    """One of a notebook, a script's `__main__` or a function: the message says what to do."""

    @dataclass(frozen=True)
    class Local(Model):
        temperature: float = parameter(0.3, units="K", doc="temperature")
        observables = (Observable("value", "1"),)

        def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
            return {"value": np.full(len(noise), self.temperature)}

    workflow = Workflow(model=Local, axes={"temperature": [0.1, 0.2]})
    assert not ModelReference.to(Local).portable
    assert not ModelReference("__main__", "Local").portable
    for cluster in ("serial", "threads"):
        assert rig.run(workflow, home / cluster, cluster=cluster).exit_code == 0
    with pytest.raises(InputError, match="put it into a workflow file"):
        rig.run(workflow, home / "local", cluster="local")


def test_what_travels_names_no_path(home: Path) -> None:
    reference = ModelReference.to(rig.synthetic.Walk)
    assert (reference.module, reference.name) == ("", "Walk")
    assert reference.load() is rig.synthetic.Walk
    assert str(home) not in str(reference.to_json())
    assert ModelReference.to(rig.ALL_MODELS["hopfield"]).text is None


def test_an_unknown_class_is_named(home: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'Walk'"):
        ModelReference("", "Walks", rig.SYNTHETIC).load()
    assert import_text(rig.SYNTHETIC, "x") is rig.synthetic
