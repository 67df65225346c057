"""Dephasing against closed forms, whole density matrices, and the statistics of trajectories."""

from __future__ import annotations

import numpy as np
import pytest

from isinglass import InputError
from isinglass.models.dephasing import Dephasing, prepare
from isinglass.theory import transverse_ising as theory

STREAM = np.arange(1, 5, dtype=np.uint64)


def noise(replicas: int) -> np.ndarray:
    return np.random.default_rng(5).integers(1, 2**63, (replicas, 4), dtype=np.uint64)


@pytest.mark.parametrize("spins", [3, 6, 11])
@pytest.mark.parametrize("dose", [0.0, 0.1, 1.5])
def test_closed_forms(spins: int, dose: float) -> None:
    for state, exact in (("product", theory.product_l1), ("cat", theory.cat_l1)):
        out = Dephasing(spins=spins, dose=dose, state=state, trajectories=1).simulate(STREAM, noise(1))
        assert out["l1_coherence"][0] == pytest.approx(exact(dose, spins), rel=1e-11)
        assert out["remaining_l1"][0] == pytest.approx(exact(dose, spins) / exact(0, spins), rel=1e-11)
        entropy = theory.dephased_entropy(dose, spins if state == "cat" else 1)
        assert out["coherence_entropy"][0] == pytest.approx(entropy, abs=1e-15)
        assert out["single_spin_purity"][0] == pytest.approx(0.5 if state == "cat" else (1 + np.exp(-2 * dose)) / 2)
    product = Dephasing(spins=spins, dose=dose, trajectories=1).simulate(STREAM, noise(1))
    assert product["purity"][0] == pytest.approx(((1 + np.exp(-2 * dose)) / 2) ** spins, rel=1e-12)


@pytest.mark.parametrize("state", ["product", "cat", "ground"])
def test_whole_density_matrices(state: str) -> None:
    model = Dephasing(spins=5, dose=0.3, state=state, field=0.7, trajectories=1)
    psi, good = prepare(model)
    distance = np.array([[(a ^ b).bit_count() for a in range(32)] for b in range(32)])
    rho = np.outer(psi, psi) * np.exp(-0.3 * distance)
    out = model.simulate(STREAM, noise(1))
    assert good
    assert psi @ psi == pytest.approx(1, abs=1e-12)
    assert out["l1_coherence"][0] == pytest.approx(abs(rho).sum() - abs(np.diag(rho)).sum(), abs=1e-10)
    assert out["purity"][0] == pytest.approx((rho * rho).sum(), abs=1e-12)
    value, p = np.linalg.eigvalsh(rho), np.diag(rho)
    value, p = value[value > 1e-15], p[p > 0]
    entropy = (value * np.log2(value)).sum() - (p * np.log2(p)).sum()
    assert out["coherence_entropy"][0] == pytest.approx(entropy / 5, abs=1e-12)
    one = np.einsum("aibi->ab", rho.reshape(2, 16, 2, 16))
    assert out["single_spin_purity"][0] == pytest.approx((one * one).sum(), abs=1e-12)


def test_relative_entropy_of_larger_ground_states_is_not_held() -> None:
    """Without a dose all of it is the entropy of what is measured; above 8 spins there is none."""
    from isinglass.models.transverse_ising import TransverseIsing

    pure = TransverseIsing(spins=8, field=0.7, shots=1).simulate(STREAM, noise(1))["coherence_entropy"][0]
    found = Dephasing(spins=8, dose=0, state="ground", field=0.7, trajectories=1).simulate(STREAM, noise(1))
    assert found["coherence_entropy"][0] == pytest.approx(pure, abs=1e-9)
    large = Dephasing(spins=9, dose=0, state="ground", trajectories=1).simulate(STREAM, noise(1))
    assert np.isnan(large["coherence_entropy"]).all()


def test_half_of_the_l1_coherence_is_left() -> None:
    for state, spins in (("product", 4), ("product", 9), ("cat", 5)):
        model = Dephasing(spins=spins, dose=float(theory.half_dose(state, spins)), state=state, trajectories=1)
        assert model.simulate(STREAM, noise(1))["remaining_l1"][0] == pytest.approx(0.5, abs=1e-12)


@pytest.mark.parametrize("state", ["product", "cat", "ground"])
def test_trajectories(state: str) -> None:
    """Purity without bias; the l1 coherence too where no χ is near 0: 200 runs, 4 standard errors (6e-5)."""
    model = Dephasing(spins=6, dose=0.2, state=state, trajectories=500)
    out = model.simulate(STREAM, noise(200))
    for sampled, exact in (("sampled_purity", "purity"), ("sampled_l1", "l1_coherence")):
        values = out[sampled]
        assert abs(values.mean() - out[exact][0]) < 4 * values.std() / np.sqrt(200), sampled
    few = Dephasing(spins=6, dose=0.2, state=state, trajectories=5).simulate(
        STREAM, noise(200)
    )  # much bias to subtract
    assert abs(few["sampled_purity"].mean() - few["purity"][0]) < 4 * few["sampled_purity"].std() / np.sqrt(200)


def test_sampled_l1_is_biased_up_by_noise() -> None:
    """At a dose of 20 nothing is left, and T trajectories feign √(2/πT) for each d ≠ 0, within 4 SE (6e-5)."""
    out = Dephasing(spins=8, dose=20, trajectories=400).simulate(STREAM, noise(100))
    feigned = 255 * np.sqrt(2 / (np.pi * 400))
    assert out["l1_coherence"][0] < 1e-7
    assert abs(out["sampled_l1"].mean() - feigned) < 4 * out["sampled_l1"].std() / 10 + 0.002 * feigned


def test_too_many_spins() -> None:
    with pytest.raises(InputError, match=r"spins = 31 needs .* at most spins = 24"):
        Dephasing(spins=31)
