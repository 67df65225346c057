"""The Hopfield network: an associative memory of binary neurons with Hebb couplings."""

from __future__ import annotations

import functools
import math
import typing
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass import measures
from isinglass.arrays import Array
from isinglass.exceptions import InputError
from isinglass.kernels import spins
from isinglass.kernels.bits import pack
from isinglass.kernels.streams import choose, random_signs
from isinglass.models.base import Model, Observable, array_parameter, copies_parameter, parameter

CUES = {"flipped": spins.FLIPPED, "erased_free": spins.ERASED_FREE, "erased_clamped": spins.ERASED_CLAMPED}


@dataclass(frozen=True)
class Hopfield(Model):
    """N binary neurons s_i = ±1 that store P = αN random patterns ξ^μ in Hebb couplings.

    J_ij = (1/N) Σ_μ ξ_i^μ ξ_j^μ, J_ii = 0; h_i = Σ_j J_ij s_j; E = -½ Σ_i s_i h_i; heat bath
    P(s_i = ±1) = 1/(1 + exp(∓2h_i/T)); at T = 0 s_i = sign h_i, unchanged where h_i = 0. One step updates every neuron
    once: `sequential` in the fixed order 0..N-1, each update in detailed balance with exp(-E/T), so that the Boltzmann
    distribution is stationary; `parallel` all at once from the same fields.

    Exact for N → ∞ (replica symmetric; Amit, Gutfreund and Sompolinsky, Phys. Rev. Lett. 55 (1985) 1530 and Ann. Phys.
    173 (1987) 30): m = ⟨tanh β(m + √(αr) z)⟩, q = ⟨tanh² β(m + √(αr) z)⟩, r = q/(1 - β(1 - q))²; patterns are retrieved
    below α_c = 0.1379 at T = 0 and below T_M(α) otherwise; a spin glass up to T_g = 1 + √α: coherent, amnesic.

    Not to be confused with the Little model (`dynamics="parallel"`: another stationary distribution and phase diagram
    at T > 0, two-cycles at T = 0; Amit et al. describe sequential dynamics), with couplings that keep their diagonal
    (J_ii = α freezes spurious states), or with equilibrium: retrieval is metastable for T_c < T < T_M, lifetimes grow
    as exp(cN), and what is measured starts from the cue. Both -ξ and odd mixtures of patterns are attractors as well.

    The disorder draws the patterns, N signs after N signs; patterns 0 and 1 are the messages. Own patterns are given as
    `patterns`, an array of ±1 with a row each: the disorder then draws which P of its rows are stored, and in which
    order; the first two drawn are the messages. The theory above does not hold for correlated ones. Noise draws the
    cue, then one number per neuron and step. `converged` is 1 at T = 0 if a fixed point or a two-cycle was reached, at
    T > 0 if the recall overlaps of the two halves of the window differ by less than 0.02 or by less than twice the
    standard deviation within a half: a linear drift makes the difference √12 of these, white noise 2/√steps.
    """

    neurons: int = parameter(1000, units="1", minimum=8, maximum=65536, quenched=True, doc="number of neurons N")
    load: float = parameter(
        0.05, units="1", minimum=1e-6, quenched=True, doc="requested load α = P/N; P is rounded, at least 1"
    )
    temperature: float = parameter(0.2, units="1", minimum=0, doc="k_B T in units of the field of a retrieved pattern")
    cue: float = parameter(1.0, units="1", minimum=0, maximum=1, doc="(expected) overlap of the cue with its pattern")
    cue_mode: str = parameter(
        "flipped",
        units="1",
        choices=tuple(CUES),
        doc="how the cue is corrupted: exactly N(1-cue)/2 neurons flipped; or all but N·cue neurons random, and those "
        "that are not free to move or clamped for good",
    )
    dynamics: str = parameter(
        "sequential", units="1", choices=("sequential", "parallel"), doc="heat bath in turn, or all at once (Little)"
    )
    equilibration: int = parameter(50, units="step", minimum=0, doc="steps before measuring; one step = N updates")
    steps: int = parameter(50, units="step", minimum=2, doc="measured steps, the window")
    patterns: Array = array_parameter(
        units="1",
        dtype="int8",
        ndim=2,
        doc="own patterns ±1, one a row of N, of which each sample stores P; else random",
    )
    copies: int = copies_parameter()

    task: ClassVar[str | None] = "recall"
    observables: ClassVar[tuple[Observable, ...]] = (
        Observable(
            "coherence",
            "1",
            "coherence",
            may_be_nan=True,
            long_name="overlap |a·b|/N of two copies cued with one pattern",
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
        Observable("persistence", "1", long_name="|s(t)·s(t+lag)|/N, lag = half the window, mean over its first half"),
        Observable("energy", "1", long_name="energy per neuron E/N, window mean"),
        Observable(
            "spurious_overlap", "1", may_be_nan=True, long_name="largest |overlap| with another pattern, last step"
        ),
        Observable("acceptance", "1", long_name="flips per attempted update in the window"),
        Observable("realised_load", "1", long_name="stored patterns per neuron P/N"),
        Observable("converged", "1", dtype="int8", long_name="1: fixed point or two-cycle (T=0), no drift (T>0)"),
        Observable("period", "1", dtype="int8", long_name="T=0: 1 fixed point, 2 two-cycle, 0 not reached; T>0: 0"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stored > 32767 or self.stored * self.neurons >= 2**31:
            raise InputError(f"load = {self.load:g} stores P = {self.stored} patterns; at most 32767, and P·N < 2^31")
        if self.patterns:
            rows, columns = _signs(self.patterns)
            if columns != self.neurons:
                raise InputError(
                    f"patterns ({self.patterns.shown}) have {columns} neurons, and neurons = {self.neurons}: "
                    "make them equal"
                )
            if self.stored > rows:
                raise InputError(
                    f"load = {self.load:g} stores P = {self.stored} patterns, of {rows} in {self.patterns.shown}: "
                    "lower load, or give more"
                )
        if self.free == 0:
            raise InputError(
                f"cue = {self.cue:g} with cue_mode = 'erased_clamped' leaves no neuron free; lower cue or use 'flipped'"
            )

    @property
    def stored(self) -> int:
        """Number of stored patterns P."""
        return max(1, round(self.load * self.neurons))

    @property
    def chosen(self) -> int:
        """Neurons drawn to make the cue: those that are flipped, or those that keep the pattern."""
        if self.cue_mode == "flipped":
            return round(self.neurons * (1 - self.cue) / 2)
        return round(self.neurons * self.cue)

    @property
    def free(self) -> int:
        """Neurons that may move."""
        return self.neurons - (self.chosen if self.cue_mode == "erased_clamped" else 0)

    def cost(self) -> float:
        """Nanoseconds, roughly: updates, flips (O(N) each, at the mean-field acceptance ½(1 - q)), a share of J."""
        steps = self.equilibration + self.steps
        if self.temperature == 0:
            updates, flips = self.neurons * min(steps, 20), 0.3 * self.neurons
        else:
            fields = (1 + math.sqrt(self.load) * z for z in (-1.0, 1.0))
            acceptance = sum(0.25 * (1 - math.tanh(h / self.temperature) ** 2) for h in fields)
            updates, flips = self.neurons * steps, acceptance * self.neurons * steps
        couplings = 0.1 * self.neurons**2 * (1 + self.stored / 64)
        return self.copies * (1.1 * updates + 0.06 * flips * self.neurons) + 0.1 * couplings

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        return {name: x[0] for name, x in self.simulate_batch([self], disorder[None], noise[None]).items()}

    @classmethod
    def simulate_batch(
        cls, models: typing.Sequence[Self], disorder: np.ndarray, noise: np.ndarray
    ) -> dict[str, np.ndarray]:
        """See `Model.simulate_batch`: points that follow each other and share their sample share its couplings."""
        shape = (len(models), noise.shape[1])
        out = {o.name: np.empty(shape, dtype=o.dtype) for o in cls.observables}
        lengths = np.array([model.steps for model in models])
        series = {length: np.empty((*shape, 6, length), dtype=np.int64) for length in set(lengths.tolist())}
        totals = np.empty((*shape, 4), dtype=np.int64)
        message_sums = np.empty(len(models), dtype=np.int64)
        noise = np.array(noise, dtype=np.uint64, order="C")  # of one kind: each other one would compile anew
        known = None
        for k, model in enumerate(models):
            asked = (disorder[k].tobytes(), model.neurons, model.stored, model.patterns)
            if asked != known:
                network, known = store(disorder[k], model.neurons, model.stored, model.patterns), asked
                message_sum = network[1][0].sum(dtype=np.int64)
            message_sums[k] = message_sum
            spins.recall(
                *network,
                noise[k],
                model.copies,
                CUES[model.cue_mode],
                model.chosen,
                model.temperature,
                model.dynamics == "parallel",
                model.equilibration,
                series[model.steps][k],
                totals[k],
            )
        for length, recorded in series.items():
            which = lengths == length
            alike = [model for model in models if model.steps == length]
            for name, values in _observe(alike, message_sums[which], recorded[which], totals[which]).items():
                out[name][which] = values
        return out

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(neurons=64, load=0.05, temperature=0.3, cue=0.8, equilibration=5, steps=10)


@functools.lru_cache(maxsize=256)
def _signs(patterns: Array) -> tuple[int, int]:
    """Rows and columns of own patterns. Raises InputError where they are not ±1."""
    wrong = np.argwhere(abs(patterns.values) != 1)
    if len(wrong):
        at = tuple(map(int, wrong[0]))
        raise InputError(
            f"patterns ({patterns.shown}) have {patterns.values[at]} at {at}: write +1 and -1 (2*x - 1 for 0 and 1)"
        )
    rows, columns = patterns.values.shape
    return rows, columns


def store(
    disorder: np.ndarray, neurons: int, patterns: int, own: Array | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A sample's network: couplings N·J int8 or int16 (N, 64 W), patterns int8 (P, N), these packed uint64 (P, W).

    `disorder` is the sample's stream, uint64 (4,), not written to; it draws random patterns, or which rows of the `own`
    are stored. Deterministic, and exact whichever the dtype.
    """
    stream = np.array(disorder, dtype=np.uint64)
    if own:
        rows = np.arange(len(own.values))
        choose(stream, patterns, rows)
        signs = np.ascontiguousarray(own.values[rows[:patterns]])
    else:
        signs = np.empty((patterns, neurons), dtype=np.int8)
        random_signs(stream, signs.reshape(-1))
    bits = np.empty((patterns, -(-neurons // 64)), dtype=np.uint64)
    for mu in range(patterns):
        pack(signs[mu], bits[mu])
    couplings = spins.aligned((neurons, 64 * bits.shape[1]), np.int8)
    if spins.hebb(signs, couplings) > 127:
        couplings = spins.aligned(couplings.shape, np.int16)
        spins.hebb(signs, couplings)
    return couplings, signs, bits


def _observe(
    models: typing.Sequence[Hopfield], message_sums: np.ndarray, series: np.ndarray, totals: np.ndarray
) -> dict[str, np.ndarray]:
    """The observables (M, R) of M models with equal windows, from the (M, R, 6, steps) and (M, R, 4) of `spins.recall`.

    One call for many models, because some fifty numpy calls cost more than a small simulation.
    """

    def column(values: typing.Iterable[float]) -> np.ndarray:
        return np.array(list(values))[:, None]

    n, rivals = column(m.neurons for m in models), column(m.stored > 1 for m in models)
    paired, cold = column(m.copies == 3 for m in models), column(m.temperature == 0 for m in models)
    scaled = {row: series[:, :, row] / n[..., None] for row in (spins.OVERLAP, spins.PAIR, spins.BLIND, spins.LAGGED)}
    overlap = scaled[spins.OVERLAP]
    counts = measures.binary_counts(
        series[:, :, spins.OVERLAP], message_sums[:, None, None], series[:, :, spins.MAGNETISATION], n[..., None]
    )
    memory = measures.memory(counts)
    recalled = overlap.mean(axis=-1)
    initial = totals[..., spins.CUE] / n
    steps = series.shape[-1]
    period = totals[..., spins.PERIOD]
    return {
        "coherence": np.where(paired, abs(scaled[spins.PAIR]).mean(axis=-1), np.nan),
        "blind_coherence": np.where(paired & rivals, abs(scaled[spins.BLIND]).mean(axis=-1), np.nan),
        "memory": np.where((overlap <= 0) & ~np.isnan(memory), 0.0, memory).mean(axis=-1),
        "recall_overlap": recalled,
        "recall_gain": recalled - initial,
        "initial_overlap": initial,
        "final_overlap": overlap[..., -1],
        "persistence": abs(scaled[spins.LAGGED][..., : steps - steps // 2]).mean(axis=-1),
        "energy": -0.5 * (series[:, :, spins.ALIGNMENT] / n[..., None] ** 2).mean(axis=-1),
        "spurious_overlap": np.where(rivals, totals[..., spins.SPURIOUS] / n, np.nan),
        "acceptance": totals[..., spins.FLIPS] / (column(m.free for m in models) * steps),
        "realised_load": np.broadcast_to(column(m.stored for m in models) / n, initial.shape),
        "converged": np.where(cold, period > 0, _steady(overlap)),
        "period": period,
    }


def _steady(overlap: np.ndarray) -> np.ndarray:
    """Whether the overlaps (..., steps) of the window show no drift; see `Hopfield`."""
    half = overlap.shape[-1] // 2
    first, second = overlap[..., :half], overlap[..., -half:]
    drift = abs(first.mean(axis=-1) - second.mean(axis=-1))
    spread = np.sqrt((first.var(axis=-1) + second.var(axis=-1)) / 2)
    return np.asarray(drift < np.maximum(0.02, 2 * spread))
