"""A field between Klein-Gordon (symmetric weights) and Dirac (antisymmetric): its two light cones, and what stays."""

from functools import partial

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, spectra
from isinglass.figures import Line, PhaseLines, SpectralMap
from isinglass.models.klein_gordon_dirac import KleinGordonDirac
from isinglass.theory import lattice_fields as theory

ANGLE = {"angle": r"$\theta$ (rad): 0 Klein-Gordon, $\pi/2$ Dirac", "temperature": "variance of momenta $T$"}
lines = partial(PhaseLines, x="angle", colour="temperature")

workflow = Workflow(
    title="From Klein-Gordon to Dirac",
    model=KleinGordonDirac,
    axes={"angle": np.linspace(0, np.pi / 2, 33), "temperature": [0, 0.1, 1]},
    fixed={"mass": 0.3, "wilson": 1.0, "equilibration": 1200, "steps": 1200, "records": 320, "modes": 9},
    samples=8,
    seed=1928,
    stages=[
        memory.mean,
        coherence.mean,
        errors.mean("raw_overlap", "norm", "klein_gordon_residual", "dirac_residual", "converged", "diverged",
                    "slow_frequency", "fast_frequency"),
        spectra.density("amplitude", "energy", "angle", theory.branches),
    ],
    figures=[
        SpectralMap(x="angle", y="ratio", quantity="spectral_density_mean", lines=theory.branches, at={"temperature": 0},
                    labels={**ANGLE, "ratio": r"frequency $\omega/E$", "spectral_density_mean": r"spectral density over $\omega/E$"},
                    title="Two light cones", name="kgdirac_spectrum"),
        lines(observable="raw_overlap", labels={**ANGLE, "raw_overlap_mean": r"raw overlap $\langle\phi(t)\cdot\phi(0)\rangle/|\phi(0)|^2$"},
              title="Half of the field stands still", name="kgdirac_overlap"),
        lines(observable="memory", labels=ANGLE, title="Memory of a written message, t = 120 to 240", name="kgdirac_memory"),
        PhaseLines(x="angle", observable="klein_gordon_residual", at={"temperature": 0.1}, name="kgdirac_klein_gordon",
                   labels={**ANGLE, "klein_gordon_residual_mean": r"distance $\Vert\ddot\phi+S\phi\Vert/\Vert S\phi\Vert$"},
                   theory=[Line(r"$|\sin 2\theta|$", lambda x: theory.residuals(x)[0])], title="Klein-Gordon equation"),
        PhaseLines(x="angle", observable="dirac_residual", at={"temperature": 0.1}, name="kgdirac_dirac",
                   labels={**ANGLE, "dirac_residual_mean": r"distance $\Vert\dot\phi-A\phi\Vert/\Vert A\phi\Vert$"},
                   theory=[Line(r"$\sqrt{2(1-\sin\theta)}$", lambda x: theory.residuals(x)[1])], title="Dirac equation"),
    ],
    presets={"paper": {"axes": {"angle": np.linspace(0, np.pi / 2, 97)}, "samples": 32, "fixed": {"sites": 512}}},
)  # fmt: skip
