"""How to cite a run, as BibTeX: the software, the papers of its model, and the dataset with a hash of its content.

Software and dataset are `@software` and `@dataset` of biblatex, which classical BibTeX takes for `@misc`.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isinglass import ledger
from isinglass.dataset import open_zarr
from isinglass.exceptions import InputError
from isinglass.exporting import WORDS, slabs
from isinglass.generations import require
from isinglass.models import MODELS
from isinglass.results import reading
from isinglass.shipped import shipped

if TYPE_CHECKING:
    import xarray as xr

HELD = 2**23
"""Elements of a variable that are held in memory at a time."""
_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    **{c: "\\" + c for c in "&%$#_"},
    "–": "--", "—": "---", "“": "``", "”": "''", "’": "'", "ß": r"{\ss}", "ø": r"{\o}", "Ø": r"{\O}",
    "ł": r"{\l}", "ı": r"{\i}", "æ": r"{\ae}", "å": r"{\aa}", "Å": r"{\AA}", "²": "$^2$", "³": "$^3$", "∞": r"$\infty$",
    "→": r"$\to$", "±": r"$\pm$", "×": r"$\times$", "·": r"$\cdot$", "≤": r"$\le$", "≥": r"$\ge$", "√": r"$\sqrt{}$",
}  # fmt: skip
_RAW = ("doi", "eprint", "url", "archivePrefix")
_ACCENTS = {"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"', "\u030c": "v", "\u0327": "c"}


# ---------------------------------------------------------------- the content of a dataset


def content_hash(ds: xr.Dataset) -> str:
    """SHA-256 of a run's coordinates, observables and status in label order: 64 hex digits.

    Variables by name, less `elapsed`; of each a JSON line [name, dtype, dims, shape], a line feed, and the little-
    endian bytes in C order (of text: JSON of the list). Axes ascend; a list of points is in the order of its
    parameters, without their number. Names of arrays are left out: their content counts. So the same simulations have
    the same hash, however they were run, extended or chunked. Read piece by piece.
    """
    at: dict[Any, Any] = {}
    dims = [str(d) for d in ds["status"].dims]
    for dim in dims:
        if dim == "point":
            names = sorted(str(n) for n, c in ds.coords.items() if c.dims == ("point",) and n != "point")
            rows = list(zip(*(ds[n].values.tolist() for n in names), strict=True))
        else:
            rows = ds[dim].values.tolist()
        order = sorted(range(len(rows)), key=rows.__getitem__)
        if order != list(range(len(rows))):
            at[dim] = np.array(order)
    ds = ds.isel(at) if at else ds
    whole = hashlib.sha256()
    for name in sorted(map(str, ds.variables)):
        if name in ("elapsed", "point") or (name.endswith("_label") and name.removesuffix("_label") in ds.coords):
            continue
        v = ds[name]
        kind = "text" if v.dtype.kind in "OTU" else v.dtype.newbyteorder("<").str.replace("|", "<")
        whole.update(json.dumps([name, kind, list(v.dims), list(v.shape)]).encode() + b"\n")
        if kind == "text":
            whole.update(json.dumps(v.values.tolist(), ensure_ascii=False).encode())
            continue
        for part in slabs(v.reset_coords(drop=True).to_dataset(name="it"), list(map(str, v.dims)), HELD):
            values = part["it"].values
            whole.update(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes())
    return whole.hexdigest()


# ---------------------------------------------------------------- papers


@lru_cache(maxsize=1)
def _catalog() -> tuple[Mapping[str, Mapping[str, Any]], Mapping[str, Sequence[str]]]:
    import yaml

    path = shipped("catalogs") / "papers.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return content["papers"], content["models"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise InputError(f"{path}: cannot be read as papers ({' '.join(str(error).split())}): restore it") from error


def papers(model: str) -> list[str]:
    """The keys of the papers that a shipped model (by its name in `MODELS`) is about; empty where it has none."""
    return list(_catalog()[1][model])


def paper(key: str) -> str:
    """One paper as a BibTeX entry."""
    fields = dict(_catalog()[0][key])
    kind = fields.pop("type")
    fields["author"] = " and ".join(fields["author"])
    if "eprint" in fields:
        fields["archivePrefix"] = "arXiv"
    if "pages" in fields:
        fields["pages"] = str(fields["pages"]).replace("-", "–")
    return entry(kind, key, fields)


# ---------------------------------------------------------------- BibTeX


def entry(kind: str, key: str, fields: Mapping[str, Any]) -> str:
    """One BibTeX entry; values are plain text and are escaped here (identifiers such as a doi or url are kept)."""
    written = {name: str(value) if name in _RAW else tex(str(value)) for name, value in fields.items()}
    if "title" in written:  # styles put titles into lower case: later words with a capital are names
        first, *more = written["title"].split(" ")
        written["title"] = " ".join([first, *(f"{{{w}}}" if any(map(str.isupper, w)) else w for w in more)])
    return "\n".join([f"@{kind}{{{key},", *(f"  {name} = {{{value}}}," for name, value in written.items()), "}"])


def tex(text: str) -> str:
    """Plain text as TeX: special characters escaped, accents as commands, Greek as mathematics.

    What has no TeX here stays Unicode, which biber and current LaTeX read.
    """
    out: list[str] = []
    for character in unicodedata.normalize("NFC", " ".join(text.split())):
        pieces = unicodedata.normalize("NFD", character)
        if character in _TEX:
            out.append(_TEX[character])
        elif len(pieces) == 2 and pieces[1] in _ACCENTS and pieces[0].isascii():
            out.append(f"{{\\{_ACCENTS[pieces[1]]}{{{pieces[0]}}}}}")
        elif character in _GREEK:
            out.append(f"$\\{unicodedata.name(character).split()[-1].lower().replace('lamda', 'lambda')}$")
        else:
            out.append(character)
    return "".join(out)


_GREEK = "αβγδεζηθικλμνξπρστυφχψω"


# ---------------------------------------------------------------- a run


def cite(root: Path) -> Iterator[str]:
    """BibTeX of a run, entry by entry, with notes for the reader as lines that begin with %. Raises InputError."""
    store = require(root)
    with reading(root):
        ds = open_zarr(store.path)
        status = ds["status"].values
        digest = content_hash(ds)
    attrs = ds.attrs
    name = next((n for n, home in MODELS.items() if home == f"{attrs['model_source']}:{attrs['model']}"), None)
    created = max(str(r["created"]) for r in ledger.requests(store.requests))
    made = sorted({str(r["isinglass"]) for r in ledger.requests(store.requests)})
    commit = attrs.get("git_commit", "") + " with uncommitted changes" * (attrs.get("git_dirty") == "yes")
    file = shipped("workflows") / f"{str(attrs['workflow']).replace('-', '_')}.py"
    shipped_one = name is not None and file.is_file()  # then the commit is that of Isinglass, else of the user's folder
    software: dict[str, Any] = {
        "author": "The Isinglass developers",
        "title": "Isinglass: phase diagrams of coherence and memory",
        "version": ", ".join(made),
        "year": created[:4],
    }
    if commit and shipped_one:
        software["note"] = f"git commit {commit}"
    yield "% the software"
    yield entry("software", "isinglass", software).replace("{The Isinglass developers}", "{{The Isinglass developers}}")
    if name is None:
        yield f"% the model {attrs['model']} is defined in the workflow file: cite its papers yourself"
    elif not papers(name):
        yield f"% the model {name} has no paper of its own"
    else:
        yield f"% the model {name}"
        yield from map(paper, papers(name))
    undone = [f"{int((status == k).sum())} {w}" for k, w in enumerate(WORDS) if k != 1 and (status == k).any()]
    fixed = f"model {attrs['model']}, code {attrs['code_hash']}, seed {attrs['seed']}"
    where = f", git commit {commit}" if commit and not shipped_one else ""
    missing = f", of {status.size} simulations {', '.join(undone)}" if undone else ""
    if any(not words.endswith("skipped") for words in undone):  # what a workflow leaves out is not missing
        yield f"% not complete: of {status.size} simulations {', '.join(undone)}; the hash changes when they are done"
    yield "% the dataset: fill in who made it, and where it can be had"
    yield entry(
        "dataset",
        f"isinglass-{digest[:12]}",
        {
            "author": "YOUR NAME",
            "title": str(attrs["title"]),
            "year": created[:4],
            "date": created[:10],
            "note": f"{fixed}{where}, SHA-256 of the content {digest}{missing}",
        },
    )
