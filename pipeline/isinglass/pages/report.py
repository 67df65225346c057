"""`report.html`: one file a run, with its question, diagram, verdict, convergence, failures, cost and provenance."""

from __future__ import annotations

import base64
import os
import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass import jobs, ledger, results
from isinglass.convergence import advice, words_of
from isinglass.dataset import open_zarr
from isinglass.exceptions import InputError
from isinglass.generations import require
from isinglass.inspection import newest, stored_model
from isinglass.models.base import Model, parameters
from isinglass.pages import diagram, facts, look, plot, verdict
from isinglass.progress import duration
from isinglass.provenance import now
from isinglass.workflow import Workflow

if TYPE_CHECKING:
    import xarray as xr

IMAGES = 1_500_000
"""Bytes of images in a page; those beyond are named."""
ROWS = 60
"""Rows of a comparison that a page lists."""


def write(root: Path, workflow: Workflow | None) -> Path:
    """Write `report.html` into a run folder, by rename. `workflow` has the theory and the images; None without.

    Stages are applied where `analysis.zarr` is missing. Raises InputError where the two do not belong together.
    """
    text = page(root, workflow)
    path, private = root / "report.html", root / f".report.{os.getpid()}.html"
    try:
        private.write_text(text, encoding="utf-8")
        private.replace(path)
    finally:
        private.unlink(missing_ok=True)
    return path


def page(root: Path, workflow: Workflow | None) -> str:
    """The report of a run as HTML."""
    from markupsafe import Markup

    store = require(root)
    model = stored_model(store)
    grid = store.grid(model)
    record, asked, request = newest(store, grid)
    ds, made = _data(root, workflow, model)
    figures = list(workflow.figures) if workflow else []
    found = facts.results_of(ds)
    columns = list(grid.axes) if grid.points else []
    axes = ["point"] if columns else list(grid.axes)
    content = diagram.content(ds, found, figures, root, columns)
    title = str(record["title"] or record["workflow"])
    sentence = _sentence(title, ds, found, content)
    counts = {word: int((ds["status"].values == code).sum()) for word, code in diagram.STATES.items()}
    spent = facts.cost(store, list(grid.axes), root)
    told, equation = facts.question(workflow.text or "" if workflow else "", model)
    images, left = _images(root, figures, sentence)
    return look.render(
        "report.html.j2",
        title=title,
        sentence=sentence,
        counts=counts,
        points=int(np.prod(ds["status"].shape[:-2])),
        samples=ds.sizes["sample"],
        replicas=ds.sizes["replica"],
        root=str(root),
        told=told,
        equation=equation,
        model=model.__name__,
        axes=_axes(ds, columns or list(grid.axes), model),
        fixed=_fixed(ds),
        content=content,
        item=plot.item(content, sentence) if content else None,
        bokeh=Markup(plot.library()) if content else "",
        images=images,
        images_left=left,
        comparisons=verdict.comparisons(ds, figures, axes, model.__module__.rpartition(".")[2]),
        rows=ROWS,
        estimates=verdict.estimates(ds, found, axes),
        precision=list(facts.precision(ds, found)),
        flags=list(facts.flags(ds)),
        advice=list(advice(store, asked, request, words_of(record["command"]))),
        cost=spent,
        planned=jobs.costs(root),
        duration=duration,
        clock=clock,
        made=made,
        home="data.zarr" if made is None else "analysis.zarr",
        attributes=_attributes(ds.attrs, made),
        requests=[(r["created"], r.get("command", "")) for r in ledger.requests(store.requests)],
        text=(workflow.text or "") if workflow else "",
        generation=store.number,
        now=now(),
        version=str(ds.attrs.get("isinglass_version", "")),
        number=number,
        with_error=with_error,
    )


def number(value: float) -> str:
    """A number to four significant digits; a dash where there is none."""
    return f"{value:.4g}" if np.isfinite(value) else "∞" if value == np.inf else "−∞" if value == -np.inf else "–"


def clock(seconds: float) -> str:
    """A Unix time as UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def with_error(value: float, error: float) -> str:
    """value ± error, to two digits of the error."""
    if not np.isfinite(value):
        return "–"
    if not (np.isfinite(error) and error > 0):
        return number(value)
    digits = max(0, 1 - int(np.floor(np.log10(error))))
    return f"{value:.{min(digits, 12)}f} ± {error:.{min(digits, 12)}f}"


def _data(root: Path, workflow: Workflow | None, model: type[Model]) -> tuple[xr.Dataset, Mapping[str, Any] | None]:
    """Raw data with results, and the attributes of analysis.zarr; None where there is none: means are made here."""
    import xarray

    from isinglass.analysis import errors

    path = root / "analysis.zarr"
    if not path.exists() and workflow is not None and workflow.stages:
        results.analyse(root, workflow)
    raw = results.asked_data(root)
    if not path.exists():
        scalar = [
            o.name for o in model.observables if not o.dims and o.name in raw and not o.dtype.startswith("complex")
        ]
        return (raw.merge(errors.mean(*scalar)(raw)) if scalar else raw), None
    made = open_zarr(path).load()
    try:
        merged = xarray.merge([raw, made], join="exact", compat="no_conflicts", combine_attrs="override")
    except ValueError as error:
        raise InputError(
            f"{path} is of another request than the newest run of {root}: isinglass analyse {root}, then report again"
        ) from error
    return merged, made.attrs


def _sentence(title: str, ds: xr.Dataset, found: Sequence[facts.Result], content: Mapping[str, Any] | None) -> str:
    """What the diagram shows, for those who do not see it."""
    done, size = int((ds["status"].values == 1).sum()), ds["status"].size
    share = f"{done} of {size} simulations are done"
    if content is None:
        return f"{title}: no result is a number at every point; {share}."
    first = content["variables"][0]
    values = ds[first["name"]].values
    there = values[np.isfinite(values)]
    span = f"from {there.min():.3g} to {there.max():.3g}" if there.size else "without a value yet"
    over = " and ".join(content["shown"])
    return f"{title}: {first['label']} over {over}, {span}; {share}."


def _axes(ds: xr.Dataset, names: Sequence[str], model: type[Model]) -> list[dict[str, str]]:
    out = []
    specs = parameters(model)
    for name in names:
        values = ds[f"{name}_label"].values if f"{name}_label" in ds.coords else ds[name].values
        distinct = list(dict.fromkeys(f"{v:.6g}" if isinstance(v, float) else str(v) for v in values.tolist()))
        few = ", ".join(distinct) if len(distinct) <= 8 else f"{distinct[0]} … {distinct[-1]}"
        out.append({"name": name, "values": few, "many": str(len(distinct)), "units": specs[name].units,
                    "doc": specs[name].doc})  # fmt: skip
    return out


def _fixed(ds: xr.Dataset) -> list[tuple[str, str]]:
    given = ds.attrs.get("parameters", {})
    items = given.items() if isinstance(given, Mapping) else []
    return [
        (name, f"{about['value']}" + ("" if about.get("units", "1") == "1" else f" {about['units']}"))
        for name, about in items
        if isinstance(about, Mapping) and "value" in about
    ]


def _attributes(attrs: Mapping[str, Any], made: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    keys = ("seed", "code_hash", "git_commit", "git_dirty", "created", "model_source")
    out = [(k.replace("_", " "), str(attrs[k])) for k in keys if k in attrs]
    out += [(k.removesuffix("_version"), str(attrs[k])) for k in attrs if str(k).endswith("_version")]
    if made is not None:
        kept = ("stages", "source", "workflow_hash", "history")
        out += [(f"analysis: {k.replace('_', ' ')}", str(made[k])) for k in kept if k in made]
    return out


def _images(root: Path, figures: Sequence[Any], sentence: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The PNG images that `draw` made of the workflow's figures, as data; and the names of those left out for size."""
    out: list[dict[str, Any]] = []
    left: list[str] = []
    room = IMAGES
    for figure in figures:
        name = str(getattr(figure, "name", type(figure).__name__))
        folder = root / "figures"
        paths = sorted(p for p in folder.glob("*.png") if p.stem == name or p.stem.startswith(f"{name}-"))
        for path in paths:
            raw = path.read_bytes()
            if len(raw) * 4 / 3 > room:
                left.append(path.name)
                continue
            room -= int(len(raw) * 4 / 3)
            width, height = struct.unpack(">II", raw[16:24])
            heading = str(getattr(figure, "title", None) or name.replace("_", " "))
            out.append({
                "name": path.name, "alt": f"{facts.plain(heading)} ({path.stem}). {sentence}", "width": width // 2,
                "height": height // 2, "title": facts.plain(heading),
                "data": "data:image/png;base64," + base64.b64encode(raw).decode(),
            })  # fmt: skip
    return out, left
