"""The numbers behind a figure: what its functions drew, kept beside it and written as one CSV file.

The functions that draw (`phase_map`, `lines_with_bands`, ...) record what they draw of a dataset, so that a file can
hold nothing else. Figures that are composed of them on own axes have their numbers too; what else is drawn has not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from isinglass.figures.states import STATES

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLOCK = 65536
"""Rows that are text at a time."""
FIRST, LAST = ("panel", "kind", "variable"), ("value", "error", "low", "high", "samples", "status")
COLUMNS = {
    "panel": "panels are a, b, ... in the order of drawing",
    "kind": "map, line, boundary, interval, path, points, or theory (a curve, in points from one end to the other)",
    "variable": "the variable of analysis.zarr, or of data.zarr where marked raw below; of theory, the curve's label",
    "value": "what is drawn; empty where there is none",
    "error": "standard error",
    "low, high": "ends of the interval that is drawn, where it is not value -/+ error",
    "samples": "number of samples in the mean",
    "status": f"of the point: {', '.join(STATES)}",
}


@dataclass(frozen=True)
class Table:
    """What one call drew: columns that broadcast to the shape of `value`."""

    panel: str
    kind: str
    variable: str
    columns: Mapping[str, np.ndarray]


@dataclass
class Numbers:
    """What is known of one figure."""

    tables: list[Table] = field(default_factory=list)
    panels: WeakKeyDictionary[Any, int] = field(default_factory=WeakKeyDictionary)  # axes keep their figure alive
    facts: list[str] = field(default_factory=list)
    units: dict[str, str] = field(default_factory=dict)
    reads: dict[str, str] = field(default_factory=dict)


_OF: WeakKeyDictionary[Any, Numbers] = WeakKeyDictionary()


def of(figure: Figure) -> Numbers:
    """What was recorded of a figure."""
    return _OF.setdefault(figure, Numbers())


def record(
    ax: Axes,
    ds: xr.Dataset | None,
    kind: str,
    variable: str,
    reads: str,
    axes: Mapping[str, Any],
    value: Any,
    **more: Any,
) -> None:
    """Keep what is drawn on `ax`: `value` against `axes`, arrays that broadcast to its shape; `more` are columns too.

    `reads` says in words which variables these are, and their units. A column of None is left out.
    """
    figure = ax.get_figure(root=True)
    if figure is None:
        return
    known = of(figure)
    place = known.panels.setdefault(ax, len(known.panels))
    columns = {k: np.asarray(v) for k, v in {**axes, "value": value, **more}.items() if v is not None}
    known.tables.append(Table(chr(97 + place) if place < 26 else str(place + 1), kind, variable, columns))
    known.reads[f"{kind} {variable}"] = reads
    for axis in axes:
        if ds is not None and axis in ds.coords:
            known.units[axis] = described(ds, axis)


def described(ds: xr.Dataset, name: str) -> str:
    """Long name and unit of a variable, as the head of a file says them."""
    attrs = ds[name].attrs
    return f"{attrs.get('long_name') or name.replace('_', ' ')} ({attrs.get('units', '1')})"


def place(ds: xr.Dataset) -> dict[str, Any]:
    """The single values of axes that a part of a sweep has, arrays by their names."""
    single = {str(k): c.values for k, c in ds.coords.items() if c.ndim == 0}
    labels = {f"{k}_label" for k in single} & single.keys()
    return {k: single.get(f"{k}_label", v) for k, v in single.items() if k not in labels}


def reading(ds: xr.Dataset, name: str, **columns: str) -> str:
    """What `value` is, and by column which variables the others are, of those that the dataset has."""
    raw = ", raw" if "sample" in ds[name].dims else ""
    others = [f"{column} is {other}" for column, other in columns.items() if other in ds.variables]
    return "; ".join([f"value is {name}, {described(ds, name)}{raw}", *others])


def write(figure: Figure, file: IO[str], name: str) -> None:
    """The CSV of a figure: lines that begin with #, the names of the columns, rows; floats as Python's `repr`."""
    known = of(figure)
    own = [c for table in known.tables for c in table.columns if c not in LAST]
    order = [*FIRST, *dict.fromkeys(own), *LAST]
    present = {*FIRST, *(c for table in known.tables for c in table.columns)}
    order = [c for c in order if c in present]
    head = [f"The numbers behind {name}.png and {name}.pdf", *known.facts]
    head += [f"Read it with pandas.read_csv({name + '.csv'!r}, comment='#')", "Columns:"]
    told = [(k, v) for k, v in COLUMNS.items() if k.split(",")[0] in present]
    head += [f"  {k}: {v}" for k, v in [*told[:3], *known.units.items(), *told[3:]]]
    head += ["Rows, by kind and variable:", *(f"  {k}: {v}" for k, v in known.reads.items())]
    file.writelines(f"# {'  ' * line.startswith(' ')}{' '.join(line.split())}\n" for line in head)
    file.write(",".join(order) + "\n")
    for table in known.tables:
        _rows(table, order, file)


def _rows(table: Table, order: list[str], file: IO[str]) -> None:
    named = {"panel": table.panel, "kind": table.kind, "variable": table.variable}
    shape = np.broadcast_shapes((1,), *(c.shape for c in table.columns.values()))
    columns = {k: c.reshape((1,) * (len(shape) - c.ndim) + c.shape) for k, c in table.columns.items()}
    step = max(BLOCK // max(int(np.prod(shape[1:])), 1), 1)
    for start in range(0, shape[0], step):
        here = (min(step, shape[0] - start), *shape[1:])
        texts = []
        for name in order:
            if name in columns:
                part = columns[name][start : start + step] if len(columns[name]) > 1 else columns[name]
                cells = np.array(_texts(name, part.ravel()), object).reshape(part.shape)
            else:
                cells = np.array(_quoted(named.get(name, "")), object)
            texts.append(np.broadcast_to(cells, here).ravel().tolist())
        file.writelines(line + "\n" for line in map(",".join, zip(*texts, strict=True)))


def _texts(name: str, values: np.ndarray) -> list[str]:
    if name == "status":
        return [STATES[k] for k in values.tolist()]
    if values.dtype.kind == "f":
        return ["" if v != v else repr(v) for v in values.tolist()]
    if values.dtype.kind in "iu":
        return list(map(str, values.tolist()))
    return [_quoted(str(v)) for v in values.tolist()]


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\n\r#') else text
