"""Legends below the panels: as many columns as fit by measured width, long texts on several lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.gridspec import GridSpec

MARGIN = 0.85
"""Inches beside the panels that a legend leaves free, for their labels."""
USUAL = 0.5
"""Inches of legend that a figure has room for; it grows by what is more."""


def below(figure: Figure, grid: GridSpec, rows: Mapping[int, Mapping[str, Any]]) -> None:
    """Legends in rows of the grid of panels, which span it: {row: {text: handle}}; none where there is no entry."""
    wide = figure.get_figwidth() - MARGIN
    tall = 0.0
    for row, handles in rows.items():
        ax = figure.add_subplot(grid[row, :])
        ax.axis("off")
        texts = [wrapped(text, int(14 * wide)) for text in handles]
        for columns in range(len(texts), 0, -1):
            look: dict[str, Any] = {"ncols": columns, "loc": "center", "borderpad": 0, "handlelength": 2.4}
            legend = ax.legend(list(handles.values()), texts, **look)
            if legend.get_window_extent().width <= wide * figure.dpi:
                break
        tall += legend.get_window_extent().height / figure.dpi if texts else 0.0
    figure.set_figheight(figure.get_figheight() + max(tall - USUAL, 0.0))


def wrapped(text: str, width: int) -> str:
    """Text in lines of this many characters, of which a formula is never broken and its commands count for nothing."""
    lines: list[str] = []
    for word in re.findall(r"(?:\$[^$]*\$|[^\s$])+", text):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and len(re.sub(r"\\[a-zA-Z]+|[${}_^\\]", "", longer)) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)
