"""Learners on a ring: a phase that need not close upon itself, and what Schroedinger's equation says of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass.exceptions import InputError
from isinglass.kernels import learner_pairs
from isinglass.kernels.streams import uniform
from isinglass.models.base import Model, Observable, parameter

CELLS = 24
HIGHEST = 40
"""Largest wave number of the exact solution, beside the winding."""
POINTS = 1024
"""Places at which it is evaluated."""
MOST_WORK = 1e10


@dataclass(frozen=True)
class RingLearners(Model):
    """M learners on a ring of 2π with a Fisher interaction of neighbours, ħ = m = 1, all of velocity α at the start:

    H = Σ ½v² + ⅛ Σ (d_n - d_n-1)²,  d_n = 1/(q_n+1 - q_n),  density at the start ∝ exp(2b cos(q - q0))

    α is the winding: ∮ v dq = 2πα. These are Madelung's equations, and any α will do; the ψ = √p e^{iF} that belongs to
    them is single-valued for whole α only (Wallstrom's objection). Compared are, by L1 over 24 cells, `l1_twisted`:
    Schroedinger's equation with the boundary condition ψ(q + 2π) = e^{2πiα} ψ(q); `l1_single`: the same with the
    nearest whole winding, the nearest that quantum mechanics allows.

    Exact: a ring carried round turns with it, so α only shifts the density by αt; for α = 0 all densities return after
    t = 4π (`theory.entangled`). **Imposed, not learnt:** the Fisher interaction and α itself: nothing here selects
    whole windings, which is what is shown. Not to be confused with the grand-canonical cure (exchange of neurons),
    which is not in this model; with friction, which would bring α to 0, whole or not.

    Noise draws the place q0; there is no disorder. Where ψ comes near a node learners err (they cannot pass each
    other): see `l1_twisted` at large b. `converged`: the run reached its end and kept its energy to 10⁻³ of the Fisher
    energy at the start (10⁻⁹ where that is 0).
    """

    winding: float = parameter(0.0, units="1", minimum=-50, maximum=50, doc="α: circulation in units of 2πħ/m")
    modulation: float = parameter(0.3, units="1", minimum=0, maximum=10, doc="b: ψ ∝ exp(b cos q) at the start")
    duration: float = parameter(
        6.28318530717959, units="1", minimum=0, maximum=1e4, doc="time in mR²/ħ; 4π: full revival"
    )
    learners: int = parameter(64, units="1", minimum=4, maximum=1024, quenched=True, doc="number of learners M")
    resolution: float = parameter(0.3, units="1", minimum=1e-3, maximum=0.5, doc="time step over that of close pairs")

    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("l1_twisted", "1", may_be_nan=True, long_name="L1 to Schroedinger with a twisted boundary"),
        Observable("l1_single", "1", may_be_nan=True, long_name="L1 to Schroedinger with the nearest whole winding"),
        Observable("l1_start", "1", may_be_nan=True, long_name="L1 to the density at the start"),
        Observable("circulation", "1", may_be_nan=True, long_name="∮ v dq/2π at the end"),
        Observable("energy_drift", "1", may_be_nan=True, long_name="change of the energy over the Fisher energy"),
        Observable("converged", "1", dtype="int8", long_name="1: reached its end and kept its energy"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.work > MOST_WORK:
            raise InputError(
                f"{self.learners} learners would take {self.work / self.learners:.3g} steps, of {MOST_WORK:.0e} "
                "updates in all: fewer learners, less modulation or a shorter duration"
            )

    @property
    def work(self) -> float:
        """Steps x learners, if the learners stay as close as they start."""
        crowd = math.sqrt(1 + 4 * math.pi * self.modulation)
        close = self.learners / (2 * math.pi) * crowd
        return self.duration * 4 * close**2 / self.resolution * self.learners

    def cost(self) -> float:
        """Nanoseconds, roughly."""
        return 12 * self.work + 2e6

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        rows = [self._run(2 * math.pi * uniform(stream.copy())) for stream in noise]
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def _run(self, place: float) -> dict[str, float]:
        out = {**dict.fromkeys((o.name for o in self.observables), math.nan), "converged": 0}
        grid, below = self.below(0.0, place, 0.0)
        share = (np.arange(self.learners) + 0.5) / self.learners
        q = np.interp(share, below, grid)
        v = np.full(q.size, self.winding)
        fisher = learner_pairs.ring_energy(q, np.zeros(q.size))
        before = learner_pairs.ring_energy(q, v)
        reached = learner_pairs.ring_run(q, v, self.duration, self.resolution, int(4 * MOST_WORK) // q.size)
        if reached < self.duration:
            return out
        drift = abs(learner_pairs.ring_energy(q, v) - before) / max(fisher, 1e-6)
        gaps = np.append(np.diff(q), q[0] + 2 * math.pi - q[-1])
        mine = self._cells_of(q)
        time, whole = self.duration, float(round(self.winding))
        return {
            "l1_twisted": _l1(mine, self.cells(time, place, self.winding)),
            "l1_single": _l1(mine, self.cells(time, place, whole)),
            "l1_start": _l1(mine, self.cells(0.0, place, 0.0)),
            "circulation": float((v * (gaps + np.roll(gaps, 1)) / 2).sum() / (2 * math.pi)),
            "energy_drift": float(drift),
            "converged": drift < 1e-3,
        }

    def below(self, time: float, place: float, winding: float) -> tuple[np.ndarray, np.ndarray]:
        """Angles (N,) from 0 to 2π and the probability below them, of the wave at a time, that started at `place`.

        c_n ∝ ∫ exp(b cos q) e^{-inq}, energies (n + α)²/2: the density for α = 0, turned by αt.
        """
        n = np.arange(1, HIGHEST + 1)
        angle = 2 * np.pi * np.arange(4 * HIGHEST) / (4 * HIGHEST)
        c = (np.exp(self.modulation * (np.cos(angle) - 1)) * np.cos(np.arange(HIGHEST + 1)[:, None] * angle)).sum(
            axis=1
        )
        grid = 2 * np.pi * np.arange(POINTS) / POINTS
        at = grid - place - winding * time
        phase = np.exp(-0.5j * (n**2 * time % (4 * np.pi)))
        psi = c[0] + 2 * ((c[1:] * phase)[:, None] * np.cos(n[:, None] * at)).sum(axis=0)
        density = np.append(abs(psi) ** 2, abs(psi[0]) ** 2)
        total = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
        return np.append(grid, 2 * np.pi), total / total[-1]

    def cells(self, time: float, place: float, winding: float) -> np.ndarray:
        """Probabilities (CELLS,) of the wave."""
        grid, below = self.below(time, place, winding)
        return np.diff(np.interp(2 * np.pi * np.arange(CELLS + 1) / CELLS, grid, below))

    def _cells_of(self, q: np.ndarray) -> np.ndarray:
        """Shares (CELLS,) of learners: 1/M between neighbours, even in each gap."""
        along = 2 * np.pi * np.arange(CELLS + 1) / CELLS - q[0]
        turns = np.floor(along / (2 * np.pi))
        places = np.append(q, q[0] + 2 * np.pi) - q[0]
        below = np.interp(along - 2 * np.pi * turns, places, np.arange(q.size + 1) / q.size)
        return np.diff(turns + below)

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(learners=8, winding=0.3, duration=0.3)


def _l1(one: np.ndarray, other: np.ndarray) -> float:
    return float(abs(one - other).sum())
