"""The commands: what they print and with which code they end; bad input ends with 2, one line, and nothing touched."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import xarray as xr
from toys import FIRST, MODEL, WORKFLOW

from isinglass import cli, ledger

HOPFIELD = "hopfield-retrieval --set neurons=64 --set equilibration=5 --set steps=4 --set load=0.05,0.1 "
HOPFIELD += "--set temperature=0.1,0.5,1 --samples 2 --cluster serial"


class Answer(NamedTuple):
    code: int
    out: str
    err: str


Call = Callable[..., Answer]


@pytest.fixture
def call(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """`isinglass ...` in this process, in an empty folder that holds `workflows/toy.py`."""
    (home / "workflows").mkdir()
    (home / "workflows" / "toy.py").write_text(WORKFLOW, encoding="utf-8")

    def run(line: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["isinglass", *shlex.split(line)])
        capsys.readouterr()
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        return Answer(code, *capsys.readouterr())

    return run


def touched(home: Path) -> dict[str, tuple[int, int]]:
    """Every path below a folder, with size and time of change."""
    return {str(p): (p.lstat().st_size, p.lstat().st_mtime_ns) for p in home.rglob("*") if "__pycache__" not in p.parts}


def refused(call: Call, home: Path, line: str, *needles: str) -> str:
    """The one line with which bad input is refused, and nothing on disk has changed."""
    before = touched(home)
    answer = call(line)
    assert answer.code == 2, answer
    assert answer.err.count("\n") == 1, answer.err
    assert answer.err.startswith("isinglass: ")
    for needle in needles:
        assert needle in answer.err, answer.err
    assert touched(home) == before
    return answer.err


# ---------------------------------------------------------------- bad words on the command line

WORDS = [
    ("rnu toy", "unknown command 'rnu'", "'run'"),
    ("--bogus", "no such option '--bogus'"),
    ("run", "missing argument 'WORKFLOW'", "isinglass run --help"),
    ("run toy more", "unexpected extra argument"),
    ("run toy --sampels 3", "'--samples'"),
    ("run toi", "unknown workflow 'toi'", "'toy'"),
    ("run hopfield_retrieval", "'hopfield-retrieval'"),
    ("run Hopfield-Retrieval", "'hopfield-retrieval'"),
    ("run ''", "unknown workflow ''", "toy"),
    ("run föö", "unknown workflow 'föö'"),
    (f"run {'x' * 3000}", "unknown workflow"),
    ("run workflows", "unknown workflow 'workflows'"),
    ("run workflows/", "there is no such workflow file"),
    ("run workflows/tyo.py", "workflows/tyo.py: there is no such workflow file"),
    ("plan toi", "'toy'"),
    ("show toi", "'toy'"),
    ("show Hopfeld", "'hopfield'"),
    ("show ''", "no workflow or model"),
    ("run toy --preset papre", "no preset 'papre'", "'paper'"),
    ("run toy --preset ''", "no preset ''", "paper"),
    ("run toy --set slope", "write NAME=VALUES"),
    ("run toy --set =3", "write NAME=VALUES"),
    ("run toy --set ''", "write NAME=VALUES"),
    ("run toy --set slop=3", "no such parameter", "'slope'"),
    ("run toy --set value=3", "no such parameter"),
    ("run toy --set slope=0.05 --set slope=0.06", "given twice", "slope=0.1,0.2"),
    ("run toy --samples 0", "samples = 0", "at least 1"),
    ("run toy --samples -1", "samples = -1"),
    ("run toy --samples x", "'x' is not a valid integer"),
    ("run toy --samples 1.5", "'1.5' is not a valid integer"),
    ("run toy --samples 99999999999999999999", "more than one sweep holds"),
    ("run toy --replicas 0", "replicas = 0"),
    ("run toy --replicas -2", "replicas = -2"),
    ("run toy --seed -1", "seed = -1 is below its minimum 0"),
    ("run toy --seed x", "'x' is not a valid integer"),
    ("run toy --seed 99999999999999999999", "whole number of 64 bits"),
    ("run toy --shard 3", "write I/N"),
    ("run toy --shard 3/3", "0 <= I < N"),
    ("run toy --shard 0/0", "0 <= I < N"),
    ("run toy --shard=-1/3", "write I/N"),
    ("run toy --shard a/b", "write I/N"),
    ("run toy --shard ²/3", "write I/N"),
    ("run toy --shard 0/1/2", "write I/N"),
    ("run toy --cluster threds", "unknown cluster profile 'threds'", "'threads'"),
    ("run toy --cluster ''", "unknown cluster profile ''", "serial"),
    ("run toy --out ''", "--out is empty"),
    ("run toy --out workflows", "workflows holds other things (toy.py)"),
    ("run toy --out workflows/toy.py", "is a file"),
    ("run toy --out workflows/toy.py/run", "cannot be written"),
    ("plan toy --out workflows/toy.py", "is a file"),
    ("status", "missing argument 'RUN'"),
    ("status ''", "which run?"),
    ("status toy", "toy is no run folder"),
    ("status workflows", "workflows is no run folder"),
    ("verify data.zarr", "data.zarr is no run folder"),
    ("verify toy --sample 0", "invalid value for '--sample'"),
    ("reproduce toy slope=1", "toy is no run folder"),
    ("analyse toy", "toy is no run folder"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "needles"), [(w[0], w[1:]) for w in WORDS])
def test_bad_words(call: Call, home: Path, line: str, needles: tuple[str, ...]) -> None:
    refused(call, home, line, *needles)


VALUES = [
    ("slope=", "a value is missing"),
    ("slope=,", "a value is missing"),
    ("slope=1,,2", "a value is missing"),
    ("slope= ", "a value is missing"),
    ("slope=1,1", "'slope' has 1.0 twice"),
    ("slope=0.3,0.30000000000000004", "has 0.3 twice (values agree to 15 significant digits)"),
    ("slope=1:1:3", "has 1.0 twice"),
    ("size=2,2.0", "has 2 twice"),
    ("rule=hebb,hebb", "has 'hebb' twice"),
    ("slope=-1", "slope = -1.0 is below its minimum 0 m"),
    ("slope=11", "slope = 11.0 is above its maximum 10 m"),
    ("size=0", "size = 0 is below its minimum 1\n"),
    ("slope=7", "Toy at slope=7.0: a slope of 7 is unlucky"),
    ("slope=text", "slope = 'text' is not a number (in m)"),
    ("size=many", "size = 'many' is not a whole number"),
    ("size=1.5", "size = 1.5: it is a whole number"),
    ("size=1:2:5", "5 steps between these ends are no whole numbers"),
    ("size=1e3000", "size = inf: it must be finite"),
    ("size=99999999999999999999", "whole number of 64 bits"),
    ("closed=maybe", "closed = 'maybe': write true or false"),
    ("closed=1", "closed = '1': write true or false"),
    ("rule=hebbian", "rule = 'hebbian' is not offered", "'hebb'"),
    ("rule=1:2:3", "rule = '1:2:3' is not offered"),
    ("slope=nan", "slope = nan: it must be finite"),
    ("slope=inf", "slope = inf: it must be finite"),
    ("slope=nan:1:3", "must be finite"),
    ("slope=1:inf:3", "must be finite"),
    ("slope=1:2", "malformed"),
    ("slope=1:2:3:4", "malformed"),
    ("slope=:::", "malformed"),
    ("slope=::", "slope = '' is not a number"),
    ("slope=:", "malformed"),
    ("slope=log:1:2", "malformed"),
    ("slope=log:", "malformed"),
    ("slope=lin:1:2:3", "malformed"),
    ("slope=1:2:x", "the count 'x' is not a positive whole number"),
    ("slope=1:2:0", "the count '0' is not"),
    ("slope=1:2:000", "the count '000' is not"),
    ("slope=1:2:-3", "the count '-3' is not"),
    ("slope=1:2:3.0", "the count '3.0' is not"),
    ("slope=1:2:²", "the count '²' is not"),
    ("slope=1:2:", "the count '' is not"),
    ("slope=a:b:3", "slope = 'a' is not a number"),
    ("slope=1:2:99999999999999999999", "at most 1000000 values"),
    ("slope=1:2:1000001", "at most 1000000 values"),
    ("slope=log:0:1:3", "needs positive ends"),
    ("slope=log:-1:1:3", "needs positive ends"),
    ("slope=0.1;0.2", "slope = '0.1;0.2' is not a number"),
    ("slope=[0.1,0.2]", "slope = '[0.1' is not a number"),
    ("slope=" + "1" * 5000, "must be finite"),
]  # fmt: skip


@pytest.mark.parametrize(("setting", "needles"), [(w[0], w[1:]) for w in VALUES], ids=[w[0][:30] for w in VALUES])
@pytest.mark.parametrize("command", ["run", "plan"])
def test_bad_values(call: Call, home: Path, command: str, setting: str, needles: tuple[str, ...]) -> None:
    refused(call, home, f"{command} toy --set {shlex.quote(setting)}", *needles)


@pytest.mark.parametrize(
    ("text", "needles"),
    [
        ("knd: threads", ("unknown key 'knd'", "'kind'")),
        ("kind: treads", ("kind 'treads' is unknown", "'threads'")),
        ("workers: 2", ("kind None is unknown",)),
        ("kind: threads\nthreads: lots", ("threads: 'lots' is neither auto nor a positive whole number",)),
        ("kind: processes\nworkers: 0", ("workers: 0 is neither",)),
        ("kind: processes\nworkers: true", ("workers: True is neither",)),
        ("kind: [", ("profile.yaml, line 2: ", "mend the file")),
        ("", ("a profile is a mapping",)),
        ("- a", ("a profile is a mapping",)),
        ("kind: !!python/object/apply:os.system ['touch hacked']", ("profile.yaml, line 1: could not determine",)),
        ("kind: threads\x00", ("profile.yaml: ",)),
    ],
)
def test_bad_profile(call: Call, home: Path, text: str, needles: tuple[str, ...]) -> None:
    (home / "profile.yaml").write_text(text + "\n", encoding="utf-8")
    refused(call, home, "run toy --cluster profile.yaml", *needles)


def test_no_such_profile_file(call: Call, home: Path) -> None:
    refused(call, home, "run toy --cluster nope.yaml", "nope.yaml")
    refused(call, home, "run toy --cluster nope.json", "no such scheduler file")
    (home / "bad.json").write_text("{", encoding="utf-8")
    refused(call, home, "run toy --cluster bad.json", "bad.json is no scheduler file")


@pytest.mark.parametrize(
    ("address", "needle"),
    [
        ("tcp://127.0.0.1:1", "no Dask scheduler answers at tcp://127.0.0.1:1 (Connection refused)"),
        ("tcp://nohost.invalid:8786", "no Dask scheduler answers at"),
        ("tcp://", "write tcp://HOST:PORT"),
        ("tcp://127.0.0.1:99999", "write tcp://HOST:PORT"),
        ("tpc://127.0.0.1:1", "'tpc' is no protocol"),
    ],
)
def test_nobody_answers(call: Call, home: Path, address: str, needle: str) -> None:
    began = time.monotonic()
    refused(call, home, f"run toy --cluster {address}", needle)
    assert time.monotonic() - began < 20


# ---------------------------------------------------------------- a run folder that does not fit


@pytest.fixture
def ran(call: Call, home: Path) -> Path:
    answer = call("run toy --cluster serial")
    assert answer.code == 0, answer
    return home / "results" / "toy"


@pytest.mark.parametrize(
    ("change", "needle"),
    [
        ("--seed 4", "it holds another sweep: seed: was 0, now 4"),
        ("--set size=5", "fixed: size was 3, now 5"),
        ("--set size=3,5", "axes: was ['slope'], now ['slope', 'size']; take"),
    ],
)
def test_another_sweep_in_the_folder(call: Call, home: Path, ran: Path, change: str, needle: str) -> None:
    for command in ("run", "plan"):
        refused(call, home, f"{command} toy --cluster serial {change}", needle, "--out")


def test_another_model_in_the_folder(call: Call, home: Path, ran: Path) -> None:
    text = WORKFLOW.replace("class Toy", "class Game").replace("model=Toy", "model=Game")
    (home / "game.py").write_text(text, encoding="utf-8")
    refused(call, home, "run game.py --cluster serial --out results/toy", "model: was 'Toy', now 'Game'")
    refused(call, home, "analyse toy --workflow game.py", "game.py is about Game, results/toy holds Toy")


def test_other_axis_order_in_the_folder(call: Call, home: Path) -> None:
    declared = MODEL + 'workflow = Workflow(model=Toy, axes={"%s": [1, 2], "%s": [2, 3]})\n'
    for name, order in (("a", ("slope", "size")), ("b", ("size", "slope"))):
        (home / f"{name}.py").write_text(declared % order, encoding="utf-8")
    assert call("run a.py --cluster serial --out run").code == 0
    refused(call, home, "run b.py --cluster serial --out run", "axes: was ['slope', 'size'], now ['size', 'slope']")


def test_changed_code_is_named(call: Call, home: Path, ran: Path) -> None:
    path = home / "workflows" / "toy.py"
    path.write_text(WORKFLOW.replace("2.0**64", "2.0**63"), encoding="utf-8")
    answer = call("run toy --cluster serial")
    assert answer.code == 2
    assert "--accept-code-change" in answer.err.splitlines()[0]
    assert "2.0**63" in answer.err
    assert "Traceback" not in answer.err


def test_newer_store_format(call: Call, home: Path, ran: Path) -> None:
    path = ran / ".store" / "1" / "declaration.json"
    ledger.write_json(path, ledger.read_json(path) | {"format": 99})
    for command in ("run toy --cluster serial", "plan toy", "status toy", "verify toy", "analyse toy"):
        refused(call, home, command, "store format 99", "install a newer Isinglass")


def test_damaged_declaration(call: Call, home: Path, ran: Path) -> None:
    for file in (ran / ".store" / "1").glob("declaration.*"):  # and its copy
        file.write_text('{"crc32": 1, "cont', encoding="utf-8")
    for command in ("run toy --cluster serial", "status toy"):
        refused(call, home, command, "declaration cannot be read")


def test_closest_run(call: Call, home: Path, ran: Path) -> None:
    for command in ("status toi", "verify results/toi", "analyse toi"):
        refused(call, home, command, "no run folder", "'toy'")


REPRODUCE = [
    ("", "Say also slope=... sample=... replica=..."),
    ("slope=1 sample=0", "Say also replica=..."),
    ("slope", "'slope' is not AXIS=VALUE"),
    ("slop=1 sample=0 replica=0", "unknown axis 'slop'; did you mean 'slope'?"),
    ("slope=1 slope=2 sample=0 replica=0", "slope is given twice"),
    ("slope=1.5 sample=0 replica=0", "the nearest is 1.0"),
    ("slope=x sample=0 replica=0", "'x' is not a number"),
    ("slope=nan sample=0 replica=0", "must be finite"),
    ("slope= sample=0 replica=0", "'' is not a number"),
    ("slope=1 sample=9 replica=0", "sample 0 to 1"),
    ("slope=1 sample=0 replica=-1", "replica 0 to 1"),
    ("slope=1 sample=² replica=0", "sample 0 to 1"),
]


def test_bad_label(call: Call, home: Path, ran: Path) -> None:
    for words, needle in REPRODUCE:
        refused(call, home, f"reproduce toy {words}", needle)


# ---------------------------------------------------------------- the same, as a user meets it


def shell(*words: str, cwd: Path, seconds: float = 60) -> Answer:
    command = [sys.executable, "-c", "from isinglass.cli import main; main()", *words]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=seconds)
    return Answer(done.returncode, done.stdout, done.stderr)


def test_in_a_process_of_its_own(home: Path) -> None:
    (home / "bad.py").write_text(MODEL + 'workflow = Workflow(model=Toy, axes={"slope": [1.0}\n', encoding="utf-8")
    for words, needle in (
        (("run", "hopfield-retreival"), "did you mean 'hopfield-retrieval'?"),
        (("run", "bad.py"), f"bad.py, line {FIRST}: "),
    ):
        answer = shell(*words, cwd=home)
        assert (answer.code, answer.out) == (2, ""), answer
        assert answer.err.count("\n") == 1
        assert needle in answer.err
    assert not (home / "results").exists()


def test_help_is_light(home: Path) -> None:
    """Neither numba nor xarray is imported for help, and no command lacks a line about itself."""
    code = (
        "import sys; sys.argv = ['isinglass', '--help']\n"
        "from isinglass.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([m for m in ('numba', 'xarray', 'dask', 'zarr', 'numpy', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=home, capture_output=True, text=True, timeout=60)
    assert done.stdout.rstrip().endswith("[]"), done.stdout + done.stderr


# ---------------------------------------------------------------- good paths


def test_help_and_version(call: Call) -> None:
    top = call("--help")
    assert top.code == 0
    commands = re.findall(r"^  ([a-z]+) ", top.out[top.out.index("Commands:") :], re.M)
    known = {"list", "show", "plan", "run", "submit", "status", "verify", "reproduce", "analyse", "report"}
    known |= {"watch", "atlas", "compare", "export", "cite", "new", "catalog", "publish"}
    assert set(commands) == known
    for command in commands:
        answer = call(f"{command} --help")
        assert answer.code == 0
        assert answer.out.startswith(f"Usage: isinglass {command}")
    assert re.fullmatch(r"isinglass, version \d+\.\d+\.\d+\S*\n", call("--version").out)
    bare = call("")
    assert bare.code == 2
    assert "Commands:" in bare.err


def test_list(call: Call, home: Path) -> None:
    (home / "workflows" / "broken.py").write_text("1/0\n", encoding="utf-8")
    out = call("list").out
    assert re.search(r"^  toy +A toy$", out, re.M)
    assert re.search(r"^  hopfield-retrieval +Hopfield retrieval diagram$", out, re.M)
    assert re.search(r"^  hopfield +\S", out, re.M)
    assert re.search(r"^  broken +cannot be loaded: .*line 1: ZeroDivisionError", out, re.M)


def test_show(call: Call) -> None:
    out = call("show toy").out
    for needle in (
        "axis       slope: 3 values, 0.0, 1.0, 2.0 [m]", "samples    2, replicas 2, seed 0", "fixed      size = 3",
        "stage      doubled", "preset     paper: other samples", "3 points, 12 simulations", "isinglass run toy",
    ):  # fmt: skip
        assert needle in out
    out = call("show hopfield").out
    for needle in ("temperature", "k_B T", "default", "quenched", "role coherence", "recall_overlap"):
        assert needle in out
    assert "coherence.mean" in call("show hopfield-retrieval").out
    both = call("show kuramoto").out  # a workflow and a model of one name
    assert "run it     isinglass run kuramoto" in both
    assert "order_parameter" in both
    assert "raw_memory_capacity  float64" in call("show echo-state").out


def test_hopfield_from_plan_to_reproduce(call: Call, home: Path) -> None:
    before = touched(home)
    planned = call(f"plan {HOPFIELD}")
    assert planned.code == 0, planned
    for needle in ("results/hopfield-retrieval", "12 to run of 12", "blocks", "files", "CPU time", "at a time"):
        assert needle in planned.out
    assert touched(home) == before, "plan stores nothing"

    ran = call(f"run {HOPFIELD} --no-figures")
    root = home / "results" / "hopfield-retrieval"
    assert ran.code == 0, ran
    assert "12 of 12 simulations are done, 0 failed, 0 pending" in ran.out
    assert re.search(r"^ +planned +actual$", ran.out, re.M)
    opened = re.search(r"^open it +xr\.open_zarr\('(.+)'\)$", ran.out, re.M)
    assert opened is not None
    ds = xr.open_zarr(opened[1])
    assert dict(ds.sizes) == {"load": 2, "temperature": 3, "sample": 2, "replica": 1}
    assert (ds.status == 1).all()
    assert "recall_overlap_boundary" in xr.open_zarr(root / "analysis.zarr")
    assert (root / "workflow.py").is_file()

    again = call(f"plan {HOPFIELD}")
    assert "0 to run of 12" in again.out
    assert "nothing is missing" in again.out
    assert "12 to run of 24" in call(f"plan {HOPFIELD.replace('--samples 2', '--samples 4')}").out

    status = call("status hopfield-retrieval")
    assert status.code == 0
    assert "done 12 of 12, failed 0, pending 0" in status.out
    for name in ("hopfield-retrieval", "results/hopfield-retrieval", "results/hopfield-retrieval/data.zarr", str(root)):
        assert "blocks are whole" in call(f"verify {name}").out
    verified = call("verify hopfield-retrieval --sample 3")
    assert verified.code == 0
    assert "3 simulations computed again" in verified.out

    same = call("reproduce hopfield-retrieval load=0.05 temperature=0.5 sample=1 replica=0")
    assert same.code == 0, same
    assert re.search(r"recall_overlap +stored \S+ +again \S+ +same bytes", same.out)


def test_analyse_again_and_with_another_text(call: Call, home: Path, ran: Path) -> None:
    first = xr.open_zarr(ran / "analysis.zarr").load()
    assert call("analyse toy").code == 0
    assert first.equals(xr.open_zarr(ran / "analysis.zarr").load())
    (home / "more.py").write_text(WORKFLOW.replace('"doubled": (2 *', '"tripled": (3 *'), encoding="utf-8")
    answer = call("analyse toy --workflow more.py")
    assert answer.code == 0
    assert "analysis.zarr" in answer.out
    assert list(xr.open_zarr(ran / "analysis.zarr").data_vars) == ["tripled"]


def test_analyse_of_nothing_says_so(call: Call, home: Path) -> None:
    (home / "bare.py").write_text(WORKFLOW.replace("stages=[doubled], ", ""), encoding="utf-8")
    assert call("run bare.py --cluster serial").code == 0
    assert "neither stages nor figures" in call("analyse bare").out


def test_a_failed_simulation_is_named(call: Call) -> None:
    answer = call("run toy --cluster serial --set slope=1,9")
    assert answer.code == 1
    assert "RuntimeError: boom" in answer.out
    assert "4 of 8 simulations are done, 4 failed, 0 pending" in answer.out
    status = call("status toy")
    assert status.code == 1
    command = re.search(r"^    isinglass (reproduce .*)$", status.out, re.M)
    assert command is not None
    again = call(command[1])
    assert again.code == 1
    assert "it fails: RuntimeError: boom" in again.out


def test_a_shard_does_its_share(call: Call) -> None:
    first = call("run toy --cluster serial --shard 0/2")
    assert first.code == 0, "its own share is done"
    assert "pending" in first.out
    assert call("status toy").code == 3
    second = call("run toy --cluster serial --shard 1/2")
    assert second.code == 0
    assert call("status toy").code == 0
    assert call("run toy --cluster serial").code == 0


def test_preset_has_a_folder_of_its_own(call: Call, home: Path) -> None:
    assert call("run toy --preset paper --cluster serial").code == 0
    assert xr.open_zarr(home / "results" / "toy-paper" / "data.zarr").sizes["sample"] == 3


def test_ranges(call: Call, home: Path) -> None:
    assert call("run toy --cluster serial --set slope=0:1:5 --set rule=storkey --set closed=true,false").code == 0
    ds = xr.open_zarr(home / "results" / "toy" / "data.zarr")
    assert ds.slope.values.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert ds.closed.values.tolist() == [False, True]
    assert call("run toy --cluster serial --set slope=log:0.01:1:3 --out log").code == 0
    assert xr.open_zarr(home / "log" / "data.zarr").slope.values.tolist() == [0.01, 0.1, 1]
    assert call("run toy --cluster serial --set size=log:1:100:3 --out size").code == 0
    assert xr.open_zarr(home / "size" / "data.zarr")["size"].values.tolist() == [1, 10, 100]
