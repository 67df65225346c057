"""Law 3 with kill -9 of the run, a worker or the scheduler, on every backend. Counted from the ledger.

Four kills of the run at random moments here, twenty by marker.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import chaos
import pytest

pytestmark = pytest.mark.usefixtures("home")
BACKENDS = ("serial", "threads", "processes", "nanny")
SLOTS = {"serial": 1}
long = pytest.mark.long


def kill_the_run(kind: str, seed: int, home: Path) -> None:
    with chaos.backend(kind, home) as (cluster, _):
        sweep = chaos.Sweep(home, cluster)
        process = sweep.start()
        sweep.random_moment(process, seed)
        pids = chaos.workers_at(sweep)
        process.kill()
        process.communicate()
        met = sweep.snapshot()
        assert not [n for n in met.committed if n.endswith(".part")]
        assert len(met.committed) < 16, "it was over before it was killed"
        killed = met if kind in ("serial", "threads") else sweep.settled()
        if kind == "processes":
            assert all(map(chaos.gone, pids)), "a worker outlives its run"
        out = sweep.finish()
        assert "160 to run" not in out
        sweep.only_flying_again(chaos.Snapshot(killed.committed, met.flying), SLOTS.get(kind, 2))


@pytest.mark.parametrize("kind", [pytest.param(k, marks=pytest.mark.long) if k == "nanny" else k for k in BACKENDS])
def test_kill_of_the_run(kind: str, home: Path) -> None:
    kill_the_run(kind, 1, home)


@long
@pytest.mark.parametrize("seed", range(2, 7))
@pytest.mark.parametrize("kind", BACKENDS)
def test_kill_of_the_run_twenty_times(kind: str, seed: int, home: Path) -> None:
    kill_the_run(kind, seed, home)


def kill_a_worker(kind: str, seed: int, home: Path) -> None:
    """The run goes on: the nanny starts another worker, or the other one takes over."""
    with chaos.backend(kind, home) as (cluster, _):
        sweep = chaos.Sweep(home, cluster)
        process = sweep.start()
        sweep.random_moment(process, seed)
        until = time.monotonic() + 60
        while not (pids := chaos.workers_at(sweep)):
            assert time.monotonic() < until
        before = sweep.snapshot().committed
        os.kill(pids[0], signal.SIGKILL)
        assert pids[0] != process.pid
        sweep.finish(process)
        killed = chaos.Snapshot(before, {n for n, k in sweep.attempts().items() if k > 1})
        sweep.only_flying_again(killed, 1)


@pytest.mark.parametrize("kind", ["processes", pytest.param("no nanny", marks=long)])
def test_kill_of_a_worker(kind: str, home: Path) -> None:
    kill_a_worker(kind, 1, home)


@long
@pytest.mark.parametrize("seed", range(2, 9))
@pytest.mark.parametrize("kind", ["processes", "nanny", "no nanny"])
def test_kill_of_a_worker_twenty_times(kind: str, seed: int, home: Path) -> None:
    kill_a_worker(kind, seed, home)


@long
def test_kill_of_the_scheduler(home: Path) -> None:
    """One clear line and exit 3 in bounded time; with a new scheduler the same command completes."""
    with chaos.backend("nanny", home) as (cluster, by_hand):
        assert by_hand is not None
        sweep = chaos.Sweep(home, cluster, seconds=0.05)
        process = sweep.start()
        sweep.random_moment(process, 1)
        os.kill(by_hand.processes[0].pid, signal.SIGKILL)
        began = time.monotonic()
        out = sweep.finish(process, code=3)
        assert time.monotonic() - began < 60
        assert "the scheduler is gone" in out
        assert "run it again" in out
        killed = sweep.settled()
        assert len(killed.committed) < 16
        by_hand.start()
        sweep.finish()
        sweep.only_flying_again(killed, 2)


@long
def test_the_last_worker_is_killed(home: Path) -> None:
    """Nobody is left to compute: the run waits a minute for another worker, and then says so."""
    with chaos.backend("no nanny", home) as (cluster, by_hand):
        assert by_hand is not None
        sweep = chaos.Sweep(home, cluster, seconds=0.05)
        process = sweep.start()
        sweep.random_moment(process, 2)
        for worker in by_hand.processes[1:]:
            worker.kill()
        began = time.monotonic()
        out = sweep.finish(process, code=3)
        assert 55 < time.monotonic() - began < 120
        assert "no worker for 60 s" in out


@long
def test_a_worker_that_comes_late(home: Path) -> None:
    """The run waits for it, and takes up all of its threads."""
    with chaos.backend("no nanny", home) as (cluster, by_hand):
        assert by_hand is not None
        for worker in by_hand.processes[1:]:
            worker.kill()
            worker.wait()
        sweep = chaos.Sweep(home, cluster)
        process = sweep.start()
        time.sleep(10)
        by_hand.dask("worker", "--nworkers", "1", "--nthreads", "2", "--no-nanny")
        sweep.finish(process)
