"""Kernels of the models that remember, each beside what one writes first, in one run; ratios travel, times do not.

pytest tests/benchmarks/test_kernels_speed.py -o addopts= --import-mode=importlib --benchmark-columns=min,median
--benchmark-group-by=group; divide by `updates` of the extra info for the time of one update.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from isinglass.kernels import backprop, boltzmann, continual, oscillators, perceptrons, streams
from isinglass.kernels.jit import jit
from isinglass.models.echo_state import EchoState
from isinglass.models.kuramoto import Kuramoto, weights, written
from isinglass.models.learning_rules import store

uniform = streams.uniform


def stream(*name: object) -> np.ndarray:
    return np.frombuffer(hashlib.blake2b(repr(name).encode(), digest_size=32).digest(), dtype=np.uint64).copy()


def timed(benchmark: Any, group: str, call: Callable[[], Any], updates: float, rounds: int = 15) -> None:
    benchmark.group = group
    benchmark.extra_info.update(updates=updates)
    benchmark.pedantic(call, rounds=rounds, warmup_rounds=1)


# ---------------------------------------------------------------- oscillators: one update = one oscillator and step

N, STEPS = 1024, 100


@jit
def sines(theta: np.ndarray, omega: np.ndarray, coupling: float, dt: float, steps: int) -> None:
    """Runge-Kutta in the phases, with sines and cosines of every oscillator in every stage."""
    n = theta.size
    k, total, here = np.empty(n), np.empty(n), np.empty(n)
    for _ in range(steps):
        here[:] = theta
        total[:] = 0.0
        for stage in range(4):
            c, s = 0.0, 0.0
            for i in range(n):
                c += math.cos(here[i])
                s += math.sin(here[i])
            for i in range(n):
                k[i] = omega[i] + coupling / n * (s * math.cos(here[i]) - c * math.sin(here[i]))
                total[i] += k[i] * (1.0 if stage in (0, 3) else 2.0)
                here[i] = theta[i] + dt * k[i] * (0.5 if stage < 2 else 1.0)
        for i in range(n):
            theta[i] += dt / 6 * total[i]


@pytest.mark.parametrize("kind", ["mean field", "mean field with noise", "ring"])
def test_oscillators(benchmark: Any, kind: str) -> None:
    model = Kuramoto(oscillators=N, noise=0.1 if "noise" in kind else 0.0, exponent=1.5 if kind == "ring" else 0.0)
    messages, omega = written(stream("sample"), model)
    x, y = messages[0].real.copy(), messages[0].imag.copy()
    ring = oscillators.ring(weights(N, 1.5)) if kind == "ring" else (np.empty(0), np.empty((2, 0)))
    half, dt = omega * model.time_step / 2, model.time_step
    out = np.empty(N), np.empty(STEPS), np.empty(STEPS), np.empty(0, np.int64), np.empty((0, N), complex)
    noise = stream("noise")

    def call() -> None:
        oscillators.run(
            2.0, 2 * model.noise * dt, dt, 0, STEPS, np.cos(half), np.sin(half), *ring, noise, x, y, out[0], *out[1:]
        )

    timed(benchmark, "oscillators", call, N * STEPS)


def test_oscillators_with_sines(benchmark: Any) -> None:
    messages, omega = written(stream("sample"), Kuramoto(oscillators=N))
    theta = np.angle(messages[0])
    timed(benchmark, "oscillators", lambda: sines(theta, omega, 2.0, 0.05, STEPS), N * STEPS)


def test_ring_by_numpy(benchmark: Any) -> None:
    """The four convolutions of a step by numpy's transforms: what the kernel's own could be replaced by."""
    z = np.exp(2j * np.pi * np.random.default_rng(1).random(N))
    spectrum = np.fft.fft(weights(N, 1.5))

    def call() -> None:
        for _ in range(4 * STEPS):
            np.fft.ifft(np.fft.fft(z) * spectrum)

    timed(benchmark, "oscillators", call, N * STEPS)


# ---------------------------------------------------------------- backpropagation: one update = one gradient

SHAPE = {"inputs": 100, "hidden": 64, "patterns": 100}


def network() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Parameters, patterns (P, d), labels (P,)."""
    d, h, p = SHAPE.values()
    theta, patterns, labels = np.empty(h * (d + 2) + 1), np.empty((p, d)), np.empty(p, np.int8)
    backprop.initialise(stream("weights"), d, h, theta)
    perceptrons.fill_patterns(stream("patterns"), True, patterns)
    streams.random_signs(stream("labels"), labels)
    return theta, patterns, labels.astype(float)


def test_gradient(benchmark: Any) -> None:
    theta, patterns, labels = network()
    _, h, p = SHAPE.values()
    transposed, slope = np.ascontiguousarray(patterns.T), np.empty(theta.size)
    scratch = np.empty((h, p)), np.empty((h, p)), np.empty(p)

    def call() -> None:
        for _ in range(20):
            backprop.gradient(theta, patterns, transposed, labels, *scratch, slope)

    timed(benchmark, "backpropagation", call, 20)


def test_gradient_by_numpy(benchmark: Any) -> None:
    """Matrix products by BLAS, with as many threads as it takes."""
    theta, x, y = network()
    d, h, p = SHAPE.values()
    w, b, v, c = theta[: h * d].reshape(h, d), theta[h * d : h * d + h], theta[-h - 1 : -1], theta[-1]

    def call() -> None:
        for _ in range(20):
            z = np.tanh(x @ w.T + b)
            error = -y / (1 + np.exp(y * (z @ v + c))) / p
            back = error[:, None] * v * (1 - z * z)
            _ = back.T @ x, back.sum(0), z.T @ error, error.sum()

    timed(benchmark, "backpropagation", call, 20)


def test_second_task(benchmark: Any) -> None:
    """400 steps of Adam on task B with temporal alignment, the gradient of task A beside it."""
    theta, patterns, labels = network()
    begin, ends = theta.copy(), np.empty(3)

    def call() -> None:
        theta[:] = begin
        continual.learn_second(
            theta, patterns, labels, patterns[::-1].copy(), labels, 64, True, 0.005, 0.9, 400, continual.TEMPORAL,
            0.03, 0.01, ends,
        )  # fmt: skip

    timed(benchmark, "backpropagation", call, 400, rounds=5)


# ---------------------------------------------------------------- Boltzmann machines: one update = one step of a unit


def machine() -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(2)
    w = rng.normal(size=(64, 64)) / 8
    return w, np.ascontiguousarray(w.T), np.zeros(64), np.zeros(64)


def test_gibbs(benchmark: Any) -> None:
    noise, v, codes = stream("noise"), np.ones(64, np.int8), np.empty(0, np.int64)
    parts = machine()
    timed(benchmark, "block Gibbs", lambda: boltzmann.gibbs(*parts, 1000, noise, v, codes), 1000 * 128)


def test_gibbs_by_numpy(benchmark: Any) -> None:
    w, back, a, b = machine()
    rng = np.random.default_rng(3)

    def call() -> None:
        v = np.ones(64)
        for _ in range(1000):
            h = (rng.random(64) < 1 / (1 + np.exp(-(v @ w + b)))).astype(float)
            v = (rng.random(64) < 1 / (1 + np.exp(-(h @ back + a)))).astype(float)

    timed(benchmark, "block Gibbs", call, 1000 * 128)


# ---------------------------------------------------------------- reservoirs: one update = one node and step


def test_reservoir(benchmark: Any) -> None:
    model = EchoState(nodes=100, washout=200, training=400, testing=400, copies=1)
    noise = stream("noise").reshape(1, 4)
    sample = model.prepare(stream("sample"))
    timed(benchmark, "reservoir with readouts", lambda: model.measure(sample, noise), 1000 * 100, rounds=7)


def test_reservoir_by_numpy(benchmark: Any) -> None:
    """The states alone, without tangent, copies or readouts: less than what the model does."""
    rng = np.random.default_rng(4)
    w, u = rng.normal(size=(100, 100)) / 10, rng.uniform(-1, 1, (1000, 1))
    win = rng.uniform(-1, 1, 100)

    def call() -> None:
        x = np.zeros(100)
        for value in u:
            x = np.tanh(w @ x + win * value)

    timed(benchmark, "reservoir with readouts", call, 1000 * 100, rounds=7)


# ---------------------------------------------------------------- learning rules: one update = one coupling


@pytest.mark.parametrize("rule", ["hebb", "storkey", "pseudo_inverse"])
def test_learning_rules(benchmark: Any, rule: str) -> None:
    n, p = 300, 90
    timed(benchmark, "couplings", lambda: store(stream("sample"), rule, n, p), n * n, rounds=7)


def test_pseudo_inverse_by_numpy(benchmark: Any) -> None:
    n, p = 300, 90
    patterns = store(stream("sample"), "hebb", n, p)[1].astype(float)
    timed(benchmark, "couplings", lambda: np.linalg.pinv(patterns) @ patterns, n * n, rounds=7)
