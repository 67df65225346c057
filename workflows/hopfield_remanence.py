"""What a Hopfield network keeps of a pattern above T_M, where retrieval has failed: by time, size and temperature.

The three times share their noise (`paired`), so that they are one trajectory looked at later and later. 1.4 lies in the
paramagnet (T_g = 1.316 at this load): there everything must vanish.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, plane
from isinglass.figures import PhaseLines
from isinglass.models.hopfield import Hopfield

if TYPE_CHECKING:
    import xarray as xr


def decay(ds: xr.Dataset) -> xr.Dataset:
    """Exponent x of m ~ t^-x between the last two times, by the jackknife over samples."""
    import xarray as xr  # here, so that a worker that loads this file does not load xarray

    samples = errors.sample_means(ds["recall_overlap"], ds["status"])
    early, late = (samples.isel(equilibration=i, drop=True) for i in (-2, -1))
    ratio = np.log(ds["equilibration"][-1].item() / ds["equilibration"][-2].item())
    parts = errors.jackknife(lambda m1, m2: -np.log((m2 / m1).where(m2 / m1 > 0)) / ratio, early, late)
    attrs = {"units": "1", "long_name": "exponent of the decay of the recall overlap with time"}
    return xr.Dataset(errors.described("decay", attrs, *parts))


temperatures = [0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.2, 1.4]

workflow = Workflow(
    title="Remanence of a pattern above T_M",
    model=Hopfield,
    axes={"temperature": temperatures, "neurons": [500, 1000, 2000], "equilibration": [10, 100, 1000]},
    fixed={"load": 0.1, "steps": 20},
    samples=16,
    paired=("equilibration",),
    seed=1986,
    stages=[
        coherence.mean,
        memory.mean,
        errors.estimate(
            "message_share", lambda same, other: 1 - other / same, of=("coherence", "blind_coherence"),
            long_name="share of the coherence that carries the message",
        ),
        decay,
        plane.concordance(temperature=(0.35, 1.4), equilibration=(10, 1000)),
    ],
    figures=[
        PhaseLines(x="temperature", observable="recall_overlap", colour="equilibration", at={"neurons": 2000},
                   title=r"Recall overlap above $T_\mathrm{M}$, by time", name="recall_by_time"),
        PhaseLines(x="temperature", observable="message_coherence", colour="equilibration", at={"neurons": 2000},
                   title="Coherence that carries the message, by time", name="message_by_time"),
        PhaseLines(x="temperature", observable="recall_overlap", colour="neurons", at={"equilibration": 1000},
                   title="Recall overlap after 1000 steps, by size", name="recall_by_size"),
        PhaseLines(x="temperature", observable="message_coherence", colour="neurons", at={"equilibration": 10},
                   title="Coherence that carries the message after 10 steps, by size", name="message_by_size"),
    ],
    presets={
        "paper": {
            "axes": {"neurons": [500, 1000, 2000, 4000], "equilibration": [10, 30, 100, 300, 1000, 3000, 10000]},
            "samples": 64,
        }
    },
)  # fmt: skip
