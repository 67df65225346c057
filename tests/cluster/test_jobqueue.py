"""Dask clusters whose workers are jobs of a real SLURM or Grid Engine: encrypted, and whole after losses."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
import rig
from batch import Sweep, call, needs, squeue, until

pytestmark = pytest.mark.usefixtures("home")
DASK = 'kind: {}-dask\nworkers: 2\nwalltime: "00:10:00"\nmemory: 600MB\ninterface: lo\n'
RUNNER = "kind: slurm-runner\ninterface: lo\n"


@pytest.mark.long
@pytest.mark.slurm
@needs("slurm")
def test_slurm_cluster_with_a_worker_cancelled(home: Path) -> None:
    sweep = Sweep(home, DASK.format("slurm"), seconds=0.5)
    run = rig.start("run", *sweep.words, "--cluster", "site.yaml", cwd=home)
    until(lambda: sweep.done() >= 4, 120, "blocks are done")
    worker = next(iter(job for job, state in squeue().items() if state == "RUNNING"))
    folder = next(home.glob(".isinglass-dask-*"))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert "tls://" in next(iter(folder.glob("*.err"))).read_text(encoding="utf-8")
    call("scancel", worker)
    until(lambda: set(squeue()) - {worker}, 60, "other workers are there")
    out = rig.finish(run, seconds=240)
    assert "dashboard     http://127.0.0.1:" in out
    sweep.whole()
    until(lambda: not squeue(), 60, "its jobs are ended")
    assert not list(home.glob(".isinglass-dask-*"))


@pytest.mark.slurm
@needs("slurm")
def test_everything_inside_one_allocation(home: Path) -> None:
    sweep = Sweep(home, RUNNER, seconds=0.1)
    command = [sys.executable, "-m", "isinglass", "run", *sweep.words, "--cluster", "site.yaml"]
    done = subprocess.run(["srun", "-n", "4", *command], cwd=home, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    sweep.whole()
    assert not list(home.glob(".isinglass-dask-*"))


@pytest.mark.long
@pytest.mark.sge
@needs("sge")
def test_grid_engine_cluster(home: Path) -> None:
    sweep = Sweep(home, DASK.format("sge") + "queue: all.q\n", seconds=0.1)
    rig.finish(rig.start("run", *sweep.words, "--cluster", "site.yaml", cwd=home), seconds=240)
    sweep.whole()


def test_outside_an_allocation_the_runner_says_how(home: Path) -> None:
    sweep = Sweep(home, RUNNER)
    out = rig.finish(rig.start("run", *sweep.words, "--cluster", "site.yaml", cwd=home, SLURM_PROCID=""), 2)
    assert "runs inside an allocation of at least 3 tasks" in out
