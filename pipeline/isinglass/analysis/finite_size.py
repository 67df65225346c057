"""Finite-size collapse: T_c, ν and an exponent from curves of several sizes, with errors, χ², and what shifts them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.analysis import errors, phases, quantities
from isinglass.analysis.fitting import Law, refined, searched
from isinglass.analysis.quantities import Curves, Quantity
from isinglass.exceptions import InputError, known

if TYPE_CHECKING:
    import xarray as xr

FLAGS = {"found": 0, "too_few_sizes": 1, "too_few_points": 2, "fit_failed": 3, "at_the_edge": 4}
FITS = ("all", "without_smallest", "narrow")
"""Data of a fit: all; without the smallest size; the inner half of the scaling variable."""
KINDS = {None: 0.0, "beta": -1.0, "gamma": 1.0}
FAILED = 0.05
"""Share of resamples that may fail to converge; above it the fit counts as failed."""

VALUES = {  # suffix: (words, units; "x" those of the axis)
    "_critical": ("critical {axis}", "x"),
    "_nu": ("exponent ν of {size} ~ |{axis} - critical|^-ν", "1"),
    "_beta": ("exponent β of {what}", "1"),
    "_gamma": ("exponent γ of {what}", "1"),
}


def collapse(
    quantity: str | Quantity,
    along: str,
    size: str,
    exponent: str | None = None,
    fixed: Mapping[str, float] | None = None,
    degree: int = 4,
    within: float | None = None,
    correction: float | None = None,
    name: str | None = None,
    resamples: int = 500,
) -> errors.Stage:
    """The stage that fits y(T, L) = L^(±e/ν) f((T - T_c) L^(1/ν)) to curves of a quantity for several sizes L.

    `along` is the axis of T, `size` that of L (of a mean-field model the number of units, and ν is then ν̄). `exponent`:
    "beta", y falls as L^(-β/ν) at T_c (an order parameter); "gamma", it grows as L^(γ/ν) (a susceptibility); None, it
    is the same for all sizes (a Binder cumulant). f is a polynomial of `degree` in the scaling variable. `fixed` gives
    any of "critical", "nu", "beta", "gamma" instead of fitting it. `within` keeps the points whose |T - T_c|
    (L/L₀)^(1/ν) is at most this (units of T; L₀ is the smallest size), found again until the fit has chosen its own.
    `correction` ω adds L^-ω g(x) to f, g a parabola: the leading correction to scaling, of which ω must be known.

    Weighted least squares on the data as they are, not on rescaled ones, so that no exponent can shrink χ² by shrinking
    the data. Weights are jackknife errors, times √((n-1)/(n-3)) as n samples tell them only so well. Returns under
    `name` (default `<quantity>_collapse`), with the further dim `fit` = all, without_smallest (size), narrow (inner
    half of the scaling variable):

    * `_critical`, `_nu`, and `_beta` or `_gamma`, each with `_error`, `_low`, `_high` from the same fit to bootstrap
      resamples of samples, drawn jointly where sizes' points share them; `_shift`, the value less that of the fit of
      all, with `_shift_error` from the same resamples: a shift of several errors is drift, and then the errors of the
      fit of all are too small.
    * `_chi2`, `_freedom` (points less fitted numbers), `_p`: probability of a larger χ² if the law is right, by
      resamples of the deviations around the fit, so that points which share samples count as what they are. NaN below
      4 samples. `_points` used, `_missing` (points that are not done), `_flag`: too_few_sizes (under 2),
      too_few_points (no freedom), fit_failed, at_the_edge (T_c lies outside the values of the axis).
    * of the fit of all, over the axes: `_x` = (T - T_c) L^(1/ν), `_y` = y L^(∓e/ν), less a correction, and
      `_y_error`; `_function`, f(x) there, and `_residual`, (y - fit)/error; NaN where a point was not used.

    Raises InputError for unknown names, an axis `size` that is not quenched, and a `fixed` that is no part of the law.
    """
    fixed = dict(fixed or {})
    short = quantities.named(quantity)
    title = f"finite_size.collapse({short}, {along}, {size})"
    if exponent not in KINDS:
        raise InputError(f"{title}: exponent={exponent!r}; {known(str(exponent), ('beta', 'gamma'))}")
    parts = ["critical", "nu", *([exponent] if exponent else [])]
    for key in fixed:
        if key not in parts:
            raise InputError(f"{title}: fixed has {key!r}; {known(key, parts)}")
    if degree < 1:
        raise InputError(f"{title}: degree={degree}, and a scaling function that is no constant needs 1")
    name = name or f"{short}_collapse"
    given = {"critical": fixed.get("critical"), "rate": 1 / fixed["nu"] if "nu" in fixed else None}
    given["exponent"] = fixed.get(exponent) if exponent else 0.0
    law = Law(KINDS[exponent], degree, given, correction)

    def stage(ds: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        units, words = quantities.checked(ds, quantity, along, title)
        phases.check_axis(ds, ds["status"], size, title)
        if not ds[size].attrs.get("quenched"):
            raise InputError(f"{title}: {size!r} is not quenched, so its values share samples and are no sizes")
        ds = ds.sortby([size, along])
        template, every = quantities.each(ds, [quantity], (size, along), resamples)
        fits = [f"_{part}{end}" for part in parts for end in (*phases.ENDS, "_shift", "_shift_error")]
        columns = {k: np.full((*template.shape, len(FITS)), np.nan) for k in (*fits, *COUNTS)}
        shape = (*template.shape, ds.sizes[size], ds.sizes[along])
        scaled = {k: np.full(shape, np.nan) for k in SCALED}
        for at, (found,) in every:
            rows, points = _one(
                ds[along].values.astype(float), ds[size].values.astype(float), found, law, within, parts
            )
            for i, row in enumerate(rows):
                for suffix, value in row.items():
                    columns[suffix][(*at, i)] = value
            for suffix, array in points.items():
                scaled[suffix][at] = array
        names = xr.DataArray(list(FITS), dims="fit", attrs={"long_name": "data of the fit"})
        place = template.expand_dims({"fit": names}, axis=-1)
        plane = template.expand_dims({size: ds[size], along: ds[along]}, axis=(-2, -1))
        axis = ds[along].attrs.get("long_name") or along
        kinds = {"x": str(ds[along].attrs.get("units", "1")), "y": units}
        out = xr.Dataset()
        for part in parts:
            text, unit = VALUES[f"_{part}"]
            text = text.format(axis=axis, size=size, what=words)
            prefixes = {**phases.ENDS, "_shift": "shift from the fit of all data of ",
                        "_shift_error": "standard error of the shift of "}  # fmt: skip
            for end, prefix in prefixes.items():
                key = f"_{part}{end}"
                attrs = {"units": kinds.get(unit, unit), "long_name": prefix + text}
                out[name + key] = place.copy(data=columns[key]).assign_attrs(attrs)
        for key, text in COUNTS.items():
            out[name + key] = place.copy(data=columns[key])
            out[name + key].attrs = {"units": "1", "long_name": text.format(what=f"the collapse of {words}")}
        flags = np.nan_to_num(columns["_flag"], nan=FLAGS["too_few_points"]).astype(np.int8)
        out[f"{name}_flag"] = place.copy(data=flags).assign_attrs(quantities.flagged(FLAGS, f"collapse of {words}"))
        for key, text in SCALED.items():
            out[name + key] = plane.copy(data=scaled[key])
            attrs = {"units": "1", "long_name": text.format(what=words, axis=axis, size=size)}
            out[name + key].attrs = attrs
        about = {"quantity": f"{short}_mean", "axis_name": along, "size": size, "exponent": exponent or "none"}
        out[f"{name}_x"].attrs |= about | {"degree": degree, "fixed": ", ".join(f"{k}={v:g}" for k, v in fixed.items())}
        return out

    return errors.titled(stage, title)


COUNTS = {
    "_chi2": "chi squared of {what}",
    "_freedom": "degrees of freedom of {what}: points less fitted numbers",
    "_p": "probability of a larger chi squared of {what}, by the bootstrap",
    "_points": "number of points in {what}",
    "_missing": "number of points that are not done, and have no part in {what}",
    "_sizes": "number of sizes in {what}",
    "_flag": "state of {what}",
}
SCALED = {
    "_x": "({axis} - critical) {size}^(1/ν)",
    "_y": "{what}, its power of {size} taken off",
    "_y_error": "standard error of {what}, its power of {size} taken off",
    "_function": "scaling function of {what}",
    "_residual": "({what} - fit)/error",
}


def _one(
    axis: np.ndarray, sizes: np.ndarray, found: Curves, law: Law, within: float | None, parts: list[str]
) -> tuple[list[dict[str, float]], dict[str, np.ndarray]]:
    """Values of each of FITS, and arrays (size, along) of each of SCALED, from curves (size, along)."""
    t, length = (a.ravel() for a in np.meshgrid(axis, sizes))
    y, error, count, out = (a.ravel() for a in (found.value, found.error, found.count, found.out))
    spread = found.spread.reshape(len(found.spread), -1)
    good = np.isfinite(y) & np.isfinite(error) & (error > 0) & ~out
    samples = int(count[good].min()) if good.any() else 0
    wide = np.sqrt((samples - 1) / (samples - 3)) if samples > 3 else 1.0
    base: dict[str, float] = {"_missing": float((~good & ~out).sum())}
    blank = [dict(base) for _ in FITS]
    start, best, used = None, None, good
    for _ in range(10 if within else 1):
        row = base | {"_flag": _enough(length[used], law)}
        if row["_flag"]:
            return [row, *({"_flag": row["_flag"]} | b for b in blank[1:])], {}
        # where the search begins: the last fit, or the whole range
        start = searched(law, t[used], length[used], y[used], error[used] * wide) if best is None else best
        best, ok = refined(law, start, t[used], length[used], y[used][None], error[used] * wide)
        if not ok[0]:
            return [base | {"_flag": FLAGS["fit_failed"]} for _ in FITS], {}
        if within is None:
            break
        near = abs(t - best[0, 0]) * (length / sizes.min()) ** best[0, 1] <= within
        if (good & near == used).all():
            break
        used = good & near
    assert best is not None
    x = law.variable(best[0], t, length)
    inner = used & (abs(x) <= abs(x[used]).max() / 2)
    rows, fits = [], []
    for part in (used, used & (length > length[used].min()), inner):
        row, values, many = _fit(law, best, t, length, y, error, spread, part, samples, wide, axis)
        rows.append(base | row)
        fits.append((values, many))
        for key in parts:
            if values is None:
                continue
            value, all_ = _value(key, values[0]), _value(key, many)
            rows[-1] |= {f"_{key}{end}": v for end, v in quantities.ends(float(value), all_, samples).items()}
            whole, every = fits[0]
            if whole is not None:
                shift = all_ - _value(key, every)
                rows[-1] |= {f"_{key}_shift": float(value - _value(key, whole[0]))}
                factor = np.sqrt(samples / (samples - 1)) if samples > 1 else np.nan
                rows[-1] |= {f"_{key}_shift_error": float(shift.std() * factor)}
    if fits[0][0] is None:
        return rows, {}
    best = fits[0][0]
    factor = length ** (law.sign * best[0, 2] * best[0, 1])
    fit, x = law.model(best, t, length)[0], law.variable(best[0], t, length)
    function = law.function(best[0], x)
    points = {"_x": x, "_y": (y - fit) / factor + function, "_y_error": error / factor, "_function": function}
    points |= {"_residual": (y - fit) / error}
    return rows, {k: np.where(used, v, np.nan).reshape(found.value.shape) for k, v in points.items()}


def _enough(length: np.ndarray, law: Law) -> int:
    if np.unique(length).size < 2:
        return FLAGS["too_few_sizes"]
    return FLAGS["too_few_points"] if length.size <= law.free.sum() else FLAGS["found"]


def _fit(
    law: Law,
    start: np.ndarray,
    t: np.ndarray,
    length: np.ndarray,
    y: np.ndarray,
    error: np.ndarray,
    spread: np.ndarray,
    part: np.ndarray,
    samples: int,
    wide: float,
    axis: np.ndarray,
) -> tuple[dict[str, float], np.ndarray | None, np.ndarray]:
    """Counts of the fit of the points `part`, its numbers (1, P), those of its resamples (resample, P)."""
    row: dict[str, float] = {"_flag": _enough(length[part], law), "_points": float(part.sum())}
    row |= {"_sizes": float(np.unique(length[part]).size)}
    if row["_flag"]:
        return row, None, start
    t, length, y, error, spread = t[part], length[part], y[part], error[part] * wide, spread[:, part]
    best, ok = refined(law, start, t, length, y[None], error)
    if not ok[0] or best[0, 1] <= 0:
        return row | {"_flag": FLAGS["fit_failed"]}, None, start
    row |= {"_chi2": float(law.chi2(best, t, length, y[None], error)[0]), "_freedom": float(y.size - law.free.sum())}
    many, fine = refined(law, best, t, length, spread, error)
    many[~fine] = best[0]
    if samples >= 2 and np.mean(~fine) > FAILED:
        return row | {"_flag": FLAGS["fit_failed"]}, None, start
    if samples > 3:
        # deviations as large as means of so few samples have them, with errors of their own (Student)
        null = law.model(best, t, length) + (spread - y) * np.sqrt(samples / (samples - 3))
        fitted, fine = refined(law, best, t, length, null, error)
        chance = law.chi2(fitted, t, length, null, error)[fine]
        row |= {"_p": float((1 + np.sum(chance >= row["_chi2"])) / (1 + chance.size))}
    if not axis.min() <= best[0, 0] <= axis.max():
        row |= {"_flag": FLAGS["at_the_edge"]}
    return row, best, many


def _value(part: str, numbers: np.ndarray) -> Any:
    """Critical value, ν, or the exponent β or γ, of the numbers of a law (..., P)."""
    return numbers[..., 0] if part == "critical" else 1 / numbers[..., 1] if part == "nu" else numbers[..., 2]
