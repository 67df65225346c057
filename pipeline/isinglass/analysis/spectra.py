"""Spectra over time of labelled records, beside the branches that theory expects."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass.analysis import errors
from isinglass.analysis.errors import Stage
from isinglass.exceptions import InputError

if TYPE_CHECKING:
    import xarray as xr

NEAR = 0.05
"""Power counts to a branch if its ω/E lies this near to it."""


def density(
    name: str,
    energy: str,
    along: str,
    branches: Callable[[Any], dict[str, Any]],
    largest: float = 1.6,
    bins: int = 160,
) -> Stage:
    """The stage for the power of an observable over ω/E: `spectral_density_mean`, `_error` (axes..., ratio).

    `name` is complex, dims (axes..., sample, replica, time, mode), `energy` the observable E (..., mode); modes with
    E = 0 are left out. Power of Hann's window in |ω| of each simulation and mode, as a density over ω/E from 0 to
    `largest` that integrates to 1; then the mean over modes and replicas, and over samples. `branch_share_mean`,
    `_error` is the share that lies within 0.05 of one of the `branches`, functions of the axis `along`. Raises
    InputError where times are not even, or records too far apart for √2 times the largest E.
    """

    def stage(ds: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        da, e = errors.observable(ds, name), errors.observable(ds, energy)
        gaps = np.diff(ds["time"].values) if "time" in ds.coords else np.zeros(0)
        if gaps.size < 7 or "time_length" in ds.coords or not np.allclose(gaps, gaps.mean(), rtol=1e-6):
            raise InputError(f"spectra.density({name!r}) needs at least 8 times, even, the same ones at every point")
        omega = 2 * np.pi * abs(np.fft.fftfreq(gaps.size + 1, gaps.mean()))
        if np.sqrt(2) * float(e.max()) > omega.max():
            raise InputError(
                f"spectra.density({name!r}): records {gaps.mean():.3g} apart show frequencies up to {omega.max():.3g}, "
                f"and {np.sqrt(2) * float(e.max()):.3g} may occur: raise records"
            )
        edges = np.linspace(0, largest, bins + 1)
        ratio = (edges[1:] + edges[:-1]) / 2
        window = np.hanning(gaps.size + 3)[1:-1]
        order = np.argsort(omega, kind="stable")

        def one(amplitude: np.ndarray, scale: np.ndarray) -> np.ndarray:
            """(time, mode) and (mode,) to a density over `ratio`."""
            use = scale > 1e-9
            power = abs(np.fft.fft(amplitude[:, use] * window[:, None], axis=0)) ** 2
            each = np.array([
                np.interp(ratio, omega[order] / s, p[order]) for p, s in zip(power.T, scale[use], strict=True)
            ])  # fmt: skip
            total = each.sum(axis=-1, keepdims=True) * (edges[1] - edges[0])
            return np.asarray((each / np.where(total > 0, total, np.nan)).mean(axis=0))

        found: xr.DataArray = xr.apply_ufunc(
            one, da, e, input_core_dims=[["time", "mode"], ["mode"]], output_core_dims=[["ratio"]], vectorize=True
        ).assign_coords(ratio=("ratio", ratio, {"units": "1", "long_name": "frequency ω/E"}))
        found.attrs = {"units": "1", "long_name": "spectral density over ω/E"}
        expected = np.array(list(branches(ds[along].values).values()))  # (branch, along)
        near = (abs(expected[:, :, None] - ratio) <= NEAR).any(axis=0)
        share = found.where(xr.DataArray(near, dims=(along, "ratio"))).sum("ratio") * (edges[1] - edges[0])
        share.attrs = {"units": "1", "long_name": f"share of power within {NEAR:g} of a branch"}
        out: dict[str, xr.DataArray] = {}
        for label, values in (("spectral_density", found), ("branch_share", share)):
            samples = errors.sample_means(values, ds["status"])
            out |= errors.described(label, values.attrs, *errors.mean_and_error(samples))
        return xr.Dataset(out)

    return errors.titled(stage, f"density({name})")
