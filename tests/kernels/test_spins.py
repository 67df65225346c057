"""Spin kernels against plain references, exactly; their stationary distributions against enumeration."""

import hashlib
import math

import numpy as np
import pytest
from scipy import stats

from isinglass.kernels import spins, streams
from isinglass.kernels.bits import dot, pack
from isinglass.kernels.jit import jit

FALSE_ALARM = 1e-4
NOTHING = np.empty(0, dtype=np.int64)


def stream(*name: object) -> np.ndarray:
    return np.frombuffer(hashlib.blake2b(repr(name).encode(), digest_size=32).digest(), dtype=np.uint64).copy()


class Net:
    """A small network with a random state; `dtype` of the couplings can be forced."""

    def __init__(self, n: int, p: int, dtype: type = np.int16) -> None:
        words = -(-n // 64)
        self.n, self.p = n, p
        self.patterns = np.empty((p, n), dtype=np.int8)
        streams.random_signs(stream("patterns", n, p), self.patterns.reshape(-1))
        self.pattern_bits = np.empty((p, words), dtype=np.uint64)
        for pattern, packed in zip(self.patterns, self.pattern_bits, strict=True):
            pack(pattern, packed)
        self.couplings = spins.aligned((n, 64 * words), dtype)
        self.largest = spins.hebb(self.patterns, self.couplings)
        self.spins = np.zeros(64 * words, dtype=np.int8)
        streams.random_signs(stream("state", n), self.spins[:n])
        self.bits = np.empty(words, dtype=np.uint64)
        pack(self.spins, self.bits)
        self.fields = spins.aligned((64 * words,), np.int32)
        spins.hebb_fields(self.patterns, self.pattern_bits, self.bits, self.spins, self.fields)
        self.clamped = np.zeros(n, dtype=np.uint8)
        self.cuts = np.zeros(64 * words, dtype=np.int32)
        self.words = np.empty(n, dtype=np.uint64)
        self.stream = stream("noise", n)

    def exact(self) -> np.ndarray:
        """N·J as int64 from the definition."""
        k = self.patterns.T.astype(np.int64) @ self.patterns
        np.fill_diagonal(k, 0)
        return k

    def step(self, temperature: float, parallel: bool) -> int:
        table = spins.heat_bath_table(self.n, self.p, temperature) if temperature else NOTHING
        streams.fill_uint64(self.stream, self.words)
        if temperature:
            spins.set_cuts(self.words, self.n * temperature, self.cuts)
        state = (self.couplings, self.spins, self.bits, self.fields, self.clamped, table, self.words, self.cuts)
        if parallel:
            return spins.parallel_step(*state, np.empty(self.n, dtype=np.int64))
        return spins.sequential_step(*state)


@pytest.mark.parametrize(("n", "p"), [(8, 1), (77, 63), (64, 64), (130, 65), (200, 300)])
def test_hebb_couplings_are_the_explicit_sum(n: int, p: int) -> None:
    net = Net(n, p)
    np.testing.assert_array_equal(net.couplings[:, :n], net.exact())
    assert not net.couplings[:, n:].any()
    assert net.largest == abs(net.exact()).max()
    np.testing.assert_array_equal(net.fields[:n], net.exact() @ net.spins[:n])
    assert (net.fields[n:] == spins.FAR).all()


def test_packed_spins() -> None:
    net = Net(130, 3)
    unpacked = np.unpackbits(net.bits.view(np.uint8), bitorder="little")
    np.testing.assert_array_equal(unpacked[:130], net.spins[:130] > 0)
    assert not unpacked[130:].any()
    assert dot(net.bits, net.pattern_bits[2], 130) == net.spins[:130].astype(int) @ net.patterns[2]


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("temperature", [0.0, 0.3, 2.0])
def test_fields_are_exact_after_1000_steps_and_the_same_from_int8(temperature: float, parallel: bool) -> None:
    wide, narrow = Net(130, 20, np.int16), Net(130, 20, np.int8)
    flips = sum(wide.step(temperature, parallel) for _ in range(1000))
    assert flips == sum(narrow.step(temperature, parallel) for _ in range(1000))
    assert flips > 20
    np.testing.assert_array_equal(wide.fields[:130], wide.exact() @ wide.spins[:130])
    for name in ("spins", "bits", "fields"):
        np.testing.assert_array_equal(getattr(wide, name), getattr(narrow, name))
    assert not wide.spins[130:].any()


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("temperature", [0.0, 1e-9, 0.02, 0.3, 1.0, 5.0, 1e9])
@pytest.mark.parametrize(("n", "p"), [(64, 2), (101, 7)])
def test_steps_are_the_definition_spin_by_spin(n: int, p: int, temperature: float, parallel: bool) -> None:
    """No shortcut (cuts, table, packed words, clamping) changes one spin against a plain loop."""
    net = Net(n, p)
    net.clamped[::5] = 1
    k, s = net.exact(), net.spins[:n].astype(np.int64)
    for _ in range(40):
        moved = net.step(temperature, parallel)
        before, flips = s.copy(), 0
        for i in range(n):
            h = int(k[i] @ (before if parallel else s))
            if temperature == 0:
                new = int(np.sign(h)) or s[i]
            else:
                probability = 1 / (1 + math.exp(min(-2 * h / (n * temperature), 700)))
                new = 1 if int(net.words[i]) >> 11 < round(2**53 * probability) else -1
            if new != s[i] and not net.clamped[i]:
                s[i] = new
                flips += 1
        assert flips == moved
        np.testing.assert_array_equal(net.spins[:n], s)


@pytest.mark.parametrize("n", [101, 200])
def test_zero_temperature_ends_where_no_spin_is_unstable(n: int) -> None:
    """Sequential: a fixed point, s_i h_i >= 0 for all i. Parallel: that or a cycle of two states (Goles 1985)."""
    net = Net(n, n // 5)
    energies = [net.spins[:n] @ net.exact() @ net.spins[:n]]
    while net.step(0.0, parallel=False):
        energies.append(net.spins[:n] @ net.exact() @ net.spins[:n])
        assert energies[-1] > energies[-2]
    assert (net.exact() @ net.spins[:n] * net.spins[:n] >= 0).all()
    both = Net(n, n // 5)
    states = []
    for _ in range(200):
        both.step(0.0, parallel=True)
        states.append(both.bits.tobytes())
    assert states[-1] == states[-3]


@pytest.mark.parametrize("temperature", [1e-4, 0.2, 3.0])
def test_no_flip_is_passed_over(temperature: float) -> None:
    """Cuts are necessary conditions, also for words at powers of two and fields at the very threshold."""
    rng = np.random.default_rng(7)
    net = Net(64, 11)
    n, scale = 64, 64 * temperature
    table = spins.heat_bath_table(n, net.p, temperature)
    top = table.size - 1
    moving = 0
    for _ in range(3000):
        power = np.uint64(1) << rng.integers(0, 64, n).astype(np.uint64)
        net.words[:] = power + rng.integers(0, 3, n).astype(np.uint64) - np.uint64(1)
        net.words[rng.random(n) < 0.5] ^= np.uint64(2**64 - 1)
        at = np.searchsorted(table, (net.words >> np.uint64(11)).astype(np.int64), side="right")
        net.fields[:n] = np.clip(2 * (at + rng.integers(-2, 2, n)) - top, -top, top)
        net.spins[:n] = rng.choice(np.array([-1, 1], dtype=np.int8), n)
        spins.set_cuts(net.words, scale, net.cuts)
        near = int(spins._near(0, net.spins, net.fields, net.cuts))
        for i in range(n):
            if spins._moves(i, net.spins, net.fields, table, net.words):
                moving += 1
                assert near >> i & 1
    assert moving > 10_000


@pytest.mark.parametrize("temperature", [1e-3, 0.2, 1.3, 50.0])
def test_heat_bath_table(temperature: float) -> None:
    n, p = 101, 7
    table = spins.heat_bath_table(n, p, temperature)
    top = table.size - 1
    assert top % 2 == p * (n - 1) % 2
    h = np.arange(-top, top + 1, 2)
    np.testing.assert_allclose(table / spins.ONE, 1 / (1 + np.exp(-2 * h / (n * temperature))), rtol=1e-15, atol=2**-53)
    np.testing.assert_array_equal(table + table[::-1], spins.ONE)
    if top < p * (n - 1):
        assert (table[0], table[-1]) == (0, spins.ONE)


@jit
def histogram(net: tuple[np.ndarray, ...], movers: np.ndarray, stream: np.ndarray, scale: float, every: int,
              parallel: bool, counts: np.ndarray, samples: int) -> None:  # fmt: skip
    """Counts of the states of N = 8 spins, one state after each `every` steps."""
    couplings, s, bits, fields, clamped, table, words, cuts = net
    for _ in range(samples):
        for _ in range(every):
            streams.fill_uint64(stream, words)
            spins.set_cuts(words, scale, cuts)
            if parallel:
                spins.parallel_step(couplings, s, bits, fields, clamped, table, words, cuts, movers)
            else:
                spins.sequential_step(couplings, s, bits, fields, clamped, table, words, cuts)
        counts[bits[0]] += 1


@pytest.mark.parametrize("parallel", [False, True], ids=["Boltzmann", "Peretto"])
@pytest.mark.parametrize("p", [2, 3])
def test_stationary_distribution_of_eight_spins(p: int, parallel: bool) -> None:
    """256 states, 100000 samples, chi-square; false alarm 1e-4 each.

    Thinned so far that the slowest relaxation, from the exact transition matrix of one step, leaves a correlation below
    1e-3 between samples.
    """
    n, temperature, samples = 8, 1.2, 100_000
    net = Net(n, p)
    states = np.array([[1 if state >> i & 1 else -1 for i in range(n)] for state in range(256)])
    fields = states @ net.exact() / n
    up = 1 / (1 + np.exp(-2 * fields / temperature))
    if parallel:
        move = np.prod(np.where(states[None] > 0, up[:, None], 1 - up[:, None]), axis=-1)
        log_weight = np.log(2 * np.cosh(fields / temperature)).sum(axis=1)
    else:
        move = np.eye(256)
        for i in range(n):
            single = np.zeros((256, 256))
            index = np.arange(256)
            single[index, index | 1 << i] = up[:, i]
            single[index, index & ~(1 << i)] = 1 - up[:, i]
            move = move @ single
        log_weight = 0.5 * (states * fields).sum(axis=1) / temperature
    probability = np.exp(log_weight - log_weight.max())
    probability /= probability.sum()
    np.testing.assert_allclose(probability @ move, probability, atol=1e-14)
    every = math.ceil(math.log(1e-3) / math.log(np.sort(abs(np.linalg.eigvals(move)))[-2]))
    assert every < 200

    table = spins.heat_bath_table(n, p, temperature)
    counts = np.zeros(256, dtype=np.int64)
    state = (net.couplings, net.spins, net.bits, net.fields, net.clamped, table, net.words, net.cuts)
    histogram(state, np.empty(n, dtype=np.int64), net.stream, n * temperature, every, parallel, counts, samples)
    expected = probability * samples
    rare = expected < 5
    observed, expected = (np.append(x[~rare], x[rare].sum()) for x in (counts, expected))
    keep = expected > 0
    assert stats.chisquare(observed[keep], expected[keep]).pvalue > FALSE_ALARM


@pytest.mark.parametrize("kind", [spins.FLIPPED, spins.ERASED_FREE, spins.ERASED_CLAMPED])
@pytest.mark.parametrize("count", [0, 1, 50, 100])
def test_cues(kind: int, count: int) -> None:
    n = 100
    net = Net(n, 2)
    message = net.patterns[1]
    spins.make_cue(stream("cue"), message, kind, count, net.spins, net.clamped)
    s = net.spins[:n]
    assert set(np.unique(s)) <= {-1, 1}
    if kind == spins.FLIPPED:
        assert (s != message).sum() == count
    else:
        assert (s == message).sum() >= count
        assert abs((s != message).sum() - (n - count) / 2) <= 4 * math.sqrt((n - count) / 4)  # 4 standard errors
    assert net.clamped.sum() == (count if kind == spins.ERASED_CLAMPED else 0)
    assert (s == message)[net.clamped == 1].all()
