"""``airbeat dispatch`` and its units file: rankings, and every refusal with its remedy."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from airbeat.errors import InputFileError, MissionFileError, PlanFileError
from airbeat.flight.units import ground_states
from airbeat.formats.gpxtrack import read_track_end
from airbeat.mission.units import load_units

Run = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / "missions" / "units" / "school-runs.yaml"
HEAD = f"airbeat: 1\nkind: units\nbeat: {ROOT / 'missions' / 'beats' / 'school-runs.yaml'}\n"
AT = "47.58000,7.65000"
NOW = ("--now", "2026-09-07T07:32+02:00")
GPX = """\
<gpx xmlns="http://www.topografix.com/GPX/1/1" version="1.1" creator="x"><trk><trkseg>
<trkpt lat="47.5790" lon="7.6500"><time>2026-09-07T05:30:00Z</time></trkpt>
<trkpt lat="47.5799" lon="7.6500"><time>2026-09-07T05:30:20Z</time></trkpt>
</trkseg></trk></gpx>
"""


def units(folder: Path, text: str) -> Path:
    path = folder / "units.yaml"
    path.write_text(HEAD + text, encoding="utf-8")
    return path


def test_the_shipped_units_are_ranked(airbeat: Run) -> None:
    done = airbeat("dispatch", AT, "--kind", "burglary", "--units", str(UNITS), *NOW, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [u["unit"] for u in found["units"]] == ["bicycle patrol", "drone 1", "car 12"]
    drone = found["units"][1]
    assert drone["ring"] == "within 1 min"
    assert 20.0 < drone["arrival_s"] < 60.0
    assert 0.0 < drone["battery_share"] < 0.4
    assert found["sent"] is None
    assert "burglary at 47.58" in done.stderr


def test_a_drone_that_does_not_answer_is_told_and_the_others_are_ranked(airbeat: Run, tmp_path: Path) -> None:
    path = units(
        tmp_path,
        "drones: [{name: drone 1, connect: 'tcp:127.0.0.1:1'}]\n"
        "ground: [{name: car, lat: 47.58, lon: 7.651, speed_m_s: 9}]\n",
    )
    done = airbeat("dispatch", AT, "--units", str(path), *NOW, "--json", "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    rows = {u["unit"]: u for u in json.loads(done.stdout)["units"]}
    assert rows["drone 1"]["why_not"] == "it does not answer"
    assert rows["car"]["ring"] == "within 1 min"


def test_nobody_who_can_go_is_exit_code_1(airbeat: Run, tmp_path: Path) -> None:
    path = units(tmp_path, "drones: [{name: drone 1, out_of_service: it is being repaired}]\n")
    done = airbeat("dispatch", AT, "--units", str(path), *NOW)
    assert done.returncode == 1
    assert "it is being repaired" in done.stdout


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("--send",), "nobody is there to say yes"),
        (("--yes",), "no drone with an address can go"),
        (("--now", "yesterday"), "--now yesterday: no date and time"),
    ],
)
def test_what_cannot_be_done_is_refused(airbeat: Run, words: tuple[str, ...], refusal: str) -> None:
    done = airbeat("dispatch", AT, "--units", str(UNITS), *NOW, *words)
    assert done.returncode == 2
    assert refusal in done.stderr


def test_a_drone_of_another_beat_is_refused(airbeat: Run, tmp_path: Path) -> None:
    done = airbeat("dispatch", AT, "--units", str(units(tmp_path, "drones: [{name: drone 9}]\n")), *NOW)
    assert done.returncode == 2
    assert "no drone 'drone 9' in this beat (there are: drone 1)" in done.stderr


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("drones: [{name: a, lat: 47.5}]\n", "4:10: drones[1]: lat and lon go together"),
        ("drones: [{name: a, state: s.json}]\n", "state goes with plan"),
        ("drones: [{name: a}, {name: a}]\n", "4:22: drones[2].name: is there twice"),
        ("ground: [{name: b, speed_m_s: 3}]\n", "must hold either lat and lon or gpx"),
        ("ground: [{name: b, lat: 1, lon: 2}]\n", "has no speed"),
        ("ground: [{name: b, lat: 1, lon: 2, speed_m_s: 3, heard: 2026-09-07T07:00}]\n", "has no time zone"),
        ("", "there is nobody to send"),
        ("drones: [{name: a, battery_percent: 120}]\n", "battery_percent"),
    ],
)
def test_every_mistake_of_a_units_file_has_its_place_and_remedy(
    tmp_path: Path, text: str, refusal: str
) -> None:
    with pytest.raises(MissionFileError) as caught:
        load_units(units(tmp_path, text))
    assert refusal in str(caught.value)


def test_a_unit_is_where_its_track_ends_and_as_fast_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "t.gpx").write_text(GPX, encoding="utf-8")
    loaded = load_units(units(tmp_path, "ground: [{name: foot, gpx: t.gpx}]\n"))
    end = read_track_end(tmp_path / "t.gpx")
    (state,) = ground_states(loaded.ground, now=end.time_utc.replace(minute=40))
    assert state.position == end.position
    assert state.speed_m_s == pytest.approx(5.0, abs=0.02)
    assert state.age_s == pytest.approx(600.0)


def test_who_stands_still_needs_a_speed_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "t.gpx").write_text(GPX.replace("47.5799", "47.5790"), encoding="utf-8")
    loaded = load_units(units(tmp_path, "ground: [{name: foot, gpx: t.gpx}]\n"))
    now = read_track_end(tmp_path / "t.gpx").time_utc
    with pytest.raises(InputFileError, match="foot stands still"):
        ground_states(loaded.ground, now=now)
    with pytest.raises(InputFileError, match="was heard 10 min after now"):
        ground_states(
            load_units(units(tmp_path, "ground: [{name: foot, gpx: t.gpx, speed_m_s: 2}]\n")).ground,
            now=now.replace(minute=20),
        )


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        ("<gpx/>", "holds no track point with a time"),
        ("<kml/>", "this is no GPX file"),
        ("no xml", "GPX"),
        (GPX.replace("47.5799", "147.5"), "has no place on Earth"),
        (GPX.replace("2026-09-07T05:30:20Z", "soon"), "cannot be read ('soon')"),
    ],
)
def test_a_track_that_cannot_be_used_is_refused(tmp_path: Path, content: str, refusal: str) -> None:
    path = tmp_path / "t.gpx"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(PlanFileError) as caught:
        read_track_end(path)
    assert refusal in str(caught.value)


def test_a_track_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanFileError, match="cannot be read"):
        read_track_end(tmp_path / "t.gpx")
