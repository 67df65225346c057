"""Scaffolds: what `isinglass new` writes runs at once, is clean, and its physics test passes."""

from __future__ import annotations

import runpy
import subprocess
import sys

import pytest
import rig

from isinglass import load_workflow, scaffolding
from isinglass.exceptions import InputError
from isinglass.models import MODELS


def clean(*paths) -> None:
    """By ruff as a user without settings of their own has it, with sorted imports and our line length."""
    ruff = [sys.executable, "-m", "ruff"]
    own = ["--isolated", "--line-length", "120"]
    for words in (["check", *own, "--select", "E,F,W,I,B,UP,SIM"], ["format", "--check", *own]):
        done = subprocess.run([*ruff, *words, *map(str, paths)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_new_model_runs_and_its_physics_test_passes(home, capsys):
    code, text = rig.cli(capsys, "new", "model", "my-magnet")
    assert code == 0
    assert "isinglass run my-magnet" in text
    assert "pytest tests/test_my_magnet.py" in text
    assert "class MyMagnet(Model)" in (home / "workflows" / "my_magnet.py").read_text()
    clean("workflows", "tests")
    code, text = rig.cli(capsys, "run", "my-magnet", "--cluster", "serial")
    assert code == 0, text
    assert (home / "results" / "my-magnet" / "figures" / "phase_lines.png").is_file()
    test = runpy.run_path("tests/test_my_magnet.py")["test_magnetisation_is_that_of_independent_spins"]
    test(home / "right")
    file = home / "workflows" / "my_magnet.py"
    file.write_text(file.read_text().replace("exp(-2 * ratio)", "exp(-1.9 * ratio)"))  # other physics
    with pytest.raises(AssertionError, match="standard errors from tanh"):
        test(home / "wrong")


def test_a_new_workflow_runs(home, capsys):
    assert rig.cli(capsys, "new", "workflow", "my-gap", "--model", "transverse-ising")[0] == 0
    clean("workflows")
    code, text = rig.cli(capsys, "run", "my-gap", "--cluster", "serial", "--samples", "2")
    assert code == 0, text
    assert (home / "results" / "my-gap" / "analysis.zarr").is_dir()


@pytest.mark.parametrize("model", MODELS)
def test_every_shipped_model_has_a_first_workflow(model, home):
    """It is declared in full: every point can be constructed, every line is short enough."""
    (file,) = scaffolding.new_workflow("mine", model)
    grid = load_workflow(file).sweep().grid()
    assert len(next(iter(grid.axes.values()))) == scaffolding.VALUES
    assert max(map(len, file.read_text().splitlines())) <= 120


@pytest.mark.parametrize("name", ["", "../x", "My", "a b", "9lives", "class", "a-", "x" * 65, "ö"])
def test_a_bad_name_is_refused(name, home):
    for make in (scaffolding.new_model, lambda n: scaffolding.new_workflow(n, "hopfield")):
        with pytest.raises(InputError, match="is no name for a workflow"):
            make(name)
    assert not list(home.iterdir())


@pytest.mark.parametrize("name", ["model", "workflow", "phase-lines"])
def test_a_model_does_not_hide_what_its_file_imports(name, home):
    with pytest.raises(InputError, match=rf"take another name, as in my-{name}"):
        scaffolding.new_model(name)
    assert not list(home.iterdir())


def test_nothing_is_overwritten(home):
    with pytest.raises(InputError, match="a workflow is called kuramoto already"):
        scaffolding.new_model("kuramoto")
    with pytest.raises(InputError, match="did you mean 'hopfield'"):
        scaffolding.new_workflow("mine", "hopfeild")
    (home / "tests").mkdir()
    (home / "tests" / "test_mine.py").write_text("mine")
    with pytest.raises(InputError, match=r"test_mine\.py is there already"):
        scaffolding.new_model("mine")
    assert not (home / "workflows").exists()
    assert (home / "tests" / "test_mine.py").read_text() == "mine"
