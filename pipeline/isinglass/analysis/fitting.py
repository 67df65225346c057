"""Least squares of the finite-size scaling law, for many data sets at once (Levenberg and Marquardt)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

ROUNDS = 120
"""Steps of the fit at most; one that starts near its end takes five."""
RATES = np.geomspace(0.1, 5, 24)
"""1/ν tried where it is not given; the fit itself is not bound to these."""
EXPONENTS = np.linspace(0.0, 3.0, 16)
"""β or γ tried where it is not given, likewise."""


@dataclass(frozen=True)
class Law:
    """y = L^(sign e a) [Σ_k c_k x^k + L^-ω Σ_k d_k x^k], x = (T - T_c) L^a.

    Numbers: (T_c, a = 1/ν, e, c_0 ... c_degree, d_0 ... d_2), the d_k only where ω is `correction`; the first three may
    be `given`.
    """

    sign: float
    degree: int
    given: Mapping[str, float | None]
    correction: float | None = None

    @property
    def free(self) -> np.ndarray:
        """Which of the numbers are fitted, bool (P,)."""
        return np.array([v is None for v in self.given.values()] + [True] * self.orders.size)

    @property
    def orders(self) -> np.ndarray:
        """The power k of x of each coefficient."""
        extra = np.arange(0 if self.correction is None else 3)
        return np.concatenate([np.arange(self.degree + 1), extra])

    def decay(self, log: np.ndarray) -> np.ndarray:
        """The factor of each coefficient, (N, coefficients): 1, or L^-ω; `log` is ln L (N,)."""
        rates = np.zeros(self.orders.size)
        rates[self.degree + 1 :] = self.correction or 0.0
        return np.asarray(np.exp(-rates * log[:, None]))

    def variable(self, numbers: np.ndarray, t: np.ndarray, length: np.ndarray) -> np.ndarray:
        """The scaling variable (T - T_c) L^(1/ν) of points (N,)."""
        return np.asarray((t - numbers[0]) * length ** numbers[1])

    def function(self, numbers: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The scaling function Σ c_k x^k alone, of numbers (P,)."""
        return np.asarray(np.polynomial.polynomial.polyval(x, numbers[3 : 4 + self.degree]))

    def model(self, numbers: np.ndarray, t: np.ndarray, length: np.ndarray) -> np.ndarray:
        """y (M, N) for numbers (M, P) at points (N,)."""
        return self.parts(numbers, t, np.log(length))[0]

    def chi2(
        self, numbers: np.ndarray, t: np.ndarray, length: np.ndarray, y: np.ndarray, error: np.ndarray
    ) -> np.ndarray:
        """χ² (M,) of data y (M, N) or (1, N) with standard errors (N,)."""
        return np.asarray((((y - self.model(numbers, t, length)) / error) ** 2).sum(axis=1))

    def parts(self, p: np.ndarray, t: np.ndarray, log: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """y (M, N) and its derivatives by the numbers (M, N, P)."""
        growth = np.exp(p[:, 1:2] * log)
        x, k = (t - p[:, :1]) * growth, self.orders
        rising = x[..., None] ** np.arange(max(self.degree, 2) + 1)
        powers = rising[..., k] * self.decay(log)
        f = np.einsum("mnk,mk->mn", powers, p[:, 3:])
        slope = np.einsum("mnk,mk->mn", rising[..., np.maximum(k - 1, 0)] * self.decay(log), p[:, 3:] * k)
        size = np.exp(self.sign * p[:, 2:3] * p[:, 1:2] * log)
        by_rate = size * log * (self.sign * p[:, 2:3] * f + x * slope)
        by_exponent = self.sign * p[:, 1:2] * log * size * f
        first = np.stack([-size * slope * growth, by_rate, by_exponent], axis=-1)
        return size * f, np.concatenate([first, size[..., None] * powers], axis=-1)


def searched(law: Law, t: np.ndarray, length: np.ndarray, y: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Numbers (P,) from which to begin: the best of a grid of those that are not given, the c_k by linear squares."""
    places = np.linspace(t.min(), t.max(), 25)
    centre, rate, power = (
        np.array([given]) if given is not None else tried
        for given, tried in zip(law.given.values(), (places, RATES, EXPONENTS), strict=True)
    )
    c, a = (g.ravel()[:, None] for g in np.meshgrid(centre, rate, indexing="ij"))
    x = (t - c) * length**a
    scale = np.maximum(abs(x).max(axis=1, keepdims=True), 1e-300)
    k = law.orders
    powers = (x / scale)[..., None] ** k * law.decay(np.log(length))
    right = y / error
    best: tuple[float, np.ndarray] = (np.inf, np.zeros(3 + k.size))
    for e in power:
        matrix = powers * (length ** (law.sign * e * a) / error)[..., None]
        q, r = np.linalg.qr(matrix)
        projected = np.einsum("mnk,n->mk", q, right)
        chi2 = (right**2).sum() - (projected**2).sum(axis=1)
        chi2[abs(np.linalg.det(r)) < 1e-12] = np.inf
        top = int(np.argmin(chi2))
        if chi2[top] < best[0]:
            coefficients = np.linalg.solve(r[top], projected[top]) / scale[top] ** k
            best = float(chi2[top]), np.concatenate([[c[top, 0], a[top, 0], e], coefficients])
    return best[1]


def refined(
    law: Law, start: np.ndarray, t: np.ndarray, length: np.ndarray, y: np.ndarray, error: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The numbers (M, P) of least χ² for data y (M, N) of standard errors (N,), and whether each fit has converged.

    From `start`, (P,) or (1, P). Converged: a step of Gauss and Newton would lower χ² by less than 10⁻⁴,
    that is, move no number by more than a hundredth of its error.
    """
    free, log = law.free, np.log(length)
    numbers = np.broadcast_to(start, (len(y), free.size)).astype(float).copy()
    damping = np.full(len(y), 1e-3)
    todo = np.arange(len(y))
    done = np.zeros(len(y), bool)
    for _ in range(ROUNDS):
        with np.errstate(over="ignore", invalid="ignore"):
            model, slope = law.parts(numbers[todo], t, log)
        residual, jacobian = (y[todo] - model) / error, slope[..., free] / error[:, None]
        norm = np.maximum(np.sqrt((jacobian**2).sum(axis=1)), 1e-300)
        jacobian /= norm[:, None]
        gradient = np.einsum("mnp,mn->mp", jacobian, residual)
        square = jacobian.transpose(0, 2, 1) @ jacobian
        damped = square + damping[todo, None, None] * np.eye(free.sum())
        step = np.linalg.solve(damped, gradient[..., None])[..., 0]
        trial = numbers[todo].copy()
        trial[:, free] += step / norm
        with np.errstate(over="ignore", invalid="ignore"):
            chi2 = (((y[todo] - law.model(trial, t, length)) / error) ** 2).sum(axis=1)
        old = (residual**2).sum(axis=1)
        better = chi2 <= old
        numbers[todo[better]] = trial[better]
        damping[todo] = np.where(better, damping[todo] / 10, np.minimum(damping[todo] * 10, 1e12))
        gain = np.einsum("mp,mp->m", step, gradient)
        done[todo] = gain < 1e-4
        todo = todo[~done[todo]]
        if not todo.size:
            break
    return numbers, done & np.isfinite(numbers).all(axis=1)
