"""Nanoseconds per spin update of the packed kernels, beside a plain scalar Metropolis in the same run.

pytest tests/benchmarks/test_ising_speed.py --benchmark-columns=min,median; divide by `updates` of the extra info.
"""

import hashlib
import math

import numpy as np
import pytest

from isinglass.kernels import ising
from isinglass.kernels.bernoulli import BANK, open_bank
from isinglass.kernels.jit import jit
from isinglass.kernels.streams import uniform

TEMPERATURE = 2.269
SWEEPS = 100


def stream(*name: object) -> np.ndarray:
    return np.frombuffer(hashlib.blake2b(repr(name).encode(), digest_size=32).digest(), dtype=np.uint64).copy()


@jit
def naive(spins: np.ndarray, temperature: float, stream: np.ndarray, sweeps: int) -> None:
    """What one writes first: one replica, site after site, a table of exponentials."""
    length = spins.shape[0]
    accept = np.array([1.0, math.exp(-4 / temperature), math.exp(-8 / temperature)])
    for _ in range(sweeps):
        for i in range(length):
            for j in range(length):
                near = spins[i - 1, j] + spins[(i + 1) % length, j] + spins[i, j - 1] + spins[i, (j + 1) % length]
                against = spins[i, j] * near
                if against <= 0 or uniform(stream) < accept[against // 2]:
                    spins[i, j] = -spins[i, j]


@pytest.mark.parametrize("rule", ["heat_bath", "metropolis"])
@pytest.mark.parametrize("length", [32, 64, 128, 256])
@pytest.mark.parametrize("interval", [1, 100])
def test_packed(benchmark, length: int, rule: str, interval: int) -> None:  # type: ignore[no-untyped-def]
    """`interval` 100: sweeps alone; 1: M and E of all replicas after each."""
    bank, dither = np.empty((4, BANK), np.uint64), np.empty(4, np.uint64)
    open_bank(stream("bank"), 0, bank, dither)
    lattice = np.zeros((2, length, length // 2 + 2), np.uint64)
    ising.begin(lattice, False, bank)
    m, e = np.empty((SWEEPS // interval, 64), np.int64), np.empty((SWEEPS // interval, 64), np.int64)
    number = {"heat_bath": ising.HEAT_BATH, "metropolis": ising.METROPOLIS}[rule]
    benchmark.pedantic(
        lambda: ising.run(lattice, number, TEMPERATURE, bank, dither, 0, interval, m, e), rounds=15, warmup_rounds=2
    )
    benchmark.extra_info["updates"] = SWEEPS * 64 * length**2


@pytest.mark.parametrize("length", [64])
def test_naive(benchmark, length: int) -> None:  # type: ignore[no-untyped-def]
    spins, noise = np.ones((length, length), np.int8), stream("noise")
    benchmark.pedantic(lambda: naive(spins, TEMPERATURE, noise, SWEEPS), rounds=15, warmup_rounds=2)
    benchmark.extra_info["updates"] = SWEEPS * length**2


@pytest.mark.parametrize("length", [64])
def test_wolff(benchmark, length: int) -> None:  # type: ignore[no-untyped-def]
    """One step is as many clusters as turn N spins on average."""
    spins, noise = np.ones((length, length), np.int8), stream("wolff")
    m, e = np.empty(100, np.int64), np.empty(100, np.int64)
    benchmark.pedantic(lambda: ising.run_wolff(spins, TEMPERATURE, noise, 10, 1, m, e), rounds=10, warmup_rounds=1)
    benchmark.extra_info["updates"] = 110 * length**2
