"""Memory: what a readout knows of the message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isinglass.analysis import errors
from isinglass.exceptions import InputError, known

if TYPE_CHECKING:
    import xarray as xr

OBSERVABLES = ("memory", "recall_overlap", "recall_gain")
RECALLED = 0.9
"""A run has recalled its pattern where its overlap ends above this."""


def mean(ds: xr.Dataset) -> xr.Dataset:
    """The stage for memory: `<name>_mean`, `_error`, `_samples` of `memory`, `recall_overlap` and `recall_gain`.

    Dims (axes...); units of the observable; those that the model lacks are left out. `memory` is the mean of each
    run's mutual information (never that of a mean), and keeps its `task`: recall, retention and fading are different
    quantities. Raises InputError if the dataset has no `memory`.
    """
    if "memory" not in ds:
        names = [str(v) for v in ds.data_vars if v not in ("status", "elapsed")]
        raise InputError(
            f"memory.mean needs the observable 'memory' (a model that carries a message); "
            f"use errors.mean(...) for another observable; {known('memory', names)}"
        )
    return errors.mean(*(n for n in OBSERVABLES if n in ds))(ds)


def recalled(ds: xr.Dataset) -> xr.Dataset:
    """The stage for the share of runs that recall: `recalled`, 1 where `final_overlap` is above RECALLED, else 0.

    Per simulation (axes..., sample, replica), NaN where none is done, so that later stages can take it for an
    observable; and `recalled_mean`, `_error`, `_samples`. The error is 0 where all runs agree. Raises InputError if the
    dataset has no `final_overlap`.
    """
    above = (errors.observable(ds, "final_overlap") > RECALLED).astype(float).where(ds["status"] == errors.DONE)
    above.attrs = {"units": "1", "long_name": f"runs that end at an overlap above {RECALLED:g}"}
    means = errors.mean_and_error(errors.sample_means(above, ds["status"]))
    return above.to_dataset(name="recalled").assign(errors.described("recalled", above.attrs, *means))
