"""Amit-Gutfreund-Sompolinsky theory: against reference values, and against its own equations evaluated another way."""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.special import erf

from isinglass.catalog import reference
from isinglass.exceptions import InputError
from isinglass.theory import ags

STATES = [(0.02, 0.5), (0.05, 0.0), (0.05, 0.3), (0.1, 0.002), (0.1, 0.2), (0.13, 0.1), (0.1381, 0.02), (1e-4, 0.9)]


def gauss(f, kink, width):
    """⟨f(z)⟩ for f with a kink, by adaptive quadrature."""
    cuts = sorted({c for c in (kink - 20 * width, kink, kink + 20 * width) if -9 < c < 9} | {-9.0, -3.0, 0.0, 3.0, 9.0})
    pieces = (
        quad(lambda z: f(z) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi), a, b, epsabs=1e-14, epsrel=1e-13, limit=200)[0]
        for a, b in pairwise(cuts)
    )
    return sum(pieces)


def moments(load, temperature, m, r):
    """⟨tanh⟩, ⟨tanh²⟩, ⟨sech⁴⟩, T⟨ln 2cosh⟩ of β(m + √(αr) z)."""
    sigma = np.sqrt(load * r)

    def x(z):
        return (m + sigma * z) / temperature

    def log_cosh(z):
        return temperature * np.logaddexp(x(z), -x(z))

    args = -m / sigma, temperature / sigma
    return (
        gauss(lambda z: np.tanh(x(z)), *args),
        gauss(lambda z: np.tanh(x(z)) ** 2, *args),
        gauss(lambda z: (1 - np.tanh(x(z)) ** 2) ** 2, *args),
        gauss(log_cosh, *args),
    )


def functional(load, temperature, m, q, r):
    """The free energy as a function of independent m, q, r."""
    c = (1 - q) / temperature
    coupling = load / 2 * (1 + temperature * np.log(1 - c) - q / (1 - c) + r * c)
    return m * m / 2 + coupling - moments(load, temperature, m, r)[3]


# ---- reference values


def test_capacity_at_zero_temperature():
    best = minimize_scalar(lambda y: -(erf(y) / y - 2 / np.sqrt(np.pi) * np.exp(-y * y)), bounds=(1, 2))
    assert ags.capacity() == pytest.approx(best.fun**2 / 2, abs=1e-13)
    assert ags.capacity() == pytest.approx(reference("hopfield.ags.capacity_zero_temperature").number(), abs=1e-10)
    assert best.x == pytest.approx(reference("hopfield.ags.capacity_argument").number(), abs=1e-6)
    assert ags.overlap(ags.capacity(), 0) == pytest.approx(
        reference("hopfield.ags.overlap_at_capacity").number(), abs=1e-6
    )
    for name in ("steffan_kuhn", "stojnic"):
        published = reference(f"hopfield.rs.capacity_{name}")
        assert abs(ags.capacity() - published.value) <= published.uncertainty


@pytest.mark.parametrize(("name", "line"), [("T_M", ags.retrieval_temperature), ("T_c", ags.thermodynamic_temperature)])
def test_lines_and_the_overlap_on_them(name, line):
    table = reference(f"hopfield.ags.{name}")
    load = np.array(table.column("load"))
    temperature = line(load)
    np.testing.assert_allclose(temperature, table.column("temperature"), rtol=0, atol=1e-6)
    np.testing.assert_allclose(ags.overlap(load, temperature), table.column("overlap"), rtol=0, atol=5.1e-4)


def test_loads_where_lines_end():
    thermodynamic = reference("hopfield.ags.thermodynamic_load_zero_temperature").number()
    below, above = ags.thermodynamic_temperature([thermodynamic - 1e-7, thermodynamic + 1e-7], end="lower")
    assert below == 0 < above < 1e-5
    names = {"T_M": "retrieval_nose", "T_c": "thermodynamic_nose", "T_AT": "almeida_thouless_end"}
    for line, nose in ags.noses().items():
        expected = reference(f"hopfield.ags.{names[line]}")
        np.testing.assert_allclose(nose[0], expected.value["load"], rtol=0, atol=1.01 * expected.uncertainty["load"])
        np.testing.assert_allclose(nose[1], expected.value["temperature"], rtol=0, atol=1e-5)
        assert np.isnan(ags.lines(nose[0] + 1e-6)[line])
        assert np.isfinite(ags.lines(nose[0] - 1e-9)[line])


def test_slopes_at_small_load():
    expected = reference("hopfield.ags.slopes_at_load_0.001").value
    quoted = reference("hopfield.ags.slopes_quoted")
    for name, line in (("T_M", ags.retrieval_temperature), ("T_c", ags.thermodynamic_temperature)):
        assert (1 - line(1e-3)) / np.sqrt(1e-3) == pytest.approx(expected[name], abs=5.1e-4)
        assert (1 - line(1e-6)) / 1e-3 == pytest.approx(quoted.value[name], abs=quoted.uncertainty[name])


def test_almeida_thouless_line():
    table = reference("hopfield.ags.T_AT")
    temperature = ags.almeida_thouless_temperature(table.column("load"))
    np.testing.assert_allclose(temperature, table.column("temperature"), rtol=0, atol=1e-6)
    dilute = np.array([0.01, 0.02])
    asymptotic = np.sqrt(8 * dilute / 9 / np.pi) * np.exp(-1 / (2 * dilute))  # AGS 1987
    np.testing.assert_allclose(ags.almeida_thouless_temperature(dilute), asymptotic, rtol=1e-6)
    assert ags.almeida_thouless_temperature(0.001) == 0


def test_information():
    load = np.linspace(0.12, 0.1379, 180)  # steps of 1e-4
    bits = ags.information(load, 0.0)
    best = reference("hopfield.ags.information_maximum").value
    assert bits.max() == pytest.approx(best["information"], abs=1e-6)
    assert load[bits.argmax()] == pytest.approx(best["load"], abs=1e-4)
    at_capacity = reference("hopfield.ags.information_at_capacity").number()
    assert ags.information(ags.capacity(), 0) == pytest.approx(at_capacity, abs=1e-6)
    printed = reference("hopfield.ags.information_at_load_0.130").number()
    assert ags.information(0.13, 0) == pytest.approx(printed, abs=5.1e-5)
    assert ags.information(0.01, 0) == pytest.approx(0.01, abs=1e-15)


def test_simulated_overlaps():
    table = reference("hopfield.simulation.overlap")
    load, temperature = np.array(table.column("load")), np.array(table.column("temperature"))
    far = temperature < 0.8 * ags.retrieval_temperature(load)
    assert far.sum() == 3
    np.testing.assert_allclose(
        ags.overlap(load, temperature)[far], np.array(table.column("overlap"))[far], rtol=0, atol=0.005
    )


# ---- the equations, evaluated independently


@pytest.mark.parametrize(("load", "temperature"), [s for s in STATES if s[1] > 0])
@pytest.mark.parametrize("branch", ["retrieval", "spin_glass"])
def test_saddle_point_equations(load, temperature, branch):
    m, q, r = ags.order_parameters(load, temperature, branch)
    mean, square, _, _ = moments(load, temperature, m, r)
    assert mean == pytest.approx(m, abs=1e-11)
    assert square == pytest.approx(q, abs=1e-11)
    assert q / (1 - (1 - q) / temperature) ** 2 == pytest.approx(r, rel=1e-9)
    assert ags.free_energy(load, temperature, branch) == pytest.approx(
        functional(load, temperature, m, q, r), abs=1e-12
    )
    assert (m > 0) == (branch == "retrieval")


@pytest.mark.parametrize(("load", "temperature"), [(0.02, 0.5), (0.05, 0.3), (0.1, 0.2), (0.13, 0.1)])
@pytest.mark.parametrize("branch", ["retrieval", "spin_glass"])
def test_the_free_energy_is_stationary(load, temperature, branch):
    x = np.array(ags.order_parameters(load, temperature, branch))
    h = 2e-5
    for direction in np.eye(3):
        f = [functional(load, temperature, *(x + k * h * direction)) for k in (-2, -1, 1, 2)]
        assert abs(np.dot([1, -8, 8, -1], f)) / (12 * h) < 1e-8
        assert abs(f[0] + f[3] - f[1] - f[2]) / (3 * h * h) > 1e-6  # the zero is no flat direction


def test_free_energies_are_equal_on_the_thermodynamic_line():
    load = np.array([1e-3, 0.01, 0.03, 0.05, 0.053])
    temperature = ags.thermodynamic_temperature(load)
    difference = ags.free_energy(load, temperature) - ags.free_energy(load, temperature, "spin_glass")
    np.testing.assert_allclose(difference, 0, atol=1e-12)
    below = ags.free_energy(load, temperature - 1e-3) - ags.free_energy(load, temperature - 1e-3, "spin_glass")
    assert np.all(below < 0)
    # the line's nose: colder still, the symmetric spin glass wins again
    assert ags.free_energy(0.053, 0.01) > ags.free_energy(0.053, 0.01, "spin_glass")
    lower = ags.thermodynamic_temperature(0.053, end="lower")
    assert ags.free_energy(0.053, lower) == pytest.approx(ags.free_energy(0.053, lower, "spin_glass"), abs=1e-12)


@pytest.mark.parametrize("load", [0.1, 0.13, 0.1375])
def test_symmetry_is_marginal_on_the_almeida_thouless_line(load):
    temperature = ags.almeida_thouless_temperature(load)
    m, q, r = ags.order_parameters(load, temperature)
    fourth = moments(load, temperature, m, r)[2]
    assert load * fourth == pytest.approx((temperature - (1 - q)) ** 2, rel=1e-8)


def test_retrieval_ends_at_the_lines():
    load = np.array([1e-5, 0.01, 0.1, 0.1375, 0.138])
    end = ags.retrieval_temperature(load)
    assert np.all(np.isfinite(ags.overlap(load, end * (1 - 1e-9))))
    assert np.all(np.isnan(ags.overlap(load, end * (1 + 1e-9))))
    np.testing.assert_allclose(ags.capacity(end), load, rtol=1e-9)
    lower = ags.retrieval_temperature(0.138, end="lower")
    assert 0 < lower < end[-1]
    assert np.isnan(ags.overlap(0.138, lower * 0.999))
    assert np.isfinite(ags.overlap(0.138, lower * 1.001))
    np.testing.assert_array_equal(ags.retrieval_temperature(load[:4], end="lower"), 0)


# ---- limits and shapes


@pytest.mark.parametrize("branch", ["retrieval", "spin_glass"])
def test_zero_temperature_is_the_limit(branch):
    load = np.array([1e-6, 0.01, 0.05, 0.1, 0.137])
    cold, colder = ags.order_parameters(load, 1e-7, branch), ags.order_parameters(load, 0.0, branch)
    for a, b in zip(cold, colder, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5)
    np.testing.assert_allclose(colder.q, 1, rtol=1e-14)
    f = [ags.free_energy(load, t, branch) for t in (0.0, 1e-7)]
    np.testing.assert_allclose(f[0], f[1], atol=1e-7)
    if branch == "retrieval":  # sqrt(2α) = erf(y)/y - (2/√π) exp(-y²), m = erf(y)
        u = colder.m / np.sqrt(load * colder.r)
        np.testing.assert_allclose(colder.m, erf(u / np.sqrt(2)), rtol=1e-13)
        np.testing.assert_allclose(np.sqrt(load), colder.m / u - np.sqrt(2 / np.pi) * np.exp(-u * u / 2), rtol=1e-11)


def test_zero_load_is_one_pattern():
    temperature = np.array([0.0, 0.3, 0.9])
    m = ags.overlap(0.0, temperature)
    np.testing.assert_allclose(m[1:], np.tanh(m[1:] / temperature[1:]), atol=1e-9)
    assert m[0] == pytest.approx(1)
    assert [ags.lines(0.0)[name] for name in ("T_M", "T_c", "T_g", "T_AT")] == [1, 1, 1, 0]
    assert ags.capacity(1.0) == ags.capacity(1.2) == 0


def test_the_spin_glass_melts_at_its_temperature():
    load = np.array([0.01, 0.1, 0.5])
    melting = ags.spin_glass_temperature(load)
    np.testing.assert_array_equal(melting, 1 + np.sqrt(load))
    q = ags.order_parameters(load, melting * (1 - 1e-3), "spin_glass").q
    assert np.all((q > 0) & (q < 3e-3))
    np.testing.assert_array_equal(ags.order_parameters(load, melting * 1.001, "spin_glass").q, 0)
    sides = [ags.free_energy(load, melting * x, "spin_glass") for x in (1 - 1e-6, 1 + 1e-6)]
    np.testing.assert_allclose(sides[0], sides[1], atol=1e-5)


def test_shapes_and_pieces():
    load, temperature = np.linspace(0, 0.15, 6)[:, None], np.linspace(0, 1.1, 5)
    whole = ags.overlap(load, temperature)
    assert whole.shape == (6, 5)
    one_by_one = [[float(ags.overlap(a, t)) for t in temperature] for a in load[:, 0]]
    np.testing.assert_allclose(whole, one_by_one, rtol=1e-12)
    assert {line.shape for line in ags.lines(load).values()} == {(6, 1)}
    assert isinstance(float(ags.retrieval_temperature(0.05)), float)
    assert ags.retrieval_temperature([]).shape == ags.overlap([], []).shape == (0,)


def test_many_points_at_once_are_the_same_points(monkeypatch):
    load, temperature = np.full(7, 0.07), np.linspace(0, 0.5, 7)
    whole = ags.overlap(load, temperature)
    monkeypatch.setattr(ags, "_CHUNK", 3)
    np.testing.assert_allclose(ags.overlap(load, temperature), whole, rtol=1e-12)


def test_wrong_input_is_refused():
    for call in (
        lambda: ags.retrieval_temperature(-0.1),
        lambda: ags.overlap(0.1, np.nan),
        lambda: ags.capacity("cold"),
        lambda: ags.order_parameters(0.1, 0.1, "retreival"),
        lambda: ags.retrieval_temperature(0.1, end="uper"),
    ):
        with pytest.raises(InputError):
            call()


def test_speed_of_an_overlay():
    load, temperature = np.linspace(0.005, 0.16, 20)[:, None], np.linspace(0, 1.1, 25)
    ags.lines(0.05)  # scipy's import, the noses
    start = time.process_time()
    ags.lines(np.linspace(0, 0.14, 60))
    ags.overlap(load, temperature)
    assert time.process_time() - start < 4


def test_import_is_light():
    code = "import sys, isinglass.theory.ags; print([m for m in ('scipy', 'matplotlib', 'xarray') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
