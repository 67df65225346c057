"""Faulty workflow files and points files: one line that names the file, the line where there is one, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from toys import FIRST, MODEL

from isinglass import InputError, load_workflow
from isinglass.plans import Asked, Options, make


def refusal(path: Path) -> str:
    """Why a workflow file is refused before anything runs; nothing is stored."""
    with pytest.raises(InputError) as caught:
        make(load_workflow(path), Options(cluster="serial"))
    assert not (Path.cwd() / "results").exists()
    text = str(caught.value)
    assert "\n" not in text
    return text


AXES = "workflow = Workflow(model=Toy, axes={'slope': [1.0, 2.0]}"

DECLARATIONS = [
    ("workflow = Workflow(model=Toy, axes={'slope': [1.0}", f"file.py, line {FIRST}: ", "mend the file"),
    ("  x = 1", f"file.py, line {FIRST}: "),
    ("x = 1 / 0", f"file.py, line {FIRST}: ZeroDivisionError: division by zero"),
    ("def f():\n    return 1 / 0\n\nf()", f"file.py, line {FIRST + 1}: ZeroDivisionError"),
    ("import nopackage", f"file.py, line {FIRST}: ModuleNotFoundError: No module named 'nopackage'"),
    ("raise SystemExit(3)", f"file.py, line {FIRST}: SystemExit: 3"),
    ("raise ValueError('two\\nlines')", f"file.py, line {FIRST}: ValueError: two lines"),
    ("x = 1", "file.py defines no workflow"),
    ("a = Workflow(model=Toy); b = Workflow(model=Toy)", "several workflows (a, b)", "name one of them `workflow`"),
    ("workflow = Workflow(model=Toy, axs={'slope': [1.0]})", f"line {FIRST}: TypeError", "'axs'"),
    ("workflow = Workflow(model=None, axes={'slope': [1.0]})", "None is no model"),
    ("workflow = Workflow(model=int, axes={'slope': [1.0]})", "int is no model"),
    ("workflow = Workflow(model=Toy(), axes={'slope': [1.0]})", "no model: name its class, Toy"),
    ("workflow = Workflow(model=Toy)", "sweeps nothing: give it axes="),
    ("workflow = Workflow(model=Toy, axes=['slope'])", "axes = ['slope'] cannot be read: write {PARAMETER: "),
    ("workflow = Workflow(model=Toy, axes={'slope': []})", "axis 'slope' is empty"),
    ("workflow = Workflow(model=Toy, axes={'slope': None})", "slope = None: it is a number"),
    ("workflow = Workflow(model=Toy, axes={'slope': np.ones((2, 2))})", "it is a number"),
    ("workflow = Workflow(model=Toy, axes={'slope': [0.3, 0.1 + 0.2]})", "'slope' has 0.3 twice"),
    ("workflow = Workflow(model=Toy, axes={'slope': [float('nan')]})", "must be finite"),
    ("workflow = Workflow(model=Toy, axes={'slope': [True]})", "slope = True: it is a number"),
    ("workflow = Workflow(model=Toy, axes={'closed': [0, 1]})", "closed = 0: it is true or false"),
    ("workflow = Workflow(model=Toy, axes={'slop': [1.0]})", "unknown axis 'slop'", "'slope'"),
    ("workflow = Workflow(model=Toy, axes={'value': [1.0]})", "unknown axis 'value'"),
    (AXES + ", fixed={'sise': 1})", "unknown fixed parameter 'sise'", "'size'"),
    (AXES + ", fixed={'slope': 1})", "'slope' is both an axis and fixed"),
    (AXES + ", fixed={'rule': 'oja'})", "rule = 'oja' is not offered"),
    (AXES + ", fixed=[('size', 1)])", "fixed = [('size', 1)] cannot be read"),
    (AXES + ", derived={'slope': lambda p: 1})", "'slope' is derived and also an axis"),
    (AXES + ", fixed={'size': 2}, derived={'size': lambda p: 1})", "'size' is derived and also fixed"),
    (AXES + ", derived={'sise': lambda p: 1})", "unknown derived parameter 'sise'", "'size'"),
    (AXES + ", derived={'size': 3})", "derived 'size' = 3: write a function of a point"),
    (AXES + ", derived={'size': lambda p: 1 / 0})", f"derived 'size' raises ZeroDivisionError: division by zero "
     f"(workflow file, line {FIRST}) at ", "slope=1.0"),
    (AXES + ", derived={'size': lambda p: p['sloop']})", "derived 'size' raises KeyError: 'sloop'"),
    (AXES + ", derived={'size': lambda p: 'x'})", "derived at slope=1.0: size = 'x': it is a whole number"),
    (AXES + ", derived={'size': lambda p: None})", "derived at slope=1.0: size = None"),
    (AXES + ", derived={'size': lambda p: 0})", "derived at slope=1.0: size = 0 is below its minimum 1"),
    (AXES + ", paired=('slope',), derived={'size': lambda p: 1 + int(p['slope'])})", "add 'size' to `paired`"),
    (AXES + ", where=lambda p: p['zz'] > 1)", f"where raises KeyError: 'zz' (workflow file, line {FIRST})"),
    (AXES + ", where=lambda p: False)", "`where` keeps none of the points"),
    (AXES + ", where=True)", "where = True: write a function of a point"),
    (AXES + ", paired=('slop',))", "unknown paired parameter 'slop'", "'slope'"),
    (AXES + ", paired='slope')", "paired = 'slope' cannot be read: write (PARAMETER, ...)"),
    (AXES + ", samples=0)", "samples = 0"),
    (AXES + ", samples=1.5)", "samples = 1.5"),
    (AXES + ", replicas='3')", "replicas = '3'"),
    (AXES + ", seed=None)", "seed = None"),
    (AXES + ", seed=-1)", "seed = -1 is below its minimum 0"),
    (AXES + ", stages=[3])", "stage 3: write a function of a dataset"),
    (AXES + ", figures=['fig'])", "figure 'fig' has no method `draw`"),
    ("workflow = Workflow(model=Toy, axes={'slope': [1.0, 7.0]})", "Toy at slope=7.0: a slope of 7 is unlucky"),
    ("from isinglass.analysis import phases\n" + AXES + ", stages=[phases.boundary('valeu', 'slope', 1)])",
     "stage phases.boundary(valeu, slope, 1): ", "no observable 'valeu'", "'value'"),
    ("from isinglass.analysis import phases\n" + AXES + ", stages=[phases.boundary('value', 'slop', 1)])",
     "no axis 'slop'", "'slope'"),
    ("from isinglass.analysis import coherence\n" + AXES + ", stages=[coherence.mean])", "stage coherence.mean: "),
    ("def mine(ds):\n    return ds['valeu'].to_dataset()\n\n" + AXES + ", stages=[mine])", "stage mine: KeyError",
     f"(workflow file, line {FIRST + 1})"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "needles"), [(d[0], d[1:]) for d in DECLARATIONS])
def test_declaration(home: Path, text: str, needles: tuple[str, ...]) -> None:
    path = home / "file.py"
    path.write_text(f"{MODEL}{text}\n", encoding="utf-8")
    message = refusal(path)
    for needle in needles:
        assert needle in message, message


HEAD = '@dataclass(frozen=True)\nclass Bad(Model):\n    a: float = parameter(1.0, units="1", doc="a")\n'
OBSERVED = HEAD + '    observables = (Observable("x", units="1"),)\n'
SIMULATED = OBSERVED + '    def simulate(self, d, n):\n        return {"x": n[:, 0] / 2.0**64}\n'

MODELS = [
    (OBSERVED.replace("@dataclass(frozen=True)\n", ""), "write @dataclass(frozen=True) above `class Bad(Model)`"),
    (SIMULATED.replace("@dataclass(frozen=True)\n", "").replace("(Model)", "(Toy)"), "write @dataclass(frozen=True)"),
    (SIMULATED.replace('parameter(1.0, units="1", doc="a")', "1.0"), "Bad.a has no units"),
    (SIMULATED.replace('units="1", doc="a"', 'doc="a"'), "missing 1 required keyword-only argument: 'units'"),
    (SIMULATED.replace('units="1", doc="a"', 'units="", doc="a"'), "needs units; write '1'"),
    (SIMULATED.replace("a: float", "a: list"), "Bad.a has type list; a parameter is float, int, bool, str or Array"),
    (SIMULATED.replace("a: float", 'a: "flot"'), "Bad: a type cannot be read: name 'flot' is not defined"),
    (SIMULATED.replace("a: float", "a: str"), "Bad.a is a string and needs choices"),
    (SIMULATED.replace("a: float", "sample: float"), "Bad.sample: the name is taken"),
    (HEAD, "Bad has no observables"),
    (OBSERVED, "defines neither simulate nor simulate_batch"),
    (SIMULATED.replace('(Observable("x", units="1"),)', '(Observable("x", units="1"))'), "observables is a tuple"),
    (SIMULATED.replace('(Observable("x", units="1"),)', '("x",)'), "observables is a tuple"),
    (SIMULATED.replace('"x", units="1"', '"status", units="1"'), "observable 'status': the name must be"),
    (SIMULATED.replace('"x", units="1"', '"a", units="1"'), "'a' is both a parameter and an observable"),
    (SIMULATED.replace('"x", units="1"', '"x", units="1", role="memroy"'), "unknown role 'memroy'", "'memory'"),
    (SIMULATED.replace('"x", units="1"', '"x", units="1", role="memory"'), "must bear that name"),
    (SIMULATED.replace('"x", units="1"', '"x", units="1", dtype="bool"'), "dtype 'bool' is not stored"),
    (SIMULATED.replace('"x", units="1"', '"x", units="1", dims=("time",)'), "Bad.coords() lacks the dim 'time'"),
    (SIMULATED + "    def cost(self):\n        return self.a - 1\n", "Bad.cost() is 0.0", "must be positive"),
    (SIMULATED + "    def cost(self):\n        return 1 / (self.a - 1)\n", "Bad.cost() at", "ZeroDivisionError"),
    (SIMULATED + "    def __post_init__(self):\n        raise KeyError('oops')\n", "Bad at a=1.0: KeyError: 'oops'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "needles"), [(d[0], d[1:]) for d in MODELS])
def test_model(home: Path, text: str, needles: tuple[str, ...]) -> None:
    path = home / "file.py"
    axis = "sample" if "sample: float" in text else "a"
    path.write_text(f"{MODEL}{text}\nworkflow = Workflow(model=Bad, axes={{'{axis}': [1.0]}})\n", encoding="utf-8")
    message = refusal(path)
    for needle in needles:
        assert needle in message, message


def test_no_text(home: Path) -> None:
    path = home / "file.py"
    path.write_bytes(b"\xff\xfe\x00")
    assert "file.py: 'utf-8' codec" in refusal(path)
    path.write_text("a\0b", encoding="utf-8")
    assert "file.py: source code string cannot contain null bytes" in refusal(path)
    path.write_text("", encoding="utf-8")
    assert "file.py defines no workflow" in refusal(path)
    path.unlink()
    path.mkdir()
    assert "no such workflow file" in refusal(path)


# ---------------------------------------------------------------- lists of points

POINTS = [
    (None, "list.csv: No such file or directory"),
    ("", "lists no point"),
    ("\n\n", "lists no point"),
    ("slope,size\n", "lists no point"),
    ("slope,size\n1,2\n3\n", "list.csv, line 3: 1 values for 2 columns"),
    ("slope,size\n1,2,3\n", "list.csv, line 2: 3 values for 2 columns"),
    ("slope,sise\n1,2\n", "no parameter 'sise'", "'size'"),
    ("slope,slope\n1,2\n", "a column stands there twice"),
    ("slope,size\n1,2\n\n2,2\n1.0,2\n", "list.csv, line 5: the same point as line 2"),
    ("slope,size\n0.3,2\n0.30000000000000004,2\n", "line 3: the same point as line 2"),
    ("slope,size\n1,2\n\n2,x\n", "list.csv, line 4: size = 'x' is not a whole number"),
    ("slope,size\n1,2\n,2\n", "list.csv, line 3: slope = '' is not a number"),
    ("slope,size\n11,2\n", "list.csv, line 2: slope = 11.0 is above its maximum 10 m"),
    ("slope,size\n1,1.5\n", "list.csv, line 2: size = 1.5"),
    ("slope,rule\n1,oja\n", "list.csv, line 2: rule = 'oja' is not offered"),
    ("slope,size\nnan,2\n", "list.csv, line 2: slope = nan: it must be finite"),
    ("slope,size\n7,2\n", "Toy at slope=7.0 size=2: a slope of 7 is unlucky"),
]


@pytest.mark.parametrize(("text", "needles"), [(d[0], d[1:]) for d in POINTS])
def test_points_file(home: Path, text: str | None, needles: tuple[str, ...]) -> None:
    (home / "w").mkdir()
    path = home / "w" / "file.py"
    path.write_text(f"{MODEL}\nworkflow = Workflow(model=Toy, points='list.csv')\n", encoding="utf-8")
    if text is not None:
        (home / "w" / "list.csv").write_text(text, encoding="utf-8")
    message = refusal(path)
    for needle in needles:
        assert needle in message, message


@pytest.mark.parametrize(
    ("declared", "needle"),
    [
        ("points='.'", "Is a directory"),
        ("points=3", "points = 3 cannot be read: name a CSV file"),
        ("points={'slope': [1, 2], 'size': [1]}", "the columns differ in length"),
        ("points={'slope': [1, 1], 'size': [1, 1]}", "listed twice"),
        ("points={}", "no columns"),
        ("points={'slope': [1]}, axes={'size': [1]}", "both axes and points"),
    ],
)
def test_points(home: Path, declared: str, needle: str) -> None:
    path = home / "file.py"
    path.write_text(f"{MODEL}\nworkflow = Workflow(model=Toy, {declared})\n", encoding="utf-8")
    assert needle in refusal(path)


def test_points_file_as_written_by_a_spreadsheet(home: Path) -> None:
    """Byte-order mark, CRLF, blanks, empty lines; beside the workflow file, whatever the current folder."""
    (home / "w").mkdir()
    path = home / "w" / "file.py"
    path.write_text(f"{MODEL}\nworkflow = Workflow(model=Toy, points='list.csv')\n", encoding="utf-8")
    (home / "w" / "list.csv").write_bytes("\ufeffslope, size\r\n2,3\r\n\r\n 1 ,\t4\r\n".encode())
    grid = Asked.of(load_workflow(path)).grid
    assert grid.labels(0) == ((1.0, 4), (2.0, 3))
