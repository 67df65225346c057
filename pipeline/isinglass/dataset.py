"""The store: a plain Zarr v3 group, declared in full before anything runs, then filled whole chunks at a time.

The only importer of zarr. `docs/store-format.md` describes what lies on disk.
"""

from __future__ import annotations

import functools
import math
import warnings
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from numcodecs.zstd import Zstd
from zarr.codecs import ZstdCodec
from zarr.storage import LocalStore, MemoryStore

from isinglass import ledger
from isinglass.coordinates import OwnDim, coordinates_of, digest
from isinglass.exceptions import InputError
from isinglass.ledger import FORMAT, DamagedError, Json, plain
from isinglass.models.base import Model, fill_value, parameters
from isinglass.planning import STATUS_MEANINGS, Blocks
from isinglass.sweep import Grid
from isinglass.travel import labels_of, later, revived

if TYPE_CHECKING:
    import xarray as xr

STRING = np.dtypes.StringDType()
_ZSTD = Zstd(level=1, checksum=True)


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
    coordinates = coordinates_of(grid, own)
    extra = [name for name, (dims, _, _) in coordinates.items() if dims != (name,)]
    attributes = {"Conventions": "CF-1.12", **attrs, "block": dict(zip(grid.full_dims, block, strict=True))}
    if extra:
        attributes["coordinates"] = " ".join(extra)
    held: dict[str, Any] = {}
    group = zarr.create_group(store=MemoryStore(held), zarr_format=3, attributes=plain(attributes))
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
    _put(held, path)


def _put(held: Mapping[str, Any], path: Path) -> None:
    """Files of what zarr wrote into memory: straight to disk it would need hard links, which not every disk has."""
    for key, buffer in held.items():
        (path / key).parent.mkdir(parents=True, exist_ok=True)
        (path / key).write_bytes(buffer.to_bytes())


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

    @functools.cached_property
    def path(self) -> Path:
        return self.folder / "data.zarr"

    @functools.cached_property
    def ledger(self) -> Path:
        return self.folder / "blocks"

    @property
    def requests(self) -> Path:
        return self.root / ".store" / "runs"

    @property
    def superseded(self) -> bool:
        """Whether a newer generation is published: then nothing may be written here any more."""
        return is_published(self.root / ".store" / str(self.number + 1))

    @property
    def sealed(self) -> bool:
        """Whether it was rewritten in large chunks: then it is read only, and work goes into a new generation."""
        return "work_block" in self.declaration

    @property
    def work_block(self) -> tuple[int, ...]:
        """The block in which work is done: of a sealed generation, that of the one before."""
        block: list[int] = self.declaration.get("work_block") or self.declaration["block"]
        return tuple(block)

    @functools.cached_property
    def blocks(self) -> Blocks:
        d = self.declaration
        shape = (*d["shape"], d["samples"], d["replicas"])
        return Blocks(tuple(shape), tuple(d["block"]))

    @functools.cached_property
    def layouts(self) -> dict[str, tuple[np.dtype[Any], Any, tuple[int, ...]]]:
        """How a chunk of each variable lies in its file: dtype, fill value, shape."""
        block, own = self.blocks.block, self.declaration["own"]
        out: dict[str, tuple[np.dtype[Any], Any, tuple[int, ...]]] = {}
        out |= {"elapsed": (np.dtype("<f4"), math.nan, block), "status": (np.dtype("int8"), 0, block)}
        for o in self.declaration["observables"]:
            dtype = np.dtype(o["dtype"]).newbyteorder("<")
            out[o["name"]] = (dtype, fill_value(o["dtype"]), (*block, *(own[d] for d in o["dims"])))
        return out

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


def is_published(folder: Path) -> bool:
    """Whether a numbered folder is a generation. It is renamed into place whole, so one file tells."""
    file = folder / "declaration.json"
    return file.exists() or ledger.copy_of(file).exists()


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


def write_block(store: Store, box: tuple[slice, ...], values: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Write one block of every given variable, `status` last. The box must be a chunk (clipped at the grid's end).

    Returns the CRC-32 of each chunk file, for the ledger entry. The bytes are those that zarr would write.
    """
    index = []
    for at, n, b in zip(box, store.blocks.shape, store.blocks.block, strict=True):
        if at.start % b or at.stop != min(at.start + b, n):
            raise ValueError(f"box {box} is not one whole chunk of {store.blocks.block}")
        index.append(at.start // b)
    out = {}
    for name in sorted(values, key=lambda name: (name == "status", name)):
        dtype, fill, shape = store.layouts[name]
        array = np.asarray(values[name], dtype)
        if array.shape != shape:  # a chunk at the grid's end is padded
            whole = np.full(shape, fill, dtype)
            whole[tuple(slice(0, n) for n in array.shape)] = array
            array = whole
        raw = bytes(_ZSTD.encode(np.ascontiguousarray(array).reshape(-1).view(np.uint8)))
        ledger.replace(chunk_file(store, name, index), raw, store.folder / "tmp")
        out[name] = zlib.crc32(raw)
    return out


def read_block(
    store: Store, box: tuple[slice, ...], names: Sequence[str], crcs: Mapping[str, int] | None = None
) -> dict[str, np.ndarray]:
    """Read one block of variables. Raises DamagedError, naming the chunk file, where one cannot be decoded.

    `crcs`: what `write_block` returned; every byte of the chunk files is then compared with it.
    """
    index = tuple(at.start // b for at, b in zip(box, store.blocks.block, strict=True))
    inside = tuple(slice(0, at.stop - at.start) for at in box)
    out = {}
    for name in names:
        file = chunk_path(store, name, index)
        dtype, _, shape = store.layouts[name]
        try:
            with open(file, "rb") as opened:  # noqa: PTH123 (a Path for each chunk takes as long as reading it)
                raw = opened.read()
            if crcs and crcs.get(name, zlib.crc32(raw)) != zlib.crc32(raw):
                raise DamagedError(f"{file}: its checksum does not fit")
            out[name] = np.frombuffer(bytearray(_ZSTD.decode(raw)), dtype).reshape(shape)[inside]
        except (FileNotFoundError, NotADirectoryError):
            raise DamagedError(f"{file} is missing") from None
        except (ValueError, RuntimeError) as error:
            raise DamagedError(f"{file}: {type(error).__name__}: {error}") from error
    return out


def chunk_file(store: Store, name: str, index: Sequence[int]) -> Path:
    """The file of one variable of one block."""
    return Path(chunk_path(store, name, index))


def chunk_path(store: Store, name: str, index: Sequence[int]) -> str:
    """The same as text, which is faster where there are many."""
    keys = chunk_keys(store.number)
    own = len(store.layouts[name][2]) - len(index)
    words = [*(["c"] if keys["name"] == "default" else []), *map(str, index), *["0"] * own]
    return f"{store.path}/{name}/{keys['separator'].join(words)}"


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
    held: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part")
        ds.to_zarr(MemoryStore(held), mode="w-", zarr_format=3, encoding=encoding, consolidated=True)
    _put(held, path)
