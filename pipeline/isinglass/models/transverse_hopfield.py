"""The Hopfield model in a transverse field as a product state: what is recalled where spins are classical vectors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.kernels import hartree, spins
from isinglass.kernels.streams import jumped
from isinglass.models.base import Model, Observable, copies_parameter, parameter

TOLERANCE = 1e-9
"""No ⟨Z⟩ changes by more in the last step of a converged run."""
LARGEST = 2**26
"""Patterns times spins, and shots times spins."""


@dataclass(frozen=True)
class TransverseHopfield(Model):
    """Classical vector (Hartree): N spins ½ that store P = αN patterns ξ^μ, in the best *product* state near a cue.

    H = -½ Σ_{i≠j} J_ij Z_i Z_j - Γ Σ_i X_i, J_ij = (1/N) Σ_μ ξ_i^μ ξ_j^μ. In a product state with s_i = ⟨Z_i⟩ and
    ⟨X_i⟩ = √(1-s_i²) the energy is E = -½ Σ J_ij s_i s_j - Γ Σ √(1-s_i²). One step turns each spin, in the order
    0..N-1, along its field (Γ, h_i): s_i = h_i/√(h_i² + Γ²), h_i = Σ_j J_ij s_j, the exact minimum over that spin.
    Energies are in units of the field of a stored pattern, and one pattern melts at Γ = 1.

    Exact for N → ∞ (self-consistent signal to noise, derived in the model card and not in a paper;
    `theory.transverse_hopfield`): patterns are retrieved below Γ_M(α), 0.5455 at α = 0.05; the largest eigenvalue of J
    gives Γ_g = 1 + 2√α, above which all s_i = 0; frozen and amnesic between. At Γ = 0 the Hopfield model at T = 0, step
    by step.

    Not to be confused with the quantum model (no entanglement: single spins are pure, and `single_spin_purity` is 1),
    with the static approximation of Nishimori and Nonomura (1996), with which equality is not claimed, with thermal
    disorder (Γ is no temperature: nothing fluctuates), nor ⟨X⟩ with coherence: it is polarisation, and m² + ⟨X⟩² <= 1
    is the spins' length. `diagonal` = kept leaves J_ii = P/N: what a multimode cavity does.

    The disorder draws the patterns; 0 and 1 are the messages. Noise flips N(1-cue)/2 spins of the cue, then measures
    Z_i in each of `shots` preparations: `coherence` and `blind_coherence` are overlaps of what is measured, `memory` is
    of N·shots pairs (ξ_i, outcome), 0 where their overlap is not positive. `coherence_entropy` is the relative entropy
    of coherence in the z basis, that of all patterns. `converged`: no s_i changed by more than 1e-9 in the last step.
    """

    spins: int = parameter(1000, units="1", minimum=2, maximum=65536, quenched=True, doc="number of spins N")
    load: float = parameter(0.05, units="1", minimum=1e-6, quenched=True, doc="requested load α = P/N; P is rounded")
    field: float = parameter(
        0.3, units="1", minimum=0, maximum=1e6, doc="transverse field Γ in units of the field of a stored pattern"
    )
    cue: float = parameter(1.0, units="1", minimum=0, maximum=1, doc="overlap of the cue with its pattern")
    diagonal: str = parameter(
        "removed", units="1", choices=("removed", "kept"), doc="J_ii = 0, or P/N as in a multimode cavity"
    )
    steps: int = parameter(
        20_000, units="step", minimum=1, maximum=10**7, doc="at most so many; one step turns each spin once"
    )
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
        Observable("recall_overlap", "1", long_name="signed overlap Σ ξ_i ⟨Z_i⟩/N with the target pattern"),
        Observable("recall_gain", "1", long_name="recall overlap less the overlap of the cue"),
        Observable("initial_overlap", "1", long_name="signed overlap of the cue with the target pattern"),
        Observable("spurious_overlap", "1", may_be_nan=True, long_name="largest |overlap| with another pattern"),
        Observable("freezing", "1", long_name="Σ ⟨Z_i⟩²/N"),
        Observable("polarisation", "1", long_name="⟨X⟩, mean over spins"),
        Observable("coherence_entropy", "bit", long_name="relative entropy of coherence per spin, z basis"),
        Observable("single_spin_purity", "1", long_name="tr ρ_i², mean over spins; 1 in a product state"),
        Observable("energy", "1", long_name="energy per spin E/N"),
        Observable("taken", "step", dtype="int64", long_name="steps until nothing moved"),
        Observable("residual", "1", long_name="largest change of a ⟨Z_i⟩ in the last step"),
        Observable("realised_load", "1", long_name="stored patterns per spin P/N"),
        Observable("converged", "1", dtype="int8", long_name="1: a fixed point"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        check_load(self.load, self.spins)
        if self.shots * self.spins > LARGEST:
            raise InputError(f"shots = {self.shots} of {self.spins} spins are more than 2^26 readings: lower shots")

    @property
    def stored(self) -> int:
        """Number of stored patterns P."""
        return round(self.load * self.spins)

    def cost(self) -> float:
        """Nanoseconds, roughly: some hundred steps of O(P) a spin, readings."""
        return self.copies * self.spins * (min(self.steps, 200) * (12 + 1.0 * self.stored) + 5 * self.shots)

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        patterns = hartree.random_patterns(disorder, self.spins, self.stored)
        rows = [self._replica(patterns, stream) for stream in noise]
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def _relaxed(self, patterns: np.ndarray, copy: int, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray, int, float]:
        """⟨Z⟩ float64 (N,), readouts int8 (shots, N), steps and residual of one copy."""
        stream, z, held = jumped(noise, copy), np.empty(self.spins, np.int8), np.empty(self.spins, np.uint8)
        message = np.ascontiguousarray(patterns[:, 1 if copy == 2 and self.stored > 1 else 0])
        spins.make_cue(stream, message, spins.FLIPPED, round(self.spins * (1 - self.cue) / 2), z, held)
        state, shots = z.astype(np.float64), np.empty((self.shots, self.spins), np.int8)
        kept = self.stored / self.spins if self.diagonal == "kept" else 0.0
        taken, residual = hartree.relax(patterns, self.field, kept, TOLERANCE, self.steps, state)
        hartree.measure(state, stream, shots)
        return state, shots, taken, residual

    def _replica(self, patterns: np.ndarray, noise: np.ndarray) -> dict[str, float]:
        n, load = self.spins, self.stored / self.spins
        copies = [self._relaxed(patterns, c, noise) for c in range(self.copies)]
        z, shots, taken, residual = copies[0]
        overlap = np.empty(self.stored)
        hartree.overlaps(patterns, z, overlap)
        pairs = [abs(measures.overlap(shots, other[1])).mean() for other in copies[1:]]
        x = np.sqrt((1 - z) * (1 + z))
        square = float((z * z).mean())
        initial = 1 - 2 * round(n * (1 - self.cue) / 2) / n
        diagonal = 0.0 if self.diagonal == "kept" else load * square
        return {
            "coherence": pairs[0] if pairs else math.nan,
            "blind_coherence": pairs[1] if pairs and self.stored > 1 else math.nan,
            "memory": recalled(patterns[:, 0], shots),
            "recall_overlap": overlap[0],
            "recall_gain": overlap[0] - initial,
            "initial_overlap": initial,
            "spurious_overlap": abs(overlap[1:]).max() if self.stored > 1 else math.nan,
            "freezing": square,
            "polarisation": float(x.mean()),
            "coherence_entropy": 1 - float(measures.binary_information(z).mean()),
            "single_spin_purity": float((1 + x * x + z * z).mean()) / 2,
            "energy": -0.5 * (float((overlap * overlap).sum()) - diagonal) - self.field * float(x.mean()),
            "taken": taken,
            "residual": residual,
            "realised_load": load,
            "converged": residual <= TOLERANCE,
        }

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(spins=40, load=0.1, field=0.3, cue=0.8, steps=200, shots=4)


def check_load(load: float, spins: int) -> None:
    """Raise InputError where a load rounds to no pattern, or stores more than LARGEST numbers."""
    stored = round(min(load * spins, 2.0**62))
    if not stored:
        raise InputError(f"load = {load:g} of {spins} spins rounds to 0 patterns; {1 / spins:.3g} stores one")
    if stored * spins > LARGEST:
        raise InputError(
            f"load = {load:g} stores P = {stored} patterns of {spins} spins: more than 2^26 signs; lower load or spins"
        )


def recalled(message: np.ndarray, shots: np.ndarray) -> float:
    """I(message; readout)/H(message), message ±1 (N,), readouts ±1 (shots, N); 0 where their overlap is not above 0."""
    total = message.astype(np.int64)
    counts = shots.shape[0]
    return float(
        measures.binary_memory((shots * total).sum(), total.sum() * counts, shots.sum(dtype=np.int64), shots.size)
    )
