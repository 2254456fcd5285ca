"""``airbeat check``: what it prints and writes, and how it ends."""

from __future__ import annotations

import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

Run = Callable[..., subprocess.CompletedProcess[str]]
FAULTY = Path(__file__).resolve().parents[1] / "golden" / "faulty"
CLEAN = str(FAULTY / "clean" / "survey.plan")
QUAD = ("--airframe", "arducopter-quad")


def test_a_clean_plan_ends_with_0_and_says_that_nothing_was_found(airbeat: Run) -> None:
    done = airbeat("check", CLEAN, *QUAD)
    assert done.returncode == 0, done.stderr
    assert "survey.plan: 0 errors, 0 warnings, 0 notes" in done.stdout


def test_errors_end_with_1_and_json_holds_code_place_items_and_remedy(airbeat: Run) -> None:
    done = airbeat("check", str(FAULTY / "leg-outside-fence.plan"), *QUAD, "--json")
    assert done.returncode == 1
    result = json.loads(done.stdout)
    assert result["ok"] is False
    (plan,) = result["plans"]
    finding = next(f for f in plan["findings"] if f["code"] == "leg-outside-fence")
    assert finding["severity"] == "error"
    assert finding["items"]
    assert finding["place"][0] == pytest.approx(51.182, abs=0.001)
    assert finding["remedy"]
    assert len(plan["source_sha256"]) == 64
    assert result["schema_version"] == 1


def test_what_the_file_says_of_itself_stands_below_the_findings(airbeat: Run, workplace: Path) -> None:
    text = Path(CLEAN).read_text(encoding="utf-8").replace('"firmwareType": 3', '"firmwareType": 12')
    (workplace / "px4.plan").write_text(text, encoding="utf-8")
    done = airbeat("check", "px4.plan", *QUAD)
    assert done.returncode == 0, done.stderr
    assert "note: the plan was drawn for PX4 (firmwareType 12)" in " ".join(done.stdout.split())
    (plan,) = json.loads(airbeat("check", "px4.plan", *QUAD, "--json").stdout)["plans"]
    assert any("drawn for PX4" in note for note in plan["notes"])


def test_a_mission_file_is_planned_and_checked(airbeat: Run) -> None:
    done = airbeat("check", "missions/demo-hillside.yaml", "--json")
    assert done.returncode == 0, done.stderr
    (plan,) = json.loads(done.stdout)["plans"]
    assert {f["severity"] for f in plan["findings"]} == {"warning", "note"}


def test_the_picture_and_the_page_show_the_findings(airbeat: Run, workplace: Path) -> None:
    faulty = str(FAULTY / "corner-outside-fence.plan")
    done = airbeat("check", faulty, *QUAD, "--picture", "a.png", "--html", "a.html")
    assert done.returncode == 1, done.stderr
    with Image.open(workplace / "a.png") as picture:
        assert picture.size == (1600, 1200)
        assert "corner-outside-fence" in picture.text["airbeat:notes"]  # type: ignore[attr-defined]
    page = (workplace / "a.html").read_text(encoding="utf-8")
    assert "corner-outside-fence" in page
    assert "<script" not in page
    assert page.count('<svg class="map"') == 3, "the whole plan, the corner, and the crossed return"
    assert airbeat("check", faulty, *QUAD, "--html", "a.html").returncode == 2, "it exists"
    assert airbeat("check", faulty, *QUAD, "--html", "a.html", "--overwrite").returncode == 1


def test_several_files_are_checked_against_one_another(airbeat: Run) -> None:
    done = airbeat("check", CLEAN, str(FAULTY / "aircraft-too-near.plan"), *QUAD, "--json")
    assert done.returncode == 1
    (finding,) = json.loads(done.stdout)["between"]
    assert finding["code"] == "aircraft-too-near"
    late = airbeat(
        "check", CLEAN, str(FAULTY / "aircraft-too-near.plan"), *QUAD, "--start-s", "0", "--start-s", "900"
    )
    assert late.returncode == 0, late.stdout
    assert "aircraft-paths-cross" in late.stdout


def test_another_fence_takes_the_place_of_the_plan_s_own(airbeat: Run, workplace: Path) -> None:
    done = airbeat("check", CLEAN, *QUAD, "--fence", str(FAULTY / "clean" / "area.geojson"))
    assert done.returncode == 1
    assert "leg-outside-fence" in done.stdout


def test_a_map_with_markers_beside_its_areas_is_a_fence_too(airbeat: Run, workplace: Path) -> None:
    drawn = json.loads((FAULTY / "clean" / "area.geojson").read_text(encoding="utf-8"))
    area = drawn if drawn["type"] == "Feature" else drawn["features"][0]
    marker = {
        "type": "Feature",
        "properties": {},
        "geometry": {"type": "Point", "coordinates": [8.49, 51.18]},
    }
    text = json.dumps({"type": "FeatureCollection", "features": [area, marker]})
    (workplace / "map.json").write_text(text, encoding="utf-8")
    done = airbeat("check", CLEAN, *QUAD, "--fence", "map.json")
    assert done.returncode == 1, done.stderr
    assert "leg-outside-fence" in done.stdout


def test_a_fence_may_be_an_area_in_a_kmz_archive(airbeat: Run, workplace: Path) -> None:
    converted = airbeat("convert", str(FAULTY / "clean" / "area.geojson"), "area.kml")
    assert converted.returncode == 0, converted.stderr
    with zipfile.ZipFile(workplace / "area.kmz", "w") as archive:
        archive.write(workplace / "area.kml", "doc.kml")
    done = airbeat("check", CLEAN, *QUAD, "--fence", "area.kmz")
    assert done.returncode == 1, done.stderr
    assert "leg-outside-fence" in done.stdout


def test_people_drawn_as_points_are_refused_instead_of_left_out(airbeat: Run, workplace: Path) -> None:
    people = {
        "type": "Feature",
        "properties": {},
        "geometry": {"type": "Point", "coordinates": [8.49, 51.18]},
    }
    (workplace / "people.geojson").write_text(json.dumps(people), encoding="utf-8")
    done = airbeat("check", CLEAN, *QUAD, "--people", "people.geojson")
    assert done.returncode == 3
    assert "1 point(s) left out" in done.stderr
    assert "polygon" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("gone.plan",), 2, "does not exist"),
        (("not.plan",), 3, "none of the plan formats"),
        ((CLEAN, "--rules", "gone.yaml"), 3, "china-2024"),
        ((CLEAN, "--rules", "bad.yaml"), 3, "bad.yaml:2:1"),
        ((CLEAN, "--terrain", "not.plan"), 3, "not.plan"),
        ((CLEAN, "--terrain", "N51E008.hgt"), 3, "bytes are no HGT tile"),
        ((CLEAN, "--wind", "strong"), 2, "FROM_DEG,SPEED"),
        ((CLEAN, "--at", "2026-05-01T20:30"), 2, "time zone"),
        ((CLEAN, "--airframe", "kite"), 1, "no airframe profile"),
        ((CLEAN, "--start-s", "0", "--start-s", "9"), 2, "one for each file"),
        ((CLEAN, "--picture", "a.jpg"), 2, "PNG"),
        ((CLEAN, "--fence", "not.plan"), 3, "not.plan"),
        ((CLEAN, "--people", "bad.yaml"), 3, "bad.yaml"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_remedy(
    airbeat: Run, workplace: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    (workplace / "not.plan").write_text("not a plan\n", encoding="utf-8")
    (workplace / "bad.yaml").write_text("airbeat_rules: 1\ntitel: x\n", encoding="utf-8")
    (workplace / "N51E008.hgt").write_bytes(b"\x00" * 1000)
    done = airbeat("check", *arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
