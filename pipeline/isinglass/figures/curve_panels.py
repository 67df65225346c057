"""An observable against a logarithmic axis: curves with bands for one axis, panels for another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.exceptions import InputError
from isinglass.figures import base

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#000000", "#0072B2", "#D55E00", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#7F7F7F")
MARKERS = "osD^vP*X"


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
        for k, (ax, panel) in enumerate(zip(drawn, panels, strict=True)):
            self._panel(ax, ds.isel({self.panels: k}))
            ax.set_title(f"({chr(97 + k)}) {panel}", loc="left")
            ax.set_xscale("log")
            ax.set_xlim(ds[self.x].values.min() / 2, ds[self.x].values.max() * 2)
            ax.set_xlabel(base.label(ds, self.x, self.labels))
        drawn[0].set_ylabel(base.label(ds, names[0], self.labels))
        handles, texts = drawn[0].get_legend_handles_labels()
        figure.legend(handles, texts, loc="outside right center", handlelength=1.8, title=self.labels.get(self.colour))
        lost = base.missing(ds.where(ds["status"] != 3, drop=False)) if (ds["status"] == 2).any() else ""
        notes = ["Bands: 95 % intervals over samples.", f"Not computed: {lost}." if lost else ""]
        base.headings(figure, ds, self.title, notes, 130)
        return figure

    def _panel(self, ax: Axes, ds: xr.Dataset) -> None:
        x = ds[self.x].values.astype(float)
        for i, word in enumerate(base.words(ds, self.colour)):
            curve = ds.isel({self.colour: i})
            mean, error, count = (curve[f"{self.observable}_{end}"].values for end in ("mean", "error", "samples"))
            half = error * _student(count)
            there = np.isfinite(mean)
            look: dict[str, Any] = {"color": COLOURS[i % len(COLOURS)], "label": str(word)}
            if there.sum() == 1:
                level, width = mean[there][0], np.nan_to_num(half[there][0])
                ax.axhline(level, lw=1.2, **look)
                ax.axhspan(level - width, level + width, color=look["color"], alpha=0.15, lw=0)
                continue
            run = (curve["status"] != 3).values.reshape(len(x), -1).any(axis=1)
            y, half = mean[run], half[run]
            ax.plot(x[run], y, marker=MARKERS[i % len(MARKERS)], ms=3.4, mfc="white", mew=0.8, lw=1.0, **look)
            ax.fill_between(x[run], y - half, y + half, color=look["color"], alpha=0.18, lw=0)
        for text, value in self.lines.items():
            ax.axhline(value, color="0.5", lw=0.8, ls=":", label=text)


def _student(count: np.ndarray) -> Any:
    """Half the width of a 95 % interval over the standard error, for means of `count` samples; NaN below two."""
    from scipy import stats

    return stats.t.ppf(0.975, np.where(count > 1, count - 1, np.nan))
