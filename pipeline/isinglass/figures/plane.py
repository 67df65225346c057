"""The coherence-memory plane: a point for each point of each run, tasks apart; and coherence against recall overlap.

`points` is a dataset of dim `point`: `coherence`, `memory`, `recall_overlap` with `_error`, and `place` (1 inside of
the window, 2 beside the memory boundary), with the coordinates `run`, `model` and `task`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.exceptions import InputError
from isinglass.figures import base
from isinglass.figures.curve_panels import COLOURS
from isinglass.figures.lines import MARKERS

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

READOUT = {
    "recall": "recall of a stored pattern",
    "retention": "retention of a written state",
    "fading": "fading memory",
}


def looks(table: xr.Dataset) -> dict[str, tuple[str, str]]:
    """Colour and marker of each model of `table` (coordinates `model`, `task`), in order of task and name.

    No two of up to 56 have both alike, and eight of one task differ in colour. Take all tasks, so that a model looks
    the same in every figure.
    """
    pairs = sorted(set(zip(table["task"].values.tolist(), table["model"].values.tolist(), strict=True)))
    names = dict.fromkeys(model for _, model in pairs)
    return {m: (COLOURS[i % 8], MARKERS[(i + i // 8) % 8]) for i, m in enumerate(names)}


def plane(points: xr.Dataset, task: str) -> Figure:
    """Memory against coherence of the points of one task, with standard errors; filled beside the memory boundary.

    Raises InputError for a task that no point has.
    """
    from matplotlib.figure import Figure

    mine = _of(points, task)
    with base.style():
        figure = Figure(figsize=(base.PAGE, 4.6), layout="constrained")
        ax = figure.subplots()
        _scatter(ax, mine, "coherence", "memory", looks(points))
        ax.set(xlabel=r"coherence $\langle q \rangle$", ylabel=r"memory $\langle I/H \rangle$", xlim=(-0.03, 1.03))
        ax.set_ylim(min(-0.03, float(np.nanmin(mine["memory"])) - 0.01), 1.03)
        _finish(figure, f"Coherence and memory: {READOUT.get(task, task)}", mine)
    return figure


def overlaps(points: xr.Dataset, line: xr.Dataset | None = None) -> Figure:
    """Coherence against signed recall overlap, with q = m², below which no mean can lie; the Nishimori line q = m.

    `line`: a run on the Nishimori line, `planted_overlap` and `replica_overlap` with `_error`, dim `point`; without it
    the line is drawn alone. Raises InputError where no point has a recall overlap.
    """
    from matplotlib.figure import Figure

    mine = points.isel(point=np.flatnonzero(np.isfinite(points["recall_overlap"].values)))
    if not mine.sizes["point"]:
        raise InputError("no run has a recall overlap: there is no plane of recall overlap and coherence to draw")
    with base.style():
        figure = Figure(figsize=(base.PAGE, 4.6), layout="constrained")
        ax = figure.subplots()
        m = np.linspace(-1, 1, 401)
        ax.fill_between(m, 0, m**2, color="0.92", lw=0, zorder=0)
        ax.plot(m, m**2, "-", color="0.35", lw=1.0, label="$q = m^2$ (no mean below)", zorder=1)
        ax.plot([0, 1], [0, 1], "--", color="0.35", lw=1.0, label="Nishimori line, $q = m$", zorder=1)
        _scatter(ax, mine, "recall_overlap", "coherence", looks(points))
        if line is not None and line.sizes["point"]:
            ax.errorbar(
                line["planted_overlap"], line["replica_overlap"], xerr=line["planted_overlap_error"],
                yerr=line["replica_overlap_error"], color="black", marker="s", mfc="white", ms=4.5, ls="",
                lw=0.7, zorder=5,
                label=r"random bonds on the line ($\langle|m|\rangle$, $\langle|q|\rangle$)",
            )  # fmt: skip
        low = min(-0.05, float(np.nanmin(mine["recall_overlap"])) - 0.03)
        ax.set(xlabel=r"mean signed recall overlap $\langle m \rangle$", ylabel=r"coherence $\langle q \rangle$")
        ax.set(xlim=(low, 1.03), ylim=(-0.02, 1.03))
        _finish(figure, "Coherence and overlap with the stored pattern", mine)
    return figure


def _of(points: xr.Dataset, task: str) -> xr.Dataset:
    mine = points.isel(point=np.flatnonzero(points["task"].values == task))
    if not mine.sizes["point"]:
        raise InputError(f"no point has the task {task!r}")
    return mine


def _scatter(ax: Axes, points: xr.Dataset, x: str, y: str, look: Mapping[str, tuple[str, str]]) -> None:
    for model in sorted(set(points["model"].values.tolist())):
        colour, marker = look[model]
        mine = points["model"].values == model
        for place, fill, size, order in ((1, "none", 3.2, 2), (2, colour, 4.6, 3)):
            part = points.isel(point=np.flatnonzero(mine & (points["place"].values == place)))
            if not part.sizes["point"]:
                continue
            how: dict[str, Any] = {"color": colour, "marker": marker, "mfc": fill, "ms": size, "ls": "", "lw": 0.5}
            how |= {"mew": 0.6, "alpha": 0.75 if place == 1 else 0.95, "zorder": order}
            values = {n: part[n].values for n in (x, y, f"{x}_error", f"{y}_error")}
            errors = (np.nan_to_num(values[f"{n}_error"]) for n in (x, y))
            ax.errorbar(values[x], values[y], xerr=next(errors), yerr=next(errors), **how)
        ax.plot([], [], color=colour, marker=marker, mfc="none", ls="", label=model)


def _finish(figure: Figure, title: str, points: xr.Dataset) -> None:
    import textwrap

    figure.legend(loc="outside right upper", handletextpad=0.3, labelspacing=0.35)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    runs = len(set(points["run"].values.tolist()))
    note = (
        f"{points.sizes['point']} points of {runs} runs, a symbol for each model. Bars: standard errors over samples. "
        "Filled: next to the memory boundary (half of the largest mean memory in the run's window)."
    )
    figure.supxlabel("\n".join(textwrap.wrap(note, 125)), fontsize=7.5, x=0.01, ha="left", color="0.25")
