"""Ledger files: whole, or damaged and said to be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from isinglass import InputError, ledger
from isinglass.ledger import DamagedError

numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
leaves = st.none() | st.booleans() | numbers | st.text(max_size=5)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
content = st.dictionaries(st.text(max_size=4), values, max_size=4)


@given(content)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, content: dict) -> None:
    folder = tmp_path_factory.mktemp("json")
    try:
        ledger.write_json(folder / "a.json", content)
    except UnicodeEncodeError:
        return
    assert ledger.read_json(folder / "a.json") == content
    assert [p.name for p in folder.iterdir()] == ["a.json"]


def test_every_flipped_bit_and_every_cut_is_seen(tmp_path: Path) -> None:
    """Each single bit, and each shorter file."""
    path = tmp_path / "a.done"
    content = {"block": "0.1.0", "seconds": 1.25, "done": 8, "host": "näme", "status": ledger.pack_array(np.ones(9))}
    ledger.write_json(path, content)
    raw = path.read_bytes()
    for position in range(len(raw)):
        for bit in range(8):
            damaged = bytearray(raw)
            damaged[position] ^= 1 << bit
            path.write_bytes(damaged)
            with pytest.raises(DamagedError):
                ledger.read_json(path)
    for end in range(len(raw) - 1):
        path.write_bytes(raw[:end])
        with pytest.raises(DamagedError):
            ledger.read_json(path)


@pytest.mark.parametrize("text", ["", "null", "[]", "3", '{"content": 3}', '{"crc32": 0, "content": {}}', "{}", "\0"])
def test_other_json_is_damage(text: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_text(text)
    with pytest.raises(DamagedError):
        ledger.read_json(tmp_path / "a")


@settings(max_examples=50)
@given(arrays(st.sampled_from([np.int8, np.bool_, np.int64]), array_shapes(min_dims=1, max_dims=5, max_side=4)))
def test_arrays_round_trip(array: np.ndarray) -> None:
    packed = json.loads(json.dumps(ledger.pack_array(array)))
    out = ledger.unpack_array(packed)
    assert out.dtype == array.dtype
    np.testing.assert_array_equal(out, array)
    np.testing.assert_array_equal(ledger.unpack_array(ledger.pack_array(array[::-1])), array[::-1])


def test_the_life_of_a_block(tmp_path: Path) -> None:
    """In flight, again in flight after a death, written in part, whole; each replaces what was before."""
    status = np.array([[1, 0], [2, 3]], np.int8)
    assert ledger.begin(tmp_path, "0.1", {"pid": 1, "host": "a"}) == 1
    assert ledger.begin(tmp_path, "0.1", {"pid": 2, "host": "b"}) == 2
    assert [(r["block"], r["pid"], r["attempts"]) for r in ledger.in_flight(tmp_path)] == [("0.1", 2, 2)]
    assert ledger.listing(tmp_path) == {}

    ledger.commit(tmp_path, "0.1", status, {"code": "x"})
    assert ledger.listing(tmp_path) == {"0.1": "part"}
    assert ledger.in_flight(tmp_path) == []
    entry = ledger.read_entry(tmp_path, "0.1", "part")
    np.testing.assert_array_equal(entry["status"], status)
    assert [entry[k] for k in ("done", "failed", "skipped", "pending", "code")] == [1, 1, 1, 1, "x"]

    assert ledger.begin(tmp_path, "0.1", {"pid": 3, "host": "a"}) == 1
    ledger.commit(tmp_path, "0.1", np.ones_like(status), {"code": "y"})
    assert ledger.listing(tmp_path) == {"0.1": "done"}
    assert "status" not in ledger.read_entry(tmp_path, "0.1", "done")
    ledger.discard(tmp_path, "0.1")
    assert [p.suffix for p in tmp_path.iterdir() if p.suffix in (".run", ".done", ".part")] == []


def test_an_entry_of_another_block_is_damage(tmp_path: Path) -> None:
    ledger.commit(tmp_path, "0.1", np.ones((2, 2), np.int8), {})
    (tmp_path / "0.1.done").rename(tmp_path / "0.2.done")
    with pytest.raises(DamagedError, match=r"of block 0\.1"):
        ledger.read_entry(tmp_path, "0.2", "done")


def test_a_torn_run_file_counts_as_an_attempt(tmp_path: Path) -> None:
    (tmp_path / "0.run").write_text("{")
    assert ledger.begin(tmp_path, "0", {}) == 2
    assert ledger.in_flight(tmp_path)[0]["attempts"] == 2


def test_requests_are_in_order_and_damaged_ones_ask_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "run" / ".store" / "runs"
    folder.mkdir(parents=True)
    with pytest.raises(InputError, match="holds no request that can be read"):
        ledger.newest_request(folder)
    names = [ledger.add_request(folder, {"n": n}) for n in range(20)]
    assert names == sorted(names)
    assert [r["n"] for r in ledger.requests(folder)] == list(range(20))
    (folder / f"{names[-1]}.json").write_text("{")
    assert ledger.newest_request(folder)["n"] == 19, "its copy serves"
    (folder / f"{names[-1]}.copy").unlink()
    with pytest.raises(InputError, match="the newest request is damaged"):
        ledger.newest_request(folder)
    assert [r["n"] for r in ledger.requests(folder)] == list(range(19))


def test_a_note_beside_a_done_block_is_none(tmp_path: Path) -> None:
    """A process may be killed after the entry and before its note is gone: nobody is at work then."""
    for suffix in ("done", "part"):
        ledger.begin(tmp_path, suffix, {})
        status = np.full((2, 2), 1 if suffix == "done" else 0, np.int8)
        note = (tmp_path / f"{suffix}.run").read_bytes()
        ledger.commit(tmp_path, suffix, status, {})
        (tmp_path / f"{suffix}.run").write_bytes(note)
    assert [run["block"] for run in ledger.in_flight(tmp_path)] == ["part"]
