"""One log for a whole operation: told by every command, proven, and taken elsewhere as one file."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from airbeat.ops.bundle import export_bundle
from airbeat.ops.log import OperationsLog

Run = Callable[..., subprocess.CompletedProcess[str]]
Photograph = Callable[..., Path]

LOOSE = ("--detector", "exercise", "--threshold", "0.05", "--workers", "1")


@pytest.fixture
def searched(airbeat: Run, workplace: Path, photograph: Photograph) -> Path:
    """A folder that was searched for an operation."""
    photograph(workplace / "card" / "DJI_0001.JPG", seed=1)
    photograph(workplace / "card" / "DJI_0002.JPG", seed=2, north_m=4.0)
    (workplace / "card" / "DJI_0003.JPG").write_bytes(b"\xff\xd8 broken")
    done = airbeat("detect", "card", "--out", "found", *LOOSE, "--operation", "op.sqlite")
    assert done.returncode == 1, done.stderr
    return workplace / "found"


def _events(airbeat: Run, *words: str) -> list[dict[str, object]]:
    done = airbeat("log", "show", "op.sqlite", "--json", *words)
    assert done.returncode == 0, done.stderr
    events: list[dict[str, object]] = json.loads(done.stdout)["events"]
    return events


def test_a_search_and_its_review_stand_in_the_log_of_the_operation(
    airbeat: Run, searched: Path, workplace: Path
) -> None:
    kinds = [str(e["kind"]) for e in _events(airbeat)]
    assert kinds[0] == "search.begun"
    assert kinds.count("frame.searched") == 2
    assert kinds.count("frame.refused") == 1
    assert kinds.count("candidate.found") >= 1
    assert kinds[-1] == "search.ended"

    done = airbeat("review", "found", "--set", "C001=person", "--reviewer", "Desk K")
    assert done.returncode == 0, done.stderr
    assert not (searched / "operations.sqlite").exists()
    (decision,) = _events(airbeat, "--kind", "review.decision")
    assert decision["actor"] == "Desk K"
    shown = airbeat("log", "show", "op.sqlite", "--kind", "review.decision").stdout
    assert "Desk K: C001 is decided on: person" in shown
    assert json.loads(airbeat("review", "found", "--json").stdout)["person"] == 1


def test_a_search_that_is_done_again_adds_nothing_that_is_known(airbeat: Run, searched: Path) -> None:
    before = _events(airbeat)
    done = airbeat("detect", "card", "--out", "found", *LOOSE, "--overwrite", "--operation", "op.sqlite")
    assert done.returncode == 1
    added = [e["kind"] for e in _events(airbeat)[len(before) :]]
    assert added == ["search.begun", "frame.refused", "search.ended"]


def test_decisions_made_before_are_carried_into_the_operation_with_their_time_and_their_undo(
    airbeat: Run, workplace: Path, photograph: Photograph
) -> None:
    photograph(workplace / "card" / "DJI_0001.JPG", seed=1)
    assert airbeat("detect", "card", "--out", "found", *LOOSE).returncode == 0
    for words in (("--set", "C001=no"), ("--set", "C001=person"), ("--undo", "C001")):
        assert airbeat("review", "found", *words, "--reviewer", "Desk A").returncode == 0
    done = airbeat("review", "found", "--json", "--operation", "op.sqlite")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["no"], result["person"]) == (1, 0)
    carried = _events(airbeat)
    assert [e["kind"] for e in carried] == ["review.decision", "review.decision", "review.undo"]
    with OperationsLog(workplace / "found" / "operations.sqlite") as own:
        old = own.events()
    assert [e["payload"]["decided_utc"] for e in carried] == [e.time_utc.isoformat() for e in old]  # type: ignore[index]
    assert carried[2]["payload"]["undone"] == carried[1]["number"]  # type: ignore[index]
    again = airbeat("review", "found", "--operation", "other.sqlite")
    assert again.returncode == 2
    assert "belongs to the operation" in again.stderr


def test_a_plan_stands_in_the_log_with_the_hashes_of_its_files(airbeat: Run, workplace: Path) -> None:
    mission = str(Path(__file__).resolve().parents[2] / "missions" / "school-gate-patrol.yaml")
    done = airbeat("plan", mission, "--out", "plans", "--operation", "op.sqlite", "--json")
    assert done.returncode == 0, done.stderr
    (event,) = _events(airbeat)
    assert event["kind"] == "mission.planned"
    files = event["payload"]["files"]  # type: ignore[index]
    assert {f["file"] for f in files} == {p.name for p in (workplace / "plans").iterdir()}


def test_an_operation_is_taken_elsewhere_as_one_file(airbeat: Run, searched: Path, workplace: Path) -> None:
    made = airbeat("log", "export", "op.sqlite", "op.zip", "--files", "card", "--files", "found", "--json")
    assert made.returncode == 0, made.stderr
    figures = json.loads(made.stdout)
    assert (figures["files"], figures["missing"]) == (3, 0)
    taken = airbeat("log", "import", "op.zip", "there.sqlite", "--files", "there", "--json")
    assert taken.returncode == 0, taken.stderr
    assert json.loads(taken.stdout)["added"] == figures["events"]
    held = airbeat("log", "verify", "there.sqlite", "--last", figures["last_sha256"])
    assert held.returncode == 0, held.stderr
    assert f"{figures['events']} events, the chain holds" in held.stdout
    note = airbeat("log", "add", "there.sqlite", "ground team 2 at the quarry", "--by", "Desk A")
    assert note.returncode == 0
    cut = airbeat("log", "verify", "there.sqlite", "--last", figures["last_sha256"])
    assert cut.returncode == 3
    assert "cut off or added" in cut.stderr


def test_a_changed_event_is_named(airbeat: Run, workplace: Path) -> None:
    for text in ("one", "two", "three"):
        assert airbeat("log", "add", "op.sqlite", text).returncode == 0
    with closing(sqlite3.connect(workplace / "op.sqlite")) as connection, connection:
        connection.execute("DROP TRIGGER events_update")
        connection.execute("UPDATE events SET actor = 'nobody' WHERE number = 2")
    for words in (("verify", "op.sqlite"), ("show", "op.sqlite"), ("export", "op.sqlite", "op.zip")):
        refused = airbeat("log", *words)
        assert refused.returncode == 3
        assert "event 2 was changed after it was written" in refused.stderr
    assert not (workplace / "op.zip").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("log", "show", "nowhere.sqlite"), 2, "no operations log nowhere.sqlite"),
        (("log", "add", "op.sqlite", "  "), 2, "the note is empty"),
        (("log", "import", "notes.txt", "op.sqlite"), 3, "no whole bundle"),
        (("log", "show", "notes.txt"), 3, "notes.txt"),
        (("log", "show", "postgresql://desk:s3cret@127.0.0.1:1/x"), 2, "cannot be used"),
        (("detect", "card", "--operation", "notes.txt"), 3, "notes.txt"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name_and_without_a_password(
    airbeat: Run, workplace: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    (workplace / "notes.txt").write_text("these are my notes, and they are no database at all\n" * 30)
    (workplace / "card").mkdir()
    done = airbeat(*words)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "s3cret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bundle_made_by_hand_is_what_the_command_makes(workplace: Path, airbeat: Run) -> None:
    assert airbeat("log", "add", "op.sqlite", "ready").returncode == 0
    assert airbeat("log", "export", "op.sqlite", "a.zip").returncode == 0
    with OperationsLog(workplace / "op.sqlite") as log:
        export_bundle(log, workplace / "b.zip")
    assert airbeat("log", "import", "a.zip", "a.sqlite").returncode == 0
    assert airbeat("log", "import", "b.zip", "a.sqlite").returncode == 0
