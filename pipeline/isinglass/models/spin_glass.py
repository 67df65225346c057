"""Ising spins with random couplings around a planted pattern: equilibrium, and what is kept of a written state."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.kernels import glass
from isinglass.kernels.streams import jumped, random_signs
from isinglass.models.base import Model, Observable, check_memory, copies_parameter, parameter

COMPLETE_LIMIT = 8192
"""Spins of the complete graph at most: N² couplings of 8 bytes, 512 MiB."""

Sample = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class RandomBonds(Model):
    """The couplings that both models share: their parameters, their sample."""

    geometry: str = parameter(
        "square",
        units="1",
        choices=("square", "complete"),
        quenched=True,
        doc="square lattice, periodic, N = L² (Edwards-Anderson), or all pairs (Sherrington-Kirkpatrick)",
    )
    bonds: str = parameter(
        "bimodal",
        units="1",
        choices=("bimodal", "gaussian"),
        quenched=True,
        doc="distribution of the couplings in the gauge of the planted pattern: ±J, or normal",
    )
    spins: int = parameter(64, units="1", minimum=3, maximum=2**20, quenched=True, doc="number of spins N")
    aligned: float = parameter(
        0.5,
        units="1",
        minimum=0,
        maximum=1,
        quenched=True,
        doc="bimodal: probability p that a bond favours the planted pattern; 1/2 the glass, 1 the ferromagnet",
    )
    mean: float = parameter(
        0.0,
        units="1",
        minimum=0,
        quenched=True,
        doc="gaussian: mean J0 of a coupling along the pattern, standard deviation 1 (complete: J0/N, 1/√N)",
    )
    temperature: float = parameter(
        1.0, units="1", minimum=0.01, doc="k_B T/J; J of a bimodal bond or standard deviation of a Gaussian one"
    )
    equilibration: int = parameter(500, units="sweep", minimum=0, doc="sweeps before measuring; one = N updates")
    steps: int = parameter(500, units="sweep", minimum=4, doc="measured sweeps, the window")

    def __post_init__(self) -> None:
        super().__post_init__()
        square = self.geometry == "square"
        if square and (self.length < 3 or self.length**2 != self.spins):
            near = max(3, round(math.sqrt(self.spins))) ** 2
            raise InputError(f"spins = {self.spins} make no square lattice of L >= 3; take L², such as {near}")
        if not square and self.bonds == "bimodal":
            raise InputError("geometry = 'complete' takes Gaussian couplings here; set bonds = 'gaussian'")
        if not square and self.spins > COMPLETE_LIMIT:
            size = self.spins**2 / 2**27
            raise InputError(
                f"spins = {self.spins} on the complete graph take {size:.3g} GiB of couplings; at most {COMPLETE_LIMIT}"
            )
        if self.bonds == "bimodal" and self.mean:
            raise InputError(f"mean = {self.mean:g} belongs to bonds = 'gaussian'; bimodal bonds have aligned")
        if self.bonds == "gaussian" and self.aligned != 0.5:
            raise InputError(f"aligned = {self.aligned:g} belongs to bonds = 'bimodal'; Gaussian bonds have mean")

    @property
    def length(self) -> int:
        """Side L of the square lattice."""
        return math.isqrt(self.spins)

    @property
    def bond_mean(self) -> float:
        """Mean of a Gaussian coupling along the planted pattern."""
        return self.mean if self.geometry == "square" else self.mean / self.spins

    @property
    def bond_variance(self) -> float:
        """Variance of a Gaussian coupling."""
        return 1.0 if self.geometry == "square" else 1 / self.spins

    @property
    def bonds_per_spin(self) -> float:
        """Number of bonds over N: z/2."""
        return 2.0 if self.geometry == "square" else (self.spins - 1) / 2

    def update(self) -> float:
        """Nanoseconds of one update, roughly."""
        accepted = min(0.5, self.temperature / 3)
        return 11 + accepted * (6 if self.geometry == "square" else 0.15 * self.spins)

    def store(self, disorder: np.ndarray) -> Sample:
        """A sample: table, couplings (see `kernels.glass`), the planted pattern int8 (N,), the stream behind it."""
        stream, n = np.array(disorder, dtype=np.uint64), self.spins
        dense = self.geometry == "complete"
        planted = np.empty(n, np.int8)
        table, couplings = np.empty((n, 0 if dense else 4), np.int64), np.empty((n, n if dense else 4))
        glass.couple(stream, self.bonds == "bimodal", self.aligned, self.mean, planted, table, couplings)
        return table, couplings, planted, stream


@dataclass(frozen=True)
class SpinGlass(RandomBonds):
    """Equilibrium of N Ising spins with random couplings around a planted pattern ξ: E = -Σ_<ij> J_ij s_i s_j.

    J_ij = ξ_i ξ_j τ_ij. `bimodal`: τ = +1 with probability p, else -1 (random-bond Ising model; at p = 1/2 the ±J
    Edwards-Anderson model). `gaussian`: τ normal, mean J0, variance 1; on the complete graph J0/N and 1/N
    (Sherrington and Kirkpatrick). Heat bath, spins in the order 0..N-1.

    Exact for every size, averaged over disorder. On the Nishimori line, tanh(1/T) = 2p - 1 or T = 1/J0 (Nishimori,
    Prog. Theor. Phys. 66 (1981) 1169), the overlap m of a configuration with ξ has the distribution of the overlap q of
    two configurations: ⟨|m|⟩ = ⟨|q|⟩, ⟨m²⟩ = ⟨q²⟩; U/N = -(z/2) tanh(1/T), or -(z/2) J0. For Gaussian couplings at
    every T, by parts: U/N = -(bonds/N)(J0 ⟨ξ_i ξ_j s_i s_j⟩ + (σ²/T)(1 - q_link)); the SK model at J0 = 0 has
    U/N = -(1 - ⟨q²⟩)/2T. SK: T_c = 1. `identity` is the difference of the two sides; ±J couplings have no such identity
    at every T (NaN).

    Not to be confused with recall of a message: ξ is what the couplings favour, and m knows nothing of a start. With
    retention of a written state (`SpinGlassMemory`). With q of two times, which measures freezing: q here is of two
    independent runs. At p = 1/2, or J0 = 0, ξ has no meaning, and ⟨|m|⟩ is that of random signs, about 0.8/√N. In two
    dimensions the glass orders at T = 0 only.

    `rungs` > 1 couples as many temperatures from `temperature` to `hottest`, evenly spaced in the logarithm, by
    swaps (parallel tempering); everything but the ladder observables is at `temperature`. One simulation is two
    independent walks, from the pattern and from random spins. The disorder draws ξ, then the bonds; noise the rest.
    `converged` is 1 if energies show no drift and those of the two walks agree within 0.02 or twice their standard
    deviation. It is a weak test for a glass; the sharp ones are means over samples that must vanish: `energy_gap` and
    `overlap_gap` of the two walks, `identity`.
    """

    rungs: int = parameter(1, units="1", minimum=1, maximum=256, doc="temperatures of the ladder; 1: no tempering")
    hottest: float = parameter(
        3.0, units="1", minimum=0.01, doc="temperature of the last rung, where there are several"
    )

    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("planted_overlap", "1", long_name="|m|, overlap with the planted pattern"),
        Observable("replica_overlap", "1", long_name="|q|, overlap of two independent configurations"),
        Observable("planted_square", "1", long_name="m², squared overlap with the planted pattern"),
        Observable("replica_square", "1", long_name="q², squared overlap of two configurations"),
        Observable("overlap_difference", "1", long_name="|m| - |q|"),
        Observable("energy", "1", long_name="energy per spin E/N"),
        Observable("link_overlap", "1", long_name="mean over bonds of the product of two configurations' links"),
        Observable("identity", "1", may_be_nan=True, long_name="energy per spin less that of the Gaussian identity"),
        Observable("energy_gap", "1", long_name="energy per spin from the planted pattern less that from random spins"),
        Observable("overlap_gap", "1", long_name="|m| from the planted pattern less |m| from random spins"),
        Observable("round_trip", "sweep", may_be_nan=True, long_name="sweeps per round trip of a configuration"),
        Observable("ladder_energy", "1", dims=("rung",), long_name="energy per spin at each temperature"),
        Observable("ladder_replica_square", "1", dims=("rung",), long_name="q² at each temperature"),
        Observable(
            "ladder_acceptance",
            "1",
            dims=("rung",),
            long_name="accepted swaps with the next temperature, 0 at the last",
        ),
        Observable("converged", "1", dtype="int8", long_name="1: no drift, and both starts agree in energy"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rungs > 1 and self.hottest <= self.temperature:
            raise InputError(
                f"hottest = {self.hottest:g} is not above temperature = {self.temperature:g}: raise it or set rungs = 1"
            )
        needed = self.spins * (64 + 18 * self.rungs) + 160 * self.steps
        what = f"spins = {self.spins} on rungs = {self.rungs} with steps = {self.steps}"
        check_memory(needed, what, "lower one of them")

    def coords(self) -> dict[str, tuple[np.ndarray, dict[str, str]]]:
        """See `Model.coords`: the temperatures of the ladder, coldest first."""
        return {"rung": (self.ladder, {"units": "1", "long_name": "temperature of the ladder"})}

    @property
    def ladder(self) -> np.ndarray:
        """Temperatures (rungs,), coldest first."""
        return np.geomspace(self.temperature, self.hottest if self.rungs > 1 else self.temperature, self.rungs)

    def cost(self) -> float:
        """Nanoseconds, roughly: two walks over the ladder."""
        return 2 * self.rungs * self.spins * (self.equilibration + self.steps) * self.update()

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        sample = self.store(disorder)
        rows = [self._replica(sample, stream) for stream in noise]
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def _replica(self, sample: Sample, noise: np.ndarray) -> dict[str, float | np.ndarray]:
        table, couplings, planted, _ = sample
        n = self.spins
        series, ladder, trips = np.zeros((7, self.steps)), np.zeros((3, self.rungs)), np.zeros(1, np.int64)
        stream = np.array(noise, dtype=np.uint64)
        glass.temper(table, couplings, planted, 1 / self.ladder, self.equilibration, stream, series, ladder, trips)
        energies, planted_, q = series[:2] / n, series[2:4] / n, series[4] / n
        energy, link, planted_link = energies.mean(), series[5].mean(), series[6].mean()
        m = abs(planted_).mean(axis=1)
        expected = self.bond_mean * planted_link + self.bond_variance / self.temperature * (1 - link)
        gaps = energies.mean(axis=1)
        agree = abs(gaps[0] - gaps[1]) < max(0.02, 2 * energies.std(axis=1).max())
        ladder[:2] /= self.steps
        return {
            "planted_overlap": m.mean(),
            "replica_overlap": abs(q).mean(),
            "planted_square": (planted_**2).mean(),
            "replica_square": (q**2).mean(),
            "overlap_difference": m.mean() - abs(q).mean(),
            "energy": energy,
            "link_overlap": link,
            "identity": energy + self.bonds_per_spin * expected if self.bonds == "gaussian" else math.nan,
            "energy_gap": gaps[0] - gaps[1],
            "overlap_gap": m[0] - m[1],
            "round_trip": 2 * self.rungs * self.steps / trips[0] if trips[0] else math.nan,
            "ladder_energy": ladder[0] / n,
            "ladder_replica_square": ladder[1] / n**2,
            "ladder_acceptance": ladder[2] / self._tries(),
            "converged": bool(agree and measures.steady(energies).all()),
        }

    def _tries(self) -> np.ndarray:
        """How often a swap of each rung with the next was tried in the window: by two walks, at every other sweep."""
        odd = np.arange(self.rungs) % 2
        begin, end = ((t + 1 - odd) // 2 for t in (self.equilibration, self.equilibration + self.steps))
        return np.asarray(2 * (end - begin))

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(spins=16, aligned=0.8, temperature=1.2, rungs=3, equilibration=4, steps=8)


@dataclass(frozen=True)
class SpinGlassMemory(RandomBonds):
    """What Ising spins with random couplings keep of a random state w that was written into them: retention.

    Couplings, energy and heat bath of `SpinGlass`; no tempering, which would carry the state away. All copies move in
    the same couplings: a and b start at message 0, c at message 1, both N random signs. The message is read from the
    signs of the spins; `memory` is bits per spin, to the correction for a finite N, and a sweep with an overlap <= 0
    with the written state counts 0. p = 1 is the ferromagnet after a quench (retention by slow domains), p = 1/2 the
    ±J Edwards-Anderson model. Exact: nothing is kept at equilibrium, where a sample's coherence and blind coherence
    agree; without couplings, or T → ∞, one sweep forgets everything.

    Not to be confused with recall of stored patterns: the couplings know nothing of w, they only hold what is written.
    With stability of a ground state. With domains that carry a bit each: here every spin is one.

    The disorder draws the pattern and the bonds of `SpinGlass`, then messages 0 and 1. `converged` is 1 if the overlap
    shows no drift in the window: for ageing glasses it means slow, not equilibrium.
    """

    copies: int = copies_parameter()

    task: ClassVar[str | None] = "retention"
    observables: ClassVar[tuple[Observable, ...]] = (
        Observable(
            "coherence", "1", "coherence", may_be_nan=True, long_name="overlap |a·b|/N of two copies of a state"
        ),
        Observable(
            "blind_coherence", "1", "blind_coherence", may_be_nan=True, long_name="overlap |a·c|/N, c wrote another"
        ),
        Observable(
            "memory", "1", "memory", may_be_nan=True, long_name="mutual information of written and read / its maximum"
        ),
        Observable("written_overlap", "1", long_name="signed overlap with the written state, window mean"),
        Observable("planted_overlap", "1", long_name="|m|, overlap with the planted pattern, window mean"),
        Observable("trace", "1", dims=("time",), long_name="signed overlap with the written state in time"),
        Observable("converged", "1", dtype="int8", long_name="1: the overlap shows no drift in the window"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        needed = self.copies * self.spins * self.steps + 64 * self.spins
        needed += (16 * self.copies + 8) * (self.equilibration + self.steps) + 300 * self.steps
        what = f"spins = {self.spins} over steps = {self.steps} (the states of the window)"
        what += f" after equilibration = {self.equilibration}" if self.equilibration > self.steps else ""
        check_memory(needed, what, "lower one of them")

    def coords(self) -> dict[str, tuple[np.ndarray, dict[str, str]]]:
        """See `Model.coords`: the sweeps of the trace, eight to a decade."""
        return {"time": (self.times, {"units": "sweep", "long_name": "sweeps since writing"})}

    @property
    def times(self) -> np.ndarray:
        """Sweeps of the trace, int64, and the last one."""
        total = self.equilibration + self.steps
        spaced = np.round(10 ** (np.arange(8 * int(math.log10(total)) + 9) / 8)).astype(np.int64)
        return np.unique(np.append(spaced[spaced < total], total))

    def cost(self) -> float:
        """Nanoseconds, roughly."""
        return self.copies * self.spins * ((self.equilibration + self.steps) * (self.update() + 1) + 3 * self.steps)

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        table, couplings, planted, stream = self.store(disorder)
        messages = np.empty((2, self.spins), np.int8)
        for message in messages:
            random_signs(stream, message)
        rows = [self._replica((table, couplings, planted, messages), stream) for stream in noise]
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def _replica(self, sample: Sample, noise: np.ndarray) -> dict[str, float | np.ndarray]:
        table, couplings, planted, messages = sample
        n = self.spins
        sums = np.zeros((self.copies, 2, self.equilibration + self.steps), np.int64)
        states = np.empty((self.copies, self.steps, n), np.int8)
        for c in range(self.copies):
            message = messages[1 if c == 2 else 0]
            glass.retain(table, couplings, 1 / self.temperature, jumped(noise, c), message, sums[c], states[c])
        overlap = sums[0, 0] / n
        product, readout = sums[0, :, self.equilibration :]
        memory = measures.memory(measures.binary_counts(product, int(messages[0].sum()), readout, n))
        memory = np.where(product <= 0, 0 * memory, memory)  # NaN stays
        pairs = [abs(measures.overlap(states[0], other)).mean() for other in states[1:]]
        return {
            "coherence": pairs[0] if pairs else math.nan,
            "blind_coherence": pairs[1] if pairs else math.nan,
            "memory": memory.mean(),
            "written_overlap": overlap[self.equilibration :].mean(),
            "planted_overlap": abs(measures.overlap(states[0], planted)).mean(),
            "trace": overlap[self.times - 1],
            "converged": bool(measures.steady(overlap[self.equilibration :])),
        }

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(spins=36, aligned=0.8, temperature=0.5, equilibration=4, steps=8)
