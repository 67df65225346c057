"""A metric's fluctuations under a local Onsager form: invariance against the second law."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass.exceptions import InputError
from isinglass.kernels import stencils
from isinglass.kernels.streams import below, normal, uniform
from isinglass.models.base import Model, Observable, check_memory, parameter

WAVES = 3
"""Waves in the vector field of a gauge transformation."""
LARGEST_COST = 10**9
FAINT = 1e-10
"""Share of a field below which what is left is not told from rounding."""


@dataclass(frozen=True)
class OnsagerTensor(Model):
    """A symmetric tensor field h_ab on a periodic lattice of L^D sites, the metric less the flat one, flowing down

        S = Σ c1 (∂h_ab)² + c2 (∂h)² + c35 (∂_a h_ab)² + c4 ∂_a h_ab ∂_b h,   h = h_aa,    ∂_t h = -δS/δh

    S is the most general local form, quadratic in forces ∂_μ g_ab, that an Onsager tensor makes, to lowest order (model
    card C3b, reconstructed). c1 = 1/4; the others are given over their values -1/4, -1/2, 1/2 of the linearised
    Einstein-Hilbert action. The form is imposed, and flat space with it: no weights of a network appear.

    Exact: at ratios 1, and there alone, S is blind to h → h + ∂_a ξ_b + ∂_b ξ_a; every ∂ is the same central
    difference, so the lattice has that invariance too, to rounding. There the form has the eigenvalues k²/4
    (D(D-1)/2 - 1 gravitons), 0 (D) and -(D-2)k²/4 (the conformal mode), k² = Σ sin² k_a (`theory.onsager`).

    Not to be confused: `defect` with the memory of one ξ (which may pass 1 by accident off the point; average over
    samples); entropy production S with its flow; a negative eigenvalue of S with an unstable time step, which is
    refused. h ~ 10⁶ where the flow is stopped is far beyond what is linear in nature: the flow here is linear.

    Three fields flow apart, by Euler steps: a gauge field ∂_a ξ_b + ∂_b ξ_a (ξ of three random waves a component, all
    |k_a| <= 2 steps of the Brillouin zone, drawn by the disorder; noise draws their phases and normal amplitudes), a
    graviton and the conformal mode, both of one wave along the first axis. Every field starts with a mean square of 1.
    One that passes 10⁶ is stopped: `diverged` is 1, rates are those up to there, memory is NaN. The rate of one of
    which less than 10⁻¹⁰ is left is that over half the time, a quarter, ..., at which more was. Conformal modes of the
    whole zone grow from rounding errors at up to (D-2)D/2, so that at Einstein-Hilbert too a flow ends there after some
    43 in D = 3; projections do not feel it.
    """

    trace_ratio: float = parameter(1.0, units="1", minimum=-100, maximum=100, doc="c2 over its value -1/4")
    divergence_ratio: float = parameter(1.0, units="1", minimum=-100, maximum=100, doc="c35 over its value -1/2")
    mixed_ratio: float = parameter(1.0, units="1", minimum=-100, maximum=100, doc="c4 over its value 1/2")
    dimensions: int = parameter(3, units="1", minimum=2, maximum=4, quenched=True, doc="D of space")
    length: int = parameter(12, units="1", minimum=5, maximum=128, quenched=True, doc="L: sites along an edge")
    duration: float = parameter(40.0, units="1", minimum=0.01, maximum=1e5, doc="time of the flow")
    time_step: float = parameter(0.2, units="1", minimum=1e-6, maximum=10, doc="Euler step")

    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("defect", "1", may_be_nan=True, long_name="‖B G‖/‖B‖ of the form at |k| = 1"),
        Observable("lowest_eigenvalue", "1", long_name="lowest eigenvalue of the form at |k| = 1"),
        Observable("gauge_memory", "1", may_be_nan=True, long_name="⟨h(t), h(0)⟩/|h(0)|² of a pure gauge field"),
        Observable("gauge_change", "1", long_name="|ln |⟨h(t), h(0)⟩|/|h(0)|²|/t of a pure gauge field"),
        Observable("graviton_rate", "1", may_be_nan=True, long_name="rate of decay of a graviton"),
        Observable("conformal_rate", "1", long_name="rate of growth of the conformal mode"),
        Observable("conformal_production", "1", long_name="entropy production S/|h|² of the conformal mode"),
        Observable("diverged", "1", dtype="int8", long_name="1: a field passed 10^6 and was stopped"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        parts = self.dimensions * (self.dimensions + 1) // 2
        check_memory(
            8.0 * self.sites * (3 * parts + 5 * self.dimensions + 3), f"length = {self.length}", "lower length"
        )
        if self.sites * parts * self.steps > LARGEST_COST:
            raise InputError(
                f"length = {self.length}, D = {self.dimensions}, duration = {self.duration:g} are "
                f"{self.sites * parts * self.steps:.3g} updates, of {LARGEST_COST:.0e} allowed: lower one of them"
            )
        fastest = 2 * self.dimensions * np.abs(self.spectrum()).max()
        if self.time_step * fastest >= 2:
            raise InputError(
                f"time_step = {self.time_step:g} is unstable: the fastest mode has the rate {fastest:.3g}, so below "
                f"{2 / fastest:.3g} is needed"
            )

    @property
    def weights(self) -> np.ndarray:
        """c1, c2, c35, c4."""
        return np.array([0.25, -0.25 * self.trace_ratio, -0.5 * self.divergence_ratio, 0.5 * self.mixed_ratio])

    @property
    def sites(self) -> int:
        """L^D."""
        return int(self.length**self.dimensions)

    @property
    def steps(self) -> int:
        """Euler steps; the last time is as near to `duration` as they allow."""
        return max(1, round(self.duration / self.time_step))

    def cost(self) -> float:
        """Nanoseconds, roughly."""
        return 3 * self.sites * (self.steps + 5) * 12.0 * self.dimensions**2

    def spectrum(self) -> np.ndarray:
        """Eigenvalues of the form at |k| = 1: of tensors and vectors one each, of scalars two (NaN-free, not sorted).

        Scalars: the trace across k and the part along k, normalised, with the 2 x 2 matrix of the form between them.
        """
        c1, c2, c35, c4 = self.weights
        across = self.dimensions - 1
        one, other = c1 + across * c2, c1 + c2 + c35 + c4
        between = math.sqrt(across) * (c2 + c4 / 2)
        half = math.hypot((one - other) / 2, between)
        tensors = [c1] if self.dimensions > 2 else []
        return np.array([*tensors, c1 + c35 / 2, (one + other) / 2 - half, (one + other) / 2 + half])

    def defect(self) -> float:
        """‖B G‖/‖B‖ at |k| = 1, G: ξ → (k_a ξ_b + k_b ξ_a)/2; NaN where the form vanishes, as at D = 2, ratios 1."""
        c1, c2, c35, c4 = self.weights
        d = self.dimensions
        vector, along, mixed = c1 + c35 / 2, c1 + c2 + c35 + c4, c2 + c4 / 2
        left = (d - 1) * vector**2 / 2 + along**2 + (d - 1) * mixed**2
        tensors = (d * (d - 1) // 2 - 1) * c1**2
        whole = tensors + (d - 1) * vector**2 + (c1 + (d - 1) * c2) ** 2 + along**2 + 2 * (d - 1) * mixed**2
        return math.sqrt(left / whole) if whole > 1e-24 else math.nan

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        lattice = np.empty((2, self.dimensions, self.sites), np.int64)
        stencils.neighbours(self.length, *lattice)
        conformal, _, lost = self._flow(self.wave(False), lattice, self.steps)
        once = self._flow(self.wave(False), lattice, 1)[1]
        graviton, _, also = (
            self._flow(self.wave(True), lattice, self.steps) if self.dimensions > 2 else (math.nan, 0, 0)
        )
        rows = []
        for stream in noise:
            change, memory, stopped = self._flow(self.gauge(disorder, stream, lattice), lattice, self.steps)
            stopped = stopped or lost or also
            rows.append(
                {
                    "defect": self.defect(),
                    "lowest_eigenvalue": self.spectrum().min(),
                    "gauge_memory": math.nan if stopped else memory,
                    "gauge_change": abs(change),
                    "graviton_rate": -graviton,
                    "conformal_rate": conformal,
                    "conformal_production": (1 - once) / (2 * self.time_step),
                    "diverged": stopped,
                }
            )
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def _flow(self, start: np.ndarray, lattice: np.ndarray, steps: int) -> tuple[float, float, int]:
        """Rate ln|m|/t, of m not below FAINT, m = ⟨h(t), h(0)⟩/|h(0)|² of a field, and 1 if it was stopped."""
        memory, taken, stopped = self._kept(start, lattice, steps)
        left = memory
        while abs(left) < FAINT and taken > 1:
            left, taken, _ = self._kept(start, lattice, taken // 2)
        return math.log(max(abs(left), 2.0**-1022)) / (taken * self.time_step), memory, stopped

    def _kept(self, start: np.ndarray, lattice: np.ndarray, steps: int) -> tuple[float, int, int]:
        """m, the steps that were taken, and 1 if the field was stopped."""
        end = start.copy()
        taken = stencils.onsager_run(end, self.weights, lattice[0], lattice[1], self.time_step, steps)
        memory = self._product(start, end) / self._product(start, start)
        return memory, taken, int(abs(end).max() > stencils.LARGEST)

    def gauge(self, disorder: np.ndarray, noise: np.ndarray, lattice: np.ndarray) -> np.ndarray:
        """A pure gauge field of mean square 1, (D(D+1)/2, L^D)."""
        stream, other = disorder.copy(), noise.copy()
        place = np.stack(np.unravel_index(np.arange(self.sites), (self.length,) * self.dimensions))
        vector = np.zeros((self.dimensions, self.sites))
        for component in vector:
            for _ in range(WAVES):
                k = np.zeros(self.dimensions, np.int64)
                while not k.any():
                    k[:] = [below(stream, 5) - 2 for _ in range(self.dimensions)]
                angle = 2 * np.pi * ((k[:, None] * place).sum(axis=0) / self.length + uniform(other))
                component += normal(other) * np.cos(angle)
        out = np.empty((self.dimensions * (self.dimensions + 1) // 2, self.sites))
        stencils.gauge_field(vector, lattice[0], lattice[1], out)
        return self._normal(out)

    def wave(self, graviton: bool) -> np.ndarray:
        """cos of one wave along the first axis: h_yy = -h_zz (graviton), or h_yy = h_zz = ... (conformal mode)."""
        d = self.dimensions
        x = np.arange(self.sites) // self.length ** (d - 1)
        out = np.zeros((d * (d + 1) // 2, self.sites))
        diagonal = [m for m, (a, b) in enumerate((a, b) for a in range(d) for b in range(a, d)) if a == b]
        for i, m in enumerate(diagonal[1:3] if graviton else diagonal[1:]):
            out[m] = np.cos(2 * np.pi * x / self.length) * (-1 if graviton and i else 1)
        return self._normal(out)

    def _normal(self, h: np.ndarray) -> np.ndarray:
        return h / math.sqrt(self._product(h, h) / self.sites)

    def _product(self, g: np.ndarray, h: np.ndarray) -> float:
        """Σ g_ab h_ab over all a, b and sites."""
        d = self.dimensions
        weight = np.array([1.0 if a == b else 2.0 for a in range(d) for b in range(a, d)])
        return float((weight * (g * h).sum(axis=1)).sum())

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(length=6, duration=2.0)
