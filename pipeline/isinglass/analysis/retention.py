"""How long memory lasts: the time at which a record falls below a level, where some runs end before it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from isinglass.analysis import errors, phases
from isinglass.exceptions import InputError, known

if TYPE_CHECKING:
    import xarray as xr

Floats = npt.NDArray[np.float64]

STATES = {"fallen": 0, "still_above": 1, "below_at_start": 2, "undefined": 3}
"""Of a sample's time: measured, right-censored at the end, left-censored at the first record, not computed."""
FLAGS = {"found": 0, "not_reached": 1, "before_start": 2, "undefined": 3}
FALLS = ("last", "first")


def retention(
    observable: str,
    level: float,
    along: str = "time",
    fall: str = "last",
    rate: bool = False,
    name: str | None = None,
) -> errors.Stage:
    """The stage for the time at which `observable` falls below `level`, and its median where some runs end before.

    `along` is an own dim (`time`), or an axis of numbers that is not quenched, so that it holds the same samples. The
    record of a sample is the mean over its replicas; between records time is interpolated linearly. Of several falls it
    is the `last`, as models' `retention_time`, or the `first`. Returns, under `name` (default
    `<observable>_retention`), for each sample (axes..., sample): `<name>_time`, and `<name>_state` (STATES): a record
    that ends at or above the level (`first`: never falls) is right-censored at its last time, one that begins below it
    (`last`: is below everywhere) left-censored at its first.

    For each point (axes..., further own dims...), units of `along`:

    * `<name>`: the median over samples by Kaplan and Meier (J. Am. Stat. Assoc. 53 (1958) 457): the smallest time by
      which half of them have fallen; right-censored samples count as long as they are seen. NaN unless `<name>_flag` is
      0. not_reached: more than half have not fallen when the record ends; the end is a lower bound. before_start: half
      are below the level at the first record, an upper bound. undefined: no sample is done.
    * `<name>_low`, `<name>_high`: 95 % interval of the median, where the band of the curve (Greenwood's variance, of
      log(-log)) meets 1/2 (Brookmeyer and Crowley, Biometrics 38 (1982) 29); ∞ where it does not, and 0 for a lower end
      that may lie before the first record; `<name>_error`: half the 68.3 % one. NaN below two samples.
    * `<name>_censored` and `<name>_below`: shares of right- and left-censored samples; `<name>_samples`.
    * with `rate`: `<name>_rate`, falls per time of an exponential law, d/Σ(t - t_0), over samples that are above the
      level at their first record t_0 (the law has no memory, so nothing is lost), and `<name>_rate_low`, `_rate_high`,
      χ² quantiles of 2d and 2d + 2 degrees of freedom over 2 Σ(t - t_0): never too short for runs of a fixed length
      (Garwood, Biometrika 28 (1936) 437). Look at the curve first: it is no test of the law.

    Raises InputError for an unknown observable or dim, an axis of strings or a quenched one, and complex values.
    """
    title = f"retention({observable}, {along}, {level:g})"
    name = name or f"{observable}_retention"
    if fall not in FALLS:
        raise InputError(f"{title}: fall={fall!r}; {known(fall, FALLS)}")

    def stage(ds: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        da = errors.observable(ds, observable)
        own = [str(d) for d in da.dims if d not in ds["status"].dims]
        if da.dtype.kind == "c":
            raise InputError(f"{title}: {observable!r} is complex: take its real part or |x|² in a stage before")
        if along not in own:
            _check(ds, da, along, own, title)
        records = errors.sample_means(da, ds["status"])
        times = ds.coords.get(f"{along}_value", records[along]).astype(float)
        if along in own:
            length = xr.DataArray(ds.coords.get(f"{along}_length", ds.sizes[along]))
            there = records[along].copy(data=np.arange(ds.sizes[along])) < length
        else:
            there = ~(ds["status"] == phases.SKIPPED).all(("sample", "replica"))
            records, times, there = (v.sortby(along) for v in (records, times, there))
        values, grid, held = (v.transpose(..., along) for v in xr.broadcast(records, times, there))
        found = fallen(grid.values, values.values, held.values.astype(bool), level, fall)
        template = records.isel({along: 0}, drop=True).transpose(*values.dims[:-1]).reset_coords(drop=True)
        time, state, start = (template.copy(data=f) for f in found)
        rest = [d for d in template.dims if d != "sample"]
        points = template.isel(sample=0, drop=True)
        columns = {k: np.full(points.shape, np.nan) for k in _fields("", rate)}
        times_, states, starts = (v.transpose(*rest, "sample").values for v in (time, state, start))
        for index in np.ndindex(*points.shape):
            row = _point(times_[index], states[index].astype(np.int8), starts[index], rate)
            for suffix, value in row.items():
                columns[suffix][index] = value
        what = f"{ds[along].attrs.get('long_name') or along} at which {da.attrs.get('long_name') or observable} falls"
        what += f" below {level:g}" + (", first" if fall == "first" else "")
        units = str(times.attrs.get("units") or ds[along].attrs.get("units", "1"))
        out = {f"{name}_time": time.assign_attrs(units=units, long_name=what)}
        out[f"{name}_state"] = state.astype(np.int8).assign_attrs(_flags(f"state of each {what}", STATES))
        for suffix, (words, unit) in _fields(what, rate).items():
            unit = unit.replace("T", units) if units != "1" else "1"
            out[name + suffix] = points.copy(data=columns[suffix]).assign_attrs(units=unit, long_name=words)
        out[f"{name}_flag"] = out[f"{name}_flag"].astype(np.int8).assign_attrs(_flags(f"state of median {what}", FLAGS))
        out[f"{name}_samples"] = out[f"{name}_samples"].astype(np.int32)
        out[name].attrs |= {"level": level, "axis_name": along}
        out[name].attrs["ancillary_variables"] = " ".join(name + s for s in _fields("", rate) if s)
        return xr.Dataset(out)

    return errors.titled(stage, title)


def _check(ds: xr.Dataset, da: xr.DataArray, along: str, own: list[str], title: str) -> None:
    axes = [str(d) for d in ds["status"].dims if d not in ("sample", "replica")]
    if along not in axes:
        raise InputError(f"{title}: {da.name!r} does not run along {along!r}; {known(along, [*own, *axes])}")
    phases.check_axis(ds, da, along, title)
    if ds[along].attrs.get("quenched"):
        raise InputError(f"{title}: {along!r} is quenched, so that each of its values has samples of its own")


def _fields(what: str, rate: bool) -> dict[str, tuple[str, str]]:
    """(What it is; its units, T for those of time) for each suffix."""
    out = {
        "": (f"median {what}", "T"),
        "_error": (f"standard error of median {what}: half the 68.3 % interval", "T"),
        "_low": (f"lower end of the 95 % interval of median {what}", "T"),
        "_high": (f"upper end of the 95 % interval of median {what}", "T"),
        "_censored": ("share of samples that have not fallen at the end", "1"),
        "_below": ("share of samples that are below at the first record", "1"),
        "_samples": ("number of samples in the median", "1"),
        "_flag": ("", "1"),
    }
    if rate:
        out["_rate"] = (f"rate of the {what}, exponential law", "1/T")
        out["_rate_low"] = ("lower end of the 95 % interval of the rate", "1/T")
        out["_rate_high"] = ("upper end of the 95 % interval of the rate", "1/T")
    return out


def _flags(text: str, flags: dict[str, int]) -> dict[str, Any]:
    values = np.array(list(flags.values()), np.int8)
    return {"units": "1", "long_name": text, "flag_values": values, "flag_meanings": " ".join(flags)}


def fallen(
    times: Floats, values: Floats, held: npt.NDArray[np.bool_], level: float, fall: str = "last"
) -> tuple[Floats, npt.NDArray[np.int8], Floats]:
    """Where records (..., L) fall below `level`: the time, its state of STATES, the time of the first record; (...).

    `held` is what of a record is there, in rising times. Undefined (NaN) where one of these values is not finite.
    """
    length = times.shape[-1]
    index = np.arange(length)
    last = np.where(held, index, -1).max(axis=-1, initial=-1)
    first = np.where(held, index, length).min(axis=-1, initial=length)
    sound = (last >= 0) & (np.isfinite(values) | ~held).all(axis=-1)

    def at(a: Floats, k: npt.NDArray[np.int64]) -> Floats:
        return np.asarray(np.take_along_axis(a, np.clip(k, 0, length - 1)[..., None], -1)[..., 0])

    # what lies between two records that are there is passed over (a skipped point of an axis)
    before = np.maximum.accumulate(np.where(held, index, -1), axis=-1)
    above = held & (values >= level)
    earlier = np.take_along_axis(above, np.maximum(np.roll(before, 1, axis=-1), 0), -1)
    falls = held & ~above & earlier & (index > first[..., None])
    k = np.where(falls, index, -1).max(axis=-1) if fall == "last" else np.where(falls, index, length).min(axis=-1)
    fell = falls.any(axis=-1)
    k = np.where(fell, k, 0)
    j = np.take_along_axis(np.roll(before, 1, axis=-1), k[..., None], -1)[..., 0]
    high, low = at(values, j), at(values, k)
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.where(fell, (high - level) / (high - low), 0.0)
        crossing = at(times, j) + part * (at(times, k) - at(times, j))
    ends_above = np.take_along_axis(above, np.maximum(last, 0)[..., None], -1)[..., 0]
    starts_above = np.take_along_axis(above, np.clip(first, 0, length - 1)[..., None], -1)[..., 0]
    right = ends_above if fall == "last" else ~fell & starts_above
    left = ~right & ~fell if fall == "last" else ~starts_above
    state = np.select([~sound, right, left], [STATES[s] for s in ("undefined", "still_above", "below_at_start")], 0)
    start = np.where(sound, at(times, first), np.nan)
    time = np.select([~sound, right, left], [np.full(start.shape, np.nan), at(times, last), start], crossing)
    return time, state.astype(np.int8), start


def _point(time: Floats, state: npt.NDArray[np.int8], start: Floats, rate: bool) -> dict[str, float]:
    """A value for each suffix, of the samples of one point."""
    good = state != STATES["undefined"]
    time, state, start = time[good], state[good], start[good]
    n = time.size
    row = {"_samples": float(n), "_flag": float(FLAGS["undefined"])}
    if not n:
        return row
    right, left = state == STATES["still_above"], state == STATES["below_at_start"]
    row |= {"_censored": float(right.mean()), "_below": float(left.mean())}
    found, low, high, error = median(time, right)
    before = time[left].max(initial=-np.inf)
    if found <= before:
        row["_flag"], found = FLAGS["before_start"], np.nan
    else:
        row["_flag"] = FLAGS["found"] if np.isfinite(found) else FLAGS["not_reached"]
        found = found if np.isfinite(found) else np.nan
    row |= {"": found, "_low": 0.0 if low <= before else low, "_high": high}
    row["_error"] = error if np.isfinite(found) else np.nan
    if rate:
        rates = exponential((time - start)[~left], right[~left])
        row |= dict(zip(("_rate", "_rate_low", "_rate_high"), rates, strict=True))
    return row


def median(time: npt.ArrayLike, censored: npt.ArrayLike) -> tuple[float, float, float, float]:
    """Kaplan and Meier's median of times (n,), ∞ where it is not reached; its 95 % interval; half the 68.3 % one.

    `censored` (n,) is true where a time is only known to be longer. NaN intervals below two times.
    """
    from scipy import stats

    time, censored = np.asarray(time, float), np.asarray(censored, bool)
    curve = stats.ecdf(stats.CensoredData.right_censored(time, censored)).sf
    half = 0.5 + 1e-9  # S = 1/2 to rounding counts
    found = _first(curve.quantiles, curve.probabilities <= half)
    if time.size < 2 or censored.all():
        return found, np.nan, np.nan if time.size < 2 else np.inf, np.nan
    ends = []
    for level in (0.95, phases.ONE_SIGMA):
        with np.errstate(divide="ignore", invalid="ignore"):
            low, high = _band(curve, time, censored, level)
        ends.append([_first(curve.quantiles, low <= half), _first(curve.quantiles, high <= half)])
    (low_end, high_end), (near, far) = ends
    return found, low_end, high_end, (far - near) / 2 if np.isfinite(near) else np.nan


def _band(curve: Any, time: Floats, censored: npt.NDArray[np.bool_], level: float) -> tuple[Floats, Floats]:
    """The band of a survival curve by log(-log); where the last time ends it at 0, that of the time before."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where the curve is 1 or 0 the transform is infinite
        band = curve.confidence_interval(level, method="log-log")
    low, high = (np.array(b.probabilities) for b in (band.low, band.high))
    zero = curve.probabilities <= 1e-12
    low[zero], high[zero] = 0.0, high[~zero][-1] if (~zero).any() else 1.0
    one = curve.probabilities >= 1 - 1e-12
    low[one] = high[one] = 1.0
    return low, high


def _first(times: Floats, there: npt.NDArray[np.bool_]) -> float:
    return float(times[np.argmax(there)]) if there.any() else np.inf


def exponential(time: npt.ArrayLike, censored: npt.ArrayLike, level: float = 0.95) -> tuple[float, float, float]:
    """The rate of an exponential law from times above 0 (n,), and the ends of its interval; see `retention`.

    Without a fall the rate is 0, with an upper end. NaN where no time was spent.
    """
    from scipy import stats

    total = float(np.sum(time))
    falls = int((~np.asarray(censored, bool)).sum())
    if total <= 0:
        return np.nan, np.nan, np.nan
    tail = (1 - level) / 2
    low = stats.chi2.ppf(tail, 2 * falls) / (2 * total) if falls else 0.0
    return falls / total, float(low), float(stats.chi2.isf(tail, 2 * falls + 2) / (2 * total))
