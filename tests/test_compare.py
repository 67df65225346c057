"""Two runs compared: aligned on what they share, the right standard error, few false alarms, real shifts found."""

from __future__ import annotations

import numpy as np
import pytest
import rig
import xarray as xr
from scipy import stats

from isinglass import Workflow, comparing, comparison
from isinglass.exceptions import InputError
from isinglass.source import import_text

TEXT = '''
from dataclasses import dataclass
import numpy as np
from isinglass import Model, Observable, parameter
from isinglass.kernels import streams

@dataclass(frozen=True)
class Noisy(Model):
    """A quenched number, noise, and a shift above a temperature."""
    temperature: float = parameter(0.5, units="K", doc="temperature")
    rule: str = parameter("hebb", units="1", choices=("hebb", "oja"), doc="rule")
    size: int = parameter(4, units="1", quenched=True, doc="size")
    shift: float = parameter(0.0, units="m", doc="what is added above 0.5 K")
    broken: bool = parameter(False, units="1", doc="whether it fails below 0.2 K")
    observables = (
        Observable("value", "m", long_name="a number"),
        Observable("size_seen", "1", dtype="int64"),
        Observable("trace", "m", dims=("time",)),
        Observable("wave", "1", dtype="complex128"),
    )

    def coords(self):
        return {"time": (np.arange(2), {"units": "s"})}

    def simulate(self, disorder, noise):
        if self.broken and self.temperature < 0.2:
            raise ArithmeticError("broken")
        base = 3 * streams.normal(disorder.copy())
        drawn = np.array([streams.normal(row.copy()) for row in noise])
        value = base + drawn + self.shift * (self.temperature > 0.5)
        return {
            "value": value,
            "size_seen": np.full(len(noise), self.size),
            "trace": value[:, None] * np.array([1.0, 2.0]),
            "wave": value * (1 + 0.5j),
        }
'''
Noisy = import_text(TEXT, "noisy.py").Noisy
TEMPERATURES = [0.1, 0.3, 0.5, 0.7, 0.9]


def flow(**changes) -> Workflow:
    given = {"model": Noisy, "axes": {"rule": ["hebb", "oja"], "temperature": TEMPERATURES}, "samples": 8, "seed": 1}
    return Workflow(**{**given, "name": "noisy", **changes})


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    home = tmp_path_factory.mktemp("runs")
    rig.run(flow(), home / "plain")
    rig.run(flow(), home / "again", block={"temperature": 1})
    rig.run(flow(seed=2), home / "other")
    rig.run(flow(fixed={"shift": 0.8}), home / "shifted")
    return home


def compared(a, b, *words, code=0):
    lines, got = comparing.compare(a, b, *(words or (None, None)))
    assert got == code, "\n".join(lines)
    return "\n".join(lines)


# ---------------------------------------------------------------- runs


def test_the_same_sweep_in_other_blocks_has_the_same_values(runs):
    text = compared(runs / "plain", runs / "again")
    assert "10 shared, 0 only in A, 0 only in B" in text
    assert "same bytes in 4 observables" in text
    assert "significant" not in text


def test_another_seed_does_not_differ(runs):
    text = compared(runs / "plain", runs / "other")
    assert "seed          A 1, B 2" in text
    assert "independent" in text
    assert "0 of 60 significant" in text  # value, its size, two times, two parts: 6 at each of 10 points
    assert "0 of 10        the same means" in text  # size_seen


def test_a_shift_is_found_where_it_is_sample_by_sample(runs, tmp_path):
    text = compared(runs / "plain", runs / "shifted", "value", tmp_path / "d.nc", code=1)
    assert "shift         A 0.0, B 0.8" in text
    assert "sample by sample" in text
    found = xr.load_dataset(tmp_path / "d.nc")
    # noise and disorder are the same but for the key of the noise: it holds the shift
    high = found["temperature"] > 0.5
    assert (found["value_difference"].where(high, drop=True) > 0).all()
    assert found["value_error"].attrs["units"] == "m"
    assert found.attrs["false_discovery_rate"] == 0.05
    a, b = (rig.data(runs / n)["value"].mean("replica") for n in ("plain", "shifted"))
    d = (b - a).transpose("rule", "temperature", "sample").values
    np.testing.assert_allclose(found["value_difference"].transpose("rule", "temperature"), d.mean(-1), rtol=1e-12)
    np.testing.assert_allclose(found["value_error"], d.std(-1, ddof=1) / np.sqrt(8), rtol=1e-12)
    np.testing.assert_allclose(found["value_p"], stats.ttest_rel(b, a, axis=-1).pvalue, rtol=1e-9)
    np.testing.assert_array_equal(found["rule"].values, ["hebb", "oja"])


def test_axes_overlap_in_part_and_a_fixed_value_is_an_axis_of_one(runs, tmp_path):
    axes = {"temperature": [0.3, 0.1 + 0.2 + 0.2, 2.0]}
    rig.run(flow(axes=axes, fixed={"rule": "oja"}, samples=3, replicas=2), tmp_path / "part")
    text = compared(runs / "plain", tmp_path / "part")
    assert "2 shared, 8 only in A, 1 only in B" in text
    assert "samples       A 8, B 3" in text
    assert "rule          A hebb, oja, B oja" in text
    assert "same bytes in 4 observables" in text


def test_a_list_is_compared_with_a_grid_and_drawn(runs, tmp_path):
    points = {"temperature": [0.3, 0.7, 8.0], "rule": ["oja", "hebb", "oja"]}
    rig.run(flow(axes={}, points=points, seed=3), tmp_path / "listed")
    text = compared(runs / "plain", tmp_path / "listed", None, tmp_path / "d.png")
    assert "2 shared, 8 only in A, 1 only in B" in text
    assert (tmp_path / "d.png").stat().st_size > 5000
    assert (tmp_path / "d.pdf").is_file()
    compared(runs / "plain", tmp_path / "listed", None, tmp_path / "d.nc")
    assert xr.load_dataset(tmp_path / "d.nc").sizes["point"] == 2


def test_what_is_not_done_enters_no_mean(runs, tmp_path):
    rig.run(flow(seed=4, fixed={"broken": True}, where=lambda p: p["rule"] == "hebb"), tmp_path / "broken")
    text = compared(runs / "plain", tmp_path / "broken")
    assert "8 failed, 40 skipped of 80 simulations in B" in text
    assert "of 4 significant" in compared(runs / "plain", tmp_path / "broken", "value", None)
    rig.run(flow(axes={"temperature": [0.1]}, fixed={"broken": True}), tmp_path / "empty")
    assert "nothing to compare yet" in compared(runs / "plain", tmp_path / "empty", None, tmp_path / "d.png")


def test_one_sample_has_no_test_and_says_so(tmp_path):
    for name, seed in (("a", 1), ("b", 2)):
        rig.run(flow(samples=1, seed=seed), tmp_path / name)
    text = compared(tmp_path / "a", tmp_path / "b", None, tmp_path / "d.png")
    assert "no standard error" in text
    assert "untested" in text


def test_another_model_is_refused_or_compared_by_what_is_shared(runs, tmp_path):
    rig.run(Workflow(model=rig.synthetic.Walk, axes={"load": [0.1, 0.2]}, samples=2, seed=1), tmp_path / "walk")
    with pytest.raises(InputError, match="sweeps load, which Noisy does not have"):
        comparison.match(runs / "plain", tmp_path / "walk")
    rig.run(Workflow(model=rig.synthetic.Walk, axes={"temperature": [0.3, 0.5]}, samples=4, seed=1), tmp_path / "warm")
    text = comparing.compare(runs / "plain", tmp_path / "warm", None, None)[0]
    assert any("model         A Noisy, B Walk" in line for line in text)
    assert any("count is only in B" in line for line in text)
    rig.run(flow(axes={"temperature": [7.0]}), tmp_path / "far")
    with pytest.raises(InputError, match="share no point"):
        comparison.match(runs / "plain", tmp_path / "far")


def test_wrong_words_are_refused(runs, tmp_path, capsys):
    for words, needle in (
        (["--observable", "vlaue"], "did you mean 'value'"),
        (["--out", "d.xls"], ".nc"),
        (["--out", str(tmp_path / "no" / "d.nc")], "no folder"),
    ):
        code, text = rig.cli(capsys, "compare", runs / "plain", runs / "other", *words)
        assert code == 2
        assert needle in text
        assert text.count("\n") == 1


def test_bytes_that_had_to_be_the_same_are_told_from_another_processor(runs, tmp_path, monkeypatch):
    """Law 1: same code, seed, parameters. On one machine it is broken; across processors it may be."""
    monkeypatch.setattr(comparison, "same_bytes", lambda matched, name: name != "value")
    text = compared(runs / "plain", runs / "again", code=1)
    assert "isinglass verify" in text
    kinds = iter(
        [{"cpu": "znver5", "numba": "1", "llvmlite": "2"}, {"cpu": "skylake", "numba": "1", "llvmlite": "2"}] * 99
    )
    monkeypatch.setattr(comparing, "_entry", lambda *a: next(kinds))
    text = compared(runs / "plain", runs / "again")
    assert "last bits may differ" in text
    assert "skylake" in text


def test_other_code_and_other_text_are_shown(tmp_path):
    for name, factor in (("a", "2.0**48"), ("b", "2.0**47")):
        text = rig.SYNTHETIC.replace("2.0**48", factor)
        file = rig.write_workflow(
            tmp_path / f"{name}.py", "model=Batched, axes={'temperature': [0.1]}, samples=2", text
        )
        from isinglass import load_workflow

        rig.run(load_workflow(file), tmp_path / name)
    text = "\n".join(comparing.compare(tmp_path / "a", tmp_path / "b", None, None)[0])
    assert "code          A " in text
    assert "--- A: model file.mix" in text
    assert '+    return int.from_bytes(h.digest(), "little") / 2.0**47' in text
    assert "workflow text" in text


# ---------------------------------------------------------------- statistics


@pytest.mark.parametrize("paired", [True, False])
def test_false_alarms_are_rare_over_many_comparisons(paired):
    """Nothing differs: a comparison of 50 points raises an alarm in at most 5 % of 2000 cases."""
    rng = np.random.default_rng(7)
    cases, points = 2000, 50
    shared = rng.normal(size=(cases * points, 8, 1)) * paired
    a, b = (shared + rng.normal(size=(cases * points, n, 1)) for n in (8, 8))
    b = b if paired else b[:, :5] * 2  # Welch: fewer samples, and a larger scatter
    *_, p = comparison.welch_or_paired(a, b, np.full(cases * points, paired))
    alarms = [(stats.false_discovery_control(q, method="by") <= comparison.RATE).any() for q in p.reshape(cases, -1)]
    assert np.mean(alarms) < 0.05
    assert stats.kstest(p.ravel()[::50], "uniform").pvalue > 1e-3  # p itself is that of no difference


def test_shifts_are_found_and_few_others():
    rng = np.random.default_rng(8)
    cases, points, shifted = 200, 50, 10
    a, b = (rng.normal(size=(cases * points, 12, 1)) for _ in range(2))
    true = np.tile(np.arange(points) < shifted, cases)
    b[true] += 3
    *_, p = comparison.welch_or_paired(a, b, np.zeros(cases * points, bool))
    hit = np.array([stats.false_discovery_control(q, method="by") <= 0.05 for q in p.reshape(cases, -1)])
    true = true.reshape(cases, -1)
    assert hit[true].mean() > 0.95
    assert ((hit & ~true).sum(1) / np.maximum(hit.sum(1), 1)).mean() < 0.05


def test_errors_are_those_of_scipy():
    rng = np.random.default_rng(9)
    a, b = rng.normal(size=(20, 6, 2)), rng.normal(size=(20, 4, 2)) * 2
    a[3, 2] = np.nan
    delta, error, degrees, count, p = comparison.welch_or_paired(a, b, np.zeros(20, bool))
    known = stats.ttest_ind(b, a, axis=1, equal_var=False, nan_policy="omit")
    np.testing.assert_allclose(delta / error, known.statistic, rtol=1e-9)
    np.testing.assert_allclose(degrees, known.df, rtol=1e-9)
    np.testing.assert_allclose(p, known.pvalue, rtol=1e-9)
    assert count.min() == 4


def test_what_does_not_scatter():
    a, b = np.zeros((3, 4, 1)), np.zeros((3, 4, 1))
    b[1], b[2] = 1.0, 1e-17
    a[2] = 1.0
    b[2] += 1.0
    for paired in (True, False):
        delta, _, _, _, p = comparison.welch_or_paired(a, b, np.full(3, paired))
        assert p[:, 0].tolist() == [1, 0, 1]  # a function of the parameters; 1e-17 of 1 is rounding
        assert delta[2, 0] == 0
        noisy = np.concatenate([b, np.arange(4.0).reshape(1, 4, 1)])
        *_, p = comparison.welch_or_paired(np.concatenate([a, a[:1]]), noisy, np.full(4, paired))
        assert p[1, 0] == pytest.approx(1 / 8 if paired else 2 / 70)  # four samples prove no more
    *_, p = comparison.welch_or_paired(a[:, :1], b[:, :1], np.zeros(3, bool))
    assert np.isnan(p).all()
