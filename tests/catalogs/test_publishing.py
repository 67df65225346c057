"""Publishing: whole or not at all, checked, resumed; to folders, to memory and to an S3-compatible server."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import http.server
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import fsspec
import pytest
import rig
import s3fs
import xarray as xr
from rig import synthetic

import isinglass
from isinglass import InputError, Workflow, datasets, ledger, publishing, registering
from isinglass.analysis import errors
from isinglass.generations import require
from isinglass.publishing import Place, publish

BLOCK = {"temperature": 2, "rule": 2, "sample": 2, "replica": 1}


def walk(**more) -> Workflow:
    axes = {"temperature": [0.1, 0.2], "rule": ["hebb", "oja"]}
    keys = {"model": synthetic.Walk, "axes": axes, "samples": 2, "seed": 3, "name": "walk", "title": "A walk", **more}
    return Workflow(**keys)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with an analysis, a figure and a report."""
    root = tmp_path_factory.mktemp("finished") / "walk"
    rig.run(walk(stages=[errors.mean("value")]), root, block=BLOCK)
    (root / "figures").mkdir(exist_ok=True)
    (root / "figures" / "a.png").write_bytes(b"png")
    (root / "report.html").write_text("<html>")
    return root


@pytest.fixture(scope="module", autouse=True)
def _sessions() -> Iterator[None]:
    """Closes the HTTP sessions that fsspec leaves open at the end of a process; aiohttp would complain."""
    made: list[aiohttp.ClientSession] = []
    init = aiohttp.ClientSession.__init__

    def remember(session: aiohttp.ClientSession, *words: Any, **more: Any) -> None:
        init(session, *words, **more)
        made.append(session)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aiohttp.ClientSession, "__init__", remember)
        yield
    for session in made:
        if not session.closed:
            asyncio.run_coroutine_threadsafe(session.close(), session._loop).result(5)


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(finished, tmp_path / "walk", symlinks=True))


def quiet(line: str) -> None:
    pass


def opens(place: Path | str) -> bool:
    """Whether anybody can open the data set, or the analysis, of a target; plain readers too."""
    found = []
    for name in ("data.zarr", "analysis.zarr"):
        try:
            xr.open_zarr(f"{place}/{name}", chunks=None, consolidated=True).load()
            found.append(name)
        except (FileNotFoundError, ValueError, KeyError):
            continue
    return "data.zarr" in found


def test_a_copy_is_the_same(finished: Path, tmp_path: Path) -> None:
    said: list[str] = []
    publish(finished, str(tmp_path / "out"), said.append)
    for name in ("data.zarr", "analysis.zarr"):
        xr.testing.assert_identical(
            xr.open_zarr(tmp_path / "out" / name, chunks=None).load(), xr.open_zarr(finished / name, chunks=None).load()
        )
    xr.testing.assert_identical(isinglass.open(tmp_path / "out").load(), isinglass.open(finished).load())
    for name in ("report.html", "figures/a.png"):
        assert (tmp_path / "out" / name).read_bytes() == (finished / name).read_bytes()
    assert not list((tmp_path / "out").rglob(".*"))
    assert said[1] == f"open it       isinglass.open({str(tmp_path / 'out')!r})"
    times = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*")}
    publish(finished, str(tmp_path / "out"), said.append)
    assert " 0 sent" in said[-3]
    assert times == {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*")}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> tuple[list[int], list[str]]:
    """[how many objects are sent before it stops], and the keys of those that were, in order."""
    put, left, order = Place.put, [0], []

    def stopping(place: Place, key: str, raw: bytes) -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        put(place, key, raw)
        order.append(key)

    monkeypatch.setattr(Place, "put", stopping)
    monkeypatch.setattr(publishing, "AT_ONCE", 1)
    return left, order


def test_stopped_anywhere_it_is_no_data_set(finished: Path, counted) -> None:
    """After many an object, and each of the last; the root's metadata are the last of all."""
    left, order = counted
    objects = len(publishing.collect(finished, require(finished))) + 1
    for stop in (*range(0, objects - 4, 6), *range(objects - 4, objects)):
        fsspec.filesystem("memory").store.clear()
        left[0] = stop
        with pytest.raises(KeyboardInterrupt):
            publish(finished, "memory://stopped", quiet)
        assert not opens("memory://stopped")
    fsspec.filesystem("memory").store.clear()
    order.clear()
    left[0] = objects
    publish(finished, "memory://stopped", quiet)
    assert opens("memory://stopped")
    assert order[0] == "publish.json"
    assert order[-2:] == ["analysis.zarr/zarr.json", "data.zarr/zarr.json"]
    arrays = [k for k in order if k.endswith("/zarr.json")]
    assert order[-len(arrays) :] == arrays


def test_stopped_again_and_again_it_ends(finished: Path, tmp_path: Path, counted) -> None:
    """Nothing is sent twice."""
    left, order = counted
    for _ in range(len(publishing.collect(finished, require(finished))) // 9):
        left[0] = 9
        with pytest.raises(KeyboardInterrupt):
            publish(finished, str(tmp_path / "out"), quiet)
    assert not opens(tmp_path / "out")
    left[0] = 10
    publish(finished, str(tmp_path / "out"), quiet)
    assert opens(tmp_path / "out")
    assert len(order) == len(set(order)) == len(publishing.collect(finished, require(finished))) + 1


def test_killed_in_the_middle(finished: Path, tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom isinglass import publishing\n"
        "put, n = publishing.Place.put, [0]\n"
        "def killed(*a):\n    n[0] += 1\n    n[0] < 20 or os.kill(os.getpid(), signal.SIGKILL)\n    put(*a)\n"
        "publishing.Place.put = killed\n"
        "publishing.publish(Path(sys.argv[1]), sys.argv[2], print)\n"
    )
    words = [sys.executable, "-c", code, str(finished), str(tmp_path / "out")]
    assert subprocess.run(words, cwd=tmp_path).returncode == -signal.SIGKILL
    assert (tmp_path / "out" / "publish.json").is_file()
    assert not opens(tmp_path / "out")
    with pytest.raises(InputError):
        isinglass.open(tmp_path / "out")
    said: list[str] = []
    publish(finished, str(tmp_path / "out"), said.append)
    assert opens(tmp_path / "out")
    assert re.search(r"; [1-9]\d* sent, the others were there", said[0])


def test_damage_in_the_target_is_replaced(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    publish(finished, str(out), quiet)
    chunk = next(p for p in (out / "data.zarr" / "value" / "c").rglob("*") if p.is_file())
    raw = chunk.read_bytes()
    chunk.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    publish(finished, str(out), quiet)
    assert chunk.read_bytes() == raw


def test_what_arrives_otherwise_is_noticed(finished: Path, tmp_path: Path, monkeypatch) -> None:
    put = Place.put

    def torn(place: Place, key: str, raw: bytes) -> None:
        put(place, key, raw[:-3] if "value/c" in key else raw)

    monkeypatch.setattr(Place, "put", torn)
    with pytest.raises(InputError, match="did not arrive as it was sent"):
        publish(finished, str(tmp_path / "out"), quiet)
    assert not opens(tmp_path / "out")


def test_a_newer_analysis_replaces_the_old(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    publish(run, str(out), quiet)
    (run / "figures" / "a.png").rename(run / "figures" / "b.png")
    isinglass.results.analyse(run, walk(stages=[errors.mean("rough")]))
    publish(run, str(out), quiet)
    assert "rough_mean" in xr.open_zarr(out / "analysis.zarr")
    assert [p.name for p in (out / "figures").iterdir()] == ["b.png"]
    assert not [p for p in (out / "analysis.zarr").rglob("value_mean/**/*") if p.is_file()]


def test_refused(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another state of the run, other things, damage, a run that is not done; nothing is touched."""
    out = tmp_path / "out"
    publish(run, str(out), quiet)
    rig.run(walk(samples=3), run)
    with pytest.raises(InputError, match=r"another state of this one \(A walk\): name a fresh URL"):
        publish(run, str(out), quiet)
    assert isinglass.open(out).sizes["sample"] == 2
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    with pytest.raises(InputError, match=r"holds other things \(thesis.tex\)"):
        publish(run, str(tmp_path / "mine"), quiet)
    with pytest.raises(InputError, match="is a file: name a folder"):
        publish(run, str(tmp_path / "mine" / "thesis.tex"), quiet)
    with pytest.raises(InputError, match="lies in the run folder itself"):
        publish(run, str(run / "figures" / "copy"), quiet)
    assert not (run / "figures" / "copy").exists()
    (out / "publish.json").write_text("{")
    with pytest.raises(InputError, match=r"unreadable publish\.json"):
        publish(run, str(out), quiet)
    for url, words in (("ftpx://a/b", "ftpx"), (" ", "publish where"), ("http://127.0.0.1:9/x", "cannot be written")):
        with pytest.raises(InputError, match=words):
            publish(run, url, quiet)
    store = require(run)
    block = next(iter(ledger.listing(store.ledger)))
    chunk = next(p for p in (store.path / "value").rglob("*") if p.is_file() and p.name != "zarr.json")
    kept = chunk.read_bytes()
    chunk.write_bytes(b"garbage")
    with pytest.raises(InputError, match="is damaged"):
        publish(run, str(tmp_path / "new"), quiet)
    chunk.write_bytes(kept)
    ledger.discard(store.ledger, block)
    code, said = rig.cli(capsys, "publish", run, tmp_path / "new")
    assert (code, "incomplete: " in said, "simulations are pending" in said) == (3, True, True)
    assert not (tmp_path / "new").exists()


# ---------------------------------------------------------------- a server


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3-compatible server on this machine, with a bucket."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "topsecrettopsecret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    with contextlib.suppress(FileExistsError):
        s3fs.S3FileSystem().mkdir("shelf")
    return "s3://shelf"


def test_s3(bucket: str, s3: str, finished: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    """Published, resumed, opened by URL and by a catalog with options of its own; no secret is ever said."""
    monkeypatch.chdir(tmp_path)
    url = f"{bucket}/walk"
    code, out = rig.cli(capsys, "publish", finished, url)
    assert (code, f"open it       isinglass.open('{url}')" in out) == (0, True), out
    code, out = rig.cli(capsys, "publish", finished, url)
    assert (code, " 0 sent" in out) == (0, True), out
    here = isinglass.open(finished).load()
    xr.testing.assert_identical(isinglass.open(url).load(), here)
    part = xr.open_dataset(url, engine="isinglass")["count"].isel(rule=1)
    xr.testing.assert_identical(part.load(), here["count"].isel(rule=1))
    code, out = rig.cli(capsys, "catalog", "add", url, "--name", "far")
    assert code == 0, out
    entry = datasets.read(datasets.Catalog(datasets.own_file(), own=True))["far"]
    assert entry.target().path == f"{url}/data.zarr"
    assert rig.cli(capsys, "catalog", "check", "far") == (0, "ok          far: 8 simulations done\n")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    text = datasets.own_file().read_text()
    line = next(x for x in text.splitlines() if "urlpath" in x)
    options = f", storage_options: {{endpoint_url: '{s3}', key: AKIATESTTEST, secret: topsecrettopsecret}}}}"
    datasets.own_file().write_text(text.replace(line, line.rstrip("}") + options))
    xr.testing.assert_identical(isinglass.open("far").load(), here)
    assert rig.cli(capsys, "catalog", "add", url, "--name", "far")[0] == 0  # again: its options are used, and stay
    assert "topsecret" in datasets.own_file().read_text()
    broken = datasets.own_file().read_text().replace("shelf", "nowhere")
    datasets.own_file().write_text(broken)
    code, out = rig.cli(capsys, "catalog", "check", "far")
    assert (code, out.startswith("broken ")) == (1, True)
    assert "secret" not in out
    assert "AKIA" not in out


def test_s3_errors_are_discreet(bucket: str, finished: Path, monkeypatch) -> None:
    for url in ("s3://nobucket/x", "s3://AKIATESTTEST:topsecrettopsecret@shelf/x"):
        with pytest.raises(InputError) as caught:
            publish(finished, url, quiet)
        assert "secret" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_http(finished: Path, tmp_path: Path) -> None:
    """A folder that any web server serves."""
    publish(finished, str(tmp_path / "out"), quiet)

    class Silent(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *words: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=str(tmp_path)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/out"
        xr.testing.assert_identical(isinglass.open(url).load(), isinglass.open(finished).load())
        assert registering.add(url, "web", tmp_path / "c.yaml").content["args"]["urlpath"] == f"{url}/data.zarr"
        with pytest.raises(InputError, match=r"there is no zarr group"):
            isinglass.open(f"http://127.0.0.1:{server.server_port}/nothing")
    finally:
        server.shutdown()
        server.server_close()
    assert json.loads((tmp_path / "out" / "publish.json").read_text())["title"] == "A walk"
