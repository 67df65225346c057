"""What is recorded: off changes nothing, on changes no other byte; refused clearly where it cannot be."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rig
from toys import MODEL

from isinglass import Custom, InputError, Record, Workflow, cluster, ledger, linear, load_workflow, log
from isinglass.analysis import snapshots
from isinglass.generations import require
from isinglass.kernels.jit import jit
from isinglass.models.hopfield import Hopfield
from isinglass.profiles import Profile
from isinglass.provenance import code_of
from isinglass.recorded import Recorded

pytestmark = pytest.mark.usefixtures("home")
FILE = '''"""A recorded workflow."""
from isinglass import Custom, Record, Workflow, log
from isinglass.kernels.jit import jit
from isinglass.models.hopfield import Hopfield

SCALE = 1.0


@jit
def scaled(x):
    return SCALE * x


@jit
def overlap(spins, patterns):
    """A docstring."""
    total = 0
    for i in range(spins.size):
        total += spins[i] * patterns[0, i]
    return scaled(total / spins.size)


@jit
def uphill(fields, spins):
    count = 0
    for i in range(spins.size):
        count += spins[i] * fields[i] < 0
    return count


AXES = {"temperature": [0.2, 0.9], "neurons": [60, 100]}
FIXED = {"load": 0.05, "equilibration": 3, "steps": 10}
workflow = Workflow(
    model=Hopfield, axes=AXES, fixed=FIXED, samples=2, replicas=2,
    record=Record(
        times=log(6), snapshots=2,
        observables=(Custom("overlap", overlap), Custom("uphill", uphill, dtype="int32", units="neuron")),
    ),
)
'''


@pytest.fixture
def file(home: Path) -> Path:
    path = home / "watched.py"
    path.write_text(FILE)
    return path


@jit
def ups(cells):
    count = 0
    for c in cells:
        count += c > 0
    return count


# ---------------------------------------------------------------- what is stored


@pytest.mark.usefixtures("steady_pilot")
@pytest.mark.parametrize("where", ["serial", "processes"])
def test_recorded_beside_plain(where: str, file: Path, home: Path) -> None:
    """The model's own observables have the bytes of the run that records nothing, and so have its streams."""
    workflow = load_workflow(file)
    if where == "processes":
        with cluster.connect(Profile("test", "processes", workers=2)) as client:
            rig.run(workflow, home / "on", cluster=client.scheduler.address)
    else:
        rig.run(workflow, home / "on")
    rig.run(replace(workflow, record=None), home / "off")
    on, off = rig.data(home / "on"), rig.data(home / "off")
    assert set(on.data_vars) - set(off.data_vars) == {"overlap", "uphill", "spins"}
    for name in set(off.variables) - {"elapsed"}:
        assert on[name].values.tobytes() == off[name].values.tobytes(), name
    assert on.attrs["model"] == off.attrs["model"] == "Hopfield"
    rig.check(on, workflow)
    # 13 steps on a logarithmic scale; the last record time is the end of the run
    assert on.time.values.tolist() == [1, 2, 3, 5, 8, 13]
    assert on.time.attrs["units"] == "step"
    assert on.uphill.attrs["units"] == "neuron"
    assert on.overlap.isel(time=-1).values.tobytes() == on.final_overlap.values.tobytes()


@pytest.mark.usefixtures("steady_pilot")
def test_a_custom_observable_is_its_function_of_the_snapshot(home: Path) -> None:
    """At every record time, on configurations of other lengths, also where the longest is no multiple of eight."""
    workflow = Workflow(
        model=rig.synthetic.Automaton, axes={"size": [2, 4, 8], "temperature": [0.1, 0.2]}, replicas=2,
        record=Record(times=linear(5), snapshots=5, observables=(Custom("ups", ups, dtype="int64"),)),
    )  # fmt: skip
    rig.run(workflow, home / "run")
    ds = rig.data(home / "run")
    assert ds.time.values.tolist() == ds.snapshot_time.values.tolist() == [2, 3, 5, 6, 8]
    cells = snapshots.unpack(ds["cells"])
    assert cells.dims == (*ds.status.dims, "snapshot_time", "site")
    assert cells.dtype == np.int8
    assert cells.sizes["site"] == 13
    for size in (2, 4, 8):
        mine, ups_ = cells.sel(size=size).values, ds["ups"].sel(size=size).values
        assert set(np.unique(mine[..., : size + 5])) == {-1, 1}
        assert not mine[..., size + 5 :].any()
        for at in np.ndindex(ups_.shape):
            assert ups.py_func(mine[at]) == ups_[at]


@pytest.mark.usefixtures("steady_pilot")
def test_snapshots_of_numbers(home: Path) -> None:
    workflow = replace(rig.case("Watched"), axes={"size": [2, 4]}, fixed={})
    rig.run(workflow, home / "run")
    ds = rig.data(home / "run")
    assert ds["heights"].dtype == np.float32
    assert ds["heights"].dims[-2:] == ("snapshot_time", "site")
    assert np.isnan(ds["heights"].sel(size=2).values[..., 7:]).all()
    assert np.isfinite(ds["heights"].sel(size=2).values[..., :7]).all()
    with pytest.raises(InputError, match="no packed snapshots"):
        snapshots.unpack(ds["heights"])


@jit
def spoiling(cells):
    cells[0] = 1
    return 0.0


@jit
def many(cells):
    return cells + cells


@pytest.mark.usefixtures("steady_pilot")
@pytest.mark.parametrize(
    ("function", "dtype", "told"),
    [
        (spoiling, "float64", "readonly array"),
        (many, "float64", r"'mine' returned an array \(9,\); one number"),
        (rig.synthetic.weighed, "int8", "'mine' returned float64; one number of dtype int8"),
    ],
)
def test_a_function_that_does_not_look_on_fails_its_simulation(function, dtype, told: str, home: Path) -> None:
    record = Record(times=(1,), observables=(Custom("mine", function, dtype=dtype),))
    workflow = Workflow(model=rig.synthetic.Automaton, axes={"temperature": [0.1]}, record=record)
    outcome = rig.run(workflow, home / "run")
    assert outcome.exit_code == 1
    store = require(home / "run")
    [failure] = ledger.read_entry(store.ledger, "0.0.0", "part")["failures"]
    assert re.search(told, failure["traceback"])


def test_record_times() -> None:
    assert log(4).steps(1000).tolist() == [1, 10, 100, 1000]
    assert log(50).steps(6).tolist() == [1, 2, 3, 4, 5, 6]
    assert linear(3).steps(10).tolist() == [3, 7, 10]
    assert log(1).steps(1).tolist() == linear(4).steps(1).tolist() == [1]
    some = Record(times=(0, 5, 10, 20, 40), observables=(Custom("ups", ups),), snapshots=2)
    assert some.steps(19).tolist() == [0, 5, 10]
    assert some.snapshot_steps(100).tolist() == [5, 40]
    assert some.snapshot_steps(19).tolist() == [5]
    assert Record(times=(3, 4), snapshots=9).snapshot_steps(4).tolist() == [3, 4]


def test_plan_says_what_it_takes(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = rig.cli(capsys, "plan", file)
    assert code == 0
    # six times of 8 and 4 bytes, two snapshots of 100 bits; 16 simulations
    assert "recorded      overlap 48 B, uphill 24 B, spins 26 B a simulation; at most 1.57 kB in all" in out
    plain = file.with_name("plain.py")
    plain.write_text("from isinglass import Workflow\nfrom isinglass.models.hopfield import Hopfield\nworkflow = "
                     "Workflow(model=Hopfield, axes={'temperature': [0.2]}, fixed={'neurons': 60})\n")  # fmt: skip
    assert "recorded" not in rig.cli(capsys, "plan", plain)[1]


# ---------------------------------------------------------------- code and identity


def test_the_code_hash_is_of_the_model_the_functions_and_the_record(file: Path) -> None:
    workflow = load_workflow(file)
    code = code_of(workflow.model)
    mine = {f"recording file.{name}" for name in ("overlap", "uphill", "scaled", "SCALE")}
    assert {"isinglass.models.hopfield.Hopfield", "record", *mine} <= set(code.definitions)
    assert "recording file.workflow" not in code.definitions
    assert code_of(Hopfield).definitions.items() <= code.definitions.items()
    for old, new, same in (
        ("SCALE = 1.0", "SCALE = 1.5", False),
        ("total / spins.size", "total / spins.size / 2", False),
        ("log(6)", "log(7)", False),
        ("snapshots=2", "snapshots=1", False),
        ('"""A docstring."""', '"""Another."""', True),
        ("samples=2", "samples=3", True),
    ):
        file.write_text(FILE.replace(old, new))
        assert (code_of(load_workflow(file).model).hash == code.hash) == same, old


def test_an_edited_function_is_refused_with_the_difference(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ("--set", "temperature=0.2", "--set", "neurons=60", "--cluster", "serial")
    assert rig.cli(capsys, "run", file, *small)[0] == 0
    file.write_text(FILE.replace("total / spins.size", "total / 2"))
    code, out = rig.cli(capsys, "run", file, *small)
    assert code == 2
    assert "+    return scaled(total / 2)" in out
    file.write_text(FILE)
    assert rig.cli(capsys, "run", file, *small)[0] == 0
    assert rig.cli(capsys, "verify", "watched", "--sample", "3")[0] == 0
    labels = ("temperature=0.2", "neurons=60", "sample=1", "replica=0")
    code, out = rig.cli(capsys, "reproduce", "watched", *labels)
    assert code == 0
    assert "overlap             stored array(6,)  again array(6,)  same bytes" in out
    again = subprocess.run(rig.command("status", "watched"), capture_output=True, text=True, check=False)
    assert "done 4 of 4" in again.stdout, again.stderr


def test_made_once_and_taken_off_again(file: Path) -> None:
    workflow = load_workflow(file)
    assert issubclass(workflow.model, Recorded)
    assert workflow.model.__name__ == "Hopfield"
    assert replace(workflow, seed=3).override(samples=4).model is workflow.model
    assert replace(workflow, record=None).model is Hopfield
    other = replace(workflow, record=Record(times=(1,), snapshots=1)).model
    assert issubclass(other, Recorded)
    assert other._base is Hopfield
    assert workflow.model.tiny() == workflow.model.tiny() != Hopfield.tiny()
    assert not hasattr(Workflow(model=Hopfield, axes={"load": [0.1]}).model, "_record")


# ---------------------------------------------------------------- refusals


def nested():
    @jit
    def inner(spins):
        return spins[0]

    return inner


@jit
def misnamed(spin):
    return spin[0]


@jit
def starred(*spins):
    return spins[0][0]


def bare(spins):
    return spins[0]


def custom(function, **more):
    return Record(times=(1,), observables=(Custom("mine", function, **more),))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: custom(misnamed), "asks for 'spin', which Hopfield does not expose; did you mean 'spins'"),
        (lambda: custom(bare), "bare is not compiled: write @jit above it"),
        (lambda: custom(lambda spins: 0.0), "is a lambda or a function within another"),
        (lambda: custom(jit(lambda spins: 0.0)), "is a lambda or a function within another"),
        (lambda: custom(nested()), "is a lambda or a function within another"),
        (lambda: custom(starred), "takes plain arguments only"),
        (lambda: custom(ups), "asks for 'cells'"),
        (lambda: custom(ups, units=""), "needs units"),
        (lambda: custom(ups, dtype="bool"), "dtype 'bool' is not stored"),
        (lambda: Record(observables=(Custom("mine", ups),)), "at which steps"),
        (lambda: Record(times=(1, 2)), "nothing to record"),
        (lambda: Record(times=(2, 1), snapshots=1), "ascending whole numbers"),
        (lambda: Record(times=(0.5,), snapshots=1), "ascending whole numbers"),
        (lambda: Record(times="log", snapshots=1), "ascending whole numbers"),
        (lambda: Record(times=(-1, 2), snapshots=1), "ascending whole numbers"),
        (lambda: Record(times=log(0), snapshots=1), "at least 1"),
        (lambda: Record(times=(1,), snapshots=-1), "snapshots = -1"),
        (lambda: Record(times=(1,), observables=(ups,)), "is no custom observable"),
        (lambda: Record(times=log(9), snapshots=1, keep_states=True), r"times=log\(9\) .* give explicit times"),
        (lambda: {"times": 3}, "write Record"),
    ],
)
def test_what_cannot_be_recorded(make, told: str) -> None:
    with pytest.raises(InputError, match=told):
        Workflow(model=Hopfield, axes={"load": [0.1]}, record=make())


def test_what_a_model_cannot_record(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="Walk is no Stepped model"):
        Workflow(model=rig.synthetic.Walk, axes={"size": [4]}, record=Record(keep_states=True))
    derived = Workflow(
        model=Hopfield, axes={"load": [0.1]}, derived={"steps": lambda p: 9}, record=Record(keep_states=True)
    )
    with pytest.raises(InputError, match="keep_states needs 'steps' as an axis or fixed"):
        derived.sweep()
    late = Workflow(
        model=Hopfield, axes={"steps": [10, 60]}, fixed={"equilibration": 0}, record=Record(times=(50,), snapshots=1)
    )
    with pytest.raises(InputError, match=r"steps=10 raises .*no snapshot_time lies within its 10 steps"):
        rig.run(late, home / "run")
    path = home / "toy.py"
    path.write_text(MODEL.replace("import Model", "import Record, Model") + "workflow = Workflow(model=Toy, axes="
                    "{'slope': [1.0]}, record=Record(times=(1,), snapshots=1))\n")  # fmt: skip
    code, out = rig.cli(capsys, "run", path)
    assert code == 2
    assert "Toy is no Stepped model" in out


def test_from_a_script_in_processes_it_is_refused(home: Path) -> None:
    """In-process it runs; worker processes could not make the class again."""
    workflow = Workflow(
        model=Hopfield,
        axes={"temperature": [0.1]},
        fixed={"neurons": 60, "steps": 4},
        record=Record(times=(1,), snapshots=1),
    )
    assert rig.run(workflow, home / "here").exit_code == 0
    with pytest.raises(InputError, match="put it into a workflow file"):
        rig.run(workflow, home / "there", cluster="local")


def test_without_a_record_nothing_of_it_is_loaded_or_stored(home: Path) -> None:
    script = (
        "from isinglass import Workflow\nfrom isinglass.models.hopfield import Hopfield\n"
        "w = Workflow(model=Hopfield, axes={'load': [0.1]})\n"
        "assert w.model is Hopfield\nfrom isinglass.provenance import code_of\n"
        "assert not [n for n in code_of(w.model).definitions if 'record' in n.lower()]\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
