"""Mean field of the Dicke model against minimisation, and against the flow of the kernel."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from isinglass.analysis import scaling
from isinglass.kernels import open_dicke
from isinglass.theory import dicke as theory


@pytest.mark.parametrize("rotating", [False, True])
@pytest.mark.parametrize("coupling", [0.3, 0.7, 1.4])
def test_minimum_of_the_energy(coupling: float, rotating: bool) -> None:
    """Light of amplitude x, spins at an angle θ from down: E/N = x² - ω₀ cos θ/2 - (2 or 1) λ x sin θ."""
    splitting, factor = 1.3, 1 if rotating else 2

    def energy(p: np.ndarray) -> float:
        return float(p[0] ** 2 - splitting * np.cos(p[1]) / 2 - factor * coupling * p[0] * np.sin(p[1]))

    found = optimize.minimize(energy, [0.5, 0.8], tol=1e-14)
    x, angle = found.x
    assert theory.photons(coupling, splitting, rotating_wave=rotating) == pytest.approx(x**2, abs=1e-6)
    assert theory.inversion(coupling, splitting, rotating_wave=rotating) == pytest.approx(-np.cos(angle) / 2, abs=1e-6)
    if not rotating:
        assert theory.energy(coupling, splitting) == pytest.approx(found.fun, abs=1e-10)
        assert theory.spin_order(coupling, splitting) == pytest.approx(abs(np.sin(angle)), abs=1e-5)


@pytest.mark.parametrize("coupling", [0.5, 0.8, 1.1])
def test_jacobian_is_that_of_the_flow(coupling: float) -> None:
    """Central differences of a very short run without noise."""
    splitting, loss, dt, d = 0.8, 0.6, 1e-3, 1e-4
    mu = -2 * float(theory.inversion(coupling, splitting, loss))
    x = np.sqrt(1 - mu**2)
    rest = np.array([-coupling * x / (1 + loss**2), -coupling * x * loss / (1 + loss**2), x, 0, -mu])

    def flow(state: np.ndarray) -> np.ndarray:
        moved = state[None].copy()
        open_dicke.wigner(moved, 0, (coupling, splitting, loss), dt, 1, np.ones(4, np.uint64))
        return np.asarray((moved[0] - state) / dt)

    assert flow(rest) == pytest.approx(np.zeros(5), abs=1e-9)
    columns = [(flow(rest + d * e) - flow(rest - d * e)) / (2 * d) for e in np.eye(5)]
    found = np.array(columns).T
    assert found == pytest.approx(theory.jacobian(coupling, splitting, loss), abs=1e-2)


def test_the_steady_state_is_stable_but_at_the_critical_coupling() -> None:
    critical = float(theory.critical_coupling(0.8, 0.6))
    assert critical == pytest.approx(np.sqrt(0.8 * 1.36) / 2)
    assert theory.damping(critical, 0.8, 0.6) == pytest.approx(0, abs=1e-6)
    for factor in (0.5, 0.9, 1.1, 1.5):
        assert theory.damping(factor * critical, 0.8, 0.6) > 0.01


def test_slopes_with_a_correction_find_the_exponent() -> None:
    n = 2.0 ** np.arange(4, 13)
    y = 0.3 * n**-0.7 * (1 - 0.05 * n**-0.25)
    slope, corrected = scaling.local_slopes(n, np.array([y, 2 * n**-0.5]), 0.25)
    assert np.isnan(slope[:, 0]).all()
    assert np.isnan(corrected[:, :2]).all()
    assert slope[1, 1:] == pytest.approx(0.5, abs=1e-12)
    assert corrected[1, 2:] == pytest.approx(0.5, abs=1e-12)
    assert abs(slope[0, -1] - 0.7) > 1e-3
    assert corrected[0, 2:] == pytest.approx(0.7, abs=2e-4)
