"""Bits written into an ensemble of networks that flip between a permutation and its transpose: how long they stay."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.kernels import strings
from isinglass.kernels.streams import jumped, random_signs
from isinglass.models.base import Model, Observable, check_memory, copies_parameter, parameter


@dataclass(frozen=True)
class StringEnsemble(Model):
    """M networks of N linear neurons, x(t+1) = Wx(t), W = P (an N-cycle) in one half of them and Pᵀ in the other.

    Before each step a network turns to its other weights with probability p. All begin with one message of N random
    bits ±1; their mean X is read by its signs, after T steps, where without flips all are back (T = N).
    p = 0: the orientation is quenched, and every bit returns. p = 1/2: annealed, drawn anew at each step.

    Exact for M → ∞: the mean is that of the coin of `StringNetwork` with p = (1 - e^{-2ε})/2, χ = 0; raw overlap
    = the probability that a persistent walker is where it began (`theory.strings`). For every M at p = 0, or where p
    is so small that no network flips: memory 1.

    Not to be confused with a string that noise shakes: each network keeps its message whole for ever, and what is lost
    is that they agree where it is. A reader who knew how far each network has turned would have all of it; the reader
    here has the mean X alone, one neuron a bit. Nor with learning: weights are given.

    The disorder draws two messages; noise draws the flips. A sum X = 0 is read as network 0 has it. Nothing has to
    converge: one revolution is the whole run.
    """

    neurons: int = parameter(256, units="1", minimum=4, maximum=2**13, quenched=True, doc="neurons N: bits written")
    networks: int = parameter(1000, units="1", minimum=1, maximum=10**7, doc="networks M of the ensemble")
    flips: float = parameter(
        1.0, units="1", minimum=0, doc="flips of a network expected in N steps, pN; p is at most 1/2"
    )
    revolutions: float = parameter(1.0, units="1", minimum=0, maximum=1000, doc="time over N steps, rounded")
    copies: int = copies_parameter()

    task: ClassVar[str | None] = "retention"
    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("coherence", "1", "coherence", may_be_nan=True, long_name="overlap |a·b|/N of the signs of two X"),
        Observable(
            "blind_coherence", "1", "blind_coherence", may_be_nan=True,
            long_name="overlap |a·c|/N, c with another message",
        ),
        Observable(
            "memory", "1", "memory", may_be_nan=True,
            long_name="mutual information of written and read bits / its maximum",
        ),
        Observable("bit_overlap", "1", long_name="signed overlap of written and read bits"),
        Observable("raw_overlap", "1", long_name="⟨X(T), X(0)⟩/⟨X(0), X(0)⟩, not normalised"),
        Observable("amplitude", "1", long_name="root mean square of X(T), 1 at the start"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.flips > self.neurons / 2:
            raise InputError(
                f"flips = {self.flips:g} in {self.neurons} steps is more than one in two: at most {self.neurons / 2:g}"
            )
        if self.steps < 1:
            raise InputError(f"revolutions = {self.revolutions:g} of {self.neurons} neurons is no step: raise it")
        draws = float(self.networks) * (1 + self.flips * self.revolutions)
        if draws > 1e9:
            raise InputError(
                f"networks = {self.networks} with flips = {self.flips:g} draws {draws:.2g} flips, of 1e9 allowed: "
                "lower networks, flips or revolutions"
            )
        check_memory(40.0 * self.neurons, f"neurons = {self.neurons}", "lower neurons")

    @property
    def steps(self) -> int:
        """Steps T from writing to reading."""
        return round(self.revolutions * self.neurons)

    def cost(self) -> float:
        """Nanoseconds, roughly."""
        spread = min(self.neurons, 2 * self.networks)
        draws = 25 * self.networks * (1 + self.flips * self.revolutions)
        return self.copies * (draws + 0.3 * spread * self.neurons) + 20_000

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        n = self.neurons
        messages = np.empty((2, n), np.int8)
        random_signs(np.array(disorder, np.uint64), messages.reshape(-1))
        out = {o.name: np.full(len(noise), np.nan) for o in self.observables}
        for k, stream in enumerate(noise):
            sums, read = self._read(messages[0], np.array(stream, np.uint64))
            overlap = int(read @ messages[0].astype(np.int64))
            counts = measures.binary_counts(overlap, messages[0].sum(dtype=np.int64), read.sum(), n)
            out["memory"][k] = measures.memory(counts)
            out["bit_overlap"][k] = overlap / n
            out["raw_overlap"][k] = (sums @ messages[0].astype(np.int64)) / (n * self.networks)
            out["amplitude"][k] = math.sqrt((sums.astype(np.float64) ** 2).mean()) / self.networks
            if self.copies == 3:
                for copy, name in ((1, "coherence"), (2, "blind_coherence")):
                    _, other = self._read(messages[copy - 1], jumped(stream, copy))
                    out[name][k] = abs(int(read @ other)) / n
        return out

    def _read(self, message: np.ndarray, stream: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """M X and the bits read from it, int64 (N,)."""
        counts, sums = np.empty(self.neurons, np.int64), np.empty(self.neurons, np.int64)
        first = strings.wander(stream, self.flips / self.neurons, self.steps, self.networks, counts)
        strings.superpose(message, counts, sums)
        return sums, np.where(sums == 0, np.roll(message, first), np.sign(sums))

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(neurons=32, networks=20, flips=2.0)
