"""Linear networks of two types of neurons on a ring: fields in time, moments of records, gradient descent on weights.

*Weights* are (2R + 1, 2, 2): from type b at site n + o - R to type a at site n. Fields are (2, N).
"""

from __future__ import annotations

import numpy as np

from isinglass.kernels.jit import jit
from isinglass.kernels.streams import normal


@jit
def add_normal(stream: np.ndarray, scale: float, out: np.ndarray) -> None:
    """Add to each element of `out` (n,) a normal number of standard deviation `scale`, in order."""
    for i in range(out.size):
        out[i] += scale * normal(stream)


@jit
def weigh(weights: np.ndarray, x: np.ndarray, g: float, out: np.ndarray) -> None:
    """Add g W x to `out`, x and out (2, N)."""
    hops, n = weights.shape[0], x.shape[1]
    for o in range(hops):
        shift = o - hops // 2
        for a in range(2):
            for b in range(2):
                w = g * weights[o, a, b]
                if w != 0.0:
                    for i in range(n):
                        out[a, i] += w * x[b, (i + shift) % n]


@jit
def record(
    active: np.ndarray,
    learning: np.ndarray,
    phi: np.ndarray,
    beta: np.ndarray,
    dt: float,
    fields: np.ndarray,
    partners: np.ndarray,
) -> None:
    """Leapfrog of φ̇ = W_a β, β̇ = -W_b φ, β half a step later than φ. `fields` (T + 1, 2, N) takes φ at 0, dt, ...;
    `partners` (T + 1, 2, N) takes β at dt/2, 3dt/2, ... φ, β (2, N) are moved in place.
    """  # fmt: skip
    for t in range(fields.shape[0]):
        fields[t] = phi
        partners[t] = beta
        weigh(active, beta, dt, phi)
        weigh(learning, phi, -dt, beta)


@jit
def moments(x: np.ndarray, y: np.ndarray, hops: int, square: np.ndarray, cross: np.ndarray) -> None:
    """Means over times and sites of F Fᵀ and y Fᵀ, F the 2 `hops` inputs x_b(n + o - R), index 2o + b; x, y (T, 2, N).

    `square` (2 hops, 2 hops), `cross` (2, 2 hops).
    """
    times, n = x.shape[0], x.shape[2]
    radius, inputs = hops // 2, np.empty(2 * hops)
    square[:] = 0.0
    cross[:] = 0.0
    for t in range(times):
        for i in range(n):
            for o in range(hops):
                j = (i + o - radius) % n
                inputs[2 * o], inputs[2 * o + 1] = x[t, 0, j], x[t, 1, j]
            for p in range(2 * hops):
                for q in range(p + 1):
                    square[p, q] += inputs[p] * inputs[q]
                cross[0, p] += y[t, 0, i] * inputs[p]
                cross[1, p] += y[t, 1, i] * inputs[p]
    scale = 1.0 / (times * n)
    for p in range(2 * hops):
        cross[0, p] *= scale
        cross[1, p] *= scale
        for q in range(p + 1):
            square[p, q] *= scale
            square[q, p] = square[p, q]


@jit
def gradient(weights: np.ndarray, square: np.ndarray, cross: np.ndarray, out: np.ndarray) -> None:
    """Of the loss ½⟨|y - W F|²⟩ with respect to the weights (hops, 2, 2), into `out`."""
    hops = weights.shape[0]
    for o in range(hops):
        for a in range(2):
            for b in range(2):
                total = -cross[a, 2 * o + b]
                for p in range(hops):
                    for c in range(2):
                        total += weights[p, a, c] * square[2 * p + c, 2 * o + b]
                out[o, a, b] = total


@jit
def squared(weights: np.ndarray, out: np.ndarray) -> None:
    """The weights of W W, (2 hops - 1, 2, 2), into `out`."""
    hops = weights.shape[0]
    out[:] = 0.0
    for p in range(hops):
        for q in range(hops):
            for a in range(2):
                for b in range(2):
                    for c in range(2):
                        out[p + q, a, b] += weights[p, a, c] * weights[q, c, b]


@jit
def through_square(weights: np.ndarray, outer: np.ndarray, out: np.ndarray) -> None:
    """Gradient with respect to W, into `out`, from that with respect to W W, `outer`."""
    hops = weights.shape[0]
    out[:] = 0.0
    for p in range(hops):
        for q in range(hops):
            for a in range(2):
                for b in range(2):
                    for c in range(2):
                        out[p, a, c] += outer[p + q, a, b] * weights[q, c, b]
                        out[q, c, b] += weights[p, a, c] * outer[p + q, a, b]


@jit
def descend(
    weights: np.ndarray, square: np.ndarray, cross: np.ndarray, rate: float, updates: int, through: bool, limit: float
) -> float:
    """Gradient descent in place, `through` the square of the weights or not; returns the size of the last gradient.

    Stops, and returns inf, where a weight goes beyond `limit`.
    """
    step, size = np.empty_like(weights), 0.0
    whole = np.empty((2 * weights.shape[0] - 1, 2, 2)) if through else np.empty_like(weights)
    outer = np.empty_like(whole)
    for _ in range(updates):
        if through:
            squared(weights, whole)
            gradient(whole, square, cross, outer)
            through_square(weights, outer, step)
        else:
            gradient(weights, square, cross, step)
        size = 0.0
        for o in range(weights.shape[0]):
            for a in range(2):
                for b in range(2):
                    weights[o, a, b] -= rate * step[o, a, b]
                    size += step[o, a, b] * step[o, a, b]
                    if not abs(weights[o, a, b]) <= limit:
                        return np.inf
    return np.sqrt(size)  # type: ignore[no-any-return]
