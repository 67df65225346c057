"""The life of a run folder: declare, extend by a new generation, take over what is done, clean up.

Nothing is resized in place. A generation is built in a private folder and published by one rename; the highest-numbered
published folder is current. The link `data.zarr` only serves plain readers.
"""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from isinglass import ledger
from isinglass.dataset import (
    OwnDim,
    Store,
    chunk_file,
    declaration,
    declare,
    digest,
    own_dims,
    read_block,
    variables,
    write_block,
)
from isinglass.exceptions import InputError
from isinglass.ledger import FORMAT, DamagedError, Json
from isinglass.planning import block_index, block_name
from isinglass.simulation import Work, failures_within
from isinglass.sweep import Grid, Sweep, locate, unite
from isinglass.travel import keep as keep_arrays

DAY = 86400.0


def current(root: Path) -> Store | None:
    """The newest published generation of a run folder, or None. Raises InputError for one that cannot be read."""
    home = root / ".store"
    numbers = [int(p.name) for p in home.iterdir() if p.name.isdigit()] if home.is_dir() else []
    if not numbers:
        return None
    number = max(numbers)
    try:
        found = ledger.read_json(home / str(number) / "declaration.json")
    except (DamagedError, FileNotFoundError) as error:
        raise InputError(
            f"{root}: its declaration cannot be read ({error}); restore it, or take a fresh folder with --out"
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
        other = sorted(p.name for p in root.iterdir() if not p.name.startswith(".") and p.name != "log")
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
) -> tuple[Store, Grid]:
    """The store that holds what is asked: declared, found, or extended. Several processes may call it at once.

    `choose_block` is called only where the block shape is still free. `again`: the newest request of the folder asked
    the same of the same code, so that own dims need not be compared. Raises InputError where the folder holds another
    sweep, or cannot be written.
    """
    home = root / ".store"
    try:
        home.mkdir(parents=True, exist_ok=True)
        (home / "runs").mkdir(exist_ok=True)
        keep_arrays(root, asked)
    except OSError as error:
        raise InputError(f"{root} cannot be written ({error.strerror}): choose another folder with --out") from error
    _clean(home)
    while True:
        store = current(root)
        if store is None:
            own = own_dims(asked, keep)
            _publish(root, 1, None, asked, choose_block(asked, own), own, model, attributes)
            continue
        old = store.grid(asked.model)
        try:
            union = unite(old, sweep, asked)
        except InputError as error:
            raise InputError(f"{root}: {error}; take a fresh folder with --out, or the same values") from error
        if again and union.full_shape == old.full_shape:
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
        if union.full_shape == old.full_shape and lengths == store.declaration["own"]:
            _link(root, "data.zarr", Path(".store") / str(store.number) / "data.zarr")
            return store, union
        block = store.blocks.block
        _publish(root, store.number + 1, store, union, block, own, model, attributes)


def _publish(
    root: Path,
    number: int,
    old: Store | None,
    grid: Grid,
    block: Sequence[int],
    own: Mapping[str, OwnDim],
    model: Json,
    attributes: Callable[[Grid], Json],
) -> None:
    """Build a generation privately and publish it by rename; where another process was first, its own stands."""
    private = root / ".store" / f".new-{uuid.uuid4().hex}"
    (private / "blocks").mkdir(parents=True)
    root_attributes = attributes(grid)
    content = declaration(grid, block, own, model, root_attributes)
    try:
        ledger.write_json(private / "declaration.json", content)
        declare(private / "data.zarr", number, grid, block, own, root_attributes)
        if old is not None:
            take_over(old, private, content, grid)
    except BaseException:
        shutil.rmtree(private, ignore_errors=True)
        raise
    try:
        private.rename(root / ".store" / str(number))
    except OSError:
        shutil.rmtree(private, ignore_errors=True)
        if not (root / ".store" / str(number)).is_dir():
            raise


# ---------------------------------------------------------------- taking over what is done


def take_over(old: Store, private: Path, content: Json, grid: Grid) -> None:
    """Bring every committed simulation of an old generation into a new one that is still private.

    A chunk that stays full and keeps index, shape and labels is linked with its entry; the rest is copied by value.
    """
    new = Store(old.root, old.number + 1, private, content)
    before = old.grid(grid.model)
    places = [*locate(before, grid), np.arange(before.samples), np.arange(before.replicas)]
    same_own = old.declaration["own"] == content["own"]
    todo: dict[str, set[str]] = {}
    for name in ledger.listing(old.ledger):
        index = block_index(name)
        box = old.blocks.slices(index)
        at = [place[s] for place, s in zip(places, box, strict=True)]
        moved = [int(i[0]) // b for i, b in zip(at, new.blocks.block, strict=True)]
        target = new.blocks.slices(moved)
        unmoved = all(np.array_equal(i, np.arange(s.start, s.stop)) for i, s in zip(at, target, strict=True))
        if unmoved and tuple(moved) == index and same_own:
            _link_block(old, new, index, variables(grid.model))
            continue
        for needed in np.ndindex(*(len(set(i // b)) for i, b in zip(at, new.blocks.block, strict=True))):
            into = [sorted(set(i // b))[k] for i, b, k in zip(at, new.blocks.block, needed, strict=True)]
            todo.setdefault(block_name(into), set()).add(name)
    for name, sources in todo.items():
        _copy_block(old, new, block_index(name), sources, places, grid)


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
    places: Sequence[np.ndarray],
    grid: Grid,
) -> None:
    """One new block, filled with the done simulations of the old blocks that overlap it."""
    box = new.blocks.slices(index)
    values = Work.empty(grid.model, tuple(s.stop - s.start for s in box), new.declaration["own"]).variables
    entries = []
    for name in sorted(sources):
        source_box = old.blocks.slices(block_index(name))
        try:
            with ledger.locked(old.ledger, name):
                entry = ledger.read_entry(old.ledger, name, ledger.suffix_of(old.ledger, name) or "done")
                stored = read_block(old, source_box, variables(grid.model))
        except (DamagedError, FileNotFoundError):
            continue  # not taken over, so computed again
        take, put = [], []
        for place, s, into in zip(places, source_box, box, strict=True):
            at = place[s]
            inside = (at >= into.start) & (at < into.stop)
            take.append(np.flatnonzero(inside))
            put.append(at[inside] - into.start)
        entries.append(entry)
        for variable, array in stored.items():
            # own dims may have grown longer: old values fill the front, the fill value stands behind
            front: Any = (..., *(slice(0, n) for n in array.shape[len(box) :]))
            target = values[variable]
            part = target[np.ix_(*put)]
            part[front] = array[np.ix_(*take)]
            target[np.ix_(*put)] = part
    if not entries:
        return
    write_block(new, box, values)
    newest = max(entries, key=lambda e: str(e.get("written", "")))
    kept = {k: v for k, v in newest.items() if k not in ("status", "block", "failures")}
    failures = failures_within(
        grid.part(box[:-2]),
        (box[-2].start, box[-1].start),
        values["status"],
        [f for e in entries for f in e.get("failures", [])],
    )
    ledger.commit(new.ledger, block_name(index), values["status"], kept | {"failures": failures})


# ---------------------------------------------------------------- links and cleaning


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
        raise InputError(
            f"{link}: no symbolic link can be made here ({error.strerror}); take another file system with --out"
        ) from error


def publish_analysis(root: Path, write: Callable[[Path], None]) -> Path:
    """Replace `analysis.zarr`: `write` fills a private folder, then the link is moved and the old folder removed."""
    home = root / ".store"
    name = f"analysis-{uuid.uuid4().hex}.zarr"
    write(home / name)
    _link(root, "analysis.zarr", Path(".store") / name)
    for path in home.glob("analysis-*.zarr"):
        if path.name != name and time.time() - path.stat().st_mtime > 60:
            shutil.rmtree(path, ignore_errors=True)
    return root / "analysis.zarr"


def _clean(home: Path) -> None:
    """Remove what is a day old: generations superseded so long, private folders, files of dead processes."""
    numbers = sorted(int(p.name) for p in home.iterdir() if p.name.isdigit())
    # a generation has been superseded for as long as its successor has been there
    since = {home / str(n): home / str(later) / "declaration.json" for n, later in pairwise(numbers)}
    leftovers = (*home.glob(".new-*"), *home.glob("stop-*"), *home.glob("*/.*.tmp"), *home.glob("*/blocks/.*.tmp"))
    for path, dated in {**since, **{path: path for path in leftovers}}.items():
        try:
            if time.time() - dated.stat().st_mtime > DAY:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        except OSError:
            continue
