"""Arrays as parameters: own patterns, a connectome. Named by content, read once a process, never written to.

An array enters keys, labels and JSON as the hash of its dtype, shape and bytes, so that the same numbers are the same
array whatever file, byte order or memory order they came in. Its values stand in a run folder under that name.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

import numpy as np

from isinglass.exceptions import InputError

MAX_BYTES = 4 * 2**30
"""Of one array: it is read whole to be hashed, and travels with the run."""
NAME = re.compile(r"array-[0-9a-f]{32}")


class Array(str):
    """The value of an array parameter: its content hash as text, `array-` and 32 hex digits; empty where not given.

    `values` are the numbers, `label` is what people call it (the stem of its file): no part of its identity.
    """

    label: str

    def __new__(cls, text: str = "", label: str = "") -> Self:
        out = super().__new__(cls, text)
        out.label = label
        return out

    @property
    def values(self) -> np.ndarray:
        """The numbers: read-only, C order, of the declared dtype. Raises InputError where they are not to be had."""
        if not self:
            raise InputError("an array that is not given has no values: test it first (`if self.NAME:`)")
        found = _values.get(self)
        return _load(self) if found is None else found

    @property
    def shown(self) -> str:
        """How messages and figures call it."""
        return self.label or self[:12] or "none"


_values: dict[str, np.ndarray] = {}
_folders: dict[Path, None] = {}
_loading = threading.Lock()


def absent(value: object) -> bool:
    """Whether it is an array parameter that is not given: it then enters no key."""
    return isinstance(value, Array) and not value


def content_hash(values: np.ndarray) -> str:
    """`array-` and BLAKE2b (16 bytes) of `DTYPE N,M,...`, a line feed, and the little-endian bytes in C order."""
    h = blake2b(f"{values.dtype.name} {','.join(map(str, values.shape))}\n".encode(), digest_size=16)
    plain = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    h.update(plain.reshape(-1).view(np.uint8).data)
    return f"array-{h.hexdigest()}"


# ---------------------------------------------------------------- from what a user gives


def read(
    name: str,
    given: Any,
    dtype: str,
    ndim: int | None,
    folder: Path | None = None,
    label: str = "",
    open_folder: Callable[[Path], Any] | None = None,
) -> Array:
    """The array that a user gave for parameter `name`; None is none.

    `given`: numbers, an Array or its hash, the path of a .npy file (relative to `folder`), of a Zarr array where the
    caller can open one, or a function without arguments that makes one of these. Raises InputError where it cannot be
    read, or does not fit `dtype` without loss, or `ndim`, or is not finite.
    """
    if callable(given) and not isinstance(given, type):
        given = given()
    label = label or (given.label if isinstance(given, Array) else "")
    if given is None or (isinstance(given, str) and not given):
        return Array("", label)
    if isinstance(given, str) and NAME.fullmatch(given):
        held = Array(given, label)
        if held.values.dtype == dtype and ndim in (None, held.values.ndim):
            return given if isinstance(given, Array) and label == given.label else held
        return of_values(f"{name} = {held.shown}", held.values, dtype, ndim, label)
    if isinstance(given, (str, Path)):
        what, numbers, stem = _open(name, given, folder or Path(), open_folder)
        return of_values(what, numbers, dtype, ndim, label or stem)
    if not hasattr(given, "__array__"):
        raise InputError(f"{name} = {given!r}: give the path of a .npy file, or a numpy array")
    return of_values(name, given, dtype, ndim, label)


def _open(
    name: str, given: str | Path, folder: Path, open_folder: Callable[[Path], Any] | None
) -> tuple[str, Any, str]:
    """What messages call it, the numbers (not read yet where they can be mapped), and a label."""
    what = f"{name} = {given}"
    if re.match(r"\w[\w+.-]+:", str(given)) and not Path(given).exists():
        raise InputError(f"{what}: it is no file here; fetch it first, then name the local file")
    path = folder / given
    if path.is_dir() and open_folder is None:
        raise InputError(f"{what} is a folder: give the values of a Zarr array, or name it in a workflow")
    try:
        numbers = open_folder(path) if path.is_dir() and open_folder is not None else _mapped(path)
    except (OSError, ValueError) as error:
        text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"{what}: {path} cannot be read: {text}") from error
    return what, numbers, path.name.removesuffix(".npy").removesuffix(".zarr")


def _mapped(path: Path) -> np.ndarray:
    """The numbers of a .npy file, memory-mapped and read-only. Raises OSError, ValueError; unpickles nothing."""
    with path.open("rb") as file:
        if file.read(6) != b"\x93NUMPY":
            raise ValueError("it is no .npy file; write one array with numpy.save")
    try:
        numbers = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        why = "it holds Python objects" if "object" in str(error) else f"it is damaged ({error})"
        raise ValueError(f"{why}; write one array of numbers with numpy.save") from error
    return np.asarray(numbers).view(np.ndarray)


def of_values(what: str, given: Any, dtype: str, ndim: int | None, label: str = "") -> Array:
    """The canonical array of some numbers: of the declared dtype, little-endian, C order, -0 as 0.

    `what` is how messages call it. Raises InputError where that would lose anything.
    """
    if isinstance(given, np.ma.MaskedArray):
        raise InputError(f"{what} is masked: fill it first, with .filled(VALUE)")
    if int(getattr(given, "nbytes", 0)) > MAX_BYTES:
        raise InputError(f"{what} has {given.nbytes} bytes; an array parameter has at most {MAX_BYTES}")
    numbers = np.asarray(given)
    if numbers.dtype.kind not in "biufc":
        raise InputError(f"{what} has dtype {numbers.dtype}; an array parameter holds numbers ({dtype})")
    if numbers.size == 0 or numbers.ndim == 0 or ndim not in (None, numbers.ndim):
        wanted = "at least one" if ndim is None else str(ndim)
        raise InputError(f"{what} has shape {numbers.shape}; it needs {wanted} dimension(s), and none of length 0")
    if numbers.dtype.kind in "fc" and not np.isfinite(numbers).all():
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(numbers))[0])
        raise InputError(f"{what} is not finite at {at}: every element must be a finite number")
    if not _fits(numbers, np.dtype(dtype)):
        raise InputError(
            f"{what} has dtype {numbers.dtype} and values that {dtype} cannot hold exactly: convert it first"
        )
    size = numbers.size * np.dtype(dtype).itemsize
    raw = np.empty(size + 64, np.uint8)
    start = -raw.ctypes.data % 64  # aligned as a mapped file is
    out = raw[start : start + size].view(dtype).reshape(numbers.shape)
    out[...] = numbers
    if out.dtype.kind in "fc":
        out += out.dtype.type(0)  # -0 becomes 0
    out.flags.writeable = False
    text = content_hash(out)
    _values.setdefault(text, out)
    return Array(text, label)


def _fits(numbers: np.ndarray, dtype: np.dtype[Any]) -> bool:
    """Whether every element is exactly a number of `dtype`."""
    kind, target = numbers.dtype.kind, dtype.kind
    if kind == "b" or numbers.dtype == dtype:
        return True
    if kind in "iu":
        if target in "iu":
            low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
        else:
            high = 2 ** (np.finfo(dtype).nmant + 1)
            low = -high
        return bool(low <= int(numbers.min()) and int(numbers.max()) <= high)
    if target in "iu":
        least, beyond = float(np.iinfo(dtype).min), float(int(np.iinfo(dtype).max) + 1)
        whole = kind == "f" and (numbers >= least) & (numbers < beyond) & (numbers == np.floor(numbers))
        return bool(np.all(whole))
    if kind == "c" and target == "f":
        return False
    with np.errstate(over="ignore"):
        return bool((numbers.astype(dtype) == numbers).all())


# ---------------------------------------------------------------- in a run folder


def home(root: Path) -> Path:
    """Where a run folder keeps its arrays, one `HASH.npy` each."""
    return root / ".store" / "arrays"


def look_in(root: Path) -> None:
    """Find the values of arrays in a run folder too, from now on, in this process."""
    _folders[home(root).absolute()] = None


def keep(root: Path, array: Array) -> None:
    """Put an array into a run folder, or anew where the file there is damaged; by temp + rename."""
    path = home(root) / f"{array}.npy"
    if path.is_file() and not damage(path):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    values = array.values
    with temporary.open("wb") as file:
        np.save(file, values.astype(values.dtype.newbyteorder("<"), copy=False), allow_pickle=False)
    temporary.replace(path)


def damage(path: Path) -> str:
    """What is wrong with a kept array's file; empty where it is whole."""
    try:
        _whole(path)
    except FileNotFoundError:
        return f"{path} is missing"
    except (OSError, ValueError) as error:
        return f"{path}: {error}"
    return ""


def _whole(path: Path) -> np.ndarray:
    values = _mapped(path)
    if content_hash(values) != path.stem:
        raise ValueError("its content is not that of its name")
    return values


def _load(name: str) -> np.ndarray:
    """Map an array from the first run folder that has it whole."""
    wrong = f"array {name} is not known here"
    with _loading:
        for path in [folder / f"{name}.npy" for folder in reversed(_folders)]:
            if name in _values:
                break
            try:
                _values[str(name)] = _whole(path)
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as error:
                wrong = f"{path}: {error}"
        if name in _values:
            return _values[name]
    raise InputError(f"{wrong}: run the workflow again with the file that it was made from, which puts it back")


def names(found: list[Array]) -> list[str]:
    """A name for each array, all different: its label, with the start of its hash where two are called alike."""
    meant: dict[str, set[str]] = {}
    for array in found:
        meant.setdefault(array.shown, set()).add(array)
    return [f"{a.shown} ({a[6:12]})" if len(meant[a.shown]) > 1 else a.shown for a in found]
