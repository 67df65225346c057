"""An observable against one axis, one curve for each value of another, with standard errors and the theory's curve."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.exceptions import InputError
from isinglass.figures import base
from isinglass.figures.lines import (
    DENSE,
    flag_note,
    lines_with_bands,
    ordered,
    theory_lines,
    theory_note,
    unbounded_note,
)
from isinglass.figures.states import entries, note

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CROWDED = 6
"""Above so many lines the legend stands beside the panel."""


@dataclass(frozen=True)
class PhaseLines:
    """The mean of `observable` against `x`, one curve for each value of `colour`, bars of one standard error.

    `observable` is the name of an observable that a stage averaged (`<observable>_mean`), or of what a stage returned
    with an `_error`, such as a boundary; without it, the first mean over x. Above 60 points, bands take the place of
    bars. `theory` is y(x), or a sequence of `Line`; a function that takes an argument named like the axis `colour` is
    drawn once for each of its values, in its colour. `at` picks a value of every further axis; `over` names axes along
    which the observable does not vary (of a boundary, the one that it was sought along). `log` names what is drawn on a
    logarithmic scale, `x` or `observable`. `x` may be an own dim of the observable, such as a time. Arrays go by their
    labels. `aside` puts the legend beside the panel, where curves leave it no place within.
    """

    x: str
    observable: str | None = None
    colour: str | None = None
    theory: base.Theory = None
    source: str = "theory"
    at: Mapping[str, Any] = field(default_factory=dict)
    over: tuple[str, ...] = ()
    limits: tuple[float, float] | None = None
    log: Sequence[str] = ()
    aside: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    title: str | None = None
    name: str = "phase_lines"

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes of the sweep that the figure shows."""
        return (self.x, *([self.colour] if self.colour else []), *self.over)

    def draw(self, ds: xr.Dataset) -> Figure:
        """The figure. Raises InputError for a variable or axis that the dataset lacks, and for an axis too many."""
        with base.style():
            return self._draw(ds)

    def _draw(self, ds: xr.Dataset) -> Figure:
        from matplotlib.figure import Figure

        mean = self._mean(ds)
        ds = base.select(ds, self.axes, [mean], self.at, f"PhaseLines {self.name!r}")
        values = base.words(ds, self.colour) if self.colour else np.array([""])
        x = base.words(ds, self.x)
        aside = self.aside or len(values) > CROWDED
        figure = Figure(figsize=(base.COLUMN + (2.4 if aside else 0.6), 3.6), layout="constrained")
        ax = figure.subplots()
        shades = ordered(len(values))
        names = [self._named(ds, value) for value in values] if self.colour else ["simulation"]
        codes = lines_with_bands(ax, ds, mean, self.x, self.colour, shades=shades, names=names)
        theory = self._theory(ax, x, values, shades) if x.dtype.kind in "iuf" else {}
        ax.set_xlabel(base.label(ds, self.x, self.labels))
        ax.set_ylabel(base.label(ds, mean, self.labels))
        if self.x in self.log:
            base.logarithmic(ax, "x", x)
        if mean.removesuffix("_mean") in self.log and (ds[mean] > 0).any():
            ax.set_yscale("log")
            low, high = ax.get_ylim()
            if high / low < 100:  # too few powers of ten to read the axis by
                base.ticks(ax.yaxis, np.geomspace(low, high, 9))
        if self.limits:
            ax.set_ylim(*self.limits)
        drawn = {text: handle for handle, text in zip(*ax.get_legend_handles_labels(), strict=True) if text in names}
        shown = drawn | theory | entries(codes)
        if len(shown) > 1:
            where: dict[str, Any] = {"loc": "outside right upper"} if aside else {}
            (figure if aside else ax).legend(list(shown.values()), list(shown), handlelength=1.8, **where)
        error = ds.get(mean.removesuffix("_mean") + "_error")
        what = "Bands" if ds.sizes[self.x] > DENSE else "Bars"
        notes = [f"{what}: one standard error over samples."] if error is not None and error.notnull().any() else []
        notes += [unbounded_note(ds, mean), flag_note(ds, mean)]
        notes += [f"Not computed: {lost}." if (lost := base.missing(ds)) else ""]
        notes += [note(codes, ds[mean].attrs.get("guard")), theory_note(self.theory if theory else None)]
        base.headings(figure, ds, self.title, notes, 112 if aside else 84)
        return figure

    def _theory(self, ax: Axes, x: np.ndarray, values: np.ndarray, shades: list[Any]) -> dict[str, Any]:
        """The theory's curves, in black or one in the colour of each value; returns legend entries."""
        fine = base.fine(x, self.x in self.log)
        if self.colour is None or not self._per_colour():
            return theory_lines(ax, self.theory, self.x, fine, source=self.source)
        for value, shade in zip(values, shades, strict=True):
            theory_lines(ax, self.theory, self.x, fine, source=self.source, at={self.colour: value}, color=shade)
        return {self.source: ax.plot([], [], color="0.3", label=self.source)[0]}

    def _named(self, ds: xr.Dataset, value: Any) -> str:
        """A value of the axis `colour` in the legend."""
        if not isinstance(value, (int, float, np.number)):
            return base.said(value, self.labels)
        units = str(ds[str(self.colour)].attrs.get("units", "1"))
        return f"{self._symbol()} = {value:.4g}" + ("" if units == "1" else f" {units}")

    def _mean(self, ds: xr.Dataset) -> str:
        if self.observable:
            mean = f"{self.observable}_mean"
            return self.observable if self.observable in ds and mean not in ds else mean
        names = [str(v) for v in ds.data_vars if str(v).endswith("_mean") and self.x in ds[v].dims]
        if not names:
            raise InputError(
                f"PhaseLines {self.name!r}: no mean runs along {self.x!r}; add a stage such as errors.mean(...)"
            )
        return names[0]

    def _per_colour(self) -> bool:
        if self.colour is None or not callable(self.theory):
            return False
        return self.colour in inspect.signature(self.theory).parameters

    def _symbol(self) -> str:
        """Of the axis `colour` in the legend: what stands in $ at the end of its own label, or of the common one."""
        name = str(self.colour)
        own = self.labels.get(name, "")
        if own.endswith("$"):
            return f"${own[:-1].rpartition('$')[2]}$"
        return f"${base.LABELS[name][1]}$" if name in base.LABELS else name.replace("_", " ")
