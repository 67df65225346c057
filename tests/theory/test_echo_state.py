"""The memory of linear reservoirs: the all-pass form against covariances, closed forms and Jaeger's N."""

import numpy as np
import pytest

from isinglass.catalog import reference
from isinglass.theory import echo_state


def reservoir(nodes: int, radius: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(nodes, nodes))
    return radius * matrix / abs(np.linalg.eigvals(matrix)).max(), rng.uniform(-1, 1, nodes)


@pytest.mark.parametrize(("nodes", "radius", "tolerance"), [(2, 0.5, 1e-12), (5, 0.9, 1e-9), (10, 0.98, 1e-5)])
def test_all_pass_form_is_that_of_the_covariance(nodes: int, radius: float, tolerance: float) -> None:
    """b_kᵀ C⁻¹ b_k; the tolerance is what the condition of C leaves of double precision."""
    matrix, weights = reservoir(nodes, radius, nodes)
    exact = echo_state.memory_curve(np.linalg.eigvals(matrix), 40)
    np.testing.assert_allclose(echo_state.regularised_curve(matrix, weights, 40, 0.0), exact, atol=tolerance)
    other = np.random.default_rng(99).normal(size=nodes)
    np.testing.assert_allclose(echo_state.regularised_curve(matrix, other, 40, 0.0), exact, atol=tolerance)


def test_covariance_is_the_sum_over_the_past() -> None:
    """The ridge solution from explicitly summed b_k b_kᵀ, no Lyapunov equation."""
    matrix, weights = reservoir(20, 0.9, 3)
    past = [weights]
    for _ in range(600):
        past.append(matrix @ past[-1])
    b = np.array(past).T
    covariance = b @ b.T
    v = np.linalg.solve(covariance + 1e-6 * np.trace(covariance) / 20 * np.eye(20), b[:, :30])
    expected = np.einsum("ik,ik->k", v, b[:, :30]) ** 2 / np.einsum("ik,ij,jk->k", v, covariance, v)
    np.testing.assert_allclose(echo_state.regularised_curve(matrix, weights, 30, 1e-6), expected, rtol=1e-7)


@pytest.mark.parametrize("radius", [0.3, 0.9, 0.99])
def test_a_ring_has_its_closed_form(radius: float) -> None:
    nodes, delays = 7, 40
    got = echo_state.memory_curve(radius * np.exp(2j * np.pi * np.arange(nodes) / nodes), delays)
    turns = np.arange(delays) // nodes
    np.testing.assert_allclose(got, (1 - radius ** (2 * nodes)) * radius ** (2.0 * nodes * turns), atol=1e-12)


def test_a_delay_line_recalls_n_steps_and_no_more() -> None:
    np.testing.assert_array_equal(echo_state.memory_curve(np.zeros(6), 10), [1] * 6 + [0] * 4)


def test_capacity_is_n_and_the_curve_falls() -> None:
    """Also at N = 100, where C is singular in double precision."""
    for nodes, radius in ((5, 0.5), (100, 0.95)):
        matrix, _ = reservoir(nodes, radius, 1)
        curve = echo_state.memory_curve(np.linalg.eigvals(matrix), 3000)
        np.testing.assert_allclose(curve.sum(), nodes, rtol=1e-9)
        assert (np.diff(curve) < 1e-12).all()
        np.testing.assert_allclose(curve[0], 1 - np.linalg.det(matrix) ** 2, rtol=1e-12)


def test_finite_training() -> None:
    """1 stays 1, 0 stays 0; against least squares with independent normal regressors.

    4 SE (false alarm 6e-5) and 0.002 for the ratio of means that the formula is.
    """
    np.testing.assert_array_equal(echo_state.finite_training([0.0, 1.0], 10, 100), [0, 1])
    rng = np.random.default_rng(5)
    nodes, training, r2 = 20, 200, 0.5
    got = []
    for _ in range(400):
        x = rng.normal(size=(training + 4000, nodes))
        u = np.sqrt(r2) * x[:, 0] + np.sqrt(1 - r2) * rng.normal(size=len(x))
        v = np.linalg.lstsq(x[:training], u[:training], rcond=None)[0]
        got.append(np.corrcoef(x[training:] @ v, u[training:])[0, 1] ** 2)
    error = np.std(got, ddof=1) / 20
    assert abs(np.mean(got) - echo_state.finite_training(r2, nodes, training)) < 4 * error + 2e-3


def test_a_nearly_undamped_orthogonal_reservoir_forgets_the_newest_input() -> None:
    table = reference("echo_state.linear.first_delay")
    q = np.linalg.qr(np.random.default_rng(8).normal(size=(50, 50)))[0]
    for radius, r2 in zip(table.column("spectral_radius"), table.column("squared_correlation"), strict=True):
        assert abs(echo_state.memory_curve(np.linalg.eigvals(radius * q), 1)[0] - r2) < 1e-6
