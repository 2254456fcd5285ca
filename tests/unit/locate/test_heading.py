"""Headings that contradict one another are said; pictures decide what is meant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from airbeat.frames.meta import FrameMeta
from airbeat.frames.reader import read_frame_meta
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.locate.heading import checked_headings, heading_by_pictures

HERE = LatLon(lat_deg=51.0, lon_deg=8.0)


def leg(frame, count=6, *, course=(0.6, 0.8), step_m=20.0, **changes):
    """Photographs along a straight leg; the course is 36.9°."""
    places = LocalFrame(HERE).to_latlon(
        [(i * step_m * course[0], i * step_m * course[1]) for i in range(count)]
    )
    start = datetime(2026, 5, 1, 10, tzinfo=UTC)
    return [
        frame(path=Path(f"{i}.jpg"), position=p, time_utc=start + timedelta(seconds=3 * i), **changes)
        for i, p in enumerate(places)
    ]


def test_headings_that_agree_are_left_alone(frame):
    frames = leg(frame, gimbal_yaw_deg=37.0, flight_yaw_deg=36.0)
    assert checked_headings(frames) == tuple(frames)
    crabbing = leg(frame, gimbal_yaw_deg=120.0, flight_yaw_deg=118.0)
    assert checked_headings(crabbing) == tuple(crabbing), "a drone may fly sideways"


def test_a_yaw_opposite_to_the_airframes_is_said_and_not_changed(frame):
    frames = leg(frame, gimbal_yaw_deg=217.0, flight_yaw_deg=37.0)
    checked = checked_headings(frames)
    assert [f.gimbal_yaw_deg for f in checked] == [217.0] * 6
    assert "opposite to the airframe's in 6 of 6 photographs; places may lie" in checked[0].findings[-1]
    (single,) = checked_headings(frames[:1])
    assert "opposite to the airframe's in 1 of 1" in single.findings[-1]


def test_without_the_airframes_heading_the_course_is_held_against_it(frame):
    checked = checked_headings(leg(frame, gimbal_yaw_deg=217.0))
    assert "opposite to the course in 4 of 4" in checked[0].findings[-1]
    assert checked_headings(leg(frame, gimbal_yaw_deg=37.0))[0].findings == ()


def test_a_yaw_that_stays_at_zero_while_the_airframe_turns_is_said(frame):
    frames = [
        f for i in range(4) for f in leg(frame, 3, gimbal_yaw_deg=2.0, flight_yaw_deg=(90.0 * i + 20) % 360)
    ]
    assert (
        "stays near 0 in 12 photographs while the airframe turns" in checked_headings(frames)[0].findings[-1]
    )


def test_a_viewer_that_wrote_the_file_is_said(frame):
    frames = leg(
        frame, gimbal_yaw_deg=37.0, flight_yaw_deg=36.0, software="Microsoft Windows Photo Viewer 10.0"
    )
    assert "may have turned the pictures" in checked_headings(frames)[0].findings[-1]


@pytest.mark.parametrize(
    ("written", "nose", "measured", "expected"),
    [
        (217.0, 37.0, 38.0, 37.0),
        (217.0, 37.0, 216.0, 217.0),
        (2.0, 100.0, 104.0, 102.0),
        (37.0, 36.0, 215.0, 217.0),
        (217.0, 37.0, 120.0, 217.0),
        (217.0, 37.0, None, 217.0),
    ],
)
def test_the_pictures_decide_between_the_yaws(frame, written, nose, measured, expected):
    frames = leg(frame, gimbal_yaw_deg=written, flight_yaw_deg=nose)
    checked = checked_headings(frames, look=lambda a, b: measured)
    assert checked[2].gimbal_yaw_deg == pytest.approx(expected)
    if expected != written:
        assert "pairs of pictures agree" in checked[2].findings[-1]


def test_each_programs_files_are_judged_for_themselves(frame):
    """Half of a flight's photographs went through a viewer that turned them."""
    frames = leg(frame, 8, gimbal_yaw_deg=37.0, flight_yaw_deg=36.0, software="v01.23")
    turned = leg(frame, 8, gimbal_yaw_deg=37.0, flight_yaw_deg=36.0, software="Photo Viewer")
    mixed = [*frames[:4], *turned[4:]]
    checked = checked_headings(mixed, look=lambda a, b: 217.0 if a.software == "Photo Viewer" else 37.0)
    assert [f.gimbal_yaw_deg for f in checked] == [37.0] * 4 + [217.0] * 4


# Pictures


def photograph(path: Path, ground: np.ndarray, *, east_m: float, north_m: float, up_deg: float) -> None:
    """640×480 px at 0.1 m/px out of a ground of 0.1 m/px, straight down, the picture's up at up_deg."""
    middle = ground.shape[1] / 2 + east_m * 10, ground.shape[0] / 2 - north_m * 10
    turn = cv2.getRotationMatrix2D(middle, up_deg, 1.0)  # counter-clockwise, so that up_deg comes to the top
    turn[:, 2] += np.array([320, 240]) - middle
    cv2.imwrite(str(path), cv2.warpAffine(ground, turn, (640, 480)))


@pytest.mark.parametrize("up_deg", [0.0, 75.0, 180.0, 310.0])
def test_the_heading_is_measured_from_two_pictures(frame, tmp_path, up_deg):
    rng = np.random.default_rng(4)
    ground = cv2.resize(
        rng.integers(0, 255, (300, 300, 3), dtype=np.uint8), (1800, 1800), interpolation=cv2.INTER_CUBIC
    )
    frames: list[FrameMeta] = []
    for i, (east, north) in enumerate([(0.0, 0.0), (12.0, 9.0)]):
        path = tmp_path / f"{i}.png"
        photograph(path, ground, east_m=east, north_m=north, up_deg=up_deg)
        frames.append(
            frame(
                path=path,
                width_px=640,
                height_px=480,
                focal_length_px=600.0,
                height_above_home_m=60.0,
                position=LocalFrame(HERE).to_latlon([(east, north)])[0],
            )
        )
    measured = heading_by_pictures(*frames)
    assert measured is not None
    assert (measured - up_deg + 180) % 360 - 180 == pytest.approx(0.0, abs=3.0)


def test_pictures_that_do_not_look_down_or_show_nothing_tell_no_heading(frame, tmp_path):
    path = tmp_path / "grey.png"
    cv2.imwrite(str(path), np.full((480, 640, 3), 128, np.uint8))
    a, b = [
        frame(path=path, width_px=640, height_px=480, position=p)
        for p in LocalFrame(HERE).to_latlon([(0.0, 0.0), (20.0, 0.0)])
    ]
    assert heading_by_pictures(a, b) is None
    assert heading_by_pictures(frame(position=None), b) is None
    oblique = frame(gimbal_pitch_deg=-30.0)
    assert heading_by_pictures(oblique, oblique) is None


@pytest.mark.shared_data
def test_photographs_that_a_viewer_turned_are_recognised(shared_data: Path) -> None:
    """Of this flight five photographs went through a viewer, which turned them by 180°."""
    paths = sorted((shared_data / "aerial-person" / "brighton-nadir40" / "images").glob("*.JPG"))
    paths += sorted((shared_data / "dji-exif").glob("brighton_*.JPG"))
    checked = checked_headings([read_frame_meta(p) for p in paths], look=heading_by_pictures)
    yaws = {f.path.name: f.gimbal_yaw_deg for f in checked}
    assert yaws["DJI_0018.JPG"] == pytest.approx(45.0)
    for name in ("DJI_0024.JPG", "DJI_0026.JPG", "DJI_0027.JPG", "brighton_DJI_0028.JPG"):
        assert 30.0 < (yaws[name] or 0.0) < 60.0, name
