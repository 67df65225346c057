"""Trainable variables: the five-term functional and what it becomes, for Gaussians exactly; Schroedinger by leapfrog.

Mass m = 1/2γ. Stationary for √p (-4D∂² + γ∂²F + μ[∂_t F + γ(∂F)² + V])√p (terms by Vanchurin 2020, section 5; signs and
the equations are reconstructed). With F = F̃ + (log p)/2μ they are Madelung's exactly, with

    ħ² = 4D/γμ - 1/μ² = (κ - 1)/μ²,  κ = 4Dμ/γ

(derived here): κ = 1 is Hamilton-Jacobi, κ < 1 an attractive quantum pressure.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def hbar_squared(kappa: npt.ArrayLike, mu: float = 1.0) -> FloatArray:
    """ħ² = (κ - 1)/μ², negative below κ = 1."""
    return np.asarray((np.asarray(kappa, float) - 1) / mu**2)


def five_terms(
    time: npt.ArrayLike, width: float, diffusion: float, gamma: float, mu: float, stiffness: float = 0.0
) -> FloatArray:
    """Width of a Gaussian at `time` (T,), by the equations of the functional themselves; V = ½ stiffness q².

    For F = ½A q² + C:  d(σ²)/dt = 4γAσ² + 2γ/μ,  dA/dt = -2γA² - stiffness + 2D/(μσ⁴), and A starts where the width is
    at rest. NaN from where it has vanished.
    """

    def slopes(t: float, y: FloatArray) -> list[float]:
        s, a = y
        return [4 * gamma * a * s + 2 * gamma / mu, -2 * gamma * a**2 - stiffness + 2 * diffusion / (mu * s**2)]

    return _solved(slopes, [width**2, -1 / (2 * mu * width**2)], time, lambda y: y[0])


def ermakov(
    time: npt.ArrayLike,
    width: float,
    hbar_squared: float,
    *,
    mass: float = 1.0,
    stiffness: float = 1.0,
    friction: float = 0.0,
    temperature: float = 0.0,
    centre: float = 0.0,
    momentum: float = 0.0,
) -> tuple[FloatArray, FloatArray]:
    """Width and centre of a Gaussian of learners at rest in width, (T,) each:

    σ̈ = -ησ̇ - ω²σ + ħ²/4m²σ³ + T/mσ,  q̈ = -ηq̇ - ω²q
    """

    def slopes(t: float, y: FloatArray) -> list[float]:
        width, rate, q, v = y
        push = hbar_squared / (4 * mass**2 * width**3) + temperature / (mass * width)
        omega = stiffness / mass
        return [rate, push - friction * rate - omega * width, v, -friction * v - omega * q]

    start = [width, 0.0, centre, momentum / mass]
    return _solved(slopes, start, time, lambda y: y[0] ** 2), _solved(slopes, start, time, lambda y: y[2], root=False)


def _solved(slopes: object, start: list[float], time: npt.ArrayLike, of: object, root: bool = True) -> FloatArray:
    from scipy import integrate

    t = np.atleast_1d(np.asarray(time, float))

    def gone(t: float, y: FloatArray) -> float:
        return float(y[0]) - 1e-6 * start[0]

    gone.terminal = True  # type: ignore[attr-defined]
    found = integrate.solve_ivp(
        slopes, (0, float(t.max())), start, method="DOP853", t_eval=t, rtol=1e-12, atol=1e-13, events=gone
    )
    values = np.asarray(of(found.y))  # type: ignore[operator]
    out = np.full(t.shape, np.nan)
    out[: values.size] = np.sqrt(values) if root else values
    return out


def collapse_time(kappa: npt.ArrayLike, width: float = 1.0, gamma: float = 1.0, mu: float = 1.0) -> FloatArray:
    """When a free Gaussian at rest collapses for κ < 1: μσ0²/(γ√(1 - κ)); inf from κ = 1 on (derived here)."""
    lack = 1 - np.asarray(kappa, float)
    return np.asarray(np.where(lack > 0, mu * width**2 / (gamma * np.sqrt(np.where(lack > 0, lack, 1.0))), np.inf))


def ground_variance(hbar: float, learners: int) -> float:
    """Variance of M learners at rest in the harmonic ground state, (1 - 1/M)ħ/2mω with m = ω = 1."""
    return (1 - 1 / learners) * hbar / 2


def caustic_time(distance: float, width: float, quartic: float, span: float = 5.0) -> float:
    """When paths of Hamilton-Jacobi first cross: particles at rest around q0 = distance x width, of the middle ± span
    standard deviations, in the potential ½q² + ¼λq⁴.

    First zero of ∂q/∂q(0): the linearised motion beside each of 201 paths. π/2 without λ.
    """
    from scipy import integrate

    start = width * (distance + np.linspace(-span, span, 201))

    def slopes(t: float, y: FloatArray) -> FloatArray:
        q, v, dq, dv = y.reshape(4, -1)
        return np.concatenate([v, -q - quartic * q**3, dv, -(1 + 3 * quartic * q**2) * dq])

    def crossing(t: float, y: FloatArray) -> float:
        return float(y.reshape(4, -1)[2].min())

    crossing.terminal = True  # type: ignore[attr-defined]
    first = np.concatenate([start, 0 * start, np.ones_like(start), 0 * start])
    found = integrate.solve_ivp(slopes, (0, 4.0), first, rtol=1e-9, atol=1e-11, events=crossing)
    return float(found.t_events[0][0])


def quantum_friction(temperature: float, width: float) -> float:
    """ħ above which the quantum pressure of a Gaussian exceeds that of heat, 2σ√(mT): a line of large friction."""
    return 2 * width * math.sqrt(temperature)


def visscher(
    points: int,
    centre: float,
    width: float,
    hbar: float,
    duration: float,
    *,
    quartic: float = 0.0,
    half: float = 6.0,
    highest: float = 60.0,
) -> tuple[FloatArray, FloatArray, float]:
    """Positions, probabilities (N,) each and their sum, of a packet at rest, by Visscher's leapfrog of Re and Im ψ.

    R' = HI/ħ, I' = -HR/ħ half a step apart, a Laplacian of fourth order, potential cut at `highest`. A solution that
    shares nothing with `kernels.schroedinger`.
    """
    q = np.linspace(-half, half, points)
    dq = q[1] - q[0]
    potential = np.minimum(0.5 * q**2 + 0.25 * quartic * q**4, highest)
    steps = math.ceil(duration * (hbar**2 * (8 / 3) / dq**2 + potential.max()) / hbar)
    h = duration / steps

    def energy(psi: FloatArray) -> FloatArray:
        wide = np.pad(psi, 2)
        second = (-wide[4:] + 16 * wide[3:-1] - 30 * wide[2:-2] + 16 * wide[1:-3] - wide[:-4]) / (12 * dq**2)
        return np.asarray(-0.5 * hbar**2 * second + potential * psi)

    real = np.exp(-((q - centre) ** 2) / (4 * width**2))
    real /= math.sqrt((real**2).sum())
    imaginary = -h / (2 * hbar) * energy(real)
    before = imaginary
    for _ in range(steps):
        real = real + h / hbar * energy(imaginary)
        before, imaginary = imaginary, imaginary - h / hbar * energy(real)
    probability = real**2 + before * imaginary
    return q, probability, float(probability.sum())
