"""Coherence and memory, measured alike in every model: plain numpy functions over leading axes.

Information is in bits and comes from joint counts of (message, readout) with the Miller-Madow correction for finite
samples: each entropy gets + (occupied cells - 1) / (2 n ln 2) (Miller 1955; Paninski, Neural Comput. 15 (2003) 1191).
Nothing is clipped: a small estimate may fall below zero, a mean over clipped ones would be biased.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def overlap(a: npt.ArrayLike, b: npt.ArrayLike) -> npt.NDArray[np.inexact]:
    """Signed overlap a·b*/N of two states (..., N), N the last axis: real for real states, else complex.

    Spins are ±1, phases unit complex numbers. |overlap| of two copies is their coherence, [0, 1].
    """
    a, b = np.asarray(a), np.asarray(b)
    if not (np.iscomplexobj(a) or np.iscomplexobj(b)):
        return np.einsum("...i,...i->...", a, b, dtype=np.float64) / a.shape[-1]  # type: ignore[no-any-return]
    return np.einsum("...i,...i->...", a, np.conj(b), dtype=np.complex128) / a.shape[-1]  # type: ignore[no-any-return]


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


def binary_information(m: npt.ArrayLike) -> Floats:
    """Bits per symbol 1 - H₂((1-m)/2) through a symmetric binary channel of overlap m in [-1, 1]: theory."""
    p = (1 - np.asarray(m, dtype=np.float64)) / 2
    inner = np.clip(p, 1e-300, 1.0)
    outer = np.clip(1 - p, 1e-300, 1.0)
    return np.asarray(1 + p * np.log2(inner) + (1 - p) * np.log2(outer))


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
