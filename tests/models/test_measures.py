"""Information measures against scipy, exact identities and permutation nulls."""

import math

import numpy as np
import pytest
from scipy import special, stats

from isinglass import measures


def joint(message: np.ndarray, readout: np.ndarray, k: int) -> np.ndarray:
    out = np.zeros((k, k))
    np.add.at(out, (message, readout), 1)
    return out


def test_overlap_of_spins_and_phases() -> None:
    rng = np.random.default_rng(1)
    s = rng.choice(np.array([-1, 1], dtype=np.int8), size=(3, 4, 1000))
    np.testing.assert_array_equal(measures.overlap(s, s), np.ones((3, 4)))
    np.testing.assert_array_equal(measures.overlap(s, -s), -np.ones((3, 4)))
    np.testing.assert_allclose(measures.overlap(s, s[0, 0]), (s * s[0, 0].astype(int)).mean(axis=-1))
    z = np.exp(1j * rng.uniform(0, 2 * np.pi, 50))
    np.testing.assert_allclose(measures.overlap(z * np.exp(0.3j), z), np.exp(0.3j))


def test_entropy_is_scipys_plus_miller_madow() -> None:
    rng = np.random.default_rng(2)
    counts = rng.integers(0, 20, size=(5, 6, 8))
    n, occupied = counts.sum(axis=-1), (counts > 0).sum(axis=-1)
    expected = stats.entropy(counts, base=2, axis=-1) + (occupied - 1) / (2 * n * math.log(2))
    np.testing.assert_allclose(measures.entropy(counts), expected, rtol=1e-13)


def test_entropy_edge_cases() -> None:
    assert measures.entropy([7, 0, 0]) == 0
    assert np.isnan(measures.entropy([0, 0]))
    assert measures.entropy(np.ones((2, 3, 4))).shape == (2, 3)


def test_mutual_information_of_identical_variables_is_their_entropy() -> None:
    counts = np.diag([10.0, 20, 30, 0])
    np.testing.assert_allclose(measures.mutual_information(counts), measures.entropy([10, 20, 30]))
    np.testing.assert_allclose(measures.mutual_information(np.diag([10**9, 10**9])), 1, atol=1e-8)


@pytest.mark.parametrize("cells", [[[400, 0], [0, 600]], [[0, 400], [600, 0]], [[1, 0], [0, 999]]])
def test_memory_of_perfect_recall_is_exactly_one(cells: list[list[int]]) -> None:
    assert measures.memory(cells) == 1.0


def test_memory_is_nan_without_a_message_and_keeps_leading_axes() -> None:
    counts = np.array([[[0, 0], [5, 5]], [[5, 5], [5, 5]]])
    got = measures.memory(counts)
    assert np.isnan(got[0])
    assert got[1] < 0  # corrected, not clipped


def test_correction_takes_the_bias_away() -> None:
    """Independent 4-valued variables, 200 draws, 20000 repeats by permutation of one sample.

    The plug-in estimate is (4-1)²/(2 n ln2) = 0.0325 bits high; what is left must be below 4 standard errors (false
    alarm 6e-5) plus the O(1/n²) that Miller-Madow leaves, (6e-4 here, measured at ten times the repeats).
    """
    rng = np.random.default_rng(3)
    n, repeats = 200, 20_000
    a = rng.integers(0, 4, n)
    flat = np.array([np.bincount(4 * a + rng.permutation(a), minlength=16) for _ in range(repeats)])
    estimates = measures.mutual_information(flat.reshape(-1, 4, 4))
    assert abs(estimates.mean()) < 4 * estimates.std() / math.sqrt(repeats) + 6e-4
    plug_in = estimates + 9 / (2 * n * math.log(2))
    assert plug_in.mean() > 0.03


def test_noisy_channel_gives_the_binary_information() -> None:
    """A symmetric channel with flip probability 0.1, 10^6 draws: 4 standard errors, false alarm 6e-5."""
    rng = np.random.default_rng(4)
    n = 1_000_000
    a = rng.integers(0, 2, n)
    b = a ^ (rng.random(n) < 0.1)
    error = math.sqrt(0.1 * 0.9 / n) * math.log2(0.9 / 0.1)  # of H₂(p) from that of p
    expected = measures.binary_information(0.8)
    np.testing.assert_allclose(measures.mutual_information(joint(a, b, 2)), expected, atol=4 * error + 1e-5)


def test_binary_information_limits() -> None:
    np.testing.assert_allclose(measures.binary_information([-1, 0, 1]), [1, 0, 1], atol=1e-12)
    np.testing.assert_allclose(measures.binary_information(0.8), 1 - stats.entropy([0.1, 0.9], base=2))


def test_binary_counts_are_exact() -> None:
    rng = np.random.default_rng(5)
    signs = np.array([-1, 1])
    xi, s = rng.choice(signs, size=(6, 101)), rng.choice(signs, size=(6, 101))
    got = measures.binary_counts((xi * s).sum(-1), xi.sum(-1), s.sum(-1), 101)
    expected = [joint((x + 1) // 2, (y + 1) // 2, 2) for x, y in zip(xi, s, strict=True)]
    np.testing.assert_array_equal(got, expected)
    assert measures.binary_counts(np.zeros((4, 5), int), 0, np.zeros((1, 5), int), 100).shape == (4, 5, 2, 2)


def test_levels_are_equally_filled_and_keep_order() -> None:
    rng = np.random.default_rng(6)
    values = rng.normal(size=(3, 2, 101))
    got = measures.levels(values, 8)
    assert got.shape == values.shape
    for row, value in zip(got.reshape(-1, 101), values.reshape(-1, 101), strict=True):
        assert set(np.bincount(row)) == {12, 13}
        assert (np.diff(row[np.argsort(value)]) >= 0).all()
    assert set(np.bincount(measures.levels(np.zeros(101), 8))) == {12, 13}


def test_a_readout_that_rises_with_the_message_has_memory_exactly_one() -> None:
    message = np.random.default_rng(7).uniform(-1, 1, size=(4, 1001))
    got = measures.memory(measures.level_counts(message, np.exp(3 * message)))
    np.testing.assert_array_equal(got, np.ones(4))


def test_levels_of_a_shuffled_readout_tell_nothing() -> None:
    """Permutation null, 8 levels, n = 1000, 2000 repeats: 4 SE (6e-5) and 2e-4 for the O(1/n²) that is left."""
    rng = np.random.default_rng(8)
    message = rng.uniform(-1, 1, size=(2000, 1000))
    got = measures.memory(measures.level_counts(message, rng.permuted(message, axis=1)))
    assert abs(got.mean()) < 4 * got.std() / math.sqrt(2000) + 2e-4


def test_levels_of_a_noisy_linear_readout() -> None:
    """Joint normal of correlation 0.9: less than -½ log2(1 - r²) = 1.20 bits, as cells between the exact quantiles.

    These from 2·10⁶ draws of another generator; the tolerance is 4 standard errors of 2·10⁵ draws, 0.002 each.
    """
    rng = np.random.default_rng(9)
    x, noise = rng.normal(size=(2, 200_000))
    y = 0.9 * x + math.sqrt(1 - 0.81) * noise
    bits = measures.mutual_information(measures.level_counts(x, y))
    other = np.random.default_rng(10)
    z, w = other.normal(size=(2, 2_000_000))
    edges = stats.norm.ppf(np.arange(1, 8) / 8)
    cells = joint(np.searchsorted(edges, z), np.searchsorted(edges, 0.9 * z + math.sqrt(1 - 0.81) * w), 8)
    np.testing.assert_allclose(bits, measures.mutual_information(cells), atol=0.01)
    assert bits < -0.5 * math.log2(0.19)


# Phases


def phases(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return np.exp(2j * np.pi * rng.uniform(size=shape))


def test_phase_counts_are_a_table_of_sectors() -> None:
    message = np.exp(2j * np.pi * (np.arange(8) + 0.5) / 8)
    np.testing.assert_array_equal(measures.phase_counts(message, message), np.roll(np.eye(8), (4, 4), (0, 1)))
    turned = measures.phase_counts(message, np.stack([message * 1j, message * np.exp(0.7j)]))
    np.testing.assert_array_equal(turned, np.broadcast_to(np.eye(8), (2, 8, 8)))
    assert measures.phase_counts(message, message, sectors=3).shape == (3, 3)


def test_phase_memory_of_perfect_recall_is_exactly_one_whatever_the_global_phase() -> None:
    rng = np.random.default_rng(11)
    message = phases(rng, 500)
    readout = message * phases(rng, 20)[:, None]
    np.testing.assert_array_equal(measures.memory(measures.phase_counts(message, readout)), 1)


def test_binary_memory_of_a_permuted_message_is_zero() -> None:
    """The null of spins and of labels: 4 standard errors (6e-5) of 2000 permutations, and 2e-4 for what O(1/n²) leaves.

    By `memory` of the counts: `binary_memory` is 0 at overlaps that are not above 0, so that half of the null is cut.
    """
    rng = np.random.default_rng(10)
    for n in (100, 1000):
        message = np.where(rng.random(n) < 0.5, 1, -1)
        readout = rng.permuted(np.tile(np.where(np.arange(n) < 0.6 * n, 1, -1), (2000, 1)), axis=1)
        args = readout @ message, message.sum(), readout.sum(axis=1), n
        null = measures.memory(measures.binary_counts(*args))
        assert abs(null.mean()) < 4 * null.std() / np.sqrt(2000) + 2e-4
        signed = measures.binary_memory(*args)
        assert (signed[args[0] <= 0] == 0).all()
        assert (signed[args[0] > 0] == null[args[0] > 0]).all()
    assert measures.binary_memory(n, message.sum(), message.sum(), n) == 1
    assert np.isnan(measures.binary_memory(-4, 4, -4, 4))


def test_phase_memory_of_a_permuted_message_is_zero() -> None:
    """The null: mean within 4 standard errors (6e-5) of 400 permutations, and 1e-3 for what the fitted phase feigns."""
    rng = np.random.default_rng(12)
    message = phases(rng, 1000)
    null = measures.memory(measures.phase_counts(message, rng.permuted(np.tile(message, (400, 1)), axis=1)))
    assert abs(null.mean()) < 4 * null.std() / 20 + 1e-3
    assert null.std() < 0.01


def test_phase_memory_approaches_the_information_of_von_mises_residuals() -> None:
    """Sectors lose information; many see most of it, and none sees more (40 000 phases, 24 sectors)."""
    rng = np.random.default_rng(13)
    message = phases(rng, 40_000)
    readout = message * np.exp(1j * (rng.vonmises(0, 3.0, 40_000) + 2.0))
    exact = float(measures.phase_information(abs(measures.overlap(readout, message))))
    coarse, fine = (float(measures.mutual_information(measures.phase_counts(message, readout, k))) for k in (8, 24))
    assert coarse < fine < exact + 0.02
    assert fine == pytest.approx(exact, abs=0.03)


def test_phase_information_is_its_formula() -> None:
    kappa = np.array([0, 1e-9, 1e-3, 0.1, 1, 5, 40, 300, 499, 501, 800, 1e4, 1e6, 1e9])
    m = special.i1e(kappa) / special.i0e(kappa)
    exact = (kappa * (m - 1) - np.log(special.i0e(kappa))) / np.log(2)
    np.testing.assert_allclose(measures.phase_information(m), exact, atol=1e-11)
    assert measures.phase_information(0.97567) == pytest.approx(2.776, abs=5e-4)
    assert np.isinf(measures.phase_information(1.0))
    assert measures.phase_information(np.zeros((2, 3))).shape == (2, 3)


def test_steady_sees_drift_and_forgives_noise() -> None:
    """Drift of the window's halves by 0.02, or by twice what the order parameter varies within them."""
    time, rng = np.arange(400), np.random.default_rng(8)
    quiet, drifting = np.full(400, 0.7), 0.7 - 1.5e-4 * time
    noisy = 0.5 + 0.3 * rng.normal(size=400)
    jump = np.where(time < 200, 0.9, 0.1)
    slow = 0.7 - 4e-5 * time  # its halves differ by 0.008
    assert measures.steady([quiet, drifting, noisy, jump, slow]).tolist() == [True, False, True, False, True]
    assert not measures.steady(0.9 - 1e-3 * time + 0.001 * rng.normal(size=400) - (time > 199) * 0.5)
    assert measures.steady(np.stack([quiet, jump])).shape == (2,)
