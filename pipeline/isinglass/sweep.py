"""The labelled grid of a sweep: pure functions.

Nothing here runs, writes or reads anything. What stands here is the format: canonical values and the order of labels.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from isinglass.exceptions import InputError, known, told
from isinglass.keys import Point, StreamKeys
from isinglass.models.base import Model, Parameter, Value, canonical, construct, overrides, parameters

POINT = "point"


# ---------------------------------------------------------------- the grid


@dataclass(frozen=True)
class Coords:
    """Coordinates of a model's own dims over a grid's points, the last point dimension fastest.

    `values`: dim -> the distinct coordinates; `which`: dim -> whose is whose, int (points,), -1 where there is none;
    `errors`: row -> what the point's model raised.
    """

    values: dict[str, list[np.ndarray]]
    which: dict[str, np.ndarray]
    attributes: dict[str, dict[str, str]]
    errors: dict[int, Exception]


@dataclass(frozen=True)
class Grid:
    """What a store declares: every label of every simulation.

    `axes`: parameter -> canonical values; each axis is its own dimension, or with `points` all are coordinates of the
    one dimension `point`. `fixed`: every parameter that is neither axis nor derived. `derived`: arrays over `shape`.
    """

    model: type[Model]
    axes: dict[str, tuple[Value, ...]]
    points: bool
    samples: int
    replicas: int
    fixed: dict[str, Value]
    derived: dict[str, np.ndarray]
    seed: int
    paired: tuple[str, ...]

    @property
    def dims(self) -> tuple[str, ...]:
        return (POINT,) if self.points else tuple(self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the point dimensions."""
        lengths = tuple(len(v) for v in self.axes.values())
        return lengths[:1] if self.points else lengths

    @property
    def full_dims(self) -> tuple[str, ...]:
        return (*self.dims, "sample", "replica")

    @property
    def full_shape(self) -> tuple[int, ...]:
        return (*self.shape, self.samples, self.replicas)

    @property
    def keys(self) -> StreamKeys:
        return StreamKeys.of(self.model, self.seed, self.paired)

    def labels(self, dim: int) -> tuple[Any, ...]:
        """The labels along one point dimension: axis values, or in points mode parameter tuples."""
        values = tuple(self.axes.values())
        return tuple(zip(*values, strict=True)) if self.points else values[dim]

    def point(self, index: Sequence[Any]) -> Point:
        """Every parameter of one point, by its index along the point dimensions."""
        where = tuple(index)
        at = where * len(self.axes) if self.points else where
        out: Point = dict(self.fixed)
        out.update((name, values[i]) for (name, values), i in zip(self.axes.items(), at, strict=True))
        out.update((name, array[where]) for name, array in self.derived.items())
        return out

    def columns(self) -> dict[str, list[Value]]:
        """Every parameter that is not fixed -> its value at every point, the last point dimension fastest."""
        if self.points:
            out = {name: list(values) for name, values in self.axes.items()}
        else:
            out, before, after = {}, 1, math.prod(self.shape)
            for name, values in self.axes.items():
                after //= len(values)
                out[name] = [value for value in values for _ in range(after)] * before
                before *= len(values)
        out.update((name, array.ravel().tolist()) for name, array in self.derived.items())
        return out

    def each(self) -> Iterator[Point]:
        """Every point's parameters, the last point dimension fastest."""
        columns = self.columns()
        for row in zip(*columns.values(), strict=True):
            yield {**self.fixed, **dict(zip(columns, row, strict=True))}

    @functools.cached_property
    def coords(self) -> Coords:
        """The own dims' coordinates at every point whose model can be constructed."""
        names = list(dict.fromkeys(d for o in self.model.observables for d in o.dims))
        out = Coords({}, {}, {}, {})
        seen: dict[tuple[str, str, bytes], int] = {}
        for row, point in enumerate(self.each() if names else ()):
            try:
                coords = construct(self.model, point).coords()
            except Exception as error:
                out.errors[row] = error
                continue
            for name in names:
                if name not in coords:
                    continue
                values, out.attributes[name] = np.asarray(coords[name][0]), coords[name][1]
                key = (name, values.dtype.str, values.tobytes())
                distinct = out.values.setdefault(name, [])
                if key not in seen:
                    seen[key] = len(distinct)
                    distinct.append(values)
                which = out.which.setdefault(name, np.full(math.prod(self.shape), -1))
                which[row] = seen[key]
        return out

    def part(self, box: Sequence[slice]) -> Grid:
        """The grid of one box of points."""
        at = list(box) * len(self.axes) if self.points else list(box)
        axes = {name: values[s] for (name, values), s in zip(self.axes.items(), at, strict=True)}
        return replace(self, axes=axes, derived={n: a[tuple(box)] for n, a in self.derived.items()})

    def quenched_dims(self) -> tuple[bool, ...]:
        """Which point dimensions shape the disorder, by an axis or by a derived parameter that varies along them."""
        specs = parameters(self.model)
        if self.points:
            return (any(specs[n].quenched for n in (*self.axes, *self.derived)),)
        out = []
        for i, name in enumerate(self.axes):
            varies = [n for n, a in self.derived.items() if specs[n].quenched and i in varying_dims(a)]
            out.append(specs[name].quenched or bool(varies))
        return tuple(out)

    def identity(self) -> dict[str, Any]:
        """What must agree for two sweeps to share a folder (derived values besides, where grids overlap)."""
        return {
            "model": self.model.__name__,
            "axes": list(self.axes),
            "points": self.points,
            "fixed": self.fixed,
            "derived": sorted(self.derived),
            "seed": self.seed,
            "paired": sorted(self.paired),
        }


def varying_dims(array: np.ndarray) -> tuple[int, ...]:
    """The dimensions along which an array is not constant."""
    return tuple(i for i in range(array.ndim) if array.shape[i] > 1 and (array != array.take([0], axis=i)).any())


@dataclass(frozen=True)
class Sweep:
    """What is asked: axes or a list of points, samples, replicas, and the functions that derive and choose points."""

    model: type[Model]
    axes: Mapping[str, Sequence[Any]]
    points: bool = False
    samples: int = 1
    replicas: int = 1
    fixed: Mapping[str, Any] = field(default_factory=dict)
    derived: Mapping[str, Callable[[Point], Any]] = field(default_factory=dict)
    where: Callable[[Point], Any] | None = None
    seed: int = 0
    paired: tuple[str, ...] = ()

    def grid(self) -> Grid:
        """The grid of what is asked. Raises InputError for anything that does not fit the model."""
        specs = parameters(self.model)
        self._check_names(specs)
        axes = {name: _axis(specs[name], values, self.points) for name, values in self.axes.items()}
        if self.points:
            axes = _sorted_points(axes)
        return self.evaluate(axes, _count("samples", self.samples), _replicas(self.model, self.replicas))

    def evaluate(self, axes: dict[str, tuple[Value, ...]], samples: int, replicas: int) -> Grid:
        """The grid over given canonical axes, with derived parameters computed at every point."""
        specs = parameters(self.model)
        fixed: dict[str, Value] = {}
        for name, spec in specs.items():
            if name in axes or name in self.derived:
                continue
            value = self.fixed.get(name, spec.default)
            fixed[name] = canonical(spec, value)
        seed, spec_seed = self.seed, Parameter("seed", int, "1", "workflow seed", minimum=0)
        bare = Grid(
            self.model, axes, self.points, samples, replicas, fixed, {}, int(canonical(spec_seed, seed)), self.paired
        )
        grid = self._derive(bare) if self.derived else bare
        self._check_paired(grid)
        return grid

    def keep(self, grid: Grid) -> np.ndarray:
        """Which points to compute, bool over `grid.shape`; constructs each one's model, so that a bad one shows now."""
        out = np.ones(grid.shape, bool)
        if self.where is None and not overrides(self.model, "__post_init__"):
            return out
        flat = out.reshape(-1)
        for i, point in enumerate(grid.each()):
            if self.where is not None and not _call("where", self.where, point):
                flat[i] = False
                continue
            try:
                construct(self.model, point)
            except Exception as error:
                what = str(error) if isinstance(error, ValueError) else told(error)
                at = describe(grid, np.unravel_index(i, grid.shape))
                raise InputError(f"{self.model.__name__} at {at}: {what}") from error
        if not out.any():
            raise InputError("`where` keeps none of the points: nothing to compute; loosen it")
        return out

    def _check_names(self, specs: Mapping[str, Parameter]) -> None:
        model = self.model.__name__
        for kind, names in (
            ("axis", self.axes), ("fixed parameter", self.fixed), ("derived parameter", self.derived),
            ("paired parameter", self.paired),
        ):  # fmt: skip
            for name in names:
                if name not in specs:
                    raise InputError(f"unknown {kind} {name!r}: {model} has no such parameter; {known(name, specs)}")
        for name in self.axes:
            if name in self.fixed:
                raise InputError(f"{name!r} is both an axis and fixed: take it out of one of them")
        for name in self.derived:
            if name in self.axes or name in self.fixed:
                raise InputError(
                    f"{name!r} is derived and also {'an axis' if name in self.axes else 'fixed'}: choose one"
                )
        for name in self.paired:
            if name in self.fixed:
                raise InputError(f"{name!r} is paired but fixed: only an axis or a derived parameter can be paired")
        for name, spec in specs.items():
            if spec.required and not (name in self.axes or name in self.fixed or name in self.derived):
                raise InputError(
                    f"{model} needs {name!r} ({spec.doc}): make it an axis or fix it with --set {name}=VALUE"
                )

    def _derive(self, bare: Grid) -> Grid:
        specs = parameters(self.model)
        out = {name: np.empty(bare.shape, object) for name in self.derived}
        for i, point in enumerate(bare.each()):
            for name, function in self.derived.items():
                value = _call(f"derived {name!r}", function, point)
                try:
                    out[name].reshape(-1)[i] = point[name] = canonical(specs[name], value)
                except InputError as error:
                    at = describe(bare, np.unravel_index(i, bare.shape))
                    raise InputError(f"derived at {at}: {error}") from error
        return replace(bare, derived=out)

    def _check_paired(self, grid: Grid) -> None:
        """Along a paired axis the noise must be the same: a derived parameter that varies there must be paired too."""
        free = [n for n in grid.axes if n not in grid.paired]
        for name in sorted(set(grid.derived) - set(grid.paired)) if len(free) < len(grid.axes) else ():
            seen: dict[tuple[Value, ...], Value] = {}
            for point in grid.each():
                if seen.setdefault(tuple(point[n] for n in free), point[name]) != point[name]:
                    raise InputError(
                        f"derived {name!r} varies along the paired {', '.join(grid.paired)}, where the noise must be "
                        f"the same: add {name!r} to `paired`"
                    )


def _call(what: str, function: Callable[[Point], Any], point: Point) -> Any:
    try:
        return function(point)
    except Exception as error:
        values = ", ".join(f"{k}={v!r}" for k, v in point.items())
        raise InputError(f"{what} raises {told(error)} at {values}") from error


def describe(grid: Grid, index: Sequence[Any]) -> str:
    """A point as a user writes it: the axes' values."""
    point = grid.point(index)
    return " ".join(f"{name}={point[name]}" for name in grid.axes)


def _axis(spec: Parameter, values: Any, points: bool) -> tuple[Value, ...]:
    if isinstance(values, (str, bytes)) or not isinstance(values, (Iterable, np.ndarray)):
        values = [values]
    out = [canonical(spec, v) for v in values]
    if not out:
        raise InputError(f"axis {spec.name!r} is empty: give it at least one value")
    if points:
        return tuple(out)
    if len(set(out)) < len(out):
        twice = next(v for i, v in enumerate(out) if v in out[:i])
        raise InputError(f"axis {spec.name!r} has {twice!r} twice (values agree to 15 significant digits): remove one")
    return tuple(out) if issubclass(spec.type, str) else tuple(sorted(out))


def _sorted_points(axes: dict[str, tuple[Value, ...]]) -> dict[str, tuple[Value, ...]]:
    if not axes:
        raise InputError("points: the list has no columns; the first line names the parameters")
    rows = list(zip(*axes.values(), strict=True))
    if len(set(rows)) < len(rows):
        twice = next(r for i, r in enumerate(rows) if r in rows[:i])
        raise InputError(f"points: {dict(zip(axes, twice, strict=True))} is listed twice: remove one")
    return dict(zip(axes, zip(*sorted(rows, key=tuple), strict=True), strict=True))


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise InputError(f"{name} = {value!r}: it is a whole number, at least 1")
    return int(value)


def _replicas(model: type[Model], replicas: Any) -> int:
    lanes = model.lanes
    return -(-_count("replicas", replicas) // lanes) * lanes


# ---------------------------------------------------------------- unions of grids


def unite(old: Grid, sweep: Sweep, new: Grid) -> Grid:
    """The union of a declared grid and a newly asked one. Raises InputError where they are not one run's.

    Numeric axes ascend, strings stand in order of first appearance, points in order of their parameter tuples.
    """
    a, b = old.identity(), new.identity()
    differences = {k: _short(a[k], b[k]) for k in a if a[k] != b[k] and (k != "fixed" or a["axes"] == b["axes"])}
    if differences:
        raise InputError("it holds another sweep: " + "; ".join(f"{k}: {v}" for k, v in differences.items()))
    axes: dict[str, tuple[Value, ...]] = {}
    if old.points:
        rows = sorted({*old.labels(0), *new.labels(0)})
        axes = dict(zip(old.axes, zip(*rows, strict=True), strict=True))
    else:
        for name, values in old.axes.items():
            merged = tuple(dict.fromkeys((*values, *new.axes[name])))
            axes[name] = merged if issubclass(parameters(old.model)[name].type, str) else tuple(sorted(merged))
    samples, replicas = max(old.samples, new.samples), max(old.replicas, new.replicas)
    same = axes == new.axes and (samples, replicas) == (new.samples, new.replicas)
    union = new if same else sweep.evaluate(axes, samples, replicas)
    at = np.ix_(*locate(old, union))
    for name, array in union.derived.items():
        changed = np.argwhere(array[at] != old.derived[name])
        if len(changed):
            i = tuple(changed[0])
            raise InputError(
                f"it holds another sweep: derived {name!r} at {describe(old, i)} "
                f"was {old.derived[name][i]!r}, now {array[at][i]!r}"
            )
    return union


def _short(a: Any, b: Any) -> str:
    if isinstance(a, dict):
        return ", ".join(f"{k} was {a.get(k)!r}, now {b.get(k)!r}" for k in {**a, **b} if a.get(k) != b.get(k))
    return f"was {a!r}, now {b!r}"


def locate(inner: Grid, outer: Grid) -> tuple[np.ndarray, ...]:
    """Where the labels of `inner` stand in `outer`, one index array a point dimension."""
    out = []
    for dim in range(len(inner.dims)):
        position = {label: i for i, label in enumerate(outer.labels(dim))}
        out.append(np.array([position[label] for label in inner.labels(dim)], dtype=np.intp))
    return tuple(out)
