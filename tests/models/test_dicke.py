"""Ground states of the Dicke model against whole matrices, limits and the finite-N table of the card."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from isinglass import InputError, catalog
from isinglass.kernels import dicke, lanczos
from isinglass.models.dicke import Dicke
from isinglass.theory import dicke as theory

STREAM = np.arange(1, 5, dtype=np.uint64)


def ground(**values: float) -> dict[str, float]:
    out = Dicke(**values).simulate(STREAM, STREAM[None])  # type: ignore[arg-type]
    return {k: float(v[0]) for k, v in out.items()}


def operators(spins: int, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """a, J₊ and J_z as whole matrices on (n, k)."""
    m = np.arange(spins + 1) - spins / 2
    raised = np.diag(np.sqrt(spins / 2 * (spins / 2 + 1) - m[:-1] * m[1:]), -1)
    light, levels = np.eye(rows), np.eye(spins + 1)
    return (
        np.kron(np.diag(np.sqrt(np.arange(1.0, rows)), 1), levels),
        np.kron(light, raised),
        np.kron(light, np.diag(m)),
    )


@pytest.mark.parametrize("spins", [3, 4])
@pytest.mark.parametrize(("coupling", "splitting", "rotating"), [(0.3, 1, 0), (0.8, 0.7, 0), (2.1, 1.6, 1)])
def test_every_observable_from_whole_matrices(spins: int, coupling: float, splitting: float, rotating: int) -> None:
    values = {"spins": spins, "light_coupling": coupling, "splitting": splitting, "rotating_wave": bool(rotating)}
    found = ground(**values)
    rows = int(found["cutoff"]) + 1
    a, up, z = operators(spins, rows)
    number, x, y = a.T @ a, (up + up.T) / 2, (up - up.T) / 2  # y is -i J_y
    mixed = a @ up + (0 if rotating else 1) * a.T @ up
    H = number + splitting * z + coupling / np.sqrt(spins) * (mixed + mixed.T)
    parity = np.round(np.diag(number) + np.diag(z) + spins / 2) % 2
    states = []
    for sector in (0, 1):
        keep = parity == sector
        state = np.zeros(len(H))
        state[keep] = np.linalg.eigh(H[np.ix_(keep, keep)])[1][:, 0]
        states.append(state)
    even, odd = states
    rho = even.reshape(rows, -1).T @ even.reshape(rows, -1)
    # two spins of a symmetric state: <s_z> = 2 Jz / N of one
    single, mixed_z = 2 * even @ z @ even / spins, (even @ z @ even + odd @ z @ odd) / spins
    order = 2 * abs(even @ x @ odd) / spins
    p = even[even**2 > 0] ** 2
    expected = {
        "energy": even @ H @ even / spins,
        "gap": odd @ H @ odd - even @ H @ even,
        "photons": even @ number @ even / spins,
        "inversion": even @ z @ even / spins,
        "spin_order": 2 * np.sqrt(even @ x @ x @ even) / spins,
        "field": abs(even @ (a + a.T) @ odd) / 2 / np.sqrt(spins),
        "broken_order": order,
        "field_squeezing": even @ (a - a.T).T @ (a - a.T) @ even,
        "spin_squeezing": 4 * even @ y.T @ y @ even / spins,
        "entanglement": -np.log2((rho * rho).sum()),
        "single_spin_purity": (1 + single**2) / 2,
        "broken_purity": (1 + mixed_z**2 + order**2) / 2,
        "coherence_entropy": -(p * np.log2(p)).sum(),
        "converged": 1,
    }
    assert {k: found[k] for k in expected} == pytest.approx(expected, abs=2e-9)
    assert found["half_time"] == pytest.approx(np.pi / 3 / abs(expected["gap"]), rel=1e-6), "even where odd is lower"


def test_the_table_of_finite_sizes() -> None:
    table = catalog.reference("dicke.photons_at_criticality")
    for spins, photons in zip(table.column("spins"), table.column("photons"), strict=True):
        assert ground(spins=spins, light_coupling=0.5)["photons"] == pytest.approx(photons, abs=5e-5)
    for name, spins, coupling in (("photons_80_07", 80, 0.7), ("photons_80_1", 80, 1.0)):
        expected = catalog.reference(f"dicke.{name}").number()
        assert ground(spins=spins, light_coupling=coupling)["photons"] == pytest.approx(expected, abs=5e-5)
    assert ground(spins=40, light_coupling=1.0)["inversion"] == pytest.approx(
        catalog.reference("dicke.inversion_40").number(), abs=5e-5
    )


def test_local_slopes_at_criticality() -> None:
    """Decision 9 of the card: they rise, and are still below 2/3 at N = 320."""
    sizes = [10, 20, 40, 80, 160, 320]
    photons = np.array([ground(spins=n, light_coupling=0.5)["photons"] for n in sizes])
    slopes = -np.diff(np.log2(photons))
    expected = catalog.reference("dicke.slopes_at_criticality").column("slope")
    assert slopes == pytest.approx(expected, abs=5e-4)


def test_limits() -> None:
    """N → ∞ from N = 300: corrections fall as 1/N away from λ_c, to a part in 10^3 of ω here."""
    for coupling in (0.2, 0.8, 1.5):
        found = ground(spins=300, light_coupling=coupling, splitting=0.8)
        assert found["photons"] == pytest.approx(theory.photons(coupling, 0.8), abs=1e-3)
        assert found["inversion"] == pytest.approx(theory.inversion(coupling, 0.8), abs=1e-3)
        assert found["energy"] == pytest.approx(theory.energy(coupling, 0.8), abs=1e-3)
        if coupling > 0.5:
            assert found["broken_order"] == pytest.approx(theory.spin_order(coupling, 0.8), abs=1e-3)
            assert found["field"] == pytest.approx(np.sqrt(theory.photons(coupling, 0.8)), abs=1e-3)
    found = ground(spins=300, light_coupling=1.6, splitting=0.8, rotating_wave=True)
    assert found["photons"] == pytest.approx(theory.photons(1.6, 0.8, rotating_wave=True), abs=2e-3)
    assert ground(spins=300, light_coupling=0.85, splitting=0.8, rotating_wave=True)["photons"] == 0
    assert ground(spins=300, light_coupling=0.95, splitting=0.8, rotating_wave=True)["photons"] > 0.01


def test_without_coupling_and_without_splitting() -> None:
    found = ground(spins=7, light_coupling=0, splitting=2.5)
    assert (found["energy"], found["photons"], found["gap"]) == pytest.approx((-1.25, 0, 1), abs=1e-12)
    assert (found["field_squeezing"], found["spin_squeezing"], found["entanglement"]) == pytest.approx(
        (1, 1, 0), abs=1e-12
    )
    state = np.empty((80, 4))  # ω₀ = 0: displaced light beside J_x = ±N/2, E = -N λ²
    dicke.start(6, 6.0, -0.1, 0, state)
    energy, residual = lanczos.ground(lambda v, out: dicke.apply(v, 6, 0.0, 1.0, 0, out), state, 1e-11, 2000)
    assert energy == pytest.approx(-6, abs=1e-9)
    assert residual < 1e-9


@pytest.mark.parametrize("shape", [(7, 3), (4, 9), (1, 5), (8, 4)])
def test_purity_of_spins_or_of_light(shape: tuple[int, int]) -> None:
    v = np.random.default_rng(1).normal(size=shape)
    expected = sum(((v[p::2].T @ v[p::2]) ** 2).sum() for p in (0, 1))
    assert dicke.purity(v) == pytest.approx(expected, rel=1e-12)


def test_many_spins_and_no_light_need_little_memory() -> None:
    """The reduced state of 2·10⁴ spins, 0.8 GB, is not made (at the limit of states it would be 80 GB)."""
    v = np.zeros((41, 10_001))
    v[0, 0] = 1.0
    dicke.purity(v[:4, :4].copy())
    tracemalloc.start()
    assert dicke.purity(v) == 1
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 5 * v.nbytes


def test_counted_photons() -> None:
    """4 standard errors (6e-5) of 2^18 shots; var n is 4⟨n⟩ at the most here, light being little squeezed."""
    found = ground(spins=4, light_coupling=0.8, shots=2**18)
    expected = found["photons"]
    assert found["counted_photons"] == pytest.approx(expected, abs=4 * np.sqrt(4 * expected / 4) / 2**9)


def test_lanczos_says_when_it_has_not_converged() -> None:
    state = np.empty((60, 6))
    dicke.start(10, 5.0, -0.5, 0, state)
    _, residual = lanczos.ground(lambda v, out: dicke.apply(v, 10, 1.0, 0.5, 0, out), state, 1e-11, 5)
    assert residual > 1e-4


def test_too_few_photons_or_products_are_flagged(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Dicke, "_rows", 12)
        found, model = ground(spins=4, light_coupling=0.8), Dicke(spins=4, light_coupling=0.8)
        tails = [model._moments(model._lowest(parity)[2], parity)[6] for parity in (0, 1)]
        assert tails[1] > tails[0] > 1e-5
        assert (found["tail_weight"], found["converged"]) == (tails[1], 0)
    assert ground(spins=4, light_coupling=0.8)["converged"] == 1
    monkeypatch.setattr("isinglass.models.dicke.PRODUCTS", 6)
    assert ground(spins=4, light_coupling=0.8)["converged"] == 0


def test_extremes() -> None:
    for values in (
        {"spins": 1, "light_coupling": 1e-300},
        {"spins": 1, "light_coupling": 100.0},
        {"spins": 2, "splitting": 1e3},
    ):
        found = ground(**values)
        assert found["converged"] == 1
        assert np.isfinite([v for k, v in found.items() if k != "half_time"]).all()
    for values in ({"light_coupling": 1e300}, {"light_coupling": -1.0}, {"splitting": 0.0}, {"spins": 0}):
        with pytest.raises(InputError):
            Dicke(**values)
    with pytest.raises(InputError, match=r"spins = 100000 .* states of each parity, .* lower spins or light_coupling"):
        Dicke(spins=100_000)
