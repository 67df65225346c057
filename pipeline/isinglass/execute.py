"""Blocks -> results in the store: what a worker does with a block, the serial reference loop, the Dask window."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass import ledger
from isinglass.cluster import Lookout
from isinglass.continuation import shorter_runs
from isinglass.dataset import Store, read_block, variables, write_block
from isinglass.entries import codes, several
from isinglass.exceptions import InputError
from isinglass.isolation import cell
from isinglass.kernels.jit import compiling
from isinglass.ledger import DamagedError
from isinglass.models.base import Model
from isinglass.planning import PENDING, Request, block_name
from isinglass.provenance import code_of, machine, now, versions
from isinglass.simulation import Call, Work, beside, compute, failures_within, here
from isinglass.source import ModelReference
from isinglass.sweep import Grid
from isinglass.travel import fetch

if TYPE_CHECKING:
    from distributed import Client

PASSES = 3  # how often a task is sent whose workers die, beyond what the scheduler itself tries
ANSWER_SECONDS = 3.0  # for the report of a task that has ended: kilobytes
WINDOW = 4  # tasks in flight per slot: enough that no worker waits, few enough that a stop leaves little behind


# ---------------------------------------------------------------- what travels


@dataclass(frozen=True)
class Context:
    """What every task of a run needs to know: where the store is, which model, how fast it is expected to be.

    `until`: when the job ends that the run is in, seconds since 1970: a block that would end later is not begun.
    """

    root: str
    number: int
    model: ModelReference
    code: str
    request: str
    pace: float
    stop_file: str
    limit: float | None = None
    alone: bool = False
    until: float | None = None
    isinglass: str = ""


@dataclass(frozen=True)
class Job:
    """One block to fill. `part`: the grid of its points (its model class travels by reference, in the context)."""

    index: tuple[int, ...]
    part: Grid
    request: Request
    retry_failed: bool
    seconds: float

    @classmethod
    def of(cls, store: Store, grid: Grid, request: Request, index: tuple[int, ...], seconds: float, retry: bool) -> Job:
        box = store.blocks.slices(index)
        return cls(index, replace(grid.part(box[:-2]), model=Model), request.within(box), retry, seconds)


@dataclass
class Report:
    """What comes back from a worker of one block: small."""

    index: tuple[int, ...]
    computed: int = 0
    failed: int = 0
    cpu_seconds: float = 0.0
    superseded: bool = False
    lost: str = ""
    refused: OSError | InputError | None = None
    failures: list[dict[str, Any]] = field(default_factory=list)


# ---------------------------------------------------------------- what a worker does


def run_task(context: Context, jobs: Sequence[Job]) -> list[Report]:
    """Fill blocks one after the other; a stop is looked for before each block and within it about every second."""
    folder = Path(context.root) / ".store" / str(context.number)
    try:
        model = _same_code(context)
        store = _open(folder, (folder / "declaration.json").stat().st_mtime_ns)
        fetch(store.root, model, [job.part for job in jobs])
    except (OSError, InputError) as error:
        return [Report(jobs[0].index, refused=error)]
    out = []
    stop = functools.partial(os.path.exists, context.stop_file)
    for job in jobs:
        if stop() or (context.until is not None and time.time() + job.seconds > context.until):
            break
        if ledger.deaths_at(store.ledger, block_name(job.index)) >= ledger.DEATHS:
            context = replace(context, alone=True)  # and so for the blocks behind it, which may be like it
        try:
            with compiling(context.code):  # the first block, where no process of this kind of machine has run the code
                out.append(_run_block(context, store, model, job, stop))
        except OSError as error:  # a full disk, say: told by the client, since a worker would print a traceback
            out.append(Report(job.index, superseded=store.superseded, refused=error))
        if out[-1].superseded or out[-1].refused is not None:
            break
    return out


@functools.lru_cache(maxsize=4)
def _same_code(context: Context) -> type[Model]:
    """The model, once this process is known to compute what the run would. Raises InputError with what differs."""
    model = context.model.load()
    found, version, host = code_of(model), versions()["isinglass"], machine()["host"]
    if context.isinglass and version != context.isinglass:
        raise InputError(f"worker {host} has Isinglass {version}, the run {context.isinglass}: install the same there")
    if found.hash != context.code:
        try:
            path = Path(context.root) / ".store" / "code" / f"{context.code}.json"
            run = ledger.read_twice(path)["definitions"]
            names = sorted(n for n in {*found.definitions, *run} if found.definitions.get(n) != run.get(n))
        except (DamagedError, FileNotFoundError):
            names = [f"{found.hash}, not {context.code}"]
        raise InputError(f"worker {host} has other code than the run ({', '.join(names)}): install the same there")
    return model


@functools.lru_cache(maxsize=4)
def _open(folder: Path, stamp: int) -> Store:
    del stamp  # another store may stand at the same path later: then it is opened anew
    return Store(folder.parent.parent, int(folder.name), folder, ledger.read_twice(folder / "declaration.json"))


def _run_block(context: Context, store: Store, model: type[Model], job: Job, stop: Callable[[], bool]) -> Report:
    if store.superseded:
        return Report(job.index, superseded=True)
    name, box = block_name(job.index), store.blocks.slices(job.index)
    part = replace(job.part, model=model)
    shape = tuple(s.stop - s.start for s in box)
    attempts = ledger.begin(store.ledger, name, {"request": context.request})
    with ledger.locked(store.ledger, name):
        work = _stored(store, name, box, model) or Work.empty(model, shape, store.declaration["own"])
    before = work.status
    # the request's arrays are the block's own: slices from 0, but samples and replicas stay absolute
    local = (*(slice(0, n) for n in shape[:-2]), *box[-2:])
    work.status = job.request.status(local, before)
    wanted = job.request.wanted(local, work.status, job.retry_failed)
    first = (box[-2].start, box[-1].start)
    work.status[wanted] = PENDING
    work.failures = failures_within(part, first, work.status, work.failures)
    known_failures = len(work.failures)
    work.shorter = shorter_runs(store, model, box, work, context.code)
    with caller(context, stop) as call:
        compute(part, first, wanted, work, context.pace, stop, call)
        work.cpu_seconds += getattr(call, "cpu_seconds", 0.0)
    new = work.failures[known_failures:]
    report = Report(job.index, work.computed, len(new), work.cpu_seconds, failures=new[:8])
    if not work.computed and np.array_equal(work.status, before):
        (store.ledger / f"{name}.run").unlink(missing_ok=True)
        return report
    with ledger.locked(store.ledger, name):
        meanwhile = _stored(store, name, box, model)
        if meanwhile is not None:
            work.adopt(meanwhile)
            work.failures = failures_within(part, first, work.status, work.failures)
        entry = {
            **machine(),
            "pid": os.getpid(),
            "code": context.code,
            "request": context.request,
            "attempts": attempts,
            "seconds": round(work.seconds, 6),
            "cpu_seconds": round(work.cpu_seconds, 6),
            "written": now(),
            "failures": work.failures,
            **several({*work.codes, context.code}),
        }
        entry["chunks"] = write_block(store, box, work.variables)
        ledger.commit(store.ledger, name, work.status, entry)
    _log(store.root, {"time": now(), "block": name, "computed": work.computed, **entry})
    return report


@contextlib.contextmanager
def caller(context: Context, stop: Callable[[], bool]) -> Iterator[Call]:
    """How to call a block's model: here, or, under a time limit or after two deaths, in a process of its own."""
    if context.model.portable and (context.alone or context.limit is not None):
        with cell(context.model, context.limit, Path(context.root), stop) as alone:
            yield alone
    else:
        yield here


def _stored(store: Store, name: str, box: tuple[slice, ...], model: type[Model]) -> Work | None:
    """What an earlier run, or another process just now, has committed of a block; None where that is nothing whole."""
    suffix = ledger.suffix_of(store.ledger, name)
    if suffix is None:
        return None
    try:
        entry = ledger.read_entry(store.ledger, name, suffix)
        stored = read_block(store, box, variables(model), entry.get("chunks"))
        stored = {name: np.ascontiguousarray(values) for name, values in stored.items()}
    except (DamagedError, FileNotFoundError):
        return None
    status, elapsed = stored.pop("status"), stored.pop("elapsed")
    return Work(stored, status, elapsed, failures=list(entry.get("failures", [])), codes=set(codes(entry)))


_log_lock = threading.Lock()


def _log(root: Path, event: dict[str, Any]) -> None:
    """One JSON line a block in `log/`, a file per process."""
    folder = root / "log"
    folder.mkdir(exist_ok=True)
    with _log_lock, (folder / f"{machine()['host']}-{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(event) + "\n")


def _accepted(reports: list[Report]) -> list[Report]:
    """Reports as they are. Raises OSError, InputError where a worker could not use the store or the model."""
    for report in reports:
        if report.refused is not None and not report.superseded:
            raise report.refused
    return reports


# ---------------------------------------------------------------- who does it


def serial(
    context: Context, tasks: Iterable[Sequence[Job]], stopping: Callable[[], float | None]
) -> Iterator[list[Report]]:
    """The reference: one task after the other, until somebody asks for a stop."""
    for jobs in tasks:
        reports = beside(run_task, context, jobs)
        while not wait([reports], timeout=0.2).done:
            deadline = stopping()
            if deadline is not None and time.monotonic() > deadline:
                return
        yield _accepted(reports.result())
        if stopping() is not None:
            return


def distribute(
    client: Client,
    context: Context,
    tasks: Iterable[Sequence[Job]],
    stopping: Callable[[], float | None],
    tick: Callable[[], None],
    slots: int,
    hopeless: Callable[[], str] | None = None,
) -> Iterator[list[Report]]:
    """Keep a window of tasks in flight on a Dask cluster; yields the reports of each task as it ends.

    `stopping()`: the time (monotonic) after which nobody waits any more, or None; `tick()` is called while waiting;
    `slots`: simulations at once, as far as known; `hopeless`: see Lookout. A task whose worker died comes back as
    reports with `lost` set: its blocks are missing, not failed. Where the scheduler or the last worker is gone, what is
    in flight is lost and nothing more is sent.
    """
    from distributed import as_completed

    lookout = Lookout(client, slots, hopeless)
    queue = iter(tasks)
    again: list[tuple[Sequence[Job], int]] = []
    flying: dict[Any, tuple[Sequence[Job], int]] = {}
    done = as_completed(raise_errors=False, loop=client.loop)
    numbers = itertools.count()

    def feed() -> None:
        while client.status == "running" and len(flying) < WINDOW * lookout.threads:
            jobs, passes = again.pop() if again else (next(queue, ()), 1)
            if not jobs:
                return
            future = client.submit(
                run_task, context, jobs, key=(f"block-{context.request}", next(numbers)), pure=False,
                priority=int(1e3 * sum(j.seconds for j in jobs)),
            )  # fmt: skip
            flying[future] = jobs, passes
            done.add(future)

    while not lookout.ready() and not lookout.alone() and stopping() is None:
        time.sleep(0.02)
        tick()
    feed()
    while flying or (again and stopping() is None):
        deadline = stopping()
        if deadline is not None and time.monotonic() > deadline:
            return
        batch = done.next_batch(block=False)
        if not batch:
            time.sleep(0.005)
            tick()
            why = lookout.alone()
            if why:
                yield [Report(j.index, lost=why) for jobs, _ in [*flying.values(), *again] for j in jobs]
                return
        for future in batch:
            jobs, passes = flying.pop(future)
            if future.status == "finished":
                try:
                    reports = future.result(timeout=ANSWER_SECONDS)
                except Exception:  # its worker died with the answer; the blocks are committed, and found so
                    again.append((jobs, passes))
                else:
                    yield _accepted(reports)
            elif future.status != "error":  # the connection to the scheduler broke; it may come back
                again.append((jobs, passes))
            else:
                error = future.exception()
                if isinstance(error, (OSError, InputError)):
                    raise error
                if passes < PASSES and client.status == "running":
                    again += [([job], passes + 1) for job in jobs]
                else:
                    yield [Report(j.index, lost=f"{type(error).__name__}: {error}") for j in jobs]
            future.release()
        if deadline is None:
            feed()
