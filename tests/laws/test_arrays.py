"""Arrays as parameters: the same numbers are the same array however they came in; they travel with the run."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import pickle
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rig
import zarr

from isinglass import (
    Array,
    InputError,
    Model,
    Observable,
    Workflow,
    array_parameter,
    arrays,
    ledger,
    load_workflow,
    results,
)
from isinglass.generations import require
from isinglass.keys import StreamKeys, encode
from isinglass.models.base import canonical, parameters
from isinglass.models.hopfield import Hopfield

pytestmark = pytest.mark.usefixtures("home", "steady_pilot")
Wired = rig.synthetic.Wired
ONE, TWO = np.array([[1.5, -2.0, 3.0], [0.25, 5.0, 6.0]]), np.eye(3)
AXES = {"wires": [ONE, TWO], "temperature": [0.1, 0.2]}
WHOLE = Workflow(model=Wired, axes=AXES, samples=2, seed=5, name="wired")
DECLARED = "model=Wired, axes={'wires': ['one.npy', 'two.npy'], 'temperature': [0.1, 0.2]}, samples=2, seed=5"


def forget() -> None:
    """As a fresh process: no array is known, and no run folder."""
    arrays._values.clear()
    arrays._folders.clear()


def saved(folder: Path) -> Path:
    """A workflow file with its two arrays beside it."""
    folder.mkdir(exist_ok=True)
    np.save(folder / "one.npy", ONE)
    np.save(folder / "two.npy", TWO)
    return rig.write_workflow(folder / "wired.py", DECLARED)


def numbers(root: Path) -> dict[str, object]:
    """All content but the names of arrays."""
    return {k: v for k, v in rig.content(rig.data(root)).items() if not k.endswith("_label")}


# ---------------------------------------------------------------- purity


def as_path(folder: Path) -> list[object]:
    np.save(folder / "one.npy", ONE)
    np.save(folder / "other name.npy", TWO)
    return ["one.npy", str(folder / "other name.npy")]


def as_zarr(folder: Path) -> list[object]:
    zarr.save_array(str(folder / "one.zarr"), ONE)
    zarr.open_group(str(folder / "group.zarr"), mode="w", zarr_format=2).create_array("two", data=TWO.astype(">f4"))
    return ["one.zarr", Path("group.zarr") / "two"]


def as_big_endian_file(folder: Path) -> list[object]:
    np.save(folder / "one.npy", np.asfortranarray(ONE.astype(">f8")))
    np.save(folder / "two.npy", TWO.astype(">i2"))
    return ["one.npy", "two.npy"]


SOURCES: dict[str, Callable[[Path], object]] = {
    "path": as_path,
    "zarr": as_zarr,
    "big-endian and fortran": as_big_endian_file,
    "fortran": lambda _: [np.asfortranarray(ONE), TWO.T],
    "a view": lambda _: [np.repeat(ONE, 2, axis=0)[::2], np.flip(TWO, (0, 1))],
    "smaller dtypes": lambda _: [ONE.astype("f4"), TWO.astype(bool)],
    "negative zero": lambda _: [ONE, np.where(TWO == 0, -0.0, TWO)],
    "names": lambda _: {"first": ONE, "second": TWO},
    "functions": lambda _: {"first": lambda: ONE, "second": lambda: TWO},
    "one stack": lambda _: [np.stack([ONE, ONE])[1], TWO],
}


@pytest.mark.parametrize("source", SOURCES)
def test_the_same_numbers_give_the_same_bytes(source: str, home: Path) -> None:
    given = SOURCES[source](home)
    rig.run(replace(WHOLE, axes={**AXES, "wires": given}), home / "run")  # type: ignore[dict-item]
    rig.check(rig.data(home / "run"), WHOLE)
    rig.run(WHOLE, home / "plain")
    assert numbers(home / "run") == numbers(home / "plain")


def test_other_numbers_are_other_samples() -> None:
    """One bit, another shape, another dtype of the declaration: another hash, other disorder and noise."""
    near = ONE.copy()
    near[0, 0] = np.nextafter(near[0, 0], 9)
    names = {Wired(wires=w).wires for w in (ONE, near, ONE.reshape(3, 2), ONE.reshape(1, 6))}
    assert len(names) == 4
    assert arrays.content_hash(TWO) != arrays.content_hash(TWO.astype("f4"))
    keys = StreamKeys.of(Wired, 1, ())
    points = [dataclasses.asdict(Wired(wires=w)) for w in (ONE, near)]
    assert keys.disorder(points[0], {}, [0]) != keys.disorder(points[1], {}, [0])
    assert keys.noise(points[0], {}, [0], [0]) != keys.noise(points[1], {}, [0], [0])
    driven = [dataclasses.asdict(Wired(wires=ONE, drive=d)) for d in (None, np.arange(3))]
    assert keys.disorder(driven[0], {}, [0]) == keys.disorder(driven[1], {}, [0]), "drive is not quenched"
    assert keys.noise(driven[0], {}, [0], [0]) != keys.noise(driven[1], {}, [0], [0])


def test_the_hash_is_that_of_the_format() -> None:
    """As docs/store-format.md writes it."""
    from hashlib import blake2b

    content = b"float64 2,3\n" + ONE.astype("<f8").tobytes()
    assert Wired(wires=ONE).wires == "array-" + blake2b(content, digest_size=16).hexdigest()
    assert encode(Wired(wires=ONE).wires) == b"s" + (38).to_bytes(4, "little") + Wired(wires=ONE).wires.encode()


def test_an_array_that_is_not_given_enters_no_key() -> None:
    """The known answers of docs/store-format.md, from before the Hopfield model took own patterns."""
    point = dataclasses.asdict(Hopfield(temperature=0.3))
    assert point["patterns"] == ""
    keys = StreamKeys.of(Hopfield, 1985, ())
    assert keys.disorder(point, {}, [0])[0].hex() == "5ceb5931e4e093e89c92a51bcaeaa62eef68e5ec0e122f196e44f464d1ecf66e"
    assert (
        keys.noise(point, {}, [0], [0])[0].hex() == "d4e0384bc62b5c68996f165167267a9e705f5dbc3035a7bcfee9dcd396884cea"
    )


def test_it_is_a_string_everywhere() -> None:
    array = Array(Wired(wires=ONE).wires, "mine")
    assert json.loads(json.dumps([array])) == [array]
    for again in (pickle.loads(pickle.dumps(array)), copy.deepcopy(array)):
        assert (type(again), again, again.label) == (Array, array, "mine")
    assert len(pickle.dumps(array)) < 200, "the numbers must not travel with each task"
    assert np.array_equal(canonical(parameters(Wired)["wires"], str(array)).values, ONE)  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="read-only"):
        array.values[0, 0] = 1
    with pytest.raises(InputError, match="not given"):
        _ = Wired(wires=ONE).drive.values


# ---------------------------------------------------------------- travelling


def test_a_run_is_whole_without_the_files(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The originals gone, in a fresh process: status, verify, reproduce, analyse (also by a file)."""
    path, run = saved(home / "elsewhere"), home / "run"
    assert rig.cli(capsys, "run", path, "--out", run, "--cluster", "serial")[0] == 0
    rig.check(rig.data(run), WHOLE)
    (home / "elsewhere" / "one.npy").unlink()
    (home / "elsewhere" / "two.npy").unlink()
    out = rig.finish(rig.start("verify", run, "--sample", "8", cwd=home))
    assert "8 simulations computed again" in out
    forget()
    label = Wired(wires=ONE).wires
    forget()
    for word in ("one", label, label[:12], label[6:12]):
        code, out = rig.cli(capsys, "reproduce", run, f"wires={word}", "temperature=0.2", "sample=1", "replica=0")
        assert (code, "differs" in out) == (0, False), out
        forget()
    for words in (("status", run), ("analyse", run), ("analyse", run, "--workflow", path)):
        assert rig.cli(capsys, *words)[0] == 0
    code, out = rig.cli(capsys, "run", path, "--out", run, "--cluster", "serial")
    assert code == 2
    assert "wires = one.npy" in out
    kept = ",".join(str(p) for p in sorted(arrays.home(run).glob("*.npy")))
    assert rig.cli(capsys, "run", path, "--out", run, "--set", f"wires={kept}", "--samples", "3")[0] == 0
    assert rig.data(run).sizes["sample"] == 3


def test_killed_and_resumed(home: Path) -> None:
    saved(home)
    slow = rig.write_workflow(home / "slow.py", DECLARED + ", fixed={'pause': 0.02}, replicas=8")
    process = rig.start("run", slow, "--out", "run", "--cluster", "serial", cwd=home)
    until = time.monotonic() + 60
    while not list((home / "run").glob(".store/1/blocks/*.done")):
        assert time.monotonic() < until
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert (rig.data(home / "run").status == 0).any(), "it was over before it was killed"
    rig.finish(rig.start("run", slow, "--out", "run", "--cluster", "serial", cwd=home))
    rig.check(rig.data(home / "run"), replace(WHOLE, fixed={"pause": 0.02}, replicas=8))


def test_another_array_extends(home: Path) -> None:
    """Old ones keep place, name and bytes, and are not computed again."""
    third = np.full((1, 2), 0.5)
    rig.run(replace(WHOLE, axes={**AXES, "wires": {"b": TWO}}), home / "run")
    before = rig.data(home / "run")
    rig.run(replace(WHOLE, axes={**AXES, "wires": {"a": ONE, "bee": TWO, "c": third}}), home / "run")
    after = rig.data(home / "run")
    assert after.wires_label.values.tolist() == ["b", "a", "c"]
    assert after.elapsed.values[:1].tobytes() == before.elapsed.values.tobytes()
    rig.check(after, replace(WHOLE, axes={**AXES, "wires": [TWO, ONE, third]}))


def test_a_damaged_array_is_named_and_healed(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No simulation is called failed for it."""
    path, run = saved(home), home / "run"
    words = ("run", path, "--out", run, "--cluster", "serial")
    assert rig.cli(capsys, *words, "--set", "temperature=0.1")[0] == 0
    one, two = (arrays.home(run) / f"{Wired(wires=w).wires}.npy" for w in (ONE, TWO))
    raw = bytearray(one.read_bytes())
    raw[-3] ^= 4
    for damage in (bytes(raw), raw[:100], raw[:3], b""):
        one.unlink()
        one.write_bytes(damage)
        code, out = rig.cli(capsys, "verify", run)
        assert code == 1
        assert one.name in out
        assert two.name not in out
    two.unlink()
    assert two.name in rig.cli(capsys, "verify", run)[1]
    forget()
    code, out = rig.cli(capsys, "reproduce", run, "wires=one", "temperature=0.1", "sample=0", "replica=0")
    assert code == 2
    assert one.name in out
    forget()
    with monkeypatch.context() as patch:  # damaged behind the run's back, as a worker would find it
        patch.setattr("isinglass.generations.keep_arrays", lambda root, grid: forget())
        assert rig.cli(capsys, *words)[0] == 2
    assert not (rig.data(run).status == 2).any()
    assert rig.cli(capsys, *words)[0] == 0
    assert rig.cli(capsys, "verify", run)[0] == 0
    rig.check(rig.data(run), WHOLE)


def test_a_store_from_before_the_parameter(home: Path) -> None:
    """An array parameter that a model gets later is not given there: the store goes on, and nothing is recomputed."""
    path = saved(home)
    rig.run(load_workflow(path), home / "run")
    file = require(home / "run").folder / "declaration.json"
    content = ledger.read_json(file)
    del content["fixed"]["drive"], content["labels"]
    ledger.write_json(file, content)
    assert rig.run(replace(load_workflow(path), samples=3), home / "run").exit_code == 0
    rig.check(rig.data(home / "run"), replace(WHOLE, samples=3))


# ---------------------------------------------------------------- how it is given


def test_settings_and_lists(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """--set counts from the working directory, a list's cells from its own file; labels of the workflow are known."""
    saved(home / "files")
    (home / "files" / "points.csv").write_text("temperature,wires\n0.2,two.npy\n0.1,one.npy\n0.1,two.npy\n")
    listed = rig.write_workflow(home / "files" / "listed.py", "model=Wired, points='points.csv', samples=2, seed=5")
    assert rig.cli(capsys, "run", listed, "--out", "listed", "--cluster", "serial")[0] == 0
    ds = rig.data(home / "listed")
    expected = rig.expected(WHOLE)
    for i in range(3):
        name = {"one": ONE, "two": TWO}[str(ds.wires_label.values[i])]
        at = (Wired(wires=name).wires, float(ds.temperature[i]), 1, 0)
        assert ds.value.values[i, 1, 0] == expected[at]["value"]

    def made(words: str) -> list[str]:
        out = home / f"run-{abs(hash(words))}"
        code, said = rig.cli(
            capsys, "run", "files/named.py", "--out", out, "--set", f"wires={words}", "--cluster", "serial"
        )
        assert code == 0, said
        return [str(x) for x in np.atleast_1d(rig.data(out).wires_label.values)]

    named = "model=Wired, axes={'wires': {'c = 1': 'one.npy', 'eye': np.eye(3)}, 'temperature': [0.1]}, samples=1"
    rig.write_workflow(home / "files" / "named.py", named)
    assert made("files/two.npy,c = 1") == ["two", "c = 1"]
    assert made("eye") == ["eye"]
    code, out = rig.cli(capsys, "run", "files/named.py", "--set", "wires=two.npy")
    assert code == 2
    assert "two.npy" in out
    code, out = rig.cli(capsys, "show", "files/named.py")
    assert "c = 1, eye" in out


def test_alike_labels_are_told_apart(home: Path) -> None:
    for i, folder in enumerate(("a", "b")):
        (home / folder).mkdir()
        np.save(home / folder / "net.npy", ONE + i)
    rig.run(replace(WHOLE, axes={**AXES, "wires": ["a/net.npy", "b/net.npy"]}), home / "run")
    labels = rig.data(home / "run").wires_label.values.tolist()
    assert len(set(labels)) == 2
    assert all(label.startswith("net (") for label in labels)


def test_derived_and_fixed(home: Path) -> None:
    np.save(home / "one.npy", ONE)
    files = Workflow(
        model=Wired, axes={"temperature": [0.1, 0.2]}, samples=2, seed=5, derived={"wires": lambda p: "one.npy"}
    )
    fixed = replace(files, derived={}, fixed={"wires": "one.npy", "drive": np.array([3, 4])})
    rig.run(files, home / "derived")
    rig.run(replace(fixed, fixed={"wires": ONE}), home / "fixed")
    a, b = rig.data(home / "derived"), rig.data(home / "fixed")
    assert a.value.values.tobytes() == b.value.values.tobytes()
    rig.run(fixed, home / "driven")
    assert (rig.data(home / "driven").value != b.value).all()
    assert json.loads(json.dumps(b.attrs["parameters"]["wires"]))["array"] == Wired(wires=ONE).wires
    assert "value" not in b.attrs["parameters"]["drive"]


def refused() -> dict[str, tuple[Callable[[Path], object], str]]:
    def file(values: np.ndarray) -> Callable[[Path], object]:
        def make(path: Path) -> object:
            np.save(path, values, allow_pickle=True)
            return "w.npy"

        return make

    def raw(content: bytes) -> Callable[[Path], object]:
        def make(path: Path) -> object:
            path.write_bytes(content)
            return "w.npy"

        return make

    def cut(path: Path) -> object:
        np.save(path, ONE)
        path.write_bytes(path.read_bytes()[:-9])
        return "w.npy"

    def archive(path: Path) -> object:
        np.savez(path.with_suffix(".npz"), ONE)
        return "w.npz"

    def group(path: Path) -> object:
        zarr.open_group(str(path.with_suffix(".zarr")), mode="w").create_array("x", data=ONE)
        return "w.zarr"

    return {
        "missing": (lambda _: "w.npy", r"wires = w\.npy: .*No such file"),
        "NaN": (file(np.array([[1.0, np.nan]])), r"not finite at \(0, 1\)"),
        "infinite": (lambda _: np.array([[1.0, -np.inf]]), r"not finite at \(0, 1\)"),
        "pickled": (file(np.array([[{}]], object)), "Python objects"),
        "text": (raw(b"1 2 3\n"), r"no \.npy file; write one array with numpy\.save"),
        "empty": (raw(b""), r"no \.npy file"),
        "cut": (cut, "damaged"),
        "archive": (archive, r"no \.npy file"),
        "group": (group, "not that of a group"),
        "folder": (lambda _: ".", "no Zarr array"),
        "address": (lambda _: "https://example.org/w.npy", "fetch it first"),
        "bucket": (lambda _: "s3://bucket/w.npy", "fetch it first"),
        "strings": (lambda _: np.array([["a"]]), "holds numbers"),
        "dates": (lambda _: np.array([["2020-01-01"]], "M8[D]"), "holds numbers"),
        "records": (lambda _: np.zeros((1, 1), "f8,f8"), "holds numbers"),
        "masked": (lambda _: np.ma.masked_array(ONE, ONE > 1), "masked"),
        "complex": (lambda _: ONE * 1j, "cannot hold exactly"),
        "too many digits": (lambda _: np.array([[2**53 + 1]]), "cannot hold exactly"),
        "one dimension": (lambda _: ONE[0], r"shape \(3,\); it needs 2"),
        "none": (lambda _: np.zeros((0, 3)), r"shape \(0, 3\)"),
        "a number": (lambda _: 3.0, "give the path"),
        "unknown hash": (lambda _: "array-" + 32 * "0", "not known here"),
        "not given": (lambda _: None, "wires is not given"),
    }


@pytest.mark.parametrize("what", refused())
def test_refused(what: str, home: Path) -> None:
    make, needle = refused()[what]
    with pytest.raises(InputError, match=needle) as caught:
        rig.run(replace(WHOLE, axes={"temperature": [0.1]}, fixed={"wires": make(home / "w.npy")}), home / "run")
    assert "\n" not in str(caught.value)
    assert not (home / "run").exists()


def test_too_large_is_seen_before_it_is_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (home / "w.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (2**20, 2**10)})
        file.truncate(2**33 + 2**10)  # 8 GB of hole
    with pytest.raises(InputError, match=f"has {2**33} bytes; an array parameter has at most"):
        Wired(wires="w.npy")


@pytest.mark.parametrize(
    ("values", "dtype", "fits"),
    [
        ([1.0, -1.0], "int8", True), ([1.5], "int8", False), ([128], "int8", False), ([-128], "int8", True),
        ([0.1], "float32", False), ([0.5], "float32", True), ([2**24 + 1], "float32", False),
        ([1e300], "float32", False),
        ([2.0**63], "int64", False), ([2.0**64], "uint64", False), ([-1], "uint8", False), ([-0.5], "uint8", False),
        (np.array([2**64 - 1], "u8"), "uint64", True), (np.array([2**64 - 1], "u8"), "float64", False),
        ([0.1], "complex128", True), ([0.1], "complex64", False), ([0.5j], "complex64", True), ([1j], "float64", False),
    ],
)  # fmt: skip
def test_what_fits_a_dtype(values: object, dtype: str, fits: bool) -> None:
    values = np.array(values)
    if fits:
        assert np.array_equal(arrays.of_values("x", values, dtype, 1).values, values)
    else:
        with pytest.raises(InputError, match="cannot hold exactly"):
            arrays.of_values("x", values, dtype, 1)


def test_figures_name_them(home: Path) -> None:
    from isinglass.analysis import errors
    from isinglass.figures import PhaseLines, facets

    seen: list[str] = []

    def theory(x: np.ndarray, wires: str) -> np.ndarray:
        seen.append(wires)
        return 0 * x

    figure = PhaseLines(x="temperature", observable="value", colour="wires", theory=theory)
    flat = PhaseLines(x="wires", observable="value", at={"temperature": 0.1})
    named = replace(WHOLE, axes={**AXES, "wires": {"first net": ONE, "2/3": TWO}}, stages=[errors.mean("value")])
    rig.run(named, home / "run")
    ds = results.analyse(home / "run", named)
    drawn = figure.draw(ds)
    assert seen == ["first net", "2/3"]
    texts = [t.get_text() for t in drawn.axes[0].get_legend().get_texts()]
    assert {"first net", "2/3"} <= set(texts)
    assert [t.get_text() for t in flat.draw(ds).axes[0].get_xticklabels()] == ["first net", "2/3"]
    assert [suffix for suffix, _ in facets(ds, ("temperature",), {})] == ["-wires=first_net", "-wires=2_3"]
    with pytest.raises(InputError, match="it has first net, 2/3"):
        PhaseLines(x="temperature", observable="value", at={"wires": "x"}).draw(ds)
    alone = PhaseLines(x="temperature", observable="value", at={"wires": "first net"}).draw(ds)
    assert "first net" in alone.get_supxlabel().replace("\xa0", " ")


def test_a_model_of_the_notebook(home: Path) -> None:
    """Declared here, with an int8 array of any shape."""

    @dataclasses.dataclass(frozen=True)
    class Small(Model):
        mask: Array = array_parameter(units="1", doc="which", dtype="int8", quenched=False)
        observables = (Observable("sum", "1"),)

        def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
            return {"sum": np.full(len(noise), float(self.mask.values.sum()) if self.mask else -1.0)}

    rig.run(Workflow(model=Small, axes={"mask": [None, np.ones(3), np.ones((2, 2, 2))]}), home / "run")
    ds = rig.data(home / "run")
    assert ds["sum"].values.ravel().tolist() == [-1, 3, 8]
    assert ds.mask_label.values.tolist()[0] == "none"
