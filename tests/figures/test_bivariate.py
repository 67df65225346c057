"""Two quantities in one map: colours that can be told apart by everybody, in the places of their values."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.collections import QuadMesh

from isinglass.exceptions import InputError
from isinglass.figures import BivariateMap
from isinglass.figures.bivariate import LIGHTNESS, colours

# Linear sRGB as seen without red or green cones: Machado, Oliveira and Fernandes 2009, severity 1 (IEEE TVCG 15, 1291)
EYES = {
    "common": np.eye(3),
    "protanope": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranope": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
# linear sRGB to cone responses, and their cube roots to OKLab (Ottosson 2020)
CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
NOTICED = 0.02
"""A difference in OKLab that is just noticed."""


def seen(steps: int, eye: str) -> np.ndarray:
    """OKLab (second, first, 3) of a square of colours, as an eye sees it."""
    u, v = np.meshgrid(np.linspace(0, 1, steps), np.linspace(0, 1, steps))
    srgb = colours(u, v)
    assert ((srgb >= 0) & (srgb <= 1)).all()
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return np.cbrt(np.clip(linear @ EYES[eye].T, 0, 1) @ CONES.T) @ OKLAB.T


def test_lightness_is_the_second_quantity() -> None:
    lightness = seen(21, "common")[..., 0]
    expected = np.linspace(*LIGHTNESS, 21)[:, None]
    np.testing.assert_allclose(lightness, np.broadcast_to(expected, lightness.shape), atol=2e-6)


@pytest.mark.parametrize("eye", EYES)
def test_everybody_can_tell_them_apart(eye: str) -> None:
    square = seen(5, eye)
    assert (np.diff(square[..., 0], axis=0) > 0.1).all(), "lighter with the second, at every value of the first"
    corners = [square[i, j] for i, j in itertools.product((0, -1), repeat=2)]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(corners, 2)) > 8 * NOTICED
    for axis in (0, 1):
        assert np.linalg.norm(np.diff(square, axis=axis), axis=-1).min() > 1.8 * NOTICED
    assert (np.diff(square[..., 2], axis=1) > 0).all(), "from blue to yellow with the first"


def test_cells_have_the_colours_of_both(run) -> None:
    ds = run(status=lambda s: s.__setitem__((0, 0), 0))
    ds["memory_mean"] = ds.memory_mean + 0.6
    figure = BivariateMap(x="load", y="temperature", boundary="recall_overlap_boundary").draw(ds)
    ax, square = figure.axes[:2]
    (mesh,) = [c for c in ax.collections if isinstance(c, QuadMesh)]
    got = np.asarray(mesh.get_array()).reshape(9, 6, 4)
    first, second = (ds[f"{k}_mean"].transpose("temperature", "load").values for k in ("coherence", "memory"))
    there = np.isfinite(first)
    np.testing.assert_allclose(got[there][:, :3], colours(first, second)[there])
    assert (got[..., 3] == there).all()
    assert not got[0, 0, 3]
    assert square.get_xlabel() == r"coherence $\langle q \rangle$"
    assert square.get_ylabel() == r"memory $\langle I/H \rangle$"
    said = " ".join(text.get_text() for text in figure.texts)
    beyond = int((second > 1.01).sum())
    assert beyond > 3
    assert f"memory $\\langle I/H \\rangle$ {beyond} points" in said.replace("\n", " ")
    legend = [t.get_text() for a in figure.axes if a.get_legend() for t in a.get_legend().get_texts()]
    assert legend[-1] == "pending"
    assert legend[0].startswith("measured")
    with pytest.raises(InputError, match="did you mean 'coherence_mean'"):
        BivariateMap(x="load", y="temperature", quantities=("coherense_mean", "memory_mean")).draw(ds)


def test_boundaries_that_are_not_found_are_said(run):
    ds = run(status=lambda state: state[0].fill(0))
    figure = BivariateMap(x="load", y="temperature", boundary="recall_overlap_boundary").draw(ds)
    said = " ".join(text.get_text() for text in figure.texts).replace("\n", " ")
    assert "Boundary not found in 1 of 6 scans: incomplete 1." in said
    assert "on a grid of step 0.15" in said
