"""Bits in grains: memory in time against the Fokker-Planck equation, definitions, limits, what is refused."""

from __future__ import annotations

import dataclasses
import tracemalloc

import numpy as np
import pytest

from isinglass.exceptions import InputError
from isinglass.kernels.streams import random_signs
from isinglass.models.macrospin import Macrospin
from isinglass.theory import fokker_planck as theory

DISORDER = np.random.default_rng(7).integers(1, 2**63, 4, dtype=np.uint64)


def noises(replicas: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 2**63, (replicas, 4), dtype=np.uint64)


def written(model: Macrospin, messages: int) -> dict[str, np.ndarray]:
    """One replica of each of so many messages."""
    rows = [model.simulate(d, n[None]) for d, n in zip(noises(messages, 3), noises(messages), strict=True)]
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


@pytest.mark.parametrize(("stability", "field"), [(2.0, 0.0), (5.0, 0.0), (5.0, 0.5), (8.0, -0.6)])
@pytest.mark.parametrize("damping", [0.1, 0.5])
def test_memory_is_that_of_the_fokker_planck_equation(stability: float, field: float, damping: float) -> None:
    """At four times, and half-life and overlap; 16 messages of 400 grains: 4 SE (6e-5 each), 0.006 for the step."""
    half = float(theory.half_life(stability, field, damping))
    model = Macrospin(length=20, stability=stability, field=field, damping=damping, duration=3 * half, copies=1)
    time = model.coords()["time"][0]
    out = written(model, 16)
    exact = theory.reading(time, stability, field, damping)
    for k in (-25, -15, -8, -1):
        trace = out["memory_trace"][:, k]
        assert abs(trace.mean() - exact.memory[k]) < trace.std(ddof=1) + 0.006
    overlap, found = out["bit_overlap"], out["retention_time"]
    assert abs(overlap.mean() - (exact.up[-1] + exact.down[-1] - 1)) < overlap.std(ddof=1) + 0.006
    assert abs(found.mean() - half) < found.std(ddof=1) + 0.01 * half + model.time_step


def test_what_was_written_stays_without_heat() -> None:
    """Next to no heat, within the coercive field: all of it, exactly; beyond, it switches, and both are read alike."""
    cold = Macrospin(length=12, stability=1e6, field=0.8, exchange=0.02, duration=50.0, records=2)
    out = cold.simulate(DISORDER, noises(2))
    assert (out["memory"] == 1).all()
    assert (out["censored"] == 1).all()
    assert out["remanence"] == pytest.approx(1, abs=1e-4)
    assert out["coherence"] == pytest.approx(1, abs=1e-4)
    assert (abs(out["blind_coherence"]) < 0.4).all()
    beyond = dataclasses.replace(cold, field=1.3, exchange=0.0, duration=100.0, stability=1e3)
    gone = beyond.simulate(DISORDER, noises(1))
    assert abs(gone["memory"][0]) < 0.02
    assert gone["magnetisation"][0] == pytest.approx(1, abs=0.01)
    assert not gone["censored"][0]
    written = np.empty(2 * 144, np.int8)
    random_signs(DISORDER.copy(), written)
    assert gone["bit_overlap"][0] == written[:144].mean(), "all lie along the field"


def test_what_was_forgotten_is_not_read() -> None:
    """Hot: memory 0, overlaps those of independent spins, |Σ a·b|/N about √(2/3π)/L; 4 standard errors of 40 runs."""
    out = Macrospin(length=16, stability=0.3, duration=30.0, time_step=0.04, records=2).simulate(DISORDER, noises(40))
    assert abs(out["memory"].mean()) < 4 * out["memory"].std() / np.sqrt(40)
    for name in ("coherence", "blind_coherence"):
        assert abs(out[name].mean() - np.sqrt(2 / 3 / np.pi) / 16) < 4 * out[name].std() / np.sqrt(40)
    assert not out["censored"].any()


@pytest.mark.parametrize(("exchange", "root"), [(1.0, 1.2495), (-1.0, 0.8339)])
def test_exchange_is_that_of_four_neighbours(exchange: float, root: float) -> None:
    """Hot, 4 x 4 periodic: N⟨M²⟩ = 1 + 4u + 12u² + 36u³ + 100u⁴, u = coth x - 1/x, x = J/T = 0.3; `root` is its root.

    The anisotropy, σ = 0.3, is of no account to first order. |M| is nearly Maxwell's; 1500 runs, 4 SE, 1 % besides.
    """
    model = Macrospin(length=4, stability=0.3, exchange=exchange, duration=4.0, records=2, copies=1)
    found = model.simulate(DISORDER, noises(1500))["magnetisation"] * 4 / np.sqrt(8 / 3 / np.pi)
    assert abs(found.mean() - root) < 4 * found.std(ddof=1) / np.sqrt(1500) + 0.01


def test_records_are_not_held() -> None:
    """256 x 256 grains at 150 times would be 240 MB; at work are five arrays of 1.6 MB."""
    model = Macrospin(length=256, duration=4.0, records=200, copies=1)
    assert model.steps.size > 100
    tracemalloc.start()
    try:
        model.simulate(DISORDER, noises(1))
        assert tracemalloc.get_traced_memory()[1] < 2e7
    finally:
        tracemalloc.stop()


def test_copy_a_is_the_same_with_and_without_the_others() -> None:
    model = Macrospin.tiny()
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
        ({"time_step": 0.5}, "a field of"),
        ({"stability": 0.05}, "noise at T = 20"),
        ({"duration": 1e300}, r"1e\+08 are possible"),
        ({"duration": 0.01}, "steps"),
        ({"length": 2, "exchange": 0.1}, "at least 3"),
        ({"exchange": 10.0}, "a field of 42"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, float], says: str) -> None:
    with pytest.raises(InputError, match=says):
        Macrospin(**wrong)
