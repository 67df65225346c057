"""A closed string in a curved plane, and the geodesic that its centre of mass departs from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass.exceptions import InputError
from isinglass.kernels import stencils
from isinglass.kernels.streams import uniform
from isinglass.models.base import Model, Observable, parameter

COURANT = 0.4
"""Time step over the spacing of sites."""
ROUNDING = 1e-12
SMALLEST = 1e-6
"""Size below which the departure is rounding."""
LARGEST_COST = 10**9


@dataclass(frozen=True)
class CurvedString(Model):
    """A closed string X(σ, τ), 0 <= σ < 2π, in a plane of metric Ω(X) δ_ij, Ω = 1 + 2κ exp(-|X|²/2w²):

        L = ½ ∮ Ω(X) (|Ẋ|² - |X'|²) dσ,    Ẍ - X'' + Γ(Ẋ, Ẋ) - Γ(X', X') = 0,    time τ = X⁰

    (a sigma model in conformal gauge, reconstructed in the model card C3a; not read in a paper). Its centre, the mean
    of X over σ, starts at (-distance, impact) with `speed` along x; about it the string has the shape a√2 (cos χ
    cos(nσ + φ₁), sin χ cos(nσ + φ₂)), root mean square radius a = `size`, at rest (standing) or moving on along itself
    (travelling: a function of σ - τ). The metric is imposed: nothing here derives it from a network.

    Exact: a string of size 0 moves on a geodesic (speed² Ω and Ω (X × Ẋ) are conserved). The centre of a small one
    departs from it by C size², C from `theory.curved_string`, second order in the spread of the string.

    Not to be confused with a string that solves the Virasoro constraints (its clock here is τ); with a tension that
    makes a mass; with a self-consistent metric: Ω does not respond to the string.

    Runge-Kutta of order 4, time step 0.4 of the spacing 2π/sites, central differences: order 2. Where the shape is
    random the disorder draws its polarisation χ and noise its phases φ; of a circle nothing is drawn. `discretisation`
    is a third of the change of the departure when the sites are halved; `converged` is 1 where that is below a tenth of
    the departure (or 10⁻¹²) and the energy drifted by less than 1 %; below a size of 10⁻⁶ departure is rounding, and
    `departure_per_square` NaN. Where a value went beyond 10⁶, `diverged` is 1 and
    the others are NaN.
    """

    curvature: float = parameter(0.2, units="1", minimum=-0.45, maximum=100, doc="κ: the metric at the origin is 1+2κ")
    width: float = parameter(1.0, units="1", minimum=0.05, maximum=100, quenched=True, doc="w of the curved region")
    size: float = parameter(0.1, units="1", minimum=0, maximum=10, doc="root mean square radius a of the string")
    mode: int = parameter(1, units="1", minimum=1, maximum=64, doc="n: waves around the string")
    motion: str = parameter(
        "standing",
        units="1",
        choices=("standing", "travelling"),
        doc="the shape starts at rest, or moves on along itself",
    )
    shape: str = parameter(
        "random", units="1", choices=("random", "circle"), quenched=True, doc="polarisation and phases"
    )
    distance: float = parameter(3.0, units="1", minimum=0, maximum=100, doc="start: x = -distance")
    impact: float = parameter(0.5, units="1", minimum=-100, maximum=100, doc="start: y")
    speed: float = parameter(0.7, units="1", minimum=0, maximum=10, doc="of the centre, along x, at the start")
    duration: float = parameter(8.0, units="1", minimum=0.01, maximum=1000, doc="time τ at which it is looked at")
    sites: int = parameter(64, units="1", minimum=16, maximum=8192, doc="points N along the string; rounded to even")

    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("departure", "1", may_be_nan=True, long_name="distance of the centre of mass from the geodesic"),
        Observable("departure_per_square", "1", may_be_nan=True, long_name="departure / size²"),
        Observable("discretisation", "1", may_be_nan=True, long_name="error of the departure by the spacing of sites"),
        Observable("radius", "1", may_be_nan=True, long_name="root mean square radius at the end"),
        Observable("energy_drift", "1", may_be_nan=True, long_name="|E/E(0) - 1| at the end"),
        Observable("diverged", "1", dtype="int8", long_name="1: a value went beyond 10^6"),
        Observable(
            "converged", "1", dtype="int8", long_name="1: discretisation below a tenth of the departure, energy kept"
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.points < 16 * self.mode:
            raise InputError(
                f"sites = {self.sites} are {self.sites / self.mode:.3g} for each of {self.mode} waves: at least "
                f"{16 * self.mode}"
            )
        if self.points * self.steps(self.points) > LARGEST_COST:
            raise InputError(
                f"sites = {self.sites} for duration = {self.duration:g} are "
                f"{self.points * self.steps(self.points):.3g} updates, of {LARGEST_COST:.0e} allowed: lower one of them"
            )

    @property
    def points(self) -> int:
        """The sites, an even number."""
        return self.sites + self.sites % 2

    def steps(self, points: int) -> int:
        """Time steps of a string of so many points."""
        return math.ceil(self.duration * points / (2 * math.pi * COURANT))

    def cost(self) -> float:
        """Nanoseconds, roughly: the string, and one of half the sites in half the steps."""
        return 1.25 * 100 * self.points * self.steps(self.points)

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        rows = [self._look(self.draw(disorder, stream)) for stream in noise]
        return {o.name: np.array([row[o.name] for row in rows], dtype=o.dtype) for o in self.observables}

    def draw(self, disorder: np.ndarray, noise: np.ndarray) -> tuple[float, float, float]:
        """The shape χ, φ₁, φ₂ of one replica."""
        if self.shape == "circle":
            return math.pi / 4, 0.0, -math.pi / 2
        stream = noise.copy()
        return math.pi / 2 * uniform(disorder.copy()), 2 * math.pi * uniform(stream), 2 * math.pi * uniform(stream)

    def _look(self, shape: tuple[float, float, float]) -> dict[str, float]:
        fine, drift, radius, lost = self.run(shape, self.points)
        coarse, _, _, also_lost = self.run(shape, self.points // 2)
        if lost or also_lost:
            return {**dict.fromkeys((o.name for o in self.observables), math.nan), "diverged": 1, "converged": 0}
        departure, change = math.hypot(*fine), math.hypot(*(fine - coarse)) / 3
        return {
            "departure": departure,
            "departure_per_square": departure / self.size**2 if self.size >= SMALLEST else math.nan,
            "discretisation": change,
            "radius": radius,
            "energy_drift": drift,
            "diverged": 0,
            "converged": change <= max(0.1 * departure, ROUNDING) and drift < 0.01,
        }

    def run(self, shape: tuple[float, float, float], points: int) -> tuple[np.ndarray, float, float, int]:
        """Centre less geodesic (2,), drift of the energy, radius at the end, and whether it diverged."""
        string, point = self.start(shape, points), self.start(shape, 1)
        steps = self.steps(points)
        before = stencils.string_energy(string, self.curvature, self.width)
        law = self.curvature, self.width, self.duration / steps, steps
        lost = stencils.string_run(string, *law) or stencils.string_run(point, *law)
        after = stencils.string_energy(string, self.curvature, self.width)
        centre = string[:2].mean(axis=1)
        radius = math.sqrt(((string[:2] - centre[:, None]) ** 2).sum() / points)
        return centre - point[:2, 0], abs(after / before - 1) if before > 0 else abs(after), radius, lost

    def start(self, shape: tuple[float, float, float], points: int) -> np.ndarray:
        """X, Y and their velocities (4, points) at time 0; a single point is the centre alone."""
        chi, *phases = shape
        angle = self.mode * 2 * np.pi * np.arange(points) / points
        y = np.empty((4, points))
        y[:2] = [[-self.distance], [self.impact]]
        y[2:] = [[self.speed], [0.0]]
        if points > 1:
            for j, (amplitude, phase) in enumerate(zip((math.cos(chi), math.sin(chi)), phases, strict=True)):
                y[j] += math.sqrt(2) * self.size * amplitude * np.cos(angle + phase)
                if self.motion == "travelling":
                    y[2 + j] += math.sqrt(2) * self.size * amplitude * self.mode * np.sin(angle + phase)
        return y

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(sites=64, duration=1.0)
