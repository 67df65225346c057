"""Onsager's magnet against its own derivative, limits, reference values, and the sum over all states of L = 4."""

import numpy as np
import pytest

from isinglass import catalog
from isinglass.theory import ising


def test_critical_point() -> None:
    assert catalog.reference("ising.critical_temperature").number() == pytest.approx(ising.T_C, abs=5e-7)
    assert np.sinh(2 / ising.T_C) == pytest.approx(1, abs=1e-14)
    assert ising.energy(ising.T_C) == pytest.approx(-np.sqrt(2), abs=1e-14)


def test_limits() -> None:
    assert ising.energy([0.05, 1e6]) == pytest.approx([-2, 0], abs=1e-5)
    assert ising.magnetisation([0.0, 1.0, 5.0]) == pytest.approx([1, 0.999276, 0], abs=1e-6)
    cold = np.exp(-8 / 0.3)  # one flipped spin costs 8: m = 1 - 2 e^{-8β} - 8 e^{-12β}
    assert 1 - ising.magnetisation(0.3) == pytest.approx(2 * cold, rel=1e-4)
    assert ising.specific_heat(50.0) == pytest.approx(2 / 50**2, rel=5e-3)  # E = -2 tanh β


@pytest.mark.parametrize("temperature", [1.0, 2.0, 2.26, 2.28, 3.0, 6.0])
def test_specific_heat_is_the_derivative(temperature: float) -> None:
    step = 1e-5
    slope = (ising.energy(temperature + step) - ising.energy(temperature - step)) / (2 * step)
    assert ising.specific_heat(temperature) == pytest.approx(float(slope), rel=1e-5)


def test_magnetisation_of_reference() -> None:
    table = catalog.reference("ising.onsager")
    t = np.array(table.column("temperature"))
    assert ising.magnetisation(t) == pytest.approx(table.column("magnetisation"), abs=5e-7)
    assert ising.energy(t) == pytest.approx(table.column("energy"), abs=5e-6)


def test_enumeration_of_reference() -> None:
    table = catalog.reference("ising.enumeration_4x4")
    rows = zip(*(table.column(c) for c in ("temperature", "energy", "magnetisation", "binder")), strict=True)
    for temperature, energy, magnetisation, binder in rows:
        exact = ising.enumeration(temperature)
        assert exact["energy"] == pytest.approx(energy, abs=1e-6)
        assert exact["magnetisation"] == pytest.approx(magnetisation, abs=1e-6)
        assert 1 - exact["magnetisation_4"] / (3 * exact["magnetisation_2"] ** 2) == pytest.approx(binder, abs=1e-6)


def test_enumeration_at_high_temperature() -> None:
    """Free spins: ⟨m²⟩ = 1/16, ⟨m⁴⟩ = (3·16 - 2)/16³."""
    exact = ising.enumeration(1e7)
    assert exact["magnetisation_2"] == pytest.approx(1 / 16, rel=1e-5)
    assert exact["magnetisation_4"] == pytest.approx(46 / 16**3, rel=1e-5)
