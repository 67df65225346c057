"""Law 5 across Pythons: a laptop's and a node's agree on the code hash, though their versions differ."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import rig

from isinglass import provenance

PIPELINE = Path(provenance.__file__).parent.parent
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
HASHES = """
import importlib, json, sys
from isinglass.provenance import code_of
from isinglass.source import import_text
out = {}
text, homes, names = json.load(sys.stdin)
module = import_text(text, "synthetic.py")
for name in names:
    out[name] = code_of(getattr(module, name)).hash
for name, home in homes.items():
    file, _, cls = home.partition(":")
    out[name] = code_of(getattr(importlib.import_module(file), cls)).hash
print(json.dumps([sys.version_info[:2], out]))
"""


def interpreters() -> dict[str, str]:
    """Other Pythons that can be found here, by version."""
    out = {}
    for version in VERSIONS:
        places = [shutil.which(f"python{version}")]
        if shutil.which("uv"):
            words = ["uv", "python", "find", "--no-python-downloads", "--no-project", version]
            places.append(subprocess.run(words, capture_output=True, text=True).stdout.strip())
        for place in places:
            asked = [place, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
            if place and subprocess.run(asked, capture_output=True, text=True).stdout.strip() == version:
                out[version] = place
                break
    return out


@pytest.mark.parametrize("version", [v for v in VERSIONS if v != f"{sys.version_info[0]}.{sys.version_info[1]}"])
def test_another_python_has_the_same_hashes(version: str, home: Path) -> None:
    found = interpreters().get(version)
    if found is None:
        pytest.skip(f"no Python {version} is installed here")
    lacking = subprocess.run(
        [found, "-c", "import dask, numba, numpy, rich, xarray, yaml, zarr"], capture_output=True, text=True
    )
    if lacking.returncode:
        pytest.skip(f"Python {version} is here, but: {lacking.stderr.strip().splitlines()[-1]}")
    homes = {n: f"{m.__module__}:{m.__qualname__}" for n, m in rig.SHIPPED_MODELS.items()}
    own = [n for n in rig.SYNTHETIC_MODELS if hasattr(rig.synthetic, n)]
    given = json.dumps([rig.SYNTHETIC, homes, own])
    words = [found, "-c", HASHES]
    environment = {"PYTHONPATH": str(PIPELINE), "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(words, input=given, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    seen, hashes = json.loads(done.stdout)
    assert version == f"{seen[0]}.{seen[1]}"
    assert hashes == {n: provenance.code_of(rig.ALL_MODELS[n]).hash for n in (*own, *homes)}
