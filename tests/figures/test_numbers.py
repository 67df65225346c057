"""The CSV beside a figure holds what is drawn, traces to the dataset, and can be read by anybody."""

from __future__ import annotations

import csv
import dataclasses
import gc
import weakref

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from traced import read, traced

from isinglass.analysis import errors
from isinglass.exceptions import InputError
from isinglass.figures import (
    BivariateMap,
    Line,
    PhaseDiagram,
    PhaseLines,
    boundary,
    lines_with_bands,
    numbers,
    phase_map,
    save,
    theory_lines,
)
from isinglass.figures.lines import HERE, origins
from isinglass.figures.states import STATES, states
from isinglass.theory import ags


def lost(state: np.ndarray) -> None:
    """All kinds of points: (load, temperature, sample, replica)."""
    state[5, :3] = 0
    state[3, 7] = 2
    state[0, 8] = 3
    state[1, 7, 0] = 2
    state[1, 1, 0, 0] = 0


def written(figure: Figure, folder, name: str = "figure"):
    """The CSV alone, without the cost of pixels."""
    path = folder / f"{name}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        numbers.write(figure, file, name)
    return path


DIAGRAM = PhaseDiagram(
    x="load",
    y="temperature",
    panels=("recall_overlap_mean", "coherence_mean"),
    boundary="recall_overlap_boundary",
    lines=[Line("$T_g$, #1 (AGS)", ags.spin_glass_temperature), Line("own", lambda x: 1 - x)],
)


def test_a_map_in_numbers(run, tmp_path) -> None:
    ds = run(status=lost)
    figure = DIAGRAM.draw(ds)
    path = written(figure, tmp_path)
    assert traced(path, ds) > 2 * 54 * 3
    table = read(path)
    cells = table[(table.kind == "map") & (table.panel == "b")]
    assert (cells.variable == "coherence_mean").all()
    mesh = next(c for c in figure.axes[0].collections if isinstance(c, QuadMesh) and c.get_cmap().name == "cividis")
    drawn = np.ma.filled(np.asarray(mesh.get_array(), float), np.nan)
    np.testing.assert_array_equal(table.value[(table.panel == "a") & (table.kind == "map")], drawn.ravel())
    grid = cells.pivot(index="load", columns="temperature", values="status").to_numpy()
    assert grid[5, 0] == "pending"
    assert grid[3, 7] == "failed"
    assert grid[0, 8] == "skipped"
    assert grid[1, 7] == grid[1, 1] == "partial"
    assert (grid == "done").sum() == 54 - 7
    theory = table[(table.kind == "theory") & (table.panel == "a")]
    assert set(theory.variable) == {"$T_g$, #1 (AGS)", "own"}, "a # in a text is no comment"
    own = theory[theory.variable == "own"]
    np.testing.assert_array_equal(own.value, 1 - own["load"])
    limits = table[(table.kind == "boundary") & (table.panel == "a")]
    np.testing.assert_array_equal(limits.low, ds.recall_overlap_boundary_low)
    head = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    said = "\n".join(head)
    for fact in (
        "neurons = 100",
        "4 samples",
        "Not computed:",
        "load (1)",
        "isinglass.theory.ags.spin_glass_temperature",
    ):
        assert fact in said
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(line for line in file if not line.startswith("#")))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert pd.read_csv(path, comment="#").shape == table.shape, "as the docs say"


def test_lines_in_numbers(run, tmp_path) -> None:
    ds = run(loads=3, status=lambda s: s.__setitem__((1, slice(2, 4)), 2))
    figure = PhaseLines(x="temperature", colour="load", theory=lambda x, load: 1 - x - load).draw(ds)
    path = written(figure, tmp_path)
    assert traced(path, ds) == 3 * 27
    table = read(path)
    theory = table[table.kind == "theory"]
    np.testing.assert_array_equal(theory.value, 1 - theory.temperature - theory["load"])
    assert (table.status == "failed").sum() == 2
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend[-2:] == ["theory", "failed"]
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    np.testing.assert_array_equal(crosses[0].get_xdata(), ds.temperature[2:4])


def test_composed_on_own_axes(run, tmp_path) -> None:
    """The public functions keep their numbers without any declaration, and `save` writes them."""
    ds = run()
    figure = Figure()
    left, right = figure.subplots(1, 2)
    mesh = phase_map(left, ds, "coherence_mean", "load", "temperature")
    assert mesh.get_clim() == (0, 1)
    assert left.get_xlabel() == r"load $\alpha = P/N$"
    boundary(left, ds, "recall_overlap_boundary", "load", "temperature")
    theory_lines(left, ags.spin_glass_temperature, "load", source="AGS")
    lines_with_bands(right, ds.isel(load=[2]), "memory_mean", "temperature", "load", interval="student", bands=True)
    assert (right.get_xlabel(), right.lines[0].get_label()) == (left.get_ylabel(), rf"$\alpha$ = {ds['load'][2]:g}")
    paths = save(figure, tmp_path, "own")
    assert [p.suffix for p in paths] == [".png", ".pdf", ".csv"]
    table = read(paths[2])
    assert traced(paths[2], ds) > 100
    assert table.groupby("panel").kind.unique().map(set).to_dict() == {
        "a": {"map", "boundary", "theory"},
        "b": {"line"},
    }
    low, high = errors.t_interval(*(ds[f"memory_{k}"].isel(load=2) for k in ("mean", "error", "samples")))
    np.testing.assert_allclose(table.low[table.panel == "b"], low)
    np.testing.assert_allclose(table.high[table.panel == "b"], high)
    plain = Figure()
    plain.subplots().plot([1, 2])
    assert [p.suffix for p in save(plain, tmp_path, "plain")] == [".png", ".pdf"], "nothing of ours, no numbers"


def test_numbers_do_not_keep_a_figure_alive(run) -> None:
    figure = Figure()
    phase_map(figure.subplots(), run(), "coherence_mean", "load", "temperature")
    gone = weakref.ref(figure)
    del figure
    gc.collect()
    assert gone() is None


def test_what_became_of_a_point(run) -> None:
    ds = run(status=lost)
    code = states(ds, "memory_mean", ("load", "temperature"))
    assert [STATES[code[i]] for i in ((5, 0), (3, 7), (0, 8), (1, 7), (0, 0))] == [
        "pending",
        "failed",
        "skipped",
        "partial",
        "done",
    ]
    by_load = states(ds, "recall_overlap_boundary", ("load",))
    assert [STATES[k] for k in by_load] == ["done", "partial", "done", "partial", "done", "undefined"]
    sound = xr.ones_like(ds["status"])
    sound[2, 4] = 0
    sound[2, 5, 0] = 0
    guarded = ds.assign(converged=sound, m=errors.observable(ds, "recall_overlap"))
    found = errors.only("converged", errors.mean("m"))(guarded)
    assert found["m_mean"].attrs["guard"] == "converged"
    code = states(guarded.merge(found), "m_mean", ("load", "temperature"))
    assert STATES[code[2, 4]] == "left out"
    assert STATES[code[2, 5]] == "partial"
    figure = PhaseDiagram(x="load", y="temperature", panels=("m_mean",)).draw(guarded.merge(found))
    said = " ".join(text.get_text() for text in figure.texts).replace("\n", " ")
    assert "Partial 3 of 54 points, left out 1 of 54 points (counted: converged = 1)." in said


def test_a_running_sweep_of_single_samples(run, tmp_path) -> None:
    """Half of it pending, one sample: no error bars, and nothing is made up."""
    ds = run(samples=1, replicas=1, status=lambda s: s.__setitem__((slice(None), slice(4, None)), 0))
    for figure in (DIAGRAM, PhaseLines(x="temperature", colour="load"), BivariateMap(x="load", y="temperature")):
        table = read(written(figure.draw(ds), tmp_path))
        half = table[table.kind.isin(("map", "line"))]
        assert (half.status[half.temperature > 0.5] == "pending").all()
        assert half.value[half.temperature > 0.5].isna().all()
        assert half.error.isna().all()


def test_where_a_curve_is_from() -> None:
    assert origins(ags.retrieval_temperature) == ["isinglass.theory.ags.retrieval_temperature"]
    assert origins(lambda load: ags.overlap(load, 0.0)) == ["isinglass.theory.ags.overlap"]
    assert origins(lambda x: 2 * x) == [HERE]


def test_colours_that_mislead_are_refused(run) -> None:
    with pytest.raises(InputError, match="show steps that no data have"):
        dataclasses.replace(DIAGRAM, colours="jet").draw(run())
    with pytest.raises(InputError, match="must be -a to a"):
        dataclasses.replace(DIAGRAM, colours="RdBu").draw(run())
    dataclasses.replace(DIAGRAM, colours="RdBu", limits=(-1, 1)).draw(run())
