"""Figures of a run: frozen dataclasses with `name` and `draw(dataset) -> matplotlib Figure`; `save` writes them."""

from isinglass.figures.base import AbsentError, Line, facets, save
from isinglass.figures.collapse import Collapse
from isinglass.figures.curve_panels import CurvePanels
from isinglass.figures.extrapolation import Extrapolation
from isinglass.figures.intervals import Intervals
from isinglass.figures.paths import Paths
from isinglass.figures.phase_diagram import PhaseDiagram, Points
from isinglass.figures.phase_lines import PhaseLines
from isinglass.figures.spectral_map import SpectralMap
from isinglass.figures.winner_map import WinnerMap

__all__ = [
    "AbsentError",
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
    "facets",
    "save",
]
