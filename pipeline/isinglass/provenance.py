"""Where a number came from: the code that a model reaches, versions, machine, git."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import importlib.util
import inspect
import io
import linecache
import platform
import socket
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import unified_diff
from hashlib import blake2b
from pathlib import Path
from types import FunctionType

from isinglass.exceptions import InputError
from isinglass.kernels.streams import STREAMS_VERSION
from isinglass.models.base import Model
from isinglass.recorded import sources

HASHED = ("isinglass.models", "isinglass.kernels", "isinglass.measures")
NOT_HASHED = ("isinglass.models.base", "isinglass.models.stepped", "isinglass.kernels.jit")
OWN = "model file"
RECORD = "recording file"


@dataclass(frozen=True)
class Code:
    """The definitions that a model's results depend on: name -> source, less docstrings, comments and blank lines."""

    definitions: dict[str, str]

    @functools.cached_property
    def hash(self) -> str:
        h = blake2b(f"streams {STREAMS_VERSION}".encode(), digest_size=16)
        for name, source in sorted(self.definitions.items()):
            h.update(f"\0{name}\0{source}".encode())
        return h.hexdigest()

    def difference(self, old: Code) -> str:
        """What changed since `old`, as a unified diff by definition."""
        out: list[str] = []
        for name in sorted({*self.definitions, *old.definitions}):
            before, after = old.definitions.get(name, ""), self.definitions.get(name, "")
            if before != after:
                out += unified_diff(
                    before.splitlines(), after.splitlines(), f"stored: {name}", f"now: {name}", "", "", 1, ""
                )
        return "\n".join(out)


def code_of(model: type[Model]) -> Code:
    """The source of the model class and, transitively, of every definition that it reaches; of what is recorded, too.

    In its own file, `isinglass.models`, `isinglass.kernels` and `isinglass.measures`. It is text, not syntax trees, so
    that two Python versions agree.
    """
    base, functions, record = sources(model)
    definitions: dict[str, str] = {"record": record} if record else {}
    for root in (base, *functions):
        definitions |= _reached_from(root, OWN if root.__module__ == base.__module__ else RECORD)
    return Code(definitions)


def _reached_from(root: type[Model] | FunctionType, word: str) -> dict[str, str]:
    """The definitions that a class or a function reaches, and its own; those of its own file are called `word.NAME`."""
    own = root.__module__
    modules = {own: _module(own, _own_text(root))}
    found: dict[tuple[str, str], str] = {}
    todo = [(own, root.__qualname__.split(".")[0])]
    while todo:
        at = todo.pop()
        if at in found:
            continue
        module_name, name = at
        if module_name not in modules:
            modules[module_name] = _module(module_name, _installed_text(module_name))
        module = modules[module_name]
        if name in module.definitions:
            found[at] = module.source(name)
            todo += module.reached(name, own)
        elif name in module.imports:
            todo += [t for t in [module.resolve(name, None, own)] if t is not None]
    label = {own: own if own.startswith("isinglass.") else word}
    return {f"{label.get(m, m)}.{n}": text for (m, n), text in found.items()}


def _own_text(root: type[Model] | FunctionType) -> str:
    module = sys.modules.get(root.__module__)
    text = getattr(module, "__isinglass_text__", None)
    if text is None and root.__module__ == "__main__" and not hasattr(module, "__file__"):
        text = notebook_text(_cells())
    if text:
        return str(text)
    try:
        file = inspect.getsourcefile(root) or ""
        lines = linecache.getlines(file)
    except (OSError, TypeError):
        lines = []
    if not lines:
        raise InputError(
            f"the source of {root.__name__} cannot be read, so a change would go unseen: define it in a file"
        )
    return "".join(lines)


def _cells() -> list[str]:
    """What was run in this session of IPython or Jupyter, cell by cell; nothing elsewhere."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return list(shell.history_manager.input_hist_parsed) if shell is not None else []


def notebook_text(cells: list[str]) -> str:
    """The statements behind what the names of a notebook mean now: of each name's cells, the last one that defines it.

    Cells are run again and in any order; a cell of which nothing is in force any more says nothing.
    """
    said: dict[str, None] = {}
    for cell in cells:
        said.pop(cell, None)  # run again as it was: it counts where it ran last
        said[cell] = None
    out: list[str] = []
    later: set[str] = set()
    for cell in reversed(said):
        try:
            module = _Module("__main__", cell)
        except (SyntaxError, tokenize.TokenError):
            continue
        lines = cell.replace("\r\n", "\n").split("\n")
        names: dict[ast.stmt, set[str]] = {}
        for name, nodes in module.definitions.items():
            for node in nodes:
                names.setdefault(node, set()).add(name)
        for node in (node for node, defined in names.items() if defined <= later):
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            for row in range(first, (node.end_lineno or first) + 1):
                lines[row - 1] = ""
        later |= module.definitions.keys() | module.imports.keys()
        out.insert(0, "\n".join(lines))
    return "\n".join(out)


def _installed_text(module: str) -> str:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise InputError(f"the source of {module} cannot be found: install Isinglass from a wheel or a checkout")
    return Path(spec.origin).read_text(encoding="utf-8")


def _in_scope(module: str, own: str) -> bool:
    return module == own or (
        module not in NOT_HASHED and any(module == h or module.startswith(h + ".") for h in HASHED)
    )


class _Module:
    """One module's text: its top-level definitions and imports."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        text = text.replace("\r\n", "\n")
        self.lines = text.split("\n")
        self.definitions: dict[str, list[ast.stmt]] = {}
        self.imports: dict[str, tuple[str, str | None]] = {}
        self.stars: list[str] = []
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                row, column = token.start
                self.lines[row - 1] = self.lines[row - 1][:column]
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):  # those within functions too; the top level overrides
                self._declare(node)
        for docstring in _docstrings(tree):
            self._cut(docstring)
        for statement in _flat(tree.body):
            self._declare(statement)
        for statement in _flat(tree.body):
            self._touch(statement)

    def _cut(self, node: ast.stmt) -> None:
        """Take a docstring out of the lines, but not what stands before or behind it (columns are of UTF-8)."""
        last = node.end_lineno or node.lineno
        for row in range(node.lineno, last + 1):
            line = self.lines[row - 1].encode()
            begin = node.col_offset if row == node.lineno else 0
            end = node.end_col_offset if row == last else len(line)
            self.lines[row - 1] = (line[:begin] + line[end or 0 :]).decode()

    def _declare(self, node: ast.stmt) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self.definitions.setdefault(node.name, []).append(node)
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for name in {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}:
                self.definitions.setdefault(name, []).append(node)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                self.imports[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0], None,
                )  # fmt: skip
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = self.name.split(".")
                base = ".".join([*parts[: len(parts) - node.level], *([node.module] if node.module else [])])
            for alias in node.names:
                if alias.name == "*":
                    self.stars.append(base)
                self.imports[alias.asname or alias.name] = (base, alias.name)

    def _touch(self, node: ast.stmt) -> None:
        """A loop or a bare call at the top level belongs to every definition that it names: it may change its value."""
        if not isinstance(node, (ast.Expr, ast.For, ast.AsyncFor, ast.While, ast.With, ast.Match, ast.Delete)):
            return
        names = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
        for name in dict.fromkeys(n.id for n in names if n.id in self.definitions or isinstance(n.ctx, ast.Store)):
            self.definitions.setdefault(name, []).append(node)

    def source(self, name: str) -> str:
        """The normalised text of every top-level statement that defines `name`."""
        out = []
        for node in self.definitions[name]:
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            out += [line.rstrip() for line in self.lines[first - 1 : node.end_lineno]]
        return "\n".join(line for line in out if line)

    def reached(self, name: str, own: str) -> list[tuple[str, str]]:
        """The definitions in scope that a definition refers to."""
        out = []
        for node in self.definitions[name]:
            for used in ast.walk(node):
                if isinstance(used, ast.Attribute):
                    chain: list[str] = []
                    inner: ast.expr = used
                    while isinstance(inner, ast.Attribute):
                        chain.append(inner.attr)
                        inner = inner.value
                    if isinstance(inner, ast.Name):
                        out.append(self.resolve(inner.id, list(reversed(chain)), own))
                elif isinstance(used, ast.Name):
                    out.append(self.resolve(used.id, None, own))
        return [at for at in out if at is not None]

    def resolve(self, name: str, chain: list[str] | None, own: str) -> tuple[str, str] | None:
        """Where `name` (or the attribute chain behind it) is defined, or None where that is out of scope."""
        if name in self.definitions:
            return (self.name, name)
        if name not in self.imports:
            return next(((m, name) for m in self.stars if _in_scope(m, own) and _defines(m, name)), None)
        module, attribute = self.imports[name]
        path = [*module.split("."), *([attribute] if attribute else []), *(chain or [])]
        # the longest prefix of the dotted path that is a module; the next word is the definition
        for cut in range(len(path) - 1, 0, -1):
            candidate = ".".join(path[:cut])
            if _in_scope(candidate, own) and (candidate == own or _is_module(candidate)):
                return (candidate, path[cut])
        return None


_module = functools.lru_cache(maxsize=64)(_Module)  # nothing changes one once it is read


def _docstrings(tree: ast.Module) -> list[ast.Expr]:
    """Every statement that is only a text, the last one first."""
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset), reverse=True)


@functools.cache
def _defines(module: str, name: str) -> bool:
    return name in _module(module, _installed_text(module)).definitions


@functools.cache
def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, AttributeError, ValueError):
        return False


def _flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Top-level statements and those in its branches, but for what only a script does (`if __name__ == ...`)."""
    for node in body:
        if isinstance(node, ast.If) and any(
            isinstance(n, ast.Name) and n.id == "__name__" for n in ast.walk(node.test)
        ):
            continue
        yield node
        for inner in ("body", "orelse", "finalbody", "handlers"):
            if isinstance(node, (ast.If, ast.Try, ast.With, ast.ExceptHandler)):
                yield from _flat(getattr(node, inner, []))


# ---------------------------------------------------------------- the machine


@functools.cache
def versions() -> dict[str, str]:
    """Versions of Python, Isinglass and the packages that numbers or files depend on."""
    names = ("isinglass", "numpy", "numba", "llvmlite", "zarr", "xarray", "dask", "distributed", "scipy")
    out = {"python": platform.python_version()}
    for name in names:
        try:
            out[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            out[name] = "unknown"
    return out


@functools.cache
def machine() -> dict[str, str]:
    """What the ledger says of the process that made a block: bits may differ between kinds of processor."""
    import llvmlite.binding

    seen = versions()
    return {
        "host": socket.gethostname(),
        "cpu": llvmlite.binding.get_host_cpu_name(),
        "numba": seen["numba"],
        "llvmlite": seen["llvmlite"],
        "isinglass": seen["isinglass"],
    }


def git(folder: Path) -> dict[str, str]:
    """The commit of the checkout that `folder` is in, and whether it has uncommitted changes; empty outside of one."""

    def ask(*words: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = ask("rev-parse", "HEAD")
    if not commit:
        return {}
    return {"git_commit": commit, "git_dirty": "yes" if ask("status", "--porcelain", "-uno") else "no"}


def now() -> str:
    """The time in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
