"""The Dicke model at its critical coupling: photons and gap against size, local slopes, also with a correction."""

from functools import partial

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, scaling
from isinglass.figures import Line, PhaseLines
from isinglass.models.dicke import Dicke
from isinglass.theory.dicke import critical_coupling

CORRECTION = 1 / 3
"""Light at λ_c has A N^{1/3} + B photons: what does not scale is a correction N^{-1/3} to its logarithm."""
EXPECTED = Line("2/3", lambda n: np.full(np.shape(n), 2 / 3), ":")
lines = partial(PhaseLines, x="spins", log=("spins",))

workflow = Workflow(
    title="Dicke model: finite-size scaling at the critical coupling",
    model=Dicke,
    axes={"spins": [10, 20, 40, 80, 160, 320]},
    fixed={"light_coupling": float(critical_coupling())},
    samples=1,
    seed=2006,
    stages=[
        errors.mean("photons", "gap", "field_squeezing", "spin_squeezing", "entanglement", "spin_order", "converged"),
        scaling.slopes("photons", "spins", correction=CORRECTION),
        scaling.slopes("gap", "spins", correction=CORRECTION),
    ],
    figures=[
        lines(observable="photons", log=("spins", "photons"), name="dicke_critical_photons",
              theory=[Line("$N^{-2/3}$ (expected slope)", lambda n: 0.163 * n ** (-2 / 3), ":")],
              labels={"spins": "spins $N$", "photons_mean": r"photons per spin $\langle a^\dagger a\rangle/N$"},
              title=r"Photons at $\lambda_c$"),
        lines(observable="photons_slope", theory=[EXPECTED], name="dicke_slopes", limits=(0.54, 0.69),
              labels={"spins": "spins $N$", "photons_slope": r"local slope of $\langle a^\dagger a\rangle/N$"},
              title="Local slopes between N/2 and N"),
        lines(observable="photons_slope_corrected", theory=[EXPECTED], name="dicke_slopes_corrected",
              limits=(0.54, 0.69),
              labels={"spins": "spins $N$", "photons_slope_corrected": "exponent with a correction $N^{-1/3}$"},
              title="Exponent from two successive slopes"),
    ],
    presets={"paper": {"axes": {"spins": [10, 20, 40, 80, 160, 320, 640, 1280]}}},
)  # fmt: skip
