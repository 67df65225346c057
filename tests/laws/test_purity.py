"""Law 1: a result is a function of model, parameter values, seed, sample and replica, and of nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rig

from isinglass import cluster
from isinglass.profiles import Profile

pytestmark = pytest.mark.usefixtures("home", "steady_pilot")
every_model = pytest.mark.parametrize("name", rig.ALL_MODELS)


def blocks(name: str) -> list[dict[str, int]]:
    """Single lanes, a shape that does not divide the grid, one that divides it in part (and all of it: no shape)."""
    lanes = rig.ALL_MODELS[name].lanes
    first, second = rig.case(name).axes
    return [
        {first: 1, second: 1, "sample": 1, "replica": lanes},
        {first: 3, second: 1, "sample": 2, "replica": 2 * lanes},
        {first: 1, second: 2, "sample": 3, "replica": lanes},
    ]


@every_model
def test_block_shape_changes_no_byte(name: str, tmp_path: Path) -> None:
    """Here one shape. Below: single lanes in threads, shares of another shape, all at once beside the grown sweep."""
    workflow = rig.case(name)
    assert rig.run(workflow, tmp_path / "run", block=blocks(name)[2]).exit_code == 0
    rig.check(rig.data(tmp_path / "run"), workflow)


@every_model
def test_threads_change_no_byte(name: str, tmp_path: Path) -> None:
    profile = tmp_path / "four.yaml"
    profile.write_text("kind: threads\nthreads: 4\n")
    workflow = rig.case(name)
    block = {**blocks(name)[0], "sample": 2}
    assert rig.run(workflow, tmp_path / "run", cluster=str(profile), block=block).exit_code == 0
    rig.check(rig.data(tmp_path / "run"), workflow)


def test_worker_processes_change_no_byte(tmp_path: Path) -> None:
    """1, 2 and 4 of them: Hopfield, and a model of a workflow's text, which the workers cannot import by name."""
    names = ("hopfield", "Traces")
    with cluster.connect(Profile("test", "processes", workers=1)) as client:
        for workers in (1, 2, 4):
            client.cluster.scale(workers)
            client.wait_for_workers(workers, timeout=60)
            for name in names:
                out = tmp_path / f"{name}-{workers}"
                outcome = rig.run(rig.case(name), out, cluster=client.scheduler.address, block=blocks(name)[0])
                assert outcome.exit_code == 0
                rig.check(rig.data(out), rig.case(name))
            assert len(client.nthreads()) == workers


@every_model
def test_shards_in_turn(name: str, tmp_path: Path) -> None:
    workflow, out = rig.case(name), tmp_path / "run"
    for i, number in enumerate((2, 0, 1)):
        outcome = rig.run(workflow, out, shard=(number, 3), block=blocks(name)[1])
        assert outcome.exit_code == 0
        assert (outcome.counts["pending"] == 0) == (i == 2)
    rig.check(rig.data(out), workflow)


@every_model
def test_a_sweep_grown_in_every_direction(name: str, tmp_path: Path) -> None:
    """Half of the axis values, then those between and before them, samples, replicas; beside the sweep run at once.

    Fewer samples and replicas, run alone, give the front of what more of them give.
    """
    whole, lanes, out = rig.case(name), rig.ALL_MODELS[name].lanes, tmp_path / "grown"
    first, second = whole.axes
    values, others = whole.axes[first], whole.axes[second]
    steps = [
        replace(whole, axes={first: values[1::2], second: others[1:]}, samples=1, replicas=lanes),
        replace(whole, axes={first: values, second: others[1:]}, samples=1, replicas=lanes),
        replace(whole, axes={first: values, second: others}, samples=2, replicas=lanes),
        replace(whole, axes={first: values[:1], second: others[:1]}, samples=3, replicas=2 * lanes),
        whole,
    ]
    for step in steps:
        assert rig.run(step, out, block={first: 2, "sample": 2}).exit_code == 0
    rig.check(rig.data(out), whole)
    rig.run(whole, tmp_path / "at-once")
    at_once = rig.data(tmp_path / "at-once")
    rig.same(rig.data(out), at_once)
    few = replace(whole, samples=2, replicas=lanes)
    rig.run(few, tmp_path / "few")
    rig.same(at_once.isel(sample=slice(2), replica=slice(lanes)), rig.data(tmp_path / "few"))


@every_model
def test_batch_against_single(name: str) -> None:
    """`simulate_batch` over all pairs, and in other orders of the pairs, gives what `simulate` gives one by one."""
    workflow = rig.case(name)
    model, lanes = workflow.model, workflow.model.lanes
    pairs = []
    for point in rig.points(workflow):
        for s in range(2):
            disorder = rig.stream(model, "disorder", workflow.seed, point, (s,))
            noise = [rig.stream(model, "noise", workflow.seed, point, (s, r)) for r in range(2 * lanes)]
            pairs.append((model(**point), disorder, np.array(noise)))
    lengths = {n: len(c[0]) for n, c in pairs[0][0].coords().items()}
    pairs = [p for p in pairs if {n: len(c[0]) for n, c in p[0].coords().items()} == lengths]
    for order in (range(len(pairs)), sorted(range(len(pairs)), key=lambda i: pairs[i][1].tobytes())):
        models, disorder, noise = zip(*(pairs[i] for i in order), strict=True)
        out = model.simulate_batch(models, np.array(disorder), np.array(noise))
        for k, i in enumerate(order):
            for r in range(0, 2 * lanes, lanes):
                one = pairs[i][0].simulate(pairs[i][1], pairs[i][2][r : r + lanes])
                for o in model.observables:
                    alone, together = np.asarray(one[o.name]), np.asarray(out[o.name])[k, r : r + lanes]
                    assert alone.astype(o.dtype).tobytes() == together.astype(o.dtype).tobytes(), o.name


@every_model
def test_streams_are_not_written_to(name: str) -> None:
    """A model must copy what it advances: the engine hands it read-only arrays of the same bytes."""
    workflow = rig.case(name)
    point = rig.points(workflow)[0]
    disorder = rig.stream(workflow.model, "disorder", 1, point, (0,))
    noise = np.array([rig.stream(workflow.model, "noise", 1, point, (0, r)) for r in range(workflow.model.lanes)])
    before = disorder.tobytes() + noise.tobytes()
    workflow.model(**point).simulate(disorder, noise)
    assert disorder.tobytes() + noise.tobytes() == before


@every_model
def test_seed_sample_and_replica_all_matter(name: str) -> None:
    """At least one observable changes with each of them."""
    workflow = rig.case(name)
    point = rig.points(workflow)[-1]
    lanes = workflow.model.lanes

    def values(w, s, r) -> list[bytes]:
        return [np.asarray(v).tobytes() for v in rig.simulate(w, point, s, r).values()]

    base = values(workflow, 0, 0)
    assert base == values(workflow, 0, 0)
    for other in (values(workflow, 1, 0), values(workflow, 0, lanes), values(replace(workflow, seed=8), 0, 0)):
        assert other != base
