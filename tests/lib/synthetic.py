"""Small models with one property each, as a user's workflow file would define them.

Values are hashes of all that a simulation may depend on, so that any wrong stream, parameter or place shows.
"""

import ctypes
import os
import time
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from isinglass import (  # noqa: F401 (declarations that follow use them)
    Array,
    Custom,
    Model,
    Observable,
    Record,
    Stepped,
    Workflow,
    array_parameter,
    parameter,
)
from isinglass.kernels.jit import jit
from isinglass.kernels.streams import uniform


def mix(*parts) -> float:
    """A number in [0, 1) that depends on every bit of its arguments."""
    h = blake2b(digest_size=6)
    for part in parts:
        h.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    return int.from_bytes(h.digest(), "little") / 2.0**48


def size():
    return parameter(4, units="1", minimum=1, quenched=True, doc="system size")


def temperature():
    return parameter(0.3, units="K", minimum=0, doc="temperature")


@dataclass(frozen=True)
class Walk(Model):
    """Every kind of parameter, every kind of dtype."""

    size: int = size()
    load: float = parameter(0.5, units="1", minimum=0, maximum=2, quenched=True, doc="load")
    temperature: float = temperature()
    rule: str = parameter("hebb", units="1", choices=("hebb", "storkey", "oja"), doc="learning rule")
    closed: bool = parameter(False, units="1", doc="whether the ends are joined")

    observables = (
        Observable("value", "m", long_name="a number"),
        Observable("count", "1", dtype="int64"),
        Observable("small", "1", dtype="int8"),
        Observable("amplitude", "1", dtype="complex128"),
        Observable("rough", "1", dtype="float32"),
        Observable("undefined", "1", may_be_nan=True),
    )

    def simulate(self, disorder, noise):
        x = [mix(disorder, self.size, self.load), *(mix(disorder, row, self) for row in noise)]
        v = np.array(x[1:]) + x[0]
        return {
            "value": v,
            "count": (v * 2**40).astype(np.int64),
            "small": (v * 50).astype(np.int8),
            "amplitude": v + 1j * v**2,
            "rough": v.astype(np.float32),
            "undefined": np.full(len(noise), np.nan),
        }

    @classmethod
    def tiny(cls):
        return cls()


@dataclass(frozen=True)
class Traces(Model):
    """Own dims: `time`, as long as `steps` says, and `frequency`, whose values differ from point to point."""

    size: int = size()
    steps: int = parameter(3, units="step", minimum=1, doc="recorded steps")
    temperature: float = temperature()

    observables = (
        Observable("trace", "m", dims=("time",)),
        Observable("spectrum", "1", dims=("frequency",), dtype="int32"),
        Observable("kernel", "1", dims=("time", "frequency"), dtype="complex64"),
        Observable("end", "1"),
    )

    def coords(self):
        return {
            "time": (np.arange(self.steps) * 0.5, {"units": "s", "long_name": "time"}),
            "frequency": (np.arange(2) * (1.0 + self.temperature), {"units": "Hz", "long_name": "frequency"}),
        }

    def simulate(self, disorder, noise):
        t = np.array([[mix(disorder, row, self, k) for k in range(self.steps)] for row in noise])
        return {
            "trace": t,
            "spectrum": (t[:, :1] * np.array([1000, 2000])).astype(np.int32),
            "kernel": (t[:, :, None] * np.array([1, 1j])).astype(np.complex64),
            "end": t[:, -1],
        }

    @classmethod
    def tiny(cls):
        return cls()


@dataclass(frozen=True)
class Lanes(Model):
    """Packs four replicas into one word: uses the first noise row of each lane group only."""

    size: int = size()
    temperature: float = temperature()

    lanes = 4
    observables = (Observable("value", "1"),)

    def simulate(self, disorder, noise):
        firsts = np.repeat(noise[::4], 4, axis=0)
        return {"value": np.array([mix(disorder, row, self, k % 4) for k, row in enumerate(firsts)])}

    @classmethod
    def tiny(cls):
        return cls()


@dataclass(frozen=True)
class Batched(Model):
    """Builds each sample's couplings once for all points that follow each other and share it."""

    size: int = size()
    temperature: float = temperature()

    observables = (Observable("value", "1"),)

    def simulate(self, disorder, noise):
        return {k: v[0] for k, v in self.simulate_batch([self], disorder[None], noise[None]).items()}

    @classmethod
    def simulate_batch(cls, models, disorder, noise):
        out, known = np.empty(noise.shape[:2]), None
        for m, model in enumerate(models):
            asked = (disorder[m].tobytes(), model.size)
            if asked != known:
                couplings, known = mix(disorder[m], model.size), asked
            out[m] = [couplings + mix(row, model.temperature) for row in noise[m]]
        return {"value": out}

    @classmethod
    def tiny(cls):
        return cls()


@jit
def _total(stream, steps):
    total = 0.0
    for _ in range(steps):
        total += uniform(stream)
    return total


@dataclass(frozen=True)
class Compiled(Model):
    """A kernel of its own, compiled where the worker is."""

    size: int = size()
    temperature: float = temperature()

    observables = (Observable("value", "1"),)

    def simulate(self, disorder, noise):
        base = _total(disorder.copy(), self.size) * self.temperature
        return {"value": np.array([base + _total(row.copy(), self.size) for row in noise])}

    @classmethod
    def tiny(cls):
        return cls()


@dataclass(frozen=True)
class Faulty(Model):
    """Goes wrong, as `fault` says, in those replicas whose stream begins with a multiple of three."""

    size: int = size()
    fault: str = parameter("none", units="1", choices=("none", "raise", "nan", "shape", "dtype", "name"), doc="fault")

    observables = (Observable("value", "1"), Observable("count", "1", dtype="int64"))

    def simulate(self, disorder, noise):
        value = np.array([mix(disorder, row, self) for row in noise])
        count = np.arange(len(noise))
        if not any(hit(row) for row in noise):
            return {"value": value, "count": count * 0}
        if os.environ.get("SYNTHETIC_MENDED"):
            return {"value": value, "count": count * 0}
        match self.fault:
            case "raise":
                raise ArithmeticError("synthetic fault")
            case "nan":
                value[[hit(row) for row in noise]] = np.nan
            case "shape":
                value = value[:, None]
            case "dtype":
                count = value
            case "name":
                return {"value": value, "counts": count}
        return {"value": value, "count": count * 0}

    @classmethod
    def tiny(cls):
        return cls()


@dataclass(frozen=True)
class Deadly(Model):
    """Takes its process with it, or never ends, in those replicas whose stream begins with a multiple of eight."""

    size: int = size()
    fault: str = parameter(
        "none", units="1", choices=("none", "hang", "segfault", "killed", "exit", "starve"), doc="fault"
    )

    observables = (Observable("value", "1"),)

    def simulate(self, disorder, noise):
        if self.fault != "none" and any(int(row[0]) % 8 == 0 for row in noise):
            self.die()
        return {"value": np.array([mix(disorder, row, self) for row in noise])}

    def die(self):
        match self.fault:
            case "hang":
                while True:
                    pass
            case "segfault":
                ctypes.string_at(0)
            case "killed":
                os.kill(os.getpid(), 9)
            case "exit":
                os._exit(3)
            case "starve":
                hoard = []
                while True:
                    hoard.append(np.ones(2**21))

    @classmethod
    def tiny(cls):
        return cls()


def hit(row) -> bool:
    return int(row[0]) % 3 == 0


@dataclass(frozen=True)
class Counted(Model):
    """Writes a line for every simulation into the file that SYNTHETIC_COUNT names."""

    size: int = size()
    temperature: float = temperature()
    fault: float = parameter(2.0, units="1", doc="fails where its number is above this")

    observables = (Observable("value", "1"), Observable("later", "1", may_be_nan=True))

    def simulate(self, disorder, noise):
        value = np.array([mix(disorder, row, self) for row in noise])
        with Path(os.environ["SYNTHETIC_COUNT"]).open("a") as file:
            file.write("".join(f"{self} {disorder.tobytes().hex()} {row.tobytes().hex()}\n" for row in noise))
        out = np.where(value > self.fault, np.nan, value)
        if os.environ.get("SYNTHETIC_MENDED"):
            out = value
        return {"value": out, "later": np.full(len(noise), np.nan)}

    @classmethod
    def tiny(cls):
        return cls()


@dataclass(frozen=True)
class Slow(Model):
    """Sleeps, so that a run can be met in its middle."""

    size: int = size()
    temperature: float = temperature()
    seconds: float = parameter(0.02, units="s", minimum=0, doc="wall time of one simulation")

    observables = (Observable("value", "1"),)

    def cost(self):
        return self.seconds

    def simulate(self, disorder, noise):
        time.sleep(self.seconds * len(noise))
        return {"value": np.array([mix(disorder, row, self) for row in noise])}

    @classmethod
    def tiny(cls):
        return cls(seconds=0.001)


@dataclass(frozen=True)
class Wired(Model):
    """An array that shapes the disorder, and one that does not and need not be given."""

    wires: Array = array_parameter(units="1", doc="couplings", ndim=2, required=True)
    drive: Array = array_parameter(units="1", doc="what is fed in", dtype="int16", ndim=1, quenched=False)
    temperature: float = temperature()
    pause: float = parameter(0.0, units="s", minimum=0, doc="wall time of one simulation")

    observables = (Observable("value", "1"), Observable("total", "1"))

    def cost(self):
        return 1e-4 + self.pause

    def simulate(self, disorder, noise):
        time.sleep(self.pause * len(noise))
        parts = [self.wires.values, self.drive.values] if self.drive else [self.wires.values]
        base = mix(disorder, *parts)
        return {
            "value": np.array([base + mix(row, self.temperature, *parts) for row in noise]),
            "total": np.full(len(noise), self.wires.values.sum()),
        }

    @classmethod
    def tiny(cls):
        return cls(wires=np.arange(6.0).reshape(2, 3))


@dataclass(frozen=True)
class Automaton(Stepped):
    """Cells that a hash turns over, step by step; writes what it advances into the file of SYNTHETIC_STEPS."""

    steps: int = parameter(6, units="step", minimum=1, doc="measured steps")
    size: int = size()
    temperature: float = temperature()
    burn: int = parameter(2, units="step", minimum=0, doc="steps before these")

    observables = (
        Observable("first", "1"),
        Observable("mean", "1"),
        Observable("converged", "1", dtype="int8"),
    )
    duration = "steps"
    configuration = "cells"
    exposed = {"cells": "int8 (size + 5,) of ±1", "heights": "float32 (size + 5,)", "energy": "float64 ()"}  # noqa: RUF012

    def total(self):
        return self.burn + self.steps

    def sites(self):
        return self.size + 5

    def cost(self):
        return float(self.total())

    def layout(self):
        return {
            "row": ((4,), "uint64"),
            "cells": ((self.sites(),), "int8"),
            "trace": ((2, self.steps), "float64"),
        }

    def prepare(self, disorder):
        return mix(disorder, self.size)

    def begin(self, sample, noise):
        cells = np.array([np.where(np.arange(self.sites()) * mix(row, sample) % 1 < 0.5, 1, -1) for row in noise])
        return {
            "row": noise.copy(),
            "cells": cells.astype(np.int8),
            "trace": np.zeros((len(noise), 2, self.steps)),
        }

    def advance(self, sample, state, first, last):
        if os.environ.get("SYNTHETIC_STEPS"):
            with Path(os.environ["SYNTHETIC_STEPS"]).open("a") as file:
                file.write(f"{(last - first) * len(state['row'])}\n")
        time.sleep(float(os.environ.get("SYNTHETIC_SLOW", "0")) * (last - first) * len(state["row"]))
        for row, cells, trace in zip(state["row"], state["cells"], state["trace"], strict=True):
            for t in range(first, last):
                x = mix(sample, row, cells, self.temperature, self.burn, t)
                cells[int(x * 997) % self.sites()] *= -1
                row += np.uint64(int(x * 2**40))
                if t >= self.burn:
                    trace[:, t - self.burn] = x, cells.sum()

    def observe(self, sample, state):
        trace = state["trace"]
        half = trace[:, 0, -(self.steps // 2) - 1 :]  # depends on where the run ends
        return {
            "first": trace[:, 0, 0],
            "mean": np.array([mix(t, h) for t, h in zip(trace, half, strict=True)]),
            "converged": (trace[:, 0, -1] < 0.5).astype(np.int8),
        }

    def expose(self, name, sample, state, replica):
        cells = state["cells"][replica]
        if name == "cells":
            return cells
        return (
            (cells * np.float32(sample)).astype(np.float32) if name == "heights" else np.float64(cells.sum() * sample)
        )

    @classmethod
    def tiny(cls):
        return cls()


@dataclass(frozen=True)
class Heights(Automaton):
    """The same, with a configuration of numbers."""

    configuration = "heights"
    configuration_dtype = "float32"


@jit
def up(cells):
    count = 0
    for c in cells:
        count += c > 0
    return count


@jit
def weighed(heights, cells, energy):
    return heights[0] * up(cells) + energy


CUSTOM = (Custom("up", up, dtype="int32"), Custom("weighed", weighed, units="m"))


# ---------------------------------------------------------------- declarations follow
