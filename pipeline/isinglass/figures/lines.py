"""Lines: means against an axis with bars or bands, and the theory's curves."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.figures import base, numbers
from isinglass.figures.states import SKIPPED, mark_points, states

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

MARKERS = "osD^vP*X"
DENSE = 60
"""Above so many points a line has bands and no markers."""
HERE = "the workflow's own formula"


def lines_with_bands(
    ax: Axes,
    ds: xr.Dataset,
    name: str,
    x: str,
    colour: str | None = None,
    *,
    interval: str = "error",
    bands: bool | None = None,
    levels: bool = False,
    shades: Sequence[Any] | None = None,
    names: Sequence[str] | None = None,
    first: int = 0,
) -> list[np.ndarray]:
    """Draw the variable `name` against `x`, a line for each value of the axis `colour`; returns the points' states.

    `ds` has no further axes, or they are those along which `name` does not vary. The interval is one standard error
    (`interval="error"`) or Student's of 95 % ("student"), from `<name>_error` and `<name>_samples`: bars, or bands
    where there are more than `DENSE` points, or as `bands` says. Lines pass over points that the workflow skipped and
    break at others without a value, which are marked at the foot (`states.MARKS`). An infinite error is an arrow, to
    the side on which `<name>_low` or `_high` is infinite. `levels`: a line of one value is drawn across. `shades` are
    colours, `names` texts of the legend, one a line; `first` is the number of the first.
    """
    plain = name.removesuffix("_mean")
    values = base.words(ds, colour) if colour else np.array([""])
    shades = shades or ordered(len(values))
    symbol = f"${base.LABELS[str(colour)][1]}$" if colour in base.LABELS else str(colour).replace("_", " ")
    names = names or [f"{symbol} = {base.said(v)}" if colour else "simulation" for v in values]
    ax.set_xlabel(base.label(ds, x))
    ax.set_ylabel(base.label(ds, name))
    codes = []
    for i in range(len(values)):
        curve = ds.isel({colour: i}) if colour else ds
        places = base.words(curve, x)
        code, mean = states(curve, name, (x,)), curve[name].values
        error, count = (curve[plain + s].values if plain + s in curve else None for s in ("_error", "_samples"))
        half = _half(error, count, interval)
        ends = {} if half is None or interval == "error" else {"low": mean - half, "high": mean + half}
        reads = numbers.reading(curve, name, error=plain + "_error", samples=plain + "_samples")
        reads += "; low and high are Student's 95 % interval of these" if ends else ""
        axes = {x: places} | {k: v for k, v in numbers.place(curve).items() if k != x}
        numbers.record(ax, ds, "line", name, reads, axes, mean, error=error, samples=count, status=code, **ends)
        look: dict[str, Any] = {"color": shades[i % len(shades)], "label": names[i], "zorder": 3}
        _line(ax, places, mean, half, code, (first + i) % len(MARKERS), bands, levels, look)
        if half is not None:
            down, up = (np.isinf(curve[plain + s].values if plain + s in curve else half) for s in ("_low", "_high"))
            _arrows(ax, places, mean, half, down, up, look["color"])
        mark_points(ax, places, mean, code, look["color"], first + i)
        codes.append(code)
    return codes


def _line(
    ax: Axes,
    x: np.ndarray,
    y: np.ndarray,
    half: np.ndarray | None,
    code: np.ndarray,
    number: int,
    bands: bool | None,
    levels: bool,
    look: dict[str, Any],
) -> None:
    marker: dict[str, Any] = {"marker": MARKERS[number], "ms": 3.6, "mew": 0.8, "mfc": "white"}
    there = np.isfinite(y)
    if levels and there.sum() == 1:
        level, width = y[there][0], 0.0 if half is None else np.nan_to_num(half[there][0])
        ax.axhline(level, lw=1.2, **look)
        ax.axhspan(level - width, level + width, color=look["color"], alpha=0.15, lw=0)
        return
    kept = code != SKIPPED
    x, y, half = x[kept], y[kept], None if half is None else half[kept]
    half = None if half is None else np.where(np.isinf(half), np.nan, half)  # drawn by `_arrows`
    if bands or (bands is None and len(x) > DENSE):
        ax.plot(x, y, lw=1.0, **(marker if len(x) <= DENSE else {}), **look)
        if half is not None:
            ax.fill_between(x, y - half, y + half, color=look["color"], alpha=0.18, lw=0)
    else:
        ax.errorbar(x, y, yerr=half, capsize=1.8, elinewidth=0.9, lw=0.6, **marker, **look)


def _arrows(
    ax: Axes, x: np.ndarray, y: np.ndarray, half: np.ndarray, down: np.ndarray, up: np.ndarray, colour: Any
) -> None:
    """An arrow at each point whose error is infinite, up, down or (where nothing says which) both ways."""
    open_ends = np.flatnonzero(np.isinf(half) & np.isfinite(y))
    if open_ends.size:
        ax.margins(y=0.12)  # place for the arrows
    for i in open_ends:
        neither = not (up[i] or down[i])
        for there, length in ((up[i] or neither, 17), (down[i] or neither, -17)):
            if there:
                head = {"arrowstyle": "<|-", "color": colour, "lw": 0.9, "shrinkA": 0, "shrinkB": 2.5}
                look: dict[str, Any] = {"textcoords": "offset points", "arrowprops": head, "annotation_clip": False}
                ax.annotate("", (x[i], y[i]), (0, length), **look)


def unbounded_note(ds: xr.Dataset, name: str) -> str:
    """How many points of `name` have an infinite error, or none beside others that have one; for the small print."""
    error = ds.get(name.removesuffix("_mean") + "_error")
    if error is None or not error.notnull().any() or set(error.dims) != set(ds[name].dims):
        return ""
    drawn = ds[name].notnull()
    infinite, none = int((np.isinf(error) & drawn).sum()), int((error.isnull() & drawn).sum())
    text = (
        f"Arrows: {infinite} with an infinite error, one end of the interval is beyond the data. " if infinite else ""
    )
    return (text + (f"No error: {none} points." if none else "")).strip()


def flag_note(ds: xr.Dataset, name: str) -> str:
    """Why values of `name` are missing, by `<name>_flag`: "boundary not found" and the like; for the small print."""
    flag = ds.get(name + "_flag")
    if flag is None or name not in ds or set(flag.dims) != set(ds[name].dims):
        return ""
    meanings = zip(np.atleast_1d(flag.attrs.get("flag_values", [])), str(flag.attrs.get("flag_meanings", "")).split(),
                   strict=False)  # fmt: skip
    missing = ds[name].isnull()
    parts = [(m.replace("_", " "), int(((flag == v) & missing).sum())) for v, m in meanings]
    said = ", ".join(f"{text} {count}" for text, count in parts if count)
    return f"No value at {int(missing.sum())} of {flag.size}: {said}." if said else ""


def _half(error: np.ndarray | None, count: np.ndarray | None, interval: str) -> np.ndarray | None:
    """Half the width of the interval, for means of `count` samples; NaN below two."""
    from scipy import stats

    if error is None or interval == "error" or count is None:
        return error
    return np.asarray(error * stats.t.ppf(0.975, np.where(count > 1, count - 1, np.nan)))


def ordered(n: int) -> list[Any]:
    """Colours in order, distinct also for the colour blind and in print: viridis without its pale end."""
    import matplotlib

    return ["black"] if n == 1 else list(matplotlib.colormaps["viridis"](np.linspace(0.0, 0.78, n)))


def theory_lines(
    ax: Axes,
    theory: base.Theory,
    along: str,
    x: np.ndarray | None = None,
    *,
    source: str = "theory",
    at: Mapping[str, Any] | None = None,
    cased: bool = False,
    **look: Any,
) -> dict[str, Any]:
    """Draw the theory's curves y(x) against the axis `along`; returns legend entries by label.

    `x` are the places, by default over the limits of `ax`, in its scale. `at` gives values of axes to functions that
    take arguments of their names. `cased`: with a white rim, for maps. `look` are properties of matplotlib lines.
    """
    if x is None:
        x = base.fine(np.array(ax.get_xlim()), ax.get_xscale() != "linear")
    origin = {t.label: origins(t.function) for t in theory} if isinstance(theory, Sequence) else {}
    out: dict[str, Any] = {}
    for text, style, x_line, y in base.curves(theory, x, source, at):
        keep = np.isfinite(y)
        by = origin.get(text) or origins(theory if callable(theory) else None)
        reads = f"value is y of the curve, by {', '.join(by)}"
        axes = {along: x_line[keep], **(at or {})}
        numbers.record(ax, None, "theory", text, reads, axes, y[keep])
        drawn: dict[str, Any] = {
            "color": "black",
            "linestyle": style,
            "zorder": 3 if cased else 2,
            "label": text,
        } | look
        (out[text],) = ax.plot(x_line, y, **drawn)
        if cased:
            base.cased(out[text], 1.3)
    return out


def theory_note(theory: base.Theory) -> str:
    """Where the curves of a figure come from, for its small print; empty without any."""
    functions = [theory] if callable(theory) else [t.function for t in theory or ()]
    homes = {text.rpartition(".")[0] or text for f in functions for text in origins(f)}
    return f"Theory: {', '.join(sorted(homes))}." if homes else ""


def origins(function: Callable[..., Any] | None, depth: int = 3) -> list[str]:
    """The functions of `isinglass.theory` that a curve is of; where it calls none, that it is a formula of its own."""
    found = list(dict.fromkeys(_called(function, depth)))
    return found or [HERE]


def _called(function: Any, depth: int) -> list[str]:
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(function) if callable(function) else function
    home = str(getattr(function, "__module__", ""))
    if home.startswith("isinglass.theory."):
        return [f"{home}.{getattr(function, '__name__', '')}"]
    code = getattr(function, "__code__", None)
    if code is None or not depth:
        return []
    inner = [c.cell_contents for c in function.__closure__ or ()]
    out = []
    for name in code.co_names:
        value = function.__globals__.get(name)
        if isinstance(value, ModuleType) and value.__name__.startswith("isinglass.theory."):
            attributes = [a for a in code.co_names if callable(getattr(value, a, None))]
            out += [f"{value.__name__}.{a}" for a in attributes]
        elif callable(value):
            inner.append(value)
    return out + [text for one in inner for text in _called(one, depth - 1)]
