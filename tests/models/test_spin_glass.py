"""Spin glasses against enumeration, the Nishimori line, Gaussian identities, and a plain run of their definitions."""

import dataclasses
import hashlib
import math

import numpy as np
import pytest

from isinglass import catalog, measures
from isinglass.kernels import glass
from isinglass.kernels.streams import jumped, random_signs, uniform
from isinglass.models.base import parameters
from isinglass.models.spin_glass import RandomBonds, SpinGlass, SpinGlassMemory
from isinglass.theory import spin_glass as theory


def stream(*name: object) -> np.ndarray:
    return np.frombuffer(hashlib.blake2b(repr(name).encode(), digest_size=32).digest(), dtype=np.uint64).copy()


def noises(replicas: int, *name: object) -> np.ndarray:
    return np.stack([stream("noise", k, *name) for k in range(replicas)])


def samples(model: SpinGlass | SpinGlassMemory, count: int, name: str = "test") -> dict[str, np.ndarray]:
    """Observables (sample, own...)."""
    rows = [model.simulate(stream(name, k), noises(1, name, k)) for k in range(count)]
    return {o.name: np.concatenate([row[o.name] for row in rows]) for o in model.observables}


def deviation(values: np.ndarray, exact: float = 0.0) -> float:
    """In standard errors: beyond 4 by chance 6e-5 for many values, 6e-4 for 20 (Student), 2e-4 for 50."""
    return float(abs(values.mean() - exact) / (values.std(ddof=1) / math.sqrt(len(values))))


def graph(model: RandomBonds, disorder: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges (B, 2), couplings (B,), planted pattern of a sample."""
    table, couplings, planted, _ = model.store(disorder)
    if model.geometry == "complete":
        rows, columns = np.triu_indices(model.spins, 1)
        return np.stack([rows, columns], axis=1), couplings[rows, columns], planted
    own = np.repeat(np.arange(model.spins)[:, None], 2, axis=1)
    return np.stack([own, table[:, [0, 2]]], axis=2).reshape(-1, 2), couplings[:, [0, 2]].ravel(), planted


# Couplings


def test_every_bond_of_the_lattice_stands_there_twice_with_one_value() -> None:
    model = SpinGlass(spins=25, bonds="gaussian")
    table, couplings, _, _ = model.store(stream("bonds"))
    for k, back in ((0, 1), (2, 3)):
        np.testing.assert_array_equal(table[table[:, k], back], np.arange(25))
        np.testing.assert_array_equal(couplings[table[:, k], back], couplings[:, k])
    assert sorted(table[12]) == [7, 11, 13, 17]
    _, full, _, _ = dataclasses.replace(model, geometry="complete").store(stream("bonds"))
    np.testing.assert_array_equal(full, full.T)
    assert not full.diagonal().any()


@pytest.mark.parametrize("geometry", ["square", "complete"])
def test_moments_of_gaussian_bonds_along_the_pattern(geometry: str) -> None:
    """4 standard errors each (6e-5)."""
    model = SpinGlass(spins=900, geometry=geometry, bonds="gaussian", mean=1.5)
    edges, bonds, planted = graph(model, stream("moments"))
    along = bonds * planted[edges[:, 0]] * planted[edges[:, 1]]
    assert abs(along.mean() - model.bond_mean) < 4 * math.sqrt(model.bond_variance / len(bonds))
    assert abs(along.var() / model.bond_variance - 1) < 4 * math.sqrt(2 / len(bonds))
    _, bonds, _ = graph(SpinGlass(spins=900, aligned=1.0), stream("moments"))
    assert set(bonds) == {-1.0, 1.0}


# Equilibrium


@pytest.mark.parametrize(
    ("model", "rungs"),
    [
        (SpinGlass(spins=16, aligned=0.5, temperature=0.8), 1),
        (SpinGlass(spins=16, aligned=0.5, temperature=0.4), 5),
        (SpinGlass(spins=16, aligned=0.85, temperature=1.2), 3),
        (SpinGlass(spins=9, bonds="gaussian", mean=0.4, temperature=0.5), 3),
        (SpinGlass(spins=10, geometry="complete", bonds="gaussian", temperature=0.4), 3),
    ],
)
def test_enumeration(model: SpinGlass, rungs: int) -> None:
    """One sample, 40 runs: 4 standard errors each (3e-4, Student), also of the ladder's hottest temperature."""
    model = dataclasses.replace(model, rungs=rungs, equilibration=200, steps=600)
    disorder = stream("enumeration", 2)
    got = model.simulate(disorder, noises(40))
    exact = theory.enumerate_states(*graph(model, disorder), model.temperature)
    for name, value in exact.items():
        assert deviation(got[name], value) < 4, name
    hot = theory.enumerate_states(*graph(model, disorder), model.ladder[-1])
    assert deviation(got["ladder_energy"][:, -1], hot["energy"]) < 4
    assert deviation(got["ladder_replica_square"][:, -1], hot["replica_square"]) < 4


@pytest.mark.parametrize(("aligned", "gaussian"), [(0.75, None), (0.9, None), (0.5, 1.0)])
def test_on_the_nishimori_line_memory_is_coherence(aligned: float, gaussian: float | None) -> None:
    """L = 6, 100 samples: |m| = |q|, m² = q², U, 4 standard errors. p = 0.75: hotter |m| > |q|, colder less."""
    if gaussian is None:
        on = SpinGlass(spins=36, aligned=aligned, temperature=float(theory.nishimori_temperature(aligned)))
    else:
        on = SpinGlass(spins=36, bonds="gaussian", mean=gaussian, temperature=1 / gaussian)
    on = dataclasses.replace(on, rungs=4, equilibration=100, steps=200)
    got = samples(on, 100)
    energy = theory.nishimori_energy(on.temperature) if gaussian is None else -2 * gaussian
    assert deviation(got["overlap_difference"]) < 4
    assert deviation(got["planted_square"] - got["replica_square"]) < 4
    assert deviation(got["energy"], float(energy)) < 4
    for factor, sign in ((1.5, 1), (0.6, -1)) if aligned == 0.75 else ():
        away = samples(dataclasses.replace(on, temperature=factor * on.temperature, hottest=4.0), 100)
        assert sign * away["overlap_difference"].mean() > 0
        assert deviation(away["overlap_difference"]) > 4


@pytest.mark.parametrize(
    "model",
    [
        SpinGlass(spins=64, geometry="complete", bonds="gaussian", temperature=0.6, rungs=5, hottest=1.6),
        SpinGlass(spins=36, bonds="gaussian", temperature=0.6, rungs=5),
        SpinGlass(spins=36, bonds="gaussian", mean=0.7, temperature=1.0, rungs=3),
        SpinGlass(spins=64, geometry="complete", bonds="gaussian", mean=1.4, temperature=0.8),
    ],
)
def test_gaussian_identities(model: SpinGlass) -> None:
    """60 samples: 4 standard errors (2e-4); both starts agree; the SK identity in its usual form."""
    got = samples(dataclasses.replace(model, equilibration=200, steps=200), 60)
    assert deviation(got["identity"]) < 4
    assert deviation(got["energy_gap"]) < 4
    if model.geometry == "complete" and not model.mean:
        usual = got["energy"] + (1 - got["replica_square"]) / (2 * model.temperature)
        np.testing.assert_allclose(usual, got["identity"], atol=1e-12)


def test_bimodal_bonds_have_no_such_identity() -> None:
    """4x4, p = 1/2, T = 1: U + (z/2T)(1 - q_link) of the card's prototype, 4 standard errors of both."""
    entry = catalog.reference("spin_glass.prototype.bimodal_residual")
    got = samples(SpinGlass(spins=16, temperature=1.0, rungs=3, equilibration=50, steps=100), 100)
    residual = got["energy"] + 2 * (1 - got["link_overlap"])
    error = math.hypot(residual.std(ddof=1) / 10, float(entry.uncertainty))
    assert abs(residual.mean() - entry.number()) < 4 * error
    assert deviation(residual) > 4
    assert np.isnan(got["identity"]).all()


def test_the_complete_graph_above_its_glass() -> None:
    """N⟨q²⟩ = 1/(1 - β²) at T = 2: 4 standard errors of 40 samples and 5 % for N = 200 (the next order is O(1/N))."""
    model = SpinGlass(spins=200, geometry="complete", bonds="gaussian", temperature=2.0, equilibration=20, steps=200)
    square = samples(model, 40)["replica_square"]
    exact = float(theory.complete_replica_square(2.0, 200))
    assert abs(square.mean() - exact) < 4 * square.std(ddof=1) / math.sqrt(40) + 0.05 * exact


def test_tempering_goes_round_and_a_glass_without_it_is_seen() -> None:
    """T = 0.1, L = 8, from the pattern and from random spins. Swapped, both starts agree; alone they do not."""
    model = SpinGlass(spins=64, bonds="gaussian", temperature=0.1, rungs=12, equilibration=400, steps=400)
    got = samples(model, 12)
    assert np.isfinite(got["round_trip"]).any()
    assert (got["ladder_acceptance"][:, :-1] > 0).all()
    assert not got["ladder_acceptance"][:, -1].any()
    assert abs(got["energy_gap"]).mean() < 0.01
    alone = samples(dataclasses.replace(model, rungs=1), 12)
    assert np.isnan(alone["round_trip"]).all()
    assert abs(alone["energy_gap"]).mean() > 0.03
    assert alone["converged"].mean() < 0.7


def test_acceptance_and_round_trips_where_every_swap_is_accepted() -> None:
    """Equal temperatures, all but; windows that hold more even or more odd sweeps."""
    for before, steps in ((0, 5), (1, 5), (2, 7), (3, 4)):
        model = SpinGlass(spins=9, temperature=1.0, rungs=3, hottest=1 + 1e-9, equilibration=before, steps=steps)
        got = model.simulate(stream("tries"), noises(1))
        assert got["ladder_acceptance"][0].tolist() == [1, 1, 0]
    pair = SpinGlass(spins=9, temperature=1.0, rungs=2, hottest=1 + 1e-9, equilibration=8, steps=400)
    # one swap every other sweep: down and up again in four
    assert pair.simulate(stream("tries"), noises(1))["round_trip"][0] == pytest.approx(4, rel=0.01)


def test_without_disorder_the_pattern_is_the_ground_state() -> None:
    got = samples(SpinGlass(spins=64, aligned=1.0, temperature=0.5, rungs=4, equilibration=100, steps=50), 4)
    assert (got["planted_overlap"] > 0.99).all()
    assert (got["energy"] < -1.99).all()


# Retention


@pytest.mark.parametrize("geometry", ["square", "complete"])
def test_retention_is_its_definition(geometry: str) -> None:
    """The three copies in plain numpy from the same streams."""
    bonds = {"bonds": "gaussian"} if geometry == "complete" else {"aligned": 0.7}
    model = SpinGlassMemory(spins=36, geometry=geometry, temperature=0.7, equilibration=3, steps=6, **bonds)
    disorder, noise = stream("definition"), noises(1)
    got = {k: x[0] for k, x in model.simulate(disorder, noise).items()}
    edges, values, planted = graph(model, disorder)
    j = np.zeros((36, 36))
    np.add.at(j, (edges[:, 0], edges[:, 1]), values)
    j += j.T
    behind = model.store(disorder)[3]
    messages = np.empty((2, 36), np.int8)
    for message in messages:
        random_signs(behind, message)
    tracks = []
    for c, w in enumerate((0, 0, 1)):
        generator, s, track = jumped(noise[0], c), messages[w].astype(int), []
        for _ in range(9):
            for i in range(36):
                s[i] = 1 if uniform(generator) < 1 / (1 + math.exp(-2 * (j[i] @ s) / 0.7)) else -1
            track.append(s.copy())
        tracks.append(np.array(track))
    a, b, c = tracks
    m = a @ messages[0] / 36
    joint = np.array([[[((messages[0] == x) & (s == y)).sum() for y in (-1, 1)] for x in (-1, 1)] for s in a[3:]])
    expected = {
        "coherence": abs((a * b)[3:].mean(axis=1)).mean(),
        "blind_coherence": abs((a * c)[3:].mean(axis=1)).mean(),
        "memory": np.where(m[3:] <= 0, 0, measures.memory(joint)).mean(),
        "written_overlap": m[3:].mean(),
        "planted_overlap": abs(a[3:] @ planted / 36).mean(),
        "trace": m[model.times - 1],
    }
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value, atol=1e-12, err_msg=name)


def test_heat_forgets_and_a_cold_glass_keeps_a_little() -> None:
    """No order at T = 100: the written state is gone, within 4 standard errors (3e-4, 30 samples)."""
    hot = samples(SpinGlassMemory(spins=256, temperature=100.0, equilibration=2, steps=20), 30)
    assert deviation(hot["written_overlap"]) < 4
    assert deviation(hot["coherence"] - hot["blind_coherence"]) < 4
    assert abs(hot["memory"].mean()) < 0.005
    cold = samples(SpinGlassMemory(spins=1024, temperature=0.3, equilibration=50, steps=20), 20)
    assert deviation(cold["written_overlap"]) > 4
    assert deviation(cold["memory"]) > 4


def test_memory_of_nothing_is_zero_and_of_everything_one() -> None:
    """A permuted message, N = 1000: 0 within 4 standard errors of 400 (6e-5) and 1e-3; the state itself: exactly 1."""
    rng = np.random.default_rng(3)
    w, s = rng.choice([-1, 1], (2, 400, 1000))
    null = measures.memory(measures.binary_counts((w * s).sum(1), w.sum(1), s.sum(1), 1000))
    assert abs(null.mean()) < 4 * null.std() / 20 + 1e-3
    assert (measures.memory(measures.binary_counts(np.full(400, 1000), w.sum(1), w.sum(1), 1000)) == 1).all()
    table, couplings, planted, s = SpinGlassMemory(spins=64, aligned=1.0).store(stream("kept"))
    sums, states = np.zeros((2, 20), np.int64), np.empty((5, 64), np.int8)
    glass.retain(table, couplings, 1 / 0.01, s, planted, sums, states)  # the ground state stays
    assert (measures.memory(measures.binary_counts(sums[0], planted.sum(), sums[1], 64)) == 1).all()
    np.testing.assert_array_equal(states, np.tile(planted, (5, 1)))


def test_copy_a_does_not_know_of_the_others() -> None:
    tiny = SpinGlassMemory.tiny()
    three, one = (dataclasses.replace(tiny, copies=c).simulate(stream("a"), noises(3)) for c in (3, 1))
    assert np.isnan(one["coherence"]).all()
    for name in set(three) - {"coherence", "blind_coherence"}:
        assert three[name].tobytes() == one[name].tobytes(), name


# Laws and limits


@pytest.mark.parametrize("model", [SpinGlass.tiny(), SpinGlassMemory.tiny()], ids=["equilibrium", "retention"])
def test_a_replica_does_not_know_of_the_others(model: SpinGlass | SpinGlassMemory) -> None:
    whole, last = model.simulate(stream("r"), noises(3)), model.simulate(stream("r"), noises(3)[2:])
    for o in model.observables:
        assert whole[o.name][2:].tobytes() == last[o.name].tobytes()
        assert whole[o.name].dtype == np.dtype(o.dtype)
        assert whole[o.name].shape == (3, *(len(model.coords()[d][0]) for d in o.dims))


def test_parameters_and_their_limits() -> None:
    assert {n for n, s in parameters(SpinGlass).items() if s.quenched} == {
        "geometry", "bonds", "spins", "aligned", "mean",
    }  # fmt: skip
    for wrong, message in (
        ({"spins": 50}, "take L², such as 49"),
        ({"spins": 4}, "such as 9"),
        ({"geometry": "complete"}, "set bonds = 'gaussian'"),
        ({"geometry": "complete", "bonds": "gaussian", "spins": 10000}, "GiB of couplings; at most 8192"),
        ({"mean": 0.5}, "belongs to bonds = 'gaussian'"),
        ({"bonds": "gaussian", "aligned": 0.9}, "belongs to bonds = 'bimodal'"),
        ({"rungs": 3, "temperature": 3.5}, "hottest = 3 is not above temperature = 3.5"),
        ({"temperature": 0.0}, "temperature"),
        ({"aligned": 1.1}, "aligned"),
        ({"spins": 2**20, "rungs": 256}, "needs 4.5.* GiB at a time, of 1 allowed: lower one of them"),
        ({"steps": 10**12}, "GiB"),
    ):
        with pytest.raises(ValueError, match=message):
            SpinGlass(**wrong)
    for wrong in ({"spins": 2**20, "steps": 1000}, {"steps": 10**10}, {"equilibration": 10**10}):
        with pytest.raises(ValueError, match=r"needs .* GiB at a time"):
            SpinGlassMemory(**wrong)


def test_cost_orders_what_takes_longer() -> None:
    for base in (SpinGlass(), SpinGlassMemory()):
        dearer = [
            {"spins": 144},
            {"steps": 5000},
            {"equilibration": 5000},
            {"geometry": "complete", "bonds": "gaussian"},
        ]
        assert all(dataclasses.replace(base, **change).cost() > base.cost() for change in dearer)
    assert SpinGlass(rungs=4).cost() > SpinGlass().cost()
    assert SpinGlassMemory(copies=1).cost() < SpinGlassMemory().cost()
