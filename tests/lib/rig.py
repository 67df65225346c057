"""Run workflows and compare what they stored, byte for byte, with an independent reference."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import isinglass
from isinglass import Array, Model, Record, Workflow, log, runs
from isinglass.models import MODELS
from isinglass.models.base import fill_value, parameters
from isinglass.plans import Options
from isinglass.progress import Talk
from isinglass.recorded import keeps_states, recorded
from isinglass.source import import_text

SYNTHETIC = (Path(__file__).parent / "synthetic.py").read_text(encoding="utf-8")
synthetic = import_text(SYNTHETIC, "synthetic.py")

SHIPPED_MODELS = {
    name: getattr(importlib.import_module(home.partition(":")[0]), home.partition(":")[2])
    for name, home in MODELS.items()
}
SYNTHETIC_MODELS = {
    **{
        name: getattr(synthetic, name)
        for name in ("Walk", "Traces", "Lanes", "Batched", "Compiled", "Wired", "Automaton")
    },
    "Watched": recorded(synthetic.Heights, Record(times=log(4), observables=synthetic.CUSTOM, snapshots=2)),
    "Kept": recorded(
        synthetic.Automaton,
        Record(times=(0, 1, 4, 9, 10, 30), observables=synthetic.CUSTOM, snapshots=4, keep_states=True),
    ),
}
ALL_MODELS = {**SHIPPED_MODELS, **SYNTHETIC_MODELS}


# ---------------------------------------------------------------- running


def write_workflow(path: Path, declaration: str, text: str = SYNTHETIC) -> Path:
    """A workflow file of its own: the synthetic models and one declaration."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\nworkflow = Workflow({declaration})\n", encoding="utf-8")
    return path


def run(workflow: Workflow, out: Path, **options: Any) -> runs.Outcome:
    """Run in this process, by default in order (`serial`), without figures."""
    keys = {"cluster": "serial", "figures": False, **options, "out": Path(out)}
    return runs.run(workflow, Options(**keys), Talk(quiet=True))


def data(root: Path) -> xr.Dataset:
    return isinglass.open(root, masked=False).load()


def command(*words: str | Path) -> list[str]:
    return [sys.executable, "-c", "from isinglass.cli import main; main()", *map(str, words)]


def start(*words: str | Path, cwd: Path, **environment: str) -> subprocess.Popen[str]:
    """An `isinglass` process of its own session."""
    return subprocess.Popen(
        command(*words), cwd=cwd, env={**os.environ, **environment}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


def finish(process: subprocess.Popen[str], code: int = 0, seconds: float = 60) -> str:
    out, _ = process.communicate(timeout=seconds)
    assert process.returncode == code, f"exit {process.returncode}, not {code}:\n{out}"
    return out


# ---------------------------------------------------------------- a small sweep of any model


@functools.cache
def case(name: str) -> Workflow:
    """A sweep of 4 x 2 points, 3 samples, 2 replicas (lane groups) about `tiny()`, along one parameter of each kind."""
    model = ALL_MODELS[name]
    tiny = dataclasses.asdict(model.tiny())
    axes = {}
    for quenched, count in ((False, 4), (True, 2)):
        for spec in parameters(model).values():
            tried = (_neighbours(spec, tiny[spec.name], count, step) for step in (1, 2))  # 2: a length must be even
            fit = [values for values in tried if values and _fit(model, tiny, spec.name, values)]
            if spec.quenched == quenched and fit:
                axes[spec.name] = fit[0]
                break
    fixed = {k: v for k, v in tiny.items() if k not in axes}
    # the axis that is not quenched is not always the first: blocks and order then differ
    paired = (model.duration,) if keeps_states(model) else ()
    return Workflow(
        model=model, axes=axes, fixed=fixed, samples=3, replicas=2 * model.lanes, seed=7, name=name, text=None,
        paired=paired, record=getattr(model, "_record", None),
    )  # fmt: skip


def _neighbours(spec: Any, value: Any, count: int, step: int) -> list[Any]:
    if spec.type is Array and value:
        return [value, *(value.values + k for k in range(1, count))]
    if spec.type not in (int, float) or spec.choices:
        return []
    if spec.type is int:
        return [value + step * k for k in range(count)]
    return [value * (1 + k / 8) if value else k / 8 for k in range(count)]


def _fit(model: type[Model], tiny: Mapping[str, Any], name: str, values: Sequence[Any]) -> bool:
    try:
        return all(model(**{**tiny, name: v}) for v in values)
    except ValueError:
        return False


# ---------------------------------------------------------------- the independent reference


def encoded(value: Any) -> bytes:
    """One item of a stream key, as docs and design write it; independent of `isinglass.sweep`."""
    kinds = {bool: b"b", int: b"i", float: b"f", str: b"s", Array: b"s"}
    text = str(value).lower() if isinstance(value, bool) else value if isinstance(value, str) else repr(value)
    payload = text.encode("utf-8")
    return kinds[type(value)] + len(payload).to_bytes(4, "little") + payload


def digest(*items: Any) -> bytes:
    return blake2b(b"".join(map(encoded, items)), digest_size=32).digest()


def stream(model: type[Model], kind: str, seed: int, point: Mapping[str, Any], labels: Sequence[int], leave: Any = ()):
    """The stream of one sample or replica: uint64 (4,)."""
    specs = parameters(model)
    names = [n for n, s in specs.items() if s.keyed and (s.quenched if kind == "disorder" else n not in leave)]
    given = [n for n in names if not (specs[n].type is Array and not point[n])]  # an array that is not given has no key
    named = [x for n in sorted(given) for x in (n, point[n])]
    return np.frombuffer(digest(1, kind, model.__name__, seed, *named, *labels), "<u8").astype(np.uint64)


def simulate(workflow: Workflow, point: Mapping[str, Any], sample: int, replica: int) -> dict[str, np.ndarray]:
    """One replica of one sample, computed with its lane group and nothing else."""
    first = replica - replica % workflow.model.lanes
    return lane_group(workflow, point, sample, first)[replica - first]


def lane_group(workflow: Workflow, point: Mapping[str, Any], sample: int, first: int) -> list[dict[str, np.ndarray]]:
    """The replicas of one lane group, which starts at `first`."""
    model, lanes = workflow.model, workflow.model.lanes
    group = [
        stream(model, "noise", workflow.seed, point, (sample, r), workflow.paired) for r in range(first, first + lanes)
    ]
    out = model(**point).simulate(stream(model, "disorder", workflow.seed, point, (sample,)), np.array(group))
    return [{k: np.asarray(v)[lane] for k, v in out.items()} for lane in range(lanes)]


def points(workflow: Workflow) -> list[dict[str, Any]]:
    """Every point of a grid, canonical by the model's own constructor."""
    combinations = itertools.product(*workflow.axes.values())
    return [
        dataclasses.asdict(workflow.model(**workflow.fixed, **dict(zip(workflow.axes, values, strict=True))))
        for values in combinations
    ]


@functools.cache
def _expected(key: str) -> dict[str, Any]:
    workflow = _by_key[key]
    out = {}
    for point in points(workflow):
        label = tuple(point[n] for n in workflow.axes)
        for s, first in itertools.product(range(workflow.samples), range(0, workflow.replicas, workflow.model.lanes)):
            for lane, values in enumerate(lane_group(workflow, point, s, first)):
                out[(*label, s, first + lane)] = values
    return out


_by_key: dict[str, Workflow] = {}


def expected(workflow: Workflow) -> dict[str, Any]:
    """(axis values..., sample, replica) -> observables, of every simulation of a grid; computed once a session."""
    key = json.dumps([workflow.model.__qualname__, workflow.model.__module__, list(workflow.axes.items()),
                      dict(workflow.fixed), workflow.samples, workflow.replicas, workflow.seed,
                      list(workflow.paired)], default=str)  # fmt: skip
    _by_key[key] = workflow
    return _expected(key)


def check(ds: xr.Dataset, workflow: Workflow) -> None:
    """Every simulation of the workflow is done in `ds`, and has the reference's bytes."""
    wanted = expected(workflow)
    labels = [list(ds[n].values.tolist()) for n in workflow.axes]
    dims = (*workflow.axes, "sample", "replica")
    status = ds.status.transpose(*dims).values
    everything = {o.name: ds[o.name].transpose(*dims, *o.dims).values for o in workflow.model.observables}
    for label, values in wanted.items():
        at = tuple(axis.index(v) for axis, v in zip(labels, label[:-2], strict=True)) + label[-2:]
        assert status[at] == 1, f"{label} is not done"
        for o in workflow.model.observables:
            stored = everything[o.name][at]
            value = np.asarray(values[o.name], o.dtype)
            front = stored[tuple(slice(0, n) for n in value.shape)]
            assert front.dtype == value.dtype
            assert front.tobytes() == value.tobytes(), f"{o.name} at {label}: {front} is not {value}"
            if stored.shape != value.shape:
                beyond = np.ones(stored.shape, bool)
                beyond[tuple(slice(0, n) for n in value.shape)] = False
                empty = np.full(stored.shape, fill_value(o.dtype), o.dtype)
                assert stored[beyond].tobytes() == empty[beyond].tobytes()


def content(ds: xr.Dataset) -> dict[str, Any]:
    """What "same bytes" means: coordinates, observables and status in label order, not `elapsed`."""
    for dim in ds.dims:
        if dim in ds.coords:
            ds = ds.sortby(dim)
    out = {}
    for name, v in ds.variables.items():
        if name != "elapsed":
            raw = v.values.tobytes() if v.dtype.kind not in "OT" else json.dumps(v.values.tolist())
            out[name] = (v.dims, v.shape, v.dtype.kind, raw)
    return out


def same(a: xr.Dataset, b: xr.Dataset) -> None:
    one, two = content(a), content(b)
    assert sorted(one) == sorted(two)
    for name in one:
        assert one[name] == two[name], name


# ---------------------------------------------------------------- the command line, in this process


def cli(capsys: Any, *words: str | Path) -> tuple[int, str]:
    """Exit code and everything printed of one `isinglass` command."""
    from unittest import mock

    from isinglass.cli import main

    capsys.readouterr()
    code = 0
    with mock.patch.object(sys, "argv", ["isinglass", *map(str, words)]):
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    captured = capsys.readouterr()
    return code, captured.out + captured.err
