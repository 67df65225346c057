"""The one decorator of every compiled loop, with a cache on disk that is never stale.

Numba's own cache looks at the file of the decorated function only: after an edit of a function that it calls in another
file, the old machine code runs on (numba issue #1833). Here the cache folder bears a hash of everything that the
compiled code depends on. This file holds no physics and is not part of a model's code hash.
"""

from __future__ import annotations

import functools
import hashlib
import os
import stat
import tempfile
import threading
import time
import types
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TypeVar, cast, overload

import llvmlite.binding
import numba
import numpy as np

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

F = TypeVar("F", bound=Callable[..., Any])

# What leaves NaN and infinity alone. `fastmath=True` implies `nnan`, under which np.isnan(nan) is False.
FASTMATH = frozenset({"contract", "nsz", "arcp"})
COMPILE_SECONDS = 60.0  # that a process waits for another one that compiles

_keys: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
_decorating = threading.Lock()
_entering = threading.Lock()
_inside: dict[str, tuple[int, IO[str] | None]] = {}  # who compiles in this process: how many threads, their lock


@overload
def jit(function: F) -> F: ...
@overload
def jit(*, reassociate: bool = False) -> Callable[[F], F]: ...
def jit(function: F | None = None, *, reassociate: bool = False) -> F | Callable[[F], F]:
    """Compile a function of scalars and numpy arrays to machine code at its first call, without the GIL.

    Division by zero gives inf or NaN as in numpy. `reassociate=True` lets the compiler reorder sums (and so vectorise
    them): the bits of such a sum depend on the processor. Machine code is kept in `cache_dir()/numba/<key>`; the key is
    a hash of all files of `isinglass.kernels`, of the function's own file, of what it refers to by global name (the
    keys of compiled functions, the values of constants) and of numba's version. A function without a file (a notebook
    cell, `exec`) is compiled anew in each process. `numba.config` is the same afterwards as before.

    Raises numba.TypingError at the first call with arguments that cannot be compiled.
    """
    if function is None:
        return functools.partial(jit, reassociate=reassociate)
    key = _key(function)
    source = Path(function.__code__.co_filename)
    fastmath = set(FASTMATH) | ({"reassoc"} if reassociate else set())
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": fastmath}
    config: Any = numba.config
    with _decorating:
        before = config.CACHE_DIR
        try:
            config.CACHE_DIR = str(_machine_code() / key)
            compiled: Any = numba.njit(function, cache=source.is_file(), **options)
        except (RuntimeError, OSError):  # numba found no place to cache in
            compiled = numba.njit(function, **options)
        finally:
            config.CACHE_DIR = before
    _keys[compiled] = key
    return cast(F, compiled)


def _machine_code() -> Path:
    """Where machine code for this kind of processor is kept: nodes of several kinds may share one home."""
    cpu: str = llvmlite.binding.get_host_cpu_name()
    return cache_dir() / "numba" / (cpu or "generic")


@contextmanager
def compiling(name: str) -> Iterator[None]:
    """Compile under a lock what many processes of a kind of machine are about to compile: one does, the others load.

    Numba numbers the files of a function's cache by what its index lists: two processes that add to it at once may name
    two machine codes alike. Threads of one process do not wait for each other here: numba has a lock of its own for
    them. `name`: what is compiled, once. Nobody waits where it is compiled already, where the file system knows no
    locks, or longer than a minute.
    """
    folder = _machine_code() / "warm"
    done = folder / name
    if fcntl is None or done.exists():
        yield
        return
    with _entering:
        inside, lock = _inside.pop(name, (0, None))
        _inside[name] = inside + 1, lock or _locked(folder / f"{name}.lock")
    try:
        yield
        with suppress(OSError):
            done.touch()
    finally:
        with _entering:
            inside, lock = _inside.pop(name)
            if inside > 1:
                _inside[name] = inside - 1, lock
            elif lock is not None:
                lock.close()


def _locked(path: Path) -> IO[str] | None:
    """The file of a lock, held until it is closed; None where the file system has none, or after COMPILE_SECONDS."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("w")
    except OSError:
        return None
    ends = time.monotonic() + COMPILE_SECONDS
    while time.monotonic() < ends:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            time.sleep(0.1)
        except OSError:
            break
    lock.close()
    return None


def is_compiled(function: object) -> bool:
    """Whether a function bears this decorator."""
    return hasattr(function, "py_func") and function in _keys


def cache_dir() -> Path:
    """The folder for what can be made again: $ISINGLASS_CACHE_DIR, $XDG_CACHE_HOME/isinglass or ~/.cache/isinglass.

    Where that cannot be written, a folder of this user alone in the system's temporary directory: machine code is
    loaded from here, so nobody else may be able to put any there.
    """
    chosen = os.environ.get("ISINGLASS_CACHE_DIR")
    if chosen:
        folder = Path(chosen).expanduser().absolute()
    else:
        shared = os.environ.get("XDG_CACHE_HOME")
        folder = (Path(shared) if shared else Path("~/.cache").expanduser()).absolute() / "isinglass"
    return folder if _writable(folder) else _private_folder()


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


@functools.cache
def _private_folder() -> Path:
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    folder = Path(tempfile.gettempdir()) / f"isinglass-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        ours = not hasattr(os, "getuid") or (found.st_uid == user and not found.st_mode & 0o077)
        if stat.S_ISDIR(found.st_mode) and ours and _writable(folder):
            return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="isinglass-"))  # somebody else holds the name


@functools.cache
def _kernel_sources() -> bytes:
    digest = hashlib.blake2b(numba.__version__.encode(), digest_size=16)
    for path in sorted(Path(__file__).parent.glob("**/*.py")):
        digest.update(path.name.encode() + b"\0" + hashlib.blake2b(path.read_bytes()).digest())
    return digest.digest()


def _key(function: Callable[..., Any]) -> str:
    digest = hashlib.blake2b(_kernel_sources(), digest_size=16)
    source = Path(function.__code__.co_filename)
    if source.is_file():
        digest.update(hashlib.blake2b(source.read_bytes()).digest())
    for name, value in _references(function):
        digest.update(f"{name}\0{_mark(value)}\0".encode())
    return digest.hexdigest()


def _references(function: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    """What a function's code refers to by name: globals, attributes of modules among them, closure variables."""
    codes = [function.__code__]
    for code in codes:
        codes.extend(c for c in code.co_consts if isinstance(c, types.CodeType))
    names = sorted({name for code in codes for name in code.co_names})
    found = {name: function.__globals__[name] for name in names if name in function.__globals__}
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    found.update((name, cell.cell_contents) for name, cell in cells if cell != types.CellType())
    for name, value in sorted(found.items()):
        yield name, value
        if isinstance(value, types.ModuleType):
            yield from ((f"{name}.{n}", vars(value)[n]) for n in names if n in vars(value))


def _mark(value: Any) -> str:
    """What of a value ends in the machine code: a compiled function's key, a constant's value, else nothing."""
    python = getattr(value, "py_func", None)
    if python is not None:  # compiled by another decorator: at least its own file
        return _keys.get(value) or _key(python)
    if isinstance(value, (bool, int, float, complex, str, bytes)):
        return repr(value)
    if isinstance(value, tuple):
        return f"({','.join(map(_mark, value))})"
    if isinstance(value, (np.ndarray, np.generic)):
        return f"{value.dtype}{value.shape}{hashlib.blake2b(value.tobytes()).hexdigest()}"
    return ""
