"""Law 3: no torn, cut, flipped or lost file of a run folder is silent, and none is for ever."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rig

import isinglass
from isinglass import InputError, Workflow, ledger, load_workflow, presentation
from isinglass.generations import current, require

pytestmark = pytest.mark.usefixtures("home", "steady_pilot")
DECLARATION = (
    "model=Traces, axes={'temperature': [0.1, 0.2, 0.3], 'steps': [2, 3]}, samples=3, replicas=2, seed=4, "
    "where=lambda p: p['temperature'] < 0.3 or p['steps'] == 2"
)
BLOCK = {"temperature": 2, "steps": 1, "sample": 2}
# what one finds in a finished folder, each as likely to be hit; locks, logs and results are no part of the data
KINDS = {
    "chunk": ".store/1/data.zarr/{trace,spectrum,kernel,end,elapsed,status}/c/**/*",
    "entry": ".store/1/blocks/*",
    "metadata": ".store/1/data.zarr/**/zarr.json",
    "coordinate": ".store/1/data.zarr/{temperature,steps,sample,replica,time,frequency,time_length}/c/*",
    "declaration": ".store/1/declaration.*",
    "request": ".store/runs/*",
    "code": ".store/code/*",
    "spare": ".store/1/spare/**/*",
    "text": "workflow.py",
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workflow, Path]:
    """A workflow file and the folder of its finished run; some blocks are whole, some in part."""
    home = tmp_path_factory.mktemp("finished")
    workflow = load_workflow(rig.write_workflow(home / "w.py", DECLARATION))
    assert rig.run(workflow, home / "run", block=BLOCK).exit_code == 0
    assert {p.suffix for p in (home / "run" / ".store" / "1" / "blocks").iterdir()} == {".done", ".part"}
    return workflow, home / "run"


@pytest.fixture
def case(finished, tmp_path: Path) -> tuple[Workflow, Path]:
    workflow, source = finished
    shutil.copytree(source, tmp_path / "run", symlinks=True)
    return workflow, tmp_path / "run"


def files(root: Path, kind: str) -> list[Path]:
    pattern = KINDS[kind]
    before, _, rest = pattern.partition("{")
    words, _, after = rest.partition("}")
    patterns = [before + word + after for word in words.split(",")] if rest else [pattern]
    found = sorted(p for pattern in patterns for p in root.glob(pattern) if p.is_file())
    assert found, kind
    return found


def flip(path: Path, rng: np.random.Generator) -> None:
    raw = bytearray(path.read_bytes())
    raw[int(rng.integers(len(raw)))] ^= 1 << int(rng.integers(8))
    path.write_bytes(raw)


def torn(path: Path, rng: np.random.Generator) -> None:
    raw = path.read_bytes()
    half = int(rng.integers(len(raw)))
    path.write_bytes(raw[:half] + bytes(len(raw) - half) if any(raw[half:]) else raw[: len(raw) // 2])


def cut(path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(path.read_bytes()[: int(rng.integers(1, path.stat().st_size))])


def emptied(path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(b"")


def deleted(path: Path, rng: np.random.Generator) -> None:
    path.unlink()


def named(path: Path, lines: list[str]) -> bool:
    entry = f"{path.with_suffix('')}.*"  # a lost entry: done or in part, nobody knows
    return any(line.startswith("damaged: ") and (str(path) in line or entry in line) for line in lines)


def heal(workflow: Workflow, root: Path, before) -> None:
    assert rig.run(workflow, root).exit_code == 0
    rig.same(rig.data(root), before)
    lines, code = presentation.verify(root, 2)
    assert code == 0, lines


def test_forty_of_forty_random_flips_are_named_and_healed(case) -> None:
    workflow, root = case
    rng, before = np.random.default_rng(40), rig.data(root)
    kinds = list(KINDS)
    for trial in range(40):
        kind = kinds[trial % len(kinds)]
        path = files(root, kind)[int(rng.integers(len(files(root, kind))))]
        flip(path, rng)
        lines, code = presentation.verify(root, 0)
        assert code == 1, f"trial {trial}: {path}"
        assert named(path, lines), (path, lines)
        assert sum(line.startswith("damaged: ") for line in lines) == 1, lines
        assert rig.run(workflow, root).exit_code == 0
        lines, code = presentation.verify(root, 0)
        assert code == 0, (path, lines)
    rig.same(rig.data(root), before)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", [torn, deleted, *(pytest.param(d, marks=pytest.mark.long) for d in (cut, emptied))])
def test_other_damage_is_named_and_healed(damage, kind: str, case) -> None:
    workflow, root = case
    rng, before = np.random.default_rng(len(kind)), rig.data(root)
    path = files(root, kind)[int(rng.integers(len(files(root, kind))))]
    damage(path, rng)
    lines, code = presentation.verify(root, 0)
    assert code == 1
    assert named(path, lines), (path, lines)
    heal(workflow, root, before)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", [flip, deleted, pytest.param(cut, marks=pytest.mark.long)])
def test_a_plain_run_never_keeps_a_wrong_value(damage, kind: str, case) -> None:
    """Without `verify`: what a run reads is mended by it; a chunk that it does not read cannot be read by others."""
    workflow, root = case
    rng, before = np.random.default_rng(7), rig.data(root)
    for path in rng.choice(np.array(files(root, kind), object), 3):
        if not path.exists():
            continue
        damage(path, rng)
        assert rig.run(workflow, root).exit_code == 0
        if kind != "chunk" or damage is deleted:
            rig.same(rig.data(root), before)
        else:
            with contextlib.suppress(RuntimeError, ValueError):  # what the codec says of a chunk that is damaged
                rig.same(rig.data(root), before)
    presentation.verify(root, 0)
    heal(workflow, root, before)


@pytest.mark.parametrize("word", ['"shape"', "fill_value", "long_name", '"units": "m"', "chunk_shape"])
def test_a_flip_that_leaves_valid_json_is_found(word: str, case) -> None:
    """One digit or letter of an array's metadata: nothing that reads JSON would mind."""
    workflow, root = case
    before = rig.data(root)
    path = root / ".store" / "1" / "data.zarr" / "trace" / "zarr.json"
    text = path.read_text()
    at = text.index(word) + len(word)
    digit = next(i for i in range(at, len(text)) if text[i].isalnum())
    other = chr(ord(text[digit]) ^ 1)
    path.write_text(text[:digit] + other + text[digit + 1 :])
    lines, code = presentation.verify(root, 0)
    assert code == 1
    assert named(path, lines)
    heal(workflow, root, before)


def test_damage_to_both_copies_is_refused_or_filed_anew(case) -> None:
    workflow, root = case
    before = rig.data(root)
    home = root / ".store"
    for folder in ("runs", "code"):  # the run files these anew
        for path in (home / folder).iterdir():
            path.write_text("{")
    assert presentation.verify(root, 0)[1] == 1
    heal(workflow, root, before)
    for name in ("data.zarr", "spare"):
        (home / "1" / name / "temperature" / "zarr.json").unlink()
    with pytest.raises(InputError, match="both damaged: restore one of them"):
        rig.run(workflow, root)
    shutil.copytree(home / "1" / "spare", home / "1" / "data.zarr", dirs_exist_ok=True)
    for file in (home / "1").glob("declaration.*"):
        file.write_text("{}")
    with pytest.raises(InputError, match="its declaration cannot be read, nor its copy"):
        rig.run(workflow, root)


def test_a_damaged_chunk_stops_the_analysis_in_one_line(case) -> None:
    """A run whose stages read a damaged chunk says so; after `verify` the same run completes."""
    workflow, root = case
    before = rig.data(root)
    staged = replace(workflow, stages=[lambda ds: ds[["end"]].mean("sample").rename(end="mean")])
    path = files(root, "chunk")[0]
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(InputError, match=r"isinglass verify .* names what is damaged"):
        rig.run(staged, root)
    assert named(path, presentation.verify(root, 0)[0])
    assert rig.run(staged, root).exit_code == 0
    rig.same(rig.data(root), before)


def test_an_extension_takes_no_damage_over(case) -> None:
    """Neither linked nor copied: what is damaged is computed again in the new generation."""
    workflow, root = case
    store = require(root)
    rng = np.random.default_rng(3)
    grown = workflow.override(samples=4)
    for path in (files(root, "chunk")[3], files(root, "chunk")[17]):
        flip(path, rng)
    rig.run(grown, root)
    presentation.verify(root, 0)
    rig.run(grown, root)
    assert require(root).number == store.number + 1
    rig.run(grown, root.parent / "fresh")
    rig.same(rig.data(root), rig.data(root.parent / "fresh"))


def test_verify_leaves_a_block_alone_that_is_being_written(case) -> None:
    """A run is at work: what it is in the middle of is locked, and what it has not yet committed is no damage."""
    import threading

    _, root = case
    store = require(root)
    index = next(iter(store.blocks))
    name = ".".join(map(str, index))
    from isinglass.dataset import chunk_file

    path = chunk_file(store, "end", index)
    raw = path.read_bytes()
    found: list[tuple[list[str], int]] = []
    with ledger.locked(store.ledger, name):
        path.write_bytes(raw[:-1])  # in the middle of a write, if writes were not by rename
        thread = threading.Thread(target=lambda: found.append(presentation.verify(root, 0)))
        thread.start()
        thread.join(0.3)
        assert thread.is_alive(), "it waits for the lock"
        path.write_bytes(raw)
    thread.join()
    assert found[0][1] == 0, found
    # chunks without an entry while their process is at work
    ledger.begin(store.ledger, name, {"host": "elsewhere", "pid": 1, "request": "x"})
    for suffix in ("done", "part"):
        (store.ledger / f"{name}.{suffix}").unlink(missing_ok=True)
    assert presentation.verify(root, 0)[1] == 0
    assert current(root).number == 1
    assert isinglass.open(root).sizes["sample"] == 3


def test_a_chunk_of_another_time_is_no_chunk_of_this_block(case) -> None:
    """Whole by its own checksum, and of another block, as a wrong restore leaves it: the entry knows better."""
    workflow, root = case
    before = rig.data(root)
    one, two = [p for p in files(root, "chunk") if p.parts[-6] == "end"][:2]
    shutil.copyfile(one, two)
    lines, code = presentation.verify(root, 0)
    assert code == 1
    assert named(two, lines)
    heal(workflow, root, before)
