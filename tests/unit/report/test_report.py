"""The report says what is true, shows everything, and is one inert file."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import shapely
from PIL import Image

from airbeat.errors import InputFileError
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import Fence, FencePolygon, FlightPlan, ItemRole, PlanItem, Provenance, Survey
from airbeat.report.content import CandidateEntry, FlownPart, ReportContent, SearchedPart
from airbeat.report.flown import FlightFile, flown_part
from airbeat.report.html import report_html
from airbeat.report.searched import SYNTHETIC, SearchResults, searched_part
from airbeat.report.svgmap import map_svg
from airbeat.sim.camera_exif import SIMULATED_SOFTWARE
from airbeat.vehicle.camera import camera_profile


def _at(east: float, north: float) -> LatLon:
    return LatLon(lat_deg=51.18 + north * 9e-6, lon_deg=8.49 + east * 1.43e-5)


def _square(size: float) -> list[LatLon]:
    return [_at(0, 0), _at(size, 0), _at(size, size), _at(0, size)]


def _plan(name: str = "Hillside") -> FlightPlan:
    ring = [(p.lon_deg, p.lat_deg) for p in _square(300)]
    hole = [(p.lon_deg, p.lat_deg) for p in (_at(100, 100), _at(150, 100), _at(150, 150))]
    height = Altitude(value_m=70, datum=AltitudeDatum.HOME)
    return FlightPlan(
        name=name,
        home=_at(10, 10),
        items=(
            PlanItem(command=MavCmd.NAV_TAKEOFF, altitude=height, role=ItemRole.TAKEOFF),
            PlanItem(command=MavCmd.NAV_WAYPOINT, position=_at(20, 20), altitude=height),
            PlanItem(
                command=MavCmd.NAV_WAYPOINT, position=_at(280, 20), altitude=height, role=ItemRole.SWEEP
            ),
            PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH, role=ItemRole.RETURN),
        ),
        fence=Fence(
            polygons=(
                FencePolygon(inclusion=True, vertices=tuple(_square(320))),
                FencePolygon(inclusion=False, vertices=tuple(_square(40))),
            )
        ),
        survey=Survey(
            area=shapely.Polygon(ring, [hole]),
            camera=camera_profile("embedded-12mp"),
            height_agl_m=70,
            gsd_m_px=0.025,
            footprint_across_m=100,
            footprint_along_m=75,
            spacing_m=70,
            trigger_distance_m=52,
            sweep_angle_deg=90,
            coverage_fraction=0.999,
        ),
        notes=("unsurveyed; not for flight as it is",),
    )


def _content(crop: Path | None = None, name: str = "Hillside") -> ReportContent:
    plan = _plan(name)
    footprint = shapely.Polygon([(p.lon_deg, p.lat_deg) for p in _square(100)])
    return ReportContent(
        plan=plan,
        flown=FlownPart(
            vehicle="embedded vehicle",
            track=(_at(10, 10), _at(20, 20), _at(280, 20), _at(10, 10)),
            duration_s=125.4,
            outcome="landed",
            outside_fence_m=0.0,
            events=((1.0, "take-off <b>"),),
        ),
        searched=SearchedPart(
            frames_received=3,
            frames_searched=2,
            footprints=(footprint, footprint),
            coverage_fraction=0.4321,
            uncovered=shapely.Polygon([(p.lon_deg, p.lat_deg) for p in _square(50)]),
            gsd_range_m_px=(0.0249, 0.0251),
            detector="anomaly",
            candidates=(
                CandidateEntry(
                    number=1,
                    position=_at(60, 70),
                    ce90_m=2.5,
                    score=0.91,
                    looks=2,
                    chances=3,
                    crop=crop,
                    frames=("DJI_0001.JPG", "DJI_0002.JPG"),
                ),
            ),
            unusable=(("DJI_0003.JPG", "no GPS position"),),
        ),
        warnings=("W: GSD is coarse",),
        assumptions=("Flat ground at home height.",),
    )


class _Collector(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [v or "" for k, v in attrs if k in {"src", "href", "srcset", "data", "action"}]


def test_the_report_never_claims_that_the_area_is_cleared() -> None:
    text = report_html(_content())
    assert "Candidates, not confirmed; this area is not cleared." in text
    assert "A person may be in this area and not on this list." in text
    assert "none confirmed" in text
    assert "0 — not yet reviewed" in text


def test_the_report_is_self_contained_and_has_no_script(tmp_path: Path) -> None:
    crop = tmp_path / "c.jpg"
    Image.new("RGB", (60, 40), (90, 120, 60)).save(crop)
    page = _Collector()
    page.feed(report_html(_content(crop)))
    assert "script" not in page.tags
    assert page.sources
    assert all(s.startswith("data:image/jpeg;base64,") for s in page.sources)


def test_a_candidate_is_given_in_degrees_minutes_and_mgrs() -> None:
    text = report_html(_content())
    for expected in ("51.180630, 8.490858", "51° 10.838&#39; N 008° 29.451&#39; E", "32U MB", "CE90 2.5 m"):
        assert expected in text
    assert "seen in 2 of 3" in text


def test_coordinates_wrap_on_narrow_paper_and_are_never_cut_off() -> None:
    style = re.search(r"<style>(.*?)</style>", report_html(_content()), re.S)
    assert style is not None
    assert "nowrap" not in style[1]
    columns = re.findall(r"\.card\{[^}]*grid-template-columns:([^;}]+)", style[1])
    assert len(columns) == 3  # screen, phone, paper
    assert all(c.endswith("px minmax(0,1fr)") for c in columns)  # the text's column may shrink


def test_a_candidate_outside_the_area_is_on_the_map_and_one_far_off_is_told_beside_it() -> None:
    content = _content()
    assert content.searched is not None
    near, far = (
        replace(content.searched.candidates[0], number=n, position=_at(*at))
        for n, at in ((1, (700, 70)), (2, (90_000, 70)))
    )
    content = replace(content, searched=replace(content.searched, candidates=(near, far)))
    text = report_html(content)
    assert "Too far from the plan to be on this map: candidate 2." in text
    places = re.findall(r'class="candidate" cx="([-\d.]+)"', map_svg(content))
    assert 0 < float(places[0]) < 1000
    lonely = replace(content, searched=replace(content.searched, candidates=(near,)))
    assert "Too far from the plan" not in report_html(lonely)


def test_a_flown_position_that_is_far_off_does_not_shrink_the_map() -> None:
    content = _content()
    assert content.flown is not None
    stray = replace(content.flown, track=(LatLon(lat_deg=0, lon_deg=0), *content.flown.track))
    assert "100 m (grid the same)" in map_svg(replace(content, flown=stray))
    assert "100 m (grid the same)" in map_svg(content)


def test_the_maps_letters_are_explained() -> None:
    text = report_html(_content())
    assert "H take-off place" in text
    assert "LKP" not in text  # this plan has no last known point


def test_figures_give_coverage_gsd_and_what_could_not_be_searched() -> None:
    text = report_html(_content())
    for expected in ("43.21% of the area", "2.49–2.51 cm/px", "DJI_0003.JPG: no GPS position"):
        assert expected in text


def test_text_from_files_cannot_become_markup() -> None:
    text = report_html(_content(name="<script>alert(1)</script>"))
    assert "<script" not in text
    assert "take-off &lt;b&gt;" in text


def test_the_map_shows_every_layer_and_is_well_formed() -> None:
    svg = map_svg(_content())
    root = ET.fromstring(svg)
    classes = [e.get("class") for e in root.iter()]
    for layer in ("area", "fence", "keepout", "planned", "flown", "footprint", "gap", "candidate", "ce90"):
        assert layer in classes, layer


def test_north_is_up_and_the_scale_is_the_same_both_ways() -> None:
    svg = map_svg(replace(_content(), flown=None, searched=None))
    d = re.search(r'class="area" fill-rule="evenodd" d="M([^Z]+)Z', svg)
    assert d is not None
    points = [tuple(map(float, p.split())) for p in d.group(1).split("L")]
    (x0, y0), (x1, y1), (x2, y2), _ = points
    assert x1 > x0
    assert y2 < y1
    assert x1 - x0 == pytest.approx(y0 - y2, rel=0.01)
    assert y0 == pytest.approx(y1, abs=1.0)
    assert x2 == pytest.approx(x1, abs=1.0)


def test_a_plan_alone_makes_a_report_that_says_that_nothing_was_flown_or_searched() -> None:
    text = report_html(ReportContent(plan=_plan()))
    assert "Flight plan" in text
    assert "Places to look" not in text
    assert "candidates to look at" not in text
    assert "No photographs were searched for this report; this area is not cleared." in text
    assert "No flight record was given" in text


def _results(**changes: object) -> SearchResults:
    row = {
        "file": "DJI_0001.JPG",
        "width_px": 4000,
        "height_px": 3000,
        "lat_deg": 51.18,
        "lon_deg": 8.49,
        "height_above_home_m": 70.0,
        "gimbal_yaw_deg": 0.0,
        "gimbal_pitch_deg": -90.0,
        "gimbal_roll_deg": 0.0,
        "focal_length_px": 2800.0,
        "gsd_m_px": 0.025,
        "ground_height_above_home_m": 0.0,
        "boxes": [],
    }
    return SearchResults.model_validate(
        {
            "schema": "airbeat/candidates/1",
            "detector": {"name": "AutoDetector", "threshold": 0.8},
            "frames": [row | changes],
            "not_searched": [],
            "candidates": [],
        }
    )


def _searched_report(tmp_path: Path, results: SearchResults) -> str:
    part = searched_part(results, folder=tmp_path, area=None)
    return report_html(replace(_content(), searched=part))


def test_what_was_seen_in_a_photograph_without_a_place_is_told(tmp_path: Path) -> None:
    box = {"xyxy_px": [1, 2, 30, 40], "score": 0.9}
    results = _results(gimbal_yaw_deg=None, boxes=[box, box | {"lat_deg": 51.18}])
    text = _searched_report(tmp_path, results)
    assert "Seen, but without a place" in text
    assert "<li>DJI_0001.JPG: 1 box</li>" in text
    assert "Seen, but without a place" not in _searched_report(tmp_path, _results())


def test_synthetic_photographs_make_an_exercise_of_any_report(tmp_path: Path) -> None:
    synthetic = _results(software="airbeat 9 embedded simulation (synthetic image)")
    assert "the photographs are synthetic" in _searched_report(tmp_path, synthetic)
    assert "Exercise" not in _searched_report(tmp_path, _results(software="10.01.0.5"))
    assert SYNTHETIC in SIMULATED_SOFTWARE


def test_the_report_says_when_the_photographs_were_taken(tmp_path: Path) -> None:
    text = _searched_report(tmp_path, _results(time_utc="2026-06-21T12:00:49+02:00"))
    assert "2026-06-21 10:00 to 10:00 UTC" in text


def _flight(sha256: str, *, events: int = 0) -> FlightFile:
    return FlightFile.model_validate(
        {
            "plan": {"name": "Hillside", "source_name": "hillside.yaml", "source_sha256": sha256},
            "vehicle": {"name": "ArduCopter"},
            "outcome": "completed",
            "explanation": "landed",
            "takeoff_time_s": 10.0,
            "duration_s": 100.0,
            "track": [],
            "events": [{"time_s": 1.0, "kind": "mode", "text": "AUTO"}] * events,
        }
    )


def test_a_flight_of_another_mission_file_is_told_at_the_top() -> None:
    plan = replace(_plan(), provenance=Provenance(source_name="hillside.yaml", source_sha256="aa" * 32))
    same = replace(_content(), plan=plan, flown=flown_part(_flight("aa" * 32), plan=plan))
    assert "The flight was not of this mission file" not in report_html(same)
    other = replace(same, flown=flown_part(_flight("bb" * 32), plan=plan))
    assert "The flight was not of this mission file" in report_html(other)
    assert "hillside.yaml with SHA-256 bbbbbbbbbbbbbbbb" in report_html(other)


def test_events_that_the_report_leaves_out_are_counted() -> None:
    flown = flown_part(_flight("", events=230), plan=_plan())
    assert "… and 30 later events" in report_html(replace(_content(), flown=flown))


def test_photographs_of_somewhere_else_are_told_at_the_top() -> None:
    content = _content()
    assert content.searched is not None
    searched = replace(content.searched, coverage_fraction=0.0)
    assert "None of the area is in any of these photographs" in report_html(
        replace(content, searched=searched)
    )


def test_a_file_name_that_is_no_text_is_escaped() -> None:
    content = _content()
    assert content.searched is not None
    searched = replace(content.searched, unusable=(("\udcdcbung.JPG", "broken"),))
    text = report_html(replace(content, searched=searched))
    assert "\\udcdcbung.JPG: broken" in text
    assert text.encode("utf-8")


def test_a_cut_out_that_is_no_jpeg_is_refused(tmp_path: Path) -> None:
    crop = tmp_path / "c.jpg"
    crop.write_bytes(b"<html>")
    with pytest.raises(InputFileError, match="not a JPEG"):
        report_html(_content(crop))
