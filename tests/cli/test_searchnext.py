"""``airbeat search next``: the missions it writes are planned as it says, and refusals name the number."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from airbeat.mission.loader import load_mission
from airbeat.mission.mission import TrackLinePattern

Run = Callable[..., subprocess.CompletedProcess[str]]
CASE = Path(__file__).resolve().parents[2] / "missions" / "cases" / "koenigstuhl-walker.yaml"


@pytest.fixture(scope="module")
def started(airbeat_in: Callable[[Path], Run], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case that was begun."""
    folder = tmp_path_factory.mktemp("started")
    done = airbeat_in(folder)("search", "start", str(CASE), "--out", "case")
    assert done.returncode == 0, done.stderr
    return folder / "case"


@pytest.fixture
def case(started: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(started, tmp_path / "case")


def test_the_missions_written_are_what_was_promised(airbeat: Run, case: Path, tmp_path: Path) -> None:
    out = tmp_path / "next"

    asked = ["--minutes", "10", "--drones", "2", "--out", str(out), "--json"]
    done = airbeat("search", "next", str(case), *asked)

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert 0 < said["found"] <= said["bound"] <= 0.75
    assert sum(s["found"] for s in said["sorties"]) == pytest.approx(said["found"])
    names = [f"next-1-drone-{k}-sortie-1" for k in (1, 2)]
    assert [Path(s["file"]).stem for s in said["sorties"]] == names
    heights = set()
    for name, sortie in zip(names, said["sorties"], strict=True):
        mission = load_mission(out / f"{name}.yaml")
        assert isinstance(mission.pattern, TrackLinePattern)
        heights.add(mission.height.value_m)
        assert sortie["duration_s"] <= 600.0
        assert (out / f"{name}.plan").is_file()
        assert (out / f"{name}.waypoints").is_file()
    assert max(heights) - min(heights) == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["--minutes", "1.5"], 1, "give --minutes"),
        (["--minutes", "10", "--drones", "3"], 2, "give --drones 2"),
        (["--minutes", "10", "--launch", "moon"], 2, "there are: clearing"),
        (["--minutes", "0"], 2, "0"),
    ],
)
def test_what_cannot_be_is_refused_with_the_number_to_change(
    airbeat: Run, case: Path, args: list[str], code: int, says: str
) -> None:
    done = airbeat("search", "next", str(case), *args)

    assert done.returncode == code
    assert says in done.stderr
    assert not (case / "next").exists()
