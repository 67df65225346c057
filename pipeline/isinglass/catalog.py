"""Catalogs: cited reference values by name (`catalogs/references.yaml`), which tests check and figures overlay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from isinglass.exceptions import InputError, known
from isinglass.shipped import shipped

Number = float | tuple[float, ...]
Value = Number | Mapping[str, Number]

STATUSES = ("computed", "published", "standard")


@dataclass(frozen=True)
class Reference:
    """One reference number, list, or table (a mapping from column to list).

    `uncertainty` is one standard error, or half a unit of the last digit of what was computed exactly; a mapping gives
    it by column; None where nobody recorded one. `status`: computed (by this project), published (seen in the cited
    source or its abstract), standard (from the literature by memory: no test rests on it alone).
    """

    name: str
    value: Value
    uncertainty: Value | None
    units: str | Mapping[str, str]
    status: str
    citation: str
    note: str

    def number(self) -> float:
        """The value, where it is a single number."""
        if isinstance(self.value, float):
            return self.value
        raise InputError(f"reference {self.name!r} is not a single number: use its `value`")

    def column(self, name: str) -> tuple[float, ...]:
        """One column of a table."""
        columns = self.value if isinstance(self.value, Mapping) else {}
        values = columns.get(name)
        if values is None:
            raise InputError(f"reference {self.name!r} has no column {name!r}: {known(name, columns)}")
        return values if isinstance(values, tuple) else (values,)


def reference(name: str) -> Reference:
    """The reference of that name."""
    try:
        return references()[name]
    except KeyError:
        raise InputError(f"unknown reference {name!r}: {known(name, references())}") from None


@lru_cache(maxsize=1)
def references() -> Mapping[str, Reference]:
    """All references by name."""
    import yaml

    path = shipped("catalogs") / "references.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        sources, entries = content["sources"], content["references"]
        return MappingProxyType({name: _reference(name, entry, sources) for name, entry in entries.items()})
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as references ({error}): restore the file") from error


def _reference(name: str, entry: Mapping[str, Any], sources: Mapping[str, str]) -> Reference:
    if entry["status"] not in STATUSES:
        raise ValueError(f"{name}: status {entry['status']!r} is none of {', '.join(STATUSES)}")
    units = entry["units"]
    return Reference(
        name=name,
        value=_frozen(entry["value"]),
        uncertainty=None if entry["uncertainty"] is None else _frozen(entry["uncertainty"]),
        units=MappingProxyType(units) if isinstance(units, dict) else str(units),
        status=entry["status"],
        citation="; ".join(sources[key] for key in entry["source"]),
        note=" ".join(entry["note"].split()),
    )


def _frozen(value: Any) -> Any:
    """Numbers as float, lists as tuples, mappings read-only."""
    if isinstance(value, dict):
        return MappingProxyType({str(key): _frozen(item) for key, item in value.items()})
    return tuple(float(item) for item in value) if isinstance(value, list) else float(value)
