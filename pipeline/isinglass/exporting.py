"""A run written in formats that other programs read: NetCDF, CSV, Parquet.

By temp + rename, piece by piece: memory does not grow with the run. What each format holds: `docs/how-to/share.md`.
"""

from __future__ import annotations

import contextlib
import csv
import importlib.util
import json
import math
import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.dataset import open_zarr
from isinglass.exceptions import InputError, known
from isinglass.generations import require
from isinglass.planning import DONE
from isinglass.results import reading

if TYPE_CHECKING:
    import xarray as xr

SUFFIXES = (".nc", ".csv", ".parquet")
WORDS = ("pending", "done", "failed", "skipped")
ROWS = 200_000
"""Rows of a table that are held in memory at a time."""
LARGE = 2**26
"""Bytes above which a variable goes into NetCDF chunk by chunk."""
LABELS = ("sample", "replica")


def export(root: Path, file: Path, observable: str | None = None, replace: bool = False) -> list[str]:
    """Write a run to `file`, as its suffix says; lines that say what was written.

    `.nc`: every variable, and what the stages made as group `analysis`. `.csv`, `.parquet`: a row for each simulation,
    or with `observable` a row for each of its elements. Raises InputError for another suffix, a file that is there
    (unless `replace`), an observable with dims of its own in a table of all, and what cannot be written.
    """
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"{file}: the suffix says the format, and must be one of {', '.join(SUFFIXES)}")
    if file.is_dir() or not file.parent.is_dir():
        what = "is a folder" if file.is_dir() else f"cannot be written: there is no folder {file.parent}"
        raise InputError(f"{file} {what}")
    if file.exists() and not replace:
        raise InputError(f"{file} is there already: say --yes to replace it, or take another name")
    if observable is not None and suffix == ".nc":
        raise InputError("--observable is for tables (.csv, .parquet): a NetCDF file holds all")
    for package in {".nc": ("h5netcdf",), ".parquet": ("pyarrow",), ".csv": ()}[suffix]:
        if importlib.util.find_spec(package) is None:
            raise InputError(f"{suffix} needs {package}: pip install 'isinglass[export]'")
    ds = open_zarr(require(root).path)
    with _replacing(file) as private, reading(root):
        if suffix == ".nc":
            said = _netcdf(ds, root / "analysis.zarr", private)
        else:
            said = _table(ds, observable, private, suffix)
    return [f"export        {file} ({file.stat().st_size / 1e6:.3g} MB)", *said]


def export_dataset(ds: xr.Dataset, file: Path) -> None:
    """Write a dataset of results as NetCDF, over what is there. Raises InputError where it cannot be written."""
    if importlib.util.find_spec("h5netcdf") is None:
        raise InputError(".nc needs h5netcdf: pip install 'isinglass[export]'")
    with _replacing(file) as private:
        _room(private, ds.nbytes + 2**20)
        _for_netcdf(ds).to_netcdf(private, engine="h5netcdf", mode="w")


@contextlib.contextmanager
def _replacing(file: Path) -> Iterator[Path]:
    """A private file that takes the place of `file` when all went well. Raises InputError for a full disk and such."""
    private = file.with_name(f".{file.name}.{uuid.uuid4().hex[:8]}")
    try:
        yield private
        private.replace(file)
    except OSError as error:
        number = error.errno or next((n for n in (28, 27, 122, 13, 30) if f"errno = {n}," in str(error)), None)
        words = os.strerror(number) if number else " ".join(str(error).split())
        raise InputError(f"{file} cannot be written ({words}): nothing is left behind; take another place") from error
    finally:
        private.unlink(missing_ok=True)


# ---------------------------------------------------------------- NetCDF


def _room(file: Path, size: int) -> None:
    """Raises OSError where so many bytes cannot be written: HDF5 takes the process with it when a disk is full."""
    if hasattr(os, "posix_fallocate"):
        with file.open("wb") as reserved:
            os.posix_fallocate(reserved.fileno(), 0, size)
        file.unlink()


def _netcdf(ds: xr.Dataset, analysis: Path, file: Path) -> list[str]:
    made = open_zarr(analysis) if analysis.exists() else None
    _room(file, ds.nbytes + (made.nbytes if made is not None else 0) + 2**20)
    _for_netcdf(ds).to_netcdf(file, engine="h5netcdf", mode="w")
    said = [f"holds         {len(ds.data_vars)} variables: xr.open_dataset(FILE)"]
    if made is not None:
        _for_netcdf(made).to_netcdf(file, engine="h5netcdf", mode="a", group="analysis")
        said.append(f'analysis      {len(made.data_vars)} variables: xr.open_dataset(FILE, group="analysis")')
    split = [str(n) for n, v in ds.data_vars.items() if v.dtype.kind == "c"]
    if split:
        said.append(f"split         NetCDF has no complex numbers: {', '.join(split)} as NAME_real and NAME_imag")
    return said


def _for_netcdf(ds: xr.Dataset) -> xr.Dataset:
    """The same with what NetCDF can hold: text as objects, complex numbers in two, attributes of one plain type."""
    out = ds
    for name, v in ds.variables.items():
        if v.dtype.kind == "T":
            plain = v.copy(data=np.asarray(v.values, object))
            out = out.assign_coords({name: plain}) if name in ds.coords else out.assign({name: plain})
        elif v.nbytes > LARGE and name not in ds.dims:
            out[name] = out[name].chunk("auto")
    for name in [str(n) for n, v in out.variables.items() if v.dtype.kind == "c"]:
        whole = out[name]
        out = out.drop_vars(name)
        for word, part in (("real", whole.real), ("imag", whole.imag)):
            part.attrs = {**whole.attrs, "long_name": f"{word} part of {whole.attrs.get('long_name', name)}"}
            part.encoding = {}
            out[f"{name}_{word}"] = part
    out = out.copy()
    for name, v in out.variables.items():
        fill = v.encoding.get("fill_value")
        v.encoding = {"_FillValue": np.array(math.nan, v.dtype)[()] if v.dtype.kind == "f" else None}
        if v.dtype.kind not in "fc":
            v.encoding = {"_FillValue": None}  # integers stay integers; `status` says which count
            if v.dtype.kind == "i" and "status" in ds and v.ndim >= ds["status"].ndim and name != "status":
                v.attrs["comment"] = f"{fill} where there is no value: see status"
        if name in out.data_vars and v.ndim and v.dtype.kind in "fic":
            v.encoding |= {"zlib": True, "complevel": 1}
        v.attrs = _attributes(v.attrs, v.dtype)
    out.attrs = _attributes(ds.attrs, np.dtype(np.int64))
    return out


def _attributes(attrs: Mapping[Any, Any], dtype: np.dtype[Any]) -> dict[str, Any]:
    """Attributes that NetCDF takes: text, numbers, arrays; all else as JSON. Flags have the variable's type."""
    out: dict[str, Any] = {}
    for name, value in attrs.items():
        if name == "flag_values":
            out[str(name)] = np.array(value, dtype)
        elif isinstance(value, (bool, np.bool_)):
            out[str(name)] = np.int8(value)
        elif isinstance(value, (str, int, float, np.number, np.ndarray)):
            out[str(name)] = value
        elif isinstance(value, (list, tuple)) and value and all(type(v) in (int, float) for v in value):
            out[str(name)] = np.array(value)
        else:
            out[str(name)] = json.dumps(value, ensure_ascii=False)
    return out


# ---------------------------------------------------------------- tables


def _table(ds: xr.Dataset, observable: str | None, file: Path, suffix: str) -> list[str]:
    dims = [str(d) for d in ds["status"].dims]
    wide = {str(n): [str(d) for d in v.dims if d not in dims] for n, v in ds.data_vars.items() if set(dims) < {*v.dims}}
    if observable is None and wide:
        names = ", ".join(sorted(wide))
        raise InputError(
            f"a table has one row for each simulation, and {names} {'has' if len(wide) == 1 else 'have'} dims besides "
            f"({', '.join(sorted({d for own in wide.values() for d in own}))}): take --observable {min(wide)}, or a "
            "file.nc, which holds all"
        )
    if observable is not None and (observable not in ds.data_vars or observable in ("status", "elapsed")):
        options = [str(n) for n in ds.data_vars if n not in ("status", "elapsed")]
        raise InputError(f"the run has no observable {observable!r}; {known(observable, options)}")
    own = wide.get(observable or "", [])
    values = [observable] if observable is not None else [str(n) for n in ds.data_vars if n != "status"]
    given = {*dims, *own}
    labels = [str(n) for n, c in ds.coords.items() if {*map(str, c.dims)} <= given and n not in (*LABELS, *own)]
    labels = [n for n in labels if not (n.endswith("_length") and n.removesuffix("_length") not in own)]
    axes = [n for n in dims if n in labels]
    labels = [*axes, *(n for n in labels if n not in axes), *LABELS, *own]
    write = {".csv": _csv, ".parquet": _parquet}[suffix]
    rows = write(ds, file, _rows(ds, labels, values, [*dims, *own]))
    return [
        f"holds         {rows} rows, {'an element' if own else 'a simulation'} each; units and provenance with them"
    ]


Columns = dict[str, tuple[np.ndarray, np.ndarray | None, Mapping[Any, Any]]]
"""Columns of a table by name: values, which of them are missing (None: none is), attributes."""


def _rows(ds: xr.Dataset, labels: list[str], values: list[str], dims: list[str]) -> Iterator[Columns]:
    """Columns, at most about ROWS rows at a time."""
    for part in slabs(ds[[*values, "status"]], dims, ROWS):
        shape = tuple(part.sizes[d] for d in dims)
        status = _spread(part["status"], dims, shape)
        keep = np.ones(shape, bool)
        for dim in dims:
            if f"{dim}_length" in part.coords:
                place = np.arange(part.sizes[dim]).reshape([-1 if d == dim else 1 for d in dims])
                keep &= place < _spread(part[f"{dim}_length"], dims, shape)
        out: Columns = {n: (_spread(part[n], dims, shape)[keep], None, part[n].attrs) for n in labels}
        out["status"] = (np.array(WORDS, object)[status[keep]], None, {"long_name": part["status"].attrs["long_name"]})
        lacking = (status != DONE)[keep]
        for name in values:
            column, attrs = _spread(part[name], dims, shape)[keep], part[name].attrs
            if column.dtype.kind == "c":
                out |= {f"{name}_real": (column.real, lacking, attrs), f"{name}_imag": (column.imag, lacking, attrs)}
            else:
                out[name] = (column, lacking, attrs)
        yield out


def slabs(ds: xr.Dataset, dims: list[str], elements: int) -> Iterator[xr.Dataset]:
    """A lazy dataset in pieces of at most so many elements over `dims`, in their order; at least one along each."""
    total = math.prod(ds.sizes[d] for d in dims)
    dim = next((d for d in dims if ds.sizes[d] > 1), None)
    if total <= elements or dim is None:
        yield ds.load()
        return
    step = max(1, elements * ds.sizes[dim] // total)
    for start in range(0, ds.sizes[dim], step):
        yield from slabs(ds.isel({dim: slice(start, start + step)}), dims, elements)


def _spread(da: xr.DataArray, dims: list[str], shape: tuple[int, ...]) -> np.ndarray:
    """Values over all of `dims`, in their order."""
    inner = [d for d in dims if d in da.dims]
    values = da.transpose(*inner).values
    values = values.astype(object) if values.dtype.kind in "TU" else values
    return np.broadcast_to(values.reshape([da.sizes[d] if d in inner else 1 for d in dims]), shape)


def _csv(ds: xr.Dataset, file: Path, rows: Iterator[Columns]) -> int:
    """Comment lines (`# name = value`, then `# column [unit] what it is`), a line of names, the rows."""
    import pandas  # type: ignore[import-untyped]

    written = 0
    with file.open("w", encoding="utf-8", newline="") as out:
        for columns in rows:
            if not written:
                lines = [
                    f"{k} = {v if isinstance(v, str) else json.dumps(v, ensure_ascii=False)}" for k, v in _root(ds)
                ]
                lines += [f"{n} [{a.get('units', '1')}] {a.get('long_name', '')}" for n, (_, _, a) in columns.items()]
                out.writelines(f"# {' '.join(line.split())}\n" for line in lines)
            frame = pandas.DataFrame({n: _nullable(values, lacking) for n, (values, lacking, _) in columns.items()})
            frame.to_csv(out, index=False, header=not written, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
            written += len(frame)
    return written


def _nullable(values: np.ndarray, lacking: np.ndarray | None) -> Any:
    import pandas

    if lacking is None or values.dtype.kind == "f":
        return values  # of floats, what is not done is NaN already
    return pandas.arrays.IntegerArray(values, lacking)


def _parquet(ds: xr.Dataset, file: Path, rows: Iterator[Columns]) -> int:
    """Units, long names and roles as metadata of the columns; the run's root attributes as metadata of the file."""
    import pyarrow  # type: ignore[import-untyped]
    from pyarrow import parquet

    written, writer = 0, None
    try:
        for columns in rows:
            arrays = {n: pyarrow.array(values, mask=lacking) for n, (values, lacking, _) in columns.items()}
            if writer is None:
                fields = [
                    pyarrow.field(n, arrays[n].type, metadata={str(k): _said(v) for k, v in a.items()})
                    for n, (_, _, a) in columns.items()
                ]
                schema = pyarrow.schema(fields, metadata={k: _said(v) for k, v in _root(ds)})
                writer = parquet.ParquetWriter(file, schema, compression="zstd")
            table = pyarrow.Table.from_arrays(list(arrays.values()), schema=schema)
            writer.write_table(table)
            written += table.num_rows
    finally:
        if writer is not None:
            writer.close()
    return written


def _root(ds: xr.Dataset) -> list[tuple[str, Any]]:
    return [(str(name), value) for name, value in ds.attrs.items()]


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
