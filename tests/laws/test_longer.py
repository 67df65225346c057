"""A longer run goes on from kept states: the bytes of one long run, and what was done is not done again."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rig

from isinglass import Record, Workflow, cluster, load_workflow
from isinglass.continuation import finder
from isinglass.dataset import chunk_file
from isinglass.generations import current, require
from isinglass.models.hopfield import Hopfield
from isinglass.planning import block_index
from isinglass.profiles import Profile

pytestmark = pytest.mark.usefixtures("home")
RECORD = "record=Record(times=(0, 1, 4, 9, 10, 13, 40), observables=CUSTOM, snapshots=4, keep_states=True)"
DECLARATION = f"model=Automaton, axes={{'temperature': [0.1, 0.2], 'size': [4, 6]}}, samples=2, replicas=2, {RECORD}"
SIMULATIONS, BURN = 16, 2
BLOCK = {"temperature": 1, "size": 2, "sample": 2, "replica": 2}


@pytest.fixture
def steps(home: Path, monkeypatch: pytest.MonkeyPatch):
    """How many steps of how many replicas have been computed since it was last asked."""
    path = home / "steps"
    monkeypatch.setenv("SYNTHETIC_STEPS", str(path))

    def count() -> int:
        lines = path.read_text().split() if path.exists() else []
        path.unlink(missing_ok=True)
        return sum(map(int, lines))

    return count


def kept(home: Path, steps: int) -> Workflow:
    """The workflow of a file, at one duration, `--set steps=...`."""
    path = home / "kept.py"
    if not path.exists():
        rig.write_workflow(path, DECLARATION)
    return load_workflow(path).override(values={"steps": [steps]})


def ended(root: Path, steps: int):
    """The part of a run at one duration, without what longer ones have added behind it."""
    ds = rig.data(root).sel(steps=[steps])
    lengths = {d: int(ds[f"{d}_length"].max()) for d in ds.dims if f"{d}_length" in ds.coords}
    ds = ds.isel({d: slice(n) for d, n in lengths.items()})
    return ds.drop_vars([n for n in ds.coords if str(n).endswith(("_length", "_value"))])


@pytest.mark.usefixtures("steady_pilot")
@pytest.mark.parametrize("where", ["serial", "threads", "processes"])
def test_a_longer_run_goes_on_where_the_shorter_ended(where: str, home: Path, steps) -> None:
    def go(address: str) -> None:
        assert rig.run(kept(home, 6), home / "run", cluster=address, block=BLOCK).exit_code == 0
        assert steps() == SIMULATIONS * (BURN + 6)
        assert rig.run(kept(home, 13), home / "run", cluster=address, block=BLOCK).exit_code == 0
        assert steps() == SIMULATIONS * 7
        assert rig.run(kept(home, 24), home / "run", cluster=address, block=BLOCK).exit_code == 0
        assert steps() == SIMULATIONS * 11

    if where == "processes":
        with cluster.connect(Profile("test", "processes", workers=2)) as client:
            go(client.scheduler.address)
    else:
        go(where)
    for duration in (6, 13, 24):
        rig.run(kept(home, duration), home / f"long-{duration}", block=BLOCK)
        rig.same(ended(home / "run", duration), ended(home / f"long-{duration}", duration))


@pytest.mark.usefixtures("steady_pilot")
def test_hopfield_continued_is_hopfield_run_long(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """T = 0 and above, both dynamics, with and without copies, clamped cues, odd numbers of steps."""
    done: list[int] = []
    advance = Hopfield.advance

    def counting(self, sample, state, first, last):
        done.append((last - first) * len(state["bits"]))
        advance(self, sample, state, first, last)

    monkeypatch.setattr(Hopfield, "advance", counting)
    workflow = Workflow(
        model=Hopfield,
        axes={
            "temperature": [0.0, 0.9],
            "dynamics": ["sequential", "parallel"],
            "copies": [1, 3],
            "cue_mode": ["flipped", "erased_clamped"],
        },
        fixed={"neurons": 70, "load": 0.2, "cue": 0.4, "equilibration": 3, "steps": 5}, samples=2, replicas=2,
        record=Record(keep_states=True),
    )  # fmt: skip
    simulations, block = 16 * 4, {"temperature": 1, "dynamics": 2, "copies": 2, "cue_mode": 2, "sample": 2}
    rig.run(workflow, home / "run", block=block)
    assert sum(done) == simulations * 8
    for steps, before in ((12, 5), (20, 12), (21, 20)):
        done.clear()
        longer = workflow.override(values={"steps": [steps]})
        rig.run(longer, home / "run", block=block)
        assert sum(done) == simulations * (steps - before)
        rig.run(longer, home / f"long-{steps}", block=block)
        rig.same(ended(home / "run", steps), ended(home / f"long-{steps}", steps))
    plain = replace(
        longer, record=None, axes={**longer.axes, "steps": [21]}, fixed={**workflow.fixed}, paired=["steps"]
    )
    plain = replace(plain, fixed={k: v for k, v in plain.fixed.items() if k != "steps"})
    rig.run(plain, home / "plain", block=block)
    recorded, unrecorded = rig.data(home / "long-21"), rig.data(home / "plain")
    for o in Hopfield.observables:
        assert recorded[o.name].values.tobytes() == unrecorded[o.name].values.tobytes(), o.name


@pytest.mark.usefixtures("steady_pilot")
def test_within_one_run_and_one_block(home: Path, steps) -> None:
    """Several durations at once: in a block, the longer goes on from the shorter."""
    workflow = kept(home, 6).override(values={"steps": [3, 6, 11]})
    rig.run(workflow, home / "run", block={"steps": 3})
    assert steps() == SIMULATIONS * (BURN + 11)
    rig.run(workflow, home / "apart", block={"steps": 1})
    rig.same(rig.data(home / "run"), rig.data(home / "apart"))


@pytest.mark.usefixtures("steady_pilot")
def test_a_list_of_points(home: Path, steps) -> None:
    columns = {"temperature": [0.1, 0.2, 0.3], "size": [4, 4, 6]}
    workflow = replace(kept(home, 6), axes={}, points=columns)
    rig.run(workflow, home / "run")
    assert steps() == 3 * 4 * 8
    longer = workflow.override(values={"steps": [10]})
    rig.run(longer, home / "run")
    assert steps() == 3 * 4 * 4
    rig.run(longer, home / "long")
    run, long = rig.data(home / "run"), rig.data(home / "long")
    run = run.isel(point=np.flatnonzero(run.steps.values == 10))
    for name in ("mean", "first", "up", "weighed", "cells", "state"):
        assert run[name].values.tobytes() == long[name].values.tobytes(), name


def test_finder_of_shorter_runs() -> None:
    grid = finder({"t": (0.1, 0.2), "steps": (3, 6, 12), "n": (1, 2)}, False, "steps")
    assert list(grid((1, 2, 0))) == [(1, 1, 0), (1, 0, 0)]
    assert list(grid((1, 0, 0))) == []
    listed = finder({"t": (0.1, 0.1, 0.2, 0.1), "steps": (12, 3, 4, 6)}, True, "steps")
    assert list(listed((0,))) == [(3,), (1,)]
    assert list(listed((1,))) == list(listed((2,))) == []
    assert list(finder({"steps": (3, 6)}, True, "steps")((1,))) == [(0,)]


@pytest.mark.usefixtures("steady_pilot")
def test_without_a_stored_state_it_runs_from_the_start(home: Path, steps) -> None:
    """Fewer replicas are there, one state is torn: what is whole is gone on with, the rest runs from the start."""
    few = replace(kept(home, 6), replicas=1)
    rig.run(few, home / "run", block={"temperature": 1, "size": 1, "sample": 1, "replica": 1})
    store = require(home / "run")
    file = chunk_file(store, "state", block_index("0.0.0.0.0"))
    file.write_bytes(file.read_bytes()[:-9])
    steps()
    longer = replace(kept(home, 9), replicas=2)
    rig.run(longer, home / "run")
    assert steps() == 7 * 3 + 9 * 11
    rig.run(longer, home / "long")
    rig.same(ended(home / "run", 9), ended(home / "long", 9))


@pytest.mark.usefixtures("steady_pilot")
def test_states_of_other_code_are_not_gone_on_with(home: Path, steps) -> None:
    rig.run(kept(home, 6), home / "run")
    path = home / "kept.py"
    path.write_text(path.read_text().replace("int(x * 997)", "int(x * 991)"))
    steps()
    rig.run(kept(home, 9), home / "run", accept_code_change=True)
    assert steps() == SIMULATIONS * 11
    rig.run(kept(home, 9), home / "long")
    rig.same(ended(home / "run", 9), ended(home / "long", 9))


def test_killed_while_going_on(home: Path) -> None:
    """kill -9 in the middle of the longer run; the same command again ends well, with the same bytes."""
    rig.run(kept(home, 6), home / "run", block={"temperature": 1, "size": 1, "sample": 1})
    words = ("run", home / "kept.py", "--out", "run", "--set", "steps=13", "--cluster", "serial")
    process = rig.start(*words, cwd=home, SYNTHETIC_SLOW="0.02")
    until, before = time.monotonic() + 60, 8
    while sum(p.suffix in (".done", ".part") for p in newest(home).iterdir()) < before + 2:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert sum(p.suffix == ".done" for p in newest(home).iterdir()) < 16
    assert rig.run(kept(home, 13), home / "run").exit_code == 0
    rig.run(kept(home, 13), home / "long")
    rig.same(ended(home / "run", 13), ended(home / "long", 13))


def newest(home: Path) -> Path:
    store = current(home / "run")
    assert store is not None
    return store.ledger


def test_plan_counts_the_rest_only(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Cost is proportional to steps here: 22 behind 2 + 18 are a sixth of 24."""
    from isinglass.inspection import carried_over, committed
    from isinglass.planning import Blocks
    from isinglass.plans import Asked, Options, find_undone, united

    rig.run(kept(home, 18), home / "run")
    asked, store = Asked.of(kept(home, 22)), require(home / "run")
    old = store.grid(asked.workflow.model)
    union = united(home / "run", old, asked)
    blocks = Blocks(union.full_shape, store.blocks.block)
    undone = find_undone(asked, union, blocks, carried_over(store, old, union), Options())
    assert sum(cost for _, cost, _ in undone.jobs) == pytest.approx(SIMULATIONS * 4, rel=1e-5)
    same = Asked.of(kept(home, 18))
    assert find_undone(same, old, store.blocks, committed(store), Options()).jobs == []
    code, out = rig.cli(capsys, "plan", home / "kept.py", "--set", "steps=22", "--out", "run")
    assert code == 0
    # record times to 24: six of 4 and 8 bytes; of the snapshots at 1, 9, 10, 40 three of two bytes; the longest state
    state = 4 * 8 + 11 + 2 * 22 * 8
    assert f"recorded      up 24 B, weighed 48 B, cells 6 B, state {state} B a simulation; at most" in out
