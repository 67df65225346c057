"""Bits written into the sign of superradiant light: cavities that lose light, by truncated Wigner trajectories."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.kernels import open_dicke
from isinglass.kernels.streams import jumped, random_signs
from isinglass.models.base import Model, Observable, copies_parameter, parameter


@dataclass(frozen=True)
class OpenDicke(Model):
    """An array of lossy cavities with N spins each, every cavity a bit: the sign of its field. Semiclassical.

    Truncated Wigner equations of the master equation of `DickeMaster`, with a = α/√N and s = 2S/N:
    a' = -(iω + κ)a - iλ s_x + √(κ/N) ξ, s' = (4λ Re a, 0, ω₀) × s; noise of the vacuum, and Gaussian widths 1/√N of the
    written state: a = -sign λ/(ω - iκ), s = (sign, 0, 0). Frequencies in units of ω, times in 1/ω. Without
    `fluctuations` this is mean field, N → ∞: exact there for the steady state (superradiant above
    λ_c = √(ω₀(ω² + κ²)/ω)/2; `theory.dicke`), where every sign is kept for ever.

    Not to be confused with the master equation: quantum jumps of few photons, entanglement and tunnelling are not in
    it, errors are of order 1/N, and rare events may be wrong at any N; `DickeMaster` says how far. Nor with a laser's
    phase (no sign but an angle), or with recall: nothing is cued, `memory` is of what was written, task retention.

    The disorder draws the two messages, a sign for each of `cavities` bits. Noise draws widths and light. What is read
    is the sign of the field along the written direction, which is a measured quadrature exactly. `memory` is that of
    the array's pairs (written, read); at λ = 0 no light knows the sign. `early_retention` and `late_retention` are
    means over the halves of the window: ln(early/late) over the time that they are `apart` is the rate at which signs
    are lost, if as e^{-Γt}.
    `converged`: the photon number does not drift in the window.
    """

    spins: int = parameter(16, units="1", minimum=1, maximum=10**9, quenched=True, doc="number of spins N")
    cavities: int = parameter(64, units="1", minimum=2, maximum=10**6, quenched=True, doc="cavities, a bit each")
    light_coupling: float = parameter(1.0, units="1", minimum=0, maximum=100, doc="coupling λ/ω")
    splitting: float = parameter(1.0, units="1", minimum=1e-3, maximum=1e3, doc="splitting of a spin ω₀/ω")
    loss: float = parameter(1.0, units="1", minimum=0, maximum=1e3, doc="decay of the field κ/ω")
    fluctuations: bool = parameter(True, units="1", doc="noise and widths of order 1/√N; without: mean field")
    time_step: float = parameter(0.05, units="1", minimum=1e-6, maximum=1, doc="time step ω dt")
    equilibration: int = parameter(400, units="step", minimum=0, doc="steps before the measured window")
    steps: int = parameter(800, units="step", minimum=2, doc="measured steps, the window")
    records: int = parameter(60, units="1", minimum=1, doc="times, evenly spaced over the run, at which light is read")
    copies: int = copies_parameter()

    task: ClassVar[str | None] = "retention"
    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("coherence", "1", "coherence", may_be_nan=True, long_name="overlap |a·b|/M of two copies' signs"),
        Observable(
            "blind_coherence", "1", "blind_coherence", may_be_nan=True,
            long_name="overlap |a·c|/M, c with another message",
        ),
        Observable(
            "memory", "1", "memory", may_be_nan=True,
            long_name="mutual information of written and read signs / its maximum",
        ),
        Observable("retention", "1", long_name="overlap of written and read signs, window mean"),
        Observable("early_retention", "1", long_name="the same over the first half of the window"),
        Observable("late_retention", "1", long_name="the same over the second half"),
        Observable("apart", "1", long_name="time ω t between the middles of the halves"),
        Observable("photons", "1", long_name="⟨a†a⟩/N, window mean"),
        Observable("inversion", "1", long_name="⟨J_z⟩/N, window mean"),
        Observable("spin_order", "1", long_name="root mean square of 2 J_x/N, window"),
        Observable("retention_time", "1", long_name="last time ω t at which retention is 1/2"),
        Observable("first_crossing", "1", long_name="first time ω t at which retention is 1/2"),
        Observable("censored", "1", dtype="int8", long_name="1: retention is above 1/2 at the end"),
        Observable("retention_trace", "1", dims=("time",), long_name="overlap of written and read signs in time"),
        Observable("photon_trace", "1", dims=("time",), long_name="⟨a†a⟩/N in time"),
        Observable("converged", "1", dtype="int8", long_name="1: the photon number does not drift"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        fastest = max(1 + self.loss, self.splitting, 4 * self.light_coupling**2 / math.hypot(1, self.loss))
        if fastest * self.time_step > 0.5:
            raise InputError(
                f"time_step = {self.time_step:g} is too long: the fastest rate is {fastest:g}, and their product is "
                "above 0.5; lower time_step"
            )
        work = self.copies * self.cavities * (self.equilibration + self.steps)
        if work > 2**34:
            raise InputError(
                f"steps = {self.steps} after equilibration = {self.equilibration} of {self.cavities} cavities are "
                f"{work:.2g} steps of trajectories, of 2^34 allowed; lower steps, equilibration or cavities"
            )
        readings = self.copies * self.cavities * self.times.size
        if readings > 2**24:
            raise InputError(
                f"cavities = {self.cavities} at records = {self.records} are {readings} readings, of 2^24 allowed; "
                "lower cavities or records"
            )
        if not (self.times > self.equilibration).sum() >= 2:
            raise InputError(
                f"records = {self.records} leave less than two in the window of {self.steps} steps; raise records"
            )

    @property
    def times(self) -> np.ndarray:
        """The steps after which light is read, int64; the last is the end."""
        total = self.equilibration + self.steps
        count = min(self.records, total)
        return np.asarray(np.arange(1, count + 1) * total // count)

    def coords(self) -> dict[str, tuple[Any, dict[str, str]]]:
        """See `Model.coords`."""
        return {"time": (self.times * self.time_step, {"units": "1", "long_name": "time since writing ω t"})}

    def cost(self) -> float:
        """Nanoseconds, roughly."""
        return 90.0 * (self.equilibration + self.steps) * self.cavities * self.copies

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        stream, messages = np.array(disorder, dtype=np.uint64), np.empty((2, self.cavities), np.int8)
        for row in messages:
            random_signs(stream, row)
        found = []
        for start in noise:
            runs = [self._run(messages[c // 2], jumped(start, c)) for c in range(self.copies)]
            found.append(self._observe(messages[0], runs))
        return {o.name: np.array([f[o.name] for f in found], dtype=o.dtype) for o in self.observables}

    def _run(self, message: np.ndarray, stream: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Signs that are read, int8 (times, cavities), and means over cavities (times, 3) of |a|², s_z and s_x²."""
        spins = self.spins if self.fluctuations else 0
        constants = (self.light_coupling, self.splitting, self.loss)
        state, signs = np.empty((self.cavities, 5)), np.empty((self.times.size, self.cavities), np.int8)
        means = np.empty((self.times.size, 3))
        open_dicke.prepare(message, spins, constants, stream, state)
        for k, steps in enumerate(np.diff(self.times, prepend=0)):
            open_dicke.wigner(state, spins, constants, self.time_step, int(steps), stream)
            re, im, x, _, z = state.T
            signs[k] = np.where(re + self.loss * im < 0, 1, -1)
            means[k] = (re**2 + im**2).mean(), z.mean(), (x**2).mean()
        return signs, means

    def _observe(self, message: np.ndarray, runs: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
        """The observables of one replica from its copies."""
        window = self.times > self.equilibration
        signs, means = runs[0]
        pairs = [abs(measures.overlap(signs[window], other[window])).mean() for other, _ in runs[1:]]
        retention = measures.overlap(signs, message[None])
        halves = np.array_split(retention[window], 2)
        moments = [half.mean() * self.time_step for half in np.array_split(self.times[window], 2)]
        first, last = measures.crossings(self.times * self.time_step, retention, 0.5)
        photons = means[:, 0] - (0.5 / self.spins if self.fluctuations else 0.0)
        product = (signs[window] * message.astype(np.int64)).sum(axis=1)
        counts = measures.binary_counts(
            product, message.astype(np.int64).sum(), signs[window].sum(axis=1, dtype=np.int64), self.cavities
        )
        return {
            "coherence": pairs[0] if pairs else math.nan,
            "blind_coherence": pairs[1] if pairs else math.nan,
            "memory": measures.memory(counts).mean(),
            "retention": retention[window].mean(),
            "early_retention": halves[0].mean(),
            "late_retention": halves[1].mean(),
            "apart": moments[1] - moments[0],
            "photons": photons[window].mean(),
            "inversion": means[window, 1].mean() / 2,
            "spin_order": math.sqrt(means[window, 2].mean()),
            "retention_time": last,
            "first_crossing": first,
            "censored": retention[-1] >= 0.5,
            "retention_trace": retention,
            "photon_trace": photons,
            "converged": measures.steady(photons[window]),
        }

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(spins=4, cavities=6, equilibration=4, steps=8, records=6)
