"""A single unit s = sign(w·x): random patterns, learning rules, fields. Shapes: N inputs, P patterns; labels are ±1."""

from __future__ import annotations

import numpy as np

from isinglass.kernels.jit import jit
from isinglass.kernels.streams import normal, random_signs, shuffle

PERCEPTRON, MINOVER, HEBB = 0, 1, 2


@jit
def fill_patterns(stream: np.ndarray, binary: bool, out: np.ndarray) -> None:
    """Fill `out`, float64 (P, N), with independent ±1 or standard normals; `stream` (4,) is advanced."""
    flat = out.reshape(-1)
    if binary:
        signs = np.empty(flat.size, np.int8)
        random_signs(stream, signs)
        for i in range(flat.size):
            flat[i] = signs[i]
    else:
        for i in range(flat.size):
            flat[i] = normal(stream)


@jit
def fields(patterns: np.ndarray, weights: np.ndarray, out: np.ndarray) -> None:
    """w·x of every pattern, (P,)."""
    for p in range(patterns.shape[0]):
        out[p] = _dot(patterns[p], weights)


@jit
def train(
    patterns: np.ndarray,
    labels: np.ndarray,
    rule: int,
    epochs: int,
    initial: float,
    stream: np.ndarray,
    weights: np.ndarray,
) -> int:
    """Train `weights` (N,) on `patterns` (P, N) and `labels` int8 (P,); the epochs used, of at most `epochs`.

    All start from normals of standard deviation `initial`. PERCEPTRON walks the patterns in a new random order each
    epoch and adds y x where y w·x <= 0; it ends with the first epoch without such a pattern. MINOVER adds y x of the
    pattern of least y w·x, P times an epoch. HEBB adds y x of all, once.
    """
    count, inputs = patterns.shape
    for i in range(inputs):
        weights[i] = initial * normal(stream)
    if rule == HEBB:
        for p in range(count):
            _add(labels[p], patterns[p], weights)
        return 1
    if rule == MINOVER:
        overlaps, field = np.empty((count, count)), np.empty(count)
        for p in range(count):
            field[p] = labels[p] * _dot(patterns[p], weights)
            for q in range(count):
                overlaps[p, q] = labels[p] * labels[q] * _dot(patterns[p], patterns[q])
        for _ in range(epochs * count):
            worst = np.argmin(field)
            _add(labels[worst], patterns[worst], weights)
            for p in range(count):
                field[p] += overlaps[worst, p]
        return epochs
    order = np.arange(count)
    for epoch in range(epochs):
        shuffle(stream, order)
        mistakes = 0
        for which in order:
            if labels[which] * _dot(patterns[which], weights) <= 0:
                _add(labels[which], patterns[which], weights)
                mistakes += 1
        if mistakes == 0:
            return epoch + 1
    return epochs


@jit
def _add(label: int, pattern: np.ndarray, weights: np.ndarray) -> None:
    for i in range(weights.size):
        weights[i] += label * pattern[i]


@jit
def _dot(x: np.ndarray, y: np.ndarray) -> float:
    out = 0.0
    for i in range(x.size):
        out += x[i] * y[i]
    return out
