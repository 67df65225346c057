"""Strings in a curved plane: the geodesic, order and exponent, energy, theory for small strings, what is refused."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from isinglass import InputError
from isinglass.catalog import reference
from isinglass.kernels import stencils
from isinglass.models.curved_string import CurvedString
from isinglass.theory import curved_string as theory

STREAM, *NOISE = np.random.default_rng(3).integers(1, 2**63, (2, 4), dtype=np.uint64)
CIRCLE = (math.pi / 4, 0.0, -math.pi / 2)
SHAPE = (0.4, 0.7, 2.0)


def look(model: CurvedString) -> dict[str, float]:
    return {name: float(x[0]) for name, x in model.simulate(STREAM, np.array(NOISE)).items()}


def test_the_prototypes_departures() -> None:
    """All five, to their two digits."""
    table = reference("string.departure")
    for size, expected in zip(table.column("size"), table.column("departure"), strict=True):
        out = look(CurvedString(size=size, shape="circle"))
        assert out["departure"] == pytest.approx(expected, rel=0.036 if size == 1 else 0.013)
        assert out["converged"] == 1


@pytest.mark.parametrize("curvature", [-0.3, 0.2, 3.0])
def test_a_point_moves_on_the_geodesic(curvature: float) -> None:
    """By another integrator; and what symmetry conserves."""
    model = CurvedString(curvature=curvature, sites=256)
    y = model.start(SHAPE, 1)

    def conserved(y: np.ndarray) -> tuple[float, float]:
        metric = 1 + 2 * curvature * math.exp(-(y[0] ** 2 + y[1] ** 2) / 2)
        return metric * (y[2] ** 2 + y[3] ** 2), metric * (y[0] * y[3] - y[1] * y[2])

    before = conserved(y[:, 0])
    assert stencils.string_run(y, curvature, 1.0, 8.0 / 1000, 1000) == 0
    assert y[:, 0] == pytest.approx(theory.geodesic(model), abs=1e-7)
    assert conserved(y[:, 0]) == pytest.approx(before, rel=1e-8)


@pytest.mark.parametrize("motion", ["standing", "travelling"])
@pytest.mark.parametrize("mode", [1, 3])
def test_small_strings_depart_as_theory_says(motion: str, mode: int) -> None:
    """The vector C, order 2 in the spacing: slope of the error over a doubling of sites 2 +- 0.1."""
    model = CurvedString(size=1e-3, mode=mode, motion=motion, sites=64 * mode)
    exact = theory.departure(model, *SHAPE)
    error = [np.hypot(*(model.run(SHAPE, n * mode)[0] / 1e-6 - exact)) for n in (64, 128)]
    assert math.log2(error[0] / error[1]) == pytest.approx(2, abs=0.1)
    assert error[1] < 0.02 * np.hypot(*exact) * mode


def test_orders_of_energy_and_centre() -> None:
    """A large string against four times the sites: 2 +- 0.1 each; `discretisation` is its error within 10 %."""
    model = CurvedString(size=0.5, curvature=0.5)
    ends, drifts = zip(*(model.run(SHAPE, n)[:2] for n in (32, 64, 128, 512)), strict=True)
    errors = [np.hypot(*(end - ends[3])) for end in ends[:3]]
    assert math.log2(errors[1] / errors[2]) == pytest.approx(2, abs=0.1)
    assert math.log2(drifts[0] / drifts[2]) == pytest.approx(4, abs=0.2)
    change = np.hypot(*(ends[1] - ends[0])) / 3
    assert change == pytest.approx(errors[1], rel=0.1)


def test_the_departure_is_quadratic_in_size() -> None:
    """Exponent 2 +- 0.005 between 0.01 and 0.1, at three curvatures."""
    for curvature in (0.05, 0.2, 0.8):
        one, other = (look(CurvedString(size=a, curvature=curvature))["departure"] for a in (0.01, 0.1))
        assert math.log10(other / one) == pytest.approx(2, abs=0.005)


def test_the_mean_over_shapes() -> None:
    """By four shapes, against the mean of nine."""
    model = CurvedString(motion="travelling", duration=4.0)
    chi, lags = (np.arange(3) + 0.5) * np.pi / 6, np.arange(3) * 2 * np.pi / 3
    direct = [np.hypot(*theory.departure(model, c, 0.3, 0.3 - lag)) for c in chi for lag in lags]
    assert np.mean(direct) == pytest.approx(theory.mean_departure(model, 3), rel=1e-5)
    assert theory.mean_departure(dataclasses.replace(model, shape="circle")) == pytest.approx(
        np.hypot(*theory.departure(model, *CIRCLE))
    )


def test_what_is_reported() -> None:
    """Radius of a flat circle at rest, a|cos τ|; departure and its change with the sites, as computed."""
    assert look(CurvedString(curvature=0, size=0.5, shape="circle", duration=1.0))["radius"] == pytest.approx(
        0.5 * math.cos(1.0), rel=2e-3
    )
    model = CurvedString(size=0.2, shape="circle", motion="travelling")
    out = look(model)
    fine, drift, radius, _ = model.run(CIRCLE, 64)
    coarse = model.run(CIRCLE, 32)[0]
    assert out["departure"] == np.hypot(*fine)
    assert out["departure_per_square"] == pytest.approx(np.hypot(*fine) / 0.04)
    assert out["discretisation"] == pytest.approx(np.hypot(*(fine - coarse)) / 3)
    assert (out["energy_drift"], out["radius"]) == (drift, radius)


def test_flat_space_and_no_size() -> None:
    """Waves of a string in flat space leave its centre alone; a string of size 0 is a point."""
    assert look(CurvedString(curvature=0, size=1.0, motion="travelling"))["departure"] < 1e-13
    out = look(CurvedString(size=0))
    assert out["departure"] < 1e-14
    assert math.isnan(out["departure_per_square"])
    assert out["converged"] == 1
    assert math.isnan(look(CurvedString(size=1e-160))["departure_per_square"]), "rounding over nothing"


def test_a_travelling_wave_returns() -> None:
    """In flat space after a turn of 2π, at order 2: 8 times the sites, 64 times nearer."""
    errors = []
    for points in (64, 512):
        model = CurvedString(curvature=0, size=0.5, motion="travelling", speed=0, duration=2 * math.pi)
        y = model.start(SHAPE, points)
        before = y.copy()
        steps = model.steps(points)
        stencils.string_run(y, 0.0, 1.0, model.duration / steps, steps)
        errors.append(abs(y - before).max())
    assert math.log(errors[0] / errors[1]) / math.log(8) == pytest.approx(2, abs=0.1)


def test_what_diverges_is_flagged() -> None:
    """A steep hill between too few sites: values beyond 10^6, or energy from nowhere."""
    steep = CurvedString(
        curvature=100, width=0.05, size=1.0, speed=1, sites=64, duration=20, distance=1, impact=0.02, shape="circle"
    )
    out = look(dataclasses.replace(steep, sites=16))
    assert out["energy_drift"] > 0.1
    assert out["converged"] == 0
    out = look(steep)
    assert out["diverged"] == 1
    assert out["converged"] == 0
    assert math.isnan(out["departure"])


def test_random_shapes() -> None:
    """Polarisation by disorder, phases by noise, mean square `size`²; of a circle neither."""
    model = CurvedString(size=0.3)
    one, other = (
        model.draw(STREAM, stream) for stream in np.random.default_rng(1).integers(1, 2**63, (2, 4), np.uint64)
    )
    assert one[0] == other[0]
    assert one[1] != other[1]
    for motion in ("standing", "travelling"):
        y = dataclasses.replace(model, motion=motion).start(one, 64)
        assert ((y[0] + 3) ** 2 + (y[1] - 0.5) ** 2).mean() == pytest.approx(0.09)
        slope = (np.roll(y[:2], -1, 1) - np.roll(y[:2], 1, 1)) / (4 * np.pi / 64)
        expected = 0 if motion == "standing" else -slope
        assert y[2:] - [[0.7], [0.0]] == pytest.approx(expected + np.zeros((2, 64)), abs=0.001)
    assert dataclasses.replace(model, shape="circle").draw(STREAM, STREAM) == CIRCLE


def test_refusals() -> None:
    with pytest.raises(InputError, match=r"sites = 64 are 12\.8 for each of 5 waves: at least 80"):
        CurvedString(mode=5)
    with pytest.raises(InputError, match="lower one of them"):
        CurvedString(sites=8192, duration=1000)
    for extreme in (
        {"size": 1e-300},
        {"width": 100.0, "curvature": 1e-300},
        {"distance": 0.0, "impact": 0.0, "speed": 0.0},
    ):
        out = look(CurvedString(sites=16, **extreme))
        assert np.isfinite(out["departure"])
