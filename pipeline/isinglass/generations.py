"""The life of a run folder: declare, extend by a new generation, take over what is done, clean up.

Nothing is resized in place. A generation is built in a private folder and published by one rename; the highest-numbered
published folder is current. The link `data.zarr` only serves plain readers.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from isinglass import ledger
from isinglass.coordinates import OwnDim, digest, own_dims
from isinglass.dataset import Store, chunk_file, declaration, declare, is_published, variables, write_block
from isinglass.entries import combined, portion
from isinglass.exceptions import InputError
from isinglass.healing import keep_spares, mend, read_checked
from isinglass.ledger import FORMAT, DamagedError, Json
from isinglass.planning import block_index, block_name
from isinglass.simulation import Work, failures_within
from isinglass.sweep import Grid, Sweep, locate, unite
from isinglass.travel import keep as keep_arrays

DAY = 86400.0


def current(root: Path) -> Store | None:
    """The newest published generation of a run folder, or None. Raises InputError for one that cannot be read."""
    home = root / ".store"
    # an empty numbered folder holds nothing and is replaced by the generation of that number
    numbers = [int(p.name) for p in home.glob("[0-9]*") if p.name.isdecimal() and p.is_dir() and any(p.iterdir())]
    if not numbers:
        return None
    number = max(numbers)
    try:
        found = ledger.read_twice(home / str(number) / "declaration.json")
    except (DamagedError, FileNotFoundError) as error:
        raise InputError(
            f"{root}: its declaration cannot be read, nor its copy ({error}); restore one, or take a fresh folder "
            "with --out"
        ) from error
    if found["format"] > FORMAT:
        raise InputError(
            f"{root} has store format {found['format']}, this Isinglass reads up to {FORMAT}: install a newer Isinglass"
        )
    return Store(root, number, home / str(number), found)


def check_folder(root: Path) -> None:
    """Raises InputError where `root` is a file, or a folder of other things, which a run would mix with its own."""
    try:
        if root.exists() and not root.is_dir():
            raise InputError(f"{root} is a file: name a folder with --out")
        if not root.is_dir() or (root / ".store").is_dir():
            return
        other = sorted(p.name for p in root.iterdir() if not p.name.startswith(".") and p.name not in ("log", "jobs"))
    except OSError as error:
        raise InputError(f"{root} cannot be read ({error.strerror}): choose another folder with --out") from error
    if other:
        raise InputError(f"{root} holds other things ({', '.join(other[:3])}): name a folder of its own with --out")


def require(root: Path) -> Store:
    """The current generation. Raises InputError where the folder holds no run."""
    store = current(root) if root.is_dir() else None
    if store is None:
        raise InputError(f"{root} holds no run: it has no .store folder; name the folder that `isinglass run` printed")
    return store


def prepare(
    root: Path,
    sweep: Sweep,
    asked: Grid,
    keep: np.ndarray,
    again: bool,
    model: Json,
    choose_block: Callable[[Grid, Mapping[str, OwnDim]], tuple[int, ...]],
    attributes: Callable[[Grid], Json],
    unfinished: Callable[[Store, Grid], bool],
    say: Callable[[str], None],
) -> tuple[Store, Grid]:
    """The store that holds what is asked: declared, found and mended, or extended. Several processes may call it.

    `choose_block` is called only where the block shape is still free. `again`: the newest request of the folder asked
    the same of the same code, so that own dims need not be compared. `unfinished` tells whether a store lacks anything
    that is to be computed now: a sealed one is then opened into working blocks again. Raises InputError where the
    folder holds another sweep, cannot be written, or is damaged beyond mending.
    """
    home = root / ".store"
    try:
        home.mkdir(parents=True, exist_ok=True)
        (home / "runs").mkdir(exist_ok=True)
        keep_arrays(root, asked)
    except OSError as error:
        raise InputError(f"{root} cannot be written ({error.strerror}): choose another folder with --out") from error
    _clean(home)
    _check_links(root)
    while True:
        store = current(root)
        if store is None:
            own = own_dims(asked, keep)
            block = choose_block(asked, own)
            _publish(root, 1, asked, block, own, model, attributes(asked), None)
            continue
        for what in mend(store):
            say(f"mended: {what}")
        old = store.grid(asked.model)
        try:
            union = unite(old, sweep, asked)
        except InputError as error:
            raise InputError(f"{root}: {error}; take a fresh folder with --out, or the same values") from error
        if again and union.full_shape == old.full_shape and not (store.sealed and unfinished(store, union)):
            _link(root, "data.zarr", Path(".store") / str(store.number) / "data.zarr")
            return store, union
        same = union if union.full_shape == old.full_shape else old
        if digest(own_dims(same, np.zeros(old.shape, bool))) != store.declaration["own_digest"]:
            raise InputError(
                f"{root}: the coordinates of own dims of {asked.model.__name__} are not those it was declared with; "
                "take a fresh folder with --out"
            )
        own = own_dims(union, np.zeros(union.shape, bool))
        lengths = {name: len(dim) for name, dim in own.items()}
        fits = union.full_shape == old.full_shape and lengths == store.declaration["own"]
        if fits and not (store.sealed and unfinished(store, union)):
            _link(root, "data.zarr", Path(".store") / str(store.number) / "data.zarr")
            return store, union
        _publish(root, store.number + 1, union, store.work_block, own, model, attributes(union), store)


def _publish(
    root: Path,
    number: int,
    grid: Grid,
    block: Sequence[int],
    own: Mapping[str, OwnDim],
    model: Json,
    attributes: Json,
    old: Store | None,
) -> None:
    def fill(private: Path) -> None:
        content = declare_in(private, number, grid, block, own, model, attributes)
        if old is not None:
            take_over(old, private, content, grid)

    publish(root, number, fill)


def declare_in(
    private: Path,
    number: int,
    grid: Grid,
    block: Sequence[int],
    own: Mapping[str, OwnDim],
    model: Json,
    attributes: Json,
    **more: object,
) -> Json:
    """A generation without any block, in a private folder. Returns what `declaration.json` holds."""
    for name in ("blocks", "tmp"):
        (private / name).mkdir()
    declare(private / "data.zarr", number, grid, block, own, attributes)
    content = declaration(grid, block, own, model, attributes) | {"files": keep_spares(private)} | more
    ledger.write_twice(private / "declaration.json", content)
    return content


def publish(root: Path, number: int, fill: Callable[[Path], None]) -> None:
    """Build a generation privately and publish it by rename; where another process was first, its own stands."""
    home = root / ".store"
    with private_folder(home) as private:
        fill(private)
        try:
            private.rename(home / str(number))
        except OSError:
            if not is_published(home / str(number)):
                raise


@contextlib.contextmanager
def private_folder(home: Path) -> Iterator[Path]:
    """A folder that nobody else looks into; removed at the end, unless it was renamed. A lock says that we live."""
    private = home / f".new-{uuid.uuid4().hex}"
    lock = home / f"{private.name}.lock"
    with lock.open("w") as file:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            private.mkdir()
            yield private
        finally:
            shutil.rmtree(private, ignore_errors=True)
            lock.unlink(missing_ok=True)


# ---------------------------------------------------------------- taking over what is done


def take_over(old: Store, private: Path, content: Json, grid: Grid) -> None:
    """Bring every committed simulation of an old generation into a new one that is still private.

    A chunk that stays full and keeps index, shape and labels is linked with its entry; the rest is copied by value.
    """
    new = Store(old.root, old.number + 1, private, content)
    before = old.grid(grid.model)
    places = [*locate(before, grid), np.arange(before.samples), np.arange(before.replicas)]
    same_chunks = old.declaration["own"] == content["own"] and old.blocks.block == new.blocks.block
    todo: dict[str, set[str]] = {}
    for name in sorted(ledger.listing(old.ledger), key=block_index):
        index = block_index(name)
        box = old.blocks.slices(index)
        at = [place[s] for place, s in zip(places, box, strict=True)]
        moved = [int(i[0]) // b for i, b in zip(at, new.blocks.block, strict=True)]
        target = new.blocks.slices(moved)
        unmoved = all(np.array_equal(i, np.arange(s.start, s.stop)) for i, s in zip(at, target, strict=True))
        if unmoved and tuple(moved) == index and same_chunks:
            _link_block(old, new, index, variables(grid.model))
            continue
        for needed in np.ndindex(*(len(set(i // b)) for i, b in zip(at, new.blocks.block, strict=True))):
            into = [sorted(set(i // b))[k] for i, b, k in zip(at, new.blocks.block, needed, strict=True)]
            todo.setdefault(block_name(into), set()).add(name)

    @functools.lru_cache(maxsize=2)  # a block of a sealed generation serves many new ones in a row
    def source(name: str) -> tuple[Json, dict[str, np.ndarray]] | None:
        try:
            with ledger.locked(old.ledger, name):
                return read_checked(old, name, ledger.suffix_of(old.ledger, name) or "done")
        except DamagedError:
            return None  # not taken over, so computed again

    for name, sources in todo.items():
        _copy_block(old, new, block_index(name), sources, source, places, grid)


def _link_block(old: Store, new: Store, index: tuple[int, ...], names: Sequence[str]) -> None:
    name = block_name(index)
    pairs = [(chunk_file(old, v, index), chunk_file(new, v, index)) for v in names]
    with ledger.locked(old.ledger, name):
        entry = f"{name}.{ledger.suffix_of(old.ledger, name)}"
        if not all(source.is_file() for source, _ in pairs) or not (old.ledger / entry).is_file():
            return  # damaged or discarded just now: it is computed again
        for source, target in [*pairs, (old.ledger / entry, new.ledger / entry)]:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(source, target)
            except OSError:
                shutil.copyfile(source, target)


def _copy_block(
    old: Store,
    new: Store,
    index: tuple[int, ...],
    sources: set[str],
    source: Callable[[str], tuple[Json, dict[str, np.ndarray]] | None],
    places: Sequence[np.ndarray],
    grid: Grid,
) -> None:
    """One new block, filled with the done simulations of the old blocks that overlap it."""
    box = new.blocks.slices(index)
    values = Work.empty(grid.model, tuple(s.stop - s.start for s in box), new.declaration["own"]).variables
    parts: list[Json] = []
    failures: list[Json] = []
    for name in sorted(sources):
        found = source(name)
        if found is None:
            continue
        entry, stored = found
        take, put = [], []
        for place, s, into in zip(places, old.blocks.slices(block_index(name)), box, strict=True):
            at = place[s]
            inside = (at >= into.start) & (at < into.stop)
            take.append(np.flatnonzero(inside))
            put.append(at[inside] - into.start)
        parts += portion(entry, take, old.work_block, stored["status"].shape)
        failures += entry.get("failures", [])
        for variable, array in stored.items():
            # own dims may have grown longer: old values fill the front, the fill value stands behind
            front: Any = (..., *(slice(0, n) for n in array.shape[len(box) :]))
            target = values[variable]
            part = target[np.ix_(*put)]
            part[front] = array[np.ix_(*take)]
            target[np.ix_(*put)] = part
    if not parts:
        return
    chunks = write_block(new, box, values)
    failures = failures_within(grid.part(box[:-2]), (box[-2].start, box[-1].start), values["status"], failures)
    entry = combined(parts) | {"chunks": chunks, "failures": failures}
    ledger.commit(new.ledger, block_name(index), values["status"], entry)


# ---------------------------------------------------------------- links and cleaning


def _check_links(root: Path) -> None:
    """Raises InputError where no link can be made, before anything is computed that no reader would find."""
    link = root / "data.zarr"
    if link.is_symlink():
        return
    if link.exists():
        raise InputError(
            f"{link} is no link (copied by something that followed links?): remove it, the data are in {root}/.store"
        )
    probe = root / ".store" / f".{uuid.uuid4().hex}.tmp"
    try:
        probe.symlink_to("data.zarr")
        probe.unlink()
    except OSError as error:
        raise _no_links(link, error) from error


def _no_links(link: Path, error: OSError) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        return error
    return InputError(
        f"{link}: no symbolic link can be made here ({error.strerror}); take another file system with --out"
    )


def _link(root: Path, name: str, target: Path) -> None:
    """Point `root/name` at a relative target, by replacing the link."""
    link = root / name
    if link.is_symlink() and link.readlink() == target:
        return
    temporary = root / f".{uuid.uuid4().hex}.tmp"
    try:
        temporary.symlink_to(target, target_is_directory=True)
        temporary.replace(link)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _no_links(link, error) from error


def publish_analysis(root: Path, write: Callable[[Path], None]) -> Path:
    """Replace `analysis.zarr`: `write` fills a private folder, then the link is moved and older folders removed."""
    home = root / ".store"
    name = f"analysis-{uuid.uuid4().hex}.zarr"
    with private_folder(home) as private:
        write(private / "analysis.zarr")
        (private / "analysis.zarr").rename(home / name)
    _link(root, "analysis.zarr", Path(".store") / name)
    for path in home.glob("analysis-*.zarr"):
        # another run may have made one a moment ago and not yet moved the link
        if path.name != name and time.time() - path.stat().st_mtime > 60:
            shutil.rmtree(path, ignore_errors=True)
    return root / "analysis.zarr"


def _clean(home: Path) -> None:
    """Remove what dead processes left: private folders, notes of blocks that are done; and what is a day old.

    That is superseded generations and temporary files.
    """
    for note in home.glob("*/blocks/*.run"):
        if note.with_suffix(".done").exists():  # killed between the two
            note.unlink(missing_ok=True)
    for lock in home.glob(".new-*.lock"):
        if _abandoned(lock):
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
            lock.unlink(missing_ok=True)
    numbers = sorted(int(p.name) for p in home.iterdir() if p.name.isdecimal() and is_published(p))
    # a generation has been superseded for as long as its successor has been there
    since = {home / str(n): home / str(later) / "declaration.json" for n, later in pairwise(numbers)}
    leftovers = (
        *home.glob(".new-*"), *home.glob("stop-*"), *home.glob(".*.tmp"), *home.glob("*/.*.tmp"),
        *home.glob("[0-9]*/*/.*.tmp"), *home.parent.glob(".*.tmp"),
    )  # fmt: skip
    for path, dated in {**since, **{path: path for path in leftovers}}.items():
        try:
            if time.time() - dated.lstat().st_mtime > DAY:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        except OSError:
            continue


def _abandoned(lock: Path) -> bool:
    """Whether the process that holds a lock is dead; False where that cannot be told."""
    try:
        with lock.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except OSError:
        return False
