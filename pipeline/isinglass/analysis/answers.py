"""The two questions of the atlas, answered by the rule of docs/atlas.md.

`rows` is a dataset of dim `row`, one for each run and axis: what `plane.concordance` returns along its dim `along`,
with the coordinates `run`, `model`, `task` and `axis`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from isinglass.analysis import plane

if TYPE_CHECKING:
    import xarray as xr

TOGETHER, USED = 0.5, 0.5
"""τ above TOGETHER: three in four edges go the same way. A share of excess order below USED: most order is used."""
MODELS = 2
"""A law fails where this many models have an axis that speaks against it."""
DECIDED = 10
"""A law holds only of at least this many models."""
TASKS = ("recall", "retention", "fading")


@dataclass(frozen=True)
class Question:
    """What a row may say: `yes`, `no`, or neither; and the question and its answers in words."""

    name: str
    words: str
    yes: str
    no: str
    between: str


MOVE = Question("move", "Do coherence and memory move together?", "together", "against", "mixed")
USE = Question("use", "Is the order that there is used for memory?", "used", "unused", "undecided")


def verdicts(rows: xr.Dataset) -> xr.Dataset:
    """`rows` with `move` (together, against, mixed, undecided) and `use` (used, unused, undecided), dim `row`."""
    low, high = rows["concordance_low"].values, rows["concordance_high"].values
    move = np.select(
        [~np.isfinite(low) | ~np.isfinite(high), low > TOGETHER, high < 0],
        ["undecided", MOVE.yes, MOVE.no], MOVE.between,
    )  # fmt: skip
    low, high = rows["excess_share_low"].values, rows["excess_share_high"].values
    use = np.select([high < USED, low > USED], [USE.yes, USE.no], "undecided")
    return rows.assign(move=("row", move.astype(str)), use=("row", use.astype(str)))


def by_model(rows: xr.Dataset, question: Question, task: str | None = None) -> dict[str, str]:
    """What each model says: yes or no where all of its axes that are decided say so, else mixed, or undecided."""
    said: dict[str, set[str]] = {}
    for model, of, word in zip(rows["model"].values, rows["task"].values, rows[question.name].values, strict=True):
        if task is None or of == task:
            said.setdefault(str(model), set()).update({str(word)} - {"undecided"})
    return {m: words.pop() if len(words) == 1 else "mixed" if words else "undecided" for m, words in said.items()}


def law(rows: xr.Dataset, question: Question) -> str:
    """`fails`, `holds`, `holds within limits`, or `not decided` where no model is."""
    against = {
        str(m) for m, w in zip(rows["model"].values, rows[question.name].values, strict=True) if w == question.no
    }
    models = by_model(rows, question)
    decided = [word for word in models.values() if word != "undecided"]
    if len(against) >= MODELS:
        return "fails"
    if not decided:
        return "not decided"
    if len(decided) >= DECIDED and all(word == question.yes for word in decided):
        return "holds"
    return "holds within limits"


def tendency(models: Mapping[str, str], question: Question) -> str:
    """`holds` where more than half of the decided models say yes, else `fails`; `not decided` where none is."""
    decided = [word for word in models.values() if word != "undecided"]
    if not decided:
        return "not decided"
    return "holds" if 2 * decided.count(question.yes) > len(decided) else "fails"


def sentences(rows: xr.Dataset, question: Question) -> list[str]:
    """The answer in words with all counts: as a law, then for each task as a tendency."""
    rows = verdicts(rows)
    words = [str(w) for w in rows[question.name].values]
    kinds = list(dict.fromkeys((question.yes, question.no, question.between, "undecided")))
    counts = ", ".join(f"{words.count(kind)} {kind}" for kind in kinds)
    against = sorted({str(m) for m, w in zip(rows["model"].values, words, strict=True) if w == question.no})
    naming = f" ({', '.join(against)})" if against else ""
    models = by_model(rows, question)
    decided = sum(word != "undecided" for word in models.values())
    out = [
        f"As a law: {law(rows, question)}. Of {len(words)} axes {counts}; {len(against)} models have an axis that says "
        f"{question.no}{naming}; {decided} of {len(models)} models are decided."
    ]
    for task in TASKS:
        of = by_model(rows, question, task)
        if of:
            said = "; ".join(
                f"{kind}: {', '.join(sorted(m for m, w in of.items() if w == kind))}"
                for kind in dict.fromkeys((question.yes, "mixed", question.no, "undecided"))
                if kind in of.values()
            )
            out.append(f"As a tendency, {task}: {tendency(of, question)}. {said}.")
    return out


def seen(rows: xr.Dataset) -> str:
    """How many edges there are, and of how many both changes are significant."""
    total = sum(int(rows[name].sum()) for name in plane.COUNTS if name != "missing")
    same, opposite = (int(rows[name].sum()) for name in ("same", "opposite"))
    alone = int(rows["coherence_only"].sum()), int(rows["memory_only"].sum())
    return (
        f"{total} edges with values at both ends, along {rows.sizes['row']} axes: both quantities change significantly "
        f"along {same + opposite}, coherence alone along {alone[0]}, memory alone along {alone[1]}; "
        f"{int(rows['missing'].sum())} edges have an end without a value."
    )
