"""What the atlas is made of: the runs that are named, what each holds, and all of them in two datasets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass import results
from isinglass.analysis import plane
from isinglass.dataset import open_zarr
from isinglass.exceptions import InputError, told
from isinglass.generations import require
from isinglass.inspection import committed, newest, stored_model
from isinglass.planning import tally
from isinglass.source import text_hash

if TYPE_CHECKING:
    import xarray as xr

MEASURED = ("coherence", "memory", "recall_overlap")
ROWS = (
    *(n + e for n in ("concordance", "excess_order", "excess_share", "boundary_coherence") for e in plane.ENDS),
    "concordance_flag", "boundary_flag", "boundary_memory", "boundary_crossings", *plane.COUNTS,
)  # fmt: skip
LINE = ("planted_overlap", "replica_overlap")


@dataclass(frozen=True)
class Entry:
    """One run: `found` is its analysis, None where there is none; `why`: the reason for which it is left out."""

    root: Path
    name: str
    title: str = ""
    model: str = ""
    task: str = ""
    found: xr.Dataset | None = None
    why: str = ""
    notes: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def counted(self) -> bool:
        """Whether it takes part in the plane and the forest plots."""
        return not self.why


def listed(given: Sequence[str]) -> list[Path]:
    """The run folders that are named: runs, or folders of runs; without any, those in results/. Raises InputError."""
    out: dict[Path, None] = {}
    for name in given or ["results"]:
        path = Path(name)
        inside = sorted(p.parent for p in path.glob("*/.store")) if path.is_dir() else []
        if inside and not (path / ".store").is_dir():
            out |= dict.fromkeys(inside)
        elif not given:
            raise InputError("results/ holds no runs: name runs or a folder of runs, isinglass atlas FOLDER")
        else:
            out[results.run_folder(name)] = None
    return list(out)


def entries(roots: Iterable[Path]) -> list[Entry]:
    """What each run holds; a run that cannot be read says why, and does not hide the others."""
    out = []
    for root in roots:
        try:
            out.append(_entry(root))
        except (InputError, OSError, KeyError, ValueError) as error:
            out.append(Entry(root, root.name, why=f"cannot be read: {told(error)}"))
    models: dict[str, set[str]] = {}
    for entry in out:
        models.setdefault(entry.model, set()).add(entry.facts.get("code", ""))
    other = "runs of this model here come from different code"
    return [_noted(e, other) if e.model and len(models[e.model]) > 1 else e for e in out]


def _noted(entry: Entry, note: str) -> Entry:
    from dataclasses import replace

    return replace(entry, notes=(*entry.notes, note))


def _entry(root: Path) -> Entry:
    store = require(root)
    record, _, request = newest(store, store.grid(stored_model(store)))
    counts = tally(store.blocks, request, committed(store))
    missing = [f"{counts[word]} {word}" for word in ("pending", "failed") if counts[word]]
    raw = open_zarr(store.path)
    notes = [f"{' and '.join(missing)} of {sum(counts.values())} simulations: what is here is drawn"] if missing else []
    attrs: dict[str, Any] = dict(raw.attrs)
    facts = {
        "samples": str(raw.sizes.get("sample", 1)),
        "seed": str(attrs.get("seed", "")),
        "code": str(attrs.get("code_hash", ""))[:8],
    }
    title, model = str(record.get("title") or ""), str(attrs.get("model", ""))
    plain = Entry(root, root.name, title, model, facts=facts, notes=tuple(notes))
    task = str(raw["memory"].attrs.get("task", "")) if "memory" in raw else ""
    if not (root / "analysis.zarr").exists():
        return _left(plain, task, None, f"not analysed: isinglass analyse {root}")
    found = open_zarr(root / "analysis.zarr").load()
    text = root / "workflow.py"
    if text.is_file() and found.attrs.get("workflow_hash") != text_hash(text.read_text(encoding="utf-8")):
        plain = _noted(plain, "analysed by another workflow text than the one that is kept")
    if "concordance" in found and task:
        return _left(plain, task, found, "")
    if "memory" not in raw:
        return _left(plain, task, found, "its model carries no message")
    if "coherence" not in raw or "blind_coherence" not in raw:
        return _left(plain, task, found, "it runs one copy, so that there is no coherence (copies=1)")
    return _left(plain, task, found, "its workflow declares no window (plane.concordance)")


def _left(entry: Entry, task: str, found: xr.Dataset | None, why: str) -> Entry:
    from dataclasses import replace

    return replace(entry, task=task, found=found, why=why)


def points(given: Sequence[Entry]) -> xr.Dataset:
    """Every point with a value in the windows of the runs that count: means with errors, dim `point`.

    Variables `coherence`, `memory`, `recall_overlap` with `_error`, `place` (as `plane_point`); coordinates `run`,
    `model`, `task`, and `at`, the point's parameters in words.
    """
    import xarray as xr

    columns: dict[str, list[Any]] = {n + e: [] for n in MEASURED for e in ("", "_error")}
    columns |= {"place": [], "run": [], "model": [], "task": [], "at": []}
    for entry in (e for e in given if e.counted):
        assert entry.found is not None
        ds = entry.found
        place = ds["plane_point"]
        stacked = {n + e: _value(ds, n, e).broadcast_like(place).transpose(*place.dims) for n in MEASURED
                   for e in ("", "_error")}  # fmt: skip
        good = (place.values > 0) & np.isfinite(stacked["coherence"].values) & np.isfinite(stacked["memory"].values)
        for index in zip(*np.nonzero(good), strict=True):
            for name, da in stacked.items():
                columns[name].append(float(da.values[index]))
            columns["place"].append(int(place.values[index]))
            where = zip(place.dims, index, strict=True)
            columns["at"].append(", ".join(f"{d} = {_word(ds, str(d), int(i))}" for d, i in where))
            for name, word in (("run", entry.name), ("model", entry.model), ("task", entry.task)):
                columns[name].append(word)
    data = {n: ("point", np.array(columns[n], float), {"units": "1"}) for n in columns if n[:2] in ("co", "me", "re")}
    words = {n: ("point", np.array(columns[n], dtype=str)) for n in ("run", "model", "task", "at")}
    return xr.Dataset({**data, "place": ("point", np.array(columns["place"], np.int8))}, coords=words)


def _value(ds: xr.Dataset, name: str, end: str) -> xr.DataArray:
    key = name + (end or "_mean")
    return ds[key] if key in ds else (ds["plane_point"] * np.nan)


def _word(ds: xr.Dataset, axis: str, i: int) -> str:
    value = ds[axis].values[i] if axis in ds.coords else i
    units = str(ds[axis].attrs.get("units", "1")) if axis in ds.coords else "1"
    text = f"{value:g}" if np.asarray(value).dtype.kind in "iuf" else str(value)
    return text if units == "1" else f"{text} {units}"


def rows(given: Sequence[Entry]) -> xr.Dataset:
    """What `plane.concordance` found of the runs that count: dim `row`, coordinates `run`, `model`, `task`, `axis`."""
    import xarray as xr

    parts = []
    for entry in (e for e in given if e.counted):
        assert entry.found is not None
        part = entry.found[list(ROWS)].rename_dims(along="row").reset_coords(drop=True)
        n, axes = part.sizes["row"], [str(a) for a in entry.found["along"].values]
        words = {"axis": axes, "run": [entry.name] * n, "model": [entry.model] * n, "task": [entry.task] * n}
        part = part.drop_vars("along", errors="ignore")
        parts.append(part.assign_coords({k: ("row", np.array(v, dtype=str)) for k, v in words.items()}))
    if not parts:
        empty = {n: ("row", np.zeros(0)) for n in ROWS}
        return xr.Dataset(empty, coords={k: ("row", np.zeros(0, "U1")) for k in ("axis", "run", "model", "task")})
    return xr.concat(parts, "row", combine_attrs="drop_conflicts", data_vars="all", join="outer")


def line(given: Sequence[Entry]) -> xr.Dataset | None:
    """Points on the Nishimori line: a run whose temperature is that of the line at each of its points; None without.

    `planted_overlap` and `replica_overlap`, with `_error`, dim `point`.
    """
    import xarray as xr

    from isinglass.theory.spin_glass import nishimori_temperature

    for ds in (entry.found for entry in given if entry.found is not None):
        if any(f"{n}_mean" not in ds for n in LINE) or not {"aligned", "temperature"} <= set(ds.coords):
            continue
        exact = ds["aligned"].copy(data=nishimori_temperature(ds["aligned"].values))
        if bool((abs(ds["temperature"] - exact) < 1e-6 * abs(exact)).all()):
            parts = {n + e: ("point", ds[n + (e or "_mean")].values.ravel()) for n in LINE for e in ("", "_error")}
            return xr.Dataset(parts)
    return None
