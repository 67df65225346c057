"""Annealing a memory: both kinds against matrix exponentials, closed forms and limits; readouts by their definition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.linalg import expm

from isinglass import InputError
from isinglass.catalog import reference
from isinglass.kernels import annealing
from isinglass.kernels.streams import random_signs
from isinglass.models.memory_annealing import Landscape, MemoryAnnealing, drawn, memory
from isinglass.theory import annealing as theory

DISORDER = np.array([11, 12, 13, 14], dtype=np.uint64)
KINDS = ("transverse", "thermal")


def noise(replicas: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 2**63, (replicas, 4), dtype=np.uint64)


def evolved(kind: str, energy: np.ndarray, strength: float, duration: float, steps: int) -> np.ndarray:
    """Probabilities by matrix exponentials at the middles of `steps`."""
    size = energy.size
    state = np.full(size, size**-0.5 if kind == "transverse" else 1 / size, complex)
    for k in range(steps):
        u = (k + 0.5) / steps
        if kind == "transverse":
            step = -1j * theory.hamiltonian(energy, strength * (1 - u), u)
        else:
            step = theory.generator(energy, strength * (1 - u) / u)
        state = expm(step * duration / steps) @ state
    return abs(state) ** 2 if kind == "transverse" else state.real


@pytest.mark.parametrize(("stored", "shown"), [(1, 0), (2, 3), (5, 6)])
def test_landscape_is_that_of_hebb_couplings(stored: int, shown: int) -> None:
    patterns, cues = drawn(DISORDER, 6, stored, shown)
    ours = Landscape(patterns, cues[0], 0.37)
    energy = theory.energies(patterns, cues[0], 0.37)
    assert ours.energy == pytest.approx(energy, abs=1e-13)
    level, values = ours.levels()
    assert (values[level] == ours.energy).all()
    s, h = theory.spins(6), 2 * ours.fields().astype(int) - stored * 5
    for i in range(6):
        up = s[:, i] == 1
        x = np.flatnonzero(up)
        assert h[i] / 6 + 0.37 * cues[0][i] == pytest.approx((energy[x ^ (1 << i)] - energy[x]) / 2, abs=1e-13)
    assert (cues[0] != 0).sum() == shown
    assert (cues[0][cues[0] != 0] == patterns[0][cues[0] != 0]).all()


def test_more_of_a_cue_holds_what_less_of_it_showed() -> None:
    cues = [drawn(DISORDER, 9, 2, k)[1][0] for k in range(10)]
    for less, more in itertools.pairwise(cues):
        assert (more[less != 0] == less[less != 0]).all()
        assert (more != 0).sum() == (less != 0).sum() + 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_converges_at_second_order_to_matrix_exponentials(kind: str) -> None:
    """Steps of 0.1 and 0.05: slope of the largest error of a probability."""
    errors = []
    model = MemoryAnnealing(kind=kind, spins=5, stored=2, cue=0.4, bias=0.3, strength=1.3, duration=3.2)
    patterns, cues = drawn(DISORDER, 5, 2, 2)
    exact = evolved(kind, theory.energies(patterns, cues[0], 0.3), 1.3, 3.2, 400)
    for steps in (32, 64):
        final = model._run(Landscape(patterns, cues[0], 0.3), steps)
        assert final.sum() == pytest.approx(1, abs=1e-12)
        assert final.min() >= 0
        errors.append(abs(final - exact).max())
    assert errors[1] < 2e-3
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cue", [0.0, 1.0])
def test_one_pattern_is_one_large_spin(kind: str, cue: float) -> None:
    """N = 13, against 14 states of one overlap: both kinds, with a cue and without."""
    n, bias = 13, 0.15
    model = MemoryAnnealing(kind=kind, spins=n, stored=1, cue=cue, bias=bias, duration=6.0, time_step=0.05, copies=1)
    out = model.simulate(DISORDER, noise(1))
    m, p = theory.collective(kind, n, bias * cue, 1.0, 6.0, 240)
    ends = p[0] if cue else p[0] + p[-1]
    if cue:
        assert p[0] == pytest.approx(reference(f"annealing.one_pattern.{kind}").number(), abs=2e-5)
    assert out["success"][0] == pytest.approx(ends, abs=3e-4)
    assert out["recall_overlap"][0] == pytest.approx(p @ m / n, abs=3e-4)
    assert out["excess_energy"][0] == pytest.approx(p @ ((n**2 - m**2) / (2 * n) + bias * cue * (n - m)) / n, abs=1e-3)
    assert out["degeneracy"][0] == (1 if cue else 2)
    if not cue:
        assert out["recall_overlap"][0] == pytest.approx(0, abs=1e-12), "no cue, no preference for ξ over -ξ"


@pytest.mark.parametrize(("gap", "rate"), [(0.5, 1.0), (0.8, 1.0), (0.4, 0.3)])
def test_a_single_spin_crosses_as_landau_and_zener_say(gap: float, rate: float) -> None:
    """H = (vt/2) Z - (Δ/2) X from t = -400 to 400: the rest of a finite time is of order Δ/(v·400), 0.004 at most."""
    steps, end = 80_000, 400.0
    t = (np.arange(steps) + 0.5) * (2 * end / steps) - end
    lowest = np.array([[-rate * end / 2, gap / -2], [gap / -2, rate * end / 2]])
    ground = np.linalg.eigh(lowest)[1][:, 0]
    re, im = ground.copy(), np.zeros(2)
    energy = np.array([0.5, -0.5])  # of s = +1, -1
    annealing.transverse(
        re, im, np.arange(2, dtype=np.int32), energy, 1, np.full(steps, gap / 2), rate * t, 2 * end / steps
    )
    p = re**2 + im**2
    assert p.sum() == pytest.approx(1, abs=1e-10)
    assert p[0] == pytest.approx(theory.landau_zener(gap, rate), abs=5e-3)


@pytest.mark.parametrize("temperature", [0.1, 0.9, 50.0])
def test_gibbs_is_stationary_for_any_step_and_all_is_kept(temperature: float) -> None:
    patterns, cues = drawn(DISORDER, 7, 3, 3)
    landscape = Landscape(patterns, cues[0], 0.2)
    gibbs = np.exp(-(landscape.energy - landscape.energy.min()) / temperature)
    gibbs /= gibbs.sum()
    for dt in (0.01, 0.5, 40.0):
        p = gibbs.copy()
        annealing.thermal(p, landscape.fields(), landscape.cue, 0.2, 3, np.full(20, temperature), dt)
        assert abs(p - gibbs).max() < 1e-14
        other = np.zeros(128)
        other[5] = 1.0
        annealing.thermal(other, landscape.fields(), landscape.cue, 0.2, 3, np.full(20, temperature), dt)
        assert other.sum() == pytest.approx(1, abs=1e-13)


def test_relaxation_is_at_the_generator_s_rate() -> None:
    """The distance from Gibbs falls as e^{-λt}, λ the generator's first eigenvalue that is not 0."""
    patterns, cues = drawn(DISORDER, 6, 2, 2)
    landscape, temperature = Landscape(patterns, cues[0], 0.4), 0.8
    gibbs = np.exp(-landscape.energy / temperature)
    gibbs /= gibbs.sum()
    p, left = np.zeros(64), []
    p[17] = 1.0
    for _ in range(2):
        annealing.thermal(p, landscape.fields(), landscape.cue, 0.4, 2, np.full(800, temperature), 0.025)
        left.append(abs(p - gibbs).sum())
    assert np.log(left[0] / left[1]) / 20 == pytest.approx(
        theory.relaxation_rate(landscape.energy, temperature), rel=2e-3
    )


@pytest.mark.parametrize("kind", KINDS)
def test_slow_runs_succeed_and_sudden_ones_guess(kind: str) -> None:
    model = {"kind": kind, "spins": 6, "stored": 2, "bias": 1.0, "copies": 1}
    slow = MemoryAnnealing(**model, duration=1000.0, time_step=0.2).simulate(DISORDER, noise(1))
    assert slow["success"][0] > 0.995
    assert slow["recall_probability"][0] == slow["success"][0]
    assert slow["pattern_is_ground"][0] == slow["converged"][0] == 1
    assert slow["memory"][0] > 0.95
    assert slow["time_to_solution"][0] == 1000
    sudden = MemoryAnnealing(**model, duration=1e-6).simulate(DISORDER, noise(1))
    assert sudden["success"][0] == pytest.approx(sudden["degeneracy"][0] / 64, rel=1e-5)
    assert sudden["time_to_solution"][0] == pytest.approx(1e-6 * np.log(0.01) / np.log(1 - 1 / 64), rel=1e-3)


def test_kinds_share_their_landscape() -> None:
    one, other = (MemoryAnnealing(kind=k, spins=7, stored=3).simulate(DISORDER, noise(1)) for k in KINDS)
    for name in ("pattern_is_ground", "degeneracy", "realised_load"):
        assert one[name] == other[name]
    assert (one["layers"], other["layers"]) == (160, 320)
    assert one["success"] != other["success"]


def test_readouts_follow_the_probabilities() -> None:
    """20 000 runs that are read: their overlaps within 4 standard errors (6e-5) of the exact ones."""
    model = MemoryAnnealing(spins=6, stored=2, duration=30.0, bias=0.6, shots=20_000)
    out = model.simulate(DISORDER, noise(1))
    patterns, cues = drawn(DISORDER, 6, 2, 3)
    s = theory.spins(6)
    p, c = (model._run(Landscape(patterns, cue, 0.6), model.steps) for cue in cues)
    q = abs(s @ s.T) / 6
    overlaps = (p @ s) * patterns[0]
    assert out["recall_overlap"][0] == pytest.approx(overlaps.mean(), abs=1e-12)
    assert out["recall_gain"][0] == pytest.approx(overlaps.mean() - 0.5, abs=1e-12)
    assert out["erased_overlap"][0] == pytest.approx(overlaps[cues[0] == 0].mean(), abs=1e-12)
    for name, other in (("coherence", p), ("blind_coherence", c)):
        mean = p @ q @ other
        error = np.sqrt((p @ q**2 @ other - mean**2) / 20_000)
        assert abs(out[name][0] - mean) < 4 * error, name


@pytest.mark.parametrize("kind", KINDS)
def test_a_forgotten_pattern_is_no_success(kind: str) -> None:
    """Four patterns of five spins, of which the cued one is no ground state: what is counted of either, and the rest
    of what follows from the final probabilities."""
    disorder = np.arange(21, 25, dtype=np.uint64)
    model = MemoryAnnealing(kind=kind, spins=5, stored=4, cue=0.0, duration=3.0)
    found = {k: v[0] for k, v in model.simulate(disorder, noise(1)).items()}
    patterns, cues = drawn(disorder, 5, 4, 0)
    energy, landscape = theory.energies(patterns, cues[0], 0.2), Landscape(patterns, cues[0], 0.2)
    full, half = (model._run(landscape, steps) for steps in (model.steps, model.steps // 2))
    ground, cued = energy < energy.min() + 1e-9, (theory.spins(5) == patterns[0]).all(axis=1)
    success = full[ground].sum()
    layers = model.steps * (2 if kind == "thermal" else 1)
    expected = {
        "success": success,
        "recall_probability": full[cued].sum(),
        "pattern_is_ground": 0,
        "degeneracy": ground.sum(),
        "step_error": abs(half[ground].sum() - success) / 3,
        "layers_to_solution": layers * np.log(0.01) / np.log(1 - success),
    }
    assert not ground[cued].any()
    assert {k: found[k] for k in expected} == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_memory_of_all_of_nothing_and_of_the_reverse() -> None:
    """Perfect readouts 1, reversed ones 0; of another message the mean is 0 within the bias of few pairs: 0.0003 in
    40 000 draws, since half of the estimates, those of overlap <= 0, are set to 0. 4 standard errors (6e-5)."""
    xi = np.array([1, -1, 1, 1, -1, 1, -1, -1], np.int8)
    assert memory(xi, np.tile(xi, (5, 1))) == pytest.approx(1, abs=1e-15)
    assert memory(xi, np.tile(-xi, (5, 1))) == 0
    stream, found = DISORDER.copy(), []
    row = np.empty(24 * 5, np.int8)
    for _ in range(2000):
        random_signs(stream, row)
        message, spins = row[:24], row[24:].reshape(4, 24)
        found.append(memory(message, spins) if abs(message.sum()) < 24 else 0)
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found)) + 4e-4


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_depend_on_nothing_else(kind: str) -> None:
    """Neither on which other replicas are asked for, nor on copies."""
    model = MemoryAnnealing(kind=kind, spins=5, duration=2.0, shots=3)
    streams = noise(3)
    together, alone = model.simulate(DISORDER, streams), model.simulate(DISORDER, streams[2:])
    single = MemoryAnnealing(kind=kind, spins=5, duration=2.0, shots=3, copies=1).simulate(DISORDER, streams[2:])
    for name, values in together.items():
        assert values[2:].tobytes() == alone[name].tobytes(), name
        if name not in ("coherence", "blind_coherence"):
            assert alone[name].tobytes() == single[name].tobytes(), name
    assert np.isnan(single["coherence"]).all()
    lone = MemoryAnnealing(kind=kind, spins=5, stored=1, duration=2.0).simulate(DISORDER, streams)
    assert np.isnan(lone["blind_coherence"]).all()
    assert np.isfinite(lone["coherence"]).all()


@pytest.mark.parametrize(
    "values",
    [
        {"strength": 1000, "time_step": 1e-3, "duration": 0.1},
        {"strength": 1e-3},
        {"bias": 100, "time_step": 0.01, "duration": 1},
        {"cue": 0, "stored": 256, "time_step": 1e-3, "duration": 0.05},
        {"duration": 1e-6},
        {"spins": 2, "cue": 1},
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_extremes_are_finite(kind: str, values: dict[str, float]) -> None:
    settings: dict[str, float] = {"spins": 4, **values}
    out = MemoryAnnealing(kind=kind, **settings).simulate(DISORDER, noise(1))  # type: ignore[arg-type]
    for name in ("success", "time_to_solution", "excess_energy", "step_error", "recall_overlap"):
        assert np.isfinite(out[name]).all(), name
    assert 0 <= out["success"][0] <= 1 + 1e-12


def test_a_step_that_is_too_long_is_flagged() -> None:
    out = MemoryAnnealing(spins=6, duration=8.0, time_step=0.8, strength=1.2).simulate(DISORDER, noise(1))
    assert out["step_error"][0] > 0.005
    assert out["converged"][0] == 0


@pytest.mark.parametrize(
    ("values", "needle"),
    [
        ({"spins": 40}, r"spins = 40 needs .* bytes .* at most spins = 2"),
        ({"strength": 20.0}, "time_step = 0.1 is too long for strength = 20"),
        ({"stored": 40}, "time_step = 0.1 is too long for .* stored = 40"),
        ({"bias": 50.0}, "phases would alias"),
        ({"duration": 1e8}, "at most duration ="),
        ({"duration": 0.0}, "below its minimum"),
        ({"shots": 2**20, "spins": 20}, "more than 2.24 readings: at most shots = 838860"),
        ({"stored": 0}, "below its minimum"),
        ({"cue": -0.5}, "below its minimum"),
    ],
)
def test_bad_parameters(values: dict[str, float], needle: str) -> None:
    with pytest.raises(InputError, match=needle):
        MemoryAnnealing(**values)  # type: ignore[arg-type]
