"""A complex field on a ring that encloses a flux: frequencies of its waves, periodic in 2π (model card C5)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def frequency(flux: npt.ArrayLike, wave: npt.ArrayLike, sites: int, mass: float) -> Floats:
    """ω = √(m² + 4(1+m) sin²((2πq - Φ)/2N)) of the wave e^{2πi qn/N} with links e^{iΦ/N}, continuous time."""
    angle = (2 * np.pi * np.asarray(wave, float) - np.asarray(flux, float)) / (2 * sites)
    return np.asarray(np.sqrt(mass**2 + 4 * (1 + mass) * np.sin(angle) ** 2))


def lowest(flux: npt.ArrayLike, sites: int, mass: float) -> Floats:
    """The lowest of all N frequencies."""
    return np.asarray(frequency(np.asarray(flux, float)[..., None], np.arange(sites), sites, mass).min(axis=-1))
