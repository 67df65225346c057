"""The oscillator memory against its Jacobian, closed forms for one pattern, and a plain run of its definitions."""

import dataclasses
import hashlib
import math

import numpy as np
import pytest

from isinglass import catalog
from isinglass.kernels import second_harmonic
from isinglass.kernels.streams import jumped
from isinglass.models.base import parameters
from isinglass.models.oscillator_memory import OscillatorMemory, _read, readout, store
from isinglass.theory import kuramoto
from isinglass.theory import oscillator_memory as theory


def stream(*name: object) -> np.ndarray:
    return np.frombuffer(hashlib.blake2b(repr(name).encode(), digest_size=32).digest(), dtype=np.uint64).copy()


def samples(model: OscillatorMemory, count: int) -> dict[str, np.ndarray]:
    """Observables (sample,)."""
    rows = [model.simulate(stream("test", k), stream("noise", k)[None]) for k in range(count)]
    return {name: np.stack([row[name][0] for row in rows]) for name in rows[0]}


def within(values: np.ndarray, exact: float, extra: float = 0.0) -> bool:
    """4 standard errors of the mean: false alarm 6e-5 for many values, 1e-3 for 16 (Student)."""
    return bool(abs(values.mean() - exact) < 4 * values.std(ddof=1) / math.sqrt(len(values)) + extra)


def follow(
    signs: np.ndarray,
    theta: np.ndarray,
    times: list[int],
    dt: float = 0.05,
    second: float = 0.4,
    omega: np.ndarray | float = 0.0,
    strength: float = 0.0,
    frequency: float = 0.0,
    cue: np.ndarray | None = None,
) -> np.ndarray:
    """States (times, N) of the kernel after so many steps."""
    n = theta.size
    half = np.zeros(n) + omega * dt / 2
    history = np.empty((len(times), n), complex)
    cue = np.ones(n) if cue is None else cue
    second_harmonic.run(
        signs, second, strength, frequency, cue, dt, 0, times[-1], np.cos(half), np.sin(half), np.cos(theta),
        np.sin(theta), np.zeros(n), np.array(times), history,
    )  # fmt: skip
    return history


def plain(
    signs: np.ndarray,
    theta: np.ndarray,
    steps: int,
    dt: float,
    second: float,
    omega: np.ndarray,
    strength: float,
    frequency: float,
    cue: np.ndarray,
) -> np.ndarray:
    """e^{iθ} after Runge-Kutta steps in θ, from the couplings as a matrix and sines."""
    n = theta.size
    couplings = signs.T @ signs / n
    np.fill_diagonal(couplings, 0)

    def rate(t: float, theta: np.ndarray) -> np.ndarray:
        apart = theta - theta[:, None]
        pull = strength * np.sin(frequency * t + np.where(cue > 0, 0, np.pi) - theta)
        both = (couplings * np.sin(apart)).sum(axis=1) + second / n * np.sin(2 * apart).sum(axis=1)
        return np.asarray(omega + both + pull)

    for k in range(steps):
        t = k * dt
        k1 = rate(t, theta)
        k2 = rate(t + dt / 2, theta + dt / 2 * k1)
        k3 = rate(t + dt / 2, theta + dt / 2 * k2)
        theta = theta + dt / 6 * (k1 + 2 * k2 + 2 * k3 + rate(t + dt, theta + dt * k3))
    return np.asarray(np.exp(1j * theta))


def network(n: int, p: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Patterns, phases, frequencies, a cue."""
    rng = np.random.default_rng(n)
    signs = rng.choice([-1.0, 1.0], (p, n))
    return signs, rng.uniform(0, 2 * np.pi, n), rng.normal(size=n), rng.choice([-1.0, 1.0], n)


# The kernel


def test_it_is_runge_kutta_in_the_phases() -> None:
    """100 steps to 1e-9, with frequencies and drive; the two differ by their own errors of order dt⁴."""
    signs, theta, omega, cue = network(40, 3)
    ends = follow(signs, theta, [100], 0.01, 0.4, omega, 0.3, 0.7, cue)[0]
    np.testing.assert_allclose(ends, plain(signs, theta, 100, 0.01, 0.4, omega, 0.3, 0.7, cue), rtol=0, atol=1e-9)


def test_the_step_is_of_fourth_order() -> None:
    signs, theta, omega, cue = network(40, 3)
    exact = follow(signs, theta, [960], 1 / 480, 0.4, omega, 0.3, 0.7, cue)[0]
    errors = [
        abs(follow(signs, theta, [2 * m], 1 / m, 0.4, omega, 0.3, 0.7, cue)[0] - exact).max() for m in (8, 16, 32)
    ]
    slopes = -np.diff(np.log2(errors))
    assert (abs(slopes - 4) < 0.5).all(), slopes


# Exact results


@pytest.mark.parametrize("second", [0.0, 0.1, 0.6])
def test_small_deviations_grow_as_the_jacobian_says(second: float) -> None:
    """Along the top eigenvector of a pattern, of a sample: rate 2(ε_s - ε) to 1e-4."""
    signs = network(60, 6)[0]
    values, vectors = np.linalg.eigh(theory.jacobian(signs, signs[0]) - 1.0)
    top = vectors[:, -1]
    assert values[-1] / 2 == pytest.approx(theory.stability_limit(signs, signs[0]), abs=1e-12)
    theta = np.where(signs[0] > 0, 0, np.pi) + 1e-6 * top
    states = follow(signs, theta, [40, 80], second=second) * signs[0]
    size = np.log(np.angle(states) @ top)
    assert (size[1] - size[0]) / 2.0 == pytest.approx(2 * (theory.stability_limit(signs, signs[0]) - second), abs=1e-4)


def test_the_jacobian_is_the_boundary_of_the_same_samples() -> None:
    """8 patterns, 5 % above and below ε_s: the sum of squared deviations, 0.001 rad each at first, shrinks or grows."""
    for k in range(8):
        signs = store(stream("edge", k), 100, 10)[0]
        limit = theory.stability_limit(signs, signs[0])
        theta = np.where(signs[0] > 0, 0, np.pi) + 1e-3 * np.random.default_rng(k).normal(size=100)
        for factor, stable in ((1.05, True), (0.95, False)):
            states = follow(signs, theta, [2000, 4000], 0.2, factor * limit) * signs[0]
            turned = states * np.exp(-1j * np.angle(states.mean(axis=1)))[:, None]
            spread = (np.angle(turned) ** 2).mean(axis=1)
            assert (spread[1] < 1e-7) == stable
            assert (spread[1] < spread[0]) == stable


def test_a_frozen_cue_gains_exactly_nothing() -> None:
    """ε above the limit of the cue itself: the readout is the cue, bit by bit."""
    model = OscillatorMemory(load=0.05, second=1.0, cue=0.6, copies=1, equilibration=300, steps=20)
    got = samples(model, 6)
    np.testing.assert_array_equal(got["recall_gain"], 0)
    np.testing.assert_array_equal(got["cue_overlap"], 1)
    np.testing.assert_allclose(got["second_order"], 1, atol=1e-6)
    assert got["converged"].all()


@pytest.mark.parametrize("second", [0.2, 0.45, 0.55])
def test_one_pattern_turns_as_a_whole(second: float) -> None:
    """The angle between flipped and other oscillators, cues of two overlaps: the closed equation, to 1e-6."""
    for flips in (10, 25):
        signs = np.ones((1, 100))
        theta = np.zeros(100)
        theta[:flips] = np.pi - 0.3
        states = follow(signs, theta, [40, 100, 200], 0.05, second)
        apart = np.angle(states[:, 0] / states[:, -1])
        exact = theory.one_pattern_turn([0, 2, 5, 10], np.pi - 0.3, second)[1:]
        np.testing.assert_allclose(np.exp(1j * apart), np.exp(1j * exact), atol=1e-6)


@pytest.mark.parametrize("cue", [0.5, 0.8])
def test_one_pattern_freezes_at_one_half_whatever_the_cue(cue: float) -> None:
    """Between m_cue/2, where a single flipped one stops to leave, and 1/2 the cue is still recalled."""
    model = OscillatorMemory(load=1 / 300, second=0.45, cue=cue, copies=1, time_step=0.2, equilibration=1000)
    got = samples(model, 4)
    np.testing.assert_array_equal(got["recall_overlap"], 1)
    np.testing.assert_array_equal(got["memory"], 1)
    frozen = samples(dataclasses.replace(model, second=0.55), 4)
    np.testing.assert_array_equal(frozen["recall_gain"], 0)


def test_a_driven_pattern_follows_adler() -> None:
    """All as one: φ' = Ω - F sin φ, locked below F."""
    signs, cue = network(50, 1)[0], network(50, 1)[0][0]
    theta = np.where(cue > 0, 0.0, np.pi) - 2.0
    states = follow(signs, theta, [20, 60, 200], 0.05, 0.3, 0.0, 0.4, 0.25, cue) * cue
    t = np.array([1.0, 3.0, 10.0])
    behind = 0.25 * t - np.angle(states[:, 0])
    np.testing.assert_allclose(np.exp(1j * behind), np.exp(1j * theory.adler(t, 2.0, 0.4, 0.25)), atol=1e-6)


def test_one_pattern_with_frequencies_is_kuramoto() -> None:
    """ε = 0, P = 1: r of Gaussian frequencies at K = 1, N = 2000; 4 standard errors of 8 samples and 0.005."""
    model = OscillatorMemory(
        oscillators=2000, load=1 / 2000, second=0.0, spread=0.4, cue=1.0, copies=1, equilibration=1000, steps=200
    )
    exact = float(kuramoto.order_parameter(1.0, 0.4, frequencies="gaussian"))
    assert within(samples(model, 8)["phase_overlap"], exact, extra=0.005)


def test_the_wedge_of_the_card() -> None:
    """N = 300, cue 0.8: recall inside, failure below, frozen above; 8 samples, 4 standard errors and 0.02."""
    table = catalog.reference("oscillator_memory.wedge")
    columns = (table.column(name) for name in ("load", "second", "recall_overlap"))
    for load, second, overlap in zip(*columns, strict=True):
        model = OscillatorMemory(load=load, second=second, copies=1, time_step=0.2, equilibration=300)
        assert within(samples(model, 8)["recall_overlap"], overlap, extra=0.02), (load, second)
    failed = samples(OscillatorMemory(load=0.1, second=0.25, copies=1, time_step=0.2, equilibration=300), 8)
    assert failed["recall_overlap"].mean() < 0.6


# What is read


def test_perfect_recall_has_memory_one() -> None:
    got = samples(OscillatorMemory(load=1 / 300, second=0.2, cue=0.5, equilibration=600), 4)
    np.testing.assert_array_equal(got["memory"], 1)
    np.testing.assert_array_equal(got["recall_overlap"], 1)
    np.testing.assert_allclose(got["coherence"], 1, atol=1e-3)
    assert np.isnan(got["blind_coherence"]).all()


def test_memory_of_a_permuted_pattern_is_zero() -> None:
    """4 standard errors of 2000 readouts of N = 1000, and 1e-4."""
    rng = np.random.default_rng(0)
    message = rng.choice([-1.0, 1.0], 1000)
    shuffled = np.array([rng.permutation(message) for _ in range(2000)])
    products, memory = _read(message, shuffled.astype(np.int64))
    assert within(memory, 0.0, extra=1e-4)
    assert within(products / 1000, math.sqrt(2 / math.pi / 1000), extra=5e-4)


def test_the_readout_knows_no_turn() -> None:
    rng = np.random.default_rng(1)
    signs = rng.choice([-1, 1], 200)
    states = signs * np.exp(1j * (rng.normal(size=200) * 0.3 + np.linspace(0, 7, 15)[:, None]))
    assert (abs((readout(states) * signs).sum(axis=-1)) == 200).all()


def test_observables_are_their_definitions() -> None:
    """The three copies again by plain numpy from the same streams."""
    model = OscillatorMemory(
        oscillators=30, load=0.1, second=0.3, spread=0.4, drive=0.3, drive_frequency=0.5, cue=0.6, equilibration=6,
        steps=10, records=3, time_step=0.02, drive_ends="window",
    )  # fmt: skip
    got = {k: v[0] for k, v in model.simulate(stream("sample"), stream("n")[None]).items()}
    signs, omega = store(stream("sample"), 30, 3)
    assert omega.mean() == pytest.approx(0, abs=1e-14)
    paths, cues = [], []
    for c in range(3):
        cue, x, y = np.empty(30), np.empty(30), np.empty(30)
        second_harmonic.make_cue(jumped(stream("n"), c), signs[1 if c == 2 else 0], 6, 0.1, cue, x, y)
        theta = np.angle(x + 1j * y)
        theta = np.angle(plain(signs, theta, 6, 0.02, 0.3, 0.4 * omega, 0.3, 0.5, cue))
        paths.append([plain(signs, theta, k, 0.02, 0.3, 0.4 * omega, 0.0, 0.0, cue) for k in (3, 6, 10)])
        cues.append(cue)
    a, b, c = np.array(paths)
    states = readout(a)
    overlap, memory = _read(signs[0], states)[0] / 30, _read(signs[0], states)[1]
    expected = {
        "coherence": abs((a * b.conj()).mean(axis=1)).mean(),
        "blind_coherence": abs((a * c.conj()).mean(axis=1)).mean(),
        "memory": memory.mean(),
        "recall_overlap": overlap.mean(),
        "recall_gain": overlap.mean() - 0.6,
        "initial_overlap": 0.6,
        "final_overlap": abs(states[-1] @ signs[0]) / 30,
        "cue_overlap": abs(states @ cues[0]).mean() / 30,
        "phase_overlap": abs(a @ signs[0]).mean() / 30,
        "second_order": abs((a**2).mean(axis=1)).mean(),
        "realised_load": 0.1,
    }
    for name, value in expected.items():
        assert got[name] == pytest.approx(value, abs=1e-6), name


def test_the_cue_has_its_overlap() -> None:
    for cue in (-1.0, 0.0, 0.5, 1.0):
        got = samples(OscillatorMemory(oscillators=100, cue=cue, equilibration=0, steps=2, copies=1), 3)
        np.testing.assert_allclose(got["initial_overlap"], abs(cue), atol=1e-12)


def test_parameters_and_their_limits() -> None:
    quenched = {name for name, spec in parameters(OscillatorMemory).items() if spec.quenched}
    assert quenched == {"oscillators", "load"}
    with pytest.raises(ValueError, match=r"rounds to 0 patterns"):
        OscillatorMemory(load=0.001)
    with pytest.raises(ValueError, match=r"lower load or oscillators"):
        OscillatorMemory(oscillators=65536, load=1.0)
    with pytest.raises(ValueError, match=r"lower time_step"):
        OscillatorMemory(second=6.0)
    for wrong in ({"oscillators": 1}, {"load": 0.0}, {"second": -0.1}, {"cue": 1.1}, {"records": 1}, {"copies": 2}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            OscillatorMemory(**wrong)


def test_cost_orders_what_takes_longer() -> None:
    base = OscillatorMemory()
    dearer = [{"oscillators": 2000}, {"steps": 500}, {"load": 0.2}, {"equilibration": 800}]
    assert all(dataclasses.replace(base, **change).cost() > base.cost() for change in dearer)
    assert dataclasses.replace(base, copies=1).cost() < base.cost()


def test_a_drive_that_steps_cannot_follow_is_refused() -> None:
    """At Ω dt = 2π a drive would look like resonance."""
    with pytest.raises(ValueError, match="does not follow a drive"):
        OscillatorMemory(drive=0.2, drive_frequency=2 * np.pi / 0.1, time_step=0.1)
    OscillatorMemory(drive=0.0, drive_frequency=100.0)
