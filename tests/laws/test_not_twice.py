"""Law 4: nothing is computed twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import rig

from isinglass import Workflow, ledger
from isinglass.generations import require

pytestmark = pytest.mark.usefixtures("home", "steady_pilot")


@pytest.fixture
def count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A function: the simulations since it was last asked, by their streams."""
    file = tmp_path / "count.txt"
    monkeypatch.setenv("SYNTHETIC_COUNT", str(file))
    monkeypatch.delenv("SYNTHETIC_MENDED", raising=False)

    def since() -> Counter[str]:
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return Counter(lines)

    return since


def workflow(**changes) -> Workflow:
    axes = {"temperature": [0.1, 0.3], "size": [4, 6]}
    return replace(Workflow(model=rig.synthetic.Counted, axes=axes, samples=2, replicas=2, seed=3), **changes)


def test_a_complete_run_computes_nothing(count, tmp_path: Path) -> None:
    rig.run(workflow(), tmp_path / "run")
    first = count()
    assert len(first) == 16
    assert set(first.values()) == {1}
    before = rig.data(tmp_path / "run")
    assert rig.run(workflow(), tmp_path / "run").exit_code == 0
    assert not count()
    assert rig.data(tmp_path / "run").identical(before)
    assert len(ledger.requests(require(tmp_path / "run").requests)) == 1


@pytest.mark.parametrize("block", [{}, {"temperature": 1, "size": 1, "sample": 1, "replica": 1}, {"temperature": 2}])
@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({"axes": {"temperature": [0.1, 0.2, 0.3], "size": [4, 6]}}, 8),
        ({"axes": {"temperature": [0.1, 0.3], "size": [2, 4, 6, 7]}}, 16),
        ({"samples": 3}, 8),
        ({"replicas": 3}, 8),
        ({"axes": {"temperature": [0.5], "size": [5]}, "samples": 1, "replicas": 1}, 1),
        ({"axes": {"temperature": [0.3], "size": [6, 8]}, "samples": 3, "replicas": 3}, 14),
    ],
    ids=["value between", "values around", "sample", "replica", "elsewhere", "overlap"],
)
def test_an_extension_computes_what_is_new(changes, more: int, block, count, tmp_path: Path) -> None:
    rig.run(workflow(), tmp_path / "run", block=block)
    first = count()
    assert rig.run(workflow(**changes), tmp_path / "run").exit_code == 0
    second = count()
    assert sum(second.values()) == more
    assert not first.keys() & second.keys()
    assert rig.run(workflow(), tmp_path / "run").exit_code == 0
    assert rig.run(workflow(**changes), tmp_path / "run").exit_code == 0
    assert not count()


def test_only_failed_ones_are_retried(count, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faulty = workflow(fixed={"fault": 0.5})
    outcome = rig.run(faulty, tmp_path / "run")
    failed = outcome.counts["failed"]
    assert outcome.exit_code == 1
    assert 0 < failed < 16
    count()
    assert rig.run(faulty, tmp_path / "run").exit_code == 1
    assert not count()
    grown = replace(faulty, samples=3)
    rig.run(grown, tmp_path / "run")
    assert sum(count().values()) == 8
    assert rig.data(tmp_path / "run").status.isel(sample=slice(2)).values.tolist().__str__().count("2") == failed
    assert rig.run(faulty, tmp_path / "run", retry_failed=True).counts["failed"] == failed
    assert sum(count().values()) == failed
    # a share is through with what failed again: exit 3 would send an element of an array back to the queue for ever
    assert rig.run(faulty, tmp_path / "run", shard=(0, 1), retry_failed=True).exit_code == 1
    assert sum(count().values()) == failed
    monkeypatch.setenv("SYNTHETIC_MENDED", "1")
    assert rig.run(faulty, tmp_path / "run", retry_failed=True).exit_code == 0
    assert sum(count().values()) == failed
    monkeypatch.delenv("SYNTHETIC_MENDED")
    assert rig.run(faulty, tmp_path / "run").exit_code == 0
    assert not count()


def test_shards_share_no_block(count, tmp_path: Path) -> None:
    for number in range(3):
        rig.run(workflow(), tmp_path / "run", shard=(number, 3), block={"temperature": 1, "size": 1, "sample": 1})
    assert len(count()) == 16
    assert rig.run(workflow(), tmp_path / "run").exit_code == 0
    assert not count()
