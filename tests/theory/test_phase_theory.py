"""The theory of the phase memory: against reference values, and its equations evaluated in two dimensions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import i0e, i1e

from isinglass import measures
from isinglass.catalog import reference
from isinglass.exceptions import InputError
from isinglass.theory import phase_memory


def test_capacity_at_zero_temperature():
    best = minimize_scalar(lambda a: -i1e(a), bounds=(1, 2), options={"xatol": 1e-10})
    assert phase_memory.capacity() == pytest.approx(np.pi / 4 * best.fun**2, abs=1e-14)
    assert phase_memory.capacity() == pytest.approx(reference("phase_memory.rs.capacity").number(), abs=1e-10)
    assert best.x == pytest.approx(reference("phase_memory.rs.capacity_argument").number(), abs=1e-6)
    expected = reference("phase_memory.rs.overlap_at_capacity").number()
    assert phase_memory.overlap(phase_memory.capacity() * (1 - 1e-12), 0.0) == pytest.approx(expected, abs=1e-5)
    rounded = reference("phase_memory.capacity_cook")
    assert abs(phase_memory.capacity() - rounded.value) <= rounded.uncertainty


def test_overlap_at_zero_temperature():
    table = reference("phase_memory.rs.overlap_zero_temperature")
    load = np.array(table.column("load"))
    np.testing.assert_allclose(phase_memory.overlap(load, 0.0), table.column("overlap"), rtol=0, atol=5.1e-6)
    u = np.linspace(1.8, 6, 9)
    a = u * u / 2
    got = phase_memory.overlap(np.pi / 4 * i1e(a) ** 2, 0.0)
    np.testing.assert_allclose(got, np.sqrt(np.pi * a / 2) * (i0e(a) + i1e(a)), rtol=1e-10)
    np.testing.assert_allclose(phase_memory.overlap(load, 1e-6), phase_memory.overlap(load, 0.0), rtol=1e-5)


def test_retrieval_temperature():
    table = reference("phase_memory.rs.T_M")
    load = np.array(table.column("load"))
    line = phase_memory.retrieval_temperature(load)
    np.testing.assert_allclose(line, table.column("temperature"), rtol=0, atol=5.1e-5)
    np.testing.assert_allclose(phase_memory.capacity(line), load, rtol=1e-9)
    assert np.all(np.isfinite(phase_memory.overlap(load, line * (1 - 1e-7))))
    assert np.all(np.isnan(phase_memory.overlap(load, line * (1 + 1e-7))))
    assert phase_memory.retrieval_temperature(0.0) == pytest.approx(0.5, abs=1e-4)
    assert np.isnan(phase_memory.retrieval_temperature(0.0378))
    np.testing.assert_array_equal(phase_memory.glass_temperature([0.0, 0.04]), [0.5, 0.6])


def test_capacity_falls_with_temperature_from_zero_on():
    """No reentrance: unlike the binary network, the line of this theory has no nose."""
    line = phase_memory.capacity(np.array([0.0, 1e-4, 1e-3, 0.01, 0.1, 0.3, 0.49, 0.5, 0.9]))
    assert np.all(np.diff(line[:-1]) < 0)
    assert line[-1] == line[-2] == 0


@pytest.mark.parametrize(("load", "temperature"), [(0.01, 0.1), (0.01, 0.3), (0.02, 0.2), (0.03, 0.08)])
def test_saddle_point_equations(load, temperature):
    """By Gauss-Hermite quadrature of the plane: no Bessel identity for the angle."""
    m, q, noise = phase_memory.order_parameters(load, temperature)
    x, weight = np.polynomial.hermite.hermgauss(200)
    w = m + np.sqrt(noise) * (x[:, None] + 1j * x)
    weight = weight[:, None] * weight / np.pi
    a = i1e(abs(w) / temperature) / i0e(abs(w) / temperature)
    assert (weight * a * w.real / abs(w)).sum() == pytest.approx(m, abs=1e-6)
    assert (weight * a * a).sum() == pytest.approx(q, abs=1e-6)
    c = (1 - q) / (2 * temperature)
    assert noise == pytest.approx(load * q / (1 - c) ** 2, rel=1e-8)


def test_the_retrieval_state_ends_as_a_square_root():
    """m falls with T, and the distance to its last value as the square root of that to T_M: the fold of two states."""
    assert np.all(np.diff(phase_memory.overlap(0.02, np.linspace(0, 0.2164, 20))) < 0)
    end = phase_memory.retrieval_temperature(0.02)
    far, near, last = phase_memory.overlap(0.02, end - np.array([4e-6, 1e-6, 1e-11]))
    assert (far - last) / (near - last) == pytest.approx(2, abs=0.02)


def test_response_is_half_the_trace_of_the_derivative():
    """C of the theory: the derivative of ⟨z⟩ by its field, averaged over both directions, by finite differences."""
    kappa, h = 2.3, 1e-5

    def mean(x, y):
        r = np.hypot(x, y)
        return i1e(r) / i0e(r) * np.array([x, y]) / r

    trace = (mean(kappa + h, 0)[0] - mean(kappa - h, 0)[0] + mean(kappa, h)[1] - mean(kappa, -h)[1]) / (2 * h)
    assert trace / 2 == pytest.approx((1 - mean(kappa, 0)[0] ** 2) / 2, abs=1e-9)


def test_information():
    expected = reference("phase_memory.rs.information_at_load_0.035")
    assert phase_memory.information(0.035, 0.0) == pytest.approx(expected.number(), abs=expected.uncertainty)
    assert phase_memory.information(0.05, 0.0) == 0
    assert measures.phase_information(0.97567) == pytest.approx(2.776, abs=5e-4)


def test_shapes_and_refusals():
    assert phase_memory.overlap(np.array([[0.01], [0.02]]), np.array([0.0, 0.1, 0.6])).shape == (2, 3)
    for call in (lambda: phase_memory.overlap(-0.1, 0.1), lambda: phase_memory.capacity(np.nan)):
        with pytest.raises(InputError, match="give"):
            call()
