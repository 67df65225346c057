"""A phase diagram: maps over two axes side by side, the theory's lines and the measured boundary on top."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.exceptions import InputError
from isinglass.figures import base

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


LOOKS: dict[str, dict[str, Any]] = {
    "not computed": {"hatch": "//////", "facecolor": "0.93"},
    "undefined": {"facecolor": "0.7"},
    "skipped": {"facecolor": "white"},
}


@dataclass(frozen=True)
class Points:
    """Values known at single places, as circles in the colours of the panel that shows `variable`.

    `values` returns three arrays: x, y and the value.
    """

    label: str
    variable: str
    values: Callable[[], tuple[Any, Any, Any]]


@dataclass(frozen=True)
class PhaseDiagram:
    """Maps of means over the plane (x, y), one panel each, with common axes and a common range of colour.

    With `facet`, the name of a further axis, the panels are instead those of the one mean in `panels`, one for each
    value of that axis.

    `boundary` is a variable of `phases.boundary`, `phases.capacity` or `ridges.ridge`, over x or over y, or several;
    each is drawn with its 95 % interval, and `labels` may name it. `lines` are the theory's y(x): a function such as
    `theory.ags.lines`, or a sequence of `Line`; `source` names them in the legend. A function that takes an argument
    named like the axis `facet` is called with each panel's value: every panel gets its own line. `points`, of `Points`,
    are values from elsewhere in the colours of a map. `at` picks a value of every further axis. `limits` is the range
    of colour; values beyond are marked on the colour bar. `log` names axes to be drawn on a logarithmic scale. Cells
    without a done simulation are hatched, those that are undefined grey, those that the workflow skipped blank.
    """

    x: str
    y: str
    panels: tuple[str, ...] = ("memory_mean", "coherence_mean")
    facet: str | None = None
    boundary: str | Sequence[str] = ()
    lines: base.Theory = None
    source: str = "theory"
    points: Sequence[Points] = ()
    at: Mapping[str, Any] = field(default_factory=dict)
    limits: tuple[float, float] = (0.0, 1.0)
    log: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    title: str | None = None
    colours: str = "cividis"
    name: str = "phase_diagram"

    @property
    def boundaries(self) -> tuple[str, ...]:
        """The variables that are drawn as lines with intervals."""
        return (self.boundary,) if isinstance(self.boundary, str) else tuple(self.boundary)

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes of the sweep that the figure shows."""
        return (self.x, self.y, *([self.facet] if self.facet else []))

    def draw(self, ds: xr.Dataset) -> Figure:
        """The figure. `ds` is the raw dataset merged with what the stages returned.

        Raises InputError for a variable or axis that the dataset lacks, and for an axis too many.
        """
        with base.style():
            return self._draw(ds)

    def _draw(self, ds: xr.Dataset) -> Figure:
        from matplotlib.figure import Figure

        what = f"PhaseDiagram {self.name!r}"
        needed = (*self.panels, *self.boundaries)
        ds = base.select(ds, self.axes, needed, self.at, what)
        if self.facet and len(self.panels) != 1:
            raise InputError(f"{what}: facet={self.facet!r} shows one mean; make a figure for each of panels")
        for axis in (self.x, self.y):
            if ds[axis].dtype.kind not in "iuf":
                raise InputError(f"{what}: {axis!r} is no axis of numbers; set at={{{axis!r}: value}} and show another")
        panels = self._panels(ds)
        n = len(panels)
        wide = n > 1
        figure = Figure(figsize=(base.PAGE, 4.1) if wide else (base.COLUMN + 0.3, 4.2), layout="constrained")
        grid = figure.add_gridspec(3, n, height_ratios=[1, 0.001, 0.001])  # below the panels two rows of legend
        maps: list[Axes] = []
        shown: dict[str, bool] = {}
        x = base.fine(base.edges(ds[self.x].values, self.x in self.log), self.x in self.log)
        theory: dict[str, Any] = {}
        measured: dict[str, Any] = {}
        for i, (heading, part, name) in enumerate(panels):
            first = maps[0] if maps else None
            ax = figure.add_subplot(grid[0, i], sharex=first, sharey=first)
            maps.append(ax)
            mesh, there = self._map(ax, part, name)
            shown |= {k: v or shown.get(k, False) for k, v in there.items()}
            if not self.facet or i == n - 1:
                self._bar(maps if self.facet else [ax], ds, name, mesh)
            own = {self.facet: base.words(ds, self.facet)[i]} if self.facet else None
            theory |= self._theory(ax, base.curves(self.lines, x, self.source, own))
            measured |= self._circles(ax, name) | self._measured(ax, part)
            ax.set_xlabel(base.label(ds, self.x, self.labels))
            if i == 0:
                ax.set_ylabel(base.label(ds, self.y, self.labels))
            else:
                ax.tick_params(labelleft=False)
            if wide:
                ax.set_title(f"({'abcdefgh'[i]}) {heading}".rstrip(), loc="left", pad=3)
        measured |= {k: _patch(0, 0, 1, 1, **{"linewidth": 0.5, **LOOKS[k]}) for k, there in shown.items() if there}
        for row, handles in ((1, theory), (2, measured)):
            ax = figure.add_subplot(grid[row, :])
            ax.axis("off")
            if handles:
                columns = len(handles) if wide else 2
                ax.legend(
                    list(handles.values()), list(handles), loc="center", ncols=columns, borderpad=0, handlelength=2.4
                )
        base.headings(figure, ds, self.title, self._notes(ds), 150 if wide else 84)
        return figure

    def _panels(self, ds: xr.Dataset) -> list[tuple[str, xr.Dataset, str]]:
        """(heading, dataset over x and y, variable) of each panel."""
        if self.facet is None:
            return [("", ds, name) for name in self.panels]
        axis, unit = self.facet, str(ds[self.facet].attrs.get("units", "1"))
        symbol = f"${base.LABELS[axis][1]}$ = " if axis in base.LABELS else f"{axis.replace('_', ' ')} = "
        unit = "" if unit == "1" else f" {unit}"
        values = base.words(ds, axis)
        names = [f"{symbol}{v:g}{unit}" if values.dtype.kind in "iuf" else str(v) for v in values]
        return [(name, ds.isel({axis: i}), self.panels[0]) for i, name in enumerate(names)]

    def _map(self, ax: Axes, ds: xr.Dataset, name: str) -> tuple[Any, dict[str, bool]]:
        """One panel: its coloured cells, and which kinds of empty cell it has."""
        from matplotlib.colors import ListedColormap

        values = ds[name].transpose(self.y, self.x).values.astype(float)
        x, y = (base.edges(ds[axis].values, axis in self.log) for axis in (self.x, self.y))
        status = ds["status"].transpose(self.y, self.x, "sample", "replica")
        flat = status.values.reshape(*values.shape, -1)
        skipped, done = (flat == 3).all(-1), (flat == 1).any(-1)
        absent, undefined = ~done & ~skipped, done & np.isnan(values)
        for axis, which in ((self.x, "x"), (self.y, "y")):
            if axis in self.log:
                base.logarithmic(ax, which, ds[axis].values)
        ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), facecolor="white")
        if absent.any():
            ax.add_patch(_patch(x[0], y[0], x[-1] - x[0], y[-1] - y[0], **LOOKS["not computed"]))
        empty = np.ma.masked_where(~(skipped | undefined), undefined)
        ax.pcolormesh(x, y, empty, cmap=ListedColormap(["white", LOOKS["undefined"]["facecolor"]]), vmin=0, vmax=1)
        low, high = self.limits
        mesh = ax.pcolormesh(
            x, y, np.ma.masked_invalid(values), cmap=self.colours, vmin=low, vmax=high, rasterized=True
        )
        return mesh, {"not computed": absent.any(), "undefined": undefined.any(), "skipped": skipped.any()}

    def _bar(self, axes: list[Axes], ds: xr.Dataset, name: str, mesh: Any) -> None:
        """The colour bar of one panel, or of all that show the same variable; arrows where values lie beyond."""
        low, high = self.limits
        values, beyond = ds[name].values, 0.01 * (high - low)
        under, over = bool((values < low - beyond).any()), bool((values > high + beyond).any())
        extend = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
        bar = axes[0].figure.colorbar(mesh, ax=axes, extend=extend[under, over], pad=0.02, aspect=24)
        bar.set_label(base.label(ds, name, self.labels))
        bar.outline.set_linewidth(0.6)

    def _theory(self, ax: Axes, curves: list[tuple[str, Any, np.ndarray, np.ndarray]]) -> dict[str, Any]:
        """Draws the theory's lines; returns legend entries by label."""
        out: dict[str, Any] = {}
        for text, style, x, y in curves:
            (out[text],) = ax.plot(x, y, color="black", linestyle=style, label=text, zorder=3)
            base.cased(out[text], 1.3)
        return out

    def _circles(self, ax: Axes, name: str) -> dict[str, Any]:
        """Draws the points of one panel; returns their legend entries by label."""
        out: dict[str, Any] = {}
        low, high = self.limits
        for points in (p for p in self.points if p.variable == name):
            x, y, values = (np.asarray(v, float) for v in points.values())
            look: dict[str, Any] = {
                "cmap": self.colours,
                "vmin": low,
                "vmax": high,
                "edgecolors": "black",
                "linewidths": 0.9,
            }
            ax.scatter(x, y, s=62, color="white", zorder=3.4)  # a rim on dark cells
            ax.scatter(x, y, c=values, s=42, zorder=3.5, **look)
            grey: dict[str, Any] = {
                "markerfacecolor": "0.6",
                "markeredgecolor": "black",
                "markersize": 6.5,
                "markeredgewidth": 0.9,
            }
            (out[points.label],) = ax.plot([], [], "o", linestyle="none", **grey)
        return out

    def _measured(self, ax: Axes, ds: xr.Dataset) -> dict[str, Any]:
        """Draws the measured boundaries; returns their legend entries by label."""
        out: dict[str, Any] = {}
        for name, marker in zip(self.boundaries, "osD^v" * len(self.boundaries), strict=False):
            var = ds[name]
            if var.dims not in ((self.x,), (self.y,)):
                raise InputError(f"PhaseDiagram: {name!r} has dims {var.dims}; it must run along {self.x} or {self.y}")
            vertical = var.dims == (self.x,)
            own = ds[self.x if vertical else self.y].values
            x, y = (own, var.values) if vertical else (var.values, own)
            keep = np.isfinite(var.values)
            if not keep.any():
                continue
            low, high = (ds[name + s].values if name + s in ds else var.values for s in ("_low", "_high"))
            text = self._boundary_label(ds, name)
            look = {"ms": 4.2, "mfc": "white", "mec": "black", "mew": 0.9, "ecolor": "black", "elinewidth": 1.0}
            look |= {"fmt": marker, "capsize": 2, "zorder": 4, "label": text}
            out[text] = base.bars(ax, x[keep], y[keep], low[keep], high[keep], vertical, **look)
        return out

    def _boundary_label(self, ds: xr.Dataset, name: str) -> str:
        if name in self.labels:
            return self.labels[name]
        attrs = ds[name].attrs
        observed = name.removesuffix("_boundary").removesuffix("_capacity")
        if "threshold" not in attrs or observed not in base.LABELS:
            return "measured (95 % interval)"
        return rf"measured, $\langle {base.LABELS[observed][1]} \rangle = {attrs['threshold']:g}$ (95 % interval)"

    def _notes(self, ds: xr.Dataset) -> list[str]:
        notes = []
        if lost := base.missing(ds):
            notes.append(f"Not computed: {lost}.")
        for name in self.boundaries:
            flag = name + "_flag"
            if flag in ds:
                meanings = str(ds[flag].attrs.get("flag_meanings", "")).split()
                counts = {m: int((ds[flag] == i).sum()) for i, m in enumerate(meanings) if i > 0}
                parts = [f"{m.replace('_', ' ')} {c}" for m, c in counts.items() if c]
                if parts:
                    what = "Ridge" if name.endswith("_ridge") else "Boundary"
                    lost = f"{sum(counts.values())} of {ds[flag].size}"
                    notes.append(f"{what} not found in {lost} scans: {', '.join(parts)}.")
        for size in sorted({size for name in self.boundaries if (size := _step(ds, name))}):
            notes.append(
                f"Intervals are statistical, over samples; the boundary is interpolated on a grid of step {size}."
            )
        return notes


def _step(ds: xr.Dataset, name: str) -> str:
    """Step of the grid on which a boundary was found, in words."""
    along = str(ds[name].attrs.get("axis_name", ""))
    if along not in ds.coords or ds.sizes.get(along, 0) < 2:
        return ""
    steps = np.diff(ds[along].values.astype(float))
    return f"{steps.mean():.3g}" if np.allclose(steps, steps[0]) else f"{steps.min():.3g} to {steps.max():.3g}"


def _patch(x: float, y: float, width: float, height: float, **look: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x, y), width, height, **{"edgecolor": "0.55", "linewidth": 0, "zorder": 0, **look})
