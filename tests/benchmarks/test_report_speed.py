"""The report of a million points, and of 300 x 300 with four samples: analysis, page, file; as `isinglass report` does.

pytest tests/benchmarks/test_report_speed.py --benchmark-columns=min,median; the report of a million points is to take
less than 30 s and 2 GB (`peak_MB` of the extra info) on two cores, and its file less than 5 MB. Measured on two cores:
6.7 s, 0.37 GB, 2.4 MB; 6.9 s, 0.37 GB, 1.9 MB.
"""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from isinglass import load_workflow, runs
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


@pytest.mark.parametrize(("side", "samples"), [(1000, 1), (300, 4)])
def test_report(benchmark, tmp_path: Path, side: int, samples: int) -> None:
    text = TEXT.replace("1000)", f"{side})").replace("samples=1", f"samples={samples}")
    (tmp_path / "w.py").write_text(text)
    options = Options(out=tmp_path / "run", cluster="serial", figures=False)
    assert runs.run(load_workflow(tmp_path / "w.py"), options, Talk(quiet=True)).exit_code == 0
    words = [sys.executable, "-m", "isinglass", "report", str(tmp_path / "run")]
    benchmark.pedantic(subprocess.run, (words,), {"check": True, "stdout": subprocess.DEVNULL}, rounds=1)
    file = tmp_path / "run" / "report.html"
    benchmark.extra_info["MB"] = file.stat().st_size / 1e6
    benchmark.extra_info["peak_MB"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    assert file.stat().st_size < 5e6
    assert benchmark.extra_info["peak_MB"] < 2000
