"""Learning bars and stripes: the divergence of a restricted Boltzmann machine by method, Gibbs steps and learning rate.

All methods share patterns and initial weights. The exact gradient takes no Gibbs steps: it is computed at k = 1 and
drawn at every k.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import PhaseLines
from isinglass.models.restricted_boltzmann import RestrictedBoltzmannMachine

if TYPE_CHECKING:
    import xarray as xr

KL = "divergence KL(data || machine) (nat)"


def everywhere(ds: xr.Dataset) -> xr.Dataset:
    """The divergence after learning over k, that of the exact gradient at every k."""
    sampled = ds["learning"] != "exact"
    parts = {f"learned_{part}": ds[f"final_kl_{part}"] for part in ("mean", "error")}
    return ds[[]].assign({n: x.where(sampled, x.isel(k=0)).assign_attrs(x.attrs) for n, x in parts.items()})


workflow = Workflow(
    title="Learning by restricted Boltzmann machines",
    model=RestrictedBoltzmannMachine,
    axes={"learning": ["exact", "cd", "pcd"], "k": [1, 2, 5, 10], "learning_rate": [0.05, 0.1, 0.2, 0.4]},
    fixed={"visible": 9, "hidden": 8, "updates": 5000, "copies": 1},
    where=lambda p: p["k"] == 1 or (p["learning"] != "exact" and (p["k"] == 10 or p["learning_rate"] == 0.2)),
    samples=8,
    seed=2002,
    stages=[errors.mean("final_kl", "lowest_kl", "kl", "converged"), everywhere],
    figures=[
        PhaseLines(x="k", observable="learned", colour="learning", at={"learning_rate": 0.2}, log=("k", "learned"),
                   labels={"learned_mean": KL, "k": "Gibbs steps an update $k$"},
                   title="Bars and stripes after learning, by Gibbs steps", name="kl_by_steps"),
        PhaseLines(x="learning_rate", observable="learned", colour="learning", at={"k": 1},
                   log=("learning_rate", "learned"), labels={"learned_mean": KL},
                   title="Bars and stripes after learning, k = 1", name="kl_by_rate"),
        PhaseLines(x="learning_rate", observable="learned", colour="learning", at={"k": 10},
                   log=("learning_rate", "learned"), labels={"learned_mean": KL},
                   title="Bars and stripes after learning, k = 10", name="kl_by_rate_10"),
        PhaseLines(x="update", observable="kl", colour="learning", at={"k": 1, "learning_rate": 0.2},
                   labels={"kl_mean": KL}, limits=(0.0, 4.0),
                   title="While learning, k = 1", name="kl_by_update"),
    ],
    presets={
        "paper": {
            "axes": {"k": [1, 2, 3, 5, 10, 20, 50], "learning_rate": [0.02, 0.05, 0.1, 0.2, 0.4, 0.8]},
            "fixed": {"hidden": 16, "updates": 20000},
            "samples": 32,
        }
    },
)  # fmt: skip
