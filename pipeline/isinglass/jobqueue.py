"""Dask clusters made of batch jobs, through dask-jobqueue: workers as jobs, or everything inside one allocation.

What travels between hosts is encrypted, and only who holds this run's certificate may connect, unless the profile says
`tls: false`. Needs the extra `isinglass[cluster]`.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isinglass.exceptions import InputError
from isinglass.profiles import Profile
from isinglass.schedulers import ENDED, scheduler

if TYPE_CHECKING:
    from distributed import Client

LOST_SECONDS = 10  # after which a worker that went is replaced by a job
JOIN_SECONDS = 120.0  # that ranks of one allocation wait for each other
CLASSES = {"slurm": "SLURM", "pbs": "PBS", "lsf": "LSF", "sge": "SGE", "htcondor": "HTCondor"}


def jobqueue() -> Any:
    """The library. Raises InputError where it is not installed."""
    try:
        import cryptography  # noqa: F401
        import dask_jobqueue
    except ImportError as error:
        raise InputError(
            f"Dask clusters of batch jobs need {error.name}: pip install 'isinglass[cluster]', "
            "or use isinglass submit, which needs nothing"
        ) from error
    return dask_jobqueue


def options(profile: Profile, folder: str) -> dict[str, Any]:
    """What dask-jobqueue's cluster class takes. `folder`: on a file system that jobs share, for certificates, logs."""
    site, name = profile.site, profile.scheduler
    prologue = [f"export {v}_NUM_THREADS=1" for v in ("OMP", "MKL", "OPENBLAS", "NUMBA")]
    prologue += [f"export ISINGLASS_CORES={site.cores}", *site.setup]
    extra = [*site.directives, *(["--no-requeue"] if name == "slurm" else [])]  # a lost worker has been replaced
    lifetime = site.walltime - site.warning
    out: dict[str, Any] = {
        "cores": site.cores,
        "processes": 1,
        "memory": f"{site.memory} B",
        "python": sys.executable,
        "job_script_prologue": prologue,
        "worker_extra_args": [
            "--lifetime", f"{lifetime}s", "--lifetime-stagger", f"{min(60, lifetime // 10)}s", "--no-dashboard",
            "--preload", "isinglass.execute",
        ],
        "local_directory": site.scratch or None,
        "log_directory": folder,
        "shared_temp_directory": folder,
        "security": _shared_security(Path(folder), True) if profile.tls else None,
        "interface": profile.interface or None,
        "scheduler_options": {"dashboard_address": "127.0.0.1:0"},
    }  # fmt: skip
    hms = f"{site.walltime // 3600:02d}:{site.walltime // 60 % 60:02d}:{site.walltime % 60:02d}"
    if name == "htcondor":
        out["disk"] = "1 GB"
        pairs = (line.partition("=") for line in extra)
        out["job_extra_directives"] = {key.strip(): value.strip() for key, _, value in pairs}
        if site.account:
            out["job_extra_directives"]["accounting_group"] = site.account
        return out
    out["job_extra_directives"] = [*extra, *(["-V"] if name == "sge" else [])]
    out["walltime"] = hms if name != "lsf" else hms[:5]
    out["queue"] = site.queue or None
    if site.account:
        out["project" if name in ("lsf", "sge") else "account"] = site.account
    return out


@contextmanager
def cluster(profile: Profile) -> Iterator[Client]:
    """A client of a cluster whose workers are jobs: those that are lost are replaced, all are ended with the run."""
    module = jobqueue()
    from distributed import Client

    batch = scheduler(profile.scheduler)
    command = "condor_submit" if batch.graph else batch.submit[0]
    if shutil.which(command) is None:
        raise InputError(f"{command} is not on PATH: {batch.name} jobs are submitted where its commands are")
    if not re.fullmatch(r"[\w./+@=,-]+", str(Path.cwd())):
        raise InputError(
            f"{Path.cwd()}: Dask clusters of batch jobs take no folder with blanks or quotes in its path: start the "
            "run from another one, or use isinglass submit"
        )
    folder = tempfile.mkdtemp(prefix=".isinglass-dask-", dir=Path.cwd())
    try:
        with (
            getattr(module, f"{CLASSES[profile.scheduler]}Cluster")(**options(profile, folder)) as started,
            Client(started, set_as_default=False) as client,
        ):
            for _ in range(profile.workers):  # as scale() does, which leaves a refusal to the log
                started.worker_spec.update(started.new_worker_spec())
            try:
                started.sync(started._correct_state)
            except RuntimeError as error:  # with the command, and what it said, on lines of their own
                sent = [str(job.job_id) for job in started.workers.values() if getattr(job, "job_id", None)]
                if sent:
                    batch.drop(sent)
                for jobs in (started.worker_spec, started.workers, started._created):
                    jobs.clear()  # the library cannot close what never was submitted
                said = str(error).partition("stderr:")[2] or str(error)
                raise InputError(f"{command} refused a worker: {' '.join(said.split())}") from error
            started.adapt(minimum_jobs=profile.workers, maximum_jobs=profile.workers)
            yield client
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def hopeless(client: Client, profile: Profile) -> str:
    """Why no worker will come: the jobs that should be workers have all ended. Empty while any waits or runs."""
    started: Any = client.cluster
    ids = [str(job.job_id) for job in started.workers.values() if getattr(job, "job_id", None)]
    known = scheduler(profile.scheduler).look(ids) if ids else None
    if known is None or any(state != ENDED for state in known.values()):
        return ""
    logs = sorted(Path(started._job_kwargs["log_directory"]).glob("*.err"), key=lambda p: p.stat().st_mtime)
    said = [line for p in logs for line in p.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return f"its jobs ended without becoming workers ({said[-1].strip()})" if said else "its jobs ended at once"


# ---------------------------------------------------------------- inside one allocation


def join(profile: Profile) -> None:
    """In an allocation of several tasks: ranks other than the run's own serve as scheduler or worker, and exit here.

    Does nothing for profiles of other kinds, and for the run's own rank. Raises InputError outside an allocation.
    """
    if profile.kind != "slurm-runner":
        return
    needed = ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_JOB_ID")
    if any(not os.environ.get(name, "").isdigit() for name in needed) or int(os.environ["SLURM_NTASKS"]) < 3:
        raise InputError(
            f"profile {profile.name} runs inside an allocation of at least 3 tasks (scheduler, run, workers): "
            "srun -n 8 isinglass run WORKFLOW --cluster slurm-runner, in a batch script"
        )
    if os.environ["SLURM_PROCID"] == "1":
        return
    try:
        with _runner(profile):
            pass
    except KeyboardInterrupt:  # how a runner ends its own process
        pass
    raise SystemExit(0)


@contextmanager
def inside(profile: Profile) -> Iterator[Client]:
    """A client of the scheduler and workers that the other ranks of this allocation are."""
    from distributed import Client

    with ExitStack() as stack:
        runner = stack.enter_context(_runner(profile))
        security = runner.scheduler_options.get("security")
        with Client(scheduler_file=str(runner.scheduler_file), security=security, set_as_default=False) as client:
            yield client
            client.shutdown()


@contextmanager
def _runner(profile: Profile) -> Iterator[Any]:
    """This rank as a runner of dask-jobqueue; on other ranks than the run's own it returns when the cluster ends."""
    jobqueue()
    from dask_jobqueue.slurm import SLURMRunner

    rank = int(os.environ["SLURM_PROCID"])
    home = Path.cwd() / f".isinglass-dask-{os.environ['SLURM_JOB_ID']}-{os.environ.get('SLURM_STEP_ID', '0')}"
    common: dict[str, Any] = {"interface": profile.interface or None}
    if profile.tls:
        common |= {"security": _shared_security(home, rank == 0), "protocol": "tls://"}
    home.mkdir(mode=0o700, exist_ok=True)
    try:
        yield SLURMRunner(
            scheduler_file=str(home / "scheduler.json"),
            scheduler_options={**common, "dashboard_address": "127.0.0.1:0"},
            worker_options={**common, "nthreads": 1, "dashboard": False},
        )
    finally:
        if rank == 1:
            shutil.rmtree(home, ignore_errors=True)


def _shared_security(home: Path, first: bool) -> Any:
    """Certificates of this run alone, in files that only its user reads; `first` makes them, others wait for them."""
    from distributed import Security

    key, certificate = home / "key.pem", home / "certificate.pem"
    if first:
        home.mkdir(mode=0o700, exist_ok=True)
        made = Security.temporary()
        for path, text in ((key, made.tls_scheduler_key), (certificate, made.tls_ca_file)):
            part = path.with_suffix(".part")
            part.touch(mode=0o600)
            part.write_text(str(text), encoding="utf-8")
            part.rename(path)
    ends = time.monotonic() + JOIN_SECONDS
    while not (key.is_file() and certificate.is_file()):
        if time.monotonic() > ends:
            raise InputError(f"no certificate in {home} after {JOIN_SECONDS:g} s: do the tasks share this folder?")
        time.sleep(0.2)
    pair = {f"tls_{role}_{what}": str(path) for role in ("scheduler", "worker", "client")
            for what, path in (("key", key), ("cert", certificate))}  # fmt: skip
    return Security(require_encryption=True, tls_ca_file=str(certificate), **pair)
