"""Simulations in a process of their own: for those that may hang, crash or exhaust memory.

A cell is a child process that loads the model once and forks: the fork computes what is sent. When that dies, or is
killed for taking too long, the next fork takes milliseconds.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import faulthandler
import functools
import json
import math
import os
import pickle
import select
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from isinglass import arrays
from isinglass.models.base import Model, construct, parameters
from isinglass.simulation import SLICE_SECONDS, CellError, FailedAlone, Starts, Stopped, here
from isinglass.source import ModelReference

PATIENCE = 3.0  # seconds that a stop leaves to a call that is under way
START_SECONDS = 300.0  # imports, and compiling on a machine that is busy
TRACE_LINES = 40


class Died(Exception):
    """The process that computed is gone; the message is how, and its last words."""


class Cell:
    """A process that simulates; started when first called.

    `limit`: seconds that one simulation may take, or None; `root`: the run folder, which keeps the arrays. A call has
    the signature of `simulation.here`; it raises FailedAlone for what failed there, also where one simulation killed
    two processes, Stopped where `stop` asks, and CellError where no process can be had.
    """

    def __init__(self, model: ModelReference, limit: float | None, root: Path) -> None:
        self.model, self.limit, self.root = model, limit, root
        self.stop: Callable[[], bool] = lambda: False
        self.cpu_seconds = 0.0
        self.child: subprocess.Popen[bytes] | None = None
        self.fork = self.heard = self.asked = 0
        self.words: IO[bytes] | None = None
        self.news: IO[bytes] | None = None

    def __call__(
        self,
        model: type[Any],
        models: Sequence[Model],
        disorder: np.ndarray,
        noise: np.ndarray,
        starts: Starts | None = None,
        /,
    ) -> dict[str, np.ndarray]:
        names = list(parameters(model))
        points = [{name: getattr(m, name) for name in names} for m in models]
        alone = len(models) == 1 and noise.shape[1] == model.lanes
        seconds = None if self.limit is None else self.limit if alone else max(self.limit, 5 * SLICE_SECONDS)
        for last in (False, True) if alone else (True,):
            if self.child is None or self.child.poll() is not None:
                self._start()
            self._catch_up()
            try:
                answer = self._exchange((points, disorder, noise, starts), seconds)
            except Died as error:
                if last:
                    raise FailedAlone(str(error).partition("\n")[0], str(error), self.limit) from None
                continue
            if answer[0] != "done":
                raise FailedAlone(answer[1], answer[2], self.limit)
            self.cpu_seconds += answer[2]
            return cast("dict[str, np.ndarray]", answer[1])
        raise AssertionError

    def _start(self) -> None:
        self.close()
        self.words = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the child)
        reading, writing = os.pipe()
        self.news = os.fdopen(reading, "rb", buffering=0)
        code = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from isinglass.isolation import serve; "
        command = [sys.executable, "-c", f"{code} serve({writing})", json.dumps(sys.path)]
        try:
            self.child = _spawner().submit(_spawn, command, writing, self.words).result()
            assert self.child.stdin is not None
            _send(self.child.stdin, (self.model, self.root.absolute()))
            if not select.select([self.news], [], [], START_SECONDS)[0]:
                raise CellError(f"not ready after {START_SECONDS:g} s")
            self._hear()
        except (OSError, EOFError, Died) as error:
            told = str(error) or self._last_words()
            self.close()
            raise CellError(f"no process of its own could be started for a simulation: {told}") from error
        finally:
            os.close(writing)

    def _hear(self) -> None:
        """One piece of news from the child: which process computes now, and how the one before ended."""
        assert self.news is not None
        news = _receive(self.news)
        if news[0] == "broken":
            raise Died(news[1])
        self.fork, before = news[1], news[2]
        if before is not None:
            words = self._last_words()
            raise Died(f"{_how(before)}\n{words}")

    def _catch_up(self) -> None:
        """Whatever died while nobody asked is nobody's fault."""
        while select.select([cast("IO[bytes]", self.news)], [], [], 0)[0]:
            with contextlib.suppress(Died):
                self._hear()

    def _exchange(self, request: Any, seconds: float | None) -> Any:
        child, news = self.child, self.news
        assert child is not None
        assert news is not None
        assert child.stdin is not None
        assert child.stdout is not None
        self.asked += 1
        deadline = math.inf if seconds is None else time.monotonic() + seconds
        given_up = math.inf
        answer = bytearray()
        try:
            _send(child.stdin, (self.asked, *request))
            while True:
                ready = select.select([child.stdout, news], [], [], 0.2)[0]
                if child.stdout in ready:
                    piece = os.read(child.stdout.fileno(), 1 << 20)
                    if not piece:
                        raise EOFError
                    answer += piece
                    while len(answer) >= 8 and len(answer) >= (end := 8 + struct.unpack("<Q", answer[:8])[0]):
                        whole = pickle.loads(answer[8:end])
                        if whole[0] == self.asked:
                            return whole[1:]
                        del answer[:end]  # to a question that was asked before a death, and was still in the pipe
                elif news in ready:
                    self._hear()
                now = time.monotonic()
                if given_up == math.inf and self.stop():
                    given_up = now + PATIENCE
                if now > given_up:
                    self.close()
                    raise Stopped
                if now > deadline:
                    raise FailedAlone(f"time limit: not done after {seconds:g} s", self._abort(), self.limit, late=True)
        except (BrokenPipeError, EOFError):
            told = self._end()
            raise Died(told) from None

    def _abort(self) -> str:
        """End the computing process, and have it say where it was."""
        with contextlib.suppress(ProcessLookupError):  # it may have died just now
            os.kill(self.fork, signal.SIGABRT)  # faulthandler writes down every thread's stack
        assert self.news is not None
        try:
            if select.select([self.news], [], [], 2.0)[0]:
                self._hear()
            self.close()
        except Died as error:
            return str(error).partition("\n")[2]
        return ""

    def _end(self) -> str:
        """How the child itself ended, which is gone: where memory runs out, not only what it forked may be killed."""
        assert self.child is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(PATIENCE)
        told = (
            f"{_how(-signal.SIGKILL if self.child.returncode is None else self.child.returncode)}\n{self._last_words()}"
        )
        self.close()
        return told

    def _last_words(self) -> str:
        """What was said on standard error since the last time."""
        assert self.words is not None
        self.words.seek(self.heard)
        said = self.words.read()
        self.heard += len(said)
        return "\n".join(said.decode(errors="replace").splitlines()[-TRACE_LINES:])

    def close(self) -> None:
        """End the child, if there is one, and what it forked."""
        if self.child is not None:
            with contextlib.suppress(OSError):
                os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()
            for pipe in (self.child.stdin, self.child.stdout):
                with contextlib.suppress(OSError):
                    if pipe is not None:
                        pipe.close()
        for file in (self.words, self.news):
            if file is not None:
                file.close()
        self.child = self.words = self.news = None
        self.heard = 0


def _how(code: int) -> str:
    if code >= 0:
        return f"process ended with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else "unknown"
    return f"process died, signal {-code} ({name})" + (": out of memory?" if -code == signal.SIGKILL else "")


def _spawn(command: list[str], news: int, words: IO[bytes]) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    # a session of its own: Ctrl-C is for the run, which then decides; and all of it can be killed at once
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=words, pass_fds=[news], start_new_session=True)


@functools.cache
def _spawner() -> ThreadPoolExecutor:
    """The thread that starts children: Linux ends a child with the thread that started it, and this one stays."""
    return ThreadPoolExecutor(1, "isinglass-spawner")


# ---------------------------------------------------------------- cells kept for the next block

_idle: list[Cell] = []
_lock = threading.Lock()


@contextlib.contextmanager
def cell(model: ModelReference, limit: float | None, root: Path, stop: Callable[[], bool]) -> Iterator[Cell]:
    """A cell for this thread; it stays for the next one that wants the same."""
    with _lock:
        same = (c for c in _idle if (c.model, c.limit, c.root) == (model, limit, root))
        found = next(same, None) or Cell(model, limit, root)
        if found in _idle:
            _idle.remove(found)
    found.stop, found.cpu_seconds = stop, 0.0
    try:
        yield found
    finally:
        with _lock:
            _idle.append(found)


def close_cells() -> None:
    """End all children that nobody uses."""
    with _lock:
        while _idle:
            _idle.pop().close()


atexit.register(close_cells)


# ---------------------------------------------------------------- the child


def serve(news: int) -> None:
    """What the child does: load the model, fork, and fork again when the fork dies, until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    source = os.fdopen(os.dup(0), "rb", buffering=0)
    target = os.fdopen(os.dup(1), "wb")
    told = os.fdopen(news, "wb")
    os.dup2(2, 1)  # what a model prints must not get between the answers
    _mortal(500)
    try:
        reference, root = _receive(source)
        model = reference.load()
        arrays.look_in(root)
    except Exception as error:
        _send(told, ("broken", f"{type(error).__name__}: {error}"))
        return
    warm(model)
    before = None
    while True:
        fork = os.fork()
        if not fork:
            _mortal(1000)
            _serve(model, source, target)
            os._exit(0)
        _send(told, ("forked", fork, before))
        before = os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1])
        if _drained(source):
            return


def _drained(source: IO[bytes]) -> bool:
    """Throw away what a dead fork was asked and may have half read; true where nobody can ask any more."""
    os.set_blocking(source.fileno(), False)
    try:
        while os.read(source.fileno(), 1 << 20):
            pass
    except BlockingIOError:
        return False
    finally:
        os.set_blocking(source.fileno(), True)
    return True


def _serve(model: type[Model], source: IO[bytes], target: IO[bytes]) -> None:
    while True:
        try:
            asked, points, disorder, noise, starts = _receive(source)
        except EOFError:
            return
        try:
            models = [construct(model, point) for point in points]
            began = time.process_time()
            out = here(model, models, disorder, noise, starts)
            _send(target, (asked, "done", out, time.process_time() - began))
        except Exception as error:
            _send(target, (asked, "raised", f"{type(error).__name__}: {error}", traceback.format_exc()))


def _mortal(score: int) -> None:
    """Die with the parent; where memory runs out, whoever has the highest score (up to 1000) is killed first."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(score))


def warm(model: type[Model]) -> None:
    """Compile, so that no clock counts it. A model without tiny() compiles in its first simulation."""
    with contextlib.suppress(Exception):
        streams = np.ones((1, model.lanes, 4), np.uint64)
        model.simulate_batch([model.tiny()], streams[:, 0], streams)


def _send(pipe: IO[bytes], message: Any) -> None:
    body = pickle.dumps(message, protocol=5)
    pipe.write(struct.pack("<Q", len(body)) + body)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Any:
    (length,) = struct.unpack("<Q", _read(pipe, 8))
    return pickle.loads(_read(pipe, length))  # from a pipe to our own child or parent, never from disk


def _read(pipe: IO[bytes], length: int) -> bytes:
    out = bytearray()
    while len(out) < length:
        piece = pipe.read(length - len(out))
        if not piece:
            raise EOFError
        out += piece
    return bytes(out)
