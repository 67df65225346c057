"""Intervals in rows: a quantity with its 95 % interval for each combination of axes, beside a level to compare with."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.exceptions import InputError, known
from isinglass.figures import base, numbers
from isinglass.figures.curve_panels import COLOURS
from isinglass.figures.lines import MARKERS
from isinglass.figures.states import SKIPPED, entries, mark_rows, note, states

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Intervals:
    """`quantity` with `<quantity>_low` and `_high`: a row for each combination of `rows`, a colour for each value.

    `values` are those of the axis `colour` to show. Meant for what `analysis.paired` returns.
    """

    quantity: str
    rows: Sequence[str]
    colour: str
    values: Sequence[Any]
    level: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)
    title: str | None = None
    name: str = "intervals"
    at: Mapping[str, Any] = field(default_factory=dict)

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes of the sweep that the figure shows."""
        return (self.colour, *self.rows)

    def draw(self, ds: xr.Dataset) -> Figure:
        """The figure. Raises InputError for a variable, axis or value that the dataset lacks."""
        with base.style():
            return self._draw(ds)

    def _draw(self, ds: xr.Dataset) -> Figure:
        from matplotlib.figure import Figure

        names = [self.quantity + end for end in ("", "_low", "_high")]
        ds = base.select(ds, self.axes, names, self.at, f"Intervals {self.name!r}")
        words = list(map(str, base.words(ds, self.colour)))
        shown = [str(v) for v in self.values if str(v) in words]
        if not shown:
            raise InputError(f"Intervals {self.name!r}: no value of {self.colour}; {known(str(self.values[0]), words)}")
        combinations = list(itertools.product(*(range(ds.sizes[r]) for r in self.rows)))
        figure = Figure(figsize=(base.PAGE, 0.9 + 0.32 * len(combinations) + 0.6), layout="constrained")
        ax = figure.subplots()
        ax.axvline(self.level, color="0.5", lw=0.8)
        codes: list[np.ndarray] = []
        for i, value in enumerate(shown):
            k = words.index(value)
            part = ds.isel({self.colour: k})
            middle, low, high = (
                np.array([float(part[n].isel(dict(zip(self.rows, c, strict=True)))) for c in combinations])
                for n in names
            )
            code = states(part, self.quantity, tuple(self.rows)).ravel()
            self._record(ax, part, middle, low, high, code)
            y = np.arange(len(combinations)) + 0.5 * ((i + 0.5) / len(shown) - 0.5)
            look: dict[str, Any] = {"color": COLOURS[k % len(COLOURS)], "marker": MARKERS[k % len(MARKERS)]}
            look |= {"label": base.said(value, self.labels), "ls": "", "ms": 4, "mfc": "white", "capsize": 2}
            mark_rows(ax, y, middle, code, look["color"])
            codes.append(code[code != SKIPPED])
            ax.errorbar(middle, y, xerr=[middle - low, high - middle], **look)
        texts = [", ".join(self._word(ds, r, k) for r, k in zip(self.rows, c, strict=True)) for c in combinations]
        ax.set_yticks(range(len(combinations)), texts)
        ax.invert_yaxis()
        ax.set_xlabel(base.label(ds, self.quantity, self.labels))
        handles, names = ax.get_legend_handles_labels()
        legend = dict(zip(names, handles, strict=True)) | entries(codes)
        title = self.labels.get(self.colour)
        figure.legend(list(legend.values()), list(legend), loc="outside right center", title=title)
        lost = base.missing(ds.isel({self.colour: [words.index(v) for v in shown]}))
        notes = ["Bars: 95 % Student intervals over samples.", f"Not computed: {lost}." if lost else ""]
        base.headings(figure, ds, self.title, [*notes, note(codes)], 130)
        return figure

    def _record(self, ax: Axes, ds: xr.Dataset, middle: np.ndarray, low: Any, high: Any, code: np.ndarray) -> None:
        """Keep the numbers of one colour, in the order of the rows."""
        places = np.meshgrid(*(base.words(ds, row) for row in self.rows), indexing="ij")
        axes = {row: p.ravel() for row, p in zip(self.rows, places, strict=True)} | numbers.place(ds)
        reads = numbers.reading(ds, self.quantity, low=self.quantity + "_low", high=self.quantity + "_high")
        numbers.record(ax, ds, "interval", self.quantity, reads, axes, middle, low=low, high=high, status=code)

    def _word(self, ds: xr.Dataset, axis: str, k: int) -> str:
        values = base.words(ds, axis)
        name = self.labels.get(axis, axis.replace("_", " "))
        return f"{name} = {values[k]:g}" if values.dtype.kind in "iuf" else base.said(values[k], self.labels)
