"""Finite-size collapse: the curves as measured, the curves on one scaling function, and what the fit leaves over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.exceptions import InputError, known
from isinglass.figures import base, numbers
from isinglass.figures.extrapolation import rounded
from isinglass.figures.lines import MARKERS

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PARTS = {"critical": "c", "nu": r"\nu", "beta": r"\beta", "gamma": r"\gamma"}


@dataclass(frozen=True)
class Collapse:
    """What `finite_size.collapse` returned as `collapse`: raw curves by `size`, rescaled ones, and their residuals.

    `x` is the axis along which curves run. Points with a part in the fit are open symbols, all others small and grey.
    `exact` names values to compare with in the caption, by "critical", "nu", "beta", "gamma"; the critical one is a
    dashed line in the first panel; `source` says whose they are. `at` picks a value of every further axis. Bars are
    one standard error.
    """

    collapse: str
    x: str
    size: str
    exact: Mapping[str, float] = field(default_factory=dict)
    at: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    title: str | None = None
    name: str = "collapse"

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes of the sweep that the figure shows."""
        return (self.x, self.size)

    def draw(self, ds: xr.Dataset) -> Figure:
        """The figure. Raises InputError for a variable or axis that the dataset lacks, and for an axis too many."""
        with base.style():
            return self._draw(ds)

    def _draw(self, ds: xr.Dataset) -> Figure:
        import matplotlib
        from matplotlib.figure import Figure

        name, what = self.collapse, f"Collapse {self.name!r}"
        if f"{name}_x" not in ds:
            raise InputError(f"{what}: no stage returned {name!r}; {known(name, self._others(ds))}")
        quantity = str(ds[f"{name}_x"].attrs.get("quantity", ""))
        if quantity not in ds:
            raise InputError(f"{what}: the curves {quantity!r} are not there; average them in a stage before")
        ds = base.select(ds, self.axes, [f"{name}_x"], self.at, what).transpose(self.size, self.x, ...)
        sizes, t = ds[self.size].values, ds[self.x].values.astype(float)
        part = {k: ds[f"{name}_{k}"].values for k in ("x", "y", "y_error", "function", "residual")}
        raw, error = ds[quantity].values, ds[quantity.removesuffix("_mean") + "_error"].values
        used = np.isfinite(part["x"])
        figure = Figure(figsize=(base.PAGE, 4.2), layout="constrained")
        grid = figure.add_gridspec(2, 2, height_ratios=[3, 1])
        first, second = figure.add_subplot(grid[:, 0]), figure.add_subplot(grid[0, 1])
        third = figure.add_subplot(grid[1, 1], sharex=second)
        colours = matplotlib.colormaps["viridis"](np.linspace(0, 0.85, len(sizes)))
        look: dict[str, Any] = {"ms": 3.8, "mfc": "white", "mew": 0.8, "elinewidth": 0.8, "capsize": 1.4}
        for i, size in enumerate(sizes):
            kind: dict[str, Any] = {"color": colours[i], "marker": MARKERS[i % len(MARKERS)], **look}
            there, fit = np.isfinite(raw[i]), used[i]
            first.plot(t[there], raw[i][there], color=colours[i], lw=0.6, zorder=1)
            first.plot(t[there & ~fit], raw[i][there & ~fit], ".", color="0.55", ms=3, zorder=2)
            first.errorbar(t[fit], raw[i][fit], error[i][fit], ls="", label=f"{size:g}", zorder=3, **kind)
            second.errorbar(part["x"][i][fit], part["y"][i][fit], part["y_error"][i][fit], ls="", zorder=3, **kind)
            third.errorbar(part["x"][i][fit], part["residual"][i][fit], 1, ls="", zorder=3, **kind | {"ms": 3})
        order = np.argsort(part["x"][used])
        second.plot(part["x"][used][order], part["function"][used][order], color="black", lw=1, zorder=4)
        third.axhline(0, color="black", lw=0.8)
        if "critical" in self.exact:
            first.axvline(self.exact["critical"], color="black", ls="--", lw=0.8, zorder=0)
            reads = self.source or "given by the workflow"
            numbers.record(first, None, "theory", "exact", reads, {self.x: self.exact["critical"]}, np.nan)
        self._record(ds, first, second, third, quantity, sizes, t)
        self._label(ds, first, second, third, quantity)
        second.tick_params(labelbottom=False)
        for letter, ax in zip("abc", (first, second, third), strict=True):
            ax.set_title(f"({letter})", loc="left")
        exact = f"Exact: {self.source}." if self.source and self.exact else ""
        notes = [self._words(ds), self._lost(ds, raw, used), exact]
        base.headings(figure, ds, self.title, notes, 130)
        return figure

    def _record(self, ds: xr.Dataset, first: Axes, second: Axes, third: Axes, quantity: str, *grid: np.ndarray) -> None:
        place = {**numbers.place(ds), self.size: grid[0][:, None], self.x: grid[1][None, :]}
        rescaled = {f"{self.x}_drawn": ds[f"{self.collapse}_x"].values}
        for ax, kind, variable, more in (
            (first, "line", quantity, {}),
            (second, "line", f"{self.collapse}_y", rescaled),
            (second, "line", f"{self.collapse}_function", rescaled),
            (third, "line", f"{self.collapse}_residual", rescaled),
        ):
            error = variable.removesuffix("_mean") + "_error"
            reads = numbers.reading(ds, variable, error=error)
            bars = ds[error].values if error in ds else None
            numbers.record(ax, ds, kind, variable, reads, place | more, ds[variable].values, error=bars)

    def _label(self, ds: xr.Dataset, first: Axes, second: Axes, third: Axes, quantity: str) -> None:
        first.set_xlabel(base.label(ds, self.x, self.labels))
        first.set_ylabel(base.label(ds, quantity, self.labels))
        symbol = _symbol(self.size, self.size)
        axis = _symbol(self.x, self.x)
        first.legend(title=f"${symbol}$", handlelength=1.2)
        kind = str(ds[f"{self.collapse}_x"].attrs.get("exponent", "none"))
        growth = {"beta": rf"\,{symbol}^{{\beta/\nu}}", "gamma": rf"\,{symbol}^{{-\gamma/\nu}}"}.get(kind, "")
        y = self.labels.get(quantity, _symbol(quantity.removesuffix("_mean"), "y"))
        y = y.partition("$")[2].rpartition("$")[0] if "$" in y else y
        second.set_ylabel(f"${y}{growth}$")
        third.set_ylabel("residual\n/ error", fontsize=9)
        third.set_xlabel(rf"$({axis} - {axis}_\mathrm{{c}})\,{symbol}^{{1/\nu}}$")

    def _words(self, ds: xr.Dataset) -> str:
        """The values with errors, the test, and what shifts when data are left out; of variables alone."""
        name = self.collapse
        axis = _symbol(self.x, self.x)
        parts = [p for p in PARTS if f"{name}_{p}" in ds]
        here = ds.sel(fit="all")
        meanings = ds[f"{name}_flag"].attrs["flag_meanings"].split()
        flag = meanings[int(here[f"{name}_flag"])]
        if not np.isfinite(float(here[f"{name}_critical"])):
            return f"No collapse: {flag.replace('_', ' ')}."
        said = []
        for part in parts:
            symbol = rf"${axis}_\mathrm{{c}}$" if part == "critical" else f"${PARTS[part]}$"
            value, error = float(here[f"{name}_{part}"]), float(here[f"{name}_{part}_error"])
            exact = f" (exact {self.exact[part]:.7g})" if part in self.exact else ""
            given = " given" if error == 0 else ""
            said.append(f"{symbol} = {rounded(value, error)}{given}{exact}".replace(" ", "\xa0"))
        chi2, freedom, p = (float(here[f"{name}_{k}"]) for k in ("chi2", "freedom", "p"))
        said.append(f"χ²/dof = {chi2:.1f}/{freedom:.0f}, p = {p:.2g}".replace(" ", "\xa0"))
        text = ", ".join(said) + ("" if flag == "found" else f" ({flag.replace('_', ' ')})") + "."
        shifts = []
        for fit in ds["fit"].values[1:]:
            one = ds.sel(fit=fit)
            ratios = {q: float(one[f"{name}_{q}_shift"]) / (float(one[f"{name}_{q}_shift_error"]) or np.nan)
                      for q in parts}  # fmt: skip
            largest = max((q for q in parts if np.isfinite(ratios[q])), key=lambda q: abs(ratios[q]), default=None)
            if largest is not None:
                symbol = rf"${axis}_\mathrm{{c}}$" if largest == "critical" else f"${PARTS[largest]}$"
                shifts.append(f"{str(fit).replace('_', ' ')}: {symbol} by {ratios[largest]:.1f} errors")
        return text + (f" Largest shift with less data: {'; '.join(shifts)}." if shifts else "")

    def _lost(self, ds: xr.Dataset, raw: np.ndarray, used: np.ndarray) -> str:
        out = int((np.isfinite(raw) & ~used).sum())
        lost = base.missing(ds)
        grey = f"Grey: {out} points without a part in the fit. " if out else ""
        return f"Bars: one standard error. {grey}" + (f"Not computed: {lost}." if lost else "")

    def _others(self, ds: xr.Dataset) -> list[str]:
        return [str(v).removesuffix("_residual") for v in ds.data_vars if str(v).endswith("_residual")]


def _symbol(name: str, other: str) -> str:
    """What stands for a quantity in a formula: of the common labels, or a name in upright letters."""
    if name in base.LABELS:
        return base.LABELS[name][1]
    return other if len(other) == 1 else rf"\mathrm{{{other.replace('_', chr(92) + '_')}}}"
