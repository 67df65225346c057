"""Backpropagation against finite differences, plain numpy, Cover's limit and the prototype's table."""

import dataclasses
import hashlib
import math

import numpy as np
import pytest

from isinglass import InputError, catalog, measures
from isinglass.kernels import backprop
from isinglass.kernels.streams import jumped
from isinglass.models import perceptron
from isinglass.models.multilayer_perceptron import MultilayerPerceptron, draw


def stream(*name: object) -> np.ndarray:
    return np.frombuffer(hashlib.blake2b(repr(name).encode(), digest_size=32).digest(), dtype=np.uint64).copy()


def samples(model: MultilayerPerceptron, count: int, name: str = "test") -> dict[str, np.ndarray]:
    """Observables (sample, ...)."""
    disorder = np.stack([stream(name, k) for k in range(count)])
    noise = np.stack([stream(name, "noise", k) for k in range(count)])[:, None]
    return {k: x[:, 0] for k, x in MultilayerPerceptron.simulate_batch([model] * count, disorder, noise).items()}


def output(theta: np.ndarray, patterns: np.ndarray, hidden: int) -> np.ndarray:
    """f (P,) by numpy from its definition."""
    d = patterns.shape[1]
    w, b, v, c = np.split(theta, [hidden * d, hidden * (d + 1), hidden * (d + 2)])
    return np.tanh(patterns @ w.reshape(hidden, d).T + b) @ v + c[0]


def loss(theta: np.ndarray, patterns: np.ndarray, labels: np.ndarray, hidden: int) -> float:
    return float(np.logaddexp(0, -labels * output(theta, patterns, hidden)).mean())


def problem(patterns: int, inputs: int, hidden: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng([patterns, inputs, hidden])
    theta = rng.normal(size=backprop.parameter_count(inputs, hidden))
    return theta, rng.normal(size=(patterns, inputs)), rng.choice([-1.0, 1.0], patterns)


def slope(theta: np.ndarray, x: np.ndarray, y: np.ndarray, hidden: int) -> tuple[float, np.ndarray]:
    out = np.empty(theta.size)
    scratch = [np.empty((hidden, len(x))), np.empty((hidden, len(x))), np.empty(len(x))]
    return backprop.gradient(theta, x, np.ascontiguousarray(x.T), y, *scratch, out), out


def test_tanh_to_rounding() -> None:
    x = np.concatenate([np.linspace(-30, 30, 100001), np.geomspace(1e-300, 1, 100), [0.0, -0.0, 1e300, -np.inf]])
    got = x.copy()
    backprop.tanh(got, np.empty_like(got))
    np.testing.assert_allclose(got, np.tanh(x), atol=4e-16, rtol=0)
    bad = np.array([np.nan])
    backprop.tanh(bad, np.empty(1))
    assert np.isnan(bad).all()


@pytest.mark.parametrize("shape", [(1, 1, 1), (4, 4, 4), (7, 5, 3), (9, 8, 13)])
def test_products(shape: tuple[int, int, int]) -> None:
    n, k, m = shape
    rng = np.random.default_rng(1)
    a, b, out = rng.normal(size=(n, k)), rng.normal(size=(k, m)), rng.normal(size=(n, m))
    want = out + a @ b
    backprop.multiply(a, b, out)
    np.testing.assert_allclose(out, want, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("shape", [(1, 1, 1), (6, 3, 2), (17, 5, 7)])
def test_the_gradient_is_that_of_finite_differences(shape: tuple[int, int, int]) -> None:
    """Central differences: their error falls as the square of the step, slope 2 on a log scale to 0.05."""
    hidden = shape[2]
    theta, x, y = problem(*shape)
    value, got = slope(theta, x, y, hidden)
    assert value == pytest.approx(loss(theta, x, y, hidden), rel=1e-13)

    def difference(h: float) -> np.ndarray:
        steps = h * np.eye(theta.size)
        return np.array([loss(theta + s, x, y, hidden) - loss(theta - s, x, y, hidden) for s in steps]) / (2 * h)

    wide, narrow = (np.abs(difference(h) - got).max() for h in (2e-2, 1e-2))
    assert math.log2(wide / narrow) == pytest.approx(2, abs=0.05)
    np.testing.assert_allclose(difference(1e-5), got, atol=1e-9)


def test_a_large_wrong_output_has_a_finite_gradient() -> None:
    theta, x, _ = problem(5, 3, 2)
    theta[-1] = 1e4
    value, got = slope(theta, x, -np.ones(5), 2)
    assert value == pytest.approx(loss(theta, x, -np.ones(5), 2), rel=1e-12)
    assert got[-1] == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("optimiser", ["adam", "momentum"])
def test_training_is_that_of_its_definition(optimiser: str) -> None:
    """20 steps against numpy with a gradient by plain backpropagation."""
    model = MultilayerPerceptron(inputs=5, hidden=3, load=0.8, optimiser=optimiser, rate=0.05, steps=20, copies=3)
    got = {k: v[0] for k, v in model.simulate(stream("d"), stream("n")[None]).items()}
    task = draw(stream("d"), model)
    thetas = []
    for copy in range(3):
        theta = np.empty(model.size)
        backprop.initialise(jumped(stream("n"), copy), 5, 3, theta)
        first, second = np.zeros(model.size), np.zeros(model.size)
        for step in range(1, 21):
            g = slope(theta, task.patterns, task.labels[copy // 2], 3)[1]
            if optimiser == "adam":
                first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g * g
                theta = theta - 0.05 * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
            else:
                first = 0.9 * first - 0.05 * g
                theta = theta + first
        thetas.append(theta)
    y = task.labels[0]
    learned = [np.where(output(t, task.patterns, 3) > 0, 1, -1) for t in thetas]
    probed = [output(t, task.probes.T, 3) for t in thetas]
    assert got["loss"] == pytest.approx(loss(thetas[0], task.patterns, y, 3), rel=1e-9)
    assert got["accuracy"] == pytest.approx((learned[0] == y).mean(), abs=1e-12)
    assert got["accuracy_trace"][-1] == got["accuracy"]
    assert got["coherence"] == pytest.approx(abs(measures.cosine(probed[0], probed[1])), abs=1e-9)
    assert got["blind_coherence"] == pytest.approx(abs(measures.cosine(probed[0], probed[2])), abs=1e-9)


@pytest.mark.parametrize("hidden", [5, 10])
def test_accuracy_is_that_of_the_prototype(hidden: int) -> None:
    """Its numbers have no errors: 4 of our standard errors and the last digit, plus 0.01 for its unknown ones."""
    table = catalog.reference("mlp.accuracy")
    for load, exact in zip(table.column("load"), table.column(f"accuracy_hidden_{hidden}"), strict=True):
        got = samples(MultilayerPerceptron(hidden=hidden, load=load, copies=1), 6)["accuracy"]
        assert abs(got.mean() - exact) < 4 * got.std(ddof=1) / math.sqrt(6) + 0.01


def test_one_unit_stores_no_more_than_a_separating_plane() -> None:
    """H = 1: whatever it stores is separable with a threshold (a constant input)."""
    stored = 0
    for k in range(20):
        model = MultilayerPerceptron(inputs=8, hidden=1, load=1.2, rate=0.05, copies=1)
        got = model.simulate(stream("one", k), stream("n", k)[None])
        task = draw(stream("one", k), model)
        widened = np.hstack([task.patterns, np.ones((model.stored, 1))])
        if got["accuracy"][0] == 1:
            stored += 1
            assert perceptron.separable(widened, task.labels[0])
    assert stored > 0


def test_perfect_recall_is_all_the_message() -> None:
    got = samples(MultilayerPerceptron(hidden=10, load=0.5, copies=1), 4)
    assert (got["accuracy"] == 1).all()
    assert (got["memory"] == 1).all()
    assert (got["stored_bits"] == 110).all()
    assert got["converged"].all()


def test_nothing_is_known_of_labels_never_learnt() -> None:
    """Memory of the other message, 4 standard errors of 60 samples and a bias of 2e-3."""
    values = []
    model = MultilayerPerceptron(inputs=10, hidden=4, load=2.0, steps=100, copies=1)
    for k in range(60):
        task = draw(stream("null", k), model)
        theta = np.empty(model.size)
        backprop.initialise(stream("n", k), 10, 4, theta)
        backprop.train(
            theta, task.patterns, task.labels[1], 4, True, 0.01, 0.9, np.array([100]), np.empty(1, int), np.empty(1)
        )
        readout, y = np.where(output(theta, task.patterns, 4) > 0, 1, -1), task.labels[0].astype(int)
        values.append(measures.memory(measures.binary_counts(readout @ y, y.sum(), readout.sum(), model.stored)))
    values = np.array(values)
    assert abs(values.mean()) < 4 * values.std(ddof=1) / math.sqrt(60) + 2e-3


def test_copy_a_does_not_depend_on_copies() -> None:
    model = MultilayerPerceptron.tiny()
    three = model.simulate(stream("d"), stream("n")[None])
    one = dataclasses.replace(model, copies=1).simulate(stream("d"), stream("n")[None])
    for name in set(one) - {"coherence", "blind_coherence"}:
        assert one[name].tobytes() == three[name].tobytes()


def test_too_many_patterns_are_refused() -> None:
    with pytest.raises(InputError, match="lower load"):
        MultilayerPerceptron(inputs=4096, hidden=100, load=1.0)


def test_stored_bits() -> None:
    np.testing.assert_allclose(measures.stored_bits([0.0, 0.5, 0.9, 0.11], 100), [100, 0, 0, 50.01], atol=0.01)


def test_no_pattern_is_refused() -> None:
    with pytest.raises(InputError, match="rounds to no pattern"):
        MultilayerPerceptron(inputs=20, load=1e-4)


def test_a_loss_that_grew_is_divergence() -> None:
    """Far too large a rate: no number of such a run enters a mean, and it has not converged."""
    got = samples(MultilayerPerceptron(hidden=8, load=1, optimiser="momentum", rate=100.0, steps=64), 8)
    lost = np.isnan(got["loss"])
    assert lost.any()
    for name in ("accuracy", "memory", "stored_bits", "coherence"):
        assert np.isnan(got[name][lost]).all(), name
    assert np.isnan(got["accuracy_trace"][lost]).all()
    assert not got["converged"][lost].any()
    assert np.isfinite(got["realised_load"]).all()
    assert (got["loss"][~lost] <= 2).all()
