"""Means over samples with standard errors; the jackknife and the bootstrap for what is not a mean.

The independent unit is the sample: one draw of the quenched disorder. Replicas share it, so they are averaged within
their sample first, and every error comes from the scatter of samples. Only simulations whose status is 1 (done) enter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.exceptions import InputError, known

if TYPE_CHECKING:
    import xarray as xr

DONE = 1
"""The value of `status` of a simulation that counts (0 pending, 2 failed, 3 skipped)."""
RESAMPLES = 2000
"""Resamples of the bootstrap: the ends of a 95 % interval are then known to about 3 % of its width."""

Stage = Callable[["xr.Dataset"], "xr.Dataset"]


def observable(ds: xr.Dataset, name: str) -> xr.DataArray:
    """One observable of a raw dataset, dims (axes..., sample, replica, own...).

    Raises InputError if the dataset has none of that name (with the closest match), or no `status`.
    """
    if "status" not in ds:
        raise InputError(f"cannot average {name!r}: the dataset has no `status`; give a stage the dataset of a run")
    if name not in ds.data_vars or not set(ds["status"].dims) <= set(ds[name].dims):
        names = [str(v) for v in ds.data_vars if set(ds["status"].dims) <= set(ds[v].dims)]
        options = [n for n in names if n not in ("status", "elapsed")]
        raise InputError(f"the dataset has no observable {name!r}; {known(name, options)}")
    return ds[name]


def sample_means(da: xr.DataArray, status: xr.DataArray) -> xr.DataArray:
    """Mean over the done replicas of each sample: dims (axes..., sample, own...), units of `da`, float64 or complex128.

    NaN where a sample has no done replica, or only undefined (NaN) values, and beyond the true length of an own dim.
    Whatever is made of them gives each sample the same weight, however many replicas it has: that is unbiased for the
    mean over the disorder, and what a sample with few replicas lacks in precision shows in the scatter.
    """
    kind = np.complex128 if np.iscomplexobj(da) else np.float64
    done = status == DONE
    for dim in map(str, da.dims):
        length = da.coords.get(f"{dim}_length")
        if length is not None:
            done = done & (da[dim].copy(data=np.arange(da.sizes[dim])) < length)
    return da.astype(kind).where(done).mean("replica", skipna=True, keep_attrs=True)


def mean_and_error(samples: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """Mean over samples, its standard error, and the number of samples used; dims (axes..., own...).

    `samples` is what `sample_means` returns. The error is s/√n, s with ddof=1: NaN below two samples. For small n a
    confidence interval takes Student's t with n-1 degrees of freedom: `t_interval`.
    """
    count = samples.notnull().sum("sample").astype(np.int32)
    mean = samples.mean("sample", skipna=True)
    square = (abs(samples - mean) ** 2).sum("sample", skipna=True)
    error = (square / (count * (count - 1.0)).where(count > 1)) ** 0.5
    return mean, error, count


def t_interval(
    mean: xr.DataArray, error: xr.DataArray, count: xr.DataArray, level: float = 0.95
) -> tuple[xr.DataArray, xr.DataArray]:
    """Ends of Student's confidence interval of a mean over `count` samples; NaN below two samples."""
    from scipy import stats

    degrees = (count - 1).where(count > 1)
    half = error * stats.t.ppf(0.5 + level / 2, degrees)
    return mean - half, mean + half


def jackknife(
    function: Callable[..., xr.DataArray], *samples: xr.DataArray
) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """A function of means over samples: bias-corrected value, standard error, number of samples.

    `function` takes the mean of each of `samples` (as `sample_means` returns them) and works element by element, as in
    `lambda m2, m4: 1 - m4 / (3 * m2**2)`. A sample counts where all of them are defined. With n samples and θ_i the
    function without sample i: value n θ - (n-1) ⟨θ_i⟩, error √((n-1)/n Σ(θ_i - ⟨θ_i⟩)²) (Efron and Tibshirani 1993,
    chapters 10, 11). With one sample the value is not corrected and the error is NaN.
    """
    import xarray as xr

    samples = xr.broadcast(*xr.align(*samples, join="exact"))
    valid = samples[0].notnull()
    for s in samples[1:]:
        valid = valid & s.notnull()
    count = valid.sum("sample").astype(np.int32)
    several = count > 1
    whole, without = [], []
    for s in samples:
        s = s.where(valid)
        total = s.sum("sample", skipna=True)
        whole.append(total / count.where(count > 0))
        without.append((total - s) / (count - 1).where(several))
    plain = function(*whole)
    left_out = function(*without).where(valid)
    centre = left_out.mean("sample", skipna=True)
    value = (count * plain - (count - 1) * centre).where(several, plain)
    scatter = (abs(left_out - centre) ** 2).sum("sample", skipna=True)
    return value, ((count - 1) / count.where(several) * scatter) ** 0.5, count


def generator(seed: int, labels: dict[str, Any]) -> np.random.Generator:
    """The generator that resamples the samples which `labels` (the quenched parameters by name) share.

    Seeded by BLAKE2b over ("bootstrap", the workflow's seed, the sorted labels): the same data give the same intervals,
    whatever else the dataset holds.
    """
    text = json.dumps(["bootstrap", int(seed), sorted((k, repr(v)) for k, v in labels.items())])
    return np.random.default_rng(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little"))


def resampled_means(samples: xr.DataArray, seed: int = 0, resamples: int = RESAMPLES) -> xr.DataArray:
    """Means over bootstrap resamples of the samples: dims (resample, axes..., own...).

    Sample indices are drawn once for each combination of quenched values (coordinates with the attribute quenched=1,
    scalar ones too) and used along all other dims, because points that agree in their quenched parameters share their
    samples. Any statistic along any axes can so be taken of each resample. NaN where fewer than two samples exist, or
    where a resample drew none that a point has. Needs 8 bytes x resamples x points: select before.
    """
    import xarray as xr

    quenched = {str(k): c for k, c in samples.coords.items() if c.attrs.get("quenched", 0) and k != "sample"}
    split: list[Hashable] = [d for d in samples.dims if any(d in c.dims for c in quenched.values())]
    shared = [d for d in samples.dims if d not in split and d != "sample"]
    table = samples.transpose(*split, "sample", *shared)
    cells, inner = table.shape[: len(split)], table.shape[len(split) + 1 :]
    values = table.values.reshape(*cells, samples.sizes["sample"], -1)
    outer = table.isel(dict.fromkeys(("sample", *shared), 0))
    labels = {k: c.broadcast_like(outer).transpose(*split).values for k, c in quenched.items()}
    out = np.full((resamples, *cells, values.shape[-1]), np.nan, values.dtype)
    for cell in np.ndindex(*cells):
        good = ~np.isnan(values[cell])
        used = good.any(axis=1)
        n = int(used.sum())
        if n < 2:
            continue
        rng = generator(seed, {k: np.asarray(v[cell]).item() for k, v in labels.items()})
        draws = rng.integers(0, n, (resamples, n))  # the draws of scipy.stats.bootstrap for the same generator (tested)
        flat = (draws + n * np.arange(resamples)[:, None]).ravel()
        weight = np.bincount(flat, minlength=n * resamples).reshape(resamples, n).astype(float)
        total = weight @ np.where(good, values[cell], 0)[used]
        number = weight @ good[used].astype(float)
        with np.errstate(invalid="ignore"):
            out[(slice(None), *cell)] = total / number
    dims = ("resample", *split, *shared)
    coords = {k: c for k, c in samples.coords.items() if "sample" not in c.dims}
    return xr.DataArray(out.reshape(resamples, *cells, *inner), dims=dims, coords=coords, attrs=samples.attrs)


def interval(distribution: np.ndarray, count: int, level: float = 0.95, student: bool = True) -> tuple[float, float]:
    """Expanded percentile interval of a bootstrap distribution over `count` samples, shape (resamples,).

    A percentile interval is too short by √((n-1)/n), and again for normal instead of Student quantiles: at n = 8 it
    covers 90 % instead of 95 %. So the percentiles are taken at Φ(±√(n/(n-1)) t_{n-1}) (Hesterberg 2015, The American
    Statistician 69, 371, section 5.3), or with the normal quantile for a standard error (`student=False`). The ends are
    members of the distribution and need only its order: values may be coded outside of a range (censored). NaN below
    two samples.
    """
    from scipy import stats

    if count < 2:
        return np.nan, np.nan
    quantile = stats.t.ppf(0.5 + level / 2, count - 1) if student else stats.norm.ppf(0.5 + level / 2)
    tail = float(stats.norm.cdf(-quantile * np.sqrt(count / (count - 1))))
    low, high = np.quantile(distribution, [tail, 1 - tail], method="inverted_cdf")
    return float(low), float(high)


def mean(*names: str) -> Stage:
    """The stage that averages observables over samples: `<name>_mean`, `_error` (standard error), `_samples` (number).

    Dims (axes..., own...); units of the observable; CF `ancillary_variables` joins them. Raises InputError for an
    observable that the dataset lacks.
    """

    def stage(ds: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        out: dict[str, xr.DataArray] = {}
        for name in names:
            da = observable(ds, name)
            out |= described(name, da.attrs, *mean_and_error(sample_means(da, ds["status"])))
        return xr.Dataset(out)

    return titled(stage, f"mean({', '.join(names)})")


def estimate(
    name: str,
    function: Callable[..., xr.DataArray],
    of: tuple[str, ...],
    units: str = "1",
    long_name: str = "",
    denominator: str = "",
) -> Stage:
    """The stage for a function of the means of the observables `of`, by the jackknife over samples.

    Returns `<name>_mean` (bias-corrected), `<name>_error`, `<name>_samples`. Raises InputError for an observable that
    the dataset lacks. Example: `estimate("binder", lambda m2, m4: 1 - m4 / (3 * m2**2), of=("m2", "m4"))`. Arguments
    of `function` carry the coordinates of the axes. A capacity per something names it as `denominator`, which becomes
    an attribute ("N(N-1)/2 independent couplings"): capacities with different ones must not be compared.
    """

    def stage(ds: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        samples = [sample_means(observable(ds, o), ds["status"]) for o in of]
        attrs = {
            "units": units,
            "long_name": long_name or name,
            **({"denominator": denominator} if denominator else {}),
        }
        return xr.Dataset(described(name, attrs, *jackknife(function, *samples)))

    return titled(stage, f"estimate({name})")


def described(
    name: str, attrs: Mapping[Any, Any], value: xr.DataArray, error: xr.DataArray, count: xr.DataArray
) -> dict[str, xr.DataArray]:
    """`<name>_mean`, `_error` and `_samples` with units, long_name and the CF link between them."""
    units, long_name = attrs.get("units", "1"), attrs.get("long_name") or name
    kept = {k: attrs[k] for k in ("role", "task", "denominator") if k in attrs}
    links = f"{name}_error {name}_samples"
    value.attrs = {"units": units, "long_name": f"mean {long_name}", "ancillary_variables": links, **kept}
    error.attrs = {"units": units, "long_name": f"standard error of mean {long_name}"}
    count.attrs = {"units": "1", "long_name": f"number of samples in mean {long_name}"}
    return {f"{name}_mean": value, f"{name}_error": error, f"{name}_samples": count}


def only(guard: str, *stages: Stage) -> Stage:
    """The stages in turn, of simulations alone in which the observable `guard` is 1, as `only("converged", mean("m"))`.

    All others are to these stages what was not computed. Which simulations converge may depend on what they find: give
    their share beside, by `mean(guard)`. What is returned names the guard in the attribute `guard`. Raises InputError
    for a guard that the dataset lacks.
    """

    def stage(ds: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        sound, status = observable(ds, guard) == 1, ds["status"]
        ds = ds.assign(status=status.where((status != DONE) | sound, 0).astype(status.dtype).assign_attrs(status.attrs))
        out = xr.Dataset()
        for one in stages:
            result = one(ds)
            out = out.merge(result, compat="no_conflicts", combine_attrs="drop_conflicts")
            ds = ds.merge(result, compat="no_conflicts", combine_attrs="override")
        for variable in out.data_vars.values():
            variable.attrs.setdefault("guard", guard)
        return out

    return titled(stage, f"only({guard}: {', '.join(s.__name__ for s in stages)})")


def titled(stage: Stage, title: str) -> Stage:
    """Name a stage as it was written, for messages and provenance."""
    stage.__name__ = stage.__qualname__ = title
    return stage
