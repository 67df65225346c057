"""The perceptron: one unit that learns random labels of random patterns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.kernels import perceptrons
from isinglass.kernels.streams import jumped, random_signs
from isinglass.models.base import Model, Observable, copies_parameter, parameter

RULES = {"perceptron": perceptrons.PERCEPTRON, "minover": perceptrons.MINOVER, "hebb": perceptrons.HEBB}


@dataclass(frozen=True)
class Perceptron(Model):
    """One unit s = sign(w·x) with N weights and no threshold, P = αN random patterns x^μ with random labels y^μ = ±1.

    `separable` says whether any w has y^μ w·x^μ > 0 for all μ: the largest t with y^μ w·x^μ >= t, |w_i| <= 1 is then
    above 0 (a linear program, HiGHS). The other observables are of the w that a rule finds: `perceptron` (Rosenblatt:
    in random order, w += y x at each mistake, until an epoch has none: if the labels are separable it ends, after a
    time that has no bound), `minover` (w += y x for the pattern of least y w·x: approaches the largest stability),
    `hebb` (w += y x, once each).

    Exact: P(separable) = 2^(1-P) Σ_{k<N} C(P-1, k) for patterns in general position, as normal ones are with
    probability 1 (Cover); 1/2 at P = 2N, so that α_c = 2 for N → ∞ (Gardner), where the largest stability
    κ = min_μ y^μ w·x^μ/|w| has 1/α = ∫_{-κ}^∞ Dz (z+κ)². Hebb errs on ½ erfc(1/√(2α)) of its labels.

    Not to be confused with generalisation (labels are random, nothing can be inferred), with storage in a Hopfield
    network (N such perceptrons that share patterns, α_c = 2 for the best couplings), or the rule's success within
    `epochs` with separability. Binary patterns are not in general position at small N: two may be equal.

    The disorder draws the patterns, then two sets of labels, the messages. Noise draws the first weights, normals of
    standard deviation `initial`, and the orders of presentation: copies a and b learn labels 0, c labels 1 of the same
    patterns. The state of a copy is w/|w|: `coherence` is |cos| of a and b, which for normal patterns is the
    correlation of their fields on inputs never seen. The readout is s^μ: `memory` comes from the joint counts of y^μ
    and s^μ. `converged` is 1 where all labels are learnt, or not separable, or where the rule takes a fixed number of
    steps (hebb, minover); 0: raise `epochs`.
    """

    inputs: int = parameter(50, units="1", minimum=1, maximum=4096, quenched=True, doc="number of inputs, weights N")
    load: float = parameter(1.0, units="1", minimum=1e-6, quenched=True, doc="requested load α = P/N; P is rounded")
    distribution: str = parameter(
        "normal", units="1", choices=("normal", "binary"), quenched=True, doc="what components of patterns are"
    )
    rule: str = parameter("perceptron", units="1", choices=tuple(RULES), doc="how weights are learnt")
    epochs: int = parameter(1000, units="epoch", minimum=1, doc="presentations of all patterns, at most")
    initial: float = parameter(
        1.0, units="1", minimum=0, maximum=1e6, doc="standard deviation of a first weight, over that of an input"
    )
    copies: int = copies_parameter()

    task: ClassVar[str | None] = "recall"
    observables: ClassVar[tuple[Observable, ...]] = (
        Observable(
            "coherence", "1", "coherence", may_be_nan=True, long_name="|cosine| of the weights of two copies, one task"
        ),
        Observable(
            "blind_coherence", "1", "blind_coherence", may_be_nan=True, long_name="|cosine| of a with c, other labels"
        ),
        Observable(
            "memory", "1", "memory", may_be_nan=True, long_name="mutual information of labels and outputs / its maximum"
        ),
        Observable("separable", "1", dtype="int8", long_name="1: some weights separate the labels (linear program)"),
        Observable("learned", "1", dtype="int8", long_name="1: the rule's weights give all labels"),
        Observable("error_rate", "1", long_name="share of wrong labels"),
        Observable("stored_bits", "bit", long_name="stored bits P(1 - H2(error))"),
        Observable("stability", "1", long_name="least stability min y w·x/|w|"),
        Observable("epochs_used", "epoch", long_name="epochs until the rule stopped"),
        Observable("realised_load", "1", long_name="patterns per weight P/N"),
        Observable("converged", "1", dtype="int8", long_name="1: more epochs would change nothing"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stored == 0:
            raise InputError(
                f"load = {self.load:g} of {self.inputs} weights rounds to no pattern; {1 / self.inputs:.3g} stores one"
            )
        if self.stored * max(self.inputs, self.stored if self.rule == "minover" else 0) > 2**22:
            raise InputError(
                f"load = {self.load:g} gives P = {self.stored} patterns of {self.inputs} inputs: P·N (minover: P²) is "
                "above 2^22, too much for the linear program and memory; lower load or inputs"
            )

    @property
    def stored(self) -> int:
        """Number of patterns P."""
        return round(self.load * self.inputs)

    def cost(self) -> float:
        """Nanoseconds, roughly: the linear program, and epochs of the rule, fewer where it is easy."""
        program = 1.5e6 + 20.0 * self.stored * self.inputs * min(self.stored, self.inputs)
        epochs = {"perceptron": self.epochs * min(1.0, (self.load / 2) ** 4), "minover": self.epochs, "hebb": 1.0}
        return program + self.copies * epochs[self.rule] * self.stored * self.inputs

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        patterns, labels = draw(disorder, self)
        found = separable(patterns, labels[0])
        rows = [self._replica(patterns, labels, found, stream) for stream in noise]
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def _replica(self, patterns: np.ndarray, labels: np.ndarray, found: bool, noise: np.ndarray) -> dict[str, float]:
        weights, field, used = np.empty((self.copies, self.inputs)), np.empty((self.copies, self.stored)), []
        for copy in range(self.copies):
            stream, told = jumped(noise, copy), labels[1 if copy == 2 else 0]
            weights[copy] = 0.0
            used.append(
                perceptrons.train(patterns, told, RULES[self.rule], self.epochs, self.initial, stream, weights[copy])
            )
            perceptrons.fields(patterns, weights[copy], field[copy])
        output = np.where(field > 0, 1, -1)
        message = labels[0].astype(np.int64)
        overlap = int(output[0] @ message)
        error = (1 - overlap / self.stored) / 2
        learned = error == 0
        length = np.sqrt((weights * weights).sum(axis=1))
        alone = self.copies == 1
        return {
            "coherence": math.nan if alone else float(abs(measures.cosine(weights[0], weights[1]))),
            "blind_coherence": math.nan if alone else float(abs(measures.cosine(weights[0], weights[2]))),
            "memory": float(measures.binary_memory(overlap, message.sum(), output[0].sum(), self.stored)),
            "separable": found,
            "learned": learned,
            "error_rate": error,
            "stored_bits": float(measures.stored_bits(error, self.stored)),
            "stability": float((message * field[0]).min() / max(length[0], 1e-300)),
            "epochs_used": used[0],
            "realised_load": self.stored / self.inputs,
            "converged": learned or not found or self.rule != "perceptron",
        }

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(inputs=6, load=1.5, epochs=20)


def draw(disorder: np.ndarray, model: Perceptron) -> tuple[np.ndarray, np.ndarray]:
    """A sample's patterns, float64 (P, N), and two sets of labels, int8 (2, P); `disorder` (4,) is not written to."""
    stream = np.array(disorder, dtype=np.uint64)
    patterns, labels = np.empty((model.stored, model.inputs)), np.empty((2, model.stored), np.int8)
    perceptrons.fill_patterns(stream, model.distribution == "binary", patterns)
    for row in labels:
        random_signs(stream, row)
    return patterns, labels


def separable(patterns: np.ndarray, labels: np.ndarray) -> bool:
    """Whether some w has y w·x > 0 for all patterns (P, N) with labels (P,): the largest t with y w·x >= t, |w_i| <= 1.

    w = 0, t = 0 is always a solution, so the program cannot fail to have one; t above 1e-7, the tolerance of HiGHS,
    counts, if the weights found prove it.
    """
    from scipy.optimize import linprog

    signed = labels[:, None] * patterns
    size = signed.shape[1]
    result = linprog(
        -np.eye(1, size + 1, size)[0],
        A_ub=np.hstack([-signed, np.ones((len(signed), 1))]),
        b_ub=np.zeros(len(signed)),
        bounds=[(-1, 1)] * size + [(0, 1)],
        method="highs-ds",
    )
    if result.status != 0:
        raise ArithmeticError(f"the linear program of {len(signed)} labels ended with: {result.message}")
    return bool(result.x[-1] > 1e-7 and (signed * result.x[:-1]).sum(axis=1).min() > 0)
