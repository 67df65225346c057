"""Blocks -> results in the store: what a worker does with a block, the serial reference loop, the Dask window."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import math
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
from isinglass.dataset import Store, read_block, variables, write_block
from isinglass.exceptions import InputError
from isinglass.isolation import Cell, cell, warm
from isinglass.keys import states
from isinglass.ledger import DamagedError
from isinglass.models.base import Model, construct
from isinglass.planning import PENDING, Pilot, Request, block_name, pilot_points
from isinglass.provenance import machine, now
from isinglass.simulation import Call, Work, beside, compute, failures_within, here
from isinglass.source import ModelReference
from isinglass.sweep import Grid
from isinglass.travel import fetch

if TYPE_CHECKING:
    from distributed import Client

LAG = 0.0025  # seconds: half the interpreter's switch interval
PILOT_SECONDS = 3.0
PASSES = 3  # how often a task is sent whose workers die, beyond what the scheduler itself tries
WINDOW = 4  # tasks in flight per slot: enough that no worker waits, few enough that a stop leaves little behind


# ---------------------------------------------------------------- what travels


@dataclass(frozen=True)
class Context:
    """What every task of a run needs to know: where the store is, which model, how fast it is expected to be."""

    root: str
    number: int
    model: ModelReference
    code: str
    request: str
    pace: float
    stop_file: str
    limit: float | None = None
    alone: bool = False


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
    failures: list[dict[str, Any]] = field(default_factory=list)


# ---------------------------------------------------------------- what a worker does


def run_task(context: Context, jobs: Sequence[Job]) -> list[Report]:
    """Fill blocks one after the other; a stop is looked for before each block and within it about every second."""
    model = context.model.load()
    folder = Path(context.root) / ".store" / str(context.number)
    store = _open(folder, (folder / "declaration.json").stat().st_mtime_ns)
    fetch(store.root, model, [job.part for job in jobs])
    out = []
    stop = functools.partial(os.path.exists, context.stop_file)
    for job in jobs:
        if stop():
            break
        out.append(_run_block(context, store, model, job, stop))
        if out[-1].superseded:
            break
    return out


@functools.lru_cache(maxsize=4)
def _open(folder: Path, stamp: int) -> Store:
    del stamp  # another store may stand at the same path later: then it is opened anew
    return Store(folder.parent.parent, int(folder.name), folder, ledger.read_json(folder / "declaration.json"))


def _run_block(context: Context, store: Store, model: type[Model], job: Job, stop: Callable[[], bool]) -> Report:
    if store.superseded:
        return Report(job.index, superseded=True)
    name, box = block_name(job.index), store.blocks.slices(job.index)
    part = replace(job.part, model=model)
    shape = tuple(s.stop - s.start for s in box)
    attempts, deaths = ledger.begin(store.ledger, name, {"request": context.request})
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
    with caller(context, deaths, stop) as call:
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
        }
        write_block(store, box, work.variables)
        ledger.commit(store.ledger, name, work.status, entry)
    _log(store.root, {"time": now(), "block": name, "computed": work.computed, **entry})
    return report


@contextlib.contextmanager
def caller(context: Context, deaths: int, stop: Callable[[], bool]) -> Iterator[Call]:
    """How to call a block's model: here, or, under a time limit or after two deaths, in a process of its own."""
    if context.model.portable and (context.alone or context.limit is not None or deaths >= ledger.DEATHS):
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
        stored = {k: np.ascontiguousarray(v) for k, v in read_block(store, box, variables(model)).items()}
    except (DamagedError, FileNotFoundError):
        return None
    status, elapsed = stored.pop("status"), stored.pop("elapsed")
    return Work(stored, status, elapsed, failures=list(entry.get("failures", [])))


_log_lock = threading.Lock()


def _log(root: Path, event: dict[str, Any]) -> None:
    """One JSON line a block in `log/`, a file per process."""
    folder = root / "log"
    folder.mkdir(exist_ok=True)
    with _log_lock, (folder / f"{machine()['host']}-{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(event) + "\n")


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
        yield reports.result()
        if stopping() is not None:
            return


def distribute(
    client: Client,
    context: Context,
    tasks: Iterable[Sequence[Job]],
    stopping: Callable[[], float | None],
    tick: Callable[[], None],
) -> Iterator[list[Report]]:
    """Keep a window of tasks in flight on a Dask cluster; yields the reports of each task as it ends.

    `stopping()`: the time (monotonic) after which nobody waits any more, or None; `tick()` is called while waiting. A
    task whose worker died comes back as reports with `lost` set: its blocks are missing, not failed. Where the
    scheduler or the last worker is gone, what is in flight is lost and nothing more is sent.
    """
    from distributed import as_completed

    lookout = Lookout(client)
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
                yield future.result()
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


# ---------------------------------------------------------------- the pilot


def pilot(grid: Grid, cost: np.ndarray, cores: int, alone: Cell | None = None) -> Pilot:
    """Time a few simulations: seconds a unit of cost, and whether the model holds the GIL.

    Compiles the kernels on the way, so that workers load them from the cache. A point that raises is passed over: the
    run will say so.
    `alone`: what computes the simulations where this process must not; then nothing is learnt of the GIL.
    """
    return beside(_pilot, grid, cost, cores, alone).result()


def _pilot(grid: Grid, cost: np.ndarray, cores: int, alone: Cell | None) -> Pilot:
    if alone is None:
        warm(grid.model)
    timed: list[_Timed] = []
    began = time.perf_counter()
    for index in pilot_points(cost):
        if time.perf_counter() - began > PILOT_SECONDS:
            break  # long simulations: these will have to do
        with contextlib.suppress(Exception):
            timed.append(_timed(grid, index, alone or here))
    if not timed:
        guess = 0.01 / float(cost.max())
        return Pilot(guess, guess, guess, timed=False)
    paces = [t.seconds / t.cost for t in timed]
    mean = sum(t.seconds for t in timed) / sum(t.cost for t in timed)
    middle = min(timed, key=lambda t: abs(t.wall - 0.02))
    if cores == 1 or middle.wall > 10 or alone is not None:
        return Pilot(mean, min(paces), max(paces))
    speedup = max(_speedup(middle.call) for _ in range(2))
    holds = speedup < 1.3 and _lag(middle.call, middle.wall) > LAG
    return Pilot(mean, min(paces), max(paces), speedup=min(max(speedup, 1.0), 2.0), holds_gil=holds)


@dataclass(frozen=True)
class _Timed:
    """A call that was timed: its wall time, and seconds and cost of one simulation in it."""

    call: Callable[[], object]
    wall: float
    seconds: float
    cost: float


def _timed(grid: Grid, index: tuple[int, ...], simulate: Call) -> _Timed:
    """A call of some 10 ms at one point, the faster of two; or a single simulation, where that is longer."""
    point = grid.point(index)
    model, lanes = construct(grid.model, point), range(grid.model.lanes)
    disorder = states(grid.keys.disorder(point, {}, [0]))
    pairs = 1
    while True:
        noise = states(grid.keys.noise(point, {}, range(pairs), lanes))
        call = functools.partial(
            simulate, grid.model, [model] * pairs, np.repeat(disorder, pairs, 0), noise.reshape(pairs, -1, 4)
        )
        seconds = math.inf
        for _ in range(2):  # the first call may still compile; a long one does not care
            began = time.perf_counter()
            call()
            seconds = min(seconds, max(time.perf_counter() - began, 1e-9))
            if seconds > PILOT_SECONDS:
                break
        if seconds > 0.005 or pairs == 4096:
            return _Timed(call, seconds, seconds / (pairs * len(lanes)), model.cost())
        pairs = min(4096, math.ceil(0.01 / seconds * pairs), 64 * pairs)


def _lag(call: Callable[[], object], seconds: float) -> float:
    """Median seconds that another thread waits for the GIL while `call` runs.

    A sleeper wakes in well under a millisecond, also on a busy machine, if the GIL is free; it waits for the switch
    interval (5 ms) where Python code runs, and to the end where compiled code holds it.
    """
    lags: list[float] = []
    over = threading.Event()

    def sleeper() -> None:
        while not over.is_set():
            began = time.perf_counter()
            time.sleep(0.001)
            lags.append(time.perf_counter() - began - 0.001)

    thread = threading.Thread(target=sleeper)
    thread.start()
    for _ in range(max(1, round(0.1 / seconds))):
        call()
    over.set()
    thread.join()
    return float(np.median(lags))


def _speedup(call: Callable[[], object]) -> float:
    """How many times faster two threads are than one: about 1 where the GIL is held."""
    began = time.perf_counter()
    call()
    call()
    alone = time.perf_counter() - began
    threads = [threading.Thread(target=call) for _ in range(2)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return alone / (time.perf_counter() - began)
