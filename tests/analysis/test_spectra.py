"""Spectra over time: a known line at the right ω/E, its share, what is refused; exponents of each sample."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from isinglass.analysis import scaling, spectra
from isinglass.exceptions import InputError


def branches(x: np.ndarray) -> dict[str, np.ndarray]:
    return {"up": 1 + np.asarray(x, float), "down": 1 - np.asarray(x, float)}


def dataset(times: np.ndarray, factor: float = 1.0) -> xr.Dataset:
    """x = 0, 0.4; two samples; modes E = 0.5, 2, 0, lines at E(1 ± x), times `factor`."""
    x, e = np.array([0.0, 0.4]), np.array([0.5, 2.0, 0.0])
    phase = times[:, None] * e * factor
    signal = np.stack([np.exp(1j * (1 + v) * phase) + np.exp(-1j * (1 - v) * phase) for v in x])
    amplitude = np.stack([signal, 3 * signal], axis=1)[:, :, None]
    dims = ("x", "sample", "replica")
    return xr.Dataset(
        {
            "amplitude": ((*dims, "time", "mode"), amplitude),
            "energy": ((*dims, "mode"), np.broadcast_to(e, (2, 2, 1, 3))),
            "status": (dims, np.ones((2, 2, 1), np.int8)),
        },
        coords={"x": x, "time": times, "mode": [0.1, 0.2, 0.3]},
    )


def test_lines_stand_where_they_are() -> None:
    """Density integrates to 1, is largest at the branches, where more than 0.9 lies; E = 0 is left out."""
    out = spectra.density("amplitude", "energy", "x", branches)(dataset(0.5 * np.arange(1, 801)))
    density = out["spectral_density_mean"]
    assert density.sum("ratio").values * 0.01 == pytest.approx([1, 1])
    assert float(density.ratio[int(density[0].argmax("ratio"))]) == pytest.approx(1.0, abs=0.011)
    upper = density.sel(ratio=slice(1, 1.6))[1]
    assert float(upper.ratio[int(upper.argmax("ratio"))]) == pytest.approx(1.4, abs=0.011)
    assert (out["branch_share_mean"] > 0.9).all()
    assert out["spectral_density_samples"].values.ravel()[0] == 2
    off = spectra.density("amplitude", "energy", "x", branches)(dataset(0.5 * np.arange(1, 801), factor=1.15))
    assert (off["branch_share_mean"] < 0.1).all(), "a spectrum elsewhere does not count"


@pytest.mark.parametrize(
    ("times", "needle"),
    [(np.arange(1, 9.0) ** 2, "even"), (np.arange(1, 6.0), "at least 8"), (3.0 * np.arange(1, 99), "raise records")],
)
def test_records_that_tell_nothing_are_refused(times: np.ndarray, needle: str) -> None:
    with pytest.raises(InputError, match=needle):
        spectra.density("amplitude", "energy", "x", branches)(dataset(times))


def test_exponents_of_samples() -> None:
    """y = c x^-0.8 of two samples with one slope: exactly, error 0; of two slopes: their mean and standard error."""
    x = np.array([0.0, 0.1, 1.0, 10.0, 100.0])
    with np.errstate(divide="ignore"):
        y = np.stack([2 * x**-0.8, 5 * x**-1.0], axis=1)
    y[-1] = 7.0  # beyond `between`
    dims = ("x", "sample", "replica")
    ds = xr.Dataset(
        {"t": (dims, y[..., None]), "status": (dims, np.ones((5, 2, 1), np.int8))},
        coords={"x": x},
    )
    out = scaling.powers("t", "x", (0.05, 20))(ds)
    assert float(out["t_power_mean"]) == pytest.approx(-0.9)
    assert float(out["t_power_error"]) == pytest.approx(0.1)
    with pytest.raises(InputError, match="fewer than two"):
        scaling.powers("t", "x", (50, 60))(ds)
    with pytest.raises(InputError, match="no axis of numbers"):
        scaling.powers("t", "z")(ds)
