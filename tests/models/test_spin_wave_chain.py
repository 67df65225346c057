"""A message down a chain of spins: linear response, heat, readout, limits, what is refused."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.models.spin_wave_chain import SpinWaveChain
from isinglass.theory import landau_lifshitz as theory

DISORDER = np.random.default_rng(7).integers(1, 2**63, 4, dtype=np.uint64)


def noises(replicas: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 2**63, (replicas, 4), dtype=np.uint64)


@pytest.mark.parametrize(("damping", "wave_number"), [(0.05, math.pi / 2), (0.1, 1.0), (0.06, 2.0)])
def test_a_steady_carrier_arrives_as_linear_response_says(damping: float, wave_number: float) -> None:
    """Sixteen equal symbols, cold, h = 0.001; amplitude to 1 %, phase to 0.03 rad, once the start has died away."""
    model = SpinWaveChain(
        length=20, distance=9, wave_number=wave_number, drive=1e-3, damping=damping, temperature=0.0, symbol=40.0,
        symbols=16, equilibration=0.0, time_step=0.02,
    )  # fmt: skip
    z = model.send(np.ones(16, np.int8), noises(1)[0].copy())[0]
    exact = 1e-3 * theory.spin_wave_response(20, 9, model.frequency, model.field, damping)
    assert abs(z[-1]) == pytest.approx(abs(exact), rel=0.01)
    assert np.angle(z[-1] / exact) == pytest.approx(0, abs=0.03)


def test_heat_without_a_message() -> None:
    """⟨|S_x + iS_y|²⟩ = 2T (H^-1)_ii at every site: 8 runs, 4 standard errors, 2 % for T² and the step."""
    model = SpinWaveChain(
        length=8, distance=5, drive=0.0, damping=0.2, temperature=0.004, symbol=5.0, symbols=512, equilibration=60.0,
        copies=1, time_step=0.05,
    )  # fmt: skip
    power = np.array([(abs(model.send(np.ones(512, np.int8), n.copy())[1]) ** 2).mean(axis=0) for n in noises(8)])
    exact = 2 * 0.004 * np.diag(np.linalg.inv(theory.chain_matrix(8, model.field)))
    assert (abs(power.mean(axis=0) - exact) < 4 * power.std(axis=0, ddof=1) / math.sqrt(8) + 0.02 * exact).all()


def test_slow_symbols_arrive_and_too_weak_ones_do_not() -> None:
    """Cold, damped, long symbols: all, exactly, at one bit each. Hot and faint: 0 within 4 standard errors of 12."""
    clear = SpinWaveChain(length=16, distance=8, damping=0.05, temperature=0.0, symbol=40.0, symbols=32)
    out = clear.simulate(DISORDER, noises(1))
    assert out["memory"][0] == 1
    assert out["bit_overlap"][0] == 1
    assert out["coherence"][0] == pytest.approx(1.0)
    assert out["bit_rate"][0] == pytest.approx(1 / 40, rel=0.1)
    assert out["converged"][0] == 1
    faint = SpinWaveChain(length=16, distance=8, damping=0.1, temperature=0.05, drive=0.0, symbol=5.0, copies=1)
    memory = faint.simulate(DISORDER, noises(12))["memory"]
    assert abs(memory.mean()) < 4 * memory.std(ddof=1) / math.sqrt(12)


def test_echoes_are_errors() -> None:
    """Cold, all but undamped, symbols shorter than the echo: scatter comes from other symbols, and bits are lost."""
    model = SpinWaveChain(length=16, distance=8, damping=0.001, temperature=0.0, symbol=5.0, symbols=128, copies=1)
    echo = model.simulate(DISORDER, noises(1))
    damped = dataclasses.replace(model, damping=0.1).simulate(DISORDER, noises(1))
    assert echo["memory"][0] < 0.7
    assert damped["memory"][0] > echo["memory"][0] + 0.2


def test_what_is_reported_of_the_carrier_and_of_copies() -> None:
    """Faint and cold, long symbols: linear response less the changes of symbol, little besides; b is a, c is not.

    With heat b is another. A message into a chain that was at rest, all but undamped: the chain fills, which is drift.
    """
    model = SpinWaveChain(length=16, distance=8, drive=1e-3, damping=0.05, temperature=0.0, symbol=40.0, symbols=32)
    exact = 1e-3 * abs(theory.spin_wave_response(16, 8, model.frequency, model.field, 0.05))
    out = model.simulate(DISORDER, noises(1))
    assert 0.7 * exact < out["signal"][0] < 1.1 * exact
    assert out["scatter"][0] < 0.4 * exact
    short = dataclasses.replace(model, symbol=4.0, length=32, symbols=64)
    cold = short.simulate(DISORDER, noises(1))
    assert cold["coherence"][0] == pytest.approx(1.0)
    assert cold["blind_coherence"][0] < 0.9
    warm = dataclasses.replace(short, temperature=0.001).simulate(DISORDER, noises(1))
    assert warm["coherence"][0] < 0.9
    filling = dataclasses.replace(short, damping=1e-5, temperature=0.01, drive=0.0, equilibration=0.0)
    assert filling.simulate(DISORDER, noises(1))["converged"][0] == 0


def test_messages_that_were_not_sent_are_not_received() -> None:
    """Echoes and heat of a real run, read with 400 other messages: no information, within 4 standard errors."""
    model = SpinWaveChain(length=16, distance=8, damping=0.005, symbol=5.0, symbols=64)
    sent = np.random.default_rng(3).choice(np.array([-1, 1], np.int8), 64)
    z = model.send(sent, noises(1)[0].copy())[0][16:]
    bits = np.where((z * np.conj((sent[16:] * z).mean())).real >= 0, 1, -1)
    others = np.random.default_rng(4).permuted(np.tile(sent[16:].astype(np.int64), (400, 1)), axis=1)
    counts = measures.binary_counts((others * bits).sum(axis=1), others.sum(axis=1), bits.sum(), 48)
    found = measures.mutual_information(counts)
    assert abs(found.mean()) < 4 * found.std(ddof=1) / 20 + 5e-4


def test_copy_a_is_the_same_with_and_without_the_others() -> None:
    model = SpinWaveChain.tiny()
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
        ({"distance": 64}, "beyond a chain of 64"),
        ({"time_step": 0.2}, r"a field of 4\.7"),
        ({"field": 900.0}, "a field of 904"),
        ({"temperature": 100.0, "damping": 1.0}, "noise at T = 100"),
        ({"symbol": 0.1}, "at least 2"),
        ({"equilibration": 1e300}, r"at most 1e\+08"),
        (
            {"length": 65536, "distance": 65535, "symbols": 16, "wave_number": 3.09, "time_step": 1e-3},
            r"flight, 6\.36e\+08",
        ),
        ({"length": 65536, "symbols": 4096}, "states are held"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, float], says: str) -> None:
    with pytest.raises(InputError, match=says):
        SpinWaveChain(**wrong)
