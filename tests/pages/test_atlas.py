"""The atlas: what it is made of, its two answers, and that every run is on the page, counted or left out."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import atlas_runs
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner

import isinglass
from isinglass import InputError
from isinglass.analysis import answers
from isinglass.cli import cli
from isinglass.figures.forest import forest
from isinglass.figures.plane import looks, overlaps, plane
from isinglass.figures.thumbnails import thumbnail
from isinglass.models.base import parameters
from isinglass.pages import atlas, gathering
from isinglass.workflow import load_workflow, stage_name, workflow_files


@pytest.fixture(scope="module")
def entries() -> list[gathering.Entry]:
    return atlas_runs.entries()


@pytest.fixture(scope="module")
def made(entries: list[gathering.Entry], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "atlas"
    lines = list(atlas.write(entries, folder))
    assert {Path(line.split()[-1]) for line in lines} == set(folder.iterdir())
    return folder


def test_every_shipped_workflow_that_can_has_a_window() -> None:
    """A message, three copies: it takes part. None is left out for what it shows."""
    counted = 0
    for name, path in workflow_files().items():
        workflow = load_workflow(path)
        roles = {o.role for o in workflow.model.observables}
        spec = parameters(workflow.model)
        copies = workflow.fixed.get("copies", spec["copies"].default if "copies" in spec else 0)
        can = {"coherence", "blind_coherence", "memory"} <= roles and copies == 3
        declared = any("concordance(" in stage_name(stage) for stage in workflow.stages)
        assert declared == can, name
        counted += declared
    assert counted >= 25


def test_rows_and_points_are_those_of_the_runs(entries: list[gathering.Entry]) -> None:
    rows, points = gathering.rows(entries), gathering.points(entries)
    assert rows["run"].values.tolist() == ["one", "two", "three", "four"]
    np.testing.assert_array_equal(rows["concordance"], [1, 1, -1, -1])
    assert points.sizes["point"] == 4 * 9 * 2
    first = entries[0].found
    assert first is not None
    mine = points.isel(point=points["run"].values == "one")
    np.testing.assert_array_equal(mine["coherence"], first["coherence_mean"].values.ravel())
    np.testing.assert_array_equal(mine["memory_error"], first["memory_error"].values.ravel())
    assert mine["at"].values[0] == "x = 0 K, size = 4"
    assert np.isnan(points["recall_overlap"].values[points["task"].values == "retention"]).all()


def test_the_answers_follow_the_rule(entries: list[gathering.Entry]) -> None:
    rows = answers.verdicts(gathering.rows(entries))
    assert rows["move"].values.tolist() == ["together", "together", "against", "against"]
    assert rows["use"].values.tolist() == ["used", "used", "unused", "unused"]
    assert answers.law(rows, answers.MOVE) == "fails", "two models are against it"
    assert answers.law(rows.isel(row=[0, 1, 2]), answers.MOVE) == "holds within limits", "one is not enough"
    assert answers.law(rows.isel(row=[0, 1]), answers.MOVE) == "holds within limits", "ten models are due"
    many = xr.concat([rows.isel(row=[0]).assign_coords(model=("row", [f"M{i}"])) for i in range(10)], "row")
    assert answers.law(many, answers.MOVE) == "holds"
    nothing = rows.assign(concordance_low=rows["concordance_low"] * np.nan)
    assert answers.law(answers.verdicts(nothing), answers.MOVE) == "not decided"
    assert answers.tendency(answers.by_model(rows, answers.MOVE, "recall"), answers.MOVE) == "holds"
    assert answers.tendency(answers.by_model(rows, answers.MOVE, "retention"), answers.MOVE) == "fails"
    words = " ".join(answers.sentences(rows, answers.MOVE))
    assert "Of 4 axes 2 together, 2 against, 0 mixed, 0 undecided" in words
    assert "recall: holds" in words
    assert "retention: fails" in words


def test_a_model_that_says_both_is_mixed(entries: list[gathering.Entry]) -> None:
    rows = answers.verdicts(gathering.rows(entries))
    both = rows.assign_coords(model=("row", ["A", "B", "A", "B"]), task=("row", ["recall"] * 4))
    assert answers.by_model(both, answers.MOVE) == {"A": "mixed", "B": "mixed"}


class Page(HTMLParser):
    """Images without words, links, and headings of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.mute: list[str] = []
        self.links: list[str] = []
        self.levels: list[int] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "img" and not found.get("alt"):
            self.mute.append(str(found)[:80])
        if tag in ("a", "link", "script", "img"):
            self.links.append(found.get("href") or found.get("src") or "")
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))


def test_the_page_stands_alone_and_names_every_run(made: Path, entries: list[gathering.Entry]) -> None:
    text = (made / "atlas.html").read_text(encoding="utf-8")
    assert len(text.encode()) < 5e6
    page = Page(text)
    assert not page.mute
    assert not [link for link in page.links if link.startswith(("http", "//"))]
    assert all(b - a <= 1 for a, b in zip(page.levels, page.levels[1:], strict=False))
    for entry in entries:
        assert f"About &lt;{entry.name}&gt;" in text, "escaped"
        assert f"<{entry.name}>" not in text
    assert "five: not analysed" in text
    assert "six: its workflow declares no window" in text
    assert "3 pending of 9 simulations" in text


def test_figures_have_their_numbers_beside_them(made: Path, entries: list[gathering.Entry]) -> None:
    for name in ("plane_recall", "plane_retention", "overlaps", "forest_concordance", "forest_excess_share"):
        assert (made / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
        assert (made / f"{name}.pdf").read_bytes()[:4] == b"%PDF"
    table = pd.read_csv(made / "forest.csv")
    assert table["concordance"].tolist() == [1, 1, -1, -1]
    assert table["move"].tolist() == ["together", "together", "against", "against"]
    points = pd.read_csv(made / "plane.csv")
    assert points.groupby("task").size().to_dict() == {"recall": 36, "retention": 36}


def test_tasks_are_never_pooled(entries: list[gathering.Entry]) -> None:
    points = gathering.points(entries)
    (ax,) = plane(points, "recall").axes
    drawn = sum(len(np.atleast_1d(line.get_xdata())) for line in ax.lines if line.get_linestyle() == "None")
    assert drawn == 2 * 9 * 2
    with pytest.raises(InputError, match="no point has the task 'fading'"):
        plane(points, "fading")


def test_q_is_drawn_against_signed_overlap_alone(entries: list[gathering.Entry]) -> None:
    """The parabola and the Nishimori line are in that plane and in no other; runs without an overlap are not."""
    points = gathering.points(entries)
    line = xr.Dataset({n: ("point", np.array([0.2, 0.7])) for n in (
        "planted_overlap", "replica_overlap", "planted_overlap_error", "replica_overlap_error")})  # fmt: skip
    (ax,) = overlaps(points, line).axes
    labels = ax.get_legend_handles_labels()[1]
    assert any("q = m^2" in word for word in labels)
    assert any("random bonds" in word for word in labels)
    assert "Gamma" not in labels
    (other,) = plane(points, "recall").axes
    assert not any("m^2" in word or "Nishimori" in word for word in other.get_legend_handles_labels()[1])
    with pytest.raises(InputError, match="no run has a recall overlap"):
        overlaps(points.isel(point=points["task"].values == "retention"))


def test_models_look_different() -> None:
    coords = {"model": ("row", [f"m{i:02}" for i in range(56)]), "task": ("row", ["recall", "retention"] * 28)}
    found = looks(xr.Dataset(coords=coords))
    assert len(set(found.values())) == 56
    assert len({found[f"m{i:02}"][0] for i in range(0, 16, 2)}) == 8, "eight of one task"


def test_forest_keeps_rows_without_a_value(entries: list[gathering.Entry]) -> None:
    rows = gathering.rows(entries)
    rows["concordance"][1] = np.nan
    (ax,) = forest(rows, "concordance", (0, 0.5)).axes
    assert len(ax.get_yticklabels()) == 4
    assert "none" in [text.get_text() for text in ax.texts]
    with pytest.raises(InputError, match="concordance, excess_share"):
        forest(rows, "energy")


def test_thumbnails_of_maps_lines_and_nothing(entries: list[gathering.Entry]) -> None:
    found = entries[0].found
    assert found is not None
    ds = found.drop_dims("along")
    figure, fixed = thumbnail(ds, ["x"])
    assert [line.get_label() for line in figure.axes[0].containers] == ["4", "8"]
    assert not fixed
    figure, fixed = thumbnail(ds.expand_dims(rule=["a", "b", "c"]), ["x", "size"])
    assert fixed == "rule = b"
    assert figure.axes[0].collections, "a map"
    with pytest.raises(InputError, match="neither"):
        thumbnail(ds[["recall_overlap_mean"]])
    with pytest.raises(InputError, match="no axis of numbers"):
        thumbnail(ds.assign_coords(x=list("abcdefghi"), size=["s", "t"]))


def test_many_runs_make_coarser_diagrams(
    entries: list[gathering.Entry], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure, _ = thumbnail(entries[0].found.drop_dims("along"), ["x"])  # type: ignore[union-attr]
    fine, coarse = atlas._png(figure, 10**6), atlas._png(figure, 1)
    assert len(coarse) < len(fine) / 2


def test_runs_as_they_come(home: Path) -> None:
    """A run, one with points that it skips, a folder that is broken: all on the page, from `results/`."""
    for name, where in (("whole", "None"), ("partial", "lambda p: p['x'] < 0.15")):
        (home / f"{name}.py").write_text(atlas_runs.WORKFLOW.replace("WHERE", where), encoding="utf-8")
        isinglass.run(home / f"{name}.py", cluster="serial", quiet=True)
    broken = home / "results" / "broken"
    (broken / ".store").mkdir(parents=True)
    result = CliRunner().invoke(cli, ["atlas"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    text = (home / "atlas" / "atlas.html").read_text(encoding="utf-8")
    assert "broken: cannot be read" in text
    rows = pd.read_csv(home / "atlas" / "forest.csv").set_index("run")
    assert rows.loc["whole", "move"] == "together"
    assert rows.loc["whole", "same"] == 8
    assert rows.loc["partial", "move"] == "undecided"
    assert rows.loc["partial", ["same", "missing"]].tolist() == [1, 0]
    assert pd.read_csv(home / "atlas" / "plane.csv").groupby("run").size().to_dict() == {"whole": 9, "partial": 2}
    (home / "empty").mkdir()
    with pytest.raises(InputError, match="no run folder"):
        gathering.listed(["empty"])


def test_no_runs_at_all(home: Path) -> None:
    with pytest.raises(InputError, match="isinglass atlas FOLDER"):
        gathering.listed([])
    with pytest.raises(InputError, match="no runs"):
        list(atlas.write([], "atlas"))
