"""A run at a glance: coherence and memory side by side, as maps over two axes or lines along one."""

from __future__ import annotations

from collections.abc import Sequence
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

PANELS = {"coherence_mean": r"coherence $\langle q\rangle$", "memory_mean": r"memory $\langle I/H\rangle$"}
CURVES = 5


def thumbnail(ds: xr.Dataset, first: Sequence[str] = ()) -> tuple[Figure, str]:
    """Maps of `coherence_mean` and `memory_mean` over the first two axes, or lines along the first; and what is fixed.

    `first` names axes to show before others. Lines have a colour for each value of the next axis, at most CURVES. Axes
    beyond that are fixed at their middle value, and the words say so. Points without a value are hatched or left out.
    Raises InputError where the dataset has neither mean, or no axis of numbers.
    """
    from matplotlib.figure import Figure

    names = [n for n in PANELS if n in ds]
    if not names:
        raise InputError("neither coherence_mean nor memory_mean is there: the run has nothing to show in the atlas")
    axes = [str(d) for d in ds[names[0]].dims]
    numbers = [a for a in axes if a in ds.coords and ds[a].dtype.kind in "iuf"]
    order = [a for a in first if a in numbers] + [a for a in numbers if a not in first]
    order = sorted(order, key=lambda a: ds.sizes[a] < 2)
    if not order:
        raise InputError("the run has no axis of numbers to draw along")
    shown = [a for a in order[:2] if a in first or len(first) < 1]
    as_map = len(shown) == 2 and all(ds.sizes[a] > 1 for a in shown)
    kept = shown if as_map else [order[0], *[a for a in axes if a != order[0]][:1]]
    fixed = {a: ds.sizes[a] // 2 for a in axes if a not in kept}
    words = ", ".join(f"{a.replace('_', ' ')} = {base.words(ds, a)[i]}" for a, i in fixed.items() if ds.sizes[a] > 1)
    part = ds.isel(fixed).sortby([a for a in kept if a in numbers])
    with base.style():
        figure = Figure(figsize=(3.9, 1.75), layout="constrained")
        panels = np.atleast_1d(figure.subplots(1, len(names)))
        for ax, name in zip(panels, names, strict=True):
            (_map if as_map else _lines)(ax, part, name, kept)
            ax.set_title(PANELS[name], fontsize=8)
            ax.set_xlabel(base.label(part, kept[0]), fontsize=7)
            ax.tick_params(labelsize=6)
        if as_map:
            panels[0].set_ylabel(base.label(part, kept[1]), fontsize=7)
        elif len(kept) == 2 and ds.sizes[kept[1]] > 1:
            panels[0].legend(fontsize=5.5, title=kept[1].replace("_", " "), title_fontsize=5.5, handlelength=1)
    return figure, words


def _map(ax: Axes, ds: xr.Dataset, name: str, axes: Sequence[str]) -> None:
    x, y = (ds[a].values.astype(float) for a in axes)
    log = [_logarithmic(v) for v in (x, y)]
    values = np.ma.masked_invalid(ds[name].transpose(axes[1], axes[0]).values)
    ax.set_facecolor("white")
    ax.patch.set_hatch("xxxx")
    ax.patch.set_edgecolor("0.7")
    ends = (base.edges(x, log[0]), base.edges(y, log[1]))
    mesh = ax.pcolormesh(*ends, values, vmin=0, vmax=max(float(values.max()) if values.count() else 1.0, 1e-3),
                         cmap="cividis", rasterized=True)  # fmt: skip
    for which, one, is_log in (("x", x, log[0]), ("y", y, log[1])):
        if is_log:
            ax.set(**{f"{which}scale": "log"})
        ax.set(**{f"{which}lim": (ends[which == "y"][0], ends[which == "y"][-1])} if one.size else {})
    bar = ax.figure.colorbar(mesh, ax=ax, pad=0.02)
    bar.ax.tick_params(labelsize=6)


def _lines(ax: Axes, ds: xr.Dataset, name: str, axes: Sequence[str]) -> None:
    x = ds[axes[0]].values.astype(float)
    error = ds.get(name.removesuffix("_mean") + "_error")
    along = axes[1] if len(axes) == 2 else None
    number = ds.sizes[along] if along else 1
    for k, i in enumerate(np.unique(np.linspace(0, number - 1, min(number, CURVES)).astype(int))):
        at = {along: int(i)} if along else {}
        how: dict[str, Any] = {"color": COLOURS[k], "marker": MARKERS[k], "ms": 2, "lw": 0.8, "elinewidth": 0.6}
        bars = None if error is None else np.nan_to_num(error.isel(at).values)
        word = str(base.words(ds, along)[i]) if along else None
        ax.errorbar(x, ds[name].isel(at).values, yerr=bars, label=word, **how)
    if _logarithmic(x):
        ax.set_xscale("log")


def _logarithmic(values: np.ndarray) -> bool:
    """Whether values above zero span more than a factor of 30."""
    return bool((values > 0).all() and values.max() > 30 * values.min())
