"""Photographs from ArduPilot's own logs, whole, damaged, or not logs at all."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from airbeat.errors import InputFileError
from airbeat.link.dataflash import logged_photos

HEAD = b"\xa3\x95"
CAM, ATT = 97, 33
CAM_COLUMNS = "TimeUS,I,Img,GPSTime,GPSWeek,Lat,Lng,Alt,RelAlt,GPSAlt,R,P,Y"


def _fmt(number: int, name: str, packed: str, letters: str, columns: str) -> bytes:
    length = struct.calcsize("<" + packed) + 3
    body = struct.pack("<BB4s16s64s", number, length, name.encode(), letters.encode(), columns.encode())
    return HEAD + bytes([128]) + body


HEADER = (
    _fmt(128, "FMT", "BB4s16s64s", "BBnNZ", "Type,Length,Name,Format,Columns")
    + _fmt(ATT, "ATT", "Qhh", "Qcc", "TimeUS,Roll,Pitch")
    + _fmt(CAM, "CAM", "QBIIHiiiiihhH", "QBIIHLLeeeccC", CAM_COLUMNS)
)


def _cam(image: int, *, lat: float = 47.5, lon: float = -8.25) -> bytes:
    lat_e7, lon_e7 = round(lat * 1e7), round(lon * 1e7)
    fields = (image * 1_000_000, 0, image, 1, 2, lat_e7, lon_e7, 45_000, 4_950, 45_000, -150, 275, 27_050)
    return HEAD + bytes([CAM]) + struct.pack("<QBIIHiiiiihhH", *fields)


def _att(time_us: int) -> bytes:
    return HEAD + bytes([ATT]) + struct.pack("<Qhh", time_us, 1, 2)


def _log(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "00000001.BIN"
    path.write_bytes(data)
    return path


def test_photographs_come_with_place_height_and_attitude(tmp_path: Path) -> None:
    photos = logged_photos(_log(tmp_path, HEADER + _att(1) + _cam(1) + _att(2) + _cam(2) + _att(3)))
    assert [p.index for p in photos] == [1, 2]
    first = photos[0]
    assert first.time_us == 1_000_000
    assert (first.position.lat_deg, first.position.lon_deg) == pytest.approx((47.5, -8.25), abs=1e-9)
    assert first.height_above_home_m == pytest.approx(49.5)
    assert (first.roll_deg, first.pitch_deg, first.yaw_deg) == pytest.approx((-1.5, 2.75, 270.5))


def test_columns_are_found_by_their_names(tmp_path: Path) -> None:
    """As they stand in the log, in whatever order."""
    kind = _fmt(CAM, "CAM", "QHiii", "QCeLL", "TimeUS,Y,RelAlt,Lng,Lat")
    body = struct.pack("<QHiii", 7, 9_000, 3_000, round(8.25e7), round(47.5e7))
    (photo,) = logged_photos(_log(tmp_path, kind + HEAD + bytes([CAM]) + body))
    assert (photo.position.lat_deg, photo.position.lon_deg) == pytest.approx((47.5, 8.25))
    assert (photo.height_above_home_m, photo.yaw_deg, photo.index) == (30.0, 90.0, 0)


def test_damage_costs_only_what_it_hits(tmp_path: Path) -> None:
    torn = _cam(2)[:20]
    noise = b"\x00\xa3\x95\xff\xa3" + bytes(range(40)) + HEAD
    data = HEADER + _cam(1) + torn + noise + _cam(3) + _att(1) + _cam(4)[:-1]
    images = [p.index for p in logged_photos(_log(tmp_path, data))]
    assert images[0] == 1
    assert 3 in images
    assert 4 not in images, "cut off by the end of the file"


def test_a_photograph_without_a_position_does_not_count(tmp_path: Path) -> None:
    photos = logged_photos(_log(tmp_path, HEADER + _cam(1, lat=0.0, lon=0.0) + _cam(2, lat=95.0)))
    assert photos == []


def test_a_log_without_photographs_has_none(tmp_path: Path) -> None:
    assert logged_photos(_log(tmp_path, HEADER + _att(1))) == []


@pytest.mark.parametrize(
    "data",
    [b"", b"\xa3", b"nothing of the kind", HEADER, bytes(1000), HEAD * 500, (HEAD + bytes([128])) * 400],
    ids=["empty", "one byte", "text", "descriptions only", "zeros", "heads", "torn descriptions"],
)
def test_what_is_no_log_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InputFileError, match="log"):
        logged_photos(_log(tmp_path, data))


def test_a_camera_message_without_a_position_column_is_named(tmp_path: Path) -> None:
    kind = _fmt(CAM, "CAM", "Qi", "QL", "TimeUS,Lat")
    with pytest.raises(InputFileError, match="lack Lng, RelAlt, Y"):
        logged_photos(_log(tmp_path, kind + HEAD + bytes([CAM]) + struct.pack("<Qi", 1, 1)))


def test_a_folder_in_place_of_a_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="cannot be read"):
        logged_photos(tmp_path)
