"""Words of random bits: the streams they come from, their probabilities, their independence."""

import hashlib

import numpy as np
import pytest

from isinglass.kernels.bernoulli import BANK, DIGITS, fill_pairs, fill_words, open_bank, threshold
from isinglass.kernels.streams import jumped, next_uint64


def stream(*name: object) -> np.ndarray:
    return np.frombuffer(hashlib.blake2b(repr(name).encode(), digest_size=32).digest(), dtype=np.uint64).copy()


def opened(copy: int, *name: object) -> tuple[np.ndarray, np.ndarray]:
    bank, dither = np.empty((4, BANK), np.uint64), np.empty(4, np.uint64)
    open_bank(stream(*name), copy, bank, dither)
    return bank, dither


def bits(words: np.ndarray) -> np.ndarray:
    """uint64 (...) as 0 and 1, (..., 64)."""
    return (words[..., None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)).astype(float)


def pairs(bank: np.ndarray, dither: np.ndarray, p: float, q: float, n: int = 64) -> np.ndarray:
    digits, out = np.empty((2, DIGITS), np.uint64), np.empty((3, n), np.uint64)
    first, second = (np.uint64(threshold(x, dither, row)) for x, row in zip((p, q), digits, strict=True))
    fill_pairs(bank, first, second, digits, *out)
    return out


@pytest.mark.parametrize("copy", [0, 1, 2])
def test_columns_are_jumped_streams(copy: int) -> None:
    bank, dither = opened(copy, "bank")
    assert (dither == jumped(stream("bank"), copy)).all()
    out = np.empty(2 * BANK, np.uint64)
    fill_words(bank, out)
    for k in (0, 1, BANK - 1):
        column = jumped(stream("bank"), 3 * (k + 1) + copy)
        assert [next_uint64(column), next_uint64(column)] == list(out[k::BANK])


@pytest.mark.parametrize("p", [0.0, 1e-6, 3.3e-4, 0.02, 0.1715, 0.5, 0.9, 1.0])
def test_probabilities(p: float) -> None:
    """5 standard errors of 4 million bits, dithering included: false alarm 6e-7."""
    bank, dither = opened(0, "p", p)
    share, draws = 0.0, 1000
    for _ in range(draws):
        x, y, coin = pairs(bank, dither, p, p / 2)
        share += (bits(x).mean() - p, bits(y).mean() - p / 2, bits(coin).mean() - 0.5) @ np.array([1.0, 1j, 0])
    number = draws * 64 * 64
    for found, wanted in ((share.real, p), (share.imag, p / 2)):
        spread = np.sqrt(wanted * (1 - wanted) / number + (0.5 / 2**DIGITS) ** 2 / draws)
        assert abs(found / draws) <= 5 * spread + 1e-15


def test_bits_of_one_word_are_independent() -> None:
    """Correlations of all pairs of the 64 replicas, and of neighbouring places: below 5.5 standard errors, 1e-4."""
    bank, dither = opened(0, "correlation")
    x = np.stack([bits(pairs(bank, dither, 0.3, 0.1, 1024)[0]) for _ in range(20)]).reshape(-1, 64)
    matrix = np.corrcoef(np.concatenate([x[:-1], x[1:]], axis=1).T) - np.eye(128)
    assert abs(matrix).max() < 5.5 / np.sqrt(len(x))


def test_what_is_below_a_digit_is_dithered() -> None:
    """Of 10 000 thresholds at 0.3 of the last digit the share that sets it: 5 standard errors (6e-7)."""
    _, dither = opened(0, "dither")
    digits, set_ = np.empty(DIGITS, np.uint64), 0
    for _ in range(10_000):
        threshold(0.3 / 2**DIGITS, dither, digits)
        set_ += bool(digits[0])
    assert abs(set_ / 10_000 - 0.3) < 5 * np.sqrt(0.21 / 10_000)
