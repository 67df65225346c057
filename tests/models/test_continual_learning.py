"""Continual learning: gradients of regularisers, Fisher information, and every observable against numpy."""

import dataclasses
import hashlib
import math

import numpy as np
import pytest

from isinglass import InputError, measures
from isinglass.kernels import backprop, continual
from isinglass.kernels.streams import jumped
from isinglass.models.continual_learning import REGULARISERS, ContinualLearning, draw, kept, kernel_alignment

PARAMETERS = {"inputs": 5, "hidden": 4, "patterns_a": 9, "patterns_b": 7}
KINDS = sorted(set(REGULARISERS) - {"none"})


def stream(*name: object) -> np.ndarray:
    return np.frombuffer(hashlib.blake2b(repr(name).encode(), digest_size=32).digest(), dtype=np.uint64).copy()


def once(model: ContinualLearning, *name: object) -> dict[str, float]:
    return {k: v[0] for k, v in model.simulate(stream(*name), stream("n", *name)[None]).items()}


def split(theta: np.ndarray, inputs: int, hidden: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Units (H, d+1) with their biases, v, c."""
    w, b, v, c = np.split(theta, [hidden * inputs, hidden * (inputs + 1), hidden * (inputs + 2)])
    return np.hstack([w.reshape(hidden, inputs), b[:, None]]), v, c[0]


def output(theta: np.ndarray, patterns: np.ndarray, hidden: int) -> np.ndarray:
    units, v, c = split(theta, patterns.shape[1], hidden)
    return np.tanh(patterns @ units[:, :-1].T + units[:, -1]) @ v + c


def unit(w: np.ndarray) -> np.ndarray:
    return w / np.linalg.norm(w, axis=1, keepdims=True)


def penalty(
    kind: str, theta: np.ndarray, start: np.ndarray, information: np.ndarray, inputs: int, hidden: int
) -> float:
    """R from its definition."""
    now, then = (split(t, inputs, hidden)[0] for t in (theta, start))
    many = hidden * (inputs + 1)
    if kind == "l2":
        return 0.5 * float(((now - then) ** 2).sum())
    if kind in ("ewc", "ewc_all"):
        change = 0.5 * information * (theta - start) ** 2
        return float(change.sum() if kind == "ewc_all" else change[:many].sum())
    if kind == "temporal":
        return float((1 - (unit(now) * unit(then)).sum(axis=1)).sum())
    cosine = unit(now) @ unit(now).T
    off = cosine[~np.eye(hidden, dtype=bool)]
    return float((off**2).sum() if kind == "orthogonal" else -off.sum()) / (hidden - 1)


def pull(
    kind: str, theta: np.ndarray, start: np.ndarray, information: np.ndarray, inputs: int, hidden: int
) -> np.ndarray:
    """Gradient of 0.7 R + (0.3/2)(|v - v_A|² + (c - c_A)²) by the kernel."""
    before, scratch, pulls = (np.empty((hidden, inputs + 1)) for _ in range(3))
    continual.units(start, inputs, before, np.empty(hidden))
    slope = np.zeros(theta.size)
    continual.regularise(REGULARISERS[kind], 0.7, 0.3, theta, start, information, before, scratch, pulls, slope)
    return slope


@pytest.mark.parametrize("kind", KINDS)
def test_the_pull_is_that_of_finite_differences(kind: str) -> None:
    inputs, hidden = 5, 4
    rng = np.random.default_rng(1)
    start = rng.normal(size=backprop.parameter_count(inputs, hidden))
    theta, information = start + rng.normal(size=start.size), rng.random(start.size)

    def value(t: np.ndarray) -> float:
        readout = ((t - start)[hidden * (inputs + 1) :] ** 2).sum()
        return 0.7 * penalty(kind, t, start, information, inputs, hidden) + 0.15 * float(readout)

    h = 1e-5 * np.eye(theta.size)
    exact = np.array([(value(theta + e) - value(theta - e)) / 2e-5 for e in h])
    np.testing.assert_allclose(pull(kind, theta, start, information, inputs, hidden), exact, atol=1e-8)


def test_fisher_information_is_that_of_the_models_labels() -> None:
    """Mean over patterns of Σ_y p(y|x) (∂ ln p(y|x))², the gradient of one pattern by finite differences."""
    inputs, hidden, count = 5, 4, 6
    rng = np.random.default_rng(2)
    theta, x = rng.normal(size=backprop.parameter_count(inputs, hidden)), rng.normal(size=(count, inputs))
    got = np.empty(theta.size)
    continual.fisher(theta, x, np.ascontiguousarray(x.T), hidden, got)

    def log_p(t: np.ndarray, y: float) -> np.ndarray:
        return -np.logaddexp(0, -y * output(t, x, hidden))

    exact = np.zeros(theta.size)
    for k, e in enumerate(1e-5 * np.eye(theta.size)):
        for y in (-1.0, 1.0):
            slope = (log_p(theta + e, y) - log_p(theta - e, y)) / 2e-5
            exact[k] += (np.exp(log_p(theta, y)) * slope**2).mean()
    np.testing.assert_allclose(got, exact, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("optimiser", ["adam", "momentum"])
@pytest.mark.parametrize("kind", ["none", *KINDS])
def test_observables_from_their_definitions(kind: str, optimiser: str) -> None:
    """A run in numpy: both tasks, 15 steps each, gradient of the loss from the tested kernel."""
    model = ContinualLearning(
        **PARAMETERS, regulariser=kind, strength=0.3, anchor=0.1, optimiser=optimiser, rate=0.05, steps=15
    )
    tasks = draw(stream("d"), model)
    information, afters, befores, cosines = np.empty(29), [], [], []

    def slope(t: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        g, scratch = np.empty(t.size), [np.empty((4, len(x))), np.empty((4, len(x))), np.empty(len(x))]
        backprop.gradient(t, x, np.ascontiguousarray(x.T), y, *scratch, g)
        return g

    for copy in range(3):
        theta = np.empty(29)
        backprop.initialise(jumped(stream("n", "d"), copy), 5, 4, theta)
        labels = tasks.labels[copy // 2]
        for task in (0, 1):
            start, first, second = theta.copy(), np.zeros(29), np.zeros(29)
            continual.fisher(start, tasks.patterns, np.ascontiguousarray(tasks.patterns.T), 4, information)
            for step in range(1, 16):
                g = slope(theta, *((tasks.later, tasks.later_labels) if task else (tasks.patterns, labels)))
                if task:
                    old = slope(theta, tasks.patterns, labels)
                    if copy == 0:
                        cosines.append(measures.cosine(g, old))
                    before, a, b = (np.empty((4, 6)) for _ in range(3))
                    continual.units(start, 5, before, np.empty(4))
                    g = g.copy()
                    continual.regularise(REGULARISERS[kind], 0.3, 0.1, theta, start, information, before, a, b, g)
                if optimiser == "adam":
                    first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g * g
                    theta = theta - 0.05 * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
                else:
                    first = 0.9 * first - 0.05 * g
                    theta = theta + first
        befores.append(start)
        afters.append(theta)
    got = once(model, "d")
    now, then = (unit(split(t[0], 5, 4)[0]) for t in (afters, befores))
    f = output(afters[0], tasks.patterns, 4)
    assert got["accuracy_a"] == pytest.approx((f * tasks.labels[0] > 0).mean())
    assert got["accuracy_b"] == pytest.approx((output(afters[0], tasks.later, 4) * tasks.later_labels > 0).mean())
    assert got["bits_a"] == pytest.approx(kept(tasks.labels[0], f)[1])
    assert got["bits_retained"] == pytest.approx(got["bits_a"] + got["bits_b"])
    assert got["unit_overlap"] == pytest.approx((now * then).sum(axis=1).mean(), abs=1e-9)
    assert got["mutual_alignment"] == pytest.approx((now @ now.T)[~np.eye(4, dtype=bool)].mean(), abs=1e-9)
    assert got["gradient_cosine"] == pytest.approx(np.mean(cosines), abs=1e-9)
    probed = [output(t, tasks.probes.T, 4) for t in afters]
    assert got["coherence"] == pytest.approx(abs(measures.cosine(probed[0], probed[1])), abs=1e-9)
    assert got["blind_coherence"] == pytest.approx(abs(measures.cosine(probed[0], probed[2])), abs=1e-9)


def test_kernel_alignment_is_that_of_the_definition() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(4, 9)), rng.normal(size=(6, 9))
    centre = np.eye(9) - 1 / 9
    k, m = centre @ x.T @ x @ centre, centre @ y.T @ y @ centre
    assert kernel_alignment(x, y) == pytest.approx((k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum()), rel=1e-12)
    assert kernel_alignment(x, 3 * x + 1) == pytest.approx(1, rel=1e-12)


def test_with_a_strong_anchor_nothing_moves() -> None:
    """λ large for L2: W and b stay, and so does v, c with κ; A is then kept as it was."""
    model = ContinualLearning(inputs=10, hidden=8, patterns_a=20, patterns_b=20, regulariser="l2", copies=1)
    held = dataclasses.replace(model, strength=1e3, anchor=1e3, rate=1e-4, steps=2000, optimiser="adam")
    got = once(held, "held")
    assert got["unit_overlap"] > 0.9999
    assert got["kernel_alignment"] > 0.9999
    assert got["accuracy_a"] == pytest.approx(got["accuracy_a_before"], abs=0.051)


@pytest.mark.parametrize("family", ["random", "teacher"])
def test_both_tasks_are_learnt(family: str) -> None:
    for optimiser, rate in (("adam", 0.005), ("momentum", 0.5)):
        got = once(ContinualLearning(family=family, optimiser=optimiser, rate=rate, copies=1), family)
        assert got["accuracy_a_before"] == 1
        assert got["accuracy_b"] == 1
        assert got["bits_a_before"] == pytest.approx(100, abs=3)
        assert math.isnan(got["fresh_accuracy_a"]) == (family == "random")


def test_the_second_teacher_is_the_first_permuted() -> None:
    model = ContinualLearning(inputs=3, hidden=2, patterns_a=4000, patterns_b=4000, family="teacher")
    tasks = draw(stream("teacher"), model)
    u = np.linalg.lstsq(tasks.patterns, tasks.labels[0], rcond=None)[0]
    u_later = np.linalg.lstsq(tasks.later, tasks.later_labels, rcond=None)[0]
    np.testing.assert_allclose(np.sort(u), np.sort(u_later), atol=0.08)  # 0.013 a component: 4 standard errors of both
    assert abs(measures.cosine(tasks.labels[0], tasks.labels[1])) < 1


def test_what_is_kept() -> None:
    """All of it, nothing, and the wrong way round; the correction for finite samples is 1/(2P ln 2) a pattern."""
    y = np.array([1.0, -1.0] * 50)
    assert kept(y, y)[0] == 1
    assert kept(y, y)[1] == pytest.approx(100 + 1 / (2 * math.log(2)))
    assert kept(y, y)[2] == 1
    assert kept(y, -y) == (0, 0, 0)
    rng = np.random.default_rng(4)
    null = np.array([kept(y, rng.permutation(y))[1] for _ in range(400)])
    counts = np.array([measures.mutual_information(measures.binary_counts(s, 0, 0, 100)) for s in range(-20, 24, 4)])
    assert counts.min() < 0 < null.mean() < 1.5  # one side of the null is cut off


def test_memory_of_permuted_labels_is_nothing() -> None:
    """Before the one side is cut off: 4 standard errors of 400 and a bias of 2e-3."""
    rng = np.random.default_rng(5)
    y = np.array([1, -1] * 50)
    values = []
    for _ in range(400):
        z = rng.permutation(y)
        values.append(measures.memory(measures.binary_counts(y @ z, 0, 0, 100)))
    assert abs(np.mean(values)) < 4 * np.std(values) / 20 + 2e-3


def test_divergence_is_flagged() -> None:
    model = ContinualLearning(**PARAMETERS, regulariser="l2", strength=1e6, optimiser="momentum", rate=0.5, steps=200)
    got = once(model, "far")
    assert got["converged"] == 0
    for name in ("bits_retained", "memory", "coherence", "gradient_cosine"):
        assert math.isnan(got[name])
    assert got["bits_a_before"] > 0


def test_points_that_share_a_sample_share_the_network_after_a() -> None:
    models = [ContinualLearning(**PARAMETERS, regulariser=r, steps=10) for r in ("none", "l2", "mutual")]
    disorder, noise = np.stack([stream("d")] * 3), np.stack([np.stack([stream("n"), stream("m")])] * 3)
    together = ContinualLearning.simulate_batch(models, disorder, noise)
    for k, model in enumerate(models):
        alone = model.simulate(stream("d"), noise[k])
        for name in alone:
            assert together[name][k].tobytes() == alone[name].tobytes()
    assert len(np.unique(together["bits_a_before"], axis=0)) == 1


def test_too_many_patterns_are_refused() -> None:
    with pytest.raises(InputError, match="lower patterns_a"):
        ContinualLearning(patterns_a=65536, inputs=4096)


def several(count: int, **changed: object) -> dict[str, np.ndarray]:
    """Observables (sample,) of small networks."""
    rows = [once(ContinualLearning(**{**PARAMETERS, **changed}), k) for k in range(count)]  # type: ignore[arg-type]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def test_a_first_task_that_diverged_counts_as_divergence() -> None:
    got = several(16, optimiser="momentum", rate=300.0, steps=60)
    lost = got["converged"] == 0
    assert lost.any()
    for name in ("bits_retained", "memory", "accuracy_b"):
        assert np.isnan(got[name][lost]).all(), name
    assert np.isnan(got["accuracy_a_before"][lost]).any()
    assert np.isfinite(got["bits_retained"][~lost]).all()


def test_labels_all_alike_are_no_message() -> None:
    """Two labels: NaN where they are equal, also where the network has them wrong."""
    got = several(24, patterns_a=2, steps=10)
    alike = [len(set(draw(stream(k), ContinualLearning(**{**PARAMETERS, "patterns_a": 2})).labels[0])) == 1
             for k in range(24)]  # fmt: skip
    assert 0 < sum(alike) < 24
    assert np.isnan(got["memory"]).tolist() == alike
