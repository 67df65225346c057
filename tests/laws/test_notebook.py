"""Law 9 at a prompt: a model of a notebook's cell or a script's `__main__` runs in-process, and nowhere else."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import rig

from isinglass import Workflow
from isinglass.provenance import notebook_text

HEAD = """\
import numpy as np
from dataclasses import dataclass
import isinglass
from isinglass import Model, Observable, Workflow, parameter
from isinglass.kernels.jit import jit
from isinglass.kernels.streams import uniform
"""
KERNEL = """\
@jit
def total(stream, steps):
    out = 0.0
    for _ in range(steps):
        out += uniform(stream)
    return out
"""
MODEL = """\
@dataclass(frozen=True)
class Own(Model):
    \"\"\"A model of a cell.\"\"\"
    size: int = parameter(4, units="1", minimum=1, quenched=True, doc="size")
    temperature: float = parameter(0.3, units="K", doc="temperature")
    observables = (Observable("value", "1"),)

    def simulate(self, disorder, noise):
        base = total(disorder.copy(), self.size) * self.temperature
        return {"value": np.array([base + total(row.copy(), self.size) for row in noise])}
"""
RUN = """\
workflow = Workflow(model=Own, axes={"temperature": [0.1, 0.2, 0.3], "size": [4, 5]}, samples=2, seed=9, name="own")
ds = isinglass.run(workflow, out="run", quiet=True)
print(int((ds.status == 1).sum()), "done")
"""


def reference() -> Workflow:
    """The synthetic `Compiled` under the cell's name: the same physics and the same stream keys."""
    axes = {"temperature": [0.1, 0.2, 0.3], "size": [4, 5]}
    model = type("Own", (rig.synthetic.Compiled,), {})
    return Workflow(model=model, axes=axes, samples=2, seed=9)


class Kernel:
    """A kernel of Jupyter in a process of its own."""

    def __init__(self) -> None:
        from jupyter_client.manager import start_new_kernel

        self.manager, self.client = start_new_kernel(startup_timeout=120, kernel_name="python3")

    def cell(self, text: str) -> tuple[str, str]:
        """What a cell printed, and how it failed (empty where it did not)."""
        said: list[str] = []

        def hear(message: dict) -> None:
            if message["msg_type"] == "stream":
                said.append(message["content"]["text"])

        reply = self.client.execute_interactive(text, timeout=120, output_hook=hear)["content"]
        wrong = "" if reply["status"] == "ok" else f"{reply['ename']}: {reply['evalue']}"
        return "".join(said), wrong

    def outputs(self, text: str) -> list[dict]:
        """What a cell shows in the end, in order, as a notebook keeps it: an updated display is replaced."""
        out: list[dict] = []

        def hear(message: dict) -> None:
            kind, content = message["msg_type"], message["content"]
            name = content.get("transient", {}).get("display_id")
            if kind == "update_display_data":
                shown = next(o for o in out if o.get("id") == name)
                shown |= {"data": content["data"], "updates": shown["updates"] + 1}
            elif kind == "stream" and out and out[-1].get("stream") == content["name"]:
                out[-1]["text"] += content["text"]
            elif kind == "stream":
                out.append({"stream": content["name"], "text": content["text"]})
            elif kind in ("display_data", "error"):
                out.append({"id": name, "data": content.get("data"), "kind": kind, "updates": 0})

        self.client.execute_interactive(text, timeout=120, output_hook=hear)
        return out

    def end(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


@pytest.fixture
def kernel(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    pytest.importorskip("ipykernel")
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(name, str(home / name))
    started = Kernel()
    yield started
    started.end()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # jupyter_client's own
def test_a_model_of_a_cell(kernel: Kernel, home: Path) -> None:
    """It runs with the right bytes, goes on, is refused in other processes, and is refused with other physics."""
    for cell in (HEAD, KERNEL, MODEL):
        assert kernel.cell(cell) == ("", "")
    assert kernel.cell(RUN) == ("12 done\n", "")
    rig.check(rig.data(home / "run"), reference())

    # elsewhere
    wrong = kernel.cell('isinglass.run(workflow, out="elsewhere", cluster="local", quiet=True)')[1]
    assert wrong.startswith("InputError: model Own is defined in a notebook or script, which worker processes cannot")
    assert "put it into a workflow file, or run it in-process" in wrong
    assert not (home / "elsewhere").exists()

    # cells run again, other cells beside, words in a docstring: no change
    for cell in (KERNEL, MODEL.replace("A model of a cell.", "The model."), "unused = 3", "%time 1 + 1"):
        assert kernel.cell(cell)[1] == ""
    assert kernel.cell(RUN.replace("0.1, 0.2, 0.3]", "0.1, 0.2, 0.3, 0.4]")) == ("16 done\n", "")

    # other physics in the class, or in what it calls from another cell
    for before, cell in (("return out", KERNEL), ("return {", MODEL)):
        changed = cell.replace("out += uniform", "out -= uniform").replace("base + total", "base - total")
        assert changed != cell
        assert kernel.cell(changed)[1] == ""
        if cell is KERNEL:
            assert kernel.cell(MODEL)[1] == ""
        wrong = kernel.cell(RUN)[1]
        assert wrong.startswith("InputError"), (before, wrong)
        assert "-=" in wrong or "base - total" in wrong
        assert "--accept-code-change" in wrong or "accept_code_change" in wrong
        for cell in (KERNEL, MODEL):
            kernel.cell(cell)
    assert kernel.cell(RUN)[1] == ""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # jupyter_client's own
def test_a_bar_in_a_cell(kernel: Kernel, home: Path) -> None:
    """Without ipywidgets: one output that is replaced and ends with how it was, a few lines of text, no warning."""
    (home / "own.py").write_text(
        f"{rig.SYNTHETIC}\nworkflow = Workflow(model=Slow, axes={{'temperature': np.linspace(0, 1, 24)}}, samples=2,\n"
        "    fixed={'seconds': 0.03}, name='own')\n"
    )
    shown = kernel.outputs("import sys; sys.modules['ipywidgets'] = None\nimport isinglass\nisinglass.run('own.py');")
    assert [o.get("stream", "bar") for o in shown] == ["stdout", "bar", "stdout"]
    before, bar, after = shown
    assert bar["data"]["text/plain"].startswith("48/48 simulations, 0 failed, ")
    assert re.search(r'<progress [^>]*max="48" value="48"></progress> 48/48 simulations', bar["data"]["text/html"])
    assert 1 < bar["updates"] < 20
    assert "48 of 48 simulations are done" in after["text"]
    lines = (before["text"] + after["text"]).splitlines()
    assert len(lines) < 25, lines
    assert not any("\x1b" in line or "warn" in line.lower() for line in lines)
    again = kernel.outputs("isinglass.run('own.py');")  # nothing is left to do: no bar
    assert [o.get("stream", "bar") for o in again] == ["stdout"]
    assert kernel.outputs("isinglass.run('own.py', out='quiet', quiet=True);") == []


def script(home: Path, last: str, cluster: str) -> subprocess.CompletedProcess[str]:
    path = home / "own.py"
    path.write_text(HEAD + KERNEL + MODEL + last.replace("quiet=True", f'quiet=True, cluster="{cluster}"'))
    return subprocess.run([sys.executable, path], cwd=home, capture_output=True, text=True, timeout=120)


def test_a_model_of_a_script(home: Path) -> None:
    done = script(home, RUN, "threads")
    assert (done.stdout, done.stderr) == ("12 done\n", "")
    rig.check(rig.data(home / "run"), reference())
    done = script(home, RUN.replace('"run"', '"elsewhere"'), "local")
    assert "InputError: model Own is defined in a notebook or script" in done.stderr
    assert not (home / "elsewhere").exists()
    changed = script(home, RUN, "threads")
    assert changed.returncode == 0
    (home / "own.py").write_text((home / "own.py").read_text().replace("out += uniform", "out -= uniform"))
    done = subprocess.run([sys.executable, "own.py"], cwd=home, capture_output=True, text=True, timeout=120)
    assert "InputError" in done.stderr
    assert "out -= uniform" in done.stderr


def test_a_prompt_without_source_is_refused(home: Path) -> None:
    """The source of a plain prompt is not kept: a change would go unseen."""
    parts = (*HEAD.splitlines(), KERNEL, MODEL, *RUN.splitlines())
    text = "\n".join(part.replace("\n\n", "\n") + "\n" for part in parts)
    words = [sys.executable, "-i", "-q"]
    done = subprocess.run(words, input=text, cwd=home, capture_output=True, text=True, timeout=120)
    assert "define it in a file" in done.stderr
    assert not (home / "run").exists()


def test_the_cells_in_force() -> None:
    first, second = "a = 1\ndef f(x):\n    return x\n", "@jit\ndef g():\n    return f(a)\n"
    cells = ["", first, second, "def f(x):\n    return -x\n", "1 +", "print(a)"]
    text = notebook_text(cells)
    assert "a = 1" in text
    assert "return x" not in text
    assert "return -x" in text
    assert notebook_text([first, first, second, first]).count("return x") == 1
    assert "@jit" not in notebook_text([second, "g = 3"])
    assert notebook_text(["a, b = 1, 2", "a = 3"]) == "a, b = 1, 2\na = 3", "b is still of the first cell"
