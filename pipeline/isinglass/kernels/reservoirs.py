"""Recurrent networks driven by an input, and the linear readout trained on their states.

Shapes: N nodes, T steps, K delays. Plain loops without BLAS: sums are taken in one order whatever the number of threads
or replicas. Matrices are walked four rows at a time, so that a row of sums is loaded once for four products.
"""

from __future__ import annotations

import math

import numpy as np

from isinglass.kernels.jit import jit
from isinglass.kernels.streams import normal, uniform

SQUARINGS = 50


@jit
def fill_normal(stream: np.ndarray, out: np.ndarray) -> None:
    """Fill `out` (n,) with standard normals; `stream` (4,) is advanced."""
    for i in range(out.size):
        out[i] = normal(stream)


@jit
def fill_uniform(stream: np.ndarray, out: np.ndarray) -> None:
    """Fill `out` (n,) with uniform numbers in [-1, 1); `stream` (4,) is advanced."""
    for i in range(out.size):
        out[i] = 2 * uniform(stream) - 1


@jit
def orthonormalise(rows: np.ndarray) -> None:
    """Gram-Schmidt on the rows of (N, N), twice, in place: a Haar random orthogonal matrix from independent normals."""
    n = rows.shape[0]
    for i in range(n):
        for _ in range(2):
            for j in range(i):
                along = 0.0
                for k in range(n):
                    along += rows[j, k] * rows[i, k]
                for k in range(n):
                    rows[i, k] -= along * rows[j, k]
        square = 0.0
        for k in range(n):
            square += rows[i, k] * rows[i, k]
        for k in range(n):
            rows[i, k] /= math.sqrt(square)


@jit
def spectral_radius(matrix: np.ndarray) -> float:
    """Largest |eigenvalue| of (N, N) by Gelfand's formula ρ = lim |M^n|^(1/n), n = 2^50 by squaring.

    |M^n|^(1/n) = ρ(1 + O(ln C/n)), and a rounding error at the m-th squaring counts 2^-m: about 14 digits.
    """
    n = matrix.shape[0]
    power, square = matrix.copy(), np.empty_like(matrix)
    log_norm, weight = 0.0, 1.0
    for _ in range(SQUARINGS):
        size = 0.0
        for i in range(n):
            for j in range(n):
                size += power[i, j] * power[i, j]
        size = math.sqrt(size)
        if size == 0.0:  # nilpotent
            return 0.0
        log_norm += weight * math.log(size)
        for i in range(n):
            for j in range(n):
                power[i, j] /= size
        for i in range(n):
            _combine(power[i], power, square[i])
        power, square = square, power
        weight /= 2
    return math.exp(log_norm)


@jit
def _combine(x: np.ndarray, rows: np.ndarray, out: np.ndarray) -> None:
    """out (M,) = Σ_j x_j rows_j, for x (N,) and rows (N, M)."""
    n = x.size
    out[:] = 0.0
    whole = n - n % 4
    for j in range(0, whole, 4):
        x0, x1, x2, x3 = x[j], x[j + 1], x[j + 2], x[j + 3]
        r0, r1, r2, r3 = rows[j], rows[j + 1], rows[j + 2], rows[j + 3]
        for i in range(out.size):
            out[i] += x0 * r0[i] + x1 * r1[i] + x2 * r2[i] + x3 * r3[i]
    for j in range(whole, n):
        for i in range(out.size):
            out[i] += x[j] * rows[j, i]


@jit
def drive(
    columns: np.ndarray,
    weights: np.ndarray,
    inputs: np.ndarray,
    scale: float,
    saturating: bool,
    washout: int,
    start: np.ndarray,
    tangent: np.ndarray,
    states: np.ndarray,
    totals: np.ndarray,
) -> None:
    """Run C copies through x(t+1) = f(W x(t) + w u(t)), f = tanh where `saturating`, else linear.

    `columns` (N, N) are those of W as rows, `weights` (N,) w, `inputs` (C, T) before `scale`. `start` (C, N) are the
    initial states and become the final ones; `tangent` (N,) is a small difference carried along copy 0. `states`
    (T - washout, N) become x(washout + 1) ... x(T) of copy 0. `totals` (9,): |x_0 - x_1| at the start, after the
    washout and at the end, the Lyapunov exponent per step after the washout, and over the same time the mean cosines
    |x_0·x_1|/|x_0||x_1| and that of 0 and 2 (0 where a copy is missing), and the mean of |x_0|²/N; at last the sums of
    |x_0 - x_1| over the first and the second half of that time.
    """
    copies, n = start.shape
    steps = inputs.shape[1]
    field = np.empty(n)
    totals[:] = 0.0
    totals[0] = _distance(start[0], start[1])
    for t in range(steps):
        _combine(tangent, columns, field)
        tangent[:] = field
        for c in range(copies):
            _combine(start[c], columns, field)
            u = scale * inputs[c, t]
            for i in range(n):
                h = field[i] + weights[i] * u
                start[c, i] = math.tanh(h) if saturating else h
        square = 0.0
        for i in range(n):
            if saturating:
                tangent[i] *= 1 - start[0, i] * start[0, i]
            square += tangent[i] * tangent[i]
        length = math.sqrt(square)
        if length > 0.0:
            for i in range(n):
                tangent[i] /= length
        if t == washout - 1:
            totals[1] = _distance(start[0], start[1])
        if t >= washout:
            states[t - washout] = start[0]
            totals[3] += math.log(max(length, 1e-300))
            own = _dot(start[0], start[0])
            for c in range(1, copies):
                totals[3 + c] += abs(_dot(start[0], start[c])) / math.sqrt(own * _dot(start[c], start[c]))
            totals[6] += own / n
            totals[7 if 2 * (t - washout) < steps - washout else 8] += _distance(start[0], start[1])
    totals[2] = _distance(start[0], start[1])
    for k in range(3, 7):
        totals[k] /= steps - washout


@jit
def _dot(x: np.ndarray, y: np.ndarray) -> float:
    out = 0.0
    for i in range(x.size):
        out += x[i] * y[i]
    return out


@jit
def _distance(x: np.ndarray, y: np.ndarray) -> float:
    out = 0.0
    for i in range(x.size):
        out += (x[i] - y[i]) ** 2
    return math.sqrt(out)


@jit
def readout(states: np.ndarray, inputs: np.ndarray, first: int, training: int, ridge: float, out: np.ndarray) -> None:
    """Linear readouts y_k of the inputs k = 1 ... K steps ago, trained on the first states and applied to the others.

    `states` (T, N), of which state t is reached after input `first` + t - 1 of `inputs`; the first `training` of them
    train by ridge regression with an intercept, the ridge being `ridge` times the mean variance of a node. `out`
    (K, T - training) become the readouts, less their means over the training. `states` lose those means.
    """
    steps, n = states.shape
    delays = out.shape[0]
    for i in range(n):
        mean = 0.0
        for t in range(training):
            mean += states[t, i]
        mean /= training
        for t in range(steps):
            states[t, i] -= mean
    gram, past = np.empty((n, n)), np.empty((delays, n))
    by_node = np.ascontiguousarray(states[:training].T)
    for i in range(n):
        _combine(by_node[i], states, gram[i])
    recent = np.empty(training)
    for k in range(delays):
        begin = first - k - 1
        mean = 0.0
        for t in range(training):
            mean += inputs[begin + t]
        mean /= training
        for t in range(training):
            recent[t] = inputs[begin + t] - mean
        _combine(recent, states, past[k])
    trace = 0.0
    for i in range(n):
        trace += gram[i, i]
    for i in range(n):
        gram[i, i] += ridge * trace / n
    _cholesky(gram)
    by_node = np.ascontiguousarray(states[training:].T)
    for k in range(delays):
        _solve(gram, past[k])
        _combine(past[k], by_node, out[k])


@jit
def _cholesky(a: np.ndarray) -> None:
    """L of a = L Lᵀ in place, in the lower triangle; a pivot that rounding left without a sign becomes infinite."""
    n = a.shape[0]
    for j in range(n):
        for i in range(j, n):
            rest = a[i, j]
            for k in range(j):
                rest -= a[i, k] * a[j, k]
            if i == j:
                a[j, j] = math.sqrt(rest) if rest > 0 else np.inf
            else:
                a[i, j] = rest / a[j, j]


@jit
def _solve(lower: np.ndarray, b: np.ndarray) -> None:
    """Solve L Lᵀ x = b in place."""
    n = b.size
    for i in range(n):
        for k in range(i):
            b[i] -= lower[i, k] * b[k]
        b[i] /= lower[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            b[i] -= lower[k, i] * b[k]
        b[i] /= lower[i, i]
