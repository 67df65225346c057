"""Weights with a factor between symmetric and antisymmetric on a ring of neurons: which of them carry waves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from isinglass.exceptions import InputError
from isinglass.kernels import shears
from isinglass.kernels.streams import jumped, normal
from isinglass.models.base import Model, Observable, check_memory, parameter

MOST_WORK = 10**11
"""Sites times steps, about a quarter of an hour."""
DIVERGED = 1e6
STENCILS = {"odd": (0.0, 0.5, -0.5), "even": (1.0, -0.5, -0.5)}


@dataclass(frozen=True)
class TensorFactor(Model):
    """φ̇ = Wβ (activation), β̇ = -Wφ (learning) on a ring of N sites, W = (cosθ σ_x + sinθ iσ_y)⊗D + mσ_z.

    D hops oddly, ½(T₊ - T₋), i sin k, or evenly, 1 - ½(T₊ + T₋) = 1 - cos k. The factor is symmetric at θ = 0 and
    antisymmetric at π/2. `weights` = raw takes W as it is; gradient takes what a gradient of the loss
    ½βᵀWβ + ½φᵀWφ sees of it, (W + Wᵀ)/2. That the weights have this form is imposed, nothing learns it here.

    Exact: ω² = m² - cos2θ sin²k (odd, raw), m² + sin²θ sin²k (odd, gradient), and with D even m² + cos2θ (1 - cos k)²,
    m² + cos²θ (1 - cos k)² (`theory.lattice_fields.squared_frequency`). Waves need an antisymmetric factor with odd
    hopping (Dirac: θ = π/2) or a symmetric one with even. Raw, odd weights below θ = π/4 have no light cone: where
    cos2θ sin²k > m² modes grow. The line c² = 0, θ = π/4, is where the signature of the wave operator changes.

    Not to be confused with the interpolation of `KleinGordonDirac`; with the Klein-Gordon field, which is symmetric and
    even, -∇², but of second order in time; nor with chiral fermions: odd hopping doubles the spectrum, ω(π - k) = ω(k).

    `squared_frequency` is read from the propagator of one step, from four initial states. There is no message; disorder
    draws φ and noise β of a random state that runs for `steps`. `observed_growth` is the rate at which its norm grows
    in the second half of the run (NaN where four sixteenths are not reached); it stops above 10⁶ (`diverged`: here that
    is physics). `converged`: the rates in the third and the fourth quarter agree to 0.05. `light_speed_squared` is NaN
    where all followed modes hop alike (odd, k = 0 and π alone). A step h with h ω >= 2 for a real ω is refused.
    """

    sites: int = parameter(64, units="1", minimum=4, maximum=2**20, quenched=True, doc="sites N of the ring")
    angle: float = parameter(1.5707963267949, units="rad", minimum=0, maximum=1.5708, doc="θ: 0 symmetric, π/2 not")
    mass: float = parameter(0.3, units="1", minimum=0, maximum=1e3, doc="m, in hops in unit time")
    hopping: str = parameter("odd", units="1", choices=("odd", "even"), doc="D, odd or even under reflection")
    weights: str = parameter(
        "raw", units="1", choices=("raw", "gradient"), doc="W itself, or what a gradient sees of it"
    )
    time_step: float = parameter(0.02, units="1", minimum=1e-9, maximum=1e3, doc="time step h")
    steps: int = parameter(2000, units="step", minimum=8, maximum=2**40, doc="steps of the random state")
    modes: int = parameter(
        9, units="1", minimum=2, maximum=2**16, doc="wave numbers, even over 0..π, that are followed"
    )

    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("squared_frequency", "1", dims=("mode",), long_name="ω², from the propagator; negative: growth"),
        Observable("growth_rate", "1", long_name="largest growth rate of a followed mode, from the propagator"),
        Observable("light_speed_squared", "1", may_be_nan=True, long_name="slope c² of ω² against the squared hopping"),
        Observable("observed_growth", "1", may_be_nan=True, long_name="growth rate of the norm of a random state"),
        Observable("diverged", "1", dtype="int8", long_name="1: the random state went beyond 10⁶"),
        Observable("converged", "1", dtype="int8", long_name="1: its growth rate is steady"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        factor = abs(self.factor[0] * self.factor[1])
        fastest = math.sqrt(self.mass**2 + factor * (1 if self.hopping == "odd" else 4))
        if self.time_step * fastest >= 2:
            raise InputError(
                f"time_step = {self.time_step:g} times the largest frequency {fastest:g} is 2 or more: it would grow "
                "without bound by the step alone; lower time_step"
            )
        if self.steps * self.sites > MOST_WORK:
            raise InputError(f"steps times sites is more than {MOST_WORK:.0e}: lower one of them")
        needed = self.sites * (24.0 * self.turns.size + 400)
        check_memory(needed, f"{self.turns.size} modes of {self.sites} sites", "lower modes or sites")

    @property
    def factor(self) -> tuple[float, float]:
        """Upper and lower entry of the factor that acts; a gradient sees (W + Wᵀ)/2, and Dᵀ = -D where it is odd."""
        upper, lower = math.cos(self.angle) + math.sin(self.angle), math.cos(self.angle) - math.sin(self.angle)
        if self.weights == "gradient":
            sign = -1.0 if self.hopping == "odd" else 1.0
            upper, lower = (upper + sign * lower) / 2, (lower + sign * upper) / 2
        return upper, lower

    @property
    def turns(self) -> np.ndarray:
        """Turns of the ring of the followed wave numbers, int64, even over 0..N/2."""
        count = min(self.modes, self.sites // 2 + 1)
        return np.asarray(np.arange(count) * (self.sites // 2) // (count - 1))

    def coords(self) -> dict[str, tuple[Any, dict[str, str]]]:
        """See `Model.coords`."""
        return {"mode": (2 * np.pi * self.turns / self.sites, {"units": "rad", "long_name": "wave number k"})}

    def cost(self) -> float:
        """Nanoseconds, roughly."""
        return 5.0 * self.sites * self.steps + 100.0 * self.sites * self.modes + 3e5

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        rates = self.rates()
        k = 2 * np.pi * self.turns / self.sites
        hop = (np.sin(k) if self.hopping == "odd" else 1 - np.cos(k)) ** 2
        squared = -(rates**2).real.mean(axis=-1)
        spread = hop - hop.mean()
        varied = float((spread**2).sum())
        known = {
            "squared_frequency": squared,
            "growth_rate": abs(rates.real).max(),
            "light_speed_squared": (spread * squared).sum() / varied if varied > 1e-20 else math.nan,
        }
        runs = [self.grow(disorder, stream) for stream in noise]
        rows = [known | dict(zip(("observed_growth", "diverged", "converged"), run, strict=True)) for run in runs]
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def rates(self) -> np.ndarray:
        """ln(eigenvalue)/h of the propagator of one step, complex (modes, 4), from impulses in each of φ and β."""
        n, responses = self.sites, np.zeros((4, 4, self.sites))
        for j in range(4):
            state = np.zeros((2, 2, n))
            state[j // 2, j % 2, 0] = 1.0
            self._evolve(state, 1)
            responses[:, j] = state.reshape(4, n)
        wave = np.exp(-2j * np.pi / n * (np.outer(self.turns, np.arange(n)) % n))
        eigenvalues = np.linalg.eigvals(np.einsum("ijn,kn->kij", responses, wave))
        return np.asarray(np.log(eigenvalues) / self.time_step)

    def grow(self, disorder: np.ndarray, noise: np.ndarray) -> tuple[float, bool, bool]:
        """Growth rate of a normal random state in the second half of its run; whether it diverged, grew steadily."""
        streams = (jumped(disorder, 0), jumped(noise, 0))
        drawn = [[normal(stream) for _ in range(2 * self.sites)] for stream in streams]
        state = np.array(drawn).reshape(2, 2, self.sites)
        quarters = np.diff(np.arange(17) * self.steps // 16)
        log = [0.5 * math.log((state**2).sum())]
        for steps in quarters:
            self._evolve(state, int(steps))
            if not abs(state).max() <= DIVERGED:
                break
            log.append(0.5 * math.log((state**2).sum()))
        diverged = len(log) < 17
        done = len(log) - 1
        if done < 4:
            return math.nan, diverged, False
        ends = [done // 2, (3 * done) // 4, done]
        third, fourth, both = (
            (log[j] - log[i]) / (float(quarters[i:j].sum()) * self.time_step)
            for i, j in ((ends[0], ends[1]), (ends[1], ends[2]), (ends[0], ends[2]))
        )
        return both, diverged, abs(third - fourth) < 0.05

    def _evolve(self, state: np.ndarray, steps: int) -> None:
        shears.activate_and_learn(
            state[0], state[1], *self.factor, self.mass, *STENCILS[self.hopping], self.time_step, steps
        )

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(sites=8, steps=16, modes=3)
