"""A density over one axis of the sweep and one own dim, such as a spectrum, with the theory's branches on top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.figures import base

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class SpectralMap:
    """`quantity`, dims (x, y), as colours on a logarithmic scale: `x` an axis of the sweep, `y` the quantity's own dim.

    `lines` are the theory's y(x). `limits` is the range of colour. `at` picks a value of every further axis.
    """

    x: str
    y: str
    quantity: str
    lines: base.Theory = None
    source: str = "theory"
    limits: tuple[float, float] = (1e-2, 1e1)
    at: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    title: str | None = None
    name: str = "spectral_map"

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes of the sweep that the figure shows."""
        return (self.x,)

    def draw(self, ds: xr.Dataset) -> Figure:
        """The figure. Raises InputError for a variable or axis that the dataset lacks, and for an axis too many."""
        with base.style():
            return self._draw(ds)

    def _draw(self, ds: xr.Dataset) -> Figure:
        from matplotlib.colors import LogNorm
        from matplotlib.figure import Figure

        ds = base.select(ds, self.axes, [self.quantity], self.at, f"SpectralMap {self.name!r}")
        values = ds[self.quantity].transpose(self.y, self.x).values.astype(float)
        x, y = base.edges(ds[self.x].values), base.edges(ds[self.y].values)
        figure = Figure(figsize=(base.COLUMN + 1.2, 3.9), layout="constrained")
        ax = figure.subplots()
        low, high = self.limits
        shown = np.ma.masked_invalid(np.clip(values, low, None))
        mesh = ax.pcolormesh(x, y, shown, cmap="cividis", norm=LogNorm(low, high), rasterized=True)
        ax.set_facecolor("0.7")
        bar = figure.colorbar(mesh, ax=ax, extend="both", pad=0.02, aspect=24)
        bar.set_label(base.label(ds, self.quantity, self.labels))
        for text, style, x_line, y_line in base.curves(self.lines, base.fine(x, False), self.source):
            (line,) = ax.plot(x_line, y_line, color="#D55E00", lw=1.1, label=text)
            line.set_dashes((2, 5) if style == "-" else (6, 4))
        ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
        ax.set_xlabel(base.label(ds, self.x, self.labels))
        ax.set_ylabel(base.label(ds, self.y, self.labels))
        if ax.get_legend_handles_labels()[0]:
            ax.legend(loc="best", labelcolor="white", handlelength=2.6)
        lost = base.missing(ds)
        base.headings(figure, ds, self.title, [f"Not computed: {lost}." if lost else ""], 96)
        return figure
