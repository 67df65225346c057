"""What a run tells while it works: a live line on a terminal or in a notebook, a plain line every 30 s elsewhere."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from isinglass.execute import Report

PLAIN_SECONDS = 30.0
NOTEBOOK_SECONDS = 0.3


class Talk:
    """Where messages go: `say` prints a line to standard output, or nothing where `quiet`."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.notebook = Console(file=sys.stdout).is_jupyter
        # in a notebook too lines are text of one stream; rich would show each as a piece of HTML
        self.console = Console(file=sys.stdout, highlight=False, soft_wrap=True, force_jupyter=False)

    def say(self, text: str = "") -> None:
        if not self.quiet:
            self.console.print(text, markup=False)

    @property
    def live(self) -> bool:
        return not self.quiet and self.console.is_terminal


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

    @property
    def rate(self) -> float:
        """Simulations a second."""
        return self.done / self.elapsed if self.elapsed else 0.0

    def line(self) -> str:
        return f"{self.done}/{self.total} simulations, {self.failed} failed, {self.rate:.0f}/s, {self.left} left"

    def end(self) -> str:
        """The line of a run that has ended, complete or not."""
        took = duration(self.elapsed)
        return f"{self.done}/{self.total} simulations, {self.failed} failed, {self.rate:.0f}/s, in {took}"


class Bar(Protocol):
    """What shows a counter and can be told to look again."""

    def show(self, counter: Counter) -> None: ...


class TerminalBar:
    """A live line at the bottom of a terminal."""

    def __init__(self, bar: Progress, counter: Counter) -> None:
        self.bar = bar
        self.task = bar.add_task("run", total=counter.total, failed=0, rate="0", left="?")

    def show(self, counter: Counter) -> None:
        rate = f"{counter.rate:.0f}"
        self.bar.update(self.task, completed=counter.done, failed=counter.failed, rate=rate, left=counter.left)


class NotebookBar:
    """One output of a cell, replaced as the run goes on: HTML's own bar, and plain text for who shows no HTML.

    No widget, so that nothing else need be installed, and the saved notebook holds how the run ended.
    """

    def __init__(self, counter: Counter) -> None:
        from IPython.display import display

        self.last = time.monotonic()
        show: Any = display
        self.handle = show(self.content(counter), raw=True, display_id=uuid.uuid4().hex)

    @staticmethod
    def content(counter: Counter, ended: bool = False) -> dict[str, str]:
        line = counter.end() if ended else counter.line()
        words = f'<progress style="width: 20em" max="{counter.total}" value="{counter.done}"></progress> {line}'
        return {"text/html": f'<div style="font-variant-numeric: tabular-nums">{words}</div>', "text/plain": line}

    def show(self, counter: Counter) -> None:
        if time.monotonic() - self.last > NOTEBOOK_SECONDS:
            self.last = time.monotonic()
            self.handle.update(self.content(counter), raw=True)

    def end(self, counter: Counter) -> None:
        self.handle.update(self.content(counter, ended=True), raw=True)


@contextmanager
def progress(talk: Talk, counter: Counter) -> Iterator[Bar | None]:
    """A live bar on a terminal and in a notebook; elsewhere `tick` prints the plain line."""
    if talk.notebook and not talk.quiet:
        shown = NotebookBar(counter)
        try:
            yield shown
        finally:
            shown.end(counter)
    elif talk.live:
        columns = (
            TextColumn("simulations"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[failed]} failed"),
            TextColumn("{task.fields[rate]}/s"), TimeElapsedColumn(), TextColumn("{task.fields[left]} left"),
        )  # fmt: skip
        with Progress(*columns, console=talk.console, transient=True) as bar:
            yield TerminalBar(bar, counter)
    else:
        yield None


class Ticker:
    """Shows a counter: on the live bar at each call, elsewhere at most every 30 s."""

    def __init__(self, talk: Talk, counter: Counter, bar: Bar | None) -> None:
        self.talk, self.counter, self.bar = talk, counter, bar
        self.last = time.monotonic()

    def tick(self) -> None:
        if self.bar is not None:
            self.bar.show(self.counter)
        elif time.monotonic() - self.last > PLAIN_SECONDS:
            self.last = time.monotonic()
            self.talk.say(self.counter.line())


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
