"""What a name means: a run folder, a zarr group, a URL, or an entry of a catalog. Imports neither numba nor zarr."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from isinglass.datasets import Target, find, is_url
from isinglass.exceptions import InputError, known

SCHEME = "isinglass:"
SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def run_folder(run: str | Path) -> Path:
    """A run folder by path, or by its name under `results/`. Raises InputError."""
    if not str(run).strip():
        raise InputError("which run? Name a run folder, such as results/hopfield-retrieval")
    found = _run_folder(run)
    if found is None:
        raise InputError(f"{run} is no run folder; {known(Path(run).name, _runs())}")
    return found


def _run_folder(run: str | Path) -> Path | None:
    path = Path(run)
    if path.name in ("data.zarr", "analysis.zarr") and path.parent.is_dir():
        path = path.parent
    return next((p for p in (path, Path("results") / path) if (p / ".store").is_dir()), None)


def _runs() -> list[str]:
    return [p.parent.name for p in Path("results").glob("*/.store")]


def generation(root: Path) -> Path:
    """The group of a run folder's current generation, the highest-numbered published one. Raises InputError."""
    folders = [p for p in (root / ".store").iterdir() if p.name.isascii() and p.name.isdigit()]
    published = [p for p in folders if any((p / f"declaration.{suffix}").exists() for suffix in ("json", "copy"))]
    if not published:
        raise InputError(f"{root} holds no data yet: the first `isinglass run` into it has not declared its store")
    return max(published, key=lambda p: int(p.name)).resolve() / "data.zarr"


def locate(name: str | os.PathLike[str]) -> Target:
    """What `isinglass.open` opens: run folder, zarr group, URL, or catalog entry, in this order. Raises InputError.

    A group that lies in a run folder is that of the run's current generation now, which stays pinned.
    """
    text = os.fspath(name).removeprefix(SCHEME)
    if not text.strip():
        raise InputError("open what? Name a run folder, an entry of `isinglass catalog list`, or a URL")
    if is_url(text):
        return Target(text, remote=True)
    found = _local(Path(text))
    if found is not None:
        return found
    problems: list[InputError] = []
    entry, names = find(text, problems)
    if entry is not None:
        return of_entry(entry.target(), text)
    broken = f" ({'; '.join(map(str, problems))})" if problems else ""
    near = known(Path(text).name, {*_runs(), *names})
    raise InputError(f"{text} is neither a run folder nor in a catalog; {near}{broken}")


def of_entry(target: Target, name: str) -> Target:
    """An entry's target, with a path made that of the group. Raises InputError where nothing is there."""
    if target.remote:
        return target
    found = _local(Path(target.path))
    if found is None:
        raise InputError(f"{name}: there is no dataset at {target.path}: mend or remove the entry")
    return found


def _local(path: Path) -> Target | None:
    root = _run_folder(path)
    if root is not None:
        # a run's analysis, or an older generation, is opened as such
        if path.name == "analysis.zarr" and path.exists():
            return Target(str(path.resolve()), remote=False)
        return Target(str(generation(root)), remote=False)
    for group in (path, path / "data.zarr"):
        if (group / "zarr.json").is_file():
            return Target(str(group.resolve()), remote=False)
    return None


# ---------------------------------------------------------------- what may be said aloud


def shown(url: str) -> str:
    """A URL without what may be secret: user and password, and the query of a signed address."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    query = "?..." if parts.query else ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}{query}"


def discreet(text: str, url: str = "", options: object = None) -> str:
    """A library's message on one line, without the secrets of a URL, of storage options, and of the environment."""
    words = [os.environ.get(name, "") for name in SECRETS]
    if "://" in url:
        parts = urlsplit(url)
        text = text.replace(url, shown(url))
        words += [parts.password or "", parts.query, parts.netloc.rpartition("@")[0]]
    words += list(_texts(options))
    for word in sorted(filter(None, words), key=len, reverse=True):
        if len(word) > 3:
            text = text.replace(word, "...")
    return re.sub(r"\s+", " ", text).strip()


def _texts(options: object) -> list[str]:
    """Texts within storage options whose keys do not say that they are public."""
    if isinstance(options, dict):
        public = ("endpoint_url", "region_name", "protocol", "anon")
        return [word for key, value in options.items() if key not in public for word in _texts(value)]
    return [options] if isinstance(options, str) else []
