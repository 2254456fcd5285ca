"""The photographed share of an area grows photograph by photograph, and the bar says it."""

from __future__ import annotations

import pytest
import shapely

from airbeat.cli.flightbar import flight_words
from airbeat.flight.area import PhotographedArea
from airbeat.flight.watch import FlightProgress
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.link.telemetry import Telemetry
from airbeat.mission.plan import Survey
from airbeat.vehicle.camera import CAMERAS

HOME = LatLon(lat_deg=51.18, lon_deg=8.49)
FRAME = LocalFrame(HOME)
CAMERA = CAMERAS["embedded-12mp"]


def _survey(width_m: float, length_m: float) -> Survey:
    across_m, along_m = CAMERA.footprint_m(50.0)
    return Survey(
        area=FRAME.to_geographic(shapely.box(0.0, 0.0, width_m, length_m)),
        camera=CAMERA,
        height_agl_m=50.0,
        gsd_m_px=CAMERA.gsd_m_px(50.0),
        footprint_across_m=across_m,
        footprint_along_m=along_m,
        spacing_m=across_m,
        trigger_distance_m=along_m,
        sweep_angle_deg=0.0,
        coverage_fraction=1.0,
    )


def _at(east_m: float, north_m: float) -> LatLon:
    return FRAME.to_latlon([(east_m, north_m)])[0]


def test_each_photograph_adds_the_ground_that_it_shows_and_none_counts_twice() -> None:
    across_m, along_m = CAMERA.footprint_m(50.0)
    area = PhotographedArea(_survey(2 * across_m, along_m))
    assert area.share == 0.0
    for _ in range(2):
        area.add(position=_at(across_m / 2, along_m / 2), height_above_home_m=50.0, yaw_deg=0.0)
        assert area.share == pytest.approx(0.5, abs=0.002)
    area.add(position=_at(across_m * 1.5, along_m / 2), height_above_home_m=50.0, yaw_deg=180.0)
    assert area.share == pytest.approx(1.0, abs=0.002)


def test_a_photograph_turned_aside_or_taken_low_shows_less_and_one_on_the_ground_nothing() -> None:
    across_m, along_m = CAMERA.footprint_m(50.0)
    middle = _at(across_m / 2, along_m / 2)
    shares = []
    for height_m, yaw_deg in ((50.0, 0.0), (50.0, 90.0), (25.0, 0.0), (0.0, 0.0)):
        area = PhotographedArea(_survey(across_m, along_m))
        area.add(position=middle, height_above_home_m=height_m, yaw_deg=yaw_deg)
        shares.append(area.share)
    assert shares == pytest.approx([1.0, 0.75, 0.25, 0.0], abs=0.01)


def test_the_bar_says_area_battery_and_distance_home() -> None:
    state = Telemetry(height_above_home_m=49.6, battery_share=0.64)
    words = flight_words(
        FlightProgress(
            phase="flying",
            state=state,
            item=7,
            items=30,
            eta_s=125.4,
            distance_home_m=212.3,
            photos=12,
            area_share=0.314,
        )
    )
    assert words == (
        "item 7/30, 50 m high, 212 m from home, 12 photographs, 31% of the area, battery 64%, lands in 2:05"
    )


def test_the_bar_leaves_out_what_is_not_known() -> None:
    words = flight_words(FlightProgress(phase="flying", state=Telemetry(), item=1, items=2))
    assert words == "item 1/2, 0 photographs, lands in 0:00"
