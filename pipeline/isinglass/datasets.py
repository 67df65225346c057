"""Catalogs of datasets: `datasets.yaml` files in the layout of Intake 1, which people, Intake and Isinglass read alike.

A catalog is data: `yaml.safe_load`, and no template but `{{ CATALOG_DIR }}`, which is replaced as text.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isinglass.exceptions import InputError
from isinglass.shipped import shipped

FILE = "datasets.yaml"
FOLDER = "catalogs"
GROUP = "isinglass.catalogs"
PATH = "ISINGLASS_CATALOG_PATH"
DRIVERS = ("zarr", "intake_xarray.xzarr.ZarrSource")
HERE = "{{ CATALOG_DIR }}"
FOREIGN = ("https", "http", "s3", "gs", "gcs", "az", "abfs")
"""Protocols that a package's catalog may name: none that reads or writes files of this machine, as caches do."""
TWICE = " stands there twice "
NAME = re.compile(r"\w[\w.+-]*")


@dataclass(frozen=True)
class Catalog:
    """One file. `own`: the user named it, or it lies in the working folder; else it came with a package."""

    file: Path
    own: bool

    @property
    def folder(self) -> Path:
        return self.file.absolute().parent

    @property
    def bounds(self) -> Path:
        """Where relative paths may lead: the catalog's folder; from a folder `catalogs` also the project around it."""
        return self.folder.parent if self.folder.name == FOLDER else self.folder


@dataclass(frozen=True)
class Target:
    """What to open: a path, or a URL of zarr with the options of its file system (never to be printed)."""

    path: str
    remote: bool
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Entry:
    """One named dataset; `content` is what stands in the file. Whether it is sound shows at `target()`."""

    name: str
    catalog: Catalog
    content: Mapping[str, Any]

    @property
    def metadata(self) -> Mapping[str, Any]:
        found = self.content.get("metadata")
        return found if isinstance(found, dict) else {}

    @property
    def title(self) -> str:
        return said(self.content.get("description") or self.metadata.get("title"))

    def target(self) -> Target:
        """Where the data are. Raises InputError for an entry that cannot be used, or that leads out of bounds."""
        if TWICE in self.content:
            raise self.error("it stands there twice: rename one")
        driver = self.content.get("driver")
        if driver not in DRIVERS:
            raise self.error(f"driver {driver!r} is not zarr")
        args = self.content.get("args")
        text = args.get("urlpath") if isinstance(args, dict) else None
        if not isinstance(text, str) or not text.strip():
            raise self.error("it has no args: urlpath, the path or URL of a zarr group")
        options = args.get("storage_options") or {} if isinstance(args, dict) else {}
        if not isinstance(options, dict):
            raise self.error("storage_options is no mapping")
        path = re.sub(r"\{\{\s*CATALOG_DIR\s*\}\}", lambda _: str(self.catalog.folder), text.strip())
        if "{{" in path or "{%" in path:
            raise self.error(f"urlpath {text!r}: no template but {HERE} is filled in")
        if is_url(path):
            if not self.catalog.own and ("::" in path or path.partition("://")[0] not in FOREIGN):
                raise self.error(
                    f"urlpath {text!r}: a catalog of a package names plain URLs only: {', '.join(FOREIGN)}"
                )
            return Target(path, True, options)
        return Target(str(self._inside(path, text)), False)

    def _inside(self, path: str, text: str) -> Path:
        own = self.catalog.own
        full = Path(os.path.normpath(self.catalog.folder / Path(path).expanduser()))
        bounds = Path(os.path.normpath(self.catalog.bounds))
        if not own:  # a link that came with a package leads nowhere else either
            full, bounds = full.resolve(), bounds.resolve()
        absolute = Path(text).is_absolute() or text.startswith("~")
        if not full.is_relative_to(bounds) and not (own and absolute):
            how = "write it as an absolute path" if own else "only your own catalogs may"
            raise self.error(f"urlpath {text!r} leads out of {bounds}: {how}")
        return full

    def error(self, words: str) -> InputError:
        return InputError(f"{self.catalog.file}, {self.name}: {words}")


def said(value: object) -> str:
    """A text or number of a catalog on one line, at most 300 characters; nothing of a list, which may be without end.

    YAML's aliases make one of a few hundred bytes as long as it likes.
    """
    return " ".join(str(value)[:300].split()) if isinstance(value, (str, int, float)) else ""


def is_url(text: str) -> bool:
    """Whether a name is for fsspec: `s3://...`, `simplecache::...`."""
    return bool(re.match(r"[a-z][a-z0-9+.-]*(://|::)", text))


# ---------------------------------------------------------------- which catalogs there are


def own_file() -> Path:
    """The catalog of the working folder, to which `isinglass catalog add` writes."""
    return Path(FOLDER) / FILE


def catalogs(problems: list[InputError]) -> list[Catalog]:
    """Every catalog, nearest first: the working folder's, those of ISINGLASS_CATALOG_PATH, of packages, the shipped.

    What is named and cannot be found goes to `problems`.
    """
    found = [Catalog(own_file(), own=True)] if own_file().is_file() else []
    for word in os.environ.get(PATH, "").split(os.pathsep):
        if word:
            path = Path(word).expanduser()
            path = path / FILE if path.is_dir() else path
            if path.is_file():
                found.append(Catalog(path, own=True))
            else:
                problems.append(InputError(f"{PATH} names {path}, which is not there"))
    for point in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda p: p.name):
        try:
            found.append(Catalog(_of_package(point.value), own=False))
        except Exception as error:  # another package's: whatever it raises must not hide the other catalogs
            problems.append(InputError(f"entry point {point.name} ({point.value}) of {GROUP}: {error}"))
    found.append(Catalog(shipped(FOLDER) / FILE, own=False))
    return list({catalog.file.resolve(): catalog for catalog in reversed(found)}.values())[::-1]


def _of_package(name: str) -> Path:
    """The `datasets.yaml` of a package that an entry point names. It is not imported, only what it lies in is."""
    spec = importlib.util.find_spec(name)
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        if (Path(folder) / FILE).is_file():
            return Path(folder) / FILE
    raise InputError(f"there is no package {name} with a file {FILE}")


def read(catalog: Catalog) -> dict[str, Entry]:
    """The entries of one catalog. Raises InputError where the file as a whole cannot be read."""
    return {name: Entry(name, catalog, content) for name, content in sources(catalog.file).items()}


def sources(file: Path) -> dict[str, dict[str, Any]]:
    """What stands under `sources`, by name; {TWICE: True} for a name that is not unique.

    Raises InputError where the file cannot be read as a catalog.
    """
    return parse(text_of(file), file)


def text_of(file: Path) -> str:
    """A catalog's text. Raises InputError where it cannot be read, or is no text."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read: {' '.join(str(error).split())}") from error


def parse(text: str, file: Path) -> dict[str, dict[str, Any]]:
    """The same, of a text; `file` is for messages."""
    import yaml

    try:
        content = yaml.safe_load(text)
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{file}{line}: {error.problem}: mend the file") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{file}: {' '.join(str(error).split())}: mend the file") from error
    found = (content or {}).get("sources", {}) if isinstance(content or {}, dict) else None
    if not isinstance(found, dict | None) or (found is None and content and "sources" not in content):
        raise InputError(f"{file}: a catalog is a mapping with the key `sources`, a mapping from names to entries")
    names = [key.value for key, _ in mapping_under_sources(root)]
    sound = {str(name): entry if isinstance(entry, dict) else {} for name, entry in (found or {}).items()}
    return sound | {name: {TWICE: True} for name in names if names.count(name) > 1}


def mapping_under_sources(root: Any) -> list[tuple[Any, Any]]:
    """The YAML nodes (key, value) under `sources`."""
    for key, value in getattr(root, "value", []) if root is not None else []:
        if key.value == "sources":
            return value.value if isinstance(value.value, list) else []
    return []


def everything(problems: list[InputError]) -> Iterator[Entry]:
    """Every entry of every catalog, nearest catalog first; what cannot be read goes to `problems` and hides nothing."""
    for catalog in catalogs(problems):
        try:
            yield from read(catalog).values()
        except InputError as error:
            problems.append(error)


def find(name: str, problems: list[InputError]) -> tuple[Entry | None, list[str]]:
    """The nearest entry of that name, or None; and all names there are."""
    entries = list(everything(problems))
    return next((e for e in entries if e.name == name), None), [e.name for e in entries]
