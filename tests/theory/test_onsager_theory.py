"""The nonlinear identity of curvature and Onsager form, and what singles out Einstein-Hilbert."""

from __future__ import annotations

import numpy as np
import pytest

from isinglass.catalog import reference
from isinglass.theory import onsager as theory

IDENTITY = (-0.25, 0.25, 0.0, -0.5, 0.5)
WRONG = (-0.25, 0.25, 0.5, -0.5, 0.0)
"""With A3 for A5."""


@pytest.mark.parametrize("seed", [1, 2])
def test_the_action_is_the_onsager_form(seed: int) -> None:
    """√g R by Christoffel symbols, at random metrics in D = 3: 8 decimals and better; A3 in place of A5 fails."""
    g = theory.random_metric(3, 20, seed)
    action = theory.curvature_action(g)
    assert abs(action) > 1e-3
    assert theory.onsager_action(g, IDENTITY) == pytest.approx(action, abs=5e-9)
    assert abs(theory.onsager_action(g, WRONG) - action) > 1e-4


def test_two_dimensions_are_topological() -> None:
    g = theory.random_metric(2, 24, 1)
    assert abs(theory.curvature_action(g)) < 1e-14
    assert abs(theory.onsager_action(g, IDENTITY)) < 1e-14


def test_a_conformally_flat_metric_has_a_known_curvature() -> None:
    """g = e^{2f}, D = 3: √g R = -e^f (4 Δf + 2 |∂f|²), in the mean 2 e^f |∂f|²; f = 0.2 cos x."""
    x = 2 * np.pi * np.arange(32) / 32
    f = 0.2 * np.cos(x)
    exact = (2 * np.exp(f) * (0.2 * np.sin(x)) ** 2).mean()
    cube = np.exp(2 * f)[None, None, :, None, None] * np.eye(3)[:, :, None, None, None] * np.ones((1, 1, 32, 32, 32))
    assert theory.curvature_action(cube) == pytest.approx(exact, rel=1e-12)


def test_signature_and_defect() -> None:
    table = reference("onsager.signature")
    for dimensions in (3, 4):
        found = theory.eigenvalues(dimensions, theory.EINSTEIN_HILBERT)
        rows = zip(table.column("dimensions"), table.column("eigenvalue"), table.column("number"), strict=True)
        exact = np.concatenate([np.full(int(n), e) for d, e, n in rows if d == dimensions])
        assert found == pytest.approx(exact, abs=1e-14)
        assert theory.defect(dimensions, theory.EINSTEIN_HILBERT) < 1e-15
    assert theory.eigenvalues(2, theory.EINSTEIN_HILBERT) == pytest.approx(np.zeros(3), abs=1e-15)
    assert np.isnan(theory.defect(2, theory.EINSTEIN_HILBERT))
    known = reference("onsager.defect")
    for ratio, exact in zip(known.column("mixed_ratio"), known.column("defect"), strict=True):
        assert theory.defect(4, (0.25, -0.25, -0.5, 0.5 * ratio)) == pytest.approx(exact, abs=6e-4)


def test_einstein_hilbert_is_the_only_invariant_form() -> None:
    """The linear map (c1, c2, c35, c4) → B G at random k has a null space of one dimension, along Einstein-Hilbert."""
    for dimensions in (3, 4):
        k = np.random.default_rng(dimensions).normal(size=dimensions)
        columns = [(theory.form(k, w) @ theory.gauge(k)).ravel() for w in np.eye(4)]
        _, singular, rows = np.linalg.svd(np.array(columns).T, full_matrices=True)
        assert singular[2] > 1e-2
        assert singular[3] < 1e-12
        assert abs(rows[3] @ theory.EINSTEIN_HILBERT) == pytest.approx(np.linalg.norm(theory.EINSTEIN_HILBERT))


def test_the_second_law_and_invariance_exclude_each_other() -> None:
    """Of 4000 random forms in D = 3 none that is lawful has a smaller defect than the trace-free one."""
    rng = np.random.default_rng(5)
    best = theory.defect(3, theory.trace_free(3))
    assert best == pytest.approx(np.sqrt(1 / 34))
    assert theory.eigenvalues(3, theory.trace_free(3))[0] == pytest.approx(0, abs=1e-15)
    found = []
    for ratios in rng.uniform(-1, 2, (4000, 3)):
        weights = np.array([1, *ratios]) * theory.EINSTEIN_HILBERT
        if theory.eigenvalues(3, weights)[0] >= 0:
            found.append(theory.defect(3, weights))
    assert len(found) > 100
    assert min(found) > best
