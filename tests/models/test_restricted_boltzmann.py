"""Restricted Boltzmann machines against enumeration, finite differences, and what their definitions say."""

import hashlib
import math

import numpy as np
import pytest
from scipy import stats

from isinglass import measures
from isinglass.kernels import boltzmann
from isinglass.kernels.streams import jumped
from isinglass.models.base import parameters
from isinglass.models.restricted_boltzmann import RECORDS, RestrictedBoltzmannMachine, _compare, bars_and_stripes
from isinglass.theory import boltzmann as theory

NOWHERE = np.empty(0, np.int64)


def stream(*name: object) -> np.ndarray:
    return np.frombuffer(hashlib.blake2b(repr(name).encode(), digest_size=32).digest(), dtype=np.uint64).copy()


def noises(replicas: int, *name: object) -> np.ndarray:
    return np.stack([stream("noise", k, *name) for k in range(replicas)])


def machine(n_v: int, n_h: int, scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n_v + 100 * n_h)
    return tuple(scale * rng.normal(size=shape) for shape in ((n_v, n_h), n_v, n_h))  # type: ignore[return-value]


def learned(count: int, **given: object) -> np.ndarray:
    """Divergence after learning of `count` samples."""
    model = RestrictedBoltzmannMachine(copies=1, equilibration=0, steps=1, **given)  # type: ignore[arg-type]
    return np.array([model.simulate(stream("learn", k), noises(1))["final_kl"][0] for k in range(count)])


# Sampling


def test_block_gibbs_sampling_has_the_exact_distribution() -> None:
    """n_v = 8, n_h = 6, 10^6 steps, one in ten taken: total variation at the floor of as many independent draws, within
    4 standard deviations of it (6e-5), and χ² with false alarm 1e-4."""
    w, a, b = machine(8, 6, 0.7)
    codes = np.empty(10**6, np.int64)
    boltzmann.gibbs(w, np.ascontiguousarray(w.T), a, b, codes.size, stream("gibbs"), np.zeros(8, np.int8), codes)
    p = theory.visible_distribution(w, a, b)
    counts = np.bincount(codes[9::10], minlength=256)
    n = counts.sum()
    floor = theory.total_variation(p, n)
    rng = np.random.default_rng(3)
    spread = np.std(abs(rng.multinomial(n, p, 400) / n - p).sum(axis=1) / 2)
    assert floor < 0.025
    assert abs(abs(counts / n - p).sum() / 2 - floor) < 4 * spread
    often = n * p > 5
    observed, expected = np.append(counts[often], counts[~often].sum()), n * np.append(p[often], p[~often].sum())
    assert stats.chisquare(observed, expected).pvalue > 1e-4


def test_extreme_fields_are_numbers() -> None:
    assert boltzmann.sigmoid(1e4) == 1
    assert boltzmann.sigmoid(-1e4) == 0
    assert boltzmann.sigmoid(0.3) == pytest.approx(1 / (1 + math.exp(-0.3)), rel=1e-15)


# Exact sums


@pytest.mark.parametrize(("n_v", "n_h", "scale"), [(5, 3, 1.0), (3, 5, 1.0), (4, 4, 40.0), (3, 600, 0.1)])
def test_moments_are_sums_over_all_states(n_v: int, n_h: int, scale: float) -> None:
    w, a, b = machine(n_v, n_h, scale)
    v = theory.states(n_v)
    field = b + v @ w
    log = v @ a + np.logaddexp(0, field).sum(axis=1)
    p, active = theory.visible_distribution(w, a, b), 1 / (1 + np.exp(-np.clip(field, -700, 700)))
    mean, other, products = np.empty(n_v), np.empty(n_h), np.empty((n_v, n_h))
    log_z = boltzmann.moments(w, a, b, mean, other, products)
    assert log_z == pytest.approx(np.logaddexp.reduce(log), rel=1e-13)
    np.testing.assert_allclose(mean, p @ v, atol=1e-12)
    np.testing.assert_allclose(other, p @ active, atol=1e-12)
    np.testing.assert_allclose(products, np.einsum("k,ki,kj->ij", p, v, active), atol=1e-12)
    assert boltzmann.moments(w, a, b, mean, other, np.empty((0, 0))) == log_z
    np.testing.assert_allclose(boltzmann.log_weights(v.astype(np.int8), w, a, b), log, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("n_v", "n_h"), [(4, 6), (6, 4)])
def test_the_exact_gradient_is_that_of_finite_differences(n_v: int, n_h: int) -> None:
    """Central differences of the enumerated log-likelihood, step 1e-4: error 1e-8; asked 1e-6."""
    w, a, b = machine(n_v, n_h, 0.8)
    data = np.random.default_rng(4).integers(0, 2, (5, n_v)).astype(np.int8)
    got = np.empty_like(w), np.empty_like(a), np.empty_like(b)
    boltzmann.gradient(data, w, a, b, boltzmann.EXACT, 1, stream("g"), np.empty((0, n_v), np.int8), *got)
    for part, exact in zip((w, a, b), got, strict=True):
        for i in np.ndindex(part.shape):
            ends = []
            for change in (1e-4, -1e-4):
                part[i] += change
                ends.append(theory.log_likelihood(data, w, a, b))
                part[i] -= change
            assert exact[i] == pytest.approx((ends[0] - ends[1]) / 2e-4, abs=1e-6)


@pytest.mark.parametrize("method", [boltzmann.CD, boltzmann.PCD])
def test_contrastive_divergence_tends_to_the_gradient(method: int) -> None:
    """n_v = 4, n_h = 3; 40 estimates of 1000 chains: within 4.5 standard errors at k = 40 (2e-4 for all 19 numbers; 40
    steps leave 1e-4), and not at k = 1 from the data."""
    w, a, b = machine(4, 3, 1.0)
    data = np.array([[1, 1, 1, 1], [1, 1, 1, 0]], np.int8)

    def estimate(how: int, k: int, seed: int) -> np.ndarray:
        out = np.empty_like(w), np.empty_like(a), np.empty_like(b)
        particles = np.tile(data, (500, 1))
        boltzmann.gradient(data, w, a, b, how, k, stream("cd", how, k, seed), particles, *out)
        return np.concatenate([x.ravel() for x in out])

    def deviation(k: int) -> float:
        drawn = np.array([estimate(method, k, seed) for seed in range(40)]) - estimate(boltzmann.EXACT, 1, 0)
        return float(abs(drawn.mean(axis=0) / drawn.std(axis=0, ddof=1)).max() * math.sqrt(len(drawn)))

    assert deviation(40) < 4.5
    assert deviation(1) > 6


# Learning


def test_a_machine_without_weights_is_uniform() -> None:
    """KL = 9 ln 2 - ln 14 at the start; ln 14 is the entropy of the bars and stripes."""
    model = RestrictedBoltzmannMachine(initial_scale=0.0, learning_rate=0.0, updates=RECORDS, copies=1)
    kl = model.simulate(stream("flat"), noises(1))["kl"][0]
    np.testing.assert_allclose(kl, 9 * math.log(2) - math.log(14), rtol=1e-13)


def test_bars_and_stripes() -> None:
    images = bars_and_stripes(3).reshape(-1, 3, 3)
    assert len(images) == 14
    assert all((x == x[:, :1]).all() or (x == x[:1]).all() for x in images)


def test_the_divergence_is_that_of_the_enumeration() -> None:
    """After learning, with patterns that repeat; for both kinds of smaller layer."""
    for hidden in (3, 7):
        model = RestrictedBoltzmannMachine(data="random", visible=4, hidden=hidden, load=3.0, updates=60)
        got = model.prepare(stream("repeat"))
        p = theory.visible_distribution(got.weights, got.a, got.b)
        q = np.bincount(got.patterns @ 2 ** np.arange(4), minlength=16) / 12
        assert (q > 1 / 12).any()
        there = q > 0
        assert got.kl[-1] == pytest.approx((q[there] * np.log(q[there] / p[there])).sum(), abs=1e-12)


def test_small_steps_along_the_gradient_never_raise_the_divergence() -> None:
    model = RestrictedBoltzmannMachine(learning="exact", hidden=5, learning_rate=0.05, updates=1000, copies=1)
    kl = model.simulate(stream("ascent"), noises(1))["kl"][0]
    assert (np.diff(kl) < 0).all()
    assert kl[-1] > 0


@pytest.mark.parametrize(("hidden", "updates", "count"), [(8, 2000, 6), (16, 1500, 4)])
def test_exact_learning_is_best_and_more_steps_are_better(hidden: int, updates: int, count: int) -> None:
    """KL of exact <= CD-10 < CD-1, samples paired: more than 4 standard errors between CD-10 and CD-1 (Student, 6
    samples: 5e-3), less than 2 the wrong way between exact and CD-10."""
    kl = {
        name: learned(count, learning=method, k=k, hidden=hidden, updates=updates, learning_rate=0.4)
        for name, method, k in (("exact", "exact", 1), ("cd10", "cd", 10), ("cd1", "cd", 1))
    }
    for better, worse, sigma in (("cd10", "cd1", 4), ("exact", "cd10", -2)):
        gain = kl[worse] - kl[better]
        assert gain.mean() > sigma * gain.std(ddof=1) / math.sqrt(count), (better, worse)


def test_how_a_machine_learns_does_not_change_what() -> None:
    """Patterns and initial weights are shared: the first record of the divergence is the same, and so is the cue."""
    runs = [
        RestrictedBoltzmannMachine(learning=m, k=k, updates=40).simulate(stream("same"), noises(1))
        for m, k in (("exact", 1), ("cd", 3), ("pcd", 1))
    ]
    assert len({r["kl"][0, 0] for r in runs}) == 1
    assert len({r["kl"][0, -1] for r in runs}) == 3
    quenched = {name for name, spec in parameters(RestrictedBoltzmannMachine).items() if spec.quenched}
    assert quenched == {"data", "visible", "hidden", "load"}


def test_learning_that_goes_on_says_so() -> None:
    given = {"data": "random", "visible": 16, "load": 0.25, "likelihood": False, "copies": 1}
    short = RestrictedBoltzmannMachine(updates=40, final_rate=1.0, **given).simulate(stream("s"), noises(1))
    assert short["converged"] == 0
    assert np.isnan(short["kl"]).all()
    frozen = RestrictedBoltzmannMachine(updates=40, learning_rate=0.0, **given).simulate(stream("s"), noises(1))
    assert frozen["converged"] == 1


# Recall


def test_one_pattern_is_recalled_perfectly() -> None:
    model = RestrictedBoltzmannMachine(data="random", visible=40, load=1 / 40, updates=400, likelihood=False, cue=0.5)
    got = model.simulate(stream("one"), noises(3))
    for name in ("memory", "recall_overlap", "final_overlap", "mean_overlap", "coherence", "hidden_coherence"):
        np.testing.assert_array_equal(got[name], 1, err_msg=name)
    np.testing.assert_array_equal(got["initial_overlap"], 0.5)
    np.testing.assert_array_equal(got["recall_gain"], 0.5)
    assert np.isnan(got["blind_coherence"]).all()
    entropy = measures.entropy(np.bincount(model.prepare(stream("one")).patterns[0], minlength=2))
    np.testing.assert_allclose(got["recalled_bits"], 40 * entropy)


def test_memory_of_a_permuted_readout_is_zero() -> None:
    """2000 patterns of 100 units: 4 standard errors, and 1e-3 for what the correction for finite samples leaves."""
    rng = np.random.default_rng(5)
    message = rng.choice([-1, 1], (2000, 100)).astype(np.int8)
    states = rng.permuted(message, axis=1)
    memory = measures.memory(_compare(states, message)[1])
    assert abs(memory.mean()) < 4 * memory.std() / math.sqrt(2000) + 1e-3


@pytest.mark.parametrize("readout", ["mean_field", "gibbs"])
def test_observables_are_their_definitions(readout: str) -> None:
    """The three copies again in numpy, from the learned weights and the same streams."""
    model = RestrictedBoltzmannMachine(
        data="random", visible=10, hidden=6, load=0.3, updates=300, cue=0.6, readout=readout, equilibration=2, steps=4
    )
    noise = noises(2)
    got, known = model.simulate(stream("d"), noise), model.prepare(stream("d"))
    w, a, b = known.weights, known.a, known.b

    def sigma(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    def drawn(p: np.ndarray, s: np.ndarray) -> np.ndarray:
        return np.array([boltzmann.uniform(s) < x for x in p], float)

    def track(s: np.ndarray, message: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        order = np.arange(10)
        boltzmann.choose(s, 2, order)
        v, out = message.astype(float), []
        v[order[:2]] = 1 - v[order[:2]]
        for _ in range(6):
            h = sigma(b + v @ w)
            h = h if readout == "mean_field" else drawn(h, s)
            v = sigma(a + w @ h)
            v = v if readout == "mean_field" else drawn(v, s)
            out.append((np.where(v > 0.5, 1, -1), np.where(h > 0.5, 1, -1)))
        return np.array([x for x, _ in out])[2:], np.array([x for _, x in out])[2:]

    xi = 2 * known.patterns.astype(int) - 1
    for r in range(2):
        (va, ha), (vb, hb), (vc, _) = (track(jumped(noise[r], c), known.patterns[c // 2]) for c in range(3))
        overlap = va @ xi[0] / 10
        counts = np.array([[[((xi[0] == x) & (v == y)).sum() for y in (-1, 1)] for x in (-1, 1)] for v in va])
        s = jumped(noise[r], 3)
        last = np.array([track(s, p)[0][-1] for p in known.patterns])
        expected = {
            "coherence": abs((va * vb).mean(axis=1)).mean(),
            "blind_coherence": abs((va * vc).mean(axis=1)).mean(),
            "hidden_coherence": abs((ha * hb).mean(axis=1)).mean(),
            "memory": np.where(overlap > 0, measures.memory(counts), 0).mean(),
            "recall_overlap": overlap.mean(),
            "recall_gain": overlap.mean() - 0.6,
            "initial_overlap": 0.6,
            "final_overlap": overlap[-1],
            "mean_overlap": (last * xi).mean(),
            "final_kl": known.kl[-1],
            "lowest_kl": known.kl.min(),
            "weight_scale": np.sqrt((w**2).mean()),
            "adjustable": 76,
            "realised_load": 0.3,
        }
        for name, value in expected.items():
            assert got[name][r] == pytest.approx(value, abs=1e-12), name
    assert set(got) - set(expected) == {"kl", "converged", "recalled_bits"}


def test_parameters_and_their_limits() -> None:
    model = RestrictedBoltzmannMachine
    with pytest.raises(ValueError, match=r"no square.*take 4, 9"):
        model(visible=8)
    with pytest.raises(ValueError, match=r"makes 0 patterns: raise load"):
        model(data="random", visible=10, load=0.01)
    with pytest.raises(ValueError, match=r"smaller layer, 2\^32.*likelihood = False"):
        model(data="random", visible=32, hidden=40)
    with pytest.raises(ValueError, match=r"learning = 'exact' sums"):
        model(data="random", visible=32, hidden=40, learning="exact", likelihood=False)
    with pytest.raises(ValueError, match=r"lower chains"):
        model(data="random", visible=4096, chains=100_000, likelihood=False, hidden=1)
    for wrong in ({"cue": -0.1}, {"k": 0}, {"updates": 3}, {"learning_rate": -1.0}, {"copies": 2}, {"hidden": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            model(**wrong)
    assert model(data="random", visible=32, hidden=20).enumerated
    assert model(chains=15).particles == 28


def test_cost_orders_what_takes_longer() -> None:
    base = RestrictedBoltzmannMachine()
    for change in (
        {"updates": 9000},
        {"k": 5},
        {"chains": 100},
        {"learning": "exact"},
        {"hidden": 12},
        {"visible": 16},
    ):
        assert RestrictedBoltzmannMachine(**change).cost() > base.cost(), change  # type: ignore[arg-type]
