"""Own patterns in the Hopfield model, and the shipped example of correlated ones."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np
import pytest
import rig

import isinglass
from isinglass import InputError, Workflow, load_workflow
from isinglass.kernels import streams
from isinglass.models.hopfield import Hopfield, store
from isinglass.theory import crosstalk

pytestmark = pytest.mark.usefixtures("home")


def stream(*name: object) -> np.ndarray:
    return np.frombuffer(hashlib.blake2b(repr(name).encode(), digest_size=32).digest(), dtype=np.uint64)


def signs(rows: int, neurons: int, *name: object, correlation: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng([rows, neurons, *map(int, name)])
    template = rng.integers(0, 2, neurons) * 2 - 1
    return np.where(rng.random((rows, neurons)) < (1 - math.sqrt(correlation)) / 2, -template, template)


def test_random_patterns_are_what_they_were() -> None:
    """Known answers from before the model took own patterns: the first signs of a sample, and one recall."""
    digest = bytes.fromhex("5ceb5931e4e093e89c92a51bcaeaa62eef68e5ec0e122f196e44f464d1ecf66e")
    disorder = np.frombuffer(digest, "<u8").astype(np.uint64)
    _, xi, _ = store(disorder, 1000, 50)
    assert hashlib.blake2b(xi.tobytes(), digest_size=8).hexdigest() == "98d878d425747838"
    model = Hopfield(neurons=200, load=0.1, temperature=0.3, cue=0.7, equilibration=5, steps=10)
    out = model.simulate(disorder, np.stack([stream(0), stream(1)]))
    text = b"".join(name.encode() + np.asarray(out[name]).tobytes() for name in sorted(out))
    assert hashlib.blake2b(text, digest_size=8).hexdigest() == "120d4549cfa5724e"


def test_which_rows_are_stored() -> None:
    """A partial Fisher-Yates shuffle of the rows by the disorder's stream; the first two drawn are the messages."""
    own = Hopfield(neurons=40, patterns=signs(9, 40)).patterns
    drawn = np.zeros((9, 9))
    for k in range(400):
        rows, copy = list(range(9)), stream(k).copy()
        for i in range(5):
            j = i + streams.below(copy, 9 - i)
            rows[i], rows[j] = rows[j], rows[i]
        couplings, xi, _ = store(stream(k), 40, 5, own)
        assert np.array_equal(xi, own.values[rows[:5]])
        wanted = xi.T.astype(int) @ xi
        np.fill_diagonal(wanted, 0)
        assert np.array_equal(couplings[:, :40], wanted)
        drawn[np.arange(5), rows[:5]] += 1
    # each row comes first equally often: χ² with 8 degrees of freedom, false alarm 1e-4 each
    expected = 400 / 9
    assert (((drawn[:2] - expected) ** 2 / expected).sum(axis=1) < 31.8).all()


def test_a_batch_tells_arrays_apart() -> None:
    """Two arrays may meet the same stream, outside of the engine."""
    models = [Hopfield(neurons=64, load=0.05, temperature=0.5, patterns=signs(5, 64, k)) for k in range(2)]
    streams_ = np.stack([stream(0)] * 2)
    together = Hopfield.simulate_batch(models, streams_, streams_[:, None])
    for k, model in enumerate(models):
        alone = model.simulate(streams_[k], streams_[k][None])
        assert all(np.array_equal(together[name][k], alone[name], equal_nan=True) for name in alone)
    assert together["energy"][0] != together["energy"][1]


def test_one_step_is_that_of_numpy() -> None:
    """T = 0, parallel, from the pattern: the overlap after one step from the fields, to rounding."""
    xi = signs(60, 100, 1, correlation=0.1)
    model = Hopfield(
        neurons=100, load=0.2, temperature=0.0, dynamics="parallel", equilibration=0, steps=2, copies=1, patterns=xi
    )
    for k in range(20):
        out = model.simulate(stream(k), stream("noise")[None])
        _, stored, _ = store(stream(k), 100, 20, model.patterns)
        couplings = stored.T.astype(int) @ stored
        np.fill_diagonal(couplings, 0)
        fields = couplings @ stored[0]
        after = np.where(fields == 0, stored[0], np.sign(fields))
        found = 2 * out["recall_overlap"][0] - out["final_overlap"][0]
        assert found == pytest.approx(after @ stored[0] / 100, abs=1e-12)


@pytest.mark.parametrize(("correlation", "patterns"), [(0.0, 20), (0.05, 10), (0.1, 10), (0.1, 20)])
def test_correlated_patterns_against_the_exact_expectation(correlation: float, patterns: int, home: Path) -> None:
    """400 arrays of N = 100 as one axis, one sample each, so that samples are independent; 4 standard errors.

    False alarm 6e-5 each. Through the engine: the arrays are an axis of the sweep.
    """
    every = {f"{k}": signs(patterns + 3, 100, k, 100 * correlation, correlation=correlation) for k in range(400)}
    workflow = Workflow(
        model=Hopfield,
        axes={"patterns": every},
        fixed={
            "neurons": 100, "load": patterns / 100, "temperature": 0.0, "dynamics": "parallel", "equilibration": 0,
            "steps": 2, "copies": 1,
        },
        seed=3,
    )  # fmt: skip
    rig.run(workflow, home / "run", block={"patterns": 400})
    ds = rig.data(home / "run")
    after = (2 * ds.recall_overlap - ds.final_overlap).values.ravel()
    wanted = crosstalk.exact_one_step_overlap(100, patterns, correlation)
    assert abs(after.mean() - wanted) < 4 * after.std(ddof=1) / math.sqrt(after.size)
    assert after.std() > 0


@pytest.mark.parametrize(
    ("given", "needle"),
    [
        ({"neurons": 40}, "have 30 neurons, and neurons = 40"),
        ({"load": 0.5}, r"stores P = 15 patterns, of 10 in array-"),
        ({"patterns": (signs(10, 30) + 1) // 2}, r"have 0 at \(0, \d+\): write \+1 and -1"),
        ({"patterns": signs(10, 30) * 0.5}, "cannot hold exactly"),
        ({"patterns": signs(10, 30)[0]}, "it needs 2"),
        ({"patterns": "nowhere.npy"}, "nowhere.npy"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, object], needle: str) -> None:
    with pytest.raises(InputError, match=needle):
        Hopfield(**{"neurons": 30, "load": 0.1, "patterns": signs(10, 30), **given})


def test_the_shipped_example_is_near_its_theory(home: Path) -> None:
    """Its own arrays: the overlap they claim, and one step within 0.03 of the curve (one array is one draw)."""
    workflow = load_workflow("hopfield-correlated")
    grid = workflow.sweep().grid()
    for array, c in zip(grid.axes["patterns"], (0.0, 0.02, 0.05, 0.1), strict=True):
        xi = array.values.astype(float)
        n, (rows, neurons) = xi.shape[0], xi.shape
        pairs = ((xi.sum(axis=0) ** 2).sum() / neurons - n) / (n * (n - 1))
        # the mean over sites of (mean over rows)², less its own share: 5 standard deviations of the sampling of sites
        assert abs(pairs - c) < 5 * math.sqrt(max(c, 1 / rows) * 4 * (1 - c) / rows / neurons) + 1e-4
    settings = {"patterns": ["c = 0.05"], "load": [0.03, 0.07, 0.1], "equilibration": [0]}
    how = {"samples": 64, "cluster": "serial", "quiet": True, "figures": False}
    ds = isinglass.run("hopfield-correlated", settings=settings, **how)
    after = (2 * ds.recall_overlap - ds.final_overlap).mean(("sample", "replica")).values.ravel()
    assert abs(after - crosstalk.one_step_overlap([0.03, 0.07, 0.1], 0.05, 1000)).max() < 0.03


def test_the_shipped_patterns_are_the_same_bytes_everywhere() -> None:
    """Drawn from the engine's streams: the hashes are those of the machine that first made them."""
    grid = load_workflow("hopfield-correlated").sweep().grid()
    assert [a[6:] for a in grid.axes["patterns"]] == [
        "962797e9469e66ac41ec31108781417f",
        "93beff7c7783500bf5c3031551573b0f",
        "3d1eab28f117c4b3d83cd6cbb4032921",
        "a1daca7f7f86e578029a31b8718ccbbe",
    ]
