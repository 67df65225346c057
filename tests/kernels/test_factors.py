"""Linear networks on a ring: fields, moments, gradients against differences, descent against least squares."""

from __future__ import annotations

import numpy as np

from isinglass.kernels import factors

RNG = np.random.default_rng(1)


def matrix(weights: np.ndarray, n: int) -> np.ndarray:
    """W as a matrix (2N, 2N), by its definition."""
    out, radius = np.zeros((2, n, 2, n)), len(weights) // 2
    for o, block in enumerate(weights):
        for i in range(n):
            out[:, i, :, (i + o - radius) % n] += block
    return out.reshape(2 * n, 2 * n)


def test_a_record_is_a_leapfrog_of_whole_matrices() -> None:
    n, h = 7, 0.3
    active, learning = RNG.normal(size=(2, 3, 2, 2))
    phi, beta = RNG.normal(size=(2, 2, n))
    fields, partners = np.empty((2, 5, 2, n))
    a, b = matrix(active, n), matrix(learning, n)
    x, y = phi.ravel().copy(), beta.ravel().copy()
    factors.record(active, learning, phi, beta, h, fields, partners)
    for t in range(5):
        np.testing.assert_allclose(fields[t].ravel(), x, atol=1e-12)
        np.testing.assert_allclose(partners[t].ravel(), y, atol=1e-12)
        x = x + h * a @ y
        y = y - h * b @ x


def test_moments_and_gradients() -> None:
    """Of ½⟨|y - W x|²⟩, and of the same with W W for W, by central differences of the loss itself: 1e-7."""
    n, times = 8, 6
    x, y = RNG.normal(size=(2, times, 2, n))
    square, cross = np.empty((10, 10)), np.empty((2, 10))
    factors.moments(x, y, 5, square, cross)

    def loss(weights: np.ndarray) -> float:
        w = matrix(weights, n)
        return float(np.mean([((b.ravel() - w @ a.ravel()) ** 2).sum() / (2 * n) for a, b in zip(x, y, strict=True)]))

    def product(weights: np.ndarray) -> np.ndarray:
        out = np.empty((5, 2, 2))
        factors.squared(weights, out)
        return out

    whole, small = RNG.normal(size=(5, 2, 2)), RNG.normal(size=(3, 2, 2))
    np.testing.assert_allclose(matrix(product(small), n), matrix(small, n) @ matrix(small, n), atol=1e-12)
    direct, outer, through = np.empty((5, 2, 2)), np.empty((5, 2, 2)), np.empty((3, 2, 2))
    factors.gradient(whole, square, cross, direct)
    factors.gradient(product(small), square, cross, outer)
    factors.through_square(small, outer, through)
    for weights, found, function in ((whole, direct, loss), (small, through, lambda w: loss(product(w)))):
        for index in np.ndindex(weights.shape):
            step = np.zeros_like(weights)
            step[index] = 1e-5
            exact = (function(weights + step) - function(weights - step)) / 2e-5
            assert abs(found[index] - exact) < 1e-7 * (1 + abs(exact))


def test_descent_ends_at_the_least_squares_or_says_so() -> None:
    x, y = RNG.normal(size=(2, 40, 2, 8))
    square, cross = np.empty((6, 6)), np.empty((2, 6))
    factors.moments(x, y, 3, square, cross)
    weights = RNG.normal(size=(3, 2, 2))
    left = factors.descend(weights, square, cross, 0.5 / np.linalg.eigvalsh(square)[-1], 500, False, 1e6)
    exact = np.linalg.solve(square, cross.T).T
    np.testing.assert_allclose(weights.transpose(1, 0, 2).reshape(2, 6), exact, atol=1e-10)
    assert left < 1e-10
    assert np.isinf(factors.descend(weights, square, cross, 10.0, 500, False, 1e6))
