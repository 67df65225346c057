"""What the live page draws: one quantity over one or two axes, from what was read of a run so far.

Pure functions of a `Scene`. The numbers are those of `analysis.errors`: mean over samples, replicas averaged within
their sample first; s/√n over samples as the standard error.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from isinglass.figures.base import edges
from isinglass.ledger import Json
from isinglass.pages.following import Key, Scene, Shown

CELLS = 200
"""Cells along an axis; more values are drawn several to a cell."""
ALONG = 2000
"""Values along the axis of a curve."""
SCATTERED = 4000
"""Listed points that are drawn one by one; more are drawn in cells."""
AT_ONCE = 10**6
"""Samples of which means are taken in one step."""
NAMED = 2000
"""Labels of an own dim that are sent; of a longer one its index is shown."""
CURVE = "-"
"""In the place of a second axis: a curve along the first."""


# ---------------------------------------------------------------- what there is to choose


def observables(scene: Scene) -> list[Json]:
    """What can be shown, the one to begin with first: memory, else coherence, else the first single number."""
    out = []
    for o in scene.store.declaration["observables"]:
        if any(dim.endswith("_byte") for dim in o["dims"]):
            continue  # packed configurations and states are no quantities
        attrs = scene.dataset[o["name"]].attrs
        size = "modulus of " if o["dtype"].startswith("complex") else ""
        out.append(
            {
                "name": o["name"],
                "label": size + o["name"].replace("_", " "),
                "units": o["units"],
                "meaning": str(attrs.get("long_name", "")),
                "role": o["role"] or "",
                "dims": [_own(scene, dim) for dim in o["dims"]],
            }
        )
    rank = {"memory": 0, "coherence": 1}
    return sorted(out, key=lambda o: (bool(o["dims"]), rank.get(o["role"], 2)))


def _own(scene: Scene, dim: str) -> Json:
    coordinate = scene.dataset[dim] if dim in scene.dataset.coords else None
    values = None if coordinate is None or coordinate.size > NAMED else list(map(_short, coordinate.values.tolist()))
    units = "1" if coordinate is None else str(coordinate.attrs.get("units", "1"))
    return {"name": dim, "size": scene.store.declaration["own"][dim], "values": values, "units": units}


def axes(scene: Scene) -> list[Json]:
    """The axes of the sweep in declared order, or the columns of a list of points."""
    described = scene.store.declaration["attributes"].get("parameters", {})
    out = []
    for name in scene.grid.axes:
        about = described.get(name, {})
        values = scene.values[name]
        out.append(
            {
                "name": name,
                "label": name.replace("_", " "),
                "units": about.get("units", "1"),
                "meaning": about.get("long_name", ""),
                "size": len(values),
                "values": None if scene.grid.points else list(map(_short, values.tolist())),
            }
        )
    return out


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def chosen(scene: Scene, asked: Mapping[str, str]) -> tuple[Key | None, str, str, dict[str, int]]:
    """What a page asks for, made to fit: the observable with its own indices, x, y (CURVE: none), the other axes'.

    A name that is not there (an axis of a run that was replaced) counts as not asked; indices are clipped.
    """
    offered = observables(scene)
    shown = next((o for o in offered if o["name"] == asked.get("observable")), offered[0] if offered else None)
    key = None
    if shown is not None:
        own = [(d["name"], d["size"]) for d in shown["dims"]]
        key = (shown["name"], tuple(_index(asked.get(f"own.{name}"), size, size - 1) for name, size in own))
    sizes = scene.sizes
    longest = sorted(sizes, key=lambda name: -sizes[name])[:2]
    first, *second = [name for name in sizes if name in longest]
    wide = [name for name in second if sizes[name] > 1 and sizes[first] > 1]
    x = asked.get("x", "")
    if x not in sizes:
        x = first if wide or sizes[first] > 1 or not second else second[0]
    y = asked.get("y", "")
    if (y not in sizes and y != CURVE) or y == x:
        y = next((name for name in (*wide, first) if name != x), CURVE) if wide else CURVE
    others = {name: _index(asked.get(f"at.{name}"), n, 0) for name, n in sizes.items() if name not in (x, y)}
    return key, x, y, {} if scene.grid.points else others


def _index(text: str | None, size: int, default: int) -> int:
    try:
        return min(max(int(text or ""), 0), size - 1)
    except ValueError:
        return max(default, 0)


# ---------------------------------------------------------------- the numbers


def view(scene: Scene, key: Key, x: str, y: str, at: Mapping[str, int]) -> Json:
    """What to draw. `kind`: cells, curve or points; arrays over (y, x) as base64 of little-endian float32 or int32.

    `mean`, `error` (standard error, NaN below two samples or in a cell of several points), `samples`, `states` (4,
    ...): simulations pending, done, failed, skipped, `asked` (0 or 1: whether anybody asked for it), `torn` (0 or 1).
    """
    shown = scene.shown[key]
    torn = np.zeros(scene.grid.shape, bool)
    for name in [*shown.torn, *scene.unreadable]:
        if (found := scene.box(name)) is not None:
            torn[found[1][:-2]] = True
    if scene.grid.points:
        return _listed(scene, shown, torn, x, y)
    dims = list(scene.grid.axes)
    place: tuple[Any, ...] = tuple(at[d] if d in at else slice(None) for d in dims)
    kept = [d for d in dims if d not in at]

    def plane(array: np.ndarray) -> np.ndarray:
        """(y, x, ...) of an array over the points."""
        part: np.ndarray = array[place]
        if y == CURVE:
            return part[None]
        return part if kept == [y, x] else np.swapaxes(part, 0, 1)

    mean, error, samples = _means(plane(shown.sums), plane(shown.counts))
    arrays = {"mean": mean, "error": error, "samples": samples, "torn": plane(torn)}
    arrays |= {"states": plane(scene.states), "asked": plane(scene.request.covered)}
    most = ALONG if y == CURVE else CELLS
    step = (1 if y == CURVE else -(-mean.shape[0] // CELLS), -(-mean.shape[1] // most))
    if max(step) > 1:
        arrays = _coarse(arrays, step)
    out: Json = {"kind": "curve" if y == CURVE else "cells", "x": _axis(scene, x, step[1])}
    out |= {"y": None if y == CURVE else _axis(scene, y, step[0]), "several": max(step) > 1}
    return out | _packed(arrays)


def _means(sums: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean over samples, its standard error and the number of samples, of arrays (..., sample, blocks of replicas).

    A part at a time, so that what is made on the way does not take several times the memory of the values.
    """
    step = max(AT_ONCE // max(sums[:1].size, 1), 1)
    parts = [_some_means(sums[i : i + step], counts[i : i + step]) for i in range(0, len(sums), step)]
    mean, error, samples = (np.concatenate(column) for column in zip(*parts, strict=True))
    return mean, error, samples


def _some_means(sums: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with np.errstate(all="ignore"):
        each = sums.sum(-1) / counts.sum(-1)
        there = ~np.isnan(each)
        n = there.sum(-1)
        mean = np.where(there, each, 0).sum(-1) / n
        square = (np.where(there, each - mean[..., None], 0) ** 2).sum(-1)
        return mean, np.where(n > 1, np.sqrt(square / (n * (n - 1.0))), np.nan), n


def _coarse(arrays: Mapping[str, np.ndarray], step: tuple[int, int]) -> dict[str, np.ndarray]:
    """Several points in a cell: the mean of their means, without an error; `samples` counts the points that enter."""
    there = np.isfinite(arrays["mean"])
    n = _blocked(there.astype(int), step)
    with np.errstate(all="ignore"):
        mean = _blocked(np.where(there, arrays["mean"], 0), step) / n
    out = {"mean": mean, "error": np.full(mean.shape, np.nan), "samples": n}
    out |= {name: _blocked(arrays[name].astype(int), step) > 0 for name in ("torn", "asked")}
    return out | {"states": _blocked(arrays["states"].astype(int), step)}


def _blocked(array: np.ndarray, step: tuple[int, int]) -> np.ndarray:
    for axis, n in enumerate(step):
        array = np.add.reduceat(array, np.arange(0, array.shape[axis], n), axis=axis)
    return array


def _packed(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    states = np.moveaxis(arrays["states"], -1, 0)
    out = {name: _text(arrays[name], "<f4") for name in ("mean", "error")}
    out |= {name: _text(arrays[name], "<i4") for name in ("samples", "torn", "asked")}
    return {**out, "states": _text(states, "<i4"), "shape": list(arrays["mean"].shape)}


def _text(array: np.ndarray, kind: str) -> str:
    with np.errstate(over="ignore"):
        return base64.b64encode(np.ascontiguousarray(array.astype(kind)).tobytes()).decode()


def _axis(scene: Scene, name: str, step: int) -> Json:
    """Where the values of an axis stand: `at`, `edges`; `log`: both are decades; `names` where they are no numbers."""
    values = scene.values[name]
    numbers = values.dtype.kind in "iuf"
    place = values.astype(float) if numbers else np.arange(len(values), dtype=float)
    log = numbers and _even_in_decades(place)
    bounds = edges(place, log) if numbers and len(place) > 1 else _around(place)
    first = np.arange(0, len(place), step)
    last = np.minimum(first + step, len(place)) - 1
    if log:
        place, bounds = np.log10(place), np.log10(bounds)
    named = [_short(v) for v in values.tolist()]
    return {
        "name": name,
        "at": ((place[first] + place[last]) / 2).tolist(),
        "edges": [*bounds[first].tolist(), float(bounds[-1])],
        "log": log,
        "words": [named[i] if i == k else f"{named[i]} to {named[k]}" for i, k in zip(first, last, strict=True)],
        "names": not numbers,
    }


def _around(place: np.ndarray) -> np.ndarray:
    half = 0.5 if len(place) > 1 or not place[0] else 0.05 * abs(place[0])
    return np.append(place - half, place[-1] + half)


def _even_in_decades(values: np.ndarray) -> bool:
    """Whether values are spread rather by factors than by differences."""
    if len(values) < 3 or values.min() <= 0 or values.max() < 10 * values.min():
        return False
    ratios, steps = np.diff(np.log(values)), np.diff(values)
    return bool(np.std(ratios) / np.mean(ratios) < np.std(steps) / np.mean(steps))


# ---------------------------------------------------------------- a list of points


def _listed(scene: Scene, shown: Shown, torn: np.ndarray, x: str, y: str) -> Json:
    mean, error, samples = _means(shown.sums, shown.counts)
    columns = [x] if y == CURVE else [x, y]
    scales = [_scale(scene, name) for name in columns]
    arrays = {"mean": mean, "error": error, "samples": samples, "torn": torn, "states": scene.states}
    arrays["asked"] = scene.request.covered
    out: Json = {"kind": "points", "x": scales[0], "y": scales[1] if len(scales) > 1 else None, "several": False}
    if len(mean) <= SCATTERED:
        for scale in scales:
            scale["at"] = scale.pop("place").tolist()
        return out | _packed({name: array[None] for name, array in arrays.items()})
    cells = []
    for scale in scales:
        low, high = scale["edges"]
        place = scale.pop("place")
        cells.append(np.clip(((place - low) / (high - low) * CELLS).astype(int), 0, CELLS - 1))
        bounds = np.linspace(low, high, CELLS + 1)
        back = 10**bounds if scale["log"] else bounds
        scale |= {"edges": bounds.tolist(), "at": ((bounds[1:] + bounds[:-1]) / 2).tolist()}
        ends = list(map(_short, back.tolist()))
        scale["words"] = [f"{a} to {b}" for a, b in pairwise(ends)]
    flat = cells[0] if len(cells) == 1 else cells[1] * CELLS + cells[0]
    shape = (1 if len(cells) == 1 else CELLS, CELLS)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(flat, values, shape[0] * shape[1]).reshape(shape)

    there = np.isfinite(mean)
    n = total(there.astype(float))
    with np.errstate(all="ignore"):
        binned = {"mean": total(np.where(there, mean, 0)) / n, "error": np.full(shape, np.nan), "samples": n}
    binned |= {name: total(arrays[name].astype(float)) > 0 for name in ("torn", "asked")}
    binned["states"] = np.stack([total(scene.states[:, k].astype(float)) for k in range(4)], -1)
    kind = "curve" if len(cells) == 1 else "cells"
    return out | {"kind": kind, "several": True} | _packed(binned)


def _scale(scene: Scene, name: str) -> Json:
    """A column of a list: `place` of every point, and the ends of its axis in `edges`."""
    values = scene.values[name]
    order: list[str] = []
    log = False
    if values.dtype.kind in "iuf":
        place = values.astype(float)
        log = _even_in_decades(np.unique(place))
        place = np.log10(place) if log else place
    else:
        found, where = np.unique(values.astype(str), return_inverse=True)
        place, order = where.astype(float), found.tolist()
    low, high = float(place.min()), float(place.max())
    margin = 0.04 * (high - low) or 0.05 * abs(low) or 0.5
    return {
        "name": name, "place": place, "edges": [low - margin, high + margin], "log": log, "names": bool(order),
        "words": list(map(_short, values.tolist())) if len(values) <= SCATTERED else [], "order": order,
    }  # fmt: skip
