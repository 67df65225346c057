"""Learning the factor: recovery where it is identifiable, the null, noise as theory says, hidden partners, refusals."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from isinglass.exceptions import InputError
from isinglass.models.factor_learning import FactorLearning
from isinglass.theory import lattice_fields as theory


def streams(samples: int, seed: int = 1) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(seed)
    return [tuple(rng.integers(1, 2**63, s, dtype=np.uint64) for s in (4, (1, 4))) for _ in range(samples)]  # type: ignore[misc]


@pytest.mark.parametrize("field", ["dirac", "klein_gordon"])
@pytest.mark.parametrize("network", ["first", "second"])
def test_what_made_the_record_is_recovered(field: str, network: str) -> None:
    """Without noise, to 1e-3: the regression explains all, whatever the first weights. The antisymmetric factor is
    there for Dirac at first order, and nowhere else.
    """  # fmt: skip
    for seed in (1, 2):
        model = FactorLearning(field=field, network=network, spread=0.5, updates=40000)
        out = model.simulate(*streams(1, seed)[0])
        assert out["recovery_error"][0] < 1e-3
        assert out["explained"][0] == pytest.approx(1.0, abs=1e-6)
        assert out["mass_squared"][0] == pytest.approx(0.09, abs=1e-3)
        assert out["symmetric_share"][0] > 0.999
        assert out["converged"][0] == 1
        wave = (field, network) == ("dirac", "first")
        assert out["found"][0] == wave
        assert (out["odd_share"][0] > 0.8) == wave
        if wave:
            assert out["antisymmetric_share"][0] == pytest.approx(1, abs=1e-4)
            assert out["odd_share"][0] == pytest.approx(1 / 1.18, abs=1e-3)  # of 1 + 2 m²


@pytest.mark.parametrize("network", ["first", "second", "hidden"])
def test_nothing_is_found_in_shuffled_records(network: str) -> None:
    """16 records, times shuffled: explained below 0.02 and error within 0.1 of that of no weights, 1; found nowhere."""
    for field in ("dirac", "klein_gordon"):
        model = FactorLearning(field=field, network=network, shuffled=True, spread=0.01, updates=2000)
        rows = [model.simulate(*s) for s in streams(8)]
        assert max(r["explained"][0] for r in rows) < 0.02
        assert all(abs(r["recovery_error"][0] - 1) < 0.1 for r in rows)
        assert not any(r["found"][0] for r in rows)


@pytest.mark.parametrize("field", ["dirac", "klein_gordon"])
def test_noise_looks_like_a_mass(field: str) -> None:
    """V(k = 0) of 1024 sites, σ = 0.1 and 0.5, 6 records: as theory to 4 SE (false alarm 6e-5 each) + 1 %."""
    for noise in (0.1, 0.5):
        model = FactorLearning(
            field=field, network="second", noise_level=noise, observed_steps=100, sites=1024, updates=2000
        )
        found = np.array([model.simulate(*s)["mass_squared"][0] for s in streams(6)])
        exact = theory.noisy_weights(field, 0.3, 1024, 0.5, noise).sum()
        assert exact > 0.09 * 1.2
        assert abs(found.mean() - exact) < 4 * found.std(ddof=1) / math.sqrt(6) + 0.01 * exact


def test_noise_in_the_inputs_makes_weights_small() -> None:
    """Dirac, both fields seen, whose power is 1 in every mode: weights over 1 + σ², error σ²/(1 + σ²) within 0.03, for
    scatter of 0.05 in quadrature and the step (0.2); were only φ noisy, it would be 0.35.
    """  # fmt: skip
    model = FactorLearning(noise_level=1.0, time_step=0.2, sites=1024, observed_steps=100, updates=1000)
    out = model.simulate(*streams(1)[0])
    assert out["recovery_error"][0] == pytest.approx(0.5, abs=0.03)
    assert out["antisymmetric_weight"][0] == pytest.approx(1 / 1.18, abs=0.03)


def test_a_hidden_partner_is_found_from_small_weights() -> None:
    """Klein-Gordon record, s = 0.01, 64 starts: as many as 1/√2 within 4 SE (0.24), and of these W² is S to 1 %."""
    model = FactorLearning(field="klein_gordon", network="hidden", spread=0.01, observed_steps=64)
    noise = np.random.default_rng(5).integers(1, 2**63, (64, 4), dtype=np.uint64)
    out = model.simulate(streams(1)[0][0], noise)
    found = out["found"] == 1
    assert abs(found.mean() - 0.5**0.5) < 4 * math.sqrt(0.5**0.5 * (1 - 0.5**0.5) / 64)
    assert out["recovery_error"][found].max() < 0.05
    assert out["symmetric_share"][found].min() > 0.99
    assert (out["odd_share"][~found] < 0.02).all(), "the others are even, and wrong"
    assert out["recovery_error"][~found].min() > 0.05


def test_large_weights_find_roots_in_other_bases() -> None:
    """s = 1: of those starts whose W² is S to 2 %, no more than 0.6 have an antisymmetric factor (0.29 expected)."""
    model = FactorLearning(field="klein_gordon", network="hidden", spread=1.0, mass=1.0, observed_steps=64)
    noise = np.random.default_rng(6).integers(1, 2**63, (64, 4), dtype=np.uint64)
    out = model.simulate(streams(1)[0][0], noise)
    right = out["recovery_error"] < 0.02
    assert right.mean() > 0.5
    assert 0 < out["found"][right].mean() < 0.6
    assert (out["found"][right] == ((out["odd_share"] > 0.01) & (out["antisymmetric_share"] > 0.9))[right]).all()


def test_a_learner_that_sees_too_little_learns_little() -> None:
    """σ = 1 and two steps of six sites: nothing found in 16; copies of the same streams are the same bytes."""
    model = FactorLearning(sites=6, observed_steps=2, noise_level=1.0)
    rows = [model.simulate(*s) for s in streams(16)]
    assert not any(r["found"][0] for r in rows)
    again = model.simulate(*streams(1)[0])
    assert all(again[k].tobytes() == rows[0][k].tobytes() for k in again)


def test_what_is_refused_and_what_is_flagged() -> None:
    with pytest.raises(InputError, match="would grow without bound"):
        FactorLearning(field="klein_gordon", time_step=1.0)
    FactorLearning(field="dirac", time_step=1.0)
    with pytest.raises(InputError, match="lower observed_steps or sites"):
        FactorLearning(sites=2**16, observed_steps=2**12)
    with pytest.raises(InputError, match="a saddle"):
        FactorLearning(network="hidden", spread=0.0)
    with pytest.raises(InputError, match="too few to shuffle"):
        FactorLearning(shuffled=True, observed_steps=8)
    wild = FactorLearning(field="klein_gordon", network="hidden", spread=100.0, rate=1.0)
    out = wild.simulate(*streams(1)[0])
    assert (out["diverged"][0], out["converged"][0], out["found"][0]) == (1, 0, 0)
    assert np.isnan(out["recovery_error"][0])
    short = dataclasses.replace(wild, spread=0.01, rate=1e-6, updates=10).simulate(*streams(1)[0])
    assert (short["converged"][0], short["diverged"][0]) == (0, 0)
