"""Onsager forms of gravity on the lattice and two trainables: rates, invariance, flags, entropy production."""

from __future__ import annotations

import math

import numpy as np
import pytest

from isinglass import InputError
from isinglass.catalog import reference
from isinglass.kernels import stencils
from isinglass.models.onsager_pair import OnsagerPair
from isinglass.models.onsager_tensor import OnsagerTensor
from isinglass.theory import onsager as theory

STREAM = np.random.default_rng(3).integers(1, 2**63, 4, dtype=np.uint64)
NOISE = np.random.default_rng(4).integers(1, 2**63, (1, 4), dtype=np.uint64)
OFF = {"trace_ratio": 0.7, "divergence_ratio": 0.8, "mixed_ratio": 1.3}


def look(model: OnsagerTensor) -> dict[str, float]:
    return {name: float(x[0]) for name, x in model.simulate(STREAM, NOISE).items()}


def lattice(model: OnsagerTensor) -> tuple[np.ndarray, np.ndarray]:
    ahead, behind = (np.empty((model.dimensions, model.sites), np.int64) for _ in range(2))
    stencils.neighbours(model.length, ahead, behind)
    return ahead, behind


@pytest.mark.parametrize("dimensions", [2, 3, 4])
def test_the_flow_mode_by_mode(dimensions: int) -> None:
    """Ten steps from white noise against matrices at each wave vector; forms off Einstein-Hilbert in all ratios."""
    model = OnsagerTensor(dimensions=dimensions, length=5, time_step=0.05, **OFF)
    parts = dimensions * (dimensions + 1) // 2
    h = np.random.default_rng(1).normal(size=(parts, model.sites))
    expected = theory.evolve(h.reshape(-1, *[5] * dimensions), model.weights, 0.05, 10).reshape(h.shape)
    assert stencils.onsager_run(h, model.weights, *lattice(model), 0.05, 10) == 10
    assert abs(h - expected).max() < 1e-12


def test_rates_at_einstein_hilbert() -> None:
    """Those of the prototype and of Euler steps; a gauge field stays to rounding."""
    out = look(OnsagerTensor())
    rates = reference("onsager.rates").value
    assert out["graviton_rate"] == pytest.approx(rates["graviton"], abs=5e-7)
    assert out["conformal_rate"] == pytest.approx(rates["conformal"], abs=5e-8)
    assert out["graviton_rate"] == pytest.approx(-theory.euler_rate(0.25, 0.25, 0.2), rel=1e-12)
    assert out["gauge_memory"] == pytest.approx(1, abs=1e-12)
    assert out["gauge_change"] < 1e-13
    assert out["defect"] < 1e-15
    assert out["conformal_production"] == pytest.approx(-0.25 * 0.25, rel=1e-12)
    assert out["diverged"] == 0


def test_rates_of_what_is_gone() -> None:
    """A graviton's rate does not depend on how long it is looked at, also when e^-474 is left."""
    graviton = -theory.euler_rate(0.25, math.sin(2 * math.pi / 5) ** 2, 0.2)
    for duration in (10.0, 100.0, 1000.0):
        out = look(OnsagerTensor(length=5, duration=duration, trace_ratio=0.0))
        assert out["graviton_rate"] == pytest.approx(graviton, rel=1e-6)


@pytest.mark.parametrize("dimensions", [2, 3, 4])
def test_defect_and_spectrum(dimensions: int) -> None:
    """Closed forms of the model against matrices."""
    for ratios in ((1.0, 1.0, 1.1), (1.0, 1.1, 1.0), (0.3, 0.7, 1.2), (2.0, -1.0, 0.0)):
        named = dict(zip(("trace_ratio", "divergence_ratio", "mixed_ratio"), ratios, strict=True))
        model = OnsagerTensor(dimensions=dimensions, time_step=0.01, **named)
        assert model.defect() == pytest.approx(theory.defect(dimensions, model.weights), rel=1e-12)
        exact = theory.eigenvalues(dimensions, model.weights)
        assert np.unique(exact.round(9)) == pytest.approx(np.unique(model.spectrum().round(9)), abs=2e-9)


def test_off_the_point_a_gauge_field_is_lost_or_explodes() -> None:
    """Stopped at 10^6: rates up to there, no memory; and a form whose gauge rate is known: v = (c1 + c35/2)."""
    out = look(OnsagerTensor(length=8, mixed_ratio=0.8))
    assert out["diverged"] == 1
    assert math.isnan(out["gauge_memory"])
    assert out["gauge_change"] > 0.1
    kept = look(OnsagerTensor(length=8, divergence_ratio=0.9, duration=20.0))
    assert kept["gauge_change"] == pytest.approx(abs(math.log(abs(kept["gauge_memory"]))) / 20)
    assert 0 < kept["gauge_memory"] < 1
    lawful = look(OnsagerTensor(length=8, trace_ratio=0.5, divergence_ratio=0.75, mixed_ratio=0.5))
    assert lawful["lowest_eigenvalue"] == pytest.approx(0, abs=1e-15)
    assert lawful["conformal_rate"] == pytest.approx(0, abs=1e-14)
    assert out["lowest_eigenvalue"] < -0.25


def test_refusals() -> None:
    with pytest.raises(
        InputError, match=r"time_step = 2 is unstable: the fastest mode has the rate 1\.5, so below 1\.33"
    ):
        OnsagerTensor(time_step=2.0)
    with pytest.raises(InputError, match="lower length"):
        OnsagerTensor(dimensions=4, length=128)
    with pytest.raises(InputError, match="lower one of them"):
        OnsagerTensor(length=100, duration=1e5)
    with pytest.raises(InputError, match="unstable"):
        OnsagerPair(turning=100.0, time_step=0.01)
    with pytest.raises(InputError, match="steps"):
        OnsagerPair(duration=1e8)


def test_entropy_production() -> None:
    """16 runs, against the exact value at this step, 4 standard errors (Student's t: 1e-3 for one of four)."""
    table = reference("onsager.entropy_production")
    noise = np.random.default_rng(7).integers(1, 2**63, (16, 4), dtype=np.uint64)
    for turning, limit in zip(table.column("turning"), table.column("production"), strict=True):
        model = OnsagerPair(turning=turning, time_step=0.02, duration=1000.0, diffusion=3.0)
        out = model.simulate(STREAM, noise)
        exact = theory.pair_production(turning, 1.0, 0.02)
        error = out["entropy_production"].std(ddof=1) / 4
        assert abs(out["entropy_production"].mean() - exact) < 4 * error
        assert theory.pair_production(turning, 1.0) == pytest.approx(limit)
        assert out["variance"].mean() == pytest.approx(exact / limit, rel=0.03)
        assert (out["converged"] == (0.02 * (1 + turning**2) / 2 < 0.05)).all()


def test_a_symmetric_tensor_produces_nothing() -> None:
    """At rest Σ ½(f + f')·Δq is a difference of κ|q|²/2: what is left is the ends', 2/duration in size."""
    noise = np.random.default_rng(7).integers(1, 2**63, (64, 4), dtype=np.uint64)
    out = OnsagerPair(turning=0.0, duration=200.0).simulate(STREAM, noise)["entropy_production"]
    assert abs(out.mean()) < 4 * out.std(ddof=1) / 8
    assert abs(out).max() < 10 / 200
