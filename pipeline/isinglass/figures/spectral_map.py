"""A density over one axis of the sweep and one own dim, such as a spectrum, with the theory's branches on top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from isinglass.figures import base
from isinglass.figures.lines import theory_lines, theory_note
from isinglass.figures.maps import phase_map
from isinglass.figures.states import note, states

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
        from matplotlib.figure import Figure

        ds = base.select(ds, self.axes, [self.quantity], self.at, f"SpectralMap {self.name!r}")
        figure = Figure(figsize=(base.COLUMN + 1.2, 3.9), layout="constrained")
        ax = figure.subplots()
        look: dict[str, Any] = {"limits": self.limits, "scale": "log", "labels": self.labels}
        mesh = phase_map(ax, ds, self.quantity, self.x, self.y, **look)
        bar = figure.colorbar(mesh, ax=ax, extend="both", pad=0.02, aspect=24)
        bar.set_label(base.label(ds, self.quantity, self.labels))
        x = base.fine(base.edges(ds[self.x].values), False)
        theory = theory_lines(ax, self.lines, self.x, x, source=self.source, color="#D55E00", lw=1.1)
        for line in theory.values():
            line.set_dashes((2, 5) if line.get_linestyle() == "-" else (6, 4))
        if ax.get_legend_handles_labels()[0]:
            ax.legend(loc="best", labelcolor="white", handlelength=2.6)
        lost = base.missing(ds)
        code = states(ds, self.quantity, (self.x,))
        notes = [f"Not computed: {lost}." if lost else "", note([code]), theory_note(self.lines if theory else None)]
        base.headings(figure, ds, self.title, notes, 96)
        return figure
