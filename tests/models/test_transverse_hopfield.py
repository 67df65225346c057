"""Product states in a transverse field: fixed points against theory and whole matrices, readouts by definition."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from isinglass import InputError, catalog
from isinglass.kernels import hartree
from isinglass.kernels.streams import random_signs
from isinglass.models.hopfield import Hopfield, store
from isinglass.models.transverse_hopfield import TransverseHopfield, recalled
from isinglass.theory import transverse_hopfield as theory

DISORDER = np.array([11, 12, 13, 14], dtype=np.uint64)


def streams(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 2**63, (count, 4), dtype=np.uint64)


def samples(model: TransverseHopfield, count: int) -> dict[str, np.ndarray]:
    """Observables (sample,), one replica each."""
    runs = [model.simulate(d, n[None]) for d, n in zip(streams(count), streams(count, 2), strict=True)]
    return {name: np.array([run[name][0] for run in runs]) for name in runs[0]}


TABLE = catalog.reference("transverse_hopfield.overlap_simulated")


@pytest.mark.parametrize(
    ("load", "field", "reference"),
    list(zip(*(TABLE.column(name) for name in ("load", "field", "overlap")), strict=True)),
)
def test_recall_overlap(load: float, field: float, reference: float) -> None:
    """N = 2000, 8 samples: 4 standard errors (6e-5) and 0.001 from theory (N → ∞); √2 of that from the prototype's 4.

    At (0.1, 0.2) single samples leave the pattern, and the median is compared.
    """
    got = samples(TransverseHopfield(spins=2000, load=load, field=field, copies=1, shots=1), 8)
    m, exact = got["recall_overlap"], theory.order_parameters(load, field)
    middle, error = np.median(m), m.std(ddof=1) / np.sqrt(8)
    assert abs(middle - exact.m) < 5 * error + 0.001
    assert abs(m.mean() - reference) < 4 * np.sqrt(3) * error + 0.0005
    assert np.median(got["freezing"]) == pytest.approx(float(exact.q), abs=10 * error + 0.002)
    assert np.median(got["polarisation"]) == pytest.approx(float(exact.polarisation), abs=10 * error + 0.002)
    assert got["converged"].all()


def test_without_a_field_it_is_the_hopfield_network_at_zero_temperature() -> None:
    """Spin by spin: same patterns, same cue, same order of updates, the same fixed point."""
    for cue in (1.0, 0.5):
        mine = TransverseHopfield(spins=200, load=0.1, field=0.0, cue=cue)
        its = Hopfield(neurons=200, load=0.1, temperature=0.0, cue=cue, equilibration=100, steps=2, copies=1)
        for seed in range(5):
            noise = streams(1, seed)
            a, b = mine.simulate(streams(1, seed + 9)[0], noise), its.simulate(streams(1, seed + 9)[0], noise)
            for name, other in (("recall_overlap", "final_overlap"), ("initial_overlap", "initial_overlap")):
                assert a[name] == pytest.approx(b[other], abs=1e-12)
            assert a["spurious_overlap"] == pytest.approx(b["spurious_overlap"], abs=1e-12)
            assert a["energy"] == pytest.approx(b["energy"], abs=1e-12)
            assert (a["freezing"] == 1).all()


@pytest.mark.parametrize("diagonal", ["removed", "kept"])
def test_fixed_points_of_the_whole_matrix(diagonal: str) -> None:
    """s_i = h_i/√(h_i²+Γ²) with J written out; every observable of the state from its definition."""
    n, field = 90, 0.35
    model = TransverseHopfield(spins=n, load=0.05, field=field, diagonal=diagonal, cue=0.7)
    xi = hartree.random_patterns(DISORDER, n, model.stored).astype(float)
    couplings = xi @ xi.T / n
    if diagonal == "removed":
        np.fill_diagonal(couplings, 0)
    z, _, _, residual = model._relaxed(xi.astype(np.int8), 0, streams(1)[0])
    h = couplings @ z
    np.testing.assert_allclose(z, h / np.hypot(h, field), atol=1e-7)
    out = {k: float(v[0]) for k, v in model.simulate(DISORDER, streams(1)).items()}
    x = np.sqrt(1 - z * z)
    p = (1 + z) / 2
    expected = {
        "recall_overlap": xi[:, 0] @ z / n, "recall_gain": xi[:, 0] @ z / n - 1 + 2 * 14 / n,
        "initial_overlap": 1 - 2 * 14 / n, "spurious_overlap": abs(xi[:, 1:].T @ z).max() / n,
        "freezing": z @ z / n, "polarisation": x.mean(), "single_spin_purity": 1.0, "residual": residual,
        "coherence_entropy": -(p * np.log2(p) + (1 - p) * np.log2(1 - p)).mean(),
        "energy": (-0.5 * z @ couplings @ z - field * x.sum()) / n, "realised_load": 4 / 90,
    }  # fmt: skip
    assert {k: out[k] for k in expected} == pytest.approx(expected, abs=1e-12)


def test_the_patterns_are_those_of_the_hopfield_model() -> None:
    np.testing.assert_array_equal(hartree.random_patterns(DISORDER, 70, 9).T, store(DISORDER, 70, 9)[1])


def test_energy_never_rises() -> None:
    base = TransverseHopfield(spins=120, load=0.15, field=0.3, cue=0.3, copies=1, shots=1)
    energy = [
        float(dataclasses.replace(base, steps=k).simulate(DISORDER, streams(1))["energy"][0]) for k in range(1, 25)
    ]
    assert (np.diff(energy) < 1e-14).all()
    assert energy[-1] < energy[0] - 0.05
    short = dataclasses.replace(base, steps=3).simulate(DISORDER, streams(1))
    assert (short["converged"][0], short["taken"][0]) == (0, 3)
    assert short["residual"][0] > 1e-3


@pytest.mark.parametrize("diagonal", ["removed", "kept"])
def test_spins_freeze_at_the_freezing_field(diagonal: str) -> None:
    """N = 1000: 4 % above Γ_g nothing is left; 10 % below something is. (The edge of J's spectrum is off by N^-2/3.)"""
    edge = float(theory.freezing_field(0.1, diagonal))  # type: ignore[arg-type]
    base = TransverseHopfield(load=0.1, diagonal=diagonal, copies=1, shots=1)
    above, below = (samples(dataclasses.replace(base, field=edge * x), 2) for x in (1.04, 0.9))
    assert above["freezing"].max() < 1e-12
    assert above["polarisation"] == pytest.approx(1, abs=1e-9)
    assert above["coherence_entropy"] == pytest.approx(1, abs=1e-9)
    assert below["freezing"].min() > 0.01
    assert above["converged"].all()


def test_copies_read_one_state_and_another() -> None:
    """From the pattern a and b are one state: readouts agree as Σ s²/N (8 samples, 4 standard errors, 6e-5)."""
    got = samples(TransverseHopfield(spins=500, load=0.02, field=0.5, shots=64), 8)
    difference = got["coherence"] - got["freezing"]
    assert abs(difference.mean()) < 4 * difference.std(ddof=1) / np.sqrt(8) + 1e-4
    assert got["blind_coherence"].max() < 0.2
    bits = 1 + sum(p * np.log2(p) for p in ((1 + got["recall_overlap"]) / 2, (1 - got["recall_overlap"]) / 2))
    np.testing.assert_allclose(got["memory"], bits, atol=0.02)


def test_perfect_recall_and_none() -> None:
    """Exactly 1 without a field; and the permutation null: 0 on average over signed overlaps, 4 standard errors."""
    got = samples(TransverseHopfield(spins=300, load=0.01, field=0.0, cue=0.7), 3)
    for name in ("memory", "coherence", "recall_overlap"):
        np.testing.assert_allclose(got[name], 1, atol=1e-12)
    stream, row, found = DISORDER.copy(), np.empty(24 * 5, np.int8), []
    for _ in range(3000):
        random_signs(stream, row)
        if abs(row[:24].sum()) < 24:
            message, shots = row[:24], row[24:].reshape(4, 24)
            found.append(recalled(message, shots) - recalled(message, -shots))  # one of them is 0
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found))
    assert min(np.abs(found)) < 0.01


def test_measured_signs_have_their_probabilities() -> None:
    z, shots = np.array([-1.0, -0.5, 0.0, 0.9, 1.0]), np.empty((20_000, 5), np.int8)
    hartree.measure(z, DISORDER.copy(), shots)
    assert (abs(shots.mean(axis=0) - z) <= 4 * np.sqrt((1 - z * z) / 20_000)).all()


def test_bytes_depend_on_nothing_else() -> None:
    model, noise = TransverseHopfield(spins=50, load=0.1, cue=0.5), streams(3)
    together, alone = model.simulate(DISORDER, noise), model.simulate(DISORDER, noise[2:])
    single = dataclasses.replace(model, copies=1).simulate(DISORDER, noise[2:])
    for name, values in together.items():
        assert values[2:].tobytes() == alone[name].tobytes(), name
        if name not in ("coherence", "blind_coherence"):
            assert alone[name].tobytes() == single[name].tobytes(), name
    assert np.isnan(single["coherence"]).all()
    one = TransverseHopfield(spins=50, load=0.02).simulate(DISORDER, noise)
    assert {name for name, x in one.items() if np.isnan(x).any()} == {"blind_coherence", "spurious_overlap"}


@pytest.mark.parametrize("field", [0.0, 1e-300, 1e6])
def test_extreme_fields_are_right(field: float) -> None:
    """As without a field, or turned along x altogether."""
    out = TransverseHopfield(spins=2, load=1.0, field=field).simulate(DISORDER, streams(2))
    assert out["converged"].all()
    assert out["polarisation"] == pytest.approx(float(field == 1e6), abs=1e-9)
    assert all(np.isfinite(v).all() for k, v in out.items() if k != "memory")


@pytest.mark.parametrize(
    ("values", "needle"),
    [
        ({"load": 1e-4}, "rounds to 0 patterns; 0.001 stores one"),
        ({"load": 1e300}, "more than 2\\^26 signs"),
        ({"load": 100.0}, "more than 2\\^26 signs"),
        ({"field": -0.1}, "below its minimum"),
        ({"field": 1e300}, "above its maximum"),
        ({"cue": 1.5}, "above its maximum"),
        ({"spins": 1}, "below its minimum"),
        ({"shots": 10**6}, "lower shots"),
    ],
)
def test_bad_parameters(values: dict[str, float], needle: str) -> None:
    with pytest.raises(InputError, match=needle):
        TransverseHopfield(**values)  # type: ignore[arg-type]
