"""The Dicke model: spins that are coupled through one mode of light, at rest, exactly, in both parities."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass.exceptions import InputError
from isinglass.kernels import dicke, lanczos, statevector
from isinglass.models.base import Model, Observable, parameter

PRODUCTS, STATES = 6000, 2**22
"""Most products with H of a Lanczos run, and most basis states of a sector."""
TAIL = 1e-20
"""Weight that the state may have in the two highest numbers of photons."""


@dataclass(frozen=True)
class Dicke(Model):
    """N spins 1/2 and one mode of light: H = ω a†a + ω₀ J_z + (λ/√N)(a + a†)(J₊ + J₋), largest total spin N/2.

    Frequencies and energies in units of ω, times in 1/ω (ħ = 1). Lowest states of both parities of a†a + J_z + N/2; |e⟩
    even, |o⟩ odd. The rotating-wave variant (Tavis and Cummings) has the coupling (λ/√N)(a J₊ + a† J₋).

    Exact for N → ∞: superradiance above λ_c = √(ωω₀)/2, there ⟨n⟩/N = (λ/ω)²(1 - μ²) and ⟨J_z⟩/N = -μ/2, μ = (λ_c/λ)²;
    rotating wave: λ_c = √(ωω₀), ⟨n⟩/N = (λ/2ω)²(1 - μ²) (`theory.dicke`). At every N: λ = 0, ω₀ = 0.

    Not to be confused with light that is emitted (equilibrium at T = 0, nothing leaves the cavity: `photons` are bound
    to the spins), with superradiance of an inverted sample, nor with H with an A² term, which has no transition.
    `gap` is that of odd to even: above λ_c it is the tunnel splitting of the two signs of the field, not the lowest
    excitation. What (|e⟩ + |o⟩)/√2 has of the field at time 0 turns as cos(gap t): `half_time` = π/(3 |gap|). With the
    rotating wave two of many numbers of excitations make half of `field` and `broken_order`.

    There is no message and no disorder: one sample says all. Noise draws `shots` countings of the photons of the even
    state, for `counted_photons` alone. Lanczos without a matrix; rotating wave: one tridiagonal matrix for each number
    of excitations. `converged`: |Hv - Ev| is below 10⁻¹⁰ of the span of H, and the weight of the two highest numbers of
    photons below 10⁻²⁰.
    """

    spins: int = parameter(20, units="1", minimum=1, maximum=10**6, quenched=True, doc="number of spins N")
    light_coupling: float = parameter(0.6, units="1", minimum=0, maximum=100, doc="coupling λ/ω")
    splitting: float = parameter(1.0, units="1", minimum=1e-3, maximum=1e3, doc="splitting of a spin ω₀/ω")
    rotating_wave: bool = parameter(False, units="1", doc="only terms that keep the number of excitations")
    shots: int = parameter(64, units="1", minimum=1, maximum=2**20, doc="countings of the even state's photons")

    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("energy", "1", long_name="lowest energy of even parity per spin, over ω"),
        Observable("gap", "1", long_name="lowest odd less lowest even energy, over ω"),
        Observable("half_time", "1", may_be_nan=True, long_name="time ω t at which half of a field's sign is lost"),
        Observable("photons", "1", long_name="photons per spin ⟨a†a⟩/N, even state"),
        Observable("inversion", "1", long_name="⟨J_z⟩/N, even state"),
        Observable("spin_order", "1", long_name="root mean square of 2 J_x/N, even state"),
        Observable("field", "1", long_name="|⟨e|a + a†|o⟩|/2√N: amplitude of the broken state"),
        Observable("broken_order", "1", long_name="2|⟨e|J_x|o⟩|/N, of the broken state"),
        Observable("field_squeezing", "1", long_name="variance of i(a† - a), 1 in vacuum, even state"),
        Observable("spin_squeezing", "1", long_name="4 ⟨J_y²⟩/N, 1 for independent spins, even state"),
        Observable("entanglement", "bit", long_name="Rényi entropy -log₂ tr ρ² of all spins, even state"),
        Observable("single_spin_purity", "1", long_name="tr ρ_i², even state"),
        Observable("broken_purity", "1", long_name="tr ρ_i², broken state"),
        Observable("coherence_entropy", "bit", long_name="relative entropy of coherence, basis (n, J_z), even state"),
        Observable("counted_photons", "1", long_name="photons per spin, mean of the shots, even state"),
        Observable("cutoff", "1", dtype="int64", long_name="highest number of photons"),
        Observable("tail_weight", "1", long_name="weight of the two highest numbers of photons"),
        Observable("converged", "1", dtype="int8", long_name="1: residual and tail are small"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        states = self._rows * (self.spins // 2 + 1)
        if states > STATES:
            raise InputError(
                f"spins = {self.spins} with light_coupling = {self.light_coupling:g} needs {self._rows} numbers of "
                f"photons and {states} states of each parity, of {STATES} allowed; lower spins or light_coupling"
            )

    @property
    def _rows(self) -> int:
        """Numbers of photons that are kept: all that no N-spin state displaces light beyond, and twelve widths."""
        most = self.spins * self.light_coupling**2 * (0.25 if self.rotating_wave else 1.0)
        return math.ceil(most + 12 * math.sqrt(most)) + (self.spins if self.rotating_wave else 0) + 41

    def cost(self) -> float:
        """Nanoseconds, roughly: products of both sectors; rotating wave: bisections."""
        columns = self.spins // 2 + 1
        if self.rotating_wave:
            return 500.0 * self._rows * self.spins
        return 20 * self._rows * columns * (20 + 6 * math.sqrt(self._span))

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`: the same for every sample and replica, but for what is counted."""
        found, even = self._ground()
        out = {o.name: np.full(len(noise), found.get(o.name, 0), dtype=o.dtype) for o in self.observables}
        cumulative, shots = np.cumsum(even.ravel() ** 2), np.empty(self.shots, np.int64)
        for row, stream in enumerate(noise):
            statevector.measure(cumulative, np.array(stream, dtype=np.uint64), shots)
            out["counted_photons"][row] = (shots // even.shape[1]).mean() / self.spins
        return out

    @property
    def _span(self) -> float:
        """Bound of |H|."""
        return self._rows + self.spins * (
            0.5 * self.splitting + 2 * self.light_coupling * math.sqrt(self._rows / self.spins)
        )

    def _lowest(self, parity: int) -> tuple[float, float, np.ndarray]:
        """Energy, residual and state of a sector."""
        n, state = self.spins, np.empty((self._rows, self.spins // 2 + 1))
        if self.rotating_wave:
            energy, _ = dicke.conserved(n, self.splitting, self.light_coupling, parity, state)
            return energy, 0.0, state

        def product(v: np.ndarray, out: np.ndarray) -> None:
            dicke.apply(v, n, self.splitting, self.light_coupling, parity, out)

        mu = min(self.splitting / max(4 * self.light_coupling**2, 1e-9), 0.99)
        dicke.start(n, max(n * self.light_coupling**2 * (1 - mu**2), 0.1), -mu, parity, state)
        return *lanczos.ground(product, state, 1e-13 * self._span, PRODUCTS), state

    def _ground(self) -> tuple[dict[str, float], np.ndarray]:
        """The observables, and the even state."""
        n = self.spins
        (low, residual, even), (high, other, odd) = self._lowest(0), self._lowest(1)
        photons, z, z2, x2, a2, entropy, tail = self._moments(even, 0)
        _, z_odd, *_, tail_odd = self._moments(odd, 1)
        field, order = dicke.elements(even, odd, n)
        broken = [2 * order / n, (z + z_odd) / n]
        found = {
            "energy": low / n,
            "gap": high - low,
            "half_time": math.pi / (3 * abs(high - low))
            if abs(high - low) > 1e3 * np.finfo(float).eps * self._span
            else math.nan,
            "photons": photons / n,
            "inversion": z / n,
            "spin_order": 2 * math.sqrt(x2) / n,
            "field": field / math.sqrt(n),
            "broken_order": 2 * order / n,
            "field_squeezing": 1 + 2 * photons - 2 * a2,
            "spin_squeezing": n + 2 - 4 * (z2 + x2) / n,
            "entanglement": -math.log2(dicke.purity(even)),
            "single_spin_purity": (1 + (2 * z / n) ** 2) / 2,
            "broken_purity": (1 + broken[0] ** 2 + broken[1] ** 2) / 2,
            "coherence_entropy": entropy,
            "cutoff": self._rows - 1,
            "tail_weight": max(tail, tail_odd),
            "converged": max(residual, other) < 1e-10 * self._span and max(tail, tail_odd) < TAIL,
        }
        return found, even

    def _moments(self, state: np.ndarray, parity: int) -> list[float]:
        out = np.empty(7)
        dicke.moments(state, self.spins, parity, out)
        return [float(value) for value in out]

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(spins=4, shots=4096)
