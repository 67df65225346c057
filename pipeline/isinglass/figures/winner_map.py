"""A map of winners: which of several theories holds over two axes, and how well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.figures import base, numbers
from isinglass.figures.lines import theory_lines, theory_note
from isinglass.figures.maps import boundary
from isinglass.figures.states import mark_cells, marked, note, states

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#E69F00", "#CC79A7", "#009E73", "#56B4E9", "#D55E00")
DARK = np.array([0.13, 0.13, 0.13])


@dataclass(frozen=True)
class WinnerMap:
    """The winner of `analysis.winners.winner` over the plane (x, y), one panel for each value of `facet`.

    Hue says which of `of` (label by observable, in the stage's order) wins, brightness how little it is: full at 0,
    dark from `darkest` on, where none holds. A dot marks cells where another is as good. `scale` maps an axis to a
    label and a function of its values, which is drawn instead; `log` names axes with a logarithmic scale. `lines` are
    y(x) of what is drawn; functions with an argument named like `facet` get its value; `verticals` are lines at an x.
    `boundary` is a variable along y (or x) with its 95 % interval. `at` picks a value of every further axis.
    """

    x: str
    y: str
    of: Mapping[str, str]
    winner: str = "winner"
    darkest: float = 1.0
    facet: str | None = None
    scale: Mapping[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = field(default_factory=dict)
    log: tuple[str, ...] = ()
    lines: base.Theory = None
    verticals: Mapping[str, float] = field(default_factory=dict)
    boundary: Mapping[str, str] = field(default_factory=dict)
    at: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    title: str | None = None
    name: str = "winner_map"

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes of the sweep that the figure shows."""
        return (self.x, self.y, *([self.facet] if self.facet else []))

    def draw(self, ds: xr.Dataset) -> Figure:
        """The figure. Raises InputError for a variable or axis that the dataset lacks, and for an axis too many."""
        with base.style():
            return self._draw(ds)

    def _draw(self, ds: xr.Dataset) -> Figure:
        from matplotlib.figure import Figure

        needed = [self.winner, f"{self.winner}_value", f"{self.winner}_even", *self.boundary]
        ds = base.select(ds, self.axes, needed, self.at, f"WinnerMap {self.name!r}")
        values = base.words(ds, self.facet) if self.facet else [None]
        figure = Figure(figsize=(base.PAGE, 3.8), layout="constrained")
        panels = figure.subplots(1, len(values), sharex=True, sharey=True, squeeze=False)[0]
        handles: dict[str, Any] = {}
        codes: list[np.ndarray] = []
        for k, (ax, value) in enumerate(zip(panels, values, strict=True)):
            part = ds.isel({self.facet: k}) if self.facet else ds
            handles |= self._panel(ax, part, {self.facet: value} if self.facet else None)
            codes.append(states(part, self.winner + "_value", (self.y, self.x)))
            ax.set_xlabel(self._label(ds, self.x))
            if self.facet:
                ax.set_title(f"({'abcdefgh'[k]}) {base.label(ds, self.facet, self.labels)} = {value:g}", loc="left")
        panels[0].set_ylabel(self._label(ds, self.y))
        figure.legend(list(handles.values()), list(handles), loc="outside right center", handlelength=1.4)
        lost = base.missing(ds)
        notes = [
            f"Brightness: the least of them, full at 0, dark from {self.darkest:g}.",
            "Dots: others are as good, the simpler is shown.",
            "Bars: 95 % over samples." if self.boundary else "",
            f"Not computed: {lost}." if lost else "",
            note(codes, ds[self.winner].attrs.get("guard")),
            theory_note(self.lines),
        ]
        base.headings(figure, ds, self.title, notes, 130)
        return figure

    def _label(self, ds: xr.Dataset, axis: str) -> str:
        return self.scale[axis][0] if axis in self.scale else base.label(ds, axis, self.labels)

    def _scaled(self, ds: xr.Dataset, axis: str) -> np.ndarray:
        values = np.asarray(ds[axis].values, float)
        return np.asarray(self.scale[axis][1](values)) if axis in self.scale else values

    def _panel(self, ax: Axes, ds: xr.Dataset, at: Mapping[str, Any] | None) -> dict[str, Any]:
        """One panel; returns its legend entries."""
        from matplotlib.colors import to_rgb
        from matplotlib.patches import Patch

        x, y = (self._scaled(ds, axis) for axis in (self.x, self.y))
        first, least, even = (ds[self.winner + end].transpose(self.y, self.x).values for end in ("", "_value", "_even"))
        hues = np.array([to_rgb(COLOURS[i % len(COLOURS)]) for i in range(len(self.of))])
        shade = np.clip(np.nan_to_num(least, nan=0.0) / self.darkest, 0, 1)[..., None]
        hue = hues[np.maximum(first, 0).astype(int)]
        colours = hue * (1 - shade) + DARK * shade
        edges = base.edges(x, self.x in self.log), base.edges(y, self.y in self.log)
        for axis, which, v in ((self.x, "x", x), (self.y, "y", y)):
            if axis in self.log:
                base.logarithmic(ax, which, v)
                if (v == 0).any():  # linear from 0 to the least value: no decades in between
                    tens = 10.0 ** np.arange(np.ceil(np.log10(v[v > 0].min()) - 1e-9), np.log10(v.max()) + 1e-9)
                    getattr(ax, f"{which}axis").set_ticks([0.0, *tens])
        seen = np.concatenate([colours, (first >= 0)[..., None]], -1)  # the last: opacity
        ax.pcolormesh(*edges, seen, rasterized=True)
        code = states(ds, self.winner + "_value", (self.y, self.x))
        mark_cells(ax, *edges, code)
        self._record(ax, ds, code)
        ax.set(xlim=edges[0][[0, -1]], ylim=edges[1][[0, -1]])
        rows, columns = np.nonzero((even > 0) & (first >= 0))
        ax.plot(x[columns], y[rows], ".", color="white", ms=2.6, mew=0, zorder=3)
        handles: dict[str, Any] = {
            text: Patch(facecolor=hues[i]) for i, text in enumerate(self.of.values()) if (first == i).any()
        }
        drawn = f"{self.x}_drawn" if self.x in self.scale else self.x
        for text, at_x in self.verticals.items():
            numbers.record(ax, None, "theory", text, "a vertical line that the workflow gives", {drawn: at_x}, np.nan)
            handles[text] = ax.axvline(at_x, color="black", linestyle=":", zorder=4)
            base.cased(handles[text], 1.3)
        fine = base.fine(edges[0], self.x in self.log)
        handles |= theory_lines(ax, self.lines, drawn, fine, at=at, cased=True)
        scale = {axis: function for axis, (_, function) in self.scale.items()}
        for order, (name, text) in enumerate(self.boundary.items()):
            handles |= boundary(ax, ds, name, self.x, self.y, label=text, order=order, scale=scale)
        return handles | marked(ax)

    def _record(self, ax: Axes, ds: xr.Dataset, code: np.ndarray) -> None:
        """Keep the numbers of the cells: the winner's position in `of`, its value, and whether another is as good."""
        names = [self.winner + end for end in ("", "_value", "_even")]
        first, least, even = (ds[name].transpose(self.y, self.x).values for name in names)
        axes: dict[str, Any] = {self.x: ds[self.x].values[None, :], self.y: ds[self.y].values[:, None]}
        for axis, which in ((self.x, np.s_[None, :]), (self.y, np.s_[:, None])):
            if axis in self.scale:
                axes[f"{axis}_drawn"] = self._scaled(ds, axis)[which]
        order = ", ".join(f"{i} {name}" for i, name in enumerate(self.of))
        reads = f"{numbers.reading(ds, names[1])}; winner is {names[0]} ({order}; -1 none), even is {names[2]}"
        axes |= numbers.place(ds)
        numbers.record(ax, ds, "map", names[1], reads, axes, least, winner=first, even=even, status=code)
