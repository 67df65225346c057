"""Law 2: block = chunk = commit; the ledger entry last."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rig
import zarr

from isinglass import dataset, execute, ledger
from isinglass.generations import require
from isinglass.planning import block_name

pytestmark = pytest.mark.usefixtures("home", "steady_pilot")
BLOCK = {"temperature": 3, "size": 1, "sample": 2, "replica": 2}


@pytest.mark.parametrize("name", rig.ALL_MODELS)
def test_every_variable_is_chunked_as_the_block(name: str, tmp_path: Path) -> None:
    """Whole own dims behind it; one file a chunk, in ledger and store alike, and no chunk without its file."""
    workflow = rig.case(name)
    block = (3, 1, 2, 2 * workflow.model.lanes)
    rig.run(workflow, tmp_path / "run", block=dict(zip((*workflow.axes, "sample", "replica"), block, strict=True)))
    store = require(tmp_path / "run")
    assert store.blocks.block == block
    opened = zarr.open_group(store.path, mode="r")
    for variable in dataset.variables(workflow.model):
        meta = json.loads((store.path / variable / "zarr.json").read_text())
        own = tuple(opened[variable].shape[4:])
        assert tuple(meta["chunk_grid"]["configuration"]["chunk_shape"]) == (*block, *own)
        assert [c["name"] for c in meta["codecs"]] == ["bytes", "zstd"]
        assert meta["codecs"][1]["configuration"] == {"level": 1, "checksum": True}
        files = [p for p in (store.path / variable).rglob("*") if p.is_file() and p.name != "zarr.json"]
        assert sorted(files) == sorted(dataset.chunk_file(store, variable, index) for index in store.blocks)
    assert sorted(p.name for p in store.ledger.iterdir()) == sorted(f"{block_name(i)}.done" for i in store.blocks)


def test_writes_that_are_no_whole_chunk_are_refused(tmp_path: Path) -> None:
    rig.run(rig.case("Batched"), tmp_path / "run", block=BLOCK)
    store = require(tmp_path / "run")
    for box in ((slice(0, 2), slice(0, 1), slice(0, 2), slice(0, 2)), (slice(1, 4), *[slice(0, 1)] * 3)):
        with pytest.raises(ValueError, match="not one whole chunk"):
            dataset.write_block(store, box, {})


def test_an_entry_comes_after_all_its_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workflow, seen = rig.case("Traces"), []
    commit = ledger.commit

    def watched(folder: Path, block: str, *rest) -> None:
        store = require(tmp_path / "run")
        index = tuple(map(int, block.split(".")))
        files = [dataset.chunk_file(store, v, index) for v in dataset.variables(workflow.model)]
        assert all(f.is_file() for f in files)
        assert not list(folder.glob(f"{block}.done"))
        seen.append(block)
        commit(folder, block, *rest)

    monkeypatch.setattr(ledger, "commit", watched)
    rig.run(workflow, tmp_path / "run", block={"steps": 3, "sample": 2})
    assert len(seen) == len(set(seen)) == len(require(tmp_path / "run").blocks)


def test_chunks_without_an_entry_are_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A death between the chunks and the entry: garbage in the chunks is computed anew."""
    workflow, out = rig.case("Batched"), tmp_path / "run"
    write = execute.write_block

    def wrong(store, box, values) -> None:
        write(store, box, {**values, "value": values["value"] + 1})

    def dead(*args) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(execute, "write_block", wrong)
        broken.setattr(ledger, "commit", dead)
        with pytest.raises(KeyboardInterrupt):
            rig.run(workflow, out, block=BLOCK)
    assert not list(require(out).ledger.glob("*.done"))
    assert rig.run(workflow, out).exit_code == 0
    rig.check(rig.data(out), workflow)
    assert not list(require(out).ledger.glob("*.run"))


def test_a_block_of_fill_values_is_written(tmp_path: Path) -> None:
    """`undefined` is NaN everywhere: the worker's path writes its chunks all the same."""
    rig.run(rig.case("Walk"), tmp_path / "run", block=BLOCK)
    store = require(tmp_path / "run")
    for index in store.blocks:
        assert dataset.chunk_file(store, "undefined", index).is_file()
    assert np.isnan(rig.data(tmp_path / "run").undefined.values).all()


def test_damage_is_named_and_healed(tmp_path: Path) -> None:
    """A flipped bit in a chunk, a lost chunk, a torn entry: verify exits 1 naming them, the next run heals them."""
    from isinglass import presentation

    workflow, out = rig.case("Walk"), tmp_path / "run"
    rig.run(workflow, out, block=BLOCK)
    store = require(out)
    before, indices = rig.data(out), list(store.blocks)
    flipped = dataset.chunk_file(store, "value", indices[0])
    raw = bytearray(flipped.read_bytes())
    raw[len(raw) // 2] ^= 16
    flipped.write_bytes(raw)
    lost = dataset.chunk_file(store, "status", indices[1])
    lost.unlink()
    torn = store.ledger / f"{block_name(indices[2])}.done"
    torn.write_text(torn.read_text()[:-20])
    lines, code = presentation.verify(out, 0)
    assert code == 1
    told = "\n".join(lines)
    assert all(str(path) in told for path in (flipped, lost, torn))
    assert "3 damaged blocks" in told
    assert rig.run(workflow, out).exit_code == 0
    rig.same(rig.data(out), before)
    assert presentation.verify(out, 3)[1] == 0
