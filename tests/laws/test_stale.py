"""Law 5: nothing is silently stale. The code hash sees what a model reaches, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import rig

from isinglass import ledger, load_workflow, provenance
from isinglass.generations import require
from isinglass.models.base import Model
from isinglass.source import import_text

TEXT = '''\
"""A workflow file."""
import math
from dataclasses import dataclass

import numpy as np

from isinglass import Model, Observable, Workflow, parameter
from isinglass import measures as m
from isinglass.kernels import bits
from isinglass.kernels.streams import uniform

SCALE = 2.0  # a factor
UNUSED = 1


def square(x):
    """A docstring."""
    return helper(x) * SCALE


def helper(x):
    # a comment
    return x * x


def stage(ds):
    return ds


class Mixin:
    shift = 0.5


@dataclass(frozen=True)
class Toy(Mixin, Model):
    """What it is."""

    temperature: float = parameter(0.3, units="K", doc="temperature")
    observables = (Observable("value", "1"),)

    def simulate(self, disorder, noise):
        """See Model."""
        first = uniform(disorder.copy())

        return {"value": np.array([square(first + self.shift) + uniform(row.copy()) for row in noise])}

    def never(self):
        from isinglass.kernels.spins import hebb

        return m.memory, bits.pack, hebb


class Other(Toy):
    pass


workflow = Workflow(model=Toy, axes={"temperature": [0.1, 0.2]}, title="toy")
'''


def code(text: str, name: str = "Toy") -> provenance.Code:
    return provenance.code_of(getattr(import_text(text, "toy.py"), name))


def edited(old: str, new: str) -> str:
    assert TEXT.count(old) >= 1
    return TEXT.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# a comment", "# another comment, and a longer one"),
        ('"""A docstring."""', '"""Another docstring\n\n    over lines."""'),
        ('"""A docstring."""\n', "\n"),
        ('"""What it is."""', '"""What it was. # no comment"""'),
        ("        first = uniform", "\n\n        first = uniform"),
        ("SCALE = 2.0  # a factor", "SCALE = 2.0"),
        ("SCALE = 2.0  # a factor", "SCALE = 2.0   \t"),
        ("UNUSED = 1", "UNUSED = 2"),
        ("    return ds\n", "    return ds + 1\n"),
        ('"temperature": [0.1, 0.2]', '"temperature": [0.1, 0.2, 0.9]'),
        ('title="toy"', 'title="another title"'),
        ("class Other(Toy):\n    pass", "class Other(Toy):\n    x = 3"),
        ("\n", "\r\n"),
    ],
)
def test_what_does_not_matter_changes_nothing(old: str, new: str) -> None:
    assert code(edited(old, new)).hash == code(TEXT).hash


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("SCALE = 2.0 ", "SCALE = 2.5 ", "model file.SCALE"),
        ("x * x", "x * x * x", "model file.helper"),
        ("first + self.shift", "first - self.shift", "model file.Toy"),
        ("shift = 0.5", "shift = 0.25", "model file.Mixin"),
        ("return helper(x)", "return -helper(x)", "model file.square"),
        ("parameter(0.3", "parameter(0.4", "model file.Toy"),
        ("@dataclass(frozen=True)\nclass Toy", "@dataclass(frozen=True, eq=False)\nclass Toy", "model file.Toy"),
        ('        """See Model."""\n', '        noise = noise[1:]; """See Model."""\n', "model file.Toy"),
    ],
)
def test_what_matters_changes_the_hash_and_is_named(old: str, new: str, named: str) -> None:
    before, after = code(TEXT), code(edited(old, new))
    assert after.hash != before.hash
    assert named in after.difference(before)
    changed = {n for n in before.definitions if before.definitions[n] != after.definitions.get(n)}
    assert changed == {named}


def test_a_statement_behind_a_docstring_on_its_line_is_seen() -> None:
    one = edited('    """A docstring."""\n    return', '    "A docstring."; return')
    two = one.replace("return helper(x) * SCALE", "return helper(x) + SCALE")
    assert one != two
    assert code(one).hash != code(two).hash


def test_what_is_reached() -> None:
    """Own file, kernels, measures; their callees; imports within functions; by module, alias and attribute."""
    found = code(TEXT).definitions
    wanted = {
        "model file.Toy", "model file.Mixin", "model file.square", "model file.helper", "model file.SCALE",
        "isinglass.kernels.streams.uniform", "isinglass.kernels.streams.next_uint64",
        "isinglass.kernels.streams._UNIT", "isinglass.measures.memory", "isinglass.kernels.bits.pack",
        "isinglass.kernels.spins.hebb",
    }  # fmt: skip
    assert wanted <= found.keys()
    assert not {n for n in found if n.startswith(("isinglass.models.base", "isinglass.kernels.jit"))}
    assert not found.keys() & {"model file.UNUSED", "model file.stage", "model file.Other", "model file.workflow"}
    assert code(TEXT, "Other").definitions.keys() == found.keys() | {"model file.Other"}


@pytest.mark.parametrize(
    ("statement", "changed"),
    [
        ("for k in range(3):\n    TABLE[k] = 2.0 * k", "for k in range(3):\n    TABLE[k] = 3.0 * k"),
        ("TABLE.append(1.0)", "TABLE.append(9.0)"),
        ("setattr(Mixin, 'kern', other)", "setattr(Mixin, 'kern', square)"),
    ],
)
def test_what_changes_a_definition_at_the_top_level_is_part_of_it(statement: str, changed: str) -> None:
    def text(words: str) -> str:
        body = TEXT.replace("SCALE = 2.0  # a factor", "SCALE = 2.0\nTABLE = [0.0] * 3").replace(
            "* SCALE", "* TABLE[1]"
        )
        return body + f"\n\ndef other(x):\n    return x\n\n\n{words}\n"

    assert code(text(statement)).hash != code(text(changed)).hash
    quiet = text(statement) + "if __name__ == '__main__':\n    print(Toy, 1)\n"
    assert code(quiet).hash == code(text(statement)).hash


def test_a_star_import_is_followed() -> None:
    text = TEXT.replace("from isinglass.kernels.streams import uniform", "from isinglass.kernels.streams import *")
    assert text != TEXT
    assert "isinglass.kernels.streams.uniform" in code(text).definitions


@pytest.mark.parametrize("name", rig.SHIPPED_MODELS)
def test_a_kernel_callees_change_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit of the file of every kernel that a shipped model reaches only through other kernels."""
    model = rig.SHIPPED_MODELS[name]
    before = provenance.code_of(model)
    read = provenance._installed_text

    def changed(module: str) -> str:
        text = read(module)
        return text.replace("s0 + s3", "s0 - s3") if module.endswith("streams") else text

    assert "isinglass.kernels.streams.next_uint64" in before.definitions
    monkeypatch.setattr(provenance, "_installed_text", changed)
    after = provenance.code_of(model)
    assert after.hash != before.hash
    assert "isinglass.kernels.streams.next_uint64" in after.difference(before)


def test_the_version_of_the_streams_enters(monkeypatch: pytest.MonkeyPatch) -> None:
    before = code(TEXT).hash
    monkeypatch.setattr(provenance, "STREAMS_VERSION", 99)
    assert code(TEXT).hash != before


KNOWN = '''\
import numpy as np
from dataclasses import dataclass
from isinglass import Model, Observable, parameter

OFFSET = {"a": 1,  # one
          "b": 2}

@dataclass(frozen=True)
class Known(Model):
    """Docstring."""
    x: float = parameter(0.5, units="1", doc=f"half {1 + 1}")
    observables = (Observable("y", "1"),)

    def simulate(self, disorder, noise):  # comment
        text = """kept # as it is"""
        return {"y": np.full(len(noise), self.x + OFFSET["a"] + len(text))}
'''
KNOWN_HASH = "93ea5bc4e56ad4e51f88dab6b0479dae"


def test_known_answer() -> None:
    """The same on every Python: it is text, not syntax trees."""
    assert code(KNOWN, "Known").hash == KNOWN_HASH


def test_a_model_without_source_is_refused(tmp_path: Path) -> None:
    script = "from isinglass import Model, Observable, parameter\n" + KNOWN[KNOWN.index("OFFSET") :]
    script = "import numpy as np\nfrom dataclasses import dataclass\n" + script
    script += "\nfrom isinglass.provenance import code_of\ncode_of(Known)\n"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert "define it in a file" in done.stderr


@pytest.mark.usefixtures("steady_pilot")
def test_other_code_is_refused_named_and_accepted(home: Path, capsys) -> None:
    """Through the command line: exit 2 with the definition's name and its change; then accepted, hash by hash."""
    path = home / "toy.py"
    words = ("run", path, "--out", home / "run", "--cluster", "serial")
    path.write_text(TEXT)
    assert rig.cli(capsys, *words)[0] == 0
    path.write_text(edited('title="toy"', 'title="other"').replace("# a comment", "# words").replace("0.2]", "0.3]"))
    assert rig.cli(capsys, *words)[0] == 0
    stored = rig.data(home / "run")

    other = edited("x * x", "x * x + 1").replace("[0.1, 0.2]", "[0.1, 0.4]")
    path.write_text(other)
    code_, told = rig.cli(capsys, *words)
    assert code_ == 2
    for piece in ("helper", "return x * x", "+    return x * x + 1", "--accept-code-change", "--out"):
        assert piece in told, told
    assert rig.data(home / "run").identical(stored)

    assert rig.cli(capsys, *words, "--accept-code-change")[0] == 0
    ds = rig.data(home / "run")
    assert ds.temperature.values.tolist() == [0.1, 0.2, 0.3, 0.4]
    rig.same(ds.sel(temperature=[0.1, 0.2, 0.3]), stored)
    store = require(home / "run")
    hashes = {ledger.read_json(p)["code"] for p in store.ledger.glob("*.*")}
    assert hashes == {code(TEXT).hash, code(other).hash}
    assert rig.cli(capsys, *words)[0] == 0
    # the way back is a change too
    path.write_text(TEXT)
    assert rig.cli(capsys, *words)[0] == 2
    assert rig.cli(capsys, *words, "--accept-code-change")[0] == 0
    assert json.loads((store.path / "zarr.json").read_text())["attributes"]["code_hash"] in hashes


@pytest.mark.usefixtures("steady_pilot")
@pytest.mark.parametrize("later", ["filled", "extended", "sealed"])
def test_a_block_of_two_codes_says_so(later: str, home: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    """One code computes half of a block, another the rest, after an accepted change; `reproduce` says it as well."""
    from isinglass import sealing

    path, block = home / "toy.py", {"temperature": 2, "sample": 1}
    first = "Workflow(model=Toy, where=lambda p: p['temperature'] < 0.15, "
    path.write_text(edited("Workflow(model=Toy, ", first))
    assert rig.run(load_workflow(path), home / "run", block=block).counts["done"] == 1
    other = edited("x * x", "x * x + 1")
    path.write_text(other)
    workflow = load_workflow(path)
    both = sorted([code(TEXT).hash, code(other).hash])
    rig.run(workflow, home / "run", accept_code_change=True)
    if later == "extended":
        rig.run(workflow.override(samples=2), home / "run")
    elif later == "sealed":
        monkeypatch.setattr(sealing, "SEAL_BLOCKS", 1)
        rig.run(workflow.override(samples=3), home / "run")
    store = require(home / "run")
    assert store.sealed == (later == "sealed")
    entries = [ledger.read_json(p) for p in store.ledger.glob("*.done")]
    assert [both] == [e["codes"] for e in entries if "codes" in e]
    words = ("reproduce", home / "run", "temperature=0.1", "sample=0", "replica=0")
    status, told = rig.cli(capsys, *words)
    assert status == 1
    assert "its block was computed by several codes" in told
    # what one code computed alone is not called that
    assert later == "filled" or rig.cli(capsys, *words[:-2], "sample=1", "replica=0")[0] == 0


def test_models_of_every_kind_have_a_hash() -> None:
    for model in rig.ALL_MODELS.values():
        assert issubclass(model, Model)
        assert len(provenance.code_of(model).hash) == 32
