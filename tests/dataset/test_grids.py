"""What grids can be: `where`, derived and paired parameters, lists of points, words and switches as axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rig

from isinglass import InputError, Workflow
from isinglass.generations import current, require
from isinglass.models.base import construct

pytestmark = pytest.mark.usefixtures("home", "steady_pilot")
Walk, Batched, Traces = rig.synthetic.Walk, rig.synthetic.Batched, rig.synthetic.Traces
AXES = {"temperature": [0.1, 0.2, 0.3], "size": [4, 5]}
PENDING, DONE, FAILED, SKIPPED = range(4)


def value(workflow: Workflow, point: Mapping[str, object], sample: int = 0, replica: int = 0) -> float:
    """What the reference says of one point, of which the parameters that matter are given."""
    defaults = vars(workflow.model.tiny())
    return float(rig.simulate(workflow, {**defaults, **point}, sample, replica)["value"])


# ---------------------------------------------------------------- where


def test_where_skips_and_the_newest_request_decides(tmp_path: Path) -> None:
    out = tmp_path / "run"
    cold = Workflow(model=Batched, axes=AXES, where=lambda p: p["temperature"] < 0.25)
    assert rig.run(cold, out).counts == {"done": 4, "failed": 0, "pending": 0}
    status = rig.data(out).status[:, :, 0, 0]
    assert status.values.tolist() == [[DONE, DONE], [DONE, DONE], [SKIPPED, SKIPPED]]
    assert np.isnan(rig.data(out).value.sel(temperature=0.3)).all()

    warm = replace(cold, where=lambda p: p["temperature"] > 0.15 and p["size"] == 4)
    assert rig.run(warm, out).counts == {"done": 2, "failed": 0, "pending": 0}
    status = rig.data(out).status[:, :, 0, 0]
    assert status.values.tolist() == [[DONE, DONE], [DONE, DONE], [DONE, SKIPPED]], "done stays, whoever asks"
    assert require(out).number == 1

    every = replace(cold, where=None)
    assert rig.run(every, out, shard=(0, 7), block={}).exit_code in (0, 3)
    assert rig.run(every, out).exit_code == 0
    rig.check(rig.data(out), every)


class Picky(Batched):
    """Refuses a corner of its parameters, and has costs."""

    def __post_init__(self) -> None:
        if self.temperature > 0.25 and self.size == 5:
            raise InputError("too hot for five")

    def cost(self) -> float:
        return float(self.size)


def test_skipped_points_may_have_no_model(tmp_path: Path) -> None:
    """Points that the model refuses are what `where` is for, also where they share a block with others."""
    picky = Workflow(model=Picky, axes=AXES, where=lambda p: p["temperature"] < 0.25 or p["size"] == 4)
    assert rig.run(picky, tmp_path / "run", block={"temperature": 3, "size": 2}).counts["done"] == 5
    assert rig.data(tmp_path / "run").status[:, :, 0, 0].values.tolist() == [[1, 1], [1, 1], [1, SKIPPED]]


def test_a_skipped_point_wanted_again_is_pending_until_it_is_run(tmp_path: Path) -> None:
    """Also where a shard does not come to it: exit 3 of the other shards' point of view, `status` says pending."""
    from isinglass import presentation

    out, block = tmp_path / "run", {"temperature": 1, "size": 1}
    rig.run(Workflow(model=Batched, axes=AXES, where=lambda p: p["size"] == 4), out, block=block)
    every = Workflow(model=Batched, axes=AXES)
    outcome = rig.run(every, out, shard=(0, 3))
    assert outcome.counts["pending"] > 0
    lines, code = presentation.status(out)
    assert code == 3
    assert f"pending {outcome.counts['pending']}" in "\n".join(lines)


def test_corners_of_a_union_stay_pending(tmp_path: Path) -> None:
    """Nobody asked for (0.1, 6) and (0.9, 4): a run is judged by what it asked for."""
    out = tmp_path / "run"
    rig.run(Workflow(model=Batched, axes={"temperature": [0.1], "size": [4]}), out)
    outcome = rig.run(Workflow(model=Batched, axes={"temperature": [0.9], "size": [6]}), out)
    assert outcome.exit_code == 0
    assert outcome.counts == {"done": 1, "failed": 0, "pending": 0}
    assert rig.data(out).status[:, :, 0, 0].values.tolist() == [[DONE, PENDING], [PENDING, DONE]]


def test_where_that_keeps_nothing_or_raises_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="keeps none"):
        rig.run(Workflow(model=Batched, axes=AXES, where=lambda p: False), tmp_path / "a")
    with pytest.raises(InputError, match=r"where raises KeyError: 'heat'.* at .*temperature=0\.1"):
        rig.run(Workflow(model=Batched, axes=AXES, where=lambda p: p["heat"]), tmp_path / "a")
    assert current(tmp_path / "a") is None


# ---------------------------------------------------------------- derived and paired


def test_a_derived_parameter_is_a_coordinate_along_what_it_varies_with(tmp_path: Path) -> None:
    workflow = Workflow(
        model=Walk,
        axes={"temperature": [0.1, 0.2], "rule": ["hebb", "oja"]},
        derived={"size": lambda p: round(40 * p["temperature"]), "load": lambda p: p["size"] / 8},
        samples=2,
    )
    rig.run(workflow, tmp_path / "run")
    ds = rig.data(tmp_path / "run")
    assert ds["size"].dims == ds["load"].dims == ("temperature",)
    assert (ds["size"].values.tolist(), ds["load"].values.tolist()) == ([4, 8], [0.5, 1.0])
    assert ds["size"].attrs["units"] == "1"
    point = {"temperature": 0.2, "rule": "oja", "size": 8, "load": 1.0}
    assert ds.value.sel(temperature=0.2, rule="oja")[1, 0] == value(workflow, point, 1, 0)
    constant = replace(workflow, derived={"size": lambda p: 6})
    rig.run(constant, tmp_path / "constant")
    assert rig.data(tmp_path / "constant")["size"].dims == ()


def test_paired_axes_share_their_noise(tmp_path: Path) -> None:
    """With the temperature paired, its streams are those of every temperature; and the attribute says so."""
    workflow = Workflow(model=Batched, axes=AXES, paired=("temperature",), samples=2, replicas=2)
    rig.run(workflow, tmp_path / "run")
    ds = rig.data(tmp_path / "run")
    rig.check(ds, workflow)
    assert (ds.temperature.attrs["paired"], ds["size"].attrs["paired"]) == (1, 0)
    grid = workflow.sweep().grid()
    one, two = (grid.keys.noise(grid.point((i, 0)), {}, [0, 1], [0, 1]) for i in (0, 2))
    assert one == two
    assert grid.keys.noise(grid.point((0, 1)), {}, [0, 1], [0, 1]) != one


def test_what_varies_along_a_paired_axis_must_be_paired() -> None:
    derived = {"size": lambda p: round(100 * p["temperature"])}
    workflow = Workflow(model=Batched, axes={"temperature": [0.1, 0.2]}, derived=derived, paired=("temperature",))
    with pytest.raises(InputError, match="add 'size' to `paired`"):
        workflow.sweep().grid()
    replace(workflow, paired=("temperature", "size")).sweep().grid()
    constant = replace(workflow, derived={"size": lambda p: 4})
    constant.sweep().grid()


def test_a_derived_parameter_that_shapes_the_disorder_makes_its_axis_quenched() -> None:
    workflow = Workflow(model=Batched, axes={"temperature": [0.1, 0.2]})
    assert workflow.sweep().grid().quenched_dims() == (False,)
    derived = replace(workflow, derived={"size": lambda p: round(100 * p["temperature"])})
    assert derived.sweep().grid().quenched_dims() == (True,)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"axes": {"temperatur": [0.1]}}, "did you mean 'temperature'"),
        ({"fixed": {"temperature": 0.1}}, "both an axis and fixed"),
        ({"fixed": {"sizes": 1}}, "did you mean 'size'"),
        ({"derived": {"temperature": lambda p: 1}}, "derived and also an axis"),
        ({"paired": ("tempera",)}, "did you mean 'temperature'"),
        ({"paired": ("size",), "fixed": {"size": 4}}, "paired but fixed"),
        ({"axes": {"temperature": []}}, "is empty"),
        ({"axes": {"temperature": [0.1, 0.1]}}, "twice"),
        ({"axes": {"temperature": [0.1, float("nan")]}}, "finite"),
        ({"axes": {"temperature": [-1]}}, "below its minimum"),
        ({"axes": {"temperature": ["a"]}}, "a number"),
        ({"axes": {"temperature": [0.1], "size": [0.5]}}, "whole number"),
        ({"axes": {"rule": ["heb"], "temperature": [0.1]}, "model": Walk}, "did you mean 'hebb'"),
        ({"samples": 0}, "samples = 0"),
        ({"replicas": 0}, "replicas = 0"),
        ({"samples": True}, "samples = True"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"points": {"temperature": [0.1]}}, "a grid or a list"),
        ({"derived": {"size": lambda p: 0.5}}, r"derived at temperature=0.1.*size = 0.5"),
        ({"derived": {"size": lambda p: 1 / 0}}, "raises ZeroDivisionError"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(changes: dict, told: str, tmp_path: Path) -> None:
    workflow = replace(Workflow(model=Batched, axes={"temperature": [0.1, 0.2]}), **changes)
    with pytest.raises(InputError, match=told) as caught:
        rig.run(workflow, tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


# ---------------------------------------------------------------- lists of points


def test_a_csv_of_points(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the command line: dim `point`, parameters as coordinates on it, in order of the parameter tuples."""
    (tmp_path / "points.csv").write_text("\ufefftemperature, rule ,size\n0.3,oja,4\n0.1,hebb,5\n\n0.1,hebb,4\n")
    path = rig.write_workflow(tmp_path / "w.py", "model=Walk, points='points.csv', samples=2")
    assert rig.cli(capsys, "run", path, "--out", "run", "--cluster", "serial")[0] == 0
    ds = rig.data(tmp_path / "run")
    assert ds.value.dims == ("point", "sample", "replica")
    rows = [(0.1, "hebb", 4), (0.1, "hebb", 5), (0.3, "oja", 4)]
    names = ("temperature", "rule", "size")
    assert [tuple(ds[n].values.tolist()[i] for n in names) for i in range(3)] == rows
    assert ds.point.values.tolist() == [0, 1, 2]
    workflow = Workflow(model=Walk)
    for i, row in enumerate(rows):
        assert ds.value[i, 1, 0] == value(workflow, dict(zip(names, row, strict=True)), 1, 0)
    # a longer list goes on in the same folder; identity and label are those of the tuple
    (tmp_path / "points.csv").write_text("temperature,rule,size\n0.2,storkey,9\n0.3,oja,4\n")
    code, told = rig.cli(capsys, "run", path, "--out", "run", "--cluster", "serial")
    assert code == 0
    assert "2 to run" in told
    more = rig.data(tmp_path / "run")
    assert more["size"].values.tolist() == [4, 5, 9, 4]
    assert more.value.values[[0, 1, 3]].tobytes() == ds.value.values.tobytes()
    label = ("temperature=0.2", "rule=storkey", "size=9", "sample=1", "replica=0")
    assert rig.cli(capsys, "reproduce", "run", *label)[0] == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "lists no point"),
        ("temperature\n", "lists no point"),
        ("temperatur\n0.1\n", "did you mean 'temperature'"),
        ("temperature,temperature\n1,2\n", "twice"),
        ("temperature,size\n0.1\n", "line 2: 1 values for 2 columns"),
        ("temperature\n0.1\nx\n", "line 3"),
        ("temperature\n0.3\n0.30000000000000004\n", "remove one"),
    ],
)
def test_faulty_lists_of_points(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(InputError, match=told):
        rig.run(Workflow(model=Batched, points=str(tmp_path / "p.csv")), tmp_path / "run")


def test_points_and_shared_samples(tmp_path: Path) -> None:
    """Points that agree in their quenched parameters share their samples, listed or in a grid, with the same bytes."""
    columns = {"temperature": [0.1, 0.2, 0.3], "size": [4, 4, 5]}
    rig.run(Workflow(model=Batched, points=columns, samples=2), tmp_path / "list")
    rig.run(Workflow(model=Batched, axes=AXES, samples=2), tmp_path / "grid")
    listed, grid = rig.data(tmp_path / "list"), rig.data(tmp_path / "grid")
    for i, (t, n) in enumerate(zip(*columns.values(), strict=True)):
        assert listed.value[i].values.tobytes() == grid.value.sel(temperature=t, size=n).values.tobytes()


# ---------------------------------------------------------------- words and switches


def test_words_and_switches_as_axes(tmp_path: Path) -> None:
    """Words in order of first appearance, also through an extension; switches false before true."""
    out = tmp_path / "run"
    axes = {"rule": ["storkey", "hebb"], "closed": [True, False], "size": [4]}
    workflow = Workflow(model=Walk, axes=axes, replicas=2)
    rig.run(workflow, out)
    ds = rig.data(out)
    assert ds.rule.values.tolist() == ["storkey", "hebb"]
    assert ds.closed.values.tolist() == [False, True]
    rig.check(ds, workflow)
    assert ds.sel(rule="hebb", closed=True).status.values.tolist() == [[[1, 1]]]
    more = replace(workflow, axes={**axes, "rule": ["oja", "hebb"]})
    rig.run(more, out)
    assert rig.data(out).rule.values.tolist() == ["storkey", "hebb", "oja"]
    rig.check(rig.data(out), workflow)
    rig.check(rig.data(out), more)


def test_lane_groups_round_replicas_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = rig.write_workflow(tmp_path / "w.py", "model=Lanes, axes={'temperature': [0.1, 0.2]}, replicas=5")
    code, told = rig.cli(capsys, "run", path, "--out", "run", "--cluster", "serial")
    assert code == 0
    assert "5 rounded up to 8" in told
    assert rig.data(tmp_path / "run").sizes["replica"] == 8
    label = ("temperature=0.2", "sample=0", "replica=6")
    code, told = rig.cli(capsys, "reproduce", "run", *label)
    assert (code, "same bytes" in told) == (0, True)


# ---------------------------------------------------------------- own dims


def test_own_dims_differ_in_length_and_in_values(tmp_path: Path) -> None:
    """`time` is padded with fill and has its true length; `frequency` counts, and its values stand beside it."""
    workflow = Workflow(model=Traces, axes={"steps": [2, 4], "temperature": [0.0, 1.0]})
    rig.run(workflow, tmp_path / "run", block={"steps": 2})
    ds = rig.data(tmp_path / "run")
    rig.check(ds, workflow)
    assert ds.time.values.tolist() == [0.0, 0.5, 1.0, 1.5]
    assert ds.time.attrs["units"] == "s"
    assert ds.time_length.dims == ("steps", "temperature")
    assert ds.time_length.values.tolist() == [[2, 2], [4, 4]]
    assert ds.frequency.values.tolist() == [0, 1]
    assert ds.frequency_value.dims == ("steps", "temperature", "frequency")
    assert ds.frequency_value.sel(steps=2, temperature=1.0).values.tolist() == [0.0, 2.0]
    assert ds.frequency_value.attrs["units"] == "Hz"
    assert ds.kernel.dims == ("steps", "temperature", "sample", "replica", "time", "frequency")
    assert (ds.spectrum.dtype, ds.kernel.dtype) == (np.int32, np.complex64)


def test_a_longer_own_dim_is_a_new_generation(tmp_path: Path) -> None:
    out = tmp_path / "run"
    short = Workflow(model=Traces, axes={"steps": [2, 3], "temperature": [0.5]}, samples=2)
    long = replace(short, axes={"steps": [2, 3, 6], "temperature": [0.5]})
    rig.run(short, out, block={"steps": 1, "sample": 1})
    rig.run(long, out)
    assert require(out).number == 2
    rig.check(rig.data(out), long)
    rig.run(long, tmp_path / "at-once", block={"steps": 1, "sample": 1})
    rig.same(rig.data(out), rig.data(tmp_path / "at-once"))


def test_equal_lengths_need_no_padding(tmp_path: Path) -> None:
    rig.run(Workflow(model=Traces, axes={"size": [4, 5]}), tmp_path / "run")
    ds = rig.data(tmp_path / "run")
    assert not {"time_length", "frequency_length", "frequency_value"} & set(ds.variables)
    np.testing.assert_array_equal(ds.frequency, construct(Traces, vars(Traces.tiny())).coords()["frequency"][0])


# ---------------------------------------------------------------- generations


def test_an_extension_links_whole_chunks_and_leaves_the_old_generation_alone(tmp_path: Path) -> None:
    """A chunk that keeps its place is one file with two names; what the new generation writes touches no old byte."""
    from isinglass.dataset import chunk_file, variables

    out = tmp_path / "run"
    first = Workflow(model=Walk, axes={"temperature": [0.1, 0.2], "size": [4]}, samples=3)
    rig.run(first, out, block={"temperature": 1, "sample": 2})
    old = require(out)
    before = {p: p.read_bytes() for p in old.folder.rglob("*") if p.is_file()}
    rig.run(replace(first, axes={"temperature": [0.1, 0.2, 0.3], "size": [4]}, samples=4), out)
    new = require(out)
    assert (old.number, new.number) == (1, 2)
    assert {p: p.read_bytes() for p in old.folder.rglob("*") if p.is_file()} == before
    for name in variables(Walk):
        whole, partial = (0, 0, 0, 0), (0, 0, 1, 0)
        assert chunk_file(old, name, whole).samefile(chunk_file(new, name, whole))
        assert not chunk_file(old, name, partial).samefile(chunk_file(new, name, partial))
    assert (out / "data.zarr").resolve() == new.path.resolve()
    assert not (out / "data.zarr").readlink().is_absolute()


def test_a_moved_run_folder_goes_on(tmp_path: Path) -> None:
    workflow = rig.case("Batched")
    rig.run(workflow, tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    assert rig.run(replace(workflow, samples=4), tmp_path / "there").exit_code == 0
    rig.check(rig.data(tmp_path / "there"), replace(workflow, samples=4))


def test_a_folder_removed_and_run_again_in_one_process(tmp_path: Path) -> None:
    """Nothing of the old store is remembered: another grid and block at the same path."""
    import shutil

    workflow, out = rig.case("Batched"), tmp_path / "run"
    rig.run(workflow, out, block={"temperature": 1})
    shutil.rmtree(out)
    other = replace(workflow, axes={"temperature": [0.7, 0.8], "size": [3, 4, 5]})
    rig.run(other, out, block={"temperature": 2})
    rig.check(rig.data(out), other)


def test_another_sweep_in_the_folder_is_refused_with_the_difference(tmp_path: Path) -> None:
    workflow, out = rig.case("Batched"), tmp_path / "run"
    rig.run(workflow, out)
    before = rig.data(out)
    for changes, told in (({"seed": 8}, "seed: was 7, now 8"), ({"paired": ("temperature",)}, "paired")):
        with pytest.raises(InputError, match=told) as caught:
            rig.run(replace(workflow, **changes), out)
        assert "--out" in str(caught.value)
    assert rig.data(out).identical(before)
