"""Phase boundaries: where the mean of an observable crosses a threshold along an axis, with a confidence interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.analysis import errors
from isinglass.exceptions import InputError, known

if TYPE_CHECKING:
    import xarray as xr

FLAGS = {"found": 0, "always_below": 1, "above_at_end": 2, "incomplete": 3}
SKIPPED = 3
ONE_SIGMA = 0.6826894921370859

FIELDS = {  # suffix: (what it is; dtype); those of units "" have the units of the axis
    "": ("{what}", "", np.float64),
    "_error": ("standard error of {what}: half the 68.3 % interval", "", np.float64),
    "_low": ("lower end of the 95 % interval of {what}", "", np.float64),
    "_high": ("upper end of the 95 % interval of {what}", "", np.float64),
    "_bracket_low": ("grid value below {what}", "", np.float64),
    "_bracket_high": ("grid value above {what}", "", np.float64),
    "_censored": ("share of bootstrap resamples without {what} on the grid", "1", np.float64),
    "_crossings": ("number of crossings of the mean curve", "1", np.int16),
    "_samples": ("smallest number of samples of a point of the curve", "1", np.int32),
    "_flag": ("state of {what}", "1", np.int8),
}

ENDS = {"": "", "_error": "standard error of ", "_low": "lower end of the 95 % interval of ",
        "_high": "upper end of the 95 % interval of "}  # fmt: skip


def boundary(
    observable: str,
    along: str,
    threshold: float,
    ordered: str = "low",
    name: str | None = None,
    resamples: int = errors.RESAMPLES,
) -> errors.Stage:
    """The stage for the value of axis `along` at which the mean of `observable` crosses `threshold`.

    `ordered` is the end of the axis at which the observable is large: "low" (order at low temperature) or "high" (at
    high coupling). Of several crossings it is the last, going from that end: the farthest grid point whose mean is at
    or above `threshold`, linearly interpolated to the next one. `_crossings` counts them all.

    Returns, for each combination of the other axes (and own dims), under `name` (default `<observable>_boundary`):

    * `<name>`, units of the axis; NaN unless `<name>_flag` is 0 (found). always_below: no point reaches the threshold.
      above_at_end: the last point of the axis still does. incomplete: a point at the crossing or beyond has no done
      simulation, and the crossing may be there (but a single such point between two that lie below the threshold is
      passed over). Points that the workflow skipped are no part of the curve.
    * `_error`, `_low`, `_high`: standard error and 95 % interval by the bootstrap over samples, resampled jointly along
      axes that share samples and independently along quenched ones. Percentiles, since they alone only need the order
      of the resamples, some of which have no crossing on the grid (`_censored`: their share; they count as beyond the
      end in question, and an interval that reaches there ends at ±inf, the error at inf); expanded for small numbers of
      samples, as `errors.interval` says. NaN where a point of the curve has fewer than two samples.
    * `_bracket_low`, `_bracket_high`: the grid values on either side. The interval is statistical: it knows nothing of
      the curve between grid points, so where it is shorter than the bracket, the grid is the limit.

    The stage raises InputError for an unknown observable or axis, an axis of strings, and a run of listed points.
    """
    return _crossing(observable, along, threshold, ordered, name or f"{observable}_boundary", resamples, "boundary")


def capacity(
    observable: str,
    theta: float | Sequence[float],
    along: str = "load",
    name: str | None = None,
    resamples: int = errors.RESAMPLES,
) -> errors.Stage:
    """The stage for the capacity α_c(θ): the largest load at which the mean of `observable` is at least `theta`.

    As `boundary` along the load, under `name` (default `<observable>_capacity`), for each combination of the other
    axes, such as a cue. Several `theta` make a dim `threshold` behind them: α_c(cue, θ). The load is quenched: samples
    at different loads are independent, and are resampled independently; all thresholds use the same resamples, so that
    their intervals are not independent.
    """
    name = name or f"{observable}_capacity"
    values = sorted(set(np.atleast_1d(np.asarray(theta, float)).tolist()))
    title = f"capacity({observable}, {along}, {', '.join(f'{t:g}' for t in values)})"
    if not values or not np.isfinite(values).all():
        raise InputError(f"{title}: write one threshold, or several numbers")
    stages = [_crossing(observable, along, t, "low", name, resamples, "capacity") for t in values]
    if np.ndim(theta) == 0:
        return stages[0]

    def stage(ds: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        attrs = {k: v for k, v in errors.observable(ds, observable).attrs.items() if k == "units"}
        words = f"threshold of {ds[observable].attrs.get('long_name') or observable}"
        dim = xr.Variable("threshold", values, {"units": "1", **attrs, "long_name": words})
        parts = [one(ds) for one in stages]
        out = xr.concat(parts, "threshold", coords="minimal", compat="override", combine_attrs="drop_conflicts")
        out = out.assign_coords(threshold=dim).transpose(..., "threshold")
        for suffix, (text, _, _) in FIELDS.items():
            what = f"{ds[along].attrs.get('long_name') or along} where mean {words[13:]} is at the threshold"
            out[name + suffix].attrs["long_name"] = text.format(what=what)
        return out

    return errors.titled(stage, title)


def compare(
    observable: str,
    along: str,
    threshold: float,
    between: str,
    base: Any,
    ordered: str = "low",
    scale: Callable[[np.ndarray, Any], np.ndarray] | None = None,
    units: str | None = None,
    name: str | None = None,
    resamples: int = errors.RESAMPLES,
) -> errors.Stage:
    """The stage that compares boundaries between the values of the axis `between`, with that at its value `base`.

    Boundaries are those of `boundary`; `scale` (values of the axis `along`, value of `between`) -> what is compared, of
    `units`, increasing. Returns `<name>` (default `<observable>_compared`), the boundary so scaled, and `<name>_shift`,
    the same less that at `base`, each with `_error`, `_low`, `_high` as `boundary` has them. Values of `between` that
    share their samples are resampled jointly, so that what the samples have in common cancels in the shift. NaN where a
    boundary is not found, or has a point that is not done; the intervals also where a resample has no crossing for one
    of the two. Raises InputError for an unknown observable, axis or `base`.
    """
    title = f"compare({observable}, {along}, {threshold:g}, {between})"
    name = name or f"{observable}_compared"

    def stage(ds: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        da = errors.observable(ds, observable)
        check_axis(ds, da, along, title)
        labels = list(map(str, ds[between].values.tolist())) if between in ds.coords else []
        if str(base) not in labels:
            raise InputError(f"{title}: {between!r} has no value {base!r}; {known(str(base), labels)}")
        ds = ds[[observable, "status"]].sortby(along, ascending=ordered == "low")
        samples = errors.sample_means(ds[observable], ds["status"])
        skipped = (ds["status"] == SKIPPED).all(("sample", "replica")).broadcast_like(samples.isel(sample=0, drop=True))
        template = samples.isel({"sample": 0, along: 0}, drop=True)
        rest = [d for d in template.dims if d != between]
        template = template.transpose(*rest, between)
        shown = {kind + end: np.full(template.shape, np.nan) for kind in ("", "_shift") for end in ENDS}
        grid = samples[along].values.astype(float)
        seed = int(ds.attrs.get("seed", 0))
        for index in np.ndindex(*template.shape[:-1]):
            place = dict(zip(rest, index, strict=True))
            part, out = samples.isel(place), skipped.isel(place).transpose(between, along).values
            count = int(part.notnull().sum("sample").where(~skipped.isel(place)).min().fillna(0))
            curves = part.mean("sample", skipna=True).transpose(between, along).values[None]
            spread = errors.resampled_means(part, seed, resamples).transpose("resample", between, along).values
            pairs = [
                [_scaled(m[:, k], ~out[k], grid, threshold, scale, value) for k, value in enumerate(ds[between].values)]
                for m in (curves, spread)
            ]
            found, many = map(np.stack, pairs)
            origin = labels.index(str(base))
            for kind, value, all_ in (("", found, many), ("_shift", found - found[origin], many - many[origin])):
                for k in range(len(labels)):
                    row = _ends(value[k, 0], all_[k], count)
                    for end in ENDS:
                        shown[kind + end][(*index, k)] = row[end]
        what = f"{ds[along].attrs.get('long_name') or along} where mean {da.attrs.get('long_name') or observable} is"
        result = xr.Dataset()
        for kind, text in (("", ""), ("_shift", f", less that at {between} = {base}")):
            for end, words in ENDS.items():
                result[name + kind + end] = template.copy(data=shown[kind + end])
                result[name + kind + end].attrs = {
                    "units": units or ds[along].attrs.get("units", "1"),
                    "long_name": f"{words}{what} {threshold:g}{text}",
                }
        return result

    return errors.titled(stage, title)


def last_crossing(means: np.ndarray, threshold: float) -> np.ndarray:
    """Position of the last crossing in curves (..., L) that start at their ordered end: in steps of the grid, [0, L-1].

    -1 where no point is at or above the threshold, L where the last point is. `means` holds no NaN.
    """
    length = means.shape[-1]
    above = means >= threshold
    k = length - 1 - np.argmax(above[..., ::-1], axis=-1)
    here = np.minimum(k, max(length - 2, 0))[..., None]
    first = np.take_along_axis(means, here, -1)[..., 0]
    second = np.take_along_axis(means, np.minimum(here + 1, length - 1), -1)[..., 0]
    drop = np.where(first > second, first - second, 1.0)
    inside = np.where(k == length - 1, float(length), k + (first - threshold) / drop)
    return np.where(above.any(axis=-1), inside, -1.0)


def _crossing(
    observable: str, along: str, threshold: float, ordered: str, name: str, resamples: int, kind: str
) -> errors.Stage:
    title = f"{kind}({observable}, {along}, {threshold:g})"
    if ordered not in ("low", "high"):
        raise InputError(f"{title}: ordered={ordered!r}; {known(ordered, ('low', 'high'))}")

    def stage(ds: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        da = errors.observable(ds, observable)
        check_axis(ds, da, along, title)
        ds = ds[[observable, "status"]].sortby(along, ascending=ordered == "low")
        samples = errors.sample_means(ds[observable], ds["status"])
        skipped = (ds["status"] == SKIPPED).all(("sample", "replica"))
        seed = int(ds.attrs.get("seed", 0))
        template = samples.isel(sample=0, drop=True)
        template = template.drop_vars([c for c, v in template.coords.items() if along in v.dims])
        template = template.isel({along: 0}, drop=True)
        columns = {suffix: np.zeros(template.shape, dtype) for suffix, (_, _, dtype) in FIELDS.items()}
        for index in np.ndindex(*template.shape):
            place = dict(zip(template.dims, index, strict=True))
            point = {d: i for d, i in place.items() if d in skipped.dims}
            row = _one(samples.isel(place), skipped.isel(point).values, along, threshold, seed, resamples)
            for suffix, value in row.items():
                columns[suffix][index] = value
        axis, seen = ds[along].attrs, da.attrs.get("long_name") or observable
        what = f"{axis.get('long_name') or along} where mean {seen} is {threshold:g}"
        out = xr.Dataset()
        for suffix, (text, units, _) in FIELDS.items():
            out[name + suffix] = template.copy(data=columns[suffix])
            out[name + suffix].attrs = {"units": units or axis.get("units", "1"), "long_name": text.format(what=what)}
        out[name].attrs |= {"threshold": threshold, "axis_name": along}
        out[name].attrs["ancillary_variables"] = " ".join(name + s for s in FIELDS if s)
        flags: dict[str, Any] = {
            "flag_values": np.array(list(FLAGS.values()), np.int8),
            "flag_meanings": " ".join(FLAGS),
        }
        out[name + "_flag"].attrs |= flags
        return out

    return errors.titled(stage, title)


def check_axis(ds: xr.Dataset, da: xr.DataArray, along: str, title: str) -> None:
    """Raises InputError where `along` is no axis of numbers of the dataset's grid; `title` is who asks."""
    axes = [str(d) for d in ds["status"].dims if d not in ("sample", "replica")]
    if axes == ["point"]:
        raise InputError(f"{title} needs a grid, and this run is a list of points: sweep {along!r} in axes={{...}}")
    if along not in axes:
        raise InputError(f"{title}: the dataset has no axis {along!r}; {known(along, axes)}")
    if along not in ds.coords or ds[along].dtype.kind not in "iuf":
        raise InputError(f"{title}: {along!r} is no axis of numbers; take one along which a threshold can be crossed")


def _one(
    samples: xr.DataArray, skipped: np.ndarray, along: str, threshold: float, seed: int, resamples: int
) -> dict[str, float]:
    """One curve: `samples` (along, sample) from the ordered end on; returns a value for each suffix of FIELDS."""
    samples = samples.isel({along: ~skipped})
    count = samples.notnull().sum("sample").values
    held = count > 0
    mean = samples.mean("sample", skipna=True).values
    above = held & (np.nan_to_num(mean, nan=-np.inf) >= threshold)
    last = int(np.flatnonzero(above)[-1]) if above.any() else -1
    row: dict[str, float] = dict.fromkeys(FIELDS, np.nan)
    row |= {"_samples": int(count[held].min()) if held.any() else 0}
    row |= {"_crossings": int(abs(np.diff(above[held].astype(int))).sum())}
    if not held.any() or not all(_harmless(int(j), last, held) for j in np.flatnonzero(~held)):
        return row | {"_flag": FLAGS["incomplete"]}
    grid, curve = samples[along].values[held].astype(float), mean[held]
    position = float(last_crossing(curve, threshold))
    length = grid.size
    spread = _positions(samples.isel({along: held}), curve, threshold, seed, resamples)
    if row["_samples"] >= 2:
        row |= {"_censored": float(np.mean((spread < 0) | (spread > length - 1)))}
    if position < 0 or position == length:
        return row | {"_flag": FLAGS["always_below"] if position < 0 else FLAGS["above_at_end"]}
    cell = min(int(position), length - 2)
    row |= {"_flag": FLAGS["found"], "": _value(position, grid)}
    row |= {"_bracket_low": min(grid[cell : cell + 2]), "_bracket_high": max(grid[cell : cell + 2])}
    if row["_samples"] >= 2:
        n = int(row["_samples"])
        low, high = sorted(_value(p, grid) for p in errors.interval(spread, n))
        near, far = sorted(_value(p, grid) for p in errors.interval(spread, n, ONE_SIGMA, student=False))
        row |= {"_low": low, "_high": high, "_error": (far - near) / 2}
    return row


def _harmless(j: int, last: int, held: np.ndarray) -> bool:
    """Whether the crossing after point `last` stays what it is, whatever the missing point j is likely to be."""
    return j < last or (j - 1 > last and bool(held[j - 1]) and j + 1 < held.size and bool(held[j + 1]))


def _positions(samples: xr.DataArray, curve: np.ndarray, threshold: float, seed: int, resamples: int) -> np.ndarray:
    """Crossing positions of the resampled curves, (resamples,). A point of which a resample drew nothing stays put."""
    along = next(d for d in samples.dims if d != "sample")
    means = errors.resampled_means(samples, seed, resamples).transpose("resample", along).values
    return last_crossing(np.where(np.isnan(means), curve, means), threshold)


def _value(position: float, grid: np.ndarray) -> float:
    """The axis value at a grid position; ±inf beyond the grid."""
    if 0 <= position <= grid.size - 1:
        return float(np.interp(position, np.arange(grid.size), grid))
    rising = grid.size < 2 or grid[-1] > grid[0]
    return np.inf if (position > 0) == rising else -np.inf


def _scaled(means: np.ndarray, kept: np.ndarray, grid: np.ndarray, threshold: float, scale: Any, label: Any) -> Any:
    """The crossings of curves (M, L) on the points `kept`, scaled, (M,); NaN where there is none on the grid."""
    if np.isnan(means[:, kept]).any() or kept.sum() < 2:
        return np.full(len(means), np.nan)
    at = last_crossing(means[:, kept], threshold)
    values = np.interp(at, np.arange(kept.sum()), grid[kept])
    values = scale(values, label) if scale else values
    return np.where((at >= 0) & (at <= kept.sum() - 1), values, np.nan)


def _ends(value: float, spread: np.ndarray, count: int) -> dict[str, float]:
    """A value for each suffix of ENDS, from a bootstrap distribution over `count` samples."""
    if np.isnan(value) or np.isnan(spread).any():
        return {**dict.fromkeys(ENDS, np.nan), "": value}
    (low, high), (near, far) = errors.interval(spread, count), errors.interval(spread, count, ONE_SIGMA, student=False)
    return {"": value, "_error": (far - near) / 2, "_low": low, "_high": high}
