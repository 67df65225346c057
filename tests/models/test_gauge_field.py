"""Local U(1): invariance on the diagonal to rounding, the ring's spectrum, conserved quantities to second order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from isinglass import InputError, catalog
from isinglass.kernels import gauge, shears
from isinglass.models import gauge_field
from isinglass.models.gauge_field import GaugeField
from isinglass.theory import gauge as theory

RANDOM = np.random.default_rng(5).integers(1, 2**63, (20, 4), dtype=np.uint64)
FIELDS = pytest.mark.parametrize("field", ["dirac", "klein_gordon"])


def one(model: GaugeField, sample: int = 0) -> dict[str, float]:
    out = model.simulate(RANDOM[sample], RANDOM[10 + sample : 11 + sample])
    return {name: float(value[0]) for name, value in out.items()}


# ---------------------------------------------------------------- covariance


@FIELDS
@pytest.mark.parametrize("share", [0.5, 1.0, -2.0])
@pytest.mark.parametrize(("drive", "amplitude"), [("smooth", 1.0), ("white", 3.0)])
def test_invariance_on_the_diagonal(field: str, share: float, drive: str, amplitude: float) -> None:
    """Density and current to 1e-13, the state in the compensated frame too, for white noise of 3 rad as well."""
    model = GaugeField(field=field, weight_share=share, bias_share=share, drive=drive, amplitude=amplitude)
    out = one(model)
    assert out["density_violation"] < 1e-13
    assert out["current_violation"] < 1e-13
    assert out["frame_overlap"] == pytest.approx(1, abs=1e-13)
    rest = one(replace(model, weight_share=0.0, bias_share=0.0))
    assert rest["density_violation"] == 0
    assert out["link_coherence"] == pytest.approx(rest["link_coherence"], abs=1e-12)
    assert out["raw_overlap"] == pytest.approx(rest["raw_overlap"], abs=1e-12)


@FIELDS
def test_violation_off_the_diagonal(field: str) -> None:
    """Above 1e-2 a quarter off, and a function of λ_b - λ_w alone: the rest is a change of gauge."""
    model = GaugeField(field=field)
    for weights, biases in ((0.0, 0.25), (1.0, 0.75), (0.0, 1.0), (1.0, 0.0)):
        out = one(replace(model, weight_share=weights, bias_share=biases))
        assert out["density_violation"] > 1e-2
        same = one(replace(model, weight_share=weights + 0.5, bias_share=biases + 0.5))
        assert same["density_violation"] == pytest.approx(out["density_violation"], rel=1e-10)
        assert same["frame_overlap"] == pytest.approx(out["frame_overlap"], abs=1e-10)
    near, far = (one(replace(model, bias_share=share))["current_violation"] for share in (0.001, 0.002))
    assert far / near == pytest.approx(2, abs=0.02)  # first order in the field strength


def test_invariance_where_links_learn() -> None:
    """To 1e-11: the equations are not linear then, and rounding grows."""
    out = one(GaugeField(weight_share=1.0, bias_share=1.0, link_coupling=0.3))
    assert 0 < out["density_violation"] < 1e-11
    assert one(GaugeField(weight_share=1.0, link_coupling=0.3))["density_violation"] > 1e-2


# ---------------------------------------------------------------- the ring


@FIELDS
def test_spectrum_of_the_ring(field: str) -> None:
    """ω of waves q = -2 to 3 at nine fluxes to 1e-4, h = 0.05; the lowest are the card's, and periodic."""
    table = catalog.reference("gauge.ring")
    for flux in np.linspace(0, 2 * np.pi, 9):
        found = [one(GaugeField(field=field, sites=32, flux=flux, wave=q, time_step=0.05, steps=1))["frequency"]
                 for q in range(-2, 4)]  # fmt: skip
        assert found == pytest.approx(theory.frequency(flux, np.arange(-2, 4), 32, 0.3), abs=1e-4)
        assert min(found) == pytest.approx(theory.lowest(flux, 32, 0.3), abs=1e-4)
        turn = round(flux / (2 * np.pi), 9)
        if turn in table.column("flux"):
            assert min(found) == pytest.approx(table.column("frequency")[table.column("flux").index(turn)], abs=1e-6)


# ---------------------------------------------------------------- the kernel


def random_fields(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(9)
    x, y = rng.normal(size=(2, n)) + 1j * rng.normal(size=(2, n))
    return x, y, rng.normal(size=n)


def generator(dirac: bool, links: np.ndarray, mass: float) -> np.ndarray:
    """d/dt of (x, y) as a matrix (2N, 2N)."""
    n = links.size
    q = (mass + 1) * np.eye(n, dtype=complex)
    q[np.arange(n), np.arange(n) - 1] -= links
    zero = np.zeros((n, n))
    if dirac:
        return np.block([[zero, -q.conj().T], [q, zero]])
    return np.block([[zero, np.eye(n)], [-q.conj().T @ q, zero]])


@pytest.mark.parametrize("dirac", [True, False])
def test_steps_against_the_matrix_exponential(dirac: bool) -> None:
    """Any links, N = 6: the error of a run falls with slope 2."""
    from scipy.linalg import expm

    x, y, phase = random_fields(6)
    links = np.exp(1j * phase)
    exact = expm(2.0 * generator(dirac, links, 0.4)) @ np.concatenate([x, y])
    errors = []
    for steps in (40, 80, 160):
        a, b = x.copy(), y.copy()
        for _ in range(steps):
            gauge.turn(dirac, a, b, links, 0.4, 2.0 / steps, np.empty(6, complex))
        errors.append(np.linalg.norm(np.concatenate([a, b]) - exact))
    assert np.log2(errors[0] / errors[2]) / 2 == pytest.approx(2, abs=0.02)


def test_without_links_it_is_the_shear_kernel() -> None:
    x, y, _ = random_fields(16)
    a, b = x.copy(), y.copy()
    for _ in range(50):
        shears.turn(x, y, 1.3, 0.0, -1.0, 0.1)
        gauge.turn(True, a, b, np.ones(16, complex), 0.3, 0.1, np.empty(16, complex))
    assert a == pytest.approx(x, abs=1e-13)
    assert b == pytest.approx(y, abs=1e-13)


@pytest.mark.parametrize("dirac", [True, False])
def test_continuity_and_the_force_on_links(dirac: bool) -> None:
    """dρ_n/dt = J_n - J_{n+1}, and the current of Dirac is -∂H/∂A: by finite differences."""
    n, mass = 7, 0.4
    x, y, phase = random_fields(n)
    links = np.exp(1j * phase)
    flow, rho, scratch = np.empty(n), np.empty((2, n)), np.empty(n, complex)
    gauge.current(dirac, x, y, links, mass, flow)
    slope = generator(dirac, links, mass) @ np.concatenate([x, y])
    for k, step in enumerate((1e-6, -1e-6)):
        gauge.density(dirac, x + step * slope[:n], y + step * slope[n:], rho[k])
    assert (rho[0] - rho[1]) / 2e-6 == pytest.approx(flow - np.roll(flow, -1), abs=1e-7)
    if dirac:
        for i in range(n):
            turned = [np.exp(1j * (phase + step * np.eye(n)[i])) for step in (1e-6, -1e-6)]
            up, down = (gauge.energy(True, x, y, u, mass, scratch)[0] for u in turned)
            assert -(up - down) / 2e-6 == pytest.approx(flow[i], abs=1e-7)


def test_the_phase_is_that_of_the_end_of_a_step() -> None:
    """After 7 steps α is that of t = 7h, and fields at rest have been turned by it."""
    n, waves, rates = 5, np.random.default_rng(1).normal(size=(2, 5)), np.array([[0.7, 0.3], [1.1, 2.0]])
    x, y, phase, nothing = np.ones(n, complex), np.zeros(n, complex), np.zeros(n), np.zeros(n)
    stream, scratch = np.zeros(4, np.uint64), np.empty((2, n), complex)
    gauge.evolve(
        False, x, y, nothing, nothing, phase, waves, rates, 0.0, 1.0, 1.0, 0.0, 0.0, 0.1, 0, 7, stream, scratch
    )
    alpha = (np.sin(0.7 * rates[:, 0] + rates[:, 1]) - np.sin(rates[:, 1])) @ waves
    assert phase == pytest.approx(alpha, abs=1e-14)
    assert x == pytest.approx(np.exp(1j * alpha), abs=1e-13)


@pytest.mark.parametrize("sites", [4, 6, 8, 9, 32])
def test_klein_gordon_starts_with_charge_of_one_sign(sites: int) -> None:
    """p = iEφ of every wave, E of the ring at rest, in small rings too."""
    x, y = GaugeField(field="klein_gordon", sites=sites)._initial(RANDOM[0].copy())
    e = theory.frequency(0.0, np.arange(sites), sites, 0.3)
    np.testing.assert_allclose(np.fft.fft(y), 1j * e * np.fft.fft(x), atol=1e-12)


@FIELDS
def test_motion_is_that_of_the_matrix_exponential(field: str) -> None:
    """How far the density moves without α in t = 2, h = 0.005, at one time: 1e-4."""
    from scipy.linalg import expm

    model = GaugeField(field=field, sites=12, flux=0.7, weight_share=1.0, time_step=0.005, steps=400, records=1)
    start = model._initial(RANDOM[0].copy())
    links = np.full(12, np.exp(0.7j / 12))
    end = (expm(2.0 * generator(field == "dirac", links, 0.3)) @ start.ravel()).reshape(2, 12)
    before, after = np.empty((2, 12))
    gauge.density(field == "dirac", *start, before)
    gauge.density(field == "dirac", *end, after)
    assert one(model)["motion"] == pytest.approx(abs(after - before).sum() / abs(before).sum(), abs=1e-4)


def test_second_order_of_what_is_conserved() -> None:
    """Dirac's charge; energy and Gauss's law where links learn: slopes 2 from h = 0.1 to 0.025."""
    found = {}
    for step in (0.1, 0.025):
        kept = GaugeField(time_step=step, steps=round(10 / step))
        learning = one(replace(kept, link_coupling=0.3))
        found[step] = one(kept)["charge_drift"], learning["energy_drift"], learning["gauss_violation"]
        assert learning["converged"]
    slopes = np.log(np.divide(found[0.1], found[0.025])) / np.log(4)
    assert slopes == pytest.approx([2, 2, 2], abs=0.1)
    assert one(GaugeField(field="klein_gordon", weight_share=1.0))["charge_drift"] < 1e-13


# ---------------------------------------------------------------- flags and refusals


def test_what_diverged_is_flagged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauge_field, "DIVERGED", 0.1)
    out = one(GaugeField(weight_share=1.0))
    assert (out["diverged"], out["converged"]) == (1, 0)
    assert np.isnan(out["density_violation"])
    coarse = one(GaugeField(link_coupling=1.0, time_step=0.1))
    assert not coarse["converged"]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"time_step": 0.9}, "is 2 or more"),
        ({"rate": 10.0}, "turns α by more than 0.5 rad"),
        ({"link_coupling": 0.1, "field": "klein_gordon"}, "only links of dirac learn"),
        ({"link_coupling": 5.0}, "more than 0.1"),
        ({"link_coupling": 1e-300}, "lost in rounding"),
        ({"steps": 10**8, "sites": 2**16}, "more than 1e11"),
        ({"mass": 1e300}, "above its maximum"),
    ],
)
def test_what_is_refused(values: dict[str, float], told: str) -> None:
    with pytest.raises(InputError, match=told):
        GaugeField(**values)
