"""200 processes fill one store at once, a shard each: nothing lost, nothing computed twice."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest
import rig

pytestmark = [pytest.mark.usefixtures("home", "steady_pilot"), pytest.mark.long]
COUNT = 200


def element(number: int, root: Path) -> None:
    workflow = rig.case("Walk")
    outcome = rig.run(
        workflow, root, shard=(number, COUNT), block=dict.fromkeys((*workflow.axes, "sample", "replica"), 1)
    )
    assert outcome.exit_code in (0, 3)


def test_two_hundred_shards_at_once(home: Path) -> None:
    """More processes than blocks, and all begin before there is a store."""
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=element, args=(number, home / "run")) for number in range(COUNT)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
    assert [p.exitcode for p in processes] == [0] * COUNT
    rig.check(rig.data(home / "run"), rig.case("Walk"))
    lines = [json.loads(x) for p in (home / "run" / "log").glob("*.jsonl") for x in p.read_text().splitlines()]
    blocks = [line["block"] for line in lines if "block" in line]
    assert len(blocks) == len(set(blocks)) == 48
