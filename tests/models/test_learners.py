"""Replica learners: exact Gaussians, the ground state, Schroedinger, Hamilton-Jacobi, conservation, what is refused."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from isinglass import catalog
from isinglass.exceptions import InputError
from isinglass.kernels import learners as kernel
from isinglass.kernels import schroedinger
from isinglass.models.learners import Learners, overdamped_variance, quantiles
from isinglass.theory import learners as theory

DISORDER = np.array([11, 12, 13, 14], np.uint64)
NOISE = np.random.default_rng(4).integers(1, 2**63, (1, 4), dtype=np.uint64)  # an angle φ of no special value


def run(**parameters: float | int | str) -> dict[str, float]:
    out = Learners(**parameters).simulate(DISORDER, NOISE)  # type: ignore[arg-type]
    return {name: float(values[0]) for name, values in out.items()}


@pytest.mark.parametrize("learners", [16, 32])
def test_ground_state_has_the_variance_of_the_lattice(learners: int) -> None:
    """Friction brings learners to rest: (1 - 1/M)ħ/2, to 1e-5 (the card found 1e-7)."""
    bound = catalog.reference("learners.ground_state").number()
    out = run(learners=learners, quartic=0.0, distance=0.0, width=0.7, friction=2.0, duration=40.0)
    assert abs(out["spread"] ** 2 / theory.ground_variance(1.0, learners) - 1) < bound
    assert abs(out["centre"]) < 1e-12


def test_forces_are_the_gradient_of_the_energy() -> None:
    q = np.sort(np.random.default_rng(3).normal(size=7))
    density, force, energy = np.empty(7), np.empty(7), np.empty((2, 4))
    assert kernel.forces(q, 0.3, 0.8, 0.4, density, force) == pytest.approx(1 / np.diff(q).min())
    for n in range(7):
        for row, shift in enumerate((-1e-6, 1e-6)):
            moved = q.copy()
            moved[n] += shift
            kernel.energies(moved, 0 * q, 0.3, 0.8, 0.4, energy[row])
        assert force[n] == pytest.approx(-(energy[1].sum() - energy[0].sum()) / 2e-6, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("temperature", [0.0, 0.002, 0.1])
@pytest.mark.parametrize("friction", [0.0, 0.2, 4.0])
def test_closure(temperature: float, friction: float) -> None:
    """64 learners against the exact Gaussian: L1 < 0.03; centre to 1e-3, width to 3 % + 1/M of Ermakov's equation."""
    for hbar in (0.05, 1.0):
        model = Learners(
            kappa=1 + hbar**2, quartic=0.0, friction=friction, temperature=temperature, duration=1.5, start="random"
        )
        out = {k: float(v[0]) for k, v in model.simulate(DISORDER, NOISE).items()}
        assert out["l1_closure"] < catalog.reference("learners.closure_map").number()
        still = dataclasses.replace(model, start="rest")
        got = {k: float(v[0]) for k, v in still.simulate(DISORDER, NOISE).items()}
        width, centre = theory.ermakov(1.5, 0.5, hbar**2, friction=friction, temperature=temperature, centre=1.0)
        assert got["centre"] == pytest.approx(centre[0], abs=1e-3)
        assert got["spread"] == pytest.approx(width[0], rel=0.03)


def test_the_closure_of_the_kernel_is_ermakovs() -> None:
    state = np.array([0.5, 0.0, 1.0, 0.3])
    kernel.gaussian(0.7, 0.05, 0.4, 3.0, state)
    width, centre = theory.ermakov(3.0, 0.5, 0.49, friction=0.4, temperature=0.05, centre=1.0, momentum=0.3)
    assert state[[0, 2]] == pytest.approx([width[0], centre[0]], abs=2e-6)


def test_breathing_converges_as_one_over_the_number() -> None:
    """L1 to the exact Gaussian falls with M, slope of the logarithms -0.8 ± 0.2; energy is kept to 1e-6."""
    numbers, found = np.array([16, 32, 64, 128]), []
    for m in numbers:
        out = run(learners=int(m), quartic=0.0, distance=0.0, duration=2.0)
        found.append(out["l1_closure"])
        assert out["energy_drift"] < catalog.reference("learners.energy_drift").number()
    assert np.polyfit(np.log(numbers), np.log(found), 1)[0] == pytest.approx(-0.8, abs=0.2)


def test_energy_is_kept_to_second_order() -> None:
    """At fixed long steps, no adaptive ones: the drift at the end falls by 4 ± 1 for half the step."""
    drift = []
    for step in (0.004, 0.002):
        q, v = 0.5 * quantiles(8), np.zeros(8)
        first, last = np.empty(4), np.empty(4)
        kernel.energies(q, v, 0.2, 1.0, 0.0, first)
        reached, steps = kernel.advance(q, v, 0.2, 1.0, 0.0, 0.0, 0.4, step, 1e9, 10**6)
        assert (reached, steps) == (0.4, round(0.4 / step))
        kernel.energies(q, v, 0.2, 1.0, 0.0, last)
        drift.append(abs(last.sum() - first.sum()))
    assert 3 < drift[0] / drift[1] < 5


def test_map_of_the_card() -> None:
    """κ x q0 at rest, λ = 0.2, t = 1, M = 64, by the card's own cells: 0.03 and 15 % (its cells are not given)."""
    table = catalog.reference("learners.distance_map")
    for kappa, centre, s, h in zip(*map(table.column, ("kappa", "q0", "schroedinger", "hamilton")), strict=True):
        out = run(kappa=kappa, distance=centre / 0.5)
        assert out["l1_schroedinger"] == pytest.approx(s, abs=0.03)
        assert out["l1_hamilton_jacobi"] == pytest.approx(h, abs=0.03 + 0.15 * h)
        if kappa >= 2:
            assert out["l1_schroedinger"] < 0.05


@pytest.mark.parametrize("kappa", [1.0, 2.0])
def test_rank_memory(kappa: float) -> None:
    """Particles cross, learners never do: card, q0 = 1.5, to its last digit."""
    table = catalog.reference("learners.rank_memory")
    for time, crossed in zip(table.column("time"), table.column("hamilton"), strict=True):
        expected = crossed if kappa == 1 else 1.0
        assert run(kappa=kappa, distance=3.0, duration=time)["rank_memory"] == pytest.approx(expected, abs=0.006)


def test_without_a_quantum_pressure_it_is_hamilton_jacobi() -> None:
    """κ = 1: 64 free particles against 8192, before and after caustics; M = 1024 at 0.02."""
    for duration in (0.5, 2.0):
        assert run(kappa=1.0, learners=1024, duration=duration)["l1_hamilton_jacobi"] < 0.02
    assert math.isnan(run(kappa=1.0)["l1_schroedinger"])
    assert run(kappa=1.0)["l1_limits"] == 0


@pytest.mark.parametrize("start", ["rest", "random"])
def test_the_closed_forms_of_the_harmonic_potential_are_those_of_the_solvers(start: str) -> None:
    """λ = 0 in closed form, λ = 1e-9 by wave and particles: the same L1 to 0.01; learners follow at κ = 2 and 1."""
    for kappa in (1.0, 1.3, 2.0):
        exact, solved = (run(kappa=kappa, quartic=x, start=start, duration=0.9) for x in (0.0, 1e-9))
        for name in ("l1_hamilton_jacobi", "l1_limits", "l1_schroedinger"):
            assert exact[name] == pytest.approx(solved[name], abs=0.01, nan_ok=True)
        assert exact["l1_hamilton_jacobi" if kappa == 1 else "l1_schroedinger"] < 0.03


def test_heat_alone_keeps_its_energy() -> None:
    """κ = 1, T = 5: 1e-4; the step is that of the pressure of the closest pair."""
    assert run(kappa=1.0, temperature=5.0, quartic=0.0, learners=128)["energy_drift"] < 1e-4


def test_a_harmonic_packet_keeps_its_shape_at_any_distance() -> None:
    """λ = 0: width, and L1 to the exact Gaussian, do not depend on q0 (Kohn's theorem), so nor does what wins."""
    near, far = (run(quartic=0.0, distance=d, kappa=1.05, duration=0.9) for d in (0.0, 40.0))
    for name in ("spread", "l1_schroedinger", "l1_hamilton_jacobi", "l1_limits"):
        assert near[name] == pytest.approx(far[name], abs=1e-4)


@pytest.mark.parametrize(("hbar", "distance"), [(0.3, 2.0), (1.0, 4.0), (0.1, 4.0)])
def test_split_operator_is_visschers_leapfrog(hbar: float, distance: float) -> None:
    """Two solutions of Schroedinger's equation, quartic potential: probabilities below 23 edges to 2e-3, 1e-4."""
    edges = np.linspace(-2, 2, 23)
    q, p = schroedinger.evolve(0.5 * distance, 0.0, 0.5, 0.2, hbar, 0.8)
    x, r, norm = theory.visscher(1024, 0.5 * distance, 0.5, hbar, 0.8, quartic=0.2)
    mine, theirs = (np.interp(edges, a + (a[1] - a[0]) / 2, np.cumsum(b)) for a, b in ((q, p), (x, r)))
    assert abs(norm - 1) < (1e-4 if hbar < 0.2 else 1e-5)
    assert abs(mine - theirs).max() < (2e-3 if hbar < 0.2 else 1e-4)


def test_a_moving_packet() -> None:
    """Harmonic, with momentum: the wave's centre and width are the closed form."""
    q, p = schroedinger.evolve(0.6, 0.8, 0.5, 0.0, 0.4, 1.1)
    c, s = math.cos(1.1), math.sin(1.1)
    mean = (p * q).sum()
    assert mean == pytest.approx(0.6 * c + 0.8 * s, abs=1e-3)
    assert math.sqrt((p * (q - mean) ** 2).sum()) == pytest.approx(math.hypot(0.5 * c, 0.4 * s), abs=1e-4)


def test_overdamped_variance() -> None:
    """The closed form against steps of the equation; heavy friction against it, and Fokker-Planck without ħ."""
    for start, hbar, heat in ((0.25, 1.0, 0.1), (4.0, 0.3, 0.0), (0.01, 0.5, 0.5)):
        s, h = start, 1e-5
        for _ in range(30000):
            slope = 2 * (-s + heat + hbar**2 / (4 * s))
            middle = s + h / 2 * slope
            s += h * 2 * (-middle + heat + hbar**2 / (4 * middle))
        assert overdamped_variance(start, hbar, heat, 0.3) == pytest.approx(s, rel=1e-6)
    assert overdamped_variance(0.25, 0.0, 0.1, 0.3) == pytest.approx(0.1 + 0.15 * math.exp(-0.6))
    assert overdamped_variance(0.25, 0.7, 0.1, 1e300) == pytest.approx((0.1 + math.hypot(0.1, 0.7)) / 2)
    heavy = run(quartic=0.0, friction=40.0, temperature=0.05, duration=20.0, learners=32)
    assert heavy["l1_drift_diffusion"] < 0.02
    assert heavy["l1_fokker_planck"] > 0.5
    cold = run(quartic=0.0, friction=40.0, temperature=0.05, duration=20.0, learners=32, kappa=1.0)
    assert cold["l1_fokker_planck"] < 0.02


def test_random_angle_and_replicas() -> None:
    model = Learners(learners=8, duration=0.0, start="random", quartic=0.0)
    streams = np.random.default_rng(2).integers(1, 2**63, (2000, 4), dtype=np.uint64)
    centres = model.simulate(DISORDER, streams)["centre"]
    assert abs(np.mean(centres)) < 4 * math.sqrt(0.5 / 2000), "4 SE, 6e-5"
    assert abs(np.mean(np.square(centres)) - 0.5) < 4 * math.sqrt(0.125 / 2000)
    one = model.simulate(DISORDER, streams[7:8])["centre"]
    assert one[0] == centres[7]


def test_what_a_start_says() -> None:
    """ħ, R_Q and coherence of a Gaussian in closed form, μ not 1; places a quarter period apart are on a circle."""
    model = Learners(kappa=3, mu=2, quartic=0.0, distance=3, width=0.4, learners=1024, duration=0.0, start="random")
    now = {k: float(v[0]) for k, v in model.simulate(DISORDER, NOISE).items()}
    assert now["hbar"] == pytest.approx(math.sqrt(2) / 2)
    assert now["quantum_ratio"] == pytest.approx(0.5 / (4 * 0.16) / (1.44 + 0.16), rel=0.01)
    variance = 0.16 * float((quantiles(1024) ** 2).mean())
    assert now["phase_coherence"] == pytest.approx(math.sqrt(1.44 / (1.44 + variance)))
    few = dataclasses.replace(model, learners=16, duration=math.pi / 2)
    then = {k: float(v[0]) for k, v in few.simulate(DISORDER, NOISE).items()}
    assert math.hypot(now["centre"], then["centre"]) == pytest.approx(1.2, abs=1e-4)
    assert abs(then["centre"]) > 0.1
    assert then["l1_closure"] < 0.03


def test_crossed_and_unfinished_runs_are_flagged(monkeypatch: pytest.MonkeyPatch) -> None:
    q, v = np.array([-0.1, 0.0, 0.1, 0.2]), np.array([50.0, 0.0, 0.0, -50.0])
    reached, _ = kernel.advance(q, v, 0.0, 1e-3, 0.0, 0.0, 1.0, 0.01, 0.5, 10**6)
    assert reached < 1
    lossy = run(quartic=100.0, resolution=0.5, learners=16)
    assert lossy["energy_drift"] > 1e-3
    assert lossy["converged"] == 0
    assert math.isnan(lossy["spread"])
    monkeypatch.setattr("isinglass.models.learners.MOST_WORK", 2e4)
    model = Learners(learners=8, duration=0.2, quartic=0.0)
    monkeypatch.setattr("isinglass.models.learners.MOST_WORK", 100.0)
    out = model.simulate(DISORDER, NOISE)
    assert out["converged"][0] == 0
    assert np.isnan(out["l1_closure"][0])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"kappa": 0.99}, "ill-posed"),
        ({"kappa": -1e300}, "ill-posed"),
        ({"kappa": 1e6, "learners": 1024, "duration": 100.0}, "fewer learners"),
        ({"kappa": 1 + 1e-12}, "closed form"),
        ({"kappa": 1.0, "learners": 4, "duration": 1e6}, "particles"),
        ({"distance": 100.0, "width": 100.0, "kappa": 1.5}, "closed form"),
        ({"learners": 2}, "learners"),
        ({"mu": 0.0}, "mu"),
        ({"width": 1e-300}, "width"),
        ({"friction": 1e300}, "friction"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, float], says: str) -> None:
    with pytest.raises(InputError, match=says):
        Learners(**wrong)  # type: ignore[arg-type]
