"""What every model declares: units on everything, roles by their names, a docstring, a quick `tiny()`."""

from __future__ import annotations

import dataclasses
import inspect
import time

import numpy as np
import pytest
import rig

from isinglass import Array, InputError, Model, Observable, array_parameter, parameter
from isinglass.models.base import ROLES, TASKS, parameters

every_model = pytest.mark.parametrize("name", rig.ALL_MODELS)
shipped = pytest.mark.parametrize("name", rig.SHIPPED_MODELS)


def streams(model: type[Model]) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(1, 5, dtype=np.uint64), np.arange(1, 1 + 4 * model.lanes, dtype=np.uint64).reshape(-1, 4)


@every_model
def test_units_and_words_on_everything(name: str) -> None:
    model = rig.ALL_MODELS[name]
    for spec in parameters(model).values():
        assert spec.units, spec.name
        assert len(spec.doc) > 3, spec.name
        assert spec.type is not str or spec.choices
    for o in model.observables:
        assert o.units, o.name
    tiny = model.tiny()
    coords = tiny.coords()
    for dim in {d for o in model.observables for d in o.dims}:
        values, attributes = coords[dim]
        assert np.asarray(values).ndim == 1
        assert attributes["units"], dim
        assert attributes["long_name"], dim


@every_model
def test_roles_bear_their_names(name: str) -> None:
    model = rig.ALL_MODELS[name]
    for o in model.observables:
        assert (o.name in ROLES) == (o.role is not None), o.name
        assert o.role in (None, o.name)
    roles = {o.role for o in model.observables} - {None}
    assert roles in (set(), set(ROLES)) or "memory" not in roles
    assert (model.task in TASKS) == ("memory" in roles)


@shipped
def test_a_shipped_model_says_what_it_is(name: str) -> None:
    """An own docstring of some lines, `long_name` on every observable, a name of its own in the table of contents."""
    model = rig.SHIPPED_MODELS[name]
    assert len((inspect.getdoc(model) or "").splitlines()) > 5
    assert (inspect.getdoc(inspect.getmodule(model)) or "").endswith(".")
    assert all(o.long_name for o in model.observables)
    assert model.__module__ == f"isinglass.models.{model.__module__.rpartition('.')[2]}"
    for member, value in vars(model).items():
        if inspect.isfunction(value) and not member.startswith("_"):
            assert value.__doc__, f"{name}.{member} has no docstring"


@every_model
def test_it_is_a_frozen_value_with_positive_cost(name: str) -> None:
    model = rig.ALL_MODELS[name]
    tiny = model.tiny()
    assert tiny == model.tiny()
    assert tiny.cost() > 0
    field = next(iter(parameters(model)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(tiny, field, getattr(tiny, field))


@every_model
def test_tiny_runs_in_twenty_milliseconds(name: str) -> None:
    """Best of some, since the machine may be busy."""
    model = rig.ALL_MODELS[name]
    tiny, (disorder, noise) = model.tiny(), streams(model)
    tiny.simulate(disorder, noise)
    best = 1.0
    for _ in range(5):
        began = time.perf_counter()
        tiny.simulate(disorder, noise)
        best = min(best, time.perf_counter() - began)
    assert best < 0.02


@every_model
def test_simulate_returns_what_is_declared(name: str) -> None:
    model = rig.ALL_MODELS[name]
    tiny, (disorder, noise) = model.tiny(), streams(model)
    out, lengths = tiny.simulate(disorder, noise), {d: len(c[0]) for d, c in tiny.coords().items()}
    assert out.keys() == {o.name for o in model.observables}
    for o in model.observables:
        array = np.asarray(out[o.name])
        assert array.shape == (model.lanes, *(lengths[d] for d in o.dims))
        assert np.can_cast(array.dtype, o.dtype, "same_kind")
        if not o.may_be_nan and array.dtype.kind in "fc":
            assert np.isfinite(array).all(), o.name


@every_model
def test_parameters_out_of_range_are_refused(name: str) -> None:
    model = rig.ALL_MODELS[name]
    tiny = dataclasses.asdict(model.tiny())
    for spec in parameters(model).values():
        wrong: list[object] = [None, [1]]
        if spec.choices:
            wrong.append("no such choice")
        elif spec.type is bool:
            wrong += [1, "true"]
        elif spec.type is Array:
            wrong = [[1], float("nan"), "1", True, np.array(["a"]), np.array(1.0), *([None] if spec.required else [])]
        else:
            wrong += [float("nan"), float("inf"), "1", True]
            wrong += [] if spec.minimum is None else [spec.minimum - 1]
            wrong += [] if spec.maximum is None else [spec.maximum * 2 + 1]
            wrong += [0.5] if spec.type is int else []
        for value in wrong:
            with pytest.raises(InputError, match=spec.name):
                model(**{**tiny, spec.name: value})


@shipped
def test_copy_a_is_the_same_alone(name: str) -> None:
    """`copies` enters no key: with one copy, everything but the two coherences has the same bytes."""
    model = rig.SHIPPED_MODELS[name]
    if "copies" not in parameters(model):
        pytest.skip("carries no message")
    assert not parameters(model)["copies"].keyed
    disorder, noise = streams(model)
    three, one = (dataclasses.replace(model.tiny(), copies=n).simulate(disorder, noise) for n in (3, 1))
    for o in model.observables:
        if o.role in ("coherence", "blind_coherence"):
            assert np.isnan(one[o.name]).all()
        else:
            assert np.asarray(three[o.name]).tobytes() == np.asarray(one[o.name]).tobytes(), o.name


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("x: float = 1.0", "has no units"),
        ("x: float = parameter(1.0, units='', doc='d')", "needs units"),
        ("x: complex = parameter(1.0, units='1', doc='d')", "float, int, bool, str or Array"),
        ("x: Array = parameter(1.0, units='1', doc='d')", "x: Array = array_parameter"),
        ("x: float = array_parameter(units='1', doc='d')", "x: Array = array_parameter"),
        ("x: Array = array_parameter(units='', doc='d')", "needs units"),
        ("x: Array = array_parameter(units='1', doc='d', dtype='bool')", "dtype 'bool' is not stored"),
        (
            "x: Array = array_parameter(units='1', doc='d')\n    observables = (Observable('x_label', '1'),)",
            "is kept for",
        ),
        ("x: str = parameter('a', units='1', doc='d')", "needs choices"),
        ("sample: int = parameter(1, units='1', doc='d')", "the name is taken"),
        ("x: int = parameter(1, units='1', doc='d')\n    observables = (Observable('x', '1'),)", "both a parameter"),
        ("observables = (Observable('y', '1'), Observable('y', '1'))", "twice"),
        ("observables = (Observable('status', '1'),)", "none of"),
        ("observables = (Observable('y', ''),)", "needs units"),
        ("observables = (Observable('y', '1', dtype='bool'),)", "is not stored"),
        ("observables = (Observable('q', '1', role='coherence'),)", "coherence"),
        ("observables = (Observable('q', '1', role='memories'),)", "memor"),
        ("task = 'recal'", "did you mean 'recall'"),
    ],
)
def test_faulty_declarations_are_refused(body: str, told: str) -> None:
    scope = {"Model": Model, "Observable": Observable, "parameter": parameter, "dataclasses": dataclasses}
    scope |= {"Array": Array, "array_parameter": array_parameter, "__name__": __name__}
    text = f"@dataclasses.dataclass(frozen=True)\nclass Bad(Model):\n    {body}\n\n\nparameters(Bad)\n"
    scope["parameters"] = parameters
    with pytest.raises(InputError, match=told):
        exec(text, scope)
