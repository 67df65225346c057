"""Run a workflow: the one place where sweep, store, cluster, analysis and figures meet."""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from isinglass import jobqueue, jobs, ledger, pilot, registering, results
from isinglass.cluster import connect
from isinglass.convergence import advice
from isinglass.coordinates import own_dims
from isinglass.dataset import Store
from isinglass.declaring import check_portable, declare, record_request
from isinglass.exceptions import InputError
from isinglass.execute import Context, Job, distribute, serial
from isinglass.generations import current
from isinglass.inspection import committed
from isinglass.isolation import close_cells
from isinglass.ledger import Json
from isinglass.planning import Pilot, Request, pack, tally
from isinglass.plans import (
    TASK_SECONDS,
    Asked,
    Options,
    Plan,
    Undone,
    find_undone,
    plan_of,
)
from isinglass.profiles import DASK, SCHEDULERS, Profile, cores, load_profile
from isinglass.progress import Counter, Talk, Ticker, duration, progress
from isinglass.provenance import versions
from isinglass.sealing import seal
from isinglass.sweep import Grid
from isinglass.workflow import Workflow

if TYPE_CHECKING:
    from distributed import Client

GRACE = 4.0  # seconds that a stopped run waits for what is in flight
ECHO = 2.0  # within which a second SIGTERM is the first: a job's shell gets it as we do, and passes it on
WARNS = hasattr(signal, "SIGUSR1")
WARNING = 60.0  # seconds that are left after SIGUSR1 where the job script does not say


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `counts`: of the asked simulations, done, failed and pending."""

    root: Path
    counts: dict[str, int]
    exit_code: int


def run(workflow: Workflow, options: Options, talk: Talk) -> Outcome:
    """Compute what is missing of a workflow, then analyse and draw. Raises InputError for what cannot be run."""
    profile = load_profile(options.cluster)
    if profile.kind in SCHEDULERS:
        raise InputError(
            f"profile {profile.name} submits job arrays: isinglass submit {workflow.name} --cluster {profile.name} "
            "--jobs N; run takes profiles of this machine, of a Dask cluster (slurm-dask, ...) and addresses"
        )
    jobqueue.join(profile)
    with ExitStack() as clusters:
        client_of = functools.cache(lambda profile: clusters.enter_context(connect(profile)))

        def declaring() -> None:
            if profile.kind == "processes":
                client_of(profile)  # they start while the store is declared

        declared = declare(workflow, options, profile, talk, declaring)
        asked, store, grid = declared.asked, declared.store, declared.grid
        undone = find_undone(asked, grid, store.blocks, committed(store), options)
        name = record_request(store, asked, options.shard is not None)
        with _on_record(store.root, options.shard, undone.simulations) as record:
            if undone.jobs:
                _compute(asked, store, grid, undone, declared.pilot(), profile, client_of, options, talk, name, record)
            again = seal(store, workflow.model, declared.attributes, talk.say)
            newer = current(store.root)
            if not again and (newer is None or newer.number == store.number):
                outcome = _finish(asked, store, grid, options, talk)
                record["code"] = outcome.exit_code
                return outcome
    # another run extended the store meanwhile: what it did not take over is computed again, there
    return run(workflow, options, talk)


@contextmanager
def _on_record(root: Path, shard: tuple[int, int] | None, simulations: int) -> Iterator[Json]:
    """Log that this process begins, and how it ended: an exit code, unless it was killed."""
    job = os.environ.get("ISINGLASS_JOB", "")
    jobs.log(root, {"event": "begin", **ledger.me(), "job": job, "shard": shard, "simulations": simulations})
    end: Json = {"event": "end", "code": 2}
    try:
        yield end
    except KeyboardInterrupt:
        end["code"] = 130
        raise
    finally:
        jobs.log(root, end)


def _compute(
    asked: Asked,
    store: Store,
    grid: Grid,
    undone: Undone,
    measured: Pilot,
    profile: Profile,
    client_of: Callable[[Profile], Client],
    options: Options,
    talk: Talk,
    request_name: str,
    record: Json,
) -> None:
    profile = fitting(profile, measured, sum(cost for _, cost, _ in undone.jobs), asked, talk)
    plan = plan_of(asked, undone, own_dims(grid, undone.request.keep), measured, profile)
    talk.say(f"{asked.workflow.title or asked.workflow.name} -> {store.root}")
    for line in plan.lines(asked.grid):
        talk.say(f"  {line}")
    expected = {index: cost * measured.seconds for index, cost, _ in undone.jobs}
    packed = pack(expected.items(), min(TASK_SECONDS, plan.cpu_seconds / (16 * max(plan.slots, cores()))))

    def job(index: tuple[int, ...]) -> Job:
        return Job.of(store, grid, undone.request, index, expected[index], options.retry_failed)

    tasks = ([job(index) for index in members] for _, members in packed)  # built only when they are sent
    stop_file = store.root / ".store" / f"stop-{uuid.uuid4().hex}"
    context = Context(
        str(store.root.absolute()), store.number, asked.reference, asked.code.hash, request_name, measured.seconds,
        str(stop_file.absolute()), asked.workflow.time_limit, until=_seconds("ISINGLASS_UNTIL"),
        isinglass=versions()["isinglass"],
    )  # fmt: skip
    # worker processes are started again, and each block then looks after itself; this process can die only once
    fatal = [r["block"] for r in ledger.in_flight(store.ledger) if ledger.deaths_of(r) >= ledger.DEATHS]
    if fatal and asked.reference.portable and profile.kind in ("serial", "threads"):
        talk.say(
            f"  {ledger.DEATHS} processes died over block {fatal[0]}: simulations now run in processes of their own"
        )
        context = replace(context, alone=True)
    counter = Counter(plan.simulations, plan.cpu_seconds, plan.wall_seconds)
    with stopping(stop_file, context.until) as deadline, ExitStack() as stack:
        stack.callback(close_cells)
        client = None if profile.kind == "serial" else client_of(profile)
        ticker = Ticker(talk, counter, stack.enter_context(progress(talk, counter)))
        if client is None:
            stream = serial(context, tasks, deadline)
        else:
            if profile.kind in (*DASK, "slurm-runner") and (pages := jobqueue.dashboard(client)):
                talk.say(f"  dashboard     {pages}")
            hopeless = functools.partial(jobqueue.hopeless, client, profile) if profile.kind in DASK else None
            stream = distribute(client, context, tasks, deadline, ticker.tick, profile.slots, hopeless)
        try:
            for batch in stream:
                for report in batch:
                    counter.add(report, expected[report.index])
                ticker.tick()
        finally:
            record |= _costs(plan, counter)
    _settle(plan, counter, talk)


def _costs(plan: Plan, counter: Counter) -> Json:
    """What was planned, and what it was so far: simulations, CPU seconds, seconds."""
    return {
        "planned": {"simulations": plan.simulations, "cpu_seconds": plan.cpu_seconds if plan.pilot.timed else None,
                    "seconds": plan.wall_seconds if plan.slots and plan.pilot.timed else None},
        "actual": {"simulations": counter.done, "cpu_seconds": counter.cpu_seconds, "seconds": counter.elapsed},
    }  # fmt: skip


def _settle(plan: Plan, counter: Counter, talk: Talk) -> None:
    """Prediction beside what it was; the first failures; blocks that were lost."""
    talk.say(f"  {'':14}{'planned':>14}{'actual':>14}")
    talk.say(f"  {'simulations':14}{plan.simulations:>14}{counter.done:>14}")
    talk.say(f"  {'CPU time':14}{duration(plan.cpu_seconds):>14}{duration(counter.cpu_seconds):>14}")
    wall = duration(plan.wall_seconds) if plan.slots else "-"
    talk.say(f"  {'time':14}{wall:>14}{duration(counter.elapsed):>14}")
    for failure in counter.failures:
        at = " ".join(f"{k}={v}" for k, v in failure["parameters"].items())
        talk.say(f"  failed: {at} sample={failure['sample']} replica={failure['replica']}: {failure['error']}")
    if counter.lost:
        talk.say(f"  {len(counter.lost)} blocks were lost ({counter.lost[0]}): they are missing, not failed")


def fitting(profile: Profile, measured: Pilot, cost: float, asked: Asked, talk: Talk) -> Profile:
    """The profile; where threads would wait for each other, worker processes, or one thread if there is little work."""
    if profile.kind == "threads" and measured.threads_wait and profile.slots > 1:
        much = cost * measured.seconds > pilot.PROCESSES_PAY and asked.reference.portable
        how = "in processes" if much else "one at a time"
        talk.say(f"  threads would wait for each other, for Python's global lock: simulations run {how}")
        profile = load_profile("local") if much else replace(profile, workers=1, threads=1)
    check_portable(profile, asked)
    return profile


@contextmanager
def stopping(stop_file: Path, until: float | None = None) -> Iterator[Callable[[], float | None]]:
    """SIGINT and SIGTERM ask for a stop: workers see the file, commit what is done, and the run ends in a few seconds.

    SIGUSR1, by which batch systems warn before the walltime ends, asks for the same, but waits for what is in flight as
    long as the job script says (ISINGLASS_WARNING); so does the clock at `until`, seconds since 1970.

    Yields a function that tells until when to wait, or None while nobody asked. At the end raises KeyboardInterrupt if
    a person asked for a stop. A second such signal interrupts at once.
    """
    person: list[float] = []
    warned: list[float] = []

    def handle(number: int, frame: object) -> None:
        if person:
            if number == signal.SIGTERM and time.monotonic() < person[0] - GRACE + ECHO:
                return
            raise KeyboardInterrupt
        person.append(time.monotonic() + GRACE)
        stop_file.touch()

    def warn(number: int, frame: object) -> None:
        if not warned:
            warned.append(time.monotonic() + (_seconds("ISINGLASS_WARNING") or WARNING))
            stop_file.touch()

    def deadline() -> float | None:
        if until is not None and not warned and time.time() > until:
            warned.append(time.monotonic() + GRACE)
            stop_file.touch()
        return min([*person, *warned], default=None)

    main = threading.current_thread() is threading.main_thread()
    handlers = {signal.SIGINT: handle, signal.SIGTERM: handle, **({signal.SIGUSR1: warn} if WARNS else {})}
    old = {s: signal.signal(s, h) for s, h in handlers.items()} if main else {}
    try:
        yield deadline
    finally:
        for s, handler in old.items():
            signal.signal(s, handler)
        if not (person or warned):
            stop_file.unlink(missing_ok=True)
    if person:
        raise KeyboardInterrupt


def _seconds(name: str) -> float | None:
    """A number that a job script left in the environment."""
    try:
        return float(os.environ[name])
    except (KeyError, ValueError):
        return None


def _finish(asked: Asked, store: Store, grid: Grid, options: Options, talk: Talk) -> Outcome:
    workflow, root = asked.workflow, store.root
    request = Request.on(grid, asked.grid, asked.keep)
    counts = tally(store.blocks, request, committed(store))
    done = f"{counts['done']} of {sum(counts.values())} simulations are done"
    talk.say(f"{done}, {counts['failed']} failed, {counts['pending']} pending")
    for line in advice(store, asked.grid, request, sys.argv):
        talk.say(line)
    if options.shard is not None:
        tried = replace(options, retry_failed=False)  # what failed again has had its turn
        left = find_undone(asked, grid, store.blocks, committed(store), tried)
        return Outcome(root, counts, 3 if left.simulations else 1 if counts["failed"] else 0)
    analysed = bool(workflow.stages or workflow.figures) and counts["done"] > 0
    if analysed:
        ds = results.analyse(root, workflow)
        if options.figures:
            for line in results.draw(root, workflow, ds):
                talk.say(line)
        if workflow.stages:
            talk.say(f"analysis      {root / 'analysis.zarr'}")
    talk.say(f"data          {root / 'data.zarr'}")
    talk.say(f"open it       xr.open_zarr({str(root / 'data.zarr')!r})")
    if registered := registering.register(root):
        talk.say(registered)
    return Outcome(root, counts, 3 if counts["pending"] else 1 if counts["failed"] else 0)
