"""Forest plot: a quantity with its interval for each run and axis, grouped by task, counts beside; no average."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from isinglass.exceptions import InputError
from isinglass.figures import base
from isinglass.figures.plane import READOUT, looks

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

TITLES = {
    "concordance": (r"edge concordance $\tau$", "Do coherence and memory move together?", (-1.08, 1.08)),
    "excess_share": (
        "share of the coherence at the memory boundary that does not carry the message",
        "Is the order used for memory?",
        (-0.04, 1.1),
    ),
    "excess_order": (
        "excess order: blind coherence at the memory boundary",
        "Order without the message",
        (-0.04, 1.04),
    ),
}
NOTES = {
    "concordance": "95 % intervals by the bootstrap over samples; none below 12 samples or 5 significant edges. Right: "
    "edges along which both change in the same and in opposite directions, and edges with values at both ends.",
    "excess_share": "95 % intervals by the bootstrap over samples. Right: excess order, coherence, and crossings.",
    "excess_order": "95 % intervals by the bootstrap over samples. Right: excess order, coherence, and crossings.",
}


def forest(rows: xr.Dataset, quantity: str, levels: Sequence[float] = ()) -> Figure:
    """`quantity` with `_low`, `_high` for each row of `rows` (see `analysis.answers`), a line at each of `levels`.

    Rows without a value are kept, and say so. Raises InputError for a quantity that is not known.
    """
    from matplotlib.figure import Figure

    if quantity not in TITLES:
        raise InputError(f"a forest plot shows {', '.join(TITLES)}, not {quantity!r}")
    axis_label, title, limits = TITLES[quantity]
    tasks = [t for t in READOUT if (rows["task"].values == t).any()]
    tasks += sorted({str(t) for t in rows["task"].values} - set(tasks))
    order: list[int | str] = []
    for task in tasks:
        mine = [int(i) for i in np.flatnonzero(rows["task"].values == task)]
        order += [task, *sorted(mine, key=lambda i: (str(rows["model"].values[i]), str(rows["run"].values[i]), i))]
    look = looks(rows)
    with base.style():
        figure = Figure(figsize=(base.PAGE, 1.1 + 0.185 * len(order)), layout="constrained")
        ax = figure.subplots()
        for level in levels:
            ax.axvline(level, color="0.6", lw=0.8, ls="--" if level else "-", zorder=0)
        for y, place in enumerate(order):
            if isinstance(place, str):
                words = READOUT.get(place, place)
                ax.text(0.01, y, words, transform=ax.get_yaxis_transform(), weight="bold", fontsize=8, va="center")
                continue
            row = rows.isel(row=place)
            value, low, high = (float(row[quantity + end]) for end in ("", "_low", "_high"))
            colour, marker = look[str(row["model"].values)]
            if np.isfinite(value):
                has = np.isfinite(low) and np.isfinite(high)
                ax.plot([low, high] if has else [], [y, y] if has else [], color=colour, lw=1.2)
                ax.plot([value], [y], color=colour, marker=marker, ms=4.5, mfc=colour if has else "white", ls="")
            else:
                ax.text(
                    sum(limits) / 2, y, "none", fontsize=7, color="0.4", ha="center", va="center", backgroundcolor="w"
                )
            ax.text(1.02, y, _counts(row, quantity), transform=ax.get_yaxis_transform(), fontsize=7, va="center")
        ax.set_yticks(
            [y for y, p in enumerate(order) if not isinstance(p, str)],
            [f"{rows['run'].values[p]}: {rows['axis'].values[p]}" for p in order if not isinstance(p, str)],
            fontsize=7.5,
        )
        ax.set(xlim=limits, ylim=(len(order) - 0.4, -0.6), xlabel=axis_label)
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="y", color="0.93", lw=0.6)
        ax.set_axisbelow(True)
        figure.suptitle(title, fontsize=11, x=0.01, ha="left")
        figure.supxlabel("\n".join(textwrap.wrap(NOTES[quantity], 125)), fontsize=7.5, x=0.01, ha="left", color="0.25")
    return figure


def _counts(row: xr.Dataset, quantity: str) -> str:
    if quantity == "concordance":
        same, opposite = int(row["same"]), int(row["opposite"])
        total = same + opposite + sum(int(row[n]) for n in ("coherence_only", "memory_only", "neither"))
        return f"{same} + {opposite} of {total}"
    if not np.isfinite(float(row["excess_order"])):
        return ""
    return (
        f"{float(row['excess_order']):.2f} of {float(row['boundary_coherence']):.2f}, {int(row['boundary_crossings'])}"
    )
