"""A magnet as a storage medium: random bits written into blocks of Ising spins, and what remains of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.kernels import ising
from isinglass.kernels.bernoulli import BANK, open_bank
from isinglass.kernels.streams import random_signs
from isinglass.models.base import Model, Observable, check_memory, copies_parameter, parameter

RULES = {"heat_bath": ising.HEAT_BATH, "metropolis": ising.METROPOLIS}


@dataclass(frozen=True)
class IsingStorage(Model):
    """A square Ising magnet, E = -Σ_<ij> s_i s_j, L x L, periodic, into which random bits are written.

    Each bit sets all spins of a block of l x l; then the magnet is left to itself at temperature T, by heat bath or by
    Metropolis on a checkerboard, one step an update of every spin (see `Ising`). A bit is read as the majority of its
    block, a tie by its first spin.

    Below T_c domains grow, as time^(1/2) where walls are driven by their curvature, and the magnet orders: what is
    written is lost after about l² steps while |m| and coherence grow. Above T_c a block's magnetisation m(t) decays as
    that of a uniform magnet, and is read while l m(t) exceeds its fluctuations: `theory.ising.half_life`, τ ln l.

    Not to be confused with memories of stored patterns: nothing is stored in couplings, the task is retention. Nor
    order with memory: at low T the magnet ends in full order and knows nothing. Nor heat bath with Metropolis: their
    equilibria are equal, their clocks are not.

    The disorder draws two messages, (L/l)² bits each; noise draws the updates, of 64 replicas in a word, copies a, b
    and c each with a word of their own. `memory` and both coherences are of the last step; `memory_trace` is of
    `records` times, about evenly spaced in the logarithm. With few blocks (L/l)² its correction for finite samples is
    poor: 64 are safe. Nothing equilibrates here; `censored` flags runs that end before their bits are lost.
    """

    length: int = parameter(64, units="1", minimum=4, maximum=2048, quenched=True, doc="sites L along an edge; even")
    block: int = parameter(8, units="1", minimum=1, quenched=True, doc="sites l along the edge of a bit; divides L")
    temperature: float = parameter(1.5, units="1", minimum=0, doc="k_B T in units of the coupling J")
    dynamics: str = parameter("heat_bath", units="1", choices=tuple(RULES), doc="how spins are updated")
    age: float = parameter(
        1.0,
        units="step",
        minimum=0,
        maximum=1e6,
        doc="steps from writing to reading for each spin of a block: t = age·l², rounded",
    )
    records: int = parameter(24, units="1", minimum=1, maximum=4096, doc="times up to then at which memory is read")
    copies: int = copies_parameter()

    lanes: ClassVar[int] = 64
    task: ClassVar[str | None] = "retention"
    observables: ClassVar[tuple[Observable, ...]] = (
        Observable(
            "coherence", "1", "coherence", may_be_nan=True, long_name="overlap |a·b|/N of two copies written alike"
        ),
        Observable(
            "blind_coherence", "1", "blind_coherence", may_be_nan=True,
            long_name="overlap |a·c|/N, c with another message",
        ),
        Observable(
            "memory", "1", "memory", may_be_nan=True,
            long_name="mutual information of written and read bits / its maximum",

        ),
        Observable("bit_overlap", "1", long_name="signed overlap of written and read bits, last step"),
        Observable("spin_overlap", "1", long_name="signed overlap of the spins with what was written, last step"),
        Observable("magnetisation", "1", long_name="|m| = |Σ s_i|/N, last step"),
        Observable("retention_time", "step", may_be_nan=True, long_name="last time at which memory is 1/2"),
        Observable("first_crossing", "step", may_be_nan=True, long_name="first time at which memory is 1/2"),
        Observable("censored", "1", dtype="int8", long_name="1: memory is above 1/2 at the end"),
        Observable("memory_trace", "1", dims=("time",), may_be_nan=True, long_name="memory in time"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.length % 2:
            raise InputError(f"length = {self.length} is odd, and the checkerboard needs an even one: add 1")
        if self.length % self.block:
            raise InputError(f"block = {self.block} does not divide length = {self.length}: take a multiple of it")
        if self.length < 2 * self.block:
            raise InputError(f"length = {self.length} holds a single block of {self.block}: at least {2 * self.block}")
        if self.steps < 1:
            raise InputError(f"age = {self.age:g} is less than one step of a block of {self.block}: raise age or block")
        bits = (self.length // self.block) ** 2
        needed = self.lanes * bits * (8 + 3 * self.times.size) + self.length**2 * (8 * self.copies + 20)
        what = f"length = {self.length} with {bits} bits of 64 replicas, read at {self.times.size} times,"
        check_memory(needed, what, "lower length or records, or raise block")

    @property
    def steps(self) -> int:
        """Steps t from writing to reading."""
        return round(self.age * self.block**2)

    @property
    def times(self) -> np.ndarray:
        """The steps after which memory is read, int64, rising; the last is the end."""
        return np.unique(np.round(np.geomspace(1, self.steps, self.records)[::-1])).astype(np.int64)

    def coords(self) -> dict[str, tuple[Any, dict[str, str]]]:
        """See `Model.coords`."""
        return {"time": (self.times, {"units": "step", "long_name": "steps since writing"})}

    def cost(self) -> float:
        """Nanoseconds, roughly."""
        return self.length**2 * (0.1 * self.copies * self.steps + 0.3 * self.times.size) + 8000

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        blocks = self.length // self.block
        messages = np.empty((2, blocks, blocks), np.int8)
        random_signs(np.array(disorder, np.uint64), messages.reshape(-1))
        groups = [self._group(messages, noise[first]) for first in range(0, len(noise), self.lanes)]
        return {o.name: np.concatenate([group[o.name] for group in groups]) for o in self.observables}

    def _group(self, messages: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """The observables of the replicas of one word, driven by `noise`, uint64 (4,)."""
        sites, times, shape = self.length**2, self.times, (*messages.shape[1:], self.lanes)
        bits, sums = np.empty((times.size, *shape), np.int8), np.empty(shape, np.int64)
        ends = []
        for copy in range(self.copies):
            message = messages[1 if copy == 2 else 0]
            lattice = self._written(message)
            bank, dither = np.empty((4, BANK), np.uint64), np.empty(4, np.uint64)
            open_bank(np.array(noise, np.uint64), copy, bank, dither)
            past = 0
            for k, time in enumerate(times if copy == 0 else times[-1:]):
                self._evolve(lattice, bank, dither, int(time) - past)
                past = int(time)
                if copy == 0:
                    ising.read(lattice, sums, bits[k])
            ends.append(lattice)
        memory, overlap = _memory(messages[0], bits)
        first, last = zip(*(measures.crossings(times.astype(float), row, 0.5) for row in memory), strict=True)
        known = ~np.isnan(memory[:, -1])
        pairs = [abs(_overlap(ends[0], other)) / sites for other in ends[1:]]
        nothing = np.full(self.lanes, np.nan)
        return {
            "coherence": pairs[0] if pairs else nothing,
            "blind_coherence": pairs[1] if pairs else nothing,
            "memory": memory[:, -1],
            "bit_overlap": overlap[:, -1],
            "spin_overlap": _overlap(ends[0], self._written(messages[0])) / sites,
            "magnetisation": abs(2 * sums.sum(axis=(0, 1)) / sites - 1),
            "retention_time": np.where(known, last, np.nan),
            "first_crossing": np.where(known, first, np.nan),
            "censored": memory[:, -1] >= 0.5,
            "memory_trace": memory,
        }

    def _written(self, message: np.ndarray) -> np.ndarray:
        lattice = np.empty((2, self.length, self.length // 2 + 2), np.uint64)
        ising.write(lattice, message)
        return lattice

    def _evolve(self, lattice: np.ndarray, bank: np.ndarray, dither: np.ndarray, steps: int) -> None:
        unmeasured = np.empty((0, self.lanes), np.int64)
        rule = RULES[self.dynamics]
        ising.run(lattice, rule, self.temperature, bank, dither, steps, 1, unmeasured, unmeasured)

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(length=16, block=2, temperature=2.0, age=2.0, records=3)


def _overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    out = np.empty(64, np.int64)
    ising.overlaps(a, b, out)
    return out


def _memory(message: np.ndarray, bits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Memory and signed overlap (replica, time) of a message (B, B) read as (time, B, B, replica)."""
    read = np.moveaxis(bits, -1, 0).reshape(bits.shape[-1], len(bits), -1)
    n = message.size
    overlap = (read * message.reshape(-1)).sum(axis=-1, dtype=np.int64)
    counts = measures.binary_counts(overlap, message.sum(dtype=np.int64), read.sum(axis=-1, dtype=np.int64), n)
    return measures.memory(counts), overlap / n
