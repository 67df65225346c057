"""Which points have unconverged simulations, and the command that runs them longer."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from isinglass import ledger
from isinglass.dataset import Store, read_block
from isinglass.ledger import DamagedError
from isinglass.models.stepped import Stepped
from isinglass.planning import Request, block_index
from isinglass.recorded import keeps_states
from isinglass.sweep import Grid

CONVERGED = "converged"


def unconverged(store: Store, request: Request) -> tuple[int, list[str]]:
    """(points asked for that have a done simulation with converged = 0, blocks that could not be read).

    One int8 variable is read, block by block; where a simulation is not done its fill value stands, not 0.
    """
    points, unreadable = np.zeros(request.keep.shape, bool), []
    for name in ledger.listing(store.ledger):
        box = store.blocks.slices(block_index(name))
        if not request.touches(box):
            continue
        try:
            values = read_block(store, box, [CONVERGED])[CONVERGED]
        except DamagedError:
            unreadable.append(name)
            continue
        asked = request.wanted(box, np.zeros_like(values), False)
        points[tuple(box[:-2])] |= (asked & (values == 0)).any(axis=(-2, -1))
    return int(points.sum()), unreadable


def advice(store: Store, asked: Grid, request: Request, command: Sequence[str]) -> Iterator[str]:
    """Lines on what has not converged, and how to go on; none where all has. `command`: the words that ran it."""
    model, root = asked.model, store.root
    if not any(o.name == CONVERGED and o.dtype == "int8" for o in model.observables):
        return
    points, unreadable = unconverged(store, request)
    if unreadable:
        yield f"converged cannot be read in {len(unreadable)} blocks ({unreadable[0]}): isinglass verify {root}"
    if not points:
        return
    yield f"{points} of {int(request.keep.sum())} points have unconverged simulations (converged = 0)"
    name = model.duration if issubclass(model, Stepped) else ""
    if not name:
        yield f"  {model.__name__} does not say which parameter makes a run longer"
        return
    twice = 2 * longest(store, asked, name)
    if keeps_states(model):
        yield f"  go on from where they ended: {longer(command, name, twice, root, None)}"
        return
    fresh = None if name in asked.axes else root.with_name(f"{root.name}-{name}{twice}")
    yield f"  run longer, from the start: {longer(command, name, twice, root, fresh)}"
    yield "  with record=Record(keep_states=True) in the workflow, a longer run goes on from where a shorter one ended"


def longest(store: Store, asked: Grid, duration: str) -> int:
    """The largest value of the duration that is asked for."""
    if duration in asked.fixed:
        return int(asked.fixed[duration])
    if duration in asked.axes:
        return max(int(v) for v in asked.axes[duration])
    return max(map(int, store.declaration["derived"][duration]))


def longer(command: Sequence[str], duration: str, value: int, root: Path, fresh: Path | None) -> str:
    """The command that ran, with another duration; where none is known, one on the text that the folder keeps."""
    setting = ["--set", f"{duration}={value}"]
    if len(command) < 3 or command[1] != "run":
        if not (root / "workflow.py").is_file():
            return f"isinglass.run(workflow, settings={{{duration!r}: [{value}]}}, out={str(fresh or root)!r})"
        return shlex.join(["isinglass", "run", str(root / "workflow.py"), *setting, "--out", str(fresh or root)])
    words, rest = ["isinglass", "run"], list(command[2:])
    dropped = {"--shard", "--out"} if fresh is not None else {"--shard"}
    while rest:
        word = rest.pop(0)
        flag, sign, value_ = word.partition("=")
        taken = flag in dropped or (flag == "--set" and (value_ if sign else rest[0]).split("=")[0] == duration)
        given = [word, rest.pop(0)] if flag in {"--set", *dropped} and not sign else [word]
        words += [] if taken else given
    return shlex.join([*words, *setting, *(["--out", str(fresh)] if fresh is not None else [])])


def words_of(command: str) -> list[str]:
    """The words of a command line that a request keeps; none where they cannot be told apart."""
    try:
        return shlex.split(command)
    except ValueError:
        return []
