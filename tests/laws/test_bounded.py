"""Law 7: what is in flight is bounded by the cluster, not by the number of points."""

from __future__ import annotations

from pathlib import Path

import pytest
import rig

from isinglass import Workflow, execute
from isinglass.cluster import connect
from isinglass.profiles import Profile

pytestmark = pytest.mark.usefixtures("home", "steady_pilot")


class Watched:
    """A client that counts what is submitted; `ended` is raised as the reports come back."""

    def __init__(self, client) -> None:
        self.client, self.keys, self.ended, self.most = client, [], 0, 0

    def __getattr__(self, name):
        return getattr(self.client, name)

    def submit(self, *args, **kwargs):
        self.keys.append(kwargs["key"])
        self.most = max(self.most, len(self.keys) - self.ended)
        assert kwargs["pure"] is False
        return self.client.submit(*args, **kwargs)


def test_tasks_in_flight_never_exceed_the_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """200 blocks on 2 threads; the tasks come from a generator, of which no more is drawn than the window takes."""
    workflow = Workflow(
        model=rig.synthetic.Batched, axes={"temperature": [k / 100 for k in range(1, 201)]}, samples=2, seed=1
    )
    drawn, seen = [], {}
    distribute = execute.distribute

    def watching(client, context, tasks, *rest):
        watched = seen["client"] = Watched(client)

        def one_by_one():
            for jobs in tasks:
                for job in jobs:
                    drawn.append(job)
                    assert len(drawn) - watched.ended <= 2 * execute.WINDOW + 1
                    yield [job]

        for reports in distribute(watched, context, one_by_one(), *rest):
            watched.ended += 1
            assert len(str(reports)) < 500, "only a small status returns"
            yield reports

    from isinglass import runs

    monkeypatch.setattr(runs, "distribute", watching)
    profile = tmp_path / "two.yaml"
    profile.write_text("kind: threads\nthreads: 2\n")
    block = {"temperature": 1, "sample": 2}
    assert rig.run(workflow, tmp_path / "run", cluster=str(profile), block=block).exit_code == 0
    watched = seen["client"]
    assert len(watched.keys) == len(set(watched.keys)) == 200
    assert all(key[0].startswith("block-") for key in watched.keys)
    assert 2 < watched.most <= 2 * execute.WINDOW
    rig.check(rig.data(tmp_path / "run"), workflow)


def test_the_scheduler_forgets_what_ended(tmp_path: Path) -> None:
    workflow = rig.case("Batched")
    with connect(Profile("two", "threads", threads=2)) as client:
        rig.run(workflow, tmp_path / "run", cluster=client.scheduler.address, block={"temperature": 1, "sample": 1})
        import time

        until = time.monotonic() + 5
        while client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)):
            assert time.monotonic() < until
            time.sleep(0.02)


def test_a_cluster_of_this_machine_listens_on_this_machine_only() -> None:
    """Neither the scheduler nor a worker, their dashboards included, is reachable from elsewhere."""
    with connect(Profile("two", "threads", threads=1)) as client:
        addresses = client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.http_server.address)
        assert addresses == "127.0.0.1"
        assert set(client.run(lambda dask_worker: dask_worker.http_server.address).values()) == {"127.0.0.1"}
        assert client.scheduler.address.startswith("inproc://")
