"""Figures of a run: frozen dataclasses with `name` and `draw(dataset) -> matplotlib Figure`; `save` writes them.

They are made of functions that draw on any axes: `phase_map`, `bivariate_map`, `boundary`, `lines_with_bands`,
`theory_lines`.
"""

from isinglass.figures.base import AbsentError, Line, facets
from isinglass.figures.bivariate import BivariateMap, bivariate_map, colour_square
from isinglass.figures.collapse import Collapse
from isinglass.figures.curve_panels import CurvePanels
from isinglass.figures.extrapolation import Extrapolation
from isinglass.figures.intervals import Intervals
from isinglass.figures.lines import lines_with_bands, theory_lines
from isinglass.figures.maps import boundary, colour_bar, phase_map
from isinglass.figures.paths import Paths
from isinglass.figures.phase_diagram import PhaseDiagram, Points
from isinglass.figures.phase_lines import PhaseLines
from isinglass.figures.saving import save
from isinglass.figures.spectral_map import SpectralMap
from isinglass.figures.winner_map import WinnerMap

__all__ = [
    "AbsentError",
    "BivariateMap",
    "Collapse",
    "CurvePanels",
    "Extrapolation",
    "Intervals",
    "Line",
    "Paths",
    "PhaseDiagram",
    "PhaseLines",
    "Points",
    "SpectralMap",
    "WinnerMap",
    "bivariate_map",
    "boundary",
    "colour_bar",
    "colour_square",
    "facets",
    "lines_with_bands",
    "phase_map",
    "save",
    "theory_lines",
]
