"""How long heat and a field along the easy axis leave bits in single grains, beside the Fokker-Planck equation."""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, plane
from isinglass.figures import Line, PhaseDiagram, PhaseLines
from isinglass.models.macrospin import Macrospin
from isinglass.theory import fokker_planck as theory

LABELS = {
    "stability": "barrier $K/k_\\mathrm{B}T$",
    "field": "field $h = B/2K$",
    "retention_time_mean": r"retention time ($\mu/\gamma K$)",
    "log_retention_mean": r"$\log_{10}$ retention time ($\mu/\gamma K$)",
}
LINES = [
    Line(rf"$t = {t}\,\mu/\gamma K$", lambda s, t=t: theory.switching_field(s, t), style)
    for t, style in ((3, "-."), (10, "-"), (30, "--"), (100, ":"))
]


def half_life(stability: float, field: float, damping: float) -> float:
    """Of the Fokker-Planck equation: a run is four times as long."""
    return float(theory.half_life(stability, field, damping))


workflow = Workflow(
    title="Retention of bits in magnetic grains",
    model=Macrospin,
    axes={"stability": np.arange(1.0, 8.01, 1.0), "field": np.round(np.arange(0, 0.81, 0.1), 1)},
    derived={"duration": lambda p: min(4 * round(half_life(p["stability"], p["field"], p["damping"]), 1), 1500.0)},
    fixed={"length": 16, "damping": 0.5, "time_step": 0.02},
    samples=8, seed=1963,
    stages=[memory.mean, coherence.mean,
            errors.mean("retention_time", "first_crossing", "censored", "remanence", "bit_overlap"),
            errors.estimate("capacity", lambda m: m, of=("memory",), units="bit", denominator="L² grains",
                            long_name="bits read at the end"),
            errors.estimate("log_retention", np.log10, of=("retention_time",), long_name="log10 retention time"),
            plane.concordance(stability=(1, 8), field=(0, 0.8))],
    figures=[
        PhaseDiagram(x="stability", y="field", panels=("log_retention_mean",), limits=(0, 2.6), lines=LINES,
                     labels=LABELS, title="How long half of the bits stay; Fokker-Planck lines", name="retention_map"),
        *(PhaseLines(x="stability", observable="retention_time", colour=None, at={"field": h}, log=("retention_time",),
                     theory=lambda s, h=h: theory.half_life(s, h), source="Fokker-Planck equation", labels=LABELS,
                     title=f"Retention of bits in a field h = {h:g}", name=f"retention_{10 * h:.0f}")
          for h in (0.0, 0.4)),
    ],
    presets={"paper": {"axes": {"stability": np.arange(1, 11.1, 0.5), "field": np.round(np.arange(0, 0.91, 0.1), 1)},
                       "fixed": {"length": 64, "time_step": 0.005}, "samples": 32}},
)  # fmt: skip
