"""Strings of neurons: waves and return to rounding, coin and rates exactly, flipping networks by statistics."""

from __future__ import annotations

import numpy as np
import pytest

from isinglass import InputError, catalog, measures
from isinglass.kernels import strings
from isinglass.kernels.streams import random_signs
from isinglass.models.string_ensemble import StringEnsemble
from isinglass.models.string_network import StringNetwork
from isinglass.models.world_sheet import WorldSheet
from isinglass.theory import strings as theory


def streams(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 2**63, (count, 4), dtype=np.uint64)


DISORDER, NOISE = streams(1, 7)[0], streams(1)


def one(model: StringNetwork | WorldSheet | StringEnsemble, disorder: np.ndarray = DISORDER) -> dict[str, float]:
    out = model.simulate(disorder, NOISE)
    return {name: float(value[0]) for name, value in out.items() if value.ndim == 1}


# ---------------------------------------------------------------- the string


@pytest.mark.parametrize("start", ["standing", "travelling"])
def test_waves_and_exact_return(start: str) -> None:
    """The wave equation to 1e-12, and after a revolution every bit of X."""
    model = StringNetwork(neurons=64, dimension=3, mode=1, modes=3, start=start, records=64)
    out = model.simulate(DISORDER, NOISE)
    assert out["wave_residual"][0] < 1e-12
    assert out["raw_overlap"][0] == 1.0
    assert out["shape_overlap"][0] == pytest.approx(1, abs=1e-15)
    assert out["mode_power"][0] == pytest.approx(1, abs=1e-12)
    assert abs(out["overlap_trace"][0][:-1]).max() < 1
    half = StringNetwork(neurons=64, mode=1, revolutions=0.5).simulate(DISORDER, NOISE)
    assert half["raw_overlap"][0] == pytest.approx(-1, abs=1e-12)


@pytest.mark.parametrize("chi", [0.0, 0.3, 0.5, 0.8, 1.0])
def test_the_coin(chi: float) -> None:
    for eps in (0.0, 1e-300, 1e-8, 0.1, 1.0, 3.0):
        out = np.empty((2, 2))
        strings.coin(eps, chi, out)
        assert out == pytest.approx(theory.coin(eps, chi), abs=1e-14)


@pytest.mark.parametrize("eps", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("chi", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_rates_and_overlaps_are_those_of_the_lattice(eps: float, chi: float) -> None:
    """λ to 1e-8, the overlap with the propagator to 1e-10; continuum within 1.5 % of |λ|."""
    model = StringNetwork(mixing=eps, antisymmetry=chi, records=4)
    out, k = model.simulate(DISORDER, NOISE), 2 * np.pi * 4 / 256
    slow, fast = theory.rates(eps, chi, k)
    assert out["decay"][0] == pytest.approx(-slow.real, abs=1e-8)
    assert out["fast_decay"][0] == pytest.approx(-fast.real, abs=1e-8)
    assert out["frequency"][0] == pytest.approx(abs(slow.imag), abs=1e-8)
    for time, value in zip(model.times, out["overlap_trace"][0], strict=True):
        assert value == pytest.approx(theory.raw_overlap(eps, chi, k, int(time)), abs=1e-10)


def test_numbers_of_the_card() -> None:
    table = catalog.reference("strings.raw_overlap")
    for eps, chi, value in zip(*(table.column(c) for c in ("mixing", "antisymmetry", "overlap")), strict=True):
        assert one(StringNetwork(mixing=eps, antisymmetry=chi))["raw_overlap"] == pytest.approx(value, abs=6e-4)


def test_two_movers_by_hand() -> None:
    """Three steps of a coin on five neurons, site by site, with tanh."""
    rng = np.random.default_rng(3)
    right, left = rng.normal(size=(2, 1, 5))
    x, y, c, g = right[0].copy(), left[0].copy(), theory.coin(0.4, 0.3), 0.7
    for _ in range(3):
        x, y = (np.tanh(g * (row[0] * x + row[1] * y)) / g for row in c)
        x, y = np.roll(x, 1), np.roll(y, -1)
    ring = np.arange(5)
    forward, backward = (ring + 1) % 5, (ring - 1) % 5
    strings.advance(right, left, np.empty((2, 5)), forward, backward, c, g, 0.0, NOISE[0].copy(), 3)
    assert right[0] == pytest.approx(x, abs=1e-15)
    assert left[0] == pytest.approx(y, abs=1e-15)


def test_transpositions_make_several_strings() -> None:
    """Waves run along the cycles still; one transposition of an N-cycle makes two."""
    for count, cycles in ((0, 1), (1, 2)):
        out = one(StringNetwork(transpositions=count))
        assert out["cycles"] == cycles
        assert out["wave_residual"] < 1e-12
    many = StringNetwork(transpositions=64, mode=1, modes=3)
    out = [one(many, d) for d in streams(20)]
    assert max(o["wave_residual"] for o in out) < 1e-12
    assert np.mean([o["mode_power"] for o in out]) < 0.3
    assert all((o["cycles"] - 64 - 1) % 2 == 0 for o in out), "each transposition changes the number by one"


def test_noise_adds_its_variance() -> None:
    """|X|² grows by s² a step: 60 strings, 4 SE (6e-5); the cosine falls accordingly."""
    model = StringNetwork(neurons=64, mode=1, noise=0.1)
    cosine = model.simulate(DISORDER, streams(60))["shape_overlap"]
    squares = 1 / cosine**2 - 1  # noise over signal, up to their product
    assert abs(np.mean(squares) - 0.64) < 4 * squares.std() / np.sqrt(60) + 0.03


def test_noise_and_gain_of_the_card() -> None:
    """Cosine after a revolution, mean of 32 strings, within 0.015.

    Its strings are not normalised: both of its numbers with noise say that their mean square is 1.13.
    """
    table = catalog.reference("strings.shape_overlap")
    for gain, noise, value in zip(*(table.column(c) for c in ("gain", "noise", "overlap")), strict=True):
        model = StringNetwork(dimension=3, mode=1, modes=3, gain=gain, noise=noise / 1.13**0.5)
        pairs = zip(streams(32), streams(32, 2), strict=True)
        found = [model.simulate(d, n[None])["shape_overlap"][0] for d, n in pairs]
        assert np.mean(found) == pytest.approx(value, abs=0.015)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"neurons": 16, "mode": 8}, "beyond what neurons = 16 can hold"),
        ({"revolutions": 0.0}, "less than 2 steps"),
        ({"mixing": 1e300}, "above its maximum"),
    ],
)
def test_what_does_not_fit_is_refused(values: dict[str, float], told: str) -> None:
    with pytest.raises(InputError, match=told):
        StringNetwork(**values)


# ---------------------------------------------------------------- the sheet


@pytest.mark.parametrize("dimension", [2, 3, 5])
def test_nambu_goto_with_the_arc_length_clock_only(dimension: int) -> None:
    """N = 64: residual < 1e-5 and constraints to rounding with the arc length; of order 1 with the others."""
    found = {
        clock: [one(WorldSheet(neurons=64, dimension=dimension, clock=clock), d) for d in streams(12)]
        for clock in ("arc_length", "time", "mean")
    }
    for out in found["arc_length"]:
        assert out["median_nambu_goto"] < 1e-5
        assert out["nambu_goto"] < 1e-5 or dimension == 2  # in the plane each time has cusps, where rounding grows
        assert out["constraint"] < 1e-14
        assert out["timelike"] == 1
    for clock in ("time", "mean"):
        for out in found[clock]:
            assert out["constraint"] > 0.1
            flat = clock == "mean" and dimension == 2  # two subsystems and their mean: the sheet is a piece of a plane
            assert (out["median_nambu_goto"] > 0.1) != flat
            assert out["wave_residual"] < 1e-12
            assert out["return_error"] == 0
    assert max(out["timelike"] for out in found["mean"]) == 0, "the mean of subsystems is no time"


def test_a_clock_at_the_wrong_rate() -> None:
    """With r times the arc length the constraints are |1 - r²| times those of a sheet without time (r = 0)."""
    slow, fast = (one(WorldSheet(neurons=64, rate=rate))["constraint"] for rate in (0.5, 2.0))
    assert fast / slow == pytest.approx(4, rel=1e-12)
    assert slow > 0.1


def test_the_equation_is_that_of_the_area() -> None:
    """The kernel against finite differences of √|h| h^ab ∂_bX, where a clock does not solve it."""

    def movers(x: float, sign: float) -> np.ndarray:
        y = x + 0.3 * sign
        vector = np.array([np.cos(x) + 0.2 * np.cos(2 * y), np.sin(x) * (1 + 0.3 * sign), 0.3 * np.sin(2 * x + 1)])
        return np.concatenate([[sign * (0.9 * x + 0.1 * np.sin(y))], vector])

    def place(tau: float, sigma: float) -> np.ndarray:
        return movers(sigma - tau, -1.0) + movers(sigma + tau, 1.0)

    eta = np.diag([-1.0, 1, 1, 1])

    def flux(tau: float, sigma: float) -> np.ndarray:
        d = 1e-4
        grad = np.array([
            (place(tau + d, sigma) - place(tau - d, sigma)) / (2 * d),
            (place(tau, sigma + d) - place(tau, sigma - d)) / (2 * d),
        ])  # fmt: skip
        h = grad @ eta @ grad.T
        return np.sqrt(abs(np.linalg.det(h))) * np.linalg.inv(h) @ grad

    tau, sigma, d = 0.4, 0.9, 1e-3
    exact = flux(tau + d, sigma)[0] - flux(tau - d, sigma)[0] + flux(tau, sigma + d)[1] - flux(tau, sigma - d)[1]
    exact = exact / (2 * d)

    def slope(f, at: tuple[float, float], axis: int) -> np.ndarray:  # type: ignore[no-untyped-def]
        step = np.eye(2)[axis] * 1e-3
        return (f(*(np.array(at) + step)) - f(*(np.array(at) - step))) / 2e-3

    at = (tau, sigma)
    first = [slope(place, at, axis) for axis in (0, 1)]
    second = slope(lambda *x: slope(place, x, 1), at, 1)
    cross = slope(lambda *x: slope(place, x, 1), at, 0)
    out = np.empty((3, 1))
    strings.sheet(*(np.ascontiguousarray(x[:, None]) for x in (*first, second, cross)), out)
    assert np.sqrt(out[0, 0]) == pytest.approx(np.linalg.norm(exact), rel=1e-4)
    assert np.linalg.norm(exact) > 0.1


# ---------------------------------------------------------------- the ensemble


def test_quenched_orientation_keeps_every_bit() -> None:
    for networks in (1, 2, 1000):
        out = one(StringEnsemble(networks=networks, flips=0.0))
        assert (out["memory"], out["bit_overlap"], out["raw_overlap"], out["coherence"]) == (1, 1, 1, 1)
        assert out["amplitude"] == 1
        messages = np.empty((2, 256), np.int8)
        random_signs(DISORDER.copy(), messages.reshape(-1))
        assert out["blind_coherence"] == abs(messages.astype(int).prod(axis=0).sum()) / 256


def test_shifts_of_networks() -> None:
    """Their distribution, 2e5 networks: χ² of 31 degrees of freedom below 75 (2e-5)."""
    counts = np.empty(32, np.int64)
    strings.wander(streams(1)[0], 2.5 / 32, 40, 200_000, counts)
    expected = theory.shifts(2.5, 32, 40) * 200_000
    possible = expected > 1e-6
    assert counts[~possible].sum() == 0
    assert ((counts - expected)[possible] ** 2 / expected[possible]).sum() < 75


def test_superposition() -> None:
    rng = np.random.default_rng(2)
    message, counts = rng.choice([-1, 1], 11).astype(np.int8), rng.integers(0, 9, 11)
    out = np.empty(11, np.int64)
    strings.superpose(message, counts, out)
    assert out.tolist() == sum(c * np.roll(message.astype(int), s) for s, c in enumerate(counts)).tolist()


@pytest.mark.parametrize("flips", [0.5, 1.5])
def test_overlaps_of_ensembles(flips: float) -> None:
    """Raw overlap exactly, bits as signal in noise: 60 messages, 4 SE (6e-5); the latter within 0.01 besides."""
    model = StringEnsemble(networks=100, flips=flips)
    out = [model.simulate(d, n[None]) for d, n in zip(streams(60, 5), streams(60, 6), strict=True)]
    raw, bits = (np.array([o[name][0] for o in out]) for name in ("raw_overlap", "bit_overlap"))
    assert abs(raw.mean() - theory.shifts(flips, 256, 256)[0]) < 4 * raw.std() / np.sqrt(60)
    exact = float(theory.bit_overlap(flips, 256, 100))
    assert abs(bits.mean() - exact) < 4 * bits.std() / np.sqrt(60) + 0.01


def test_coherence_outlives_memory() -> None:
    """pN = 5, M = 300: ensembles written alike agree in what is no message; amplitude² is Σ P² (4 SE, 6e-5, + 2/M)."""
    model = StringEnsemble(networks=300, flips=5.0)
    out = [model.simulate(d, n[None]) for d, n in zip(streams(40, 8), streams(40, 9), strict=True)]
    found = {name: np.array([o[name][0] for o in out]) for name in out[0]}
    assert found["coherence"].mean() > abs(found["bit_overlap"]).mean() + 0.2
    assert found["coherence"].mean() > found["blind_coherence"].mean()
    square = found["amplitude"] ** 2
    exact = (theory.shifts(5.0, 256, 256) ** 2).sum()
    assert abs(square.mean() - exact) < 4 * square.std() / np.sqrt(40) + 2 / 300


def test_nothing_is_read_of_another_message() -> None:
    """Memory of a message that was not written is 0, 200 ensembles, 4 SE (6e-5) + 2e-4."""
    model, values = StringEnsemble(neurons=256, networks=50, flips=1.0, copies=1), []
    for seed in range(200):
        message = np.random.default_rng(seed).choice([-1, 1], (2, 256)).astype(np.int8)
        _, read = model._read(message[0], streams(1, seed)[0])
        counts = measures.binary_counts(int(read @ message[1]), message[1].sum(), read.sum(), 256)
        values.append(measures.memory(counts))
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(200) + 2e-4


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"flips": 129.0}, "more than one in two"),
        ({"networks": 10**7, "flips": 128.0}, "of 1e9 allowed"),
        ({"revolutions": 1e-300}, "is no step"),
    ],
)
def test_ensembles_that_are_refused(values: dict[str, float], told: str) -> None:
    with pytest.raises(InputError, match=told):
        StringEnsemble(**values)


def test_extreme_flips() -> None:
    """No flip at 1e-300, one at every second step at most; both end."""
    assert one(StringEnsemble(flips=1e-300))["raw_overlap"] == 1
    annealed = one(StringEnsemble(flips=128.0, networks=10_000))
    assert abs(annealed["raw_overlap"] - theory.shifts(128.0, 256, 256)[0]) < 0.03
