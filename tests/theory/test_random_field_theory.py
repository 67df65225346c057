"""Closed forms of the random-field Ising model."""

import numpy as np
import pytest

from isinglass.theory import random_field


def test_the_chain_without_and_with_much_disorder() -> None:
    """For R → 0 walls move at H = 0, but a first spin up is common only if p_0 > 1 - p_1: H_c = 1."""
    field = np.array([-1.0, 0.0, 0.8, 1.2, 2.1])
    np.testing.assert_allclose(random_field.chain(field, 0.1), [-1, -1, -1, 1, 1], atol=1e-6)
    np.testing.assert_allclose(random_field.chain(field, 500.0), random_field.independent(field, 500.0), atol=0.01)


def test_the_chain_is_hysteretic_and_within_the_bounds() -> None:
    field = np.linspace(-6, 6, 121)
    rising = random_field.chain(field, 1.5)
    falling = -random_field.chain(-field, 1.5)
    assert (np.diff(rising) > 0).all()
    assert (falling >= rising).all()
    assert (rising >= random_field.independent(field - 2, 1.5)).all()
    assert (falling <= random_field.independent(field + 2, 1.5)).all()


def test_the_chain_by_enumeration_of_a_segment() -> None:
    """Rising branch of rings of 9 with fields ±a: all 512 draws, against the same recursion for these fields.

    Fields of two values make p_n exact; the ring of 9 differs from the chain by u^9 at most.
    """
    from isinglass.models.random_field import lattice

    a, field = 1.5, 0.8
    neighbours = lattice(9, 1)
    bits = (np.arange(512)[:, None] >> np.arange(9)) & 1
    lowest = [random_field.stable_states(neighbours, a * (2 * b - 1), field).min(axis=0).mean() for b in bits]
    p0, p1, p2 = (np.mean([f + field + 2 * n - 2 > 0 for f in (-a, a)]) for n in range(3))
    u = p0 / (1 - p1 + p0)
    exact = 2 * ((1 - u) ** 2 * p0 + 2 * u * (1 - u) * p1 + u**2 * p2) - 1
    assert np.mean(lowest) == pytest.approx(exact, abs=0.01)
