"""Neurons whose weights are a permutation: coin and shift, ensembles of flipping networks, and the sheet they sweep."""

from __future__ import annotations

import math

import numpy as np

from isinglass.kernels.jit import jit
from isinglass.kernels.streams import below, normal, uniform


@jit
def coin(strength: float, antisymmetry: float, out: np.ndarray) -> None:
    """exp(ε [[-(1-χ), 1], [1-2χ, -(1-χ)]]) into `out` (2, 2), in closed form."""
    loss, square = (1.0 - antisymmetry) * strength, strength * strength * (1.0 - 2.0 * antisymmetry)
    if square > 0.0:
        root = math.sqrt(square)
        grow, fall = math.exp(root - loss), math.exp(-root - loss)
        diagonal, off = 0.5 * (grow + fall), 0.5 * (grow - fall) / root
    elif square < 0.0:
        root = math.sqrt(-square)
        diagonal, off = math.exp(-loss) * math.cos(root), math.exp(-loss) * math.sin(root) / root
    else:
        diagonal, off = math.exp(-loss), math.exp(-loss)
    out[0, 0] = out[1, 1] = diagonal
    out[0, 1] = off * strength
    out[1, 0] = off * strength * (1.0 - 2.0 * antisymmetry)


@jit
def rewire(stream: np.ndarray, forward: np.ndarray, backward: np.ndarray, transpositions: int) -> int:
    """The N-cycle after random transpositions of two targets: site -> site after a step, and back; its cycles."""
    n = forward.size
    for site in range(n):
        forward[site] = (site + 1) % n
    for _ in range(transpositions):
        a = below(stream, n)
        b = (a + 1 + below(stream, n - 1)) % n
        forward[a], forward[b] = forward[b], forward[a]
    for site in range(n):
        backward[forward[site]] = site
    cycles, seen = 0, np.zeros(n, np.uint8)
    for site in range(n):
        if not seen[site]:
            cycles += 1
            at = site
            while not seen[at]:
                seen[at] = 1
                at = forward[at]
    return cycles


@jit
def advance(
    right: np.ndarray,
    left: np.ndarray,
    spare: np.ndarray,
    forward: np.ndarray,
    backward: np.ndarray,
    mixing: np.ndarray,
    gain: float,
    noise: float,
    stream: np.ndarray,
    steps: int,
) -> None:
    """Steps of movers `right`, `left` (D, N): mix by the coin, tanh(gx)/g, shift along the permutation, add noise.

    `spare` (2, N) is scratch; `noise` is the standard deviation that a step adds to each mover.
    """
    n = right.shape[1]
    for d in range(right.shape[0]):
        for _ in range(steps):
            for i in range(n):
                a, b = right[d, i], left[d, i]
                moved, back = mixing[0, 0] * a + mixing[0, 1] * b, mixing[1, 0] * a + mixing[1, 1] * b
                if gain > 0.0:
                    moved, back = math.tanh(gain * moved) / gain, math.tanh(gain * back) / gain
                spare[0, forward[i]] = moved
                spare[1, backward[i]] = back
            right[d] = spare[0]
            left[d] = spare[1]
            if noise > 0.0:
                for i in range(n):
                    right[d, i] += noise * normal(stream)
                    left[d, i] += noise * normal(stream)


@jit
def wander(stream: np.ndarray, flips: float, steps: int, networks: int, counts: np.ndarray) -> int:
    """How far networks carried their states: `counts` int64 (N,) of shifts mod N; the shift of network 0.

    Even networks begin with P (shift +1 a step), odd ones with Pᵀ (-1); before each step a network flips to the other
    with probability `flips`, in 0 to 1/2.
    """
    n = counts.size
    counts[:] = 0
    scale, first = math.log1p(-flips), 0
    for network in range(networks):
        way, at, left = 1 - 2 * (network % 2), 0, steps
        while left > 0:
            wait = math.log1p(-uniform(stream)) / scale if flips > 0.0 else np.inf
            if wait >= left:
                at += way * left
                break
            straight = int(wait)
            way = -way
            at += way * (1 - straight)  # there before the flip, one step back with it
            left -= straight + 1
        counts[at % n] += 1
        if network == 0:
            first = at % n
    return first


@jit
def superpose(message: np.ndarray, counts: np.ndarray, out: np.ndarray) -> None:
    """Σ_s counts[s] message[n - s] into `out` int64 (N,); message int8 (N,), on a ring."""
    n = out.size
    out[:] = 0
    for shift in range(n):
        weight = counts[shift]
        if weight:
            for i in range(shift):
                out[i] += weight * message[n + i - shift]
            for i in range(shift, n):
                out[i] += weight * message[i - shift]


@jit
def sheet(tau: np.ndarray, sigma: np.ndarray, second: np.ndarray, cross: np.ndarray, out: np.ndarray) -> None:
    """The Nambu-Goto equation on a solution of the wave equation in flat space-time, metric (-, +, ..., +).

    First derivatives ∂_τX, ∂_σX (D+1, N), second ones ∂²_τX = ∂²_σX and ∂_τ∂_σX, component 0 the clock. With
    h_ab = ∂_aX·∂_bX and P^a = √|h| h^ab ∂_bX, `out` (3, N) gets |∂_aP^a|², summed over components with sign +; the
    Virasoro constraints squared, (h_ττ + h_σσ)² + (2 h_τσ)²; and -det h, positive where the sheet is timelike.
    """
    dim, n = tau.shape
    for i in range(n):
        tt, ts, ss = -(tau[0, i] ** 2), -tau[0, i] * sigma[0, i], -(sigma[0, i] ** 2)
        # derivatives of h by τ and σ
        tt_t, ts_t, ss_t = -2 * tau[0, i] * second[0, i], 0.0, -2 * sigma[0, i] * cross[0, i]
        ts_t = -second[0, i] * sigma[0, i] - tau[0, i] * cross[0, i]
        tt_s, ss_s = -2 * tau[0, i] * cross[0, i], -2 * sigma[0, i] * second[0, i]
        ts_s = -cross[0, i] * sigma[0, i] - tau[0, i] * second[0, i]
        for d in range(1, dim):
            t, s, q, c = tau[d, i], sigma[d, i], second[d, i], cross[d, i]
            tt += t * t
            ts += t * s
            ss += s * s
            tt_t += 2 * t * q
            ss_t += 2 * s * c
            ts_t += q * s + t * c
            tt_s += 2 * t * c
            ss_s += 2 * s * q
            ts_s += c * s + t * q
        det = tt * ss - ts * ts
        det_t = tt_t * ss + tt * ss_t - 2 * ts * ts_t
        det_s = tt_s * ss + tt * ss_s - 2 * ts * ts_s
        size, sign = math.sqrt(abs(det)), 1.0 if det > 0 else -1.0
        total = 0.0
        for d in range(dim):
            t, s, q, c = tau[d, i], sigma[d, i], second[d, i], cross[d, i]
            # √|h| h^ab ∂_bX = sign (h_σσ ∂_τX - h_τσ ∂_σX, h_ττ ∂_σX - h_τσ ∂_τX) / √|h|
            along, across = ss * t - ts * s, tt * s - ts * t
            force = ss_t * t + ss * q - ts_t * s - ts * c + tt_s * s + tt * q - ts_s * t - ts * c
            force = sign * (force - 0.5 * (along * det_t + across * det_s) / det) / size
            total += force * force
        out[0, i] = total
        out[1, i] = (tt + ss) ** 2 + 4 * ts * ts
        out[2, i] = -det
