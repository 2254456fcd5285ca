"""Photographs of the embedded camera, read back by the same reader as those of real cards."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from airbeat.errors import AirbeatError, UsageError
from airbeat.frames.folder import scan_folder
from airbeat.frames.reader import load_image, read_frame_meta
from airbeat.sim.camera import EmbeddedCamera
from airbeat.sim.camera_render import Renderer
from airbeat.sim.camera_view import View
from airbeat.vehicle.camera import camera_profile


def _digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("*.JPG"))}


@pytest.fixture(scope="module")
def person_shots(ground: Any, shots: Any) -> list[Any]:
    """One low pose over each of four people."""
    return [
        shots(
            ground, index=k, xy_m=(p.xy_m[0] + 1.5, p.xy_m[1] - 2.0), height_above_home_m=45.0, time_s=2.5 * k
        )
        for k, p in enumerate(ground.people[::6], start=1)
    ]


@pytest.fixture(scope="module")
def taken(
    ground: Any, person_shots: list[Any], small_camera: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Any]:
    folder = tmp_path_factory.mktemp("card")
    camera = EmbeddedCamera(ground, small_camera, folder, workers=1)
    for shot in person_shots:
        camera.capture(shot)
    assert [p.name for p in camera.close()] == [f"DJI_{k:04d}.JPG" for k in range(1, 5)]
    assert camera.done == camera.captured == 4
    return folder, camera


def test_pictures_do_not_depend_on_workers_nor_on_their_order(
    grounds: Any, person_shots: list[Any], small_camera: Any, taken: tuple[Path, Any], tmp_path: Path
) -> None:
    camera = EmbeddedCamera(grounds(5), small_camera, tmp_path, workers=3)
    for shot in reversed(person_shots):
        camera.capture(shot)
    camera.close()
    assert _digests(tmp_path) == _digests(taken[0])


def test_another_seed_shows_another_ground(
    grounds: Any, person_shots: list[Any], small_camera: Any, taken: tuple[Path, Any], tmp_path: Path
) -> None:
    camera = EmbeddedCamera(grounds(6), small_camera, tmp_path)
    camera.capture(person_shots[0])
    (path,) = camera.close()
    first, other = (load_image(read_frame_meta(p)) for p in (taken[0] / "DJI_0001.JPG", path))
    assert np.abs(first.astype(int) - other.astype(int)).mean() > 8


def test_the_reader_finds_what_the_sensors_measured(
    taken: tuple[Path, Any], person_shots: list[Any], small_camera: Any
) -> None:
    meta = read_frame_meta(taken[0] / "DJI_0002.JPG")
    shot = person_shots[1]
    assert meta.findings == ()
    assert (meta.width_px, meta.height_px) == (1000, 750)
    assert meta.position is not None
    assert meta.position.lat_deg == pytest.approx(shot.measured_position.lat_deg, abs=2e-8)
    assert meta.position.lon_deg == pytest.approx(shot.measured_position.lon_deg, abs=2e-8)
    assert meta.height_above_home_m == pytest.approx(70.4)
    assert meta.amsl_m == pytest.approx(490.0 - 45.0 + 70.4)
    assert meta.gimbal_pitch_deg == pytest.approx(-90.0)
    assert meta.gimbal_yaw_deg == pytest.approx(31.0)  # the gimbal shares the compass's error
    assert meta.flight_yaw_deg == pytest.approx(31.0)
    assert meta.flight_roll_deg == pytest.approx(1.5)
    assert meta.focal_length_px == pytest.approx(small_camera.focal_length_px)
    assert meta.time_utc == datetime(2026, 6, 21, 10, tzinfo=UTC) + timedelta(seconds=shot.time_s)
    assert meta.camera_model == "airbeat embedded camera"
    assert "synthetic" in meta.software


def test_positions_south_and_west_and_below_the_sea_survive(
    ground: Any, shots: Any, small_camera: Any, tmp_path: Path
) -> None:
    from airbeat.geo.coordinates import LatLon

    at = LatLon(lat_deg=-33.123456789, lon_deg=-70.987654321)
    shot = replace(shots(ground), measured_position=at, amsl_m=-20.0, measured_height_above_home_m=70.0)
    camera = EmbeddedCamera(ground, small_camera, tmp_path)
    camera.capture(shot)
    meta = read_frame_meta(camera.close()[0])
    assert meta.findings == ()
    assert meta.position is not None
    assert meta.position.lat_deg == pytest.approx(at.lat_deg, abs=2e-8)
    assert meta.position.lon_deg == pytest.approx(at.lon_deg, abs=2e-8)
    assert meta.amsl_m == pytest.approx(-20.0)


def test_every_person_under_the_camera_is_recorded_where_the_pose_puts_it(
    taken: tuple[Path, Any], ground: Any, person_shots: list[Any], small_camera: Any
) -> None:
    seen = taken[1].seen
    for shot, person in zip(person_shots, ground.people[::6], strict=True):
        (row,) = [r for r in seen[person.id] if r["frame"] == f"DJI_{shot.index:04d}.JPG"]
        z = float(ground.height_m([person.xy_m])[0])
        (at,), _ = View(ground, small_camera, shot).project([(*person.xy_m, z + 0.3)])
        left, top, right, bottom = row["xyxy_px"]
        assert left - 15 < at[0] < right + 15
        assert top - 15 < at[1] < bottom + 15
        assert row["visible"] > 0.3


def test_a_person_is_drawn_where_the_truth_says(grounds: Any, shots: Any, small_camera: Any) -> None:
    """Rendered with and without people, the pictures differ inside the recorded boxes and nowhere far off."""
    with_people, without = grounds(5), grounds(5, persons=0)
    person = with_people.people[0]
    shot = shots(with_people, xy_m=person.xy_m, height_above_home_m=40.0)
    image, seen = Renderer(with_people).render(View(with_people, small_camera, shot), index=1)
    empty, none = Renderer(without).render(View(without, small_camera, shot), index=1)
    assert none == []
    (row,) = [s for s in seen if s.person_id == person.id]
    changed = np.abs(image.astype(int) - empty.astype(int)).sum(axis=2) > 40
    left, top, right, bottom = (round(v) for v in row.xyxy_px)
    assert changed[top:bottom, left:right].mean() > 0.15
    far = changed.copy()
    for other in seen:
        x0, y0, x1, y1 = (round(v) for v in other.xyxy_px)
        far[max(0, y0 - 130) : y1 + 130, max(0, x0 - 130) : x1 + 130] = False
    assert far.mean() < 1e-4


def test_a_frame_of_the_mission_shows_at_least_ten_objects_of_a_persons_size(
    grounds: Any, shots: Any
) -> None:
    camera = camera_profile("embedded-12mp")
    for seed in (1, 2, 3):
        ground = grounds(seed)
        for x, y in ((-50.0, -40.0), (45.0, 50.0)):
            view = View(ground, camera, shots(ground, xy_m=(x, y), gimbal_yaw_deg=0.0))
            things = [t for i in range(-6, 6) for j in range(-6, 6) for t in ground.things(i, j)]
            pixels, _ = view.project([(*t.xy_m, t.base_m) for t in things if not t.person_id])
            inside = (pixels > 0).all(axis=1) & (pixels < (4000, 3000)).all(axis=1)
            assert inside.sum() >= 10


def test_the_card_is_read_as_a_folder_in_order(taken: tuple[Path, Any]) -> None:
    scan = scan_folder(taken[0])
    assert [m.path.name for m in scan] == [f"DJI_{k:04d}.JPG" for k in range(1, 5)]
    assert scan.ignored == 0
    assert scan.refused == ()


def test_a_thermal_profile_is_refused(ground: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="thermal"):
        EmbeddedCamera(ground, camera_profile("dji-m3t-thermal"), tmp_path)


def test_a_photograph_that_cannot_be_written_is_an_error_that_names_the_file(
    ground: Any, shots: Any, small_camera: Any, tmp_path: Path
) -> None:
    camera = EmbeddedCamera(ground, small_camera, tmp_path / "card")
    (tmp_path / "card" / "DJI_0001.JPG").mkdir()
    camera.capture(shots(ground))
    with pytest.raises(AirbeatError, match=r"DJI_0001.JPG: the photograph cannot be written"):
        camera.close()


def test_progress_is_told_after_every_photograph(
    ground: Any, shots: Any, small_camera: Any, tmp_path: Path
) -> None:
    calls: list[tuple[int, int]] = []
    camera = EmbeddedCamera(
        ground, small_camera, tmp_path, workers=1, on_frame=lambda done, of: calls.append((done, of))
    )
    for k in (1, 2):
        camera.capture(shots(ground, index=k))
    camera.close()
    assert [done for done, _ in calls] == [1, 2]
    assert calls[-1] == (2, 2)
