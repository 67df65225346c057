"""`isinglass submit`: a plan becomes a declared store, job scripts, an array of shards and a job behind it."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from isinglass.declaring import check_portable, declare, record_request, same_requests
from isinglass.exceptions import InputError, told
from isinglass.inspection import committed
from isinglass.jobs import Submission, states, submissions
from isinglass.planning import shard_of
from isinglass.plans import Options, Plan, find_undone, make
from isinglass.profiles import MARGIN, SCHEDULERS, Profile, folders, load_profile
from isinglass.progress import Talk, duration, size
from isinglass.provenance import now
from isinglass.schedulers import ENDED, Scheduler, Unanswered, scheduler
from isinglass.workflow import Workflow

LARGE_CPU_HOURS, LARGE_FILES, LARGE_BYTES = 100.0, 10**5, 50 * 10**9  # what is asked about first
MAX_JOBS = 10**5
NOTHING_LEFT = "nothing is left in the queue"


@dataclass(frozen=True)
class Text:
    """One file of a submission: its name and text; `shares` of its elements, none for the job behind the arrays."""

    name: str
    text: str
    shares: tuple[int, ...] = ()


def submit(
    workflow: Workflow,
    options: Options,
    jobs: int,
    words: Sequence[str],
    dry_run: bool,
    confirm: Callable[[str], bool],
    talk: Talk,
) -> None:
    """Plan, ask about a large plan, declare the store, write the job scripts and submit them.

    `words`: the command line that runs the workflow, without the program, `--out`, `--cluster` and `--shard`.
    Raises InputError, and leaves no job behind, where something is not as it must be.
    """
    profile = batch_profile(options)
    batch = scheduler(profile.scheduler)
    if not 1 <= jobs <= MAX_JOBS:
        raise InputError(f"--jobs {jobs}: write a number from 1 to {MAX_JOBS}")
    if not dry_run:
        batch.check()
    sized = replace(profile, workers=jobs, threads=profile.site.cores)
    plan, grid = make(workflow, replace(options, cluster=None), sized)
    root = options.folder(workflow).absolute()
    talk.say(f"{workflow.title or workflow.name} -> {root}")
    for line in plan.lines(grid):
        talk.say(f"  {line}")
    check_walltime(plan, profile)
    shown = root / "jobs" / "1"
    texts = list(scripts(workflow, profile, batch, root, shown, jobs, _parts(range(jobs), profile), words))
    if dry_run:
        for text in texts:
            talk.say(f"\n# ---------------- jobs/1/{text.name}")
            talk.say(text.text)
        return
    if not (options.yes or confirmed(plan, confirm)):
        raise InputError("nothing was submitted")
    declared = declare(workflow, options, sized, talk, measured=plan.pilot)
    check_portable(profile, declared.asked)
    request = record_request(declared.store, declared.asked)
    undone = find_undone(declared.asked, declared.grid, declared.store.blocks, committed(declared.store), options)
    place = shard_of(declared.store.blocks, jobs, declared.grid.seed)
    missing = sorted({place[index] for index, _, _ in undone.jobs})
    if not missing:
        talk.say(f"nothing is missing: isinglass analyse {shlex.quote(str(root))} draws it again")
        return
    todo, alive = without_those_at_work(root, jobs, missing, same_requests(declared.store, request))
    if alive:
        talk.say(f"{len(missing) - len(todo)} shares of an earlier submission still wait or run: {', '.join(alive)}")
    if not todo:
        talk.say(f"nothing was submitted: isinglass status {shlex.quote(str(root))} says how far they are")
        return
    made = send(workflow, profile, batch, root, jobs, _parts(todo, profile), words, request)
    talk.say(f"submitted     {', '.join(made.ids)} ({len(todo)} elements), then {made.finish} for analysis and figures")
    talk.say(f"scripts       {made.folder}")
    talk.say(f"how far       isinglass status {shlex.quote(str(root))}")


def _parts(shares: Sequence[int], profile: Profile) -> list[Sequence[int]]:
    """Shares as arrays that the site takes; nodes of a DAG are jobs of their own, and one array in name."""
    limit = len(shares) or 1 if profile.kind == "htcondor" else profile.site.array_limit
    return [shares[i : i + limit] for i in range(0, len(shares), limit)]


def batch_profile(options: Options) -> Profile:
    """Raises InputError for a profile that submits no arrays."""
    if options.cluster is None:
        raise InputError(f"submit needs --cluster PROFILE, one of {', '.join(SCHEDULERS)} or a file of your own")
    if options.shard is not None:
        raise InputError("--shard and submit exclude each other: each element of the array is a shard")
    profile = load_profile(options.cluster)
    if profile.kind not in SCHEDULERS:
        raise InputError(
            f"profile {profile.name} is of kind {profile.kind}, which submits no job arrays: isinglass run takes it; "
            f"submit takes {', '.join(SCHEDULERS)}"
        )
    return profile


def check_walltime(plan: Plan, profile: Profile) -> None:
    """Raises InputError where the walltime is too short for a single block."""
    usable = profile.site.walltime - profile.site.warning
    longest = max(plan.longest_block, plan.longest)
    if longest > usable:
        raise InputError(
            f"profile {profile.name}: the longest block takes {duration(longest)}, and an element computes for "
            f"{duration(usable)} (walltime less warning): give it a longer walltime"
        )


def confirmed(plan: Plan, confirm: Callable[[str], bool]) -> bool:
    """Whether a large plan is wanted; a small one is not asked about."""
    hours = plan.cpu_seconds / 3600
    if hours < LARGE_CPU_HOURS and plan.files < LARGE_FILES and plan.bytes < LARGE_BYTES:
        return True
    return confirm(f"This takes {hours:.0f} CPU hours, {plan.files} files and up to {size(plan.bytes)}. Submit it?")


def without_those_at_work(
    root: Path, jobs: int, missing: Sequence[int], requests: set[str]
) -> tuple[list[int], list[str]]:
    """The shares to send, and the ids of earlier arrays for one of `requests` whose elements still fill the others.

    Raises InputError where such an array parts the sweep otherwise: what its elements do would be done twice.
    """
    busy: set[int] = set()
    alive: set[str] = set()
    same = [made for made in submissions(root) if made.request in requests]
    for name in sorted({made.scheduler for made in same}):
        earlier = [made for made in same if made.scheduler == name]
        known = states(earlier) or {}
        for made in earlier:
            at_work = [(job, share) for job, n, share in made.shares() if known.get((job, n), ENDED) != ENDED]
            if at_work and made.jobs != jobs:
                raise InputError(
                    f"{len(at_work)} of {made.jobs} shares of an earlier submission still wait or run "
                    f"({', '.join(made.ids)}): wait for them, cancel them, or submit with --jobs {made.jobs}"
                )
            for job, share in at_work:
                if share in missing:
                    busy.add(share)
                    alive.add(job)
    return [share for share in missing if share not in busy], sorted(alive)


# ---------------------------------------------------------------- job scripts


def scripts(
    workflow: Workflow,
    profile: Profile,
    batch: Scheduler,
    root: Path,
    folder: Path,
    jobs: int,
    parts: Sequence[Sequence[int]],
    words: Sequence[str],
) -> Iterator[Text]:
    """The files of a submission: an array for each part, the job behind them, and what else the scheduler wants."""
    backend = "serial" if profile.site.cores == 1 else "threads"
    isinglass = list(profile.site.command) or [sys.executable, "-m", "isinglass"]
    common: dict[str, Any] = {
        "title": workflow.title or workflow.name,
        "site": profile.site,
        "cwd": str(Path.cwd()),
        "jobs": jobs,
        "name": re.sub(r"[^A-Za-z0-9_.-]+", "-", f"isinglass-{workflow.name}")[:60],
        "logs": f"jobs/{folder.name}",
        "folder": str(folder),
        "index": batch.index,
        "base": batch.base,
        "job": batch.job,
        "margin": MARGIN,
    }
    run = [*isinglass, "run", *words, "--out", str(root), "--cluster", backend, "--yes"]
    names = ["array" if len(parts) == 1 else f"array-{n}" for n in range(len(parts))]
    for name, part in zip(names, parts, strict=True):
        what = f"Array of {len(part)} of {jobs} shares, written by isinglass submit on {now()}."
        values = {**common, "what": what, "shards": list(part), "command": run}
        yield from _files(profile, batch, name, values, tuple(part))
    what = "Analysis and figures, behind all elements however they end."
    values = {**common, "what": what, "shards": None, "command": [*isinglass, "analyse", str(root)]}
    yield from _files(profile, batch, "finish", {**values, "status": [*isinglass, "status", str(root)]}, ())
    if batch.graph:
        yield Text("run.dag", "\n".join([*_graph(profile, f"jobs/{folder.name}", len(parts[0])), ""]))


def _graph(profile: Profile, folder: str, elements: int) -> Iterator[str]:
    """Lines of a DAG: each element is a node, for the failure of one job of a node makes DAGMan remove its others."""
    for n in range(elements):
        yield f"JOB array_{n} {folder}/array.sub"
        yield f'VARS array_{n} element="{n}"'
        if profile.site.throttle:
            yield f"CATEGORY array_{n} array"
    if profile.site.throttle:
        yield f"MAXJOBS array {profile.site.throttle}"
    yield f"FINAL finish {folder}/finish.sub"


def _files(
    profile: Profile, batch: Scheduler, name: str, values: dict[str, Any], shares: tuple[int, ...]
) -> Iterator[Text]:
    # schedulers expand % and \ also in the folder of an output file: where there are such, the script itself writes it
    plain = re.fullmatch(r"[\w./+@=,-]+", values["folder"])
    values = {**values, "redirect": None if plain else f"{values['folder']}/{name}"}
    if batch.graph:
        yield Text(f"{name}.sh", render(profile, "job.j2", {**values, "script": f"{name}.sh"}))
        yield Text(f"{name}.sub", render(profile, _template(profile), {**values, "script": f"{name}.sh"}), shares)
    else:
        yield Text(f"{name}.sh", render(profile, _template(profile), {**values, "script": name}), shares)


def _template(profile: Profile) -> str:
    return profile.site.template or f"{profile.kind}.j2"


def render(profile: Profile, name: str, values: dict[str, Any]) -> str:
    """A template of the profile's folder, or of one of `folders()`. Raises InputError for a faulty one."""
    import jinja2

    beside = [profile.file.parent] if profile.file else []
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([str(f) for f in (*beside, *folders())]), undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    environment.filters |= {
        "quote": shlex.quote,
        "comment": lambda text: "".join(c for c in " ".join(text.split()) if c.isprintable()),
        "hms": lambda s: f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}",
        "mib": lambda n: -(-n // 2**20),
    }
    try:
        return environment.get_template(name).render(values)
    except jinja2.TemplateNotFound as error:
        raise InputError(f"{profile.file}: there is no job template {error.name}") from error
    except jinja2.TemplateError as error:
        raise InputError(f"job template {name}: {told(error)}") from error


def send(
    workflow: Workflow,
    profile: Profile,
    batch: Scheduler,
    root: Path,
    jobs: int,
    parts: Sequence[Sequence[int]],
    words: Sequence[str],
    request: str,
) -> Submission:
    """Write the files of a submission into a new folder `jobs/N` and submit them, or nothing of it."""
    folder = _new_folder(root / "jobs")
    files = list(scripts(workflow, profile, batch, root, folder, jobs, parts, words))
    for file in files:
        path = folder / file.name
        path.write_text(file.text, encoding="utf-8", newline="\n")
        if path.suffix == ".sh":
            path.chmod(0o755)
    arrays: list[tuple[str, tuple[int, ...]]] = []
    finish = ""
    try:
        if batch.graph:
            finish = batch.send(folder / "run.dag", root)
            arrays = [(finish, file.shares) for file in files if file.shares]
        else:
            for file in files:
                if file.shares:
                    arrays.append((batch.send(folder / file.name, root), file.shares))
            finish = batch.send(folder / "finish.sh", root, [job for job, _ in arrays])
        made = Submission(folder, batch.name, jobs, tuple(arrays), finish, now(), request)
        made.write()
        return made
    except (KeyboardInterrupt, OSError):  # a submission that is not on record would be sent again
        batch.drop([*(job for job, _ in arrays), *([finish] if finish else [])])
        raise
    except InputError as error:
        left = batch.drop([job for job, _ in arrays]) if arrays else ""
        (folder / "refused").write_text(f"{error}\n", encoding="utf-8")
        rest = "look into the queue before you submit again" if isinstance(error, Unanswered) else NOTHING_LEFT
        raise InputError(f"{error}; {left or rest}") from error


def _new_folder(home: Path) -> Path:
    home.mkdir(exist_ok=True)
    number = max((int(p.name) for p in home.iterdir() if p.name.isdigit()), default=0)
    while True:
        number += 1
        try:
            (home / str(number)).mkdir()
        except FileExistsError:  # another submission, just now
            continue
        return home / str(number)
