"""Searching catalogs: `load>0.1 model=Hopfield recall`. Every term must hold; pure functions on entries."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from isinglass.datasets import Entry, said
from isinglass.exceptions import InputError, known

TOKEN = re.compile(
    r"""\s*(?:(?P<op>>=|<=|!=|==|=|<|>)|"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s<>=!"']+))"""
)
COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "=": operator.eq, "!=": operator.ne,
}  # fmt: skip
TEXTS = ("name", "model", "workflow", "task", "role", "observable")
NUMBERS = ("samples", "replicas", "seed")
EXAMPLE = 'write terms such as load>0.1 model=Hopfield observable=coherence "retrieval diagram"'


@dataclass(frozen=True)
class Term:
    """A word that is looked for everywhere (`op` empty), or a comparison."""

    word: str
    op: str = ""
    value: str = ""

    @property
    def number(self) -> float | None:
        try:
            return float(self.value)
        except ValueError:
            return None


def parse(text: str) -> list[Term]:
    """The terms of a query. Raises InputError, with the place, for what is none."""
    tokens: list[tuple[str, str]] = []
    at = 0
    while text[at:].strip():
        found = TOKEN.match(text, at)
        if found is None:
            rest = text[at:].strip()
            what = "a quotation mark is not closed" if rest[0] in "\"'" else f"unexpected {rest[0]!r}"
            raise InputError(f"search: {what} at {rest!r}: {EXAMPLE}")
        kind = str(found.lastgroup)
        tokens.append(("op" if kind == "op" else "word", found[kind]))
        at = found.end()
    if not tokens:
        raise InputError(f"search for what? {EXAMPLE[:1].upper()}{EXAMPLE[1:]}")
    terms: list[Term] = []
    while tokens:
        kind, word = tokens.pop(0)
        if kind == "op":
            raise InputError(f"search: {word} has no name before it: {EXAMPLE}")
        if not (tokens and tokens[0][0] == "op"):
            terms.append(Term(word))
            continue
        op = tokens.pop(0)[1].replace("==", "=")
        if not tokens or tokens[0][0] == "op":
            raise InputError(f"search: {word}{op} has no value behind it: {EXAMPLE}")
        term = Term(word, op, tokens.pop(0)[1])
        ordered = op not in ("=", "!=")
        if ordered and (term.number is None or word in TEXTS):
            raise InputError(f"search: {word}{op}{term.value}: only numbers are greater or less: {EXAMPLE}")
        terms.append(term)
    return terms


def search(entries: Iterable[Entry], text: str) -> list[Entry]:
    """The entries that fulfil every term. Raises InputError for a name that no entry has a parameter of."""
    terms, entries = parse(text), list(entries)
    names = {*TEXTS, *NUMBERS, *(name for entry in entries for name in parameters(entry))}
    for term in terms:
        if term.op and entries and term.word not in names:
            raise InputError(f"search: no dataset has a parameter {term.word!r}; {known(term.word, names)}")
    return [entry for entry in entries if all(holds(term, entry) for term in terms)]


def parameters(entry: Entry) -> dict[str, Mapping[str, Any]]:
    """Swept, derived and fixed parameters: name -> {units, values | minimum, maximum, count | value}."""
    groups = [entry.metadata.get(kind) for kind in ("fixed", "derived", "axes")]
    mappings = [group for group in groups if isinstance(group, dict)]
    return {str(k): v for group in mappings for k, v in group.items() if isinstance(v, dict)}


def holds(term: Term, entry: Entry) -> bool:
    """Whether a term holds: of a parameter, for some value that was swept or fixed."""
    if not term.op:
        return term.word.casefold() in _text(entry)
    if term.word in TEXTS:
        same = term.value.casefold() in (word.casefold() for word in _words(term.word, entry))
        return same if term.op == "=" else not same
    if term.word in NUMBERS:
        return _some([entry.metadata.get(term.word)], term)
    spec = parameters(entry).get(term.word)
    if spec is None:
        return False
    if "minimum" in spec and "values" not in spec:
        return _in_range(spec, term)
    values = spec.get("values", [spec.get("value")])
    return _some(values if isinstance(values, list) else [values], term)


def _some(values: Iterable[Any], term: Term) -> bool:
    compare, number = COMPARE[term.op], term.number
    for value in values:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if number is not None and compare(float(value), number):
                return True
        elif value is not None and term.op in ("=", "!=") and compare(said(value).casefold(), term.value.casefold()):
            return True
    return False


def _in_range(spec: Mapping[str, Any], term: Term) -> bool:
    """Of an axis with too many values to list: whether a value of its range fulfils the term."""
    low, high, number = spec.get("minimum"), spec.get("maximum"), term.number
    if not (isinstance(low, (int, float)) and isinstance(high, (int, float)) and number is not None):
        return False
    if term.op == "=":
        return low <= number <= high
    return any(COMPARE[term.op](float(end), number) for end in (low, high))


def _words(kind: str, entry: Entry) -> list[str]:
    if kind == "name":
        return [entry.name]
    if kind in ("model", "workflow"):
        return [said(entry.metadata.get(kind))]
    found = entry.metadata.get("observables")
    observables = found if isinstance(found, dict) else {}
    if kind == "observable":
        return [str(name) for name in observables]
    return [said(o[kind]) for o in observables.values() if isinstance(o, dict) and kind in o]


def _text(entry: Entry) -> str:
    """Everything that a plain word is looked for in, case folded."""
    words = [entry.name, entry.title, *(said(entry.metadata.get(k)) for k in ("title", "citation", "license"))]
    words += [word for kind in TEXTS[1:] for word in _words(kind, entry)]
    return "\n".join([*words, *parameters(entry)]).casefold()
