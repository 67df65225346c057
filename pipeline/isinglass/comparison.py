"""Two runs compared: the points they share, the difference of means with its standard error, which of them differ.

A row is one element of one observable at one shared point. Where both runs drew the same disorder (model, seed and all
quenched values agree) the samples are the same, and the difference is taken sample by sample; elsewhere the runs are
independent, the error is √(se_A² + se_B²), and the degrees of freedom are Welch's. Student's t gives each row a
p-value; the false discovery rate is held by Benjamini and Yekutieli (2001), which allows for any dependence: points
share their samples, and observables their simulations.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.analysis.errors import DONE, sample_means
from isinglass.dataset import Store, open_zarr
from isinglass.exceptions import InputError, known
from isinglass.generations import require
from isinglass.inspection import stored_model
from isinglass.models.base import parameters
from isinglass.results import reading
from isinglass.sweep import Grid

if TYPE_CHECKING:
    import xarray as xr

RATE = 0.05
"""The expected share of false ones among the differences that are called significant."""
ROUNDING = 64
"""Differences of means below this many units in the last place are rounding, not physics."""


@dataclass(frozen=True)
class Side:
    """One run: folder, store, grid, dataset with one dim `at` over all its points, and the row of each label."""

    root: Path
    store: Store
    grid: Grid
    flat: xr.Dataset
    rows: dict[tuple[Any, ...], int]


@dataclass(frozen=True)
class Matched:
    """Two runs and the points they share. `names`: the parameters that label a point; `labels`: of the shared ones."""

    a: Side
    b: Side
    names: tuple[str, ...]
    labels: list[tuple[Any, ...]]
    at_a: np.ndarray
    at_b: np.ndarray
    paired: np.ndarray


# ---------------------------------------------------------------- the points that two runs share


def match(one: Path, other: Path) -> Matched:
    """Align two run folders on the values of their axes. Raises InputError where nothing can be aligned, or is shared.

    A parameter that one run sweeps and the other fixes is an axis of one value there.
    """
    stores = [require(root) for root in (one, other)]
    grids = [store.grid(stored_model(store)) for store in stores]
    swept = [*grids[0].axes, *(n for n in grids[1].axes if n not in grids[0].axes)]
    for root, grid, foreign in ((one, grids[0], grids[1]), (other, grids[1], grids[0])):
        lost = [n for n in grid.axes if n not in parameters(foreign.model)]
        if lost:
            raise InputError(
                f"{root} sweeps {', '.join(lost)}, which {foreign.model.__name__} does not have: "
                "runs are compared along parameters of the same name; take runs of one model"
            )
    sides = [_side(*args, swept) for args in zip((one, other), stores, grids, strict=True)]
    a, b = sides
    shared = [label for label in a.rows if label in b.rows]
    if not shared:
        raise InputError(f"{one} and {other} share no point: no combination of {', '.join(swept)} is in both")
    at = [np.array([side.rows[label] for label in shared]) for side in sides]
    return Matched(a, b, tuple(swept), shared, at[0], at[1], _paired(a, b, at[0], at[1]))


def _side(root: Path, store: Store, grid: Grid, swept: Sequence[str]) -> Side:
    with reading(root):
        ds = open_zarr(store.path)
    dims = [str(d) for d in ds["status"].dims if d not in ("sample", "replica")]
    columns = []
    for name in swept:
        if name in ds.coords:
            values = ds[name].broadcast_like(ds["status"].isel(sample=0, replica=0, drop=True)).transpose(*dims).values
            columns.append(values.reshape(-1).tolist())
        else:
            columns.append([grid.fixed[name]] * math.prod(grid.shape))
    rows = {tuple(map(_plain, label)): row for row, label in enumerate(zip(*columns, strict=True))}
    return Side(root, store, grid, ds, rows)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value


def _paired(a: Side, b: Side, at_a: np.ndarray, at_b: np.ndarray) -> np.ndarray:
    """At which shared points both runs drew the same disorder: bool (points,)."""
    same = np.full(len(at_a), a.grid.model.__name__ == b.grid.model.__name__ and a.grid.seed == b.grid.seed)
    if same.any():
        specs = (parameters(a.grid.model), parameters(b.grid.model))
        quenched = [{n for n, s in own.items() if s.quenched and s.keyed} for own in specs]
        same &= quenched[0] == quenched[1]
        for name in quenched[0] & quenched[1]:
            same &= values_of(a.grid, name)[at_a] == values_of(b.grid, name)[at_b]
    return same


def values_of(grid: Grid, name: str) -> np.ndarray:
    """One parameter at every point of a grid, in the order of its rows: object (points,)."""
    points = math.prod(grid.shape)
    if name in grid.axes:
        column = np.empty(len(grid.axes[name]), object)
        column[:] = list(grid.axes[name])
        if grid.points:
            return column
        shape = [-1 if n == name else 1 for n in grid.axes]
        return np.broadcast_to(column.reshape(shape), grid.shape).reshape(-1)
    if name in grid.derived:
        return np.asarray(grid.derived[name], object).reshape(-1)
    out = np.empty(points, object)
    out[:] = [grid.fixed[name]] * points
    return out


# ---------------------------------------------------------------- differences


@dataclass(frozen=True)
class Difference:
    """One observable (or one part of a complex one) at all shared points: arrays (points, elements).

    `elements`: labels of what its own dims hold, one empty label where it has none.
    """

    name: str
    units: str
    role: str | None
    elements: list[str]
    delta: np.ndarray
    error: np.ndarray
    degrees: np.ndarray
    count: np.ndarray
    p: np.ndarray

    @property
    def z(self) -> np.ndarray:
        """Δ/SE; 0 where Δ is 0, ±inf where all samples differ by the same."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.delta == 0, np.where(np.isnan(self.error), np.nan, 0.0), self.delta / self.error)


def shared_observables(matched: Matched, wanted: str | None = None) -> tuple[list[str], list[str]]:
    """Observables of both runs with one unit, dims and own coordinates; and for others, why not. Raises InputError."""
    declared = [{o["name"]: o for o in side.store.declaration["observables"]} for side in (matched.a, matched.b)]
    taken, left = [], []
    for name in [*declared[0], *(n for n in declared[1] if n not in declared[0])]:
        one, other = declared[0].get(name), declared[1].get(name)
        if one is None or other is None:
            left.append(f"{name} is only in {'A' if other is None else 'B'}")
        elif one["units"] != other["units"] or one["dims"] != other["dims"]:
            left.append(
                f"{name} has other units or dims: {one['units']} {one['dims']}, {other['units']} {other['dims']}"
            )
        elif any(not _same_dim(matched, dim) for dim in one["dims"]):
            left.append(f"{name} has other values along {', '.join(one['dims'])}")
        else:
            taken.append(name)
    if wanted is not None and wanted not in taken:
        why = next((w for w in left if w.split()[0] == wanted), known(wanted, taken))
        raise InputError(f"{wanted!r} is no observable of both: {why}")
    if not taken:
        raise InputError(f"{matched.a.root} and {matched.b.root} share no observable: {'; '.join(left[:5])}")
    return ([wanted] if wanted is not None else taken), left


def _same_dim(matched: Matched, dim: str) -> bool:
    a, b = matched.a.flat, matched.b.flat
    if not np.array_equal(a[dim].values, b[dim].values):
        return False
    if f"{dim}_value" in a.coords or f"{dim}_value" in b.coords:
        if not (f"{dim}_value" in a.coords and f"{dim}_value" in b.coords):
            return False
        values = [c.values.reshape(-1, c.shape[-1]) for c in (a[f"{dim}_value"], b[f"{dim}_value"])]
        return np.array_equal(values[0][matched.at_a], values[1][matched.at_b], equal_nan=True)
    return True


def same_bytes(matched: Matched, name: str) -> bool | None:
    """Whether an observable has the same bytes at all shared points, samples and replicas that are done in both.

    None where none is.
    """
    raw = [_rows_of(side, name, at) for side, at in ((matched.a, matched.at_a), (matched.b, matched.at_b))]
    states = [_rows_of(side, "status", at) for side, at in ((matched.a, matched.at_a), (matched.b, matched.at_b))]
    n, r = (min(s.shape[d] for s in states) for d in (1, 2))
    both = (states[0][:, :n, :r] == DONE) & (states[1][:, :n, :r] == DONE)
    if not both.any():
        return None
    parts = [np.ascontiguousarray(values[:, :n, :r][both]) for values in raw]
    return parts[0].dtype == parts[1].dtype and parts[0].tobytes() == parts[1].tobytes()


def _rows_of(side: Side, name: str, at: np.ndarray) -> np.ndarray:
    """An observable at some points: (points, sample, replica, own...)."""
    da = side.flat[name]
    own = [d for d in da.dims if d not in side.flat["status"].dims]
    with reading(side.root):
        values = da.transpose(*side.flat["status"].dims, *own).values
    return np.asarray(values.reshape(-1, *values.shape[len(side.grid.shape) :])[at])


def differences(matched: Matched, name: str) -> list[Difference]:
    """The difference B - A of one observable at all shared points; of a complex one its real and imaginary part."""
    da = matched.a.flat[name]
    means = [_means_of(side, name, at) for side, at in ((matched.a, matched.at_a), (matched.b, matched.at_b))]
    own = [str(d) for d in da.dims if d not in matched.a.flat["status"].dims]
    shape = tuple(da.sizes[d] for d in own)
    elements = [
        " ".join(f"{d}={matched.a.flat[d].values[i]}" for d, i in zip(own, index, strict=True))
        for index in np.ndindex(*shape)
    ]
    tables = [m.reshape(*m.shape[:2], -1) for m in means]
    split = [("_real", np.real), ("_imag", np.imag)] if np.iscomplexobj(tables[0]) else [("", np.asarray)]
    small = [side.flat[name].dtype for side in (matched.a, matched.b)]
    eps = max(float(np.finfo(dt).eps) if dt.kind in "fc" else 0.0 for dt in small)
    out = []
    for suffix, part in split:
        found = welch_or_paired(part(tables[0]), part(tables[1]), matched.paired, eps)
        out.append(Difference(name + suffix, da.attrs.get("units", "1"), da.attrs.get("role"), elements, *found))
    return out


def _means_of(side: Side, name: str, at: np.ndarray) -> np.ndarray:
    """Means over replicas of each sample at some points: (points, sample, own...)."""
    with reading(side.root):
        ds = side.flat[[name, "status"]].load()
    means = sample_means(ds[name], ds["status"])
    dims = [str(d) for d in side.flat["status"].dims if d != "replica"]
    values = means.transpose(*dims, *(d for d in means.dims if d not in dims)).values
    return np.asarray(values.reshape(-1, *values.shape[len(side.grid.shape) :])[at])


def welch_or_paired(
    a: np.ndarray, b: np.ndarray, paired: np.ndarray, eps: float = 2.2e-16
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Δ = ⟨b⟩ - ⟨a⟩, its standard error, degrees of freedom, the smaller number of samples, and the p-value.

    `a`, `b`: means of samples (points, sample, elements), NaN where there is none; `paired` (points,): where sample i
    of both is the same. Results are (points, elements). The error is NaN below two samples on a side. A Δ of a few
    `eps` of the values is 0. A row that does not scatter has no t: p is 1 for Δ = 0; else 0 if the observable scatters
    nowhere (it is a function of the parameters), and otherwise that of an exact test, the share of sign flips (paired)
    or of ways to deal the samples to the two runs that set them as far apart: 2^(1-n), or 2 n_A! n_B!/(n_A + n_B)!.
    """
    from scipy import special, stats

    points, elements = a.shape[0], a.shape[2]
    delta, error, degrees, least = (np.full((points, elements), np.nan) for _ in range(4))
    count = np.zeros((points, elements), np.int32)
    n = min(a.shape[1], b.shape[1])
    if paired.any():
        delta[paired], square, many = _moments(b[paired][:, :n] - a[paired][:, :n])
        error[paired], degrees[paired], count[paired] = np.sqrt(square), np.where(many > 1, many - 1.0, np.nan), many
        least[paired] = 2.0 ** (1 - many)
    apart = ~paired
    if apart.any():
        (mean_a, square_a, many_a), (mean_b, square_b, many_b) = _moments(a[apart]), _moments(b[apart])
        square = square_a + square_b
        with np.errstate(divide="ignore", invalid="ignore"):
            welch = square**2 / (square_a**2 / (many_a - 1.0) + square_b**2 / (many_b - 1.0))
        delta[apart], error[apart], count[apart] = mean_b - mean_a, np.sqrt(square), np.minimum(many_a, many_b)
        least[apart] = 2 / special.comb(many_a + many_b, many_a)
        degrees[apart] = np.where(square > 0, welch, np.where(np.isnan(square), np.nan, 1.0))
    largest = [np.nan_to_num(np.abs(x)).max(axis=1, initial=0) for x in (a, b)]
    scale = np.maximum(largest[0], largest[1])
    delta = np.where(np.abs(delta) <= ROUNDING * eps * scale, 0.0, delta)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * stats.t.sf(np.abs(delta / error), degrees)
    if not (error > 0).any():
        least[:] = 0.0
    p = np.where(error == 0, np.where(delta == 0, 1.0, least), p)
    return delta, error, degrees, count, p


def _moments(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, squared standard error and number of samples; NaN counts as none. (points, sample, elements) in."""
    many = (~np.isnan(samples)).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.nansum(samples, axis=1) / many
        square = np.nansum((samples - mean[:, None]) ** 2, axis=1) / (many * (many - 1.0))
    return mean, np.where(many > 1, square, np.nan), many


def significant(found: Sequence[Difference]) -> list[np.ndarray]:
    """Which rows differ, over all observables at once: bool (points, elements) of each. False where p is NaN."""
    from scipy import stats

    p = np.concatenate([d.p.ravel() for d in found])
    tested = ~np.isnan(p)
    hit = np.zeros(p.size, bool)
    if tested.any():
        hit[tested] = stats.false_discovery_control(p[tested], method="by") <= RATE
    parts = np.split(hit, np.cumsum([d.p.size for d in found])[:-1])
    return [part.reshape(d.p.shape) for part, d in zip(parts, found, strict=True)]


def dataset(matched: Matched, found: Sequence[Difference], differs: Sequence[np.ndarray]) -> xr.Dataset:
    """The differences as a dataset over the shared points: a grid where they are one, else a list (dim `point`)."""
    import xarray as xr

    columns = {n: np.array([label[i] for label in matched.labels]) for i, n in enumerate(matched.names)}
    units = _attributes(matched)
    table = xr.Dataset(coords={n: ("point", v, units[n]) for n, v in columns.items()})
    for d, hit in zip(found, differs, strict=True):
        own: Mapping[str, Any] = {} if d.elements == [""] else {f"{d.name}_element": np.array(d.elements)}
        dims = ("point", *own)
        table = table.assign_coords({k: (k, v) for k, v in own.items()})
        parts = {
            "difference": (d.delta, d.units, "mean of B less mean of A"),
            "error": (d.error, d.units, "standard error of the difference"),
            "degrees": (d.degrees, "1", "degrees of freedom of Student's t"),
            "samples": (d.count, "1", "samples of the run that has fewer"),
            "z": (d.z, "1", "difference / standard error"),
            "p": (d.p, "1", "two-sided p-value of a single row"),
            "differs": (hit.astype(np.int8), "1", f"1: significant, false discovery rate {RATE:g} over all rows"),
        }
        for name, (values, unit, words) in parts.items():
            attrs = {"units": unit, "long_name": words}
            table[f"{d.name}_{name}"] = (dims, values if own else values[:, 0], attrs)
    table["paired"] = ("point", matched.paired.astype(np.int8), {"units": "1", "long_name": "1: sample by sample"})
    table.attrs = {
        "title": "Difference of two runs, B less A",
        "run_a": str(matched.a.root),
        "run_b": str(matched.b.root),
        "method": "Student's t; Benjamini and Yekutieli over all points, elements and observables",
        "false_discovery_rate": RATE,
    }
    sizes = {n: len(dict.fromkeys(v.tolist())) for n, v in columns.items()}
    if math.prod(sizes.values()) != len(matched.labels):
        return table
    order = {n: list(dict.fromkeys(v.tolist())) for n, v in columns.items()}
    grid = table.set_index(point=list(matched.names)).unstack("point") if len(sizes) > 1 else None
    if grid is None:
        grid = table.rename_vars({}).swap_dims(point=matched.names[0]) if matched.names else table
    out = grid.reindex({n: np.array(v) for n, v in order.items()})
    for name in matched.names:
        out[name].attrs = units[name]
    return out.transpose(*matched.names, ...)


def _attributes(matched: Matched) -> dict[str, dict[str, Any]]:
    specs = {**parameters(matched.b.grid.model), **parameters(matched.a.grid.model)}
    return {n: {"units": specs[n].units, "long_name": specs[n].doc} for n in matched.names}
