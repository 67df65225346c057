"""Law 3: `kill -9` at random moments of declaring, extending, sealing and analysing; and several processes at once.

Processes are forked from one that has imported everything, so that a death costs a test no start of Python.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import rig
import xarray as xr

from isinglass import Workflow, load_workflow, presentation
from isinglass.generations import current, require

pytestmark = pytest.mark.usefixtures("home", "steady_pilot")
AXES = "'temperature': [k / 100 for k in range(1, 11)], 'size': [4, 5]"
STAGES = "stages=[errors.mean('value'), lambda ds: xr.Dataset({'twice': 2 * ds['value_mean']})]"
TINY = {"temperature": 1, "size": 1, "sample": 1, "replica": 1}

SERVER = """
import json, os, sys, time
import distributed, matplotlib, pandas, scipy.stats, xarray, zarr
from isinglass import cli, declaring, execute, figures, generations, ledger, planning, plans, presentation, results
from isinglass import runs, sealing
from isinglass.analysis import errors
sealing.CHUNK_VALUES = 64
plans.pilot = lambda grid, cost, cores, alone=None: planning.Pilot(1e-4, 1e-4, 1e-4)
# blocks of one simulation: there is no option for it
declaring.choose_block = lambda asked, *more: (1,) * len(asked.grid.full_dims)
print(0, flush=True)
for line in sys.stdin:
    words = json.loads(line)
    if words[0] == "start":
        pid = os.fork()
        if pid == 0:
            os.setsid()
            os.chdir(words[1])
            sealing.SEAL_BLOCKS = int(words[2])
            out = os.open(words[3], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(out, 1), os.dup2(out, 2), os.close(0)
            sys.argv = ["isinglass", *words[4:]]
            code = 70
            try:
                cli.main()
                code = 0
            except SystemExit as end:
                code = int(end.code or 0)
            finally:
                sys.stdout.flush()
                os._exit(code)
        print(pid, flush=True)
    else:
        _, status = os.waitpid(int(words[1]), 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-c", SERVER]
    with subprocess.Popen(words, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == "0\n", "it has not started"
        yield process
        process.stdin.close()


class Processes:
    """`isinglass` processes in one folder; stores of more than `seal` blocks are sealed."""

    def __init__(self, server: subprocess.Popen[str], home: Path, seal: int) -> None:
        self.server, self.home, self.seal, self.count = server, home, seal, 0

    def _ask(self, *words: str) -> int:
        self.server.stdin.write(json.dumps(words) + "\n")
        self.server.stdin.flush()
        return int(self.server.stdout.readline())

    def start(self, *words: str | Path) -> int:
        self.count += 1
        return self._ask("start", str(self.home), str(self.seal), f"out-{self.count}.txt", *map(str, words))

    def code(self, pid: int) -> int:
        return self._ask("wait", str(pid))

    def finish(self, pid: int, code: int = 0) -> None:
        found = self.code(pid)
        said = "\n".join(p.read_text() for p in sorted(self.home.glob("out-*.txt"))[-3:])
        assert found == code, f"exit {found}:\n{said}"

    def kill(self, pid: int, after: float) -> bool:
        """Whether it was still alive then."""
        time.sleep(after)
        os.killpg(pid, signal.SIGKILL)
        return self.code(pid) == -signal.SIGKILL


@pytest.fixture
def processes(server: subprocess.Popen[str], home: Path) -> Callable[..., Processes]:
    return lambda seal=10**4: Processes(server, home, seal)


def workflow(home: Path, more: str = "", samples: int = 2) -> Workflow:
    text = rig.SYNTHETIC + "\nimport xarray as xr\nfrom isinglass.analysis import errors\n"
    declared = f"model=Batched, axes={{{AXES}}}, samples={samples}, seed=5, {more}"
    return load_workflow(rig.write_workflow(home / "w.py", declared, text))


def whole(root: Path, asked: Workflow, fresh: Path) -> None:
    """Bytes of an undisturbed run, nothing damaged, nothing left behind."""
    if not fresh.exists():
        assert rig.run(asked, fresh).exit_code == 0
    rig.same(rig.data(root), rig.data(fresh))
    rig.check(rig.data(root), asked)
    lines, code = presentation.verify(root, 2)
    assert code == 0, lines
    assert not list(root.glob(".store/.new-*"))
    assert not list(require(root).ledger.glob("*.run"))


def words(root: Path, *more: str) -> list[str | Path]:
    return ["run", "w.py", "--out", root, "--cluster", "serial", "--no-figures", *more]


MANY = pytest.mark.parametrize("kills", [4, pytest.param(40, marks=pytest.mark.long)])


def moments(kills: int) -> list[float]:
    """When to kill: one moment in each of so many parts of the whole, which takes 1."""
    rng = np.random.default_rng(kills)
    return [float((k + rng.random()) / kills) for k in range(kills)]


def took(server: Processes, *command: str | Path) -> float:
    began = time.monotonic()
    server.finish(server.start(*command))
    return time.monotonic() - began


def killed(server: Processes, kills: int, seconds: float, fresh: Callable[[Path], object]) -> Iterator[Path]:
    """Folders in which a run was killed: one at each moment of the `seconds` that it takes, or less as it turns out.

    `fresh` makes the folder ready.
    """
    for k, moment in enumerate(moments(kills)):
        for attempt in itertools.count():
            assert attempt < 40, "it is done before it can be killed"
            root = server.home / f"run-{k}-{attempt}"
            fresh(root)
            if server.kill(server.start(*words(root)), moment * seconds):
                yield root
                break
            seconds *= 0.8


@MANY
def test_killed_while_declaring_and_computing(kills: int, processes, home: Path) -> None:
    asked, server = workflow(home), processes()
    seconds = took(server, *words(home / "first"))
    for root in killed(server, kills, seconds, lambda root: None):
        server.finish(server.start(*words(root)))
        whole(root, asked, home / "fresh")


@MANY
def test_killed_again_and_again(kills: int, processes, home: Path) -> None:
    """One folder, and every process dies a little later than the one before."""
    asked, server, root = workflow(home), processes(), home / "run"
    seconds = took(server, *words(home / "first"))
    for moment in moments(kills):
        server.kill(server.start(*words(root)), moment * seconds / 2)
    server.finish(server.start(*words(root)))
    whole(root, asked, home / "fresh")
    assert len(list(root.glob(".store/[0-9]*/tmp/.*"))) <= 2 * kills


@MANY
@pytest.mark.parametrize("what", ["extension", "seal", "analysis"])
def test_killed_later(what: str, kills: int, processes, home: Path) -> None:
    asked = workflow(home)
    assert rig.run(asked, home / "base", block=TINY).exit_code == 0
    server = processes(8 if what == "seal" else 10**4)
    asked = workflow(home, STAGES if what == "analysis" else "", samples=3 if what == "extension" else 2)
    shutil.copytree(home / "base", home / "first", symlinks=True)
    seconds = took(server, *words(home / "first"))
    before = rig.data(home / "base")
    for root in killed(server, kills, seconds, lambda root: shutil.copytree(home / "base", root, symlinks=True)):
        found = rig.data(root)  # whatever is current now: nothing that was done has changed or gone
        rig.same(found.isel(sample=slice(2)), before)
        server.finish(server.start(*words(root)))
        whole(root, asked, home / "fresh")
        assert require(root).sealed == (what == "seal")
        if what == "analysis":
            with (
                xr.open_zarr(root / "analysis.zarr", chunks=None) as a,
                xr.open_zarr(home / "first/analysis.zarr") as b,
            ):
                assert a.load().identical(b.load().assign_attrs(history=a.history))


# ---------------------------------------------------------------- at once


@pytest.mark.parametrize("seal", [10**4, 8])
def test_the_same_command_many_times_at_once(seal: int, processes, home: Path) -> None:
    """Four processes that start on nothing; then four that all extend."""
    asked, server, root = workflow(home), processes(seal), home / "run"
    for pid in [server.start(*words(root)) for _ in range(4)]:
        server.finish(pid)
    whole(root, asked, home / "fresh")
    asked = workflow(home, samples=3)
    for pid in [server.start(*words(root)) for _ in range(4)]:
        server.finish(pid)
    whole(root, asked, home / "fresh-3")
    assert require(root).sealed == (seal == 8)


def test_shards_start_before_the_store_exists(processes, home: Path) -> None:
    """All at the same moment, one dies; the others are not held up, and the shard again completes the store."""
    asked, server, root = workflow(home), processes(8), home / "run"
    pids = [server.start(*words(root, "--shard", f"{k}/4")) for k in range(4)]
    server.kill(pids[2], 0.05)
    for k in (0, 1, 3):
        server.finish(pids[k])
    server.finish(server.start(*words(root, "--shard", "2/4")))
    assert require(root).sealed
    whole(root, asked, home / "fresh")


@pytest.mark.parametrize("what", ["extension", "seal"])
def test_a_late_writer_writes_into_the_past(what: str, processes, home: Path) -> None:
    """Stopped in the middle of a block, it wakes when the store is extended or sealed: no number of it goes astray."""
    asked, server, root = workflow(home), processes(8 if what == "seal" else 10**4), home / "run"
    pid = server.start(*words(root))
    until = time.monotonic() + 30
    while not (current(root) if root.is_dir() else None) or not list(require(root).ledger.glob("*.done")):
        assert time.monotonic() < until
        time.sleep(0.001)
    os.killpg(pid, signal.SIGSTOP)
    more = ("--samples", "3") if what == "extension" else ()
    other = server.start(*words(root, *more))
    time.sleep(1)  # enough for it to publish another generation, unless the sleeper holds the lock of a block
    os.killpg(pid, signal.SIGCONT)
    server.finish(other)
    server.finish(pid)
    assert require(root).sealed == (what == "seal")
    ds = rig.data(root)
    rig.check(ds, asked)
    if what == "extension":
        rig.check(ds, asked.override(samples=3))
    assert presentation.verify(root, 2)[1] == 0
