"""The Dicke model at rest: photons, order of the spins, entanglement and tunnelling against coupling and size."""

from functools import partial

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import Line, PhaseLines
from isinglass.models.dicke import Dicke
from isinglass.theory import dicke as theory

COUPLING = {"light_coupling": r"coupling $\lambda/\omega$", "spins": "spins N"}
lines = partial(PhaseLines, x="light_coupling", colour="spins")

workflow = Workflow(
    title="Dicke model: superradiance in the ground state",
    model=Dicke,
    axes={"light_coupling": np.round(np.linspace(0, 1, 41), 6), "spins": [10, 20, 40, 80]},
    samples=1,
    seed=1954,
    stages=[errors.mean(
        "photons", "inversion", "spin_order", "field", "broken_order", "gap", "half_time", "field_squeezing",
        "spin_squeezing", "entanglement", "single_spin_purity", "broken_purity", "coherence_entropy",
        "energy", "converged",
    )],
    figures=[
        lines(observable="photons", theory=[Line(r"$(\lambda/\omega)^2(1-\mu^2)$, $N \to \infty$", theory.photons)],
              labels={**COUPLING, "photons_mean": r"photons per spin $\langle a^\dagger a\rangle/N$"},
              title="Photons in the ground state", name="dicke_photons"),
        lines(observable="spin_order", theory=[Line(r"$\sqrt{1-\mu^2}$, $N \to \infty$", theory.spin_order)],
              labels={**COUPLING, "spin_order_mean": r"order $2\sqrt{\langle J_x^2\rangle}/N$"},
              title="Order of the spins", name="dicke_order"),
        lines(observable="entanglement", name="dicke_entanglement", title="Entanglement of spins and light",
              labels={**COUPLING, "entanglement_mean": r"Rényi entropy $-\log_2 \mathrm{tr}\,\rho^2$ (bit)"}),
        lines(observable="field_squeezing", name="dicke_squeezing", title="Squeezing of the light",
              labels={**COUPLING, "field_squeezing_mean": r"variance of $i(a^\dagger - a)$, vacuum 1"}),
        lines(observable="half_time", log=("half_time",), name="dicke_tunnelling",
              title="Time in which the field loses half of its sign, no loss",
              labels={**COUPLING, "half_time_mean": r"half time $\omega t = \pi/3\Delta$"}),
    ],
    presets={"paper": {"axes": {"light_coupling": np.round(np.linspace(0, 1.2, 121), 6),
                                "spins": [10, 20, 40, 80, 160, 320]}}},
)  # fmt: skip
