"""Memory: what a readout knows of the message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isinglass.analysis import errors
from isinglass.exceptions import InputError, known

if TYPE_CHECKING:
    import xarray as xr

OBSERVABLES = ("memory", "recall_overlap", "recall_gain")


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
