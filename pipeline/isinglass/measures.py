"""Coherence and memory, measured alike in every model: plain numpy functions over leading axes.

Information is in bits and comes from joint counts of (message, readout) with the Miller-Madow correction for finite
samples: each entropy gets + (occupied cells - 1) / (2 n ln 2) (Miller 1955; Paninski, Neural Comput. 15 (2003) 1191).
Nothing is clipped: a small estimate may fall below zero, a mean over clipped ones would be biased.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def crossings(time: np.ndarray, values: np.ndarray, level: float) -> tuple[float, float]:
    """First and last time at which a record that begins at time 0 above `level` falls through it, interpolated.

    The last time of the record where it does not.
    """
    time, values = np.append(0.0, time), np.append(1.0, values)
    above = values >= level
    falls = np.flatnonzero(above[:-1] & ~above[1:])
    if falls.size == 0:
        return float(time[-1]), float(time[-1])
    part = (values[falls] - level) / (values[falls] - values[falls + 1])
    at = time[falls] + part * (time[falls + 1] - time[falls])
    return float(at[0]), float(time[-1]) if above[-1] else float(at[-1])


def overlap(a: npt.ArrayLike, b: npt.ArrayLike) -> npt.NDArray[np.inexact]:
    """Signed overlap a·b*/N of two states (..., N), N the last axis: real for real states, else complex.

    Spins are ±1, phases unit complex numbers. |overlap| of two copies is their coherence, [0, 1].
    """
    a, b = np.asarray(a), np.asarray(b)
    if not (np.iscomplexobj(a) or np.iscomplexobj(b)):
        return np.einsum("...i,...i->...", a, b, dtype=np.float64) / a.shape[-1]  # type: ignore[no-any-return]
    return np.einsum("...i,...i->...", a, np.conj(b), dtype=np.complex128) / a.shape[-1]  # type: ignore[no-any-return]


def cosine(a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """Cosine of the angle between real vectors along the last axis, [-1, 1]; 0 where one of them is 0."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    length = np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    return np.asarray((a * b).sum(axis=-1) / np.where(length > 0, length, 1.0))


def steady(values: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Whether an order parameter (..., steps) shows no drift in its window: what models report as `converged`; (...).

    The means of the two halves differ by less than 0.02, or by less than twice the standard deviation within a half.
    """
    values = np.asarray(values, dtype=np.float64)
    half = values.shape[-1] // 2
    first, second = values[..., :half], values[..., -half:]
    spread = np.sqrt((first.var(axis=-1) + second.var(axis=-1)) / 2)
    return np.asarray(abs(first.mean(axis=-1) - second.mean(axis=-1)) < np.maximum(0.02, 2 * spread))


def entropy(counts: npt.ArrayLike) -> Floats:
    """Entropy in bits of the distribution that `counts` (..., K) were drawn from, Miller-Madow corrected; (...).

    Zero where one cell holds all counts, NaN where there are none.
    """
    counts = np.asarray(counts, dtype=np.float64)
    total = counts.sum(axis=-1)
    occupied = np.count_nonzero(counts, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        weighted = (counts * np.log2(np.where(counts > 0, counts, 1.0))).sum(axis=-1)
        correction = (occupied - 1) / (2 * np.log(2) * total)
        return np.where(occupied == 1, 0.0, np.log2(total) - weighted / total + correction)


def mutual_information(counts: npt.ArrayLike) -> Floats:
    """Mutual information in bits of the two variables whose joint counts are (..., K, L); (...), corrected.

    H(K) + H(L) - H(K, L), each entropy by `entropy`: for independent variables zero on average, up to O(1/n²).
    """
    counts = np.asarray(counts, dtype=np.float64)
    joint = counts.reshape(*counts.shape[:-2], -1)
    return entropy(counts.sum(axis=-1)) + entropy(counts.sum(axis=-2)) - entropy(joint)


def memory(counts: npt.ArrayLike) -> Floats:
    """I(message; readout) / H(message) from joint counts (..., message, readout); (...), both corrected.

    Exactly 1 where the readout determines the message one to one, about 0 where it knows nothing of it; NaN where the
    message has no entropy. Not clipped to [0, 1].
    """
    counts = np.asarray(counts, dtype=np.float64)
    message = entropy(counts.sum(axis=-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(message > 0, mutual_information(counts) / message, np.nan)


def binary_counts(
    overlap: npt.ArrayLike, message_sum: npt.ArrayLike, readout_sum: npt.ArrayLike, n: npt.ArrayLike
) -> Floats:
    """Joint counts (..., 2, 2) of n pairs of ±1 (message ξ, readout s) from Σξs, Σξ and Σs, exactly.

    Rows are ξ = -1, +1; columns s = -1, +1. The sums are integers of the parity of n; arguments broadcast.
    """
    product, message, readout, size = np.broadcast_arrays(
        *(np.asarray(x, dtype=np.int64) for x in (overlap, message_sum, readout_sum, n))
    )
    cells = [
        [size - message - readout + product, size - message + readout - product],
        [size + message - readout - product, size + message + readout + product],
    ]
    return np.moveaxis(np.array(cells, dtype=np.float64), (0, 1), (-2, -1)) / 4


def binary_memory(
    overlap: npt.ArrayLike, message_sum: npt.ArrayLike, readout_sum: npt.ArrayLike, n: npt.ArrayLike
) -> Floats:
    """`memory` of the counts of `binary_counts`, 0 where the overlap is not above 0: recall is signed.

    NaN where the message has no entropy, whatever the overlap.
    """
    value = memory(binary_counts(overlap, message_sum, readout_sum, n))
    return np.where((np.asarray(overlap) <= 0) & ~np.isnan(value), 0.0, value)


def binary_information(m: npt.ArrayLike) -> Floats:
    """Bits per symbol 1 - H₂((1-m)/2) through a symmetric binary channel of overlap m in [-1, 1]: theory."""
    p = (1 - np.asarray(m, dtype=np.float64)) / 2
    inner = np.clip(p, 1e-300, 1.0)
    outer = np.clip(1 - p, 1e-300, 1.0)
    return np.asarray(1 + p * np.log2(inner) + (1 - p) * np.log2(outer))


def stored_bits(error: npt.ArrayLike, patterns: npt.ArrayLike) -> Floats:
    """P(1 - H₂(error)) bits of P random ±1 labels of which the share `error` is read wrong; 0 from one half on.

    The sum over patterns of each pattern's information through a symmetric channel.
    """
    overlap = np.maximum(1 - 2 * np.asarray(error, dtype=np.float64), 0.0)
    return np.asarray(np.asarray(patterns) * binary_information(overlap))


def levels(values: npt.ArrayLike, number: int) -> npt.NDArray[np.int64]:
    """Which of `number` equally filled levels each value lies in, 0 lowest, by rank along the last axis; (..., n).

    Equal values are ranked in their order, so that the levels hold n/number values each, to within one.
    """
    order = np.argsort(values, axis=-1, kind="stable")
    filled = np.arange(order.shape[-1]) * number // order.shape[-1]
    out = np.empty(order.shape, dtype=np.int64)
    np.put_along_axis(out, order, np.broadcast_to(filled, order.shape), axis=-1)
    return out


def level_counts(message: npt.ArrayLike, readout: npt.ArrayLike, number: int = 8) -> Floats:
    """Joint counts (..., number, number) of the levels of n message and readout values (..., n): for linear readouts.

    Both are cut into equally filled levels, so `memory` of the counts is exactly 1 for a readout that rises with the
    message, however nonlinearly. n much larger than number², else the correction for finite samples is not enough.
    """
    rows, columns = levels(message, number), levels(readout, number)
    cells = (number * rows + columns).reshape(-1, rows.shape[-1])
    flat = (cells + number**2 * np.arange(len(cells))[:, None]).ravel()
    counts = np.bincount(flat, minlength=number**2 * len(cells))
    return counts.reshape(*rows.shape[:-1], number, number).astype(np.float64)


def phase_counts(message: npt.ArrayLike, readout: npt.ArrayLike, sectors: int = 8) -> Floats:
    """Joint counts (..., sectors, sectors) of the phases of two complex states (..., N): rows message, columns readout.

    Sector k is the angles in [k, k+1) 2π/sectors. The readout is first turned as a whole so that its overlap with the
    message is real and positive: a global phase carries no message. That is one fitted number for N phases; counts are
    the same for a readout turned by anything, and the information that the fit feigns is O(1/N). Arguments broadcast.
    """
    message, readout = np.broadcast_arrays(np.asarray(message), np.asarray(readout))
    turn = np.conj(overlap(readout, message))
    rows = _sector(message, sectors)
    columns = _sector(readout * turn[..., None], sectors)
    cells = rows * sectors + columns
    lead = cells.shape[:-1]
    cells = cells.reshape(-1, cells.shape[-1]) + sectors**2 * np.arange(int(np.prod(lead)))[:, None]
    counts = np.bincount(cells.ravel(), minlength=sectors**2 * len(cells))
    return counts.astype(np.float64).reshape(*lead, sectors, sectors)


def _sector(state: npt.NDArray[np.inexact], sectors: int) -> npt.NDArray[np.int64]:
    angle = np.arctan2(state.imag, state.real) / (2 * np.pi)
    return np.asarray(np.floor(angle * sectors).astype(np.int64) % sectors)


def phase_information(m: npt.ArrayLike) -> Floats:
    """Bits per phase κA(κ)/ln 2 - log₂ I₀(κ) of a readout with overlap m = A(κ) = I₁/I₀ in [0, 1]; inf at 1.

    Exact for a uniform message and von Mises residuals; for other independent residuals a lower bound, since of all
    densities on the circle with a given m von Mises has the largest entropy.
    """
    m = np.asarray(m, dtype=np.float64)
    inner = np.clip(m, 0.0, 1 - 2.0**-53)
    # Best and Fisher's approximation (Commun. Stat. B 10 (1981) 493), then Newton: A' = 1 - A/κ - A²
    low, middle = inner * (2 + inner**2 + 5 * inner**4 / 6), -0.4 + 1.39 * inner + 0.43 / (1 - inner)
    high = 1 / (np.maximum(inner, 0.5) * (1 - inner) * (3 - inner))
    kappa = np.where(inner < 0.53, low, np.where(inner < 0.85, middle, high))
    for _ in range(4):
        deficit = _bessel(kappa)[0]
        few, many = np.clip(kappa, 1e-6, 500.0), np.maximum(kappa, 500.0)
        slope = np.where(kappa > 500, (0.5 + 0.25 / many) / many**2, 1 - (1 - deficit) / few - (1 - deficit) ** 2)
        kappa = np.maximum(kappa + (deficit - (1 - inner)) / np.where(kappa > 1e-6, slope, 0.5), 0.0)
    bits = (-kappa * (1 - inner) - _bessel(kappa)[1]) / np.log(2)
    return np.asarray(np.where(m >= 1, np.inf, np.where(m == 0, 0.0, bits)))


def _bessel(kappa: Floats) -> tuple[Floats, Floats]:
    """1 - I₁/I₀ and ln(I₀ e^-κ): by the trapezoidal rule, exact to rounding up to κ = 500, then by their series."""
    small = np.minimum(kappa, 500.0)[..., None]
    cosine = np.cos(np.pi * (np.arange(128) + 0.5) / 128)
    weight = np.exp(small * (cosine - 1))
    total = weight.sum(axis=-1)
    deficit, log = (weight * (1 - cosine)).sum(axis=-1) / total, np.log(total / 128)
    x = 1 / np.maximum(kappa, 500.0)
    far = x * (1 / 2 + x * (1 / 8 + x * (1 / 8 + x * 25 / 128)))
    far_log = np.log(x / (2 * np.pi)) / 2 + np.log1p(x * (1 / 8 + x * (9 / 128 + x * 75 / 1024)))
    return np.where(kappa > 500, far, deficit), np.where(kappa > 500, far_log, log)
