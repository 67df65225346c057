"""The five-term functional: its own equations against Ermakov's with the effective ħ; collapse; Visscher's order."""

from __future__ import annotations

import math

import numpy as np
import pytest

from isinglass import catalog
from isinglass.theory import learners as theory


@pytest.mark.parametrize("kappa", [1.0, 1.12, 2.0, 4.0, 8.0])
def test_five_terms_are_an_effective_hbar(kappa: float) -> None:
    """The identity of the card (9.3e-12): widths from (a), (b) of the functional and from ħ² = (κ - 1)/μ²."""
    gamma, mu, time = 0.5, 1.3, np.linspace(0, 1.4, 15)
    mine = theory.five_terms(time, 0.5, kappa * gamma / (4 * mu), gamma, mu, 1.0)
    theirs, _ = theory.ermakov(time, 0.5, float(theory.hbar_squared(kappa, mu)))
    assert abs(mine - theirs).max() < 1e-10


def test_collapse_below_one() -> None:
    """μ σ0²/γ√(1 - κ) in closed form and from the equations, and by the card's five numbers (one scale)."""
    table = catalog.reference("learners.collapse")
    scale = table.column("time")[0]
    for kappa, time in zip(table.column("kappa"), table.column("time"), strict=True):
        exact = float(theory.collapse_time(kappa, 1.0, 0.7, 1.3))
        assert float(theory.collapse_time(kappa)) * scale == pytest.approx(time, rel=1e-5)
        around = theory.five_terms([0.999 * exact, 1.001 * exact], 1.0, kappa * 0.7 / 5.2, 0.7, 1.3)
        assert np.isfinite(around[0])
        assert np.isnan(around[1])
    assert theory.collapse_time(1.0) == math.inf


def test_visscher_is_of_fourth_order() -> None:
    """Card: order 4.2 (here ħ = 0.3, one time unit, against the closed form), norm to 1e-5 at 1024 points."""
    found = []
    width = math.hypot(0.5 * math.cos(1), 0.3 * math.sin(1))
    for points in (256, 512):
        q, p, norm = theory.visscher(points, 1.0, 0.5, 0.3, 1.0)
        exact = np.exp(-((q - math.cos(1)) ** 2) / (2 * width**2))
        found.append(abs(p - exact / exact.sum()).sum())
    assert math.log2(found[0] / found[1]) == pytest.approx(
        catalog.reference("learners.visscher_order").number(), abs=0.4
    )
    assert abs(norm - 1) < 1e-5


def test_caustics() -> None:
    """π/2 without λ, and earlier with it and with distance."""
    assert theory.caustic_time(3.0, 0.5, 0.0) == pytest.approx(math.pi / 2, rel=1e-6)
    near, far = (theory.caustic_time(d, 0.5, 0.2) for d in (0.0, 6.0))
    assert far < near < math.pi / 2
    assert theory.quantum_friction(0.25, 0.5) == 0.5
