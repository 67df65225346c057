"""Kuramoto oscillators against plain Runge-Kutta in θ, closed forms, and a plain run of their definitions."""

import dataclasses
import hashlib
import math

import numpy as np
import pytest

from isinglass import catalog, measures
from isinglass.analysis.scaling import fitted
from isinglass.kernels import oscillators
from isinglass.kernels.streams import jumped
from isinglass.measures import crossings
from isinglass.models.base import parameters
from isinglass.models.kuramoto import Kuramoto, weights, written
from isinglass.theory import kuramoto as theory


def stream(*name: object) -> np.ndarray:
    return np.frombuffer(hashlib.blake2b(repr(name).encode(), digest_size=32).digest(), dtype=np.uint64).copy()


def noises(replicas: int, *name: object) -> np.ndarray:
    return np.stack([stream("noise", k, *name) for k in range(replicas)])


def samples(model: Kuramoto, count: int) -> dict[str, np.ndarray]:
    """Observables (sample,)."""
    rows = [model.simulate(stream("test", k), noises(1, k)) for k in range(count)]
    return {name: np.stack([row[name][0] for row in rows]) for name in rows[0]}


def within(values: np.ndarray, exact: float, extra: float = 0.0) -> bool:
    """4 standard errors of the mean: false alarm 6e-5 for many values, 1e-3 for 16 (Student)."""
    return bool(abs(values.mean() - exact) < 4 * values.std(ddof=1) / math.sqrt(len(values)) + extra)


def integrate(
    theta: np.ndarray, omega: np.ndarray, coupling: float, dt: float, steps: int, w: np.ndarray | None = None
) -> np.ndarray:
    """States e^{iθ} at the end, by the kernel without noise; `w` weights by distance."""
    n = theta.size
    spectrum, twiddles = (np.empty(0), np.empty((2, 0))) if w is None else oscillators.ring(w)
    x, y = np.cos(theta), np.sin(theta)
    none = np.empty(0, np.int64), np.empty((0, n), complex)
    oscillators.run(
        coupling, 0.0, dt, 0, steps, np.cos(omega * dt / 2), np.sin(omega * dt / 2), spectrum, twiddles, stream("s"),
        x, y, np.zeros(n), np.empty(steps), np.empty(steps), *none,
    )  # fmt: skip
    return x + 1j * y


def plain(theta: np.ndarray, omega: np.ndarray, matrix: np.ndarray, dt: float, steps: int) -> np.ndarray:
    """e^{iθ} by Runge-Kutta in θ with sines of the coupling matrix (N, N)."""

    def rate(t: np.ndarray) -> np.ndarray:
        return np.asarray(omega + (matrix * np.sin(t - t[:, None])).sum(axis=1))

    for _ in range(steps):
        k1 = rate(theta)
        k2 = rate(theta + dt / 2 * k1)
        k3 = rate(theta + dt / 2 * k2)
        theta = theta + dt / 6 * (k1 + 2 * k2 + 2 * k3 + rate(theta + dt * k3))
    return np.asarray(np.exp(1j * theta))


def population(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.uniform(0, 2 * np.pi, n), rng.normal(size=n)


def distances(n: int, w: np.ndarray) -> np.ndarray:
    return np.asarray(w[(np.arange(n)[:, None] - np.arange(n)) % n])


# The kernel


@pytest.mark.parametrize("exponent", [0.0, 1.3])
def test_without_trigonometry_it_is_runge_kutta_in_the_phases(exponent: float) -> None:
    """100 steps, to 1e-9; the two differ by their own errors of order dt⁴."""
    theta, omega = population(50)
    w = weights(50, exponent)
    ends = integrate(theta, omega, 1.5, 0.01, 100, w if exponent else None)
    np.testing.assert_allclose(ends, plain(theta, omega, 1.5 * distances(50, w), 0.01, 100), rtol=0, atol=1e-9)


def test_the_step_is_of_fourth_order() -> None:
    theta, omega = population(40)
    exact = integrate(theta, omega, 2.0, 1 / 640, 1280)
    errors = [abs(integrate(theta, omega, 2.0, 1 / m, 2 * m) - exact).max() for m in (10, 20, 40)]
    slopes = -np.diff(np.log2(errors))
    assert (abs(slopes - 4) < 0.4).all(), slopes


@pytest.mark.parametrize("n", [2, 3, 7, 16, 48, 100])
def test_the_convolution_is_the_sum(n: int) -> None:
    rng = np.random.default_rng(n)
    w = weights(n, 1.7)
    spectrum, twiddles = oscillators.ring(w)
    x, y, hx, hy = rng.normal(size=(4, n))
    oscillators.convolve(spectrum, twiddles, np.zeros((4, spectrum.size)), x, y, hx, hy)
    np.testing.assert_allclose(hx, distances(n, w) @ x, atol=1e-14)
    np.testing.assert_allclose(hy, distances(n, w) @ y, atol=1e-14)


def test_a_ring_of_exponent_zero_is_the_mean_field() -> None:
    theta, omega = population(64)
    w = weights(64, 0.0)
    np.testing.assert_allclose(w[1:], 1 / 64, rtol=1e-15)
    assert weights(64, 1e-9)[1:] == pytest.approx(w[1:], rel=1e-7)
    ring = integrate(theta, omega, 2.0, 0.05, 200, w)
    np.testing.assert_allclose(ring, integrate(theta, omega, 2.0, 0.05, 200), atol=1e-12)


def test_a_random_turn_has_the_moments_of_a_normal_angle() -> None:
    """⟨cos⟩, ⟨cos 2⟩ to O(variance³), 200 000 draws: 4 standard errors, 6e-5 each."""
    n, variance = 200_000, 0.09
    x, y = np.ones(n), np.zeros(n)
    oscillators.turn(stream("turn"), variance, np.empty(n // 2, np.uint64), x, y)
    assert within(x, math.exp(-variance / 2), extra=variance**3 / 30)
    assert within(2 * x * x - 1, math.exp(-2 * variance), extra=64 * variance**3 / 30)
    assert within(y, 0.0)
    assert within(x * y, 0.0)


def test_noise_is_of_second_weak_order() -> None:
    """N = 2, identical, aligned: ⟨cos(θ_1 - θ_2)⟩ by the operator that a step is on a grid of differences: slope 2.

    The kernel's own scheme for the difference δ (drift -K sin δ, noise 4D), without sampling: the exact transition of
    its three-valued turns, interpolated by Fourier.
    """
    K, D, n, t = 1.0, 0.5, 128, 1.0
    delta = 2 * np.pi * np.arange(n) / n
    wave = np.fft.fftfreq(n, 1 / n)

    def value(m: int) -> float:
        dt = t / m
        # of two oscillators, each turned with variance D dt per half step
        kernel = (2 / 3 + np.cos(wave * np.sqrt(3 * D * dt)) / 3) ** 2
        flow = 2 * np.arctan(np.tan(delta / 2) * np.exp(-K * dt))
        moved = np.exp(1j * np.outer(flow, wave)) / n
        f = np.cos(delta)
        for _ in range(m):
            f = np.fft.ifft(np.fft.fft(f) * kernel).real
            f = (moved @ np.fft.fft(f)).real
            f = np.fft.ifft(np.fft.fft(f) * kernel).real
        return float(f[0])

    fine = value(128)
    slopes = -np.diff(np.log2([abs(value(m) - fine) for m in (4, 8, 16)]))
    assert (abs(slopes - 2) < 0.25).all(), slopes
    # and the kernel does that: 4000 pairs, dt = 1/4; 4 standard errors, 6e-5
    model = Kuramoto(
        oscillators=2, frequencies="identical", coupling=K, noise=D, start="aligned", time_step=0.25,
        equilibration=2, steps=2, records=1, copies=1,
    )  # fmt: skip
    ends = model.simulate(stream("pair"), noises(4000))["order_trace"][:, 0]
    assert within(2 * ends**2 - 1, value(4))


# Physics


def test_order_parameter_is_the_table_of_the_card() -> None:
    """Lorentzian quantiles, N = 10^4, K >= 1.25: 0.002, as the card says; one run each."""
    table = catalog.reference("kuramoto.lorentzian.order_parameter")
    for K, r in zip(table.column("coupling"), table.column("order_parameter"), strict=True):
        model = Kuramoto(oscillators=10_000, draw="quantiles", coupling=K, time_step=0.1, copies=1)
        got = samples(dataclasses.replace(model, equilibration=600, steps=400, records=1), 1)
        assert got["order_parameter"][0] == pytest.approx(r, abs=0.002)
        assert got["order_parameter"][0] == pytest.approx(float(theory.order_parameter(K, 0.5)), abs=0.002)
        # within the window of 40 s slow ones look locked: 2π/40 rad/s about the edge
        assert got["locked_fraction"][0] == pytest.approx(float(theory.locked_fraction(K, 0.5)), abs=0.015)


@pytest.mark.parametrize("coupling", [1.7, 2.0, 3.0])
def test_gaussian_frequencies(coupling: float) -> None:
    model = Kuramoto(
        oscillators=4000, frequencies="gaussian", width=1.0, draw="quantiles", coupling=coupling, time_step=0.1,
        equilibration=600, steps=400, records=1, copies=1,
    )  # fmt: skip
    exact = float(theory.order_parameter(coupling, 1.0, frequencies="gaussian"))
    assert samples(model, 1)["order_parameter"][0] == pytest.approx(exact, abs=0.003)


@pytest.mark.parametrize(("noise", "frequencies"), [(0.25, "identical"), (0.1, "identical"), (0.2, "lorentzian")])
def test_order_parameter_with_noise(noise: float, frequencies: str) -> None:
    """r of N = 4000, 8 samples: 4 standard errors (2e-3, Student with 7) and 0.001 for finite size and step."""
    coupling = 1.0 if frequencies == "identical" else 2.0
    model = Kuramoto(
        oscillators=4000, frequencies=frequencies, draw="quantiles", coupling=coupling, noise=noise, time_step=0.1,
        equilibration=300, steps=500, records=1, copies=1, start="aligned",
    )  # fmt: skip
    exact = float(theory.order_parameter(coupling, 0.5, noise, frequencies))
    assert within(samples(model, 8)["order_parameter"], exact, extra=0.001)


@pytest.mark.parametrize(("draw", "exponent"), [("random", 1 / 5), ("quantiles", 2 / 5)])
def test_order_at_the_onset_falls_with_size(draw: str, exponent: float) -> None:
    """Gaussian frequencies, K = K_c, N = 64, 256, 1024, 40 samples and more: r ~ N^-x, x = β/ν̄ with β = 1/2 and ν̄ = 5/2
    or 5/4. 4 standard errors (6e-5), and 0.03 for corrections at such sizes: the two are 0.2 apart."""
    sizes, means, errors = np.array([64.0, 256.0, 1024.0]), [], []
    for n, count in ((64, 128), (256, 96), (1024, 40)):
        model = Kuramoto(
            oscillators=n, frequencies="gaussian", width=1.0, coupling=math.sqrt(8 / math.pi), draw=draw, copies=1,
            time_step=0.1, equilibration=8 * n, steps=2000, records=1,
        )  # fmt: skip
        r = samples(model, count)["order_parameter"]
        means.append(r.mean())
        errors.append(r.std(ddof=1) / math.sqrt(count))
    row = fitted(sizes, np.array(means), np.array(errors), 0.0, None)
    assert row["exponent_error"] < 0.04  # else the two could not be told apart
    assert abs(row["exponent"] - exponent) < 4 * row["exponent_error"] + 0.03, row


def test_below_the_onset_order_is_that_of_independent_phases() -> None:
    """K = 0: ⟨r⟩ = √(π/4N); 4 standard errors of 64 samples, 2e-4, and 1 % for finite N."""
    got = samples(Kuramoto(oscillators=400, coupling=0.0, equilibration=0, steps=200, records=1, copies=1), 64)
    assert within(got["order_parameter"], math.sqrt(math.pi / 1600), extra=0.0005)


def test_relaxation_on_the_ott_antonsen_manifold() -> None:
    """Lorentzian frequencies and, independent of them, Cauchy phases, both spread evenly, N = 20 000: r(t) to 0.005."""
    n, start, coupling, dt = 20_000, 0.3, 2.0, 0.05
    level, other = (np.arange(n) + 0.5) / n, (np.arange(n) * (math.sqrt(5) - 1) / 2) % 1
    omega = 0.5 * np.tan(np.pi * (level - 0.5))
    theta = 2 * np.arctan((1 - start) / (1 + start) * np.tan(np.pi * (other - 0.5)))
    order, none = np.empty(160), (np.empty(160), np.empty(0, np.int64), np.empty((0, n), complex))
    oscillators.run(
        coupling, 0.0, dt, 0, 160, np.cos(omega * dt / 2), np.sin(omega * dt / 2), np.empty(0), np.empty((2, 0)),
        stream("s"), np.cos(theta), np.sin(theta), np.zeros(n), order, *none,
    )  # fmt: skip
    exact = theory.ott_antonsen(dt * np.arange(1, 161), start, coupling, 0.5)
    np.testing.assert_allclose(order, exact, atol=0.005)


@pytest.mark.parametrize("exponent", [0.8, 2.0])
def test_a_stiff_ring_has_the_waves_of_linear_theory(exponent: float) -> None:
    """K = 30 γ, N = 64: -2 ln r = ⟨θ²⟩; 4 standard errors of 24 samples, 6e-4, and 3 % for higher orders."""
    model = Kuramoto(
        oscillators=64, frequencies="gaussian", width=1.0, coupling=30.0, exponent=exponent, start="aligned",
        time_step=0.03, equilibration=3000, steps=2, records=1, copies=1,
    )  # fmt: skip
    got = -2 * np.log(samples(model, 24)["order_parameter"])
    exact = theory.wave_variance(64, exponent, 30.0, 1.0)
    assert within(got, exact, extra=0.03 * exact)


# Memory


def test_without_coupling_written_phases_fade_by_noise_alone() -> None:
    """K = 0: e^{-Dt} whatever the frequencies; a reader who does not know them sees e^{-(D+γ)t}."""
    model = Kuramoto(coupling=0.0, noise=0.1, oscillators=4000, equilibration=0, steps=100, records=4, copies=1)
    got = samples(model, 12)
    for k, t in enumerate(model.coords()["time"][0]):
        assert within(got["retention_trace"][:, k], math.exp(-0.1 * t), extra=2e-4)
    model = dataclasses.replace(model, noise=0.0, equilibration=39, steps=2)
    got = samples(model, 12)
    np.testing.assert_array_equal(got["memory"], 1)
    np.testing.assert_allclose(got["retention"], 1, atol=1e-12)
    assert got["censored"].all()
    np.testing.assert_allclose(got["retention_time"], 41 * 0.05)
    last = dataclasses.replace(model, records=1)
    assert within(samples(last, 12)["raw_retention"], math.exp(-0.5 * 41 * 0.05), extra=1e-3)


def test_memory_of_a_permuted_message_is_zero() -> None:
    """4 standard errors of 24 and 1e-3: strong noise has forgotten everything."""
    model = Kuramoto(coupling=0.0, noise=2.0, oscillators=4000, equilibration=100, steps=100, records=4, copies=1)
    got = samples(model, 24)
    assert within(got["memory"], 0.0, extra=1e-3)
    assert not got["censored"].any()


def test_coherence_without_the_message() -> None:
    """In synchrony copies of two messages agree as much as those of one: r² of it, by locked phases alone."""
    model = Kuramoto(oscillators=2000, coupling=3.0, noise=0.1, equilibration=600, steps=200, copies=3)
    got = samples(model, 4)
    assert abs(got["coherence"] - got["blind_coherence"]).max() < 0.05
    assert got["blind_coherence"].min() > 0.4
    below = samples(dataclasses.replace(model, coupling=0.0, noise=0.0), 2)
    np.testing.assert_allclose(below["coherence"], 1)
    assert below["blind_coherence"].max() < 0.1


def turned_once(s: np.ndarray, z: np.ndarray) -> np.ndarray:
    x, y = z.real.copy(), z.imag.copy()
    oscillators.turn(s, 0.02, np.empty(z.size // 2, np.uint64), x, y)
    return x + 1j * y


def test_observables_are_their_definitions() -> None:
    model = Kuramoto(
        oscillators=30, coupling=1.0, noise=0.2, exponent=1.2, equilibration=7, steps=13, records=6, time_step=0.1
    )
    got = model.simulate(stream("sample"), noises(2))
    messages, omega = written(stream("sample"), model)
    w = distances(30, weights(30, 1.2))
    for r in range(2):
        paths = []
        for c in range(3):
            s, z, path = jumped(noises(2)[r], c), messages[1 if c == 2 else 0].copy(), []
            for _ in range(20):
                z = turned_once(s, z)
                z = turned_once(s, plain(np.angle(z), omega, w, 0.02, 5))
                path.append(z)
            paths.append(np.array(path))
        a, b, c = paths
        times = np.array([3, 6, 10, 13, 16, 20])
        np.testing.assert_array_equal(model.times, times)
        at = times[times > 7] - 1
        order = abs(a.mean(axis=1))
        turned = a[times - 1] * np.exp(-0.1j * times[:, None] * omega)
        trace = measures.memory(measures.phase_counts(messages[0], turned, 8))
        expected = {
            "coherence": abs((a[at] * b[at].conj()).mean(axis=1)).mean(),
            "blind_coherence": abs((a[at] * c[at].conj()).mean(axis=1)).mean(),
            "memory": trace[times > 7].mean(),
            "order_parameter": order[7:].mean(),
            "susceptibility": 30 * order[7:].var(),
            "neighbour_order": (a[7:] * np.roll(a[7:], 1, axis=1).conj()).real.mean(),
            "retention": abs((turned * messages[0].conj()).mean(axis=1))[times > 7].mean(),
            "raw_retention": abs((a[at] * messages[0].conj()).mean(axis=1)).mean(),
        }
        for name, value in expected.items():
            assert got[name][r] == pytest.approx(value, abs=3e-5), name
        np.testing.assert_allclose(got["order_trace"][r], order[times - 1], atol=3e-5)


def test_crossings_of_a_record() -> None:
    time = np.array([1.0, 2.0, 3.0, 4.0])
    assert crossings(time, np.array([0.75, 0.25, 0.75, 0.0]), 0.5) == (1.5, pytest.approx(3 + 1 / 3))
    assert crossings(time, np.array([0.75, 0.25, 0.75, 0.5]), 0.5) == (1.5, 4.0)
    assert crossings(time, np.full(4, 0.9), 0.5) == (4.0, 4.0)


def test_frequencies_are_their_distributions() -> None:
    for name, quartile in (("lorentzian", 1.0), ("gaussian", 0.6744897501960817)):
        omega = written(stream("f"), Kuramoto(oscillators=4000, frequencies=name, width=2.0, draw="quantiles"))[1]
        assert np.quantile(omega, 0.75) == pytest.approx(2 * quartile, rel=2e-3)
        omega = written(stream("f"), Kuramoto(oscillators=4000, frequencies=name, width=2.0))[1]
        assert within((abs(omega) < 2 * quartile).astype(float), 0.5)
    assert not written(stream("f"), Kuramoto(frequencies="identical"))[1].any()


def test_parameters_and_their_limits() -> None:
    quenched = {name for name, spec in parameters(Kuramoto).items() if spec.quenched}
    assert quenched == {"oscillators", "frequencies", "width", "draw"}
    with pytest.raises(ValueError, match=r"lower time_step"):
        Kuramoto(coupling=30.0)
    with pytest.raises(ValueError, match=r"lower time_step"):
        Kuramoto(noise=6.0)
    with pytest.raises(ValueError, match=r"lower records or oscillators"):
        Kuramoto(oscillators=2**20, records=65)
    bare = samples(Kuramoto(oscillators=50, start="aligned", equilibration=2, steps=4), 1)
    assert all(np.isnan(bare[name]).all() for name in ("memory", "blind_coherence", "retention", "retention_time"))
    for wrong in ({"oscillators": 1}, {"coupling": -1}, {"frequencies": "flat"}, {"exponent": -1}, {"copies": 2}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Kuramoto(**wrong)


def test_cost_orders_what_takes_longer() -> None:
    base = Kuramoto()
    dearer = [{"oscillators": 2000}, {"steps": 5000}, {"exponent": 1.0}, {"noise": 0.1}, {"records": 200}]
    assert all(dataclasses.replace(base, **change).cost() > base.cost() for change in dearer)
    assert dataclasses.replace(base, copies=1).cost() < base.cost()
