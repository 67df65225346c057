"""A phase diagram: maps over two axes side by side, the theory's lines and the measured boundary on top."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.exceptions import InputError
from isinglass.figures import base, numbers
from isinglass.figures.legends import below
from isinglass.figures.lines import origins, theory_lines, theory_note
from isinglass.figures.maps import boundary, boundary_notes, colour_bar, phase_map
from isinglass.figures.states import marked, note, states

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
    without a value are drawn as what they are: pending, failed, undefined, left out by a guard, or skipped (blank).
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
        panels = self._panels(ds)
        n = len(panels)
        wide = n > 1
        figure = Figure(figsize=(base.PAGE, 4.1) if wide else (base.COLUMN + 0.3, 4.2), layout="constrained")
        grid = figure.add_gridspec(3, n, height_ratios=[1, 0.001, 0.001])  # below the panels two rows of legend
        maps: list[Axes] = []
        theory: dict[str, Any] = {}
        measured: dict[str, Any] = {}
        codes: dict[str, list[np.ndarray]] = {}
        for i, (heading, part, name) in enumerate(panels):
            first = maps[0] if maps else None
            ax = figure.add_subplot(grid[0, i], sharex=first, sharey=first)
            maps.append(ax)
            look: dict[str, Any] = {"limits": self.limits, "colours": self.colours, "log": self.log}
            mesh = phase_map(ax, part, name, self.x, self.y, labels=self.labels, **look)
            codes.setdefault(name, []).append(states(part, name, (self.y, self.x)))
            if not self.facet or i == n - 1:
                colour_bar(maps if self.facet else ax, ds, name, mesh, self.labels)
            own = {self.facet: base.words(ds, self.facet)[i]} if self.facet else None
            theory |= theory_lines(ax, self.lines, self.x, self._fine(ds), source=self.source, at=own, cased=True)
            measured |= self._circles(ax, name)
            for order, over in enumerate(self.boundaries):
                measured |= boundary(ax, part, over, self.x, self.y, label=self.labels.get(over), order=order)
            measured |= marked(ax)
            if i:
                ax.set_ylabel("")
                ax.tick_params(labelleft=False)
            if wide:
                ax.set_title(f"({'abcdefgh'[i]}) {heading}".rstrip(), loc="left", pad=3)
        below(figure, grid, {1: theory, 2: measured})
        notes = [f"Not computed: {lost}." if (lost := base.missing(ds)) else "", *boundary_notes(ds, self.boundaries)]
        notes += [note(c, ds[name].attrs.get("guard")) for name, c in codes.items()]
        notes.append(theory_note(self.lines if theory else None))
        base.headings(figure, ds, self.title, list(dict.fromkeys(notes)), 150 if wide else 84)
        return figure

    def _fine(self, ds: xr.Dataset) -> np.ndarray:
        """Places along x for the theory's lines."""
        return base.fine(base.edges(ds[self.x].values, self.x in self.log), self.x in self.log)

    def _panels(self, ds: xr.Dataset) -> list[tuple[str, xr.Dataset, str]]:
        """(heading, dataset over x and y, variable) of each panel."""
        if self.facet is None:
            return [("", ds, name) for name in self.panels]
        axis, unit = self.facet, str(ds[self.facet].attrs.get("units", "1"))
        symbol = f"${base.LABELS[axis][1]}$ = " if axis in base.LABELS else f"{axis.replace('_', ' ')} = "
        unit = "" if unit == "1" else f" {unit}"
        values = base.words(ds, axis)
        numeric = values.dtype.kind in "iuf"
        names = [f"{symbol}{v:g}{unit}" if numeric else base.said(v, self.labels) for v in values]
        return [(name, ds.isel({axis: i}), self.panels[0]) for i, name in enumerate(names)]

    def _circles(self, ax: Axes, name: str) -> dict[str, Any]:
        """Draws the points of one panel; returns their legend entries by label."""
        out: dict[str, Any] = {}
        low, high = self.limits
        for points in (p for p in self.points if p.variable == name):
            x, y, values = (np.asarray(v, float) for v in points.values())
            reads = f"value is that of {name} by {', '.join(origins(points.values))}"
            numbers.record(ax, None, "points", points.label, reads, {self.x: x, self.y: y}, values)
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
