"""One map of two quantities: hue says one, lightness the other, and a square says which colour means what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.figures import base
from isinglass.figures.legends import below
from isinglass.figures.lines import theory_lines, theory_note
from isinglass.figures.maps import boundary, boundary_notes, cells, plane, record_cells
from isinglass.figures.states import marked, note

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OKLAB_TO_LMS = np.array(  # of the cube roots of cone responses, and from them to linear sRGB (Ottosson 2020, "Oklab")
    [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.2914855480]]
)
LMS_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)
HUES = np.radians([262.0, 72.0])
"""Blue and amber: the two ends of a line that neither protanopes nor deuteranopes lose."""
LIGHTNESS, CHROMA = (0.36, 0.86), 0.125


def colours(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Colours (..., 3), sRGB in [0, 1], of two quantities in [0, 1]; what lies beyond is clipped.

    `first` goes from blue through grey to amber, `second` from dark to light: lightness, in the perceptual space OKLab,
    is a linear function of `second` alone. Chroma is `CHROMA`, or 0.95 of what sRGB can show where that is less.
    """
    u, v = (np.clip(np.asarray(q, float), 0, 1) for q in (first, second))
    lightness = LIGHTNESS[0] + (LIGHTNESS[1] - LIGHTNESS[0]) * v
    ends = []
    for hue in HUES:
        low, high = np.zeros_like(lightness), np.full_like(lightness, CHROMA / 0.95)
        for _ in range(12):  # the largest chroma that sRGB has at this lightness and hue, by bisection
            middle = (low + high) / 2
            rgb = _linear(lightness, middle * np.cos(hue), middle * np.sin(hue))
            inside = ((rgb >= 0) & (rgb <= 1)).all(-1)
            low, high = np.where(inside, middle, low), np.where(inside, high, middle)
        ends.append(0.95 * low[..., None] * np.array([np.cos(hue), np.sin(hue)]))
    share = u[..., None]
    a, b = np.moveaxis((1 - share) * ends[0] + share * ends[1], -1, 0)
    rgb = np.clip(_linear(lightness, a, b), 0, 1)
    return np.asarray(np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055))


def _linear(lightness: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """OKLab to linear sRGB (..., 3); outside [0, 1] where sRGB lacks the colour."""
    lms: np.ndarray = (np.stack([lightness, a, b], -1) @ OKLAB_TO_LMS.T) ** 3
    return np.asarray(lms @ LMS_TO_RGB.T)


def bivariate_map(
    ax: Axes,
    ds: xr.Dataset,
    names: tuple[str, str],
    x: str,
    y: str,
    *,
    at: Mapping[str, Any] | None = None,
    limits: Sequence[tuple[float, float]] = ((0.0, 1.0), (0.0, 1.0)),
    log: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
) -> np.ndarray:
    """Draw two variables, dims (x, y), as one map: the first by hue, the second by lightness; returns the states.

    Arguments are those of `phase_map`, with a pair of `limits`. A cell is drawn where both have a value. Raises
    InputError as `phase_map` does.
    """
    ds = plane(ds, names, x, y, at, "bivariate_map")
    first, second = (ds[name].transpose(y, x).values.astype(float) for name in names)
    both = names[0] if np.isnan(first).sum() >= np.isnan(second).sum() else names[1]
    code = cells(ax, ds, both, x, y, log, labels)
    for name in names:
        record_cells(ax, ds, name, x, y, code)
    scaled = [(v - low) / (high - low) for v, (low, high) in zip((first, second), limits, strict=True)]
    there = np.isfinite(first) & np.isfinite(second)
    shown = np.concatenate([colours(*(np.nan_to_num(v) for v in scaled)), there[..., None]], -1)
    corners = (base.edges(ds[axis].values, axis in log) for axis in (x, y))
    ax.pcolormesh(*corners, shown, rasterized=True)
    return code


def colour_square(
    ax: Axes, ds: xr.Dataset, names: tuple[str, str], limits: Sequence[tuple[float, float]], labels: Mapping[str, str]
) -> None:
    """The legend of a `bivariate_map`: its colours over both quantities, with their units."""
    u, v = np.meshgrid(np.linspace(0, 1, 65), np.linspace(0, 1, 65))
    (left, right), (low, high) = limits
    ax.imshow(colours(u, v), origin="lower", extent=(left, right, low, high), aspect="auto", interpolation="nearest")
    ax.set_xlabel(base.label(ds, names[0], labels))
    ax.set_ylabel(base.label(ds, names[1], labels))


@dataclass(frozen=True)
class BivariateMap:
    """Two means over the plane (x, y) in one map: the first of `quantities` by hue, the second by lightness.

    Amber where the first is high, blue where it is low; light where the second is high, dark where it is low, as the
    square beside the map shows over `limits`, a pair of ranges. `boundary`, `lines`, `source`, `at`, `log` and `labels`
    are those of `PhaseDiagram`. Values beyond the ranges have the colour of their ends, and are counted below.
    """

    x: str
    y: str
    quantities: tuple[str, str] = ("coherence_mean", "memory_mean")
    boundary: str | Sequence[str] = ()
    lines: base.Theory = None
    source: str = "theory"
    at: Mapping[str, Any] = field(default_factory=dict)
    limits: tuple[tuple[float, float], tuple[float, float]] = ((0.0, 1.0), (0.0, 1.0))
    log: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    title: str | None = None
    name: str = "bivariate_map"

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes of the sweep that the figure shows."""
        return (self.x, self.y)

    def draw(self, ds: xr.Dataset) -> Figure:
        """The figure. `ds` is the raw dataset merged with what the stages returned.

        Raises InputError for a variable or axis that the dataset lacks, and for an axis too many.
        """
        with base.style():
            return self._draw(ds)

    def _draw(self, ds: xr.Dataset) -> Figure:
        from matplotlib.figure import Figure

        boundaries = (self.boundary,) if isinstance(self.boundary, str) else tuple(self.boundary)
        what = f"BivariateMap {self.name!r}"
        ds = plane(base.select(ds, self.axes, boundaries, self.at, what), self.quantities, self.x, self.y, None, what)
        figure = Figure(figsize=(base.PAGE - 1.2, 4.3), layout="constrained")
        grid = figure.add_gridspec(5, 2, width_ratios=[1, 0.42], height_ratios=[0.22, 1, 0.22, 0.001, 0.001])
        ax = figure.add_subplot(grid[:3, 0])
        look: dict[str, Any] = {"limits": self.limits, "log": self.log, "labels": self.labels}
        code = bivariate_map(ax, ds, self.quantities, self.x, self.y, **look)
        x = base.fine(base.edges(ds[self.x].values, self.x in self.log), self.x in self.log)
        theory = theory_lines(ax, self.lines, self.x, x, source=self.source, cased=True)
        measured: dict[str, Any] = {}
        for order, name in enumerate(boundaries):
            measured |= boundary(ax, ds, name, self.x, self.y, label=self.labels.get(name), order=order)
        measured |= marked(ax)
        colour_square(figure.add_subplot(grid[1, 1]), ds, self.quantities, self.limits, self.labels)
        below(figure, grid, {3: theory, 4: measured})
        notes = [f"Not computed: {lost}." if (lost := base.missing(ds)) else ""]
        notes += [*boundary_notes(ds, boundaries), note([code])]
        notes += [self._beyond(ds), theory_note(self.lines if theory else None)]
        base.headings(figure, ds, self.title, notes, 124)
        return figure

    def _beyond(self, ds: xr.Dataset) -> str:
        """How many values have the colour of an end because they lie beyond it."""
        parts = []
        for name, (low, high) in zip(self.quantities, self.limits, strict=True):
            slack = 0.01 * (high - low)
            if many := int(((ds[name] < low - slack) | (ds[name] > high + slack)).sum()):
                parts.append(f"{base.label(ds, name, self.labels)} {many}")
        return f"Beyond the square, drawn in the colour of its edge: {', '.join(parts)} points." if parts else ""
