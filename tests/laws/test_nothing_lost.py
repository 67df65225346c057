"""Law 3: killed or stopped at any moment, the same command goes on. Law 1 with real processes at once."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import rig

from isinglass import Workflow, load_workflow
from isinglass.generations import current

pytestmark = pytest.mark.usefixtures("home")
DECLARATION = "model=Slow, axes={'temperature': [k / 100 for k in range(1, 21)], 'size': [4, 5]}, samples=4, seed=5"


@dataclass
class Run:
    """One `isinglass run` of a sweep that takes 160 x `seconds`, as processes."""

    home: Path
    seconds: float

    @property
    def root(self) -> Path:
        return self.home / "run"

    def start(self, *more: str) -> subprocess.Popen[str]:
        words = (
            "run",
            self.home / "slow.py",
            "--out",
            "run",
            "--set",
            f"seconds={self.seconds}",
            "--cluster",
            "two.yaml",
        )
        return rig.start(*words, *more, cwd=self.home)

    def entries(self) -> int:
        store = current(self.root) if self.root.is_dir() else None
        return len([p for p in store.ledger.iterdir() if p.suffix in (".done", ".part")]) if store else 0

    def wait_for(self, entries: int, process: subprocess.Popen[str]) -> None:
        until = time.monotonic() + 60
        while self.entries() < entries:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < until
            time.sleep(0.01)

    def complete(self, process: bool = False) -> str:
        """The same again ends well, leaves nothing in flight, and the bytes are the reference's."""
        if process:
            out = rig.finish(self.start())
        else:
            assert rig.run(self.workflow, self.root, cluster="two.yaml").exit_code == 0
            out = ""
        rig.check(rig.data(self.root), self.workflow)
        store = current(self.root)
        assert store is not None
        assert not list(store.ledger.glob("*.run"))
        assert self.entries() == len(store.blocks)
        return out

    @property
    def workflow(self) -> Workflow:
        """What `start` runs."""
        return load_workflow(self.home / "slow.py").override(values={"seconds": [self.seconds]})


@pytest.fixture
def slow(home: Path):
    rig.write_workflow(home / "slow.py", DECLARATION)
    (home / "two.yaml").write_text("kind: threads\nthreads: 2\n")
    return lambda seconds: Run(home, seconds)


def test_sigkill_of_a_running_run(slow) -> None:
    run = slow(0.02)
    process = run.start()
    run.wait_for(3, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    before = run.entries()
    assert before < len(current(run.root).blocks), "it was over before it was killed"
    out = run.complete(process=True)
    # what was committed before is not computed again
    assert " to run" in out
    assert "160 to run" not in out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_commits_what_is_done_within_seconds(number: signal.Signals, slow) -> None:
    """160 simulations of 30 ms in few blocks: when it stops, the blocks in hand are committed in part."""
    run = slow(0.03)
    process = run.start()
    run.wait_for(1, process)
    began = time.monotonic()
    process.send_signal(number)
    out = rig.finish(process, code=130, seconds=20)
    assert time.monotonic() - began < 6.5
    assert "stopped" in out
    assert "Traceback" not in out
    store = current(run.root)
    assert 1 <= run.entries() < len(store.blocks)
    assert not list(run.root.glob(".store/stop-*/*"))
    run.complete()


@pytest.mark.long
@pytest.mark.parametrize("seconds", [0.5, 1.5, 2.5, 3.0, 3.5, 4.0])
def test_sigkill_at_any_moment(seconds: float, slow) -> None:
    """During import, declaration, pilot, computing."""
    run = slow(0.02)
    process = run.start()
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    run.complete()


def test_three_shards_at_once_then_complete(slow) -> None:
    run = slow(0.005)
    for process in [run.start("--shard", f"{i}/3") for i in range(3)]:
        rig.finish(process)
    assert run.entries() == len(current(run.root).blocks), "the shards left something"
    run.complete()


def test_two_identical_runs_at_once(slow) -> None:
    run = slow(0.005)
    for process in [run.start(), run.start()]:
        rig.finish(process)
    run.complete()


def test_two_extensions_at_once(slow) -> None:
    """Each extends the folder in its own direction; afterwards it holds the union, and both are complete."""
    run = slow(0.002)
    more = (("--samples", "6"), ("--set", "size=4,5,6"))
    run.complete()
    for process in [run.start(*words) for words in more]:
        rig.finish(process)
    ds = rig.data(run.root)
    assert ds.sizes["sample"] == 6
    assert ds["size"].values.tolist() == [4, 5, 6]
    rig.check(ds, run.workflow.override(samples=6))
    rig.check(ds, run.workflow.override(values={"size": [4, 5, 6]}))
