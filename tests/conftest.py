"""What every test may use. `tests/lib` holds the helpers: `rig` (run, compare) and `synthetic` (small models)."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "lib"))

import hypothesis

hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("repeatable")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started with `&`: what the tests start would not hear Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, so that `results/` of the checkout stays as it is."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def steady_pilot(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pilot that measures nothing: no extra calls of a model, the same blocks and threads everywhere."""
    from isinglass import plans
    from isinglass.planning import Pilot

    monkeypatch.setattr(plans, "pilot", lambda grid, cost, cores, alone=None: Pilot(1e-3, 1e-3, 1e-3))
