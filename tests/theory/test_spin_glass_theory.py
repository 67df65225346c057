"""Exact statements on random couplings, proved on small graphs by summing over all disorder."""

import itertools
import math

import numpy as np
import pytest

from isinglass.exceptions import InputError
from isinglass.theory import spin_glass as theory

EDGES = np.array([(0, 1), (1, 2), (2, 3), (3, 0), (0, 4), (2, 4)])  # two loops


def averages(aligned: float, temperature: float) -> dict[str, float]:
    """Averages over all 2^6 sets of ±1 bonds; the pattern is all up, which is no loss by the gauge."""
    out: dict[str, float] = {}
    for bonds in itertools.product((1, -1), repeat=len(EDGES)):
        weight = math.prod(aligned if b > 0 else 1 - aligned for b in bonds)
        for name, value in theory.enumerate_states(EDGES, bonds, np.ones(5), temperature).items():
            out[name] = out.get(name, 0.0) + weight * value
    return out


@pytest.mark.parametrize("aligned", [0.6, 0.85, 0.97])
def test_on_the_nishimori_line_planted_and_replica_overlap_are_equal(aligned: float) -> None:
    temperature = float(theory.nishimori_temperature(aligned))
    on = averages(aligned, temperature)
    assert abs(on["planted_overlap"] - on["replica_overlap"]) < 1e-13
    assert abs(on["planted_square"] - on["replica_square"]) < 1e-13
    assert abs(on["energy"] - theory.nishimori_energy(temperature, len(EDGES) / 5)) < 1e-13
    hot, cold = averages(aligned, 1.3 * temperature), averages(aligned, 0.7 * temperature)
    assert hot["planted_overlap"] > hot["replica_overlap"] + 1e-3
    assert cold["planted_overlap"] < cold["replica_overlap"] - 1e-3


def test_the_line_and_its_inverse() -> None:
    p = np.array([0.55, 0.8907, 0.99])
    t = theory.nishimori_temperature(p)
    np.testing.assert_allclose(np.tanh(1 / t), 2 * p - 1, rtol=1e-12)
    np.testing.assert_allclose(theory.nishimori_aligned(t), p, rtol=1e-12)


def test_enumeration_is_a_sum_over_pairs_of_states() -> None:
    rng = np.random.default_rng(1)
    bonds, planted = rng.normal(size=6), np.array([1, -1, 1, 1, -1])
    states = np.array(list(itertools.product((1, -1), repeat=5)))
    energy = np.array([-sum(j * s[a] * s[b] for j, (a, b) in zip(bonds, EDGES, strict=True)) for s in states])
    p = np.exp(-energy / 0.7) / np.exp(-energy / 0.7).sum()
    q = states @ states.T / 5
    pair = np.outer(p, p)
    got = theory.enumerate_states(EDGES, bonds, planted, 0.7)
    assert math.isclose(got["energy"], p @ energy / 5)
    assert math.isclose(got["planted_overlap"], p @ abs(states @ planted) / 5)
    assert math.isclose(got["replica_overlap"], (pair * abs(q)).sum())
    assert math.isclose(got["replica_square"], (pair * q**2).sum())
    mean_links = [(p @ (states[:, a] * states[:, b])) ** 2 for a, b in EDGES]
    assert math.isclose(got["link_overlap"], np.mean(mean_links))
    with pytest.raises(InputError, match="at most 20"):
        theory.enumerate_states(EDGES, bonds, np.ones(21), 1.0)


def test_the_complete_graph_orders_at_one() -> None:
    assert theory.complete_replica_square(2.0, 300) == pytest.approx(1 / 225)
    assert np.isinf(theory.complete_replica_square(0.9, 300))
