"""Ridges: where the mean of an observable is largest along an axis, and how far that is from a phase boundary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.analysis import errors, phases

if TYPE_CHECKING:
    import xarray as xr

FLAGS = {"found": 0, "at_end": 1, "incomplete": 2}


def ridge(
    observable: str,
    along: str,
    edge: tuple[str, float] | None = None,
    ordered: str = "low",
    resamples: int = errors.RESAMPLES,
) -> errors.Stage:
    """The stage for the value of axis `along` at which the mean of `observable` is largest: `<observable>_ridge`.

    The vertex of the parabola through the highest grid point and its two neighbours. With `_error`, `_low`, `_high`
    (standard error and 95 % interval, bootstrap over samples as in `phases.boundary`), `_height` (the largest mean on
    the grid) and `_flag`: 1 where the highest point is an end of the axis (NaN: the ridge may lie beyond), 2 where a
    point of the curve has no done simulation. Resamples whose highest point is an end count there.

    `edge` = (observable, threshold): also `<observable>_gap`, the ridge less the last crossing of that threshold (as
    `phases.boundary` with `ordered` finds it), from the same resamples, so that what both share cancels; `_error`,
    `_low`, `_high` as above, infinite where too many resamples have no crossing on the grid.

    Raises InputError for an unknown observable or axis.
    """

    title = f"ridge({observable}, {along})"

    def stage(ds: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        for name in (observable, *([edge[0]] if edge else [])):
            phases.check_axis(ds, errors.observable(ds, name), along, title)
        ds = ds.sortby(along)
        found, spread, count = _positions(ds, observable, along, resamples, threshold=None, ordered=ordered)
        mean = errors.sample_means(errors.observable(ds, observable), ds["status"]).mean("sample", skipna=True)
        held, axis = mean.notnull().all(along), ds[along]
        ends = (found == axis.values[0]) | (found == axis.values[-1])
        flag = xr.where(held, xr.where(ends, 1, 0), 2).astype(np.int8)
        name, units = f"{observable}_ridge", str(axis.attrs.get("units", "1"))
        what = f"{axis.attrs.get('long_name') or along} where mean {observable.replace('_', ' ')} is largest"
        out = _described(name, what, units, found.where(flag == 0), spread, count)
        out[name].attrs["axis_name"] = along
        height = {
            "units": ds[observable].attrs.get("units", "1"),
            "long_name": f"largest mean {observable} on the grid",
        }
        out[f"{name}_height"] = mean.max(along).assign_attrs(height)
        meanings: dict[str, Any] = {"flag_values": np.array([0, 1, 2], np.int8), "flag_meanings": " ".join(FLAGS)}
        out[f"{name}_flag"] = flag.assign_attrs({"units": "1", "long_name": f"state of {what}", **meanings})
        if edge is not None:
            crossing, other, _ = _positions(ds, edge[0], along, resamples, threshold=edge[1], ordered=ordered)
            what = f"ridge of mean {observable} less {along} where mean {edge[0]} is {edge[1]:g}"
            gap = (found - crossing).where((flag == 0) & np.isfinite(crossing))
            out |= _described(f"{observable}_gap", what, units, gap, spread - other, count)
        return xr.Dataset(out)

    return errors.titled(stage, title)


def _positions(
    ds: xr.Dataset, observable: str, along: str, resamples: int, threshold: float | None, ordered: str
) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """Position on the axis of the mean curves, of their resamples (resample, ...), and the number of samples."""
    import xarray as xr

    samples = errors.sample_means(ds[observable], ds["status"])
    axis = ds[along].values.astype(float)

    def place(curves: np.ndarray) -> np.ndarray:
        if threshold is None:
            return summits(axis, curves)
        grid, turned = (axis, curves) if ordered == "low" else (axis[::-1], curves[..., ::-1])
        at = phases.last_crossing(turned, threshold)
        inside = np.interp(at, np.arange(grid.size), grid)
        beyond = np.where((at < 0) == (ordered == "low"), -np.inf, np.inf)
        return np.where((at < 0) | (at > grid.size - 1), beyond, inside)

    def applied(curves: xr.DataArray) -> xr.DataArray:
        out: xr.DataArray = xr.apply_ufunc(place, curves, input_core_dims=[[along]])
        return out

    means = samples.mean("sample", skipna=True)
    drawn = errors.resampled_means(samples, int(ds.attrs.get("seed", 0)), resamples)
    count = samples.notnull().sum("sample").min(along)
    return applied(means), applied(drawn.where(drawn.notnull(), means)), count


def summits(axis: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """Where curves (..., L) over an ascending axis (L,) are largest: a parabola's vertex, or the end of the axis.

    NaN counts as lowest.
    """
    curves = np.where(np.isnan(curves), -np.inf, curves)
    top = np.argmax(curves, axis=-1)
    middle = np.clip(top, 1, max(axis.size - 2, 1))
    if axis.size < 3:
        return np.asarray(axis[top], float)
    x, y = ([v[..., k] for k in range(3)] for v in (axis[middle[..., None] + [-1, 0, 1]], _three(curves, middle)))
    with np.errstate(invalid="ignore", divide="ignore"):
        left, right = (y[1] - y[0]) / (x[1] - x[0]), (y[2] - y[1]) / (x[2] - x[1])
        vertex = (x[0] + x[1]) / 2 + left * (x[2] - x[0]) / 2 / (left - right)
    inside = (top > 0) & (top < axis.size - 1)
    return np.asarray(np.where(inside & np.isfinite(vertex), vertex, axis[top]), float)


def _three(curves: np.ndarray, middle: np.ndarray) -> np.ndarray:
    return np.asarray(np.take_along_axis(curves, middle[..., None] + np.array([-1, 0, 1]), -1))


def _described(
    name: str, what: str, units: str, value: xr.DataArray, spread: xr.DataArray, count: xr.DataArray
) -> dict[str, xr.DataArray]:
    """A position with standard error and 95 % interval from its bootstrap distribution (resample, ...)."""
    ends = {suffix: value.copy(data=np.full(value.shape, np.nan)) for suffix in ("_error", "_low", "_high")}
    table = spread.transpose("resample", *value.dims).values
    with np.errstate(invalid="ignore"):
        for index in np.ndindex(value.shape):
            n = int(count.values[index])
            if n < 2 or np.isnan(value.values[index]):
                continue
            column = table[(slice(None), *index)]
            low, high = errors.interval(column, n)
            near, far = errors.interval(column, n, phases.ONE_SIGMA, student=False)
            for suffix, x in zip(ends, ((far - near) / 2, low, high), strict=True):
                ends[suffix][index] = x
    words = {"": "", "_error": "standard error of ", "_low": "lower end of the 95 % interval of "}
    words["_high"] = "upper end of the 95 % interval of "
    out = {}
    for suffix, array in (("", value), *ends.items()):
        out[name + suffix] = array.assign_attrs({"units": units, "long_name": words[suffix] + what})
    return out
