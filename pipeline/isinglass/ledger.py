"""The ledger: one small file per block beside the store, and one per request; plain JSON, no Zarr.

`<block>.run`: in flight, by whom. `<block>.done`: every simulation of the chunk is done. `<block>.part`: written, but
some simulation is pending, failed or skipped; the entry then carries the block's status. Files are replaced by rename
and carry a checksum, so an entry is whole, or damaged and said to be.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import fcntl
import json
import math
import os
import socket
import time
import uuid
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from isinglass.exceptions import InputError
from isinglass.planning import DONE, FAILED, PENDING, SKIPPED

FORMAT = 1
DEATHS = 2  # after so many deaths in flight a block runs in a process of its own
Json = dict[str, Any]


class DamagedError(Exception):
    """A file of the store or the ledger that cannot be read back as it was written."""


# ---------------------------------------------------------------- checked JSON files


def replace(path: Path, raw: bytes, temporaries: Path | None = None) -> None:
    """Write a file by temp + rename: readers see it whole or not at all, and a failure leaves nothing behind.

    The temporary file is made beside it, or in a folder for such files; then folders of the path are made as needed.
    """
    temporary = (temporaries or path.parent) / f".{uuid.uuid4().hex}.tmp"
    try:
        temporary.write_bytes(raw)
        try:
            temporary.replace(path)
        except FileNotFoundError:
            if temporaries is None:
                raise
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def _text(content: Json) -> bytes:
    body = json.dumps(content, sort_keys=True, allow_nan=False)
    # the keys are in order, so this is `json.dumps` of the whole, without doing the content twice
    return f'{{"content": {body}, "crc32": {zlib.crc32(body.encode())}}}\n'.encode()


def write_json(path: Path, content: Json) -> None:
    """Write a JSON object with its checksum, by temp + rename."""
    replace(path, _text(content))


def read_json(path: Path) -> Json:
    """Read what `write_json` wrote, byte for byte. Raises DamagedError, FileNotFoundError."""
    raw = path.read_bytes()
    try:
        content: Json = json.loads(raw)["content"]
        if _text(content) != raw:
            raise DamagedError(f"{path}: its checksum does not fit")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedError(f"{path}: {error}") from error
    return content


def plain(value: Any) -> Any:
    """Attributes as JSON holds them everywhere: Python numbers, and non-finite ones as strings."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


# What belongs to no block is written twice, so that no single flipped bit loses it: `NAME.json` and `NAME.copy`.


def copy_of(path: Path) -> Path:
    return path.with_suffix(".copy")


def write_twice(path: Path, content: Json) -> None:
    write_json(path, content)
    write_json(copy_of(path), content)


def read_twice(path: Path) -> Json:
    """Read a file, or its copy where it is damaged. Raises DamagedError, FileNotFoundError where both are."""
    try:
        return read_json(path)
    except (DamagedError, FileNotFoundError) as error:
        try:
            return read_json(copy_of(path))
        except (DamagedError, FileNotFoundError):
            raise error from None


def stems(folder: Path) -> list[Path]:
    """The files of a folder that were written twice, by the name of the first, in order."""
    return sorted({p.with_suffix(".json") for suffix in ("json", "copy") for p in folder.glob(f"[!.]*.{suffix}")})


def pack_array(array: np.ndarray) -> Json:
    """A small integer or bool array as JSON: shape, dtype, zlib + base64."""
    data = base64.b64encode(zlib.compress(np.ascontiguousarray(array).tobytes(), 6)).decode()
    return {"shape": list(array.shape), "dtype": str(array.dtype), "zlib": data}


def unpack_array(packed: Json) -> np.ndarray:
    raw = zlib.decompress(base64.b64decode(packed["zlib"]))
    return np.frombuffer(raw, packed["dtype"]).reshape(packed["shape"])


# ---------------------------------------------------------------- block entries


@contextlib.contextmanager
def locked(folder: Path, block: str) -> Iterator[None]:
    """While a block's chunks are rewritten or read with its entry: nobody else does, on this machine or file system.

    Two runs that each hold a part of one block would otherwise write chunks of one and the entry of the other. The
    lock is the kernel's and dies with the process, so that none is ever left behind. Where a file system has no locks
    it is not taken; blocks of shards are disjoint, so only different runs at once are then unprotected.
    """
    with contextlib.ExitStack() as stack:
        try:
            home = folder.parent / "locks"
            home.mkdir(exist_ok=True)
            file = stack.enter_context((home / f"{zlib.crc32(block.encode()) % 64}").open("w"))
        except OSError as error:
            if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
                raise  # else who may not write needs no lock
        else:
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def listing(folder: Path) -> dict[str, str]:
    """Committed blocks by name: "done" or "part". One directory listing, nothing opened."""
    out: dict[str, str] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            name, _, suffix = entry.name.rpartition(".")
            if suffix == "done" or (suffix == "part" and name not in out):
                out[name] = suffix
    return out


Mark = tuple[str, int, int]
"""What changes when a block's entry is replaced: "done" or "part", inode, time of writing (ns since 1970)."""


def marks(folder: Path, seen: Mapping[str, Mark]) -> dict[str, Mark]:
    """Committed blocks by name with their marks, in one directory listing, for who follows a run.

    Nothing is opened. Whole blocks that `seen` knows by their inode are not asked for their time again.
    """
    out: dict[str, Mark] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            name, _, suffix = entry.name.rpartition(".")
            if suffix not in ("done", "part") or (suffix == "part" and name in out):
                continue
            before = seen.get(name)
            if suffix == "done" and before is not None and before[:2] == ("done", entry.inode()):
                out[name] = before
                continue
            with contextlib.suppress(FileNotFoundError):  # replaced just now: the next listing has it
                found = entry.stat()
                out[name] = (suffix, found.st_ino, found.st_mtime_ns)
    return out


def suffix_of(folder: Path, block: str) -> str | None:
    """How one block is committed now: "done", "part", or not at all."""
    return next((s for s in ("done", "part") if (folder / f"{block}.{s}").exists()), None)


def in_flight(folder: Path) -> list[Json]:
    """Who says to be working on which block now; a block that is done is in flight no more."""
    out = []
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.name.endswith(".run")]
    for path in map(folder.joinpath, names):
        if path.with_suffix(".done").exists():
            continue
        try:
            out.append(read_json(path) | {"block": path.name.removesuffix(".run")})
        except (DamagedError, FileNotFoundError):
            continue
    return out


def me() -> Json:
    """This process, so that nobody takes another one of the same number for it."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "born": _born(os.getpid())}


def _born(pid: int) -> str:
    """When a process started, in ticks since the machine did; empty where the system does not say."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def alive(run: Json) -> bool:
    """Whether the process of a `.run` file may still be at work: unknown on another host, so taken for alive."""
    if run["host"] != socket.gethostname():
        return True
    try:
        os.kill(int(run["pid"]), 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return bool(_born(int(run["pid"])) == run.get("born", ""))


def begin(folder: Path, block: str, by: Json) -> int:
    """Say that a block is in flight. Returns which attempt this is: a `.run` left over counts as one."""
    path = folder / f"{block}.run"
    attempts = 1
    try:
        attempts += int(read_json(path)["attempts"])
    except FileNotFoundError:
        pass
    except (DamagedError, KeyError):
        attempts += 1
    deaths = deaths_at(folder, block)
    write_json(path, me() | by | {"attempts": attempts, "deaths": deaths, "since": time.time()})
    return attempts


def deaths_at(folder: Path, block: str) -> int:
    """How many processes have died with a block in flight since it was last committed."""
    try:
        return deaths_of(read_json(folder / f"{block}.run"))
    except (FileNotFoundError, DamagedError, KeyError):
        return 0


def deaths_of(run: Json) -> int:
    """The same, of a `.run` that was read: one of a process elsewhere counts as dead, which costs caution only."""
    return int(run["deaths"]) + (run["host"] != socket.gethostname() or not alive(run))


def commit(folder: Path, block: str, status: np.ndarray, entry: Json) -> None:
    """The block's chunks are written: its entry goes last, and makes them count."""
    counts = {
        word: int((status == code).sum())
        for word, code in (("done", DONE), ("failed", FAILED), ("skipped", SKIPPED), ("pending", PENDING))
    }
    whole = counts["done"] == status.size
    content = {"format": FORMAT, "block": block, **counts, **entry}
    if not whole:
        content["status"] = pack_array(status)
    write_json(folder / f"{block}.{'done' if whole else 'part'}", content)
    (folder / f"{block}.{'part' if whole else 'done'}").unlink(missing_ok=True)
    (folder / f"{block}.run").unlink(missing_ok=True)


def read_entry(folder: Path, block: str, suffix: str) -> Json:
    """A committed entry; `.part` entries have `status` as an int8 array. Raises DamagedError."""
    path = folder / f"{block}.{suffix}"
    entry = read_json(path)
    try:
        if entry["block"] != block:
            raise DamagedError(f"{path}: it is of block {entry['block']}")
        if suffix == "part":
            entry["status"] = unpack_array(entry["status"])
    except (KeyError, ValueError, TypeError, zlib.error) as error:
        raise DamagedError(f"{path}: {error}") from error
    return entry


def discard(folder: Path, block: str) -> None:
    """Take a block's entry out: the next run computes it again."""
    for suffix in ("done", "part", "run"):
        (folder / f"{block}.{suffix}").unlink(missing_ok=True)


# ---------------------------------------------------------------- requests


def add_request(folder: Path, content: Json) -> str:
    """File what a run asks; returns the request's name. Names sort by time."""
    folder.mkdir(parents=True, exist_ok=True)
    newest = [p.name.split("-")[0] for p in stems(folder)]
    stamp = max([time.time_ns(), *(int(n) + 1 for n in newest if n.isdigit())])
    name = f"{stamp:020d}-{uuid.uuid4().hex[:8]}"
    write_twice(folder / f"{name}.json", {"format": FORMAT, **content})
    return name


def requests(folder: Path) -> list[Json]:
    """All requests, oldest first; one that is damaged twice is passed over (it asks nothing)."""
    out = []
    for path in stems(folder):
        try:
            out.append(read_twice(path) | {"name": path.stem})
        except (DamagedError, FileNotFoundError):
            continue
    return out


def newest_request(folder: Path) -> Json:
    """Raises InputError where no run ever asked anything, or where the newest request cannot be read."""
    found = stems(folder)
    again = f"run `isinglass run WORKFLOW --out {folder.parent.parent}`"
    if not found:
        raise InputError(f"{folder} holds no request that can be read: {again}")
    try:
        return read_twice(found[-1]) | {"name": found[-1].stem}
    except (DamagedError, FileNotFoundError) as error:
        raise InputError(f"the newest request is damaged ({error}), so is its copy: {again}") from error
