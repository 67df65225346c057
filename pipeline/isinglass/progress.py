"""What a run tells while it works: a live line on a terminal or in a notebook, a plain line every 30 s elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from isinglass.execute import Report

PLAIN_SECONDS = 30.0


class Talk:
    """Where messages go: `say` prints a line to standard output, or nothing where `quiet`."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.console = Console(file=sys.stdout, highlight=False, soft_wrap=True)

    def say(self, text: str = "") -> None:
        if not self.quiet:
            self.console.print(text, markup=False)

    @property
    def live(self) -> bool:
        return not self.quiet and (self.console.is_terminal or self.console.is_jupyter)


class Counter:
    """What has come back so far, and how long the rest will take at the expected cost."""

    def __init__(self, simulations: int, seconds: float, wall_seconds: float) -> None:
        self.total, self.expected, self.wall = simulations, seconds, wall_seconds
        self.done = self.failed = 0
        self.cpu_seconds = self.worked = 0.0
        self.failures: list[dict[str, Any]] = []
        self.lost: list[str] = []
        self.began = time.monotonic()

    def add(self, report: Report, expected_seconds: float) -> None:
        self.done += report.computed
        self.failed += report.failed
        self.cpu_seconds += report.cpu_seconds
        self.worked += expected_seconds
        self.failures += report.failures[: 3 - len(self.failures)]
        if report.lost:
            self.lost.append(report.lost)

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.began

    @property
    def left(self) -> str:
        """Time left, by the share of the expected work that is behind."""
        share = self.worked / self.expected if self.expected else 1.0
        return duration(self.elapsed * (1 - share) / share if share > 0 else max(self.wall - self.elapsed, 0.0))

    def line(self) -> str:
        rate = self.done / self.elapsed if self.elapsed else 0.0
        return f"{self.done}/{self.total} simulations, {self.failed} failed, {rate:.0f}/s, {self.left} left"


@contextmanager
def progress(talk: Talk, counter: Counter) -> Iterator[Progress | None]:
    """A live bar where there is a screen; otherwise `tick` prints the plain line."""
    if not talk.live:
        yield None
        return
    columns = (
        TextColumn("simulations"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[failed]} failed"),
        TextColumn("{task.fields[rate]}/s"), TimeElapsedColumn(), TextColumn("{task.fields[left]} left"),
    )  # fmt: skip
    with Progress(*columns, console=talk.console, transient=True) as bar:
        bar.add_task("run", total=counter.total, failed=0, rate="0", left="?")
        yield bar


class Ticker:
    """Shows a counter: on the live bar at each call, elsewhere at most every 30 s."""

    def __init__(self, talk: Talk, counter: Counter, bar: Progress | None) -> None:
        self.talk, self.counter, self.bar = talk, counter, bar
        self.last = time.monotonic()

    def tick(self) -> None:
        c = self.counter
        if self.bar is not None:
            rate = f"{c.done / c.elapsed:.0f}" if c.elapsed else "0"
            self.bar.update(self.bar.task_ids[0], completed=c.done, failed=c.failed, rate=rate, left=c.left)
        elif time.monotonic() - self.last > PLAIN_SECONDS:
            self.last = time.monotonic()
            self.talk.say(c.line())


def duration(seconds: float) -> str:
    """Seconds as a person reads them: 0.3 s, 42 s, 3 min 20 s, 5 h 12 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 90:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def size(n: float) -> str:
    """Bytes as a person reads them."""
    for unit in ("B", "kB", "MB", "GB"):
        if n < 1000:
            return f"{n:.3g} {unit}"
        n /= 1000
    return f"{n:.3g} TB"
