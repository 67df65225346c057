"""The coherence-memory plane: edge concordance and excess order on data whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from isinglass import InputError
from isinglass.analysis import plane

ENDS = ("", "_low", "_high")


def data(
    coherence: np.ndarray, memory: np.ndarray, blind: np.ndarray | float = 0.1, quenched: tuple[str, ...] = ()
) -> xr.Dataset:
    """A run of given values (x, y, sample), axes 0, 1, 2, ..."""
    dims = ("x", "y", "sample", "replica")
    values = {"coherence": coherence, "memory": memory, "blind_coherence": np.broadcast_to(blind, coherence.shape)}
    ds = xr.Dataset({k: (dims, v[..., None].copy(), {"units": "1"}) for k, v in values.items()})
    ds["memory"].attrs["task"] = "recall"
    ds["status"] = (dims, np.ones((*coherence.shape, 1), np.int8))
    for axis in "xy":
        ds = ds.assign_coords(
            {axis: (axis, np.arange(ds.sizes[axis], dtype=float), {"quenched": int(axis in quenched)})}
        )
    return ds


def walks(rng: np.random.Generator, share: float, step: float, n: int, shape: tuple[int, int] = (13, 4)) -> tuple:
    """Means that go up or down by `step` at each edge along x, the stated share of edges concordant; and that τ."""
    edges = (shape[0] - 1, shape[1])
    number = round(share * edges[0] * edges[1])
    product = rng.permuted(np.r_[np.ones(number), -np.ones(edges[0] * edges[1] - number)]).reshape(edges)
    ups = rng.choice([-1.0, 1.0], edges)
    means = [np.vstack([np.zeros(shape[1]), np.cumsum(step * u, 0)]) for u in (ups, ups * product)]
    return (*(m[..., None] + rng.normal(size=(*shape, n)) for m in means), product.mean())


def tau(ds: xr.Dataset) -> list[float]:
    out = plane.concordance(x=(0, 99))(ds)
    return [float(out[f"concordance{e}"][0]) for e in ENDS]


@pytest.mark.parametrize("quenched", [(), ("x",)])
@pytest.mark.parametrize(("share", "expected"), [(1.0, 1.0), (0.0, -1.0)])
def test_perfect_concordance(quenched: tuple[str, ...], share: float, expected: float) -> None:
    coherence, memory, _ = walks(np.random.default_rng(1), share, 8.0, 12)
    assert tau(data(coherence, memory, quenched=quenched)) == [expected] * 3


def test_the_counts_are_of_all_edges() -> None:
    """Same, opposite, one of the two alone, neither, missing; and skipped edges are none."""
    rng = np.random.default_rng(2)
    up, flat = np.arange(8.0)[:, None, None] * 50, np.zeros((8, 1, 1))
    columns = [(up, up), (up, -up), (up, flat), (flat, up), (flat, flat), (up, up)]
    coherence, memory = (
        np.concatenate([c[k] for c in columns], 1) + rng.normal(size=(8, 6, 12)) * 1e-3 for k in (0, 1)
    )
    memory[:, 4] = 0.5  # not even rounding changes it
    memory[3, 5] = np.nan
    ds = data(coherence, memory)
    ds["status"][6, 5] = 3
    out = plane.concordance(x=(0, 99))(ds).isel(along=0)
    found = {k: int(out[k]) for k in plane.COUNTS}
    noise = found["coherence_only"] + found["memory_only"] + found["neither"] - 21
    assert found["same"] >= 7 + 3
    assert found["opposite"] >= 7
    assert found["missing"] == 2
    assert noise <= 0
    assert sum(found.values()) == 6 * 7 - 2, "the skipped point's two edges are none"
    assert found["neither"] >= 7 - 1
    assert float(out["concordance"]) == (found["same"] - found["opposite"]) / (found["same"] + found["opposite"])


def test_only_the_order_of_values_matters() -> None:
    """Any strictly rising map of either quantity leaves all of τ as it is; a falling one turns its sign."""
    rng = np.random.default_rng(3)
    coherence, memory, _ = walks(rng, 0.7, 1.6, 12)
    for quenched in ((), ("x",)):
        plain = tau(data(coherence, memory, quenched=quenched))
        assert plain[1] < plain[2], "an interval with something in it"
        mapped = data(np.exp(coherence / 3), np.arctan(memory) - 5, quenched=quenched)
        assert tau(mapped) == plain
        turned = data(-(coherence**3), memory, quenched=quenched)
        assert tau(turned) == pytest.approx([-plain[0], -plain[2], -plain[1]], abs=0.06)


def test_tests_agree_with_scipy() -> None:
    rng = np.random.default_rng(4)
    none = np.empty((0, 12))
    passed = 0
    for shift in np.linspace(0, 3, 60):
        low, high = rng.normal(size=12), rng.normal(size=12) + shift
        sign = stats.binomtest(int((high > low).sum()), 12).pvalue <= plane.LEVEL
        ranks = stats.mannwhitneyu(low, high, method="asymptotic").pvalue <= plane.LEVEL
        assert bool(plane.changes(low, high, none, None)[0]) == sign
        assert bool(plane.changes(low, high, none, none)[0]) == ranks
        passed += sign + ranks
    assert 20 < passed < 100


@pytest.mark.parametrize("quenched", [(), ("x",)])
def test_false_alarms_where_nothing_changes(quenched: tuple[str, ...]) -> None:
    """At most 1 % of edges, also where both quantities share all their noise; then they look concordant."""
    rng = np.random.default_rng(5)
    noise = rng.normal(size=(101, 10, 12))
    out = plane.Table.of(data(noise, noise, quenched=quenched), {"x": (0, 100)}, resamples=2).row("x")
    number = 100 * 10
    assert out["opposite"] == 0
    assert out["same"] <= number * plane.LEVEL + 3 * np.sqrt(number * plane.LEVEL)
    other = plane.Table.of(data(noise, noise[::-1], quenched=quenched), {"x": (0, 100)}, resamples=2).row("x")
    assert other["same"] + other["opposite"] <= 3


@pytest.mark.parametrize("quenched", [(), ("x",)])
def test_intervals_cover(quenched: tuple[str, ...]) -> None:
    """Of 40 grids with τ = 0.5 at which most edges are seen; 95 % intervals cover at least 95 % within 3 errors."""
    rng = np.random.default_rng(6)
    hits, widths = [], []
    for _ in range(40):
        coherence, memory, truth = walks(rng, 0.75, 2.0, 16)
        row = plane.Table.of(data(coherence, memory, quenched=quenched), {"x": (0, 99)}, resamples=150).row("x")
        hits.append(row["concordance_low"] <= truth + 1e-9 and truth - 1e-9 <= row["concordance_high"])
        widths.append(row["concordance_high"] - row["concordance_low"])
    assert np.mean(hits) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 40)
    assert 0.01 < np.mean(widths) < 0.9


def test_few_edges_or_samples_give_nothing() -> None:
    coherence, memory, _ = walks(np.random.default_rng(7), 1.0, 9.0, 12, (5, 1))
    out = plane.concordance(x=(0, 99))(data(coherence, memory))
    assert float(out["concordance"][0]) != float(out["concordance"][0])
    assert int(out["concordance_flag"][0]) == plane.CONCORDANCE["few_edges"]
    assert int(out["same"][0]) == 4
    coherence, memory, _ = walks(np.random.default_rng(7), 1.0, 9.0, plane.SAMPLES - 1)
    value, low, high = tau(data(coherence, memory))
    assert value == 1.0
    assert np.isnan([low, high]).all()
    out = plane.concordance(x=(0, 99))(data(coherence[..., :1], memory[..., :1]))
    assert int(out["same"][0]) == 0
    single = plane.concordance(x=(0, 0))(data(coherence, memory)).isel(along=0)
    assert int(single["concordance_flag"]) == plane.CONCORDANCE["no_edges"]
    assert int(single["boundary_flag"]) == plane.BOUNDARY["not_crossed"]


def test_a_window_ends_what_is_asked() -> None:
    coherence, memory, _ = walks(np.random.default_rng(8), 1.0, 9.0, 12)
    out = plane.concordance(x=(2, 8), y=(1, 2))(data(coherence, memory))
    assert list(out["along"].values) == ["x", "y"]
    assert int(out["same"][0]) == 6 * 2
    inside = out["plane_point"].values > 0
    assert inside.sum() == 7 * 2
    assert inside[2:9, 1:3].all()


def test_excess_order_where_memory_is_half() -> None:
    """Memory 1 - x/10: half of the largest at x = 5; blind coherence 0.1 + 0.02 x there 0.2 of a coherence of 0.8."""
    x = np.arange(11.0)[:, None, None]
    rng = np.random.default_rng(9)
    shift = 0.02 * rng.normal(size=(1, 3, 16)) + 0 * x
    memory, coherence = 1 - x / 10 + shift, 0.8 + 0 * shift
    out = plane.concordance(x=(0, 10))(data(coherence, memory, 0.1 + 0.02 * x + 0.01 * rng.normal(size=shift.shape)))
    found = out.isel(along=0)
    assert float(found["boundary_memory"]) == pytest.approx(0.5, abs=0.02)
    assert int(found["boundary_crossings"]) == 3
    assert float(found["excess_order"]) == pytest.approx(0.2, abs=0.01)
    assert float(found["excess_order_low"]) < 0.2 < float(found["excess_order_high"])
    assert float(found["excess_order_high"] - found["excess_order_low"]) < 0.03
    assert float(found["boundary_coherence"]) == pytest.approx(0.8)
    assert float(found["excess_share"]) == pytest.approx(0.25, abs=0.01)
    beside = out["plane_point"].values == 2
    assert beside.sum() == 2 * 3, "the two ends of each edge that crosses"
    assert beside[3:8].sum() == 6


def test_no_boundary_says_why() -> None:
    coherence, memory, _ = walks(np.random.default_rng(10), 1.0, 9.0, 12)
    none = plane.concordance(x=(0, 99))(data(coherence, 0.001 * np.tanh(memory)))
    assert int(none["boundary_flag"][0]) == plane.BOUNDARY["no_memory"]
    flat = plane.concordance(x=(0, 99))(data(coherence, 1 + 0 * memory))
    assert int(flat["boundary_flag"][0]) == plane.BOUNDARY["not_crossed"]
    alone = plane.concordance(x=(0, 99))(data(coherence, memory, np.nan))
    assert int(alone["boundary_flag"][0]) == plane.BOUNDARY["blind_undefined"]
    assert np.isnan(alone["excess_order"].values).all()


def test_pending_points_are_missing() -> None:
    coherence, memory, _ = walks(np.random.default_rng(11), 1.0, 9.0, 12)
    ds = data(coherence, memory)
    ds["status"][4] = 0
    out = plane.concordance(x=(0, 99))(ds).isel(along=0)
    assert int(out["missing"]) == 2 * 4
    assert int(out["same"]) == 10 * 4
    ds["status"][:] = 0
    out = plane.concordance(x=(0, 99))(ds).isel(along=0)
    assert int(out["missing"]) == 12 * 4
    assert int(out["concordance_flag"]) == plane.CONCORDANCE["no_edges"]


def test_what_cannot_be_asked() -> None:
    coherence, memory, _ = walks(np.random.default_rng(12), 1.0, 9.0, 12)
    ds = data(coherence, memory)
    with pytest.raises(InputError, match="names no axis"):
        plane.concordance()
    with pytest.raises(InputError, match="no axis 'z'"):
        plane.concordance(z=(0, 1))(ds)
    with pytest.raises(InputError, match="copies=3"):
        plane.concordance(x=(0, 1))(ds.drop_vars("blind_coherence"))
    words = ds.assign_coords(x=[f"w{i}" for i in range(13)])
    with pytest.raises(InputError, match="no axis of numbers"):
        plane.concordance(x=(0, 1))(words)
    lines = plane.concordance(y=(0, 9))(words)
    assert lines["plane_point"].dims == ("x", "y")
