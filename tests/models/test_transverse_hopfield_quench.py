"""A pattern left to a transverse field: both dynamics against matrices, differential equations and exact results."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.stats import binom

from isinglass import InputError, catalog
from isinglass.kernels import hartree
from isinglass.models import transverse_hopfield_quench as quench
from isinglass.models.transverse_hopfield_quench import TransverseHopfieldQuench
from isinglass.theory import transverse_hopfield as theory

DISORDER = np.array([11, 12, 13, 14], dtype=np.uint64)


def noise(replicas: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 2**63, (replicas, 4), dtype=np.uint64)


def couplings(n: int, stored: int) -> tuple[np.ndarray, np.ndarray]:
    """Message 0 and J with an empty diagonal."""
    xi = hartree.random_patterns(DISORDER, n, stored).astype(float)
    J = xi @ xi.T / n
    np.fill_diagonal(J, 0)
    return xi[:, 0], J


def run(**values: object) -> dict[str, np.ndarray]:
    return TransverseHopfieldQuench(**values).simulate(DISORDER, noise(1))  # type: ignore[arg-type]


def test_exact_state_from_matrices() -> None:
    """N = 6, P = 3: every observable of the state at t = 2, and the order of the step from its error."""
    n, field, errors, drifts = 6, 0.6, [], []
    xi, J = couplings(n, 3)
    s = 1 - 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
    matrix = np.diag(-0.5 * np.einsum("ai,ij,aj->a", s, J, s))
    for i in range(n):
        matrix[np.arange(2**n) ^ (1 << i), np.arange(2**n)] -= field
    start = (s == xi).all(axis=1).argmax()
    psi = expm(-2j * matrix)[:, start]
    p = abs(psi) ** 2
    z = p @ s
    rho = [psi.reshape((2,) * n).swapaxes(0, n - 1 - i).reshape(2, -1) for i in range(n)]
    expected = {
        "retention_trace": z @ xi / n, "freezing": z @ z / n, "coherence_entropy": -(p * np.log2(p)).sum() / n,
        "polarisation": np.mean([(psi.conj() * psi[np.arange(2**n) ^ (1 << i)]).sum().real for i in range(n)]),
        "single_spin_purity": np.mean([(abs(r @ r.conj().T) ** 2).sum() for r in rho]),
    }  # fmt: skip
    for steps in (40, 80):
        got = run(
            spins=n,
            load=0.5,
            field=field,
            dynamics="exact",
            time_step=2 / steps,
            equilibration=0,
            steps=steps,
            records=1,
        )
        found = {name: float(np.ravel(got[name])[0]) for name in expected}
        assert found == pytest.approx(expected, abs=2e-3)
        drifts.append(got["energy_drift"][0])
        errors.append(np.array([found[k] - expected[k] for k in expected]))
    np.testing.assert_allclose(np.log2(abs(errors[0] / errors[1])), 2, atol=0.1)
    assert np.log2(drifts[0] / drifts[1]) == pytest.approx(2, abs=0.1)


def test_vectors_follow_their_equation() -> None:
    """N = 7, P = 2, dS/dt = 2 S × (Γ, 0, Jz) by a Runge-Kutta method; second order, lengths and energy kept."""
    n, field, errors, drifts = 7, 0.45, [], []
    xi, J = couplings(n, 2)

    def slope(_: float, flat: np.ndarray) -> np.ndarray:
        S = flat.reshape(3, n)
        b = np.stack([np.full(n, field), np.zeros(n), J @ S[2]])
        return np.asarray(2 * np.cross(S, b, axis=0)).ravel()

    start = np.concatenate([np.zeros(2 * n), xi])
    x, _, z = solve_ivp(slope, (0, 3), start, rtol=1e-11, atol=1e-12).y[:, -1].reshape(3, n)
    expected = {"retention_trace": z @ xi / n, "freezing": z @ z / n, "polarisation": x.mean()}
    for steps in (60, 120):
        got = run(spins=n, load=2 / 7, field=field, time_step=3 / steps, equilibration=0, steps=steps, records=1)
        found = {name: float(np.ravel(got[name])[0]) for name in expected}
        assert found == pytest.approx(expected, abs=5e-3)
        errors.append(np.array([found[k] - expected[k] for k in expected]))
        drifts.append(got["energy_drift"][0])
        assert got["single_spin_purity"] == pytest.approx(1, abs=1e-13)
        assert got["converged"][0] == 1
    np.testing.assert_allclose(np.log2(abs(errors[0] / errors[1])), 2, atol=0.1)
    assert np.log2(drifts[0] / drifts[1]) == pytest.approx(2, abs=0.1)


TABLE = catalog.reference("transverse_hopfield.one_pattern_retention")


@pytest.mark.parametrize(
    ("field", "reference"), list(zip(TABLE.column("field"), TABLE.column("retention"), strict=True))
)
def test_exact_retention_of_one_pattern(field: float, reference: float) -> None:
    """N = 14: the prototype's table (its step, 0.1: rounding, and 0.0013 at 0.7), the symmetric states exactly."""
    model = TransverseHopfieldQuench(
        spins=14, load=1 / 14, field=field, dynamics="exact", time_step=0.1, equilibration=200, steps=400, records=3,
        shots=1, copies=1,
    )  # fmt: skip
    out = model.simulate(DISORDER, noise(1))
    assert out["retention"][0] == pytest.approx(reference, abs=0.0015)
    time = np.arange(201, 601) / 10
    assert out["retention"][0] == pytest.approx(theory.one_pattern_quench(time, 14, field).mean(), abs=2e-3)
    early = theory.one_pattern_quench(model.coords()["time"][0][:1], 14, field)
    assert out["retention_trace"][0, :1] == pytest.approx(early, abs=0.02)


def test_two_patterns_are_two_groups_of_spins() -> None:
    """N = 14, P = 2: a sample is k, where patterns agree; over all k the exact state keeps 0.185 less than vectors."""
    n, field, time = 14, 0.45, np.arange(401, 1201) / 20
    exact, vectors = np.zeros(n + 1), np.zeros(n + 1)
    for k in range(1, n + 1):
        scale = 2 * k / n  # of the couplings of k spins with one pattern
        exact[k] = theory._quench(time, *theory._collective(k, field, scale)).mean()
        x, y, z, series = np.zeros(k), np.zeros(k), np.ones(k), np.empty(1200)
        hartree.precess(np.ones((k, 1), np.int8), field / scale, 0.05 * scale, x, y, z, series)
        vectors[k] = series[400:].mean()
    xi = hartree.random_patterns(DISORDER, n, 2)
    k = int((xi[:, 0] == xi[:, 1]).sum())
    for dynamics, groups in (("exact", exact), ("product", vectors)):
        out = run(spins=n, load=2 / n, field=field, dynamics=dynamics, copies=1, shots=1)
        assert out["retention"][0] == pytest.approx((k * groups[k] + (n - k) * groups[n - k]) / n, abs=1e-3)
    share = 2 * np.arange(n + 1) / n * binom.pmf(np.arange(n + 1), n, 0.5)
    assert share @ (exact - vectors) == pytest.approx(-0.185, abs=2e-3)
    assert share @ exact == pytest.approx(theory.two_pattern_quench(time, n, field).mean(), abs=1e-12)


def test_vectors_lose_the_pattern_at_half_the_field() -> None:
    """P = 1, N = 1000: m > 0 always below Γ_d = 1/2, mean about 0 above; the prototype has 0.574 and 0.005."""
    below, above = (
        run(spins=1000, load=0.001, field=field, equilibration=400, steps=800, records=1200, shots=1, copies=1)
        for field in (0.48, 0.52)
    )
    assert below["retention"][0] == pytest.approx(0.574, abs=0.03)
    assert below["retention_trace"].min() > 0.2
    assert above["retention"][0] == pytest.approx(0.005, abs=0.03)
    assert above["retention_trace"].min() < -0.9
    assert (below["converged"][0], above["converged"][0]) == (1, 1)


def test_a_large_exact_system_follows_the_vectors_at_early_times() -> None:
    """P = 1: 400 symmetric spins and N → ∞ vectors, t <= 2, within 2/N and the step's error."""
    out = run(spins=4000, load=1 / 4000, field=0.4, equilibration=0, steps=40, records=40, shots=1, copies=1)
    exact = theory.one_pattern_quench(np.arange(1, 41) * 0.05, 400, 0.4)
    np.testing.assert_allclose(out["retention_trace"][0], exact, atol=8e-3)


@pytest.mark.parametrize("dynamics", ["product", "exact"])
def test_at_zero_field_everything_is_kept(dynamics: str) -> None:
    out = run(spins=9, load=0.3, field=0.0, dynamics=dynamics, equilibration=5, steps=5, records=4)
    messages = hartree.random_patterns(DISORDER, 9, 3).astype(int)
    for name in ("memory", "coherence", "retention", "freezing", "single_spin_purity"):
        assert out[name] == pytest.approx(1, abs=1e-12), name
    assert out["blind_coherence"] == pytest.approx(abs(messages[:, 0] @ messages[:, 1]) / 9, abs=1e-12)
    assert out["coherence_entropy"] == pytest.approx(0, abs=1e-12)
    assert out["energy_drift"] == pytest.approx(0, abs=1e-12)
    assert (out["censored"][0], out["converged"][0]) == (1, 1)


def test_only_the_exact_state_entangles() -> None:
    product, exact = (
        run(spins=8, load=0.25, field=0.4, dynamics=d, equilibration=100, steps=100) for d in ("product", "exact")
    )
    assert product["single_spin_purity"] == pytest.approx(1, abs=1e-12)
    assert exact["single_spin_purity"][0] < 0.95


def test_a_long_step_says_that_energy_is_not_kept() -> None:
    out = run(spins=14, load=1 / 14, field=0.7, dynamics="exact", time_step=0.1, equilibration=0, steps=200)
    assert out["converged"][0] == 0
    assert out["energy_drift"][0] > 1.7e-3


def test_readouts_are_of_the_state() -> None:
    """Overlap of measured spins and written pattern: within 4 standard errors (6e-5) of the state's, both dynamics."""
    for dynamics in ("product", "exact"):
        model = TransverseHopfieldQuench(
            spins=10, load=0.2, field=0.45, dynamics=dynamics, equilibration=20, steps=10, records=2, shots=4000
        )
        out = model.simulate(DISORDER, noise(1))
        p = (1 + out["retention_trace"][0, -1]) / 2
        bits = 1 + p * np.log2(p) + (1 - p) * np.log2(1 - p)
        assert out["coherence"][0] > 0.1
        assert out["memory"][0] == pytest.approx(bits, abs=0.1)  # spins differ: their mean tells less


@pytest.mark.parametrize("dynamics", ["product", "exact"])
def test_bytes_depend_on_nothing_else(dynamics: str) -> None:
    model = TransverseHopfieldQuench(spins=8, load=0.25, dynamics=dynamics, equilibration=4, steps=6, shots=2)
    together, alone = model.simulate(DISORDER, noise(3)), model.simulate(DISORDER, noise(3)[2:])
    single = dataclasses.replace(model, copies=1).simulate(DISORDER, noise(3)[2:])
    for name, values in together.items():
        assert values[2:].tobytes() == alone[name].tobytes(), name
        if name not in ("coherence", "blind_coherence"):
            assert alone[name].tobytes() == single[name].tobytes(), name
    assert np.isnan(single["coherence"]).all()
    one = dataclasses.replace(model, load=0.125).simulate(DISORDER, noise(1))
    assert {name for name, x in one.items() if np.isnan(x).any()} == {"blind_coherence"}


def test_many_replicas_are_read_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never more readings at once than are allowed for, and the same bytes."""
    model = TransverseHopfieldQuench(spins=8, load=0.25, equilibration=4, steps=6, shots=2, records=5)
    whole, sizes = model.simulate(DISORDER, noise(5)), []
    real = TransverseHopfieldQuench._group
    monkeypatch.setattr(quench, "READINGS", 2 * 3 * 5 * 2 * 8)
    monkeypatch.setattr(
        TransverseHopfieldQuench, "_group", lambda self, d, n: (sizes.append(len(n)), real(self, d, n))[1]
    )
    parts = model.simulate(DISORDER, noise(5))
    assert sizes == [2, 2, 1]
    assert {k: v.tobytes() for k, v in parts.items()} == {k: v.tobytes() for k, v in whole.items()}


@pytest.mark.parametrize(
    ("values", "needle"),
    [
        ({"spins": 26, "dynamics": "exact"}, r"2\^26 amplitudes, more than .* at most spins = 25"),
        ({"spins": 60000, "load": 1e-4, "dynamics": "exact"}, "at most spins = 25"),
        ({"spins": 14, "load": 2000.0, "time_step": 1e-5, "dynamics": "exact"}, "energies; lower load"),
        ({"field": 6}, "time_step = 0.05 is too long for field = 6"),
        ({"load": 100.0}, "is above 0.25; at most"),
        ({"load": 1e-5}, "rounds to 0 patterns"),
        ({"load": 1e300}, "lower load or spins"),
        ({"field": 1e300}, "above its maximum"),
        ({"shots": 2**20}, "lower records or shots"),
        ({"steps": 1}, "below its minimum"),
    ],
)
def test_bad_parameters(values: dict[str, float], needle: str) -> None:
    with pytest.raises(InputError, match=needle):
        TransverseHopfieldQuench(**values)  # type: ignore[arg-type]
