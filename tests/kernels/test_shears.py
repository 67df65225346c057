"""Shears: stencil and transpose, the field between Klein-Gordon and Dirac against whole matrices, leapfrog, packets."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from isinglass import catalog
from isinglass.kernels import shears

ANGLES = np.pi / 8 * np.arange(5)


def ring(n: int, here: float, right: float, left: float) -> np.ndarray:
    """The stencil as a matrix, by rows: site n takes `right` of its right neighbour."""
    out = here * np.eye(n)
    for i in range(n):
        out[i, (i + 1) % n] += right
        out[i, (i - 1) % n] += left
    return out


def stencil(mass: float, wilson: float) -> tuple[float, float, float]:
    return mass + wilson, 0.5 * (1 - wilson), -0.5 * (1 + wilson)


def matrices(n: int, mass: float, wilson: float) -> tuple[np.ndarray, np.ndarray]:
    """A and S = AᵀA of u and v together, (2N, 2N)."""
    q = ring(n, *stencil(mass, wilson))
    a = np.block([[np.zeros((n, n)), -q.T], [q, np.zeros((n, n))]])
    return a, a.T @ a


def run(state: np.ndarray, angle: float, mass: float, wilson: float, dt: float, steps: int, lam: float = 0.0) -> None:
    scratch = np.empty(state.shape[1])
    shears.klein_gordon_dirac(
        state, np.cos(angle), np.sin(angle), *stencil(mass, wilson), lam, dt, steps, scratch
    )  # fmt: skip


def propagator(n: int, angle: float, mass: float, wilson: float, dt: float) -> np.ndarray:
    """One step as a matrix (4N, 4N)."""
    columns = []
    for j in range(4 * n):
        state = np.zeros(4 * n)
        state[j] = 1.0
        state = state.reshape(4, n)
        run(state, angle, mass, wilson, dt, 1)
        columns.append(state.ravel())
    return np.array(columns).T


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("n", [2, 5])
def test_a_shear_adds_the_stencil(n: int, kind: type) -> None:
    rng = np.random.default_rng(1)
    x, y = (rng.normal(size=(2, n)) + (1j * rng.normal(size=(2, n)) if kind is complex else 0)).astype(kind)
    out = y.copy()
    shears.shear(x, 0.3, -0.7, 1.1, out)
    np.testing.assert_allclose(out, y + ring(n, 0.3, -0.7, 1.1) @ x, atol=1e-14)


@pytest.mark.parametrize("angle", ANGLES)
def test_second_order_and_canonical(angle: float) -> None:
    """Against the exponential of the whole matrix: errors fall by a slope of 2.00 ± 0.02; a step keeps the form."""
    n, mass, wilson = 8, 0.4, 0.6
    a, s = matrices(n, mass, wilson)
    zero, one, c, sn = np.zeros_like(a), np.eye(2 * n), np.cos(angle), np.sin(angle)
    flow = np.block([[sn * a, c * one], [-c * s, sn * a]])
    start = np.random.default_rng(2).normal(size=(4, n))
    exact, errors = expm(2.0 * flow) @ start.ravel(), []
    for steps in (40, 80, 160):
        state = start.copy()
        run(state, angle, mass, wilson, 2.0 / steps, steps)
        errors.append(np.linalg.norm(state.ravel() - exact))
    assert np.log2(np.array(errors[:-1]) / errors[1:]) == pytest.approx([2.0, 2.0], abs=0.02)
    form, step = np.block([[zero, one], [-one, zero]]), propagator(n, angle, mass, wilson, 0.3)
    np.testing.assert_allclose(step.T @ form @ step, form, atol=1e-13)


def test_learning_by_gradients_is_the_leapfrog() -> None:
    """Activation φ += β and learning β -= γ ∂H/∂φ of H = ½φᵀSφ, γ = h²: the Klein-Gordon end, to 1e-14 of |φ|.

    As an identity of three successive fields, and as a network run beside the kernel for 200 steps (1e-12).
    """
    n, h = 16, 0.3
    s = matrices(n, 0.3, 0.0)[1]
    state = np.random.default_rng(3).normal(size=(4, n))
    fields = [state[:2].ravel().copy()]
    for _ in range(201):
        run(state, 0.0, 0.3, 0.0, h, 1)
        fields.append(state[:2].ravel().copy())
    for before, now, after in zip(fields, fields[1:], fields[2:], strict=False):
        assert abs(after - 2 * now + before + h**2 * s @ now).max() < 1e-14 * abs(np.array(fields)).max()
    phi, beta = fields[1].copy(), fields[1] - fields[0]
    for after in fields[2:]:
        beta -= h**2 * (s @ phi)  # learning
        phi += beta  # activation
        np.testing.assert_allclose(phi, after, atol=1e-12)


def test_the_interaction_is_a_gradient_and_keeps_the_energy() -> None:
    """Energy drifts as h² (slope 2.0 ± 0.1); what `read` calls energy and squares is that of whole matrices."""
    n, angle, lam = 12, 0.5, 0.7
    a, s = matrices(n, 0.3, 1.0)
    start, out, drift = np.random.default_rng(4).normal(size=(4, n)), np.empty(shears.READINGS), []
    for h in (0.1, 0.05):
        state, energies = start.copy(), []
        for _ in range(round(20 / h)):
            run(state, angle, 0.3, 1.0, h, 1, lam)
            shears.read(state, start, np.cos(angle), np.sin(angle), *stencil(0.3, 1.0), lam, out)
            energies.append(out[3])
        drift.append(np.ptp(energies))
    assert np.log2(drift[0] / drift[1]) == pytest.approx(2.0, abs=0.1)
    assert drift[1] < 0.01 * abs(energies[0])
    phi, pi = state[:2].ravel(), state[2:].ravel()
    c, sn = np.cos(angle), np.sin(angle)
    energy = c * (0.5 * pi @ pi + 0.5 * phi @ s @ phi + 0.25 * lam * (phi**4).sum()) + sn * pi @ a @ phi
    force = -c * (s @ phi + lam * phi**3) + sn * a @ pi
    second = c * force + sn * a @ (c * pi + sn * a @ phi)
    expected = [
        phi @ phi, phi @ start[:2].ravel(), 2 * state[0] @ state[1], energy, ((second + s @ phi) ** 2).sum(),
        (s @ phi) @ (s @ phi),
        phi @ s @ phi, ((c * pi + (sn - 1) * a @ phi) ** 2).sum(),
    ]  # fmt: skip
    np.testing.assert_allclose(out, expected, rtol=1e-12)


def test_packets_go_at_sum_and_difference() -> None:
    """u = v, π = 0, m = r = 0: two packets, at sinθ ± cosθ to 0.01; N = 512, t = 150, smooth on 16 sites."""
    table = catalog.reference("kgdirac.packets")
    n, t, h = 512, 150.0, 0.1
    x = np.arange(n)
    for angle, low, high in zip(*(table.column(k) for k in ("angle", "low", "high")), strict=True):
        state = np.zeros((4, n))
        state[:2] = np.exp(-((x - n / 2) ** 2) / (2 * 16.0**2))
        run(state, angle, 0.0, 0.0, h, round(t / h))
        weight = (state[:2] ** 2).sum(axis=0)
        found = []
        for expected in (low, high):
            away = (x + expected * t) % n - n / 2  # T₊ looks to the right: packets go to the left
            near = abs(away) < 50
            found.append(expected - (away * weight)[near].sum() / weight[near].sum() / t)
        assert found == pytest.approx([low, high], abs=0.01), angle


def test_stability_edge() -> None:
    """Every step h E below 2 is stable; growth that lasts over 0.04 begins at the edge, in steps of 0.01."""
    table = catalog.reference("kgdirac.stability_edge")
    for angle, edge in zip(*(table.column(k) for k in ("angle", "edge")), strict=True):
        grid = np.arange(150, 250) / 100 if edge < 3 else np.arange(150, 450) / 100
        # every mode of a ring of 2 with right = left = 0 has E = 1
        growth = []
        for h in grid:
            step = np.array([_impulse(j, angle, h) for j in range(4)]).T
            growth.append(abs(np.linalg.eigvals(step)).max() - 1)
        grows = np.array(growth) > 1e-6
        assert not grows[grid < 2].any()
        lasting = [h for i, h in enumerate(grid[:-4]) if grows[i : i + 4].all()]
        assert lasting[0] == pytest.approx(edge, abs=0.015)


def _impulse(j: int, angle: float, h: float) -> np.ndarray:
    state = np.zeros((4, 2))
    state[j, 0] = 1.0
    shears.klein_gordon_dirac(state, np.cos(angle), np.sin(angle), 1.0, 0.0, 0.0, 0.0, h, 1, np.empty(2))
    return state[:, 0].copy()


@pytest.mark.parametrize("here_right_left", [(0.0, 0.5, -0.5), (1.0, -0.5, -0.5), (0.2, 0.7, -0.4)])
def test_activation_and_learning_of_a_factor(here_right_left: tuple[float, float, float]) -> None:
    """φ̇ = Wβ, β̇ = -Wφ of a whole matrix, second order (slope 2.00 ± 0.02)."""
    n, upper, lower, mass = 6, 0.9, -0.3, 0.4
    d = ring(n, *here_right_left)
    w = np.kron([[0, upper], [lower, 0]], d) + np.kron(np.diag([mass, -mass]), np.eye(n))
    start, errors = np.random.default_rng(5).normal(size=(2, 2, n)), []
    exact = expm(2.0 * np.block([[np.zeros_like(w), w], [-w, np.zeros_like(w)]])) @ start.ravel()
    for steps in (100, 200):
        state = start.copy()
        shears.activate_and_learn(state[0], state[1], upper, lower, mass, *here_right_left, 2.0 / steps, steps)
        errors.append(np.linalg.norm(state.ravel() - exact))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2.0, abs=0.02)
