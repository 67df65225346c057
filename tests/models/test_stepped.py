"""Stepped models: in pieces as at once, states that fit their layout, a fast way with the same bytes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import rig

from isinglass.models import hopfield
from isinglass.models.hopfield import Hopfield
from isinglass.models.stepped import Stepped, pack_state, samples, state_bytes, unpack_state
from isinglass.recorded import _by_start

STEPPED = {name: model for name, model in rig.ALL_MODELS.items() if issubclass(model, Stepped)}
every_stepped = pytest.mark.parametrize("name", STEPPED)


def variety(name: str) -> list[Stepped]:
    tiny = STEPPED[name].tiny()
    if name != "hopfield":
        return [tiny, dataclasses.replace(tiny, steps=3), dataclasses.replace(tiny, size=9)]
    changes = (
        {}, {"temperature": 0.0, "cue": 0.3}, {"dynamics": "parallel", "steps": 7}, {"copies": 1, "equilibration": 0},
        {"temperature": 0.0, "dynamics": "parallel", "load": 0.4, "cue": 0.2},
        {"cue_mode": "erased_clamped", "cue": 0.4, "neurons": 70}, {"cue_mode": "erased_free", "temperature": 1.1},
    )  # fmt: skip
    return [dataclasses.replace(tiny, **change) for change in changes]


def streams(replicas: int = 3) -> tuple[np.ndarray, np.ndarray]:
    words = np.random.Generator(np.random.PCG64(3)).integers(1, 2**63, (replicas + 1, 4)).astype(np.uint64)
    return words[0], words[1:]


def ended(model: Stepped, stops: list[int], noise: np.ndarray, disorder: np.ndarray) -> dict[str, np.ndarray]:
    sample = next(samples([model], disorder[None]))
    state, at = model.begin(sample, noise), 0
    for stop in [*stops, model.total()]:
        model.advance(sample, state, at, stop)
        at = stop
    return {**model.observe(sample, state), "state": pack_state(model.layout(), state)}


@every_stepped
def test_in_pieces_as_at_once(name: str) -> None:
    disorder, noise = streams()
    for model in variety(name):
        whole = ended(model, [], noise, disorder)
        total = model.total()
        for stops in ([1], [total - 1], [total // 2, total // 2 + 1], list(range(total))):
            pieces = ended(model, stops, noise, disorder)
            for key, values in whole.items():
                assert np.asarray(pieces[key]).tobytes() == np.asarray(values).tobytes(), (model, stops, key)
        out = model.simulate(disorder, noise)
        for o in type(model).observables:
            if o.name in whole and o.name != "state":
                assert np.asarray(out[o.name], o.dtype).tobytes() == np.asarray(whole[o.name], o.dtype).tobytes(), (
                    o.name
                )


@every_stepped
def test_a_state_is_packed_and_unpacked_whole(name: str) -> None:
    disorder, noise = streams()
    for model in variety(name):
        sample = next(samples([model], disorder[None]))
        state, layout = model.begin(sample, noise), model.layout()
        model.advance(sample, state, 0, model.total() - 1)
        packed = pack_state(layout, state)
        assert packed.dtype == np.uint8
        assert packed.shape == (3, state_bytes(layout))
        longer = dataclasses.replace(model, steps=model.steps + 3)
        other = longer.begin(sample, noise)
        unpack_state(layout, packed, other)
        for key, (shape, _) in layout.items():
            front = other[key][(slice(None), *map(slice, shape))]
            assert front.tobytes() == state[key].tobytes(), key
        assert longer.layout().keys() == layout.keys()


def test_a_state_that_is_not_as_declared_is_refused() -> None:
    disorder, noise = streams()
    model = Hopfield.tiny()
    state = model.begin(model.prepare(disorder), noise)
    state["counters"] = state["counters"].astype(np.int32)
    with pytest.raises(TypeError, match="state 'counters' is int32"):
        pack_state(model.layout(), state)


def test_many_replicas_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where their states would take too much memory, replicas run a few at a time."""
    model, (disorder, noise) = Hopfield.tiny(), streams(7)
    whole = model.simulate(disorder, noise)
    monkeypatch.setattr(hopfield, "STATES_BYTES", 3 * state_bytes(model.layout()))
    for name, values in model.simulate(disorder, noise).items():
        assert values.tobytes() == whole[name].tobytes(), name


def test_samples_are_shared_and_only_where_they_are_the_same() -> None:
    (a, b), made = streams(1), []

    class Counting(Hopfield):
        def prepare(self, disorder):
            made.append(self.stored)
            return super().prepare(disorder)

    tiny = {"neurons": 64, "load": 0.05}
    models = [Counting(**tiny, temperature=t) for t in (0.1, 0.2)] * 2 + [Counting(neurons=64, load=0.1)]
    list(samples(models, np.stack([a, a, b[0], b[0], b[0]])))
    assert made == [3, 3, 6]


def test_lanes_go_on_together_or_not_at_all() -> None:
    short, long = (3, {}), (6, {})
    assert _by_start([short, None, long, short], 1) == {3: [0, 3], None: [1], 6: [2]}
    assert _by_start([short, short, long, short, long, long], 2) == {3: [0, 1], None: [2, 3], 6: [4, 5]}


def test_what_is_missing_is_named() -> None:
    @dataclasses.dataclass(frozen=True)
    class Bare(Stepped):
        pass

    with pytest.raises(TypeError, match=r"Bare defines no begin\(\)"):
        Bare().simulate(*streams())
