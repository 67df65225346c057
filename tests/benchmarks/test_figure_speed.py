"""A map of a million points: open, average, draw, save as PNG, PDF and CSV.

pytest tests/benchmarks/test_figure_speed.py --benchmark-columns=min,median; opening is to take less than 1 s, drawing
and saving less than 10 s, all of it less than 2 GB (`peak_MB` of the extra info) on two cores. `cpu_s` is what one
round took of a processor, which others on the machine do not lengthen.
"""

import resource
import time
from pathlib import Path

import pytest

import isinglass
from isinglass import load_workflow, results, runs
from isinglass.figures import save
from isinglass.plans import Options
from isinglass.progress import Talk

TEXT = """
import numpy as np
from dataclasses import dataclass
from isinglass import Model, Observable, Workflow, parameter
from isinglass.analysis import errors
from isinglass.figures import PhaseDiagram

@dataclass(frozen=True)
class Hill(Model):
    x: float = parameter(0.0, units="1", doc="x")
    y: float = parameter(0.0, units="1", doc="y")
    observables = (Observable("memory", "1"),)

    def simulate(self, disorder, noise):
        return {"memory": self.simulate_batch([self], disorder[None], noise[None])["memory"][0]}

    @classmethod
    def simulate_batch(cls, models, disorder, noise):
        x, y = (np.array([getattr(m, k) for m in models])[:, None] for k in "xy")
        noise = (noise[:, :, 0] >> np.uint64(11)) * 2.0**-53 - 0.5
        return {"memory": np.exp(-4 * (x - 0.5) ** 2 - 4 * (y - 0.5) ** 2) + 0.05 * noise}

workflow = Workflow(
    model=Hill, axes={"x": np.linspace(0, 1, 1000), "y": np.linspace(0, 1, 1000)}, samples=1, seed=1,
    stages=[errors.mean("memory")], figures=[PhaseDiagram(x="x", y="y", panels=("memory_mean",), name="hill")],
)
"""


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("figures")
    (home / "w.py").write_text(TEXT)
    options = Options(out=home / "run", cluster="serial", figures=False)
    assert runs.run(load_workflow(home / "w.py"), options, Talk(quiet=True)).exit_code == 0
    return home


def test_open(benchmark, run_folder: Path) -> None:
    ds = benchmark(isinglass.open, run_folder / "run")
    assert ds["status"].size == 10**6


def test_draw_and_save(benchmark, run_folder: Path) -> None:
    workflow = load_workflow(run_folder / "w.py")
    merged = results.analyse(run_folder / "run", workflow)
    figure = workflow.figures[0]
    start = time.process_time()
    paths = benchmark.pedantic(lambda: save(figure.draw(merged), run_folder, "hill"), rounds=3)
    benchmark.extra_info["cpu_s"] = (time.process_time() - start) / 3
    assert [p.suffix for p in paths] == [".png", ".pdf", ".csv"]
    with paths[2].open() as file:
        assert sum(not line.startswith("#") for line in file) == 10**6 + 1
    benchmark.extra_info["peak_MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_from_the_run_to_its_map(benchmark, run_folder: Path) -> None:
    """Open, average over samples, draw, save: what `isinglass analyse` does."""
    workflow = load_workflow(run_folder / "w.py")

    def all_of_it() -> list[str]:
        root = run_folder / "run"
        return list(results.draw(root, workflow, results.analyse(root, workflow)))

    start = time.process_time()
    assert len(benchmark.pedantic(all_of_it, rounds=3)) == 3
    benchmark.extra_info["cpu_s"] = (time.process_time() - start) / 3
    benchmark.extra_info["peak_MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
