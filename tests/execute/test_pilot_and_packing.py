"""What a worker does with a block, seen through a run: slices, stops, lost workers, the pilot."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numba
import numpy as np
import pytest
import rig

from isinglass import InputError, Workflow, execute, load_workflow, presentation, simulation
from isinglass import pilot as pilot_module
from isinglass.generations import require
from isinglass.pilot import pilot
from isinglass.planning import costs
from isinglass.profiles import cores
from isinglass.simulation import Work, compute

pytestmark = pytest.mark.usefixtures("home")
Batched, Walk = rig.synthetic.Batched, rig.synthetic.Walk


def calls(monkeypatch: pytest.MonkeyPatch, model) -> list[tuple]:
    """Records what every `simulate_batch` gets."""
    seen: list[tuple] = []
    batch = model.simulate_batch.__func__

    def watched(cls, models, disorder, noise):
        seen.append((list(models), disorder.copy(), noise.copy()))
        return batch(cls, models, disorder, noise)

    monkeypatch.setattr(model, "simulate_batch", classmethod(watched))
    return seen


def test_a_call_gets_pairs_with_equal_disorder_adjacent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every point of a block in one call of about a second; each sample's couplings are built once."""
    workflow = Workflow(model=Batched, axes={"temperature": [0.1, 0.2, 0.3], "size": [4, 5]}, samples=3, replicas=2)
    grid, seen = workflow.sweep().grid(), calls(monkeypatch, Batched)
    work = Work.empty(Batched, grid.full_shape, {})
    assert compute(grid, (0, 0), np.ones(grid.full_shape, bool), work, 1e-6, lambda: False)
    ((models, disorder, noise),) = seen
    assert (len(models), disorder.shape, noise.shape) == (18, (18, 4), (18, 2, 4))
    rows = [row.tobytes() for row in disorder]
    changes = sum(a != b for a, b in itertools.pairwise(rows))
    assert changes + 1 == len(set(rows)) == 6


def test_slices_are_of_about_a_second_and_a_stop_is_seen_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    workflow = Workflow(model=Batched, axes={"temperature": [k / 10 for k in range(1, 9)]}, samples=5)
    grid, seen = workflow.sweep().grid(), calls(monkeypatch, Batched)
    work, asked = Work.empty(Batched, grid.full_shape, {}), []

    def stop() -> bool:
        asked.append(len(seen))
        return len(seen) == 2

    monkeypatch.setattr(simulation, "SLICE_SECONDS", 1e-9)  # each slice is one pair at any pace
    assert not compute(grid, (0, 0), np.ones(grid.full_shape, bool), work, 1e9, stop)
    assert asked == [0, 1, 2]
    assert work.computed == (work.status == 1).sum() == 2
    assert np.isnan(work.values["value"][work.status == 0]).all()


def test_only_what_is_wanted_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any set of simulations of a block, as many calls as there are sets of replicas."""
    workflow = Workflow(model=Batched, axes={"temperature": [0.1, 0.2]}, samples=3, replicas=3)
    grid, seen = workflow.sweep().grid(), calls(monkeypatch, Batched)
    wanted = np.zeros(grid.full_shape, bool)
    wanted[0, 0] = [True, False, True]
    wanted[1, 2] = [True, False, True]
    wanted[1, 1] = [False, True, False]
    work = Work.empty(Batched, grid.full_shape, {})
    compute(grid, (0, 0), wanted, work, 1e-6, lambda: False)
    assert sorted(noise.shape[:2] for _, _, noise in seen) == [(1, 1), (2, 2)]
    np.testing.assert_array_equal(work.status == 1, wanted)
    np.testing.assert_array_equal(np.isfinite(work.values["value"]), wanted)
    expected = rig.expected(workflow)
    for i, s, r in np.argwhere(wanted):
        assert work.values["value"][i, s, r] == expected[((0.1, 0.2)[i], s, r)]["value"]
    assert np.isfinite(work.elapsed[wanted]).all()


class Picky(rig.synthetic.Traces):
    """Refuses a combination of its parameters; has an own dim and a cost."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.temperature > 0.15 and self.size > 4:
            raise ValueError("too hot for its size")

    def cost(self) -> float:
        return float(self.size)


@pytest.mark.usefixtures("steady_pilot")
def test_a_model_of_a_point_that_is_skipped_is_never_made(home: Path) -> None:
    """`where` is what keeps combinations out that the model refuses, also within a block."""
    axes = {"temperature": [0.1, 0.2], "size": [4, 5]}
    workflow = Workflow(model=Picky, axes=axes, where=lambda p: p["temperature"] < 0.15 or p["size"] < 5, samples=2)
    assert rig.run(workflow, home / "run", block={"temperature": 2, "size": 2}).exit_code == 0
    ds = rig.data(home / "run")
    assert ds.status.sel(temperature=0.2, size=5).values.tolist() == [[3], [3]]
    assert (ds.status == 1).sum() == 6
    assert rig.run(replace(workflow, samples=3), home / "run").exit_code == 0
    with pytest.raises(InputError, match=r"temperature=0.2 size=5 sample=0 replica=0 is skipped"):
        presentation.reproduce(home / "run", ["temperature=0.2", "size=5", "sample=0", "replica=0"])
    with pytest.raises(InputError, match="too hot for its size"):
        rig.run(replace(workflow, where=None), home / "other")


def test_elapsed_is_split_by_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that costs a hundred times as much gets a hundred times the time of the call that they share."""
    monkeypatch.setattr(Batched, "cost", lambda self: 100.0 if self.temperature > 0.15 else 1.0)
    grid = Workflow(model=Batched, axes={"temperature": [0.1, 0.2]}).sweep().grid()
    work = Work.empty(Batched, grid.full_shape, {})
    compute(grid, (0, 0), np.ones(grid.full_shape, bool), work, 1e-9, lambda: False)
    assert work.elapsed[1, 0, 0] == pytest.approx(100 * work.elapsed[0, 0, 0])
    assert work.elapsed.sum() == pytest.approx(work.seconds, rel=1e-5)


def test_a_pilot_measures_sleepers_right_and_sees_who_holds_the_lock() -> None:
    slow = Workflow(model=rig.synthetic.Slow, axes={"temperature": [0.1, 0.2]}, fixed={"seconds": 0.03})
    grid = slow.sweep().grid()
    measured = pilot(grid, costs(grid, np.ones(grid.shape, bool)), 2)
    assert measured.seconds * 0.03 == pytest.approx(0.03, rel=0.5)
    assert not measured.threads_wait
    assert measured.speedup is None, "so little work is not worth the comparison"


def test_compiling_in_the_first_call_is_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a kernel that `tiny` has no use for: seconds, which would count as those of every simulation."""
    monkeypatch.setattr(pilot_module, "PILOT_SECONDS", 0.01)
    grid = Workflow(model=rig.synthetic.Slow, axes={"temperature": [0.1, 0.2]}).sweep().grid()
    numba.njit(lambda x: x + 1)(1.0)
    spent = []

    def simulate(*_: object) -> None:
        began = time.perf_counter()
        if not spent:
            numba.njit(lambda x: np.sort(x) @ np.sort(x))(np.ones(3))
        spent.append(time.perf_counter() - began)
        time.sleep(0.006)

    seconds = pilot_module._timed(grid, (0,), simulate, None).seconds  # type: ignore[arg-type]
    assert spent[0] > 0.1
    assert seconds < 0.006 + 0.5 * spent[0]


def test_simulations_of_microseconds_run_one_at_a_time(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two threads that call a kernel of microseconds one by one take longer than one thread."""
    text = "model=Compiled, axes={'temperature': [0.1, 0.2, 0.3], 'size': [4, 5]}, samples=2, seed=9"
    path = rig.write_workflow(home / "w.py", text)
    grid = load_workflow(path).sweep().grid()
    assert pilot(grid, costs(grid, np.ones(grid.shape, bool)), 2).threads_wait
    assert not pilot(grid, costs(grid, np.ones(grid.shape, bool)), 1).threads_wait
    (home / "two.yaml").write_text("kind: threads\nthreads: 2\n")
    code, out = rig.cli(capsys, "run", path, "--out", "run", "--cluster", "two.yaml")
    assert code == 0
    assert ("run one at a time" in out) == (cores() > 1)
    rig.check(rig.data(home / "run"), load_workflow(path))


@pytest.mark.usefixtures("steady_pilot")
def test_worker_processes_start_while_the_store_is_declared(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from isinglass import generations, runs

    order: list[str] = []
    connect, declare = runs.connect, generations.declare

    def connecting(profile):
        order.append("connect")
        return connect(profile)

    def declaring(*args):
        order.append("declare")
        return declare(*args)

    monkeypatch.setattr(runs, "connect", connecting)
    monkeypatch.setattr(generations, "declare", declaring)
    (home / "two.yaml").write_text("kind: processes\nworkers: 2\n")
    workflow = rig.case("Batched")
    assert rig.run(workflow, home / "run", cluster="two.yaml", block={"temperature": 1}).exit_code == 0
    assert order == ["connect", "declare"]
    rig.check(rig.data(home / "run"), workflow)


@pytest.mark.usefixtures("steady_pilot")
def test_a_worker_that_dies_makes_blocks_missing_not_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes back as lost is no failure; the next run computes it."""
    from isinglass import runs
    from isinglass.execute import Report

    distribute = execute.distribute

    def dying(client, context, tasks, *rest) -> Iterator[list[Report]]:
        tasks = list(tasks)
        yield [Report(job.index, lost="KilledWorker: ...") for job in tasks[0]]
        yield from distribute(client, context, tasks[1:], *rest)

    workflow, out = rig.case("Batched"), tmp_path / "run"
    with monkeypatch.context() as broken:
        broken.setattr(runs, "distribute", dying)
        outcome = rig.run(workflow, out, cluster="threads", block={"temperature": 1, "sample": 1})
    assert outcome.exit_code == 3
    assert outcome.counts["failed"] == 0
    assert outcome.counts["pending"] > 0
    assert rig.run(workflow, out).exit_code == 0
    rig.check(rig.data(out), workflow)


@pytest.mark.usefixtures("steady_pilot")
def test_nothing_starts_where_nothing_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a cluster nor a pilot."""
    from isinglass import declaring, runs

    workflow, out = rig.case("Batched"), tmp_path / "run"
    rig.run(workflow, out)

    def never(*args) -> None:
        raise AssertionError("started")

    monkeypatch.setattr(runs, "connect", never)
    monkeypatch.setattr(declaring, "measure", never)
    assert rig.run(workflow, out, cluster="threads").exit_code == 0


@pytest.mark.usefixtures("steady_pilot")
def test_each_entry_says_who_made_it(tmp_path: Path) -> None:
    from isinglass import ledger

    rig.run(rig.case("Batched"), tmp_path / "run")
    store = require(tmp_path / "run")
    for path in store.ledger.glob("*.done"):
        entry = ledger.read_json(path)
        assert entry["pid"] == os.getpid()
        for key in (
            "host",
            "cpu",
            "numba",
            "llvmlite",
            "isinglass",
            "code",
            "request",
            "attempts",
            "seconds",
            "written",
        ):
            assert entry[key], key
    lines = [p.read_text().splitlines() for p in (tmp_path / "run" / "log").glob("*.jsonl")]
    assert sum(map(len, lines)) == len(store.blocks)
    assert time.time() - (tmp_path / "run" / "log").stat().st_mtime < 600


@pytest.mark.usefixtures("steady_pilot")
def test_a_run_that_is_overtaken_by_an_extension_goes_on_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of a run another one extends the folder: nothing more is written to the old generation."""

    workflow, out, fill = rig.case("Batched"), tmp_path / "run", execute._run_block
    more, met = replace(workflow, samples=4), []

    def overtaken(*args):
        met.append(args)
        if len(met) == 3:
            assert rig.run(more, out, shard=(0, 9)).exit_code == 0
            assert require(out).number == 2
        return fill(*args)

    monkeypatch.setattr(execute, "_run_block", overtaken)
    outcome = rig.run(workflow, out, block={"temperature": 1, "size": 1, "sample": 1})
    assert outcome.exit_code == 0
    assert len(list((out / ".store" / "1" / "blocks").glob("*.done"))) == 2
    rig.check(rig.data(out), workflow)
