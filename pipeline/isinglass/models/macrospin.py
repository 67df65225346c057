"""Grains with an easy axis, a bit in each: how long heat and a field leave what was written."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.kernels import spin_dynamics
from isinglass.kernels.streams import jumped, random_signs
from isinglass.models.base import Model, Observable, copies_parameter, parameter

MOST_STEPS = 10**8


@dataclass(frozen=True)
class Macrospin(Model):
    """L x L grains, each a unit vector S: E = -K Σ S_z² - 2Kh Σ S_z - J Σ_<ij> S_i·S_j.

    Landau-Lifshitz-Gilbert dynamics, dS/dt = -1/(1+α²) [S x B + α S x (S x B)], B = -∂E/∂S + b, <b b> = 2αT δ(t), by
    the semi-implicit midpoint rule (Mentink et al. 2010). K, γ and the moment are 1: energies in K, times in μ/γK,
    σ = K/T. The square lattice is periodic. Each grain is written along +z or -z, and read by the sign of S_z.

    Exact for J = 0: the Fokker-Planck equation of S_z, solved whole in `theory.fokker_planck`, gives memory at every
    time, and the relaxation time 1/λ, of which Brown's formula is the asymptote for σ → ∞ without field.

    Not to be confused with Ising spins, whose barrier is not in the energy but in the choice of a clock; nor 1/λ, after
    which the overlap is 1/e, with the time at which half the information is left, 0.25/λ without field; nor Gilbert's
    with Landau's damping: the factor 1/(1+α²) is here. `retention_time` is censored where the run ends before it.

    The disorder draws two messages of L² bits; noise draws the thermal field. `memory` and both coherences are of the
    last step, overlaps of the vectors S, Σ S_a·S_b/N; `memory_trace` is at `records` times, about evenly spaced in the
    logarithm over two decades. Nothing equilibrates: there is no `converged`. Rates of escape are too small by half
    of the time step (1 % at 0.02, σ = 5).
    """

    length: int = parameter(16, units="1", minimum=2, maximum=1024, quenched=True, doc="grains L along an edge")
    stability: float = parameter(5.0, units="1", minimum=0.05, maximum=1e6, doc="barrier without field σ = K/k_B T")
    field: float = parameter(0.0, units="1", minimum=-2, maximum=2, doc="field h along the easy axis, in units of 2K")
    exchange: float = parameter(0.0, units="1", minimum=-10, maximum=10, doc="coupling J of neighbours, in units of K")
    damping: float = parameter(0.5, units="1", minimum=1e-4, maximum=100, doc="Gilbert's α")
    duration: float = parameter(
        100.0, units="1", minimum=0, doc="time from writing to reading, in μ/γK; rounded to steps"
    )
    time_step: float = parameter(0.02, units="1", minimum=1e-6, doc="time step, in μ/γK")
    records: int = parameter(
        40, units="1", minimum=2, maximum=10000, doc="times up to the last at which memory is read"
    )
    copies: int = copies_parameter()

    task: ClassVar[str | None] = "retention"
    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("coherence", "1", "coherence", may_be_nan=True,
                   long_name="overlap |Σ a·b|/N of two copies written alike"),
        Observable("blind_coherence", "1", "blind_coherence", may_be_nan=True,
                   long_name="overlap |Σ a·c|/N, c with another message"),
        Observable("memory", "1", "memory", may_be_nan=True,
                   long_name="mutual information of written and read bits / its maximum"),
        Observable("bit_overlap", "1", long_name="signed overlap of written and read bits, last step"),
        Observable("remanence", "1", long_name="Σ ξ_i S_iz/N, what is left of what was written, last step"),
        Observable("magnetisation", "1", long_name="|Σ S_i|/N, last step"),
        Observable("retention_time", "1", may_be_nan=True, long_name="last time (μ/γK) at which memory is 1/2"),
        Observable("first_crossing", "1", may_be_nan=True, long_name="first time (μ/γK) at which memory is 1/2"),
        Observable("censored", "1", dtype="int8", long_name="1: memory is above 1/2 at the end"),
        Observable("memory_trace", "1", dims=("time",), may_be_nan=True, long_name="memory in time"),
        Observable("remanence_trace", "1", dims=("time",), long_name="Σ ξ_i S_iz/N in time"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.exchange and self.length < 3:
            raise InputError(
                f"length = {self.length}: a periodic lattice with exchange needs at least 3 grains an edge"
            )
        strength = 2 * (1 + abs(self.field)) + 4 * abs(self.exchange)
        spin_dynamics.check_step(self.time_step, strength, self.damping, 1 / self.stability)
        if not 1 <= self.duration / self.time_step <= MOST_STEPS:
            raise InputError(
                f"duration = {self.duration:g} is {self.duration / self.time_step:.3g} steps of {self.time_step:g}: "
                f"from 1 to {MOST_STEPS:.0e} are possible"
            )

    @property
    def steps(self) -> np.ndarray:
        """The steps after which memory is read, int64, rising; the last is the end."""
        last = round(self.duration / self.time_step)
        return np.unique(np.maximum(np.round(last * np.geomspace(0.01, 1, self.records)), 1)).astype(np.int64)

    def coords(self) -> dict[str, tuple[Any, dict[str, str]]]:
        """See `Model.coords`."""
        attributes = {"units": "1", "long_name": "time since writing (μ/γK)"}
        return {"time": (self.steps * self.time_step, attributes)}

    def cost(self) -> float:
        """Nanoseconds, roughly."""
        per_step = 12 if self.exchange == 0 else 20
        return self.length**2 * per_step * self.copies * float(self.steps[-1]) + 2e5

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        messages = np.empty((2, self.length**2), np.int8)
        random_signs(np.array(disorder, np.uint64), messages.reshape(-1))
        rows = [self._replica(messages, stream) for stream in noise]
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def _replica(self, messages: np.ndarray, noise: np.ndarray) -> dict[str, Any]:
        message, time = messages[0].astype(np.int64), self.steps * self.time_step
        overlap, up, left = (np.zeros(time.size) for _ in range(3))
        spins = np.empty(0)
        for k, spins in enumerate(self._run(messages[0], jumped(noise, 0), self.steps)):
            bits = np.where(spins[2] >= 0, 1, -1)
            overlap[k], up[k], left[k] = (bits * message).sum(), bits.sum(), (spins[2] * message).sum()
        others = [
            next(self._run(messages[copy - 1], jumped(noise, copy), self.steps[-1:])) for copy in range(1, self.copies)
        ]
        n = message.size
        memory = measures.memory(measures.binary_counts(overlap, message.sum(), up, n))
        first, last = measures.crossings(time, memory, 0.5)
        remanence = left / n
        known = not np.isnan(memory[-1])
        pairs = [abs(float((spins * other).sum())) / n for other in others]
        return {
            "coherence": pairs[0] if pairs else math.nan,
            "blind_coherence": pairs[1] if pairs else math.nan,
            "memory": memory[-1],
            "bit_overlap": overlap[-1] / n,
            "remanence": remanence[-1],
            "magnetisation": float(np.linalg.norm(spins.sum(axis=-1))) / n,
            "retention_time": last if known else math.nan,
            "first_crossing": first if known else math.nan,
            "censored": known and memory[-1] >= 0.5,
            "memory_trace": memory,
            "remanence_trace": remanence,
        }

    def _run(self, message: np.ndarray, stream: np.ndarray, ends: np.ndarray) -> Iterator[np.ndarray]:
        """The spins of one copy after so many steps, float64 (3, N): one array, which moves on with the next."""
        spins = np.zeros((3, message.size))
        spins[2] = message
        extra = np.zeros_like(spins)
        extra[2] = 2 * self.field
        diagonal, shape = np.array([0.0, 0.0, 2.0]), (1, self.length, self.length)
        past = 0
        for end in map(int, ends):
            spin_dynamics.run(
                spins, extra, diagonal, self.exchange, shape, True,
                self.damping, 1 / self.stability, self.time_step, end - past, stream,
            )  # fmt: skip
            past = end
            yield spins

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(length=4, stability=2.0, field=0.1, exchange=0.05, duration=2.0, records=3)
