"""The sheet that a string of neurons sweeps, with a clock for its time: when it obeys the Nambu-Goto equation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass.exceptions import InputError
from isinglass.kernels import strings
from isinglass.kernels.streams import below, normal
from isinglass.models.base import Model, Observable, check_memory, parameter


@dataclass(frozen=True)
class WorldSheet(Model):
    """D subsystems of N neurons, half of an ensemble with weights P, half with Pᵀ: movers R(σ-τ), L(σ+τ), X = R + L.

    X(τ, σ) obeys the wave equation whatever it is. It is a relativistic string, extremal in a flat space-time of D + 1
    dimensions (Nambu-Goto: ∂_a(√|h| h^ab ∂_bX) = 0, h_ab = ∂_aX·∂_bX), if a clock X⁰ is added for which the Virasoro
    constraints h_ττ + h_σσ = 0 = h_τσ hold. `clock` arc_length: ∂_∓X⁰ = |R'|, |L'|, which solves them; time: X⁰ ∝ τ,
    at the mean rate of the arc length; mean: X⁰ = (X¹ + ... + X^D)/D, the plain mean of the subsystems.

    Exact: arc_length gives 0 in both residuals at every τ, an identity. The other two give it for no typical string;
    mean with D = 2 obeys Nambu-Goto as any piece of a plane does, with a sheet that has no time in it.

    Not to be confused with the wave equation, which all three obey (`wave_residual`), nor with a string whose clock is
    learned: the clock is imposed here. How the source normalises its time could not be read (model card C2).

    The disorder draws R and L, sums of modes 1 to `modes` with random amplitudes; L is scaled to the length of R, so
    that the sheet closes. Noise draws after how many steps of the revolution it is looked at. Derivatives by σ are
    those of the state's Fourier series then, those by τ follow from the movers. The equation is singular at cusps,
    where the directions of R' and -L' agree; a median stands beside the rms for their sake.
    """

    neurons: int = parameter(256, units="1", minimum=16, maximum=2**16, quenched=True, doc="neurons N of a subsystem")
    dimension: int = parameter(3, units="1", minimum=2, maximum=256, quenched=True, doc="subsystems D: dimensions")
    modes: int = parameter(3, units="1", minimum=1, quenched=True, doc="Fourier modes in each mover")
    clock: str = parameter("arc_length", units="1", choices=("arc_length", "time", "mean"), doc="what X⁰ is")
    rate: float = parameter(1.0, units="1", minimum=1e-3, maximum=1e3, doc="X⁰ over what the clock says")

    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("wave_residual", "1", long_name="rms of X(t+1) + X(t-1) - ΣX(t) of neighbours, over that of X"),
        Observable("return_error", "1", long_name="largest |X(N) - X(0)| over rms of X: one revolution"),
        Observable("constraint", "1", long_name="rms of both Virasoro constraints over the mean of |∂_σX|² + |∂_τX|²"),
        Observable("nambu_goto", "1", long_name="rms of the Nambu-Goto equation over that of ∂²X/∂σ²"),
        Observable("median_nambu_goto", "1", long_name="median of the Nambu-Goto equation over the rms of ∂²X/∂σ²"),
        Observable("timelike", "1", long_name="share of the sheet that is timelike"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if 2 * self.modes >= self.neurons:
            raise InputError(
                f"modes = {self.modes} is too many for neurons = {self.neurons}: below {self.neurons / 2:g}"
            )
        check_memory(8.0 * self.neurons * 16 * (self.dimension + 1), f"dimension = {self.dimension}", "lower it")

    def cost(self) -> float:
        """Nanoseconds, roughly."""
        return self.neurons * self.dimension * (3.0 * self.neurons + 300) + 100_000

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        right, left = self._movers(np.array(disorder, np.uint64))
        rows = [self._look(right.copy(), left.copy(), np.array(stream, np.uint64)) for stream in noise]
        return {o.name: np.array([row[o.name] for row in rows]) for o in self.observables}

    def _look(self, right: np.ndarray, left: np.ndarray, stream: np.ndarray) -> dict[str, float]:
        """The observables at a random time of one revolution; `right` and `left` are used up."""
        n = self.neurons
        forward, backward = np.empty(n, np.int64), np.empty(n, np.int64)
        strings.rewire(stream, forward, backward, 0)
        identity, spare, history = np.eye(2), np.empty((2, n)), [right + left]
        when = 2 + below(stream, n - 1)
        for steps in (when - 2, 1, 1):
            strings.advance(right, left, spare, forward, backward, identity, 0.0, 0.0, stream, steps)
            history.append(right + left)
        start, before, now, after = history
        residual = after + before - now[:, forward] - now[:, backward]
        size, found = math.sqrt((start**2).mean()), self._geometry(right, left)
        strings.advance(right, left, spare, forward, backward, identity, 0.0, 0.0, stream, n - when)
        return {
            "wave_residual": math.sqrt((residual**2).mean()) / size,
            "return_error": abs(right + left - start).max() / size,
            **found,
        }

    def _movers(self, stream: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """R and L (D, N), of one length."""
        movers = np.zeros((2, self.dimension, self.neurons))
        phase = 2 * np.pi / self.neurons * np.arange(self.neurons)
        for mover in movers:
            for component in mover:
                for mode in range(1, self.modes + 1):
                    component += (normal(stream) * np.cos(mode * phase) + normal(stream) * np.sin(mode * phase)) / mode
            slope, _ = self._slopes(mover)
            mover /= np.sqrt((slope**2).sum(axis=0)).mean()
        return movers[0], movers[1]

    def _slopes(self, mover: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First and second derivative by the site's angle, from the Fourier series of the modes in it."""
        series = np.fft.rfft(mover, axis=-1)
        series[:, self.modes + 1 :] = 0
        wave = 1j * np.arange(series.shape[-1])
        first, second = (np.fft.irfft(series * wave**k, self.neurons, axis=-1) for k in (1, 2))
        return first, second

    def _geometry(self, right: np.ndarray, left: np.ndarray) -> dict[str, float]:
        (r1, r2), (l1, l2) = self._slopes(right), self._slopes(left)
        if self.clock == "arc_length":  # X⁰ = B(σ+τ) - A(σ-τ)
            (a1, a2), (b1, b2) = _length(r1, r2), _length(l1, l2)
            a1, a2 = -a1, -a2
        elif self.clock == "mean":
            a1, a2, b1, b2 = (x.mean(axis=0) for x in (r1, r2, l1, l2))
        else:
            a1, b1 = np.full(self.neurons, -1.0), np.ones(self.neurons)
            a2 = b2 = np.zeros(self.neurons)
        minus, plus, minus2, plus2 = (
            np.vstack([self.rate * x, y]) for x, y in ((a1, r1), (b1, l1), (a2, r2), (b2, l2))
        )
        out = np.empty((3, self.neurons))
        strings.sheet(plus - minus, plus + minus, plus2 + minus2, plus2 - minus2, out)
        scale = ((l1 + r1) ** 2 + (l1 - r1) ** 2).sum(axis=0).mean()
        bend = np.sqrt(((r2 + l2) ** 2).sum(axis=0).mean())
        return {
            "constraint": np.sqrt(out[1].mean()) / scale,
            "nambu_goto": np.sqrt(out[0].mean()) / bend,
            "median_nambu_goto": np.sqrt(np.median(out[0])) / bend,
            "timelike": (out[2] > 0).mean(),
        }

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(neurons=32)


def _length(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """|R'| and its derivative, of a mover's first and second derivative (D, N)."""
    speed = np.sqrt((first**2).sum(axis=0))
    return speed, (first * second).sum(axis=0) / speed
