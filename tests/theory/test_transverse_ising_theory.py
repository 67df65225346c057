"""Free fermions and dephasing in closed form, against matrices and known limits."""

from __future__ import annotations

import numpy as np
import pytest

from isinglass import catalog
from isinglass.theory import transverse_ising as theory


def hamiltonian(spins: int, field: float) -> np.ndarray:
    """The whole matrix in the z basis, bit i = spin i."""
    size = 2**spins
    x = np.arange(size)
    s = 1 - 2 * (x[:, None] >> np.arange(spins) & 1)
    out = np.diag(-(s * np.roll(s, -1, axis=1)).sum(axis=1).astype(float))
    for i in range(spins):
        out[x ^ (1 << i), x] -= field
    return out


@pytest.mark.parametrize("spins", [3, 4, 7, 8])
@pytest.mark.parametrize("field", [0.0, 0.4, 1.0, 2.5])
def test_energies_of_both_parities(spins: int, field: float) -> None:
    """In the basis of even and odd states."""
    H, flip = hamiltonian(spins, field), np.arange(2**spins)[::-1]
    half = 2 ** (spins - 1)
    for parity, energy in zip((1, -1), theory.energies(spins, field), strict=True):
        sector = H[:half, :half] + parity * H[:half, flip[:half]]
        assert np.linalg.eigvalsh(sector)[0] == pytest.approx(energy, abs=1e-12)


def test_limits() -> None:
    assert theory.energies(4000, 1.0)[0] / 4000 == pytest.approx(-4 / np.pi, abs=1e-6)
    assert theory.gap(1.0, 16) == pytest.approx(catalog.reference("transverse_ising.gap_16").number(), abs=5e-6)
    assert theory.gap(1.5, 400) == pytest.approx(theory.gap(1.5), abs=1e-12)
    assert theory.gap(1.0, 1000) == pytest.approx(np.pi / 2000, rel=1e-5)
    assert theory.magnetisation([0.0, 0.5, 1.0, 1.5]) == pytest.approx([1, 0.75**0.125, 0, 0])


@pytest.mark.parametrize("field", [0.3, 1.0, 1.7])
def test_magnetisation_along_the_field_is_minus_the_slope_of_the_energy(field: float) -> None:
    up, down = (theory.energies(11, field + d)[0] for d in (1e-5, -1e-5))
    assert theory.transverse_magnetisation(field, 11) == pytest.approx(-(up - down) / 2e-5 / 11, abs=1e-8)


def test_polarised_quench_against_the_matrix() -> None:
    spins, field, time = 6, 0.7, 1.3
    energy, states = np.linalg.eigh(hamiltonian(spins, field))
    psi = states @ (np.exp(-1j * energy * time) * (states.T @ np.full(64, 1 / 8)))
    x = np.arange(64)
    measured = np.mean([(psi.conj() * psi[x ^ (1 << i)]).sum().real for i in range(spins)])
    assert theory.polarised_quench(time, spins, field) == pytest.approx(measured, abs=1e-12)
    assert theory.polarised_quench(0.0, spins, field) == pytest.approx(1)
