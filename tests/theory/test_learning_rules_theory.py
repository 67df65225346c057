"""One step from a pattern with faulty couplings: closed forms against each other and against direct sums."""

import math

import numpy as np
import pytest
from scipy.special import erfc

from isinglass.exceptions import InputError
from isinglass.theory import crosstalk
from isinglass.theory import learning_rules as theory


def test_without_faults_it_is_the_known_one_step_error() -> None:
    assert theory.one_step_error(0.25) == pytest.approx(0.5 * erfc(1 / math.sqrt(0.5)))  # 0.0228
    assert theory.one_step_error(0.25, "pseudo_inverse") == 0
    exact = (1 - crosstalk.exact_one_step_overlap(100, 20, 0.0)) / 2
    assert theory.exact_hebb_error(100, 20) == pytest.approx(exact, abs=1e-12)


def test_the_exact_error_approaches_the_closed_form() -> None:
    """As 1/N: halved where N is doubled, with noise and cuts; α = 0.25, P even and odd alike."""
    faults = {"weight_noise": 1.0, "dilution": 0.4}
    limit = float(theory.one_step_error(0.25, **faults))
    off = [theory.exact_hebb_error(n, n // 4, **faults) - limit for n in (64, 128, 256)]
    assert 1.7 < off[0] / off[1] < 2.3
    assert 1.7 < off[1] / off[2] < 2.3


def test_the_exact_error_of_a_small_network_by_enumeration() -> None:
    """N = 4, P = 2, dilution 1/2: all signs of the rival (pattern 0 is +1), all cuts of one neuron's couplings."""
    turned = 0
    for rival in range(16):
        xi = np.array([1 if rival >> i & 1 else -1 for i in range(4)])
        for cuts in range(8):
            kept = np.array([cuts >> i & 1 for i in range(3)])
            turned += (kept * (1 + xi[0] * xi[1:])).sum() < 0
    assert theory.exact_hebb_error(4, 2, dilution=0.5) == pytest.approx(turned / 128, abs=1e-14)


def test_the_projector_loses_to_hebb_beyond_its_noise() -> None:
    """At equal load the errors cross at Δ² = (1-α)/α, k = 1."""
    for load in (0.1, 0.5):
        cross = math.sqrt((1 - load) / load)
        at = [theory.one_step_error(load, rule, cross) for rule in theory.RULES]
        assert at[0] == pytest.approx(at[1])
        assert theory.one_step_error(load, "hebb", 1.1 * cross) < theory.one_step_error(
            load, "pseudo_inverse", 1.1 * cross
        )


def test_the_static_noise_capacity_is_where_the_overlap_is_kept() -> None:
    from scipy.special import erf

    for rule in theory.RULES:
        for noise, dilution in ((0.5, 0.0), (1.0, 0.3), (3.0, 0.9)):
            load = theory.static_noise_capacity(rule, noise, dilution)
            ratio = 2 * _inverse_q(float(theory.one_step_error(load, rule, noise, dilution))) ** 2
            assert erf(0.9 * math.sqrt(ratio / 2)) == pytest.approx(0.9, abs=1e-9)
    assert theory.static_noise_capacity("pseudo_inverse") == 1


def _inverse_q(error: float) -> float:
    """x of ½ erfc(x) = error."""
    from scipy.special import erfcinv

    return float(erfcinv(2 * error))


def test_storkey_has_no_closed_form() -> None:
    with pytest.raises(InputError, match="no closed form for the rule 'storkey'"):
        theory.one_step_error(0.1, "storkey")
    with pytest.raises(InputError, match="no closed form for the rule 'storkey'"):
        theory.static_noise_capacity("storkey")
