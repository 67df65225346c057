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
