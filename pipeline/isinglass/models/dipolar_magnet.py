"""Small magnetic films: exchange aligns spins, dipolar fields close their flux; what of a direction is still read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.kernels import dipolar, spin_dynamics
from isinglass.kernels.streams import jumped, random_signs
from isinglass.models.base import Model, Observable, copies_parameter, parameter

MOST_STEPS = 10**7
MOST_SPINS = 2**22


@dataclass(frozen=True)
class DipolarMagnet(Model):
    """M square films of L x L unit spins, with free edges, in the xy plane; they know nothing of each other:

        E = -J Σ_<ij> S_i·S_j - K Σ S_z² + D Σ_{i<j} [S_i·S_j - 3 (S_i·r)(S_j·r)]/r³

    Landau-Lifshitz-Gilbert dynamics with heat (see `Macrospin`); dipolar fields by fast Fourier transform. K > 0 is an
    easy axis along the normal, K < 0 an easy plane (XY spins as K → -∞). γ, k_B and the moment are 1; times in 1/γB.

    Exact: an infinite film magnetised along its normal feels B = -D Σ 1/r³ = -9.0336 D, along its plane half of that
    with the other sign; the transforms equal the double sum; without damping and heat the energy is kept.

    Not to be confused: |M| of a film with its local order, the mean of S_i·S_j over neighbours, which is near 1 in a
    closed flux of no net moment; nor with the vorticity, the mean of (e_r x S)_z about the centre, ±1 in a vortex.

    The disorder draws two messages of M bits: each film is written, all spins along +x or -x, and left to itself for a
    while. It is read by the sign of its M_x. `memory` is of the last step, from M bits of a run (with 16 the correction
    for finite samples leaves errors of 0.05); coherences are overlaps Σ S_a·S_b/N. Noise draws the thermal field; at
    T = 0 nothing is random, and copies a and b are the same. `converged`: the energies per spin of the last two
    quarters of the run differ by less than 0.005 times J + D + T, or by less than twice their scatter.
    """

    length: int = parameter(8, units="1", minimum=2, maximum=1024, doc="sites L along the edge of a film")
    films: int = parameter(16, units="1", minimum=2, maximum=65536, quenched=True, doc="films M, a bit in each")
    exchange: float = parameter(1.0, units="1", minimum=0, maximum=1e6, doc="coupling J of neighbours, sets the unit")
    dipolar: float = parameter(0.2, units="1", minimum=0, maximum=1e6, doc="dipolar coupling D of neighbours")
    anisotropy: float = parameter(0.0, units="1", minimum=-1e6, maximum=1e6, doc="K of the normal: > 0 axis, < 0 plane")
    temperature: float = parameter(0.1, units="1", minimum=0, maximum=1e6, doc="k_B T")
    damping: float = parameter(0.5, units="1", minimum=0, maximum=100, doc="Gilbert's α")
    duration: float = parameter(40.0, units="1", minimum=0, doc="time from writing to reading, rounded to steps")
    time_step: float = parameter(0.05, units="1", minimum=1e-9, doc="time step")
    copies: int = copies_parameter()

    task: ClassVar[str | None] = "retention"
    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("coherence", "1", "coherence", may_be_nan=True,
                   long_name="overlap |Σ a·b|/N of two copies written alike"),
        Observable("blind_coherence", "1", "blind_coherence", may_be_nan=True,
                   long_name="overlap |Σ a·c|/N, c with another message"),
        Observable("memory", "1", "memory", may_be_nan=True,
                   long_name="mutual information of written bits and signs of M_x / its maximum"),
        Observable("bit_overlap", "1", long_name="signed overlap of written and read bits"),
        Observable("remanence", "1", long_name="moment along what was written, ξ M_x, mean over films"),
        Observable("order", "1", long_name="net moment |Σ S|/L² of a film, mean over films"),
        Observable("local_order", "1", long_name="S·S of neighbours, mean over bonds"),
        Observable("vorticity", "1", long_name="|mean of (e_r x S)_z| about the centre, mean over films"),
        Observable("normal", "1", long_name="|S_z|, mean over sites"),
        Observable("energy", "1", long_name="energy per spin at the end"),
        Observable("converged", "1", dtype="int8", long_name="1: no drift of the energy in the last half"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        spins = self.films * self.length**2
        if spins > MOST_SPINS:
            raise InputError(
                f"films = {self.films} of {self.length} x {self.length} are {spins} spins, {spins * 1e-6:.3g} GB; "
                f"at most {MOST_SPINS} fit"
            )
        strength = 4 * self.exchange + dipolar.LARGEST * self.dipolar + 2 * abs(self.anisotropy)
        spin_dynamics.check_step(self.time_step, strength, self.damping, self.temperature)
        if not 8 <= self.duration / self.time_step <= MOST_STEPS:
            raise InputError(
                f"duration = {self.duration:g} is {self.duration / self.time_step:.3g} steps of {self.time_step:g}: "
                f"from 8 to {MOST_STEPS:.0e} are possible"
            )

    @property
    def steps(self) -> int:
        """Steps from writing to reading."""
        return round(self.duration / self.time_step)

    def cost(self) -> float:
        """Nanoseconds, roughly."""
        spins = self.films * self.length**2
        return self.copies * self.steps * (spins * 300.0 + 1e5)

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        messages = np.empty((2, self.films), np.int8)
        random_signs(np.array(disorder, np.uint64), messages.reshape(-1))
        transformed = dipolar.tensor(self.length, self.length)
        rows = [self._replica(messages, transformed, stream) for stream in noise]
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def _replica(self, messages: np.ndarray, transformed: np.ndarray, noise: np.ndarray) -> dict[str, float]:
        films = [
            Films(self, messages[1 if copy == 2 else 0], transformed, jumped(noise, copy))
            for copy in range(self.copies)
        ]
        quarter = self.steps // 4
        first = films[0]
        first.run(self.steps - 2 * quarter)
        early, late = first.run(quarter), first.run(quarter)
        for other in films[1:]:
            other.run(self.steps)
        s, message = first.grid, messages[0].astype(np.int64)
        moment = s.mean(axis=(2, 3))
        bits = np.where(moment[0] >= 0, 1, -1)
        overlap, sites = int((bits * message).sum()), self.films * self.length**2
        counts = measures.binary_counts(overlap, message.sum(), bits.sum(), self.films)
        pairs = [abs(float((first.spins * other.spins).sum())) / sites for other in films[1:]]
        allowed = max(0.005 * (self.exchange + self.dipolar + self.temperature), 2 * (early.std() + late.std()) / 2)
        return {
            "coherence": pairs[0] if pairs else math.nan,
            "blind_coherence": pairs[1] if pairs else math.nan,
            "memory": float(measures.memory(counts)),
            "bit_overlap": overlap / self.films,
            "remanence": float((moment[0] * message).mean()),
            "order": float(np.linalg.norm(moment, axis=0).mean()),
            "local_order": local_order(s),
            "vorticity": float(abs(vorticity(s)).mean()),
            "normal": float(abs(s[2]).mean()),
            "energy": first.energy(),
            "converged": abs(early.mean() - late.mean()) <= allowed,
        }

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(length=2, films=4, duration=0.4)


def local_order(s: np.ndarray) -> float:
    """S·S of neighbours of films (3, M, L, L), mean over bonds."""
    right, down = (s[..., 1:] * s[..., :-1]).sum(axis=0), (s[..., 1:, :] * s[..., :-1, :]).sum(axis=0)
    return float((right.sum() + down.sum()) / (right.size + down.size))


def vorticity(s: np.ndarray) -> np.ndarray:
    """Mean over sites of (e_r x S)_z, e_r the direction from the centre, of films (3, M, L, L); (M,)."""
    length = s.shape[-1]
    y, x = np.mgrid[:length, :length] - (length - 1) / 2
    r = np.hypot(x, y)
    away = r > 0
    turn = (x * s[1] - y * s[0]) / np.where(away, r, 1.0)
    return np.asarray(turn.sum(axis=(1, 2)) / away.sum())


class Films:
    """The films of one copy on their way."""

    def __init__(self, model: DipolarMagnet, message: np.ndarray, transformed: np.ndarray, stream: np.ndarray) -> None:
        self.model, self.transformed, self.stream = model, transformed, stream
        self.shape = (model.films, model.length, model.length)
        self.spins = np.zeros((3, math.prod(self.shape)))
        self.spins[0] = np.repeat(message, model.length**2)
        self.diagonal = np.array([0.0, 0.0, 2 * model.anisotropy])
        self.extra, self.b, self.middle, self.noise = (np.zeros_like(self.spins) for _ in range(4))
        self.words = np.empty(self.spins.shape[1], np.uint64)

    @property
    def grid(self) -> np.ndarray:
        """The spins, float64 (3, M, L, L)."""
        return self.spins.reshape(3, *self.shape)

    def run(self, steps: int) -> np.ndarray:
        """Go on by so many steps; the energies per spin after every tenth and the last, (records,)."""
        m = self.model
        size = spin_dynamics.thermal_size(m.damping, m.temperature, m.time_step)
        rest = (self.diagonal, m.exchange, self.shape, False, m.damping, m.time_step, self.noise, self.b, self.middle)
        energies = []
        for step in range(steps):
            spin_dynamics.thermal_field(self.stream, size, self.words, self.noise)
            self._dipolar(self.spins)
            spin_dynamics.predict(self.spins, self.extra, *rest)
            self._dipolar(self.middle)
            spin_dynamics.correct(self.spins, self.extra, *rest)
            if step % 10 == 9 or step == steps - 1:
                energies.append(self.energy())
        return np.array(energies)

    def _dipolar(self, spins: np.ndarray) -> None:
        if self.model.dipolar:
            dipolar.field(spins, self.model.dipolar, self.transformed, self.shape, self.extra)

    def energy(self) -> float:
        """Per spin: all terms are quadratic, so -½ Σ S·B."""
        self._dipolar(self.spins)
        m = self.model
        spin_dynamics.effective_field(self.spins, self.extra, self.diagonal, m.exchange, self.shape, False, self.b)
        return float(-0.5 * (self.spins * self.b).sum() / self.spins.shape[1])
