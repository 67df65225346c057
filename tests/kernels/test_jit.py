"""The kernel decorator: flags, cache location, and that no edit ever leaves machine code stale."""

import os
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numba
import numpy as np
import pytest

from isinglass.kernels import jit as module
from isinglass.kernels.jit import FASTMATH, cache_dir, jit


def run(code: str, folder: Path, **environment: str) -> str:
    """Standard output of a new process that runs `code` in `folder`."""
    env = {**os.environ, "ISINGLASS_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": str(folder), **environment}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_flags() -> None:
    @jit
    def plain(x: float) -> float:
        return x

    @jit(reassociate=True)
    def summing(x: float) -> float:
        return x

    assert plain.targetoptions["nogil"] is True
    assert plain.targetoptions["error_model"] == "numpy"
    assert plain.targetoptions["fastmath"] == FASTMATH
    assert summing.targetoptions["fastmath"] == FASTMATH | {"reassoc"}


def test_nan_and_inf_survive() -> None:
    @jit(reassociate=True)
    def probe(x: np.ndarray) -> tuple[bool, bool, float]:
        return np.isnan(x[0]), np.isinf(x[1]), x[2] / x[3]

    nan, inf, ratio = probe(np.array([np.nan, np.inf, 1.0, 0.0]))
    assert nan is True
    assert inf is True
    assert ratio == np.inf


def test_numba_config_is_left_alone() -> None:
    before = numba.config.CACHE_DIR

    def decorate() -> None:
        for _ in range(20):
            jit(lambda x: x)

    threads = [threading.Thread(target=decorate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert before == numba.config.CACHE_DIR


STALE = {
    "inner.py": "from isinglass.kernels.jit import jit\nSCALE = {k}\n@jit\ndef g(x):\n    return {k} * x\n",
    "middle.py": "from isinglass.kernels.jit import jit\nfrom inner import g\n@jit\ndef h(x):\n    return g(x) + 1\n",
    "outer.py": (
        "import inner\nfrom inner import SCALE\nfrom middle import h\nfrom isinglass.kernels.jit import jit\n"
        "@jit\ndef by_name(x):\n    return h(x)\n"
        "@jit\ndef by_module(x):\n    return inner.g(x)\n"
        "@jit\ndef constant(x):\n    return SCALE * x\n"
    ),
}
PROBE = (
    "import outer; f = (outer.by_name, outer.by_module, outer.constant); print(*(int(g(1.0)) for g in f), "
    "*(sum(g.stats.cache_hits.values()) for g in f))"
)


def test_edited_callee_is_not_stale_and_untouched_code_is_reused(tmp_path: Path) -> None:
    def write(k: int) -> None:
        for name, text in STALE.items():
            (tmp_path / name).write_text(text.replace("{k}", str(k)))

    write(2)
    assert run(PROBE, tmp_path) == "3 2 2 0 0 0"
    assert run(PROBE, tmp_path) == "3 2 2 1 1 1"
    write(200)
    assert run(PROBE, tmp_path) == "201 200 200 0 0 0"
    assert not list(tmp_path.glob("__pycache__/*.nbi"))


def test_code_without_a_file_compiles_uncached(tmp_path: Path) -> None:
    code = "from isinglass.kernels.jit import jit\n@jit\ndef f(x):\n    return 2 * x\n"
    assert run(code + "print(f(4))", tmp_path) == "8"
    scope: dict[str, object] = {}
    exec(compile(code, "<a cell>", "exec"), scope)
    assert scope["f"](4) == 8  # type: ignore[operator]
    assert not list(tmp_path.glob("cache/numba/**/*.nbi"))


def test_script_run_as_main_is_cached(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from isinglass.kernels.jit import jit\n@jit\ndef f(x):\n    return 2 * x\n"
        "print(f(4), sum(f.stats.cache_hits.values()))\n"
    )
    launch = "import runpy; runpy.run_path('script.py', run_name='__main__')"
    assert run(launch, tmp_path) == "8 0"
    assert run(launch, tmp_path) == "8 1"


def test_cache_dir_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISINGLASS_CACHE_DIR", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_dir() == tmp_path / "own"
    monkeypatch.delenv("ISINGLASS_CACHE_DIR")
    assert cache_dir() == tmp_path / "xdg" / "isinglass"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_dir() == tmp_path / "home" / ".cache" / "isinglass"


@pytest.mark.parametrize("taken", [False, True], ids=["free", "name taken by a folder open to all"])
def test_where_nothing_is_writable_a_private_folder_serves(
    taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "temp").mkdir()
    monkeypatch.setenv("ISINGLASS_CACHE_DIR", str(tmp_path / "file" / "below"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    named = tmp_path / "temp" / f"isinglass-{os.getuid()}"
    if taken:
        named.mkdir()
        named.chmod(0o777)
    module._private_folder.cache_clear()
    try:
        folder = cache_dir()
        assert folder.parent == tmp_path / "temp"
        assert (folder == named) is not taken
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert cache_dir() == folder
    finally:
        module._private_folder.cache_clear()
