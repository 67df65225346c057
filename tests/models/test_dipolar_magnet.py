"""Films with exchange and dipolar fields: exact motion, limits, definitions, what is refused."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from isinglass.exceptions import InputError
from isinglass.kernels import dipolar
from isinglass.models.dipolar_magnet import DipolarMagnet, Films, local_order, vorticity

DISORDER = np.random.default_rng(7).integers(1, 2**63, 4, dtype=np.uint64)


def noises(replicas: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 2**63, (replicas, 4), dtype=np.uint64)


def films(model: DipolarMagnet, spins: np.ndarray | None = None) -> Films:
    out = Films(model, np.ones(model.films, np.int8), dipolar.tensor(model.length, model.length), noises(1)[0])
    if spins is not None:
        out.spins[:] = spins
    return out


def random_spins(n: int) -> np.ndarray:
    s = np.random.default_rng(2).standard_normal((3, n))
    return s / np.linalg.norm(s, axis=0)


def test_second_order_in_the_step() -> None:
    """States at t = 1, T = 0, against dt = 0.0025; and the energy, kept without damping, only lost with it."""
    base = DipolarMagnet(length=4, films=2, dipolar=0.5, anisotropy=-0.3, temperature=0.0, damping=0.0, time_step=0.04)
    states, drift = [], []
    for dt in (0.04, 0.02, 0.0025):
        one = films(dataclasses.replace(base, time_step=dt), random_spins(32))
        before = one.energy()
        one.run(round(1 / dt))
        states.append(one.spins)
        drift.append(abs(one.energy() - before))
    errors = [abs(s - states[-1]).max() for s in states[:-1]]
    assert errors[0] < 0.02
    assert errors[0] / errors[1] == pytest.approx(4.0, abs=0.6)
    assert drift[2] < 1e-4
    damped = films(dataclasses.replace(base, damping=0.5, time_step=0.02), random_spins(32))
    assert (np.diff(damped.run(400)) < 1e-12).all()


def test_energy_and_torque_are_those_of_the_pairs() -> None:
    """Energy of two films of 2 x 2, pairs written out, and the first turn of each spin, -S x B/(1 + α²) and damped."""
    model = DipolarMagnet(
        length=2, films=2, exchange=0.7, dipolar=0.45, anisotropy=-0.4, temperature=0.0, damping=0.3, time_step=1e-6,
        duration=1.0,
    )  # fmt: skip
    start = random_spins(8)
    one = films(model, start)

    def energy(s: np.ndarray) -> float:
        out, place = 0.0, [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
        for film in (s[:, :4], s[:, 4:]):
            out -= -0.4 * float((film[2] ** 2).sum())
            for i, j in ((0, 1), (0, 2), (1, 3), (2, 3), (0, 3), (1, 2)):
                r = np.array([place[j][0] - place[i][0], place[j][1] - place[i][1], 0.0])
                a, b, d = film[:, i], film[:, j], float(np.linalg.norm(r))
                out += 0.45 * float(a @ b - 3 * (a @ r) * (b @ r) / d**2) / d**3 - 0.7 * float(a @ b) * (d == 1)
        return out

    assert one.energy() == pytest.approx(energy(start) / 8, abs=1e-12)
    field = np.empty_like(start)
    for c, i in np.ndindex(3, 8):
        move = np.zeros_like(start)
        move[c, i] = 0.5
        field[c, i] = energy(start - move) - energy(start + move)
    turn = np.cross(start.T, field.T)
    rate = -(turn + 0.3 * np.cross(start.T, turn)).T / 1.09
    one.run(1)
    assert (one.spins - start) / 1e-6 == pytest.approx(rate, abs=1e-4)


def test_heat_in_a_cold_film() -> None:
    """Free edges, no other term: T for each of the 15 waves of 16 spins above -24 J. 8 runs, 4 SE, 5 % for T²."""
    model = DipolarMagnet(length=4, films=64, dipolar=0.0, temperature=0.02, duration=30.0, time_step=0.1, copies=1)
    energy = model.simulate(DISORDER, noises(8))["energy"]
    heat = 0.02 * 15 / 16
    assert abs(energy.mean() + 1.5 - heat) < 4 * energy.std(ddof=1) / math.sqrt(8) + 0.05 * heat


def test_copies_and_drift() -> None:
    """Nothing moves: b is a, and c tells the second message. With heat b is another; a quick loss of order is drift."""
    still = DipolarMagnet(length=2, films=64, dipolar=0.0, temperature=0.0, duration=2.0)
    out = still.simulate(DISORDER, noises(1))
    assert 0 < out["blind_coherence"][0] < 0.5
    assert out["coherence"][0] == 1
    warm = dataclasses.replace(still, temperature=0.1).simulate(DISORDER, noises(1))
    assert 0.3 < warm["coherence"][0] < 0.99
    moving = DipolarMagnet(length=6, exchange=0.1, dipolar=0.6, temperature=0.02, duration=4.0, copies=1)
    assert not moving.simulate(DISORDER, noises(2))["converged"].any()


def test_order_parameters() -> None:
    """A vortex: vorticity 1, no moment, neighbours aligned but at the core; a uniform film: 0, 1."""
    y, x = np.mgrid[:20, :20] - 9.5
    r = np.hypot(x, y)
    vortex = np.stack([-y / r, x / r, 0 * r])[:, None]
    assert vorticity(vortex) == pytest.approx([1.0])
    assert vorticity(-vortex) == pytest.approx([-1.0])
    assert abs(vortex.mean(axis=(1, 2, 3))).max() < 1e-12
    assert 0.97 < local_order(vortex) < 1
    flat = np.zeros((3, 1, 20, 20))
    flat[0] = 1
    assert local_order(flat) == 1
    assert abs(vorticity(flat)[0]) < 1e-12


def test_limits() -> None:
    """Cold, no dipolar field: nothing moves and all is read. Hot: overlaps of independent spins, nothing is read."""
    still = DipolarMagnet(length=4, films=32, dipolar=0.0, temperature=0.0, duration=2.0).simulate(DISORDER, noises(1))
    for name in ("memory", "order", "local_order", "remanence", "coherence", "bit_overlap"):
        assert still[name][0] == 1
    assert still["energy"][0] == pytest.approx(-24 / 16)
    assert still["converged"][0] == 1
    hot = DipolarMagnet(
        length=4, films=64, exchange=0.01, dipolar=0.01, temperature=3.0, duration=6.0, time_step=0.04, copies=1
    ).simulate(DISORDER, noises(8))
    assert abs(hot["memory"].mean()) < 4 * hot["memory"].std(ddof=1) / math.sqrt(8)
    assert abs(hot["local_order"].mean() - 0.01 / 3 / 3) < 4 * hot["local_order"].std(ddof=1) / math.sqrt(8) + 0.003
    assert hot["order"].mean() == pytest.approx(math.sqrt(8 / 3 / math.pi) / 4, rel=0.05)  # Maxwell: √(8/3π)/√16


def test_copy_a_is_the_same_with_and_without_the_others() -> None:
    model = DipolarMagnet.tiny()
    both = model.simulate(DISORDER, noises(3))
    one = dataclasses.replace(model, copies=1).simulate(DISORDER, noises(3)[1:])
    for name, values in one.items():
        if name in ("coherence", "blind_coherence"):
            assert np.isnan(values).all()
        else:
            np.testing.assert_array_equal(values, both[name][1:])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"dipolar": 100.0}, "a field of 907"),
        ({"temperature": 1e5}, r"noise at T = 100000"),
        ({"duration": 0.1}, "steps"),
        ({"duration": 1e300}, "are possible"),
        ({"length": 1024, "films": 1000}, "at most 4194304 fit"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, float], says: str) -> None:
    with pytest.raises(InputError, match=says):
        DipolarMagnet(**wrong)
