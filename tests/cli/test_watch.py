"""Watching from the command line: frames are searched as they arrive, nothing found is lost or renamed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from airbeat.ops.log import OperationsLog

Run = Callable[..., subprocess.CompletedProcess[str]]
Photograph = Callable[..., Path]

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.name != "posix", reason="SIGINT and SIGKILL"),
]
LOOSE = ("--detector", "exercise", "--threshold", "0.05", "--workers", "1", "--out", "found")


@contextmanager
def watching(workplace: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """``airbeat watch`` in a process of its own; killed at the end if it is still there."""
    with subprocess.Popen(
        [sys.executable, "-m", "airbeat", "watch", *words, *LOOSE],
        cwd=workplace,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def results(workplace: Path) -> dict[str, Any]:
    path = workplace / "found" / "candidates.json"
    found: dict[str, Any] = (
        json.loads(path.read_text()) if path.exists() else {"frames": [], "candidates": []}
    )
    return found


def looks(found: dict[str, Any]) -> dict[str, set[str]]:
    return {c["id"]: {look["file"] for look in c["looks"]} for c in found["candidates"]}


def kept(before: dict[str, set[str]], now: dict[str, set[str]]) -> bool:
    """Whether every candidate still has its name and its looks."""
    return all(files <= now.get(name, set()) for name, files in before.items())


def wait_for(process: subprocess.Popen[str], what: Callable[[], bool], timeout_s: float = 300.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not what() and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    assert what()


def test_a_photograph_written_slowly_is_found_and_one_that_is_cut_short_is_named_until_it_is_whole(
    workplace: Path, photograph: Photograph
) -> None:
    card = workplace / "card"
    whole = photograph(workplace / "elsewhere.JPG", seed=1).read_bytes()
    other = photograph(workplace / "other.JPG", seed=2, north_m=4.0).read_bytes()
    card.mkdir()
    with watching(workplace, "card", "--operation", "op.sqlite", "--json") as process:
        wait_for(process, (workplace / "found" / "candidates.json").exists)
        with (card / "DJI_0001.JPG").open("wb") as stream:
            for at in range(0, len(whole), len(whole) // 10):
                stream.write(whole[at : at + len(whole) // 10])
                stream.flush()
                assert results(workplace)["frames"] == []
                time.sleep(0.3)
        (card / "DJI_0002.JPG").write_bytes(other[: len(other) // 2])
        wait_for(process, lambda: len(results(workplace)["frames"]) == 1)
        with OperationsLog(workplace / "op.sqlite") as log:
            said = [e.payload.get("candidate") for e in log.events(kinds=["candidate.found"])]
        assert set(said) <= set(looks(results(workplace)))
        wait_for(process, lambda: bool(results(workplace).get("not_searched")))
        assert "cut short" in results(workplace)["not_searched"][0]["reason"]
        first = looks(results(workplace))
        (card / "DJI_0002.JPG").write_bytes(other)
        wait_for(process, lambda: len(results(workplace)["frames"]) == 2)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=200)
    assert process.returncode == 0, stderr
    answer = json.loads(stdout)
    assert (answer["frames_searched"], answer["not_searched"]) == (2, [])
    now = looks(results(workplace))
    assert kept(first, now)
    assert any(len(files) == 2 for files in now.values())
    with OperationsLog(workplace / "op.sqlite") as log:
        kinds = [e.kind for e in log.events()]
    assert kinds.count("frame.searched") == 2
    assert kinds.count("frame.refused") == 1
    assert (kinds[0], kinds[-1]) == ("search.begun", "search.ended")


def test_a_watch_that_is_killed_goes_on_with_the_same_names_even_of_files_that_are_gone(
    workplace: Path, photograph: Photograph
) -> None:
    for number in range(2):
        photograph(workplace / "card" / f"DJI_000{number}.JPG", seed=number, north_m=4.0 * number)
    with watching(workplace, "card") as process:
        wait_for(process, lambda: len(results(workplace)["frames"]) == 2)
        process.send_signal(signal.SIGKILL)
    before = looks(results(workplace))
    assert len(before) >= 2
    (workplace / "card" / "DJI_0000.JPG").unlink()
    photograph(workplace / "card" / "DJI_0000a.JPG", seed=7, north_m=-4.0)
    with watching(workplace, "card", "--quiet-s", "4", "--json") as process:
        while process.poll() is None:
            assert kept(before, looks(results(workplace)))
            time.sleep(0.1)
        stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    answer = json.loads(stdout)
    assert (answer["frames_searched"], answer["frames_taken_over"]) == (3, 2)
    after = looks(results(workplace))
    assert kept(before, after)
    assert {"DJI_0000a.JPG"} in [files for name, files in after.items() if name not in before]


def test_frames_of_a_camera_that_streams_by_rtsp_are_searched_and_it_is_called_again_when_it_is_lost(
    workplace: Path, photograph: Photograph, streaming: ModuleType
) -> None:
    import numpy as np
    from PIL import Image

    picture = np.asarray(Image.open(photograph(workplace / "one.JPG", seed=3)))
    parts = streaming.transport_stream([picture] * 60)
    words = ("--gsd-m-px", "0.05", "--video-every-s", "1", "--json")
    with (
        streaming.rtsp_camera(parts, drops_after=20) as address,
        watching(workplace, address, *words) as process,
    ):
        wait_for(process, lambda: len(results(workplace)["frames"]) >= 5)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=200)
    assert process.returncode == 0, stderr
    assert "opened again" in stderr
    assert json.loads(stdout)["frames_searched"] >= 5
    frame = results(workplace)["frames"][0]
    assert frame["time_utc"]
    assert (workplace / "found" / "frames" / frame["file"]).is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nowhere",), "neither a folder nor a video"),
        (("missions", "--terrain", "missions/demo-hillside.yaml"), "--terrain needs --home"),
        (("missions", "--home", "47,11"), "of use only with --terrain"),
        (("missions", "--detector", "oracle"), "no detector 'oracle'"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_remedy(
    airbeat: Run, words: tuple[str, ...], message: str
) -> None:
    done = airbeat("watch", *words, "--out", "out")
    assert done.returncode == 2
    assert message in done.stderr


def test_results_of_another_folder_are_not_replaced_unasked(airbeat: Run, workplace: Path) -> None:
    (workplace / "found").mkdir()
    (workplace / "found" / "candidates.json").write_text('{"source": "elsewhere"}')
    (workplace / "card").mkdir()
    done = airbeat("watch", "card", "--out", "found", "--quiet-s", "0.5")
    assert done.returncode == 2
    assert "--overwrite" in done.stderr
    done = airbeat("watch", "card", "--out", "found", "--quiet-s", "0.5", "--overwrite")
    assert done.returncode == 0, done.stderr
