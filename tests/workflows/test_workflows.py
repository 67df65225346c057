"""Workflows that load and run: overrides, presets, the Python interface, what is shipped."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from toys import MODEL, WORKFLOW
from traced import traced

import isinglass
from isinglass import InputError, Workflow, load_workflow, reporting
from isinglass.models.base import parameters
from isinglass.plans import Asked
from isinglass.shipped import shipped
from isinglass.source import import_text
from isinglass.workflow import parse_values, workflow_files

SHIPPED = sorted(p.stem.replace("_", "-") for p in shipped("workflows").glob("*.py"))
toy = import_text(MODEL, "toy.py").Toy


@pytest.fixture
def workflow(home: Path) -> Workflow:
    (home / "toy.py").write_text(WORKFLOW, encoding="utf-8")
    return load_workflow("toy.py")


# ---------------------------------------------------------------- finding


def test_found_by_name_and_path(home: Path) -> None:
    (home / "workflows").mkdir()
    (home / "workflows" / "my_toy.py").write_text(WORKFLOW, encoding="utf-8")
    (home / "workflows" / "_part.py").write_text("1/0", encoding="utf-8")
    (home / "workflows" / "hopfield_retrieval.py").write_text(WORKFLOW, encoding="utf-8")
    assert "my-toy" in workflow_files()
    assert "-part" not in workflow_files()
    assert load_workflow("my-toy").name == "my-toy"
    assert load_workflow(Path("workflows/my_toy.py")).name == "my-toy"
    assert load_workflow("hopfield-retrieval").title == "A toy", "one's own folder goes first"


# ---------------------------------------------------------------- overrides


def test_override(workflow: Workflow) -> None:
    changed = workflow.override(values={"slope": [5]}, samples=7, replicas=1, seed=3)
    grid = changed.sweep().grid()
    assert (grid.axes, grid.samples, grid.replicas, grid.seed) == ({"slope": (5.0,)}, 7, 1, 3)
    assert workflow.samples == 2, "the original stays as it is"


def test_fixed_becomes_an_axis_when_several_are_given(workflow: Workflow) -> None:
    assert workflow.override(values={"size": [5]}).fixed == {"size": 5}
    grid = workflow.override(values={"size": [9, 5], "rule": ["storkey", "hebb"]}).sweep().grid()
    assert grid.axes == {"slope": (0.0, 1.0, 2.0), "size": (5, 9), "rule": ("storkey", "hebb")}
    assert "size" not in grid.fixed


def test_preset_then_settings(workflow: Workflow) -> None:
    assert workflow.override("paper").samples == 3
    assert workflow.override("paper", samples=1).samples == 1
    with pytest.raises(InputError, match="did you mean 'paper'"):
        workflow.override("papre")


@pytest.mark.parametrize(
    ("preset", "needle"),
    [({"sample": 3}, "did you mean 'samples'"), (3, "write {key: value}"), ({"axes": {"slop": [1]}}, "unknown axis")],
)
def test_bad_preset(preset: object, needle: str) -> None:
    declared = Workflow(model=toy, axes={"slope": [1]}, presets={"p": preset})  # type: ignore[dict-item]
    with pytest.raises(InputError, match=needle):
        declared.override("p").sweep().grid()


def test_derived_is_replaced_by_a_setting() -> None:
    declared = Workflow(model=toy, axes={"slope": [1, 2]}, derived={"size": lambda p: int(p["slope"])})
    assert declared.sweep().grid().derived["size"].tolist() == [1, 2]
    changed = declared.override(values={"size": [4]})
    assert (dict(changed.fixed), dict(changed.derived)) == ({"size": 4}, {})


def test_points_can_be_fixed_but_not_swept() -> None:
    declared = Workflow(model=toy, points={"slope": [1, 2], "size": [3, 4]})
    assert declared.override(values={"closed": [True]}).sweep().grid().fixed["closed"] is True
    for values in ({"slope": [1]}, {"rule": ["hebb", "storkey"]}):
        with pytest.raises(InputError, match="sweeps a list of points"):
            declared.override(values=values)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.1", [0.1]),
        (" 0.1 , 0.2 ", [0.1, 0.2]),
        ("0:1:3", [0, 0.5, 1]),
        ("1:0:3", [1, 0.5, 0]),
        ("2:5:1", [2]),
        ("log:0.1:10:3", [0.1, 1, 10]),
        ("1e-3,1E3", [1e-3, 1e3]),
        ("-0", [0.0]),
    ],
)
def test_values(text: str, values: list[float]) -> None:
    assert parse_values(parameters(toy)["slope"], text) == pytest.approx(values)


# ---------------------------------------------------------------- the Python interface


def test_run_and_open(home: Path) -> None:
    ds = isinglass.run(
        Workflow(model=toy, axes={"slope": np.linspace(0, 1, 3)}, name="mine"), samples=2, cluster="serial", quiet=True
    )
    assert isinstance(ds, xr.Dataset)
    assert ds.sizes == {"slope": 3, "sample": 2, "replica": 1}
    for name in ("mine", "results/mine", home / "results" / "mine", "results/mine/data.zarr"):
        assert isinglass.open(name).identical(ds)
    with pytest.raises(InputError, match="did you mean 'mine'"):
        isinglass.open("mien")


def test_run_takes_settings_and_says_what_failed(home: Path, workflow: Workflow) -> None:
    with pytest.warns(RuntimeWarning, match="4 done, 4 failed"):
        ds = isinglass.run(workflow, settings={"slope": [1, 9]}, cluster="serial", quiet=True, out=home / "here")
    assert ds.status.values[1].tolist() == [[2, 2], [2, 2]]
    assert (home / "here" / "analysis.zarr").is_dir()


def test_run_in_memory_keeps_no_text(home: Path) -> None:
    from isinglass import presentation

    isinglass.run(Workflow(model=toy, axes={"slope": [1]}, name="mine"), cluster="serial", quiet=True)
    with pytest.raises(InputError, match=r"keeps no workflow text .* say --workflow FILE"):
        presentation.workflow_of(home / "results" / "mine", None)


def python(script: str, home: Path) -> str:
    (home / "script.py").write_text(script, encoding="utf-8")
    done = subprocess.run([sys.executable, "script.py"], cwd=home, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
def test_a_script_without_guard_can_use_processes(home: Path, workflow: Workflow) -> None:
    """Worker processes do not run the caller's script again."""
    script = "import isinglass\nprint('once')\nds = isinglass.run('toy.py', cluster='local', quiet=True)\n"
    assert python(script + "print(int((ds.status == 1).sum()))\n", home) == "once\n12\n"


# ---------------------------------------------------------------- what is shipped


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_workflow_is_sound(name: str) -> None:
    """It loads, its default and every preset make a grid, and its declaration is short."""
    declared = load_workflow(name)
    assert declared.title
    assert Asked.of(declared).keep.any()
    for preset in declared.presets:
        declared.override(preset).sweep().grid()
    lines = [line for line in (declared.text or "").splitlines() if line.strip()]
    assert 15 <= len(lines) <= 60


TINY = {
    "neurons": [120, 136, 152],  # the smallest load of a workflow must not round to 0 patterns
    "oscillators": [216, 232, 248],
    "equilibration": [2, 3, 4],
    "steps": [4, 5, 6],
    "nodes": [20],
    "inputs": [6, 8],
    "hidden": [2, 3, 4],
    "epochs": [20],
    "updates": [20],
    "washout": [40],
    "training": [60],
    "testing": [60],
    "block": [4, 8],
    "age": [0.5, 1.0],
    "spins": [9],
    "shots": [2],
    "trajectories": [20],
    "rungs": [3],
    "kind": ["transverse", "thermal"],
    "duration": [1.0, 2.0, 4.0],
    "films": [4],
    "sites": [16, 18, 20],
    "learners": [16, 32, 64],
}
OWN = {
    name: {"spins": [120]} for name in ("transverse-retrieval", "quench-retention", "cavity-memory")
}  # 9 spins store no 1 %
OWN["klein-gordon-dirac"] = {"equilibration": [8], "steps": [8], "records": [16]}  # a spectrum needs some times
OWN["curved-string"] = {"sites": [64]}
OWN["factor-learning"] = OWN["hidden-factor"] = {"updates": [20], "observed_steps": [16, 32]}
OWN["fast-neurons"] = OWN["nonlinear-neurons"] = {"networks": [32]}
OWN["signature-change"] = {"steps": [16]}


WHOLE = SHIPPED[::8]
"""Workflows of which the figures are saved as users have them, with a report; those of the others are coarse PNG."""


def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is drawn, but in few pixels, and neither as PDF nor as a report: half of a tiny run's time."""
    save = Figure.savefig

    def quick(figure: Figure, path: Path, *, format: str, **how: Any) -> None:
        if format == "png":
            save(figure, path, format=format, **{**how, "dpi": 40})
        else:
            path.write_bytes(b"")

    monkeypatch.setattr(Figure, "savefig", quick)
    monkeypatch.setattr(reporting, "after", lambda *given: None)


DRAWN = [
    *((name, True) for name in SHIPPED[::2]),
    *((name, False) for name in SHIPPED[1::2]),
    *(pytest.param(name, True, marks=pytest.mark.long) for name in SHIPPED[1::2]),
]
"""Every workflow runs; every other one draws here, the rest by marker: layout takes most of a tiny run's time."""


@pytest.mark.parametrize(("name", "drawn"), DRAWN)
def test_shipped_workflow_runs(home: Path, name: str, drawn: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through all its stages and figures, with a tiny grid of its own axes."""
    if name not in WHOLE:
        coarse(monkeypatch)
    declared = load_workflow(name)
    own = parameters(declared.model).keys() - declared.derived.keys()
    tiny = TINY | OWN.get(name, {})
    settings = {k: v[:1] for k, v in tiny.items() if k in own}
    for axis, values in declared.axes.items():
        needed = [figure.at[axis] for figure in declared.figures if axis in figure.at]
        small = tiny.get(axis)
        if small is None or small[-1] > max(values):
            small = list(values)[:: max((len(values) - 1) // 2, 1)]
        settings[axis] = sorted({*small, *needed})
    ds = isinglass.run(name, settings=settings, samples=2, cluster="serial", quiet=True, figures=drawn)
    assert ds.status.isin([1, 3]).all(), "done, or skipped by its `where`"
    assert (ds.status == 1).any()
    for figure in declared.figures if drawn else ():
        assert list((home / "results" / name / "figures").glob(f"{figure.name}*.png"))
    made = home / "results" / name
    assert (made / "analysis.zarr").is_dir() == bool(declared.stages)
    if not drawn:
        return
    found = xr.open_zarr(made / "analysis.zarr", chunks=None) if declared.stages else xr.Dataset()
    merged = ds.merge(found, compat="no_conflicts")
    numbers = sorted((made / "figures").glob("*.csv"))
    assert [p.stem for p in numbers] == sorted(p.stem for p in (made / "figures").glob("*.png"))
    assert (made / "report.html").is_file() == (name in WHOLE)
    assert sum(traced(path, merged) for path in numbers) > 0, "each number beside a figure is that of a variable"
