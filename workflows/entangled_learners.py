"""Learners of two trainables against two oscillators that entangle: distance, CHSH value and clocks, by coupling."""

from functools import cache, partial

import numpy as np

from isinglass import Workflow
from isinglass.analysis import errors
from isinglass.figures import Line, PhaseLines
from isinglass.models.entangled_learners import CLOCKS, EntangledLearners, chsh
from isinglass.theory import entangled as theory

COUPLINGS = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4])
LABELS = {"coupling": "coupling $g$", "l1_mean": "L1 distance to Schroedinger", "chsh_mean": "largest CHSH value",
          "unequal_clocks_mean": r"rms of $E$ less Schroedinger's"}  # fmt: skip


@cache
def values(which: str) -> tuple[np.ndarray, np.ndarray]:
    """Couplings, and a theory's value at each."""
    grid, out = np.geomspace(COUPLINGS[0], COUPLINGS[-1], 13), []
    for g in grid:
        time = theory.quarter_period(g)
        exact = EntangledLearners(coupling=g, duration=time).sign_correlations(theory.covariance(g, time))
        mine = theory.learner_signs(theory.learner_maps(g, time, "joint", np.pi * np.arange(CLOCKS) / CLOCKS))
        away = (mine - exact)[~np.eye(CLOCKS, dtype=bool)]
        parity = theory.parity_chsh(g, time) if which == "parity" else 0.0
        found = {"parity": parity, "signs": chsh(exact), "learners": chsh(mine), "clocks": np.sqrt((away**2).mean())}
        out.append(float(found[which]))
    return grid, np.array(out)


def curve(label: str, which: str, style: str) -> Line:
    """A theory's curve, straight between some couplings."""
    return Line(label, lambda g: np.interp(np.log(g), np.log(values(which)[0]), values(which)[1]), style)


def level(label: str, value: float) -> Line:
    """The same at every coupling."""
    return Line(label, lambda g: np.full(np.shape(g), value), ":")


lines = partial(PhaseLines, x="coupling", colour="interaction", log=("coupling",), labels=LABELS)

workflow = Workflow(
    title="Learners of two trainables against entangled oscillators",
    model=EntangledLearners,
    axes={"coupling": COUPLINGS, "interaction": ["joint", "separate", "none"]},
    fixed={"resolution": 0.05},
    derived={"duration": lambda p: float(theory.quarter_period(p["coupling"]))},
    samples=8,
    seed=1994,
    stages=[errors.mean("l1", "l1_floor", "correlation", "correlation_excess", "chsh", "chsh_signs", "equal_clocks",
                        "unequal_clocks", "energy_drift", "converged")],
    figures=[
        lines(observable="l1", title="Distance to Schroedinger after a quarter period", name="entangled_distance",
              log=("coupling", "l1"), limits=(0.02, 30.0),
              theory=[level("as many exact draws", 0.0499)]),
        lines(observable="chsh", title="CHSH: learners and Schroedinger", name="entangled_chsh", limits=(0.0, 5.4),
              theory=[curve("Schroedinger, displaced parity", "parity", "-"),
                      level("local variables", 2.0),
                      curve("Schroedinger, signs", "signs", "--"),
                      curve(r"joint, $M\to\infty$", "learners", "-.")]),
        lines(observable="unequal_clocks", title="Signs read at unequal clocks", name="entangled_clocks",
              log=("coupling", "unequal_clocks"), limits=(0.004, 60.0),
              theory=[curve(r"joint, $M\to\infty$", "clocks", "-."),
                      level(r"sampling, $1/\sqrt{M}$", 1 / 128)]),
    ],
    presets={"paper": {"fixed": {"resolution": 0.02, "learners": 2**18}, "samples": 32}},
)  # fmt: skip
