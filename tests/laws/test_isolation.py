"""Law 6, where a simulation hangs or takes its process with it: it fails alone, on every backend."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rig

from isinglass import InputError, ledger, load_workflow, presentation
from isinglass.isolation import Cell, cell, close_cells
from isinglass.simulation import CellError, FailedAlone, Stopped
from isinglass.source import ModelReference

pytestmark = pytest.mark.usefixtures("home")
SAMPLES, REPLICAS, SEED = 4, 2, 54


def declare(path: Path, fault: str, more: str = "") -> Path:
    return rig.write_workflow(
        path, f"model=Deadly, axes={{'fault': ['none', '{fault}'], 'size': [4, 5]}}, samples={SAMPLES}, "
        f"replicas={REPLICAS}, seed={SEED}{more}",
    )  # fmt: skip


def hits(fault: str) -> np.ndarray:
    """Which (fault, size, sample, replica) do not survive."""
    out = np.zeros((2, 2, SAMPLES, REPLICAS), bool)
    for i, size in enumerate((4, 5)):
        for s, r in np.ndindex(SAMPLES, REPLICAS):
            stream = rig.stream(rig.synthetic.Deadly, "noise", SEED, {"size": size, "fault": fault}, (s, r))
            out[1, i, s, r] = int(stream[0]) % 8 == 0
    assert 1 <= out.sum() <= 2
    return out


def check(root: Path, fault: str, words: str, reproduces: bool = True) -> None:
    """Exactly those failed; all others have the reference's bytes; `reproduce` shows the same failure."""
    ds, wrong = rig.data(root), hits(fault)
    np.testing.assert_array_equal(
        ds.status.transpose("fault", "size", "sample", "replica").values, np.where(wrong, 2, 1)
    )
    for i, name in enumerate(("none", fault)):
        for j, size in enumerate((4, 5)):
            for s, r in zip(*np.nonzero(~wrong[i, j]), strict=True):
                model = rig.synthetic.Deadly(fault="none" if name == "none" else fault, size=size)
                point = {"fault": name, "size": size}
                labels = (("disorder", (int(s),)), ("noise", (int(s), int(r))))
                streams = [rig.stream(type(model), kind, SEED, point, label) for kind, label in labels]
                stored = ds.value.sel(fault=name, size=size, sample=s, replica=r)
                assert stored == model.simulate(streams[0], streams[1][None])["value"][0]
    lines, code = presentation.status(root)
    told = "\n".join(lines)
    assert code == 1
    assert words in told
    if not reproduces:  # it would take all memory of the machine
        return
    _, i, s, r = np.argwhere(wrong)[0]
    lines, code = presentation.reproduce(root, [f"fault={fault}", f"size={4 + i}", f"sample={s}", f"replica={r}"])
    assert code == 1
    again = "\n".join(lines)
    assert f"it fails: {words}" in again
    assert "differs" not in again
    assert "in simulate" in again or fault in ("killed", "exit")  # where it was: the child's last words


DEATHS = [
    ("segfault", "process died, signal 11 (SIGSEGV)"),
    ("killed", "process died, signal 9 (SIGKILL)"),
    ("exit", "process ended with exit code 3"),
]


@pytest.mark.parametrize("cluster", ["threads", pytest.param("serial", marks=pytest.mark.long)])
@pytest.mark.parametrize(("fault", "words"), DEATHS[:1])
def test_a_deadly_simulation_fails_after_restarts(fault: str, words: str, cluster: str, home: Path) -> None:
    """In-process it takes the run with it; the same command, a few times, gets past it without a flag."""
    path = declare(home / "deadly.py", fault)
    died, most = 0, 2 + hits(fault).sum() * (ledger.DEATHS - 1)  # the pilot; each deadly block; one of them once more
    while True:
        process = rig.start("run", path, "--out", "run", "--cluster", cluster, "--no-figures", cwd=home)
        told, _ = process.communicate(timeout=120)
        if process.returncode >= 0:
            break
        died += 1
        assert died <= most, told
    assert process.returncode == 1, told
    assert died >= ledger.DEATHS
    assert "processes died over block" in told
    check(home / "run", fault, words)


@pytest.fixture
def little_memory() -> Iterator[Path]:
    """A control group of the kernel with 1 GB of memory: who takes more of it is killed."""
    for parent, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        group = Path(parent) / f"isinglass-{os.getpid()}"
        try:
            group.mkdir()
            (group / limit).write_text("1G")
        except OSError:
            if group.is_dir():
                group.rmdir()
            continue
        yield group
        until = time.monotonic() + 10
        while (group / "cgroup.procs").read_text() and time.monotonic() < until:
            time.sleep(0.05)
        group.rmdir()
        return
    pytest.skip("no control group for memory can be made here: that takes root")


@pytest.mark.parametrize("cluster", ["serial", pytest.param("two.yaml", marks=pytest.mark.long)])
def test_a_simulation_that_exhausts_memory_fails_alone(cluster: str, home: Path, little_memory: Path) -> None:
    """Killed by the kernel; then, in a process of its own, that one is killed before the run is."""
    (home / "two.yaml").write_text("kind: processes\nworkers: 2\n")
    path = declare(home / "deadly.py", "starve")
    command = rig.command("run", path, "--out", "run", "--cluster", cluster, "--no-figures")
    inside = ["sh", "-c", f'echo $$ > {little_memory}/cgroup.procs; exec "$@"', "sh", *map(str, command)]
    for _ in range(2 + ledger.DEATHS):
        done = subprocess.run(inside, cwd=home, capture_output=True, text=True, timeout=200, check=False)
        if done.returncode >= 0:
            break
    assert done.returncode == 1, done.stdout + done.stderr
    check(home / "run", "starve", "process died, signal 9 (SIGKILL): out of memory?", reproduces=False)


@pytest.mark.long
@pytest.mark.parametrize(("fault", "words"), DEATHS)
def test_a_deadly_simulation_fails_alone_in_worker_processes(fault: str, words: str, home: Path) -> None:
    """Workers that die are started again: one run is enough (but for a pilot that dies)."""
    (home / "two.yaml").write_text("kind: processes\nworkers: 2\n")
    path = declare(home / "deadly.py", fault)
    for _ in range(2):
        process = rig.start("run", path, "--out", "run", "--cluster", "two.yaml", "--no-figures", cwd=home)
        told, _ = process.communicate(timeout=200)
        if process.returncode == 1:
            break
    assert process.returncode == 1, told
    check(home / "run", fault, words)


@pytest.mark.parametrize(
    "cluster", ["threads", *(pytest.param(c, marks=pytest.mark.long) for c in ("two.yaml", "serial"))]
)
def test_a_simulation_over_its_time_fails_alone(cluster: str, home: Path) -> None:
    (home / "two.yaml").write_text("kind: processes\nworkers: 2\n")
    path = declare(home / "deadly.py", "hang", ", time_limit=1.5")
    told = rig.finish(
        rig.start("run", path, "--out", "run", "--cluster", cluster, "--no-figures", cwd=home), code=1, seconds=200
    )
    assert "time limit: not done after 1.5 s" in told
    check(home / "run", "hang", "time limit: not done after 1.5 s")


@pytest.mark.long
def test_only_the_failed_run_again(home: Path) -> None:
    path = declare(home / "deadly.py", "hang", ", time_limit=1.5")
    workflow = load_workflow(path)
    assert rig.run(workflow, home / "run").exit_code == 1
    longer = load_workflow(declare(home / "longer.py", "hang", ", time_limit=2.5"))
    before = rig.data(home / "run")
    assert rig.run(longer, home / "run", retry_failed=True).counts["failed"] == hits("hang").sum()
    rig.same(before, rig.data(home / "run"))
    assert "not done after 2.5 s" in "\n".join(presentation.status(home / "run")[0])


def test_a_stop_ends_a_simulation_that_hangs(home: Path) -> None:
    """SIGTERM: what is done is committed within 5 s, though a process of its own hangs."""
    path = declare(home / "deadly.py", "hang", ", time_limit=1000")
    process = rig.start("run", path, "--out", "run", "--cluster", "serial", "--no-figures", cwd=home)
    until = time.monotonic() + 60
    while not list((home / "run").glob(".store/1/blocks/*.run")):
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    told = rig.finish(process, code=130)
    assert time.monotonic() - began < 5
    assert "Go on with" in told


# ---------------------------------------------------------------- cells


def ask(alone: Cell, fault: str, noise: int = 8) -> dict[str, np.ndarray]:
    model = rig.synthetic.Deadly(fault=fault)
    return alone(type(model), [model], np.ones((1, 4), np.uint64), np.full((1, 1, 4), noise, np.uint64))


def running(pid: int) -> bool:
    """Whether a process is there, and no zombie that waits for somebody to ask how it ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def reference():
    yield ModelReference.to(rig.synthetic.Deadly)
    close_cells()


def test_a_cell_computes_what_this_process_does(reference: ModelReference) -> None:
    model = rig.synthetic.Deadly()
    with cell(reference, None, Path(), lambda: False) as alone:
        there = ask(alone, "none")
        pid = alone.child.pid
    here = type(model).simulate_batch([model], np.ones((1, 4), np.uint64), np.full((1, 1, 4), 8, np.uint64))
    assert there["value"].tobytes() == here["value"].tobytes()
    with cell(reference, None, Path(), lambda: False) as again:  # the same child serves the next block
        assert ask(again, "none")["value"].tobytes() == here["value"].tobytes()
        assert again.child.pid == pid
        fork = again.fork
    close_cells()
    until = time.monotonic() + 10  # killed both, but only the child is waited for
    while any(map(running, (pid, fork))):
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_child_ends_with_its_parent(home: Path) -> None:
    """Also where it hangs, and the parent was killed."""
    path = declare(home / "deadly.py", "hang", ", time_limit=1000")
    process = rig.start("run", path, "--out", "run", "--cluster", "serial", "--no-figures", cwd=home)
    children = Path(f"/proc/{process.pid}/task/")
    if not children.is_dir():
        pytest.skip("the system has no /proc to look for children in")
    until = time.monotonic() + 60
    found: list[int] = []
    while not found:
        assert time.monotonic() < until
        found = [int(p) for t in children.glob("*/children") for p in t.read_text().split()]
        time.sleep(0.05)
    time.sleep(2)
    process.kill()
    process.communicate()
    until = time.monotonic() + 10
    while any(map(running, found)):
        assert time.monotonic() < until, "a child outlives the run"
        time.sleep(0.05)


def test_a_stop_is_no_failure(reference: ModelReference) -> None:
    with cell(reference, None, Path(), lambda: True) as alone, pytest.raises(Stopped):
        ask(alone, "hang")


def test_a_child_that_cannot_start_is_no_failure_of_a_simulation(reference: ModelReference) -> None:
    broken = ModelReference("no_such_module", "Deadly")
    with cell(broken, None, Path(), lambda: False) as alone, pytest.raises(CellError, match="no_such_module"):
        ask(alone, "none")


def test_one_death_of_a_child_is_forgiven(reference: ModelReference) -> None:
    """Somebody else may have killed it."""
    with cell(reference, None, Path(), lambda: False) as alone:
        ask(alone, "none")
        os.kill(alone.fork, signal.SIGKILL)
        assert "value" in ask(alone, "none")
        with pytest.raises(FailedAlone, match="SIGSEGV"):
            ask(alone, "segfault")


@pytest.mark.parametrize("limit", ["0", "-1", "True", "'1 h'", "float('nan')"])
def test_a_time_limit_is_a_positive_number(limit: str, home: Path) -> None:
    workflow = load_workflow(declare(home / "w.py", "hang", f", time_limit={limit}"))
    with pytest.raises(InputError, match="time_limit"):
        workflow.sweep()


def test_a_block_is_suspect_only_after_deaths(tmp_path: Path) -> None:
    """A process at work, this one also, is no death; another number of the same process is."""
    path = tmp_path / "0.0.run"

    def begin() -> tuple[int, int]:
        return ledger.deaths_at(tmp_path, "0.0"), ledger.begin(tmp_path, "0.0", {})

    assert begin() == (0, 1)
    assert begin() == (0, 2)
    ledger.write_json(path, ledger.read_json(path) | {"born": "another"})
    assert begin() == (1, 3)
    ledger.write_json(path, ledger.read_json(path) | {"pid": 2**22 + 1})
    assert begin() == (2, 4)
    assert begin() == (2, 5)
