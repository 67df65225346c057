"""What `isinglass compare` prints, writes and draws of two runs, and the exit code."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isinglass import comparison, ledger
from isinglass.arrays import Array
from isinglass.comparison import Difference, Matched, Side
from isinglass.exceptions import InputError
from isinglass.exporting import export_dataset
from isinglass.ledger import DamagedError, Json
from isinglass.provenance import Code

SHOWN = 60
"""Lines of a diff that are printed; the rest is counted."""
ENTRIES = 1000
"""Ledger entries that are asked for the machine that made them, evenly among all."""
DRAWN = 6
"""Observables in one figure."""


def compare(one: Path, other: Path, observable: str | None, out: Path | None) -> tuple[list[str], int]:
    """Lines about two run folders, and the exit code.

    0: no difference that is significant; 1: some are, or values differ that had to be the same. `out`: a dataset (.nc)
    or a figure (.png, .pdf) of the differences. Raises InputError for runs that share nothing, and another suffix.
    """
    if out is not None and out.suffix.lower() not in (".nc", ".png", ".pdf"):
        raise InputError(f"--out {out}: the suffix says what to write: .nc (the numbers), .png or .pdf (the figure)")
    if out is not None and not out.parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {out.parent}")
    matched = comparison.match(one, other)
    names, left = comparison.shared_observables(matched, observable)
    found = [d for name in names for d in comparison.differences(matched, name)]
    differs = comparison.significant(found)
    same = {name: comparison.same_bytes(matched, name) for name in names}
    lines = [*_runs(matched), *_points(matched), *parameter_differences(matched), *code_differences(matched)]
    lines += [f"not compared  {why}" for why in left]
    broken = False
    if not any(v is None for v in same.values()) and all(same.values()):
        lines.append(f"values        same bytes in {_many(len(names), 'observable')} at all that is done in both")
    elif all(v is None for v in same.values()):
        lines.append("values        no simulation is done in both: there is nothing to compare yet")
    else:
        changed = [name for name, v in same.items() if v is False]
        lines.append(f"values        other bytes in {len(changed)} of {_many(len(names), 'observable')}")
        if _determined(matched):
            machines = _machines(matched)
            broken = not machines
            lines += machines or [
                "  parameters, seed, code and kind of processor are the same, so the bytes should be: "
                f"isinglass verify {shlex.quote(str(one))} --sample 20, and the same of {shlex.quote(str(other))}"
            ]
        lines += _table(matched, found, differs)
    if out is not None and any(np.isfinite(d.delta).any() for d in found):
        lines += _written(matched, found, differs, out)
    return lines, int(broken or any(hit.any() for hit in differs))


def _runs(matched: Matched) -> Iterator[str]:
    for letter, side in (("A", matched.a), ("B", matched.b)):
        attrs, grid = side.flat.attrs, side.grid
        size = f"{_many(grid.samples, 'sample')}, {_many(grid.replicas, 'replica')}, seed {grid.seed}"
        yield f"{letter}             {side.root}: {attrs.get('title', '')} ({grid.model.__name__}), {size}"


def _points(matched: Matched) -> Iterator[str]:
    shared = len(matched.labels)
    only = [len(side.rows) - shared for side in (matched.a, matched.b)]
    yield f"points        {shared} shared, {only[0]} only in A, {only[1]} only in B"
    states = []
    for letter, side, at in (("A", matched.a, matched.at_a), ("B", matched.b, matched.at_b)):
        status = side.flat["status"].values.reshape(-1, side.grid.samples * side.grid.replicas)[at]
        words = [f"{int((status == k).sum())} {w}" for k, w in ((0, "pending"), (2, "failed"), (3, "skipped"))]
        missing = [w for w in words if not w.startswith("0 ")]
        if missing:
            states.append(f"{', '.join(missing)} of {status.size} simulations in {letter}")
    if states:
        yield f"  of the shared points: {'; '.join(states)}; what is not done enters no mean"
    paired = int(matched.paired.sum())
    if paired == shared:
        yield "samples       the same disorder in both: differences sample by sample"
    elif paired:
        yield f"samples       the same disorder at {paired} of {shared} points (sample by sample), else other"
    else:
        yield "samples       other disorder: the runs are independent"


# ---------------------------------------------------------------- parameters and code


def parameter_differences(matched: Matched) -> list[str]:
    """What differs in axes, fixed and derived parameters, seed, samples, replicas and pairing; a line each."""
    a, b = matched.a.grid, matched.b.grid
    pairs: list[tuple[str, Any, Any]] = [
        ("model", a.model.__name__, b.model.__name__),
        ("seed", a.seed, b.seed),
        ("samples", a.samples, b.samples),
        ("replicas", a.replicas, b.replicas),
        ("paired", ", ".join(a.paired) or "nothing", ", ".join(b.paired) or "nothing"),
    ]
    for name in dict.fromkeys([*a.axes, *b.axes, *a.fixed, *b.fixed, *a.derived, *b.derived]):
        pairs.append((name, _given(matched.a, name), _given(matched.b, name)))
    return [f"{name:14}A {one}, B {other}" for name, one, other in pairs if one != other]


def _given(side: Side, name: str) -> str:
    grid = side.grid
    if name in grid.axes:
        values = grid.axes[name]
        words = [v.shown if isinstance(v, Array) else str(v) for v in dict.fromkeys(values)]
        return ", ".join(words) if len(words) <= 8 else f"{', '.join(words[:3])} ... {words[-1]} ({len(words)} values)"
    if name in grid.derived:
        return f"derived, {len(set(grid.derived[name].ravel().tolist()))} values"
    if name in grid.fixed:
        value = grid.fixed[name]
        return value.shown if isinstance(value, Array) else str(value)
    return "has none"


def code_differences(matched: Matched) -> list[str]:
    """What differs in the code that the models reach, in versions, in the git commit and in the workflow's text."""
    records = [ledger.newest_request(side.store.requests) for side in (matched.a, matched.b)]
    hashes = [str(record["code"]) for record in records]
    lines = []
    if hashes[0] != hashes[1]:
        lines.append(f"code          A {hashes[0]}, B {hashes[1]}")
        definitions = [_definitions(side, code) for side, code in zip((matched.a, matched.b), hashes, strict=True)]
        text = Code(definitions[1]).difference(Code(definitions[0]))
        text = text.replace("--- stored: ", "--- A: ").replace("+++ now: ", "+++ B: ")
        lines += _cut(text.splitlines())
    attrs = [side.flat.attrs for side in (matched.a, matched.b)]
    for name in ("isinglass", "python", "numpy", "numba", "llvmlite", "scipy"):
        one, other = (r.get(name, attr.get(f"{name}_version")) for r, attr in zip(records, attrs, strict=True))
        if one != other:
            lines.append(f"{name:14}A {one}, B {other}")
    commits = [attr.get("git_commit", "none") + " with changes" * (attr.get("git_dirty") == "yes") for attr in attrs]
    if commits[0] != commits[1]:
        lines.append(f"git commit    A {commits[0]}, B {commits[1]}")
    texts = [_text(side.root) for side in (matched.a, matched.b)]
    if None in texts and texts != [None, None]:
        lines.append(f"workflow text only {'A' if texts[1] is None else 'B'} keeps one")
    elif texts[0] is not None and texts[1] is not None and texts[0] != texts[1]:
        lines.append("workflow text")
        lines += _cut([*difflib.unified_diff(texts[0], texts[1], "A", "B", "", "", 1, "")])
    return lines


def _definitions(side: Side, code: str) -> dict[str, str]:
    try:
        found: dict[str, str] = ledger.read_twice(side.root / ".store" / "code" / f"{code}.json")["definitions"]
    except (DamagedError, FileNotFoundError):
        return {}
    return found


def _text(root: Path) -> list[str] | None:
    path = root / "workflow.py"
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else None


def _cut(lines: Sequence[str]) -> list[str]:
    more = len(lines) - SHOWN
    return [f"  {line}" for line in lines[:SHOWN]] + ([f"  and {more} lines more"] if more > 0 else [])


def _determined(matched: Matched) -> bool:
    """Whether purity says that the same simulations have the same bytes: same code, seed, pairing and parameters."""
    a, b = matched.a, matched.b
    codes = [{p.stem for p in ledger.stems(side.root / ".store" / "code")} for side in (a, b)]
    if len(codes[0]) != 1 or codes[0] != codes[1] or not matched.paired.all() or a.grid.paired != b.grid.paired:
        return False
    names = {*a.grid.axes, *a.grid.fixed, *a.grid.derived}
    return all(
        bool((comparison.values_of(a.grid, n)[matched.at_a] == comparison.values_of(b.grid, n)[matched.at_b]).all())
        for n in names
    )


def _machines(matched: Matched) -> list[str]:
    """Whether other kinds of processor or other compilers made them: bits may differ, and nothing be wrong."""
    kinds = []
    for side in (matched.a, matched.b):
        listed = list(ledger.listing(side.store.ledger).items())
        entries = (_entry(side, *item) for item in listed[:: max(1, len(listed) // ENTRIES)])
        kinds.append({tuple(str(e.get(k)) for k in ("cpu", "numba", "llvmlite")) for e in entries if e})
    if len(kinds[0] | kinds[1]) < 2:
        return []
    words = [" or ".join(f"{c}, numba {n}, llvmlite {v}" for c, n, v in sorted(kind)) for kind in kinds]
    return [
        f"  made on A {words[0]}; B {words[1]}: across kinds of processor and compilers the last bits may differ, and "
        "what is chaotic then goes another way; the means below say whether more does"
    ]


def _entry(side: Side, block: str, suffix: str) -> Json:
    try:
        return ledger.read_entry(side.store.ledger, block, suffix)
    except (DamagedError, FileNotFoundError):
        return {}


# ---------------------------------------------------------------- what differs


def _table(matched: Matched, found: Sequence[Difference], differs: Sequence[np.ndarray]) -> Iterator[str]:
    tested = sum(int((~np.isnan(d.p)).sum()) for d in found)
    if not tested:
        yield "  one sample, or none, a point: there is no standard error, and so no test; run more --samples"
    else:
        total = sum(int(hit.sum()) for hit in differs)
        yield (
            f"differences   {total} of {tested} significant: Student's t, false discovery rate "
            f"{comparison.RATE:.0%} (Benjamini and Yekutieli, over all points and observables)"
        )
    width = max(len(d.name) for d in found) + 2
    for d, hit in zip(found, differs, strict=True):
        many = int((~np.isnan(d.p)).sum())
        if not np.isfinite(d.delta).any():
            yield f"  {d.name:{width}}no value in both"
            continue
        if not np.nanmax(np.abs(d.delta)):
            yield f"  {d.name:{width}}{f'0 of {many}' if many else 'untested':14} the same means"
            continue
        size = np.abs(d.z) if many else np.abs(d.delta)
        row, element = np.unravel_index(int(np.nanargmax(size)), size.shape)
        at = [f"{n}={v}" for n, v in zip(matched.names, matched.labels[row], strict=True)]
        place = " ".join([*at, d.elements[element]]).strip()
        unit = "" if d.units == "1" else f" {d.units}"
        error = d.error[row, element]
        value = f"{d.delta[row, element]:+.3g}" + (f" ± {error:.2g}" if np.isfinite(error) else "")
        z = f" (Δ/SE {d.z[row, element]:+.1f})" if np.isfinite(d.z[row, element]) else ""
        share = f"{int(hit.sum())} of {many}" if many else "untested"
        yield f"  {d.name:{width}}{share:14} largest B - A {value}{unit}{z} at {place}"


def _many(n: int, word: str) -> str:
    return f"{n} {word}{'s' * (n != 1)}"


def _written(matched: Matched, found: list[Difference], differs: Sequence[np.ndarray], out: Path) -> list[str]:
    ds = comparison.dataset(matched, found, differs)
    if out.suffix.lower() == ".nc":
        export_dataset(ds, out)
        return [f"written       {out}"]
    from isinglass.figures import save
    from isinglass.figures.difference_map import draw

    order = sorted(range(len(found)), key=lambda i: (-int(differs[i].sum()), found[i].role is None, i))
    names = [found[i].name for i in sorted(order[:DRAWN]) if found[i].elements == [""]]
    left = len(found) - len(names)
    if not names:
        raise InputError(f"--out {out}: {found[0].name} has dims of its own: take .nc, which holds all")
    figure = draw(ds, names, list(matched.names))
    lines = [f"figure        {path}" for path in save(figure, out.parent, out.stem)]
    return lines + ([f"  {_many(left, 'observable')} more: --observable NAME, or --out FILE.nc"] if left else [])
