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


@pytest.mark.parametrize("state", ["product", "cat", "ground"])
def test_trajectories(state: str) -> None:
    """Purity without bias; the l1 coherence too where no χ is near 0: 200 runs, 4 standard errors (6e-5)."""
    model = Dephasing(spins=6, dose=0.2, state=state, trajectories=500)
    out = model.simulate(STREAM, noise(200))
    for sampled, exact in (("sampled_purity", "purity"), ("sampled_l1", "l1_coherence")):
        values = out[sampled]
        assert abs(values.mean() - out[exact][0]) < 4 * values.std() / np.sqrt(200), sampled


def test_sampled_l1_is_biased_up_by_noise() -> None:
    """At a dose of 20 nothing is left, and T trajectories feign √(2/πT) for each d ≠ 0, within 4 SE (6e-5)."""
    out = Dephasing(spins=8, dose=20, trajectories=400).simulate(STREAM, noise(100))
    feigned = 255 * np.sqrt(2 / (np.pi * 400))
    assert out["l1_coherence"][0] < 1e-7
    assert abs(out["sampled_l1"].mean() - feigned) < 4 * out["sampled_l1"].std() / 10 + 0.002 * feigned


def test_too_many_spins() -> None:
    with pytest.raises(InputError, match=r"spins = 31 needs .* at most spins = 24"):
        Dephasing(spins=31)
