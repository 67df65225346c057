"""Isinglass's runs and catalogs as an engine of xarray, registered by entry point: `engine="isinglass"`.

Imported by xarray in processes that know nothing of Isinglass, so it imports little: no numba, no zarr.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray, BackendEntrypoint
from xarray.core import indexing

from isinglass.datasets import Target
from isinglass.exceptions import InputError
from isinglass.opening import SCHEME, discreet, locate, shown

FORMAT = 1  # of a store; newer ones are refused (`ledger.FORMAT` writes it)
PLAIN = ("status", "elapsed")


def open_run(run: str | Path, *, masked: bool = True, storage_options: Mapping[str, Any] | None = None) -> xr.Dataset:
    """A run's dataset, read lazily: by run folder, by its name under `results/`, by catalog name, or by URL.

    The generation that is current now stays pinned. Values of simulations that are not done read as NaN, and so whole
    numbers come as floats, as `ds[v].where(ds.status == 1)` would make them; `masked=False` gives what is stored, in
    its own dtype. Packed bytes (own dims `*_byte`), `status` and `elapsed` are always as stored. `storage_options` are
    those of fsspec, for a URL. Raises InputError, naming what is near, where there is none.
    """
    return xr.open_dataset(os.fspath(run), engine=Backend, masked=masked, storage_options=storage_options)


class Backend(BackendEntrypoint):
    """`xr.open_dataset("isinglass:NAME")`, `xr.open_dataset(NAME_FOLDER_OR_URL, engine="isinglass")`."""

    description = "Runs and catalogs of Isinglass, masked by status"
    open_dataset_parameters = ("filename_or_obj", "drop_variables", "masked", "storage_options")

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """`isinglass:...` and run folders; nothing else, so that no other engine loses a file."""
        if not isinstance(filename_or_obj, (str, os.PathLike)):
            return False
        text = os.fspath(filename_or_obj)
        if not isinstance(text, str):
            return False
        try:
            return text.startswith(SCHEME) or (Path(text) / ".store").is_dir()
        except OSError:  # too long for a path, such as a URL of another engine
            return False

    def open_dataset(  # type: ignore[override]  # keywords of its own, which xarray passes on
        self,
        filename_or_obj: str | os.PathLike[str],
        *,
        drop_variables: str | Iterable[str] | None = None,
        masked: bool = True,
        storage_options: Mapping[str, Any] | None = None,
    ) -> xr.Dataset:
        """Raises InputError where nothing of that name can be opened."""
        target = locate(filename_or_obj)
        ds = open_target(target, {**target.options, **(storage_options or {})}, drop_variables)
        return mask(ds) if masked else ds


def open_target(
    target: Target, options: Mapping[str, Any] | None = None, drop_variables: str | Iterable[str] | None = None
) -> xr.Dataset:
    """The group at a path or URL as it is stored, read lazily and without Dask. Raises InputError."""
    options = {**target.options, **(options or {})}
    if not target.remote:
        ds = _group(target.path, None, drop_variables)
    elif target.path.rstrip("/").endswith(".zarr"):
        ds = _group(target.path, options, drop_variables)
    else:  # what `isinglass publish` wrote, or a group of another name
        try:
            ds = _group(f"{target.path.rstrip('/')}/data.zarr", options, drop_variables)
        except InputError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
            ds = _group(target.path, options, drop_variables)
    number = ds.attrs.get("isinglass_store_format", FORMAT)
    if isinstance(number, int) and number > FORMAT:
        raise InputError(
            f"{shown(target.path)} has store format {number}, this Isinglass reads up to {FORMAT}: install a newer one"
        )
    return ds


def _group(path: str, options: Mapping[str, Any] | None, drop_variables: str | Iterable[str] | None) -> xr.Dataset:
    try:
        # only version 3 of the format: version 2 knows a codec that unpickles
        ds: xr.Dataset = xr.open_zarr(
            path, chunks=None, storage_options=dict(options) if options else None, zarr_format=3,
            drop_variables=drop_variables,
        )  # fmt: skip
        return ds
    except MemoryError:
        raise
    except ImportError as error:
        words = discreet(str(error), path, options)
        raise InputError(f"{shown(path)}: {words}; pip install 'isinglass[remote]' reads s3:// and http://") from error
    except FileNotFoundError as error:
        raise InputError(f"{shown(path)}: there is no zarr group (version 3)") from error
    except Exception as error:  # each library of a file system raises its own
        words = discreet(f"{type(error).__name__}: {error}", path, options)
        verify = "" if options is not None else "; of a run folder isinglass verify names what is damaged"
        raise InputError(f"{shown(path)} cannot be read ({words}){verify}") from error


# ---------------------------------------------------------------- masked by status


def mask(ds: xr.Dataset) -> xr.Dataset:
    """Every observable NaN where its simulation is not done, lazily. A dataset without `status` stays as it is."""
    status = ds.variables.get("status")
    meanings = str(status.attrs.get("flag_meanings", "")).split() if status is not None else []
    if status is None or "done" not in meanings:
        return ds
    done = int(np.atleast_1d(status.attrs["flag_values"])[meanings.index("done")])
    variables = {}
    for name in ds.data_vars:
        v = ds.variables[name]
        packed = any(str(dim).endswith("_byte") for dim in v.dims)
        if name in PLAIN or packed or v.dtype.kind not in "iufc" or not set(status.dims) <= set(v.dims):
            continue
        lazy = indexing.LazilyIndexedArray(Masked(v, status, done))
        encoding = {k: x for k, x in v.encoding.items() if k in ("chunks", "preferred_chunks", "compressors")}
        variables[name] = xr.Variable(v.dims, lazy, v.attrs, encoding)
    return ds.assign(variables)


class Masked(BackendArray):
    """A variable as it reads: NaN where the status is not `done`. Only what is asked for is read, status first."""

    def __init__(self, values: xr.Variable, status: xr.Variable, done: int) -> None:
        self.values, self.status, self.done = values, status, done
        self.shape = values.shape
        self.dtype = masked_dtype(values.dtype)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        at = dict(zip(self.values.dims, key, strict=True))
        # what the status calls done has its numbers, when these are read after it
        status = self.status.isel({dim: at[dim] for dim in self.status.dims}).load()
        values = self.values.isel(at).load()
        masked: np.ndarray = values.where(status == self.done).transpose(*values.dims).values
        return masked.astype(self.dtype, copy=False)


def masked_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype with room for NaN that xarray's `where` promotes to."""
    if dtype.kind not in "iu":
        return dtype
    return np.dtype("float32" if dtype.itemsize <= 2 else "float64")
