"""The theory of Kuramoto oscillators against its closed forms, quadrature and direct integration."""

import math

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.special import i0e, i1e

from isinglass import InputError, catalog
from isinglass.theory import kuramoto as theory


def test_lorentzian_without_noise() -> None:
    K = np.array([0.0, 0.9, 1.0, 1.1, 1.25, 2.0, 40.0])
    exact = np.sqrt(np.maximum(1 - 1 / np.maximum(K, 1e-9), 0))
    np.testing.assert_allclose(theory.order_parameter(K, 0.5), exact, atol=1e-7)
    table = catalog.reference("kuramoto.lorentzian.order_parameter")
    np.testing.assert_allclose(
        theory.order_parameter(table.column("coupling"), 0.5), table.column("order_parameter"), atol=5e-4
    )


@pytest.mark.parametrize("noise", [0.1, 0.25, 0.4])
def test_identical_with_noise(noise: float) -> None:
    r = float(theory.order_parameter(1.0, 0.0, noise, "identical"))
    assert r == pytest.approx(float(i1e(r / noise) / i0e(r / noise)), abs=1e-12)
    assert theory.order_parameter(2 * noise * 0.999, 0.0, noise, "identical") == 0


def test_lorentzian_with_noise_is_the_average_over_frequencies() -> None:
    """The contour: R_1 at ω = iγ against quadrature of the Lorentzian."""
    h, width, noise = 0.8, 0.5, 0.3

    def integrand(u: float) -> float:
        value = theory.response(h, np.asarray(-1j * width * math.tan(u)), noise)
        return float(value.real) / math.pi

    exact = quad(integrand, -math.pi / 2, math.pi / 2, epsabs=1e-10)[0]
    assert float(theory.response(h, width, noise)) == pytest.approx(exact, abs=1e-8)


def test_gaussian() -> None:
    assert theory.critical_coupling(1.0, 0.0, "gaussian") == pytest.approx(1.5957691216, abs=1e-9)
    table = catalog.reference("kuramoto.gaussian.order_parameter")
    got = theory.order_parameter(table.column("coupling"), 1.0, frequencies="gaussian")
    np.testing.assert_allclose(got, table.column("order_parameter"), atol=5e-4)
    # with little noise the two ways meet; K_c is where r ends
    np.testing.assert_allclose(theory.order_parameter([2.0, 3.0], 1.0, 0.01, "gaussian"), got[1:], atol=0.015)
    onset = float(theory.critical_coupling(1.0, 0.3, "gaussian"))
    assert 0 < theory.order_parameter(onset * 1.001, 1.0, 0.3, "gaussian") < 0.1


def test_relaxation_obeys_its_equation() -> None:
    for coupling in (0.6, 1.0, 2.0):
        flow = solve_ivp(
            lambda t, r, K=coupling: -0.5 * r + K / 2 * r * (1 - r * r), (0, 8), [0.3], rtol=1e-10, atol=1e-12
        )
        np.testing.assert_allclose(theory.ott_antonsen(flow.t, 0.3, coupling, 0.5), flow.y[0], atol=1e-8)
    assert theory.ott_antonsen(1e3, 0.1, 2.0, 0.5) == pytest.approx(math.sqrt(0.5))


def test_waves_on_a_ring() -> None:
    """Against the linear equations solved; ω of unit variance, no uniform part. Finite below 3/2, not above."""
    n, sigma = 16, 1.3
    d = np.minimum(np.arange(n), n - np.arange(n))
    w = np.where(d > 0, np.maximum(d, 1.0) ** -sigma, 0)
    w *= (1 - 1 / n) / w.sum()
    laplacian = np.diag(np.full(n, w.sum())) - w[(np.arange(n)[:, None] - np.arange(n)) % n]
    inverse = np.linalg.pinv(4.0 * laplacian)
    assert theory.wave_variance(n, sigma, 4.0, 2.0) == pytest.approx(4 * (inverse**2).sum() / n, rel=1e-10)
    growth = {s: theory.wave_variance(2**14, s, 1, 1) / theory.wave_variance(2**12, s, 1, 1) for s in (1.2, 1.8)}
    assert growth[1.2] < 1.1
    assert growth[1.8] == pytest.approx(4**0.6, rel=0.2)  # N^(2σ-3)


def test_an_unknown_distribution_is_named() -> None:
    with pytest.raises(InputError, match="did you mean 'gaussian'"):
        theory.order_parameter(1.0, 1.0, frequencies="gausian")
