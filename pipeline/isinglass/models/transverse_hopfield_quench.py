"""A stored pattern written into spins and left to a transverse field: as classical vectors, or as a quantum state."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.kernels import hartree, statevector
from isinglass.kernels.streams import jumped
from isinglass.models.base import Model, Observable, copies_parameter, parameter
from isinglass.models.transverse_hopfield import check_load
from isinglass.models.transverse_quench import memory

MOST = 25
"""Spins of an exact state: 2^N times 29 bytes are below 2^30."""
READINGS = 2**26
"""Measured spins held at once: three copies, times, shots."""
DRIFT = 1e-3
"""Of the energy per spin, over 1 + Γ + α, in a converged run."""


@dataclass(frozen=True)
class TransverseHopfieldQuench(Model):
    """N spins written as the stored pattern |ξ⟩, and left at time 0 to a transverse field Γ.

    H = -½ Σ_{i≠j} J_ij Z_i Z_j - Γ Σ_i X_i, J_ij = (1/N) Σ_μ ξ_i^μ ξ_j^μ, P = αN patterns, no dissipation. `dynamics`:
    `product`, a *classical vector* S_i a spin (Hartree, time-dependent mean field), dS_i/dt = 2 S_i × (Γ, 0, h_i) with
    h_i = Σ_j J_ij S_j^z, from S_i = (0, 0, ξ_i); or `exact`, the quantum state of all spins, 2^N amplitudes. Both by
    Strang steps of the two parts of H, second order in dt; a vector's length is kept by every step. Energies in units
    of the field of a stored pattern, times in ħ over that.

    Exact: for P = 1 any N (`theory.transverse_hopfield.one_pattern_quench`); `product` with P = 1, N → ∞ keeps the
    sign of the pattern below Γ_d = 1/2 and loses it above: energy -½ against -Γ at ⟨Z⟩ = 0. Mean field is exact for
    P = 1 and N → ∞ at a fixed time; nothing of the kind is claimed for P = αN.

    Not to be confused with `transverse-hopfield` (a minimum, reached by dissipation: it holds up to Γ_M, twice this
    field at small loads), with annealing, or ⟨X⟩ with coherence: that is polarisation. A product state has pure spins:
    `single_spin_purity` below 1 is entanglement, and only `exact` has it. Small systems revive: `retention_time` is the
    last crossing of 1/2, `first_crossing` the first.

    The disorder draws the patterns, N signs after N signs; 0 and 1 are the messages. Neither dynamics is random: copies
    a and b differ in their measurements, all Z_i in each of `shots` preparations at each recorded time, drawn from
    noise, and c begins in message 1. `memory` is that of N·shots pairs (ξ_i, outcome). `retention` is exact for the
    state and averaged over every step of the window. `converged`: energy per spin kept within 0.001 (1 + Γ + α) and the
    norm (or every vector's length) within 1e-9, at recorded times.
    """

    spins: int = parameter(400, units="1", minimum=2, maximum=65536, quenched=True, doc="number of spins N")
    load: float = parameter(0.05, units="1", minimum=1e-6, quenched=True, doc="requested load α = P/N; P is rounded")
    field: float = parameter(
        0.4, units="1", minimum=0, maximum=1e3, doc="transverse field Γ in units of the field of a stored pattern"
    )
    dynamics: str = parameter(
        "product", units="1", choices=("product", "exact"), doc="classical vectors (Hartree), or the whole state"
    )
    time_step: float = parameter(0.05, units="1", minimum=1e-6, maximum=1, doc="time step dt over ħ/J")
    equilibration: int = parameter(400, units="step", minimum=0, maximum=10**7, doc="steps before the measured window")
    steps: int = parameter(800, units="step", minimum=2, maximum=10**7, doc="measured steps, the window")
    records: int = parameter(
        24, units="1", minimum=1, doc="times, evenly spaced over the whole run, at which all else is read"
    )
    shots: int = parameter(16, units="1", minimum=1, maximum=2**20, doc="preparations of each copy that are measured")
    copies: int = copies_parameter()

    task: ClassVar[str | None] = "retention"
    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("coherence", "1", "coherence", may_be_nan=True, long_name="overlap |a·b|/N of two copies' readouts"),
        Observable(
            "blind_coherence", "1", "blind_coherence", may_be_nan=True,
            long_name="overlap |a·c|/N, c with another message",
        ),
        Observable(
            "memory", "1", "memory", may_be_nan=True,
            long_name="mutual information of written and measured spins / its maximum",
        ),
        Observable("retention", "1", long_name="Σ ξ_i ⟨Z_i⟩/N, mean over every step of the window"),
        Observable("polarisation", "1", long_name="⟨X⟩, mean over spins and window"),
        Observable("freezing", "1", long_name="Σ ⟨Z_i⟩²/N, window mean"),
        Observable("single_spin_purity", "1", long_name="tr ρ_i², mean over spins and window; 1 in a product state"),
        Observable(
            "coherence_entropy", "bit", long_name="relative entropy of coherence per spin, z basis, window mean"
        ),
        Observable("retention_time", "1", long_name="last time ħ/J at which retention is 1/2"),
        Observable("first_crossing", "1", long_name="first time ħ/J at which retention is 1/2"),
        Observable("censored", "1", dtype="int8", long_name="1: retention is above 1/2 at the end"),
        Observable("retention_trace", "1", dims=("time",), long_name="retention in time"),
        Observable("polarisation_trace", "1", dims=("time",), long_name="⟨X⟩ in time"),
        Observable("energy_drift", "1", long_name="largest change of energy per spin"),
        Observable("realised_load", "1", long_name="stored patterns per spin P/N"),
        Observable("converged", "1", dtype="int8", long_name="1: energy and norm are kept"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        check_load(self.load, self.spins)
        fastest = self.field + (1 + math.sqrt(self.stored / self.spins)) ** 2
        if fastest * self.time_step > 0.25:
            raise InputError(
                f"time_step = {self.time_step:g} is too long for field = {self.field:g} and load = {self.load:g}: "
                f"(Γ + (1 + √α)²) dt is above 0.25; at most {0.25 / fastest:.3g}"
            )
        if self.dynamics == "exact" and self.spins > MOST:
            raise InputError(
                f"spins = {self.spins} with dynamics = 'exact' needs 2^{self.spins} amplitudes, more than 2^30 bytes; "
                f"at most spins = {MOST}, or dynamics = 'product'"
            )
        if self.dynamics == "exact" and self.stored * self.spins**2 > 2**22:
            raise InputError(
                f"load = {self.load:g} stores P = {self.stored} patterns, too many for dynamics = 'exact': more "
                "than 2^22 energies; lower load"
            )
        if 3 * self.times.size * self.shots * self.spins > READINGS:
            raise InputError(
                f"records = {self.times.size} and shots = {self.shots} of {self.spins} spins are more than 2^26 "
                "readings: lower records or shots"
            )

    @property
    def stored(self) -> int:
        """Number of stored patterns P."""
        return round(self.load * self.spins)

    @property
    def times(self) -> np.ndarray:
        """The steps after which everything is read, int64; the last is the end."""
        total = self.equilibration + self.steps
        count = min(self.records, total)
        return np.asarray(np.arange(1, count + 1) * total // count)

    def coords(self) -> dict[str, tuple[Any, dict[str, str]]]:
        """See `Model.coords`."""
        return {"time": (self.times * self.time_step, {"units": "1", "long_name": "time since writing J t/ħ"})}

    def cost(self) -> float:
        """Nanoseconds, roughly: steps of each state, readings of each."""
        steps, readings = self.equilibration + self.steps, 5.0 * self.spins * self.times.size * self.shots * self.copies
        one = 2.0**self.spins * (3 + 0.3 * self.spins) if self.dynamics == "exact" else self.spins * (60 + self.stored)
        return one * steps * ((self.copies + 1) // 2) + readings + 1e5 * self.times.size + 2e6  # the last two: Python

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`. The states are those of the sample; replicas differ in what is measured.

        Replicas whose readings are more than READINGS numbers together run in groups, the states once for each.
        """
        group = max(1, READINGS // (3 * self.times.size * self.shots * self.spins))
        parts = [self._group(disorder, noise[k : k + group]) for k in range(0, len(noise), group)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _group(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        patterns = hartree.random_patterns(disorder, self.spins, self.stored)
        run = self._exact if self.dynamics == "exact" else self._product
        streams = [[jumped(n, c) for c in range(self.copies)] for n in noise]
        shots = np.empty((len(noise), self.copies, self.times.size, self.shots, self.spins), np.int8)
        state = run(patterns, [s for row in streams for s in row[:2]], [x for row in shots for x in row[:2]])
        if self.copies == 3:
            other = np.ascontiguousarray(np.roll(patterns, -1, axis=1))  # the other message in front
            run(other, [row[2] for row in streams], [row[2] for row in shots])
        energy = float(-0.5 * ((patterns.T.astype(int) @ patterns[:, 0] / self.spins) ** 2).sum())  # of |ξ⟩
        state["energy"] -= energy + 0.5 * self.stored / self.spins
        rows = [self._observe(patterns[:, 0], state, row) for row in shots]
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def _product(
        self, patterns: np.ndarray, streams: list[np.ndarray], shots: list[np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Classical vectors from pattern 0: `series`, retention after every step, and at the recorded times (times,).

        These are Bloch vectors (times, 3, N), entropies of what is measured in bits a spin, energies, deviations of the
        norm. `shots` takes readouts, int8 (times, shots, N) for each stream.
        """
        n = self.spins
        x, y, z = np.zeros(n), np.zeros(n), patterns[:, 0].astype(np.float64)
        series, overlap = np.empty(self.equilibration + self.steps), np.empty(self.stored)
        out = self._blank()
        for k, (begin, end) in enumerate(zip([0, *self.times[:-1]], self.times, strict=True)):
            hartree.precess(patterns, self.field, self.time_step, x, y, z, series[begin:end])
            out["bloch"][k] = x, y, z
            hartree.overlaps(patterns, z, overlap)
            square = (z * z).mean() * self.stored / n
            out["energy"][k] = -0.5 * ((overlap * overlap).sum() - square) - self.field * x.mean()
            out["norm"][k] = abs(x * x + y * y + z * z - 1).max()
            out["entropy"][k] = 1 - measures.binary_information(z).mean()
            for stream, rows in zip(streams, shots, strict=True):
                hartree.measure(z, stream, rows[k])
        return {**out, "series": series}

    def _exact(self, patterns: np.ndarray, streams: list[np.ndarray], shots: list[np.ndarray]) -> dict[str, np.ndarray]:
        """The same for the state vector."""
        n, size = self.spins, 2**self.spins
        masks = ((patterns.T < 0).astype(np.uint64) << np.arange(n, dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
        levels, first = np.empty(size, np.int32), np.empty(size, np.int8)
        hartree.squares(masks, n, levels, first)
        re, im, cumulative = np.zeros(size), np.zeros(size), np.empty(size)
        re[int(masks[0])] = 1.0
        series, states = np.empty(self.equilibration + self.steps), np.empty(self.shots, np.int64)
        out = self._blank()
        for k, (begin, end) in enumerate(zip([0, *self.times[:-1]], self.times, strict=True)):
            hartree.evolve(re, im, levels, first, n, self.field, self.time_step, series[begin:end])
            plain, squares = statevector.read(re, im, levels, cumulative)
            statevector.bloch(re, im, n, out["bloch"][k])
            out["energy"][k] = -0.5 * (squares / n - self.stored) / n - self.field * out["bloch"][k, 0].mean()
            out["norm"][k], out["entropy"][k] = abs(cumulative[-1] - 1), plain / n
            for stream, rows in zip(streams, shots, strict=True):
                statevector.measure(cumulative, stream, states)
                rows[k] = 1 - 2 * (states[:, None] >> np.arange(n) & 1)
        return {**out, "series": series}

    def _blank(self) -> dict[str, np.ndarray]:
        count = self.times.size
        blank = {name: np.empty(count) for name in ("energy", "norm", "entropy")}
        return {"bloch": np.empty((count, 3, self.spins)), **blank}

    def _observe(self, message: np.ndarray, state: dict[str, np.ndarray], shots: np.ndarray) -> dict[str, Any]:
        """The observables of one replica: `state` of copy a, `shots` int8 (copies, times, shots, N)."""
        window, series = self.times > self.equilibration, state["series"]
        x, y, z = np.moveaxis(state["bloch"], 1, 0)
        spins = shots[:, window]
        pairs = [abs(measures.overlap(spins[0], other)).mean() for other in spins[1:]]
        first, last = measures.crossings(np.arange(1, series.size + 1) * self.time_step, series, 0.5)
        load = self.stored / self.spins
        drift = abs(state["energy"]).max()
        return {
            "coherence": pairs[0] if pairs else math.nan,
            "blind_coherence": pairs[1] if pairs and self.stored > 1 else math.nan,
            "memory": memory(message, spins[0]),
            "retention": series[self.equilibration :].mean(),
            "polarisation": x[window].mean(),
            "freezing": (z * z)[window].mean(),
            "single_spin_purity": ((1 + x**2 + y**2 + z**2) / 2)[window].mean(),
            "coherence_entropy": state["entropy"][window].mean(),
            "retention_time": last,
            "first_crossing": first,
            "censored": series[-1] >= 0.5,
            "retention_trace": series[self.times - 1],
            "polarisation_trace": x.mean(axis=-1),
            "energy_drift": drift,
            "realised_load": load,
            "converged": drift < DRIFT * (1 + self.field + load) and state["norm"].max() < 1e-9,
        }

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(spins=40, load=0.05, equilibration=4, steps=6, records=5, shots=2)
