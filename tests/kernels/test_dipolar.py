"""Dipolar fields: by transforms, by the double sum, from the energy, and of an infinite film."""

from __future__ import annotations

import math

import numpy as np
import pytest

from isinglass.kernels import dipolar


def spins(shape: tuple[int, int, int], seed: int) -> np.ndarray:
    s = np.random.default_rng(seed).standard_normal((3, math.prod(shape)))
    return s / np.linalg.norm(s, axis=0)


@pytest.mark.parametrize("shape", [(1, 1, 2), (3, 5, 4), (2, 8, 8), (1, 1, 9), (1, 16, 16)])
def test_transforms_equal_the_double_sum(shape: tuple[int, int, int]) -> None:
    s = spins(shape, 1)
    fast, slow = np.full_like(s, np.nan), np.empty_like(s)
    dipolar.field(s, 0.7, dipolar.tensor(*shape[1:]), shape, fast)
    dipolar.direct(s, 0.7, shape, slow)
    assert abs(fast - slow).max() < 1e-12


def test_double_sum_is_the_gradient_of_the_energy() -> None:
    """Energy of all pairs by the textbook's formula, at sites written out; quadratic in each spin, so exact."""
    shape = (1, 3, 4)
    s, b = spins(shape, 2), np.empty((3, 12))
    place = np.array([[c, r, 0.0] for r in range(3) for c in range(4)])
    energy = np.zeros((3, 12))
    for i in range(12):
        for j in range(12):
            if i != j:
                distance = np.linalg.norm(place[j] - place[i])
                unit = (place[j] - place[i]) / distance
                energy[:, i] += (s[:, j] - 3 * (s[:, j] @ unit) * unit) / distance**3
    dipolar.direct(s, 1.3, shape, b)
    assert b == pytest.approx(-1.3 * energy, abs=1e-12)


def test_an_infinite_film() -> None:
    """Spins all along the normal, or in the plane: field in the middle of 81 x 81, and what is beyond, 4√2/a."""
    shape, beyond = (1, 81, 81), 4 * math.sqrt(2) / 40.5
    transformed = dipolar.tensor(81, 81)
    for axis, factor in ((2, -1.0), (0, 0.5), (1, 0.5)):
        s = np.zeros((3, 81 * 81))
        s[axis] = 1
        b = np.empty_like(s)
        dipolar.field(s, 1.0, transformed, shape, b)
        assert b[axis, 3280] == pytest.approx(factor * (dipolar.LARGEST - beyond), abs=2e-4)
    x = np.arange(1.0, 400_000)
    signs = np.where(np.arange(400_000) % 2, -1.0, 1.0)
    beta = (signs / (2 * np.arange(400_000) + 1.0) ** 1.5).sum()
    zeta = (x**-1.5).sum() + 2 / math.sqrt(x[-1] + 0.5)
    assert pytest.approx(4 * zeta * beta, abs=1e-7) == dipolar.LARGEST


def test_plates_know_nothing_of_each_other() -> None:
    s = spins((2, 4, 4), 3)
    one, both = np.empty((3, 16)), np.empty_like(s)
    dipolar.direct(s, 1.0, (2, 4, 4), both)
    dipolar.direct(np.ascontiguousarray(s[:, 16:]), 1.0, (1, 4, 4), one)
    assert (both[:, 16:] == one).all()
