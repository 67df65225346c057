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
from isinglass.kernels import recall, spins
from isinglass.kernels.bits import pack, unpack
from isinglass.kernels.streams import choose, random_signs
from isinglass.models.base import Observable, array_parameter, copies_parameter, parameter
from isinglass.models.stepped import Layout, State, Stepped, samples, state_bytes

STATES_BYTES = 2**24
"""Of states held at once: enough to spread Python's overhead over replicas, little enough for the cache."""
CUES = {"flipped": spins.FLIPPED, "erased_free": spins.ERASED_FREE, "erased_clamped": spins.ERASED_CLAMPED}


@dataclass(frozen=True)
class Hopfield(Stepped):
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
    load: float = parameter(0.05, units="1", minimum=1e-6, quenched=True, doc="requested load α = P/N; P is rounded")
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
    duration: ClassVar[str] = "steps"
    configuration: ClassVar[str] = "spins"
    exposed: ClassVar[typing.Mapping[str, str]] = {
        "spins": "int8 (neurons,) of ±1, copy a",
        "fields": "int32 (neurons,), N times the field h_i of each neuron, copy a",
        "patterns": "int8 (patterns, neurons) of ±1; pattern 0 is the one to be recalled",
    }
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
        if not self.stored:
            one = 1 / self.neurons
            raise InputError(
                f"load = {self.load:g} of {self.neurons} neurons rounds to 0 patterns; {one:.3g} stores one"
            )
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
        return round(self.load * self.neurons)

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

    def total(self) -> int:
        """See `Stepped.total`."""
        return self.equilibration + self.steps

    def sites(self) -> int:
        """See `Stepped.sites`."""
        return self.neurons

    def layout(self) -> Layout:
        """See `Stepped.layout`; the arrays are described in `kernels.recall`."""
        words = -(-self.neurons // 64)
        return {
            "streams": ((self.copies, 4), "uint64"),
            "bits": ((self.copies, words), "uint64"),
            "held": ((self.copies, words), "uint64"),
            "recent": ((2, words), "uint64"),
            "settled": ((self.copies,), "uint8"),
            "counters": ((3,), "int64"),
            "history": ((self.steps, words), "uint64"),
            "series": ((5, self.steps), "int64"),
        }

    def prepare(self, disorder: np.ndarray) -> Network:
        """See `Stepped.prepare`: the sample's couplings and patterns."""
        return store(disorder, self.neurons, self.stored, self.patterns)

    def begin(self, sample: Network, noise: np.ndarray) -> State:
        """See `Stepped.begin`: the three copies at their cues."""
        return self._begin(sample, noise, self._empty(len(noise)))

    def _empty(self, replicas: int) -> State:
        return {name: np.zeros((replicas, *shape), dtype) for name, (shape, dtype) in self.layout().items()}

    def _begin(self, sample: Network, noise: np.ndarray, state: State) -> State:
        noise = np.array(noise, dtype=np.uint64, order="C")  # of one kind: each other one would compile anew
        written = (state[name] for name in ("streams", "bits", "held", "settled", "counters"))
        recall.begin(sample[1], sample[2], noise, CUES[self.cue_mode], self.chosen, *written)
        return state

    def advance(self, sample: Network, state: State, first: int, last: int) -> None:
        """See `Stepped.advance`."""
        parallel = self.dynamics == "parallel"
        recall.advance(*sample, self.temperature, parallel, self.equilibration, first, last, *state.values())

    def observe(self, sample: Network, state: State) -> dict[str, np.ndarray]:
        """See `Stepped.observe`."""
        ends = self._ends(1, len(state["bits"]), state["series"][None], state["counters"][None])
        self._conclude(sample, state, *(x[0] for x in ends[2:]))
        return {name: x[0] for name, x in _observe([self], _sum(sample), *ends).items()}

    def expose(self, name: str, sample: Network, state: State, replica: int) -> np.ndarray:
        """See `Stepped.expose`."""
        _, patterns, pattern_bits = sample
        if name == "patterns":
            return patterns
        spins_ = np.zeros(64 * pattern_bits.shape[1], np.int8)
        unpack(state["bits"][replica, 0], self.neurons, spins_)
        if name == "spins":
            return spins_[: self.neurons]
        fields = np.empty(spins_.size, np.int32)
        spins.hebb_fields(patterns, pattern_bits, state["bits"][replica, 0], spins_, fields)
        return fields[: self.neurons]

    def _ends(self, models: int, replicas: int, *known: np.ndarray) -> tuple[np.ndarray, ...]:
        """What `_observe` needs of models with this window: series, counters, lagged, totals, over (model, replica)."""
        shapes = ((5, self.steps), (3,), (self.steps - self.steps // 2,), (2,))
        return (*known, *(np.zeros((models, replicas, *shape), np.int64) for shape in shapes[len(known) :]))

    def _conclude(self, sample: Network, state: State, lagged: np.ndarray, totals: np.ndarray) -> None:
        """Write what is known at the end only, see `kernels.recall.conclude`."""
        bits, recent, counters, history = (state[name] for name in ("bits", "recent", "counters", "history"))
        parallel, cold = self.dynamics == "parallel", self.temperature == 0
        recall.conclude(sample[2], self.neurons, parallel, cold, bits, recent, counters, history, lagged, totals)

    @classmethod
    def simulate_batch(
        cls, models: typing.Sequence[Self], disorder: np.ndarray, noise: np.ndarray
    ) -> dict[str, np.ndarray]:
        """See `Model.simulate_batch`: points that follow each other and share their sample share its couplings.

        The bytes are those of `begin`, `advance` and `observe`, but all observables are made at once.
        """
        replicas = noise.shape[1]
        alike: dict[int, list[int]] = {}
        for k, model in enumerate(models):
            alike.setdefault(model.steps, []).append(k)
        ends = {steps: models[which[0]]._ends(len(which), replicas) for steps, which in alike.items()}
        place = {k: i for which in alike.values() for i, k in enumerate(which)}
        sums = np.empty(len(models), dtype=np.int64)
        known, scratch, together = None, State(), 1
        for k, (model, sample) in enumerate(zip(models, samples(models, disorder), strict=True)):
            sums[k] = _sum(sample)[0]
            if known != (model.neurons, model.copies, model.steps):
                known = (model.neurons, model.copies, model.steps)
                together = min(max(1, STATES_BYTES // state_bytes(model.layout())), replicas)
                scratch = model._empty(together)
            end = ends[model.steps]
            for r in range(0, replicas, together):
                part, streams = (place[k], slice(r, r + together)), noise[k, r : r + together]
                state = scratch if len(streams) == together else model._empty(len(streams))
                state["counters"], state["series"] = end[1][part], end[0][part]
                model.advance(sample, model._begin(sample, streams, state), 0, model.total())
                model._conclude(sample, state, end[2][part], end[3][part])
        out = {o.name: np.empty((len(models), replicas), dtype=o.dtype) for o in cls.observables}
        for steps, which in alike.items():
            for name, values in _observe([models[k] for k in which], sums[which], *ends[steps]).items():
                out[name][which] = values
        return out

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(neurons=64, load=0.05, temperature=0.3, cue=0.8, equilibration=5, steps=10)


Network = tuple[np.ndarray, np.ndarray, np.ndarray]


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


def store(disorder: np.ndarray, neurons: int, patterns: int, own: Array | None = None) -> Network:
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


def _sum(network: Network) -> np.ndarray:
    """Σ_i ξ_i of the message, int64 (1,)."""
    return np.array([network[1][0].sum(dtype=np.int64)])


def _observe(
    models: typing.Sequence[Hopfield],
    message_sums: np.ndarray,
    series: np.ndarray,
    counters: np.ndarray,
    lagged: np.ndarray,
    totals: np.ndarray,
) -> dict[str, np.ndarray]:
    """The observables (M, R) of M models with equal windows, from what `kernels.recall` leaves: (M, R, ...) each.

    One call for many models, because some fifty numpy calls cost more than a small simulation.
    """

    def column(values: typing.Iterable[float]) -> np.ndarray:
        return np.array(list(values))[:, None]

    n, rivals = column(m.neurons for m in models), column(m.stored > 1 for m in models)
    paired, cold = column(m.copies == 3 for m in models), column(m.temperature == 0 for m in models)
    overlap, pair, blind = (series[:, :, row] / n[..., None] for row in (recall.OVERLAP, recall.PAIR, recall.BLIND))
    memory = measures.binary_memory(
        series[:, :, recall.OVERLAP], message_sums[:, None, None], series[:, :, recall.MAGNETISATION], n[..., None]
    )
    recalled = overlap.mean(axis=-1)
    initial = counters[..., recall.CUE] / n
    steps = series.shape[-1]
    period = totals[..., recall.PERIOD]
    return {
        "coherence": np.where(paired, abs(pair).mean(axis=-1), np.nan),
        "blind_coherence": np.where(paired & rivals, abs(blind).mean(axis=-1), np.nan),
        "memory": memory.mean(axis=-1),
        "recall_overlap": recalled,
        "recall_gain": recalled - initial,
        "initial_overlap": initial,
        "final_overlap": overlap[..., -1],
        "persistence": abs(lagged / n[..., None]).mean(axis=-1),
        "energy": -0.5 * (series[:, :, recall.ALIGNMENT] / n[..., None] ** 2).mean(axis=-1),
        "spurious_overlap": np.where(rivals, totals[..., recall.SPURIOUS] / n, np.nan),
        "acceptance": counters[..., recall.FLIPS] / (column(m.free for m in models) * steps),
        "realised_load": np.broadcast_to(column(m.stored for m in models) / n, initial.shape),
        "converged": np.where(cold, period > 0, measures.steady(overlap)),
        "period": period,
    }
