"""An observable against a logarithmic axis: curves with bands for one axis, panels for another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.exceptions import InputError
from isinglass.figures import base, numbers
from isinglass.figures.lines import lines_with_bands
from isinglass.figures.states import entries, note

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#000000", "#0072B2", "#D55E00", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#7F7F7F")


@dataclass(frozen=True)
class CurvePanels:
    """The mean of `observable` against `x`, bands of a 95 % Student interval, one panel for each value of `panels`.

    One curve for each value of `colour`; one that has a single point (the others skipped) is a level, drawn across.
    Curves break where a point is missing. `lines` names levels to compare with: {label: value}. `at` picks a value of
    every further axis. x is logarithmic and must be above 0.
    """

    x: str
    observable: str
    colour: str
    panels: str
    lines: Mapping[str, float] = field(default_factory=dict)
    at: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    title: str | None = None
    name: str = "curve_panels"

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes of the sweep that the figure shows."""
        return (self.x, self.colour, self.panels)

    def draw(self, ds: xr.Dataset) -> Figure:
        """The figure. Raises InputError for a variable or axis that the dataset lacks, and for an axis too many."""
        with base.style():
            return self._draw(ds)

    def _draw(self, ds: xr.Dataset) -> Figure:
        from matplotlib.figure import Figure

        names = [f"{self.observable}_{end}" for end in ("mean", "error", "samples")]
        ds = base.select(ds, self.axes, names, self.at, f"CurvePanels {self.name!r}")
        if not (ds[self.x].values > 0).all():
            raise InputError(f"CurvePanels {self.name!r}: {self.x} is drawn on a logarithmic axis, and is not above 0")
        panels = base.words(ds, self.panels)
        figure = Figure(figsize=(base.PAGE, 3.8), layout="constrained")
        drawn = figure.subplots(1, len(panels), sharey=True, sharex=True, squeeze=False)[0]
        codes: list[np.ndarray] = []
        for k, (ax, panel) in enumerate(zip(drawn, panels, strict=True)):
            codes += self._panel(ax, ds.isel({self.panels: k}))
            ax.set_title(f"({chr(97 + k)}) {base.said(panel, self.labels)}", loc="left")
            ax.set_xscale("log")
            ax.set_xlim(ds[self.x].values.min() / 2, ds[self.x].values.max() * 2)
            ax.set_xlabel(base.label(ds, self.x, self.labels))
            ax.set_ylabel("" if k else base.label(ds, names[0], self.labels))
        handles, texts = drawn[0].get_legend_handles_labels()
        shown = dict(zip(texts, handles, strict=True)) | entries(codes)
        title = self.labels.get(self.colour)
        figure.legend(list(shown.values()), list(shown), loc="outside right center", handlelength=1.8, title=title)
        lost = base.missing(ds)
        notes = ["Bands: 95 % intervals over samples.", f"Not computed: {lost}." if lost else ""]
        notes.append(note(codes, ds[names[0]].attrs.get("guard")))
        base.headings(figure, ds, self.title, notes, 130)
        return figure

    def _panel(self, ax: Axes, ds: xr.Dataset) -> list[np.ndarray]:
        names = [base.said(word, self.labels) for word in base.words(ds, self.colour)]
        look: dict[str, Any] = {"shades": COLOURS, "names": names}
        mean = f"{self.observable}_mean"
        codes = lines_with_bands(ax, ds, mean, self.x, self.colour, interval="student", bands=True, levels=True, **look)
        for text, value in self.lines.items():
            numbers.record(ax, None, "theory", text, "value is a level that the workflow gives", {}, value)
            ax.axhline(value, color="0.5", lw=0.8, ls=":", label=text)
        return codes
