"""Retention of grains: a run is long enough at any damping."""

from __future__ import annotations

import pytest

from isinglass.theory import fokker_planck
from isinglass.workflow import load_workflow


@pytest.mark.parametrize("damping", [0.05, 0.5])
def test_runs_are_four_half_lives_at_the_damping_that_is_asked_for(damping: float) -> None:
    derived = load_workflow("magnetic-retention").derived["duration"]
    wanted = 4 * float(fokker_planck.half_life(5.0, 0.2, damping))
    assert derived({"stability": 5.0, "field": 0.2, "damping": damping}) == pytest.approx(wanted, abs=0.21)
