"""A network with one hidden layer that learns task A, then task B: what is left of A, by what holds it near A."""

from __future__ import annotations

import math
import typing
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import numpy as np

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.kernels import backprop, continual, perceptrons
from isinglass.kernels.streams import jumped, random_signs, shuffle
from isinglass.models.base import Model, Observable, copies_parameter, parameter

REGULARISERS = {
    "none": continual.NONE,
    "l2": continual.L2,
    "ewc": continual.EWC,
    "ewc_all": continual.EWC_ALL,
    "orthogonal": continual.ORTHOGONAL,
    "temporal": continual.TEMPORAL,
    "mutual": continual.MUTUAL,
}
PROBES = 1000
"""Inputs of task A never learnt, on which the functions of two copies are compared."""


class Tasks(NamedTuple):
    """A sample. A: `patterns` (P_A, d), `labels` (2, P_A), the messages. B: `later` (P_B, d), `later_labels` (P_B,).

    `probes` (d, PROBES) are further inputs of A, `probe_labels` (PROBES,) what its teacher says of them, else NaN.
    """

    patterns: np.ndarray
    labels: np.ndarray
    later: np.ndarray
    later_labels: np.ndarray
    probes: np.ndarray
    probe_labels: np.ndarray


@dataclass(frozen=True)
class ContinualLearning(Model):
    """f(x) = c + v·tanh(Wx + b), d inputs, H hidden units: learns P_A labels of task A, then P_B of task B.

    Both by the gradient of the mean logistic loss L over all patterns, for `steps` each. A is learnt without any
    regulariser; then L_B + λR + (κ/2)(|v - v_A|² + (c - c_A)²), with w_i = (W_i, b_i) a unit's incoming vector:
    `none` R = 0; `l2` ½ Σ |w_i - w_i^A|²; `ewc` ½ Σ_k F_k (θ_k - θ_k^A)² over W and b, F the diagonal of the Fisher
    information of A's patterns after A (mean over patterns, labels by the model's own probabilities), `ewc_all` over
    all parameters (its published form has κ = 0); `orthogonal` Σ_{i≠j} cos²(w_i, w_j)/(H-1); `temporal`
    Σ_i (1 - cos(w_i, w_i^A)); `mutual` -Σ_{i≠j} cos(w_i, w_j)/(H-1). The optimiser starts afresh with B. At the start
    w and v are normals of variance 1/d and 1/H, biases 0. Tasks: `random`, patterns ±1 and labels at random;
    `teacher`, normal patterns, labels sign(u·x), with the components of u permuted for B.

    Exact: the gradients are those of finite differences; at λ → ∞ `l2` leaves W and b where they were. There is no
    theory of what is retained: it is measured.

    Not to be confused with retention in time (nothing decays: B overwrites), with generalisation, or with large models:
    small networks that memorise, two tasks, full batches. `mutual` and `temporal` alignment share a word only.

    The disorder draws the patterns, two sets of labels of A (two teachers), the messages, then B, then probes. Noise
    draws the first weights: copies a and b learn labels 0 of A, c labels 1; all then learn the same B. A copy's state
    is its function, since hidden units may be permuted: `coherence` is |cos| of f_a and f_b after B on 1000 probes.
    `memory` comes from the joint counts of labels and signs of f on A after B. `bits_retained` is P_A I_A + P_B I_B,
    from such counts, each I 0 where the accuracy is at most ½; the correction for finite samples lets I of a perfectly
    kept balanced task be 1 + 1/(2P ln 2) bits. `converged` is 0 where B diverged: a parameter or loss is not finite, or
    the loss on B ends above that after A; the observables of B's end are then NaN, and no mean takes them in.
    """

    inputs: int = parameter(100, units="1", minimum=1, maximum=4096, quenched=True, doc="number of inputs d")
    hidden: int = parameter(64, units="1", minimum=2, maximum=4096, doc="number of hidden units H")
    patterns_a: int = parameter(100, units="1", minimum=2, maximum=65536, quenched=True, doc="patterns of task A")
    patterns_b: int = parameter(100, units="1", minimum=2, maximum=65536, quenched=True, doc="patterns of task B")
    family: str = parameter(
        "random", units="1", choices=("random", "teacher"), quenched=True, doc="where labels come from"
    )
    regulariser: str = parameter("none", units="1", choices=tuple(REGULARISERS), doc="R, what holds the network near A")
    strength: float = parameter(1.0, units="1", minimum=0, doc="strength λ of the regulariser")
    anchor: float = parameter(0.01, units="1", minimum=0, doc="κ, of the readout v, c to what it was after A")
    optimiser: str = parameter("adam", units="1", choices=("adam", "momentum"), doc="how the gradient is followed")
    rate: float = parameter(0.005, units="1", minimum=1e-9, maximum=1e6, doc="learning rate")
    momentum: float = parameter(0.9, units="1", minimum=0, maximum=0.9999, doc="of momentum; Adam has its own")
    steps: int = parameter(400, units="step", minimum=1, doc="gradient steps for each task, all patterns at once")
    copies: int = copies_parameter()

    task: ClassVar[str | None] = "retention"
    observables: ClassVar[tuple[Observable, ...]] = (
        Observable(
            "coherence", "1", "coherence", may_be_nan=True, long_name="|cosine| of two copies' f on inputs never learnt"
        ),
        Observable(
            "blind_coherence", "1", "blind_coherence", may_be_nan=True, long_name="|cosine| of a with c, other labels"
        ),
        Observable(
            "memory", "1", "memory", may_be_nan=True, long_name="mutual information of A's labels and outputs / its max"
        ),
        Observable("accuracy_a_before", "1", may_be_nan=True, long_name="accuracy on A before B"),
        Observable("accuracy_a", "1", may_be_nan=True, long_name="accuracy on A after B"),
        Observable("accuracy_b", "1", may_be_nan=True, long_name="accuracy on B after B"),
        Observable("fresh_accuracy_a", "1", may_be_nan=True, long_name="accuracy on new inputs of A's teacher after B"),
        Observable("bits_a_before", "bit", may_be_nan=True, long_name="bits kept about A before B"),
        Observable("bits_a", "bit", may_be_nan=True, long_name="bits kept about A after B"),
        Observable("bits_b", "bit", may_be_nan=True, long_name="bits kept about B"),
        Observable("bits_retained", "bit", may_be_nan=True, long_name="bits retained of A and B"),
        Observable("retained_fraction", "1", may_be_nan=True, long_name="bits about A after B / before"),
        Observable("unit_overlap", "1", may_be_nan=True, long_name="mean cosine of each unit with itself after A"),
        Observable("mutual_alignment", "1", may_be_nan=True, long_name="mean cosine of two units after B"),
        Observable(
            "mutual_alignment_before", "1", may_be_nan=True, long_name="mean cosine of two units after A, before B"
        ),
        Observable(
            "kernel_alignment", "1", may_be_nan=True, long_name="CKA of the hidden layer on A, before and after B"
        ),
        Observable(
            "gradient_cosine", "1", may_be_nan=True, long_name="cosine of the gradients of L_A and L_B, B's mean"
        ),
        Observable("converged", "1", dtype="int8", long_name="1: finite, and neither loss grew"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        many = max(self.patterns_a, self.patterns_b)
        if many * max(self.inputs, self.hidden) > 2**24:
            raise InputError(
                f"{many} patterns of {self.inputs} inputs and {self.hidden} hidden units: P·max(d, H) above 2^24; "
                "lower patterns_a, patterns_b, inputs or hidden"
            )

    def cost(self) -> float:
        """Nanoseconds, roughly: A, then B with the gradient of A beside it."""
        patterns = self.patterns_b + 1.5 * self.patterns_a
        pairs = self.hidden**2 * self.inputs * 0.05 if self.regulariser == "orthogonal" else 0.0
        return self.copies * self.steps * (patterns * self.hidden * (0.06 * self.inputs + 2) + pairs + 1e4)

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        return self.simulate_batch([self], disorder[None], noise[None], inner=True)

    @classmethod
    def simulate_batch(
        cls, models: typing.Sequence[Self], disorder: np.ndarray, noise: np.ndarray, inner: bool = False
    ) -> dict[str, np.ndarray]:
        """See `Model.simulate_batch`: points that share their sample and noise share the network after A."""
        known: tuple[typing.Any, ...] = ()
        learned: dict[tuple[typing.Any, ...], np.ndarray] = {}
        rows = []
        for model, stream, streams in zip(models, disorder, noise, strict=True):
            asked = (stream.tobytes(), model.inputs, model.patterns_a, model.patterns_b, model.family)
            if asked != known:
                tasks, known = draw(stream, model), asked
                learned.clear()
            for row in streams:
                how = model.optimiser, model.rate, model.momentum, model.steps, model.copies
                which = (row.tobytes(), model.hidden, *how)
                if which not in learned:
                    learned[which] = model._learn_first(tasks, row)
                rows.append(model._learn_second(tasks, learned[which]))
        shape = (len(rows),) if inner else (len(models), len(noise[0]))
        return {o.name: np.array([r[o.name] for r in rows], dtype=o.dtype).reshape(shape) for o in cls.observables}

    def _learn_first(self, tasks: Tasks, noise: np.ndarray) -> np.ndarray:
        """Parameters of all copies after A, (copies, n); NaN where A diverged: its loss ended above where it began."""
        out = np.empty((self.copies, self.hidden * (self.inputs + 2) + 1))
        checks, how = np.array([self.steps]), (self.optimiser == "adam", self.rate, self.momentum)
        old = np.ascontiguousarray(tasks.patterns.T)
        for copy in range(self.copies):
            backprop.initialise(jumped(noise, copy), self.inputs, self.hidden, out[copy])
            labels, end = tasks.labels[1 if copy == 2 else 0], np.empty(1)
            start = np.logaddexp(0.0, -labels * self._forward(out[copy], old)[1]).mean()
            backprop.train(out[copy], tasks.patterns, labels, self.hidden, *how, checks, np.empty(1, np.int64), end)
            if not end[0] <= start:
                out[copy] = math.nan
        return out

    def _learn_second(self, tasks: Tasks, before: np.ndarray) -> dict[str, float]:
        after, ends = before.copy(), np.empty((self.copies, 3))
        for copy in range(self.copies):
            continual.learn_second(
                after[copy],
                tasks.later,
                tasks.later_labels,
                tasks.patterns,
                tasks.labels[1 if copy == 2 else 0],
                self.hidden,
                self.optimiser == "adam",
                self.rate,
                self.momentum,
                self.steps,
                REGULARISERS[self.regulariser],
                self.strength,
                self.anchor,
                ends[copy],
            )
        good = np.isfinite(after).all(axis=1) & (ends[:, 1] <= ends[:, 0])
        if np.isnan(before[0, 0]):
            return {o.name: math.nan for o in self.observables} | {"converged": 0.0}
        old, new = (np.ascontiguousarray(x.T) for x in (tasks.patterns, tasks.later))
        hidden_before, output = self._forward(before[0], old)
        ahead, bits_ahead, _ = kept(tasks.labels[0], output)
        units = [self._units(theta) for theta in (before[0], after[0])]
        out = {
            "accuracy_a_before": ahead,
            "bits_a_before": bits_ahead,
            "mutual_alignment_before": continual.mutual_alignment(units[0]),
            "converged": float(good[0]),
        }
        if not good[0]:
            return {o.name: math.nan for o in self.observables} | out
        hidden_after, output = self._forward(after[0], old)
        accuracy_a, bits_a, memory = kept(tasks.labels[0], output)
        accuracy_b, bits_b, _ = kept(tasks.later_labels, self._forward(after[0], new)[1])
        probed = [self._forward(theta, tasks.probes)[1] for theta in after]
        taught = not math.isnan(tasks.probe_labels[0])
        alike = [
            float(abs(measures.cosine(probed[0], probed[k]))) if k < self.copies and good[k] else math.nan
            for k in (1, 2)
        ]
        return out | {
            "coherence": alike[0],
            "blind_coherence": alike[1],
            "memory": memory,
            "accuracy_a": accuracy_a,
            "accuracy_b": accuracy_b,
            "fresh_accuracy_a": float((probed[0] * tasks.probe_labels > 0).mean()) if taught else math.nan,
            "bits_a": bits_a,
            "bits_b": bits_b,
            "bits_retained": bits_a + bits_b,
            "retained_fraction": bits_a / bits_ahead if bits_ahead > 0 else math.nan,
            "unit_overlap": continual.cosines(*units),
            "mutual_alignment": continual.mutual_alignment(units[1]),
            "kernel_alignment": kernel_alignment(hidden_before, hidden_after),
            "gradient_cosine": ends[0, 2],
        }

    def _forward(self, theta: np.ndarray, transposed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Activities (H, n) and f (n,) of inputs (d, n)."""
        many = transposed.shape[1]
        activity, output = np.empty((self.hidden, many)), np.empty(many)
        backprop.forward(theta, transposed, activity, np.empty((self.hidden, many)), output)
        return activity, output

    def _units(self, theta: np.ndarray) -> np.ndarray:
        out = np.empty((self.hidden, self.inputs + 1))
        continual.units(theta, self.inputs, out, np.empty(self.hidden))
        return out

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(inputs=6, hidden=4, patterns_a=8, patterns_b=10, regulariser="temporal", steps=20)


def draw(disorder: np.ndarray, model: ContinualLearning) -> Tasks:
    """A sample's tasks; `disorder` uint64 (4,) is not written to."""
    stream = np.array(disorder, dtype=np.uint64)
    many, more, d = model.patterns_a, model.patterns_b, model.inputs
    patterns, later, probes = np.empty((many, d)), np.empty((more, d)), np.empty((PROBES, d))
    binary = model.family == "random"
    perceptrons.fill_patterns(stream, binary, patterns)
    perceptrons.fill_patterns(stream, binary, later)
    if binary:
        signs = np.empty(2 * many + more, np.int8)
        for part in (signs[:many], signs[many : 2 * many], signs[2 * many :]):
            random_signs(stream, part)
        labels, later_labels = signs[: 2 * many].reshape(2, many).astype(float), signs[2 * many :].astype(float)
        probe_labels = np.full(PROBES, np.nan)
    else:
        teachers = np.empty((3, d))
        perceptrons.fill_patterns(stream, False, teachers[:2])
        teachers[2] = teachers[0]
        shuffle(stream, teachers[2])
        labels = np.stack([taught(patterns, teacher) for teacher in teachers[:2]])
        later_labels = taught(later, teachers[2])
    perceptrons.fill_patterns(stream, binary, probes)
    if not binary:
        probe_labels = taught(probes, teachers[0])
    return Tasks(patterns, labels, later, later_labels, np.ascontiguousarray(probes.T), probe_labels)


def taught(patterns: np.ndarray, teacher: np.ndarray) -> np.ndarray:
    """Labels sign(u·x), float64 (P,) of ±1."""
    field = np.empty(len(patterns))
    perceptrons.fields(patterns, teacher, field)
    return np.where(field > 0, 1.0, -1.0)


def kept(labels: np.ndarray, output: np.ndarray) -> tuple[float, float, float]:
    """Accuracy of the signs of `output` (P,), P times the bits that they tell of `labels` ±1 (P,), and the memory.

    The bits are 0 where the accuracy is at most one half.
    """
    message, readout = labels.astype(np.int64), np.where(output > 0, 1, -1)
    overlap = int(message @ readout)
    counts = measures.binary_counts(overlap, message.sum(), readout.sum(), labels.size)
    bits = labels.size * float(measures.mutual_information(counts)) if overlap > 0 else 0.0
    memory = float(measures.binary_memory(overlap, message.sum(), readout.sum(), labels.size))
    return (labels.size + overlap) / (2 * labels.size), bits, memory


def kernel_alignment(x: np.ndarray, y: np.ndarray) -> float:
    """Linear centred kernel alignment |X Yᵀ|²/(|X Xᵀ||Y Yᵀ|) of activities (H, P), means over patterns removed."""
    x, y = (np.ascontiguousarray(z - z.mean(axis=1, keepdims=True)) for z in (x, y))

    def square(a: np.ndarray, b: np.ndarray) -> float:
        product = np.zeros((len(a), len(b)))
        backprop.multiply(a, np.ascontiguousarray(b.T), product)
        return float((product * product).sum())

    return square(x, y) / max(math.sqrt(square(x, x) * square(y, y)), 1e-300)
