"""The live page's server and its state, without a browser: what it tells is what the store holds, and nothing else."""

from __future__ import annotations

import base64
import http.client
import json
import re
import shlex
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rig

from isinglass import Workflow, ledger, load_workflow
from isinglass.analysis.errors import mean_and_error, sample_means
from isinglass.exceptions import InputError
from isinglass.inspection import scrub
from isinglass.pages import following, viewing
from isinglass.pages.live import Server, Watched

pytestmark = pytest.mark.usefixtures("steady_pilot")

AXES = {"temperature": [0.1, 0.2, 0.3, 0.4], "size": [2, 4, 8], "rule": ["oja", "hebb"]}
BLOCK = {"temperature": 2, "size": 1, "rule": 1, "sample": 2, "replica": 1}


def walk(**changes: Any) -> Workflow:
    given = {"axes": AXES, "samples": 3, "replicas": 2, "seed": 3, "name": "walk", **changes}
    return Workflow(model=rig.synthetic.Walk, text=None, **given)


def told(root: Path, **asked: str) -> dict[str, Any]:
    """The state that a page would get in the end."""
    watched = Watched(root)
    while (state := watched.state(asked))["word"] == "reading":
        pass
    return state


def numbers(view: dict[str, Any], name: str) -> np.ndarray:
    kind = "<f4" if name in ("mean", "error") else "<i4"
    shape = [4, *view["shape"]] if name == "states" else view["shape"]
    return np.frombuffer(base64.b64decode(view[name]), kind).reshape(shape)


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("walked") / "run"
    rig.run(walk(), root, block=BLOCK)
    return root


def test_numbers_are_those_of_the_analysis(walked: Path) -> None:
    ds = rig.data(walked)
    for name in ("value", "count", "rough"):
        state = told(walked, observable=name, x="size", y="temperature", **{"at.rule": "1"})
        assert state["choice"] == {"observable": name, "own": [], "x": "size", "y": "temperature", "at": {"rule": 1}}
        mean, error, n = mean_and_error(sample_means(ds[name], ds.status).sel(rule="hebb"))
        for what, expected in (("mean", mean), ("error", error), ("samples", n)):
            shown = numbers(state["view"], what)
            np.testing.assert_allclose(shown, expected.transpose("temperature", "size").values, rtol=1e-6)
    modulus = told(walked, observable="amplitude", y="-", **{"at.size": "2"})
    expected = sample_means(abs(ds.amplitude), ds.status).mean("sample").isel(size=2, rule=0)
    np.testing.assert_allclose(numbers(modulus["view"], "mean")[0], expected.values, rtol=1e-6)
    assert modulus["view"]["kind"] == "curve"
    undefined = told(walked, observable="undefined")["view"]
    assert np.isnan(numbers(undefined, "mean")).all()
    assert (numbers(undefined, "states")[1] == 6).all(), "they are done all the same"


def test_a_choice_that_does_not_fit_is_made_to(walked: Path) -> None:
    state = told(walked, observable="nothing", x="elsewhere", y="elsewhere", **{"at.size": "99", "at.rule": "x"})
    assert state["choice"] == {"observable": "value", "own": [], "x": "temperature", "y": "size", "at": {"rule": 0}}
    assert state["view"]["y"]["words"] == ["2", "4", "8"]
    assert told(walked, x="rule", y="rule")["choice"]["y"] == "size"
    assert told(walked, x="rule")["view"]["x"]["names"] is True


def test_a_page_is_sent_only_what_is_new(walked: Path) -> None:
    watched = Watched(walked)
    first = watched.state({})
    assert first["about"]["axes"][2]["values"] == ["oja", "hebb"]
    again = watched.state({"have": first["have"], "scene": first["scene"]})
    assert "view" not in again
    assert "about" not in again
    assert (again["word"], again["done"], again["total"]) == ("complete", 144, 144)


def test_only_blocks_that_changed_are_decoded(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two shards one after the other, looked at between: each chunk is read once."""
    read: list[Any] = []
    real = following.read_block

    def counted(store: Any, box: Any, names: Any) -> Any:
        read.append(box)
        return real(store, box, names)

    monkeypatch.setattr(following, "read_block", counted)
    rig.run(walk(), home / "run", block=BLOCK, shard=(0, 2))
    watched = Watched(home / "run")
    state = watched.state({})
    assert state["word"] == "stopped"
    half, state_blocks = len(read), state["about"]["blocks"]
    assert 0 < state["done"] < 144
    assert state["done"] + state["pending"] == 144
    assert "Nobody is at work" in state["says"]
    assert state["shares"][0] == "2 shares: 1 complete, 1 not begun"
    watched.next = 0
    watched.state({})
    assert len(read) == half
    rig.run(walk(), home / "run", block=BLOCK, shard=(1, 2))
    watched.next = 0
    state = watched.state({})
    assert (state["word"], state["done"]) == ("complete", 144)
    assert len(read) == len({str(box) for box in read}) == state_blocks


def test_who_is_at_work_elsewhere(home: Path) -> None:
    """By what other hosts wrote: a share that began, a block in flight; and how old the newest block is."""
    rig.run(walk(), home / "run", block=BLOCK, shard=(0, 2))
    event = {"at": time.time() - 60, "event": "begin", "host": "node7", "pid": 41, "born": "9", "job": "8_1"}
    event |= {"shard": [1, 2], "simulations": 70}
    (home / "run/log/node7-41.events").write_text(json.dumps(event) + "\n")
    note = {"host": "node7", "pid": 41, "born": "9", "request": "r", "attempts": 1, "deaths": 0, "since": time.time()}
    ledger.write_json(home / "run/.store/1/blocks/0.0.0.9.run", note)
    state = told(home / "run")
    assert state["word"] == "working"
    assert re.fullmatch(r"At work on 1 other host: 1 process; the newest block is \d+\.\d s old", state["says"])
    assert re.fullmatch(r"process 41 on node7, share 1/2: block 0\.0\.0\.9 for \d\.\d s", state["work"][0])
    assert re.match(r"share 1/2: unknown on node7, 0 of 70 simulations", state["shares"][1])


def test_pending_failed_and_skipped_apart(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = rig.write_workflow(
        home / "faulty.py",
        'model=Faulty, axes={"size": range(2, 10), "fault": ["none", "raise", "nan"]}, samples=2, replicas=2, seed=1,'
        'where=lambda p: p["size"] != 5, name="faulty"',
    )
    rig.run(load_workflow(path), home / "run", shard=(0, 2))
    state = told(home / "run")
    ds = rig.data(home / "run")
    counts = numbers(state["view"], "states")
    for code in (1, 2):
        expected = (ds.status == code).sum(("sample", "replica")).transpose("fault", "size").values
        assert (counts[code] == expected).all()
    assert (counts[3] == 4 * (ds["size"].values == 5)).all()
    assert counts[0].sum() == state["pending"] > 0
    assert (counts.sum(0) == 4).all()
    assert state["failed"] == int((ds.status == 2).sum()) > 0
    failure = state["failures"][0]
    code, said = rig.cli(capsys, *shlex.split(failure["command"])[1:])
    assert code == 1
    assert failure["error"] in said


def test_an_extension_is_followed(home: Path) -> None:
    small = walk(axes={**AXES, "temperature": [0.1, 0.3]})
    rig.run(small, home / "run", block=BLOCK)
    watched = Watched(home / "run")
    before = watched.state({})
    assert (before["about"]["generation"], before["view"]["shape"]) == (1, [3, 2])
    rig.run(walk(samples=4), home / "run", block=BLOCK)
    watched.next = 0
    after = watched.state({"have": before["have"], "scene": before["scene"]})
    assert (after["about"]["generation"], after["view"]["shape"], after["done"]) == (2, [3, 4], 192)
    rig.run(small, home / "run")  # a newer request for less: the progress is of that, the diagram of all there is
    watched.next = 0
    less = watched.state({"scene": after["scene"]})
    assert (less["total"], less["word"], less["view"]["shape"]) == (72, "complete", [3, 4])


def test_a_damaged_chunk_is_unreadable_and_alone(home: Path) -> None:
    rig.run(walk(), home / "run", block=BLOCK)
    chunk = sorted((home / "run/data.zarr/value").glob("c/0/0/0/*/0"))[0]
    chunk.write_bytes(chunk.read_bytes()[:-3] + b"abc")
    watched = Watched(home / "run")
    state = watched.state({})
    assert [str(chunk.resolve().parent.name) in what for what in state["unreadable"]] == [True]
    assert state["says"].endswith("1 file cannot be read")
    torn = numbers(state["view"], "torn")
    assert torn.tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert np.isfinite(numbers(state["view"], "mean")).all(), "the other samples of these points are shown"
    assert rig.run(walk(), home / "run").exit_code == 0
    assert len(list(scrub(watched.scene.store))) == 1
    watched.next = 0
    assert watched.state({})["pending"] > 0
    rig.run(walk(), home / "run", block=BLOCK)
    watched.next = 0
    healed = watched.state({})
    assert (healed["unreadable"], healed["word"]) == ([], "complete")
    assert not numbers(healed["view"], "torn").any()


def test_a_damaged_entry_counts_as_pending(home: Path) -> None:
    rig.run(walk(where=lambda p: p["size"] != 4), home / "run", block={**BLOCK, "size": 3})
    entry = sorted((home / "run/.store/1/blocks").glob("*.part"))[0]
    entry.write_text(entry.read_text()[:-5])
    state = told(home / "run")
    assert str(entry) in state["unreadable"][0]
    assert state["pending"] > 0


def test_a_run_that_is_deleted_and_made_again(home: Path) -> None:
    rig.run(walk(), home / "run")
    watched = Watched(home / "run")
    assert watched.state({})["word"] == "complete"
    shutil.rmtree(home / "run")
    watched.next = 0
    state = watched.state({})
    assert (state["word"], state["says"]) == ("gone", f"{home / 'run'} is gone: it was moved or deleted")
    rig.run(walk(samples=2), home / "run")
    watched.next = 0
    assert watched.state({})["total"] == 96


def test_a_list_of_points_and_many_of_them(home: Path) -> None:
    rng = np.random.default_rng(1)
    few = {"temperature": [0.1, 0.5, 0.2], "rule": ["oja", "hebb", "oja"]}
    rig.run(walk(axes={}, points=few), home / "few")
    state = told(home / "few")
    assert state["view"]["kind"] == "points"
    assert state["view"]["y"]["order"] == ["hebb", "oja"]
    ds = rig.data(home / "few")
    expected = sample_means(ds.value, ds.status).mean("sample").values
    np.testing.assert_allclose(numbers(state["view"], "mean")[0], expected, rtol=1e-6)
    many = {"temperature": rng.random(5000), "load": rng.random(5000)}
    rig.run(walk(axes={}, points=many, samples=1, replicas=1), home / "many")
    view = told(home / "many")["view"]
    assert (view["kind"], view["shape"], view["several"]) == ("cells", [viewing.CELLS] * 2, True)
    assert numbers(view, "states")[1].sum() == 5000
    assert numbers(view, "samples").sum() == 5000


def test_long_axes_are_drawn_several_to_a_cell(home: Path) -> None:
    rig.run(walk(axes={"temperature": np.linspace(0, 1, 450), "size": [2, 3]}, samples=1, replicas=1), home / "run")
    view = told(home / "run")["view"]
    assert (view["shape"], view["several"]) == ([2, 150], True)
    ds = rig.data(home / "run")
    expected = ds.value.values[..., 0, 0].reshape(150, 3, 2).mean(1).T
    np.testing.assert_allclose(numbers(view, "mean"), expected, rtol=1e-6)
    assert view["x"]["words"][1] == "0.00668151 to 0.0111359"
    assert numbers(view, "states")[1].tolist() == [[3] * 150] * 2


def test_own_dims_are_chosen_and_ragged_ends_are_undefined(home: Path) -> None:
    traces = Workflow(model=rig.synthetic.Traces, axes={"steps": [2, 4, 3]}, samples=2, seed=2, name="t", text=None)
    rig.run(traces, home / "run")
    ds = rig.data(home / "run")
    assert told(home / "run")["choice"]["observable"] == "end", "a single number comes first"
    for name in ("trace", "spectrum"):
        dim = ds[name].dims[-1]
        for i in range(ds.sizes[dim]):
            state = told(home / "run", observable=name, **{f"own.{dim}": str(i)})
            assert state["choice"]["own"] == [i]
            expected = sample_means(ds[name], ds.status).isel({dim: i}).mean("sample").values
            np.testing.assert_allclose(numbers(state["view"], "mean")[0], expected, rtol=1e-6)
    assert np.isnan(expected).sum() == 0
    ends = numbers(told(home / "run", observable="trace")["view"], "mean")[0]
    assert np.isnan(ends).tolist() == [True, True, False]


def test_axes_that_are_spread_by_factors_are_logarithmic() -> None:
    assert viewing._even_in_decades(np.geomspace(1, 100, 5))
    assert viewing._even_in_decades(np.array([256.0, 1024.0, 4096.0]))
    assert not viewing._even_in_decades(np.linspace(0.1, 4, 9))
    assert not viewing._even_in_decades(np.array([0.0, 1.0, 100.0]))
    assert not viewing._even_in_decades(np.array([1.0, 100.0]))


# ---------------------------------------------------------------- over HTTP


@pytest.fixture
def server(walked: Path) -> Iterator[Server]:
    with Server(walked) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def ask(server: Server, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    out = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return out


def test_the_page_and_its_state(server: Server, walked: Path) -> None:
    assert server.server_address[0] == "127.0.0.1"
    code, headers, body = ask(server, "/")
    assert (code, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store")
    assert "Access-Control-Allow-Origin" not in headers
    assert b"http://" not in body.replace(b"http://www.w3.org/", b"")
    assert b"https://" not in body
    code, headers, body = ask(server, "/state.json?x=size&y=-&at.rule=1")
    assert (code, headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert json.loads(body)["choice"]["at"] == {"temperature": 0, "rule": 1}


def test_other_names_paths_and_methods_are_refused(server: Server) -> None:
    port = server.server_port
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1.evil.example:{port}", "[::1]", ""):
        for path in ("/", "/state.json"):
            code, _, body = ask(server, path, Host=host)
            assert (code, b"isinglass" in body, b"view" in body) == (403, False, False), host
    assert ask(server, "/", Host=f"localhost:{port}")[0] == 200
    for path in (
        "/workflow.py",
        "/../workflow.py",
        "/data.zarr/zarr.json",
        "//etc/passwd",
        "/state.json/",
        "/%2e%2e/x",
    ):
        assert ask(server, path)[0] == 404, path
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "HEAD"):
        assert ask(server, "/state.json", method)[0] == 501, method


def test_text_of_a_run_is_escaped(home: Path) -> None:
    """A folder's name is in the page, and nothing of it is markup; the rest comes as JSON, set as text."""
    root = home / "<script>alert(1)"
    rig.run(walk(title="</script><b>", samples=1, replicas=1), root)
    with Server(root) as made:
        assert "<script>alert" not in made.page
        assert "&lt;script&gt;alert(1)" in made.page
    assert told(root)["about"]["title"] == "</script><b>"


def test_folders_that_hold_no_run_are_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "empty").mkdir()
    for name in ("empty", "nowhere"):
        code, said = rig.cli(capsys, "watch", name)
        assert code == 2
        assert said.startswith(f"isinglass: {name} is no run folder")
    rig.run(walk(samples=1, replicas=1), home / "run")
    with Server(home / "run") as made, pytest.raises(InputError, match=f"port {made.server_port} on 127.0.0.1"):
        Server(home / "run", made.server_port)
