"""The random-field Ising model: hysteresis, and a microstate that comes back when the field does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from isinglass import measures
from isinglass.exceptions import InputError
from isinglass.kernels import random_fields
from isinglass.models.base import Model, Observable, parameter

EXCURSION = (-4, 2, -1, 1, 2)
"""The excursion in quarters of its depth: down, half way up, a nested loop below that point, and back to the turn."""
LARGEST = 2**24


@dataclass(frozen=True)
class RandomFieldIsing(Model):
    """N = L^d Ising spins on a periodic lattice, J = 1: E = -Σ_<ij> s_i s_j - Σ_i (h_i + H) s_i, h_i ~ N(0, R²).

    T = 0: adiabatic. H changes by one step, then every spin with s_i (Σ_j s_j + h_i + H) < 0 flips, and what follows.
    T > 0: heat bath in the fixed order of sites, `sweeps` at each field: the ramp rate is field_step/sweeps.

    The field rises from -reach (all spins down) until the magnetisation is `turning` or more: there, at H_1, the state
    A is written. Then an excursion H_1 → H_1 - D → H_1 - D/2 → H_1 - 3D/4 → H_1 - D/2 → H_1, D = `excursion`, after
    which state A' is read; on to +reach, and from all spins up back to -reach. `return_overlap` compares A' and A,
    `inner_overlap` the two visits of H_1 - D/2.

    Exact at T = 0, each sample of every size: A' = A spin by spin (return-point memory; Sethna et al. 1993,
    cond-mat/9210018), because states stay ordered if fields are, and the order of flips is irrelevant. The chain's M(H)
    in closed form: `theory.random_field`. R → ∞: independent spins, M = erf(H/(√2 R)).

    Not to be confused with memory of a message: it has no role here. The microstate at H_1 is mostly what the random
    fields make of it in any history, and would count as remembered; `history_overlap` asks which of two histories the
    state at H_1 shows, that through the turn (1) or that from above (0 where neither). Nor with equilibrium: at T = 0
    the state is metastable. The connected overlap is the correlation of A and A' over sites.

    The disorder draws N normals g (h = R g), so that all R, T and protocols share samples; noise draws the heat bath.
    At T = 0 replicas are equal. `largest_avalanche`, `avalanches` and, if `remanent`, `remanent_states` are of
    the T = 0 dynamics, followed avalanche by avalanche from all down to all up at any field, and NaN at T > 0.
    """

    dimension: int = parameter(3, units="1", choices=(1, 2, 3), quenched=True, doc="dimension d of the lattice")
    size: int = parameter(16, units="1", minimum=3, maximum=LARGEST, quenched=True, doc="linear size L; N = L^d spins")
    disorder: float = parameter(2.5, units="1", minimum=0, doc="standard deviation R/J of the random fields")
    temperature: float = parameter(0.0, units="1", minimum=0, doc="k_B T/J; 0: adiabatic")
    field_step: float = parameter(0.05, units="1", minimum=1e-4, doc="step of the field H/J")
    sweeps: int = parameter(10, units="1", minimum=1, doc="heat-bath sweeps at each field (no effect at T = 0)")
    reach: float = parameter(6.0, units="1", minimum=1e-3, doc="largest |H|/J of the ramp")
    turning: float = parameter(
        0.0, units="1", minimum=-1, maximum=1, doc="magnetisation from which on the rising field turns"
    )
    excursion: float = parameter(2.0, units="1", minimum=1e-3, doc="depth D/J of the excursion")
    remanent: bool = parameter(False, units="1", doc="count the states at rest, H = 0, that one turning field can give")

    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("return_overlap", "1", long_name="overlap of the states before and after the excursion"),
        Observable(
            "connected_overlap", "1", may_be_nan=True, long_name="correlation over sites of these states (connected)"
        ),
        Observable(
            "history_overlap", "1", may_be_nan=True,
            long_name="return overlap less that with the falling branch at H_1, over its maximum",
        ),
        Observable("inner_overlap", "1", long_name="overlap of the states before and after the nested loop"),
        Observable("changed", "1", long_name="share of spins that the far end of the excursion differs in"),
        Observable("turning_field", "1", long_name="field H_1/J at which the rising field turned"),
        Observable("turning_magnetisation", "1", long_name="magnetisation where the rising field turned"),
        Observable(
            "coercive_field", "1", may_be_nan=True, long_name="field of zero magnetisation, mean of the two branches"
        ),
        Observable("remanence", "1", long_name="magnetisation of the falling branch at H = 0"),
        Observable("loop_area", "1", long_name="area of the major loop M(H)"),
        Observable("largest_step", "1", long_name="largest share of spins turned in one field step, rising"),
        Observable("largest_avalanche", "1", may_be_nan=True, long_name="largest avalanche / N at T = 0"),
        Observable("avalanches", "1", may_be_nan=True, long_name="number of avalanches of the rising branch at T = 0"),
        Observable("remanent_states", "1", may_be_nan=True, long_name="states at rest that one turning field can give"),
        Observable("applied_field", "1", dims=("field",), long_name="applied field H/J along the path"),
        Observable("magnetisation", "1", dims=("field",), long_name="magnetisation along the path"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size**self.dimension > LARGEST:
            raise InputError(
                f"size = {self.size} in dimension {self.dimension} has more than 2^24 spins, about 1 GB: lower size"
            )
        if self.field_step > min(self.reach, self.excursion / 4):
            raise InputError(
                f"field_step = {self.field_step:g} is longer than reach ({self.reach:g}) or a quarter of excursion "
                f"({self.excursion:g}): lower field_step"
            )
        if self.steps > 10**6:
            raise InputError(
                f"the path has {float(self.steps):.6g} fields, more than 10^6: raise field_step, or lower reach"
            )
        if self.remanent and self.temperature > 0:
            raise InputError("remanent states are counted at temperature = 0 only: set one of the two")

    @property
    def spins(self) -> int:
        """N."""
        return int(self.size**self.dimension)

    @property
    def half(self) -> int:
        """Steps from H = 0 to the reach."""
        return round(self.reach / self.field_step)

    @property
    def quarter(self) -> int:
        """Steps of a quarter of the excursion."""
        return round(self.excursion / (4 * self.field_step))

    @property
    def steps(self) -> int:
        """Fields of the whole path: both branches and the excursion."""
        return 2 * (2 * self.half + 1) + self.quarter * sum(map(abs, EXCURSION))

    def coords(self) -> dict[str, tuple[Any, dict[str, str]]]:
        """See `Model.coords`: positions on the path; its fields differ by sample and are `applied_field`."""
        return {"field": (np.arange(self.steps), {"units": "1", "long_name": "position on the path of fields"})}

    def cost(self) -> float:
        """Nanoseconds, roughly."""
        sweeps = self.sweeps * 12 if self.temperature > 0 else 1.5
        return self.spins * (self.steps * sweeps + 500) + (0.3 * self.spins**2 if self.remanent else 0)

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        neighbours = lattice(self.size, self.dimension)
        h = np.empty(self.spins)
        random_fields.draw(np.array(disorder, dtype=np.uint64), self.disorder, h)
        counted = self._counted(neighbours, h)
        if self.temperature == 0:
            rows = [self._replica(neighbours, h, noise[0])] * len(noise)
        else:
            rows = [self._replica(neighbours, h, stream) for stream in noise]
        return {o.name: np.array([(row | counted)[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def _counted(self, neighbours: np.ndarray, h: np.ndarray) -> dict[str, float]:
        if self.temperature > 0:
            return dict.fromkeys(("largest_avalanche", "avalanches", "remanent_states"), math.nan)
        out = np.empty(3, np.int64)
        random_fields.avalanches(neighbours, h, np.argsort(-h, kind="stable"), 0.0, self.remanent, out)
        return {
            "avalanches": out[0],
            "largest_avalanche": out[1] / self.spins,
            "remanent_states": out[2] if self.remanent else math.nan,
        }

    def _replica(self, neighbours: np.ndarray, h: np.ndarray, noise: np.ndarray) -> dict[str, Any]:
        ramp = Ramp(self, neighbours, h, noise)
        ramp.saturate(-1)
        step = -self.half
        while ramp.to(step) < self.turning and step < self.half:
            step += 1
        turned, written, visits = step, ramp.spins.copy(), []
        for quarters in EXCURSION:
            for _ in range(abs(quarters) * self.quarter):
                step += int(math.copysign(1, quarters))
                ramp.to(step)
            visits.append(ramp.spins.copy())
        far, before, _, after, read = visits
        for step in range(turned + 1, self.half + 1):
            ramp.to(step)
        rising = ramp.branch(turned, self.quarter)
        ramp.saturate(1)
        other = written
        for step in range(self.half, -self.half - 1, -1):
            ramp.to(step)
            other = ramp.spins.copy() if step == turned else other
        falling = np.array(ramp.magnetisation[-2 * self.half - 1 :])
        overlap = float(measures.overlap(written, read))
        blind = float(measures.overlap(written, other))
        return {
            "return_overlap": overlap,
            "connected_overlap": correlation(written, read),
            "history_overlap": (overlap - float(measures.overlap(read, other))) / (1 - blind)
            if blind < 1
            else math.nan,
            "inner_overlap": measures.overlap(before, after),
            "changed": (1 - measures.overlap(written, far)) / 2,
            "turning_field": turned * self.field_step,
            "turning_magnetisation": written.mean(dtype=np.float64),
            "coercive_field": (self._crossing(rising) + self._crossing(-falling)) / 2,
            "remanence": falling[self.half],
            "loop_area": self.field_step * (falling.sum() - rising.sum()),
            "largest_step": np.diff(rising).max() / 2,
            "applied_field": np.array(ramp.path) * self.field_step,
            "magnetisation": np.array(ramp.magnetisation),
        }

    def _crossing(self, m: np.ndarray) -> float:
        """Field at which a branch (2 half + 1,), in the order of the ramp, first has m >= 0, interpolated; else NaN."""
        k = int(np.argmax(m >= 0))
        if k == 0:  # at the first field already, or never
            return math.nan
        return float((k - m[k] / (m[k] - m[k - 1]) - self.half) * self.field_step)

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(dimension=2, size=6, disorder=1.5, temperature=0.5, field_step=0.5, sweeps=2, reach=3.0)


class Ramp:
    """One trajectory: the state (`spins`, int8 (N,)), and the fields it was taken to, as multiples of the step."""

    def __init__(self, model: RandomFieldIsing, neighbours: np.ndarray, h: np.ndarray, noise: np.ndarray) -> None:
        self.model, self.neighbours, self.h = model, neighbours, h
        self.stream = np.array(noise, dtype=np.uint64)
        self.spins, self.sums = np.empty(h.size, np.int8), np.empty(h.size, np.int8)
        self.stack = np.empty(h.size, np.int32)
        self.path: list[int] = []
        self.magnetisation: list[float] = []

    def saturate(self, sign: int) -> None:
        """The state at H = ±∞."""
        self.spins[:], self.sums[:] = sign, sign * self.neighbours.shape[1]

    def to(self, step: int) -> float:
        """Take the field to `step` field steps; the magnetisation there."""
        model, state = self.model, (self.spins, self.sums)
        field = step * model.field_step
        if model.temperature == 0:
            random_fields.settle(self.neighbours, self.h, field, *state, self.stack)
        else:
            random_fields.heat_bath(
                self.neighbours, self.h, field, model.temperature, model.sweeps, self.stream, *state
            )
        self.path.append(step)
        self.magnetisation.append(float(self.spins.mean(dtype=np.float64)))
        return self.magnetisation[-1]

    def branch(self, turned: int, quarter: int) -> np.ndarray:
        """Magnetisation along the rising branch, without the excursion that began at step `turned`."""
        first = turned - self.path[0] + 1
        return np.array(self.magnetisation[:first] + self.magnetisation[first + quarter * sum(map(abs, EXCURSION)) :])


def lattice(size: int, dimension: int) -> np.ndarray:
    """Neighbours of each site of a periodic lattice, int32 (L^d, 2d)."""
    sites = np.arange(size**dimension, dtype=np.int32).reshape((size,) * dimension)
    shifts = [np.roll(sites, by, axis).ravel() for axis in range(dimension) for by in (1, -1)]
    return np.ascontiguousarray(np.stack(shifts, axis=-1))


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """(⟨ab⟩ - ⟨a⟩⟨b⟩)/√((1 - ⟨a⟩²)(1 - ⟨b⟩²)) of two states ±1 (N,); NaN where one is saturated, 1 where equal."""
    x, y, n = int(a.sum(dtype=np.int64)), int(b.sum(dtype=np.int64)), a.size
    spread = (n * n - x * x) * (n * n - y * y)
    if spread == 0:
        return math.nan
    return (n * int(np.dot(a.astype(np.int64), b.astype(np.int64))) - x * y) / math.sqrt(spread)
