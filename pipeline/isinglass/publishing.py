"""Publishing: a finished run copied to a URL or folder, so that readers see all of it or nothing.

Objects go first, each checked by what the target then says of it; the group's `zarr.json`, without which nothing opens,
goes last. `publish.json` says whose place it is. Only fsspec is used: objects are copied byte for byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isinglass import ledger
from isinglass.dataset import Store
from isinglass.datasets import Target, is_url
from isinglass.exceptions import InputError
from isinglass.generations import require
from isinglass.inspection import scrub
from isinglass.opening import discreet, shown
from isinglass.provenance import now, versions
from isinglass.registering import asked_counts

MARK = "publish.json"
DATA, ANALYSIS = "data.zarr/zarr.json", "analysis.zarr/zarr.json"
AT_ONCE = 8  # objects in flight


class IncompleteError(Exception):
    """The run has pending simulations."""


def publish(root: Path, url: str, say: Callable[[str], None]) -> None:
    """Copy the current generation of a run, its analysis, report, figures and workflow. The same again: what differs.

    Raises IncompleteError for a run that is not finished, InputError where it is damaged, where the target holds
    something else, or cannot be written.
    """
    from isinglass.backend import open_target

    store = require(root)
    target = Target(store.path.as_posix(), remote=False)
    status = open_target(target)["status"].values
    counts = asked_counts(store)
    if counts["pending"]:
        raise IncompleteError(f"{root}: {counts['pending']} of {sum(counts.values())} simulations are pending")
    damage = [what for _, what in scrub(store)]
    if damage:
        raise InputError(f"{root} is damaged ({damage[0]}): run the workflow again, which mends it, then publish")
    files = collect(root, store)
    place = Place.at(url)
    if place.local and Path(place.base).resolve().is_relative_to(root.resolve()):
        raise InputError(f"{shown(url)} lies in the run folder itself: name a folder or URL outside of {root}")
    with place.speaking():
        sent = _copy(place, files, _mark(store, files))
    # the last word is a reader's
    read = open_target(Target(place.url, place.remote) if place.remote else Target(f"{place.base}/data.zarr", False))
    if read["status"].values.tobytes() != status.tobytes():
        raise InputError(f"{shown(url)}: what is read there is not what was published: publish again")
    size = sum(path.stat().st_size for path in files.values())
    say(f"published     {len(files)} files, {_bytes(size)} at {shown(place.url)}; {sent} sent, the others were there")
    say(f"open it       isinglass.open({shown(place.url)!r})")
    say(f"without it    xr.open_zarr({shown(place.url) + '/data.zarr'!r})")


def collect(root: Path, store: Store) -> dict[str, Path]:
    """What is published: key -> file."""
    out: dict[str, Path] = {}
    groups = {"data.zarr": store.path}
    if (root / "analysis.zarr").exists():
        groups["analysis.zarr"] = (root / "analysis.zarr").resolve()
    if (root / "figures").is_dir():
        groups["figures"] = root / "figures"
    for name, folder in groups.items():
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith(".") and not path.name.endswith(".partial"):
                out[f"{name}/{path.relative_to(folder).as_posix()}"] = path
    for name in ("report.html", "workflow.py"):
        if (root / name).is_file():
            out[name] = root / name
    return out


def _mark(store: Store, files: Mapping[str, Path]) -> dict[str, Any]:
    """Whose place the target is. `dataset`: a hash of every byte of `data.zarr`."""
    h = hashlib.blake2b(digest_size=16)
    for key in sorted(key for key in files if key.startswith("data.zarr/")):
        h.update(f"{key}\0{hashlib.blake2b(files[key].read_bytes()).hexdigest()}\n".encode())
    title = str(store.declaration["attributes"].get("title", store.root.name))
    return {"dataset": h.hexdigest(), "title": title, "isinglass": versions()["isinglass"], "begun": now()}


def _copy(place: Place, files: Mapping[str, Path], mark: Mapping[str, Any]) -> int:
    """Bring the target to hold exactly `files`. Returns how many objects were sent."""
    top = place.top()
    if top and MARK not in top:
        raise InputError(f"{shown(place.url)} holds other things ({', '.join(top[:3])}): name a URL of its own")
    there = place.listing()
    if MARK in there:
        _check_mark(place, mark)
    else:
        place.put(MARK, json.dumps(mark, indent=1).encode())
    stale = [key for key in there if key not in files and key != MARK]
    wrong = {key for key in files if not place.same(key, there.get(key), files[key])}
    # a group that changes is first made none
    for group in (DATA, ANALYSIS):
        folder = group.partition("/")[0]
        if group in there and any(key.startswith(folder) for key in (*wrong, *stale)):
            place.remove([group])
            wrong |= {group} & files.keys()
    place.remove([key for key in stale if key not in (DATA, ANALYSIS)])
    for keys in _in_order(wrong):
        place.send({key: files[key] for key in keys})
        after = place.listing()
        damaged = [key for key in keys if not place.same(key, after.get(key), files[key])]
        if damaged:
            raise InputError(f"{shown(place.url)}: {damaged[0]} did not arrive as it was sent: publish again")
        if DATA not in keys:
            _check_mark(place, mark)
    return len(wrong)


def _in_order(keys: set[str]) -> Iterator[Sequence[str]]:
    """Chunks and other files; the arrays' metadata; the analysis; the data set last."""
    arrays = {key for key in keys if key.endswith("/zarr.json")} - {DATA, ANALYSIS}
    for part in (keys - arrays - {DATA, ANALYSIS}, arrays, keys & {ANALYSIS}, keys & {DATA}):
        if part:
            yield sorted(part)


def _check_mark(place: Place, mark: Mapping[str, Any]) -> None:
    try:
        theirs = json.loads(place.get(MARK))
        same, title = theirs["dataset"] == mark["dataset"], str(theirs["title"])
    except (ValueError, KeyError, TypeError):
        same, title = False, f"an unreadable {MARK}"
    if not same:
        raise InputError(
            f"{shown(place.url)} holds another dataset, or another state of this one ({title}): name a fresh URL"
        )


# ---------------------------------------------------------------- the target


@dataclass(frozen=True)
class Place:
    """A folder of a file system of fsspec; `url` as it was given, `base` as the file system calls it."""

    fs: Any
    url: str
    base: str
    remote: bool

    @classmethod
    def at(cls, url: str) -> Place:
        """Raises InputError for a protocol that is unknown, or whose package is not installed."""
        import fsspec  # type: ignore[import-untyped]

        if not url.strip():
            raise InputError("publish where? Name a URL such as s3://bucket/name, or a folder")
        try:
            fs, base = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            words = discreet(str(error), url)
            raise InputError(f"{shown(url)}: {words}; pip install 'isinglass[remote]' has s3://") from error
        return cls(fs, url.rstrip("/"), str(base).rstrip("/"), is_url(url))

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Raises InputError, without secrets, for whatever the file system's library raises."""
        try:
            yield
        except (InputError, MemoryError):
            raise
        except Exception as error:
            words = discreet(f"{type(error).__name__}: {error}", self.url)
            raise InputError(
                f"{shown(self.url)} cannot be written ({words}): what arrived is kept, publish again goes on"
            ) from error

    @property
    def local(self) -> bool:
        protocol = self.fs.protocol
        return "file" in ((protocol,) if isinstance(protocol, str) else protocol)

    def top(self) -> list[str]:
        """What lies at the place itself, sorted: enough to tell a place of others, however much is below."""
        self.fs.invalidate_cache()
        try:
            found = self.fs.ls(self.base, detail=True)
        except FileNotFoundError:
            return []
        if [info["name"].rstrip("/") for info in found if info["type"] == "file"] == [self.base]:
            raise InputError(f"{shown(self.url)} is a file: name a folder")
        names = {Path(info["name"].rstrip("/")).name: info["type"] for info in found}
        return sorted(n for n, kind in names.items() if n and not (n.startswith(".") and kind == "file"))

    def listing(self) -> dict[str, dict[str, Any]]:
        """Every object: key -> what the file system says of it."""
        self.fs.invalidate_cache()
        try:
            found = self.fs.find(self.base, detail=True)
        except FileNotFoundError:
            return {}
        keys = {path: path.removeprefix(self.base).lstrip("/") for path in found}
        return {key: found[path] for path, key in keys.items() if key and not Path(key).name.startswith(".")}

    def same(self, key: str, info: Mapping[str, Any] | None, file: Path) -> bool:
        """Whether an object holds a file's bytes: by its MD5, where it has one (S3's ETag), else by reading it back."""
        if info is None or int(info["size"]) != file.stat().st_size:
            return False
        raw = file.read_bytes()
        etag = str(info.get("ETag", "")).strip('"')
        return etag == hashlib.md5(raw, usedforsecurity=False).hexdigest() or self.get(key) == raw

    def get(self, key: str) -> bytes:
        return bytes(self.fs.cat_file(f"{self.base}/{key}"))

    def put(self, key: str, raw: bytes) -> None:
        if self.local:  # whole or not at all, as object stores do
            path = Path(f"{self.base}/{key}")
            path.parent.mkdir(parents=True, exist_ok=True)
            ledger.replace(path, raw)
        else:
            self.fs.pipe_file(f"{self.base}/{key}", raw)

    def send(self, files: Mapping[str, Path]) -> None:
        """Put files, several at once."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for _ in pool.map(lambda item: self.put(item[0], item[1].read_bytes()), files.items()):
                pass

    def remove(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.fs.rm_file(f"{self.base}/{key}")


def _bytes(n: int) -> str:
    return f"{n / 1e9:.1f} GB" if n >= 1e9 else f"{n / 1e6:.1f} MB" if n >= 1e6 else f"{n / 1e3:.0f} kB"
