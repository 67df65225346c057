"""A quantity against a power of the size, with the fitted law to the limit of large sizes, and the exact value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.exceptions import InputError, known
from isinglass.figures import base, numbers

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Extrapolation:
    """`quantity` against N^-x with its errors, the law limit + amplitude N^-x, and the limit at 0; `exact` is a level,
    `source` whose it is.

    What `crossings.of_sizes` or `scaling.power` returned for `quantity` along the axis of sizes `along`. `over` names
    axes along which it does not vary (the one along which crossings or a boundary were sought). `at` picks a value of
    every further axis. Errors are one standard error.
    """

    quantity: str
    along: str
    exact: float | None = None
    over: tuple[str, ...] = ()
    at: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    title: str | None = None
    name: str = "extrapolation"

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes of the sweep that the figure shows."""
        return (self.along, *self.over)

    def draw(self, ds: xr.Dataset) -> Figure:
        """The figure. Raises InputError for a variable or axis that the dataset lacks, and for an axis too many."""
        with base.style():
            return self._draw(ds)

    def _draw(self, ds: xr.Dataset) -> Figure:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        q, title = self.quantity, f"Extrapolation {self.name!r}"
        mean = q if q in ds and f"{q}_mean" not in ds else f"{q}_mean"
        for need in (mean, f"{q}_error", f"{q}_limit", f"{q}_exponent"):
            if need not in ds:
                raise InputError(f"{title}: no stage returned {need!r}; {known(need, map(str, ds.data_vars))}")
        sought = str(ds[mean].attrs.get("axis_name", ""))
        ds = base.select(ds, self.axes, [mean], self.at, title)
        n = ds[self.along].values.astype(float)
        y, error = ds[mean].values, ds[f"{q}_error"].values
        fit = {k: float(ds[f"{q}_{k}"]) for k in ("limit", "limit_error", "exponent", "exponent_error", "amplitude",
                                                  "chi2", "freedom", "p")}  # fmt: skip
        fitted = np.isfinite(fit["limit"])
        power = fit["exponent"] if fitted else 1.0
        figure = Figure(figsize=(base.COLUMN + 0.6, 3.6), layout="constrained")
        ax = figure.subplots()
        there = np.isfinite(y)
        x = n**-power
        weighed = there & np.isfinite(error) & (error > 0)
        ax.errorbar(x[weighed], y[weighed], error[weighed], fmt="o", color="#0072B2", mfc="white", ms=4.5, capsize=2,
                    lw=0, elinewidth=1, label="simulation", zorder=3)  # fmt: skip
        if (bare := there & ~weighed).any():
            ax.plot(x[bare], y[bare], ".", color="0.55", ms=6, label="no finite error: not fitted", zorder=3)
        if fitted:
            line = np.array([0, x[there].max() if there.any() else 1.0])
            ax.plot(line, fit["limit"] + fit["amplitude"] * line, color="#0072B2", lw=1, label="fit", zorder=2)
            ax.errorbar([0], [fit["limit"]], [fit["limit_error"]], fmt="s", color="#D55E00", ms=5, capsize=3,
                        label="limit", zorder=4, clip_on=False)  # fmt: skip
        if self.exact is not None:
            ax.axhline(self.exact, color="black", ls="--", lw=0.9, label=f"exact, {self.exact:.6g}", zorder=1)
        place, reads = numbers.place(ds), numbers.reading(ds, mean, error=f"{q}_error")
        numbers.record(ax, ds, "line", mean, reads, {**place, self.along: ds[self.along].values}, y, error=error)
        reads = numbers.reading(ds, f"{q}_limit", error=f"{q}_limit_error")
        numbers.record(ax, ds, "line", f"{q}_limit", reads, place, fit["limit"], error=fit["limit_error"])
        if self.exact is not None:
            numbers.record(ax, None, "theory", "exact", self.source or "given by the workflow", place, self.exact)
        ax.set_xlim(left=-0.04 * (x[there].max() if there.any() else 1.0))
        symbol = base.LABELS[self.along][1] if self.along in base.LABELS else self.along
        ax.set_xlabel(rf"${symbol}^{{-{power:.3g}}}$")
        ax.set_ylabel(base.label(ds, mean, {**self._axis(ds, mean, sought), **self.labels}))
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.ticklabel_format(useOffset=False, axis="y")
        top = ax.secondary_xaxis("top")
        top.set_xticks(*self._sizes(n[there], x[there]))
        top.tick_params(labelsize=7.5, length=2.5)
        ax.legend(handlelength=1.6, frameon=True, framealpha=0.85, edgecolor="none")
        left = int(there.sum()) - int(fit["freedom"] + self._fitted(fit)) if fitted else 0
        out = f"Without a part in the fit: {left} of {int(there.sum())} sizes." if left > 0 else ""
        exact = f"Exact: {self.source}." if self.source and self.exact is not None else ""
        base.headings(figure, ds, self.title, [self._words(fit, fitted), out, self._lost(ds, there), exact], 84)
        return figure

    def _fitted(self, fit: dict[str, float]) -> int:
        """How many numbers were fitted: those that have an error, and the amplitude."""
        return 1 + (fit["limit_error"] > 0) + (fit["exponent_error"] > 0)

    def _axis(self, ds: xr.Dataset, mean: str, sought: str) -> dict[str, str]:
        return {mean: base.label(ds, sought, self.labels)} if sought and mean not in self.labels else {}

    def _sizes(self, n: np.ndarray, x: np.ndarray) -> tuple[list[float], list[str]]:
        """Sizes marked at the top, from the smallest on, as many as have place."""
        kept: list[int] = []
        for i in np.argsort(-x):
            if not kept or x[kept[-1]] - x[i] > 0.08 * x.max():
                kept.append(int(i))
        return [float(x[i]) for i in kept], [f"{n[i]:g}" for i in kept]

    def _words(self, fit: dict[str, float], fitted: bool) -> str:
        if not fitted:
            return "No limit: too few sizes, or the fit failed; drawn against the inverse size."
        exponent = f"{fit['exponent']:.3g} (given)" if not fit["exponent_error"] else rounded(
            fit["exponent"], fit["exponent_error"])  # fmt: skip
        test = f"χ² = {fit['chi2']:.1f} for {fit['freedom']:.0f}, p = {fit['p']:.2g}" if fit["freedom"] else "no test"
        off = ""
        if self.exact is not None and fit["limit_error"] > 0:
            off = f", {abs(fit['limit'] - self.exact) / fit['limit_error']:.1f} standard errors from the exact value"
        limit = rounded(fit["limit"], fit["limit_error"])
        return f"Limit {limit}{off}; exponent {exponent}; {test}. Bars: one standard error. Sizes at the top."

    def _lost(self, ds: xr.Dataset, there: np.ndarray) -> str:
        lost = base.missing(ds)
        return f"Not computed: {lost}." if lost else ""


def rounded(value: float, error: float) -> str:
    """A value with its standard error in the last digits, as 2.2692(3); plain where there is no error."""
    if not np.isfinite(error) or error <= 0 or not np.isfinite(value):
        return f"{value:.6g}"
    digits = 1 - int(np.floor(np.log10(error)))
    if round(error * 10**digits) >= 100:  # 0.0996 is 0.10
        digits -= 1
    if digits <= 0:
        return f"{value:.0f}({error:.0f})"
    bracket = round(error * 10**digits)
    return f"{value:.{digits}f}({bracket if error < 1 else f'{error:.{digits}f}'})"
