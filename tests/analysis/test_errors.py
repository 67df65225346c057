"""Means and errors over samples: their coverage, what counts, and what is shared."""

from __future__ import annotations

import ast
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from isinglass.analysis import coherence, errors, memory, phases
from isinglass.exceptions import InputError
from isinglass.shipped import shipped


def within(share: float, expected: float, n: int) -> bool:
    """Three binomial standard errors."""
    return abs(share - expected) < 3 * np.sqrt(expected * (1 - expected) / n)


def test_standard_errors_cover(raw):
    """20 000 independent intervals at n = 6 samples that share a disorder of unit variance; exact for Gaussian data."""
    cells, samples, replicas = 20_000, 6, 4
    rng = np.random.default_rng(1)
    x = rng.normal(size=(cells, samples, 1)) + rng.normal(size=(cells, samples, replicas))
    ds = raw({"load": np.arange(cells) / cells}, {"x": x})
    out = errors.mean("x")(ds)
    for level in (0.6827, 0.95):
        low, high = errors.t_interval(out.x_mean, out.x_error, out.x_samples, level)
        assert within(float(((low < 0) & (high > 0)).mean()), level, cells)
    assert np.sqrt(np.mean(out.x_error**2)) == pytest.approx(np.sqrt(1.25 / samples), rel=0.01)
    naive = x.reshape(cells, -1).std(axis=1, ddof=1) / np.sqrt(samples * replicas)
    half = naive * stats.t.ppf(0.975, samples * replicas - 1)
    assert np.mean(abs(x.mean(axis=(1, 2))) < half) < 0.85, "replicas taken for samples would seem to cover"


def test_jackknife_covers_and_corrects_bias(raw):
    """The square of a mean has bias σ²/n, which the jackknife removes exactly; its error covers."""
    cells, samples = 6000, 16
    x = 2 + np.random.default_rng(2).normal(size=(cells, samples, 1))
    ds = raw({"load": np.arange(cells) / cells}, {"x": x})
    plain = errors.sample_means(ds.x, ds.status)
    value, error, count = errors.jackknife(lambda m: m**2, plain)
    assert float(value.mean()) == pytest.approx(4, abs=4 * float(value.std()) / np.sqrt(cells))
    assert float((plain.mean("sample") ** 2).mean()) > 4 + 0.5 / samples
    low, high = errors.t_interval(value, error, count, 0.6827)
    share = float(((low < 4) & (high > 4)).mean())
    assert abs(share - 0.6827) < 0.02, share  # a curved function: correct to first order only
    linear, se, _ = errors.jackknife(lambda m: 3 * m, plain)
    xr.testing.assert_allclose(linear, 3 * plain.mean("sample"))
    xr.testing.assert_allclose(se, 3 * errors.mean_and_error(plain)[1])


def test_only_done_simulations_count(raw):
    x = np.arange(24.0).reshape(2, 4, 3)
    status = np.ones_like(x, np.int8)
    status[0, 0], status[0, 1, 1], status[0, 2, :2] = 0, 2, 3  # pending, failed, skipped
    x[status != 1] = [1e300, np.nan, np.inf, np.nan, 7e7, 1e9]
    status[1, 1:] = 2
    out = errors.mean("x")(raw({"load": [0.1, 0.2]}, {"x": x}, status))
    expected = [np.mean([3, 5]), 8.0, np.mean([9, 10, 11])]
    assert out.x_samples.values.tolist() == [3, 1]
    assert out.x_mean.values[0] == pytest.approx(np.mean(expected))
    assert out.x_error.values[0] == pytest.approx(np.std(expected, ddof=1) / np.sqrt(3))
    assert out.x_mean.values[1] == 13
    assert np.isnan(out.x_error.values[1]), "one sample has no standard error"


def test_nothing_done_is_nan_and_zero(raw):
    ds = raw({"load": [0.1]}, {"x": np.full((1, 3, 2), np.nan)}, np.zeros((1, 3, 2)))
    out = errors.mean("x")(ds).isel(load=0)
    assert np.isnan(out.x_mean)
    assert np.isnan(out.x_error)
    assert out.x_samples.dtype == np.int32
    assert int(out.x_samples) == 0


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint8])
def test_integers_are_masked_by_status_not_by_fill(raw, dtype):
    x = np.array([[[1, 3], [2, np.iinfo(dtype).min]]], dtype)
    out = errors.mean("x")(raw({"load": [0.1]}, {"x": x}, np.array([[[1, 1], [1, 0]]])))
    assert float(out.x_mean[0]) == 2
    assert float(out.x_error[0]) == 0


def test_complex_values_and_own_dims(raw):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2, 8, 2, 5)) + 1j * rng.normal(size=(2, 8, 2, 5))
    out = errors.mean("x")(raw({"load": [0.1, 0.2]}, {"x": x}))
    assert out.x_mean.dims == ("load", "own0")
    assert out.x_mean.dtype == np.complex128
    np.testing.assert_allclose(out.x_error, x.mean(2).std(1, ddof=1) / np.sqrt(8))
    assert out.x_error.dtype == np.float64


def test_labels(raw):
    ds = raw({"load": [0.1]}, {"energy": np.ones((1, 2, 2))})
    ds.energy.attrs["units"] = "J"
    out = errors.mean("energy")(ds)
    assert out.energy_mean.attrs["ancillary_variables"].split() == ["energy_error", "energy_samples"]
    assert out.energy_error.attrs == {"units": "J", "long_name": "standard error of mean energy"}
    assert all(v.attrs["units"] and v.attrs["long_name"] for v in out.values())
    assert set(out.coords) == {"load"}
    assert "energy_mean" in ds.merge(out)


def test_unknown_observable_names_the_closest(raw):
    ds = raw({"load": [0.1]}, {"recall_overlap": np.ones((1, 2, 2))})
    with pytest.raises(InputError, match="did you mean 'recall_overlap'"):
        errors.mean("recal_overlap")(ds)
    with pytest.raises(InputError, match=r"use errors.mean"):
        coherence.mean(ds)
    with pytest.raises(InputError, match="needs the observable 'memory'"):
        memory.mean(ds)
    with pytest.raises(InputError, match="status"):
        errors.mean("recall_overlap")(ds.drop_vars("status"))


def test_message_coherence_is_paired(raw):
    """What a sample's two coherences share cancels: its error is far below that of independent differences."""
    rng = np.random.default_rng(4)
    shared = rng.normal(0.5, 0.1, (1, 64, 1))
    both = {
        "coherence": shared + 0.3 + 0.01 * rng.normal(size=(1, 64, 2)),
        "blind_coherence": shared + 0.01 * rng.normal(size=(1, 64, 2)),
    }
    out = coherence.mean(raw({"load": [0.1]}, both))
    assert float(out.message_coherence_mean[0]) == pytest.approx(0.3, abs=4 * float(out.message_coherence_error[0]))
    assert float(out.message_coherence_error[0]) < 0.2 * float(out.coherence_error[0])
    both["blind_coherence"][:] = np.nan
    out = coherence.mean(raw({"load": [0.1]}, both))
    assert np.isnan(out.message_coherence_mean[0]), "no second message"
    assert np.isfinite(out.coherence_mean[0])
    assert "message_coherence_mean" not in coherence.mean(raw({"load": [0.1]}, {"coherence": both["coherence"]}))


def test_memory_keeps_its_task(raw):
    ds = raw({"load": [0.1]}, {"memory": np.ones((1, 4, 2)), "recall_gain": np.zeros((1, 4, 2))})
    ds.memory.attrs |= {"role": "memory", "task": "recall"}
    out = memory.mean(ds)
    assert out.memory_mean.attrs["task"] == "recall"
    assert {"memory_mean", "recall_gain_mean"} < set(out)
    assert "recall_overlap_mean" not in out


def test_estimate_is_a_stage(raw):
    rng = np.random.default_rng(5)
    m = rng.normal(size=(1, 500, 1, 1))
    ds = raw({"load": [0.1]}, {"m2": m[..., 0] ** 2, "m4": m[..., 0] ** 4})
    stage = errors.estimate("binder", lambda m2, m4: 1 - m4 / (3 * m2**2), of=("m2", "m4"), long_name="Binder cumulant")
    out = stage(ds)
    assert float(out.binder_mean[0]) == pytest.approx(0, abs=4 * float(out.binder_error[0]))
    assert out.binder_error.attrs["long_name"] == "standard error of mean Binder cumulant"
    assert "denominator" not in out.binder_mean.attrs


def test_a_capacity_names_its_denominator(raw):
    """Functions see the coordinates of the axes, so that counts need not be stored."""
    ds = raw({"load": [0.1, 0.2]}, {"memory": np.full((2, 4, 1), 0.5)})
    stage = errors.estimate(
        "bits_per_pair",
        lambda memory: memory * memory["load"],
        of=("memory",),
        units="bit",
        denominator="N² ordered pairs of neurons",
    )
    out = stage(ds)
    np.testing.assert_allclose(out.bits_per_pair_mean, [0.05, 0.1])
    assert out.bits_per_pair_mean.attrs["denominator"] == "N² ordered pairs of neurons"


def test_shipped_capacities_name_their_denominators():
    """Bits per synapse, spin or parameter, in every shipped workflow."""
    found = []
    for path in sorted(shipped("workflows").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or ast.unparse(node.func) not in ("errors.estimate", "Quantity"):
                continue
            words = {k.arg: ast.unparse(k.value) for k in node.keywords}
            name = ast.unparse(node.args[0])
            if "bits_per_" in name or "capacity" in name:
                assert words.get("denominator"), f"{path.name}: {name} does not say what it is divided by"
                found.append(name)
    assert len(found) > 8


def test_resamples_are_shared_along_unquenched_axes_only(raw):
    """The same samples at every temperature, others at every load; also when the grid is cut."""
    labels = np.broadcast_to(np.arange(10.0)[:, None], (3, 4, 10, 1))
    ds = raw({"load": [0.1, 0.2, 0.3], "temperature": [0.0, 0.1, 0.2, 0.3]}, {"x": labels})
    samples = errors.sample_means(ds.x, ds.status)
    means = errors.resampled_means(samples, seed=7, resamples=50)
    assert means.dims == ("resample", "load", "temperature")
    assert (means == means.isel(temperature=0)).all()
    assert not (means == means.isel(load=0)).all()
    xr.testing.assert_equal(means.isel(load=1), errors.resampled_means(samples.isel(load=1), 7, 50))
    xr.testing.assert_equal(means, errors.resampled_means(samples, 7, 50))
    assert not means.equals(errors.resampled_means(samples, 8, 50))


def test_listed_points_share_what_their_quenched_values_share(raw):
    ds = raw({"point": np.arange(3)}, {"x": np.broadcast_to(np.arange(10.0)[:, None], (3, 10, 1))})
    ds = ds.assign_coords(load=("point", [0.1, 0.1, 0.2], {"quenched": 1}), temperature=("point", [0.0, 1.0, 0.0]))
    means = errors.resampled_means(errors.sample_means(ds.x, ds.status), resamples=50)
    assert (means.isel(point=0) == means.isel(point=1)).all()
    assert not (means.isel(point=0) == means.isel(point=2)).all()


def test_bootstrap_is_that_of_scipy(raw):
    x = np.random.default_rng(6).exponential(size=(1, 12, 1))
    ds = raw({"load": [0.1]}, {"x": x})
    ours = errors.resampled_means(errors.sample_means(ds.x, ds.status), seed=3, resamples=500).values[:, 0]
    rng = errors.generator(3, {"load": 0.1})
    theirs = stats.bootstrap((x[0, :, 0],), np.mean, n_resamples=500, method="percentile", rng=rng)
    np.testing.assert_allclose(ours, theirs.bootstrap_distribution)


@pytest.mark.parametrize(("samples", "least"), [(8, 0.925), (32, 0.935)])
def test_expanded_percentile_covers_a_mean(samples, least):
    rng = np.random.default_rng(8)
    hits = 0
    for _ in range(1000):
        x = rng.normal(size=samples)
        low, high = errors.interval(x[rng.integers(0, samples, (1000, samples))].mean(1), samples)
        hits += low <= 0 <= high
    assert least - 0.02 < hits / 1000 < 0.975


def lost(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """A status (cells, samples, replicas) in which 1 to all replicas of each sample are done, the rest failed."""
    kept = rng.integers(1, shape[-1] + 1, shape[:-1])
    return np.where(np.arange(shape[-1]) < kept[..., None], 1, 2)


def test_samples_count_alike_however_many_replicas_they_have(raw):
    """3 x 2000 intervals of 12 samples of 1 to 8 replicas: mean, and a ratio of means by jackknife and bootstrap.

    Each sample's mean counts once, so the mean is that over the disorder; pooled replicas would give a sample of 8
    eight times the weight of a sample of 1, and an error from their number is far too small.
    """
    cells, samples, replicas = 2000, 12, 8
    rng = np.random.default_rng(9)
    disorder = rng.normal(size=(cells, samples, 1))
    x = 1 + disorder + rng.normal(size=(cells, samples, replicas))
    y = 4 + 0.5 * disorder + rng.normal(size=(cells, samples, replicas))
    status = lost(rng, x.shape)
    ds = raw({"load": np.arange(cells) / cells}, {"x": x, "y": y}, status)
    a, b = (errors.sample_means(ds[v], ds.status) for v in "xy")
    low, high = errors.t_interval(*errors.mean_and_error(a))
    assert within(float(((low < 1) & (high > 1)).mean()), 0.95, cells)
    low, high = errors.t_interval(*errors.jackknife(lambda x, y: x / y, a, b))
    assert 0.93 < float(((low < 0.25) & (high > 0.25)).mean()) < 0.97
    means = errors.resampled_means(xr.concat([a, b], "of"), seed=1, resamples=600)
    ratios = (means.isel(of=0) / means.isel(of=1)).transpose("load", "resample")
    hits = [low < 0.25 < high for low, high in (errors.interval(row, samples) for row in ratios.values)]
    assert 0.925 < np.mean(hits) < 0.97
    naive = x[status == 1].std() / np.sqrt((status == 1).sum(axis=(1, 2)))
    pooled = np.where(status == 1, x, 0).sum((1, 2)) / (status == 1).sum((1, 2))
    assert np.mean(abs(pooled - 1) < 1.96 * naive) < 0.85


def test_only_what_converged_counts(raw):
    """Two of three samples; a point without any is NaN, and no boundary is found there."""
    x = np.array([[9.0, 1, 3], [0, 2, 4], [0, 0, 0], [0, 0, 0]])[..., None]
    good = np.array([[0, 1, 1], [1, 1, 1], [0, 0, 0], [1, 1, 1]], np.int8)[..., None]
    ds = raw({"temperature": [0.0, 0.1, 0.2, 0.3]}, {"x": x, "converged": good})
    before = ds.copy(deep=True)
    out = errors.only("converged", errors.mean("x"), phases.boundary("x", "temperature", 1.0))(ds)
    np.testing.assert_array_equal(out.x_mean, [2, 2, np.nan, 0])
    np.testing.assert_array_equal(out.x_samples, [2, 3, 0, 3])
    plain = phases.boundary("x", "temperature", 1.0)(ds)
    assert (float(plain.x_boundary_bracket_high), int(plain.x_boundary_flag), int(out.x_boundary_flag)) == (0.2, 0, 3)
    xr.testing.assert_identical(ds, before)
    with pytest.raises(InputError, match="no observable 'convergd'"):
        errors.only("convergd", errors.mean("x"))(ds)


def test_importing_loads_no_heavy_library():
    code = (
        "import sys, isinglass.analysis.errors, isinglass.analysis.coherence, isinglass.analysis.memory, "
        "isinglass.analysis.phases, isinglass.analysis.series, isinglass.analysis.retention, isinglass.figures\n"
        "print([m for m in ('scipy', 'xarray', 'matplotlib', 'pandas', 'dask', 'zarr', 'numba') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_ends_of_an_interval_of_a_normal_distribution():
    """Of a normal distribution as narrow as the bootstrap's, √((n-1)/n), they are Student's quantiles: by hand."""
    n = 5
    shape = np.sqrt((n - 1) / n) * stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000)
    np.testing.assert_allclose(errors.interval(shape, n), [-2.7764, 2.7764], rtol=2e-3)
    np.testing.assert_allclose(errors.interval(shape, n, student=False), [-1.95996, 1.95996], rtol=2e-3)
