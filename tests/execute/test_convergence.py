"""Unconverged points are counted, and the command that runs them longer does."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rig

from isinglass import Workflow, load_workflow
from isinglass.convergence import longer
from isinglass.dataset import chunk_file
from isinglass.generations import require
from isinglass.models.hopfield import Hopfield

pytestmark = pytest.mark.usefixtures("home")
DECLARATION = "model=Automaton, axes={'temperature': [0.1, 0.2, 0.3, 0.4], 'size': [4, 6]}, replicas=2"
KEPT = DECLARATION + ", record=Record(keep_states=True)"


def expected(root: Path, steps: int | None = None) -> tuple[int, int]:
    ds = rig.data(root)
    if steps is not None:
        ds = ds.sel(steps=steps)
    bad = ((ds.converged == 0) & (ds.status == 1)).any(["sample", "replica"])
    return int(bad.sum()), bad.size


def told(lines: str) -> str:
    """The command that the output names."""
    line = next(line for line in lines.splitlines() if "isinglass run " in line and ":" in line)
    return line.partition(": ")[2]


@pytest.mark.usefixtures("steady_pilot")
def test_the_named_command_goes_on(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = rig.write_workflow(home / "kept.py", KEPT)
    words = ("run", path, "--set", "steps=5", "--samples", "2", "--cluster", "serial", "--out", "here")
    code, out = rig.cli(capsys, *words)
    bad, points = expected(home / "here")
    assert code == 0
    assert bad > 0
    assert f"{bad} of {points} points have unconverged simulations (converged = 0)" in out
    command = told(out)
    assert command == f"isinglass run {path} --samples 2 --cluster serial --out here --set steps=10"
    assert told(rig.cli(capsys, "status", "here")[1]) == command
    code, out = rig.cli(capsys, *shlex.split(command)[1:])
    assert code == 0
    assert rig.data(home / "here").steps.values.tolist() == [5, 10]
    bad, points = expected(home / "here", 10)
    assert f"{bad} of {points} points have" in out
    assert told(out).endswith("--set steps=20")


@pytest.mark.usefixtures("steady_pilot")
def test_without_kept_states_it_says_how(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A fixed duration is part of the identity: another folder. The command runs."""
    path = rig.write_workflow(home / "plain.py", DECLARATION)
    _, out = rig.cli(capsys, "run", path, "--cluster=serial", "--out=here", "--set=steps=5")
    assert "record=Record(keep_states=True) in the workflow" in out
    assert told(out) == f"isinglass run {path} --cluster=serial --set steps=10 --out here-steps10"
    code, _ = rig.cli(capsys, *shlex.split(told(out))[1:])
    assert code == 0
    assert (home / "here-steps10" / "data.zarr").exists()
    _, out = rig.cli(capsys, "run", path, "--cluster", "serial", "--out", "axis", "--set", "steps=5,6")
    assert told(out) == f"isinglass run {path} --cluster serial --out axis --set steps=12"


@pytest.mark.usefixtures("steady_pilot")
def test_only_what_is_asked_and_done_is_counted(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Partial blocks, skipped points, points of earlier requests, and a chunk that cannot be read."""
    path = rig.write_workflow(home / "plain.py", DECLARATION + ", samples=2, fixed={'steps': 5}")
    workflow = load_workflow(path)
    block = {"temperature": 2, "size": 2, "sample": 2, "replica": 2}
    rig.run(workflow, home / "run", block=block)
    bad = (rig.data(home / "run").converged == 0).any(["sample", "replica"])
    some = replace(workflow, axes={**workflow.axes, "temperature": [0.1, 0.2]}, where=lambda p: p["size"] == 4)
    rig.run(some, home / "run")
    count = int(bad.isel(temperature=slice(2), size=0).sum())
    out = rig.cli(capsys, "status", "run")[1]
    assert (f"{count} of 2 points have unconverged" in out) == (count > 0)
    assert int(bad.sum()) != count
    rig.run(workflow, home / "run")
    file = chunk_file(require(home / "run"), "converged", (0, 0, 0, 0))
    file.write_bytes(b"torn")
    out = rig.cli(capsys, "status", "run")[1]
    assert "converged cannot be read in 1 blocks (0.0.0.0): isinglass verify run" in out
    rest = int(bad.isel(temperature=slice(2, 4)).sum())
    assert f"{rest} of 8 points have unconverged" in out


def test_from_python_the_kept_text_is_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = rig.write_workflow(home / "kept.py", KEPT)
    rig.run(load_workflow(path), home / "run")
    out = rig.cli(capsys, "status", "run")[1]
    assert told(out) == "isinglass run run/workflow.py --set steps=12 --out run"
    assert longer(["x"], "steps", 4, home / "nowhere", None).startswith(
        "isinglass.run(workflow, settings={'steps': [4]}"
    )


@pytest.mark.usefixtures("steady_pilot")
def test_models_that_say_nothing_of_convergence_are_not_looked_at(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rig.run(rig.case("Walk"), home / "run")
    assert "converged" not in rig.cli(capsys, "status", "run")[1]
    short = Workflow(
        model=Hopfield, axes={"load": [0.14]}, fixed={"neurons": 200, "temperature": 0.0, "cue": 0.2, "steps": 2,
                                                      "equilibration": 0}, samples=4,
    )  # fmt: skip
    rig.run(short, home / "short")
    assert not rig.data(home / "short").converged.values.any()
    assert np.isfinite(rig.data(home / "short").memory.values).all()
    assert "1 of 1 points have unconverged" in rig.cli(capsys, "status", "short")[1]
