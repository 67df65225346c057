"""A workflow: model, sweep, stages and figures, in one Python file of declarations."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass import arrays
from isinglass.arrays import Array
from isinglass.dataset import open_array
from isinglass.exceptions import InputError, known
from isinglass.keys import Point
from isinglass.models.base import Model, Parameter, canonical, parameters
from isinglass.recorded import lengthened, recorded
from isinglass.recording import Record
from isinglass.shipped import shipped
from isinglass.source import import_text
from isinglass.sweep import Sweep

if TYPE_CHECKING:
    import xarray as xr

Stage = Callable[["xr.Dataset"], "xr.Dataset"]
MAX_VALUES = 10**6  # an axis in memory, a coordinate in the store
_SHAPES = {
    "axes": "write {PARAMETER: [values, ...], ...}",
    "fixed": "write {PARAMETER: value, ...}",
    "derived": "write {PARAMETER: function of a point, ...}",
    "paired": "write (PARAMETER, ...)",
    "points": "name a CSV file, or write {PARAMETER: [values, ...], ...}",
}
PRESET_KEYS = ("axes", "samples", "replicas", "fixed", "seed")


@dataclass(frozen=True)
class Workflow:
    """What to sweep, what to make of it, and how to draw it.

    `axes`: parameter -> values; or `points`: a CSV file (path relative to the workflow file) or a mapping of equally
    long columns, swept as a list. `samples` draws of the disorder and `replicas` of the noise a point. `fixed`:
    parameters that differ from their defaults; `derived`: parameters computed from the others of a point; `where`:
    which points to keep. `paired`: parameters along which the noise streams are the same. An array parameter's value is
    numbers, a path (relative to the workflow file) of a .npy file or Zarr array, or a function that makes one; its axis
    may be a mapping from labels to these. `stages` get the dataset
    merged with what earlier stages returned, and return new variables. `presets`: name -> {axes, samples, replicas,
    fixed, seed}. `time_limit`: seconds that one simulation may take: one that takes longer is `failed`; all then run in
    processes of their own, which can be ended. `record`: what to keep beside the model's observables; `model` is then
    a subclass that does so.
    """

    model: type[Model]
    axes: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    points: str | Path | Mapping[str, Sequence[Any]] | None = None
    samples: int = 1
    replicas: int = 1
    fixed: Mapping[str, Any] = field(default_factory=dict)
    derived: Mapping[str, Callable[[Point], Any]] = field(default_factory=dict)
    where: Callable[[Point], Any] | None = None
    seed: int = 0
    paired: Sequence[str] = ()
    stages: Sequence[Stage] = ()
    figures: Sequence[Any] = ()
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    time_limit: float | None = None
    title: str = ""
    name: str = "workflow"
    text: str | None = None
    path: Path | None = None
    record: Record | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", recorded(self.model, self.record))

    def sweep(self) -> Sweep:
        """What is asked of the engine. Raises InputError for declarations that do not fit together."""
        for word, kinds, given in (
            ("axes", Mapping, self.axes), ("fixed", Mapping, self.fixed), ("derived", Mapping, self.derived),
            ("paired", (list, tuple), self.paired), ("points", (Mapping, str, Path, type(None)), self.points),
        ):  # fmt: skip
            if not isinstance(given, kinds):
                raise InputError(f"{self.name}: {word} = {given!r} cannot be read: {_SHAPES[word]}")
        for word, function in (("where", self.where), *((f"derived {k!r}", f) for k, f in self.derived.items())):
            if function is not None and not callable(function):
                raise InputError(f"{self.name}: {word} = {function!r}: write a function of a point, lambda p: ...")
        for stage in self.stages:
            if not callable(stage):
                raise InputError(f"{self.name}: stage {stage!r}: write a function of a dataset that returns one")
        for figure in self.figures:
            if not callable(getattr(figure, "draw", None)):
                raise InputError(f"{self.name}: figure {figure!r} has no method `draw`: take one of isinglass.figures")
        limit = self.time_limit
        if limit is not None and (
            isinstance(limit, bool) or not isinstance(limit, (int, float)) or not 0 < limit < 1e9
        ):
            raise InputError(f"{self.name}: time_limit = {limit!r}: write seconds, a positive number, or leave it out")
        if self.points is not None and self.axes:
            raise InputError(f"{self.name} has both axes and points: a sweep is a grid or a list")
        if self.points is None and not self.axes:
            raise InputError(f"{self.name} sweeps nothing: give it axes={{PARAMETER: values}}, or points")
        listed, read = self.points is not None, self._reader()
        given = read.axes(self._columns() if listed else self.axes)
        axes, fixed, paired = lengthened(self.model, given, listed, read.fixed(self.fixed), self.derived, self.paired)
        return Sweep(
            self.model, axes, listed, self.samples, self.replicas, fixed, read.derived(self.derived), self.where,
            self.seed, paired,
        )  # fmt: skip

    def _columns(self) -> Mapping[str, Sequence[Any]]:
        if isinstance(self.points, Mapping):
            columns = self.points
        else:
            path = Path(self.points or "")
            if not path.is_absolute() and self.path is not None:
                path = self.path.parent / path
            columns = _read_csv(path, parameters(self.model))
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise InputError(f"points: the columns differ in length: {lengths}")
        return columns

    def override(
        self,
        preset: str | None = None,
        values: Mapping[str, Sequence[Any]] | None = None,
        samples: int | None = None,
        replicas: int | None = None,
        seed: int | None = None,
    ) -> Workflow:
        """The workflow with a preset and single settings applied.

        `values`: parameter -> values. A swept axis gets other values; a fixed parameter becomes an axis when several
        are given. Raises InputError for an unknown preset or parameter.
        """
        out = self
        if preset is not None:
            if preset not in self.presets:
                raise InputError(f"{self.name} has no preset {preset!r}; {known(preset, self.presets)}")
            out = out._apply(preset, self.presets[preset])
        specs = parameters(self.model)
        for name, given in (values or {}).items():
            if name not in specs:
                raise InputError(f"--set {name}: {self.model.__name__} has no such parameter; {known(name, specs)}")
            out = out._set(name, out._own(specs[name], given) if specs[name].type is Array else given)
        return replace(
            out,
            samples=out.samples if samples is None else samples,
            replicas=out.replicas if replicas is None else replicas,
            seed=out.seed if seed is None else seed,
        )

    def _apply(self, preset: str, changes: Mapping[str, Any]) -> Workflow:
        if not isinstance(changes, Mapping):
            raise InputError(f"preset {preset!r} of {self.name}: write {{key: value}} with {', '.join(PRESET_KEYS)}")
        for key in changes:
            if key not in PRESET_KEYS:
                raise InputError(f"preset {preset!r} of {self.name}: unknown key {key!r}; {known(key, PRESET_KEYS)}")
        merged: dict[str, Any] = dict(changes)
        for key in ("axes", "fixed"):
            if key in changes:
                merged[key] = {**getattr(self, key), **changes[key]}
        return replace(self, **merged)

    def _own(self, spec: Parameter, given: Sequence[Any]) -> list[Array]:
        """Arrays by the labels that the workflow gives them, or by path from the working directory."""
        declared = self.axes.get(spec.name)
        labels: Mapping[str, Any] = declared if isinstance(declared, Mapping) else {}
        own, here = self._reader(), _Reader({}, Path())
        several = [(v, isinstance(v, str) and v in labels) for v in _several(spec, given)]
        return [own.one(spec, labels[v], v) if known_here else here.one(spec, v) for v, known_here in several]

    def _reader(self) -> _Reader:
        return _Reader(parameters(self.model), self.path.parent if self.path is not None else Path())

    def _set(self, name: str, values: Sequence[Any]) -> Workflow:
        fixed = {k: v for k, v in self.fixed.items() if k != name}
        derived = {k: v for k, v in self.derived.items() if k != name}
        if self.points is not None:
            if len(values) > 1 or name in self._columns():
                raise InputError(
                    f"--set {name}: this workflow sweeps a list of points; only fixed parameters can be set"
                )
            return replace(self, fixed={**fixed, name: values[0]}, derived=derived)
        if name in self.axes or len(values) != 1:
            return replace(self, axes={**self.axes, name: values}, fixed=fixed, derived=derived)
        return replace(self, fixed={**fixed, name: values[0]}, derived=derived)


def _several(spec: Parameter, given: Any) -> list[Any]:
    """The values of an array parameter's axis; numbers with one dimension more than the parameter has are several."""
    if hasattr(given, "__array__"):
        return list(given) if np.ndim(given) - 1 == spec.ndim else [given]
    return [given] if isinstance(given, (str, Path)) or callable(given) or given is None else list(given)


@dataclass(frozen=True)
class _Reader:
    """Reads what is given for array parameters, by path from `folder`; each file once. Raises InputError."""

    parameters: Mapping[str, Parameter]
    folder: Path
    seen: dict[tuple[str, str], Array] = field(default_factory=dict)

    @property
    def specs(self) -> dict[str, Parameter]:
        return {name: spec for name, spec in self.parameters.items() if spec.type is Array}

    def one(self, spec: Parameter, given: Any, label: str = "") -> Array:
        file = (spec.name, str(given)) if isinstance(given, (str, Path)) and not label else None
        if file is not None and file in self.seen:
            return self.seen[file]
        out = arrays.read(spec.name, given, spec.dtype, spec.ndim, self.folder, label, open_array)
        if file is not None:
            self.seen[file] = out
        return out

    def axes(self, axes: Mapping[str, Any]) -> dict[str, Any]:
        out = dict(axes)
        for name in axes.keys() & self.specs.keys():
            spec, given = self.specs[name], axes[name]
            if isinstance(given, Mapping):
                out[name] = [self.one(spec, value, str(label)) for label, value in given.items()]
            else:
                out[name] = [self.one(spec, value) for value in _several(spec, given)]
        return out

    def fixed(self, fixed: Mapping[str, Any]) -> dict[str, Any]:
        return {n: self.one(self.specs[n], v) if n in self.specs else v for n, v in fixed.items()}

    def derived(self, derived: Mapping[str, Callable[[Point], Any]]) -> dict[str, Callable[[Point], Any]]:
        def reading(spec: Parameter, function: Callable[[Point], Any]) -> Callable[[Point], Any]:
            return lambda point: self.one(spec, function(point))

        return {n: reading(self.specs[n], f) if n in self.specs else f for n, f in derived.items()}


def stage_name(stage: object) -> str:
    """What messages call a stage: `coherence.mean`, or a user's function by its name."""
    name = str(getattr(stage, "__name__", type(stage).__name__))
    package, _, module = str(getattr(stage, "__module__", "")).rpartition(".")
    return f"{module}.{name}" if package == "isinglass.analysis" else name


# ---------------------------------------------------------------- values as text


def parse_value(spec: Parameter, text: str) -> Any:
    """One value of a parameter as a user writes it. Raises InputError."""
    text = text.strip()
    if spec.type is bool:
        if text.lower() not in ("true", "false"):
            raise InputError(f"{spec.name} = {text!r}: write true or false")
        return text.lower() == "true"
    if issubclass(spec.type, str):
        return text
    try:
        return int(text) if spec.type is int else float(text)
    except ValueError:
        try:
            return float(text)  # a whole number may be written 1e3; canonical() refuses any other fraction
        except ValueError:
            kind = "a whole number" if spec.type is int else "a number"
            unit = "" if spec.units == "1" else f" (in {spec.units})"
            raise InputError(f"{spec.name} = {text!r} is not {kind}{unit}") from None


def parse_values(spec: Parameter, text: str) -> list[Any]:
    """VALUES: `0.1`, `0.1,0.2`, `start:stop:count` (linear), `log:start:stop:count`. Raises InputError."""
    how = "write 0.1 or 0.1,0.2 or start:stop:count or log:start:stop:count"
    if issubclass(spec.type, (str, bool)) or ":" not in text:
        parts = text.split(",")
        if not all(part.strip() for part in parts):
            raise InputError(f"--set {spec.name}={text}: a value is missing; {how}")
        return [parse_value(spec, part) for part in parts]
    words = text.split(":")
    log = words[0] == "log"
    words = words[1:] if log else words
    if len(words) != 3:
        raise InputError(f"--set {spec.name}={text}: malformed; {how}")
    start, stop = (float(parse_value(replace(spec, type=float), w)) for w in words[:2])
    words[2] = words[2].strip()
    if not (words[2].isascii() and words[2].isdigit() and words[2].strip("0")):
        raise InputError(f"--set {spec.name}={text}: the count {words[2]!r} is not a positive whole number; {how}")
    if len(words[2]) > 7 or int(words[2]) > MAX_VALUES:
        raise InputError(f"--set {spec.name}={text}: a grid has at most {MAX_VALUES} values an axis; take fewer")
    count = int(words[2])
    for end in (start, stop):
        if not math.isfinite(end):
            raise InputError(f"--set {spec.name}={text}: both ends must be finite")
    if log and not (start > 0 and stop > 0):
        raise InputError(f"--set {spec.name}={text}: a logarithmic range needs positive ends")
    values = np.geomspace(start, stop, count) if log else np.linspace(start, stop, count)
    if spec.type is int:
        values = np.unique(np.round(values)) if log else values
        if (values != np.round(values)).any():
            raise InputError(f"--set {spec.name}={text}: {count} steps between these ends are no whole numbers")
    return [float(v) for v in values]


def _read_csv(path: Path, specs: Mapping[str, Parameter]) -> dict[str, list[Any]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"points file {path}: {getattr(error, 'strerror', None) or error}") from error
    if len(rows) < 2:
        raise InputError(
            f"points file {path} lists no point: the first line names parameters, each further line is one"
        )
    names = [name.strip() for name in rows[0][1]]
    for name in names:
        if name not in specs:
            raise InputError(f"points file {path}: the model has no parameter {name!r}; {known(name, specs)}")
    if len(set(names)) < len(names):
        raise InputError(f"points file {path}: a column stands there twice: {', '.join(names)}")
    columns: dict[str, list[Any]] = {name: [] for name in names}
    read = _Reader(specs, path.parent)
    seen: dict[tuple[Any, ...], int] = {}
    for number, row in rows[1:]:
        if len(row) != len(names):
            raise InputError(f"points file {path}, line {number}: {len(row)} values for {len(names)} columns")
        for name, cell in zip(names, row, strict=True):
            try:
                spec, value = specs[name], parse_value(specs[name], cell)
                value = read.one(spec, value) if spec.type is Array else value
                columns[name].append(canonical(spec, value))
            except InputError as error:
                raise InputError(f"points file {path}, line {number}: {error}") from error
        first = seen.setdefault(tuple(column[-1] for column in columns.values()), number)
        if first != number:
            raise InputError(f"points file {path}, line {number}: the same point as line {first}; remove one")
    return columns


# ---------------------------------------------------------------- finding workflows


def workflow_files() -> dict[str, Path]:
    """Every workflow by name: shipped ones, and over them those in `./workflows`."""
    folders = (shipped("workflows"), Path("workflows"))
    return {p.stem.replace("_", "-"): p for f in folders for p in sorted(f.glob("*.py")) if not p.stem.startswith("_")}


def load_workflow(name_or_path: str | Path) -> Workflow:
    """A workflow by name (shipped, or in `./workflows`) or by the path of its `.py` file.

    Workflow files are code and run with your rights. Raises InputError where there is none, where the file cannot be
    imported (naming file and line), or where it defines no or several workflows.
    """
    word = str(name_or_path)
    if word.endswith(".py") or "/" in word:
        path = Path(word)
        if not path.is_file():
            raise InputError(f"{word}: there is no such workflow file")
    else:
        files = workflow_files()
        if word not in files:
            raise InputError(f"unknown workflow {word!r}; {known(word, files)}")
        path = files[word]
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from error
    return from_text(text, path, path.stem.replace("_", "-"))


def from_text(text: str, path: Path, name: str) -> Workflow:
    """The workflow that a file's text declares."""
    module = import_text(text, str(path))
    found = {k: v for k, v in vars(module).items() if isinstance(v, Workflow)}
    workflow = found.get("workflow") or (next(iter(found.values())) if len(found) == 1 else None)
    if workflow is None:
        many = f"several workflows ({', '.join(found)}): name one of them `workflow`"
        raise InputError(
            f"{path} defines {many if found else 'no workflow: write `workflow = Workflow(model=..., axes=...)`'}"
        )
    out = replace(workflow, name=name, text=text, path=path.absolute())
    if out.record is not None:  # a class without a definition of its own: other processes find it as `workflow.model`
        variable = next(k for k, v in found.items() if v is workflow)
        out.model.__module__, out.model.__qualname__ = module.__name__, f"{variable}.model"
    return out
