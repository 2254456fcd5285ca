"""Searching on a cluster: the same results, whoever dies; what is wrong with it is said."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from airbeat.detect.run import search_settings
from airbeat.detect.search import FrameTask
from airbeat.errors import LinkError, UsageError

Run = Callable[..., subprocess.CompletedProcess[str]]
Photograph = Callable[..., Path]

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.name != "posix", reason="SIGKILL"),
]
DASK = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="Dask (the extra 'cluster') is not installed"
)
LOOSE = ("--detector", "exercise", "--threshold", "0.05")

CLUSTER = """
import sys
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster:
        pids = [nanny.pid for nanny in cluster.workers.values()]
        print(cluster.scheduler_address, *pids, flush=True)
        sys.stdin.read()
"""


@contextmanager
def cluster(workplace: Path) -> Iterator[tuple[str, list[int]]]:
    """A Dask cluster of two worker processes; its scheduler's address and the workers' process ids."""
    (workplace / "cluster.py").write_text(CLUSTER)
    with subprocess.Popen(
        [sys.executable, "cluster.py"],
        cwd=workplace,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            address, *pids = process.stdout.readline().split()
            yield address, [int(pid) for pid in pids]
        finally:
            process.communicate()


@DASK
def test_a_cluster_of_which_a_worker_is_killed_halfway_gives_the_same_bytes_as_this_machine(
    airbeat: Run, workplace: Path, photograph: Photograph
) -> None:
    for number in range(10):
        photograph(workplace / "card" / f"DJI_{number:04d}.JPG", seed=number, north_m=3.0 * number - 15)
    (workplace / "card" / "DJI_0011.JPG").write_bytes(b"\xff\xd8 this is no photograph")
    assert airbeat("detect", "card", *LOOSE, "--out", "local", "--workers", "1").returncode == 1
    journal = workplace / "far" / "work" / "frames.jsonl"
    words = [sys.executable, "-m", "airbeat", "detect", "card", *LOOSE]
    with (
        cluster(workplace) as (address, pids),
        subprocess.Popen(
            [*words, "--out", "far", "--scheduler", address, "--json"],
            cwd=workplace,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        deadline = time.monotonic() + 300
        while not (journal.exists() and journal.read_bytes().count(b"\n") >= 3):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        finished = journal.read_bytes().count(b"\n")
        os.kill(pids[0], signal.SIGKILL)
        stdout, stderr = process.communicate(timeout=300)
    assert finished < 10, "killed too late to show anything"
    assert process.returncode == 1, stderr
    assert json.loads(stdout)["frames_searched"] == 10
    for name in ("candidates.json", "candidates.geojson"):
        assert (workplace / "far" / name).read_bytes() == (workplace / "local" / name).read_bytes()


class Answering:
    """A client of a scheduler whose tasks end as they are told to, one after the other."""

    def __init__(self, *ends: object) -> None:
        self.ends = list(ends)

    def submit(self, work: Callable[..., object], *values: object, **_: object) -> Answering:
        return Answering(self.ends.pop(0)) if work.__name__ == "_work" else self

    def result(self, timeout: float) -> object:
        if isinstance(self.ends[0], Exception):
            raise self.ends[0]
        return self.ends[0]

    def nthreads(self) -> dict[str, int]:
        return {}


@pytest.fixture
def searching(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[FrameTask, object]]]:
    """Call with tasks and what becomes of each: what a cluster of such workers gives."""
    distributed = pytest.importorskip("distributed", reason="Dask (the extra 'cluster') is not installed")
    from airbeat.detect.cluster import Cluster

    def search(tasks: list[FrameTask], ends: list[object]) -> list[tuple[FrameTask, object]]:
        monkeypatch.setattr(distributed, "Client", lambda *_, **__: Answering(*ends))
        monkeypatch.setattr("airbeat.detect.cluster.searched_alone", lambda task, _: f"{task.name} alone")
        return list(Cluster("tcp://far:1")(tasks, search_settings()))

    return search


def test_a_frame_under_which_the_workers_died_is_tried_alone_and_one_that_changed_again(
    searching: Callable[..., list[tuple[FrameTask, object]]], tmp_path: Path
) -> None:
    from distributed.scheduler import KilledWorker

    from airbeat.detect.cluster import _OtherFileError

    tasks = []
    for number in range(4):
        (tmp_path / f"{number}.jpg").write_bytes(b"x")
        tasks.append(FrameTask(path=tmp_path / f"{number}.jpg", name=f"{number}.jpg"))
    killed = KilledWorker("work", None, 2)  # type: ignore[arg-type]
    found = searching(tasks[:3], ["first", killed, "third"])
    assert found == [(tasks[0], "first"), (tasks[1], "1.jpg alone"), (tasks[2], "third")]
    with pytest.raises(UsageError, match="does not see") as refused:
        searching(tasks, [_OtherFileError("far does not see it"), "second"])
    assert "same path" in refused.value.remedy
    with pytest.raises(UsageError, match="install airbeat"):
        searching(tasks, [ImportError("No module named 'airbeat'"), "second"])
    import distributed

    with pytest.raises(LinkError, match="was lost"):
        searching(tasks, [distributed.comm.CommClosedError("gone"), "second"])


@DASK
def test_workers_that_see_another_file_are_named_before_they_search_it(tmp_path: Path) -> None:
    from airbeat.detect.cluster import _OtherFileError, _work
    from airbeat.detect.register import hash_of
    from airbeat.detect.search import models_digest

    path = tmp_path / "1.jpg"
    path.write_bytes(b"as it is here")
    task = FrameTask(path=path, name="1.jpg")
    from airbeat import __version__

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("airbeat.detect.cluster._here", lambda: "tcp://far")
        with pytest.raises(_OtherFileError, match="tcp://far does not see"):
            _work(task, "0" * 64, search_settings(), (__version__, models_digest()))
        with pytest.raises(ImportError, match="another airbeat"):
            _work(task, hash_of(path), search_settings(), ("0.0.1", models_digest()))


@DASK
def test_a_scheduler_that_does_not_answer_is_named(airbeat: Run, workplace: Path) -> None:
    (workplace / "card").mkdir()

    def refused(command: str) -> subprocess.CompletedProcess[str]:
        return airbeat(command, "card", "--out", "out", "--scheduler", "tcp://127.0.0.1:9")

    with ThreadPoolExecutor() as both:
        ended = list(both.map(refused, ("detect", "watch")))
    for done in ended:
        assert done.returncode == 4, done.stderr
        assert "no Dask scheduler answers at tcp://127.0.0.1:9" in done.stderr
        assert "Traceback" not in done.stderr
    assert not (workplace / "out").exists()
    done = airbeat("detect", "card", "--workers", "2", "--scheduler", "tcp://127.0.0.1:9")
    assert done.returncode == 2
