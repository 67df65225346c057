"""The Dicke model in a cavity that loses light, exactly: the master equation of few spins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from isinglass.exceptions import InputError
from isinglass.kernels import dicke, open_dicke, statevector
from isinglass.measures import crossings
from isinglass.models.base import Model, Observable, parameter

SIZE = 2**12
"""Most rows of ρ: 800 MB for it and its like."""
WORK = 2**36
"""Most elements of ρ times products with the master equation of a run."""
TAIL = 1e-5
"""Weight that the state may have in the two highest numbers of photons."""


@dataclass(frozen=True)
class DickeMaster(Model):
    """N spins 1/2 and one lossy mode, ρ' = -i[H, ρ] + κ(2aρa† - a†aρ - ρa†a), H that of `Dicke`, largest total spin.

    Frequencies in units of ω, times in 1/ω. At time 0 one sign is written: all spins along +x, light in the coherent
    state √N a₀, a₀ = -λ/(ω - iκ), at rest beside such spins. Exact for N → ∞: λ_c = √(ω₀(ω² + κ²)/ω)/2, above it
    2⟨J_x⟩/N = √(1 - μ²) for ever (mean field, `theory.dicke`). At finite N the sign is lost: the steady state is
    symmetric, and odd quantities fall as e^{-Γt} in the end, Γ a gap of the Liouvillian.

    Not to be confused with the ground state of the closed cavity (`Dicke`): loss heats what it does not cool, and the
    steady state is mixed; with loss or dephasing of single spins, which leaves the largest spin; nor with κ as the rate
    of the photon number, which is 2κ.

    The message is one and the same sign, so there are no roles, and no disorder. Noise draws `shots` countings of the
    photons at the end, for `counted_photons` alone. Runge-Kutta steps of order 4.
    `decay_rate` is -d ln⟨J_x⟩/dt over the last quarter; `converged`: it is the same within 2 % over the quarter before,
    tr ρ is 1 within 10⁻⁶ and the two highest numbers of photons never have more than 10⁻⁵.
    """

    spins: int = parameter(4, units="1", minimum=1, maximum=1000, quenched=True, doc="number of spins N")
    light_coupling: float = parameter(1.0, units="1", minimum=0, maximum=100, doc="coupling λ/ω")
    splitting: float = parameter(1.0, units="1", minimum=1e-3, maximum=1e3, doc="splitting of a spin ω₀/ω")
    loss: float = parameter(1.0, units="1", minimum=1e-3, maximum=1e3, doc="decay of the field κ/ω")
    duration: float = parameter(40.0, units="1", minimum=1e-3, maximum=1e6, doc="length of the run ω t")
    records: int = parameter(80, units="1", minimum=8, maximum=10**5, doc="times, evenly spaced, that are looked at")
    cutoff: int = parameter(0, units="1", minimum=0, maximum=10**6, doc="highest number of photons; 0: chosen")
    shots: int = parameter(64, units="1", minimum=1, maximum=2**20, doc="countings of the photons at the end")

    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("photons", "1", long_name="⟨a†a⟩/N, mean of the last quarter"),
        Observable("inversion", "1", long_name="⟨J_z⟩/N, mean of the last quarter"),
        Observable("spin_order", "1", long_name="root mean square of 2 J_x/N, last quarter"),
        Observable("retention", "1", long_name="2⟨J_x⟩/N, mean of the last quarter"),
        Observable("decay_rate", "1", may_be_nan=True, long_name="rate Γ/ω at which the sign is lost in the end"),
        Observable("retention_time", "1", long_name="last time ω t at which 2⟨J_x⟩/N is 1/2"),
        Observable("first_crossing", "1", long_name="first time ω t at which 2⟨J_x⟩/N is 1/2"),
        Observable("censored", "1", dtype="int8", long_name="1: retention is above 1/2 at the end"),
        Observable("retention_trace", "1", dims=("time",), long_name="2⟨J_x⟩/N in time"),
        Observable("field_trace", "1", dims=("time",), long_name="⟨a⟩ along a₀ over √N in time"),
        Observable("photon_trace", "1", dims=("time",), long_name="⟨a†a⟩/N in time"),
        Observable("counted_photons", "1", long_name="photons per spin at the end, mean of the shots"),
        Observable("tail_weight", "1", long_name="largest weight of the two highest numbers of photons"),
        Observable("converged", "1", dtype="int8", long_name="1: rate steady, trace and tail kept"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        size, work = self._rows * (self.spins + 1), self.cost() / 10
        if size > SIZE or work > WORK:
            raise InputError(
                f"spins = {self.spins} with {self._rows} numbers of photons is ρ of {size} x {size} ({SIZE} allowed) "
                f"and {work:.2g} elements of products ({WORK:.2g} allowed); lower spins, light_coupling, duration "
                "or cutoff"
            )

    @property
    def _rows(self) -> int:
        """Numbers of photons that are kept."""
        most = self.spins * self.light_coupling**2 / (1 + self.loss**2)
        return 1 + (self.cutoff or math.ceil(most + 5 * math.sqrt(most)) + 9)

    @property
    def _steps(self) -> int:
        """Steps between records: |dt L| <= 2.4, L bounded by the span of H and of the loss."""
        light = 4 * self.light_coupling * math.sqrt(self.spins * self._rows)
        bound = self._rows * (1 + 2 * self.loss) + self.spins * self.splitting + light
        return math.ceil(self.duration / self.records * bound / 2.4)

    @property
    def times(self) -> np.ndarray:
        """Times at which ρ is looked at, float64 (records,)."""
        return np.asarray(np.arange(1, self.records + 1) * (self.duration / self.records))

    def coords(self) -> dict[str, tuple[Any, dict[str, str]]]:
        """See `Model.coords`."""
        return {"time": (self.times, {"units": "1", "long_name": "time since writing ω t"})}

    def cost(self) -> float:
        """Nanoseconds, roughly: four products a step."""
        return 10.0 * (self._rows * (self.spins + 1)) ** 2 * 4 * self._steps * self.records

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`: the same for every sample and replica, but for what is counted."""
        found, weights = self._run()
        rows = [np.asarray(found.get(o.name, 0.0), dtype=o.dtype) for o in self.observables]
        out = {o.name: np.repeat(v[None], len(noise), axis=0) for o, v in zip(self.observables, rows, strict=True)}
        cumulative, shots = np.cumsum(weights), np.empty(self.shots, np.int64)
        for row, stream in enumerate(noise):
            statevector.measure(cumulative, np.array(stream, dtype=np.uint64), shots)
            out["counted_photons"][row] = (shots // (self.spins + 1)).mean() / self.spins
        return out

    def _run(self) -> tuple[dict[str, Any], np.ndarray]:
        """The observables, and the weights of the basis states at the end."""
        n, size = self.spins, self._rows * (self.spins + 1)
        rest = 1 + self.loss**2
        rho, seen = np.empty((2, size, size)), np.empty((self.records, 8))
        a0 = -self.light_coupling * complex(1, self.loss) / rest * math.sqrt(n)
        open_dicke.written(n, a0.real, a0.imag, rho)
        constants = (dicke.ladder(n), self.splitting, self.light_coupling / math.sqrt(n), self.loss)
        for row in seen:
            open_dicke.evolve(rho, constants, self.duration / self.records / self._steps, self._steps)
            open_dicke.observe(rho, n, row)
        trace, photons, z, x, x2, re, im, tail = seen.T
        retention, late = 2 * x / n, slice(3 * self.records // 4, None)
        first, last = crossings(self.times, retention, 0.5)
        rates = [self._rate(retention, k) for k in (2, 3)]
        kept = abs(trace - 1).max() < 1e-6 and tail.max() < TAIL
        observed = {
            "photons": photons[late].mean() / n,
            "inversion": z[late].mean() / n,
            "spin_order": 2 * math.sqrt(x2[late].mean()) / n,
            "retention": retention[late].mean(),
            "decay_rate": rates[1],
            "retention_time": last,
            "first_crossing": first,
            "censored": retention[-1] >= 0.5,
            "retention_trace": retention,
            "field_trace": -(re + self.loss * im) / math.sqrt(n * rest),
            "photon_trace": photons / n,
            "tail_weight": tail.max(),
            "converged": kept and abs(rates[0] - rates[1]) < 0.02 * rates[1],
        }
        return observed, np.maximum(rho[0].diagonal(), 0.0)

    def _rate(self, retention: np.ndarray, quarter: int) -> float:
        """-d ln retention/dt between the ends of a quarter of the run; NaN where it has another sign or is lost."""
        begin, end = quarter * self.records // 4 - 1, (quarter + 1) * self.records // 4 - 1
        if not (retention[begin : end + 1] > 1e-9).all():
            return math.nan
        return float(math.log(retention[begin] / retention[end]) / (self.times[end] - self.times[begin]))

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(spins=1, light_coupling=0.5, duration=4, records=8, cutoff=5, shots=4096)
