"""The square Ising ferromagnet exactly: T_c, magnetisation, energy and specific heat of N → ∞; all states of L = 4.

J = 1, k_B = 1, per spin. Onsager, Phys. Rev. 65 (1944) 117; Yang, Phys. Rev. 85 (1952) 808. The Binder cumulant
U = 1 - ⟨m⁴⟩/(3⟨m²⟩²) at T_c is universal for a shape and its boundaries (catalog, `ising.binder_at_critical`).
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

T_C = 2 / math.log(1 + math.sqrt(2))
"""Critical temperature, 2.269185."""


def magnetisation(temperature: npt.ArrayLike) -> FloatArray:
    """Spontaneous magnetisation (1 - sinh⁻⁴(2/T))^(1/8) below T_c, 0 from there on; any shape, T >= 0."""
    t = np.asarray(temperature, float)
    with np.errstate(divide="ignore", over="ignore"):
        inner = 1 - np.sinh(2 / np.maximum(t, 1e-9)) ** -4.0
    return np.asarray(np.where(t < T_C, np.maximum(inner, 0.0) ** 0.125, 0.0))


def energy(temperature: npt.ArrayLike) -> FloatArray:
    """Energy -coth 2β [1 + (2/π)(2 tanh² 2β - 1) K(k)], k = 2 sinh 2β/cosh² 2β; any shape, T > 0; -√2 at T_c."""
    from scipy.special import ellipkm1

    x = 2 / np.asarray(temperature, float)
    tanh = np.tanh(x)
    # 1 - k² = (2 tanh² - 1)², which keeps its digits near T_c; there K diverges as a logarithm, times 0
    a = 2 * tanh**2 - 1
    with np.errstate(invalid="ignore"):
        product = np.where(a == 0, 0.0, a * ellipkm1(a**2))
    return np.asarray(-(1 + 2 / np.pi * product) / tanh)


def specific_heat(temperature: npt.ArrayLike) -> FloatArray:
    """dE/dT per spin, (2/π)(β coth 2β)² {2K - 2E - 2(1 - tanh² 2β)[π/2 + (2 tanh² 2β - 1)K]}; inf at T_c."""
    from scipy.special import ellipe, ellipkm1

    t = np.asarray(temperature, float)
    tanh = np.tanh(2 / t)
    a = 2 * tanh**2 - 1
    k, e = ellipkm1(a**2), ellipe(1 - a**2)
    with np.errstate(invalid="ignore"):
        inner = k - e - (1 - tanh**2) * (np.pi / 2 + np.where(a == 0, 0.0, a * k))
    return np.asarray(4 / np.pi / (t * tanh) ** 2 * inner)


@functools.cache
def _states() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Energy, |M| and number of states of L = 4, by pair of values."""
    bits = np.arange(2**16)[:, None] >> np.arange(16) & 1
    s = (2 * bits - 1).reshape(-1, 4, 4)
    e = -(s * np.roll(s, 1, axis=1) + s * np.roll(s, 1, axis=2)).sum(axis=(1, 2))
    pairs, count = np.unique(np.stack([e, abs(s.sum(axis=(1, 2)))]), axis=1, return_counts=True)
    return pairs[0].astype(float), pairs[1].astype(float), count.astype(float)


def enumeration(temperature: float) -> dict[str, float]:
    """Thermal means per spin of L = 4, periodic, from all 2^16 states: energy, energy_2, |m|, m² and m⁴; T > 0."""
    e, m, count = _states()
    weight = count * np.exp(-(e - e.min()) / temperature)
    weight /= weight.sum()
    e, m = e / 16, m / 16
    moments = {"magnetisation": m, "magnetisation_2": m**2, "magnetisation_4": m**4, "energy": e, "energy_2": e**2}
    return {name: float(weight @ values) for name, values in moments.items()}


HALF_ERROR = 0.11002786
"""Error of a symmetric binary channel that passes half a bit: H₂ = 1/2."""
CURVATURE = 0.35
"""Half-life of a written bit in steps for each of its l² spins, heat bath, T < T_c (measured, not derived)."""


def half_life(block: npt.ArrayLike, time: npt.ArrayLike, magnetisation: npt.ArrayLike, variance: float) -> FloatArray:
    """Steps until the majority of a block of l x l spins keeps half a bit, above T_c and for l far beyond ξ.

    `magnetisation` (n,) is m(t) of a uniform magnet that is left to itself at `time` (n,), falling; `variance` N⟨m²⟩ in
    equilibrium. A block's mean is m(t) and its sum of l² spins normal, so it is read wrong with probability
    Φ(-l m/√(N⟨m²⟩)): half a bit is left where l m(t) = 1.2265 √(N⟨m²⟩), and for m ∝ e^{-t/τ} that grows as τ ln l.
    Interpolated in ln m; NaN beyond the times given.
    """
    from scipy.stats import norm

    level = np.log(-norm.ppf(HALF_ERROR) * np.sqrt(variance) / np.asarray(block, float))
    log = np.log(np.asarray(magnetisation, float))
    return np.asarray(np.interp(-level, -log, np.asarray(time, float), left=np.nan, right=np.nan))
