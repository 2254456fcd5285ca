"""Each maker's files, made here: their names, signs and datums come out in one convention."""

from __future__ import annotations

import math
import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from airbeat.errors import FrameError
from airbeat.frames import metadata
from airbeat.frames.lens import Lens
from airbeat.frames.makers import Angles, gimbal_angles_of_pix4d
from airbeat.frames.meta import FrameMeta
from airbeat.frames.reader import load_image, read_frame_meta
from airbeat.frames.shutter import readout_s
from airbeat.frames.xmp import read_xmp

HEAD = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
TAIL = "</rdf:RDF></x:xmpmeta>"
SPACES = (
    'xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/" '
    'xmlns:drone="http://www.autelrobotics.com/drone/1.0/" '
    'xmlns:drone-parrot="http://www.parrot.com/drone-parrot/1.0/" '
    'xmlns:drone-skydio="http://www.skydio.com/drone-skydio/1.0/" '
    'xmlns:Camera="http://pix4d.com/camera/1.0/" xmlns:DLS="http://micasense.com/DLS/1.0/"'
)


def as_attributes(values: dict[str, str]) -> bytes:
    fields = " ".join(f'{name}="{value}"' for name, value in values.items())
    return f"{HEAD}<rdf:Description {SPACES} {fields}/>{TAIL}".encode()


def as_elements(body: str) -> bytes:
    return f"{HEAD}<rdf:Description {SPACES}>{body}</rdf:Description>{TAIL}".encode()


def jpeg(width: int = 200, height: int = 150, **options: Any) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    out = BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", **options)
    return out.getvalue()


def exif_of(make: str, model: str, *, altitude_m: float | None = None, **photo: Any) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = make, model
    gps = {1: "N", 2: (47.0, 30.0, 0.0), 3: "W", 4: (8.0, 15.0, 0.0)}
    if altitude_m is not None:
        gps |= {5: b"\x00", 6: IFDRational(round(altitude_m * 100), 100)}
    exif.get_ifd(0x8825).update(gps)
    exif.get_ifd(0x8769).update({int(tag, 16): value for tag, value in photo.items()})
    return exif


def read(tmp_path: Path, xmp: bytes, exif: Image.Exif, **size: int) -> FrameMeta:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(exif=exif, **({"xmp": xmp} if xmp else {}), **size))
    return read_frame_meta(path)


DJI = {
    "drone-dji:GpsLatitude": "+47.5",
    "drone-dji:GpsLongitude": "-8.25",
    "drone-dji:RelativeAltitude": "+70.00",
    "drone-dji:AbsoluteAltitude": "+490.00",
    "drone-dji:GimbalYawDegree": "-133.50",
    "drone-dji:GimbalPitchDegree": "-60.00",
    "drone-dji:GimbalRollDegree": "+0.00",
    "drone-dji:FlightYawDegree": "+12.00",
    "drone-dji:FlightPitchDegree": "-4.00",
    "drone-dji:FlightRollDegree": "+1.00",
    "drone-dji:CalibratedFocalLength": "150.0",
    "drone-dji:CalibratedOpticalCenterX": "100.0",
}
RTK = {
    "drone-dji:RtkFlag": "50",
    "drone-dji:RtkStdLon": "0.011",
    "drone-dji:RtkStdLat": "0.013",
    "drone-dji:RtkStdHgt": "0.025",
}


@pytest.fixture
def no_geoid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "geoid_height_m", lambda position: None)


# DJI


def test_dji_without_rtk_is_above_the_sea(tmp_path: Path) -> None:
    meta = read(tmp_path, as_attributes(DJI), exif_of("DJI", "FC9999"))
    assert meta.maker == "dji"
    assert (meta.amsl_m, meta.ellipsoid_m) == (490.0, None)
    assert meta.position_sigma_m is None


@pytest.mark.usefixtures("no_geoid")
def test_dji_with_rtk_is_above_the_ellipsoid_and_says_how_well(tmp_path: Path) -> None:
    meta = read(tmp_path, as_attributes(DJI | RTK), exif_of("DJI", "FC9999"))
    assert (meta.amsl_m, meta.ellipsoid_m) == (None, 490.0)
    assert (meta.position_sigma_m, meta.height_sigma_m) == (0.013, 0.025)
    assert "above the ellipsoid; its height above the sea is not known" in " ".join(meta.findings)


def test_a_known_geoid_gives_the_height_above_the_sea(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "geoid_height_m", lambda position: 48.0)
    meta = read(tmp_path, as_attributes(DJI | RTK), exif_of("DJI", "FC9999"))
    assert (meta.amsl_m, meta.ellipsoid_m) == (442.0, 490.0)


@pytest.mark.parametrize("std", ["nan", "-1", "0", "1e9", "good"])
def test_absurd_rtk_deviations_are_not_believed(tmp_path: Path, std: str) -> None:
    changes = {"drone-dji:RtkStdLon": std, "drone-dji:RtkStdLat": std, "drone-dji:RtkStdHgt": std}
    meta = read(tmp_path, as_attributes(DJI | RTK | changes), exif_of("DJI", "FC9999"))
    assert (meta.position_sigma_m, meta.height_sigma_m) == (None, None)


def test_djis_speeds_and_laser_are_read(tmp_path: Path) -> None:
    more = {
        "drone-dji:FlightXSpeed": "+3.5",
        "drone-dji:FlightYSpeed": "-2.0",
        "drone-dji:LRFStatus": "Normal",
        "drone-dji:LRFTargetDistance": "140.577",
        "drone-dji:LRFTargetLat": "47.5005",
        "drone-dji:LRFTargetLon": "-8.2503",
        "drone-dji:LRFTargetAbsAlt": "469.3",
    }
    meta = read(tmp_path, as_attributes(DJI | more), exif_of("DJI", "M4E"))
    assert (meta.velocity_north_m_s, meta.velocity_east_m_s) == (3.5, -2.0)
    assert meta.laser is not None
    assert meta.laser.distance_m == 140.577
    assert meta.laser.position is not None
    assert meta.laser.position.lat_deg == 47.5005
    assert meta.laser.altitude_m == 469.3
    absurd = {"drone-dji:FlightXSpeed": "900", "drone-dji:LRFTargetDistance": "-4"}
    meta = read(tmp_path, as_attributes(DJI | more | absurd), exif_of("DJI", "M4E"))
    assert (meta.velocity_north_m_s, meta.laser) == (None, None)
    assert "FlightXSpeed and FlightYSpeed cannot be believed" in " ".join(meta.findings)


DEWARP = "2022-06-08;150.0,150.2,1.5,-2.25,-0.11,0.015,-0.0001,0.0002,-0.027"


def test_djis_dewarp_data_are_the_lens(tmp_path: Path) -> None:
    meta = read(tmp_path, as_attributes(DJI | {"drone-dji:DewarpData": DEWARP}), exif_of("DJI", "M3E"))
    assert meta.lens == Lens(
        centre_x_px=101.5,
        centre_y_px=72.75,
        k1=-0.11,
        k2=0.015,
        p1=-0.0001,
        p2=0.0002,
        k3=-0.027,
        source="DewarpData",
    )
    flag = {"drone-dji:DewarpData": DEWARP, "drone-dji:DewarpFlag": "1"}
    assert read(tmp_path, as_attributes(DJI | flag), exif_of("DJI", "M3E")).lens is None


@pytest.mark.parametrize(
    ("text", "wording"),
    [
        ("2022-06-08;150,150,0,0,nan,0,0,0,0", "cannot be read"),
        ("2022-06-08;150,150", "cannot be read"),
        ("2022-06-08;150,150,0,0,-90,0,0,0,0", "describes no lens"),
        ("2022-06-08;150,150,0,0,1e300,0,0,0,0", "describes no lens"),
        ("2022-06-08;150,150,90,0,-0.1,0,0,0,0", "far from the picture's middle"),
        ("2022-06-08;150,150,0,0,40,0,0,0,0", "would move the corners"),
    ],
)
def test_dewarp_data_that_are_no_lens_are_left_out_and_said(tmp_path: Path, text: str, wording: str) -> None:
    meta = read(tmp_path, as_attributes(DJI | {"drone-dji:DewarpData": text}), exif_of("DJI", "M3E"))
    assert meta.lens is None
    assert wording in " ".join(meta.findings)


def test_dewarp_data_of_another_size_are_left_out_and_said(tmp_path: Path) -> None:
    other = {"drone-dji:DewarpData": DEWARP, "drone-dji:CalibratedOpticalCenterX": "400"}
    meta = read(tmp_path, as_attributes(DJI | other), exif_of("DJI", "M3E"))
    assert meta.lens is None
    assert "belong to a picture about 800 px wide" in " ".join(meta.findings)


# Autel


@pytest.mark.usefixtures("no_geoid")
def test_newer_autel_files_use_djis_names_above_the_ellipsoid(tmp_path: Path) -> None:
    values = {
        name.replace("drone-dji", "drone"): value for name, value in DJI.items() if "Flight" not in name
    }
    values["drone:GpsLongtitude"] = values.pop("drone:GpsLongitude")
    meta = read(tmp_path, as_attributes(values), exif_of("Autel Robotics", "XT705"))
    assert meta.maker == "autel"
    assert (meta.amsl_m, meta.ellipsoid_m) == (None, 490.0)
    assert meta.gimbal_pitch_deg == -60.0
    assert meta.position is not None
    assert meta.position.lon_deg == -8.25
    assert "headings of Autel cameras were seen to be wrong" in " ".join(meta.findings)
    assert "FlightYawDegree" not in " ".join(meta.findings)


def test_older_autel_files_count_the_pitch_from_straight_down(tmp_path: Path) -> None:
    values = {"Camera:Pitch": "30.0", "Camera:Yaw": "100.0", "Camera:Roll": "0.0"}
    meta = read(tmp_path, as_attributes(values), exif_of("Autel Robotics", "XT701", altitude_m=512.5))
    assert meta.gimbal_pitch_deg == pytest.approx(-60.0)
    assert meta.gimbal_yaw_deg == pytest.approx(100.0)
    assert meta.gimbal_roll_deg == pytest.approx(0.0, abs=1e-9)
    assert (meta.amsl_m, meta.ellipsoid_m) == (512.5, None)
    assert meta.readout_s == 0.025
    assert "Autel" in " ".join(meta.findings)


# Parrot

PARROT = (
    "<drone-parrot:CameraRollDegree>-0.052789</drone-parrot:CameraRollDegree>"
    "<drone-parrot:CameraPitchDegree>-51.988888</drone-parrot:CameraPitchDegree>"
    "<drone-parrot:CameraYawDegree>146.848038</drone-parrot:CameraYawDegree>"
    "<Camera:Pitch>38.011101</Camera:Pitch><Camera:Yaw>146.781036</Camera:Yaw>"
    "<Camera:Roll>-0.041258</Camera:Roll>"
    "<Camera:AboveGroundAltitude>11485529/262144</Camera:AboveGroundAltitude>"
    "<Camera:GPSXYAccuracy>845389/2097152</Camera:GPSXYAccuracy>"
    "<Camera:GPSZAccuracy>5117051/8388608</Camera:GPSZAccuracy>"
    "<Camera:ModelType>perspective</Camera:ModelType>"
    "<Camera:PerspectiveFocalLength>527/100</Camera:PerspectiveFocalLength>"
    "<Camera:PerspectiveDistortion>-0.02,0.001,0,0,0</Camera:PerspectiveDistortion>"
)


@pytest.mark.usefixtures("no_geoid")
@pytest.mark.parametrize(("model", "datum"), [("ANAFI", "sea"), ("ANAFI Ai", "ellipsoid")])
def test_parrots_fractions_angles_and_datums(tmp_path: Path, model: str, datum: str) -> None:
    exif = exif_of("Parrot", model, altitude_m=300.0, **{"0xA20E": 30.0, "0xA210": 4})
    meta = read(tmp_path, as_elements(PARROT), exif)
    assert meta.maker == "parrot"
    assert meta.gimbal_pitch_deg == pytest.approx(-51.988888)
    assert meta.gimbal_yaw_deg == pytest.approx(146.848038)
    assert meta.height_above_home_m == pytest.approx(43.8138, abs=1e-3)
    assert meta.position_sigma_m == pytest.approx(0.4031, abs=1e-4)
    assert meta.height_sigma_m == pytest.approx(0.6100, abs=1e-4)
    assert meta.focal_length_px == pytest.approx(5.27 * 30.0)
    assert meta.lens is not None
    assert meta.lens.k1 == -0.02
    assert (meta.amsl_m is None) == (datum == "ellipsoid")
    assert (meta.ellipsoid_m is None) == (datum == "sea")
    assert "above ground by the file's word" in " ".join(meta.findings)


def test_parrots_two_ways_of_writing_the_angles_agree(tmp_path: Path) -> None:
    only_pix4d = PARROT[PARROT.index("<Camera:Pitch>") :]
    meta = read(tmp_path, as_elements(only_pix4d), exif_of("Parrot", "ANAFI"))
    assert meta.maker == "pix4d"
    assert meta.gimbal_pitch_deg == pytest.approx(-51.988888, abs=0.01)
    assert meta.gimbal_yaw_deg == pytest.approx(146.848038, abs=0.03)
    assert meta.gimbal_roll_deg == pytest.approx(-0.052789, abs=0.05)


# Skydio

SKYDIO = (
    "<drone-skydio:Latitude>47.5</drone-skydio:Latitude><drone-skydio:Longitude>-8.25</drone-skydio:Longitude>"
    "<drone-skydio:AbsoluteAltitude>1034.441910</drone-skydio:AbsoluteAltitude>"
    '<drone-skydio:CameraOrientationFLU rdf:parseType="Resource"><drone-skydio:Roll>9</drone-skydio:Roll>'
    "<drone-skydio:Pitch>9</drone-skydio:Pitch><drone-skydio:Yaw>9</drone-skydio:Yaw>"
    "</drone-skydio:CameraOrientationFLU>"
    '<drone-skydio:CameraOrientationNED rdf:parseType="Resource">'
    "<drone-skydio:Roll>0.186841</drone-skydio:Roll><drone-skydio:Pitch>-7.468572</drone-skydio:Pitch>"
    "<drone-skydio:Yaw>127.444323</drone-skydio:Yaw></drone-skydio:CameraOrientationNED>"
    '<drone-skydio:CalibratedFocalLength rdf:parseType="Resource"><drone-skydio:X>120.0</drone-skydio:X>'
    "<drone-skydio:Y>120.0</drone-skydio:Y></drone-skydio:CalibratedFocalLength>"
    '<drone-skydio:CalibratedOpticalCenter rdf:parseType="Resource"><drone-skydio:X>99.5</drone-skydio:X>'
    "<drone-skydio:Y>74.5</drone-skydio:Y></drone-skydio:CalibratedOpticalCenter>"
    "<drone-skydio:DewarpData>0.13000, -0.24000, 0.10400</drone-skydio:DewarpData>"
)
X10 = (
    "<drone-skydio:VertCS>ellipsoidal</drone-skydio:VertCS>"
    "<drone-skydio:GpsMslHeight>1008.2</drone-skydio:GpsMslHeight>"
    "<drone-skydio:RelativeAltitude>52.5</drone-skydio:RelativeAltitude>"
    "<drone-skydio:GpsHorizontalAccuracy>0.4</drone-skydio:GpsHorizontalAccuracy>"
    "<drone-skydio:GpsVerticalAccuracy>0.6</drone-skydio:GpsVerticalAccuracy>"
)


def test_skydios_ned_angles_are_told_from_the_others(tmp_path: Path) -> None:
    meta = read(tmp_path, as_elements(SKYDIO), exif_of("Skydio", "2"))
    assert meta.maker == "skydio"
    angles = (meta.gimbal_yaw_deg, meta.gimbal_pitch_deg, meta.gimbal_roll_deg)
    assert angles == pytest.approx((127.444323, -7.468572, 0.186841))
    assert meta.amsl_m == pytest.approx(1034.44191)
    assert meta.height_above_home_m is None
    assert meta.focal_length_px == 120.0
    assert meta.lens is not None
    assert (meta.lens.centre_x_px, meta.lens.k2) == (100.0, -0.24)


def test_skydios_older_way_of_writing_structures_is_read_too(tmp_path: Path) -> None:
    nested = (
        '<drone-skydio:CameraOrientationNED><rdf:Description drone-skydio:Roll="0.1" '
        'drone-skydio:Pitch="-45" drone-skydio:Yaw="10"/></drone-skydio:CameraOrientationNED>'
    )
    flat = (
        '<drone-skydio:CameraOrientationNED drone-skydio:Roll="0.1" '
        'drone-skydio:Pitch="-45" drone-skydio:Yaw="10"/>'
    )
    for body in (nested, flat):
        meta = read(tmp_path, as_elements(body), exif_of("Skydio", "2"))
        assert (meta.gimbal_yaw_deg, meta.gimbal_pitch_deg) == (10.0, -45.0)


def test_skydio_x10_says_its_datum_and_zooms(tmp_path: Path) -> None:
    exif = exif_of("Skydio", "VT300-Z_50", **{"0xA404": 3.0})
    meta = read(tmp_path, as_elements(SKYDIO + X10), exif)
    assert (meta.amsl_m, meta.ellipsoid_m) == (1008.2, pytest.approx(1034.44191))
    assert meta.height_above_home_m == 52.5
    assert (meta.position_sigma_m, meta.height_sigma_m) == (0.4, 0.6)
    assert meta.focal_length_px == 360.0, "the calibration is that of the picture without zoom"


# Geotags of autopilots, and others


def test_geotags_of_autopilots_are_places_above_the_sea_without_angles(tmp_path: Path) -> None:
    meta = read(tmp_path, b"", exif_of("SONY", "ILCE-6000", altitude_m=512.25, **{"0x9291": "25"}))
    assert meta.maker == ""
    assert meta.amsl_m == 512.25
    assert meta.position is not None
    assert meta.position.lat_deg == 47.5
    assert meta.gimbal_pitch_deg is None
    assert "no XMP: no height above home and no gimbal angles" in meta.findings


def test_the_compass_of_the_exif_is_a_heading_only_from_true_north(tmp_path: Path) -> None:
    for reference, yaw in (("T", 123.5), ("M", None)):
        exif = exif_of("SONY", "ILCE-6000")
        exif.get_ifd(0x8825).update({16: reference, 17: IFDRational(1235, 10)})
        meta = read(tmp_path, b"", exif)
        assert meta.gimbal_yaw_deg == yaw
        assert "GPSImgDirection" in " ".join(meta.findings)


def test_a_light_sensors_angles_are_not_the_cameras(tmp_path: Path) -> None:
    values = {"DLS:Yaw": "1.5", "DLS:Pitch": "0.2", "DLS:Roll": "0.1"}
    assert read(tmp_path, as_attributes(values), exif_of("MicaSense", "RedEdge")).gimbal_pitch_deg is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((0.0, 0.0, 0.0), (0.0, -90.0, 0.0)),
        ((90.0, 0.0, 0.0), (90.0, -90.0, 0.0)),
        ((20.0, 45.0, 0.0), (20.0, -45.0, 0.0)),
        ((20.0, 90.0, 0.0), (20.0, 0.0, 0.0)),
        # The belly of an airframe with its right side 30° down looks 30° to the left.
        ((0.0, 0.0, 30.0), (270.0, -60.0, 90.0)),
        ((0.0, -10.0, 0.0), (180.0, -80.0, 180.0)),
    ],
)
def test_pix4ds_angles_turn_a_camera_that_looks_down(
    given: tuple[float, float, float], expected: tuple[float, float, float]
) -> None:
    found = gimbal_angles_of_pix4d(Angles(yaw_deg=given[0], pitch_deg=given[1], roll_deg=given[2]))
    assert found.yaw_deg is not None
    assert found.roll_deg is not None
    assert math.cos(math.radians(found.yaw_deg - expected[0])) == pytest.approx(1.0)
    assert found.pitch_deg == pytest.approx(expected[1])
    assert abs(found.roll_deg) == pytest.approx(abs(expected[2]), abs=1e-6)


def test_readout_times_are_known_for_some_cameras_and_never_guessed() -> None:
    assert readout_s("FC300S", 4000, 2250) == 0.033
    assert readout_s("FC3582", 8064, 6048) == 0.060
    assert readout_s("M3E", 5280, 3956) is None
    assert readout_s("M3E", 5280, 3956, "Mechanical") == 0.0


# Hostile XMP


def test_a_million_values_and_deep_nesting_end(tmp_path: Path) -> None:
    many = as_attributes({f"drone-dji:V{i}": "1" for i in range(20_000)})
    assert len(read_xmp(many)[0]) <= 2000
    deep = as_elements("<drone-dji:A>" * 5000 + "</drone-dji:A>" * 5000)
    assert isinstance(read_xmp(deep)[0], dict)
    huge = as_attributes({"drone-dji:GimbalPitchDegree": "9" * 1_100_000})
    values, findings = read_xmp(huge)
    assert values == {}
    assert "more than 1000000" in findings[0]


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400", "1/0", "9" * 400, "", "٣٠", "0x10"])
def test_no_value_of_the_xmp_gets_through_as_nonsense(tmp_path: Path, value: str) -> None:
    names = [n for n in DJI if "Latitude" not in n and "Longitude" not in n]
    more = ["drone-dji:FlightXSpeed", "drone-dji:FlightYSpeed", "drone-dji:DewarpData", *RTK]
    meta = read(tmp_path, as_attributes(dict.fromkeys([*names, *more], value)), exif_of("DJI", "M3E"))
    for name in FrameMeta.__slots__:
        attribute = getattr(meta, name)
        if isinstance(attribute, float):
            assert math.isfinite(attribute), name
            assert abs(attribute) <= 20_000, name


# Pictures in other files


def _dng(preview: bytes, xmp: bytes) -> bytes:
    """IFD0 with the metadata and a lossless raw strip; the preview in a sub-directory."""
    raw = b"\xff\xd8\xff\xc3" + b"\0" * 40
    blobs = [b"SONY\0", b"ILCE-6000\0", xmp, raw, preview]
    count0, count1 = 9, 4
    at = 8 + 2 + 12 * count0 + 4
    sub = at
    at += 2 + 12 * count1 + 4
    offsets = []
    for blob in blobs:
        offsets.append(at)
        at += len(blob) + len(blob) % 2

    def entry(tag: int, kind: int, number: int, value: int) -> bytes:
        return struct.pack("<HHII", tag, kind, number, value)

    ifd0 = (
        entry(0x0100, 4, 1, 5000)
        + entry(0x0103, 4, 1, 7)
        + entry(0x010F, 2, 5, offsets[0])
        + entry(0x0110, 2, 10, offsets[1])
        + entry(0x0111, 4, 1, offsets[3])
        + entry(0x0117, 4, 1, len(raw))
        + entry(0x014A, 4, 1, sub)
        + entry(0x02BC, 1, len(xmp), offsets[2])
        + entry(0xC612, 4, 1, 0x01040000)
    )
    ifd1 = (
        entry(0x00FE, 4, 1, 1)
        + entry(0x0103, 4, 1, 7)
        + entry(0x0111, 4, 1, offsets[4])
        + entry(0x0117, 4, 1, len(preview))
    )
    data = b"II*\0" + struct.pack("<I", 8)
    data += struct.pack("<H", count0) + ifd0 + struct.pack("<I", 0)
    data += struct.pack("<H", count1) + ifd1 + struct.pack("<I", 0)
    for blob in blobs:
        data += blob + b"\0" * (len(blob) % 2)
    return data


def test_a_dngs_preview_is_the_picture_and_its_metadata_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.dng"
    path.write_bytes(_dng(jpeg(160, 120), as_attributes(DJI)))
    meta = read_frame_meta(path)
    assert (meta.width_px, meta.height_px) == (160, 120)
    assert meta.camera_model == "ILCE-6000"
    assert meta.gimbal_pitch_deg == -60.0
    assert meta.focal_length_px == pytest.approx(150.0 * 160 / 200)
    assert "DNG: its JPEG preview of 160×120 px is the picture" in " ".join(meta.findings)
    assert load_image(meta).shape == (120, 160, 3)


def test_a_dng_without_a_preview_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.dng"
    path.write_bytes(_dng(b"\xff\xd8\xff\xc3" + b"\0" * 60, as_attributes(DJI)))
    with pytest.raises(FrameError, match="no JPEG preview"):
        read_frame_meta(path)


@pytest.mark.parametrize("cut", [20, 60, 120, 200])
def test_a_dng_cut_short_is_refused_without_a_traceback(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.dng"
    path.write_bytes(_dng(jpeg(), as_attributes(DJI))[:cut])
    with pytest.raises(FrameError):
        read_frame_meta(path)


@pytest.mark.shared_data
def test_radiometric_files_are_read_as_their_visible_picture(shared_data: Path) -> None:
    for name in ("H20T_R.jpg", "XT2_R.jpg", "XTS_R.jpg", "M3T_0001_R_noGPS.jpg"):
        meta = read_frame_meta(shared_data / "dji-exif" / name)
        assert meta.modality == "thermal", name
        assert "radiometric thermal file" in " ".join(meta.findings), name
    plain = read_frame_meta(shared_data / "dji-exif" / "brighton_DJI_0028.JPG")
    assert "radiometric" not in " ".join(plain.findings)
