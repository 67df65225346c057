"""Stability of oscillator memories: closed forms of one pattern, the card's table, direct differentiation."""

import numpy as np
import pytest

from isinglass import InputError, catalog
from isinglass.theory import oscillator_memory as theory


def test_one_pattern() -> None:
    """A pattern: every other eigenvalue is -1; a cue: m, -m and 1."""
    xi = np.ones((1, 100))
    assert theory.stability_limit(xi, xi[0]) == pytest.approx(-0.5)
    cue = xi[0].copy()
    cue[:20] = -1
    values = np.linalg.eigvalsh(theory.jacobian(xi, cue))
    np.testing.assert_allclose(values, [-0.6] * 79 + [0.0] + [0.6] * 19 + [1.0], atol=1e-12)
    assert theory.stability_limit(xi, cue) == pytest.approx(0.5)


def test_the_jacobian_is_the_derivative_of_the_rates() -> None:
    rng = np.random.default_rng(3)
    xi, s = rng.choice([-1.0, 1.0], (4, 30)), rng.choice([-1.0, 1.0], 30)
    couplings = xi.T @ xi / 30
    np.fill_diagonal(couplings, 0)

    def rate(theta: np.ndarray) -> np.ndarray:
        apart = theta - theta[:, None]
        return np.asarray((couplings * np.sin(apart)).sum(axis=1) + 0.3 / 30 * np.sin(2 * apart).sum(axis=1))

    theta, h = np.where(s > 0, 0.0, np.pi), 1e-6
    numeric = np.array([(rate(theta + h * e) - rate(theta - h * e)) / (2 * h) for e in np.eye(30)]).T
    exact = theory.jacobian(xi, s) + 0.6 * (np.full((30, 30), 1 / 30) - np.eye(30))
    np.testing.assert_allclose(numeric, exact, atol=1e-8)


def test_the_limit_of_patterns_is_that_of_the_card() -> None:
    """N = 800, means of 4 samples here and an unknown number there: 0.03."""
    table = catalog.reference("oscillator_memory.stability_limit")
    for load, second in zip(table.column("load"), table.column("second"), strict=True):
        assert theory.mean_limit(load, 800) == pytest.approx(second, abs=0.03)


def test_no_pattern_and_no_locked_state_are_refused() -> None:
    with pytest.raises(InputError, match="raise load"):
        theory.mean_limit(0.001, 300)
    with pytest.raises(InputError, match="lower it"):
        theory.adler(1.0, 0.0, 0.1, 0.2)


def test_lines_and_closed_forms() -> None:
    loads, limits = theory.limit_line(100, points=4)
    assert np.all(np.diff(loads) > 0)
    assert limits[-1] > limits[0]
    assert theory.adler(50.0, 2.0, 0.4, 0.25) == pytest.approx(np.arcsin(0.25 / 0.4), abs=1e-5)
    assert theory.adler(1.0, 2.0, 0.4, 1e-9) == pytest.approx(float(theory.adler(1.0, 2.0, 0.4, 0.0)), abs=1e-8)
    assert theory.one_pattern_turn([30.0], 3.0, 0.4)[0] == pytest.approx(0, abs=1e-3)
    assert theory.one_pattern_turn([60.0], 3.0, 0.6)[0] == pytest.approx(np.pi, abs=1e-3)
