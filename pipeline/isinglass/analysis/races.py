"""Races: which value of an axis gets there first on the same samples, and how the times grow with the size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.analysis import errors, phases
from isinglass.exceptions import InputError, known

if TYPE_CHECKING:
    import xarray as xr


def race(
    name: str,
    observable: str,
    along: str,
    between: str,
    base: Any,
    across: str,
    level: float | None = None,
    over: tuple[str, ...] = (),
    guard: str | None = None,
) -> errors.Stage:
    """The stage for times of each sample: that along the axis `along` at which `observable` first reaches `level`,
    linearly interpolated in the logarithm; without `level`, the least of `observable` (a time) along that axis, and
    along the axes `over`, of simulations in which `guard` is 1 (`converged`). Points that the workflow skipped are no
    part of it; where another is not done it is NaN.

    Medians over samples, since a sample may not get there by the end of the axis (∞). Returns, dims (axes... without
    `along`, `over`), each with `_error` (half the 68.3 % interval, NaN where that is not finite), `_low`, `_high` (95 %
    bootstrap over samples, those of one value of `across` resampled together):

    * `<name>`, the median time of each value of `between`, in the units of the axis (of the observable);
      `<name>_beyond`, the share of samples that do not get there (whose least lies at an end of the axis);
    * `<name>_ratio`, the median of a sample's time over that at `base` of `between`; samples that get there at neither
      are left out, `<name>_ratio_samples` counts the others;
    * `<name>_rate`, `<name>_power`: d ln <name>/d across and d ln <name>/d ln across by least squares over the values
      of `across`, and `<name>_rate_shift`, `<name>_power_shift` of the ratio, which no unit of time enters.

    `across` must be quenched (its samples are independent). Raises InputError for an unknown observable or axis.
    """
    title = f"race({name}, {observable}, {along}, {between})"

    def stage(ds: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        da = errors.observable(ds, observable)
        if guard is not None and level is not None:
            raise InputError(f"{title}: guard is for the least, and level = {level:g} is given: leave one out")
        for axis in (along, across):
            phases.check_axis(ds, da, axis, title)
        labels = list(map(str, ds[between].values.tolist())) if between in ds.dims else []
        if str(base) not in labels:
            raise InputError(f"{title}: {between!r} has no value {base!r}; {known(str(base), labels)}")
        if not ds[across].attrs.get("quenched"):
            raise InputError(
                f"{title}: {across!r} is not quenched, so its values share samples and are not independent"
            )
        samples, skipped = xr.broadcast(
            errors.sample_means(da, ds["status"]), (ds["status"] == phases.SKIPPED).all(("sample", "replica"))
        )
        samples = samples.where(~skipped, np.inf if level is None else -np.inf)
        if guard is not None:
            good = errors.sample_means(errors.observable(ds, guard), ds["status"]) == 1
            samples = samples.where(good | samples.isnull(), np.inf)
        samples = samples.min(over, skipna=False).sortby(along) if over else samples.sortby(along)
        rest = [d for d in samples.dims if d not in (along, across, between, "sample")]
        samples = samples.transpose(*rest, across, between, "sample", along)
        grid = samples[along].values.astype(float)
        times, ends = _least(samples.values) if level is None else reached(grid, samples.values, level)
        there = ~np.isnan(samples.values).any(axis=-1)
        times = np.where(there, times, np.nan)
        template = samples.isel({"sample": 0, along: 0}, drop=True).reset_coords(drop=True)  # derived: time_step
        origin = labels.index(str(base))
        sizes, seed = ds[across].values.astype(float), int(ds.attrs.get("seed", 0))
        shown = _Shown(template)
        for cell in np.ndindex(*template.shape[: len(rest)]):
            place = {str(d): str(template[d].values[i]) for d, i in zip(rest, cell, strict=True)}
            with np.errstate(invalid="ignore"):
                logs = np.log(times[cell])  # (across, between, sample)
                both = (logs, logs - logs[:, origin, None])
            spread = [np.empty((errors.RESAMPLES, *x.shape[:-1])) for x in both]
            for a in range(sizes.size):
                rng = errors.generator(seed, place | {"race": name, across: float(sizes[a])})
                draws = rng.integers(0, logs.shape[-1], (errors.RESAMPLES, logs.shape[-1]))
                for x, out in zip(both, spread, strict=True):
                    out[:, a] = np.moveaxis(median(x[a][:, draws]), 0, -1)
            count = int(there[cell].sum(axis=-1).min())
            for x, out, kind in zip(both, spread, ("", "_ratio"), strict=True):
                middle = median(x)
                shown.add(kind, cell, np.exp(middle), np.exp(out), count)
                for slope, scale in (("_rate", sizes), ("_power", np.log(sizes))):
                    suffix = slope + ("_shift" if kind else "")
                    shown.add(suffix, cell, _slope(scale, middle, 0), _slope(scale, out, 1), count)
        units = str((da if level is None else ds[along]).attrs.get("units", "1"))
        what = f"least {observable}" if level is None else f"{along} at which {observable} reaches {level:g}"
        out_ds = xr.Dataset(shown.described(name, what, units, between, base, across))
        beyond = np.where(there, ends, np.nan)
        share = template.copy(data=np.nanmean(beyond, axis=-1))
        text = "whose least lies at an end of the axis" if level is None else "that do not get there on the axis"
        out_ds[f"{name}_beyond"] = share.assign_attrs(units="1", long_name=f"share of samples {text}")
        kept = np.isfinite(times) | np.isfinite(times[..., origin, :][..., None, :])
        number = template.copy(data=(kept & there).sum(axis=-1).astype(np.int32))
        out_ds[f"{name}_ratio_samples"] = number.assign_attrs(units="1", long_name=f"number of samples in {name}_ratio")
        return out_ds

    return errors.titled(stage, title)


def reached(grid: np.ndarray, curves: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Where curves (..., L) over a grid above 0 (L,) first reach `level`, ∞ where they do not; and whether they do not.

    Linear in the logarithm of the grid; its first value where the curve begins at or above the level.
    """
    above = curves >= level  # a curve that is skipped from somewhere on is -∞ there
    k = np.argmax(above, axis=-1)[..., None]
    before = np.maximum(k - 1, 0)
    first, second = (np.take_along_axis(curves, i, -1)[..., 0] for i in (before, k))
    part = (level - first) / np.where(second > first, second - first, level - first)
    low, high = np.log(grid)[before[..., 0]], np.log(grid)[k[..., 0]]
    missed = ~above.any(axis=-1)
    return np.where(missed, np.inf, np.exp(low + part * (high - low))), np.asarray(missed)


def _least(curves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least of curves (..., L), and whether it lies at an end of what is finite; all of ∞ counts as that."""
    at, held = np.argmin(curves, axis=-1), np.isfinite(curves)
    first, last = np.argmax(held, axis=-1), held.shape[-1] - 1 - np.argmax(held[..., ::-1], axis=-1)
    return curves.min(axis=-1), (at == first) | (at == last)


def median(values: np.ndarray) -> np.ndarray:
    """Median along the last axis, of what is not NaN; infinities count by their order."""
    ordered = np.sort(values, axis=-1)  # NaN last
    count = (~np.isnan(values)).sum(axis=-1)[..., None]
    low, high = (np.take_along_axis(ordered, np.maximum(i, 0), -1)[..., 0] for i in ((count - 1) // 2, count // 2))
    with np.errstate(invalid="ignore"):
        middle = np.where(low == high, low, 0.5 * (low + high))
    return np.asarray(np.where(count[..., 0] > 0, middle, np.nan))


def _slope(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
    """Least-squares slope of y over x along an axis; ±∞ where y is, NaN where that contradicts itself."""
    if x.size < 2:
        return np.full(np.delete(y.shape, axis), np.nan)
    weight = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    shape = [1] * y.ndim
    shape[axis] = x.size
    with np.errstate(invalid="ignore"):
        terms = np.where(abs(weight.reshape(shape)) < 1e-12 * abs(weight).max(), 0.0, weight.reshape(shape) * y)
        return np.asarray(terms.sum(axis=axis))


class _Shown:
    """Values with the ends of their intervals, gathered cell by cell in arrays of a template's shape."""

    def __init__(self, template: xr.DataArray) -> None:
        self.template, self.columns = template, dict[str, np.ndarray]()

    def add(self, suffix: str, cell: tuple[int, ...], value: np.ndarray, spread: np.ndarray, count: int) -> None:
        """Write `value` (...) and the interval of its bootstrap distribution (resamples, ...) of the cell."""
        lead = self.template.shape[: len(cell)]
        for end in phases.ENDS:
            self.columns.setdefault(suffix + end, np.full((*lead, *value.shape), np.nan))
        for index in np.ndindex(*value.shape):
            column = spread[(slice(None), *index)]
            self.columns[suffix][(*cell, *index)] = value[index]
            if np.isnan(value[index]) or np.isnan(column).any():
                continue
            low, high = errors.interval(column, count)
            near, far = errors.interval(column, count, phases.ONE_SIGMA, student=False)
            error = (far - near) / 2 if np.isfinite(value[index] + near + far) else np.nan
            for end, x in zip(list(phases.ENDS)[1:], (error, low, high), strict=True):
                self.columns[suffix + end][(*cell, *index)] = x

    def described(
        self, name: str, what: str, units: str, between: str, base: Any, across: str
    ) -> dict[str, xr.DataArray]:
        """Everything as labelled arrays."""
        flat = self.template.isel({across: 0}, drop=True)
        ratio = f"ratio to {between} = {base} of {what}"
        slopes = {"_rate": f"d ln/d {across} of", "_power": f"d ln/d ln {across} of"}
        words = {"": (f"median {what}", units), "_ratio": (f"median {ratio}", "1")}
        words |= {k: (f"{v} median {what}", "1") for k, v in slopes.items()}
        words |= {f"{k}_shift": (f"{v} {ratio}", "1") for k, v in slopes.items()}
        out = {}
        for suffix, (text, unit) in words.items():
            for end, prefix in phases.ENDS.items():
                values = self.columns[suffix + end]
                like = self.template if values.ndim == self.template.ndim else flat
                out[name + suffix + end] = like.copy(data=values).assign_attrs(units=unit, long_name=prefix + text)
        return out
