"""A real batch system, as the environment names it, and one sweep that is submitted to it."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
import rig

from isinglass import Workflow, jobs, load_workflow, presentation
from isinglass.cli import main
from isinglass.generations import current
from isinglass.jobs import Submission

DECLARATION = "model=Slow, axes={'temperature': [k / 100 for k in range(1, 17)], 'size': [4, 5]}, samples=4, seed=5"
SIMULATIONS = 128


def answers(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0


def slurm_missing() -> str:
    """Why no test can run on SLURM; empty where one can."""
    if not os.environ.get("SLURM_CONF"):
        return "SLURM_CONF names no SLURM"
    return "" if answers("sinfo") else "SLURM does not answer"


def sge_missing() -> str:
    if not os.environ.get("SGE_ROOT"):
        return "SGE_ROOT names no Grid Engine"
    return "" if answers("qhost") else "Grid Engine does not answer"


def until(condition: Callable[[], object], seconds: float, what: str) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, f"after {seconds} s still not: {what}"
        time.sleep(0.2)


def call(*command: str | Path, cwd: Path | None = None) -> str:
    """A command's output; where it fails, a test fails with what it said."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=60, cwd=cwd, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def squeue(*ids: str) -> dict[str, str]:
    """State of each element (`12_3`) or job that SLURM still lists as not ended."""
    lines = call("squeue", "-r", "-h", "-o", "%i %T").splitlines()
    states = dict(line.split() for line in lines)
    return {job: state for job, state in states.items() if not ids or job.partition("_")[0] in ids}


@dataclass
class Sweep:
    """128 simulations of `seconds` each in `home/run`, as an array of `jobs` elements on profile `site.yaml`."""

    home: Path
    profile: str
    seconds: float = 0.1
    jobs: int = 16

    def __post_init__(self) -> None:
        rig.write_workflow(self.home / "slow.py", DECLARATION)
        (self.home / "site.yaml").write_text(self.profile, encoding="utf-8")

    @property
    def root(self) -> Path:
        return self.home / "run"

    @property
    def words(self) -> tuple[str, ...]:
        return "slow.py", "--out", "run", "--set", f"seconds={self.seconds}"

    @property
    def workflow(self) -> Workflow:
        return load_workflow(self.home / "slow.py").override(values={"seconds": [self.seconds]})

    def submit(self, *more: str, code: int = 0) -> str:
        """`isinglass submit` in this process; everything that it printed."""
        words = ("submit", *self.words, "--cluster", "site.yaml", "--jobs", str(self.jobs), *more)
        return self.command(*words, code=code)

    def command(self, *words: str, code: int = 0) -> str:
        out, ended = io.StringIO(), 0
        with (
            contextlib.chdir(self.home),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(out),
            mock.patch.object(sys, "argv", ["isinglass", *words]),
        ):
            try:
                main()
            except SystemExit as end:
                ended = int(end.code or 0)
        assert ended == code, f"exit {ended}, not {code}:\n{out.getvalue()}"
        return out.getvalue()

    @property
    def newest(self) -> Submission:
        return jobs.submissions(self.root)[-1]

    def status(self) -> str:
        lines, code = presentation.status(self.root)
        assert code in (0, 3), lines
        return "\n".join(lines)

    def done(self) -> int:
        """Simulations that are done, by the ledger."""
        store = current(self.root) if self.root.is_dir() else None
        if store is None:
            return 0
        return sum(1 for p in store.ledger.glob("*.done"))

    def finished(self) -> list[str]:
        """What each finishing job printed last, of those that have run."""
        return [p.read_text(encoding="utf-8") for p in sorted(self.root.glob("jobs/*/finish.out"))]

    def whole(self) -> None:
        """Everything is there, with the bytes of the reference, and nothing is in flight."""
        rig.check(rig.data(self.root), self.workflow)
        store = current(self.root)
        assert store is not None
        assert not list(store.ledger.glob("*.run"))
        text = self.status()
        assert f"done {SIMULATIONS} of {SIMULATIONS}, failed 0, pending 0" in text


def numbers(text: str) -> dict[str, int]:
    """`shares   3 complete, 2 running` as a mapping."""
    line = next(line for line in text.splitlines() if line.strip().startswith("shares  "))
    return {word: int(n) for n, word in re.findall(r"(\d+) ([a-z ]+)", line)}


missing = {"slurm": slurm_missing, "sge": sge_missing}


def needs(name: str) -> pytest.MarkDecorator:
    reason = missing[name]()
    return pytest.mark.skipif(bool(reason), reason=reason)


node_command = pytest.mark.skipif(shutil.which("slurm-node") is None, reason="no slurm-node on PATH")
