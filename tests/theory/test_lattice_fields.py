"""Fields on a ring, theory: spectra against whole matrices, the continuum, what stays of a message."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from isinglass import catalog
from isinglass.theory import lattice_fields as theory


def dirac(n: int, mass: float, wilson: float) -> np.ndarray:
    """A of n sites by its definition, (2N, 2N)."""
    eye = np.eye(n)
    q = (mass + wilson) * eye + 0.5 * (1 - wilson) * np.roll(eye, 1, 1) - 0.5 * (1 + wilson) * np.roll(eye, -1, 1)
    return np.block([[np.zeros((n, n)), -q.T], [q, np.zeros((n, n))]])


@pytest.mark.parametrize(("mass", "wilson"), [(0.3, 1.0), (0.7, 0.0), (0.1, 0.4)])
def test_energies_and_branches_are_eigenvalues(mass: float, wilson: float) -> None:
    n, angle = 12, 0.6
    a = dirac(n, mass, wilson)
    e = np.sort(np.repeat(theory.energy(2 * np.pi * np.arange(n) / n, mass, wilson), 2))
    np.testing.assert_allclose(np.sort(abs(np.linalg.eigvals(a))), e, atol=1e-12)
    c, s = np.cos(angle), np.sin(angle)
    flow = np.block([[s * a, c * np.eye(2 * n)], [-c * a.T @ a, s * a]])
    expected = np.sort(np.concatenate([b * e for b in theory.branches(angle).values()]))
    found = np.linalg.eigvals(flow)
    np.testing.assert_allclose(np.sort(abs(found.imag)), expected, atol=1e-9)
    assert abs(found.real).max() < 1e-9


def test_the_continuum() -> None:
    """ω²/(k² + m²) - 1 at k = 1, m = 0.5 on rings of length 2π: order 2 for r = 0, order 1 for r = 1."""
    table = catalog.reference("kgdirac.continuum")
    for n, naive in zip(table.column("sites"), table.column("naive"), strict=True):
        a = 2 * np.pi / n
        assert abs((theory.energy(a, 0.5 * a, 0.0) / a) ** 2 / 1.25 - 1) == pytest.approx(naive, rel=0.03)
    ends = [abs((theory.energy(a, 0.5 * a, 1.0) / a) ** 2 / 1.25 - 1) for a in (2 * np.pi / 16, 2 * np.pi / 256)]
    assert ends == pytest.approx([1.45e-1, 9.8e-3], rel=0.02)


def test_overlap_and_variance_are_those_of_the_flow() -> None:
    """Of one site, from the exponential of the whole matrix: 1e-10; also with a mode of E = 0."""
    n, t, temperature = 8, 3.7, 0.3
    for angle, mass in ((0.4, 0.3), (np.pi / 4, 0.3), (1.2, 0.0)):
        a = dirac(n, mass, 1.0)
        c, s = np.cos(angle), np.sin(angle)
        flow = expm(t * np.block([[s * a, c * np.eye(2 * n)], [-c * a.T @ a, s * a]]))
        own, rest = theory.overlap(t, angle, n, mass, 1.0, temperature)
        row = flow[0]
        assert row[0] == pytest.approx(float(own), abs=1e-10)
        variance = (row[: 2 * n] ** 2).sum() - row[0] ** 2 + temperature * (row[2 * n :] ** 2).sum()
        assert variance == pytest.approx(float(rest), abs=1e-10)


def test_chirality_is_that_of_the_flow() -> None:
    n, turns, t, angle = 16, 3, 2.3, 1.1
    a = dirac(n, 0.3, 1.0)
    c, s = np.cos(angle), np.sin(angle)
    wave = np.cos(2 * np.pi * turns / n * np.arange(n))
    state = expm(t * np.block([[s * a, c * np.eye(2 * n)], [-c * a.T @ a, s * a]]))[:, : 2 * n] @ np.tile(wave, 2)
    u, v = state[:n], state[n : 2 * n]
    found = 2 * u @ v / (u @ u + v @ v)
    assert found == pytest.approx(float(theory.chirality(t, 2 * np.pi * turns / n, angle, 0.3, 1.0)), abs=1e-10)


def test_read_memory() -> None:
    """Sure signs 1 bit, no overlap or a negative one 0; a = σ: Φ(-1) = 0.158655 of the signs are wrong."""
    found = theory.read_memory([1.0, 0.0, -0.5, 0.5], [0.0, 1.0, 0.1, 0.25])
    p = 0.15865525393145707
    assert found == pytest.approx([1, 0, 0, 1 + p * np.log2(p) + (1 - p) * np.log2(1 - p)], abs=1e-12)


def test_distances_at_the_ends() -> None:
    klein_gordon, dirac_distance = theory.residuals([0, np.pi / 2])
    assert klein_gordon == pytest.approx([0, 0], abs=1e-15)
    assert dirac_distance == pytest.approx([np.sqrt(2), 0], abs=1e-7)


@pytest.mark.parametrize("field", ["dirac", "klein_gordon"])
def test_weights_of_a_noisy_record(field: str) -> None:
    """Without noise the field's own; for much noise σ² of white errors alone: 2/h² on the site, no hops (1e-2)."""
    own = [-0.25, 0, 0.09 + 0.5, 0, -0.25] if field == "dirac" else [0, -1, 2.09, -1, 0]
    assert theory.noisy_weights(field, 0.3, 64, 0.5, 0.0) == pytest.approx(own, abs=1e-9)
    assert theory.noisy_weights(field, 0.3, 64, 0.5, 100.0) == pytest.approx([0, 0, 8, 0, 0], abs=1e-2)
