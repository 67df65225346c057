"""The phase memory against quadrature of the Boltzmann distribution, theory, and a plain run of its definitions."""

import dataclasses
import hashlib
import math

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq
from scipy.special import i0e, i1e

from isinglass import measures
from isinglass.kernels import rotors
from isinglass.models.base import parameters
from isinglass.models.phase_memory import PhaseMemory, store
from isinglass.theory import phase_memory as theory


def stream(*name: object) -> np.ndarray:
    return np.frombuffer(hashlib.blake2b(repr(name).encode(), digest_size=32).digest(), dtype=np.uint64).copy()


def noises(replicas: int, *name: object) -> np.ndarray:
    return np.stack([stream("noise", k, *name) for k in range(replicas)])


def samples(model: PhaseMemory, count: int, name: str = "test") -> dict[str, np.ndarray]:
    """Observables (sample,)."""
    disorder = np.stack([stream(name, k) for k in range(count)])
    noise = np.stack([noises(1, name, k) for k in range(count)])
    return {k: x[:, 0] for k, x in PhaseMemory.simulate_batch([model] * count, disorder, noise).items()}


def within(values: np.ndarray, exact: float, extra: float = 0.0) -> bool:
    """4 standard errors of the mean: false alarm 6e-5 for many values, 1e-3 for 16 (Student)."""
    return bool(abs(values.mean() - exact) < 4 * values.std(ddof=1) / math.sqrt(len(values)) + extra)


def couplings(real: np.ndarray, imag: np.ndarray) -> np.ndarray:
    """J, complex (N, N), from its definition."""
    xi = real + 1j * imag
    j = xi @ xi.conj().T / len(xi)
    np.fill_diagonal(j, 0)
    return j


# The sampler


@pytest.mark.parametrize("kappa", [0.0, 1e-6, 0.3, 2.0, 40.0, 1e5])
def test_the_heat_bath_draws_from_von_mises(kappa: float) -> None:
    """χ² over 32 equally likely cells, 40 000 draws: false alarm 1e-4 each."""
    s = stream("von Mises", kappa)
    draws = np.array([rotors.von_mises(s, kappa) for _ in range(40_000)])
    np.testing.assert_allclose((draws**2).sum(axis=1), 1, atol=1e-14)
    cdf = stats.vonmises(kappa).cdf if kappa else stats.uniform(-np.pi, 2 * np.pi).cdf
    cells = np.clip((cdf(np.arctan2(draws[:, 1], draws[:, 0])) * 32).astype(int), 0, 31)
    assert stats.chisquare(np.bincount(cells, minlength=32)).pvalue > 1e-4


def test_a_draw_at_the_far_end_is_a_number() -> None:
    """A word of ones gives θ = π up to rounding, once in 10^8 draws: the sine must not be the root of less than 0."""
    for kappa in np.geomspace(1e-6, 1.0, 200):
        for k in range(1, 4):
            s = np.array([0, k << 40, 12345 * k, 2**64 - 1], dtype=np.uint64)
            assert np.isfinite(rotors.von_mises(s, kappa)).all()


@pytest.mark.parametrize("temperature", [0.1, 0.4])
def test_two_rotors(temperature: float) -> None:
    """E = -½ cos δ in the gauge of the pattern: ⟨E⟩/N = -¼ A(1/2T), ⟨|m|⟩ = ⟨|cos δ/2|⟩."""
    model = PhaseMemory(oscillators=2, load=0.5, temperature=temperature, equilibration=20, steps=500, copies=1)
    got = model.simulate(stream("two"), noises(100))
    kappa = 1 / (2 * temperature)
    delta = 2 * np.pi * np.arange(2000) / 2000
    weight = np.exp(kappa * (np.cos(delta) - 1))
    assert within(got["energy"], -0.25 * float(i1e(kappa) / i0e(kappa)))
    assert within(got["recall_overlap"], (weight * abs(np.cos(delta / 2))).sum() / weight.sum())


@pytest.mark.parametrize("temperature", [0.08, 0.3])
def test_three_rotors_with_two_patterns(temperature: float) -> None:
    """Against quadrature of the Boltzmann distribution over two relative angles; the trapezoidal rule is exact here."""
    model = PhaseMemory(oscillators=3, load=0.67, temperature=temperature, equilibration=50, steps=1000, copies=1)
    got = model.simulate(stream("three"), noises(60))
    real, imag = store(stream("three"), 3, 2)
    angle = 2 * np.pi * np.arange(200) / 200
    z = np.stack(np.broadcast_arrays(1.0 + 0j, np.exp(1j * angle)[:, None], np.exp(1j * angle)), axis=-1)
    energy = -0.5 * np.einsum("...i,ij,...j->...", z.conj(), couplings(real, imag), z).real
    weight = np.exp(-(energy - energy.min()) / temperature)
    overlap = abs(measures.overlap(z, real[:, 0] + 1j * imag[:, 0]))
    assert within(got["energy"], (weight * energy).sum() / weight.sum() / 3)
    assert within(got["recall_overlap"], (weight * overlap).sum() / weight.sum())


# Physics


@pytest.mark.parametrize("temperature", [0.15, 0.3, 0.4])
def test_one_pattern_is_the_mean_field_magnet(temperature: float) -> None:
    """m = A(m/T), N = 4000; finite size shifts m by O(1/N)."""
    model = PhaseMemory(oscillators=4000, load=1 / 4000, temperature=temperature, cue=0.9, copies=1)
    exact = brentq(lambda m: m - i1e(m / temperature) / i0e(m / temperature), 0.1, 1)
    assert theory.overlap(0.0, temperature) == pytest.approx(exact, abs=1e-4)
    got = samples(model, 12)
    assert within(got["recall_overlap"], exact, extra=2 / 4000)
    assert np.isnan(got["blind_coherence"]).all()


def test_above_its_melting_temperature_one_pattern_is_forgotten() -> None:
    got = samples(PhaseMemory(oscillators=4000, load=1 / 4000, temperature=0.6, copies=1), 12)
    assert (got["recall_overlap"] < 0.1).all()
    assert abs(got["memory"]).max() < 0.02


@pytest.mark.parametrize(("load", "temperature"), [(0.02, 0.0), (0.01, 0.2), (0.02, 0.1)])
def test_recall_overlap_is_that_of_theory(load: float, temperature: float) -> None:
    """N = 2000, from the pattern; 4 standard errors over 24 samples and 0.002 for finite size."""
    model = PhaseMemory(oscillators=2000, load=load, temperature=temperature, equilibration=40, steps=20, copies=1)
    got = samples(model, 24)
    assert within(got["recall_overlap"], float(theory.overlap(load, temperature)), extra=0.002)


def test_at_zero_temperature_a_settled_run_is_a_fixed_point() -> None:
    model = PhaseMemory(oscillators=200, load=0.1, temperature=0.0, cue=0.5, equilibration=3000, steps=4, copies=1)
    assert samples(model, 8)["converged"].all()
    patterns = store(stream("fixed"), 200, 20)
    x, y, moved = np.empty(200), np.empty(200), np.array([np.inf])
    s = stream("s")
    rotors.make_cue(s, *(np.ascontiguousarray(part[:, 0]) for part in patterns), 1.0, x, y)
    history, energy = np.empty((3000, 200), complex), np.empty(3000)
    rotors.run(*patterns, 0.0, 3000, s, x, y, moved, history, energy)
    assert moved[0] < rotors.SETTLED
    field = couplings(*patterns) @ history[-1]
    np.testing.assert_allclose(history[-1], field / abs(field), atol=1e-6)
    assert (np.diff(energy) < 1e-13).all()
    np.testing.assert_allclose(energy[-1], -0.5 * abs(field).mean(), atol=1e-7)


def test_too_short_a_run_says_so() -> None:
    model = PhaseMemory(oscillators=400, load=0.1, temperature=0.0, cue=0.5, equilibration=0, steps=2, copies=1)
    assert not samples(model, 4)["converged"].any()


@pytest.mark.parametrize("cue", [0.0, 0.37, 0.9, 1.0])
@pytest.mark.parametrize("oscillators", [2, 101])
def test_the_cue_has_its_overlap(cue: float, oscillators: int) -> None:
    model = PhaseMemory(
        oscillators=oscillators, load=max(0.03, 1 / oscillators), cue=cue, equilibration=0, steps=2, copies=1
    )
    np.testing.assert_allclose(samples(model, 3)["initial_overlap"], cue, atol=1e-12)


def test_perfect_recall_has_memory_one() -> None:
    got = samples(PhaseMemory(load=1 / 400, temperature=0.0, cue=0.3), 4)
    np.testing.assert_array_equal(got["memory"], 1)
    for name in ("coherence", "recall_overlap", "final_overlap"):
        np.testing.assert_allclose(got[name], 1, atol=1e-12)
    np.testing.assert_allclose(got["recall_gain"], 0.7, atol=1e-12)
    assert (got["phase_information"] > 20).all()


def test_coherence_with_and_without_the_message() -> None:
    """In the retrieval phase copies of one message agree as q of the theory, copies of two do not."""
    got = samples(PhaseMemory(oscillators=2000, load=0.01, temperature=0.2, equilibration=40, steps=20), 6)
    assert abs(got["coherence"].mean() - theory.order_parameters(0.01, 0.2).q) < 0.01
    assert got["blind_coherence"].max() < 0.2


def test_observables_are_their_definitions() -> None:
    """The three copies again by plain numpy, with the couplings as a matrix, from the same streams."""
    from isinglass.kernels.streams import jumped

    model = PhaseMemory(oscillators=40, load=0.1, temperature=0.15, cue=0.6, equilibration=3, steps=7)
    disorder, noise = stream("definitions"), noises(2)
    got = model.simulate(disorder, noise)
    real, imag = store(disorder, 40, 4)
    xi, j = real + 1j * imag, couplings(real, imag)
    for r in range(2):
        tracks = []
        for c, message in enumerate((0, 0, 1)):
            s = jumped(noise[r], c)
            x, y = np.empty(40), np.empty(40)
            rotors.make_cue(s, real[:, message].copy(), imag[:, message].copy(), model.width, x, y)
            z, track = x + 1j * y, []
            for _ in range(10):
                for i in range(40):
                    h = j[i] @ z
                    z[i] = h / abs(h) * complex(*rotors.von_mises(s, abs(h) / 0.15))
                track.append(z.copy())
            tracks.append(np.array(track)[3:])
        a, b, c = tracks
        overlap = abs(a @ xi[:, 0].conj()) / 40
        memory = measures.memory(measures.phase_counts(xi[:, 0], a))
        energy = -0.5 * np.einsum("ti,ij,tj->t", a.conj(), j, a).real / 40
        expected = {
            "coherence": abs((a * b.conj()).mean(axis=1)).mean(),
            "blind_coherence": abs((a * c.conj()).mean(axis=1)).mean(),
            "memory": memory.mean(),
            "phase_information": measures.phase_information(overlap).mean(),
            "recall_overlap": overlap.mean(),
            "recall_gain": overlap.mean() - 0.6,
            "initial_overlap": 0.6,
            "final_overlap": overlap[-1],
            "energy": energy.mean(),
            "realised_load": 0.1,
        }
        for name, value in expected.items():
            assert got[name][r] == pytest.approx(value, abs=1e-9), name
    assert set(expected) | {"converged"} == set(got)


def test_chunks_of_the_window_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model = PhaseMemory(oscillators=50, load=0.1, equilibration=3, steps=9)
    whole = model.simulate(stream("w"), noises(2))
    monkeypatch.setattr("isinglass.models.phase_memory.WINDOW", 100)
    parts = model.simulate(stream("w"), noises(2))
    for name, values in whole.items():
        np.testing.assert_allclose(values, parts[name], atol=1e-9, err_msg=name)


def test_parameters_and_their_limits() -> None:
    quenched = {name for name, spec in parameters(PhaseMemory).items() if spec.quenched}
    assert quenched == {"oscillators", "load"}
    assert PhaseMemory(oscillators=1000, load=0.0006).stored == 1
    with pytest.raises(ValueError, match=r"rounds to 0 patterns; 0\.001 stores one"):
        PhaseMemory(oscillators=1000, load=0.0004)
    with pytest.raises(ValueError, match=r"lower load or oscillators"):
        PhaseMemory(oscillators=65536, load=1.0)
    for wrong in ({"oscillators": 1}, {"load": 0.0}, {"temperature": -0.1}, {"cue": 1.1}, {"steps": 1}, {"copies": 2}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            PhaseMemory(**wrong)


def test_cost_orders_what_takes_longer() -> None:
    base = PhaseMemory()
    dearer = [{"oscillators": 2000}, {"steps": 500}, {"load": 0.2}, {"equilibration": 500}]
    assert all(dataclasses.replace(base, **change).cost() > base.cost() for change in dearer)
    assert dataclasses.replace(base, copies=1).cost() < base.cost()
    assert dataclasses.replace(base, temperature=0.0).cost() < base.cost()


def test_the_smallest_temperatures_end() -> None:
    """4κ² overflows below T = 1e-154: such rotors stand along their fields, as at T = 0."""
    for temperature in (1e-31, 1e-40, 1e-160, 1e-300):
        got = samples(PhaseMemory(oscillators=64, load=0.05, temperature=temperature, equilibration=20, steps=4), 1)
        assert got["converged"][0] == 1
        assert got["recall_overlap"][0] > 0.5
