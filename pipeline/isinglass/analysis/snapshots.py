"""Snapshots of binary configurations, from the bits that are stored to spins ±1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isinglass.exceptions import InputError

if TYPE_CHECKING:
    import xarray as xr


def unpack(packed: xr.DataArray) -> xr.DataArray:
    """Packed snapshots as ±1: the dim `site_byte` becomes `site`, 0, 1, ... to the largest number of sites.

    `packed` is a variable of a run, uint8 (..., site_byte), with its coordinates. Returns int8 (..., site), 0 where a
    point has fewer sites. What was never computed unpacks to -1: mask it with `status` and `snapshot_time_length`.
    Raises InputError for other variables.
    """
    import xarray

    if "site_byte" not in packed.dims or packed.dtype != np.uint8:
        raise InputError(
            f"{packed.name!r} holds no packed snapshots: uint8 along site_byte, as a recorded run has them"
        )
    ends = packed.coords.get("site_byte_value", packed["site_byte"])  # sites up to the end of each byte
    if "site_byte_length" in packed.coords:
        ends = ends.where(
            xarray.DataArray(np.arange(packed.sizes["site_byte"]), dims="site_byte") < packed.site_byte_length
        )
    sites = ends.max("site_byte")  # NaN stands beyond a point's own bytes
    width = int(sites.max())

    def signs(values: np.ndarray) -> np.ndarray:
        bits = np.unpackbits(values, axis=-1, count=width, bitorder="little")
        return bits.astype(np.int8) * np.int8(2) - np.int8(1)

    out: xr.DataArray = xarray.apply_ufunc(
        signs, packed.drop_vars([n for n in packed.coords if str(n).startswith("site_byte")]),
        input_core_dims=[["site_byte"]], output_core_dims=[["site"]], keep_attrs=False,
    ).assign_coords(site=np.arange(width))  # fmt: skip
    if int(sites.min()) < width:
        out = out * (out["site"] < sites).astype(np.int8)
    out.attrs = {"units": "1", "long_name": "configuration, +1 or -1 of each site"}
    return out.rename(packed.name)
