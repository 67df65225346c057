"""A magnet as a storage medium: how long bits written into l x l spins are read, in steps for each spin of a bit.

Below T_c the curves of all block sizes fall on one another if memory is a function of l²/t. Copies are left out; the
coherences are in `ising-retention`.
"""

from isinglass import Workflow
from isinglass.analysis import errors, scaling
from isinglass.figures import PhaseLines
from isinglass.models.ising_storage import IsingStorage

AGE = {"age": "age $t/l^2$ (steps per spin)", "memory_mean": "memory $I/H$"}

workflow = Workflow(
    title="Bits written into an Ising magnet",
    model=IsingStorage,
    axes={"age": [0.02, 0.05, 0.1, 0.2, 0.35, 0.6, 1.0], "block": [8, 16, 24, 32],
          "temperature": [1.5, 2.2], "dynamics": ["heat_bath", "metropolis"]},
    derived={"length": lambda p: 8 * p["block"]},
    fixed={"copies": 1},
    samples=4, replicas=64, seed=1956,
    stages=[errors.mean("memory", "retention_time", "first_crossing", "censored", "magnetisation"),
            errors.estimate("retained_age", lambda t: t / t.block**2, of=("retention_time",), units="step",
                            long_name="retention time for each spin of a bit"),
            errors.estimate("capacity", lambda i: i / i.block**2, of=("memory",), units="bit",
                            long_name="bits read", denominator="spins, l² for a written bit"),
            scaling.power("retention_time", "block", limit=0.0)],
    figures=[
        *(PhaseLines(x="age", observable="memory", colour="block", log=("age",), at={"temperature": t, "dynamics": d},
                     labels=AGE, name=f"ising_memory_{d}_{10 * t:.0f}", limits=(-0.05, 1.05),
                     title=f"Memory of bits in $l \\times l$ spins, T = {t:g}, {d.replace('_', ' ')}")
          for t in (1.5, 2.2) for d in ("heat_bath", "metropolis")),
        PhaseLines(x="age", observable="capacity", colour="block", log=("age", "capacity"),
                   at={"temperature": 1.5, "dynamics": "heat_bath"}, name="ising_bits_per_spin",
                   labels=AGE | {"capacity_mean": "bits read per spin"}, title="Bits per spin, T = 1.5, heat bath"),
    ],
    presets={"paper": {"axes": {"block": [8, 16, 24, 32, 48, 64]}, "samples": 32}},
)  # fmt: skip
