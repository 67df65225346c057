"""The lock, and the wheel: built, installed into a bare environment, and run there from an empty folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def normal(requirement: str) -> str:
    """The normalised name of a requirement."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s;<>=!~\[]", requirement.strip())[0]).lower()


def locked() -> dict[str, list[str]]:
    """Name -> lines of requirements.lock."""
    out: dict[str, list[str]] = {}
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            out.setdefault(normal(line), []).append(line)
    return out


def test_lock_names_every_dependency() -> None:
    direct = {
        normal(r)
        for r in (
            *PROJECT["dependencies"],
            *(r for extra in PROJECT["optional-dependencies"].values() for r in extra),
        )
    }
    assert direct <= locked().keys()


def test_lock_pins_versions_and_holds_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for word in ("http:", "https:", "://", " @ ", "file:", "--index", "--find-links"):
        assert word not in text
    for lines in locked().values():
        for line in lines:
            assert re.match(r"[A-Za-z0-9_.-]+==[0-9][^ ]*( ; .+)?$", line), line


def test_lock_keeps_the_floors() -> None:
    for requirement in PROJECT["dependencies"]:
        floor = re.search(r">=([\d.]+)", requirement)
        assert floor is not None, f"{requirement} has no floor"
        for line in locked()[normal(requirement)]:
            version = re.search(r"==([\d.]+)", line)
            assert version is not None
            numbers = [tuple(map(int, v[1].strip(".").split("."))) for v in (version, floor)]
            assert numbers[0] >= numbers[1], line


def test_pre_commit_needs_no_network() -> None:
    import yaml

    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    assert {hook["language"] for hook in hooks} == {"system"}
    assert {hook["id"] for hook in hooks} == {"ruff-check", "ruff-format", "mypy"}


# ---------------------------------------------------------------- the wheel


def run(*words: str | Path, cwd: Path, **environment: str) -> str:
    """A command with no trace of the checkout or of this environment in its own."""
    kept = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH", "UV_PROJECT_ENVIRONMENT")}
    done = subprocess.run(
        list(map(str, words)), cwd=cwd, env={**kept, **environment}, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source archive, built from a copy of what belongs to the project."""
    if shutil.which("uv") is None:
        pytest.skip("uv is not installed: pip install uv")
    home = tmp_path_factory.mktemp("built")
    source = home / "source"
    source.mkdir()
    for name in ("pipeline", "workflows", "catalogs", "cluster", "pyproject.toml", "README.md", "LICENSE"):
        origin, ignored = ROOT / name, shutil.ignore_patterns("__pycache__")
        if origin.is_dir():
            shutil.copytree(origin, source / name, ignore=ignored)
        else:
            shutil.copyfile(origin, source / name)
    run("uv", "build", "--quiet", "--out-dir", home, source, cwd=home)
    return home


def test_wheel_and_source_archive(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = wheel.namelist()
    assert {name.split("/")[0] for name in names} == {"isinglass", f"isinglass-{PROJECT['version']}.dist-info"}
    assert "isinglass/py.typed" in names
    assert "isinglass/pages/templates/base.html.j2" in names
    assert "isinglass/pages/templates/live_page.js" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    for kind in ("workflows", "catalogs", "cluster"):
        for path in (ROOT / kind).iterdir():
            if path.is_file():
                assert f"isinglass/_shipped/{kind}/{path.name}" in names
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        files = [name.partition("/")[2] for name in archive.getnames()]
    for name in ("LICENSE", "README.md", "pyproject.toml", "pipeline/isinglass/py.typed", "catalogs/references.yaml"):
        assert name in files


def test_wheel_in_a_bare_environment(built: Path, tmp_path: Path) -> None:
    """Nothing of the checkout is there: `list`, a tiny run with figures, the shipped files found in the wheel."""
    venv = tmp_path / "venv"
    run("uv", "venv", "--quiet", "--python", sys.executable, venv, cwd=tmp_path)
    python = next(p for p in (venv / "bin" / "python", venv / "Scripts" / "python.exe") if p.exists())
    wheel = next(built.glob("*.whl"))
    run("uv", "pip", "install", "--quiet", "--python", python, wheel, cwd=tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    program = python.with_name("isinglass")
    listed = run(program, "list", cwd=empty)
    for path in (ROOT / "workflows").glob("[a-z]*.py"):
        assert f"  {path.stem.replace('_', '-')} " in listed
    assert "cannot be loaded" not in listed
    out = run(
        program, "run", "hopfield-retrieval", "--set", "neurons=64", "--set", "equilibration=2", "--set", "steps=4",
        "--set", "load=0.05,0.15", "--set", "temperature=0.1,0.5,1", "--samples", "2", "--replicas", "1", cwd=empty,
    )  # fmt: skip
    assert "12 of 12 simulations are done" in out
    assert (empty / "results" / "hopfield-retrieval" / "figures" / "retrieval_diagram.png").is_file()
    code = (
        "from isinglass.shipped import shipped; from isinglass.catalog import references\n"
        "from isinglass.profiles import load_profile; import isinglass\n"
        "print(isinglass.__file__, shipped('workflows'), len(references()), load_profile('local').kind)\n"
    )
    where = run(python, "-c", code, cwd=empty).split()
    assert where[0].startswith(str(venv))
    assert "_shipped" in where[1]
    assert (int(where[2]) > 5, where[3]) == (True, "processes")
    opens_as_plain_zarr(python, empty)


def opens_as_plain_zarr(python: Path, cwd: Path) -> None:
    """Plain xarray opens the store, with no word of Isinglass."""
    code = (
        "import sys, xarray as xr\n"
        "ds = xr.open_zarr('results/hopfield-retrieval/data.zarr')\n"
        "print(int((ds.status == 1).sum()), 'isinglass' in sys.modules)\n"
    )
    assert run(python, "-c", code, cwd=cwd).split() == ["12", "False"]
