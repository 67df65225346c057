"""Fast neurons and a bias: temperature, moments, Fokker-Planck, order of the step, what is refused."""

from __future__ import annotations

import dataclasses
import math
from statistics import NormalDist

import numpy as np
import pytest

from isinglass.exceptions import InputError
from isinglass.kernels import fast_neurons as kernel
from isinglass.models.fast_neurons import FastNeurons
from isinglass.theory import fast_neurons as theory

DISORDER = np.array([11, 12, 13, 14], np.uint64)


def noises(replicas: int) -> np.ndarray:
    return np.random.default_rng(6).integers(1, 2**63, (replicas, 4), dtype=np.uint64)


def run(replicas: int, **parameters: float) -> dict[str, np.ndarray]:
    return FastNeurons(**parameters).simulate(DISORDER, noises(replicas))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("epsilon", "delta", "neurons"), [(0.1, 0.3, 2), (0.1, 3.0, 1), (1.0, 1.0, 5), (3.0, 0.3, 2), (10.0, 3.0, 1)]
)
def test_temperature_at_rest(epsilon: float, delta: float, neurons: int) -> None:
    """κ_b⟨q²⟩/T = ε/(1 + ε + δ) within 4 SE (6e-5) of the networks, and 0.5 % for the step."""
    networks = 6000 if epsilon < 2 else 1500
    out = run(1, epsilon=epsilon, delta=delta, neurons=neurons, networks=networks, relaxations=5.0, distance=0.0)
    exact = float(theory.temperature_ratio(epsilon, delta))
    assert abs(out["temperature_ratio"][0] / exact - 1) < 4 * math.sqrt(2 / networks) + 0.005
    assert abs(out["centre"][0]) < 4 / math.sqrt(networks)


@pytest.mark.parametrize("relaxations", [0.05, 0.25, 1.0])
@pytest.mark.parametrize(("epsilon", "delta"), [(1.0, 0.1), (0.5, 2.0)])
def test_moments_in_time(epsilon: float, delta: float, relaxations: float) -> None:
    """Mean and variance of q from a Gaussian start, 20 000 networks: 4 SE + 0.5 % of the width at rest, 0.5 %."""
    model = FastNeurons(epsilon=epsilon, delta=delta, networks=20000, relaxations=relaxations, neurons=1)
    out = {k: float(v[0]) for k, v in model.simulate(DISORDER, noises(1)).items()}
    unit = math.sqrt(model.resting)
    mean, variance = theory.moments(model.steps * model.step, epsilon, delta, 1, 3 * unit, 0.25 * model.resting)
    assert abs(out["centre"] - mean / unit) < 4 * math.sqrt(variance / model.resting / 20000) + 0.005
    exact = variance * delta / epsilon
    assert abs(out["temperature_ratio"] / exact - 1) < 4 * math.sqrt(2 / 20000) + 0.005


def test_schroedingers_oscillator_breathes() -> None:
    """Biases at rest, normal, against a packet of width 2 after an eighth of a turn: hypot(2c, s/2); 0.1."""
    model = FastNeurons(
        epsilon=1.0, delta=0.01, networks=2048, neurons=1, time_step=0.5, distance=0.0, width=2.0, relaxations=5.0
    )
    age = model.steps * model.step * model.delta / (1 + model.epsilon)
    turned = dataclasses.replace(model, frequency=math.pi / 4 / age)
    found = turned.simulate(DISORDER, noises(1))["l1_schroedinger"][0]
    normal = [NormalDist(0, width) for width in (1.0, math.hypot(2 * math.sqrt(0.5), math.sqrt(0.5) / 2))]
    one, other = ([d.cdf(x) for x in np.linspace(-3, 3, 23)] for d in normal)
    exact = abs(np.diff(np.subtract(one, other), prepend=0.0, append=0.0)).sum()
    assert found == pytest.approx(exact, abs=0.1)


def test_slow_biases_obey_fokker_planck_and_not_schroedinger() -> None:
    """δ << 1 + ε: L1 to Fokker-Planck is that of so many draws, to 4 of its standard deviations, 0.02.

    From 20 widths away, where a rate that is wrong by a tenth would show. Schroedinger's is 0.5 or more.
    """
    model = {"epsilon": 1.0, "delta": 0.01, "networks": 2048, "neurons": 1, "time_step": 0.5, "distance": 20.0}
    for relaxations in (0.25, 1.0, 3.0):
        out = run(2, relaxations=relaxations, **model)
        assert (out["l1_fokker_planck"] < out["noise_floor"] + 0.08).all()
        assert (out["l1_schroedinger"] > 0.5).all()


def test_noise_floor() -> None:
    """That of 300 multinomial draws, to 3 %."""
    out = run(1, networks=512, relaxations=0.0, distance=0.0, width=1.0)
    edges = np.linspace(-3, 3, 23)
    p = np.diff([0.5 * math.erfc(-x / math.sqrt(2)) for x in edges], prepend=0.0, append=1.0)
    draws = np.random.default_rng(1).multinomial(512, p, 300) / 512
    assert out["noise_floor"][0] == pytest.approx(abs(draws - p).sum(axis=1).mean(), rel=0.05)
    assert out["l1_fokker_planck"][0] < 0.05, "at the start, quantiles: no noise"
    assert out["l1_schroedinger"][0] < 0.05


def test_order_of_the_step() -> None:
    """Long steps, against the exact second moments of Heun's rule for a linear process,

    z' = (1 + hA + h²A²/2)z + (1 + hA/2)√2h ξ: 200 000 networks, 4 SE at h = 0.5; their own error falls by 4 for h/2.
    """
    a = np.array([[-1.0, 1.0], [1.0, -2.0]])
    errors = []
    for h in (0.5, 0.1, 0.05):
        flow = np.eye(2) + h * a + h * h * a @ a / 2
        push = (np.eye(2) + h * a / 2) @ np.diag([2 * h, 0.0]) @ (np.eye(2) + h * a / 2).T
        covariance = np.zeros((2, 2))
        for _ in range(400):
            covariance = flow @ covariance @ flow.T + push
        if h == 0.5:
            q = np.zeros(200000)
            kernel.ensemble(q, 1, 1.0, 1.0, 0.0, h, 40, noises(1)[0])
            assert abs(q.var() / covariance[1, 1] - 1) < 4 * math.sqrt(2 / 200000)
        errors.append(abs(covariance[1, 1] - 1 / 3))
    assert 3 < errors[1] / errors[2] < 5, "second order"


def test_any_potential_gives_fokker_planck_for_a_slow_bias() -> None:
    """δ = 0.05, g = 2: ε/(1 + ε), 4 SE of 2000 networks, 2 % for δ and the step (forces cancel in the sum)."""
    out = run(1, epsilon=1.0, delta=0.05, gain=2.0, networks=2000, neurons=1, relaxations=3.0, distance=0.0, width=1.0,
              time_step=0.3)  # fmt: skip
    assert abs(out["temperature_ratio"][0] / 0.5 - 1) < 4 * math.sqrt(2 / 2000) + 0.02


def test_the_nonlinear_force() -> None:
    """One short step: a bias moves by ε(u + gu³)h, u a standard normal at the start.

    ⟨(u + gu³)²⟩ = 1 + 6g + 15g² for a standard normal u; 40 000 networks, 4 SE.
    """
    q = np.zeros(40000)
    kernel.ensemble(q, 1, 2.0, 0.0, 0.5, 1e-4, 1, noises(1)[0])
    square = (q / 2e-4) ** 2
    assert abs(square.mean() - (1 + 3 + 3.75)) < 4 * square.std() / 200 + 0.02


def test_replicas_do_not_depend_on_each_other() -> None:
    three, two = run(3, networks=16), FastNeurons(networks=16).simulate(DISORDER, noises(3)[1:])
    for name, values in two.items():
        np.testing.assert_array_equal(values, three[name][1:])


def test_divergence_is_flagged() -> None:
    """A quartic force with a start far out: the step cannot follow, nothing is averaged in."""
    q = np.full(4, 1.0)
    kernel.ensemble(q, 1, 1e4, 1.0, 100.0, 0.5, 50, noises(1)[0])
    assert not (abs(q) < 1e6).any()
    out = run(1, epsilon=1.0, delta=1e-4, neurons=1, networks=8, relaxations=0.0, distance=100.0, width=1.0)
    assert out["converged"][0] == 1


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"epsilon": 1e4, "delta": 1e-4}, "steps of neurons"),
        ({"epsilon": 0.0}, "epsilon"),
        ({"delta": 1e300}, "delta"),
        ({"gain": -1.0}, "gain"),
        ({"networks": 1}, "networks"),
        ({"relaxations": 1e4, "neurons": 4096}, "fewer networks"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, float], says: str) -> None:
    with pytest.raises(InputError, match=says):
        FastNeurons(**wrong)  # type: ignore[arg-type]
