"""What a run found: the dataset opened, stages applied, figures drawn."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass import ledger
from isinglass.coordinates import own_dims
from isinglass.dataset import declare, open_zarr, write_zarr
from isinglass.exceptions import InputError, told
from isinglass.generations import publish_analysis, require
from isinglass.inspection import newest, stored_model
from isinglass.opening import run_folder as run_folder  # results.run_folder: by path, or by name
from isinglass.planning import SKIPPED
from isinglass.provenance import now, versions
from isinglass.source import text_hash
from isinglass.sweep import Grid, locate
from isinglass.workflow import Workflow, stage_name

if TYPE_CHECKING:
    import xarray as xr


@contextmanager
def reading(root: Path) -> Iterator[None]:
    """Raises InputError for what zarr, xarray and the codecs raise, each its own kind, where a file is damaged."""
    try:
        yield
    except (OSError, MemoryError, InputError):
        raise
    except Exception as error:
        raise InputError(
            f"{root / 'data.zarr'} cannot be read ({told(error)}): isinglass verify {root} names what is damaged, "
            "and the run then makes it anew"
        ) from error


def asked_data(root: Path) -> xr.Dataset:
    """The part of a run's dataset that the newest request asked for."""
    store = require(root)
    grid = store.grid(stored_model(store))
    record, asked, _ = newest(store, grid)
    at: dict[str, Any] = dict(zip(grid.dims, locate(asked, grid), strict=True))
    at |= {"sample": np.arange(asked.samples), "replica": np.arange(asked.replicas)}
    with reading(root):
        ds = open_zarr(store.path)
        whole = all(np.array_equal(i, np.arange(ds.sizes[d])) for d, i in at.items())  # all of it, in its order
        ds = (ds if whole else ds.isel(at)).load()
    keep = ledger.unpack_array(record["keep"]).astype(bool)
    # points that this request skips, though an earlier one computed them, are no part of its analysis
    status = np.where(keep[..., None, None], ds["status"].values, np.int8(SKIPPED))
    return ds.assign(status=ds["status"].copy(data=status))


def analyse(root: Path, workflow: Workflow) -> xr.Dataset:
    """Apply the workflow's stages in order and replace `analysis.zarr`. Returns raw data and results together.

    Raises InputError, naming the stage, where one raises; the raw data are not touched.
    """
    import xarray

    raw = asked_data(root)
    merged, new = raw, xarray.Dataset()
    names = []
    for stage in workflow.stages:
        name = stage_name(stage)
        names.append(name)
        try:
            result = stage(merged)
        except Exception as error:
            raise InputError(f"stage {name}: {told(error)}{_mend(root)}") from error
        if not isinstance(result, xarray.Dataset):
            raise InputError(f"stage {name} returned {type(result).__name__}, not an xarray Dataset")
        again = [str(v) for v in result.data_vars if v in merged.data_vars]
        if again:
            raise InputError(
                f"stage {name} returned what is there already: {', '.join(again)}; it may return new variables only"
            )
        new = new.merge(result, compat="no_conflicts", combine_attrs="drop_conflicts")
        merged = merged.merge(result, compat="no_conflicts", combine_attrs="override")
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


def draw(root: Path, workflow: Workflow, ds: xr.Dataset) -> Iterator[str]:
    """Draw the workflow's figures as PNG and PDF into `figures/`; a line for each file.

    A figure that neither shows nor fixes an axis of the data is drawn once for each of its values. One of a value that
    the data lack, as where an axis was given other values, is left out. Raises InputError for the first that fails
    otherwise, after all others are drawn.
    """
    from isinglass.figures import AbsentError, facets, save

    failed: InputError | None = None
    for figure in workflow.figures:
        name = getattr(figure, "name", type(figure).__name__)
        try:
            for suffix, part in facets(ds, figure.axes, figure.at):
                for path in save(figure.draw(part), root / "figures", name + suffix):
                    yield f"figure        {path}"
        except AbsentError as absent:
            yield f"figure        {name} is left out: {absent}"
        except OSError:
            raise
        except Exception as error:
            new = InputError(f"figure {name}: {told(error)}{_mend(root)}")
            new.__cause__ = error
            failed = failed or new
    if failed is not None:
        raise failed


def _mend(root: Path) -> str:
    return f"; the data are kept: mend the workflow file, then isinglass analyse {root} --workflow FILE"


def rehearse(workflow: Workflow, grid: Grid, attributes: Mapping[str, Any]) -> None:
    """Apply the stages to a corner of the grid without values, so that a wrong name shows before hours of work.

    Raises InputError where a stage does (of an unknown observable, say); whatever else a stage makes of a dataset
    without values is left to the real one.
    """
    corner = grid.part([slice(0, 3)] * len(grid.dims))
    small = replace(corner, samples=min(grid.samples, 2), replicas=min(grid.replicas, grid.model.lanes))
    own = own_dims(small, np.zeros(small.shape, bool))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "data.zarr"
        declare(path, 1, small, small.full_shape, own, dict(attributes))
        merged = open_zarr(path).load()
    for stage in workflow.stages:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                merged = merged.merge(stage(merged), compat="no_conflicts", combine_attrs="override")
            except InputError as error:
                raise InputError(f"stage {stage_name(stage)}: {error}") from error
            except KeyError as error:
                if "No variable named" in str(error):
                    raise InputError(f"stage {stage_name(stage)}: {told(error)}") from error
                return
            except Exception:
                return
