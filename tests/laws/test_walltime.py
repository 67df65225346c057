"""A run inside a job: it begins no block that would not end in time, heeds the warning, and loses nothing."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
import rig
from batch import SIMULATIONS, Sweep, until

from isinglass import InputError, execute
from isinglass.execute import Context
from isinglass.plans import Asked
from isinglass.profiles import MARGIN
from isinglass.provenance import code_of

pytestmark = pytest.mark.usefixtures("home")


def sweep(home: Path, seconds: float) -> Sweep:
    return Sweep(home, "kind: threads\nthreads: 2\n", seconds=seconds)


def test_no_block_is_begun_that_would_end_too_late(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of the job script, 8 s ahead: exit code 3 within the margin; only what was begun may be partial."""
    it = sweep(home, 0.2)
    ends = time.time() + 8
    monkeypatch.setenv("ISINGLASS_UNTIL", str(ends))
    outcome = rig.run(it.workflow, it.root, block={"temperature": 2, "size": 1, "sample": 1})
    assert outcome.exit_code == 3
    assert time.time() < ends + MARGIN
    assert 0 < it.done() < SIMULATIONS // 2
    assert len(list((it.root / ".store" / "1" / "blocks").glob("*.part"))) <= 1
    monkeypatch.delenv("ISINGLASS_UNTIL")
    assert rig.run(it.workflow, it.root, cluster="threads").exit_code == 0
    it.whole()


@pytest.mark.parametrize("cluster", ["serial", "site.yaml"])
def test_the_warning_before_the_end(cluster: str, home: Path) -> None:
    """SIGUSR1: what is done is committed, the rest is left, exit code 3; the log says so, and going on is complete."""
    it = sweep(home, 0.1)
    run = rig.start("run", *it.words, "--cluster", cluster, cwd=home)
    until(lambda: it.done() >= 2, 60, "blocks are done")
    run.send_signal(signal.SIGUSR1)
    rig.finish(run, 3, seconds=20)
    assert any('"event": "end", "code": 3' in p.read_text() for p in (it.root / "log").glob("*.events"))
    assert rig.run(it.workflow, it.root).exit_code == 0
    it.whole()


def test_a_shell_that_passes_sigterm_on_does_not_cut_the_stop_short(home: Path) -> None:
    """Schedulers send SIGTERM to all processes of a job, and its shell sends it again: one stop, which commits."""
    it = sweep(home, 0.3)
    run = rig.start("run", *it.words, "--cluster", "serial", cwd=home)
    until(lambda: it.done() >= 1, 60, "a block is done")
    run.send_signal(signal.SIGTERM)
    time.sleep(0.05)
    run.send_signal(signal.SIGTERM)
    assert "stopped; what was done is kept" in rig.finish(run, 130, seconds=20)
    assert not list((it.root / ".store" / "1" / "blocks").glob("*.run"))


@pytest.mark.parametrize(
    ("change", "told"),
    [({"code": "0" * 32}, "has other code than the run"), ({"isinglass": "0.0.1"}, "the run 0.0.1: install the same")],
)
def test_a_worker_with_other_code_is_refused(change: dict[str, str], told: str, home: Path) -> None:
    workflow = rig.case("Walk")
    assert rig.run(workflow, home / "run", shard=(0, 4)).exit_code in (0, 3)
    asked = Asked.of(workflow)
    given = {"code": code_of(workflow.model).hash, "isinglass": "", **change}
    context = Context(str(home / "run"), 1, asked.reference, request="r", pace=1e-3, stop_file="stop", **given)
    (report,) = execute.run_task(context, [execute.Job((0, 0, 0, 0), None, None, False, 1.0)])  # type: ignore[arg-type]
    assert isinstance(report.refused, InputError)
    assert told in str(report.refused)
