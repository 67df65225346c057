"""Microseconds of a split-operator step of the transverse-field Ising ring, beside what one writes first; of Lanczos.

pytest tests/benchmarks/test_statevector_speed.py -o addopts= --import-mode=importlib --benchmark-columns=min,median
--benchmark-group-by=group; divide by `steps` of the extra info. Ratios of one run travel, absolute times do not.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from isinglass.kernels import lanczos, statevector
from isinglass.kernels.jit import jit
from isinglass.models.transverse_ising import PRODUCTS, TOLERANCE

SIZES = [12, 14, 16]
STEPS, DT, FIELD = 20, 0.02, 0.7


@jit
def naive(psi: np.ndarray, bond: np.ndarray, n: int, steps: int) -> None:
    """One qubit after the other, complex numbers, a phase each by exp."""
    c, s = math.cos(FIELD * DT), 1j * math.sin(FIELD * DT)
    for _ in range(steps):
        for x in range(psi.size):
            psi[x] *= np.exp(0.5j * DT * bond[x])
        for i in range(n):
            for x in range(psi.size):
                if not x >> i & 1:
                    a, b = psi[x], psi[x | 1 << i]
                    psi[x], psi[x | 1 << i] = c * a + s * b, c * b + s * a
        for x in range(psi.size):
            psi[x] *= np.exp(0.5j * DT * bond[x])


def ring(n: int) -> tuple[np.ndarray, np.ndarray]:
    bond, psi = np.empty(2**n, np.int8), np.zeros(2**n, complex)
    statevector.bonds(n, 0, bond)
    psi[0] = 1
    return bond, psi


def timed(benchmark: Any, group: str, call: Any, **info: int) -> None:
    benchmark.group = group
    benchmark.extra_info.update(info)
    benchmark.pedantic(call, rounds=15, warmup_rounds=2)


@pytest.mark.parametrize("n", SIZES)
def test_step(benchmark: Any, n: int) -> None:
    bond, psi = ring(n)
    re, im, stream = psi.real.copy(), psi.imag.copy(), np.ones(4, np.uint64)
    call = lambda: statevector.evolve(re, im, bond, n, FIELD, 0.0, DT, STEPS, stream)  # noqa: E731
    timed(benchmark, f"N = {n}", call, steps=STEPS)
    plain = ring(n)[1]
    re[:], im[:] = plain.real, plain.imag
    call()
    naive(plain, bond, n, STEPS)
    assert abs(re + 1j * im - plain).max() < 1e-12


@pytest.mark.parametrize("n", SIZES)
def test_naive(benchmark: Any, n: int) -> None:
    bond, psi = ring(n)
    timed(benchmark, f"N = {n}", lambda: naive(psi, bond, n, STEPS), steps=STEPS)


@pytest.mark.parametrize("n", SIZES)
def test_ground_state(benchmark: Any, n: int) -> None:
    """Of one parity, at the critical field: half of the states, to a residual of 10⁻¹¹."""
    bond, state = np.empty(2 ** (n - 1), np.int8), np.empty(2 ** (n - 1))
    statevector.bonds(n, 0, bond)
    timed(benchmark, f"Lanczos, N = {n}", lambda: lanczos.lowest(bond, n, 1.0, 1, TOLERANCE, PRODUCTS, state))
