"""Shears: fields on a ring moved by turns, each by a stencil of another; explicit, in place, symplectic.

A *stencil* (here, right, left) is the operator here + right T₊ + left T₋ on a ring of N sites, (T₊x)_n = x_{n+1}; its
transpose is (here, left, right). All of these take real and complex arrays alike (N,), float64 or complex128.
"""

from __future__ import annotations

import numpy as np

from isinglass.kernels.jit import jit


@jit
def shear(x: np.ndarray, here: float, right: float, left: float, out: np.ndarray) -> None:
    """Add to `out` (N,) the stencil of `x` (N,), another array; N >= 2."""
    last = x.size - 1
    out[0] += here * x[0] + right * x[1] + left * x[last]
    for i in range(1, last):
        out[i] += here * x[i] + right * x[i + 1] + left * x[i - 1]
    out[last] += here * x[last] + right * x[0] + left * x[last - 1]


@jit
def turn(x: np.ndarray, y: np.ndarray, here: float, right: float, left: float, g: float) -> None:
    """ẋ = -Qᵀy, ẏ = Qx for a time g, Q the stencil: three shears, second order in g, x and y (N,) in place."""
    shear(y, -0.5 * g * here, -0.5 * g * left, -0.5 * g * right, x)
    shear(x, g * here, g * right, g * left, y)
    shear(y, -0.5 * g * here, -0.5 * g * left, -0.5 * g * right, x)


@jit
def turn_momenta(x: np.ndarray, y: np.ndarray, here: float, right: float, left: float, g: float) -> None:
    """The same equations by the shears contragredient to those of `turn`: both together are canonical."""
    shear(x, 0.5 * g * here, 0.5 * g * right, 0.5 * g * left, y)
    shear(y, -g * here, -g * left, -g * right, x)
    shear(x, 0.5 * g * here, 0.5 * g * right, 0.5 * g * left, y)


@jit
def kick(
    state: np.ndarray, here: float, right: float, left: float, interaction: float, g: float, scratch: np.ndarray
) -> None:
    """π̇_u = -QᵀQu - λu³, π̇_v = -QQᵀv - λv³ for a time g; `state` (4, N) holds u, v, π_u, π_v."""
    u, v, pu, pv = state[0], state[1], state[2], state[3]
    scratch[:] = 0.0
    shear(u, here, right, left, scratch)
    shear(scratch, -g * here, -g * left, -g * right, pu)
    scratch[:] = 0.0
    shear(v, here, left, right, scratch)
    shear(scratch, -g * here, -g * right, -g * left, pv)
    if interaction != 0.0:
        for i in range(u.size):
            pu[i] -= g * interaction * u[i] * u[i] * u[i]
            pv[i] -= g * interaction * v[i] * v[i] * v[i]


@jit
def klein_gordon_dirac(
    state: np.ndarray,
    cosine: float,
    sine: float,
    here: float,
    right: float,
    left: float,
    interaction: float,
    dt: float,
    steps: int,
    scratch: np.ndarray,
) -> None:
    """Steps of H = cosθ (½π² + ½φᵀSφ + ¼λΣφ⁴) + sinθ πᵀAφ, A = [[0, -Qᵀ], [Q, 0]], S = AᵀA, Q the stencil.

    `state` (4, N) holds u, v, π_u, π_v, in place; `scratch` (N,). Strang: A(dt/2), kick-drift-kick, A(dt/2). Second
    order in dt.
    """  # fmt: skip
    u, v, pu, pv = state[0], state[1], state[2], state[3]
    half, drift = 0.5 * dt * sine, dt * cosine
    for _ in range(steps):
        turn(u, v, here, right, left, half)
        turn_momenta(pu, pv, here, right, left, half)
        kick(state, here, right, left, interaction, 0.5 * drift, scratch)
        for i in range(u.size):
            u[i] += drift * pu[i]
            v[i] += drift * pv[i]
        kick(state, here, right, left, interaction, 0.5 * drift, scratch)
        turn(u, v, here, right, left, half)
        turn_momenta(pu, pv, here, right, left, half)


@jit
def weigh(x: np.ndarray, upper: float, lower: float, mass: float, here: float, right: float, left: float,
          g: float, out: np.ndarray) -> None:  # fmt: skip
    """Add to `out` (2, N) g W x, W = [[m, aD], [bD, -m]] with a, b = `upper`, `lower` and D the stencil; x (2, N)."""
    for i in range(x.shape[1]):
        out[0, i] += g * mass * x[0, i]
        out[1, i] -= g * mass * x[1, i]
    shear(x[1], g * upper * here, g * upper * right, g * upper * left, out[0])
    shear(x[0], g * lower * here, g * lower * right, g * lower * left, out[1])


@jit
def activate_and_learn(
    phi: np.ndarray,
    beta: np.ndarray,
    upper: float,
    lower: float,
    mass: float,
    here: float,
    right: float,
    left: float,
    dt: float,
    steps: int,
) -> None:
    """Steps of φ̇ = Wβ (activation), β̇ = -Wφ (learning), W as in `weigh`; φ, β (2, N) in place; leapfrog."""
    for _ in range(steps):
        weigh(phi, upper, lower, mass, here, right, left, -0.5 * dt, beta)
        weigh(beta, upper, lower, mass, here, right, left, dt, phi)
        weigh(phi, upper, lower, mass, here, right, left, -0.5 * dt, beta)


READINGS = 8
"""What `read` measures of a state, in this order."""


@jit
def read(
    state: np.ndarray,
    start: np.ndarray,
    cosine: float,
    sine: float,
    here: float,
    right: float,
    left: float,
    interaction: float,
    out: np.ndarray,
) -> None:
    """Sums over all sites of a state (4, N), into `out` (READINGS,), with `start` the state at time 0.

    |φ|², φ·φ(0), 2u·v, the energy H, |φ̈ + Sφ|² (of sin2θ Aπ - cos²θ λφ³), |Sφ|², |Aφ|² = φᵀSφ, |φ̇ - Aφ|².
    """  # fmt: skip
    n = state.shape[1]
    turned = np.zeros((2, 2, n))  # A of (u, v) and of (π_u, π_v)
    for k in range(2):
        shear(state[2 * k + 1], -here, -left, -right, turned[k, 0])
        shear(state[2 * k], here, right, left, turned[k, 1])
    square = np.zeros((2, n))  # -S φ = A A φ
    shear(turned[0, 1], -here, -left, -right, square[0])
    shear(turned[0, 0], here, right, left, square[1])
    out[:] = 0.0
    for k in range(2):
        for i in range(n):
            x, p, ax, ap = state[k, i], state[2 + k, i], turned[0, k, i], turned[1, k, i]
            out[0] += x * x
            out[1] += x * start[k, i]
            out[3] += cosine * (0.5 * (p * p + ax * ax) + 0.25 * interaction * x * x * x * x) + sine * p * ax
            bent = 2.0 * cosine * sine * ap - cosine * cosine * interaction * x * x * x
            out[4] += bent * bent
            out[5] += square[k, i] * square[k, i]
            out[6] += ax * ax
            rest = cosine * p + (sine - 1.0) * ax
            out[7] += rest * rest
    for i in range(n):
        out[2] += 2.0 * state[0, i] * state[1, i]
