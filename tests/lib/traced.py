"""The numbers beside a figure, traced back to the variables that they are of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

ELSEWHERE = ("theory", "points")
"""Kinds of rows that are no variable of the dataset."""


def read(path: Path) -> pd.DataFrame:
    """A CSV of a figure, exactly; words stay words."""
    return pd.read_csv(path, comment="#", keep_default_na=False, na_values=[""])


def places(ds: xr.Dataset, rows: pd.DataFrame, dim: str) -> np.ndarray:
    """Where the rows lie along a dim of the dataset."""
    if dim not in rows:
        assert dim in ("sample", "replica") or ds.sizes[dim] == 1, f"nothing says where along {dim}"
        return np.zeros(len(rows), int)
    values = ds[f"{dim}_label" if f"{dim}_label" in ds.coords else dim].values if dim in ds.coords else None
    values = np.arange(ds.sizes[dim]) if values is None else values
    if values.dtype.kind in "iuf":
        at = {float(v): i for i, v in enumerate(values.tolist())}
        return np.array([at[float(v)] for v in rows[dim]])
    at = {str(v): i for i, v in enumerate(values.tolist())}
    return np.array([at[str(v)] for v in rows[dim]])


def traced(path: Path, ds: xr.Dataset) -> int:
    """Asserts that each number of a CSV is that of the merged dataset, bit for bit; returns how many were compared."""
    table, compared = read(path), 0
    for (kind, name), rows in table.groupby(["kind", "variable"]):
        if kind in ELSEWHERE:
            assert rows["value"].notna().all() or kind == "theory"
            continue
        plain = str(name).removesuffix("_mean")
        columns = {"value": name, "error": f"{plain}_error", "samples": f"{plain}_samples"}
        if kind in ("boundary", "interval"):
            columns |= {"low": f"{name}_low", "high": f"{name}_high"}
        for column, variable in columns.items():
            if column not in rows or variable not in ds or rows[column].isna().all():
                assert column != "value" or bool(ds[variable].isnull().any()), f"{path.name}: {name} has no value"
                continue
            found = ds[variable]
            got = found.values[tuple(places(ds, rows, str(d)) for d in found.dims)]
            np.testing.assert_array_equal(rows[column].to_numpy(float), got.astype(float), f"{path.name}: {variable}")
            compared += len(rows)
    return compared
