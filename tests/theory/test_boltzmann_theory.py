"""The enumeration against sums over both layers, integrals over Gaussian ones, and the binomial distribution."""

import numpy as np
import pytest
from scipy import stats

from isinglass.theory import boltzmann as theory


def test_hidden_units_are_summed_out() -> None:
    rng = np.random.default_rng(1)
    w, a, b = rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=3)
    v, h = theory.states(4), theory.states(3)
    joint = np.exp((v @ a)[:, None] + h @ b + v @ w @ h.T)
    expected = joint.sum(axis=1) / joint.sum()
    np.testing.assert_allclose(theory.visible_distribution(w, a, b), expected, rtol=1e-12)
    assert theory.log_likelihood(v[[3, 3, 9]], w, a, b) == pytest.approx(np.log(expected[[3, 3, 9]]).mean())


@pytest.mark.parametrize("temperature", [0.4, 1.5])
def test_gaussian_hidden_units_make_the_hopfield_network(temperature: float) -> None:
    """exp(-½z² + z x) integrated over z by the trapezoidal rule, x = Σ_i W_i s_i: the diagonal is a constant factor."""
    rng = np.random.default_rng(2)
    xi = rng.choice([-1, 1], (3, 5))
    s = 2 * theory.states(5) - 1
    x = s @ xi.T / np.sqrt(5 * temperature)
    z = np.linspace(-25, 25, 4001)
    weight = np.exp(-0.5 * z**2 + x[..., None] * z).sum(axis=-1).prod(axis=-1)
    np.testing.assert_allclose(theory.hopfield_distribution(xi, temperature), weight / weight.sum(), rtol=1e-10)


@pytest.mark.parametrize("draws", [1, 7, 300])
def test_the_floor_of_the_total_variation(draws: int) -> None:
    p = np.array([0.0, 1e-4, 0.2, 0.2999, 0.5])
    counts = np.arange(draws + 1)
    exact = sum((stats.binom.pmf(counts, draws, x) * abs(counts / draws - x)).sum() for x in p) / 2
    assert theory.total_variation(p, draws) == pytest.approx(exact, rel=1e-9)
