"""Closed forms of a bias with fast neurons; the comb of exchanged neurons, sampled; twisted rings."""

from __future__ import annotations

import math

import numpy as np
import pytest

from isinglass import catalog
from isinglass.kernels import streams
from isinglass.models.fast_neurons import FastNeurons
from isinglass.theory import fast_neurons as theory


@pytest.mark.parametrize(("epsilon", "delta", "neurons"), [(0.1, 0.3, 1), (1.0, 1.0, 4), (10.0, 2.0, 7)])
def test_rest_is_the_closed_form(epsilon: float, delta: float, neurons: int) -> None:
    """Late moments by the whole linear process; δ → 0 is Fokker-Planck; its width is the model's."""
    mean, variance = theory.moments(1e4, epsilon, delta, neurons, 3.0, 1.0)
    assert mean == pytest.approx(0, abs=1e-9)
    assert variance * delta * neurons / epsilon == pytest.approx(float(theory.temperature_ratio(epsilon, delta)))
    assert theory.temperature_ratio(epsilon, 1e-12) == pytest.approx(theory.fokker_planck_ratio(epsilon))
    model = FastNeurons(epsilon=epsilon, delta=delta, neurons=neurons)
    assert model.resting * delta * neurons / epsilon == pytest.approx(float(theory.fokker_planck_ratio(epsilon)))
    rates = -np.linalg.eigvals(np.array([[-1.0, 1.0], [epsilon, -epsilon - delta]]))
    assert np.isrealobj(rates), "no oscillation"
    assert model.slowest == pytest.approx(rates.min())


def test_early_and_linear() -> None:
    assert theory.moments(0.0, 1.0, 1.0, 2, 0.7, 0.2) == pytest.approx((0.7, 0.2))
    assert theory.nonlinear_ratio(1.0, 2.0, 0.0) == pytest.approx(0.25)
    assert 0.25 < theory.nonlinear_ratio(1.0, 2.0, 1.0) < theory.nonlinear_ratio(1.0, 2.0, 100.0) < 0.5


def test_the_comb_of_the_card_and_of_draws() -> None:
    """Visibility: the card's theory to its digits; rounded normal numbers from our streams, K = 4000: 3/√K."""
    table = catalog.reference("fast_neurons.comb")
    stream = np.array([3, 1, 4, 1], np.uint64)
    draws = np.array([streams.normal(stream) for _ in range(4000)])
    for spread, chemical, value in zip(*map(table.column, ("spread", "chemical", "visibility")), strict=True):
        exact = float(theory.comb_visibility(chemical, spread))
        assert exact == pytest.approx(value, abs=6e-4)
        sampled = abs(np.exp(2j * np.pi * chemical * np.rint(spread * draws)).mean())
        assert abs(sampled - exact) < 3 / math.sqrt(4000)
    assert theory.comb_visibility([0.0, 1.0, -2.0], 2.0) == pytest.approx([1, 1, 1])
    assert (theory.comb_visibility(np.linspace(0.01, 0.99, 50), 2.0) < 1).all()


def test_twisted_rings_revive_for_whole_turns() -> None:
    """Density e^{3 cos q} at t = 4π: shifted by 2α turns, overlap I₀(6 cos 2πα)/I₀(6); card to 1e-3."""
    table = catalog.reference("fast_neurons.ring")
    for twist, value in zip(table.column("twist"), table.column("overlap"), strict=True):
        exact = np.i0(6 * math.cos(2 * math.pi * twist)) / np.i0(6.0)
        assert theory.ring_revival(twist) == pytest.approx(exact, abs=1e-9)
        assert value == pytest.approx(exact, abs=1e-3)
