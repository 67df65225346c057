"""What a report states besides its diagram: cost and failures from the ledger, convergence, what was asked when."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass import ledger
from isinglass.analysis import errors
from isinglass.dataset import Store
from isinglass.ledger import DamagedError
from isinglass.models.base import Model

if TYPE_CHECKING:
    import xarray as xr

SHOWN = 50
"""Failures that a page lists; it counts the others."""
_ABOUT = (
    "_error", "_low", "_high", "_bracket_low", "_bracket_high", "_shift", "_shift_error", "_samples", "_ratio_samples",
    "_flag", "_flagged", "_state", "_source", "_censored", "_below", "_beyond", "_crossings", "_ratio", "_eligible",
    "_edge", "_even",
)  # fmt: skip
"""Ends of what a stage says about a value `<stem>` or `<stem>_mean`: no results of their own."""
_SCALED = ("_x", "_y", "_y_error", "_function", "_residual", "_points", "_missing", "_sizes")
"""The same of a collapse, beside `<stem>_critical`: the points of its figure, and how many there were."""


@dataclass(frozen=True)
class Result:
    """A result of a stage: the variable that holds its values, and that of its standard errors ("" without one)."""

    value: str
    error: str

    @property
    def base(self) -> str:
        return self.value.removesuffix("_mean")


def results_of(ds: xr.Dataset) -> list[Result]:
    """The variables that are values: means, and whatever else a stage returned with or without an error."""
    raw = set(ds["status"].dims)
    names = [str(n) for n in ds.data_vars if not raw <= set(ds[n].dims) and ds[n].dtype.kind in "biuf"]
    out = []
    for name in names:
        stems = [name.removesuffix(end) for end in _ABOUT if name.endswith(end)]
        if any(f"{stem}_mean" in names or stem in names for stem in stems):
            continue
        if any(name.endswith(e) and f"{name.removesuffix(e)}_critical" in names for e in (*_SCALED, "_flag")):
            continue
        error = f"{name.removesuffix('_mean')}_error"
        out.append(Result(name, error if error in names else ""))
    return out


@dataclass(frozen=True)
class Cost:
    """CPU seconds of the blocks' last runs; by host and kind of processor; failures by label; damaged entries."""

    cpu_seconds: float
    by: list[tuple[str, str, str, int, float]]
    failures: list[dict[str, Any]]
    failed: int
    unreadable: int


def cost(store: Store, axes: Sequence[str], root: Path) -> Cost:
    """The ledger of a run, read once: every committed block's entry."""
    by: dict[tuple[str, str, str], list[float]] = {}
    found: list[dict[str, Any]] = []
    unreadable = failed = 0
    total = 0.0
    for block, suffix in sorted(ledger.listing(store.ledger).items()):
        try:
            entry = ledger.read_entry(store.ledger, block, suffix)
        except (DamagedError, FileNotFoundError):
            unreadable += 1
            continue
        seconds = float(entry.get("cpu_seconds", 0.0))
        total += seconds
        versions = f"isinglass {entry.get('isinglass', '?')}, numba {entry.get('numba', '?')}"
        one = by.setdefault((str(entry.get("host", "several")), str(entry.get("cpu", "several")), versions), [0, 0.0])
        one[0] += 1
        one[1] += seconds
        failures = entry.get("failures", [])
        failed += len(failures)
        found += failures[: SHOWN - len(found)]
    rows = [(*key, int(n), seconds) for key, (n, seconds) in sorted(by.items())]
    return Cost(total, rows, [_failure(f, axes, root) for f in found], failed, unreadable)


def _failure(failure: dict[str, Any], axes: Sequence[str], root: Path) -> dict[str, Any]:
    label = [f"{name}={failure['parameters'].get(name)}" for name in axes]
    label += [f"sample={failure['sample']}", f"replica={failure['replica']}"]
    command = shlex.join(["isinglass", "reproduce", str(root), *label])
    return {"label": " ".join(label), "error": str(failure["error"]), "command": command}


def question(text: str, model: type[Model]) -> tuple[str, str]:
    """The workflow's docstring (empty where there is none), and the model's."""
    try:
        told = ast.get_docstring(ast.parse(text)) or "" if text else ""
    except SyntaxError:
        told = ""
    return _flowing(told), _flowing(inspect.getdoc(model) or "")


def _flowing(text: str) -> str:
    """The paragraphs of a docstring without its line breaks; indented lines and lists keep theirs."""
    return re.sub(r"(?<=\S)\n(?!\s|[*-] )", " ", text)


def precision(ds: xr.Dataset, results: Sequence[Result]) -> Iterator[dict[str, Any]]:
    """Of each mean: the number of points, samples a point, its errors, and how they fall with the number of samples.

    `fall` is the r.m.s. error with the first half of the samples over that with all, beside √(n / half), by which
    independent samples with a finite variance fall; None below four samples.
    """
    for result in results:
        if not (result.value.endswith("_mean") and result.error):
            continue
        value, error = ds[result.value].values, ds[result.error].values
        there = np.isfinite(value)
        known = np.isfinite(error)
        counts = ds[f"{result.base}_samples"].values if f"{result.base}_samples" in ds else np.array([0])
        counts = counts[there] if counts.shape == there.shape else counts
        span = float(np.ptp(value[there])) if there.any() else np.nan
        yield {
            "variable": result.value,
            "error": result.error,
            "units": str(ds[result.value].attrs.get("units", "1")),
            "points": int(there.sum()),
            "of": int(value.size),
            "samples": (int(counts.min()), int(counts.max())) if counts.size else (0, 0),
            "median": float(np.median(error[known])) if known.any() else np.nan,
            "largest": float(error[known].max()) if known.any() else np.nan,
            "share": float(error[known].max() / span) if known.any() and span > 0 else np.nan,
            "fall": _fall(ds, result),
        }


def _fall(ds: xr.Dataset, result: Result) -> tuple[float, float] | None:
    n = ds.sizes.get("sample", 1)
    if n < 4 or result.base not in ds or ds[result.base].size > 2e6 or "sample" not in ds[result.base].dims:
        return None
    samples = errors.sample_means(ds[result.base], ds["status"])
    half = n // 2
    whole = errors.mean_and_error(samples)[1].values
    first = errors.mean_and_error(samples.isel(sample=slice(0, half)))[1].values
    both = np.isfinite(whole) & np.isfinite(first) & (whole > 0)
    if not both.any():
        return None
    ratio = np.sqrt(np.mean(first[both] ** 2) / np.mean(whole[both] ** 2))
    return float(ratio), float(np.sqrt(n / half))


def flags(ds: xr.Dataset) -> Iterator[tuple[str, str]]:
    """(variable, what it says) of every flag of a stage that is not 0 somewhere, and of censored resamples."""
    for name in map(str, ds.data_vars):
        values = ds[name].values if set(ds[name].dims).isdisjoint({"sample", "replica"}) else None
        if values is None:
            continue
        if name.endswith("_flag"):
            meanings = str(ds[name].attrs.get("flag_meanings", "")).split()
            many = Counter(values.ravel().tolist())
            parts = [f"{meanings[k].replace('_', ' ') if k < len(meanings) else k}: {many[k]}" for k in sorted(many)]
            if any(k != 0 for k in many):
                yield name, f"{', '.join(parts)} (of {values.size})"
        elif name.endswith("_censored") and (values > 0).any():
            yield name, f"{int((values > 0).sum())} of {values.size} have resamples beyond the grid"
        elif name == "converged_mean" and (values < 1).any():
            yield name, f"{int((values < 1).sum())} of {values.size} points have simulations that did not converge"


GREEK = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "Gamma": "Γ",
    "epsilon": "ε",
    "eta": "η",
    "lambda": "λ",
    "mu": "μ",
    "nu": "ν",
    "omega": "ω",
    "rho": "ρ",
    "sigma": "σ",
    "tau": "τ",
    "theta": "θ",
    "chi": "χ",
    "psi": "ψ",
    "phi": "φ",
    "Delta": "Δ",
    "delta": "δ",
    "kappa": "κ",
    "xi": "ξ",
    "pi": "π",
    "infty": "∞",
    "to": "→",
    "langle": "⟨",
    "rangle": "⟩",
    "times": "×",
    "pm": "±",
    "sqrt": "√",
    "ll": "≪",
    "gg": "≫",
    "leq": "≤",
    "geq": "≥",
    "approx": "≈",
    "cdot": "·",
    "dagger": "†",
    "infinity": "∞",
    "Omega": "Ω",
}


def plain(text: str) -> str:
    """A label with TeX as plain text: symbols by name, braces and dollars gone."""

    def mathematics(found: re.Match[str]) -> str:
        inner = re.sub(r"\\(?:mathrm|mathbf|text|mathcal)\{([^{}]*)\}", r"\1", found[1])
        inner = re.sub(r"\\bar\s*(\\[A-Za-z]+|\w)", "\\1\u0304", inner)
        inner = re.sub(r"\\([A-Za-z]+)", lambda m: GREEK.get(m[1], m[1]), inner)
        return re.sub(r"[{}\\]", "", inner)

    return re.sub(r"\$([^$]*)\$", mathematics, text)
