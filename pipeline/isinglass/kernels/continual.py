"""Training on a second task with something that holds the network near what the first one made of it.

Networks, parameters θ = (W row by row, b, v, c) and shapes are those of `kernels.backprop`: d inputs, H hidden units,
P patterns. A unit's incoming vector w_i is (W_i, b_i), d + 1 numbers.
"""

from __future__ import annotations

import math

import numpy as np

from isinglass.kernels.backprop import adam, forward, gradient, momentum, multiply
from isinglass.kernels.jit import jit

NONE, L2, EWC, EWC_ALL, ORTHOGONAL, TEMPORAL, MUTUAL = range(7)


@jit
def units(theta: np.ndarray, inputs: int, out: np.ndarray, lengths: np.ndarray) -> None:
    """Directions w_i/|w_i| as rows of `out` (H, d+1), and `lengths` |w_i| (H,)."""
    hidden = lengths.size
    for i in range(hidden):
        square = 0.0
        for k in range(inputs):
            out[i, k] = theta[i * inputs + k]
            square += out[i, k] * out[i, k]
        out[i, inputs] = theta[hidden * inputs + i]
        square += out[i, inputs] * out[i, inputs]
        lengths[i] = math.sqrt(square)
        for k in range(inputs + 1):
            out[i, k] /= max(lengths[i], 1e-300)


@jit
def cosines(left: np.ndarray, right: np.ndarray) -> float:
    """Mean over units of the cosine of their directions, rows of (H, d+1)."""
    total = 0.0
    for i in range(left.shape[0]):
        for k in range(left.shape[1]):
            total += left[i, k] * right[i, k]
    return float(total / left.shape[0])


@jit
def mutual_alignment(directions: np.ndarray) -> float:
    """Mean cosine of two different units, Σ_{i≠j} u_i·u_j / H(H-1) = (|Σ_i u_i|² - H)/H(H-1)."""
    hidden, size = directions.shape
    square = 0.0
    for k in range(size):
        total = 0.0
        for i in range(hidden):
            total += directions[i, k]
        square += total * total
    return float((square - hidden) / max(hidden * (hidden - 1), 1))


@jit
def fisher(theta: np.ndarray, patterns: np.ndarray, transposed: np.ndarray, hidden: int, out: np.ndarray) -> None:
    """Diagonal of the Fisher information (θ.size,), mean over patterns (P, d), labels by the model's probabilities.

    ⟨(∂_k ln p(y|x))²⟩_y = σ(f)(1 - σ(f)) (∂_k f)² for logistic outputs.
    """
    count, inputs = patterns.shape
    activity, weight, output = np.empty((hidden, count)), np.empty((hidden, count)), np.empty(count)
    forward(theta, transposed, activity, weight, output)
    out[:] = 0.0
    readout = theta[hidden * (inputs + 1) :]
    for p in range(count):
        small = math.exp(-abs(output[p]))
        output[p] = small / (1.0 + small) ** 2 / count
        out[out.size - 1] += output[p]
    for h in range(hidden):
        for p in range(count):
            a = activity[h, p]
            out[hidden * (inputs + 1) + h] += output[p] * a * a
            weight[h, p] = output[p] * (readout[h] * (1.0 - a * a)) ** 2
            out[hidden * inputs + h] += weight[h, p]
    multiply(weight, patterns * patterns, out[: hidden * inputs].reshape(hidden, inputs))


@jit
def regularise(
    kind: int,
    strength: float,
    anchor: float,
    theta: np.ndarray,
    start: np.ndarray,
    information: np.ndarray,
    before: np.ndarray,
    directions: np.ndarray,
    pulls: np.ndarray,
    slope: np.ndarray,
) -> None:
    """Add to `slope` the gradient of λR + (κ/2)(|v - v_A|² + (c - c_A)²), λ = `strength`, κ = `anchor`.

    `start` is θ after the first task, `information` its Fisher diagonal, `before` (H, d+1) its units' directions;
    `directions` and `pulls` (H, d+1) are scratch. R by `kind`, u_i = w_i/|w_i|: L2 ½ Σ |w_i - w_i^A|²; EWC ½ Σ_k F_k
    (θ_k - θ_k^A)² over W and b, EWC_ALL over all; ORTHOGONAL Σ_{i≠j} (u_i·u_j)²/(H-1); TEMPORAL Σ_i (1 - u_i·u_i^A);
    MUTUAL -Σ_{i≠j} u_i·u_j/(H-1).
    """
    hidden, size = before.shape
    inputs = size - 1
    hidden_part = hidden * size
    for k in range(hidden_part, theta.size):
        slope[k] += anchor * (theta[k] - start[k])
    if kind == L2:
        for k in range(hidden_part):
            slope[k] += strength * (theta[k] - start[k])
    elif kind in (EWC, EWC_ALL):
        for k in range(hidden_part if kind == EWC else theta.size):
            slope[k] += strength * information[k] * (theta[k] - start[k])
    elif kind != NONE:
        lengths = np.empty(hidden)
        units(theta, inputs, directions, lengths)
        pulls[:] = 0.0  # ∂R/∂u_i; only its part across u_i turns w_i
        if kind == TEMPORAL:
            for i in range(hidden):
                for k in range(size):
                    pulls[i, k] = -before[i, k]
        elif kind == MUTUAL:
            total = np.zeros(size)
            for i in range(hidden):
                for k in range(size):
                    total[k] += directions[i, k]
            for i in range(hidden):
                for k in range(size):
                    pulls[i, k] = -2.0 / (hidden - 1) * total[k]
        else:
            overlaps = np.zeros((hidden, hidden))
            multiply(directions, np.ascontiguousarray(directions.T), overlaps)
            for i in range(hidden):
                for j in range(hidden):
                    overlaps[i, j] *= 4.0 / (hidden - 1)
                overlaps[i, i] = 0.0
            multiply(overlaps, directions, pulls)
        for i in range(hidden):
            along = 0.0
            for k in range(size):
                along += pulls[i, k] * directions[i, k]
            scale = strength / max(lengths[i], 1e-300)
            for k in range(inputs):
                slope[i * inputs + k] += scale * (pulls[i, k] - along * directions[i, k])
            slope[hidden * inputs + i] += scale * (pulls[i, inputs] - along * directions[i, inputs])


@jit
def learn_second(
    theta: np.ndarray,
    patterns: np.ndarray,
    labels: np.ndarray,
    others: np.ndarray,
    other_labels: np.ndarray,
    hidden: int,
    adaptive: bool,
    rate: float,
    keep: float,
    steps: int,
    kind: int,
    strength: float,
    anchor: float,
    totals: np.ndarray,
) -> None:
    """Train `theta` on `patterns` (P_B, d) and `labels` (P_B,) from what it is, regularised towards that.

    `others` (P_A, d), `other_labels` (P_A,) are the first task, of which only the Fisher information is used, and the
    gradient, for comparison. `totals` (3,): mean loss on the second task before and after, and the mean over steps of
    the cosine of both tasks' loss gradients. Adam where `adaptive`, else momentum; ends early where the loss is not
    finite.
    """
    count, inputs = patterns.shape
    transposed, others_transposed = np.ascontiguousarray(patterns.T), np.ascontiguousarray(others.T)
    activity, power, output = np.empty((hidden, count)), np.empty((hidden, count)), np.empty(count)
    many = others.shape[0]
    old_activity, old_power, old_output = np.empty((hidden, many)), np.empty((hidden, many)), np.empty(many)
    start, slope, old_slope = theta.copy(), np.empty(theta.size), np.empty(theta.size)
    first, second, information = np.zeros(theta.size), np.zeros(theta.size), np.empty(theta.size)
    before, directions = np.empty((hidden, inputs + 1)), np.empty((hidden, inputs + 1))
    pulls, lengths = np.empty((hidden, inputs + 1)), np.empty(hidden)
    units(start, inputs, before, lengths)
    fisher(start, others, others_transposed, hidden, information)
    totals[:] = 0.0
    for step in range(1, steps + 1):
        loss = gradient(theta, patterns, transposed, labels, activity, power, output, slope)
        if not math.isfinite(loss):
            break
        if step == 1:
            totals[0] = loss
        gradient(theta, others, others_transposed, other_labels, old_activity, old_power, old_output, old_slope)
        along, square, old_square = 0.0, 0.0, 0.0
        for k in range(theta.size):
            along += slope[k] * old_slope[k]
            square += slope[k] * slope[k]
            old_square += old_slope[k] * old_slope[k]
        totals[2] += along / max(math.sqrt(square) * math.sqrt(old_square), 1e-300) / steps
        regularise(kind, strength, anchor, theta, start, information, before, directions, pulls, slope)
        if adaptive:
            adam(theta, slope, first, second, step, rate)
        else:
            momentum(theta, slope, first, rate, keep)
    totals[1] = gradient(theta, patterns, transposed, labels, activity, power, output, slope)
