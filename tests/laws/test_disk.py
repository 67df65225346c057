"""Law 3 against the disk: full, read-only, without links, half made. One line, exit 2, nothing lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import rig

from isinglass import Workflow, ledger, load_workflow, presentation, sealing
from isinglass.generations import current, require

pytestmark = pytest.mark.usefixtures("home", "steady_pilot")
AXES = "'temperature': [k / 100 for k in range(1, 9)], 'size': [4, 5]"
STAGES = "stages=[errors.mean('value')]"
FIGURES = "figures=[PhaseLines(x='temperature', observable='value', colour='size')]"
BLOCK = {"temperature": 2, "size": 1, "sample": 1}


def mount(*words: str | Path) -> None:
    done = subprocess.run(["mount", *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no mount here: {done.stderr.strip()}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 4 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small tmpfs")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=4m", "tmpfs", folder)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(disk: Path, leave: int) -> None:
    """Leave so many kB free."""
    free = os.statvfs(disk)
    with (disk / "ballast").open("wb") as file:
        file.write(bytes(max(free.f_bavail * free.f_frsize - leave * 1024, 0)))


def workflow(home: Path, more: str = "", samples: int = 2) -> Workflow:
    text = rig.SYNTHETIC + "\nfrom isinglass.analysis import errors\nfrom isinglass.figures import PhaseLines\n"
    path = rig.write_workflow(home / "w.py", f"model=Batched, axes={{{AXES}}}, samples={samples}, seed=5, {more}", text)
    return load_workflow(path)


def refused(out: str, err: str, code: int) -> str:
    """Exit 2, and one line on stderr that says what is wrong; no traceback anywhere."""
    assert code == 2, f"exit {code}\n{out}\n{err}"
    assert "Traceback" not in out + err
    lines = err.splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("isinglass: ")
    return lines[0]


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[str, str, int]]:
    """`isinglass` in this process: what it printed, and its exit code."""

    def call(*words: str | Path) -> tuple[str, str, int]:
        from unittest import mock

        from isinglass.cli import main

        capfd.readouterr()
        code = 0
        with mock.patch.object(sys, "argv", ["isinglass", *map(str, words)]):
            try:
                main()
            except SystemExit as end:
                code = int(end.code or 0)
        out, err = capfd.readouterr()
        return out, err, code

    return call


@pytest.fixture
def undisturbed(home: Path) -> Callable[[Workflow, Path], None]:
    """Check that a folder holds what a run holds that nothing disturbed."""

    def check(asked: Workflow, root: Path) -> None:
        fresh = home / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        assert rig.run(asked, fresh).exit_code == 0
        rig.same(rig.data(root), rig.data(fresh))
        lines, code = presentation.verify(root, 2)
        assert code == 0, lines
        assert not list(root.rglob("*.tmp"))
        assert not list(root.rglob("*.partial"))
        assert not list(root.glob(".store/.new-*"))

    return check


# ---------------------------------------------------------------- full


@pytest.mark.parametrize("cluster", ["serial", "threads"])
def test_a_disk_that_is_full_from_the_start_on(cluster: str, disk: Path, home: Path, command, undisturbed) -> None:
    """With ever more room it fills while declaring, while writing chunks, entries, requests, logs; then it will do."""
    asked, root, told = workflow(home), disk / "run", []
    words = ("run", "w.py", "--out", root, "--cluster", cluster, "--no-figures")
    for leave in (0, 8, 40, 100, 160, 200, 240, 280, 340, 400):
        fill(disk, leave)
        out, err, code = command(*words)
        if code:
            told.append(refused(out, err, code))
            assert "No space left on device" in told[-1]
        (disk / "ballast").unlink()
    assert len(told) >= 4, "the test leaves too much room"
    assert sum("what was committed is kept" in line for line in told) >= 3
    assert command(*words)[2] == 0
    undisturbed(asked, root)


@pytest.mark.parametrize("what", ["extension", "seal", "analysis", "figures"])
def test_a_disk_that_fills_later(what: str, disk: Path, home: Path, command, undisturbed, monkeypatch) -> None:
    asked, root = workflow(home), disk / "run"
    assert rig.run(asked, root, block=BLOCK).exit_code == 0
    if what == "seal":
        monkeypatch.setattr(sealing, "SEAL_BLOCKS", 8)
    asked = {
        "extension": lambda: workflow(home, samples=3),
        "seal": lambda: asked,
        "analysis": lambda: workflow(home, STAGES),
        "figures": lambda: workflow(home, f"{STAGES}, {FIGURES}"),
    }[what]()
    words = ("run", "w.py", "--out", root, "--cluster", "serial")
    assert command("plan", *words[1:])[2] == 0
    before = rig.data(root)
    if what == "figures":
        assert command(*words, "--no-figures")[2] == 0
    for count, leave in enumerate((0, 4, 12, 24, 48, 96)):
        fill(disk, leave)
        out, err, code = command(*words)
        (disk / "ballast").unlink()
        if code == 0:
            assert count > 1
            break
        refused(out, err, code)
        rig.same(rig.data(root), before)
    assert command(*words)[2] == 0
    assert require(root).sealed == (what == "seal")
    undisturbed(asked, root)


def test_a_disk_that_fills_under_worker_processes(disk: Path, home: Path, undisturbed) -> None:
    """The line comes from the client: no worker prints a traceback of its own."""
    asked, root = workflow(home), disk / "run"
    words = rig.command("run", "w.py", "--out", root, "--cluster", "local", "--no-figures")
    fill(disk, 230)
    done = subprocess.run(words, cwd=home, capture_output=True, text=True, timeout=100)
    line = refused(done.stdout, done.stderr, done.returncode)
    assert "No space left on device" in line
    assert current(root) is not None, "the test leaves too little room to declare"
    (disk / "ballast").unlink()
    assert rig.run(asked, root).exit_code == 0
    undisturbed(asked, root)


# ---------------------------------------------------------------- read-only


@pytest.mark.parametrize("begun", [False, True])
def test_a_disk_that_cannot_be_written(begun: bool, disk: Path, home: Path, command, undisturbed) -> None:
    asked, root = workflow(home), disk / "run"
    words = ("run", "w.py", "--out", root, "--cluster", "serial", "--no-figures")
    if begun:
        assert command(*words, "--shard", "0/2")[2] == 0
    mount("-o", "remount,ro", disk)
    assert "Read-only file system" in refused(*command(*words))
    if begun:  # what only looks still can
        assert command("status", root)[2] == 3
        out, _, code = command("verify", root)
        assert code == 0, out
        assert rig.data(root).sizes["sample"] == 2
    mount("-o", "remount,rw", disk)
    assert command(*words)[2] == 0
    undisturbed(asked, root)


def test_damage_on_a_disk_that_cannot_be_written_is_named(disk: Path, home: Path, command) -> None:
    asked, root = workflow(home), disk / "run"
    assert rig.run(asked, root, block=BLOCK).exit_code == 0
    path = next(p for p in sorted((require(root).path / "value" / "c").rglob("*")) if p.is_file())
    path.write_bytes(b"")
    mount("-o", "remount,ro", disk)
    out, _, code = command("verify", root)
    assert code == 1
    assert str(path) in out
    assert "cannot be taken out of the ledger" in out


# ---------------------------------------------------------------- half made, or of another kind


def test_half_created_folders_are_completed(home: Path, command, undisturbed) -> None:
    asked = workflow(home)
    words = ("run", "w.py", "--cluster", "serial", "--no-figures", "--out")

    def junk(root: Path) -> None:
        (root / ".store" / ".new-0123" / "data.zarr").mkdir(parents=True)
        (root / ".store" / ".new-0123" / "data.zarr" / "zarr.json").write_text("{")
        (root / ".store" / ".new-0123.lock").touch()
        (root / ".store" / "notes").write_text("junk")

    def numbered(root: Path) -> None:
        (root / ".store" / "1").mkdir(parents=True)

    def next_numbered(root: Path) -> None:
        rig.run(asked, root, block=BLOCK)
        (root / ".store" / "2").mkdir()

    def no_group(root: Path) -> None:
        rig.run(asked, root, block=BLOCK)
        shutil.rmtree(require(root).path)

    def no_ledger(root: Path) -> None:
        rig.run(asked, root, block=BLOCK)
        shutil.rmtree(require(root).ledger)

    def no_link(root: Path) -> None:
        rig.run(asked, root, block=BLOCK)
        (root / "data.zarr").unlink()
        (root / "data.zarr").symlink_to(".store/7/data.zarr")

    for make in (junk, numbered, next_numbered, no_group, no_ledger, no_link):
        root = home / make.__name__
        make(root)
        out, err, code = command(*words, root)
        assert code == 0, (make, out, err)
        assert err == ""
        undisturbed(asked, root)


def test_what_is_not_to_be_mended_is_refused(home: Path, command) -> None:
    asked, root = workflow(home), home / "run"
    words = ("run", "w.py", "--cluster", "serial", "--no-figures", "--out", root)
    rig.run(asked, root, block=BLOCK)
    store = require(root)
    content = ledger.read_json(store.folder / "declaration.json")
    ledger.write_twice(store.folder / "declaration.json", content | {"format": 99})
    for command_words in (words, ("status", root), ("verify", root), ("analyse", root)):
        assert "install a newer Isinglass" in refused(*command(*command_words))
    ledger.write_twice(store.folder / "declaration.json", content)
    # a generation of which nothing is known: nothing is guessed
    (root / ".store" / "2").mkdir()
    (root / ".store" / "2" / "data.zarr").mkdir()
    assert "its declaration cannot be read, nor its copy" in refused(*command(*words))
    shutil.rmtree(root / ".store" / "2")
    # a copy that followed links
    (root / "data.zarr").unlink()
    shutil.copytree(store.path, root / "data.zarr")
    assert "is no link" in refused(*command(*words))
    shutil.rmtree(root / "data.zarr")
    assert command(*words)[2] == 0
    rig.check(rig.data(root), asked)


# ---------------------------------------------------------------- no links

NO_LINKS = """
import ctypes, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
numbers = {numbers}
# load the system call's number; each that makes a link is answered with EPERM, as FAT answers it; all else is allowed
code = [(0x20, 0, 0, 0)]
code += [(0x15, len(numbers) - i, 0, n) for i, n in enumerate(numbers)]
code += [(0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x00050001)]
raw = b"".join(struct.pack("HBBI", *c) for c in code)
buffer = ctypes.create_string_buffer(raw, len(raw))
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
program = Program(len(code), ctypes.addressof(buffer))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0, ctypes.get_errno()
from isinglass.cli import main
main()
"""
LINK_CALLS = {"x86_64": [86, 88, 265, 266], "aarch64": [36, 37]}


@pytest.fixture(params=["exfat", "filter"])
def linkless(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, list[str]]]:
    """A folder in which no link can be made, and the Python to start there.

    exFAT, where its tools are installed (through FUSE: not every kernel has it); and the kernel refusing the calls.
    """
    start = [sys.executable, "-c"]
    if request.param == "filter":
        numbers = LINK_CALLS.get(os.uname().machine)
        if sys.platform != "linux" or numbers is None:
            pytest.skip("no system call filter for this machine")
        yield tmp_path, [*start, NO_LINKS.format(numbers=numbers)]
        return
    if os.geteuid() != 0 or not shutil.which("mkfs.exfat") or not shutil.which("mount.exfat-fuse"):
        pytest.skip("needs root, mkfs.exfat and mount.exfat-fuse")
    image, folder = tmp_path / "image", tmp_path / "exfat"
    with image.open("wb") as file:
        file.truncate(32 * 2**20)
    folder.mkdir()
    subprocess.run(["mkfs.exfat", image], check=True, capture_output=True)
    loop = subprocess.run(["losetup", "-f", "--show", image], capture_output=True, text=True)
    done = subprocess.run(["mount.exfat-fuse", loop.stdout.strip(), folder], capture_output=True, text=True)
    if loop.returncode or done.returncode:
        pytest.skip(f"exFAT cannot be mounted here: {loop.stderr}{done.stderr}")
    yield folder, [*start, "from isinglass.cli import main; main()"]
    subprocess.run(["umount", folder], check=True)
    subprocess.run(["losetup", "-d", loop.stdout.strip()], check=True)


def test_a_file_system_without_links(linkless, home: Path, undisturbed) -> None:
    """Refused before anything is computed that no plain reader would find; elsewhere the same command completes."""
    folder, python = linkless
    asked, root = workflow(home), folder / "run"
    words = [*python, "run", str(home / "w.py"), "--cluster", "serial", "--no-figures", "--out"]
    done = subprocess.run([*words, root], cwd=home, capture_output=True, text=True, timeout=100)
    assert "no symbolic link can be made here" in refused(done.stdout, done.stderr, done.returncode)
    assert current(root) is None
    assert rig.run(asked, home / "elsewhere").exit_code == 0
    undisturbed(asked, home / "elsewhere")
    # a store that was carried here can be looked at, though not added to
    if root.parent != home:
        shutil.copytree(home / "elsewhere" / ".store", root / ".store", dirs_exist_ok=True)
        assert presentation.status(root)[1] == 0
        rig.same(rig.data(root), rig.data(home / "elsewhere"))


def test_hard_links_that_are_refused_are_copies(home: Path, undisturbed) -> None:
    asked, root = workflow(home), home / "run"
    assert rig.run(asked, root, block=BLOCK).exit_code == 0
    words = ["run", "w.py", "--out", "run", "--cluster", "serial", "--no-figures", "--samples", "4"]
    numbers = {"x86_64": [86, 265], "aarch64": [37]}.get(os.uname().machine)  # symbolic links are made
    if sys.platform != "linux" or numbers is None:
        pytest.skip("no system call filter for this machine")
    code = NO_LINKS.format(numbers=numbers)
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=home, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert require(root).number == 2
    assert all(p.stat().st_nlink == 1 for p in require(root).path.rglob("*") if p.is_file())
    undisturbed(asked.override(samples=4), root)
