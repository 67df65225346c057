"""The Fokker-Planck equation of a spin with an easy axis: two solutions that share only the equation, limits."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from isinglass import catalog, measures
from isinglass.exceptions import InputError
from isinglass.theory import fokker_planck as theory
from isinglass.theory import landau_lifshitz


def test_retention_is_that_of_the_card() -> None:
    table = catalog.reference("llg.retention")
    for stability, time, brown in zip(*map(table.column, ("stability", "time", "brown")), strict=True):
        assert theory.relaxation_time(stability) == pytest.approx(time, rel=9e-5)
        assert float(theory.brown(stability)) == pytest.approx(brown, rel=1.5e-3)


@pytest.mark.parametrize(("stability", "field"), [(0.3, 0.0), (5.0, 0.0), (8.0, 0.4), (12.0, 0.9), (30.0, 0.4)])
def test_cells_and_polynomials_agree(stability: float, field: float) -> None:
    """The slowest rate of cells in detailed balance, and the first eigenvalue in Legendre polynomials."""
    values = theory._modes(stability, field)[0]
    assert values[0] == pytest.approx(0, abs=1e-9)
    assert values[1] * 0.4 / stability == pytest.approx(theory.relaxation_rate(stability, field), rel=1e-7)


def test_free_and_high_barriers() -> None:
    """σ → 0: λ = 2D. σ = 40 and 200, e^-σ below rounding: Brown with two corrections, to 10/σ³ + 1e-5."""
    assert theory.relaxation_rate(1e-4) == pytest.approx(2 * 0.4e4, rel=1e-4)
    for stability in (40.0, 200.0):
        assert theory.relaxation_time(stability) == pytest.approx(
            float(theory.brown(stability, corrected=True)), rel=10 / stability**3 + 1e-5
        )
    assert theory.relaxation_time(5.0, 0.3) == theory.relaxation_time(5.0, 0.3, damping=2.0), "α/(1 + α²) alone counts"


def test_reading() -> None:
    """At once all, at last what Boltzmann's distribution says; the overlap of one spin decays as e^{-λt} between."""
    out = theory.reading([0.02, 1e9], 5.0, 0.1)
    z = (np.arange(20000) + 0.5) / 10000 - 1
    density = np.exp(5 * (z**2 + 0.2 * z))
    right = density[z > 0].sum() / density.sum()
    assert out.up == pytest.approx([1.0, right], abs=1e-4)
    assert out.down == pytest.approx([1.0, 1 - right], abs=1e-4)
    assert out.memory == pytest.approx([1.0, 0.0], abs=1e-3)
    time = np.array([100.0, 300.0])
    overlap = 2 * theory.reading(time, 8.0).up - 1
    assert math.log(overlap[0] / overlap[1]) == pytest.approx(200 / theory.relaxation_time(8.0), rel=1e-6)
    swapped = theory.reading(time, 8.0, -0.1)
    assert swapped.up == pytest.approx(theory.reading(time, 8.0, 0.1).down, rel=1e-8)


def test_half_life_and_its_lines() -> None:
    assert float(measures.binary_information(theory.HALF)) == pytest.approx(0.5, abs=1e-12)
    alone = float(theory.half_life(6.0))
    assert theory.reading(alone, 6.0).memory == pytest.approx(0.5, abs=1e-6)
    assert float(theory.frozen_half_life(6.0, 0.0)) == pytest.approx(alone, rel=1e-6)
    assert float(theory.frozen_half_life(6.0, 0.1)) == pytest.approx(
        float(theory.frozen_half_life(6.0, -0.1)), rel=1e-9
    )
    assert float(theory.half_life(11.0, 0.9)) > 0
    fine = np.linspace(4, 8, 101)
    assert theory.half_life(fine, 0.2)[[3, 50, 77]] == pytest.approx(theory.half_life(fine[[3, 50, 77]], 0.2), rel=2e-3)
    line = theory.switching_field(fine, 100.0)
    there = np.flatnonzero(np.isfinite(line))[::20]
    assert there.size
    for k in there:
        assert float(theory.half_life(fine[k], line[k])) == pytest.approx(100, rel=0.03)


def test_frozen_neighbours_are_all_sixteen() -> None:
    """A grain with four neighbours ±1 relative to it: 2Kh = J Σ, K = 1, so h = J Σ/2; the mean overlap tells half."""
    time = float(theory.frozen_half_life(5.0, 0.15))
    sums = [sum(around) for around in itertools.product((-1, 1), repeat=4)]
    overlaps = [2 * float(theory.reading(time, 5.0, 0.15 * total / 2).up) - 1 for total in sums]
    assert np.mean(overlaps) == pytest.approx(theory.HALF, abs=1e-6)


def test_what_cannot_be_solved_is_refused() -> None:
    for stability in (0.0, 1e300, -1.0):
        with pytest.raises(InputError, match="barriers must be above 0"):
            theory.relaxation_time(stability)
        with pytest.raises(InputError, match="barriers"):
            theory.reading(1.0, stability)
    with pytest.raises(InputError, match="rounding"):
        theory.reading(1.0, 50.0)


def test_closed_forms_meet_quadrature() -> None:
    """Langevin's function, and I₁/I₀ where a hard axis of 200 T holds the spin to the plane."""
    assert landau_lifshitz.moments(0.0, 1.3, 0.0, 0.6)[1] == pytest.approx(float(landau_lifshitz.langevin(1.3 / 0.6)))
    assert landau_lifshitz.langevin(9.999e-3) == pytest.approx(landau_lifshitz.langevin(1.0001e-2), rel=3e-4)
    flat = landau_lifshitz.moments(-400.0, 0.0, 1.0, 0.5)[0]
    assert flat == pytest.approx(float(landau_lifshitz.planar_langevin(2.0)), abs=2e-3)
