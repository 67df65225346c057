"""Spins in a multimode cavity: the step against differential equations, states at rest against couplings and tables."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from isinglass import InputError, catalog
from isinglass.kernels import cavity, hartree
from isinglass.models.dicke_hopfield import DickeHopfield
from isinglass.models.transverse_hopfield import TransverseHopfield
from isinglass.theory import transverse_hopfield as theory

DISORDER = np.array([11, 12, 13, 14], dtype=np.uint64)


def streams(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 2**63, (count, 4), dtype=np.uint64)


def samples(model: DickeHopfield | TransverseHopfield, count: int) -> dict[str, np.ndarray]:
    """Observables (sample,), one replica each."""
    runs = [model.simulate(d, n[None]) for d, n in zip(streams(count), streams(count, 2), strict=True)]
    return {name: np.array([run[name][0] for run in runs]) for name in runs[0]}


@pytest.mark.parametrize(("loss", "damping"), [(0.0, 0.0), (0.3, 0.6)])
def test_steps_follow_the_equations(loss: float, damping: float) -> None:
    """N = 6, P = 2 against a Runge-Kutta method at t = 3: second order. Lengths are kept, and energy without loss."""
    n, p, frequency, coupling = 6, 2, 0.8, 0.5
    patterns = hartree.random_patterns(DISORDER, n, p)
    xi, rng = patterns.astype(float), np.random.default_rng(5)
    spins = rng.normal(size=(3, n))
    spins /= np.linalg.norm(spins, axis=0)
    modes = rng.normal(size=(2, p))

    def slope(_: float, flat: np.ndarray) -> np.ndarray:
        a, S = flat[:p] + 1j * flat[p : 2 * p], flat[2 * p :].reshape(3, n)
        change = -(1j * frequency + loss) * a - 1j * coupling * (xi.T @ S[2] / n)
        omega = np.stack([np.ones(n), np.zeros(n), 4 * coupling * (xi @ a.real)])
        turning = np.cross(omega, S, axis=0)
        turning -= damping * np.cross(S, turning, axis=0)
        return np.concatenate([change.real, change.imag, turning.ravel()])

    def energy(re: np.ndarray, im: np.ndarray, S: np.ndarray) -> float:
        light = frequency * (re @ re + im @ im) + 2 * coupling * re @ (xi.T @ S[2] / n)
        return float(light + 0.5 * S[0].mean())

    start = np.concatenate([modes.ravel(), spins.ravel()])
    exact = solve_ivp(slope, (0, 3), start, rtol=1e-11, atol=1e-12).y[:, -1]
    errors, drifts = [], []
    for steps in (60, 120):
        (re, im), (x, y, z) = modes.copy(), spins.copy()
        drift = []
        for _ in range(6):
            cavity.relax(patterns, frequency, loss, coupling, damping, 3 / steps, 0.0, steps // 6, re, im, x, y, z)
            drift.append(energy(re, im, np.stack([x, y, z])) - energy(*modes, spins))
        drifts.append(max(drift, key=abs))
        errors.append(abs(np.concatenate([re, im, x, y, z]) - exact).max())
        np.testing.assert_allclose(x * x + y * y + z * z, 1, atol=1e-13)
    assert errors[1] < 2e-3
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)
    if loss == damping == 0:
        assert max(map(abs, drifts)) < 1e-12  # exactly: each part of a step keeps the whole energy
    else:
        assert drifts[1] < -0.1


@pytest.mark.parametrize("field", [0.25, 0.6])
def test_spins_at_rest_are_those_of_their_couplings(field: float) -> None:
    """The cavity with (g_c/g)² = Γ, and couplings with diagonal in a field Γ, from one pattern: the same state.

    For a slow, a fast and a lossy cavity, and two time steps; the light at rest is m²g²/(ω²+κ²) = m²/(4ωΓ).
    """
    common = {"spins": 300, "load": 0.03, "field": field, "shots": 1, "copies": 1}
    spins = samples(TransverseHopfield(diagonal="kept", **common), 2)
    for frequency, loss, step in ((1.0, 1.0, 0.1), (0.3, 0.1, 0.1), (2.0, 3.0, 0.2)):
        model = DickeHopfield(cavity_frequency=frequency, loss=loss, time_step=step, **common)
        light = samples(model, 2)
        assert light["converged"].all()
        for name in ("recall_overlap", "spurious_overlap", "freezing", "polarisation", "coherence_entropy"):
            np.testing.assert_allclose(light[name], spins[name], atol=2e-6, err_msg=name)
        shown = 4 * frequency * field
        np.testing.assert_allclose(light["target_photons"], light["recall_overlap"] ** 2 / shown, atol=2e-6)
        square = -2 * (spins["energy"] + field * spins["polarisation"])  # Σ m² of all patterns
        np.testing.assert_allclose(light["photon_number"], square / shown, atol=2e-6)
        # energies in ω_0, and in the field of a pattern: ω_0 is 2Γ of them
        np.testing.assert_allclose(light["energy"], spins["energy"] / (2 * field), atol=2e-6)
        assert light["single_spin_purity"] == pytest.approx(1, abs=1e-9)


TABLE = catalog.reference("dicke_hopfield.overlap")


@pytest.mark.parametrize(
    ("patterns", "ratio", "simulated", "predicted"),
    list(zip(*(TABLE.column(name) for name in ("patterns", "ratio", "simulated", "theory")), strict=True)),
)
def test_recall_table(patterns: float, ratio: float, simulated: float, predicted: float) -> None:
    """N = 1000: theory to the digits given; 6 samples within 5 standard errors and 0.002 of it, of the table's 8."""
    field, load = 1 / ratio**2, patterns / 1000
    expected = np.sqrt(1 - field**2) if patterns == 2 else theory.overlap(load, field, "kept")
    assert expected == pytest.approx(predicted, abs=2e-4)
    got = samples(DickeHopfield(load=load, field=field, time_step=0.2, shots=1, copies=1), 6)
    error = got["recall_overlap"].std(ddof=1) / np.sqrt(6)
    assert got["converged"].all()
    assert abs(got["recall_overlap"].mean() - expected) < 5 * error + 0.002
    assert abs(got["recall_overlap"].mean() - simulated) < 8 * error + 0.002


def test_light_without_memory_and_neither() -> None:
    """α = 0.05: at g = 1.2 g_c photons and no pattern; above Γ_g = (1 + √α)² no light at all."""
    base = DickeHopfield(spins=400, time_step=0.4, copies=1, shots=4)
    amnesic = samples(dataclasses.replace(base, field=1 / 1.2**2), 3)
    assert amnesic["photon_number"].min() > 0.15
    assert np.median(abs(amnesic["recall_overlap"])) < 0.4  # small networks now and then keep the pattern
    assert np.median(amnesic["memory"]) < 0.1
    dark = samples(dataclasses.replace(base, field=1.1 * float(theory.freezing_field(0.05, "kept"))), 3)
    assert dark["photon_number"].max() < 1e-12
    assert dark["converged"].all()


def test_perfect_recall_and_bytes() -> None:
    strong = DickeHopfield(spins=60, load=1 / 60, field=1e-3, cue=0.7, time_step=1e-3, shots=8)
    out = strong.simulate(DISORDER, streams(2))
    assert out["recall_overlap"] == pytest.approx(1, abs=1e-5)
    assert out["memory"] == pytest.approx(1, abs=1e-12)
    assert {name for name, x in out.items() if np.isnan(x).any()} == {"blind_coherence", "spurious_overlap"}
    two = dataclasses.replace(strong, load=2 / 60, cue=1.0).simulate(DISORDER, streams(1))
    xi = hartree.random_patterns(DISORDER, 60, 2).astype(int)
    assert two["coherence"] == pytest.approx(1, abs=1e-12)
    assert two["blind_coherence"] == pytest.approx(abs(xi[:, 0] @ xi[:, 1]) / 60, abs=1e-12)  # c has the other message
    model = DickeHopfield(spins=50, load=0.1, cue=0.5, shots=4)
    together, alone = model.simulate(DISORDER, streams(3)), model.simulate(DISORDER, streams(3)[2:])
    assert (together["coherence"] < 0.99).all()  # a and b have cues and measurements of their own
    single = dataclasses.replace(model, copies=1).simulate(DISORDER, streams(3)[2:])
    for name, values in together.items():
        assert values[2:].tobytes() == alone[name].tobytes(), name
        if name not in ("coherence", "blind_coherence"):
            assert alone[name].tobytes() == single[name].tobytes(), name


def test_without_damping_nothing_comes_to_rest_and_says_so() -> None:
    out = DickeHopfield(spins=60, load=0.05, damping=0.0, loss=0.0, steps=300, copies=1).simulate(DISORDER, streams(1))
    assert out["converged"][0] == 0
    assert out["residual"][0] > 1e-3


def test_a_mode_that_turns_back_is_not_at_rest() -> None:
    """A slow mode that loses next to nothing: where it turns back z and Re a are still, at m = 0.89, 0.83, not 0.87."""
    slow = DickeHopfield(
        spins=30, load=1 / 30, field=0.5, cavity_frequency=1e-3, loss=1e-5, damping=2.0, steps=22_000, shots=1, copies=1
    )
    for step in (0.337179, 0.373077):
        out = dataclasses.replace(slow, time_step=step).simulate(DISORDER, streams(1))
        assert out["converged"][0] == 0
        assert out["residual"][0] > 1e-4


@pytest.mark.parametrize(
    ("values", "needle"),
    [
        ({"load": 1e-4}, "rounds to 0 patterns"),
        ({"field": 0.0}, "below its minimum"),
        ({"field": 0.01}, "time_step = 0.1 is too long for field = 0.01"),
        ({"cavity_frequency": 100.0}, "at most 0.025"),
        ({"cavity_frequency": 0.0}, "below its minimum"),
        ({"loss": 1e300}, "above its maximum"),
        ({"load": 1e300}, "lower load or spins"),
        ({"shots": 10**6}, "lower shots"),
    ],
)
def test_bad_parameters(values: dict[str, float], needle: str) -> None:
    with pytest.raises(InputError, match=needle):
        DickeHopfield(**values)  # type: ignore[arg-type]
