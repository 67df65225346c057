"""The transverse-field Ising ring at rest: ground state, gap, order, and coherence in the basis of the patterns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass.kernels import lanczos, statevector
from isinglass.models.base import Model, Observable, parameter

TOLERANCE, PRODUCTS = 1e-11, 400
"""Lanczos ends at this residual |Hv - Ev|/J, or after so many products."""


@dataclass(frozen=True)
class TransverseIsing(Model):
    """The ring of N spins H = -J Σ_i Z_i Z_{i+1} - h Σ_i X_i, lowest states of both parities of Π X.

    Energies in units of J. The symmetric state |e⟩ is lowest among the even, |o⟩ among the odd; for h < 1 they are
    degenerate as N → ∞ and the state in which a magnet is found is the broken one, (|e⟩ + |o⟩)/√2.

    Exact for every N: energies and ⟨X⟩ of |e⟩ by free fermions; for N → ∞ ⟨Z⟩ = (1 - h²)^{1/8}, gap 2|h - 1| of the
    even to the odd ground state above h = 1 (Pfeuty, Ann. Phys. 57 (1970) 79; `theory.transverse_ising`).

    Not to be confused with the classical chain at a temperature (no order there), with `gap` as the gap to the first
    excited state of the same parity (that is twice a fermion's energy), and ⟨X⟩ with quantum coherence: it is
    polarisation. Coherence here is the relative entropy of coherence in the z basis, S(diagonal of ρ) - S(ρ), per spin:
    for a pure state the entropy of what a measurement of all Z_i gives. The cat state at h = 0 has 1/N bit of it.

    There is no message (nothing is written) and no disorder: one sample says all. Noise draws `shots` measurements of
    all Z in the even state, for `measured_order` alone. Lanczos in each parity sector, without a matrix; `converged`:
    both residuals |Hv - Ev| are below 10⁻⁹.
    """

    spins: int = parameter(12, units="1", minimum=3, maximum=60, quenched=True, doc="number of spins N")
    field: float = parameter(1.0, units="1", minimum=0, maximum=1e3, doc="transverse field h/J")
    shots: int = parameter(64, units="1", minimum=1, maximum=2**20, doc="measurements of all Z of the even state")

    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("energy_even", "1", long_name="lowest energy/J of even parity"),
        Observable("energy_odd", "1", long_name="lowest energy/J of odd parity"),
        Observable("gap", "1", long_name="lowest odd less lowest even energy, over J"),
        Observable("order_parameter", "1", long_name="root mean square of Σ Z/N, even state"),
        Observable("magnetisation", "1", long_name="⟨Z⟩ of the broken state, ⟨e|Z|o⟩"),
        Observable("transverse_magnetisation", "1", long_name="⟨X⟩ of the even state"),
        Observable("coherence_entropy", "bit", long_name="relative entropy of coherence per spin, z basis, even state"),
        Observable("broken_coherence_entropy", "bit", long_name="the same of the broken state"),
        Observable("total_correlation", "bit", long_name="entropies of single Z less that of all / N, broken state"),
        Observable("single_spin_purity", "1", long_name="tr ρ_i², even state"),
        Observable("broken_purity", "1", long_name="tr ρ_i², broken state"),
        Observable("measured_order", "1", long_name="mean |Σ Z|/N of the shots, even state"),
        Observable("converged", "1", dtype="int8", long_name="1: residuals below 1e-9"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        statevector.check_memory(self.spins, 2 ** (self.spins - 1), 6 * 8)

    def cost(self) -> float:
        """Nanoseconds, roughly: some hundred products."""
        return 200.0 * self.spins * 2.0 ** (self.spins - 1)

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`: the same for every sample and replica, but for what is measured."""
        found, even = self._ground()
        out = {o.name: np.full(len(noise), found.get(o.name, 0), dtype=o.dtype) for o in self.observables}
        cumulative, shots = np.cumsum(even * even), np.empty(self.shots, np.int64)
        for row, stream in enumerate(noise):
            statevector.measure(cumulative, np.array(stream, dtype=np.uint64), shots)
            down = (shots[:, None] >> np.arange(self.spins) & 1).sum(axis=1)
            out["measured_order"][row] = abs(1 - 2 * down / self.spins).mean()
        return out

    def _ground(self) -> tuple[dict[str, float], np.ndarray]:
        """The observables, and the even state (2^(N-1),) of its sector."""
        n, h = self.spins, self.field
        bond = np.empty(2 ** (n - 1), np.int8)
        statevector.bonds(n, 0, bond)
        even, odd = np.empty(bond.size), np.empty(bond.size)
        (low, residual), (high, other) = (
            lanczos.lowest(bond, n, h, parity, TOLERANCE, PRODUCTS, state) for parity, state in ((1, even), (-1, odd))
        )
        square, element, entropy, broken_entropy = lanczos.order(even, odd, n)
        x, x_odd = lanczos.polarisation(even, n, 1), lanczos.polarisation(odd, n, -1)
        mean_x = (x + x_odd) / 2
        single = _binary_entropy((1 + element) / 2)
        found = {
            "energy_even": low,
            "energy_odd": high,
            "gap": high - low,
            "order_parameter": float(np.sqrt(square)),
            "magnetisation": element,
            "transverse_magnetisation": x,
            "coherence_entropy": entropy / n,
            "broken_coherence_entropy": broken_entropy / n,
            "total_correlation": single - broken_entropy / n,
            "single_spin_purity": (1 + x**2) / 2,
            "broken_purity": (1 + mean_x**2 + element**2) / 2,
            "converged": float(max(residual, other) < 1e-9),
        }
        return found, even

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(spins=6, shots=1000)


def _binary_entropy(p: float) -> float:
    return float(-sum(q * np.log2(q) for q in (p, 1 - p) if q > 0))
