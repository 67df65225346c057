"""A pattern written into a ring of quantum spins, then left to a transverse field: what is still read of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.kernels import statevector
from isinglass.kernels.streams import jumped, random_signs
from isinglass.measures import crossings
from isinglass.models.base import Model, Observable, copies_parameter, parameter


@dataclass(frozen=True)
class TransverseQuench(Model):
    """N spins written as |ξ⟩, ξ_i = ±1 of Z_i, and left at time 0 to H = -Σ J_i Z_i Z_{i+1} - h Σ X_i.

    Couplings on a ring: `uniform` J_i = 1, or `stored` J_i = ξ_i ξ_{i+1} of message 0 (Mattis): the pattern is then a
    ground state at h = 0, and everything is the ferromagnet in other coordinates. Rate γ > 0: dephasing by the Lindblad
    operators √(γ/2) Z_i, unravelled in trajectories: each spin gets a Z with probability (1 - e^{-γτ})/2 in a time τ.
    Strang steps exp(-iH_Z dt/2) exp(-iH_X dt) exp(-iH_Z dt/2), second order in dt. Energies in J, times in ħ/J.

    Exact: ⟨X⟩(t) from |→⟩^N at γ = 0 by free fermions (`theory.transverse_ising.polarised_quench`; `start` =
    polarised). With stored couplings and γ = 0 a reader of all spins together who knows nothing of the couplings gets
    1 - `coherence_entropy` bits a spin: outcome and pattern differ by flips that do not depend on the pattern.

    Not to be confused with annealing or recall (nothing is cued, no ground state is sought: `memory` is of the written
    state, task retention), with thermal decay (γ = 0 is unitary; small rings revive), nor ⟨X⟩ with coherence: that is
    polarisation. `coherence` is the overlap of two copies' readouts. Quantum coherence has its own name,
    `coherence_entropy`: the relative entropy of coherence in the z basis, at γ = 0 the entropy of what is measured, per
    spin; `total_correlation` is what the entropies of single spins exceed it by. With dephasing these and
    `spin_information` are undefined here (NaN): the entropy of a mean over few trajectories is not that of ρ. The
    purity is without bias there, from the squares of single trajectories (NaN of one shot).

    The disorder draws the two messages. A copy is read by measurement: at each recorded time all Z_i are measured in
    each of `shots` preparations, each with a state of its own (what is measured is not evolved further). Noise draws
    measurements and dephasing. `memory` is that of N·shots pairs (ξ_i, outcome), one spin at a time: a reader of all
    spins together may know more. `retention` is Σ ξ_i ⟨Z_i⟩/N, exact for the state (dephased: mean over the shots of
    copy a). `converged`: at γ = 0 the energy per spin stays within 0.01 (J + h); the norm within 10⁻⁹.
    """

    spins: int = parameter(10, units="1", minimum=3, maximum=60, quenched=True, doc="number of spins N")
    couplings: str = parameter(
        "uniform", units="1", choices=("uniform", "stored"), doc="J_i = 1, or J_i = ξ_i ξ_{i+1} of message 0"
    )
    start: str = parameter(
        "written", units="1", choices=("written", "polarised"), doc="the message, or all spins along x (no message)"
    )
    field: float = parameter(1.0, units="1", minimum=0, maximum=1e3, doc="transverse field h/J")
    rate: float = parameter(0.0, units="1", minimum=0, maximum=1e3, doc="dephasing rate ħγ/J")
    time_step: float = parameter(0.05, units="1", minimum=1e-6, maximum=1, doc="time step dt J/ħ")
    equilibration: int = parameter(200, units="step", minimum=0, maximum=2**40, doc="steps before the measured window")
    steps: int = parameter(200, units="step", minimum=2, maximum=2**40, doc="measured steps, the window")
    records: int = parameter(
        20, units="1", minimum=1, maximum=2**20, doc="times, evenly spaced over the whole run, at which Z is read"
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
        Observable("retention", "1", may_be_nan=True, long_name="Σ ξ_i ⟨Z_i⟩/N, window mean"),
        Observable("transverse_magnetisation", "1", long_name="⟨X⟩, window mean"),
        Observable(
            "single_spin_purity", "1", may_be_nan=True, long_name="tr ρ_i², mean over spins and window, without bias"
        ),
        Observable(
            "spin_information", "bit", may_be_nan=True,
            long_name="1 - entropy of a single Z_i, mean over spins and window",
        ),
        Observable(
            "coherence_entropy", "bit", may_be_nan=True,
            long_name="relative entropy of coherence per spin, z basis, window mean",
        ),
        Observable(
            "total_correlation", "bit", may_be_nan=True,
            long_name="entropies of single Z less that of all, per spin, window mean",
        ),
        Observable("retention_time", "1", may_be_nan=True, long_name="last time ħ/J at which retention is 1/2"),
        Observable("first_crossing", "1", may_be_nan=True, long_name="first time ħ/J at which retention is 1/2"),
        Observable("censored", "1", dtype="int8", long_name="1: retention is above 1/2 at the end"),
        Observable("retention_trace", "1", dims=("time",), may_be_nan=True, long_name="retention in time"),
        Observable("transverse_trace", "1", dims=("time",), long_name="⟨X⟩ in time"),
        Observable("energy_drift", "1", may_be_nan=True, long_name="largest change of energy per spin over J"),
        Observable("converged", "1", dtype="int8", long_name="1: energy (γ = 0) and norm are kept"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        statevector.check_memory(self.spins, 2**self.spins, 3 * 8 + 1)
        if self.field * self.time_step > 0.5:
            raise InputError(
                f"time_step = {self.time_step:g} is too long for field = {self.field:g}: their product is above 0.5; "
                "lower time_step"
            )
        if self.rate * self.time_step > 0.5:
            raise InputError(
                f"time_step = {self.time_step:g} is too long for rate = {self.rate:g}: their product is above 0.5; "
                "lower time_step"
            )
        if 3 * self.times.size * self.shots * self.spins > 2**26:
            raise InputError(
                f"records = {self.times.size} and shots = {self.shots} of {self.spins} spins are more than 2^26 "
                "readings: lower records or shots"
            )

    @property
    def times(self) -> np.ndarray:
        """The steps after which spins are read, int64; the last is the end."""
        total = self.equilibration + self.steps
        count = min(self.records, total)
        return np.asarray(np.arange(1, count + 1) * total // count)

    def coords(self) -> dict[str, tuple[Any, dict[str, str]]]:
        """See `Model.coords`."""
        return {"time": (self.times * self.time_step, {"units": "1", "long_name": "time since writing J t/ħ"})}

    def cost(self) -> float:
        """Nanoseconds, roughly: steps of each state, readings of each."""
        steps, size = self.equilibration + self.steps, 2.0**self.spins
        one = size * (self.spins * 0.3 * steps + (3 * self.spins + 10) * self.times.size)
        return one * (self.copies * self.shots if self.rate > 0 else (self.copies + 1) // 2)

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`. Without dephasing the states are those of the sample, and replicas differ in shots."""
        messages = written(disorder, self.spins)
        bits = [int(sum(1 << i for i in range(self.spins) if m[i] < 0)) for m in messages]
        bond = np.empty(2**self.spins, np.int8)
        statevector.bonds(self.spins, bits[0] if self.couplings == "stored" else 0, bond)
        streams = np.array([[jumped(n, c) for c in range(self.copies)] for n in noise])
        shape = (len(noise), self.copies, self.times.size, self.shots)
        shots, rows = np.empty(shape, np.int64), []
        if self.rate == 0:
            known = self._run(bits[0], bond, list(streams[:, :2].reshape(-1, 4)), shots[:, :2].reshape(-1, *shape[2:]))
            shots[:, :2] = known.pop("shots").reshape(shots[:, :2].shape)
            if self.copies == 3:
                shots[:, 2] = self._run(bits[1], bond, list(streams[:, 2]), shots[:, 2].copy())["shots"]
            rows = [known] * len(noise)
        else:
            for r in range(len(noise)):
                for c in range(self.copies):
                    runs = [
                        self._run(bits[c == 2], bond, [streams[r, c]], shots[r, c, None, :, :1].copy())
                        for _ in range(self.shots)
                    ]
                    shots[r, c] = np.concatenate([run["shots"][0] for run in runs], axis=-1)
                    if c == 0:
                        rows.append({k: np.mean([run[k] for run in runs], axis=0) for k in runs[0] if k != "shots"})
        found = [self._observe(messages[0], row, shot) for row, shot in zip(rows, shots, strict=True)]
        return {o.name: np.array([f[o.name] for f in found], dtype=o.dtype) for o in self.observables}

    def _run(self, bits: int, bond: np.ndarray, streams: list[np.ndarray], shots: np.ndarray) -> dict[str, np.ndarray]:
        """One state from its preparation to the end. `streams` (one each of `shots`, int64 (streams, times, shots))
        are drawn from; the first also draws dephasing. Bloch vectors (times, 3, N), entropies, energies, norms (times,)
        """  # fmt: skip
        n, size = self.spins, bond.size
        if self.start == "polarised":
            re, im = np.full(size, 2 ** (-n / 2)), np.zeros(size)
        else:
            re, im = np.zeros(size), np.zeros(size)
            re[bits] = 1.0
        times, cumulative = self.times, np.empty(size)
        bloch, plain, energy, norm = np.empty((times.size, 3, n)), *np.empty((3, times.size))
        first = -statevector.read(re, im, bond, cumulative)[1] - self.field * n * (self.start == "polarised")
        for k, (begin, end) in enumerate(zip([0, *times[:-1]], times, strict=True)):
            statevector.evolve(re, im, bond, n, self.field, self.rate, self.time_step, int(end - begin), streams[0])
            plain[k], pairs = statevector.read(re, im, bond, cumulative)
            statevector.bloch(re, im, n, bloch[k])
            energy[k] = abs(-pairs - self.field * bloch[k, 0].sum() - first) / n
            norm[k] = abs(cumulative[-1] - 1)
            for stream, out in zip(streams, shots, strict=True):
                statevector.measure(cumulative, stream, out[k])
        return {
            "shots": shots,
            "bloch": bloch,
            "square": (bloch**2).sum(axis=1),
            "entropy": plain / n,
            "energy": energy,
            "norm": norm,
        }

    def _observe(self, message: np.ndarray, state: dict[str, np.ndarray], shots: np.ndarray) -> dict[str, Any]:
        """The observables of one replica: `state` of copy a, `shots` int64 (copies, times, shots)."""
        window = self.times > self.equilibration
        x, y, z = np.moveaxis(state["bloch"], 1, 0)
        square = state["square"]
        if self.rate > 0:  # the squared mean of T trajectories is too large by their variance over T
            mean = x**2 + y**2 + z**2
            square = (self.shots * mean - square) / (self.shots - 1) if self.shots > 1 else np.full_like(x, math.nan)
        single = 1 - measures.binary_information(z).mean(axis=-1)
        unitary, bare = self.rate == 0, self.start == "polarised"
        spins = 1 - 2 * (shots[..., window, :, None] >> np.arange(self.spins) & 1)
        pairs = [abs(measures.overlap(spins[0], other)).mean() for other in spins[1:]]
        retention = z @ message.astype(float) / self.spins
        first, last = (math.nan, math.nan) if bare else crossings(self.times * self.time_step, retention, 0.5)
        drift = state["energy"].max() if unitary else math.nan
        return {
            "coherence": pairs[0] if pairs else math.nan,
            "blind_coherence": pairs[1] if pairs and not bare else math.nan,
            "memory": math.nan if bare else memory(message, spins[0]),
            "retention": math.nan if bare else retention[window].mean(),
            "transverse_magnetisation": x[window].mean(),
            "single_spin_purity": ((1 + square) / 2)[window].mean(),
            "spin_information": 1 - single[window].mean() if unitary else math.nan,
            "coherence_entropy": state["entropy"][window].mean() if unitary else math.nan,
            "total_correlation": (single - state["entropy"])[window].mean() if unitary else math.nan,
            "retention_time": last,
            "first_crossing": first,
            "censored": not bare and retention[-1] >= 0.5,
            "retention_trace": np.full(x.shape[0], math.nan) if bare else retention,
            "transverse_trace": x.mean(axis=-1),
            "energy_drift": drift,
            "converged": not drift > 0.01 * (1 + self.field) and state["norm"].max() < 1e-9,
        }

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(spins=4, rate=0.3, equilibration=3, steps=4, records=4, shots=2)


def written(disorder: np.ndarray, spins: int) -> np.ndarray:
    """A sample's two messages, int8 (2, N) of ±1; `disorder` uint64 (4,) is not written to."""
    stream, messages = np.array(disorder, dtype=np.uint64), np.empty((2, spins), np.int8)
    for row in messages:
        random_signs(stream, row)
    return messages


def memory(message: np.ndarray, spins: np.ndarray) -> float:
    """Mean over times of I(message; readout)/H(message): message ±1 (N,), readouts ±1 (times, shots, N)."""
    total, shots = message.astype(np.int64), spins.shape[1]
    counts = measures.binary_counts(
        (spins * total).sum(axis=(1, 2)), total.sum() * shots, spins.sum(axis=(1, 2)), spins[0].size
    )
    return float(measures.memory(counts).mean())
