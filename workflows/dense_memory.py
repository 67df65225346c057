"""Dense associative memory at T = 0: recall over load α_n = P/N^(n-1) and cue, by order of the interaction."""

from functools import partial
from typing import Any

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, memory, phases
from isinglass.figures import Line, PhaseDiagram
from isinglass.models.dense_memory import DenseAssociativeMemory
from isinglass.theory import dense

RANGE = {"quadratic": (0.01, 0.33), "cubic": (0.005, 0.2), "quartic": (0.001, 0.033)}
diagram = partial(
    PhaseDiagram, x="load", y="cue", log=("load",), boundary="recalled_boundary",
    labels={"final_overlap_mean": r"final overlap $\langle m \rangle$", "load": r"load $P/N^{n-1}$"},
)  # fmt: skip


def near(p: dict[str, Any]) -> bool:
    """Loads on either side of the capacity of their interaction; of one without a range, all."""
    low, high = RANGE.get(p["interaction"], (0, np.inf))
    return bool(low <= p["load"] <= high)


def approximation(order: int) -> list[Line]:
    """The no-reaction approximation's fold, as an upright line, and its unstable solution, as the edge of the basin."""

    def upright(load: np.ndarray) -> np.ndarray:
        return np.where(load < dense.no_reaction_fold(order)[0], 2.0, -1.0)

    return [
        Line("fold, no-reaction approximation", upright, ":"),
        Line("its basin edge", lambda load: dense.no_reaction_overlap(load, order, stable=False), "--"),
    ]


workflow = Workflow(
    title="Dense associative memory at T = 0",
    model=DenseAssociativeMemory,
    axes={
        "interaction": ["quadratic", "cubic", "quartic"],
        "load": np.round(np.geomspace(0.001, 0.32, 26), 5),
        "cue": np.linspace(0.05, 1, 20),
    },
    where=near,
    fixed={"neurons": 100, "temperature": 0.0, "copies": 1, "equilibration": 100},
    samples=64,
    seed=2016,
    stages=[
        errors.mean("final_overlap", "unstable", "converged"),
        memory.recalled,
        phases.boundary("recalled", along="cue", threshold=0.5, ordered="high"),
        errors.estimate("stored_information", lambda memory: memory, of=("memory",), units="bit",
                        long_name="information per stored sign", denominator="P N stored signs"),
    ],
    figures=[
        diagram(panels=("final_overlap_mean",), facet="interaction", name="dense_orders",
                title="Recall by order of the interaction, T = 0"),
        diagram(panels=("final_overlap_mean", "recalled_mean"), at={"interaction": "cubic"}, name="dense_cubic",
                lines=approximation(3), title="Cubic interaction, T = 0"),
        diagram(panels=("final_overlap_mean", "recalled_mean"), at={"interaction": "quartic"}, name="dense_quartic",
                lines=approximation(4), title="Quartic interaction, T = 0"),
    ],
    presets={"paper": {"axes": {"load": np.round(np.geomspace(0.001, 0.32, 60), 5), "cue": np.linspace(0.025, 1, 40)},
                       "fixed": {"neurons": 200}, "samples": 128}},
)  # fmt: skip
