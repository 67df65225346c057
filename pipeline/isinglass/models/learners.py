"""Replica learners with a Fisher interaction: which of four equations they follow."""

from __future__ import annotations

import functools
import math
import statistics
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass.exceptions import InputError
from isinglass.kernels import learners, schroedinger
from isinglass.kernels.streams import uniform
from isinglass.models.base import Model, Observable, parameter

BINS = 24
"""Cells in which probabilities are compared: 22 over three standard deviations of the learners to each side, and the
two ends."""
TRAJECTORIES = 8192
"""Independent particles that make the Hamilton-Jacobi prediction."""
MOST_WORK = 4e9
"""Steps x learners of one run, and steps x particles of the Hamilton-Jacobi prediction."""
DRIFT = 1e-3
"""Relative change of the energy, without friction, beyond which a run has not converged in its time step."""


@dataclass(frozen=True)
class Learners(Model):
    """M learners of one trainable variable q, coupled to their neighbours by what an ensemble's Fisher information is:

    v̇_n = -q_n - λq_n³ - ηv_n - ∂/∂q_n [(ħ²/8) Σ (d_k - d_k-1)² + T Σ log d_k],  d_n = 1/(q_n+1 - q_n)

    with ħ² = (κ - 1)/μ², κ = 4Dμ/γ: the functional of the five terms of Vanchurin (2020), section 5, in Lagrangian
    coordinates (reconstructed). Units: mass 1/2γ, frequency and the unit of length are 1. Start: quantiles of a
    Gaussian of width σ0 at the distance q0 from equilibrium, at rest (`rest`), or at a random angle of phase space,
    (q0 cos φ, q0 sin φ) (`random`).

    **Imposed, not learnt:** the Fisher interaction (a learner knows its neighbours' places), inertia, and κ. The model
    tests what follows from them.

    Each run is compared with what four equations say of the same start, by L1 = Σ |p - p'| over 24 cells, in [0, 2]:
    Schroedinger's with this ħ; Hamilton's and Jacobi's, as 8192 particles that do not interact; Fokker's and Planck's
    (friction 1/η, diffusion T/η); quantum drift and diffusion (the same with the quantum pressure). The latter two, and
    the closure, which holds for all ħ, T, η, are closed forms of the harmonic potential, λ = 0 (NaN else, and without
    friction). Exact: for λ = 0 a Gaussian stays one, σ̈ = -ησ̇ - σ + ħ²/4σ³ + T/σ (`theory.learners`); at rest in the
    ground state the variance is (1 - 1/M)ħ/2; κ = 1 is Hamilton-Jacobi; κ < 1 is refused, since the problem is
    ill-posed there.

    Not to be confused: with noisy learners (there is no noise; T is the pressure of an isothermal gas, no heat bath at
    small η); with learning from data (q's potential is given); with many independent networks (those are κ = 1, or
    with noise Fokker-Planck: `FastNeurons`). Noise draws φ; there is no disorder. `converged`: the run reached its end,
    and without friction kept its energy to 1e-3.
    """

    kappa: float = parameter(2.0, units="1", maximum=1e6, doc="κ = 4Dμ/γ; 1: classical")
    mu: float = parameter(1.0, units="1", minimum=1e-3, maximum=1e3, doc="weight μ of free-energy production")
    distance: float = parameter(2.0, units="1", minimum=0, maximum=100, doc="distance from equilibrium, q0/σ0")
    width: float = parameter(0.5, units="1", minimum=1e-3, maximum=100, doc="σ0 at the start")
    quartic: float = parameter(0.2, units="1", minimum=0, maximum=100, doc="λ of the potential ½q² + ¼λq⁴")
    friction: float = parameter(0.0, units="1", minimum=0, maximum=1e4, doc="friction η/ω")
    temperature: float = parameter(0.0, units="1", minimum=0, maximum=100, doc="T of the entropy of learners")
    duration: float = parameter(1.0, units="1", minimum=0, maximum=1e6, doc="time t in 1/ω")
    start: str = parameter("rest", units="1", choices=("rest", "random"), doc="at rest at q0, or at a random angle")
    learners: int = parameter(64, units="1", minimum=4, maximum=1024, quenched=True, doc="number of learners M")
    resolution: float = parameter(
        0.3, units="1", minimum=1e-3, maximum=0.5, doc="time step over the time of the closest pair"
    )

    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("l1_schroedinger", "1", may_be_nan=True, long_name="L1 distance to Schroedinger's equation"),
        Observable("l1_hamilton_jacobi", "1", may_be_nan=True, long_name="L1 distance to Hamilton-Jacobi"),
        Observable("l1_fokker_planck", "1", may_be_nan=True, long_name="L1 distance to Fokker-Planck"),
        Observable("l1_drift_diffusion", "1", may_be_nan=True, long_name="L1 distance to quantum drift-diffusion"),
        Observable("l1_limits", "1", may_be_nan=True, long_name="L1 of Schroedinger to Hamilton-Jacobi (κ = 1: 0)"),
        Observable("l1_closure", "1", may_be_nan=True, long_name="L1 distance to the exact Gaussian"),
        Observable("rank_memory", "1", may_be_nan=True, long_name="rank correlation of q at the start and the end"),
        Observable("phase_coherence", "1", may_be_nan=True, long_name="|Σ(q - iv)| / √(M Σ(q² + v²))"),
        Observable("centre", "1", may_be_nan=True, long_name="mean of q"),
        Observable("spread", "1", may_be_nan=True, long_name="standard deviation of q"),
        Observable("quantum_ratio", "1", long_name="Fisher energy / (kinetic + potential energy) at the start"),
        Observable("energy_drift", "1", may_be_nan=True, long_name="relative change of the energy, without friction"),
        Observable("hbar", "1", long_name="ħ = √(κ - 1)/μ"),
        Observable("steps", "1", dtype="int64", long_name="time steps"),
        Observable("converged", "1", dtype="int8", long_name="1: the run reached its end and kept its energy"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kappa < 1:
            raise InputError(
                f"kappa = {self.kappa:g} is below 1: the quantum pressure would attract, and the initial value problem "
                "is ill-posed (learners collapse at once, the sooner the more there are); at least kappa = 1"
            )
        if self.work > MOST_WORK:
            raise InputError(
                f"{self.learners} learners would take {self.work / self.learners:.3g} steps, and at most "
                f"{MOST_WORK / self.learners:.3g} are allowed: fewer learners, a smaller kappa or a shorter duration"
            )
        if self.quartic > 0 and TRAJECTORIES * self.duration / self.longest > MOST_WORK:
            raise InputError(
                f"duration = {self.duration:g} would take the {TRAJECTORIES} particles of Hamilton-Jacobi "
                f"{self.duration / self.longest:.3g} steps, and at most {MOST_WORK / TRAJECTORIES:.3g} are allowed: a "
                "shorter duration, or quartic = 0, which is in closed form"
            )
        if self.waves:
            _, points, steps = self._grid()
            if points * steps > schroedinger.MOST or points > schroedinger.MOST_POINTS:
                raise InputError(
                    f"Schroedinger's equation at ħ = {self.planck:.3g} needs {points:.3g} points and {steps:.3g} steps "
                    f"from here, more than {schroedinger.MOST_POINTS}, or {schroedinger.MOST:.3g} together: kappa = 1 "
                    "or further from it, less distance, or quartic = 0, which is in closed form"
                )

    @property
    def planck(self) -> float:
        """ħ_eff."""
        return math.sqrt(self.kappa - 1) / self.mu

    @property
    def waves(self) -> bool:
        """Whether a wave has to be propagated for the comparison."""
        return self.quartic > 0 and self.kappa > 1

    @property
    def longest(self) -> float:
        """Longest time step: stiffness at the far end of the packet, and friction."""
        reach = self.width * (self.distance + 4)
        return min(learners.LONGEST / math.sqrt(1 + 3 * self.quartic * reach**2), 0.2 / max(self.friction, 1e-9))

    @property
    def work(self) -> float:
        """Steps x learners, if the learners stay as close as they start."""
        close = 0.4 * self.learners / self.width
        rate = (4 * self.planck * close + 2 * math.sqrt(self.temperature)) * close
        return self.duration * max(rate / self.resolution, 1 / self.longest) * self.learners

    def _grid(self) -> tuple[float, int, int]:
        far = self.distance * self.width
        momentum = far if self.start == "random" else 0.0
        return schroedinger.grid(far, momentum, self.width, self.quartic, self.planck, self.duration)

    def cost(self) -> float:
        """Nanoseconds, roughly."""
        total = 6 * self.work + 1e5
        if self.waves:
            _, points, steps = self._grid()
            total += steps * (points * 40.0 + 2e4)
        if self.quartic > 0:
            total += 4.0 * TRAJECTORIES * self.duration / self.longest
        return total

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        far, rows = self.distance * self.width, []
        for stream in noise:
            angle = 2 * math.pi * uniform(np.array(stream, np.uint64)) if self.start == "random" else 0.0
            rows.append(self._run(far * math.cos(angle), far * math.sin(angle)))
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def _run(self, centre: float, momentum: float) -> dict[str, float]:
        out = dict.fromkeys((o.name for o in self.observables), math.nan)
        hbar, kelvin = self.planck, self.temperature
        q = centre + self.width * quantiles(self.learners)
        v = np.full(q.size, momentum)
        first, last = np.empty(4), np.empty(4)
        learners.energies(q, v, self.quartic, hbar, kelvin, first)
        out |= {"hbar": hbar, "quantum_ratio": first[2] / first[:2].sum(), "steps": 0, "converged": 0}
        reached, out["steps"] = learners.advance(
            q, v, self.quartic, hbar, kelvin, self.friction, self.duration, self.longest, self.resolution,
            int(2 * MOST_WORK) // q.size,
        )  # fmt: skip
        if reached < self.duration:
            return out
        learners.energies(q, v, self.quartic, hbar, kelvin, last)
        if self.friction == 0:
            out["energy_drift"] = abs(last.sum() - first.sum()) / max(first[:3].sum(), last[:3].sum())
            if out["energy_drift"] > DRIFT:
                return out
        order = np.argsort(np.argsort(q, kind="stable"), kind="stable") - (q.size - 1) / 2
        ranks = np.arange(q.size) - (q.size - 1) / 2
        out |= {
            "converged": 1,
            "centre": float(q.mean()),
            "spread": float(q.std()),
            "rank_memory": float((order * ranks).sum() / (ranks**2).sum()),
            "phase_coherence": float(np.hypot(q.sum(), v.sum()) / math.sqrt(q.size * (q**2 + v**2).sum())),
        }
        edges = out["centre"] + max(out["spread"], 1e-12) * np.linspace(-3, 3, BINS - 1)
        mine = _below(q, edges)
        theory = self._predictions(centre, momentum, edges)
        out |= {name: l1(mine, theirs) for name, theirs in theory.items()}
        classical = theory["l1_hamilton_jacobi"]
        out["l1_limits"] = l1(theory.get("l1_schroedinger", classical), classical)
        return out

    def _predictions(self, centre: float, momentum: float, edges: np.ndarray) -> dict[str, np.ndarray]:
        """What each equation says of the probability below each edge."""
        out = {}
        if self.quartic > 0:
            q = centre + self.width * quantiles(TRAJECTORIES)
            learners.advance(
                q, np.full(q.size, momentum), self.quartic, 0.0, 0.0, 0.0, self.duration, self.longest, 0.5, 2**31
            )
            out["l1_hamilton_jacobi"] = np.searchsorted(np.sort(q), edges) / q.size
            if self.waves:
                q, p = schroedinger.evolve(centre, momentum, self.width, self.quartic, self.planck, self.duration)
                out["l1_schroedinger"] = np.interp(edges, q + (q[1] - q[0]) / 2, np.cumsum(p))
            return out
        c, s = math.cos(self.duration), math.sin(self.duration)
        free = centre * c + momentum * s
        out["l1_hamilton_jacobi"] = gaussian_below(edges, free, self.width * abs(c))
        if self.kappa > 1:
            out["l1_schroedinger"] = gaussian_below(
                edges, free, math.hypot(self.width * c, self.planck / 2 / self.width * s)
            )
        state = np.array([self.width, 0.0, centre, momentum])
        if self.planck > 0 or self.temperature > 0:
            learners.gaussian(self.planck, self.temperature, self.friction, self.duration, state)
            out["l1_closure"] = gaussian_below(edges, state[2], state[0])
        if self.friction > 0:
            age = self.duration / self.friction
            slow = centre * math.exp(-age)
            for name, hbar in (("l1_fokker_planck", 0.0), ("l1_drift_diffusion", self.planck)):
                variance = overdamped_variance(self.width**2, hbar, self.temperature, age)
                out[name] = gaussian_below(edges, slow, math.sqrt(variance))
        return out

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(learners=8, duration=0.2, distance=1.0, start="random")


@functools.cache
def quantiles(number: int) -> np.ndarray:
    """Quantiles (n + ½)/number of the standard normal distribution, float64 (number,), read-only."""
    inverse = statistics.NormalDist().inv_cdf
    out = np.array([inverse((n + 0.5) / number) for n in range(number)])
    out.setflags(write=False)
    return out


def _below(q: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Share of probability below each edge: learners are quantiles, and the map from normal quantiles is linear between
    two, and beyond the last as between the last two. Exact for a Gaussian."""
    q, z = np.sort(q), quantiles(q.size)
    k = np.clip(np.searchsorted(q, edges) - 1, 0, q.size - 2)
    gap = np.maximum(q[k + 1] - q[k], 1e-300)
    return gaussian_below(z[k] + (edges - q[k]) / gap * (z[k + 1] - z[k]), 0.0, 1.0)


def l1(one: np.ndarray, other: np.ndarray) -> float:
    """Σ |p - p'| over cells, of the probabilities below their edges."""
    return float(abs(np.diff(one - other, prepend=0.0, append=0.0)).sum())


def gaussian_below(edges: np.ndarray, centre: float, width: float) -> np.ndarray:
    """Gaussian probability below each edge; a step where the width is 0."""
    return np.array([0.5 * math.erfc((centre - float(x)) / (math.sqrt(2) * max(width, 1e-300))) for x in edges])


def overdamped_variance(start: float, hbar: float, temperature: float, age: float) -> float:
    """s after ds/dt = 2(-s + T + ħ²/4s) over `age`, in closed form but for one root; ħ = 0 is Fokker-Planck.

    With the roots s1 >= 0 >= s2 of the right side, s1 ln|s - s1| - s2 ln|s - s2| falls by 2(s1 - s2) per unit of time.
    """
    root = math.hypot(temperature, hbar)
    upper, lower = (temperature + root) / 2, (temperature - root) / 2
    if hbar == 0 or start == upper:
        return upper + (start - upper) * math.exp(-2 * age)
    target = -2 * age * (upper - lower)

    def excess(x: float) -> float:
        """x: log of what is left of s - s1."""
        return upper * x - lower * math.log((upper + (start - upper) * math.exp(x) - lower) / (start - lower)) - target

    low, high = (target - abs(lower * math.log((upper - lower) / (start - lower)))) / upper - 1, 0.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) < 0 else (low, middle)
    return upper + (start - upper) * math.exp(high)
