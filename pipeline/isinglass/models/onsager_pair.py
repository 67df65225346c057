"""Two trainables whose Onsager tensor has an antisymmetric part: the entropy that they produce at rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass.exceptions import InputError
from isinglass.kernels import langevin
from isinglass.models.base import Model, Observable, parameter

MOST_STEPS = 10**8


@dataclass(frozen=True)
class OnsagerPair(Model):
    """Two variables under dq = f dt + √(2D) dW, f = -κ q + ω ε q with ε = [[0, -1], [1, 0]]: heat and a turning force.

    f = -L ∂F for F = κ|q|²/2 and the Onsager tensor L = 1 - (ω/κ) ε. Entropy production per time is measured as a force
    times a flux along the path, Σ ½(f_n + f_n+1)·Δq/D (Stratonovich).

    Exact (model card C3b): 2ω²/κ, whatever D; none without the antisymmetric part. With the Euler steps used here
    2ω²/(κ - dt(κ² + ω²)/2), derived in `theory.onsager`.

    Not to be confused with Itô's sum Σ f_n·Δq/D, which misses the part of heat (-2κ at ω = 0 instead of 0); with the
    entropy of the distribution, which is constant here.

    Nothing is drawn by the disorder; noise draws the start, from the equilibrium of ω = 0 (the same distribution for
    dt → 0), and the heat. `converged` is 1 where dt (κ² + ω²)/2κ is below 0.05, the relative bias by the step.
    """

    turning: float = parameter(1.0, units="1", minimum=-100, maximum=100, doc="ω: antisymmetric part, per unit time")
    stiffness: float = parameter(
        1.0, units="1", minimum=1e-3, maximum=100, quenched=True, doc="κ: relaxation rate, per unit time"
    )
    diffusion: float = parameter(1.0, units="1", minimum=1e-12, maximum=1e12, doc="D of each variable")
    duration: float = parameter(1000.0, units="1", minimum=1e-3, maximum=1e8, doc="time over which it is summed")
    time_step: float = parameter(0.01, units="1", minimum=1e-6, maximum=1, doc="Euler step")

    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("entropy_production", "1", long_name="entropy production, nat per unit time"),
        Observable("variance", "1", long_name="⟨|q|²⟩ κ/2D: 1 at equilibrium"),
        Observable("converged", "1", dtype="int8", long_name="1: the bias by the time step is below 5 %"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bias >= 1:
            raise InputError(
                f"time_step = {self.time_step:g} is unstable: dt (κ² + ω²) must stay below 2κ, so below "
                f"{self.time_step / self.bias:.3g}"
            )
        if self.steps > MOST_STEPS:
            raise InputError(f"duration = {self.duration:g} takes {self.steps:.3g} steps, of {MOST_STEPS:.0e} allowed")

    @property
    def bias(self) -> float:
        """dt (κ² + ω²)/2κ."""
        return self.time_step * (self.stiffness**2 + self.turning**2) / (2 * self.stiffness)

    @property
    def steps(self) -> int:
        """Euler steps."""
        return max(1, round(self.duration / self.time_step))

    def cost(self) -> float:
        """Nanoseconds, roughly."""
        return 30.0 * self.steps

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        out = np.empty((len(noise), 2))
        law = self.stiffness, self.turning, self.diffusion, self.time_step, self.steps
        for row, stream in zip(out, noise, strict=True):
            langevin.turning_pair(stream.copy(), *law, row)
        return {
            "entropy_production": out[:, 0] / (self.steps * self.time_step),
            "variance": out[:, 1] / self.steps * self.stiffness / (2 * self.diffusion),
            "converged": np.full(len(noise), self.bias < 0.05, np.int8),
        }

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(duration=10.0)
