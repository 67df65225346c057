"""Complex fields on a ring whose links and on-site weights bear phases: lattice U(1), by shears and leapfrog steps.

Q[U] x_n = (m+1) x_n - U_n x_{n-1}, Q† x_n = (m+1) x_n - U*_{n+1} x_{n+1}. Dirac: u̇ = -Q†v, v̇ = Qu; Klein-Gordon:
φ̇ = p, ṗ = -Q†Qφ. All arrays are (N,), complex128 but for phases, A and E. At U = 1 this is the stencil (m+1, 0, -1) of
`shears`, whose coefficients are the same at each site and so cannot bear links.
"""

from __future__ import annotations

import cmath
import math

import numpy as np

from isinglass.kernels.jit import jit
from isinglass.kernels.streams import normal


@jit
def forward(x: np.ndarray, links: np.ndarray, mass: float, g: float, out: np.ndarray) -> None:
    """Add g Q[U] x to `out`."""
    n = x.size
    for i in range(n):
        out[i] += g * ((mass + 1.0) * x[i] - links[i] * x[i - 1 if i else n - 1])


@jit
def backward(x: np.ndarray, links: np.ndarray, mass: float, g: float, out: np.ndarray) -> None:
    """Add g Q[U]† x to `out`."""
    n = x.size
    for i in range(n):
        j = i + 1 if i + 1 < n else 0
        out[i] += g * ((mass + 1.0) * x[i] - links[j].conjugate() * x[j])


@jit
def kick(x: np.ndarray, y: np.ndarray, links: np.ndarray, mass: float, g: float, scratch: np.ndarray) -> None:
    """y -= g Q†Q x."""
    scratch[:] = 0.0
    forward(x, links, mass, 1.0, scratch)
    backward(scratch, links, mass, -g, y)


@jit
def turn(
    dirac: bool, x: np.ndarray, y: np.ndarray, links: np.ndarray, mass: float, dt: float, scratch: np.ndarray
) -> None:
    """One step of (u, v) by three shears, or of (φ, p) by kick, drift, kick; second order."""
    if dirac:
        backward(y, links, mass, -0.5 * dt, x)
        forward(x, links, mass, dt, y)
        backward(y, links, mass, -0.5 * dt, x)
    else:
        kick(x, y, links, mass, 0.5 * dt, scratch)
        for i in range(x.size):
            x[i] += dt * y[i]
        kick(x, y, links, mass, 0.5 * dt, scratch)


@jit
def connect(potential: np.ndarray, phase: np.ndarray, share: float, links: np.ndarray) -> None:
    """U_n = exp(i (A_n + share (α_n - α_{n-1})))."""
    n = potential.size
    for i in range(n):
        links[i] = cmath.exp(1j * (potential[i] + share * (phase[i] - phase[i - 1 if i else n - 1])))


@jit
def current(dirac: bool, x: np.ndarray, y: np.ndarray, links: np.ndarray, mass: float, out: np.ndarray) -> None:
    """What flows from site n-1 to n in unit time: of |u|² + |v|², or of the charge Im(φ*p)."""
    n = x.size
    for i in range(n):
        j = i - 1 if i else n - 1
        if dirac:
            out[i] = -2.0 * (y[i].conjugate() * links[i] * x[j]).real
        else:
            out[i] = (mass + 1.0) * (x[i].conjugate() * links[i] * x[j]).imag


@jit
def density(dirac: bool, x: np.ndarray, y: np.ndarray, out: np.ndarray) -> None:
    """|u|² + |v|², or the charge Im(φ*p)."""
    for i in range(x.size):
        if dirac:
            out[i] = x[i].real ** 2 + x[i].imag ** 2 + y[i].real ** 2 + y[i].imag ** 2
        else:
            out[i] = (x[i].conjugate() * y[i]).imag


@jit
def energy(
    dirac: bool, x: np.ndarray, y: np.ndarray, links: np.ndarray, mass: float, scratch: np.ndarray
) -> tuple[float, float]:
    """⟨H⟩ = -2 Im(v†Qu), or Σ|p|² + |Qφ|²; and its bound |Qu|² + |v|² or itself: a scale."""
    scratch[:] = 0.0
    forward(x, links, mass, 1.0, scratch)
    product, squares = 0.0, 0.0
    for i in range(x.size):
        product += (y[i].conjugate() * scratch[i]).imag
        squares += abs(scratch[i]) ** 2 + abs(y[i]) ** 2
    return (-2.0 * product if dirac else squares), squares


@jit
def rotate(
    waves: np.ndarray, rates: np.ndarray, white: float, time: float, stream: np.ndarray, out: np.ndarray
) -> None:
    """α at a time into `out`: Σ_j waves[j] (sin(ω_j t + θ_j) - sin θ_j), rates (J, 2) of ω, θ; or white noise."""
    if white > 0.0:
        for i in range(out.size):
            out[i] = white * normal(stream)
        return
    out[:] = 0.0
    for j in range(rates.shape[0]):
        factor = math.sin(rates[j, 0] * time + rates[j, 1]) - math.sin(rates[j, 1])
        for i in range(out.size):
            out[i] += factor * waves[j, i]


@jit
def evolve(
    dirac: bool,
    x: np.ndarray,
    y: np.ndarray,
    potential: np.ndarray,
    electric: np.ndarray,
    phase: np.ndarray,
    waves: np.ndarray,
    rates: np.ndarray,
    white: float,
    weights: float,
    biases: float,
    coupling: float,
    mass: float,
    dt: float,
    first: int,
    last: int,
    stream: np.ndarray,
    scratch: np.ndarray,
) -> None:
    """Steps `first` to `last`, in place; `phase` is α at the start of a step, `scratch` complex128 (2, N).

    A step: the fields with links exp(i(A_n + biases (α_n - α_{n-1}))), then weights exp(i weights (α(t+dt) - α(t))).
    With coupling g > 0 the links learn, Ȧ = E, Ė = -g² ∂H/∂A = g² current: kick, drift, fields, drift, kick.
    """
    n = x.size
    links, spare, flow, after = scratch[0], scratch[1], np.empty(n), np.empty(n)
    strength = 0.5 * dt * coupling * coupling
    for step in range(first, last):
        if step == first or biases != 0.0 or coupling > 0.0:
            connect(potential, phase, biases, links)
        if coupling > 0.0:
            current(dirac, x, y, links, mass, flow)
            for i in range(n):
                electric[i] += strength * flow[i]
                potential[i] += 0.5 * dt * electric[i]
            connect(potential, phase, biases, links)
        turn(dirac, x, y, links, mass, dt, spare)
        if coupling > 0.0:
            for i in range(n):
                potential[i] += 0.5 * dt * electric[i]
            connect(potential, phase, biases, links)
            current(dirac, x, y, links, mass, flow)
            for i in range(n):
                electric[i] += strength * flow[i]
        if weights != 0.0 or biases != 0.0:
            rotate(waves, rates, white, (step + 1) * dt, stream, after)
            if weights != 0.0:
                for i in range(n):
                    weight = cmath.exp(1j * weights * (after[i] - phase[i]))
                    x[i] *= weight
                    y[i] *= weight
            phase[:] = after
