"""Backends as real processes, kill -9, and counting in the ledger what ran again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import rig

from isinglass import Workflow, ledger, load_workflow
from isinglass.generations import current

NOISE = ("Traceback", " - ERROR", " - WARNING", "distributed.", "Exception ignored", "asyncio", "resource_tracker")
QUIET = ("--no-dashboard", "--dashboard-address", "127.0.0.1:0", "--host", "127.0.0.1")


def quiet(out: str) -> str:
    """What a run printed holds nothing that a user need not read."""
    assert not [word for word in NOISE if word in out], out
    return out


# ---------------------------------------------------------------- a cluster by hand


@dataclass
class ByHand:
    """A scheduler and workers of two slots in all, started from another folder with another PYTHONPATH."""

    far: Path
    nanny: bool = True
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.far / "scheduler.json"

    def dask(self, *words: str | Path) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(self.far), "ISINGLASS_CACHE_DIR": str(self.far / "cache")}
        with (self.far / f"{words[0]}.log").open("ab") as log:
            started = subprocess.Popen(
                [sys.executable, "-m", "dask", *map(str, words), "--scheduler-file", self.file, *QUIET],
                cwd=self.far, env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.processes.append(started)
        return started

    def start(self) -> subprocess.Popen[bytes]:
        """Scheduler first; returns it."""
        self.file.unlink(missing_ok=True)
        scheduler = self.dask("scheduler", "--port", "0")
        until = time.monotonic() + 120
        while not self.file.exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        for _ in range(2):
            self.dask("worker", "--nworkers", "1", "--nthreads", "1", "--nanny" if self.nanny else "--no-nanny")
        return scheduler

    def end(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=60)


@contextmanager
def backend(kind: str, home: Path) -> Iterator[tuple[str, ByHand | None]]:
    """What `--cluster` takes, and the cluster where it was started by hand. All have two slots but `serial`."""
    if kind == "serial":
        yield kind, None
        return
    if kind in ("threads", "processes"):
        (home / f"{kind}.yaml").write_text(f"kind: {kind}\n{'threads' if kind == 'threads' else 'workers'}: 2\n")
        yield f"{kind}.yaml", None
        return
    far = home / "far"
    far.mkdir()
    cluster = ByHand(far, nanny=kind == "nanny")
    cluster.start()
    try:
        yield str(cluster.file), cluster
    finally:
        cluster.end()


# ---------------------------------------------------------------- a run that is met in its middle


@dataclass(frozen=True)
class Snapshot:
    """What the ledger said at one moment: committed entries byte for byte, and blocks in flight."""

    committed: dict[str, tuple[int, bytes]]
    flying: set[str]


class Sweep:
    """160 simulations of `seconds` each in 16 blocks or so, of `Slow` unless another declaration is given."""

    def __init__(self, home: Path, cluster: str, seconds: float = 0.02, declaration: str = "") -> None:
        self.home, self.cluster, self.root = home, cluster, home / "run"
        self.file = rig.write_workflow(
            home / "chaos.py",
            declaration or "model=Slow, axes={'temperature': [k / 100 for k in range(1, 21)], 'size': [4, 5]}, "
            f"samples=4, seed=5, fixed={{'seconds': {seconds}}}",
        )  # fmt: skip

    @property
    def words(self) -> tuple[str, ...]:
        return ("run", str(self.file), "--out", "run", "--cluster", self.cluster)

    def start(self, *more: str) -> subprocess.Popen[str]:
        return rig.start(*self.words, *more, cwd=self.home)

    def snapshot(self) -> Snapshot:
        store = current(self.root) if self.root.is_dir() else None
        committed, flying = {}, set()
        for path in sorted(store.ledger.iterdir()) if store else ():
            try:
                if path.suffix == ".run":
                    flying.add(path.stem)
                elif path.suffix in (".done", ".part"):
                    committed[path.name] = (path.stat().st_mtime_ns, path.read_bytes())
            except FileNotFoundError:
                continue
        return Snapshot(committed, flying)

    def wait_for(self, entries: int, process: subprocess.Popen[str], seconds: float = 120) -> Snapshot:
        """Until so many blocks are committed."""
        until = time.monotonic() + seconds
        while len((seen := self.snapshot()).committed) < entries:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < until, f"only {len(seen.committed)} blocks after {seconds} s"
            time.sleep(0.01)
        return seen

    def random_moment(self, process: subprocess.Popen[str], seed: int) -> None:
        """Somewhere between the first commit and the last but three."""
        chance = random.Random(seed)
        self.wait_for(chance.randint(1, 9), process)
        time.sleep(chance.uniform(0, 0.3))

    def settled(self) -> Snapshot:
        """When nobody works on it any more: workers elsewhere end what they began."""
        until = time.monotonic() + 60
        while True:
            before = self.snapshot()
            time.sleep(1.0)
            if before == (after := self.snapshot()):
                return after
            assert time.monotonic() < until

    def finish(self, process: subprocess.Popen[str] | None = None, code: int = 0) -> str:
        """The command again (or one that runs) ends well and quietly, and nothing is left in flight."""
        out = quiet(rig.finish(process or self.start(), code=code, seconds=240))
        if code == 0:
            self.check()
        return out

    def hurry(self) -> None:
        """The same in this process, where nobody sleeps."""
        with mock.patch("time.sleep"):
            assert rig.run(self.workflow, self.root).exit_code == 0
        self.check()

    @property
    def workflow(self) -> Workflow:
        return load_workflow(self.file)

    def check(self) -> None:
        """Bytes are those of the independent reference and of an undisturbed run; the ledger is whole."""
        with mock.patch("time.sleep"):
            undisturbed = self.home / "undisturbed"
            rig.run(self.workflow, undisturbed)
            ds = rig.data(self.root)
            rig.check(ds, self.workflow)
            rig.same(ds, rig.data(undisturbed))
        store = current(self.root)
        assert store is not None
        assert not list(store.ledger.glob("*.run"))
        assert sorted(ledger.listing(store.ledger).values()) == ["done"] * len(store.blocks)

    def attempts(self) -> dict[str, int]:
        """How often each block was begun."""
        store = current(self.root)
        assert store is not None
        return {name: ledger.read_json(store.ledger / f"{name}.done")["attempts"] for name in store_blocks(store)}

    def logged(self) -> dict[str, int]:
        """How often each block was committed, by the log."""
        out: dict[str, int] = {}
        for path in (self.root / "log").glob("*.jsonl"):
            for line in path.read_text().splitlines():
                block = json.loads(line)["block"]
                out[block] = out.get(block, 0) + 1
        return out

    def only_flying_again(self, killed: Snapshot, slots: int) -> None:
        """What was committed at the kill was not touched since; what ran again was in flight, at most one a slot."""
        store = current(self.root)
        assert store is not None
        for name, entry in killed.committed.items():
            path = store.ledger / name
            assert (path.stat().st_mtime_ns, path.read_bytes()) == entry, f"{name} was made again"
        again = {name for name, n in self.attempts().items() if n > 1}
        assert again <= killed.flying, f"{again - killed.flying} ran again, though not in flight"
        assert len(killed.flying) <= slots
        assert all(n == 1 for n in self.logged().values()), "a block was committed twice"


def store_blocks(store) -> list[str]:
    return sorted(ledger.listing(store.ledger))


def gone(pid: int) -> bool:
    """Whether a process has ended (a zombie that nobody waited for has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def workers_at(snapshot_of: Sweep) -> list[int]:
    """Process ids that have a block in flight now."""
    store = current(snapshot_of.root)
    assert store is not None
    return [int(run["pid"]) for run in ledger.in_flight(store.ledger)]
