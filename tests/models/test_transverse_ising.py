"""The ground state of the transverse-field Ising ring against free fermions and whole matrices."""

from __future__ import annotations

import numpy as np
import pytest

from isinglass import InputError, catalog
from isinglass.kernels import lanczos, statevector
from isinglass.models.transverse_ising import TransverseIsing
from isinglass.theory import transverse_ising as theory

STREAM = np.arange(1, 5, dtype=np.uint64)


def ground(**values: float) -> dict[str, float]:
    out = TransverseIsing(**values).simulate(STREAM, STREAM[None])  # type: ignore[arg-type]
    return {k: float(v[0]) for k, v in out.items()}


@pytest.mark.parametrize("spins", [3, 8, 12, 13])
@pytest.mark.parametrize("field", [0.0, 1e-300, 1e-13, 0.2, 1.0, 1.5, 10.0])
def test_energies_are_those_of_free_fermions(spins: int, field: float) -> None:
    found = ground(spins=spins, field=field)
    even, odd = theory.energies(spins, field)
    assert found["energy_even"] == pytest.approx(even, abs=1e-10)
    assert found["energy_odd"] == pytest.approx(odd, abs=1e-10)
    assert found["converged"] == 1
    exact = theory.transverse_magnetisation(field, spins)
    assert found["transverse_magnetisation"] == pytest.approx(exact, abs=1e-11)
    assert found["broken_purity"] < 1 + 1e-14


def test_order() -> None:
    """⟨e|Z|o⟩ approaches (1 - h²)^{1/8} exponentially; the root mean square of Σ Z/N does not."""
    for field in (0.1, 0.3, 0.5):
        assert ground(spins=14, field=field)["magnetisation"] == pytest.approx(theory.magnetisation(field), abs=1e-8)
    rms = ground(spins=14, field=0.5)["order_parameter"]
    assert rms == pytest.approx(catalog.reference("transverse_ising.order_14").number(), abs=5e-5)


@pytest.mark.parametrize("field", [0.3, 1.0, 2.0])
def test_every_observable_from_whole_matrices(field: float) -> None:
    n, size = 6, 64
    x = np.arange(size)
    s = 1 - 2 * (x[:, None] >> np.arange(n) & 1)
    H = np.diag(-(s * np.roll(s, -1, axis=1)).sum(axis=1).astype(float))
    for i in range(n):
        H[x ^ (1 << i), x] -= field
    states = np.linalg.eigh(H + 1e-4 * np.eye(size)[::-1])[1]  # ΠX keeps the parities apart
    parity = [round(float(v @ v[::-1])) for v in states.T]
    even, odd = (states[:, parity.index(p)] for p in (1, -1))
    m = s.sum(axis=1) / n
    odd = odd * np.sign(even @ (m * odd))
    broken = (even + odd) / np.sqrt(2)

    def entropy(psi: np.ndarray) -> float:
        p = psi**2
        return float(-(p[p > 0] * np.log2(p[p > 0])).sum())

    def purity(psi: np.ndarray) -> float:
        pair = psi.reshape(-1, 2)  # the last index is spin 0
        rho = pair.T @ pair
        return float((rho * rho).sum())

    z = float((broken**2 * s[:, 0]).sum())
    expected = {
        "energy_even": even @ H @ even,
        "energy_odd": odd @ H @ odd,
        "gap": odd @ H @ odd - even @ H @ even,
        "order_parameter": np.sqrt((even**2 * m**2).sum()),
        "magnetisation": even @ (m * odd),
        "transverse_magnetisation": even @ even[x ^ 1],
        "coherence_entropy": entropy(even) / n,
        "broken_coherence_entropy": entropy(broken) / n,
        "total_correlation": entropy(np.sqrt([(1 + z) / 2, (1 - z) / 2])) - entropy(broken) / n,
        "single_spin_purity": purity(even),
        "broken_purity": purity(broken),
        "converged": 1,
    }
    found = ground(spins=n, field=field, shots=2**14)
    spread = np.sqrt((even**2 * m**2).sum() - (even**2 * abs(m)).sum() ** 2)
    # 4 standard errors (6e-5)
    assert found.pop("measured_order") == pytest.approx((even**2 * abs(m)).sum(), abs=4 * spread / 2**7)
    assert found == pytest.approx(expected, abs=1e-9)


def test_lanczos_says_when_it_has_not_converged() -> None:
    bond, state = np.empty(2**9, np.int8), np.empty(2**9)
    statevector.bonds(10, 0, bond)
    _, residual = lanczos.lowest(bond, 10, 1.0, 1, 1e-11, 5, state)
    assert residual > 1e-6


def test_what_does_not_fit_is_refused_before_it_is_allocated() -> None:
    with pytest.raises(InputError, match=r"spins = 40 needs .* bytes .* at most spins = 25"):
        TransverseIsing(spins=40)
    TransverseIsing(spins=25)
