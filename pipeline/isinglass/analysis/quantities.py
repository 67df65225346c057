"""Quantities made of means over samples (a Binder cumulant, a susceptibility), as curves with their resamples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.analysis import errors, phases

if TYPE_CHECKING:
    import xarray as xr


BYTES = 2**28
"""Of resampled curves held at once."""


@dataclass(frozen=True)
class Quantity:
    """`function` of the means of the observables `of`, element by element, as in `errors.estimate`.

    `Quantity("binder", lambda m2, m4: 1 - m4 / (3 * m2**2), of=("magnetisation_2", "magnetisation_4"))`: declared once,
    then averaged (`.mean` is the stage) and looked at where it peaks, crosses or collapses. Arguments of `function`
    carry the coordinates of the axes: `r * r.oscillators**0.2`. `denominator`: what a capacity is counted per.
    """

    name: str
    function: Callable[..., Any]
    of: tuple[str, ...]
    units: str = "1"
    long_name: str = ""
    denominator: str = ""

    @property
    def mean(self) -> errors.Stage:
        """The stage that returns `<name>_mean`, `_error`, `_samples`: `errors.estimate`."""
        return errors.estimate(self.name, self.function, self.of, self.units, self.long_name, self.denominator)


@dataclass(frozen=True)
class Curves:
    """A quantity over some axes: `value`, its standard `error`, `count` of samples, and `spread` (resample, axes...).

    `spread` are its values in bootstrap resamples of the samples, centred like `value`. `out` is true where the
    workflow skipped the point, which is then no part of a curve.
    """

    value: Any
    error: Any
    spread: Any
    count: Any
    out: Any


def named(quantity: str | Quantity) -> str:
    """What a stage calls it: the name of an observable (its mean is meant), or of a Quantity."""
    return quantity if isinstance(quantity, str) else quantity.name


def checked(ds: xr.Dataset, quantity: str | Quantity, along: str, title: str) -> tuple[str, str]:
    """Units of the quantity and its name in words. Raises InputError for unknown observables and a wrong axis."""
    of = (quantity,) if isinstance(quantity, str) else quantity.of
    for name in of:
        phases.check_axis(ds, errors.observable(ds, name), along, title)
    if isinstance(quantity, str):
        attrs = ds[quantity].attrs
        return str(attrs.get("units", "1")), f"mean {attrs.get('long_name') or quantity}"
    return quantity.units, quantity.long_name or quantity.name


def curves(ds: xr.Dataset, quantity: str | Quantity, resamples: int = errors.RESAMPLES) -> Curves:
    """The quantity at every point of `ds`, dims (axes..., own...).

    The value is the jackknife's, free of the bias of order 1/samples, and resamples are moved by twice that bias: a
    resample has it once more than the data. Where a resample drew no sample of a point, it holds the value. Needs 8
    bytes x resamples x points: select before.
    """
    seed = int(ds.attrs.get("seed", 0))
    of = (quantity,) if isinstance(quantity, str) else quantity.of
    samples = [errors.sample_means(errors.observable(ds, name), ds["status"]) for name in of]
    out = (ds["status"] == phases.SKIPPED).all(("sample", "replica"))
    if isinstance(quantity, str):
        value, error, count = errors.mean_and_error(samples[0])
        spread = errors.resampled_means(samples[0], seed, resamples)
        return Curves(value, error, spread.where(spread.notnull(), value), count, out)
    valid = samples[0].notnull()
    for one in samples[1:]:
        valid = valid & one.notnull()
    samples = [one.where(valid) for one in samples]
    value, error, count = errors.jackknife(quantity.function, *samples)
    plain = quantity.function(*(one.mean("sample", skipna=True) for one in samples))
    spread = quantity.function(*(errors.resampled_means(one, seed, resamples) for one in samples)) - 2 * (plain - value)
    dims = [d for d in samples[0].dims if d != "sample"]
    spread = spread.where(spread.notnull(), value).transpose("resample", *dims)
    return Curves(value.transpose(*dims), error.transpose(*dims), spread, count.transpose(*dims), out)


def each(
    ds: xr.Dataset, asked: Sequence[str | Quantity], shown: tuple[str, ...], resamples: int = errors.RESAMPLES
) -> tuple[xr.DataArray, Iterator[tuple[tuple[int, ...], list[Curves]]]]:
    """Quantities as numpy arrays over the axes `shown`, for each combination of the other axes and own dims.

    Returns an array of these others (its values mean nothing), and an iterator over (index in it, a Curves for each of
    `asked`). As much is held at once as BYTES say.
    """
    part = ds[[*observables(*asked), "status"]]
    rest = [str(d) for d in part.dims if d not in (*shown, "sample", "replica")]
    first = part.isel(dict.fromkeys((*shown, "sample", "replica"), 0), drop=True)
    template = first["status"].broadcast_like(first)
    for name in observables(*asked):
        template = template.broadcast_like(first[name])
    template = template.transpose(*rest).astype(float).drop_attrs(deep=False)  # not the flags of `status`

    def run() -> Iterator[tuple[tuple[int, ...], list[Curves]]]:
        longest = max(rest, key=lambda d: part.sizes[d], default=None)
        points = int(np.prod([part.sizes[d] for d in (*rest, *shown)]))
        blocks = -(-8 * resamples * points * len(asked) // BYTES)
        for block in np.array_split(np.arange(part.sizes[longest]), blocks) if longest else [np.arange(1)]:
            if not block.size:
                continue
            here = part.isel({longest: block}) if longest else part
            like = template.isel({longest: block}) if longest else template
            found = [_arrays(curves(here, quantity, resamples), like, shown) for quantity in asked]
            for index in np.ndindex(*like.shape):
                at = [
                    Curves(c.value[index], c.error[index], c.spread[index], c.count[index], c.out[index]) for c in found
                ]
                yield tuple(int(block[i]) if d == longest else i for i, d in zip(index, rest, strict=True)), at

    return template, run()


def _arrays(found: Curves, like: xr.DataArray, shown: tuple[str, ...]) -> Curves:
    """As numpy arrays, dims (those of `like`..., shown...), of the spread (those of `like`..., resample, shown...)."""

    def array(da: xr.DataArray, *before: str) -> np.ndarray:
        dims = [str(d) for d in like.dims]
        missing = {d: like.sizes[d] for d in dims if d not in da.dims}
        return np.asarray(da.expand_dims(missing).transpose(*dims, *before, *shown).values)

    return Curves(array(found.value), array(found.error), array(found.spread, "resample"), array(found.count),
                  array(found.out))  # fmt: skip


def observables(*quantities: str | Quantity) -> tuple[str, ...]:
    """The observables that quantities are made of, each once."""
    return tuple(dict.fromkeys(n for q in quantities for n in ((q,) if isinstance(q, str) else q.of)))


def ends(value: float, spread: np.ndarray, count: int) -> dict[str, float]:
    """A value for each suffix of `phases.ENDS`: itself, standard error, 95 % interval; from its resamples (resample,).

    Resamples at ±inf, where what is sought lies beyond the grid, count there: the interval may end there. NaN below two
    samples.
    """
    row = {**dict.fromkeys(phases.ENDS, np.nan), "": float(value)}
    if count < 2 or np.isnan(value) or np.isnan(spread).any():
        return row
    low, high = errors.interval(spread, count)
    near, far = errors.interval(spread, count, phases.ONE_SIGMA, student=False)
    error = (far - near) / 2 if np.isfinite([near, far]).any() else np.inf
    return row | {"_error": error, "_low": low, "_high": high}


def flagged(flags: dict[str, int], what: str) -> dict[str, Any]:
    """Attributes of a flag variable, as CF has them."""
    values = np.array(list(flags.values()), np.int8)
    return {"units": "1", "long_name": f"state of {what}", "flag_values": values, "flag_meanings": " ".join(flags)}
