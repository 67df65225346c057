"""One observable against another along the way of a single simulation, such as a hysteresis loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.figures import base, numbers
from isinglass.figures.states import DONE, STATES

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Paths:
    """`y` against `x`, observables along one own dim, of sample 0 and replica 0: a panel for each value of `panels`.

    `facts` maps what to print in each panel to the observable of that simulation. `at` picks a value of every further
    axis.
    """

    x: str
    y: str
    panels: str
    facts: Mapping[str, str] = field(default_factory=dict)
    at: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    title: str | None = None
    name: str = "paths"

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes of the sweep that the figure shows."""
        return (self.panels,)

    def draw(self, ds: xr.Dataset) -> Figure:
        """The figure. Raises InputError for a variable or axis that the dataset lacks, and for an axis too many."""
        with base.style():
            return self._draw(ds)

    def _draw(self, ds: xr.Dataset) -> Figure:
        from matplotlib.figure import Figure

        ds = base.select(ds, self.axes, [self.x, self.y, *self.facts.values()], self.at, f"Paths {self.name!r}")
        values = base.words(ds, self.panels)
        figure = Figure(figsize=(base.PAGE, 3.3), layout="constrained")
        drawn = figure.subplots(1, len(values), sharex=True, sharey=True, squeeze=False)[0]
        symbol = f"${base.LABELS[self.panels][1]}$" if self.panels in base.LABELS else self.panels.replace("_", " ")
        for k, (ax, value) in enumerate(zip(drawn, values, strict=True)):
            one = ds.isel({self.panels: k, "sample": 0, "replica": 0})
            self._path(ax, one)
            ax.set_title(f"({chr(97 + k)}) {symbol} = {base.said(value, self.labels)}", loc="left")
            printed = "\n".join(f"{word} {float(one[name]):.6f}" for word, name in self.facts.items())
            ax.set_title(printed, loc="right", fontsize=7.5)
            ax.set_xlabel(base.label(ds, self.x, self.labels))
        drawn[0].set_ylabel(base.label(ds, self.y, self.labels))
        lost = base.missing(ds)
        notes = ["Drawn: sample 0, replica 0.", f"Not computed: {lost}." if lost else ""]
        base.headings(figure, ds, self.title, notes, 130)
        return figure

    def _path(self, ax: Axes, one: xr.Dataset) -> None:
        """The path of one simulation, or in words why there is none."""
        x, y, code = one[self.x].values, one[self.y].values, int(one["status"])
        (own,) = one[self.y].dims
        reads = f"{numbers.reading(one, self.y)}; {self.x} is raw too: both of sample 0, replica 0"
        axes = {str(own): one[own].values, self.x: x} | numbers.place(one)
        numbers.record(ax, one, "path", self.y, reads, axes, y, status=np.int8(code))
        ax.plot(x, y, color="black", lw=0.8)
        if code != DONE:
            ax.text(0.5, 0.5, STATES[code], ha="center", va="center", transform=ax.transAxes, color="0.3")
