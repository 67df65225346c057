"""Ledger entries of several blocks merged into one, and taken apart again: who computed what, and at what cost.

Pure functions of entries. A merged entry has `origins`, one item for each process setting that computed a part of it,
and `origin`, the item's number over the blocks that were merged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from isinglass.ledger import Json, pack_array, unpack_array

# what tells one origin from another
SAME = ("code", "codes", "request", "host", "cpu", "numba", "llvmlite", "isinglass")
# what belongs to one block as it lies on disk, and not to those who computed it
OWN = ("format", "block", "status", "done", "failed", "skipped", "pending", "chunks", "failures", "origin", "origins")


def merge(entries: np.ndarray) -> Json:
    """One entry for a box of blocks: an object array of their entries, None where there is none."""
    origins: dict[tuple[Any, ...], Json] = {}
    number = np.full(entries.shape, -1, np.int16)
    failures = []
    for index in np.ndindex(*entries.shape):
        entry: Json | None = entries[index]  # type: ignore[assignment]
        if entry is None:
            continue
        failures += entry.get("failures", [])
        key = tuple(str(entry.get(k)) for k in SAME)
        first = key not in origins
        into = origins.setdefault(key, {k: v for k, v in entry.items() if k not in OWN} | {"blocks": 0})
        number[index] = list(origins).index(key)
        into["blocks"] += 1
        if not first:
            _add(into, entry)
    parts = list(origins.values())
    return {**combined(parts), "failures": failures, "origins": parts, "origin": pack_array(number)}


def _add(into: Json, entry: Json) -> None:
    for k in ("seconds", "cpu_seconds"):
        into[k] = round(into.get(k, 0.0) + entry.get(k, 0.0), 6)
    into["attempts"] = max(into.get("attempts", 1), entry.get("attempts", 1))
    into["written"] = max(str(into.get("written", "")), str(entry.get("written", "")))


def combined(parts: Sequence[Json]) -> Json:
    """What an entry of a block says of itself that was computed in parts: of the newest, with the costs of all."""
    out = {k: v for k, v in max(parts, key=lambda e: str(e.get("written", ""))).items() if k not in (*OWN, "blocks")}
    out |= {"seconds": 0.0, "cpu_seconds": 0.0} | several({code for part in parts for code in codes(part)})
    for part in parts:
        _add(out, part)
    return out


def codes(entry: Json) -> list[str]:
    """The hashes of all code that computed a part of a block: more than one after an accepted change."""
    return list(entry.get("codes", [entry["code"]]))


def several(found: set[str]) -> Json:
    """What an entry says of its codes besides the newest: nothing where that is the only one."""
    return {"codes": sorted(found)} if len(found) > 1 else {}


def portion(entry: Json, taken: Sequence[np.ndarray], block: Sequence[int], shape: Sequence[int]) -> list[Json]:
    """The entries that a part of a block would have. `taken`: along each dim, the indices within the block.

    `block` is the extent of the blocks that were merged into a block of `shape`. Costs are shared out evenly.
    """
    if "origins" not in entry:
        return [_scaled(entry, math.prod(map(len, taken)) / max(math.prod(shape), 1))]
    number = unpack_array(entry["origin"])[np.ix_(*(np.unique(t // b) for t, b in zip(taken, block, strict=True)))]
    kinds, counts = np.unique(number[number >= 0], return_counts=True)
    return [
        _scaled(entry["origins"][k], n / entry["origins"][k]["blocks"])
        for k, n in zip(kinds.tolist(), counts.tolist(), strict=True)
    ]


def _scaled(entry: Json, share: float) -> Json:
    return entry | {k: round(entry.get(k, 0.0) * share, 6) for k in ("seconds", "cpu_seconds")}


def origin_at(entry: Json, place: Sequence[int], block: Sequence[int]) -> Json:
    """The entry, or origin of a merged one, of the simulation at `place` within a block."""
    if "origins" not in entry:
        return entry
    number = int(unpack_array(entry["origin"])[tuple(i // b for i, b in zip(place, block, strict=True))])
    return dict(entry["origins"][number]) if number >= 0 else entry
