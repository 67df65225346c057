"""The Landau-Lifshitz-Gilbert integrator against exact results of one spin, of chains and of equilibrium."""

from __future__ import annotations

import math

import numpy as np
import pytest

from isinglass import catalog
from isinglass.exceptions import InputError
from isinglass.kernels import spin_dynamics as kernel
from isinglass.theory import landau_lifshitz as theory


def stream(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 2**63, 4, dtype=np.uint64)


def directions(n: int, seed: int) -> np.ndarray:
    s = np.random.default_rng(seed).standard_normal((3, n))
    return s / np.linalg.norm(s, axis=0)


def run(
    s: np.ndarray,
    steps: int,
    dt: float,
    *,
    field: object = 0.0,
    diagonal: tuple[float, float, float] = (0.0, 0.0, 0.0),
    exchange: float = 0.0,
    shape: tuple[int, int, int] | None = None,
    periodic: bool = True,
    damping: float = 0.5,
    temperature: float = 0.0,
    noise: np.ndarray | None = None,
) -> None:
    extra = np.ascontiguousarray(np.broadcast_to(np.asarray(field, float), s.shape))
    kernel.run(
        s, extra, np.array(diagonal), exchange, shape or (s.shape[1], 1, 1), periodic, damping, temperature, dt, steps,
        stream(0) if noise is None else noise,
    )  # fmt: skip


def tabled(name: str, column: str, temperature: float) -> float:
    table = catalog.reference(name)
    return float(dict(zip(table.column("temperature"), table.column(column), strict=True))[temperature])


def column(x: float, y: float, z: float) -> np.ndarray:
    return np.array([[x], [y], [z]], float)


@pytest.mark.parametrize("shape", [(1, 4, 5), (3, 3, 4), (2, 1, 7), (1, 3, 3)])
@pytest.mark.parametrize("periodic", [True, False])
def test_field_is_the_gradient_of_the_energy(shape: tuple[int, int, int], periodic: bool) -> None:
    """By differences of an energy written with rolled arrays; quadratic, so exact but for rounding."""
    n = math.prod(shape)
    s, extra, diagonal = directions(n, 1), directions(n, 2), np.array([0.3, -0.7, 1.1])

    def energy(spins: np.ndarray) -> float:
        grid = spins.reshape(3, *shape)
        out = -(extra * spins).sum() - 0.5 * (diagonal[:, None] * spins**2).sum()
        for axis in (2, 3):
            if grid.shape[axis] > 1:
                pairs = (grid * np.roll(grid, -1, axis=axis)).sum(axis=0)
                out -= 0.8 * (pairs if periodic else np.delete(pairs, -1, axis=axis - 1)).sum()
        return float(out)

    b = np.empty_like(s)
    kernel.effective_field(s, extra, diagonal, 0.8, shape, periodic, b)
    for i in range(0, n, 2):
        for c in range(3):
            move = np.zeros_like(s)
            move[c, i] = 0.5
            assert b[c, i] == pytest.approx(energy(s - move) - energy(s + move), abs=1e-12)


def test_damped_precession_at_second_order() -> None:
    """Angle from the axis, and angle turned about it: the error falls by 4 where the step is halved, 4 +- 0.3."""
    start, field, damping, time = 0.4, 1.3, 0.3, 6.0
    z, angle = theory.damped_precession(time, start, field, damping)
    errors = []
    for dt in (0.2, 0.1, 0.05, 0.025):
        s = column(math.sqrt(1 - start**2), 0, start)
        run(s, round(time / dt), dt, field=column(0, 0, field), damping=damping)
        turned = math.atan2(s[1, 0], s[0, 0]) - float(angle)
        errors.append((s[2, 0] - float(z), (turned + math.pi) % (2 * math.pi) - math.pi))
    table = abs(np.array(errors))
    assert table[:-1] / table[1:] == pytest.approx(4.0, abs=0.3)
    assert (table[-1] < (2e-5, 1e-3)).all()


def test_length_is_kept() -> None:
    """|S| = 1 to 1e-14 after 20 000 steps with heat, anisotropy and exchange, at the largest step."""
    s = directions(60, 3)
    dt = kernel.longest_step(2 + 4.8 + 0.5, 0.5, 1.0)
    run(s, 20_000, dt, field=column(0.5, 0, 0), diagonal=(0, 0, 2), exchange=1.2, shape=(1, 6, 10), temperature=1.0)
    assert abs(np.linalg.norm(s, axis=0) - 1).max() < 1e-14


@pytest.mark.parametrize("k", range(4))
def test_magnons(k: int) -> None:
    """Four waves on a ring of 32 in a field: second order in dt, and 2e-4 of the frequency at dt = 0.01."""
    table = catalog.reference("llg.magnon")
    field, time, number = 0.5, 5.0, round(table.column("wave_number")[k] * 16 / math.pi)
    wave = np.exp(1j * math.pi * number * np.arange(32) / 16)
    exact = float(theory.magnon(math.pi * number / 16, field))
    assert exact == pytest.approx(table.column("frequency")[k], abs=1e-5)
    found = []
    for dt in (0.02, 0.01):
        s = np.stack([1e-3 * wave.real, 1e-3 * wave.imag, np.full(32, math.sqrt(1 - 1e-6))])
        run(s, round(time / dt), dt, field=column(0, 0, field), exchange=1.0, shape=(1, 1, 32), damping=0.0)
        turned = np.angle((s[0] + 1j * s[1]) @ wave.conj()) - exact * time
        found.append(((turned + math.pi) % (2 * math.pi) - math.pi) / time)
    assert abs(found[1]) < 2e-4 * exact + 2e-6
    if exact > 1:
        assert found[0] / found[1] == pytest.approx(4.0, abs=0.3)


@pytest.mark.parametrize("k", range(4))
def test_kittel(k: int) -> None:
    """Film in its plane, sphere, film along its normal, needle: four periods timed, dt = 0.01; the table to 1e-4."""
    table = catalog.reference("llg.kittel")
    tensor = tuple(float(table.column(name)[k]) for name in ("nx", "ny", "nz"))
    exact = theory.kittel(1.5, 1.0, tensor)  # type: ignore[arg-type]
    assert exact == pytest.approx(table.column("frequency")[k], abs=1e-5)
    s, dt = column(math.sqrt(1 - 1e-6), 0, 1e-3), 0.01
    rows = []
    for _ in range(int(8.5 * math.pi / exact / dt)):
        run(s, 1, dt, field=column(1.5, 0, 0), diagonal=tuple(-n for n in tensor), damping=0.0)  # type: ignore[arg-type]
        rows.append(s[1, 0])
    y = np.array(rows)
    at = np.flatnonzero((y[:-1] < 0) & (y[1:] >= 0))
    zeros = at + y[at] / (y[at] - y[at + 1])
    assert 2 * math.pi * (len(zeros) - 1) / (zeros[-1] - zeros[0]) / dt == pytest.approx(exact, abs=1e-4 * exact + 2e-5)


def test_stoner_wohlfarth() -> None:
    """Smallest field on a grid of 0.002 that switches a spin at T = 0: 1.5 steps of the grid, slowed near the edge."""
    angle = np.radians(catalog.reference("llg.stoner_wohlfarth").column("angle"))
    h = np.arange(0.4, 1.0, 0.002)
    field = 2 * h * np.stack([np.sin(angle), 0 * angle, -np.cos(angle)])[:, :, None]
    s = np.zeros((3, angle.size * h.size))
    s[2] = 1
    run(s, 6000, 0.2, field=field.reshape(3, -1), diagonal=(0, 0, 2), damping=4.0)
    switched = s[2].reshape(angle.size, h.size) < 0
    first = h[switched.argmax(axis=1)]
    exact = theory.stoner_wohlfarth(angle)
    assert (abs(first - 0.001 - exact) < 0.003).all()
    assert exact == pytest.approx(catalog.reference("llg.stoner_wohlfarth").column("field"), abs=6e-4)


# Equilibrium: spins do not see each other, so that standard errors come from them; 4 of them, false alarm 6e-5 each


@pytest.mark.parametrize("temperature", [0.2, 0.5, 1.0, 2.0])
def test_paramagnet(temperature: float) -> None:
    """⟨S_z⟩ at half of the largest step; what is allowed besides is the bias of first order in dt, 0.004 at most."""
    n, dt = 3000, kernel.longest_step(1.0, 0.5, temperature) / 2
    s = directions(n, 5)
    noise, total = stream(6), np.zeros(n)
    run(s, round(15 / dt), dt, field=column(0, 0, 1), temperature=temperature, noise=noise)
    for _ in range(40):
        run(s, round(1 / dt), dt, field=column(0, 0, 1), temperature=temperature, noise=noise)
        total += s[2] / 40
    exact = float(theory.langevin(1 / temperature))
    assert abs(total.mean() - exact) < 4 * total.std() / math.sqrt(n) + 0.004
    assert exact == pytest.approx(tabled("llg.langevin", "moment", temperature), abs=6e-5)


@pytest.mark.parametrize(("anisotropy", "along", "across"), [(-5.0, 0.0, 1.0), (1.0, 0.3, 0.0), (1.0, 0.0, 0.7)])
def test_easy_plane_and_easy_axis(anisotropy: float, along: float, across: float) -> None:
    """⟨S_x⟩, ⟨S_z⟩, ⟨S_z²⟩ at T = 0.5; the first has nearly the moment of a planar (XY) spin."""
    n, strength = 3000, 2 * abs(anisotropy) + 1
    dt = kernel.longest_step(strength, 0.5, 0.5) / 3
    s, noise, total = directions(n, 7), stream(8), np.zeros((3, n))
    look = {"field": column(across, 0, along), "diagonal": (0, 0, 2 * anisotropy), "temperature": 0.5, "noise": noise}
    run(s, round(20 / dt), dt, **look)  # type: ignore[arg-type]
    for _ in range(25):
        run(s, round(1 / dt), dt, **look)  # type: ignore[arg-type]
        total += np.stack([s[0], s[2], s[2] ** 2]) / 25
    exact = theory.moments(anisotropy, along, across, 0.5)
    for values, wanted in zip(total, exact, strict=True):
        assert abs(values.mean() - wanted) < 4 * values.std() / math.sqrt(n) + 0.004
    if anisotropy < 0:
        assert exact[0] == pytest.approx(float(theory.planar_langevin(2.0)), abs=0.03)


@pytest.mark.parametrize("temperature", [0.3, 0.6, 1.0])
def test_heisenberg_chain(temperature: float) -> None:
    """Energy of a bond of 60 open chains of 20, hot and cold starts: 4 SE over chains, 0.006 bias of the step."""
    exact, dt = float(theory.chain_energy(temperature)), 0.05
    assert exact == pytest.approx(tabled("llg.chain_energy", "energy", temperature), abs=6e-5)
    for s in (directions(1200, 9), np.repeat(column(0, 0, 1), 1200, axis=1)):
        noise, rows = stream(10), []
        look = {"exchange": 1.0, "shape": (60, 1, 20), "periodic": False, "temperature": temperature, "noise": noise}
        run(s, 1200, dt, **look)  # type: ignore[arg-type]
        for _ in range(40):
            run(s, 30, dt, **look)  # type: ignore[arg-type]
            grid = s.reshape(3, 60, 20)
            rows.append(-(grid[:, :, 1:] * grid[:, :, :-1]).sum(axis=0).mean(axis=-1))
        energy = np.mean(rows, axis=0)
        assert abs(energy.mean() - exact) < 4 * energy.std() / math.sqrt(60) + 0.006


def test_noise_has_the_wanted_moments() -> None:
    """Second and fourth moment 1 and 3, odd ones and correlations 0: 90 000 numbers, 4 standard errors."""
    out, words = np.empty((3, 30_000)), np.empty(30_000, np.uint64)
    kernel.thermal_field(stream(11), 0.7, words, out)
    x = out / 0.7
    assert np.unique(x) == pytest.approx([-math.sqrt(3), 0, math.sqrt(3)], rel=1e-6, abs=0)
    assert abs(x.mean()) < 4 / 300
    assert abs((x**3).mean()) < 4 * 3 / 300
    assert abs((x**2).mean() - 1) < 4 * math.sqrt(2) / 300
    assert abs((x**4).mean() - 3) < 4 * math.sqrt(18) / 300
    assert (abs(np.corrcoef(x)[np.triu_indices(3, 1)]) < 4 / math.sqrt(30_000)).all()


def test_no_step_that_is_not_resolved() -> None:
    kernel.check_step(0.1, 5.0, 0.1, 0.1)
    with pytest.raises(InputError, match=r"a field of 100 would turn .* at most 0\.005"):
        kernel.check_step(0.1, 100.0, 0.1, 0.1)
    with pytest.raises(InputError, match=r"noise at T = 1e\+300"):
        kernel.check_step(1e-6, 1.0, 0.5, 1e300)
    with pytest.raises(InputError, match="resolved"):
        kernel.check_step(math.nan, 1.0, 0.5, 1.0)
    assert kernel.longest_step(0.0, 0.0, 1.0) == math.inf
