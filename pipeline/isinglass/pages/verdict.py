"""Results beside theory: each number that a stage made, and what the workflow's theory says at the same place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.figures import base
from isinglass.pages.facts import Result, plain

if TYPE_CHECKING:
    import xarray as xr

Row = tuple[str, float, float, float, float]


@dataclass(frozen=True)
class Comparison:
    """One variable beside one theory. `rows`: (where, value, standard error, theory, difference / error)."""

    variable: str
    theory: str
    units: str
    rows: list[Row]

    @property
    def sentence(self) -> str:
        """The comparison in words."""
        gaps = np.array([abs(value - theory) for _, value, _, theory, _ in self.rows])
        z = np.array([abs(row[4]) for row in self.rows])
        known = np.isfinite(z)
        unit = "" if self.units == "1" else f" {self.units}"
        points = f"{len(gaps)} point{'s' * (len(gaps) != 1)}"
        text = f"{points}; median difference {np.median(gaps):.3g}{unit}, largest {gaps.max():.3g}{unit}"
        if not known.any():
            return text + "; without standard errors, so no verdict"
        within, n = int((z[known] <= 2).sum()), int(known.sum())
        median = float(np.median(z[known]))
        text += f"; {within} of {n} within two standard errors, median {median:.2g} standard errors"
        words = "agrees" if within >= 0.9 * n else "agrees in part" if within >= 0.5 * n else "differs"
        return f"{words}: {text}"


def comparisons(ds: xr.Dataset, figures: Sequence[Any], axes: Sequence[str]) -> list[Comparison]:
    """Every boundary and mean that a figure shows with a theory, at every place where both are finite."""
    out: dict[tuple[str, str, tuple[str, ...]], Comparison] = {}
    for figure in figures:
        for one in _boundaries(ds, figure, axes) if hasattr(figure, "boundaries") else _curves(ds, figure, axes):
            if one.rows:
                out.setdefault((one.variable, one.theory, tuple(row[0] for row in one.rows)), one)
    return list(out.values())


def _boundaries(ds: xr.Dataset, figure: Any, axes: Sequence[str]) -> Iterator[Comparison]:
    lines = getattr(figure, "lines", None)
    if lines is None or figure.x not in ds.coords or ds[figure.x].dtype.kind not in "iuf":
        return
    for name in figure.boundaries:
        if name not in ds or not set(ds[name].dims) <= set(axes):
            continue
        along = str(ds[name].attrs.get("axis_name", figure.y))
        if along not in (figure.x, figure.y):
            continue
        found: dict[str, list[Row]] = {}
        for index in np.ndindex(ds[name].shape):
            at = {str(d): ds[d].values[i] for d, i in zip(ds[name].dims, index, strict=True)}
            if not _agrees(at, figure.at):
                continue
            value, error = _number(ds, name, index)
            for label, theory in _at(figure, ds, along, at):
                if np.isfinite(value) and np.isfinite(theory):
                    found.setdefault(label, []).append(_row(at, value, error, theory))
        units = str(ds[name].attrs.get("units", "1"))
        yield from (Comparison(name, label, units, rows) for label, rows in found.items())


def _at(figure: Any, ds: xr.Dataset, along: str, at: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """(label, value on axis `along`) of the figure's theory lines at the place `at`.

    Where the boundary was sought along x, a line y(x) is read backwards, at its first crossing of the value of y.
    """
    if along == figure.y:
        if figure.x in at:
            here = np.array([float(at[figure.x])])
            for label, _, y in paths(figure.lines, here, figure.source, _without(at, figure.x)):
                yield label, float(y[0])
        return
    if figure.y not in at:
        return
    fine = base.fine(ds[figure.x].values.astype(float), figure.x in figure.log, 4001)
    for label, x, y in paths(figure.lines, fine, figure.source, _without(at, figure.x)):
        over = y - float(at[figure.y])
        k = np.flatnonzero((over[:-1] <= 0) != (over[1:] <= 0))[:1]
        if k.size and np.isfinite(over[k[0] : k[0] + 2]).all():
            i = int(k[0])
            yield label, float(x[i] - over[i] * (x[i + 1] - x[i]) / (over[i + 1] - over[i]))


def paths(
    theory: Any, x: np.ndarray, source: str, at: Mapping[str, Any] | None = None
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(label in plain text, x, y) of the curves of a theory, as many values as x: the upper branch where one turns."""
    if theory is None:
        return []
    if callable(theory):
        return [(plain(label), cx, cy) for label, _, cx, cy in base.curves(theory, x, source, at)]
    return [(plain(line.label), x, base.evaluate(line.function, x, at)) for line in theory]


def _curves(ds: xr.Dataset, figure: Any, axes: Sequence[str]) -> Iterator[Comparison]:
    theory, x = getattr(figure, "theory", None), str(getattr(figure, "x", ""))
    if theory is None or x not in axes or ds[x].dtype.kind not in "iuf":
        return
    observable = str(getattr(figure, "observable", "") or "")
    name = f"{observable}_mean" if f"{observable}_mean" in ds else observable
    if name not in ds or not {x} <= set(ds[name].dims) <= set(axes):
        return
    found: dict[str, list[Row]] = {}
    for index in np.ndindex(ds[name].shape):
        at = {str(d): ds[d].values[i] for d, i in zip(ds[name].dims, index, strict=True)}
        if not _agrees(at, getattr(figure, "at", {})):
            continue
        value, error = _number(ds, name, index)
        here = np.array([float(at[x])])
        for label, _, y in paths(theory, here, getattr(figure, "source", "theory"), _without(at, x)):
            if np.isfinite(value) and np.isfinite(y[0]):
                found.setdefault(label, []).append(_row(at, value, error, float(y[0])))
    units = str(ds[name].attrs.get("units", "1"))
    yield from (Comparison(name, label, units, rows) for label, rows in found.items())


def _without(at: Mapping[str, Any], x: str) -> dict[str, Any]:
    """The values by axis that a theory may take by name; x it gets as its argument."""
    return {axis: value for axis, value in at.items() if axis != x}


def _agrees(at: Mapping[str, Any], pinned: Mapping[str, Any]) -> bool:
    def same(a: Any, b: Any) -> bool:
        return bool(np.isclose(a, b)) if isinstance(b, (int, float)) and not isinstance(a, str) else str(a) == str(b)

    return all(same(at[axis], value) for axis, value in pinned.items() if axis in at)


def _number(ds: xr.Dataset, name: str, index: tuple[int, ...]) -> tuple[float, float]:
    error = name.removesuffix("_mean") + "_error"
    known = error in ds and ds[error].shape == ds[name].shape
    return float(ds[name].values[index]), float(ds[error].values[index]) if known else np.nan


def _row(at: Mapping[str, Any], value: float, error: float, theory: float) -> Row:
    where = ", ".join(f"{k} = {v:.6g}" if isinstance(v, (float, np.floating)) else f"{k} = {v}" for k, v in at.items())
    return where, value, error, theory, (value - theory) / error if np.isfinite(error) and error > 0 else np.nan


def estimates(ds: xr.Dataset, results: Sequence[Result], axes: Sequence[str], most: int = 40) -> list[dict[str, Any]]:
    """Results that are no map over all axes: boundaries, ridges, single numbers; up to `most` values of each."""
    out = []
    for result in results:
        da = ds[result.value]
        over = [a for a in axes if a in da.dims]
        if not set(da.dims) <= set(axes) or (len(over) == len(axes) and not da.attrs.get("axis_name")):
            continue
        rows = []
        for index in list(np.ndindex(da.shape))[:most]:
            at = ", ".join(f"{d} = {base.words(ds, str(d))[i]}" for d, i in zip(da.dims, index, strict=True))
            error = float(ds[result.error].values[index]) if result.error else np.nan
            ends = [
                float(ds[f"{result.value}_{end}"].values[index]) if f"{result.value}_{end}" in ds else np.nan
                for end in ("low", "high")
            ]
            rows.append((at or "the run", float(da.values[index]), error, *ends))
        out.append({
            "variable": result.value, "what": str(da.attrs.get("long_name", "")), "rows": rows, "of": da.size,
            "units": str(da.attrs.get("units", "1")),
        })  # fmt: skip
    return out
