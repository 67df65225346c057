"""SIGTERM and Ctrl-C on every backend and at every stage: committed in 5 s, exit 130, and what goes on is printed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import chaos
import pytest
import rig

pytestmark = pytest.mark.usefixtures("home")
long = pytest.mark.long
CTRL_C, TERM = signal.SIGINT, signal.SIGTERM
STOP_SECONDS = 5.0
END_SECONDS = 15.0  # exit of a process on a busy machine, its cluster's included
SLEEPY = "model=Slow, axes={'temperature': [0.1, 0.2], 'size': [4, 5]}, samples=2, seed=5, fixed={'seconds': 1000.0}"
STAGES = {
    "declaring": ("isinglass.generations", "declare"),
    "looking": ("isinglass.runs", "find_undone"),
    "analysing": ("isinglass.results", "analyse"),
}


def send(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """As a terminal does, Ctrl-C goes to all processes of the run; SIGTERM to the one that was started."""
    if number == CTRL_C:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)


def stopped(process: subprocess.Popen[str], seconds: float = END_SECONDS) -> str:
    """It ends with exit 130 and one line that says how to go on."""
    out = chaos.quiet(rig.finish(process, code=130, seconds=seconds))
    assert out.count("stopped; what was done is kept. Go on with: isinglass run ") == 1
    return out


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("serial", TERM),
        ("threads", CTRL_C),
        ("processes", CTRL_C),
        pytest.param("no nanny", TERM, marks=long),
        pytest.param("serial", CTRL_C, marks=long),
        pytest.param("threads", TERM, marks=long),
        pytest.param("processes", TERM, marks=long),
        pytest.param("no nanny", CTRL_C, marks=long),
        pytest.param("nanny", TERM, marks=long),
    ],
)
def test_a_stop_commits_what_is_done(kind: str, number: signal.Signals, home: Path) -> None:
    """Blocks in hand are committed in part, within 5 s; nothing is committed later; the command goes on."""
    with chaos.backend(kind, home) as (cluster, _):
        sweep = chaos.Sweep(home, cluster, seconds=0.3)
        process = sweep.start()
        sweep.wait_for(1, process)
        time.sleep(0.6)  # into the next blocks: a stop at a block's very end leaves none in part
        began = time.time()
        send(process, number)
        stopped(process)
        committed = sweep.snapshot().committed
        assert 1 <= len(committed) < 16
        late = max(at for at, _ in committed.values()) / 1e9 - began
        assert late < STOP_SECONDS, f"committed {late:.1f} s after the signal"
        assert [name for name in committed if name.endswith(".part")], "what was done of a block was thrown away"
        time.sleep(0.5)
        assert sweep.snapshot().committed == committed
        sweep.hurry()


@pytest.mark.parametrize("kind", ["serial", "threads", pytest.param("processes", marks=long)])
def test_a_simulation_that_cannot_stop_is_left(kind: str, home: Path) -> None:
    """Simulations of 1000 s, and a pilot that has gone through: no run waits for them."""
    with chaos.backend(kind, home) as (cluster, _):
        # the pilot sleeps, too: a sleep is short in the main process until the first block has begun
        sweep = chaos.Sweep(home, cluster, declaration=SLEEPY)
        code = "import time; from isinglass import execute, plans, planning; "
        code += "plans.pilot = lambda *a, **k: planning.Pilot(1e-3, 1e-3, 1e-3); from isinglass.cli import main; main()"
        process = by_code(code, sweep)
        until = time.monotonic() + 120
        while not sweep.snapshot().flying:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < until
            time.sleep(0.05)
        began = time.monotonic()
        send(process, CTRL_C)
        stopped(process)
        assert time.monotonic() - began < 4 + END_SECONDS


def by_code(code: str, sweep: chaos.Sweep) -> subprocess.Popen[str]:
    """A run whose process does something else first."""
    import sys

    return subprocess.Popen(
        [sys.executable, "-c", code, *sweep.words], cwd=sweep.home, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


@pytest.mark.parametrize("number", [CTRL_C, TERM])
def test_a_stop_during_the_pilot(number: signal.Signals, home: Path) -> None:
    sweep = chaos.Sweep(home, "threads", declaration=SLEEPY)
    process = sweep.start()
    assert process.stdout is not None
    assert "measuring a pilot" in process.stdout.readline()
    time.sleep(0.5)
    began = time.monotonic()
    send(process, number)
    stopped(process)
    assert time.monotonic() - began < END_SECONDS


@pytest.mark.parametrize("stage", ["declaring", *(pytest.param(s, marks=long) for s in ("looking", "analysing"))])
def test_a_stop_at_another_stage(stage: str, home: Path) -> None:
    """Held there by a slower function; the same command then completes."""
    module, function = STAGES[stage]
    sweep = chaos.Sweep(home, "serial", seconds=0.001)
    with sweep.file.open("a") as file:
        file.write("from dataclasses import replace\ndef other(ds):\n    return ds[['value']].rename(value='other')\n")
        file.write("workflow = replace(workflow, stages=[other])\n")
    code = f"import sys, time, {module} as m; true = m.{function}\n"
    code += "def slow(*a, **k):\n    print('here', flush=True); time.sleep(60); return true(*a, **k)\n"
    code += f"m.{function} = slow\n"
    process = by_code(code + "from isinglass.cli import main; main()", sweep)
    assert process.stdout is not None
    for line in process.stdout:
        if line == "here\n":
            break
    send(process, TERM)
    stopped(process)
    sweep.hurry()


def test_a_stop_during_imports(home: Path) -> None:
    """From the first line of the command on, there is one line and exit 130."""
    sweep = chaos.Sweep(home, "serial", seconds=0.001)
    for name in ("yaml", "numba"):
        hook = f"import sys\nclass Slow:\n    def find_spec(self, name, *_):\n        if name == '{name}':\n"
        hook += "            import time; print('here', flush=True); time.sleep(60)\nsys.meta_path.insert(0, Slow())\n"
        process = by_code(hook + "from isinglass.cli import main; main()", sweep)
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        send(process, TERM)
        stopped(process)


@pytest.mark.long
def test_a_stop_while_worker_processes_start(home: Path) -> None:
    """Ctrl-C reaches them in the midst of their imports."""
    with chaos.backend("processes", home) as (cluster, _):
        sweep = chaos.Sweep(home, cluster)
        process = sweep.start()
        assert process.stdout is not None
        while "at a time" not in process.stdout.readline():
            assert process.poll() is None
        time.sleep(1.0)
        send(process, CTRL_C)
        stopped(process, 60)


@pytest.mark.parametrize("kind", ["threads", pytest.param("serial", marks=long), pytest.param("processes", marks=long)])
def test_twice_ctrl_c(kind: str, home: Path) -> None:
    """The second one does not wait for what is in flight."""
    with chaos.backend(kind, home) as (cluster, _):
        sweep = chaos.Sweep(home, cluster, seconds=0.1)
        process = sweep.start()
        sweep.wait_for(1, process)
        send(process, CTRL_C)
        time.sleep(0.3)
        send(process, CTRL_C)
        stopped(process)
        sweep.hurry()
