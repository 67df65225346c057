"""The site of the docs builds from nothing, offline, without a warning, notebooks computed; its links hold."""

from __future__ import annotations

import html.parser
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parent.parent


class Page(html.parser.HTMLParser):
    """What a page links to, what it loads, its anchors, and images without alternative text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.anchors: set[str] = set()
        self.mute: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors |= {given["id"]} if given.get("id") else set()
        if tag == "a" and given.get("href"):
            self.links.add(str(given["href"]))
        for key in ("src", "href") if tag in ("script", "link", "img") else ():
            if given.get(key) and given.get("rel") not in ("prev", "next", "index", "search", "canonical"):
                self.loads.add(str(given[key]))
        if tag == "img" and not given.get("alt"):
            self.mute.append(str(given.get("src"))[:80])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    environment = {**os.environ, "HOME": str(folder / "home"), "PYTHONWARNINGS": ""}
    words = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-d", str(folder / "cache")]
    done = subprocess.run(
        [*words, str(ROOT / "docs"), str(folder / "html")], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return folder / "html"


def test_the_site(site: Path) -> None:
    pages = {path: Page(path) for path in site.rglob("*.html")}
    assert {site / "index.html", site / "api" / "index.html", site / "notebooks" / "first-diagram.html"} <= pages.keys()
    wrong = []
    for path, page in pages.items():
        wrong += [f"{path.name}: image without text: {image}" for image in page.mute if "notebooks" not in path.parts]
        for address in page.loads | page.links:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                if address in page.loads:
                    wrong.append(f"{path.name} loads {address[:100]} from elsewhere")
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not there.exists():
                wrong.append(f"{path.name} leads to {address}, which is not there")
            elif parts.fragment and there in pages and unquote(parts.fragment) not in pages[there].anchors:
                wrong.append(f"{path.name} leads to {address}: no such place on that page")
    assert not wrong, "\n".join(sorted(set(wrong)))


def test_every_page_and_name_is_there(site: Path) -> None:
    """Each page of docs is reached from the index, each public name and each module of the API stands on the site."""
    import isinglass

    api = {path: path.read_text(encoding="utf-8") for path in (site / "api").glob("*.html")}
    for name in isinglass.__all__:
        assert f'id="isinglass.{name}"' in api[site / "api" / "index.html"], name
    for part in ("analysis", "figures", "theory", "models"):
        for module in (ROOT / "pipeline" / "isinglass" / part).glob("[!_]*.py"):
            assert f"isinglass.{part}.{module.stem}" in api[site / "api" / f"{part}.html"], module


@pytest.mark.parametrize("name", ["first-diagram", "own-analysis"])
def test_notebooks_computed(site: Path, name: str) -> None:
    text = (site / "notebooks" / f"{name}.html").read_text(encoding="utf-8")
    assert "Traceback" not in text
    assert "<img" in text
    assert {"first-diagram": "theory    T_M =", "own-analysis": "cross at T ="}[name] in text
