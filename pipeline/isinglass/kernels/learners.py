"""Replica learners on a line: forces of a Fisher interaction, velocity Verlet with an adaptive step.

    H = Σ ½v² + ½q² + ¼λq⁴ + (ħ²/8) Σ_n (d_n - d_n-1)² + T Σ log d_n,  d_n = 1/(q_n+1 - q_n),  v̇ = force - ηv

for sorted q (M,), with d_-1 = d_M-1 = 0; mass and frequency are 1. Without ħ and T the learners do not interact, and
may cross.
"""

from __future__ import annotations

import math

import numpy as np

from isinglass.kernels.jit import jit

LONGEST = 0.01
"""Longest step, over the period of the stiffest place (rad)."""
RESOLUTION = 0.3
"""Step over the time in which the closest pair of learners could exchange momentum."""
FAR = 1e6
"""A learner beyond this has diverged."""


@jit
def forces(
    q: np.ndarray, quartic: float, hbar: float, temperature: float, density: np.ndarray, out: np.ndarray
) -> float:
    """The force on each learner into `out` (M,); returns the largest d_n, 0 without interaction, inf where two crossed.

    `density` (M,) is scratch.
    """
    m = q.size
    for n in range(m):
        out[n] = -q[n] - quartic * q[n] ** 3
    if hbar == 0.0 and temperature == 0.0:
        return 0.0
    most = 0.0
    for n in range(m - 1):
        gap = q[n + 1] - q[n]
        if not gap > 0.0:
            return math.inf
        density[n] = 1.0 / gap
        most = max(most, density[n])
    density[m - 1] = 0.0
    stiff, left = 0.25 * hbar * hbar, density[0]
    for n in range(m - 1):
        right = density[n + 1] - density[n]
        push = (stiff * (left - right) * density[n] + temperature) * density[n]
        out[n] -= push
        out[n + 1] += push
        left = right
    return most


@jit
def energies(q: np.ndarray, v: np.ndarray, quartic: float, hbar: float, temperature: float, out: np.ndarray) -> None:
    """Kinetic energy, energy in the potential, Fisher energy and T Σ log d_n into `out` (4,)."""
    out[:] = 0.0
    for n in range(q.size):
        out[0] += 0.5 * v[n] ** 2
        out[1] += 0.5 * q[n] ** 2 + 0.25 * quartic * q[n] ** 4
    if hbar == 0.0 and temperature == 0.0:
        return
    before = 0.0
    for n in range(q.size):
        here = 1.0 / (q[n + 1] - q[n]) if n < q.size - 1 else 0.0
        out[2] += 0.125 * hbar * hbar * (here - before) ** 2
        if n < q.size - 1:
            out[3] += temperature * math.log(here)
        before = here


@jit
def advance(
    q: np.ndarray,
    v: np.ndarray,
    quartic: float,
    hbar: float,
    temperature: float,
    friction: float,
    duration: float,
    longest: float,
    resolution: float,
    most_steps: int,
) -> tuple[float, int]:
    """Carry q and v (M,) on by `duration`, in place; returns the time that was reached, and the number of steps.

    Kick, drift, kick, with e^{-ηh/2} at both ends; h = `longest`, or `resolution` over the fastest rate of a pair,
    4ħd² + 2√T d, where that is less. The time is short of `duration` after `most_steps`, where learners have crossed
    that must not, or where one has diverged.
    """
    density, force = np.empty(q.size), np.empty(q.size)
    most = forces(q, quartic, hbar, temperature, density, force)
    time, steps = 0.0, 0
    while time < duration and steps < most_steps:
        fastest = (4.0 * hbar * most + 2.0 * math.sqrt(temperature)) * most
        h = min(longest, duration - time)
        if fastest * h > resolution:
            h = resolution / fastest
        if time + h == time:
            break
        damp = math.exp(-0.5 * friction * h)
        far = 0.0
        for n in range(q.size):
            v[n] = v[n] * damp + 0.5 * h * force[n]
            q[n] += h * v[n]
            far = max(far, abs(q[n]))
        most = forces(q, quartic, hbar, temperature, density, force)
        if not far < FAR or most == math.inf:
            break
        for n in range(q.size):
            v[n] = (v[n] + 0.5 * h * force[n]) * damp
        time = time + h if h < duration - time else duration
        steps += 1
    return time, steps


@jit
def gaussian(hbar: float, temperature: float, friction: float, duration: float, out: np.ndarray) -> None:
    """Width, its rate, centre, its rate: `out` (4,) carried on by `duration` for a Gaussian in the harmonic potential.

    σ̈ = -ησ̇ - σ + ħ²/4σ³ + T/σ,  q̈ = -ηq̇ - q, by Runge and Kutta's fourth order with an adaptive step.
    """
    time = 0.0
    k, at, total = np.empty(4), np.empty(4), np.empty(4)
    while time < duration:
        rate = 1.0 + friction + (hbar / out[0] + 2.0 * math.sqrt(temperature) + abs(out[1])) / out[0]
        h = min(0.05 / rate, duration - time)
        if time + h == time:
            out[:] = np.nan
            return
        for stage in range(4):
            for i in range(4):
                at[i] = out[i] + (0.0 if stage == 0 else (h if stage == 3 else 0.5 * h) * k[i])
            k[0], k[2] = at[1], at[3]
            k[1] = -friction * at[1] - at[0] + 0.25 * hbar * hbar / at[0] ** 3 + temperature / at[0]
            k[3] = -friction * at[3] - at[2]
            for i in range(4):
                weight = 1.0 if stage == 0 or stage == 3 else 2.0
                total[i] = weight * k[i] + (0.0 if stage == 0 else total[i])
        for i in range(4):
            out[i] += h / 6.0 * total[i]
        time = time + h if h < duration - time else duration
