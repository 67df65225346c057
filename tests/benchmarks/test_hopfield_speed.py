"""Nanoseconds per neuron update, beside a plain float64 reference in the same run.

pytest tests/benchmarks/test_hopfield_speed.py --benchmark-columns=min,median; divide by `updates` of the extra info.
"""

import hashlib
import math

import numpy as np
import pytest

from isinglass.kernels import spins, streams
from isinglass.kernels.bits import pack
from isinglass.kernels.jit import jit
from isinglass.models.hopfield import store

STEPS = 10
LOAD = 0.1
sequential_step, set_cuts = spins.sequential_step, spins.set_cuts
fill_uint64, uniform = streams.fill_uint64, streams.uniform


def stream(*name: object) -> np.ndarray:
    return np.frombuffer(hashlib.blake2b(repr(name).encode(), digest_size=32).digest(), dtype=np.uint64).copy()


@jit
def kernel(stream: np.ndarray, scale: float, steps: int, couplings: np.ndarray, s: np.ndarray, bits: np.ndarray,
           fields: np.ndarray, clamped: np.ndarray, table: np.ndarray, words: np.ndarray,
           cuts: np.ndarray) -> int:  # fmt: skip
    flips = 0
    for _ in range(steps):
        if table.size:
            fill_uint64(stream, words)
            set_cuts(words, scale, cuts)
        flips += sequential_step(couplings, s, bits, fields, clamped, table, words, cuts)
    return flips


@jit
def naive(stream: np.ndarray, temperature: float, steps: int, couplings: np.ndarray, s: np.ndarray) -> int:
    """What one writes first: a dot product of float64 couplings for every update."""
    flips = 0
    for _ in range(steps):
        for i in range(s.size):
            h = 0.0
            for j in range(s.size):
                h += couplings[i, j] * s[j]
            if temperature > 0:
                new = 1.0 if uniform(stream) < 1 / (1 + math.exp(-2 * h / temperature)) else -1.0
            else:
                new = 1.0 if h > 0 else -1.0 if h < 0 else s[i]
            flips += new != s[i]
            s[i] = new
    return flips


@pytest.mark.parametrize("temperature", [0.0, 0.2, 0.5])
@pytest.mark.parametrize("start", ["10 % flipped", "at the pattern"])
@pytest.mark.parametrize("n", [1000, 2000, 4000])
def test_kernel(benchmark, n: int, start: str, temperature: float) -> None:  # type: ignore[no-untyped-def]
    steps = STEPS if start == "10 % flipped" else 10 * STEPS
    couplings, patterns, pattern_bits = store(stream("net"), n, int(LOAD * n))
    width = couplings.shape[1]
    s, fields, cuts = (spins.aligned((width,), d) for d in (np.int8, np.int32, np.int32))
    bits, words, clamped = np.empty(width // 64, np.uint64), np.empty(n, np.uint64), np.empty(n, np.uint8)
    table = spins.heat_bath_table(n, len(patterns), temperature) if temperature else np.empty(0, np.int64)
    noise = stream("noise")

    def setup() -> None:
        cuts[:] = 0
        spins.make_cue(noise, patterns[0], spins.FLIPPED, n // 10 if steps == STEPS else 0, s, clamped)
        pack(s, bits)
        spins.hebb_fields(patterns, pattern_bits, bits, s, fields)

    def run() -> int:
        return kernel(noise, n * temperature, steps, couplings, s, bits, fields, clamped, table, words, cuts)

    flips = benchmark.pedantic(run, setup=setup, rounds=25, warmup_rounds=2)
    benchmark.extra_info.update(updates=steps * n, flip_rate=flips / (steps * n))


@pytest.mark.parametrize("temperature", [0.0, 0.2])
@pytest.mark.parametrize("n", [1000, 2000])
def test_naive_float64(benchmark, n: int, temperature: float) -> None:  # type: ignore[no-untyped-def]
    _, patterns, _ = store(stream("net"), n, int(LOAD * n))
    xi = patterns.astype(float)
    couplings = xi.T @ xi / n
    np.fill_diagonal(couplings, 0)
    noise = stream("noise")
    s = np.empty(n)

    def setup() -> None:
        s[:] = xi[0]
        s[: n // 10] *= -1

    flips = benchmark.pedantic(
        lambda: naive(noise, temperature, STEPS, couplings, s), setup=setup, rounds=5, warmup_rounds=1
    )
    benchmark.extra_info.update(updates=STEPS * n, flip_rate=flips / (STEPS * n))


@pytest.mark.parametrize("n", [1000, 4000])
def test_store(benchmark, n: int) -> None:  # type: ignore[no-untyped-def]
    """Drawing the patterns and building the couplings of one sample."""
    benchmark.pedantic(lambda: store(stream("net"), n, int(LOAD * n)), rounds=7, warmup_rounds=1)
    benchmark.extra_info.update(updates=n * n)
