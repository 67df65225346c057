"""Product states in a transverse field: the saddle point against tables, plain quadrature, limits and derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import expm
from scipy.optimize import brentq

from isinglass import InputError, catalog
from isinglass.theory import ags
from isinglass.theory import transverse_hopfield as theory


def test_retrieval_field_is_that_of_the_prototype() -> None:
    table = catalog.reference("transverse_hopfield.retrieval_field")
    found = theory.retrieval_field(np.array(table.column("load")))
    np.testing.assert_allclose(found, table.column("field"), atol=5e-4)


def test_without_a_field_it_is_the_hopfield_model() -> None:
    """At Γ = 0 the equations are those of Amit, Gutfreund and Sompolinsky at T = 0, solved there without iteration."""
    load = np.array([0.01, 0.05, 0.1, 0.13, 0.137])
    for diagonal in ("removed", "kept"):
        np.testing.assert_allclose(theory.overlap(load, 0.0, diagonal), ags.overlap(load, 0.0), rtol=1e-9)
        ends = theory.retrieval_field(ags.capacity() * np.array([1 - 1e-7, 1 + 1e-7]), diagonal)
        assert 0 < ends[0] < 2e-3
        assert np.isnan(ends[1])
        assert np.isnan(theory.overlap(0.14, 0.0, diagonal))


@pytest.mark.parametrize(("diagonal", "load", "field"), [("removed", 0.05, 0.5), ("kept", 0.02, 0.65)])
def test_the_saddle_point_holds(diagonal: str, load: float, field: float) -> None:
    """Averages by adaptive quadrature, each y from its own equation by bisection."""
    state = theory.order_parameters(load, field, diagonal)  # type: ignore[arg-type]
    m, sigma = float(state.m), float(state.sigma)
    share = 1 - np.sqrt(load * float(state.q)) / sigma  # U
    reaction = load * (share if diagonal == "removed" else 1) / (1 - share)
    assert reaction < field  # one y for each z

    def y(z: float) -> float:
        def gap(y: float) -> float:
            h = m + sigma * z + reaction * y
            return float(h / np.hypot(h, field)) - y

        return float(brentq(gap, -1.0, 1.0, xtol=1e-14))

    def mean(f: object) -> float:
        density = 1 / np.sqrt(2 * np.pi)
        return float(quad(lambda z: density * np.exp(-z * z / 2) * f(y(z), z), -9, 9, epsabs=1e-10, limit=200)[0])  # type: ignore[operator]

    assert mean(lambda y, z: y) == pytest.approx(m, abs=1e-8)
    assert mean(lambda y, z: y * y) == pytest.approx(float(state.q), abs=1e-8)
    assert mean(lambda y, z: y * z) / sigma == pytest.approx(share, abs=1e-8)
    assert mean(lambda y, z: np.sqrt(1 - y * y)) == pytest.approx(float(state.polarisation), abs=1e-8)


@pytest.mark.parametrize("diagonal", ["removed", "kept"])
def test_energy_falls_with_the_field_by_the_polarisation(diagonal: str) -> None:
    """dE/dΓ = -⟨X⟩ of a stationary state (Hellmann, Feynman): an identity of all averages together."""
    h = 1e-4
    up, middle, down = (theory.order_parameters(0.05, 0.45 + d, diagonal) for d in (h, 0, -h))  # type: ignore[arg-type]
    slope = (up.energy - down.energy) / (2 * h)
    assert slope == pytest.approx(-float(middle.polarisation), abs=1e-6)


def test_one_pattern_in_a_large_network() -> None:
    """α → 0: m = √(1-Γ²), q = m², E = -½(1+Γ²); loads below 1e-5 are those at 1e-5, so to √α."""
    field = np.array([0.0, 0.3, 0.6])
    state = theory.order_parameters(0.0, field)
    np.testing.assert_allclose(state.m, np.sqrt(1 - field**2), atol=1e-4)
    np.testing.assert_allclose(state.energy, -0.5 * (1 + field**2), atol=1e-4)
    assert theory.retrieval_field(0.0) == pytest.approx(1, abs=0.01)


def test_the_lines() -> None:
    load = np.array([0.0, 0.04, 0.25])
    np.testing.assert_allclose(theory.freezing_field(load), [1, 1.4, 2])
    np.testing.assert_allclose(theory.freezing_field(load, "kept"), [1, 1.44, 2.25])
    few = np.array([0.01, 0.05, 0.1])
    removed, kept = theory.retrieval_field(few), theory.retrieval_field(few, "kept")
    assert (removed < kept).all()
    m = theory.overlap(0.05, removed[1] * np.array([1 - 4e-3, 1 - 1e-3, 1 + 1e-4]))
    assert m[0] - m[1] == pytest.approx(0.0069, abs=0.001)  # as a square root
    assert np.isnan(m[2])
    assert theory.overlap(few[:, None], np.zeros(2)).shape == (3, 2)


@pytest.mark.parametrize("spins", [1, 4, 5])
def test_one_pattern_exactly_against_whole_matrices(spins: int) -> None:
    field, time = 0.45, 1.7
    s = 1 - 2 * (np.arange(2**spins)[:, None] >> np.arange(spins) & 1)
    matrix = np.diag((1 - s.sum(axis=1) ** 2 / spins) / 2)
    for i in range(spins):
        matrix[np.arange(2**spins) ^ (1 << i), np.arange(2**spins)] -= field
    p = abs(expm(-1j * time * matrix)[:, 0]) ** 2
    found = theory.one_pattern_quench(np.array([0.0, time]), spins, field)
    np.testing.assert_allclose(found, [1, p @ s.mean(axis=1)], atol=1e-12)
    ground = np.linalg.eigh(matrix)[1][:, 0]
    rms = np.sqrt(ground**2 @ s.mean(axis=1) ** 2)
    assert theory.one_pattern_order(spins, field) == pytest.approx(rms, abs=1e-10)


def test_two_patterns_exactly_against_whole_matrices() -> None:
    """N = 4, all 16 second patterns (the first is a gauge), J written out."""
    n, field, time = 4, 0.35, 2.3
    s = 1 - 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
    total = 0.0
    for second in s:
        J = (np.ones((n, n)) + np.outer(second, second)) / n
        np.fill_diagonal(J, 0)
        matrix = np.diag(-0.5 * np.einsum("ai,ij,aj->a", s, J, s))
        for i in range(n):
            matrix[np.arange(2**n) ^ (1 << i), np.arange(2**n)] -= field
        total += abs(expm(-1j * time * matrix)[:, 0]) ** 2 @ s.mean(axis=1) / 2**n
    found = theory.two_pattern_quench(np.array([0.0, time]), n, field)
    np.testing.assert_allclose(found, [1, total], atol=1e-12)


def test_one_pattern_tables() -> None:
    order = catalog.reference("transverse_hopfield.one_pattern_order")
    found = [theory.one_pattern_order(14, field) for field in order.column("field")]
    np.testing.assert_allclose(found, order.column("order"), atol=5e-4)
    table, time = catalog.reference("transverse_hopfield.one_pattern_retention"), np.arange(201, 601) / 10
    means = [theory.one_pattern_quench(time, 14, field).mean() for field in table.column("field")]
    np.testing.assert_allclose(means, table.column("retention"), atol=2e-3)


def test_wrong_input_is_refused() -> None:
    for call in (
        lambda: theory.retrieval_field(-0.1),
        lambda: theory.overlap(0.1, np.nan),
        lambda: theory.retrieval_field(0.1, "removd"),  # type: ignore[arg-type]
    ):
        with pytest.raises(InputError):
            call()
