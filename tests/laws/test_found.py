"""What a fresh pair of eyes broke once: each of these gave a wrong number, or a traceback, before it was mended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import rig
import xarray as xr

import isinglass
from isinglass import Model, Observable, Workflow, ledger, parameter, presentation, results
from isinglass.analysis import errors
from isinglass.generations import require
from isinglass.models.base import parameters
from isinglass.models.perceptron import Perceptron
from isinglass.pilot import pilot

pytestmark = pytest.mark.usefixtures("home", "steady_pilot")

TEXT = """
import numpy as np
from dataclasses import dataclass
from isinglass import Model, Observable, Workflow, parameter

@dataclass(frozen=True)
class Ragged(Model):
    steps: int = parameter(2, units="1", minimum=1, doc="length of the trace")
    observables = (Observable("trace", "1", dims=("time",), dtype="int16"), Observable("level", "1", dtype="int8"))

    def coords(self):
        return {"time": (np.arange(self.steps) * 1.0, {"units": "s", "long_name": "time"})}

    def simulate(self, disorder, noise):
        n = len(noise)
        return {"trace": np.full((n, self.steps), 5), "level": np.full(n, 100)}

workflow = Workflow(model=Ragged, axes={"steps": [2, 4]}, samples=3)
"""


def ragged(path: Path, text: str = TEXT) -> Workflow:
    path.write_text(text)
    return isinglass.load_workflow(path)


def test_padding_of_an_own_dim_is_no_data(tmp_path: Path) -> None:
    workflow = replace(ragged(tmp_path / "w.py"), stages=[errors.mean("trace")])
    rig.run(workflow, tmp_path / "run")
    mean = xr.open_zarr(tmp_path / "run" / "analysis.zarr")["trace_mean"].load()
    assert mean.sel(steps=4).values.tolist() == [5, 5, 5, 5]
    short = mean.sel(steps=2).values
    assert short[:2].tolist() == [5, 5]
    assert np.isnan(short[2:]).all()


def test_an_integer_that_does_not_fit_fails_and_does_not_wrap(tmp_path: Path) -> None:
    workflow = ragged(tmp_path / "w.py", TEXT.replace("np.full(n, 100)", "np.full(n, 300)"))
    assert rig.run(workflow, tmp_path / "run").exit_code == 1
    assert (rig.data(tmp_path / "run").status == 2).all()
    lines, code = presentation.status(tmp_path / "run")
    assert code == 1
    assert any("level has values beyond int8" in line for line in lines)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('dtype="int8"', 'dtype="int16"', "the observables of Ragged"),
        ('"level", "1"', '"level", "V"', "the observables of Ragged"),
        ("* 1.0", "* 0.5", "the coordinates of own dims"),
    ],
)
def test_a_store_is_not_redeclared_under_its_data(old: str, new: str, told: str, tmp_path: Path) -> None:
    rig.run(ragged(tmp_path / "w.py"), tmp_path / "run")
    other = ragged(tmp_path / "w.py", TEXT.replace(old, new))
    with pytest.raises(isinglass.InputError, match=told):
        rig.run(replace(other, samples=4), tmp_path / "run", accept_code_change=True)


def test_words_along_an_own_dim_may_not_differ(tmp_path: Path) -> None:
    text = TEXT.replace("np.arange(self.steps) * 1.0", "[f'{self.steps}-{i}' for i in range(self.steps)]")
    with pytest.raises(isinglass.InputError, match="the words along 'time' differ"):
        rig.run(ragged(tmp_path / "w.py", text), tmp_path / "run")


def test_an_index_is_not_labelled_in_seconds(tmp_path: Path) -> None:
    text = TEXT.replace("np.arange(self.steps) * 1.0", "np.arange(self.steps) * 1.0 / self.steps")
    rig.run(ragged(tmp_path / "w.py", text), tmp_path / "run")
    ds = rig.data(tmp_path / "run")
    assert ds["time"].attrs["units"] == "1"
    assert ds["time_value"].attrs["units"] == "s"


def test_names_of_an_own_dims_coordinates_are_kept_free() -> None:
    @dataclass(frozen=True)
    class Clash(Model):
        time_length: int = parameter(2, units="1", doc="takes the name of a coordinate")
        observables = (Observable("trace", "1", dims=("time",)),)

    with pytest.raises(isinglass.InputError, match="time_length"):
        parameters(Clash)


def test_other_code_is_refused_also_when_the_request_is_damaged(tmp_path: Path) -> None:
    rig.run(ragged(tmp_path / "w.py"), tmp_path / "run")
    (request,) = require(tmp_path / "run").requests.glob("*.json")
    request.write_text(request.read_text().replace("Ragged", "Rugged").replace("samples", "sumples"))
    other = ragged(tmp_path / "w.py", TEXT.replace("), 5)", "), 6)"))
    with pytest.raises(isinglass.InputError, match="other code"):
        rig.run(replace(other, samples=4), tmp_path / "run")


def test_reproduce_uses_the_code_that_made_the_number(tmp_path: Path) -> None:
    rig.run(ragged(tmp_path / "w.py"), tmp_path / "run", block={"sample": 1})
    other = ragged(tmp_path / "w.py", TEXT.replace("), 5)", "), 6)"))
    rig.run(replace(other, samples=4), tmp_path / "run", accept_code_change=True)
    for sample, value in ((0, 5), (3, 6)):
        lines, code = presentation.reproduce(tmp_path / "run", ["steps=2", f"sample={sample}", "replica=0"])
        assert code == 0, lines
        assert int(rig.data(tmp_path / "run").trace.sel(steps=2)[sample, 0, 0]) == value


@pytest.mark.parametrize("damage", ["flip array", "no array", "no coordinate", "request", "code"])
def test_verify_names_damage_that_belongs_to_no_block(damage: str, tmp_path: Path) -> None:
    rig.run(ragged(tmp_path / "w.py"), tmp_path / "run")
    store = require(tmp_path / "run")
    if damage == "flip array":
        file = store.path / "trace" / "zarr.json"
        file.write_text(file.read_text().replace('"shape"', '"shope"'))
    elif damage == "no array":
        (store.path / "trace" / "zarr.json").unlink()
    elif damage == "no coordinate":
        (store.path / "steps" / "c" / "0").unlink()
    else:
        folder = store.requests if damage == "request" else store.requests.parent / "code"
        file = next(folder.glob("*.json"))
        file.write_text(file.read_text().replace("a", "b", 1))
    lines, code = presentation.verify(tmp_path / "run", 0)
    assert code == 1, lines
    assert any(line.startswith("damaged: ") for line in lines)


def test_the_analysis_sees_only_points_that_were_asked_for(tmp_path: Path) -> None:
    workflow = ragged(tmp_path / "w.py")
    rig.run(workflow, tmp_path / "run")
    rig.run(replace(workflow, where=lambda p: p["steps"] == 2), tmp_path / "run")
    assert (rig.data(tmp_path / "run").status == 1).all()
    seen = results.asked_data(tmp_path / "run").status
    assert (seen.sel(steps=2) == 1).all()
    assert (seen.sel(steps=4) == 3).all()


def test_the_analysis_sees_points_in_the_order_asked_for(tmp_path: Path) -> None:
    """The store keeps the first order of a string axis; what is skipped comes in that of the newest request."""
    workflow = Workflow(
        model=Perceptron,
        axes={"rule": ["hebb", "perceptron"], "load": [1.0, 2.0]},
        fixed={"inputs": 4, "epochs": 3},
        where=lambda p: p["load"] == 1 or p["rule"] == "hebb",
        samples=1,
    )
    rig.run(workflow, tmp_path / "run")
    rig.run(replace(workflow, axes={"rule": ["perceptron", "hebb"], "load": [1.0, 2.0]}), tmp_path / "run")
    seen = results.asked_data(tmp_path / "run")
    assert seen.rule.values.tolist() == ["perceptron", "hebb"]
    done = seen.status == 1
    assert done.sel(rule="hebb").all()
    assert done.sel(rule="perceptron").values.ravel().tolist() == [True, False]
    assert (np.isfinite(seen.stability) == done).all()


def test_a_pilot_that_cannot_run_says_so() -> None:
    workflow = rig.case("Walk")
    grid = workflow.sweep().grid()

    class Broken(grid.model):  # type: ignore[misc, name-defined]
        def simulate(self, disorder, noise):
            raise RuntimeError

    measured = pilot(replace(grid, model=Broken), np.ones(grid.shape), 2)
    assert not measured.timed
    assert measured.speedup is None


def test_a_dead_process_is_not_in_flight(tmp_path: Path) -> None:
    rig.run(ragged(tmp_path / "w.py"), tmp_path / "run")
    store = require(tmp_path / "run")
    from isinglass.provenance import machine

    ledger.begin(store.ledger, "9.9.9", {"host": machine()["host"], "pid": 2**22 + 1, "request": "x"})
    lines, _ = presentation.status(tmp_path / "run")
    assert any("died with it" in line for line in lines)
