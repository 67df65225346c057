"""Run a workflow: the one place where sweep, store, cluster, analysis and figures meet."""

from __future__ import annotations

import functools
import shlex
import signal
import sys
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from isinglass import ledger, pilot, results
from isinglass.arrays import Array
from isinglass.cluster import Profile, check_reachable, connect, cores, load_profile
from isinglass.convergence import advice
from isinglass.coordinates import OwnDim, own_dims
from isinglass.dataset import Store
from isinglass.exceptions import InputError
from isinglass.execute import Context, Job, distribute, serial
from isinglass.generations import check_folder, current, prepare
from isinglass.healing import text_digest
from isinglass.inspection import committed
from isinglass.isolation import close_cells
from isinglass.ledger import Json
from isinglass.models.base import parameters
from isinglass.planning import Pilot, Request, pack, tally
from isinglass.plans import (
    TASK_SECONDS,
    Asked,
    Options,
    Plan,
    Undone,
    check_code,
    check_size,
    choose_block,
    find_undone,
    last_request,
    measure,
    plan_of,
    united,
)
from isinglass.progress import Counter, Talk, Ticker, duration, progress
from isinglass.provenance import git, now, versions
from isinglass.sealing import seal
from isinglass.sweep import Grid
from isinglass.workflow import Workflow, load_workflow

if TYPE_CHECKING:
    import xarray as xr
    from distributed import Client

GRACE = 4.0  # seconds that a stopped run waits for what is in flight


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `counts`: of the asked simulations, done, failed and pending."""

    root: Path
    counts: dict[str, int]
    exit_code: int


def run(workflow: Workflow, options: Options, talk: Talk) -> Outcome:
    """Compute what is missing of a workflow, then analyse and draw. Raises InputError for what cannot be run."""
    root, profile = options.folder(workflow), load_profile(options.cluster)
    asked = Asked.of(workflow, last_request(root))
    if asked.grid.replicas != workflow.replicas:
        talk.say(
            f"replicas: {workflow.replicas} rounded up to {asked.grid.replicas}, a multiple of {workflow.model.lanes}"
        )
    check_folder(root)
    before = current(root) if root.is_dir() else None
    if before is not None:
        united(root, before.grid(workflow.model), asked)
        check_code(before, asked, options)
    if not asked.again:
        check_size(asked, options)
    if before is None:
        check_portable(profile, asked)
        check_reachable(profile)
    if workflow.stages and options.shard is None:
        results.rehearse(workflow, asked.grid, root_attributes(asked, asked.grid, []))
    measured: list[Pilot] = []

    def pilot_once() -> Pilot:
        if not measured:
            talk.say(f"{workflow.name}: measuring a pilot (and compiling, where the kernels changed) ...")
            measured.append(measure(asked, root / ".store"))
        return measured[0]

    def block_of(grid: Grid, own: Mapping[str, OwnDim]) -> tuple[int, ...]:
        del grid  # the first request's own grid
        block = choose_block(asked, own, pilot_once(), profile, options)
        if profile.kind == "processes":
            client_of(profile)  # they start while the store is declared
        return block

    def attributes(union: Grid) -> Json:
        return root_attributes(asked, union, ledger.requests(root / ".store" / "runs"))

    def unfinished(store: Store, grid: Grid) -> bool:
        return bool(find_undone(asked, grid, store.blocks, committed(store), options).jobs)

    with ExitStack() as clusters:
        client_of = functools.cache(lambda profile: clusters.enter_context(connect(profile)))
        store, grid = prepare(
            root, asked.sweep, asked.grid, asked.keep, asked.again, asked.reference.to_json(), block_of, attributes,
            unfinished, talk.say,
        )  # fmt: skip
        undone = find_undone(asked, grid, store.blocks, committed(store), options)
        name = record_request(store, asked)
        if undone.jobs:
            _compute(asked, store, grid, undone, pilot_once(), profile, client_of, options, talk, name)
    again = seal(store, workflow.model, attributes, talk.say)
    newer = current(root)
    if again or (newer is not None and newer.number != store.number):
        # another run extended the store meanwhile: what it did not take over is computed again, there
        return run(workflow, options, talk)
    return _finish(asked, store, grid, options, talk)


def _compute(
    asked: Asked,
    store: Store,
    grid: Grid,
    undone: Undone,
    measured: Pilot,
    profile: Profile,
    client_of: Callable[[Profile], Client],
    options: Options,
    talk: Talk,
    request_name: str,
) -> None:
    profile = fitting(profile, measured, sum(cost for _, cost, _ in undone.jobs), asked, talk)
    plan = plan_of(asked, undone, own_dims(grid, undone.request.keep), measured, profile)
    talk.say(f"{asked.workflow.title or asked.workflow.name} -> {store.root}")
    for line in plan.lines(asked.grid):
        talk.say(f"  {line}")
    expected = {index: cost * measured.seconds for index, cost, _ in undone.jobs}
    packed = pack(expected.items(), min(TASK_SECONDS, plan.cpu_seconds / (16 * max(plan.slots, cores()))))

    def job(index: tuple[int, ...]) -> Job:
        return Job.of(store, grid, undone.request, index, expected[index], options.retry_failed)

    tasks = ([job(index) for index in members] for _, members in packed)  # built only when they are sent
    stop_file = store.root / ".store" / f"stop-{uuid.uuid4().hex}"
    context = Context(
        str(store.root.absolute()), store.number, asked.reference, asked.code.hash, request_name, measured.seconds,
        str(stop_file.absolute()), asked.workflow.time_limit,
    )  # fmt: skip
    # worker processes are started again, and each block then looks after itself; this process can die only once
    fatal = [r["block"] for r in ledger.in_flight(store.ledger) if ledger.deaths_of(r) >= ledger.DEATHS]
    if fatal and asked.reference.portable and profile.kind in ("serial", "threads"):
        talk.say(
            f"  {ledger.DEATHS} processes died over block {fatal[0]}: simulations now run in processes of their own"
        )
        context = replace(context, alone=True)
    counter = Counter(plan.simulations, plan.cpu_seconds, plan.wall_seconds)
    with stopping(stop_file) as deadline, ExitStack() as stack:
        stack.callback(close_cells)
        client = None if profile.kind == "serial" else client_of(profile)
        ticker = Ticker(talk, counter, stack.enter_context(progress(talk, counter)))
        if client is None:
            stream = serial(context, tasks, deadline)
        else:
            stream = distribute(client, context, tasks, deadline, ticker.tick, profile.slots)
        for batch in stream:
            for report in batch:
                counter.add(report, expected[report.index])
            ticker.tick()
    _settle(plan, counter, talk)


def _settle(plan: Plan, counter: Counter, talk: Talk) -> None:
    """Prediction beside what it was; the first failures; blocks that were lost."""
    talk.say(f"  {'':14}{'planned':>14}{'actual':>14}")
    talk.say(f"  {'simulations':14}{plan.simulations:>14}{counter.done:>14}")
    talk.say(f"  {'CPU time':14}{duration(plan.cpu_seconds):>14}{duration(counter.cpu_seconds):>14}")
    wall = duration(plan.wall_seconds) if plan.slots else "-"
    talk.say(f"  {'time':14}{wall:>14}{duration(counter.elapsed):>14}")
    for failure in counter.failures:
        at = " ".join(f"{k}={v}" for k, v in failure["parameters"].items())
        talk.say(f"  failed: {at} sample={failure['sample']} replica={failure['replica']}: {failure['error']}")
    if counter.lost:
        talk.say(f"  {len(counter.lost)} blocks were lost ({counter.lost[0]}): they are missing, not failed")


def fitting(profile: Profile, measured: Pilot, cost: float, asked: Asked, talk: Talk) -> Profile:
    """The profile; where threads would wait for each other, worker processes, or one thread if there is little work."""
    if profile.kind == "threads" and measured.threads_wait and profile.slots > 1:
        much = cost * measured.seconds > pilot.PROCESSES_PAY and asked.reference.portable
        how = "in processes" if much else "one at a time"
        talk.say(f"  threads would wait for each other, for Python's global lock: simulations run {how}")
        profile = load_profile("local") if much else replace(profile, workers=1, threads=1)
    check_portable(profile, asked)
    return profile


def check_portable(profile: Profile, asked: Asked) -> None:
    """Raises InputError where other processes cannot import the model."""
    if asked.workflow.time_limit is not None and not asked.reference.portable:
        raise InputError(
            f"time_limit needs processes of their own, and model {asked.workflow.model.__name__} is defined in a "
            "notebook or script, which these cannot import: put it into a workflow file, or leave time_limit out"
        )
    if profile.kind not in ("threads", "serial") and not asked.reference.portable:
        raise InputError(
            f"model {asked.workflow.model.__name__} is defined in a notebook or script, which worker processes cannot "
            "import: put it into a workflow file, or run it in-process (no --cluster)"
        )


@contextmanager
def stopping(stop_file: Path) -> Iterator[Callable[[], float | None]]:
    """SIGINT and SIGTERM ask for a stop: workers see the file, commit what is done, and the run ends in a few seconds.

    Yields a function that tells until when to wait, or None while nobody asked. At the end raises KeyboardInterrupt if
    a stop was asked for. A second signal interrupts at once.
    """
    deadline: list[float] = []

    def handle(number: int, frame: object) -> None:
        if deadline:
            raise KeyboardInterrupt
        deadline.append(time.monotonic() + GRACE)
        stop_file.touch()

    main = threading.current_thread() is threading.main_thread()
    old = {s: signal.signal(s, handle) for s in (signal.SIGINT, signal.SIGTERM)} if main else {}
    try:
        yield lambda: deadline[0] if deadline else None
    finally:
        for s, handler in old.items():
            signal.signal(s, handler)
        if not deadline:
            stop_file.unlink(missing_ok=True)
    if deadline:
        raise KeyboardInterrupt


def _finish(asked: Asked, store: Store, grid: Grid, options: Options, talk: Talk) -> Outcome:
    workflow, root = asked.workflow, store.root
    request = Request.on(grid, asked.grid, asked.keep)
    counts = tally(store.blocks, request, committed(store))
    done = f"{counts['done']} of {sum(counts.values())} simulations are done"
    talk.say(f"{done}, {counts['failed']} failed, {counts['pending']} pending")
    for line in advice(store, asked.grid, request, sys.argv):
        talk.say(line)
    if options.shard is not None:
        left = find_undone(asked, grid, store.blocks, committed(store), options)
        return Outcome(root, counts, 3 if left.simulations else 1 if counts["failed"] else 0)
    analysed = bool(workflow.stages or workflow.figures) and counts["done"] > 0
    if analysed:
        ds = results.analyse(root, workflow)
        if options.figures:
            for line in results.draw(root, workflow, ds):
                talk.say(line)
        if workflow.stages:
            talk.say(f"analysis      {root / 'analysis.zarr'}")
    talk.say(f"data          {root / 'data.zarr'}")
    talk.say(f"open it       xr.open_zarr({str(root / 'data.zarr')!r})")
    return Outcome(root, counts, 3 if counts["pending"] else 1 if counts["failed"] else 0)


# ---------------------------------------------------------------- what a run leaves on record


def root_attributes(asked: Asked, grid: Grid, past: Sequence[Json]) -> Json:
    """The store's root attributes: title, model, parameters with units, seed, code, versions, git."""
    workflow = asked.workflow
    described: Json = {}
    for name, spec in parameters(workflow.model).items():
        described[name] = {"units": spec.units, "long_name": spec.doc}
        value = grid.fixed.get(name)
        if isinstance(value, Array):
            described[name] |= {"value": value.shown, "array": str(value)} if value else {}
        elif value is not None:
            described[name]["value"] = value
    folder = workflow.path.parent if workflow.path is not None else Path.cwd()
    return {
        "title": workflow.title or workflow.name,
        "model": workflow.model.__name__,
        "model_source": asked.reference.module or "workflow.py",
        "workflow": workflow.name,
        "parameters": described,
        "seed": grid.seed,
        "paired": list(grid.paired),
        "code_hash": asked.code.hash,
        **{f"{package}_version": version for package, version in versions().items()},
        **git(folder),
        "isinglass_store_format": ledger.FORMAT,
        "created": now(),
        "history": "\n".join([*(f"{r['created']} {r['command']}" for r in past), f"{now()} {' '.join(sys.argv)}"]),
    }


def record_request(store: Store, asked: Asked) -> str:
    """File what this run asks, and the code and workflow text that ask it. Returns the request's name."""
    home, workflow = store.root / ".store", asked.workflow
    content: Json = {**asked.record(), "keep": ledger.pack_array(asked.keep)}
    (home / "code").mkdir(exist_ok=True)
    code = home / "code" / f"{asked.code.hash}.json"
    if not code.exists():
        ledger.write_twice(code, {"definitions": asked.code.definitions, "model": asked.reference.to_json()})
    if workflow.text is not None:
        text = store.root / "workflow.py"
        raw = workflow.text.encode()
        content["text"] = text_digest(raw)
        if not text.is_file() or text.read_bytes() != raw:
            ledger.replace(text, raw)
    past = ledger.requests(store.requests)
    if past and {k: past[-1].get(k) for k in content} == content:
        return str(past[-1]["name"])
    return ledger.add_request(
        store.requests, {**content, "created": now(), "command": shlex.join(sys.argv), **versions()}
    )


def run_dataset(
    workflow: Workflow | str | Path,
    *,
    preset: str | None = None,
    settings: Mapping[str, Sequence[object]] | None = None,
    samples: int | None = None,
    replicas: int | None = None,
    seed: int | None = None,
    cluster: str | None = None,
    out: str | Path | None = None,
    shard: tuple[int, int] | None = None,
    retry_failed: bool = False,
    accept_code_change: bool = False,
    figures: bool = True,
    block: Mapping[str, int] | None = None,
    quiet: bool = False,
) -> xr.Dataset:
    """Run a workflow (an object, a name or a file) and return its raw dataset, read lazily.

    The keywords are those of `isinglass run`; `settings` maps parameters to values (`--set`), `block` fixes the extent
    of a block along named dimensions. Warns where simulations failed or are missing. Raises InputError.
    """
    loaded = workflow if isinstance(workflow, Workflow) else load_workflow(workflow)
    chosen = loaded.override(preset, settings, samples, replicas, seed)
    options = Options(
        Path(out) if out is not None else None, preset, cluster, shard, retry_failed, accept_code_change, figures,
        block=block or {},
    )  # fmt: skip
    outcome = run(chosen, options, Talk(quiet))
    if outcome.counts["failed"] or outcome.counts["pending"]:
        counts = ", ".join(f"{n} {word}" for word, n in outcome.counts.items())
        warnings.warn(f"{outcome.root}: {counts}; see isinglass status {outcome.root}", RuntimeWarning, stacklevel=2)
    return results.open_run(outcome.root)
