"""Dask clusters whose workers are jobs of a real SLURM or Grid Engine: encrypted, and whole after losses."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import rig
from batch import SIMULATIONS, Sweep, call, needs, node_command, squeue, until

pytestmark = pytest.mark.usefixtures("home")
DASK = 'kind: {}-dask\nworkers: 2\nwalltime: "00:10:00"\nmemory: 600MB\ninterface: lo\n'
ARRAY = 'kind: slurm\nwalltime: "00:10:00"\nmemory: 200MB\n'
INSIDE = (sys.executable, "-m", "isinglass", "run")
RUNNER = "kind: slurm-runner\ninterface: lo\n"


def during(sweep: Sweep, run: subprocess.Popen[str], harm: Callable[[], None]) -> str:
    """Do harm in the middle of a run; all is done nevertheless. What the run printed."""
    until(lambda: sweep.done() >= 4, 120, "blocks are done")
    harm()
    until(lambda: sweep.done() >= 8 or run.poll() is not None, 120, "more blocks are done")
    told = rig.finish(run, seconds=240)
    sweep.whole()
    return told


def dask_run(sweep: Sweep) -> subprocess.Popen[str]:
    return rig.start("run", *sweep.words, "--cluster", "site.yaml", cwd=sweep.home)


@pytest.mark.long
@pytest.mark.slurm
@needs("slurm")
def test_slurm_cluster_with_a_worker_cancelled(home: Path) -> None:
    sweep = Sweep(home, DASK.format("slurm"), seconds=0.5)

    def harm() -> None:
        worker = next(iter(job for job, state in squeue().items() if state == "RUNNING"))
        folder = next(home.glob(".isinglass-dask-*"))
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert "tls://" in next(iter(folder.glob("*.err"))).read_text(encoding="utf-8")
        call("scancel", worker)
        until(lambda: set(squeue()) - {worker}, 60, "other workers are there")

    out = during(sweep, dask_run(sweep), harm)
    assert "dashboard     http://127.0.0.1:" in out
    until(lambda: not squeue(), 60, "its jobs are ended")
    assert not list(home.glob(".isinglass-dask-*"))


@pytest.mark.long
@pytest.mark.slurm
@needs("slurm")
@node_command
def test_slurm_cluster_with_a_node_killed(home: Path) -> None:
    sweep = Sweep(home, DASK.format("slurm") + "cores: 4\n", seconds=0.8)
    node = []

    def harm() -> None:
        node.append(call("squeue", "-h", "-t", "R", "-o", "%N").split()[0])
        call("slurm-node", "down", node[0])

    try:
        during(sweep, dask_run(sweep), harm)
    finally:
        if node:
            call("slurm-node", "up", node[0])
    until(lambda: not squeue(), 60, "its jobs are ended")


@pytest.mark.long
@pytest.mark.slurm
@needs("slurm")
def test_everything_inside_one_allocation(home: Path) -> None:
    sweep = Sweep(home, RUNNER, seconds=0.1)
    done = subprocess.run(["srun", "-n", "4", *INSIDE, *sweep.words, "--cluster", "site.yaml"],
                          cwd=home, capture_output=True, text=True, timeout=240)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    sweep.whole()
    assert not list(home.glob(".isinglass-dask-*"))


@pytest.mark.long
@pytest.mark.slurm
@needs("slurm")
@node_command
@pytest.mark.parametrize("what", ["worker", "node"])
def test_an_allocation_loses(what: str, home: Path) -> None:
    """The step goes on without a task that was killed and, where it may (--no-kill), without a node."""
    sweep = Sweep(home, RUNNER, seconds=0.5)
    command = ["srun", "--no-kill", "--kill-on-bad-exit=0", "-N", "4", "-n", "6", *INSIDE, *sweep.words]
    run = subprocess.Popen([*command, "--cluster", "site.yaml"], cwd=home, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    until(lambda: sweep.done() >= 4, 120, "blocks are done")
    ranks = {rank: (pid, node) for pid, rank, node in tasks()}
    assert set(range(6)) <= set(ranks)
    assert ranks[5][1] not in (ranks[0][1], ranks[1][1])  # neither the scheduler's node nor the run's own
    if what == "worker":
        os.kill(ranks[5][0], signal.SIGKILL)
    else:
        call("slurm-node", "down", ranks[5][1])
    try:
        run.communicate(timeout=240)
    finally:
        if what == "node":
            call("slurm-node", "up", ranks[5][1])
    sweep.whole()


def tasks() -> list[tuple[int, int, str]]:
    """Process, rank and node of each Isinglass that SLURM runs here."""
    out = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            words = dict(w.partition("=")[::2] for w in path.read_bytes().decode().split("\0"))
            line = (path.parent / "cmdline").read_bytes()
        except (OSError, UnicodeDecodeError):
            continue
        if b"isinglass\0run" in line and "SLURM_PROCID" in words and not line.startswith(b"srun"):
            out.append((int(path.parent.name), int(words["SLURM_PROCID"]), words["SLURMD_NODENAME"]))
    return out


@pytest.mark.long
@pytest.mark.slurm
@needs("slurm")
def test_begun_here_continued_as_an_array_finished_under_dask(home: Path) -> None:
    """Hand-over: some of it in this process, some by an array that is cancelled, the rest by Dask on SLURM."""
    sweep = Sweep(home, ARRAY, seconds=0.4, jobs=4)
    rig.run(sweep.workflow, sweep.root, shard=(1, 8), block={"temperature": 1, "size": 1, "sample": 1})
    begun = sweep.done()
    assert 0 < begun < 32
    sweep.submit()
    until(lambda: sweep.done() >= begun + 12, 120, "the array has done some")
    call("scancel", *sweep.newest.ids, sweep.newest.finish)
    until(lambda: not squeue(), 60, "the queue is empty")
    assert begun < sweep.done() < SIMULATIONS
    (home / "site.yaml").write_text(DASK.format("slurm"), encoding="utf-8")
    rig.finish(dask_run(sweep), seconds=240)
    sweep.whole()
    counted = [line for p in (sweep.root / "log").glob("*.jsonl") for line in p.read_text().splitlines()]
    assert sum('"block"' in line for line in counted) == SIMULATIONS  # nothing was computed twice


@pytest.mark.long
@pytest.mark.sge
@needs("sge")
def test_grid_engine_cluster_with_a_worker_deleted(home: Path) -> None:
    sweep = Sweep(home, DASK.format("sge") + "queue: all.q\n", seconds=0.5)
    during(sweep, dask_run(sweep), lambda: print(call("qdel", running()[0])))
    until(lambda: not running(), 60, "its jobs are ended")


def running() -> list[str]:
    """Grid Engine jobs that run."""
    return [line.split()[0] for line in call("qstat", "-s", "r").splitlines()[2:]]


def test_outside_an_allocation_the_runner_says_how(home: Path) -> None:
    sweep = Sweep(home, RUNNER)
    out = rig.finish(rig.start("run", *sweep.words, "--cluster", "site.yaml", cwd=home, SLURM_PROCID=""), 2)
    assert "runs inside an allocation of at least 3 tasks" in out
