"""What a run found: the dataset opened, stages applied, figures drawn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.dataset import open_zarr, write_zarr
from isinglass.exceptions import InputError, known
from isinglass.generations import publish_analysis, require
from isinglass.inspection import newest, stored_model
from isinglass.provenance import now, versions
from isinglass.source import text_hash
from isinglass.sweep import locate
from isinglass.workflow import Workflow

if TYPE_CHECKING:
    import xarray as xr


def run_folder(run: str | Path) -> Path:
    """A run folder by path, or by its name under `results/`. Raises InputError."""
    path = Path(run)
    if path.name in ("data.zarr", "analysis.zarr") and path.parent.is_dir():
        path = path.parent
    if (path / ".store").is_dir():
        return path
    named = Path("results") / str(run)
    if (named / ".store").is_dir():
        return named
    runs = [p.parent.name for p in Path("results").glob("*/.store")]
    raise InputError(f"{run} is no run folder; {known(str(run), runs)}")


def open_run(run: str | Path) -> xr.Dataset:
    """A run's raw dataset, read lazily; the generation that is current now stays pinned.

    `run` is a run folder or its name under `results/`. Raises InputError where there is none.
    """
    return open_zarr(require(run_folder(run)).path)


def asked_data(root: Path) -> xr.Dataset:
    """The part of a run's dataset that the newest request asked for."""
    store = require(root)
    grid = store.grid(stored_model(store))
    _, asked, _ = newest(store, grid)
    ds = open_zarr(store.path)
    at: dict[str, Any] = dict(zip(grid.dims, locate(asked, grid), strict=True))
    at |= {"sample": np.arange(asked.samples), "replica": np.arange(asked.replicas)}
    whole = all(len(i) == ds.sizes[d] for d, i in at.items())
    return (ds if whole else ds.isel(at)).load()


def analyse(root: Path, workflow: Workflow) -> xr.Dataset:
    """Apply the workflow's stages in order and replace `analysis.zarr`. Returns raw data and results together.

    Raises InputError, naming the stage, where one raises; the raw data are not touched.
    """
    import xarray

    raw = asked_data(root)
    merged, new = raw, xarray.Dataset()
    names = []
    for stage in workflow.stages:
        name = getattr(stage, "__name__", type(stage).__name__)
        names.append(name)
        try:
            result = stage(merged)
        except Exception as error:
            what = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
            raise InputError(
                f"stage {name}: {what}; the data are kept: mend it, then isinglass analyse {root}"
            ) from error
        if not isinstance(result, xarray.Dataset):
            raise InputError(f"stage {name} returned {type(result).__name__}, not an xarray Dataset")
        again = [str(v) for v in result.data_vars if v in merged.data_vars]
        if again:
            raise InputError(
                f"stage {name} returned what is there already: {', '.join(again)}; it may return new variables only"
            )
        new = new.merge(result, combine_attrs="drop_conflicts")
        merged = merged.merge(result, combine_attrs="override")
    if not names:
        return merged
    store = require(root)
    kept = ("title", "model", "seed", "parameters", "code_hash", "git_commit", "git_dirty")
    new.attrs = {k: raw.attrs[k] for k in kept if k in raw.attrs} | {
        "stages": ", ".join(names),
        "source": f"data.zarr, generation {store.number}",
        "workflow_hash": text_hash(workflow.text or ""),
        "isinglass_version": versions()["isinglass"],
        "history": f"{now()} isinglass analyse",
    }
    publish_analysis(root, lambda path: write_zarr(new, path))
    return merged


def draw(root: Path, workflow: Workflow, ds: xr.Dataset) -> list[Path]:
    """Draw the workflow's figures as PNG and PDF into `figures/`. Returns the files.

    A figure that neither shows nor fixes an axis of the data is drawn once for each of its values.
    """
    from isinglass.figures import facets, save

    out: list[Path] = []
    for figure in workflow.figures:
        try:
            for suffix, part in facets(ds, figure.axes, figure.at):
                out += save(figure.draw(part), root / "figures", figure.name + suffix)
        except InputError as error:
            again = f"the data are kept: mend it, then isinglass analyse {root}"
            raise InputError(f"figure {figure.name}: {error}; {again}") from error
    return out
