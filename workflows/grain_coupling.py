"""Random bits in grains coupled by exchange: is their retention that of single grains, or of frozen neighbours?"""

from isinglass import Workflow
from isinglass.analysis import errors, memory
from isinglass.figures import Line, PhaseLines
from isinglass.models.macrospin import Macrospin
from isinglass.theory import fokker_planck as theory

SIGMA = 5.0
LABELS = {"exchange": "exchange of neighbours $J/K$", "retention_time_mean": r"retention time ($\mu/\gamma K$)"}

workflow = Workflow(
    title="Retention of bits in coupled grains",
    model=Macrospin,
    axes={"exchange": [-0.2, -0.1, -0.05, -0.02, 0.0, 0.02, 0.05, 0.1, 0.2]},
    fixed={"length": 64, "stability": SIGMA, "duration": 50.0, "damping": 0.5, "time_step": 0.02,
           "records": 80, "copies": 1},
    samples=12, seed=1972,
    stages=[memory.mean, errors.mean("retention_time", "censored", "remanence", "magnetisation"),
            errors.estimate("ratio_to_frozen", of=("retention_time",), long_name="retention time / frozen neighbours",
                            function=lambda t: t / t.exchange.copy(data=theory.frozen_half_life(SIGMA, t.exchange))),
            errors.estimate("ratio_to_single", lambda t: t / float(theory.half_life(SIGMA)),
                            of=("retention_time",), long_name="retention time / that of a single grain")],
    figures=[
        PhaseLines(x="exchange", observable="retention_time", labels=LABELS, name="grain_coupling",
                   theory=[Line("single grain", lambda j: float(theory.half_life(SIGMA)) + 0 * j, ":"),
                           Line("frozen neighbours", lambda j: theory.frozen_half_life(SIGMA, j), "-")],
                   title=f"Random bits in coupled grains, K/T = {SIGMA:g}"),
    ],
    presets={"paper": {"axes": {"exchange": [round(0.02 * k, 2) for k in range(-15, 16)]}, "samples": 32,
                       "fixed": {"length": 128, "time_step": 0.005}}},
)  # fmt: skip
