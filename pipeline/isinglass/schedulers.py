"""What differs between batch systems: how to submit an array and what waits for it, how to ask after it, how to cancel.

Nothing here passes through a shell: commands are lists. The job scripts are templates in `cluster/*.j2`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from isinglass.exceptions import InputError, known

TIMED_OUT = 124
ANSWER_SECONDS = 30.0  # SLURM's commands give up on a dead controller after 9 s
WAITING, RUNNING, ENDED = "waiting", "running", "ended"
States = Mapping[tuple[str, int], str]


class Unanswered(InputError):
    """A scheduler did not say whether it took a job."""


@dataclass(frozen=True)
class Scheduler:
    """One batch system. `after(ids)`: the words that make a job wait until those have ended, however they ended.

    `base`: the index of an array's first element. `identifier`: the job's id in what `submit` prints.
    `states(text)` reads what `ask(ids)` prints: (job id, element from 0) -> waiting, running or ended. `index` and
    `job` are what a script's shell expands to its element's index and to the array's id. `stdin`: the script is read
    from standard input. `graph`: what waits for what is said in a file of its own (HTCondor's DAGMan).
    """

    name: str
    submit: tuple[str, ...]
    cancel: tuple[str, ...]
    base: int
    identifier: str
    after: Callable[[Sequence[str]], list[str]]
    ask: Callable[[Sequence[str]], list[str]]
    states: Callable[[str], dict[tuple[str, int], str]]
    index: str
    job: str
    stdin: bool = False
    graph: bool = False

    def check(self) -> None:
        """Raises InputError where the command that submits is not there."""
        if shutil.which(self.submit[0]) is None:
            raise InputError(
                f"{self.submit[0]} is not on PATH: {self.name} jobs are submitted where its commands are; "
                "--dry-run prints the script"
            )

    def send(self, script: Path, folder: Path, after: Sequence[str] = ()) -> str:
        """Submit a script from `folder`. Returns the job's id. Raises InputError with the scheduler's own words."""
        command = [*self.submit, *(self.after(after) if after else [])]
        text = None
        if self.stdin:
            text = script.read_text(encoding="utf-8")
        else:
            command.append(str(script))
        code, out, err = _call(command, folder, text)
        if code == TIMED_OUT:
            late = f"{self.submit[0]} did not answer within {ANSWER_SECONDS:g} s"
            raise Unanswered(f"{late}: whether it took {script.name} is not known")
        match = re.search(self.identifier, out)
        if code != 0 or match is None:
            said = " ".join((err or out).split()) or f"exit code {code}"
            raise InputError(f"{self.submit[0]} refused {script.name}: {said}")
        return match[1]

    def drop(self, ids: Sequence[str]) -> str:
        """Cancel jobs. Returns what the scheduler says where it does not do so, else nothing."""
        code, out, err = _call([*self.cancel, *ids], None)
        return "" if code == 0 else " ".join((err or out).split()) or f"{self.cancel[0]} ended with code {code}"

    def look(self, ids: Sequence[str]) -> dict[tuple[str, int], str] | None:
        """States of the elements that the scheduler still knows; None where it does not answer."""
        if not ids or shutil.which(self.ask(ids)[0]) is None:
            return None
        code, out, err = _call(self.ask(ids), None)
        if code != 0 and not UNKNOWN.search(err):
            return None
        wanted = {i.partition("[")[0] for i in ids}
        return {key: state for key, state in self.states(out).items() if key[0] in wanted}


UNKNOWN = re.compile(r"invalid job id|unknown job|do not exist|is not found|job history|has finished", re.IGNORECASE)


def _call(command: Sequence[str], folder: Path | None, text: str | None = None) -> tuple[int, str, str]:
    try:
        done = subprocess.run(
            command, cwd=folder, input=text if text is not None else "", capture_output=True, text=True,
            encoding="utf-8", errors="replace", timeout=ANSWER_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return TIMED_OUT, "", f"no answer within {ANSWER_SECONDS:g} s"
    except OSError as error:
        return 127, "", str(error)
    return done.returncode, done.stdout, done.stderr


def scheduler(name: str) -> Scheduler:
    """Raises InputError for an unknown name."""
    if name not in SCHEDULERS:
        raise InputError(f"there is no batch system {name!r}; {known(name, SCHEDULERS)}")
    return SCHEDULERS[name]


# ---------------------------------------------------------------- what their commands print


def _elements(text: str, first: int = 0) -> list[int]:
    """`3`, `0-4`, `1-9:2`, `0,3,5-7`, `[4-9%4]` as numbers from 0; nothing for what is no array element."""
    out: list[int] = []
    for part in text.strip("[]").partition("%")[0].split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+)(?::(\d+))?)?", part.strip())
        if match:
            low, high = int(match[1]), int(match[2] or match[1])
            out += [n - first for n in range(low, high + 1, int(match[3] or 1))]
    return out


def _slurm(text: str) -> dict[tuple[str, int], str]:
    words = {"PENDING": WAITING, "REQUEUED": WAITING, "REQUEUE_HOLD": WAITING, "SUSPENDED": WAITING}
    words |= dict.fromkeys(("RUNNING", "CONFIGURING", "COMPLETING", "STOPPED", "SIGNALING", "STAGE_OUT"), RUNNING)
    out = {}
    for line in text.splitlines():
        job, _, rest = line.strip().partition("|")
        element, _, state = rest.partition("|")
        for n in _elements(element) or [0]:
            out[job, n] = words.get(state.strip(), ENDED)
    return out


def _pbs(text: str) -> dict[tuple[str, int], str]:
    """`qstat -t`: `12[3].host name user time state queue`."""
    out = {}
    for line in text.splitlines():
        match = re.match(r"\s*(\d+)(?:\[(\d*)\])?\S*\s+.*\s([A-Z])\s+\S+\s*$", line)
        if match and match[2] != "":  # `12[]` is the whole array
            words = {"Q": WAITING, "H": WAITING, "W": WAITING, "T": WAITING, "S": WAITING, "R": RUNNING, "E": RUNNING}
            out[match[1], int(match[2] or 0)] = words.get(match[3], ENDED)
    return out


def _lsf(text: str) -> dict[tuple[str, int], str]:
    """`bjobs -noheader -o "jobid jobindex stat"`."""
    words = {"PEND": WAITING, "PSUSP": WAITING, "USUSP": WAITING, "SSUSP": WAITING, "WAIT": WAITING, "PROV": WAITING}
    words |= {"RUN": RUNNING, "UNKWN": RUNNING}  # its host does not answer: not ended by LSF's word
    rows = [line.split() for line in text.splitlines()]
    return {(r[0], max(int(r[1]) - 1, 0)): words.get(r[2], ENDED) for r in rows if len(r) == 3 and r[1].isdigit()}


def _sge(text: str) -> dict[tuple[str, int], str]:
    """`qstat`: id, priority, name, user, state, date, time, [queue], slots, [elements]."""
    out = {}
    for line in text.splitlines():
        row = line.split()
        if len(row) >= 8 and row[0].isdigit():
            state = RUNNING if set(row[4]) & set("rt") and "R" not in row[4].replace("Rr", "r") else WAITING
            for n in _elements(row[-1], 1) if len(row) > 9 or (state == WAITING and len(row) > 8) else [0]:
                out[row[0], n] = state
    return out


def _htcondor(text: str) -> dict[tuple[str, int], str]:
    """`condor_q -af DAGManJobId DAGNodeName JobStatus`: elements are the nodes `array_3`."""
    words = {"1": WAITING, "2": RUNNING, "5": WAITING, "6": RUNNING, "7": WAITING}
    rows = [line.split() for line in text.splitlines()]
    nodes = ((r[0], r[1].partition("_")[2], r[2]) for r in rows if len(r) == 3)
    return {(job, int(n)): words.get(state, ENDED) for job, n, state in nodes if n.isdigit()}


SCHEDULERS = {
    s.name: s
    for s in (
        Scheduler(
            "slurm", ("sbatch", "--parsable"), ("scancel",), 0, r"^(\d+)",
            lambda ids: ["--dependency=afterany:" + ":".join(ids)],
            lambda ids: ["squeue", "-r", "-h", "-t", "all", "-o", "%F|%K|%T", "-j", ",".join(ids)],
            _slurm, "${SLURM_ARRAY_TASK_ID}", "${SLURM_ARRAY_JOB_ID}",
        ),
        Scheduler(
            "pbs", ("qsub",), ("qdel",), 0, r"^(\d+(?:\[\])?)",
            lambda ids: ["-W", "depend=afterany:" + ":".join(ids)],
            lambda ids: ["qstat", "-t", "-x", *ids],
            _pbs, "${PBS_ARRAY_INDEX:-${PBS_ARRAYID:-0}}", "${PBS_JOBID%%[.[]*}",
        ),
        Scheduler(
            "torque", ("qsub",), ("qdel",), 0, r"^(\d+(?:\[\])?)",
            lambda ids: ["-W", "depend=" + ",".join(f"afteranyarray:{i}" for i in ids)],
            lambda ids: ["qstat", "-t", *ids],
            _pbs, "${PBS_ARRAYID:-${PBS_ARRAY_INDEX:-0}}", "${PBS_JOBID%%[.[]*}",
        ),
        Scheduler(
            "lsf", ("bsub",), ("bkill",), 1, r"Job <(\d+)>",
            lambda ids: ["-w", " && ".join(f"ended({i})" for i in ids)],
            lambda ids: ["bjobs", "-a", "-noheader", "-o", "jobid jobindex stat", *ids],
            _lsf, "${LSB_JOBINDEX}", "${LSB_JOBID}", stdin=True,
        ),
        Scheduler(
            "sge", ("qsub", "-terse"), ("qdel",), 1, r"^(\d+)",
            lambda ids: ["-hold_jid", ",".join(ids)],
            lambda ids: ["qstat"],
            _sge, "${SGE_TASK_ID}", "${JOB_ID}",
        ),
        Scheduler(
            "htcondor", ("condor_submit_dag", "-f"), ("condor_rm",), 0, r"submitted to cluster (\d+)",
            lambda ids: [],
            lambda ids: [
                "condor_q", "-constraint", " || ".join(f"DAGManJobId == {i}" for i in ids),
                "-af", "DAGManJobId", "DAGNodeName", "JobStatus",
            ],
            _htcondor, "$1", "${_CONDOR_JOB_AD:-}", graph=True,
        ),
    )
}  # fmt: skip
