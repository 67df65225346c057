"""The atlas: one page with the diagrams of all runs, the coherence-memory plane, and two answers; figures beside it."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.analysis import answers, plane
from isinglass.exceptions import InputError
from isinglass.figures import save
from isinglass.figures.forest import forest
from isinglass.figures.plane import READOUT, looks, overlaps
from isinglass.figures.plane import plane as plane_figure
from isinglass.figures.thumbnails import thumbnail
from isinglass.pages import gathering, look

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

THUMBNAILS = 2_400_000
"""Bytes that all diagrams of runs take together; with more runs each is coarser, down to 50 dots an inch."""
POINTS = 12_000
"""With more points the planes are pictures, not to hover over: the page stays below 5 MB."""
PLANE = "Memory against coherence of all points of the task; numbers in plane.csv."
SHAPES = {"o": "circle", "s": "square", "D": "diamond", "^": "triangle", "v": "inverted_triangle", "P": "cross",
          "*": "star", "X": "x"}  # fmt: skip
ALT = {
    "forest_concordance": "Edge concordance with 95 % interval for each run and axis, by task; the table below has the "
    "numbers.",
    "forest_excess_share": "Share of the coherence at the memory boundary that does not carry the message, for each "
    "run and axis, by task; the table below has the numbers.",
    "overlaps": "Coherence against mean signed recall overlap of all recall runs, above the parabola q = m squared; "
    "the Nishimori line is the diagonal.",
}


def write(entries: Sequence[gathering.Entry], folder: str | Path) -> Iterator[str]:
    """Write `atlas.html`, the figures (PNG, PDF) and their numbers (CSV) into `folder`; a line for each file.

    Raises InputError where there is no run, OSError where the folder cannot be written.
    """
    if not entries:
        raise InputError("no runs: name runs or a folder of runs, isinglass atlas FOLDER")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    points, rows, line = gathering.points(entries), gathering.rows(entries), gathering.line(entries)
    rows = answers.verdicts(rows)
    shown: dict[str, bytes] = {}
    for name, figure in _figures(points, rows, line):
        for path in save(figure, folder, name):
            yield f"figure        {path}"
        shown[name] = _png(figure, 300_000)
    for name, table, dim in (("plane", points, "point"), ("forest", rows, "row")):
        _replace(folder / f"{name}.csv", table.reset_coords().to_dataframe().to_csv(index_label=dim))
        yield f"numbers       {folder / name}.csv"
    _replace(folder / "atlas.html", page(entries, points, rows, shown, folder))
    yield f"atlas         {folder / 'atlas.html'}"


def _figures(points: xr.Dataset, rows: xr.Dataset, line: xr.Dataset | None) -> Iterator[tuple[str, Figure]]:
    for task in _tasks(points):
        yield f"plane_{task}", plane_figure(points, task)
    if np.isfinite(points["recall_overlap"].values).any():
        yield "overlaps", overlaps(points, line)
    if rows.sizes["row"]:
        yield "forest_concordance", forest(rows, "concordance", (0, answers.TOGETHER))
        yield "forest_excess_share", forest(rows, "excess_share", (answers.USED,))


def _tasks(points: xr.Dataset) -> list[str]:
    there = set(points["task"].values.tolist())
    return [t for t in READOUT if t in there] + sorted(there - set(READOUT))


def page(
    entries: Sequence[gathering.Entry],
    points: xr.Dataset,
    rows: xr.Dataset,
    shown: Mapping[str, bytes],
    folder: Path,
) -> str:
    """The text of the page: `points` and `rows` of the runs, with verdicts; PNGs by name; links are from `folder`."""
    from bokeh.embed import components
    from bokeh.resources import INLINE
    from markupsafe import Markup

    few = points.sizes["point"] <= POINTS
    planes = {task: _plane(points, task) for task in _tasks(points)} if few else {}
    script, divs = components(planes) if planes else ("", {})
    resources = INLINE.clone() if hasattr(INLINE, "clone") else INLINE
    resources.components = ["bokeh"]
    questions = []
    for question in (answers.MOVE, answers.USE):
        words = answers.sentences(rows, question) if rows.sizes["row"] else ["Not decided: no run has a window."]
        questions.append({"words": question.words, "answers": words})
    return look.render(
        "atlas.html.j2",
        questions=questions,
        seen=answers.seen(rows) if rows.sizes["row"] else "",
        planes=[{"task": t, "words": READOUT.get(t, t), "div": Markup(divs.get(t, ""))} for t in _tasks(points)],
        runs=list(_cards(entries, folder)),
        figures={name: {"source": _data(png), "alt": ALT.get(name, PLANE)} for name, png in shown.items()},
        rows=[_row(rows.isel(row=i)) for i in range(rows.sizes["row"])],
        left=[e for e in entries if not e.counted],
        counted=sum(e.counted for e in entries),
        level=plane.LEVEL,
        edges=plane.EDGES,
        samples=plane.SAMPLES,
        bokeh=Markup(resources.render_js()) if planes else "",
        script=Markup(script),
    )


def _cards(entries: Sequence[gathering.Entry], folder: Path) -> Iterator[dict[str, Any]]:
    """A diagram of each run that has one, with what it is of."""
    each = max(THUMBNAILS // max(len(entries), 1), 6000)
    for entry in entries:
        card: dict[str, Any] = {"entry": entry, "image": "", "fixed": "", "axes": ""}
        report = entry.root / "report.html"
        target = report if report.is_file() else entry.root
        card["link"] = os.path.relpath(target, folder).replace(os.sep, "/")
        card["linked"] = "report" if report.is_file() else "folder"
        if entry.found is not None:
            along = [str(a) for a in entry.found["along"].values] if "along" in entry.found.coords else []
            try:
                figure, card["fixed"] = thumbnail(entry.found.drop_dims("along", errors="ignore"), along)
            except InputError as error:
                card["why"] = str(error)
            else:
                card["image"] = _data(_png(figure, each))
                card["axes"] = ", ".join(along)
        yield card


def _png(figure: Figure, most: int) -> bytes:
    """The figure as PNG of at most `most` bytes, if 50 dots an inch do."""
    from isinglass.figures.base import style

    for dpi in (130, 100, 75, 50):
        file = io.BytesIO()
        with style():
            figure.savefig(file, format="png", dpi=dpi, metadata={"Software": None})
        if file.tell() <= most:
            break
    return file.getvalue()


def _data(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"


def _row(row: xr.Dataset) -> dict[str, Any]:
    """One line of the table: words and numbers as text."""

    def number(name: str) -> str:
        value, low, high = (float(row[name + e]) for e in plane.ENDS)
        if not np.isfinite(value):
            return "none"
        ends = f" ({low:.2f} to {high:.2f})" if np.isfinite(low) and np.isfinite(high) else " (no interval)"
        return f"{value:.2f}{ends}"

    out: dict[str, Any] = {n: str(row[n].values) for n in ("run", "model", "task", "axis", "move", "use")}
    out |= {n: int(row[n]) for n in (*plane.COUNTS, "boundary_crossings")}
    return out | {n: number(n) for n in ("concordance", "excess_order", "boundary_coherence", "excess_share")}


def _plane(points: xr.Dataset, task: str) -> Any:
    """The plane of one task, to hover over."""
    from bokeh.models import ColumnDataSource, HoverTool, Range1d
    from bokeh.models.annotations import Legend, Whisker
    from bokeh.plotting import figure

    mine = points.isel(point=np.flatnonzero(points["task"].values == task))
    title = f"Coherence and memory: {READOUT.get(task, task)}"
    how: dict[str, Any] = {"x_axis_label": "coherence ⟨q⟩", "y_axis_label": "memory ⟨I/H⟩", "title": title}
    how |= {"x_range": Range1d(start=-0.03, end=1.03), "y_range": Range1d(start=-0.05, end=1.05)}
    drawn = figure(height=460, sizing_mode="stretch_width", tools="pan,wheel_zoom,box_zoom,reset", **how)
    legend: list[Any] = []
    glyphs: list[Any] = []
    styles = looks(points)
    for model in sorted(set(mine["model"].values.tolist())):
        colour, marker = styles[model]
        part = mine.isel(point=np.flatnonzero(mine["model"].values == model))
        data: dict[str, Any] = {n: part[n].values for n in ("coherence", "memory")}
        for name in ("coherence", "memory"):
            error = np.nan_to_num(part[f"{name}_error"].values)
            data |= {f"{name}_low": data[name] - error, f"{name}_high": data[name] + error}
            data[f"{name}_text"] = [f"{v:.3f} ± {e:.3f}" for v, e in zip(data[name], error, strict=True)]
        beside = part["place"].values == 2
        data |= {"run": part["run"].values.tolist(), "at": part["at"].values.tolist()}
        data |= {"model": [model] * beside.size, "fill": np.where(beside, 0.9, 0.0), "size": np.where(beside, 8, 6)}
        data["boundary"] = ["next to the memory boundary" if b else "" for b in beside]
        source = ColumnDataSource(data)
        dots = drawn.scatter(
            "coherence", "memory", source=source, marker=SHAPES[marker], size="size", line_color=colour,
            fill_color=colour, fill_alpha="fill", line_alpha=0.8,
        )  # fmt: skip
        line: dict[str, Any] = {"line_color": colour, "line_alpha": 0.4, "upper_head": None, "lower_head": None}
        for base, of, dimension in (("coherence", "memory", "height"), ("memory", "coherence", "width")):
            line |= {"base": base, "lower": f"{of}_low", "upper": f"{of}_high", "dimension": dimension}
            drawn.add_layout(Whisker(source=source, **line))
        glyphs.append(dots)
        legend.append((model, [dots]))
    drawn.add_layout(Legend(items=legend, click_policy="mute", label_text_font_size="9pt", spacing=0), "right")
    tips = [
        ("run", "@run (@model)"),
        ("at", "@at"),
        ("coherence", "@coherence_text"),
        ("memory", "@memory_text"),
        ("", "@boundary"),
    ]
    drawn.add_tools(HoverTool(renderers=glyphs, tooltips=tips))
    drawn.toolbar.logo = None
    return drawn


def _replace(path: Path, text: str) -> None:
    private = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        private.write_text(text, encoding="utf-8")
        private.replace(path)
    finally:
        private.unlink(missing_ok=True)
