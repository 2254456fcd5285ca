"""Zones in frames: how much a frame shows, what is counted there, and what becomes an event."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from PIL import Image

from airbeat.detect.crowd import CrowdCount
from airbeat.flight.crowds import CrowdMonitor, alert_payload, shown_zone
from airbeat.frames.meta import FrameMeta
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.mission.beat import Beat
from airbeat.mission.beatloader import parse_beat

MIDDLE = LatLon(lat_deg=47.001, lon_deg=11.001)
BEGIN = datetime(2026, 9, 7, 10, 0, tzinfo=UTC)
BEAT = """\
airbeat: 1
kind: patrol
name: Market
time_zone: UTC
times: [{name: market, begin: 08:00, end: 14:00}]
launch:
  - name: pad
    lat: 47.0
    lon: 11.0
    drones: [{name: one, camera: embedded-12mp, airframe: arducopter-quad, speed_m_s: 8,
              height: {value_m: 40, datum: home}}]
crowds:
  - name: square
    times: market
    outline: [{lat: 47.00091, lon: 11.00087}, {lat: 47.00109, lon: 11.00087},
              {lat: 47.00109, lon: 11.00113}, {lat: 47.00091, lon: 11.00113}]
    watch: {measure: count, blue: 5, yellow: 10, orange: 20, red: 40, persist_s: 20, escalate_s: 60}
beat:
  points: [{name: gate, lat: 47.001, lon: 11.001}]
"""


@pytest.fixture
def beat() -> Beat:
    return parse_beat(BEAT.encode(), name="beat.yaml", base_dir=Path())


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "frame.jpg"
    Image.new("RGB", (400, 300), (120, 120, 120)).save(path)
    return path


def frame(path: Path, *, north_m: float = 0.0, pitch_deg: float = -90.0, height_m: float = 40.0) -> FrameMeta:
    return FrameMeta(
        path=path,
        sha256="ab" * 32,
        width_px=400,
        height_px=300,
        position=LocalFrame(MIDDLE).to_latlon([(0.0, north_m)])[0],
        height_above_home_m=height_m,
        gimbal_yaw_deg=0.0,
        gimbal_pitch_deg=pitch_deg,
        gimbal_roll_deg=0.0,
        focal_length_px=400.0,
    )


@dataclass
class Told:
    """Counts what it is told, and remembers the zones."""

    persons: float = 0.0

    def count(
        self, image_bgr: npt.NDArray[np.uint8], zones_px: list[object], *, meta: FrameMeta, gsd_m_px: float
    ) -> list[CrowdCount]:
        self.zones = zones_px
        self.gsd_m_px = gsd_m_px
        assert image_bgr.shape == (300, 400, 3)
        return [CrowdCount(persons=self.persons, low=0.0, high=2 * self.persons) for _ in zones_px]


def test_a_zone_below_the_camera_lies_where_it_should_in_the_picture(beat: Beat, picture: Path) -> None:
    shown = shown_zone(frame(picture), beat.crowds[0])
    assert shown is not None
    assert shown.share == pytest.approx(1.0)
    assert shown.area_m2 == pytest.approx(20.0 * 19.8, rel=0.02)
    assert shown.polygon_px.centroid.x == pytest.approx(200, abs=1)
    assert shown.polygon_px.centroid.y == pytest.approx(150, abs=1)
    assert shown.polygon_px.area == pytest.approx(shown.area_m2 / 0.1**2, rel=0.02)


def test_the_part_that_a_frame_shows_is_what_counts(beat: Beat, picture: Path) -> None:
    shown = shown_zone(frame(picture, north_m=15.0), beat.crowds[0])
    assert shown is not None
    assert shown.share == pytest.approx(0.5, abs=0.03)
    assert shapely.box(0, 0, 400, 300).buffer(1.0).covers(shown.polygon_px)
    assert shown_zone(frame(picture, north_m=200.0), beat.crowds[0]) is None


def test_counts_follow_the_frames_and_an_alert_names_its_frame(beat: Beat, picture: Path) -> None:
    counter = Told(persons=12.0)
    monitor = CrowdMonitor(beat, counter)  # type: ignore[arg-type]
    changes = []
    for second in range(0, 100, 10):
        count = monitor.take(frame(picture), BEGIN + timedelta(seconds=second))
        assert count.why_not == ""
        changes += count.changes
    assert counter.gsd_m_px == pytest.approx(0.1)
    assert [(c.what, c.colour.word) for c in changes] == [("raised", "yellow"), ("escalated", "orange")]
    payload = alert_payload(changes[0], beat)
    assert json.loads(json.dumps(payload)) == payload
    assert payload["frame"] == "frame.jpg"
    assert payload["frame_sha256"] == "ab" * 32
    assert payload["persons"] == 12.0
    assert payload["zone"] == "square"


def test_a_half_shown_zone_is_filled_up_for_a_count(beat: Beat, picture: Path) -> None:
    monitor = CrowdMonitor(beat, Told(persons=6.0))  # type: ignore[arg-type]
    (reading,) = monitor.take(frame(picture, north_m=15.0), BEGIN).readings
    assert reading.whole == pytest.approx(12.0, rel=0.07)
    assert reading.density_m2 == pytest.approx(6.0 / reading.shown_m2)


@pytest.mark.parametrize(
    ("meta", "moment", "words"),
    [
        ({"north_m": 22.0}, BEGIN, "too little of every zone"),
        ({}, BEGIN + timedelta(hours=5), "whose hours these are"),
        ({"pitch_deg": -5.0}, BEGIN, "horizon"),
        ({"height_m": -1.0}, BEGIN, "not above the ground"),
        ({}, None, "does not say when it was taken"),
    ],
)
def test_frames_of_which_nothing_can_be_read_say_why(
    beat: Beat, picture: Path, meta: dict[str, float], moment: datetime | None, words: str
) -> None:
    monitor = CrowdMonitor(beat, Told(persons=50.0))  # type: ignore[arg-type]
    count = monitor.take(frame(picture, **meta), moment)
    assert words in count.why_not
    assert not count.readings


def test_a_frame_that_comes_late_is_not_read(beat: Beat, picture: Path) -> None:
    monitor = CrowdMonitor(beat, Told())  # type: ignore[arg-type]
    monitor.take(frame(picture), BEGIN)
    late = monitor.take(frame(picture), BEGIN - timedelta(seconds=1))
    assert "older than the frame before" in late.why_not


def test_a_beat_without_a_watch_has_nothing_to_count(beat: Beat) -> None:
    quiet = replace(beat, crowds=tuple(replace(z, watch=None) for z in beat.crowds))
    assert CrowdMonitor(quiet, Told()).zones == {}  # type: ignore[arg-type]


def test_a_picture_that_is_damaged_is_told(beat: Beat, picture: Path) -> None:
    shutil.copy(picture, picture.with_name("half.jpg"))
    half = picture.with_name("half.jpg")
    half.write_bytes(picture.read_bytes()[:200])
    count = CrowdMonitor(beat, Told()).take(frame(half), BEGIN)  # type: ignore[arg-type]
    assert count.why_not
