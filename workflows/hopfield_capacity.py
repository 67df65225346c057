"""The capacity of the Hopfield network at T = 0: the load up to which a stored pattern stays put, by size.

α_c(N) is extrapolated by α_c + a N^-x with x = 1/2 (what samples differ by, if a sample's own capacity scatters like a
mean over its neurons) and with x = 2/3 (the width of a spinodal in mean field). Neither is derived for this network.
"""

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors, phases, scaling
from isinglass.catalog import reference
from isinglass.figures import Extrapolation, Line, PhaseLines
from isinglass.models.hopfield import Hopfield
from isinglass.theory import ags

workflow = Workflow(
    title="Hopfield capacity at T = 0",
    model=Hopfield,
    axes={"load": np.linspace(0.12, 0.18, 13), "neurons": [250, 500, 1000, 2000]},
    fixed={"temperature": 0.0, "copies": 1, "equilibration": 200, "steps": 10},
    samples=96,
    seed=1985,
    stages=[
        errors.mean("recall_overlap", "converged"),
        phases.capacity("recall_overlap", theta=0.9),
        scaling.power("recall_overlap_capacity", "neurons", exponent=0.5),
        scaling.power("recall_overlap_capacity", "neurons", exponent=2 / 3, to="capacity_two_thirds"),
        errors.estimate(
            "bits_per_pair",
            lambda information, load: information * load,  # P patterns of N symbols, H = 1 bit each, over N² pairs
            of=("memory", "realised_load"),
            units="bit",
            long_name="information in all patterns per ordered pair of neurons",
            denominator="N² ordered pairs of neurons; N(N-1)/2 independent couplings hold twice as much each",
        ),
    ],
    figures=[
        PhaseLines(x="load", observable="recall_overlap", colour="neurons", name="capacity",
                   theory=[Line("AGS, $N \\to \\infty$", lambda load: ags.overlap(load, 0.0), "-")],
                   title="Recall from the pattern itself at T = 0"),
        PhaseLines(x="load", observable="bits_per_pair", colour="neurons", name="bits_per_pair",
                   theory=[Line("AGS, $N \\to \\infty$", lambda load: ags.information(load, 0.0), "-")],
                   labels={"bits_per_pair_mean": "bits per ordered pair of neurons"},
                   title="What couplings hold, T = 0, from the pattern itself"),
        Extrapolation("recall_overlap_capacity", "neurons", over=("load",),
                      exact=reference("hopfield.ags.capacity_zero_temperature").number(),
                      labels={"recall_overlap_capacity": r"capacity $\alpha_\mathrm{c}(\theta = 0.9)$"},
                      title="Capacity at T = 0 for growing networks", name="capacity_limit"),
    ],
    presets={
        "paper": {
            "axes": {"load": np.linspace(0.12, 0.18, 25), "neurons": [500, 1000, 2000, 4000, 8000]},
            "samples": 256,
        }
    },
)  # fmt: skip
