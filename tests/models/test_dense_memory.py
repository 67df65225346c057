"""Dense associative memory against its energy, the Hopfield model, enumeration, one-step theory and references."""

import dataclasses
import hashlib
import math

import numpy as np
import pytest

from isinglass import measures
from isinglass.catalog import reference
from isinglass.kernels import dense
from isinglass.models.base import parameters
from isinglass.models.dense_memory import ORDERS, DenseAssociativeMemory, store
from isinglass.models.hopfield import Hopfield
from isinglass.theory import dense as theory

INTERACTIONS = tuple(ORDERS)


def stream(*name: object) -> np.ndarray:
    return np.frombuffer(hashlib.blake2b(repr(name).encode(), digest_size=32).digest(), dtype=np.uint64)


def noises(replicas: int, *name: object) -> np.ndarray:
    return np.stack([stream("noise", k, *name) for k in range(replicas)])


def samples(model: DenseAssociativeMemory, count: int, name: str = "test") -> dict[str, np.ndarray]:
    """Observables (sample,)."""
    disorder = np.stack([stream(name, k) for k in range(count)])
    noise = np.stack([noises(1, name, k) for k in range(count)])
    return {k: x[:, 0] for k, x in DenseAssociativeMemory.simulate_batch([model] * count, disorder, noise).items()}


def within(values: np.ndarray, exact: float, extra: float = 0.0) -> bool:
    """4 standard errors of the mean: false alarm 6e-5 for many values, 2e-4 for 40 (Student)."""
    return bool(abs(values.mean() - exact) < 4 * values.std(ddof=1) / math.sqrt(len(values)) + extra)


def energies(order: int, xi: np.ndarray, states: np.ndarray) -> np.ndarray:
    """E of states (S, N) from its definition, patterns (P, N)."""
    n = xi.shape[1]
    overlaps = states.astype(float) @ xi.T
    if order == dense.EXPONENTIAL:
        return -np.log(np.exp(overlaps).sum(axis=1))
    return -(overlaps**order).sum(axis=1) / (order * float(n) ** (order - 1))


# Dynamics


@pytest.mark.parametrize("interaction", INTERACTIONS)
def test_the_field_is_half_the_energy_difference(interaction: str) -> None:
    """All neurons of random states, N = 12, P = 30; for powers the difference is of exact integers."""
    order, n = ORDERS[interaction], 12
    signs = store(stream("field"), n, 30)
    rng = np.random.default_rng(1)
    for _ in range(20):
        s = rng.choice(np.array([-1, 1], np.int8), n)
        overlaps = np.empty(30, np.int64)
        dense.find_overlaps(signs, s, overlaps)
        np.testing.assert_array_equal(overlaps, signs.T.astype(int) @ s)
        for i in range(n):
            up, down = s.copy(), s.copy()
            up[i], down[i] = 1, -1
            below, above = energies(order, signs.T, np.stack([down, up]))
            h = dense.field(order, signs[i], s[i], overlaps) / dense.scale(order, n)
            np.testing.assert_allclose(h, (below - above) / 2, atol=1e-12)
        np.testing.assert_allclose(
            dense.energy(order, n, overlaps), energies(order, signs.T, s[None])[0] / n, atol=1e-12
        )


@pytest.mark.parametrize("interaction", INTERACTIONS)
def test_a_step_takes_the_lower_energy_of_each_neuron(interaction: str) -> None:
    """T = 0: each neuron in turn to the state of lower energy, recomputed, kept where equal; until nothing moves."""
    order, n = ORDERS[interaction], 20
    signs = store(stream("argmin"), n, 40)
    rng = np.random.default_rng(2)
    for _ in range(5):
        s = rng.choice(np.array([-1, 1], np.int8), n)
        mine, overlaps = s.copy(), np.empty(40, np.int64)
        dense.find_overlaps(signs, mine, overlaps)
        before = energies(order, signs.T, s[None])[0]
        for _ in range(30):
            flips = dense.step(order, signs, 0.0, np.empty(n, np.uint64), mine, overlaps)
            for i in range(n):
                turned = s.copy()
                turned[i] = -s[i]
                here, there = energies(order, signs.T, np.stack([s, turned]))
                s = turned if there < here - 1e-10 else s
            np.testing.assert_array_equal(mine, s)
            after = energies(order, signs.T, s[None])[0]
            assert after <= before + 1e-10
            before = after
        assert flips == 0
        np.testing.assert_array_equal(overlaps, signs.T.astype(int) @ mine)


@pytest.mark.parametrize("temperature", [0.0, 0.4])
def test_order_two_is_the_hopfield_model_to_the_bit(temperature: float) -> None:
    """From the same streams; the energy has the diagonal, P/(2N) a neuron, besides."""
    for n, load in ((200, 0.12), (71, 0.2)):
        common = {"neurons": n, "load": load, "temperature": temperature, "cue": 0.5, "equilibration": 20, "steps": 10}
        mine = DenseAssociativeMemory(interaction="quadratic", **common).simulate(stream("hopfield"), noises(4))
        theirs = Hopfield(**common).simulate(stream("hopfield"), noises(4))
        both = (set(mine) & set(theirs)) - {"energy"}
        assert {"coherence", "blind_coherence", "memory", "final_overlap", "spurious_overlap"} <= both
        for name in both:
            np.testing.assert_array_equal(mine[name], theirs[name], err_msg=name)
        np.testing.assert_allclose(mine["energy"], theirs["energy"] - theirs["realised_load"] / 2, atol=1e-14)


@pytest.mark.parametrize(("interaction", "load"), [("cubic", 5 / 64), ("quartic", 6 / 512), ("exponential", 0.2)])
def test_heat_bath_samples_the_boltzmann_distribution(interaction: str, load: float) -> None:
    """Energy of 8 spins and overlap of two copies against all 256 states; 100 runs, 4 standard errors (1e-4)."""
    n, t, order = 8, 0.6, ORDERS[interaction]
    model = DenseAssociativeMemory(
        interaction=interaction, neurons=n, load=load, temperature=t, equilibration=30, steps=300
    )
    xi = store(stream("boltzmann"), n, model.stored).T
    states = 1 - 2 * (np.arange(256)[:, None] >> np.arange(n) & 1)
    energy = energies(order, xi, states)
    weight = np.exp(-(energy - energy.min()) / t)
    weight /= weight.sum()
    got = model.simulate(stream("boltzmann"), noises(100))
    assert within(got["energy"], weight @ energy / n)
    assert within(got["coherence"], weight @ abs(states @ states.T / n) @ weight)


# Physics


def test_one_step_errors() -> None:
    """Share of unstable neurons at the reference's settings: theory at finite N, 4 standard errors (6e-5)."""
    table = reference("dense_memory.one_step_error")
    for order, neurons, patterns in zip(*(table.column(c) for c in ("order", "neurons", "patterns")), strict=True):
        n, p, order = int(neurons), int(patterns), int(order)
        drawn = (store(stream("one step", order, k), n, p) for k in range(300 if n < 200 else 100))
        wrong = [dense.unstable(order, signs, np.ascontiguousarray(signs[:, 0])) / n for signs in drawn]
        assert within(np.array(wrong), theory.finite_one_step_error(n, p, order), 1e-4), (order, n)


def test_overlaps_of_cubic_interaction_are_the_reference_s() -> None:
    """N = 150 from the pattern, 48 samples; the prototype's number is not recorded, 16 are assumed: 4 joint errors."""
    table = reference("dense_memory.cubic_overlap")
    for load, m in zip(table.column("load"), table.column("overlap"), strict=True):
        model = DenseAssociativeMemory(neurons=150, load=load, copies=1, equilibration=200)
        got = samples(model, 48, f"cubic {load}")
        assert got["converged"].all()
        final = got["final_overlap"]
        error = final.std(ddof=1) * math.sqrt(1 / 48 + 1 / 16)
        assert abs(final.mean() - m) < 4 * error + 0.0051, (load, final.mean(), error)


@pytest.mark.parametrize(("neurons", "load"), [(20, 0.45), (20, 0.5), (24, 0.4)])
def test_exponential_patterns_are_stable_but_for_close_rivals(neurons: int, load: float) -> None:
    """Share of stable patterns against that without a rival one flip away, 200 samples; 4 binomial errors (6e-5).

    Beyond ln(2)/2 = 0.3466, where they are proven to be stable for N → ∞, most of them still are.
    """
    model = DenseAssociativeMemory(interaction="exponential", neurons=neurons, load=load, copies=1, equilibration=0)
    count = 200
    drawn = (store(stream("stable", k), neurons, model.stored) for k in range(count))
    stable = [dense.unstable(0, signs, np.ascontiguousarray(signs[:, 0])) == 0 for signs in drawn]
    expected = theory.exponential_stability(neurons, model.stored)
    assert abs(np.mean(stable) - expected) < 4 * math.sqrt(expected * (1 - expected) / count) + 0.01


def test_odd_orders_tell_a_pattern_from_its_negative() -> None:
    """One pattern: from -ξ cubic and exponential interactions leave, quadratic and quartic ones stay."""
    for interaction, order in ORDERS.items():
        signs = store(stream("negative"), 16, 1)
        assert dense.unstable(order, signs, -signs[:, 0]) == (16 if interaction in ("cubic", "exponential") else 0)


def test_memory_of_perfect_recall_is_exactly_one() -> None:
    for interaction, load in (("cubic", 0.02), ("quartic", 0.002), ("exponential", 0.08)):
        got = samples(DenseAssociativeMemory(interaction=interaction, load=load, cue=0.8), 3)
        for name in ("memory", "coherence", "final_overlap"):
            np.testing.assert_array_equal(got[name], 1)


# Observables


@pytest.mark.parametrize("interaction", ["cubic", "exponential"])
def test_observables_are_their_definitions(interaction: str) -> None:
    """A plain run of the three copies at T = 0 from the same cues."""
    from isinglass.kernels import spins
    from isinglass.kernels.streams import jumped

    n, order = 24, ORDERS[interaction]
    model = DenseAssociativeMemory(interaction=interaction, neurons=n, load=0.2, cue=0.5, equilibration=0, steps=3)
    disorder, noise = stream("definitions"), noises(3)
    got = model.simulate(disorder, noise)
    xi = store(disorder, n, model.stored).T.astype(int)
    for r in range(3):
        tracks = []
        for c, message in enumerate((0, 0, 1)):
            s, clamped = np.zeros(n, np.int8), np.zeros(n, np.uint8)
            spins.make_cue(jumped(noise[r], c), xi[message].astype(np.int8), spins.FLIPPED, 6, s, clamped)
            state, track = s.astype(int), []
            for _ in range(3):
                for i in range(n):
                    pair = np.stack([state, state])
                    pair[1, i] *= -1
                    here, there = energies(order, xi, pair)
                    state = pair[1] if there < here - 1e-10 else pair[0]
                track.append(state.copy())
            tracks.append(np.array(track))
        a, b, c = tracks
        overlap = a @ xi[0] / n
        joint = np.array([[[((xi[0] == x) & (s == y)).sum() for y in (-1, 1)] for x in (-1, 1)] for s in a])
        around = np.concatenate([xi[:1], xi[0] * (1 - 2 * np.eye(n, dtype=int))])
        unstable = (energies(order, xi, around)[1:] < energies(order, xi, xi[:1])[0] - 1e-10).mean()
        expected = {
            "coherence": abs((a * b).sum(axis=1) / n).mean(),
            "blind_coherence": abs((a * c).sum(axis=1) / n).mean(),
            "memory": np.where(overlap <= 0, 0, measures.memory(joint)).mean(),
            "recall_overlap": overlap.mean(),
            "recall_gain": overlap.mean() - 0.5,
            "initial_overlap": 0.5,
            "final_overlap": overlap[-1],
            "spurious_overlap": abs(xi[1:] @ a[-1]).max() / n,
            "unstable": unstable,
            "stable": unstable == 0,
            "energy": energies(order, xi, a).mean() / n,
            "converged": (a[-1] == a[-2]).all(),
            "realised_load": math.log(model.stored) / n if order == 0 else model.stored / n**2,
            "stored_patterns": model.stored,
        }
        assert set(expected) == set(got)
        for name, value in expected.items():
            np.testing.assert_allclose(got[name][r], value, atol=1e-12, err_msg=name)


# Laws


def variety() -> list[DenseAssociativeMemory]:
    tiny = DenseAssociativeMemory.tiny()
    return [
        tiny,
        dataclasses.replace(tiny, interaction="quadratic", temperature=0.0, load=0.3),
        dataclasses.replace(tiny, interaction="quartic", load=0.01),
        dataclasses.replace(tiny, interaction="exponential", load=0.3, copies=1),
        dataclasses.replace(tiny, load=1 / tiny.neurons**2),
    ]


def test_a_batch_gives_the_bytes_of_each_alone_and_writes_to_no_input() -> None:
    models = variety()
    disorder, noise = np.stack([stream(k // 2) for k in range(5)]), np.stack([noises(4, k) for k in range(5)])
    disorder.flags.writeable = noise.flags.writeable = False
    batch = DenseAssociativeMemory.simulate_batch(models, disorder, noise)
    for k, model in enumerate(models):
        for r in (slice(0, 4), slice(2, 3), slice(None, None, -1)):
            alone = model.simulate(disorder[k], noise[k, r])
            for name in batch:
                assert batch[name][k, r].tobytes() == alone[name].tobytes(), name


def test_copy_a_does_not_know_of_the_others() -> None:
    for model in variety():
        three, one = (dataclasses.replace(model, copies=c).simulate(stream("a"), noises(3)) for c in (3, 1))
        for name in set(three) - {"coherence", "blind_coherence"}:
            assert three[name].tobytes() == one[name].tobytes(), name


def test_undefined_is_nan_and_nothing_else_is() -> None:
    alone = samples(DenseAssociativeMemory(load=1e-4), 2)
    assert {name for name, x in alone.items() if np.isnan(x).any()} == {"blind_coherence", "spurious_overlap"}
    single = samples(DenseAssociativeMemory(copies=1), 2)
    assert {name for name, x in single.items() if np.isnan(x).any()} == {"coherence", "blind_coherence"}
    for o in DenseAssociativeMemory.observables:
        assert single[o.name].dtype == np.dtype(o.dtype)


def test_parameters_and_their_limits() -> None:
    quenched = {name for name, spec in parameters(DenseAssociativeMemory).items() if spec.quenched}
    assert quenched == {"interaction", "neurons", "load"}
    assert DenseAssociativeMemory(neurons=150, load=0.06).stored == 1350
    with pytest.raises(ValueError, match=r"rounds to 0 patterns; 0\.0001 stores one"):
        DenseAssociativeMemory(load=1e-5)
    assert DenseAssociativeMemory(interaction="exponential", neurons=24, load=0.4).stored == 14765
    with pytest.raises(ValueError, match=r"more than 2\^27 signs with exponential .* set load <= 0\.141, or fewer"):
        DenseAssociativeMemory(interaction="exponential", neurons=100, load=0.2)
    with pytest.raises(ValueError, match=r"more than 2\^27 signs with quartic interaction"):
        DenseAssociativeMemory(interaction="quartic", neurons=1000)
    with pytest.raises(ValueError, match=r"exceed 2\^62"):
        DenseAssociativeMemory(interaction="quartic", neurons=4096, load=4e-7)
    for wrong in ({"neurons": 7}, {"load": 0.0}, {"cue": -0.1}, {"interaction": "quintic"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            DenseAssociativeMemory(**wrong)


def test_cost_orders_what_takes_longer() -> None:
    base = DenseAssociativeMemory()
    dearer = [{"neurons": 200}, {"load": 0.1}, {"temperature": 0.5}]
    assert all(dataclasses.replace(base, **change).cost() > base.cost() for change in dearer)
    assert dataclasses.replace(base, copies=1).cost() < base.cost()
