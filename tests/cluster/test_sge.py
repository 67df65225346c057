"""Job arrays on a real Grid Engine: elements that are deleted or warned lose nothing. Needs SGE_ROOT."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from batch import SIMULATIONS, Sweep, call, needs, numbers, until

pytestmark = [pytest.mark.sge, needs("sge"), pytest.mark.usefixtures("home")]
PROFILE = 'kind: sge\nqueue: all.q\nwalltime: "00:10:00"\nmemory: 100MB\ndirectives: ["-V"]\n'


def queued(sweep: Sweep) -> list[str]:
    """Lines of `qstat` for the newest submission."""
    ids = {*sweep.newest.ids, sweep.newest.finish}
    return [line for line in call("qstat").splitlines() if line.split()[:1] and line.split()[0] in ids]


def shell_of(sweep: Sweep, element: int) -> int | None:
    """The script's own process, of an array's element that runs."""
    wanted = {f"JOB_ID={sweep.newest.ids[0]}".encode(), f"SGE_TASK_ID={element + 1}".encode()}
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            words, line = set(path.read_bytes().split(b"\0")), (path.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if wanted <= words and line.startswith(b"/bin/bash") and b"job_scripts" in line:
            return int(path.parent.name)
    return None


def check(sweep: Sweep) -> None:
    sweep.whole()
    reports = sweep.finished()
    assert len(reports) == len(list(sweep.root.glob("jobs/*/submission.json")))
    assert f"done {SIMULATIONS} of {SIMULATIONS}, failed 0, pending 0" in reports[-1]


def test_an_array(home: Path) -> None:
    sweep = Sweep(home, PROFILE, seconds=0.05, jobs=8)
    out = sweep.submit()
    assert "(8 elements), then" in out
    assert sum(numbers(sweep.status()).values()) == 8
    until(lambda: not queued(sweep), 180, "the queue is empty")
    assert numbers(sweep.status()) == {"complete": 8}
    check(sweep)


@pytest.mark.long
def test_a_warned_element_is_scheduled_again_and_a_deleted_one_sent_again(home: Path) -> None:
    """SIGUSR1 as at s_rt: exit code 99 takes it back to the queue. What `qdel` ended, the same submit sends."""
    sweep = Sweep(home, PROFILE, seconds=0.5, jobs=2)
    sweep.submit()
    until(lambda: sweep.done() >= 4, 120, "blocks are done")
    pid = shell_of(sweep, 0)
    assert pid is not None
    os.kill(pid, signal.SIGUSR1)
    call("qdel", f"{sweep.newest.ids[0]}.2")
    until(lambda: not queued(sweep), 240, "the queue is empty")
    assert (sweep.root / "jobs" / "1" / "restarts-0").read_text() == "."
    words = numbers(sweep.status())
    assert words["complete"] == 1, words
    sweep.submit()
    assert [shares for _, shares in sweep.newest.arrays] == [(1,)]
    until(lambda: not queued(sweep), 240, "the queue is empty")
    check(sweep)
