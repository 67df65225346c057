"""The store: a plain Zarr v3 group, declared in full before anything runs, then filled whole chunks at a time.

The only importer of zarr. `docs/store-format.md` describes what lies on disk.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from zarr.codecs import ZstdCodec
from zarr.storage import LocalStore

from isinglass.arrays import Array
from isinglass.exceptions import InputError, known, told
from isinglass.ledger import FORMAT, DamagedError, Json, plain
from isinglass.models.base import Model, fill_value, parameters
from isinglass.planning import STATUS_MEANINGS, Blocks
from isinglass.sweep import POINT, Grid, describe, varying_dims
from isinglass.travel import labels_of, later, names_along, revived

if TYPE_CHECKING:
    import xarray as xr

STRING = np.dtypes.StringDType()


# ---------------------------------------------------------------- own dimensions of observables


@dataclass(frozen=True)
class OwnDim:
    """A dimension of a model's own: one chunk spans it whole.

    `values` where all points agree (or differ in length only: the longest); else 0..n-1, with `point_values` over
    (points..., dim). `lengths` over (points...) where points differ in length, 0 where no point was kept.
    """

    name: str
    values: np.ndarray
    attributes: dict[str, str]
    lengths: np.ndarray | None = None
    point_values: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values)


def own_dims(grid: Grid, keep: np.ndarray) -> dict[str, OwnDim]:
    """The own dims of a model over a grid. Points outside `keep` count where they can be constructed.

    Raises InputError where an observable's dim has no coordinate.
    """
    found = grid.coords
    for row, error in found.errors.items():
        if keep.ravel()[row]:
            at = describe(grid, np.unravel_index(row, grid.shape))
            raise InputError(f"{grid.model.__name__}.coords() at {at} raises {told(error)}") from error
    for name in (d for o in grid.model.observables for d in o.dims):
        if name not in found.values:
            raise InputError(f"{grid.model.__name__}.coords() lacks the dim {name!r}; {known(name, found.values)}")
    return {
        name: _own_dim(name, values, found.which[name].reshape(grid.shape), found.attributes[name])
        for name, values in found.values.items()
    }


def _own_dim(name: str, values: list[np.ndarray], which: np.ndarray, attributes: dict[str, str]) -> OwnDim:
    """`values`: the distinct coordinates; `which`: whose is whose, -1 where a point has none."""
    longest = max(values, key=len)
    lengths = np.array([*map(len, values), 0])[which]
    differ = (lengths != len(longest)).any()
    if all(np.array_equal(v, longest[: len(v)]) for v in values):
        return OwnDim(name, longest, attributes, lengths if differ else None)
    if any(v.dtype.kind not in "biuf" for v in values):
        raise InputError(f"the words along {name!r} differ from point to point: only numbers may")
    padded = np.full((len(values) + 1, len(longest)), fill_value("float64"))
    for i, v in enumerate(values):
        padded[i, : len(v)] = v
    return OwnDim(name, np.arange(len(longest)), attributes, lengths if differ else None, padded[which])


def simulation_bytes(model: type[Model], own: Mapping[str, OwnDim]) -> tuple[int, int]:
    """Bytes of one simulation: of all variables together, and of the largest."""
    each = [
        np.dtype(o.dtype).itemsize * math.prod(len(own[d]) for d in o.dims) for o in model.observables
    ]  # fmt: skip
    return sum(each) + 5, max([*each, 4])


# ---------------------------------------------------------------- declaring


def chunk_keys(number: int) -> Any:
    """How chunk files of a generation are named: c/0/1, c.0.1, 0/1, 0.1 in turn.

    A reader that opened `data.zarr` before extensions finds no chunks through it, rather than chunks of another grid;
    four namings keep that true for three extensions in a row.
    """
    return {"name": ("default", "v2")[(number - 1) // 2 % 2], "separator": "/" if number % 2 else "."}


def declare(path: Path, number: int, grid: Grid, block: Sequence[int], own: Mapping[str, OwnDim], attrs: Json) -> None:
    """Create the whole group at a private `path`: coordinates with their values, every variable without chunks."""
    coordinates = _coordinates(grid, own)
    extra = [name for name, (dims, _, _) in coordinates.items() if dims != (name,)]
    attributes = {"Conventions": "CF-1.12", **attrs, "block": dict(zip(grid.full_dims, block, strict=True))}
    if extra:
        attributes["coordinates"] = " ".join(extra)
    group = zarr.create_group(store=LocalStore(path), zarr_format=3, attributes=plain(attributes))
    keys = chunk_keys(number)

    def create(
        name: str, shape: Sequence[int], chunks: Sequence[int], dtype: Any, fill: Any, dims: Any, a: Json
    ) -> Any:
        return group.create_array(
            name,
            shape=tuple(shape),
            chunks=tuple(max(c, 1) for c in chunks),
            dtype=dtype,
            fill_value=fill,
            compressors=ZstdCodec(level=1, checksum=True),
            chunk_key_encoding=keys,
            dimension_names=tuple(dims),
            attributes=plain(a),
            config={"write_empty_chunks": True},
        )

    for name, (dims, values, a) in coordinates.items():
        dtype: Any = STRING if values.dtype.kind in "OUT" else values.dtype
        fill = "" if dtype is STRING else False if values.dtype.kind == "b" else fill_value(str(values.dtype))
        create(name, values.shape, values.shape, dtype, fill, dims, a)[...] = values.astype(dtype)
    dims, shape = grid.full_dims, grid.full_shape
    for o in grid.model.observables:
        lengths = [len(own[d]) for d in o.dims]
        a = {"units": o.units, "long_name": o.long_name or o.name.replace("_", " ")}
        if o.role:
            a["role"] = o.role
        if o.role == "memory" and grid.model.task:
            a["task"] = grid.model.task
        create(o.name, [*shape, *lengths], [*block, *lengths], o.dtype, fill_value(o.dtype), (*dims, *o.dims), a)
    a = {"units": "s", "long_name": "wall time per simulation"}
    create("elapsed", shape, block, "float32", math.nan, dims, a)
    a = {"units": "1", "long_name": "state of the simulation"}
    a |= {"flag_values": [0, 1, 2, 3], "flag_meanings": STATUS_MEANINGS}
    create("status", shape, block, "int8", 0, dims, a)
    with warnings.catch_warnings():
        # Zarr v3 has no consolidated metadata in its specification yet; xarray opens several times faster with it.
        warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part")
        zarr.consolidate_metadata(group.store)


def _coordinates(grid: Grid, own: Mapping[str, OwnDim]) -> dict[str, tuple[tuple[str, ...], np.ndarray, Json]]:
    """Every coordinate: name -> (dims, values, attributes)."""
    specs = parameters(grid.model)
    kinds: dict[type, Any] = {float: np.float64, int: np.int64, bool: np.bool_, str: object, Array: object}
    out: dict[str, tuple[tuple[str, ...], np.ndarray, Json]] = {}

    def add(name: str, dims: tuple[str, ...], values: np.ndarray) -> None:
        spec = specs[name]
        flags = {"quenched": int(spec.quenched), "paired": int(name in grid.paired or not spec.keyed)}
        attributes = {"units": spec.units, "long_name": spec.doc, **flags}
        out[name] = (dims, values.astype(kinds[spec.type]), attributes)
        if spec.type is Array:
            out[f"{name}_label"] = (dims, names_along(values), {"units": "1", "long_name": f"name of {name}"})

    for name, axis in grid.axes.items():
        add(name, (POINT,) if grid.points else (name,), np.array(axis, dtype=object))
    for name, array in grid.derived.items():
        keep = varying_dims(array)
        reduced = array[tuple(slice(None) if i in keep else 0 for i in range(array.ndim))]
        add(name, tuple(grid.dims[i] for i in keep), np.asarray(reduced, dtype=object))
    if grid.points:
        out[POINT] = ((POINT,), np.arange(grid.shape[0]), {"units": "1", "long_name": "point of the list"})
    names = {"sample": "draw of the quenched disorder", "replica": "draw of the dynamics' noise on a sample"}
    for name, n in (("sample", grid.samples), ("replica", grid.replicas)):
        out[name] = ((name,), np.arange(n), {"units": "1", "long_name": names[name]})
    for dim in own.values():
        index = {"units": "1", "long_name": f"index along {dim.name}; its values are {dim.name}_value"}
        a = dict(dim.attributes) if dim.point_values is None else index
        out[dim.name] = ((dim.name,), dim.values, a)
        if dim.lengths is not None:
            a = {"units": "1", "long_name": f"true length of {dim.name}"}
            out[f"{dim.name}_length"] = (grid.dims, dim.lengths, a)
        if dim.point_values is not None:
            out[f"{dim.name}_value"] = ((*grid.dims, dim.name), dim.point_values, dict(dim.attributes))
    return out


# ---------------------------------------------------------------- a published store


@dataclass(frozen=True)
class Store:
    """One generation of a run folder: `folder` holds `declaration.json`, the group and its ledger.

    It is `.store/<number>` under `root` once it is published, and a private folder before.
    """

    root: Path
    number: int
    folder: Path
    declaration: Json

    @property
    def path(self) -> Path:
        return self.folder / "data.zarr"

    @property
    def ledger(self) -> Path:
        return self.folder / "blocks"

    @property
    def requests(self) -> Path:
        return self.root / ".store" / "runs"

    @property
    def superseded(self) -> bool:
        """Whether a newer generation is published: then nothing may be written here any more."""
        return (self.root / ".store" / str(self.number + 1)).exists()

    @functools.cached_property
    def blocks(self) -> Blocks:
        d = self.declaration
        shape = (*d["shape"], d["samples"], d["replicas"])
        return Blocks(tuple(shape), tuple(d["block"]))

    def grid(self, model: type[Model]) -> Grid:
        """The declared grid, for a model class that was loaded anew. Raises InputError where it no longer fits."""
        d = self.declaration
        if model.__name__ != d["model_name"]:
            raise InputError(
                f"{self.root}: it holds another sweep: model: was {d['model_name']!r}, now {model.__name__!r}; "
                "take a fresh folder with --out"
            )
        lost = {*(name for name, _ in d["axes"]), *d["fixed"], *d["derived"]} ^ set(parameters(model))
        if lost - later(model):
            raise InputError(
                f"{self.root}: {model.__name__} has other parameters than this store ({', '.join(sorted(lost))}); "
                "take a fresh folder with --out"
            )
        if described(model) != d["observables"]:
            raise InputError(
                f"{self.root}: the observables of {model.__name__} are not those that it was declared with (names, "
                "units, roles, dims, dtypes); take a fresh folder with --out"
            )
        shape = tuple(d["shape"])
        derived = {}
        for name, values in d["derived"].items():
            derived[name] = np.empty(shape, object)
            derived[name][...] = np.array(values, dtype=object).reshape(shape)
        axes = {name: tuple(values) for name, values in d["axes"]}
        grid = Grid(
            model, axes, d["points"], d["samples"], d["replicas"], d["fixed"], derived, d["seed"], tuple(d["paired"])
        )  # fmt: skip
        return revived(self.root, grid, d.get("labels", {}))


def declaration(grid: Grid, block: Sequence[int], own: Mapping[str, OwnDim], model: Json, attributes: Json) -> Json:
    """What `declaration.json` holds: the grid in full, so that planning decodes no chunk."""
    return {
        "format": FORMAT,
        "model": model,
        "model_name": grid.model.__name__,
        "dims": list(grid.dims),
        "shape": list(grid.shape),
        "axes": [[k, list(v)] for k, v in grid.axes.items()],  # pairs: their order is that of the dims
        "points": grid.points,
        "samples": grid.samples,
        "replicas": grid.replicas,
        "fixed": grid.fixed,
        "derived": {k: v.ravel().tolist() for k, v in grid.derived.items()},
        "labels": labels_of(grid),
        "seed": grid.seed,
        "paired": list(grid.paired),
        "block": list(block),
        "own": {name: len(dim) for name, dim in own.items()},
        "own_digest": digest(own),
        "observables": described(grid.model),
        "attributes": plain(attributes),
    }


def described(model: type[Model]) -> list[Json]:
    """What a store declares of a model's observables: it must not change under it."""
    return [
        {"name": o.name, "units": o.units, "role": o.role, "dims": list(o.dims), "dtype": o.dtype}
        for o in model.observables
    ]


def digest(own: Mapping[str, OwnDim]) -> str:
    """A hash of every coordinate of own dims."""
    h = blake2b(digest_size=16)
    for name, dim in sorted(own.items()):
        h.update(f"{name} {sorted(dim.attributes.items())} {dim.values.tolist()}".encode())
        for array in (dim.lengths, dim.point_values):
            h.update(b"" if array is None else array.tobytes())
    return h.hexdigest()


def arrays(store: Store, anew: bool = False) -> dict[str, Any]:
    """Every array of a store, opened once a process (or `anew`): for whole-chunk reads and writes."""
    if anew:
        _arrays.cache_clear()
    return _arrays(store.path, (store.folder / "declaration.json").stat().st_mtime_ns)


@functools.lru_cache(maxsize=4)
def _arrays(path: Path, stamp: int) -> dict[str, Any]:
    del stamp  # another store may stand at the same path later: then it is opened anew
    group = zarr.open_group(LocalStore(path), mode="r+", use_consolidated=False)
    # `write_empty_chunks` is no part of the stored metadata: without it a chunk of fill values would write no file
    return {name: array.with_config({"write_empty_chunks": True}) for name, array in group.arrays()}


def write_block(store: Store, box: tuple[slice, ...], values: Mapping[str, np.ndarray]) -> None:
    """Write one block of every given variable, `status` last. The box must be a chunk (clipped at the grid's end)."""
    opened = arrays(store)
    for at, n, b in zip(box, store.blocks.shape, store.blocks.block, strict=True):
        if at.start % b or at.stop != min(at.start + b, n):
            raise ValueError(f"box {box} is not one whole chunk of {store.blocks.block}")
    for name in sorted(values, key=lambda name: (name == "status", name)):
        opened[name][box] = values[name]


def read_block(store: Store, box: tuple[slice, ...], names: Sequence[str]) -> dict[str, np.ndarray]:
    """Read one block of variables. Raises DamagedError, naming the chunk file, where one cannot be decoded."""
    opened, out = arrays(store), {}
    index = tuple(at.start // b for at, b in zip(box, store.blocks.block, strict=True))
    for name in names:
        array, file = opened[name], chunk_file(store, name, index)
        if not file.is_file():
            raise DamagedError(f"{file} is missing")
        try:
            out[name] = np.asarray(array[box])
        except Exception as error:  # each codec raises its own kind
            raise DamagedError(f"{file}: {type(error).__name__}: {error}") from error
    return out


def chunk_file(store: Store, name: str, index: Sequence[int]) -> Path:
    """The file of one variable of one block."""
    array = arrays(store)[name]
    own = array.ndim - len(index)
    return store.path / name / str(array.metadata.encode_chunk_key((*index, *(0,) * own)))


def variables(model: type[Model]) -> list[str]:
    """Every variable of a store of this model, `status` last."""
    return [*(o.name for o in model.observables), "elapsed", "status"]


# ---------------------------------------------------------------- xarray


def open_zarr(path: Path) -> xr.Dataset:
    """A store as an xarray dataset, read lazily and without Dask. `path` is resolved: a generation stays pinned."""
    import xarray

    ds: xr.Dataset = xarray.open_zarr(path.resolve(), chunks=None)
    return ds


def open_array(path: Path) -> Any:
    """A user's own Zarr array, read where it is asked for its values. Raises ValueError where there is none."""
    try:
        return zarr.open_array(LocalStore(path, read_only=True), mode="r")
    except Exception as error:  # zarr raises several kinds
        raise ValueError("it holds no Zarr array; name the folder of one array, not that of a group") from error


def write_zarr(ds: xr.Dataset, path: Path) -> None:
    """Write an analysis dataset to a private path, every variable in one chunk."""
    encoding = {
        name: {"chunks": tuple(max(n, 1) for n in v.shape), "compressors": (ZstdCodec(level=1, checksum=True),)}
        for name, v in ds.variables.items()
        if v.shape
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part")
        ds.to_zarr(path, mode="w-", zarr_format=3, encoding=encoding, consolidated=True)
