"""What a run would do: the request checked, what is missing of it, and what that costs by a measured pilot."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from isinglass import ledger, results
from isinglass.continuation import saved
from isinglass.coordinates import OwnDim, own_dims
from isinglass.dataset import Store, simulation_bytes
from isinglass.exceptions import InputError
from isinglass.generations import check_folder, current
from isinglass.inspection import carried_over, committed
from isinglass.isolation import cell
from isinglass.kernels.jit import compiling
from isinglass.ledger import Json
from isinglass.models.base import check_runnable
from isinglass.pilot import PILOT_LIMIT, pilot
from isinglass.planning import (
    LONG_SIMULATION,
    MAX_SIMULATION_BYTES,
    Blocks,
    Pilot,
    Request,
    StatusOf,
    block_shape,
    costs,
    missing,
    pack,
    shard,
    wall_seconds,
)
from isinglass.profiles import Profile, cores, load_profile
from isinglass.progress import duration, size
from isinglass.provenance import Code, code_of
from isinglass.recorded import sizes
from isinglass.source import ModelReference, text_hash
from isinglass.sweep import Grid, Sweep, locate, unite
from isinglass.workflow import Workflow

MAX_POINTS, MAX_SIMULATIONS = 10**7, 10**10  # every point's model is constructed once before anything runs
TASK_SECONDS = 1.0  # tiny blocks travel together: a task costs the scheduler some 3 ms


@dataclass(frozen=True)
class Options:
    """How to run, apart from what."""

    out: Path | None = None
    preset: str | None = None
    cluster: str | None = None
    shard: tuple[int, int] | None = None
    retry_failed: bool = False
    accept_code_change: bool = False
    figures: bool = True
    yes: bool = False
    block: Mapping[str, int] = field(default_factory=dict)

    def folder(self, workflow: Workflow) -> Path:
        if self.out is not None:
            return self.out
        return Path("results") / (workflow.name + (f"-{self.preset}" if self.preset else ""))


@dataclass(frozen=True)
class Plan:
    """What a run will do, before it does it. Seconds are CPU seconds; `pilot` is what they rest on.

    `slots`: simulations at once, 0 where only the cluster knows.
    """

    simulations: int
    points: int
    skipped: int
    blocks: int
    block: tuple[int, ...]
    files: int
    bytes: int
    cpu_seconds: float
    wall_seconds: float
    longest: float
    longest_block: float
    slots: int
    pilot: Pilot
    recorded: tuple[tuple[str, int], ...] = ()

    def lines(self, asked: Grid) -> Iterator[str]:
        spread = self.pilot.high / self.pilot.low if self.pilot.low else 1.0
        low, high = (self.cpu_seconds * p / self.pilot.seconds for p in (self.pilot.low, self.pilot.high))
        box = " x ".join(f"{n} {d}" for n, d in zip(self.block, asked.full_dims, strict=True))
        yield f"points        {self.points}" + (f" ({self.skipped} more skipped by `where`)" if self.skipped else "")
        each = f"{asked.samples} samples x {asked.replicas} replicas a point"
        yield f"simulations   {self.simulations} to run of {self.points * asked.samples * asked.replicas} ({each})"
        yield f"blocks        {self.blocks} of {box}"
        yield f"store         {self.files} files, at most {size(self.bytes)} before compression"
        if self.recorded:
            each = ", ".join(f"{name} {size(n)}" for name, n in self.recorded)
            all_ = self.simulations * sum(n for _, n in self.recorded)
            yield f"recorded      {each} a simulation; at most {size(all_)} in all"
        if not self.pilot.timed:
            yield "CPU time      not measured: no point of the pilot ran; blocks are made for 10 ms a simulation"
            return
        points = f", {duration(low)} to {duration(high)} by the pilot's points" if spread > 1.05 else ""
        yield f"CPU time      {duration(self.cpu_seconds)}{points}"
        speedup = self.pilot.speedup if self.slots > 1 else None
        measured = f"; two threads were {speedup:.1f} times as fast as one" if speedup else ""
        if self.slots:
            yield f"time          {duration(self.wall_seconds)} with {self.slots} at a time{measured}"
        else:
            yield "time          as many at a time as the cluster's workers take"
        if self.longest > LONG_SIMULATION:
            yield f"warning       the longest simulation takes {duration(self.longest)}: a stop loses that much of it"


@dataclass(frozen=True)
class Asked:
    """A workflow's request, checked: the grid, the kept points, the code. `again`: the same was asked before."""

    workflow: Workflow
    sweep: Sweep
    grid: Grid
    keep: np.ndarray
    code: Code
    reference: ModelReference
    again: bool = False

    @functools.cached_property
    def cost(self) -> np.ndarray:
        """`cost()` of each kept point."""
        return costs(self.grid, self.keep)

    @functools.cached_property
    def own(self) -> dict[str, OwnDim]:
        """The own dims of what is asked."""
        return own_dims(self.grid, self.keep)

    def record(self) -> Json:
        """What a request file says of it, apart from when and by whom; `keep` besides."""
        return {
            "workflow": self.workflow.name,
            "title": self.workflow.title,
            "axes": [[k, list(v)] for k, v in self.grid.axes.items()],
            "points": self.grid.points,
            "samples": self.grid.samples,
            "replicas": self.grid.replicas,
            "code": self.code.hash,
            "chosen_by": _chosen_by(self.workflow),
        }

    @classmethod
    def of(cls, workflow: Workflow, last: Json | None = None) -> Asked:
        """Raises InputError for what cannot be run. `last`: the newest request of the folder.

        Where that asked the same by the same text, its choice of points stands: no point is looked at again.
        """
        check_runnable(workflow.model)
        sweep = workflow.sweep()
        grid = sweep.grid()
        points, simulations = math.prod(grid.shape), math.prod(grid.full_shape)
        if max(*grid.full_shape, points) > MAX_POINTS or simulations > MAX_SIMULATIONS:
            raise InputError(
                f"{points:.3g} points and {simulations:.3g} simulations are more than one sweep holds "
                f"({MAX_POINTS:.0e} and {MAX_SIMULATIONS:.0e}): split it into several"
            )
        new = cls(
            workflow, sweep, grid, np.ones(grid.shape, bool), code_of(workflow.model), ModelReference.to(workflow.model)
        )
        record = new.record()
        if last is not None and record["chosen_by"] and {k: last.get(k) for k in record} == record:
            keep = ledger.unpack_array(last["keep"]).astype(bool)
            return replace(new, keep=keep, again=True)
        return replace(new, keep=sweep.keep(grid))


def _chosen_by(workflow: Workflow) -> str:
    """A hash of the text that chooses the points; empty where `where` is not of the workflow file's own text."""
    where: Any = workflow.where
    if where is None:
        return text_hash(f"all {workflow.text}")
    code, scope = getattr(where, "__code__", None), getattr(where, "__globals__", {})
    if workflow.text is None or code is None or where.__closure__ or scope.get("__isinglass_text__") != workflow.text:
        return ""
    return text_hash(f"{code.co_firstlineno} {code.co_code.hex()} {workflow.text}")


# ---------------------------------------------------------------- plan


def make(workflow: Workflow, options: Options, profile: Profile | None = None) -> tuple[Plan, Grid]:
    """Measure a pilot and say what a run would do now, and on which grid; declares and stores nothing."""
    root, profile = options.folder(workflow), profile or load_profile(options.cluster)
    asked = Asked.of(workflow, last_request(root))
    own = asked.own
    check_size(asked, options)
    check_folder(root)
    if workflow.stages:
        results.rehearse(workflow, asked.grid, {})
    store = current(root) if root.is_dir() else None
    if store is None:
        measured = measure(asked)
        block = choose_block(asked, own, measured, profile, options)
        undone = find_undone(asked, asked.grid, Blocks(asked.grid.full_shape, block), nothing_done, options)
        return plan_of(asked, undone, own, measured, profile), asked.grid
    old = store.grid(workflow.model)
    union = united(root, old, asked)
    check_code(store, asked, options)
    measured = measure(asked)
    extended = union.full_shape != old.full_shape or store.sealed
    status_of = carried_over(store, old, union) if extended else committed(store)
    undone = find_undone(asked, union, Blocks(union.full_shape, store.work_block), status_of, options)
    return plan_of(asked, undone, own_dims(union, undone.request.keep), measured, profile), union


def measure(asked: Asked, home: Path | None = None) -> Pilot:
    """A pilot: in this process, unless simulations may hang or an earlier pilot died.

    `home`: where a note says that a pilot is under way, so that a next run knows of its death.
    """
    deaths = 0
    if home is not None:
        deaths = ledger.deaths_at(home, "pilot")
        store = current(home.parent)
        deaths += sum(map(ledger.deaths_of, ledger.in_flight(store.ledger))) if store is not None else 0
        ledger.begin(home, "pilot", {})
    limit = asked.workflow.time_limit
    try:
        if asked.reference.portable and (limit is not None or deaths):
            most = None if limit is None else min(limit, PILOT_LIMIT)
            with cell(asked.reference, most, (home or Path()).parent, lambda: False) as alone:
                return pilot(asked.grid, asked.cost, cores(), alone)
        with compiling(asked.code.hash):
            return pilot(asked.grid, asked.cost, cores())
    finally:
        if home is not None:
            (home / "pilot.run").unlink(missing_ok=True)


@dataclass(frozen=True)
class Undone:
    """What a request still lacks: (block, cost in units of `cost()`, simulations) of each block with work in it."""

    blocks: Blocks
    request: Request
    jobs: list[tuple[tuple[int, ...], float, int]]

    @property
    def simulations(self) -> int:
        return sum(n for _, _, n in self.jobs)


def find_undone(asked: Asked, grid: Grid, blocks: Blocks, status_of: StatusOf, options: Options) -> Undone:
    """What this run, or this shard of it, has to do on a declared grid."""
    request = Request.on(grid, asked.grid, asked.keep)
    cost: np.ndarray | None = None
    less = saved(grid, blocks, status_of)
    mine = shard(blocks, *options.shard, grid.seed) if options.shard is not None else None
    jobs = []
    for index, wanted in missing(blocks, request, status_of, options.retry_failed):
        if mine is None or index in mine:
            if cost is None:
                cost = np.zeros(grid.shape)
                cost[np.ix_(*locate(asked.grid, grid))] = asked.cost
            each = wanted.sum(axis=(-2, -1))
            box = blocks.slices(index)
            work = float((each * cost[tuple(box[:-2])]).sum())
            jobs.append((index, work - float(less[box][wanted].sum()) if less is not None else work, int(each.sum())))
    return Undone(blocks, request, jobs)


def last_request(root: Path) -> Json | None:
    """The newest request of a run folder, or None."""
    requests = ledger.requests(root / ".store" / "runs")
    return requests[-1] if requests else None


def nothing_done(index: tuple[int, ...], box: tuple[slice, ...]) -> np.ndarray:
    """The status of a block in a store that does not exist yet."""
    del index
    return np.zeros([s.stop - s.start for s in box], np.int8)


def united(root: Path, old: Grid, asked: Asked) -> Grid:
    """The union of a folder's grid and what is asked. Raises InputError where the folder holds another sweep."""
    try:
        return unite(old, asked.sweep, asked.grid)
    except InputError as error:
        raise InputError(f"{root}: {error}; take a fresh folder with --out, or the same values") from error


def plan_of(asked: Asked, undone: Undone, own: Mapping[str, OwnDim], measured: Pilot, profile: Profile) -> Plan:
    """What doing all of it takes."""
    model, slots = asked.workflow.model, profile.slots
    each, _ = simulation_bytes(model, own)
    tasks = pack([(index, cost * measured.seconds) for index, cost, _ in undone.jobs], TASK_SECONDS)
    blocks, arrays = len(undone.jobs), len(model.observables) + 2
    slower = 2 / measured.speedup if slots > 1 and measured.speedup else 1.0
    return Plan(
        simulations=undone.simulations,
        points=int(asked.keep.sum()),
        skipped=int((~asked.keep).sum()),
        blocks=blocks,
        block=undone.blocks.block,
        files=blocks * (arrays + 1) + arrays + 2 * len(asked.grid.full_dims) + 4,
        bytes=undone.simulations * each,
        cpu_seconds=sum(seconds for seconds, _ in tasks),
        wall_seconds=wall_seconds([seconds for seconds, _ in tasks], max(slots, 1)) * slower,
        longest_block=max((cost * measured.seconds for _, cost, _ in undone.jobs), default=0.0),
        longest=float(asked.cost.max()) * measured.seconds * model.lanes,
        slots=slots,
        pilot=measured,
        recorded=tuple(sizes(model, own)),
    )


def choose_block(
    asked: Asked, own: Mapping[str, OwnDim], measured: Pilot, profile: Profile, options: Options
) -> tuple[int, ...]:
    _, largest = simulation_bytes(asked.workflow.model, own)
    mean = float(asked.cost[asked.keep].mean()) * measured.seconds
    return block_shape(asked.grid, mean, max(profile.slots, cores()), largest, options.block)


def check_size(asked: Asked, options: Options) -> None:
    """Raises InputError for a sweep whose single simulation yields more than 1 GB, unless `--yes`."""
    each, _ = simulation_bytes(asked.workflow.model, asked.own)
    if each > MAX_SIMULATION_BYTES and not options.yes:
        raise InputError(f"one simulation yields {size(each)}: record less, or say --yes")


def check_code(store: Store, asked: Asked, options: Options) -> None:
    """Raises InputError, with what changed, where the store was filled by other code and that is not accepted."""
    requests = ledger.requests(store.requests)
    last = requests[-1]["code"] if requests else store.declaration["attributes"]["code_hash"]
    if asked.code.hash == last or options.accept_code_change:
        return
    try:
        definitions = ledger.read_twice(store.root / ".store" / "code" / f"{last}.json")["definitions"]
        changed = asked.code.difference(Code(definitions))
    except (ledger.DamagedError, FileNotFoundError):
        changed = f"code {last}, now {asked.code.hash}"
    raise InputError(
        f"{store.root} was computed by other code: to add to it all the same say --accept-code-change, else take a "
        f"fresh folder with --out. What changed:\n{changed}"
    )
