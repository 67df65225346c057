"""Maps of Δ/SE between two runs: where they differ, and which of the differences are significant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.figures.base import COLUMN, PAGE, cased, edges, label, style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LIMIT = 5.0
"""|Δ/SE| at which the colours end."""


def draw(ds: xr.Dataset, names: Sequence[str], axes: Sequence[str]) -> Figure:
    """A panel of Δ/SE for each observable of what `comparison.dataset` returns.

    Two axes that vary: a map, significant points ringed, cells without a test grey. One: points on it. More, or a list
    of points: against the number of the point.
    """
    from matplotlib.figure import Figure

    varied = [a for a in axes if a in ds.dims and ds.sizes[a] > 1]
    grid = "point" not in ds.dims and all(f"{n}_z" in ds for n in names)
    flat = ds.isel({a: 0 for a in axes if a in ds.dims and a not in varied}) if grid else ds
    with style():
        columns = min(2, len(names))
        rows = -(-len(names) // columns)
        size = (PAGE if columns > 1 else 1.25 * COLUMN, 2.5 * rows + 0.8)
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False)
        mapped: Any = None
        for ax, name in zip(panels.flat, names, strict=False):
            ax.set_title(name.replace("_", " "))
            if grid and len(varied) == 2:
                mapped = _map(ax, flat, name, varied)
            else:
                _dots(ax, flat, name, varied[0] if grid and len(varied) == 1 else None)
        for ax in list(panels.flat)[len(names) :]:
            ax.set_axis_off()
        if mapped is not None:
            bar = figure.colorbar(mapped, ax=panels, extend="both", shrink=0.9, aspect=30)
            bar.set_label(r"$(B - A)/\mathrm{SE}$")
        figure.suptitle("B less A, in standard errors", fontsize=11, x=0.01, ha="left")
        figure.supxlabel(_notes(ds, bool(mapped)), fontsize=7.5, x=0.01, ha="left", color="0.25")
    return figure


def _map(ax: Axes, ds: xr.Dataset, name: str, varied: Sequence[str]) -> Any:
    y, x = varied
    z = ds[f"{name}_z"].transpose(y, x)
    places = [_places(ds, a) for a in (x, y)]
    order = [np.argsort(p) for p in places]
    values = np.clip(z.values[np.ix_(order[1], order[0])], -99, 99)
    ax.set_facecolor("0.8")
    ends = [edges(np.sort(p)) for p in places]
    mapped = ax.pcolormesh(*ends, np.ma.masked_invalid(values), cmap="RdBu_r", vmin=-LIMIT, vmax=LIMIT, rasterized=True)
    hits = np.argwhere(ds[f"{name}_differs"].transpose(y, x).values == 1)
    if len(hits):
        (marks,) = ax.plot(
            places[0][hits[:, 1]], places[1][hits[:, 0]], "o", mfc="none", mec="black", ms=4, mew=0.9, clip_on=False
        )
        cased(marks, 0.9)
    for axis, which, p in ((x, ax.xaxis, places[0]), (y, ax.yaxis, places[1])):
        _words(ds, axis, which, p)
    return mapped


def _dots(ax: Axes, ds: xr.Dataset, name: str, axis: str | None) -> None:
    z = np.clip(ds[f"{name}_z"].values.ravel(), -99, 99)
    hit = ds[f"{name}_differs"].values.ravel() == 1
    x = np.arange(z.size) if axis is None else _places(ds, axis)
    ax.axhspan(-2, 2, color="0.9", lw=0)
    ax.axhline(0, color="0.5", lw=0.7)
    ax.plot(x[~hit], z[~hit], "o", ms=3.5, mfc="white", mec="#0072B2", mew=0.9)
    ax.plot(x[hit], z[hit], "o", ms=4.5, color="#D55E00")
    ax.set_ylabel(r"$(B - A)/\mathrm{SE}$")
    if axis is None:
        ax.set_xlabel("number of the shared point")
    else:
        _words(ds, axis, ax.xaxis, x)


def _places(ds: xr.Dataset, axis: str) -> np.ndarray:
    values = ds[axis].values
    return values.astype(float) if values.dtype.kind in "iuf" else np.arange(len(values), dtype=float)


def _words(ds: xr.Dataset, axis: str, which: Any, places: np.ndarray) -> None:
    which.set_label_text(label(ds, axis))
    if ds[axis].dtype.kind not in "iuf":
        which.set_ticks(places, [str(v) for v in ds[axis].values])


def _notes(ds: xr.Dataset, mapped: bool) -> str:
    rate = f"{ds.attrs['false_discovery_rate']:.0%}"
    plain = "filled: significant; band: two standard errors; at ±99: there or beyond"
    marks = "ringed: significant; grey: no test" if mapped else plain
    return (
        f"A: {ds.attrs['run_a']}\nB: {ds.attrs['run_b']}\n"
        f"{marks}; false discovery rate {rate} (Benjamini and Yekutieli)"
    )
