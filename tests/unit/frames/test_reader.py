"""Reading photographs: what is there is read, what is missing is said, what is broken is refused."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from airbeat.errors import FrameError
from airbeat.frames import reader
from airbeat.frames.folder import scan_folder
from airbeat.frames.reader import load_image, read_frame_meta

XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/" {}/></rdf:RDF></x:xmpmeta>'
)
DJI = {
    "GpsLatitude": "+51.18000000",
    "GpsLongitude": "+8.49000000",
    "RelativeAltitude": "+70.00",
    "AbsoluteAltitude": "+490.00",
    "GimbalYawDegree": "-133.50",
    "GimbalPitchDegree": "-90.00",
    "GimbalRollDegree": "+0.00",
    "FlightYawDegree": "+12.00",
    "FlightPitchDegree": "-4.00",
    "FlightRollDegree": "+1.00",
    "CalibratedFocalLength": "150.000000",
}


def _xmp(fields: dict[str, str]) -> bytes:
    return XMP.format(" ".join(f'drone-dji:{k}="{v}"' for k, v in fields.items())).encode()


def _write(path: Path, *, xmp: bytes = b"", exif: Image.Exif | None = None, seed: int = 0) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 255, (150, 200, 3), dtype=np.uint8)
    options: dict[str, Any] = {"xmp": xmp} if xmp else {}
    Image.fromarray(pixels).save(path, "JPEG", quality=90, exif=exif or Image.Exif(), **options)
    return path


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "DJI\x00\x00", "FC9999\x00\x00"
    return exif


def test_a_full_set_of_dji_values_is_read_without_findings(tmp_path: Path) -> None:
    exif = _exif()
    exif.get_ifd(0x8825).update({29: "2026:05:01", 7: (8.0, 30.0, IFDRational(12500, 1000))})
    meta = read_frame_meta(_write(tmp_path / "a.JPG", xmp=_xmp(DJI), exif=exif))
    assert meta.findings == ()
    assert meta.camera_model == "FC9999"
    assert meta.gimbal_yaw_deg == pytest.approx(226.5)
    assert meta.gimbal_pitch_deg == -90.0
    assert meta.height_above_home_m == 70.0
    assert meta.amsl_m == 490.0
    assert meta.focal_length_px == 150.0
    assert meta.position is not None
    assert (meta.position.lat_deg, meta.position.lon_deg) == (51.18, 8.49)
    assert meta.time_utc == datetime(2026, 5, 1, 8, 30, 12, 500_000, tzinfo=UTC)
    assert len(meta.sha256) == 64


def test_a_bare_picture_says_everything_that_is_missing(tmp_path: Path) -> None:
    meta = read_frame_meta(_write(tmp_path / "a.jpg"))
    assert meta.position is None
    assert meta.height_above_home_m is None
    assert meta.gimbal_pitch_deg is None
    assert meta.focal_length_px is None
    text = " | ".join(meta.findings)
    for wording in ("no EXIF", "no XMP", "no position", "no RelativeAltitude", "no focal length", "no time"):
        assert wording in text


@pytest.mark.parametrize(
    ("field", "value", "attribute"),
    [
        ("RelativeAltitude", "+99999", "height_above_home_m"),
        ("RelativeAltitude", "nan", "height_above_home_m"),
        ("GimbalPitchDegree", "-900", "gimbal_pitch_deg"),
        ("GimbalYawDegree", "north", "gimbal_yaw_deg"),
        ("FlightRollDegree", "inf", "flight_roll_deg"),
        ("AbsoluteAltitude", "1e9", "amsl_m"),
    ],
)
def test_an_absurd_value_is_left_out_and_named(
    tmp_path: Path, field: str, value: str, attribute: str
) -> None:
    meta = read_frame_meta(_write(tmp_path / "a.jpg", xmp=_xmp(DJI | {field: value}), exif=_exif()))
    assert getattr(meta, attribute) is None
    assert any(field in finding and "cannot be believed" in finding for finding in meta.findings)


@pytest.mark.parametrize(
    ("changes", "wording"),
    [
        ({"GpsLatitude": "0.0", "GpsLongitude": "0.0"}, "no fix"),
        ({"GpsLatitude": "95.0"}, "not on Earth"),
        ({"GpsLatitude": "fifty"}, "no position"),
    ],
)
def test_an_impossible_position_is_left_out_and_named(
    tmp_path: Path, changes: dict[str, str], wording: str
) -> None:
    meta = read_frame_meta(_write(tmp_path / "a.jpg", xmp=_xmp(DJI | changes), exif=_exif()))
    assert meta.position is None
    assert wording in " ".join(meta.findings)


def test_positions_that_disagree_are_named(tmp_path: Path) -> None:
    exif = _exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (51.0, 10.0, 49.0), 3: "E", 4: (8.0, 29.0, 24.0)})
    meta = read_frame_meta(_write(tmp_path / "a.jpg", xmp=_xmp(DJI), exif=exif))
    assert any("XMP and EXIF positions are" in finding for finding in meta.findings)


def test_local_time_without_a_zone_is_not_taken_for_utc(tmp_path: Path) -> None:
    exif = _exif()
    exif.get_ifd(0x8769)[0x9003] = "2026:05:01 10:00:00"
    meta = read_frame_meta(_write(tmp_path / "a.jpg", xmp=_xmp(DJI), exif=exif))
    assert meta.time_utc is None
    assert any("without a time zone" in finding for finding in meta.findings)
    exif.get_ifd(0x8769)[0x9011] = "+02:00"
    meta = read_frame_meta(_write(tmp_path / "b.jpg", xmp=_xmp(DJI), exif=exif))
    assert meta.time_utc == datetime(2026, 5, 1, 8, tzinfo=UTC)


def test_the_misspelt_longitude_of_older_firmware_is_read(tmp_path: Path) -> None:
    fields = {k: v for k, v in DJI.items() if k != "GpsLongitude"} | {"GpsLongtitude": "-8.5"}
    meta = read_frame_meta(_write(tmp_path / "a.jpg", xmp=_xmp(fields), exif=_exif()))
    assert meta.position is not None
    assert meta.position.lon_deg == -8.5


def test_xmp_that_declares_entities_is_not_expanded(tmp_path: Path) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + _xmp(DJI)
    meta = read_frame_meta(_write(tmp_path / "a.jpg", xmp=bomb, exif=_exif()))
    assert meta.height_above_home_m is None
    assert any("declares a document type" in finding for finding in meta.findings)


def test_xmp_that_is_not_well_formed_is_read_attribute_by_attribute(tmp_path: Path) -> None:
    broken = _xmp(DJI).replace(b"</rdf:RDF>", b"")
    meta = read_frame_meta(_write(tmp_path / "a.jpg", xmp=broken, exif=_exif()))
    assert meta.height_above_home_m == 70.0
    assert any("not well-formed" in finding for finding in meta.findings)


@pytest.mark.parametrize(
    ("content", "wording"),
    [
        (b"", "the file is empty"),
        (b"\xff\xd8\xff", "not a photograph"),
        (b"GIF89a" + b"\0" * 99, "not a photo"),
    ],
)
def test_what_is_no_photograph_is_refused(tmp_path: Path, content: bytes, wording: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(FrameError, match=wording):
        read_frame_meta(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(FrameError, match="a pipe or a device"):
        read_frame_meta(tmp_path / "a.jpg")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_a_picture_cut_short_is_refused_with_the_rows_it_lost(tmp_path: Path, share: float) -> None:
    whole = _write(tmp_path / "a.jpg", xmp=_xmp(DJI), exif=_exif()).read_bytes()
    header = whole.index(b"\xff\xda")
    path = tmp_path / "b.jpg"
    path.write_bytes(whole[: header + int((len(whole) - header) * share)])
    with pytest.raises(FrameError, match="rows are missing"):
        read_frame_meta(path)


def test_a_picture_that_only_lacks_its_end_marker_is_read_with_a_finding(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.jpg", xmp=_xmp(DJI), exif=_exif())
    path.write_bytes(path.read_bytes()[:-2])
    meta = read_frame_meta(path)
    assert any("end-of-image marker" in finding for finding in meta.findings)
    assert load_image(meta).shape == (150, 200, 3)


def test_files_and_pictures_beyond_the_limits_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write(tmp_path / "a.jpg")
    monkeypatch.setattr(reader, "MAX_PIXELS", 20_000)
    with pytest.raises(FrameError, match=r"^[^:]+: the picture has 200×150 px, more than"):
        read_frame_meta(path)
    monkeypatch.setattr(reader, "MAX_FILE_BYTES", 1000)
    with pytest.raises(FrameError, match="bytes, more than"):
        read_frame_meta(path)


def test_a_header_that_promises_a_gigantic_picture_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.jpg")
    data = bytearray(path.read_bytes())
    start = data.index(b"\xff\xc0")
    data[start + 5 : start + 9] = b"\xff\xdc\xff\xdc"
    path.write_bytes(bytes(data))
    with pytest.raises(FrameError, match=r"too large|more than"):
        read_frame_meta(path)


def test_a_folder_is_read_in_order_with_what_was_left_out(tmp_path: Path) -> None:
    _write(tmp_path / "b.JPG", seed=2)
    first = _write(tmp_path / "a.jpg", seed=1)
    shutil.copy(first, tmp_path / "c.jpeg")
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    (tmp_path / "d.jpg").write_bytes(b"broken")
    (tmp_path / "below").mkdir()
    calls: list[tuple[int, int]] = []
    scan = scan_folder(tmp_path, on_frame=lambda done, of: calls.append((done, of)))
    assert [m.path.name for m in scan] == ["a.jpg", "b.JPG"]
    assert len(scan) == 2
    assert scan[0].path.name == "a.jpg"
    assert scan.ignored == 1
    assert [(a.name, b.name) for a, b in scan.duplicates] == [("c.jpeg", "a.jpg")]
    assert [p.name for p, _ in scan.refused] == ["d.jpg"]
    assert calls[-1] == (4, 4)


def test_hidden_files_beside_the_photographs_are_not_taken_for_photographs(tmp_path: Path) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg")
    (tmp_path / "._a.jpg").write_bytes(b"\x00\x05\x16\x07")
    (tmp_path / "101MEDIA").mkdir()
    scan = scan_folder(tmp_path)
    assert [m.path.name for m in scan] == ["a.jpg"]
    assert scan.refused == ()
    assert scan.ignored == 0
    assert scan.folders == ("101MEDIA",)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FrameError, match="cannot be read"):
        scan_folder(tmp_path / "nowhere")


def test_pixels_are_those_of_the_stored_picture_even_when_exif_asks_to_turn_it(tmp_path: Path) -> None:
    exif = _exif()
    exif[0x0112] = 6
    meta = read_frame_meta(_write(tmp_path / "a.jpg", exif=exif))
    assert load_image(meta).shape == (150, 200, 3)
    assert any("orientation" in finding for finding in meta.findings)


@pytest.mark.parametrize(("shrink", "shape"), [(1, (150, 200, 3)), (2, (75, 100, 3)), (4, (38, 50, 3))])
def test_a_picture_can_be_decoded_at_a_fraction_of_its_size(
    tmp_path: Path, shrink: int, shape: tuple[int, int, int]
) -> None:
    meta = read_frame_meta(_write(tmp_path / "a.jpg"))
    assert load_image(meta, shrink=shrink).shape == shape


def test_thermal_values_of_16_bits_or_in_degrees_are_spread_over_what_a_picture_shows(tmp_path: Path) -> None:
    """Stored as they are they would be 27 to 31 of 255 greys: black."""
    grey = np.random.default_rng(1).integers(0, 256, (60, 80))
    Image.fromarray((7000 + 4 * grey).astype(np.uint16)).save(tmp_path / "counts.tif")
    Image.fromarray((20 + grey / 10).astype(np.float32)).save(tmp_path / "degrees.tif")
    Image.fromarray((grey * 257).astype(np.uint16)).save(tmp_path / "whole.png")
    for name in ("counts.tif", "degrees.tif", "whole.png"):
        meta = read_frame_meta(tmp_path / name)
        assert any("more than 8 bits" in finding for finding in meta.findings)
        seen = load_image(meta)
        assert seen.dtype == np.uint8
        assert np.abs(seen[:, :, 0].astype(int) - grey).max() <= 2, name


def test_a_picture_exchanged_after_its_metadata_were_read_is_refused(tmp_path: Path) -> None:
    meta = read_frame_meta(_write(tmp_path / "a.jpg"))
    Image.new("RGB", (64, 64)).save(meta.path)
    with pytest.raises(FrameError, match="header said"):
        load_image(meta)
    meta.path.unlink()
    with pytest.raises(FrameError, match="cannot be read"):
        load_image(meta)


@pytest.fixture
def shared_data() -> Path:
    folder = os.environ.get("AIRBEAT_SHARED_DATA")
    if not folder:
        pytest.skip("AIRBEAT_SHARED_DATA is not set")
    return Path(folder)


@pytest.mark.shared_data
def test_a_phantom_3_photograph_is_read_whole(shared_data: Path) -> None:
    meta = read_frame_meta(shared_data / "dji-exif" / "brighton_DJI_0028.JPG")
    assert meta.position is not None
    assert (meta.position.lat_deg, meta.position.lon_deg) == pytest.approx(
        (46.84252125, -91.9942096), abs=1e-6
    )
    assert meta.height_above_home_m == pytest.approx(40.1)
    assert meta.amsl_m == pytest.approx(198.61)
    assert meta.gimbal_pitch_deg == pytest.approx(-89.9)
    assert meta.gimbal_yaw_deg == pytest.approx(226.5)
    assert meta.focal_length_px == pytest.approx(2329, abs=1)
    assert meta.camera_model == "FC300S"
    assert meta.modality == "rgb"
    assert load_image(meta).shape == (2250, 4000, 3)


@pytest.mark.shared_data
def test_neighbouring_phantom_photographs_have_a_gsd_of_their_height(shared_data: Path) -> None:
    scan = scan_folder(shared_data / "aerial-person" / "brighton-nadir40" / "images")
    assert len(scan) == 5
    assert scan.refused == ()
    for meta in scan:
        assert meta.height_above_home_m is not None
        assert meta.focal_length_px is not None
        assert 0.016 < meta.height_above_home_m / meta.focal_length_px < 0.018


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "pitch_deg", "height_m", "placed"),
    [
        ("H20T_R.jpg", -10.5, 16.508, True),
        ("XT2_R.jpg", 0.0, 1.9, True),
        ("XTS_R.jpg", 19.9, 37.7, True),
        ("M3T_0001_R_noGPS.jpg", None, None, False),
    ],
)
def test_thermal_photographs_are_read_as_far_as_they_say(
    shared_data: Path, name: str, pitch_deg: float | None, height_m: float | None, placed: bool
) -> None:
    meta = read_frame_meta(shared_data / "dji-exif" / name)
    assert meta.modality == "thermal"
    assert (meta.width_px, meta.height_px) == (640, 512)
    assert meta.gimbal_pitch_deg == pitch_deg
    assert meta.height_above_home_m == height_m
    assert (meta.position is not None) is placed
    assert load_image(meta).shape == (512, 640, 3)
    if not placed:
        assert "no position" in meta.findings
