"""A figure on disk: PNG, PDF and the numbers behind it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isinglass.figures import base, numbers

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A private path beside `path`, which it replaces at the end, if nothing raised."""
    private = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield private
        private.replace(path)
    finally:
        private.unlink(missing_ok=True)


def save(figure: Figure, folder: str | Path, name: str) -> list[Path]:
    """Write `<name>.png` (200 dpi) and `<name>.pdf`, and `<name>.csv` if its numbers are known; returns their paths.

    Each is written by rename. The same figure gives the same bytes: no date, no version. Raises OSError where the
    folder cannot be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    metadata: dict[str, dict[str, Any]] = {
        "png": {"Software": None},
        "pdf": {"CreationDate": None, "Producer": None, "Creator": "isinglass"},
    }
    out = []
    for kind, values in metadata.items():
        path = folder / f"{name}.{kind}"
        with replacing(path) as private, base.style():
            figure.savefig(private, format=kind, dpi=200, metadata=values)
        out.append(path)
    if numbers.of(figure).tables:
        path = folder / f"{name}.csv"
        with replacing(path) as private, private.open("w", encoding="utf-8", newline="") as file:
            numbers.write(figure, file, name)
        out.append(path)
    return out
