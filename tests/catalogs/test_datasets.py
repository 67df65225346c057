"""Catalogs: what an entry says of a run, who may point where, and that nothing written by hand or at once is lost."""

from __future__ import annotations

import importlib
import os
import re
import sys
import threading
from pathlib import Path

import intake
import pytest
import rig
import xarray as xr
import yaml
from rig import synthetic

import isinglass
from isinglass import InputError, Workflow, datasets, ledger, registering
from isinglass.datasets import Catalog, Entry, own_file
from isinglass.generations import require
from isinglass.shipped import shipped

BLOCK = {"temperature": 2, "rule": 2, "sample": 2, "replica": 1}


def walk(**more) -> Workflow:
    axes = {"temperature": [0.1, 0.2], "rule": ["oja", "hebb"]}
    keys = {"model": synthetic.Walk, "axes": axes, "samples": 2, "seed": 3, "name": "walk", "title": "A walk", **more}
    return Workflow(**keys)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("project")
    rig.run(walk(where=lambda p: p["temperature"] < 0.2), home / "results" / "walk", block=BLOCK)
    points = {"temperature": [0.1, 0.1, 0.4], "load": [0.2, 0.5, 0.5]}
    rig.run(walk(axes={}, points=points, samples=1), home / "results" / "listed")
    return home


@pytest.fixture
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project folder, without a catalog."""
    monkeypatch.chdir(project)
    monkeypatch.delenv(datasets.PATH, raising=False)
    own_file().unlink(missing_ok=True)
    return project


def names(problems: list[InputError] | None = None) -> list[str]:
    return [e.name for e in datasets.everything([] if problems is None else problems)]


def catalog(path: Path, own: bool = True, **sources: object) -> Catalog:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({"sources": sources}), encoding="utf-8")
    return Catalog(path, own)


def source(urlpath: str) -> dict:
    return {"driver": "zarr", "args": {"urlpath": urlpath}}


# ---------------------------------------------------------------- the shipped catalog


def test_the_shipped_data_set_opens_and_recalls(home: Path) -> None:
    """Offline, from any folder; at load 0.02 the pattern is recalled when cold, and nothing is when hot."""
    ds = isinglass.open("hopfield-retrieval-demo")
    overlap = ds["recall_overlap"].mean(["sample", "replica"])
    assert float(overlap.sel(load=0.02, temperature=0.1)) > 0.99
    assert abs(float(overlap.sel(load=0.2, temperature=1.2))) < 0.1
    assert int((ds["status"] == 1).sum()) == ds["status"].size == 960


def test_shipped_entries_are_what_they_say(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = rig.cli(capsys, "catalog", "check")
    assert (code, out) == (0, "ok          hopfield-retrieval-demo: 960 simulations done\n")
    size = sum(p.stat().st_size for p in (shipped("catalogs") / "data").rglob("*"))
    assert size < 1_500_000


def test_intake_reads_the_same(here: Path) -> None:
    """Every shipped entry, and what `catalog add` writes."""
    registering.add("walk", None, own_file())
    found = 0
    for file in (shipped("catalogs") / "datasets.yaml", own_file()):
        opened = intake.open_catalog(str(file))
        for entry in datasets.read(Catalog(file, own=True)).values():
            theirs, ours = opened[entry.name], isinglass.open(entry.name, masked=False)
            xr.testing.assert_identical(theirs.to_dask().load(), ours.load())
            xr.testing.assert_identical(theirs.read(), ours)
            found += 1
    assert found == 2


def test_what_somebody_wrote_is_data(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Aliases that multiply, control characters and bytes that are no text: said, and nothing is hidden or hung."""
    names = "abcdefgh"
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{n}: &{n} [{', '.join(['*' + names[i]] * 9)}]" for i, n in enumerate(names[1:])]
    lines += [
        "sources:", "  bomb: {driver: zarr, description: *h, args: {urlpath: x}, metadata: {model: *h, title: *h,",
        "    axes: {load: {values: [*h, *h]}}, observables: {x: {role: *h}}, simulations: {done: *h}}}",
        '  bell: {driver: zarr, description: "a\\e[31mb\\a", args: {urlpath: y}}', "  csv: {driver: csv}",
    ]  # fmt: skip
    own_file().parent.mkdir(exist_ok=True)
    own_file().write_text("\n".join(lines), encoding="utf-8")
    code, out = rig.cli(capsys, "catalog", "list")
    assert code == 0
    assert len(out) < 2000
    assert "\x1b" not in out
    assert "\N{REPLACEMENT CHARACTER}[31mb" in out
    assert "hopfield-retrieval-demo" in out
    assert "csv: driver 'csv' is not zarr" in out
    assert rig.cli(capsys, "catalog", "search", "load=3 role=x")[0] == 0
    own_file().write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        registering.add("walk", None, own_file())
    assert own_file().read_bytes() == b"\xff\xfe\x00"


# ---------------------------------------------------------------- what an entry says


def test_an_entry_is_made_from_the_store(here: Path) -> None:
    entry = registering.add("results/walk", None, own_file(), "CC0-1.0", "Me (2026)")
    (stored,) = datasets.read(Catalog(own_file(), own=True)).values()
    assert stored.content == entry.content
    assert stored.content["args"] == {"urlpath": "{{ CATALOG_DIR }}/../results/walk/data.zarr"}
    m = stored.metadata
    assert m["axes"] == {
        "temperature": {"units": "K", "values": [0.1, 0.2]}, "rule": {"units": "1", "values": ["hebb", "oja"]},
    }  # fmt: skip
    assert m["fixed"]["load"] == {"units": "1", "value": 0.5}
    assert m["observables"]["value"] == {"units": "m"}
    assert m["simulations"] == {"done": 4, "failed": 0, "pending": 0, "skipped": 4}
    attrs = isinglass.open("walk").attrs
    assert [m[k] for k in ("title", "model", "seed", "samples", "replicas")] == ["A walk", "Walk", 3, 2, 1]
    assert [m[k] for k in ("code_hash", "created")] == [attrs["code_hash"], attrs["created"]]
    assert [m["license"], m["citation"]] == ["CC0-1.0", "Me (2026)"]


def test_listed_points_and_long_axes(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registering, "LISTED", 2)
    m = registering.add("listed", "points", own_file()).metadata
    assert m["axes"]["temperature"] == {"units": "K", "values": [0.1, 0.4]}
    monkeypatch.setattr(registering, "LISTED", 1)
    m = registering.add("listed", "points", own_file()).metadata
    assert m["axes"]["load"] == {"units": "1", "minimum": 0.2, "maximum": 0.5, "count": 2}
    assert isinglass.open("points").sizes["point"] == 3


def test_completeness_is_that_of_the_newest_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Corners that nobody asked for are not missing; points that were asked for and not computed are."""
    root = tmp_path / "run"
    rig.run(walk(axes={"temperature": [0.1], "rule": ["hebb"]}), root)
    rig.run(walk(axes={"temperature": [0.2], "rule": ["oja"]}), root)
    file = tmp_path / "c.yaml"
    assert registering.add(str(root), "w", file).metadata["simulations"]["pending"] == 0
    assert registering.check(datasets.read(Catalog(file, True))["w"]).word == "ok"
    rig.run(walk(), root)
    store = require(root)
    block = next(iter(ledger.listing(store.ledger)))
    ledger.discard(store.ledger, block)  # as verify does with a damaged block
    found = registering.check(datasets.read(Catalog(file, True))["w"])
    assert found.word == "incomplete"
    assert re.fullmatch(r"[1-8] of 8 simulations are pending", found.why)
    rig.run(walk(), root)
    assert registering.check(datasets.read(Catalog(file, True))["w"]).word == "outdated"
    code, out = rig.cli(capsys, "catalog", "add", root, "--name", "w", "--catalog", file)
    assert (code, "w -> " in out) == (0, True)
    assert registering.check(datasets.read(Catalog(file, True))["w"]).word == "ok"


# ---------------------------------------------------------------- the file


def test_what_is_written_by_hand_stays(here: Path) -> None:
    own_file().write_text(
        "# mine\nplugins: {}\nsources:\n    # about the first\n    first:   # odd layout\n        driver: 'zarr'\n"
        "        args: {urlpath: x.zarr}\n    # about what comes next\n\nmetadata: {version: 1}\n# the end\n"
    )
    before = own_file().read_text().splitlines()
    registering.add("walk", None, own_file(), citation="Me")
    registering.add("walk", None, own_file())  # again: up to date, and the citation stays
    assert datasets.read(Catalog(own_file(), True))["walk"].metadata["citation"] == "Me"
    registering.add("listed", None, own_file())
    assert names()[:3] == ["first", "walk", "listed"]
    registering.remove("walk", own_file())
    registering.remove("listed", own_file())
    assert own_file().read_text().splitlines() == before
    registering.remove("first", own_file())
    registering.add("walk", None, own_file())
    assert "# about the first" in own_file().read_text()


@pytest.mark.parametrize("text", ["", "sources:\n", "sources: {}\n", "metadata: {version: 1}\n", "# only this"])
def test_an_empty_catalog_takes_an_entry(text: str, here: Path) -> None:
    own_file().parent.mkdir(exist_ok=True)
    own_file().write_text(text)
    registering.add("walk", None, own_file())
    assert names()[0] == "walk"
    assert text.strip() in own_file().read_text() or "{}" in text


def test_what_cannot_be_edited_is_left_alone(here: Path) -> None:
    own_file().parent.mkdir(exist_ok=True)
    for text in ("sources: {a: {driver: zarr}}\n", "sources: [", "- 1\n", "sources:\n  walk: {}\n  walk: {}\n"):
        own_file().write_text(text)
        with pytest.raises(InputError, match=r"datasets\.yaml"):
            registering.add("walk", None, own_file())
        assert own_file().read_text() == text


def test_names_are_not_taken_over(here: Path) -> None:
    registering.add("walk", "mine", own_file())
    with pytest.raises(InputError, match="another dataset named mine"):
        registering.add("listed", "mine", own_file())
    with pytest.raises(InputError, match="no name for a dataset"):
        registering.add("walk", "a/b", own_file())
    with pytest.raises(InputError, match="did you mean 'mine'"):
        registering.remove("mien", own_file())
    with pytest.raises(InputError, match="did you mean 'walk'"):
        registering.add("walkk", None, own_file())
    with pytest.raises(InputError, match="no place for passwords"):
        registering.add("https://me:secret@example.org/x", None, own_file())


def test_many_at_once_lose_nothing(here: Path) -> None:
    """Each takes the kernel's lock through a file of its own, as processes do."""
    wanted = [f"walk-{i}" for i in range(12)]
    threads = [threading.Thread(target=registering.add, args=("walk", name, own_file())) for name in wanted]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(datasets.read(Catalog(own_file(), True))) == sorted(wanted)
    assert os.listdir(own_file().parent) == ["datasets.yaml"]


def test_a_run_registers_itself_where_asked(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Talk(isinglass.runs.Talk):
        said: list[str] = []  # noqa: RUF012

        def say(self, text: str = "") -> None:
            self.said.append(text)

    from isinglass.plans import Options

    options = Options(out=here / "results" / "walk", cluster="serial", figures=False)
    again = walk(where=lambda p: p["temperature"] < 0.2)
    isinglass.runs.run(again, options, Talk(quiet=True))
    assert not own_file().exists()
    monkeypatch.setenv(registering.REGISTER, "1")
    isinglass.runs.run(again, options, Talk(quiet=True))
    assert "catalog       isinglass.open('walk')" in Talk.said
    assert names()[0] == "walk"
    own_file().write_text("sources: [")
    assert isinglass.runs.run(again, options, Talk(quiet=True)).exit_code == 0
    assert "not registered" in Talk.said[-1]


# ---------------------------------------------------------------- which catalogs, and what they may


def test_catalogs_of_the_environment_and_of_packages(here: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    """Nearest first; what is named and missing is said, and hides nothing."""
    catalog(tmp_path / "folder" / "datasets.yaml", a=source("a.zarr"), shared=source("env.zarr"))
    catalog(tmp_path / "b.yaml", b=source("b.zarr"))
    words = [tmp_path / "folder", tmp_path / "b.yaml", tmp_path / "missing.yaml"]
    monkeypatch.setenv(datasets.PATH, os.pathsep.join(map(str, words)))
    site = tmp_path / "site"
    catalog(site / "otherpackage" / "data" / "datasets.yaml", c=source("c.zarr"), shared=source("package.zarr"))
    (site / "otherpackage" / "data" / "__init__.py").write_text("raise RuntimeError('imported')")
    (site / "otherpackage-1.dist-info").mkdir()
    (site / "otherpackage-1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: otherpackage\nVersion: 1\n"
    )
    points = "[isinglass.catalogs]\nother = otherpackage.data\nwrong = nowhere.at.all\n"
    (site / "otherpackage-1.dist-info" / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    problems: list[InputError] = []
    assert names(problems) == ["a", "shared", "b", "c", "shared", "hopfield-retrieval-demo"]
    said = " ".join(map(str, problems))
    assert "missing.yaml, which is not there" in said
    assert "entry point wrong (nowhere.at.all)" in said
    assert datasets.find("shared", [])[0].target().path == str(tmp_path / "folder" / "env.zarr")
    assert "otherpackage.data" not in sys.modules
    code, out = rig.cli(capsys, "catalog", "list")
    assert code == 0
    assert "hopfield-retrieval-demo" in out
    assert "broken" in out


def test_paths_stay_inside(tmp_path: Path) -> None:
    """Relative ones in the folder, or in the project around `catalogs/`; absolute ones by the user's own hand only."""
    (tmp_path / "p" / "link").mkdir(parents=True)
    (tmp_path / "p" / "catalogs").mkdir()
    (tmp_path / "p" / "catalogs" / "out").symlink_to(tmp_path)
    own, package = (Catalog(tmp_path / "p" / "catalogs" / "datasets.yaml", own) for own in (True, False))

    def target(text: str, catalog: Catalog) -> str:
        return Entry("x", catalog, source(text)).target().path

    for c in (own, package):
        assert target("{{ CATALOG_DIR }}/../results/x", c) == str(tmp_path / "p" / "results" / "x")
        assert target("a/x.zarr", c) == str(tmp_path / "p" / "catalogs" / "a" / "x.zarr")
        assert target("s3://bucket/x.zarr", c) == "s3://bucket/x.zarr"
        for outside in ("../../x", "{{ CATALOG_DIR }}/../../x", "a/../../../x"):
            with pytest.raises(InputError, match="leads out of"):
                target(outside, c)
        for template in ("{{ env(HOME) }}/x", "{{ shell(ls) }}", "{% for %}"):
            with pytest.raises(InputError, match="no template but"):
                target(template, c)
    assert target("/data/x.zarr", own) == "/data/x.zarr"
    assert target("file:///data/x", own) == "file:///data/x"
    for text in ("/data/x.zarr", "~/x", "out/x"):
        with pytest.raises(InputError, match="leads out of"):
            target(text, package)
    for text in (
        "file:///etc/x",
        "local:///x",
        "simplecache::file:///etc/x",
        "reference://x",
        "filecache://x",
        "zip://x",
    ):
        with pytest.raises(InputError, match="plain URLs only"):
            target(text, package)


def test_broken_entries_hide_nothing(here: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    """Which, and why; the others are checked all the same."""
    registering.add("walk", None, own_file())
    (here / "half.zarr").mkdir(exist_ok=True)
    (here / "half.zarr" / "zarr.json").write_text("{")
    text = own_file().read_text() + (
        "  gone: {driver: zarr, args: {urlpath: '{{ CATALOG_DIR }}/../results/gone/data.zarr'}}\n"
        "  both: {driver: zarr, args: {urlpath: a}}\n  both: {driver: zarr, args: {urlpath: b}}\n"
        "  table: {driver: csv, args: {urlpath: x.csv}}\n  bare: {driver: zarr}\n  word: hello\n"
        "  half: {driver: zarr, args: {urlpath: ../half.zarr}}\n"
        "  far: {driver: zarr, args: {urlpath: 'http://127.0.0.1:9/x.zarr'}}\n"
    )
    own_file().write_text(text)
    (tmp_path / "evil.yaml").write_text("sources: {e: !!python/object/apply:os.mkdir [pwned]}\n")
    monkeypatch.setenv(datasets.PATH, str(tmp_path / "evil.yaml"))
    code, out = rig.cli(capsys, "catalog", "check")
    lines = {line.split(":")[0].split()[-1]: line for line in out.splitlines()}
    assert code == 1
    assert lines["walk"].startswith("ok ")
    assert lines["hopfield-retrieval-demo"].startswith("ok ")
    whys = {
        "gone": "there is no dataset at", "table": "driver 'csv' is not zarr", "bare": "no args: urlpath",
        "both": "stands there twice",
        "word": "driver None is not zarr", "half": "cannot be read", "far": "cannot be read",
    }  # fmt: skip
    for name, why in whys.items():
        assert lines[name].startswith("broken "), lines[name]
        assert why in lines[name]
    assert "evil.yaml" in out
    assert not (here / "pwned").exists()
    assert isinglass.open("walk").sizes["sample"] == 2
    with pytest.raises(InputError, match="driver 'csv' is not zarr"):
        isinglass.open("table")
    assert rig.cli(capsys, "catalog", "check", "hopfield-retrieval-demo")[0] == 1  # evil.yaml is still there
    monkeypatch.delenv(datasets.PATH)
    assert rig.cli(capsys, "catalog", "check", "hopfield-retrieval-demo", "walk")[0] == 0


def test_commands(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert rig.cli(capsys, "catalog", "add", "walk")[0] == 0
    code, out = rig.cli(capsys, "catalog", "list")
    assert code == 0
    assert "  walk                     temperature 0.1..0.2 K (2); rule hebb, oja" in out
    assert "4 done    A walk" in out
    code, out = rig.cli(capsys, "catalog", "search", "temperature>0.15 rule=oja")
    assert (code, out.count("\n"), "walk" in out) == (0, 2, True)
    code, out = rig.cli(capsys, "catalog", "search", "temperature>9")
    assert (code, out) == (0, "none of 2 datasets fulfils temperature>9\n")
    assert rig.cli(capsys, "catalog", "remove", "walk") == (
        0, "walk is no longer in catalogs/datasets.yaml; the data are where they were\n",
    )  # fmt: skip
    for words in (
        ["catalog", "search", "load>"],
        ["catalog", "lst"],
        ["catalog", "check", "x"],
        ["catalog", "add", "x"],
    ):
        code, out = rig.cli(capsys, *words)
        assert (code, out.count("\n"), out.startswith("isinglass: ")) == (2, 1, True)
    code, out = rig.cli(capsys, "catalog", "add", "walk", "--catalog", "here.txt")
    assert (code, "name a .yaml file" in out) == (2, True)
