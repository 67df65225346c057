"""The search language on entries: what holds, what does not, and how malformed lines are answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from isinglass import InputError, queries
from isinglass.datasets import Catalog, Entry


def entry(name: str, **metadata: object) -> Entry:
    content = {"description": f"about {name}", "metadata": metadata}
    return Entry(name, Catalog(Path("catalogs/datasets.yaml"), own=True), content)


ENTRIES = [
    entry(
        "retrieval", model="Hopfield", workflow="hopfield-retrieval", samples=8, seed=1985,
        axes={"load": {"units": "1", "values": [0.02, 0.1, 0.2]}, "rule": {"values": ["Hebb", "oja"]}},
        fixed={"neurons": {"value": 1000}, "closed": {"value": False}, "cue_mode": {"value": "flipped"}},
        observables={"coherence": {"role": "coherence"}, "m": {"role": "memory", "task": "recall"}},
    ),
    entry(
        "long", model="Ising", axes={"temperature": {"units": "1", "minimum": 1.0, "maximum": 3.0, "count": 1000}},
        derived={"steps": {"values": [10, 20]}}, observables={"energy": {}}, citation="Onsager 1944",
    ),
    Entry("by-hand", Catalog(Path("x.yaml"), own=True), {"driver": "zarr", "args": {"urlpath": "x"}}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "names"), [
    ("load>0.1", "retrieval"), ("load>=0.2", "retrieval"), ("load>0.2", ""), ("load<0.02", ""),
    ("load<=0.02", "retrieval"),
    ("load=0.1", "retrieval"), ("load==0.10", "retrieval"), ("load=0.15", ""), ("load!=0.1", "retrieval"),
    ("load > 0.1 model = hopfield", "retrieval"), ("model=Hopfield model=Ising", ""),
    ("model!=Ising", "retrieval by-hand"),
    ("rule=hebb", "retrieval"), ("rule=storkey", ""), ("neurons>999", "retrieval"), ("neurons=1e3", "retrieval"),
    ("cue_mode!=flipped", ""), ("closed=false", "retrieval"), ("task=recall", "retrieval"),
    ("role=memory", "retrieval"),
    ("observable=coherence", "retrieval"), ("observable!=coherence", "long by-hand"), ("samples>4", "retrieval"),
    ("seed=1985", "retrieval"), ("workflow=hopfield-retrieval", "retrieval"), ("name=by-hand", "by-hand"),
    ("temperature=2.269", "long"), ("temperature>3", ""), ("temperature>=3", "long"), ("temperature<0.5", ""),
    ("temperature!=1", "long"), ("steps>15", "long"), ("onsager", "long"), ("ABOUT", "retrieval long"),
    ('"about long"', "long"), ("'about retrieval' load>0", "retrieval"), ("temperature", "long"), ("hand", "by-hand"),
])  # fmt: skip
def test_search(text: str, names: str) -> None:
    assert [e.name for e in queries.search(ENTRIES, text)] == names.split()


@pytest.mark.parametrize(("text", "words"), [
    ("load>", "load> has no value behind it"), (">0.1", "> has no name before it"), ("load>>0.1", "load> has no value"),
    ("load>high", "only numbers"), ("model>3", "only numbers"), ('"open', "quotation mark is not closed"),
    ("load ! 3", "unexpected '!'"), ("", "search for what"), ("  ", "search for what"),
    ("laod>0.1", "did you mean 'load'"),
    ("load= =3", "no value behind it"),
])  # fmt: skip
def test_malformed(text: str, words: str) -> None:
    with pytest.raises(InputError, match="search") as caught:
        queries.search(ENTRIES, text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_entries_no_complaint() -> None:
    assert queries.search([], "load>0.1") == []
