"""Dense associative memory: binary neurons that store patterns in interactions of higher order."""

from __future__ import annotations

import math
import typing
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass.exceptions import InputError
from isinglass.kernels import dense
from isinglass.models import recalling
from isinglass.models.base import Model, Observable, copies_parameter, parameter

ORDERS = {"quadratic": 2, "cubic": 3, "quartic": 4, "exponential": dense.EXPONENTIAL}
SIGNS = 2**27
"""Stored signs at most, one byte each."""


@dataclass(frozen=True)
class DenseAssociativeMemory(Model):
    """N binary neurons s_i = ±1 that store P random patterns ξ^μ in E = -Σ_μ F(M_μ), M_μ = Σ_i ξ_i^μ s_i.

    Krotov and Hopfield (NIPS 2016): F(x) = x^n/(n N^(n-1)), n = 2 (`quadratic`, the Hopfield model), 3 (`cubic`), 4
    (`quartic`). `exponential`: E = -ln Σ_μ exp(M_μ), with the T = 0 dynamics of F(x) = e^x (Demircigil et al., J. Stat.
    Phys. 168 (2017) 288). Field h_i = ½[E(s_i = -1) - E(s_i = +1)], 1 on a retrieved pattern alone; heat bath in the
    fixed order 0..N-1, P(s_i = ±1) = 1/(1 + exp(∓2h_i/T)); at T = 0 s_i = sign h_i, unchanged where h_i = 0. An update
    takes O(P), in pattern space; for powers it is exact in integers. The load is α_n = P/N^(n-1), for the exponential
    c in P = e^{cN}.

    Exact for N → ∞: one step from a pattern turns ½ erfc(1/√(2α_n(2n-3)!!)) of its neurons (`theory.dense`, with finite
    sizes too). No exact theory of the end state is drawn: the folds α_3 = 0.08406 and α_4 = 0.01319 of `theory.dense`
    leave out how the crosstalk reacts to the state, and are no transitions. c < ln 2/2 is proven sufficient for
    exponential ones (Demircigil et al., from memory), and is no transition either.

    Not to be confused with: a network of pairwise couplings, whose N² numbers do not grow with P. Here P·N numbers are
    kept as they are: a bit per stored sign at best, whatever P; "exponential capacity" is a lookup table with an energy
    function. n = 2 has the diagonal in E (a constant, -P/(2N) per neuron), not in its fields. For odd n and for the
    exponential -ξ is no attractor.

    The disorder draws the patterns, N signs after N signs; patterns 0 and 1 are the messages. Noise draws which neurons
    of the cue are wrong, then one number per neuron and step at T > 0. `converged` is 1 at T = 0 if a fixed point was
    reached, at T > 0 if the overlaps of the two halves of the window agree, see `measures.steady`.
    """

    interaction: str = parameter(
        "cubic", units="1", choices=tuple(ORDERS), quenched=True, doc="F: x² (Hopfield), x³, x⁴, or the exponential"
    )
    neurons: int = parameter(100, units="1", minimum=8, maximum=4096, quenched=True, doc="number of neurons N")
    load: float = parameter(
        0.05,
        units="1",
        minimum=1e-9,
        quenched=True,
        doc="requested load α_n = P/N^(n-1); exponential: c of P = e^{cN}; P is rounded",
    )
    temperature: float = parameter(0.0, units="1", minimum=0, doc="k_B T in units of the field of a retrieved pattern")
    cue: float = parameter(1.0, units="1", minimum=0, maximum=1, doc="overlap of the cue with its pattern, flipped")
    equilibration: int = parameter(50, units="step", minimum=0, doc="steps before measuring; one step = N updates")
    steps: int = parameter(2, units="step", minimum=2, doc="measured steps, the window; T > 0 needs more")
    copies: int = copies_parameter()

    task: ClassVar[str | None] = "recall"
    observables: ClassVar[tuple[Observable, ...]] = (
        *recalling.OBSERVABLES,
        Observable("stable", "1", dtype="int8", long_name="1: the target pattern is a fixed point at T = 0"),
        Observable("realised_load", "1", long_name="load of the stored patterns P/N^(n-1), or ln(P)/N"),
        Observable("stored_patterns", "1", dtype="int64", long_name="stored patterns P"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        n, order = self.neurons, ORDERS[self.interaction]
        highest = math.log(SIGNS / n) / n if order == dense.EXPONENTIAL else SIGNS / float(n) ** order
        if self.load > highest * (1 + 1e-9):
            raise InputError(
                f"load = {self.load:g} stores more than 2^27 signs with {self.interaction} interaction of {n} neurons; "
                f"set load <= {highest:.3g}, or fewer neurons"
            )
        if not self.stored:
            one = 1 / float(n) ** (order - 1)
            raise InputError(f"load = {self.load:g} of {n} neurons rounds to 0 patterns; {one:.3g} stores one")
        if self.stored * n**order >= 2**62:
            raise InputError(
                f"neurons = {n}, P = {self.stored}: sums of {self.interaction} overlaps exceed 2^62; lower neurons"
            )

    @property
    def stored(self) -> int:
        """Number of stored patterns P."""
        order = ORDERS[self.interaction]
        number = math.exp(self.load * self.neurons) if order == 0 else self.load * float(self.neurons) ** (order - 1)
        return round(number)

    @property
    def wrong(self) -> int:
        """Neurons of the cue that are flipped."""
        return round(self.neurons * (1 - self.cue) / 2)

    def cost(self) -> float:
        """Nanoseconds, roughly: O(P) an update; the patterns once."""
        steps = self.equilibration + self.steps
        update = {"quadratic": 0.1, "cubic": 0.15, "quartic": 0.2, "exponential": 2.0}[self.interaction]
        taken = min(steps, 8) if self.temperature == 0 else steps
        return self.stored * self.neurons * (1.5 + self.copies * taken * update)

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        return self._recall(store(disorder, self.neurons, self.stored), noise)

    @classmethod
    def simulate_batch(
        cls, models: typing.Sequence[Self], disorder: np.ndarray, noise: np.ndarray
    ) -> dict[str, np.ndarray]:
        """See `Model.simulate_batch`: points with the same patterns share them."""
        alike: dict[tuple[object, ...], list[int]] = {}
        for k, m in enumerate(models):
            alike.setdefault((disorder[k].tobytes(), m.neurons, m.stored), []).append(k)
        out = {o.name: np.empty(noise.shape[:2], o.dtype) for o in cls.observables}
        for (_, neurons, stored), which in alike.items():
            signs = store(disorder[which[0]], typing.cast(int, neurons), typing.cast(int, stored))
            for k in which:
                for name, values in models[k]._recall(signs, noise[k]).items():
                    out[name][k] = values
        return out

    def _recall(self, signs: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        n, p, replicas, order = self.neurons, self.stored, len(noise), ORDERS[self.interaction]
        series = np.empty((replicas, 4, self.steps), np.int64)
        energy, ends = np.empty((replicas, self.steps)), np.empty((replicas, 3), np.int64)
        spins = np.empty((replicas, self.copies, n), np.int8)
        streams = np.array(noise, dtype=np.uint64, order="C")
        messages = np.ascontiguousarray(signs[:, :2].T)
        cue = (self.temperature, self.wrong, self.equilibration)
        dense.recall(order, signs, messages, *cue, streams, series, energy, ends, spins)
        unstable = dense.unstable(order, signs, messages[0])
        everywhere = np.ones(replicas)
        load = math.log(p) / n if order == dense.EXPONENTIAL else p / float(n) ** (order - 1)
        return recalling.observe(messages[0], p == 1, self.temperature == 0, series, energy, ends, self.copies) | {
            "unstable": everywhere * (unstable / n),
            "stable": np.full(replicas, unstable == 0, np.int8),
            "realised_load": everywhere * load,
            "stored_patterns": np.full(replicas, p),
        }

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(neurons=24, load=0.05, temperature=0.5, cue=0.7, equilibration=3, steps=6)


def store(disorder: np.ndarray, neurons: int, patterns: int) -> np.ndarray:
    """A sample's patterns, int8 (N, P), a row for each neuron; `disorder` uint64 (4,) is not written to."""
    signs = np.empty((neurons, patterns), np.int8)
    dense.store(np.array(disorder, dtype=np.uint64), signs)
    return signs
