"""Where a sweep runs: a profile becomes a Dask client.

Only this file and `execute` import distributed. In the default mode nothing listens beyond this machine: the
scheduler and its worker talk in memory.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from isinglass.exceptions import InputError, known, told
from isinglass.shipped import shipped

if TYPE_CHECKING:
    from distributed import Client

KINDS = ("serial", "threads", "processes", "address", "scheduler-file")
DEFAULT = "threads"
PROTOCOLS = ("tcp", "tls", "ws", "wss", "ucx", "inproc")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Profile:
    """How to run: `kind` is one of KINDS; `workers` processes of `threads` threads; `address` of a running cluster."""

    name: str
    kind: str
    workers: int = 1
    threads: int = 1
    address: str = ""

    @property
    def slots(self) -> int:
        """Simulations at once, as far as known before connecting."""
        return self.workers * self.threads


def load_profile(name: str | None) -> Profile:
    """A profile by name (`serial`, one in `./cluster`, a shipped one), by YAML path, or a scheduler's address or file.

    Raises InputError for an unknown name or a faulty file.
    """
    name = DEFAULT if name is None else name
    if name == "serial":
        return Profile(name, "serial")
    if "://" in name:
        return Profile(name, "address", address=name)
    if name.endswith(".json"):
        if not Path(name).is_file():
            raise InputError(
                f"--cluster {name}: there is no such scheduler file; start the scheduler with --scheduler-file {name}"
            )
        return Profile(name, "scheduler-file", address=name)
    folders = [Path("cluster"), shipped("cluster")]
    files = {p.stem: p for folder in reversed(folders) for p in sorted(folder.glob("*.yaml"))}
    path = Path(name) if name.endswith((".yaml", ".yml")) else files.get(name)
    if path is None or not path.is_file():
        raise InputError(f"unknown cluster profile {name!r}; {known(name, [*files, 'serial'])}")
    return _read(name, path)


def _read(name: str, path: Path) -> Profile:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{path}{line}: {error.problem}: mend the file") from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InputError(f"{path}: " + " ".join(str(error).split())) from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: a profile is a mapping with the key `kind`")
    fields = ("kind", "workers", "threads", "address")
    for key in content:
        if key not in fields:
            raise InputError(f"{path}: unknown key {key!r}; {known(str(key), fields)}")
    kind = content.get("kind")
    if kind not in KINDS:
        raise InputError(f"{path}: kind {kind!r} is unknown; {known(str(kind), KINDS)}")

    def count(key: str, default: Any) -> int:
        value = content.get(key, default)
        if value == "auto":
            return cores()
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(f"{path}: {key}: {value!r} is neither auto nor a positive whole number")
        return value

    defaults = {"threads": (1, "auto"), "processes": ("auto", 1)}.get(kind, (1, 1))
    return Profile(
        name, kind, count("workers", defaults[0]), count("threads", defaults[1]), str(content.get("address", ""))
    )


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


async def _ignore_interrupt() -> None:
    """Ctrl-C in a terminal reaches worker processes too; they commit what is done and end with the run instead.

    A coroutine, so that the worker runs it in its main thread, which alone may set signal handlers.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)


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
    """A client of the profile's cluster; what was started here is stopped at the end.

    Raises InputError where a running cluster cannot be reached or has no worker.
    """
    import dask
    from distributed import Client, LocalCluster

    settings = {
        "distributed.scheduler.allowed-failures": 200,  # each block of a task may kill two workers
        "distributed.scheduler.worker-ttl": "30 minutes",
        "distributed.scheduler.work-stealing": False,
    }
    with dask.config.set(settings):
        if profile.kind in ("threads", "processes"):
            processes = profile.kind == "processes"
            with (
                _without_main() if processes else nullcontext(),
                LocalCluster(
                    n_workers=profile.workers if processes else 1,
                    threads_per_worker=profile.threads,
                    processes=processes,
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
                    client.run(_ignore_interrupt)
                yield client
            return
        keyword = (
            {"scheduler_file": profile.address} if profile.kind == "scheduler-file" else {"address": profile.address}
        )
        try:
            client = Client(**keyword, timeout=30, set_as_default=False)
        except (OSError, ValueError) as error:
            raise InputError(f"no Dask scheduler answers at {profile.address} ({error}): is it running?") from error
        with client:
            yield client
