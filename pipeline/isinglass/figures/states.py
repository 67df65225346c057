"""What became of each point of a figure, and how that is drawn: what is not there looks like what it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

STATES = ("pending", "done", "failed", "skipped", "partial", "undefined", "left out")
"""What a point can be, in order of its code.

Pending or failed where no simulation of it is done (failed if one failed), skipped by the workflow's `where`, partial
where some of its simulations are missing, undefined where they are done and the value is NaN, left out where a guard
such as `converged` (`errors.only`) counts none of them.
"""
PENDING, DONE, FAILED, SKIPPED, PARTIAL, UNDEFINED, LEFT_OUT = range(7)
LOOKS: dict[int, dict[str, Any]] = {  # of cells without a value
    PENDING: {"facecolor": "0.93", "hatch": "//////", "edgecolor": "0.6"},
    FAILED: {"facecolor": "#fbe3d6", "hatch": "xxxxxx", "edgecolor": "#b03a00"},
    LEFT_OUT: {"facecolor": "0.82", "hatch": "......", "edgecolor": "0.3"},
    UNDEFINED: {"facecolor": "0.7", "edgecolor": "0.55"},
    SKIPPED: {"facecolor": "white", "edgecolor": "0.55"},
}
PLAIN = {PENDING: "0.86", FAILED: "#d55e00", LEFT_OUT: "0.45", UNDEFINED: "0.7", SKIPPED: "white"}
"""Colours of cells that are too many and too small for a hatch."""
MANY = 2000
"""Above so many marks, or rows of cells, they are drawn without hatches, and partial points are only counted."""
MARKS: dict[int, dict[str, Any]] = {  # of points of a line, at the foot of the axes
    PENDING: {"marker": "|", "ms": 5, "mew": 1.0},
    FAILED: {"marker": "x", "ms": 4.2, "mew": 1.1},
    UNDEFINED: {"marker": "_", "ms": 5, "mew": 1.0},
    LEFT_OUT: {"marker": "1", "ms": 5.5, "mew": 0.9},
}


def states(ds: xr.Dataset, name: str, dims: Sequence[str]) -> np.ndarray:
    """The code in `STATES` of each point, int8, dims `dims`, of the variable `name` (whose NaN is "undefined").

    Every axis, sample and replica that is not in `dims` is taken together. `dims` may hold an own dim of the variable.
    Of a variable that counts only simulations whose guard is 1 (attribute `guard`), others are missing.
    """
    status, var = ds["status"], ds[name]
    axes = [d for d in dims if d in status.dims]
    over = [d for d in status.dims if d not in axes]
    done = status == DONE
    counted = done & (ds[guard] == 1) if (guard := var.attrs.get("guard")) in ds else done
    lacking = ~counted & (status != SKIPPED)
    some, lacks, any_done, any_failed, any_kept = (
        kind.any(over).transpose(*axes).values for kind in (counted, lacking, done, status == FAILED, status != SKIPPED)
    )
    conditions = [some & lacks, some, any_done, any_failed, ~any_kept]
    code = np.select(conditions, [PARTIAL, DONE, LEFT_OUT, FAILED, SKIPPED], PENDING).astype(np.int8)
    code = code.reshape([ds.sizes[d] if d in axes else 1 for d in dims])
    if set(dims) <= set(map(str, var.dims)):
        nan = var.isnull().any([d for d in var.dims if d not in dims]).transpose(*dims).values
        code = np.where(nan & np.isin(code, (DONE, PARTIAL)), np.int8(UNDEFINED), code)
    return np.asarray(np.broadcast_to(code, [ds.sizes[d] for d in dims]), np.int8)


def mark_cells(ax: Axes, x: np.ndarray, y: np.ndarray, code: np.ndarray) -> None:
    """Draws the cells that have no value, and a dot into those that are partial; each kind with its name as label.

    `x` (n+1,) and `y` (m+1,) are edges, `code` (m, n) is what `states` returns.
    """
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import ListedColormap

    for kind, look in LOOKS.items():
        there = code == kind
        if not there.any():
            continue
        boxes = _boxes(there, x, y)
        if fine := len(boxes) > MANY:
            flat = np.ma.masked_where(~there, np.zeros(there.shape))
            ax.pcolormesh(x, y, flat, cmap=ListedColormap([PLAIN[kind]]), rasterized=True, zorder=0.5)
        look = {"facecolor": PLAIN[kind], "edgecolor": "0.55"} if fine else look
        # of cells that are drawn already, one that has no size stands in the legend
        shown = np.repeat(boxes[:1, :1], 4, axis=1) if fine else boxes
        ax.add_collection(PolyCollection(list(shown), label=STATES[kind], zorder=0.5, lw=0, **look), autolim=False)
    rows, columns = np.nonzero(code == PARTIAL)
    if 0 < rows.size <= MANY:
        middle = [(edges[1:] + edges[:-1]) / 2 for edges in (x, y)]
        dot: dict[str, Any] = {"ls": "", "marker": "o", "ms": 2.4, "mfc": "white", "mec": "black", "mew": 0.5}
        ax.plot(middle[0][columns], middle[1][rows], label="partial", zorder=2.5, **dot)


def _boxes(there: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Corners (k, 4, 2) of rectangles that cover the cells (m, n): neighbours along a row are one."""
    change = np.diff(np.pad(there.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    row, first = np.nonzero(change == 1)
    last = np.nonzero(change == -1)[1]
    left, right, low, high = x[first], x[last], y[row], y[row + 1]
    return np.stack([np.stack(p, -1) for p in ((left, low), (right, low), (right, high), (left, high))], axis=1)


def marked(ax: Axes) -> dict[str, Any]:
    """Legend entries of the states that are drawn on `ax`, by name, in the order of `STATES`."""
    from matplotlib.collections import PolyCollection
    from matplotlib.patches import Patch

    found: dict[str, Any] = {text: handle for handle, text in zip(*ax.get_legend_handles_labels(), strict=True)}
    for text, cells in found.items():
        if text in STATES and isinstance(cells, PolyCollection):  # with an outline, so that white is seen
            look: dict[str, Any] = {"facecolor": cells.get_facecolor()[0], "edgecolor": cells.get_edgecolor()[0]}
            found[text] = Patch(**look, hatch=cells.get_hatch(), lw=0.5)
    return {text: found[text] for text in STATES if text in found}


def mark_points(ax: Axes, x: np.ndarray, y: np.ndarray, code: np.ndarray, colour: Any, row: int) -> None:
    """Marks the points (n,) of a line that have no value at the foot of the axes, in its colour; `row` counts lines.

    A point that is partial has a dot in its marker.
    """
    for kind, look in MARKS.items():
        there = code == kind
        if there.any():
            foot = np.full(int(there.sum()), 0.025 + 0.035 * (row % 20))
            ax.plot(
                x[there], foot, ls="", color=colour, clip_on=False, zorder=4, transform=ax.get_xaxis_transform(), **look
            )
    there = code == PARTIAL
    if there.any():
        ax.plot(x[there], y[there], ls="", marker=".", ms=2.6, mew=0, color=colour, zorder=4)


def mark_rows(ax: Axes, y: np.ndarray, x: np.ndarray, code: np.ndarray, colour: Any) -> None:
    """The same for points in rows: marks of those without a value stand at the left end."""
    for kind, look in MARKS.items():
        there = code == kind
        if there.any():
            edge = np.full(int(there.sum()), 0.012)
            ax.plot(edge, y[there], ls="", color=colour, zorder=4, transform=ax.get_yaxis_transform(), **look)
    there = code == PARTIAL
    if there.any():
        ax.plot(x[there], y[there], ls="", marker=".", ms=2.6, mew=0, color=colour, zorder=4)


def entries(code: Iterable[np.ndarray]) -> dict[str, Any]:
    """Legend entries of what `mark_points` marks, by name."""
    from matplotlib.lines import Line2D

    there = {int(k) for one in code for k in np.unique(one)}
    partial = {"marker": "o", "ms": 4.5, "mfc": "white", "mew": 0.8}
    looks = {k: look for k, look in (MARKS | {PARTIAL: partial}).items() if k in there}
    return {STATES[k]: Line2D([], [], ls="", color="0.3", **look) for k, look in looks.items()}


def note(code: Iterable[np.ndarray], guard: str | None = None) -> str:
    """How many points are partial or left out; empty where none is."""
    code = list(code)
    total = sum(one.size for one in code)
    counts = {k: sum(int((one == k).sum()) for one in code) for k in (PARTIAL, LEFT_OUT)}
    parts = [f"{STATES[k]} {c} of {total} points" for k, c in counts.items() if c]
    text = ", ".join(parts)
    if not text:
        return ""
    return text[0].upper() + text[1:] + (f" (counted: {guard} = 1)." if guard else ".")
