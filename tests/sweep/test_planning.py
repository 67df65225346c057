"""Blocks, shards, packing, requests, unions of grids, values as text: the pure functions, property by property."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import rig
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from isinglass import InputError, planning
from isinglass.models.base import Parameter, canonical
from isinglass.planning import DONE, FAILED, MAX_BLOCKS, PENDING, SKIPPED, Blocks, Request
from isinglass.sweep import Grid, Sweep, locate, unite
from isinglass.workflow import parse_values

Walk = rig.synthetic.Walk

# ---------------------------------------------------------------- blocks

shapes = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 10)), min_size=2, max_size=5)


@given(shapes)
def test_blocks_cover_the_grid_exactly_once(pairs: list[tuple[int, int]]) -> None:
    shape, block = zip(*pairs, strict=True)
    blocks, seen = Blocks(shape, block), np.zeros(shape, int)
    names = set()
    for index in blocks:
        box = blocks.slices(index)
        assert all(0 < s.stop - s.start <= b for s, b in zip(box, block, strict=True))
        seen[box] += 1
        names.add(planning.block_name(index))
        assert planning.block_index(planning.block_name(index)) == index
    assert (seen == 1).all()
    assert len(names) == len(blocks)


@given(shapes, st.integers(1, 5), st.integers(0, 2**62))
def test_shards_partition_the_blocks(pairs: list[tuple[int, int]], count: int, seed: int) -> None:
    shape, block = zip(*pairs, strict=True)
    blocks = Blocks(shape, block)
    shares = [planning.shard(blocks, i, count, seed) for i in range(count)]
    assert sum(map(len, shares)) == len(blocks)
    assert set().union(*shares) == set(blocks)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert planning.shard(reversed(list(blocks)), 0, count, seed) == shares[0], "the order of listing matters"


def test_a_shard_is_a_known_permutation() -> None:
    """Processes of other versions agree on it: it is a format."""
    blocks = Blocks((4, 2, 1, 1), (1, 1, 1, 1))
    assert sorted(planning.shard(blocks, 0, 3, 7)) == SHARD


SHARD = [(0, 1, 0, 0), (1, 1, 0, 0), (3, 0, 0, 0)]


def grid(lengths: tuple[int, ...], samples: int, replicas: int, model=Walk) -> Grid:
    """The grid of `size`, `temperature` and `load` with so many values each."""
    axes = {"temperature": [k / 8 for k in range(lengths[0])], "size": list(range(1, lengths[1] + 1))}
    return Sweep(model, axes, samples=samples, replicas=replicas).grid()


@settings(max_examples=200)
@given(
    st.tuples(st.integers(1, 2000), st.integers(1, 300)),
    st.integers(1, 300),
    st.integers(1, 30),
    st.floats(1e-7, 1e4),
    st.integers(1, 64),
    st.integers(1, 10**8),
    st.booleans(),
)
@example((331, 7), 61, 1, 1e-6, 2, 8, False)
@example((1999, 1), 101, 1, 1e-7, 1, 4, False)
def test_block_shapes_keep_the_limits(
    lengths: tuple[int, int], samples: int, replicas: int, seconds: float, cores: int, size: int, lanes: bool
) -> None:
    asked = grid((1, 1), samples, replicas, rig.synthetic.Lanes if lanes else rig.synthetic.Batched)
    asked = replace(asked, axes={"temperature": (0.5,) * lengths[0], "size": (1,) * lengths[1]})
    total = math.prod(asked.full_shape)
    fewest = planning.MAX_BLOCK_BYTES // size
    assume(total / max(fewest, 1) < MAX_BLOCKS / 16)  # else no shape satisfies both, and it says so
    assume(total < 5 * 10**6)
    block = planning.block_shape(asked, seconds, cores, size)
    assert all(1 <= b <= n for b, n in zip(block, asked.full_shape, strict=True))
    assert block[-1] % asked.model.lanes == 0
    assert len(Blocks(asked.full_shape, block)) <= MAX_BLOCKS
    each = math.prod(block)
    assert each * size <= planning.MAX_BLOCK_BYTES or each == asked.model.lanes
    # 4 blocks a core win over 2 s of work, but not over the number of blocks
    if total / MAX_BLOCKS <= 0.5:
        assert each * seconds <= max(total * seconds / (4 * cores), seconds * asked.model.lanes) * (1 + 1e-9)


def test_blocks_grow_by_replica_then_free_axes_then_sample_then_quenched_axes() -> None:
    asked = grid((10, 4), 8, 4)
    seen = [planning.block_shape(asked, 1.0, 1, 8, {})]
    for n in (1, 4, 40, 320, 1280):
        # so cheap that the target is n simulations: a quarter of a core's share
        big = planning.block_shape(asked, 1e-4, 1, planning.MAX_BLOCK_BYTES // n)
        seen.append(big)
    assert seen[1:] == [(1, 1, 1, 1), (1, 1, 1, 4), (10, 1, 1, 4), (10, 1, 8, 4), (10, 1, 8, 4)]
    assert planning.block_shape(asked, 1.0, 1, 8, {"size": 4, "temperature": 3})[:2] == (3, 4)
    with pytest.raises(InputError, match="did you mean 'size'"):
        planning.block_shape(asked, 1.0, 1, 8, {"sizes": 4})
    with pytest.raises(InputError, match="multiple of 4"):
        planning.block_shape(grid((2, 2), 1, 4, rig.synthetic.Lanes), 1.0, 1, 8, {"replica": 2})


# ---------------------------------------------------------------- packing

tasks = st.dictionaries(st.tuples(st.integers(0, 9), st.integers(0, 9)), st.floats(0, 10), max_size=60)


@given(tasks, st.floats(0.01, 20), st.integers(1, 8))
def test_packing_keeps_every_block_once_longest_first(blocks: dict, target: float, most: int) -> None:
    packed = planning.pack(blocks.items(), target, most)
    members = [index for _, task in packed for index in task]
    assert sorted(members) == sorted(blocks)
    costs = [blocks[index] for index in members]
    assert costs == sorted(costs, reverse=True)
    for seconds, task in packed:
        assert task
        assert len(task) <= most
        assert seconds == pytest.approx(sum(blocks[i] for i in task))
        assert len(task) == 1 or seconds <= target * (1 + 1e-9)
    assert planning.pack(reversed(blocks.items()), target, most) == packed


@given(st.lists(st.floats(0, 100), max_size=30), st.integers(1, 8))
def test_wall_time_is_between_its_bounds(costs: list[float], threads: int) -> None:
    wall = planning.wall_seconds(costs, threads)
    assert wall >= max([*costs, sum(costs) / threads]) * (1 - 1e-9) if costs else wall == 0
    assert wall <= sum(costs) / threads + max(costs, default=0) + 1e-9


# ---------------------------------------------------------------- requests

statuses = arrays(np.int8, (3, 2, 2, 2), elements=st.integers(0, 3))
masks = arrays(bool, (3, 2))
BOX = (slice(0, 3), slice(0, 2), slice(0, 2), slice(0, 2))
EVERY = (3, 2, 2, 2)


@given(statuses, masks, masks, st.integers(1, 3), st.integers(1, 3), st.booleans())
def test_request_algebra(stored, keep, covered, samples: int, replicas: int, retry: bool) -> None:
    keep = keep & covered
    request = Request(keep, covered, samples, replicas)
    seen = request.status(BOX, stored)
    wanted = request.wanted(BOX, seen, retry)
    wide = [np.broadcast_to(a[..., None, None], EVERY) for a in (keep, covered)]
    settled = (stored == DONE) | (stored == FAILED)
    # done and failed stay, whoever asks; skipped or pending follows this request where it speaks of the point
    assert (seen[settled] == stored[settled]).all()
    assert (seen[~settled & ~wide[1]] == stored[~settled & ~wide[1]]).all()
    assert (seen[~settled & wide[0]] == PENDING).all()
    assert (seen[~settled & wide[1] & ~wide[0]] == SKIPPED).all()
    np.testing.assert_array_equal(request.status(BOX, seen), seen)
    # only what it keeps, as deep as it asks, and never what is done
    assert not (wanted & ~wide[0]).any()
    assert not (wanted & (seen == DONE)).any()
    assert not wanted[:, :, samples:].any()
    assert not wanted[..., replicas:].any()
    deep = np.zeros(EVERY, bool)
    deep[:, :, :samples, :replicas] = True
    np.testing.assert_array_equal(wanted, wide[0] & deep & ((seen == PENDING) | (retry & (seen == FAILED))))
    assert request.simulations == keep.sum() * samples * replicas


@given(statuses, masks, st.integers(1, 3), st.booleans(), st.tuples(st.integers(1, 3), *[st.integers(1, 2)] * 3))
def test_missing_is_what_blocks_want_and_tally_counts_it(stored, keep, samples: int, retry: bool, block) -> None:
    """Over all blocks of any shape, the same simulations; counts add up to what is asked."""
    request, blocks = Request(keep, np.ones_like(keep), samples, 2), Blocks(EVERY, block)
    whole = request.wanted(BOX, request.status(BOX, stored), retry)

    def status_of(index, box):
        return None if (stored[box] == DONE).all() else stored[box]

    union, changed = np.zeros(EVERY, bool), []
    for index, wanted in planning.missing(blocks, request, status_of, retry):
        box = blocks.slices(index)
        union[box] = wanted
        changed.append(index)
        local = (*(slice(0, s.stop - s.start) for s in box[:-2]), *box[-2:])
        part = request.within(box)
        np.testing.assert_array_equal(part.wanted(local, part.status(local, stored[box]), retry), wanted)
    np.testing.assert_array_equal(union, whole)
    assert len(set(changed)) == len(changed)
    counts = planning.tally(blocks, request, status_of)
    asked = request.wanted(BOX, np.zeros(EVERY, np.int8), False)
    assert sum(counts.values()) == asked.sum() == request.simulations if samples <= 2 else True
    assert counts["done"] == (asked & (stored == DONE)).sum()
    assert counts["failed"] == (asked & (stored == FAILED)).sum()


# ---------------------------------------------------------------- unions

floats = st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5]), min_size=1, max_size=4, unique=True)
rules = st.lists(st.sampled_from(["hebb", "storkey", "oja"]), min_size=1, max_size=3, unique=True)
sweeps = st.builds(
    lambda t, r, s, k: Sweep(Walk, {"temperature": t, "rule": r}, samples=s, replicas=k),
    floats, rules, st.integers(1, 3), st.integers(1, 3),
)  # fmt: skip


def united(a: Sweep, b: Sweep) -> Grid:
    return unite(a.grid(), b, b.grid())


@given(sweeps, sweeps)
def test_a_union_holds_both_and_no_more(a: Sweep, b: Sweep) -> None:
    union, other = united(a, b), united(b, a)
    for name in a.axes:
        assert set(union.axes[name]) == {*a.axes[name], *b.axes[name]} == set(other.axes[name])
        assert len(set(union.axes[name])) == len(union.axes[name])
    assert list(union.axes["temperature"]) == sorted(union.axes["temperature"])
    assert union.axes["rule"] == tuple(dict.fromkeys([*a.axes["rule"], *b.axes["rule"]]))
    assert (union.samples, union.replicas) == (max(a.samples, b.samples), max(a.replicas, b.replicas))
    assert unite(a.grid(), a, a.grid()) == a.grid()
    assert unite(union, b, b.grid()) == union, "asked again, nothing changes"
    for sweep in (a, b):
        inner = sweep.grid()
        for index in np.ndindex(*inner.shape):
            at = tuple(int(where[i]) for where, i in zip(locate(inner, union), index, strict=True))
            assert union.point(at) == inner.point(index)


@given(st.data())
def test_a_union_of_lists_is_ordered_by_parameter_tuples(data) -> None:
    rows = st.lists(
        st.tuples(st.sampled_from([0.1, 0.2, 0.3]), st.sampled_from(["oja", "hebb"])), min_size=1, unique=True
    )
    made = []
    for _ in range(2):
        columns = dict(zip(("temperature", "rule"), zip(*data.draw(rows), strict=True), strict=True))
        made.append(Sweep(Walk, columns, points=True))
    union = united(*made)
    assert union.labels(0) == tuple(sorted({*made[0].grid().labels(0), *made[1].grid().labels(0)}))
    assert united(made[1], made[0]).labels(0) == union.labels(0)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"seed": 1}, "seed"),
        ({"fixed": {"size": 5}}, "size was 4, now 5"),
        ({"axes": {"rule": ["hebb"], "temperature": [0.1]}}, "axes"),
        ({"axes": {"temperature": [0.1]}}, "axes"),
        ({"paired": ("temperature",)}, "paired"),
        ({"model": rig.synthetic.Batched, "axes": {"temperature": [0.1], "size": [4]}}, "model"),
        ({"derived": {"size": lambda p: 4}}, "derived"),
        ({"axes": {"temperature": [0.1], "rule": ["hebb"]}, "points": True}, "points"),
    ],
)
def test_another_identity_is_refused_and_named(changes: dict, told: str) -> None:
    base = Sweep(Walk, {"temperature": [0.1], "rule": ["hebb"]})
    other = replace(base, **changes)
    with pytest.raises(InputError, match=f"another sweep: .*{told}"):
        united(base, other)


def test_derived_values_must_agree_where_grids_overlap() -> None:
    base = Sweep(Walk, {"temperature": [0.1, 0.2]}, derived={"size": lambda p: round(10 * p["temperature"])})
    same = replace(base, axes={"temperature": [0.2, 0.3]}, derived={"size": lambda p: int(10 * p["temperature"] + 0.1)})
    assert united(base, same).axes["temperature"] == (0.1, 0.2, 0.3)
    other = replace(base, derived={"size": lambda p: 1 + (p["temperature"] < 0.15)})
    with pytest.raises(InputError, match=r"derived 'size' at temperature=0.1 was 1, now 2"):
        united(base, other)


# ---------------------------------------------------------------- values as text

X = Parameter("x", float, "1", "a number")
N = Parameter("n", int, "1", "a whole number")
RULE = Parameter("rule", str, "1", "a rule", choices=("hebb", "oja"))
FLAG = Parameter("flag", bool, "1", "yes or no")


@pytest.mark.parametrize(
    ("spec", "text", "values"),
    [
        (X, "0.1", [0.1]),
        (X, "0.1, 0.2", [0.1, 0.2]),
        (X, "0:1:5", [0, 0.25, 0.5, 0.75, 1]),
        (X, "1:0:3", [1, 0.5, 0]),
        (X, "log:0.01:100:5", [0.01, 0.1, 1, 10, 100]),
        (X, "1e-3", [0.001]),
        (X, "-1:1:3", [-1, 0, 1]),
        (N, "3,4", [3, 4]),
        (N, "1e3", [1000]),
        (N, "1:5:3", [1, 3, 5]),
        (N, "log:1:8:4", [1, 2, 4, 8]),
        (N, "log:1:3:9", [1, 2, 3]),
        (RULE, "hebb,oja", ["hebb", "oja"]),
        (FLAG, "true, False", [True, False]),
    ],
)
def test_values_as_text(spec: Parameter, text: str, values: list) -> None:
    assert [canonical(spec, v) for v in parse_values(spec, text)] == [canonical(spec, v) for v in values]


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (X, ""), (X, ","), (X, "1,"), (X, "a"), (X, "1:2"), (X, "1:2:3:4"), (X, "1:2:0"), (X, "1:2:-1"), (X, "1:2:x"),
        (X, "1:2:2.5"), (X, "log:0:1:3"), (X, "log:-1:1:3"), (X, "lin:0:1:3"), (X, "nan"), (X, "inf"), (X, "inf:1:3"),
        (X, "0:nan:3"), (X, "log:1:inf:3"), (X, "0:1:²"), (X, "0:1:99999999999"), (X, "-1e308:1e308:3x"), (X, "1e400"),
        (N, "0.5"), (N, "1:2:4"), (N, "1e30"), (N, "0x10"), (RULE, "heb"), (RULE, ""), (FLAG, "1"), (FLAG, "yes"),
    ],
)  # fmt: skip
def test_malformed_values_are_refused_in_one_line(spec: Parameter, text: str) -> None:
    with pytest.raises(InputError) as caught:
        [canonical(spec, v) for v in parse_values(spec, text)]
    assert "\n" not in str(caught.value)
    assert spec.name in str(caught.value)


@given(st.sampled_from([X, N, FLAG, RULE]), st.text(alphabet="0123456789.,:-+elogninfatru ²", max_size=12))
def test_any_text_gives_values_or_an_input_error(spec: Parameter, text: str) -> None:
    if ":" in text and any(len(w.strip()) > 4 for w in text.split(":")[-1:]):
        return  # large counts are slow, and tested above
    try:
        values = [canonical(spec, v) for v in parse_values(spec, text)]
    except InputError:
        return
    assert values


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.integers(1, 50))
def test_ranges_hit_their_ends(start: float, stop: float, count: int) -> None:
    values = parse_values(X, f"{start!r}:{stop!r}:{count}")
    assert len(values) == count
    assert values[0] == start
    assert count == 1 or values[-1] == stop
    assert itertools.pairwise(values)
