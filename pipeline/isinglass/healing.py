"""What a generation consists of, checked and mended.

Blocks are computed again. What belongs to no block is kept twice: metadata and coordinates in `spare/`, with their
digests in the declaration; the declaration, requests and code files each beside their copy.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np

from isinglass import ledger
from isinglass.dataset import Store, chunk_file, chunk_path, read_block
from isinglass.exceptions import InputError
from isinglass.ledger import DamagedError, Json
from isinglass.planning import block_index

# ---------------------------------------------------------------- metadata and coordinates


def keep_spares(private: Path) -> dict[str, str]:
    """Copy every file of a group that was just declared to `spare/`. Returns path -> digest, for the declaration."""
    out = {}
    group = private / "data.zarr"
    for file in sorted(p for p in group.rglob("*") if p.is_file()):
        name = file.relative_to(group)
        target = private / "spare" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
        out[name.as_posix()] = _digest(file)
    return out


def _digest(file: Path) -> str:
    try:
        return blake2b(file.read_bytes(), digest_size=16).hexdigest()
    except OSError as error:
        if isinstance(error, (FileNotFoundError, NotADirectoryError, IsADirectoryError)):
            return ""
        raise


def _metadata(store: Store) -> Iterator[tuple[Path, Path, str]]:
    """(file, the same file elsewhere, its digest), of both places."""
    for name, digest in store.declaration.get("files", {}).items():
        here, spare = store.path / name, store.folder / "spare" / name
        yield here, spare, digest
        yield spare, here, digest


def _twice(store: Store) -> Iterator[Path]:
    """Every JSON file that is kept with a copy."""
    yield store.folder / "declaration.json"
    for folder in ("runs", "code"):
        yield from ledger.stems(store.root / ".store" / folder)


# ---------------------------------------------------------------- named


def damaged_files(store: Store) -> Iterator[str]:
    """What is damaged of that which belongs to no block: files by name. Changes nothing."""
    for path in _twice(store):
        for file in (path, ledger.copy_of(path)):
            try:
                ledger.read_json(file)
            except FileNotFoundError:
                yield f"{file} is missing"
            except DamagedError as error:
                yield str(error)
    for file, _, digest in _metadata(store):
        found = _digest(file)
        if found != digest:
            yield f"{file}: its checksum does not fit" if found else f"{file} is missing"
    asked = ledger.requests(store.requests)
    if asked and asked[-1].get("text"):
        file = store.root / "workflow.py"
        if not file.is_file():
            yield f"{file} is missing"
        elif text_digest(file.read_bytes()) != asked[-1]["text"]:
            yield f"{file} is not the text of the newest request"
    if not (store.root / "data.zarr").is_dir():
        yield f"{store.root / 'data.zarr'} is missing, or a link to nothing"


def text_digest(raw: bytes) -> str:
    """By which a request names the workflow's text."""
    return blake2b(raw, digest_size=16).hexdigest()


# ---------------------------------------------------------------- mended


def mend(store: Store) -> list[str]:
    """Make whole what can be: files from their copies, and blocks whose chunk files are gone out of the ledger.

    What a run does before it trusts a store: it reads no chunk. Returns what was mended. Raises InputError where both
    copies are damaged; a request or code file of which that is true is set aside instead, since the run files it anew.
    """
    out: list[str] = []
    for path in _twice(store):
        out += _mend_twice(path)
    for file, other, digest in _metadata(store):
        if _digest(file) == digest:
            continue
        if _digest(other) != digest:
            raise InputError(
                f"{file} and {other} are both damaged: restore one of them, or take a fresh folder with --out"
            )
        file.parent.mkdir(parents=True, exist_ok=True)
        ledger.replace(file, other.read_bytes())
        out.append(str(file))
    for folder in (store.ledger, store.folder / "tmp"):
        folder.mkdir(exist_ok=True)
    for block in lost_blocks(store):
        ledger.discard(store.ledger, block)
        out.append(f"block {block}, of which chunk files are missing, is computed again")
    return out


def _mend_twice(path: Path) -> Iterator[str]:
    pair = (path, ledger.copy_of(path))
    found: list[Json | None] = []
    for file in pair:
        try:
            found.append(ledger.read_json(file))
        except (DamagedError, FileNotFoundError):
            found.append(None)
    good = next((c for c in found if c is not None), None)
    if found[0] is not None and found[1] is not None:
        return
    if good is None:
        if path.name == "declaration.json":
            raise InputError(f"{path} and its copy are both damaged: restore one, or take a fresh folder with --out")
        for file in pair:
            if file.exists():
                file.replace(file.with_name(f"{file.name}.damaged"))
        yield f"{path} and its copy cannot be read: set aside"
        return
    for file, content in zip(pair, found, strict=True):
        if content is None:
            ledger.write_json(file, good)
            yield str(file)


def lost_blocks(store: Store) -> list[str]:
    """Committed blocks that lack a chunk file, by asking for each file; none is opened."""
    names = variable_names(store)
    indices = {block: block_index(block) for block in ledger.listing(store.ledger)}
    return sorted(
        block
        for block, index in indices.items()
        if not all(os.path.isfile(chunk_path(store, n, index)) for n in names)  # noqa: PTH113 (see `chunk_path`)
    )


def variable_names(store: Store) -> list[str]:
    """Every variable of a store, `status` last."""
    return [*(o["name"] for o in store.declaration["observables"]), "elapsed", "status"]


# ---------------------------------------------------------------- a block, whole or damaged


def read_checked(
    store: Store, block: str, suffix: str, names: Sequence[str] = ()
) -> tuple[Json, dict[str, np.ndarray]]:
    """A block's entry and values (of all variables, or of `names`), to be called with the block locked.

    Raises DamagedError where a file cannot be read, differs from its checksum, or disagrees with the entry.
    """
    try:
        entry = ledger.read_entry(store.ledger, block, suffix)
    except FileNotFoundError as error:
        raise DamagedError(f"{error.filename} is missing") from None
    index = block_index(block)
    values = read_block(store, store.blocks.slices(index), names or variable_names(store), entry.get("chunks"))
    status = values["status"]
    expected = np.ones_like(status) if suffix == "done" else entry["status"]
    if not np.array_equal(status, expected):
        raise DamagedError(f"{chunk_file(store, 'status', index)} does not agree with its ledger entry")
    return entry, values


def damaged_blocks(store: Store) -> Iterator[tuple[str, str]]:
    """Decode every committed chunk; yields (block, what is damaged), and takes its entry out of the ledger.

    Safe beside a run: a block is read and taken out while it is locked. A block that was written in full but has
    neither an entry nor a process at work has lost its entry.
    """
    listed = ledger.listing(store.ledger)
    for index in store.blocks:
        block = ".".join(map(str, index))
        if block not in listed and not chunk_file(store, "status", index).exists():
            continue
        with ledger.locked(store.ledger, block):
            suffix = ledger.suffix_of(store.ledger, block)
            if suffix is None:
                if not (store.ledger / f"{block}.run").exists() and chunk_file(store, "status", index).exists():
                    yield block, f"{store.ledger / block}.*, its ledger entry, is missing"
                continue
            try:
                read_checked(store, block, suffix)
            except DamagedError as error:
                try:
                    ledger.discard(store.ledger, block)
                except OSError as refused:
                    yield block, f"{error}; its entry cannot be taken out of the ledger ({refused.strerror})"
                    continue
                yield block, str(error)
