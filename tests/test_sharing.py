"""Export and citation: what other programs read is what is stored; BibTeX parses; the hash is that of the content."""

from __future__ import annotations

import hashlib
import json
import re
import resource
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rig
import xarray as xr
from pyarrow import parquet

import isinglass
from isinglass import Workflow, citing, exporting
from isinglass.exceptions import InputError
from isinglass.models import MODELS

S = rig.synthetic


def walk(**changes) -> Workflow:
    given = {
        "model": S.Walk,
        "axes": {"rule": ["storkey", "hebb"], "temperature": [0.1, 0.5, 0.9], "closed": [False, True]},
        "samples": 2,
        "seed": 5,
        "title": "A walk: α & β, 100 %",
        "stages": [S_mean],
    }
    return Workflow(**{**given, **changes})


def S_mean(ds):
    from isinglass.analysis import errors

    return errors.mean("value", "amplitude")(ds)


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """Every kind of dtype; strings, bools; skipped points; analysed."""
    root = tmp_path_factory.mktemp("full") / "walk"
    rig.run(walk(where=lambda p: p["temperature"] < 0.9 or p["closed"]), root)
    return root


@pytest.fixture(scope="module")
def ragged(tmp_path_factory):
    """Own dims whose length and values differ from point to point."""
    root = tmp_path_factory.mktemp("ragged") / "traces"
    rig.run(Workflow(model=S.Traces, axes={"steps": [2, 4], "temperature": [0.1, 0.2]}, samples=2, seed=1), root)
    return root


# ---------------------------------------------------------------- NetCDF


def test_netcdf_comes_back_equal(full, tmp_path):
    lines = exporting.export(full, tmp_path / "a.nc")
    stored, back = rig.data(full), xr.load_dataset(tmp_path / "a.nc")
    for name, v in stored.variables.items():
        if v.dtype.kind == "c":
            pair = back[f"{name}_real"].values + 1j * back[f"{name}_imag"].values
            assert pair.tobytes() == v.values.tobytes()
            assert any("amplitude_real" in line or "amplitude as" in line for line in lines)
        elif v.dtype.kind == "T":
            assert back[name].values.tolist() == v.values.tolist()
        else:
            assert back[name].dtype == v.dtype
            assert back[name].values.tobytes() == v.values.tobytes()
            assert back[name].attrs["units"] == v.attrs["units"]
    assert back["status"].attrs["flag_meanings"] == "pending done failed skipped"
    assert back["status"].attrs["flag_values"].dtype == np.int8
    assert np.isnan(back["value"].where(back["status"] != 1, drop=True)).all()
    assert back.attrs["title"] == stored.attrs["title"]
    assert json.loads(back.attrs["parameters"])["load"]["units"] == "1"
    made = xr.load_dataset(tmp_path / "a.nc", group="analysis")
    np.testing.assert_array_equal(made["value_mean"], xr.open_zarr(full / "analysis.zarr")["value_mean"])


def test_netcdf_holds_own_dims_and_what_needs_pieces(ragged, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "LARGE", 0)  # every variable chunk by chunk
    exporting.export(ragged, tmp_path / "a.nc")
    stored, back = rig.data(ragged), xr.load_dataset(tmp_path / "a.nc")
    assert back["trace"].dims == stored["trace"].dims
    np.testing.assert_array_equal(back["trace"], stored["trace"])
    np.testing.assert_array_equal(back["time_length"], stored["time_length"])
    np.testing.assert_array_equal(back["kernel_imag"], stored["kernel"].values.imag)


# ---------------------------------------------------------------- tables


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_has_a_row_for_each_simulation(full, tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(exporting, "ROWS", 5)  # several pieces
    file = tmp_path / f"a{suffix}"
    exporting.export(full, file)
    table = pd.read_csv(file, comment="#") if suffix == ".csv" else pd.read_parquet(file)
    ds = rig.data(full)
    assert len(table) == ds["status"].size
    words = np.array(["pending", "done", "failed", "skipped"])
    assert set(table["status"]) == {"done", "skipped"}
    for row in table.to_dict("records"):
        at = ds.sel({d: row[d] for d in ("rule", "temperature", "closed", "sample", "replica")})
        assert row["status"] == words[int(at["status"])]
        if row["status"] == "done":
            assert row["value"] == float(at["value"])
            assert row["count"] == int(at["count"])
            assert complex(row["amplitude_real"], row["amplitude_imag"]) == complex(at["amplitude"])
            assert np.float32(row["rough"]) == at["rough"].values
        else:
            assert pd.isna(row["value"])
            assert pd.isna(row["count"])


def test_units_and_provenance_go_with_a_table(full, tmp_path):
    exporting.export(full, tmp_path / "a.parquet")
    schema = parquet.read_schema(tmp_path / "a.parquet")
    assert schema.field("temperature").metadata[b"units"] == b"K"
    assert schema.field("value").metadata[b"units"] == b"m"
    assert schema.metadata[b"title"].decode() == "A walk: α & β, 100 %"
    assert str(schema.field("count").type) == "int64"
    exporting.export(full, tmp_path / "a.csv")
    head = [line for line in (tmp_path / "a.csv").read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert "# temperature [K] temperature" in head
    assert "# seed = 5" in head


def test_what_has_dims_of_its_own_is_a_table_of_elements(ragged, tmp_path):
    with pytest.raises(InputError, match=r"--observable kernel, or a file\.nc"):
        exporting.export(ragged, tmp_path / "a.csv")
    assert not list(tmp_path.iterdir())
    exporting.export(ragged, tmp_path / "a.csv", "trace")
    table, ds = pd.read_csv(tmp_path / "a.csv", comment="#"), rig.data(ragged)
    assert len(table) == (2 + 4) * 2 * 2  # as long as each point's time is
    for row in table.to_dict("records"):
        at = ds.sel({d: row[d] for d in ("steps", "temperature", "sample", "replica", "time")})
        assert row["trace"] == float(at["trace"])
    exporting.export(ragged, tmp_path / "b.csv", "spectrum")
    table = pd.read_csv(tmp_path / "b.csv", comment="#")
    assert sorted(set(table["frequency_value"])) == [0.0, 1.1, 1.2]


def test_a_list_of_points_and_text_that_looks_like_a_comment(tmp_path):
    root = tmp_path / "listed"
    points = {"temperature": [0.3, 0.1], "size": [4, 8]}
    rig.run(Workflow(model=S.Batched, points=points, samples=1, seed=1, title="# no comment"), root)
    exporting.export(root, tmp_path / "a.csv")
    table = pd.read_csv(tmp_path / "a.csv", comment="#")
    assert sorted(table[["temperature", "size"]].values.tolist()) == [[0.1, 8], [0.3, 4]]
    assert table["point"].tolist() == [0, 1]


def test_what_cannot_be_exported_is_refused_in_one_line(full, tmp_path, monkeypatch):
    for name, words in {
        "a.xlsx": r"\.nc, \.csv, \.parquet",
        "nowhere/a.nc": "no folder",
    }.items():
        with pytest.raises(InputError, match=words):
            exporting.export(full, tmp_path / name)
    with pytest.raises(InputError, match="did you mean 'value'"):
        exporting.export(full, tmp_path / "a.csv", "valeu")
    with pytest.raises(InputError, match="for tables"):
        exporting.export(full, tmp_path / "a.nc", "value")
    with monkeypatch.context() as patch:
        patch.setattr(exporting.importlib.util, "find_spec", lambda name: None)
        with pytest.raises(InputError, match=r"pip install 'isinglass\[export\]'"):
            exporting.export(full, tmp_path / "a.nc")
    (tmp_path / "a.csv").write_text("mine")
    with pytest.raises(InputError, match="--yes"):
        exporting.export(full, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "mine"
    exporting.export(full, tmp_path / "a.csv", replace=True)
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize("suffix", [".nc", ".csv", ".parquet"])
def test_a_full_disk_leaves_what_was_there(full, tmp_path, suffix):
    file = tmp_path / f"a{suffix}"
    file.write_text("mine")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(InputError, match=r"cannot be written \(File too large\)"):
            exporting.export(full, file, replace=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert file.read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir()] == [file.name]


# ---------------------------------------------------------------- BibTeX

REQUIRED = {
    "article": {"author", "title", "journal", "year"},
    "book": {"author", "title", "publisher", "year"},
    "inproceedings": {"author", "title", "booktitle", "year"},
    "techreport": {"author", "title", "institution", "year"},
    "misc": {"author", "title", "year", "eprint"},
    "software": {"author", "title", "version", "year"},
    "dataset": {"author", "title", "year", "date", "note"},
}


def parsed(text: str) -> dict[str, dict[str, str]]:
    """Entries by key. A strict reader of BibTeX: balanced braces, unique keys and fields, nothing between entries."""
    text = re.sub(r"^%.*$", "", text, flags=re.M)
    out: dict[str, dict[str, str]] = {}
    at = 0
    while match := re.compile(r"\s*@(\w+)\{([\w:.-]+),\s*").match(text, at):
        fields: dict[str, str] = {"type": match[1]}
        at = match.end()
        while field := re.compile(r"\s*(\w+) = \{").match(text, at):
            depth, start = 1, field.end()
            at = start
            while depth:
                depth += (text[at] == "{" and text[at - 1] != "\\") - (text[at] == "}" and text[at - 1] != "\\")
                at += 1
            assert field[1] not in fields
            fields[field[1]] = text[start : at - 1]
            assert text[at] == ","
            at += 1
        assert text[at : at + 2] == "\n}", text[at - 40 : at + 10]
        at += 2
        assert match[2] not in out, f"{match[2]} is given twice"
        assert REQUIRED[match[1]] <= fields.keys(), f"{match[2]} lacks {REQUIRED[match[1]] - fields.keys()}"
        for name, value in fields.items():
            if name not in ("doi", "eprint"):
                assert not re.search(r"(?<!\\)[&%#_]", value), f"{match[2]}: {name} is not escaped: {value}"
        out[match[2]] = fields
    assert not text[at:].strip(), f"no BibTeX: {text[at:][:80]}"
    return out


@pytest.mark.parametrize("name", MODELS)
def test_every_shipped_model_has_papers_or_says_that_it_has_none(name):
    keys = citing.papers(name)
    found = parsed("\n".join(map(citing.paper, keys)))
    assert list(found) == keys
    assert keys or name == "dephasing"


def test_the_catalog_of_papers_names_no_other_model_and_no_paper_for_nothing():
    papers, models = citing._catalog()
    assert set(models) == set(MODELS)
    assert {key for keys in models.values() for key in keys} == set(papers)


def test_text_becomes_tex():
    assert citing.tex("50 % of A_b & {x} #1 ~ ^ \\") == (
        r"50 \% of A\_b \& \{x\} \#1 \textasciitilde{} \textasciicircum{} \textbackslash{}"
    )
    assert citing.tex("Löwe, André, λ ≤ α_c") == r"L{\"{o}}we, Andr{\'{e}}, $\lambda$ $\le$ $\alpha$\_c"
    assert "title = {Theory of the {Ising} model}" in citing.entry("misc", "k", {"title": "Theory of the Ising model"})


def test_a_run_is_cited(full, tmp_path, monkeypatch, capsys):
    code, text = rig.cli(capsys, "cite", full)
    assert code == 0
    found = parsed(text)
    assert [f["type"] for f in found.values()] == ["software", "dataset"]
    assert "Walk is defined in the workflow file" in text
    data = next(f for f in found.values() if f["type"] == "dataset")
    assert data["title"] == r"A walk: $\alpha$ \& $\beta$, 100 \%"
    assert citing.content_hash(isinglass.open(full, masked=False)) in data["note"]
    assert "4 skipped" in data["note"]
    assert "not complete" not in text
    assert found["isinglass"]["version"] == isinglass.__version__


def test_a_shipped_model_brings_its_papers(full, monkeypatch):
    attrs = isinglass.open(full, masked=False).attrs
    home = f"{attrs['model_source']}:{attrs['model']}"
    monkeypatch.setattr(citing, "MODELS", {"transverse-ising": home})
    assert "pfeuty1970" in parsed("\n".join(citing.cite(full)))
    monkeypatch.setattr(citing, "MODELS", {"dephasing": home})
    assert "has no paper of its own" in "\n".join(citing.cite(full))


def test_the_hash_is_that_of_the_bytes_in_label_order(tmp_path, monkeypatch):
    model = S.Batched
    whole = {"temperature": [0.1, 0.2, 0.3], "size": [4, 5]}
    rig.run(Workflow(model=model, axes=whole, samples=2, replicas=2, seed=3, title="one"), tmp_path / "a")
    for t in ([0.3], [0.1, 0.3], [0.1, 0.2, 0.3]):  # extended twice, and in other blocks
        flow = Workflow(model=model, axes={**whole, "temperature": t}, samples=2, replicas=2, seed=3, title="other")
        rig.run(flow, tmp_path / "b", block={"temperature": 1, "size": 1})
    hashes = [citing.content_hash(isinglass.open(tmp_path / n)) for n in "ab"]
    assert hashes[0] == hashes[1]
    ds = rig.data(tmp_path / "a")
    by_hand = hashlib.sha256()
    for name in sorted(map(str, set(ds.variables) - {"elapsed"})):
        v = ds[name]
        kind = v.dtype.str.replace("|", "<")
        by_hand.update(json.dumps([name, kind, list(v.dims), list(v.shape)]).encode() + b"\n" + v.values.tobytes())
    assert hashes[0] == by_hand.hexdigest()
    monkeypatch.setattr(citing, "HELD", 3)  # in pieces
    assert citing.content_hash(isinglass.open(tmp_path / "b")) == hashes[0]
    changed = ds.copy(deep=True)
    changed["value"].values[0, 0, 0, 0] += 1e-15
    assert citing.content_hash(changed) != hashes[0]


def test_a_list_has_the_hash_of_its_points_in_any_order(tmp_path):
    for name, order in (("a", [0, 1, 2]), ("b", [2, 0, 1])):
        points = {"temperature": [[0.1, 0.2, 0.3][i] for i in order], "size": [[8, 4, 4][i] for i in order]}
        rig.run(Workflow(model=S.Batched, points=points, samples=2, seed=1), tmp_path / name)
    a, b = (citing.content_hash(isinglass.open(tmp_path / n)) for n in "ab")
    assert a == b


def test_a_run_that_is_damaged_is_refused(tmp_path):
    rig.run(Workflow(model=S.Batched, axes={"temperature": [0.1]}, samples=1, seed=1), tmp_path / "a")
    chunk = next(
        p for p in (tmp_path / "a" / "data.zarr").resolve().glob("value/**/*") if p.name != "zarr.json" and p.is_file()
    )
    chunk.write_bytes(b"torn")
    for command in (
        lambda: list(citing.cite(tmp_path / "a")),
        lambda: exporting.export(tmp_path / "a", tmp_path / "x.csv"),
    ):
        with pytest.raises(InputError, match="isinglass verify"):
            command()
    assert not Path(tmp_path / "x.csv").exists()
