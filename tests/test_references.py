"""The catalog of reference values: every number once, cited, with its uncertainty; found by name."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import yaml

from isinglass import catalog
from isinglass.exceptions import InputError
from isinglass.shipped import shipped


def test_a_number_and_a_table_are_found_by_name():
    capacity = catalog.reference("hopfield.ags.capacity_zero_temperature")
    assert capacity.number() == 0.1379055665
    assert "Ann. Phys. 173, 30 (1987)" in capacity.citation
    table = catalog.reference("hopfield.ags.T_M")
    assert dict(zip(table.column("load"), table.column("temperature"), strict=True))[0.05] == 0.542255


def test_an_unknown_name_brings_the_closest():
    with pytest.raises(InputError, match=r"did you mean 'hopfield\.ags\.T_AT'"):
        catalog.reference("hopfield.ags.T_At")
    with pytest.raises(InputError, match="did you mean 'overlap'"):
        catalog.reference("hopfield.ags.T_M").column("overlaps")
    with pytest.raises(InputError, match="not a single number"):
        catalog.reference("hopfield.ags.T_M").number()


def test_a_damaged_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "shipped", lambda kind: tmp_path)
    (tmp_path / "references.yaml").write_text("sources: {}\nreferences: {a: {value: 1}}\n")
    catalog.references.cache_clear()
    try:
        with pytest.raises(InputError, match=r"references\.yaml"):
            catalog.references()
    finally:
        catalog.references.cache_clear()


def test_references_cannot_be_changed():
    with pytest.raises(TypeError):
        catalog.references()["x"] = None  # type: ignore[index]
    with pytest.raises(TypeError):
        catalog.reference("hopfield.ags.T_M").value["load"] = ()  # type: ignore[index, call-overload]


@pytest.mark.parametrize("entry", catalog.references().values(), ids=lambda entry: entry.name)
def test_every_entry_is_complete(entry):
    assert entry.note
    assert entry.citation
    assert entry.status in catalog.STATUSES
    columns = entry.value if isinstance(entry.value, Mapping) else {}
    assert len({len(v) if isinstance(v, tuple) else 0 for v in columns.values()}) <= 1  # columns of one length
    if isinstance(entry.units, Mapping):
        assert set(entry.units) == set(columns)
    if entry.uncertainty is None:
        assert "without standard errors" in entry.note
    elif isinstance(entry.uncertainty, Mapping):
        assert set(entry.uncertainty) <= set(columns)
    else:
        assert entry.uncertainty > 0


class _Strict(yaml.SafeLoader):
    """Refuses a key that is given twice (YAML keeps the last one silently)."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"twice: {sorted(k for k in keys if keys.count(k) > 1)}"
        return super().construct_mapping(node, deep)


def test_no_name_is_given_twice_and_no_source_is_unused():
    content = yaml.load((shipped("catalogs") / "references.yaml").read_text(encoding="utf-8"), _Strict)
    used = {key for entry in content["references"].values() for key in entry["source"]}
    assert used == set(content["sources"])
