"""Entries of the atlas with a known answer, without any simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from isinglass.analysis import coherence, memory, plane
from isinglass.pages.gathering import Entry


def analysed(sign: float, task: str, seed: int, blind: float = 0.1, samples: int = 12) -> xr.Dataset:
    """The analysis of a run over x: memory falls from 1 to 0, coherence falls (sign 1) or rises (-1) with it."""
    rng = np.random.default_rng(seed)
    fall = np.linspace(1, 0, 9)[:, None, None, None] * np.ones((9, 2, samples, 1))
    dims = ("x", "size", "sample", "replica")
    noise = 0.01 * rng.normal(size=(3, *fall.shape))
    values = {
        "memory": fall + noise[0],
        "coherence": 0.5 + sign * (fall - 0.5) / 2 + noise[1],
        "blind_coherence": blind + noise[2],
        "recall_overlap": np.sqrt(np.abs(0.4 * fall)) if task == "recall" else None,
    }
    ds = xr.Dataset({n: (dims, v, {"units": "1"}) for n, v in values.items() if v is not None})
    ds["memory"].attrs["task"] = task
    ds["status"] = (dims, np.ones(fall.shape, np.int8))
    ds = ds.assign_coords(x=("x", np.arange(9.0), {"units": "K"}), size=[4, 8])
    for stage in (coherence.mean, memory.mean, plane.concordance(x=(0, 8))):
        ds = ds.merge(stage(ds))
    return ds.drop_dims(("sample", "replica"))


def entry(
    name: str, model: str, task: str, found: xr.Dataset | None, why: str = "", notes: tuple[str, ...] = ()
) -> Entry:
    return Entry(
        Path("results") / name, name, f"About <{name}>", model, task, found, why, notes, {"samples": "12", "seed": "1"}
    )


def entries() -> list[Entry]:
    """Two models whose coherence follows memory, two against it, of two tasks; one left out, one never analysed."""
    return [
        entry("one", "Alpha", "recall", analysed(1, "recall", 1)),
        entry("two", "Beta", "recall", analysed(1, "recall", 2, blind=0.2), notes=("3 pending of 9 simulations",)),
        entry("three", "Gamma", "retention", analysed(-1, "retention", 3, blind=0.45)),
        entry("four", "Delta", "retention", analysed(-1, "retention", 4, blind=0.45)),
        entry("five", "Epsilon", "", None, "not analysed: isinglass analyse results/five"),
        entry("six", "Alpha", "recall", analysed(1, "recall", 6).drop_dims("along"), "its workflow declares no window"),
    ]


WORKFLOW = """
from dataclasses import dataclass

import numpy as np

from isinglass import Model, Observable, Workflow, parameter
from isinglass.analysis import coherence, memory, plane


@dataclass(frozen=True)
class Carrier(Model):
    x: float = parameter(units="K", doc="what memory falls with")
    copies: int = parameter(3, units="1", doc="copies")
    task = "retention"
    observables = (
        Observable("coherence", "1", "coherence"),
        Observable("blind_coherence", "1", "blind_coherence"),
        Observable("memory", "1", "memory"),
    )

    @classmethod
    def tiny(cls):
        return cls(x=0.5)

    def simulate(self, disorder, noise):
        some = np.array([(int(row[0]) % 1000) / 1e5 for row in noise])
        return {"coherence": 0.9 - self.x + some, "blind_coherence": 0.1 + some, "memory": 1 - self.x - some}


workflow = Workflow(
    title="Carrier",
    model=Carrier,
    axes={"x": np.linspace(0, 0.8, 9)},
    samples=12,
    where=WHERE,
    stages=[coherence.mean, memory.mean, plane.concordance(x=(0, 0.8))],
)
"""
