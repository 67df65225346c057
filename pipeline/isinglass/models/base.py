"""The model interface: parameters and observables as declarations, physics as `simulate`.

This file holds no physics and is not part of a model's code hash.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import typing
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from isinglass import arrays
from isinglass.arrays import Array
from isinglass.exceptions import InputError, known

Value = float | int | bool | str
"""A canonical parameter value, as `canonical` returns it; an `Array` is a str."""

ROLES = ("coherence", "blind_coherence", "memory")
TASKS = ("recall", "retention", "fading")
DTYPES = ("float64", "float32", "complex128", "complex64", "int8", "int16", "int32", "int64", "uint8", "uint64")
RESERVED = ("sample", "replica", "point", "status", "elapsed")


def fill_value(dtype: str) -> Any:
    """What stands where nothing was computed: NaN, NaN+NaNj, or the integer dtype's minimum."""
    kind = np.dtype(dtype).kind
    if kind == "c":
        return complex(math.nan, math.nan)
    return math.nan if kind == "f" else int(np.iinfo(dtype).min)


@dataclass(frozen=True)
class Observable:
    """A named, labelled, dimensioned output of a model.

    `dims` are the observable's own dimensions, after (axes..., sample, replica). `role` marks the three quantities that
    are measured alike in every model that carries a message; such an observable bears its role's name. A non-finite
    value in an observable that is not `may_be_nan` makes its simulation `failed`.
    """

    name: str
    units: str
    role: str | None = None
    dims: tuple[str, ...] = ()
    dtype: str = "float64"
    may_be_nan: bool = False
    long_name: str = ""

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.name in RESERVED:
            raise InputError(f"observable {self.name!r}: the name must be an identifier and none of {RESERVED}")
        if not self.units:
            raise InputError(f"observable {self.name!r} needs units; write '1' where it is dimensionless")
        if self.dtype not in DTYPES:
            raise InputError(
                f"observable {self.name!r}: dtype {self.dtype!r} is not stored; {known(self.dtype, DTYPES)}"
            )
        if self.role is not None and self.role not in ROLES:
            raise InputError(f"observable {self.name!r}: unknown role {self.role!r}; {known(self.role, ROLES)}")
        if self.role is not None and self.role != self.name:
            raise InputError(f"observable {self.name!r} has the role {self.role!r} and must bear that name")


@dataclass(frozen=True)
class Parameter:
    """What a model declares of one parameter. `keyed=False`: it enters no random-number key (`copies`).

    `dtype` and `ndim` are those of an array parameter.
    """

    name: str
    type: type
    units: str
    doc: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Value, ...] | None = None
    quenched: bool = False
    keyed: bool = True
    default: Any = None
    required: bool = False
    dtype: str = ""
    ndim: int | None = None


def parameter(
    default: Any = dataclasses.MISSING,
    *,
    units: str,
    doc: str,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: typing.Sequence[Value] | None = None,
    quenched: bool = False,
) -> Any:
    """Declare a model parameter as a dataclass field.

    `units` is the CF unit, "1" where dimensionless (`doc` then says by what it was reduced: k_B T/J); `minimum` and
    `maximum` are inclusive. `quenched=True`: the parameter shapes the disorder, so that all points which agree in their
    quenched parameters share their samples. A string parameter needs `choices`.
    """
    if not units:
        raise InputError("parameter() needs units; write '1' where it is dimensionless")
    meta = {
        "units": units,
        "doc": doc,
        "minimum": minimum,
        "maximum": maximum,
        "choices": None if choices is None else tuple(choices),
        "quenched": quenched,
    }
    return dataclasses.field(default=default, kw_only=True, metadata={"isinglass": meta})


def array_parameter(
    *,
    units: str,
    doc: str,
    dtype: str = "float64",
    ndim: int | None = None,
    quenched: bool = True,
    required: bool = False,
) -> Any:
    """Declare an array as a parameter, a dataclass field of type `Array`: own patterns, a connectome.

    It is given as numbers, as the path of a .npy file or of a Zarr array, or as a function that makes one. `dtype` and
    `ndim` are what `self.NAME.values` has. Its content hash enters the keys as the value of any parameter does; where
    it is not given `self.NAME` is empty (false), and it enters no key. `required`: it must be given.
    """
    if not units:
        raise InputError("array_parameter() needs units; write '1' where it is dimensionless")
    if dtype not in DTYPES:
        raise InputError(f"array_parameter(): dtype {dtype!r} is not stored; {known(dtype, DTYPES)}")
    meta = {"units": units, "doc": doc, "dtype": dtype, "ndim": ndim, "quenched": quenched}
    default = dataclasses.MISSING if required else Array()
    return dataclasses.field(default=default, kw_only=True, metadata={"isinglass": meta})


def copies_parameter() -> Any:
    """The parameter `copies` of a model that carries a message: 3, or 1 for a third of the cost without coherences.

    It enters no key, so that copy a's bytes are the same in both cases.
    """
    meta = {
        "units": "1",
        "doc": "independent trajectories a, b (message 0) and c (message 1); 1 computes a alone, without coherences",
        "choices": (1, 3),
        "keyed": False,
    }
    return dataclasses.field(default=3, kw_only=True, metadata={"isinglass": meta})


def check_runnable(model: type[Model]) -> None:
    """Raises InputError for a class that declares parameters well, but no physics."""
    parameters(model)
    if not model.observables:
        raise InputError(f"{model.__name__} has no observables: write observables = (Observable(name, units=...), ...)")
    if model.simulate is Model.simulate and model.simulate_batch.__func__ is Model.simulate_batch.__func__:  # type: ignore[attr-defined]
        raise InputError(f"{model.__name__} defines neither simulate nor simulate_batch: there is nothing to run")


class Model:
    """A model is a frozen dataclass: its fields are the parameters, `observables` its outputs, `simulate` its physics.

    Subclasses define `observables`, `simulate` and `tiny`, and where they need to `coords`, `cost`, `simulate_batch`,
    `lanes`, `task` and `__post_init__` (raise ValueError for combinations of values that make no sense).
    """

    observables: ClassVar[tuple[Observable, ...]] = ()
    lanes: ClassVar[int] = 1
    """Replicas that share one machine word or SIMD row: `replicas` is a multiple, blocks never split a group."""
    task: ClassVar[str | None] = None
    """What `memory` measures: recall (of a stored pattern), retention (of a written state) or fading (of inputs)."""

    def __post_init__(self) -> None:
        for name, spec in parameters(type(self)).items():
            object.__setattr__(self, name, canonical(spec, getattr(self, name)))

    def coords(self) -> dict[str, tuple[Any, dict[str, str]]]:
        """Coordinate of each own dim: `{dim: (values, {"units": ..., "long_name": ...})}`."""
        return {}

    def cost(self) -> float:
        """Relative work of one replica of one sample: planning, order, shard balance."""
        return 1.0

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """All asked replicas of one sample.

        `disorder` is the sample's random stream, uint64 (4,); `noise` has one stream per replica, uint64 (replica, 4).
        Both are xoshiro256++ states and must not be written to. Returns every observable with replica as leading axis.
        """
        raise TypeError(f"{type(self).__name__} defines neither simulate nor simulate_batch")

    @classmethod
    def simulate_batch(
        cls, models: typing.Sequence[Self], disorder: np.ndarray, noise: np.ndarray
    ) -> dict[str, np.ndarray]:
        """M (point, sample) pairs in one call: disorder (M, 4), noise (M, R, 4), equal disorder adjacent.

        Returns arrays (M, R, *own). Override it to build a sample's couplings once or to put temperatures in lanes;
        the values must be those of `simulate`, byte for byte.
        """
        results = [model.simulate(d, n) for model, d, n in zip(models, disorder, noise, strict=True)]
        names = {o.name for o in cls.observables}
        for r in results:
            if set(r) != names:
                wrong = ", ".join(sorted(set(r) ^ names))
                raise TypeError(f"simulate returned other observables than declared: {wrong}")
        return {name: np.stack([np.asarray(r[name]) for r in results]) for name in names}

    @classmethod
    def tiny(cls) -> Self:
        """An instance that runs in under 20 ms, for the law tests."""
        raise TypeError(f"{cls.__name__} defines no tiny(): an instance that runs in under 20 ms")


MEMORY = 2**30
"""Bytes that one simulation may hold at a time."""


def check_memory(needed: float, what: str, remedy: str) -> None:
    """Raise InputError, before anything is allocated, where a simulation needs more than MEMORY bytes."""
    if needed > MEMORY:
        raise InputError(f"{what} needs {needed / 2**30:.3g} GiB at a time, of {MEMORY // 2**30} allowed: {remedy}")


def parameters(model: type[Model]) -> dict[str, Parameter]:
    """The declared parameters of a model by name, in declared order. Raises InputError for a faulty declaration."""
    key: Any = model
    return _parameters(key)


@functools.cache
def _parameters(model: Any) -> dict[str, Parameter]:
    if not (isinstance(model, type) and issubclass(model, Model)):
        kind = type(model)
        hint = f"name its class, {kind.__name__}" if issubclass(kind, Model) else "write a subclass of Model"
        raise InputError(f"{getattr(model, '__name__', repr(model))} is no model: {hint}")
    undecorated = any(isinstance(v, dataclasses.Field) for v in vars(model).values())
    if undecorated or not hasattr(model, "__dataclass_fields__"):
        raise InputError(
            f"{model.__name__} is no model yet: write @dataclass(frozen=True) above `class {model.__name__}(Model)`"
        )
    try:
        hints = typing.get_type_hints(model)
    except (NameError, TypeError) as error:
        raise InputError(f"{model.__name__}: a type cannot be read: {error}") from error
    out = {}
    for field in dataclasses.fields(model):  # type: ignore[arg-type]
        where = f"{model.__name__}.{field.name}"
        if "isinglass" not in field.metadata:
            raise InputError(f"{where} has no units: declare it with parameter(units=..., doc=...)")
        if field.name in RESERVED:
            raise InputError(f"{where}: the name is taken; a parameter is none of {', '.join(RESERVED)}")
        kind = hints[field.name]
        if (kind is Array) != ("dtype" in field.metadata["isinglass"]):
            raise InputError(f"{where}: write {field.name}: Array = array_parameter(units=..., doc=...)")
        if kind not in (float, int, bool, str, Array):
            word = getattr(kind, "__name__", kind)
            raise InputError(f"{where} has type {word}; a parameter is float, int, bool, str or Array")
        required = field.default is dataclasses.MISSING
        default = None if required else field.default
        spec = Parameter(field.name, kind, default=default, required=required, **field.metadata["isinglass"])
        if kind is str and not spec.choices:
            raise InputError(f"{where} is a string and needs choices=(...)")
        out[field.name] = spec
    if not (isinstance(model.observables, tuple) and all(isinstance(o, Observable) for o in model.observables)):
        raise InputError(f"{model.__name__}.observables is a tuple: (Observable(name, units=...), ...)")
    observed = [o.name for o in model.observables]
    for name in {*observed, *(d for o in model.observables for d in o.dims)} & (out.keys() | set(RESERVED)):
        raise InputError(f"{model.__name__}: {name!r} is both a parameter and an observable or one of its dims")
    own = {d for o in model.observables for d in o.dims}
    for name in {f"{d}_{word}" for d in own for word in ("length", "value")} & (out.keys() | set(observed)):
        raise InputError(f"{model.__name__}: {name!r} is kept for the coordinate of an own dim: choose another name")
    for name in {f"{n}_label" for n, s in out.items() if s.type is Array} & (out.keys() | set(observed) | own):
        raise InputError(f"{model.__name__}: {name!r} is kept for the names of arrays: choose another name")
    if len(set(observed)) < len(observed):
        raise InputError(f"{model.__name__} declares an observable twice: {', '.join(observed)}")
    if model.task is not None and model.task not in TASKS:
        raise InputError(f"{model.__name__}: unknown task {model.task!r}; {known(model.task, TASKS)}")
    return out


def canonical(spec: Parameter, value: object) -> Value:
    """The value that is keyed, simulated and stored: of the declared type, floats at 15 significant digits, -0 as 0.

    An array is read (a path from the working directory) and stands for its content. Raises InputError where the value
    is of another type, not finite, out of range or not among the choices.
    """
    out: Value
    if spec.type is Array:
        return _array(spec, value)
    if isinstance(value, np.generic):
        value = value.item()
    if spec.type is bool:
        if not isinstance(value, bool):
            raise InputError(f"{spec.name} = {value!r}: it is true or false")
        out = value
    elif spec.type is str:
        if not isinstance(value, str):
            raise InputError(f"{spec.name} = {value!r}: it is one of {', '.join(map(str, spec.choices or ()))}")
        out = value
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InputError(f"{spec.name} = {value!r}: it is {'a whole number' if spec.type is int else 'a number'}")
    elif not _finite(value):
        raise InputError(f"{spec.name} = {value!r}: it must be finite")
    elif spec.type is int:
        if value != int(value) or abs(int(value)) >= 2**63:
            raise InputError(f"{spec.name} = {value!r}: it is a whole number of 64 bits")
        out = int(value)
    else:
        out = float(f"{float(value):.15g}") + 0.0
        if not _finite(out):
            raise InputError(f"{spec.name} = {value!r}: it is too large")
    if spec.choices is not None and out not in spec.choices:
        offered = ", ".join(map(str, spec.choices))
        hint = known(str(out), map(str, spec.choices)) if spec.type is str else f"choices: {offered}"
        raise InputError(f"{spec.name} = {out!r} is not offered; {hint}")
    unit = "" if spec.units == "1" else f" {spec.units}"
    if spec.minimum is not None and out < spec.minimum:  # type: ignore[operator]
        raise InputError(f"{spec.name} = {out!r} is below its minimum {spec.minimum:g}{unit}")
    if spec.maximum is not None and out > spec.maximum:  # type: ignore[operator]
        raise InputError(f"{spec.name} = {out!r} is above its maximum {spec.maximum:g}{unit}")
    return out


def _array(spec: Parameter, value: object) -> Array:
    out = arrays.read(spec.name, value, spec.dtype, spec.ndim)
    if spec.required and not out:
        raise InputError(f"{spec.name} is not given ({spec.doc}): name a .npy file")
    return out


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False


M = typing.TypeVar("M", bound=Model)


def construct(model: type[M], values: dict[str, Value]) -> M:
    """An instance from values that are canonical and complete already: checks them no more, for speed.

    A model's own `__post_init__` still runs, and may raise ValueError.
    """
    out = object.__new__(model)
    if "__slots__" in model.__dict__:
        for name, value in values.items():
            object.__setattr__(out, name, value)
    else:
        out.__dict__.update(values)
    if model.__post_init__ is not Model.__post_init__:
        out.__post_init__()
    return out


def overrides(model: type[Model], method: str) -> bool:
    """Whether a model defines one of the methods that `Model` has a default of: if not, no point need be asked."""
    return inspect.getattr_static(model, method) is not inspect.getattr_static(Model, method)
