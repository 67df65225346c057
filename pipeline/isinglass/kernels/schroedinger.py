"""Schroedinger's equation on a line, iħψ' = [-(ħ²/2)∂² + ½q² + ¼λq⁴]ψ, mass 1: Strang splitting with Fourier steps.

Second order in the time step; in space exact for waves that the grid holds. Plain numpy: two transforms a step are all
the work.
"""

from __future__ import annotations

import math

import numpy as np

SIGMAS = 5.0
"""The packet is taken as no wider than this many standard deviations, in place and in momentum."""
MOST = 2**28
"""Points x steps that one solution may have."""
MOST_POINTS = 2**20


def grid(
    centre: float, momentum: float, width: float, quartic: float, hbar: float, duration: float
) -> tuple[float, int, int]:
    """Half the length of the box, number of points (a power of two) and of steps for a Gaussian packet.

    From the largest energy of its parts: the box ends where the potential is half as large again, and holds the
    momentum of that energy; a step is a fiftieth of a period of the stiffest place, over 2π.
    """
    reach = abs(centre) + SIGMAS * width
    push = abs(momentum) + SIGMAS * hbar / (2 * width)
    energy = 1.5 * (0.5 * push**2 + 0.5 * reach**2 + 0.25 * quartic * reach**4)
    # ½L² + ¼λL⁴ = energy, in a form that holds for λ → 0
    half = math.sqrt(4 * energy / (1 + math.sqrt(1 + 4 * quartic * energy)))
    points = 2 ** max(9, math.ceil(math.log2(2 * half * math.sqrt(2 * energy) / (math.pi * hbar))))
    steps = math.ceil(50 * duration * math.sqrt(1 + 3 * quartic * half**2))
    return half, points, max(steps, 1)


def evolve(
    centre: float, momentum: float, width: float, quartic: float, hbar: float, duration: float, finer: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and probabilities, float64 (N,) each, of a Gaussian packet after `duration`; 1/`finer` of the step."""
    half, points, steps = grid(centre, momentum, width, quartic, hbar, duration)
    steps *= finer
    dq = 2 * half / points
    q = (np.arange(points) - points // 2) * dq
    psi = np.exp(-((q - centre) ** 2) / (4 * width**2) + 1j * momentum * q / hbar)
    wave = 2 * np.pi * np.fft.fftfreq(points, dq)
    h = duration / steps
    drift = np.exp(-0.5j * hbar * h * wave**2)
    kick = np.exp(-0.5j * h / hbar * (0.5 * q**2 + 0.25 * quartic * q**4))
    psi *= kick
    for step in range(steps):
        psi = np.fft.ifft(drift * np.fft.fft(psi))
        psi *= kick if step == steps - 1 else kick * kick
    probability = np.abs(psi) ** 2
    return q, probability / probability.sum()
