"""What was submitted, and how far each share of a sweep is: `jobs/`, `log/`, and the scheduler's word.

The ledger alone says what is done. This says who was at work, and is right also where no scheduler answers.
"""

from __future__ import annotations

import json
import os
import shlex
import socket
import time
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from isinglass import ledger
from isinglass.ledger import DamagedError, Json
from isinglass.progress import duration
from isinglass.schedulers import ENDED, RUNNING, WAITING, States, scheduler

NAMED = 12  # shares that are told one by one
ASKED = 50  # submissions, the newest, after which a scheduler is asked


@dataclass(frozen=True)
class Submission:
    """One `isinglass submit`: `arrays` as (job id, shares of its elements), `jobs` shares in all, `finish` the id of
    the job that analyses, `request` what the elements ask."""

    folder: Path
    scheduler: str
    jobs: int
    arrays: tuple[tuple[str, tuple[int, ...]], ...]
    finish: str
    created: str
    request: str = ""

    @property
    def ids(self) -> list[str]:
        return [job for job, _ in self.arrays]

    def shares(self) -> Iterator[tuple[str, int, int]]:
        """(job id, element, share) of every element."""
        for job, shares in self.arrays:
            yield from ((job.partition("[")[0], element, share) for element, share in enumerate(shares))

    def write(self) -> None:
        ledger.write_json(
            self.folder / "submission.json",
            {
                "scheduler": self.scheduler,
                "jobs": self.jobs,
                "arrays": [{"id": job, "shares": list(shares)} for job, shares in self.arrays],
                "finish": self.finish,
                "created": self.created,
                "request": self.request,
            },
        )


def submissions(root: Path) -> list[Submission]:
    """All of a run folder, oldest first; what cannot be read is left out."""
    out = []
    for path in (root / "jobs").glob("*/submission.json"):
        try:
            r = ledger.read_json(path)
            arrays = tuple((str(a["id"]), tuple(map(int, a["shares"]))) for a in r["arrays"])
            made = Submission(path.parent, r["scheduler"], r["jobs"], arrays, r["finish"], r["created"], r["request"])
        except (DamagedError, FileNotFoundError, KeyError, TypeError, ValueError):
            continue
        out.append(made)
    return sorted(out, key=lambda s: int(s.folder.name) if s.folder.name.isdigit() else 0)


def states(made: Sequence[Submission]) -> States | None:
    """One scheduler's word on the elements of submissions and what waits for them, asked once; None: no answer."""
    ids = dict.fromkeys(job for submission in made for job in (*submission.ids, submission.finish))
    return scheduler(made[-1].scheduler).look(list(ids)) if made else None


# ---------------------------------------------------------------- what the processes wrote


@dataclass
class Share:
    """The last process that worked on one share. Times in seconds since 1970; `code`: its exit code, None before."""

    number: int
    count: int
    host: str
    pid: int
    born: str
    simulations: int
    began: float
    last: float
    computed: int = 0
    code: int | None = None

    @property
    def rate(self) -> float:
        """Simulations a second."""
        return self.computed / max(self.last - self.began, 1e-3)

    @property
    def left(self) -> float | None:
        """Seconds that the rest takes at that rate; None before the first block."""
        return (self.simulations - self.computed) / self.rate if self.computed else None

    @property
    def here(self) -> bool | None:
        """Whether the process lives; None where it is another host's."""
        if self.host != socket.gethostname():
            return None
        return ledger.alive({"host": self.host, "pid": self.pid, "born": self.born})


def log(root: Path, event: Json) -> None:
    """One JSON line in `log/`, in this process's file of beginnings and ends."""
    folder = root / "log"
    folder.mkdir(exist_ok=True)
    with (folder / f"{socket.gethostname()}-{os.getpid()}.events").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"at": round(time.time(), 3), **event}) + "\n")


def shares(root: Path) -> dict[tuple[int, int], Share]:
    """By (number, count): the newest process of each share, from `log/`."""
    out: dict[tuple[int, int], Share] = {}
    for path in sorted((root / "log").glob("*.events")):
        mine: list[Share] = []
        for event in _events(path):
            if event.get("event") == "begin" and event.get("shard") is not None:
                number, count = event["shard"]
                mine.append(
                    Share(
                        number, count, event["host"], event["pid"], event.get("born", ""), event["simulations"],
                        event["at"], event["at"],
                    )
                )  # fmt: skip
            elif event.get("event") == "end" and mine and mine[-1].code is None:
                mine[-1].code, mine[-1].last = event["code"], event["at"]
        for line in _events(path.with_suffix(".jsonl")) if mine else ():
            at = datetime.fromisoformat(str(line["time"])).timestamp()  # in whole seconds
            share = next((s for s in reversed(mine) if int(s.began) <= at), mine[0])
            share.computed += line.get("computed", 0)
            share.last = max(share.last, at)
        for share in mine:
            other = out.get((share.number, share.count))
            if other is None or other.began <= share.began:
                out[share.number, share.count] = share
    return out


def costs(root: Path) -> list[Json]:
    """What processes planned and what it was, oldest first, of those that computed and were not killed.

    `at`, `code`, `planned` and `actual` ({`simulations`, `cpu_seconds`, `seconds`}; None: not known) of each.
    """
    ends = (e for path in (root / "log").glob("*.events") for e in _events(path) if e.get("event") == "end")
    whole = (e for e in ends if isinstance(e.get("planned"), dict) and isinstance(e.get("actual"), dict))
    return sorted(whole, key=lambda e: float(e["at"]))


def at_work(root: Path) -> list[Json]:
    """Processes that say in `log/` that they began and not that they ended, less those known to be dead.

    `host`, `pid`, `born`, `shard` ([number, count] or None), `at` (when it began, seconds since 1970).
    """
    out = []
    for path in sorted((root / "log").glob("*.events")):
        mine = list(_events(path))
        if mine and mine[-1].get("event") == "begin" and ledger.alive(mine[-1]):
            out.append(mine[-1])
    return out


def _events(path: Path) -> Iterator[Json]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:  # no block of it is committed yet
        return
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:  # the last line of a process that was killed
            continue
        if isinstance(event, dict):
            yield event


# ---------------------------------------------------------------- both together


@dataclass(frozen=True)
class Heard:
    """What is heard of jobs: the newest submissions to one scheduler, its word on them, what processes wrote."""

    made: Sequence[Submission]
    asked: States | None
    known: Mapping[tuple[int, int], Share]


def ask(root: Path) -> Heard:
    """The scheduler first, the log then, to be followed by the ledger: what has ended by the word of one has left its
    word in the next."""
    made = submissions(root)
    made = [m for m in made if m.scheduler == made[-1].scheduler][-ASKED:]
    asked = states(made)
    known = shares(root) if made else {}
    if any(share.code is None and share.here is False for share in known.values()):
        known = shares(root)  # one that ended after its log was read is no dead one
    return Heard(made, asked, known)


def lines(root: Path, heard: Heard, missing: Container[int], complete: bool) -> Iterator[str]:
    """How far the newest submission is, and older ones whose elements it left at work, share by share; what to do next.

    Nothing where none was made. `missing`: the shares that the ledger does not call done.
    """
    made, asked, known = heard.made, heard.asked, heard.known
    if not made:
        return
    newest, place = made[-1], shlex.quote(str(root))
    yield f"  submitted {newest.created} to {newest.scheduler} as {', '.join(newest.ids)}: {newest.jobs} shares"
    if asked is None:
        yield f"  {newest.scheduler} does not answer here: what follows is by the log alone"
    element_of = {share: (job, n) for m in made if m.jobs == newest.jobs for job, n, share in m.shares()}
    told, words = [], Counter[str]()
    for number, (job, element) in sorted(element_of.items()):
        share = known.get((number, newest.jobs))
        if share is not None and share.code in (0, 1) and number in missing:
            share = None  # it was complete, and more has been asked since
        word, detail = word_of(share, None if asked is None else asked.get((job, element)))
        words[word] += 1
        if word not in ("complete", "waiting", "not begun"):
            told.append(f"    share {number}/{newest.jobs} ({job}_{element}): {word}{detail}")
    yield "  shares        " + ", ".join(f"{n} {word}" for word, n in words.most_common())
    yield from told[:NAMED]
    if len(told) > NAMED:
        yield f"    and {len(told) - NAMED} more"
    counted = set(element_of.values())
    others = {(job, n) for m in made for job, n, _ in m.shares()} - counted
    older = sum((asked or {}).get(key, ENDED) != ENDED for key in others)
    if older:
        yield f"    and {older} elements of earlier submissions wait or run"
    alive = words["running"] + words["waiting"] + older
    behind = _behind(newest, asked)
    if behind:
        yield f"  analysis      {behind}"
    if complete:
        if not (behind or alive or list(newest.folder.glob(f"*.o{newest.finish}*"))):
            yield f"  next          its last job has left no word: isinglass analyse {place}"
    elif alive:
        yield f"  next          wait: {alive} shares run or wait; isinglass status {place} looks again"
    elif words["unknown"] or (asked is None and words["not begun"]):
        yield f"  next          look where the commands of {newest.scheduler} answer: isinglass status {place}"
    else:
        yield "  next          the same isinglass submit sends what is missing"


def _behind(newest: Submission, asked: States | None) -> str:
    """What is known of the job behind the arrays; empty where nothing is."""
    job = newest.finish.partition("[")[0]
    state = None if asked is None or job in newest.ids else asked.get((job, 0))  # a DAG has but one id
    if state in (WAITING, RUNNING):
        return f"job {job} {'waits for them' if state == WAITING else 'runs'}"
    written = next(newest.folder.glob("finish*.out"), None)
    return f"job {job} has written {written}" if written else ""


def word_of(share: Share | None, state: str | None) -> tuple[str, str]:
    """One word for a share and the details, of what its last process wrote and what the scheduler says (or None)."""
    if share is None:
        return {WAITING: "waiting", RUNNING: "running", ENDED: "died"}.get(state or "", "not begun"), (
            " before it wrote anything" if state == ENDED else ""
        )
    progress = f", {share.computed} of {share.simulations} simulations"
    if share.code is not None:
        if state == WAITING:
            return "waiting", f" to go on{progress}"
        word = {0: "complete", 1: "complete", 3: "out of time", 130: "stopped"}.get(share.code, "refused")
        detail = {"refused": f" with exit code {share.code}"}.get(word, " with failed ones" if share.code == 1 else "")
        return word, detail + progress
    if state == WAITING:
        return "waiting", f" to run again{progress}"
    ago = duration(max(time.time() - share.last, 0))
    if state == ENDED or (state is None and share.here is False):
        return "died", f" on {share.host} {ago} ago or less{progress}"
    left = f", {duration(share.left)} left" if share.left is not None else ""
    word = "running" if state == RUNNING or share.here else "unknown"
    return word, f" on {share.host}{progress}, {share.rate:.3g}/s{left}, last heard of {ago} ago"
