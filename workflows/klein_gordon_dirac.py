"""A field between Klein-Gordon (symmetric weights) and Dirac (antisymmetric): its two light cones, and what stays."""

from functools import partial

import numpy as np

from isinglass import Workflow
from isinglass.analysis import coherence, errors, memory, plane, spectra
from isinglass.figures import Line, PhaseLines, SpectralMap
from isinglass.models.klein_gordon_dirac import KleinGordonDirac
from isinglass.theory import lattice_fields as theory

LABELS = {
    "angle": r"$\theta$ (rad): 0 Klein-Gordon, $\pi/2$ Dirac",
    "temperature": "variance of momenta $T$",
    "ratio": r"frequency $\omega/E$",
    "spectral_density_mean": r"spectral density over $\omega/E$",
    "raw_overlap_mean": r"raw overlap $\phi(t)\cdot\phi(0)/|\phi(0)|^2$",
    "klein_gordon_residual_mean": r"distance $\Vert\ddot\phi+S\phi\Vert/\Vert S\phi\Vert$",
    "dirac_residual_mean": r"distance $\Vert\dot\phi-A\phi\Vert/\Vert A\phi\Vert$",
}
lines = partial(PhaseLines, x="angle", labels=LABELS)
KLEIN_GORDON = Line(r"$|\sin 2\theta|$", lambda angle: theory.residuals(angle)[0])
DIRAC = Line(r"$\sqrt{2(1-\sin\theta)}$", lambda angle: theory.residuals(angle)[1])

workflow = Workflow(
    title="From Klein-Gordon to Dirac",
    model=KleinGordonDirac,
    axes={"angle": np.linspace(0, np.pi / 2, 33), "temperature": [0, 0.1, 1]},
    fixed={"mass": 0.3, "wilson": 1.0, "equilibration": 1200, "steps": 1200, "records": 300, "modes": 9},
    samples=8,
    seed=1928,
    stages=[
        memory.mean,
        coherence.mean,
        errors.mean("raw_overlap", "norm", "klein_gordon_residual", "dirac_residual", "converged", "diverged",
                    "slow_frequency", "fast_frequency"),
        spectra.density("amplitude", "energy", "angle", theory.branches),
        plane.concordance(angle=(0, 1.5708), temperature=(0, 1)),
    ],
    figures=[
        SpectralMap(x="angle", y="ratio", quantity="spectral_density_mean", lines=theory.branches, labels=LABELS,
                    at={"temperature": 0}, title="Two light cones", name="kgdirac_spectrum"),
        lines(observable="raw_overlap", colour="temperature", title="Half of the field stands still",
              name="kgdirac_overlap"),
        lines(observable="memory", colour="temperature", title="Memory of a written message, t = 120 to 240",
              name="kgdirac_memory"),
        lines(observable="klein_gordon_residual", colour="temperature", theory=[KLEIN_GORDON],
              title="Distance from the Klein-Gordon equation", name="kgdirac_klein_gordon"),
        lines(observable="dirac_residual", colour="temperature", theory=[DIRAC],
              title="Distance from the Dirac equation", name="kgdirac_dirac"),
    ],
    presets={"paper": {"axes": {"angle": np.linspace(0, np.pi / 2, 97)}, "samples": 32, "fixed": {"sites": 512}}},
)  # fmt: skip
