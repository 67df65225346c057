"""Figures draw what is there, say what is not, and are written whole."""

from __future__ import annotations

import dataclasses
import re
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.image import imread

from isinglass.analysis import phases
from isinglass.exceptions import InputError
from isinglass.figures import Line, PhaseDiagram, PhaseLines, Points, save
from isinglass.figures.base import COLUMN, STYLE, edges, facets
from isinglass.results import draw

DIAGRAM = PhaseDiagram(
    x="load",
    y="temperature",
    panels=("recall_overlap_mean", "coherence_mean"),
    boundary="recall_overlap_boundary",
    lines=lambda x: {"T_M": 0.9 - 4 * x, "T_c": np.where(x < 0.05, 0.5, np.nan), "T_g": 1 + np.sqrt(x)},
    source="AGS",
)


def legend(figure):
    found = [*(ax.get_legend() for ax in figure.axes), *figure.legends]
    return [text.get_text() for one in found if one for text in one.get_texts()]


def words(figure):
    return " ".join(text.get_text() for text in figure.texts).replace("\n", " ")


def written(figure, folder):
    paths = save(figure, folder, "figure")
    png, pdf, csv = paths
    assert [p.name for p in paths] == ["figure.png", "figure.pdf", "figure.csv"]
    assert sorted(folder.iterdir()) == sorted(paths), "nothing else"
    assert csv.read_text(encoding="utf-8").startswith("# The numbers behind figure.png")
    pixels = imread(png)
    assert pixels.shape[1] == round(200 * figure.get_figwidth())
    assert pixels[..., :3].std() > 0.05
    assert pdf.read_bytes().startswith(b"%PDF")
    assert pdf.stat().st_size > 5000
    return paths


def test_phase_diagram(run, tmp_path):
    ds = run()
    figure = DIAGRAM.draw(ds)
    panels = [ax for ax in figure.axes if ax.get_xlabel()]
    assert [ax.get_xlabel() for ax in panels] == [r"load $\alpha = P/N$"] * 2
    assert panels[0].get_ylabel() == r"temperature $k_\mathrm{B}T/J$"
    bars = [ax.get_ylabel() for ax in figure.axes if ax not in panels and ax.get_ylabel()]
    assert bars == [r"recall overlap $\langle m \rangle$", r"coherence $\langle q \rangle$"]
    entries = legend(figure)
    assert entries[:3] == [r"$T_\mathrm{M}$ (AGS)", r"$T_\mathrm{c}$ (AGS)", r"$T_\mathrm{g}$ (AGS)"]
    assert entries[3] == r"measured, $\langle m \rangle = 0.5$ (95 % interval)"
    assert len(entries) == 4, "nothing is missing"
    styles = [line.get_linestyle() for line in panels[0].get_lines() if "AGS" in str(line.get_label())]
    assert styles == ["-", "--", ":"]
    said = words(figure)
    for fact in ("Synthetic test data", "$N$ = 100", r"m_\mathrm{cue}$ = 0.8", "4 samples × 2 replicas", "seed 7"):
        assert fact in said
    assert "Not computed" not in said
    for ax in panels:
        (mesh,) = [c for c in ax.collections if isinstance(c, QuadMesh) and c.get_cmap().name == "cividis"]
        assert mesh.get_clim() == (0, 1)
    written(figure, tmp_path)


def test_points_in_the_colours_of_their_panel(run, tmp_path):
    known = ([0.05, 0.1], [0.3, 0.6], [0.25, 2.0])
    figure = dataclasses.replace(DIAGRAM, points=[Points("exact", "coherence_mean", lambda: known)]).draw(run())
    panels = [ax for ax in figure.axes if ax.get_xlabel()]
    circles = [[c for c in ax.collections if isinstance(c, PathCollection)] for ax in panels]
    assert [len(c) for c in circles] == [0, 2]  # the filled ones on white rims
    filled = circles[1][1]
    np.testing.assert_array_equal(filled.get_offsets(), np.transpose(known[:2]))
    np.testing.assert_array_equal(filled.get_array(), known[2])
    assert (filled.get_clim(), filled.get_cmap().name) == ((0, 1), "cividis")
    assert "exact" in legend(figure)
    written(figure, tmp_path)


def test_cells_sit_where_their_values_are(run):
    ds = run()
    figure = DIAGRAM.draw(ds.isel(load=slice(None, None, -1)))
    (mesh,) = [c for c in figure.axes[0].collections if isinstance(c, QuadMesh) and c.get_cmap().name == "cividis"]
    shown = np.asarray(mesh.get_array()).reshape(9, 6)
    np.testing.assert_array_equal(shown, ds.recall_overlap_mean.transpose("temperature", "load"))
    corners = mesh.get_coordinates()
    np.testing.assert_allclose(corners[0, :, 0], edges(ds["load"].values))
    np.testing.assert_allclose(corners[:, 0, 1], edges(ds.temperature.values))


def test_the_same_bytes_twice(run, tmp_path):
    ds = run()
    first, second = (save(DIAGRAM.draw(ds), tmp_path / str(i), "x") for i in range(2))
    assert len(first) == 3
    for a, b in zip(first, second, strict=True):
        assert a.read_bytes() == b.read_bytes()


def test_what_is_not_computed_is_said(run, tmp_path):
    def lost(state):
        state[4:, :3] = 0
        state[1, 7, 0] = 2
        state[0, 8] = 3
        state[3, 7] = 2

    ds = run(status=lost)
    ds["coherence_mean"] = ds.coherence_mean.where(ds["load"] > 0.05)
    figure = DIAGRAM.draw(ds)
    assert legend(figure)[-5:] == ["pending", "failed", "skipped", "partial", "undefined"]
    said = words(figure)
    assert "Not computed: 48 pending, 10 failed, 8 skipped of 432 simulations." in said
    assert "Partial 1 of 54 points." in said
    assert "Boundary not found in" in said
    written(figure, tmp_path)


def test_nothing_computed_yet(run, tmp_path):
    figure = DIAGRAM.draw(run(status=lambda s: s.fill(0)))
    assert "pending" in legend(figure)
    assert not any(entry.startswith("measured") for entry in legend(figure))
    written(figure, tmp_path)


@pytest.mark.parametrize(("loads", "temperatures"), [(1, 9), (6, 1), (1, 1)])
def test_a_single_row_column_or_cell(run, tmp_path, loads, temperatures):
    written(DIAGRAM.draw(run(loads=loads, temperatures=temperatures)), tmp_path)


def test_open_intervals_run_off_the_axes(run, tmp_path):
    ds = run()
    ds["recall_overlap_boundary_high"][:] = np.inf
    ds["recall_overlap_boundary_low"][:] = -np.inf
    figure = DIAGRAM.draw(ds)
    low, high = figure.axes[0].get_ylim()
    (segments,) = [c.get_segments() for c in figure.axes[0].collections if type(c).__name__ == "LineCollection"]
    assert all(s[:, 1].min() < low and s[:, 1].max() > high for s in segments)
    assert (low, high) == tuple(edges(ds.temperature.values)[[0, -1]])
    written(figure, tmp_path)


def test_a_boundary_over_y_and_one_panel(run, tmp_path):
    ds = run()
    ds = ds.merge(phases.capacity("recall_overlap", 0.5, resamples=200)(ds))
    lines = (Line("guess", lambda x: 1 - x, "-."),)
    diagram = dataclasses.replace(
        DIAGRAM, panels=("message_coherence_mean",), boundary="recall_overlap_capacity", lines=lines, at={}
    )
    figure = diagram.draw(ds)
    assert figure.get_figwidth() < COLUMN + 0.5
    assert legend(figure)[0] == "guess"
    assert any(entry.startswith("measured") for entry in legend(figure))
    written(figure, tmp_path)


def test_values_beyond_the_range_are_marked(run):
    ds = run()
    ds["coherence_mean"] = ds.coherence_mean - 0.5
    bars = [ax for ax in DIAGRAM.draw(ds).axes if r"\langle q" in ax.get_ylabel()]
    assert bars[0]._colorbar.extend == "min"


def test_further_axes(run):
    ds = run().expand_dims(cue=[0.5, 0.9])
    with pytest.raises(InputError, match="also vary along cue"):
        DIAGRAM.draw(ds)
    with pytest.raises(InputError, match=r"cue has no value 0\.7"):
        dataclasses.replace(DIAGRAM, at={"cue": 0.7}).draw(ds)
    assert r"$m_\mathrm{cue}$ = 0.9" in words(dataclasses.replace(DIAGRAM, at={"cue": 0.9}).draw(ds))


def test_what_it_refuses(run):
    ds = run()
    with pytest.raises(InputError, match="did you mean 'coherence_mean'"):
        dataclasses.replace(DIAGRAM, panels=("coherense_mean",)).draw(ds)
    with pytest.raises(InputError, match="did you mean 'load'"):
        dataclasses.replace(DIAGRAM, x="loads").draw(ds)
    with pytest.raises(InputError, match="needs a grid"):
        DIAGRAM.draw(ds.stack(point=("load", "temperature")))


def test_edges():
    np.testing.assert_allclose(edges([1, 2, 4]), [0.5, 1.5, 3, 5])
    np.testing.assert_allclose(edges([0, 1]), [0, 0.5, 1.5])
    np.testing.assert_allclose(edges([-1, 1]), [-2, 0, 2])
    assert edges([0.5])[0] < 0.5 < edges([0.5])[1]
    assert edges([0.0]).tolist() == [0, 0.05]


def test_settings_of_the_user_stay(run):
    before = dict(matplotlib.rcParams)
    DIAGRAM.draw(run())
    assert dict(matplotlib.rcParams) == before
    assert min(v for k, v in STYLE.items() if k.endswith("size")) >= 7, "legible in print"


def test_phase_lines(run, tmp_path):
    ds = run(loads=3)
    diagram = PhaseLines(x="temperature", colour="load", theory=lambda x, load: 1 - x - load, source="straight")
    figure = diagram.draw(ds)
    assert legend(figure) == [r"$\alpha$ = 0.01", r"$\alpha$ = 0.105", r"$\alpha$ = 0.2", "straight"]
    assert figure.axes[0].get_ylabel() == r"memory $\langle I/H \rangle$", "the first mean"
    assert "one standard error" in words(figure)
    written(figure, tmp_path)
    figure = dataclasses.replace(diagram, observable="coherence", colour=None, at={"load": 0.2}, theory=np.cos).draw(ds)
    assert legend(figure) == ["simulation", "straight"]
    assert figure.axes[0].get_ylabel() == r"coherence $\langle q \rangle$"
    with pytest.raises(InputError, match="did you mean 'coherence_mean'"):
        dataclasses.replace(diagram, observable="coherense").draw(ds)
    with pytest.raises(InputError, match="no mean runs along"):
        diagram.draw(ds.drop_vars([v for v in ds if str(v).endswith("_mean")]))


def test_a_logarithmic_axis_and_several_boundaries(run):
    ds = run()
    ds["other"] = (ds.recall_overlap_boundary / 2).assign_attrs(units="1")
    chosen = dataclasses.replace(
        DIAGRAM, boundary=("recall_overlap_boundary", "other"), log=("load",), labels={"other": "half of it"}
    )
    figure = chosen.draw(ds)
    panel = figure.axes[0]
    assert (panel.get_xscale(), panel.get_yscale()) == ("log", "linear")
    assert "half of it" in legend(figure)
    x = ds["load"].values
    got = edges(x, log=True)
    np.testing.assert_allclose(got[1:-1], np.sqrt(x[1:] * x[:-1]))
    np.testing.assert_allclose(edges([1.0, 10.0, 100.0], log=True), 10 ** np.array([-0.5, 0.5, 1.5, 2.5]))
    np.testing.assert_allclose(panel.get_xlim(), got[[0, -1]])


def test_lines_over_logarithms_and_over_an_own_dim(run):
    ds = run(loads=3)
    figure = PhaseLines(x="load", observable="memory", at={"temperature": 0}, log=("load", "memory")).draw(ds)
    panel = figure.axes[0]
    assert (panel.get_xscale(), panel.get_yscale()) == ("log", "log")
    assert [t.get_text() for t in panel.get_xticklabels()] == ["0.01", "0.105", "0.2"], "marked at the sweep's values"
    assert not len(panel.get_xticks(minor=True))
    in_time = ds["memory_mean"].expand_dims(time=[0, 10, 40], axis=-1).assign_attrs(units="1")
    ds = ds.assign(trace_mean=in_time, trace_error=0 * in_time)
    figure = PhaseLines(x="time", observable="trace", colour="load", at={"temperature": 0}).draw(ds)
    assert list(figure.axes[0].lines[0].get_xdata()) == [0, 10, 40]
    with pytest.raises(InputError, match="no axis 'time'"):
        PhaseLines(x="time", observable="memory", at={"temperature": 0}).draw(ds)


def test_a_zero_on_a_logarithmic_axis_is_kept(run, tmp_path):
    """As of a rate that is switched off: linear up to the least value above it, also where zero is the only value."""
    ds = run(loads=3)
    for loads in ([0.0, 0.1, 0.2], [0.0, 0.0, 0.0]):
        there = ds.assign_coords(load=("load", loads, ds["load"].attrs))
        there = there if loads[1] else there.isel(load=[0])
        lines = PhaseLines(x="load", observable="memory", at={"temperature": 0}, log=("load",), theory=np.cos).draw(
            there
        )
        chart = dataclasses.replace(DIAGRAM, log=("load",)).draw(there)
        for figure in (lines, chart):
            assert figure.axes[0].get_xscale() == ("symlog" if loads[1] else "linear")
            written(figure, tmp_path)
        assert lines.axes[0].lines[0].get_xdata()[0] == 0
    np.testing.assert_allclose(edges([0.0, 1.0, 10.0], log=True), [0, *10 ** np.array([-0.5, 0.5, 1.5])])


def test_a_figure_of_a_value_that_is_not_there_is_left_out_and_all_others_are_drawn(run, tmp_path):
    common = {"x": "load", "observable": "memory"}
    figures = [
        PhaseLines(**common, at={"temperature": 7.0}, name="absent"),
        PhaseLines(x="load", observable="nothing", at={"temperature": 0}, name="broken"),
        PhaseLines(**common, at={"temperature": 0}, name="good", colour=None),
    ]
    lines = []
    with pytest.raises(InputError, match=r"figure broken: .*no variable 'nothing.*the data are kept"):
        lines.extend(draw(tmp_path, SimpleNamespace(figures=figures), run()))
    lines = list(draw(tmp_path, SimpleNamespace(figures=[figures[0], figures[2]]), run()))
    assert re.search(r"absent is left out: .*temperature has no value 7.0; it has", lines[0])
    assert [line.split("/")[-1] for line in lines[1:]] == ["good.png", "good.pdf", "good.csv"]
    assert (tmp_path / "figures" / "good.png").is_file()


def test_the_legend_takes_the_symbol_of_the_label(run):
    ds = run(loads=2)
    lines = PhaseLines(x="load", observable="memory", colour="temperature", labels={"temperature": "heat $k_BT/E$"})
    assert legend(lines.draw(ds))[0].startswith("$k_BT/E$ = ")


def test_a_panel_for_each_value_of_a_facet(run, tmp_path):
    ds = run()
    second = ds.copy(deep=True)
    second["recall_overlap_boundary"] = second.recall_overlap_boundary / 2
    both = xr.concat([ds, second], xr.DataArray(["flipped", "erased"], dims="cue_mode", name="cue_mode"))
    diagram = dataclasses.replace(DIAGRAM, panels=("recall_overlap_mean",), facet="cue_mode")
    figure = diagram.draw(both)
    panels = [ax for ax in figure.axes if ax.get_xlabel()]
    assert [ax.get_title(loc="left") for ax in panels] == ["(a) flipped", "(b) erased"]
    assert sum(r"\langle m" in ax.get_ylabel() for ax in figure.axes) == 1, "one colour bar"
    shown = [ax.containers[0].lines[0].get_ydata() for ax in panels]
    np.testing.assert_allclose(shown[0], 2 * shown[1])
    assert [suffix for suffix, _ in facets(both, diagram.axes, {})] == [""]
    written(figure, tmp_path)
    with pytest.raises(InputError, match="facet='cue_mode' shows one mean"):
        dataclasses.replace(DIAGRAM, facet="cue_mode").draw(both)


def test_a_theory_line_of_its_own_in_each_panel(run, tmp_path):
    """A function that takes the facet's name gets the panel's value; all NaN: no line in that panel."""
    ds = xr.concat([run(), run()], xr.DataArray([0.5, 1.0], dims="cue", name="cue"))
    lines = [
        Line("common", lambda x: 0.5 + 0 * x),
        Line("own", lambda x, cue: cue * x if cue < 1 else np.nan * x, "--", lower=lambda x, cue: 0 * cue * x),
    ]
    diagram = dataclasses.replace(DIAGRAM, panels=("recall_overlap_mean",), facet="cue", boundary=(), lines=lines)
    figure = diagram.draw(ds)
    first, second = [{line.get_label(): line for line in ax.lines} for ax in figure.axes if ax.get_xlabel()]
    assert list(first) == ["common", "own"]
    assert list(second) == ["common"]
    x, y = first["own"].get_data()
    np.testing.assert_allclose(y[:-1], x[:-1] / 2)
    assert legend(figure)[:2] == ["common", "own"]
    written(figure, tmp_path)
    named = dataclasses.replace(diagram, lines=lambda x, cue: {"T_M": cue + 0 * x}).draw(ds)
    drawn = [ax.lines[0].get_ydata()[0] for ax in named.axes if ax.get_xlabel()]
    assert drawn == [0.5, 1.0]


def test_lines_of_a_boundary(run, tmp_path):
    """It does not vary along the axis that it was sought along."""
    ds = run()
    lines = PhaseLines(x="load", observable="recall_overlap_boundary", over=("temperature",))
    ((suffix, part),) = facets(ds, lines.axes, lines.at)
    assert suffix == ""
    figure = lines.draw(part)
    np.testing.assert_array_equal(figure.axes[0].containers[0].lines[0].get_ydata(), ds.recall_overlap_boundary)
    written(figure, tmp_path)


def test_an_infinite_error_is_an_arrow_and_no_exact_point(run):
    """Up where the upper end of the interval is infinite; counted in the small print with why values are missing."""
    ds = run(status=lambda state: state[0].fill(0))
    name = "recall_overlap_boundary"
    lines = PhaseLines(x="load", observable=name, over=("temperature",))
    plain = lines.draw(ds)
    assert not plain.axes[0].texts
    assert "No value at 1 of 6: incomplete 1." in words(plain)
    ds[f"{name}_error"][2], ds[f"{name}_high"][2] = np.inf, np.inf
    ds[f"{name}_error"][3] = np.inf  # finite 95 % interval: no side is known
    ds[f"{name}_error"][4] = np.nan
    figure = lines.draw(ds)
    assert "Arrows: 2 with an infinite error" in words(figure)
    assert "No error: 1 points." in words(figure)
    arrows = [(*a.xy, np.sign(a.xyann[1])) for a in figure.axes[0].texts]
    x, y = ds["load"].values, ds[name].values
    assert arrows == [(x[2], y[2], 1), (x[3], y[3], 1), (x[3], y[3], -1)]


def test_half_a_decade_has_numbers_on_a_logarithmic_axis(run):
    ds = run()
    ds["memory_mean"] = ds.memory_mean * 50 + 5
    figure = PhaseLines(x="load", observable="memory", at={"temperature": 0}, log=("memory",)).draw(ds)
    figure.canvas.draw()
    shown = [t.get_text() for t in figure.axes[0].yaxis.get_ticklabels(which="both") if t.get_text()]
    assert shown
    assert not any("^" in text for text in shown)
