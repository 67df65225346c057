"""The echo-state network: a random recurrent network whose state is a fading memory of its input."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import numpy as np

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.kernels import reservoirs
from isinglass.kernels.streams import jumped
from isinglass.models.base import Model, Observable, copies_parameter, parameter, parameters

LEVELS = 8
"""Equally filled levels of message and readout, 3 bits, in `memory`."""
FLOOR = 1e-300
"""Of the distance of two copies: once they agree in every bit it would be 0."""
SYNCHRONISED, ECHO = 1e-3, 1e-6
"""Relative distances below which copies count as synchronised, at the end, and as converged, after the washout."""


class Reservoir(NamedTuple):
    """A sample: `columns` (N, N) of W as rows, spectral radius 1; `weights` (N,) of the input; `inputs` (2, steps)."""

    columns: np.ndarray
    weights: np.ndarray
    inputs: np.ndarray


@dataclass(frozen=True)
class EchoState(Model):
    """N nodes x(t+1) = f(W x(t) + w u(t)), driven by independent inputs u(t), uniform in ±`input_scale`.

    W is a matrix of independent normals scaled to the spectral radius ρ, or ρ times a random orthogonal matrix; w is
    uniform in ±1; f = tanh or linear. Only a linear readout is trained: for each delay k ridge regression makes
    y_k(t) = v_k·x(t) + const from the training half, to recall u(t - k); k = 1 is the newest input in x(t). On the
    other half r²_k is the squared correlation of y_k and u(t - k), and the memory capacity MC is Σ_k r²_k less what
    chance gives: 1/(testing - 1) a delay, exact for inputs in random order.

    Exact: Σ_k r²_k <= N for infinitely long data (Jaeger's bound); a linear reservoir with independent inputs has
    Σ_k r²_k = rank of (w, Ww, W²w, ...), N in general, whatever ρ < 1 is, and a curve that depends on the eigenvalues
    of W alone: `isinglass.theory.echo_state`. What is *measured* is less, because directions of tiny variance are lost
    in the ridge, in rounding, and in the nonlinearity: at small `input_scale` MC says as much of `ridge` as of the
    network. Without input, for N → ∞ and normal W, x = 0 loses its stability at ρ = 1.

    Not to be confused with a trained recurrent network (W stays random), nor ρ < 1 with the echo-state property: inputs
    can suppress chaos at ρ > 1. Neither is the edge of synchronisation that of stability: where two states attract,
    copies differ although the Lyapunov exponent is negative, and `coherence` may be 1 (x and -x have |cosine| 1).

    The disorder draws W, w and two input sequences, the messages; `spectral_radius` and `input_scale` only scale them.
    Noise draws initial states, uniform in ±1: a and b hear input 0, c input 1. `coherence` is the window mean of
    |a·b|/|a||b|, `blind_coherence` that with c. `memory` is (1/N) Σ_{k=1..N} I(u(t - k); y_k)/H(u), both in 8 equally
    filled levels, on the testing half. Copy b also runs with copies=1, since `sync_distance` = |a - b| at the end over
    that at the start (not below 1e-300) needs it. `converged` is 1 where that ratio was below 1e-6 after the washout
    (initial states are forgotten), or where the mean distance did not halve from the first to the second half of the
    window (chaos or several attractors: longer runs change nothing); 0 where it still falls: lengthen the washout.
    """

    nodes: int = parameter(100, units="1", minimum=2, maximum=4096, quenched=True, doc="number of nodes N")
    reservoir: str = parameter(
        "gaussian", units="1", choices=("gaussian", "orthogonal"), quenched=True, doc="the kind of random matrix W"
    )
    spectral_radius: float = parameter(0.95, units="1", minimum=0, maximum=10, doc="largest |eigenvalue| ρ of W")
    input_scale: float = parameter(0.1, units="1", minimum=1e-9, maximum=1e3, doc="largest |u|; W and w have no units")
    activation: str = parameter("tanh", units="1", choices=("tanh", "linear"), doc="the function f of a node")
    washout: int = parameter(500, units="step", minimum=1, quenched=True, doc="steps before measuring")
    training: int = parameter(2000, units="step", minimum=10, quenched=True, doc="steps that train the readout")
    testing: int = parameter(
        2000, units="step", minimum=10, quenched=True, doc="steps that test the readout; memory is biased below 600"
    )
    longest_delay: float = parameter(
        1.5, units="1", minimum=1e-4, maximum=100, doc="longest delay K over N; K is rounded"
    )
    ridge: float = parameter(
        1e-9, units="1", minimum=1e-15, doc="ridge of the regression over the mean variance of a node"
    )
    copies: int = copies_parameter()

    task: ClassVar[str | None] = "fading"
    observables: ClassVar[tuple[Observable, ...]] = (
        Observable(
            "coherence", "1", "coherence", may_be_nan=True, long_name="|cosine| of two copies that hear one input"
        ),
        Observable(
            "blind_coherence", "1", "blind_coherence", may_be_nan=True, long_name="|cosine| of a with c, another input"
        ),
        Observable("memory", "1", "memory", long_name="mutual information of past inputs and readouts / its maximum"),
        Observable("memory_capacity", "1", long_name="memory capacity MC less chance"),
        Observable("raw_memory_capacity", "1", long_name="sum of r² over delays, chance included"),
        Observable("capacity_per_node", "1", long_name="memory capacity per node MC/N"),
        Observable("memory_curve", "1", dims=("delay",), long_name="r² of readout and input, chance included"),
        Observable("sync_distance", "1", long_name="distance |a-b| at the end / at the start"),
        Observable("synchronised", "1", dtype="int8", long_name="1: copies came within 10^-3 of their first distance"),
        Observable("lyapunov_exponent", "1/step", long_name="largest Lyapunov exponent under the input"),
        Observable("activity", "1", long_name="root mean square of a node"),
        Observable("converged", "1", dtype="int8", long_name="1: initial states forgotten, or never to be"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.activation == "linear" and self.spectral_radius >= 1:
            raise InputError(
                f"spectral_radius = {self.spectral_radius:g} with activation = 'linear' grows without bound: "
                "below 1, or use 'tanh'"
            )
        if self.longest * self.nodes > 2**26 or (self.training + self.testing) * self.nodes > 2**28:
            raise InputError(
                f"nodes = {self.nodes}, longest_delay = {self.longest_delay:g}: {self.longest} readouts (2^26 weights "
                "at most) or the states (2^28 numbers) do not fit; lower nodes, longest_delay or training"
            )
        if self.washout < self.longest:
            raise InputError(
                f"washout = {self.washout} is shorter than the longest delay, {self.longest}: lengthen it, or lower "
                "longest_delay"
            )
        if self.training <= self.nodes:
            raise InputError(
                f"training = {self.training} steps cannot train {self.nodes} weights: take more than nodes, best 20 N"
            )

    @property
    def longest(self) -> int:
        """The longest delay K, steps."""
        return max(1, round(self.longest_delay * self.nodes))

    @property
    def steps(self) -> int:
        """Inputs in all."""
        return self.washout + self.training + self.testing

    def coords(self) -> dict[str, tuple[typing.Any, dict[str, str]]]:
        """See `Model.coords`."""
        return {"delay": (np.arange(1, self.longest + 1), {"units": "step", "long_name": "delay k"})}

    def cost(self) -> float:
        """Nanoseconds, roughly: states, readout, ranks."""
        states = (self.copies / 2 + 2) * self.steps * self.nodes * (0.15 * self.nodes + 15)
        fits = 0.15 * self.nodes * (self.longest * self.steps + self.nodes * (self.training + self.nodes))
        return states + fits + 200 * self.nodes * self.testing

    def prepare(self, disorder: np.ndarray) -> Reservoir:
        """The sample: what spectral radius and input scale are applied to."""
        stream = np.array(disorder, dtype=np.uint64)
        columns, weights = np.empty((self.nodes, self.nodes)), np.empty(self.nodes)
        inputs = np.empty((2, self.steps))
        reservoirs.fill_normal(stream, columns.reshape(-1))
        for row in (weights, *inputs):
            reservoirs.fill_uniform(stream, row)
        if self.reservoir == "orthogonal":
            reservoirs.orthonormalise(columns)
        else:
            columns /= reservoirs.spectral_radius(columns)
        return Reservoir(columns, weights, inputs)

    def measure(self, sample: Reservoir, noise: np.ndarray) -> dict[str, np.ndarray]:
        """All observables of a sample, one row a replica."""
        rows = [self._replica(sample, stream) for stream in noise]
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def _replica(self, sample: Reservoir, noise: np.ndarray) -> dict[str, typing.Any]:
        streams = [jumped(noise, c) for c in range(max(self.copies, 2))]
        start, tangent = np.empty((len(streams), self.nodes)), np.empty(self.nodes)
        for row, stream in zip(start, streams, strict=True):
            reservoirs.fill_uniform(stream, row)
        reservoirs.fill_uniform(streams[0], tangent)
        heard = np.stack([sample.inputs[c // 2] for c in range(len(streams))])
        window = self.training + self.testing
        states, totals, readouts = np.empty((window, self.nodes)), np.empty(9), np.empty((self.longest, self.testing))
        columns = sample.columns * self.spectral_radius
        tanh = self.activation == "tanh"
        reservoirs.drive(
            columns, sample.weights, heard, self.input_scale, tanh, self.washout, start, tangent, states, totals
        )
        reservoirs.readout(states, sample.inputs[0], self.washout + 1, self.training, self.ridge, readouts)
        past = self._past(sample.inputs[0])
        curve = _squared_correlation(past, readouts)
        raw = float(curve.sum())
        capacity = raw - self.longest / (self.testing - 1)
        near = min(self.nodes, self.longest)
        memory = measures.memory(measures.level_counts(past[:near], readouts[:near], LEVELS))
        washed, ended = np.maximum(totals[1:3] / totals[0], FLOOR)
        alone = self.copies == 1
        return {
            "coherence": np.nan if alone else totals[4],
            "blind_coherence": np.nan if alone else totals[5],
            "memory": memory.sum() / self.nodes,
            "memory_capacity": capacity,
            "raw_memory_capacity": raw,
            "capacity_per_node": capacity / self.nodes,
            "memory_curve": curve,
            "sync_distance": ended,
            "synchronised": ended < SYNCHRONISED,
            "lyapunov_exponent": totals[3],
            "activity": np.sqrt(totals[6]),
            "converged": washed < ECHO or totals[8] > totals[7] / 2,
        }

    def _past(self, inputs: np.ndarray) -> np.ndarray:
        """The inputs that the readouts are tested against, (delay, step)."""
        first = self.washout + self.training + 1  # inputs before the first state tested
        return np.stack([inputs[first - k : first - k + self.testing] for k in range(1, self.longest + 1)])

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        return self.measure(self.prepare(disorder), noise)

    @classmethod
    def simulate_batch(
        cls, models: typing.Sequence[Self], disorder: np.ndarray, noise: np.ndarray
    ) -> dict[str, np.ndarray]:
        """See `Model.simulate_batch`: points that follow each other and share their sample share its matrix."""
        quenched = [name for name, spec in parameters(cls).items() if spec.quenched]
        known: tuple[typing.Any, ...] = ()
        results = []
        for model, stream, rows in zip(models, disorder, noise, strict=True):
            asked = (stream.tobytes(), *(getattr(model, name) for name in quenched))
            if asked != known:
                sample, known = model.prepare(stream), asked
            results.append(model.measure(sample, rows))
        return {o.name: np.stack([r[o.name] for r in results]) for o in cls.observables}

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(nodes=12, washout=60, training=100, testing=100)


def _squared_correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """r² of each row of x with that of y, (K, n) each; 0 where one does not vary."""
    x = x - x.mean(axis=-1, keepdims=True)
    y = y - y.mean(axis=-1, keepdims=True)
    covariance, square = (x * y).sum(axis=-1), (x * x).sum(axis=-1) * (y * y).sum(axis=-1)
    return np.asarray(np.divide(covariance**2, square, out=np.zeros(len(x)), where=square > 0))
