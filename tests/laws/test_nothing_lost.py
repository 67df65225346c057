"""Laws 1 and 3 with real processes at once: shards, the same command twice, two extensions."""

from __future__ import annotations

import subprocess
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

    def complete(self) -> None:
        """The same again ends well, leaves nothing in flight, and the bytes are the reference's."""
        assert rig.run(self.workflow, self.root, cluster="two.yaml").exit_code == 0
        rig.check(rig.data(self.root), self.workflow)
        store = current(self.root)
        assert store is not None
        assert not list(store.ledger.glob("*.run"))
        assert self.entries() == len(store.blocks)

    @property
    def workflow(self) -> Workflow:
        """What `start` runs."""
        return load_workflow(self.home / "slow.py").override(values={"seconds": [self.seconds]})


@pytest.fixture
def slow(home: Path):
    rig.write_workflow(home / "slow.py", DECLARATION)
    (home / "two.yaml").write_text("kind: threads\nthreads: 2\n")
    return lambda seconds: Run(home, seconds)


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
