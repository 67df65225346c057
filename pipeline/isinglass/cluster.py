"""Where a sweep runs: a profile becomes a Dask client.

Only this file and `execute` import distributed. In the default mode nothing listens beyond this machine: the
scheduler and its worker talk in memory.
"""

from __future__ import annotations

import json
import logging
import multiprocessing.resource_tracker
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isinglass import jobqueue
from isinglass.exceptions import InputError, known, told
from isinglass.profiles import DASK, Profile

if TYPE_CHECKING:
    from distributed import Client

RECONNECT_SECONDS = 15  # that a scheduler may take to answer, at the start or after its connection broke
QUEUE_SECONDS = 20.0  # between two questions to a batch system whether the jobs that are to be workers still wait
LOOK_SECONDS = 2.0  # between two looks at the workers
ALONE_SECONDS = 60.0  # that a run waits for a worker: a nanny starts a dead one again in a few
START_SECONDS = 120.0  # that it waits for the first: imports, on a machine that is busy
ALL_SECONDS = 10.0  # that it waits for the others then: who comes first would get all of a few tasks
PROTOCOLS = ("tcp", "tls", "ws", "wss", "ucx", "inproc")


def check_reachable(profile: Profile) -> None:
    """Raises InputError where nobody listens at the profile's address: before anything is measured or stored."""
    address = profile.address
    if profile.kind == "scheduler-file":
        try:
            address = str(json.loads(Path(address).read_text(encoding="utf-8"))["address"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{profile.address} is no scheduler file ({told(error)})") from error
    elif profile.kind != "address":
        return
    protocol, _, rest = address.partition("://")
    if protocol not in PROTOCOLS:
        raise InputError(f"--cluster {address}: {protocol!r} is no protocol of Dask; {known(protocol, PROTOCOLS)}")
    host, _, port = rest.strip("/").rpartition(":")
    if protocol in ("tcp", "tls"):
        if not (host and port.isascii() and port.isdigit() and int(port) < 65536):
            raise InputError(f"--cluster {address}: write {protocol}://HOST:PORT")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        except OSError as error:
            why = error.strerror or error
            raise InputError(f"no Dask scheduler answers at {address} ({why}): is it running?") from error


@contextmanager
def _reported(client: Client, profile: Profile) -> Iterator[None]:
    """Dask's performance report, where the profile names a file for it."""
    if not profile.report:
        yield
        return
    from distributed import performance_report

    with client.as_current(), performance_report(filename=profile.report):
        yield


class Lookout:
    """Watches the workers of a cluster. `threads`: how many tasks they take at once, at least 1.

    `hopeless`: where its workers are jobs, which may wait in a queue for days and are replaced when they go, why none
    of them will come; empty while one may.
    """

    def __init__(self, client: Client, slots: int, hopeless: Callable[[], str] | None = None) -> None:
        self.client, self.slots, self.threads, self.hopeless = client, slots, 1, hopeless
        self.asked = time.monotonic()
        self.first: float | None = None
        self.none_since: float | None = None
        self._look()

    def _look(self) -> None:
        self.looked = time.monotonic()
        try:
            scheduler: Any = self.client.scheduler
            found = self.client.sync(scheduler.ncores, callback_timeout=2)
        except (OSError, AttributeError):  # it is busy, or the connection broke: the client knows which
            return
        if found:
            self.threads, self.none_since = sum(found.values()), None
            self.first = self.first or self.looked
        elif self.none_since is None:
            self.none_since = self.looked

    def ready(self) -> bool:
        """Whether the workers that are expected have come, or the last of them take too long. Looks."""
        if self.client.status == "running":
            self._look()
        return self.first is not None and (self.threads >= self.slots or self.looked - self.first > ALL_SECONDS)

    def alone(self) -> str:
        """Why nothing more will come back; empty while there is hope. Looks every two seconds."""
        if self.client.status in ("closing", "closed"):
            return "the scheduler is gone"
        if self.client.status == "running" and time.monotonic() - self.looked > LOOK_SECONDS:
            self._look()
        patience = START_SECONDS if self.first is None else ALONE_SECONDS
        if self.hopeless is not None:
            if self.none_since is None or time.monotonic() - max(self.asked, self.none_since) < QUEUE_SECONDS:
                return ""
            self.asked = time.monotonic()
            return self.hopeless()
        gone = self.none_since is not None and time.monotonic() - self.none_since > patience
        return f"no worker for {patience:g} s" if gone else ""


@contextmanager
def _quiet() -> Iterator[None]:
    """Dask's own words stay out of the terminal: what ends, dies or is lost, the run tells."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client", "asyncio")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _deaf_loop() -> Iterator[Any]:
    """An event loop whose child processes never see Ctrl-C, which in a terminal reaches all processes of a run.

    They commit what is done and end with the run instead. A child inherits what is blocked in the thread that starts
    it, from its first instruction on, and that thread inherits it here.
    """
    from distributed.utils import LoopRunner

    multiprocessing.resource_tracker.ensure_running()  # where it starts first it unblocks interrupts again
    runner = LoopRunner(asynchronous=False)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        runner.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    try:
        yield runner.loop
    finally:
        runner.stop()


@contextmanager
def _without_main() -> Iterator[None]:
    """Keeps worker processes from importing the script that started them: they need models only, by reference.

    Otherwise each would run again a script without `if __name__ == "__main__"`, and none could start from a prompt.
    """
    main = sys.modules["__main__"]
    hidden: dict[str, object] = {}
    for name in ("__file__", "__spec__"):
        if name in vars(main):
            hidden[name] = vars(main).pop(name)
    main.__spec__ = None
    try:
        yield
    finally:
        vars(main).update(hidden)


@contextmanager
def connect(profile: Profile) -> Iterator[Client]:
    """A client of the profile's cluster; what was started here is stopped at the end. Worker processes come later.

    Raises InputError where a running cluster cannot be reached.
    """
    import dask
    from distributed import Client, LocalCluster, Worker

    class Impatient(Worker):
        """A worker in this process that does not wait for calls that the run has given up."""

        async def close(self, *given: Any, **options: Any) -> Any:
            return await super().close(*given, **{**options, "executor_wait": False})

    settings: dict[str, object] = {
        "distributed.scheduler.allowed-failures": 200,  # each block of a task may kill two workers
        "distributed.scheduler.worker-ttl": "30 minutes",
        "distributed.scheduler.work-stealing": False,
        # the nanny of a worker that has died twice within this time would be closed, and with it the worker's place
        "distributed.deploy.lost-worker-timeout": "30 days",
        "distributed.worker.preload": ["isinglass.execute"],  # a worker imports while the store is declared
    }
    if profile.kind == "threads":
        # what Dask looks at for its dashboard every few ms costs threads that compute in this process 3 %
        settings |= {
            "distributed.worker.profile.enabled": False,
            "distributed.admin.tick.interval": "1s",
            "distributed.admin.system-monitor.interval": "10s",
        }
    if profile.kind in DASK:
        settings["distributed.deploy.lost-worker-timeout"] = f"{jobqueue.LOST_SECONDS} s"
    with dask.config.set(settings), _quiet():
        if profile.kind in DASK or profile.kind == "slurm-runner":
            with (
                jobqueue.cluster(profile) if profile.kind in DASK else jobqueue.inside(profile) as client,
                _reported(client, profile),
            ):
                yield client
            return
        if profile.kind in ("threads", "processes"):
            processes = profile.kind == "processes"
            with (
                _without_main() if processes else nullcontext(),
                _deaf_loop() as loop,
                LocalCluster(
                    loop=loop,
                    n_workers=0 if processes else 1,
                    threads_per_worker=profile.threads,
                    processes=processes,
                    worker_class=None if processes else Impatient,
                    host="127.0.0.1" if processes else None,
                    protocol=None if processes else "inproc://",
                    dashboard_address="127.0.0.1:0",  # None would listen on every interface
                    worker_dashboard_address="127.0.0.1:0",
                    memory_limit=0,
                    silence_logs=50,  # what a worker says when its client goes, the client has said
                ) as started,
                Client(started, set_as_default=False) as client,
            ):
                if processes:
                    started.new_spec["options"]["dashboard"] = False  # one for each worker costs its start 0.4 s
                    started.scale(profile.workers)
                yield client
            return
        keyword = (
            {"scheduler_file": profile.address} if profile.kind == "scheduler-file" else {"address": profile.address}
        )
        try:
            client = Client(**keyword, timeout=RECONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise InputError(f"no Dask scheduler answers at {profile.address} ({error}): is it running?") from error
        with client:
            yield client
