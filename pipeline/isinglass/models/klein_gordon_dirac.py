"""A field on a ring of neurons between Klein-Gordon and Dirac: weights partly symmetric, partly antisymmetric."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.kernels import shears
from isinglass.kernels.streams import jumped, normal, random_signs
from isinglass.models.base import Model, Observable, check_memory, copies_parameter, parameter

MOST_WORK = 10**11
"""Sites times steps of one trajectory, about a quarter of an hour."""
DIVERGED = 1e6
DRIFT = 0.05


@dataclass(frozen=True)
class KleinGordonDirac(Model):
    """Two fields φ = (u, v) and their momenta π on a ring of N sites, H = cosθ (½π² + ½φᵀSφ + ¼λΣφ⁴) + sinθ πᵀAφ.

    A = [[0, -Qᵀ], [Q, 0]] is antisymmetric, S = AᵀA symmetric, Q = m + r + ½(1-r)T₊ - ½(1+r)T₋ with Wilson's r.
    θ = 0 is the Klein-Gordon field, whose leapfrog is activation φ += β and gradient learning β -= h²∂L/∂φ of the loss
    L = ½φᵀSφ; θ = π/2 is the Dirac field, φ̇ = Aφ. That the weights hold A is imposed, nothing learns it here.

    Exact at λ = 0: ω = E|cosθ ± sinθ|, E² = (m + r(1 - cos k))² + sin²k; chirality of a wave, distances to either field
    equation, overlap and memory of a message (`theory.lattice_fields`). Between the ends there are two light cones and
    neither field; at θ = π/4 one of them is flat, and half of any state stands still.

    Not to be confused with the factor W = X⊗D + mσ_z of `TensorFactor`, which is another interpolation; nor a frozen
    half of the state with half of the bits: `raw_overlap` is ½ there, `memory` far less, since the moving half is noise
    to a reader of signs. ω is read from the propagator of one step, from four initial states, not from one trajectory.

    The message is ±1 of each site of u and of v, φ(0); it is read later from the signs of φ. Noise draws the momenta,
    π(0), of variance `temperature`; at 0 copies a and b are one trajectory (coherence 1). `start` = wave:
    u = v = cos kn, k = 2π `wave`/N, no message. `converged`: no |x| above 10⁶ (`diverged`, everything NaN) and energy
    within 0.05 of cosθ and sinθ parts' sum ½(|π|² + |Aφ|²) at time 0. h E_max >= 2 is refused: a mode would grow.
    """

    sites: int = parameter(128, units="1", minimum=4, maximum=2**20, quenched=True, doc="sites N of the ring")
    angle: float = parameter(
        0.785398163397448, units="rad", minimum=0, maximum=1.5708, doc="θ: 0 Klein-Gordon, π/2 Dirac"
    )
    mass: float = parameter(0.3, units="1", minimum=0, maximum=1e3, doc="m, in hops in unit time")
    wilson: float = parameter(
        1.0, units="1", minimum=0, maximum=1e3, doc="Wilson's r, which parts doublers from the field"
    )
    interaction: float = parameter(0.0, units="1", minimum=0, maximum=1e3, doc="λ of the quartic term")
    temperature: float = parameter(0.0, units="1", minimum=0, maximum=1e6, doc="variance of the initial momenta")
    start: str = parameter("message", units="1", choices=("message", "wave"), doc="φ(0): random signs, or a wave")
    wave: int = parameter(4, units="1", minimum=0, maximum=2**20, doc="wave number of the wave, in turns of the ring")
    time_step: float = parameter(0.1, units="1", minimum=1e-9, maximum=1e3, doc="time step h")
    equilibration: int = parameter(2000, units="step", minimum=0, maximum=2**40, doc="steps before the measured window")
    steps: int = parameter(2000, units="step", minimum=1, maximum=2**40, doc="measured steps, the window")
    records: int = parameter(
        64, units="1", minimum=1, maximum=2**16, doc="times, even over the run, at which φ is read"
    )
    modes: int = parameter(
        9, units="1", minimum=2, maximum=2**16, doc="wave numbers, even over 0..π, that are followed"
    )
    copies: int = copies_parameter()

    task: ClassVar[str | None] = "retention"
    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("coherence", "1", "coherence", may_be_nan=True, long_name="overlap |a·b|/2N of two copies' signs"),
        Observable("blind_coherence", "1", "blind_coherence", may_be_nan=True,
                   long_name="overlap |a·c|/2N, c with another message"),
        Observable("memory", "1", "memory", may_be_nan=True,
                   long_name="mutual information of message and signs of the field / its maximum"),
        Observable("raw_overlap", "1", may_be_nan=True, long_name="φ(t)·φ(0)/|φ(0)|², window mean"),
        Observable("norm", "1", may_be_nan=True, long_name="|φ(t)|²/|φ(0)|², window mean"),
        Observable("klein_gordon_residual", "1", may_be_nan=True, long_name="‖φ̈ + Sφ‖/‖Sφ‖, root mean squares"),
        Observable("dirac_residual", "1", may_be_nan=True, long_name="‖φ̇ - Aφ‖/‖Aφ‖, root mean squares"),
        Observable("retention_time", "1", may_be_nan=True,
                   long_name="last time at which the envelope is 1/4; the end, if `censored`"),
        Observable("first_crossing", "1", may_be_nan=True,
                   long_name="first time at which the raw overlap is 0; the end, if never"),
        Observable("censored", "1", dtype="int8", long_name="1: the envelope is above 1/4 at the end"),
        Observable("overlap_trace", "1", dims=("time",), may_be_nan=True, long_name="φ(t)·φ(0)/|φ(0)|²"),
        Observable("envelope_trace", "1", dims=("time",), may_be_nan=True,
                   long_name="√((φ(t)·φ(0))² + (φ(t)·Jφ(0))²)/|φ(0)|², J = A/√(AᵀA)"),
        Observable("norm_trace", "1", dims=("time",), may_be_nan=True, long_name="|φ(t)|²/|φ(0)|²"),
        Observable("chirality_trace", "1", dims=("time",), may_be_nan=True, long_name="2u·v/(u² + v²)"),
        Observable("amplitude", "1", dims=("time", "mode"), dtype="complex128", may_be_nan=True,
                   long_name="Σ u_n e^{-ikn}/√N"),
        Observable("energy", "1", dims=("mode",), long_name="E(k) of the Klein-Gordon field, exact"),
        Observable("slow_frequency", "1", dims=("mode",), long_name="ω of the slow branch, from the propagator"),
        Observable("fast_frequency", "1", dims=("mode",), long_name="ω of the fast branch, from the propagator"),
        Observable("energy_drift", "1", may_be_nan=True, long_name="largest change of H over ½(|π|² + |Aφ|²)"),
        Observable("diverged", "1", dtype="int8", long_name="1: a value went beyond 10⁶"),
        Observable("converged", "1", dtype="int8", long_name="1: not diverged, energy kept"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.time_step * self.largest_energy >= 2:
            raise InputError(
                f"time_step = {self.time_step:g} times E_max = {self.largest_energy:g} is 2 or more: the fastest mode "
                "would grow without bound; lower time_step"
            )
        if (self.equilibration + self.steps) * self.sites > MOST_WORK:
            raise InputError(f"equilibration + steps times sites is more than {MOST_WORK:.0e}: lower one of them")
        needed = 8.0 * self.sites * (self.times.size * (4 * self.copies + 1) + 40 + 2 * self.modes)
        check_memory(needed, f"{self.times.size} records of {self.sites} sites", "lower records or sites")
        check_memory(16.0 * self.times.size * self.modes, "the amplitudes", "lower records or modes")

    @property
    def stencil(self) -> tuple[float, float, float]:
        """Q: its weights of a site, of the right and of the left neighbour."""
        return self.mass + self.wilson, 0.5 * (1 - self.wilson), -0.5 * (1 + self.wilson)

    @property
    def largest_energy(self) -> float:
        """max E over all k: E² = m² + 2(mr + 1)x + (r² - 1)x², x = 1 - cos k from 0 to 2."""
        m, r = self.mass, self.wilson
        x = 2.0 if r >= 1 else min(2.0, (m * r + 1) / (1 - r * r))
        return math.sqrt(m * m + 2 * (m * r + 1) * x + (r * r - 1) * x * x)

    @property
    def times(self) -> np.ndarray:
        """The steps after which the field is read, int64; the last is the end."""
        total = self.equilibration + self.steps
        count = min(self.records, total)
        return np.asarray(np.arange(1, count + 1) * total // count)

    @property
    def turns(self) -> np.ndarray:
        """Turns of the ring of the followed wave numbers, int64, even over 0..N/2."""
        count = min(self.modes, self.sites // 2 + 1)
        return np.asarray(np.arange(count) * (self.sites // 2) // (count - 1))

    def coords(self) -> dict[str, tuple[Any, dict[str, str]]]:
        """See `Model.coords`."""
        time = {"units": "1", "long_name": "time since writing t"}
        return {
            "time": (self.times * self.time_step, time),
            "mode": (2 * np.pi * self.turns / self.sites, {"units": "rad", "long_name": "wave number k"}),
        }

    def cost(self) -> float:
        """Nanoseconds, roughly."""
        steps = self.equilibration + self.steps
        return self.copies * self.sites * (9.0 * steps + self.times.size * (30 + 12.0 * self.modes)) + 3e5

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        stream, messages = np.array(disorder, np.uint64), np.empty((2, 2 * self.sites), np.int8)
        for row in messages:
            random_signs(stream, row)
        e, slow, fast = self.spectrum()
        rows = []
        for streams in noise:
            runs = [self.run(messages[1 if c == 2 else 0], jumped(streams, c)) for c in range(self.copies)]
            rows.append(
                self._observe(messages[0], runs) | {"energy": e, "slow_frequency": slow, "fast_frequency": fast}
            )
        return {o.name: np.array([r[o.name] for r in rows], dtype=o.dtype) for o in self.observables}

    def run(self, message: np.ndarray, stream: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """φ at each time, (times, 2, N), and what `shears.read` reads, (1 + times, READINGS); None if it diverged."""
        n, cosine, sine = self.sites, math.cos(self.angle), math.sin(self.angle)
        state, scratch = np.zeros((4, n)), np.empty(n)
        state[:2] = self.field(message)
        if self.temperature > 0:
            state[2:] = math.sqrt(self.temperature) * np.array([[normal(stream) for _ in range(n)] for _ in range(2)])
        fields, readings = np.empty((self.times.size, 2, n)), np.empty((1 + self.times.size, shears.READINGS))
        start, shape = state.copy(), (*self.stencil, self.interaction)
        shears.read(state, start, cosine, sine, *shape, readings[0])
        for k, steps in enumerate(np.diff(self.times, prepend=0)):
            shears.klein_gordon_dirac(state, cosine, sine, *shape, self.time_step, int(steps), scratch)
            if not abs(state).max() <= DIVERGED:
                return None
            shears.read(state, start, cosine, sine, *shape, readings[1 + k])
            fields[k] = state[:2]
        return fields, readings

    def field(self, message: np.ndarray) -> np.ndarray:
        """φ at time 0, (2, N)."""
        if self.start == "wave":
            return np.tile(np.cos(2 * np.pi * (self.wave % self.sites) / self.sites * np.arange(self.sites)), (2, 1))
        return message.reshape(2, self.sites).astype(float)

    def conjugate(self, field: np.ndarray) -> np.ndarray:
        """Jφ, J = A/√(AᵀA), φ (2, N): a quarter of a turn of every mode; modes with E = 0 are left out."""
        k = 2 * np.pi * np.arange(self.sites) / self.sites
        here, right, left = self.stencil
        q = here + right * np.exp(1j * k) + left * np.exp(-1j * k)
        q = np.where(abs(q) > 1e-12, q / np.where(abs(q) > 1e-12, abs(q), 1.0), 0.0)
        u, v = np.fft.fft(field, axis=-1)
        return np.asarray(np.fft.ifft([-q.conj() * v, q * u], axis=-1).real)

    def spectrum(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """E(k), exact, and the slow and fast ω of each followed mode from the propagator of one step at λ = 0.

        The propagator is found from four initial states, an impulse in each of u, v, π_u, π_v.
        """
        n, responses = self.sites, np.zeros((4, 4, self.sites))
        for j in range(4):
            state = np.zeros((4, n))
            state[j, 0] = 1.0
            cosine, sine = math.cos(self.angle), math.sin(self.angle)
            shears.klein_gordon_dirac(state, cosine, sine, *self.stencil, 0.0, self.time_step, 1, np.empty(n))
            responses[:, j] = state
        wave = np.exp(-2j * np.pi / n * (np.outer(self.turns, np.arange(n)) % n))
        eigenvalues = np.linalg.eigvals(np.einsum("ijn,kn->kij", responses, wave))
        omega = np.sort(abs(np.angle(eigenvalues)), axis=-1) / self.time_step
        k = 2 * np.pi * self.turns / n
        e = np.sqrt((self.mass + self.wilson * (1 - np.cos(k))) ** 2 + np.sin(k) ** 2)
        return e, omega[:, :2].mean(axis=-1), omega[:, 2:].mean(axis=-1)

    def _observe(self, message: np.ndarray, runs: list[tuple[np.ndarray, np.ndarray] | None]) -> dict[str, Any]:
        sound = [r for r in runs if r is not None]
        if len(sound) < len(runs):
            lost = {o.name: np.full(self._shape(o), math.nan) for o in self.observables if o.may_be_nan}
            return lost | {"censored": 0, "diverged": 1, "converged": 0}
        (fields, readings), times = sound[0], self.times * self.time_step
        start = self.field(message)
        window = self.times > self.equilibration
        norm, overlap, twice, energy, bent, s_phi, a_phi, rest = readings[1:].T
        written, here = self.start == "message", readings[0]
        signs = [np.where(f[window].reshape(-1, 2 * self.sites) >= 0, 1, -1).astype(np.int8) for f, _ in sound]
        pairs = [float(abs(measures.overlap(signs[0], s)).mean()) if written else math.nan for s in signs[1:]]
        trace = overlap / here[0]
        envelope = np.hypot(trace, np.einsum("tcn,cn->t", fields, self.conjugate(start)) / here[0])
        scale = here[6] / 2 + self.sites * self.temperature
        drift = float(abs(energy - here[3]).max() / scale) if scale > 0 else 0.0
        wave = np.exp(-2j * np.pi / self.sites * (np.outer(self.turns, np.arange(self.sites)) % self.sites))
        return {
            "coherence": pairs[0] if pairs else math.nan,
            "blind_coherence": pairs[1] if pairs else math.nan,
            "memory": memory(message, signs[0]) if written else math.nan,
            "raw_overlap": trace[window].mean(),
            "norm": norm[window].mean() / here[0],
            "klein_gordon_residual": _ratio(bent[window], s_phi[window]),
            "dirac_residual": _ratio(rest[window], a_phi[window]),
            "retention_time": measures.crossings(times, envelope, 0.25)[1],
            "first_crossing": measures.crossings(times, trace, 0.0)[0],
            "censored": envelope[-1] >= 0.25,
            "overlap_trace": trace,
            "envelope_trace": envelope,
            "norm_trace": norm / here[0],
            "chirality_trace": twice / np.where(norm > 0, norm, 1.0),
            "amplitude": np.einsum("tn,kn->tk", fields[:, 0], wave) / math.sqrt(self.sites),
            "energy_drift": drift,
            "diverged": 0,
            "converged": drift < DRIFT,
        }

    def _shape(self, o: Observable) -> tuple[int, ...]:
        sizes = {"time": self.times.size, "mode": self.turns.size}
        return tuple(sizes[d] for d in o.dims)

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(sites=16, temperature=0.1, interaction=0.1, equilibration=10, steps=10, records=5, modes=3)


def memory(message: np.ndarray, signs: np.ndarray) -> float:
    """Mean over times of I(message; signs)/H(message): ±1 int8 (n,) and (times, n); 0 where less than half agree."""
    total, readout = message.astype(np.int64), signs.astype(np.int64)
    return float(measures.binary_memory(readout @ total, total.sum(), readout.sum(axis=-1), total.size).mean())


def _ratio(above: np.ndarray, below: np.ndarray) -> float:
    """√(mean/mean), NaN where there is nothing below."""
    return math.sqrt(above.mean() / below.mean()) if below.mean() > 0 else math.nan
