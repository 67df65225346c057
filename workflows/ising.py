"""The square Ising magnet: order parameter, energy, susceptibility and Binder cumulant against temperature and size.

A tutorial in sweeps against exact results. Near T_c spins turn in Wolff clusters, elsewhere by heat bath, always from
a cold start: from a hot one a third of the runs below T_c would end in stripes.
"""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, scaling
from isinglass.figures import Line, PhaseLines
from isinglass.models.ising import Ising
from isinglass.theory import ising


def critical(p: dict) -> bool:  # type: ignore[type-arg]
    return 2.1 < p["temperature"] < 2.5


workflow = Workflow(
    title="Square Ising magnet",
    model=Ising,
    axes={"temperature": sorted({*np.round(np.arange(1.5, 3.01, 0.1), 1), *np.round(np.arange(2.15, 2.36, 0.05), 2),
                                 2.25, ising.T_C}),
          "length": [8, 16, 32, 64]},
    derived={"dynamics": lambda p: "wolff" if critical(p) else "heat_bath",
             "equilibration": lambda p: 15 if critical(p) else 400,
             "steps": lambda p: 32 if critical(p) else 800},
    samples=8, replicas=64, seed=1944,
    stages=[
        errors.mean("magnetisation", "energy", "autocorrelation_time", "converged"),
        errors.estimate("binder", lambda m2, m4: 1 - m4 / (3 * m2**2), of=("magnetisation_2", "magnetisation_4"),
                        long_name="Binder cumulant"),
        errors.estimate("susceptibility", lambda m, m2: m.length**2 * (m2 - m**2) / m.temperature,
                        of=("magnetisation", "magnetisation_2"), long_name="susceptibility of |m|"),
        errors.estimate("specific_heat", lambda e, e2: e.length**2 * (e2 - e**2) / e.temperature**2,
                        of=("energy", "energy_2"), long_name="specific heat"),
        scaling.power("magnetisation", "length", limit=0.0),
    ],
    figures=[
        PhaseLines(x="temperature", observable="magnetisation", colour="length", name="ising_magnetisation",
                   theory=[Line(r"Onsager-Yang, $L \to \infty$", ising.magnetisation)], title="Order parameter",
                   labels={"magnetisation_mean": r"order parameter $\langle|m|\rangle$"}),
        PhaseLines(x="temperature", observable="energy", colour="length", name="ising_energy",
                   theory=[Line(r"Onsager, $L \to \infty$", ising.energy)], title="Energy per spin",
                   labels={"energy_mean": "energy per spin $E/NJ$"}),
        PhaseLines(x="temperature", observable="specific_heat", colour="length", name="ising_specific_heat",
                   theory=[Line(r"Onsager, $L \to \infty$", ising.specific_heat)], title="Specific heat",
                   labels={"specific_heat_mean": "specific heat $C/Nk_\\mathrm{B}$"}, limits=(0, 3)),
        PhaseLines(x="temperature", observable="susceptibility", colour="length", log=("susceptibility",),
                   name="ising_susceptibility", title="Susceptibility",
                   labels={"susceptibility_mean": r"$N(\langle m^2\rangle - \langle|m|\rangle^2)/T$"}),
        PhaseLines(x="temperature", observable="binder", colour="length", name="ising_binder",
                   theory=[
                       Line("$U^*$ = 0.61069 at $T_c$", lambda t: np.where(abs(t - ising.T_C) < 0.1, 0.61069, np.nan))],
                   labels={"binder_mean": r"$U = 1 - \langle m^4\rangle/3\langle m^2\rangle^2$"},
                   title="Binder cumulant"),
    ],
    presets={"paper": {"axes": {"temperature": sorted({*np.round(np.arange(1.5, 3.51, 0.02), 2), ising.T_C}),
                                "length": [8, 16, 32, 64, 128, 256]},
                       "samples": 256}},
)  # fmt: skip
