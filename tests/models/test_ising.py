"""The Ising magnet against all states of L = 4, Onsager, the Binder cumulant at T_c, and a plain run of updates."""

import dataclasses
import hashlib

import numpy as np
import pytest

from isinglass import catalog
from isinglass.exceptions import InputError
from isinglass.kernels import ising as kernel
from isinglass.kernels.bernoulli import BANK, DIGITS, fill_pairs, open_bank, threshold
from isinglass.models.ising import Ising, _halves_agree
from isinglass.theory import ising as theory


def stream(*name: object) -> np.ndarray:
    return np.frombuffer(hashlib.blake2b(repr(name).encode(), digest_size=32).digest(), dtype=np.uint64).copy()


def noises(replicas: int, *name: object) -> np.ndarray:
    return np.stack([stream("noise", k, *name) for k in range(replicas)])


def simulate(groups: int = 1, **parameters: object) -> dict[str, np.ndarray]:
    return Ising(**parameters).simulate(stream("sample"), noises(64 * groups, *sorted(parameters.items())))


def within(values: np.ndarray, exact: float, errors: float = 4, extra: float = 0) -> bool:
    """Standard errors of the mean of 64 or more independent replicas: false alarm 2e-4 at 4, 5e-6 at 5 (Student)."""
    return bool(abs(values.mean() - exact) < errors * values.std(ddof=1) / np.sqrt(len(values)) + extra)


def binder(out: dict[str, np.ndarray]) -> tuple[float, float]:
    """The cumulant and its jackknife error over replicas."""
    m2, m4 = out["magnetisation_2"], out["magnetisation_4"]
    n = len(m2)
    left = 1 - (m4.sum() - m4) / (n - 1) / (3 * ((m2.sum() - m2) / (n - 1)) ** 2)
    return float(1 - m4.mean() / (3 * m2.mean() ** 2)), float(np.sqrt((n - 1) * left.var()))


# Updates against their definition


@pytest.mark.parametrize("rule", [kernel.HEAT_BATH, kernel.METROPOLIS])
@pytest.mark.parametrize(("length", "temperature"), [(4, 2.0), (6, 1.2), (10, 4.0), (8, 0.0)])
def test_a_sweep_is_the_plain_update(rule: int, length: int, temperature: float) -> None:
    """The same random bits, applied spin by spin to unpacked replicas; M and E from their definition."""
    bank, dither = np.empty((4, BANK), np.uint64), np.empty(4, np.uint64)
    open_bank(stream("sweep", length), 0, bank, dither)
    lattice = np.zeros((2, length, length // 2 + 2), np.uint64)
    kernel.begin(lattice, True, bank)
    digits, masks = np.empty((2, DIGITS), np.uint64), np.empty((3, -(-length * length // 2 // BANK) * BANK), np.uint64)
    spins = np.zeros((64, length, length), np.int8)
    kernel.unpack(lattice, spins)
    plain = spins.astype(int)
    for _ in range(3):
        bank_, dither_, drawn = bank.copy(), dither.copy(), np.empty_like(masks)
        kernel.sweep(lattice, rule, temperature, bank, dither, digits, masks)
        two, four = kernel.probabilities(rule, temperature)
        for c in range(2):
            cuts = np.empty((2, DIGITS), np.uint64)
            fill_pairs(bank_, threshold(two, dither_, cuts[0]), threshold(four, dither_, cuts[1]), cuts, *drawn)
            bits = (drawn[..., None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)).astype(int)
            near = sum(np.roll(plain, by, axis) for by, axis in ((1, 1), (-1, 1), (1, 2), (-1, 2)))
            for i in range(length):
                for j in range((i + c) % 2, length, 2):
                    w, s = i * (length // 2) + j // 2, plain[:, i, j].copy()
                    h = near[:, i, j]
                    chosen = np.where(abs(h) == 2, bits[0, w], bits[1, w])
                    if rule == kernel.HEAT_BATH:
                        new = np.where(h == 0, 2 * bits[2, w] - 1, np.sign(h) * (1 - 2 * chosen))
                    else:
                        new = np.where((s * h <= 0) | (chosen == 1), -s, s)
                    plain[:, i, j] = new
        kernel.unpack(lattice, spins)
        assert (spins == plain).all()
    m, e = np.empty(64, np.int64), np.empty(64, np.int64)
    kernel.measure(lattice, np.empty((7, length // 2), np.uint64), np.empty(length // 2, np.uint64), m, e)
    assert (m == plain.sum(axis=(1, 2))).all()
    assert (e == -(plain * (np.roll(plain, 1, 1) + np.roll(plain, 1, 2))).sum(axis=(1, 2))).all()


# Equilibrium


@pytest.mark.parametrize("dynamics", ["heat_bath", "metropolis", "wolff"])
@pytest.mark.parametrize("temperature", [1.8, theory.T_C, 3.0])
def test_all_states_of_four_by_four(dynamics: str, temperature: float) -> None:
    """Five observables at 5 standard errors: false alarm 2e-5 a case."""
    steps = 3000 if dynamics == "wolff" else 12_000
    out = simulate(length=4, temperature=temperature, dynamics=dynamics, equilibration=100, steps=steps)
    for name, exact in theory.enumeration(Ising(temperature=temperature).temperature).items():
        assert within(out[name], exact, 5), name


@pytest.mark.parametrize(("dynamics", "temperature"), [("heat_bath", 2.0), ("metropolis", 2.1), ("heat_bath", 3.0)])
def test_onsager(dynamics: str, temperature: float) -> None:
    out = simulate(length=64, temperature=temperature, dynamics=dynamics, equilibration=300, steps=1000)
    assert within(out["energy"], float(theory.energy(temperature)))
    assert out["converged"].all()
    if temperature < theory.T_C:
        assert within(out["magnetisation"], float(theory.magnetisation(temperature)))
        variance = 64**2 * (out["energy_2"].mean() - out["energy"].mean() ** 2) / temperature**2
        assert variance == pytest.approx(float(theory.specific_heat(temperature)), rel=0.1)


@pytest.mark.parametrize("length", [16, 32])
def test_wolff_is_the_local_update_at_the_critical_point(length: int) -> None:
    """Means at 4 combined standard errors; the cumulant within its reference's tolerance and 4 of its errors."""
    common = {"length": length, "temperature": theory.T_C}
    wolff = simulate(dynamics="wolff", equilibration=20, steps=10240 // length, **common)
    local = simulate(dynamics="heat_bath", equilibration=2 * length**2, steps=500, interval=length, **common)
    for name in ("energy", "magnetisation", "magnetisation_2"):
        a, b = wolff[name], local[name]
        assert abs(a.mean() - b.mean()) < 4 * np.sqrt((a.var() + b.var()) / 63), name
    wanted = catalog.reference("ising.binder_at_critical").number()
    for out in (wolff, local):
        found, error = binder(out)
        assert error < 0.004
        assert abs(found - wanted) < 0.003 + 4 * error


def test_a_step_of_wolff_turns_every_spin_on_average() -> None:
    """At T = 5 clusters are small, and one alone leaves M as it was: of whole steps the correlation is below 0.5."""
    spins, m, e = np.ones((32, 32), np.int8), np.empty(400, np.int64), np.empty(400, np.int64)
    kernel.run_wolff(spins, 5.0, stream("step"), 20, 1, m, e)
    assert abs(np.corrcoef(m[1:], m[:-1])[0, 1]) < 0.5


def test_hot_and_cold_starts_meet() -> None:
    cold, hot = (simulate(length=16, temperature=2.5, start=s, equilibration=500, steps=2000) for s in ("cold", "hot"))
    for name in ("energy", "magnetisation_2"):
        a, b = cold[name], hot[name]
        assert abs(a.mean() - b.mean()) < 4 * np.sqrt((a.var() + b.var()) / 63), name


# Quenches, flags


def test_a_third_of_the_quenches_to_zero_end_striped() -> None:
    """256 of them at 4 binomial standard errors about the reference; frozen energies are whole walls."""
    out = simulate(4, length=32, temperature=0.0, start="hot", equilibration=6000, steps=32)
    wanted = catalog.reference("ising.stripes_at_zero").number()
    assert abs(out["striped"].mean() - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / 256)
    frozen = (out["striped"] == 1) & (abs(out["energy_2"] - out["energy"] ** 2) < 1e-12)
    assert frozen.any()
    walls = (out["energy"][frozen] + 2) * 32 / 2
    np.testing.assert_allclose(walls, np.round(walls), atol=1e-9)
    assert out["converged"].all()  # halves agree: only the start tells


def test_zero_temperature_is_frozen_from_a_cold_start() -> None:
    out = simulate(length=8, temperature=0.0, equilibration=0, steps=32)
    assert (out["magnetisation"] == 1).all()
    assert (out["energy"] == -2).all()
    assert (out["stripe_order"] == 0).all()
    assert (out["autocorrelation_time"] == 0.5).all()


def test_drift_is_flagged() -> None:
    """From hot far below T_c, with no equilibration, domains still grow in the window."""
    out = simulate(length=64, temperature=1.5, start="hot", equilibration=0, steps=64)
    assert not out["converged"].any()


def test_autocorrelation_time_is_that_of_the_series() -> None:
    """Of |m| of L = 8 at T_c against the sum of its autocorrelations, pooled over replicas: within 15 %."""
    bank, dither = np.empty((4, BANK), np.uint64), np.empty(4, np.uint64)
    open_bank(stream("tau"), 0, bank, dither)
    lattice = np.empty((2, 8, 6), np.uint64)
    kernel.begin(lattice, False, bank)
    m, e = np.empty((8000, 64), np.int64), np.empty((8000, 64), np.int64)
    kernel.run(lattice, kernel.HEAT_BATH, theory.T_C, bank, dither, 500, 1, m, e)
    x = abs(m) - abs(m).mean()
    rho = np.array([(x[: len(x) - t] * x[t:]).mean() for t in range(400)]) / (x**2).mean()
    out = simulate(length=8, temperature=theory.T_C, equilibration=500, steps=8000)
    assert out["autocorrelation_time"].mean() == pytest.approx(rho.sum() - 0.5, rel=0.15)


def test_replicas_do_not_depend_on_which_are_asked() -> None:
    for dynamics in ("metropolis", "wolff"):
        model = dataclasses.replace(Ising.tiny(), dynamics=dynamics)
        noise = noises(128, "groups")
        both = model.simulate(stream(), noise)
        second = model.simulate(stream(), noise[64:])
        for name, values in second.items():
            np.testing.assert_array_equal(both[name][64:], values)
        assert len(np.unique(both["energy_2"] + both["magnetisation_4"])) > 100  # they differ among each other


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"length": 7}, "odd"),
        ({"dynamics": "wolff", "equilibration": 0}, "set equilibration"),
        ({"steps": 2**19}, "needs 1.5 GiB .* interval"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, int], says: str) -> None:
    with pytest.raises(InputError, match=says):
        Ising(**wrong)


def test_halves_agree_within_five_standard_errors() -> None:
    """A drift of 8 standard errors of the difference is seen, one of 2 is not: 64 series of 100 independent values."""
    rng = np.random.default_rng(4)
    error = np.sqrt(2 / 50 / 64)
    for drift, agree in ((8, False), (2, True)):
        series = rng.normal(size=(64, 100)) + drift * error * (np.arange(100) >= 50)
        assert (_halves_agree(series) == agree).all()
