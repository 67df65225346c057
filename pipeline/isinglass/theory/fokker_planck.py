"""A single spin with an easy axis and a field along it: the Fokker-Planck equation of its z component, solved.

E = -K S_z² - 2K h S_z, with σ = K/T and the field h in units of 2K. For x = S_z

    ∂P/∂t = D ∂/∂x {(1 - x²) [∂P/∂x + (V'/T) P]},  V/T = -σ(x² + 2hx),  D = αT/(1 + α²)

(Brown's equation). The slowest rate λ comes from cells of equal width in detailed balance, as that of the flux, whose
Green function is a product of sums of positive terms: it keeps its digits where e^{-σ} is below rounding. The whole
solution comes from Legendre polynomials. Times in μ/γK: K = 1, T = 1/σ.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isinglass.exceptions import InputError

FloatArray = npt.NDArray[np.float64]

CELLS = 4000
"""Cells for the slowest rate."""
MODES = 80
"""Legendre polynomials for the whole solution."""
HALF = 0.7799442711232
"""Overlap at which a symmetric channel carries half a bit: 1 - H₂((1 - m)/2) = 1/2."""


def _potential(x: FloatArray, stability: float, field: float) -> FloatArray:
    """-V/T, at most 0."""
    out = stability * (x**2 + 2 * field * x)
    return np.asarray(out - stability * (1 + 2 * abs(field)))


def relaxation_rate(stability: float, field: float = 0.0, damping: float = 0.5) -> float:
    """λ, the smallest eigenvalue that is not 0: the rate of the slowest decay. Relative error below 1e-5.

    Richardson's extrapolation of two grids. Raises InputError where e^{-V/T} leaves the range of numbers.
    """
    if not 0 < stability * (1 + abs(field)) ** 2 <= 300:
        raise InputError(
            f"K/T = {stability:g} at h = {field:g}: barriers must be above 0 and at most 300 T; beyond it overflows"
        )
    coarse, fine = (_rate(stability, field, cells) for cells in (CELLS // 2, CELLS))
    return (4 * fine - coarse) / 3 / stability * damping / (1 + damping**2)


@functools.lru_cache(maxsize=4096)
def _rate(stability: float, field: float, cells: int) -> float:
    """λ/D on a grid: power iteration of the inverse, whose entries are all positive."""
    width = 2 / cells
    centre, x = (np.arange(cells) + 0.5) * width - 1, np.asarray(np.arange(1, cells) * width - 1)
    weight = np.exp(_potential(np.asarray(centre), stability, field)) * width
    resistance = width * np.exp(-_potential(x, stability, field)) / (1 - x**2)
    left, right = np.cumsum(weight)[:-1], np.cumsum(weight[::-1])[-2::-1]
    flux, rate = np.ones(cells - 1), 0.0
    for _ in range(500):
        below = np.cumsum(left * resistance * flux)
        above = np.cumsum((right * resistance * flux)[::-1])[::-1]
        new = (right * below + left * np.append(above[1:], 0.0)) / weight.sum()
        now = 1 / new.max()
        flux = new * now
        if abs(now - rate) < 1e-14 * now:
            break
        rate = now
    return float(now)


def relaxation_time(stability: float, field: float = 0.0, damping: float = 0.5) -> float:
    """τ = 1/λ in μ/γK."""
    return 1 / relaxation_rate(stability, field, damping)


def brown(stability: npt.ArrayLike, damping: float = 0.5, corrected: bool = False) -> FloatArray:
    """Brown's asymptote of τ for high barriers without field: (√π/2) σ^-3/2 e^σ τ_D, τ_D = σ(1 + α²)/2α at K = 1.

    `corrected`: times 1 + 1/σ + 7/(4σ²), as on the model card.
    """
    sigma = np.asarray(stability, float)
    tau = math.sqrt(math.pi) / 2 * sigma**-1.5 * np.exp(sigma) * sigma * (1 + damping**2) / (2 * damping)
    return np.asarray(tau * (1 + 1 / sigma + 7 / 4 / sigma**2) if corrected else tau)


class Reading(NamedTuple):
    """What is read of a written spin: probabilities (time,) that S_z has the sign that was written, for up and down."""

    up: FloatArray
    down: FloatArray

    @property
    def memory(self) -> FloatArray:
        """Information per bit, equally many written up and down, through this channel: theory of `memory`; (time,)."""
        joint = np.stack([self.up, 1 - self.up, 1 - self.down, self.down], axis=-1) / 2
        read = joint[..., :2] + joint[..., 2:]
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = [np.where(p > 0, p * np.log2(np.where(p > 0, p, 1.0)), 0.0).sum(axis=-1) for p in (joint, read)]
        return np.asarray(1 + terms[0] - terms[1])


def reading(time: npt.ArrayLike, stability: float, field: float = 0.0, damping: float = 0.5) -> Reading:
    """The whole solution from S_z = ±1: which sign S_z has at the times `time`. Barriers up to 60 T; else InputError.

    Times far below 1/λ are not resolved by the polynomials; those from 0.02/λ on are.

    P = e^{-V/2T} φ makes the operator symmetric, -d/dx (1 - x²) d/dx + U with a polynomial U: Legendre polynomials.
    """
    values, up, down = _modes(stability, field)
    decay = np.exp(-np.multiply.outer(np.asarray(time, float), values) * damping / (1 + damping**2) / stability)
    return Reading(decay @ up, decay @ down)


@functools.cache
def _nodes(number: int) -> tuple[FloatArray, FloatArray]:
    x, weight = np.polynomial.legendre.leggauss(number)
    return np.asarray(x), np.asarray(weight)


@functools.cache
def _legendre(number: int, upper: bool = False) -> FloatArray:
    """Normalised Legendre polynomials (number, MODES) at the nodes of (-1, 1), or of (0, 1)."""
    x = _nodes(number)[0]
    x = (x + 1) / 2 if upper else x
    return np.asarray(np.polynomial.legendre.legvander(x, MODES - 1) * np.sqrt(np.arange(MODES) + 0.5))


@functools.cache
def _powers() -> FloatArray:
    """Matrices of 1, x, x², x³, x⁴ in normalised Legendre polynomials, exact: (power, diagonal below, MODES)."""
    x, weight = _nodes(2 * MODES)
    basis = _legendre(2 * MODES)
    whole = [basis.T @ ((weight * x**k)[:, None] * basis) for k in range(5)]
    return np.array([[np.pad(np.diagonal(m, -d), (0, d)) for d in range(5)] for m in whole])


@functools.lru_cache(maxsize=4096)
def _modes(stability: float, field: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """All λ/D (MODES,), and what each mode adds to the probabilities of `Reading`."""
    from scipy import linalg

    if not 0 < stability * (1 + abs(field)) ** 2 <= 60:
        raise InputError(
            f"K/T = {stability:g} at h = {field:g}: the whole solution is for barriers above 0, up to 60 T"
        )
    s, h = stability, field  # U = (1 - x²)(V'/T)²/4 - ((1 - x²)V')'/2T with V' = -2σ(x + h)T, in powers of x
    powers = (s**2 * h**2 + s, 2 * s**2 * h - 2 * s * h, s**2 * (1 - h**2) - 3 * s, -2 * s**2 * h, -(s**2))
    order = np.arange(MODES)
    band = np.tensordot(powers, _powers(), axes=1)
    band[0] += order * (order + 1.0)
    values, vectors = linalg.eig_banded(band, lower=True)  # ten times faster than `eigh` where threads compete
    if values[1] < 1e-8:
        raise InputError(f"K/T = {stability:g} at h = {field:g}: the slowest rate is below the rounding of the fastest")
    parts = []
    for sign in (1.0, -1.0):
        x, weight = _nodes(MODES)
        half = weight / 2 * np.exp(_potential(sign * (x + 1) / 2, stability, field) / 2)
        at = np.sqrt(order + 0.5) * sign**order / math.exp(float(_potential(np.array(sign), stability, field)) / 2)
        parts.append((at @ vectors) * (half @ _legendre(MODES, True) * sign**order @ vectors))
    return np.maximum(values, 0.0), parts[0], parts[1]


def half_life(stability: npt.ArrayLike, field: float = 0.0, damping: float = 0.5) -> FloatArray:
    """Time at which the memory of bits written along ±z is 1/2, of the whole solution.

    More than 13 stabilities are interpolated, ln τ by cubics, from 13 evenly spaced.
    """
    from scipy import interpolate

    sigma = np.asarray(stability, float)
    if sigma.size > 13:
        nodes = np.linspace(sigma.min(), sigma.max(), 13)
        spline = interpolate.CubicSpline(nodes, np.log(half_life(nodes, field, damping)))
        return np.asarray(np.exp(spline(sigma)))
    return np.array([_half_life(float(s), field, damping) for s in sigma.ravel()]).reshape(sigma.shape)


def _half_life(stability: float, field: float, damping: float) -> float:
    from scipy import optimize

    tau = stability * (1 + damping**2) / damping / _modes(stability, field)[0][1]

    def above(log: float) -> float:
        return float(reading(tau * np.exp(log), stability, field, damping).memory) - 0.5

    return float(tau * np.exp(optimize.brentq(above, -4.0, 3.0, xtol=1e-7)))


def frozen_half_life(stability: float, exchange: npt.ArrayLike, damping: float = 0.5) -> FloatArray:
    """`half_life` of random bits in grains on a square lattice, coupled by J (in K), if neighbours stayed as written.

    Then a grain is in the field h = nJ/2K along its bit, n = -4, -2, 0, 2, 4 with weights 1, 4, 6, 4, 1 of 16. That is
    an approximation: neighbours switch and fluctuate too.
    """
    from scipy import optimize

    def one(coupling: float) -> float:
        fields = [(n * coupling / 2, w / 16) for n, w in ((-4, 1), (-2, 4), (0, 6), (2, 4), (4, 1))]

        def overlap(log: float) -> float:
            return float(sum(w * (2 * reading(np.exp(log), stability, h, damping).up - 1) for h, w in fields)) - HALF

        start = math.log(relaxation_time(stability, 0.0, damping))
        return float(np.exp(optimize.brentq(overlap, start - 4.0, start + 1.0, xtol=1e-9)))

    couplings = np.asarray(exchange, float)
    return np.array([one(float(j)) for j in couplings.ravel()]).reshape(couplings.shape)


def switching_field(stability: npt.ArrayLike, time: float, damping: float = 0.5) -> FloatArray:
    """The field h in [0, 0.9] at which `half_life` is `time`: a line in the plane (K/T, h), NaN beyond its ends
    and below K/T = 0.1.

    Interpolated, in ln τ by cubics from 13 stabilities at each of 19 fields; for barriers up to 60 T.
    """
    sigma = np.asarray(stability, float)
    last, fields = float(sigma.max()), np.linspace(0, 0.9, 19)
    found: list[tuple[float, float]] = []
    for h in map(float, fields):
        fine = np.linspace(max(float(sigma.min()), 0.1), min(last, 60 / (1 + h) ** 2), 801)
        log = np.log(half_life(fine, h, damping) / time)
        if log[0] <= 0 <= log[-1]:
            found.append((float(np.interp(0.0, log, fine)), h))
    if not found:
        return np.full(sigma.shape, np.nan)
    fields = fields[last * (1 + fields) ** 2 <= 60]
    end = np.log(time / np.array([_half_life(last, float(h), damping) for h in fields]))
    if end[-1] > 0:
        found.append((last, float(np.interp(0.0, end, fields))))
    at, line = np.array(found).T
    return np.asarray(np.interp(sigma, at, line, left=np.nan, right=np.nan))
