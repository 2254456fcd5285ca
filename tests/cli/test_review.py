"""Reviewing candidates from the command line."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Photograph = Callable[..., Path]

LOOSE = ("--detector", "exercise", "--threshold", "0.05", "--workers", "1")


@pytest.fixture(scope="module")
def searched(
    airbeat_in: Callable[[Path], Run], photograph: Photograph, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A searched folder: one figure in two photographs, and one photograph without a position."""
    folder = tmp_path_factory.mktemp("searched")
    photograph(folder / "card" / "DJI_0001.JPG", seed=1)
    photograph(folder / "card" / "DJI_0002.JPG", seed=2, north_m=4.0)
    photograph(folder / "card" / "DJI_0003.JPG", seed=3, north_m=None)
    done = airbeat_in(folder)("detect", "card", "--out", "found", *LOOSE)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def found(searched: Path, workplace: Path) -> Path:
    """A copy of it, to be reviewed."""
    for name in ("card", "found"):
        shutil.copytree(searched / name, workplace / name)
    return workplace / "found"


def _candidates(found: Path) -> tuple[str, str]:
    """The candidate seen twice, and one without a place."""
    rows = json.loads((found / "candidates.json").read_text())["candidates"]
    seen_twice = next(r["id"] for r in rows if len(r["looks"]) == 2)
    return seen_twice, next(r["id"] for r in rows if r["lat_deg"] is None)


def test_decisions_are_kept_counted_and_handed_over_and_an_undo_takes_the_files_away(
    airbeat: Run, found: Path
) -> None:
    person, unplaced = _candidates(found)
    words = ("--set", f"{person}=person", "--set", f"{unplaced}=clue", "--note", "waving <&>")
    done = airbeat("review", "found", *words, "--reviewer", "Desk K", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["reviewed"], result["person"], result["clue"]) == (2, 1, 1)
    assert result["unreviewed"] == result["candidates"] - 2
    assert result["confirmed_without_position"] == [unplaced]
    names = sorted(p.name for p in (found / "handover").iterdir())
    assert names == [
        f"{person}.cot.xml",
        "sightings.caltopo.json",
        "sightings.geojson",
        "sightings.gpx",
        "sightings.kml",
    ]
    look = json.loads((found / "candidates.json").read_text())
    sha256 = next(c for c in look["candidates"] if c["id"] == person)["looks"][0]["sha256"]
    for name in names:
        text = (found / "handover" / name).read_text()
        for needed in (sha256, "Desk K", "CE90", "32U", "51° ", "MSL", "HAE", "waving"):
            assert needed in text or name == "sightings.geojson", (name, needed)
    event = ET.parse(found / "handover" / f"{person}.cot.xml").getroot()
    point = event.find("point")
    assert point is not None
    assert point.attrib["hae"] == "9999999.0"
    assert abs(float(point.attrib["lat"]) - 51.0) < 1e-4

    listed = airbeat("review", "found", "--list")
    assert f"{person}" in listed.stdout
    assert "person (Desk K): waving" in listed.stdout
    undone = airbeat("review", "found", "--undo", person, "--json")
    assert json.loads(undone.stdout)["person"] == 0
    assert list((found / "handover").iterdir()) == []


def test_a_note_is_kept_as_it_was_written_in_any_language(
    airbeat: Run, found: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRBEAT_LANGUAGE", "zh_CN")
    name, _ = _candidates(found)
    done = airbeat("review", "found", "--set", f"{name}=clue", "--note", "person", "--json")
    assert done.returncode == 0, done.stderr
    decided = next(d for d in json.loads(done.stdout)["decisions"] if d["id"] == name)
    assert (decided["verdict"], decided["note"]) == ("clue", "person")


def test_the_terminal_asks_for_one_candidate_after_the_other_and_goes_on_later(
    airbeat: Run, found: Path, workplace: Path
) -> None:
    terminal, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "airbeat", "review", "found", "--no-open", "--reviewer", "Desk A"],
        cwd=workplace,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        os.write(terminal, b"n\nz\np\nq\n")  # no, taken back, person, quit
        output, _ = process.communicate(timeout=200)
    os.close(terminal)
    os.close(theirs)
    assert process.returncode == 0, output
    result = json.loads(airbeat("review", "found", "--json").stdout)
    assert (result["reviewed"], result["person"], result["no"]) == (1, 1, 0)
    first = result["decisions"][0]
    assert (first["id"], first["verdict"], first["reviewer"]) == ("C001", "person", "Desk A")


def test_answers_may_be_piped_in_and_several_undos_are_done_together_or_not_at_all(
    airbeat: Run, found: Path, workplace: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "airbeat", "review", "found", "--reviewer", "Desk A"],
        cwd=workplace,
        input="p\nt\nby the wall\nc\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    both = airbeat("review", "found", "--undo", "C001", "--undo", "C003")
    assert both.returncode == 2
    first, second, *_ = json.loads(airbeat("review", "found", "--json").stdout)["decisions"]
    assert (first["verdict"], second["verdict"], second["note"]) == ("person", "clue", "by the wall")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--set", "C001=perhaps"), "is no decision"),
        (("--set", "C999=person"), "no candidate C999"),
        (("--undo", "C001"), "nothing was decided"),
        (("--note", "waving"), "--note is for the decisions of --set"),
    ],
)
def test_a_decision_that_makes_no_sense_is_refused_and_nothing_is_written(
    airbeat: Run, found: Path, words: tuple[str, ...], message: str
) -> None:
    done = airbeat("review", "found", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (found / "handover").exists()


def test_a_folder_without_a_search_is_refused(airbeat: Run, workplace: Path) -> None:
    (workplace / "empty").mkdir()
    done = airbeat("review", "empty")
    assert done.returncode == 3
    assert "run airbeat detect first" in done.stderr
