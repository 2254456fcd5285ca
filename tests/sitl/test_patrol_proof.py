"""A beat flown on the embedded vehicle, photographed and proven, and every way in which that is refused."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from airbeat.cli.main import main
from airbeat.flight.fly import fly_plan
from airbeat.geo.coordinates import LatLon
from airbeat.link.connection import connect
from airbeat.mission.beat import Beat, LineVisit, PointVisit
from airbeat.mission.beatloader import load_beat
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import FlightPlan, ItemRole, PlanItem
from airbeat.planning.items import (
    begun,
    camera_trigger,
    gimbal,
    heading,
    return_item,
    start_items,
    waypoint,
)
from airbeat.sim.camera_exif import with_metadata
from airbeat.sim.shot import CameraShot
from airbeat.sim.vehicle.config import VehicleConfig
from airbeat.sim.vehicle.server import EmbeddedVehicle

BEAT = """\
airbeat: 1
kind: patrol
name: Small beat
status: unsurveyed
time_zone: Europe/Vienna
times:
  - {name: morning, begin: 07:00, end: 08:00}
launch:
  - name: pad
    lat: 47.2692
    lon: 11.4041
    drones:
      - name: one
        airframe: arducopter-quad
        camera: {name: small, sensor_width_mm: 13.2, sensor_height_mm: 8.8, focal_length_mm: 8.8,
                 image_width_px: 1200, image_height_px: 800}
        height: {value_m: 40, datum: home}
        speed_m_s: 8
beat:
  points:
    - {name: gate, lat: 47.2699, lon: 11.4050, dwell_s: 20, heading_deg: 90, gimbal_pitch_deg: -60,
       gsd_cm_px: 8, times: morning}
    - {name: too fine, lat: 47.2699, lon: 11.4050, gsd_cm_px: 5.4, times: morning}
    - {name: too long, lat: 47.2699, lon: 11.4050, dwell_s: 300, times: morning}
    - {name: never flown to, lat: 47.2720, lon: 11.4041, times: morning}
    - {name: too often, lat: 47.2699, lon: 11.4050, times: morning, max_interval_min: 20}
  lines:
    - {name: lane, width_m: 20, times: morning,
       line: [{lat: 47.2699, lon: 11.4056}, {lat: 47.2706, lon: 11.4056}]}
    - {name: other lane, width_m: 20, times: morning,
       line: [{lat: 47.2706, lon: 11.4056}, {lat: 47.2720, lon: 11.4056}]}
"""
TAKE_OFF = datetime(2026, 9, 7, 5, 20, tzinfo=UTC)
"""07:20 in Vienna."""


def _plan(beat: Beat) -> FlightPlan:
    site, drone = beat.drones[0]
    gate = next(v for v in beat.visits if isinstance(v, PointVisit))
    lane = next(v for v in beat.visits if isinstance(v, LineVisit))
    stand = LatLon(lat_deg=gate.position.lat_deg, lon_deg=gate.position.lon_deg - 0.00028)
    shot = PlanItem(command=MavCmd.DO_DIGICAM_CONTROL, extra=(1.0, 0.0, 0.0), role=ItemRole.ACTION)
    height_m = drone.altitude.value_m
    items = [
        *start_items(home=site.position, height_m=height_m, speed_m_s=drone.speed_m_s),
        waypoint(stand, height_m, ItemRole.VISIT),
        begun(),
        gimbal(-60.0),
        heading(90.0),
        PlanItem(command=MavCmd.CONDITION_DELAY, params=(4.0, 0.0, 0.0, 0.0), role=ItemRole.ACTION),
        shot,
        waypoint(stand, height_m, ItemRole.VISIT, hold_s=28.0),
        gimbal(-90.0),
        waypoint(lane.line[0], height_m, ItemRole.TRANSIT),
        camera_trigger(15.0),
        waypoint(lane.line[1], height_m, ItemRole.SWEEP),
        camera_trigger(0.0),
        return_item(),
    ]
    return FlightPlan(
        name=beat.name,
        home=site.position,
        home_amsl_m=600.0,
        items=tuple(items),
        speed_m_s=drone.speed_m_s,
        airframe=drone.airframe,
    )


class Done(NamedTuple):
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Flown:
    """A folder with beat.yaml, flight/, photos/ and late/ (the same by a clock an hour ahead)."""

    folder: Path

    def airbeat(self, *words: str) -> Done:
        out, err = StringIO(), StringIO()
        with (
            chdir(self.folder),
            redirect_stdout(out),
            redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            main(["patrol", *words])
        return Done(int(ended.value.code or 0), out.getvalue(), err.getvalue())

    def prove(self, *more: str, flight: str = "flight", frames: str = "photos") -> dict[str, Any]:
        done = self.airbeat("prove", "beat.yaml", "--flight", flight, "--frames", frames, "--json", *more)
        assert "Traceback" not in done.stderr, done.stderr
        return json.loads(done.stdout)

    def verify(self, *, flight: str = "flight", frames: str = "photos") -> dict[str, Any]:
        words = ("--beat", "beat.yaml", "--flight", flight, "--frames", frames, "--json")
        done = self.airbeat("verify", "proofs/2026-09-07-beat.json", *words)
        assert "Traceback" not in done.stderr, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def flown_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The beat flown once, its small photographs written as a card has them."""
    folder = tmp_path_factory.mktemp("patrol")
    (folder / "beat.yaml").write_text(BEAT, encoding="utf-8")
    beat = load_beat(folder / "beat.yaml")
    camera = beat.drones[0][1].camera
    (folder / "photos").mkdir()
    (folder / "late").mkdir()
    picture = BytesIO()
    Image.new("RGB", (camera.image_width_px, camera.image_height_px), (90, 110, 80)).save(picture, "JPEG")

    def photograph(shot: CameraShot) -> None:
        taken = datetime.fromtimestamp(TAKE_OFF.timestamp() + shot.time_s, UTC)
        for name, clock in (("photos", taken), ("late", taken + timedelta(hours=1))):
            data = with_metadata(picture.getvalue(), shot=shot, camera=camera, taken=clock)
            (folder / name / f"DJI_{shot.index:04d}.JPG").write_bytes(data)

    home = beat.drones[0][0].position
    config = VehicleConfig(home=home, home_amsl_m=600.0, speedup=0.0, epoch_utc=TAKE_OFF)
    with (
        EmbeddedVehicle(config, on_shot=photograph) as vehicle,
        connect(vehicle.url, tlog=folder / "flight.tlog") as link,
    ):
        record = fly_plan(link, _plan(beat), confirmed=True)
    record.save(folder / "flight" / "flight.json")
    (folder / "flight.tlog").rename(folder / "flight" / "flight.tlog")
    return folder


@pytest.fixture
def flown(flown_once: Path, tmp_path: Path) -> Flown:
    """A copy to do something to."""
    shutil.copytree(flown_once, tmp_path / "patrol")
    return Flown(tmp_path / "patrol")


def by_name(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["visit"]: row for row in document["visits"]}


@pytest.mark.parametrize("kept", ["flight.tlog", "flight.json"])
def test_each_visit_is_seen_or_missed_with_the_reason(flown: Flown, kept: str) -> None:
    for file in (flown.folder / "flight").iterdir():
        if file.name != kept:
            file.unlink()
    proof = flown.prove(flight=f"flight/{kept}")
    rows = by_name(proof)
    assert rows["gate"]["seen"], rows["gate"]
    assert rows["gate"]["dwell_s"] >= 20.0
    assert rows["gate"]["at"][0][0].startswith("2026-09-07T07:2")
    assert rows["gate"]["pictures"] == ["DJI_0001.JPG"]
    assert rows["lane"]["seen"], rows["lane"]
    assert rows["lane"]["share"] >= 0.98
    assert "too coarse" in rows["too fine"]["why"]
    assert "300 s asked for" in rows["too long"]["why"]
    assert "in no picture" in rows["never flown to"]["why"]
    assert "20 allowed" in rows["too often"]["why"]
    assert not rows["other lane"]["seen"]
    assert (proof["seen"], proof["required"]) == (2, 7)


def test_exposures_count_by_the_autopilots_word_where_no_photographs_are_given(flown: Flown) -> None:
    done = flown.airbeat("prove", "beat.yaml", "--flight", "flight", "--json")
    proof = json.loads(done.stdout)
    assert by_name(proof)["gate"]["seen"]
    assert by_name(proof)["lane"]["seen"]
    assert any("autopilot's word" in note for note in proof["notes"])


def test_a_proof_holds_until_something_is_changed(flown: Flown) -> None:
    flown.prove()
    assert flown.verify() == {
        "proof": "proofs/2026-09-07-beat.json",
        "holds": True,
        "checked": "chain, files and judgement",
        "problems": [],
    }


def one_byte_of(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


def alter_log(folder: Path) -> None:
    one_byte_of(folder / "flight" / "flight.tlog", 20_000)


def alter_record(folder: Path) -> None:
    text = (folder / "flight" / "flight.json").read_text()
    assert '"outcome": "completed"' in text
    (folder / "flight" / "flight.json").write_text(
        text.replace('"photos": [{"index": 1,', '"photos": [{"index": 3,')
    )


def alter_frame(folder: Path) -> None:
    one_byte_of(folder / "photos" / "DJI_0002.JPG", -100)


def remove_frame(folder: Path) -> None:
    (folder / "photos" / "DJI_0002.JPG").unlink()


def shift_clock(folder: Path) -> None:
    shutil.rmtree(folder / "photos")
    (folder / "late").rename(folder / "photos")


def alter_document(folder: Path) -> None:
    path = folder / "proofs" / "2026-09-07-beat.json"
    document = json.loads(path.read_text())
    document["visits"][1]["seen"] = True
    path.write_text(json.dumps(document))


def alter_chain(folder: Path) -> None:
    with sqlite3.connect(folder / "proofs" / "patrol-log.sqlite") as log:
        log.execute("DROP TRIGGER events_update")
        log.execute("UPDATE events SET payload = replace(payload, '\"seen\": false', '\"seen\": true')")


def alter_beat(folder: Path) -> None:
    path = folder / "beat.yaml"
    path.write_text(path.read_text().replace("gsd_cm_px: 5.4", "gsd_cm_px: 9"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (alter_log, "log flight.tlog was changed"),
        (alter_record, "it was changed after it was written"),
        (alter_frame, "photograph DJI_0002.JPG was changed"),
        (remove_frame, "photograph DJI_0002.JPG is missing"),
        (shift_clock, "its clock is +3600 s off"),
        (alter_document, "the document was changed after it was sealed: visits"),
        (alter_chain, "event 1 was changed after it was written"),
        (alter_beat, "the beat file is not the one that was proven"),
    ],
)
def test_a_changed_proof_no_longer_holds_and_says_why(
    flown: Flown, change: Callable[[Path], None], words: str
) -> None:
    flown.prove()
    change(flown.folder)
    result = flown.verify()
    assert not result["holds"]
    assert words in " ".join(result["problems"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (alter_record, "flight.json: it was changed after it was written"),
        (remove_frame, "photographs that the logs tell of are missing: taken 2026-09-07 05:2"),
        (shift_clock, "the camera's clock is 3600 s ahead of the log's"),
    ],
)
def test_what_does_not_belong_together_is_not_proven(
    flown: Flown, change: Callable[[Path], None], words: str
) -> None:
    change(flown.folder)
    result = flown.prove()
    assert result["ok"] is False
    assert words in f"{result['error']['where']}: {result['error']['message']}"
    assert not (flown.folder / "proofs").exists()


def test_a_photograph_of_another_flight_is_refused(flown: Flown) -> None:
    data = (flown.folder / "photos" / "DJI_0001.JPG").read_bytes()
    other = data.replace(b"2026-09-07T05:2", b"2026-09-07T05:5").replace(
        b"2026:09:07 05:2", b"2026:09:07 05:5"
    )
    (flown.folder / "photos" / "DJI_9999.JPG").write_bytes(other)
    result = flown.prove()
    assert result["error"]["where"] == "DJI_9999.JPG"
    assert "knows no exposure" in result["error"]["message"]


def test_a_flight_of_another_day_is_refused(flown: Flown) -> None:
    result = flown.prove("--day", "2026-09-01")
    assert "no flight was on 2026-09-01: they were on 2026-09-07 07:20" in result["error"]["message"]


def test_a_patrol_without_its_beat_is_refused(flown: Flown) -> None:
    done = flown.airbeat("prove", "--flight", "flight")
    assert done.returncode == 2
    assert "a patrol is proven against its beat" in done.stderr


def test_the_month_counts_flights_by_duty_and_no_flight_twice(flown: Flown) -> None:
    flown.prove()
    flown.prove("--overwrite")
    assert (
        flown.airbeat("prove", "--duty", "rescue", "--flight", "flight", "--frames", "photos").returncode == 0
    )
    done = flown.airbeat(
        "month", "proofs/patrol-log.sqlite", "--month", "2026-09", "--csv", "month.csv", "--json"
    )
    duties = {row["duty"]: row for row in json.loads(done.stdout)["duties"]}
    assert (duties["patrol"]["flights"], duties["patrol"]["seen"], duties["patrol"]["required"]) == (1, 2, 7)
    assert (duties["rescue"]["flights"], duties["rescue"]["required"]) == (1, 0)
    assert duties["case"]["flights"] == 0
    assert 60 < duties["patrol"]["flight_s"] < 200
    assert (flown.folder / "month.csv").read_text().splitlines()[1].startswith("patrol,1,1,")
    empty = flown.airbeat("month", "proofs/patrol-log.sqlite", "--month", "2026-10", "--json")
    assert all(row["flights"] == 0 for row in json.loads(empty.stdout)["duties"])


def test_a_month_of_a_log_that_was_tampered_with_is_refused(flown: Flown) -> None:
    flown.prove()
    alter_chain(flown.folder)
    done = flown.airbeat("month", "proofs/patrol-log.sqlite", "--month", "2026-09")
    assert done.returncode == 3
    assert "event 1 was changed" in done.stderr


def test_a_drone_that_the_beat_does_not_have_is_refused(flown: Flown) -> None:
    result = flown.prove(flight="two=flight")
    assert "no drone 'two' in this beat" in result["error"]["message"]
