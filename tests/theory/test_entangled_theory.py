"""Two entangled oscillators: entanglement, parities in the basis of numbers, CHSH."""

from __future__ import annotations

import math

import numpy as np
import pytest

from isinglass.theory import entangled as theory


def test_entanglement_after_a_quarter_period() -> None:
    """q1 - q2 squeezed by √(1 + 2g), q1 + q2 not: ½ ln(1 + 2g); none before; pure."""
    for coupling in (0.1, 1.0, 8.0):
        sigma = theory.covariance(coupling, theory.quarter_period(coupling))
        assert theory.log_negativity(sigma) == pytest.approx(math.log(1 + 2 * coupling) / 2)
        assert np.linalg.det(sigma) == pytest.approx(1 / 16)
    assert theory.log_negativity(theory.covariance(3.0, 0.0)) == pytest.approx(0, abs=1e-12)


def test_parity_in_the_basis_of_numbers() -> None:
    """Displaced parity of vacuum e^{-2|α|²}; of a squeezed mode with vacuum, on numbers, by displacing the state."""
    vacuum = theory.covariance(0.0, 1.0)
    assert theory.parity(vacuum, np.array([0.3, 0.0, 0.4, 0.0])) == pytest.approx(math.exp(-0.25))
    assert theory.parity(theory.covariance(2.0, 0.7), np.zeros(4)) == pytest.approx(1)
    # wave function of q1 - q2 narrower by w; parity about (x, 0) is ∫ ψ(2x - q) ψ(q) dq for a real ψ
    coupling = 2.0
    sigma = theory.covariance(coupling, theory.quarter_period(coupling))
    q = np.linspace(-8, 8, 801)
    x, y = np.meshgrid(q, q, indexing="ij")

    def psi(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.asarray(np.exp(-((a + b) ** 2) / 4 - (1 + 2 * coupling) * (a - b) ** 2 / 4))

    place = np.array([0.3, -0.1])
    overlap = (psi(2 * place[0] - x, 2 * place[1] - y) * psi(x, y)).sum() / (psi(x, y) ** 2).sum()
    assert theory.parity(sigma, np.array([*place, 0.0, 0.0])) == pytest.approx(overlap, rel=1e-9)


def test_parities_break_the_bound_at_any_coupling_and_signs_never() -> None:
    values = [theory.parity_chsh(g, theory.quarter_period(g), 4) for g in (0.0, 0.1, 1.0, 10.0)]
    assert values[0] == pytest.approx(2, abs=1e-6)
    assert np.diff(values).min() > 0.005
    assert values[-1] < 2 * math.sqrt(2)


def test_learners_at_equal_clocks() -> None:
    """E of infinitely many joint learners is Schroedinger's on the diagonal, and is not beside it."""
    clocks = np.pi * np.arange(4) / 4
    sigma = theory.covariance(1.0, 0.8)
    e = theory.learner_signs(theory.learner_maps(1.0, 0.8, "joint", clocks))
    exact = np.array([[theory.signs(sigma, a, b) for b in clocks] for a in clocks])
    assert np.diag(e) == pytest.approx(np.diag(exact), abs=1e-7)
    assert abs(e - exact).max() > 0.1
