"""The theory of dense associative memory: limits, the card's folds, and what solves the approximation."""

import numpy as np
import pytest
from scipy.special import erf

from isinglass.catalog import reference
from isinglass.theory import dense, learning_rules


def test_one_step_errors_are_the_references() -> None:
    """The formula to its digits; the prototype's simulations within 15 % of it, the leading order in 1/N."""
    table = reference("dense_memory.one_step_error")
    columns = (table.column(c) for c in ("order", "neurons", "patterns", "simulated", "formula"))
    for n, neurons, patterns, simulated, formula in zip(*columns, strict=True):
        limit = float(dense.one_step_error(patterns / neurons ** (n - 1), int(n)))
        assert limit == pytest.approx(formula, abs=5.1e-5)
        assert limit == pytest.approx(simulated, rel=0.15)
        assert limit == pytest.approx(dense.finite_one_step_error(int(neurons), int(patterns), int(n)), rel=0.15)


def test_the_finite_error_of_order_two_is_exact_but_for_ties() -> None:
    for n, p in ((101, 20), (200, 40), (501, 125)):
        exact = learning_rules.exact_hebb_error(n, p)
        assert dense.finite_one_step_error(n, p, 2) == pytest.approx(exact, rel=2e-3 if (n - 1) * p % 2 else 0.1)


@pytest.mark.parametrize("order", [2, 3, 4])
def test_the_finite_error_approaches_the_formula(order: int) -> None:
    """Error of order 1/N at a fixed load: a fourfold size brings it down by 2.5 to 6."""
    load = 0.25 / dense.double_factorial(order)
    limit = float(dense.one_step_error(load, order))
    off = [dense.finite_one_step_error(n, round(load * n ** (order - 1)), order) - limit for n in (101, 401)]
    assert 2.5 < off[0] / off[1] < 6


def test_the_folds_are_the_references() -> None:
    table = reference("dense_memory.no_reaction_fold")
    for k, order in enumerate(table.column("order")):
        load, m = dense.no_reaction_fold(int(order))
        assert load == pytest.approx(table.column("load")[k], abs=5.1e-6)
        assert m == pytest.approx(table.column("overlap")[k], abs=5.1e-4)
        fine = np.linspace(0.3, 4, 200_001)
        direct = (erf(fine) ** (order - 1) / fine).max() ** 2 / (2 * dense.double_factorial(int(order)))
        assert load == pytest.approx(direct, rel=1e-9)


@pytest.mark.parametrize("order", [3, 4])
def test_overlaps_solve_the_approximation_and_meet_at_the_fold(order: int) -> None:
    fold, at = dense.no_reaction_fold(order)
    loads = fold * np.array([0.1, 0.5, 0.9, 0.999999])
    for stable in (True, False):
        m = dense.no_reaction_overlap(loads, order, stable)
        np.testing.assert_allclose(
            m, erf(m ** (order - 1) / np.sqrt(2 * loads * dense.double_factorial(order))), atol=1e-10
        )
        assert m[-1] == pytest.approx(at, abs=2e-3)
        assert (np.diff(m) < 0).all() == stable
    assert np.isnan(dense.no_reaction_overlap([fold * 1.001, 0.0], order)).all()


def test_rivals_one_flip_away() -> None:
    """By enumeration of where one rival may lie, N = 10: it is next to the pattern with probability N/2^N."""
    n = 10
    one = n * 0.5**n / 2
    assert dense.exponential_stability(n, 2) == pytest.approx(np.exp(-one))
    assert dense.exponential_stability(n, 1) == 1
