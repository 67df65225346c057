"""The coherence-memory plane: do coherence and memory move together, and is the order used for memory?

Both questions are asked along one axis of a sweep at a time, of neighbouring points of the grid inside a window that
the workflow declares. Nothing is averaged over points, and only the order of values enters the first.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.analysis import errors
from isinglass.analysis.phases import SKIPPED, check_axis
from isinglass.exceptions import InputError, known

if TYPE_CHECKING:
    import xarray as xr

LEVEL = 0.01
"""A difference counts where its two-sided test rejects at this level: noise that coherence and memory share makes false
edges look concordant, and of edges where nothing changes at most one in a hundred is such."""
EDGES = 5
"""Fewer significant edges give no concordance."""
SAMPLES = 12
"""Fewer samples give no interval of the concordance: an edge that 8 of 8 samples agree on is in every resample, and
intervals of 8 samples cover 85 % (tests/analysis/test_plane.py)."""
LEAST_MEMORY = 0.05
"""A window whose largest mean memory is below this has no memory boundary."""
ROUNDING = 1e-12
"""Differences of single values up to this, relative to the larger, are none: they are rounding."""
QUANTITIES = ("coherence", "blind_coherence", "memory")
ENDS = ("", "_low", "_high")
CONCORDANCE = {"found": 0, "few_edges": 1, "no_edges": 2}
BOUNDARY = {"found": 0, "no_memory": 1, "not_crossed": 2, "blind_undefined": 3}
COUNTS = {
    "same": "significant edges along which coherence and memory change in the same direction",
    "opposite": "significant edges along which they change in opposite directions",
    "coherence_only": "edges along which only the change of coherence is significant",
    "memory_only": "edges along which only the change of memory is significant",
    "neither": "edges along which neither change is significant",
    "missing": "edges with an end that has no value, less those with a skipped end",
}

Floats = np.ndarray[Any, np.dtype[np.float64]]


def concordance(**window: tuple[float, float]) -> errors.Stage:
    """The stage for edge concordance and excess order along axes, as `concordance(load=(0.01, 0.2), field=(0, 1))`.

    An edge joins neighbouring points of the grid along one axis, all others fixed; both lie in the window, which is the
    product of the ranges given, ends included; axes without a range enter with all their values. A change along it is
    significant where a test at LEVEL finds that one point's samples lie above the other's: the exact sign test of the
    differences sample by sample where both points share their samples, else Mann and Whitney's, with continuity
    correction. Both need only the order of values: no strictly monotone map of either quantity (of each sample's mean
    over replicas) changes them. τ = (same sign - opposite sign)/(significant), of edges where both changes are
    significant, if there are EDGES. Its interval, from SAMPLES samples on, is of 95 %, by the bootstrap over samples of
    the whole procedure, tests included.

    Excess order is the mean of `blind_coherence`, order that does not carry the message, over the places where mean
    memory crosses half of its largest value in the window, interpolated linearly between the ends of the edge;
    `excess_share` is that over the mean of `coherence` at the same places. Intervals likewise, of 95 %.

    Returns, dim `along` (the axes): `concordance`, `_low`, `_high`, `_flag` and the counts of COUNTS; `excess_order`,
    `excess_share`, `boundary_coherence`, each with `_low`, `_high`; `boundary_memory`, `boundary_crossings`,
    `boundary_flag`. And `plane_point` (axes...): 0 outside of the window, 1 inside, 2 beside the memory boundary.
    Raises InputError for an axis that the dataset lacks or that has no numbers, and for a model without a message.
    """
    title = f"concordance({', '.join(f'{axis}={low:g}..{high:g}' for axis, (low, high) in window.items())})"
    if not window:
        raise InputError("plane.concordance names no axis: write plane.concordance(AXIS=(LOW, HIGH))")

    def stage(ds: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        for name in QUANTITIES:
            if name not in ds:
                names = [str(v) for v in ds.data_vars if v not in ("status", "elapsed")]
                raise InputError(
                    f"{title} needs the observable {name!r} (a model that carries a message, with copies=3); "
                    f"{known(name, names)}"
                )
        for axis in window:
            check_axis(ds, ds["status"], axis, title)
        table = Table.of(ds, window)
        rows = [table.row(axis) for axis in window]
        out = {
            name: ("along", np.array([row[name] for row in rows]), _attributes(name))
            for name in rows[0]
            if name != "beside"
        }
        mark = table.inside.astype(np.int8)
        for row in rows:
            mark = np.where(row["beside"], np.int8(2), mark)
        result = xr.Dataset(out, coords={"along": ("along", np.array(list(window), dtype=np.dtypes.StringDType()))})
        result["plane_point"] = xr.DataArray(mark, dims=table.axes, coords=table.coords).transpose(
            *(d for d in ds["status"].dims if d in table.axes)
        )
        result["plane_point"].attrs = {
            "units": "1", "long_name": "place in the window of the atlas",
            "flag_values": np.array([0, 1, 2], np.int8), "flag_meanings": "outside inside beside_memory_boundary",
        }  # fmt: skip
        result["concordance"].attrs |= {
            "window": json.dumps({axis: list(map(float, ends)) for axis, ends in window.items()}),
            "level": LEVEL, "task": str(ds["memory"].attrs.get("task", "")), "samples": table.count,
        }  # fmt: skip
        return result

    return errors.titled(stage, title)


@dataclass(frozen=True)
class Table:
    """Sample means of the three quantities, (axes..., sample) each, and the samples that every resample draws.

    `cell` numbers the points by their quenched values (axes...): points of one cell share their samples. `weights`
    (cells, resamples, samples): how often each resample draws a sample of the cell.
    """

    axes: tuple[str, ...]
    coords: dict[str, Any]
    values: Mapping[str, Floats]
    skipped: np.ndarray
    inside: np.ndarray
    cell: np.ndarray
    weights: Floats
    shared: Mapping[str, bool]
    count: int

    @classmethod
    def of(cls, ds: xr.Dataset, window: Mapping[str, tuple[float, float]], resamples: int = errors.RESAMPLES) -> Table:
        """From a run's dataset; axes of numbers ascending."""
        axes = tuple(str(d) for d in ds["status"].dims if d not in ("sample", "replica"))
        ds = ds[[*QUANTITIES, "status"]].sortby([a for a in axes if a in ds.coords and ds[a].dtype.kind in "iuf"])
        found = {n: errors.sample_means(ds[n], ds["status"]).transpose(*axes, "sample") for n in QUANTITIES}
        values = {n: da.values for n, da in found.items()}
        skipped = (ds["status"] == SKIPPED).all(("sample", "replica")).transpose(*axes).values
        inside = np.ones(skipped.shape, bool)
        for axis, (low, high) in window.items():
            slack = 1e-9 * max(abs(low), abs(high))
            there = (ds[axis].values >= low - slack) & (ds[axis].values <= high + slack)
            shape = [-1 if a == axis else 1 for a in axes]
            inside = inside & there.reshape(shape)
        quenched = {str(k): c for k, c in ds.coords.items() if c.attrs.get("quenched", 0) and k not in ("sample",)}
        split = [a for a in axes if any(a in c.dims for c in quenched.values())]
        sizes = [ds.sizes[a] for a in axes]
        numbers = np.arange(int(np.prod([ds.sizes[a] for a in split])))
        cell = np.broadcast_to(numbers.reshape([ds.sizes[a] if a in split else 1 for a in axes]), sizes)
        template = ds["status"].isel(sample=0, replica=0).transpose(*axes)
        labels = {k: c.broadcast_like(template).transpose(*axes).values for k, c in quenched.items()}
        weights = np.zeros((numbers.size, resamples, ds.sizes["sample"]))
        held = np.any([~np.isnan(v) for v in values.values()], axis=0)
        counts = []
        for number in numbers:
            mine = cell == number
            used = np.flatnonzero(held[mine].any(axis=0))
            counts.append(used.size)
            if used.size < 2:
                continue
            first = tuple(np.argwhere(mine)[0])
            rng = errors.generator(
                int(ds.attrs.get("seed", 0)), {k: np.asarray(v[first]).item() for k, v in labels.items()}
            )
            draws = rng.integers(0, used.size, (resamples, used.size))
            flat = (draws + used.size * np.arange(resamples)[:, None]).ravel()
            many = np.bincount(flat, minlength=used.size * resamples).reshape(resamples, used.size)
            weights[number][:, used] = many
        coords = {a: ds[a] for a in axes if a in ds.coords}
        shared = {a: a not in split for a in axes}
        several = [n for n in counts if n >= 2]
        return cls(axes, coords, values, skipped, inside, cell, weights, shared, min(several) if several else 0)

    def row(self, axis: str) -> dict[str, Any]:
        """All that is asked along one axis: a value by name, and `beside`: points beside the memory boundary."""
        view = {n: self._lines(v, axis) for n, v in self.values.items()}
        cell, inside, skipped = (self._lines(a, axis) for a in (self.cell, self.inside, self.skipped))
        edge = inside[:, 1:] & inside[:, :-1] & ~skipped[:, 1:] & ~skipped[:, :-1]
        out: dict[str, Any] = self._concordance(view, cell, edge, self.shared[axis])
        out |= self._boundary(view, cell, edge, inside)
        beside = out.pop("beside")
        k = self.axes.index(axis)
        moved = (*self.inside.shape[:k], *self.inside.shape[k + 1 :], self.inside.shape[k])
        out["beside"] = np.moveaxis(beside.reshape(moved), -1, k)
        return out

    def _lines(self, a: np.ndarray, axis: str) -> np.ndarray:
        """(axes...) as (lines, points along `axis`), a further dim (sample) kept."""
        k = self.axes.index(axis)
        moved = np.moveaxis(a, k, len(self.axes) - 1)
        rest = a.shape[len(self.axes) :]
        return np.asarray(moved.reshape(-1, a.shape[k], *rest))

    def _concordance(self, view: Mapping[str, Floats], cell: np.ndarray, edge: np.ndarray, shared: bool) -> Any:
        resamples = self.weights.shape[1]
        counts = dict.fromkeys(COUNTS, 0)
        same, opposite = np.zeros(resamples), np.zeros(resamples)
        for line, k in zip(*np.nonzero(edge), strict=True):
            signs: list[Floats] = []
            for name in ("coherence", "memory"):
                low, high = view[name][line, k], view[name][line, k + 1]
                weights = [self.weights[cell[line, k]], self.weights[cell[line, k + 1]]]
                if not (np.isnan(low).all() or np.isnan(high).all()):
                    signs.append(changes(low, high, weights[0], None if shared else weights[1]))
            if len(signs) < 2:
                counts["missing"] += 1
                continue
            coherence, memory = signs
            product = coherence * memory
            same += product[1:] > 0
            opposite += product[1:] < 0
            c, m = coherence[0] != 0, memory[0] != 0
            alone = "coherence_only" if c else "memory_only" if m else "neither"
            counts[("same" if product[0] > 0 else "opposite") if c and m else alone] += 1
        significant = counts["same"] + counts["opposite"]
        total = sum(counts.values())
        flag = "found" if significant >= EDGES else "few_edges" if total - counts["missing"] else "no_edges"
        tau, low_end, high_end = np.nan, np.nan, np.nan
        if flag == "found":
            tau = (counts["same"] - counts["opposite"]) / significant
            decided = same + opposite
            with np.errstate(invalid="ignore"):
                spread = (same - opposite) / decided
            spread = spread[decided > 0]
            if spread.size > 0.95 * resamples and self.count >= SAMPLES:
                low_end, high_end = errors.interval(spread, self.count)
                low_end, high_end = min(low_end, tau), max(high_end, tau)
        values = dict(zip((f"concordance{e}" for e in ENDS), (tau, low_end, high_end), strict=True))
        return values | {"concordance_flag": np.int8(CONCORDANCE[flag])} | {k: np.int32(n) for k, n in counts.items()}

    def _boundary(self, view: Mapping[str, Floats], cell: np.ndarray, edge: np.ndarray, inside: np.ndarray) -> Any:
        """Excess order where mean memory crosses half of its largest value in the window."""
        places = ("excess_order", "boundary_coherence", "excess_share")
        out: dict[str, Any] = {f"{n}{e}": np.nan for n in places for e in ENDS}
        out |= {"boundary_memory": np.nan, "boundary_crossings": np.int32(0), "beside": np.zeros(inside.shape, bool)}

        def at(means: Mapping[str, Floats]) -> tuple[Floats, np.ndarray, Floats]:
            """(excess, coherence) at each boundary (..., 2), which edges cross it (..., lines, edges), its memory."""
            memory = np.where(inside, means["memory"], np.nan)
            with np.errstate(invalid="ignore"):
                half = np.nanmax(np.where(np.isnan(memory), -np.inf, memory), axis=(-2, -1)) / 2
            above = memory - half[..., None, None]
            first, second = above[..., :-1], above[..., 1:]
            crossed = edge & np.isfinite(first) & np.isfinite(second) & ((first >= 0) != (second >= 0))
            part = np.divide(first, first - second, out=np.zeros_like(first), where=crossed)
            found = []
            for name in ("blind_coherence", "coherence"):
                low, high = means[name][..., :-1], means[name][..., 1:]
                value = np.where(crossed, low + part * (high - low), np.nan)
                number = np.isfinite(value).sum(axis=(-2, -1))
                total = np.nansum(value, axis=(-2, -1))
                found.append(np.divide(total, number, out=np.full_like(total, np.nan), where=number > 0))
            return np.stack(found, axis=-1), crossed, half

        if not np.isfinite(view["memory"][inside]).any():
            return out | {"boundary_flag": np.int8(BOUNDARY["no_memory"])}
        plain = {n: _mean(v, np.ones(v.shape[-1])) for n, v in view.items()}
        found, crossed, half = at(plain)
        out |= {"boundary_memory": float(half), "boundary_crossings": np.int32(crossed.sum())}
        if half < LEAST_MEMORY / 2:
            return out | {"boundary_memory": np.nan, "boundary_crossings": np.int32(0),
                          "boundary_flag": np.int8(BOUNDARY["no_memory"])}  # fmt: skip
        if not crossed.any():
            return out | {"boundary_flag": np.int8(BOUNDARY["not_crossed"])}
        out["beside"][:, 1:] |= crossed
        out["beside"][:, :-1] |= crossed
        out["boundary_coherence"] = found[1]
        if np.isnan(found[0]):
            return out | {"boundary_flag": np.int8(BOUNDARY["blind_undefined"])}
        spread = at(self._resampled(view, cell))[0] if self.count >= 2 else np.full((1, 2), np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = spread[:, 0] / spread[:, 1]
        for name, value, distribution in zip(
            places, (found[0], found[1], found[0] / found[1]), (*spread.T, ratios), strict=True
        ):
            kept = distribution[np.isfinite(distribution)]
            ends = errors.interval(kept, self.count) if kept.size > 0.95 * distribution.size else (np.nan, np.nan)
            out |= dict(zip((f"{name}{e}" for e in ENDS), (float(value), *ends), strict=True))
        return out | {"boundary_flag": np.int8(BOUNDARY["found"])}

    def _resampled(self, view: Mapping[str, Floats], cell: np.ndarray) -> dict[str, Floats]:
        """Means of each resample, (resamples, lines, points)."""
        out = {n: np.full((self.weights.shape[1], *v.shape[:-1]), np.nan) for n, v in view.items()}
        for number in np.unique(cell):
            mine = cell == number
            for name, values in view.items():
                out[name][:, mine] = _mean(values[mine][None], self.weights[number][:, None])
        return out


def changes(low: Floats, high: Floats, weights: Floats, other: Floats | None) -> Floats:
    """Signs of the significant changes from `low` to `high`, (samples,) each, 0 where it is not; (1 + resamples,).

    First of the data, then of resamples that draw sample i of `low` `weights[:, i]` times. With `other` (the weights of
    `high`) the two have samples of their own; without, sample i of one is sample i of the other.
    """
    n = low.size
    every = np.vstack([np.ones(n), weights])
    if other is None:
        difference = _sign(high - low, low, high)
        excess, number = every @ difference, every @ abs(difference)
        least = critical(n)[number.astype(int)]
        return np.where(abs(excess) >= least, np.sign(excess), 0.0)
    above = _sign(high[None, :] - low[:, None], low[:, None], high[None, :])
    others = np.vstack([np.ones(n), other])
    excess = ((every @ above) * others).sum(axis=1)
    first, second = every @ ~np.isnan(low), others @ ~np.isnan(high)
    scale = np.sqrt(first * second * (first + second + 1) / 3)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((abs(excess) - 1) / scale >= _quantile(), np.sign(excess), 0.0)


@functools.cache
def critical(n: int) -> Floats:
    """Least excess of positive over negative signs that an exact two-sided test of 0 ... n signs rejects; inf: none."""
    from scipy import stats

    out = np.full(n + 1, np.inf)
    for m in range(1, n + 1):
        positive = np.arange(m // 2 + 1, m + 1)
        significant = 2 * stats.binom.sf(positive - 1, m, 0.5) <= LEVEL
        if significant.any():
            out[m] = 2 * positive[significant][0] - m
    return out


@functools.cache
def _quantile() -> float:
    from scipy import stats

    return float(stats.norm.ppf(1 - LEVEL / 2))


def _sign(difference: Floats, low: Floats, high: Floats) -> Floats:
    """Signs of differences; 0 of those that are undefined, or rounding."""
    size = np.maximum(abs(low), abs(high))
    with np.errstate(invalid="ignore"):
        return np.where(abs(difference) > ROUNDING * size, np.sign(difference), 0.0)


def _mean(values: Floats, weights: Floats) -> Floats:
    """Weighted means over samples, the last axis; NaN where no sample with a value has a weight."""
    good = ~np.isnan(values)
    total = np.einsum("...s,...s->...", np.where(good, values, 0.0), weights)
    number = np.einsum("...s,...s->...", good.astype(float), weights)
    return np.asarray(np.divide(total, number, out=np.full(np.shape(total), np.nan), where=number > 0))


def _attributes(name: str) -> dict[str, Any]:
    """Units, words and flags of what is returned."""
    words = {
        "concordance": "edge concordance of coherence and memory",
        "excess_order": "excess order: mean blind coherence along the memory boundary",
        "excess_share": "share of the coherence along the memory boundary that does not carry the message",
        "boundary_coherence": "mean coherence along the memory boundary",
        "boundary_memory": "memory at the boundary: half of the largest mean in the window",
        "boundary_crossings": "edges that cross the memory boundary",
        **COUNTS,
    }
    for ending, which in (("_low", "lower"), ("_high", "upper")):
        if name.endswith(ending) and name.removesuffix(ending) in words:
            text = words[name.removesuffix(ending)]
            return {"units": "1", "long_name": f"{which} end of the 95 % interval of {text}"}
    flags = {"concordance_flag": CONCORDANCE, "boundary_flag": BOUNDARY}.get(name)
    if flags:
        values = np.array(list(flags.values()), np.int8)
        return {"units": "1", "long_name": f"why there is no {name.removesuffix('_flag')}", "flag_values": values,
                "flag_meanings": " ".join(flags)}  # fmt: skip
    return {"units": "1", "long_name": words[name]}
