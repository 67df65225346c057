"""An observable against one axis, one curve for each value of another, with standard errors and the theory's curve."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.exceptions import InputError
from isinglass.figures import base

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = "osD^vP*X"


@dataclass(frozen=True)
class PhaseLines:
    """The mean of `observable` against `x`, one curve for each value of `colour`, bars of one standard error.

    `observable` is the name of an observable that a stage averaged (`<observable>_mean`), or of what a stage returned
    with an `_error`, such as a boundary; without it, the first mean over x. `theory` is y(x), or a sequence of `Line`;
    a function that takes an argument named like the axis `colour` is drawn once for each of its values, in its colour.
    `at` picks a value of every further axis; `over` names axes along which the observable does not vary (of a boundary,
    the one that it was sought along). `log` names what is drawn on a logarithmic scale, `x` or `observable`. `x` may be
    an own dim of the observable, such as a time. Arrays go by their labels. `aside` puts the legend beside the panel,
    where curves leave it no place within.
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
        figure = Figure(figsize=(base.COLUMN + (2.4 if self.aside else 0.6), 3.6), layout="constrained")
        ax = figure.subplots()
        values = base.words(ds, self.colour) if self.colour else np.array([np.nan])
        shades = _shades(len(values))
        x = base.words(ds, self.x)
        units = str(ds[self.colour].attrs.get("units", "1")) if self.colour else "1"
        unit = "" if units == "1" else f" {units}"
        fine = base.fine(x, self.x in self.log) if x.dtype.kind in "iuf" else None
        for i, value in enumerate(values):
            curve = ds.isel({self.colour: i}) if self.colour else ds
            text = f"{self._symbol()} = {value:g}{unit}" if values.dtype.kind in "iuf" else str(value)
            error = curve[mean.removesuffix("_mean") + "_error"].values if self._has_error(ds, mean) else None
            look: dict[str, Any] = {"ms": 3.6, "mew": 0.8, "mfc": "white", "capsize": 1.8, "elinewidth": 0.9, "lw": 0.6}
            ax.errorbar(
                x,
                curve[mean].values,
                yerr=error,
                color=shades[i],
                marker=MARKERS[i % len(MARKERS)],
                label=text if self.colour else "simulation",
                zorder=3,
                **look,
            )
            if fine is not None and self._per_colour():
                _draw_curve(ax, fine, self.theory(fine, **{str(self.colour): value}), shades[i])  # type: ignore[operator,misc]
        if fine is not None and not self._per_colour():
            for text, style, x_line, y in base.curves(self.theory, fine, self.source):
                ax.plot(x_line, y, color="black", linestyle=style, label=text, zorder=2)
        elif self._per_colour():
            ax.plot([], [], color="0.3", label=self.source)
        ax.set_xlabel(base.label(ds, self.x, self.labels))
        ax.set_ylabel(base.label(ds, mean, self.labels))
        if self.x in self.log:
            base.logarithmic(ax, "x", x)
        if mean.removesuffix("_mean") in self.log and (ds[mean] > 0).any():
            ax.set_yscale("log")
        if self.limits:
            ax.set_ylim(*self.limits)
        handles, texts = ax.get_legend_handles_labels()
        if len(handles) > 1:
            lines = len(handles) - len(values)  # the theory, which matplotlib puts first
            entries = handles[lines:] + handles[:lines], texts[lines:] + texts[:lines]
            if self.aside:
                figure.legend(*entries, loc="outside right upper", handlelength=1.8)
            else:
                ax.legend(*entries, handlelength=1.8)
        bars = self._has_error(ds, mean) and np.isfinite(ds[mean.removesuffix("_mean") + "_error"].values).any()
        notes = ["Bars: one standard error over samples."] if bars else []
        lost = base.missing(ds)
        base.headings(figure, ds, self.title, [*notes, f"Not computed: {lost}." if lost else ""], 84)
        return figure

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

    def _has_error(self, ds: xr.Dataset, mean: str) -> bool:
        return mean.removesuffix("_mean") + "_error" in ds

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


def _shades(n: int) -> list[Any]:
    """Colours in order, distinct also for the colour blind and in print: viridis without its pale end."""
    import matplotlib

    return ["black"] if n == 1 else list(matplotlib.colormaps["viridis"](np.linspace(0.0, 0.78, n)))


def _draw_curve(ax: Axes, x: np.ndarray, y: Any, colour: Any) -> None:
    ax.plot(x, np.broadcast_to(np.asarray(y, float), x.shape), color=colour, zorder=2)
