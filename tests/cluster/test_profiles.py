"""Profiles: what a name, a file or an address means, and that a cluster of this machine stays on this machine."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from toys import WORKFLOW

import isinglass
from isinglass import InputError
from isinglass.cluster import check_reachable, connect
from isinglass.profiles import Profile, cores, load_profile
from isinglass.shipped import shipped


def test_default_is_threads_in_this_process() -> None:
    assert load_profile(None) == load_profile("threads")
    assert load_profile(None) == Profile("threads", "threads", 1, cores())


def test_names() -> None:
    assert load_profile("serial").slots == 1
    assert load_profile("local") == Profile("local", "processes", cores(), 1)
    assert load_profile("tcp://127.0.0.1:8786") == Profile(
        "tcp://127.0.0.1:8786", "address", address="tcp://127.0.0.1:8786"
    )


@pytest.mark.parametrize("path", sorted(shipped("cluster").glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_profiles_load(path: Path) -> None:
    assert load_profile(path.stem).slots >= (path.stem != "slurm-runner")
    assert path.read_text(encoding="utf-8").startswith("# "), "a profile says what it is for"


def test_own_folder_goes_first(home: Path) -> None:
    (home / "cluster").mkdir()
    (home / "cluster" / "threads.yaml").write_text("kind: threads\nthreads: 1\n", encoding="utf-8")
    (home / "cluster" / "mine.yaml").write_text("kind: processes\nworkers: 3\nthreads: 2\n", encoding="utf-8")
    assert load_profile("threads").threads == 1
    assert load_profile("mine").slots == 6
    assert load_profile("cluster/mine.yaml").slots == 6


def listening() -> set[str]:
    """Addresses on which this process and its children accept connections."""
    mine = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return {c.laddr.ip for p in mine for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN}


def test_threads_listen_on_this_machine_only() -> None:
    before = listening()
    with connect(Profile("threads", "threads", 1, 2)) as client:
        info = client.scheduler_info()
        assert info["address"].startswith("inproc://")
        assert all(a.startswith("inproc://") for a in info["workers"])
        assert sum(client.nthreads().values()) == 2
        assert listening() - before <= {"127.0.0.1"}


def test_processes_listen_on_this_machine_only_and_a_run_can_use_their_address(home: Path) -> None:
    """Another run's scheduler, by its address: the model of a workflow file's text reaches its workers."""
    (home / "toy.py").write_text(WORKFLOW, encoding="utf-8")
    with connect(Profile("local", "processes", 1, 1)) as client:
        info = client.scheduler_info()
        for address in (info["address"], *info["workers"]):
            assert address.startswith("tcp://127.0.0.1:")
        check_reachable(Profile("x", "address", address=info["address"]))
        assert listening() <= {"127.0.0.1"}
        far = isinglass.run("toy.py", cluster=info["address"], out=home / "far", quiet=True)
    near = isinglass.run("toy.py", cluster="serial", out=home / "near", quiet=True)
    assert far.drop_vars("elapsed").equals(near.drop_vars("elapsed"))


def test_scheduler_file(home: Path) -> None:
    (home / "s.json").write_text('{"address": "tcp://127.0.0.1:1"}', encoding="utf-8")
    with pytest.raises(InputError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1"):
        check_reachable(load_profile("s.json"))
