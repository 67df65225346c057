"""The live page: a run's diagram on 127.0.0.1, which fills in while blocks land.

A page and its state as JSON, both made of the run folder alone. Nothing else is served: no file, no other path, no
other method, and no request that names another host than this machine.
"""

from __future__ import annotations

import json
import shlex
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl, urlsplit

from isinglass import jobs
from isinglass.exceptions import InputError
from isinglass.generations import require
from isinglass.ledger import Json
from isinglass.pages.following import Key, Scene, in_flight, scene_of
from isinglass.pages.look import render
from isinglass.pages.viewing import axes, chosen, observables, view
from isinglass.progress import duration
from isinglass.provenance import versions

ADDRESS = "127.0.0.1"
READING = 1.0
"""Seconds that one look may read; what is left is read by the next."""
REDRAWN = 3.0
"""Seconds between two drawings at least, while a backlog is read."""
SLOWEST = 5.0
"""Seconds between two looks at most, however long one takes."""
TOLD = 10
"""Failures, processes and shares that are named one by one."""

T = TypeVar("T")


class Paced(Generic[T]):
    """A costly answer that is asked for often: made anew at most so often that it takes a share of the time."""

    def __init__(self, make: Callable[[], T], seconds: float, share: float = 0.1) -> None:
        self.make, self.seconds, self.share = make, seconds, share
        self.kept: T | None = None
        self.next = 0.0

    def __call__(self) -> T:
        if self.kept is None or time.monotonic() >= self.next:
            began = time.monotonic()
            self.kept = self.make()
            now = time.monotonic()
            self.next = now + max(self.seconds, (now - began) / self.share)
        return self.kept


class Watched:
    """A run folder as the page tells of it. Several threads may ask."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = threading.Lock()
        self.scene: Scene | None = None
        self.next = 0.0
        self.read = 1.0
        self.drawn: tuple[str, str, Json] = ("", "", {})
        self.redraw = 0.0
        self.flights: Paced[Sequence[Json]] = Paced(lambda: in_flight(self.scene) if self.scene else [], 0.0)
        self.processes = Paced(lambda: jobs.at_work(root), 1.0)
        self.shares = Paced(lambda: jobs.shares(root), 5.0, 0.05)

    def state(self, asked: Mapping[str, str]) -> Json:
        """What the page shows. `asked`: its choices, and as `have` and `scene` what it has been sent already."""
        with self.lock:
            try:
                return self._state(asked)
            except (InputError, OSError) as error:
                self.scene = None
                there = (self.root / ".store").is_dir()
                words = str(error) if there else f"{self.root} is gone: it was moved or deleted"
                return {"word": "unreadable" if there else "gone", "says": words, "scene": "", "poll": 2.0}

    def _state(self, asked: Mapping[str, str]) -> Json:
        began = time.monotonic()
        if began >= self.next or self.scene is None:
            self.scene = scene_of(self.root, self.scene)
            if self.scene is None:
                raise InputError(f"{self.root} holds no run")
        scene = self.scene
        key, x, y, at = chosen(scene, asked)
        if began >= self.next or (key and key not in scene.shown):
            self.read = scene.advance(key, READING)
            took = time.monotonic() - began
            self.next = began + took + (0.0 if self.read < 1 else max(0.4, min(4 * took, SLOWEST)))
        out = self._told(scene)
        choice = {"observable": key[0] if key else "", "own": list(key[1]) if key else [], "x": x, "y": y, "at": at}
        name = self._draw(scene, key, choice) if key else scene.name
        out |= {"choice": choice, "have": name, "scene": scene.name}
        if key and asked.get("have") != name:
            out["view"] = self.drawn[2]
        if asked.get("scene") != scene.name:
            out["about"] = self._about(scene)
        out["poll"] = self._poll(out["word"], time.monotonic() - began)
        return out

    def _draw(self, scene: Scene, key: Key, choice: Json) -> str:
        """Draw what was asked, unless that stands; less often while a backlog is read. Returns the drawing's name."""
        what = json.dumps([scene.name, choice])
        name = f"{what} {scene.changed}"
        began = time.monotonic()
        if self.drawn[0] != what or (self.drawn[1] != name and (self.read == 1 or began >= self.redraw)):
            self.drawn = (what, name, view(scene, key, choice["x"], choice["y"], choice["at"]))
            now = time.monotonic()
            self.redraw = now + max(REDRAWN, 4 * (now - began))
        return self.drawn[1]

    def _poll(self, word: str, took: float) -> float:
        """Seconds after which the page should ask again."""
        return 0.1 if self.read < 1 else max(1.0 if word == "working" else 2.0, min(4 * took, SLOWEST))

    def _about(self, scene: Scene) -> Json:
        """What does not change while a generation and its request stand."""
        parameters = scene.store.declaration["attributes"].get("parameters", {})
        fixed = [
            {"name": name.replace("_", " "), "value": str(value), "units": parameters.get(name, {}).get("units", "1")}
            for name, value in scene.grid.fixed.items()
            if value != "" and name != "copies"
        ]
        return {
            "title": scene.record["title"] or scene.record["workflow"],
            "model": scene.store.declaration["model_name"],
            "folder": str(self.root),
            "generation": scene.store.number,
            "created": scene.record["created"],
            "samples": scene.request.samples,
            "replicas": scene.request.replicas,
            "seed": scene.grid.seed,
            "fixed": fixed,
            "points": int(scene.request.keep.sum()),
            "skipped": int((scene.request.covered & ~scene.request.keep).sum()),
            "blocks": len(scene.store.blocks),
            "listed": scene.grid.points,
            "observables": observables(scene),
            "axes": axes(scene),
        }

    # ------------------------------------------------------------ progress, who is at work, what failed

    def _told(self, scene: Scene) -> Json:
        total = scene.request.simulations
        pending = total - scene.done - scene.failed
        runs, begun, shares = self.flights(), self.processes(), self._of_array()
        alive = [run for run in runs if not run["dead"]]
        busy = {(r["host"], r["pid"]) for r in [*alive, *begun]}
        dead = [run for run in runs if run["dead"]]
        word = "reading" if self.read < 1 else "complete" if not pending else "working" if busy else "stopped"
        rate = scene.rate(min((float(b["at"]) for b in begun), default=None)) if busy and pending else None
        failures = scene.failures_first(TOLD)
        place = shlex.quote(str(self.root))
        torn = [what for shown in scene.shown.values() for what in shown.torn.values()]
        says = self._says(scene, word, pending, {host for host, _ in busy}, len(busy), dead)
        lost = len(scene.unreadable) + len(torn)
        return {
            "word": word,
            "says": f"{says}. {lost} file{'s' if lost > 1 else ''} cannot be read" if lost else says,
            "total": total,
            "done": scene.done,
            "failed": scene.failed,
            "pending": pending,
            "read": self.read,
            "rate": None if rate is None else f"{rate:.3g}",
            "left": duration(pending / rate) if rate else None,
            "work": [_worker(run, shares) for run in alive[:TOLD]],
            "more_work": max(len(alive) - TOLD, 0),
            "idle": [f"process {b['pid']} on {b['host']}" for b in begun][:TOLD] if not alive else [],
            "dead": [_dead(run) for run in dead[:TOLD]],
            "shares": self._share_lines(shares),
            "failures": [_failure(scene, f, place) for f in failures],
            "more_failures": max(scene.failed - len(failures), 0) if failures else 0,
            "status_command": f"isinglass status {place}",
            "unreadable": [*scene.unreadable.values(), *torn][:TOLD],
            "verify_command": f"isinglass verify {place}",
        }

    def _says(self, scene: Scene, word: str, pending: int, hosts: Collection[str], busy: int, dead: list[Json]) -> str:
        if word == "reading":
            return f"Reading what is stored: {self.read:.0%}"
        if word == "complete":
            return f"Complete, with {scene.failed} failed simulations" if scene.failed else "Complete"
        if word == "working":
            many = f"{busy} process{'es' if busy > 1 else ''}"
            if socket.gethostname() in hosts:
                return f"At work: {many}"
            # whether a process of another host still lives cannot be told from here
            came = f"the newest block is {duration(max(time.time() - scene.newest, 0))} old" if scene.newest else ""
            return (
                f"At work on {len(hosts)} other host{'s' if len(hosts) > 1 else ''}: {many}; {came or 'no block yet'}"
            )
        died = f" A process died with {len(dead)} block{'s' if len(dead) > 1 else ''} in flight." if dead else ""
        begun = "Nobody is at work" if scene.done + scene.failed else "Not begun: nobody is at work"
        return f"{begun}, and {pending} simulations are pending: the same command again goes on.{died}"

    def _of_array(self) -> dict[tuple[int, int], jobs.Share]:
        """The shares of the newest array by (number, count)."""
        known = self.shares()
        newest = max(known.values(), key=lambda s: s.began, default=None)
        return {} if newest is None else {key: share for key, share in known.items() if key[1] == newest.count}

    def _share_lines(self, shares: Mapping[tuple[int, int], jobs.Share]) -> list[str]:
        if not shares:
            return []
        told, words = [], Counter[str]()
        for (number, count), share in sorted(shares.items()):
            word, detail = jobs.word_of(share, None)
            words[word] += 1
            if word != "complete":
                told.append(f"share {number}/{count}: {word}{detail}")
        count = next(iter(shares))[1]
        head = f"{count} shares: " + ", ".join(f"{n} {word}" for word, n in words.most_common())
        head += f", {count - len(shares)} not begun" if count > len(shares) else ""
        more = [f"and {len(told) - TOLD} more"] if len(told) > TOLD else []
        return [head, *told[:TOLD], *more]


def _worker(run: Json, shares: Mapping[tuple[int, int], jobs.Share]) -> str:
    mine = [f", share {s.number}/{s.count}" for s in shares.values() if (s.host, s.pid) == (run["host"], run["pid"])]
    ago = duration(max(time.time() - float(run.get("since", time.time())), 0))
    return f"process {run['pid']} on {run['host']}{''.join(mine[:1])}: block {run['block']} for {ago}"


def _dead(run: Json) -> str:
    return f"block {run['block']} by process {run['pid']} on {run['host']}, attempt {run['attempts']}"


def _failure(scene: Scene, failure: Json, place: str) -> Json:
    words = [f"{name}={failure['parameters'].get(name)}" for name in scene.grid.axes]
    words += [f"sample={failure['sample']}", f"replica={failure['replica']}"]
    return {
        "label": " ".join(words),
        "error": str(failure["error"])[:500],
        "command": f"isinglass reproduce {place} {' '.join(map(shlex.quote, words))}",
    }


# ---------------------------------------------------------------- the server


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "isinglass"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        if self.headers.get("Host", "") not in self.server.hosts:
            # a page elsewhere whose name was made to point here would otherwise read what this one shows
            self._send(HTTPStatus.FORBIDDEN, "text/plain", "ask for 127.0.0.1 or localhost\n")
            return
        asked = urlsplit(self.path)
        if asked.path == "/":
            self._send(HTTPStatus.OK, "text/html", self.server.page)
        elif asked.path == "/state.json":
            state = self.server.watched.state(dict(parse_qsl(asked.query)))
            self._send(HTTPStatus.OK, "application/json", json.dumps(state))
        else:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", "no such page\n")

    def _send(self, code: HTTPStatus, kind: str, text: str) -> None:
        raw = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("X-Frame-Options", "DENY")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a line for each look would fill the terminal."""


class Server(ThreadingHTTPServer):
    """Serves the page of one run on 127.0.0.1. Raises InputError for a folder without a run, and for a taken port."""

    daemon_threads = True

    def __init__(self, root: Path, port: int = 0) -> None:
        require(root)
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            raise InputError(
                f"port {port} on {ADDRESS} cannot be had ({error.strerror}): name another with --port, or none"
            ) from error
        self.watched = Watched(root)
        self.hosts = {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}
        self.page = page(root)
        self.watched.state({})  # the first look loads libraries: before anybody waits for it

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A page that was closed in the middle of an answer is no error; others are told on standard error."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


def page(root: Path) -> str:
    """The page as HTML: all of it but the state, which it asks for."""
    from bokeh.palettes import Cividis256

    return render("live.html.j2", folder=str(root), palette=list(Cividis256), version=versions()["isinglass"])
