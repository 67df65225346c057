"""The open Dicke model: the master equation against whole superoperators, trajectories against mean field and it."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy import linalg

from isinglass import InputError
from isinglass.kernels import dicke, open_dicke
from isinglass.kernels.streams import random_signs
from isinglass.models.base import Model
from isinglass.models.dicke_master import DickeMaster
from isinglass.models.open_dicke import OpenDicke
from isinglass.theory import dicke as theory

STREAM = np.arange(1, 5, dtype=np.uint64)


def run(model: type[Model], **values: Any) -> dict[str, Any]:
    out = model(**values).simulate(STREAM, STREAM[None])
    return {k: v[0] for k, v in out.items()}


master, array = partial(run, DickeMaster), partial(run, OpenDicke)


def operators(spins: int, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """a, J_x and J_z as whole matrices on (n, k)."""
    m = np.arange(spins + 1) - spins / 2
    raised = np.diag(np.sqrt(spins / 2 * (spins / 2 + 1) - m[:-1] * m[1:]), -1)
    light, levels = np.eye(rows), np.eye(spins + 1)
    a = np.kron(np.diag(np.sqrt(np.arange(1.0, rows)), 1), levels)
    return a, np.kron(light, (raised + raised.T) / 2), np.kron(light, np.diag(m))


def superoperator(spins: int, rows: int, coupling: float, splitting: float, loss: float) -> np.ndarray:
    """d/dt of ρ, rows of ρ one after the other."""
    a, x, z = operators(spins, rows)
    number, one = a.T @ a, np.eye(len(a))
    H = number + splitting * z + 2 * coupling / np.sqrt(spins) * (a + a.T) @ x
    lost = 2 * np.kron(a, a) - np.kron(number, one) - np.kron(one, number)
    return np.asarray(-1j * (np.kron(H, one) - np.kron(one, H.T)) + loss * lost)


def coherent(spins: int, rows: int, amplitude: complex) -> np.ndarray:
    """ρ of light in a coherent state, cut off, and spins along +x."""
    n = np.arange(rows)
    light = (
        np.exp(-(abs(amplitude) ** 2) / 2) * amplitude**n / np.sqrt([float(np.prod(np.arange(1, k + 1))) for k in n])
    )
    _, x, _ = operators(spins, 1)
    top = np.linalg.eigh(x)[1][:, -1]
    state = np.kron(light, top * np.sign(top[0]))
    return np.outer(state, state.conj())


@pytest.mark.parametrize("spins", [1, 2])
def test_master_equation_from_whole_superoperators(spins: int) -> None:
    coupling, splitting, loss, cutoff = 0.9, 1.3, 0.7, 4
    a, x, z = operators(spins, cutoff + 1)
    found = master(
        spins=spins, light_coupling=coupling, splitting=splitting, loss=loss, cutoff=cutoff, duration=4.0, records=8
    )
    a0 = -coupling / (1 - 1j * loss)
    rho = coherent(spins, cutoff + 1, a0 * np.sqrt(spins))
    step = linalg.expm(superoperator(spins, cutoff + 1, coupling, splitting, loss) * 0.5)
    traces, tails = [], []
    for _ in range(8):
        rho = (step @ rho.ravel()).reshape(rho.shape)
        tails.append(np.diag(rho).real[-2 * (spins + 1) :].sum())
        traces.append(
            [np.trace(o @ rho) for o in (2 * x / spins, a / np.sqrt(spins), a.T @ a / spins, z / spins, x @ x)]
        )
    order, field, photons, inversion, square = np.array(traces).T
    # the error of the steps: 2e-5 (order 4, below)
    assert found["retention_trace"] == pytest.approx(order.real, abs=2e-5)
    assert found["field_trace"] == pytest.approx((field * np.conj(a0)).real / abs(a0), abs=2e-5)
    assert found["photon_trace"] == pytest.approx(photons.real, abs=2e-5)
    assert found["inversion"] == pytest.approx(inversion[6:].real.mean(), abs=2e-5)
    assert found["photons"] == pytest.approx(photons[6:].real.mean(), abs=2e-5)
    assert found["tail_weight"] == pytest.approx(max(tails), abs=2e-5)
    assert found["retention"] == pytest.approx(order[6:].real.mean(), abs=2e-5)
    assert found["spin_order"] == pytest.approx(2 * np.sqrt(square[6:].real.mean()) / spins, abs=2e-5)


def test_crossings_of_one_half_and_photons_that_are_counted() -> None:
    """Read off the trace; counted are the photons of the last state, within 4 standard errors (6e-5), var n < 8 ⟨n⟩."""
    for coupling, loss, duration, crossings in ((0.4, 0.05, 40.0, 3), (0.8, 0.2, 2.0, 0)):
        found = master(spins=2, light_coupling=coupling, loss=loss, duration=duration, records=40, shots=2**16)
        times, left = np.arange(1, 41) * duration / 40, found["retention_trace"]
        crossed = np.flatnonzero(np.diff(left >= 0.5))
        assert crossed.size == crossings
        assert found["censored"] == (left[-1] >= 0.5) == (crossings == 0)
        if crossings:
            for name, k in (("first_crossing", crossed[0]), ("retention_time", crossed[-1])):
                assert times[k] <= found[name] <= times[k + 1], name
        n = 2 * found["photon_trace"][-1]
        assert 2 * found["counted_photons"] == pytest.approx(n, abs=4 * np.sqrt(8 * n) / 2**8)


def test_order_of_the_steps() -> None:
    """Slope of the error against dt: 4."""
    start, errors = coherent(2, 5, -0.4 - 0.3j), []
    exact = (linalg.expm(superoperator(2, 5, 0.9, 1.3, 0.7) * 1.6) @ start.ravel()).reshape(start.shape)
    for steps in (32, 64, 128):
        rho = np.array([start.real, start.imag])
        open_dicke.evolve(rho, (dicke.ladder(2), 1.3, 0.9 / np.sqrt(2), 0.7), 1.6 / steps, steps)
        errors.append(abs(rho[0] + 1j * rho[1] - exact).max())
    assert np.log2(errors[0] / errors[1]) == pytest.approx(4, abs=0.1)
    assert np.log2(errors[1] / errors[2]) == pytest.approx(4, abs=0.1)


def test_decay_rate_is_a_gap_of_the_liouvillian() -> None:
    """The slowest eigenvalue of the part that is odd under reversal of both signs; and ρ stays a state for long."""
    found = master(spins=1, light_coupling=1.1, cutoff=9, duration=40.0)
    a, _, z = operators(1, 10)
    parity = np.round(np.diag(a.T @ a) + np.diag(z) + 0.5) % 2
    odd = (parity[:, None] != parity).ravel()
    values = np.linalg.eigvals(superoperator(1, 10, 1.1, 1.0, 1.0)[np.ix_(odd, odd)])
    assert found["decay_rate"] == pytest.approx(-values.real.max(), rel=1e-4)
    assert found["converged"] == 1
    rho = np.empty((2, 60, 60))
    open_dicke.written(2, -0.6, -0.6, rho)
    open_dicke.evolve(rho, (dicke.ladder(2), 1.0, 0.6, 1.0), 0.02, 2000)
    assert np.trace(rho[0]) == pytest.approx(1, abs=1e-12)
    assert np.array_equal(rho[0], rho[0].T)
    assert np.array_equal(rho[1], -rho[1].T)
    assert np.linalg.eigvalsh(rho[0] + 1j * rho[1]).min() > -1e-8


def test_what_has_not_converged_says_so() -> None:
    assert master(spins=1, light_coupling=1.1, cutoff=2, duration=10.0)["converged"] == 0  # tail
    assert master(spins=1, light_coupling=0.2, duration=10.0)["converged"] == 0  # no sign is left to decay


def test_mean_field_rests_where_theory_says() -> None:
    """With κ > ω a reader who took the wrong quadrature would read all signs reversed."""
    values = {"splitting": 0.9, "loss": 1.5, "fluctuations": False, "cavities": 2, "equilibration": 8000}
    for coupling in (0.6, 1.1, 1.3):
        found = array(**values, light_coupling=coupling)
        assert found["photons"] == pytest.approx(theory.photons(coupling, 0.9, 1.5), abs=1e-6)
        assert found["inversion"] == pytest.approx(theory.inversion(coupling, 0.9, 1.5), abs=1e-6)
        assert found["spin_order"] == pytest.approx(theory.spin_order(coupling, 0.9, 1.5), abs=1e-6)
    assert [found[k] for k in ("memory", "coherence", "retention", "censored", "converged")] == [1] * 5


@pytest.mark.parametrize("coupling", [0.5, 1.1])
def test_the_flow_of_the_trajectories_has_the_jacobian_of_theory(coupling: float) -> None:
    """Beside the rest for a time 0.5, by central differences; |s| is kept, so that one rate is 0."""
    splitting, loss, step = 0.9, 0.7, 1e-5
    matrix = theory.jacobian(coupling, splitting, loss)
    x, z = float(theory.spin_order(coupling, splitting, loss)), 2 * float(theory.inversion(coupling, splitting, loss))
    rest = np.array([-coupling * x / (1 + loss**2), -coupling * loss * x / (1 + loss**2), x, 0.0, z])
    state = np.concatenate([rest + step * np.eye(5), rest - step * np.eye(5)])
    open_dicke.wigner(state, 0, (coupling, splitting, loss), 0.5 / 200, 200, STREAM.copy())
    flow = (state[:5] - state[5:]).T / (2 * step)
    assert flow == pytest.approx(linalg.expm(matrix * 0.5), abs=1e-4)
    rates = np.sort(-2 * np.log(abs(np.linalg.eigvals(flow))))
    assert rates[:2] == pytest.approx([0, theory.damping(coupling, splitting, loss)], abs=1e-3)


def test_widths_of_the_written_state() -> None:
    """Var Re a = 1/4N, Var s_y = 1/N, means those of theory; 4 standard errors (6e-5) of 40000 draws."""
    state, signs = np.empty((40_000, 5)), np.repeat(np.array([1, -1], np.int8), 20_000)
    open_dicke.prepare(signs, 5, (0.7, 1.0, 0.5), STREAM.copy(), state)
    expected = np.array([-0.7 / 1.25, -0.35 / 1.25, 1, 0, 0])
    variance = np.array([0.05, 0.05, 0, 0.2, 0.2])
    left = state - signs[:, None] * expected
    assert (abs(left.mean(axis=0)) <= 4 * np.sqrt(variance / 40_000)).all()
    assert left.var(axis=0) == pytest.approx(variance, rel=4 * np.sqrt(2 / 40_000))


def test_order_of_the_trajectories() -> None:
    """Slope of the error against dt without noise: 2; spins keep their length."""
    ends = []
    for steps in (40, 80, 160, 2560):
        state = np.array([[0.3, -0.2, 0.6, 0.48, -0.64]])
        open_dicke.wigner(state, 0, (1.0, 1.2, 0.7), 4.0 / steps, steps, STREAM.copy())
        assert (state[0, 2:] ** 2).sum() == pytest.approx(1, abs=1e-12)
        ends.append(state[0])
    errors = [abs(end - ends[-1]).max() for end in ends[:-1]]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.15)
    assert np.log2(errors[1] / errors[2]) == pytest.approx(2, abs=0.15)


def test_trajectories_against_the_master_equation() -> None:
    """N = 8 for two periods: 4 standard errors (6e-5) of 20000 cavities, and 3 % for what truncation leaves out."""
    cutoff = {"light_coupling": 0.8, "spins": 8}
    exact = master(**cutoff, duration=4.0, records=8)
    found = array(**cutoff, cavities=20_000, copies=1, time_step=0.05, equilibration=0, steps=80, records=8)
    spread = 4 * (1 / 8 + 0.3) / np.sqrt(20_000)
    assert found["photon_trace"] == pytest.approx(
        exact["photon_trace"], abs=spread + 0.03 * exact["photon_trace"].max()
    )
    assert found["spin_order"] == pytest.approx(exact["spin_order"], rel=0.12)  # another window


def test_vacuum_and_a_message_that_no_light_knows() -> None:
    """λ = 0: photons 0, N(|α|²) = 1/2 exponential; memory 0 and overlap 0. All 4 standard errors (6e-5)."""
    found = array(light_coupling=0.0, spins=3, cavities=4000, equilibration=40, steps=400, records=44, loss=1.0)
    independent = 4000 * 40 / 4  # readings of the window are correlated over a time 1/κ, two of them
    assert found["photons"] == pytest.approx(0, abs=4 * (0.5 / 3) / np.sqrt(independent))
    assert found["retention"] == pytest.approx(0, abs=4 / np.sqrt(independent))
    assert found["memory"] == pytest.approx(
        0, abs=4 * np.sqrt(2 / 10) / (2 * 4000 * np.log(2))
    )  # χ² of one freedom, ten times


def test_what_is_read_is_the_field_along_the_written_direction() -> None:
    """At time 0: erf(|a₀| √(2N)) of |a₀| = λ/√(1 + κ²), 0.629 here; Re a alone has 0.223. 4 standard errors (6e-5)."""
    found = array(spins=2, loss=3.0, cavities=20_000, copies=1, time_step=1e-6, equilibration=0, steps=2, records=2)
    expected = math.erf(math.sqrt(4 / 10))
    assert found["retention_trace"][0] == pytest.approx(expected, abs=4 * np.sqrt((1 - expected**2) / 20_000))


def test_copies_and_messages() -> None:
    """Mean field keeps all signs: blind coherence is the overlap of the messages. With noise copies differ."""
    values = {"light_coupling": 1.2, "cavities": 48, "equilibration": 2000}
    found = array(**values, fluctuations=False)
    stream, messages = STREAM.copy(), np.empty((2, 48), np.int8)
    for row in messages:
        random_signs(stream, row)
    overlap = abs(float(messages[0] @ messages[1].astype(float))) / 48
    assert (found["coherence"], found["blind_coherence"]) == (1, pytest.approx(overlap, abs=1e-12))
    assert overlap < 0.9
    found = array(light_coupling=0.3, cavities=256)
    assert max(found["coherence"], found["blind_coherence"]) < 0.3


def test_halves_of_the_window() -> None:
    found = array(spins=8, cavities=200, equilibration=100, steps=200, records=30, copies=1)
    trace, times = found["retention_trace"], np.arange(10, 301, 10) * 0.05
    expected = [trace[10:20].mean(), trace[20:].mean(), times[20:].mean() - times[10:20].mean(), trace[10:].mean()]
    assert [found[k] for k in ("early_retention", "late_retention", "apart", "retention")] == pytest.approx(expected)
    assert expected[0] > expected[1] + 0.05


def test_copy_a_does_not_depend_on_the_others() -> None:
    values = {"spins": 8, "cavities": 16, "equilibration": 20, "steps": 20, "records": 8}
    three, one = array(**values), array(**values, copies=1)
    assert np.isnan([one["coherence"], one["blind_coherence"]]).all()
    for name in ("memory", "photons", "retention_trace"):
        assert np.array_equal(three[name], one[name])


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match=r"spins = 60 .* of products .* allowed\); lower spins"):
        DickeMaster(spins=60)
    with pytest.raises(InputError, match=r"4096 allowed"):
        DickeMaster(spins=1, cutoff=10**4, duration=1e-3, records=8)
    with pytest.raises(InputError, match="fastest rate is 400"):
        OpenDicke(light_coupling=10.0, loss=0.0)
    with pytest.raises(InputError, match="lower cavities or records"):
        OpenDicke(cavities=10**6)
    with pytest.raises(InputError, match="lower steps, equilibration or cavities"):
        OpenDicke(steps=2**40)
    with pytest.raises(InputError, match="less than two in the window"):
        OpenDicke(records=1)
    for model in (DickeMaster, OpenDicke):
        for values in ({"light_coupling": 1e300}, {"loss": -1.0}, {"splitting": 0.0}, {"spins": 0}):
            with pytest.raises(InputError):
                model(**values)  # type: ignore[arg-type]
