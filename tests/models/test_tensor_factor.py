"""The factor of the weights between symmetric and antisymmetric: spectra, the truth table, growth, refusals."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from isinglass import catalog
from isinglass.exceptions import InputError
from isinglass.models.tensor_factor import STENCILS, TensorFactor
from isinglass.theory import lattice_fields as theory

STREAM = np.random.default_rng(1).integers(1, 2**63, 4, dtype=np.uint64)
NOISE = np.random.default_rng(2).integers(1, 2**63, (2, 4), dtype=np.uint64)


@pytest.mark.parametrize("weights", ["raw", "gradient"])
@pytest.mark.parametrize("hopping", ["odd", "even"])
def test_spectra_are_those_of_theory(weights: str, hopping: str) -> None:
    """ω² of every mode of nine θ, within 1e-4 (h = 0.005)."""
    for angle in np.linspace(0, np.pi / 2, 9):
        model = TensorFactor(angle=angle, weights=weights, hopping=hopping, time_step=0.005, modes=33, steps=8)
        found = model.simulate(STREAM, NOISE[:1])["squared_frequency"][0]
        exact = theory.squared_frequency(model.coords()["mode"][0], angle, 0.3, weights, hopping)
        assert abs(found - exact).max() < 1e-4


def test_spectra_of_the_reference() -> None:
    """At sin k = 0.5556 (k = 6 of 64), m = 0.3: ends of ω² to 1e-4, growth at four θ to 1e-4."""
    table = catalog.reference("tensor_factor.growth")
    for angle, growth in zip(table.column("angle"), table.column("growth"), strict=True):
        model = TensorFactor(angle=angle, time_step=0.01, modes=33)
        assert np.sqrt(max(0.0, -model.simulate(STREAM, NOISE[:1])["squared_frequency"][0][6])) == pytest.approx(
            growth, abs=1e-4
        )
    ends = catalog.reference("tensor_factor.ends").value
    for weights in ("raw", "gradient"):
        found = [
            TensorFactor(angle=a, weights=weights, time_step=0.01, modes=33).simulate(STREAM, NOISE[:1])[
                "squared_frequency"
            ][0][6]
            for a in (0, np.pi / 2)
        ]
        assert found == pytest.approx(ends[weights], abs=1e-4)


def test_the_truth_table() -> None:
    """Learning by gradients, m = 0.3, ω at 4, 6 and 8 turns of 64: only antisymmetric x odd and symmetric x even
    propagate, the others stay at m; the table to 1e-4. Raw weights, symmetric x odd: a tachyon that grows at 0.468.
    """  # fmt: skip
    table = catalog.reference("tensor_factor.truth_table")
    cases = {
        "symmetric_odd": (0.0, "odd"), "symmetric_even": (0.0, "even"),
        "antisymmetric_odd": (np.pi / 2, "odd"), "antisymmetric_even": (np.pi / 2, "even"),
    }  # fmt: skip
    for name, (angle, hopping) in cases.items():
        model = TensorFactor(angle=angle, hopping=hopping, weights="gradient", time_step=0.01, modes=33)
        out = model.simulate(STREAM, NOISE[:1])
        assert np.sqrt(out["squared_frequency"][0][[4, 6, 8]]) == pytest.approx(table.column(name), abs=1e-4)
        assert out["growth_rate"][0] < 1e-6
        assert (out["light_speed_squared"][0] > 0.99) == (name in ("symmetric_even", "antisymmetric_odd"))
    raw = TensorFactor(angle=0.0, weights="raw", time_step=0.01, modes=33).simulate(STREAM, NOISE[:1])
    assert np.sqrt(-raw["squared_frequency"][0][6]) == pytest.approx(0.468, abs=5e-4)


@pytest.mark.parametrize("hopping", ["odd", "even"])
def test_a_gradient_sees_the_symmetric_part(hopping: str) -> None:
    """The factor that acts is that of the gradient of ½φᵀWφ, by differences of the loss itself; W is not symmetric."""
    n, angle, mass = 6, 0.5, 0.3
    model = TensorFactor(sites=n, angle=angle, mass=mass, hopping=hopping, weights="gradient")
    eye = np.eye(n)
    here, right, left = STENCILS[hopping]
    d = here * eye + right * np.roll(eye, 1, axis=1) + left * np.roll(eye, -1, axis=1)
    sigma = np.array([[0, np.cos(angle) + np.sin(angle)], [np.cos(angle) - np.sin(angle), 0]])
    w = np.kron(sigma, d) + np.kron(np.diag([mass, -mass]), eye)
    x = np.random.default_rng(3).normal(size=2 * n)
    step = np.eye(2 * n) * 1e-4
    gradient = [((x + e) @ w @ (x + e) - (x - e) @ w @ (x - e)) / (4 * 1e-4) for e in step]
    upper, lower = model.factor
    acts = np.kron([[0, upper], [lower, 0]], d) + np.kron(np.diag([mass, -mass]), eye)
    np.testing.assert_allclose(acts @ x, gradient, atol=1e-8)
    assert abs(w - w.T).max() > 0.1


def test_growth_of_a_random_state() -> None:
    """It grows as its fastest mode, less what others do at finite time (0.05), diverges, and is said to; else not."""
    model = TensorFactor(angle=0.2, steps=4000, time_step=0.01)
    out = model.simulate(STREAM, NOISE)
    exact = np.sqrt(np.cos(0.4) - 0.09)
    assert out["growth_rate"][0] == pytest.approx(exact, abs=1e-3)
    assert out["observed_growth"][0] == pytest.approx(exact, abs=0.05)
    assert (out["diverged"] == 1).all()
    assert out["converged"][0] == 1
    assert out["observed_growth"][0] != out["observed_growth"][1], "β is drawn from noise"
    assert out["growth_rate"][0] == out["growth_rate"][1]
    quiet = dataclasses.replace(model, angle=1.2).simulate(STREAM, NOISE)
    assert quiet["diverged"][0] == 0
    assert abs(quiet["observed_growth"][0]) < 0.02


def test_the_signature_changes_at_a_quarter() -> None:
    """c² = -cos2θ, raw: below 0, 0 and above, to 1e-3; growth ends where cos2θ = (m/sin k)²."""
    found = [TensorFactor(angle=a).simulate(STREAM, NOISE[:1]) for a in (0.5, np.pi / 4, 1.0)]
    assert [f["light_speed_squared"][0] for f in found] == pytest.approx([-np.cos(1.0), 0, -np.cos(2.0)], abs=1e-3)
    edge = float(theory.signature_line(0.5))
    below, above = (
        TensorFactor(angle=0.5, mass=edge * f).simulate(STREAM, NOISE[:1])["growth_rate"][0] for f in (0.98, 1.02)
    )
    assert below > 0.1
    assert above < 1e-6


def test_what_is_refused() -> None:
    with pytest.raises(InputError, match="would grow without bound"):
        TensorFactor(mass=1.0, time_step=1.5)
    with pytest.raises(InputError, match="lower one of them"):
        TensorFactor(steps=2**40)
    with pytest.raises(InputError, match="lower modes or sites"):
        TensorFactor(sites=2**20, modes=2**16, steps=8)
    blind = TensorFactor(modes=2, steps=8).simulate(STREAM, NOISE[:1])
    assert np.isnan(blind["light_speed_squared"][0]), "k = 0 and π both do not hop"
    one = TensorFactor(angle=0.0, hopping="odd", time_step=0.9, steps=10**5, mass=0.0)
    out = one.simulate(STREAM, NOISE[:1])
    assert (out["diverged"][0], out["converged"][0]) == (1, 0)
    assert np.isnan(out["observed_growth"][0]), "too short a stretch for a rate"
