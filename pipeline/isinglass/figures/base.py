"""What all figures share: style, labels, curves of a theory, what a caption must state, and how a figure is saved."""

from __future__ import annotations

import contextlib
import inspect
import json
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.exceptions import InputError, known
from isinglass.figures import numbers

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

STYLE: dict[
    str, Any
] = {  # Physical Review: 3.4 in a column, 7 in two; text not below 7 pt; fonts that come with matplotlib
    "font.family": ["STIXGeneral", "DejaVu Serif"],
    "mathtext.fontset": "stix",
    "font.size": 9,
    "axes.labelsize": 10,
    "axes.titlesize": 10,
    "axes.linewidth": 0.7,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "xtick.direction": "out",
    "ytick.direction": "out",
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "hatch.linewidth": 0.5,
    "lines.linewidth": 1.3,
    "pdf.fonttype": 42,
}
COLUMN, PAGE = 3.4, 7.0
"""Widths in inches."""
FACETS = 24
"""How many figures one declaration may become, one for each value of axes that it does not show."""
LINE_STYLES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))
STATUS = {0: "pending", 2: "failed", 3: "skipped"}

LABELS = {  # name: (words, symbol, symbol where it is dimensionless)
    "load": ("load", r"\alpha", r"\alpha = P/N"),
    "temperature": ("temperature", "T", r"k_\mathrm{B}T/J"),
    "neurons": ("neurons", "N", "N"),
    "spins": ("spins", "N", "N"),
    "oscillators": ("oscillators", "N", "N"),
    "visible": ("visible units", r"n_\mathrm{v}", r"n_\mathrm{v}"),
    "hidden": ("hidden units", "H", "H"),
    "learning_rate": ("learning rate", r"\eta", r"\eta"),
    "length": ("edge length", "L", "L"),
    "block": ("edge of a bit", "l", "l"),
    "coupling": ("coupling", "K", "K"),
    "light_coupling": ("coupling", r"\lambda", r"\lambda/\omega"),
    "disorder": ("disorder", "R/J", "R/J"),
    "cue": ("overlap of the cue", r"m_\mathrm{cue}", r"m_\mathrm{cue}"),
    "memory": ("memory", "I/H", "I/H"),
    "coherence": ("coherence", "q", "q"),
    "blind_coherence": ("blind coherence", "q_0", "q_0"),
    "message_coherence": ("message coherence", "q - q_0", "q - q_0"),
    "recall_overlap": ("recall overlap", "m", "m"),
    "recall_gain": ("recall gain", r"m - m_\mathrm{cue}", r"m - m_\mathrm{cue}"),
    "persistence": ("persistence", r"q(\tau)", r"q(\tau)"),
    "recalled": ("share of runs that recall", r"P_\mathrm{rec}", r"P_\mathrm{rec}"),
    "order_parameter": ("order parameter", "r", "r"),
    "second": ("second harmonic", r"\epsilon", r"\epsilon"),
    "spectral_radius": ("spectral radius", r"\rho", r"\rho"),
    "input_scale": ("input scale", "s", "s"),
    "longest_delay": ("longest delay", "K/N", "K/N"),
    "memory_capacity": ("memory capacity", r"\mathrm{MC}", r"\mathrm{MC}"),
    "capacity_per_node": ("memory capacity per node", r"\mathrm{MC}/N", r"\mathrm{MC}/N"),
}


class AbsentError(InputError):
    """The data have none of a value that a figure is about."""


@dataclass(frozen=True)
class Line:
    """A theory curve: `function` maps values of the figure's x axis to y (NaN where there is none).

    In a `PhaseDiagram` with a facet `function` may take an argument named like that axis: the panel's value.
    `lower` is the other branch of a curve that turns back at its largest x; it ends where it reaches 0.
    """

    label: str
    function: Callable[..., Any]
    style: Any = "-"
    lower: Callable[..., Any] | None = None

    def path(self, x: np.ndarray, at: Mapping[str, Any] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The curve as points (x, y): along the upper branch, and back along the lower one; `at`: values by axis."""
        y = evaluate(self.function, x, at)
        if self.lower is None or not np.isfinite(y).any():
            return x, y
        below = evaluate(self.lower, x, at)
        last_zero = np.flatnonzero(below == 0)[-1:]
        back = np.flatnonzero(below > 0)[::-1]
        there = np.isfinite(y)
        way = np.concatenate([back, last_zero]).astype(int)
        return np.concatenate([x[there], x[way]]), np.concatenate([y[there], below[way]])


Theory = Callable[..., Any] | Sequence[Line] | None
"""Curves of a figure: Lines, or a function of x that returns an array, or arrays by name as `theory.ags.lines` does."""


def evaluate(function: Callable[..., Any], x: np.ndarray, at: Mapping[str, Any] | None) -> np.ndarray:
    """y(x) of a theory, with those of the values `at` by axis that the function has an argument for."""
    return np.broadcast_to(np.asarray(function(x, **_taken(function, at)), float), x.shape)


def _taken(function: Callable[..., Any], at: Mapping[str, Any] | None) -> dict[str, Any]:
    return {axis: value for axis, value in (at or {}).items() if axis in inspect.signature(function).parameters}


def curves(
    theory: Theory, x: np.ndarray, source: str, at: Mapping[str, Any] | None = None
) -> list[tuple[str, Any, np.ndarray, np.ndarray]]:
    """(label, line style, x, y) of every theory curve that has a finite value; styles solid, dashed, dotted, ...

    `at`: the values of axes, for functions that take arguments of their names.
    """
    if theory is None:
        return []
    if callable(theory):
        values = theory(x, **_taken(theory, at))
        named = values if isinstance(values, Mapping) else {"": values}
        styles = (LINE_STYLES[i % len(LINE_STYLES)] for i in range(len(named)))
        every = [(_line_label(k, source), s, v) for (k, v), s in zip(named.items(), styles, strict=True)]
    else:
        return [c for c in ((t.label, t.style, *t.path(x, at)) for t in theory) if np.isfinite(c[3]).any()]
    out = [(label, style, x, np.broadcast_to(np.asarray(y, float), x.shape)) for label, style, y in every]
    return [curve for curve in out if np.isfinite(curve[3]).any()]


def _line_label(name: str, source: str) -> str:
    if not name:
        return source
    letter, _, index = name.partition("_")
    symbol = name if not index else rf"{letter}_\mathrm{{{index}}}" if len(letter) == 1 else ""
    return f"${symbol}$ ({source})" if symbol and len(letter) == 1 else f"{name} ({source})"


@contextlib.contextmanager
def style() -> Iterator[None]:
    """The settings under which figures are drawn and saved; matplotlib's own are restored after."""
    import matplotlib

    plain = {k: v for k, v in matplotlib.rcParamsDefault.items() if not k.startswith("backend")}
    settings: Any = {**plain, **STYLE}
    with matplotlib.rc_context(settings):
        yield


def label(ds: xr.Dataset, name: str, overrides: Mapping[str, str] | None = None) -> str:
    """Words, symbol and unit of a variable or coordinate; `<observable>_mean` is written as an average."""
    if overrides and name in overrides:
        return overrides[name]
    attrs = ds[name].attrs if name in ds.variables else {}
    units = str(attrs.get("units", "1"))
    plain = name.removesuffix("_mean")
    if plain in LABELS:
        words, symbol, reduced = LABELS[plain]
        chosen = reduced if units in ("1", "k_B T/J") else symbol
        chosen = rf"\langle {chosen} \rangle" if plain != name else chosen
        text, units = f"{words} ${chosen}$", "1" if units == "k_B T/J" else units
    else:
        text = str(attrs.get("long_name") or name.replace("_", " "))
    text = text if units == "1" else f"{text} ({units})"
    return textwrap.fill(text, 44) if len(text) > 60 else text


def words(ds: xr.Dataset, axis: str) -> np.ndarray:
    """The values of an axis as a figure names them: of arrays, the names that they have in `<axis>_label`."""
    values = ds[f"{axis}_label" if f"{axis}_label" in ds.coords else axis].values
    return values if values.dtype.kind in "biuf" else np.array(list(map(str, values)))


def said(value: Any, labels: Mapping[str, str] | None = None) -> str:
    """A value of an axis in words: a number in short, a name by its label or without underscores."""
    if isinstance(value, (float, np.floating)):
        return f"{value:g}"
    return (labels or {}).get(str(value), str(value).replace("_", " "))


def edges(values: np.ndarray, log: bool = False) -> np.ndarray:
    """Edges (n+1,) of the cells around n ascending coordinate values: midpoints, and as far outside at the ends.

    Values that are nowhere negative have no edge below zero. A single value gets a cell of a tenth of its size. `log`:
    the same for the logarithms of values above zero; a zero below them has the cell from there to them.
    """
    v = np.asarray(values, float)
    if log and v.size > 1 and v[0] == 0 and (v[1:] > 0).all():
        return np.concatenate([[0.0], edges(v[1:], log)])
    if log and (v > 0).all():
        shifted = np.log(v) - np.log(v[0]) - 1  # below zero, where nothing is cut
        return np.asarray(np.exp(edges(shifted) + 1) * v[0])
    if v.size == 1:
        half = 0.05 * abs(v[0]) or 0.05
        out = np.array([v[0] - half, v[0] + half])
    else:
        middle = (v[1:] + v[:-1]) / 2
        out = np.concatenate([[1.5 * v[0] - 0.5 * v[1]], middle, [1.5 * v[-1] - 0.5 * v[-2]]])
    if v[0] >= 0:
        out[0] = max(out[0], 0.0)
    return out


def select(ds: xr.Dataset, shown: Sequence[str], names: Sequence[str], at: Mapping[str, Any], what: str) -> xr.Dataset:
    """The dataset with the axes `shown` alone (besides sample, replica): others at the value in `at`, or of length one.

    Own dims of what `names` lists, such as a time, may be shown as axes are.

    Raises InputError for an unknown variable or axis, a run of listed points, and an axis that is left over.
    """
    for name in names:
        if name not in ds.data_vars:
            raise InputError(f"{what}: the dataset has no variable {name!r}; {known(name, map(str, ds.data_vars))}")
    axes = [str(d) for d in ds["status"].dims if d not in ("sample", "replica")]
    if axes == ["point"]:
        raise InputError(
            f"{what} needs a grid, and this run is a list of points: sweep {', '.join(shown)} in axes={{...}}"
        )
    own = {str(d) for name in names for d in ds[name].dims if d in ds.coords}
    for axis in (*shown, *at):
        if axis not in axes and axis not in own:
            raise InputError(f"{what}: the dataset has no axis {axis!r}; {known(axis, axes)}")
    for axis, value in at.items():
        there = ds[axis].values
        near = np.isclose(there, value) if there.dtype.kind in "iuf" else (there == value) | (words(ds, axis) == value)
        if not near.any():
            raise AbsentError(
                f"{what}: {axis} has no value {value!r}; it has {', '.join(map(str, words(ds, axis)[:20]))}"
            )
        ds = ds.isel({axis: int(np.flatnonzero(near)[0])})
    for axis in set(axes) - {*shown, *at}:
        if ds.sizes[axis] > 1:
            raise InputError(
                f"{what} shows {' and '.join(shown)}, and the data also vary along {axis}: set at={{{axis!r}: value}}"
            )
        ds = ds.isel({axis: 0})
    order = [a for a in shown if ds[a].dtype.kind in "iuf" and (np.diff(ds[a].values) < 0).any()]
    return ds.sortby(order) if order else ds


def fine(values: np.ndarray, log: bool, number: int = 401) -> np.ndarray:
    """Points for a curve from the lowest to the highest value: even, or (`log`) even in the logarithm above zero."""
    low, high = float(values.min()), float(values.max())
    if not log or high <= 0:
        return np.linspace(low, high, number)
    least = float(values[values > 0].min())
    above = np.geomspace(least, high, number)
    return above if low > 0 else np.concatenate([np.linspace(low, least, number // 10)[:-1], above])


def logarithmic(ax: Axes, which: str, values: np.ndarray) -> None:
    """Make the axis "x" or "y" logarithmic; up to the least value above zero it is linear, if others are kept."""
    axis, above = getattr(ax, f"{which}axis"), values[values > 0]
    if above.size == values.size:
        ax.set(**{f"{which}scale": "log"})
    elif above.size:
        getattr(ax, f"set_{which}scale")("symlog", linthresh=float(above.min()), linscale=0.4)
    ticks(axis, values)


def ticks(axis: Axis, values: np.ndarray) -> None:
    """Mark a logarithmic axis at the values of the sweep, where they are few; from 1 to 10^4 numbers are plain."""
    from matplotlib.ticker import LogFormatter, NullLocator

    if len(values) <= 8:
        axis.set_ticks([float(v) for v in values], [f"{v:.4g}" for v in values])
        axis.set_minor_locator(NullLocator())
    elif min(values) >= 1 and max(values) <= 1e4:
        axis.set_major_formatter(LogFormatter())
        axis.set_minor_formatter(LogFormatter())


def facets(ds: xr.Dataset, shown: Sequence[str], at: Mapping[str, Any]) -> Iterator[tuple[str, xr.Dataset]]:
    """One dataset per combination of the axes that a figure neither shows nor fixes, with what its file name adds.

    Raises InputError where that would be more than FACETS figures.
    """
    axes = [str(d) for d in ds["status"].dims if d not in ("sample", "replica", "point", *shown, *at)]
    over = [axis for axis in axes if ds.sizes[axis] > 1]
    many = int(np.prod([ds.sizes[axis] for axis in over]))
    if many > FACETS:
        raise InputError(f"the data also vary along {', '.join(over)}, which makes {many} figures: set at={{...}}")
    for index in np.ndindex(*(ds.sizes[axis] for axis in over)):
        part = ds.isel({axis: [i] for axis, i in zip(over, index, strict=True)})
        names = (f"-{axis}={words(part, axis)[0]}" for axis in over)
        yield "".join(re.sub(r"[^\w.+=-]+", "_", name) for name in names), part


def facts(ds: xr.Dataset, symbols: bool = True) -> str:
    """What a caption must state: fixed parameters, samples, replicas, seed; with `symbols` or with plain names.

    From the scalar coordinates and the root attribute `fixed` or `parameters`, which maps a name to its value or to
    {"value": ..., "units": ...}, or is that as JSON.
    """
    found: dict[str, Any] = {}
    for key in ("parameters", "fixed"):
        given = ds.attrs.get(key, {})
        given = json.loads(given) if isinstance(given, str) and given.startswith("{") else given
        found |= dict(given) if isinstance(given, Mapping) else {}
    scalars = {str(k): c.values.item() for k, c in ds.coords.items() if c.ndim == 0}
    labels = {f"{k}_label" for k in scalars} & scalars.keys()
    found |= {k: scalars.get(f"{k}_label", v) for k, v in scalars.items() if k not in labels}
    out = []
    for name, value in found.items():
        units = value.get("units", "1") if isinstance(value, Mapping) else "1"
        value = value.get("value") if isinstance(value, Mapping) else value
        if name in ds.dims or name == "copies" or value is None:
            continue
        symbol = f"${LABELS[name][1]}$" if name in LABELS and symbols else name.replace("_", " ")
        number = f"{value:g}" if isinstance(value, float) else said(value)
        out.append(f"{symbol} = {number}" + ("" if units in ("1", "step", name.removesuffix("s")) else f" {units}"))
    samples, replicas = ds.sizes.get("sample", 1), ds.sizes.get("replica", 1)
    out.append(f"{samples} sample{'s' * (samples > 1)} × {replicas} replica{'s' * (replicas > 1)}")
    if "seed" in ds.attrs:
        out.append(f"seed {ds.attrs['seed']}")
    return ", ".join(fact.replace(" ", "\xa0") for fact in out)  # lines break between facts


def missing(ds: xr.Dataset) -> str:
    """How many simulations are pending, failed or skipped; empty where all are done."""
    status = ds["status"].values
    parts = [f"{int((status == code).sum())} {word}" for code, word in STATUS.items() if (status == code).any()]
    return f"{', '.join(parts)} of {status.size} simulations" if parts else ""


def headings(figure: Figure, ds: xr.Dataset, title: str | None, notes: Sequence[str], width: int) -> None:
    """Title, and below it in small print what was simulated and what is missing."""
    paragraphs = (facts(ds), " ".join(n for n in notes if n))
    lines = [line.replace("\xa0", " ") for text in paragraphs for line in textwrap.wrap(text, width)]
    head = title or str(ds.attrs.get("title", ""))
    numbers.of(figure).facts[:] = [head, facts(ds, symbols=False).replace("\xa0", " "), *(n for n in notes if n)]
    figure.suptitle("\n".join(textwrap.wrap(head, int(0.8 * width))), fontsize=11, x=0.01, ha="left")
    if lines:
        figure.set_figheight(figure.get_figheight() + 0.14 * max(len(lines) - 3, 0))
        figure.supxlabel("\n".join(lines), fontsize=7.5, x=0.01, ha="left", color="0.25")


def cased(artist: Artist, width: float) -> None:
    """A white casing, so that a dark line of this width stays visible on dark cells."""
    from matplotlib import patheffects

    artist.set_path_effects([patheffects.withStroke(linewidth=width + 1.6, foreground="white")])


def bars(ax: Axes, x: np.ndarray, y: np.ndarray, low: np.ndarray, high: np.ndarray, vertical: bool, **kw: Any) -> Any:
    """Markers with error bars from `low` to `high`; an infinite end runs off the axes."""
    from matplotlib.artist import Artist

    centre = y if vertical else x
    span = 10 * np.ptp(np.array(ax.get_ylim() if vertical else ax.get_xlim()))
    length = [np.minimum(np.nan_to_num(d, posinf=np.inf), span) for d in (centre - low, high - centre)]
    length = [np.where(d < 0, 0, d) for d in length]
    side: dict[str, Any] = {"yerr" if vertical else "xerr": length}
    drawn = ax.errorbar(x, y, **side, **kw)
    for artist in (*drawn[1], *drawn[2]):
        assert isinstance(artist, Artist)
        cased(artist, kw.get("elinewidth", 1.0))
    return drawn
