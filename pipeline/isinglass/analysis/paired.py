"""Comparisons on the same samples: paired differences, the best value of an axis, and what predicts what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.analysis import errors
from isinglass.analysis.phases import SKIPPED
from isinglass.exceptions import InputError, known

if TYPE_CHECKING:
    import xarray as xr


def _axis(ds: xr.Dataset, axis: str, value: Any, what: str) -> None:
    """Raises InputError for an unknown axis, ValueError for a value that it lacks (as a corner of the grid may)."""
    if axis not in ds.dims:
        raise InputError(f"{what}: the dataset has no axis {axis!r}; {known(axis, map(str, ds['status'].dims))}")
    values = list(map(str, ds[axis].values.tolist()))
    if str(value) not in values:
        raise ValueError(f"{what}: {axis!r} has no value {value!r}; {known(str(value), values)}")


def differences(observable: str, along: str, of: Any) -> errors.Stage:
    """The stage for `observable` at the value `of` of the axis `along`, less that at each other value, by sample.

    Returns `<observable>_gain_of_<of>` (mean of the difference), `_error`, `_low`, `_high` (95 % Student interval) and
    `_samples`, dims (axes...). A sample counts in a difference where both are defined: where one has diverged (NaN) it
    is left out of those differences alone. Meant for values that share samples and noise (`paired`).
    Raises InputError for an unknown observable or axis, ValueError for an unknown value.
    """
    name = f"{observable}_gain_of_{of}"

    def stage(ds: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        _axis(ds, along, of, title)
        means = errors.sample_means(errors.observable(ds, observable), ds["status"])
        mean, error, count = errors.mean_and_error(means.sel({along: of}, drop=True) - means)
        low, high = errors.t_interval(mean, error, count)
        units = ds[observable].attrs.get("units", "1")
        words = {"": "", "_error": "standard error of ", "_low": "lower end of the 95 % interval of ",
                 "_high": "upper end of the 95 % interval of "}  # fmt: skip
        out = {}
        for end, da in zip(words, (mean, error, low, high), strict=True):
            text = f"{words[end]}{observable} of {of} less that of each {along}, same samples"
            out[name + end] = da.transpose(*mean.dims).assign_attrs(units=units, long_name=text)
        text = f"number of samples in {name}"
        out[f"{name}_samples"] = count.transpose(*mean.dims).assign_attrs(units="1", long_name=text)
        return xr.Dataset(out)

    title = f"differences({observable}, {along}, {of})"
    return errors.titled(stage, title)


def best(observable: str, along: str, between: str, base: Any, guard: str, slack: float) -> errors.Stage:
    """The stage for the value of the axis `along` with most `observable`, for each value of `between`.

    Eligible are values at which no simulation diverged (`converged` is 1 in all) and the mean of `guard` is at least
    that at the value `base` of `between`, less `slack`. Of these the one with the largest mean; if there is none, that
    with the largest mean of `guard`. Returns, dims (axes... without `along`): `<along>_best`; `<along>_best_eligible`
    (1, or 0 if none was); `<along>_best_edge` (1 where it is the first or last of those that were run, else 0; also 0
    where only one was). Raises InputError for an unknown observable or axis, ValueError for an unknown value.
    """
    name = f"{along}_best"

    def stage(ds: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        _axis(ds, between, base, title)
        status = ds["status"]
        score, held = (
            errors.mean_and_error(errors.sample_means(errors.observable(ds, o), status))[0] for o in (observable, guard)
        )
        run = ~(status == SKIPPED).all(("sample", "replica"))
        sound = ((status != errors.DONE) | (ds["converged"] == 1)).all(("sample", "replica"))
        floor = held.sel({between: base}, drop=True).max(along) - slack
        eligible = run & sound & (held >= floor)
        some = eligible.any(along)
        least = -np.inf
        chosen = xr.where(some, score.where(eligible, least), held.where(run).fillna(least)).argmax(along)
        position = xr.DataArray(np.arange(ds.sizes[along]), dims=along)
        first, last = position.where(run).min(along), position.where(run).max(along)
        edge = ((chosen == first) | (chosen == last)) & (last > first)
        value = chosen.copy(data=ds[along].values[chosen.values])
        where = f"{along} with most {observable}"
        return xr.Dataset(
            {
                name: value.assign_attrs(units=ds[along].attrs.get("units", "1"), long_name=where),
                f"{name}_eligible": some.astype(np.int8).assign_attrs(units="1", long_name=f"1: {where} was eligible"),
                f"{name}_edge": edge.astype(np.int8).assign_attrs(units="1", long_name=f"1: {where} is at an end"),
            }
        )

    title = f"best({observable}, {along})"
    return errors.titled(stage, title)


def prediction(x: str, y: str, between: str, resamples: int = errors.RESAMPLES) -> errors.Stage:
    """The stage for how well observable `x` predicts `y`, among the values of the axis `between` and within them.

    Returns `<y>_rank_correlation`: Spearman's, of the means of x and y over samples at each value of `between`; and
    `<y>_correlation`: Pearson's, of all samples with the means of each value of `between` removed, with `_low` and
    `_high`, the 95 % percentile interval by the bootstrap over samples, all values of `between` resampled jointly.
    Dims (axes... without `between`); samples that are undefined somewhere are left out there.
    """

    def stage(ds: xr.Dataset) -> xr.Dataset:
        import xarray as xr
        from scipy import stats

        a, b = (errors.sample_means(errors.observable(ds, o), ds["status"]) for o in (x, y))
        rest = [d for d in a.dims if d not in (between, "sample")]
        a, b = (v.transpose(*rest, between, "sample") for v in (a, b))
        shape = a.shape[: len(rest)]
        found = {k: np.full(shape, np.nan) for k in ("_rank_correlation", "_correlation", "_low", "_high")}
        seed = int(ds.attrs.get("seed", 0))
        for cell in np.ndindex(*shape):
            both = np.isfinite(a.values[cell]) & np.isfinite(b.values[cell])
            p, q = (np.where(both, v.values[cell], np.nan) for v in (a, b))
            used = both.any(axis=1)
            if used.sum() < 2 or p.shape[1] < 2:
                continue
            p, q = p[used], q[used]
            ranks = (stats.rankdata(np.nanmean(v, axis=1))[None] for v in (p, q))
            found["_rank_correlation"][cell] = _within(*ranks)
            found["_correlation"][cell] = _within(p, q)
            rng = errors.generator(seed, {x: y, "cell": cell})
            draws = rng.integers(0, p.shape[1], (resamples, p.shape[1]))
            values = _within(p[:, draws], q[:, draws])
            if np.isfinite(values).any():
                found["_low"][cell], found["_high"][cell] = np.nanquantile(values, [0.025, 0.975])
        text = f"of {x} and {y}"
        words = {"_rank_correlation": f"rank correlation {text} over {between}",
                 "_correlation": f"correlation {text} within {between}",
                 "_low": f"lower end of the 95 % interval of the correlation {text}",
                 "_high": f"upper end of the 95 % interval of the correlation {text}"}  # fmt: skip
        coords = {d: a.coords[d] for d in rest if d in a.coords}
        return xr.Dataset(
            {
                y + (k if k.endswith("correlation") else f"_correlation{k}"): xr.DataArray(
                    v, dims=rest, coords=coords, attrs={"units": "1", "long_name": words[k]}
                )
                for k, v in found.items()
            }
        )

    return errors.titled(stage, f"prediction({x}, {y})")


def _within(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Pearson's correlation over (arms, ..., samples), the mean of each arm removed; (...), NaN for constants."""
    both = np.isfinite(p) & np.isfinite(q)
    count = np.maximum(both.sum(axis=-1, keepdims=True), 1)
    p, q = (np.where(both, v, 0.0) for v in (p, q))
    p, q = (np.where(both, v - v.sum(axis=-1, keepdims=True) / count, 0.0) for v in (p, q))
    product, square, other = (v.sum(axis=(0, -1)) for v in (p * q, p * p, q * q))
    scale = np.sqrt(square * other)
    return np.asarray(np.divide(product, scale, out=np.full_like(scale, np.nan), where=scale > 0))
