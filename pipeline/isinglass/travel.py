"""Arrays that travel with a run: kept in its folder before anything is declared, found there by every process."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from isinglass import arrays
from isinglass.arrays import Array
from isinglass.exceptions import InputError, known
from isinglass.models.base import Model, parameters
from isinglass.sweep import Grid


def array_names(model: type[Model]) -> list[str]:
    """The array parameters of a model."""
    return [name for name, spec in parameters(model).items() if spec.type is Array]


def arrays_of(grid: Grid) -> dict[str, Array]:
    """Every array that a grid speaks of, by its hash."""
    out: dict[str, Array] = {}
    for name in array_names(grid.model):
        found: Iterable[Any] = grid.axes.get(name) or (
            grid.derived[name].ravel().tolist() if name in grid.derived else [grid.fixed[name]]
        )
        out.update((str(a), a) for a in found if a)
    return out


def keep(root: Path, grid: Grid) -> None:
    """Put the arrays of a grid into the run folder; heals what is damaged or missing there."""
    arrays.look_in(root)
    for array in arrays_of(grid).values():
        arrays.keep(root, array)


def fetch(root: Path, model: type[Model], parts: Iterable[Grid]) -> None:
    """Have the arrays of some blocks at hand. Raises InputError, before any simulation, where one is damaged."""
    if not array_names(model):
        return
    arrays.look_in(root)
    for part in parts:
        for array in arrays_of(replace(part, model=model)).values():
            _ = array.values


def revived(root: Path, grid: Grid, labels: dict[str, str]) -> Grid:
    """A grid that was read from JSON, with its arrays as such, to be found in the run folder.

    An array parameter that the model got after the store was declared is not given there.
    """
    names = array_names(grid.model)
    if not names:
        return grid
    arrays.look_in(root)

    def revive(text: str) -> Array:
        return Array(text, labels.get(text, ""))

    axes = {n: tuple(map(revive, v)) if n in names else v for n, v in grid.axes.items()}  # type: ignore[arg-type]
    derived = {n: _each(revive, a) if n in names else a for n, a in grid.derived.items()}
    given = {n: revive(str(grid.fixed.get(n, ""))) for n in names if n not in axes and n not in derived}
    return replace(grid, axes=axes, fixed={**grid.fixed, **given}, derived=derived)


def _each(function: Any, values: np.ndarray) -> np.ndarray:
    out = np.empty(values.shape, object)
    for index in np.ndindex(*values.shape):
        out[index] = function(values[index])
    return out


def later(model: type[Model]) -> set[str]:
    """Parameters that a store may lack: arrays that need not be given, which enter no key then."""
    specs = parameters(model)
    return {name for name in array_names(model) if not specs[name].required}


def labels_of(grid: Grid) -> dict[str, str]:
    """What people call the arrays of a grid, by hash: for the declaration."""
    absent = [a for n in array_names(grid.model) for a in grid.axes.get(n, ()) if not a]
    every = [*arrays_of(grid).values(), *(a for a in absent if isinstance(a, Array))]
    return {str(a): a.label for a in every if a.label}


def names_along(values: np.ndarray) -> np.ndarray:
    """The coordinate `<parameter>_label`: a name for every array, over any dims."""
    return np.array(arrays.names(values.ravel().tolist()), dtype=object).reshape(values.shape)


def named(name: str, word: str, axis: Iterable[Array]) -> Array:
    """The array of an axis that a user means: by its label, its hash, or the start of that. Raises InputError."""
    found = list(axis)
    shown = arrays.names(found)
    hits = [a for a, s in zip(found, shown, strict=True) if word in (a, s)]
    short = word.removeprefix("array-")
    hits = hits or [a for a in found if len(short) >= 4 and a[6:].startswith(short)]
    if len(set(hits)) != 1:
        what = "could be several arrays; say more of the hash" if hits else known(word, shown)
        raise InputError(f"{name}={word}: {what}")
    return hits[0]


def damaged(root: Path, declaration: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the arrays that a run folder must have."""
    said = json.dumps([declaration[part] for part in ("axes", "fixed", "derived")])
    there = {path.stem for path in arrays.home(root).glob("array-*.npy")}
    for name in sorted({*arrays.NAME.findall(said), *there}):
        wrong = arrays.damage(arrays.home(root) / f"{name}.npy")
        if wrong:
            yield f"{wrong}: `isinglass run` puts it back if the workflow still has the array"
