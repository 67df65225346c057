"""The pilot: a few simulations timed before a run, which its blocks, its plan and its backend rest on."""

from __future__ import annotations

import functools
import math
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np

from isinglass.isolation import Cell, warm
from isinglass.keys import states
from isinglass.models.base import construct, overrides
from isinglass.planning import Pilot, pilot_points
from isinglass.simulation import Call, FailedAlone, beside, here
from isinglass.sweep import Grid

PROCESSES_PAY = 15.0  # seconds of work from which starting worker processes (2 s; 5 s without bytecode) is worth it
HOLDS = 1.3  # two threads that are not even so many times as fast as one hold the lock, if others wait for it
LAG = 0.0025  # seconds: half the interpreter's switch interval
SHORT = 5e-5  # seconds: two threads that call so short simulations one by one take longer than one thread
PILOT_SECONDS = 3.0
PILOT_LIMIT = 10.0  # seconds: under a time limit, simulations that take longer count as so long


def pilot(grid: Grid, cost: np.ndarray, cores: int, alone: Cell | None = None) -> Pilot:
    """Time a few simulations: seconds a unit of cost, and whether threads would wait for each other.

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
        try:
            pace = timed[-1].seconds / timed[-1].cost if timed else None
            timed.append(_timed(grid, index, alone or here, float(cost[index]) * pace if pace else None))
        except FailedAlone as failure:
            if failure.limit is not None and failure.late:  # it takes at least that long
                timed.append(_Timed(lambda: None, failure.limit, failure.limit, float(cost[index])))
        except Exception:
            continue  # the run will say so
    if not timed:
        guess = 0.01 / float(cost.max())
        return Pilot(guess, guess, guess, timed=False)
    paces = [t.seconds / t.cost for t in timed]
    mean = sum(t.seconds for t in timed) / sum(t.cost for t in timed)
    middle = min(timed, key=lambda t: abs(t.wall - 0.02))
    if cores == 1 or middle.wall > 10 or alone is not None:
        return Pilot(mean, min(paces), max(paces))
    if middle.seconds * grid.model.lanes < SHORT and not overrides(grid.model, "simulate_batch"):
        return Pilot(mean, min(paces), max(paces), threads_wait=True)
    much = mean * cost.sum() * grid.samples * grid.replicas > PROCESSES_PAY
    if not much:
        return Pilot(mean, min(paces), max(paces))
    waits = _lag(middle.call, middle.wall) > LAG
    times = max(1, round(0.02 / middle.wall))
    # other work on the machine makes one comparison worth little: only several acquit who holds the lock
    speedup = min(_speedup(middle.call, 2 * times) for _ in range(3)) if waits else _speedup(middle.call, times)
    wait = waits and speedup < HOLDS
    return Pilot(mean, min(paces), max(paces), speedup=min(max(speedup, 1.0), 2.0), threads_wait=wait)


@dataclass(frozen=True)
class _Timed:
    """A call that was timed: its wall time, and seconds and cost of one simulation in it."""

    call: Callable[[], object]
    wall: float
    seconds: float
    cost: float


def _compiling(spent: list[float]) -> AbstractContextManager[object]:
    """Note the seconds that numba compiles within; nothing where no model has imported it."""
    if "numba" not in sys.modules:
        return nullcontext()
    from numba.core import event

    return event.install_timer("numba:compile", spent.append)


def _timed(grid: Grid, index: tuple[int, ...], simulate: Call, guess: float | None) -> _Timed:
    """A call of some 10 ms at one point; or a single simulation, where that is longer.

    `guess`: seconds of one simulation by the points before; at the first point there is none, and the call counts
    as the faster of two. Compiling, where `tiny` had no use for a kernel, does not count.
    """
    point = grid.point(index)
    model, lanes = construct(grid.model, point), range(grid.model.lanes)
    disorder = states(grid.keys.disorder(point, {}, [0]))
    pairs = 1 if guess is None else max(1, min(4096, round(0.01 / guess)))
    while True:
        noise = states(grid.keys.noise(point, {}, range(pairs), lanes))
        call = functools.partial(
            simulate, grid.model, [model] * pairs, np.repeat(disorder, pairs, 0), noise.reshape(pairs, -1, 4)
        )
        seconds = math.inf
        for _ in range(2 if guess is None else 1):
            spent: list[float] = []
            with _compiling(spent):
                began = time.perf_counter()
                call()
                took = time.perf_counter() - began
            seconds = min(seconds, max(took - sum(spent), 1e-9))
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

    thread = threading.Thread(target=sleeper, daemon=True)
    thread.start()
    for _ in range(max(1, round(0.05 / seconds))):
        call()
    over.set()
    thread.join()
    return float(np.median(lags))


def _speedup(call: Callable[[], object], times: int) -> float:
    """How many times faster two threads are than one: about 1 where the GIL is held."""

    def work() -> None:
        for _ in range(times):
            call()

    began = time.perf_counter()
    work()
    work()
    alone = time.perf_counter() - began
    threads = [threading.Thread(target=work, daemon=True) for _ in range(2)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return alone / (time.perf_counter() - began)
