"""Dephasing of quantum states of N spins: what is left of the off-diagonal part, exactly and from trajectories."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass import measures
from isinglass.kernels import lanczos, spectra, statevector
from isinglass.models.base import Model, Observable, parameter
from isinglass.models.transverse_ising import PRODUCTS, TOLERANCE

EIGENVALUES = 8
"""Spins up to which ρ of a ground state is held for its eigenvalues, two matrices of 2^(N-1)."""


@dataclass(frozen=True)
class Dephasing(Model):
    """N spins under the Lindblad operators √(γ/2) Z_i, no Hamiltonian: ρ_ab(t) = ρ_ab(0) e^{-γt d(a,b)}, d the number
    of spins in which the basis states a and b differ.

    States: `product` |→⟩^N, `cat` (|↑..↑⟩ + |↓..↓⟩)/√2, `ground` the even ground state of the transverse-field Ising
    ring at `field`. With A_d = Σ_a |ψ_a ψ_{a⊕d}| the l1 coherence is Σ_{d≠0} χ_d A_d, χ_d = e^{-γt|d|}: no density
    matrix is held. Trajectories apply Z to each spin with probability (1 - e^{-γt})/2; the mean of their projectors has
    for χ_d the mean of (-1)^{s·d} over their strings s.

    Exact: product (1 + e^{-γt})^N - 1, cat e^{-Nγt} (`theory.transverse_ising`). `coherence_entropy`, the relative
    entropy of coherence S(diagonal of ρ) - S(ρ), is in closed form too for these two, and of a ground state from the
    eigenvalues of ρ in both parity sectors, up to N = 8 (NaN above).

    Not to be confused with relaxation (the diagonal never changes: what is written in the z basis is kept for ever), or
    with the l1 coherence of sampled trajectories: |χ_d| of a mean over T is biased up by noise, √(2/πT) where χ_d ≈ 0,
    for each of 2^N values of d. `l1_coherence` is exact, `sampled_l1` that of the trajectories.

    There is no message and no disorder; noise draws the trajectories. `converged`: the ground state's residual is below
    10⁻⁹ (1 for other states).
    """

    spins: int = parameter(8, units="1", minimum=3, maximum=60, quenched=True, doc="number of spins N")
    dose: float = parameter(0.1, units="1", minimum=0, maximum=1e3, doc="rate times time, γt")
    state: str = parameter("product", units="1", choices=("product", "cat", "ground"), doc="the state that is dephased")
    field: float = parameter(1.0, units="1", minimum=0, maximum=1e3, doc="transverse field h/J of the ground state")
    trajectories: int = parameter(1000, units="1", minimum=1, maximum=10**7, doc="trajectories T that are averaged")

    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("l1_coherence", "1", long_name="Σ_{a≠b} |ρ_ab|, exact"),
        Observable("remaining_l1", "1", long_name="l1 coherence over that at γt = 0"),
        Observable("sampled_l1", "1", long_name="Σ_{a≠b} |ρ_ab| of the mean over trajectories"),
        Observable(
            "coherence_entropy", "bit", may_be_nan=True, long_name="relative entropy of coherence per spin, z basis"
        ),
        Observable("single_spin_purity", "1", long_name="tr ρ_i², exact"),
        Observable("purity", "1", long_name="tr ρ², exact"),
        Observable("sampled_purity", "1", long_name="tr ρ² of the mean over trajectories, bias subtracted"),
        Observable("converged", "1", dtype="int8", long_name="1: the state that is dephased is exact"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        statevector.check_memory(self.spins, 2**self.spins, 5 * 8)

    def cost(self) -> float:
        """Nanoseconds, roughly."""
        ground = self.state == "ground"
        matrices = 0.5 * 8.0**self.spins if ground and self.spins <= EIGENVALUES else 0.0
        return self.spins * (2.0**self.spins * (104 if ground else 5) + 3.0 * self.trajectories) + matrices

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        n, size = self.spins, 2**self.spins
        amplitude, good = prepare(self)
        overlaps, squares = (statevector.autocorrelation(a) for a in (amplitude, amplitude**2))
        weight = statevector.weights(n)
        exact = np.exp(-self.dose * np.arange(n + 1))[weight]
        l1, start = _sum(exact, overlaps), _sum(np.ones(size), overlaps)
        purity = squares[0] + _sum(exact**2, squares)
        entropy, single = coherence_entropy(self, amplitude), (1 + (exact[1] * overlaps[1]) ** 2) / 2
        rows = []
        for stream in noise:
            chi = np.zeros(size)
            statevector.flip_counts(
                np.array(stream, np.uint64), n, (1 - math.exp(-self.dose)) / 2, self.trajectories, chi
            )
            statevector.hadamard(chi)
            chi /= self.trajectories
            square = (self.trajectories * chi**2 - 1) / (self.trajectories - 1) if self.trajectories > 1 else chi**2
            sampled, sampled_purity = _sum(abs(chi), overlaps), squares[0] + _sum(square, squares)
            rows.append((l1, l1 / start, sampled, entropy, single, purity, sampled_purity, good))
        return {o.name: np.array([row[k] for row in rows], dtype=o.dtype) for k, o in enumerate(self.observables)}

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(spins=4, state="ground", trajectories=20)


def _sum(chi: np.ndarray, overlaps: np.ndarray) -> float:
    """Σ_{d≠0} χ_d A_d."""
    return float(statevector.dot(chi[1:], overlaps[1:]))


def prepare(model: Dephasing) -> tuple[np.ndarray, bool]:
    """|ψ_a| of the state, float64 (2^N,), and whether it is exact."""
    n, size = model.spins, 2**model.spins
    if model.state == "product":
        return np.full(size, 2 ** (-n / 2)), True
    if model.state == "cat":
        out = np.zeros(size)
        out[[0, -1]] = math.sqrt(0.5)
        return out, True
    bond, half = np.empty(size // 2, np.int8), np.empty(size // 2)
    statevector.bonds(n, 0, bond)
    _, residual = lanczos.lowest(bond, n, model.field, 1, TOLERANCE, PRODUCTS, half)
    return np.concatenate([half, half[::-1]]) * math.sqrt(0.5), residual < 1e-9


def coherence_entropy(model: Dephasing, amplitude: np.ndarray) -> float:
    """S(diagonal of ρ) - S(ρ) in bits per spin, of the state with |ψ_a| = `amplitude` (2^N,) after its dose."""
    n = model.spins
    if model.state != "ground":
        together = 1 if model.state == "product" else n  # spins that dephase as one
        return float(measures.binary_information(math.exp(-model.dose * together))) / together
    if n > EIGENVALUES:
        return math.nan
    x = np.arange(amplitude.size // 2)  # of each pair of states that differ in all spins, the one with the last spin up
    distance = statevector.weights(n)[x[:, None] ^ x]
    kept = np.exp(-model.dose * np.arange(n + 1))
    pairs, found = np.outer(amplitude[: x.size], amplitude[: x.size]), np.empty((2, x.size))
    for parity, values in zip((1, -1), found, strict=True):
        if not spectra.eigenvalues(pairs * (kept[distance] + parity * kept[n - distance]), values):
            return math.nan
    return (_entropy(amplitude**2) - _entropy(found)) / n


def _entropy(p: np.ndarray) -> float:
    p = p[p > 0]
    return float(-(p * np.log2(p)).sum())
