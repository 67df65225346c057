"""The Boltzmann machine with Gaussian hidden units: a Hopfield network whose patterns are hidden units."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.kernels import boltzmann, spins
from isinglass.kernels.bits import pack
from isinglass.kernels.streams import jumped, random_signs
from isinglass.models.base import Model, Observable, copies_parameter, parameter

LARGEST = 2**27
"""Of numbers stored as patterns: a gigabyte."""


@dataclass(frozen=True)
class GaussianBoltzmannMachine(Model):
    """N visible units s_i = ±1 and P = αN Gaussian hidden units z_μ, coupled by W_iμ = √(β/N) ξ_i^μ, ξ random ±1.

    p(s, z) ∝ exp(-½ Σ_μ z_μ² + Σ_iμ s_i W_iμ z_μ), β = 1/T. Summed over z this is exp(-E(s)/T) times a constant, E the
    energy of the Hopfield network with Hebb couplings (Barra, Genovese, Sollich and Tantari, arXiv:1702.05882): the
    diagonal J_ii = α, which stands in the exponent too, is the same for all s, because s_i² = 1. So equilibrium is the
    Hopfield network's at every N; dynamics is not. One step of block Gibbs sampling draws y_μ = z_μ √(T/N) = M_μ/N +
    √(T/N) g, M_μ = Σ_i ξ_i^μ s_i, g normal, then all s_i at once, P(s_i = ±1) = 1/(1 + exp(∓2h_i/T)), h_i =
    Σ_μ ξ_i^μ y_μ. The mean of h_i given s contains α s_i: the diagonal slows the dynamics, it does not bias it.

    Exact for N → ∞: that of the Hopfield network, `theory.ags`. For every N: ⟨y_0⟩ = ⟨m⟩, m = M_0/N.

    Not to be confused with the Little model (all spins at once from the same fields, without hidden units: another
    stationary distribution), with binary hidden units (`restricted-boltzmann`), or with equilibrium: retrieval is
    metastable for T_c < T < T_M, and what is measured starts from the cue. T = 0 is no limit of this dynamics: the
    weights diverge.

    The disorder draws the patterns, N signs after N signs, as the Hopfield model does; patterns 0 and 1 are the
    messages. Noise draws the cue (exactly N(1 - cue)/2 units flipped), then hidden and visible units in turn.
    `converged` is 1 if the recall overlaps of the two halves of the window differ by less than 0.02 or by less than
    twice the standard deviation within a half.
    """

    neurons: int = parameter(
        500, units="1", minimum=2, maximum=65536, quenched=True, doc="number of visible units N, the neurons"
    )
    load: float = parameter(
        0.05, units="1", minimum=0, quenched=True, doc="requested load α = P/N, P the number of hidden units, rounded"
    )
    temperature: float = parameter(
        0.4, units="1", minimum=1e-3, doc="k_B T = 1/β in units of the field of a retrieved pattern"
    )
    cue: float = parameter(1.0, units="1", minimum=0, maximum=1, doc="overlap of the cue with its pattern")
    equilibration: int = parameter(100, units="step", minimum=0, doc="steps before measuring; one step = both layers")
    steps: int = parameter(100, units="step", minimum=2, doc="measured steps, the window")
    copies: int = copies_parameter()

    task: ClassVar[str | None] = "recall"
    observables: ClassVar[tuple[Observable, ...]] = (
        Observable(
            "coherence", "1", "coherence", may_be_nan=True, long_name="overlap |a·b|/N of two copies cued alike"
        ),
        Observable(
            "blind_coherence", "1", "blind_coherence", may_be_nan=True, long_name="overlap |a·c|/N, c cued with another"
        ),
        Observable(
            "memory", "1", "memory", may_be_nan=True, long_name="mutual information of pattern and state / its maximum"
        ),
        Observable("recall_overlap", "1", long_name="signed overlap with the target pattern, window mean"),
        Observable("recall_gain", "1", long_name="recall overlap less the overlap of the cue"),
        Observable("initial_overlap", "1", long_name="signed overlap of the cue with the target pattern"),
        Observable("final_overlap", "1", long_name="signed overlap with the target pattern after the last step"),
        Observable("hidden_overlap", "1", long_name="hidden unit of the target pattern, y = z√(T/N), window mean"),
        Observable("energy", "1", long_name="Hopfield energy per unit E/N with J_ii = 0, window mean"),
        Observable("realised_load", "1", long_name="hidden units per visible unit P/N"),
        Observable("converged", "1", dtype="int8", long_name="1: no drift of the recall overlap in the window"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stored < 1:
            raise InputError(
                f"load = {self.load:g} with neurons = {self.neurons} makes no pattern: load at least "
                f"{1 / self.neurons:g}"
            )
        if self.stored * self.neurons > LARGEST:
            raise InputError(
                f"load = {self.load:g} makes P = {self.stored} patterns of {self.neurons} units, more than 2^27 "
                "numbers: lower load or neurons"
            )

    @property
    def stored(self) -> int:
        """Number of patterns and of hidden units P."""
        return round(self.load * self.neurons)

    def cost(self) -> float:
        """Nanoseconds, roughly: patterns, and for each step fields and draws."""
        step = self.neurons * (0.1 * self.stored + 6) + 8 * self.stored
        return 3 * self.neurons * self.stored + self.copies * (self.equilibration + self.steps) * step

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        patterns = np.empty((self.stored, self.neurons), np.int8)
        random_signs(np.array(disorder, dtype=np.uint64), patterns.reshape(-1))
        bits = np.empty((self.stored, -(-self.neurons // 64)), np.uint64)
        for row, packed in zip(patterns, bits, strict=True):
            pack(row, packed)
        floats = patterns.astype(np.float64)
        rows = [self._replica(patterns, floats, bits, stream) for stream in noise]
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def _replica(
        self, patterns: np.ndarray, floats: np.ndarray, bits: np.ndarray, noise: np.ndarray
    ) -> dict[str, float]:
        n, p = self.neurons, self.stored
        histories, series = [], np.empty((2, self.steps))
        for c in range(self.copies):
            stream, state = jumped(noise, c), np.empty(n, np.int8)
            message, free = patterns[1 if c == 2 and p > 1 else 0], np.empty(n, np.uint8)
            spins.make_cue(stream, message, spins.FLIPPED, self.flips, state, free)
            history, nothing = np.empty((self.steps, bits.shape[1]), np.uint64), np.empty((0, bits.shape[1]), np.uint64)
            kept = np.empty_like(series)
            boltzmann.gaussian_run(floats, bits, self.temperature, self.equilibration, stream, state, nothing, kept)
            boltzmann.gaussian_run(floats, bits, self.temperature, self.steps, stream, state, history, kept)
            histories.append(history)
            series = series if c else kept
        ones = np.full((1, bits.shape[1]), 2**64 - 1, np.uint64)
        ones[0, -1] >>= np.uint64(-n % 64)
        overlap, total = self._dots(histories[0], bits[:1]), self._dots(histories[0], ones)
        pairs = [abs(self._dots(histories[0], other)).mean() / n for other in histories[1:]]
        memory = measures.binary_memory(overlap, patterns[0].sum(dtype=np.int64), total, n)
        recalled, initial = overlap / n, 1 - 2 * self.flips / n
        return {
            "coherence": pairs[0] if pairs else math.nan,
            "blind_coherence": pairs[1] if pairs and p > 1 else math.nan,
            "memory": memory.mean(),
            "recall_overlap": recalled.mean(),
            "recall_gain": recalled.mean() - initial,
            "initial_overlap": initial,
            "final_overlap": recalled[-1],
            "hidden_overlap": series[1].mean(),
            "energy": -0.5 * (series[0].mean() / n**2 - p / n),
            "realised_load": p / n,
            "converged": measures.steady(recalled),
        }

    @property
    def flips(self) -> int:
        """Units that are flipped in the cue."""
        return round(self.neurons * (1 - self.cue) / 2)

    def _dots(self, history: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Σ_i s_i s'_i at each step, int64 (steps,), of packed states (steps, W) and the same or one state."""
        out = np.empty(len(history), np.int64)
        boltzmann.overlaps(history, others, self.neurons, out)
        return out

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(neurons=64, cue=0.8, equilibration=5, steps=10)
