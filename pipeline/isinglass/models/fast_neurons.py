"""Fast neurons and one trainable bias: plain stochastic gradient descent, and which equation its density follows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass.exceptions import InputError
from isinglass.kernels import fast_neurons
from isinglass.models.base import Model, Observable, parameter
from isinglass.models.learners import BINS, gaussian_below, l1, quantiles

MOST_WORK = 5e9
"""Networks x neurons x steps of one run."""


@dataclass(frozen=True)
class FastNeurons(Model):
    """N noisy neurons that follow a bias q, which descends the gradient of its loss and of theirs:

    dx_i = -Γa(x_i - q) dt + √(2ΓT) dW_i,   dq = -γ[κ_b q + a Σ (q - x_i)] dt

    With times in 1/Γa and lengths in √(T/a) two numbers are left, ε = γN/Γ (how slow the neurons are for the bias) and
    δ = γκ_b/Γa. `gain` g makes the neurons' force nonlinear, u + gu³ for u = x_i - q (beyond the paper).

    Exact for g = 0 (reconstructed; `theory.fast_neurons`): κ_b⟨q²⟩/T = ε/(1 + ε + δ) at rest, and every density is
    Gaussian with moments in closed form. For δ << 1 + ε it obeys the Fokker-Planck equation with γ' = γ/(1 + ε) and
    D' = γ'Tε/(1 + ε). Both rates are real: no inertia can emerge from neurons that only relax.

    An ensemble of K networks starts at Gaussian quantiles, `distance` and `width` in units of the Fokker-Planck width
    at rest; after `relaxations` of its slowest time its density is compared, L1 = Σ|p - p'| over 24 cells in [0, 2],
    with Fokker-Planck's and with that of Schroedinger's oscillator: the same start at rest, the same width at rest (its
    ground state), and a frequency of `frequency` times the Fokker-Planck rate. K networks that do follow a density are
    at an L1 of `noise_floor` from it on average.

    **Imposed: nothing but the gradient and the neurons' noise.** Not to be confused with `Learners`, where the quantum
    pressure is put in; with a temperature of the bias (it has no noise of its own). Noise draws the neurons'; there is
    no disorder. `converged`: no network has diverged.
    """

    epsilon: float = parameter(1.0, units="1", minimum=1e-4, maximum=1e4, doc="ε = γN/Γ")
    delta: float = parameter(1.0, units="1", minimum=1e-4, maximum=1e4, doc="δ = γκ_b/Γa")
    gain: float = parameter(0.0, units="1", minimum=0, maximum=10, doc="g of the neurons' force u + gu³")
    neurons: int = parameter(2, units="1", minimum=1, maximum=4096, doc="number of neurons N")
    networks: int = parameter(512, units="1", minimum=8, maximum=10**6, quenched=True, doc="networks K")
    relaxations: float = parameter(8.0, units="1", minimum=0, maximum=1e4, doc="t over the slowest time for g = 0")
    distance: float = parameter(3.0, units="1", minimum=0, maximum=100, doc="q0 over the Fokker-Planck width at rest")
    width: float = parameter(0.5, units="1", minimum=1e-3, maximum=100, doc="σ0 over the Fokker-Planck width at rest")
    frequency: float = parameter(1.0, units="1", minimum=0, maximum=1e3, doc="Schroedinger's ω over γ'κ_b")
    time_step: float = parameter(0.1, units="1", minimum=1e-4, maximum=0.5, doc="time step over the fastest time")

    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("temperature_ratio", "1", may_be_nan=True, long_name="κ_b Var q / T of the ensemble"),
        Observable("centre", "1", may_be_nan=True, long_name="mean of q over the Fokker-Planck width at rest"),
        Observable("l1_fokker_planck", "1", may_be_nan=True, long_name="L1 distance to Fokker-Planck"),
        Observable("l1_schroedinger", "1", may_be_nan=True, long_name="L1 distance to Schroedinger's oscillator"),
        Observable("noise_floor", "1", long_name="L1 of so many draws from Fokker-Planck's density, expected"),
        Observable("converged", "1", dtype="int8", long_name="1: no network has diverged"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.work > MOST_WORK:
            raise InputError(
                f"epsilon = {self.epsilon:g}, delta = {self.delta:g}: {self.work:.3g} steps of neurons, and at most "
                f"{MOST_WORK:.3g} are allowed: fewer networks, neurons or relaxations"
            )

    @property
    def slowest(self) -> float:
        """Rate of the slow mode for g = 0, in Γa: the smaller root of s² - (1 + ε + δ)s + δ = 0."""
        total = 1 + self.epsilon + self.delta
        return 2 * self.delta / (total + math.sqrt(total**2 - 4 * self.delta))

    @property
    def step(self) -> float:
        """Time step in 1/Γa: by the neurons' stiffness at two of their standard deviations, and the bias."""
        spread = 2 / (1 + math.sqrt(1 + 12 * self.gain))  # s(1 + 3gs) = 1
        return self.time_step / ((1 + self.epsilon) * (1 + 12 * self.gain * spread) + self.delta)

    @property
    def steps(self) -> int:
        """Number of steps; the last time is reached to within one."""
        return round(self.relaxations / self.slowest / self.step)

    @property
    def work(self) -> float:
        """Steps of all neurons."""
        return self.relaxations / self.slowest / self.step * self.networks * self.neurons

    def cost(self) -> float:
        """Nanoseconds, roughly."""
        return 25 * self.work + 1e5

    @property
    def resting(self) -> float:
        """Variance of q at rest by Fokker-Planck, Tε/κ_b(1 + ε), in T/a."""
        return self.epsilon**2 / (self.delta * self.neurons * (1 + self.epsilon))

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        rows = [self._run(np.array(stream, np.uint64)) for stream in noise]
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def _run(self, stream: np.ndarray) -> dict[str, float]:
        unit = math.sqrt(self.resting)
        q = (self.distance + self.width * quantiles(self.networks)) * unit
        fast_neurons.ensemble(q, self.neurons, self.epsilon, self.delta, self.gain, self.step, self.steps, stream)
        q /= unit
        age = self.steps * self.step * self.delta / (1 + self.epsilon)
        kept, angle = math.exp(-age), self.frequency * age
        c, s = math.cos(angle), math.sin(angle)
        fokker = (self.distance * kept, math.sqrt(1 + (self.width**2 - 1) * kept**2))
        wave = (self.distance * c, math.hypot(self.width * c, s / self.width))
        edges = fokker[0] + fokker[1] * np.linspace(-3, 3, BINS - 1)
        theory = gaussian_below(edges, *fokker)
        p = np.diff(theory, prepend=0.0, append=1.0)
        out = dict.fromkeys((o.name for o in self.observables), math.nan)
        out |= {"noise_floor": float(np.sqrt(2 * p * (1 - p) / (math.pi * q.size)).sum()), "converged": 0}
        if not (abs(q * unit) < 1e6).all():
            return out
        mine = np.searchsorted(np.sort(q), edges) / q.size
        return out | {
            "converged": 1,
            "temperature_ratio": float(q.var(ddof=1)) * self.epsilon / (1 + self.epsilon),
            "centre": float(q.mean()),
            "l1_fokker_planck": l1(mine, theory),
            "l1_schroedinger": l1(mine, gaussian_below(edges, *wave)),
        }

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(networks=32, relaxations=0.5)
