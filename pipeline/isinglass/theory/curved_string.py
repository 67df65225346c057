"""A small string in a curved plane: the geodesic, and how far the string's centre departs from it.

Metric Ω δ_ij, Ω = 1 + 2κ exp(-r²/2w²). The departure is C a² for a string of root mean square radius a → 0: the shape
moves by the linear equation (waves and tides), and its square drives the centre. Solved as ordinary differential
equations by scipy; derivatives of the force along the shape by central differences (errors of 10^-8). Derived here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from isinglass.models.curved_string import CurvedString

NUDGE = 1e-4

Vector = np.ndarray[Any, Any]


def force(model: CurvedString, x: Vector, v: Vector, s: Vector) -> Vector:
    """-Γ(v, v) + Γ(s, s) at x, (2,) each: what bends the path of a piece with velocity v and slope s along σ."""
    bump = 2 * model.curvature * np.exp(-(x @ x) / (2 * model.width**2))
    slope = -bump / (1 + bump) / model.width**2 * x
    return np.asarray(-(v @ slope) * v + (s @ slope) * s + (v @ v - s @ s) / 2 * slope)


def geodesic(model: CurvedString) -> Vector:
    """Place and velocity (4,) at the end of a string of size 0."""
    return np.asarray(_solve(model, np.zeros(2), np.zeros(2))[:4])


def departure(model: CurvedString, chi: float, first: float, second: float) -> Vector:
    """C as a vector (2,): the centre less the geodesic, over size² for size → 0, for the shape χ, φ₁, φ₂."""
    amplitude = np.sqrt(2) * np.array([np.cos(chi), np.sin(chi)])
    phase = np.array([first, second])
    return np.asarray(_solve(model, amplitude * np.cos(phase), -amplitude * np.sin(phase))[12:14])


def mean_departure(model: CurvedString, points: int = 64) -> float:
    """|C| for a circle, or its mean over random shapes: by four shapes, since C is a quadratic form of the shape."""
    if model.shape == "circle":
        return float(np.hypot(*departure(model, np.pi / 4, 0.0, -np.pi / 2)))
    xx, yy = departure(model, 0, 0, 0), departure(model, np.pi / 2, 0, 0)
    level = (xx + yy) / 2
    aligned, turned = (departure(model, np.pi / 4, 0, -lag) - level for lag in (0.0, np.pi / 2))
    chi = (np.arange(points) + 0.5) * np.pi / 2 / points
    lag = np.arange(points) * 2 * np.pi / points
    c, f = np.meshgrid(chi, lag, indexing="ij")
    parts = (np.cos(c) ** 2, np.sin(c) ** 2, np.sin(2 * c) * np.cos(f), np.sin(2 * c) * np.sin(f))
    total = np.einsum("pij,pk->ijk", np.array(parts), np.array([xx, yy, aligned, turned]))
    return float(np.hypot(total[..., 0], total[..., 1]).mean())


def _solve(model: CurvedString, cosine: Vector, sine: Vector) -> Vector:
    """The end of (x, v, c, s, c', s', δ, δ') for the shape a (c cos nσ + s sin nσ), c and s (2,) at the start."""
    from scipy.integrate import solve_ivp

    n, none = model.mode, np.zeros(2)
    travelling = model.motion == "travelling"

    def along(x: Vector, v: Vector, dx: Vector, dv: Vector) -> Vector:
        e = NUDGE
        change = force(model, x + e * dx, v + e * dv, none) - force(model, x - e * dx, v - e * dv, none)
        return np.asarray(change / (2 * e))

    def twice(x: Vector, v: Vector, dx: Vector, dv: Vector, ds: Vector) -> Vector:
        e = NUDGE
        ends = force(model, x + e * dx, v + e * dv, e * ds) + force(model, x - e * dx, v - e * dv, -e * ds)
        return np.asarray((ends - 2 * force(model, x, v, none)) / e**2)

    def rates(_: float, y: Vector) -> Vector:
        x, v, c, s, dc, ds, d, dd = y.reshape(8, 2)
        driven = (twice(x, v, c, dc, n * s) + twice(x, v, s, ds, -n * c)) / 4
        bent = -n * n * c + along(x, v, c, dc), -n * n * s + along(x, v, s, ds)
        return np.concatenate([v, force(model, x, v, none), dc, ds, *bent, dd, along(x, v, d, dd) + driven])

    # a function of σ - τ moves as -∂/∂σ: c' = -n s, s' = n c
    moving = (-n * sine, n * cosine) if travelling else (none, none)
    start = [np.array([-model.distance, model.impact]), np.array([model.speed, 0.0]), cosine, sine, *moving, none, none]
    found = solve_ivp(rates, (0, model.duration), np.concatenate(start), method="DOP853", rtol=1e-9, atol=1e-11)
    return np.asarray(found.y[:, -1])
