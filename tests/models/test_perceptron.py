"""The perceptron against Cover's count, Gardner's margin, the Hebb rule's error and enumeration."""

import dataclasses
import hashlib
import itertools
import math

import numpy as np
import pytest
from scipy import stats

from isinglass import InputError
from isinglass.kernels import perceptrons
from isinglass.kernels.streams import jumped
from isinglass.models.perceptron import Perceptron, draw, separable
from isinglass.theory import perceptron as theory


def stream(*name: object) -> np.ndarray:
    return np.frombuffer(hashlib.blake2b(repr(name).encode(), digest_size=32).digest(), dtype=np.uint64).copy()


def samples(model: Perceptron, count: int, name: str = "test") -> dict[str, np.ndarray]:
    """Observables (sample,)."""
    disorder = np.stack([stream(name, k) for k in range(count)])
    noise = np.stack([stream(name, "noise", k) for k in range(count)])[:, None]
    return {k: x[:, 0] for k, x in Perceptron.simulate_batch([model] * count, disorder, noise).items()}


def within(values: np.ndarray, exact: float, extra: float = 0.0) -> bool:
    """4 standard errors of the mean: false alarm 6e-5 for many values."""
    return bool(abs(values.mean() - exact) < 4 * values.std(ddof=1) / math.sqrt(len(values)) + extra)


@pytest.mark.parametrize(("inputs", "load"), [(10, 1.6), (10, 2.4), (20, 2.0), (50, 1.8)])
def test_the_share_of_separable_labels_is_covers(inputs: int, load: float) -> None:
    """Exact binomial test at two-sided 6e-5 (4 standard errors)."""
    model = Perceptron(inputs=inputs, load=load, rule="hebb", copies=1)
    got = samples(model, 150)["separable"]
    exact = float(theory.separable_probability(model.stored, inputs))
    assert stats.binomtest(int(got.sum()), len(got), exact).pvalue > 6e-5


def test_below_the_number_of_inputs_every_labelling_is_separable() -> None:
    assert samples(Perceptron(inputs=20, load=1.0, rule="hebb", copies=1), 40)["separable"].all()


@pytest.mark.parametrize("distribution", ["normal", "binary"])
def test_the_program_agrees_with_enumeration_in_the_plane(distribution: str) -> None:
    """N = 2: labels are separable if and only if one of the directions between two patterns' normals does it."""
    angles = 2 * np.pi * (np.arange(7200) + 0.5) / 7200
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    found = 0
    for k in range(60):
        model = Perceptron(inputs=2, load=2.0, distribution=distribution)
        patterns, labels = draw(stream("plane", k), model)
        exact = ((labels[0] * (directions @ patterns.T)) > 0).all(axis=1).any()
        assert separable(patterns, labels[0]) == exact
        found += exact
    assert 0 < found < 60


def test_a_pattern_and_its_opposite_have_opposite_labels_or_none() -> None:
    x = np.array([[1.0, -1.0, 1.0], [-1.0, 1.0, -1.0]])
    assert separable(x, np.array([1, -1]))
    assert not separable(x, np.array([1, 1]))


def test_all_labellings_of_one_set_of_patterns() -> None:
    """Cover's count is exact for every set in general position: 2 Σ_{k<N} C(P-1, k) of 2^P, N = 3, P = 6: 32 of 64."""
    patterns, _ = draw(stream("all"), Perceptron(inputs=3, load=2.0))
    count = sum(separable(patterns, np.array(y)) for y in itertools.product((-1, 1), repeat=6))
    assert count == 2 * sum(math.comb(5, k) for k in range(3))


def test_what_the_rule_learns_is_separable() -> None:
    got = samples(Perceptron(inputs=12, load=1.8, epochs=3000), 60)
    assert got["separable"][got["learned"] == 1].all()
    assert got["converged"].mean() > 0.9
    done = got["learned"] == 1
    assert (got["memory"][done] == 1).all()
    assert (got["stored_bits"][done] == 22).all()
    assert (got["stability"][done] > 0).all()
    assert (got["stability"][~done] <= 0).all()
    assert (got["error_rate"][~done] > 0).all()


def test_hebb_errs_as_its_crosstalk_says() -> None:
    """N = 1000, α = 0.5: ½ erfc 1 = 0.0786; finite size shifts it by O(1/N)."""
    errors = []
    for k in range(12):
        patterns, labels = draw(stream("hebb", k), Perceptron(inputs=1000, load=0.5))
        weights, field = np.empty(1000), np.empty(500)
        perceptrons.train(patterns, labels[0], perceptrons.HEBB, 1, 0.0, stream(k), weights)
        perceptrons.fields(patterns, weights, field)
        errors.append((field * labels[0] <= 0).mean())
    assert within(np.array(errors), float(theory.hebb_error(0.5)), 1e-3)


def test_minover_approaches_the_largest_margin() -> None:
    """α = 0.5: Gardner's κ for N → ∞; 400 epochs at N = 200 and finite size leave some per cent."""
    got = samples(Perceptron(inputs=200, load=0.5, rule="minover", epochs=400, initial=0.0, copies=1), 6)
    exact = float(theory.largest_stability(0.5))
    assert got["stability"].mean() == pytest.approx(exact, rel=0.05)
    plain = samples(Perceptron(inputs=200, load=0.5, epochs=400, initial=0.0, copies=1), 6)
    assert (plain["stability"] < got["stability"]).all()


def test_labels_that_are_all_wrong_are_no_memory() -> None:
    """Recall is signed: overlaps of 0 and less count 0, though counts alone would tell everything."""
    got = samples(Perceptron(inputs=4, load=1, initial=1e6, epochs=1), 40)
    wrong = (got["error_rate"] >= 0.5) & ~np.isnan(got["memory"])
    assert wrong.any()
    assert (got["memory"][wrong] == 0).all()


def test_memory_of_permuted_labels_is_nothing() -> None:
    """The readout of weights that learnt other labels, 4 standard errors of 200 samples and a bias of 2e-3."""
    from isinglass import measures

    model = Perceptron(inputs=100, load=1.0, copies=1)
    values = []
    for k in range(200):
        patterns, labels = draw(stream("null", k), model)
        weights, field = np.empty(100), np.empty(100)
        perceptrons.train(patterns, labels[1], perceptrons.HEBB, 1, 0.0, stream(k), weights)
        perceptrons.fields(patterns, weights, field)
        readout, message = np.where(field > 0, 1, -1), labels[0].astype(int)
        values.append(measures.memory(measures.binary_counts(readout @ message, message.sum(), readout.sum(), 100)))
    assert within(np.array(values), 0.0, 2e-3)


def test_observables_from_their_definitions() -> None:
    model = Perceptron(inputs=9, load=2.2, epochs=30)
    got = {k: v[0] for k, v in model.simulate(stream("d"), stream("n")[None]).items()}
    patterns, labels = draw(stream("d"), model)
    weights = np.empty((3, 9))
    for c in range(3):
        perceptrons.train(patterns, labels[c // 2], 0, 30, 1.0, jumped(stream("n"), c), weights[c])
    unit = weights / np.linalg.norm(weights, axis=1, keepdims=True)
    assert got["coherence"] == pytest.approx(abs(unit[0] @ unit[1]), abs=1e-12)
    assert got["blind_coherence"] == pytest.approx(abs(unit[0] @ unit[2]), abs=1e-12)
    out = np.where(patterns @ weights.T > 0, 1, -1)
    assert got["error_rate"] == pytest.approx((out[:, 0] != labels[0]).mean(), abs=1e-12)
    assert got["stability"] == pytest.approx((labels[0] * (patterns @ unit[0])).min(), abs=1e-12)


def test_copy_a_does_not_depend_on_copies() -> None:
    model = Perceptron.tiny()
    three = model.simulate(stream("d"), stream("n")[None])
    one = dataclasses.replace(model, copies=1).simulate(stream("d"), stream("n")[None])
    for name in set(one) - {"coherence", "blind_coherence"}:
        assert one[name].tobytes() == three[name].tobytes()
    assert np.isnan(one["coherence"]).all()


def test_a_single_pattern_has_no_message_entropy() -> None:
    got = Perceptron(inputs=5, load=0.2).simulate(stream("d"), stream("n")[None])
    assert np.isnan(got["memory"]).all()
    assert got["learned"].all()


def test_too_large_a_program_is_refused() -> None:
    with pytest.raises(InputError, match="lower load or inputs"):
        Perceptron(inputs=4096, load=2.0)


def test_no_pattern_is_refused() -> None:
    with pytest.raises(InputError, match="rounds to no pattern"):
        Perceptron(inputs=50, load=1e-4)
