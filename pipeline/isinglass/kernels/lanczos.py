"""Lowest states by Lanczos, without a matrix: of the transverse-field Ising ring in each parity sector, of any H.

Bit i of a basis index is spin i, a set bit is s_i = -1. A sector Π X = ±1 has the basis (|x⟩ ± |x̄⟩)/√2 for x with spin
n-1 up, x̄ all spins reversed. All sums run in one fixed order; nothing calls BLAS.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy import uint64

from isinglass.kernels.bits import popcount
from isinglass.kernels.jit import jit
from isinglass.kernels.statevector import BLOCK, dot


@jit
def apply(v: np.ndarray, bond: np.ndarray, n: int, field: float, parity: int, out: np.ndarray) -> None:
    """out = H v in the sector Π X = parity (±1): v over the 2^(n-1) basis states with spin n-1 up.

    X of the last spin maps x to the rest of x reversed, times parity.
    """
    size = v.size
    low = min(n - 1, BLOCK)
    for first in range(0, size, 1 << low):
        for x in range(first, first + (1 << low)):
            out[x] = -bond[x] * v[x] - field * parity * v[size - 1 - x]
        for i in range(low):
            _add_flipped(v, out, field, 1 << i, first, first + (1 << low))
    for i in range(low, n - 1):
        _add_flipped(v, out, field, 1 << i, 0, size)


@jit
def _add_flipped(v: np.ndarray, out: np.ndarray, field: float, stride: int, first: int, last: int) -> None:
    for a in range(first, last, 2 * stride):
        v0, v1, o0, o1 = v[a : a + stride], v[a + stride :], out[a : a + stride], out[a + stride :]
        for k in range(stride):
            x, y = v0[k], v1[k]
            o0[k] -= field * y
            o1[k] -= field * x


@jit
def start(n: int, parity: int, out: np.ndarray) -> None:
    """A translation-invariant vector of unit length of the sector: constant (+1), or Σ_i s_i (-1)."""
    for x in range(out.size):
        out[x] = 1.0 if parity == 1 else float(n - 2 * popcount(uint64(x)))
    length = math.sqrt(dot(out, out))
    for x in range(out.size):
        out[x] /= length


@jit
def _below(alpha: np.ndarray, beta: np.ndarray, size: int, level: float) -> bool:
    """Whether a tridiagonal matrix has an eigenvalue below `level`: a pivot of T - level is negative."""
    pivot = alpha[0] - level
    for j in range(1, size):
        if pivot <= 0:
            return True
        pivot = alpha[j] - level - beta[j] * beta[j] / pivot
    return bool(pivot <= 0)


@jit
def lowest_pair(alpha: np.ndarray, beta: np.ndarray, size: int, vector: np.ndarray) -> float:
    """Lowest eigenvalue of a tridiagonal matrix by bisection, its eigenvector by inverse iteration."""
    low, high = alpha[0], alpha[0]
    for j in range(size):
        reach = abs(beta[j]) + (abs(beta[j + 1]) if j + 1 < size else 0.0)
        low, high = min(low, alpha[j] - reach), min(high, alpha[j])
    low -= 1e-9
    high += 1e-9
    while True:
        middle = 0.5 * (low + high)
        if middle <= low or middle >= high:
            break
        if _below(alpha, beta, size, middle):
            high = middle
        else:
            low = middle
    shift = low - 1e-12 * max(1.0, abs(low))  # below the spectrum: all pivots are positive
    pivot = np.empty(size)
    vector[:size] = 1.0
    for _ in range(4):
        pivot[0] = alpha[0] - shift
        for j in range(1, size):
            factor = beta[j] / pivot[j - 1]
            pivot[j] = alpha[j] - shift - beta[j] * factor
            vector[j] -= factor * vector[j - 1]
        vector[size - 1] /= pivot[size - 1]
        for j in range(size - 2, -1, -1):
            vector[j] = (vector[j] - beta[j + 1] * vector[j + 1]) / pivot[j]
        length = 0.0
        for j in range(size):
            length += vector[j] * vector[j]
        vector[:size] /= math.sqrt(length)
    return float(0.5 * (low + high))


@jit
def lowest(
    bond: np.ndarray, n: int, field: float, parity: int, tolerance: float, most: int, state: np.ndarray
) -> tuple[float, float]:
    """Lowest energy in a parity sector by Lanczos, its eigenvector into `state` (2^(n-1),); energy, residual |Hv - Ev|.

    Three vectors are held: the eigenvector is summed in a second pass. Ends where the residual is below `tolerance`, or
    after `most` products.
    """
    alpha, beta, weights = np.empty(most), np.zeros(most + 1), np.empty(most)
    size, energy = 0, 0.0
    v, before, w = np.empty_like(state), np.zeros_like(state), np.empty_like(state)
    for phase in range(2):
        start(n, parity, v)
        before[:] = 0.0
        if phase == 1:
            state[:] = 0.0
        for j in range(most if phase == 0 else size):
            if phase == 1:
                for x in range(v.size):
                    state[x] += weights[j] * v[x]
                if j == size - 1:
                    break
            apply(v, bond, n, field, parity, w)
            if phase == 0:
                alpha[j] = dot(v, w)
            for x in range(v.size):
                w[x] -= alpha[j] * v[x] + beta[j] * before[x]
            if phase == 0:
                size, beta[j + 1] = j + 1, math.sqrt(dot(w, w))
                if j % 4 == 3 or beta[j + 1] < tolerance or j == most - 1:
                    energy = lowest_pair(alpha, beta, size, weights)
                    if beta[j + 1] < tolerance or abs(beta[j + 1] * weights[j]) < tolerance:
                        break
            for x in range(v.size):
                before[x], v[x] = v[x], w[x] / beta[j + 1]
    length = math.sqrt(dot(state, state))
    for x in range(v.size):
        state[x] /= length
    apply(state, bond, n, field, parity, w)
    for x in range(v.size):
        w[x] -= energy * state[x]
    return energy, math.sqrt(dot(w, w))


@jit
def polarisation(state: np.ndarray, n: int, parity: int) -> float:
    """⟨Σ X_i⟩/n of a real state (2^(n-1),) of a parity sector."""
    out = np.empty_like(state)
    apply(state, np.zeros(state.size, np.int8), n, -1.0, parity, out)
    return dot(state, out) / n


@jit
def order(even: np.ndarray, odd: np.ndarray, n: int) -> tuple[float, float, float, float]:
    """Of the lowest states of both sectors (2^(n-1),): ⟨M²⟩/n² of the even one, |⟨even|M|odd⟩|/n, M = Σ Z_i, and the
    entropies in bits of measured Z_i in the even state and in (even ± odd)/√2."""
    square, element, plain, broken = 0.0, 0.0, 0.0, 0.0
    for x in range(even.size):
        m = (n - 2 * popcount(uint64(x))) / n
        square += even[x] * even[x] * m * m
        element += even[x] * odd[x] * m
        p = 0.5 * even[x] * even[x]  # of x and of x with all spins reversed
        if p > 0:
            plain -= 2 * p * math.log2(p)
        for amplitude in (0.5 * (even[x] + odd[x]), 0.5 * (even[x] - odd[x])):
            p = amplitude * amplitude
            if p > 0:
                broken -= p * math.log2(p)
    return square, abs(element), plain, broken


def ground(
    apply: Callable[[np.ndarray, np.ndarray], None], state: np.ndarray, tolerance: float, most: int
) -> tuple[float, float]:
    """Lowest energy of a real symmetric H that `apply(v, out)` multiplies by, v of any shape; energy, |Hv - Ev|.

    `state` holds the vector to begin with, and in the end the eigenvector. As `lowest`: three vectors, two passes; ends
    where the residual is below `tolerance`, or after `most` products.
    """
    alpha, beta, weights = np.empty(most), np.zeros(most + 1), np.empty(most)
    first = state / math.sqrt(dot(state.ravel(), state.ravel()))
    energy, size, w = 0.0, 0, np.empty_like(state)
    for phase in range(2):
        v, before = first.copy(), np.zeros_like(state)
        state[:] = 0.0
        for j in range(most if phase == 0 else size):
            if phase == 1:
                _accumulate(weights[j], v.ravel(), state.ravel())
                if j == size - 1:
                    break
            apply(v, w)
            if phase == 0:
                alpha[j] = dot(v.ravel(), w.ravel())
            _orthogonal(alpha[j], beta[j], v.ravel(), before.ravel(), w.ravel())
            if phase == 0:
                size, beta[j + 1] = j + 1, math.sqrt(dot(w.ravel(), w.ravel()))
                if j % 8 == 7 or beta[j + 1] < tolerance or j == most - 1:
                    energy = lowest_pair(alpha, beta, size, weights)
                    if beta[j + 1] < tolerance or abs(beta[j + 1] * weights[j]) < tolerance:
                        break
            before, v, w = v, w, before
            v /= beta[j + 1]
    state /= math.sqrt(dot(state.ravel(), state.ravel()))
    apply(state, w)
    _orthogonal(energy, 0.0, state.ravel(), state.ravel(), w.ravel())
    return energy, math.sqrt(dot(w.ravel(), w.ravel()))


@jit
def _accumulate(weight: float, v: np.ndarray, out: np.ndarray) -> None:
    for x in range(v.size):
        out[x] += weight * v[x]


@jit
def _orthogonal(alpha: float, beta: float, v: np.ndarray, before: np.ndarray, w: np.ndarray) -> None:
    for x in range(v.size):
        w[x] -= alpha * v[x] + beta * before[x]
