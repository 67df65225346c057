"""Canonical values, stream keys and their known answers. These are the format: they never change."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rig
from hypothesis import given
from hypothesis import strategies as st

from isinglass import InputError, Workflow
from isinglass.keys import StreamKeys, encode, states
from isinglass.models.base import Parameter, canonical, parameters

FLOAT = Parameter("x", float, "1", "a number")
INT = Parameter("n", int, "1", "a whole number")
values = st.one_of(st.integers(-(2**63) + 1, 2**63 - 1), st.floats(allow_nan=False), st.booleans(), st.text())


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_canonical_is_idempotent(x: float) -> None:
    try:
        once = canonical(FLOAT, x)
    except InputError:
        assert abs(x) > 1.797e308
        return
    assert isinstance(once, float)
    assert math.isfinite(once)
    assert canonical(FLOAT, once) == once
    assert math.copysign(1, once) == math.copysign(1, x) or once == 0
    assert once == pytest.approx(x, rel=1e-14, abs=1e-320)
    assert f"{once:.15g}" == f"{x:.15g}".replace("-0", "0", once == 0)
    assert canonical(FLOAT, np.float64(x)) == once


@given(st.integers())
def test_canonical_integers(n: int) -> None:
    if abs(n) < 2**63:
        assert canonical(INT, n) == n
        assert type(canonical(INT, np.int64(n))) is int
    else:
        with pytest.raises(InputError, match="64 bits"):
            canonical(INT, n)


def test_numbers_too_large_for_a_float_are_refused() -> None:
    for spec in (FLOAT, INT):
        for huge in (10**400, -(10**400)):
            with pytest.raises(InputError):
                canonical(spec, huge)
    with pytest.raises(InputError):
        canonical(FLOAT, 1.7976931348623157e308)


def test_one_number_written_in_two_ways_is_one_point() -> None:
    assert canonical(FLOAT, 0.1 + 0.2) == canonical(FLOAT, 0.3) == 0.3
    assert repr(canonical(FLOAT, -0.0)) == "0.0"
    assert repr(canonical(FLOAT, 3)) == "3.0"
    assert repr(canonical(INT, 3.0)) == "3"
    assert canonical(FLOAT, 0.4406) != canonical(FLOAT, 0.4407)
    for x in np.linspace(0, 1, 41):
        assert canonical(FLOAT, x) == float(f"{x:.6g}")


@pytest.mark.usefixtures("home", "steady_pilot")
def test_what_is_keyed_is_simulated_and_stored(tmp_path: Path) -> None:
    axes = {"load": [0.1 + 0.2, 0.7 + 0.1], "size": np.arange(3, 5)}
    workflow = Workflow(model=rig.synthetic.Walk, axes=axes)
    rig.run(workflow, tmp_path / "run")
    ds = rig.data(tmp_path / "run")
    assert ds["load"].values.tolist() == [0.3, 0.8]
    chosen = ds.sel({"load": 0.3, "size": 4})
    assert chosen.status == 1
    point = {**rig.points(Workflow(model=rig.synthetic.Walk))[0], "load": 0.3, "size": 4}
    assert chosen.value.item() == rig.simulate(workflow, point, 0, 0)["value"]
    with pytest.raises(InputError, match="twice"):
        replace(workflow, axes={"load": [0.3, 0.1 + 0.2]}).sweep().grid()


# ---------------------------------------------------------------- the encoding


@given(values)
def test_the_encoding_is_the_documented_one(value: float | int | bool | str) -> None:
    try:
        assert encode(value) == rig.encoded(value)
    except UnicodeEncodeError:
        assert isinstance(value, str)


@given(st.lists(values, max_size=4), st.lists(values, max_size=4))
def test_different_lists_have_different_bytes(a: list, b: list) -> None:
    """No list of items runs into another: types and lengths are part of them."""

    def identity(items: list) -> list[tuple[str, str]]:
        return [(type(x).__name__, repr(x)) for x in items]

    try:
        same = b"".join(map(encode, a)) == b"".join(map(encode, b))
    except UnicodeEncodeError:
        return
    assert same == (identity(a) == identity(b))


def test_known_answers_of_the_encoding() -> None:
    assert encode("load") == b"s\x04\x00\x00\x00load"
    assert encode("θ") == b"s\x02\x00\x00\x00\xce\xb8"
    assert encode(0.3) == b"f\x03\x00\x00\x000.3"
    assert encode(1e-07) == b"f\x05\x00\x00\x001e-07"
    assert encode(2.0) == b"f\x03\x00\x00\x002.0"
    assert encode(2) == b"i\x01\x00\x00\x002"
    assert encode(-7) == b"i\x02\x00\x00\x00-7"
    assert encode(True) == b"b\x04\x00\x00\x00true"
    assert encode(False) == b"b\x05\x00\x00\x00false"


POINT = {"size": 64, "load": 0.3, "temperature": 0.25, "rule": "hebb", "closed": True}
DISORDER = "742b6eb0701255b31ee5ae64175f8d39666f84fd03dd3626c1dab63535d8b521"
NOISE = "1f0b2e8f6d1937d2973fe56b53e7e8845cf42fd7b963dbd19327db8d5b6299bd"
PAIRED = "bc4eef2ee9a355e4ce77c86f2a28d5452810fc4dade783277db8467b19b5cd00"
HOPFIELD = "ebf976d5f0fd346f44685fef3d67684d7aaaa7cda4d8bcc1b2970c632d0bf9b9"


def test_known_answers_of_the_streams() -> None:
    """Verified by the independent implementation in `rig`, written from the design's words."""
    walk, hopfield = rig.synthetic.Walk, rig.SHIPPED_MODELS["hopfield"]
    keys = StreamKeys.of(walk, 1984, ())
    assert keys.disorder(POINT, {}, [3])[0].hex() == DISORDER
    assert keys.noise(POINT, {}, [3], [2])[0].hex() == NOISE
    assert StreamKeys.of(walk, 1984, ("temperature",)).noise(POINT, {}, [3], [2])[0].hex() == PAIRED
    point = {n: s.default for n, s in parameters(hopfield).items()}
    assert StreamKeys.of(hopfield, 1985, ()).noise(point, {}, [0], [0])[0].hex() == HOPFIELD

    named = [x for n in sorted(POINT) for x in (n, POINT[n])]
    quenched = ["load", 0.3, "size", 64]
    assert rig.digest(1, "disorder", "Walk", 1984, *quenched, 3).hex() == DISORDER
    assert rig.digest(1, "noise", "Walk", 1984, *named, 3, 2).hex() == NOISE
    cold = [x for n in sorted(POINT) if n != "temperature" for x in (n, POINT[n])]
    assert rig.digest(1, "noise", "Walk", 1984, *cold, 3, 2).hex() == PAIRED


def test_states_are_little_endian_words() -> None:
    assert states([bytes(range(32))]).tolist() == [
        [0x0706050403020100, 0x0F0E0D0C0B0A0908, 0x1716151413121110, 0x1F1E1D1C1B1A1918]
    ]


# ---------------------------------------------------------------- streams as functions of labels

points = st.fixed_dictionaries(
    {
        "size": st.integers(1, 5),
        "load": st.sampled_from([0.1, 0.2, 0.3]),
        "temperature": st.sampled_from([0.0, 0.5]),
        "rule": st.sampled_from(["hebb", "oja"]),
        "closed": st.booleans(),
    }
)
labels = st.tuples(points, st.integers(0, 3), st.integers(0, 3))


@given(points, st.randoms(use_true_random=False), st.integers(0, 9))
def test_the_order_of_a_points_names_does_not_matter(point: dict, random, sample: int) -> None:
    shuffled = list(point.items())
    random.shuffle(shuffled)
    keys = StreamKeys.of(rig.synthetic.Walk, 1, ())
    assert keys.noise(dict(shuffled), {}, [sample], [0, 5]) == keys.noise(point, {}, [sample], [0, 5])
    assert keys.disorder(dict(shuffled), {}, [sample]) == keys.disorder(point, {}, [sample])


@given(labels, labels)
def test_streams_are_equal_where_labels_are_and_only_there(a: tuple, b: tuple) -> None:
    keys = StreamKeys.of(rig.synthetic.Walk, 1, ("temperature",))

    def noise(label: tuple) -> bytes:
        return keys.noise(label[0], {}, [label[1]], [label[2]])[0]

    def without(label: tuple) -> tuple:
        return ({k: v for k, v in label[0].items() if k != "temperature"}, *label[1:])

    assert (noise(a) == noise(b)) == (without(a) == without(b))
    shared = all(a[0][n] == b[0][n] for n in ("size", "load"))
    assert (keys.disorder(a[0], {}, [a[1]]) == keys.disorder(b[0], {}, [b[1]])) == (shared and a[1] == b[1])
    assert keys.disorder(a[0], {}, [a[1]])[0] != noise(a)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=5), st.lists(st.integers(0, 50), min_size=1, max_size=5))
def test_streams_together_are_streams_alone(samples: list[int], replicas: list[int]) -> None:
    keys = StreamKeys.of(rig.synthetic.Walk, 1, ())
    together = keys.noise(POINT, {}, samples, replicas)
    assert together == [keys.noise(POINT, {}, [s], [r])[0] for s in samples for r in replicas]
    assert keys.disorder(POINT, {}, samples) == [keys.disorder(POINT, {}, [s])[0] for s in samples]


def test_seed_and_model_name_matter() -> None:
    seen = {
        StreamKeys.of(model, seed, ()).noise({**POINT}, {}, [0], [0])[0]
        for model in (rig.synthetic.Walk, rig.synthetic.Batched, rig.synthetic.Lanes)
        for seed in (0, 1, 2**63 - 1)
    }
    assert len(seen) == 9
