"""An associative memory of phases: planar rotors with Hebb couplings of random phase patterns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.kernels import rotors
from isinglass.kernels.streams import jumped
from isinglass.models.base import Model, Observable, copies_parameter, parameter

SECTORS = 8
"""Sectors of the circle in which phases are counted: H(message) is 3 bits."""
WINDOW = 2**17
"""States times rotors that are held at once, of each copy."""

Patterns = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class PhaseMemory(Model):
    """N unit phases z_i = e^{iθ_i} that store P = αN random phase patterns ξ_i^μ = e^{iφ_i^μ} in Hebb couplings.

    J_ij = (1/N) Σ_μ exp i(φ_i^μ - φ_j^μ), J_ii = 0; h_i = Σ_j J_ij z_j; E = -½ Σ_i Re conj(z_i) h_i. One step updates
    the rotors once each in the order 0..N-1 by the heat bath: z_i is drawn from its exact conditional distribution,
    von Mises of concentration |h_i|/T about the direction of h_i (rejection after Best and Fisher 1979; no time step,
    so the Boltzmann distribution exp(-E/T) is stationary without discretisation error). At T = 0 z_i = h_i/|h_i|,
    unchanged where h_i = 0. In E a field has the weight 1, so that a single pattern melts at T = 1/2.

    Exact for N → ∞ (replica symmetric, derived in `theory.phase_memory`): patterns are retrieved below
    α_c = (π/4) max_a (e^-a I₁(a))² = 0.0377001 at T = 0 (0.038: Cook 1989, quoted from memory), below T_M(α) otherwise;
    a glass up to T_g = (1 + √α)/2. For one pattern m = I₁(m/T)/I₀(m/T).

    Not to be confused with oscillators that store *binary* patterns (a second harmonic pins them to two phases), with
    Kuramoto oscillators (no frequencies here: the dynamics only relaxes), with a discretised Langevin equation, or with
    equilibrium: retrieval may be metastable, and what is measured starts from the cue. All phases may turn together at
    no cost; that global phase carries no message, so every overlap is an absolute value: without recall it is not 0 but
    about 0.9/√N.

    The disorder draws the patterns, N phases after N phases; patterns 0 and 1 are the messages. The cue is the message
    with its phases turned by N evenly spaced angles in (-w, w), w such that the overlap is exactly `cue`; noise deals
    them out at random, then draws the heat bath. At T = 0 and `cue` = 1 nothing is random: copies a and b are then the
    same. `converged` is 1 at T = 0 if the root mean square displacement of a step fell below 1e-8 (rotors that stand
    so still are moved no more), at T > 0 if the recall overlaps of the two halves of the window differ by less than
    0.02 or by less than twice the standard deviation within a half.
    """

    oscillators: int = parameter(400, units="1", minimum=2, maximum=65536, quenched=True, doc="number of rotors N")
    load: float = parameter(0.01, units="1", minimum=1e-6, quenched=True, doc="requested load α = P/N; P is rounded")
    temperature: float = parameter(
        0.1, units="1", minimum=0, doc="k_B T in units of the field of a retrieved pattern; one pattern melts at 1/2"
    )
    cue: float = parameter(1.0, units="1", minimum=0, maximum=1, doc="overlap of the cue with its pattern, exactly")
    equilibration: int = parameter(100, units="step", minimum=0, doc="steps before measuring; one step = N updates")
    steps: int = parameter(50, units="step", minimum=2, doc="measured steps, the window")
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
            "memory", "1", "memory", may_be_nan=True, long_name="mutual information of pattern and state / its maximum"
        ),
        Observable("phase_information", "bit", long_name="information per rotor for von Mises residuals, window mean"),
        Observable("recall_overlap", "1", long_name="|overlap| with the target pattern, window mean"),
        Observable("recall_gain", "1", long_name="recall overlap less the overlap of the cue"),
        Observable("initial_overlap", "1", long_name="|overlap| of the cue with the target pattern"),
        Observable("final_overlap", "1", long_name="|overlap| with the target pattern after the last step"),
        Observable("energy", "1", long_name="energy per rotor E/N, window mean"),
        Observable("realised_load", "1", long_name="stored patterns per rotor P/N"),
        Observable("converged", "1", dtype="int8", long_name="1: fixed point (T=0), no drift (T>0)"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.stored:
            one = 1 / self.oscillators
            raise InputError(
                f"load = {self.load:g} of {self.oscillators} oscillators rounds to 0 patterns; {one:.3g} stores one"
            )
        if self.stored * self.oscillators > 2**26:
            raise InputError(
                f"load = {self.load:g} stores P = {self.stored} patterns of {self.oscillators} phases: more than 2^26 "
                "numbers; lower load or oscillators"
            )

    @property
    def stored(self) -> int:
        """Number of stored patterns P."""
        return round(self.load * self.oscillators)

    @property
    def width(self) -> float:
        """w in radians: the mean of cos over N evenly spaced angles in (-w, w), sin w / (N sin(w/N)), is the cue."""
        low, high = 0.0, math.pi
        for _ in range(60):  # it falls from 1 to 0
            middle = (low + high) / 2
            mean = math.sin(middle) / (self.oscillators * math.sin(middle / self.oscillators))
            low, high = (middle, high) if mean > self.cue else (low, middle)
        return 0.0 if self.cue == 1 else (low + high) / 2

    def cost(self) -> float:
        """Nanoseconds, roughly: per update a field and a shift of all overlaps, and a draw; the patterns once."""
        steps = self.equilibration + self.steps
        update = 20 + 2.5 * self.stored + (60 if self.temperature > 0 else 0)
        return self.oscillators * (self.copies * steps * update + 100 * self.steps + 30 * self.stored)

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        patterns = store(disorder, self.oscillators, self.stored)
        rows = [self._replica(patterns, stream) for stream in noise]
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def _replica(self, patterns: Patterns, noise: np.ndarray) -> dict[str, float]:
        trajectories = [
            Trajectory(patterns, jumped(noise, c), 1 if c == 2 and self.stored > 1 else 0, self)
            for c in range(self.copies)
        ]
        message = patterns[0][:, 0] + 1j * patterns[1][:, 0]
        initial = float(abs(measures.overlap(trajectories[0].state, message)))
        for trajectory in trajectories:
            trajectory.run(self.equilibration)
        parts: list[tuple[np.ndarray, ...]] = []
        todo = self.steps
        while todo:
            chunk = min(todo, max(1, WINDOW // self.oscillators))
            (a, energy), *others = [trajectory.record(chunk) for trajectory in trajectories]
            memory = measures.memory(measures.phase_counts(message, a, SECTORS))
            parts.append(
                (abs(measures.overlap(a, message)), memory, energy, *(abs(measures.overlap(a, z)) for z, _ in others))
            )
            todo -= chunk
        overlap, memory, energy, *pairs = (np.concatenate(x) for x in zip(*parts, strict=True))
        bits = measures.phase_information(np.minimum(overlap, 1 - 2.0**-52))
        settled = trajectories[0].moved[0] < rotors.SETTLED
        return {
            "coherence": pairs[0].mean() if pairs else math.nan,
            "blind_coherence": pairs[1].mean() if pairs and self.stored > 1 else math.nan,
            "memory": memory.mean(),
            "phase_information": bits.mean(),
            "recall_overlap": overlap.mean(),
            "recall_gain": overlap.mean() - initial,
            "initial_overlap": initial,
            "final_overlap": overlap[-1],
            "energy": energy.mean(),
            "realised_load": self.stored / self.oscillators,
            "converged": settled if self.temperature == 0 else measures.steady(overlap),
        }

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(oscillators=64, load=0.05, temperature=0.1, cue=0.8, equilibration=5, steps=10)


class Trajectory:
    """One copy on its way: its state and what is needed to go on."""

    def __init__(self, patterns: Patterns, stream: np.ndarray, message: int, model: PhaseMemory) -> None:
        self.patterns, self.stream, self.temperature = patterns, stream, model.temperature
        self.x, self.y, self.moved = np.empty(model.oscillators), np.empty(model.oscillators), np.array([np.inf])
        real, imag = (np.ascontiguousarray(part[:, message]) for part in patterns)
        rotors.make_cue(stream, real, imag, model.width, self.x, self.y)

    @property
    def state(self) -> np.ndarray:
        """z, complex128 (N,)."""
        return self.x + 1j * self.y

    def run(self, steps: int) -> None:
        """Go on by so many steps."""
        self._run(steps, np.empty((0, self.x.size), np.complex128), np.empty(0))

    def record(self, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Go on by so many steps: the states complex128 (steps, N) after each, and energies per rotor (steps,)."""
        out = np.empty((steps, self.x.size), np.complex128), np.empty(steps)
        self._run(steps, *out)
        return out

    def _run(self, steps: int, history: np.ndarray, energy: np.ndarray) -> None:
        rotors.run(*self.patterns, self.temperature, steps, self.stream, self.x, self.y, self.moved, history, energy)


def store(disorder: np.ndarray, oscillators: int, patterns: int) -> Patterns:
    """A sample's patterns cos φ, sin φ, float64 (N, P) each; `disorder` uint64 (4,) is not written to."""
    stream = np.array(disorder, dtype=np.uint64)
    real, imag = np.empty((oscillators, patterns)), np.empty((oscillators, patterns))
    rotors.random_patterns(stream, real, imag)
    return real, imag
