"""The arrows of the design: who may import whom, and what stays out of where."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "pipeline" / "isinglass"
FILES = sorted(PACKAGE.rglob("*.py"))

# Lower layers first: a module may import those on lines above its own, and its neighbours on the same line.
# The design's arrows: kernels <- measures <- models <- sweep <- planning <- dataset <- execute <- workflow <- cli.
LAYERS = [
    ["exceptions", "shipped", "arrays"],
    ["kernels"],
    ["measures"],
    ["models"],
    ["keys"],
    ["sweep", "source", "recording", "recorded", "provenance", "catalog", "datasets"],
    ["opening", "queries"],
    ["backend"],
    ["planning", "travel"],
    ["ledger"],
    ["simulation", "coordinates"],
    ["isolation"],
    ["dataset", "entries"],
    ["healing"],
    ["generations", "continuation"],
    ["sealing"],
    ["profiles", "schedulers"],
    ["execute", "pilot", "cluster", "jobqueue"],
    ["theory", "analysis", "figures"],
    ["workflow"],
    ["inspection", "progress", "convergence"],
    ["jobs"],
    ["plans", "results"],
    ["exporting", "citing", "comparison", "scaffolding", "registering"],
    ["comparing"],
    ["declaring", "publishing"],
    ["runs", "submission"],
    ["presentation"],
    ["pages"],
    ["reporting"],
    ["cli", "__main__"],
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
HEAVY = {"matplotlib", "scipy", "xarray", "dask", "distributed", "zarr"}


def imports(path: Path, everywhere: bool) -> Iterator[tuple[str, int]]:
    """(dotted name, line) of what a file imports, at module level or everywhere; not what only type checkers see."""
    todo: list[ast.AST] = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            todo += node.orelse
        elif isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: relative import"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno
        elif everywhere or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            todo += ast.iter_child_nodes(node)


def layer(path: Path) -> str:
    """The name under which LAYERS knows a file: its folder inside the package, or its own."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def ids(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", [p for p in FILES if p != PACKAGE / "__init__.py"], ids=ids)
def test_arrows_point_one_way(path: Path) -> None:
    """Also within functions: a lazy import is no way around."""
    mine = layer(path)
    assert mine in LEVEL, f"{path.name} has no place in LAYERS: add it where it belongs"
    for name, line in imports(path, everywhere=True):
        parts = name.split(".")
        if parts[0] != "isinglass":
            continue
        other = parts[1]
        if other not in LEVEL:
            # `from isinglass import Workflow`: the public names, which are for users
            raise AssertionError(f"{path}:{line} imports {name}: import it from the module that defines it")
        assert LEVEL[other] <= LEVEL[mine], f"{path}:{line}: {mine} is below {other} and must not import it"


def test_no_cycles_among_modules() -> None:
    """Neighbours on one line of LAYERS, and files of one folder, must not import each other in a circle either."""
    names = {".".join(p.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): p for p in FILES}

    def home(name: str) -> str | None:
        while name:
            if name in names:
                return name
            name = name.rpartition(".")[0]
        return None

    graph = {
        m: {h for n, _ in imports(p, everywhere=False) if (h := home(n)) not in (None, m, "isinglass")}
        for m, p in names.items()
        if m != "isinglass"
    }
    done: set[str] = set()

    def walk(at: str, path: tuple[str, ...]) -> None:
        assert at not in path, f"imports go in a circle: {' -> '.join([*path, at])}"
        if at not in done:
            for other in sorted(graph[at]):
                walk(other, (*path, at))
            done.add(at)

    for module in graph:
        walk(module, ())


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_who_may_import_what(path: Path) -> None:
    mine = layer(path)
    for name, line in imports(path, everywhere=True):
        top = name.split(".")[0]
        if top == "zarr":
            assert mine == "dataset", f"{path}:{line}: only dataset imports zarr"
        if top == "distributed":
            assert mine in ("execute", "cluster", "jobqueue"), f"{path}:{line}: {mine} imports distributed"
        if top == "dask":
            assert mine in ("execute", "cluster"), f"{path}:{line}: {mine} imports dask"
    for name, line in imports(path, everywhere=False):
        top = name.split(".")[0]
        if mine in ("theory", "analysis", "figures"):
            assert top not in HEAVY, f"{path}:{line}: import {top} inside the function that needs it"
        if mine in ("kernels", "measures", "models"):
            allowed = {"numpy", "numba", "llvmlite", "isinglass", "__future__", *sys.stdlib_module_names}
            assert top in allowed, f"{path}:{line}: {mine} needs numpy and numba only"


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_no_file_is_long_and_none_is_a_drawer(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 400, f"{path} has {lines} lines: split it by what it is about"
    assert path.stem not in ("utils", "util", "helpers", "misc", "common")


@pytest.mark.parametrize("path", [p for p in FILES if layer(p) in ("kernels", "models", "measures")], ids=ids)
def test_no_random_numbers_but_from_streams(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr == "random":
            assert not (isinstance(node.value, ast.Name) and node.value.id in ("np", "numpy")), f"{path}:{node.lineno}"
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [a.name for a in node.names] + [getattr(node, "module", None) or ""]
            assert not {"random", "secrets", "numpy.random"} & set(names), f"{path}:{node.lineno}"


def loaded(script: str, *arguments: str) -> set[str]:
    """Modules that an interpreter has loaded after a script."""
    script += "\nimport sys; print('LOADED', *sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout[done.stdout.index("LOADED") :].split()[1:])


def test_help_is_light() -> None:
    script = "import sys; sys.argv = ['isinglass', '--help']\nfrom isinglass.cli import main\n"
    script += "try:\n    main()\nexcept SystemExit:\n    pass\n"
    assert not loaded(script) & {"numba", "numpy", *HEAVY}
    assert not loaded("import isinglass; dir(isinglass); isinglass.__version__") & {"numba", "numpy", *HEAVY}


def test_a_worker_loads_neither_figures_nor_xarray() -> None:
    """What it needs, and the texts of all shipped workflows: no matplotlib, no xarray, no more scipy than numba."""
    script = "import sys, pathlib\nfrom isinglass import execute, source\n"
    script += "for path in sys.argv[1:]:\n    source.import_text(pathlib.Path(path).read_text(), path)\n"
    workflows = sorted((PACKAGE.parent.parent / "workflows").glob("*.py"))
    assert workflows
    found = loaded(script, *map(str, workflows))
    assert "zarr" in found, "a worker writes to Zarr"
    assert found & {"matplotlib", "xarray", "pandas"} == set()
    assert not {m for m in found - loaded("import numba") if m.startswith("scipy")}
