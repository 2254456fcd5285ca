"""``airbeat locate``: a pixel's place for people and programs, and refusals with their reason."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Run = Callable[..., subprocess.CompletedProcess[str]]

XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/" {}/></rdf:RDF></x:xmpmeta>'
)
DJI = {
    "GpsLatitude": "47.5",
    "GpsLongitude": "11.5",
    "RelativeAltitude": "+100.00",
    "AbsoluteAltitude": "+1100.00",
    "GimbalYawDegree": "0.0",
    "GimbalPitchDegree": "-45.0",
    "GimbalRollDegree": "0.0",
    "FlightYawDegree": "0.0",
    "FlightPitchDegree": "0.0",
    "FlightRollDegree": "0.0",
    "CalibratedFocalLength": "2000.0",
}


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    return write(tmp_path / "DJI_0042.JPG")


def write(path: Path, **changes: str) -> Path:
    fields = " ".join(f'drone-dji:{k}="{v}"' for k, v in (DJI | changes).items())
    out = BytesIO()
    Image.fromarray(np.zeros((3000, 4000), np.uint8)).save(out, "JPEG", xmp=XMP.format(fields).encode())
    path.write_bytes(out.getvalue())
    return path


@pytest.fixture
def tile(tmp_path: Path) -> Path:
    """1000 m at the south, 200 m higher for every kilometre north."""
    north = np.linspace(1, 0, 1201)[:, None] + np.zeros((1, 1201))
    path = tmp_path / "N47E011.hgt"
    np.round(1000 + 111.2 * 200 * (north - 0.5)).astype(">i2").tofile(path)
    return path


def test_a_place_for_people_has_three_notations_and_its_error(airbeat: Run, photograph: Path) -> None:
    done = airbeat("locate", str(photograph), "2000,1500")
    assert done.returncode == 0, done.stderr
    for text in ("47.500899, 11.500000", "47° 30.054' N 011° 30.000' E", "32T PT", "CE90", "half axes"):
        assert text in done.stdout
    assert "flat, assumed 0 m above home" in done.stdout


def test_a_place_for_programs_names_its_datums(airbeat: Run, photograph: Path, tile: Path) -> None:
    done = airbeat(
        "locate", str(photograph), "2000,1500", "--terrain", str(tile), "--home", "47.5,11.5", "--json"
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["horizontal_datum"] == "WGS84"
    assert found["from_camera"]["distance_m"] == pytest.approx(100 / 1.2, abs=1.5)
    assert found["ground"]["model"] == "N47E011.hgt"
    assert found["ground"]["home_in_model_m"] == pytest.approx(1000.0, abs=1.0)
    assert "at the take-off place" in found["ground"]["home_source"]
    assert found["camera_height"] == {
        "above_home_m": 100.0,
        "above_sea_m": 1100.0,
        "above_ellipsoid_m": None,
    }
    assert 0 < found["ellipse_90"]["semi_minor_m"] <= found["ellipse_90"]["semi_major_m"]
    assert {e["source"] for e in found["errors_one_sigma"]} >= {"terrain", "heading", "pixel x"}
    without_home = airbeat("locate", str(photograph), "2000,1500", "--terrain", str(tile), "--json")
    assert json.loads(without_home.stdout)["ce90_m"] > 1.5 * found["ce90_m"], "the GPS's altitude is worse"


@pytest.mark.parametrize(
    ("arguments", "code", "wording"),
    [
        (["2000"], 2, "is not X,Y in pixels"),
        (["9000,10"], 2, "outside the picture of 4000×3000 px"),
        (["2000,1500", "--home", "47.5,11.5"], 2, "only with --terrain"),
        (["2000,1500", "--ground-height-m", "150"], 3, "not above the ground"),
        (["2000,1500", "--ground-height-m=-inf"], 2, "a ground height of -inf m"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_remedy(
    airbeat: Run, photograph: Path, arguments: list[str], code: int, wording: str
) -> None:
    done = airbeat("locate", str(photograph), *arguments)
    assert done.returncode == code
    assert wording in done.stderr


def test_the_horizon_and_missing_angles_are_refused(airbeat: Run, tmp_path: Path) -> None:
    done = airbeat("locate", str(write(tmp_path / "a.jpg", GimbalPitchDegree="0.0")), "2000,1000")
    assert done.returncode == 3
    assert "a.jpg: this part of the frame looks at the horizon or above it" in done.stderr
    done = airbeat("locate", str(write(tmp_path / "b.jpg", GimbalYawDegree="nonsense")), "2000,1000")
    assert done.returncode == 3
    assert "the camera's yaw" in done.stderr


def test_a_subtitle_file_that_does_not_fit_is_refused(airbeat: Run, photograph: Path, tmp_path: Path) -> None:
    srt = tmp_path / "a.srt"
    srt.write_text("1\n00:00:00,000 --> 00:00:01,000\n[latitude: 47.5] [longitude: 11.5]\n")
    done = airbeat("locate", str(photograph), "2000,1500", "--telemetry", str(srt))
    assert done.returncode == 3
    assert "a.srt: " in done.stderr


def test_a_yaw_against_the_airframes_is_named(airbeat: Run, tmp_path: Path) -> None:
    done = airbeat("locate", str(write(tmp_path / "a.jpg", GimbalYawDegree="180.0")), "2000,1500")
    assert done.returncode == 0
    assert "note: the camera's yaw is opposite to the airframe's" in done.stdout


def test_the_pitch_of_a_fixed_camera_may_be_given_where_the_photograph_does_not_say_it(
    airbeat: Run, tmp_path: Path, tile: Path
) -> None:
    image = write(tmp_path / "a.jpg", GimbalPitchDegree="", RelativeAltitude="")
    words = ("locate", str(image), "2000,1500", "--terrain", str(tile), "--home", "47.5,11.5")
    assert "the camera's pitch" in airbeat(*words).stderr
    done = airbeat(*words, "--camera-pitch-deg", "-90", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["from_camera"]["distance_m"] < 0.1
    assert found["camera_height"]["above_home_m"] == pytest.approx(100.0, abs=1.0)
    assert any("given by hand" in finding for finding in found["findings"])
