"""A chain of spins as a channel: a modulated carrier at one end, demodulated further down; see `spin_dynamics`."""

from __future__ import annotations

import math

import numpy as np
from numpy import uint64

from isinglass.kernels.jit import jit
from isinglass.kernels.spin_dynamics import correct, predict, thermal_field, thermal_size


@jit
def transmit(
    s: np.ndarray,
    message: np.ndarray,
    drive: float,
    frequency: float,
    field: float,
    exchange: float,
    damping: float,
    temperature: float,
    dt: float,
    steps: int,
    delay: int,
    receiver: int,
    stream: np.ndarray,
    received: np.ndarray,
    states: np.ndarray,
) -> None:
    """Send ±1 symbols down an open chain (3, N) in a field along z, `steps` steps each, by a field along x on site 0.

    That field is `drive` x symbol x cos ωt, at the middle of each step. `received` complex128 (symbols,) takes the mean
    of (S_x + iS_y) e^{-iωt} of site `receiver` over each symbol's stretch, `delay` steps later; the last ends with the
    run. `states` complex128 (symbols, N) takes S_x + iS_y of all sites at the end of those stretches.
    """
    n = s.shape[1]
    b, middle, noise, extra = np.empty_like(s), np.empty_like(s), np.empty_like(s), np.zeros_like(s)
    extra[2] = field
    words, diagonal, shape = np.empty(n, uint64), np.zeros(3), (1, 1, n)
    size = thermal_size(damping, temperature, dt)
    received[:] = 0.0
    for step in range(message.size * steps + delay):
        symbol = step // steps
        phase = frequency * dt * (step + 0.5)
        extra[0, 0] = drive * message[symbol] * math.cos(phase) if symbol < message.size else 0.0
        thermal_field(stream, size, words, noise)
        predict(s, extra, diagonal, exchange, shape, False, damping, dt, noise, b, middle)
        correct(s, extra, diagonal, exchange, shape, False, damping, dt, noise, b, middle)
        late = step - delay
        if late >= 0:
            phase += 0.5 * frequency * dt  # the state is that of the step's end
            carrier = complex(math.cos(phase), -math.sin(phase))
            received[late // steps] += complex(s[0, receiver], s[1, receiver]) * carrier / steps
            if late % steps == steps - 1:
                for i in range(n):
                    states[late // steps, i] = complex(s[0, i], s[1, i])
