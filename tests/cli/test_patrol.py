"""``airbeat patrol``: rounds and calendars from the command line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import icalendar
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
BEAT = "missions/beats/school-runs.yaml"


def test_a_round_is_planned_printed_and_written(airbeat: Run, workplace: Path) -> None:
    done = airbeat("patrol", "plan", BEAT, "--day", "2026-09-07", "--out", "round", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["ok"] is True
    assert [s["name"] for s in told["shifts"]] == ["before school", "after school"]
    assert [len(s["sorties"]) for s in told["shifts"]] == [1, 1]
    written = {p.name for p in (workplace / "round").iterdir()}
    assert {"patrol.json", "before-school.png", "after-school.png"} <= written
    stem = told["shifts"][0]["sorties"][0]["file"]
    assert {f"{stem}{s}" for s in (".plan", ".waypoints", ".kml", ".geojson")} <= written
    kept = json.loads((workplace / "round" / "patrol.json").read_text(encoding="utf-8"))
    assert kept["shifts"] == told["shifts"]
    assert kept["source_sha256"] == told["source_sha256"]
    assert "the loudspeaker says" in done.stderr


def test_files_that_are_there_are_not_replaced(airbeat: Run, workplace: Path) -> None:
    words = ("patrol", "plan", BEAT, "--day", "2026-09-07", "--shift", "after school", "--out", "round")
    assert airbeat(*words).returncode == 0
    again = airbeat(*words)
    assert again.returncode == 2
    assert "exists" in again.stderr
    assert airbeat(*words, "--overwrite").returncode == 0


def test_a_round_that_cannot_be_served_names_the_windows_and_the_minutes(
    airbeat: Run, workplace: Path
) -> None:
    text = (workplace / BEAT).read_text(encoding="utf-8")
    hurried = text.replace("begin: 07:15, end: 08:05", "begin: 07:15, end: 07:18")
    (workplace / "hurried.yaml").write_text(hurried, encoding="utf-8")
    done = airbeat("patrol", "plan", "hurried.yaml", "--day", "2026-09-07", "--shift", "before school")
    assert done.returncode == 1
    assert "not served: main gate and crossing (07:15 to 07:18) cannot be" in done.stdout
    assert "0.4 min too long" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--day", "2026-09-06"), "nobody is on duty on 2026-09-06"),
        (("--day", "7.9.2026"), "'7.9.2026' is no day"),
        (("--day", "2026-09-07", "--shift", "night"), "shifts that day: before school, after school"),
    ],
)
def test_a_day_or_shift_without_duty_is_a_usage_error(
    airbeat: Run, words: tuple[str, ...], message: str
) -> None:
    done = airbeat("patrol", "plan", BEAT, *words)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_calendar_is_made_printed_and_written(airbeat: Run, workplace: Path) -> None:
    done = airbeat(
        "patrol", "roster", BEAT, "--from", "2026-09-07", "--to", "2026-09-08", "--out", "week", "--json"
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["over"] == []
    assert told["flights"]
    assert 0.0 <= told["catch_chance"] <= 1.0
    folder = workplace / "week"
    calendar = icalendar.Calendar.from_ical((folder / "calendar.ics").read_bytes())
    assert len(calendar.walk("VEVENT")) == len(told["flights"])
    assert (folder / "week-2026-09-07.png").read_bytes().startswith(b"\x89PNG")
    for name in told["plans"]:
        assert (folder / f"school-runs-{name}.plan").is_file()
    assert {f["plan"] for f in told["flights"]} == set(told["plans"])


def test_a_mission_is_sent_to_its_own_command(airbeat: Run) -> None:
    done = airbeat("patrol", "plan", "missions/school-gate-patrol.yaml")
    assert done.returncode == 3
    assert "is one flight, not a beat (airbeat plan reads it)" in done.stderr
    done = airbeat("plan", BEAT)
    assert done.returncode == 3
    assert "is a beat, not one flight (airbeat patrol plan reads it)" in done.stderr


def test_days_the_wrong_way_round_are_a_usage_error(airbeat: Run) -> None:
    done = airbeat("patrol", "roster", BEAT, "--from", "2026-09-08", "--to", "2026-09-07")
    assert done.returncode == 2
    assert "is before --from" in done.stderr
