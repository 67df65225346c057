"""Job arrays on a real SLURM: whatever ends an element, the bytes are those of one process, and `status` says so.

Needs SLURM_CONF; the tests that make a node or the controller vanish also `slurm-node` on PATH.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import rig
from batch import SIMULATIONS, Sweep, call, needs, node_command, numbers, squeue, until

pytestmark = [pytest.mark.slurm, needs("slurm"), pytest.mark.usefixtures("home")]
PROFILE = 'kind: slurm\nwalltime: "00:10:00"\nmemory: 200MB\nwarning: 60\n'


def ended(sweep: Sweep) -> Callable[[], bool]:
    """Whether nothing of the newest submission waits or runs."""
    ids = {*sweep.newest.ids, sweep.newest.finish}
    return lambda: not squeue(*ids)


def processes(element: str) -> list[int]:
    """Isinglass processes of an array's element."""
    array, _, number = element.partition("_")
    out = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            words = path.read_bytes().split(b"\0")
            line = (path.parent / "cmdline").read_bytes()
        except OSError:
            continue
        job = {f"SLURM_ARRAY_JOB_ID={array}".encode(), f"SLURM_ARRAY_TASK_ID={number}".encode()}
        if job <= set(words) and b"isinglass" in line and b"bash" not in line:
            out.append(int(path.parent.name))
    return out


def working(sweep: Sweep, count: int = 12) -> None:
    """Wait until the array is in the middle of its work."""
    until(lambda: sweep.done() >= count, 120, f"{count} blocks done")


def go_on(sweep: Sweep) -> None:
    """Wait for the end of a submission; what is missing then, the same submit sends."""
    until(ended(sweep), 240, "the queue is empty")
    for _ in range(3):
        if "pending 0" in sweep.status():
            return
        sweep.submit()
        until(ended(sweep), 240, "the queue is empty")


def check(sweep: Sweep) -> None:
    """Same bytes as one process; each submission's last job ran once, after all elements."""
    sweep.whole()
    reports = sweep.finished()
    assert len(reports) == len(list(sweep.root.glob("jobs/*/submission.json")))
    assert f"done {SIMULATIONS} of {SIMULATIONS}, failed 0, pending 0" in reports[-1]
    assert all(report.count("CPU time of the blocks' last runs") == 1 for report in reports)


def test_an_array_of_sixteen(home: Path) -> None:
    sweep = Sweep(home, PROFILE, seconds=0.05)
    out = sweep.submit()
    job, finish = sweep.newest.ids[0], sweep.newest.finish
    assert f"submitted     {job} (16 elements), then {finish} for analysis and figures" in out
    while not ended(sweep)():
        shares = numbers(sweep.status())
        assert sum(shares.values()) == 16
        assert shares.keys() <= {"waiting", "running", "complete"}
        time.sleep(0.5)
    assert numbers(sweep.status()) == {"complete": 16}
    check(sweep)
    assert "nothing is missing" in sweep.submit()


@pytest.mark.long
def test_elements_that_are_cancelled_killed_warned_and_requeued_at_once(home: Path) -> None:
    """One array: an element cancelled, one killed -9, one warned as before its walltime, one requeued twice."""
    sweep = Sweep(home, PROFILE, seconds=0.4)
    sweep.submit()
    job = sweep.newest.ids[0]
    until(lambda: all(processes(f"{job}_{n}") for n in range(4)), 120, "four elements run")
    working(sweep, 4)
    call("scancel", f"{job}_0")
    for pid in processes(f"{job}_1"):
        os.kill(pid, signal.SIGKILL)
    call("scancel", "-b", "-s", "USR1", f"{job}_2")
    call("scontrol", "requeue", f"{job}_3")
    until(lambda: squeue(job).get(f"{job}_3") == "PENDING", 30, "the element waits again")
    until(lambda: squeue(job).get(f"{job}_3", "RUNNING") == "RUNNING", 120, "it runs again")
    if f"{job}_3" in squeue(job):
        call("scontrol", "requeue", f"{job}_3")
    text = sweep.status()
    assert sum(numbers(text).values()) == 16
    go_on(sweep)
    check(sweep)


@pytest.mark.long
def test_a_warned_element_goes_on_by_itself(home: Path) -> None:
    """SIGUSR1 before the walltime: it commits, goes back to the queue, and is complete in the end; nothing is sent."""
    sweep = Sweep(home, PROFILE, seconds=0.25, jobs=2)
    sweep.submit()
    job = sweep.newest.ids[0]
    working(sweep, 4)
    call("scancel", "-b", "-s", "USR1", f"{job}_0")
    until(lambda: squeue(job).get(f"{job}_0") == "PENDING", 30, "the element waits again")
    assert "to go on" in sweep.status() or numbers(sweep.status())["waiting"] >= 1
    until(ended(sweep), 240, "the queue is empty")
    assert numbers(sweep.status()) == {"complete": 2}
    check(sweep)


@pytest.mark.long
@node_command
def test_a_node_that_vanishes(home: Path) -> None:
    sweep = Sweep(home, PROFILE, seconds=0.4)
    sweep.submit()
    job = sweep.newest.ids[0]
    working(sweep)
    node = call("squeue", "-r", "-h", "-t", "R", "-j", job, "-o", "%N").split()[0]
    call("slurm-node", "down", node)
    try:
        until(lambda: call("sinfo", "-h", "-n", node, "-o", "%T").startswith("down"), 60, "SLURM sees it")
        assert sum(numbers(sweep.status()).values()) == 16
    finally:
        call("slurm-node", "up", node)
    go_on(sweep)
    check(sweep)


@pytest.mark.long
@node_command
def test_the_controller_and_all_nodes_killed(home: Path) -> None:
    """While nobody answers, `status` goes by the log alone, and says so."""
    sweep = Sweep(home, PROFILE, seconds=0.4)
    sweep.submit()
    working(sweep)
    daemons = [line.split()[0] for line in call("sinfo", "-h", "-N", "-o", "%N", "-p", "debug").splitlines()]
    call("slurm-node", "down", "slurmctld")
    for node in daemons:
        call("slurm-node", "restart", node)
    text = sweep.status()
    assert "slurm does not answer here: what follows is by the log alone" in text
    assert "died" not in numbers(text)
    call("slurm-node", "up", "slurmctld")
    until(lambda: shutil.which("sinfo") and call("sinfo", "-h"), 60, "the controller answers")
    go_on(sweep)
    check(sweep)


@pytest.mark.long
def test_the_whole_array_submitted_twice_at_once(home: Path) -> None:
    sweep = Sweep(home, PROFILE, seconds=0.1)
    words = ("submit", *sweep.words, "--cluster", "site.yaml", "--jobs", "16")
    both = [rig.start(*words, cwd=home) for _ in range(2)]
    for process in both:
        rig.finish(process)
    until(lambda: not squeue(), 240, "the queue is empty")
    check(sweep)


@pytest.mark.long
def test_a_second_submit_sends_nothing_while_the_first_is_at_work(home: Path) -> None:
    sweep = Sweep(home, PROFILE, seconds=0.4, jobs=4)
    sweep.submit()
    working(sweep, 2)
    again = sweep.submit()
    assert "4 shares of an earlier submission still wait or run" in again
    assert "nothing was submitted" in again
    assert len(list((sweep.root / "jobs").iterdir())) == 1
    go_on(sweep)
    check(sweep)


@pytest.mark.long
def test_elements_that_start_before_the_store_exists(home: Path) -> None:
    """The script alone, from `--dry-run`: whichever element comes first declares the store."""
    sweep = Sweep(home, PROFILE, seconds=0.05, jobs=4)
    text = sweep.submit("--dry-run")
    assert not sweep.root.exists()
    script = text.partition("jobs/1/array.sh\n")[2].partition("\n# ----")[0]
    (sweep.root / "jobs" / "1").mkdir(parents=True)
    (sweep.root / "jobs" / "1" / "array.sh").write_text(script, encoding="utf-8")
    job = call("sbatch", "--parsable", "jobs/1/array.sh", cwd=sweep.root).strip()
    until(lambda: not squeue(job), 120, "the queue is empty")
    sweep.whole()


@pytest.mark.long
def test_an_array_larger_than_the_limit_is_split(home: Path) -> None:
    sweep = Sweep(home, PROFILE + "array_limit: 3\nthrottle: 2\n", seconds=0.01, jobs=5)
    sweep.submit()
    assert [len(shares) for _, shares in sweep.newest.arrays] == [3, 2]
    until(ended(sweep), 120, "the queue is empty")
    check(sweep)


def test_a_rejected_submission_leaves_nothing_in_the_queue(home: Path) -> None:
    """SLURM refuses the job behind the array: the array is taken back."""
    sweep = Sweep(home, PROFILE + "queue: nowhere\n", jobs=2)
    out = sweep.submit(code=2)
    assert out.strip().splitlines()[-1].startswith("isinglass: sbatch refused array.sh:")
    assert "nothing is left in the queue" in out
    time.sleep(1)
    assert not squeue()
    assert not list((sweep.root / "jobs").glob("*/submission.json"))
