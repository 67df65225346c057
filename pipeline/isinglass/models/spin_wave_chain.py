"""A message sent down a chain of spins by spin waves: how many bits arrive in a time, against damping."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.kernels import spin_dynamics, spin_waves
from isinglass.kernels.streams import jumped, random_signs
from isinglass.models.base import Model, Observable, copies_parameter, parameter

MOST_STEPS = 10**8
MOST_STATES = 2**24


@dataclass(frozen=True)
class SpinWaveChain(Model):
    """An open chain of N spins, E = -J Σ S_i·S_i+1 - B Σ S_iz, driven at its end by a field along x on the first spin:

        b(t) = h m_n cos ωt while symbol n = ±1 is sent, for a time t_s each;  ω = B + 2J(1 - cos k)

    Landau-Lifshitz-Gilbert dynamics with heat (see `Macrospin`). J, γ, k_B and the moment are 1; times in 1/γJ. The
    carrier's wave number is k, so that its frequency lies in the band of spin waves. The spin at a `distance` d is
    listened to, later by the waves' time of flight d/(2 sin k): each symbol gives one complex number, the mean of
    (S_x + iS_y) e^{-iωt}. The phase of the carrier is learnt from the first quarter of the symbols; the others are read
    by the sign of the part in phase. No equaliser: what is left of earlier symbols, and echoes from the far end, are
    errors.

    Exact for small amplitude: a steady carrier arrives as [H - (1 - iα)ω]^-1 h/2, H the chain's matrix, and heat makes
    ⟨|S_x + iS_y|²⟩ = 2T (H^-1)_ii (`theory.landau_lifshitz`).

    Not to be confused: `memory` here is of an input's history as it passes (task fading), nothing is kept; information
    by a fixed reader is a lower bound of what the channel could carry; noise of spin waves has a strength that does not
    depend on damping at equilibrium, its colour does.

    The disorder draws two messages; noise draws the thermal field. The chain starts aligned, and is left to the heat
    for `equilibration` before the first symbol. Coherences are |Σ a·b*|/√(Σ|a|² Σ|b|²) of S_x + iS_y of all sites, at
    the ends of the symbols that are read, averaged. `converged`: transverse power of the chain in the two halves of
    those symbols differs by less than a tenth, or by 2.5 times its error from blocks.
    """

    length: int = parameter(64, units="1", minimum=2, maximum=65536, doc="spins N of the chain")
    distance: int = parameter(32, units="1", minimum=1, maximum=65535, doc="sites d from the sender to the receiver")
    wave_number: float = parameter(1.5707963267949, units="rad", minimum=0.05, maximum=3.09, doc="k of the carrier")
    field: float = parameter(0.5, units="1", minimum=0, maximum=1000, doc="B along the chain's moment, in J")
    drive: float = parameter(0.2, units="1", minimum=0, maximum=100, doc="amplitude h of the sender's field, in J")
    damping: float = parameter(0.01, units="1", minimum=0, maximum=10, doc="Gilbert's α")
    temperature: float = parameter(0.01, units="1", minimum=0, maximum=100, doc="k_B T in J")
    symbol: float = parameter(20.0, units="1", minimum=0, doc="time t_s of a symbol, in 1/γJ; rounded to steps")
    symbols: int = parameter(256, units="1", minimum=16, maximum=2**20, quenched=True, doc="symbols sent, bits each")
    equilibration: float = parameter(200.0, units="1", minimum=0, doc="time before the first symbol, in 1/γJ")
    time_step: float = parameter(0.1, units="1", minimum=1e-6, doc="time step, in 1/γJ")
    copies: int = copies_parameter()

    task: ClassVar[str | None] = "fading"
    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("coherence", "1", "coherence", may_be_nan=True,
                   long_name="overlap of the transverse spins of two copies that carry one message"),
        Observable("blind_coherence", "1", "blind_coherence", may_be_nan=True,
                   long_name="the same of two copies that carry different messages"),
        Observable("memory", "1", "memory", may_be_nan=True,
                   long_name="mutual information of sent and received bits / its maximum"),
        Observable("bit_rate", "1", may_be_nan=True, long_name="bits received in 1/γJ"),
        Observable("bit_overlap", "1", long_name="signed overlap of sent and received bits"),
        Observable("signal", "1", long_name="amplitude of the carrier that arrives"),
        Observable("scatter", "1", long_name="root mean square of what arrives besides, noise and other symbols"),
        Observable("transverse", "1", long_name="⟨|S_x + iS_y|²⟩ at the receiver"),
        Observable("converged", "1", dtype="int8", long_name="1: no drift of the chain's transverse power"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.distance >= self.length:
            raise InputError(f"distance = {self.distance} lies beyond a chain of {self.length}: at most length - 1")
        strength = self.field + 4 + self.drive
        spin_dynamics.check_step(self.time_step, strength, self.damping, self.temperature)
        flight = self.distance / (2 * math.sin(self.wave_number))
        steps = (self.symbol * self.symbols + self.equilibration + flight) / self.time_step
        if self.symbol / self.time_step < 2 or steps > MOST_STEPS:
            raise InputError(
                f"symbol = {self.symbol:g} is {self.symbol / self.time_step:.3g} steps, the run, "
                f"with the flight, {steps:.3g}: at least 2, and at most {MOST_STEPS:.0e}, are possible"
            )
        if self.symbols * self.length > MOST_STATES:
            raise InputError(f"symbols x length = {self.symbols * self.length}: at most {MOST_STATES} states are held")

    @property
    def frequency(self) -> float:
        """ω of the carrier."""
        return self.field + 2 * (1 - math.cos(self.wave_number))

    @property
    def delay(self) -> int:
        """Steps that the waves take from sender to receiver."""
        return round(self.distance / (2 * math.sin(self.wave_number)) / self.time_step)

    def cost(self) -> float:
        """Nanoseconds, roughly."""
        steps = (self.symbol * self.symbols + self.equilibration) / self.time_step + self.delay
        return self.copies * steps * (self.length * 24.0 + 100)

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        messages = np.empty((2, self.symbols), np.int8)
        random_signs(np.array(disorder, np.uint64), messages.reshape(-1))
        rows = [self._replica(messages, stream) for stream in noise]
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def _replica(self, messages: np.ndarray, noise: np.ndarray) -> dict[str, float]:
        (z, states), *others = [
            self.send(messages[1 if copy == 2 else 0], jumped(noise, copy)) for copy in range(self.copies)
        ]
        learnt = self.symbols // 4
        sent, got, states = messages[0, learnt:].astype(np.int64), z[learnt:], states[learnt:]
        carrier = complex((messages[0, :learnt] * z[:learnt]).mean())
        bits = np.where((got * np.conj(carrier)).real >= 0, 1, -1)
        overlap = int((bits * sent).sum())
        counts = measures.binary_counts(overlap, sent.sum(), bits.sum(), sent.size)
        arrives = complex((sent * got).mean())
        pairs = [likeness(states, other[learnt:]) for _, other in others]
        return {
            "coherence": pairs[0] if pairs else math.nan,
            "blind_coherence": pairs[1] if pairs else math.nan,
            "memory": float(measures.memory(counts)),
            "bit_rate": float(measures.mutual_information(counts)) / (self.steps * self.time_step),
            "bit_overlap": overlap / sent.size,
            "signal": abs(arrives),
            "scatter": float(np.sqrt((abs(got - sent * arrives) ** 2).mean())),
            "transverse": float((abs(states[:, self.distance]) ** 2).mean()),
            "converged": steady((abs(states) ** 2).mean(axis=1)),
        }

    @property
    def steps(self) -> int:
        """Steps of a symbol."""
        return round(self.symbol / self.time_step)

    def send(self, message: np.ndarray, stream: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What is received of each symbol, complex (symbols,), and S_x + iS_y of all sites then, (symbols, N)."""
        spins = np.zeros((3, self.length))
        spins[2] = 1.0
        field = np.zeros_like(spins)
        field[2] = self.field
        spin_dynamics.run(
            spins, field, np.zeros(3), 1.0, (1, 1, self.length), False, self.damping, self.temperature,
            self.time_step, round(self.equilibration / self.time_step), stream,
        )  # fmt: skip
        received, states = np.empty(self.symbols, complex), np.empty((self.symbols, self.length), complex)
        spin_waves.transmit(
            spins, message, self.drive, self.frequency, self.field, 1.0, self.damping, self.temperature,
            self.time_step, self.steps, self.delay, self.distance, stream, received, states,
        )  # fmt: skip
        return received, states

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(length=6, distance=3, symbols=16, symbol=2.0, equilibration=2.0)


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """|Σ a b*|/√(Σ|a|² Σ|b|²) of complex states (times, N), mean over times; 0 where one of them is 0."""
    size = np.sqrt((abs(a) ** 2).sum(axis=-1) * (abs(b) ** 2).sum(axis=-1))
    return float((abs((a * b.conj()).sum(axis=-1)) / np.where(size > 0, size, 1.0)).mean())


def steady(power: np.ndarray) -> bool:
    """Whether the means of the two halves of a record differ by less than a tenth, or than 2.5 times their error.

    The error is that of four blocks in each half (2.5: 5 % of Student's t), longer than the correlation in time or not.
    """
    blocks = power[: power.size // 8 * 8].reshape(8, -1).mean(axis=1)
    first, second = blocks[:4], blocks[4:]
    error = math.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 4)
    return bool(abs(first.mean() - second.mean()) <= max(0.1 * power.mean(), 2.5 * error))
