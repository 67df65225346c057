"""Annealing a memory: the pattern that a cue is part of, sought with a transverse field or with heat."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.kernels import annealing, statevector
from isinglass.kernels.streams import jumped, random_signs, shuffle
from isinglass.models.base import Model, Observable, copies_parameter, parameter

CERTAINTY = 0.99
"""Of having found the ground state once or more, in `time_to_solution`."""
STEPS = 2**24
"""Steps that one run may have."""
DEGENERATE = 1e-9
"""Energies in J that differ by less count as equal."""


@dataclass(frozen=True)
class MemoryAnnealing(Model):
    """Recall as a search: the ground state of E(s) = -½ Σ_{i≠j} J_ij s_i s_j - b Σ_i c_i s_i, found in a time τ.

    J_ij = (1/N) Σ_μ ξ_i^μ ξ_j^μ of P random patterns; the cue c_i is ξ_i^0 on round(cue · N) spins, 0 (erased) on the
    others, which are free as all are. With u = t/τ from 0 to 1, both from complete ignorance to the bare landscape:

    * `transverse`: iħ dψ/dt = [u E(Z) - (1-u) Γ₀ Σ X_i] ψ from |→⟩^N, closed. Strang steps with coefficients at their
      middles. τ in ħ/J;
    * `thermal`: dp/dt = Σ_i W_i p, heat bath of single spins at k_B T = Γ₀ (1-u)/u, from p = 2^-N. The master equation,
      without sampling. τ in sweeps: one attempt per spin and unit of time on average.

    Energies and Γ₀ in J, the field of a stored pattern on its spins: at each u the two have the same ratio of
    fluctuation to landscape, and the same landscape in each sample. The units of time are different things: what can be
    compared are exponents, and `layers`, how often each spin was turned or attempted.

    Exact: `success` → 1 for τ → ∞ and degeneracy/2^N for τ → 0, both kinds; P = 1 without cue is one spin N/2
    (`theory.annealing.collective`); a single spin in a rising field, exp(-πΔ²/(2ħv)) (Landau-Zener, for a gap Δ and a
    difference of energies that rises at the rate v); the Gibbs distribution is stationary at each T.

    Not to be confused with the cost of computing either (2^N here for both; Monte Carlo needs no vector), with an open
    annealer (no bath here), with recall: `success` counts ground states of the landscape, `recall_probability` the cued
    pattern, and where the pattern is no ground state (`pattern_is_ground` 0) a good search forgets it.

    The disorder draws the patterns, N signs after N signs, then the order in which spins are shown; patterns 0 and 1
    are the messages (c is cued with pattern 1 on the same spins). Everything but the roles is exact for the sample.
    Noise draws readouts: each copy is measured in `shots` runs; `memory` is that of N · shots pairs (ξ_i, outcome), one
    spin at a time, shown ones too; 0 where their overlap is not above 0. `converged`: the step changes `success` by
    less than 0.005, from a second run with steps of twice the length, and the sum of probabilities is kept to 10⁻⁹.
    """

    kind: str = parameter("transverse", units="1", choices=("transverse", "thermal"), doc="what fluctuates")
    spins: int = parameter(8, units="1", minimum=2, maximum=60, quenched=True, doc="number of spins N")
    stored: int = parameter(2, units="1", minimum=1, maximum=256, quenched=True, doc="number of stored patterns P")
    cue: float = parameter(0.5, units="1", minimum=0, maximum=1, doc="share of spins that the cue shows")
    bias: float = parameter(0.2, units="1", minimum=0, maximum=100, doc="field b/J of the cue on the spins it shows")
    strength: float = parameter(
        1.0, units="1", minimum=1e-3, maximum=1e3, doc="Γ₀/J: transverse field at u = 0, k_B T at u = 1/2"
    )
    duration: float = parameter(
        16.0, units="1", minimum=1e-6, maximum=1e9, doc="τ, in ħ/J (transverse) or sweeps (thermal)"
    )
    time_step: float = parameter(
        0.1, units="1", minimum=1e-6, maximum=16, doc="longest time step, units of τ; at least two steps are made"
    )
    shots: int = parameter(64, units="1", minimum=1, maximum=2**20, doc="runs of each copy that are read")
    copies: int = copies_parameter()

    task: ClassVar[str | None] = "recall"
    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("coherence", "1", "coherence", may_be_nan=True, long_name="overlap |a·b|/N of two copies' readouts"),
        Observable(
            "blind_coherence", "1", "blind_coherence", may_be_nan=True,
            long_name="overlap |a·c|/N, c cued with another pattern",
        ),
        Observable(
            "memory", "1", "memory", may_be_nan=True,
            long_name="mutual information of cued pattern and readout / its maximum",
        ),
        Observable("success", "1", long_name="probability of the ground state"),
        Observable("recall_probability", "1", long_name="probability of the cued pattern, all spins right"),
        Observable("recall_overlap", "1", long_name="Σ ξ_i ⟨s_i⟩/N at the end"),
        Observable("recall_gain", "1", long_name="recall overlap less the share of spins that the cue shows"),
        Observable("erased_overlap", "1", may_be_nan=True, long_name="ξ_i ⟨s_i⟩, mean over spins that the cue erases"),
        Observable("excess_energy", "1", long_name="mean energy per spin above the ground state, over J"),
        Observable(
            "time_to_solution", "1",
            long_name="τ times the runs for a ground state with certainty 0.99 (ħ/J or sweeps)",
        ),
        Observable("layers", "1", dtype="int64", long_name="turns or attempts of each spin in a run"),
        Observable("layers_to_solution", "1", long_name="turns or attempts of each spin in time_to_solution"),
        Observable("pattern_is_ground", "1", dtype="int8", long_name="1: the cued pattern is a ground state"),
        Observable("degeneracy", "1", dtype="int64", long_name="number of ground states"),
        Observable("realised_load", "1", long_name="stored patterns per spin P/N"),
        Observable("step_error", "1", long_name="change of success by the time step, estimated"),
        Observable("converged", "1", dtype="int8", long_name="1: step error below 0.005, probability kept"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        statevector.check_memory(self.spins, 2**self.spins, 64 + self.spins)
        if self.shots * self.spins > 2**24:
            raise InputError(
                f"shots = {self.shots} of {self.spins} spins are more than 2^24 readings: at most shots = "
                f"{2**24 // self.spins}"
            )
        if self.duration / self.time_step > STEPS:
            raise InputError(
                f"duration = {self.duration:g} has {self.duration / self.time_step:.3g} steps of {self.time_step:g}, "
                f"of {STEPS} allowed; at most duration = {STEPS * self.time_step:.6g}"
            )
        turn = max(self.strength, (self.stored * (self.spins - 1) / self.spins + self.bias) / 1.5)
        if self.kind == "transverse" and turn * self.step > 1:
            raise InputError(
                f"time_step = {self.step:.6g} is too long for strength = {self.strength:g}, stored = {self.stored} and "
                f"bias = {self.bias:g}: phases would alias; at most time_step = {1 / turn:.3g}"
            )

    @property
    def steps(self) -> int:
        """Number of steps: even, so that half of them can be made."""
        return 2 * max(1, math.ceil(self.duration / self.time_step / 2 - 1e-9))

    @property
    def step(self) -> float:
        """Length of a step, at most time_step."""
        return self.duration / self.steps

    @property
    def shown(self) -> int:
        """Number of spins that the cue shows."""
        return round(self.cue * self.spins)

    def cost(self) -> float:
        """Nanoseconds, roughly: steps of each state, and of half as many for the step's error."""
        each = 0.35 * self.spins + 2 if self.kind == "transverse" else 1.6 * self.spins
        runs = (self.copies + 1) // 2 if self.stored > 1 else 1
        return 2.0**self.spins * (1.5 * each * self.steps * runs + 10 * self.spins) + 1e5

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`. The final probabilities are those of the sample; replicas differ in readouts."""
        n = self.spins
        patterns, cues = drawn(disorder, n, self.stored, self.shown)
        first = Landscape(patterns, cues[0], self.bias)
        final, exact = self._exact(first, patterns[0])
        cumulative = np.empty((2, final.size))
        annealing.summed(final, cumulative[0])
        second = len(cues) == 2 and self.copies == 3
        if second:
            annealing.summed(self._run(Landscape(patterns, cues[1], self.bias), self.steps), cumulative[1])
        rows, readings = [], np.zeros((3, self.shots), np.int64)
        spins = np.empty((3, self.shots, n), np.int8)
        for stream in noise:
            for c in range(self.copies if second else min(self.copies, 2)):
                statevector.measure(cumulative[c // 2], jumped(stream, c), readings[c])
            for i in range(n):
                spins[:, :, i] = 1 - 2 * (readings >> i & 1)
            rows.append(
                exact | {
                    "coherence": abs(measures.overlap(spins[0], spins[1])).mean() if self.copies == 3 else math.nan,
                    "blind_coherence": abs(measures.overlap(spins[0], spins[2])).mean() if second else math.nan,
                    "memory": memory(patterns[0], spins[0]),
                }
            )  # fmt: skip
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def _run(self, landscape: Landscape, steps: int) -> np.ndarray:
        """Probabilities (2^N,) at the end of a run of so many steps."""
        size, dt = landscape.energy.size, self.duration / steps
        u = (np.arange(steps) + 0.5) / steps
        if self.kind == "thermal":
            p = np.full(size, 1 / size)
            annealing.thermal(
                p, landscape.fields(), landscape.cue, self.bias, self.stored, self.strength * (1 - u) / u, dt
            )
            return p
        level, values = landscape.levels()
        re, im = np.full(size, size**-0.5), np.zeros(size)
        annealing.transverse(re, im, level, values, self.spins, self.strength * (1 - u), u, dt)
        return np.asarray(re * re + im * im)

    def _exact(self, landscape: Landscape, message: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        """Final probabilities of a sample, and what follows from them without readouts."""
        n, final = self.spins, self._run(landscape, self.steps)
        ground = landscape.energy < landscape.energy.min() + DEGENERATE
        success = float(final[ground].sum())
        error = abs(float(self._run(landscape, self.steps // 2)[ground].sum()) - success) / 3
        upright = np.empty(n)
        annealing.magnetisations(final, n, upright)
        overlaps = message * upright
        pattern = int(annealing.masks(message[None])[0])
        missed = math.log1p(-min(success, 1 - 1e-15))
        runs = max(1.0, math.log(1 - CERTAINTY) / missed) if missed < 0 else math.inf
        layers = self.steps * (2 if self.kind == "thermal" else 1)
        return final, {
            "success": success,
            "recall_probability": final[pattern],
            "recall_overlap": overlaps.mean(),
            "recall_gain": overlaps.mean() - self.shown / n,
            "erased_overlap": overlaps[landscape.cue == 0].mean() if self.shown < n else math.nan,
            "excess_energy": float((final * (landscape.energy - landscape.energy.min())).sum()) / n,
            "time_to_solution": self.duration * runs,
            "layers": layers,
            "layers_to_solution": layers * runs,
            "pattern_is_ground": ground[pattern],
            "degeneracy": ground.sum(),
            "realised_load": self.stored / n,
            "step_error": error,
            "converged": error < 0.005 and abs(float(final.sum()) - 1) < 1e-9,
        }

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(spins=4, duration=1.0, time_step=0.25, shots=4)


@dataclass(frozen=True, eq=False)
class Landscape:
    """E(s) of all 2^N states, of patterns int8 (P, N) and a cue int8 (N,) of 0, ±1."""

    patterns: np.ndarray
    cue: np.ndarray
    bias: float

    def __post_init__(self) -> None:
        stored, n = self.patterns.shape
        squares, shown = np.empty((2, 2**n), np.int64)
        annealing.landscape(self.patterns, self.cue, squares, shown)
        object.__setattr__(self, "energy", (stored * n - squares) / (2 * n) - self.bias * shown)

    energy: np.ndarray = None  # type: ignore[assignment]

    def levels(self) -> tuple[np.ndarray, np.ndarray]:
        """Of each state the number of its energy, int32 (2^N,), and the energies."""
        values, level = np.unique(self.energy, return_inverse=True)
        return level.astype(np.int32), values

    def fields(self) -> np.ndarray:
        """See `kernels.annealing.fields`."""
        n = self.cue.size
        out = np.empty((n, 2 ** (n - 1)), np.uint16)
        annealing.fields(self.patterns, out)
        return out


def drawn(disorder: np.ndarray, spins: int, stored: int, shown: int) -> tuple[np.ndarray, np.ndarray]:
    """A sample's patterns, int8 (P, N) of ±1, and the cues of the first two, int8 (1 or 2, N) of 0, ±1.

    `disorder` uint64 (4,) is not written to. Fewer shown spins are part of more.
    """
    stream, patterns = np.array(disorder, dtype=np.uint64), np.empty((stored, spins), np.int8)
    for row in patterns:
        random_signs(stream, row)
    order = np.arange(spins)
    shuffle(stream, order)
    cues = patterns[:2].copy()
    cues[:, order[shown:]] = 0
    return patterns, cues


def memory(message: np.ndarray, spins: np.ndarray) -> float:
    """I(message; readout)/H(message) of message ±1 (N,) and readouts ±1 (shots, N); 0 where overlap <= 0."""
    total, shots = message.astype(np.int64), len(spins)
    return float(measures.binary_memory((spins * total).sum(), total.sum() * shots, spins.sum(), spins.size))
