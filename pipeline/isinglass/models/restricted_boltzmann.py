"""The restricted Boltzmann machine: learning by the exact gradient or contrastive divergence, sampling, recall."""

from __future__ import annotations

import math
import typing
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.kernels import boltzmann
from isinglass.kernels.reservoirs import fill_normal
from isinglass.kernels.streams import choose, jumped
from isinglass.models.base import Model, Observable, copies_parameter, parameter, parameters

ENUMERATED = 20
"""Units of the smaller layer up to which all its states are summed over."""
RECORDS = 20
"""Times at which the divergence is recorded while learning, beside the start."""
METHODS = {"exact": boltzmann.EXACT, "cd": boltzmann.CD, "pcd": boltzmann.PCD}
RECALL = ("cue", "readout", "equilibration", "steps", "copies")
"""Parameters that the learned machine does not depend on."""


class Machine(NamedTuple):
    """What was learned: `patterns` int8 (P, n_v) of 0 and 1, W, a, b, the divergence at the records, and `moved`.

    `moved` is the root mean square change of W in the last tenth of the updates, over that of W.
    """

    patterns: np.ndarray
    weights: np.ndarray
    a: np.ndarray
    b: np.ndarray
    kl: np.ndarray
    moved: float


@dataclass(frozen=True)
class RestrictedBoltzmannMachine(Model):
    """n_v visible and n_h hidden units of 0 and 1, p(v, h) ∝ exp(a·v + b·h + vᵀWh), that learn P patterns.

    Given one layer the units of the other are independent, p(h_j = 1 | v) = σ(b_j + Σ_i v_i W_ij): block Gibbs sampling
    is exact in the limit of many steps. Learning ascends the mean log-likelihood of the patterns, dW = η(⟨vhᵀ⟩ of the
    data - ⟨vhᵀ⟩ of the machine), and so for a and b, by all patterns at each update. `exact` sums the second term over
    all states; `cd` takes it from k steps that start at the data (contrastive divergence, Hinton 2002: not the gradient
    of anything, biased for finite k), `pcd` from chains that are never reset (Tieleman 2008). `kl` is the
    Kullback-Leibler divergence of the machine from the patterns, Σ_v p_data ln(p_data/p), in nats, exact by
    enumeration of the smaller layer; 0 is the least possible. It bounds nothing that CD lowers: it may rise while
    learning goes on. Visible biases start at ln((n_i + 1)/(P - n_i + 1)), n_i the patterns in which unit i is 1, hidden
    ones at 0.

    Not to be confused with a Hopfield network (Gaussian hidden units: `gaussian-boltzmann`), with reconstruction errors
    (small for a machine that assigns the patterns hardly any probability), or with recall: a machine that models the
    data leaves its patterns in time, since at the temperature at which it was learned it samples them all.

    The disorder draws the patterns (or the order of the bars and stripes; the first two are the messages), the initial
    weights, and the noise of learning; machines that differ only in how they learn share the first two. Noise draws the
    cue, flipping exactly n_v(1 - cue)/2 units (rounded), then recall; `mean_overlap` and `recalled_bits` are of a
    further run from a cue of every pattern. States are read as ±1. `coherence` is the overlap of the visible layers of
    two copies, `hidden_coherence` that of the hidden ones, for which copy b also runs with copies=1. `converged` is 1
    where W moved by less than 5 % of its root mean square in the last tenth of the updates: learning of separable
    patterns never ends.
    """

    data: str = parameter(
        "bars_and_stripes",
        units="1",
        choices=("bars_and_stripes", "random"),
        quenched=True,
        doc="the patterns: all bars and stripes of a square, or random ones",
    )
    visible: int = parameter(9, units="1", minimum=2, maximum=4096, quenched=True, doc="number of visible units n_v")
    hidden: int = parameter(8, units="1", minimum=1, maximum=4096, quenched=True, doc="number of hidden units n_h")
    load: float = parameter(
        0.5, units="1", minimum=0, quenched=True, doc="P/n_v of random patterns; P is rounded; without effect on bars"
    )
    initial_scale: float = parameter(
        0.1, units="1", minimum=0, maximum=10, doc="standard deviation of the initial weights"
    )
    learning: str = parameter("cd", units="1", choices=tuple(METHODS), doc="how the gradient is estimated")
    k: int = parameter(1, units="step", minimum=1, maximum=10**6, doc="steps of block Gibbs sampling an update")
    chains: int = parameter(
        1,
        units="1",
        minimum=1,
        maximum=10**5,
        doc="chains of cd and pcd, at least: each pattern has chains/P, rounded up",
    )
    updates: int = parameter(5000, units="update", minimum=RECORDS, maximum=10**7, doc="updates of the weights")
    learning_rate: float = parameter(0.2, units="1", minimum=0, maximum=10, doc="step η of the first update, per nat")
    final_rate: float = parameter(
        0.05, units="1", minimum=0, maximum=1, doc="step of the last update over η; linear in between"
    )
    likelihood: bool = parameter(True, units="1", doc="compute the divergence, by enumeration of the smaller layer")
    cue: float = parameter(0.8, units="1", minimum=0, maximum=1, doc="overlap of the cue with its pattern")
    readout: str = parameter(
        "mean_field", units="1", choices=("mean_field", "gibbs"), doc="recall by probabilities, or by drawn states"
    )
    equilibration: int = parameter(10, units="step", minimum=0, doc="steps of recall before measuring")
    steps: int = parameter(10, units="step", minimum=1, doc="measured steps of recall, the window")
    copies: int = copies_parameter()

    task: ClassVar[str | None] = "recall"
    observables: ClassVar[tuple[Observable, ...]] = (
        Observable(
            "coherence", "1", "coherence", may_be_nan=True, long_name="overlap |a·b|/n_v of two copies cued alike"
        ),
        Observable(
            "blind_coherence",
            "1",
            "blind_coherence",
            may_be_nan=True,
            long_name="overlap |a·c|/n_v, c cued with another",
        ),
        Observable(
            "memory", "1", "memory", may_be_nan=True, long_name="mutual information of pattern and state / its maximum"
        ),
        Observable("hidden_coherence", "1", long_name="overlap |a·b|/n_h of the hidden units"),
        Observable("recall_overlap", "1", long_name="signed overlap with the target pattern, window mean"),
        Observable("recall_gain", "1", long_name="recall overlap less the overlap of the cue"),
        Observable("initial_overlap", "1", long_name="signed overlap of the cue with the target pattern"),
        Observable("final_overlap", "1", long_name="signed overlap with the target pattern after the last step"),
        Observable("mean_overlap", "1", long_name="final overlap, mean over all patterns, each from a cue of its own"),
        Observable(
            "recalled_bits", "bit", long_name="information of all patterns and what is recalled from their cues"
        ),
        Observable(
            "kl", "nat", dims=("update",), may_be_nan=True, long_name="divergence of machine from data while learning"
        ),
        Observable("final_kl", "nat", may_be_nan=True, long_name="divergence KL(data || machine) after learning"),
        Observable("lowest_kl", "nat", may_be_nan=True, long_name="lowest recorded divergence KL(data || machine)"),
        Observable("weight_scale", "1", long_name="root mean square weight"),
        Observable("adjustable", "1", dtype="int64", long_name="number of weights and biases"),
        Observable("realised_load", "1", long_name="patterns per visible unit P/n_v"),
        Observable("converged", "1", dtype="int8", long_name="1: the weights hardly move at the end of learning"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        side = math.isqrt(self.visible)
        if self.data == "bars_and_stripes" and (side**2 != self.visible or side > 10):
            raise InputError(
                f"visible = {self.visible} with data = 'bars_and_stripes' is no square of a side up to 10: take 4, 9, "
                "16, ... 100, or data = 'random'"
            )
        if not 1 <= self.stored <= 2**20:
            raise InputError(
                f"load = {self.load:g} with visible = {self.visible} makes {self.stored} patterns: "
                f"{'raise' if self.stored < 1 else 'lower'} load, so that there are 1 to 2^20"
            )
        if self.enumerated and min(self.visible, self.hidden) > ENUMERATED:
            what = "learning = 'exact'" if self.learning == "exact" else "likelihood = True"
            raise InputError(
                f"{what} sums over the states of the smaller layer, 2^{min(self.visible, self.hidden)}, at most "
                f"2^{ENUMERATED}: lower visible or hidden, or take learning = 'cd' and likelihood = False"
            )
        if self.particles * self.visible > 2**28:
            raise InputError(
                f"{self.particles} chains of {self.visible} units are more than 2^28 numbers: lower chains, load or "
                "visible"
            )

    @property
    def enumerated(self) -> bool:
        """Whether sums over all states are needed."""
        return self.likelihood or self.learning == "exact"

    @property
    def stored(self) -> int:
        """Number of patterns P."""
        if self.data == "random":
            return round(self.load * self.visible)
        return 2 * (1 << math.isqrt(self.visible)) - 2

    @property
    def particles(self) -> int:
        """Chains in all, as many for each pattern."""
        return self.stored * -(-self.chains // self.stored)

    @property
    def flips(self) -> int:
        """Visible units that are flipped in the cue."""
        return round(self.visible * (1 - self.cue) / 2)

    @property
    def recorded(self) -> np.ndarray:
        """Numbers of updates after which the divergence is recorded, int64 (RECORDS + 1,)."""
        return self.updates * np.arange(RECORDS + 1) // RECORDS

    def coords(self) -> dict[str, tuple[Any, dict[str, str]]]:
        """See `Model.coords`."""
        return {"update": (self.recorded, {"units": "update", "long_name": "updates of the weights"})}

    def cost(self) -> float:
        """Nanoseconds, roughly: learning, the sums over all states, recall."""
        product, units = self.visible * self.hidden, self.visible + self.hidden
        sums = 2.0 ** min(self.visible, self.hidden) * (10 * max(self.visible, self.hidden) + 0.3 * product)
        step = 0.3 * product + 10 * units
        gradient = sums if self.learning == "exact" else self.particles * (self.k * step + product)
        learning = self.updates * (gradient + (self.stored + 2) * product)
        steps = (self.copies + self.stored) * (self.equilibration + self.steps)
        return learning + (RECORDS * sums if self.likelihood else 0.0) + steps * step + 1e5

    def prepare(self, disorder: np.ndarray) -> Machine:
        """The sample: patterns, and the machine that has learned them."""
        stream = np.array(disorder, dtype=np.uint64)
        patterns = self._patterns(stream)
        weights = np.empty((self.visible, self.hidden))
        fill_normal(stream, weights.reshape(-1))
        weights *= self.initial_scale
        ones = patterns.sum(axis=0)
        a, b = np.log((ones + 1) / (self.stored - ones + 1)), np.zeros(self.hidden)
        particles = np.empty((self.particles, self.visible), np.int8)
        boltzmann.random_bits(stream, particles)
        rates = self.learning_rate * np.linspace(1, self.final_rate, self.updates)
        times, kl = self.recorded, np.full(RECORDS + 1, math.nan)
        before = weights
        for record, time in enumerate(times):
            if record:
                part = rates[times[record - 1] : time]
                boltzmann.learn(patterns, weights, a, b, METHODS[self.learning], self.k, part, stream, particles)
            if record == RECORDS - RECORDS // 10:
                before = weights.copy()
            if self.likelihood:
                kl[record] = divergence(patterns, weights, a, b)
        scale = math.sqrt((weights**2).mean())
        moved = math.sqrt(((weights - before) ** 2).mean()) / scale if scale else 0.0
        return Machine(patterns, weights, a, b, kl, moved)

    def _patterns(self, stream: np.ndarray) -> np.ndarray:
        if self.data == "random":
            patterns = np.empty((self.stored, self.visible), np.int8)
            boltzmann.random_bits(stream, patterns)
            return patterns
        every = bars_and_stripes(math.isqrt(self.visible))
        order = np.arange(len(every))
        choose(stream, len(order), order)
        return every[order]

    def measure(self, machine: Machine, noise: np.ndarray) -> dict[str, np.ndarray]:
        """All observables of a learned machine, one row a replica."""
        rows = [self._replica(machine, stream) for stream in noise]
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def _replica(self, machine: Machine, noise: np.ndarray) -> dict[str, Any]:
        alone, rivals = self.copies == 1, self.stored > 1
        tracks = [self._recall(machine, jumped(noise, c), c // 2 if rivals else 0) for c in range(max(self.copies, 2))]
        (v, h), (other, hidden), *third = tracks
        overlap, counts = _compare(v, 2 * machine.patterns[0] - 1)
        memory = measures.memory(counts)
        every, bits = self._survey(machine, jumped(noise, 3))
        initial = 1 - 2 * self.flips / self.visible
        nothing = np.full(1, math.nan)
        coherence = nothing if alone else measures.overlap(v, other)
        blind = measures.overlap(v, third[0][0]) if rivals and not alone else nothing
        return {
            "coherence": abs(coherence).mean(),
            "blind_coherence": abs(blind).mean(),
            "memory": np.where((overlap <= 0) & ~np.isnan(memory), 0.0, memory).mean(),
            "hidden_coherence": abs(measures.overlap(h, hidden)).mean(),
            "recall_overlap": overlap.mean(),
            "recall_gain": overlap.mean() - initial,
            "initial_overlap": initial,
            "final_overlap": overlap[-1],
            "mean_overlap": every,
            "recalled_bits": bits,
            "kl": machine.kl,
            "final_kl": machine.kl[-1],
            "lowest_kl": machine.kl.min(),
            "weight_scale": math.sqrt((machine.weights**2).mean()),
            "adjustable": machine.weights.size + self.visible + self.hidden,
            "realised_load": self.stored / self.visible,
            "converged": machine.moved < 0.05,
        }

    def _recall(self, machine: Machine, stream: np.ndarray, message: int) -> tuple[np.ndarray, np.ndarray]:
        """States ±1 of the visible and hidden units in the window, int8 (steps, n_v) and (steps, n_h)."""
        v, h = np.empty((self.steps, self.visible), np.int8), np.empty((self.steps, self.hidden), np.int8)
        transposed, soft = np.ascontiguousarray(machine.weights.T), self.readout == "mean_field"
        given = machine.weights, transposed, machine.a, machine.b, machine.patterns[message]
        boltzmann.recall(*given, self.flips, soft, self.equilibration, stream, v, h)
        return v, h

    def _survey(self, machine: Machine, stream: np.ndarray) -> tuple[float, float]:
        """Final overlap averaged over all patterns, and the sum of their information, bits."""
        last = np.stack([self._recall(machine, stream, mu)[0][-1] for mu in range(self.stored)])
        overlap, counts = _compare(last, 2 * machine.patterns - 1)
        bits = self.visible * np.where(overlap > 0, measures.mutual_information(counts), 0.0)
        return overlap.mean(), bits.sum()

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        return self.measure(self.prepare(disorder), noise)

    @classmethod
    def simulate_batch(
        cls, models: typing.Sequence[Self], disorder: np.ndarray, noise: np.ndarray
    ) -> dict[str, np.ndarray]:
        """See `Model.simulate_batch`: points that follow each other and only recall otherwise share their machine."""
        names = [name for name in parameters(cls) if name not in RECALL]
        known: tuple[Any, ...] = ()
        results = []
        for model, stream, rows in zip(models, disorder, noise, strict=True):
            asked = (stream.tobytes(), *(getattr(model, name) for name in names))
            if asked != known:
                machine, known = model.prepare(stream), asked
            results.append(model.measure(machine, rows))
        return {o.name: np.stack([r[o.name] for r in results]) for o in cls.observables}

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(visible=9, hidden=3, updates=40, cue=0.6, readout="gibbs", equilibration=2, steps=3)


def _compare(states: np.ndarray, messages: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Signed overlaps (n,) of ±1 states (n, n_v) with their message, or messages, and the joint counts (n, 2, 2)."""
    product = (states.astype(np.int64) * messages).sum(axis=-1)
    sums = messages.sum(axis=-1, dtype=np.int64), states.sum(axis=-1, dtype=np.int64)
    return product / states.shape[-1], measures.binary_counts(product, *sums, states.shape[-1])


def bars_and_stripes(side: int) -> np.ndarray:
    """All 2^(side+1) - 2 distinct images with equal rows or equal columns, int8 (P, side²) of 0 and 1."""
    lines = (np.arange(2**side)[:, None] >> np.arange(side) & 1).astype(np.int8)
    return np.unique(np.concatenate([np.repeat(lines, side, axis=1), np.tile(lines, side)]), axis=0)


def divergence(patterns: np.ndarray, weights: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """Kullback-Leibler divergence of a machine from `patterns` (P, n_v), which may repeat; nats, exact."""
    layers = (weights, a, b) if a.size <= b.size else (np.ascontiguousarray(weights.T), b, a)
    log_z = boltzmann.moments(*layers, np.empty(layers[1].size), np.empty(layers[2].size), np.empty((0, 0)))
    share = np.unique(patterns, axis=0, return_counts=True)[1] / len(patterns)
    return float((share * np.log(share)).sum() - boltzmann.log_weights(patterns, weights, a, b).mean() + log_z)
