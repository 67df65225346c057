"""Cover's and Gardner's formulas against their definitions."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from isinglass import catalog
from isinglass.theory import perceptron as theory


@pytest.mark.parametrize(("patterns", "inputs"), [(1, 1), (5, 7), (16, 10), (20, 10), (48, 20), (120, 50)])
def test_cover_is_the_sum_of_binomials(patterns: int, inputs: int) -> None:
    exact = sum(math.comb(patterns - 1, k) for k in range(inputs)) / 2 ** (patterns - 1)
    assert theory.separable_probability(patterns, inputs) == pytest.approx(exact, rel=1e-12)
    assert theory.separable(patterns / inputs, inputs) == pytest.approx(exact, rel=1e-9)


def test_half_are_separable_at_twice_the_inputs() -> None:
    n = np.arange(1, 200)
    np.testing.assert_allclose(theory.separable_probability(2 * n, n), 0.5, rtol=1e-12)
    assert catalog.reference("perceptron.capacity").number() == theory.CAPACITY
    assert theory.separable(1.9, 4000) > 0.99
    assert theory.separable(2.1, 4000) < 0.01


def test_separability_of_the_card() -> None:
    table = catalog.reference("perceptron.cover")
    got = theory.separable_probability(np.array(table.column("patterns")), np.array(table.column("inputs")))
    np.testing.assert_allclose(got, table.column("probability"), atol=6e-4)


@pytest.mark.parametrize("kappa", [-1.0, 0.0, 0.7, 3.0])
def test_stability_is_the_integral(kappa: float) -> None:
    exact = quad(lambda z: (z + kappa) ** 2 * math.exp(-z * z / 2) / math.sqrt(2 * math.pi), -kappa, 40)[0]
    assert theory.load_at_stability(kappa) == pytest.approx(1 / exact, rel=1e-9)
    assert theory.largest_stability(1 / exact) == pytest.approx(kappa, abs=1e-9)


def test_the_margin_vanishes_at_capacity() -> None:
    assert theory.largest_stability(theory.CAPACITY) == pytest.approx(0, abs=1e-9)
