"""Python text as a module, and models by reference: how a workflow file's own model reaches a worker elsewhere.

A shipped (or otherwise installed) model travels as `module:Class`; a model of a workflow file travels as the file's
text, which every process puts into a content-addressed cache file and imports from there, since numba needs a file.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
import uuid
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from types import ModuleType
from typing import Any

from isinglass.exceptions import InputError, known
from isinglass.kernels.jit import cache_dir
from isinglass.models.base import Model

PREFIX = "isinglass_workflow_"
_importing = threading.RLock()


def text_hash(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()


def import_text(text: str, origin: str) -> ModuleType:
    """Run Python text as a module of its own, once a process. `origin` is the file that messages name.

    Raises InputError, with file and line, where the text cannot be compiled or imported.
    """
    name = PREFIX + text_hash(text)
    with _importing:  # threads of a worker may ask at once, and the second must not get a module half made
        return sys.modules[name] if name in sys.modules else _import(text, origin, name)


def _import(text: str, origin: str, name: str) -> ModuleType:
    try:
        compile(text, origin, "exec")
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise InputError(f"{origin}{line}: {getattr(error, 'msg', error)}: mend the file") from error
    path = cache_dir() / "workflows" / f"{name}.py"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{uuid.uuid4().hex}.tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{origin}: cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    module.__dict__["__isinglass_text__"] = text
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except InputError as error:
        del sys.modules[name]
        raise InputError(f"{origin}: {error}") from error
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        what = " ".join(f"{type(error).__name__}: {error}".split())
        if isinstance(error, ModuleNotFoundError):
            what += ": install it where the run and its workers are, or define what you need in this file"
        raise InputError(f"{origin}{_line(error, path)}: {what}") from error
    return module


def _line(error: BaseException, path: Path) -> str:
    lines, trace = [], error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return f", line {lines[-1]}" if lines else ""


@dataclass(frozen=True)
class ModelReference:
    """A model class by name: of an importable module, or of a workflow file's text."""

    module: str
    name: str
    text: str | None = None

    @classmethod
    def to(cls, model: type[Model]) -> ModelReference:
        module = sys.modules.get(model.__module__)
        text = getattr(module, "__isinglass_text__", None)
        out = cls("" if text is not None else model.__module__, model.__qualname__, text)
        if not out.portable:
            _here[out] = model
        return out

    @property
    def portable(self) -> bool:
        """Whether another process can import it: not from a notebook or a script's `__main__`."""
        return "<locals>" not in self.name and (self.text is not None or self.module != "__main__")

    def load(self) -> type[Model]:
        """The class. Raises InputError where it cannot be imported here."""
        if self in _here:
            return _here[self]
        try:
            module = (
                importlib.import_module(self.module) if self.text is None else import_text(self.text, "workflow.py")
            )
        except ImportError as error:
            raise InputError(
                f"model {self.module}:{self.name} cannot be imported here ({error}): install its package"
            ) from error
        found: Any = module
        for name in self.name.split("."):  # a recorded model is an attribute: workflow.model
            found = getattr(found, name, None)
        if found is None:
            classes = [n for n, v in vars(module).items() if isinstance(v, type) and issubclass(v, Model)]
            raise InputError(
                f"{self.module or 'the workflow file'} has no model {self.name!r}; {known(self.name, classes)}"
            )
        return found  # type: ignore[no-any-return]

    def to_json(self) -> dict[str, str | None]:
        return {"module": self.module, "name": self.name, "text": self.text}


_here: dict[ModelReference, type[Model]] = {}
"""Classes of notebooks, scripts and functions: known in this process only."""
