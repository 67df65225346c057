"""Coupled phase oscillators after Kuramoto: synchronisation, and what becomes of phases that were written into them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, ClassVar, Self

import numpy as np

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.kernels import oscillators
from isinglass.kernels.streams import jumped, normal, shuffle, uniform
from isinglass.models.base import Model, Observable, copies_parameter, parameter

SECTORS = 8
"""Sectors of the circle in which phases are counted: H(message) is 3 bits."""


@dataclass(frozen=True)
class Kuramoto(Model):
    """N phase oscillators: dθ_i = [ω_i + K Σ_j w_ij sin(θ_j - θ_i)] dt + √(2D) dW_i.

    Range exponent σ = 0: w_ij = 1/N, the mean field, K r sin(ψ - θ_i) with r e^{iψ} = ⟨e^{iθ}⟩. σ > 0: on a ring
    w_ij = (1 - 1/N) d^-σ / Σ_{j≠i} d_ij^-σ, d the shorter way around, so that Σ_{j≠i} w_ij = 1 - 1/N for every σ (Kac)
    and σ → 0 is the mean field. Frequencies ω: Lorentzian of half width γ, Gaussian of standard deviation γ, or all 0.

    Exact for N → ∞, σ = 0 (`theory.kuramoto`): Lorentzian K_c = 2(γ + D), and at D = 0 r = √(1 - K_c/K) (Kuramoto
    1984); Gaussian K_c = √(8/π) γ at D = 0; identical K_c = 2D, r = I₁/I₀(Kr/D). For every N at K = 0 the written
    phases lose their overlap as e^{-Dt}.

    Not to be confused with memories of stored patterns (nothing is stored in couplings here: `memory` is of the
    *initial phases*, task retention), with rotors (those only relax), nor r with coherence: r is the order of one copy.
    At D = 0 copies a and b are the same, and their coherence is 1 by construction.

    The disorder draws two messages, N independent uniform phases each, and the frequencies; noise draws the noise.
    `draw` = quantiles takes the N mid-quantiles of the distribution, in random order. `start` = aligned begins with all
    phases 0 instead of the message: to see whether order lasts; then there is no message, and no memory. The reader
    of the message knows the natural frequencies: phases are read as θ_i - ω_i t. `retention` is |⟨e^{i(θ_i(t) - ω_i t -
    θ_i(0))}⟩|; without recall it is not 0 but about 0.9/√N. `converged`: the means of r in the two halves of the window
    differ by less than 0.02, or by less than twice the standard deviation within a half.
    """

    oscillators: int = parameter(
        1000, units="1", minimum=2, maximum=2**20, quenched=True, doc="number of oscillators N"
    )
    frequencies: str = parameter(
        "lorentzian",
        units="1",
        choices=("lorentzian", "gaussian", "identical"),
        quenched=True,
        doc="distribution of the natural frequencies ω, centred at 0",
    )
    width: float = parameter(
        0.5,
        units="rad/s",
        minimum=0,
        maximum=1e6,
        quenched=True,
        doc="γ: half width (Lorentzian), standard deviation (Gaussian)",
    )
    draw: str = parameter(
        "random",
        units="1",
        choices=("random", "quantiles"),
        quenched=True,
        doc="frequencies drawn at random, or the N mid-quantiles in random order",
    )
    coupling: float = parameter(2.0, units="rad/s", minimum=0, doc="coupling K")
    noise: float = parameter(0.0, units="rad^2/s", minimum=0, doc="diffusion constant D of the phases")
    exponent: float = parameter(
        0.0, units="1", minimum=0, maximum=20, doc="range exponent σ: couplings fall as distance^-σ; 0: mean field"
    )
    start: str = parameter(
        "written", units="1", choices=("written", "aligned"), doc="initial phases: the message, or all 0"
    )
    time_step: float = parameter(0.05, units="s", minimum=1e-6, maximum=10, doc="time step dt")
    equilibration: int = parameter(1000, units="step", minimum=0, doc="steps before the measured window")
    steps: int = parameter(1000, units="step", minimum=2, doc="measured steps, the window")
    records: int = parameter(
        20,
        units="1",
        minimum=1,
        doc="times, evenly spaced over the whole run, at which states are read; at most one a step",
    )
    copies: int = copies_parameter()

    task: ClassVar[str | None] = "retention"
    observables: ClassVar[tuple[Observable, ...]] = (
        Observable(
            "coherence", "1", "coherence", may_be_nan=True, long_name="overlap |a·b*|/N of two copies written alike"
        ),
        Observable(
            "blind_coherence", "1", "blind_coherence", may_be_nan=True,
            long_name="overlap |a·c*|/N, c with another message",
        ),
        Observable(
            "memory", "1", "memory", may_be_nan=True,
            long_name="mutual information of written and read phases / its maximum",
        ),
        Observable("order_parameter", "1", long_name="r = |⟨e^{iθ}⟩|, window mean"),
        Observable("susceptibility", "1", long_name="N times the variance of r within the window"),
        Observable("neighbour_order", "1", long_name="⟨cos(θ_{i+1} - θ_i)⟩ around the ring, window mean"),
        Observable("locked_fraction", "1", long_name="share whose mean frequency is the median's, within 1/window"),
        Observable("retention", "1", may_be_nan=True, long_name="overlap of written and read phases, window mean"),
        Observable(
            "raw_retention", "1", may_be_nan=True, long_name="the same for a reader who knows no natural frequency"
        ),
        Observable(
            "phase_information", "bit", may_be_nan=True, long_name="information per oscillator, von Mises residuals"
        ),
        Observable("retention_time", "s", may_be_nan=True, long_name="last time at which memory is 1/2"),
        Observable("first_crossing", "s", may_be_nan=True, long_name="first time at which memory is 1/2"),
        Observable("censored", "1", dtype="int8", long_name="1: memory is above 1/2 at the end"),
        Observable("order_trace", "1", dims=("time",), long_name="r = |⟨e^{iθ}⟩| in time"),
        Observable("memory_trace", "1", dims=("time",), may_be_nan=True, long_name="memory in time"),
        Observable("retention_trace", "1", dims=("time",), may_be_nan=True, long_name="retention in time"),
        Observable("converged", "1", dtype="int8", long_name="1: no drift of r in the window"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.times.size * self.oscillators > 2**26:
            raise InputError(
                f"records = {self.records} of {self.oscillators} oscillators hold more than 2^26 phases at once: "
                "lower records or oscillators"
            )
        if self.coupling * self.time_step > 1:
            raise InputError(
                f"time_step = {self.time_step:g} s is too long for coupling = {self.coupling:g} rad/s: their product "
                "is above 1 rad; lower time_step"
            )
        if self.noise * self.time_step > 0.25:
            raise InputError(
                f"time_step = {self.time_step:g} s is too long for noise = {self.noise:g} rad^2/s: their product is "
                "above 0.25 rad^2; lower time_step"
            )

    @property
    def times(self) -> np.ndarray:
        """The steps after which states are read, int64; the last is the end."""
        total = self.equilibration + self.steps
        count = min(self.records, total)
        return np.asarray(np.arange(1, count + 1) * total // count)

    def coords(self) -> dict[str, tuple[Any, dict[str, str]]]:
        """See `Model.coords`."""
        return {"time": (self.times * self.time_step, {"units": "s", "long_name": "time since writing"})}

    def cost(self) -> float:
        """Nanoseconds, roughly."""
        update = 4 + (3 if self.noise > 0 else 0) + (6 * math.log2(self.oscillators) if self.exponent > 0 else 0)
        steps = self.equilibration + self.steps
        return self.copies * self.oscillators * (steps * update + 150 * self.times.size + 100)

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        messages, omega = written(disorder, self)
        spectrum, twiddles = np.empty(0), np.empty((2, 0))
        if self.exponent > 0:
            spectrum, twiddles = oscillators.ring(weights(self.oscillators, self.exponent))
        rows = [self._replica(messages, omega, spectrum, twiddles, stream) for stream in noise]
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def _replica(
        self, messages: np.ndarray, omega: np.ndarray, spectrum: np.ndarray, twiddles: np.ndarray, noise: np.ndarray
    ) -> dict[str, Any]:
        total, times, bare = self.equilibration + self.steps, self.times, self.start == "aligned"
        history = np.empty((self.copies, times.size, self.oscillators), dtype=np.complex128)
        order, near = np.empty((self.copies, total)), np.empty(total)
        drift = np.empty((self.copies, self.oscillators))
        half = omega * self.time_step / 2
        for c in range(self.copies):
            begin = np.ones(self.oscillators, complex) if bare else messages[1 if c == 2 else 0]
            state = begin.real.copy(), begin.imag.copy()
            stream = jumped(noise, c)
            for first, last in ((0, self.equilibration), (self.equilibration, total)):
                drift[c] = 0
                oscillators.run(
                    self.coupling, 2 * self.noise * self.time_step, self.time_step, first, last, np.cos(half),
                    np.sin(half), spectrum, twiddles, stream, *state, drift[c], order[c], near, times, history[c],
                )  # fmt: skip
            if c == 0:
                neighbours = near[self.equilibration :].mean()
        window, r = times > self.equilibration, order[0, self.equilibration :]
        pairs = [abs(measures.overlap(history[0, window], other[window])).mean() for other in history[1:]]
        frequency = omega + drift[0] / self.steps
        locked = abs(frequency - np.median(frequency)) < 2 * math.pi / (self.steps * self.time_step)
        return {
            "coherence": pairs[0] if pairs else math.nan,
            "blind_coherence": pairs[1] if pairs and not bare else math.nan,
            "order_parameter": r.mean(),
            "susceptibility": self.oscillators * r.var(),
            "neighbour_order": neighbours,
            "locked_fraction": locked.mean(),
            "order_trace": order[0, times - 1],
            "converged": measures.steady(r),
            **self._read(messages[0], history[0], omega, window),
        }

    def _read(self, message: np.ndarray, history: np.ndarray, omega: np.ndarray, window: np.ndarray) -> dict[str, Any]:
        """What is read of the message (N,) in the states (records, N)."""
        time = self.times * self.time_step
        if self.start == "aligned":
            nothing = np.full(time.size, np.nan)
            scalars = ("memory", "retention", "raw_retention", "phase_information", "retention_time", "first_crossing")
            return {
                **dict.fromkeys(scalars, math.nan),
                "censored": 0,
                "memory_trace": nothing,
                "retention_trace": nothing,
            }
        turned = history * np.exp(-1j * omega * time[:, None])
        memory = measures.memory(measures.phase_counts(message, turned, SECTORS))
        retention: np.ndarray = abs(measures.overlap(turned, message))
        bits = measures.phase_information(np.minimum(retention, 1 - 2.0**-52))
        first, last = measures.crossings(time, memory, 0.5)
        return {
            "memory": memory[window].mean(),
            "retention": retention[window].mean(),
            "raw_retention": abs(measures.overlap(history[window], message)).mean(),
            "phase_information": bits[window].mean(),
            "retention_time": last,
            "first_crossing": first,
            "censored": memory[-1] >= 0.5,
            "memory_trace": memory,
            "retention_trace": retention,
        }

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(oscillators=32, noise=0.1, exponent=1.5, equilibration=5, steps=10, records=3)


def written(disorder: np.ndarray, model: Kuramoto) -> tuple[np.ndarray, np.ndarray]:
    """A sample's messages, complex (2, N), and frequencies, rad/s (N,); `disorder` uint64 (4,) is not written to."""
    stream, n = np.array(disorder, dtype=np.uint64), model.oscillators
    phases = np.empty((2, 2, n))
    for x, y in phases:
        oscillators.random_phases(stream, x, y)
    if model.frequencies == "identical":
        omega = np.zeros(n)
    elif model.draw == "quantiles":
        level = (np.arange(n) + 0.5) / n
        lorentzian = model.frequencies == "lorentzian"
        omega = np.tan(np.pi * (level - 0.5)) if lorentzian else np.array([NormalDist().inv_cdf(p) for p in level])
        shuffle(stream, omega)
    elif model.frequencies == "lorentzian":
        omega = np.array([math.tan(math.pi * (uniform(stream) - 0.5)) for _ in range(n)])
    else:
        omega = np.array([normal(stream) for _ in range(n)])
    return phases[:, 0] + 1j * phases[:, 1], model.width * omega


def weights(oscillators: int, exponent: float) -> np.ndarray:
    """w by distance 0..N-1 along the ring, float64 (N,), w_0 = 0, of sum 1 - 1/N; see `Kuramoto`."""
    place = np.arange(oscillators)
    distance = np.minimum(place, oscillators - place)
    falling = np.where(distance > 0, np.maximum(distance, 1.0) ** -exponent, 0.0)
    return np.asarray(falling * ((1 - 1 / oscillators) / falling.sum()))
