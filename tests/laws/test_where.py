"""Where a run computes, what it opens to the world meanwhile, and what a retry runs: on each backend."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import chaos
import numpy as np
import pytest
import rig

from isinglass import Workflow, ledger, load_workflow, pilot, presentation
from isinglass.generations import require
from isinglass.profiles import cores

pytestmark = pytest.mark.usefixtures("home")
long = pytest.mark.long
two_cores = pytest.mark.skipif(cores() < 2, reason="with one core there is nothing to gain from processes")

BUSY = '''
@dataclass(frozen=True)
class Busy(Model):
    """Holds the GIL, or gives it up in a compiled loop."""

    rounds: int = parameter(1000, units="1", doc="rounds of the loop")
    temperature: float = temperature()
    compiled: bool = parameter(False, units="1", doc="whether numba runs the loop")

    observables = (Observable("value", "1"),)

    def simulate(self, disorder, noise):
        out = []
        for row in noise:
            total = 0
            if self.compiled:
                total = _total(row.copy(), self.rounds)
            else:
                for k in range(self.rounds):
                    total = (total * 31 + k) % 1000003
            out.append(mix(disorder, row, self, total))
        return {"value": np.array(out)}

    @classmethod
    def tiny(cls):
        return cls()
'''


def busy(path: Path, compiled: bool, rounds: int) -> Path:
    declaration = "model=Busy, axes={'temperature': [k / 10 for k in range(1, 11)]}, samples=4, seed=2, "
    declaration += f"fixed={{'compiled': {compiled}, 'rounds': {rounds}}}"
    return rig.write_workflow(path, declaration, rig.SYNTHETIC + BUSY)


def who(root: Path) -> set[int]:
    """The processes that committed blocks."""
    store = require(root)
    return {int(ledger.read_json(p)["pid"]) for p in store.ledger.glob("*.done")}


@two_cores
@pytest.mark.parametrize("compiled", [False, True])
def test_a_model_that_holds_the_gil_runs_in_processes(
    compiled: bool, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself, where there is work enough (here a quarter of a second); a compiled loop stays in threads."""
    monkeypatch.setattr(pilot, "PROCESSES_PAY", 0.25)
    workflow = load_workflow(busy(home / "busy.py", compiled, 10_000_000 if compiled else 200_000))
    assert rig.run(workflow, home / "run", cluster=None).exit_code == 0
    assert (os.getpid() in who(home / "run")) == compiled
    rig.check(rig.data(home / "run"), workflow)


@long
@two_cores
def test_a_model_that_holds_the_gil_for_long(home: Path) -> None:
    """The same from the command line, at the threshold that users have."""
    path = busy(home / "busy.py", False, 12_000_000)
    process = rig.start("run", path, "--out", "run", cwd=home)
    out = chaos.quiet(rig.finish(process, seconds=400))
    assert "run in processes" in out
    assert process.pid not in who(home / "run")
    rig.check(rig.data(home / "run"), load_workflow(path))
    short = busy(home / "short.py", False, 60_000)
    process = rig.start("run", short, "--out", "short", cwd=home)
    rig.finish(process, seconds=120)
    assert who(home / "short") == {process.pid}


# ---------------------------------------------------------------- sockets


def members(session: int) -> list[int]:
    """All processes of a session."""
    out = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rpartition(")")[2].split()[3]) == session:
                out.append(int(path.parent.name))
        except OSError:
            continue
    return out


def listening(pids: list[int]) -> set[str]:
    """Addresses, as the kernel's tables write them, at which these processes take connections."""
    inodes = set()
    for pid in pids:
        try:
            for link in Path(f"/proc/{pid}/fd").iterdir():
                target = str(link.readlink())
                if target.startswith("socket:["):
                    inodes.add(target[8:-1])
        except OSError:
            continue
    out = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and words[9] in inodes:  # TCP_LISTEN
                out.add(words[1].partition(":")[0])
    return out


LOOPBACK = f"{int.from_bytes(bytes([127, 0, 0, 1]), __import__('sys').byteorder):08X}"


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="the system shows no table of sockets")
@pytest.mark.parametrize(
    "words", [pytest.param((), id="default"), pytest.param(("--cluster", "local"), id="local", marks=long)]
)
def test_nothing_listens_beyond_this_machine(words: tuple[str, ...], home: Path) -> None:
    """All processes of a run, from its start to its end."""
    sweep = chaos.Sweep(home, "threads")
    process = rig.start(*sweep.words[:-2], *words, "--no-figures", cwd=home)
    seen: set[str] = set()
    most = looks = 0
    while process.poll() is None:
        pids = members(process.pid)
        most, looks = max(most, len(pids)), looks + 1
        seen |= listening(pids)
        time.sleep(0.02)
    chaos.quiet(rig.finish(process))
    assert seen == {LOOPBACK}, f"listens at {seen}"
    assert looks > 20
    assert most >= (1 + cores() if words else 1)


# ---------------------------------------------------------------- retries


@pytest.mark.usefixtures("steady_pilot")
@pytest.mark.parametrize("kind", ["serial", "threads", *(pytest.param(k, marks=long) for k in ("processes", "nanny"))])
def test_retry_failed_runs_only_the_failed(kind: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As often as asked, and they fail again; where what they tripped over is gone they are done, others untouched."""
    declaration = (
        "model=Faulty, axes={'fault': ['none', 'raise', 'nan'], 'size': [4, 5]}, samples=3, replicas=3, seed=1"
    )
    workflow = load_workflow(rig.write_workflow(home / "faulty.py", declaration))
    root = home / "run"

    def computed() -> int:
        lines = [line for p in (root / "log").glob("*.jsonl") for line in p.read_text().splitlines()]
        return sum(int(json.loads(line)["computed"]) for line in lines)

    with chaos.backend(kind, home) as (cluster, _):
        failed = rig.run(workflow, root, cluster=cluster).counts["failed"]
        first = rig.data(root)
        assert 0 < failed == int((first.status == 2).sum())
        assert computed() == 54
        assert rig.run(workflow, root, cluster=cluster).exit_code == 1
        assert computed() == 54, "failures are run again only where that is asked"
        assert rig.run(workflow, root, cluster=cluster, retry_failed=True).counts["failed"] == failed
        assert computed() == 54 + failed
        rig.same(rig.data(root), first)
        f, z, s, r = (
            int(k) for k in np.argwhere(first.status.transpose("fault", "size", "sample", "replica").values == 2)[0]
        )
        label = [f"fault={first.fault.values[f]}", f"size={first['size'].values[z]}", f"sample={s}", f"replica={r}"]
        told = "\n".join(presentation.reproduce(root, label)[0])
        assert "synthetic fault" in told or "non-finite value" in told
        if kind != "nanny":  # its workers have the environment that they were started with
            monkeypatch.setenv("SYNTHETIC_MENDED", "1")
            assert rig.run(workflow, root, cluster=cluster, retry_failed=True).exit_code == 0
            assert computed() == 54 + 2 * failed
            rig.check(rig.data(root), Workflow(**{**vars(workflow), "name": "mended"}))
