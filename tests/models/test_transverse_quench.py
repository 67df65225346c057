"""A written pattern in a transverse field: the step against matrix exponentials, readouts against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from isinglass import InputError
from isinglass.kernels import statevector
from isinglass.kernels.streams import random_signs
from isinglass.models.transverse_quench import TransverseQuench, memory, written
from isinglass.theory import transverse_ising as theory

DISORDER = np.array([11, 12, 13, 14], dtype=np.uint64)


def noise(replicas: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 2**63, (replicas, 4), dtype=np.uint64)


def spins_of(n: int) -> np.ndarray:
    return np.asarray(1 - 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1))


def matrix(n: int, field: float, couplings: np.ndarray | float = 1.0) -> np.ndarray:
    s, x = spins_of(n), np.arange(2**n)
    out = np.diag(-(couplings * s * np.roll(s, -1, axis=1)).sum(axis=1).astype(float))
    for i in range(n):
        out[x ^ (1 << i), x] -= field
    return out


@pytest.mark.parametrize("n", [3, 6, 7])
def test_steps_converge_at_second_order_to_the_exponential(n: int) -> None:
    rng = np.random.default_rng(n)
    psi = rng.normal(size=2**n) + 1j * rng.normal(size=2**n)
    psi /= np.linalg.norm(psi)
    mask = 0b101
    xi = spins_of(n)[mask]
    exact = expm(-2j * matrix(n, 0.7, xi * np.roll(xi, -1))) @ psi
    bond, errors = np.empty(2**n, np.int8), []
    statevector.bonds(n, mask, bond)
    for steps in (40, 80):
        re, im = psi.real.copy(), psi.imag.copy()
        statevector.evolve(re, im, bond, n, 0.7, 0.0, 2 / steps, steps, DISORDER.copy())
        errors.append(abs(re + 1j * im - exact).max())
        assert re @ re + im @ im == pytest.approx(1, abs=1e-12)
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.03)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 12, 13, 14])
def test_butterflies_rotate_every_qubit(n: int) -> None:
    """Also where blocks end at an odd or even number of qubits: against one plain rotation after the other."""
    rng, t = np.random.default_rng(n), 0.3
    re, im = rng.normal(size=(2, 2**n))
    psi = (re + 1j * im).reshape((2,) * n)
    for axis in range(n):
        psi = psi - 1j * t * np.flip(psi, axis)
    statevector.butterflies(re, im, n, t)
    assert abs(re + 1j * im - psi.ravel()).max() < 1e-13 * 2**n


def test_polarised_start_follows_free_fermions_at_second_order() -> None:
    errors = []
    for dt in (0.05, 0.025):
        model = TransverseQuench(
            spins=9, start="polarised", field=0.6, time_step=dt, equilibration=0, steps=round(2 / dt), copies=1
        )
        out = model.simulate(DISORDER, noise(1))
        time = model.coords()["time"][0]
        errors.append(abs(out["transverse_trace"][0] - theory.polarised_quench(time, 9, 0.6)).max())
        assert np.isnan(out["memory"]).all()
        assert np.isnan(out["retention_trace"]).all()
    assert errors[1] < 2e-3
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.05)


def test_at_zero_field_everything_is_kept() -> None:
    """Memory exactly 1, no coherence, whatever dephases; b reads what a does, c its own message."""
    for rate in (0.0, 0.5):
        model = TransverseQuench(spins=7, field=0, rate=rate, equilibration=5, steps=5, shots=3)
        out = model.simulate(DISORDER, noise(2))
        first, second = written(DISORDER, 7).astype(int)
        assert out["memory"] == pytest.approx(1, abs=1e-15)
        assert out["retention"] == pytest.approx(1, abs=1e-12)
        assert out["coherence"] == pytest.approx(1, abs=1e-15)
        assert out["blind_coherence"] == pytest.approx(abs(first @ second) / 7, abs=1e-15)
        assert out["single_spin_purity"] == pytest.approx(1, abs=1e-12)
        assert (out["censored"] == 1).all()
        if rate == 0:
            assert out["spin_information"] == pytest.approx(1, abs=1e-12)
            assert out["coherence_entropy"] == pytest.approx(0, abs=1e-12)
            assert out["total_correlation"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_copies_are_read_independently(rate: float) -> None:
    """Spins along x, no field: readouts are fair coins, whose overlap is that of unrelated ones, 0.28 at N = 8."""
    model = TransverseQuench(spins=8, start="polarised", field=0, rate=rate, equilibration=1, steps=4, shots=40)
    found = model.simulate(DISORDER, noise(3))["coherence"]
    assert (abs(found - 0.273) < 0.07).all()  # Σ |8 - 2k| C(8, k)/(8·2^8), 4 standard errors of 160 readings


def test_memory_of_another_message_is_nothing() -> None:
    """The permutation null: mean over 3000 within 4 standard errors (6e-5) and the bias of few pairs."""
    stream, found = DISORDER.copy(), []
    row = np.empty(24 * 5, np.int8)
    for _ in range(3000):
        random_signs(stream, row)
        message, spins = row[:24], row[24:].reshape(1, 4, 24)
        if abs(message.sum()) < 24:
            found.append(memory(message, spins))
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found)) + 2e-4


def test_observables_of_the_state_from_matrices() -> None:
    """N = 5, stored couplings, both kinds of parity of the message; the step's own error is below 10⁻³."""
    n, field, dt, steps = 5, 0.8, 0.01, 100
    model = TransverseQuench(
        spins=n, couplings="stored", field=field, time_step=dt, equilibration=0, steps=steps, records=1
    )
    out = model.simulate(DISORDER, noise(1))
    xi = written(DISORDER, n)[0].astype(int)
    s = spins_of(n)
    psi = expm(-1j * matrix(n, field, xi * np.roll(xi, -1)) * dt * steps)[:, (s == xi).all(axis=1).argmax()]
    p = abs(psi) ** 2
    z = p @ s
    x = np.array([(psi.conj() * psi[np.arange(2**n) ^ (1 << i)]).sum().real for i in range(n)])
    rho = [psi.reshape((2,) * n).swapaxes(0, n - 1 - i).reshape(2, -1) for i in range(n)]
    purity = np.mean([(abs(r @ r.conj().T) ** 2).sum() for r in rho])
    single = -sum((q * np.log2(q)).mean() for q in ((1 + z) / 2, (1 - z) / 2))
    joint = -(p * np.log2(p)).sum() / n
    expected = {
        "retention": z @ xi / n, "transverse_magnetisation": x.mean(), "single_spin_purity": purity,
        "spin_information": 1 - single, "coherence_entropy": joint, "total_correlation": single - joint,
    }  # fmt: skip
    assert {k: float(out[k][0]) for k in expected} == pytest.approx(expected, abs=1e-3)
    assert out["retention_trace"][0, -1] == pytest.approx(expected["retention"], abs=1e-3)


def test_stored_couplings_are_a_gauge_of_the_ferromagnet() -> None:
    model = TransverseQuench(spins=6, couplings="stored", field=0.7, equilibration=20, steps=20)
    one, other = (model.simulate(d, noise(1)) for d in (DISORDER, DISORDER + np.uint64(5)))
    for name in ("retention", "coherence_entropy", "single_spin_purity"):
        assert one[name] == pytest.approx(other[name], abs=1e-12)


def test_trajectories_solve_the_lindblad_equation() -> None:
    """N = 3 against the exponential of the superoperator: 4 standard errors of 600 replicas (6e-5), and the step's.

    Of eight shots each: few enough for the bias of a squared mean to show, which the purity must not have.
    """
    n, field, rate = 3, 0.9, 0.7
    model = TransverseQuench(spins=n, field=field, rate=rate, equilibration=0, steps=30, records=3, shots=8, copies=1)
    out = model.simulate(DISORDER, noise(600))
    s, one, H = spins_of(n), np.eye(8), matrix(n, field)
    distance = (s[:, None] != s[None]).sum(axis=-1)
    generator = -1j * (np.kron(H, one) - np.kron(one, H)) - np.diag(rate * distance.ravel())
    xi = written(DISORDER, n)[0].astype(int)
    start = np.zeros((8, 8), complex)
    k = (s == xi).all(axis=1).argmax()
    start[k, k] = 1
    x, purity = np.arange(8), []
    for j, time in enumerate(model.coords()["time"][0]):
        rho = (expm(generator * time) @ start.ravel()).reshape(8, 8)
        z = np.diag(rho).real @ s
        across = np.array([rho[x[s[:, i] > 0], x[s[:, i] > 0] ^ (1 << i)].sum() for i in range(n)])  # ⟨↑|ρ_i|↓⟩
        purity.append(((1 + z**2) / 2 + 2 * abs(across) ** 2).mean())
        for name, exact in (("retention_trace", z @ xi / n), ("transverse_trace", 2 * across.real.mean())):
            values = out[name][:, j]
            assert abs(values.mean() - exact) < 4 * values.std() / np.sqrt(600) + 1e-3, name
    values = out["single_spin_purity"]
    assert abs(values.mean() - np.mean(purity)) < 4 * values.std() / np.sqrt(600) + 5e-4
    one = TransverseQuench(spins=n, rate=rate, equilibration=0, steps=3, shots=1, copies=1).simulate(DISORDER, noise(1))
    for name in ("single_spin_purity", "spin_information", "coherence_entropy", "total_correlation"):
        assert np.isnan(one[name]).all(), name


@pytest.mark.parametrize("steps", [1, 12])
def test_a_trajectory_is_dephased_for_its_whole_time_and_no_longer(steps: int) -> None:
    """Without a field a spin along x has a Z with probability (1 - e^{-γt})/2: 32 000 spins, 4 standard errors."""
    n, rate, dt, stream = 8, 1.0, 0.1, DISORDER.copy()
    bond, turned, out = np.zeros(256, np.int8), 0, np.empty((3, n))
    for _ in range(4000):
        re, im = np.full(256, 1 / 16), np.zeros(256)
        statevector.evolve(re, im, bond, n, 0.0, rate, dt, steps, stream)
        statevector.bloch(re, im, n, out)
        turned += int((out[0] < 0).sum())
    exact = (1 - np.exp(-rate * dt * steps)) / 2
    assert abs(turned / 32_000 - exact) < 4 * np.sqrt(exact * (1 - exact) / 32_000)


def test_the_window_and_what_counts_as_converged() -> None:
    model = TransverseQuench(spins=5, couplings="stored", field=0.9, equilibration=7, steps=9, records=8)
    out = model.simulate(DISORDER, noise(1))
    inside = model.times > 7
    assert out["retention"][0] == pytest.approx(out["retention_trace"][0, inside].mean(), abs=1e-15)
    assert out["transverse_magnetisation"][0] == pytest.approx(out["transverse_trace"][0, inside].mean(), abs=1e-15)
    assert out["converged"][0] == 1
    coarse = TransverseQuench(spins=5, field=1.0, time_step=0.5, equilibration=0, steps=20).simulate(DISORDER, noise(1))
    assert coarse["energy_drift"][0] > 0.02
    assert coarse["converged"][0] == 0


def test_measured_bits_follow_the_state() -> None:
    """Frequencies of 20 000 shots of 8 states: 4 standard errors (6e-5) each."""
    p = np.random.default_rng(3).random(8)
    p /= p.sum()
    shots = np.empty(20_000, np.int64)
    statevector.measure(np.cumsum(p), DISORDER.copy(), shots)
    found = np.bincount(shots, minlength=8) / shots.size
    assert (abs(found - p) < 4 * np.sqrt(p * (1 - p) / shots.size)).all()


@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_bytes_depend_on_nothing_else(rate: float) -> None:
    """Neither on which other replicas are asked for, nor on copies."""
    model = TransverseQuench(spins=5, rate=rate, equilibration=4, steps=6, shots=2)
    streams = noise(3)
    together, alone = model.simulate(DISORDER, streams), model.simulate(DISORDER, streams[2:])
    single = TransverseQuench(spins=5, rate=rate, equilibration=4, steps=6, shots=2, copies=1).simulate(
        DISORDER, streams[2:]
    )
    for name, values in together.items():
        assert values[2:].tobytes() == alone[name].tobytes(), name
        if name not in ("coherence", "blind_coherence"):
            assert alone[name].tobytes() == single[name].tobytes(), name
    assert np.isnan(single["coherence"]).all()


@pytest.mark.parametrize(
    ("values", "needle"),
    [
        ({"spins": 30}, r"spins = 30 needs .* bytes .* at most spins = 25"),
        ({"field": 20}, "time_step = 0.05 is too long for field = 20"),
        ({"rate": 20}, "time_step = 0.05 is too long for rate = 20"),
        ({"shots": 2**20, "records": 40}, "lower records or shots"),
        ({"records": 10**12, "steps": 10**12}, "records = 1000000000000 is above its maximum"),
        ({"spins": 2}, "below its minimum"),
    ],
)
def test_bad_parameters(values: dict[str, float], needle: str) -> None:
    with pytest.raises(InputError, match=needle):
        TransverseQuench(**values)  # type: ignore[arg-type]
