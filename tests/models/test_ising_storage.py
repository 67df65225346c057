"""Bits in an Ising magnet: definitions, limits, half-lives of the reference, and the relaxation of a uniform magnet."""

import dataclasses
import hashlib

import numpy as np
import pytest

from isinglass import catalog, measures
from isinglass.exceptions import InputError
from isinglass.kernels import ising as kernel
from isinglass.kernels.bernoulli import BANK, open_bank
from isinglass.models.ising_storage import IsingStorage, _memory
from isinglass.theory import ising as theory


def stream(*name: object) -> np.ndarray:
    return np.frombuffer(hashlib.blake2b(repr(name).encode(), digest_size=32).digest(), dtype=np.uint64).copy()


def noises(replicas: int, *name: object) -> np.ndarray:
    return np.stack([stream("noise", k, *name) for k in range(replicas)])


def simulate(sample: int = 0, **parameters: object) -> dict[str, np.ndarray]:
    noise = noises(64, sample, *sorted(parameters.items()))
    return IsingStorage(**parameters).simulate(stream("sample", sample), noise)


def half_life(samples: int, **parameters: object) -> float:
    """Of the mean memory over samples and replicas."""
    model = IsingStorage(copies=1, **parameters)
    trace = np.concatenate([simulate(k, copies=1, **parameters)["memory_trace"] for k in range(samples)])
    assert trace[:, -1].mean() < 0.5
    return measures.crossings(model.times.astype(float), trace.mean(axis=0), 0.5)[1]


# Definitions and limits


@pytest.mark.parametrize(("length", "block"), [(12, 3), (12, 4), (8, 1), (20, 2)])
def test_writing_reading_and_overlaps_are_the_definitions(length: int, block: int) -> None:
    """On random spins, ties included."""
    blocks = length // block
    bank, dither = np.empty((4, BANK), np.uint64), np.empty(4, np.uint64)
    open_bank(stream("read"), 0, bank, dither)
    one, other = (np.zeros((2, length, length // 2 + 2), np.uint64) for _ in range(2))
    kernel.begin(one, True, bank)
    message = np.where(np.arange(blocks**2).reshape(blocks, blocks) % 3 == 0, 1, -1).astype(np.int8)
    kernel.write(other, message)
    spins, written = (np.empty((64, length, length), np.int8) for _ in range(2))
    kernel.unpack(one, spins)
    kernel.unpack(other, written)
    assert (written == np.kron(message, np.ones((block, block), np.int8))).all()
    bits, sums = np.empty((blocks, blocks, 64), np.int8), np.empty((blocks, blocks, 64), np.int64)
    kernel.read(one, sums, bits)
    total = spins.reshape(64, blocks, block, blocks, block).sum(axis=(2, 4), dtype=int)
    wanted = np.sign(2 * total + spins[:, ::block, ::block])
    assert (np.moveaxis(bits, -1, 0) == wanted).all()
    out = np.empty(64, np.int64)
    kernel.overlaps(one, other, out)
    assert (out == (spins.astype(int) * written).sum(axis=(1, 2))).all()


def test_what_was_written_is_read_at_once() -> None:
    """One step at T = 0 leaves blocks of 8 x 8 all but whole: memory exactly 1."""
    out = simulate(length=64, block=8, temperature=0.0, age=1 / 64)
    assert (out["memory"] == 1).all()
    assert (out["bit_overlap"] == 1).all()
    assert (out["censored"] == 1).all()


def test_what_was_forgotten_is_not_read() -> None:
    """T far above T_c: memory 0, coherences those of independent spins; 4 standard errors, false alarm 2e-4 each."""
    rows = [simulate(k, length=64, block=2, temperature=100.0, age=3.0, records=1) for k in range(4)]
    out = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    assert abs(out["memory"].mean()) < 4 * out["memory"].std() / 16
    for name in ("coherence", "blind_coherence"):  # |Gaussian|: √(2/π)/L
        assert abs(out[name].mean() - np.sqrt(2 / np.pi) / 64) < 4 * out[name].std() / 16 + 0.02 / 64
    assert not out["censored"].any()


def test_memory_of_a_permuted_message_is_zero() -> None:
    """Bits read with 20 % errors, 64 of them, against 100 permutations of the message; 4 standard errors."""
    rng = np.random.default_rng(3)
    message = rng.choice(np.array([-1, 1], np.int8), (8, 8))
    bits = message[:, :, None] * np.where(rng.random((8, 8, 64)) < 0.2, -1, 1).astype(np.int8)
    right, overlap = _memory(message, bits[None])
    assert right.mean() == pytest.approx(float(measures.binary_information(overlap).mean()), abs=0.02)
    wrong = [_memory(rng.permutation(message.ravel()).reshape(8, 8), bits[None])[0].mean() for _ in range(100)]
    assert abs(np.mean(wrong)) < 4 * np.std(wrong) / 10


def test_copies_know_their_message() -> None:
    model = IsingStorage(length=64, block=4, temperature=1.5, age=0.3)
    a, b = model.simulate(stream("one"), noises(64)), model.simulate(stream("two"), noises(64))
    assert a["memory"].mean() > 0.3
    for out in (a, b):
        assert out["coherence"].mean() > 0.3
        assert out["blind_coherence"].mean() < 0.1


def test_copy_a_is_the_same_with_and_without_the_others() -> None:
    model = IsingStorage.tiny()
    both = model.simulate(stream("s"), noises(128, "n"))
    one = dataclasses.replace(model, copies=1).simulate(stream("s"), noises(128, "n")[64:])
    for name, values in one.items():
        if name in ("coherence", "blind_coherence"):
            assert np.isnan(values).all()
        else:
            np.testing.assert_array_equal(values, both[name][64:])


# Half-lives


@pytest.mark.parametrize(("block", "blocks", "samples"), [(16, 8, 3), (32, 6, 3), (64, 4, 1)])
@pytest.mark.parametrize("temperature", [1.5, 2.2])
def test_heat_bath_half_life_is_the_block_area(block: int, blocks: int, samples: int, temperature: float) -> None:
    """Within 50 % of the reference; the largest blocks are few, and scatter by about a tenth."""
    found = half_life(samples, length=blocks * block, block=block, temperature=temperature, age=0.9)
    assert found / block**2 == pytest.approx(catalog.reference("ising.storage_half_life_cold").number(), rel=0.5)


@pytest.mark.parametrize(("temperature", "low", "high"), [(1.5, 0.03, 0.08), (2.2, 0.05, 0.11)])
def test_metropolis_has_its_own_line(temperature: float, low: float, high: float) -> None:
    found = half_life(4, length=128, block=16, temperature=temperature, age=0.3, dynamics="metropolis")
    assert low < found / 256 < high


def test_half_life_above_the_critical_point() -> None:
    """T = 3: the reference within 10 %, and what a uniform magnet's relaxation says, within 3 % + 0.8/l (edges)."""
    table = catalog.reference("ising.storage_half_life_hot")
    bank, dither = np.empty((4, BANK), np.uint64), np.empty(4, np.uint64)
    open_bank(stream("relax"), 0, bank, dither)
    lattice = np.empty((2, 128, 66), np.uint64)
    kernel.begin(lattice, False, bank)
    m, e = np.empty((260, 64), np.int64), np.empty((260, 64), np.int64)
    kernel.run(lattice, kernel.HEAT_BATH, 3.0, bank, dither, 0, 1, m, e)
    variance = float((m[120:] ** 2.0).mean() / 128**2)
    for block, wanted in zip(map(int, table.column("block")), table.column("half_life"), strict=True):
        length = 512 if block == 64 else 256
        found = half_life(2, length=length, block=block, temperature=3.0, age=40 / block**2, records=40)
        assert found == pytest.approx(wanted, rel=0.1)
        predicted = theory.half_life(block, np.arange(1, 41), m[:40].mean(axis=1) / 128**2, variance)
        if block >= 16:
            assert found == pytest.approx(float(predicted), rel=0.03 + 0.8 / block)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"length": 63, "block": 7}, "odd"),
        ({"block": 7}, "divide"),
        ({"block": 64}, "single"),
        ({"age": 0.001}, "age"),
        ({"length": 2048, "block": 1, "age": 9}, "4194304 bits .* needs .* GiB .* raise block"),
        ({"age": 1e300}, "maximum"),
        ({"records": 10**9}, "maximum"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, float], says: str) -> None:
    with pytest.raises(InputError, match=says):
        IsingStorage(**wrong)
