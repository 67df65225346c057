"""Maps over two axes: cells in colours, measured boundaries on top, the colour bar."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.exceptions import InputError
from isinglass.figures import base, numbers
from isinglass.figures.states import mark_cells, states

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.colorbar import Colorbar

RAINBOWS = ("jet", "hsv", "rainbow", "gist_rainbow", "nipy_spectral", "gist_ncar", "turbo", "prism", "flag", "Spectral")
DIVERGING = ("RdBu", "BrBG", "PRGn", "PiYG", "PuOr", "RdGy", "RdYlBu", "RdYlGn", "coolwarm", "bwr", "seismic", "berlin",
             "managua", "vanimo")  # fmt: skip
MARKERS, FILLS = "osD^v", ("white", "0.65", "black")


def phase_map(
    ax: Axes,
    ds: xr.Dataset,
    name: str,
    x: str,
    y: str,
    *,
    at: Mapping[str, Any] | None = None,
    limits: tuple[float, float] = (0.0, 1.0),
    colours: str = "cividis",
    scale: str = "linear",
    log: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
) -> QuadMesh:
    """Draw the variable `name`, dims (x, y), as coloured cells on `ax`; returns them, for `colour_bar`.

    `ds` is a run's dataset merged with what its stages returned. `at` picks a value of every further axis; `scale` of
    colour is "linear" or "log"; `log` names axes to be logarithmic; `labels` (name -> text) replaces their labels.
    Cells without a value are drawn as what they are (`states.STATES`), with labels for `ax.legend`.

    Raises InputError for an unknown variable or axis, one too many, an axis of words, and colours that mislead.
    """
    from matplotlib.colors import LogNorm, Normalize

    ds = plane(ds, [name], x, y, at, "phase_map")
    _honest(colours, limits)
    values = ds[name].transpose(y, x).values.astype(float)
    code = cells(ax, ds, name, x, y, log, labels)
    record_cells(ax, ds, name, x, y, code)
    low, high = limits
    norm = LogNorm(low, high) if scale == "log" else Normalize(low, high)
    shown = np.ma.masked_invalid(np.clip(values, low, None) if scale == "log" else values)
    corners = (base.edges(ds[axis].values, axis in log) for axis in (x, y))
    return ax.pcolormesh(*corners, shown, cmap=colours, norm=norm, rasterized=True)


def plane(ds: xr.Dataset, names: Sequence[str], x: str, y: str, at: Mapping[str, Any] | None, what: str) -> xr.Dataset:
    """The dataset over the axes x and y alone. Raises InputError as `base.select` does, and for an axis of words."""
    ds = base.select(ds, (x, y), names, at or {}, what)
    for axis in (x, y):
        if ds[axis].dtype.kind not in "iuf":
            raise InputError(f"{what}: {axis!r} is no axis of numbers; set at={{{axis!r}: value}} and show another")
    return ds


def cells(
    ax: Axes, ds: xr.Dataset, name: str, x: str, y: str, log: Sequence[str], labels: Mapping[str, str] | None
) -> np.ndarray:
    """Scales, limits and labels of both axes, and the cells of `name` that have no value; returns their states."""
    edges = base.edges(ds[x].values, x in log), base.edges(ds[y].values, y in log)
    for axis, which in ((x, "x"), (y, "y")):
        if axis in log:
            base.logarithmic(ax, which, ds[axis].values)
    ax.set(xlim=edges[0][[0, -1]], ylim=edges[1][[0, -1]], facecolor="white")
    ax.set_xlabel(base.label(ds, x, labels))
    ax.set_ylabel(base.label(ds, y, labels))
    code = states(ds, name, (y, x))
    mark_cells(ax, *edges, code)
    return code


def record_cells(ax: Axes, ds: xr.Dataset, name: str, x: str, y: str, code: np.ndarray) -> None:
    """Keep the numbers of a map: `name` with its error and number of samples, where the dataset has them."""
    plain = name.removesuffix("_mean")
    others = {"error": f"{plain}_error", "samples": f"{plain}_samples"}
    there = {k: v for k, v in others.items() if v in ds and set(ds[v].dims) == {x, y}}
    columns = {k: ds[v].transpose(y, x).values for k, v in there.items()}
    axes = {x: ds[x].values[None, :], y: ds[y].values[:, None]} | numbers.place(ds)
    value = ds[name].transpose(y, x).values
    numbers.record(ax, ds, "map", name, numbers.reading(ds, name, **others), axes, value, status=code, **columns)


def _honest(colours: str, limits: tuple[float, float]) -> None:
    plain = colours.removesuffix("_r")
    if plain in RAINBOWS:
        raise InputError(f"colours {colours!r} show steps that no data have; take cividis, viridis, or RdBu about 0")
    if plain in DIVERGING and not np.isclose(limits[0], -limits[1]):
        raise InputError(f"colours {colours!r} diverge from the middle, so that limits={limits} must be -a to a")


def colour_bar(
    ax: Axes | Sequence[Axes], ds: xr.Dataset, name: str, mesh: QuadMesh, labels: Mapping[str, str] | None = None
) -> Colorbar:
    """The colour bar of a map, or of several of one variable, with its unit; arrows where values lie beyond."""
    axes = [ax] if not isinstance(ax, Sequence) else list(ax)
    low, high = mesh.get_clim()
    values, beyond = ds[name].values, 0.01 * (high - low)
    under, over = bool((values < low - beyond).any()), bool((values > high + beyond).any())
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
    figure = axes[0].get_figure(root=True)
    assert figure is not None
    bar = figure.colorbar(mesh, ax=axes, extend=extend[under, over], pad=0.02, aspect=24)
    bar.set_label(base.label(ds, name, labels))
    bar.outline.set_linewidth(0.6)
    return bar


def boundary(
    ax: Axes,
    ds: xr.Dataset,
    name: str,
    x: str,
    y: str,
    *,
    label: str | None = None,
    order: int = 0,
    scale: Mapping[str, Callable[[np.ndarray], np.ndarray]] | None = None,
) -> dict[str, Any]:
    """Draw a measured boundary over x or over y, with its 95 % interval `<name>_low`, `_high`; returns legend entries.

    `name` is a variable of `phases.boundary`, `phases.capacity` or `ridges.ridge`. An open interval runs off the axes.
    `order` counts boundaries of a panel: each has a marker of its own. `scale` maps an axis to a rising function of its
    values that is drawn instead. Raises InputError for other dims.
    """
    var = ds[name]
    if var.dims not in ((x,), (y,)):
        raise InputError(f"boundary {name!r} has dims {var.dims}; it must run along {x} or {y}")
    vertical = var.dims == (x,)
    along = x if vertical else y
    low, high = (ds[name + s].values if name + s in ds else var.values for s in ("_low", "_high"))
    counted = ds[name + "_samples"].values if name + "_samples" in ds else None
    reads = numbers.reading(ds, name, low=name + "_low", high=name + "_high", samples=name + "_samples")
    code = states(ds, name, (along,))
    axes = {along: ds[along].values} | numbers.place(ds)
    more = {"low": low, "high": high, "samples": counted, "status": code}
    numbers.record(ax, ds, "boundary", name, reads, axes, var.values, **more)
    keep = np.isfinite(var.values)
    if not keep.any():
        return {}
    across = y if vertical else x
    own, middle, low, high = (
        np.asarray((scale or {}).get(axis, np.asarray)(np.asarray(v, float)[keep]))
        for axis, v in ((along, ds[along].values), (across, var.values), (across, low), (across, high))
    )
    points = (own, middle) if vertical else (middle, own)
    text = label or boundary_label(ds, name)
    look: dict[str, Any] = {"ms": 4.2, "mec": "black", "mew": 0.9, "ecolor": "black", "elinewidth": 1.0, "capsize": 2}
    look |= {"fmt": MARKERS[order % len(MARKERS)], "mfc": FILLS[order % len(FILLS)], "zorder": 4, "label": text}
    return {text: base.bars(ax, *points, low, high, vertical, **look)}


def boundary_label(ds: xr.Dataset, name: str) -> str:
    """What a measured boundary is called in a legend."""
    attrs = ds[name].attrs
    observed = name.removesuffix("_boundary").removesuffix("_capacity")
    if "threshold" not in attrs or observed not in base.LABELS:
        return "measured (95 % interval)"
    return rf"measured, $\langle {base.LABELS[observed][1]} \rangle = {attrs['threshold']:g}$ (95 % interval)"


def boundary_notes(ds: xr.Dataset, names: Sequence[str]) -> list[str]:
    """For the small print: where boundaries were not found, and on what grid."""
    notes = []
    for name in names:
        flag = name + "_flag"
        if flag in ds:
            meanings = str(ds[flag].attrs.get("flag_meanings", "")).split()
            counts = {m: int((ds[flag] == i).sum()) for i, m in enumerate(meanings) if i > 0}
            parts = [f"{m.replace('_', ' ')} {c}" for m, c in counts.items() if c]
            if parts:
                what = "Ridge" if name.endswith("_ridge") else "Boundary"
                lost = f"{sum(counts.values())} of {ds[flag].size}"
                notes.append(f"{what} not found in {lost} scans: {', '.join(parts)}.")
    for size in sorted({size for name in names if (size := _step(ds, name))}):
        notes.append(f"Intervals are statistical, over samples; the boundary is interpolated on a grid of step {size}.")
    return notes


def _step(ds: xr.Dataset, name: str) -> str:
    """Step of the grid on which a boundary was found, in words."""
    along = str(ds[name].attrs.get("axis_name", ""))
    if along not in ds.coords or ds.sizes.get(along, 0) < 2:
        return ""
    steps = np.diff(ds[along].values.astype(float))
    return f"{steps.mean():.3g}" if np.allclose(steps, steps[0]) else f"{steps.min():.3g} to {steps.max():.3g}"
