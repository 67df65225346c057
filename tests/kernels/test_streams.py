"""xoshiro256++ against known answers, exact references and statistics at a stated false-alarm rate."""

import hashlib
import itertools
import math

import numpy as np
import pytest
from scipy import stats

from isinglass.kernels import streams
from isinglass.kernels.jit import jit

FALSE_ALARM = 1e-4
"""Of each statistical test here; seeds are fixed, so that one passes always or never."""
MASK = 2**64 - 1


def stream(*name: object) -> np.ndarray:
    return np.frombuffer(hashlib.blake2b(repr(name).encode(), digest_size=32).digest(), dtype=np.uint64).copy()


def words(s: np.ndarray, n: int) -> np.ndarray:
    out = np.empty(n, dtype=np.uint64)
    streams.fill_uint64(s, out)
    return out


def transition(state: int) -> int:
    """One step of the linear engine on a 256-bit integer, word 0 lowest; written from the paper."""
    s = [(state >> (64 * k)) & MASK for k in range(4)]
    t = (s[1] << 17) & MASK
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = ((s[3] << 45) | (s[3] >> 19)) & MASK
    return sum(word << (64 * k) for k, word in enumerate(s))


def test_known_answers() -> None:
    """The first ten outputs of the reference implementation from the state {1, 2, 3, 4}."""
    expected = [
        41943041,
        58720359,
        3588806011781223,
        3591011842654386,
        9228616714210784205,
        9973669472204895162,
        14011001112246962877,
        12406186145184390807,
        15849039046786891736,
        10450023813501588000,
    ]
    s = np.array([1, 2, 3, 4], dtype=np.uint64)
    assert [streams.next_uint64(s) for _ in expected] == expected
    s = np.array([1, 2, 3, 4], dtype=np.uint64)
    assert words(s, 4).tolist() + words(s, 6).tolist() == expected


def test_jump_is_the_2_to_the_128th_power_of_the_transition() -> None:
    matrix = np.zeros((256, 256), dtype=np.float32)
    for column in range(256):
        image = transition(1 << column)
        matrix[:, column] = [(image >> row) & 1 for row in range(256)]
    for _ in range(128):
        matrix = (matrix @ matrix) % 2  # sums of at most 256 ones: exact in float32
    start = stream("jump")
    bits = np.unpackbits(start.view(np.uint8), bitorder="little").astype(np.float32)
    expected = np.packbits(((matrix @ bits) % 2).astype(np.uint8), bitorder="little").view(np.uint64)
    before = start.copy()
    np.testing.assert_array_equal(streams.jumped(start, 1), expected)
    np.testing.assert_array_equal(streams.jumped(start, 2), streams.jumped(expected, 1))
    np.testing.assert_array_equal(streams.jumped(start, 0), before)
    np.testing.assert_array_equal(start, before)


@jit
def many_uniform(s: np.ndarray, out: np.ndarray) -> None:
    for i in range(out.size):
        out[i] = streams.uniform(s)


@jit
def many_normal(s: np.ndarray, out: np.ndarray) -> None:
    for i in range(out.size):
        out[i] = streams.normal(s)


def test_uniform_takes_the_upper_53_bits_and_is_uniform() -> None:
    x = np.empty(1_000_000)
    many_uniform(stream("uniform"), x)
    np.testing.assert_array_equal(x, (words(stream("uniform"), x.size) >> np.uint64(11)).astype(float) * 2.0**-53)
    assert x.min() >= 0
    assert x.max() < 1
    assert stats.chisquare(np.histogram(x, bins=256, range=(0, 1))[0]).pvalue > FALSE_ALARM
    pairs = np.histogram2d(x[::2], x[1::2], bins=32, range=[(0, 1), (0, 1)])[0]
    assert stats.chisquare(pairs.ravel()).pvalue > FALSE_ALARM


def test_normal_distribution_to_the_tails() -> None:
    x = np.empty(4_000_000)
    many_normal(stream("normal"), x)
    edges = np.concatenate([[-np.inf], np.linspace(-4.5, 4.5, 181), [np.inf]])
    observed = np.histogram(x, bins=edges)[0]
    assert stats.chisquare(observed, np.diff(stats.norm.cdf(edges)) * x.size).pvalue > FALSE_ALARM
    assert stats.kstest(x[:200_000], "norm").pvalue > FALSE_ALARM
    assert abs(stats.pearsonr(x[:-1], x[1:]).statistic) < stats.norm.isf(FALSE_ALARM / 2) / math.sqrt(x.size)
    tail = abs(x[abs(x) > streams._R])  # its own branch: Marsaglia's tail
    assert stats.kstest(tail, lambda t: 1 - stats.norm.sf(t) / stats.norm.sf(streams._R)).pvalue > FALSE_ALARM


def test_ziggurat_layers_have_equal_area() -> None:
    edge, density = streams._EDGE, streams._DENSITY
    assert density[256] == 1
    np.testing.assert_allclose(edge[1:256] * (density[2:257] - density[1:256]), streams._V, rtol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 7, 1000, 2**32 + 1, 3 * 2**61, 2**63 - 1])
def test_below_is_lemires_method_exactly(n: int) -> None:
    raw = iter(words(stream("below", n), 2000).tolist())

    def expected() -> int:
        while True:
            product = next(raw) * n
            if product & MASK >= 2**64 % n:
                return product >> 64

    s = stream("below", n)
    got = [streams.below(s, n) for _ in range(500)]
    assert got == [expected() for _ in got]
    assert 0 <= min(got) <= max(got) < n


def test_below_is_unbiased() -> None:
    s = stream("unbiased")
    counts = np.bincount([streams.below(s, 7) for _ in range(70_000)], minlength=7)
    assert stats.chisquare(counts).pvalue > FALSE_ALARM


def test_shuffle_makes_all_permutations_alike_often() -> None:
    s = stream("shuffle")
    counts = dict.fromkeys(itertools.permutations(range(4)), 0)
    for _ in range(24_000):
        a = np.arange(4)
        streams.shuffle(s, a)
        counts[tuple(a.tolist())] += 1
    assert stats.chisquare(list(counts.values())).pvalue > FALSE_ALARM


def test_choose_draws_without_replacement() -> None:
    s = stream("choose")
    hits = np.zeros(20)
    for _ in range(4000):
        a = np.arange(20)
        streams.choose(s, 5, a)
        assert sorted(a.tolist()) == list(range(20))
        hits[a[:5]] += 1
    # Without replacement the counts vary by (1 - 5/20) less than multinomially, which makes this test conservative.
    assert stats.chisquare(hits).pvalue > FALSE_ALARM
    for k in (0, 20):
        streams.choose(s, k, np.arange(20))


@pytest.mark.parametrize("n", [1, 63, 64, 65, 1000])
def test_random_signs_are_the_bits_of_words(n: int) -> None:
    out = np.zeros(n, dtype=np.int8)
    streams.random_signs(stream("signs"), out)
    bits = np.unpackbits(words(stream("signs"), -(-n // 64)).view(np.uint8), bitorder="little")[:n]
    np.testing.assert_array_equal(out, np.where(bits, 1, -1))


def test_streams_keep_nothing_between_draws() -> None:
    """A stream set back to an earlier state repeats itself, whatever was drawn meanwhile."""
    s = stream("pure")
    streams.normal(s)
    middle = s.copy()
    first = [streams.normal(s), streams.uniform(s), streams.below(s, 10)]
    again = [streams.normal(middle), streams.uniform(middle), streams.below(middle, 10)]
    assert first == again
