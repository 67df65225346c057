"""An attractor network of binary neurons, by learning rule: Hebb, Storkey or pseudo-inverse; with faulty couplings."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass.exceptions import InputError
from isinglass.kernels import attractors
from isinglass.kernels.streams import choose, random_signs
from isinglass.models import recalling
from isinglass.models.base import Model, Observable, copies_parameter, parameter


@dataclass(frozen=True)
class AttractorNetwork(Model):
    """N binary neurons s_i = ±1 whose couplings store P = αN random patterns ξ^μ by one of three learning rules.

    `hebb`: J_ij = (1/N) Σ_μ ξ_i^μ ξ_j^μ. `storkey` (Storkey, ICANN 1997, LNCS 1327, 451), pattern after pattern:
    ΔJ_ij = (1/N)[ξ_i ξ_j - ξ_i h_ji - h_ij ξ_j], h_ij = Σ_{k≠i,j} J_ik ξ_k. `pseudo_inverse` (Personnaz, Guyon and
    Dreyfus, J. Physique Lett. 46 (1985) 359): J is the projector on the span of the patterns. Always J_ii = 0. Then
    J_ij + Δ J_rms g_ij with g_ij = g_ji standard normal and J_rms the root mean square coupling of the sample before
    it (`weight_noise` Δ), and a share of the couplings cut, J_ij = J_ji = 0, the rest left as it is (`dilution`).
    h_i = Σ_j J_ij s_j, E = -½ Σ_i s_i h_i; heat bath in the fixed order 0..N-1, P(s_i = ±1) = 1/(1 + exp(∓2h_i/T)); at
    T = 0 s_i = sign h_i, unchanged where |h_i| < 1e-9. With sound Hebb couplings this is the Hopfield model, to the
    bit from the same streams.

    Exact: pseudo-inverse patterns have fields (1 - J⁰_ii) ξ_i, J⁰_ii the diagonal removed, and are stable for P < N;
    with P = N independent patterns all couplings vanish. One step from a pattern, N → ∞: h_i ξ_i has mean over standard
    deviation √(k/(α(1 + Δ²))) for Hebb, √(k(1 - α)/(α(1 - k + Δ²))) for the pseudo-inverse, k = 1 - dilution
    (`theory.learning_rules`); the faults act as static noise on the fields, in the manner of Sompolinsky, Phys. Rev. A
    34 (1986) 2571.

    Not to be confused with: stability (`cue` = 1), which says nothing of recall from a cue; couplings that keep their
    diagonal, at which cues freeze; the capacity of the best couplings, α = 2 (Gardner); a fault that is drawn anew in
    each step, which would be temperature. Storkey's rule depends on the order of the patterns: `age` says how many came
    after the message.

    The disorder draws the patterns, N signs after N signs (0 and 1 are the messages), the order in which they are
    stored, then faults: the same for every rule, weight noise and dilution, so that these compare on the same samples.
    Noise draws which neurons of the cue are wrong, then one number per neuron and step. `converged` is 1 at T = 0 if a
    fixed point was reached, at T > 0 if the recall overlaps of the two halves of the window differ by less than 0.02 or
    by less than twice the standard deviation within a half.
    """

    rule: str = parameter(
        "pseudo_inverse", units="1", choices=("hebb", "storkey", "pseudo_inverse"), doc="how patterns become couplings"
    )
    neurons: int = parameter(300, units="1", minimum=8, maximum=8192, quenched=True, doc="number of neurons N")
    load: float = parameter(0.2, units="1", minimum=1e-6, quenched=True, doc="requested load α = P/N; P is rounded")
    temperature: float = parameter(
        0.0, units="1", minimum=0, doc="k_B T in units of the field of a pattern retrieved from Hebb couplings"
    )
    cue: float = parameter(1.0, units="1", minimum=0, maximum=1, doc="overlap of the cue with its pattern, flipped")
    weight_noise: float = parameter(
        0.0, units="1", minimum=0, maximum=1e6, doc="Δ, width of the couplings' noise over their root mean square"
    )
    dilution: float = parameter(
        0.0, units="1", minimum=0, maximum=1, doc="share of the couplings that are cut, not rescaled"
    )
    equilibration: int = parameter(100, units="step", minimum=0, doc="steps before measuring; one step = N updates")
    steps: int = parameter(2, units="step", minimum=2, doc="measured steps, the window; T > 0 needs more")
    copies: int = copies_parameter()

    task: ClassVar[str | None] = "recall"
    observables: ClassVar[tuple[Observable, ...]] = (
        *recalling.OBSERVABLES,
        Observable("age", "1", dtype="int32", long_name="patterns stored after the target pattern"),
        Observable("realised_load", "1", long_name="stored patterns per neuron P/N"),
        Observable("kept", "1", long_name="share of the couplings that are not cut"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.stored:
            one = 1 / self.neurons
            raise InputError(f"load = {self.load:g} of {self.neurons} neurons rounds to 0 patterns, {one:.3g} to one")
        if self.rule == "pseudo_inverse" and self.stored > self.neurons:
            raise InputError(
                f"load = {self.load:g} stores P = {self.stored} patterns in N = {self.neurons} neurons: the "
                "pseudo-inverse stores at most N, where the projector becomes the identity; set load <= 1"
            )
        if self.rule == "storkey" and self.stored > self.neurons:
            raise InputError(
                f"load = {self.load:g} stores P = {self.stored} patterns in N = {self.neurons} neurons: beyond N the "
                "couplings of Storkey's rule grow without bound; set load <= 1"
            )
        if self.stored * self.neurons > 2**24:
            raise InputError(
                f"load = {self.load:g} stores P = {self.stored} patterns of {self.neurons} neurons: more than 2^24 "
                "signs; lower load or neurons"
            )

    @property
    def stored(self) -> int:
        """Number of stored patterns P."""
        return round(self.load * self.neurons)

    @property
    def wrong(self) -> int:
        """Neurons of the cue that are flipped."""
        return round(self.neurons * (1 - self.cue) / 2)

    def cost(self) -> float:
        """Nanoseconds, roughly: the couplings, shared by the points of a sample; updates; flips, O(N) each."""
        n, p = self.neurons, self.stored
        learning = {"hebb": 0.2, "storkey": 0.3, "pseudo_inverse": 0.2 + 0.2 * p / n}[self.rule] * p * n * n
        faults = 8.0 * n * n if self.weight_noise or self.dilution else 0.0
        steps = self.equilibration + self.steps
        if self.temperature == 0:
            return 0.5 * (learning + faults) + self.copies * n * (2.0 * min(steps, 10) + 0.1 * n)
        return 0.5 * (learning + faults) + self.copies * n * steps * (15 + 0.05 * n * min(self.temperature, 1.0))

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        return self._recall(self._network(disorder), noise)

    @classmethod
    def simulate_batch(
        cls, models: typing.Sequence[Self], disorder: np.ndarray, noise: np.ndarray
    ) -> dict[str, np.ndarray]:
        """See `Model.simulate_batch`: points with the same couplings share them."""
        alike: dict[tuple[object, ...], list[int]] = {}
        for k, m in enumerate(models):
            couplings = (disorder[k].tobytes(), m.rule, m.neurons, m.stored, m.weight_noise, m.dilution)
            alike.setdefault(couplings, []).append(k)
        out = {o.name: np.empty(noise.shape[:2], o.dtype) for o in cls.observables}
        for which in alike.values():
            network = models[which[0]]._network(disorder[which[0]])
            for k in which:
                for name, values in models[k]._recall(network, noise[k]).items():
                    out[name][k] = values
        return out

    def _network(self, disorder: np.ndarray) -> Network:
        return store(disorder, self.rule, self.neurons, self.stored, self.weight_noise, self.dilution)

    def _recall(self, network: Network, noise: np.ndarray) -> dict[str, np.ndarray]:
        couplings, patterns, order = network
        n, p, replicas = self.neurons, self.stored, len(noise)
        series = np.empty((replicas, 4, self.steps), np.int64)
        energy, ends = np.empty((replicas, self.steps)), np.empty((replicas, 3), np.int64)
        spins = np.empty((replicas, self.copies, n), np.int8)
        streams = np.array(noise, dtype=np.uint64, order="C")
        attractors.recall(
            couplings, patterns, self.temperature, self.wrong, self.equilibration, streams, series, energy, ends, spins
        )
        fields, everywhere = np.empty(n), np.ones(replicas)
        attractors.find_fields(couplings, patterns[0], fields)
        return recalling.observe(patterns[0], p == 1, self.temperature == 0, series, energy, ends, self.copies) | {
            "unstable": everywhere * np.mean(fields * patterns[0] < -attractors.TIE * n),
            "age": np.full(replicas, p - 1 - int(np.flatnonzero(order == 0)[0]), np.int32),
            "realised_load": everywhere * (p / n),
            "kept": everywhere * (np.count_nonzero(couplings) / (n * (n - 1))),
        }

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(neurons=32, load=0.1, temperature=0.6, cue=0.8, weight_noise=0.1, equilibration=3, steps=6)


Network = tuple[np.ndarray, np.ndarray, np.ndarray]


def store(
    disorder: np.ndarray, rule: str, neurons: int, patterns: int, weight_noise: float = 0.0, dilution: float = 0.0
) -> Network:
    """A sample's couplings N·J float64 (N, N), patterns int8 (P, N), and the order in which they are stored int64 (P,).

    `disorder` is the sample's stream, uint64 (4,), not written to.
    """
    stream = np.array(disorder, dtype=np.uint64)
    signs, order = np.empty((patterns, neurons), np.int8), np.arange(patterns)
    random_signs(stream, signs.reshape(-1))
    choose(stream, patterns - 1, order)
    couplings = np.empty((neurons, neurons))
    if rule == "hebb":
        attractors.hebb(signs, couplings)
    elif rule == "storkey":
        attractors.storkey(signs[order], couplings)
    else:
        attractors.pseudo_inverse(signs, couplings)
        attractors.no_diagonal(couplings)
    if weight_noise or dilution:
        attractors.disturb(stream, weight_noise, dilution, couplings)
    return couplings, signs, order
