"""The labelled grid of a sweep and the random-number keys of its simulations: pure functions.

Nothing here runs, writes or reads anything. What stands here is the format: canonical values, the byte encoding of
stream keys, the order of labels.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

import numpy as np

from isinglass.arrays import absent
from isinglass.exceptions import InputError, known, told
from isinglass.kernels.streams import STREAMS_VERSION
from isinglass.models.base import Model, Parameter, Value, canonical, construct, parameters

POINT = "point"
Point = dict[str, Value]


# ---------------------------------------------------------------- stream keys


@functools.lru_cache(maxsize=65536, typed=True)
def encode(value: Value) -> bytes:
    """One item of a stream key: type tag, length of the payload (uint32, little-endian), payload.

    Tags and payloads: `f` the repr of the canonical float, `i` decimal digits, `b` true or false, `s` UTF-8.
    """
    if isinstance(value, bool):
        tag, text = b"b", "true" if value else "false"
    elif isinstance(value, int):
        tag, text = b"i", str(value)
    elif isinstance(value, float):
        tag, text = b"f", repr(value)
    else:
        tag, text = b"s", value
    payload = text.encode()
    return tag + len(payload).to_bytes(4, "little") + payload


@dataclass(frozen=True)
class StreamKeys:
    """Random-number streams as a function of labels: BLAKE2b-256 of the encoded key is a xoshiro256++ state.

    Disorder: (streams_version, "disorder", model, seed, quenched `name, value` sorted by name, sample). Noise: (...,
    "noise", ..., all parameters but the paired and the unkeyed, sample, replica).
    """

    model: str
    seed: int
    quenched: tuple[str, ...]
    noisy: tuple[str, ...]

    @classmethod
    def of(cls, model: type[Model], seed: int, paired: Iterable[str]) -> StreamKeys:
        specs, paired = parameters(model), set(paired)
        return cls(
            model=model.__name__,
            seed=seed,
            quenched=tuple(sorted(n for n, s in specs.items() if s.quenched and s.keyed)),
            noisy=tuple(sorted(n for n, s in specs.items() if s.keyed and n not in paired)),
        )

    def _prefix(self, kind: str, names: Sequence[str], point: Mapping[str, Value]) -> Any:
        items = [encode(v) for v in (STREAMS_VERSION, kind, self.model, self.seed)]
        for name in (n for n in names if not absent(point[n])):
            items += (encode(name), encode(point[name]))
        return blake2b(b"".join(items), digest_size=32)

    def disorder_key(self, point: Mapping[str, Value]) -> tuple[Value, ...]:
        """What points have in common that share their samples."""
        return tuple(point[name] for name in self.quenched)

    def disorder(self, point: Mapping[str, Value], samples: Iterable[int]) -> list[bytes]:
        """The 32 bytes of each sample's disorder stream."""
        prefix = self._prefix("disorder", self.quenched, point)
        return [_extend(prefix, sample).digest() for sample in samples]

    def noise(self, point: Mapping[str, Value], samples: Iterable[int], replicas: Sequence[int]) -> list[list[bytes]]:
        """The 32 bytes of each noise stream, [sample][replica]."""
        prefix = self._prefix("noise", self.noisy, point)
        by_sample = [_extend(prefix, sample) for sample in samples]
        return [[_extend(h, replica).digest() for replica in replicas] for h in by_sample]


def _extend(prefix: Any, label: int) -> Any:
    h = prefix.copy()
    h.update(encode(label))
    return h


def states(digests: Iterable[bytes]) -> np.ndarray:
    """Digests as xoshiro256++ states: uint64 (n, 4), little-endian words."""
    return np.frombuffer(b"".join(digests), dtype="<u8").reshape(-1, 4).astype(np.uint64)


# ---------------------------------------------------------------- the grid


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

    def point(self, index: Sequence[int]) -> Point:
        """Every parameter of one point, by its index along the point dimensions."""
        where = tuple(index)
        at = where * len(self.axes) if self.points else where
        out: Point = dict(self.fixed)
        out.update((name, values[i]) for (name, values), i in zip(self.axes.items(), at, strict=True))
        out.update((name, array[where]) for name, array in self.derived.items())
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
        for index in np.ndindex(*grid.shape):
            point = grid.point(index)
            if self.where is not None and not _call("where", self.where, point):
                out[index] = False
                continue
            try:
                construct(self.model, point)
            except Exception as error:
                what = str(error) if isinstance(error, ValueError) else told(error)
                raise InputError(f"{self.model.__name__} at {describe(grid, index)}: {what}") from error
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
        for index in np.ndindex(*bare.shape):
            point = bare.point(index)
            for name, function in self.derived.items():
                value = _call(f"derived {name!r}", function, point)
                try:
                    out[name][index] = point[name] = canonical(specs[name], value)
                except InputError as error:
                    raise InputError(f"derived at {describe(bare, index)}: {error}") from error
        return replace(bare, derived=out)

    def _check_paired(self, grid: Grid) -> None:
        """Along a paired axis the noise must be the same: a derived parameter that varies there must be paired too."""
        free = [n for n in grid.axes if n not in grid.paired]
        for name in sorted(set(grid.derived) - set(grid.paired)) if len(free) < len(grid.axes) else ():
            seen: dict[tuple[Value, ...], Value] = {}
            for index in np.ndindex(*grid.shape):
                point = grid.point(index)
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


def describe(grid: Grid, index: Sequence[int]) -> str:
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
    union = sweep.evaluate(axes, max(old.samples, new.samples), max(old.replicas, new.replicas))
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
