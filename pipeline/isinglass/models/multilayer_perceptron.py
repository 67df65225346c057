"""A network with one hidden layer that learns random labels of random patterns by backpropagation."""

from __future__ import annotations

import math
import typing
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import numpy as np

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.kernels import backprop, perceptrons
from isinglass.kernels.streams import jumped, random_signs
from isinglass.models.base import Model, Observable, copies_parameter, parameter

CHECKPOINTS = 6
PROBES = 1000
"""Inputs never learnt, on which the functions of two copies are compared."""
SETTLED = 0.01
"""Relative fall of the loss in the second half of the training below which more steps change little."""


class Task(NamedTuple):
    """A sample: `patterns` (P, d), `labels` float64 (2, P) of ±1, the messages, and `probes` (d, PROBES)."""

    patterns: np.ndarray
    labels: np.ndarray
    probes: np.ndarray


@dataclass(frozen=True)
class MultilayerPerceptron(Model):
    """f(x) = c + Σ_h v_h tanh(w_h·x + b_h), H hidden units, d inputs: stores P random labels y^μ = ±1 of patterns x^μ.

    It minimises the mean logistic loss L = (1/P) Σ_μ ln(1 + exp(-y^μ f(x^μ))) by its gradient over all patterns
    (backpropagation), for a given number of steps: `adam` (Kingma and Ba's rule with β = 0.9, 0.999, ε = 1e-8), or
    `momentum` (u = κu - η∇L, θ += u). At the start w and v are normals of variance 1/d and 1/H, biases 0. The readout
    of a label is sign f. `load` is patterns per parameter, P/n with n = H(d+2)+1 weights and biases.

    Exact: at H = 1 a pattern set is stored only if it is separable with a threshold, P(separable) = Cover's formula in
    d + 1 dimensions; the gradient is that of finite differences. No capacity theory is used for H > 1: what is measured
    is what so many steps reach, not what the architecture could hold.

    Not to be confused with generalisation (labels are random), with the capacity of the architecture, or with minibatch
    training: there is no noise but the first weights.

    The disorder draws the patterns, then two sets of labels, the messages, then probe inputs. Noise draws the first
    weights: copies a and b learn labels 0, c labels 1 of the same patterns. Weights of two copies cannot be compared
    (hidden units may be permuted and reversed), so the state of a copy is its function: `coherence` is |cos| of f_a and
    f_b on 1000 probe inputs, an estimate of their overlap in the mean square of the input distribution (for a
    perceptron that is the cosine of the weights); without relation about 0.025. `memory` comes from the joint counts of
    labels and readouts. `converged` is 1 where all labels are stored, or where the loss fell by less than 1 % in the
    second half of the training.
    """

    inputs: int = parameter(20, units="1", minimum=1, maximum=4096, quenched=True, doc="number of inputs d")
    hidden: int = parameter(10, units="1", minimum=1, maximum=4096, quenched=True, doc="number of hidden units H")
    load: float = parameter(
        1.0, units="1", minimum=1e-6, quenched=True, doc="requested patterns per parameter; P is rounded"
    )
    distribution: str = parameter(
        "normal", units="1", choices=("normal", "binary"), quenched=True, doc="what components of patterns are"
    )
    optimiser: str = parameter("adam", units="1", choices=("adam", "momentum"), doc="how the gradient is followed")
    rate: float = parameter(0.01, units="1", minimum=1e-9, maximum=1e6, doc="learning rate η")
    momentum: float = parameter(0.9, units="1", minimum=0, maximum=0.9999, doc="κ of momentum; Adam has its own")
    steps: int = parameter(2000, units="step", minimum=1, doc="gradient steps, each over all patterns")
    copies: int = copies_parameter()

    task: ClassVar[str | None] = "recall"
    observables: ClassVar[tuple[Observable, ...]] = (
        Observable(
            "coherence", "1", "coherence", may_be_nan=True, long_name="|cosine| of two copies' f on inputs never learnt"
        ),
        Observable(
            "blind_coherence", "1", "blind_coherence", may_be_nan=True, long_name="|cosine| of a with c, other labels"
        ),
        Observable(
            "memory", "1", "memory", may_be_nan=True, long_name="mutual information of labels and outputs / its maximum"
        ),
        Observable("accuracy", "1", may_be_nan=True, long_name="share of labels that are right"),
        Observable("stored_bits", "bit", may_be_nan=True, long_name="stored bits P(1 - H2(error))"),
        Observable("parameter_count", "1", dtype="int64", long_name="weights and biases H(d+2)+1"),
        Observable("loss", "1", may_be_nan=True, long_name="mean logistic loss"),
        Observable(
            "accuracy_trace", "1", dims=("step",), may_be_nan=True, long_name="share of right labels in training"
        ),
        Observable("realised_load", "1", long_name="patterns per parameter P/n"),
        Observable("converged", "1", dtype="int8", long_name="1: all stored, or the loss falls no more"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stored == 0:
            raise InputError(
                f"load = {self.load:g} of {self.size} parameters rounds to no pattern; {1 / self.size:.3g} stores one"
            )
        if self.stored * max(self.inputs, self.hidden) > 2**24:
            raise InputError(
                f"load = {self.load:g} gives P = {self.stored} patterns, P·max(d, H) above 2^24: lower load, inputs or "
                "hidden"
            )

    @property
    def size(self) -> int:
        """Number of weights and biases."""
        return self.hidden * (self.inputs + 2) + 1

    @property
    def stored(self) -> int:
        """Number of patterns P."""
        return round(self.load * self.size)

    @property
    def checks(self) -> np.ndarray:
        """The steps at which accuracy is traced: the last, half of it, and so on."""
        checks = self.steps // 2 ** np.arange(CHECKPOINTS)
        return np.asarray(checks[checks > 0][::-1])

    def coords(self) -> dict[str, tuple[typing.Any, dict[str, str]]]:
        """See `Model.coords`."""
        return {"step": (self.checks, {"units": "step", "long_name": "gradient steps done"})}

    def cost(self) -> float:
        """Nanoseconds, roughly: two products of patterns, inputs and units, tanh, dots."""
        return self.copies * self.steps * (self.stored * self.hidden * (0.1 * self.inputs + 4) + 2e3)

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        task = draw(disorder, self)
        rows = [self._replica(task, stream) for stream in noise]
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def _replica(self, task: Task, noise: np.ndarray) -> dict[str, typing.Any]:
        correct, losses = np.empty(self.checks.size, np.int64), np.empty(self.checks.size)
        learned, probed, traces, diverged = [], [], [], []
        transposed = np.ascontiguousarray(task.patterns.T)
        for copy in range(self.copies):
            theta = np.empty(self.size)
            backprop.initialise(jumped(noise, copy), self.inputs, self.hidden, theta)
            told = task.labels[1 if copy == 2 else 0]
            start = float(np.logaddexp(0.0, -told * self._output(theta, transposed)).mean())
            how = self.optimiser == "adam", self.rate, self.momentum, self.checks
            backprop.train(theta, task.patterns, told, self.hidden, *how, correct, losses)
            learned.append(np.where(self._output(theta, transposed) > 0, 1, -1))
            probed.append(self._output(theta, task.probes))
            traces.append((correct / self.stored, losses.copy()))
            diverged.append(not losses[-1] <= start)  # also where it is not a number
        message = task.labels[0].astype(np.int64)
        overlap = int(learned[0] @ message)
        accuracy, (trace, losses) = (self.stored + overlap) / (2 * self.stored), traces[0]
        known = {
            "parameter_count": self.size,
            "realised_load": self.stored / self.size,
            "converged": accuracy == 1 or abs(losses[-1] - losses[-2:][0]) < SETTLED * losses[-2:][0],
        }
        if diverged[0]:
            lost = {o.name: np.full(trace.shape, math.nan) if o.dims else math.nan for o in self.observables}
            return lost | known | {"converged": 0}
        alike = [
            abs(measures.cosine(probed[0], probed[k])) if k < self.copies and not diverged[k] else math.nan
            for k in (1, 2)
        ]
        return known | {
            "coherence": alike[0],
            "blind_coherence": alike[1],
            "memory": float(measures.binary_memory(overlap, message.sum(), learned[0].sum(), self.stored)),
            "accuracy": accuracy,
            "stored_bits": float(measures.stored_bits(1 - accuracy, self.stored)),
            "loss": losses[-1],
            "accuracy_trace": trace,
        }

    def _output(self, theta: np.ndarray, transposed: np.ndarray) -> np.ndarray:
        """f (n,) of inputs (d, n)."""
        many = transposed.shape[1]
        output = np.empty(many)
        backprop.forward(theta, transposed, np.empty((self.hidden, many)), np.empty((self.hidden, many)), output)
        return output

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(inputs=6, hidden=3, load=0.8, steps=64)


def draw(disorder: np.ndarray, model: MultilayerPerceptron) -> Task:
    """A sample's task; `disorder` uint64 (4,) is not written to."""
    stream = np.array(disorder, dtype=np.uint64)
    patterns, probes = np.empty((model.stored, model.inputs)), np.empty((PROBES, model.inputs))
    labels = np.empty((2, model.stored), np.int8)
    binary = model.distribution == "binary"
    perceptrons.fill_patterns(stream, binary, patterns)
    for row in labels:
        random_signs(stream, row)
    perceptrons.fill_patterns(stream, binary, probes)
    return Task(patterns, labels.astype(np.float64), np.ascontiguousarray(probes.T))
