"""Coherence: how alike two trajectories are that carry the same message, against two that carry different ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isinglass.analysis import errors
from isinglass.exceptions import InputError, known

if TYPE_CHECKING:
    import xarray as xr


def mean(ds: xr.Dataset) -> xr.Dataset:
    """The stage for the coherences of a model that carries a message; all dims (axes...), units of the observable.

    `coherence_mean`, `blind_coherence_mean` and their difference `message_coherence_mean`, the order that carries the
    message, each with `_error` and `_samples`. The difference is taken simulation by simulation, so that what a
    sample's coherences share cancels in its error. It is NaN where there is no second message (`blind_coherence` NaN).
    Raises InputError if the dataset has no `coherence`.
    """
    if "coherence" not in ds:
        names = [str(v) for v in ds.data_vars if v not in ("status", "elapsed")]
        raise InputError(
            f"coherence.mean needs the observable 'coherence' (a model that carries a message, with copies=3); "
            f"use errors.mean(...) for another observable; {known('coherence', names)}"
        )
    names = [n for n in ("coherence", "blind_coherence") if n in ds]
    out = errors.mean(*names)(ds)
    if len(names) == 2:
        difference = ds["coherence"] - ds["blind_coherence"]
        attrs = {
            "units": ds["coherence"].attrs.get("units", "1"),
            "long_name": "coherence that carries the message (coherence - blind coherence)",
        }
        parts = errors.mean_and_error(errors.sample_means(difference, ds["status"]))
        out = out.assign(errors.described("message_coherence", attrs, *parts))
    return out
