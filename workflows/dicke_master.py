"""The open Dicke model by its master equation: how fast few spins lose the sign of their field, exactly."""

from functools import partial

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import PhaseLines
from isinglass.models.dicke_master import DickeMaster

CRITICAL = 0.5**0.5
"""λ_c/ω at ω₀ = κ = ω."""
lines = partial(PhaseLines, x="spins", colour="light_coupling")
LABELS = {"spins": "spins $N$"}

workflow = Workflow(
    title="Open Dicke model: loss of the sign by the master equation",
    model=DickeMaster,
    axes={"spins": [1, 2, 3, 4, 5, 6], "light_coupling": [round(r * CRITICAL, 6) for r in (1.2, 1.5, 1.8)]},
    fixed={"loss": 1.0, "duration": 30.0, "records": 60},
    samples=1,
    seed=2007,
    stages=[errors.mean("photons", "inversion", "spin_order", "retention", "decay_rate", "retention_time",
                        "retention_trace", "field_trace", "tail_weight", "converged")],
    figures=[
        lines(observable="decay_rate", log=("decay_rate",), name="dicke_master_rate",
              labels={**LABELS, "decay_rate_mean": r"rate $\Gamma/\omega$ at which the sign is lost"},
              title=r"Loss of the sign, $\kappa = \omega_0 = \omega$"),
        PhaseLines(x="time", observable="retention_trace", colour="spins", name="dicke_master_retention",
                   at={"light_coupling": round(1.5 * CRITICAL, 6)},
                   title=r"A written sign in time, $\lambda = 1.5\,\lambda_c$",
                   labels={"time": r"time $\omega t$", "retention_trace_mean": r"$2\langle J_x\rangle/N$"}),
    ],
    presets={"paper": {"axes": {"spins": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]},
                       "fixed": {"duration": 60.0, "records": 120}}},
)  # fmt: skip
