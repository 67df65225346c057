"""An associative memory of coupled oscillators: binary patterns in Hebb couplings, a second harmonic, a drive."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.kernels import second_harmonic
from isinglass.kernels.streams import jumped, normal, random_signs
from isinglass.models.base import Model, Observable, copies_parameter, parameter

STILL = 1e-3
"""rad/s: rates that differ by less, root mean square over oscillators, count as one rotation of all."""


@dataclass(frozen=True)
class OscillatorMemory(Model):
    """N oscillators that store P = αN random binary patterns ξ_i^μ = ±1 as phases 0 and π.

    θ_i' = ω_i + Σ_j J_ij sin(θ_j - θ_i) + (ε/N) Σ_j sin 2(θ_j - θ_i) + F sin(Ωt + φ_i - θ_i), with J_ii = 0 and else
    J_ij = (1/N) Σ_μ ξ_i^μ ξ_j^μ: Nishikawa, Lai and Hoppensteadt (2004), with natural frequencies and a drive added.
    ω is Gaussian of standard deviation g, its sample mean taken out; φ_i is 0 or π as the cue. All frequencies are in
    the frame that turns with the mean one: Ω = 0 is resonance. The unit of rates is that of the field of a recalled
    pattern, 1 rad/s.

    Exact (`theory.oscillator_memory`): without ω and F every state of phases 0 and π is a fixed point, stable iff
    ε > ε_s = λ_max/2, λ_max the largest eigenvalue of s_i J_ij s_j - δ_ij s_i h_i orthogonal to the uniform vector. For
    P = 1 the pattern has ε_s = -1/2, and a cue of any overlap (but 0 and ±1) 1/2: above, it is frozen: no gain.

    Not to be confused with a memory of phases (here two phases are distinguished, by the second harmonic alone), with
    stability for recall (at large ε everything is stable, cues too), or with forced oscillation of one oscillator. All
    phases may turn together: the readout is turned by half the phase of ⟨z²⟩ and its sign taken, which leaves one sign
    open, so overlaps are absolute values: without recall not 0 but about 0.8/√N.

    The disorder draws the patterns (0 and 1 are the messages) and the frequencies; noise draws which signs of the cue
    are flipped, round(N(1-cue)/2) of them, and moves each phase by a normal angle of `jitter`. `converged`: without ω
    and drive, the rates of all oscillators are the same to 1e-3 rad/s; else the overlaps of the two halves of the
    window differ by less than 0.02, or by less than twice the standard deviation within a half.
    """

    oscillators: int = parameter(300, units="1", minimum=2, maximum=65536, quenched=True, doc="number of oscillators N")
    load: float = parameter(
        0.05, units="1", minimum=1e-6, quenched=True, doc="requested load α = P/N; P is rounded, and refused at 0"
    )
    second: float = parameter(0.4, units="rad/s", minimum=0, maximum=100, doc="strength ε of the second harmonic")
    spread: float = parameter(0.0, units="rad/s", minimum=0, maximum=100, doc="g: standard deviation of ω, Gaussian")
    drive: float = parameter(
        0.0, units="rad/s", minimum=0, maximum=100, doc="strength F of the drive to the cue's phases"
    )
    drive_frequency: float = parameter(
        0.0, units="rad/s", minimum=-1e4, maximum=1e4, doc="Ω of the drive, from the mean natural frequency"
    )
    drive_ends: str = parameter(
        "never", units="1", choices=("never", "window"), doc="whether the drive stops where the measured window begins"
    )
    cue: float = parameter(0.8, units="1", minimum=-1, maximum=1, doc="overlap of the cue with its pattern")
    jitter: float = parameter(0.1, units="rad", minimum=0, maximum=10, doc="standard deviation of the cue's phases")
    time_step: float = parameter(0.1, units="s", minimum=1e-6, maximum=10, doc="time step dt")
    equilibration: int = parameter(400, units="step", minimum=0, doc="steps before the measured window")
    steps: int = parameter(100, units="step", minimum=2, doc="measured steps, the window")
    records: int = parameter(
        10, units="1", minimum=2, doc="times, evenly spaced over the window, at which states are read"
    )
    copies: int = copies_parameter()

    task: ClassVar[str | None] = "recall"
    observables: ClassVar[tuple[Observable, ...]] = (
        Observable(
            "coherence", "1", "coherence", may_be_nan=True, long_name="overlap |a·b*|/N of two copies cued alike"
        ),
        Observable(
            "blind_coherence",
            "1",
            "blind_coherence",
            may_be_nan=True,
            long_name="overlap |a·c*|/N, c cued with another",
        ),
        Observable(
            "memory",
            "1",
            "memory",
            may_be_nan=True,
            long_name="mutual information of pattern and readout / its maximum",
        ),
        Observable("recall_overlap", "1", long_name="|overlap| of the readout with the pattern, window mean"),
        Observable("recall_gain", "1", long_name="recall overlap less the overlap of the cue"),
        Observable("initial_overlap", "1", long_name="|overlap| of the cue with the pattern"),
        Observable("final_overlap", "1", long_name="|overlap| of the readout with the pattern at the end"),
        Observable("cue_overlap", "1", long_name="|overlap| of the readout with the cue, window mean"),
        Observable("phase_overlap", "1", long_name="|⟨ξ e^{iθ}⟩|, window mean"),
        Observable("second_order", "1", long_name="second-harmonic coherence |⟨e^{2iθ}⟩|, window mean"),
        Observable("locked_fraction", "1", long_name="share that leaves the median by less than π/2 in the window"),
        Observable("realised_load", "1", long_name="stored patterns per oscillator P/N"),
        Observable("converged", "1", dtype="int8", long_name="1: no oscillator moves against another, or no drift"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stored * self.oscillators > 2**26:
            raise InputError(
                f"load = {self.load:g} stores P = {self.stored} patterns of {self.oscillators} signs: more than 2^26 "
                "numbers; lower load or oscillators"
            )
        if not self.stored:
            one = 1 / self.oscillators
            raise InputError(
                f"load = {self.load:g} of {self.oscillators} oscillators rounds to 0 patterns; {one:.3g} stores one"
            )
        if self.drive > 0 and abs(self.drive_frequency) * self.time_step > 1:
            raise InputError(
                f"time_step = {self.time_step:g} s does not follow a drive of {self.drive_frequency:g} rad/s: their "
                "product is above 1 rad, and multiples of 2π would look like resonance; lower time_step"
            )
        if (1 + 2 * self.second + self.drive) * self.time_step > 1:
            raise InputError(
                f"time_step = {self.time_step:g} s is too long for second = {self.second:g}, drive = {self.drive:g} "
                "rad/s: (1 + 2 second + drive) time_step is above 1 rad; lower time_step"
            )

    @property
    def stored(self) -> int:
        """Number of stored patterns P."""
        return round(self.load * self.oscillators)

    @property
    def flips(self) -> int:
        """Signs of the pattern that are turned to make the cue."""
        return round(self.oscillators * (1 - self.cue) / 2)

    def cost(self) -> float:
        """Nanoseconds, roughly: four stages of overlaps and fields a step."""
        steps = self.equilibration + self.steps
        return self.copies * self.oscillators * (steps * (8 + 2 * self.stored) + 100 * self.records) + 20_000

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        signs, omega = store(disorder, self.oscillators, self.stored)
        rows = [self._replica(signs, self.spread * omega, stream) for stream in noise]
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def _replica(self, signs: np.ndarray, omega: np.ndarray, noise: np.ndarray) -> dict[str, float]:
        n, total = self.oscillators, self.equilibration + self.steps
        count = min(self.records, self.steps)
        times = np.asarray(self.equilibration + np.arange(1, count + 1) * self.steps // count)
        half = omega * self.time_step / 2
        ex, ey = np.cos(half), np.sin(half)
        history, cues = np.empty((self.copies, count, n), complex), np.empty((self.copies, n))
        drift, last_rates = np.empty(n), np.empty(n)
        for c in range(self.copies):
            message = signs[1 if c == 2 and self.stored > 1 else 0]
            x, y = np.empty(n), np.empty(n)
            second_harmonic.make_cue(jumped(noise, c), message, self.flips, self.jitter, cues[c], x, y)
            for first, last in ((0, self.equilibration), (self.equilibration, total)):
                strength = 0.0 if first == self.equilibration and self.drive_ends == "window" and first else self.drive
                moved = np.zeros(n)
                second_harmonic.run(
                    signs, self.second, strength, self.drive_frequency, cues[c], self.time_step, first, last, ex, ey,
                    x, y, moved, times, history[c],
                )  # fmt: skip
            if c == 0:
                drift = moved
                second_harmonic.rates(signs, self.second, 0.0, 0.0, cues[0], x, y, np.empty(n), np.empty(n), last_rates)
        message, a = signs[0], history[0]
        states = readout(a)
        products, memory = _read(message, states)
        overlap, initial = products / n, abs(round(float(cues[0] @ message)))
        angle = (omega + drift / self.steps) * self.steps * self.time_step
        still = last_rates.std() < STILL
        pairs = [abs(measures.overlap(a, other)).mean() for other in history[1:]]
        return {
            "coherence": pairs[0] if pairs else math.nan,
            "blind_coherence": pairs[1] if pairs and self.stored > 1 else math.nan,
            "memory": memory.mean(),
            "recall_overlap": overlap.mean(),
            "recall_gain": (products - initial).mean() / n,
            "initial_overlap": initial / n,
            "final_overlap": overlap[-1],
            "cue_overlap": abs(measures.overlap(states, cues[0])).mean(),
            "phase_overlap": abs(measures.overlap(a, message)).mean(),
            "second_order": abs((a**2).mean(axis=-1)).mean(),
            "locked_fraction": (abs(angle - np.median(angle)) < math.pi / 2).mean(),
            "realised_load": self.stored / n,
            "converged": still if self.spread == 0 and self.drive == 0 else measures.steady(overlap),
        }

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(oscillators=48, load=0.05, spread=0.1, drive=0.1, equilibration=5, steps=10, records=3)


def store(disorder: np.ndarray, oscillators: int, patterns: int) -> tuple[np.ndarray, np.ndarray]:
    """A sample's patterns, float64 ±1 (P, N), and frequencies of unit variance and mean 0 (N,)."""
    stream = np.array(disorder, dtype=np.uint64)
    signs = np.empty((patterns, oscillators), dtype=np.int8)
    random_signs(stream, signs.reshape(-1))
    omega = np.array([normal(stream) for _ in range(oscillators)])
    return signs.astype(np.float64), omega - omega.mean()


def readout(states: np.ndarray) -> np.ndarray:
    """Signs int64 (..., N) of states complex (..., N), turned back by half the phase of ⟨z²⟩; one sign stays open."""
    turn = np.exp(-0.5j * np.angle((states**2).mean(axis=-1, keepdims=True)))
    return np.where((states * turn).real >= 0, 1, -1)


def _read(message: np.ndarray, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """|Σ_i ξ_i s_i| and memory of readouts (records, N), by record; information does not know the open sign."""
    product = np.rint(states @ message).astype(np.int64)
    counts = measures.binary_counts(product, int(message.sum()), states.sum(axis=-1), message.size)
    return abs(product), measures.memory(counts)
