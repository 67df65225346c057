"""Sealing: a complete store of very many small chunks is rewritten as a new generation with few large ones.

The same bytes, read in a fraction of the time. Like every generation it is built privately and published by one rename,
so that a death on the way leaves the store as it was, and the next run seals it.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from isinglass import ledger
from isinglass.coordinates import own_dims
from isinglass.dataset import Store, write_block
from isinglass.entries import merge
from isinglass.generations import declare_in, publish
from isinglass.healing import read_checked, variable_names
from isinglass.ledger import DamagedError, Json
from isinglass.models.base import Model
from isinglass.planning import MAX_BLOCK_BYTES, Blocks, block_name
from isinglass.sweep import Grid

SEAL_BLOCKS = 10**4  # stores of more blocks than this are sealed
CHUNK_VALUES = 2**18  # the most values that a chunk of a sealed generation has
SAY_SECONDS = 30.0


def seal(store: Store, model: type[Model], attributes: Callable[[Grid], Json], say: Callable[[str], None]) -> bool:
    """Rewrite a complete store in large chunks where that is worth it.

    Returns whether the folder has to be looked at again: the store was sealed, here or by another process; or a damaged
    block was met and taken out of the ledger, which the run has then to compute.
    """
    if store.sealed or store.superseded or len(store.blocks) <= SEAL_BLOCKS or not _complete(store):
        return False
    block = sealed_block(store)
    if 2 * len(Blocks(store.blocks.shape, block)) > len(store.blocks):
        return False  # a simulation yields so much that its chunks are large already
    grid = store.grid(model)
    own = own_dims(grid, np.zeros(grid.shape, bool))
    began = said = time.monotonic()

    def fill(private: Path) -> None:
        nonlocal said
        content = declare_in(
            private, store.number + 1, grid, block, own, store.declaration["model"], attributes(grid),
            work_block=list(store.blocks.block),
        )  # fmt: skip
        new = Store(store.root, store.number + 1, private, content)
        say(f"  sealing: {len(store.blocks)} blocks become {len(new.blocks)}, which read faster")
        done = 0
        for index in new.blocks:
            for _ in _fill(store, new, index):
                done += 1
                if time.monotonic() - said > SAY_SECONDS:
                    said = time.monotonic()
                    say(f"  sealing: {done} of {len(store.blocks)} blocks, {said - began:.0f} s")

    try:
        publish(store.root, store.number + 1, fill)
    except DamagedError as error:
        say(f"  not sealed: {error}; that block is computed again")
        return True
    say(f"  sealed in {time.monotonic() - began:.1f} s")
    return True


def _complete(store: Store) -> bool:
    """Whether no simulation of the declared grid is pending."""
    listed = ledger.listing(store.ledger)
    if len(listed) < len(store.blocks):
        return False
    try:
        return not any(ledger.read_entry(store.ledger, b, s)["pending"] for b, s in listed.items() if s == "part")
    except (DamagedError, FileNotFoundError):
        return False


def sealed_block(store: Store) -> tuple[int, ...]:
    """The chunk of a sealed generation: whole blocks of the old one, as many as `CHUNK_VALUES` and 32 MB allow.

    The dim that is cut into most pieces is doubled first, so that a slice along any two dims meets few chunks.
    """
    shape, block = store.blocks.shape, list(store.blocks.block)
    each = max(
        store.layouts[name][0].itemsize * math.prod(store.layouts[name][2][len(block) :])
        for name in variable_names(store)
    )
    most = min(CHUNK_VALUES, MAX_BLOCK_BYTES // each)
    while True:
        pieces = [-(-n // b) for n, b in zip(shape, block, strict=True)]
        for d in sorted(range(len(block)), key=lambda d: -pieces[d]):
            grown = min(2 * block[d], -(-shape[d] // store.blocks.block[d]) * store.blocks.block[d])
            if pieces[d] > 1 and math.prod(block) // block[d] * grown <= most:
                block[d] = grown
                break
        else:
            return tuple(block)


def _fill(old: Store, new: Store, index: tuple[int, ...]) -> Iterator[None]:
    """Write one block of a sealed generation from the blocks that it spans; yields after each of these.

    Raises DamagedError after taking a damaged block out of the ledger.
    """
    box = new.blocks.slices(index)
    names = variable_names(old)
    values = {
        name: np.empty((*(s.stop - s.start for s in box), *old.layouts[name][2][len(box) :]), old.layouts[name][0])
        for name in names
    }
    spans = [range(s.start // b, -(-s.stop // b)) for s, b in zip(box, old.blocks.block, strict=True)]
    entries = np.empty([len(span) for span in spans], object)
    for place, inner in zip(np.ndindex(*entries.shape), itertools.product(*spans), strict=True):
        name = block_name(inner)
        with ledger.locked(old.ledger, name):
            try:
                entries[place], found = read_checked(old, name, ledger.suffix_of(old.ledger, name) or "done")
            except DamagedError:
                ledger.discard(old.ledger, name)
                raise
        at = tuple(
            slice(s.start - b.start, s.stop - b.start) for s, b in zip(old.blocks.slices(inner), box, strict=True)
        )
        for variable, array in found.items():
            values[variable][at] = array
        yield
    chunks = write_block(new, box, values)
    ledger.commit(new.ledger, block_name(index), values["status"], {**merge(entries), "chunks": chunks})
