"""Ridges: where a mean, a fluctuation or a slope is largest along an axis, and how far that is from a boundary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from isinglass.analysis import errors, phases, quantities
from isinglass.analysis.quantities import Curves, Quantity
from isinglass.exceptions import InputError

if TYPE_CHECKING:
    import xarray as xr

FLAGS = {"found": 0, "at_end": 1, "incomplete": 2}
Shape = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Of an ascending axis (L,) and curves over it (..., L) to those whose largest value is sought."""


def ridge(
    quantity: str | Quantity,
    along: str,
    edge: tuple[str, float] | None = None,
    ordered: str = "low",
    resamples: int = errors.RESAMPLES,
    points: int = 3,
) -> errors.Stage:
    """The stage for the value of axis `along` at which a quantity is largest: `<quantity>_ridge`.

    `quantity` is an observable, of which the mean is taken, or a `Quantity` such as N(⟨m²⟩ - ⟨|m|⟩²). The vertex of the
    least-squares parabola through the highest grid point and its neighbours, `points` in all: 3 go through the points,
    more average noise and are the more biased the less the curve is a parabola there. With `_error`, `_low`, `_high`
    (standard error and 95 % interval, bootstrap over samples as in `phases.boundary`), `_height`, the value at the
    vertex, with the same ends, and `_flag`: 1 where the highest point is an end of the curve (NaN: the ridge may lie
    beyond; the height is that of the end), 2 where a point has no done simulation. Points that the workflow skipped are
    no part of a curve. Resamples whose highest point is an end count there.

    `edge` = (observable, threshold): also `<quantity>_gap`, the ridge less the last crossing of that threshold (as
    `phases.boundary` with `ordered` finds it), from the same resamples, so that what both share cancels; `_error`,
    `_low`, `_high` as above, infinite where too many resamples have no crossing on the grid.

    Raises InputError for an unknown observable or axis, and for fewer than 3 points.
    """
    return _summit(quantity, along, "ridge", lambda x, y: (x, y), edge, ordered, resamples, points)


def steepest(
    quantity: str | Quantity, along: str, resamples: int = errors.RESAMPLES, points: int = 3, rising: bool | None = None
) -> errors.Stage:
    """The stage for the value of axis `along` at which a quantity is steepest: `<quantity>_steepest`.

    The ridge (see there, also for what is returned and `points`) of its slope between neighbouring grid points, at
    their middles; of the slope up (`rising`), down (not), or of its size. `_height` is that slope. The more noise, the
    wider the steps of the grid must be: differences of neighbours have all of it.
    """

    def slopes(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        slope = np.diff(y, axis=-1) / np.diff(x)
        return (x[1:] + x[:-1]) / 2, np.asarray(abs(slope) if rising is None else slope if rising else -slope)

    return _summit(quantity, along, "steepest", slopes, None, "low", resamples, points)


def _summit(
    quantity: str | Quantity,
    along: str,
    kind: str,
    shaped: Shape,
    edge: tuple[str, float] | None,
    ordered: str,
    resamples: int,
    points: int,
) -> errors.Stage:
    short = quantities.named(quantity)
    title = f"{kind}({short}, {along})"
    if points < 3:
        raise InputError(f"{title}: points={points}, and a parabola needs 3")
    name = f"{short}_{kind}"

    def stage(ds: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        units, words = quantities.checked(ds, quantity, along, title)
        if edge:
            phases.check_axis(ds, errors.observable(ds, edge[0]), along, title)
        ds, axis = ds.sortby(along), ds[along].attrs
        asked = [quantity, *([edge[0]] if edge else [])]
        template, every = quantities.each(ds, asked, (along,), resamples)
        kinds = ("", "_height", *(["_gap"] if edge else []))
        columns = {k + end: np.full(template.shape, np.nan) for k in kinds for end in phases.ENDS}
        flag = np.full(template.shape, FLAGS["incomplete"], np.int8)
        for at, found in every:
            flag[at], row = _one(ds[along].values.astype(float), found, shaped, edge, ordered, points)
            for suffix, value in row.items():
                columns[suffix][at] = value
        where = f"{axis.get('long_name') or along} where {words} is "
        what = where + ("largest" if kind == "ridge" else "steepest")
        length = str(axis.get("units", "1"))
        per = "1" if length == units else f"{units}/({length})"
        about = {"": (what, length), "_height": (f"largest {words}", units)}
        if kind == "steepest":
            about["_height"] = (f"largest slope of {words} along {along}", per)
        if edge:
            about["_gap"] = (f"ridge of {words} less {along} where mean {edge[0]} is {edge[1]:g}", length)
        out = xr.Dataset()
        for k, (text, unit) in about.items():
            base = f"{short}_gap" if k == "_gap" else name + k
            for end, word in phases.ENDS.items():
                attrs = {"units": unit, "long_name": word + text}
                out[base + end] = template.copy(data=columns[k + end]).assign_attrs(attrs)
        out[name].attrs["axis_name"] = along
        if isinstance(quantity, Quantity) and quantity.denominator:
            out[f"{name}_height"].attrs["denominator"] = quantity.denominator
        out[f"{name}_flag"] = template.copy(data=flag).assign_attrs(quantities.flagged(FLAGS, what))
        return out

    return errors.titled(stage, title)


def _one(
    axis: np.ndarray,
    found: Sequence[Curves],
    shaped: Shape,
    edge: tuple[str, float] | None,
    ordered: str,
    points: int,
) -> tuple[int, dict[str, float]]:
    """The flag of one curve, and a value for each kind and end."""
    curve, kept = found[0], ~found[0].out
    axis, values, spread = axis[kept], curve.value[kept], curve.spread[:, kept]
    if not kept.any() or np.isnan(values).any():
        return FLAGS["incomplete"], {}
    count = int(curve.count[kept].min())
    with np.errstate(invalid="ignore", divide="ignore"):
        x, y = shaped(axis, values)
        many = shaped(axis, spread)[1]
    if not x.size:
        return FLAGS["at_end"], {}
    (place, height), (places, heights) = summits(x, y, points), summits(x, many, points)
    row = {"_height" + k: v for k, v in quantities.ends(float(height), heights, count).items()}
    if place in (x[0], x[-1]):
        return FLAGS["at_end"], row
    row |= quantities.ends(float(place), places, count)
    if edge:
        one, other = (_crossings(axis, c[..., kept], edge[1], ordered) for c in (found[1].value[None], found[1].spread))
        if np.isfinite(one[0]):
            row |= {"_gap" + k: v for k, v in quantities.ends(float(place - one[0]), places - other, count).items()}
    return FLAGS["found"], row


def _crossings(axis: np.ndarray, curves: np.ndarray, threshold: float, ordered: str) -> np.ndarray:
    """Last crossings of the threshold by curves (M, L), as values of the ascending axis; ±inf beyond it."""
    grid, turned = (axis, curves) if ordered == "low" else (axis[::-1], curves[..., ::-1])
    at = phases.last_crossing(turned, threshold)
    inside = np.interp(at, np.arange(grid.size), grid)
    beyond = np.where((at < 0) == (ordered == "low"), -np.inf, np.inf)
    return np.where((at < 0) | (at > grid.size - 1), beyond, inside)


def summits(axis: np.ndarray, curves: np.ndarray, points: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Where curves (..., L) over an ascending axis (L,) are largest, and how large they are there.

    Vertex of the parabola fitted to the highest point and its neighbours, `points` in all; the highest point itself
    where it is an end of the axis, or the parabola has no vertex among these points. NaN counts as lowest.
    """
    flat = np.where(np.isnan(curves), -np.inf, curves).reshape(-1, axis.size)
    top = np.argmax(flat, axis=-1)
    rows = np.arange(len(flat))
    place, height = np.asarray(axis[top], float), flat[rows, top]
    width = min(points, axis.size)
    for peak in np.unique(top):
        if not 0 < peak < axis.size - 1 or width < 3:
            continue
        here = rows[top == peak]
        first = int(np.clip(peak - width // 2, 0, axis.size - width))
        x = axis[first : first + width].astype(float)
        centre, scale = axis[peak], np.ptp(x)
        with np.errstate(invalid="ignore", divide="ignore"):
            c0, c1, c2 = (
                np.linalg.pinv(np.vander((x - centre) / scale, 3, increasing=True))
                @ flat[here, first : first + width].T
            )
            vertex = centre - scale * c1 / (2 * c2)
            value = c0 - c1**2 / (4 * c2)
        good = (c2 < 0) & (vertex >= x[0]) & (vertex <= x[-1])
        place[here[good]], height[here[good]] = vertex[good], value[good]
    return place.reshape(curves.shape[:-1]), height.reshape(curves.shape[:-1])
