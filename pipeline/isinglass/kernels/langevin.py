"""Overdamped motion of two variables, and the entropy that it produces."""

from __future__ import annotations

import math

import numpy as np

from isinglass.kernels.jit import jit
from isinglass.kernels.streams import normal


@jit
def turning_pair(
    stream: np.ndarray, stiffness: float, turning: float, diffusion: float, step: float, steps: int, out: np.ndarray
) -> None:
    """Euler steps of dq = f dt + √(2D) dW, f = -κ q + ω (-q_2, q_1), from a draw of the equilibrium at ω = 0.

    `out` (2,) gets the entropy produced, Σ ½(f_n + f_n+1)·(q_n+1 - q_n)/D (Stratonovich; nat), and Σ |q_n|².
    """
    width, kick = math.sqrt(diffusion / stiffness), math.sqrt(2 * diffusion * step)
    x, y = width * normal(stream), width * normal(stream)
    produced, square = 0.0, 0.0
    for _ in range(steps):
        fx, fy = -stiffness * x - turning * y, -stiffness * y + turning * x
        dx, dy = fx * step + kick * normal(stream), fy * step + kick * normal(stream)
        square += x * x + y * y
        x, y = x + dx, y + dy
        gx, gy = -stiffness * x - turning * y, -stiffness * y + turning * x
        produced += ((fx + gx) * dx + (fy + gy) * dy) / 2
    out[0], out[1] = produced / diffusion, square
