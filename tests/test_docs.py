"""The documentation holds: its code runs, its commands and options exist, its links lead somewhere.

A fenced block below `<!-- runs -->` is executed in a folder that holds a small `results/hopfield-retrieval`; a block
below `<!-- file: NAME -->` is written there as that file, and run if it is a workflow.
"""

import re
import shlex
from pathlib import Path

import click
import pytest

from isinglass.cli import cli

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(ROOT.glob("docs/**/*.md"))
BLOCK = re.compile(r"(?:<!-- (?P<mark>runs|file: \S+) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```", re.M | re.S)
TINY = {  # overrides that make a documented workflow small
    "curie_weiss": ["--set", "temperature=0.5,1.5", "--set", "spins=20", "--samples", "2"],
    "random_field": ["--set", "temperature=0.2,1.2", "--set", "spins=20", "--set", "steps=8", "--samples", "2"],
    "noisy_cues": ["--set", "cue=0.1,0.9", "--set", "neurons=64", "--samples", "2"],
    "connectome": ["--set", "temperature=0.3,1.2", "--set", "steps=6", "--samples", "2"],
    "ageing": ["--set", "temperature=0.3,0.9", "--set", "neurons=64", "--set", "steps=8", "--samples", "2"],
    "fluctuations": ["--set", "temperature=0.3,1.1", "--set", "neurons=64", "--set", "steps=60"],
    "ring": ["--set", "temperature=0.5,2", "--set", "length=20", "--set", "steps=8"],
    "listed": ["--set", "neurons=64", "--samples", "2"],
}
EXAMPLES = {
    "curie_weiss.py",
    "my_question.py",
    "magnet.py",
    "test_magnet.py",
    "test_my_magnet.py",
}  # files that a reader is told to make


def blocks(page: Path) -> list[tuple[str | None, str, str]]:
    """(mark, language, text) of every fenced block."""
    found = BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [(m["mark"], m["language"], m["text"]) for m in found]


def marked(kind: str) -> list[object]:
    out = []
    for page in PAGES:
        for number, (mark, _, text) in enumerate(blocks(page)):
            if mark and mark.startswith(kind):
                out.append(pytest.param(mark, text, id=f"{page.stem}-{number}"))
    return out


def isinglass(*words: str) -> int:
    """Run a command in this process; its exit code."""
    try:
        cli.main(list(words), standalone_mode=False)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small run of the README's first command."""
    folder = tmp_path_factory.mktemp("docs")
    grid = ["--set", "load=0.05,0.1", "--set", "temperature=0.1:0.9:5", "--set", "neurons=100"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert isinglass("run", "hopfield-retrieval", *grid, "--samples", "4", "--cluster", "serial") == 0
    return folder


@pytest.mark.parametrize(("mark", "text"), marked("runs"))
def test_code_runs(mark: str, text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    exec(compile(text, mark, "exec"), {"__name__": "docs"})


@pytest.mark.parametrize(("mark", "text"), marked("file"))
def test_workflow_runs(mark: str, text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name, from `./workflows`, as the page says."""
    monkeypatch.chdir(folder)
    path = Path(mark.removeprefix("file: "))
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    name = path.stem.replace("_", "-")
    assert isinglass("run", name, *TINY[path.stem], "--cluster", "serial") == 0
    assert isinglass("status", name) == 0


def commands() -> list[tuple[str, list[str]]]:
    """(page, words after `isinglass`) of every command line in a shell block."""
    out = []
    for page in PAGES:
        for _, language, text in blocks(page):
            if language == "sh":
                for line in text.splitlines():
                    words = shlex.split(line, comments=True)
                    if any(Path(w).name == "isinglass" for w in words):
                        start = next(i for i, w in enumerate(words) if Path(w).name == "isinglass")
                        out.append((page.name, words[start + 1 :]))
    return out


def test_commands_exist() -> None:
    found = commands()
    assert len(found) > 15
    for page, words in found:
        command = cli.commands[words[0]]
        with click.Context(command) as context:
            command.make_parser(context).parse_args(list(words[1:]))  # raises for an unknown option
        assert page


def test_the_table_of_commands_is_that_of_the_cli() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `isinglass (\w+)", text, re.M)) == set(cli.commands)


def test_the_two_commands_stand_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "```sh\npip install uv && uv run isinglass run hopfield-retrieval\nuv run pytest\n```" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"https?:", target):
            file, _, anchor = target.partition("#")
            assert (page.parent / file).exists(), f"{page.name}: {target}"
            assert not anchor, f"{page.name}: {target}: anchors are not checked, link to the page"
    for name in re.findall(r"`((?:pipeline|workflows|tests|docs|catalogs)/[\w./-]+\.\w+)`", text):
        assert Path(name).name in EXAMPLES or (ROOT / name).exists(), f"{page.name}: {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_no_path_of_one_machine(page: Path) -> None:
    found = re.findall(r"(?<![\w.])/(?:home|root|tmp|work|Users|mnt)/\S*", page.read_text(encoding="utf-8"))
    assert not found


def test_every_page_is_reached_from_the_readme() -> None:
    seen, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop().resolve()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        targets = re.findall(r"\]\(([^)\s#]+)\)", page.read_text(encoding="utf-8"))
        todo += [page.parent / t for t in targets if not t.startswith("http")]
    site = {ROOT / "docs" / "index.md", *ROOT.glob("docs/api/*.md")}  # they are made for the built site alone
    assert {p.resolve() for p in PAGES if p not in site} <= seen


def test_figures_are_small() -> None:
    figures = list(ROOT.glob("docs/figures/*"))
    assert figures
    for path in figures:
        assert path.stat().st_size < 400_000, path
