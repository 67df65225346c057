"""Fast noisy neurons that follow a bias, and the bias that is trained on them: an ensemble of such networks.

    dx_i = -(u_i + g u_i³) dt + √2 dW_i,   dq = [-δq + (ε/N) Σ (u_i + g u_i³)] dt,   u_i = x_i - q

by Heun's rule, of second weak order for additive noise.
"""

from __future__ import annotations

import math

import numpy as np

from isinglass.kernels.jit import jit
from isinglass.kernels.streams import normal


@jit
def ensemble(
    q: np.ndarray, neurons: int, epsilon: float, delta: float, gain: float, step: float, steps: int, stream: np.ndarray
) -> None:
    """Carry the biases q (K,) on by so many steps, in place; neurons start at q + a standard normal each.

    A network that leaves the range of 10⁶ is left there.
    """
    x, xi, pull = np.empty(neurons), np.empty(neurons), np.empty(neurons)
    share, kick = epsilon / neurons, math.sqrt(2.0 * step)
    for k in range(q.size):
        bias = q[k]
        for i in range(neurons):
            x[i] = bias + normal(stream)
        for _ in range(steps):
            total = 0.0
            for i in range(neurons):
                u = x[i] - bias
                pull[i] = u + gain * u * u * u
                total += pull[i]
                xi[i] = kick * normal(stream)
            force = share * total - delta * bias
            ahead, total = bias + step * force, 0.0
            for i in range(neurons):
                u = x[i] - step * pull[i] + xi[i] - ahead
                later = u + gain * u * u * u
                total += later
                x[i] += xi[i] - 0.5 * step * (pull[i] + later)
            bias += 0.5 * step * (force + share * total - delta * ahead)
            if not abs(bias) < 1e6:
                break
        q[k] = bias
