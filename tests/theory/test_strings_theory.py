"""Theory of coin and shift against sums over walkers, limits and the numbers of the card."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from isinglass import catalog
from isinglass.theory import strings as theory


def test_shifts_against_all_paths() -> None:
    """Every sequence of turns of 9 steps on a ring of 7, weighted."""
    p, steps, n = 0.2, 9, 7
    exact = np.zeros(n)
    for turns in itertools.product((False, True), repeat=steps):
        weight = np.prod(np.where(turns, p, 1 - p))
        for way in (1, -1):
            at, direction = 0, way
            for turn in turns:
                direction = -direction if turn else direction
                at += direction
            exact[at % n] += weight / 2
    assert theory.shifts(p * n, n, steps) == pytest.approx(exact, abs=1e-14)


def test_continuum_limit() -> None:
    """λ of the lattice over that of the continuum goes to 1 as ε² and k² do."""
    errors = []
    for scale in (1.0, 0.5, 0.25):
        for chi in (0.2, 0.5, 0.9):
            args = (0.1 * scale, chi, 0.3 * scale)
            lattice, limit = theory.rates(*args), theory.continuum_rates(*args)
            errors.append(abs(np.sort(abs(lattice.imag)) - np.sort(abs(limit.imag))).max() / scale)
    first, last = np.reshape(errors, (3, 3)).max(axis=1)[[0, 2]]
    assert np.log(first / last) / np.log(4) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(("eps", "k"), [(0.2, 0.098), (1.0, 0.3)])
def test_boundaries(eps: float, k: float) -> None:
    """On the diffusive line both λ of the continuum meet; on the others their equations hold."""
    chi = float(theory.diffusive(eps, k))
    slow, fast = theory.continuum_rates(eps, chi, k)
    assert abs(slow - fast) < 1e-7
    assert abs(theory.continuum_rates(eps, chi + 0.01, k)[0].imag) > 0
    assert abs(theory.continuum_rates(eps, chi - 0.01, k)[0].imag) == 0
    assert (1 - float(theory.lifetime(eps, 256))) * eps * 256 == pytest.approx(1)
    assert float(theory.massive(eps, k)) * eps == pytest.approx(k)
    assert np.isnan([theory.diffusive(k / 2, k), theory.lifetime(1e-3, 256), theory.massive(k / 2, k)]).all()


def test_raw_overlap_of_the_card() -> None:
    table = catalog.reference("strings.raw_overlap")
    for eps, chi, value in zip(*(table.column(c) for c in ("mixing", "antisymmetry", "overlap")), strict=True):
        assert theory.raw_overlap(eps, chi, 2 * np.pi * 4 / 256, 256) == pytest.approx(value, abs=6e-4)


def test_annealed_orientation_diffuses() -> None:
    """p = 1/2: a mode is left as cos^T k; 0.336 of mode 3 of 128 after 100 steps."""
    left = np.fft.fft(theory.shifts(64, 128, 100))[3].real
    assert left == pytest.approx(np.cos(2 * np.pi * 3 / 128) ** 100, abs=1e-12)
    assert left == pytest.approx(catalog.reference("strings.annealed_mode").number(), abs=1e-3)


def test_memory_limits() -> None:
    assert theory.memory(0.0, 256, 100) == 1
    assert theory.bit_overlap(0.5, 256, 1e9) > theory.bit_overlap(0.5, 256, 10)
    half = theory.half_flips(256, 1000)
    assert theory.memory(half, 256, 1000) == pytest.approx(0.5, abs=1e-9)
