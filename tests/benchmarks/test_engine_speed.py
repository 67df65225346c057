"""What the engine costs, beside the bare kernel, a pool without durability and one Dask task a point, in one run.

pytest tests/benchmarks/test_engine_speed.py -o addopts= --import-mode=importlib --benchmark-disable-gc -s

Each measurement is a process of its own; what matters is printed and in `extra_info`. CPU time is of the process and
its children; `beyond` is CPU microseconds a point beyond `simulate`, timed alone in the same process.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

WORKFLOW = """
from dataclasses import dataclass
import numpy as np
from isinglass import Model, Observable, Workflow, parameter
from isinglass.kernels.jit import jit
from isinglass.kernels.streams import uniform


@jit
def mean(stream, scale, shift, n):
    x = 0.0
    for _ in range(n):
        x += uniform(stream) * scale + shift
    return x / n


@dataclass(frozen=True)
class Mean(Model):
    scale: float = parameter(1.0, units="1", doc="factor")
    shift: float = parameter(1.0, units="1", doc="summand")
    draws: int = parameter(100, units="1", doc="draws", minimum=1)
    observables = (Observable("mean", "1"),)

    def simulate(self, disorder, noise):
        out = np.empty(len(noise))
        for r in range(len(noise)):
            out[r] = mean(noise[r].copy(), self.scale, self.shift, self.draws)
        return {"mean": out}

    @classmethod
    def tiny(cls):
        return cls()


workflow = Workflow(model=Mean, axes={"scale": np.linspace(0, 1, 10), "shift": np.linspace(0, 1, 10)})
"""

MEASURE = '''
import json, resource, sys, threading, time
from dataclasses import replace
from pathlib import Path
import numpy as np
import distributed, xarray, zarr
import isinglass
from isinglass import runs
from isinglass.plans import Options
from isinglass.progress import Talk

case, rows, columns, microseconds = sys.argv[1], *map(int, sys.argv[2:5])
base = isinglass.load_workflow("mean.py")
stream = np.ones((1, 4), np.uint64)


def seconds(draws):
    model = base.model(draws=draws)
    count = max(3, int(0.2 / (draws * 1.2e-9 + 1e-6)))
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        for _ in range(count):
            model.simulate(stream[0], stream)
        best = min(best, (time.process_time() - began) / count)
    return best


seconds(100)
slope = (seconds(200_000) - seconds(100)) / 199_900
draws = max(1, round(microseconds * 1e-6 / slope))
each = seconds(draws)
axes = {"scale": np.linspace(0, 1, rows), "shift": np.linspace(0, 1, columns)}
workflow = replace(base, axes=axes, fixed={"draws": draws})
points = rows * columns


def cpu():
    use = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in use)


def bare(threads):
    """The same simulations in plain threads, one call a point, nothing kept."""
    def work():
        model = base.model(draws=draws)
        for _ in range(points // threads):
            model.simulate(stream[0], stream)
    workers = [threading.Thread(target=work) for _ in range(threads)]
    began = time.perf_counter()
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    return time.perf_counter() - began


def one(point):
    model = base.model(scale=point[0], shift=point[1], draws=draws)
    return float(model.simulate(stream[0], stream)["mean"][0])


def engine(cluster):
    runs.run(workflow, Options(out=Path("out"), cluster=cluster, figures=False), Talk(True))


def pool(cluster):
    import multiprocessing, itertools
    grid = list(itertools.product(*axes.values()))
    with multiprocessing.get_context("fork").Pool(2) as workers:
        assert len(workers.map(one, grid, chunksize=100)) == points


def task_a_point(cluster):
    import itertools
    with distributed.Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address="127.0.0.1:0") as c:
        c.gather(c.map(one, list(itertools.product(*axes.values())), pure=False))


what, _, cluster = case.partition(":")
ideal = bare(2) if what == "engine" and microseconds >= 1000 else None
began, before = time.perf_counter(), cpu()
{"engine": engine, "pool": pool, "task_a_point": task_a_point}[what](cluster)
wall, used = time.perf_counter() - began, cpu() - before
out = {"points": points, "wall_s": wall, "simulate_us": each * 1e6, "cpu_us_beyond": (used / points - each) * 1e6,
       "main_rss_MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
if ideal is not None:
    out |= {"bare_two_threads_s": ideal, "efficiency": ideal / wall}
if what == "engine":
    out["files"] = sum(1 for p in Path("out/.store").rglob("*") if p.is_file())
    began = time.perf_counter()
    engine(cluster)
    out["resume_s"] = time.perf_counter() - began
print(json.dumps(out))
'''


@pytest.fixture(scope="session", autouse=True)
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Modules are compiled once, as everywhere but where PYTHONDONTWRITEBYTECODE is set: it doubles every start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.mktemp("bytecode")))
        folder = tmp_path_factory.mktemp("warm")
        for cluster in ("engine:threads", "engine:two.yaml"):
            measure(folder, cluster, 10, 10, 10)
            shutil.rmtree(folder / "out")
        yield


def measure(folder: Path, case: str, rows: int, columns: int, microseconds: int) -> dict[str, float]:
    (folder / "mean.py").write_text(WORKFLOW)
    (folder / "measure.py").write_text(MEASURE)
    (folder / "two.yaml").write_text("kind: processes\nworkers: 2\n")
    words = [sys.executable, "measure.py", case, str(rows), str(columns), str(microseconds)]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    out: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(f"\n{case} {rows * columns} x {microseconds} us: " + ", ".join(f"{k} {v:.4g}" for k, v in out.items()))
    return out


def record(benchmark, folder: Path, *case: object) -> None:
    found: dict[str, float] = {}
    benchmark.pedantic(lambda: found.update(measure(folder, *case)), rounds=1)
    benchmark.extra_info.update(found)


@pytest.mark.parametrize("case", ["engine:serial", "engine:threads", "engine:two.yaml", "pool:", "task_a_point:"])
def test_many_short_simulations(case: str, benchmark, tmp_path: Path) -> None:
    """10^5 points of 10 us (the naive way: 5000)."""
    record(benchmark, tmp_path, case, *((50, 100) if case == "task_a_point:" else (400, 250)), 10)


@pytest.mark.parametrize("cluster", ["threads", "two.yaml"])
def test_a_million_points(cluster: str, benchmark, tmp_path: Path) -> None:
    record(benchmark, tmp_path, f"engine:{cluster}", 1000, 1000, 10)


@pytest.mark.parametrize("cluster", ["threads", "two.yaml"])
def test_simulations_of_a_millisecond(cluster: str, benchmark, tmp_path: Path) -> None:
    record(benchmark, tmp_path, f"engine:{cluster}", 100, 100, 1000)


def test_cold_start(benchmark, tmp_path: Path) -> None:
    """From the command to the first committed block, kernels compiled before."""
    (tmp_path / "mean.py").write_text(WORKFLOW)
    command = [sys.executable, "-c", "from isinglass.cli import main; main()", "run", "mean.py", "--out"]
    subprocess.run([*command, "warm"], cwd=tmp_path, check=True, capture_output=True)

    def first() -> None:
        out = tmp_path / f"run{time.time_ns()}"
        process = subprocess.Popen(
            [*command, out.name, "--set", "draws=1000000", "--samples", "20"], cwd=tmp_path,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while not list(out.glob(".store/1/blocks/*.done")):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
        process.wait()

    benchmark.pedantic(first, rounds=5)


def test_help(benchmark) -> None:
    command = [sys.executable, "-c", "from isinglass.cli import main; main()", "--help"]
    benchmark.pedantic(lambda: subprocess.run(command, check=True, capture_output=True), rounds=5)


def test_imports(benchmark) -> None:
    """What a run has to import before it can do anything: the part of the cold start that is not ours."""
    code = textwrap.dedent("import numba, zarr, xarray, distributed")
    command = [sys.executable, "-c", code]
    benchmark.pedantic(lambda: subprocess.run(command, check=True, env=dict(os.environ)), rounds=3)
