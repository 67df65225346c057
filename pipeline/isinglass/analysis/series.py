"""Means of series in time with honest errors: over samples where there are several, else from the series itself.

A series is an observable with an own dim in time, even steps apart (`Record(times=linear(n))`). What its values say of
one another is worked out for each simulation by `analysis.autocorrelation`, which states the formulas.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.analysis import autocorrelation, errors
from isinglass.exceptions import InputError, known

if TYPE_CHECKING:
    import xarray as xr

METHODS = ("gamma", "blocking")
SOURCES = {"samples": 0, "series": 1, "none": 2}
EVEN = 0.05
"""Steps in time may differ by this share of their mean, as rounded ones do."""


def mean(
    observable: str,
    along: str = "time",
    burn_in: float | str = "auto",
    method: str = "gamma",
    name: str | None = None,
) -> errors.Stage:
    """The stage for the mean of `observable` along its own dim `along`, from where its series has settled.

    `burn_in`: "auto", what `autocorrelation.burn_in` finds for each series; or a time, in units of `along`: values
    before it are left out. Returns, under `name` (default `<observable>`):

    For each simulation (axes..., sample, replica, further own dims...), NaN where nothing can be said: `<name>_tau`,
    the integrated autocorrelation time 1/2 + Σ ρ(t), times the time step (units of `along`), and `_tau_error`;
    `_effective`, the number of independent values N/(2τ); `_burn_in`, the time left out; `_flag`, why these are to be
    doubted (`autocorrelation.FLAGS`: short series understate τ and all errors).

    For each point (axes..., further own dims...), units of the observable: `<name>_mean`, over samples of the mean over
    replicas of the time means; `<name>_error`, over samples (s/√n) where two or more have any; with a single sample
    that of the series, √(Σ σ²)/R over its R replicas, by `method` "gamma" or "blocking": it knows the noise of this one
    sample and not how samples differ. `<name>_samples`; `<name>_source`, which of the two the error is (0 samples,
    1 series, 2 none); `<name>_flagged`, the share of the done simulations whose flag is not ok.

    Lazy where the dataset is (dask), chunk by chunk. Raises InputError for an unknown observable or dim, for complex
    values, and for times that are not even.
    """
    title = f"series.mean({observable}, {along})"
    known_method(method, burn_in, title)
    name = name or observable

    def stage(ds: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        status = ds["status"]
        found, step = _series(ds, observable, along, burn_in, method, title)
        mean_, error, count, source = _combined(found["mean"], found["error"], status)
        attrs = ds[observable].attrs
        out = xr.Dataset(errors.described(name, attrs, mean_, error, count) | _judged(name, source, found, status))
        units = str(_time(ds, ds[observable], along)[0].attrs.get("units", "1"))
        of = str(attrs.get("long_name") or observable)
        for suffix, value, unit, text in (
            ("_tau", found["tau"] * step, units, f"integrated autocorrelation time of {of}, 1/2 + sum of rho(t)"),
            ("_tau_error", found["tau_error"] * step, units, f"standard error of autocorrelation time of {of}"),
            ("_effective", found["effective"], "1", f"effective number of independent values of {of}"),
            ("_burn_in", found["start"] * step, units, f"time left out at the start of {of}"),
        ):
            out[name + suffix] = value.transpose(*found["flag"].dims).assign_attrs(units=unit, long_name=text)
        flags: dict[str, Any] = {
            "units": "1",
            "long_name": f"state of the series of {of}",
            "flag_values": np.array(list(autocorrelation.FLAGS.values()), np.int8),
            "flag_meanings": " ".join(autocorrelation.FLAGS),
        }
        out[f"{name}_flag"] = found["flag"].assign_attrs(flags)
        return out

    return errors.titled(stage, title)


def estimate(
    name: str,
    function: Callable[..., xr.DataArray],
    of: tuple[str, ...],
    along: str = "time",
    burn_in: float | str = "auto",
    units: str = "1",
    long_name: str = "",
    denominator: str = "",
) -> errors.Stage:
    """The stage for a function of the means of series that were recorded together, as `errors.estimate` of scalars.

    `function` takes the mean of each of `of` along `along`, and works element by element. The burn-in is the longest of
    the series of a simulation. With two or more samples the jackknife over them (value corrected for bias); with one
    the Γ-method for the function (`autocorrelation.derived`), the derivatives taken at the means over its replicas,
    value not corrected. Returns `<name>_mean`, `_error`, `_samples`, `_source` and `_flagged` as `mean` does, the last
    of the series that the error of the function comes from. Raises InputError as `mean` does.
    """
    title = f"series.estimate({name})"
    known_method("gamma", burn_in, title)

    def stage(ds: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        status = ds["status"]
        each = [_series(ds, o, along, burn_in, "gamma", title)[0] for o in of]
        start = each[0]["start"]
        for found in each[1:]:
            start = start.where(start >= found["start"], found["start"])
        same = [_analysed(ds, ds[o], along, start, "gamma") for o in of]
        samples = [errors.sample_means(s["mean"], status) for s in same]
        value, error, count = errors.jackknife(function, *samples)
        # one sample: the series of Σ f_k x_k has the error of the function
        scatter = [errors.sample_means(s["error"], status) for s in same]
        slopes = autocorrelation.slopes(function, samples, scatter)  # type: ignore[arg-type]
        projected = sum(
            ds[o].where(status == errors.DONE) * samples[0].copy(data=g) for o, g in zip(of, slopes, strict=True)
        )
        alone = _analysed(ds, projected, along, start, "gamma")  # type: ignore[arg-type]
        _, series_error, _, source = _combined(alone["mean"], alone["error"], status)
        error = xr.where(source == SOURCES["series"], series_error, error, keep_attrs=False)
        attrs = {"units": units, "long_name": long_name or name}
        attrs |= {"denominator": denominator} if denominator else {}
        return xr.Dataset(errors.described(name, attrs, value, error, count) | _judged(name, source, alone, status))

    return errors.titled(stage, title)


def known_method(method: str, burn_in: float | str, title: str) -> None:
    """Raises InputError for a method or a burn-in that there is not."""
    if method not in METHODS:
        raise InputError(f"{title}: method={method!r}; {known(method, METHODS)}")
    number = isinstance(burn_in, (int, float)) and not isinstance(burn_in, bool) and burn_in >= 0
    if burn_in != "auto" and not number:
        raise InputError(f"{title}: burn_in={burn_in!r}: write 'auto', or a time from 0 on")


def _series(
    ds: xr.Dataset, observable: str, along: str, burn_in: float | str, method: str, title: str
) -> tuple[xr.Dataset, xr.DataArray]:
    """What is known of each series, and the time step."""
    da = errors.observable(ds, observable)
    own = [str(d) for d in da.dims if d not in ds["status"].dims]
    if along not in own:
        raise InputError(f"{title}: {observable!r} has no own dim {along!r}; {known(along, own)}")
    if da.dtype.kind == "c":
        raise InputError(f"{title}: {observable!r} is complex: take its real part or |x|² in a stage before")
    time, length = _time(ds, da, along)
    gaps = time.diff(along)
    gaps = gaps.where(gaps[along].copy(data=np.arange(gaps.sizes[along])) < length - 1)
    step = gaps.sum(along) / gaps.notnull().sum(along)
    if bool((abs(gaps - step) > EVEN * abs(step)).any()):
        raise InputError(
            f"{title}: the times of {observable!r} are not even, and a sum over ρ(t) needs that: record at linear(n)"
        )
    start: xr.DataArray | int = -1
    if not isinstance(burn_in, str):
        start = (time < burn_in).sum(along)
    return _analysed(ds, da, along, start, method), step


def _time(ds: xr.Dataset, da: xr.DataArray, along: str) -> tuple[xr.DataArray, Any]:
    """The times of a series (along,) or (axes..., along), and how many of them are a point's own."""
    time = ds.coords.get(f"{along}_value", ds[along])
    length = ds.coords.get(f"{along}_length", da.sizes[along])
    return time.astype(float), length


def _analysed(ds: xr.Dataset, da: xr.DataArray, along: str, start: Any, method: str) -> xr.Dataset:
    """`autocorrelation.analysed` of all series of `da`: a variable for each field, dims of `da` less `along`."""
    import xarray as xr

    x = da.astype(float).where(ds["status"] == errors.DONE)
    x = x.drop_vars([c for c in x.coords if along in x[c].dims or str(c) == f"{along}_length"])
    flat = x.isel({along: 0}, drop=True)
    length = _time(ds, da, along)[1]
    begin, lengths = (
        xr.DataArray(v).reset_coords(drop=True).fillna(0).broadcast_like(flat).transpose(*flat.dims)
        for v in (start, length)
    )
    fields = autocorrelation.Analysed._fields
    parts = xr.apply_ufunc(
        autocorrelation.analysed, x, begin, lengths, kwargs={"method": method},
        input_core_dims=[[along], [], []], output_core_dims=[[]] * len(fields),
        dask="parallelized", output_dtypes=[np.int8 if f == "flag" else np.float64 for f in fields],
    )  # fmt: skip
    return xr.Dataset(dict(zip(fields, parts, strict=True)))


def _combined(
    means: xr.DataArray, series_errors: xr.DataArray, status: xr.DataArray
) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray, xr.DataArray]:
    """Mean over samples of means over replicas, its error, the number of samples, and where the error comes from."""
    import xarray as xr

    value, error, count = errors.mean_and_error(errors.sample_means(means, status))
    held = (status == errors.DONE) & means.notnull()
    total = (series_errors**2).where(held, 0.0).sum(("sample", "replica"), skipna=False)
    alone = total**0.5 / held.sum(("sample", "replica")).where(count == 1)
    source = xr.where(count > 1, SOURCES["samples"], xr.where(alone.notnull(), SOURCES["series"], SOURCES["none"]))
    source = source.astype(np.int8).transpose(*value.dims)
    return value, error.where(count > 1, alone), count, source


def _judged(name: str, source: xr.DataArray, found: xr.Dataset, status: xr.DataArray) -> dict[str, xr.DataArray]:
    """`_source` and `_flagged`, described."""
    done = status == errors.DONE
    flagged = (found["flag"] != autocorrelation.FLAGS["ok"]).where(done).mean(("sample", "replica"), skipna=True)
    words: dict[str, Any] = {
        "units": "1",
        "long_name": f"what the error of {name} comes from",
        "flag_values": np.array(list(SOURCES.values()), np.int8),
        "flag_meanings": " ".join(SOURCES),
    }
    text = f"share of the done simulations whose series of {name} is not ok"
    return {
        f"{name}_source": source.assign_attrs(words),
        f"{name}_flagged": flagged.assign_attrs(units="1", long_name=text),
    }
