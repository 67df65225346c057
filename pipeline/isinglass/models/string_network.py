"""Neurons whose weights are a permutation and its transpose: a discrete string, and what mixing makes of its memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from isinglass.exceptions import InputError
from isinglass.kernels import strings
from isinglass.kernels.streams import normal
from isinglass.models.base import Model, Observable, check_memory, parameter

FIT = 16
"""Steps from which the propagator of a mode is fitted."""


@dataclass(frozen=True)
class StringNetwork(Model):
    """D subsystems of N linear neurons x(t+1) = Wx(t), half of an ensemble with W = P, an N-cycle, half with W = Pᵀ.

    The means over the halves are movers R and L, X = R + L their position. One step: (R, L) mixed at each neuron by
    C = exp(ε [[-(1-χ), 1], [1-2χ, -(1-χ)]]), optional tanh(gx)/g, R shifted along P and L along Pᵀ, optional noise.
    ε is the mixing a step; χ = 0: each network turns to the other weights with probability (1 - e^{-2ε})/2; χ = 1: a
    rotation of R into L by ε. With a = (1-χ)ε, b = χε: e^{λt}, λ = -a ± √(a² - b² - k²) in the continuum, exactly the
    logarithm of the eigenvalues of diag(e^{-ik}, e^{ik}) C (`theory.strings`).

    Exact: ε = 0 is X(t+1,n) + X(t-1,n) = X(t,n+1) + X(t,n-1), the wave equation, and X returns after N steps, for any
    X: an identity. The permutation, its transpose in equal parts and the linear neurons are imposed, nothing is
    learned. Transpositions of two targets make several strings, one for each cycle of the permutation.

    Not to be confused with `StringEnsemble`, M networks that flip by chance (this is its mean, M → ∞, at χ = 0), nor
    the raw overlap with a cosine: without noise and gain a fading string keeps its shape, and its cosine stays near 1.

    The disorder draws the initial string, a sum of modes with random amplitudes and phases, mean X² = 1, and the
    transpositions; noise draws the noise. `start` standing: R = L. Nothing is drawn but the noise afterwards, and
    nothing has to converge. `decay`, `fast_decay` and `frequency` are fitted to steps of mode `mode` from two initial
    conditions, and are NaN with gain, noise or transpositions.
    """

    neurons: int = parameter(256, units="1", minimum=8, maximum=2**16, quenched=True, doc="neurons N of a subsystem")
    dimension: int = parameter(1, units="1", minimum=1, maximum=16, quenched=True, doc="subsystems D: dimensions")
    mixing: float = parameter(0.0, units="1", minimum=0, maximum=3, doc="strength ε of the coin, per step")
    antisymmetry: float = parameter(0.0, units="1", minimum=0, maximum=1, doc="χ: 0 stochastic, 1 a rotation")
    mode: int = parameter(4, units="1", minimum=1, quenched=True, doc="lowest mode of the initial string, 2πm/N = k")
    modes: int = parameter(1, units="1", minimum=1, quenched=True, doc="modes from there on in the initial string")
    start: str = parameter(
        "standing", units="1", choices=("standing", "travelling"), quenched=True,
        doc="standing: R = L; travelling: R and L drawn by themselves",
    )  # fmt: skip
    transpositions: int = parameter(
        0, units="1", minimum=0, maximum=10**6, quenched=True, doc="random transpositions in P"
    )
    gain: float = parameter(0.0, units="1", minimum=0, maximum=100, doc="g of tanh(gx)/g; 0: linear")
    noise: float = parameter(
        0.0, units="1", minimum=0, maximum=100, doc="standard deviation that a step adds to X, of that of X(0)"
    )
    revolutions: float = parameter(1.0, units="1", minimum=0, maximum=1000, doc="time over N steps, rounded")
    records: int = parameter(16, units="1", minimum=1, maximum=4096, doc="times at which the overlap is recorded")

    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("raw_overlap", "1", long_name="⟨X(T), X(0)⟩/⟨X(0), X(0)⟩, not normalised"),
        Observable("shape_overlap", "1", long_name="cosine of X(T) and X(0)"),
        Observable("mode_power", "1", long_name="share of the power of X(T) in the modes of X(0)"),
        Observable("wave_residual", "1", long_name="rms of X(t+1) + X(t-1) - ΣX(t) of neighbours, over that of X(0)"),
        Observable("decay", "1", may_be_nan=True, long_name="-Re λ of mode m, slow branch, per step"),
        Observable("fast_decay", "1", may_be_nan=True, long_name="-Re λ of mode m, fast branch, per step"),
        Observable("frequency", "1", may_be_nan=True, long_name="|Im λ| of mode m, radians per step"),
        Observable("cycles", "1", dtype="int64", long_name="cycles of the permutation: closed strings"),
        Observable("overlap_trace", "1", dims=("time",), long_name="raw overlap in time"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if 2 * (self.mode + self.modes) > self.neurons:
            raise InputError(
                f"mode = {self.mode} with modes = {self.modes} is beyond what neurons = {self.neurons} can hold: "
                f"mode + modes is at most {self.neurons // 2}"
            )
        if self.times[-1] < 2:
            raise InputError(f"revolutions = {self.revolutions:g} is less than 2 steps of {self.neurons}: raise it")
        what = f"dimension = {self.dimension} of neurons = {self.neurons}"
        check_memory(8.0 * self.neurons * (8 * self.dimension + 16) + 8 * self.times.size, what, "lower neurons")

    @property
    def times(self) -> np.ndarray:
        """The steps after which the overlap is recorded, int64, evenly spaced; the last is the end."""
        end = round(self.revolutions * self.neurons)
        return np.unique(np.round(np.linspace(0, end, self.records + 1)[1:])).astype(np.int64)

    def coords(self) -> dict[str, tuple[Any, dict[str, str]]]:
        """See `Model.coords`."""
        return {"time": (self.times, {"units": "step", "long_name": "steps"})}

    def cost(self) -> float:
        """Nanoseconds, roughly."""
        each = 2 + 30 * (self.gain > 0) + 20 * (self.noise > 0)
        return self.neurons * (self.dimension * (each * float(self.times[-1]) + 50) + 4 * FIT * 2) + 50_000

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        stream = np.array(disorder, np.uint64)
        right, left = self._string(stream)
        forward, backward = np.empty(self.neurons, np.int64), np.empty(self.neurons, np.int64)
        cycles = strings.rewire(stream, forward, backward, self.transpositions)
        fitted = self._fitted(forward, backward)
        rows = []
        for start in noise:
            row = self._run(right.copy(), left.copy(), forward, backward, np.array(start, np.uint64))
            rows.append((*row[:-1], *fitted, cycles, row[-1]))
        return {o.name: np.array([row[k] for row in rows], o.dtype) for k, o in enumerate(self.observables)}

    def _string(self, stream: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """R and L (D, N) of the initial string."""
        movers = np.zeros((2, self.dimension, self.neurons))
        phase = 2 * np.pi / self.neurons * np.arange(self.neurons)
        for mover in movers[:1] if self.start == "standing" else movers:
            for component in mover:
                for mode in range(self.mode, self.mode + self.modes):
                    component += normal(stream) * np.cos(mode * phase) + normal(stream) * np.sin(mode * phase)
        if self.start == "standing":
            movers[1] = movers[0]
        movers /= np.sqrt((movers.sum(axis=0) ** 2).mean())
        return movers[0], movers[1]

    def _coin(self) -> np.ndarray:
        out = np.empty((2, 2))
        strings.coin(self.mixing, self.antisymmetry, out)
        return out

    def _run(
        self, right: np.ndarray, left: np.ndarray, forward: np.ndarray, backward: np.ndarray, stream: np.ndarray
    ) -> tuple[Any, ...]:
        """Overlaps, power and residual at the end, and the trace; `right` and `left` are used up."""
        start, coin, spare = right + left, self._coin(), np.empty((2, self.neurons))
        noise, times, trace = self.noise / math.sqrt(2), self.times, np.empty(self.times.size)
        end, past = int(times[-1]), 0
        last = [right + left] * 3  # X at the last three steps
        for at in sorted({*times.tolist(), end - 2, end - 1}):
            strings.advance(right, left, spare, forward, backward, coin, self.gain, noise, stream, at - past)
            past = at
            last = [*last[1:], right + left]
            trace[times == at] = (last[-1] * start).mean() / (start**2).mean()
        before, now, after = last
        residual = after + before - now[:, forward] - now[:, backward]
        power = abs(np.fft.rfft(after, axis=-1)) ** 2
        power[:, 1 : (self.neurons + 1) // 2] *= 2
        excited = power[:, self.mode : self.mode + self.modes].sum()
        size = math.sqrt((after**2).mean() * (start**2).mean())
        return (
            trace[-1],
            (after * start).mean() / size if size > 0 else 0.0,
            excited / power.sum() if size > 0 else 0.0,
            math.sqrt((residual**2).mean() / (start**2).mean()),
            trace,
        )

    def _fitted(self, forward: np.ndarray, backward: np.ndarray) -> tuple[float, float, float]:
        """Slow and fast decay and frequency from the 2 x 2 propagator of a mode, by least squares."""
        if self.gain or self.noise or self.transpositions:
            return math.nan, math.nan, math.nan
        phase = 2 * np.pi * self.mode / self.neurons * np.arange(self.neurons)
        wave, coin, spare = np.array([np.cos(phase), np.sin(phase)]), self._coin(), np.empty((2, self.neurons))
        states = np.empty((FIT + 1, 2, 2), np.complex128)  # step, component (R, L), initial condition
        for k in range(2):
            movers = np.zeros((2, 2, self.neurons))
            movers[k] = wave
            for step in range(FIT + 1):
                states[step, :, k] = ((movers[:, 0] + 1j * movers[:, 1]) * (wave[0] - 1j * wave[1])).mean(axis=-1)
                strings.advance(
                    movers[0], movers[1], spare, forward, backward, coin, 0.0, 0.0, np.zeros(4, np.uint64), 1
                )
        a, b = states[:-1], states[1:]
        gram = np.einsum("tik,tjk->ij", a, a.conj())
        turn = np.einsum("tik,tjk->ij", b, a.conj())
        det = gram[0, 0] * gram[1, 1] - gram[0, 1] * gram[1, 0]
        inverse = np.array([[gram[1, 1], -gram[0, 1]], [-gram[1, 0], gram[0, 0]]]) / det
        step_matrix = np.einsum("ij,jk->ik", turn, inverse)
        half = (step_matrix[0, 0] + step_matrix[1, 1]) / 2
        root = np.sqrt(half**2 - (step_matrix[0, 0] * step_matrix[1, 1] - step_matrix[0, 1] * step_matrix[1, 0]))
        slow, fast = sorted((half + root, half - root), key=abs, reverse=True)
        return -math.log(abs(slow)), -math.log(abs(fast)), abs(float(np.angle(slow)))

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(neurons=16, mode=1, modes=2, mixing=0.1, noise=0.1, transpositions=2, records=4)
