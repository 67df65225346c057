"""What models of binary neurons that recall one of their patterns observe alike, from what the kernels leave."""

from __future__ import annotations

import numpy as np

from isinglass import measures
from isinglass.kernels import attractors
from isinglass.models.base import Observable

OBSERVABLES = (
    Observable("coherence", "1", "coherence", may_be_nan=True, long_name="overlap |a·b|/N of two copies cued alike"),
    Observable(
        "blind_coherence", "1", "blind_coherence", may_be_nan=True, long_name="overlap |a·c|/N, c cued with another"
    ),
    Observable(
        "memory", "1", "memory", may_be_nan=True, long_name="mutual information of pattern and state / its maximum"
    ),
    Observable("recall_overlap", "1", long_name="signed overlap with the target pattern, window mean"),
    Observable("recall_gain", "1", long_name="recall overlap less the overlap of the cue"),
    Observable("initial_overlap", "1", long_name="signed overlap of the cue with the target pattern"),
    Observable("final_overlap", "1", long_name="signed overlap with the target pattern after the last step"),
    Observable("spurious_overlap", "1", may_be_nan=True, long_name="largest |overlap| with another pattern, last step"),
    Observable("unstable", "1", long_name="share of neurons of the target pattern that its fields would turn"),
    Observable("energy", "1", long_name="energy per neuron E/N, window mean"),
    Observable("converged", "1", dtype="int8", long_name="1: fixed point (T=0), no drift (T>0)"),
)


def observe(
    message: np.ndarray,
    alone: bool,
    cold: bool,
    series: np.ndarray,
    energy: np.ndarray,
    ends: np.ndarray,
    copies: int,
) -> dict[str, np.ndarray]:
    """All of OBSERVABLES but `unstable`, (R,), from what `kernels.attractors.recall` leaves.

    `message` int8 (N,); `alone`: no second pattern is stored; `cold`: T = 0.
    """
    n, replicas = message.size, len(series)
    overlap, pair, blind = (series[:, row] / n for row in (attractors.OVERLAP, attractors.PAIR, attractors.BLIND))
    memory = measures.binary_memory(
        series[:, attractors.OVERLAP], message.sum(dtype=np.int64), series[:, attractors.MAGNETISATION], n
    )
    initial, recalled, undefined = ends[:, attractors.CUE] / n, overlap.mean(axis=-1), np.full(replicas, np.nan)
    return {
        "coherence": abs(pair).mean(axis=-1) if copies == 3 else undefined,
        "blind_coherence": undefined if alone or copies == 1 else abs(blind).mean(axis=-1),
        "memory": memory.mean(axis=-1),
        "recall_overlap": recalled,
        "recall_gain": recalled - initial,
        "initial_overlap": initial,
        "final_overlap": overlap[:, -1],
        "spurious_overlap": undefined if alone else ends[:, attractors.SPURIOUS] / n,
        "energy": energy.mean(axis=-1),
        "converged": ends[:, attractors.MOVED] == 0 if cold else measures.steady(overlap),
    }
