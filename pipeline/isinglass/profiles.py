"""Cluster profiles: what `--cluster NAME` means, read from YAML and checked key by key before anything starts."""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from isinglass.exceptions import InputError, known
from isinglass.shipped import shipped

DEFAULT = "threads"
SCHEDULERS = ("slurm", "pbs", "torque", "lsf", "sge", "htcondor")
HERE = ("serial", "threads", "processes", "address", "scheduler-file")
DASK = tuple(f"{name}-dask" for name in SCHEDULERS if name != "torque")
KINDS = (*HERE, *SCHEDULERS, *DASK, "slurm-runner")
MARGIN = 10  # seconds before the end of a job that everything must be committed


def cores() -> int:
    """Cores that this process may use; in a batch job as many as were asked for (ISINGLASS_CORES)."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    given = os.environ.get("ISINGLASS_CORES", "")
    return max(1, min(own, int(given))) if given.isascii() and given.isdigit() else own


@dataclass(frozen=True)
class Site:
    """One job of a batch system. Times in seconds, memory in bytes; empty or 0 where the site's default holds.

    `setup`: shell lines before the run (modules, environment). `directives`: further lines of the scheduler's own
    language, without its prefix. `array_limit`: elements that one array may have; `throttle`: those that run at once.
    `warning`: how long before the end of the walltime the scheduler warns (by default a quarter of a short one).
    `restarts`: how often an element that ran out of time asks to run again. `command`: how jobs start Isinglass, by
    default with the submitter's own Python. `template`: the job script's Jinja2 file.
    """

    queue: str = ""
    account: str = ""
    walltime: int = 3600
    cores: int = 1
    memory: int = 2 * 10**9
    setup: tuple[str, ...] = ()
    scratch: str = ""
    directives: tuple[str, ...] = ()
    array_limit: int = 1000
    throttle: int = 0
    warning: int = 120
    restarts: int = 20
    command: tuple[str, ...] = ()
    template: str = ""


@dataclass(frozen=True)
class Profile:
    """How to run: `kind` is one of KINDS; `workers` processes (or jobs) of `threads` threads; `address` of a cluster.

    `tls`: encrypt and authenticate what travels between hosts. `interface`: the network interface of a Dask cluster of
    jobs. `report`: where Dask's performance report goes. `site`: the jobs, for the kinds that submit any.
    """

    name: str
    kind: str
    workers: int = 1
    threads: int = 1
    address: str = ""
    tls: bool = True
    interface: str = ""
    report: str = ""
    site: Site = Site()
    file: Path | None = dataclasses.field(default=None, compare=False)

    @property
    def slots(self) -> int:
        """Simulations at once; 0 for a running cluster, which is not asked before a run connects."""
        return 0 if self.kind in ("address", "scheduler-file", "slurm-runner") else self.workers * self.threads

    @property
    def scheduler(self) -> str:
        """The batch system that the profile's jobs go to; empty where there are none."""
        name = self.kind.removesuffix("-dask").removesuffix("-runner")
        return name if name in SCHEDULERS else ""


def folders() -> list[Path]:
    """Where profiles and job templates lie, nearest first: the working directory, the user's own, the shipped ones."""
    config = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return [Path("cluster"), Path(config).expanduser() / "isinglass" / "cluster", shipped("cluster")]


def load_profile(name: str | None) -> Profile:
    """A profile by name (`serial`, a file in one of `folders()`), by YAML path, or a scheduler's address or file.

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
    files = {p.stem: p for folder in reversed(folders()) for p in sorted(folder.glob("*.yaml"))}
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
    kind = content.get("kind")
    for key in content if kind is None else ():
        if key not in CHECKS:
            raise InputError(f"{path}: unknown key {key!r}; {known(str(key), ('kind', *CHECKS))}")
    if not isinstance(kind, str) or kind not in KINDS:
        raise InputError(f"{path}: kind {kind!r} is unknown; {known(str(kind), KINDS)}")
    allowed = _allowed(kind)
    values: dict[str, Any] = {}
    for key, value in content.items():
        if key == "kind":
            continue
        if key not in allowed:
            raise InputError(f"{path}: {kind} has no key {key!r}; {known(str(key), ('kind', *allowed))}")
        try:
            values[key] = CHECKS[key](value)
        except ValueError as error:
            raise InputError(f"{path}: {key}: {value!r} {error}") from error
    return _made(name, kind, values, path)


def _allowed(kind: str) -> tuple[str, ...]:
    """The keys of a kind of profile besides `kind`."""
    if kind in HERE:
        return "workers", "threads", "address"
    jobs: tuple[str, ...] = ("queue", "account", "walltime", "cores", "memory", "setup", "scratch", "directives")
    if kind in DASK:
        return (*jobs, "workers", "tls", "interface", "report")
    if kind == "slurm-runner":
        return "tls", "interface", "report"
    jobs = tuple(key for key in jobs if key != "queue" or kind != "htcondor")
    return (*jobs, "array_limit", "throttle", "warning", "restarts", "command", "template")


def _made(name: str, kind: str, values: Mapping[str, Any], path: Path) -> Profile:
    given = dict(values)
    site = Site(**{f.name: given.pop(f.name) for f in dataclasses.fields(Site) if f.name in given})
    if kind in HERE:
        defaults = {"threads": (1, cores()), "processes": (cores(), 1)}.get(kind, (1, 1))
        given = {"workers": defaults[0], "threads": defaults[1], **given}
    elif kind in DASK:
        given["threads"] = site.cores
    if "warning" not in values:
        site = dataclasses.replace(site, warning=min(site.warning, site.walltime // 4))
    if not MARGIN < site.warning < site.walltime:
        span = f"more than {MARGIN} and less than the walltime, {site.walltime}"
        raise InputError(f"{path}: warning: {site.warning} s before the end of a job must be {span}")
    return Profile(name, kind, site=site, file=path, **given)


# ---------------------------------------------------------------- what a value may be


def _count(value: object) -> int:
    if value == "auto":
        return cores()
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("is neither auto nor a positive whole number")
    return value


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("is no whole number of 0 or more")
    return value


def _positive(value: object) -> int:
    if not _whole(value):
        raise ValueError("is no positive whole number")
    return int(str(value))


def seconds(value: object) -> int:
    """A walltime: `HH:MM:SS`, `D-HH:MM:SS`, or a number of seconds."""
    if isinstance(value, int) and not isinstance(value, bool):  # YAML 1.1 reads 01:30:00 as a sexagesimal number
        out = value
    else:
        match = re.fullmatch(r"(?:(\d{1,3})-)?(\d{1,4}):([0-5]\d):([0-5]\d)", str(value))
        if not match:
            raise ValueError('is no time: write "HH:MM:SS" or "D-HH:MM:SS", in quotes')
        days, hours, minutes, rest = (int(part or 0) for part in match.groups())
        out = ((days * 24 + hours) * 60 + minutes) * 60 + rest
    if out < 60:
        raise ValueError("is less than a minute")
    return out


def _memory(value: object) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMGT])(i?)B?", str(value))
    if not match or float(match[1]) == 0:
        raise ValueError("is no memory size: write for example 4GB")
    return math.ceil(float(match[1]) * (1024.0 if match[3] else 1000.0) ** " KMGT".index(match[2]))


def _line(value: object) -> str:
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        raise ValueError("is no text")
    text = str(value).strip()
    if not text.isprintable():
        raise ValueError("must be one line without control characters")
    return text


def _word(value: object) -> str:
    """A name that schedulers take: no blanks, no quotes, nothing that a shell or a directive would read otherwise."""
    text = _line(value)
    if not re.fullmatch(r"[\w.@:/+,=\-]*", text):
        raise ValueError("holds characters that are no part of a name")
    return text


def _lines(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = value.splitlines()
    if not isinstance(value, list):
        raise ValueError("is no list of lines")
    return tuple(_line(v) for v in value)


def _directives(value: object) -> tuple[str, ...]:
    out = _lines(value)
    if any(re.match(r"#(SBATCH|PBS|BSUB|\$)", line) for line in out):
        raise ValueError("begins with the prefix of directives, which the job script writes itself: leave it out")
    return out


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, str) and value.strip():
        return (_line(value),)
    out = _lines(value)
    if not out:
        raise ValueError("is empty")
    return out


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("is neither true nor false")
    return value


CHECKS: dict[str, Callable[[object], Any]] = {
    "workers": _count,
    "threads": _count,
    "address": _line,
    "tls": _flag,
    "interface": _word,
    "report": _line,
    "queue": _word,
    "account": _word,
    "walltime": seconds,
    "cores": _positive,
    "memory": _memory,
    "setup": _lines,
    "scratch": _line,
    "directives": _directives,
    "array_limit": _positive,
    "throttle": _whole,
    "warning": _positive,
    "restarts": _whole,
    "command": _words,
    "template": _line,
}
