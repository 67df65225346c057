"""Isinglass maps phase diagrams of coherence and memory.

Names are imported at first use, so that `isinglass --help` imports neither numba nor xarray.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isinglass.arrays import Array
    from isinglass.backend import open_run as open
    from isinglass.exceptions import InputError
    from isinglass.models.base import Model, Observable, array_parameter, copies_parameter, parameter
    from isinglass.models.stepped import Stepped
    from isinglass.recording import Custom, Record, linear, log
    from isinglass.reporting import run_dataset as run
    from isinglass.workflow import Workflow, load_workflow

_HOME = {
    "Array": ("arrays", "Array"),
    "Custom": ("recording", "Custom"),
    "InputError": ("exceptions", "InputError"),
    "Model": ("models.base", "Model"),
    "Observable": ("models.base", "Observable"),
    "Record": ("recording", "Record"),
    "Stepped": ("models.stepped", "Stepped"),
    "Workflow": ("workflow", "Workflow"),
    "array_parameter": ("models.base", "array_parameter"),
    "copies_parameter": ("models.base", "copies_parameter"),
    "linear": ("recording", "linear"),
    "load_workflow": ("workflow", "load_workflow"),
    "log": ("recording", "log"),
    "open": ("backend", "open_run"),
    "parameter": ("models.base", "parameter"),
    "run": ("reporting", "run_dataset"),
}

__all__ = [
    "Array",
    "Custom",
    "InputError",
    "Model",
    "Observable",
    "Record",
    "Stepped",
    "Workflow",
    "array_parameter",
    "copies_parameter",
    "linear",
    "load_workflow",
    "log",
    "open",
    "parameter",
    "run",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("isinglass")
    if name not in _HOME:
        raise AttributeError(f"module 'isinglass' has no attribute {name!r}")
    module, attribute = _HOME[name]
    return getattr(importlib.import_module(f"isinglass.{module}"), attribute)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
