"""Results beside theory: each number that a stage made, and what the workflow's theory says at the same place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.catalog import references
from isinglass.figures import base
from isinglass.pages.facts import Result, plain

if TYPE_CHECKING:
    import xarray as xr

Row = tuple[str, float, float, float, float]


@dataclass(frozen=True)
class Comparison:
    """One variable beside one theory. `rows`: (where, value, standard error, theory, difference / error).

    `of`: the lines that a figure draws beside it; `beside`: not the nearest of them.
    """

    variable: str
    theory: str
    units: str
    rows: list[Row]
    beside: bool = False
    of: int = 1
    source: str = ""

    @property
    def gap(self) -> float:
        """The median difference without its sign."""
        return float(np.median([abs(value - theory) for _, value, _, theory, _ in self.rows]))

    @property
    def word(self) -> str:
        """agrees, agrees in part, or differs; empty where no standard error is known."""
        z = np.array([abs(row[4]) for row in self.rows])
        known = z[np.isfinite(z)]
        within = (known <= 2).sum()
        if not known.size:
            return ""
        return "agrees" if within >= 0.9 * known.size else "agrees in part" if within >= 0.5 * known.size else "differs"

    @property
    def sentence(self) -> str:
        """The comparison in words."""
        gaps = np.array([abs(value - theory) for _, value, _, theory, _ in self.rows])
        z = np.array([abs(row[4]) for row in self.rows])
        known = np.isfinite(z)
        unit = "" if self.units == "1" else f" {self.units}"
        points = f"{len(gaps)} point{'s' * (len(gaps) != 1)}"
        text = f"{points}; median difference {np.median(gaps):.3g}{unit}, largest {gaps.max():.3g}{unit}"
        if len(gaps) == 1:
            text = f"{points}; difference {gaps[0]:.3g}{unit}"
            return f"{self.word}: {text}, {z[0]:.2g} standard errors" if known.any() else f"{text}; without an error"
        if not known.any():
            return text + "; without standard errors, so no verdict"
        within, n = int((z[known] <= 2).sum()), int(known.sum())
        median = float(np.median(z[known]))
        text += f"; {within} of {n} within two standard errors, median {median:.2g} standard errors"
        return f"{self.word}: {text}"


def comparisons(ds: xr.Dataset, figures: Sequence[Any], axes: Sequence[str], model: str = "") -> list[Comparison]:
    """What figures show with a theory, at every place where both are finite: boundaries, means, fits with exact values.

    Of several lines beside one boundary the nearest comes first, and the others have `beside` set. `model`: how the
    names of its references in `catalogs/references.yaml` begin.
    """
    out: dict[tuple[str, str, tuple[str, ...]], Comparison] = {}
    for figure in figures:
        if hasattr(figure, "exact"):
            found = list(_exact(ds, figure, model))
        else:
            found = list((_boundaries if hasattr(figure, "boundaries") else _curves)(ds, figure, axes))
        for one in found:
            out.setdefault((one.variable, one.theory, tuple(row[0] for row in one.rows)), one)
    return list(out.values())


def _exact(ds: xr.Dataset, figure: Any, model: str) -> Iterator[Comparison]:
    """Fitted numbers (a collapse's of all data, a limit) beside the exact values that the workflow gives."""
    if isinstance(figure.exact, Mapping):
        pairs = {f"{figure.collapse}_{part}": value for part, value in figure.exact.items()}
    else:
        pairs = {} if figure.exact is None else {f"{figure.quantity}_limit": figure.exact}
    for name, exact in pairs.items():
        if name not in ds:
            continue
        rows = []
        for index in np.ndindex(ds[name].shape):
            at = {str(d): ds[d].values[i] for d, i in zip(ds[name].dims, index, strict=True)}
            if at.pop("fit", "all") != "all" or not _agrees(at, figure.at):
                continue
            value, error = _number(ds, name, index)
            if np.isfinite(value) and error != 0:  # an exponent that was given is no measurement
                rows.append(_row(at, value, error, float(exact)))
        if rows:
            units, source = str(ds[name].attrs.get("units", "1")), _source(float(exact), model)
            yield Comparison(name, f"the exact value {exact:.7g}", units, rows, source=source)


def _source(exact: float, model: str) -> str:
    """Where an exact value is from: the reference of this model that equals it, or the workflow alone."""
    for name, known in references().items():
        if model and name.startswith(f"{model}.") and isinstance(known.value, float) and exact not in (0.0, 1.0):
            wide = 2 * known.uncertainty if isinstance(known.uncertainty, float) else 0.0
            if abs(known.value - exact) <= max(wide, 1e-12 * abs(exact)):
                return f"{name} of catalogs/references.yaml: {known.citation}"
    return "given by the workflow"


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
            value, error = _number(ds, name, index)
            if not (np.isfinite(value) and _agrees(at, figure.at)):
                continue
            for label, theory in _at(figure, ds, along, at):
                if theory.size:  # of a line that turns back, the nearer branch
                    near = float(theory[np.argmin(abs(theory - value))])
                    found.setdefault(label, []).append(_row(at, value, error, near))
        units = str(ds[name].attrs.get("units", "1"))
        several = [Comparison(name, label, units, rows) for label, rows in found.items()]
        several.sort(key=lambda one: one.gap)
        yield from (replace(one, beside=i > 0, of=len(several)) for i, one in enumerate(several))


def _at(figure: Any, ds: xr.Dataset, along: str, at: Mapping[str, Any]) -> Iterator[tuple[str, np.ndarray]]:
    """(label, values on axis `along`) of the figure's theory lines at the place `at`, one for each branch.

    Where the boundary was sought along x, a line y(x) is read backwards, at its crossings of the value of y.
    """
    other = figure.x if along == figure.y else figure.y
    if other not in at:
        return
    place, rest = float(at[other]), _without(at, figure.x)
    if along == figure.y:
        here = np.array([place])
        if callable(figure.lines):
            found = base.curves(figure.lines, here, figure.source, rest)
            yield from ((plain(label), y[np.isfinite(y)]) for label, _, _, y in found)
            return
        for line in figure.lines:
            ways = [base.evaluate(f, here, rest) for f in (line.function, line.lower) if f is not None]
            y = np.concatenate([ways[0], *(w[w > 0] for w in ways[1:])])  # a lower branch has ended where it is 0
            yield plain(line.label), y[np.isfinite(y)]
        return
    fine = base.fine(ds[figure.x].values.astype(float), figure.x in figure.log, 4001)
    for label, _, x, y in base.curves(figure.lines, fine, figure.source, rest):
        over = y - place
        k = np.flatnonzero(((over[:-1] <= 0) != (over[1:] <= 0)) & np.isfinite(over[:-1]) & np.isfinite(over[1:]))
        yield plain(label), np.asarray(x[k] - over[k] * (x[k + 1] - x[k]) / (over[k + 1] - over[k]), float)


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
    return (
        where or "the run",
        value,
        error,
        theory,
        (value - theory) / error if np.isfinite(error) and error > 0 else np.nan,
    )


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
