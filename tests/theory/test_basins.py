"""The first step from a cue against enumeration and its limit; the approximate dynamics against what is known of it."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from isinglass.theory import basins, crosstalk


def enumerated(neurons: int, patterns: int, cue_mode: str, chosen: int) -> float:
    """Expected overlap after one step, over every set of patterns and every cue, in the gauge where pattern 0 is +1."""
    cues = []
    for places in itertools.combinations(range(neurons), chosen):
        picked = np.isin(np.arange(neurons), places)
        if cue_mode == "flipped":
            cues.append((np.where(picked, -1, 1), picked & False))
            continue
        for signs in itertools.product((1, -1), repeat=neurons - chosen):
            state = np.ones(neurons, int)
            state[~picked] = signs
            cues.append((state, picked & (cue_mode == "erased_clamped")))
    total, count = 0.0, 0
    for signs in itertools.product((1, -1), repeat=neurons * (patterns - 1)):
        xi = np.concatenate([np.ones((1, neurons), int), np.array(signs, int).reshape(patterns - 1, neurons)])
        couplings = xi.T @ xi
        np.fill_diagonal(couplings, 0)
        for state, held in cues:
            fields = couplings @ state
            total += np.where((fields == 0) | held, state, np.sign(fields)).mean()
            count += 1
    return total / count


@pytest.mark.parametrize("cue_mode", ["flipped", "erased_free", "erased_clamped"])
@pytest.mark.parametrize(("neurons", "patterns"), [(4, 3), (5, 2), (3, 4), (4, 1), (6, 2)])
@pytest.mark.parametrize("chosen", [0, 1, 2, 3])
def test_exact_is_the_sum_over_all_patterns_and_cues(cue_mode: str, neurons: int, patterns: int, chosen: int) -> None:
    wanted = enumerated(neurons, patterns, cue_mode, chosen)
    found = basins.exact_one_step_overlap(neurons, patterns, cue_mode, chosen)
    assert found == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(("neurons", "patterns"), [(100, 10), (60, 30), (7, 3)])
def test_a_perfect_cue_is_the_step_from_the_pattern(neurons: int, patterns: int) -> None:
    wanted = crosstalk.exact_one_step_overlap(neurons, patterns, 0.0)
    assert basins.exact_one_step_overlap(neurons, patterns, "flipped", 0) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("cue_mode", ["flipped", "erased_free", "erased_clamped"])
@pytest.mark.parametrize("cue", [0.1, 0.4, 0.8])
def test_exact_goes_to_its_limit_as_one_over_the_neurons(cue_mode: str, cue: float) -> None:
    """The deviation times N is the same at N = 2000 and 16 000 within a tenth, and below 4."""
    limit = float(basins.one_step_overlap(0.1, cue, cue_mode == "erased_clamped"))
    scaled = []
    for n in (2000, 16_000):
        chosen = round(n * (1 - cue) / 2) if cue_mode == "flipped" else round(n * cue)
        scaled.append(n * (basins.exact_one_step_overlap(n, n // 10, cue_mode, chosen) - limit))
    assert abs(scaled[1]) < 4
    assert scaled[0] == pytest.approx(scaled[1], rel=0.1, abs=0.01)


def test_where_one_step_helps() -> None:
    for load in (0.02, 0.1, 0.138, 0.3, 0.6):
        m = float(basins.last_improved_overlap(load))
        assert basins.one_step_overlap(load, m) == pytest.approx(m, abs=1e-12)
        assert basins.one_step_overlap(load, 0.9 * m) > 0.9 * m
        assert m == 1 or basins.one_step_overlap(load, min(1.0, 1.1 * m)) < min(1.0, 1.1 * m)
    np.testing.assert_array_equal(basins.last_improved_overlap([0.0, 2 / math.pi, 1.0]), [1, 0, 0])


def test_two_steps() -> None:
    """The echo helps a cue, since more of its neurons are right than wrong; a perfect cue keeps its neurons by it."""
    load, cue = np.array([0.05, 0.1, 0.13])[:, None], np.array([0.1, 0.3, 0.5, 1.0])
    assert (basins.two_step_overlap(load, cue) > basins.neurodynamics(load, cue, 2)).all()
    assert basins.two_step_overlap(1e-4, 0.5) == pytest.approx(1, abs=1e-12)


def test_neurodynamics() -> None:
    """One step is the exact limit; the capacity of the approximation is 0.16 (two digits in the literature)."""
    load, cue = np.array([0.05, 0.1])[:, None], np.array([0.1, 0.5, 1.0])
    np.testing.assert_allclose(basins.neurodynamics(load, cue, 1), basins.one_step_overlap(load, cue), atol=1e-15)
    edges = basins.basin_edge([0.02, 0.05, 0.1, 0.13, 0.155, 0.165])
    assert (np.diff(edges[:5]) > 0).all()
    assert np.isfinite(edges[4])
    assert np.isnan(edges[5])
    assert 0 < basins.basin_edge(0.0) < 2e-4
