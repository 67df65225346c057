"""The Hopfield network against theory, exact references, and the laws that every model obeys."""

import dataclasses
import hashlib
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.special import erfc

from isinglass import measures
from isinglass.kernels import spins
from isinglass.models.base import parameters
from isinglass.models.hopfield import Hopfield, store


def stream(*name: object) -> np.ndarray:
    return np.frombuffer(hashlib.blake2b(repr(name).encode(), digest_size=32).digest(), dtype=np.uint64)


def noises(replicas: int, *name: object) -> np.ndarray:
    return np.stack([stream("noise", k, *name) for k in range(replicas)])


def samples(model: Hopfield, count: int, replicas: int = 1, name: str = "test") -> dict[str, np.ndarray]:
    """Observables (sample, replica)."""
    disorder = np.stack([stream(name, k) for k in range(count)])
    noise = np.stack([noises(replicas, name, k) for k in range(count)])
    return Hopfield.simulate_batch([model] * count, disorder, noise)


# Physics


@pytest.mark.parametrize(
    ("load", "temperature", "theory"),
    [(0.02, 0.5, 0.9450), (0.05, 0.3, 0.9912), (0.1, 0.2, 0.9891), (0.05, 0.4, 0.9662)],
)
def test_recall_overlap_is_that_of_theory(load: float, temperature: float, theory: float) -> None:
    """Replica-symmetric values (Amit, Gutfreund and Sompolinsky 1987), T < 0.8 T_M, N = 2000, started at the pattern.

    Within 0.005, which covers finite size, or 4 standard errors over 4 samples.
    """
    model = Hopfield(neurons=2000, load=load, temperature=temperature, equilibration=50, steps=100, copies=1)
    got = samples(model, 4)
    m = got["recall_overlap"][:, 0]
    assert abs(m.mean() - theory) < max(0.005, 4 * m.std(ddof=1) / 2)
    assert got["converged"].all()


# P(recall) from 40 runs of an independent prototype, T = 0, N = 1000.
BASINS = [(0.05, 0.2, 0.70), (0.05, 0.3, 1.0), (0.1, 0.3, 0.10), (0.1, 0.4, 0.75), (0.1, 0.5, 0.98), (0.12, 0.5, 0.57)]


@pytest.mark.parametrize(("load", "cue", "reference"), BASINS)
def test_basins_of_attraction(load: float, cue: float, reference: float) -> None:
    """Share of runs from a flipped cue that end above m = 0.9; 4 standard errors of both sides (false alarm 6e-5)."""
    count = 80
    model = Hopfield(load=load, temperature=0.0, cue=cue, equilibration=60, steps=2, copies=1)
    share = (samples(model, count)["final_overlap"] > 0.9).mean()
    pooled = (share * count + reference * 40) / (count + 40)
    error = math.sqrt(max(pooled * (1 - pooled), 1 / (count + 40)) * (1 / count + 1 / 40))
    assert abs(share - reference) < 4 * error


def test_unstable_bits_of_a_stored_pattern() -> None:
    """One parallel step from a pattern: ½ erfc(1/√(2α)) of the bits are wrong, N → ∞ (0.0228 at α = 0.25).

    64 samples of 500 bits; neighbouring bits are nearly independent, 4 standard errors over samples (6e-5) plus 1/N.
    """
    model = Hopfield(neurons=500, load=0.25, temperature=0.0, dynamics="parallel", equilibration=0, steps=2, copies=1)
    wrong = []
    for k in range(64):
        couplings, patterns, _ = store(stream("bits", k), model.neurons, model.stored)
        fields = couplings[:, :500].astype(int) @ patterns[0]
        wrong.append((fields * patterns[0] < 0).mean() + 0.5 * (fields == 0).mean())
    assert abs(np.mean(wrong) - 0.5 * erfc(1 / math.sqrt(0.5))) < 4 * np.std(wrong) / 8 + 1 / 500


@pytest.mark.parametrize("dynamics", ["sequential", "parallel"])
def test_at_zero_temperature_all_runs_settle(dynamics: str) -> None:
    """Sequential: a fixed point, where nothing moves on; parallel: that or a two-cycle (Goles, 1985)."""
    model = Hopfield(neurons=300, load=0.3, temperature=0.0, cue=0.3, dynamics=dynamics, equilibration=400, steps=4)
    got = samples(model, 30)
    period = got["period"]
    assert got["converged"].all()
    if dynamics == "sequential":
        assert (period == 1).all()
    else:
        assert set(period.ravel()) == {1, 2}
    np.testing.assert_array_equal(got["acceptance"] == 0, period == 1)
    # A fixed point lasts; in a two-cycle s(t) returns after a lag of steps/2 = 2.
    np.testing.assert_array_equal(got["persistence"], 1)


def test_too_short_a_run_says_so() -> None:
    got = samples(Hopfield(load=0.14, temperature=0.0, cue=0.2, equilibration=0, steps=2, copies=1), 4)
    assert not got["period"].any()
    assert not got["converged"].any()


def test_cue_modes_are_ordered() -> None:
    """At one overlap an erased cue is as good as a flipped one (4 standard errors, 6e-5); clamping adds to it."""
    common = {"load": 0.1, "temperature": 0.0, "cue": 0.35, "equilibration": 60, "steps": 2, "copies": 1}
    got = {
        mode: samples(Hopfield(cue_mode=mode, **common), 80) for mode in ("flipped", "erased_free", "erased_clamped")
    }
    share = {mode: (g["final_overlap"] > 0.9).mean() for mode, g in got.items()}
    error = math.sqrt(0.5 / 80)
    assert abs(share["flipped"] - share["erased_free"]) < 4 * error
    assert share["erased_clamped"] > share["erased_free"]
    np.testing.assert_array_equal(got["flipped"]["initial_overlap"], 0.35)
    for mode in ("erased_free", "erased_clamped"):
        start = got[mode]["initial_overlap"]
        assert abs(start.mean() - 0.35) < 4 * math.sqrt(0.65 / 1000 / 80)
    np.testing.assert_array_equal(got["erased_clamped"]["initial_overlap"], got["erased_free"]["initial_overlap"])


def test_a_cue_of_zero_overlap_recalls_nothing_and_a_hot_network_forgets() -> None:
    lost = samples(Hopfield(load=0.1, temperature=0.0, cue=0.0, steps=2, copies=1), 20)
    assert abs(lost["initial_overlap"]).max() == 0
    assert (abs(lost["final_overlap"]) < 0.9).all()
    hot = samples(Hopfield(load=0.1, temperature=3.0), 10)
    assert abs(hot["recall_overlap"]).max() < 0.05
    assert hot["coherence"].max() < 0.1
    assert hot["memory"].max() < 0.02
    assert hot["acceptance"].min() > 0.3


def test_coherence_with_and_without_the_message() -> None:
    """Deep in the retrieval phase copies of one message agree as m², copies of two do not."""
    got = samples(Hopfield(neurons=2000, load=0.02, temperature=0.3), 4)
    np.testing.assert_allclose(got["coherence"], got["recall_overlap"] ** 2, atol=0.01)
    assert got["blind_coherence"].max() < 0.15  # the overlap of two random patterns, about N^-½
    np.testing.assert_allclose(got["memory"], measures.binary_information(got["recall_overlap"]), atol=0.02)


def test_perfect_recall_has_memory_exactly_one() -> None:
    got = samples(Hopfield(load=0.01, temperature=0.0, cue=0.6), 4)
    for name in ("memory", "coherence", "recall_overlap", "final_overlap", "persistence"):
        np.testing.assert_array_equal(got[name], 1)
    np.testing.assert_allclose(got["recall_gain"], 0.4)
    np.testing.assert_array_equal(got["period"], 1)


def test_early_stop_gives_the_averages_of_running_on() -> None:
    """At T = 0 the number of idle steps changes nothing."""
    base = {"neurons": 300, "load": 0.1, "temperature": 0.0, "cue": 0.5}
    short, long = (samples(Hopfield(equilibration=e, steps=4, **base), 5) for e in (100, 500))
    for name, values in short.items():
        assert values.tobytes() == long[name].tobytes(), name


# Every observable, recomputed


@pytest.mark.parametrize("dynamics", ["sequential", "parallel"])
@pytest.mark.parametrize("mode", ["flipped", "erased_clamped"])
def test_observables_are_their_definitions(dynamics: str, mode: str) -> None:
    """A plain numpy run of the three copies from the same streams; steps and cues have tests of their own."""
    from isinglass.kernels.streams import fill_uint64, jumped

    model = Hopfield(
        neurons=70, load=0.1, temperature=0.6, cue=0.5, cue_mode=mode, dynamics=dynamics, equilibration=3, steps=7
    )
    n, p, t = 70, 7, 0.6
    disorder, noise = stream("definitions"), noises(2)
    got = model.simulate(disorder, noise)
    couplings, xi, _ = store(disorder, n, p)
    k = couplings[:, :n].astype(int)
    xi = xi.astype(int)
    for r in range(2):
        tracks = []
        for c, message in enumerate((0, 0, 1)):
            s, clamped = np.zeros(128, dtype=np.int8), np.zeros(n, dtype=np.uint8)
            generator = jumped(noise[r], c)
            kind = spins.FLIPPED if mode == "flipped" else spins.ERASED_CLAMPED
            spins.make_cue(generator, xi[message].astype(np.int8), kind, model.chosen, s, clamped)
            state, track = s[:n].astype(int), [s[:n].astype(int)]
            for _ in range(10):
                words = np.empty(n, dtype=np.uint64)
                fill_uint64(generator, words)
                before = state.copy()
                for i in range(n):
                    h = k[i] @ (before if dynamics == "parallel" else state)
                    if not clamped[i]:
                        state[i] = 1 if (int(words[i]) >> 11) * 2.0**-53 < 1 / (1 + math.exp(-2 * h / (n * t))) else -1
                track.append(state.copy())
            tracks.append(np.array(track))
        a, b, c = tracks
        window = a[4:]
        overlap = window @ xi[0] / n
        joint = np.array([[[((xi[0] == x) & (s == y)).sum() for y in (-1, 1)] for x in (-1, 1)] for s in window])
        memory = np.where(overlap <= 0, 0, measures.memory(joint))
        free = n - (model.chosen if mode != "flipped" else 0)
        expected = {
            "coherence": abs((window * b[4:]).sum(axis=1) / n).mean(),
            "blind_coherence": abs((window * c[4:]).sum(axis=1) / n).mean(),
            "memory": memory.mean(),
            "recall_overlap": overlap.mean(),
            "recall_gain": overlap.mean() - a[0] @ xi[0] / n,
            "initial_overlap": a[0] @ xi[0] / n,
            "final_overlap": overlap[-1],
            "persistence": np.mean([abs(window[i] @ window[i + 3]) / n for i in range(4)]),
            "energy": np.mean([-0.5 * s @ k @ s / n**2 for s in window]),
            "spurious_overlap": abs(xi[1:] @ window[-1]).max() / n,
            "acceptance": (a[4:] != a[3:-1]).sum() / (7 * free),
            "realised_load": 0.1,
            "period": 0,
        }
        for name, value in expected.items():
            np.testing.assert_allclose(got[name][r], value, atol=1e-13, err_msg=name)


def test_every_observable_is_delivered_as_declared() -> None:
    got = samples(Hopfield.tiny(), 3, replicas=2)
    assert set(got) == {o.name for o in Hopfield.observables}
    for o in Hopfield.observables:
        assert got[o.name].shape == (3, 2)
        assert got[o.name].dtype == np.dtype(o.dtype)
        assert np.isfinite(got[o.name]).all()
        assert o.long_name


def test_undefined_is_nan_and_nothing_else_is() -> None:
    alone = samples(Hopfield(neurons=64, load=1 / 64, temperature=0.3, equilibration=5, steps=10), 2)
    assert {name for name, x in alone.items() if np.isnan(x).any()} == {"blind_coherence", "spurious_overlap"}
    assert (alone["realised_load"] == 1 / 64).all()
    single = samples(dataclasses.replace(Hopfield.tiny(), copies=1), 2)
    assert {name for name, x in single.items() if np.isnan(x).any()} == {"coherence", "blind_coherence"}
    # Eight equal signs carry no information: of 2000 samples about 2000/128 = 16.
    some = samples(Hopfield(neurons=8, load=0.5, temperature=0.3, equilibration=0, steps=2), 2000)
    assert 1 < np.isnan(some["memory"]).sum() < 40
    may = {o.name for o in Hopfield.observables if o.may_be_nan}
    assert {name for name, x in some.items() if np.isnan(x).any()} <= may


# Laws


def variety() -> list[Hopfield]:
    tiny = Hopfield.tiny()
    return [
        tiny,
        dataclasses.replace(tiny, temperature=0.0),
        dataclasses.replace(tiny, temperature=1.1, dynamics="parallel", steps=13),
        dataclasses.replace(tiny, copies=1, cue=0.3),
        dataclasses.replace(tiny, cue_mode="erased_free", cue=0.4),
        dataclasses.replace(tiny, cue_mode="erased_clamped", cue=0.4, temperature=0.0, dynamics="parallel"),
        dataclasses.replace(tiny, load=0.3),
        dataclasses.replace(tiny, load=0.3, neurons=130, temperature=0.7),
    ]


def test_a_batch_gives_the_bytes_of_each_alone_and_writes_to_no_input() -> None:
    models = variety()
    disorder = np.stack([stream(k // 3) for k in range(len(models))])
    noise = np.stack([noises(5, k) for k in range(len(models))])
    kept = disorder.copy(), noise.copy()
    disorder.flags.writeable = noise.flags.writeable = False
    batch = Hopfield.simulate_batch(models, disorder, noise)
    for k, model in enumerate(models):
        alone = model.simulate(disorder[k], noise[k])
        reversed_ = model.simulate(disorder[k], noise[k, ::-1])
        for name in batch:
            assert batch[name][k].tobytes() == alone[name].tobytes(), name
            assert alone[name].tobytes() == reversed_[name][::-1].tobytes(), name
        for r in range(5):
            one = model.simulate(disorder[k], noise[k, r : r + 1])
            for name in batch:
                assert one[name].tobytes() == alone[name][r : r + 1].tobytes(), name
    np.testing.assert_array_equal(disorder, kept[0])
    np.testing.assert_array_equal(noise, kept[1])


def test_bytes_do_not_depend_on_the_width_of_the_batch() -> None:
    """The measures' numpy sums and logarithms, too, are the same in a batch of 1, 7 or 300."""
    model = dataclasses.replace(Hopfield.tiny(), steps=37, temperature=0.8)
    wide = samples(model, 300)
    for width in (1, 7):
        narrow = samples(model, width)
        for name in wide:
            assert wide[name][:width].tobytes() == narrow[name].tobytes(), name


def test_threads_do_not_disturb_each_other() -> None:
    models = variety()
    disorder, noise = np.stack([stream(k) for k in range(len(models))]), np.stack([noises(2)] * len(models))
    expected = Hopfield.simulate_batch(models, disorder, noise)
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(Hopfield.simulate_batch, models, disorder, noise) for _ in range(12)]
    for run in runs:
        for name, values in run.result().items():
            assert values.tobytes() == expected[name].tobytes(), name


def test_copy_a_does_not_know_of_the_others() -> None:
    for model in variety():
        three, one = (dataclasses.replace(model, copies=c).simulate(stream("a"), noises(3)) for c in (3, 1))
        for name in set(three) - {"coherence", "blind_coherence"}:
            assert three[name].tobytes() == one[name].tobytes(), name


def test_int16_couplings_give_what_int8_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Hopfield(neurons=200, load=0.4, temperature=0.5, equilibration=5, steps=10)
    narrow = model.simulate(stream("w"), noises(2))
    assert store(stream("w"), 200, 80)[0].dtype == np.int8
    assert store(stream("w"), 200, 2000)[0].dtype == np.int16
    hebb = spins.hebb

    def overflowing(patterns: np.ndarray, couplings: np.ndarray) -> int:
        return hebb(patterns, couplings) + 128

    monkeypatch.setattr(spins, "hebb", overflowing)
    assert store(stream("w"), 200, 80)[0].dtype == np.int16
    wide = model.simulate(stream("w"), noises(2))
    for name in narrow:
        assert narrow[name].tobytes() == wide[name].tobytes(), name


def test_parameters_and_their_limits() -> None:
    quenched = {name for name, spec in parameters(Hopfield).items() if spec.quenched}
    assert quenched == {"neurons", "load", "patterns"}
    assert Hopfield(neurons=1000, load=0.0006).stored == 1
    with pytest.raises(ValueError, match=r"rounds to 0 patterns; 0\.001 stores one"):
        Hopfield(neurons=1000, load=0.0004)
    assert Hopfield(neurons=500, load=0.138).stored == 69
    assert Hopfield(neurons=100, cue=0.9).chosen == 5
    with pytest.raises(ValueError, match=r"leaves no neuron free; lower cue or use 'flipped'"):
        Hopfield(cue_mode="erased_clamped")
    with pytest.raises(ValueError, match="at most 32767"):
        Hopfield(load=40.0)
    for wrong in ({"neurons": 7}, {"load": 0.0}, {"temperature": -0.1}, {"cue": 1.1}, {"steps": 1}, {"copies": 2}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Hopfield(**wrong)


def test_cost_orders_what_takes_longer() -> None:
    base = Hopfield()
    dearer = [{"neurons": 2000}, {"steps": 500}, {"temperature": 0.8}, {"equilibration": 500}]
    assert all(dataclasses.replace(base, **change).cost() > base.cost() for change in dearer)
    assert dataclasses.replace(base, copies=1).cost() < base.cost()
    assert dataclasses.replace(base, temperature=0.0).cost() < base.cost()
