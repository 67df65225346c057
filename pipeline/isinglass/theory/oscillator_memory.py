"""Stability of the binary states of oscillators with Hebb couplings and a second harmonic; one pattern in closed form.

About a state s of phases 0 and π (no natural frequencies, no drive) small deviations obey δ' = (A - 2ε) δ orthogonal
to the uniform vector, A_ij = s_i J_ij s_j - δ_ij s_i h_i. So s is stable iff ε > ε_s(s) = λ_max(A)/2, given the sample.
Unit of rates: 1 rad/s, the field of a recalled pattern.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from isinglass.exceptions import InputError

FloatArray = npt.NDArray[np.float64]


def jacobian(patterns: npt.ArrayLike, state: npt.ArrayLike) -> FloatArray:
    """A (N, N) for patterns ±1 (P, N) and a state ±1 (N,)."""
    xi, s = np.asarray(patterns, float), np.asarray(state, float)
    couplings = xi.T @ xi / s.size
    np.fill_diagonal(couplings, 0)
    out = s[:, None] * couplings * s
    out[np.diag_indices(s.size)] = -s * (couplings @ s)
    return np.asarray(out)


def stability_limit(patterns: npt.ArrayLike, state: npt.ArrayLike) -> float:
    """ε_s of a state: it is stable for larger ε, unstable below, with the rate 2(ε_s - ε)."""
    from scipy.sparse.linalg import eigsh

    matrix = jacobian(patterns, state)
    # the uniform vector has eigenvalue 0: put it below all others
    matrix -= 10.0 * (1 + abs(matrix).max()) / len(matrix)
    start = np.cos(np.arange(len(matrix)))  # the same at every call, for the same digits
    return float(eigsh(matrix, k=1, which="LA", v0=start, return_eigenvectors=False)[0] / 2)


@functools.lru_cache(maxsize=256)
def mean_limit(load: float, oscillators: int, cue: float = 1.0, samples: int = 4) -> float:
    """ε_s of random patterns with a share (1 - cue)/2 of their signs turned, mean over samples of fixed seeds.

    A sample's patterns at a load are the first ones of the same list: curves over load are smoother than their error.
    cue = 1: the pattern becomes stable; cue < 1: the cue freezes. Raises InputError where the load rounds to nothing.
    """
    stored = round(load * oscillators)
    if stored < 1:
        raise InputError(f"load = {load:g} of {oscillators} oscillators rounds to no pattern: raise load")
    values = []
    for sample in range(samples):
        xi = np.random.default_rng([2004, sample, oscillators]).choice([-1.0, 1.0], (stored, oscillators))
        state = xi[0].copy()
        state[: round(oscillators * (1 - cue) / 2)] *= -1
        values.append(stability_limit(xi, state))
    return float(np.mean(values))


def limit_line(oscillators: int, cue: float = 1.0, points: int = 16, samples: int = 16) -> FloatArray:
    """(loads, ε_s) for interpolation: `mean_limit` at up to `points` numbers of patterns from 1 to 0.2 N."""
    stored = np.unique(np.rint(np.geomspace(1, 0.2 * oscillators, points)))
    return np.array([stored / oscillators, [mean_limit(p / oscillators, oscillators, cue, samples) for p in stored]])


def one_pattern_turn(time: npt.ArrayLike, start: float, second: float) -> FloatArray:
    """The angle δ(t) by which the flipped ones are apart from the others, P = 1, all of them together, from δ(0).

    δ' = -sin δ - ε sin 2δ, whatever the cue: δ = π (the cue) is stable for ε > 1/2. Solved numerically.
    """
    from scipy.integrate import solve_ivp

    t = np.asarray(time, float)
    flow = solve_ivp(
        lambda _, d: -np.sin(d) - second * np.sin(2 * d), (0, float(t.max())), [start], t_eval=t, rtol=1e-11, atol=1e-13
    )
    return np.asarray(flow.y[0])


def adler(time: npt.ArrayLike, start: float, strength: float, frequency: float) -> FloatArray:
    """Phase φ(t) behind a drive that all oscillators follow as one, |Ω| < F: φ' = Ω - F sin φ (Adler 1946).

    It locks where |Ω| <= F, at sin φ = Ω/F.
    """
    if abs(frequency) >= strength:
        raise InputError(f"frequency = {frequency:g} is not below strength = {strength:g}: no locked state; lower it")
    root = np.sqrt(strength**2 - frequency**2)
    # tan(φ/2) obeys a Riccati equation with the fixed points (F ∓ root)/Ω
    u = np.tan(start / 2)
    t = np.asarray(time, float)
    if frequency == 0:
        return np.asarray(2 * np.arctan(u * np.exp(-strength * t)))
    stable, unstable = (strength - root) / frequency, (strength + root) / frequency
    ratio = (u - stable) / (u - unstable) * np.exp(-root * t)
    return np.asarray(2 * np.arctan((stable - unstable * ratio) / (1 - ratio)))
