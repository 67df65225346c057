"""Finite-size scaling: how a measured quantity approaches its limit along an axis of sizes, as a power."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.analysis import errors
from isinglass.exceptions import InputError, known

if TYPE_CHECKING:
    import xarray as xr

EXPONENTS = np.geomspace(0.02, 8.0, 241)
"""Where the search for the exponent begins; the fit itself is not bound to it."""

Fit = dict[str, float]


def power(
    name: str,
    along: str,
    limit: float | Callable[[], Any] | None = None,
    exponent: float | None = None,
    to: str | None = None,
) -> errors.Stage:
    """The stage that fits y(N) = limit + amplitude N^-exponent to `name` along the axis `along` of sizes N.

    `name` is what an earlier stage returned with its standard error: of a mean `x_mean` the `x`, of a boundary its
    name. `limit` and `exponent` are fitted unless given (a theory's value; `limit` may be a function of nothing, called
    when there is something to fit). Weighted least squares: the sizes must be
    independent, so `along` must be quenched. For each combination of the other axes it returns, under `to` instead of
    `<name>` if that is given (of two laws for one quantity)

    * `<name>_limit` (units of y), `<name>_exponent`, `<name>_amplitude` (y times size^exponent), each with `_error`,
      one standard error from the curvature of χ² (0 for a value that was given); meaningful where the errors of y are;
    * `<name>_chi2`, `<name>_freedom` (sizes less fitted numbers) and `<name>_p`, the probability of a larger χ² if the
      law and the errors are right. Without freedom, χ² is 0 and p NaN: nothing is tested.

    Sizes whose value or error is missing, not finite or 0 are left out. All is NaN where fewer sizes are left than
    numbers to fit, or the fit does not converge. A power is the leading term at best: small sizes need corrections,
    and a good p does not show that there are none. Raises InputError for an unknown variable or axis, and for an axis
    that is not quenched.
    """

    def stage(ds: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        y = ds.get(f"{name}_mean", ds.get(name))  # of an observable the mean: the dataset holds the raw values too
        if y is None or f"{name}_error" not in ds:
            raise InputError(
                f"{title}: no stage before it returned {name!r} with an error; {known(name, _candidates(ds))}"
            )
        if along not in y.dims or ds[along].dtype.kind not in "iuf":
            raise InputError(f"{title}: {name!r} does not run along {along!r}, an axis of numbers")
        if not ds[along].attrs.get("quenched"):
            raise InputError(f"{title}: {along!r} is not quenched, so its values share samples and are not independent")
        sizes = ds[along].values.astype(float)
        values, spread = (da.transpose(..., along) for da in (y, ds[f"{name}_error"]))
        rows = [
            fitted(sizes, *pair, float(limit()) if callable(limit) else limit, exponent)
            for pair in zip(values.values.reshape(-1, sizes.size), spread.values.reshape(-1, sizes.size), strict=True)
        ]
        template = values.drop_vars([c for c, v in values.coords.items() if along in v.dims and c != along])
        template = template.isel({along: 0}, drop=True)
        units = str(y.attrs.get("units", "1"))
        out = xr.Dataset()
        for suffix, (text, unit) in FIELDS.items():
            column = np.array([row[suffix] for row in rows]).reshape(template.shape)
            out[f"{to or name}_{suffix}"] = template.copy(data=column)
            words = text.format(y=y.attrs.get("long_name") or name, n=along)
            out[f"{to or name}_{suffix}"].attrs = {"units": unit or units, "long_name": words}
        return out

    title = f"power({name}, {along})"
    return errors.titled(stage, title)


def powers(name: str, along: str, between: tuple[float, float] = (0.0, np.inf)) -> errors.Stage:
    """The stage for the exponent of the observable `name` ~ x^exponent along the axis x = `along`, sample by sample.

    Least-squares slope of ln against ln of each sample's mean over replicas, of the values of the axis within
    `between`; then `<name>_power_mean`, `_error`, `_samples`. For axes along which points share their samples, so that
    `power` would take them for independent. NaN for a sample that is not above 0, or not done, somewhere. Raises
    InputError for an axis without two values above 0 there, once there are results.
    """

    def stage(ds: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        y = errors.sample_means(errors.observable(ds, name), ds["status"])
        if along not in y.dims or ds[along].dtype.kind not in "iuf":
            raise InputError(f"powers({name!r}): no axis of numbers {along!r}; {known(along, map(str, y.dims))}")
        x = ds[along].astype(float)
        held = (x >= between[0]) & (x <= between[1]) & (x > 0)
        if int(held.sum()) < 2 and bool((ds["status"] == 1).any()):  # a corner without results says nothing yet
            raise InputError(f"powers({name!r}): {along!r} has fewer than two values within {between}")
        part = y.isel({along: np.flatnonzero(held.values)})
        log = np.log(part[along])
        weight = (log - log.mean()) / ((log - log.mean()) ** 2).sum()
        found = (np.log(part.where(part > 0)) * weight).sum(along, skipna=False)
        attrs = {"units": "1", "long_name": f"exponent in {along} of {y.attrs.get('long_name') or name}"}
        return xr.Dataset(errors.described(f"{name}_power", attrs, *errors.mean_and_error(found)))

    return errors.titled(stage, f"powers({name}, {along})")


def slopes(name: str, along: str, correction: float | None = None) -> errors.Stage:
    """The stage for local slopes -d ln y/d ln N of the mean of `name` between successive sizes N along `along`.

    Returns `<name>_slope`, at the larger size of each pair (NaN at the first). With `correction` ω also
    `<name>_slope_corrected`: the exponent x of y ~ N^-x (1 + c N^-ω + ...) from two successive slopes, each
    x + c' M^-ω at the geometric mean M of its sizes. The exponent ω is given, not fitted: the result is only as good.
    No errors: for values without any, such as ground states. Raises InputError as `power`.
    """

    def stage(ds: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        y = ds.get(f"{name}_mean", ds.get(name))
        if y is None or along not in y.dims or ds[along].dtype.kind not in "iuf":
            raise InputError(f"{title}: no stage before it returned {name!r} along an axis of numbers {along!r}")
        sizes, values = ds[along].values.astype(float), y.transpose(..., along)
        what = y.attrs.get("long_name") or name
        slope, corrected = local_slopes(sizes, values.values, correction or 1.0)
        out = xr.Dataset({f"{name}_slope": values.copy(data=slope)})
        out[f"{name}_slope"].attrs = {"units": "1", "long_name": f"local slope -d ln/d ln {along} of {what}"}
        if correction is not None:
            out[f"{name}_slope_corrected"] = values.copy(data=corrected)
            text = f"exponent of {what} in {along}, with a correction of exponent -{correction:.4g}"
            out[f"{name}_slope_corrected"].attrs = {"units": "1", "long_name": text}
        return out

    title = f"slopes({name}, {along})"
    return errors.titled(stage, title)


def local_slopes(n: np.ndarray, y: np.ndarray, correction: float) -> tuple[np.ndarray, np.ndarray]:
    """Slopes -Δ ln y/Δ ln n between successive sizes (..., sizes), and freed of a correction; else NaN."""
    slope, corrected = np.full(y.shape, np.nan), np.full(y.shape, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope[..., 1:] = -np.diff(np.log(y), axis=-1) / np.diff(np.log(n))
    small = np.sqrt(n[1:] * n[:-1]) ** -correction
    corrected[..., 2:] = (slope[..., 2:] * small[:-1] - slope[..., 1:-1] * small[1:]) / (small[:-1] - small[1:])
    return slope, corrected


FIELDS = {  # suffix: (what it is; units, those of y where "")
    "limit": ("limit of {y} for large {n}", ""),
    "limit_error": ("standard error of the limit of {y}", ""),
    "exponent": ("exponent x of {y} - limit = amplitude {n}^-x", "1"),
    "exponent_error": ("standard error of the exponent of {y}", "1"),
    "amplitude": ("amplitude of {y} - limit at {n} = 1", ""),
    "amplitude_error": ("standard error of the amplitude of {y}", ""),
    "chi2": ("chi squared of the power law for {y}", "1"),
    "freedom": ("degrees of freedom of the power law for {y}", "1"),
    "p": ("probability of a larger chi squared of the power law for {y}", "1"),
}


def fitted(n: np.ndarray, y: np.ndarray, error: np.ndarray, limit: float | None, exponent: float | None) -> Fit:
    """The fields of `power` for one curve: sizes, values and standard errors (sizes,), or their covariance matrix."""
    from scipy import optimize, stats

    spread = np.diag(error) if error.ndim == 2 else error
    held = np.isfinite(y) & np.isfinite(spread) & (spread > 0)
    n, y = n[held], y[held]
    row: Fit = dict.fromkeys(FIELDS, np.nan)
    free = 1 + (limit is None) + (exponent is None)
    if n.size < free:
        return row
    white = whitening(error[np.ix_(held, held)]) if error.ndim == 2 else np.diag(1 / error[held])
    scale = np.exp(np.log(n).mean())  # amplitudes at a typical size are far less correlated with the exponent
    start = _start(n / scale, y, white, limit, np.array([exponent]) if exponent else EXPONENTS)

    def residuals(p: np.ndarray) -> np.ndarray:
        given = iter(p[1:])
        base = next(given) if limit is None else limit
        x = next(given) if exponent is None else exponent
        return np.asarray(white @ (base + p[0] * (n / scale) ** -x - y))

    first = [start["amplitude"], *([start["limit"]] * (limit is None)), *([start["exponent"]] * (exponent is None))]
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            best = optimize.least_squares(residuals, first, x_scale=np.maximum(np.abs(first), 1e-12), xtol=1e-12)
            covariance = np.linalg.inv(best.jac.T @ best.jac)
        except (ValueError, np.linalg.LinAlgError):
            return row
    if not best.success or not np.all(np.diag(covariance) > 0):
        return row
    names = ["amplitude", *(["limit"] * (limit is None)), *(["exponent"] * (exponent is None))]
    row |= {"limit": limit or 0.0, "exponent": exponent or 0.0, "limit_error": 0.0, "exponent_error": 0.0}
    row |= dict(zip(names, best.x, strict=True))
    row |= {f"{k}_error": float(np.sqrt(v)) for k, v in zip(names, np.diag(covariance), strict=True)}
    factor = scale ** row["exponent"]  # back to the amplitude at size 1, by the chain rule
    slope = np.zeros(len(names))
    slope[0] = factor
    if exponent is None:
        slope[-1] = row["amplitude"] * factor * np.log(scale)
    row |= {"amplitude": row["amplitude"] * factor, "amplitude_error": float(np.sqrt(slope @ covariance @ slope))}
    freedom, chi2 = n.size - free, 2 * float(best.cost)
    tail = float(stats.chi2.sf(chi2, freedom)) if freedom else np.nan
    return row | {"chi2": chi2 if freedom else 0.0, "freedom": float(freedom), "p": tail}


def whitening(covariance: np.ndarray) -> np.ndarray:
    """W with WᵀW the inverse of a covariance matrix: W times what has it are independent numbers of variance 1."""
    return np.asarray(np.linalg.inv(np.linalg.cholesky(covariance)))


def _start(n: np.ndarray, y: np.ndarray, white: np.ndarray, limit: float | None, exponents: np.ndarray) -> Fit:
    """The best amplitude, limit where it is not given, and exponent out of `exponents`; the first two are linear."""
    powers = n ** -exponents[:, None]
    columns = [powers, *([np.ones_like(powers)] * (limit is None))]
    matrix, right = white @ np.stack(columns, axis=-1), white @ (y - (limit or 0.0))
    part = np.einsum("xnk,n->xk", np.linalg.qr(matrix)[0], right)  # of the data that a law can follow
    top = int(np.argmax((part**2).sum(axis=1)))
    best = np.linalg.lstsq(matrix[top], right, rcond=None)[0]
    base = float(best[1]) if limit is None else limit
    return {"amplitude": float(best[0]), "limit": base, "exponent": float(exponents[top])}


def _candidates(ds: xr.Dataset) -> list[Any]:
    return sorted(str(v).removesuffix("_error") for v in ds.data_vars if str(v).endswith("_error"))
