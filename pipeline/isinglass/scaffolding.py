"""Files to begin with: a workflow about a shipped model, or a model of one's own with its physics test."""

from __future__ import annotations

import importlib
import keyword
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isinglass.arrays import Array
from isinglass.exceptions import InputError, known
from isinglass.models import MODELS
from isinglass.models.base import Model, Parameter, parameters
from isinglass.workflow import workflow_files

VALUES = 5
"""Values of the axis of a new workflow."""
WIDTH = 118
TAKEN = ("Model", "Observable", "Workflow", "PhaseLines")
"""Classes that the file of a new model imports."""


def new_workflow(name: str, model: str) -> list[Path]:
    """Write `workflows/NAME.py`, a small sweep of a shipped model along one parameter; returns the file.

    Everything else is fixed as in the model's smallest instance. Raises InputError for a bad name, an unknown model and
    a file that is there.
    """
    if model not in MODELS:
        raise InputError(f"no model is called {model!r}; {known(model, MODELS)}")
    stem = _stem(name)
    module, _, cls = MODELS[model].partition(":")
    home = getattr(importlib.import_module(module), cls)
    text = _filled("workflow", _about(home) | {"title": _title(stem), "model": model, "module": module, "cls": cls})
    return _write({Path("workflows") / f"{stem}.py": text}, stem)


def new_model(name: str) -> list[Path]:
    """Write `workflows/NAME.py`, a model with a workflow, and `tests/test_NAME.py`, its physics test; returns both.

    Raises InputError for a bad name and a file that is there.
    """
    stem = _stem(name)
    cls = "".join(word.capitalize() for word in stem.split("_"))
    if cls in TAKEN:
        raise InputError(f"a model cannot be called {cls}, which the file imports: take another name, as in my-{name}")
    given = {"title": _title(stem), "stem": stem, "cls": cls}
    files = {
        Path("workflows") / f"{stem}.py": _filled("model", given),
        Path("tests") / f"test_{stem}.py": _filled("test", given),
    }
    return _write(files, stem)


def _stem(name: str) -> str:
    """The file that a name is written to: `my-magnet` is `my_magnet`."""
    stem = name.replace("-", "_")
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", stem) or keyword.iskeyword(stem) or len(stem) > 64:
        raise InputError(
            f"{name!r} is no name for a workflow: small letters, digits and hyphens, a letter first, as in my-magnet"
        )
    return stem


def _title(stem: str) -> str:
    return stem.replace("_", " ").capitalize()


def _write(files: Mapping[Path, str], stem: str) -> list[Path]:
    for path in files:
        if path.exists():
            raise InputError(f"{path} is there already: take another name, or remove it")
    name = stem.replace("_", "-")
    if name in workflow_files():
        raise InputError(f"a workflow is called {name} already ({workflow_files()[name]}): take another name")
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    return list(files)


def _filled(template: str, given: Mapping[str, Any]) -> str:
    import jinja2

    text = (Path(__file__).parent / "scaffolds" / f"{template}.py.j2").read_text(encoding="utf-8")
    # what is filled in is Python, from the package's own names and numbers and a name that was checked
    return str(jinja2.Template(text, undefined=jinja2.StrictUndefined, keep_trailing_newline=True).render(given))


def _about(model: type[Model]) -> dict[str, Any]:
    """What the template of a workflow says of a model: axis, values, fixed parameters, observable."""
    specs = parameters(model)
    smallest = model.tiny()
    tiny = {name: getattr(smallest, name) for name in specs}
    candidates = [spec for spec in specs.values() if spec.type is float and not spec.choices]
    candidates.sort(key=lambda spec: spec.quenched)
    swept = next(((spec, values) for spec in candidates if (values := _values(model, tiny, spec))), None)
    scalars = sorted(
        (o for o in model.observables if not o.dims and not o.dtype.startswith("complex")),
        key=lambda o: (o.role != "memory", o.role is None, not o.dtype.startswith("float"), o.may_be_nan),
    )
    arrays = [n for n, spec in specs.items() if spec.type is Array and tiny[n]]
    if swept is None or not scalars or arrays:
        raise InputError(
            f"{model.__name__} has nothing that a first sweep can take by itself: write its workflow by hand, after "
            "docs/how-to/own-model.md"
        )
    axis, values = swept
    fixed = []
    for name, spec in specs.items():
        if name != axis.name and spec.type is not Array and (spec.required or tiny[name] != spec.default):
            value = f'"{tiny[name]}"' if isinstance(tiny[name], str) else repr(tiny[name])
            fixed.append((name, value, _short(f"[{spec.units}] {spec.doc}", len(name) + len(value) + 16)))
    return {
        "axis": axis.name,
        "values": repr(values),
        "units": _short(f"[{axis.units}] {axis.doc}", len(axis.name) + len(repr(values)) + 16),
        "fixed": fixed,
        "observable": scalars[0].name,
    }


def _short(text: str, used: int) -> str:
    text, room = " ".join(text.split()), WIDTH - used
    return text if len(text) <= room else f"{text[: room - 3].rstrip()}..."


def _values(model: type[Model], tiny: Mapping[str, Any], spec: Parameter) -> list[float]:
    """Values about that of the smallest instance that the model takes, or none."""
    centre = float(tiny[spec.name])
    steps = [1 + k / 4 for k in range(VALUES)] if centre else [k / 4 for k in range(VALUES)]
    for sign in (1, -1):
        values = [float(f"{(centre or 1.0) * (1 + sign * (s - 1) if centre else s):.6g}") for s in steps]
        try:
            for value in values:
                model(**{**tiny, spec.name: value})
        except ValueError:
            continue
        return sorted(values)
    return []
