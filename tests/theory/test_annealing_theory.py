"""Spectra along an annealing path: against free fermions, one large spin, and the Gibbs distribution."""

from __future__ import annotations

import numpy as np
import pytest

from isinglass.theory import annealing as theory
from isinglass.theory import transverse_ising


def test_energies_of_one_pattern_are_those_of_its_overlap() -> None:
    xi = np.array([[1, -1, -1, 1, 1]])
    m = theory.spins(5) @ xi[0]
    assert theory.energies(xi, 0 * xi[0], 0.3) == pytest.approx((5 - m**2) / 10, abs=1e-14)
    assert theory.energies(xi, xi[0], 0.3) == pytest.approx((5 - m**2) / 10 - 0.3 * m, abs=1e-14)


@pytest.mark.parametrize("n", [5, 7])
def test_gap_of_the_ring_is_that_of_free_fermions(n: int) -> None:
    """Both ways, whole matrices and Lanczos: u (ring) - (1-u) Σ X is u times the ring in the field (1-u)/u."""
    s, u = theory.spins(n), np.array([0.3, 0.5, 0.65])
    ring = -(s * np.roll(s, -1, axis=1)).sum(axis=1)
    even, odd = transverse_ising.energies(n, (1 - u) / u)
    assert theory.gap(ring, u) == pytest.approx(u * (odd - even), abs=1e-9)


def test_the_gibbs_distribution_is_stationary_and_rates_are_real() -> None:
    rng = np.random.default_rng(3)
    energy = rng.normal(size=32)
    w = theory.generator(energy, 0.7)
    gibbs = np.exp(-energy / 0.7)
    assert abs(w @ gibbs).max() < 1e-14 * gibbs.sum()
    assert abs(w.sum(axis=0)).max() < 1e-14
    values = np.sort(-np.linalg.eigvals(w).real)
    assert values[0] == pytest.approx(0, abs=1e-12)
    assert theory.relaxation_rate(energy, 0.7) == pytest.approx(values[1], abs=1e-10)
    assert theory.relaxation_rate(np.zeros(32), 1.0) == pytest.approx(1, abs=1e-12), "each spin by itself"


@pytest.mark.parametrize("kind", ["transverse", "thermal"])
def test_a_slow_run_finds_the_pattern_a_fast_one_guesses(kind: str) -> None:
    m, p = theory.collective(kind, 6, 0.5, 1.0, 400.0, 500)
    assert p.sum() == pytest.approx(1, abs=1e-9)
    assert m[0] == 6
    assert p[0] > 0.98
    assert theory.collective(kind, 6, 0.5, 1.0, 1e-6, 2)[1][0] == pytest.approx(2.0**-6, rel=1e-4)
