"""Learners of two trainables coupled by the Fisher information of a Gaussian, and learners on a ring."""

from __future__ import annotations

import math

import numpy as np

from isinglass.kernels.jit import jit
from isinglass.kernels.streams import normal

NONE, SEPARATE, JOINT = 0, 1, 2
"""Which Fisher information couples the learners: none, those of both marginals, that of the joint density."""


@jit
def draw(stream: np.ndarray, out: np.ndarray) -> None:
    """Standard normal numbers into `out` (N,)."""
    for i in range(out.size):
        out[i] = normal(stream)


@jit
def moments(q: np.ndarray, out: np.ndarray) -> None:
    """Means and covariances of q (2, M) into `out` (5,): m1, m2, C11, C12, C22, with the denominator M."""
    n = q.shape[1]
    mx, my, xx, xy, yy = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        mx += q[0, i]
        my += q[1, i]
    mx, my = mx / n, my / n
    for i in range(n):
        x, y = q[0, i] - mx, q[1, i] - my
        xx += x * x
        xy += x * y
        yy += y * y
    out[0], out[1], out[2], out[3], out[4] = mx, my, xx / n, xy / n, yy / n


@jit
def pair_forces(q: np.ndarray, coupling: float, interaction: int, out: np.ndarray) -> None:
    """Forces (2, M) of ½q1² + ½q2² + ½g(q1 - q2)² and of ⅛ M tr C^-1 (joint) or ⅛ M (1/C11 + 1/C22) (separate)."""
    m = np.empty(5)
    moments(q, m)
    xx, xy, yy = 0.0, 0.0, 0.0
    if interaction == JOINT:
        det = m[2] * m[4] - m[3] * m[3]
        a, b, c = m[4] / det, -m[3] / det, m[2] / det
        xx, xy, yy = (a * a + b * b) / 4, (a * b + b * c) / 4, (b * b + c * c) / 4
    elif interaction == SEPARATE:
        xx, yy = 0.25 / m[2] ** 2, 0.25 / m[4] ** 2
    for i in range(q.shape[1]):
        x, y = q[0, i] - m[0], q[1, i] - m[1]
        pull = coupling * (q[0, i] - q[1, i])
        out[0, i] = -q[0, i] - pull + xx * x + xy * y
        out[1, i] = -q[1, i] + pull + xy * x + yy * y


@jit
def pair_run(q: np.ndarray, v: np.ndarray, coupling: float, interaction: int, step: float, steps: int) -> None:
    """Velocity Verlet in place for q, v (2, M)."""
    n = q.shape[1]
    force = np.empty((2, n))
    pair_forces(q, coupling, interaction, force)
    for _ in range(steps):
        for k in range(2):
            for i in range(n):
                v[k, i] += step / 2 * force[k, i]
                q[k, i] += step * v[k, i]
        pair_forces(q, coupling, interaction, force)
        for k in range(2):
            for i in range(n):
                v[k, i] += step / 2 * force[k, i]


@jit
def pair_energy(q: np.ndarray, v: np.ndarray, coupling: float, interaction: int) -> float:
    """Energy per learner."""
    m = np.empty(5)
    moments(q, m)
    total = 0.0
    for i in range(q.shape[1]):
        total += v[0, i] ** 2 + v[1, i] ** 2 + q[0, i] ** 2 + q[1, i] ** 2 + coupling * (q[0, i] - q[1, i]) ** 2
    total /= 2 * q.shape[1]
    if interaction == JOINT:
        total += (m[2] + m[4]) / (m[2] * m[4] - m[3] * m[3]) / 8
    elif interaction == SEPARATE:
        total += (1 / m[2] + 1 / m[4]) / 8
    return float(total)


@jit
def ring_forces(q: np.ndarray, density: np.ndarray, out: np.ndarray) -> float:
    """Force of ⅛ Σ (d_n - d_n-1)², d_n = 1/(q_n+1 - q_n) around a ring of 2π, into `out` (M,); the largest d_n.

    q (M,) ascends, q_M = q_0 + 2π; inf where two have crossed. `density` (M,) is scratch.
    """
    n = q.size
    most = 0.0
    for i in range(n):
        gap = q[i + 1] - q[i] if i + 1 < n else q[0] + 2 * math.pi - q[i]
        if not gap > 0.0:
            return math.inf
        density[i] = 1.0 / gap
        most = max(most, density[i])
    for i in range(n):
        before, here = density[i - 1] if i > 0 else density[n - 1], density[i]
        two = density[i - 2] if i > 1 else density[n + i - 2]
        after = density[i + 1] if i + 1 < n else density[0]
        # dU/dq_i by d_i (which grows with q_i) and d_i-1 (which shrinks)
        own = (2 * here - before - after) * here * here
        other = (2 * before - two - here) * before * before
        out[i] = -(own - other) / 4
    return most


@jit
def ring_run(q: np.ndarray, v: np.ndarray, duration: float, resolution: float, most_steps: int) -> float:
    """Velocity Verlet in place with an adaptive step, `resolution` over 4 d²; returns the time that was reached."""
    density, force = np.empty(q.size), np.empty(q.size)
    most = ring_forces(q, density, force)
    time, steps = 0.0, 0
    while time < duration and steps < most_steps and most < math.inf:
        h = min(resolution / (4.0 * most * most), duration - time)
        for i in range(q.size):
            v[i] += 0.5 * h * force[i]
            q[i] += h * v[i]
        most = ring_forces(q, density, force)
        if most == math.inf:
            return time
        for i in range(q.size):
            v[i] += 0.5 * h * force[i]
        time = time + h if h < duration - time else duration
        steps += 1
    return time


@jit
def ring_energy(q: np.ndarray, v: np.ndarray) -> float:
    """Σ ½v² + ⅛ (d_n - d_n-1)²."""
    n = q.size
    total = 0.0
    before = 1.0 / (q[0] + 2 * math.pi - q[n - 1])
    for i in range(n):
        here = 1.0 / (q[i + 1] - q[i]) if i + 1 < n else 1.0 / (q[0] + 2 * math.pi - q[i])
        total += 0.5 * v[i] ** 2 + 0.125 * (here - before) ** 2
        before = here
    return float(total)
