"""A multimode cavity that holds patterns: spins coupled by light, as classical vectors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.kernels import cavity, hartree, spins
from isinglass.kernels.streams import jumped
from isinglass.models.base import Model, Observable, copies_parameter, parameter
from isinglass.models.transverse_hopfield import LARGEST, check_load, recalled

TOLERANCE = 1e-8
"""No component of a spin and no amplitude changes faster at the end of a converged run, in units of ω_0."""

State = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class DickeHopfield(Model):
    """Classical vectors (Hartree): N spins ½ and P = αN modes of a cavity, mode μ coupled to the spins by pattern ξ^μ.

    H/N = ω Σ_μ |a_μ|² + (ω_0/2N) Σ x_i + 2g Σ_μ Re a_μ m_μ, m_μ = (1/N) Σ ξ_i^μ z_i, spins S_i = (x, y, z)_i of length
    1, amplitudes a_μ in units of √N. a_μ' = -(iω + κ) a_μ - i g m_μ; S_i' = Ω_i × S_i - η S_i × (Ω_i × S_i),
    Ω_i = (ω_0, 0, 4g Σ_μ ξ_i^μ Re a_μ): a spin is lowest against Ω. Unit of frequency is ω_0. Modes and spins move in
    turn, each exactly while the other is held (Strang steps, second order; lengths are kept, and without κ and η H is).

    Exact: light at rest is a_μ = -g m_μ/(ω - iκ), so that the spins at rest are those of `transverse-hopfield` with the
    diagonal kept and Γ = (g_c/g)², g_c = ½ √(ω_0(ω² + κ²)/ω); for one pattern m = √(1 - Γ²). N → ∞: below Γ_M(α)
    patterns are retrieved (`theory.transverse_hopfield`, diagonal kept: derived in the model card, not in a paper);
    below Γ_g = (1 + √α)² there is light.

    Not to be confused with a quantum cavity (no fluctuations of the light, no entanglement, no photon counting), with
    the confocal cavities of experiments and their own dynamics, or light with memory: photons can be there and carry no
    pattern. `field` is (g_c/g)²: small is strong coupling.

    The disorder draws the patterns; 0 and 1 are the messages. Noise flips N(1-cue)/2 spins of the cue, S = (0, 0, ±1);
    the light begins at rest with the cue. Then it measures Z_i in `shots` preparations: `coherence`, `blind_coherence`,
    `memory` are of these readouts, as in `transverse-hopfield`. `photon_number`, (1/N) Σ |a_μ|², is the coherence of
    the light, under its own name. `converged`: nothing changed faster than 1e-8 ω_0 in the last step.
    """

    spins: int = parameter(1000, units="1", minimum=2, maximum=65536, quenched=True, doc="number of spins N")
    load: float = parameter(0.05, units="1", minimum=1e-6, quenched=True, doc="modes a spin α = P/N; P is rounded")
    field: float = parameter(0.4, units="1", minimum=1e-3, maximum=1e3, doc="(g_c/g)², the effective transverse field")
    cavity_frequency: float = parameter(1.0, units="1", minimum=1e-3, maximum=1e3, doc="detuning of the modes ω/ω_0")
    loss: float = parameter(1.0, units="1", minimum=0, maximum=1e3, doc="loss of the modes κ/ω_0")
    damping: float = parameter(1.0, units="1", minimum=0, maximum=1e3, doc="damping η of the spins, a ratio")
    cue: float = parameter(1.0, units="1", minimum=0, maximum=1, doc="overlap of the cue with its pattern")
    time_step: float = parameter(0.1, units="1", minimum=1e-6, maximum=1, doc="time step dt ω_0")
    steps: int = parameter(50_000, units="step", minimum=1, maximum=10**7, doc="at most so many steps")
    shots: int = parameter(16, units="1", minimum=1, doc="preparations of each copy that are measured")
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
            long_name="mutual information of pattern and measured spins / its maximum",
        ),
        Observable("photon_number", "1", long_name="photons in all modes per spin"),
        Observable("target_photons", "1", long_name="photons in the mode of the target pattern per spin"),
        Observable("recall_overlap", "1", long_name="signed overlap Σ ξ_i ⟨Z_i⟩/N with the target pattern"),
        Observable("recall_gain", "1", long_name="recall overlap less the overlap of the cue"),
        Observable("initial_overlap", "1", long_name="signed overlap of the cue with the target pattern"),
        Observable("spurious_overlap", "1", may_be_nan=True, long_name="largest |overlap| with another pattern"),
        Observable("freezing", "1", long_name="Σ ⟨Z_i⟩²/N"),
        Observable("polarisation", "1", long_name="-⟨X⟩, mean over spins: along the lower state of ω_0"),
        Observable("coherence_entropy", "bit", long_name="relative entropy of coherence per spin, z basis"),
        Observable("single_spin_purity", "1", long_name="tr ρ_i², mean over spins; 1 for a vector of length 1"),
        Observable("energy", "1", long_name="energy per spin over ω_0"),
        Observable("taken", "1", long_name="time ω_0 t until nothing moved"),
        Observable("residual", "1", long_name="fastest change of a spin or amplitude in the last step over ω_0"),
        Observable("realised_load", "1", long_name="modes per spin P/N"),
        Observable("converged", "1", dtype="int8", long_name="1: at rest"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        check_load(self.load, self.spins)
        if self.shots * self.spins > LARGEST:
            raise InputError(f"shots = {self.shots} of {self.spins} spins are more than 2^26 readings: lower shots")
        fastest = max(self.cavity_frequency, self.loss, 1 + (1 + math.sqrt(self.stored / self.spins)) ** 2 / self.field)
        if fastest * self.time_step > 2.5:
            raise InputError(
                f"time_step = {self.time_step:g} is too long for field = {self.field:g}, load = {self.load:g}, "
                f"cavity_frequency = {self.cavity_frequency:g} and loss = {self.loss:g}: at most {2.5 / fastest:.3g}"
            )

    @property
    def stored(self) -> int:
        """Number of modes, each with a pattern, P."""
        return round(self.load * self.spins)

    @property
    def coupling(self) -> float:
        """g/ω_0."""
        square = self.cavity_frequency**2 + self.loss**2
        return 0.5 * math.sqrt(square / (self.cavity_frequency * self.field))

    def cost(self) -> float:
        """Nanoseconds, roughly: some hundred steps of O(P) a spin, readings."""
        return self.copies * self.spins * (min(self.steps, 400) * (90 + 1.2 * self.stored) + 5 * self.shots)

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        patterns = hartree.random_patterns(disorder, self.spins, self.stored)
        rows = [self._replica(patterns, stream) for stream in noise]
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def _relaxed(self, patterns: np.ndarray, copy: int, noise: np.ndarray) -> tuple[State, np.ndarray, int, float]:
        """(Re a, Im a, x, y, z), readouts int8 (shots, N), steps, residual of one copy."""
        stream, cue, held = jumped(noise, copy), np.empty(self.spins, np.int8), np.empty(self.spins, np.uint8)
        message = np.ascontiguousarray(patterns[:, 1 if copy == 2 and self.stored > 1 else 0])
        spins.make_cue(stream, message, spins.FLIPPED, round(self.spins * (1 - self.cue) / 2), cue, held)
        x, y, z = np.zeros(self.spins), np.zeros(self.spins), cue.astype(np.float64)
        overlap, g = np.empty(self.stored), self.coupling
        hartree.overlaps(patterns, z, overlap)
        square = self.cavity_frequency**2 + self.loss**2
        re, im = -g * self.cavity_frequency / square * overlap, -g * self.loss / square * overlap
        taken, residual = cavity.relax(
            patterns, self.cavity_frequency, self.loss, g, self.damping, self.time_step, TOLERANCE, self.steps,
            re, im, x, y, z,
        )  # fmt: skip
        shots = np.empty((self.shots, self.spins), np.int8)
        hartree.measure(z, stream, shots)
        return (re, im, x, y, z), shots, taken, residual / self.time_step

    def _replica(self, patterns: np.ndarray, noise: np.ndarray) -> dict[str, float]:
        copies = [self._relaxed(patterns, c, noise) for c in range(self.copies)]
        (re, im, x, y, z), shots, taken, residual = copies[0]
        overlap = np.empty(self.stored)
        hartree.overlaps(patterns, z, overlap)
        pairs = [abs(measures.overlap(shots, other[1])).mean() for other in copies[1:]]
        photons = re * re + im * im
        initial = 1 - 2 * round(self.spins * (1 - self.cue) / 2) / self.spins
        light = self.cavity_frequency * float(photons.sum()) + 2 * self.coupling * float((re * overlap).sum())
        return {
            "coherence": pairs[0] if pairs else math.nan,
            "blind_coherence": pairs[1] if pairs and self.stored > 1 else math.nan,
            "memory": recalled(patterns[:, 0], shots),
            "photon_number": float(photons.sum()),
            "target_photons": photons[0],
            "recall_overlap": overlap[0],
            "recall_gain": overlap[0] - initial,
            "initial_overlap": initial,
            "spurious_overlap": abs(overlap[1:]).max() if self.stored > 1 else math.nan,
            "freezing": float((z * z).mean()),
            "polarisation": -float(x.mean()),
            "coherence_entropy": 1 - float(measures.binary_information(np.clip(z, -1, 1)).mean()),
            "single_spin_purity": float((1 + x * x + y * y + z * z).mean()) / 2,
            "energy": light + 0.5 * float(x.mean()),
            "taken": taken * self.time_step,
            "residual": residual,
            "realised_load": self.stored / self.spins,
            "converged": residual <= TOLERANCE,
        }

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(spins=30, load=0.1, cue=0.8, time_step=0.2, steps=30, shots=4)
