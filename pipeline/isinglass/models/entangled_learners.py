"""Learners of two trainables against two entangled oscillators: distance, and a readout of the kind of CHSH."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass.exceptions import InputError
from isinglass.kernels import learner_pairs
from isinglass.models.base import Model, Observable, check_memory, parameter

INTERACTIONS = {"none": learner_pairs.NONE, "separate": learner_pairs.SEPARATE, "joint": learner_pairs.JOINT}
CLOCKS = 8
"""Local times at which each side may be read, evenly over half a turn."""
OCTILES = (-1.1503493803760083, -0.6744897501960818, -0.31863936396437514, 0.0,
           0.31863936396437514, 0.6744897501960818, 1.1503493803760083)  # fmt: skip
MOST_WORK = 1e10


@dataclass(frozen=True)
class EntangledLearners(Model):
    """M learners of two trainables q1, q2 (m = ω = ħ = 1), at rest, drawn from two oscillators' ground state; then

        V = ½q1² + ½q2² + ½g(q1 - q2)²   for a time t,    q̈ = -∂V + force of the Fisher information

    * `joint`: of the learners' joint density, ⅛ tr C⁻¹, C their covariance: exact for a Gaussian, at every M;
    * `separate`: of both marginals, ⅛(1/C11 + 1/C22): learners of one trainable do not know of those of the other;
    * `none`: independent particles (Hamilton-Jacobi).

    Schroedinger's oscillators become entangled meanwhile; their Gaussian is known exactly (`theory.entangled`). `l1` is
    Σ|p - p'| over 64 cells of equal exact probability, 8 x 8 in q1 ± q2; `l1_floor` that of as many draws of the exact
    Gaussian.

    Readout: g is then switched off, and each side is read when its own clock shows θ, 8 times over half a turn; the
    outcome is the sign of its q. E(θ1, θ2) of Schroedinger, by the operators q cos θ + p sin θ, is (2/π) asin of their
    correlation. Learners have a place at every time, so any E of theirs is that of local variables: CHSH <= 2 (an
    identity, at every M, since all E are of the same learners). Signs of a Gaussian's quadratures keep to 2 too (its
    Wigner function is positive); displaced parities of the same state do not (`theory.entangled.parity_chsh`).

    **Imposed, not learnt:** the Fisher interaction, in its Gaussian form; inertia; one learner for both trainables. Not
    to be confused: with the 1-D learners' interaction of neighbours, which is not Gaussian (`learners`); with a test of
    Bell's inequality (nothing is separated in space); unequal clocks with unequal times of one system.

    Noise draws the learners and the draws of the floor; there is no disorder. `converged`: the energy is kept to 10⁻³
    while coupled.
    """

    coupling: float = parameter(1.0, units="1", minimum=0, maximum=1e4, doc="g of ½g(q1 - q2)²")
    interaction: str = parameter("joint", units="1", choices=tuple(INTERACTIONS), doc="Fisher information of what")
    duration: float = parameter(1.0, units="1", minimum=0, maximum=1e4, doc="time t with coupling, in 1/ω")
    learners: int = parameter(16384, units="1", minimum=8, maximum=2**24, quenched=True, doc="number of learners M")
    resolution: float = parameter(0.02, units="1", minimum=1e-5, maximum=0.1, doc="time step over 1/(1 + 2g)")

    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("l1", "1", long_name="L1 distance of the joint density to Schroedinger"),
        Observable("l1_floor", "1", long_name="L1 distance of as many exact draws"),
        Observable("correlation", "1", long_name="correlation of q1 and q2 of the learners"),
        Observable("correlation_excess", "1", long_name="correlation less that of Schroedinger"),
        Observable("chsh", "1", long_name="largest CHSH value of the learners' signs"),
        Observable("chsh_signs", "1", long_name="largest CHSH value of Schroedinger's signs, same clocks"),
        Observable("equal_clocks", "1", long_name="rms of E less Schroedinger's, equal clocks"),
        Observable("unequal_clocks", "1", long_name="rms of E less Schroedinger's, unequal clocks"),
        Observable("energy_drift", "1", long_name="relative change of the energy while coupled"),
        Observable("converged", "1", dtype="int8", long_name="1: energy kept to 10^-3"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_memory(8.0 * self.learners * (2 * CLOCKS + 16), f"learners = {self.learners}", "lower learners")
        if self.work > MOST_WORK:
            raise InputError(
                f"{self.learners} learners for {self.work / self.learners:.3g} steps, of {MOST_WORK:.0e} updates in "
                "all: lower learners, duration or coupling, or raise resolution"
            )

    @property
    def frequency(self) -> float:
        """√(1 + 2g) of q1 - q2."""
        return math.sqrt(1 + 2 * self.coupling)

    @property
    def step(self) -> float:
        """Longest time step: the narrowest Gaussian has the variance 1/2(1 + 2g)."""
        return self.resolution / self.frequency**2

    @property
    def work(self) -> float:
        """Steps x learners."""
        return (self.duration + math.pi) / self.step * self.learners

    def cost(self) -> float:
        """Nanoseconds, roughly."""
        return 15 * self.work + 1500.0 * self.learners

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        rows = [self._run(stream.copy()) for stream in noise]
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def _run(self, stream: np.ndarray) -> dict[str, float]:
        draws = np.empty((4, self.learners))
        learner_pairs.draw(stream, draws.reshape(-1))
        q, v = math.sqrt(0.5) * draws[:2], np.zeros((2, self.learners))
        kind = INTERACTIONS[self.interaction]
        before = learner_pairs.pair_energy(q, v, self.coupling, kind)
        self._advance(q, v, self.coupling, self.duration)
        drift = abs(learner_pairs.pair_energy(q, v, self.coupling, kind) / before - 1)
        exact = self.covariance()
        found = np.empty(5)
        learner_pairs.moments(q, found)
        correlation = float(found[3] / math.sqrt(found[2] * found[4]))
        l1, floor = self._distance(q, exact), float(_cells(draws[2:]))
        signs = self._clocks(q, v)
        mine = signs[0] @ signs[1].T / self.learners
        theirs = self.sign_correlations(exact)
        square = (mine - theirs) ** 2
        equal = np.eye(CLOCKS, dtype=bool)
        return {
            "l1": l1,
            "l1_floor": floor,
            "correlation": correlation,
            "correlation_excess": correlation - float(exact[0, 1] / exact[0, 0]),
            "chsh": chsh(mine),
            "chsh_signs": chsh(theirs),
            "equal_clocks": float(np.sqrt(square[equal].mean())),
            "unequal_clocks": float(np.sqrt(square[~equal].mean())),
            "energy_drift": float(drift),
            "converged": drift < 1e-3,
        }

    def _advance(self, q: np.ndarray, v: np.ndarray, coupling: float, duration: float) -> None:
        steps = math.ceil(duration / self.step)
        if steps:
            kind = INTERACTIONS[self.interaction]
            learner_pairs.pair_run(q, v, coupling, kind, duration / steps, steps)

    def _clocks(self, q: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Signs of q (2, CLOCKS, M), float64, as both clocks go on without coupling."""
        out = np.empty((2, CLOCKS, self.learners))
        for k in range(CLOCKS):
            out[:, k] = np.where(q < 0, -1.0, 1.0)
            self._advance(q, v, 0.0, math.pi / CLOCKS)
        return out

    def covariance(self) -> np.ndarray:
        """Schroedinger's covariance (4, 4) of q1, q2, p1, p2 when the coupling is switched off; symmetric order."""
        w = self.frequency
        c, s = math.cos(w * self.duration), math.sin(w * self.duration)
        q, p, mixed = (c * c + s * s / w**2) / 2, (c * c + s * s * w**2) / 2, c * s * (1 / w - w) / 2
        out = np.empty((4, 4))
        for at, total, relative in (((0, 0), 0.5, q), ((2, 2), 0.5, p), ((0, 2), 0.0, mixed), ((2, 0), 0.0, mixed)):
            block = np.array([[total + relative, total - relative], [total - relative, total + relative]]) / 2
            out[at[0] : at[0] + 2, at[1] : at[1] + 2] = block
        return out

    def sign_correlations(self, covariance: np.ndarray) -> np.ndarray:
        """E(θ1, θ2) of Schroedinger (CLOCKS, CLOCKS): (2/π) asin of the correlation of q cos θ + p sin θ."""
        angle = np.pi * np.arange(CLOCKS) / CLOCKS
        read = np.zeros((2, CLOCKS, 4))
        for side in range(2):
            read[side, :, side], read[side, :, side + 2] = np.cos(angle), np.sin(angle)
        widths = np.sqrt(np.einsum("sai,ij,saj->sa", read, covariance, read))
        mixed = np.einsum("ai,ij,bj->ab", read[0], covariance, read[1])
        return np.asarray(2 / np.pi * np.arcsin(np.clip(mixed / np.outer(widths[0], widths[1]), -1, 1)))

    def _distance(self, q: np.ndarray, exact: np.ndarray) -> float:
        total = math.sqrt(exact[0, 0] + exact[0, 1]), math.sqrt(exact[0, 0] - exact[0, 1])
        modes = np.array([q[0] + q[1], q[0] - q[1]]) / (math.sqrt(2) * np.array(total)[:, None])
        return float(_cells(modes))

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(learners=64, duration=0.3, resolution=0.1)


def _cells(z: np.ndarray) -> float:
    """Σ |share - 1/64| over 8 x 8 cells between octiles, of z (2, M), standard normal where exact."""
    index = np.searchsorted(OCTILES, z)
    counts = np.bincount(8 * index[0] + index[1], minlength=64)
    return float(abs(counts / z.shape[1] - 1 / 64).sum())


def chsh(e: np.ndarray) -> float:
    """Largest E(a, b) + E(a', b) + E(a, b') - E(a', b') over settings of a table E (A, B), of any sign."""
    best = 0.0
    for a in e:
        for other in e:
            best = max(best, float(abs(a + other).max() + abs(a - other).max()))
    return best
