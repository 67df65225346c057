"""Law 6: failure is local, and told with what reproduces it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rig

from isinglass import Workflow, plans, presentation, runs

FAULTS = ("raise", "nan", "shape", "dtype", "name")


def workflow(*faults: str) -> Workflow:
    return Workflow(
        model=rig.synthetic.Faulty, axes={"fault": list(faults), "size": [4, 5]}, samples=3, replicas=3, seed=1
    )


def hits(wf: Workflow, fault: str, size: int) -> np.ndarray:
    """Which (sample, replica) have a stream that the model trips over."""
    point = {"size": size, "fault": fault}
    return np.array(
        [[rig.synthetic.hit(rig.stream(wf.model, "noise", 1, point, (s, r))) for r in range(3)] for s in range(3)]
    )


@pytest.mark.usefixtures("home", "steady_pilot")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("cluster", ["serial", "threads"])
def test_a_faulty_simulation_fails_alone(fault: str, cluster: str, tmp_path: Path) -> None:
    wf, out = workflow("none", fault), tmp_path / "run"
    outcome = rig.run(wf, out, cluster=cluster)
    assert outcome.exit_code == 1
    ds = rig.data(out)
    assert (ds.status.sel(fault="none") == 1).all()
    total = 0
    for size in (4, 5):
        wrong, here = hits(wf, fault, size), ds.sel(fault=fault, size=size)
        assert 0 < wrong.sum() < 9
        total += int(wrong.sum())
        np.testing.assert_array_equal(here.status.values, np.where(wrong, 2, 1))
        assert np.isnan(here.value.values[wrong]).all()
        assert (here["count"].values[wrong] == np.iinfo(np.int64).min).all()
        assert np.isfinite(here.value.values[~wrong]).all()
    assert outcome.counts == {"done": 36 - total, "failed": total, "pending": 0}


@pytest.mark.usefixtures("home", "steady_pilot")
@pytest.mark.parametrize("fault", FAULTS)
def test_status_and_reproduce_tell_the_failure(fault: str, tmp_path: Path) -> None:
    wf, out = workflow("none", fault), tmp_path / "run"
    rig.run(wf, out)
    lines, code = presentation.status(out)
    told = "\n".join(lines)
    assert code == 1
    s, r = np.argwhere(hits(wf, fault, 4))[0]
    assert f"fault={fault} size=4 sample={s} replica={r}" in told
    error = {"raise": "synthetic fault", "nan": "non-finite value in value", "shape": "value has shape"}
    error |= {"dtype": "count has dtype float64", "name": "other observables than declared: count, counts"}
    assert error[fault] in told
    label = [f"fault={fault}", "size=4", f"sample={s}", f"replica={r}"]
    lines, code = presentation.reproduce(out, label)
    assert error[fault] in "\n".join(lines)
    if fault == "raise":
        assert "in simulate" in "\n".join(lines)
        assert "in simulate" in told
    lines, code = presentation.reproduce(out, ["fault=none", *label[1:]])
    assert code == 0


@pytest.mark.usefixtures("home", "steady_pilot")
def test_a_run_in_which_all_fail_still_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rig.synthetic, "hit", lambda row: True)
    outcome = rig.run(workflow("raise"), tmp_path / "run")
    assert outcome.exit_code == 1
    assert outcome.counts == {"done": 0, "failed": 18, "pending": 0}


@pytest.mark.usefixtures("home")
def test_a_failure_in_the_pilot_is_local_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The points that a pilot times may raise: it measures others, or goes by a guess."""
    monkeypatch.setattr(rig.synthetic, "hit", lambda row: True)
    outcome = rig.run(workflow("none", "raise"), tmp_path / "some")
    assert outcome.counts == {"done": 18, "failed": 18, "pending": 0}
    assert rig.run(workflow("raise"), tmp_path / "all").exit_code == 1
    assert plans.make(workflow("raise"), runs.Options(out=tmp_path / "plan"))[0].simulations == 18


@pytest.mark.usefixtures("home", "steady_pilot")
def test_failures_survive_an_extension(tmp_path: Path) -> None:
    """Moved to another place of a longer axis, a failure keeps its parameters and its words."""
    out = tmp_path / "run"
    first, more = workflow("none", "raise"), workflow("none", "raise")
    first = Workflow(**{**vars(first), "axes": {"fault": ["raise"], "size": [5, 7]}})
    more = Workflow(**{**vars(more), "axes": {"fault": ["raise"], "size": [3, 5, 6, 7]}})
    failed = rig.run(first, out, block={"size": 2}).counts["failed"]
    assert failed
    rig.run(more, out)
    told = "\n".join(presentation.status(out)[0])
    for size in (5, 7):
        for s, r in np.argwhere(hits(first, "raise", size)):
            assert f"size={size} sample={s} replica={r}" in told or "more" in told
    assert rig.run(first, out).counts["failed"] == failed
