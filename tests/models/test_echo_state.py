"""Echo-state networks against exact memory, plain numpy, and the laws that every model obeys."""

import dataclasses
import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from isinglass import measures
from isinglass.catalog import reference
from isinglass.exceptions import InputError
from isinglass.kernels import reservoirs
from isinglass.kernels.streams import jumped
from isinglass.models.echo_state import EchoState, Reservoir
from isinglass.theory import echo_state as theory

LINEAR = EchoState(activation="linear", spectral_radius=0.9, input_scale=1.0)


def stream(*name: object) -> np.ndarray:
    return np.frombuffer(hashlib.blake2b(repr(name).encode(), digest_size=32).digest(), dtype=np.uint64)


def noises(replicas: int, *name: object) -> np.ndarray:
    return np.stack([stream("noise", k, *name) for k in range(replicas)])


def samples(models: list[EchoState], count: int) -> dict[str, np.ndarray]:
    """Observables (sample, model, own...) of models that share samples and noise."""
    disorder = np.stack([stream("sample", k) for k in range(count) for _ in models])
    noise = np.stack([noises(1, k) for k in range(count) for _ in models])
    out = EchoState.simulate_batch(models * count, disorder, noise)
    return {name: x[:, 0].reshape(count, len(models), *x.shape[2:]) for name, x in out.items()}


def mean_and_error(x: np.ndarray) -> tuple[float, float]:
    return float(x.mean()), float(x.std(ddof=1) / np.sqrt(len(x)))


# Physics


def test_a_delay_line_remembers_all_exactly() -> None:
    """N nodes in a row hold the last N inputs: memory 1 to the last bit; r² = 1 up to N, and no more behind."""
    n = 12
    model = dataclasses.replace(LINEAR, nodes=n, washout=40, training=300, testing=400, spectral_radius=0.999)
    first = np.zeros(n)
    first[0] = 1.0
    inputs = model.prepare(stream("line")).inputs
    line = Reservoir(np.ascontiguousarray(np.eye(n, k=1)), first, inputs)  # x_{i+1} takes x_i: columns as rows
    got = model.measure(line, noises(2))
    np.testing.assert_array_equal(got["memory"], 1.0)
    np.testing.assert_allclose(got["memory_curve"][:, :n], 1, atol=1e-12)
    assert got["memory_curve"][:, n:].max() < 16 / 400  # chance: 1/399 on average, exp(-8) apiece above 16/400
    np.testing.assert_array_equal(got["sync_distance"], 1e-300)


@pytest.mark.parametrize("kind", ["orthogonal", "gaussian"])
@pytest.mark.parametrize("radius", [0.9, 0.98])
def test_linear_memory_is_that_of_theory(kind: str, radius: float) -> None:
    """N = 30, 8 samples, each beside its own theory for infinite data, with ridge and finite training; 4 SE (6e-5).

    0.03 more for the regressors, which are no independent normal numbers.
    """
    model = dataclasses.replace(LINEAR, nodes=30, reservoir=kind, spectral_radius=radius, washout=1000, copies=1)
    got = samples([model], 8)
    assert got["converged"].all()
    expected = []
    for k in range(8):
        sample = model.prepare(stream("sample", k))
        exact = theory.regularised_curve(radius * sample.columns.T, sample.weights, model.longest, model.ridge)
        expected.append(theory.finite_training(exact, 30, model.training).sum())
    mean, error = mean_and_error(got["memory_capacity"][:, 0] - np.array(expected))
    assert abs(mean) < 4 * error + 0.03


def test_orthogonal_capacity_is_near_n() -> None:
    """N = 50, ρ = 0.9: within 3 of N, as theory has 49.99 within 75 delays; never above N but by noise of the r²."""
    got = samples([dataclasses.replace(LINEAR, nodes=50, reservoir="orthogonal", copies=1)], 4)["memory_capacity"]
    assert (got > 47).all()
    assert (got < 50).all()


def test_tanh_capacity_is_that_of_the_card() -> None:
    """N = 100, ρ = 1, inputs 0.01 and 1: 39.3 and 12.8, one prototype run each; 5 samples.

    4 standard deviations of one sample (6e-5 for a normal), since the card has no errors.
    """
    table = reference("echo_state.prototype.capacity")
    got = samples([EchoState(spectral_radius=1.0, input_scale=s, copies=1) for s in (0.01, 1.0)], 5)
    for m, scale in enumerate((0.01, 1.0)):
        rows = zip(table.column("input_scale"), table.column("spectral_radius"), table.column("capacity"), strict=True)
        card = next(c for s, r, c in rows if (s, r) == (scale, 1.0))
        x = got["memory_capacity"][:, m]
        assert abs(x.mean() - card) < 4 * x.std(ddof=1)
    assert (got["raw_memory_capacity"] < 100).all()


def test_with_an_absolute_ridge_the_card_is_met() -> None:
    """N = 100, six of its points, 4 samples, to 4 standard deviations of one sample (the card has no errors).

    Its ridge is 1e-9 of a mean square, whatever the signal; ours is relative to a node's variance, from a first run.
    """
    table = reference("echo_state.prototype.capacity")
    rows = list(
        zip(table.column("input_scale"), table.column("spectral_radius"), table.column("capacity"), strict=True)
    )
    for scale, radius, card in [row for row in rows if row[:2] in ((0.01, 0.5), (0.01, 0.9), (0.1, 1.0), (0.01, 1.1))]:
        model = EchoState(spectral_radius=radius, input_scale=scale, copies=1, washout=500)
        capacity = []
        for k in range(4):
            disorder, noise = stream("absolute", k), stream("absolute noise", k)[None]
            activity = model.simulate(disorder, noise)["activity"][0]
            ridge = 1e-9 / activity**2
            capacity.append(dataclasses.replace(model, ridge=ridge).simulate(disorder, noise)["memory_capacity"][0])
        assert abs(np.mean(capacity) - card) < 4 * np.std(capacity, ddof=1) + 0.5, (scale, radius)


def test_readouts_of_other_inputs_know_nothing() -> None:
    """Trained and tested on inputs the network never heard: capacity less chance, and memory, are 0 within 4 SE.

    False alarm 6e-5 each; 12 samples. Chance itself, K/(testing - 1) = 0.075, is 20 SE away.
    """
    model = EchoState(nodes=50, training=1000, testing=1000)
    raw, memory = [], []
    for k in range(12):
        sample = model.prepare(stream("null", k))
        silent = Reservoir(sample.columns, sample.weights, sample.inputs[::-1].copy())
        states, out = trajectory(model, sample), np.empty((75, 1000))
        reservoirs.readout(states, silent.inputs[0], model.washout + 1, 1000, model.ridge, out)
        past = model._past(silent.inputs[0])
        raw.append(sum(np.corrcoef(x, y)[0, 1] ** 2 for x, y in zip(past, out, strict=True)))
        memory.append(measures.memory(measures.level_counts(past, out)).mean())
    mean, error = mean_and_error(np.array(raw) - 75 / 999)
    assert abs(mean) < 4 * error
    assert error < 75 / 999 / 4
    mean, error = mean_and_error(np.array(memory))
    assert abs(mean) < 4 * error + 2e-4  # O(1/n²) that Miller-Madow leaves


def trajectory(model: EchoState, sample: Reservoir) -> np.ndarray:
    """States x(washout + 1) ... of a copy that starts at 0, in plain numpy."""
    x, out = np.zeros(model.nodes), []
    for u in sample.inputs[0]:
        x = model.spectral_radius * sample.columns.T @ x + sample.weights * model.input_scale * u
        x = np.tanh(x) if model.activation == "tanh" else x
        out.append(x)
    return np.array(out[model.washout :])


def test_lyapunov_exponent_and_synchronisation_of_linear_and_weak_networks() -> None:
    """Orthogonal and linear: every step shrinks every difference by ρ. tanh, tiny input: ln ρ. Strong chaos: none."""
    base = EchoState(nodes=20, reservoir="orthogonal", washout=100, training=100, testing=100)
    for activation, scale in (("linear", 1.0), ("tanh", 1e-6)):
        model = dataclasses.replace(base, activation=activation, input_scale=scale, spectral_radius=0.95)
        got = model.simulate(stream(1), noises(1))
        np.testing.assert_allclose(
            got["lyapunov_exponent"], np.log(0.95), rtol=1e-9 if activation == "linear" else 1e-4
        )
        if activation == "linear":
            np.testing.assert_allclose(got["sync_distance"], 0.95**300, rtol=1e-6)
        assert not got["converged"][0], "0.95^100 = 0.006 is no echo state yet, and still falling"
    wild = dataclasses.replace(base, reservoir="gaussian", nodes=100, washout=200, training=200, spectral_radius=3.0)
    chaos = samples([wild], 4)
    assert (chaos["lyapunov_exponent"] > 0.1).all()
    assert (chaos["coherence"] < 0.9).all()
    assert chaos["converged"].all()
    assert not chaos["synchronised"].any()
    assert (abs(chaos["memory_capacity"]) < 3).all()


def test_strong_input_suppresses_chaos() -> None:
    """ρ = 1.5, N = 100: no synchronisation at input 0.01; at input 3 all of 4 samples synchronise."""
    weak, strong = (samples([EchoState(spectral_radius=1.5, input_scale=s)], 4) for s in (0.01, 3.0))
    assert not weak["synchronised"].any()
    assert strong["synchronised"].all()
    np.testing.assert_allclose(strong["coherence"], 1, atol=1e-9)


# Numerics


@pytest.mark.parametrize("nodes", [2, 7, 100])
def test_spectral_radius_is_that_of_the_eigenvalues(nodes: int) -> None:
    for seed in range(3):
        matrix = np.random.default_rng(seed).normal(size=(nodes, nodes))
        expected = abs(np.linalg.eigvals(matrix)).max()
        assert abs(reservoirs.spectral_radius(matrix) / expected - 1) < 1e-12
    assert reservoirs.spectral_radius(np.eye(4, k=1)) == 0
    assert reservoirs.spectral_radius(np.array([[1.0, 1e6], [0.0, 1.0]])) == pytest.approx(1, abs=1e-12)


def test_orthogonal_matrices_are_orthogonal() -> None:
    w = EchoState(reservoir="orthogonal").prepare(stream("o")).columns
    np.testing.assert_allclose(w @ w.T, np.eye(100), atol=1e-13)


@pytest.mark.parametrize("activation", ["tanh", "linear"])
@pytest.mark.parametrize("nodes", [9, 12])
def test_observables_are_their_definitions(activation: str, nodes: int) -> None:
    """Three copies, readouts by lstsq on the augmented system, ranks by sorting: no line shared with the kernel."""
    model = EchoState(
        nodes=nodes, activation=activation, spectral_radius=0.8, input_scale=0.7, washout=30, training=150, testing=90,
        longest_delay=11 / nodes, ridge=1e-6,
    )  # fmt: skip
    noise = noises(1)
    got = {name: x[0] for name, x in model.simulate(stream("def"), noise).items()}
    columns, weights, inputs = model.prepare(stream("def"))
    tracks = []
    for c, message in enumerate((0, 0, 1)):
        x = np.empty(nodes)
        reservoirs.fill_uniform(jumped(noise[0], c), x)
        track = [x]
        for u in inputs[message]:
            h = 0.8 * columns.T @ track[-1] + 0.7 * weights * u
            track.append(np.tanh(h) if activation == "tanh" else h)
        tracks.append(np.array(track))
    a, b, c = (track[31:] for track in tracks)
    centred = a[:150] - a[:150].mean(axis=0)
    ridge = np.sqrt(1e-6 * (centred**2).sum() / nodes)
    curve, memory = [], []
    for k in range(1, 12):
        u = inputs[0][31 - k : 31 - k + 240]
        system = np.vstack([centred, ridge * np.eye(nodes)])
        v = np.linalg.lstsq(system, np.concatenate([u[:150] - u[:150].mean(), np.zeros(nodes)]), rcond=None)[0]
        y = a[150:] @ v
        curve.append(np.corrcoef(y, u[150:])[0, 1] ** 2)
        cells = np.zeros((8, 8))
        for i, j in zip(np.argsort(np.argsort(u[150:])), np.argsort(np.argsort(y)), strict=True):
            cells[8 * i // 90, 8 * j // 90] += 1
        memory.append(measures.memory(cells))

    def cosine(p: np.ndarray, q: np.ndarray) -> float:
        return float(np.mean([abs(x @ y) / np.sqrt((x @ x) * (y @ y)) for x, y in zip(p, q, strict=True)]))

    start = np.linalg.norm(tracks[0][0] - tracks[1][0])
    expected = {
        "memory_curve": curve,
        "raw_memory_capacity": sum(curve),
        "memory_capacity": sum(curve) - 11 / 89,
        "capacity_per_node": (sum(curve) - 11 / 89) / nodes,
        "memory": sum(memory[:nodes]) / nodes,
        "coherence": cosine(a, b),
        "blind_coherence": cosine(a, c),
        "sync_distance": np.linalg.norm(a[-1] - b[-1]) / start,
        "activity": np.sqrt((a**2).mean()),
        "synchronised": 1,
    }
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value, rtol=1e-7, atol=1e-14, err_msg=name)


def test_errors_say_what_to_do() -> None:
    with pytest.raises(InputError, match="below 1, or use 'tanh'"):
        EchoState(activation="linear", spectral_radius=1.0)
    with pytest.raises(InputError, match="washout = 100 is shorter than the longest delay, 150"):
        EchoState(washout=100)
    with pytest.raises(InputError, match="training = 100 steps cannot train 100 weights"):
        EchoState(training=100)


# Laws


def variety() -> list[EchoState]:
    tiny = EchoState.tiny()
    return [
        tiny,
        dataclasses.replace(tiny, spectral_radius=1.4, input_scale=0.01),
        dataclasses.replace(tiny, activation="linear"),
        dataclasses.replace(tiny, copies=1),
        dataclasses.replace(tiny, reservoir="orthogonal"),
        dataclasses.replace(tiny, nodes=33, ridge=1e-4),
    ]


def test_a_batch_gives_the_bytes_of_each_alone_also_in_threads() -> None:
    base = variety()[1]  # chaotic: a difference in the last bit would grow
    models = [*variety()[:5], *[dataclasses.replace(base, spectral_radius=r) for r in (1.2, 1.5)]]
    disorder, noise = np.stack([stream(k // 3) for k in range(7)]), np.stack([noises(3, k) for k in range(7)])
    disorder.flags.writeable = noise.flags.writeable = False
    batch = EchoState.simulate_batch(models, disorder, noise)
    for k, model in enumerate(models):
        for rows in ([0, 1, 2], [2, 0], [1]):
            alone = model.simulate(disorder[k], noise[k, rows])
            for name, x in alone.items():
                assert x.tobytes() == batch[name][k][rows].tobytes(), name
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(EchoState.simulate_batch, models, disorder, noise) for _ in range(6)]
    for run in runs:
        for name, x in run.result().items():
            assert x.tobytes() == batch[name].tobytes(), name


def test_radius_and_scale_share_matrix_and_inputs() -> None:
    """Common random numbers: nothing that disorder draws depends on them."""
    one, other = EchoState.tiny(), dataclasses.replace(EchoState.tiny(), spectral_radius=0.1, input_scale=3.0)
    for a, b in zip(one.prepare(stream("s")), other.prepare(stream("s")), strict=True):
        np.testing.assert_array_equal(a, b)


def test_every_model_of_the_variety_is_finite_and_copies_matter_to_coherence_alone() -> None:
    for model in variety():
        three, one = (dataclasses.replace(model, copies=c).simulate(stream("c"), noises(2)) for c in (3, 1))
        for o in EchoState.observables:
            assert np.isfinite(three[o.name]).all()
            if o.role in ("coherence", "blind_coherence"):
                assert np.isnan(one[o.name]).all()
            else:
                assert three[o.name].tobytes() == one[o.name].tobytes(), o.name
