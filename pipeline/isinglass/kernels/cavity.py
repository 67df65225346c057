"""Spins as classical vectors coupled to the modes of a cavity, one mode a pattern.

a_μ' = -(iω + κ) a_μ - i g m_μ, m_μ = (1/N) Σ_i ξ_i^μ z_i; S_i' = Ω_i × S_i - η S_i × (Ω_i × S_i),
Ω_i = (1, 0, 4g Σ_μ ξ_i^μ Re a_μ). Times in 1/ω_0. Shapes: N spins, P patterns int8 ±1 (N, P); components of the spins'
vectors float64 (N,); `re`, `im` of the modes float64 (P,), in units of √N.
"""

from __future__ import annotations

import math

import numpy as np

from isinglass.kernels.hartree import overlaps
from isinglass.kernels.jit import jit


@jit
def ring(
    re: np.ndarray, im: np.ndarray, overlap: np.ndarray, frequency: float, loss: float, coupling: float, dt: float
) -> None:
    """The modes after a time dt with the spins held, exactly: decaying circles about -g m/(ω - iκ); in place."""
    weight = coupling / (frequency * frequency + loss * loss)
    c, s = math.exp(-loss * dt) * math.cos(frequency * dt), math.exp(-loss * dt) * math.sin(frequency * dt)
    for mu in range(re.size):
        x0, y0 = -weight * frequency * overlap[mu], -weight * loss * overlap[mu]
        x, y = re[mu] - x0, im[mu] - y0
        re[mu], im[mu] = x0 + c * x + s * y, y0 + c * y - s * x


@jit
def turn(
    patterns: np.ndarray, re: np.ndarray, coupling: float, damping: float, dt: float,
    x: np.ndarray, y: np.ndarray, z: np.ndarray,
) -> float:  # fmt: skip
    """The spins after a time dt with the modes held, exactly; in place. Returns the largest change of a component.

    About n = Ω/|Ω| a spin precesses by |Ω|dt, and c = S·n falls as tanh(atanh c - η|Ω|t): no length is lost. Written
    with t = tanh(η|Ω|dt), which has no singular points: c → (c - t)/(1 - ct), what is across by √(1-t²)/(1 - ct).
    """
    change = 0.0
    for i in range(z.size):
        h = 0.0
        for mu in range(re.size):
            h += patterns[i, mu] * re[mu]
        h *= 4 * coupling
        size = math.sqrt(1 + h * h)
        nx, nz = 1 / size, h / size
        c = x[i] * nx + z[i] * nz
        across_x, across_y, across_z = x[i] - c * nx, y[i], z[i] - c * nz
        t = math.tanh(damping * size * dt)
        shrink = 1 - c * t
        if shrink > 1e-12:  # else against the flow to rounding, where it stays
            factor, c = math.sqrt(1 - t * t) / shrink, (c - t) / shrink
            cosine, sine = factor * math.cos(size * dt), factor * math.sin(size * dt)
            # n × across, n = (nx, 0, nz)
            turned_x, turned_y, turned_z = -nz * across_y, nz * across_x - nx * across_z, nx * across_y
            new_x = c * nx + cosine * across_x + sine * turned_x
            new_y = cosine * across_y + sine * turned_y
            new_z = c * nz + cosine * across_z + sine * turned_z
            change = max(change, abs(new_x - x[i]), abs(new_y - y[i]), abs(new_z - z[i]))
            x[i], y[i], z[i] = new_x, new_y, new_z
    return change


@jit
def relax(
    patterns: np.ndarray, frequency: float, loss: float, coupling: float, damping: float, dt: float, tolerance: float,
    steps: int, re: np.ndarray, im: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray,
) -> tuple[int, float]:  # fmt: skip
    """Strang steps (modes, spins, modes), second order in dt; steps taken, largest change of S or a in the last.

    Ends where no component of a spin and no part of a mode changes by more than `tolerance` dt, or after `steps`: z and
    Re a alone are still where a ringing mode turns back. A state at rest is at rest for every dt.
    """
    overlap, before, beside = np.empty(re.size), np.empty(re.size), np.empty(re.size)
    overlaps(patterns, z, overlap)
    change = 0.0
    for step in range(steps):
        before[:], beside[:] = re, im
        ring(re, im, overlap, frequency, loss, coupling, 0.5 * dt)
        change = turn(patterns, re, coupling, damping, dt, x, y, z)
        overlaps(patterns, z, overlap)
        ring(re, im, overlap, frequency, loss, coupling, 0.5 * dt)
        for mu in range(re.size):
            change = max(change, abs(re[mu] - before[mu]), abs(im[mu] - beside[mu]))
        if change <= tolerance * dt:
            return step + 1, change
    return steps, change
