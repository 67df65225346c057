"""Learners of two trainables and on a ring: exact Gaussians, readouts, what is an identity, what is refused."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from isinglass import InputError
from isinglass.catalog import reference
from isinglass.kernels import learner_pairs
from isinglass.models.entangled_learners import CLOCKS, INTERACTIONS, EntangledLearners, chsh
from isinglass.models.ring_learners import RingLearners
from isinglass.theory import entangled as theory

NOISE = np.random.default_rng(4).integers(1, 2**63, (4, 4), dtype=np.uint64)
GRID = np.pi * np.arange(CLOCKS) / CLOCKS


def look(model: EntangledLearners | RingLearners, replicas: int = 1) -> dict[str, np.ndarray]:
    return model.simulate(NOISE[0], NOISE[:replicas])


def whitened(number: int) -> np.ndarray:
    """Learners (2, number) whose sample covariance is ½ exactly."""
    q = np.random.default_rng(2).normal(size=(2, number))
    q -= q.mean(axis=1, keepdims=True)
    return np.asarray(np.linalg.inv(np.linalg.cholesky(q @ q.T / number)) @ q / math.sqrt(2))


@pytest.mark.parametrize("interaction", ["joint", "separate", "none"])
def test_linear_maps_of_learners(interaction: str) -> None:
    """Twenty learners of covariance ½ go where M → ∞ says: error by the step with slope 2 ± 0.1."""
    exact = theory.learner_maps(2.0, 0.6, interaction, np.array([0.0, 0.3]))[0]
    q0, errors = whitened(20), []
    for steps in (100, 200):
        q, v = q0.copy(), np.zeros_like(q0)
        learner_pairs.pair_run(q, v, 2.0, INTERACTIONS[interaction], 0.6 / steps, steps)
        errors.append(abs(q - exact @ q0).max())
    assert math.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)
    assert errors[1] < 2e-4


def test_joint_learners_are_the_exact_gaussian() -> None:
    """Place covariance of the map is Schroedinger's, at any coupling and time."""
    for coupling, duration in ((0.0, 1.0), (0.3, 2.0), (5.0, 0.9)):
        a = theory.learner_maps(coupling, duration, "joint", np.array([0.0, 0.1]))[0]
        sigma = theory.covariance(coupling, duration)
        assert a @ a.T / 2 == pytest.approx(sigma[:2, :2], abs=1e-8)
        model = EntangledLearners(coupling=coupling, duration=duration)
        assert model.covariance() == pytest.approx(sigma, abs=1e-12)
        e = model.sign_correlations(sigma)
        direct = [[theory.signs(sigma, a, b) for b in GRID] for a in GRID]
        assert e == pytest.approx(np.array(direct), abs=1e-12)


def test_force_is_the_gradient_of_the_energy() -> None:
    """By differences of the energy; M times, since it is per learner."""
    q = np.random.default_rng(1).normal(size=(2, 7))
    out, none = np.empty((2, 7)), np.zeros((2, 7))
    for kind in INTERACTIONS.values():
        learner_pairs.pair_forces(q, 0.7, kind, out)
        for k, i in ((0, 0), (1, 3)):
            up, down = q.copy(), q.copy()
            up[k, i] += 1e-5
            down[k, i] -= 1e-5
            rise = learner_pairs.pair_energy(up, none, 0.7, kind) - learner_pairs.pair_energy(down, none, 0.7, kind)
            assert -7 * rise / 2e-5 == pytest.approx(out[k, i], rel=1e-6)


def test_what_is_seen_of_joint_learners() -> None:
    """At the floor in distance and at equal clocks (4 runs; rms over 8 clocks within 3/√M), not at unequal ones."""
    model = EntangledLearners(coupling=1.0, duration=theory.quarter_period(1.0), learners=4096, resolution=0.05)
    out = look(model, 4)
    assert out["l1"].mean() < 1.3 * out["l1_floor"].mean()
    assert (out["equal_clocks"] < 3 / 64).all()
    e = theory.learner_signs(theory.learner_maps(1.0, model.duration, "joint", GRID))
    exact = model.sign_correlations(model.covariance())
    away = np.sqrt(((e - exact)[~np.eye(CLOCKS, dtype=bool)] ** 2).mean())
    assert out["unequal_clocks"].mean() == pytest.approx(away, abs=0.01)
    assert out["chsh"].mean() == pytest.approx(chsh(e), abs=0.08)
    assert out["chsh_signs"][0] == pytest.approx(chsh(exact))
    assert (out["converged"] == 1).all()
    apart = look(dataclasses.replace(model, interaction="separate"))
    assert apart["l1"][0] > 0.3
    assert abs(apart["correlation_excess"][0]) > 0.2
    floor = 64 * math.sqrt(2 / (math.pi * 4096 * 64))  # Σ of mean |deviations| of 64 shares of 1/64
    assert out["l1_floor"].mean() == pytest.approx(floor, rel=0.2)


def test_local_variables_keep_to_two() -> None:
    """An identity for learners, however few; the search finds the largest value of a known table."""
    for interaction in INTERACTIONS:
        few = EntangledLearners(learners=8, coupling=3.0, interaction=interaction, resolution=0.1)
        assert (look(few, 4)["chsh"] <= 2 + 1e-12).all()
    angle = np.pi * np.arange(8) / 8
    assert chsh(np.cos(angle[:, None] - angle)) == pytest.approx(2 * math.sqrt(2))
    assert chsh(np.zeros((3, 3))) == 0


def test_distance_of_eight_learners() -> None:
    """In k cells of 64 they are at 2 - k/32 from even shares, exactly."""
    out = look(EntangledLearners(learners=8, duration=0.0, resolution=0.1), 4)
    for name in ("l1", "l1_floor"):
        cells = (2 - out[name]) * 32
        assert cells == pytest.approx(cells.round())
        assert ((cells > 0.5) & (cells < 8.5)).all()


def test_ring_forces_and_order() -> None:
    """Gradient of the energy; energy kept at order 2 in the step."""
    q = np.sort(np.random.default_rng(1).uniform(0, 2 * np.pi, 6))
    out, density = np.empty(6), np.empty(6)
    learner_pairs.ring_forces(q, density, out)
    for i in (0, 3, 5):
        up, down = q.copy(), q.copy()
        up[i] += 1e-6
        down[i] -= 1e-6
        rise = learner_pairs.ring_energy(up, 0 * q) - learner_pairs.ring_energy(down, 0 * q)
        assert -rise / 2e-6 == pytest.approx(out[i], rel=1e-4)
    drift = [
        look(RingLearners(modulation=1.0, learners=16, duration=1.0, resolution=r))["energy_drift"][0]
        for r in (0.2, 0.05)
    ]
    assert math.log(drift[0] / drift[1]) / math.log(4) == pytest.approx(2, abs=0.4)


@pytest.mark.parametrize("winding", [0.0, 0.3, 1.0, -2.5])
def test_any_winding_is_carried(winding: float) -> None:
    """L1 to the twisted equation small and of order 2 in 1/M; circulation kept; whole windings are Schroedinger's."""
    coarse, fine = (look(RingLearners(winding=winding, duration=2.0, learners=m)) for m in (16, 64))
    assert fine["l1_twisted"][0] < 0.002
    assert math.log(coarse["l1_twisted"][0] / fine["l1_twisted"][0]) / math.log(4) == pytest.approx(2, abs=0.3)
    assert fine["circulation"][0] == pytest.approx(winding, abs=1e-3)
    assert (fine["l1_single"][0] == fine["l1_twisted"][0]) == (winding == round(winding))
    assert fine["converged"][0] == 1


def test_the_exact_ring() -> None:
    """A revival after 4π; half of one is half a turn; a winding turns it; the prototype's overlaps."""
    model = RingLearners(modulation=1.0)
    start = model.cells(0.0, 1.0, 0.0)
    assert model.cells(4 * np.pi, 1.0, 0.0) == pytest.approx(start, abs=1e-9)
    assert model.cells(2 * np.pi, 1.0, 0.0) == pytest.approx(np.roll(start, 12), abs=1e-9)
    assert model.cells(4 * np.pi, 1.0, 0.125) == pytest.approx(np.roll(start, 6), abs=1e-9)
    assert start.sum() == pytest.approx(1)
    table = reference("ring.revival")
    for winding, overlap in zip(table.column("winding"), table.column("overlap"), strict=True):
        assert theory.ring_revival(winding, 3.0) == pytest.approx(overlap, abs=5e-4)
        n, angle = np.arange(-40, 41), 2 * np.pi * np.arange(256) / 256
        c = (np.exp(3 * np.cos(angle)) * np.cos(n[:, None] * angle)).sum(axis=1) ** 2
        direct = abs((c / c.sum() * np.exp(-2j * np.pi * (n + winding) ** 2)).sum())
        assert theory.ring_revival(winding, 3.0) == pytest.approx(direct, abs=1e-9)


def test_refusals() -> None:
    with pytest.raises(InputError, match="lower learners, duration or coupling"):
        EntangledLearners(coupling=1e4)
    with pytest.raises(InputError, match="GiB"):
        EntangledLearners(learners=2**24)
    with pytest.raises(InputError, match="fewer learners"):
        RingLearners(learners=1024, duration=1e4)
    assert look(RingLearners(modulation=0.0, learners=8, duration=0.0))["l1_twisted"][0] < 1e-9
    assert look(EntangledLearners(learners=64, duration=0.0, coupling=0.0))["converged"][0] == 1
