"""Two coupled oscillators and learners that imitate them: Gaussians exactly, readouts by signs and by parity, the ring.

m = ω = ħ = 1, V = ½q1² + ½q2² + ½g(q1 - q2)², start in the ground state for g = 0. Standard textbook quantum mechanics
of Gaussian states; the learners' maps are derived here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def quarter_period(coupling: float) -> float:
    """Time after which q1 - q2 is narrowest, π/2√(1 + 2g)."""
    return float(np.pi / (2 * np.sqrt(1 + 2 * coupling)))


def covariance(coupling: float, duration: float) -> Array:
    """Schroedinger's covariance (4, 4) of q1, q2, p1, p2 after a time, by the matrix exponential of Hamilton's flow."""
    from scipy.linalg import expm

    stiff = np.array([[1 + coupling, -coupling], [-coupling, 1 + coupling]])
    flow = np.block([[np.zeros((2, 2)), np.eye(2)], [-stiff, np.zeros((2, 2))]])
    carried = expm(flow * duration)
    return np.asarray(carried @ carried.T / 2)


def log_negativity(sigma: Array) -> float:
    """Entanglement of two modes, nat: -Σ ln min(1, 2ν), ν the symplectic eigenvalues with p2 reversed."""
    flipped = sigma * np.outer([1, 1, 1, -1], [1, 1, 1, -1])
    form = np.block([[np.zeros((2, 2)), np.eye(2)], [-np.eye(2), np.zeros((2, 2))]])
    found = np.sort(abs(np.linalg.eigvals(1j * form @ flipped)))[::2]
    return float(-np.log(np.minimum(1.0, 2 * found)).sum())


def signs(sigma: Array, first: float, second: float) -> float:
    """E of the signs of q1 cos θ1 + p1 sin θ1 and q2 cos θ2 + p2 sin θ2: (2/π) asin of their correlation."""
    a = np.array([np.cos(first), 0, np.sin(first), 0])
    b = np.array([0, np.cos(second), 0, np.sin(second)])
    return float(2 / np.pi * np.arcsin(np.clip(a @ sigma @ b / np.sqrt((a @ sigma @ a) * (b @ sigma @ b)), -1, 1)))


def learner_maps(coupling: float, duration: float, interaction: str, clocks: Array) -> Array:
    """Linear maps (clocks, 2, 2) from a learner's start to its place, at clock times after the coupling; M → ∞.

    The force is linear and learners start at rest: q(t) = A q(0) with A" = (-K + F(C)) A, C = A A^T/2.
    """
    from scipy.integrate import solve_ivp

    def fisher(a: Array) -> Array:
        c = a @ a.T / 2
        if interaction == "joint":
            inverse = np.linalg.inv(c)
            return np.asarray(inverse @ inverse / 4)
        return np.diag(0.25 / np.diag(c) ** 2) if interaction == "separate" else np.zeros((2, 2))

    def go(state: Array, g: float, times: Array) -> Array:
        stiff = np.array([[1 + g, -g], [-g, 1 + g]])

        def rates(_: float, y: Array) -> Array:
            a, b = y.reshape(2, 2, 2)
            return np.concatenate([b.ravel(), ((fisher(a) - stiff) @ a).ravel()])

        found = solve_ivp(rates, (0, float(times[-1])), state, method="DOP853", t_eval=times, rtol=1e-10, atol=1e-12)
        return np.asarray(found.y.T)

    start = np.concatenate([np.eye(2).ravel(), np.zeros(4)])
    if duration > 0:
        start = go(start, coupling, np.array([duration]))[-1]
    later = go(start, 0.0, np.asarray(clocks)[1:])
    return np.concatenate([start[None], later])[:, :4].reshape(-1, 2, 2)


def learner_signs(maps: Array) -> Array:
    """E (clocks, clocks) of the learners' signs, q1 at the first clock and q2 at the second, M → ∞."""
    rows = maps[:, 0], maps[:, 1]
    width = [np.sqrt((r**2).sum(axis=1)) for r in rows]
    return np.asarray(2 / np.pi * np.arcsin(np.clip(rows[0] @ rows[1].T / np.outer(*width), -1, 1)))


def parity(sigma: Array, place: Array) -> float:
    """⟨parity of both modes⟩ displaced to (q1, q2, p1, p2): (π)² times the Wigner function, ħ = 1."""
    return float(np.exp(-place @ np.linalg.solve(sigma, place) / 2) / (4 * np.sqrt(np.linalg.det(sigma))))


def parity_chsh(coupling: float, duration: float, tries: int = 6) -> float:
    """Largest CHSH value of displaced parities, two displacements on each side, by search from `tries` starts."""
    from scipy.optimize import minimize

    sigma = covariance(coupling, duration)
    inverse, scale = np.linalg.inv(sigma), 4 * np.sqrt(np.linalg.det(sigma))

    def value(x: Array) -> float:
        total = 0.0
        for i, j, sign in ((0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, -1)):
            a, b = x[2 * i : 2 * i + 2], x[4 + 2 * j : 6 + 2 * j]
            z = np.array([a[0], b[0], a[1], b[1]])
            total += sign * np.exp(-z @ inverse @ z / 2) / scale
        return -total

    rng = np.random.default_rng(3)
    starts = rng.normal(0, 0.3, (tries, 8))
    return max(float(-minimize(value, s, method="BFGS", options={"gtol": 1e-9}).fun) for s in starts)


def ring_revival(winding: float, modulation: float) -> float:
    """|⟨ψ(0)|ψ(4π)⟩| on a ring with ψ(q + 2π) = e^{2πiα} ψ(q), ψ ∝ exp(b cos q + iαq): I0(2b cos 2πα)/I0(2b)."""
    from scipy.special import i0e

    x = 2 * modulation * np.cos(2 * np.pi * winding)
    return float(i0e(x) / i0e(2 * modulation) * np.exp(abs(x) - 2 * modulation))
