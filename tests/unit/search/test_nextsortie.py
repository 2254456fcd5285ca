"""The next sorties: inside the fence, within the minutes, apart; refusals say what to change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import shapely

from airbeat.checks.plan import check_plan
from airbeat.errors import PlanningError
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.mission.legs import legs
from airbeat.mission.mission import Mission, MissionKind, TrackLinePattern
from airbeat.mission.plan import Fence, FencePolygon, ItemRole
from airbeat.planning.separation import Track
from airbeat.search.detection import johnson_curve
from airbeat.search.grid import ProbabilityMap, SearchGrid
from airbeat.search.nextsortie import Searcher, plan_next
from airbeat.search.starts import starts_apart_s
from airbeat.search.sweepwidth import lateral_range
from airbeat.vehicle.airframe import airframe_profile
from airbeat.vehicle.camera import camera_profile

FRAME = LocalFrame(LatLon(lat_deg=47.3, lon_deg=11.4))
GRID = SearchGrid(frame=FRAME, west_m=-600.0, south_m=-600.0, cell_m=30.0, rows=40, columns=40)
CAMERA = camera_profile("embedded-12mp")
FULL = np.ones(GRID.shape)


def ring(x0: float, y0: float, x1: float, y1: float) -> tuple[LatLon, ...]:
    return tuple(FRAME.to_latlon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]))


FENCE = Fence(
    polygons=(
        FencePolygon(inclusion=True, vertices=ring(-620, -620, 620, 620)),
        FencePolygon(inclusion=False, vertices=ring(-20, -20, 120, 90)),
    ),
    max_height_m=120.0,
)


def searcher(height_m: float = 60.0, **changes: Any) -> Searcher:
    home = FRAME.to_latlon([(-100.0, -500.0)])[0]
    mission = Mission(
        name="drone",
        kind=MissionKind.SEARCH,
        home=home,
        pattern=TrackLinePattern(line=(home, home)),
        height=Altitude(value_m=height_m, datum=AltitudeDatum.HOME),
        speed_m_s=9.0,
        camera=CAMERA,
        airframe=airframe_profile("arducopter-quad"),
        fence=FENCE,
        margin_m=5.0,
    )
    lateral = lateral_range(CAMERA, height_m, johnson_curve())
    return Searcher(mission=replace(mission, **changes), lateral=lateral)


def here(east_m: float = 100.0, north_m: float = 50.0) -> ProbabilityMap:
    x, y = np.meshgrid(GRID.x_m(), GRID.y_m())
    return ProbabilityMap.normalised(
        GRID, np.exp(-(((x - east_m) ** 2 + (y - north_m) ** 2) / 200.0**2)), 0.2
    )


def test_sorties_end_in_time_inside_the_fence_and_find_what_they_say() -> None:
    found = plan_next(here(), FULL, [searcher()], minutes=9.0)

    (sortie,) = found.sorties
    assert sortie.plan.estimate is not None
    assert 0.95 * 540 < sortie.plan.estimate.duration_s <= 540.0
    assert [str(f) for f in check_plan(sortie.plan) if f.severity.value == "error"] == []
    path = FRAME.to_xy(sortie.line)
    strip = shapely.LineString(path).buffer(found.spacing_m / 2)
    inside = shapely.contains_xy(strip, *np.meshgrid(GRID.x_m(), GRID.y_m()))
    assert found.found == pytest.approx(found.detection * float(here().poa[inside].sum()), rel=0.05)
    assert 0.5 * found.bound < found.found <= found.bound


def test_two_drones_share_the_ground_and_the_work() -> None:
    alone = plan_next(here(), FULL, [searcher(60.0)], minutes=7.0)

    both = plan_next(here(), FULL, [searcher(60.0), searcher(65.0)], minutes=7.0)

    strips = [
        shapely.LineString(FRAME.to_xy(s.line)).buffer(0.45 * both.spacing_m, cap_style="flat")
        for s in both.sorties
    ]
    assert len(strips) == 2
    assert strips[0].intersection(strips[1]).area < 0.12 * min(s.area for s in strips)
    assert both.found > 1.15 * alone.found
    times = [s.plan.estimate.duration_s for s in both.sorties if s.plan.estimate]
    assert 0.95 * 420 < min(times) <= max(times) <= 420
    heights = {s.mission.height.value_m for s in both.sorties}
    assert heights == {60.0, 65.0}


def test_two_drones_are_never_near_one_another_at_one_height() -> None:
    both = plan_next(here(), FULL, [searcher(60.0), searcher(65.0)], minutes=7.0)

    heights = []
    for sortie in both.sorties:
        level = [leg for leg in legs(sortie.plan) if leg.role is not ItemRole.TAKEOFF]
        ends = [a for leg in level for a in (leg.start_altitude, leg.end_altitude) if a is not None]
        assert {a.datum for a in ends} == {AltitudeDatum.HOME}
        heights.append({a.value_m for a in ends if a.value_m > 0})
    assert heights == [{60.0}, {65.0}]
    first, second = both.sorties
    assert first.start_s == 0.0
    climb_s = first.mission.airframe.climb_time_s(60.0)
    assert first.plan.estimate is not None
    assert climb_s <= second.start_s < first.plan.estimate.duration_s / 4


def test_a_flight_waits_while_another_passes_through_its_column() -> None:
    crossing = Track(
        drone=0,
        times_s=np.array([0.0, 100.0]),
        xy=np.array([[-500.0, 0.0], [500.0, 0.0]]),
        spans=((0.0, 100.0, 60.0, 60.0),),
    )
    climbing = Track(
        drone=1,
        times_s=np.array([0.0, 80.0]),
        xy=np.zeros((2, 2)),
        spans=((0.0, 80.0, 0.0, 65.0),),
    )

    assert starts_apart_s([crossing, climbing], swap_s=0.0) == [0.0, 55.0]
    above = replace(climbing, spans=((0.0, 80.0, 65.0, 65.0),))
    assert starts_apart_s([crossing, above], swap_s=0.0) == [0.0, 0.0]
    assert starts_apart_s([crossing, replace(climbing, drone=0)], swap_s=30.0) == [0.0, 130.0]


def test_more_minutes_than_a_battery_lasts_become_sorties_or_a_note() -> None:
    one = plan_next(here(), FULL, [searcher()], minutes=40.0)
    assert any("1 battery lasts 23.8 of 40 minutes" in note for note in one.notes)

    two = plan_next(here(), FULL, [replace(searcher(), batteries=2)], minutes=30.0)
    assert [s.number for s in two.sorties] == [1, 2]
    assert all(s.plan.estimate is not None and s.plan.estimate.batteries == 1 for s in two.sorties)


def test_no_time_for_the_ways_is_refused_with_the_minutes_to_give() -> None:
    with pytest.raises(PlanningError, match=r"2\.0 minutes are not enough.*give --minutes [4-9] or more"):
        plan_next(here(), FULL, [searcher()], minutes=2.0)


def test_a_launch_place_outside_the_fence_is_refused() -> None:
    away = FRAME.to_latlon([(0.0, -900.0)])[0]
    with pytest.raises(PlanningError, match="home lies outside the fence"):
        plan_next(here(), FULL, [searcher(home=away)], minutes=15.0)


def test_a_map_on_which_nothing_can_be_seen_is_refused() -> None:
    with pytest.raises(PlanningError, match="no probability on ground that can be seen"):
        plan_next(here(), np.zeros(GRID.shape), [searcher()], minutes=15.0)


@pytest.mark.parametrize("minutes", [0.0, -3.0, float("nan")])
def test_no_flight_time_is_refused(minutes: float) -> None:
    with pytest.raises(PlanningError, match="are no flight time"):
        plan_next(here(), FULL, [searcher()], minutes=minutes)
