"""The interactive diagram of a report: the numbers of a run as compact arrays, and the Bokeh plot that shows them.

The script of `report.html.j2` fills the plot's data sources from these arrays, so that a change of variable or of a
further axis needs no copy of the data.
"""

from __future__ import annotations

import base64
import itertools
import shlex
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.figures import base
from isinglass.pages.facts import Result, plain

if TYPE_CHECKING:
    import xarray as xr

SIDE = 200
"""Cells along an axis of the map; more are drawn as means over blocks of points."""
CELLS = 120_000
"""Cells of all slices together, by which a page stays small."""
BYTES = 1_700_000
"""What values and errors of all variables may take in the page."""
CURVES = 12
STATES = {"pending": 0, "done": 1, "failed": 2, "skipped": 3}


def content(
    ds: xr.Dataset, results: Sequence[Result], figures: Sequence[Any], root: Path, columns: Sequence[str]
) -> dict[str, Any] | None:
    """All that the script needs; None where no result is a number at every point.

    `ds`: raw data merged with results; `columns`: the parameters of a run of listed points (empty for a grid).
    """
    axes = ["point"] if columns else [str(d) for d in ds["status"].dims if d not in ("sample", "replica")]
    maps = [r for r in results if set(ds[r.value].dims) == set(axes)]
    if not maps:
        return None
    kind, shown = _kind(ds, axes, figures, columns)
    over = [a for a in axes if a not in shown] if not columns else []
    order = [*over, *reversed(shown)] if not columns else axes
    for axis in (a for a in (shown if not columns else []) if ds[a].dtype.kind in "iuf"):
        ds = ds.sortby(axis)
    slices = int(np.prod([ds.sizes[a] for a in over]))
    side = min(SIDE, max(10, int((CELLS / max(slices, 1)) ** (1 / 2)))) if kind == "map" else 10**9
    width = [-(-ds.sizes[a] // side) if a in shown and not columns else 1 for a in order]
    counts = _counts(ds, order, width)
    chosen = _chosen(ds, maps, figures)
    cells = next(iter(counts.values())).size
    room = max(1, int(BYTES / (10.7 * cells)))
    variables = []
    for result in chosen[:room]:
        value = ds[result.value].transpose(*order).values.astype(float)
        error = (
            ds[result.error].transpose(*order).values.astype(float) if result.error else np.full(value.shape, np.nan)
        )
        variables.append({
            "name": result.value, "label": plain(base.label(ds, result.value)).replace("\n", " "),
            "units": str(ds[result.value].attrs.get("units", "1")),
            "value": packed(blocks(value, width, np.nanmean)),
            "error": packed(np.sqrt(blocks(error**2, width, np.nanmean))),
        })  # fmt: skip
    out: dict[str, Any] = {
        "kind": kind, "shown": shown, "over": over, "columns": list(columns), "variables": variables,
        "left_out": [r.value for r in chosen[room:]], "width": dict(zip(order, width, strict=True)),
        "log": _logarithmic(ds, figures, [] if columns else shown, [str(r["name"]) for r in variables]),
        "again": _again(ds, order, width), "sizes": [*(ds.sizes[a] for a in order), *ds["status"].shape[-2:]],
        "counts": {word: packed(n.astype(np.uint32)) for word, n in counts.items() if word == "done" or n.any()},
        "command": shlex.join(["isinglass", "reproduce", str(root)]),
        "lines": _lines(ds, figures, kind, shown, over) if not columns else [],
        "measured": _measured(ds, results, shown, over) if kind == "map" and not columns else [],
    }  # fmt: skip
    out["axes"] = {a: _axis(ds, a, w, a in out["log"]) for a, w in zip(order, width, strict=True)}
    if columns:
        out["labels"] = {c: plain(base.label(ds, c)).replace("\n", " ") for c in columns}
        out["points"] = {c: _words(ds[c].values) for c in columns}
        out["places"] = {c: _places(ds[c].values) for c in shown}
    return out


def blocks(values: np.ndarray, width: Sequence[int], how: Any) -> np.ndarray:
    """`how` (a reduction that passes over NaN) over blocks of `width` cells a dim; the last are shorter."""
    for axis, w in enumerate(width):
        if w > 1:
            rest = -values.shape[axis] % w
            pad = [(0, rest if i == axis else 0) for i in range(values.ndim)]
            wide = np.pad(values.astype(float), pad, constant_values=np.nan)
            shape = (*wide.shape[:axis], -1, w, *wide.shape[axis + 1 :])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # a block without a done point stays NaN
                values = how(wide.reshape(shape), axis=axis + 1)
    return values


def packed(values: np.ndarray) -> dict[str, str]:
    """Numbers as base64 of little-endian float32 or uint32, in C order."""
    kind = "<u4" if values.dtype.kind in "iu" else "<f4"
    return {"type": kind[1:], "data": base64.b64encode(np.ascontiguousarray(values, kind).tobytes()).decode()}


def _counts(ds: xr.Dataset, order: Sequence[str], width: Sequence[int]) -> dict[str, np.ndarray]:
    """Simulations by state, samples with a done replica, and points, in each cell."""
    status = ds["status"].transpose(*order, "sample", "replica").values
    out = {word: (status == code).sum((-1, -2)) for word, code in STATES.items()}
    out["samples"] = (status == STATES["done"]).any(-1).sum(-1)
    out["points"] = np.ones(status.shape[:-2], int)
    return {word: blocks(n, width, np.nansum).astype(np.int64) for word, n in out.items()}


def _again(ds: xr.Dataset, order: Sequence[str], width: Sequence[int]) -> dict[str, str] | None:
    """The simulation of each cell whose command a page tells: the first that is done, or else failed, or at all.

    As its place in the status array of dims (order..., sample, replica); None where each cell's is its first.
    """
    status = ds["status"].transpose(*order, "sample", "replica").values
    rank = np.array([2, 0, 1, 3])[status]  # by the codes of STATES
    places = np.arange(status.size).reshape(status.shape)
    best = (rank * status.size + places).min((-1, -2))
    chosen = blocks(best, width, np.nanmin).astype(np.int64) % status.size
    first: Any = (*(slice(None, None, w) for w in width), 0, 0)
    if (chosen == places[first]).all():
        return None
    return packed(chosen)


def _logarithmic(ds: xr.Dataset, figures: Sequence[Any], shown: Sequence[str], names: Sequence[str]) -> list[str]:
    """The shown axes and the variables that figures draw on a logarithmic scale, and that lie above zero."""
    asked = {str(name) for f in figures if getattr(f, "x", None) in shown[:1] for name in getattr(f, "log", ())}
    axes = [a for a in shown if a in asked and ds[a].dtype.kind in "iuf" and ds.sizes[a] > 1 and (ds[a] > 0).all()]
    means = [n for n in names if asked & {n, n.removesuffix("_mean")} and np.nanmax(ds[n].values, initial=0) > 0]
    return axes + means


def _kind(ds: xr.Dataset, axes: list[str], figures: Sequence[Any], columns: Sequence[str]) -> tuple[str, list[str]]:
    """ "map" over two axes, "lines" over one (a curve for each value of a second), or "points" of a list."""
    if columns:
        vary = [c for c in columns if ds[c].dtype.kind in "iuf" and len(np.unique(ds[c].values)) > 1]
        return "points", vary[:2] or ["point"]
    for figure in figures:
        x, y = getattr(figure, "x", None), getattr(figure, "y", None)
        if x in axes and y in axes and x != y and ds.sizes[x] > 1 and ds.sizes[y] > 1:
            return "map", [str(x), str(y)]
    for figure in figures:
        x, colour = getattr(figure, "x", None), getattr(figure, "colour", None) or getattr(figure, "size", None)
        if x in axes and ds.sizes[x] > 1 and not getattr(figure, "y", None):
            second = [str(colour)] if colour in axes and ds.sizes[colour] <= CURVES else []
            return "lines", [str(x), *second]
    long = sorted(axes, key=lambda a: -ds.sizes[a])
    if len(long) > 1 and ds.sizes[long[1]] > 1:
        if ds.sizes[long[1]] > 3:
            return "map", [a for a in axes if a in long[:2]]
        return "lines", long[:2]
    return "lines", long[:1]


def _chosen(ds: xr.Dataset, maps: Sequence[Result], figures: Sequence[Any]) -> list[Result]:
    """The variables that figures show first, the others in their order; whether runs converged comes last."""
    named: list[str] = []
    for figure in figures:
        panels = getattr(figure, "panels", ())
        named += [*(panels if isinstance(panels, tuple) else ()), f"{getattr(figure, 'observable', '')}_mean"]
        scaled = ds.get(f"{getattr(figure, 'collapse', '')}_x")
        named += [str(scaled.attrs.get("quantity"))] if scaled is not None else []
    place = {name: i for i, name in reversed(list(enumerate(named)))}
    return sorted(maps, key=lambda r: place.get(r.value, len(named) + (r.value == "converged_mean")))


def _words(values: np.ndarray) -> list[str]:
    return [str(v.item() if isinstance(v, np.generic) else v) for v in values]


def _places(values: np.ndarray) -> list[float]:
    return [float(v) for v in values] if values.dtype.kind in "biuf" else list(map(float, range(len(values))))


def _axis(ds: xr.Dataset, axis: str, width: int, log: bool) -> dict[str, Any]:
    """An axis: its label, values as words of a command, places on the plot and the edges of its cells."""
    values = base.words(ds, axis) if axis in ds.coords else np.arange(ds.sizes[axis])
    numeric = values.dtype.kind in "iuf"
    places = values.astype(float) if numeric else np.arange(len(values), dtype=float)
    edges = base.edges(places, log) if numeric else np.arange(len(values) + 1) - 0.5
    picked = [*range(0, len(values), width), len(values)]
    return {
        "label": plain(base.label(ds, axis)).replace("\n", " "), "values": [_words(values)[i] for i in picked[:-1]],
        "numeric": bool(numeric), "places": places[picked[:-1]].tolist(), "edges": edges[picked].tolist(),
        **({"all": _words(values)} if width > 1 else {}),
    }  # fmt: skip


def _slices(ds: xr.Dataset, over: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """Key and values of each combination of further axes."""
    places = itertools.product(*(range(ds.sizes[a]) for a in over))
    return [
        (",".join(map(str, p)), {a: base.words(ds, a)[i] for a, i in zip(over, p, strict=True)})
        for p in itertools.islice(places, 60)
    ]


def _pinned(figure: Any, at: Mapping[str, Any]) -> bool:
    given = getattr(figure, "at", {})
    return all(str(at[a]) == str(v) or _near(at[a], v) for a, v in given.items() if a in at)


def _near(a: Any, b: Any) -> bool:
    try:
        return bool(np.isclose(float(a), float(b)))
    except (TypeError, ValueError):
        return False


def _lines(
    ds: xr.Dataset, figures: Sequence[Any], kind: str, shown: list[str], over: list[str]
) -> list[dict[str, Any]]:
    """Theory curves on the shown axes, by slice: label, x, y; of a map, or of means, whose variable they name."""
    out: list[dict[str, Any]] = []
    x = shown[0]
    if ds[x].dtype.kind not in "iuf":
        return out
    seen = set()
    for figure in figures:
        theory = getattr(figure, "lines" if kind == "map" else "theory", None)
        if getattr(figure, "x", None) != x or not (callable(theory) or isinstance(theory, Sequence)):
            continue
        variable = ""
        curves: list[dict[str, Any]] = [{}]
        if kind == "map":
            if getattr(figure, "y", None) != shown[1]:
                continue
        else:
            if not isinstance(getattr(figure, "observable", None), str):
                continue
            variable = f"{figure.observable}_mean" if f"{figure.observable}_mean" in ds else figure.observable
            if len(shown) == 2 and callable(theory):  # one curve for each value of the second axis
                curves = [{shown[1]: v} for v in base.words(ds, shown[1])]
        ends = ds[x].values if kind == "lines" else base.edges(ds[x].values, x in getattr(figure, "log", ()))
        fine = base.fine(ends, x in getattr(figure, "log", ()), 161)
        for (key, at), more in itertools.product(_slices(ds, over), curves):
            if not _pinned(figure, at | more):
                continue
            for label, _, cx, cy in base.curves(theory, fine, getattr(figure, "source", "theory"), at | more):
                good = np.isfinite(cy)
                xs, ys = ([float(f"{v:.5g}") for v in c[good]] for c in (cx, cy))
                once = (key, plain(label), tuple(xs), tuple(ys))
                if once not in seen:
                    seen.add(once)
                    out.append({"key": key, "label": plain(label), "variable": variable, "x": xs, "y": ys})
    return out


def _measured(ds: xr.Dataset, results: Sequence[Result], shown: list[str], over: list[str]) -> list[dict[str, Any]]:
    """Boundaries that a stage measured along one of the shown axes: points with 95 % intervals, by slice."""
    out = []
    for result in results:
        da = ds[result.value]
        along = str(da.attrs.get("axis_name", ""))
        other = [a for a in shown if a != along]
        if along not in shown or other[0] not in da.dims or not set(da.dims) <= {other[0], *over}:
            continue
        where = ds[other[0]].values
        if where.dtype.kind not in "iuf" or ds[along].dtype.kind not in "iuf":
            continue
        for key, _ in _slices(ds, over):
            index = dict(zip(over, map(int, key.split(",")), strict=True)) if over else {}
            ends = [da, *(ds.get(f"{result.value}_{end}", da) for end in ("low", "high"))]
            value, low, high = (
                e.isel({d: i for d, i in index.items() if d in e.dims}).values.astype(float) for e in ends
            )
            good = np.isfinite(value)
            if not good.any():
                continue
            span = ds[along].values.astype(float)
            clip = [np.clip(np.nan_to_num(v, nan=np.nan, posinf=span.max(), neginf=span.min()), span.min(), span.max())
                    for v in (low, high)]  # fmt: skip
            clip = [np.where(np.isfinite(c), c, value) for c in clip]
            out.append({
                "key": key, "name": result.value, "along": 0 if along == shown[0] else 1,
                "at": where[good].astype(float).tolist(), "value": value[good].tolist(),
                "low": clip[0][good].tolist(), "high": clip[1][good].tolist(),
            })  # fmt: skip
    return out
