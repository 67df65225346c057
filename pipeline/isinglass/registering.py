"""Registering datasets: what a catalog says of a run, written beside what stands there already; and whether it is true.

A catalog file is changed under the kernel's lock on it, by temp + rename, and only in the lines of one entry: comments
and other entries keep their bytes.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass import ledger
from isinglass.dataset import Store
from isinglass.datasets import (
    HERE,
    NAME,
    TWICE,
    Catalog,
    Entry,
    Target,
    is_url,
    mapping_under_sources,
    own_file,
    parse,
    sources,
    text_of,
)
from isinglass.exceptions import InputError, known, told
from isinglass.generations import require
from isinglass.inspection import committed
from isinglass.ledger import Json
from isinglass.opening import locate, of_entry, shown
from isinglass.planning import DONE, FAILED, PENDING, SKIPPED
from isinglass.results import run_folder

if TYPE_CHECKING:
    import xarray as xr

REGISTER = "ISINGLASS_REGISTER"
LISTED = 200  # values of an axis that an entry lists; of longer ones it says the range
HEAD = """\
# Named datasets, in the layout of Intake 1. Changed by `isinglass catalog add` and `remove`, entry by entry; what you
# write here by hand stays.
metadata: {version: 1}
sources:
"""


# ---------------------------------------------------------------- what an entry says


def describe(ds: xr.Dataset) -> Json:
    """Metadata of a dataset as it is stored: title, model, parameters with units and ranges, observables, counts.

    `simulations` counts by the status of every simulation; those of an analysis or foreign group are left out.
    """
    attrs = ds.attrs
    kept = ("title", "model", "workflow", "code_hash", "created", "seed", "isinglass_version", "git_commit")
    out: Json = {key: attrs[key] for key in kept if key in attrs}
    status = ds.get("status")
    dims = status.dims if status is not None else tuple(ds.dims)
    out["axes"] = {str(n): _values(ds, str(n)) for n in _axes(ds, dims)}
    derived = [str(n) for n, c in ds.coords.items() if "quenched" in c.attrs and str(n) not in out["axes"]]
    if derived:
        out["derived"] = {n: _values(ds, n) for n in derived}
    described = attrs.get("parameters")
    out["fixed"] = {
        name: {"units": p.get("units", "1"), "value": p["value"]}
        for name, p in (described.items() if isinstance(described, dict) else ())
        if "value" in p and name not in out["axes"] and name not in ds.coords
    }
    for name in ("sample", "replica"):
        if name in ds.sizes:
            out[f"{name}s"] = ds.sizes[name]
    out["observables"] = {
        str(n): {key: v.attrs[key] for key in ("units", "role", "task") if key in v.attrs}
        for n, v in ds.data_vars.items()
        if n not in ("status", "elapsed")
    }
    if status is not None:
        counts = np.bincount(status.values.ravel().astype(np.int64), minlength=4)
        words = (("done", DONE), ("failed", FAILED), ("pending", PENDING), ("skipped", SKIPPED))
        out["simulations"] = {word: int(counts[code]) for word, code in words}
    plain: Json = ledger.plain(out)
    return plain


def _axes(ds: xr.Dataset, dims: tuple[Any, ...]) -> Iterator[str]:
    """The swept parameters: dims of the grid, or the coordinates along `point`."""
    for dim in dims:
        if dim == "point":
            yield from (str(n) for n, c in ds.coords.items() if c.dims == ("point",) and "quenched" in c.attrs)
        elif dim not in ("sample", "replica"):
            yield str(dim)


def _values(ds: xr.Dataset, name: str) -> Json:
    coordinate = ds[name]
    label = f"{name}_label"
    values = np.unique(ds[label].values if label in ds.coords else coordinate.values)
    out: Json = {"units": str(coordinate.attrs.get("units", "1"))}
    if values.dtype.kind in "iuf" and len(values) > LISTED:
        return out | {"minimum": values.min().item(), "maximum": values.max().item(), "count": len(values)}
    listed = values[:LISTED].tolist()
    return out | {"values": listed} | ({"count": len(values)} if len(values) > LISTED else {})


def metadata(target: Target) -> Json:
    """What the dataset at a target says of itself now. Raises InputError where it cannot be opened.

    The counts of a run folder are those of its newest request: corners of the grid that nobody asked for do not count.
    """
    from isinglass.backend import open_target

    ds = open_target(target)
    out = describe(ds)
    path = Path(target.path)
    if not target.remote and path.name == "data.zarr" and path.parent.parent.name == ".store":
        out["simulations"] = asked_counts(require(path.parent.parent.parent))
    return out


def asked_counts(store: Store) -> dict[str, int]:
    """How many simulations of the newest request are done, failed, pending, skipped, by the ledger.

    No code of the run is loaded. Raises InputError where no request can be read.
    """
    status, status_of = np.zeros(store.blocks.shape, np.int8), committed(store)
    for index in store.blocks:
        box = store.blocks.slices(index)
        found = status_of(index, box)
        status[box] = DONE if found is None else found
    record, declared = ledger.newest_request(store.requests), store.declaration
    keep = ledger.unpack_array(record["keep"]).astype(bool)
    asked, there = ([tuple(values) for _, values in axes] for axes in (record["axes"], declared["axes"]))
    if declared["points"]:
        asked, there = [tuple(zip(*asked, strict=True))], [tuple(zip(*there, strict=True))]
    places = []
    for values, axis in zip(asked, there, strict=True):
        place = {value: i for i, value in enumerate(axis)}
        places.append([place[value] for value in values])
    part = status[np.ix_(*places, range(record["samples"]), range(record["replicas"]))]
    kept = part[keep]
    done, failed = int((kept == DONE).sum()), int((kept == FAILED).sum())
    return {"done": done, "failed": failed, "pending": kept.size - done - failed, "skipped": part.size - kept.size}


# ---------------------------------------------------------------- add and remove


def add(run: str, name: str | None, file: Path, license_: str | None = None, citation: str | None = None) -> Entry:
    """Write an entry for a run folder, a zarr group or a URL; again: brings the entry of the same place up to date.

    Raises InputError where it cannot be opened, or where another dataset has the name.
    """
    if run != shown(run):
        raise InputError("a catalog is no place for passwords or signed addresses: give the plain URL")
    place = _group_of(run, _options(file, name)) if is_url(run) else _path_of(run)
    name = name or Path(place.removesuffix("/data.zarr")).name.removesuffix(".zarr")
    target = Target(place, True, _options(file, name)) if is_url(run) else locate(place)
    if not NAME.fullmatch(name):
        raise InputError(f"{name!r} is no name for a dataset: letters, digits and . _ + - (--name)")
    found = metadata(target)
    more = {key: value for key, value in (("license", license_), ("citation", citation)) if value}
    content: Json = {"driver": "zarr", "description": str(found.get("title", name))}
    content["args"] = {"urlpath": place if target.remote else _written(place, Catalog(file, own=True))}
    content["metadata"] = found | more

    def change(text: str, old: Mapping[str, Json]) -> str:
        before = old.get(name)
        if before is not None:
            if TWICE in before:
                raise InputError(f"{file} has {name} twice: rename one")
            was = Entry(name, Catalog(file, own=True), before)
            if was.target().path != Entry(name, was.catalog, content).target().path:
                raise InputError(f"{file} has another dataset named {name}, {was.target().path}: choose a --name")
            if isinstance(before.get("metadata"), dict):  # what people wrote, such as a citation, stays
                own = {k: v for k, v in before["metadata"].items() if k not in found and k not in DESCRIBED}
                content["metadata"] = found | own | more
            if isinstance(before.get("args"), dict):
                content["args"] = before["args"] | content["args"]
            text = _without(text, name)
        return _with(text, name, content)

    edit(file, name, change)
    return Entry(name, Catalog(file, own=True), content)


DESCRIBED = ("axes", "derived", "fixed", "observables", "simulations", "samples", "replicas", "git_commit")


def _path_of(run: str) -> str:
    """The path that an entry names: `data.zarr` of a run folder, whatever generation is behind it; or a zarr group."""
    try:
        return str(run_folder(run) / "data.zarr")
    except InputError as error:
        for group in (Path(run), Path(run) / "data.zarr"):
            if (group / "zarr.json").is_file():
                return str(group)
        raise InputError(f"{error}; catalog add takes a run folder, a zarr group or a URL") from error


def _options(file: Path, name: str | None) -> Json:
    """The storage options that somebody wrote into the entry of that name."""
    entries = sources(file) if file.is_file() else {}
    args = entries.get(name or "", {}).get("args")
    options = args.get("storage_options") if isinstance(args, dict) else None
    return options if isinstance(options, dict) else {}


def _group_of(url: str, options: Json) -> str:
    """`URL/data.zarr` where that is the group, so that Intake opens it too; else the URL."""
    from isinglass.backend import open_target

    url = url.rstrip("/")
    inner = f"{url}/data.zarr"
    if url.endswith(".zarr"):
        return url
    try:
        open_target(Target(inner, True, options))
    except InputError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return url
        raise
    return inner


def _written(place: str, catalog: Catalog) -> str:
    """A path as an entry has it: relative to the catalog where that stays within its bounds, else absolute."""
    full = Path(os.path.abspath(place))  # noqa: PTH100 (links stay links)
    if full.is_relative_to(os.path.normpath(catalog.bounds)):
        return f"{HERE}/{os.path.relpath(full, catalog.folder)}"
    return str(full)


def remove(name: str, file: Path) -> None:
    """Take an entry out of a catalog; the data stay. Raises InputError where there is none of that name."""

    def change(text: str, old: Mapping[str, Json]) -> str:
        if name not in old:
            raise InputError(f"{file} has no entry {name!r}; {known(name, old)}")
        return _without(text, name)

    edit(file, name, change)


def register(root: Path) -> str | None:
    """At the end of a run: add it to the working folder's catalog where ISINGLASS_REGISTER=1 asks for it.

    Returns a line that says so, or why not: a run does not fail for its catalog.
    """
    if os.environ.get(REGISTER, "") in ("", "0"):
        return None
    try:
        entry = add(str(root), None, own_file())
        return f"catalog       isinglass.open({entry.name!r})"
    except (InputError, OSError) as error:
        return f"catalog       not registered: {error}"


# ---------------------------------------------------------------- the file


def edit(file: Path, name: str, change: Callable[[str, Mapping[str, Json]], str]) -> None:
    """Change one entry by `change(text, entries)`, alone: two at once wait for each other, and neither loses anything.

    Where a file system has no locks, the rename alone keeps the file whole, and the later of two may win.
    Raises InputError where the file cannot be read, or where the change would alter other entries.
    """
    with _locked(file):
        text = text_of(file) or HEAD
        old = parse(text, file)
        new = change(text, old)
        try:
            after = parse(new, file)
        except InputError:
            after = {}
        if {**old, name: None} != {**after, name: None}:
            raise InputError(f"{file} is laid out so that it cannot be changed entry by entry: edit it by hand")
        ledger.replace(file.resolve(), new.encode())  # a link stays one


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    """While the kernel's lock on the file is held; it is made, empty, where there is none, and not left empty."""
    file.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with file.open("a") as lock:
            with contextlib.suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX)
            try:  # who held it before has put another file in its place
                if not os.path.samestat(os.fstat(lock.fileno()), file.stat()):
                    continue
            except FileNotFoundError:
                continue
            try:
                yield
            finally:
                if file.stat().st_size == 0:
                    file.unlink()
            return


def _with(text: str, name: str, content: Json) -> str:
    """The text with an entry behind the others."""
    import yaml

    root = yaml.compose(text, yaml.SafeLoader)
    pairs = mapping_under_sources(root)
    dumped = yaml.safe_dump(
        {name: content}, sort_keys=False, allow_unicode=True, width=118, default_flow_style=None
    )  # fmt: skip
    indent = pairs[0][0].start_mark.column if pairs else 2
    block = "".join(" " * indent + line if line.strip() else line for line in dumped.splitlines(keepends=True))
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    if pairs:
        at = _end(lines, pairs[-1][0].start_mark.line, indent)
    else:
        at = 1 + next((i for i, line in enumerate(lines) if re.match(r"sources\s*:", line)), len(lines))
        if at > len(lines):
            lines.append("sources:\n")
        else:
            lines[at - 1] = re.sub(r"^(sources\s*:)\s*\{\s*\}", r"\1", lines[at - 1])
    return "".join([*lines[:at], block, *lines[at:]])


def _without(text: str, name: str) -> str:
    """The text without an entry: from its name to the next line that is indented no deeper, comments before it kept."""
    import yaml

    pairs = mapping_under_sources(yaml.compose(text, yaml.SafeLoader))
    lines = text.splitlines(keepends=True)
    for key, _ in pairs:
        if key.value == name:
            first = key.start_mark.line
            return "".join([*lines[:first], *lines[_end(lines, first, key.start_mark.column) :]])
    return text


def _end(lines: list[str], first: int, indent: int) -> int:
    """The line behind an entry: trailing blank lines and comments as far out as its name are not its own."""
    last = first
    for i in range(first + 1, len(lines)):
        line = lines[i]
        if not line.strip():
            continue
        if len(line) - len(line.lstrip()) <= indent:
            break
        last = i
    return last + 1


# ---------------------------------------------------------------- check


@dataclass(frozen=True)
class Finding:
    """What `check` says of an entry: `word` is ok, incomplete, outdated or broken."""

    entry: Entry
    word: str
    why: str


def check(entry: Entry) -> Finding:
    """Open an entry, count what is done, and compare it with what the entry says."""
    try:
        now = metadata(of_entry(entry.target(), entry.name))
    except Exception as error:  # whatever a damaged store raises: it must not hide the other entries
        return Finding(entry, "broken", told(error))
    counts = now.get("simulations", {})
    if counts.get("pending"):
        return Finding(entry, "incomplete", f"{counts['pending']} of {sum(counts.values())} simulations are pending")
    stale = [key for key in (*DESCRIBED, "code_hash") if entry.metadata.get(key, now.get(key)) != now.get(key)]
    if stale:
        return Finding(entry, "outdated", f"{', '.join(stale)} changed since: isinglass catalog add again")
    failed = f", {counts['failed']} failed" if counts.get("failed") else ""
    return Finding(entry, "ok", f"{counts['done']} simulations done{failed}" if counts else "it opens")
