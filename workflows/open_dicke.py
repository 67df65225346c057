"""Cavities that lose light: photons, memory of a written sign and its loss, against coupling and number of spins."""

from functools import partial

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, plane
from isinglass.figures import Line, PhaseLines
from isinglass.models.open_dicke import OpenDicke
from isinglass.theory import dicke as theory

COUPLING = {"light_coupling": r"coupling $\lambda/\omega$"}
CRITICAL = float(theory.critical_coupling(1.0, 1.0))
lines = partial(PhaseLines, x="light_coupling", colour="spins")


def rate(early, late, apart):  # type: ignore[no-untyped-def]
    """-d ln retention/dt between the halves of the window; NaN where less than 0.05 is left."""
    return np.log((early / late).where((early > 0.05) & (late > 0.05))) / apart


workflow = Workflow(
    title="Open Dicke model: memory of the field's sign (truncated Wigner)",
    model=OpenDicke,
    axes={"light_coupling": np.round(np.linspace(0.4, 1.2, 17), 6), "spins": [4, 16, 64, 256]},
    fixed={"loss": 1.0, "equilibration": 1200, "steps": 800, "time_step": 0.05},
    samples=8,
    seed=1973,
    stages=[
        memory.mean,
        coherence.mean,
        errors.mean("retention", "photons", "inversion", "spin_order", "retention_time", "censored", "converged"),
        errors.estimate("decay_rate", rate, of=("early_retention", "late_retention", "apart"), units="1",
                        long_name="rate at which signs are lost"),
        errors.estimate("information_per_cavity", lambda memory: memory, of=("memory",), units="bit",
                        long_name="bits read of a cavity", denominator="M cavities, 1 bit each"),
        plane.concordance(light_coupling=(0.4, 1.2)),
    ],
    figures=[
        lines(observable="photons", name="open_dicke_photons", title=r"Photons in a lossy cavity, $\kappa = \omega$",
              theory=[Line(r"mean field, $N \to \infty$", lambda g: theory.photons(g, 1.0, 1.0))],
              labels={**COUPLING, "photons_mean": r"photons per spin $\langle a^\dagger a\rangle/N$"}),
        lines(observable="memory", name="open_dicke_memory",
              title=r"Memory of the written sign, $\omega t$ = 60 to 100",
              theory=[Line(r"mean field, from $\lambda_c$ on", lambda g: np.where(g < CRITICAL, np.nan, 1.0), ":")],
              labels=COUPLING, limits=(-0.05, 1.05)),
    ],
    presets={"paper": {"axes": {"light_coupling": np.round(np.linspace(0.4, 1.2, 41), 6),
                                "spins": [4, 8, 16, 32, 64, 128, 256]},
                       "fixed": {"cavities": 256}, "samples": 32}},
)  # fmt: skip
