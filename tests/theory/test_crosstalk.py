"""The step after a stored pattern: the exact distribution against enumeration, its normal limit, the literature."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from isinglass import catalog
from isinglass.theory import crosstalk


def enumerated(neurons: int, patterns: int, correlation: float) -> float:
    """Expected overlap after one step, over every set of patterns, in the gauge where the template is all +1."""
    like = (1 + np.sqrt(correlation)) / 2
    total = 0.0
    for signs in itertools.product((1, -1), repeat=neurons * patterns):
        xi = np.array(signs).reshape(patterns, neurons)
        weight = like ** (xi > 0).sum() * (1 - like) ** (xi < 0).sum()
        couplings = xi.T @ xi
        np.fill_diagonal(couplings, 0)
        fields = couplings @ xi[0]
        after = np.where(fields == 0, xi[0], np.sign(fields))
        total += weight * (after @ xi[0]) / neurons
    return float(total)


@pytest.mark.parametrize(
    ("neurons", "patterns", "correlation"),
    [(3, 3, 0.0), (4, 3, 0.0), (3, 4, 0.3), (4, 3, 0.5), (6, 2, 0.2), (2, 5, 0.8), (5, 1, 0.4)],
)
def test_exact_is_the_sum_over_all_patterns(neurons: int, patterns: int, correlation: float) -> None:
    wanted = enumerated(neurons, patterns, correlation)
    assert crosstalk.exact_one_step_overlap(neurons, patterns, correlation) == pytest.approx(wanted, abs=1e-12)


def test_exact_reference_values() -> None:
    table = catalog.reference("hopfield.crosstalk.one_step_overlap")
    columns = (table.column(name) for name in ("neurons", "patterns", "correlation", "overlap"))
    for neurons, patterns, correlation, overlap in zip(*columns, strict=True):
        found = crosstalk.exact_one_step_overlap(int(neurons), int(patterns), correlation)
        assert found == pytest.approx(overlap, abs=5e-7)


@pytest.mark.parametrize(
    ("neurons", "patterns", "correlation", "near"),
    [(100, 10, 0.0, 0.0005), (100, 20, 0.1, 0.02), (100, 40, 0.05, 0.02), (200, 20, 0.1, 0.007), (200, 10, 0.2, 0.01)],
)
def test_normal_crosstalk_is_near(neurons: int, patterns: int, correlation: float, near: float) -> None:
    exact = crosstalk.exact_one_step_overlap(neurons, patterns, correlation)
    assert abs(float(crosstalk.one_step_overlap(patterns / neurons, correlation, neurons)) - exact) < near


@pytest.mark.parametrize(("neurons", "patterns", "correlation"), [(9, 4, 0.0), (9, 4, 0.3), (30, 12, 0.2)])
def test_mean_and_variance_of_the_crosstalk(neurons: int, patterns: int, correlation: float) -> None:
    """What is taken as normal has the drawn sum's first two moments; 5 standard errors of 40 000 draws."""
    rng = np.random.default_rng(5)
    xi = np.where(rng.random((40_000, patterns, neurons)) < (1 + np.sqrt(correlation)) / 2, 1, -1)
    sums = np.einsum("dm,dm->d", xi[:, 1:, 0], np.einsum("dmj,dj->dm", xi[:, 1:, 1:], xi[:, 0, 1:]))
    mean, variance = crosstalk.moments(neurons, patterns - 1.0, correlation)
    assert abs(sums.mean() - mean) < 5 * sums.std() / 200
    squares = (sums - mean) ** 2
    assert abs(squares.mean() - variance) < 5 * squares.std() / 200


def test_random_patterns_err_as_the_book_says() -> None:
    """(1 - m)/2 = P_error at the loads of Hertz, Krogh and Palmer, within half a unit of their last digit of load."""
    table = catalog.reference("hopfield.crosstalk.error_after_one_step")
    for load, error in zip(table.column("load"), table.column("error"), strict=True):
        half = 0.005 if load > 0.3 else 0.0005
        low, high = ((1 - crosstalk.one_step_overlap(load + d, 0.0, 10**7)) / 2 for d in (-half, half))
        digits = 0.05 * error  # the book rounds the errors as well
        assert low - digits <= error <= high + digits


def test_shapes() -> None:
    assert crosstalk.one_step_overlap(np.full((2, 3), 0.1), 0.05, 100).shape == (2, 3)
    assert float(crosstalk.one_step_overlap(0.0, 0.05, 100)) == 1.0
    # beyond the load at which the shared part wins, what is left is the overlap of template and pattern
    assert float(crosstalk.one_step_overlap(50.0, 0.25, 1000)) == pytest.approx(0.5, abs=1e-3)
