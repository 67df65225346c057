"""Gradient descent on a network's weights from records of a Dirac or a Klein-Gordon field: which factor it finds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from isinglass.exceptions import InputError
from isinglass.kernels import factors
from isinglass.kernels.streams import jumped, shuffle
from isinglass.models.base import Model, Observable, check_memory, parameter

DIVERGED = 1e6
SIGMA_Z, EYE, TURN = np.diag([1.0, -1.0]), np.eye(2), np.array([[0.0, 1.0], [-1.0, 0.0]])


@dataclass(frozen=True)
class FactorLearning(Model):
    """A ring of N sites with two types of neurons φ and partners β, φ̇ = W_a β, β̇ = -W_b φ, trained on its own record.

    The record is of a Dirac field, W_a = W_b = iσ_y⊗½(T₊ - T₋) + mσ_z, or of two Klein-Gordon fields, W_a = 1,
    W_b = S = m² + 2 - T₊ - T₋, from normal random φ and β, by leapfrog, T steps h. Networks, each linear and local with
    the same weights at every site (imposed), without any symmetry imposed:
    `first` sees φ and β, and learns W_a and W_b of hops -1, 0, 1 from the changes of each in a step;
    `second` sees φ alone, and learns V of hops -2..2 from φ(t+h) - 2φ(t) + φ(t-h) = -h² V φ(t);
    `hidden` sees φ alone, and learns W of hops -1, 0, 1 with W² for V: its partners are hidden.
    Loss: half the mean squared error of what is predicted, over h (second, hidden h²); full gradient, `updates` steps
    of `rate` over the largest eigenvalue of the inputs' covariance. The first two are regressions with one minimum; the
    third is not: W and SWS⁻¹ predict alike, and S⊗1 has many local roots, Dirac's among them.

    Exact: without noise the generating weights make no error (`first`, `second`). Noise of variance σ² in φ biases V
    (`theory.lattice_fields.noisy_weights`): it looks like a mass.

    Not to be confused: an antisymmetric W with an antisymmetric factor X of the odd hopping, W = X⊗½(T₊ - T₋) + ...,
    which is in the record put in and in a symmetric W; nor a regression that recovers what made its data with the
    emergence of a law. A random X has a quarter of its square in the antisymmetric part: `antisymmetric_share` is to be
    held against ¼, and is void where `odd_share` is small (NaN below 10⁻⁶); `antisymmetric_weight` is the product.

    There is no message. Disorder draws the fields; noise draws their measurement errors, of standard deviation
    `noise_level`, the first weights, of standard deviation `spread`, and the shuffle. `shuffled`: changes are paired
    with fields of other times. `recovery_error` is ‖W - W₀‖/‖W₀‖, of W_a and W_b together (`first`), else of V.
    `found`: it is below 0.1, `odd_share` above 0.01 and `antisymmetric_share` above 0.9. `converged`: the last gradient
    is below 10⁻³ of that of zero weights; `diverged`: a weight went beyond 10⁶, everything else is NaN then.
    """

    field: str = parameter("dirac", units="1", choices=("dirac", "klein_gordon"), doc="what the record is of")
    network: str = parameter("first", units="1", choices=("first", "second", "hidden"), doc="what is seen and learnt")
    sites: int = parameter(32, units="1", minimum=6, maximum=2**16, quenched=True, doc="sites N of the ring")
    mass: float = parameter(0.3, units="1", minimum=0, maximum=100, doc="m of the field, in hops in unit time")
    observed_steps: int = parameter(256, units="step", minimum=2, maximum=2**24, doc="steps T of the record")
    noise_level: float = parameter(0.0, units="1", minimum=0, maximum=1e6, doc="σ of measurement, in those of φ(0)")
    spread: float = parameter(0.1, units="1", minimum=0, maximum=1e3, doc="standard deviation of the first weights")
    rate: float = parameter(0.02, units="1", minimum=1e-9, maximum=1, doc="learning rate, over the inputs' variance")
    updates: int = parameter(8000, units="step", minimum=1, maximum=10**8, doc="steps of gradient descent")
    shuffled: bool = parameter(False, units="1", doc="pair changes with fields of other times: a null")
    time_step: float = parameter(0.5, units="1", minimum=1e-6, maximum=10, doc="time step h of the record")

    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("antisymmetric_share", "1", may_be_nan=True, long_name="antisymmetric share of the odd factor"),
        Observable("antisymmetric_weight", "1", may_be_nan=True,
                   long_name="share of an antisymmetric factor of odd hopping in the squared weights"),
        Observable("odd_share", "1", may_be_nan=True, long_name="share of odd hopping in the squared weights"),
        Observable("symmetric_share", "1", may_be_nan=True, long_name="share of the symmetric part of W in its square"),
        Observable("recovery_error", "1", may_be_nan=True, long_name="error of the weights, relative"),
        Observable("explained", "1", may_be_nan=True, long_name="share of the variance of changes that is predicted"),
        Observable("mass_squared", "1", may_be_nan=True, long_name="learnt V at k = 0, mean of the types"),
        Observable("found", "1", dtype="int8", long_name="1: an antisymmetric factor, and the right equation"),
        Observable("converged", "1", dtype="int8", long_name="1: the gradient has vanished"),
        Observable("diverged", "1", dtype="int8", long_name="1: a weight went beyond 10⁶"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.time_step * self.largest_energy >= 2:
            raise InputError(
                f"time_step = {self.time_step:g} times E_max = {self.largest_energy:g} is 2 or more: the fastest mode "
                "of the record would grow without bound; lower time_step"
            )
        if self.network == "hidden" and self.spread == 0:
            raise InputError(
                "spread = 0 is a saddle of a network with hidden partners, which never leaves it; raise spread"
            )
        if self.shuffled and self.observed_steps < 16:
            raise InputError(
                f"observed_steps = {self.observed_steps} are too few to shuffle: some pairs would stay; at least 16"
            )
        check_memory(
            8.0 * 2 * self.sites * 6 * (self.observed_steps + 1), "the record", "lower observed_steps or sites"
        )

    @property
    def largest_energy(self) -> float:
        """max E over all k: √(m² + 1), Dirac, or √(m² + 4)."""
        return math.sqrt(self.mass**2 + (1 if self.field == "dirac" else 4))

    @property
    def generating(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """W_a and W_b, (3, 2, 2), and V = W_a W_b, (5, 2, 2), that made the record."""
        if self.field == "dirac":
            active = np.array([-0.5 * TURN, self.mass * SIGMA_Z, 0.5 * TURN])
            learning = active
        else:
            active = np.array([0 * EYE, EYE, 0 * EYE])
            learning = np.array([-EYE, (self.mass**2 + 2) * EYE, -EYE])
        product = np.zeros((5, 2, 2))
        for p in range(3):
            for q in range(3):
                product[p + q] += active[p] @ learning[q]
        return active, learning, product

    def cost(self) -> float:
        """Nanoseconds, roughly."""
        inputs = 6 if self.network == "first" else 10
        return self.observed_steps * self.sites * (200.0 + 2.0 * inputs**2) + 600.0 * self.updates + 1e5

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        stream, n = jumped(disorder, 0), self.sites
        phi, beta = drawn(stream, 1.0, (2, 2, n))
        fields, partners = np.empty((2, self.observed_steps + 2, 2, n))
        active, learning, _ = self.generating
        factors.record(active, learning, phi, beta, self.time_step, fields, partners)
        rows = [self._learn(fields, partners, jumped(s, 0)) for s in noise]
        return {o.name: np.array([r[o.name] for r in rows], dtype=o.dtype) for o in self.observables}

    def pairs(self, fields: np.ndarray, partners: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Inputs and what is predicted of them, each (T, 2, N): one pair for each set of weights, W_a first."""
        h, t = self.time_step, self.observed_steps
        if self.network == "first":
            return [
                (partners[:t], (fields[1 : t + 1] - fields[:t]) / h),
                (fields[1 : t + 1], (partners[:t] - partners[1 : t + 1]) / h),
            ]
        return [(fields[1 : t + 1], (2 * fields[1 : t + 1] - fields[2:] - fields[:t]) / h**2)]

    def _learn(self, fields: np.ndarray, partners: np.ndarray, stream: np.ndarray) -> dict[str, Any]:
        if self.noise_level > 0:
            fields = fields + drawn(stream, self.noise_level, fields.shape)
            partners = partners + drawn(stream, self.noise_level, fields.shape)
        hops = 5 if self.network == "second" else 3
        inside = 3 if self.network == "first" else 5
        learnt, left, all_of_it, slope, start = [], 0.0, 0.0, 0.0, 0.0
        for x, y in self.pairs(fields, partners):
            if self.shuffled:
                order = np.arange(len(y))
                shuffle(stream, order)
                y = y[order]
            square, cross = np.empty((2 * inside, 2 * inside)), np.empty((2, 2 * inside))
            factors.moments(x, y, inside, square, cross)
            weights = drawn(stream, self.spread, (hops, 2, 2))
            rate = self.rate / float(np.linalg.eigvalsh(square)[-1])
            slope += factors.descend(weights, square, cross, rate, self.updates, self.network == "hidden", DIVERGED)
            start += float(np.sqrt((cross**2).sum()))
            learnt.append(weights)
            if math.isinf(slope):
                lost = {o.name: math.nan for o in self.observables if o.may_be_nan}
                return lost | {"found": 0, "converged": 0, "diverged": 1}
            flat = self.product(weights).transpose(1, 0, 2).reshape(2, -1)
            variance = float((y**2).sum(axis=1).mean())
            all_of_it += variance
            left += variance - 2 * float((flat * cross).sum()) + float((flat @ square * flat).sum())
        return self._observe(learnt) | {
            "explained": 1 - left / all_of_it if all_of_it > 0 else math.nan,
            "converged": slope < 1e-3 * start,
            "diverged": 0,
        }

    def product(self, weights: np.ndarray) -> np.ndarray:
        """The weights that predict: W W where the partners are hidden, else the weights."""
        if self.network != "hidden":
            return weights
        out = np.empty((5, 2, 2))
        factors.squared(weights, out)
        return out

    def _observe(self, learnt: list[np.ndarray]) -> dict[str, Any]:
        """Of the weights, W_a and W_b or one set: what they are made of, and whether they are the generating ones."""
        active, learning, product = self.generating
        if self.network == "first":
            found, right = np.array(learnt), np.array([active, learning])
            whole = np.zeros((5, 2, 2))
            for p in range(3):
                for q in range(3):
                    whole[p + q] += learnt[0][p] @ learnt[1][q]
        else:
            found, right = self.product(learnt[0])[None], product[None]
            whole = found[0]
        w = np.array(learnt)
        back = w[:, ::-1]
        odd = w - back
        power = float((w**2).sum())
        factor = odd[:, w.shape[1] // 2 + 1 :]
        skew = (factor - np.swapaxes(factor, -1, -2)) / 2
        odd_share = float((odd**2).sum()) / (4 * power) if power > 0 else 0.0
        weight = float((skew**2).sum()) / (2 * power) if power > 0 else 0.0
        share = float((skew**2).sum() / (factor**2).sum()) if odd_share > 1e-6 else math.nan
        error = float(np.sqrt(((found - right) ** 2).sum() / (right**2).sum()))
        even = (w + np.swapaxes(back, -1, -2)) / 2
        return {
            "antisymmetric_share": share,
            "antisymmetric_weight": weight,
            "odd_share": odd_share,
            "symmetric_share": float((even**2).sum()) / power if power > 0 else math.nan,
            "recovery_error": error,
            "mass_squared": float(np.trace(whole.sum(axis=0))) / 2,
            "found": error < 0.1 and odd_share > 0.01 and share > 0.9,
        }

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(sites=6, observed_steps=12, noise_level=0.1, updates=20)


def drawn(stream: np.ndarray, scale: float, shape: tuple[int, ...]) -> np.ndarray:
    """Normal numbers of standard deviation `scale`; the stream advances."""
    out = np.zeros(math.prod(shape))
    factors.add_normal(stream, scale, out)
    return out.reshape(shape)
